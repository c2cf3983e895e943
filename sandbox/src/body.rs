//! Reading JSON bodies of requests, and responses with another status than 200.

use crate::error::Error;
use crate::input::from_value;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The body of a request, not yet read as an input.
pub(crate) type Body = Result<Json<Value>, JsonRejection>;

/// Reads a body as an input.
///
/// # Errors
///
/// 400 if it is not a JSON object with the fields of `T`.
pub(crate) fn read<T: DeserializeOwned>(body: Body) -> Result<T, Error> {
    let Json(body) = body.map_err(|error| Error::invalid(error.body_text()))?;
    from_value(body).map_err(Error::invalid)
}

/// Makes a response with status 201.
pub(crate) fn created(body: Value) -> Response {
    (StatusCode::CREATED, Json(body)).into_response()
}
