//! A group of a directory.

use super::{RawJson, null_is_default};
use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// A group of a directory: the schema `directoriesDirectoryGroup` of the vendor's API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Group {
    /// Id, `dirgroup_…`.
    pub id: String,
    /// Display name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub display_name: String,
    /// Number of members.
    #[serde(default, deserialize_with = "null_is_default")]
    pub total_users: u32,
    /// Time of the last change, or `None` if not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// The group as its directory describes it, or `None` unless `include_detail` was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_detail: Option<RawJson>,
}
