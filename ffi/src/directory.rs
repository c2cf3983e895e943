//! The calls about the directories of an organization: fetches, enables and disables them.

use crate::boundary::call;
use crate::client::hc_client;
use crate::error::hc_error;
use crate::generated::{hc_directory, hc_directory_list, hc_directory_toggle, hc_status};
use std::ffi::c_char;

/// Fetches all directories of an organization with one request.
///
/// - `client`: required.
/// - `organization_id`: "org_...".
/// - `directories`: receives the list; free it with hc_directory_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if there is no such organization, or any status that a request can have.
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
/// - `directory`: receives the result; free it with hc_directory_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if the organization has no such directory, or any status that a request can have.
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

/// Fetches the first directory of an organization. Most organizations have only one.
///
/// - `client`: required.
/// - `organization_id`: "org_...".
/// - `directory`: receives the result; free it with hc_directory_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if the organization has no directory, or any status that a request can have.
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

/// Enables a directory, so that Scalekit synchronizes it.
///
/// - `client`: required.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `toggle`: receives the result; free it with hc_directory_toggle_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if the organization has no such directory, or any status that a request can have.
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

/// Disables a directory, so that Scalekit stops synchronizing it.
///
/// - `client`: required.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `toggle`: receives the result; free it with hc_directory_toggle_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if the organization has no such directory, or any status that a request can have.
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
