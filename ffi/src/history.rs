//! The history, and who was in a directory at a past time.

use crate::boundary::{call, free, optional_text};
use crate::error::hc_error;
use crate::generated::{hc_history_entry, hc_status};
use crate::mirror::hc_mirror;
use crate::mirrored::hc_mirror_user_iter;
use crate::options::{impl_options, moment};
use headcount_core::Error;
use headcount_core::blocking::History;
use std::ffi::c_char;
use std::ptr;

/// Filters for the users at a past time. Set all bytes to 0, then struct_size and the fields that you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_mirror_at_options {
    /// sizeof(hc_mirror_at_options).
    pub struct_size: usize,
    /// Only users of this directory ("dir_...") at that time. NULL: users of all directories.
    pub directory_id: *const c_char,
    /// Only members of this group ("dirgroup_...") at that time. NULL: all users.
    pub group_id: *const c_char,
    /// Only users who had this role at that time. NULL: all users.
    pub role: *const c_char,
}

impl_options!(hc_mirror_at_options { directory_id, group_id, role });

/// Creates an iterator over the users of an organization as they were at a past time, with the groups and roles of that time, in no particular order. Users
/// who have been removed since are among them, users who were added later are not.
///
/// hc_mirror_user_updated_at of these users gives NULL, and hc_mirror_user_linked_id the present account id, or that at the removal of a user who has been
/// removed since. The users are read page by page while the iterator is used.
///
/// - `mirror`: required. It may be freed before the iterator.
/// - `at`: the time, RFC 3339 with an offset from UTC, or a date, which means 00:00 UTC on that day.
/// - `organization_id`: "org_...".
/// - `options`: filters; may be NULL, which means all users.
/// - `iter`: receives the iterator; free it with hc_mirror_user_iter_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT if `at` is not a time. hc_mirror_user_iter_next fails with HC_INVALID_ARGUMENT if it is in the future, and with
///   HC_HISTORY_TRIMMED if it is before the history began, or if the mirror keeps no history.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_at(
    mirror: *const hc_mirror,
    at: *const c_char,
    organization_id: *const c_char,
    options: *const hc_mirror_at_options,
    iter: *mut *mut hc_mirror_user_iter,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, iter, (mirror: object, at: text, organization_id: text, options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let (directory, group, role) = unsafe {
            (
                optional_text(options.directory_id, "options.directory_id")?,
                optional_text(options.group_id, "options.group_id")?,
                optional_text(options.role, "options.role")?,
            )
        };
        let at = moment(Some(at), "at")?.ok_or_else(|| Error::invalid_argument("at is NULL: expected a time"))?;
        Ok(hc_mirror_user_iter::new(mirror.0.at(at, organization_id).directory(directory).group(group).role(role)))
    })
}

/// An iterator over the history of a mirror.
pub struct hc_history_iter {
    history: History,
    last: Option<hc_history_entry>,
}

/// Filters for the history. Set all bytes to 0, then struct_size and the fields that you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_mirror_history_options {
    /// sizeof(hc_mirror_history_options).
    pub struct_size: usize,
    /// Only changes of this user ("diruser_..."), who may have been removed. NULL: changes of everything. At most one of user_id and group_id may be set.
    pub user_id: *const c_char,
    /// Only changes of this group ("dirgroup_..."). Who joined and left it is in the entries of the users. NULL: changes of everything.
    pub group_id: *const c_char,
    /// Only changes in this organization ("org_..."). NULL: changes in all organizations.
    pub organization_id: *const c_char,
    /// Only changes that were written at this time or later: RFC 3339 with an offset from UTC, or a date, which means 00:00 UTC on that day. NULL: no limit.
    pub since: *const c_char,
    /// Only changes that were written before this time, in the same form. NULL: no limit.
    pub until: *const c_char,
}

impl_options!(hc_mirror_history_options { user_id, group_id, organization_id, since, until });

/// Creates an iterator over what changed, when and because of what, oldest first. Each entry has what one step, such as an event, changed about one user,
/// group, directory or organization. The history is kept for 400 days, unless history_seconds of hc_mirror_options says otherwise.
///
/// - `mirror`: required. It may be freed before the iterator.
/// - `options`: filters; may be NULL, which means the whole history.
/// - `iter`: receives the iterator; free it with hc_history_iter_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT if a time cannot be read. hc_history_iter_next fails with HC_INVALID_ARGUMENT if both user_id and group_id are set, or if
///   since is after until, and with HC_HISTORY_TRIMMED if the mirror keeps no history.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_history(
    mirror: *const hc_mirror,
    options: *const hc_mirror_history_options,
    iter: *mut *mut hc_history_iter,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, iter, (mirror: object, options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let (user, group, organization, since, until) = unsafe {
            (
                optional_text(options.user_id, "options.user_id")?,
                optional_text(options.group_id, "options.group_id")?,
                optional_text(options.organization_id, "options.organization_id")?,
                optional_text(options.since, "options.since")?,
                optional_text(options.until, "options.until")?,
            )
        };
        let (since, until) = (moment(since, "options.since")?, moment(until, "options.until")?);
        let history = mirror.0.history().user(user).group(group).organization(organization).since(since).until(until);
        Ok(hc_history_iter { history, last: None })
    })
}

/// Gives the next entry.
///
/// - `iter`: required. It ends after an error: create another one.
/// - `entry`: receives the entry, owned by `iter` and valid until the next call with it; NULL after the last one.
/// - `error`: may be NULL.
/// - Fails with HC_STORE, HC_INVALID_ARGUMENT or HC_HISTORY_TRIMMED.
/// - Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_history_iter_next(
    iter: *mut hc_history_iter,
    entry: *mut *const hc_history_entry,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, entry, (iter: exclusive) => {
        iter.last = iter.history.next().transpose()?.map(From::from);
        Ok(iter.last.as_ref().map_or(ptr::null(), ptr::from_ref))
    })
}

/// Frees an iterator and the entry that it gave last.
///
/// - `iter`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_history_iter_free(iter: *mut hc_history_iter) {
    free!(iter);
}
