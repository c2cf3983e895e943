//! Errors: one crosses as the JSON of its parts, in the message of a plain `Error`; `errors.js` makes its class of them.

use headcount::{Error, ErrorKind, ErrorStatus};
use serde_json::{Map, Value, json};

/// Every kind's class in `errors.js`, by the kind's name. For the tests, which prove the classes complete.
#[napi_derive::napi]
pub fn error_classes() -> Vec<Vec<String>> {
    ErrorKind::ALL.iter().map(|kind| vec![kind.name().to_owned(), kind.class_name().to_owned()]).collect()
}

/// What is thrown for an error.
pub(crate) fn thrown(error: Error) -> napi::Error {
    napi::Error::from_reason(parts(&error))
}

/// The JSON of an error's parts.
pub(crate) fn parts(error: &Error) -> String {
    let context: Map<_, _> =
        error.context().iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))).collect();
    let details: Value = error.details().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let parts = json!({
        "class": error.kind().class_name(),
        "message": error.message(),
        "context": context,
        "reason": error.reason().map(|reason| reason.name()),
        "status": error.http_status(),
        "code": error.code(),
        "details": details,
        "requestId": error.request_id(),
        "retryAfter": error.retry_after().map(|wait| wait.as_secs_f64()),
        "temporary": error.status() != ErrorStatus::Permanent,
        "directoryId": error.removals().map(|removals| &removals.directory_id),
        "count": error.removals().map(|removals| removals.count),
        "limit": error.removals().map(|removals| removals.limit),
        "userIds": error.removals().map(|removals| &removals.user_ids),
    });
    parts.to_string()
}

/// What is thrown for a refusal of the sandbox: the class that the client has for the status.
pub(crate) fn refused(error: &headcount_sandbox::Error) -> napi::Error {
    let kind = match error.status() {
        400 | 409 => ErrorKind::BadRequest,
        404 => ErrorKind::NotFound,
        500.. => ErrorKind::Server,
        _ => ErrorKind::Api,
    };
    let parts = json!({ "class": kind.class_name(), "message": error.to_string(), "status": error.status() });
    napi::Error::from_reason(parts.to_string())
}
