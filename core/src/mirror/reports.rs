//! The reports of syncs: how they are made, completed and logged.

use super::Mirror;
use super::decide::Tally;
use crate::record::{ChangeKind, Hold, SyncMode, SyncOutcome, SyncReport};
use crate::{Error, ErrorKind, Timestamp};

/// Returns the cause of the changes of a sync.
pub(super) fn sync_cause(run_id: &str) -> String {
    format!("sync:{run_id}")
}

impl SyncReport {
    pub(crate) fn new(
        organization_id: &str,
        directory_id: &str,
        mode: SyncMode,
        run: String,
        now: Timestamp,
    ) -> SyncReport {
        SyncReport {
            organization_id: organization_id.to_owned(),
            directory_id: directory_id.to_owned(),
            mode,
            outcome: SyncOutcome::Done,
            run,
            started_at: now,
            ended_at: now,
            pages: 0,
            users: 0,
            groups: 0,
            created: 0,
            updated: 0,
            deactivated: 0,
            reactivated: 0,
            deleted: 0,
            changes: 0,
            events: 0,
            erased: 0,
            held: None,
            holds: Vec::new(),
            incomplete: None,
            error: None,
        }
    }

    pub(super) fn failed(self, mirror: &Mirror, error: Error) -> SyncReport {
        SyncReport { outcome: SyncOutcome::Failed, ended_at: mirror.now(), error: Some(error), ..self }
    }

    /// Logs the end of the sync, or of a plan of it: a failure as a warning. Counts a sync for the metrics.
    pub(super) fn log(&self, mirror: &Mirror) {
        if !mirror.is_plan() {
            mirror.counters().count_sync(self);
        }
        let what = if mirror.is_plan() { "plan" } else { "sync" };
        let request_id = self.error.as_ref().and_then(Error::request_id);
        macro_rules! log {
            ($level:ident, $($message:tt)*) => {
                tracing::$level!(
                    target: "headcount", organization_id = self.organization_id, directory_id = self.directory_id, run = self.run, request_id,
                    mode = self.mode.name(), outcome = self.outcome.name(), users = self.users, groups = self.groups,
                    created = self.created, updated = self.updated, deleted = self.deleted, changes = self.changes, $($message)*
                )
            };
        }
        match &self.error {
            Some(error) if self.outcome == SyncOutcome::Failed => log!(warn, "a {what} failed: {error}"),
            _ => log!(
                info,
                "a {what} ended: {}, {} users, {} groups, {} changes",
                self.outcome.name(),
                self.users,
                self.groups,
                self.changes
            ),
        }
    }

    /// Adds the open holds of the directory, and logs each of them. The outcome becomes `held` if there is a hold and the outcome was `done`, or if
    /// removals by the sync's listing are held.
    pub(super) fn with_holds(mut self, mirror: &Mirror, holds: Vec<Hold>) -> SyncReport {
        for hold in holds.iter().filter(|_| !mirror.is_plan()) {
            tracing::warn!(
                target: "headcount",
                organization_id = hold.organization_id,
                directory_id = hold.directory_id,
                run = self.run,
                hold = %hold.id,
                reason = %hold.reason,
                count = hold.count,
                limit = hold.limit,
                since = %hold.since,
                "the guard has held losses of access: approve or dismiss the hold, or if it is about a directory as a whole, enable or retire the directory",
            );
        }
        let is_mass_removal = self.error.as_ref().is_some_and(|error| error.kind() == ErrorKind::MassRemoval);
        if is_mass_removal || (self.outcome == SyncOutcome::Done && !holds.is_empty()) {
            self.outcome = SyncOutcome::Held;
        }
        self.held = holds.first().cloned();
        self.holds = holds;
        self
    }

    /// Reports that `count` listed users and groups were not applied, because they are mirrored in another organization.
    pub(super) fn doubt_foreign(&mut self, mirror: &Mirror, count: u64) {
        if count > 0 && self.outcome == SyncOutcome::Done {
            self.outcome = SyncOutcome::Incomplete;
            self.incomplete = Some(format!(
                "{count} listed users and groups are mirrored in another organization: they are applied here once a full sync of that \
                 organization has removed them"
            ));
            if mirror.is_plan() {
                return;
            }
            let SyncReport { organization_id, directory_id, run, .. } = self;
            tracing::warn!(
                target: "headcount", organization_id, directory_id, run, count,
                "listed users and groups are mirrored in another organization, so they were not applied"
            );
        }
    }

    pub(super) fn count(&mut self, tally: &Tally) {
        self.created = tally.of(ChangeKind::UserCreated);
        self.updated = tally.of(ChangeKind::UserUpdated);
        self.deactivated = tally.of(ChangeKind::UserDeactivated);
        self.reactivated = tally.of(ChangeKind::UserReactivated);
        self.deleted = tally.of(ChangeKind::UserDeleted);
        self.changes = tally.total();
    }
}
