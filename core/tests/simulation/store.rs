//! A store that simulates a crash of the process: it may fail before or after a write, and then fails every call. Its committed writes stay
//! in the store that it wraps, the simulated disk.

use super::random::SeededRandom;
use headcount::store::{
    Committed, DecideConsumer, DirectoryCounts, DirectoryRow, Durability, EventRow, EventState, Expiry, FeedPage,
    GroupRow, Keys, Lease, Retention, Store, StoreFuture, UserFilter, UserRow, WorkingSet, Write,
};
use headcount::{Change, Error, ParkedChange, Result, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(crate) struct CrashingStore {
    disk: Arc<dyn Store>,
    random: SeededRandom,
    running: AtomicBool,
    never_crashes: AtomicBool,
}

impl CrashingStore {
    pub(crate) fn new(disk: Arc<dyn Store>, random: SeededRandom) -> CrashingStore {
        CrashingStore { disk, random, running: AtomicBool::new(true), never_crashes: AtomicBool::new(false) }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed)
    }

    pub(crate) fn stop_crashes(&self) {
        self.never_crashes.store(true, Ordering::Relaxed);
    }

    /// Crashes with a probability of 1 in 250. Returns an error after a crash.
    fn maybe_crash(&self) -> Result<()> {
        if !self.never_crashes.load(Ordering::Relaxed) && self.random.below(250) == 0 {
            self.running.store(false, Ordering::Relaxed);
        }
        self.check()
    }

    fn check(&self) -> Result<()> {
        if self.is_running() { Ok(()) } else { Err(Error::store("the process was killed")) }
    }

    fn written<'a, T: Send + 'a>(&'a self, call: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        Box::pin(async move {
            self.maybe_crash()?;
            let value = call.await?;
            self.maybe_crash()?;
            Ok(value)
        })
    }

    fn read<'a, T: Send + 'a>(&'a self, call: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        Box::pin(async move {
            self.check()?;
            call.await
        })
    }
}

/// Defines methods that call the disk.
macro_rules! pass {
    ($($how:ident $name:ident($($argument:ident: $type:ty),*) -> $value:ty;)*) => {
        $(fn $name(&self, $($argument: $type),*) -> StoreFuture<'_, $value> {
            // The disk is called when the future is polled, after the check.
            self.$how(Box::pin(async move { self.disk.$name($($argument),*).await }))
        })*
    };
}

impl Store for CrashingStore {
    pass! {
        written write(write: Write) -> Committed;
        read load(keys: Keys) -> WorkingSet;
        read users(filter: UserFilter, after: i64, limit: usize) -> Vec<UserRow>;
        read user_numbers(directory_id: String, after: i64, limit: usize) -> Vec<i64>;
        read groups(directory_id: Option<String>, after: i64, limit: usize) -> Vec<GroupRow>;
        read directories(organization_id: Option<String>) -> Vec<DirectoryRow>;
        read holds(organization_id: Option<String>, directory_id: Option<String>) -> Vec<headcount::store::HoldRow>;
        read approvals(organization_id: Option<String>) -> Vec<headcount::Approval>;
        read directory_counts() -> Vec<DirectoryCounts>;
        read events(organization_id: String, state: EventState, after: i64, limit: usize) -> Vec<(i64, EventRow)>;
        read feed(consumer: String, after: Option<i64>, limit: usize) -> FeedPage;
        read changes(after: i64, limit: usize) -> Vec<Change>;
        read consumers() -> (Vec<(headcount::store::ConsumerRow, u64)>, i64);
        written update_consumer(name: String, durability: Durability, decide: DecideConsumer) -> ();
        written drop_consumer(name: String) -> bool;
        read parked_changes(consumer: String) -> Vec<ParkedChange>;
        written drop_parked_change(consumer: String, seq: i64) -> bool;
        written trim(retention: Retention) -> usize;
        written expire_events(expiry: Expiry) -> BTreeMap<String, u64>;
        read lease(name: String, now: Timestamp, duration: Duration) -> Option<Box<dyn Lease>>;
    }
}
