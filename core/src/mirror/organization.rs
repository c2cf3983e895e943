//! Lists the directories of one organization, syncs each of them, and reports those that are missing.

use super::Mirror;
use super::decide::{Shown, check_not_forgotten, hold_directory, lose_organization, take_directories};
use super::options::Options;
use super::reports::sync_cause;
use super::run::Run;
use super::write::{Task, run};
use crate::model::Directory;
use crate::record::{DirectoryRow, HoldReason, SyncMode, SyncOutcome, SyncReport};
use crate::store::{Durability, Keys, Lease, Scope};
use crate::{Error, ErrorKind, Result, Timestamp};
use futures_util::future::{Either, select};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tracing::Instrument;

/// How often a sync that waits for another one tries to take the directory's lease.
const LOOK: Duration = Duration::from_millis(50);

/// How long the lease of a sync lasts unless a write extends it: longer than a page takes to be listed, with all retries.
const LEASE: Duration = Duration::from_secs(300);

/// Runs `work`, and meanwhile extends the leases of the runs that wait for it and write nothing: `earlier` and `later`.
async fn keeping_leases<T>(earlier: &[Run<'_>], later: &[Run<'_>], work: impl Future<Output = T>) -> T {
    let extend = async {
        loop {
            tokio::time::sleep(LEASE / 4).await;
            for run in earlier.iter().chain(later) {
                run.keep_lease().await;
            }
        }
    };
    let (work, extend) = (pin!(work), pin!(extend));
    match select(work, extend).await {
        Either::Left((value, _)) => value,
        Either::Right((never, _)) => never,
    }
}

/// What the API answered about an organization.
pub(super) struct Answer {
    /// The listed directories.
    directories: Vec<Directory>,
    shown: Shown,
    /// The API's error if it did not find the organization.
    not_found: Option<Error>,
}

impl Mirror {
    /// Syncs the directories of an organization: reads and applies them one after the other, and then removes the users and groups that are
    /// absent from each. All are read first, so that a user who moved from one directory to another is not removed and created again; and
    /// creations that were deferred come last. Reports the directories that are missing.
    ///
    /// A failure of the sync as a whole, such as that of the listing of directories, is logged here. Failures of single directories are logged with
    /// their reports.
    pub(super) async fn run_organization(
        &self,
        organization_id: &str,
        run_id: &str,
        options: &Options,
    ) -> Result<Vec<SyncReport>> {
        let span = if self.is_plan() {
            tracing::info_span!(target: "headcount", "plan", organization_id, run = run_id)
        } else {
            tracing::info_span!(target: "headcount", "sync", organization_id, run = run_id)
        };
        let sync = async {
            let started = self.now();
            let result = Box::pin(self.run_directories(organization_id, options, run_id)).await;
            if let Err(error) = &result {
                let directory_id = options.directory_id.as_deref().unwrap_or_default();
                let report = self.report(organization_id, directory_id, options.mode, run_id);
                let report = SyncReport { started_at: started, ..report }.failed(self, error.clone());
                report.log(self);
                self.record_runs([&report]).await;
            }
            result
        };
        sync.instrument(span).await
    }

    async fn run_directories(&self, organization_id: &str, options: &Options, run_id: &str) -> Result<Vec<SyncReport>> {
        self.check_environment().await?;
        self.finish_chores().await?;
        let environment = self.finish_interrupted().await?;
        if !self.admits(organization_id, &environment, options.readmits).await? {
            return Ok(Vec::new());
        }
        let Answer { directories, shown, not_found } = self.ask(organization_id, run_id).await?;
        let all = directories.clone();
        let mut wanted: Vec<Directory> = match &options.directory_id {
            None => match not_found.filter(|_| shown.missing.is_empty()) {
                Some(error) => return Err(error),
                None => directories,
            },
            Some(id) => match directories.into_iter().find(|directory| directory.id == *id) {
                Some(directory) => vec![directory],
                None => return Err(not_found.unwrap_or_else(|| Mirror::directory_not_found(organization_id, id))),
            },
        };
        // Each sync takes the leases in the same order, so that no two syncs wait for each other.
        wanted.sort_by(|a, b| a.id.cmp(&b.id));
        let (mut runs, mut reports) = (Vec::new(), Vec::new());
        for directory in wanted {
            if let Some((_, owner)) = shown.foreign.iter().find(|(id, _)| *id == directory.id) {
                reports.push(self.report_foreign(&directory, owner, options, run_id));
                continue;
            }
            match keeping_leases(&runs, &[], Box::pin(self.read_directory(&directory, options, run_id))).await {
                Ok(run) => runs.push(run),
                Err(report) => reports.push(*report),
            }
        }
        let all_read = runs.iter().filter(|run| run.has_read_everything());
        let read: BTreeMap<String, Timestamp> = all_read.map(|run| (run.directory.id.clone(), run.started)).collect();
        let is_foreign = |id: &str| shown.foreign.iter().any(|(foreign, _)| foreign == id);
        let mut unread = all;
        unread.retain(|directory| directory.enabled && !read.contains_key(&directory.id) && !is_foreign(&directory.id));
        let mut removed = Vec::new();
        runs.reverse();
        while let Some(mut run) = runs.pop() {
            run.unread = unread.iter().filter(|other| other.id != run.directory.id).cloned().collect();
            let run = keeping_leases(&removed, &runs, run.remove_absent(&read)).await;
            removed.push(run);
        }
        removed.reverse();
        // These runs record themselves while they have their leases.
        let recorded: BTreeSet<String> = removed.iter().map(|run| run.directory.id.clone()).collect();
        while let Some(run) = removed.pop() {
            reports.push(keeping_leases(&removed, &[], run.finish()).await);
        }
        if options.directory_id.is_none() {
            for row in &shown.missing {
                reports.push(self.report_missing(row, options, run_id).await);
            }
        }
        self.record_runs(reports.iter().filter(|report| !recorded.contains(&report.directory_id))).await;
        reports.sort_by(|a, b| a.directory_id.cmp(&b.directory_id));
        reports.iter().for_each(|report| report.log(self));
        if self.is_plan() {
            // The store is temporary: apart from leavers, nothing in it becomes old, and the planned changes must not be removed.
            self.delete_leavers().await?;
            return Ok(reports);
        }
        // After the listings, which may show that a leaver has returned. An error is only logged: the next sync removes the rows that this one did not.
        if let Err(error) = self.end_sync(organization_id, &reports).await {
            tracing::warn!(target: "headcount", organization_id, "leavers, old changes and events could not be removed: {error}");
        }
        Ok(reports)
    }

    /// Reports a listed directory that is mirrored in another organization, and was not synced.
    fn report_foreign(&self, directory: &Directory, owner: &str, options: &Options, run_id: &str) -> SyncReport {
        let (organization_id, directory_id) = (&directory.organization_id, &directory.id);
        let incomplete = format!(
            "the directory is mirrored in the organization {owner}: retire it there once it is missing, then sync this organization"
        );
        let report = self.report(organization_id, directory_id, options.mode, run_id);
        if !self.is_plan() {
            tracing::warn!(
                target: "headcount", organization_id, directory_id, run = run_id, owner,
                "a listed directory is mirrored in another organization, so it was not synced: retire it there once it is missing"
            );
        }
        SyncReport { outcome: SyncOutcome::Held, incomplete: Some(incomplete), ended_at: self.now(), ..report }
    }

    /// Reports a mirrored directory that is not listed. Its users are kept.
    async fn report_missing(&self, row: &DirectoryRow, options: &Options, run_id: &str) -> SyncReport {
        let (organization_id, directory_id) = (&row.directory.organization_id, &row.directory.id);
        let report = self.report(organization_id, directory_id, options.mode, run_id);
        if !self.is_plan() {
            tracing::warn!(
                target: "headcount", organization_id, directory_id, run = run_id,
                "a mirrored directory is missing: its users are kept until it is retired"
            );
        }
        match self.read_holds(Some(organization_id), Some(directory_id)).await {
            Ok(holds) => {
                SyncReport { outcome: SyncOutcome::Held, ended_at: self.now(), ..report }.with_holds(self, holds)
            }
            Err(error) => report.failed(self, error),
        }
    }

    /// Reads and applies the listings of a directory. If it cannot be synced now, returns the report instead.
    async fn read_directory<'a>(
        &'a self,
        directory: &Directory,
        options: &'a Options,
        run_id: &str,
    ) -> std::result::Result<Run<'a>, Box<SyncReport>> {
        let report = self.report(&directory.organization_id, &directory.id, options.mode, run_id);
        match self.lease(&directory.id, options.wait).await {
            Ok(Some(lease)) => Ok(Run::new(self, directory, options, report, lease).read().await),
            Ok(None) => Err(Box::new(SyncReport { outcome: SyncOutcome::AlreadyRunning, ..report })),
            Err(error) => Err(Box::new(report.failed(self, error))),
        }
    }

    pub(super) async fn lease(&self, directory_id: &str, wait: bool) -> Result<Option<Box<dyn Lease>>> {
        loop {
            match self.store().lease(directory_id.to_owned(), self.now(), LEASE).await? {
                Some(lease) => return Ok(Some(lease)),
                None if wait => tokio::time::sleep(LOOK).await,
                None => return Ok(None),
            }
        }
    }

    /// Lists the directories of an organization, and stores them. `run_id` is the id of the sync.
    pub(super) async fn list_directories(&self, organization_id: &str, run_id: &str) -> Result<Vec<Directory>> {
        let Answer { directories, not_found, .. } = self.ask(organization_id, run_id).await?;
        not_found.map_or(Ok(directories), Err)
    }

    /// Lists the directories of an organization, and stores them and which mirrored ones are missing.
    async fn ask(&self, organization_id: &str, run_id: &str) -> Result<Answer> {
        let started = self.now();
        let (directories, not_found) = match self.source()?.directories(organization_id).await {
            Ok(listed) => (listed, None),
            // The organization was deleted, or the credentials do not give access to it.
            Err(error) if error.kind() == ErrorKind::NotFound => (Vec::new(), Some(error)),
            Err(error) => return Err(error),
        };
        let directories: Vec<Directory> = directories
            .into_iter()
            .map(|directory| Directory { organization_id: organization_id.to_owned(), ..directory })
            .collect();
        let (id, rows, is_found) = (organization_id.to_owned(), directories.clone(), not_found.is_none());
        let host = self.source()?.environment().filter(|_| is_found);
        let task = Task {
            scope: Scope::Organization(id.clone()),
            durability: Durability::Process,
            fence: None,
            guarded: true,
            keys: Keys {
                organizations: [id.clone()].into(),
                directories: rows.iter().map(|directory| directory.id.clone()).collect(),
                ..Keys::default()
            },
            cause: sync_cause(run_id),
            now: self.now(),
        };
        let done = run(self.store(), task, move |step| {
            check_not_forgotten(step, &id)?;
            step.bind_host(host.as_deref())?;
            Ok(if is_found {
                take_directories(step, &id, &rows, started)
            } else {
                lose_organization(step, &id, started)
            })
        })
        .await?;
        for row in &done.value.missing {
            self.hold_directory(&row.directory.id, HoldReason::DirectoryNotFound, &sync_cause(run_id)).await?;
        }
        self.notify(&done.tally);
        Ok(Answer { directories, shown: done.value, not_found })
    }

    /// Makes the error for a directory that the organization does not have.
    pub(super) fn directory_not_found(organization_id: &str, directory_id: &str) -> Error {
        Error::new(
            ErrorKind::NotFound,
            "the organization has no such directory: its users, if any are mirrored, are kept",
        )
        .with_context("organization", organization_id)
        .with_context("directory", directory_id)
    }

    /// Stores a hold on a directory as a whole, because it is disabled or the API does not list it.
    pub(super) async fn hold_directory(&self, directory_id: &str, reason: HoldReason, cause: &str) -> Result<()> {
        let id = directory_id.to_owned();
        let task = Task {
            scope: Scope::Everything,
            durability: Durability::Process,
            fence: None,
            guarded: true,
            keys: Keys { directories: [id.clone()].into(), holds: [id.clone()].into(), ..Keys::default() },
            cause: cause.to_owned(),
            now: self.now(),
        };
        run(self.store(), task, move |step| {
            hold_directory(step, &id, reason);
            Ok(())
        })
        .await
        .map(drop)
    }

    /// A report of a sync that has done nothing yet.
    pub(super) fn report(&self, organization_id: &str, directory_id: &str, mode: SyncMode, run_id: &str) -> SyncReport {
        SyncReport::new(organization_id, directory_id, mode, run_id.to_owned(), self.now())
    }
}
