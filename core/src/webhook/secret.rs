//! Decodes the text of a signing secret to an HMAC key.
//!
//! A secret that is empty, short or not base64 is refused when it is configured, before any message arrives: anyone could sign with an
//! empty key.

use crate::config::unquote;
use crate::{Error, ErrorKind, Reason, Result};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit};
use sha2::Sha256;
use zeroize::Zeroizing;

/// An HMAC with its key: made once, cloned for each message.
pub(super) type Key = Hmac<Sha256>;

/// Prefixes of the asymmetric keys of Standard Webhooks, the public and the private one, which cannot be used for an HMAC.
const ASYMMETRIC: [&str; 2] = ["whpk", "whsk"];

/// Smallest secret in bytes; shorter ones can be guessed. Standard Webhooks asks for 24 to 64.
const MIN_BYTES: usize = 16;

/// The standard alphabet, with or without padding. The bits of the last character that are beyond the last byte may have any value, as in
/// the decoders of Node and Python, which the vendor's SDKs use.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Reads one secret, or several separated by white space.
pub(super) fn keys(text: &str) -> Result<Vec<Key>> {
    let text = unquote(text);
    if text.is_empty() {
        return Err(invalid("the webhook secret is empty: expected whsec_ and base64, as the dashboard shows it"));
    }
    text.split_ascii_whitespace().map(key).collect()
}

fn key(text: &str) -> Result<Key> {
    // The prefix is `whsec_` in the dashboard; secrets of interceptors have other prefixes. The standard alphabet has no `_`, so the first one ends
    // the prefix. A prefix has no capital letters: a key in the URL-safe alphabet, which has `_`, is then refused instead of being read as a prefix
    // and a shorter key.
    let is_prefix =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let (prefix, encoded) = text.split_once('_').filter(|(prefix, _)| is_prefix(prefix)).unwrap_or(("", text));
    if ASYMMETRIC.contains(&prefix) {
        return Err(invalid(format!(
            "the webhook secret starts with {prefix}_, which is an asymmetric key: expected the endpoint's signing secret, as the dashboard shows it"
        )));
    }
    let bytes = Zeroizing::new(BASE64.decode(encoded).map_err(|_| {
        invalid("the webhook secret is not base64: expected whsec_ and base64, as the dashboard shows it")
    })?);
    if bytes.len() < MIN_BYTES {
        let length = bytes.len();
        return Err(invalid(format!(
            "the webhook secret holds {length} bytes, too few to be safe: expected at least {MIN_BYTES} after whsec_"
        )));
    }
    Key::new_from_slice(&bytes).map_err(|_| invalid("the webhook secret cannot be used as an HMAC key"))
}

/// Makes the error for a secret that cannot be used.
pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message).with_reason(Reason::InvalidSecret)
}
