//! JSON that is kept as text, and serde functions for the vendor's JSON.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
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
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) if it is not.
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
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) if it has another shape.
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
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) if it has another shape.
    pub fn decode<T: Deserialize<'a>>(self) -> crate::Result<T> {
        decode(self.0)
    }

    /// Copies the value.
    ///
    /// # Errors
    ///
    /// None: the text is known to be one JSON value, and is checked once more.
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
        // Messages about syntax and about fields do not repeat values; those of a field's own decoder can.
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
    use crate::{Timestamp, User};

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
