//! Users of a directory: the people who work at the organization.

use crate::boundary::{call, free, optional_text, read};
use crate::client::hc_client;
use crate::error::{hc_error, hc_status};
use crate::group::hc_group;
use crate::iter::IterOf;
use crate::options::{growing, moment, tri_state, unless_zero};
use crate::page::{PageOf, at};
use crate::text::{Text, c_string};
use headcount_core::blocking::List;
use headcount_core::{Page, Result, User};
use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::OnceLock;

/// A user of a directory: somebody who works at the organization.
pub struct hc_user {
    user: User,
    id: Text,
    email: Text,
    given_name: Text,
    family_name: Text,
    preferred_username: Text,
    updated_at: Text,
    user_detail: Text,
    json: Text,
    emails: OnceLock<Vec<CString>>,
    groups: OnceLock<Vec<hc_group>>,
}

impl From<User> for hc_user {
    fn from(user: User) -> hc_user {
        hc_user {
            user,
            id: Text::default(),
            email: Text::default(),
            given_name: Text::default(),
            family_name: Text::default(),
            preferred_username: Text::default(),
            updated_at: Text::default(),
            user_detail: Text::default(),
            json: Text::default(),
            emails: OnceLock::new(),
            groups: OnceLock::new(),
        }
    }
}

impl hc_user {
    fn email_at(&self, index: usize) -> *const c_char {
        let emails = self.emails.get_or_init(|| self.user.emails.iter().map(|email| c_string(email)).collect());
        emails.get(index).map_or(ptr::null(), |email| email.as_ptr())
    }

    fn groups(&self) -> &[hc_group] {
        self.groups.get_or_init(|| self.user.groups.iter().cloned().map(hc_group::from).collect())
    }
}

/// One page of users.
pub struct hc_user_page(PageOf<hc_user>);

impl From<Page<User>> for hc_user_page {
    fn from(page: Page<User>) -> hc_user_page {
        hc_user_page(PageOf::new(page))
    }
}

/// Every user of a listing, one at a time.
pub struct hc_user_iter(IterOf<User, hc_user>);

/// Which users to list, and with what. Zero all of it, set struct_size and what you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_user_options {
    /// sizeof(hc_user_options).
    pub struct_size: usize,
    /// The page to start with: another page's next or previous token. NULL or "": the first.
    pub page_token: *const c_char,
    /// Only the members of this group ("dirgroup_..."). NULL: everybody.
    pub directory_group_id: *const c_char,
    /// Only users that were changed after this moment, as RFC 3339 text. NULL: whenever.
    pub updated_after: *const c_char,
    /// The most users a page may have, 30 at most. 0: the server's default for a page, the largest for an iterator.
    pub page_size: u32,
    /// Whether users come with their user_detail: 1 yes, -1 no, 0 as the server has it.
    pub include_detail: i32,
}

growing!(hc_user_options { page_token, directory_group_id, updated_after, page_size, include_detail });

/// The listing with the filters that `options` describe.
///
/// # Safety
///
/// Their texts are NULL, or NUL-terminated and alive during the call.
pub(crate) unsafe fn listing(list: List<User>, options: &hc_user_options) -> Result<List<User>> {
    // SAFETY: the contract.
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
/// - `options`: which, and with what; may be NULL, which means the server's defaults.
/// - `page`: receives the page; free it with hc_user_page_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND where there is no such directory, HC_INVALID_ARGUMENT, or any status that a request can have.
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

/// Begins to list every user of a directory. Nothing is asked of the server yet.
///
/// - `client`: required. The iterator does not need it to live on.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `options`: which, and with what; may be NULL, which means all.
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

/// The next user, fetching a page where that is needed.
///
/// - `iter`: required. After an error it may be called again, and asks for the same page again.
/// - `user`: receives the user, owned by `iter` and valid until the next call with it; NULL behind the last one.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND where there is no such directory, or any status that a request can have.
/// - Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_iter_next(
    iter: *mut hc_user_iter,
    user: *mut *const hc_user,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, user, (iter: exclusive) => iter.0.next())
}

/// Frees an iterator and the user that it gave last.
///
/// - `iter`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_iter_free(iter: *mut hc_user_iter) {
    free!(iter);
}

/// How many users the page has.
///
/// - `page`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_page_len(page: *const hc_user_page) -> usize {
    read!(page => page.0.len())
}

/// The user at an index.
///
/// - `page`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns the user, owned by `page`, or NULL behind the last one.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_page_at(page: *const hc_user_page, index: usize) -> *const hc_user {
    read!(page => page.0.at(index))
}

/// How many users the whole listing has, by the server's count.
///
/// - `page`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_page_total_size(page: *const hc_user_page) -> u64 {
    read!(page => page.0.total_size)
}

/// What to ask the next page with.
///
/// - `page`: may be NULL, which gives NULL.
/// - Returns text owned by `page`, "" on the last page.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_page_next_page_token(page: *const hc_user_page) -> *const c_char {
    read!(page => page.0.next_page_token())
}

/// What to ask the page before with.
///
/// - `page`: may be NULL, which gives NULL.
/// - Returns text owned by `page`, "" on the first page.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_page_prev_page_token(page: *const hc_user_page) -> *const c_char {
    read!(page => page.0.prev_page_token())
}

/// Frees a page and the users in it.
///
/// - `page`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_page_free(page: *mut hc_user_page) {
    free!(page);
}

/// The user's id, "diruser_...": the user's identity, which an e-mail address is not.
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns text owned by `user`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_id(user: *const hc_user) -> *const c_char {
    read!(user => user.id.of(&user.user.id))
}

/// The user's primary address.
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns text owned by `user`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_email(user: *const hc_user) -> *const c_char {
    read!(user => user.email.of(&user.user.email))
}

/// The user's first name.
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns text owned by `user`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_given_name(user: *const hc_user) -> *const c_char {
    read!(user => user.given_name.of(&user.user.given_name))
}

/// The user's last name.
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns text owned by `user`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_family_name(user: *const hc_user) -> *const c_char {
    read!(user => user.family_name.of(&user.user.family_name))
}

/// What the user signs in with at the directory.
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns text owned by `user`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_preferred_username(user: *const hc_user) -> *const c_char {
    read!(user => user.preferred_username.of(&user.user.preferred_username))
}

/// When the user was last changed.
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns RFC 3339 text owned by `user`, or NULL where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_updated_at(user: *const hc_user) -> *const c_char {
    read!(user => user.updated_at.of_display(user.user.updated_at))
}

/// The user as the directory describes them, where details were asked for.
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns JSON text owned by `user`, or NULL where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_user_detail(user: *const hc_user) -> *const c_char {
    read!(user => user.user_detail.of_option(user.user.user_detail.as_ref().map(|json| json.get())))
}

/// The user as the API spells it on the wire, every field included.
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns JSON text owned by `user`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_json(user: *const hc_user) -> *const c_char {
    read!(user => user.json.of_json(&user.user))
}

/// Frees a user that a sandbox gave (hc_sandbox_create_user), and every text that came from it. One that was borrowed from a page or an
/// iterator is never freed.
///
/// - `user`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_free(user: *mut hc_user) {
    free!(user);
}

/// How many addresses the user has.
///
/// - `user`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_emails_len(user: *const hc_user) -> usize {
    read!(user => user.user.emails.len())
}

/// The user's address at an index.
///
/// - `user`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns text owned by `user`, or NULL behind the last one.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_emails_at(user: *const hc_user, index: usize) -> *const c_char {
    read!(user => user.email_at(index))
}

/// How many groups the user is in.
///
/// - `user`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_groups_len(user: *const hc_user) -> usize {
    read!(user => user.groups().len())
}

/// The user's group at an index.
///
/// - `user`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns a group owned by `user`, or NULL behind the last one.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_user_groups_at(user: *const hc_user, index: usize) -> *const hc_group {
    read!(user => at(user.groups(), index))
}
