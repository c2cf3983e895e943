//! The mirror for threads without an async runtime: the same calls, run on the caller's thread until they are done.
//!
//! A forked child opens the mirror's file again, and never uses its parent's handle.

use super::Client;
use super::runtime::{may_wait, wait, wait_unless_async};
use crate::mirror::{CopyOptions, MetricsOptions, ReconcileOptions};
use crate::process::{PerProcess, Process};
use crate::record::{
    Approval, Consumer, CopyReport, DirectoryStatus, Erasure, EventQuery, Explanation, ExportFormat, HistoryEntry,
    Hold, MirrorDirectory, MirrorGroup, MirrorOptions, MirrorSettings, OrganizationErasure, Outcome, ParkedChange,
    PendingEvent, Progress, ReceivedEvent, Retirement, RoleMapEntry, Run, RunQuery, SyncMode, SyncReport,
};
use crate::webhook::Headers;
use crate::{Change, Error, Event, MirrorBuilder, MirrorUser, Result, Timestamp, mirror};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::time::Duration;

/// A durable local copy of every directory, and a feed of changes. Clones are cheap; any number of threads may use a mirror at once.
#[derive(Clone)]
pub struct Mirror(Arc<Shared>);

struct Shared {
    path: PathBuf,
    client: Option<Client>,
    settings: MirrorBuilder,
    /// The process that opened it. A mirror in memory cannot be used after a fork.
    process: Process,
    mirror: PerProcess<mirror::Mirror>,
    /// The mirror's id, which a forked child gets without opening the file.
    id: Option<String>,
    is_closed: AtomicBool,
}

impl Mirror {
    /// Does what [`headcount::Mirror::open`](crate::Mirror::open) does.
    ///
    /// # Errors
    ///
    /// Those of that call.
    pub fn open(path: impl Into<PathBuf>, client: Client) -> Result<Mirror> {
        Mirror::with_settings(path, Some(client), mirror::Mirror::builder())
    }

    /// Opens the mirror in a file or a PostgreSQL database with these settings. Without a client it cannot sync.
    ///
    /// # Errors
    ///
    /// As [`headcount::Mirror::open`](crate::Mirror::open).
    pub fn with_settings(path: impl Into<PathBuf>, client: Option<Client>, settings: MirrorBuilder) -> Result<Mirror> {
        let (path, process) = (path.into(), Process::current());
        let mirror = PerProcess::default();
        let is_closed = AtomicBool::new(false);
        let mut shared = Shared { path: absolute(path), client, settings, process, mirror, id: None, is_closed };
        shared.id = shared.mirror()?.id().map(str::to_owned);
        Ok(Mirror(Arc::new(shared)))
    }

    /// Returns what [`headcount::Mirror::id`](crate::Mirror::id) returns, also after the mirror was closed.
    pub fn id(&self) -> Option<&str> {
        self.0.id.as_deref()
    }

    /// Does what [`headcount::Mirror::close`](crate::Mirror::close) does, and returns when the file is closed. In an async task, and in a callback of
    /// a running call, it does not wait for that. Later calls fail with [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if the runtime cannot be started.
    pub fn close(&self) -> Result<()> {
        self.0.refuse_calls();
        // In a forked child, another thread may be opening the file. If this thread must not wait for that, the other thread
        // closes the file again.
        match self.0.mirror.settled(may_wait) {
            Some(mirror) => wait_unless_async(mirror.close()),
            None => Ok(()),
        }
    }

    /// Ends waits and syncs, as [`close`](Mirror::close) does, makes later calls fail, and leaves the file open for the calls that are running. For
    /// bindings.
    #[doc(hidden)]
    pub fn end_waits(&self) {
        self.0.refuse_calls();
        if let Some(mirror) = self.0.mirror.existing() {
            mirror.end_waits();
        }
    }

    /// Drops this handle. If it was the last one, and no iterator uses the store, waits until the store is closed. For bindings, which call
    /// [`end_waits`](Mirror::end_waits) before it.
    #[doc(hidden)]
    pub async fn release(self) -> Result<()> {
        if self.0.mirror.is_being_made() {
            // Another thread is opening the file, in a forked child. No call uses the mirror yet, and `end_waits` has made later calls fail.
            let shared = Arc::clone(&self.0);
            let opened = tokio::task::spawn_blocking(move || shared.mirror.settled(|| true)).await;
            return match opened {
                Ok(Some(mirror)) => mirror.close().await,
                _ => Ok(()),
            };
        }
        let mirror = self.0.mirror.existing();
        // `mirror.release` waits only if `mirror` is the last reference to the async mirror. Dropping `self` makes it the last one, unless this
        // handle has clones.
        drop(self);
        match mirror {
            Some(mirror) => mirror.release().await,
            None => Ok(()),
        }
    }

    /// Returns this process's async mirror, for [`wait`] and [`spawn`](super::spawn).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if a forked child cannot open the mirror;
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if the mirror is closed.
    pub fn current(&self) -> Result<mirror::Mirror> {
        self.0.mirror()
    }
}

/// Makes a path absolute, because a daemon may change its working directory before it opens the file again.
fn absolute(path: PathBuf) -> PathBuf {
    match path.to_str() {
        Some(":memory:") => path,
        _ if crate::sqlite::begins_like_url(&path) => path,
        _ => std::path::absolute(&path).unwrap_or(path),
    }
}

impl Shared {
    /// Makes later calls fail.
    fn refuse_calls(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        // Either the caller finds the mirror that another thread opens, or that thread finds `is_closed` set.
        fence(Ordering::SeqCst);
    }

    fn check_open(&self) -> Result<()> {
        match self.is_closed.load(Ordering::Acquire) {
            true => Err(Error::invalid_argument("the mirror is closed: open another one")),
            false => Ok(()),
        }
    }

    fn mirror(&self) -> Result<mirror::Mirror> {
        self.check_open()?;
        let mut is_new = false;
        let mirror = self.mirror.get(|| {
            self.check_open()?;
            if self.path.as_os_str() == ":memory:" && !self.process.is_current() {
                return Err(Error::store(
                    "a mirror in memory cannot be used after a fork, or after all descriptors were closed: open a mirror in a file",
                ));
            }
            let settings = match &self.client {
                Some(client) => self.settings.clone().client(client.current()?),
                None => self.settings.clone(),
            };
            let mirror = wait(settings.open(&self.path))?;
            is_new = true;
            Ok(mirror)
        })?;
        if is_new {
            // Pairs with the fence in `refuse_calls`.
            fence(Ordering::SeqCst);
            if let Err(closed) = self.check_open() {
                wait_unless_async(mirror.close())?;
                return Err(closed);
            }
        }
        Ok(mirror)
    }
}

/// Defines calls that run those of the async mirror.
macro_rules! calls {
    ($($name:ident($($argument:ident: $type:ty),*) -> $value:ty;)*) => {
        impl Mirror {
            $(
                #[doc = concat!("Does what `", stringify!($name), "` of [`headcount::Mirror`](crate::Mirror) does.")]
                ///
                /// # Errors
                ///
                /// Those of that call.
                pub fn $name(&self, $($argument: $type),*) -> Result<$value> {
                    wait(self.current()?.$name($($argument),*))
                }
            )*
        }
    };
}

calls! {
    apply(event: &Event) -> Outcome;
    poll(consumer: &str, limit: usize) -> Vec<Change>;
    poll_groups(consumer: &str, limit: usize) -> Vec<Vec<Change>>;
    wait(consumer: &str, limit: usize, timeout: Option<Duration>) -> Vec<Change>;
    ack(consumer: &str, seq: i64) -> ();
    park(consumer: &str, seq: i64, reason: &str) -> ();
    poll_after(consumer: &str, seq: Option<i64>, limit: usize) -> Vec<Change>;
    wait_after(consumer: &str, seq: Option<i64>, limit: usize, timeout: Option<Duration>) -> Vec<Change>;
    parked_changes(consumer: &str) -> Vec<ParkedChange>;
    drop_parked(consumer: &str, seq: i64) -> bool;
    start_from_snapshot(consumer: &str) -> ();
    consumers() -> Vec<Consumer>;
    drop_consumer(consumer: &str) -> bool;
    trim() -> ();
    user(id: &str) -> Option<MirrorUser>;
    find_users(email: &str) -> Vec<MirrorUser>;
    group(id: &str) -> Option<MirrorGroup>;
    groups(organization_id: &str, directory_id: Option<&str>) -> Vec<MirrorGroup>;
    directories(organization_id: Option<&str>) -> Vec<MirrorDirectory>;
    status() -> Vec<DirectoryStatus>;
    held_removals(directory_id: &str) -> Vec<String>;
    holds(organization_id: &str, directory_id: Option<&str>) -> Vec<Hold>;
    approve(hold_id: &str, by: &str, note: &str) -> u64;
    dismiss(hold_id: &str, by: &str, note: &str) -> u64;
    approvals(organization_id: Option<&str>) -> Vec<Approval>;
    link(user_id: &str, account_id: Option<&str>) -> ();
    protect(user_id: &str, reason: &str) -> ();
    unprotect(user_id: &str) -> ();
    erase_user(user_id: &str) -> Erasure;
    forget_organization(organization_id: &str) -> OrganizationErasure;
    pending_events(organization_id: &str) -> Vec<PendingEvent>;
    role_map() -> Vec<(String, String)>;
    settings() -> MirrorSettings;
    configure(options: MirrorOptions) -> ();
    role_map_entries() -> Vec<RoleMapEntry>;
    unmatched_roles() -> Vec<RoleMapEntry>;
    retire(directory_id: &str, by: &str, note: &str) -> u64;
    retirements() -> Vec<Retirement>;
    runs(query: RunQuery) -> Vec<Run>;
    event(id: &str) -> Option<ReceivedEvent>;
    events(query: EventQuery) -> Vec<ReceivedEvent>;
    explain(user_id: &str) -> Explanation;
    unbind_environment() -> ();
    copy_to(target: &Path, options: CopyOptions) -> CopyReport;
    backup(path: &Path) -> ();
    metrics(options: MetricsOptions) -> String;
}

impl Mirror {
    /// Does what `receive` of [`headcount::Mirror`](crate::Mirror) does.
    ///
    /// # Errors
    ///
    /// Those of that call.
    pub fn receive(&self, headers: &(impl Headers + ?Sized), body: &[u8]) -> Result<Outcome> {
        wait(self.current()?.receive(headers, body))
    }

    /// Does what `receive_at` of [`headcount::Mirror`](crate::Mirror) does.
    ///
    /// # Errors
    ///
    /// Those of that call.
    pub fn receive_at(&self, headers: &(impl Headers + ?Sized), body: &[u8], now: Timestamp) -> Result<Outcome> {
        wait(self.current()?.receive_at(headers, body, now))
    }

    /// Does what `set_role_map` of [`headcount::Mirror`](crate::Mirror) does.
    ///
    /// # Errors
    ///
    /// Those of that call.
    pub fn set_role_map<E: Into<RoleMapEntry>>(&self, entries: impl IntoIterator<Item = E>) -> Result<()> {
        wait(self.current()?.set_role_map(entries))
    }

    /// Does what `reconcile` of [`headcount::Mirror`](crate::Mirror) does.
    ///
    /// # Errors
    ///
    /// Those of that call.
    pub fn reconcile<I>(&self, user_ids: I, options: ReconcileOptions) -> Result<Vec<String>>
    where
        I: IntoIterator<Item: Into<String>, IntoIter: Send>,
    {
        wait(self.current()?.reconcile(user_ids, options))
    }

    /// Prepares a sync of one organization; [`run`](SyncBuilder::run) starts it.
    pub fn sync(&self, organization_id: &str) -> SyncBuilder {
        SyncBuilder(self.current().map(|mirror| mirror.sync(organization_id)))
    }

    /// Prepares a sync of every organization; [`run`](SyncBuilder::run) starts it.
    pub fn sync_all(&self) -> SyncBuilder {
        SyncBuilder(self.current().map(|mirror| mirror.sync_all()))
    }

    /// Prepares a plan of a sync of one organization; [`run`](PlanBuilder::run) makes it.
    pub fn plan(&self, organization_id: &str) -> PlanBuilder {
        PlanBuilder(self.current().map(|mirror| mirror.plan(organization_id)))
    }

    /// Returns the users that a hold names as an iterator.
    ///
    /// # Errors
    ///
    /// As [`headcount::Mirror::hold_users`](crate::Mirror::hold_users).
    pub fn hold_users(&self, hold_id: &str) -> Result<MirrorUsers> {
        Ok(MirrorUsers { users: Ok(self.current()?.hold_users(hold_id)?), done: false })
    }

    /// Returns the unacknowledged changes of a consumer as an iterator that waits for the next one: without limit, or until none has come for
    /// `timeout`, or until the mirror is [closed](Mirror::close). Clones share the position, so that several threads can divide the changes among themselves.
    pub fn changes(&self, consumer: &str, timeout: Option<Duration>) -> Changes {
        Changes { changes: self.current().map(|mirror| mirror.changes(consumer, timeout)), done: false }
    }

    /// Starts to build a worker of the consumer `name`, whose changes are divided among any number of workers: see
    /// [`headcount::Mirror::consumer`](crate::Mirror::consumer).
    pub fn consumer(&self, name: &str) -> WorkerBuilder {
        WorkerBuilder(self.current().map(|mirror| mirror.consumer(name)))
    }

    /// Returns the users of an organization as an iterator.
    pub fn users(&self, organization_id: &str) -> MirrorUsers {
        MirrorUsers { users: self.current().map(|mirror| mirror.users(organization_id)), done: false }
    }

    /// Returns the users of an organization as they were at a past time, as an iterator: see [`headcount::Mirror::at`](crate::Mirror::at).
    pub fn at(&self, moment: Timestamp, organization_id: &str) -> MirrorUsers {
        MirrorUsers { users: self.current().map(|mirror| mirror.at(moment, organization_id)), done: false }
    }

    /// Returns what changed, oldest first, as an iterator: see [`headcount::Mirror::history`](crate::Mirror::history).
    pub fn history(&self) -> History {
        History { history: self.current().map(|mirror| mirror.history()), done: false }
    }
}

impl std::fmt::Debug for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("blocking::Mirror").finish_non_exhaustive()
    }
}

/// The options of a sync, which [`run`](SyncBuilder::run) starts. Made by [`Mirror::sync`] and [`Mirror::sync_all`].
#[derive(Clone, Debug)]
#[must_use = "a sync is not started until it is run"]
pub struct SyncBuilder(Result<mirror::SyncBuilder>);

impl SyncBuilder {
    fn set(self, set: impl FnOnce(mirror::SyncBuilder) -> mirror::SyncBuilder) -> SyncBuilder {
        SyncBuilder(self.0.map(set))
    }

    /// Syncs only this directory.
    pub fn directory<'a>(self, id: impl Into<Option<&'a str>>) -> Self {
        self.set(|sync| sync.directory(id))
    }

    /// Sets which users and groups are listed: all, or those that changed since the last sync.
    pub fn mode(self, mode: SyncMode) -> Self {
        self.set(|sync| sync.mode(mode))
    }

    /// Sets whether the losses of access that the guard holds are approved before the sync.
    pub fn approve_removals(self, approved: bool) -> Self {
        self.set(|sync| sync.approve_removals(approved))
    }

    /// Sets whether to wait for another sync of the same directory.
    pub fn wait(self, wait: bool) -> Self {
        self.set(|sync| sync.wait(wait))
    }

    /// Sets how many organizations are synced at once.
    pub fn concurrency(self, organizations: usize) -> Self {
        self.set(|sync| sync.concurrency(organizations))
    }

    /// Sets the function that receives the progress. It is called on the thread that calls [`run`](SyncBuilder::run), or, by a sync of all organizations, on
    /// threads of the runtime.
    pub fn on_progress(self, receiver: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.set(|sync| sync.on_progress(receiver))
    }

    /// Runs the sync until it is done.
    ///
    /// # Errors
    ///
    /// Those of [`headcount::Mirror::sync`](crate::Mirror::sync).
    pub fn run(self) -> Result<Vec<SyncReport>> {
        wait(self.0?.into_future())
    }

    /// Runs the sync until it is done, and returns the report of each directory also if the sync of one failed.
    ///
    /// # Errors
    ///
    /// Those of [`mirror::SyncBuilder::reports`](crate::mirror::SyncBuilder::reports).
    pub fn reports(self) -> Result<Vec<SyncReport>> {
        wait(self.0?.reports())
    }
}

/// The options of a plan, which [`run`](PlanBuilder::run) makes. Returned by [`Mirror::plan`].
#[derive(Clone, Debug)]
#[must_use = "a plan is not made until it is run"]
pub struct PlanBuilder(Result<mirror::PlanBuilder>);

impl PlanBuilder {
    fn set(self, set: impl FnOnce(mirror::PlanBuilder) -> mirror::PlanBuilder) -> PlanBuilder {
        PlanBuilder(self.0.map(set))
    }

    /// Plans a sync of only this directory.
    pub fn directory<'a>(self, id: impl Into<Option<&'a str>>) -> Self {
        self.set(|plan| plan.directory(id))
    }

    /// Sets which users and groups are listed: all, or those that changed since the last sync.
    pub fn mode(self, mode: SyncMode) -> Self {
        self.set(|plan| plan.mode(mode))
    }

    /// Sets whether to plan a sync that approves what the guard holds. Nothing is approved.
    pub fn approve_removals(self, approved: bool) -> Self {
        self.set(|plan| plan.approve_removals(approved))
    }

    /// Sets the function that receives the progress. It is called on the thread that calls [`run`](PlanBuilder::run).
    pub fn on_progress(self, receiver: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.set(|plan| plan.on_progress(receiver))
    }

    /// Makes the plan.
    ///
    /// # Errors
    ///
    /// Those of [`headcount::Mirror::plan`](crate::Mirror::plan).
    pub fn run(self) -> Result<Plan> {
        wait(self.0?.into_future()).map(Plan)
    }
}

/// What a sync would change; made by [`PlanBuilder::run`]. It has the methods of the [async plan](crate::mirror::Plan) that do not wait. A forked child
/// cannot read its parent's plan.
#[derive(Clone, Debug)]
pub struct Plan(mirror::Plan);

impl std::ops::Deref for Plan {
    type Target = mirror::Plan;

    fn deref(&self) -> &mirror::Plan {
        &self.0
    }
}

impl Plan {
    /// Returns an iterator over the planned changes, as [`headcount::mirror::Plan::changes`](crate::mirror::Plan::changes) does.
    pub fn changes(&self) -> PlannedChanges {
        PlannedChanges { changes: self.0.changes(), done: false }
    }

    /// Does what [`headcount::mirror::Plan::close`](crate::mirror::Plan::close) does. In an async task, and in a callback of a running call, it does not
    /// wait until the temporary store is deleted.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if the runtime cannot be started.
    pub fn close(&self) -> Result<()> {
        let plan = self.0.clone();
        wait_unless_async(async move { plan.close().await })
    }
}

/// The changes of a [`Plan`]; made by [`Plan::changes`]. It ends after an error.
#[derive(Clone, Debug)]
pub struct PlannedChanges {
    changes: mirror::PlannedChanges,
    done: bool,
}

impl Iterator for PlannedChanges {
    type Item = Result<Change>;

    fn next(&mut self) -> Option<Result<Change>> {
        if self.done {
            return None;
        }
        let next = wait(self.changes.next());
        self.done = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

/// The users of an organization, at present or at a past time; made by [`Mirror::users`] and [`Mirror::at`].
#[derive(Clone, Debug)]
pub struct MirrorUsers {
    users: Result<mirror::MirrorUsers>,
    done: bool,
}

impl MirrorUsers {
    /// Lists only users of this directory.
    pub fn directory<'a>(self, id: impl Into<Option<&'a str>>) -> Self {
        MirrorUsers { users: self.users.map(|users| users.directory(id)), ..self }
    }

    /// Lists only members of this group.
    pub fn group<'a>(self, id: impl Into<Option<&'a str>>) -> Self {
        MirrorUsers { users: self.users.map(|users| users.group(id)), ..self }
    }

    /// Lists only users with this role.
    pub fn role<'a>(self, role: impl Into<Option<&'a str>>) -> Self {
        MirrorUsers { users: self.users.map(|users| users.role(role)), ..self }
    }

    /// Returns these users as text, in pieces: see [`headcount::mirror::MirrorUsers::export`](crate::mirror::MirrorUsers::export).
    pub fn export(self, format: ExportFormat) -> Export {
        Export { export: self.users.map(|users| users.export(format)), done: false }
    }
}

impl Iterator for MirrorUsers {
    type Item = Result<MirrorUser>;

    fn next(&mut self) -> Option<Result<MirrorUser>> {
        if self.done {
            return None;
        }
        let next = match &mut self.users {
            Ok(users) => wait(users.next()),
            Err(error) => Err(error.clone()),
        };
        self.done = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

/// Users as text, in pieces; made by [`MirrorUsers::export`]. It ends after an error.
#[derive(Clone, Debug)]
pub struct Export {
    export: Result<mirror::Export>,
    done: bool,
}

impl Iterator for Export {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Result<String>> {
        if self.done {
            return None;
        }
        let next = match &mut self.export {
            Ok(export) => wait(export.next()),
            Err(error) => Err(error.clone()),
        };
        self.done = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

/// The history of a mirror, oldest entry first; made by [`Mirror::history`]. It ends after an error.
#[derive(Clone, Debug)]
pub struct History {
    history: Result<mirror::History>,
    done: bool,
}

impl History {
    /// Lists only changes of this user.
    pub fn user<'a>(self, id: impl Into<Option<&'a str>>) -> Self {
        History { history: self.history.map(|history| history.user(id)), ..self }
    }

    /// Lists only changes of this group.
    pub fn group<'a>(self, id: impl Into<Option<&'a str>>) -> Self {
        History { history: self.history.map(|history| history.group(id)), ..self }
    }

    /// Lists only changes in this organization.
    pub fn organization<'a>(self, id: impl Into<Option<&'a str>>) -> Self {
        History { history: self.history.map(|history| history.organization(id)), ..self }
    }

    /// Lists only changes that were written at this time or later.
    pub fn since(self, moment: impl Into<Option<Timestamp>>) -> Self {
        History { history: self.history.map(|history| history.since(moment)), ..self }
    }

    /// Lists only changes that were written before this time.
    pub fn until(self, moment: impl Into<Option<Timestamp>>) -> Self {
        History { history: self.history.map(|history| history.until(moment)), ..self }
    }
}

impl Iterator for History {
    type Item = Result<HistoryEntry>;

    fn next(&mut self) -> Option<Result<HistoryEntry>> {
        if self.done {
            return None;
        }
        let next = match &mut self.history {
            Ok(history) => wait(history.next()),
            Err(error) => Err(error.clone()),
        };
        self.done = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

/// An iterator over the changes of a consumer; made by [`Mirror::changes`]. It ends if no change came within the timeout, when the mirror is
/// closed, and after an error.
#[derive(Clone, Debug)]
pub struct Changes {
    changes: Result<mirror::Changes>,
    done: bool,
}

impl Changes {
    /// Acknowledges one change that this iterator returned, and not the changes before it. Durable when this returns, if all earlier changes are
    /// acknowledged; otherwise once they are.
    ///
    /// # Errors
    ///
    /// As [`headcount::mirror::Changes::ack`](crate::mirror::Changes::ack); those of [`Mirror::current`] if the mirror could not be used when this
    /// iterator was made.
    pub fn ack(&self, seq: i64) -> Result<()> {
        wait(self.changes.clone()?.ack(seq))
    }

    /// Parks a change that this iterator returned and that cannot be handled, with a reason, and acknowledges it as [`ack`](Changes::ack) does. It is
    /// kept and [listed](Mirror::parked_changes) until it is [dropped](Mirror::drop_parked).
    ///
    /// # Errors
    ///
    /// As [`headcount::mirror::Changes::park`](crate::mirror::Changes::park); those of [`Mirror::current`] if the mirror could not be used when this
    /// iterator was made.
    pub fn park(&self, change: &Change, reason: &str) -> Result<()> {
        wait(self.changes.clone()?.park(change, reason))
    }
}

impl Iterator for Changes {
    type Item = Result<Change>;

    fn next(&mut self) -> Option<Result<Change>> {
        if self.done {
            return None;
        }
        let next = match &self.changes {
            Ok(changes) => wait(changes.next()),
            Err(error) => Err(error.clone()),
        };
        self.done = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

/// Starts a [`Worker`]; made by [`Mirror::consumer`].
#[derive(Clone, Debug)]
#[must_use = "call `start`"]
pub struct WorkerBuilder(Result<mirror::WorkerBuilder>);

impl WorkerBuilder {
    /// Sets the number of partitions, 1 to 256. Default: 16. All workers of a consumer need the same number.
    pub fn partitions(self, partitions: u32) -> Self {
        WorkerBuilder(self.0.map(|builder| builder.partitions(partitions)))
    }

    /// Sets the duration of the worker's lease, at least 1 second. Default: 60 seconds.
    pub fn lease(self, lease: Duration) -> Self {
        WorkerBuilder(self.0.map(|builder| builder.lease(lease)))
    }

    /// Sets how long the worker waits for a change before its iteration ends. Without it, the worker waits without limit.
    pub fn timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        WorkerBuilder(self.0.map(|builder| builder.timeout(timeout)))
    }

    /// Makes the worker, which joins the consumer when its first change is taken.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for a name that is empty or longer than 200 bytes, for a number of
    /// partitions or a lease out of range, and if the mirror is closed; [`ErrorKind::Store`](crate::ErrorKind::Store) if a forked child cannot
    /// open the mirror.
    pub fn start(self) -> Result<Worker> {
        Ok(Worker { worker: self.0?.start()?, done: false })
    }
}

/// An iterator over the changes of the partitions that a worker holds; made by [`WorkerBuilder::start`]. It ends if no change came within the timeout, when
/// the worker or the mirror is closed, and after an error. Clones share the position.
#[derive(Clone, Debug)]
pub struct Worker {
    worker: mirror::Worker,
    done: bool,
}

impl Worker {
    /// Acknowledges a change that this worker returned, and all changes of the same partition that it returned before. Durable when this returns. A
    /// change that another worker returned is not acknowledged, although this returns `Ok` if this worker has returned a greater number.
    ///
    /// # Errors
    ///
    /// As [`headcount::mirror::Worker::ack`](crate::mirror::Worker::ack).
    pub fn ack(&self, seq: i64) -> Result<()> {
        wait(self.worker.ack(seq))
    }

    /// Acknowledges all changes that this worker has returned, in one write. Durable when this returns.
    ///
    /// # Errors
    ///
    /// As [`headcount::mirror::Worker::ack_all`](crate::mirror::Worker::ack_all).
    pub fn ack_all(&self) -> Result<()> {
        wait(self.worker.ack_all())
    }

    /// Parks a change that this worker returned and that cannot be handled, with a reason, and acknowledges it as [`ack`](Worker::ack) does. It is kept
    /// and [listed](Mirror::parked_changes) until it is [dropped](Mirror::drop_parked).
    ///
    /// # Errors
    ///
    /// As [`headcount::mirror::Worker::park`](crate::mirror::Worker::park).
    pub fn park(&self, change: &Change, reason: &str) -> Result<()> {
        wait(self.worker.park(change, reason))
    }

    /// Returns the numbers of the partitions that this worker holds, in ascending order.
    pub fn partitions(&self) -> Vec<u32> {
        self.worker.partitions()
    }

    /// Releases the worker's partitions at once, ends the iteration, also in other threads, and returns when other workers can take the partitions.
    /// Changes that are not acknowledged are returned to them.
    ///
    /// # Errors
    ///
    /// As [`headcount::mirror::Worker::close`](crate::mirror::Worker::close).
    pub fn close(&self) -> Result<()> {
        wait(self.worker.close())
    }
}

impl Iterator for Worker {
    type Item = Result<Change>;

    fn next(&mut self) -> Option<Result<Change>> {
        if self.done {
            return None;
        }
        let next = wait(self.worker.next());
        self.done = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use rusqlite::Connection;
    use std::path::Path;
    use std::thread::{JoinHandle, spawn, yield_now};
    use tokio::time::Instant;

    /// The time after which a test that waits fails.
    const LIMIT: Duration = Duration::from_secs(60);

    fn wait_until(condition: impl Fn() -> bool) {
        let started = Instant::now();
        while !condition() {
            assert!(started.elapsed() < LIMIT, "the condition was not met within the time limit");
            yield_now();
        }
    }

    /// A mirror that this process has not opened yet, as in a forked child, and that a thread is opening. The file is locked, so that the thread waits.
    struct Opening {
        mirror: Mirror,
        call: JoinHandle<Result<Vec<DirectoryStatus>>>,
        lock: Connection,
        folder: PathBuf,
    }

    impl Opening {
        fn begin(name: &str) -> Opening {
            let folder = std::env::temp_dir().join(format!("headcount-{name}-{}", std::process::id()));
            std::fs::create_dir(&folder).unwrap();
            let path = folder.join("mirror.db");
            Mirror::with_settings(&path, None, mirror::Mirror::builder()).unwrap().close().unwrap();
            let lock = Connection::open(&path).unwrap();
            lock.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
            let (settings, process) = (mirror::Mirror::builder(), Process::current());
            let (mirror, is_closed) = (PerProcess::default(), AtomicBool::new(false));
            let mirror =
                Mirror(Arc::new(Shared { path, client: None, settings, process, mirror, id: None, is_closed }));
            let calling = mirror.clone();
            let call = spawn(move || calling.status());
            wait_until(|| mirror.0.mirror.is_being_made());
            Opening { mirror, call, lock, folder }
        }

        /// Unlocks the file, so that the call that `begin` started opens it. Checks that the call fails and that the file is closed afterwards.
        /// `closing` is the thread that closes the mirror, if that blocks.
        fn check_that_it_is_closed(self, closing: Option<JoinHandle<Result<()>>>) {
            drop(self.lock);
            if let Some(closing) = closing {
                closing.join().unwrap().unwrap();
                assert!(!has_log(&self.folder), "the file was closed when the call returned");
            }
            let error = self.call.join().unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains("the mirror is closed"), "{error}");
            assert!(!has_log(&self.folder));
            std::fs::remove_dir_all(self.folder).unwrap();
        }
    }

    /// Returns whether SQLite's write-ahead log is beside the file, as it is while the file is open.
    fn has_log(folder: &Path) -> bool {
        folder.join("mirror.db-wal").exists()
    }

    #[test]
    fn close_waits_until_another_thread_has_opened_the_file_and_then_closes_it() {
        let opening = Opening::begin("close");
        let closing = opening.mirror.clone();
        let closing = spawn(move || closing.close());
        wait_until(|| opening.mirror.0.is_closed.load(Ordering::Acquire));
        opening.check_that_it_is_closed(Some(closing));
    }

    #[test]
    fn release_waits_until_another_thread_has_opened_the_file_and_then_closes_it() {
        let opening = Opening::begin("release");
        let closing = opening.mirror.clone();
        closing.end_waits();
        let closing = spawn(move || wait(closing.release()));
        opening.check_that_it_is_closed(Some(closing));
    }

    #[test]
    fn close_in_an_async_task_does_not_wait_and_the_thread_that_opens_the_file_closes_it() {
        let opening = Opening::begin("async");
        let closing = opening.mirror.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        // If this waited, it would not return: only this thread can end the lock.
        runtime.block_on(async move { closing.close() }).unwrap();
        opening.check_that_it_is_closed(None);
    }
}
