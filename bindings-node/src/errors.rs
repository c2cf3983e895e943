//! Passes errors to JavaScript: as a plain `Error` whose message is the JSON of the error's fields. `errors.js` converts it to an instance of the
//! error's class.

use crate::json;
use headcount::{Error, ErrorKind};

/// Returns the name and the JavaScript class of every kind of error. The tests compare them with `errors.js`.
#[napi_derive::napi]
pub fn error_classes() -> Vec<Vec<String>> {
    ErrorKind::ALL.iter().map(|kind| vec![kind.name().to_owned(), kind.class_name().to_owned()]).collect()
}

/// Converts an error to the one that Node-API throws.
pub(crate) fn thrown(error: Error) -> napi::Error {
    // Serializing strings and numbers does not fail. If it did, the message would be the error's text, which `errors.js` leaves as it is.
    napi::Error::from_reason(json::string(&error).unwrap_or_else(|_| error.to_string()))
}
