//! Syncs: a directory is listed, the mirror made to agree, and what happened reported; and what the guard held back.

use crate::boundary::{call, free, read};
use crate::callback::UserData;
use crate::error::{hc_error, hc_status};
use crate::mirror::hc_mirror;
use crate::mirrored::hc_mirror_directory;
use crate::options::{growing, tri_state, unless_zero};
use crate::page::{at, lent};
use crate::text::{Text, c_string, hc_text_list};
use headcount_core::blocking::SyncBuilder;
use headcount_core::{DirectoryStatus, Error, Held, Progress, Result, SyncMode, SyncReport, Timestamp};
use std::ffi::{c_char, c_void};
use std::ptr;

/// For mode: what changed since the last sync; and everything, where the last full sync is too long ago or never was.
pub const HC_SYNC_AUTO: i32 = 0;

/// For mode: everything. The only one that sees who has left.
pub const HC_SYNC_FULL: i32 = 1;

/// For mode: what changed since the last sync. Nobody is removed.
pub const HC_SYNC_INCREMENTAL: i32 = 2;

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
    let mode = match options.mode {
        HC_SYNC_AUTO => SyncMode::Auto,
        HC_SYNC_FULL => SyncMode::Full,
        HC_SYNC_INCREMENTAL => SyncMode::Incremental,
        other => {
            return Err(Error::invalid_argument(format!(
                "options.mode is {other}: expected HC_SYNC_AUTO, HC_SYNC_FULL or HC_SYNC_INCREMENTAL"
            )));
        }
    };
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

/// What a sync of one directory did.
pub struct hc_sync_report {
    report: SyncReport,
    held: Option<hc_held>,
    error: Option<hc_error>,
    texts: ReportTexts,
}

#[derive(Default)]
struct ReportTexts {
    organization_id: Text,
    directory_id: Text,
    mode: Text,
    outcome: Text,
    run: Text,
    started_at: Text,
    ended_at: Text,
    incomplete: Text,
}

impl From<SyncReport> for hc_sync_report {
    fn from(mut report: SyncReport) -> hc_sync_report {
        let (held, error) = (report.held.take().map(From::from), report.error.take().map(From::from));
        hc_sync_report { report, held, error, texts: ReportTexts::default() }
    }
}

/// Removals that the guard holds back until somebody has looked at them.
pub struct hc_held {
    held: Held,
    texts: HeldTexts,
}

#[derive(Default)]
struct HeldTexts {
    reason: Text,
    at: Text,
    cause: Text,
}

impl From<Held> for hc_held {
    fn from(held: Held) -> hc_held {
        hc_held { held, texts: HeldTexts::default() }
    }
}

/// How the mirror stands with a directory.
pub struct hc_mirror_directory_status {
    directory: hc_mirror_directory,
    last_full_sync: Option<Timestamp>,
    last_incremental_sync: Option<Timestamp>,
    users: u64,
    groups: u64,
    watermark: Option<Timestamp>,
    held: Option<hc_held>,
    parked_events: u64,
    texts: StatusTexts,
}

#[derive(Default)]
struct StatusTexts {
    last_full_sync: Text,
    last_incremental_sync: Text,
    watermark: Text,
}

impl From<DirectoryStatus> for hc_mirror_directory_status {
    fn from(status: DirectoryStatus) -> hc_mirror_directory_status {
        hc_mirror_directory_status {
            directory: status.directory.into(),
            last_full_sync: status.last_full_sync,
            last_incremental_sync: status.last_incremental_sync,
            users: status.users,
            groups: status.groups,
            watermark: status.watermark,
            held: status.held.map(From::from),
            parked_events: status.pending_events,
            texts: StatusTexts::default(),
        }
    }
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

/// What syncs did, a report a directory.
pub struct hc_sync_reports(Vec<hc_sync_report>);

impl<T: Into<hc_sync_report>> From<Vec<T>> for hc_sync_reports {
    fn from(items: Vec<T>) -> hc_sync_reports {
        hc_sync_reports(items.into_iter().map(Into::into).collect())
    }
}

/// How many reports there are.
///
/// - `reports`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_reports_len(reports: *const hc_sync_reports) -> usize {
    read!(reports => reports.0.len())
}

/// The report at an index.
///
/// - `reports`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns a report, owned by `reports`, or NULL behind the last one.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_reports_at(reports: *const hc_sync_reports, index: usize) -> *const hc_sync_report {
    read!(reports => at(&reports.0, index))
}

/// Frees the list and the reports in it.
///
/// - `reports`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_reports_free(reports: *mut hc_sync_reports) {
    free!(reports);
}

/// How the mirror stands with directories.
pub struct hc_mirror_directory_status_list(Vec<hc_mirror_directory_status>);

impl<T: Into<hc_mirror_directory_status>> From<Vec<T>> for hc_mirror_directory_status_list {
    fn from(items: Vec<T>) -> hc_mirror_directory_status_list {
        hc_mirror_directory_status_list(items.into_iter().map(Into::into).collect())
    }
}

/// How many directories there are.
///
/// - `statuses`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_status_list_len(
    statuses: *const hc_mirror_directory_status_list,
) -> usize {
    read!(statuses => statuses.0.len())
}

/// The directory's status at an index.
///
/// - `statuses`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns how it stands, owned by `statuses`, or NULL behind the last one.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_status_list_at(
    statuses: *const hc_mirror_directory_status_list,
    index: usize,
) -> *const hc_mirror_directory_status {
    read!(statuses => at(&statuses.0, index))
}

/// Frees the list and the directories in it.
///
/// - `statuses`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_status_list_free(statuses: *mut hc_mirror_directory_status_list) {
    free!(statuses);
}

/// The organization.
///
/// - `report`: may be NULL, which gives NULL.
/// - Returns text owned by `report`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_organization_id(report: *const hc_sync_report) -> *const c_char {
    read!(report => report.texts.organization_id.of(&report.report.organization_id))
}

/// The directory; "" where the organization's directories could not be listed.
///
/// - `report`: may be NULL, which gives NULL.
/// - Returns text owned by `report`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_directory_id(report: *const hc_sync_report) -> *const c_char {
    read!(report => report.texts.directory_id.of(&report.report.directory_id))
}

/// What it listed: "full" or "incremental".
///
/// - `report`: may be NULL, which gives NULL.
/// - Returns text owned by `report`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_mode(report: *const hc_sync_report) -> *const c_char {
    read!(report => report.texts.mode.of(report.report.mode.name()))
}

/// How it ended: "done", "incomplete" (the listing did not hold still: nobody was removed), "held" (the directory is
/// switched off), "already_running" or "failed". New ones may come.
///
/// - `report`: may be NULL, which gives NULL.
/// - Returns text owned by `report`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_outcome(report: *const hc_sync_report) -> *const c_char {
    read!(report => report.texts.outcome.of(report.report.outcome.name()))
}

/// The run's id: the changes that it brought about have the cause "sync:" and this.
///
/// - `report`: may be NULL, which gives NULL.
/// - Returns text owned by `report`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_run(report: *const hc_sync_report) -> *const c_char {
    read!(report => report.texts.run.of(&report.report.run))
}

/// When it began.
///
/// - `report`: may be NULL, which gives NULL.
/// - Returns RFC 3339 text owned by `report`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_started_at(report: *const hc_sync_report) -> *const c_char {
    read!(report => report.texts.started_at.of_display(Some(report.report.started_at)))
}

/// When it ended.
///
/// - `report`: may be NULL, which gives NULL.
/// - Returns RFC 3339 text owned by `report`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_ended_at(report: *const hc_sync_report) -> *const c_char {
    read!(report => report.texts.ended_at.of_display(Some(report.report.ended_at)))
}

/// Pages of users and groups that were listed.
///
/// - `report`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_pages(report: *const hc_sync_report) -> u64 {
    read!(report => report.report.pages)
}

/// Users that were listed.
///
/// - `report`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_users(report: *const hc_sync_report) -> u64 {
    read!(report => report.report.users)
}

/// Groups that were listed.
///
/// - `report`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_groups(report: *const hc_sync_report) -> u64 {
    read!(report => report.report.groups)
}

/// Users that are new.
///
/// - `report`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_created(report: *const hc_sync_report) -> u64 {
    read!(report => report.report.created)
}

/// Users of whom something changed.
///
/// - `report`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_updated(report: *const hc_sync_report) -> u64 {
    read!(report => report.report.updated)
}

/// Users that may no longer sign in.
///
/// - `report`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_deactivated(report: *const hc_sync_report) -> u64 {
    read!(report => report.report.deactivated)
}

/// Users that may again.
///
/// - `report`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_reactivated(report: *const hc_sync_report) -> u64 {
    read!(report => report.report.reactivated)
}

/// Users that have left.
///
/// - `report`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_deleted(report: *const hc_sync_report) -> u64 {
    read!(report => report.report.deleted)
}

/// All changes that it put into the feed.
///
/// - `report`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_changes(report: *const hc_sync_report) -> u64 {
    read!(report => report.report.changes)
}

/// Events that had waited for a sync and are settled now.
///
/// - `report`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_events(report: *const hc_sync_report) -> u64 {
    read!(report => report.report.events)
}

/// What the guard holds back.
///
/// - `report`: may be NULL, which gives NULL.
/// - Returns what is held, owned by `report`, or NULL where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_held(report: *const hc_sync_report) -> *const hc_held {
    read!(report => lent(report.held.as_ref()))
}

/// Why nobody was removed, where the listing did not hold still.
///
/// - `report`: may be NULL, which gives NULL.
/// - Returns text owned by `report`, or NULL where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_incomplete(report: *const hc_sync_report) -> *const c_char {
    read!(report => report.texts.incomplete.of_option(report.report.incomplete.as_deref()))
}

/// What went wrong, where something did and others went on.
///
/// - `report`: may be NULL, which gives NULL.
/// - Returns an error, owned by `report`, or NULL where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sync_report_error(report: *const hc_sync_report) -> *const hc_error {
    read!(report => lent(report.error.as_ref()))
}

/// Why: "mass_removal", "empty_listing", "directory_disabled", "directory_not_found" or "deletion_burst". New ones may come.
///
/// - `held`: may be NULL, which gives NULL.
/// - Returns text owned by `held`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_held_reason(held: *const hc_held) -> *const c_char {
    read!(held => held.texts.reason.of(held.held.reason.name()))
}

/// How many users would be removed.
///
/// - `held`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_held_count(held: *const hc_held) -> u64 {
    read!(held => held.held.count)
}

/// How many may be without approval.
///
/// - `held`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_held_limit(held: *const hc_held) -> u64 {
    read!(held => held.held.limit)
}

/// Since when, by this machine's clock.
///
/// - `held`: may be NULL, which gives NULL.
/// - Returns RFC 3339 text owned by `held`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_held_at(held: *const hc_held) -> *const c_char {
    read!(held => held.texts.at.of_display(Some(held.held.at)))
}

/// The sync or event that would have removed them.
///
/// - `held`: may be NULL, which gives NULL.
/// - Returns text owned by `held`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_held_cause(held: *const hc_held) -> *const c_char {
    read!(held => held.texts.cause.of(&held.held.cause))
}

/// The directory.
///
/// - `status`: may be NULL, which gives NULL.
/// - Returns a directory, owned by `status`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_status_directory(
    status: *const hc_mirror_directory_status,
) -> *const hc_mirror_directory {
    read!(status => ptr::from_ref(&status.directory))
}

/// When the last full sync that came to its end began.
///
/// - `status`: may be NULL, which gives NULL.
/// - Returns RFC 3339 text owned by `status`, or NULL where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_status_last_full_sync(
    status: *const hc_mirror_directory_status,
) -> *const c_char {
    read!(status => status.texts.last_full_sync.of_display(status.last_full_sync))
}

/// When the last incremental sync that came to its end began.
///
/// - `status`: may be NULL, which gives NULL.
/// - Returns RFC 3339 text owned by `status`, or NULL where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_status_last_incremental_sync(
    status: *const hc_mirror_directory_status,
) -> *const c_char {
    read!(status => status.texts.last_incremental_sync.of_display(status.last_incremental_sync))
}

/// How many users are mirrored.
///
/// - `status`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_status_users(status: *const hc_mirror_directory_status) -> u64 {
    read!(status => status.users)
}

/// How many groups.
///
/// - `status`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_status_groups(status: *const hc_mirror_directory_status) -> u64 {
    read!(status => status.groups)
}

/// The latest change of a user that was listed, by the vendor's clock: the next incremental sync goes on a little before it.
///
/// - `status`: may be NULL, which gives NULL.
/// - Returns RFC 3339 text owned by `status`, or NULL where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_status_watermark(
    status: *const hc_mirror_directory_status,
) -> *const c_char {
    read!(status => status.texts.watermark.of_display(status.watermark))
}

/// The removals that the guard holds back.
///
/// - `status`: may be NULL, which gives NULL.
/// - Returns what is held, owned by `status`, or NULL where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_status_held(status: *const hc_mirror_directory_status) -> *const hc_held {
    read!(status => lent(status.held.as_ref()))
}

/// How many events of the organization wait for a sync.
///
/// - `status`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_status_parked_events(status: *const hc_mirror_directory_status) -> u64 {
    read!(status => status.parked_events)
}
