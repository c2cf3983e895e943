//! The types of the options, changes and bodies that the control API and the language bindings accept, with their JSON forms.
//!
//! All of them use these types, so that a new field is added here only. An unknown field is refused, and every error names the field.
//! [`from_json`] reads them; Rust, C and Python code may also fill in the fields. (Bodies of the REST API are in `state`.)

use crate::clock::parse_duration;
use crate::error::Error;
use crate::fault::Fault;
use headcount::Timestamp;
use headcount::internal::debug_without_personal_data;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a sandbox contains and how it runs: the settings of [`SandboxBuilder`](crate::SandboxBuilder) that every language has.
/// `None` means the builder's default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxOptions {
    /// Number of organizations.
    pub organizations: Option<usize>,
    /// Number of directories of each organization.
    pub directories: Option<usize>,
    /// Number of users of each directory.
    pub users: Option<usize>,
    /// Number of groups of each directory.
    pub groups: Option<usize>,
    /// Seed of the generated data.
    pub seed: Option<u64>,
    /// TCP port on 127.0.0.1; 0 means any free port.
    pub port: Option<u16>,
    /// Lifetime of access tokens, by the sandbox's clock. In JSON: `token_ttl_seconds`, a number.
    #[serde(rename = "token_ttl_seconds", deserialize_with = "seconds")]
    pub token_ttl: Option<Duration>,
    /// Seconds of the sandbox's clock per second of real time.
    pub speed: Option<f64>,
    /// Whether webhooks may be sent to other machines.
    pub remote_endpoints: Option<bool>,
}

/// A user to create. In JSON, null means the same as a missing field.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewUser {
    /// Primary email address. Required; has to contain `@`.
    #[serde(deserialize_with = "null_is_default")]
    pub email: String,
    /// Given name.
    #[serde(deserialize_with = "null_is_default")]
    pub given_name: String,
    /// Family name.
    #[serde(deserialize_with = "null_is_default")]
    pub family_name: String,
    /// Name that the user signs in with. `None`: the part of `email` before the `@`.
    pub preferred_username: Option<String>,
    /// Job title. `None`: none.
    pub title: Option<String>,
    /// Ids or display names of existing groups of the directory.
    #[serde(deserialize_with = "null_is_default")]
    pub groups: Vec<String>,
    /// Organization of the user. `None`: the first one.
    pub organization_id: Option<String>,
    /// Directory of the user. `None`: the organization's first one.
    pub directory_id: Option<String>,
}

/// A change of a user. `None` leaves a field as it is.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UserChange {
    /// Primary email address.
    pub email: Option<String>,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// Name that the user signs in with.
    pub preferred_username: Option<String>,
    /// Job title.
    pub title: Option<String>,
    /// Whether the user may sign in.
    pub active: Option<bool>,
    /// Ids or display names of all groups of the user. The user is removed from every other group.
    pub groups: Option<Vec<String>>,
}

debug_without_personal_data!(NewUser { groups, organization_id, directory_id });
debug_without_personal_data!(UserChange { active, groups });

/// A group to create. In JSON, null means the same as a missing field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewGroup {
    /// Display name. Required, not empty.
    #[serde(deserialize_with = "null_is_default")]
    pub display_name: String,
    /// Organization of the group. `None`: the first one.
    pub organization_id: Option<String>,
    /// Directory of the group. `None`: the organization's first one.
    pub directory_id: Option<String>,
}

/// A change of a group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupChange {
    /// New display name.
    pub display_name: String,
}

/// Which REST calls have a fault, and which one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultPlan {
    /// The first fault, in the text form that [`Fault`] describes.
    pub fault: Option<String>,
    /// More faults, used in turn.
    pub faults: Vec<String>,
    /// Every `every`-th call has a fault; 1 means every call. 0 means 1.
    #[serde(deserialize_with = "null_is_one")]
    pub every: u32,
}

impl Default for FaultPlan {
    fn default() -> FaultPlan {
        FaultPlan { fault: None, faults: Vec::new(), every: 1 }
    }
}

impl FaultPlan {
    /// Parses the faults.
    ///
    /// # Errors
    ///
    /// 400 for a text that is not a fault.
    pub fn parse(&self) -> Result<Vec<Fault>, Error> {
        self.fault.iter().chain(&self.faults).map(|text| text.parse()).collect()
    }
}

/// Values that replace those of the vendor's example in an event's body. `None` means a default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventOverrides {
    /// Id of the event. Default: a new random `evt_…`.
    pub id: Option<String>,
    /// Time of the event. Default: now.
    pub occurred_at: Option<Timestamp>,
    /// Organization of the event. Ids of the organization in the example's data are replaced too, unless
    /// [`data`](EventOverrides::data) sets them.
    pub organization_id: Option<String>,
    /// Environment of the event. Ids of the environment in the example's data are replaced too, unless
    /// [`data`](EventOverrides::data) sets them.
    pub environment_id: Option<String>,
    /// Directory of the event. It replaces `id` in the data of an event about a directory, and `directory_id` in the data of an event about a
    /// user or group of a directory. Other events ignore it.
    pub directory_id: Option<String>,
    /// Groups of the user, in place of the example's. Default: the example's, or none if `organization_id` is set, since the example's groups
    /// are not of that organization.
    pub groups: Option<Vec<EventGroup>>,
    /// Members to set in the example's data; each replaces the member of the same name, and null sets null. For an event type that
    /// is not in the contract, this is all of the data.
    pub data: Option<Map<String, Value>>,
}

/// A group that an event names for a user.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum EventGroup {
    /// A group's id, which is its name as well.
    Id(String),
    /// A group's id and name.
    Named {
        /// Id of the group (`dirgroup_…`).
        id: String,
        /// Name of the group.
        name: String,
    },
}

impl EventOverrides {
    /// Reads overrides from a JSON object with snake_case names.
    ///
    /// # Errors
    ///
    /// 400 if the text is not a JSON object, or has an unknown field or a value of the wrong type.
    pub fn from_json(text: &str) -> Result<EventOverrides, Error> {
        parse(text, FieldNames::SnakeCase).map_err(|problem| Error::invalid(format!("overrides: {problem}")))
    }
}

/// The body of the control API's `POST /endpoints`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
}

/// The body of the control API's `POST /advance`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advance {
    #[serde(deserialize_with = "duration_text")]
    pub(crate) by: Duration,
}

/// The body of the control API's `PUT /webhooks`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookSettings {
    #[serde(deserialize_with = "duration_text")]
    pub(crate) delay: Duration,
}

/// The body of the control API's `POST /directories/{id}/leave`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MassLeave {
    pub(crate) percent: u32,
}

/// How the names of fields are written in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldNames {
    /// `given_name`, as in the vendor's REST API.
    SnakeCase,
    /// `givenName`, as in JavaScript.
    CamelCase,
}

/// Reads an input from a JSON object.
///
/// Field names are case-sensitive and must be in the form that `names` selects. This applies to the input's own fields only: names
/// inside [`EventOverrides::data`] are not converted.
///
/// # Errors
///
/// [`InvalidArgument`](headcount::ErrorKind::InvalidArgument) if the text is not a JSON object, has an unknown field, lacks a required
/// one, or has a value of the wrong type. The message has the field's name in the same form.
///
/// ```
/// use headcount_sandbox::{FieldNames, NewUser, from_json};
/// let user: NewUser = from_json(r#"{"email": "ada@example.com", "givenName": "Ada"}"#, FieldNames::CamelCase)?;
/// assert_eq!(user.given_name, "Ada");
/// let error = from_json::<NewUser>(r#"{"mail": "ada@example.com"}"#, FieldNames::CamelCase).unwrap_err();
/// assert!(error.message().contains("unknown field `mail`"));
/// # Ok::<(), headcount::Error>(())
/// ```
pub fn from_json<T: DeserializeOwned>(text: &str, names: FieldNames) -> Result<T, headcount::Error> {
    parse(text, names)
        .map_err(|problem| headcount::Error::invalid_argument(format!("the options cannot be used: {problem}")))
}

/// Reads an input from a JSON object with snake_case names; on failure, returns what is wrong with it.
pub(crate) fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    // serde reads a struct from an array as well.
    if !value.is_object() {
        return Err("expected a JSON object".to_owned());
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let problem = error.into_inner().to_string();
        // These two messages contain the field's name, and their path is that of the object around it.
        if path == "." || problem.starts_with("unknown field") || problem.starts_with("missing field") {
            problem
        } else {
            format!("{path}: {problem}")
        }
    })
}

fn parse<T: DeserializeOwned>(text: &str, names: FieldNames) -> Result<T, String> {
    let refused = |error| too_deep(text).unwrap_or_else(|| format!("expected a JSON object: {error}"));
    let value: Value = serde_json::from_str(text).map_err(refused)?;
    match (names, value) {
        (FieldNames::CamelCase, Value::Object(fields)) => {
            if let Some(name) = fields.keys().find(|name| name.contains('_')) {
                return Err(format!("unknown field `{name}`: names of fields are in camelCase"));
            }
            let fields = fields.into_iter().map(|(name, value)| (snake_case(&name), value)).collect();
            from_value(Value::Object(fields)).map_err(|problem| camel_case(&problem))
        }
        (_, value) => from_value(value),
    }
}

/// Returns an error text about the first field that is nested deeper than the parser permits, or `None` if there is none.
fn too_deep(text: &str) -> Option<String> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    // Parsed in an array, so that each has the nesting that it has as a member of the object.
    let is_too_deep = |value: &RawValue| serde_json::from_str::<[Value; 1]>(&format!("[{value}]")).is_err();
    let (name, _) = fields.into_iter().find(|(_, value)| is_too_deep(value))?;
    Some(format!("{name}: is nested too deep"))
}

/// Writes `givenName` as `given_name`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

/// Writes every `given_name` in a text as `givenName`.
fn camel_case(text: &str) -> String {
    let mut camel = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match characters.peek() {
            Some(next) if character == '_' && next.is_ascii_lowercase() => {
                camel.push(next.to_ascii_uppercase());
                characters.next();
            }
            _ => camel.push(character),
        }
    }
    camel
}

/// Reads a value; null becomes the type's default, as a missing field does by `serde(default)`.
fn null_is_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a number; null becomes 1.
fn null_is_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(1))
}

/// Reads a number of seconds.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let Some(seconds) = Option::deserialize(deserializer)? else { return Ok(None) };
    let duration = Duration::try_from_secs_f64(seconds);
    duration.map(Some).map_err(|_| D::Error::custom("expected a number of seconds, 0 or more"))
}

/// Reads a duration in text form, such as `6h`.
fn duration_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).ok_or_else(|| D::Error::custom("expected a time such as 90s, 5m, 6h or 1d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T: DeserializeOwned + std::fmt::Debug>(text: &str, names: FieldNames) -> String {
        let error = from_json::<T>(text, names).unwrap_err();
        assert_eq!(error.kind(), headcount::ErrorKind::InvalidArgument);
        error.message().strip_prefix("the options cannot be used: ").unwrap().to_owned()
    }

    #[test]
    fn both_spellings_of_names_are_read() {
        let expected = NewUser { email: "a@b".into(), given_name: "Ada".into(), ..NewUser::default() };
        let snake = r#"{"email": "a@b", "given_name": "Ada", "groups": null}"#;
        assert_eq!(from_json::<NewUser>(snake, FieldNames::SnakeCase).unwrap(), expected);
        let camel = r#"{"email": "a@b", "givenName": "Ada", "groups": null}"#;
        assert_eq!(from_json::<NewUser>(camel, FieldNames::CamelCase).unwrap(), expected);
    }

    #[test]
    fn debug_shows_neither_addresses_nor_names() {
        let [email, name] = ["ada@example.com", "Ada"].map(str::to_owned);
        let user = NewUser {
            email: email.clone(),
            given_name: name.clone(),
            family_name: name.clone(),
            preferred_username: Some(name.clone()),
            title: Some(name.clone()),
            groups: vec!["Sales".into()],
            ..NewUser::default()
        };
        let change = UserChange {
            email: Some(email),
            given_name: Some(name.clone()),
            family_name: Some(name.clone()),
            preferred_username: Some(name.clone()),
            title: Some(name),
            active: Some(true),
            groups: Some(vec!["Sales".into()]),
        };
        for text in [format!("{user:?}"), format!("{change:?}")] {
            assert!(text.contains("Sales") && !text.to_lowercase().contains("ada"), "{text}");
        }
    }

    #[test]
    fn an_unknown_field_is_named_as_it_was_written() {
        let message = refused::<UserChange>(r#"{"firstName": "Ada"}"#, FieldNames::CamelCase);
        assert!(message.starts_with("unknown field `firstName`, expected one of `email`, `givenName`"), "{message}");
        let message = refused::<UserChange>(r#"{"first_name": "Ada"}"#, FieldNames::SnakeCase);
        assert!(message.starts_with("unknown field `first_name`, expected one of `email`, `given_name`"), "{message}");
    }

    #[test]
    fn a_name_in_the_other_spelling_is_unknown() {
        assert!(refused::<UserChange>(r#"{"given_name": "Ada"}"#, FieldNames::CamelCase).contains("`given_name`"));
        assert!(refused::<UserChange>(r#"{"givenName": "Ada"}"#, FieldNames::SnakeCase).contains("`givenName`"));
    }

    #[test]
    fn a_value_of_the_wrong_type_is_named_by_its_field() {
        let message = refused::<SandboxOptions>(r#"{"users": -1}"#, FieldNames::CamelCase);
        assert!(message.starts_with("users: "), "{message}");
        let message = refused::<SandboxOptions>(r#"{"tokenTtlSeconds": -1}"#, FieldNames::CamelCase);
        assert_eq!(message, "tokenTtlSeconds: expected a number of seconds, 0 or more");
        let message = refused::<NewUser>(r#"{"groups": ["Sales", 7]}"#, FieldNames::SnakeCase);
        assert!(message.starts_with("groups[1]: "), "{message}");
    }

    #[test]
    fn a_missing_field_is_named() {
        assert_eq!(refused::<GroupChange>("{}", FieldNames::CamelCase), "missing field `displayName`");
        assert_eq!(refused::<GroupChange>("{}", FieldNames::SnakeCase), "missing field `display_name`");
    }

    #[test]
    fn a_field_that_is_nested_too_deep_is_named() {
        for levels in [127, 200, 100_000] {
            let (open, close) = ("[".repeat(levels), "]".repeat(levels));
            let text = format!(r#"{{"id": "evt_1", "data": {open}{close}}}"#);
            let message = refused::<EventOverrides>(&text, FieldNames::SnakeCase);
            assert_eq!(message, "data: is nested too deep", "{levels}");
        }
    }

    #[test]
    fn only_an_object_is_an_input() {
        for text in ["", "7", "[]", "null", r#""text""#] {
            let message = refused::<NewGroup>(text, FieldNames::SnakeCase);
            assert!(message.starts_with("expected a JSON object"), "{text}: {message}");
        }
    }

    #[test]
    fn names_inside_an_events_data_are_kept() {
        let text = r#"{"organizationId": "org_7", "data": {"givenName": 1, "family_name": 2}}"#;
        let overrides: EventOverrides = from_json(text, FieldNames::CamelCase).unwrap();
        assert_eq!(overrides.organization_id.as_deref(), Some("org_7"));
        assert_eq!(Value::from(overrides.data.unwrap()), serde_json::json!({ "givenName": 1, "family_name": 2 }));
    }

    #[test]
    fn a_fault_plan_without_the_field_every_fails_every_call() {
        let plan: FaultPlan = from_json(r#"{"fault": "reset", "faults": ["503"]}"#, FieldNames::SnakeCase).unwrap();
        assert_eq!(plan.every, 1);
        assert_eq!(plan.parse().unwrap(), [Fault::Reset, Fault::Status(503)]);
    }
}
