//! Creates, changes and deletes the users and groups of a sandbox.

use crate::boundary::{call, is_null, optional_text};
use crate::error::hc_error;
use crate::generated::{hc_group, hc_status, hc_user};
use crate::options::{impl_options, reserved, tri_state};
use crate::sandbox::{hc_sandbox, texts};
use headcount_core::{Error, Result};
use headcount_sandbox::{Error as SandboxError, NewGroup, NewUser, UserChange};
use std::ffi::c_char;

/// A new user, or changes of a user. Set all bytes to 0, then struct_size and the fields that you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_sandbox_user {
    /// sizeof(hc_sandbox_user).
    pub struct_size: usize,
    /// Primary e-mail address: required for a new user. NULL in a change: unchanged.
    pub email: *const c_char,
    /// First name. NULL: "" for a new user, unchanged in a change.
    pub given_name: *const c_char,
    /// Last name. NULL: "" for a new user, unchanged in a change.
    pub family_name: *const c_char,
    /// User name in the directory. NULL: the part of the address before "@" for a new user, unchanged in a change.
    pub preferred_username: *const c_char,
    /// All groups of the user: `groups_len` names or ids of existing groups. NULL: no groups for a new user, unchanged in a change. (To
    /// remove a user from all groups, pass a non-NULL pointer and the length 0.)
    pub groups: *const *const c_char,
    /// Number of items.
    pub groups_len: usize,
    /// Id of the organization of a new user. NULL: the first organization. Must be NULL in a change.
    pub organization_id: *const c_char,
    /// Id of the directory of a new user. NULL: the organization's first directory. Must be NULL in a change.
    pub directory_id: *const c_char,
    /// Whether the user may sign in: 1 yes, -1 no, 0 unchanged. Must be 0 for a new user, who may sign in.
    pub active: i32,
    /// Must be 0.
    pub reserved: u32,
}

impl_options!(hc_sandbox_user {
    email,
    given_name,
    family_name,
    preferred_username,
    groups,
    groups_len,
    organization_id,
    directory_id,
    active,
    reserved,
});

/// Creates a user and sends a webhook to the endpoints.
///
/// - `sandbox`: required.
/// - `new_user`: required, with its email. Texts are copied.
/// - `user`: receives the user; free it with hc_user_free.
/// - `error`: may be NULL.
/// - Fails with HC_BAD_REQUEST for an address without "@" or an unknown group, HC_NOT_FOUND for an unknown directory or
///   organization.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_create_user(
    sandbox: *const hc_sandbox,
    new_user: *const hc_sandbox_user,
    user: *mut *mut hc_user,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, user, (sandbox: object, new_user: required_options) => {
        // SAFETY: texts in new_user are NULL or alive during this call.
        let fields = unsafe { Fields::read(&new_user, "new_user") }?;
        if fields.active.is_some() {
            return Err(Error::invalid_argument("new_user.active is set: expected 0, because a new user may always sign in"));
        }
        let new = NewUser {
            email: fields.email.ok_or_else(|| is_null("new_user.email"))?,
            given_name: fields.given_name.unwrap_or_default(),
            family_name: fields.family_name.unwrap_or_default(),
            preferred_username: fields.preferred_username,
            groups: fields.groups.unwrap_or_default(),
            organization_id: fields.organization_id,
            directory_id: fields.directory_id,
            ..NewUser::default()
        };
        sandbox.unless_forked()?.create_user(new).map(hc_user::from).map_err(SandboxError::into_headcount)
    })
}

/// Changes a user and sends a webhook to the endpoints.
///
/// - `sandbox`: required.
/// - `user_id`: "diruser_...".
/// - `change`: required. Texts are copied.
/// - `user`: receives the changed user; free it with hc_user_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND for an unknown user, HC_BAD_REQUEST for an address without "@" or an unknown group.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_update_user(
    sandbox: *const hc_sandbox,
    user_id: *const c_char,
    change: *const hc_sandbox_user,
    user: *mut *mut hc_user,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, user, (sandbox: object, user_id: text, change: required_options) => {
        // SAFETY: texts in change are NULL or alive during this call.
        let fields = unsafe { Fields::read(&change, "change") }?;
        if fields.organization_id.is_some() || fields.directory_id.is_some() {
            return Err(Error::invalid_argument("change sets an organization or a directory: expected NULL, because a user cannot be moved"));
        }
        let change = UserChange {
            email: fields.email,
            given_name: fields.given_name,
            family_name: fields.family_name,
            preferred_username: fields.preferred_username,
            active: fields.active,
            groups: fields.groups,
            ..UserChange::default()
        };
        sandbox.unless_forked()?.update_user(user_id, change).map(hc_user::from).map_err(SandboxError::into_headcount)
    })
}

/// Deletes a user and sends a webhook to the endpoints.
///
/// - `sandbox`: required.
/// - `user_id`: "diruser_...".
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if there is no such user.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_delete_user(
    sandbox: *const hc_sandbox,
    user_id: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (sandbox: object, user_id: text) => sandbox.unless_forked()?.delete_user(user_id).map_err(SandboxError::into_headcount))
}

/// Creates a group and sends a webhook to the endpoints.
///
/// - `sandbox`: required.
/// - `display_name`: its name, not "".
/// - `organization_id`: "org_..."; may be NULL, which means the first organization.
/// - `directory_id`: "dir_..."; may be NULL, which means the organization's first directory.
/// - `group`: receives the group; free it with hc_group_free.
/// - `error`: may be NULL.
/// - Fails with HC_BAD_REQUEST if the name is "", HC_NOT_FOUND for an unknown directory or organization.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_create_group(
    sandbox: *const hc_sandbox,
    display_name: *const c_char,
    organization_id: *const c_char,
    directory_id: *const c_char,
    group: *mut *mut hc_group,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, group, (
        sandbox: object,
        display_name: text,
        organization_id: optional_text,
        directory_id: optional_text
    ) => {
        let new = NewGroup {
            display_name: display_name.to_owned(),
            organization_id: organization_id.map(str::to_owned),
            directory_id: directory_id.map(str::to_owned),
        };
        sandbox.unless_forked()?.create_group(new).map(hc_group::from).map_err(SandboxError::into_headcount)
    })
}

/// Renames a group and sends a webhook to the endpoints.
///
/// - `sandbox`: required.
/// - `group_id`: "dirgroup_...".
/// - `display_name`: its new name.
/// - `group`: receives the changed group; free it with hc_group_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if there is no such group, HC_BAD_REQUEST for an empty name.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_update_group(
    sandbox: *const hc_sandbox,
    group_id: *const c_char,
    display_name: *const c_char,
    group: *mut *mut hc_group,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, group, (sandbox: object, group_id: text, display_name: text) => {
        sandbox.unless_forked()?.update_group(group_id, display_name).map(hc_group::from).map_err(SandboxError::into_headcount)
    })
}

/// Deletes a group and sends a webhook to the endpoints; its members are kept.
///
/// - `sandbox`: required.
/// - `group_id`: "dirgroup_...".
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if there is no such group.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_delete_group(
    sandbox: *const hc_sandbox,
    group_id: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (sandbox: object, group_id: text) => sandbox.unless_forked()?.delete_group(group_id).map_err(SandboxError::into_headcount))
}

/// Adds a user to a group and sends a webhook to the endpoints.
///
/// - `sandbox`: required.
/// - `group_id`: "dirgroup_...".
/// - `user_id`: "diruser_...".
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if there is no such user or group.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_add_member(
    sandbox: *const hc_sandbox,
    group_id: *const c_char,
    user_id: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (sandbox: object, group_id: text, user_id: text) => sandbox.unless_forked()?.add_member(group_id, user_id).map_err(SandboxError::into_headcount))
}

/// Removes a user from a group and sends a webhook to the endpoints.
///
/// - `sandbox`: required.
/// - `group_id`: "dirgroup_...".
/// - `user_id`: "diruser_...".
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if there is no such user or group.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_remove_member(
    sandbox: *const hc_sandbox,
    group_id: *const c_char,
    user_id: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (sandbox: object, group_id: text, user_id: text) => sandbox.unless_forked()?.remove_member(group_id, user_id).map_err(SandboxError::into_headcount))
}

/// The fields of an hc_sandbox_user as Rust values; `None` for those that are not set.
struct Fields {
    email: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    preferred_username: Option<String>,
    groups: Option<Vec<String>>,
    organization_id: Option<String>,
    directory_id: Option<String>,
    active: Option<bool>,
}

impl Fields {
    /// Copies the fields of `given`. `name` is the parameter's name in errors.
    ///
    /// # Safety
    ///
    /// Texts in `given` are NULL, or NUL-terminated and alive during the call; `groups` is NULL or holds `groups_len` of them.
    unsafe fn read(given: &hc_sandbox_user, name: &str) -> Result<Fields> {
        let text = |text, field: &str| {
            // SAFETY: this function's contract.
            unsafe { optional_text(text, format_args!("{name}.{field}")) }.map(|text| text.map(str::to_owned))
        };
        reserved(given.reserved, &format!("{name}.reserved"))?;
        let groups = if given.groups.is_null() && given.groups_len == 0 {
            None
        } else {
            // SAFETY: this function's contract; `texts` refuses NULL, and lengths that no memory can hold.
            let groups = unsafe { texts(given.groups, given.groups_len, &format!("{name}.groups")) }?;
            Some(groups.into_iter().map(str::to_owned).collect())
        };
        Ok(Fields {
            email: text(given.email, "email")?,
            given_name: text(given.given_name, "given_name")?,
            family_name: text(given.family_name, "family_name")?,
            preferred_username: text(given.preferred_username, "preferred_username")?,
            groups,
            organization_id: text(given.organization_id, "organization_id")?,
            directory_id: text(given.directory_id, "directory_id")?,
            active: tri_state(given.active, &format!("{name}.active"))?,
        })
    }
}
