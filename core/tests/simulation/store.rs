//! A store that ends before or after a write, as a process does that is killed. What it had committed stays on the disk.

use super::world::Dice;
use headcount::store::{
    Committed, DecideConsumer, DirectoryCounts, DirectoryRow, EventRow, EventState, FeedPage, GroupRow, Keys, Lease,
    Retention, Store, StoreFuture, UserFilter, UserRow, WorkingSet, Write,
};
use headcount::{Change, Error, ParkedChange, Result, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(crate) struct MortalStore {
    disk: Arc<dyn Store>,
    dice: Dice,
    alive: AtomicBool,
    immortal: AtomicBool,
}

impl MortalStore {
    pub(crate) fn new(disk: Arc<dyn Store>, dice: Dice) -> MortalStore {
        MortalStore { disk, dice, alive: AtomicBool::new(true), immortal: AtomicBool::new(false) }
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    pub(crate) fn immortal(&self) {
        self.immortal.store(true, Ordering::Relaxed);
    }

    /// Ends with a small probability; fails if it has ended.
    fn survive(&self) -> Result<()> {
        if !self.immortal.load(Ordering::Relaxed) && self.dice.below(250) == 0 {
            self.alive.store(false, Ordering::Relaxed);
        }
        self.check()
    }

    fn check(&self) -> Result<()> {
        if self.is_alive() { Ok(()) } else { Err(Error::store("the process was killed")) }
    }

    fn written<'a, T: Send + 'a>(&'a self, call: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        Box::pin(async move {
            self.survive()?;
            let value = call.await?;
            self.survive()?;
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

/// Passes calls on to the disk.
macro_rules! pass {
    ($($how:ident $name:ident($($argument:ident: $type:ty),*) -> $value:ty;)*) => {
        $(fn $name(&self, $($argument: $type),*) -> StoreFuture<'_, $value> {
            // The disk is called when the future is polled, after the check.
            self.$how(Box::pin(async move { self.disk.$name($($argument),*).await }))
        })*
    };
}

impl Store for MortalStore {
    pass! {
        written write(write: Write) -> Committed;
        read load(keys: Keys) -> WorkingSet;
        read users(filter: UserFilter, after: i64, limit: usize) -> Vec<UserRow>;
        read groups(directory_id: Option<String>, after: i64, limit: usize) -> Vec<GroupRow>;
        read directories(organization_id: Option<String>) -> Vec<DirectoryRow>;
        read directory_counts() -> Vec<DirectoryCounts>;
        read events(organization_id: String, state: EventState, after: i64, limit: usize) -> Vec<(i64, EventRow)>;
        read feed(consumer: String, after: Option<i64>, limit: usize) -> FeedPage;
        read changes(after: i64, limit: usize) -> Vec<Change>;
        read consumers() -> (Vec<(headcount::store::ConsumerRow, u64)>, i64);
        written update_consumer(name: String, decide: DecideConsumer) -> ();
        written drop_consumer(name: String) -> bool;
        read parked_changes(consumer: String) -> Vec<ParkedChange>;
        written drop_parked_change(consumer: String, seq: i64) -> bool;
        written trim(retention: Retention) -> usize;
        read lease(name: String, now: Timestamp, duration: Duration) -> Option<Box<dyn Lease>>;
    }
}
