//! Who asks for a page, and what the views share.

use super::failure::Failure;
use super::watcher::Watcher;
use crate::secrets::are_equal;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use headcount::Mirror;
use std::fmt;
use std::sync::Arc;

/// Who asks for a page. The server adds it to the extensions of each request.
#[derive(Clone)]
pub(crate) struct Viewer {
    /// Whether the viewer may decide about holds.
    pub(crate) may_write: bool,
    /// What each form of the viewer's session has in its field `csrf`, so that other sites cannot make the viewer's browser send one.
    pub(crate) csrf: String,
    /// Whether there is a session that can be ended.
    pub(crate) can_sign_out: bool,
}

impl Viewer {
    /// Checks that a form may change something: that the viewer may write, and that a page of the viewer's session made the form.
    ///
    /// # Errors
    ///
    /// 403.
    pub(super) fn check_form(&self, csrf: &str) -> Result<(), Failure> {
        if !self.may_write {
            return Err(Failure::forbidden("You may read, but not decide: that takes a token that may write."));
        }
        self.check_session(csrf)
    }

    /// Checks that a page of the viewer's session made a form.
    ///
    /// # Errors
    ///
    /// 403.
    pub(crate) fn check_session(&self, csrf: &str) -> Result<(), Failure> {
        if self.csrf.is_empty() || !are_equal(self.csrf.as_bytes(), csrf.as_bytes()) {
            return Err(Failure::forbidden(
                "The form is not from this session. Go back, reload the page, and send the form again.",
            ));
        }
        Ok(())
    }
}

impl fmt::Debug for Viewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Viewer { may_write, can_sign_out, csrf: _ } = self;
        f.debug_struct("Viewer")
            .field("may_write", may_write)
            .field("can_sign_out", can_sign_out)
            .finish_non_exhaustive()
    }
}

impl<S: Sync> FromRequestParts<S> for Viewer {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Viewer, Failure> {
        parts.extensions.get::<Viewer>().cloned().ok_or_else(|| Failure::forbidden("Sign in to see this page."))
    }
}

/// What the views share.
#[derive(Clone)]
pub(super) struct State {
    pub(super) mirror: Mirror,
    pub(super) watcher: Arc<Watcher<Mirror>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_form_has_no_token() {
        let viewer = Viewer { may_write: true, csrf: "s3cret".to_owned(), can_sign_out: false };
        assert!(!format!("{viewer:?}").contains("s3cret"));
    }

    #[test]
    fn a_session_without_a_token_accepts_no_form() {
        let viewer = Viewer { may_write: true, csrf: String::new(), can_sign_out: false };
        assert!(viewer.check_form("").is_err());
    }
}
