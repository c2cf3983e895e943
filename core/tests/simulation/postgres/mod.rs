//! The PostgreSQL store on a model of the server, for simulations of several processes.
//!
//! [`server`] models the server: transactions, locks, crashes and lost connections. [`ModelStore`] is a store on it, with the protocol of the real store,
//! `core/src/store/postgres`: the same statements in the same transactions and round trips, the same locks, and the same reaction to each failure. A
//! function here has the name and the file of the function of the real store that it corresponds to:
//!
//! | here | in the store |
//! |---|---|
//! | `client` | `database.rs`, `pool.rs`, `failure.rs` |
//! | `commit`, `group`, `load`, `lease`, `consumers`, `history`, `retention` | the files with these names |
//! | `pages` | `pages.rs`, `feed.rs` |
//!
//! Change both if you change the protocol. Statements are closures instead of SQL here, and records are stored as they are instead of JSON.
//! `user_numbers` is the default of [`Store`], which calls `users`. Opening, migrations, TLS, notifications, stores that only read,
//! and copies have no counterpart here.
//!
//! With a [`Mistake`], the store breaks one rule of the protocol, so that tests show that the simulation finds the mistake.

mod client;
mod commit;
mod consumers;
mod group;
mod history;
mod lease;
mod load;
mod pages;
pub(crate) mod server;
pub(crate) mod tables;

mod retention;
#[cfg(test)]
mod tests;

pub(crate) use client::Database;

use crate::random::SeededRandom;
use client::closed;
use headcount::mirror::{Approval, EventQuery, ParkedChange, RunQuery};
use headcount::store::{
    Committed, ConsumerRow, ConsumerWrite, DirectoryCounts, DirectoryRow, Entry, EntryPage, EventRow, EventState,
    Expiry, FeedPage, Fence, GroupRow, HistoryDay, HistoryFilter, HistoryMark, HistoryPage, HoldRow, Keys, Lease,
    PollNote, Retention, RunRow, Store, StoreFuture, TakenHistory, UserFilter, UserRow, WorkingSet, Write,
};
use headcount::{Change, Error, Result, Timestamp};
use server::{Flush, Server};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;

/// A mistake that a test makes in the protocol on purpose: the store breaks one of the protocol's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// `commit::lock` does not lock an organization.
    ScopeNotLocked,
    /// `commit::lock` does not lock the table for a write of everything.
    EverythingNotLocked,
    /// `commit::lock` does not lock a consumer.
    ConsumerNotLocked,
    /// `commit::append` takes the numbers before the commit, without keeping the lock of `counter`.
    NumbersAtStart,
    /// `commit::attempt` does not wait for the disk.
    CommitNotFlushed,
    /// `CommitId::mark_durable` does not look for the first transaction.
    MarkedWithoutLookUp,
    /// A write is repeated without `commit::find` after the connection was lost during its commit.
    RetryWithoutLookUp,
    /// `commit::decide` and `consumers::step` do not call `lease::check`.
    FenceNotChecked,
    /// `lease::select` does not lock the row.
    LeaseNotLocked,
    /// `lease::take` does not increase the token.
    TokenNotIncreased,
    /// `lease::release_one` does not name the token.
    ReleaseWithoutToken,
    /// Leases use the clock of the process.
    ClientsClock,
    /// `feed::page` and `feed::changes` read changes that are not committed.
    FeedReadsUncommitted,
    /// `feed::page` reports every change as durable.
    HandedOutUnflushed,
    /// `Changed::concerns` is false: a group decides writes about rows that it has changed, without loading these rows again.
    GroupIgnoresItsWrites,
}

/// The store of one process: `PostgresStore`.
pub(crate) struct ModelStore {
    database: Arc<Database>,
    releases: lease::Releases,
    holder: lease::Holder,
    queue: Arc<group::Queue>,
    calls: Arc<Semaphore>,
}

/// `MOST_CALLS` of the store's `mod.rs`.
const MOST_CALLS: u32 = u32::MAX >> 3;

/// How the store of a process is opened.
pub(crate) struct Settings {
    pub(crate) server: Arc<Mutex<Server>>,
    /// The number of the process.
    pub(crate) process: usize,
    pub(crate) random: SeededRandom,
    /// Whether leases use the time that the caller passes.
    pub(crate) callers_time: bool,
    pub(crate) mistake: Option<Mistake>,
}

impl ModelStore {
    /// Opens the store of a process. Must be called within the tokio runtime of the process.
    pub(crate) fn open(settings: Settings) -> ModelStore {
        ModelStore::open_again(settings, lease::Releases::new())
    }

    /// Opens the store of a process that has opened it before: it waits for the releases of the earlier one.
    fn open_again(settings: Settings, releases: lease::Releases) -> ModelStore {
        let Settings { server, process, random, callers_time, mistake } = settings;
        let database = Arc::new(Database::new(server, process, random, callers_time, mistake));
        ModelStore {
            holder: lease::Holder::new(Arc::clone(&database), releases.clone()),
            queue: Arc::new(group::Queue::new(Arc::clone(&database), releases.clone())),
            releases,
            database,
            calls: Arc::new(Semaphore::new(MOST_CALLS as usize)),
        }
    }

    pub(crate) fn database(&self) -> &Arc<Database> {
        &self.database
    }

    fn call<'a, T: 'a>(&'a self, call: impl Future<Output = Result<T>> + Send + 'a) -> StoreFuture<'a, T> {
        Box::pin(async move {
            let _running = self.calls.try_acquire().map_err(|_| closed())?;
            call.await
        })
    }

    /// `PostgresStore::load_all`.
    async fn load_all(&self, keys: Keys) -> Result<WorkingSet> {
        let mut attempts = self.database.attempts();
        loop {
            let result = async {
                let mut transaction = self.database.begin_read().await?;
                match load::load(&mut transaction, keys.clone()).await {
                    Ok(set) => transaction.end(Vec::new(), Flush::Later).await.map(|()| set),
                    Err(failure) => {
                        transaction.roll_back().await;
                        Err(failure)
                    }
                }
            };
            match result.await {
                Ok(set) => return Ok(set),
                Err(failure) => attempts.wait(failure).await?,
            }
        }
    }
}

/// Calls a decision, and returns an error if it panics.
fn catch_panic<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    let panicked = |_| Err(Error::internal("the decision of a write panicked"));
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(panicked)
}

impl Store for ModelStore {
    fn write(&self, write: Write) -> StoreFuture<'_, Committed> {
        Box::pin(async move {
            let running = Arc::clone(&self.calls).try_acquire_owned().map_err(|_| closed())?;
            group::write(&self.queue, write, running).await
        })
    }

    fn load(&self, keys: Keys) -> StoreFuture<'_, WorkingSet> {
        self.call(self.load_all(keys))
    }

    fn leavers(&self, until: Timestamp, limit: usize) -> StoreFuture<'_, Vec<UserRow>> {
        self.call(pages::leavers(&self.database, until, limit))
    }

    fn users(&self, filter: UserFilter, after: i64, limit: usize) -> StoreFuture<'_, Vec<UserRow>> {
        self.call(pages::users(&self.database, filter, after, limit))
    }

    fn groups(&self, directory_id: Option<String>, after: i64, limit: usize) -> StoreFuture<'_, Vec<GroupRow>> {
        self.call(pages::groups(&self.database, directory_id, after, limit))
    }

    fn directories(&self, organization_id: Option<String>) -> StoreFuture<'_, Vec<DirectoryRow>> {
        self.call(pages::directories(&self.database, organization_id))
    }

    fn holds(&self, organization_id: Option<String>, directory_id: Option<String>) -> StoreFuture<'_, Vec<HoldRow>> {
        self.call(pages::holds(&self.database, organization_id, directory_id))
    }

    fn approvals(&self, organization_id: Option<String>) -> StoreFuture<'_, Vec<Approval>> {
        self.call(pages::approvals(&self.database, organization_id))
    }

    fn directory_counts(&self) -> StoreFuture<'_, Vec<DirectoryCounts>> {
        self.call(pages::directory_counts(&self.database))
    }

    fn events(
        &self,
        organization_id: String,
        state: EventState,
        after: i64,
        limit: usize,
    ) -> StoreFuture<'_, Vec<(i64, EventRow)>> {
        self.call(pages::events(&self.database, organization_id, state, after, limit))
    }

    fn received_events(&self, query: EventQuery) -> StoreFuture<'_, Vec<(i64, EventRow)>> {
        self.call(pages::received_events(&self.database, query))
    }

    fn runs(&self, query: RunQuery) -> StoreFuture<'_, Vec<RunRow>> {
        self.call(pages::runs(&self.database, query))
    }

    fn feed(&self, consumer: String, after: Option<i64>, limit: usize) -> StoreFuture<'_, FeedPage> {
        self.call(pages::feed(&self.database, consumer, after, limit))
    }

    fn changes(&self, after: i64, limit: usize) -> StoreFuture<'_, Vec<Change>> {
        self.call(pages::changes(&self.database, after, limit))
    }

    fn entries(&self, after: i64, limit: usize) -> StoreFuture<'_, Vec<Entry>> {
        self.call(pages::entries(&self.database, after, limit))
    }

    fn feed_entries(&self, consumer: String, limit: usize) -> StoreFuture<'_, EntryPage> {
        self.call(pages::feed_entries(&self.database, consumer, limit))
    }

    fn history_mark(&self) -> StoreFuture<'_, Option<HistoryMark>> {
        self.call(async { history::mark(&self.database).await.map(Some) })
    }

    fn take_history(&self, taken: TakenHistory) -> StoreFuture<'_, bool> {
        self.call(async move { history::take(&self.database, &taken).await })
    }

    fn history(&self, filter: HistoryFilter, after: i64, limit: usize) -> StoreFuture<'_, HistoryPage> {
        self.call(history::select(&self.database, filter, after, limit))
    }

    fn history_days(&self, since: Timestamp) -> StoreFuture<'_, Vec<HistoryDay>> {
        self.call(history::days(&self.database, since))
    }

    fn history_of(&self, subject_ids: BTreeSet<String>, after: i64) -> StoreFuture<'_, HistoryPage> {
        self.call(history::of(&self.database, subject_ids, after))
    }

    fn consumers(&self) -> StoreFuture<'_, (Vec<(ConsumerRow, u64)>, i64)> {
        self.call(pages::consumers(&self.database))
    }

    fn update_consumer(&self, mut update: ConsumerWrite) -> StoreFuture<'_, ()> {
        self.call(async move { consumers::update(&self.database, &self.releases, &mut update).await })
    }

    fn note_poll(&self, note: PollNote) -> StoreFuture<'_, bool> {
        self.call(async move { consumers::note_poll(&self.database, &note).await })
    }

    fn drop_consumer(&self, name: String) -> StoreFuture<'_, bool> {
        self.call(consumers::delete(&self.database, name))
    }

    fn parked_changes(&self, consumer: String) -> StoreFuture<'_, Vec<ParkedChange>> {
        self.call(pages::parked_changes(&self.database, consumer))
    }

    fn drop_parked_change(&self, consumer: String, seq: i64) -> StoreFuture<'_, bool> {
        self.call(consumers::delete_parked(&self.database, consumer, seq))
    }

    fn trim(&self, retention: Retention) -> StoreFuture<'_, usize> {
        self.call(retention::trim(&self.database, retention))
    }

    fn expire_events(&self, expiry: Expiry) -> StoreFuture<'_, BTreeMap<String, u64>> {
        self.call(async move { retention::expire_events(&self.database, &expiry).await })
    }

    fn flush(&self) -> StoreFuture<'_, ()> {
        self.call(consumers::flush(&self.database))
    }

    fn lease(&self, name: String, now: Timestamp, duration: Duration) -> StoreFuture<'_, Option<Box<dyn Lease>>> {
        self.call(self.holder.take(name, now, duration))
    }

    fn leases(&self, prefix: String, now: Timestamp) -> StoreFuture<'_, Vec<Fence>> {
        self.call(lease::list(&self.database, &self.releases, prefix, now))
    }

    fn released(&self) -> StoreFuture<'_, ()> {
        Box::pin(async {
            self.releases.wait().await;
            Ok(())
        })
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(async {
            {
                let mut running = pin!(self.calls.acquire_many(MOST_CALLS));
                let _ = tokio::time::timeout(Duration::from_secs(10), &mut running).await;
                self.calls.close();
            }
            self.holder.release_all();
            self.releases.wait().await;
            Ok(())
        })
    }
}
