//! Cron: a directory is listed, and the mirror made to agree with the listing. Here is what a sync is asked for and what it answers, and
//! which directories it goes through; [`run`](super::run) reads one.

use super::Mirror;
use super::listed::take_directory;
use super::run::Run;
use super::step::{Step, Tally};
use crate::record::{ChangeKind, Held, HeldReason, OrganizationRow, Progress, SyncMode, SyncOutcome, SyncReport};
use crate::store::{Durability, Lease, read, write};
use crate::{Directory, Error, ErrorKind, Result};
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

type OnProgress = Arc<dyn Fn(&Progress) + Send + Sync>;

/// A sync before it is begun: awaiting it begins it. Made by [`Mirror::sync`] and [`Mirror::sync_all`].
#[derive(Clone)]
#[must_use = "a sync is not begun until it is awaited"]
pub struct SyncBuilder {
    mirror: Mirror,
    /// Nothing: all of them.
    organization_id: Option<String>,
    options: Options,
}

#[derive(Clone)]
pub(super) struct Options {
    pub(super) directory_id: Option<String>,
    pub(super) mode: SyncMode,
    pub(super) approved: bool,
    pub(super) wait: bool,
    pub(super) concurrency: usize,
    pub(super) on_progress: Option<OnProgress>,
}

/// How many directories of an environment are synced at once, unless set.
const CONCURRENCY: usize = 16;

/// How often a sync that waits for another looks whether that has ended.
const LOOK: Duration = Duration::from_millis(50);

impl Mirror {
    /// A sync of every directory of an organization, or of [one](SyncBuilder::directory): `mirror.sync("org_1").await?`.
    pub fn sync(&self, organization_id: &str) -> SyncBuilder {
        self.new_sync(Some(organization_id.to_owned()))
    }

    /// A sync of every directory of every organization, several at once. What goes wrong in one is in its report and stops no other.
    pub fn sync_all(&self) -> SyncBuilder {
        self.new_sync(None)
    }

    fn new_sync(&self, organization_id: Option<String>) -> SyncBuilder {
        let options = Options {
            directory_id: None,
            mode: SyncMode::Auto,
            approved: false,
            wait: true,
            concurrency: CONCURRENCY,
            on_progress: None,
        };
        SyncBuilder { mirror: self.clone(), organization_id, options }
    }
}

impl SyncBuilder {
    /// Only this directory.
    pub fn directory<'a>(mut self, id: impl Into<Option<&'a str>>) -> Self {
        self.options.directory_id = id.into().map(str::to_owned);
        self
    }

    /// How much is listed. [`SyncMode::Auto`] unless set.
    pub fn mode(mut self, mode: SyncMode) -> Self {
        self.options.mode = mode;
        self
    }

    /// Whether somebody has looked at the removals that the guard held back, and they are meant. The sync is then a full one.
    pub fn approve_removals(mut self, approved: bool) -> Self {
        self.options.approved = approved;
        self
    }

    /// Whether to wait where another sync of the directory is under way, or to report that. It waits unless set.
    pub fn wait(mut self, wait: bool) -> Self {
        self.options.wait = wait;
        self
    }

    /// How many directories are synced at once. 16 unless set.
    pub fn concurrency(mut self, directories: usize) -> Self {
        self.options.concurrency = directories;
        self
    }

    /// Who is told, page after page, how far it is.
    pub fn on_progress(mut self, told: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.options.on_progress = Some(Arc::new(told));
        self
    }

    async fn run(self) -> Result<Vec<SyncReport>> {
        if self.options.concurrency == 0 {
            return Err(Error::invalid_argument("concurrency is 0: expected at least 1"));
        }
        let reports = match &self.organization_id {
            None => self.mirror.run_all(&self.options).await?,
            Some(organization_id) => {
                let reports = self.mirror.run_organization(organization_id, &self.options).await?;
                // All of them were synced; who asked for these directories is not to overlook that one failed.
                if let Some(error) = reports.iter().find_map(|report| report.error.clone()) {
                    return Err(error);
                }
                reports
            }
        };
        Ok(reports)
    }
}

impl IntoFuture for SyncBuilder {
    type Output = Result<Vec<SyncReport>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl std::fmt::Debug for SyncBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SyncBuilder")
            .field("organization_id", &self.organization_id)
            .field("directory_id", &self.options.directory_id)
            .field("mode", &self.options.mode)
            .finish_non_exhaustive()
    }
}

impl Mirror {
    async fn run_all(&self, options: &Options) -> Result<Vec<SyncReport>> {
        let mut organizations = self.source()?.organizations();
        let (mut running, mut reports) = (tokio::task::JoinSet::new(), Vec::new());
        while let Some(page) = organizations.next().await? {
            for organization in page.items {
                while running.len() >= options.concurrency {
                    collect(&mut reports, running.join_next().await);
                }
                let (mirror, options) = (self.clone(), options.clone());
                running.spawn(async move {
                    match mirror.run_organization(&organization.id, &options).await {
                        Ok(reports) => reports,
                        Err(error) => vec![mirror.report(&organization.id, "", SyncMode::Full).failed(&mirror, error)],
                    }
                });
            }
        }
        while !running.is_empty() {
            collect(&mut reports, running.join_next().await);
        }
        reports.sort_by(|a, b| (&a.organization_id, &a.directory_id).cmp(&(&b.organization_id, &b.directory_id)));
        Ok(reports)
    }

    async fn run_organization(&self, organization_id: &str, options: &Options) -> Result<Vec<SyncReport>> {
        self.finish_chores().await?;
        let directories = self.list_directories(organization_id).await?;
        let wanted: Vec<Directory> = match &options.directory_id {
            None => directories,
            Some(id) => {
                let found = directories.into_iter().find(|directory| directory.id == *id);
                match found {
                    Some(directory) => vec![directory],
                    None => return Err(self.directory_not_found(organization_id, id).await?),
                }
            }
        };
        let mut reports = Vec::new();
        for directory in wanted {
            reports.push(self.run_directory(&directory, options).await);
        }
        self.trim().await?;
        Ok(reports)
    }

    /// The directories of an organization, as they are now; those of the mirror are brought up to date.
    pub(super) async fn list_directories(&self, organization_id: &str) -> Result<Vec<Directory>> {
        let listed = match self.source()?.directories(organization_id).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // The organization is gone, or was never ours to see: what is mirrored of it is held, not removed.
                let id = organization_id.to_owned();
                let known = read(self.store(), move |tx| tx.directories(Some(&id))).await?;
                for row in known {
                    self.hold_directory(&row.directory.id, HeldReason::DirectoryNotFound, "sync").await?;
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
        let cause = format!("sync:{}", self.fresh_id());
        let missing = write(self.store(), Durability::Process, move |tx| {
            let row = OrganizationRow { id: id.clone(), directories_listed_at: Some(now) };
            tx.put_organization(&row)?;
            let mut step = Step::new(tx, &cause, now)?;
            rows.iter().try_for_each(|directory| take_directory(&mut step, directory))?;
            let known = step.tx.directories(Some(&id))?.into_iter().map(|row| row.directory.id);
            Ok(known.filter(|id| !rows.iter().any(|directory| directory.id == *id)).collect::<Vec<_>>())
        })
        .await?;
        for id in missing {
            self.hold_directory(&id, HeldReason::DirectoryNotFound, "sync").await?;
        }
        self.tell_head();
        Ok(directories)
    }

    /// The error for a directory that the organization does not have. What is mirrored of it is held.
    pub(super) async fn directory_not_found(&self, organization_id: &str, directory_id: &str) -> Result<Error> {
        self.hold_directory(directory_id, HeldReason::DirectoryNotFound, "sync").await?;
        Ok(Error::new(
            ErrorKind::NotFound,
            "the organization has no such directory: its users, where any are mirrored, are kept",
        )
        .with_context("organization", organization_id)
        .with_context("directory", directory_id))
    }

    /// Notes that a directory's removals are held back, where it has users.
    pub(super) async fn hold_directory(
        &self,
        directory_id: &str,
        reason: HeldReason,
        cause: &str,
    ) -> Result<Option<Held>> {
        let (id, now, cause) = (directory_id.to_owned(), self.now(), cause.to_owned());
        write(self.store(), Durability::Process, move |tx| {
            let count = tx.count_users(&id)?;
            let Some(mut row) = tx.directory(&id)?.filter(|_| count > 0) else { return Ok(None) };
            let at = row.held.as_ref().filter(|held| held.reason == reason).map_or(now, |held| held.at);
            row.held = Some(Held { reason, count, limit: 0, at, cause: cause.clone() });
            tx.put_directory(&row)?;
            Ok(row.held)
        })
        .await
    }

    async fn run_directory(&self, directory: &Directory, options: &Options) -> SyncReport {
        let report = self.report(&directory.organization_id, &directory.id, options.mode);
        let lease = match self.lease(&directory.id, options.wait).await {
            Ok(Some(lease)) => lease,
            Ok(None) => return SyncReport { outcome: SyncOutcome::AlreadyRunning, ..report },
            Err(error) => return report.failed(self, error),
        };
        Run::new(self, directory, options, report, lease).finish().await
    }

    async fn lease(&self, directory_id: &str, wait: bool) -> Result<Option<Lease>> {
        loop {
            match self.store().lease(directory_id)? {
                Some(lease) => return Ok(Some(lease)),
                None if wait => tokio::time::sleep(LOOK).await,
                None => return Ok(None),
            }
        }
    }

    fn report(&self, organization_id: &str, directory_id: &str, mode: SyncMode) -> SyncReport {
        let now = self.now();
        SyncReport {
            organization_id: organization_id.to_owned(),
            directory_id: directory_id.to_owned(),
            mode,
            outcome: SyncOutcome::Done,
            run: self.fresh_id(),
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
            incomplete: None,
            error: None,
        }
    }
}

impl SyncReport {
    pub(super) fn failed(self, mirror: &Mirror, error: Error) -> SyncReport {
        SyncReport { outcome: SyncOutcome::Failed, ended_at: mirror.now(), error: Some(error), ..self }
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

fn collect(reports: &mut Vec<SyncReport>, ended: Option<Result<Vec<SyncReport>, tokio::task::JoinError>>) {
    // A task that ended in a panic has none; the guard at the border tells of it.
    if let Some(Ok(more)) = ended {
        reports.extend(more);
    }
}
