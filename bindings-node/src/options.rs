//! Options of calls, read from the JSON that the JavaScript files make of them. Unknown names are refused: with a misspelt filter a listing would
//! return all users.

use headcount::{ClientBuilder, Error, Result, Timestamp};
use serde::de::{DeserializeOwned, Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Reads options. Fails with an `InvalidArgument` error that names every option that cannot be used and, if one is unknown, all options that exist.
pub(crate) fn read<T: DeserializeOwned>(json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| Error::invalid_argument(problems::<T>(json, &error)))
}

/// Describes what is wrong with options: serde stops at the first problem, and names an option only if it is unknown. So each option is read alone.
fn problems<T: DeserializeOwned>(json: &str, first: &serde_json::Error) -> String {
    let options: BTreeMap<String, &RawValue> = match serde_json::from_str(json) {
        Ok(options) => options,
        Err(_) => return "the options cannot be used: expected an object".to_owned(),
    };
    let mut problems = Vec::new();
    let mut known = None;
    for (name, value) in options {
        // Parsed in an array, so that it has the nesting that it has as a member of the object.
        let Ok(value) = serde_json::from_str::<[Value; 1]>(&format!("[{value}]")) else {
            problems.push(format!("the option {name} is nested too deeply"));
            continue;
        };
        let [value] = value;
        let kind = kind_of(&value);
        let alone = Value::Object(Map::from_iter([(name.clone(), value)]));
        let Err(error) = serde_json::from_value::<T>(alone) else { continue };
        let message = error.to_string();
        if message.starts_with("unknown field") {
            problems.push(format!("the option {name} is unknown"));
            known = message.split_once("expected ").map(|(_, names)| names.replace('`', ""));
        } else if !message.starts_with("missing field") {
            problems.push(format!("the option {name} is {kind}: expected {}", expected(&message)));
        }
    }
    if problems.is_empty() {
        // A required option is missing. The line and the column are left out: they are positions in JSON that the application has not seen.
        let message = first.to_string();
        return format!("the options cannot be used: {}", message.split(" at line ").next().unwrap_or_default());
    }
    let known = known.map(|names| format!(" (expected {names})")).unwrap_or_default();
    format!("{}{known}", problems.join("; "))
}

/// Describes a JSON value in an error: a number, a boolean or null by its text, others by their type.
fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// Returns what serde's message expects, in JavaScript's terms.
fn expected(message: &str) -> &str {
    match message.rsplit_once("expected ").map_or(message, |(_, expected)| expected) {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "f32" | "f64" => "a number",
        "path string" => "a string",
        "a map" => "an object",
        "a sequence" => "a list",
        other => other,
    }
}

/// An option that JavaScript passes as an argument of its own. It is declared so that the error for an unknown option lists it as well. A call that
/// does not take it leaves it in the JSON, where it is refused.
pub(crate) type Separate = Option<Refused>;

/// The type of an option that is refused whatever its value is, except null.
pub(crate) enum Refused {}

impl<'de> Deserialize<'de> for Refused {
    fn deserialize<D: Deserializer<'de>>(_: D) -> std::result::Result<Refused, D::Error> {
        Err(D::Error::custom("expected no such option"))
    }
}

/// Environment variables, as JavaScript read them from `process.env`. In a worker thread, in a test runner and in Bun, they may differ from those of
/// the process.
pub(crate) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Reads the JSON object of the variables that are set.
    pub(crate) fn read(json: &str) -> Result<Variables> {
        serde_json::from_str(json)
            .map(Variables)
            .map_err(|error| Error::internal(format!("the environment variables cannot be read: {error}")))
    }

    /// Returns the value of a variable.
    pub(crate) fn get(&self, name: &str) -> Option<OsString> {
        self.0.get(name).map(OsString::from)
    }
}

/// Converts the option `name` from milliseconds.
pub(crate) fn milliseconds(name: &str, value: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(value / 1000.0)
        .map_err(|_| Error::invalid_argument(format!("{name} is not a duration: expected milliseconds, 0 or more")))
}

/// Converts the option `name` from seconds.
pub(crate) fn seconds(name: &str, value: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(value)
        .map_err(|_| Error::invalid_argument(format!("{name} is not a duration: expected seconds, 0 or more")))
}

/// Settings of a client.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ClientOptions {
    timeout_ms: Option<f64>,
    attempt_timeout_ms: Option<f64>,
    connect_timeout_ms: Option<f64>,
    max_attempts: Option<u32>,
    retry_base_ms: Option<f64>,
    retry_cap_ms: Option<f64>,
    retry_budget: Option<u32>,
    max_concurrency: Option<usize>,
    max_response_bytes: Option<usize>,
    proxy: Option<String>,
    ca_file: Option<PathBuf>,
    user_agent_suffix: Option<String>,
    #[serde(rename = "onActivity")]
    _on_activity: Separate,
}

impl ClientOptions {
    /// Sets the settings that are present.
    pub(crate) fn apply(self, mut settings: ClientBuilder) -> Result<ClientBuilder> {
        macro_rules! apply {
            ($($field:ident $set:ident $name:literal;)*) => {
                $(if let Some(value) = self.$field {
                    settings = settings.$set(milliseconds($name, value)?);
                })*
            };
            ($($field:ident;)*) => {
                $(if let Some(value) = self.$field {
                    settings = settings.$field(value);
                })*
            };
        }
        apply! {
            timeout_ms timeout "timeoutMs";
            attempt_timeout_ms attempt_timeout "attemptTimeoutMs";
            connect_timeout_ms connect_timeout "connectTimeoutMs";
            retry_base_ms retry_base "retryBaseMs";
            retry_cap_ms retry_cap "retryCapMs";
        }
        apply! {
            max_attempts;
            retry_budget;
            max_concurrency;
            max_response_bytes;
            proxy;
            ca_file;
            user_agent_suffix;
        }
        Ok(settings)
    }
}

/// The fields of an organization to create, or those to update.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OrganizationFields {
    display_name: Option<String>,
    external_id: Option<String>,
    logo_url: Option<String>,
    metadata: Option<std::collections::BTreeMap<String, String>>,
    slug: Option<String>,
    // Fields that cannot be changed. Their values are ignored, so that an organization can be read, changed and sent back.
    id: Option<IgnoredAny>,
    #[serde(rename = "createTime")]
    _create_time: Option<IgnoredAny>,
    #[serde(rename = "updateTime")]
    _update_time: Option<IgnoredAny>,
    #[serde(rename = "regionCode")]
    _region_code: Option<IgnoredAny>,
    #[serde(rename = "settings")]
    _settings: Option<IgnoredAny>,
}

impl From<OrganizationFields> for headcount::model::OrganizationFields {
    fn from(fields: OrganizationFields) -> headcount::model::OrganizationFields {
        let OrganizationFields { display_name, external_id, logo_url, metadata, slug, id, .. } = fields;
        let mut fields = headcount::model::OrganizationFields::default();
        (fields.display_name, fields.external_id, fields.slug) = (display_name, external_id, slug);
        (fields.logo_url, fields.metadata) = (logo_url, metadata);
        // With an id, the fields are an organization that the API returned: its empty external id and logo URL mean that there is none.
        if id.is_some() { fields.without_unset() } else { fields }
    }
}

/// The features of an organization that are to be enabled or disabled.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrganizationSettings {
    features: Vec<Feature>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Feature {
    name: String,
    enabled: bool,
}

impl From<OrganizationSettings> for headcount::model::OrganizationSettings {
    fn from(settings: OrganizationSettings) -> headcount::model::OrganizationSettings {
        let features = settings.features.into_iter();
        let features = features.map(|Feature { name, enabled }| headcount::model::Feature::new(name, enabled));
        headcount::model::OrganizationSettings::new(features)
    }
}

/// Options of a link to the admin portal.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PortalLinkOptions {
    pub(crate) features: Option<Vec<String>>,
    #[serde(rename = "signal")]
    _signal: Separate,
    #[serde(rename = "timeoutMs")]
    _timeout_ms: Separate,
}

/// Reads a time: RFC 3339 text (a `Date` in JSON), a date, or the milliseconds of `Date.now()`.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Timestamp>, D::Error> {
    let given = Option::<Given>::deserialize(deserializer).map_err(|_| {
        D::Error::custom("updatedAfter is not a time: expected a Date, RFC 3339 text, a date or milliseconds")
    })?;
    let moment = given.map(Given::moment).transpose();
    moment.map_err(|error| D::Error::custom(format!("updatedAfter: {}", error.message())))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Given {
    Text(String),
    Milliseconds(f64),
}

impl Given {
    fn moment(self) -> Result<Timestamp> {
        match self {
            Given::Text(text) => headcount::internal::parse_moment(&text),
            #[allow(
                clippy::cast_possible_truncation,
                reason = "the cast saturates, and the conversion refuses the result"
            )]
            Given::Milliseconds(number) => Timestamp::from_millisecond(number as i64)
                .map_err(|_| Error::invalid_argument("the milliseconds are out of range")),
        }
    }
}

/// A time: RFC 3339 text (a `Date` in JSON), a date, or the milliseconds of `Date.now()`.
pub(crate) struct Moment(pub(crate) Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Moment, D::Error> {
        let given = Given::deserialize(deserializer)
            .map_err(|_| D::Error::custom("expected a time: a Date, RFC 3339 text, a date or milliseconds"))?;
        given.moment().map(Moment).map_err(|error| D::Error::custom(error.message()))
    }
}

/// Options of a listing of organizations.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OrganizationOptions {
    pub(crate) page_size: Option<u32>,
    pub(crate) page_token: Option<String>,
    pub(crate) read_ahead: Option<bool>,
    pub(crate) external_id: Option<String>,
    #[serde(rename = "signal")]
    _signal: Separate,
    #[serde(rename = "timeoutMs")]
    _timeout_ms: Separate,
}

/// Options of a listing of users.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UserOptions {
    pub(crate) page_size: Option<u32>,
    pub(crate) page_token: Option<String>,
    pub(crate) read_ahead: Option<bool>,
    pub(crate) include_detail: Option<bool>,
    pub(crate) directory_group_id: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    pub(crate) updated_after: Option<Timestamp>,
    #[serde(rename = "signal")]
    _signal: Separate,
    #[serde(rename = "timeoutMs")]
    _timeout_ms: Separate,
}

/// Options of a listing of groups.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct GroupOptions {
    pub(crate) page_size: Option<u32>,
    pub(crate) page_token: Option<String>,
    pub(crate) read_ahead: Option<bool>,
    pub(crate) include_detail: Option<bool>,
    pub(crate) include_external_groups: Option<bool>,
    #[serde(default, deserialize_with = "moment")]
    pub(crate) updated_after: Option<Timestamp>,
    #[serde(rename = "signal")]
    _signal: Separate,
    #[serde(rename = "timeoutMs")]
    _timeout_ms: Separate,
}
