//! Pages of errors.

use super::layout::bare;
use super::reply::reply;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use headcount::{Error, ErrorKind};
use maud::html;

/// Why there is no page. Its text has no secrets, because it is shown.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    text: String,
}

impl Failure {
    fn new(status: StatusCode, text: impl Into<String>) -> Failure {
        Failure { status, text: text.into() }
    }

    pub(super) fn not_found(text: impl Into<String>) -> Failure {
        Failure::new(StatusCode::NOT_FOUND, text)
    }

    pub(super) fn forbidden(text: impl Into<String>) -> Failure {
        Failure::new(StatusCode::FORBIDDEN, text)
    }

    pub(super) fn invalid(text: impl Into<String>) -> Failure {
        Failure::new(StatusCode::BAD_REQUEST, text)
    }

    pub(super) fn wrong_method() -> Failure {
        Failure::new(StatusCode::METHOD_NOT_ALLOWED, "This address does not take requests of this kind.")
    }
}

impl From<Error> for Failure {
    /// Makes the page of an error of the mirror. Only the text of a wrong argument is shown: other errors may name files and servers, and are logged.
    fn from(error: Error) -> Failure {
        match error.kind() {
            ErrorKind::InvalidArgument => Failure::invalid(error.message()),
            ErrorKind::NotFound => Failure::new(StatusCode::CONFLICT, error.message()),
            kind => {
                tracing::error!(target: "headcount", "a page could not be made: {}", crate::failure::message_of(&error));
                let text =
                    format!("The mirror could not be read or written ({kind}). The log of headcount has the cause.");
                Failure::new(StatusCode::INTERNAL_SERVER_ERROR, text)
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let page = bare(
            title,
            html! {
                h1 { (title) }
                p { (self.text) }
                p { a href="/" { "Overview" } }
            },
        );
        reply(self.status, page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_store_error_is_not_shown() {
        let failure = Failure::from(Error::store("postgresql://app:s3cret@db does not answer"));
        assert_eq!(failure.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!failure.text.contains("s3cret"), "{}", failure.text);
    }

    #[test]
    fn a_wrong_argument_is_a_bad_request_and_a_settled_hold_a_conflict() {
        assert_eq!(Failure::from(Error::invalid_argument("x")).status, StatusCode::BAD_REQUEST);
        assert_eq!(Failure::from(Error::new(ErrorKind::NotFound, "x")).status, StatusCode::CONFLICT);
    }
}
