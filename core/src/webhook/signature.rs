//! The signature: the bytes that are hashed, the signatures of a header that are tried, and their comparison.

use super::secret::Key;
use crate::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;
use std::borrow::Cow;

/// Prefix of signatures with a shared secret, the only kind that is verified.
pub(super) const VERSION: &[u8] = b"v1,";

/// Number of signatures of one message that are tried; a sender that rotates its secret sends two.
const MAX_TRIED: usize = 32;

/// Length of an HMAC-SHA256 in bytes.
const MAC_BYTES: usize = 32;
/// Length of an HMAC-SHA256 in padded base64.
const MAC_BASE64: usize = 44;

/// The headers of a message that has not been verified yet, as they were received.
pub(super) struct Signed<'a> {
    pub(super) id: &'a [u8],
    pub(super) timestamp: &'a [u8],
    pub(super) signatures: &'a [u8],
    /// The timestamp as a time, or `None` if it is out of range.
    pub(super) sent_at: Option<Timestamp>,
}

impl Signed<'_> {
    /// Returns whether any of the signatures is valid for any of the keys.
    ///
    /// A token that is not `v1,` and the canonical base64 of 32 bytes is skipped. Each comparison takes constant time. Nothing is allocated
    /// per signature.
    pub(super) fn matches(&self, keys: &[Key], body: &[u8]) -> bool {
        keys.iter().any(|key| {
            let expected = mac(key, self.id, self.timestamp, body);
            self.candidates().any(|candidate| expected.clone().verify_slice(&candidate).is_ok())
        })
    }

    fn candidates(&self) -> impl Iterator<Item = [u8; MAC_BYTES]> {
        self.signatures.split(|byte| *byte == b' ').filter(|token| !token.is_empty()).take(MAX_TRIED).filter_map(decode)
    }
}

/// Computes the HMAC of a message, without finalizing it.
pub(super) fn mac(key: &Key, id: &[u8], timestamp: &[u8], body: &[u8]) -> Key {
    let mut mac = key.clone();
    mac.update(id);
    mac.update(b".");
    mac.update(timestamp);
    mac.update(b".");
    mac.update(body);
    mac
}

fn decode(token: &[u8]) -> Option<[u8; MAC_BYTES]> {
    let encoded = token.strip_prefix(VERSION).filter(|encoded| encoded.len() == MAC_BASE64)?;
    // The decoder needs room for three more bytes than it writes.
    let mut bytes = [0; MAC_BYTES + 3];
    let length = STANDARD.decode_slice(encoded, &mut bytes).ok()?;
    bytes[..length].try_into().ok()
}

/// Returns the texts that a sender may have signed for the parsed body `compact`: `compact` itself; with U+2028 and U+2029 escaped, as Go's encoder
/// always does; and with `<`, `>` and `&` escaped as well, as it does by default.
pub(super) fn spellings(compact: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let always = escape(compact, &['\u{2028}', '\u{2029}']);
    let html = escape(compact, &['<', '>', '&', '\u{2028}', '\u{2029}']);
    std::iter::once(Cow::Borrowed(compact)).chain(always.map(Cow::Owned)).chain(html.map(Cow::Owned))
}

/// Returns `text` with `characters` escaped as `\uxxxx`, or `None` if it contains none of them. In compact JSON they occur only inside strings.
fn escape(text: &str, characters: &[char]) -> Option<String> {
    if !text.contains(characters) {
        return None;
    }
    let mut escaped = String::with_capacity(text.len() + 64);
    for character in text.chars() {
        if characters.contains(&character) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            escaped.push(character);
        }
    }
    Some(escaped)
}
