//! Verifies webhooks and interceptors' requests from Scalekit, and signs requests for tests.

use crate::boundary::{array, call, free, read, text};
use crate::error::hc_error;
use crate::event::hc_event;
use crate::generated::hc_status;
use crate::options::{impl_options, unless_zero};
use crate::text::Text;
use headcount_core::webhook::{SignedHeaders, verify_interceptor_payload, verify_webhook_payload};
use headcount_core::{Error, Result, Timestamp, Webhook, WebhookBuilder};
use std::ffi::{c_char, c_void};
use std::time::Duration;

/// For tolerance_seconds: no tolerance; the timestamp must be the current second. (0 means the default.)
pub const HC_TOLERANCE_NONE: i64 = -1;

/// A verifier for one signing secret, or for several while one is rotated. Thread-safe: any number of threads may use it at once.
pub struct hc_webhook(Webhook);

/// Settings of a verifier. Set all bytes to 0, then struct_size and the fields that you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_webhook_options {
    /// sizeof(hc_webhook_options).
    pub struct_size: usize,
    /// Largest difference between the timestamp and the current time, in seconds. 0 means 300. HC_TOLERANCE_NONE: none.
    pub tolerance_seconds: i64,
    /// Largest accepted body, in bytes. 0 means 1048576 (1 MiB).
    pub max_body: u64,
}

impl_options!(hc_webhook_options { tolerance_seconds, max_body });

/// One header of a request.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_header {
    /// Name, NUL-terminated, in upper or lower case.
    pub name: *const c_char,
    /// Value: bytes that need no terminator. May be NULL if value_len is 0.
    pub value: *const c_char,
    /// Length of the value in bytes.
    pub value_len: usize,
}

/// The three headers of a signed request.
pub struct hc_signed_headers {
    headers: SignedHeaders,
    id: Text,
    timestamp: Text,
    signature: Text,
}

impl From<SignedHeaders> for hc_signed_headers {
    fn from(headers: SignedHeaders) -> hc_signed_headers {
        hc_signed_headers { headers, id: Text::default(), timestamp: Text::default(), signature: Text::default() }
    }
}

/// Creates a verifier from secrets in code.
///
/// - `secrets`: `secrets_len` texts, each "whsec_..." or several secrets separated by spaces. They are copied.
/// - `secrets_len`: number of items.
/// - `options`: may be NULL, which means the defaults.
/// - `webhook`: receives the verifier; free it with hc_webhook_free.
/// - `error`: may be NULL.
/// - Fails with HC_CONFIG and the reason "invalid_secret" if there is no secret or one is invalid, or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_webhook_new(
    secrets: *const *const c_char,
    secrets_len: usize,
    options: *const hc_webhook_options,
    webhook: *mut *mut hc_webhook,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, webhook, (options: options) => {
        // SAFETY: by the header's conventions, `secrets` holds `secrets_len` pointers.
        let secrets = unsafe { array(secrets, secrets_len, "secrets") }?;
        let builder = secrets.iter().enumerate().try_fold(Webhook::builder(), |builder, (index, secret)| {
            // SAFETY: each secret is NULL or NUL-terminated, and alive during this call.
            let secret = unsafe { text(*secret, format_args!("secrets[{index}]")) }?;
            Ok(builder.secret(secret))
        })?;
        finish(builder, &options)
    })
}

/// Creates a verifier from SCALEKIT_WEBHOOK_SECRET: one secret, or several separated by spaces.
///
/// - `options`: may be NULL, which means the defaults.
/// - `webhook`: receives the verifier; free it with hc_webhook_free.
/// - `error`: may be NULL.
/// - Fails with HC_CONFIG, naming the variable if it is missing, or HC_INVALID_ARGUMENT.
/// - Threads: any number at once, while no thread calls setenv.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_webhook_from_env(
    options: *const hc_webhook_options,
    webhook: *mut *mut hc_webhook,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, webhook, (options: options) => finish(WebhookBuilder::from_env()?, &options))
}

/// Overwrites a verifier's secrets with zeros and frees it. Events that it gave stay valid.
///
/// - `webhook`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_webhook_free(webhook: *mut hc_webhook) {
    free!(webhook);
}

/// Verifies a request and returns its event. Answer 201 after HC_OK and 400 otherwise, without details.
///
/// - `webhook`: required.
/// - `headers`: all of the request's headers, in any order; `headers_len` items.
/// - `headers_len`: number of items.
/// - `body`: the unparsed body of the request; `body_len` bytes.
/// - `body_len`: number of bytes.
/// - `event`: receives the event; free it with hc_event_free.
/// - `error`: may be NULL.
/// - Fails with HC_WEBHOOK_VERIFICATION and a reason (hc_error_reason), or HC_INVALID_ARGUMENT. With the reason
///   "malformed_event" the signature was correct; with any other reason it was not, or was not checked.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_webhook_verify(
    webhook: *const hc_webhook,
    headers: *const hc_header,
    headers_len: usize,
    body: *const c_void,
    body_len: usize,
    event: *mut *mut hc_event,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, event, (webhook: object) => {
        // SAFETY: by the header's conventions, both arrays hold as many items as their lengths state.
        let (headers, body) = unsafe { request(headers, headers_len, body, body_len) }?;
        webhook.0.verify(&headers, body).map(hc_event::from)
    })
}

/// Like hc_webhook_verify, with the current time as an argument: for requests that were stored and are read later.
///
/// - `webhook`: required.
/// - `headers`: all of the request's headers; `headers_len` items.
/// - `headers_len`: number of items.
/// - `body`: the unparsed body of the request; `body_len` bytes.
/// - `body_len`: number of bytes.
/// - `now_unix_seconds`: the time to compare the timestamp with, in seconds since 1970-01-01 UTC.
/// - `event`: receives the event; free it with hc_event_free.
/// - `error`: may be NULL.
/// - Fails like hc_webhook_verify does; also with HC_INVALID_ARGUMENT if the time is outside the years -9999 to 9999.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_webhook_verify_at(
    webhook: *const hc_webhook,
    headers: *const hc_header,
    headers_len: usize,
    body: *const c_void,
    body_len: usize,
    now_unix_seconds: i64,
    event: *mut *mut hc_event,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, event, (webhook: object) => {
        // SAFETY: by the header's conventions, both arrays hold as many items as their lengths state.
        let (headers, body) = unsafe { request(headers, headers_len, body, body_len) }?;
        webhook.0.verify_at(&headers, body, time(now_unix_seconds)?).map(hc_event::from)
    })
}

/// Verifies only the signature and the timestamp of a request; the body is not parsed.
///
/// - `webhook`: required.
/// - `headers`: all of the request's headers; `headers_len` items.
/// - `headers_len`: number of items.
/// - `body`: the unparsed body of the request; `body_len` bytes.
/// - `body_len`: number of bytes.
/// - `error`: may be NULL.
/// - Fails like hc_webhook_verify does, but never with the reason "malformed_event".
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_webhook_verify_signature(
    webhook: *const hc_webhook,
    headers: *const hc_header,
    headers_len: usize,
    body: *const c_void,
    body_len: usize,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (webhook: object) => {
        // SAFETY: by the header's conventions, both arrays hold as many items as their lengths state.
        let (headers, body) = unsafe { request(headers, headers_len, body, body_len) }?;
        webhook.0.verify_signature(&headers, body)
    })
}

/// Like hc_webhook_verify_signature, with the current time as an argument.
///
/// - `webhook`: required.
/// - `headers`: all of the request's headers; `headers_len` items.
/// - `headers_len`: number of items.
/// - `body`: the unparsed body of the request; `body_len` bytes.
/// - `body_len`: number of bytes.
/// - `now_unix_seconds`: the time to compare the timestamp with, in seconds since 1970-01-01 UTC.
/// - `error`: may be NULL.
/// - Fails like hc_webhook_verify_at does, but never with the reason "malformed_event".
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_webhook_verify_signature_at(
    webhook: *const hc_webhook,
    headers: *const hc_header,
    headers_len: usize,
    body: *const c_void,
    body_len: usize,
    now_unix_seconds: i64,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (webhook: object) => {
        // SAFETY: by the header's conventions, both arrays hold as many items as their lengths state.
        let (headers, body) = unsafe { request(headers, headers_len, body, body_len) }?;
        webhook.0.verify_signature_at(&headers, body, time(now_unix_seconds)?)
    })
}

/// Verifies a request whose body was already parsed. The signature must match `compact`, or `compact` with `<`, `>`, `&`, U+2028
/// and U+2029 escaped as by Go's JSON encoder. Prefer hc_webhook_verify with the raw body: not every parser keeps the digits of
/// numbers and the order of keys.
///
/// - `webhook`: required.
/// - `headers`: all of the request's headers; `headers_len` items.
/// - `headers_len`: number of items.
/// - `compact`: the parsed body, serialized as JSON without white space.
/// - `event`: receives the event; free it with hc_event_free.
/// - `error`: may be NULL.
/// - Fails like hc_webhook_verify does.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_webhook_verify_parsed(
    webhook: *const hc_webhook,
    headers: *const hc_header,
    headers_len: usize,
    compact: *const c_char,
    event: *mut *mut hc_event,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, event, (webhook: object, compact: text) => {
        // SAFETY: by the header's conventions, the array holds as many items as its length states.
        let headers = unsafe { pairs(headers, headers_len) }?;
        webhook.0.verify_parsed(&headers, compact).map(hc_event::from)
    })
}

/// Like hc_webhook_verify_parsed, with the current time as an argument.
///
/// - `webhook`: required.
/// - `headers`: all of the request's headers; `headers_len` items.
/// - `headers_len`: number of items.
/// - `compact`: the parsed body, serialized as JSON without white space.
/// - `now_unix_seconds`: the time to compare the timestamp with, in seconds since 1970-01-01 UTC.
/// - `event`: receives the event; free it with hc_event_free.
/// - `error`: may be NULL.
/// - Fails like hc_webhook_verify_at does.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_webhook_verify_parsed_at(
    webhook: *const hc_webhook,
    headers: *const hc_header,
    headers_len: usize,
    compact: *const c_char,
    now_unix_seconds: i64,
    event: *mut *mut hc_event,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, event, (webhook: object, compact: text) => {
        // SAFETY: by the header's conventions, the array holds as many items as its length states.
        let headers = unsafe { pairs(headers, headers_len) }?;
        webhook.0.verify_parsed_at(&headers, compact, time(now_unix_seconds)?).map(hc_event::from)
    })
}

/// Verifies the signature and the timestamp of one request without an hc_webhook. For many requests, an hc_webhook is faster.
///
/// - `secret`: "whsec_...", or several secrets separated by spaces.
/// - `headers`: all of the request's headers; `headers_len` items.
/// - `headers_len`: number of items.
/// - `body`: the unparsed body of the request; `body_len` bytes.
/// - `body_len`: number of bytes.
/// - `error`: may be NULL.
/// - Fails with HC_WEBHOOK_VERIFICATION and a reason, which can be "invalid_secret", or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_verify_webhook_payload(
    secret: *const c_char,
    headers: *const hc_header,
    headers_len: usize,
    body: *const c_void,
    body_len: usize,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (secret: text) => {
        // SAFETY: by the header's conventions, both arrays hold as many items as their lengths state.
        let (headers, body) = unsafe { request(headers, headers_len, body, body_len) }?;
        verify_webhook_payload(secret, &headers, body)
    })
}

/// Verifies an interceptor's request, like hc_verify_webhook_payload. If the request has headers interceptor-* and headers webhook-*, those named
/// interceptor-* are used.
///
/// - `secret`: the interceptor's secret, or several separated by white space.
/// - `headers`: all of the request's headers; `headers_len` items.
/// - `headers_len`: number of items.
/// - `body`: the unparsed body of the request; `body_len` bytes.
/// - `body_len`: number of bytes.
/// - `error`: may be NULL.
/// - Fails like hc_verify_webhook_payload does.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_verify_interceptor_payload(
    secret: *const c_char,
    headers: *const hc_header,
    headers_len: usize,
    body: *const c_void,
    body_len: usize,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (secret: text) => {
        // SAFETY: by the header's conventions, both arrays hold as many items as their lengths state.
        let (headers, body) = unsafe { request(headers, headers_len, body, body_len) }?;
        verify_interceptor_payload(secret, &headers, body)
    })
}

/// Creates the three signature headers of a request with this body, for tests of receiving code.
///
/// - `webhook`: required; its first secret is used.
/// - `body`: `body_len` bytes.
/// - `body_len`: number of bytes.
/// - `id`: the message's id. NULL: a random "msg_...".
/// - `timestamp`: time of sending, in seconds since 1970-01-01 UTC. NULL: now.
/// - `headers`: receives the headers; free them with hc_signed_headers_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT if the id does not have 1 to 256 bytes, has a dot or a control character, or begins or ends with white space, and if
///   the timestamp is negative.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_webhook_sign(
    webhook: *const hc_webhook,
    body: *const c_void,
    body_len: usize,
    id: *const c_char,
    timestamp: *const i64,
    headers: *mut *mut hc_signed_headers,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, headers, (webhook: object, id: optional_text, timestamp: optional_value) => {
        // SAFETY: by the header's conventions, the body holds as many bytes as its length states.
        let body = unsafe { array(body.cast::<u8>(), body_len, "body") }?;
        webhook.0.sign(body, id, timestamp).map(hc_signed_headers::from)
    })
}

/// The value of the header webhook-id.
///
/// - `headers`: may be NULL, which gives NULL.
/// - Returns text owned by `headers`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_signed_headers_id(headers: *const hc_signed_headers) -> *const c_char {
    read!(headers => headers.id.of(&headers.headers.id))
}

/// The value of the header webhook-timestamp: seconds since 1970-01-01 UTC.
///
/// - `headers`: may be NULL, which gives NULL.
/// - Returns text owned by `headers`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_signed_headers_timestamp(headers: *const hc_signed_headers) -> *const c_char {
    read!(headers => headers.timestamp.of(&headers.headers.timestamp))
}

/// The value of the header webhook-signature: "v1," and base64.
///
/// - `headers`: may be NULL, which gives NULL.
/// - Returns text owned by `headers`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_signed_headers_signature(headers: *const hc_signed_headers) -> *const c_char {
    read!(headers => headers.signature.of(&headers.headers.signature))
}

/// Frees headers and the texts that came from them.
///
/// - `headers`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_signed_headers_free(headers: *mut hc_signed_headers) {
    free!(headers);
}

/// Applies the options and creates the verifier.
fn finish(mut builder: WebhookBuilder, options: &hc_webhook_options) -> Result<hc_webhook> {
    match options.tolerance_seconds {
        0 => {}
        HC_TOLERANCE_NONE => builder = builder.tolerance(Duration::ZERO),
        seconds => {
            let seconds = u64::try_from(seconds).map_err(|_| {
                Error::invalid_argument("options.tolerance_seconds is negative: expected seconds, or HC_TOLERANCE_NONE")
            })?;
            builder = builder.tolerance(Duration::from_secs(seconds));
        }
    }
    if let Some(bytes) = unless_zero(options.max_body) {
        builder = builder.max_body(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
    builder.build().map(hc_webhook)
}

/// Reads a parameter `now_unix_seconds`.
pub(crate) fn time(unix_seconds: i64) -> Result<Timestamp> {
    Timestamp::from_second(unix_seconds).map_err(|_| {
        Error::invalid_argument("now_unix_seconds is outside the years -9999 to 9999: expected seconds since 1970")
    })
}

type Pairs<'a> = Vec<(&'a str, &'a [u8])>;

/// Reads a request's headers as pairs of a name and a value.
///
/// # Safety
///
/// The array is NULL or holds as many headers as its length states, whose names are NUL-terminated; all are alive for `'a`.
unsafe fn pairs<'a>(headers: *const hc_header, headers_len: usize) -> Result<Pairs<'a>> {
    // SAFETY: this function's contract.
    let headers: &[hc_header] = unsafe { array(headers, headers_len, "headers") }?;
    let pair = |(index, header): (usize, &hc_header)| {
        // SAFETY: this function's contract.
        unsafe {
            Ok((
                text(header.name, format_args!("headers[{index}].name"))?,
                array(header.value.cast::<u8>(), header.value_len, format_args!("headers[{index}].value"))?,
            ))
        }
    };
    headers.iter().enumerate().map(pair).collect()
}

/// Reads a request's headers and its body.
///
/// # Safety
///
/// As for [`pairs`], and the body is NULL or holds as many bytes as its length states.
pub(crate) unsafe fn request<'a>(
    headers: *const hc_header,
    headers_len: usize,
    body: *const c_void,
    body_len: usize,
) -> Result<(Pairs<'a>, &'a [u8])> {
    // SAFETY: this function's contract.
    unsafe { Ok((pairs(headers, headers_len)?, array(body.cast::<u8>(), body_len, "body")?)) }
}
