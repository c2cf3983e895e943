//! Holds: losses of access that the guard does not apply until they are approved.

use super::{Version, serde_by_name};
use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// Users of one directory who would lose access for one reason. They keep it until the hold is approved. A hold on a directory that is disabled or
/// not found names no users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hold {
    /// Id of the hold with the users that it names now (`hold_…`). When users are added, the id changes. An approval with an earlier id covers only
    /// the users whom the hold named then and still names.
    pub id: String,
    /// Id of the organization (`org_…`).
    pub organization_id: String,
    /// Id of the directory (`dir_…`).
    pub directory_id: String,
    /// Why the users are held.
    pub reason: HoldReason,
    /// Number of users that the hold names. If the directory is disabled or not found: number of all users of the directory.
    pub count: u64,
    /// Number of users that could lose access within the guard's window without approval when the hold was made. 0 if the listing is empty, if the
    /// users are protected, and if the directory is disabled or not found.
    pub limit: u64,
    /// Time at which the hold was made, in UTC, by the clock of the machine that made it. It stays the same when users are added.
    pub since: Timestamp,
    /// The first ten causes that made the hold or added users to it, oldest first: `sync:` and the run's id, `event:` and the event's id, or
    /// `retire:` and the id of the retirement of another directory, to whose groups the users belonged.
    pub causes: Vec<String>,
}

crate::error::named! {
    /// Why a hold was made.
    HoldReason {
        /// A full listing lacks more users than the guard permits to remove.
        MassRemoval = "mass_removal",
        /// The listing is empty, although several users are mirrored.
        EmptyListing = "empty_listing",
        /// The directory is disabled. The hold names no users and cannot be approved: enable the directory, or retire it.
        DirectoryDisabled = "directory_disabled",
        /// The API does not list the directory. The hold names no users and cannot be approved: retire the directory if it is no longer used.
        DirectoryNotFound = "directory_not_found",
        /// Events delete more users than the guard permits.
        DeletionBurst = "deletion_burst",
        /// Listings or events report more users as inactive than the guard permits to deactivate.
        MassDeactivation = "mass_deactivation",
        /// More users lose all their roles, because they left groups or their groups were deleted or renamed, than the guard permits.
        RoleLoss = "role_loss",
        /// Users whom the application protects would be removed, deactivated or left without roles.
        ProtectedUsers = "protected_users",
    }
}

serde_by_name!(HoldReason, "reason of a hold");

impl HoldReason {
    /// Returns whether a hold of this reason is about the directory as a whole and names no users.
    pub fn is_of_directory(self) -> bool {
        matches!(self, HoldReason::DirectoryDisabled | HoldReason::DirectoryNotFound)
    }
}

/// A hold as stores keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRow {
    /// The hold's number.
    pub number: i64,
    /// Id of the organization.
    pub organization_id: String,
    /// Id of the directory.
    pub directory_id: String,
    /// Why the users are held.
    pub reason: HoldReason,
    /// As [`Hold::limit`].
    pub limit: u64,
    /// Time at which the hold was made, by the clock of the machine that made it.
    pub since: Timestamp,
    /// As [`Hold::causes`].
    pub causes: Vec<String>,
    /// Revision of the last write that added users.
    pub revision: i64,
    /// Number of users whose rows have this hold's number. If the reason is about the directory: number of all its live users. Counted when the
    /// row is loaded, and not written.
    pub count: u64,
}

/// What a user would lose, stored in the user's row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldLoss {
    /// Number of the hold.
    pub hold: i64,
    /// Revision of the write that held the loss back. An approval covers the loss only if this is not greater than the revision in the approved
    /// id.
    pub revision: i64,
    /// What the user would lose.
    pub loss: Loss,
}

/// A loss of access.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The version of the user's removal, or `None` if the user is not to be removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Version>,
    /// Whether the user is to be deactivated. The user is `active` as long as this is held.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deactivated: bool,
    /// Whether the user's groups give no role any more. The user keeps the former roles as long as this is held.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub roles: bool,
}

/// A user's loss of access that took effect. The guard counts the users who lost access within its window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LossRow {
    /// Id of the directory.
    pub directory_id: String,
    /// Id of the user.
    pub user_id: String,
    /// Time of the loss, by the clock of the machine that applied it.
    pub at: Timestamp,
    /// Time at which the user was added to the directory, or `None` if that is unknown.
    pub added_at: Option<Timestamp>,
    /// Whether the user was removed. Otherwise the user was deactivated, or left without roles.
    pub is_removal: bool,
    /// Whether the loss was approved, or asked for by the application. The guard does not count such losses.
    pub is_approved: bool,
}

/// A decision about a hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Approval {
    /// Id of the approval. The changes that it made have the cause `approval:` and this id.
    pub id: String,
    /// Id of the hold, as the application passed it.
    pub hold_id: String,
    /// Id of the organization.
    pub organization_id: String,
    /// Id of the directory.
    pub directory_id: String,
    /// Why the users were held.
    pub reason: HoldReason,
    /// True if the losses were applied, false if they were dismissed.
    pub is_approved: bool,
    /// Who decided, as given by the application; `approve_removals` if a sync with this option approved the hold.
    pub by: String,
    /// The application's note; may be empty.
    pub note: String,
    /// Time of the decision, in UTC, by the clock of the machine that recorded it.
    pub at: Timestamp,
    /// Number of users that the hold named at the time of the decision.
    pub count: u64,
}

/// The parts of [`Hold::id`]: the number of a hold, and a revision. It names the users of the hold whose losses were held back up to that
/// revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldId {
    /// The hold's number.
    pub number: i64,
    /// The greatest revision of a held loss that the id names.
    pub revision: i64,
}

impl HoldId {
    /// Reads the text form, or returns `None` if `text` is not the id of a hold.
    pub fn parse(text: &str) -> Option<HoldId> {
        let (number, revision) = text.strip_prefix("hold_")?.split_once('_')?;
        Some(HoldId { number: number.parse().ok()?, revision: revision.parse().ok()? })
    }

    /// Returns whether it names the user who has this held loss.
    pub fn names(self, held: &HeldLoss) -> bool {
        held.hold == self.number && held.revision <= self.revision
    }
}

impl std::fmt::Display for HoldId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "hold_{}_{}", self.number, self.revision)
    }
}

impl HoldRow {
    /// Returns the id by which applications refer to the hold and to the users that it names now.
    pub fn id(&self) -> HoldId {
        HoldId { number: self.number, revision: self.revision }
    }

    /// Returns whether the hold is open: its number of users is not 0.
    pub fn is_open(&self) -> bool {
        self.count > 0
    }
}

impl From<HoldRow> for Hold {
    fn from(row: HoldRow) -> Hold {
        let id = row.id().to_string();
        let HoldRow { organization_id, directory_id, reason, limit, since, causes, count, .. } = row;
        Hold { id, organization_id, directory_id, reason, count, limit, since, causes }
    }
}

impl Loss {
    /// Returns whether it contains no loss.
    pub fn is_none(&self) -> bool {
        *self == Loss::default()
    }

    /// Returns whether it contains every loss of `other`. The versions of removals are not compared.
    pub fn covers(&self, other: &Loss) -> bool {
        (self.removed.is_some() || other.removed.is_none())
            && (self.deactivated || !other.deactivated)
            && (self.roles || !other.roles)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_hold_is_parsed_from_its_text_and_other_texts_are_refused() {
        let id = HoldId { number: 6_496, revision: 820 };
        assert_eq!(HoldId::parse(&id.to_string()), Some(id));
        for text in ["", "hold_", "hold_1", "hold_1_", "hold_x_1", "6496_820", "hold_1_2_3"] {
            assert_eq!(HoldId::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_id_names_only_the_users_that_were_held_when_it_was_read() {
        let id = HoldId { number: 1, revision: 10 };
        let held = |hold, revision| HeldLoss { hold, revision, loss: Loss::default() };
        assert!(id.names(&held(1, 10)));
        assert!(!id.names(&held(1, 11)), "held after the id was read");
        assert!(!id.names(&held(2, 10)), "of another hold");
    }

    #[test]
    fn a_removal_is_not_covered_by_a_held_deactivation() {
        let removal = Loss { removed: Some(Version::default()), ..Loss::default() };
        let deactivation = Loss { deactivated: true, ..Loss::default() };
        assert!(!deactivation.covers(&removal));
        assert!(removal.covers(&removal) && removal.covers(&Loss::default()));
        assert!(!removal.covers(&Loss { deactivated: true, ..removal.clone() }));
    }
}
