//! Runs syncs, and reads the status of directories and the users whose removal is held.

use crate::boundary::call;
use crate::error::hc_error;
use crate::generated::sync_mode::sync_mode;
use crate::generated::{hc_mirror_directory_status_list, hc_status, hc_sync_reports};
use crate::mirror::hc_mirror;
use crate::options::{impl_options, tri_state, unless_zero};
use crate::text::c_string;
use crate::text_handles::hc_text_list;
use crate::user_data::UserData;
use headcount_core::Result;
use headcount_core::blocking::SyncBuilder;
use headcount_core::mirror::Progress;
use std::ffi::{c_char, c_void};

/// Progress of a sync. The struct and its texts are valid until the callback returns. Later versions may append fields:
/// struct_size shows how many bytes are present.
#[repr(C)]
pub struct hc_sync_progress {
    /// The size of this struct in the library's version.
    pub struct_size: usize,
    /// Id of the organization, "org_...".
    pub organization_id: *const c_char,
    /// Id of the directory, "dir_...".
    pub directory_id: *const c_char,
    /// What the sync is doing: "groups", "users" or "removals". Later versions may add values.
    pub phase: *const c_char,
    /// Number of pages of this phase that were read; 0 in the phase "removals".
    pub pages: u64,
    /// Number of users or groups in those pages; in the phase "removals", number of users that were removed or held so far.
    pub items: u64,
    /// Number of users or groups in all pages of the phase, as the server counts them. In the phase "removals": number of users to remove in its first
    /// report, and -1 in the later ones.
    pub total: i64,
    /// `items` per second since the sync of the directory started; 0 if no time has passed.
    pub rate: f64,
}

/// Receives the progress of a sync after each page that was read, and during the removals.
///
/// Called during the sync: by hc_mirror_sync and hc_mirror_plan on the thread that called it, by hc_mirror_sync_all on threads of the library, of which several
/// may call it at once. It must return soon, must not call the library and must not throw a C++ exception. `user_data` is the progress_data
/// of the options.
pub type hc_sync_progress_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, progress: *const hc_sync_progress)>;

/// Options of a sync. Set all bytes to 0, then struct_size and the fields that you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_sync_options {
    /// sizeof(hc_sync_options).
    pub struct_size: usize,
    /// Receives the progress, or NULL.
    pub on_progress: hc_sync_progress_callback,
    /// Passed to the callback; may be NULL. It must be valid until the sync returns.
    pub progress_data: *mut c_void,
    /// Kind of sync: HC_SYNC_AUTO (0), HC_SYNC_FULL or HC_SYNC_INCREMENTAL.
    pub mode: i32,
    /// Whether the open holds of each synced directory are approved before its sync: 1 yes, 0 or -1 no. With 1 the sync is a full one.
    pub approve_removals: i32,
    /// Whether to report "already_running" instead of waiting if another sync or a retirement of the directory is running: 1 yes, 0 or -1 no.
    pub no_wait: i32,
    /// Number of organizations that hc_mirror_sync_all syncs at once. 0 means 16.
    pub concurrency: u32,
}

impl_options!(hc_sync_options { on_progress, progress_data, mode, approve_removals, no_wait, concurrency });

/// The caller's progress callback with its `user_data`.
pub(crate) struct ProgressCallback {
    callback: unsafe extern "C" fn(*mut c_void, *const hc_sync_progress),
    user_data: UserData,
}

impl ProgressCallback {
    /// Returns the callback of the options, or `None` if they have none.
    pub(crate) fn of(options: &hc_sync_options) -> Option<ProgressCallback> {
        Some(ProgressCallback { callback: options.on_progress?, user_data: UserData(options.progress_data) })
    }

    /// Calls the callback with the progress as a C struct.
    pub(crate) fn call(&self, progress: &Progress) {
        let [organization, directory, phase] =
            [&progress.organization_id, &progress.directory_id, progress.phase.name()].map(c_string);
        let c_progress = hc_sync_progress {
            struct_size: size_of::<hc_sync_progress>(),
            organization_id: organization.as_ptr(),
            directory_id: directory.as_ptr(),
            phase: phase.as_ptr(),
            pages: progress.pages,
            items: progress.items,
            total: progress.total.map_or(-1, |total| i64::try_from(total).unwrap_or(i64::MAX)),
            rate: progress.rate,
        };
        // SAFETY: by the header's conventions, the callback may be called from any thread with its user_data; its
        // argument is valid until it returns.
        unsafe { (self.callback)(self.user_data.0, &raw const c_progress) };
    }
}

/// Reads a field that is yes (1) or no (0 or -1).
pub(crate) fn yes(value: i32, name: &str) -> Result<bool> {
    tri_state(value, name).map(|yes| yes == Some(true))
}

/// Runs the sync that `options` describe.
fn run(sync: SyncBuilder, options: &hc_sync_options) -> Result<hc_sync_reports> {
    let mode = sync_mode(options.mode, "options.mode")?;
    let mut sync = sync
        .mode(mode)
        .approve_removals(yes(options.approve_removals, "options.approve_removals")?)
        .wait(!yes(options.no_wait, "options.no_wait")?);
    if let Some(organizations) = unless_zero(options.concurrency) {
        sync = sync.concurrency(organizations as usize);
    }
    if let Some(callback) = ProgressCallback::of(options) {
        sync = sync.on_progress(move |progress| callback.call(progress));
    }
    sync.run().map(hc_sync_reports::from)
}

/// Syncs all directories of an organization, or one of them.
///
/// - `mirror`: required.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_..."; may be NULL, which means every directory of the organization.
/// - `options`: may be NULL, which means the defaults.
/// - `reports`: receives one report per directory; free it with hc_sync_reports_free.
/// - `error`: may be NULL.
/// - Fails with HC_MASS_REMOVAL if the guard holds removals back (see hc_error_removals_count), HC_CONFIG if the mirror has no
///   client, HC_NOT_FOUND if there is no such directory, HC_CANCELLED when the mirror is closed (hc_mirror_close), HC_STORE,
///   HC_INVALID_ARGUMENT, or any status that a request can have. If the sync of one directory fails, the others are synced nevertheless.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_sync(
    mirror: *const hc_mirror,
    organization_id: *const c_char,
    directory_id: *const c_char,
    options: *const hc_sync_options,
    reports: *mut *mut hc_sync_reports,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, reports, (mirror: object, organization_id: text, directory_id: optional_text, options: options) => run(mirror.0.sync(organization_id).directory(directory_id), &options))
}

/// Syncs every directory of every organization of the environment, several organizations at once. An error in one directory is in its
/// report and does not stop the others. If listing the organizations fails partway, those that were listed are synced, and a report with
/// the organization id "" has the error.
///
/// - `mirror`: required.
/// - `options`: may be NULL, which means the defaults.
/// - `reports`: receives one report per directory; free it with hc_sync_reports_free.
/// - `error`: may be NULL.
/// - Fails with HC_CONFIG if the mirror has no client, HC_CANCELLED when the mirror is closed (hc_mirror_close), HC_STORE,
///   HC_INVALID_ARGUMENT, or any status that listing the organizations can have.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_sync_all(
    mirror: *const hc_mirror,
    options: *const hc_sync_options,
    reports: *mut *mut hc_sync_reports,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, reports, (mirror: object, options: options) => run(mirror.0.sync_all(), &options))
}

/// Returns the status of each directory, ordered by id: the times of its last syncs, its numbers of users and groups, its holds, and the number of
/// pending events.
///
/// - `mirror`: required.
/// - `statuses`: receives the list; free it with hc_mirror_directory_status_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_status(
    mirror: *const hc_mirror,
    statuses: *mut *mut hc_mirror_directory_status_list,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, statuses, (mirror: object) => mirror.0.status().map(hc_mirror_directory_status_list::from))
}

/// Returns the ids of all users whose removal from a directory the guard holds back.
///
/// - `mirror`: required.
/// - `directory_id`: "dir_...".
/// - `user_ids`: receives their ids; free it with hc_text_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_held_removals(
    mirror: *const hc_mirror,
    directory_id: *const c_char,
    user_ids: *mut *mut hc_text_list,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, user_ids, (mirror: object, directory_id: text) => mirror.0.held_removals(directory_id).map(hc_text_list::from))
}
