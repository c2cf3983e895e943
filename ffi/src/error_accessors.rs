//! The version, the names of statuses, and the accessors of errors.

use crate::boundary::{free, look, read};
use crate::error::hc_error;
use crate::generated::status::{self, hc_status};
use std::ffi::{c_char, c_int};
use std::ptr;

/// The library's version, such as "0.1.0".
///
/// - Returns a static text.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub extern "C" fn hc_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    look(|| Some(VERSION.as_ptr().cast()))
}

/// The status that the call returned.
///
/// - `error`: may be NULL, which is HC_OK.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_status(error: *const hc_error) -> hc_status {
    read!(error => error.status())
}

/// What went wrong, in one line: what was expected, what came, what was being done. It never holds a secret.
///
/// - `error`: may be NULL, which gives NULL.
/// - Returns text owned by `error`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_message(error: *const hc_error) -> *const c_char {
    read!(error => error.cached.message.of_display(Some(&error.error)))
}

/// The HTTP status of the server's answer.
///
/// - `error`: may be NULL, which gives 0.
/// - Returns 0 where no answer came.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_http_status(error: *const hc_error) -> c_int {
    read!(error => error.error.http_status().map_or(0, c_int::from))
}

/// The vendor's code for it, such as "RESOURCE_NOT_FOUND".
///
/// - `error`: may be NULL, which gives NULL.
/// - Returns text owned by `error`, or NULL where the server sent none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_code(error: *const hc_error) -> *const c_char {
    read!(error => error.cached.code.of_option(error.error.code()))
}

/// The `details` of the server's error body, as JSON text.
///
/// - `error`: may be NULL, which gives NULL.
/// - Returns text owned by `error`, or NULL where the server sent none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_details(error: *const hc_error) -> *const c_char {
    read!(error => error.cached.details.of_option(error.error.details()))
}

/// The server's id of the request, for its support desk.
///
/// - `error`: may be NULL, which gives NULL.
/// - Returns text owned by `error`, or NULL where the server sent none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_request_id(error: *const hc_error) -> *const c_char {
    read!(error => error.cached.request_id.of_option(error.error.request_id()))
}

/// Why a webhook or its secret was refused: "missing_header", "invalid_timestamp", "too_old", "too_new", "no_match",
/// "invalid_secret", "body_too_large" or "malformed_event".
///
/// - `error`: may be NULL, which gives NULL.
/// - Returns text owned by `error`, or NULL where the error is of another kind.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_reason(error: *const hc_error) -> *const c_char {
    read!(error => error.cached.reason.of_option(error.error.reason().map(|reason| reason.name())))
}

/// How long the server asked to be left alone, in milliseconds.
///
/// - `error`: may be NULL, which gives 0.
/// - Returns -1 where the server asked for nothing.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_retry_after_ms(error: *const hc_error) -> i64 {
    read!(error => error.error.retry_after().map_or(-1, |wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)))
}

/// How many users a sync would have removed, where the guard held it back (HC_MASS_REMOVAL).
///
/// - `error`: may be NULL, which gives 0.
/// - Returns 0 where the error is of another kind.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_removals_count(error: *const hc_error) -> u64 {
    read!(error => error.error.removals().map_or(0, |removals| removals.count))
}

/// How many users the guard would have let go without asking.
///
/// - `error`: may be NULL, which gives 0.
/// - Returns 0 where the error is of another kind.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_removals_limit(error: *const hc_error) -> u64 {
    read!(error => error.error.removals().map_or(0, |removals| removals.limit))
}

/// The directory whose removals the guard held back.
///
/// - `error`: may be NULL, which gives NULL.
/// - Returns text owned by `error`, or NULL where the error is of another kind.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_removals_directory_id(error: *const hc_error) -> *const c_char {
    read!(error => {
        error.cached.removals_directory_id.of_option(error.error.removals().map(|removals| removals.directory_id.as_str()))
    })
}

/// How many of the users that would have been removed are named: a thousand at most. hc_mirror_held_removals has them all.
///
/// - `error`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_removals_user_ids_len(error: *const hc_error) -> usize {
    read!(error => error.error.removals().map_or(0, |removals| removals.user_ids.len()))
}

/// The id of the user at an index, in the order of the ids.
///
/// - `error`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns text owned by `error`, or NULL behind the last one.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_removals_user_ids_at(error: *const hc_error, index: usize) -> *const c_char {
    read!(error => {
        let ids = error.error.removals().map(|removals| removals.user_ids.as_slice());
        ids.map_or(ptr::null(), |ids| error.cached.removals_user_ids.at(ids, index))
    })
}

/// Frees an error and every text that came from it.
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
    look(|| Some(status::status_name(status).as_ptr()))
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
