//! Bodies of events for tests of applications: the vendor's example of an event, with some values replaced.

use crate::error::Error;
use crate::input::{EventGroup, EventOverrides};
use headcount::events::EventType;
use headcount::system::{Clock, OsRandom, Random, SystemClock};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The vendor's published examples by event type. The code generator copies them from tests/contract, because a published crate may only
/// include files of its own folder.
static EXAMPLES: LazyLock<BTreeMap<String, Map<String, Value>>> =
    LazyLock::new(|| serde_json::from_str(include_str!("webhook-events.json")).unwrap_or_default());

/// Default `organization_id` of an event whose type is not in the contract.
const ORGANIZATION: &str = "org_1234567890";
/// Default `environment_id` of such an event.
const ENVIRONMENT: &str = "env_1234567890";

/// Returns the event types of the contract.
pub fn event_types() -> impl Iterator<Item = &'static str> {
    EXAMPLES.keys().map(String::as_str)
}

/// Makes the body of an event as the vendor would send it. Sign it with [`headcount::Webhook::sign`] and send it to the code under test.
///
/// `type_` is an event type of the contract, such as `organization.directory.user_created`, or one of the vendor's older names, such as
/// `scalekit.dir.user.create`, which is written to the body unchanged.
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
/// 400 if the type is unknown and no data are given, or if the type or the id is empty.
pub fn event_body(type_: &str, overrides: &EventOverrides) -> Result<String, Error> {
    event_body_from(type_, overrides, &SystemClock, &OsRandom)
}

/// Makes a body as [`event_body`] does, with the default time from `clock` and the default id from `random`.
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
            return Err(Error::invalid(format!("{name}: expected a string that is not empty")));
        }
    }
    let mut event = match (EXAMPLES.get(EventType::named(type_).as_str()), &overrides.data) {
        (Some(example), _) => example.clone(),
        (None, Some(_)) => unknown_event(type_),
        (None, None) => {
            return Err(Error::invalid(format!(
                "type: {type_:?} is not an event type of the contract: check the spelling, or set `data` to make an event of \
                 an unknown type"
            )));
        }
    };
    let mut data = event.remove("data").unwrap_or_default();
    for (name, value) in
        [("organization_id", &overrides.organization_id), ("environment_id", &overrides.environment_id)]
    {
        let example = event.get(name).and_then(Value::as_str).map(str::to_owned);
        let Some(id) = value.clone().or_else(|| example.clone()) else { continue };
        replace_id(&mut data, name, example.as_deref(), &id);
        event.insert(name.to_owned(), id.into());
    }
    if let Value::Object(data) = &mut data {
        // The field with the directory's id.
        let field = match event.get("object").and_then(Value::as_str) {
            Some("Directory") => Some("id"),
            Some("DirectoryUser" | "DirectoryGroup") => Some("directory_id"),
            _ => None,
        };
        if let (Some(field), Some(id)) = (field, &overrides.directory_id) {
            data.insert(field.to_owned(), id.clone().into());
        }
        // If the organization is replaced, the example's groups are removed: they do not belong to the new one.
        let groups = overrides.groups.as_deref().or(overrides.organization_id.as_ref().map(|_| &[][..]));
        if let (Some(value), Some(groups)) = (data.get_mut("groups"), groups) {
            *value = groups.iter().map(named_group).collect();
        }
        data.extend(overrides.data.clone().unwrap_or_default());
    }
    let id = overrides.id.clone().unwrap_or_else(|| random_id(random));
    let occurred_at = overrides.occurred_at.unwrap_or_else(|| clock.now());
    event.extend([
        ("id".to_owned(), id.into()),
        ("type".to_owned(), type_.into()),
        ("occurred_at".to_owned(), occurred_at.to_string().into()),
        ("data".to_owned(), data),
    ]);
    Ok(Value::Object(event).to_string())
}

fn named_group(group: &EventGroup) -> Value {
    let (id, name) = match group {
        EventGroup::Id(id) => (id, id),
        EventGroup::Named { id, name } => (id, name),
    };
    json!({ "id": id, "name": name })
}

/// Makes the envelope of an event whose type is not in the contract.
fn unknown_event(type_: &str) -> Map<String, Value> {
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

/// Writes `id` into `data`, at any depth: in place of each string in a field with the name `key`, and of each string that equals `example`,
/// which is the id in the example's envelope.
fn replace_id(data: &mut Value, key: &str, example: Option<&str>, id: &str) {
    match data {
        Value::String(text) if Some(text.as_str()) == example => id.clone_into(text),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == key => id.clone_into(text),
                    value => replace_id(value, key, example, id),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace_id(item, key, example, id)),
        _ => {}
    }
}

/// Makes an id in the vendor's format: a prefix and 17 digits.
fn random_id(random: &dyn Random) -> String {
    format!("evt_{}", 10_000_000_000_000_000 + random.bits() % 90_000_000_000_000_000)
}
