//! A local Scalekit environment inside the process, for tests: tokens, REST and signed webhooks over real HTTP.

use crate::boundary::{array, call, free, is_null, optional_text, read, text};
use crate::error::hc_error;
use crate::generated::{hc_group, hc_status, hc_user};
use crate::options::{growing, reserved, tri_state, unless_zero};
use crate::text::Text;
use crate::text_handles::hc_text;
use headcount_core::{Error, Result};
use headcount_sandbox::{
    Error as SandboxError, EventOverrides, FaultPlan, NewGroup, NewUser, Sandbox, SandboxBuilder, SandboxOptions,
    UserChange, event_body,
};
use std::ffi::c_char;
use std::time::Duration;

/// For the sizes of a sandbox: none at all. (0 stands for the default.)
pub const HC_SANDBOX_NONE: i32 = -1;

/// A running sandbox, on loopback alone, with threads of its own. Any number of threads may use it at once; a forked child may not.
pub struct hc_sandbox {
    sandbox: Sandbox,
    environment_url: Text,
    client_id: Text,
    client_secret: Text,
    webhook_secret: Text,
    organization_id: Text,
    directory_id: Text,
    control_url: Text,
}

impl From<Sandbox> for hc_sandbox {
    fn from(sandbox: Sandbox) -> hc_sandbox {
        hc_sandbox {
            sandbox,
            environment_url: Text::default(),
            client_id: Text::default(),
            client_secret: Text::default(),
            webhook_secret: Text::default(),
            organization_id: Text::default(),
            directory_id: Text::default(),
            control_url: Text::default(),
        }
    }
}

/// What a sandbox holds when it starts; the same sizes and seed make the same names, ids and memberships. Zero all of it, set
/// struct_size and what you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_sandbox_options {
    /// sizeof(hc_sandbox_options).
    pub struct_size: usize,
    /// What everything is made from. 0: 1.
    pub seed: u64,
    /// How many organizations there are. 0: 1. HC_SANDBOX_NONE: none.
    pub organizations: i32,
    /// How many directories an organization has. 0: 1. HC_SANDBOX_NONE: none.
    pub directories: i32,
    /// How many users a directory has. 0: 50. HC_SANDBOX_NONE: none.
    pub users: i32,
    /// How many groups a directory has. 0: 5. HC_SANDBOX_NONE: none.
    pub groups: i32,
}

growing!(hc_sandbox_options { seed, organizations, directories, users, groups });

/// Somebody to hire, or what to change about somebody. Zero all of it, set struct_size and what you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_sandbox_user {
    /// sizeof(hc_sandbox_user).
    pub struct_size: usize,
    /// The primary address: required of a new user. NULL in a change: as it is.
    pub email: *const c_char,
    /// First name. NULL: "", or as it is.
    pub given_name: *const c_char,
    /// Last name. NULL: "", or as it is.
    pub family_name: *const c_char,
    /// What they sign in with. NULL: the address's first part, or as it is.
    pub preferred_username: *const c_char,
    /// All of their groups: `groups_len` names or ids of groups that exist. NULL: none, or as they are. (A change to none at all has
    /// an address here and a length of 0.)
    pub groups: *const *const c_char,
    /// How many.
    pub groups_len: usize,
    /// The organization of a new user. NULL: the first. Must be NULL in a change.
    pub organization_id: *const c_char,
    /// The directory of a new user. NULL: the organization's first. Must be NULL in a change.
    pub directory_id: *const c_char,
    /// Whether they may sign in: 1 yes, -1 no, 0 as it is. Must be 0 for a new user, who may.
    pub active: i32,
    /// Must be 0.
    pub reserved: u32,
}

growing!(hc_sandbox_user {
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

/// Starts a sandbox. A client is made with its URL, id and secret, a verifier with its webhook secret.
///
/// - `options`: may be NULL, which means the defaults.
/// - `sandbox`: receives the sandbox; free it with hc_sandbox_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT, HC_BAD_REQUEST for a setting that the sandbox refuses, or HC_SERVER if it cannot be started.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_new(
    options: *const hc_sandbox_options,
    sandbox: *mut *mut hc_sandbox,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, sandbox, (options: options) => {
        let options = SandboxOptions {
            seed: unless_zero(options.seed),
            organizations: size(options.organizations, "options.organizations")?,
            directories: size(options.directories, "options.directories")?,
            users: size(options.users, "options.users")?,
            groups: size(options.groups, "options.groups")?,
            ..SandboxOptions::default()
        };
        SandboxBuilder::from(options).start().map(hc_sandbox::from).map_err(SandboxError::into_headcount)
    })
}

/// Stops a sandbox and frees it and every text that came from it.
///
/// - `sandbox`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_free(sandbox: *mut hc_sandbox) {
    free!(sandbox);
}

/// Where it is, "http://127.0.0.1:...".
///
/// - `sandbox`: may be NULL, which gives NULL.
/// - Returns text owned by `sandbox`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_environment_url(sandbox: *const hc_sandbox) -> *const c_char {
    read!(sandbox => sandbox.environment_url.of(sandbox.sandbox.environment_url()))
}

/// The client id to sign in with.
///
/// - `sandbox`: may be NULL, which gives NULL.
/// - Returns text owned by `sandbox`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_client_id(sandbox: *const hc_sandbox) -> *const c_char {
    read!(sandbox => sandbox.client_id.of(sandbox.sandbox.client_id()))
}

/// The client secret to sign in with.
///
/// - `sandbox`: may be NULL, which gives NULL.
/// - Returns text owned by `sandbox`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_client_secret(sandbox: *const hc_sandbox) -> *const c_char {
    read!(sandbox => sandbox.client_secret.of(sandbox.sandbox.client_secret()))
}

/// The secret that its webhooks are signed with.
///
/// - `sandbox`: may be NULL, which gives NULL.
/// - Returns text owned by `sandbox`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_webhook_secret(sandbox: *const hc_sandbox) -> *const c_char {
    read!(sandbox => sandbox.webhook_secret.of(sandbox.sandbox.webhook_secret()))
}

/// The first organization.
///
/// - `sandbox`: may be NULL, which gives NULL.
/// - Returns text owned by `sandbox`, "" where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_organization_id(sandbox: *const hc_sandbox) -> *const c_char {
    read!(sandbox => sandbox.organization_id.of(sandbox.sandbox.organization_id()))
}

/// The first organization's first directory.
///
/// - `sandbox`: may be NULL, which gives NULL.
/// - Returns text owned by `sandbox`, "" where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_directory_id(sandbox: *const hc_sandbox) -> *const c_char {
    read!(sandbox => sandbox.directory_id.of(sandbox.sandbox.directory_id()))
}

/// Where the sandbox's own calls are, for another program to change what it holds.
///
/// - `sandbox`: may be NULL, which gives NULL.
/// - Returns text owned by `sandbox`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_control_url(sandbox: *const hc_sandbox) -> *const c_char {
    read!(sandbox => sandbox.control_url.of(sandbox.sandbox.control_url()))
}

/// From now on, what happens is told to an endpoint as well: signed, and again on the vendor's schedule until it answers 2xx.
///
/// - `sandbox`: required.
/// - `url`: where webhooks are sent. It is copied.
/// - `error`: may be NULL.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_register_endpoint(
    sandbox: *const hc_sandbox,
    url: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (sandbox: object, url: text) => {
        sandbox.sandbox.register_endpoint(url);
        Ok(())
    })
}

/// Hires somebody, and tells the endpoints.
///
/// - `sandbox`: required.
/// - `new_user`: required, with its email. Its texts are copied.
/// - `user`: receives the user; free it with hc_user_free.
/// - `error`: may be NULL.
/// - Fails with HC_BAD_REQUEST for an address without "@" or an unknown group, HC_NOT_FOUND for an unknown directory or organization.
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
            return Err(Error::invalid_argument("new_user.active is set: expected 0, for a new user may sign in"));
        }
        let new = NewUser {
            email: fields.email.ok_or_else(|| is_null("new_user.email"))?,
            given_name: fields.given_name.unwrap_or_default(),
            family_name: fields.family_name.unwrap_or_default(),
            preferred_username: fields.preferred_username,
            groups: fields.groups.unwrap_or_default(),
            organization_id: fields.organization_id,
            directory_id: fields.directory_id,
        };
        sandbox.sandbox.create_user(new).map(hc_user::from).map_err(SandboxError::into_headcount)
    })
}

/// Changes somebody, and tells the endpoints.
///
/// - `sandbox`: required.
/// - `user_id`: "diruser_...".
/// - `change`: required. Its texts are copied.
/// - `user`: receives the user as they are then; free it with hc_user_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND for an unknown user, HC_BAD_REQUEST for an unknown group.
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
            return Err(Error::invalid_argument("change sets an organization or a directory: expected NULL, for users do not move"));
        }
        let change = UserChange {
            email: fields.email,
            given_name: fields.given_name,
            family_name: fields.family_name,
            preferred_username: fields.preferred_username,
            active: fields.active,
            groups: fields.groups,
        };
        sandbox.sandbox.update_user(user_id, change).map(hc_user::from).map_err(SandboxError::into_headcount)
    })
}

/// Lets somebody go, and tells the endpoints.
///
/// - `sandbox`: required.
/// - `user_id`: "diruser_...".
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND where there is no such user.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_delete_user(
    sandbox: *const hc_sandbox,
    user_id: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (sandbox: object, user_id: text) => sandbox.sandbox.delete_user(user_id).map_err(SandboxError::into_headcount))
}

/// Makes a group, and tells the endpoints.
///
/// - `sandbox`: required.
/// - `display_name`: its name, not "".
/// - `organization_id`: may be NULL, which means the first.
/// - `directory_id`: may be NULL, which means the organization's first.
/// - `group`: receives the group; free it with hc_group_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND for an unknown directory or organization.
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
        sandbox.sandbox.create_group(new).map(hc_group::from).map_err(SandboxError::into_headcount)
    })
}

/// Renames a group, and tells the endpoints.
///
/// - `sandbox`: required.
/// - `group_id`: "dirgroup_...".
/// - `display_name`: its new name.
/// - `group`: receives the group as it is then; free it with hc_group_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND where there is no such group.
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
        sandbox.sandbox.update_group(group_id, display_name).map(hc_group::from).map_err(SandboxError::into_headcount)
    })
}

/// Ends a group, and tells the endpoints; its members stay.
///
/// - `sandbox`: required.
/// - `group_id`: "dirgroup_...".
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND where there is no such group.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_delete_group(
    sandbox: *const hc_sandbox,
    group_id: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (sandbox: object, group_id: text) => sandbox.sandbox.delete_group(group_id).map_err(SandboxError::into_headcount))
}

/// Puts somebody into a group, and tells the endpoints.
///
/// - `sandbox`: required.
/// - `group_id`: "dirgroup_...".
/// - `user_id`: "diruser_...".
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND where there is no such user or group.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_add_member(
    sandbox: *const hc_sandbox,
    group_id: *const c_char,
    user_id: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (sandbox: object, group_id: text, user_id: text) => sandbox.sandbox.add_member(group_id, user_id).map_err(SandboxError::into_headcount))
}

/// Takes somebody out of a group, and tells the endpoints.
///
/// - `sandbox`: required.
/// - `group_id`: "dirgroup_...".
/// - `user_id`: "diruser_...".
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND where there is no such user or group.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_remove_member(
    sandbox: *const hc_sandbox,
    group_id: *const c_char,
    user_id: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (sandbox: object, group_id: text, user_id: text) => sandbox.sandbox.remove_member(group_id, user_id).map_err(SandboxError::into_headcount))
}

/// Every `every`-th REST call from now on meets the next of the faults; none of them ends it. Requests for tokens are spared.
///
/// - `sandbox`: required.
/// - `faults`: `faults_len` texts: "429" or "429:SECONDS", another status from 400 to 599, "reset", "truncate", "garbage", "html",
///   "wrong-types", "junk", "drip", "redirect", "latency:2s" or "expire-token". They are copied.
/// - `faults_len`: how many.
/// - `every`: 1 for every call.
/// - `error`: may be NULL.
/// - Fails with HC_BAD_REQUEST, naming the unknown fault.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_fault(
    sandbox: *const hc_sandbox,
    faults: *const *const c_char,
    faults_len: usize,
    every: u32,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (sandbox: object) => {
        // SAFETY: the caller keeps the header's conventions: `faults` holds `faults_len` texts.
        let faults = unsafe { texts(faults, faults_len, "faults") }?;
        let plan = FaultPlan { fault: None, faults: faults.into_iter().map(str::to_owned).collect(), every };
        sandbox.sandbox.set_faults(&plan).map_err(SandboxError::into_headcount)
    })
}

/// Moves the sandbox's clock ahead: tokens end, and deliveries that failed are tried again when they fall due.
///
/// - `sandbox`: required.
/// - `seconds`: how far.
/// - `error`: may be NULL.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_advance(
    sandbox: *const hc_sandbox,
    seconds: u32,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (sandbox: object) => {
        sandbox.sandbox.advance(Duration::from_secs(seconds.into()));
        Ok(())
    })
}

/// What was sent to the endpoints, what came back, what will be tried again and when.
///
/// - `sandbox`: required.
/// - `deliveries`: receives JSON, a list of objects with "message_id", "event_id", "event_type", "url", "body", "state" ("pending",
///   "sending", "delivered" or "failed"), "attempts" and "next_attempt_at"; free it with hc_text_free.
/// - `error`: may be NULL.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_deliveries(
    sandbox: *const hc_sandbox,
    deliveries: *mut *mut hc_text,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, deliveries, (sandbox: object) => {
        let json = serde_json::to_string(&sandbox.sandbox.deliveries());
        json.map(|json| hc_text::from(json.as_str())).map_err(|error| Error::internal(error.to_string()))
    })
}

/// The body of an event as the vendor would send it, with sensible values: to be signed with hc_webhook_sign and sent to the code
/// under test. It needs no sandbox.
///
/// - `type_`: such as "organization.directory.user_created"; the vendor's older names are sent as they are given.
/// - `overrides`: what it is to say, as a JSON object with any of "id", "occurred_at", "organization_id", "environment_id" and "data",
///   whose keys are put over the example's. May be NULL, which means nothing. It is copied.
/// - `body`: receives JSON; free it with hc_text_free.
/// - `error`: may be NULL.
/// - Fails with HC_BAD_REQUEST, as for a type that is not known, unless its data are given.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_event_body(
    type_: *const c_char,
    overrides: *const c_char,
    body: *mut *mut hc_text,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, body, (type_: text, overrides: optional_text) => {
        let overrides = overrides.map(EventOverrides::from_json).transpose();
        let body = overrides.and_then(|overrides| event_body(type_, &overrides.unwrap_or_default()));
        body.map(|body| hc_text::from(body.as_str())).map_err(SandboxError::into_headcount)
    })
}

fn size(given: i32, name: &str) -> Result<Option<usize>> {
    match given {
        0 => Ok(None),
        HC_SANDBOX_NONE => Ok(Some(0)),
        given => usize::try_from(given).map(Some).map_err(|_| {
            Error::invalid_argument(format!("{name} is {given}: expected a number, 0 (the default) or HC_SANDBOX_NONE"))
        }),
    }
}

/// # Safety
///
/// `first` is NULL or holds `length` pointers, each NULL or NUL-terminated and alive for `'a`.
unsafe fn texts<'a>(first: *const *const c_char, length: usize, name: &str) -> Result<Vec<&'a str>> {
    // SAFETY: the contract.
    let pointers = unsafe { array(first, length, name) }?;
    // SAFETY: the contract.
    pointers.iter().enumerate().map(|(index, item)| unsafe { text(*item, format_args!("{name}[{index}]")) }).collect()
}

/// A user's fields, owned.
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
    /// # Safety
    ///
    /// Texts in `given` are NULL, or NUL-terminated and alive during the call; `groups` is NULL or holds `groups_len` of them.
    unsafe fn read(given: &hc_sandbox_user, name: &str) -> Result<Fields> {
        let text = |text, field: &str| {
            // SAFETY: the contract.
            unsafe { optional_text(text, format_args!("{name}.{field}")) }.map(|text| text.map(str::to_owned))
        };
        reserved(given.reserved, &format!("{name}.reserved"))?;
        let groups = if given.groups.is_null() && given.groups_len == 0 {
            None
        } else {
            // SAFETY: the contract; `array` refuses NULL and what no memory can hold.
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
