//! What the answers of the API have in common: lists, errors, and how parts of requests are read.

use axum::body::Body;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use headcount::{Error, ErrorKind, ErrorStatus};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::time::Duration;
use utoipa::ToSchema;

/// The largest body of a request of the API, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// How long the body of a request may take to arrive.
pub(super) const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A part of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct Items<T> {
    items: Vec<T>,
    /// The value of `after` for the next part; null after the last one.
    next: Option<String>,
}

impl<T> Items<T> {
    pub(super) fn all(items: Vec<T>) -> Items<T> {
        Items { items, next: None }
    }

    /// Makes the answer of a list that is read by the numbers of its items. There may be more of them if it has as many as were asked for.
    pub(super) fn numbered(items: Vec<T>, limit: usize, number: impl Fn(&T) -> i64) -> Items<T> {
        let next = items.last().map(number).filter(|_| items.len() == limit);
        Items::page(items, next)
    }

    pub(super) fn page(items: Vec<T>, next: Option<i64>) -> Items<T> {
        Items { items, next: next.map(|next| next.to_string()) }
    }
}

/// The answer to a request that failed.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    kind: ErrorKind,
    message: String,
    is_temporary: bool,
    retry_after: Option<Duration>,
}

/// The body of the answer to a request that failed.
#[derive(Serialize, ToSchema)]
pub(super) struct Failed {
    error: Details,
}

/// What was wrong.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
struct Details {
    /// The kind of the error, such as `invalid_argument` or `not_found`: see the kinds of errors in the documentation of headcount.
    kind: &'static str,
    /// What was wrong and what to do, in English. It has no personal data.
    message: String,
    /// Whether the same request may succeed later.
    temporary: bool,
    /// After how many seconds to try again; null if the server does not say.
    retry_after: Option<f64>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, kind: ErrorKind, message: impl Into<String>) -> Problem {
        Problem { status, kind, message: message.into(), is_temporary: false, retry_after: None }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, ErrorKind::InvalidArgument, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, ErrorKind::NotFound, message)
    }

    pub(super) fn unauthenticated() -> Problem {
        let message =
            "expected the header `authorization: Bearer` with a token of this service, got none or a wrong one";
        Problem::new(StatusCode::UNAUTHORIZED, ErrorKind::Authentication, message)
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, ErrorKind::PermissionDenied, message)
    }

    pub(super) fn too_many(retry_after: Duration) -> Problem {
        let message = "too many wrong tokens from this address: use a right one, or wait";
        Problem {
            is_temporary: true,
            retry_after: Some(retry_after),
            ..Problem::new(StatusCode::TOO_MANY_REQUESTS, ErrorKind::RateLimit, message)
        }
    }

    pub(super) fn too_slow() -> Problem {
        let message = format!("the body of the request did not arrive within {} s", BODY_TIMEOUT.as_secs());
        Problem { is_temporary: true, ..Problem::new(StatusCode::REQUEST_TIMEOUT, ErrorKind::Timeout, message) }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<Error> for Problem {
    /// Makes the answer to an error of a call of headcount. Errors of the vendor's API, which the call has used, are those of a gateway.
    fn from(error: Error) -> Problem {
        let is_temporary = error.status() != ErrorStatus::Permanent;
        let status = match error.kind() {
            ErrorKind::InvalidArgument => StatusCode::BAD_REQUEST,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::MassRemoval | ErrorKind::Config => StatusCode::CONFLICT,
            ErrorKind::HistoryTrimmed => StatusCode::GONE,
            ErrorKind::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Store if is_temporary => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
            ErrorKind::Connection
            | ErrorKind::Api
            | ErrorKind::BadRequest
            | ErrorKind::Authentication
            | ErrorKind::PermissionDenied
            | ErrorKind::RateLimit
            | ErrorKind::Server
            | ErrorKind::Decode => StatusCode::BAD_GATEWAY,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            tracing::warn!(target: "headcount", "a request failed: {error}");
        }
        Problem {
            status,
            kind: error.kind(),
            message: error.to_string(),
            is_temporary,
            retry_after: error.retry_after(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Failed {
            error: Details {
                kind: self.kind.name(),
                message: self.message,
                temporary: self.is_temporary,
                retry_after: self.retry_after.map(|wait| wait.as_secs_f64()),
            },
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after {
            headers.insert(
                RETRY_AFTER,
                wait.as_secs_f64().ceil().max(1.0).to_string().parse().unwrap_or(HeaderValue::from_static("1")),
            );
        }
        response
    }
}

/// Returns the answer to a method that a path does not have.
pub(super) async fn wrong_method(request: Request) -> Response {
    let message = format!("{} is not a method of this path: see /openapi.json", request.method());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, ErrorKind::InvalidArgument, message).into_response()
}

/// The parameters in the query of a request.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Query<T>, Problem> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        query
            .map(|axum::extract::Query(value)| Query(value))
            .map_err(|error: QueryRejection| Problem::invalid(error.body_text()))
    }
}

/// The parameters in the path of a request.
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Path<T>, Problem> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Path(value))
            .map_err(|error: PathRejection| Problem::invalid(error.body_text()))
    }
}

/// The body of a request, and of an answer.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Json<T>, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read_body(body, MAX_BODY).await?;
        let request = Request::from_parts(parts, Body::from(bytes));
        // An object first, because serde reads an array as the fields of a struct.
        let object = axum::Json::<Map<String, Value>>::from_request(request, state).await;
        let axum::Json(object) = object.map_err(|error: JsonRejection| {
            let status = match error.status() {
                StatusCode::UNSUPPORTED_MEDIA_TYPE => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                _ => StatusCode::BAD_REQUEST,
            };
            Problem::new(status, ErrorKind::InvalidArgument, error.body_text())
        })?;
        // In JSON Schema, a number such as 1.0 is an integer.
        let object = object.into_iter().map(|(name, value)| (name, without_fraction(value)));
        let value = T::deserialize(Value::Object(object.collect()));
        value.map(Json).map_err(|error| Problem::invalid(format!("the body of the request: {error}")))
    }
}

/// Returns a number that has no fraction as an integer, and any other value as it is.
fn without_fraction(value: Value) -> Value {
    // A double represents integers up to this one exactly.
    const MOST: f64 = (1_u64 << 53) as f64;
    match value.as_f64().filter(|number| !value.is_i64() && number.fract() == 0.0 && number.abs() <= MOST) {
        Some(number) => Value::from(number as i64),
        None => value,
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
///
/// 413 for a larger one, 408 for one that does not arrive in time, and 400 for one that ends early.
pub(super) async fn read_body(body: Body, limit: usize) -> Result<axum::body::Bytes, Problem> {
    let too_large = || {
        let message = format!("expected a body of at most {limit} bytes, got more");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorKind::InvalidArgument, message)
    };
    // The declared length is checked before any of the body is read.
    if http_body::Body::size_hint(&body).lower() > limit as u64 {
        return Err(too_large());
    }
    let read = tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, limit)).await;
    read.map_err(|_| Problem::too_slow())?.map_err(|error| {
        let mut causes =
            std::iter::successors(Some(&error as &(dyn std::error::Error + 'static)), |error| error.source());
        match causes.any(|cause| cause.is::<http_body_util::LengthLimitError>()) {
            true => too_large(),
            false => Problem::invalid("the body of the request ended early"),
        }
    })
}
