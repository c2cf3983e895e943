//! The handle of an open mirror, and its settings.

use super::counters::Counters;
use super::decide::Tally;
use super::exclusive::{ExclusiveLease, ExclusiveLeases};
use super::moments::Moments;
#[cfg(feature = "sqlite")]
use super::place::{DatabaseOptions, open_store};
use super::polls::Polls;
use super::source::Source;
use super::tasks::Tasks;
use super::write::{Task, run};
use crate::clock::{Clock, SystemClock};
use crate::random::{OsRandom, Random};
use crate::record::{GuardSettings, MirrorOptions, MirrorSettings, UserFields};
use crate::store::{Durability, Keys, Scope, Store};
use crate::{Client, Error, ErrorKind, Result, Timestamp, Webhook, WebhookBuilder};
use std::future::Future;
#[cfg(feature = "sqlite")]
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A durable local copy of every directory, and a feed of what changed.
///
/// Cheap to clone, and safe to use from any number of tasks at once. Its calls need a tokio runtime;
/// `headcount::blocking::Mirror` has the same calls for threads without one.
///
/// # Examples
///
/// ```no_run
/// # async fn run(headers: Vec<(String, String)>, body: Vec<u8>) -> headcount::Result<()> {
/// let client = headcount::Client::from_env()?;
/// let mirror = headcount::Mirror::open("headcount.db", client).await?;
/// for report in mirror.sync("org_1").await? {
///     println!("{}: {}", report.directory_id, report.outcome);
/// }
/// mirror.receive(&headers, &body).await?; // in a webhook endpoint
/// let changes = mirror.changes("provisioner", None);
/// while let Some(change) = changes.next().await? {
///     println!("{} {:?}", change.kind, change.user);
///     changes.ack(change.seq).await?;
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Mirror(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    source: Option<Arc<dyn Source>>,
    /// Made when the first webhook is received, because a mirror that only syncs needs no secret.
    webhook: OnceLock<Result<Webhook>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// The settings that the handle was opened with. Those that apply are in the store.
    asked: MirrorOptions,
    /// The mirror's id. Set when the handle is opened, unless the store has none and is read-only.
    id: OnceLock<String>,
    /// Time at which the handle was opened.
    opened_at: Timestamp,
    counters: Counters,
    moments: Moments,
    /// The leases of the iterators over changes.
    exclusive: Arc<ExclusiveLeases>,
    polls: Polls,
    /// Incremented by [`wake`](Mirror::wake): wakes the calls that wait for changes.
    head: watch::Sender<u64>,
    /// Set by the first wait for changes: see [`listen`](Mirror::listen).
    listens: OnceLock<()>,
    /// How often a waiting consumer looks for changes.
    look: Duration,
    /// Incremented when a worker of this handle has released partitions, or a consumer was reset: workers then look at the consumer's row.
    shares: watch::Sender<u64>,
    /// Cancelled by [`Mirror::close`].
    closed: CancellationToken,
    /// The tasks of calls of this handle.
    tasks: Tasks,
    /// Whether the store is the temporary copy of a plan.
    is_plan: bool,
}

/// Opens a [`Mirror`]; made by [`Mirror::builder`].
///
/// The settings in [`MirrorOptions`] are kept in the store, so that all processes that use it have the same. A setting that is not set here has the
/// value in the store, or the default if the store has none. A setting that is set here is stored if the store does not have it yet. If the store has
/// another value, that value stays in effect, a warning is logged, and [`Mirror::settings`] lists the setting as ignored: [`Mirror::configure`]
/// changes it.
#[derive(Clone)]
pub struct MirrorBuilder {
    source: Option<Arc<dyn Source>>,
    webhook: Option<Webhook>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    options: MirrorOptions,
    look: Duration,
    /// The options for a mirror in a PostgreSQL database.
    #[cfg(feature = "sqlite")]
    database: DatabaseOptions,
}

/// How often a waiting consumer looks for changes that another process or another handle of the mirror has appended. Changes that its own handle
/// or a clone of it appends wake it at once, and so do those of which the store tells it ([`Store::appended`]).
const LOOK: Duration = Duration::from_millis(500);

impl Mirror {
    /// Opens the mirror in a file, which is created if it does not exist, and syncs it through `client`. `:memory:` keeps the mirror in memory,
    /// as long as the handle exists. Webhooks are verified with the secrets in `SCALEKIT_WEBHOOK_SECRET`.
    ///
    /// With the feature `postgres`, `path` may be the URL of a database, `postgresql://user@host/database`: see
    /// `PostgresStore::connect`. Any number of machines may use it at once.
    ///
    /// A separate thread opens the file, so that the executor is not blocked while another process has the file locked.
    ///
    /// The future may be dropped: the file may then have been created, and is closed again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the file is not a mirror, was written by a newer version, or cannot be read and
    /// written; [`ErrorKind::Config`](crate::ErrorKind::Config) if `path` is a URL of another kind.
    #[cfg(feature = "sqlite")]
    pub async fn open(path: impl AsRef<Path>, client: Client) -> Result<Mirror> {
        Mirror::builder().client(client).open(path).await
    }

    /// Starts with the default settings and no client. Without a client the mirror can be read, receives webhooks and has a feed, but cannot
    /// sync.
    pub fn builder() -> MirrorBuilder {
        MirrorBuilder {
            source: None,
            webhook: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
            options: MirrorOptions::default(),
            look: LOOK,
            #[cfg(feature = "sqlite")]
            database: DatabaseOptions::default(),
        }
    }

    /// Returns the id of the mirror's store: a random UUID that the store gets when a handle that may write first opens it. All handles of one store have
    /// the same id, and so does a copy that `copy_to` makes. An application that keeps numbers of changes elsewhere can store the id with them: if it later
    /// finds another id, its numbers belong to another feed. `None` if the store has no id and this handle may only read it.
    pub fn id(&self) -> Option<&str> {
        self.0.id.get().map(String::as_str)
    }

    /// Closes the mirror and its store.
    ///
    /// The call itself, before its future is awaited, ends the syncs and the waits for changes of this handle and its clones: they fail with
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled), and [`Changes`](crate::mirror::Changes) end. What syncs have written stays. The future
    /// completes the writes that other calls have queued, releases the leases, closes the file or the connections and returns.
    ///
    /// Later calls fail: waits and syncs with [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled), others with
    /// [`ErrorKind::Store`](crate::ErrorKind::Store). A call that is running fails at its next use of the store.
    ///
    /// If this is not called, the mirror is closed when its last clone is dropped. Within a tokio runtime, another thread then closes the file, so
    /// that the executor is not blocked, and opening the file again in this process waits for that. Call this before another process starts to
    /// sync the same directories, and before this process ends, so that SQLite moves its log into the file.
    ///
    /// The future may be dropped: waits and syncs have ended then. The file is closed in the background if the future was polled, and otherwise when
    /// the last clone is dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if a store of the application cannot be closed. The stores of this crate return no error.
    pub fn close(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        self.end_waits();
        let store = Arc::clone(self.store());
        async move { store.close().await }
    }

    /// Ends waits and syncs, as [`close`](Mirror::close) does, and leaves the store open. For bindings, whose other calls are completed first.
    #[doc(hidden)]
    pub fn end_waits(&self) {
        self.0.closed.cancel();
        self.0.exclusive.release_all();
    }

    /// Drops this handle. If it was the last one, and no iterator uses the store, waits until the store is closed. For bindings, which end the waits
    /// and syncs before.
    #[doc(hidden)]
    pub async fn release(self) -> Result<()> {
        // A sync that was cancelled has dropped its handle, but a task of it may still write.
        self.0.tasks.ended().await;
        if Arc::strong_count(&self.0) > 1 {
            // An iterator that still exists keeps the store open. Its lease is released in the background; listing leases waits for that, so that another
            // mirror, which is opened after this, can take it.
            let _ = self.store().leases(String::new(), self.now()).await;
        }
        match Arc::into_inner(self.0) {
            Some(Inner { store, .. }) if Arc::strong_count(&store) == 1 => store.close().await,
            _ => Ok(()),
        }
    }

    /// Returns whether [`close`](Mirror::close) was called on this handle or a clone.
    pub fn is_closed(&self) -> bool {
        self.0.closed.is_cancelled()
    }

    /// Runs `call` until it is done or the mirror is closed.
    pub(super) async fn until_closed<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        match self.0.closed.run_until_cancelled(call).await {
            // If the mirror was closed meanwhile, the call may have failed because of that, so the error below is returned instead.
            Some(result) if result.is_ok() || !self.is_closed() => result,
            _ => Err(Error::new(ErrorKind::Cancelled, "the mirror was closed: open another one")),
        }
    }

    /// Returns the settings in effect, and those that this handle was opened with and that are not in effect.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn settings(&self) -> Result<MirrorSettings> {
        let stored = self.store().load(Keys::default()).await?.settings;
        Ok(MirrorSettings { ignored: stored.ignored(&self.0.asked), ..stored.in_force() })
    }

    /// Changes settings, for all processes that use the store: each reads them with its next write. An option that is `None` leaves its
    /// setting unchanged.
    ///
    /// With fewer [`fields`](MirrorOptions::fields) than before, the others are deleted from the rows of all users before this returns.
    ///
    /// The future may be dropped: the settings are then stored as a whole or not at all. If fields have to be deleted from rows, that is completed when the
    /// mirror is next opened or synced.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if the guard's share is not from 0 to 1, its window is 0, or the grace of deletions
    /// is longer than ten years;
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn configure(&self, options: MirrorOptions) -> Result<()> {
        match options.refusal() {
            Some(refusal) => Err(Error::invalid_argument(refusal)),
            None => {
                let may_scrub = options.fields.is_some();
                self.store_settings(move |stored| options.or(stored)).await?;
                // Another list of fields makes a chore.
                if may_scrub { self.finish_chores().await } else { Ok(()) }
            }
        }
    }

    /// Stores the settings of this handle that the store does not have, and logs those that the store has with other values.
    async fn settle_settings(&self) -> Result<()> {
        let asked = self.0.asked.clone();
        if asked == MirrorOptions::default() {
            return Ok(());
        }
        if !self.store().is_read_only() {
            self.store_settings(move |stored| stored.or(&asked)).await?;
        }
        for setting in self.settings().await?.ignored {
            tracing::warn!(
                target: "headcount",
                setting = setting.name,
                stored = setting.stored,
                asked = setting.asked,
                "a setting of this handle is ignored, since the store has another value: change it with `configure`"
            );
        }
        Ok(())
    }

    /// Reads the mirror's id, and stores a new one if there is none.
    async fn settle_id(&self) -> Result<()> {
        let mut id = self.store().load(Keys::default()).await?.mirror_id;
        if id.is_none() && !self.store().is_read_only() {
            let fresh = random_uuid(&*self.0.random);
            let stored = run(self.store(), self.settings_task(), move |step| {
                // Another process may have stored one meanwhile.
                if let Some(id) = step.stored_mirror_id() {
                    return Ok(id.to_owned());
                }
                step.batch().mirror_id = Some(fresh.clone());
                Ok(fresh.clone())
            });
            id = Some(stored.await?.value);
        }
        if let Some(id) = id {
            let _ = self.0.id.set(id);
        }
        Ok(())
    }

    async fn store_settings(&self, change: impl Fn(&MirrorOptions) -> MirrorOptions + Send + 'static) -> Result<()> {
        run(self.store(), self.settings_task(), move |step| {
            let settings = change(step.stored_settings());
            step.put_settings(settings);
            Ok(())
        })
        .await
        .map(drop)
    }

    /// Returns a mirror that runs the sync of a plan in a temporary store. It ends when this mirror is closed.
    #[cfg(feature = "sqlite")]
    pub(super) fn planning(&self, store: Arc<dyn Store>, source: Arc<dyn Source>) -> Mirror {
        let settings = MirrorBuilder {
            source: Some(source),
            clock: Arc::clone(&self.0.clock),
            random: Arc::clone(&self.0.random),
            look: self.0.look,
            ..Mirror::builder()
        };
        let closed = self.0.closed.child_token();
        Mirror(Arc::new(Inner { id: self.0.id.clone(), closed, is_plan: true, ..settings.inner(store) }))
    }

    /// Returns whether this mirror runs the sync of a plan: it then logs nothing about rows, because they do not change.
    pub(super) fn is_plan(&self) -> bool {
        self.0.is_plan
    }

    /// Makes the inputs of a step that changes what the application itself sets. Without keys, it can change settings and no other rows.
    pub(super) fn settings_task(&self) -> Task {
        Task {
            scope: Scope::Everything,
            durability: Durability::Power,
            fence: None,
            guarded: false,
            keys: Keys::default(),
            cause: String::new(),
            now: self.now(),
        }
    }

    pub(super) fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// Returns the lease of this name, which all users of this handle share, or `None` if another handle has it.
    pub(super) async fn exclusive_lease(&self, name: String) -> Result<Option<Arc<ExclusiveLease>>> {
        let Inner { exclusive, store, clock, closed, tasks, .. } = &*self.0;
        exclusive.take(name, store, clock, closed, tasks).await
    }

    /// The tasks of calls of this handle. Each task that uses the store has to be [counted](Tasks::counted).
    pub(super) fn tasks(&self) -> &Tasks {
        &self.0.tasks
    }

    /// Returns the token that [`close`](Mirror::close) cancels.
    pub(super) fn closing(&self) -> CancellationToken {
        self.0.closed.clone()
    }

    /// Returns what this handle and its clones have counted.
    pub(super) fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// Returns what polls of this handle have returned.
    pub(super) fn polls(&self) -> &Polls {
        &self.0.polls
    }

    pub(super) fn moments(&self) -> &Moments {
        &self.0.moments
    }

    pub(super) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Returns the time at which the handle was opened.
    pub(super) fn opened_at(&self) -> Timestamp {
        self.0.opened_at
    }

    pub(super) fn source(&self) -> Result<&Arc<dyn Source>> {
        self.0
            .source
            .as_ref()
            .ok_or_else(|| Error::config("the mirror has no client to sync with: pass one when it is opened"))
    }

    pub(super) fn webhook(&self) -> Result<&Webhook> {
        let made = self.0.webhook.get_or_init(|| WebhookBuilder::from_env().and_then(WebhookBuilder::build));
        made.as_ref().map_err(Clone::clone)
    }

    /// Returns a random id, 16 hexadecimal digits, for a run, an approval or a retirement.
    pub(super) fn fresh_id(&self) -> String {
        format!("{:016x}", self.0.random.bits())
    }

    /// Returns 64 random bits.
    pub(super) fn random_bits(&self) -> u64 {
        self.0.random.bits()
    }

    /// Returns a receiver that is marked as changed by each call of [`wake`](Mirror::wake) on this handle or a clone.
    pub(super) fn head(&self) -> watch::Receiver<u64> {
        self.0.head.subscribe()
    }

    /// Returns a receiver that is marked as changed whenever workers of this handle have to look at their consumer's row.
    pub(super) fn shares(&self) -> watch::Receiver<u64> {
        self.0.shares.subscribe()
    }

    /// Has the workers of this handle look at their consumer's row.
    pub(super) fn wake_workers(&self) {
        self.0.shares.send_modify(|times| *times = times.wrapping_add(1));
    }

    /// Has the store tell this handle of changes that other processes append, if it can. Called before each wait for changes; calls after the first one
    /// do nothing.
    pub(super) fn listen(&self) {
        self.0.listens.get_or_init(|| {
            let Some(mut appended) = self.store().appended() else { return };
            // A weak reference, so that the task does not keep the store open.
            let mirror = Arc::downgrade(&self.0);
            tokio::spawn(async move {
                while appended.changed().await.is_ok() {
                    let Some(inner) = mirror.upgrade() else { return };
                    Mirror(inner).wake();
                }
            });
        });
    }

    /// How often a waiting consumer looks for changes that another process or another handle has appended.
    pub(super) fn look(&self) -> Duration {
        self.0.look
    }

    /// Wakes the calls that wait for changes, if `tally` has any changes.
    pub(super) fn notify(&self, tally: &Tally) {
        if tally.total() > 0 {
            self.wake();
        }
    }

    /// Wakes the calls that wait for changes on this handle and its clones.
    pub(super) fn wake(&self) {
        self.0.head.send_modify(|writes| *writes = writes.wrapping_add(1));
    }
}

impl MirrorBuilder {
    /// Sets the client that syncs use.
    pub fn client(self, client: Client) -> Self {
        self.source(client)
    }

    /// Sets the source from which syncs read listings, instead of a [`Client`]: for tests with a fake API.
    pub fn source(mut self, source: impl Source) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Sets the verifier of webhooks. Default: one with the secrets in `SCALEKIT_WEBHOOK_SECRET`.
    pub fn webhook(mut self, webhook: Webhook) -> Self {
        self.webhook = Some(webhook);
        self
    }

    /// Sets how many users may lose access without approval: all of the guard's settings.
    pub fn guard(mut self, guard: GuardSettings) -> Self {
        let GuardSettings { users, share, events, window } = guard;
        self.options.guard_users = Some(users);
        self.options.guard_share = Some(share);
        self.options.guard_events = Some(events);
        self.options.guard_window = Some(window);
        self
    }

    /// Sets [`GuardSettings::users`], and leaves the guard's other settings as they are.
    pub fn guard_users(mut self, users: u64) -> Self {
        self.options.guard_users = Some(users);
        self
    }

    /// Sets [`GuardSettings::share`], and leaves the guard's other settings as they are.
    pub fn guard_share(mut self, share: f64) -> Self {
        self.options.guard_share = Some(share);
        self
    }

    /// Sets [`GuardSettings::events`], and leaves the guard's other settings as they are.
    pub fn guard_events(mut self, events: bool) -> Self {
        self.options.guard_events = Some(events);
        self
    }

    /// Sets [`GuardSettings::window`], and leaves the guard's other settings as they are.
    pub fn guard_window(mut self, window: Duration) -> Self {
        self.options.guard_window = Some(window);
        self
    }

    /// Sets how old the last full sync may be before [`SyncMode::Auto`](crate::mirror::SyncMode::Auto) makes another. Default: 24 hours.
    pub fn full_every(mut self, age: Duration) -> Self {
        self.options.full_every = Some(age);
        self
    }

    /// Sets how long changes are kept that every consumer has acknowledged. Default: 30 days.
    pub fn retention(mut self, age: Duration) -> Self {
        self.options.retention = Some(age);
        self
    }

    /// Sets how long the [history](Mirror::history) is kept; 0 for none. Default: 400 days.
    pub fn history(mut self, age: Duration) -> Self {
        self.options.history = Some(age);
        self
    }

    /// Sets how long after they left users are deleted, unless they return. A user whom the directory no longer has is then deactivated at once
    /// ([`UserDeactivated`](crate::ChangeKind::UserDeactivated)), with the time of the deletion in [`MirrorUser::deletes_at`](crate::MirrorUser::deletes_at), and
    /// keeps groups and roles. A user who returns before that time is reactivated, with the same
    /// [`linked_id`](crate::MirrorUser::linked_id). Later the user is deleted ([`UserDeleted`](crate::ChangeKind::UserDeleted)), with the cause of the
    /// deactivation, by the next sync or by [`receive`](Mirror::receive) or [`trim`](Mirror::trim) of any process. The guard counts the deactivation, and not the
    /// deletion. A changed grace applies to users who leave later. More than 0, and at most ten years. Default: users are deleted at once.
    pub fn deletion_grace(mut self, grace: Duration) -> Self {
        self.options.deletion_grace = Some(grace);
        self
    }

    /// Sets after how long without a poll or an acknowledgement a consumer expires, so that it no longer prevents the removal of changes; `None` for
    /// never. Default: 30 days; at least two hours. Without an expiry, a consumer that polled only once, for example under a mistyped name, would
    /// prevent the removal of every later change.
    pub fn consumer_expiry(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.options.consumer_expiry = Some(age.into().unwrap_or(Duration::ZERO));
        self
    }

    /// Sets which personal fields of users are stored, such as `email`: an allow-list. Fields that are not listed are not stored: not in rows, the feed, the
    /// history or pending events. Default: all.
    ///
    /// Without `email`, users are not found by their address, a person who is hired again is not recognized, and a full sync does not order the deletion of a
    /// user before the creation of another one with the same address. If the store has rows with other fields, these are deleted from the rows when the mirror is
    /// opened. Changes, the history and pending events that were stored before keep them until they are removed because of their age.
    pub fn fields(mut self, fields: UserFields) -> Self {
        self.options.fields = Some(fields);
        self
    }

    /// Sets all settings that `options` has; the others stay as they are.
    pub fn settings(mut self, options: MirrorOptions) -> Self {
        self.options = options.or(&self.options);
        self
    }

    /// Sets the clock. Default: the system clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets the random source of the ids of runs, approvals and retirements. Default: the operating system.
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// Sets how often a waiting consumer looks for changes that another process or another handle of the mirror has appended: for tests of what wakes it
    /// before that. Default: half a second.
    #[cfg(feature = "store-testing")]
    pub fn look_every(mut self, interval: Duration) -> Self {
        self.look = interval;
        self
    }

    /// Sets the name of the schema that has the mirror's tables, for a mirror in a PostgreSQL database: lower-case letters, digits and underscores. It is
    /// created if there is none. Default: `headcount`.
    #[cfg(all(feature = "sqlite", feature = "postgres"))]
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.database.schema = Some(name.into());
        self
    }

    /// Sets the maximum number of connections that this handle has open at once, at least 1, for a mirror in a PostgreSQL database: see `PostgresOptions::connections`.
    /// Default: 10.
    #[cfg(all(feature = "sqlite", feature = "postgres"))]
    pub fn connections(mut self, most: usize) -> Self {
        self.database.connections = Some(most);
        self
    }

    /// Sets how long a call waits for another transaction, or for a free connection, before it fails, for a mirror in a PostgreSQL database: at least 1
    /// millisecond. See `PostgresOptions::lock_timeout`. Default: 10 seconds.
    #[cfg(all(feature = "sqlite", feature = "postgres"))]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.database.lock_timeout = Some(timeout);
        self
    }

    /// Sets how long a statement may take before the call fails, for a mirror in a PostgreSQL database: at least 1 millisecond. See
    /// `PostgresOptions::statement_timeout`. Default: 60 seconds.
    #[cfg(all(feature = "sqlite", feature = "postgres"))]
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.database.statement_timeout = Some(timeout);
        self
    }

    /// Sets whether statements are prepared, for a mirror in a PostgreSQL database: faster, but it does not work through a pooler in transaction mode that
    /// does not support prepared statements. See `PostgresOptions::prepared_statements`. Default: false.
    #[cfg(all(feature = "sqlite", feature = "postgres"))]
    pub fn prepared_statements(mut self, prepared: bool) -> Self {
        self.database.prepared_statements = Some(prepared);
        self
    }

    /// Opens the mirror in a file, or in a PostgreSQL database if `path` begins with `postgresql://` or `postgres://`: see [`Mirror::open`].
    ///
    /// The future may be dropped: the file may then have been created, and is closed again.
    ///
    /// # Errors
    ///
    /// As [`Mirror::open`]; [`ErrorKind::Config`](crate::ErrorKind::Config) if an option for PostgreSQL is set for a file or has a value that cannot be
    /// used, and as [`open_in`](MirrorBuilder::open_in).
    #[cfg(feature = "sqlite")]
    pub async fn open(self, path: impl AsRef<Path>) -> Result<Mirror> {
        let store = open_store(path.as_ref(), self.database.clone()).await?;
        self.open_in(store).await
    }

    /// Opens the mirror in a given store, and completes work that an earlier process began, such as applying a role map. The options for PostgreSQL have
    /// no effect: the store was opened with its own.
    ///
    /// The future may be dropped: the settings of this handle may then have been stored, and an earlier process's work continued.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store); [`ErrorKind::Config`](crate::ErrorKind::Config) if the guard's share is not from 0 to 1,
    /// its window is 0, or the grace of deletions is 0 or longer than ten years.
    pub async fn open_in(self, store: Arc<dyn Store>) -> Result<Mirror> {
        if let Some(refusal) = self.options.refusal_to_open() {
            return Err(Error::config(refusal));
        }
        let mirror = Mirror(Arc::new(self.inner(store)));
        mirror.settle_id().await?;
        mirror.settle_settings().await?;
        if !mirror.store().is_read_only() {
            mirror.finish_chores().await?;
            mirror.finish_interrupted().await?;
        }
        Ok(mirror)
    }

    /// Makes what the handles of a mirror in this store share.
    fn inner(self, store: Arc<dyn Store>) -> Inner {
        let webhook = OnceLock::new();
        if let Some(given) = self.webhook {
            let _ = webhook.set(Ok(given));
        }
        Inner {
            store,
            opened_at: self.clock.now(),
            source: self.source,
            webhook,
            clock: self.clock,
            random: self.random,
            asked: self.options,
            id: OnceLock::new(),
            counters: Counters::new(),
            moments: Moments::new(),
            exclusive: Arc::default(),
            polls: Polls::default(),
            head: watch::Sender::new(0),
            listens: OnceLock::new(),
            look: self.look,
            shares: watch::Sender::new(0),
            closed: CancellationToken::new(),
            tasks: Tasks::new(),
            is_plan: false,
        }
    }
}

/// Makes a random UUID (version 4 of RFC 9562).
fn random_uuid(random: &dyn Random) -> String {
    let (high, low) = (random.bits(), random.bits());
    let third = high & 0xfff | 0x4000;
    let fourth = low >> 48 & 0x3fff | 0x8000;
    format!("{:08x}-{:04x}-{third:04x}-{fourth:04x}-{:012x}", high >> 32, high >> 16 & 0xffff, low & 0xffff_ffff_ffff)
}

impl std::fmt::Debug for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mirror").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for MirrorBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MirrorBuilder").field("options", &self.options).finish_non_exhaustive()
    }
}
