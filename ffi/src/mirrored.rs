//! Reads mirrored users, groups and directories.

use crate::boundary::{call, free, optional_text};
use crate::error::hc_error;
use crate::generated::{
    hc_mirror_directory_list, hc_mirror_group, hc_mirror_group_list, hc_mirror_user, hc_mirror_user_list, hc_status,
};
use crate::mirror::hc_mirror;
use crate::options::impl_options;
use headcount_core::blocking::MirrorUsers;
use std::ffi::c_char;
use std::ptr;

/// An iterator over mirrored users: those of an organization, at present or at a past time, or those that a hold names.
pub struct hc_mirror_user_iter {
    users: MirrorUsers,
    last: Option<hc_mirror_user>,
}

impl hc_mirror_user_iter {
    pub(crate) fn new(users: MirrorUsers) -> hc_mirror_user_iter {
        hc_mirror_user_iter { users, last: None }
    }
}

/// Filters for mirrored users. Set all bytes to 0, then struct_size and the fields that you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_mirror_user_options {
    /// sizeof(hc_mirror_user_options).
    pub struct_size: usize,
    /// Only users of this directory ("dir_..."). NULL: users of all directories.
    pub directory_id: *const c_char,
    /// Only members of this group ("dirgroup_..."). NULL: all users.
    pub group_id: *const c_char,
}

impl_options!(hc_mirror_user_options { directory_id, group_id });

/// Creates an iterator over the users of an organization, in the order in which the mirror first stored them. Sends no request.
///
/// - `mirror`: required. It may be freed before the iterator.
/// - `organization_id`: "org_...".
/// - `options`: filters; may be NULL, which means all users.
/// - `iter`: receives the iterator; free it with hc_mirror_user_iter_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_users(
    mirror: *const hc_mirror,
    organization_id: *const c_char,
    options: *const hc_mirror_user_options,
    iter: *mut *mut hc_mirror_user_iter,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, iter, (mirror: object, organization_id: text, options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let (directory, group) = unsafe {
            (optional_text(options.directory_id, "options.directory_id")?, optional_text(options.group_id, "options.group_id")?)
        };
        let users = mirror.0.users(organization_id).directory(directory).group(group);
        Ok(hc_mirror_user_iter::new(users))
    })
}

/// Creates an iterator over the users that a hold names, as they are mirrored now. A hold that was approved or dismissed names none, and neither
/// does a hold on a directory as a whole.
///
/// - `mirror`: required. It may be freed before the iterator.
/// - `hold_id`: the hold's id, from hc_hold_id.
/// - `iter`: receives the iterator; free it with hc_mirror_user_iter_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT if `hold_id` is not the id of a hold.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_hold_users(
    mirror: *const hc_mirror,
    hold_id: *const c_char,
    iter: *mut *mut hc_mirror_user_iter,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, iter, (mirror: object, hold_id: text) => {
        let users = mirror.0.hold_users(hold_id)?;
        Ok(hc_mirror_user_iter::new(users))
    })
}

/// Gives the next user.
///
/// - `iter`: required. It ends after an error: create another one.
/// - `user`: receives the user, owned by `iter` and valid until the next call with it; NULL after the last one.
/// - `error`: may be NULL.
/// - Fails with HC_STORE; for an iterator of hc_mirror_at also with HC_INVALID_ARGUMENT or HC_HISTORY_TRIMMED.
/// - Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_iter_next(
    iter: *mut hc_mirror_user_iter,
    user: *mut *const hc_mirror_user,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, user, (iter: exclusive) => {
        iter.last = iter.users.next().transpose()?.map(From::from);
        Ok(iter.last.as_ref().map_or(ptr::null(), ptr::from_ref))
    })
}

/// Frees an iterator and the user that it gave last.
///
/// - `iter`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_iter_free(iter: *mut hc_mirror_user_iter) {
    free!(iter);
}

/// Returns one user.
///
/// - `mirror`: required.
/// - `user_id`: "diruser_...".
/// - `user`: receives the user, or NULL if the mirror has none with this id; free it with hc_mirror_user_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_get(
    mirror: *const hc_mirror,
    user_id: *const c_char,
    user: *mut *mut hc_mirror_user,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, user, (mirror: object, user_id: text) => Ok(mirror.0.user(user_id)?.map(hc_mirror_user::from)))
}

/// Returns the users of all organizations with this primary e-mail address, compared case-insensitively. Several users may share
/// one address.
///
/// - `mirror`: required.
/// - `email`: the address.
/// - `users`: receives the list, empty if no user has it; free it with hc_mirror_user_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT, also if nobody is found and the mirror does not store addresses (hc_mirror_options.fields).
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_find_users(
    mirror: *const hc_mirror,
    email: *const c_char,
    users: *mut *mut hc_mirror_user_list,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, users, (mirror: object, email: text) => mirror.0.find_users(email).map(hc_mirror_user_list::from))
}

/// Returns one group.
///
/// - `mirror`: required.
/// - `group_id`: "dirgroup_...".
/// - `group`: receives the group, or NULL if the mirror has none with this id; free it with hc_mirror_group_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_group_get(
    mirror: *const hc_mirror,
    group_id: *const c_char,
    group: *mut *mut hc_mirror_group,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, group, (mirror: object, group_id: text) => Ok(mirror.0.group(group_id)?.map(hc_mirror_group::from)))
}

/// Returns the groups of an organization, or of one of its directories, ordered by the id of their directory, and within a directory
/// in the order in which the mirror first stored them.
///
/// - `mirror`: required.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_..."; may be NULL, which means all.
/// - `groups`: receives the list; free it with hc_mirror_group_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_groups(
    mirror: *const hc_mirror,
    organization_id: *const c_char,
    directory_id: *const c_char,
    groups: *mut *mut hc_mirror_group_list,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, groups, (mirror: object, organization_id: text, directory_id: optional_text) => {
        mirror.0.groups(organization_id, directory_id).map(hc_mirror_group_list::from)
    })
}

/// Returns the mirrored directories.
///
/// - `mirror`: required.
/// - `organization_id`: "org_..."; may be NULL, which means all organizations.
/// - `directories`: receives the list; free it with hc_mirror_directory_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directories(
    mirror: *const hc_mirror,
    organization_id: *const c_char,
    directories: *mut *mut hc_mirror_directory_list,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, directories, (mirror: object, organization_id: optional_text) => {
        mirror.0.directories(organization_id).map(hc_mirror_directory_list::from)
    })
}
