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

/// The prefix of a secret in the dashboard and in Standard Webhooks.
const PREFIX: &str = "whsec_";

/// Smallest secret in bytes; shorter ones can be guessed. Standard Webhooks asks for 24 to 64.
const MIN_BYTES: usize = 16;

/// The standard alphabet, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
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
    let encoded = text.strip_prefix(PREFIX).unwrap_or(text);
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
