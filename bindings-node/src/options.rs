//! Options of calls, read from the JSON that the JavaScript files make of them. Unknown names are refused: with a misspelt filter a listing would
//! return all users.

use headcount::{ClientBuilder, Error, Result, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::time::Duration;

/// Reads options. Fails with `InvalidArgument` that names what is wrong.
pub(crate) fn read<T: DeserializeOwned>(json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| {
        let message = error.to_string();
        // Leaves out the line and the column: they are those of the JSON, which the caller does not see.
        let message = message.split(" at line ").next().unwrap_or_default();
        Error::invalid_argument(format!("the options cannot be used: {message}"))
    })
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

/// The fields that an organization is created with or that are updated.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OrganizationFields {
    display_name: Option<String>,
    external_id: Option<String>,
    logo_url: Option<String>,
    metadata: Option<std::collections::BTreeMap<String, String>>,
    slug: Option<String>,
}

impl From<OrganizationFields> for headcount::OrganizationFields {
    fn from(fields: OrganizationFields) -> headcount::OrganizationFields {
        let OrganizationFields { display_name, external_id, logo_url, metadata, slug } = fields;
        headcount::OrganizationFields { display_name, external_id, logo_url, metadata, slug }
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
    pub(crate) updated_after: Option<Timestamp>,
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
    pub(crate) updated_after: Option<Timestamp>,
}
