//! A group of a directory.

use super::{RawJson, null_is_default};
use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// The contract's `directoriesDirectoryGroup`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Group {
    /// `dirgroup_…`.
    pub id: String,
    /// What people call it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub display_name: String,
    /// How many members it has.
    #[serde(default, deserialize_with = "null_is_default")]
    pub total_users: u32,
    /// When it was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// The group as its directory describes it, where details were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_detail: Option<RawJson>,
}
