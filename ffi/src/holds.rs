//! Holds, which are losses of access that the guard holds back; decisions about them; and retirements of directories.

use crate::boundary::call;
use crate::error::hc_error;
use crate::generated::{hc_approval_list, hc_hold_list, hc_retirement_list, hc_status};
use crate::mirror::hc_mirror;
use std::ffi::c_char;

/// Implements a call that records a decision about a hold or a directory, and returns the number of users that it concerns.
macro_rules! decide {
    ($error:ident, $count:ident, $decision:ident($mirror:ident, $id:ident, $by:ident, $note:ident)) => {
        call!($error, $count, ($mirror: object, $id: text, $by: text, $note: optional_text) => {
            $mirror.0.$decision($id, $by, $note.unwrap_or_default())
        })
    };
}

/// Returns the open holds of an organization, in the order in which they were made.
///
/// - `mirror`: required.
/// - `organization_id`: "org_...".
/// - `directory_id`: only holds of this directory ("dir_..."). NULL: holds of all directories.
/// - `holds`: receives the list; free it with hc_hold_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_holds(
    mirror: *const hc_mirror,
    organization_id: *const c_char,
    directory_id: *const c_char,
    holds: *mut *mut hc_hold_list,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, holds, (mirror: object, organization_id: text, directory_id: optional_text) => mirror.0.holds(organization_id, directory_id).map(hc_hold_list::from))
}

/// Approves a hold: applies the losses of access of the users that `hold_id` names, if these are still held. A hold gets another id when the guard adds
/// users to it, and each id names the users that the hold had when the id was returned; users who were added later stay held.
///
/// - `mirror`: required.
/// - `hold_id`: the hold's id, from hc_hold_id.
/// - `by`: who approves, 1 to 200 bytes; stored with the decision.
/// - `note`: why, at most 2,000 bytes; stored as well. May be NULL.
/// - `count`: receives the number of users who lost access.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if no user of the hold is held any more, HC_INVALID_ARGUMENT if `hold_id` is not the id of a hold, if the hold is
///   about a directory as a whole, and for a `by` or `note` of the wrong length, or HC_STORE.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_approve(
    mirror: *const hc_mirror,
    hold_id: *const c_char,
    by: *const c_char,
    note: *const c_char,
    count: *mut u64,
    error: *mut *mut hc_error,
) -> hc_status {
    decide!(error, count, approve(mirror, hold_id, by, note))
}

/// Dismisses a hold: the users that `hold_id` names stay as they are mirrored, until a later listing or event changes or removes them.
///
/// - `mirror`: required.
/// - `hold_id`: the hold's id, from hc_hold_id.
/// - `by`: who decides, 1 to 200 bytes; stored with the decision.
/// - `note`: why, at most 2,000 bytes; stored as well. May be NULL.
/// - `count`: receives the number of those users.
/// - `error`: may be NULL.
/// - Fails as hc_mirror_approve.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_dismiss(
    mirror: *const hc_mirror,
    hold_id: *const c_char,
    by: *const c_char,
    note: *const c_char,
    count: *mut u64,
    error: *mut *mut hc_error,
) -> hc_status {
    decide!(error, count, dismiss(mirror, hold_id, by, note))
}

/// Removes the users and groups of a directory that is no longer used. Syncs do not remove them. The guard does not limit the
/// removal.
///
/// - `mirror`: required.
/// - `directory_id`: "dir_...". The directory has to be disabled, or missing (the API no longer lists it).
/// - `by`: who requested it, 1 to 200 bytes; stored with the time.
/// - `note`: why, at most 2,000 bytes; stored as well. May be NULL.
/// - `count`: receives the number of users that were removed.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if no directory of this id is mirrored, HC_INVALID_ARGUMENT if it is neither missing nor disabled, and for a `by`
///   or `note` of the wrong length, or HC_STORE. If a call fails partway, the rest is removed by another call, when the organization is next synced, or
///   when the mirror is next opened.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_retire(
    mirror: *const hc_mirror,
    directory_id: *const c_char,
    by: *const c_char,
    note: *const c_char,
    count: *mut u64,
    error: *mut *mut hc_error,
) -> hc_status {
    decide!(error, count, retire(mirror, directory_id, by, note))
}

/// Returns the decisions about holds, approved and dismissed, in the order in which they were made.
///
/// - `mirror`: required.
/// - `organization_id`: only decisions of this organization ("org_..."). NULL: of all.
/// - `approvals`: receives the list; free it with hc_approval_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_approvals(
    mirror: *const hc_mirror,
    organization_id: *const c_char,
    approvals: *mut *mut hc_approval_list,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, approvals, (mirror: object, organization_id: optional_text) => {
        mirror.0.approvals(organization_id).map(hc_approval_list::from)
    })
}

/// Returns the retirements of directories, oldest first. A retirement is deleted when the retention has passed since its end.
///
/// - `mirror`: required.
/// - `retirements`: receives the list; free it with hc_retirement_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_retirements(
    mirror: *const hc_mirror,
    retirements: *mut *mut hc_retirement_list,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, retirements, (mirror: object) => mirror.0.retirements().map(hc_retirement_list::from))
}
