//! Statuses and errors: the core's kinds as numbers, by one table that the compiler checks for completeness.

use crate::boundary::{free, look, read};
use crate::text::{Text, TextList};
use headcount_core::{Error, ErrorKind};
use std::ffi::{c_char, c_int};
use std::ptr;

/// How a call went: HC_OK, or the kind of thing that went wrong. Numbers never change; new ones may come.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum hc_status {
    /// The call did what was asked.
    HC_OK = 0,
    /// A setting is missing or malformed; the message names it.
    HC_CONFIG = 1,
    /// An argument cannot be used as it was given: NULL, an empty id, text that is not UTF-8.
    HC_INVALID_ARGUMENT = 2,
    /// The server could not be reached, or the connection broke before the whole answer had come.
    HC_CONNECTION = 3,
    /// The deadline passed first.
    HC_TIMEOUT = 4,
    /// The server answered with a status that has no kind of its own.
    HC_API = 5,
    /// 400, 409, 412 or 422: the server refused the request as it stands.
    HC_BAD_REQUEST = 6,
    /// 401: the client id, the client secret or the token was refused.
    HC_AUTHENTICATION = 7,
    /// 403: the credentials do not reach this resource.
    HC_PERMISSION_DENIED = 8,
    /// 404 or 410: there is no such resource.
    HC_NOT_FOUND = 9,
    /// 429: too many requests.
    HC_RATE_LIMIT = 10,
    /// 5xx: the server failed.
    HC_SERVER = 11,
    /// The server's answer is not what the contract says; the message names the field.
    HC_DECODE = 12,
    /// A webhook was refused; hc_error_reason says why.
    HC_WEBHOOK_VERIFICATION = 13,
    /// A sync would remove more users than the guard allows.
    HC_MASS_REMOVAL = 14,
    /// The local store failed.
    HC_STORE = 15,
    /// The caller cancelled the call.
    HC_CANCELLED = 16,
    /// A defect in headcount itself, caught at the border.
    HC_INTERNAL = 17,
}

/// The one table of kinds and statuses, with the names as C reads them.
const TABLE: &[(ErrorKind, hc_status, &std::ffi::CStr)] = &[
    (ErrorKind::Config, hc_status::HC_CONFIG, c"config"),
    (ErrorKind::InvalidArgument, hc_status::HC_INVALID_ARGUMENT, c"invalid_argument"),
    (ErrorKind::Connection, hc_status::HC_CONNECTION, c"connection"),
    (ErrorKind::Timeout, hc_status::HC_TIMEOUT, c"timeout"),
    (ErrorKind::Api, hc_status::HC_API, c"api"),
    (ErrorKind::BadRequest, hc_status::HC_BAD_REQUEST, c"bad_request"),
    (ErrorKind::Authentication, hc_status::HC_AUTHENTICATION, c"authentication"),
    (ErrorKind::PermissionDenied, hc_status::HC_PERMISSION_DENIED, c"permission_denied"),
    (ErrorKind::NotFound, hc_status::HC_NOT_FOUND, c"not_found"),
    (ErrorKind::RateLimit, hc_status::HC_RATE_LIMIT, c"rate_limit"),
    (ErrorKind::Server, hc_status::HC_SERVER, c"server"),
    (ErrorKind::Decode, hc_status::HC_DECODE, c"decode"),
    (ErrorKind::WebhookVerification, hc_status::HC_WEBHOOK_VERIFICATION, c"webhook_verification"),
    (ErrorKind::MassRemoval, hc_status::HC_MASS_REMOVAL, c"mass_removal"),
    (ErrorKind::Store, hc_status::HC_STORE, c"store"),
    (ErrorKind::Cancelled, hc_status::HC_CANCELLED, c"cancelled"),
    (ErrorKind::Internal, hc_status::HC_INTERNAL, c"internal"),
];

/// The build fails here when the core has a kind that the table above lacks, or names it otherwise.
const _: () = {
    let mut index = 0;
    assert!(TABLE.len() == ErrorKind::ALL.len());
    while index < TABLE.len() {
        let (kind, status, name) = TABLE[index];
        assert!(kind as usize == ErrorKind::ALL[index] as usize, "the table is in the order of ErrorKind::ALL");
        assert!(status as usize == index + 1, "statuses are numbered in the table's order");
        assert!(same(name.to_bytes(), kind.name().as_bytes()), "a status is called what its kind is");
        index += 1;
    }
};

const fn same(one: &[u8], other: &[u8]) -> bool {
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

pub(crate) fn status_of(kind: ErrorKind) -> hc_status {
    TABLE.iter().find(|(other, ..)| *other == kind).map_or(hc_status::HC_INTERNAL, |(_, status, _)| *status)
}

/// What went wrong: a status, a message for a person, and what the server said.
pub struct hc_error {
    error: Error,
    message: Text,
    code: Text,
    details: Text,
    request_id: Text,
    reason: Text,
    removals_directory_id: Text,
    removals_user_ids: TextList,
}

impl From<Error> for hc_error {
    fn from(error: Error) -> hc_error {
        hc_error {
            error,
            message: Text::default(),
            code: Text::default(),
            details: Text::default(),
            request_id: Text::default(),
            reason: Text::default(),
            removals_directory_id: Text::default(),
            removals_user_ids: TextList::default(),
        }
    }
}

/// Gives the caller its error, where it asked for one, and the status.
///
/// # Safety
///
/// `place` is NULL or may be written to.
pub(crate) unsafe fn report(error: Error, place: *mut *mut hc_error) -> hc_status {
    let status = status_of(error.kind());
    if !place.is_null() {
        // SAFETY: it is not NULL, so it may be written to.
        unsafe { place.write(Box::into_raw(Box::new(error.into()))) };
    }
    status
}

/// The library's version, such as "0.1.0".
///
/// - Returns a static text.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub extern "C" fn hc_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    look(|| Some(VERSION.as_ptr().cast()))
}

/// The name of a status, the same in every language: "ok", "not_found", "webhook_verification", ...
///
/// - `status`: an hc_status.
/// - Returns a static text; "unknown" for a number that is no status.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub extern "C" fn hc_status_name(status: c_int) -> *const c_char {
    let row = || TABLE.iter().find(|(_, other, _)| *other as c_int == status);
    look(|| Some(if status == 0 { c"ok" } else { row().map_or(c"unknown", |(.., name)| *name) }.as_ptr()))
}

/// The status that the call returned.
///
/// - `error`: may be NULL, which is HC_OK.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_status(error: *const hc_error) -> hc_status {
    read!(error => status_of(error.error.kind()))
}

/// What went wrong, in one line: what was expected, what came, what was being done. It never holds a secret.
///
/// - `error`: may be NULL, which gives NULL.
/// - Returns text owned by `error`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_message(error: *const hc_error) -> *const c_char {
    read!(error => error.message.of_display(Some(&error.error)))
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
    read!(error => error.code.of_option(error.error.code()))
}

/// The `details` of the server's error body, as JSON text.
///
/// - `error`: may be NULL, which gives NULL.
/// - Returns text owned by `error`, or NULL where the server sent none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_details(error: *const hc_error) -> *const c_char {
    read!(error => error.details.of_option(error.error.details()))
}

/// The server's id of the request, for its support desk.
///
/// - `error`: may be NULL, which gives NULL.
/// - Returns text owned by `error`, or NULL where the server sent none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_request_id(error: *const hc_error) -> *const c_char {
    read!(error => error.request_id.of_option(error.error.request_id()))
}

/// Why a webhook or its secret was refused: "missing_header", "invalid_timestamp", "too_old", "too_new", "no_match",
/// "invalid_secret", "body_too_large" or "malformed_event".
///
/// - `error`: may be NULL, which gives NULL.
/// - Returns text owned by `error`, or NULL where the error is of another kind.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_error_reason(error: *const hc_error) -> *const c_char {
    read!(error => error.reason.of_option(error.error.reason().map(|reason| reason.name())))
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
        error.removals_directory_id.of_option(error.error.removals().map(|removals| removals.directory_id.as_str()))
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
        ids.map_or(ptr::null(), |ids| error.removals_user_ids.at(ids, index))
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

impl crate::boundary::Nothing for hc_status {
    const NOTHING: Self = hc_status::HC_OK;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn every_kind_has_the_status_of_its_name() {
        for kind in ErrorKind::ALL {
            let status = status_of(*kind);
            assert_eq!(format!("{status:?}"), format!("HC_{}", kind.name().to_uppercase()));
            // SAFETY: the name is static.
            let name = unsafe { CStr::from_ptr(hc_status_name(status as c_int)) };
            assert_eq!(name.to_str(), Ok(kind.name()));
        }
    }
}
