//! Records of past syncs, and the received events: what the mirror did, when, and why.

use super::Mirror;
use super::decide::is_forgotten;
use super::write::{Task, run};
use crate::record::{EventQuery, ReceivedEvent, Run, RunOutcome, RunQuery, RunRow, SyncOutcome, SyncReport};
use crate::store::{Durability, Keys, Scope};
use crate::{Error, ErrorKind, Result, process};
use std::collections::BTreeMap;

/// The most runs or events that one call returns.
const MOST: usize = 10_000;

/// Makes the record of a sync that starts. `token` is the fencing token of the directory's lease.
pub(super) fn started_run(report: &SyncReport, token: i64) -> RunRow {
    let run = Run { outcome: RunOutcome::Running, ended_at: None, ..Run::new(report, process::name()) };
    RunRow { run, token: Some(token) }
}

fn check_limit(limit: usize) -> Result<()> {
    if (1..=MOST).contains(&limit) {
        return Ok(());
    }
    Err(Error::invalid_argument(format!("limit is {limit}: expected 1 to {MOST}")))
}

impl Mirror {
    /// Returns past syncs of directories, newest first: those that `query` asks for. A sync whose directories could not be listed has one as well. A
    /// sync that ended before it could start, with the outcome `already_running` or because the mirror has no client, has none, and neither has a
    /// plan. Runs are kept for 400 days, or for the [retention](crate::MirrorBuilder::retention) if that is longer; those that changed nothing are
    /// kept for the retention.
    ///
    /// A sync without an end is `running` as long as the lease of its directory is held, and `interrupted` after that. If this process may not read the
    /// leases of the store, it is always `running`.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for a limit that is not from 1 to 10,000;
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn runs(&self, query: RunQuery) -> Result<Vec<Run>> {
        check_limit(query.limit)?;
        let mut runs = Vec::new();
        // Leases by the name of their directory, read when they are first needed.
        let mut tokens: BTreeMap<String, Option<i64>> = BTreeMap::new();
        for RunRow { run, token } in self.store().runs(query).await? {
            let Some(token) = token else {
                runs.push(run);
                continue;
            };
            let id = run.directory_id.clone();
            let held = match tokens.get(&id) {
                Some(held) => *held,
                None => {
                    let leases = self.store().leases(id.clone(), self.now()).await;
                    // A role that may not read the leases sees every run without an end as running.
                    let held = match leases {
                        Ok(leases) => leases.into_iter().find(|lease| lease.name == id).map(|lease| lease.token),
                        Err(_) => Some(token),
                    };
                    *tokens.entry(id).or_insert(held)
                }
            };
            runs.push(if held == Some(token) { run } else { self.unfinished(run).await? });
        }
        Ok(runs)
    }

    /// Reads a run again that had no end, and whose lease was not held after that: it has ended in the meantime, or it was interrupted.
    async fn unfinished(&self, run: Run) -> Result<Run> {
        let query = RunQuery {
            ids: Some(vec![run.id.clone()]),
            directory_id: Some(run.directory_id.clone()),
            limit: 1,
            ..RunQuery::default()
        };
        Ok(match self.store().runs(query).await?.pop() {
            Some(RunRow { run, token: None }) => run,
            _ => Run { outcome: RunOutcome::Interrupted, ..run },
        })
    }

    /// Returns a received event, and what the mirror did with it; `None` if no event of this id is stored. Events of types that do not change the
    /// mirror are not stored. Events are kept for a week, and pending ones for at most 37 days.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn event(&self, id: &str) -> Result<Option<ReceivedEvent>> {
        let query = EventQuery { ids: Some(vec![id.to_owned()]), limit: 1, ..EventQuery::default() };
        Ok(self.events(query).await?.pop())
    }

    /// Returns received events, newest first: those that `query` asks for. They are kept as [`event`](Mirror::event) says.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for a limit that is not from 1 to 10,000;
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn events(&self, query: EventQuery) -> Result<Vec<ReceivedEvent>> {
        check_limit(query.limit)?;
        let rows = self.store().received_events(query).await?;
        Ok(rows.into_iter().map(|(number, row)| ReceivedEvent::new(number, row)).collect())
    }

    /// Stores the records of syncs of one organization that have ended. Errors are only logged, because the syncs have ended. Plans record nothing.
    pub(super) async fn record_runs(&self, reports: impl IntoIterator<Item = &SyncReport>) {
        if self.is_plan() {
            return;
        }
        // The mirror does not sync with a client of another environment, or without one.
        let is_config =
            |report: &SyncReport| report.error.as_ref().is_some_and(|error| error.kind() == ErrorKind::Config);
        let has_run = |report: &&SyncReport| report.outcome != SyncOutcome::AlreadyRunning && !is_config(report);
        let rows: Vec<RunRow> = reports
            .into_iter()
            .filter(has_run)
            .map(|report| RunRow { run: Run::new(report, process::name()), token: None })
            .collect();
        let Some(first) = rows.first() else { return };
        let organization_id = first.run.organization_id.clone();
        let task = Task {
            scope: Scope::Organization(organization_id.clone()),
            durability: Durability::Process,
            fence: None,
            guarded: false,
            keys: Keys::default(),
            cause: String::new(),
            now: self.now(),
        };
        let id = organization_id.clone();
        let stored = run(self.store(), task, move |step| {
            // The organization may have been forgotten while its sync began.
            if !is_forgotten(step, &id) {
                step.batch().runs.extend(rows.iter().cloned());
            }
            Ok(())
        });
        if let Err(error) = stored.await {
            tracing::warn!(target: "headcount", organization_id, "the end of a sync could not be recorded: {error}");
        }
    }
}
