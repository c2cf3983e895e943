//! Replay guards: they record which messages were handled, so that a message that is sent twice is not handled twice.

use crate::boundary::{call, free, is_null};
use crate::error::hc_error;
use crate::event::hc_event;
use crate::generated::hc_status;
use crate::options::{impl_options, unless_zero};
use crate::text::c_string;
use crate::user_data::UserData;
use crate::webhook::time;
use headcount_core::webhook::{Replay, ReplayGuard, ReplayStore};
use headcount_core::{Error, Result, Timestamp};
use std::ffi::{c_char, c_int, c_void};
use std::time::Duration;

/// For retention_seconds of a mirror: acknowledged changes are not kept. (0 means the default.)
pub const HC_RETENTION_NONE: i64 = -1;

/// Records which messages were handled, so that a message that is delivered twice is handled once. Thread-safe: any number of threads may use it
/// at once.
///
/// Call hc_replay_guard_check before a message is handled and hc_replay_guard_commit afterwards, before answering 2xx. There is
/// no lock between the two: if one message arrives twice at the same time, or the process ends before the commit, both deliveries
/// can count as the first. Handling an event must therefore be idempotent; where it is not, use hc_replay_guard_claim.
pub struct hc_replay_guard(ReplayGuard);

/// Settings of a replay guard. Set all bytes to 0, then struct_size and the fields that you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_replay_options {
    /// sizeof(hc_replay_options).
    pub struct_size: usize,
    /// How long an id is kept after its last commit, in seconds: at least 600, twice the default tolerance of timestamps. 0: three
    /// days; the vendor repeats deliveries for 28 hours.
    pub retention_seconds: i64,
    /// Largest number of ids in memory. When it is reached, expired ids are removed first, then the oldest. 0 means 100000.
    pub capacity: u64,
}

impl_options!(hc_replay_options { retention_seconds, capacity });

/// Returns whether `message_id` was recorded and has not expired: 1 yes, 0 no, any other value for an error.
///
/// Called on the threads that use the replay guard; several threads may call it at once. It must not throw a C++ exception.
pub type hc_replay_contains = Option<unsafe extern "C" fn(user_data: *mut c_void, message_id: *const c_char) -> c_int>;

/// Records `message_id` at least until `expires_at`, in seconds since 1970-01-01 UTC, also if it was recorded before. Returns 0,
/// or any other value for an error.
///
/// Called on the threads that use the replay guard; several threads may call it at once. It must not throw a C++ exception.
pub type hc_replay_record =
    Option<unsafe extern "C" fn(user_data: *mut c_void, message_id: *const c_char, expires_at: i64) -> c_int>;

/// Records `message_id` at least until `expires_at`, in seconds since 1970-01-01 UTC, unless a record of it exists that has not expired, in one
/// atomic step. Returns 1 if it recorded the id, 0 if such a record exists, any other value for an error.
///
/// Called on the threads that use the replay guard; several threads may call it at once. It must not throw a C++ exception.
pub type hc_replay_claim =
    Option<unsafe extern "C" fn(user_data: *mut c_void, message_id: *const c_char, expires_at: i64) -> c_int>;

/// Removes `message_id` if it is recorded. Returns 0, or any other value for an error.
///
/// Called on the threads that use the replay guard; several threads may call it at once. It must not throw a C++ exception.
pub type hc_replay_release = Option<unsafe extern "C" fn(user_data: *mut c_void, message_id: *const c_char) -> c_int>;

/// The functions of an application's own store of message ids. Set all bytes to 0, then struct_size and the fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_replay_store {
    /// sizeof(hc_replay_store).
    pub struct_size: usize,
    /// Required.
    pub contains: hc_replay_contains,
    /// Required.
    pub record: hc_replay_record,
    /// Passed to all functions; may be NULL. It must be valid until the replay guard has been freed.
    pub user_data: *mut c_void,
    /// For hc_replay_guard_claim; may be NULL.
    pub claim: hc_replay_claim,
    /// For hc_replay_guard_release; may be NULL.
    pub release: hc_replay_release,
}

impl_options!(hc_replay_store { contains, record, user_data, claim, release });

/// Implements the core's `ReplayStore` with the caller's functions.
struct CallerStore {
    contains: unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int,
    record: unsafe extern "C" fn(*mut c_void, *const c_char, i64) -> c_int,
    claim: hc_replay_claim,
    release: hc_replay_release,
    user_data: UserData,
}

/// Returns the expiry in seconds, rounded up, so that no id expires early.
fn expiry(expires_at: Timestamp) -> i64 {
    expires_at.as_second().saturating_add(i64::from(expires_at.subsec_nanosecond() > 0))
}

/// Returns the error for a function that the caller's store does not have.
fn missing_function(function: &str) -> Error {
    Error::invalid_argument(format!(
        "store.{function} is NULL: set it, or use hc_replay_guard_check and hc_replay_guard_commit"
    ))
}

impl ReplayStore for CallerStore {
    fn contains(&self, message_id: &str) -> Result<bool> {
        let id = c_string(message_id);
        // SAFETY: by the header's conventions, the function may be called from this thread with its user_data; `id` is
        // valid during the call.
        match unsafe { (self.contains)(self.user_data.0, id.as_ptr()) } {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Error::store(format!("store.contains returned {other}: expected 1 (yes) or 0 (no)"))),
        }
    }

    fn record(&self, message_id: &str, expires_at: Timestamp) -> Result<()> {
        let id = c_string(message_id);
        // SAFETY: as in `contains`.
        match unsafe { (self.record)(self.user_data.0, id.as_ptr(), expiry(expires_at)) } {
            0 => Ok(()),
            other => Err(Error::store(format!("store.record returned {other}: expected 0"))),
        }
    }

    fn claim(&self, message_id: &str, expires_at: Timestamp) -> Result<bool> {
        let claim = self.claim.ok_or_else(|| missing_function("claim"))?;
        let id = c_string(message_id);
        // SAFETY: as in `contains`.
        match unsafe { claim(self.user_data.0, id.as_ptr(), expiry(expires_at)) } {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Error::store(format!("store.claim returned {other}: expected 1 (recorded now) or 0"))),
        }
    }

    fn release(&self, message_id: &str) -> Result<()> {
        let release = self.release.ok_or_else(|| missing_function("release"))?;
        let id = c_string(message_id);
        // SAFETY: as in `contains`.
        match unsafe { release(self.user_data.0, id.as_ptr()) } {
            0 => Ok(()),
            other => Err(Error::store(format!("store.release returned {other}: expected 0"))),
        }
    }
}

/// Creates a replay guard that keeps ids in the memory of this process. They are lost when the process ends.
///
/// - `options`: may be NULL, which means the defaults.
/// - `guard`: receives the replay guard; free it with hc_replay_guard_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_replay_guard_new(
    options: *const hc_replay_options,
    guard: *mut *mut hc_replay_guard,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, guard, (options: options) => {
        let capacity = unless_zero(options.capacity).map_or(ReplayGuard::CAPACITY, |count| usize::try_from(count).unwrap_or(usize::MAX));
        finish(ReplayGuard::in_memory(capacity), &options)
    })
}

/// Creates a replay guard that keeps ids in a SQLite file, which any number of processes of one machine may share. Recorded ids are
/// kept if the process crashes; a power failure can undo the latest ones.
///
/// - `path`: path of the file, which is created if it does not exist. The text is copied.
/// - `options`: may be NULL, which means the defaults. The capacity must be 0: the number of ids in a file is not limited.
/// - `guard`: receives the replay guard; free it with hc_replay_guard_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE (the file cannot be opened, has other contents, or was made by another version), HC_CONFIG (the path begins like
///   a URL) or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_replay_guard_sqlite(
    path: *const c_char,
    options: *const hc_replay_options,
    guard: *mut *mut hc_replay_guard,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, guard, (path: text, options: options) => {
        without_capacity(&options)?;
        finish(ReplayGuard::sqlite(path)?, &options)
    })
}

/// Creates a replay guard with a store of your own: in Redis, `contains` is EXISTS, `record` is SET with EXAT, `claim` is SET with NX and EXAT, and
/// `release` is DEL.
///
/// - `store`: required. It is copied.
/// - `options`: may be NULL, which means the defaults. The capacity must be 0: the number of ids in your store is not limited.
/// - `guard`: receives the replay guard; free it with hc_replay_guard_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_replay_guard_custom(
    store: *const hc_replay_store,
    options: *const hc_replay_options,
    guard: *mut *mut hc_replay_guard,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, guard, (store: required_options, options: options) => {
        without_capacity(&options)?;
        let store_of_caller = CallerStore {
            contains: store.contains.ok_or_else(|| is_null("store.contains"))?,
            record: store.record.ok_or_else(|| is_null("store.record"))?,
            claim: store.claim,
            release: store.release,
            user_data: UserData(store.user_data),
        };
        finish(ReplayGuard::new(store_of_caller), &options)
    })
}

/// Returns whether the message that carried an event was already handled. If so, answer 2xx and do nothing else. Records nothing.
///
/// - `guard`: required.
/// - `event`: required. hc_event_message_id identifies its message.
/// - `again`: receives true if the message was already handled.
/// - `error`: may be NULL.
/// - Fails with HC_STORE: answer 5xx then, so that the message is sent again; or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_replay_guard_check(
    guard: *const hc_replay_guard,
    event: *const hc_event,
    again: *mut bool,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, again, (guard: object, event: object) => guard.0.check(&event.event).map(is_again))
}

/// Records that the message that carried an event was handled.
///
/// - `guard`: required.
/// - `event`: required.
/// - `error`: may be NULL.
/// - Fails like hc_replay_guard_check does.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_replay_guard_commit(
    guard: *const hc_replay_guard,
    event: *const hc_event,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (guard: object, event: object) => guard.0.commit(&event.event))
}

/// Records that the message that carried an event is handled, unless it is recorded already, in one step: of several deliveries at the
/// same time, exactly one gets `again` = false. Call it before the message is handled, instead of hc_replay_guard_check and
/// hc_replay_guard_commit. If handling the message fails, call hc_replay_guard_release. If the process ends while it handles the message, the
/// message is not handled again.
///
/// - `guard`: required.
/// - `event`: required.
/// - `again`: receives true if the message was recorded already: answer 2xx and do nothing.
/// - `error`: may be NULL.
/// - Fails like hc_replay_guard_check does, and with HC_INVALID_ARGUMENT if a store of your own has no `claim`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_replay_guard_claim(
    guard: *const hc_replay_guard,
    event: *const hc_event,
    again: *mut bool,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, again, (guard: object, event: object) => guard.0.claim(&event.event).map(is_again))
}

/// Deletes the record of the message that carried an event, so that it is handled when it is sent again: call it after hc_replay_guard_claim if
/// handling the message failed.
///
/// - `guard`: required.
/// - `event`: required.
/// - `error`: may be NULL.
/// - Fails like hc_replay_guard_check does, and with HC_INVALID_ARGUMENT if a store of your own has no `release`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_replay_guard_release(
    guard: *const hc_replay_guard,
    event: *const hc_event,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (guard: object, event: object) => guard.0.release(&event.event))
}

/// Like hc_replay_guard_claim, for a message id.
///
/// - `guard`: required.
/// - `message_id`: the value of the header webhook-id, not "".
/// - `again`: receives true if the message was recorded already.
/// - `error`: may be NULL.
/// - Fails like hc_replay_guard_claim does.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_replay_guard_claim_id(
    guard: *const hc_replay_guard,
    message_id: *const c_char,
    again: *mut bool,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, again, (guard: object, message_id: text) => guard.0.claim_id(message_id).map(is_again))
}

/// Like hc_replay_guard_release, for a message id.
///
/// - `guard`: required.
/// - `message_id`: the value of the header webhook-id, not "".
/// - `error`: may be NULL.
/// - Fails like hc_replay_guard_release does.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_replay_guard_release_id(
    guard: *const hc_replay_guard,
    message_id: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (guard: object, message_id: text) => guard.0.release_id(message_id))
}

/// Like hc_replay_guard_check, for a message id.
///
/// - `guard`: required.
/// - `message_id`: the value of the header webhook-id, not "".
/// - `again`: receives true if the message was already handled.
/// - `error`: may be NULL.
/// - Fails like hc_replay_guard_check does.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_replay_guard_check_id(
    guard: *const hc_replay_guard,
    message_id: *const c_char,
    again: *mut bool,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, again, (guard: object, message_id: text) => guard.0.check_id(message_id).map(is_again))
}

/// Like hc_replay_guard_commit, for a message id.
///
/// - `guard`: required.
/// - `message_id`: the value of the header webhook-id, not "".
/// - `error`: may be NULL.
/// - Fails like hc_replay_guard_check does.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_replay_guard_commit_id(
    guard: *const hc_replay_guard,
    message_id: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (guard: object, message_id: text) => guard.0.commit_id(message_id))
}

/// Like hc_replay_guard_check_id, with the current time as an argument. A store of your own uses its own clock.
///
/// - `guard`: required.
/// - `message_id`: the value of the header webhook-id, not "".
/// - `now_unix_seconds`: the time to compare the retention with, in seconds since 1970-01-01 UTC.
/// - `again`: receives true if the message was already handled.
/// - `error`: may be NULL.
/// - Fails like hc_replay_guard_check does.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_replay_guard_check_id_at(
    guard: *const hc_replay_guard,
    message_id: *const c_char,
    now_unix_seconds: i64,
    again: *mut bool,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, again, (guard: object, message_id: text) => {
        guard.0.check_id_at(message_id, time(now_unix_seconds)?).map(is_again)
    })
}

/// Like hc_replay_guard_commit_id, with the current time as an argument.
///
/// - `guard`: required.
/// - `message_id`: the value of the header webhook-id, not "".
/// - `now_unix_seconds`: the start of the retention, in seconds since 1970-01-01 UTC.
/// - `error`: may be NULL.
/// - Fails like hc_replay_guard_check does.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_replay_guard_commit_id_at(
    guard: *const hc_replay_guard,
    message_id: *const c_char,
    now_unix_seconds: i64,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (guard: object, message_id: text) => guard.0.commit_id_at(message_id, time(now_unix_seconds)?))
}

/// Frees a replay guard. Ids in its file, or in a store of your own, are kept.
///
/// - `guard`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_replay_guard_free(guard: *mut hc_replay_guard) {
    free!(guard);
}

fn is_again(replay: Replay) -> bool {
    replay == Replay::Again
}

/// Applies the retention of the options, and returns the replay guard for C.
fn finish(guard: ReplayGuard, options: &hc_replay_options) -> Result<hc_replay_guard> {
    Ok(hc_replay_guard(match options.retention_seconds {
        0 => guard,
        seconds => guard.try_retention(Duration::from_secs(u64::try_from(seconds).map_err(|_| {
            Error::invalid_argument("options.retention_seconds is negative: expected seconds, at least 600")
        })?))?,
    }))
}

/// Refuses a capacity, for replay guards that have none.
fn without_capacity(options: &hc_replay_options) -> Result<()> {
    match options.capacity {
        0 => Ok(()),
        other => Err(Error::invalid_argument(format!(
            "options.capacity is {other}: expected 0, because only a guard in memory has a capacity"
        ))),
    }
}
