//! The client of one environment.

use crate::boundary::{call, free, optional_text};
use crate::error::hc_error;
use crate::generated::hc_status;
use crate::observe::{CallerObserver, hc_observer};
use crate::options::{impl_options, unless_zero};
use crate::user_data::UserData;
use headcount_core::{ClientBuilder, Error, Result, blocking};
use std::ffi::{c_char, c_void};
use std::time::Duration;

/// The REST client of one environment. Thread-safe: any number of threads may use it at once, and share its connections and its
/// access token.
pub struct hc_client(pub(crate) blocking::Client);

/// Settings of a client. Set all bytes to 0, then struct_size and the fields that you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_client_options {
    /// sizeof(hc_client_options).
    pub struct_size: usize,
    /// The environment's URL, such as "https://acme.scalekit.com". http:// is for loopback hosts only.
    pub environment_url: *const c_char,
    /// The client id, "skc_...".
    pub client_id: *const c_char,
    /// The client secret. The library's copy is never printed, and is overwritten with zeros when the client is freed. The buffers in which a
    /// request for an access token is sent are not overwritten.
    pub client_secret: *const c_char,
    /// Deadline of each call with all its attempts, in milliseconds. 0 means 60000.
    pub timeout_ms: u32,
    /// Largest number of attempts of a call; 1 disables retries. 0 means 5.
    pub max_attempts: u32,
    /// Timeout of one attempt, in milliseconds. 0 means 20000.
    pub attempt_timeout_ms: u32,
    /// Timeout of connecting, in milliseconds. 0 means 10000.
    pub connect_timeout_ms: u32,
    /// Upper bound of the random wait before the first retry, in milliseconds; it doubles with each retry. 0 means 250.
    pub retry_base_ms: u32,
    /// Upper bound of the wait before any retry, in milliseconds, unless the server asks for a longer wait. 0 means 8000.
    pub retry_cap_ms: u32,
    /// Number of retries that all calls share. Each retry uses one, and each successful call adds half a retry, up to this number. 0 means 100.
    pub retry_budget: u32,
    /// Largest number of concurrent requests; others wait. 0 means 32.
    pub max_concurrency: u32,
    /// Largest body of an answer, in bytes; a larger one fails with HC_DECODE. 0 means 8388608 (8 MiB).
    pub max_response_bytes: u64,
    /// URL of the proxy. NULL: the one in HTTPS_PROXY or ALL_PROXY. "": no proxy. Hosts in NO_PROXY are reached directly.
    pub proxy: *const c_char,
    /// Path of a PEM file with certificate authorities that are trusted in addition to the system's, or NULL.
    pub ca_file: *const c_char,
    /// Appended to the User-Agent header, such as "acme-provisioning/2.1"; or NULL.
    pub user_agent_suffix: *const c_char,
    /// Receives the client's activities until its last call has ended, or NULL.
    pub observer: hc_observer,
    /// Passed to the observer; may be NULL.
    pub observer_data: *mut c_void,
}

impl_options!(hc_client_options {
    environment_url,
    client_id,
    client_secret,
    timeout_ms,
    max_attempts,
    attempt_timeout_ms,
    connect_timeout_ms,
    retry_base_ms,
    retry_cap_ms,
    retry_budget,
    max_concurrency,
    max_response_bytes,
    proxy,
    ca_file,
    user_agent_suffix,
    observer,
    observer_data,
});

/// Creates a client from settings in code. Does not connect yet.
///
/// - `options`: required, with environment_url, client_id and client_secret. Texts are copied.
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
        // SAFETY: texts in options are NULL or alive during this call.
        unsafe { finish(builder, &options) }
    })
}

/// Creates a client from SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET. Does not connect yet.
///
/// - `options`: may be NULL, which means the defaults. Its environment_url, client_id and client_secret must be NULL.
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
                "options sets environment_url, client_id or client_secret: expected NULL, because hc_client_from_env reads them from the environment; \
                 use hc_client_new to pass them",
            ));
        }
        // SAFETY: texts in options are NULL or alive during this call.
        unsafe { finish(ClientBuilder::from_env()?, &options) }
    })
}

/// Frees a client. Pages, iterators and errors that it gave stay valid.
///
/// - `client`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_client_free(client: *mut hc_client) {
    free!(client);
}

/// Reads `environment_url`, `client_id` and `client_secret`.
///
/// # Safety
///
/// The three texts are NULL, or NUL-terminated and alive for `'a`.
unsafe fn texts<'a>(options: &hc_client_options) -> Result<[Option<&'a str>; 3]> {
    // SAFETY: this function's contract.
    unsafe {
        Ok([
            optional_text(options.environment_url, "options.environment_url")?,
            optional_text(options.client_id, "options.client_id")?,
            optional_text(options.client_secret, "options.client_secret")?,
        ])
    }
}

/// Applies the options and creates the client.
///
/// # Safety
///
/// Texts in `options` are NULL, or NUL-terminated and alive during the call.
unsafe fn finish(mut builder: ClientBuilder, options: &hc_client_options) -> Result<hc_client> {
    let milliseconds = |value: u32| unless_zero(value).map(|value| Duration::from_millis(value.into()));
    // SAFETY: this function's contract.
    let text = |text, name| unsafe { optional_text(text, name) };
    macro_rules! set {
        ($($setting:ident: $value:expr;)*) => { $(if let Some(value) = $value { builder = builder.$setting(value); })* };
    }
    set! {
        timeout: milliseconds(options.timeout_ms);
        max_attempts: unless_zero(options.max_attempts);
        attempt_timeout: milliseconds(options.attempt_timeout_ms);
        connect_timeout: milliseconds(options.connect_timeout_ms);
        retry_base: milliseconds(options.retry_base_ms);
        retry_cap: milliseconds(options.retry_cap_ms);
        retry_budget: unless_zero(options.retry_budget);
        max_concurrency: unless_zero(options.max_concurrency).map(|requests| requests as usize);
        max_response_bytes: unless_zero(options.max_response_bytes).map(|bytes| bytes.try_into().unwrap_or(usize::MAX));
        proxy: text(options.proxy, "options.proxy")?;
        ca_file: text(options.ca_file, "options.ca_file")?;
        user_agent_suffix: text(options.user_agent_suffix, "options.user_agent_suffix")?;
        observer: options.observer.map(|observer| CallerObserver { observer, user_data: UserData(options.observer_data) });
    }
    blocking::Client::new(builder).map(hc_client)
}
