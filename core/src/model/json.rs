//! JSON that is kept as text, and serde functions for the vendor's JSON.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A JSON value as the text that was received, decoded on demand. Clones are cheap.
#[derive(Clone)]
pub struct RawJson(Arc<Box<RawValue>>);

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RawJson, D::Error> {
        Box::deserialize(deserializer).map(|value| RawJson(Arc::new(value)))
    }
}

impl RawJson {
    /// Checks that `text` is one JSON value and keeps it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) if `text` is not one JSON value.
    pub fn new(text: impl Into<String>) -> crate::Result<RawJson> {
        RawValue::from_string(text.into())
            .map(|value| RawJson(Arc::new(value)))
            .map_err(|error| crate::Error::new(crate::ErrorKind::Decode, plain_json_error(&error)))
    }

    /// Returns the text.
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// Decodes the value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) if the value does not have the form of `T`.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> crate::Result<T> {
        decode(self.get())
    }
}

/// A JSON value inside another text, from which it is borrowed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RawJsonRef<'a>(&'a str);

impl<'a> RawJsonRef<'a> {
    #[cfg(feature = "webhook")]
    pub(crate) fn new(text: &'a str) -> RawJsonRef<'a> {
        RawJsonRef(text)
    }

    /// Returns the text.
    pub fn get(self) -> &'a str {
        self.0
    }

    /// Decodes the value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) if the value does not have the form of `T`.
    pub fn decode<T: Deserialize<'a>>(self) -> crate::Result<T> {
        decode(self.0)
    }

    /// Copies the value.
    ///
    /// # Errors
    ///
    /// None in practice: this checks the text again, which was one JSON value already.
    pub fn to_raw(self) -> crate::Result<RawJson> {
        RawJson::new(self.0)
    }
}

fn decode<'a, T: Deserialize<'a>>(text: &'a str) -> crate::Result<T> {
    serde_json::from_str(text).map_err(|error| crate::Error::new(crate::ErrorKind::Decode, plain_json_error(&error)))
}

impl fmt::Debug for RawJsonRef<'_> {
    /// Prints the length alone, since the value can have personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawJsonRef({} bytes)", self.0.len())
    }
}

impl PartialEq for RawJson {
    /// Compares the texts: equal values in different spellings are not equal.
    fn eq(&self, other: &RawJson) -> bool {
        self.get() == other.get()
    }
}

impl Eq for RawJson {}

impl Hash for RawJson {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.get().hash(state);
    }
}

impl fmt::Debug for RawJson {
    /// Prints the length alone, since the value can have personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawJson({} bytes)", self.get().len())
    }
}

/// Replaces each escape of a surrogate without a partner (`\ud800`) by `\ufffd`, the replacement character. Such an escape is valid JSON
/// (RFC 8259, 8.2) and JavaScript writes it, but no Unicode text contains it and serde_json refuses it. The length does not change.
pub(crate) fn replace_lone_surrogates(json: &[u8]) -> Cow<'_, [u8]> {
    let mut replaced = Cow::Borrowed(json);
    // `contains` is vectorized, and most texts have no escape.
    if !json.contains(&b'\\') {
        return replaced;
    }
    let mut at = 0;
    while let Some(offset) = json.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\\')) {
        let start = at + offset;
        let lone = match utf16_escape(json, start) {
            Some(0xd800..=0xdbff) if matches!(utf16_escape(json, start + ESCAPE), Some(0xdc00..=0xdfff)) => {
                at = start + 2 * ESCAPE;
                continue;
            }
            Some(unit) => matches!(unit, 0xd800..=0xdfff),
            None => {
                at = start + 2;
                continue;
            }
        };
        at = start + ESCAPE;
        if lone {
            replaced.to_mut()[start..at].copy_from_slice(b"\\ufffd");
        }
    }
    replaced
}

/// Length of an escape such as `\u0041`.
const ESCAPE: usize = 6;

/// Returns the UTF-16 unit of the escape at `start`, or `None` if there is no escape with four hexadecimal digits.
fn utf16_escape(json: &[u8], start: usize) -> Option<u16> {
    let digits = json.get(start..start + ESCAPE)?.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

/// Deserializes `null` like a missing field, for `#[serde(deserialize_with)]`.
pub(crate) fn null_is_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Returns serde_json's message without any part of the text, because a wrong value may be a secret or personal data.
pub(crate) fn plain_json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let (what, place) =
        text.rsplit_once(" at line ").map_or((text.as_str(), None), |(what, place)| (what, Some(place)));
    let mut plain = String::new();
    match what.strip_prefix("invalid type: ").or_else(|| what.strip_prefix("invalid value: ")) {
        Some(rest) => {
            // The message is "string \"VALUE\", expected a string": the type precedes the value, the expectation follows it.
            let came = rest.split([' ', ',']).next().unwrap_or("something");
            let expected = rest.rsplit_once(", expected ").map_or("something else", |(_, expected)| expected);
            plain.push_str(&format!("expected {expected}, got {}{came}", if came == "null" { "" } else { "a " }));
        }
        // serde_json's messages about syntax and about missing or duplicate fields do not repeat values. Messages of a field's own decoder can.
        None if !error.is_data() || what.starts_with("missing field `") || what.starts_with("duplicate field `") => {
            plain.push_str(what);
        }
        None => plain.push_str("expected a value of another form"),
    }
    if let Some(place) = place {
        plain.push_str(&format!(" (line {place})"));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::model::User;

    #[test]
    fn only_escapes_of_surrogates_without_a_partner_are_replaced() {
        for (text, expected) in [
            (r#""\ud800""#, r#""\ufffd""#),
            (r#""\uDFFFa\udbff""#, r#""\ufffda\ufffd""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d\ud83d\ude00\ude00""#, r#""\ufffd\ud83d\ude00\ufffd""#),
            (r#""\\ud800 \\\ud800""#, r#""\\ud800 \\\ufffd""#),
            (r#""\u0041\"\n""#, r#""\u0041\"\n""#),
            (r#""\ud83d\u0041""#, r#""\ufffd\u0041""#),
            (r"\ud80", r"\ud80"),
            (r"\", r"\"),
            (r"\u+d80", r"\u+d80"),
        ] {
            let replaced = replace_lone_surrogates(text.as_bytes());
            assert_eq!(std::str::from_utf8(&replaced).unwrap(), expected);
            assert_eq!(matches!(replaced, Cow::Borrowed(_)), text == expected, "{text} is copied only if it changes");
        }
    }

    #[test]
    fn errors_do_not_repeat_the_value() {
        for (text, expected) in [
            (r#"{"id":["hunter2"]}"#, "expected a string, got a sequence"),
            (r#"{"id":"x","emails":"hunter2, expected b"}"#, "expected a sequence, got a string"),
            (r#"{"id":"x","updated_at":"hunter2"}"#, "expected a value of another form"),
            (r#"{"email":"hunter2"}"#, "missing field `id`"),
            (r#"{"id":"hunter2"#, "EOF while parsing a string"),
        ] {
            let plain = plain_json_error(&serde_json::from_str::<User>(text).unwrap_err());
            assert!(plain.contains(expected), "{text}: {plain}");
            assert!(!plain.contains("hunter2"), "{plain}");
        }
        let plain = plain_json_error(&serde_json::from_str::<Timestamp>("\"hunter2\"").unwrap_err());
        assert!(!plain.contains("hunter2"), "{plain}");
    }
}
