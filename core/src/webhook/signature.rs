//! The signature itself: what is hashed, which signatures of a list are looked at, and how they are compared.

use super::secret::Key;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;
use std::borrow::Cow;

/// The only version of the scheme that is signed with a shared secret.
pub(super) const VERSION: &[u8] = b"v1,";

/// How many signatures of one message are tried; a sender that rotates its secret sends two.
const MAX_TRIED: usize = 32;

/// The length of an HMAC-SHA256, and of its padded base64.
const MAC_BYTES: usize = 32;
const MAC_BASE64: usize = 44;

/// A message that claims to be signed: the headers' own bytes.
pub(super) struct Signed<'a> {
    pub(super) id: &'a [u8],
    pub(super) timestamp: &'a [u8],
    pub(super) signatures: &'a [u8],
}

impl Signed<'_> {
    /// Whether any of the signatures is right under any of the keys.
    ///
    /// A signature counts whole or not at all: a token that is not `v1,` and the canonical base64 of 32 bytes is passed over.
    /// Each comparison is the MAC's own, in constant time; nothing is allocated for a signature.
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

/// The HMAC of a message, fed but not finished.
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
    // The decoder wants room for three bytes more than it may fill.
    let mut bytes = [0; MAC_BYTES + 3];
    let length = STANDARD.decode_slice(encoded, &mut bytes).ok()?;
    bytes[..length].try_into().ok()
}

/// The ways in which a sender may have printed what is now `compact`: as it is; with the characters that Go's encoder always
/// escapes; with those that it escapes for HTML as well.
pub(super) fn spellings(compact: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let always = escape(compact, &['\u{2028}', '\u{2029}']);
    let html = escape(compact, &['<', '>', '&', '\u{2028}', '\u{2029}']);
    std::iter::once(Cow::Borrowed(compact)).chain(always.map(Cow::Owned)).chain(html.map(Cow::Owned))
}

/// `text` with `characters` as `\u00xx`, or `None` where it has none of them. All of them can only stand inside JSON strings.
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
