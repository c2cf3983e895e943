//! Directories: an organization's Okta, Entra, Google, ..., as Scalekit follows it.

use crate::boundary::{call, free, read};
use crate::client::hc_client;
use crate::error::{hc_error, hc_status};
use crate::page::at;
use crate::text::Text;
use headcount_core::{Directory, DirectoryToggle};
use std::ffi::c_char;

/// A directory: an organization's Okta, Entra, Google, ..., as Scalekit follows it.
pub struct hc_directory {
    directory: Directory,
    id: Text,
    name: Text,
    organization_id: Text,
    directory_type: Text,
    provider: Text,
    status: Text,
    email: Text,
    endpoint: Text,
    groups_tracked: Text,
    last_synced_at: Text,
    json: Text,
}

impl From<Directory> for hc_directory {
    fn from(directory: Directory) -> hc_directory {
        hc_directory {
            directory,
            id: Text::default(),
            name: Text::default(),
            organization_id: Text::default(),
            directory_type: Text::default(),
            provider: Text::default(),
            status: Text::default(),
            email: Text::default(),
            endpoint: Text::default(),
            groups_tracked: Text::default(),
            last_synced_at: Text::default(),
            json: Text::default(),
        }
    }
}

/// All directories of an organization.
pub struct hc_directory_list(Vec<hc_directory>);

impl From<Vec<Directory>> for hc_directory_list {
    fn from(directories: Vec<Directory>) -> hc_directory_list {
        hc_directory_list(directories.into_iter().map(hc_directory::from).collect())
    }
}

/// How switching a directory on or off went.
pub struct hc_directory_toggle {
    toggle: DirectoryToggle,
    error_message: Text,
}

impl From<DirectoryToggle> for hc_directory_toggle {
    fn from(toggle: DirectoryToggle) -> hc_directory_toggle {
        hc_directory_toggle { toggle, error_message: Text::default() }
    }
}

/// Fetches all directories of an organization; they come in one answer.
///
/// - `client`: required.
/// - `organization_id`: "org_...".
/// - `directories`: receives the list; free it with hc_directory_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND where there is no such organization, or any status that a request can have.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directories(
    client: *const hc_client,
    organization_id: *const c_char,
    directories: *mut *mut hc_directory_list,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, directories, (client: object, organization_id: text) => {
        client.0.directories().list(organization_id).map(hc_directory_list::from)
    })
}

/// Fetches one directory.
///
/// - `client`: required.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `directory`: receives it; free it with hc_directory_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND where the organization has no such directory, or any status that a request can have.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_get(
    client: *const hc_client,
    organization_id: *const c_char,
    directory_id: *const c_char,
    directory: *mut *mut hc_directory,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, directory, (client: object, organization_id: text, directory_id: text) => {
        client.0.directories().get(organization_id, directory_id).map(hc_directory::from)
    })
}

/// Fetches the first directory that the organization lists, which is the one that most organizations have.
///
/// - `client`: required.
/// - `organization_id`: "org_...".
/// - `directory`: receives it; free it with hc_directory_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND where the organization has no directory, or any status that a request can have.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_primary(
    client: *const hc_client,
    organization_id: *const c_char,
    directory: *mut *mut hc_directory,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, directory, (client: object, organization_id: text) => {
        client.0.directories().primary(organization_id).map(hc_directory::from)
    })
}

/// Has Scalekit follow the directory.
///
/// - `client`: required.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `toggle`: receives how it went; free it with hc_directory_toggle_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND where the organization has no such directory, or any status that a request can have.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_enable(
    client: *const hc_client,
    organization_id: *const c_char,
    directory_id: *const c_char,
    toggle: *mut *mut hc_directory_toggle,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, toggle, (client: object, organization_id: text, directory_id: text) => {
        client.0.directories().enable(organization_id, directory_id).map(hc_directory_toggle::from)
    })
}

/// Has Scalekit stop following the directory.
///
/// - `client`: required.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `toggle`: receives how it went; free it with hc_directory_toggle_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND where the organization has no such directory, or any status that a request can have.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_disable(
    client: *const hc_client,
    organization_id: *const c_char,
    directory_id: *const c_char,
    toggle: *mut *mut hc_directory_toggle,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, toggle, (client: object, organization_id: text, directory_id: text) => {
        client.0.directories().disable(organization_id, directory_id).map(hc_directory_toggle::from)
    })
}

/// Whether the directory is on now.
///
/// - `toggle`: may be NULL, which gives false.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_toggle_enabled(toggle: *const hc_directory_toggle) -> bool {
    read!(toggle => toggle.toggle.enabled)
}

/// What stood in the way.
///
/// - `toggle`: may be NULL, which gives NULL.
/// - Returns text owned by `toggle`, "" where nothing did.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_toggle_error_message(toggle: *const hc_directory_toggle) -> *const c_char {
    read!(toggle => toggle.error_message.of(&toggle.toggle.error_message))
}

/// Frees what hc_directory_enable and hc_directory_disable give.
///
/// - `toggle`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_toggle_free(toggle: *mut hc_directory_toggle) {
    free!(toggle);
}

/// How many directories the list has.
///
/// - `directories`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_list_len(directories: *const hc_directory_list) -> usize {
    read!(directories => directories.0.len())
}

/// The directory at an index.
///
/// - `directories`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns a directory owned by `directories`, or NULL behind the last one.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_list_at(
    directories: *const hc_directory_list,
    index: usize,
) -> *const hc_directory {
    read!(directories => at(&directories.0, index))
}

/// Frees a list and the directories in it.
///
/// - `directories`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_list_free(directories: *mut hc_directory_list) {
    free!(directories);
}

/// The directory's id, "dir_...".
///
/// - `directory`: may be NULL, which gives NULL.
/// - Returns text owned by `directory`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_id(directory: *const hc_directory) -> *const c_char {
    read!(directory => directory.id.of(&directory.directory.id))
}

/// What people call the directory.
///
/// - `directory`: may be NULL, which gives NULL.
/// - Returns text owned by `directory`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_name(directory: *const hc_directory) -> *const c_char {
    read!(directory => directory.name.of(&directory.directory.name))
}

/// The organization that the directory belongs to.
///
/// - `directory`: may be NULL, which gives NULL.
/// - Returns text owned by `directory`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_organization_id(directory: *const hc_directory) -> *const c_char {
    read!(directory => directory.organization_id.of(&directory.directory.organization_id))
}

/// How Scalekit follows the directory: "SCIM", "LDAP", "POLL" or one that came later.
///
/// - `directory`: may be NULL, which gives NULL.
/// - Returns text owned by `directory`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_type(directory: *const hc_directory) -> *const c_char {
    read!(directory => directory.directory_type.of(directory.directory.directory_type.as_str()))
}

/// Whose product the directory is: "OKTA", "GOOGLE", "MICROSOFT_AD" or another.
///
/// - `directory`: may be NULL, which gives NULL.
/// - Returns text owned by `directory`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_provider(directory: *const hc_directory) -> *const c_char {
    read!(directory => directory.provider.of(directory.directory.directory_provider.as_str()))
}

/// Whether Scalekit follows the directory at present.
///
/// - `directory`: may be NULL, which gives false.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_enabled(directory: *const hc_directory) -> bool {
    read!(directory => directory.directory.enabled)
}

/// The vendor's word for the directory's state.
///
/// - `directory`: may be NULL, which gives NULL.
/// - Returns text owned by `directory`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_status(directory: *const hc_directory) -> *const c_char {
    read!(directory => directory.status.of(&directory.directory.status))
}

/// The account whose access is used to poll the directory.
///
/// - `directory`: may be NULL, which gives NULL.
/// - Returns text owned by `directory`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_email(directory: *const hc_directory) -> *const c_char {
    read!(directory => directory.email.of(&directory.directory.email))
}

/// Where the directory sends its changes.
///
/// - `directory`: may be NULL, which gives NULL.
/// - Returns text owned by `directory`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_endpoint(directory: *const hc_directory) -> *const c_char {
    read!(directory => directory.endpoint.of(&directory.directory.directory_endpoint))
}

/// Whether all groups are followed, or selected ones.
///
/// - `directory`: may be NULL, which gives NULL.
/// - Returns text owned by `directory`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_groups_tracked(directory: *const hc_directory) -> *const c_char {
    read!(directory => directory.groups_tracked.of(&directory.directory.groups_tracked))
}

/// How many users the directory has.
///
/// - `directory`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_total_users(directory: *const hc_directory) -> u32 {
    read!(directory => directory.directory.total_users)
}

/// How many groups the directory has.
///
/// - `directory`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_total_groups(directory: *const hc_directory) -> u32 {
    read!(directory => directory.directory.total_groups)
}

/// When the directory was last followed with success.
///
/// - `directory`: may be NULL, which gives NULL.
/// - Returns RFC 3339 text owned by `directory`, or NULL where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_last_synced_at(directory: *const hc_directory) -> *const c_char {
    read!(directory => directory.last_synced_at.of_display(directory.directory.last_synced_at))
}

/// The directory as the API spells it on the wire, every field included.
///
/// - `directory`: may be NULL, which gives NULL.
/// - Returns JSON text owned by `directory`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_json(directory: *const hc_directory) -> *const c_char {
    read!(directory => directory.json.of_json(&directory.directory))
}

/// Frees a directory that hc_directory_get or hc_directory_primary gave, never one from a list.
///
/// - `directory`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_free(directory: *mut hc_directory) {
    free!(directory);
}
