//! Past syncs, as stores keep them and as applications read them.

use super::{SyncMode, SyncOutcome, SyncReport, serde_by_name};
use crate::Timestamp;
use crate::error::named;
use serde::{Deserialize, Serialize};

named! {
    /// How a past sync ended, or that it has not ended.
    RunOutcome {
        /// It has not ended: the process that started it still holds the directory's lease.
        Running = "running",
        /// The mirror agreed with the listing.
        Done = "done",
        /// The listing was not applied as a whole: see the run's `incomplete`.
        Incomplete = "incomplete",
        /// Losses of access were held, or the directory was disabled or not listed.
        Held = "held",
        /// It failed: see the run's `error`.
        Failed = "failed",
        /// It did not end: its process was killed or lost the directory's lease, the mirror was closed, or the call was cancelled. What it had
        /// written until then stays.
        Interrupted = "interrupted",
    }
}

serde_by_name!(RunOutcome, "outcome of a run");

/// A past sync of one directory. It has no personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Run {
    /// Number of the run in the mirror: the runs that were recorded later have greater numbers.
    pub number: i64,
    /// Id of the sync of the organization: the same for all of its directories. The changes that the sync made have the cause `sync:` and this id.
    pub id: String,
    /// Id of the organization (`org_…`); empty if the organizations could not be listed.
    pub organization_id: String,
    /// Id of the directory (`dir_…`); empty if the organization's directories could not be listed.
    pub directory_id: String,
    /// Which listing was read: `full` or `incremental`. If none was read, it may also be `auto`.
    pub mode: SyncMode,
    /// How the sync ended, or that it is running.
    pub outcome: RunOutcome,
    /// The process that made the sync: the name of its host, `/`, and the process id. Only the process id if the host's name is not known.
    pub process: String,
    /// Time at which the sync started, in UTC, by the clock of the machine that made it.
    pub started_at: Timestamp,
    /// Time at which the sync ended, in UTC, by the clock of the machine that made it; `None` if it is running or was interrupted.
    pub ended_at: Option<Timestamp>,
    /// Number of pages of users and groups that were read, as in the sync's report. This and the numbers below are 0 until the sync has ended.
    pub pages: u64,
    /// Number of users that were listed.
    pub users: u64,
    /// Number of groups that were listed.
    pub groups: u64,
    /// Number of users that were created.
    pub created: u64,
    /// Number of users whose fields changed.
    pub updated: u64,
    /// Number of users that were deactivated.
    pub deactivated: u64,
    /// Number of users that were reactivated.
    pub reactivated: u64,
    /// Number of users that were removed.
    pub deleted: u64,
    /// Number of changes of all kinds that the sync appended to the feed, without those of pending events.
    pub changes: u64,
    /// Number of the organization's pending events that the sync settled.
    pub events: u64,
    /// Number of the directory's open holds at the end of the sync.
    pub holds: u64,
    /// Why the listing was not applied as a whole, in one English sentence; `None` if it was.
    pub incomplete: Option<String>,
    /// The message of the error that ended the sync, or `None` if none did.
    pub error: Option<String>,
}

/// A past sync as stores keep it. A write replaces the row with the same [id](Run::id) and directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// The sync. Its outcome is never `interrupted`, and its number is 0 before it is written: the store gives it the next number, and keeps the number of
    /// a row that is replaced.
    pub run: Run,
    /// Fencing token of the directory's lease, by which a sync without an end is recognized as running or interrupted; `None` once it has ended.
    pub token: Option<i64>,
}

/// Which runs to read, newest first: those that meet all conditions that are not `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunQuery {
    /// Only runs of the syncs with these ids.
    pub ids: Option<Vec<String>>,
    /// Only runs of this organization.
    pub organization_id: Option<String>,
    /// Only runs of this directory.
    pub directory_id: Option<String>,
    /// Only runs whose number is less than this. To read the next page, set it to the number of the last run.
    pub before: Option<i64>,
    /// The greatest number of runs to read, from 1 to 10,000. Default: 100.
    pub limit: usize,
}

impl Default for RunQuery {
    fn default() -> RunQuery {
        RunQuery { ids: None, organization_id: None, directory_id: None, before: None, limit: 100 }
    }
}

impl Run {
    /// Makes the record of a sync from its report.
    pub(crate) fn new(report: &SyncReport, process: String) -> Run {
        let outcome = match report.outcome {
            SyncOutcome::Done => RunOutcome::Done,
            SyncOutcome::Incomplete => RunOutcome::Incomplete,
            SyncOutcome::Held => RunOutcome::Held,
            SyncOutcome::AlreadyRunning | SyncOutcome::Failed => RunOutcome::Failed,
        };
        Run {
            number: 0,
            id: report.run.clone(),
            organization_id: report.organization_id.clone(),
            directory_id: report.directory_id.clone(),
            mode: report.mode,
            outcome,
            process,
            started_at: report.started_at,
            ended_at: Some(report.ended_at),
            pages: report.pages,
            users: report.users,
            groups: report.groups,
            created: report.created,
            updated: report.updated,
            deactivated: report.deactivated,
            reactivated: report.reactivated,
            deleted: report.deleted,
            changes: report.changes,
            events: report.events,
            holds: report.holds.len() as u64,
            incomplete: report.incomplete.clone(),
            error: report.error.as_ref().map(ToString::to_string),
        }
    }

    /// Returns whether the sync found nothing to report: it is done, and neither changed the mirror nor settled an event. Stores keep such runs for a
    /// shorter time, because there are many of them if syncs are frequent.
    pub fn is_quiet(&self) -> bool {
        self.outcome == RunOutcome::Done && self.changes == 0 && self.events == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_changes_is_quiet_only_if_it_is_done() {
        let report = SyncReport::new("org_1", "dir_1", SyncMode::Full, "1".to_owned(), Timestamp::UNIX_EPOCH);
        let done = Run::new(&report, "host/1".to_owned());
        assert!(done.is_quiet());
        assert!(!Run { changes: 1, ..done.clone() }.is_quiet());
        assert!(!Run { events: 1, ..done.clone() }.is_quiet());
        assert!(!Run { outcome: RunOutcome::Failed, ..done }.is_quiet());
    }
}
