//! A user of a directory.

use super::{Group, RawJson, null_is_default};
use crate::Timestamp;
use crate::secret::debug_without_personal_data;
use serde::{Deserialize, Serialize, Serializer};
use std::ops::Deref;

/// A user of a directory: the schema `directoriesDirectoryUser` of the vendor's API. Users are identified by `id`; email addresses can change.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
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
    /// Groups of which the user is a member; empty if not sent.
    #[serde(default)]
    pub groups: Groups,
    /// Time of the last change, or `None` if not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// The user as the directory describes it, or `None` unless `include_detail` was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_detail: Option<RawJson>,
}

debug_without_personal_data!(User { id, groups, updated_at });

/// A list of groups that also records whether it was sent: a missing list and `null` are empty lists that are not [known](Groups::is_known).
///
/// JSON that is made from protobuf may leave empty lists out, so a missing list alone does not mean that there are no groups.
#[derive(Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct Groups(Option<Vec<Group>>);

impl Groups {
    /// Returns whether the list was sent.
    pub fn is_known(&self) -> bool {
        self.0.is_some()
    }
}

impl Deref for Groups {
    type Target = [Group];

    fn deref(&self) -> &[Group] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl From<Vec<Group>> for Groups {
    fn from(groups: Vec<Group>) -> Groups {
        Groups(Some(groups))
    }
}

impl FromIterator<Group> for Groups {
    fn from_iter<I: IntoIterator<Item = Group>>(groups: I) -> Groups {
        Groups(Some(groups.into_iter().collect()))
    }
}

impl IntoIterator for Groups {
    type Item = Group;
    type IntoIter = std::vec::IntoIter<Group>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.unwrap_or_default().into_iter()
    }
}

impl<'a> IntoIterator for &'a Groups {
    type Item = &'a Group;
    type IntoIter = std::slice::Iter<'a, Group>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Serializes a list that was not sent as an empty list.
impl Serialize for Groups {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self[..].serialize(serializer)
    }
}

impl std::fmt::Debug for Groups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self[..].fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(json: &str) -> Groups {
        serde_json::from_str::<User>(json).unwrap().groups
    }

    #[test]
    fn a_missing_list_of_groups_and_null_are_empty_and_unknown() {
        for json in [r#"{"id":"diruser_1"}"#, r#"{"id":"diruser_1","groups":null}"#] {
            assert!(!groups(json).is_known(), "{json}");
            assert!(groups(json).is_empty(), "{json}");
        }
    }

    #[test]
    fn a_list_of_groups_is_known_even_if_it_is_empty() {
        assert!(groups(r#"{"id":"diruser_1","groups":[]}"#).is_known());
        let one = groups(r#"{"id":"diruser_1","groups":[{"id":"dirgroup_1"}]}"#);
        assert!(one.is_known());
        assert_eq!(one[0].id, "dirgroup_1");
    }

    #[test]
    fn groups_are_always_written_as_a_list() {
        assert_eq!(serde_json::to_value(Groups::default()).unwrap(), serde_json::json!([]));
    }
}
