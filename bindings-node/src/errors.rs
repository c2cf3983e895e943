//! Passes errors to JavaScript: as a plain `Error` whose message is the JSON of the error's fields. `errors.js` converts it to an instance of the
//! error's class.

use crate::json;
use headcount::{Error, ErrorKind};

/// Options and calls whose names are in the core's messages: the name in Rust and the name in JavaScript.
const NAMES: &[(&str, &str)] = &[
    ("attempt_timeout", "attemptTimeoutMs"),
    ("connect_timeout", "connectTimeoutMs"),
    ("max_attempts", "maxAttempts"),
    ("max_concurrency", "maxConcurrency"),
    ("max_response_bytes", "maxResponseBytes"),
    ("user_agent_suffix", "userAgentSuffix"),
    ("ca_file", "caFile"),
    ("page_size", "pageSize"),
    ("page_token", "pageToken"),
    ("updated_after", "updatedAfter"),
    ("approve_removals", "approveRemovals"),
    ("guard_share", "guardShare"),
    ("guard_users", "guardUsers"),
    ("guard_window", "guardWindowSeconds"),
    ("full_every", "fullEverySeconds"),
    ("deletion_grace", "deletionGraceSeconds"),
    ("start_from_snapshot", "startFromSnapshot"),
    ("set_role_map", "setRoleMap"),
    ("unbind_environment", "unbindEnvironment"),
    ("prepared_statements", "preparedStatements"),
];

/// Returns the name and the JavaScript class of every kind of error. The tests compare them with `errors.js`.
#[napi_derive::napi]
pub fn error_classes() -> Vec<Vec<String>> {
    ErrorKind::ALL.iter().map(|kind| vec![kind.name().to_owned(), kind.class_name().to_owned()]).collect()
}

/// Converts an error to the one that Node-API throws.
pub(crate) fn thrown(error: Error) -> napi::Error {
    // Serializing strings and numbers does not fail. If it did, the message would be the error's text, which `errors.js` leaves as it is.
    let mut text = json::string(&error).unwrap_or_else(|_| error.to_string());
    // An error with a status may contain text of the server, which must not be changed.
    if error.http_status().is_none() {
        for (rust, node) in NAMES {
            if text.contains(rust) {
                text = text.replace(rust, node);
            }
        }
    }
    napi::Error::from_reason(text)
}
