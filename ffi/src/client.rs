//! The client of one environment.

use crate::boundary::{call, free, optional_text};
use crate::error::{hc_error, hc_status};
use crate::options::{growing, unless_zero};
use headcount_core::{ClientBuilder, Error, Result, blocking};
use std::ffi::c_char;
use std::time::Duration;

/// The REST client of one environment. Any number of threads may use it at once; they share its connections and its token.
pub struct hc_client(pub(crate) blocking::Client);

/// Settings of a client. Zero all of it, set struct_size and what you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_client_options {
    /// sizeof(hc_client_options).
    pub struct_size: usize,
    /// The environment's URL, such as "https://acme.scalekit.com". http:// is for loopback hosts only.
    pub environment_url: *const c_char,
    /// The client id, "skc_...".
    pub client_id: *const c_char,
    /// The client secret. The library's copy is never printed, and zeroed when the client is freed.
    pub client_secret: *const c_char,
    /// The deadline of each call with all its attempts, in milliseconds. 0: one minute.
    pub timeout_ms: u32,
    /// How often a call is tried in all; 1 turns retries off. 0: five times.
    pub max_attempts: u32,
}

growing!(hc_client_options { environment_url, client_id, client_secret, timeout_ms, max_attempts });

/// Makes a client from settings in code. No connection is made yet.
///
/// - `options`: required, with its three texts. They are copied: free yours when this returns.
/// - `client`: receives the client; free it with hc_client_free.
/// - `error`: may be NULL.
/// - Fails with HC_CONFIG (a setting is empty or malformed) or HC_INVALID_ARGUMENT (a text is NULL or not UTF-8).
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_client_new(
    options: *const hc_client_options,
    client: *mut *mut hc_client,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, client, (options: required_options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let [url, id, secret] = unsafe { texts(&options) }?;
        let required = |text: Option<_>, name| text.ok_or_else(|| crate::boundary::is_null(name));
        let builder = headcount_core::Client::builder(
            required(url, "options.environment_url")?,
            required(id, "options.client_id")?,
            required(secret, "options.client_secret")?,
        );
        finish(builder, &options)
    })
}

/// Makes a client from SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET. No connection is made yet.
///
/// - `options`: timeout_ms and max_attempts; the texts must be NULL. May be NULL, which means the defaults.
/// - `client`: receives the client; free it with hc_client_free.
/// - `error`: may be NULL.
/// - Fails with HC_CONFIG, naming the variable that is missing or malformed, or HC_INVALID_ARGUMENT.
/// - Threads: any number at once, while no thread calls setenv.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_client_from_env(
    options: *const hc_client_options,
    client: *mut *mut hc_client,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, client, (options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        if unsafe { texts(&options) }?.iter().any(Option::is_some) {
            return Err(Error::invalid_argument(
                "options sets what hc_client_from_env takes from the environment: use hc_client_new for settings in code",
            ));
        }
        finish(ClientBuilder::from_env()?, &options)
    })
}

/// Frees a client. What came from it (pages, iterators, errors) lives on.
///
/// - `client`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_client_free(client: *mut hc_client) {
    free!(client);
}

/// The three texts of `options`.
///
/// # Safety
///
/// They are NULL, or NUL-terminated and alive for `'a`.
unsafe fn texts<'a>(options: &hc_client_options) -> Result<[Option<&'a str>; 3]> {
    // SAFETY: the contract.
    unsafe {
        Ok([
            optional_text(options.environment_url, "options.environment_url")?,
            optional_text(options.client_id, "options.client_id")?,
            optional_text(options.client_secret, "options.client_secret")?,
        ])
    }
}

fn finish(mut builder: ClientBuilder, options: &hc_client_options) -> Result<hc_client> {
    if let Some(timeout) = unless_zero(options.timeout_ms) {
        builder = builder.timeout(Duration::from_millis(timeout.into()));
    }
    if let Some(attempts) = unless_zero(options.max_attempts) {
        builder = builder.max_attempts(attempts);
    }
    blocking::Client::new(builder).map(hc_client)
}
