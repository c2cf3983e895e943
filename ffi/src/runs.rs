//! Past syncs and received events.

use crate::boundary::{call, optional_text};
use crate::error::hc_error;
use crate::generated::{hc_received_event, hc_received_event_list, hc_run_list, hc_status};
use crate::mirror::hc_mirror;
use crate::options::impl_options;
use headcount_core::mirror::{EventQuery, RunQuery};
use std::ffi::c_char;

/// Which past syncs to return. Set all bytes to 0, then struct_size and the fields that you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_run_options {
    /// sizeof(hc_run_options).
    pub struct_size: usize,
    /// Only syncs of this directory ("dir_..."). NULL: of all directories.
    pub directory_id: *const c_char,
    /// Only syncs of this organization ("org_..."). NULL: of all organizations.
    pub organization_id: *const c_char,
    /// Only syncs whose number is less than this. For the next page: the number of the last one, from hc_run_number. 0: the newest syncs.
    pub before: i64,
    /// Largest number of syncs, 1 to 10000. 0: 100.
    pub limit: usize,
}

impl_options!(hc_run_options { directory_id, organization_id, before, limit });

/// Which received events to return. Set all bytes to 0, then struct_size and the fields that you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_event_options {
    /// sizeof(hc_event_options).
    pub struct_size: usize,
    /// Only events of this organization ("org_..."). NULL: of all organizations.
    pub organization_id: *const c_char,
    /// Only events about the user, group, directory or organization with this id. NULL: all events.
    pub subject_id: *const c_char,
    /// Only events whose number is less than this. For the next page: the number of the last one, from hc_received_event_number. 0: the newest events.
    pub before: i64,
    /// Largest number of events, 1 to 10000. 0: 100.
    pub limit: usize,
}

impl_options!(hc_event_options { organization_id, subject_id, before, limit });

/// Returns the position and the limit of a page, for which 0 means the default.
fn page(before: i64, limit: usize) -> (Option<i64>, usize) {
    (Some(before).filter(|before| *before != 0), if limit == 0 { RunQuery::default().limit } else { limit })
}

/// Returns past syncs of directories, newest first. A sync that failed before a directory was listed has one as well; one that was "already_running" has
/// none. Syncs are kept for 400 days, or for the retention if that is longer; those that changed nothing are kept for the retention.
///
/// - `mirror`: required.
/// - `options`: which syncs; may be NULL, which means the newest 100.
/// - `runs`: receives the list; free it with hc_run_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE, or HC_INVALID_ARGUMENT for a limit that is out of range.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_runs(
    mirror: *const hc_mirror,
    options: *const hc_run_options,
    runs: *mut *mut hc_run_list,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, runs, (mirror: object, options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let (directory_id, organization_id) = unsafe {
            (
                optional_text(options.directory_id, "options.directory_id")?.map(str::to_owned),
                optional_text(options.organization_id, "options.organization_id")?.map(str::to_owned),
            )
        };
        let (before, limit) = page(options.before, options.limit);
        mirror.0.runs(RunQuery { ids: None, organization_id, directory_id, before, limit }).map(hc_run_list::from)
    })
}

/// Returns a received event, and what the mirror did with it. Events of types that do not change the mirror are not stored. Events are kept for a
/// week, and pending ones for at most 37 days.
///
/// - `mirror`: required.
/// - `event_id`: "evt_...".
/// - `event`: receives the event, or NULL if none with this id is stored; free it with hc_received_event_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_event(
    mirror: *const hc_mirror,
    event_id: *const c_char,
    event: *mut *mut hc_received_event,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, event, (mirror: object, event_id: text) => Ok(mirror.0.event(event_id)?.map(hc_received_event::from)))
}

/// Returns received events, newest first. They are kept as hc_mirror_event says.
///
/// - `mirror`: required.
/// - `options`: which events; may be NULL, which means the newest 100.
/// - `events`: receives the list; free it with hc_received_event_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE, or HC_INVALID_ARGUMENT for a limit that is out of range.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_events(
    mirror: *const hc_mirror,
    options: *const hc_event_options,
    events: *mut *mut hc_received_event_list,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, events, (mirror: object, options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let (organization_id, subject_id) = unsafe {
            (
                optional_text(options.organization_id, "options.organization_id")?.map(str::to_owned),
                optional_text(options.subject_id, "options.subject_id")?.map(str::to_owned),
            )
        };
        let (before, limit) = page(options.before, options.limit);
        let query = EventQuery { ids: None, organization_id, subject_id, before, limit };
        mirror.0.events(query).map(hc_received_event_list::from)
    })
}
