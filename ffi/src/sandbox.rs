//! A local Scalekit environment inside the process, for tests: tokens, REST and signed webhooks over HTTP on loopback.

use crate::boundary::{array, call, free, read, text};
use crate::error::hc_error;
use crate::generated::hc_status;
use crate::options::{impl_options, unless_zero};
use crate::text::Text;
use crate::text_handles::hc_text;
use headcount_core::{Error, Result};
use headcount_sandbox::{
    Error as SandboxError, EventOverrides, FaultPlan, Sandbox, SandboxBuilder, SandboxOptions, event_body,
};
use std::ffi::c_char;
use std::time::Duration;

/// For a number of organizations, directories, users or groups in hc_sandbox_options: none. (0 means the default.)
pub const HC_SANDBOX_NONE: i32 = -1;

/// A running sandbox, reachable on loopback only, with its own threads. Thread-safe: any number of threads may use it at once. A forked
/// child may use only the accessors and hc_sandbox_free.
pub struct hc_sandbox {
    pub(crate) sandbox: Sandbox,
    environment_url: Text,
    client_id: Text,
    client_secret: Text,
    webhook_secret: Text,
    organization_id: Text,
    directory_id: Text,
    control_url: Text,
}

impl hc_sandbox {
    /// Returns the sandbox, or an error in a forked child: there, a lock that another thread of the parent held at the fork is never released.
    pub(crate) fn unless_forked(&self) -> Result<&Sandbox> {
        match self.sandbox.is_in_its_process() {
            true => Ok(&self.sandbox),
            false => Err(Error::invalid_argument(
                "the sandbox was started before a fork: use it in the parent process, or through hc_sandbox_control_url",
            )),
        }
    }
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

/// Initial content of a sandbox. The same sizes and seed give the same names, ids and memberships. Set all bytes to 0, then
/// struct_size and the fields that you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_sandbox_options {
    /// sizeof(hc_sandbox_options).
    pub struct_size: usize,
    /// Seed of names, ids and memberships. 0 means 1.
    pub seed: u64,
    /// Number of organizations. 0 means 1. HC_SANDBOX_NONE: none.
    pub organizations: i32,
    /// Number of directories per organization. 0 means 1. HC_SANDBOX_NONE: none.
    pub directories: i32,
    /// Number of users per directory. 0 means 50. HC_SANDBOX_NONE: none.
    pub users: i32,
    /// Number of groups per directory. 0 means 5. HC_SANDBOX_NONE: none.
    pub groups: i32,
}

impl_options!(hc_sandbox_options { seed, organizations, directories, users, groups });

/// Starts a sandbox. Use its URL, client id and client secret for a client, and its webhook secret for a verifier.
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

/// Stops and frees a sandbox and the texts that came from it.
///
/// - `sandbox`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_free(sandbox: *mut hc_sandbox) {
    free!(sandbox);
}

/// URL of the environment, "http://127.0.0.1:...".
///
/// - `sandbox`: may be NULL, which gives NULL.
/// - Returns text owned by `sandbox`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_environment_url(sandbox: *const hc_sandbox) -> *const c_char {
    read!(sandbox => sandbox.environment_url.of(sandbox.sandbox.environment_url()))
}

/// Client id.
///
/// - `sandbox`: may be NULL, which gives NULL.
/// - Returns text owned by `sandbox`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_client_id(sandbox: *const hc_sandbox) -> *const c_char {
    read!(sandbox => sandbox.client_id.of(sandbox.sandbox.client_id()))
}

/// Client secret.
///
/// - `sandbox`: may be NULL, which gives NULL.
/// - Returns text owned by `sandbox`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_client_secret(sandbox: *const hc_sandbox) -> *const c_char {
    read!(sandbox => sandbox.client_secret.of(sandbox.sandbox.client_secret()))
}

/// Secret with which the sandbox signs its webhooks.
///
/// - `sandbox`: may be NULL, which gives NULL.
/// - Returns text owned by `sandbox`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_webhook_secret(sandbox: *const hc_sandbox) -> *const c_char {
    read!(sandbox => sandbox.webhook_secret.of(sandbox.sandbox.webhook_secret()))
}

/// Id of the first organization.
///
/// - `sandbox`: may be NULL, which gives NULL.
/// - Returns text owned by `sandbox`, "" if there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_organization_id(sandbox: *const hc_sandbox) -> *const c_char {
    read!(sandbox => sandbox.organization_id.of(sandbox.sandbox.organization_id()))
}

/// Id of the first directory of the first organization.
///
/// - `sandbox`: may be NULL, which gives NULL.
/// - Returns text owned by `sandbox`, "" if there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_directory_id(sandbox: *const hc_sandbox) -> *const c_char {
    read!(sandbox => sandbox.directory_id.of(sandbox.sandbox.directory_id()))
}

/// Base URL of the sandbox's own HTTP API, with which another program can change the content.
///
/// - `sandbox`: may be NULL, which gives NULL.
/// - Returns text owned by `sandbox`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_control_url(sandbox: *const hc_sandbox) -> *const c_char {
    read!(sandbox => sandbox.control_url.of(sandbox.sandbox.control_url()))
}

/// Registers an endpoint. The sandbox sends it a signed webhook for each later change, and repeats the webhook on the vendor's schedule
/// until the endpoint answers 2xx.
///
/// - `sandbox`: required.
/// - `url`: URL that webhooks are sent to, on this machine: 127.0.0.1 or localhost. It is copied.
/// - `error`: may be NULL.
/// - Fails with HC_BAD_REQUEST for another URL.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_register_endpoint(
    sandbox: *const hc_sandbox,
    url: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (sandbox: object, url: text) => {
        sandbox.unless_forked()?.register_endpoint(url).map_err(SandboxError::into_headcount)
    })
}

/// Makes every `every`-th later REST call fail with the next of the faults, in turn. An empty list makes no call fail. Requests for tokens do
/// not fail.
///
/// - `sandbox`: required.
/// - `faults`: `faults_len` texts: "429" or "429:SECONDS", another status from 400 to 599, "reset", "truncate", "garbage",
///   "html", "wrong-types", "junk", "drip", "redirect", "latency:2s" or "expire-token". They are copied.
/// - `faults_len`: number of items.
/// - `every`: 1 makes every call fail, 2 every second one, ...; 0 means 1.
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
        // SAFETY: by the header's conventions, `faults` holds `faults_len` texts.
        let faults = unsafe { texts(faults, faults_len, "faults") }?;
        let plan = FaultPlan { fault: None, faults: faults.into_iter().map(str::to_owned).collect(), every };
        sandbox.unless_forked()?.set_faults(&plan).map_err(SandboxError::into_headcount)
    })
}

/// Advances the sandbox's clock. Access tokens whose lifetime has passed then expire, and failed deliveries that are due are tried again.
///
/// - `sandbox`: required.
/// - `seconds`: number of seconds by which the clock is advanced.
/// - `error`: may be NULL.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_advance(
    sandbox: *const hc_sandbox,
    seconds: u32,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (sandbox: object) => {
        sandbox.unless_forked()?.advance(Duration::from_secs(seconds.into()));
        Ok(())
    })
}

/// Returns the deliveries to the endpoints, their results and the times of the next attempts.
///
/// - `sandbox`: required.
/// - `deliveries`: receives JSON, a list of objects with "message_id", "event_id", "event_type", "url", "created_at", "body", "state"
///   ("pending", "sending", "delivered" or "failed"), "attempts" (each with "at", "status", "error", "request_headers", "response_headers",
///   "response_body" and "is_body_cut") and "next_attempt_at"; free it with hc_text_free.
/// - `error`: may be NULL.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_sandbox_deliveries(
    sandbox: *const hc_sandbox,
    deliveries: *mut *mut hc_text,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, deliveries, (sandbox: object) => {
        let json = serde_json::to_string(&sandbox.unless_forked()?.deliveries());
        json.map(|json| hc_text::from(json.as_str())).map_err(|error| Error::internal(error.to_string()))
    })
}

/// Returns the body of an event with example values, as the vendor sends it. Sign it with hc_webhook_sign and send it to the code
/// under test. No sandbox is needed.
///
/// - `type_`: the event's type, such as "organization.directory.user_created", or one of the vendor's older names, which is then the type in the body.
/// - `overrides`: values to set, as a JSON object with any of "id", "occurred_at", "organization_id", "environment_id" and
///   "data"; keys of "data" replace those of the example. May be NULL, which means none. It is copied.
/// - `body`: receives JSON; free it with hc_text_free.
/// - `error`: may be NULL.
/// - Fails with HC_BAD_REQUEST, for example for an unknown type without "data".
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

/// Reads a number in the options: 0 means that it was not set (`None`), and HC_SANDBOX_NONE means the number 0.
fn size(given: i32, name: &str) -> Result<Option<usize>> {
    match given {
        0 => Ok(None),
        HC_SANDBOX_NONE => Ok(Some(0)),
        given => usize::try_from(given).map(Some).map_err(|_| {
            Error::invalid_argument(format!("{name} is {given}: expected a number, 0 (the default) or HC_SANDBOX_NONE"))
        }),
    }
}

/// Reads an array of texts. A NULL in it is an error.
///
/// # Safety
///
/// `first` is NULL or holds `length` pointers, each NULL or NUL-terminated and alive for `'a`.
pub(crate) unsafe fn texts<'a>(first: *const *const c_char, length: usize, name: &str) -> Result<Vec<&'a str>> {
    // SAFETY: this function's contract.
    let pointers = unsafe { array(first, length, name) }?;
    // SAFETY: this function's contract.
    pointers.iter().enumerate().map(|(index, item)| unsafe { text(*item, format_args!("{name}[{index}]")) }).collect()
}
