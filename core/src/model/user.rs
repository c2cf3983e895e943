//! A user of a directory: somebody who works at the organization.

use super::{Group, RawJson, null_is_default};
use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// The contract's `directoriesDirectoryUser`. Its identity is `id`, never an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct User {
    /// `diruser_…`.
    pub id: String,
    /// The primary address.
    #[serde(default, deserialize_with = "null_is_default")]
    pub email: String,
    /// First name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub given_name: String,
    /// Last name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub family_name: String,
    /// What they sign in with at their directory.
    #[serde(default, deserialize_with = "null_is_default")]
    pub preferred_username: String,
    /// All addresses.
    #[serde(default, deserialize_with = "null_is_default")]
    pub emails: Vec<String>,
    /// The groups they are in.
    #[serde(default, deserialize_with = "null_is_default")]
    pub groups: Vec<Group>,
    /// When the user was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// The user as their directory describes them, where details were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_detail: Option<RawJson>,
}
