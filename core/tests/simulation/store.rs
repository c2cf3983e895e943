//! The machine on which the simulated processes run: its disk, crashes of one process, and power cuts.

use super::disk::Disk;
use super::random::SeededRandom;
use super::world::World;
use headcount::mirror::ParkedChange;
use headcount::store::{
    Committed, DecideConsumer, DirectoryCounts, DirectoryRow, Durability, EventRow, EventState, Expiry, FeedPage,
    GroupRow, Keys, Lease, Retention, SqliteStore, Store, StoreFuture, UserFilter, UserRow, WorkingSet, Write,
};
use headcount::{Change, Error, Result, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A process crashes at one in this many calls of [`Process::maybe_crash`], of which each call that writes makes two.
const CALLS_PER_CRASH: u64 = 250;

/// The machine. Clones share their state.
#[derive(Clone)]
pub(crate) struct Machine(Arc<State>);

struct State {
    medium: Medium,
    random: SeededRandom,
    /// How many times the machine has lost its power.
    cuts: AtomicU64,
    never_crashes: AtomicBool,
}

enum Medium {
    /// Supports power cuts.
    Disk(Disk),
    /// A database in memory, which all processes share. The power is never cut.
    Sqlite(Arc<dyn Store>),
}

impl Machine {
    /// Makes a machine with an empty disk.
    pub(crate) fn with_disk(random: SeededRandom) -> Machine {
        Machine::new(Medium::Disk(Disk::default()), random)
    }

    /// Makes a machine whose store is SQLite.
    pub(crate) fn with_sqlite(random: SeededRandom) -> Machine {
        Machine::new(Medium::Sqlite(Arc::new(SqliteStore::open(":memory:").unwrap())), random)
    }

    fn new(medium: Medium, random: SeededRandom) -> Machine {
        Machine(Arc::new(State { medium, random, cuts: AtomicU64::new(0), never_crashes: AtomicBool::new(false) }))
    }

    /// Starts a process. While one of its calls is under way, the others may run: see [`World::interrupt`].
    pub(crate) fn start_process(&self, number: usize, world: &World) -> Process {
        let store: Arc<dyn Store> = match &self.0.medium {
            Medium::Disk(disk) => Arc::new(disk.open()),
            Medium::Sqlite(store) => Arc::clone(store),
        };
        let cuts = self.0.cuts.load(Ordering::Relaxed);
        Process { machine: self.clone(), number, world: world.clone(), store, cuts, running: AtomicBool::new(true) }
    }

    /// Ends all processes, and undoes the commits that were not flushed: with a chance of one half all of them, and otherwise only the later ones. Does
    /// nothing on SQLite.
    pub(crate) fn cut_power(&self) {
        if let Medium::Disk(disk) = &self.0.medium {
            self.0.cuts.fetch_add(1, Ordering::Relaxed);
            disk.cut_power(self.0.random.chance(50));
        }
    }

    pub(crate) fn stop_crashes(&self) {
        self.0.never_crashes.store(true, Ordering::Relaxed);
    }
}

/// A process, as the store that its mirror uses. It may crash before or after a write. Then each of its calls fails.
pub(crate) struct Process {
    machine: Machine,
    number: usize,
    world: World,
    store: Arc<dyn Store>,
    /// How many power cuts there had been when it started.
    cuts: u64,
    running: AtomicBool,
}

impl Process {
    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed) && self.cuts == self.machine.0.cuts.load(Ordering::Relaxed)
    }

    /// Crashes now and then; some of the crashes are power cuts. Returns an error after a crash.
    fn maybe_crash(&self) -> Result<()> {
        let State { random, never_crashes, .. } = &*self.machine.0;
        if !never_crashes.load(Ordering::Relaxed) && self.is_running() && random.below(CALLS_PER_CRASH) == 0 {
            self.running.store(false, Ordering::Relaxed);
            if random.chance(40) {
                self.machine.cut_power();
            }
        }
        self.check()
    }

    fn check(&self) -> Result<()> {
        if self.is_running() { Ok(()) } else { Err(Error::store("the process was killed")) }
    }

    fn written<'a, T: Send + 'a>(&'a self, call: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        Box::pin(async move {
            self.world.interrupt(self.number).await;
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

/// Defines methods that call the store. Those marked `written` may crash the process before and after the call.
macro_rules! pass {
    ($($how:ident $name:ident($($argument:ident: $type:ty),*) -> $value:ty;)*) => {
        $(fn $name(&self, $($argument: $type),*) -> StoreFuture<'_, $value> {
            // The store is called when the inner future is polled, which is after the check that the process runs.
            self.$how(Box::pin(async move { self.store.$name($($argument),*).await }))
        })*
    };
}

#[warn(clippy::missing_trait_methods, reason = "a default would not call the wrapped store")]
impl Store for Process {
    pass! {
        written write(write: Write) -> Committed;
        read load(keys: Keys) -> WorkingSet;
        read users(filter: UserFilter, after: i64, limit: usize) -> Vec<UserRow>;
        read user_numbers(directory_id: String, after: i64, limit: usize) -> Vec<i64>;
        read groups(directory_id: Option<String>, after: i64, limit: usize) -> Vec<GroupRow>;
        read directories(organization_id: Option<String>) -> Vec<DirectoryRow>;
        read holds(organization_id: Option<String>, directory_id: Option<String>) -> Vec<headcount::store::HoldRow>;
        read approvals(organization_id: Option<String>) -> Vec<headcount::mirror::Approval>;
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
        written flush() -> ();
        written shrink(always: bool) -> ();
        read leases(prefix: String, now: Timestamp) -> Vec<headcount::store::Fence>;
        read lease(name: String, now: Timestamp, duration: Duration) -> Option<Box<dyn Lease>>;
        read released() -> ();
    }

    /// Does nothing, because other processes may share the store.
    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}
