//! Cron: a directory is listed, and the mirror made to agree with the listing.
//!
//! A listing has no tombstones: who has left shows by absence alone, and absence is believed only of a listing that is whole. A page that did
//! not come, a count that does not agree, a name that came twice, a directory that changed while it was read: then what was listed is taken
//! over, and nobody is removed. What an event has said meanwhile, or so shortly before that the listing may not know it yet, stands.

use super::feed::ChangeKind;
use super::receive::{sorted, toggle};
use super::record::{
    DirectoryRow, GroupRow, Held, HeldReason, MirrorDirectory, MirrorGroup, MirrorUser, OrganizationRow, Trail,
    UserRow, Version,
};
use super::seen::Seen;
use super::source::SourcePages;
use super::step::{Step, Tally, UserWord};
use super::{Mirror, SKEW};
use crate::error::named;
use crate::store::{Durability, Lease, UserFilter, read, write};
use crate::{Directory, Error, ErrorKind, Group, Removals, Result, Timestamp, User};
use serde::Deserialize;
use std::collections::VecDeque;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinError, JoinHandle};

named! {
    /// How much a sync lists.
    SyncMode {
        /// What changed since the last sync; and everything, where the last full sync is too long ago or never was.
        Auto = "auto",
        /// Everything: the only one that sees who has left.
        Full = "full",
        /// What changed since the last sync. Nobody is removed.
        Incremental = "incremental",
    }
}

named! {
    /// How a sync ended.
    SyncOutcome {
        /// The mirror agrees with what was listed.
        Done = "done",
        /// What was listed is taken over, but the listing did not hold still: nobody was removed. The next sync tries again.
        Incomplete = "incomplete",
        /// The guard holds removals back: the directory is switched off.
        Held = "held",
        /// Another sync of the directory is under way.
        AlreadyRunning = "already_running",
        /// It failed: see the report's error.
        Failed = "failed",
    }
}

named! {
    /// What a sync is doing.
    Phase {
        /// Listing groups.
        Groups = "groups",
        /// Listing users.
        Users = "users",
        /// Removing who has left.
        Removals = "removals",
    }
}

/// How far a sync is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// The organization.
    pub organization_id: String,
    /// The directory.
    pub directory_id: String,
    /// What it is doing.
    pub phase: Phase,
    /// Pages of this phase that have come.
    pub pages: u64,
    /// Users or groups in them.
    pub items: u64,
    /// How many there are in all, where the server said.
    pub total: Option<u64>,
    /// How many come in a second.
    pub rate: f64,
}

/// What a sync of one directory did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SyncReport {
    /// The organization.
    pub organization_id: String,
    /// The directory; empty where the organization's directories could not be listed.
    pub directory_id: String,
    /// What it listed: [`Full`](SyncMode::Full) or [`Incremental`](SyncMode::Incremental).
    pub mode: SyncMode,
    /// How it ended.
    pub outcome: SyncOutcome,
    /// The run's id: the changes that it brought about have the cause `sync:` and this.
    pub run: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Pages of users and groups that were listed.
    pub pages: u64,
    /// Users that were listed.
    pub users: u64,
    /// Groups that were listed.
    pub groups: u64,
    /// Users that are new.
    pub created: u64,
    /// Users of whom something changed.
    pub updated: u64,
    /// Users that may no longer sign in.
    pub deactivated: u64,
    /// Users that may again.
    pub reactivated: u64,
    /// Users that have left.
    pub deleted: u64,
    /// All changes that it put into the feed.
    pub changes: u64,
    /// Events that had waited for a sync and are settled now.
    pub events: u64,
    /// What is held back, where something is.
    pub held: Option<Held>,
    /// Why nobody was removed, where the listing did not hold still.
    pub incomplete: Option<String>,
    /// What went wrong, where something did and others go on.
    pub error: Option<Error>,
}

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
struct Options {
    directory_id: Option<String>,
    mode: SyncMode,
    approved: bool,
    wait: bool,
    concurrency: usize,
    on_progress: Option<OnProgress>,
}

/// How many directories of an environment are synced at once, unless set.
const CONCURRENCY: usize = 16;

/// How often a full listing is read again that did not hold still.
const ATTEMPTS: u32 = 3;

/// How often a sync that waits for another looks whether that has ended.
const LOOK: Duration = Duration::from_millis(50);

/// How many pages are read at most while those before them are written.
const WRITING: usize = 8;

/// How many rows one transaction looks at for who has left.
const CHUNK: usize = 500;

/// How many users of a held removal an error names.
const NAMED: usize = 1_000;

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
    async fn list_directories(&self, organization_id: &str) -> Result<Vec<Directory>> {
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
        let missing = write(self.store(), Durability::Process, move |tx| {
            let row = OrganizationRow { id: id.clone(), directories_listed_at: Some(now) };
            tx.put_organization(&row)?;
            let mut step = Step::new(tx, "sync", now)?;
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
    async fn directory_not_found(&self, organization_id: &str, directory_id: &str) -> Result<Error> {
        self.hold_directory(directory_id, HeldReason::DirectoryNotFound, "sync").await?;
        Ok(Error::new(
            ErrorKind::NotFound,
            "the organization has no such directory: its users, where any are mirrored, are kept",
        )
        .with_context("organization", organization_id)
        .with_context("directory", directory_id))
    }

    /// Notes that a directory's removals are held back, where it has users.
    async fn hold_directory(&self, directory_id: &str, reason: HeldReason, cause: &str) -> Result<Option<Held>> {
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
        let mut run = Run {
            mirror: self,
            // The clock is read behind the wait: what the other sync did is not this one's to see as new.
            started: self.now(),
            directory: directory.clone(),
            options,
            report,
            tally: Tally::default(),
            others_read: None,
            _lease: lease,
        };
        run.report.started_at = run.started;
        let result = run.sync().await;
        let Run { mut report, tally, .. } = run;
        report.count(&tally);
        match result {
            Ok(()) => SyncReport { ended_at: self.now(), ..report },
            Err(error) => report.failed(self, error),
        }
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
    fn failed(self, mirror: &Mirror, error: Error) -> SyncReport {
        SyncReport { outcome: SyncOutcome::Failed, ended_at: mirror.now(), error: Some(error), ..self }
    }

    fn count(&mut self, tally: &Tally) {
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

/// Takes over what a listing says of a directory.
fn take_directory(step: &mut Step<'_>, listed: &Directory) -> Result<()> {
    let known = step.tx.directory(&listed.id)?;
    let is_known = known.is_some();
    let before = known.clone();
    let mut row = known.unwrap_or_default();
    let enabled = row.directory.enabled;
    row.directory = MirrorDirectory {
        id: listed.id.clone(),
        organization_id: listed.organization_id.clone(),
        name: listed.name.clone(),
        directory_type: listed.directory_type.clone(),
        directory_provider: listed.directory_provider.clone(),
        enabled,
    };
    let found = |held: &Held| {
        matches!(held.reason, HeldReason::DirectoryNotFound)
            || (listed.enabled && held.reason == HeldReason::DirectoryDisabled)
    };
    row.held = row.held.filter(|held| !found(held));
    toggle(step, &mut row, listed.enabled, is_known)?;
    if before.as_ref() == Some(&row) { Ok(()) } else { step.tx.put_directory(&row) }
}

fn earlier(moment: Timestamp, by: Duration) -> Timestamp {
    super::feed::before(moment, by)
}

/// A sync of one directory under way.
struct Run<'a> {
    mirror: &'a Mirror,
    started: Timestamp,
    directory: Directory,
    options: &'a Options,
    report: SyncReport,
    tally: Tally,
    /// Since when every other directory of the organization has been read whole, if all have.
    others_read: Option<Timestamp>,
    _lease: Lease,
}

/// The rows that a page of users came to.
#[derive(Default)]
struct Taken {
    /// The users' numbers, and whether they are there now.
    users: Vec<(i64, bool)>,
    /// The numbers of their groups.
    groups: Vec<i64>,
}

/// What one reading of the whole directory has named.
#[derive(Default)]
struct Reading {
    users: Seen,
    /// How many of them the mirror has now: all but those that an event has just removed.
    live: u64,
    groups: Seen,
    /// Whether the listing of groups was whole.
    groups_whole: bool,
    /// Why it cannot be believed where it lacks somebody.
    doubt: Option<String>,
    /// The server's count, page after page.
    total: Option<u64>,
    /// The latest change of a user that was listed.
    watermark: Option<Timestamp>,
}

impl Run<'_> {
    fn cause(&self) -> String {
        format!("sync:{}", self.report.run)
    }

    fn row(&self) -> impl Future<Output = Result<DirectoryRow>> + use<'_> {
        let id = self.directory.id.clone();
        let found = read(self.mirror.store(), move |tx| tx.directory(&id));
        async move { found.await?.ok_or_else(|| Error::internal("a directory was synced before it was written")) }
    }

    async fn sync(&mut self) -> Result<()> {
        let row = self.row().await?;
        let stale = row.last_full_sync.is_none_or(|at| at <= earlier(self.started, self.mirror.settings().full_every));
        let full = self.options.approved
            || match self.options.mode {
                SyncMode::Full => true,
                SyncMode::Incremental => false,
                SyncMode::Auto => stale,
            };
        self.report.mode = if full { SyncMode::Full } else { SyncMode::Incremental };
        if !row.directory.enabled {
            self.report.held =
                self.mirror.hold_directory(&self.directory.id, HeldReason::DirectoryDisabled, &self.cause()).await?;
            self.report.outcome = SyncOutcome::Held;
            return Ok(());
        }
        if full {
            if self.options.approved {
                self.report.events += self.mirror.retry_events(&self.directory.organization_id, true).await?;
            }
            self.full().await?;
        } else {
            self.incremental(&row).await?;
        }
        self.report.events += self.mirror.retry_events(&self.directory.organization_id, false).await?;
        Ok(())
    }

    async fn incremental(&mut self, row: &DirectoryRow) -> Result<()> {
        let after = row.watermark.map(|at| earlier(at, SKEW));
        let mut reading = Reading::default();
        self.read_groups(after, &mut reading).await?;
        self.read_users(after, &mut reading).await?;
        let (started, watermark) = (self.started, reading.watermark);
        self.finish(move |row| {
            row.last_incremental_sync = Some(started);
            row.watermark = row.watermark.max(watermark);
            Ok(())
        })
        .await
    }

    async fn full(&mut self) -> Result<()> {
        let mark = write(self.mirror.store(), Durability::Process, |tx| tx.revision()).await?;
        let (organization_id, id) = (self.directory.organization_id.clone(), self.directory.id.clone());
        let directories = read(self.mirror.store(), move |tx| tx.directories(Some(&organization_id))).await?;
        self.others_read = directories
            .iter()
            .filter(|row| row.directory.id != id)
            .map(|row| row.last_full_sync)
            .min()
            .unwrap_or(Some(Timestamp::MAX));
        let mut union: Option<Reading> = None;
        let mut before = self.directory.clone();
        for attempt in 1..=ATTEMPTS {
            let mut reading = Reading::default();
            self.read_groups(None, &mut reading).await?;
            self.read_users(None, &mut reading).await?;
            let after = self.look_again().await?;
            reading.judge(&before, &after);
            let vouched = reading.doubt.is_none() && witness(&after).is_some();
            before = after;
            if let Some(doubt) = reading.doubt {
                if attempt == ATTEMPTS {
                    self.report.outcome = SyncOutcome::Incomplete;
                    self.report.incomplete = Some(doubt);
                    return Ok(());
                }
                continue;
            }
            // Where the directory does not say when it was last changed, one reading vouches for another: who has left is in neither.
            let seconded = union.is_some();
            let seen = match union.take() {
                None => reading,
                Some(first) => first.with(reading),
            };
            if vouched || seconded || attempt == ATTEMPTS || self.absent(&seen, mark, 1).await?.0 == 0 {
                return self.settle(seen, mark).await;
            }
            union = Some(seen);
        }
        Ok(())
    }

    /// The directory as it is now, behind a reading of it.
    async fn look_again(&self) -> Result<Directory> {
        let directories = self.mirror.list_directories(&self.directory.organization_id).await?;
        match directories.into_iter().find(|directory| directory.id == self.directory.id) {
            Some(directory) => Ok(directory),
            None => Err(self.mirror.directory_not_found(&self.directory.organization_id, &self.directory.id).await?),
        }
    }

    /// Removes who is absent from a listing that is whole, if the guard agrees.
    async fn settle(&mut self, seen: Reading, mark: i64) -> Result<()> {
        let id = self.directory.id.clone();
        let mirrored = read(self.mirror.store(), move |tx| tx.count_users(&id)).await?;
        let limit = self.mirror.settings().guard.limit(mirrored);
        // Mostly everybody is there, and nobody needs to be looked for.
        let (count, user_ids) =
            if seen.live == mirrored { (0, Vec::new()) } else { self.absent(&seen, mark, NAMED).await? };
        let emptied = seen.users.len() == 0 && count > 1;
        if (count > limit || emptied) && !self.options.approved {
            let reason = if emptied { HeldReason::EmptyListing } else { HeldReason::MassRemoval };
            self.keep_absent(&seen, mark).await?;
            return Err(self.hold(reason, count, if emptied { 0 } else { limit }, user_ids).await?);
        }
        if count > 0 {
            self.progress(Phase::Removals, 0, 0, Some(count));
            self.remove_users(&seen, mark).await?;
        }
        if seen.groups_whole {
            self.remove_groups(&seen, mark).await?;
        }
        let (started, watermark) = (self.started, seen.watermark);
        let id = self.directory.id.clone();
        self.finish(move |row| {
            row.last_full_sync = Some(started);
            row.watermark = row.watermark.max(watermark);
            row.held = None;
            Ok(())
        })
        .await?;
        // A listing that is whole has the last word on deletions that were held back, too.
        let organization_id = self.directory.organization_id.clone();
        write(self.mirror.store(), Durability::Process, move |tx| {
            tx.put_held_removals(&id, &[])?;
            for mut event in tx.events(&organization_id, crate::store::EventState::Held)? {
                if event.directory_id == id {
                    event.state = crate::store::EventState::Settled;
                    event.body = None;
                    tx.put_event(&event)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Notes what is held back, and makes the error that says so.
    async fn hold(&mut self, reason: HeldReason, count: u64, limit: u64, user_ids: Vec<String>) -> Result<Error> {
        let (id, now, cause) = (self.directory.id.clone(), self.mirror.now(), self.cause());
        let held = Held { reason, count, limit, at: now, cause };
        self.report.held = Some(held.clone());
        write(self.mirror.store(), Durability::Process, move |tx| {
            let Some(mut row) = tx.directory(&id)? else { return Ok(()) };
            row.held = Some(held.clone());
            tx.put_directory(&row)
        })
        .await?;
        let message = match reason {
            HeldReason::EmptyListing => format!(
                "the directory lists nobody, and {count} users are mirrored: nobody was removed; look at the directory, then sync it with \
                 approve_removals if that is meant"
            ),
            _ => format!(
                "the directory no longer lists {count} users, and the limit is {limit}: nobody was removed; look at them, then sync it with \
                 approve_removals if that is meant"
            ),
        };
        let removals =
            Removals { directory_id: self.directory.id.clone(), count, limit, user_ids: sorted(user_ids.into_iter()) };
        Ok(Error::mass_removal(message, removals)
            .with_context("organization", &self.directory.organization_id)
            .with_context("directory", &self.directory.id))
    }

    /// Reads every page of groups and takes them over.
    async fn read_groups(&mut self, updated_after: Option<Timestamp>, reading: &mut Reading) -> Result<()> {
        let mut pages = self.mirror.source()?.groups(&self.directory, updated_after);
        let (mut count, mut items, mut total) = (0, 0, 0);
        while let Some(page) = pages.next().await? {
            count += 1;
            items += page.items.len() as u64;
            let (started, directory) = (self.started, self.directory.clone());
            let groups = Arc::new(page.items);
            let listed = Arc::clone(&groups);
            let (numbers, chores) = self
                .step(move |step| {
                    let mut numbers = Vec::with_capacity(listed.len());
                    for group in listed.iter() {
                        numbers.push(take_group(step, &directory, group, started)?);
                    }
                    Ok(numbers)
                })
                .await?;
            for number in numbers {
                reading.groups.insert(number);
            }
            total = page.total_size;
            if chores {
                self.mirror.finish_chores().await?;
            }
            self.report.groups += groups.len() as u64;
            self.progress(Phase::Groups, count, items, Some(page.total_size));
        }
        reading.groups_whole = reading.groups.len() == total;
        self.report.pages += count;
        Ok(())
    }

    /// Reads every page of users and takes them over. Some pages are read while those before them are written, which are then committed
    /// together.
    async fn read_users(&mut self, updated_after: Option<Timestamp>, reading: &mut Reading) -> Result<()> {
        let mut pages: Box<dyn SourcePages<User>> = self.mirror.source()?.users(&self.directory, updated_after);
        let mut writing = VecDeque::new();
        let (mut count, mut items) = (0, 0);
        let listed = loop {
            let page = match pages.next().await {
                Ok(Some(page)) => page,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            count += 1;
            items += page.items.len() as u64;
            if reading.total.replace(page.total_size).is_some_and(|before| before != page.total_size) {
                reading.doubt.get_or_insert_with(|| "the listing's count changed from page to page".to_owned());
            }
            // By the vendor's own clock, but never ahead of ours: a date from the future would hide all that comes before it.
            let latest = page.items.iter().filter_map(|user| user.updated_at).max();
            reading.watermark = reading.watermark.max(latest.map(|at| at.min(self.started)));
            self.report.users += page.items.len() as u64;
            writing.push_back(self.take_users(page.items));
            if writing.len() > WRITING
                && let Some(oldest) = writing.pop_front()
                && let Err(error) = self.settle_users(oldest.await, reading)
            {
                break Err(error);
            }
            self.progress(Phase::Users, count, items, Some(page.total_size));
        };
        // Whatever became of the listing, what was begun is written before this ends.
        let mut written = Ok(());
        while let Some(next) = writing.pop_front() {
            written = written.and(self.settle_users(next.await, reading));
        }
        self.report.pages += count;
        listed.and(written)?;
        self.mirror.finish_chores().await
    }

    /// Begins to write a page of users.
    fn take_users(&self, users: Vec<User>) -> JoinHandle<Result<(Taken, Tally)>> {
        let (cause, now, started, directory) = (self.cause(), self.mirror.now(), self.started, self.directory.clone());
        let store = Arc::clone(self.mirror.store());
        tokio::spawn(async move {
            write(&store, Durability::Process, move |tx| {
                let mut step = Step::new(tx, &cause, now)?;
                let mut taken = Taken::default();
                for user in &users {
                    taken.users.push(take_user(&mut step, &directory, user, started, &mut taken.groups)?);
                }
                Ok((taken, step.tally))
            })
            .await
        })
    }

    fn settle_users(
        &mut self,
        written: std::result::Result<Result<(Taken, Tally)>, JoinError>,
        reading: &mut Reading,
    ) -> Result<()> {
        let (taken, tally) = written.unwrap_or_else(|_| Err(Error::cancelled()))?;
        self.count(&tally);
        for (number, is_live) in taken.users {
            if reading.users.insert(number) {
                reading.live += u64::from(is_live);
            } else {
                reading.doubt.get_or_insert_with(|| "the listing named a user twice".to_owned());
            }
        }
        for number in taken.groups {
            reading.groups.insert(number);
        }
        Ok(())
    }

    fn count(&mut self, tally: &Tally) {
        self.tally.add(tally);
        if tally.total() > 0 {
            self.mirror.tell_head();
        }
    }

    /// One step of this run; whether it left chores.
    async fn step<T: Send + 'static>(
        &mut self,
        mut work: impl FnMut(&mut Step<'_>) -> Result<T> + Send + 'static,
    ) -> Result<(T, bool)> {
        let (cause, now) = (self.cause(), self.mirror.now());
        let (value, tally, chores) = write(self.mirror.store(), Durability::Process, move |tx| {
            let mut step = Step::new(tx, &cause, now)?;
            let value = work(&mut step)?;
            Ok((value, step.tally, step.chores))
        })
        .await?;
        self.count(&tally);
        Ok((value, chores))
    }

    /// How many users a whole listing lacks, and the first `named` of them.
    async fn absent(&self, seen: &Reading, mark: i64, named: usize) -> Result<(u64, Vec<String>)> {
        let (mut position, mut count, mut ids) = (0, 0, Vec::new());
        loop {
            let rows = self.users_behind(position).await?;
            let Some(last) = rows.last() else { return Ok((count, ids)) };
            position = last.number;
            for row in rows.into_iter().filter(|row| self.is_gone(row, seen, mark)) {
                count += 1;
                if ids.len() < named {
                    ids.push(row.user.id);
                }
            }
        }
    }

    /// Keeps the list of those who would be removed, for whoever looks at it.
    async fn keep_absent(&self, seen: &Reading, mark: i64) -> Result<()> {
        let mut position = 0;
        let id = self.directory.id.clone();
        write(self.mirror.store(), Durability::Process, move |tx| tx.put_held_removals(&id, &[])).await?;
        loop {
            let rows = self.users_behind(position).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            position = last.number;
            let gone: Vec<String> =
                rows.into_iter().filter(|row| self.is_gone(row, seen, mark)).map(|row| row.user.id).collect();
            let id = self.directory.id.clone();
            write(self.mirror.store(), Durability::Process, move |tx| {
                gone.iter().try_for_each(|user_id| tx.add_held_removal(&id, user_id))
            })
            .await?;
        }
    }

    async fn users_behind(&self, position: i64) -> Result<Vec<UserRow>> {
        let filter = UserFilter { directory_id: Some(self.directory.id.clone()), ..UserFilter::default() };
        read(self.mirror.store(), move |tx| tx.users(&filter, position, CHUNK)).await
    }

    /// Whether a user counts as removed: the listing lacks them, and no event spoke of them meanwhile.
    fn is_gone(&self, row: &UserRow, seen: &Reading, mark: i64) -> bool {
        // Somebody whom events alone have told of may be in another directory of the organization, until that has been read as well.
        let is_here =
            row.listed || row.trail.touched_at.is_none_or(|at| self.others_read.is_some_and(|read| at < read));
        is_here && row.trail.revision <= mark && !seen.users.contains(row.number)
    }

    async fn remove_users(&mut self, seen: &Reading, mark: i64) -> Result<()> {
        let (mut position, mut removed) = (0, 0);
        loop {
            let rows = self.users_behind(position).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            position = last.number;
            let gone: Vec<String> =
                rows.into_iter().filter(|row| self.is_gone(row, seen, mark)).map(|row| row.user.id).collect();
            if gone.is_empty() {
                continue;
            }
            removed += gone.len() as u64;
            let started = self.started;
            self.step(move |step| {
                for id in &gone {
                    // An event may have come since the row was read.
                    let row = step.tx.user(id)?.filter(|row| row.is_live() && row.trail.revision <= mark);
                    if let Some(row) = row {
                        let version = listed_version(&row.trail, None, started, true);
                        step.remove_user(Some(row), MirrorUser::default(), version, None)?;
                    }
                }
                Ok(())
            })
            .await?;
            self.progress(Phase::Removals, 0, removed, None);
        }
    }

    async fn remove_groups(&mut self, seen: &Reading, mark: i64) -> Result<()> {
        let mut position = 0;
        loop {
            let id = self.directory.id.clone();
            let rows: Vec<GroupRow> =
                read(self.mirror.store(), move |tx| tx.groups(Some(&id), position, CHUNK)).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            position = last.number;
            let gone: Vec<String> = rows
                .into_iter()
                .filter(|row| !seen.groups.contains(row.number) && row.trail.revision <= mark)
                .map(|row| row.group.id)
                .collect();
            let started = self.started;
            let (_, chores) = self
                .step(move |step| {
                    for id in &gone {
                        let row = step.group(id)?.filter(|row| row.is_live() && row.trail.revision <= mark);
                        if let Some(row) = row {
                            let version = listed_version(&row.trail, None, started, true);
                            step.put_group(row.group, false, version, None)?;
                        }
                    }
                    Ok(())
                })
                .await?;
            if chores {
                self.mirror.finish_chores().await?;
            }
        }
    }

    async fn finish(&mut self, change: impl Fn(&mut DirectoryRow) -> Result<()> + Send + 'static) -> Result<()> {
        let id = self.directory.id.clone();
        write(self.mirror.store(), Durability::Process, move |tx| {
            let Some(mut row) = tx.directory(&id)? else { return Ok(()) };
            change(&mut row)?;
            tx.put_directory(&row)
        })
        .await
    }

    fn progress(&self, phase: Phase, pages: u64, items: u64, total: Option<u64>) {
        let Some(told) = &self.options.on_progress else { return };
        let elapsed = self.mirror.now().duration_since(self.started).as_secs_f64();
        told(&Progress {
            organization_id: self.directory.organization_id.clone(),
            directory_id: self.directory.id.clone(),
            phase,
            pages,
            items,
            total,
            rate: if elapsed > 0.0 { items as f64 / elapsed } else { 0.0 },
        });
    }
}

impl Reading {
    /// Compares what was read with the server's count, and with what the directory said of itself before and after.
    fn judge(&mut self, before: &Directory, after: &Directory) {
        let doubt = if self.users.len() != self.total.unwrap_or(0) {
            Some(format!("the listing named {} users, and counted {}", self.users.len(), self.total.unwrap_or(0)))
        } else if !after.enabled {
            Some("the directory was switched off while it was read".to_owned())
        } else if before.total_users != after.total_users || witness(before) != witness(after) {
            Some("the directory changed while it was read".to_owned())
        } else {
            None
        };
        if let Some(doubt) = doubt {
            self.doubt.get_or_insert(doubt);
        }
    }

    /// What either of two whole readings has named.
    fn with(mut self, other: Reading) -> Reading {
        self.users.add(&other.users);
        self.groups.add(&other.groups);
        self.watermark = self.watermark.max(other.watermark);
        self
    }
}

/// When a user of the directory was last changed, as the directory itself says.
fn witness(directory: &Directory) -> Option<Timestamp> {
    directory.stats.as_ref().and_then(|stats| stats.user_updated_at)
}

/// Whether a listing's word on a row counts: not where an event, newer than what is listed, came in so shortly before the listing was begun,
/// or since, that the listing may not know of it.
fn listing_counts(trail: &Trail, listed_at: Option<Timestamp>, started: Timestamp) -> bool {
    let is_recent = trail.touched_at.is_some_and(|at| at > earlier(started, SKEW));
    !(is_recent && trail.version.at > listed_at)
}

/// How new a row is after a listing's word on it. Nothing is newer than the listing itself, whatever a date claims; and a listing that lacks
/// the row is as new as its beginning.
fn listed_version(trail: &Trail, listed_at: Option<Timestamp>, started: Timestamp, is_gone: bool) -> Version {
    let known = Version { at: trail.version.at.map(|at| at.min(started)), event: trail.version.event.clone() };
    let listed = if is_gone { Some(started) } else { listed_at.map(|at| at.min(started)) };
    known.max(Version { at: listed, event: String::new() })
}

/// Takes over a listed group; its row's number.
fn take_group(step: &mut Step<'_>, directory: &Directory, listed: &Group, started: Timestamp) -> Result<i64> {
    if listed.id.is_empty() {
        return Err(Error::new(ErrorKind::Decode, "the server listed a group without an id"));
    }
    let row = step.group(&listed.id)?.unwrap_or_default();
    if listing_counts(&row.trail, listed.updated_at, started) {
        let group = MirrorGroup {
            id: listed.id.clone(),
            organization_id: directory.organization_id.clone(),
            directory_id: directory.id.clone(),
            display_name: listed.display_name.clone(),
            updated_at: listed.updated_at,
        };
        let version = listed_version(&row.trail, listed.updated_at, started, false);
        step.put_group(group, true, version, row.trail.touched_at)?;
    }
    Ok(step.group(&listed.id)?.map_or(0, |row| row.number))
}

/// Takes over a listed user and the groups they are said to be in; their row's number, and whether they are there now.
fn take_user(
    step: &mut Step<'_>,
    directory: &Directory,
    listed: &User,
    started: Timestamp,
    groups: &mut Vec<i64>,
) -> Result<(i64, bool)> {
    if listed.id.is_empty() {
        return Err(Error::new(ErrorKind::Decode, "the server listed a user without an id"));
    }
    let row = step.tx.user(&listed.id)?;
    let trail = row.as_ref().map(|row| row.trail.clone()).unwrap_or_default();
    if !listing_counts(&trail, listed.updated_at, started) {
        let Some(row) = row.filter(UserRow::is_live) else { return Ok((0, false)) };
        // What is listed of them is old news; where they are listed is not.
        let user = MirrorUser { directory_id: directory.id.clone(), ..row.user.clone() };
        let (told_groups, version) = (row.told_groups.clone(), trail.version.clone());
        let word = UserWord { user, told_groups, listed: true, version, touched_at: trail.touched_at };
        return Ok((step.put_user(Some(row), word)?, true));
    }
    let mut told_groups = Vec::with_capacity(listed.groups.len());
    for group in listed.groups.iter().filter(|group| !group.id.is_empty()) {
        // The listing of groups has been read: what it did not have is learnt of here.
        if step.group(&group.id)?.is_none_or(|row| !row.is_live()) {
            take_group(step, directory, group, started)?;
        }
        groups.extend(step.group(&group.id)?.map(|row| row.number));
        told_groups.push(group.id.clone());
    }
    let known = row.as_ref().map(|row| row.user.clone()).unwrap_or_default();
    let is_new = row.as_ref().is_none_or(|row| !row.is_live());
    let user = MirrorUser {
        id: listed.id.clone(),
        organization_id: directory.organization_id.clone(),
        directory_id: directory.id.clone(),
        email: listed.email.clone(),
        given_name: listed.given_name.clone(),
        family_name: listed.family_name.clone(),
        preferred_username: listed.preferred_username.clone(),
        emails: listed.emails.clone(),
        active: active(listed).unwrap_or(is_new || known.active),
        vendor_roles: known.vendor_roles,
        updated_at: listed.updated_at,
        detail: listed.user_detail.clone(),
        attributes: known.attributes,
        ..MirrorUser::default()
    };
    let version = listed_version(&trail, listed.updated_at, started, false);
    let word = UserWord { user, told_groups, listed: true, version, touched_at: trail.touched_at };
    Ok((step.put_user(row, word)?, true))
}

/// What a listed user's details say of whether they may sign in. Some directories write it as text.
fn active(user: &User) -> Option<bool> {
    #[derive(Deserialize)]
    struct Detail<'a> {
        #[serde(borrow)]
        active: Option<&'a serde_json::value::RawValue>,
    }
    let detail: Detail<'_> = user.user_detail.as_ref()?.decode().ok()?;
    match detail.active?.get().trim_matches('"').to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}
