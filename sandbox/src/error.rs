//! Errors of the sandbox, and their form in the vendor's REST API: the error body of gRPC gateway.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::fmt;

/// An error of the sandbox: an HTTP status and a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub(crate) status: u16,
    /// The gRPC status code.
    grpc: u8,
    /// The vendor's error code.
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

    pub(crate) fn forbidden(message: impl Into<String>) -> Error {
        Error { status: 403, grpc: 7, code: "PERMISSION_DENIED", message: message.into() }
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

    /// Makes the error of a planned fault, with the status that the fault names.
    pub(crate) fn planned(status: u16) -> Error {
        let (grpc, code) = match status {
            401 => (16, "UNAUTHENTICATED"),
            403 => (7, "PERMISSION_DENIED"),
            404 => (5, "RESOURCE_NOT_FOUND"),
            400..=499 => (3, "INVALID_ARGUMENT"),
            503 => (14, "INTERNAL_ERROR"),
            _ => (13, "INTERNAL_ERROR"),
        };
        Error { status, grpc, code, message: "a planned fault of the sandbox".into() }
    }

    /// Makes the error of a sandbox that cannot start, or of an internal failure.
    pub(crate) fn internal(message: impl Into<String>) -> Error {
        Error { status: 500, grpc: 13, code: "INTERNAL_ERROR", message: message.into() }
    }

    /// Returns the HTTP status of the same error in the REST API.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Converts to the error that the client returns for the same answer over REST. For language bindings.
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
