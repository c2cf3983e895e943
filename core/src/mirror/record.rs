//! What the mirror holds of a user, a group and a directory, as applications see it and as stores keep it.

use crate::model::{RawJson, null_is_default};
use crate::{DirectoryProvider, DirectoryType, Timestamp};
use serde::{Deserialize, Serialize};

/// A user as mirrored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MirrorUser {
    /// `diruser_…`. It stays the same whatever else of the user changes.
    pub id: String,
    /// The organization they belong to.
    pub organization_id: String,
    /// The directory that lists them.
    pub directory_id: String,
    /// The primary address.
    pub email: String,
    /// First name.
    pub given_name: String,
    /// Last name.
    pub family_name: String,
    /// What they sign in with at their directory.
    pub preferred_username: String,
    /// All addresses, as the last listing had them.
    pub emails: Vec<String>,
    /// Whether they may sign in: what the latest event or the listed details say, or else yes.
    pub active: bool,
    /// The groups they are in, in the order of their ids.
    pub group_ids: Vec<String>,
    /// The roles that the [role map](super::Mirror::set_role_map) gives them by their groups, in the order of their names.
    pub roles: Vec<String>,
    /// The roles that the vendor gives them, as the latest event had them.
    pub vendor_roles: Vec<String>,
    /// The application's own id for them, where it has [linked](super::Mirror::link) one.
    pub linked_id: Option<String>,
    /// When their directory last changed them.
    pub updated_at: Option<Timestamp>,
    /// The user as their directory describes them, from the last listing (`user_detail`).
    pub detail: Option<RawJson>,
    /// What the latest event said beyond the fields above, such as `title` and `department`.
    pub attributes: Option<RawJson>,
}

/// A group as mirrored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MirrorGroup {
    /// `dirgroup_…`.
    pub id: String,
    /// The organization it belongs to.
    pub organization_id: String,
    /// The directory that lists it.
    pub directory_id: String,
    /// What people call it.
    pub display_name: String,
    /// When its directory last changed it.
    pub updated_at: Option<Timestamp>,
}

/// A directory as mirrored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MirrorDirectory {
    /// `dir_…`.
    pub id: String,
    /// The organization it belongs to.
    pub organization_id: String,
    /// What people call it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// How Scalekit follows it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub directory_type: DirectoryType,
    /// Whose product it is.
    #[serde(default, deserialize_with = "null_is_default")]
    pub directory_provider: DirectoryProvider,
    /// Whether Scalekit follows it at present.
    pub enabled: bool,
}

/// How new what is known of something is. Versions are compared, never clocks: the newest word wins in whatever order words come.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// When the vendor says it was so, or nothing where it did not say.
    pub at: Option<Timestamp>,
    /// The event that said so; empty for a listing. Of two events of one instant the one with the greater id counts.
    pub event: String,
}

/// What stores keep beside a user or a group: how new it is, and who touched it last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// How new the row's content is.
    pub version: Version,
    /// When the latest event about it came in, by this machine's clock.
    pub touched_at: Option<Timestamp>,
    /// The write that touched it last; see [`Transaction::revision`](crate::store::Transaction::revision).
    pub revision: i64,
    /// Since when it is gone. What is left is a tombstone, which keeps older words from bringing it back.
    pub deleted_at: Option<Timestamp>,
}

/// A user as a store keeps them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserRow {
    /// The row's own number, ascending in the order of rows' making; 0 before the first write.
    pub number: i64,
    /// The user.
    pub user: MirrorUser,
    /// The groups that the vendor named, those that are gone among them.
    pub told_groups: Vec<String>,
    /// Whether the directory has listed them. What is known from events alone may belong to another directory of the organization.
    pub listed: bool,
    /// How new it is.
    pub trail: Trail,
}

/// A group as a store keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupRow {
    /// The row's own number; 0 before the first write.
    pub number: i64,
    /// The group.
    pub group: MirrorGroup,
    /// How new it is.
    pub trail: Trail,
}

/// A directory as a store keeps it: what it is, how far its syncs are, and what is held back from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryRow {
    /// The directory.
    pub directory: MirrorDirectory,
    /// The event that last switched it on or off, and when.
    pub toggled_at: Option<Timestamp>,
    /// When the last full sync that came to its end began.
    pub last_full_sync: Option<Timestamp>,
    /// When the last incremental sync that came to its end began.
    pub last_incremental_sync: Option<Timestamp>,
    /// The latest `updated_at` that was listed, by the vendor's clock.
    pub watermark: Option<Timestamp>,
    /// What the guard holds back.
    pub held: Option<Held>,
}

/// An organization as a store keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationRow {
    /// `org_…`.
    pub id: String,
    /// When its directories were last listed. Before that nobody knows how many it has.
    pub directories_listed_at: Option<Timestamp>,
}

/// Removals that the guard holds back until somebody has looked at them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Held {
    /// Why.
    pub reason: HeldReason,
    /// How many users would be removed.
    pub count: u64,
    /// How many may be without approval.
    pub limit: u64,
    /// Since when, by this machine's clock.
    pub at: Timestamp,
    /// The sync or event that would have removed them.
    pub cause: String,
}

crate::error::named! {
    /// Why removals are held back.
    HeldReason {
        /// A full listing lacks more users than the guard lets go.
        MassRemoval = "mass_removal",
        /// The listing has nobody in it, where there were several.
        EmptyListing = "empty_listing",
        /// The directory is switched off.
        DirectoryDisabled = "directory_disabled",
        /// The API knows no such directory.
        DirectoryNotFound = "directory_not_found",
        /// More deletion events came within an hour than the guard lets go.
        DeletionBurst = "deletion_burst",
    }
}

impl Serialize for HeldReason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for HeldReason {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<HeldReason, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = HeldReason::ALL.iter().copied().find(|reason| reason.name() == name);
        known.ok_or_else(|| serde::de::Error::custom("expected the name of a reason"))
    }
}

impl UserRow {
    /// Whether the user is there, and not a tombstone.
    pub fn is_live(&self) -> bool {
        self.trail.deleted_at.is_none()
    }
}

impl GroupRow {
    /// Whether the group is there, and not a tombstone.
    pub fn is_live(&self) -> bool {
        self.trail.deleted_at.is_none()
    }
}
