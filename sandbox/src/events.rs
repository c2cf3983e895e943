//! The body of any event, for a user's own tests: the contract's example of it, with what the test cares about put over it.

use crate::error::Error;
use headcount::{Clock, EventType, OsRandom, Random, SystemClock, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The vendor's published examples by type: the contract's file, copied by scripts/events.py so that the package is whole.
static EXAMPLES: LazyLock<BTreeMap<String, Map<String, Value>>> =
    LazyLock::new(|| serde_json::from_str(include_str!("webhook-events.json")).unwrap_or_default());

/// The organization and environment of an event that the contract has no example of.
const ORGANIZATION: &str = "org_1234567890";
const ENVIRONMENT: &str = "env_1234567890";

/// What a test wants of an event; what is `None` has a sensible value. From JSON, an unknown name is an error.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventOverrides {
    /// The event's own id; a fresh `evt_…` unless given.
    pub id: Option<String>,
    /// When it happened; now unless given.
    pub occurred_at: Option<Timestamp>,
    /// The organization it happened to. The data names the same one, unless [`data`](EventOverrides::data) says otherwise.
    pub organization_id: Option<String>,
    /// The environment it happened in. The data names the same one too.
    pub environment_id: Option<String>,
    /// Put over the example's data: a key replaces what the example has there, and a null stays a null. For a type that the
    /// contract does not know this is all the data.
    pub data: Option<Map<String, Value>>,
}

impl EventOverrides {
    /// From a JSON object with any of the fields.
    ///
    /// # Errors
    ///
    /// 400 where it is no such object, or has a field of another name.
    pub fn from_json(text: &str) -> Result<EventOverrides, Error> {
        // An object first: a struct would take an array as well.
        let fields = serde_json::from_str::<Map<String, Value>>(text);
        fields
            .and_then(|fields| serde_json::from_value(Value::Object(fields)))
            .map_err(|error| Error::invalid(format!("overrides: {error}")))
    }
}

/// The types that the contract has an example of, which are all that are known.
pub fn event_types() -> impl Iterator<Item = &'static str> {
    EXAMPLES.keys().map(String::as_str)
}

/// The body of an event of the type `type_`, as the vendor would send it: to be signed with [`headcount::Webhook::sign`] and
/// sent to the code under test. The vendor's older names (`scalekit.dir.user.create`) are sent as they are given.
///
/// ```
/// use headcount_sandbox::{EventOverrides, event_body};
/// let webhook = headcount::Webhook::new(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])?;
/// let body = event_body("organization.directory.user_created", &EventOverrides::default())?;
/// let event = webhook.verify(&webhook.sign(body.as_bytes(), None, None)?, body.as_bytes())?;
/// assert_eq!(event.type_(), "organization.directory.user_created");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// 400 for a type that is not known, unless its data are given, and for an id or a type that is empty.
pub fn event_body(type_: &str, overrides: &EventOverrides) -> Result<String, Error> {
    event_body_from(type_, overrides, &SystemClock, &OsRandom)
}

/// [`event_body`], with the time from `clock` and the id from `random`: with equal values of both, the body is the same.
///
/// # Errors
///
/// As [`event_body`].
pub fn event_body_from(
    type_: &str,
    overrides: &EventOverrides,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<String, Error> {
    for (name, value) in [("type", Some(type_)), ("id", overrides.id.as_deref())] {
        if value.is_some_and(str::is_empty) {
            return Err(Error::invalid(format!("{name}: expected a text that is not empty")));
        }
    }
    let mut event = match (EXAMPLES.get(EventType::named(type_).as_str()), &overrides.data) {
        (Some(example), _) => example.clone(),
        (None, Some(_)) => unknown(type_),
        (None, None) => {
            return Err(Error::invalid(format!(
                "type: {type_:?} is not an event type of the contract: check how it is written, or give `data` to make an \
                 event of a type that is not known"
            )));
        }
    };
    let mut data = event.remove("data").unwrap_or_default();
    for (name, value) in
        [("organization_id", &overrides.organization_id), ("environment_id", &overrides.environment_id)]
    {
        let example = event.get(name).and_then(Value::as_str).map(str::to_owned);
        let Some(now) = value.clone().or_else(|| example.clone()) else { continue };
        follow(&mut data, name, example.as_deref(), &now);
        event.insert(name.to_owned(), now.into());
    }
    if let (Value::Object(data), Some(given)) = (&mut data, &overrides.data) {
        data.extend(given.clone());
    }
    let id = overrides.id.clone().unwrap_or_else(|| fresh_id(random));
    let occurred_at = overrides.occurred_at.unwrap_or_else(|| clock.now());
    event.extend([
        ("id".to_owned(), id.into()),
        ("type".to_owned(), type_.into()),
        ("occurred_at".to_owned(), occurred_at.to_string().into()),
        ("data".to_owned(), data),
    ]);
    Ok(Value::Object(event).to_string())
}

/// The envelope of an event that the contract has no example of.
fn unknown(type_: &str) -> Map<String, Value> {
    [
        ("spec_version", Value::from("1")),
        ("organization_id", ORGANIZATION.into()),
        ("environment_id", ENVIRONMENT.into()),
        ("display_name", type_.into()),
        ("data", Value::Object(Map::new())),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .collect()
}

/// Lets `data` name the id `now` wherever it names the envelope's: under the same key, or as the example's own.
fn follow(data: &mut Value, key: &str, example: Option<&str>, now: &str) {
    match data {
        Value::String(text) if Some(text.as_str()) == example => now.clone_into(text),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == key => now.clone_into(text),
                    value => follow(value, key, example, now),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| follow(item, key, example, now)),
        _ => {}
    }
}

/// As the vendor's look: a prefix and 17 digits.
fn fresh_id(random: &dyn Random) -> String {
    format!("evt_{}", 10_000_000_000_000_000 + random.bits() % 90_000_000_000_000_000)
}
