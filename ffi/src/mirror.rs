//! The mirror: opens, closes and copies it, receives webhooks, lists pending events, and sets account links and protections. Its settings are in `settings`, the role map
//! is in `roles`, users and groups are in `mirrored`, syncs in `sync`, holds and decisions in `holds`, and the feed in `change`, `changes` and `worker`.

use crate::boundary::{Out, call, free, read, value_or_absent};
use crate::client::hc_client;
use crate::error::hc_error;
use crate::event::hc_event;
use crate::generated::{hc_copy_report, hc_outcome, hc_pending_event_list, hc_status, outcome};
use crate::mirror_options::{hc_mirror_options, settings};
use crate::text::Text;
use crate::webhook::{hc_header, request, time};
use headcount_core::mirror::{CopyOptions, Outcome};
use headcount_core::{Error, Result, blocking};
use std::ffi::{c_char, c_int, c_void};

/// A durable local copy of all directories, with a feed of changes. Thread-safe: any number of threads may use it at once. A forked child
/// may use it as well, unless the mirror is in memory: the first call in the child opens the file again, or connects to the database again.
pub struct hc_mirror(pub(crate) blocking::Mirror, Text);

/// Returns the name of an outcome, which is the same in every language: "applied", "duplicate", "pending", ...
///
/// - `outcome`: an hc_outcome.
/// - Returns a static text; "unknown" for a number that is no outcome.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub extern "C" fn hc_outcome_name(outcome: c_int) -> *const c_char {
    value_or_absent(|| Some(outcome::outcome_name(outcome).as_ptr()))
}

/// Returns the outcome's number in C.
fn outcome_of(outcome: Outcome) -> Result<hc_outcome> {
    outcome::outcome_of(outcome).ok_or_else(|| Error::internal(format!("an outcome has no number in C: {outcome}")))
}

impl Out<hc_outcome> for *mut hc_outcome {
    fn is_null(self) -> bool {
        self.is_null()
    }

    unsafe fn clear(self) {
        // SAFETY: the trait's contract.
        unsafe { self.write(hc_outcome::HC_OUTCOME_NONE) };
    }

    unsafe fn put(self, value: hc_outcome) {
        // SAFETY: the trait's contract.
        unsafe { self.write(value) };
    }
}

/// Opens a mirror in a SQLite file, which is created if it does not exist, or in a PostgreSQL database.
///
/// - `path`: path of the file. In the same folder, files are created whose names begin with that of the file and go on with "-wal", "-shm" or "-lease-".
///   ":memory:" for a mirror in memory. A text that begins with "postgresql://" or "postgres://" is the URL of a database,
///   "postgresql://user@host/database". The text is copied.
/// - `client`: the client for syncs. It may be freed before the mirror. May be NULL: then syncs fail with HC_CONFIG.
/// - `options`: may be NULL, which means the defaults.
/// - `mirror`: receives the mirror; free it with hc_mirror_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE (the file is not a mirror, was written by a newer version, or cannot be read and written; the database cannot be reached or
///   refuses the user), HC_CONFIG (the webhook secret, the URL or the schema is invalid, or a field for
///   PostgreSQL is set for a file) or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_open(
    path: *const c_char,
    client: *const hc_client,
    options: *const hc_mirror_options,
    mirror: *mut *mut hc_mirror,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, mirror, (path: text, client: optional_object, options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let settings = unsafe { settings(&options) }?;
        blocking::Mirror::with_settings(path, client.map(|client| client.0.clone()), settings)
            .map(|mirror| hc_mirror(mirror, Text::default()))
    })
}

/// Returns the id of the mirror's store: a random UUID that the store gets when a handle that may write first opens it. All handles of one store have the
/// same id, and so does a copy that hc_mirror_copy_to makes. A program that keeps numbers of changes elsewhere can store the id with them: if it later
/// finds another id, its numbers belong to another feed. The id stays available after hc_mirror_close.
///
/// - `mirror`: may be NULL, which gives NULL.
/// - Returns text owned by `mirror`, or NULL if the store has no id and this handle may only read it.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_id(mirror: *const hc_mirror) -> *const c_char {
    read!(mirror => mirror.1.of_option(mirror.0.id()))
}

/// Closes the mirror. Running calls of hc_mirror_wait and running syncs fail with HC_CANCELLED; what the syncs have written is kept. Other running calls
/// may fail with HC_STORE if they need the store again. Returns when all writes that had begun are complete, the locks are released and the file is
/// closed; in a callback of a running call, it returns without waiting for that.
///
/// Later calls fail with HC_INVALID_ARGUMENT. With iterators that were created before, hc_change_iter_next gives NULL, and other calls may fail with
/// HC_STORE. hc_mirror_free is still required, once no call is running.
///
/// - `mirror`: required. Closing it again has no effect.
/// - `error`: may be NULL.
/// - Threads: any number at once, also while other threads wait. Do not call it in a signal handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_close(mirror: *const hc_mirror, error: *mut *mut hc_error) -> hc_status {
    call!(error, (mirror: object) => mirror.0.close())
}

/// Removes the mirror's binding to its environment: the next sync and the next event bind it again. Use it only if the environment's URL has
/// changed; a mirror must not be synced with two environments.
///
/// - `mirror`: required.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_unbind_environment(
    mirror: *const hc_mirror,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (mirror: object) => mirror.0.unbind_environment())
}

/// Copies the mirror, except for its leases, to a new file or to a PostgreSQL database. In the copy, consumers have the cursors that they have in the mirror.
/// Stop everything that writes to the mirror first: if something is written during the copy, the call fails. If it fails, nothing was copied, and it can
/// be called again.
///
/// - `mirror`: required.
/// - `target`: the path of a file, or the URL of a database, as for hc_mirror_open. The file or the schema must not have been used by a mirror.
/// - `schema`: name of the schema in PostgreSQL. NULL: "headcount". In PostgreSQL, the role has to be the owner of the schema.
/// - `report`: receives what was copied; free it with hc_copy_report_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE (the target is not empty, is the mirror itself, or cannot be opened or written; something was written to the mirror during the copy),
///   HC_CONFIG (the target is ":memory:", or the URL or the schema is invalid), HC_CANCELLED (the mirror was closed during the copy) or HC_INVALID_ARGUMENT
///   (the mirror was closed before).
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_copy_to(
    mirror: *const hc_mirror,
    target: *const c_char,
    schema: *const c_char,
    report: *mut *mut hc_copy_report,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, report, (mirror: object, target: text, schema: optional_text) => {
        let mut options = CopyOptions::default();
        options.schema = schema.map(str::to_owned);
        mirror.0.copy_to(target.as_ref(), options).map(hc_copy_report::from)
    })
}

/// Returns the pending events of an organization, oldest first: events that can be applied only after a sync. The list contains no personal
/// data.
///
/// - `mirror`: required.
/// - `organization_id`: "org_...".
/// - `events`: receives the list; free it with hc_pending_event_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_pending_events(
    mirror: *const hc_mirror,
    organization_id: *const c_char,
    events: *mut *mut hc_pending_event_list,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, events, (mirror: object, organization_id: text) => {
        mirror.0.pending_events(organization_id).map(hc_pending_event_list::from)
    })
}

/// Frees a mirror. Its file or schema is kept. Users, changes and iterators that it gave stay valid.
///
/// - `mirror`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_free(mirror: *mut hc_mirror) {
    free!(mirror);
}

/// Verifies a webhook, stores it durably and applies it. Answer 201 after HC_OK, 400 after HC_WEBHOOK_VERIFICATION, and 500
/// otherwise, so that the vendor sends it again.
///
/// - `mirror`: required.
/// - `headers`: all of the request's headers, in any order; `headers_len` items.
/// - `headers_len`: number of items.
/// - `body`: the unparsed body of the request; `body_len` bytes.
/// - `body_len`: number of bytes.
/// - `outcome`: receives the outcome; HC_OUTCOME_NONE if the call failed.
/// - `error`: may be NULL.
/// - Fails with HC_WEBHOOK_VERIFICATION and a reason (hc_error_reason), HC_CONFIG if there is no secret, HC_STORE or
///   HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_receive(
    mirror: *const hc_mirror,
    headers: *const hc_header,
    headers_len: usize,
    body: *const c_void,
    body_len: usize,
    outcome: *mut hc_outcome,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, outcome, (mirror: object) => {
        // SAFETY: by the header's conventions, both arrays hold as many items as their lengths state.
        let (headers, body) = unsafe { request(headers, headers_len, body, body_len) }?;
        outcome_of(mirror.0.receive(&headers, body)?)
    })
}

/// Like hc_mirror_receive, with the current time as an argument. For a request that waited in a queue, pass the time at which it arrived.
///
/// - `mirror`: required.
/// - `headers`: all of the request's headers, in any order; `headers_len` items.
/// - `headers_len`: number of items.
/// - `body`: the unparsed body of the request; `body_len` bytes.
/// - `body_len`: number of bytes.
/// - `now_unix_seconds`: the time to compare the timestamp with, in seconds since 1970-01-01 UTC.
/// - `outcome`: receives the outcome; HC_OUTCOME_NONE if the call failed.
/// - `error`: may be NULL.
/// - Fails like hc_mirror_receive does.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_receive_at(
    mirror: *const hc_mirror,
    headers: *const hc_header,
    headers_len: usize,
    body: *const c_void,
    body_len: usize,
    now_unix_seconds: i64,
    outcome: *mut hc_outcome,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, outcome, (mirror: object) => {
        // SAFETY: by the header's conventions, both arrays hold as many items as their lengths state.
        let (headers, body) = unsafe { request(headers, headers_len, body, body_len) }?;
        outcome_of(mirror.0.receive_at(&headers, body, time(now_unix_seconds)?)?)
    })
}

/// Applies an event that hc_webhook_verify gave, like hc_mirror_receive.
///
/// - `mirror`: required.
/// - `event`: required.
/// - `outcome`: receives the outcome; HC_OUTCOME_NONE if the call failed.
/// - `error`: may be NULL.
/// - Fails with HC_WEBHOOK_VERIFICATION if the event's data does not match its type, HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_apply(
    mirror: *const hc_mirror,
    event: *const hc_event,
    outcome: *mut hc_outcome,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, outcome, (mirror: object, event: object) => outcome_of(mirror.0.apply(&event.event)?))
}

/// Sets or clears the application's own account id of a user. Later changes of the user contain it. Syncs and events do not alter
/// it.
///
/// - `mirror`: required.
/// - `user_id`: "diruser_...".
/// - `account_id`: the account's id; NULL clears it. It is copied.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if the mirror has no such user, HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_link(
    mirror: *const hc_mirror,
    user_id: *const c_char,
    account_id: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (mirror: object, user_id: text, account_id: optional_text) => mirror.0.link(user_id, account_id))
}

/// Protects a user: from now on, no listing and no event removes or deactivates the user or takes all roles away without an approval, whatever the
/// guard's budget. What they would do is held, in a hold with the reason "protected_users". What the application asks for is not held:
/// hc_mirror_set_role_map and hc_mirror_retire. The protection ends with hc_mirror_unprotect, and when the user is removed.
///
/// - `mirror`: required.
/// - `user_id`: "diruser_...".
/// - `reason`: why the user is protected, 1 to 2,000 bytes; replaces an earlier reason. It is copied: hc_mirror_user_protection.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if the mirror has no such user, HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_protect(
    mirror: *const hc_mirror,
    user_id: *const c_char,
    reason: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (mirror: object, user_id: text, reason: text) => mirror.0.protect(user_id, reason))
}

/// Ends the protection of a user. A loss of access that is held stays held until it is approved or dismissed. Does nothing for a user who is not
/// protected.
///
/// - `mirror`: required.
/// - `user_id`: "diruser_...".
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if the mirror has no such user, HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_unprotect(
    mirror: *const hc_mirror,
    user_id: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (mirror: object, user_id: text) => mirror.0.unprotect(user_id))
}
