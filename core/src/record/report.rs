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
        /// Lists all users and groups, and removes those that are no longer listed.
        Full = "full",
        /// Lists the users and groups that changed since the last sync. Removes none.
        Incremental = "incremental",
    }
}

named! {
    /// How a sync ended.
    SyncOutcome {
        /// The mirror agrees with the listing.
        Done = "done",
        /// The listing was not complete or changed while it was read: what was listed was applied, and no user was removed. Or some listed users or
        /// groups are mirrored in another organization, and these were not applied. The report's `incomplete` says which. The next sync tries again.
        Incomplete = "incomplete",
        /// Losses of access are held until they are approved, or the directory is disabled or not listed: see the report's `holds`. If `holds` is
        /// empty, the directory is mirrored in another organization and was not synced: see `incomplete`.
        Held = "held",
        /// The directory was not synced: another sync or a retirement of it is running, and the caller asked not to wait for that.
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
        /// The event changed nothing: it is about a user, group or directory of another organization than the one that it names, it is from another
        /// environment than the mirror's, or it names no organization.
        Foreign = "foreign",
        /// The event changed nothing: events of its type do not change the mirror, or it names more groups for a user than the setting
        /// `groups_per_user` permits (10,000 by default). In the second case the next sync lists the user.
        Ignored = "ignored",
        /// The event changed nothing: it is about a user whom the application has erased, or an organization that it has forgotten.
        Erased = "erased",
    }
}

serde_by_name!(SyncMode, "sync mode");
serde_by_name!(SyncOutcome, "sync outcome");
serde_by_name!(Phase, "sync phase");
serde_by_name!(Outcome, "received event's outcome");

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
    /// Number of pages of this phase that have been read; 0 in the phase `removals`.
    pub pages: u64,
    /// Number of users or groups in those pages; in the phase `removals`, number of users removed or held so far.
    pub items: u64,
    /// Number of users or groups in all pages of the phase, as the server counts them. In the phase `removals`: number of users to remove in its first
    /// report, and `None` in the later ones.
    pub total: Option<u64>,
    /// `items` per second since the sync of the directory started; 0 if no time has passed.
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
    /// Which listing was read: `full` or `incremental`. If none was read, it may also be `auto`.
    pub mode: SyncMode,
    /// How the sync ended.
    pub outcome: SyncOutcome,
    /// Id of the sync of the organization: the same in the reports of its directories. The changes that it made have the cause `sync:` and this id.
    pub run: String,
    /// Time at which the sync started, in UTC, by this machine's clock.
    pub started_at: Timestamp,
    /// Time at which the sync ended, in UTC, by this machine's clock.
    pub ended_at: Timestamp,
    /// Number of pages of users and groups that were read. If the listing was read more than once, pages, users and groups are counted each time.
    pub pages: u64,
    /// Number of users that were listed, counted as `pages`.
    pub users: u64,
    /// Number of groups that were listed, counted as `pages`.
    pub groups: u64,
    /// Number of users that were created.
    pub created: u64,
    /// Number of users whose fields changed. Changes of `active`, groups and roles are not counted.
    pub updated: u64,
    /// Number of users that were deactivated: they may no longer sign in.
    pub deactivated: u64,
    /// Number of users that were reactivated: they may sign in again.
    pub reactivated: u64,
    /// Number of users that were removed.
    pub deleted: u64,
    /// Number of changes of all kinds that the sync appended to the feed, without those of pending events.
    pub changes: u64,
    /// Number of the organization's pending events that the sync settled.
    pub events: u64,
    /// Number of listed users whom the application has erased, and whom the sync ignored. If the listing was read more than once, those of the last
    /// reading.
    pub erased: u64,
    /// The first of `holds`, or `None` if there is none.
    pub held: Option<Hold>,
    /// The directory's open holds at the end of the sync, in the order in which they were made.
    pub holds: Vec<Hold>,
    /// Why the listing was not applied as a whole, in one English sentence: why it could not be used to remove users, or which of its rows were not
    /// applied. `None` otherwise.
    pub incomplete: Option<String>,
    /// The error that ended the sync, or `None` if none did. It has the kind `mass_removal` if users were absent from a full listing and the guard
    /// holds their removal.
    #[serde(skip_deserializing)]
    pub error: Option<Error>,
}
