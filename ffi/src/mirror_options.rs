//! The options of hc_mirror_open, which opens a mirror, and of hc_mirror_configure, which changes the settings in its store.

use crate::boundary::optional_text;
use crate::options::{impl_options, reserved, tri_state, unless_zero};
use crate::replay::HC_RETENTION_NONE;
use crate::sandbox::texts;
use headcount_core::mirror::{MirrorOptions, UserFields};
use headcount_core::{Error, MirrorBuilder, Result, Webhook};
use std::ffi::c_char;
use std::time::Duration;

/// For guard_users and guard_share: no user may lose access without approval. (0 means the default.)
pub const HC_GUARD_NOBODY: i64 = -1;

/// For consumer_expiry_seconds: consumers do not expire.
pub const HC_CONSUMERS_NEVER_EXPIRE: i64 = -1;

/// For deletion_grace_seconds in hc_mirror_configure: users who leave later are deleted at once.
pub const HC_DELETION_GRACE_NONE: i64 = -1;

/// Settings of a mirror. Set all bytes to 0, then struct_size and the fields that you need.
///
/// webhook_secret, and the fields from schema to prepared_statements, which are for PostgreSQL, belong to the handle. The other settings are kept in the store, so that all
/// processes that use it have the same. hc_mirror_open stores a setting that the store does not have yet. If the store has another value, that value stays
/// in effect, and hc_mirror_settings lists the setting as ignored: hc_mirror_configure changes it. A field that is 0 has the store's value, or the default
/// given here if the store has none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_mirror_options {
    /// sizeof(hc_mirror_options).
    pub struct_size: usize,
    /// Number of users of a directory that may lose access within the guard's window without approval. The limit is lower for a small
    /// directory: half of its users if it has at most ten, otherwise a quarter of them, but at least five. 0 means 20.
    /// HC_GUARD_NOBODY: no user.
    pub guard_users: i64,
    /// Share of the directory's users that may lose access within the guard's window, from 0 to 1. The larger of this limit and that of
    /// guard_users applies. 1 permits every loss, except removals because of a listing without users. 0 means 0.1. HC_GUARD_NOBODY: no user.
    pub guard_share: f64,
    /// Age of the last full sync, in seconds, at which a sync with HC_SYNC_AUTO is a full one again. 0 means 24 hours.
    pub full_every_seconds: u64,
    /// How long changes that all consumers have acknowledged are kept, in seconds. 0 means 30 days. HC_RETENTION_NONE: they are not kept.
    pub retention_seconds: i64,
    /// Secret for webhooks: "whsec_...", or several secrets separated by spaces. NULL: SCALEKIT_WEBHOOK_SECRET, read at the
    /// first webhook.
    pub webhook_secret: *const c_char,
    /// Whether the guard also limits losses of access by events: 1 yes, -1 no, 0 the default, which is yes.
    pub guard_events: i32,
    /// Must be 0.
    pub reserved: u32,
    /// The time within which losses of access are counted together, in seconds. 0 means 24 hours.
    pub guard_window_seconds: u64,
    /// Number of seconds without a poll or an acknowledgement after which a consumer expires: changes are no longer kept for it. Less than two
    /// hours counts as two hours. 0 means 30 days. HC_CONSUMERS_NEVER_EXPIRE: never.
    pub consumer_expiry_seconds: i64,
    /// Maximum number of pending events of an organization. 0 means 10,000.
    pub pending_events: u64,
    /// Maximum total size of the pending events of an organization, in bytes. 0 means 67,108,864 (64 MiB).
    pub pending_bytes: u64,
    /// Maximum number of groups that an event may name for a user; an event with more groups changes nothing. 0 means 10,000.
    pub groups_per_user: u64,
    /// Name of the schema in a PostgreSQL database that has the mirror's tables: lower-case letters, digits and underscores. It is created if there
    /// is none. NULL: "headcount". For a mirror in a file, this and the fields up to prepared_statements must be 0.
    pub schema: *const c_char,
    /// Maximum number of connections to PostgreSQL that the handle has open at once. 0 means 10.
    pub connections: u32,
    /// How long a call waits for another transaction in PostgreSQL, or for a free connection, before it fails, in milliseconds. 0 means 10,000.
    pub lock_timeout_ms: u32,
    /// How long a statement may take in PostgreSQL before the call fails, in milliseconds. 0 means 60,000. A connection counts as lost if the server has
    /// not answered a statement within the sum of this and lock_timeout_ms.
    pub statement_timeout_ms: u32,
    /// Whether statements are prepared, so that PostgreSQL plans each only a few times on each connection: 1 yes, -1 no, 0 the default, which is no.
    /// Prepared statements do not work through a pooler in transaction mode that does not support them, such as pgbouncer 1.18.
    pub prepared_statements: i32,
    /// How long the history is kept, which hc_mirror_history and hc_mirror_at read, in seconds. 0 means 400 days. HC_RETENTION_NONE: the mirror keeps no
    /// history. Unlike the fields before it, this one is not only for PostgreSQL: it is kept in the store.
    pub history_seconds: i64,
    /// Number of seconds after which users who left are deleted, unless they return: they are deactivated at once, and have the time of the deletion
    /// (hc_mirror_user_deletes_at). At most ten years. A change applies to users who leave later. 0 means that users who left are deleted at once.
    /// HC_DELETION_GRACE_NONE, only in hc_mirror_configure: ends a grace that the store has. Like history_seconds, this is kept in the store.
    pub deletion_grace_seconds: i64,
    /// The names of the personal fields of users that are stored, such as "email": an array of fields_len texts. Fields that are not listed are not stored
    /// anywhere: not in rows, the feed, the history or pending events. The names are "email", "given_name", "family_name", "preferred_username",
    /// "emails", "vendor_roles", "detail" and "attributes"; ids, groups, roles and whether a user is active are always stored. NULL means all fields. An
    /// array of 0 names stores none of them. Kept in the store.
    pub fields: *const *const c_char,
    /// Number of names in fields.
    pub fields_len: usize,
}

impl_options!(hc_mirror_options {
    guard_users,
    guard_share,
    full_every_seconds,
    retention_seconds,
    webhook_secret,
    guard_events,
    reserved,
    guard_window_seconds,
    consumer_expiry_seconds,
    pending_events,
    pending_bytes,
    groups_per_user,
    schema,
    connections,
    lock_timeout_ms,
    statement_timeout_ms,
    prepared_statements,
    history_seconds,
    deletion_grace_seconds,
    fields,
    fields_len,
});

/// Reads the options for opening a mirror.
///
/// # Safety
///
/// Texts in `options` are NULL, or NUL-terminated and alive during the call.
pub(crate) unsafe fn settings(options: &hc_mirror_options) -> Result<MirrorBuilder> {
    // SAFETY: this function's contract.
    let mut settings = headcount_core::Mirror::builder().settings(unsafe { stored(options) }?);
    // SAFETY: this function's contract.
    let (secret, schema) = unsafe {
        (
            optional_text(options.webhook_secret, "options.webhook_secret")?,
            optional_text(options.schema, "options.schema")?,
        )
    };
    if let Some(schema) = schema {
        settings = settings.schema(schema);
    }
    if let Some(most) = unless_zero(options.connections) {
        settings = settings.connections(most.try_into().unwrap_or(usize::MAX));
    }
    if let Some(timeout) = milliseconds(options.lock_timeout_ms) {
        settings = settings.lock_timeout(timeout);
    }
    if let Some(timeout) = milliseconds(options.statement_timeout_ms) {
        settings = settings.statement_timeout(timeout);
    }
    if let Some(prepared) = tri_state(options.prepared_statements, "options.prepared_statements")? {
        settings = settings.prepared_statements(prepared);
    }
    match secret {
        Some(secret) => Ok(settings.webhook(Webhook::builder().secret(secret).build()?)),
        None => Ok(settings),
    }
}

/// Returns the name of the first option that is set and belongs to the handle, so that it cannot be changed later, and the value that it has if it is not
/// set.
pub(crate) fn of_handle(options: &hc_mirror_options) -> Option<(&'static str, &'static str)> {
    [
        (!options.webhook_secret.is_null(), "webhook_secret", "NULL"),
        (!options.schema.is_null(), "schema", "NULL"),
        (options.connections != 0, "connections", "0"),
        (options.lock_timeout_ms != 0, "lock_timeout_ms", "0"),
        (options.statement_timeout_ms != 0, "statement_timeout_ms", "0"),
        (options.prepared_statements != 0, "prepared_statements", "0"),
    ]
    .into_iter()
    .find_map(|(is_set, name, unset)| is_set.then_some((name, unset)))
}

/// Reads those options that are settings kept in the store.
///
/// # Safety
///
/// `options.fields` is NULL, or points to `options.fields_len` texts that are NUL-terminated and alive during the call.
pub(crate) unsafe fn stored(options: &hc_mirror_options) -> Result<MirrorOptions> {
    reserved(options.reserved, "options.reserved")?;
    let retention =
        count(options.retention_seconds, HC_RETENTION_NONE, "options.retention_seconds", "HC_RETENTION_NONE")?;
    let history = count(options.history_seconds, HC_RETENTION_NONE, "options.history_seconds", "HC_RETENTION_NONE")?;
    let grace = count(
        options.deletion_grace_seconds,
        HC_DELETION_GRACE_NONE,
        "options.deletion_grace_seconds",
        "HC_DELETION_GRACE_NONE",
    )?;
    let expiry = count(
        options.consumer_expiry_seconds,
        HC_CONSUMERS_NEVER_EXPIRE,
        "options.consumer_expiry_seconds",
        "HC_CONSUMERS_NEVER_EXPIRE",
    )?;
    Ok(MirrorOptions {
        guard_users: count(options.guard_users, HC_GUARD_NOBODY, "options.guard_users", "HC_GUARD_NOBODY")?,
        guard_share: share(options.guard_share)?,
        guard_events: tri_state(options.guard_events, "options.guard_events")?,
        guard_window: unless_zero(options.guard_window_seconds).map(Duration::from_secs),
        full_every: unless_zero(options.full_every_seconds).map(Duration::from_secs),
        retention: retention.map(Duration::from_secs),
        history: history.map(Duration::from_secs),
        deletion_grace: grace.map(Duration::from_secs),
        pending_events: unless_zero(options.pending_events),
        pending_bytes: unless_zero(options.pending_bytes),
        groups_per_user: unless_zero(options.groups_per_user),
        consumer_expiry: expiry.map(Duration::from_secs),
        // SAFETY: this function's contract.
        fields: unsafe { fields(options.fields, options.fields_len) }?,
    })
}

/// Reads the names of fields: NULL means that they were not set.
///
/// # Safety
///
/// `names` is NULL, or points to `length` texts that are NUL-terminated and alive during the call.
unsafe fn fields(names: *const *const c_char, length: usize) -> Result<Option<UserFields>> {
    if names.is_null() && length == 0 {
        return Ok(None);
    }
    // SAFETY: this function's contract.
    UserFields::named(unsafe { texts(names, length, "options.fields") }?).map(Some)
}

/// Reads a duration in the options: 0 means that it was not set.
fn milliseconds(given: u32) -> Option<Duration> {
    unless_zero(given).map(|milliseconds| Duration::from_millis(milliseconds.into()))
}

/// Reads a number in the options: 0 means that it was not set (`None`), and the value `none`, whose constant is `none_name`, means the number 0.
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
