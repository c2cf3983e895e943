//! The builder of syncs, and the syncs of several organizations at the same time.

use super::Mirror;
use super::options::Options;
use super::write::{run, task_error};
use crate::record::{EnvironmentRow, Progress, SyncMode, SyncReport};
use crate::task::carried;
use crate::{Error, Result, Timestamp};
use std::collections::{BTreeSet, HashMap};
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use tokio::task::{Id, JoinSet};

/// A sync that has not started: awaiting it starts it, and dropping the future ends it. Made by [`Mirror::sync`] and [`Mirror::sync_all`].
#[derive(Clone)]
#[must_use = "a sync does not start until it is awaited"]
pub struct SyncBuilder {
    mirror: Mirror,
    /// The organization, or `None` for all.
    organization_id: Option<String>,
    options: Options,
}

impl Mirror {
    /// Syncs every directory of an organization, or [one](SyncBuilder::directory): `mirror.sync("org_1").await?`. An organization that was
    /// [forgotten](Mirror::forget_organization) is mirrored anew.
    pub fn sync(&self, organization_id: &str) -> SyncBuilder {
        let organization_id = Some(organization_id.to_owned());
        let options = Options { readmits: true, ..Options::default() };
        SyncBuilder { mirror: self.clone(), organization_id, options }
    }

    /// Syncs every directory of every organization, several at once. If one fails, its report has the error, and the others continue. If the
    /// organizations cannot be listed to the end, those that were listed are synced, and a report without an organization has the error.
    /// Mirrored organizations that are not listed any more are asked for as well: their directories are reported as missing. Organizations that were
    /// [forgotten](Mirror::forget_organization) are left out, without a report.
    pub fn sync_all(&self) -> SyncBuilder {
        SyncBuilder { mirror: self.clone(), organization_id: None, options: Options::default() }
    }
}

impl SyncBuilder {
    /// Syncs only this directory; `None` for all.
    pub fn directory<'a>(mut self, id: impl Into<Option<&'a str>>) -> Self {
        self.options.directory_id = id.into().map(str::to_owned);
        self
    }

    /// Sets which users and groups are listed. Default: [`SyncMode::Auto`].
    pub fn mode(mut self, mode: SyncMode) -> Self {
        self.options.mode = mode;
        self
    }

    /// Sets whether all losses of access that the guard holds in the synced directories are approved before the directories are listed:
    /// removals, deactivations and losses of roles. Those that the sync itself then finds are subject to the guard. An approving sync is a full
    /// sync. Default: false.
    pub fn approve_removals(mut self, approved: bool) -> Self {
        self.options.approved = approved;
        self
    }

    /// Sets whether to wait for another sync of the directory to end, or to report
    /// [`AlreadyRunning`](crate::mirror::SyncOutcome::AlreadyRunning). Default: true.
    pub fn wait(mut self, wait: bool) -> Self {
        self.options.wait = wait;
        self
    }

    /// Sets how many organizations are synced at once, at least 1. Default: 16.
    pub fn concurrency(mut self, organizations: usize) -> Self {
        self.options.concurrency = organizations;
        self
    }

    /// Calls `observer` after each page. It runs on the sync's task, which waits for it.
    pub fn on_progress(mut self, observer: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.options.on_progress = Some(Arc::new(observer));
        self
    }

    /// Runs the sync, and returns the report of each directory also if the sync of one failed: its report has the error. Awaiting the builder
    /// returns the first of these errors instead, if one organization is synced.
    ///
    /// The future may be dropped: as if the builder was awaited.
    ///
    /// # Errors
    ///
    /// Those of awaiting the builder, except for errors that are in a report.
    pub async fn reports(self) -> Result<Vec<SyncReport>> {
        let mirror = self.mirror.clone();
        // In a box, as in `run_organization` and `run_directories`: without optimization, a future is copied to the stack of each function that it is
        // passed to. Those of a sync would take a megabyte of it, half of what a thread of tokio has.
        let run = Box::pin(async {
            let reports = self.run_to_end().await?;
            // If the mirror was closed meanwhile, a directory may have failed because of that.
            let failed = reports.iter().find_map(|report| report.error.clone()).filter(|_| mirror.is_closed());
            failed.map_or(Ok(reports), Err)
        });
        let result = mirror.until_closed(run).await;
        // Waits until the leases are released, because the process may end next. An error is ignored, because it does not change what was synced.
        let _ = mirror.store().released().await;
        result
    }

    async fn run(self) -> Result<Vec<SyncReport>> {
        let is_of_one = self.organization_id.is_some();
        let reports = self.reports().await?;
        // The other directories were synced all the same. The first error is returned, because a caller could overlook it in one of several reports.
        match reports.iter().find_map(|report| report.error.clone()) {
            Some(error) if is_of_one => Err(error),
            _ => Ok(reports),
        }
    }

    async fn run_to_end(self) -> Result<Vec<SyncReport>> {
        if self.options.concurrency == 0 {
            return Err(Error::invalid_argument("concurrency is 0: expected at least 1"));
        }
        match &self.organization_id {
            Some(organization_id) => {
                self.mirror.run_organization(organization_id, &self.mirror.fresh_id(), &self.options).await
            }
            None => self.mirror.run_all(&self.options).await,
        }
    }
}

/// Awaiting the builder runs the sync.
///
/// The future may be dropped: the sync then ends and releases its leases. What it has written stays, as after an error, and the next sync lists
/// everything that this one would have listed.
///
/// # Errors
///
/// A sync of one organization returns the first error in the reports of its directories, after all of them were synced:
/// [`ErrorKind::MassRemoval`](crate::ErrorKind::MassRemoval) if users were absent from a full listing and the guard holds their removal, the errors
/// of the [`Client`](crate::Client)'s calls, and [`ErrorKind::Store`](crate::ErrorKind::Store). Before any directory is synced:
/// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the organization does not exist and has no mirrored directory, or does not have the given
/// directory, and [`ErrorKind::Config`](crate::ErrorKind::Config) without a client or with one of another environment than the mirror's.
///
/// A sync of all organizations has these errors in its reports, and returns one only if there is no report.
///
/// Both return [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for a concurrency of 0, and
/// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) if the mirror is closed.
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

/// Syncs of organizations that run at the same time.
#[derive(Default)]
struct Running {
    tasks: JoinSet<Result<Vec<SyncReport>>>,
    /// The organization of each task, and the id of its run.
    organizations: HashMap<Id, (String, String)>,
    reports: Vec<SyncReport>,
    /// Whether the directories of one of the organizations may not have been listed, because its sync failed as a whole.
    any_failed: bool,
}

impl Running {
    fn start(&mut self, mirror: &Mirror, organization_id: String, options: &Options) {
        let run_id = mirror.fresh_id();
        let (syncing, options) = (mirror.clone(), options.clone());
        let (id, run) = (organization_id.clone(), run_id.clone());
        let sync = carried(async move { syncing.run_organization(&id, &run, &options).await });
        let task = self.tasks.spawn(mirror.tasks().counted(sync));
        self.organizations.insert(task.id(), (organization_id, run_id));
    }

    /// Starts a sync as soon as fewer than the permitted number are running.
    async fn start_in_turn(&mut self, mirror: &Mirror, organization_id: String, options: &Options) {
        while self.tasks.len() >= options.concurrency {
            self.end_one(mirror).await;
        }
        self.start(mirror, organization_id, options);
    }

    /// Waits for one sync to end. Returns false if none is running.
    async fn end_one(&mut self, mirror: &Mirror) -> bool {
        let Some(ended) = self.tasks.join_next_with_id().await else { return false };
        let (id, result, is_logged) = match ended {
            Ok((id, result)) => (id, result, true),
            // The task panicked or was cancelled before it could log an error.
            Err(error) => (error.id(), Err(task_error(error)), false),
        };
        let (organization_id, run_id) = self.organizations.remove(&id).unwrap_or_default();
        match result {
            Ok(reports) => self.reports.extend(reports),
            Err(error) => {
                self.any_failed = true;
                let report = mirror.report(&organization_id, "", SyncMode::Full, &run_id).failed(mirror, error);
                if !is_logged {
                    report.log(mirror);
                }
                self.reports.push(report);
            }
        }
        true
    }
}

impl Mirror {
    async fn run_all(&self, options: &Options) -> Result<Vec<SyncReport>> {
        let (mut running, started) = (Running::default(), self.now());
        let mut listed = self.run_listed(&mut running, options).await;
        while running.end_one(self).await {}
        let mut reports = running.reports;
        if listed.is_ok() && !running.any_failed {
            listed = self.note_all_listed(started).await;
        }
        if let Err(error) = listed {
            let report = self.report("", "", options.mode, &self.fresh_id()).failed(self, error.clone());
            report.log(self);
            self.record_runs([&report]).await;
            // Returning the error would lose the reports, so it is returned only if there are none.
            if reports.is_empty() {
                return Err(error);
            }
            reports.push(report);
        }
        reports.sort_by(|a, b| (&a.organization_id, &a.directory_id).cmp(&(&b.organization_id, &b.directory_id)));
        Ok(reports)
    }

    /// Stores that a sync which began at `started` has listed all organizations and the directories of each.
    async fn note_all_listed(&self, started: Timestamp) -> Result<()> {
        run(self.store(), self.settings_task(), move |step| {
            let environment = step.environment().clone();
            if environment.all_listed_at.is_none_or(|at| at < started) {
                step.batch().environment = Some(EnvironmentRow { all_listed_at: Some(started), ..environment });
            }
            Ok(())
        })
        .await
        .map(drop)
    }

    /// Checks the environment, and starts the syncs of all organizations: first of those that the vendor lists, then of others that the mirror has.
    async fn run_listed(&self, running: &mut Running, options: &Options) -> Result<()> {
        self.check_environment().await?;
        let mut started = BTreeSet::new();
        self.start_listed(running, &mut started, options).await?;
        self.start_unlisted(running, &started, options).await
    }

    /// Starts the sync of each listed organization once: a listing that changes while it is read may name an organization twice.
    async fn start_listed(
        &self,
        running: &mut Running,
        started: &mut BTreeSet<String>,
        options: &Options,
    ) -> Result<()> {
        let mut organizations = self.source()?.organizations();
        while let Some(page) = organizations.next().await? {
            for organization in page.items {
                if started.insert(organization.id.clone()) {
                    running.start_in_turn(self, organization.id, options).await;
                }
            }
        }
        Ok(())
    }

    /// Starts the syncs of mirrored organizations that were not listed, so that they are reported as missing.
    async fn start_unlisted(&self, running: &mut Running, listed: &BTreeSet<String>, options: &Options) -> Result<()> {
        let rows = self.store().directories(None).await?;
        let kept = rows.into_iter().filter(|row| row.retired_at.is_none());
        let mut unlisted: BTreeSet<String> = kept.map(|row| row.directory.organization_id).collect();
        unlisted.retain(|id| !listed.contains(id));
        for id in unlisted {
            running.start_in_turn(self, id, options).await;
        }
        Ok(())
    }
}
