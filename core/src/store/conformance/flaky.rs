//! A store that calls the decisions of writes more than once, at random.

use crate::record::{
    Approval, ConsumerRow, EventQuery, HistoryDay, HistoryMark, HoldRow, ParkedChange, RunQuery, RunRow,
};
use crate::store::copy::{Row, Table};
use crate::store::{
    Committed, ConsumerWrite, CopyPages, Decide, DecideConsumer, DirectoryCounts, DirectoryRow, Entry, EntryPage,
    ErasureRow, EventRow, EventState, Expiry, FeedPage, Fence, ForgottenRows, FoundEntries, GroupRow, HistoryFilter,
    HistoryPage, Keys, Lease, PollNote, Redaction, Retention, RowPages, Store, StoreFuture, TakenHistory, UserFilter,
    UserRow, WorkingSet, Write,
};
use crate::{Change, Error, ErrorStatus, Result, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A store for tests of decisions, which a store may call more than once. Some of its writes and updates of consumers fail after their decision was
/// called, and are repeated until they succeed. Others call their decision twice and use the second result. A seed determines which. The stored rows
/// are the same as without this wrapper.
pub struct Flaky {
    store: Arc<dyn Store>,
    random: AtomicU64,
    /// Whether a write panics if its keys have ids of users.
    panics: bool,
    /// Whether `trim` fails.
    trim_fails: bool,
    /// Called after each list of leases. If it is set, all calls of decisions have the ending [`Ending::Passes`].
    after_listing: Option<Box<dyn Fn() + Send + Sync>>,
}

/// What a wrapped decision does when it is called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Calls the decision and returns its result.
    Passes,
    /// Calls the decision and returns the error [`FAILED`], or the decision's own error.
    Fails,
    /// Calls the decision twice and returns the second result.
    IsRepeated,
}

/// Message of the errors that this module injects.
const FAILED: &str = "an injected failure";

impl Flaky {
    /// Wraps a store. `seed` determines which writes fail and which are repeated.
    pub fn new(store: Arc<dyn Store>, seed: u64) -> Flaky {
        Flaky { store, random: AtomicU64::new(seed), panics: false, trim_fails: false, after_listing: None }
    }

    /// Wraps a store so that writes panic if their keys have ids of users.
    pub fn panicking(store: Arc<dyn Store>) -> Flaky {
        Flaky { panics: true, ..Flaky::new(store, 0) }
    }

    /// Wraps a store so that [`trim`](Store::trim) fails.
    pub fn without_trim(store: Arc<dyn Store>) -> Flaky {
        Flaky { trim_fails: true, ..Flaky::new(store, 0) }
    }

    /// Wraps a store, none of whose writes fail. `then` is called whenever the [leases](Store::leases) were listed.
    pub fn after_listings(store: Arc<dyn Store>, then: impl Fn() + Send + Sync + 'static) -> Flaky {
        Flaky { after_listing: Some(Box::new(then)), ..Flaky::new(store, 0) }
    }

    /// Draws the [`Ending`] of the decision of the next write: on average, a quarter of them fail and a quarter are repeated. The random numbers are
    /// those of SplitMix64 (Steele, Lea and Flood, 2014).
    fn ending(&self) -> Ending {
        if self.after_listing.is_some() {
            return Ending::Passes;
        }
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut bits = self.random.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        match (bits ^ (bits >> 31)) % 4 {
            0 => Ending::Fails,
            1 => Ending::IsRepeated,
            _ => Ending::Passes,
        }
    }
}

/// Returns whether an error was injected by this module.
fn is_injected(error: &Error) -> bool {
    error.status() == ErrorStatus::Temporary && error.message() == FAILED
}

type Decider<I, O> = Box<dyn FnMut(I) -> Result<O> + Send>;

/// Wraps a decision so that each of its calls has this [`Ending`].
fn unreliable<I: Clone + 'static, O: 'static>(decide: &Arc<Mutex<Decider<I, O>>>, ending: Ending) -> Decider<I, O> {
    let decide = Arc::clone(decide);
    Box::new(move |state| {
        let mut decide = decide.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match ending {
            Ending::Passes => decide(state),
            Ending::IsRepeated => {
                let _ = decide(state.clone());
                decide(state)
            }
            Ending::Fails => {
                decide(state)?;
                Err(Error::store(FAILED).temporary())
            }
        }
    })
}

#[warn(clippy::missing_trait_methods, reason = "a default would not call the wrapped store")]
impl Store for Flaky {
    fn write(&self, write: Write) -> StoreFuture<'_, Committed> {
        Box::pin(async move {
            assert!(!self.panics || write.keys.users.is_empty(), "the store panicked");
            let Write { scope, durability, fence, now, keys, decide } = write;
            let decide: Arc<Mutex<Decide>> = Arc::new(Mutex::new(decide));
            loop {
                let write = Write {
                    scope: scope.clone(),
                    durability,
                    fence: fence.clone(),
                    now,
                    keys: keys.clone(),
                    decide: unreliable(&decide, self.ending()),
                };
                match self.store.write(write).await {
                    Err(error) if is_injected(&error) => {}
                    result => return result,
                }
            }
        })
    }

    fn update_consumer(&self, update: ConsumerWrite) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let ConsumerWrite { name, durability, fence, now, decide } = update;
            let decide: Arc<Mutex<DecideConsumer>> = Arc::new(Mutex::new(decide));
            loop {
                let update = ConsumerWrite {
                    name: name.clone(),
                    durability,
                    fence: fence.clone(),
                    now,
                    decide: unreliable(&decide, self.ending()),
                };
                match self.store.update_consumer(update).await {
                    Err(error) if is_injected(&error) => {}
                    result => return result,
                }
            }
        })
    }

    fn note_poll(&self, note: PollNote) -> StoreFuture<'_, bool> {
        self.store.note_poll(note)
    }

    fn load(&self, keys: Keys) -> StoreFuture<'_, WorkingSet> {
        self.store.load(keys)
    }

    fn users(&self, filter: UserFilter, after: i64, limit: usize) -> StoreFuture<'_, Vec<UserRow>> {
        self.store.users(filter, after, limit)
    }

    fn user_numbers(&self, directory_id: String, after: i64, limit: usize) -> StoreFuture<'_, Vec<i64>> {
        self.store.user_numbers(directory_id, after, limit)
    }

    fn leavers(&self, until: Timestamp, limit: usize) -> StoreFuture<'_, Vec<UserRow>> {
        self.store.leavers(until, limit)
    }

    fn live_users(&self, ids: Vec<String>) -> StoreFuture<'_, Vec<String>> {
        self.store.live_users(ids)
    }

    fn groups(&self, directory_id: Option<String>, after: i64, limit: usize) -> StoreFuture<'_, Vec<GroupRow>> {
        self.store.groups(directory_id, after, limit)
    }

    fn directories(&self, organization_id: Option<String>) -> StoreFuture<'_, Vec<DirectoryRow>> {
        self.store.directories(organization_id)
    }

    fn holds(&self, organization_id: Option<String>, directory_id: Option<String>) -> StoreFuture<'_, Vec<HoldRow>> {
        self.store.holds(organization_id, directory_id)
    }

    fn approvals(&self, organization_id: Option<String>) -> StoreFuture<'_, Vec<Approval>> {
        self.store.approvals(organization_id)
    }

    fn received_events(&self, query: EventQuery) -> StoreFuture<'_, Vec<(i64, EventRow)>> {
        self.store.received_events(query)
    }

    fn runs(&self, query: RunQuery) -> StoreFuture<'_, Vec<RunRow>> {
        self.store.runs(query)
    }

    fn directory_counts(&self) -> StoreFuture<'_, Vec<DirectoryCounts>> {
        self.store.directory_counts()
    }

    fn events(
        &self,
        organization_id: String,
        state: EventState,
        after: i64,
        limit: usize,
    ) -> StoreFuture<'_, Vec<(i64, EventRow)>> {
        self.store.events(organization_id, state, after, limit)
    }

    fn feed(&self, consumer: String, after: Option<i64>, limit: usize) -> StoreFuture<'_, FeedPage> {
        self.store.feed(consumer, after, limit)
    }

    fn changes(&self, after: i64, limit: usize) -> StoreFuture<'_, Vec<Change>> {
        self.store.changes(after, limit)
    }

    fn entries(&self, after: i64, limit: usize) -> StoreFuture<'_, Vec<Entry>> {
        self.store.entries(after, limit)
    }

    fn feed_entries(&self, consumer: String, limit: usize) -> StoreFuture<'_, EntryPage> {
        self.store.feed_entries(consumer, limit)
    }

    fn history_mark(&self) -> StoreFuture<'_, Option<HistoryMark>> {
        self.store.history_mark()
    }

    fn take_history(&self, taken: TakenHistory) -> StoreFuture<'_, bool> {
        self.store.take_history(taken)
    }

    fn history(&self, filter: HistoryFilter, after: i64, limit: usize) -> StoreFuture<'_, HistoryPage> {
        self.store.history(filter, after, limit)
    }

    fn history_of(&self, subject_ids: BTreeSet<String>, after: i64) -> StoreFuture<'_, HistoryPage> {
        self.store.history_of(subject_ids, after)
    }

    fn history_days(&self, since: Timestamp) -> StoreFuture<'_, Vec<HistoryDay>> {
        self.store.history_days(since)
    }

    fn open_erasures(&self, limit: usize) -> StoreFuture<'_, Vec<ErasureRow>> {
        self.store.open_erasures(limit)
    }

    fn entries_of_user(&self, user_id: String, after: i64, limit: usize) -> StoreFuture<'_, FoundEntries> {
        self.store.entries_of_user(user_id, after, limit)
    }

    fn redact(&self, redaction: Redaction) -> StoreFuture<'_, ()> {
        self.store.redact(redaction)
    }

    fn entries_of_organization(
        &self,
        organization_id: String,
        after: i64,
        limit: usize,
    ) -> StoreFuture<'_, FoundEntries> {
        self.store.entries_of_organization(organization_id, after, limit)
    }

    fn forget_organization(&self, organization_id: String, limit: usize) -> StoreFuture<'_, ForgottenRows> {
        self.store.forget_organization(organization_id, limit)
    }

    fn forget_user(&self, user_id: String, mark: String, limit: usize) -> StoreFuture<'_, usize> {
        self.store.forget_user(user_id, mark, limit)
    }

    fn purge(&self) -> StoreFuture<'_, bool> {
        self.store.purge()
    }

    fn consumers(&self) -> StoreFuture<'_, (Vec<(ConsumerRow, u64)>, i64)> {
        self.store.consumers()
    }

    fn drop_consumer(&self, name: String) -> StoreFuture<'_, bool> {
        self.store.drop_consumer(name)
    }

    fn parked_changes(&self, consumer: String) -> StoreFuture<'_, Vec<ParkedChange>> {
        self.store.parked_changes(consumer)
    }

    fn drop_parked_change(&self, consumer: String, seq: i64) -> StoreFuture<'_, bool> {
        self.store.drop_parked_change(consumer, seq)
    }

    fn trim(&self, retention: Retention) -> StoreFuture<'_, usize> {
        if self.trim_fails {
            return Box::pin(async { Err(Error::store("the rows cannot be removed")) });
        }
        self.store.trim(retention)
    }

    fn expire_events(&self, expiry: Expiry) -> StoreFuture<'_, BTreeMap<String, u64>> {
        self.store.expire_events(expiry)
    }

    fn flush(&self) -> StoreFuture<'_, ()> {
        self.store.flush()
    }

    fn shrink(&self, always: bool) -> StoreFuture<'_, ()> {
        self.store.shrink(always)
    }

    fn lease(&self, name: String, now: Timestamp, duration: Duration) -> StoreFuture<'_, Option<Box<dyn Lease>>> {
        self.store.lease(name, now, duration)
    }

    fn released(&self) -> StoreFuture<'_, ()> {
        self.store.released()
    }

    fn leases(&self, prefix: String, now: Timestamp) -> StoreFuture<'_, Vec<Fence>> {
        Box::pin(async move {
            let listed = self.store.leases(prefix, now).await;
            self.after_listing.iter().for_each(|then| then());
            listed
        })
    }

    fn appended(&self) -> Option<tokio::sync::watch::Receiver<u64>> {
        self.store.appended()
    }

    fn is_read_only(&self) -> bool {
        self.store.is_read_only()
    }

    fn dump(&self, table: &'static Table, after: Option<Row>) -> StoreFuture<'_, Vec<Row>> {
        self.store.dump(table, after)
    }

    fn restore(&self, pages: Box<dyn CopyPages>) -> StoreFuture<'_, ()> {
        self.store.restore(pages)
    }

    fn dump_organization(&self, organization_id: String) -> StoreFuture<'_, Box<dyn RowPages + '_>> {
        self.store.dump_organization(organization_id)
    }

    fn backup(&self, path: PathBuf) -> StoreFuture<'_, ()> {
        self.store.backup(path)
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        self.store.close()
    }
}
