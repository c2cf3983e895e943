//! Removals that the guard holds back.

use super::serde_by_name;
use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// Removals that the guard holds back until they are approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Held {
    /// Why they are held back.
    pub reason: HeldReason,
    /// Number of users that would be removed.
    pub count: u64,
    /// Number of users that may be removed without approval.
    pub limit: u64,
    /// Local time at which the removals were held back.
    pub at: Timestamp,
    /// The sync (`sync:` and the run's id) or the event (`event:` and its id) that would have removed the users.
    pub cause: String,
}

crate::error::named! {
    /// Why removals are held back.
    HeldReason {
        /// A full listing lacks more users than the guard permits to remove.
        MassRemoval = "mass_removal",
        /// The listing is empty, although several users are mirrored.
        EmptyListing = "empty_listing",
        /// The directory is disabled.
        DirectoryDisabled = "directory_disabled",
        /// The API does not list the directory.
        DirectoryNotFound = "directory_not_found",
        /// More deletion events arrived within an hour than the guard permits.
        DeletionBurst = "deletion_burst",
    }
}

serde_by_name!(HeldReason, "reason for holding removals back");
