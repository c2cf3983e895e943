//! Directories and organizations.

use super::Hold;
use crate::Timestamp;
use crate::model::{DirectoryProvider, DirectoryType, null_is_default};
use serde::{Deserialize, Serialize};

/// A directory as mirrored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MirrorDirectory {
    /// Directory id (`dir_…`).
    pub id: String,
    /// Id of the organization that the directory belongs to (`org_…`).
    pub organization_id: String,
    /// The directory's name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// How Scalekit reads the directory: `SCIM`, `LDAP`, `POLL` or a value that is newer than this library.
    #[serde(default, deserialize_with = "null_is_default")]
    pub directory_type: DirectoryType,
    /// The product that runs the directory, such as `OKTA` or `GOOGLE`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub directory_provider: DirectoryProvider,
    /// Whether Scalekit synchronizes the directory at present.
    pub enabled: bool,
}

/// A directory as stores keep it: the directory itself, and how far it has been synced. Times are by the clock of the machine that wrote them, unless
/// they are called the vendor's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryRow {
    /// The directory.
    pub directory: MirrorDirectory,
    /// The vendor's time of the event that enabled or disabled the directory last, or `None` if there was no such event.
    pub toggled_at: Option<Timestamp>,
    /// Whether the event of `toggled_at` disabled the directory.
    #[serde(default)]
    pub toggled_off: bool,
    /// Id of the event of `toggled_at`, or empty.
    #[serde(default)]
    pub toggled_event: String,
    /// Time at which the latest event that enabled or disabled the directory arrived, or `None` if there was none.
    #[serde(default)]
    pub toggle_arrived_at: Option<Timestamp>,
    /// Start of the last completed full sync, or `None` if there was none.
    pub last_full_sync: Option<Timestamp>,
    /// Start of the last completed incremental sync, or `None` if there was none.
    pub last_incremental_sync: Option<Timestamp>,
    /// Start of the latest sync that listed users of the directory, whether or not it was completed; `None` if there was none.
    #[serde(default)]
    pub listed_since: Option<Timestamp>,
    /// Watermark: the latest `updated_at` of a listed user, by the vendor's clock, or the start of the sync that listed the user if that is earlier;
    /// `None` if no listed user had an `updated_at` yet.
    pub watermark: Option<Timestamp>,
    /// Time at which a sync first found that the API does not list the directory, or `None` if the directory is listed.
    #[serde(default)]
    pub missing_since: Option<Timestamp>,
    /// Time at which the directory was retired, or `None` if it was not retired or has come back since.
    #[serde(default)]
    pub retired_at: Option<Timestamp>,
    /// Time at which the first completed full sync ended, or `None` if there was none.
    #[serde(default)]
    pub first_full_sync: Option<Timestamp>,
    /// Start of the first incomplete sync since the last complete one, or `None` if there was none. After an incomplete full sync, only a full sync
    /// counts as complete.
    #[serde(default)]
    pub incomplete_since: Option<Timestamp>,
    /// Whether one of the incomplete syncs since `incomplete_since` was a full sync.
    #[serde(default)]
    pub incomplete_full: bool,
    /// Whether a user of the last complete listing of all users had the key `groups`.
    #[serde(default)]
    pub lists_groups: bool,
}

/// An organization as stores keep it. Times are by the clock of the machine that wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationRow {
    /// Organization id (`org_…`).
    pub id: String,
    /// Start of the last listing of the organization's directories. `None` if they were never listed: then it is not known how many directories the
    /// organization has.
    pub directories_listed_at: Option<Timestamp>,
    /// Time at which a sync first did not find the organization, or an event about its deletion was applied; `None` if the organization is not
    /// missing.
    #[serde(default)]
    pub missing_since: Option<Timestamp>,
    /// Time at which the last event about the organization's deletion arrived, or `None` if there was none.
    #[serde(default)]
    pub deletion_arrived_at: Option<Timestamp>,
}

/// How up to date the mirror is with one directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DirectoryStatus {
    /// The directory.
    pub directory: MirrorDirectory,
    /// Start of the last completed full sync, in UTC, by the clock of the machine that synced, or `None` if there was none.
    pub last_full_sync: Option<Timestamp>,
    /// Start of the last completed incremental sync, in UTC, by the clock of the machine that synced, or `None` if there was none.
    pub last_incremental_sync: Option<Timestamp>,
    /// Number of mirrored users.
    pub users: u64,
    /// Number of those users whom the directory no longer has, and who are deleted at their `deletes_at` unless they return.
    pub leaving: u64,
    /// Number of mirrored groups.
    pub groups: u64,
    /// Watermark: the latest `updated_at` of a listed user, by the vendor's clock, or the start of the sync that listed the user if that is earlier;
    /// `None` if no listed user had an `updated_at` yet. The next incremental sync lists what changed since five minutes before this time.
    pub watermark: Option<Timestamp>,
    /// The first of `holds`, or `None` if there is none.
    pub held: Option<Hold>,
    /// The directory's open holds, in the order in which they were made.
    pub holds: Vec<Hold>,
    /// Start of the first incomplete sync since the last complete one, in UTC, by the clock of the machine that synced; `None` if there was none.
    /// After an incomplete full sync, only a full sync counts as complete. Until then no user is removed because of a listing.
    pub incomplete_since: Option<Timestamp>,
    /// Time at which a sync first found that the API does not list the directory, in UTC, by the clock of the machine that synced; `None` if the
    /// directory is listed. The users of a missing directory are kept until it is retired.
    pub missing_since: Option<Timestamp>,
    /// Number of events of the organization that wait for a sync.
    pub pending_events: u64,
}
