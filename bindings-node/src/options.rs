//! The options of calls, read from the JSON that `index.js` makes of them. A name that is not known is refused: a filter that
//! was misspelt would otherwise list everybody.

use headcount::{ClientBuilder, Error, Result, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::time::Duration;

/// Reads options.
pub(crate) fn read<T: DeserializeOwned>(json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| {
        let said = error.to_string();
        let said = said.split(" at line ").next().unwrap_or_default();
        Error::invalid_argument(format!("the options cannot be used: {said}"))
    })
}

/// A span of time as JavaScript has it.
pub(crate) fn milliseconds(name: &str, value: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(value / 1000.0)
        .map_err(|_| Error::invalid_argument(format!("{name} is not a span of time: expected milliseconds, 0 or more")))
}

/// A span of time where seconds are the customary unit.
pub(crate) fn seconds(name: &str, value: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(value)
        .map_err(|_| Error::invalid_argument(format!("{name} is not a span of time: expected seconds, 0 or more")))
}

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
}

impl ClientOptions {
    /// The settings with these in the place of the defaults.
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

/// An organization's fields, as JavaScript spells them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Fields {
    display_name: Option<String>,
    external_id: Option<String>,
    logo_url: Option<String>,
    metadata: Option<std::collections::BTreeMap<String, String>>,
    slug: Option<String>,
}

impl From<Fields> for headcount::OrganizationFields {
    fn from(fields: Fields) -> headcount::OrganizationFields {
        let Fields { display_name, external_id, logo_url, metadata, slug } = fields;
        headcount::OrganizationFields { display_name, external_id, logo_url, metadata, slug }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OrganizationOptions {
    pub(crate) page_size: Option<u32>,
    pub(crate) page_token: Option<String>,
    pub(crate) read_ahead: Option<bool>,
    pub(crate) external_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UserOptions {
    pub(crate) page_size: Option<u32>,
    pub(crate) page_token: Option<String>,
    pub(crate) read_ahead: Option<bool>,
    pub(crate) include_detail: Option<bool>,
    pub(crate) directory_group_id: Option<String>,
    pub(crate) updated_after: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct GroupOptions {
    pub(crate) page_size: Option<u32>,
    pub(crate) page_token: Option<String>,
    pub(crate) read_ahead: Option<bool>,
    pub(crate) include_detail: Option<bool>,
    pub(crate) include_external_groups: Option<bool>,
    pub(crate) updated_after: Option<Timestamp>,
}
