//! What syncs and received events report.

use super::{Hold, serde_by_name};
use crate::error::named;
use crate::{Error, Timestamp};
use serde::{Deserialize, Serialize};

named! {
    /// Which users and groups a sync lists.
    SyncMode {
        /// Full if the last full sync is older than the mirror's `full_every` setting or there was none; else incremental.
        Auto = "auto",
        /// Lists everything. Only a full sync notices that a user has left.
        Full = "full",
        /// Lists what changed since the last sync. Removes no user.
        Incremental = "incremental",
    }
}

named! {
    /// How a sync ended.
    SyncOutcome {
        /// The mirror agrees with the listing.
        Done = "done",
        /// The listed users and groups were applied, but the listing is not complete or changed while it was read: no user was removed. Or some
        /// of them are mirrored in another organization, and were not applied. The next sync tries again.
        Incomplete = "incomplete",
        /// The guard holds losses of access, or the directory is disabled or not listed: see the report's holds. Or the directory is mirrored in
        /// another organization: see `incomplete`.
        Held = "held",
        /// Another sync of the directory is running.
        AlreadyRunning = "already_running",
        /// The sync failed: see the report's error.
        Failed = "failed",
    }
}

named! {
    /// What a running sync is doing.
    Phase {
        /// Listing groups.
        Groups = "groups",
        /// Listing users.
        Users = "users",
        /// Removing users that have left.
        Removals = "removals",
    }
}

named! {
    /// What the mirror did with a received event.
    Outcome {
        /// The mirror now agrees with the event.
        Applied = "applied",
        /// The same event was received before.
        Duplicate = "duplicate",
        /// The mirror has newer information than the event.
        Stale = "stale",
        /// The event is stored until a sync shows which directory it is about.
        Pending = "pending",
        /// The guard holds the loss of access that the event would cause, until it is approved.
        Held = "held",
        /// The event is about a row of another organization or environment than the one it was signed for, or names no organization. It changed
        /// nothing.
        Foreign = "foreign",
        /// The event is about something that is not mirrored, or names more groups for a user than the mirror permits (10,000 unless it is
        /// configured): the next sync lists the user.
        Ignored = "ignored",
    }
}

serde_by_name!(SyncMode, "sync mode");
serde_by_name!(SyncOutcome, "sync outcome");
serde_by_name!(Phase, "sync phase");
serde_by_name!(Outcome, "outcome of a received event");

/// The progress of a running sync.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Progress {
    /// Id of the organization (`org_…`).
    pub organization_id: String,
    /// Id of the directory (`dir_…`).
    pub directory_id: String,
    /// What the sync is doing.
    pub phase: Phase,
    /// Number of pages of this phase that have been read.
    pub pages: u64,
    /// Number of users or groups in those pages.
    pub items: u64,
    /// Number of users or groups in all, or `None` if the server did not report it.
    pub total: Option<u64>,
    /// Users or groups per second since the sync started.
    pub rate: f64,
}

/// What a sync of one directory did.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SyncReport {
    /// Id of the organization (`org_…`).
    pub organization_id: String,
    /// Id of the directory (`dir_…`); empty if the organization's directories could not be listed.
    pub directory_id: String,
    /// Which listing was read: `full` or `incremental`.
    pub mode: SyncMode,
    /// How the sync ended.
    pub outcome: SyncOutcome,
    /// Id of the sync of the organization: the same in the reports of its directories. The changes that it made have the cause `sync:` and this id.
    pub run: String,
    /// Local time at which the sync started.
    pub started_at: Timestamp,
    /// Local time at which the sync ended.
    pub ended_at: Timestamp,
    /// Number of pages of users and groups that were read.
    pub pages: u64,
    /// Number of users that were listed.
    pub users: u64,
    /// Number of groups that were listed.
    pub groups: u64,
    /// Number of users that are new.
    pub created: u64,
    /// Number of users that changed.
    pub updated: u64,
    /// Number of users that may no longer sign in.
    pub deactivated: u64,
    /// Number of users that may sign in again.
    pub reactivated: u64,
    /// Number of users that were removed.
    pub deleted: u64,
    /// Number of all changes that the sync appended to the feed.
    pub changes: u64,
    /// Number of pending events that were settled.
    pub events: u64,
    /// The first of `holds`, or `None`.
    pub held: Option<Hold>,
    /// The directory's open holds at the end of the sync, in the order in which they were made.
    pub holds: Vec<Hold>,
    /// Why the listing could not be used to remove users, or which of its rows were not applied; `None` if it was applied as a whole.
    pub incomplete: Option<String>,
    /// The error that ended the sync, or `None`.
    #[serde(skip_deserializing)]
    pub error: Option<Error>,
}
