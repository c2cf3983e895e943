//! Users.

use super::Trail;
use crate::Timestamp;
use crate::model::RawJson;
use serde::{Deserialize, Serialize};

/// A directory user as mirrored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MirrorUser {
    /// Directory user id (`diruser_…`). It identifies the user: everything else can change.
    pub id: String,
    /// Id of the organization that the user belongs to (`org_…`).
    pub organization_id: String,
    /// Id of the directory that lists the user (`dir_…`).
    pub directory_id: String,
    /// Primary e-mail address. Several users may share one, so it does not identify a user.
    pub email: String,
    /// First name.
    pub given_name: String,
    /// Last name.
    pub family_name: String,
    /// Name that the user signs in with at the directory.
    pub preferred_username: String,
    /// All e-mail addresses, from the last listing.
    pub emails: Vec<String>,
    /// Whether the user may sign in: from the latest event, else from `user_detail.active` of the last listing, else true.
    pub active: bool,
    /// Ids of the groups that the user is in, sorted. Groups that do not exist are left out.
    pub group_ids: Vec<String>,
    /// Roles that the role map gives for those groups, sorted.
    pub roles: Vec<String>,
    /// Roles assigned by the vendor, from the latest event, sorted.
    pub vendor_roles: Vec<String>,
    /// The application's own account id, or `None` if the user has not been linked.
    pub linked_id: Option<String>,
    /// The vendor's time of the user's last change, or `None` if the vendor sent none.
    pub updated_at: Option<Timestamp>,
    /// The directory's own description of the user (`user_detail`) as JSON, from the last listing, or `None` if it had none.
    pub detail: Option<RawJson>,
    /// Fields of the latest event that have no field of their own here, such as `title` and `department`, as a JSON object; or `None` if
    /// there were none.
    pub attributes: Option<RawJson>,
}

/// A user as stores keep it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserRow {
    /// The row's number, ascending in the order in which rows were inserted; 0 before the first write.
    pub number: i64,
    /// The user.
    pub user: MirrorUser,
    /// Ids of all groups that the vendor named, including groups that do not exist, sorted.
    pub told_groups: Vec<String>,
    /// Whether a listing of the directory has named the user. Before that the user may belong to another directory of the organization,
    /// since events do not say which.
    pub listed: bool,
    /// How new the row is.
    pub trail: Trail,
}

impl UserRow {
    /// Whether the row is a user, and not a tombstone.
    pub fn is_live(&self) -> bool {
        self.trail.deleted_at.is_none()
    }
}
