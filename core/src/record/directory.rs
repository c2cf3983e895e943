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

/// A directory as stores keep it: the directory itself, and how far it has been synced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryRow {
    /// The directory.
    pub directory: MirrorDirectory,
    /// The vendor's time of the event that enabled or disabled the directory last, or `None` if there was no such event.
    pub toggled_at: Option<Timestamp>,
    /// Whether that event disabled the directory.
    #[serde(default)]
    pub toggled_off: bool,
    /// Id of that event, or empty.
    #[serde(default)]
    pub toggled_event: String,
    /// Local time at which that event arrived, or `None`.
    #[serde(default)]
    pub toggle_arrived_at: Option<Timestamp>,
    /// Local time at which the last completed full sync started, or `None` if there was none.
    pub last_full_sync: Option<Timestamp>,
    /// Local time at which the last completed incremental sync started, or `None` if there was none.
    pub last_incremental_sync: Option<Timestamp>,
    /// Local time at which the latest sync started to list the directory's users, whether or not it was completed; `None` if none did.
    #[serde(default)]
    pub listed_since: Option<Timestamp>,
    /// Watermark: the latest `updated_at` of a listed user, by the vendor's clock.
    pub watermark: Option<Timestamp>,
    /// Local time since which the API does not list the directory, or `None` if it does.
    #[serde(default)]
    pub missing_since: Option<Timestamp>,
    /// Local time at which the directory was retired, or `None`.
    #[serde(default)]
    pub retired_at: Option<Timestamp>,
    /// Local time at which the first completed full sync ended, or `None` if there was none.
    #[serde(default)]
    pub first_full_sync: Option<Timestamp>,
    /// Local time at which the first incomplete sync since the last complete one started, or `None` if the last sync was complete.
    #[serde(default)]
    pub incomplete_since: Option<Timestamp>,
    /// Whether one of the incomplete syncs since then was a full sync.
    #[serde(default)]
    pub incomplete_full: bool,
    /// Whether a user of the last complete listing of all users had the key `groups`.
    #[serde(default)]
    pub lists_groups: bool,
}

/// An organization as stores keep it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationRow {
    /// Organization id (`org_…`).
    pub id: String,
    /// Local time at which the last listing of the organization's directories started, or `None` if they were never listed. Before that the
    /// number of its directories is unknown.
    pub directories_listed_at: Option<Timestamp>,
    /// Local time since which the API does not find the organization, or at which an event about its deletion arrived; or `None`.
    #[serde(default)]
    pub missing_since: Option<Timestamp>,
    /// Local time at which the last event about the organization's deletion arrived, or `None` if there was none.
    #[serde(default)]
    pub deletion_arrived_at: Option<Timestamp>,
}

/// How up to date the mirror is with one directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DirectoryStatus {
    /// The directory.
    pub directory: MirrorDirectory,
    /// Local time at which the last completed full sync started, or `None` if there was none.
    pub last_full_sync: Option<Timestamp>,
    /// Local time at which the last completed incremental sync started, or `None` if there was none.
    pub last_incremental_sync: Option<Timestamp>,
    /// Number of mirrored users.
    pub users: u64,
    /// Number of mirrored groups.
    pub groups: u64,
    /// Watermark: the latest `updated_at` of a listed user, by the vendor's clock, or `None` before the first listing. The next incremental
    /// sync lists what changed since five minutes before it.
    pub watermark: Option<Timestamp>,
    /// The first of `holds`, or `None`.
    pub held: Option<Hold>,
    /// The directory's open holds, in the order in which they were made.
    pub holds: Vec<Hold>,
    /// Local time at which the first incomplete sync since the last complete one started, or `None` if the last sync was complete. Until a
    /// sync is complete, no user is removed because of a listing.
    pub incomplete_since: Option<Timestamp>,
    /// Local time since which the API does not list the directory, or `None` if it does. The users of a missing directory are kept until it is
    /// retired.
    pub missing_since: Option<Timestamp>,
    /// Number of events of the organization that wait for a sync.
    pub pending_events: u64,
}
