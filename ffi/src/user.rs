//! Lists the users of a directory: one page, or all by an iterator.

use crate::boundary::{call, optional_text};
use crate::client::hc_client;
use crate::error::hc_error;
use crate::generated::{hc_status, hc_user_iter, hc_user_page};
use crate::iter::IterOf;
use crate::options::{impl_options, moment, tri_state, unless_zero};
use headcount_core::Result;
use headcount_core::blocking::List;
use headcount_core::model::User;
use std::ffi::c_char;

/// Which users a listing returns, and with which details. Set all bytes to 0, then struct_size and the fields that you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_user_options {
    /// sizeof(hc_user_options).
    pub struct_size: usize,
    /// Token of the first page to read: the next_page_token or prev_page_token of another page. NULL or "": the first page.
    pub page_token: *const c_char,
    /// Only members of this group ("dirgroup_..."). NULL: all users.
    pub directory_group_id: *const c_char,
    /// Only users changed after this time, as RFC 3339 text. NULL: all.
    pub updated_after: *const c_char,
    /// Largest number of users per page, at most 30. 0: the server's default for a page, 30 for an iterator.
    pub page_size: u32,
    /// Whether users include user_detail: 1 yes, -1 no, 0 the server's default.
    pub include_detail: i32,
}

impl_options!(hc_user_options { page_token, directory_group_id, updated_after, page_size, include_detail });

/// Applies the filters of `options` to a listing.
///
/// # Safety
///
/// The texts are NULL, or NUL-terminated and valid during the call.
pub(crate) unsafe fn listing(list: List<User>, options: &hc_user_options) -> Result<List<User>> {
    // SAFETY: this function's contract.
    let (token, group, after) = unsafe {
        (
            optional_text(options.page_token, "options.page_token")?,
            optional_text(options.directory_group_id, "options.directory_group_id")?,
            optional_text(options.updated_after, "options.updated_after")?,
        )
    };
    Ok(list
        .page_size(unless_zero(options.page_size))
        .page_token(token)
        .directory_group_id(group)
        .updated_after(moment(after, "options.updated_after")?)
        .include_detail(tri_state(options.include_detail, "options.include_detail")?))
}

/// Lists one page of a directory's users.
///
/// - `client`: required.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `options`: filters and details; may be NULL, which means the server's defaults.
/// - `page`: receives the page; free it with hc_user_page_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if there is no such directory, HC_INVALID_ARGUMENT, or any status that a request can have.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_users(
    client: *const hc_client,
    organization_id: *const c_char,
    directory_id: *const c_char,
    options: *const hc_user_options,
    page: *mut *mut hc_user_page,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, page, (client: object, organization_id: text, directory_id: text, options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let list = unsafe { listing(client.0.directories().users(organization_id, directory_id), &options) }?;
        list.send().map(hc_user_page::from)
    })
}

/// Creates an iterator over every user of a directory. Sends no request yet.
///
/// - `client`: required. It may be freed before the iterator.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `options`: filters and details; may be NULL, which means all users.
/// - `iter`: receives the iterator; free it with hc_user_iter_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_users_iter(
    client: *const hc_client,
    organization_id: *const c_char,
    directory_id: *const c_char,
    options: *const hc_user_options,
    iter: *mut *mut hc_user_iter,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, iter, (client: object, organization_id: text, directory_id: text, options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let list = unsafe { listing(client.0.directories().users(organization_id, directory_id), &options) }?;
        Ok(hc_user_iter(IterOf::new(list)))
    })
}
