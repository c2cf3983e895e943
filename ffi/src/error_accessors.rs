//! The version, the names of statuses, and the accessors of errors.

use crate::boundary::{free, read, value_or_absent};
use crate::error::hc_error;
use crate::generated::status::{self, hc_status};
use std::ffi::{c_char, c_int};
use std::ptr;

/// Returns the library's version, such as "0.1.0".
///
/// - Returns a static text.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub extern "C" fn hc_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    value_or_absent(|| Some(VERSION.as_ptr().cast()))
}

/// Returns the status of the failed call.
///
/// - `error`: may be NULL, which gives HC_OK.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_status(error: *const hc_error) -> hc_status {
    read!(error => error.status())
}

/// Message of one line: what was expected, what was received and what was being done. It contains no secrets.
///
/// - `error`: may be NULL, which gives NULL.
/// - Returns text owned by `error`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_message(error: *const hc_error) -> *const c_char {
    read!(error => error.cached.message.of_display(Some(&error.error)))
}

/// HTTP status of the server's answer.
///
/// - `error`: may be NULL, which gives 0.
/// - Returns 0 if there was no answer.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_http_status(error: *const hc_error) -> c_int {
    read!(error => error.error.http_status().map_or(0, c_int::from))
}

/// The vendor's error code, such as "RESOURCE_NOT_FOUND".
///
/// - `error`: may be NULL, which gives NULL.
/// - Returns text owned by `error`, or NULL if the server sent none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_code(error: *const hc_error) -> *const c_char {
    read!(error => error.cached.code.of_option(error.error.code()))
}

/// The `details` of the server's error body, as JSON text.
///
/// - `error`: may be NULL, which gives NULL.
/// - Returns text owned by `error`, or NULL if the server sent none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_details(error: *const hc_error) -> *const c_char {
    read!(error => error.cached.details.of_option(error.error.details()))
}

/// The server's id of the request, for support inquiries.
///
/// - `error`: may be NULL, which gives NULL.
/// - Returns text owned by `error`, or NULL if the server sent none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_request_id(error: *const hc_error) -> *const c_char {
    read!(error => error.cached.request_id.of_option(error.error.request_id()))
}

/// Why a webhook or its secret was refused: "missing_header", "invalid_timestamp", "too_old", "too_new", "no_match",
/// "invalid_secret", "body_too_large" or "malformed_event".
///
/// - `error`: may be NULL, which gives NULL.
/// - Returns text owned by `error`, or NULL if the error is of another kind.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_reason(error: *const hc_error) -> *const c_char {
    read!(error => error.cached.reason.of_option(error.error.reason().map(|reason| reason.name())))
}

/// How long the server asked to wait before the next request, in milliseconds.
///
/// - `error`: may be NULL, which gives 0.
/// - Returns -1 if the server did not ask.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_retry_after_ms(error: *const hc_error) -> i64 {
    read!(error => error.error.retry_after().map_or(-1, |wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)))
}

/// Number of users whose removal the guard held back (HC_MASS_REMOVAL).
///
/// - `error`: may be NULL, which gives 0.
/// - Returns 0 if the error is of another kind.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_removals_count(error: *const hc_error) -> u64 {
    read!(error => error.error.removals().map_or(0, |removals| removals.count))
}

/// Number of the directory's users who may lose access within the guard's window without approval.
///
/// - `error`: may be NULL, which gives 0.
/// - Returns 0 if the error is of another kind.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_removals_limit(error: *const hc_error) -> u64 {
    read!(error => error.error.removals().map_or(0, |removals| removals.limit))
}

/// Id of the directory whose removals the guard held back.
///
/// - `error`: may be NULL, which gives NULL.
/// - Returns text owned by `error`, or NULL if the error is of another kind.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_removals_directory_id(error: *const hc_error) -> *const c_char {
    read!(error => {
        error.cached.removals_directory_id.of_option(error.error.removals().map(|removals| removals.directory_id.as_str()))
    })
}

/// Number of ids that hc_error_removals_user_ids_at gives: at most 1,000. hc_mirror_held_removals gives all.
///
/// - `error`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_removals_user_ids_len(error: *const hc_error) -> usize {
    read!(error => error.error.removals().map_or(0, |removals| removals.user_ids.len()))
}

/// Id of a user whose removal was held back. The ids are sorted.
///
/// - `error`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns text owned by `error`, or NULL if `index` is out of range.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_removals_user_ids_at(error: *const hc_error, index: usize) -> *const c_char {
    read!(error => {
        let ids = error.error.removals().map(|removals| removals.user_ids.as_slice());
        ids.map_or(ptr::null(), |ids| error.cached.removals_user_ids.at(ids, index))
    })
}

/// Frees an error and the texts that came from it.
///
/// - `error`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_free(error: *mut hc_error) {
    free!(error);
}

/// Returns the name of a status, which is the same in every language: "ok", "not_found", "webhook_verification", ...
///
/// - `status`: an hc_status.
/// - Returns a static text; "unknown" for a number that is no status.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub extern "C" fn hc_status_name(status: c_int) -> *const c_char {
    value_or_absent(|| Some(status::status_name(status).as_ptr()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::status::status_of;
    use headcount_core::ErrorKind;
    use std::ffi::CStr;

    #[test]
    fn every_kind_has_the_status_of_its_name_and_number() {
        for kind in ErrorKind::ALL {
            let status = status_of(*kind).unwrap();
            assert_eq!(format!("{status:?}"), format!("HC_{}", kind.name().to_uppercase()));
            assert_eq!(status as c_int, c_int::from(kind.number()));
            // SAFETY: the name is static.
            let name = unsafe { CStr::from_ptr(hc_status_name(status as c_int)) };
            assert_eq!(name.to_str(), Ok(kind.name()));
        }
    }
}
