//! Refusals, in the words and shapes of the vendor's API: gRPC gateway's error body.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::fmt;

/// Why the sandbox refused a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub(crate) status: u16,
    /// gRPC's number for it.
    grpc: u8,
    code: &'static str,
    message: String,
}

impl Error {
    pub(crate) fn invalid(message: impl Into<String>) -> Error {
        Error { status: 400, grpc: 3, code: "INVALID_ARGUMENT", message: message.into() }
    }

    pub(crate) fn unauthenticated(message: impl Into<String>) -> Error {
        Error { status: 401, grpc: 16, code: "UNAUTHENTICATED", message: message.into() }
    }

    pub(crate) fn not_found(what: &str) -> Error {
        Error { status: 404, grpc: 5, code: "RESOURCE_NOT_FOUND", message: format!("{what} not found") }
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Error {
        Error { status: 409, grpc: 6, code: "RESOURCE_ALREADY_EXISTS", message: message.into() }
    }

    pub(crate) fn rate_limited() -> Error {
        Error { status: 429, grpc: 8, code: "RATE_LIMIT_EXCEEDED", message: "too many requests".into() }
    }

    /// A status that a test wants to see.
    pub(crate) fn asked_for(status: u16) -> Error {
        let (grpc, code) = match status {
            401 => (16, "UNAUTHENTICATED"),
            403 => (7, "PERMISSION_DENIED"),
            404 => (5, "RESOURCE_NOT_FOUND"),
            400..=499 => (3, "INVALID_ARGUMENT"),
            503 => (14, "INTERNAL_ERROR"),
            _ => (13, "INTERNAL_ERROR"),
        };
        Error { status, grpc, code, message: "the sandbox was asked to fail".into() }
    }

    pub(crate) fn startup(message: impl Into<String>) -> Error {
        Error { status: 500, grpc: 13, code: "INTERNAL_ERROR", message: message.into() }
    }

    /// The HTTP status that REST gives it.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Converts to the library's error, for language bindings: the kind that the client has for the same answer over REST.
    pub fn into_headcount(self) -> headcount::Error {
        headcount::Error::from_http_status(self.status, Some(self.code), self.message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let detail =
            json!({ "@type": "type.googleapis.com/scalekit.v1.errdetails.ErrorInfo", "error_code": self.code });
        (status, Json(json!({ "code": self.grpc, "message": self.message, "details": [detail] }))).into_response()
    }
}
