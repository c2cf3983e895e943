//! What the mirror holds: users, groups and directories, each as the core's value with C's strings beside it.

use crate::boundary::{call, free, optional_text, read};
use crate::error::{hc_error, hc_status};
use crate::mirror::hc_mirror;
use crate::options::growing;
use crate::page::at;
use crate::text::{Text, TextList};
use headcount_core::blocking::MirrorUsers;
use headcount_core::{MirrorDirectory, MirrorGroup, MirrorUser};
use std::ffi::c_char;
use std::ptr;

/// A user as mirrored.
pub struct hc_mirror_user {
    pub(crate) user: MirrorUser,
    texts: UserTexts,
}

impl From<MirrorUser> for hc_mirror_user {
    fn from(user: MirrorUser) -> hc_mirror_user {
        hc_mirror_user { user, texts: UserTexts::default() }
    }
}

#[derive(Default)]
struct UserTexts {
    id: Text,
    organization_id: Text,
    directory_id: Text,
    email: Text,
    given_name: Text,
    family_name: Text,
    preferred_username: Text,
    linked_id: Text,
    updated_at: Text,
    detail: Text,
    attributes: Text,
    json: Text,
    emails: TextList,
    group_ids: TextList,
    roles: TextList,
    vendor_roles: TextList,
}

/// A group as mirrored.
pub struct hc_mirror_group {
    pub(crate) group: MirrorGroup,
    texts: GroupTexts,
}

impl From<MirrorGroup> for hc_mirror_group {
    fn from(group: MirrorGroup) -> hc_mirror_group {
        hc_mirror_group { group, texts: GroupTexts::default() }
    }
}

#[derive(Default)]
struct GroupTexts {
    id: Text,
    organization_id: Text,
    directory_id: Text,
    display_name: Text,
    updated_at: Text,
    json: Text,
}

/// A directory as mirrored.
pub struct hc_mirror_directory {
    pub(crate) directory: MirrorDirectory,
    texts: DirectoryTexts,
}

impl From<MirrorDirectory> for hc_mirror_directory {
    fn from(directory: MirrorDirectory) -> hc_mirror_directory {
        hc_mirror_directory { directory, texts: DirectoryTexts::default() }
    }
}

#[derive(Default)]
struct DirectoryTexts {
    id: Text,
    organization_id: Text,
    name: Text,
    type_: Text,
    provider: Text,
}

/// The users of an organization, one at a time.
pub struct hc_mirror_user_iter {
    users: MirrorUsers,
    last: Option<hc_mirror_user>,
}

/// Which users of an organization. Zero all of it, set struct_size and what you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_mirror_user_options {
    /// sizeof(hc_mirror_user_options).
    pub struct_size: usize,
    /// Only those of this directory ("dir_..."). NULL: of all.
    pub directory_id: *const c_char,
    /// Only the members of this group ("dirgroup_..."). NULL: everybody.
    pub group_id: *const c_char,
}

growing!(hc_mirror_user_options { directory_id, group_id });

/// Begins to read the users of an organization, in the order in which the mirror learnt of them. Nothing is asked of the server.
///
/// - `mirror`: required. The iterator does not need it to live on.
/// - `organization_id`: "org_...".
/// - `options`: which; may be NULL, which means all.
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
        Ok(hc_mirror_user_iter { users, last: None })
    })
}

/// The next user.
///
/// - `iter`: required. After an error it is at its end: begin another one.
/// - `user`: receives the user, owned by `iter` and valid until the next call with it; NULL behind the last one.
/// - `error`: may be NULL.
/// - Fails with HC_STORE.
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

/// One user of the mirror's.
///
/// - `mirror`: required.
/// - `user_id`: "diruser_...".
/// - `user`: receives the user, or NULL where the mirror has none of this id; free it with hc_mirror_user_free.
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

/// The users with a primary address, whatever the case of its letters, in all organizations: an address is no identity, and several may
/// have it.
///
/// - `mirror`: required.
/// - `email`: the address.
/// - `users`: receives the list, empty where nobody has it; free it with hc_mirror_user_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
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

/// One group of the mirror's.
///
/// - `mirror`: required.
/// - `group_id`: "dirgroup_...".
/// - `group`: receives the group, or NULL where the mirror has none of this id; free it with hc_mirror_group_free.
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

/// The groups of an organization, or of one of its directories, in the order in which the mirror learnt of them.
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

/// The directories that the mirror knows.
///
/// - `mirror`: required.
/// - `organization_id`: "org_..."; may be NULL, which means those of all organizations.
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

/// Users as mirrored.
pub struct hc_mirror_user_list(Vec<hc_mirror_user>);

impl<T: Into<hc_mirror_user>> From<Vec<T>> for hc_mirror_user_list {
    fn from(items: Vec<T>) -> hc_mirror_user_list {
        hc_mirror_user_list(items.into_iter().map(Into::into).collect())
    }
}

/// How many users there are.
///
/// - `users`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_list_len(users: *const hc_mirror_user_list) -> usize {
    read!(users => users.0.len())
}

/// The user at an index.
///
/// - `users`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns a user, owned by `users`, or NULL behind the last one.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_list_at(
    users: *const hc_mirror_user_list,
    index: usize,
) -> *const hc_mirror_user {
    read!(users => at(&users.0, index))
}

/// Frees the list and the users in it.
///
/// - `users`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_list_free(users: *mut hc_mirror_user_list) {
    free!(users);
}

/// Groups as mirrored.
pub struct hc_mirror_group_list(Vec<hc_mirror_group>);

impl<T: Into<hc_mirror_group>> From<Vec<T>> for hc_mirror_group_list {
    fn from(items: Vec<T>) -> hc_mirror_group_list {
        hc_mirror_group_list(items.into_iter().map(Into::into).collect())
    }
}

/// How many groups there are.
///
/// - `groups`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_group_list_len(groups: *const hc_mirror_group_list) -> usize {
    read!(groups => groups.0.len())
}

/// The group at an index.
///
/// - `groups`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns a group, owned by `groups`, or NULL behind the last one.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_group_list_at(
    groups: *const hc_mirror_group_list,
    index: usize,
) -> *const hc_mirror_group {
    read!(groups => at(&groups.0, index))
}

/// Frees the list and the groups in it.
///
/// - `groups`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_group_list_free(groups: *mut hc_mirror_group_list) {
    free!(groups);
}

/// Directories as mirrored.
pub struct hc_mirror_directory_list(Vec<hc_mirror_directory>);

impl<T: Into<hc_mirror_directory>> From<Vec<T>> for hc_mirror_directory_list {
    fn from(items: Vec<T>) -> hc_mirror_directory_list {
        hc_mirror_directory_list(items.into_iter().map(Into::into).collect())
    }
}

/// How many directories there are.
///
/// - `directories`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_list_len(directories: *const hc_mirror_directory_list) -> usize {
    read!(directories => directories.0.len())
}

/// The directory at an index.
///
/// - `directories`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns a directory, owned by `directories`, or NULL behind the last one.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_list_at(
    directories: *const hc_mirror_directory_list,
    index: usize,
) -> *const hc_mirror_directory {
    read!(directories => at(&directories.0, index))
}

/// Frees the list and the directories in it.
///
/// - `directories`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_list_free(directories: *mut hc_mirror_directory_list) {
    free!(directories);
}

/// The user's id, "diruser_...": it stays the same whatever else of them changes.
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns text owned by `user`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_id(user: *const hc_mirror_user) -> *const c_char {
    read!(user => user.texts.id.of(&user.user.id))
}

/// The organization they belong to.
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns text owned by `user`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_organization_id(user: *const hc_mirror_user) -> *const c_char {
    read!(user => user.texts.organization_id.of(&user.user.organization_id))
}

/// The directory that lists them.
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns text owned by `user`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_directory_id(user: *const hc_mirror_user) -> *const c_char {
    read!(user => user.texts.directory_id.of(&user.user.directory_id))
}

/// The primary address.
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns text owned by `user`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_email(user: *const hc_mirror_user) -> *const c_char {
    read!(user => user.texts.email.of(&user.user.email))
}

/// First name.
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns text owned by `user`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_given_name(user: *const hc_mirror_user) -> *const c_char {
    read!(user => user.texts.given_name.of(&user.user.given_name))
}

/// Last name.
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns text owned by `user`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_family_name(user: *const hc_mirror_user) -> *const c_char {
    read!(user => user.texts.family_name.of(&user.user.family_name))
}

/// What they sign in with at their directory.
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns text owned by `user`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_preferred_username(user: *const hc_mirror_user) -> *const c_char {
    read!(user => user.texts.preferred_username.of(&user.user.preferred_username))
}

/// How many addresses the last listing had.
///
/// - `user`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_emails_len(user: *const hc_mirror_user) -> usize {
    read!(user => user.user.emails.len())
}

/// The address at an index.
///
/// - `user`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns text owned by `user`, or NULL behind the last one.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_emails_at(user: *const hc_mirror_user, index: usize) -> *const c_char {
    read!(user => user.texts.emails.at(&user.user.emails, index))
}

/// Whether they may sign in: what the latest event or the listed details say, or else yes.
///
/// - `user`: may be NULL, which gives false.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_active(user: *const hc_mirror_user) -> bool {
    read!(user => user.user.active)
}

/// How many groups they are in.
///
/// - `user`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_group_ids_len(user: *const hc_mirror_user) -> usize {
    read!(user => user.user.group_ids.len())
}

/// The id of the group at an index, in the order of the ids.
///
/// - `user`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns text owned by `user`, or NULL behind the last one.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_group_ids_at(user: *const hc_mirror_user, index: usize) -> *const c_char {
    read!(user => user.texts.group_ids.at(&user.user.group_ids, index))
}

/// How many roles the role map (hc_mirror_set_role_map) gives them by their groups.
///
/// - `user`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_roles_len(user: *const hc_mirror_user) -> usize {
    read!(user => user.user.roles.len())
}

/// The role at an index, in the order of the names.
///
/// - `user`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns text owned by `user`, or NULL behind the last one.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_roles_at(user: *const hc_mirror_user, index: usize) -> *const c_char {
    read!(user => user.texts.roles.at(&user.user.roles, index))
}

/// How many roles the vendor gives them, as the latest event had them.
///
/// - `user`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_vendor_roles_len(user: *const hc_mirror_user) -> usize {
    read!(user => user.user.vendor_roles.len())
}

/// The vendor's role at an index.
///
/// - `user`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns text owned by `user`, or NULL behind the last one.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_vendor_roles_at(user: *const hc_mirror_user, index: usize) -> *const c_char {
    read!(user => user.texts.vendor_roles.at(&user.user.vendor_roles, index))
}

/// The application's own id for them, where it has linked one (hc_mirror_link).
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns text owned by `user`, or NULL where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_linked_id(user: *const hc_mirror_user) -> *const c_char {
    read!(user => user.texts.linked_id.of_option(user.user.linked_id.as_deref()))
}

/// When their directory last changed them.
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns RFC 3339 text owned by `user`, or NULL where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_updated_at(user: *const hc_mirror_user) -> *const c_char {
    read!(user => user.texts.updated_at.of_display(user.user.updated_at))
}

/// The user as their directory describes them, from the last listing. Memberships and changes of roles leave it out.
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns JSON text owned by `user`, or NULL where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_detail(user: *const hc_mirror_user) -> *const c_char {
    read!(user => user.texts.detail.of_option(user.user.detail.as_ref().map(|json| json.get())))
}

/// What the latest event said beyond the other fields, such as "title" and "department". Memberships and changes of roles
/// leave it out.
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns JSON text owned by `user`, or NULL where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_attributes(user: *const hc_mirror_user) -> *const c_char {
    read!(user => user.texts.attributes.of_option(user.user.attributes.as_ref().map(|json| json.get())))
}

/// The user with every field, the exact text of each.
///
/// - `user`: may be NULL, which gives NULL.
/// - Returns JSON text owned by `user`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_json(user: *const hc_mirror_user) -> *const c_char {
    read!(user => user.texts.json.of_json(&user.user))
}

/// Frees a user that hc_mirror_user_get gave. One that was borrowed from a list, a change or an iterator is never freed.
///
/// - `user`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_user_free(user: *mut hc_mirror_user) {
    free!(user);
}

/// The group's id, "dirgroup_...".
///
/// - `group`: may be NULL, which gives NULL.
/// - Returns text owned by `group`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_group_id(group: *const hc_mirror_group) -> *const c_char {
    read!(group => group.texts.id.of(&group.group.id))
}

/// The organization it belongs to.
///
/// - `group`: may be NULL, which gives NULL.
/// - Returns text owned by `group`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_group_organization_id(group: *const hc_mirror_group) -> *const c_char {
    read!(group => group.texts.organization_id.of(&group.group.organization_id))
}

/// The directory that lists it.
///
/// - `group`: may be NULL, which gives NULL.
/// - Returns text owned by `group`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_group_directory_id(group: *const hc_mirror_group) -> *const c_char {
    read!(group => group.texts.directory_id.of(&group.group.directory_id))
}

/// What people call it.
///
/// - `group`: may be NULL, which gives NULL.
/// - Returns text owned by `group`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_group_display_name(group: *const hc_mirror_group) -> *const c_char {
    read!(group => group.texts.display_name.of(&group.group.display_name))
}

/// When its directory last changed it.
///
/// - `group`: may be NULL, which gives NULL.
/// - Returns RFC 3339 text owned by `group`, or NULL where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_group_updated_at(group: *const hc_mirror_group) -> *const c_char {
    read!(group => group.texts.updated_at.of_display(group.group.updated_at))
}

/// The group with every field, the exact text of each.
///
/// - `group`: may be NULL, which gives NULL.
/// - Returns JSON text owned by `group`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_group_json(group: *const hc_mirror_group) -> *const c_char {
    read!(group => group.texts.json.of_json(&group.group))
}

/// Frees a group that hc_mirror_group_get gave. One that was borrowed from a list or a change is never freed.
///
/// - `group`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_group_free(group: *mut hc_mirror_group) {
    free!(group);
}

/// The directory's id, "dir_...".
///
/// - `directory`: may be NULL, which gives NULL.
/// - Returns text owned by `directory`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_id(directory: *const hc_mirror_directory) -> *const c_char {
    read!(directory => directory.texts.id.of(&directory.directory.id))
}

/// The organization it belongs to.
///
/// - `directory`: may be NULL, which gives NULL.
/// - Returns text owned by `directory`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_organization_id(directory: *const hc_mirror_directory) -> *const c_char {
    read!(directory => directory.texts.organization_id.of(&directory.directory.organization_id))
}

/// What people call it.
///
/// - `directory`: may be NULL, which gives NULL.
/// - Returns text owned by `directory`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_name(directory: *const hc_mirror_directory) -> *const c_char {
    read!(directory => directory.texts.name.of(&directory.directory.name))
}

/// How Scalekit follows it, as hc_directory_type has it.
///
/// - `directory`: may be NULL, which gives NULL.
/// - Returns text owned by `directory`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_type(directory: *const hc_mirror_directory) -> *const c_char {
    read!(directory => directory.texts.type_.of(directory.directory.directory_type.as_str()))
}

/// Whose product it is, as hc_directory_provider has it.
///
/// - `directory`: may be NULL, which gives NULL.
/// - Returns text owned by `directory`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_provider(directory: *const hc_mirror_directory) -> *const c_char {
    read!(directory => directory.texts.provider.of(directory.directory.directory_provider.as_str()))
}

/// Whether Scalekit follows it at present.
///
/// - `directory`: may be NULL, which gives false.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_directory_enabled(directory: *const hc_mirror_directory) -> bool {
    read!(directory => directory.directory.enabled)
}
