//! The handle of an open mirror, and its settings.

use super::decide::Tally;
use super::source::Source;
use crate::clock::{Clock, SystemClock};
use crate::random::{OsRandom, Random};
use crate::record::GuardSettings;
use crate::store::Store;
use crate::{Client, Error, Result, Timestamp, Webhook, WebhookBuilder};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::watch;

/// How old the last full sync may be before [`SyncMode::Auto`](crate::SyncMode::Auto) makes another.
const FULL_EVERY: Duration = Duration::from_secs(86_400);

/// Age at which changes are removed. Changes that a consumer has not acknowledged are kept longer.
const RETENTION: Duration = Duration::from_secs(30 * 86_400);

/// A durable local copy of every directory, and a feed of what changed.
///
/// Cheap to clone, and safe to use from any number of tasks at once. Its calls need a tokio runtime;
/// [`blocking::Mirror`](crate::blocking::Mirror) has the same calls for threads without one.
#[derive(Clone)]
pub struct Mirror(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    source: Option<Arc<dyn Source>>,
    /// Made when the first webhook is received, because a mirror that only syncs needs no secret.
    webhook: OnceLock<Result<Webhook>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    settings: Settings,
    /// Incremented when this process has appended changes to the feed: wakes the calls that wait for them.
    head: watch::Sender<u64>,
}

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) guard: GuardSettings,
    pub(super) full_every: Duration,
    pub(super) retention: Duration,
}

/// Settings of a [`Mirror`]; made by [`Mirror::builder`].
#[derive(Clone)]
pub struct MirrorBuilder {
    source: Option<Arc<dyn Source>>,
    webhook: Option<Webhook>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    settings: Settings,
}

impl Mirror {
    /// Opens the mirror in a file, which is created if it does not exist, and syncs it through `client`. `:memory:` keeps the mirror in
    /// memory, as long as the handle lives. Webhooks are verified with the secrets in `SCALEKIT_WEBHOOK_SECRET`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the file is not a mirror, was written by a newer version, or cannot be read and
    /// written.
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
            settings: Settings { guard: GuardSettings::default(), full_every: FULL_EVERY, retention: RETENTION },
        }
    }

    pub(super) fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    pub(super) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.0.settings
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

    /// Returns a random id for a run.
    pub(super) fn fresh_id(&self) -> String {
        format!("{:016x}", self.0.random.bits())
    }

    /// Returns a receiver that is marked as changed whenever this process has appended changes to the feed.
    pub(super) fn head(&self) -> watch::Receiver<u64> {
        self.0.head.subscribe()
    }

    /// Wakes the calls that wait for changes, if there are any changes.
    pub(super) fn notify(&self, tally: &Tally) {
        if tally.total() > 0 {
            self.wake();
        }
    }

    /// Wakes the calls that wait for changes.
    pub(super) fn wake(&self) {
        self.0.head.send_modify(|writes| *writes = writes.wrapping_add(1));
    }
}

impl MirrorBuilder {
    /// Sets the client that syncs use.
    pub fn client(self, client: Client) -> Self {
        self.source(client)
    }

    /// Sets the API that syncs list, instead of a [`Client`]: for tests with a fake API.
    pub fn source(mut self, source: impl Source) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Sets the verifier of webhooks. Default: one with the secrets in `SCALEKIT_WEBHOOK_SECRET`.
    pub fn webhook(mut self, webhook: Webhook) -> Self {
        self.webhook = Some(webhook);
        self
    }

    /// Sets how many users may be removed without approval.
    pub fn guard(mut self, guard: GuardSettings) -> Self {
        self.settings.guard = guard;
        self
    }

    /// Sets [`GuardSettings::users`] alone.
    pub fn guard_users(mut self, users: u64) -> Self {
        self.settings.guard.users = users;
        self
    }

    /// Sets [`GuardSettings::share`] alone.
    pub fn guard_share(mut self, share: f64) -> Self {
        self.settings.guard.share = share;
        self
    }

    /// Sets [`GuardSettings::events`] alone.
    pub fn guard_events(mut self, events: bool) -> Self {
        self.settings.guard.events = events;
        self
    }

    /// Sets how old the last full sync may be before [`SyncMode::Auto`](crate::SyncMode::Auto) makes another. Default: 24 hours.
    pub fn full_every(mut self, age: Duration) -> Self {
        self.settings.full_every = age;
        self
    }

    /// Sets how long changes are kept that every consumer has acknowledged. Default: 30 days.
    pub fn retention(mut self, age: Duration) -> Self {
        self.settings.retention = age;
        self
    }

    /// Sets the clock. Default: the system clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets the random source of the ids of runs. Default: the operating system.
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// Opens the mirror in a file: see [`Mirror::open`].
    ///
    /// # Errors
    ///
    /// As [`Mirror::open`].
    #[cfg(feature = "sqlite")]
    pub async fn open(self, path: impl AsRef<Path>) -> Result<Mirror> {
        let path = path.as_ref();
        if path.to_str().is_some_and(|text| text.starts_with("postgresql://") || text.starts_with("postgres://")) {
            return Err(Error::config(
                "expected the path of a SQLite file, got a PostgreSQL URL: this version stores mirrors in SQLite only",
            ));
        }
        let store = crate::store::SqliteStore::open(path)?;
        self.open_in(Arc::new(store)).await
    }

    /// Opens the mirror in a given store, and completes work that an earlier process began, such as applying a role map.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store); [`ErrorKind::Config`](crate::ErrorKind::Config) if the guard's share is not between 0
    /// and 1.
    pub async fn open_in(self, store: Arc<dyn Store>) -> Result<Mirror> {
        let share = self.settings.guard.share;
        if !(0.0..=1.0).contains(&share) {
            return Err(Error::config(format!("expected guard_share to be from 0 to 1, got {share}")));
        }
        let webhook = OnceLock::new();
        if let Some(given) = self.webhook {
            let _ = webhook.set(Ok(given));
        }
        let mirror = Mirror(Arc::new(Inner {
            store,
            source: self.source,
            webhook,
            clock: self.clock,
            random: self.random,
            settings: self.settings,
            head: watch::Sender::new(0),
        }));
        mirror.finish_chores().await?;
        Ok(mirror)
    }
}

impl std::fmt::Debug for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mirror").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for MirrorBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MirrorBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
