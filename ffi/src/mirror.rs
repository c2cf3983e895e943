//! The mirror: opening, webhooks, account links and roles. Users and groups are in `mirrored`, syncs in `sync`, the feed in
//! `change`.

use crate::boundary::{Out, array, call, free, optional_text, read, text, value_or_absent};
use crate::client::hc_client;
use crate::error::hc_error;
use crate::event::hc_event;
use crate::generated::outcome;
use crate::generated::{hc_outcome, hc_status};
use crate::options::{growing, reserved, tri_state, unless_zero};
use crate::replay::HC_RETENTION_NONE;
use crate::text::TextList;
use crate::webhook::{hc_header, request, time};
use headcount_core::{Error, MirrorBuilder, Outcome, Result, Webhook, blocking};
use std::ffi::{c_char, c_int, c_void};
use std::time::Duration;

/// For guard_users and guard_share: no user may be removed without approval. (0 means the default.)
pub const HC_GUARD_NOBODY: i64 = -1;

/// A durable local copy of all directories, with a feed of changes. Thread-safe: any number of threads may use it at once. A
/// forked child may use it as well, unless it is in memory.
pub struct hc_mirror(pub(crate) blocking::Mirror);

/// Settings of a mirror. Set all bytes to 0, then struct_size and the fields that you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_mirror_options {
    /// sizeof(hc_mirror_options).
    pub struct_size: usize,
    /// Number of users of a directory that may lose access within the guard's window without approval. The limit is lower for a small
    /// directory: half of its users if it has up to ten, else five or a quarter of them, whichever is more. 0 means 20.
    /// HC_GUARD_NOBODY: none.
    pub guard_users: i64,
    /// Share of the directory's users that may lose access, from 0 to 1; the larger of both limits applies, and 1 permits everything.
    /// 0 means 0.1. HC_GUARD_NOBODY: none.
    pub guard_share: f64,
    /// Largest age of the last full sync, in seconds, before HC_SYNC_AUTO runs another. 0 means 24 hours.
    pub full_every_seconds: u64,
    /// How long acknowledged changes are kept, in seconds. 0 means 30 days. HC_RETENTION_NONE: they are not kept.
    pub retention_seconds: i64,
    /// Secret for webhooks: "whsec_...", or several secrets separated by spaces. NULL: SCALEKIT_WEBHOOK_SECRET, read at the
    /// first webhook.
    pub webhook_secret: *const c_char,
    /// Whether losses of access by events are limited as well: 1 yes, -1 no, 0 the default, which is yes.
    pub guard_events: i32,
    /// Must be 0.
    pub reserved: u32,
    /// The time within which losses of access are counted together, in seconds. 0 means 24 hours.
    pub guard_window_seconds: u64,
}

growing!(hc_mirror_options {
    guard_users,
    guard_share,
    full_every_seconds,
    retention_seconds,
    webhook_secret,
    guard_events,
    reserved,
    guard_window_seconds,
});

/// Returns the name of an outcome, which is the same in every language: "applied", "duplicate", "pending", ...
///
/// - `outcome`: an hc_outcome.
/// - Returns a static text; "unknown" for a number that is no outcome.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub extern "C" fn hc_outcome_name(outcome: c_int) -> *const c_char {
    value_or_absent(|| Some(outcome::outcome_name(outcome).as_ptr()))
}

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

/// A group and the role that its members get.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_role_pair {
    /// The group's id or name, or a pattern of names: "*" matches any characters, "?" matches one.
    pub group: *const c_char,
    /// The role.
    pub role: *const c_char,
}

/// The role map: which groups give which roles.
pub struct hc_role_map {
    groups: Vec<String>,
    roles: Vec<String>,
    group_texts: TextList,
    role_texts: TextList,
}

impl From<Vec<(String, String)>> for hc_role_map {
    fn from(pairs: Vec<(String, String)>) -> hc_role_map {
        let (groups, roles) = pairs.into_iter().unzip();
        hc_role_map { groups, roles, group_texts: TextList::default(), role_texts: TextList::default() }
    }
}

/// Opens a mirror in a SQLite file, which is created if it does not exist.
///
/// - `path`: path of the file; files with the suffixes "-wal", "-shm" and "-lock" are created beside it. ":memory:" for a mirror
///   in memory. The text is copied.
/// - `client`: the client for syncs. It may be freed before the mirror. May be NULL: then syncs fail with HC_CONFIG.
/// - `options`: may be NULL, which means the defaults.
/// - `mirror`: receives the mirror; free it with hc_mirror_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE (the file is not a mirror, was written by a newer version, or cannot be read and written), HC_CONFIG (the
///   webhook secret is invalid) or HC_INVALID_ARGUMENT.
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
        blocking::Mirror::with_settings(path, client.map(|client| client.0.clone()), settings).map(hc_mirror)
    })
}

/// Frees a mirror. Its file is kept. Users, changes and iterators that it gave stay valid.
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
        // SAFETY: by the header's conventions, both arrays hold as many items as their lengths say.
        let (headers, body) = unsafe { request(headers, headers_len, body, body_len) }?;
        outcome_of(mirror.0.receive(&headers, body)?)
    })
}

/// hc_mirror_receive with another current time: for a request that a queue kept, the time at which it arrived.
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
        // SAFETY: by the header's conventions, both arrays hold as many items as their lengths say.
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
/// - Fails with HC_WEBHOOK_VERIFICATION if its data does not match its type, HC_STORE or HC_INVALID_ARGUMENT.
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

/// Replaces the role map: which groups give which roles. Each user whose roles change gets a "roles.changed" in the feed.
///
/// - `mirror`: required.
/// - `pairs`: `pairs_len` pairs of a group and a role. They are copied.
/// - `pairs_len`: number of pairs; 0 removes all roles.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_set_role_map(
    mirror: *const hc_mirror,
    pairs: *const hc_role_pair,
    pairs_len: usize,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (mirror: object) => {
        // SAFETY: by the header's conventions, `pairs` holds `pairs_len` pairs.
        let pairs: &[hc_role_pair] = unsafe { array(pairs, pairs_len, "pairs") }?;
        let pair = |(index, pair): (usize, &hc_role_pair)| {
            // SAFETY: the texts are NULL or NUL-terminated, and alive during this call.
            unsafe {
                Ok((
                    text(pair.group, format_args!("pairs[{index}].group"))?,
                    text(pair.role, format_args!("pairs[{index}].role"))?,
                ))
            }
        };
        mirror.0.set_role_map(pairs.iter().enumerate().map(pair).collect::<Result<Vec<_>>>()?)
    })
}

/// The role map: which groups give which roles.
///
/// - `mirror`: required.
/// - `role_map`: receives the pairs, in the order in which they were set; free it with hc_role_map_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_role_map(
    mirror: *const hc_mirror,
    role_map: *mut *mut hc_role_map,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, role_map, (mirror: object) => mirror.0.role_map().map(hc_role_map::from))
}

/// How many pairs there are.
///
/// - `role_map`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_role_map_len(role_map: *const hc_role_map) -> usize {
    read!(role_map => role_map.groups.len())
}

/// The group of the pair at an index.
///
/// - `role_map`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns text owned by `role_map`, or NULL if `index` is out of range.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_role_map_group_at(role_map: *const hc_role_map, index: usize) -> *const c_char {
    read!(role_map => role_map.group_texts.at(&role_map.groups, index))
}

/// The role of the pair at an index.
///
/// - `role_map`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns text owned by `role_map`, or NULL if `index` is out of range.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_role_map_role_at(role_map: *const hc_role_map, index: usize) -> *const c_char {
    read!(role_map => role_map.role_texts.at(&role_map.roles, index))
}

/// Frees a role map and the texts that came from it.
///
/// - `role_map`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_role_map_free(role_map: *mut hc_role_map) {
    free!(role_map);
}

/// Reads the options of a mirror.
///
/// # Safety
///
/// Texts in `options` are NULL, or NUL-terminated and alive during the call.
unsafe fn settings(options: &hc_mirror_options) -> Result<MirrorBuilder> {
    reserved(options.reserved, "options.reserved")?;
    let mut settings = headcount_core::Mirror::builder();
    macro_rules! set {
        ($($setting:ident: $value:expr;)*) => { $(if let Some(value) = $value { settings = settings.$setting(value); })* };
    }
    // SAFETY: this function's contract.
    let secret = unsafe { optional_text(options.webhook_secret, "options.webhook_secret") }?;
    set! {
        guard_users: count(options.guard_users, HC_GUARD_NOBODY, "options.guard_users", "HC_GUARD_NOBODY")?;
        guard_share: share(options.guard_share)?;
        guard_events: tri_state(options.guard_events, "options.guard_events")?;
        guard_window: unless_zero(options.guard_window_seconds).map(Duration::from_secs);
        full_every: unless_zero(options.full_every_seconds).map(Duration::from_secs);
        retention: count(options.retention_seconds, HC_RETENTION_NONE, "options.retention_seconds", "HC_RETENTION_NONE")?.map(Duration::from_secs);
        webhook: secret.map(|secret| Webhook::builder().secret(secret).build()).transpose()?;
    }
    Ok(settings)
}

/// Reads a number of options: 0 means that it was not set (`None`), and `none` means the number 0.
fn count(given: i64, none: i64, name: &str, none_name: &str) -> Result<Option<u64>> {
    match given {
        0 => Ok(None),
        given if given == none => Ok(Some(0)),
        given => u64::try_from(given).map(Some).map_err(|_| {
            Error::invalid_argument(format!("{name} is {given}: expected a number, 0 (the default) or {none_name}"))
        }),
    }
}

/// Reads options.guard_share: 0 means that it was not set (`None`), and HC_GUARD_NOBODY means the share 0.
fn share(given: f64) -> Result<Option<f64>> {
    if given == HC_GUARD_NOBODY as f64 {
        Ok(Some(0.0))
    } else if (0.0..=1.0).contains(&given) {
        Ok(unless_zero(given))
    } else {
        Err(Error::invalid_argument(format!("options.guard_share is {given}: expected 0.0 to 1.0, or HC_GUARD_NOBODY")))
    }
}
