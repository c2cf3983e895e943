//! The options of calls, read from the JSON that `index.js` makes of them. A name that is not known is refused: a filter that
//! was misspelt would otherwise list everybody.

use headcount::{Error, Result, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Reads options.
pub(crate) fn read<T: DeserializeOwned>(json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| {
        let said = error.to_string();
        let said = said.split(" at line ").next().unwrap_or_default();
        Error::invalid_argument(format!("the options cannot be used: {said}"))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ClientOptions {
    pub(crate) timeout_ms: Option<f64>,
    pub(crate) max_attempts: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OrganizationOptions {
    pub(crate) page_size: Option<u32>,
    pub(crate) page_token: Option<String>,
    pub(crate) external_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UserOptions {
    pub(crate) page_size: Option<u32>,
    pub(crate) page_token: Option<String>,
    pub(crate) include_detail: Option<bool>,
    pub(crate) directory_group_id: Option<String>,
    pub(crate) updated_after: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct GroupOptions {
    pub(crate) page_size: Option<u32>,
    pub(crate) page_token: Option<String>,
    pub(crate) include_detail: Option<bool>,
    pub(crate) include_external_groups: Option<bool>,
    pub(crate) updated_after: Option<Timestamp>,
}
