//! The envelope of events. Its `data` stays raw JSON until it is decoded.

use super::event_type::{self, EventData, EventType, current_name};
use crate::model::{RawJsonRef, replace_lone_surrogates};
use crate::{Error, Reason, Result, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Deepest nesting of a body that is accepted. Deeper nesting overflows the stack of some languages' JSON parsers.
const MAX_DEPTH: usize = 128;

/// An event from a verified webhook.
///
/// Clones are cheap. Events of unknown types are kept like those of known ones. Events are equal if their bodies are, whatever their message
/// ids are.
#[derive(Clone)]
pub struct Event(Arc<Inner>);

struct Inner {
    message_id: String,
    id: Text,
    kind: EventType,
    occurred_at: Timestamp,
    environment_id: Text,
    organization_id: Text,
    object: Text,
    display_name: Text,
    spec_version: Text,
    data: Text,
    body: Vec<u8>,
    /// The body with U+FFFD for surrogates without a partner, or `None` if there are none. It has the length of the body.
    replaced: Option<Vec<u8>>,
}

/// A text field of an event.
enum Text {
    /// Start and end of the text in the event's JSON.
    Range(usize, usize),
    /// The decoded text, if it has escapes in the body, or the text that replaces a missing field.
    Unescaped(String),
}

impl Text {
    /// Stores `text`, which was decoded from `body`.
    fn new(text: Cow<'_, str>, body: &[u8]) -> Text {
        match text {
            Cow::Borrowed(text) => {
                let start = (text.as_ptr() as usize).saturating_sub(body.as_ptr() as usize);
                Text::Range(start, start + text.len())
            }
            Cow::Owned(text) => Text::Unescaped(text),
        }
    }

    fn get<'a>(&'a self, body: &'a [u8]) -> &'a str {
        match self {
            Text::Range(start, end) => {
                body.get(*start..*end).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
            }
            Text::Unescaped(text) => text,
        }
    }
}

impl EventType {
    /// Returns the type with this name. The vendor's older names (`scalekit.dir.user.create`) give the same type as the current ones.
    pub fn named(name: &str) -> EventType {
        current_name(name).into()
    }
}

/// The fields of the `…Event` schemas of the vendor's OpenAPI document. Any of them may be missing.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    id: Option<BorrowedText<'a>>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<BorrowedText<'a>>,
    #[serde(default)]
    occurred_at: Option<Timestamp>,
    #[serde(borrow, default)]
    environment_id: Option<BorrowedText<'a>>,
    #[serde(borrow, default)]
    organization_id: Option<BorrowedText<'a>>,
    #[serde(borrow, default)]
    object: Option<BorrowedText<'a>>,
    #[serde(borrow, default)]
    display_name: Option<BorrowedText<'a>>,
    #[serde(borrow, default)]
    spec_version: Option<BorrowedText<'a>>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// The fields of an [`Envelope`] with values of any type.
#[derive(Deserialize)]
struct AnyEnvelope<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    occurred_at: Option<&'a RawValue>,
    #[serde(borrow, default)]
    environment_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    organization_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    object: Option<&'a RawValue>,
    #[serde(borrow, default)]
    display_name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    spec_version: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

impl<'a> From<AnyEnvelope<'a>> for Envelope<'a> {
    /// Leaves out the fields whose values do not have the type of the field in [`Envelope`].
    fn from(any: AnyEnvelope<'a>) -> Envelope<'a> {
        fn read<'a, T: Deserialize<'a>>(value: Option<&'a RawValue>) -> Option<T> {
            serde_json::from_str(value?.get()).ok()
        }
        Envelope {
            id: read(any.id),
            kind: read(any.kind),
            occurred_at: read(any.occurred_at),
            environment_id: read(any.environment_id),
            organization_id: read(any.organization_id),
            object: read(any.object),
            display_name: read(any.display_name),
            spec_version: read(any.spec_version),
            data: any.data,
        }
    }
}

/// The message that carried an event. Its id and timestamp replace those that the event's body lacks.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    /// The message's id, or empty if it is not known.
    pub(super) id: &'a [u8],
    /// The message's timestamp, if it is known.
    pub(super) sent_at: Option<Timestamp>,
}

/// A borrowed text. Serde borrows a `Cow` that is a field, but not one inside an `Option`.
#[derive(Deserialize)]
#[serde(transparent)]
struct BorrowedText<'a>(#[serde(borrow)] Cow<'a, str>);

impl Event {
    /// Reads the event of a body whose signature has been verified. Any JSON object is an event. If `id` or `occurred_at` is missing or cannot be
    /// read, that of `message` is used. Other fields that are missing or cannot be read are empty; missing `data` is `null`. A repeated field of the
    /// envelope is refused, because parsers disagree on which value counts.
    pub(super) fn parse(body: &[u8], message: Message<'_>) -> Result<Event> {
        if depth(body) > MAX_DEPTH {
            return Err(malformed(format!("it nests more than {MAX_DEPTH} levels deep")));
        }
        // Serde also reads a struct from an array.
        if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return Err(malformed("expected a JSON object"));
        }
        let replaced = replace_lone_surrogates(body);
        let json = replaced.as_ref();
        let envelope = match std::str::from_utf8(json) {
            // Checking UTF-8 once for the whole body is faster than once for each string.
            Ok(text) => serde_json::from_str(text)
                .or_else(|_| serde_json::from_str::<AnyEnvelope<'_>>(text).map(Envelope::from)),
            Err(_) => serde_json::from_slice::<AnyEnvelope<'_>>(json).map(Envelope::from),
        };
        let envelope: Envelope<'_> = envelope.map_err(|error| malformed(crate::model::plain_json_error(&error)))?;
        let message_id = String::from_utf8_lossy(message.id).into_owned();
        let text = |field: Option<BorrowedText<'_>>| {
            field.map_or(Text::Range(0, 0), |BorrowedText(text)| Text::new(text, json))
        };
        let id = match envelope.id.filter(|BorrowedText(id)| !id.is_empty()) {
            None if message_id.is_empty() => {
                return Err(malformed("it has no `id`, and its message's id is not known"));
            }
            None => Text::Unescaped(message_id.clone()),
            id => text(id),
        };
        let occurred_at = envelope.occurred_at.or(message.sent_at);
        Ok(Event(Arc::new(Inner {
            message_id,
            id,
            kind: EventType::named(envelope.kind.as_ref().map_or("", |BorrowedText(name)| name)),
            occurred_at: occurred_at
                .ok_or_else(|| malformed("it has no `occurred_at`, and its message's time is not known"))?,
            environment_id: text(envelope.environment_id),
            organization_id: text(envelope.organization_id),
            object: text(envelope.object),
            display_name: text(envelope.display_name),
            spec_version: text(envelope.spec_version),
            data: match envelope.data {
                Some(data) => Text::new(Cow::Borrowed(data.get()), json),
                None => Text::Unescaped("null".to_owned()),
            },
            body: body.to_vec(),
            replaced: match replaced {
                Cow::Borrowed(_) => None,
                Cow::Owned(json) => Some(json),
            },
        })))
    }

    /// Reads the event of a body that was verified earlier, such as one that waited in a queue. Verifies nothing: a body from any other source
    /// must be passed to `Webhook::verify`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WebhookVerification`](crate::ErrorKind::WebhookVerification) with [`Reason::MalformedEvent`].
    pub fn from_verified_body(body: &[u8]) -> Result<Event> {
        Event::from_verified_message(body, "")
    }

    /// Does what [`from_verified_body`](Event::from_verified_body) does, with the [`message_id`](Event::message_id) that was stored with the
    /// body. A `ReplayGuard` identifies messages by it.
    ///
    /// # Errors
    ///
    /// As [`from_verified_body`](Event::from_verified_body).
    pub fn from_verified_message(body: &[u8], message_id: &str) -> Result<Event> {
        Event::parse(body, Message { id: message_id.as_bytes(), sent_at: None })
    }

    /// Does what [`from_verified_message`](Event::from_verified_message) does, with the time of the message, which replaces a missing
    /// `occurred_at`.
    ///
    /// # Errors
    ///
    /// As [`from_verified_body`](Event::from_verified_body).
    pub fn from_verified_message_at(body: &[u8], message_id: &str, sent_at: Timestamp) -> Result<Event> {
        Event::parse(body, Message { id: message_id.as_bytes(), sent_at: Some(sent_at) })
    }

    /// Returns the `webhook-id` (or `interceptor-id`) of the verified request, which is the same for every attempt to deliver the message.
    /// Bytes that are not UTF-8 are replaced. Empty for an event of [`from_verified_body`](Event::from_verified_body).
    pub fn message_id(&self) -> &str {
        &self.0.message_id
    }

    /// Returns the id of the event (`evt_…`), which is the same for every delivery; the [`message_id`](Event::message_id) if the body has none.
    pub fn id(&self) -> &str {
        self.0.id.get(self.json_bytes())
    }

    /// Returns the name of the type, such as `organization.directory.user_created`. The vendor's older names (`scalekit.dir.user.create`) are
    /// replaced by the current ones; the [`body`](Event::body) has the name that was sent.
    pub fn type_(&self) -> &str {
        self.0.kind.as_str()
    }

    /// Returns the type, for `match`.
    pub fn event_type(&self) -> &EventType {
        &self.0.kind
    }

    /// Returns the time of the event, with nanoseconds; the message's timestamp if the body has none.
    pub fn occurred_at(&self) -> Timestamp {
        self.0.occurred_at
    }

    /// Returns the id of the event's environment (`env_…`), or the empty text if none was sent.
    pub fn environment_id(&self) -> &str {
        self.0.environment_id.get(self.json_bytes())
    }

    /// Returns the id of the event's organization (`org_…`), or the empty text if the event concerns none.
    pub fn organization_id(&self) -> &str {
        self.0.organization_id.get(self.json_bytes())
    }

    /// Returns the kind of object in [`data`](Event::data), such as `DirectoryUser`.
    pub fn object(&self) -> &str {
        self.0.object.get(self.json_bytes())
    }

    /// Returns the display name of the type, such as `Directory User Created`.
    pub fn display_name(&self) -> &str {
        self.0.display_name.get(self.json_bytes())
    }

    /// Returns the version of the form in which the vendor sends events.
    pub fn spec_version(&self) -> &str {
        self.0.spec_version.get(self.json_bytes())
    }

    /// Returns the object that the event is about, as raw JSON.
    pub fn data(&self) -> RawJsonRef<'_> {
        RawJsonRef::new(self.0.data.get(self.json_bytes()))
    }

    /// Decodes [`data`](Event::data).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WebhookVerification`](crate::ErrorKind::WebhookVerification) with [`Reason::MalformedEvent`] if the data does not match the
    /// event's type. [`data`](Event::data) is available in any case.
    pub fn decode(&self) -> Result<EventData> {
        event_type::decode(self.event_type(), self.data())
    }

    /// Returns the verified body, byte for byte.
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// Returns the verified body as JSON text, with U+FFFD in place of surrogates without a partner.
    pub fn json(&self) -> RawJsonRef<'_> {
        RawJsonRef::new(std::str::from_utf8(self.json_bytes()).unwrap_or("null"))
    }

    fn json_bytes(&self) -> &[u8] {
        self.0.replaced.as_ref().unwrap_or(&self.0.body)
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Event) -> bool {
        self.body() == other.body()
    }
}

impl Eq for Event {}

impl fmt::Debug for Event {
    /// Omits `data`, which contains personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id())
            .field("type", &self.type_())
            .field("occurred_at", &self.0.occurred_at)
            .field("organization_id", &self.organization_id())
            .finish_non_exhaustive()
    }
}

fn malformed(what: impl fmt::Display) -> Error {
    Error::refused(Reason::MalformedEvent, format!("the body is not an event: {what}"))
}

/// Returns an upper bound of the nesting depth of `body`, without recursion. Text that is not JSON also has a depth; the parser refuses it later.
fn depth(body: &[u8]) -> usize {
    // The number of opening brackets is an upper bound, and counting them is vectorized.
    let brackets = brackets(body);
    if brackets <= MAX_DEPTH {
        return brackets;
    }
    scan(body)
}

/// Counts the bytes `{` and `[`, which differ in one bit, so that one comparison finds both. The count of a chunk fits in a byte, and the
/// length of a chunk is a multiple of the length of SIMD vectors, so that the compiler can add whole vectors.
fn brackets(body: &[u8]) -> usize {
    let opens = |byte: &u8| u8::from(byte | 0x20 == b'{');
    body.chunks(192).map(|chunk| usize::from(chunk.iter().map(opens).sum::<u8>())).sum()
}

/// Returns the nesting depth of brackets outside strings.
fn scan(body: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in body {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_strings() {
        for (text, expected) in
            [("{}", 1), ("[[]]", 2), (r#"{"a":"[[["}"#, 1), (r#"{"\"[":[1,{}]}"#, 3), ("", 0), ("]]", 0)]
        {
            assert_eq!(scan(text.as_bytes()), expected, "{text}");
            assert!(depth(text.as_bytes()) >= expected, "{text}");
        }
        assert_eq!(brackets("{[}]".repeat(500).as_bytes()), 1000);
    }

    #[test]
    fn the_error_of_a_body_that_was_not_verified_says_nothing_about_a_signature() {
        let sent_at = "2025-01-06T18:44:25Z".parse().unwrap();
        for body in ["", "[]", "{", "{}", &format!("{{\"id\":\"evt_1\",\"data\":{}", "[".repeat(200))] {
            let bytes = body.as_bytes();
            let results = [
                Event::from_verified_body(bytes),
                Event::from_verified_message(bytes, ""),
                Event::from_verified_message_at(bytes, "", sent_at),
            ];
            for result in results {
                let error = result.unwrap_err();
                assert_eq!(error.reason(), Some(Reason::MalformedEvent), "{body}");
                assert!(error.message().starts_with("the body is not an event: "), "{body}: {error}");
            }
        }
    }

    #[test]
    fn debug_shows_no_personal_data() {
        let event = Event::from_verified_body(
            br#"{"id":"evt_1","type":"organization.directory.user_created","occurred_at":"2025-01-06T18:44:25.153954Z","data":{"email":"ada@example.com"}}"#,
        )
        .unwrap();
        assert!(!format!("{event:?}").contains("ada"));
    }
}
