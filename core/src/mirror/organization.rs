//! Lists the directories of one organization, and syncs each of them.

use super::Mirror;
use super::decide::{Tally, hold_directory, take_directory};
use super::options::Options;
use super::run::Run;
use super::write::{Task, run};
use crate::record::{ChangeKind, Hold, HoldReason, OrganizationRow, SyncMode, SyncOutcome, SyncReport};
use crate::store::{Durability, Keys, Lease, Scope};
use crate::{Directory, Error, ErrorKind, Result, Timestamp};
use futures_util::future::{Either, select};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

/// How often a sync that waits for another one tries to take its lease.
const LOOK: Duration = Duration::from_millis(50);

/// How long the lease of a sync lasts unless a write extends it: longer than a page takes to be listed, with all retries.
const LEASE: Duration = Duration::from_secs(300);

/// Runs `work`, and extends the leases of `runs`, which wait for it.
async fn keeping_leases<T>(runs: &[Run<'_>], work: impl Future<Output = T>) -> T {
    let extend = async {
        loop {
            tokio::time::sleep(LEASE / 4).await;
            for run in runs {
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

impl Mirror {
    /// Syncs the directories of an organization: reads and applies them one after the other, and then removes who is absent from each. A user
    /// who moved from one directory to another is so not removed and created again.
    pub(super) async fn run_organization(&self, organization_id: &str, options: &Options) -> Result<Vec<SyncReport>> {
        self.finish_chores().await?;
        let directories = self.list_directories(organization_id).await?;
        let mut wanted: Vec<Directory> = match &options.directory_id {
            None => directories,
            Some(id) => match directories.into_iter().find(|directory| directory.id == *id) {
                Some(directory) => vec![directory],
                None => return Err(self.directory_not_found(organization_id, id).await?),
            },
        };
        // Each sync takes the leases in the same order, so that no two syncs wait for each other.
        wanted.sort_by(|a, b| a.id.cmp(&b.id));
        let (mut runs, mut reports) = (Vec::new(), Vec::new());
        for directory in wanted {
            match keeping_leases(&runs, self.read_directory(&directory, options)).await {
                Ok(run) => runs.push(run),
                Err(report) => reports.push(*report),
            }
        }
        runs.reverse();
        while let Some(run) = runs.pop() {
            reports.push(keeping_leases(&runs, run.finish()).await);
        }
        reports.sort_by(|a, b| a.directory_id.cmp(&b.directory_id));
        self.end_sync(organization_id, &reports).await?;
        Ok(reports)
    }

    /// Reads and applies the listings of a directory. If it cannot be synced now, returns the report instead.
    async fn read_directory<'a>(
        &'a self,
        directory: &Directory,
        options: &'a Options,
    ) -> std::result::Result<Run<'a>, Box<SyncReport>> {
        let report = self.report(&directory.organization_id, &directory.id, options.mode);
        match self.lease(&directory.id, options.wait).await {
            Ok(Some(lease)) => Ok(Run::new(self, directory, options, report, lease).read().await),
            Ok(None) => Err(Box::new(SyncReport { outcome: SyncOutcome::AlreadyRunning, ..report })),
            Err(error) => Err(Box::new(report.failed(self, error))),
        }
    }

    async fn lease(&self, directory_id: &str, wait: bool) -> Result<Option<Box<dyn Lease>>> {
        loop {
            match self.store().lease(directory_id.to_owned(), self.now(), LEASE).await? {
                Some(lease) => return Ok(Some(lease)),
                None if wait => tokio::time::sleep(LOOK).await,
                None => return Ok(None),
            }
        }
    }

    /// Lists the directories of an organization, and stores what is listed of them.
    pub(super) async fn list_directories(&self, organization_id: &str) -> Result<Vec<Directory>> {
        let started = self.now();
        let listed = match self.source()?.directories(organization_id).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // The organization was deleted, or the credentials do not give access to it: its users are kept, and their removal is held.
                for row in self.store().directories(Some(organization_id.to_owned())).await? {
                    self.hold_directory(&row.directory.id, HoldReason::DirectoryNotFound, "sync").await?;
                }
                return Err(error);
            }
            listed => listed?,
        };
        let directories: Vec<Directory> = listed
            .into_iter()
            .map(|directory| Directory { organization_id: organization_id.to_owned(), ..directory })
            .collect();
        let (id, now, rows) = (organization_id.to_owned(), self.now(), directories.clone());
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
            cause: format!("sync:{}", self.fresh_id()),
            now,
        };
        let done = run(self.store(), task, move |step| {
            let known = step.directories_of(&id);
            step.batch().organizations.push(OrganizationRow { id: id.clone(), directories_listed_at: Some(now) });
            rows.iter().for_each(|directory| take_directory(step, directory, started));
            let ids = known.into_iter().map(|row| row.directory.id);
            Ok(ids.filter(|id| !rows.iter().any(|directory| directory.id == *id)).collect::<Vec<_>>())
        })
        .await?;
        for id in done.value {
            self.hold_directory(&id, HoldReason::DirectoryNotFound, "sync").await?;
        }
        self.notify(&done.tally);
        Ok(directories)
    }

    /// Makes the error for a directory that the organization does not have. Its users are kept, and their removal is held.
    pub(super) async fn directory_not_found(&self, organization_id: &str, directory_id: &str) -> Result<Error> {
        self.hold_directory(directory_id, HoldReason::DirectoryNotFound, "sync").await?;
        Ok(Error::new(
            ErrorKind::NotFound,
            "the organization has no such directory: its users, if any are mirrored, are kept",
        )
        .with_context("organization", organization_id)
        .with_context("directory", directory_id))
    }

    /// Notes that a directory is disabled, or that the API does not list it.
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
    pub(super) fn report(&self, organization_id: &str, directory_id: &str, mode: SyncMode) -> SyncReport {
        SyncReport::new(organization_id, directory_id, mode, self.fresh_id(), self.now())
    }
}

impl SyncReport {
    fn new(organization_id: &str, directory_id: &str, mode: SyncMode, run: String, now: Timestamp) -> SyncReport {
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
            held: None,
            holds: Vec::new(),
            incomplete: None,
            error: None,
        }
    }

    pub(super) fn failed(self, mirror: &Mirror, error: Error) -> SyncReport {
        SyncReport { outcome: SyncOutcome::Failed, ended_at: mirror.now(), error: Some(error), ..self }
    }

    /// Adds what the guard holds back, and reports it in the log.
    pub(super) fn with_holds(mut self, holds: Vec<Hold>) -> SyncReport {
        for hold in &holds {
            tracing::warn!(
                target: "headcount",
                organization = %hold.organization_id,
                directory = %hold.directory_id,
                hold = %hold.id,
                reason = %hold.reason,
                count = hold.count,
                limit = hold.limit,
                since = %hold.since,
                "the guard holds back that users lose access: look at the hold, then approve or dismiss it",
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
    pub(super) fn doubt_foreign(&mut self, count: u64) {
        if count > 0 && self.outcome == SyncOutcome::Done {
            self.outcome = SyncOutcome::Incomplete;
            self.incomplete = Some(format!(
                "{count} listed users and groups are mirrored in another organization: they change hands after a full sync of that \
                 organization has removed them"
            ));
            let (organization_id, directory_id) = (&self.organization_id, &self.directory_id);
            tracing::warn!(target: "headcount", organization_id, directory_id, count, "listed users and groups belong to another organization");
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
