//! Entries of the role map.

use super::serde_by_name;
use crate::error::named;
use serde::{Deserialize, Serialize};

named! {
    /// How an entry of the role map names its groups.
    RoleMapKey {
        /// By the id of one group.
        Id = "id",
        /// By name: exactly, or as a pattern in which `*` stands for any number of characters and `?` for one.
        Name = "name",
    }
}

serde_by_name!(RoleMapKey, "key of a role map entry");

/// One entry of the role map: members of the groups that it matches have its role.
///
/// A pair of a group and a role is an entry for all organizations. The group is an id if it begins with `dirgroup_`, else a name or a pattern.
///
/// ```
/// use headcount::mirror::{RoleMapEntry, RoleMapKey};
///
/// assert_eq!(RoleMapEntry::from(("eng-*", "developer")).key, RoleMapKey::Name);
/// assert_eq!(RoleMapEntry::from(("dirgroup_1", "owner")).key, RoleMapKey::Id);
/// let entry = RoleMapEntry::by_name("Admins", "admin").in_organization("org_1");
/// assert_eq!(entry.organization_id.as_deref(), Some("org_1"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RoleMapEntry {
    /// Whether `group` is an id, or a name.
    pub key: RoleMapKey,
    /// Id of the group (`dirgroup_…`), its name, or a pattern of names. Names are case-sensitive, and are compared after Unicode
    /// normalization (NFC).
    pub group: String,
    /// The role.
    pub role: String,
    /// Id of the organization whose groups the entry matches (`org_…`), or `None` for the groups of all organizations.
    pub organization_id: Option<String>,
}

/// Prefix of the ids of groups.
const ID_PREFIX: &str = "dirgroup_";

impl RoleMapEntry {
    /// Makes an entry for the group with this id. It never matches a name.
    pub fn by_id(group_id: impl Into<String>, role: impl Into<String>) -> RoleMapEntry {
        RoleMapEntry { key: RoleMapKey::Id, group: group_id.into(), role: role.into(), organization_id: None }
    }

    /// Makes an entry for the groups with this name, or whose names match this pattern. It never matches an id.
    pub fn by_name(pattern: impl Into<String>, role: impl Into<String>) -> RoleMapEntry {
        RoleMapEntry { key: RoleMapKey::Name, group: pattern.into(), role: role.into(), organization_id: None }
    }

    /// Limits the entry to the groups of an organization.
    #[must_use]
    pub fn in_organization(self, organization_id: impl Into<String>) -> RoleMapEntry {
        RoleMapEntry { organization_id: Some(organization_id.into()), ..self }
    }
}

impl<G: Into<String>, R: Into<String>> From<(G, R)> for RoleMapEntry {
    /// Makes an entry for all organizations. The group is an id if it begins with `dirgroup_`.
    fn from((group, role): (G, R)) -> RoleMapEntry {
        let group = group.into();
        if group.starts_with(ID_PREFIX) { RoleMapEntry::by_id(group, role) } else { RoleMapEntry::by_name(group, role) }
    }
}
