//! Groups of a directory.

use crate::boundary::{call, free, optional_text, read};
use crate::client::hc_client;
use crate::error::{hc_error, hc_status};
use crate::iter::IterOf;
use crate::options::{growing, moment, reserved, tri_state, unless_zero};
use crate::page::PageOf;
use crate::text::Text;
use headcount_core::blocking::List;
use headcount_core::{Group, Page, Result};
use std::ffi::c_char;

/// A group of a directory.
pub struct hc_group {
    group: Group,
    id: Text,
    display_name: Text,
    updated_at: Text,
    group_detail: Text,
    json: Text,
}

impl From<Group> for hc_group {
    fn from(group: Group) -> hc_group {
        hc_group {
            group,
            id: Text::default(),
            display_name: Text::default(),
            updated_at: Text::default(),
            group_detail: Text::default(),
            json: Text::default(),
        }
    }
}

/// One page of groups.
pub struct hc_group_page(PageOf<hc_group>);

impl From<Page<Group>> for hc_group_page {
    fn from(page: Page<Group>) -> hc_group_page {
        hc_group_page(PageOf::new(page))
    }
}

/// Every group of a listing, one at a time.
pub struct hc_group_iter(IterOf<Group, hc_group>);

/// Which groups to list, and with what. Zero all of it, set struct_size and what you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_group_options {
    /// sizeof(hc_group_options).
    pub struct_size: usize,
    /// The page to start with: another page's next or previous token. NULL or "": the first.
    pub page_token: *const c_char,
    /// Only groups that were changed after this moment, as RFC 3339 text. NULL: whenever.
    pub updated_after: *const c_char,
    /// The most groups a page may have, 30 at most. 0: the server's default for a page, the largest for an iterator.
    pub page_size: u32,
    /// Whether groups come with their group_detail: 1 yes, -1 no, 0 as the server has it.
    pub include_detail: i32,
    /// Whether groups of the provider that Scalekit does not follow come as well: 1 yes, -1 no, 0 as the server has it.
    pub include_external_groups: i32,
    /// 0.
    pub reserved: u32,
}

growing!(hc_group_options { page_token, updated_after, page_size, include_detail, include_external_groups, reserved });

/// The listing with the filters that `options` describe.
///
/// # Safety
///
/// Their texts are NULL, or NUL-terminated and alive during the call.
pub(crate) unsafe fn listing(list: List<Group>, options: &hc_group_options) -> Result<List<Group>> {
    reserved(options.reserved, "options.reserved")?;
    // SAFETY: the contract.
    let (token, after) = unsafe {
        (
            optional_text(options.page_token, "options.page_token")?,
            optional_text(options.updated_after, "options.updated_after")?,
        )
    };
    Ok(list
        .page_size(unless_zero(options.page_size))
        .page_token(token)
        .updated_after(moment(after, "options.updated_after")?)
        .include_detail(tri_state(options.include_detail, "options.include_detail")?)
        .include_external_groups(tri_state(options.include_external_groups, "options.include_external_groups")?))
}

/// Lists one page of a directory's groups.
///
/// - `client`: required.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `options`: which, and with what; may be NULL, which means the server's defaults.
/// - `page`: receives the page; free it with hc_group_page_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND where there is no such directory, HC_INVALID_ARGUMENT, or any status that a request can have.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_groups(
    client: *const hc_client,
    organization_id: *const c_char,
    directory_id: *const c_char,
    options: *const hc_group_options,
    page: *mut *mut hc_group_page,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, page, (client: object, organization_id: text, directory_id: text, options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let list = unsafe { listing(client.0.directories().groups(organization_id, directory_id), &options) }?;
        list.send().map(hc_group_page::from)
    })
}

/// Begins to list every group of a directory. Nothing is asked of the server yet.
///
/// - `client`: required. The iterator does not need it to live on.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `options`: which, and with what; may be NULL, which means all.
/// - `iter`: receives the iterator; free it with hc_group_iter_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_groups_iter(
    client: *const hc_client,
    organization_id: *const c_char,
    directory_id: *const c_char,
    options: *const hc_group_options,
    iter: *mut *mut hc_group_iter,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, iter, (client: object, organization_id: text, directory_id: text, options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let list = unsafe { listing(client.0.directories().groups(organization_id, directory_id), &options) }?;
        Ok(hc_group_iter(IterOf::new(list)))
    })
}

/// The next group, fetching a page where that is needed.
///
/// - `iter`: required. After an error it may be called again, and asks for the same page again.
/// - `group`: receives the group, owned by `iter` and valid until the next call with it; NULL behind the last one.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND where there is no such directory, or any status that a request can have.
/// - Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_group_iter_next(
    iter: *mut hc_group_iter,
    group: *mut *const hc_group,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, group, (iter: exclusive) => iter.0.next())
}

/// Frees an iterator and the group that it gave last.
///
/// - `iter`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_group_iter_free(iter: *mut hc_group_iter) {
    free!(iter);
}

/// How many groups the page has.
///
/// - `page`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_group_page_len(page: *const hc_group_page) -> usize {
    read!(page => page.0.len())
}

/// The group at an index.
///
/// - `page`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns the group, owned by `page`, or NULL behind the last one.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_group_page_at(page: *const hc_group_page, index: usize) -> *const hc_group {
    read!(page => page.0.at(index))
}

/// How many groups the whole listing has, by the server's count.
///
/// - `page`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_group_page_total_size(page: *const hc_group_page) -> u64 {
    read!(page => page.0.total_size)
}

/// What to ask the next page with.
///
/// - `page`: may be NULL, which gives NULL.
/// - Returns text owned by `page`, "" on the last page.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_group_page_next_page_token(page: *const hc_group_page) -> *const c_char {
    read!(page => page.0.next_page_token())
}

/// What to ask the page before with.
///
/// - `page`: may be NULL, which gives NULL.
/// - Returns text owned by `page`, "" on the first page.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_group_page_prev_page_token(page: *const hc_group_page) -> *const c_char {
    read!(page => page.0.prev_page_token())
}

/// Frees a page and the groups in it.
///
/// - `page`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_group_page_free(page: *mut hc_group_page) {
    free!(page);
}

/// The group's id, "dirgroup_...".
///
/// - `group`: may be NULL, which gives NULL.
/// - Returns text owned by `group`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_group_id(group: *const hc_group) -> *const c_char {
    read!(group => group.id.of(&group.group.id))
}

/// What people call the group.
///
/// - `group`: may be NULL, which gives NULL.
/// - Returns text owned by `group`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_group_display_name(group: *const hc_group) -> *const c_char {
    read!(group => group.display_name.of(&group.group.display_name))
}

/// How many members the group has.
///
/// - `group`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_group_total_users(group: *const hc_group) -> u32 {
    read!(group => group.group.total_users)
}

/// When the group was last changed.
///
/// - `group`: may be NULL, which gives NULL.
/// - Returns RFC 3339 text owned by `group`, or NULL where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_group_updated_at(group: *const hc_group) -> *const c_char {
    read!(group => group.updated_at.of_display(group.group.updated_at))
}

/// The group as its directory describes it, where details were asked for.
///
/// - `group`: may be NULL, which gives NULL.
/// - Returns JSON text owned by `group`, or NULL where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_group_group_detail(group: *const hc_group) -> *const c_char {
    read!(group => group.group_detail.of_option(group.group.group_detail.as_ref().map(|json| json.get())))
}

/// The group as the API spells it on the wire, every field included.
///
/// - `group`: may be NULL, which gives NULL.
/// - Returns JSON text owned by `group`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_group_json(group: *const hc_group) -> *const c_char {
    read!(group => group.json.of_json(&group.group))
}

/// Frees a group that a sandbox gave (hc_sandbox_create_group), and every text that came from it. One that was borrowed from a page or an
/// iterator is never freed.
///
/// - `group`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_group_free(group: *mut hc_group) {
    free!(group);
}
