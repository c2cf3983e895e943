//! Finds the id, the timestamp and the signatures among a request's headers, and checks the timestamp.

use super::signature::Signed;
use crate::{Error, Reason, Result, Timestamp};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Longest message id that is accepted, in bytes; Scalekit's have about 30.
pub(super) const MAX_ID: usize = 256;
/// Longest timestamp that is accepted, in bytes: an `i64` has 19 digits, and a signer may pad with zeros.
const MAX_TIMESTAMP: usize = 256;
/// Largest total length of the signature headers that is accepted, in bytes.
const MAX_SIGNATURES: usize = 8192;

/// The two families of header names, each as id, timestamp and signature. The first complete family is used; functions for interceptors look
/// for the second one first.
pub const WEBHOOK_HEADERS: [[&str; 3]; 2] = [
    ["webhook-id", "webhook-timestamp", "webhook-signature"],
    ["interceptor-id", "interceptor-timestamp", "interceptor-signature"],
];

/// A family of header names; its number is its index in [`WEBHOOK_HEADERS`].
#[derive(Clone, Copy)]
pub(super) enum Family {
    Webhook = 0,
    Interceptor = 1,
}

const ID: usize = 0;
const TIMESTAMP: usize = 1;
const SIGNATURE: usize = 2;

/// A request's headers, in the types that HTTP frameworks use.
///
/// Implemented for lists and maps of names and values (text or bytes), for [`SignedHeaders`](super::SignedHeaders), and with
/// the feature `http` (which `client` and `axum` enable) for `http::HeaderMap`.
pub trait Headers {
    /// Calls `visit` with the name and value of each header, in order. A repeated header is visited once per occurrence.
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8]));
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Headers for [(N, V)] {
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        self.iter().for_each(|(name, value)| visit(name.as_ref(), value.as_ref()));
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>, const LENGTH: usize> Headers for [(N, V); LENGTH] {
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        self.as_slice().each(visit);
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Headers for Vec<(N, V)> {
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        self.as_slice().each(visit);
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>, S> Headers for HashMap<N, V, S> {
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        self.iter().for_each(|(name, value)| visit(name.as_ref(), value.as_ref()));
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Headers for BTreeMap<N, V> {
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        self.iter().for_each(|(name, value)| visit(name.as_ref(), value.as_ref()));
    }
}

#[cfg(feature = "http")]
impl Headers for http::HeaderMap {
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        self.iter().for_each(|(name, value)| visit(name.as_str(), value.as_bytes()));
    }
}

/// Returns the bytes of a header's value that a framework has decoded to text. WSGI, ASGI and Node decode Latin-1, so each character is one
/// byte. Text with characters outside Latin-1 was decoded from UTF-8.
pub fn header_bytes(text: &str) -> Cow<'_, [u8]> {
    if text.is_ascii() {
        return Cow::Borrowed(text.as_bytes());
    }
    let latin: Option<Vec<u8>> = text.chars().map(|char| u8::try_from(char).ok()).collect();
    latin.map_or(Cow::Borrowed(text.as_bytes()), Cow::Owned)
}

/// The headers of both families, borrowed from the request.
#[derive(Default)]
pub(super) struct FoundHeaders<'a> {
    families: [[Option<Cow<'a, [u8]>>; 3]; 2],
}

impl<'a> FoundHeaders<'a> {
    /// Finds the headers of both families; names are case-insensitive. The first id and timestamp are used; several signature headers are
    /// joined. A header with an empty value counts as absent.
    pub(super) fn read(&mut self, headers: &'a (impl Headers + ?Sized)) {
        headers.each(&mut |name, value| {
            if value.is_empty() {
                return;
            }
            let Some((family, part)) = position(name) else { return };
            let slot = &mut self.families[family][part];
            match slot {
                None => *slot = Some(Cow::Borrowed(value)),
                Some(seen) if part == SIGNATURE => {
                    let seen = seen.to_mut();
                    seen.push(b' ');
                    seen.extend_from_slice(value);
                }
                Some(_) => {}
            }
        });
    }

    /// Selects the family, the preferred one if both are complete, and checks everything except the signature.
    pub(super) fn check(&self, now: Timestamp, tolerance: Duration, preferred: Family) -> Result<Signed<'_>> {
        let order = [preferred as usize, 1 - preferred as usize];
        let complete =
            order.map(|family| &self.families[family]).into_iter().find(|family| family.iter().all(Option::is_some));
        let Some([Some(id), Some(timestamp), Some(signatures)]) = complete else {
            return Err(self.missing(order));
        };
        let seconds = seconds(timestamp)?;
        let now = now.as_second();
        let tolerance = tolerance.as_secs();
        if seconds.abs_diff(now) > tolerance {
            let apart = seconds.abs_diff(now);
            return Err(if seconds < now {
                Error::refused(
                    Reason::TooOld,
                    format!("the message was sent {apart} seconds ago, and the tolerance is {tolerance}"),
                )
            } else {
                Error::refused(
                    Reason::TooNew,
                    format!(
                        "the message's time is {apart} seconds ahead, and the tolerance is {tolerance}: check this machine's clock"
                    ),
                )
            });
        }
        if id.len() > MAX_ID || signatures.len() > MAX_SIGNATURES {
            let message = format!(
                "the message id or the signatures are too long: expected at most {MAX_ID} and {MAX_SIGNATURES} bytes"
            );
            return Err(Error::refused(Reason::NoMatch, message));
        }
        // The signed text is `id.timestamp.body`. With a dot in the id, the same text could also be read as another id, timestamp and body.
        if id.contains(&b'.') {
            return Err(Error::refused(Reason::NoMatch, "the message's id has a dot, which no id of the vendor has"));
        }
        Ok(Signed { id, timestamp, signatures, sent_at: Timestamp::from_second(seconds).ok() })
    }

    fn missing(&self, order: [usize; 2]) -> Error {
        // Names a missing header of the first family in `order` that has any header, or of the preferred family if neither has one.
        let present = order.into_iter().find(|family| self.families[*family].iter().any(Option::is_some));
        let family = present.unwrap_or(order[0]);
        let part = self.families[family].iter().position(Option::is_none).unwrap_or(0);
        let name = WEBHOOK_HEADERS[family][part];
        Error::refused(
            Reason::MissingHeader,
            format!("the header {name} is missing or empty: pass all of the request's headers"),
        )
    }
}

/// Returns whether verification uses a header of this name; case-insensitive. Bindings skip the other headers, to save copying them.
pub fn is_webhook_header(name: &str) -> bool {
    position(name).is_some()
}

fn position(name: &str) -> Option<(usize, usize)> {
    // Skips the comparisons for most headers of a request, which have another first letter.
    if !matches!(name.as_bytes().first(), Some(b'w' | b'W' | b'i' | b'I')) {
        return None;
    }
    WEBHOOK_HEADERS.iter().enumerate().find_map(|(family, names)| {
        [ID, TIMESTAMP, SIGNATURE]
            .into_iter()
            .find(|part| names[*part].eq_ignore_ascii_case(name))
            .map(|part| (family, part))
    })
}

/// Parses a whole number of seconds in ASCII digits, without sign, fraction, white space or digits of other scripts.
fn seconds(text: &[u8]) -> Result<i64> {
    let invalid = || {
        Error::refused(
            Reason::InvalidTimestamp,
            "the timestamp header is not a whole number of seconds in ASCII digits",
        )
    };
    if text.len() > MAX_TIMESTAMP || !text.iter().all(u8::is_ascii_digit) {
        return Err(invalid());
    }
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(invalid)
}
