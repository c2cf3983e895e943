//! The envelope that every event comes in. What is inside (`data`) stays raw JSON until somebody reads it.

use super::data::{EventType, today};
use crate::model::RawJsonRef;
use crate::{Error, Reason, Result, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// How deep a body may nest. Deeper ones overflow the stack of one language's JSON parser or another's.
const MAX_DEPTH: usize = 128;

/// One thing that happened, as a verified webhook told it.
///
/// Cheap to clone. Unknown types are kept like known ones. Two are equal where their bodies are, whatever they came in.
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
}

/// A text of the body's.
enum Text {
    /// It stands in the body as it is: from where to where.
    There(usize, usize),
    /// The body has it with escapes.
    Unescaped(String),
}

impl Text {
    /// `said` as it was read from `body`.
    fn new(said: Cow<'_, str>, body: &[u8]) -> Text {
        match said {
            Cow::Borrowed(text) => {
                let start = (text.as_ptr() as usize).saturating_sub(body.as_ptr() as usize);
                Text::There(start, start + text.len())
            }
            Cow::Owned(text) => Text::Unescaped(text),
        }
    }

    fn get<'a>(&'a self, body: &'a [u8]) -> &'a str {
        match self {
            Text::There(start, end) => {
                body.get(*start..*end).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
            }
            Text::Unescaped(text) => text,
        }
    }
}

impl EventType {
    /// The type of the event that `name` is: the vendor's older names for it (`scalekit.dir.user.create`) are understood.
    pub fn named(name: &str) -> EventType {
        today(name).into()
    }
}

/// The envelope's fields as the contract's `…Event` schemas have them.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    occurred_at: Timestamp,
    #[serde(borrow, default)]
    environment_id: Option<Said<'a>>,
    #[serde(borrow, default)]
    organization_id: Option<Said<'a>>,
    #[serde(borrow, default)]
    object: Option<Said<'a>>,
    #[serde(borrow, default)]
    display_name: Option<Said<'a>>,
    #[serde(borrow, default)]
    spec_version: Option<Said<'a>>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Serde borrows a `Cow` that is a field, but not one inside an `Option`.
#[derive(Deserialize)]
#[serde(transparent)]
struct Said<'a>(#[serde(borrow)] Cow<'a, str>);

impl Event {
    /// Reads a body whose signature has been verified, and that of the message's id with it.
    pub(super) fn parse(body: &[u8], message_id: &[u8]) -> Result<Event> {
        if depth(body) > MAX_DEPTH {
            return Err(malformed(format!("it nests more than {MAX_DEPTH} levels deep")));
        }
        let envelope: std::result::Result<Envelope<'_>, _> = match std::str::from_utf8(body) {
            // Checked at once, and not text by text.
            Ok(text) => serde_json::from_str(text),
            Err(_) => serde_json::from_slice(body),
        };
        let envelope = envelope.map_err(|error| malformed(crate::model::plain_json_error(&error)))?;
        for (name, value) in [("id", &envelope.id), ("type", &envelope.kind)] {
            if value.is_empty() {
                return Err(malformed(format!("its `{name}` is empty")));
            }
        }
        let text = |said: Option<Said<'_>>| said.map_or(Text::There(0, 0), |Said(said)| Text::new(said, body));
        Ok(Event(Arc::new(Inner {
            message_id: String::from_utf8_lossy(message_id).into_owned(),
            id: Text::new(envelope.id, body),
            kind: EventType::named(&envelope.kind),
            occurred_at: envelope.occurred_at,
            environment_id: text(envelope.environment_id),
            organization_id: text(envelope.organization_id),
            object: text(envelope.object),
            display_name: text(envelope.display_name),
            spec_version: text(envelope.spec_version),
            data: Text::new(Cow::Borrowed(envelope.data.get()), body),
            body: body.to_vec(),
        })))
    }

    /// Reads a body again that was verified before: one that waited in a queue, say. Nothing is verified here, so a body from
    /// anywhere else belongs to [`Webhook::verify`](super::Webhook::verify).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WebhookVerification`](crate::ErrorKind::WebhookVerification) with [`Reason::MalformedEvent`].
    pub fn from_verified_body(body: &[u8]) -> Result<Event> {
        Event::from_verified_message(body, "")
    }

    /// [`from_verified_body`](Event::from_verified_body), with the [`message_id`](Event::message_id) that was kept beside it: a
    /// [`ReplayGuard`](super::ReplayGuard) knows the message by it.
    ///
    /// # Errors
    ///
    /// As [`from_verified_body`](Event::from_verified_body).
    pub fn from_verified_message(body: &[u8], message_id: &str) -> Result<Event> {
        Event::parse(body, message_id.as_bytes())
    }

    /// The `webhook-id` (or `interceptor-id`) of the request that was verified: the same for every attempt to deliver the
    /// message. Bytes that are not UTF-8 have been replaced. Empty for an event [`from_verified_body`](Event::from_verified_body).
    pub fn message_id(&self) -> &str {
        &self.0.message_id
    }

    /// The event's own id (`evt_…`): the same however often it is delivered.
    pub fn id(&self) -> &str {
        self.0.id.get(&self.0.body)
    }

    /// What happened, such as `organization.directory.user_created`. The vendor's older names for it (`scalekit.dir.user.create`) have been
    /// replaced by today's; the [`body`](Event::body) has what was sent.
    pub fn type_(&self) -> &str {
        self.0.kind.as_str()
    }

    /// What happened, for `match`.
    pub fn event_type(&self) -> &EventType {
        &self.0.kind
    }

    /// When it happened, to the nanosecond.
    pub fn occurred_at(&self) -> Timestamp {
        self.0.occurred_at
    }

    /// The environment it happened in (`env_…`).
    pub fn environment_id(&self) -> &str {
        self.0.environment_id.get(&self.0.body)
    }

    /// The organization it happened to (`org_…`), or empty where it concerns none.
    pub fn organization_id(&self) -> &str {
        self.0.organization_id.get(&self.0.body)
    }

    /// The kind of object in [`data`](Event::data), such as `DirectoryUser`.
    pub fn object(&self) -> &str {
        self.0.object.get(&self.0.body)
    }

    /// The type for a person to read, such as `Directory User Created`.
    pub fn display_name(&self) -> &str {
        self.0.display_name.get(&self.0.body)
    }

    /// The version of the vendor's envelope.
    pub fn spec_version(&self) -> &str {
        self.0.spec_version.get(&self.0.body)
    }

    /// The object it happened to, as raw JSON.
    pub fn data(&self) -> RawJsonRef<'_> {
        RawJsonRef::new(self.0.data.get(&self.0.body))
    }

    /// The body that was verified, byte for byte.
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Event) -> bool {
        self.body() == other.body()
    }
}

impl Eq for Event {}

impl fmt::Debug for Event {
    /// Leaves the data out: it holds what people are called.
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
    Error::refused(Reason::MalformedEvent, format!("the signature is right, but the body is not an event: {what}"))
}

/// How deep the brackets of `body` nest, without recursion. What is not JSON has some depth too; the parser refuses it later.
fn depth(body: &[u8]) -> usize {
    // Nothing nests deeper than it has brackets, and counting those goes many bytes at a time.
    let brackets = brackets(body);
    if brackets <= MAX_DEPTH {
        return brackets;
    }
    scan(body)
}

/// How many brackets there are that open something. Each chunk is counted in a byte, which has room for it, so that the compiler adds
/// up a vector of bytes at a time; a chunk is a whole number of vectors. The two brackets differ in one bit.
fn brackets(body: &[u8]) -> usize {
    let opens = |byte: &u8| u8::from(byte | 0x20 == b'{');
    body.chunks(192).map(|chunk| usize::from(chunk.iter().map(opens).sum::<u8>())).sum()
}

/// How deep brackets outside strings nest.
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
    fn debug_shows_no_personal_data() {
        let event = Event::from_verified_body(
            br#"{"id":"evt_1","type":"organization.directory.user_created","occurred_at":"2025-01-06T18:44:25.153954Z","data":{"email":"ada@example.com"}}"#,
        )
        .unwrap();
        assert!(!format!("{event:?}").contains("ada"));
    }
}
