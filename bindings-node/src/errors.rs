//! Errors: one crosses the border as the JSON of its parts, in the message of a plain `Error`; `errors.js` makes an instance of its class.

use crate::json;
use headcount::{Error, ErrorKind};

/// Returns the name and the JavaScript class of every kind of error. The tests compare them with `errors.js`.
#[napi_derive::napi]
pub fn error_classes() -> Vec<Vec<String>> {
    ErrorKind::ALL.iter().map(|kind| vec![kind.name().to_owned(), kind.class_name().to_owned()]).collect()
}

/// Converts an error to the one that Node-API throws.
pub(crate) fn thrown(error: Error) -> napi::Error {
    // The parts of an error are strings and numbers: they always have a JSON form. If they had none, the text would have to do.
    napi::Error::from_reason(json::string(&error).unwrap_or_else(|_| error.to_string()))
}
