//! Plans: what a sync would change.

use crate::boundary::{call, free, read};
use crate::error::hc_error;
use crate::generated::sync_mode::sync_mode;
use crate::generated::{hc_change, hc_hold_list, hc_status, hc_sync_reports};
use crate::mirror::hc_mirror;
use crate::sync::{ProgressCallback, hc_sync_options, yes};
use crate::text::Text;
use headcount_core::blocking::{Plan, PlannedChanges};
use headcount_core::{ChangeKind, Error, Result};
use std::ffi::c_char;
use std::ptr;

/// What a sync would change. It does not depend on the mirror, which may be closed and freed.
pub struct hc_plan {
    plan: Plan,
    reports: hc_sync_reports,
    holds: hc_hold_list,
    error: Option<hc_error>,
    outcome: Text,
    incomplete: Text,
    /// The names of the kinds of changes, in the order of the plan's counts.
    kinds: Vec<Text>,
}

impl From<Plan> for hc_plan {
    fn from(plan: Plan) -> hc_plan {
        hc_plan {
            reports: hc_sync_reports::from(plan.reports().to_vec()),
            holds: hc_hold_list::from(plan.holds().cloned().collect::<Vec<_>>()),
            error: plan.error().cloned().map(hc_error::from),
            outcome: Text::default(),
            incomplete: Text::default(),
            kinds: plan.counts().iter().map(|_| Text::default()).collect(),
            plan,
        }
    }
}

/// An iterator over the changes of a plan.
pub struct hc_plan_iter {
    changes: PlannedChanges,
    last: Option<hc_change>,
}

/// Plans a sync of all directories of an organization, or of one of them: lists everything that the sync would list, and gives what it would change.
/// Nothing is written to the mirror, so a mirror that may only be read can plan as well.
///
/// The plan is exact if neither the directories nor the mirror change before the sync. In a listing of several pages, the order of the changes may differ: it
/// depends on how many pages are written together. A plan takes no lease, and does not wait for a sync that is running or delay one. What that sync
/// writes later is not in the plan.
///
/// The organization's rows are copied to a temporary SQLite database. Up to 16 MiB of it are in memory. The rest and its journal are in files in the folder for
/// temporary files (SQLITE_TMPDIR, TMPDIR, /var/tmp, /tmp), which have about the size of the rows. They contain personal data. Only the user of this process
/// can read them, their names are removed right after they were created, and their space is freed when the plan and its iterators are freed, and if the
/// process ends.
///
/// - `mirror`: required.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_..."; may be NULL, which means every directory of the organization.
/// - `options`: may be NULL, which means the defaults. With approve_removals, the plan is that of a sync which approves the open holds; the plan itself
///   approves none. no_wait and concurrency have no effect.
/// - `plan`: receives the plan; free it with hc_plan_free.
/// - `error`: may be NULL.
/// - Fails as hc_mirror_sync, but not with HC_MASS_REMOVAL: the plan then has the outcome "held" and the error (hc_plan_error). HC_STORE also if the folder
///   for temporary files has no room.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_plan(
    mirror: *const hc_mirror,
    organization_id: *const c_char,
    directory_id: *const c_char,
    options: *const hc_sync_options,
    plan: *mut *mut hc_plan,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, plan, (mirror: object, organization_id: text, directory_id: optional_text, options: options) => {
        let mut plan = mirror
            .0
            .plan(organization_id)
            .directory(directory_id)
            .mode(sync_mode(options.mode, "options.mode")?)
            .approve_removals(yes(options.approve_removals, "options.approve_removals")?);
        if let Some(progress) = ProgressCallback::of(&options) {
            plan = plan.on_progress(move |reached| progress.call(reached));
        }
        plan.run().map(hc_plan::from)
    })
}

/// Returns the outcome that the sync would have: "incomplete" if the listing of a directory could not be applied as a whole, or else "held" if the guard
/// would hold losses of access in a directory, or else "done".
///
/// - `plan`: may be NULL, which gives NULL.
/// - Returns text owned by `plan`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_plan_outcome(plan: *const hc_plan) -> *const c_char {
    read!(plan => plan.outcome.of(plan.plan.outcome().name()))
}

/// Returns the report that the sync would make for each directory, in the order of the directories' ids.
///
/// - `plan`: may be NULL, which gives NULL.
/// - Returns a list owned by `plan`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_plan_reports(plan: *const hc_plan) -> *const hc_sync_reports {
    read!(plan => ptr::from_ref(&plan.reports))
}

/// Returns the holds that the directories would have after the sync: open ones that it would leave open, and new ones. A new hold gets another
/// id when a sync makes it.
///
/// - `plan`: may be NULL, which gives NULL.
/// - Returns a list owned by `plan`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_plan_holds(plan: *const hc_plan) -> *const hc_hold_list {
    read!(plan => ptr::from_ref(&plan.holds))
}

/// Returns the number of different kinds of planned changes, for hc_plan_kinds_at.
///
/// - `plan`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_plan_kinds_len(plan: *const hc_plan) -> usize {
    read!(plan => plan.kinds.len())
}

/// Returns a kind of planned changes, such as "user.created".
///
/// - `plan`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns text owned by `plan`, or NULL if `index` is out of range.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_plan_kinds_at(plan: *const hc_plan, index: usize) -> *const c_char {
    read!(plan => {
        let kind = plan.kinds.get(index).zip(plan.plan.counts().get(index));
        kind.map_or(ptr::null(), |(text, (kind, _))| text.of(kind.name()))
    })
}

/// Returns the number of planned changes of a kind.
///
/// - `plan`: required.
/// - `kind`: such as "user.created".
/// - `count`: receives the number.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT if there is no such kind of change.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_plan_count(
    plan: *const hc_plan,
    kind: *const c_char,
    count: *mut u64,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, count, (plan: object, kind: text) => kind_of(kind).map(|kind| plan.plan.count(kind)))
}

fn kind_of(name: &str) -> Result<ChangeKind> {
    let unknown = || Error::invalid_argument("kind: expected a kind of change such as user.created, got another text");
    name.parse().map_err(|_| unknown())
}

/// Returns why the listing of a directory could not be applied as a whole, in one English sentence.
///
/// - `plan`: may be NULL, which gives NULL.
/// - Returns text owned by `plan`, or NULL unless the outcome is "incomplete".
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_plan_incomplete(plan: *const hc_plan) -> *const c_char {
    read!(plan => plan.incomplete.of_option(plan.plan.incomplete()))
}

/// Returns the error that the sync would fail with: HC_MASS_REMOVAL if the guard would hold the removal of users whom a full listing lacks.
///
/// - `plan`: may be NULL, which gives NULL.
/// - Returns an error owned by `plan`, or NULL if the sync would not fail.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_plan_error(plan: *const hc_plan) -> *const hc_error {
    read!(plan => plan.error.as_ref().map_or(ptr::null(), ptr::from_ref))
}

/// Starts reading the planned changes, in the order in which the planned sync made them. Their numbers are those after the mirror's latest change.
///
/// - `plan`: required. It may be freed before the iterator.
/// - `iter`: receives the iterator; free it with hc_plan_iter_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_plan_changes(
    plan: *const hc_plan,
    iter: *mut *mut hc_plan_iter,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, iter, (plan: object) => Ok(hc_plan_iter { changes: plan.plan.changes(), last: None }))
}

/// Gives the next planned change.
///
/// - `iter`: required. It ends after an error: create another one.
/// - `change`: receives the change, owned by `iter` and valid until the next call with it; NULL after the last one.
/// - `error`: may be NULL.
/// - Fails with HC_STORE, also in a forked child.
/// - Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_plan_iter_next(
    iter: *mut hc_plan_iter,
    change: *mut *const hc_change,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, change, (iter: exclusive) => {
        iter.last = iter.changes.next().transpose()?.map(From::from);
        Ok(iter.last.as_ref().map_or(ptr::null(), ptr::from_ref))
    })
}

/// Frees an iterator and the change that it gave last.
///
/// - `iter`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_plan_iter_free(iter: *mut hc_plan_iter) {
    free!(iter);
}

/// Frees a plan. If no iterator over its changes is left, its temporary database is deleted.
///
/// - `plan`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_plan_free(plan: *mut hc_plan) {
    free!(plan);
}
