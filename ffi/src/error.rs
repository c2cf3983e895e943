//! The error type: the core's error with the C strings that its accessors return.
//!
//! The accessors are in `error_accessors`, which uses `boundary`; `boundary` uses this module.

use crate::generated::status::{hc_status, status_of};
use crate::text::{Text, TextList};
use headcount_core::Error;
use std::fmt::Display;

/// An error: its status, its message, and the error fields of the server's answer if there was one.
pub struct hc_error {
    pub(crate) error: Error,
    pub(crate) cached: Cached,
}

/// The C strings that accessors returned. They are valid as long as the error.
#[derive(Default)]
pub(crate) struct Cached {
    pub(crate) message: Text,
    pub(crate) code: Text,
    pub(crate) details: Text,
    pub(crate) request_id: Text,
    pub(crate) reason: Text,
    pub(crate) removals_directory_id: Text,
    pub(crate) removals_user_ids: TextList,
}

impl From<Error> for hc_error {
    fn from(error: Error) -> hc_error {
        hc_error { error, cached: Cached::default() }
    }
}

impl hc_error {
    /// Returns the status that a call with this error returns.
    pub(crate) fn status(&self) -> hc_status {
        status_of(self.error.kind()).unwrap_or(hc_status::HC_INTERNAL)
    }
}

/// Writes the error to `place` unless that is NULL, and returns its status.
///
/// # Safety
///
/// `place` is NULL or may be written to.
pub(crate) unsafe fn report(error: Error, place: *mut *mut hc_error) -> hc_status {
    let error = hc_error::from(error);
    let status = error.status();
    if !place.is_null() {
        // SAFETY: `place` is not NULL, so it may be written to.
        unsafe { place.write(Box::into_raw(Box::new(error))) };
    }
    status
}

/// Returns the error for a required argument that is NULL.
pub(crate) fn is_null(name: impl Display) -> Error {
    Error::invalid_argument(format!("{name} is NULL"))
}
