//! Errors: one crosses as the JSON of its parts, in the message of a plain `Error`; `errors.js` makes its class of them.

use headcount::{Error, ErrorKind};

/// Every kind's class in `errors.js`, by the kind's name. For the tests, which prove the classes complete.
#[napi_derive::napi]
pub fn error_classes() -> Vec<Vec<String>> {
    ErrorKind::ALL.iter().map(|kind| vec![kind.name().to_owned(), kind.class_name().to_owned()]).collect()
}

/// What is thrown for an error.
pub(crate) fn thrown(error: Error) -> napi::Error {
    napi::Error::from_reason(parts(&error))
}

/// Returns the error's JSON form of the core, with names in camel case.
pub(crate) fn parts(error: &Error) -> String {
    // An error's parts are plain texts and numbers, so serializing them cannot fail.
    let mut parts = serde_json::to_value(error).unwrap_or_default();
    if let Some(parts) = parts.as_object_mut() {
        for (snake, camel) in [
            ("request_id", "requestId"),
            ("retry_after", "retryAfter"),
            ("directory_id", "directoryId"),
            ("user_ids", "userIds"),
        ] {
            if let Some(value) = parts.remove(snake) {
                parts.insert(camel.to_owned(), value);
            }
        }
    }
    parts.to_string()
}
