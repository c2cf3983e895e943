//! The mirror: a durable local copy of every directory, and a feed of what changed.
//!
//! `record` is what is kept; `source` lists, `sync` begins and a `run` reads it to its end, with `listed` for what its words come to; `receive`
//! takes what webhooks say. Both come down to a `step`, which writes rows and changes together; `diff` says what changed. `guard` holds removals back, `roles` makes roles of groups, `feed` hands changes to
//! consumers, with a `snapshot` for new ones, and `view` shows what is there.

mod diff;
mod feed;
mod guard;
mod listed;
mod receive;
mod roles;
mod run;
mod seen;
mod snapshot;
mod source;
mod step;
mod sync;
mod view;

use crate::clock::{Clock, SystemClock};
use crate::random::{OsRandom, Random};
use crate::record::GuardSettings;
use crate::store::Store;
use crate::{Client, Error, Result, Timestamp, Webhook, WebhookBuilder};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::watch;

pub use feed::MAX_POLL;
pub use source::{Source, SourceFuture, SourcePages};
pub use sync::SyncBuilder;
pub use view::MirrorUsers;

/// How long a tombstone, and the id of an event, is kept: longer than the vendor's retries, about 28 hours, with a week's margin.
const TOMBSTONES: Duration = Duration::from_secs(7 * 86_400);

/// How far the vendor's clock and ours may be apart, and how long a listing may lag behind an event.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// The cause of changes that a new role map brings about.
const ROLES_CAUSE: &str = "roles";

/// A durable local copy of every directory, and a feed of what changed.
///
/// Cheap to clone, and safe to use from any number of tasks at once. Its calls need a tokio runtime;
/// [`blocking::Mirror`](crate::blocking::Mirror) has the same ones without.
#[derive(Clone)]
pub struct Mirror(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    source: Option<Arc<dyn Source>>,
    /// Made when the first webhook comes: a mirror that only syncs needs no secret.
    webhook: OnceLock<Result<Webhook>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    settings: Settings,
    /// Moves when something was appended to the feed, for who waits.
    head: watch::Sender<u64>,
}

#[derive(Clone, Debug)]
struct Settings {
    guard: GuardSettings,
    full_every: Duration,
    retention: Duration,
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
    /// Opens the mirror in a file, which is made where there is none, and syncs it through `client`. `:memory:` is no file and ends with
    /// the mirror. Webhooks are verified with the secrets in `SCALEKIT_WEBHOOK_SECRET`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) where the file is something else, was written by a newer version, or cannot be read and
    /// written.
    #[cfg(feature = "sqlite")]
    pub async fn open(path: impl AsRef<Path>, client: Client) -> Result<Mirror> {
        Mirror::builder().client(client).open(path).await
    }

    /// Starts with the defaults: without a client, which is enough to read, to receive and to feed.
    pub fn builder() -> MirrorBuilder {
        MirrorBuilder {
            source: None,
            webhook: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
            settings: Settings {
                guard: GuardSettings::default(),
                full_every: Duration::from_secs(86_400),
                retention: Duration::from_secs(30 * 86_400),
            },
        }
    }

    fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.clock)
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    fn settings(&self) -> &Settings {
        &self.0.settings
    }

    fn source(&self) -> Result<&Arc<dyn Source>> {
        self.0
            .source
            .as_ref()
            .ok_or_else(|| Error::config("the mirror has no client to sync with: give it one when it is opened"))
    }

    fn webhook(&self) -> Result<&Webhook> {
        let made = self.0.webhook.get_or_init(|| WebhookBuilder::from_env().and_then(WebhookBuilder::build));
        made.as_ref().map_err(Clone::clone)
    }

    /// A fresh id for a run.
    fn fresh_id(&self) -> String {
        format!("{:016x}", self.0.random.bits())
    }

    fn head(&self) -> watch::Receiver<u64> {
        self.0.head.subscribe()
    }

    /// Wakes who waits for changes.
    fn tell_head(&self) {
        self.0.head.send_modify(|writes| *writes = writes.wrapping_add(1));
    }
}

impl MirrorBuilder {
    /// What syncs list with.
    pub fn client(self, client: Client) -> Self {
        self.source(client)
    }

    /// What syncs list with, where that is not a [`Client`]: a test's own directory, say.
    pub fn source(mut self, source: impl Source) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// What webhooks are verified with. The secrets in `SCALEKIT_WEBHOOK_SECRET` unless set.
    pub fn webhook(mut self, webhook: Webhook) -> Self {
        self.webhook = Some(webhook);
        self
    }

    /// How many users may go without asking.
    pub fn guard(mut self, guard: GuardSettings) -> Self {
        self.settings.guard = guard;
        self
    }

    /// How many users may always go: see [`GuardSettings::users`].
    pub fn guard_users(mut self, users: u64) -> Self {
        self.settings.guard.users = users;
        self
    }

    /// Or which share of a directory's users: see [`GuardSettings::share`].
    pub fn guard_share(mut self, share: f64) -> Self {
        self.settings.guard.share = share;
        self
    }

    /// Whether bursts of deletion events are held back: see [`GuardSettings::events`].
    pub fn guard_events(mut self, events: bool) -> Self {
        self.settings.guard.events = events;
        self
    }

    /// How old the last full sync may be before [`SyncMode::Auto`] makes another. 24 hours unless set.
    pub fn full_every(mut self, age: Duration) -> Self {
        self.settings.full_every = age;
        self
    }

    /// How long changes are kept that every consumer has acknowledged. 30 days unless set.
    pub fn retention(mut self, age: Duration) -> Self {
        self.settings.retention = age;
        self
    }

    /// The clock that tells when things were done.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Where the ids of runs come from.
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
                "this version keeps mirrors in SQLite alone: name a file in the place of the PostgreSQL URL",
            ));
        }
        let store = crate::store::SqliteStore::open(path)?;
        self.open_in(Arc::new(store)).await
    }

    /// Opens the mirror in a store of any kind, and finishes what was begun there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store); [`ErrorKind::Config`](crate::ErrorKind::Config) for a guard's share that is none.
    pub async fn open_in(self, store: Arc<dyn Store>) -> Result<Mirror> {
        let share = self.settings.guard.share;
        if !(0.0..=1.0).contains(&share) {
            return Err(Error::config(format!(
                "guard_share is {share}: expected a share of the directory from 0 to 1"
            )));
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
