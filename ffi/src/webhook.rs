//! Webhooks: verifying what Scalekit sends, and signing what a test sends in its place.

use crate::boundary::{array, call, free, read, text};
use crate::error::hc_error;
use crate::event::hc_event;
use crate::generated::hc_status;
use crate::options::{growing, unless_zero};
use crate::text::Text;
use headcount_core::{Error, Result, SignedHeaders, Timestamp, Webhook, WebhookBuilder, verify_webhook_payload};
use std::ffi::{c_char, c_void};
use std::time::Duration;

/// For tolerance_seconds: none at all, a message must have been sent in this very second. (0 stands for the default.)
pub const HC_TOLERANCE_NONE: i64 = -1;

/// A verifier for one signing secret, or for several while one is being rotated. Any number of threads may use it at once.
pub struct hc_webhook(Webhook);

/// Settings of a verifier. Zero all of it, set struct_size and what you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_webhook_options {
    /// sizeof(hc_webhook_options).
    pub struct_size: usize,
    /// How far a timestamp may lie from now, either way, in seconds. 0: 300. HC_TOLERANCE_NONE: not at all.
    pub tolerance_seconds: i64,
    /// The largest body that is looked at, in bytes. 0: 1048576 (1 MiB).
    pub max_body: u64,
}

growing!(hc_webhook_options { tolerance_seconds, max_body });

/// One header of a request.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_header {
    /// Its name, NUL-terminated, in whatever case it came.
    pub name: *const c_char,
    /// Its value: bytes that nothing needs to terminate. May be NULL where value_len is 0.
    pub value: *const c_char,
    /// How many bytes the value has.
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

/// Makes a verifier from secrets in code.
///
/// - `secrets`: `secrets_len` texts, each "whsec_..." or several of those separated by spaces. They are copied.
/// - `secrets_len`: how many.
/// - `options`: may be NULL, which means the defaults.
/// - `webhook`: receives the verifier; free it with hc_webhook_free.
/// - `error`: may be NULL.
/// - Fails with HC_CONFIG and the reason "invalid_secret" where there is no secret or one cannot be used, or HC_INVALID_ARGUMENT.
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
        // SAFETY: the caller keeps the header's conventions: `secrets` holds `secrets_len` pointers.
        let secrets = unsafe { array(secrets, secrets_len, "secrets") }?;
        let builder = secrets.iter().enumerate().try_fold(Webhook::builder(), |builder, (index, secret)| {
            // SAFETY: each secret is NULL or NUL-terminated, and alive during this call.
            let secret = unsafe { text(*secret, format_args!("secrets[{index}]")) }?;
            Ok(builder.secret(secret))
        })?;
        finish(builder, &options)
    })
}

/// Makes a verifier from SCALEKIT_WEBHOOK_SECRET: one secret, or several separated by spaces.
///
/// - `options`: may be NULL, which means the defaults.
/// - `webhook`: receives the verifier; free it with hc_webhook_free.
/// - `error`: may be NULL.
/// - Fails with HC_CONFIG, naming the variable where it is missing, or HC_INVALID_ARGUMENT.
/// - Threads: any number at once, while no thread calls setenv.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_webhook_from_env(
    options: *const hc_webhook_options,
    webhook: *mut *mut hc_webhook,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, webhook, (options: options) => finish(WebhookBuilder::from_env()?, &options))
}

/// Frees a verifier; the secrets in its memory are zeroed. Events that came from it live on.
///
/// - `webhook`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_webhook_free(webhook: *mut hc_webhook) {
    free!(webhook);
}

/// Verifies a request and reads the event in it. Answer 201 where this is HC_OK and 400 where it is not, and tell the sender
/// nothing more.
///
/// - `webhook`: required.
/// - `headers`: all of the request's headers, whatever their order; `headers_len` of them.
/// - `headers_len`: how many.
/// - `body`: the request's body as it came, before any parser; `body_len` bytes.
/// - `body_len`: how many.
/// - `event`: receives the event; free it with hc_event_free.
/// - `error`: may be NULL.
/// - Fails with HC_WEBHOOK_VERIFICATION and a reason (hc_error_reason), or HC_INVALID_ARGUMENT. The reason "malformed_event"
///   alone means that the signature was right.
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
        // SAFETY: the caller keeps the header's conventions: both arrays hold as many items as their lengths say.
        let (headers, body) = unsafe { request(headers, headers_len, body, body_len) }?;
        webhook.0.verify(&headers, body).map(hc_event::from)
    })
}

/// hc_webhook_verify with the timestamp judged by another clock: for requests that were kept and are read later.
///
/// - `webhook`: required.
/// - `headers`: all of the request's headers; `headers_len` of them.
/// - `headers_len`: how many.
/// - `body`: the request's body as it came; `body_len` bytes.
/// - `body_len`: how many.
/// - `now_unix_seconds`: the time to judge by, in seconds since 1970.
/// - `event`: receives the event; free it with hc_event_free.
/// - `error`: may be NULL.
/// - Fails as hc_webhook_verify does; with HC_INVALID_ARGUMENT also where the time is none of the years -9999 to 9999.
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
        // SAFETY: the caller keeps the header's conventions: both arrays hold as many items as their lengths say.
        let (headers, body) = unsafe { request(headers, headers_len, body, body_len) }?;
        webhook.0.verify_at(&headers, body, time(now_unix_seconds)?).map(hc_event::from)
    })
}

/// Verifies the signature and the timestamp of a request alone; nothing is asked of the body.
///
/// - `webhook`: required.
/// - `headers`: all of the request's headers; `headers_len` of them.
/// - `headers_len`: how many.
/// - `body`: the request's body as it came; `body_len` bytes.
/// - `body_len`: how many.
/// - `error`: may be NULL.
/// - Fails as hc_webhook_verify does, but never with the reason "malformed_event".
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
        // SAFETY: the caller keeps the header's conventions: both arrays hold as many items as their lengths say.
        let (headers, body) = unsafe { request(headers, headers_len, body, body_len) }?;
        webhook.0.verify_signature(&headers, body)
    })
}

/// hc_webhook_verify_signature with the timestamp judged by another clock.
///
/// - `webhook`: required.
/// - `headers`: all of the request's headers; `headers_len` of them.
/// - `headers_len`: how many.
/// - `body`: the request's body as it came; `body_len` bytes.
/// - `body_len`: how many.
/// - `now_unix_seconds`: the time to judge by, in seconds since 1970.
/// - `error`: may be NULL.
/// - Fails as hc_webhook_verify_at does, but never with the reason "malformed_event".
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
        // SAFETY: the caller keeps the header's conventions: both arrays hold as many items as their lengths say.
        let (headers, body) = unsafe { request(headers, headers_len, body, body_len) }?;
        webhook.0.verify_signature_at(&headers, body, time(now_unix_seconds)?)
    })
}

/// Verifies a request whose body a framework has parsed already: the signature may be on the text as it is given, or with
/// `<`, `>`, `&`, U+2028 and U+2029 escaped the way Go's encoder prints them. Prefer hc_webhook_verify with the raw body:
/// numbers and key order do not survive every parser.
///
/// - `webhook`: required.
/// - `headers`: all of the request's headers; `headers_len` of them.
/// - `headers_len`: how many.
/// - `compact`: the parsed body, printed again as JSON without white space.
/// - `event`: receives the event; free it with hc_event_free.
/// - `error`: may be NULL.
/// - Fails as hc_webhook_verify does.
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
        // SAFETY: the caller keeps the header's conventions: the array holds as many items as its length says.
        let headers = unsafe { pairs(headers, headers_len) }?;
        webhook.0.verify_parsed(&headers, compact).map(hc_event::from)
    })
}

/// hc_webhook_verify_parsed with the timestamp judged by another clock.
///
/// - `webhook`: required.
/// - `headers`: all of the request's headers; `headers_len` of them.
/// - `headers_len`: how many.
/// - `compact`: the parsed body, printed again as JSON without white space.
/// - `now_unix_seconds`: the time to judge by, in seconds since 1970.
/// - `event`: receives the event; free it with hc_event_free.
/// - `error`: may be NULL.
/// - Fails as hc_webhook_verify_at does.
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
        // SAFETY: the caller keeps the header's conventions: the array holds as many items as its length says.
        let headers = unsafe { pairs(headers, headers_len) }?;
        webhook.0.verify_parsed_at(&headers, compact, time(now_unix_seconds)?).map(hc_event::from)
    })
}

/// Verifies the signature of a request in one call, without a verifier to keep. A verifier is quicker for many.
///
/// - `secret`: "whsec_...", or several of those separated by spaces.
/// - `headers`: all of the request's headers; `headers_len` of them.
/// - `headers_len`: how many.
/// - `body`: the request's body as it came; `body_len` bytes.
/// - `body_len`: how many.
/// - `error`: may be NULL.
/// - Fails with HC_WEBHOOK_VERIFICATION and a reason, "invalid_secret" among them, or HC_INVALID_ARGUMENT.
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
        // SAFETY: the caller keeps the header's conventions: both arrays hold as many items as their lengths say.
        let (headers, body) = unsafe { request(headers, headers_len, body, body_len) }?;
        verify_webhook_payload(secret, &headers, body)
    })
}

/// Makes the three headers that a request with this body would carry: for tests of the code that verifies.
///
/// - `webhook`: required; its first secret signs.
/// - `body`: `body_len` bytes.
/// - `body_len`: how many.
/// - `id`: the message's id. NULL: a fresh "msg_...".
/// - `timestamp`: when it is sent, in seconds since 1970. NULL: now.
/// - `headers`: receives the headers; free them with hc_signed_headers_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT where the id is "" or cannot stand in a header, or the timestamp is negative.
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
        // SAFETY: the caller keeps the header's conventions: the body holds as many bytes as its length says.
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

/// The value of the header webhook-timestamp: seconds since 1970.
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

/// Frees headers and every text that came from them.
///
/// - `headers`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_signed_headers_free(headers: *mut hc_signed_headers) {
    free!(headers);
}

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

pub(crate) fn time(unix_seconds: i64) -> Result<Timestamp> {
    Timestamp::from_second(unix_seconds).map_err(|_| {
        Error::invalid_argument("now_unix_seconds is outside the years -9999 to 9999: expected seconds since 1970")
    })
}

type Pairs<'a> = Vec<(&'a str, &'a [u8])>;

/// A request's headers.
///
/// # Safety
///
/// The array is NULL or holds as many headers as its length says, whose names are NUL-terminated; all are alive for `'a`.
unsafe fn pairs<'a>(headers: *const hc_header, headers_len: usize) -> Result<Pairs<'a>> {
    // SAFETY: the contract.
    let headers: &[hc_header] = unsafe { array(headers, headers_len, "headers") }?;
    let pair = |(index, header): (usize, &hc_header)| {
        // SAFETY: the contract.
        unsafe {
            Ok((
                text(header.name, format_args!("headers[{index}].name"))?,
                array(header.value.cast::<u8>(), header.value_len, format_args!("headers[{index}].value"))?,
            ))
        }
    };
    headers.iter().enumerate().map(pair).collect()
}

/// A request's headers and its body.
///
/// # Safety
///
/// As for [`pairs`], and the body is NULL or holds as many bytes as its length says.
pub(crate) unsafe fn request<'a>(
    headers: *const hc_header,
    headers_len: usize,
    body: *const c_void,
    body_len: usize,
) -> Result<(Pairs<'a>, &'a [u8])> {
    // SAFETY: the contract.
    unsafe { Ok((pairs(headers, headers_len)?, array(body.cast::<u8>(), body_len, "body")?)) }
}
