//! A user of a directory.

use super::{Group, RawJson, null_is_default};
use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// The contract's `directoriesDirectoryUser`. Users are identified by `id`; email addresses can change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct User {
    /// Id, `diruser_…`.
    pub id: String,
    /// Primary email address.
    #[serde(default, deserialize_with = "null_is_default")]
    pub email: String,
    /// Given name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub given_name: String,
    /// Family name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub family_name: String,
    /// Name with which the user signs in to the directory.
    #[serde(default, deserialize_with = "null_is_default")]
    pub preferred_username: String,
    /// All email addresses.
    #[serde(default, deserialize_with = "null_is_default")]
    pub emails: Vec<String>,
    /// Groups of which the user is a member.
    #[serde(default, deserialize_with = "null_is_default")]
    pub groups: Vec<Group>,
    /// Time of the last change, or `None` if not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// The user as the directory describes it, or `None` unless `include_detail` was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_detail: Option<RawJson>,
}
