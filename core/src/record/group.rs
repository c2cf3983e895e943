//! Groups: as the mirror returns them and as stores keep them.

use super::Trail;
use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// A directory group as mirrored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MirrorGroup {
    /// Directory group id (`dirgroup_…`).
    pub id: String,
    /// Id of the organization that the group belongs to (`org_…`).
    pub organization_id: String,
    /// Id of the directory that lists the group (`dir_…`).
    pub directory_id: String,
    /// The group's name.
    pub display_name: String,
    /// The vendor's time of the group's last change, or `None` if the vendor sent none.
    pub updated_at: Option<Timestamp>,
}

/// A group as stores keep it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupRow {
    /// The row's number, ascending in the order in which rows were inserted; 0 before the first write.
    pub number: i64,
    /// The group.
    pub group: MirrorGroup,
    /// The row's version, times and revision.
    pub trail: Trail,
    /// Whether the row is a tombstone whose deletion is not in the feed yet, because a chore still removes its members.
    pub leaving: bool,
}

impl GroupRow {
    /// Returns whether the row is a group, and not a tombstone.
    pub fn is_live(&self) -> bool {
        self.trail.deleted_at.is_none()
    }
}
