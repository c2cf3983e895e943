//! Finding the id, the timestamp and the signatures among a request's headers, and judging the timestamp.

use super::signature::Signed;
use crate::{Error, Reason, Result, Timestamp};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// The longest id that is looked at, in bytes; Scalekit's have about 30.
pub(super) const MAX_ID: usize = 256;
/// The longest timestamp that is looked at: an `i64` has 19 digits, and a signer may pad with zeros.
const MAX_TIMESTAMP: usize = 256;
/// The most bytes of signatures that are looked at, over all signature headers.
const MAX_SIGNATURES: usize = 8192;

/// The two families of header names, each as (id, timestamp, signature). The first that is complete counts.
pub const WEBHOOK_HEADERS: [[&str; 3]; 2] = [
    ["webhook-id", "webhook-timestamp", "webhook-signature"],
    ["interceptor-id", "interceptor-timestamp", "interceptor-signature"],
];
const ID: usize = 0;
const TIMESTAMP: usize = 1;
const SIGNATURE: usize = 2;

/// A request's headers, however a framework holds them.
///
/// Implemented for lists and maps of names and values (text or bytes), for [`SignedHeaders`](super::SignedHeaders), and with
/// the features `client` and `axum` for `http::HeaderMap`.
pub trait Headers {
    /// Calls `visit` with each header's name and value, in order; a header that is repeated is visited as often.
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

#[cfg(any(feature = "client", feature = "axum"))]
impl Headers for http::HeaderMap {
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        self.iter().for_each(|(name, value)| visit(name.as_str(), value.as_bytes()));
    }
}

/// The bytes that a header's value had before a framework made text of it: WSGI, ASGI and Node decode Latin-1, so a character
/// is a byte. Text that Latin-1 does not reach was decoded from UTF-8.
pub fn header_bytes(text: &str) -> Cow<'_, [u8]> {
    if text.is_ascii() {
        return Cow::Borrowed(text.as_bytes());
    }
    let latin: Option<Vec<u8>> = text.chars().map(|char| u8::try_from(char).ok()).collect();
    latin.map_or(Cow::Borrowed(text.as_bytes()), Cow::Owned)
}

/// The headers of both families as they were found, borrowed from the request.
#[derive(Default)]
pub(super) struct Found<'a> {
    families: [[Option<Cow<'a, [u8]>>; 3]; 2],
}

impl<'a> Found<'a> {
    /// Looks for the six names, whatever their case. Of a repeated id or timestamp the first counts; repeated signature
    /// headers count together. An empty value counts as none.
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

    /// Picks the family, and judges everything but the signature.
    pub(super) fn check(&self, now: Timestamp, tolerance: Duration) -> Result<Signed<'_>> {
        let complete = self.families.iter().find(|family| family.iter().all(Option::is_some));
        let Some([Some(id), Some(timestamp), Some(signatures)]) = complete else {
            return Err(self.missing());
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
            return Err(Error::refused(Reason::NoMatch, "a webhook header is longer than any real one"));
        }
        Ok(Signed { id, timestamp, signatures })
    }

    fn missing(&self) -> Error {
        // The family that was begun is the one to complain about.
        let begun = self.families.iter().position(|family| family.iter().any(Option::is_some)).unwrap_or(0);
        let part = self.families[begun].iter().position(Option::is_none).unwrap_or(0);
        let name = WEBHOOK_HEADERS[begun][part];
        Error::refused(
            Reason::MissingHeader,
            format!("the header {name} is missing or empty: pass all of the request's headers"),
        )
    }
}

/// Whether verification looks at a header of this name, whatever its case: to pass over the others where copying costs.
pub fn is_webhook_header(name: &str) -> bool {
    position(name).is_some()
}

fn position(name: &str) -> Option<(usize, usize)> {
    // Most headers of a request are none of ours, and none of them have these lengths and first letters.
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

/// Whole seconds in ASCII digits, nothing else: no sign, no fraction, no white space, no digits of other scripts.
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
