//! Backups and metrics of a mirror, and the users whom an application knows and the mirror lacks.

use crate::boundary::{array, call, optional_text, text};
use crate::error::hc_error;
use crate::generated::hc_status;
use crate::mirror::hc_mirror;
use crate::options::{impl_options, moment};
use crate::sync::yes;
use crate::text_handles::{hc_text, hc_text_list};
use headcount_core::Result;
use headcount_core::mirror::{MetricsOptions, ReconcileOptions};
use std::ffi::c_char;

/// Options of hc_mirror_reconcile. Set `struct_size` to sizeof(hc_reconcile_options), and other fields to 0 for their defaults.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_reconcile_options {
    /// sizeof(hc_reconcile_options).
    pub struct_size: usize,
    /// "org_...": only users of this organization are given, so only its directories need a full sync. NULL: users of all organizations.
    pub organization_id: *const c_char,
    /// Full syncs that began before this time do not count: RFC 3339 text, or a date, which means 00:00 UTC. NULL: the time at which the mirror was opened,
    /// because the store may have been restored before.
    pub since: *const c_char,
}

impl_options!(hc_reconcile_options { organization_id, since });

/// Writes a backup of the mirror to a new file, while the mirror is in use: for a mirror in a file or in memory. The backup is a mirror's file with
/// everything that was in the mirror at one moment, durable when this returns, and only its owner can read and write it. If the call fails, it leaves no
/// file.
///
/// To restore it, stop all processes that use the mirror, delete the mirror's file and the files beside it that end with -wal and -shm, and copy the
/// backup in its place. Then run a full sync and call hc_mirror_reconcile. The backup has the mirror's id: do not use both at once.
///
/// - `mirror`: required.
/// - `path`: the path of a file that does not exist.
/// - `error`: may be NULL.
/// - Fails with HC_CONFIG (the path is empty, ":memory:", a URL, or that of the mirror's own file), HC_STORE (there is a file; the folder does not exist or
///   cannot be written; the disk is full; the mirror is in PostgreSQL, which has pg_dump), HC_CANCELLED (the mirror was closed during the backup) or
///   HC_INVALID_ARGUMENT (the mirror was closed before).
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_backup(
    mirror: *const hc_mirror,
    path: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (mirror: object, path: text) => mirror.0.backup(path.as_ref()))
}

/// Returns which of these users are not in the mirror: the directory users that a program knows and that have left. For use after a store was lost or
/// restored. It only reads the mirror.
///
/// It fails while that answer could be wrong: each directory must have had a complete full sync since the mirror was opened (or since options.since), or be
/// retired, and without an organization, hc_mirror_sync_all must have listed all organizations since then. Users whose removal is held are in the mirror.
/// Deactivate the accounts of the returned users, and delete them only after a second full sync and another call have given the same answer.
///
/// - `mirror`: required.
/// - `user_ids`: ids ("diruser_..."), in any order, also several times; `user_ids_len` items. A program with many ids may pass them in several calls.
/// - `user_ids_len`: number of items.
/// - `options`: may be NULL, which means the defaults.
/// - `absent`: receives the ids that are not in the mirror, sorted, each once; free it with hc_text_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT (the answer could be wrong, and the message says what to do; an id is empty; the mirror is closed), HC_STORE or
///   HC_CANCELLED (the mirror was closed during the call).
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_reconcile(
    mirror: *const hc_mirror,
    user_ids: *const *const c_char,
    user_ids_len: usize,
    options: *const hc_reconcile_options,
    absent: *mut *mut hc_text_list,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, absent, (mirror: object, options: options) => {
        // SAFETY: by the header's conventions, `user_ids` holds `user_ids_len` pointers, each NULL or NUL-terminated, and all are alive during this call,
        // as are the texts in the options.
        let (ids, organization_id, since) = unsafe {
            let ids = array(user_ids, user_ids_len, "user_ids")?.iter().enumerate();
            let ids = ids.map(|(index, id)| text(*id, format_args!("user_ids[{index}]"))).collect::<Result<Vec<&str>>>()?;
            (ids, optional_text(options.organization_id, "options.organization_id")?, optional_text(options.since, "options.since")?)
        };
        let mut how = ReconcileOptions::default();
        how.organization_id = organization_id.map(str::to_owned);
        how.since = moment(since, "options.since")?;
        mirror.0.reconcile(ids, how).map(hc_text_list::from)
    })
}

/// Returns metrics as OpenMetrics text, for Prometheus and compatible systems. Answer with the content type HC_METRICS_CONTENT_TYPE.
///
/// Of this mirror object since it was opened: headcount_sync_duration_seconds (a histogram, by outcome), headcount_events_total (by outcome) and
/// headcount_webhooks_refused_total. Of the store: times of the last syncs, numbers of users, groups and held users of each directory, the lag of each
/// consumer, the number of pending events and of changes. No label names a user.
///
/// - `mirror`: required.
/// - `organizations`: whether metrics of a directory have the label organization, and pending events are counted for each organization: 1 yes, 0 or -1 no.
/// - `metrics`: receives the text; free it with hc_text_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE, HC_CANCELLED (the mirror was closed during the call) or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_metrics(
    mirror: *const hc_mirror,
    organizations: i32,
    metrics: *mut *mut hc_text,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, metrics, (mirror: object) => {
        let mut options = MetricsOptions::default();
        options.organizations = yes(organizations, "organizations")?;
        mirror.0.metrics(options).map(|text| hc_text::from(text.as_str()))
    })
}
