//! Syncs: a directory is listed, the mirror made to agree, and what happened reported; and what the guard held back.

use crate::boundary::call;
use crate::error::hc_error;
use crate::generated::sync_mode::sync_mode;
use crate::generated::{hc_mirror_directory_status_list, hc_status, hc_sync_reports};
use crate::mirror::hc_mirror;
use crate::options::{growing, tri_state, unless_zero};
use crate::text::c_string;
use crate::text_handles::hc_text_list;
use crate::user_data::UserData;
use headcount_core::blocking::SyncBuilder;
use headcount_core::{Progress, Result};
use std::ffi::{c_char, c_void};

/// How far a sync is. It, and its texts, live until the callback returns. Later versions may add fields behind the last one:
/// struct_size says which are there.
#[repr(C)]
pub struct hc_sync_progress {
    /// The size of this struct in the library's version.
    pub struct_size: usize,
    /// The organization.
    pub organization_id: *const c_char,
    /// The directory.
    pub directory_id: *const c_char,
    /// What the sync is doing: "groups", "users" or "removals". New ones may come.
    pub phase: *const c_char,
    /// Pages of this phase that have come.
    pub pages: u64,
    /// Users or groups in them.
    pub items: u64,
    /// How many there are in all; -1 where the server did not say.
    pub total: i64,
    /// How many come in a second.
    pub rate: f64,
}

/// Is told how far a sync is, page after page.
///
/// It is called from threads of the library's while the sync's caller waits, by several at once where several directories are synced: it
/// must return soon, must not call the library, and must not let a C++ exception out. `user_data` is the progress_data of the options.
pub type hc_sync_progress_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, progress: *const hc_sync_progress)>;

/// How to sync. Zero all of it, set struct_size and what you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_sync_options {
    /// sizeof(hc_sync_options).
    pub struct_size: usize,
    /// Is told how far the sync is, or NULL.
    pub on_progress: hc_sync_progress_callback,
    /// What the callback is called with; may be NULL. It must live until the sync returns.
    pub progress_data: *mut c_void,
    /// HC_SYNC_AUTO (0), HC_SYNC_FULL or HC_SYNC_INCREMENTAL.
    pub mode: i32,
    /// Whether somebody has looked at the removals that the guard held back, and they are meant: 1 yes, 0 no. The sync is then a full one.
    pub approve_removals: i32,
    /// Whether to report "already_running" where another sync of the directory is under way, rather than to wait for it: 1 yes, 0 no.
    pub no_wait: i32,
    /// How many directories hc_mirror_sync_all syncs at once. 0: 16.
    pub concurrency: u32,
}

growing!(hc_sync_options { on_progress, progress_data, mode, approve_removals, no_wait, concurrency });

/// The caller's function that is told how far a sync is.
struct Told {
    callback: unsafe extern "C" fn(*mut c_void, *const hc_sync_progress),
    user_data: UserData,
}

impl Told {
    fn tell(&self, progress: &Progress) {
        let [organization, directory, phase] =
            [&progress.organization_id, &progress.directory_id, progress.phase.name()].map(c_string);
        let told = hc_sync_progress {
            struct_size: size_of::<hc_sync_progress>(),
            organization_id: organization.as_ptr(),
            directory_id: directory.as_ptr(),
            phase: phase.as_ptr(),
            pages: progress.pages,
            items: progress.items,
            total: progress.total.map_or(-1, |total| i64::try_from(total).unwrap_or(i64::MAX)),
            rate: progress.rate,
        };
        // SAFETY: the header's conventions: the callback is fit to be called from any thread with its user_data; what it is shown lives
        // until it returns.
        unsafe { (self.callback)(self.user_data.0, &raw const told) };
    }
}

/// The sync that `options` describe, to its end.
fn run(sync: SyncBuilder, options: &hc_sync_options) -> Result<hc_sync_reports> {
    let mode = sync_mode(options.mode, "options.mode")?;
    let yes = |value, name| tri_state(value, name).map(|yes| yes == Some(true));
    let mut sync = sync
        .mode(mode)
        .approve_removals(yes(options.approve_removals, "options.approve_removals")?)
        .wait(!yes(options.no_wait, "options.no_wait")?);
    if let Some(directories) = unless_zero(options.concurrency) {
        sync = sync.concurrency(directories as usize);
    }
    if let Some(callback) = options.on_progress {
        let told = Told { callback, user_data: UserData(options.progress_data) };
        sync = sync.on_progress(move |progress| told.tell(progress));
    }
    sync.run().map(hc_sync_reports::from)
}

/// Syncs every directory of an organization, or one of them.
///
/// - `mirror`: required.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_..."; may be NULL, which means every directory of the organization.
/// - `options`: how; may be NULL, which means the defaults.
/// - `reports`: receives what happened, a report a directory; free it with hc_sync_reports_free.
/// - `error`: may be NULL.
/// - Fails with HC_MASS_REMOVAL where the guard holds removals back (hc_error_removals_count and the like say which),
///   HC_CONFIG where the mirror has no client, HC_NOT_FOUND where there is no such directory, HC_STORE, HC_INVALID_ARGUMENT,
///   or any status that a request can have. Where one of several directories fails, the others were synced.
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

/// Syncs every directory of every organization of the environment, several at once. What goes wrong in one is in its report
/// and stops no other.
///
/// - `mirror`: required.
/// - `options`: how; may be NULL, which means the defaults.
/// - `reports`: receives what happened, a report a directory; free it with hc_sync_reports_free.
/// - `error`: may be NULL.
/// - Fails with HC_CONFIG where the mirror has no client, HC_STORE, HC_INVALID_ARGUMENT, or any status that listing the
///   organizations can have.
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

/// How the mirror stands with each directory, in the order of their ids.
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

/// The users whose removal from a directory the guard holds back, all of them.
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
