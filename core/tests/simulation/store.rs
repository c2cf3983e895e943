//! The machine on which the simulated processes run: their store, crashes of single processes, and power cuts.

use super::disk::Disk;
use super::random::SeededRandom;
use super::world::World;
use headcount::mirror::ParkedChange;
use headcount::store::copy::{Row, Table};
use headcount::store::{
    Committed, ConsumerWrite, CopyPages, DirectoryCounts, DirectoryRow, EventRow, EventState, Expiry, FeedPage,
    GroupRow, HistoryFilter, HistoryPage, Keys, Lease, Retention, RowPages, SqliteStore, Store, StoreFuture,
    UserFilter, UserRow, WorkingSet, Write,
};
use headcount::{Change, Error, Result, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A process crashes in one of this many calls of [`Process::maybe_crash`] on average. Each writing call of the store makes two of them.
const CALLS_PER_CRASH: u64 = 250;

/// The machine. Clones share their state.
#[derive(Clone)]
pub(crate) struct Machine(Arc<State>);

struct State {
    medium: Medium,
    random: SeededRandom,
    /// The number of power cuts so far.
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

    /// Makes a machine whose processes share a SQLite database in memory.
    pub(crate) fn with_sqlite(random: SeededRandom) -> Machine {
        Machine::new(Medium::Sqlite(Arc::new(SqliteStore::open(":memory:").unwrap())), random)
    }

    fn new(medium: Medium, random: SeededRandom) -> Machine {
        Machine(Arc::new(State { medium, random, cuts: AtomicU64::new(0), never_crashes: AtomicBool::new(false) }))
    }

    /// Starts the process with this number. While one of its calls is under way, the other process may run: see [`World::interrupt`].
    pub(crate) fn start_process(&self, number: usize, world: &World) -> Process {
        let store = self.store();
        let cuts = self.0.cuts.load(Ordering::Relaxed);
        Process { machine: self.clone(), number, world: world.clone(), store, cuts, running: AtomicBool::new(true) }
    }

    /// Ends all processes, and undoes the commits that were not flushed: in half of the cases all of them, otherwise only the later ones. Does nothing
    /// on SQLite.
    pub(crate) fn cut_power(&self) {
        if let Medium::Disk(disk) = &self.0.medium {
            self.0.cuts.fetch_add(1, Ordering::Relaxed);
            disk.cut_power(self.0.random.chance(50));
        }
    }

    /// Ends crashes until [`allow_crashes`](Machine::allow_crashes).
    pub(crate) fn stop_crashes(&self) {
        self.0.never_crashes.store(true, Ordering::Relaxed);
    }

    /// Lets processes crash again.
    pub(crate) fn allow_crashes(&self) {
        self.0.never_crashes.store(false, Ordering::Relaxed);
    }

    /// Opens the store without a process, for checks: its calls do not crash, and no other process runs meanwhile.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        match &self.0.medium {
            Medium::Disk(disk) => Arc::new(disk.open()),
            Medium::Sqlite(store) => Arc::clone(store),
        }
    }
}

/// A process, in the form of the store that its mirror uses. It may crash before or after a write; after that, all its calls fail.
pub(crate) struct Process {
    machine: Machine,
    number: usize,
    world: World,
    store: Arc<dyn Store>,
    /// The machine's number of power cuts when the process started.
    cuts: u64,
    running: AtomicBool,
}

impl Process {
    /// Returns whether the process has not crashed, and no power cut has ended it.
    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed) && self.cuts == self.machine.0.cuts.load(Ordering::Relaxed)
    }

    /// Crashes the process at random, in 40 % of the cases by a power cut. Returns an error if the process is not running.
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

    /// Returns an error if the process is not running.
    fn check(&self) -> Result<()> {
        if self.is_running() { Ok(()) } else { Err(Error::store("the process was killed")) }
    }

    /// Makes a call that writes. The process may crash before and after it, and the other process may run before it.
    fn written<'a, T: Send + 'a>(&'a self, call: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        Box::pin(async move {
            self.world.interrupt(self.number).await;
            self.maybe_crash()?;
            let value = call.await?;
            self.maybe_crash()?;
            Ok(value)
        })
    }

    /// Makes a call that only reads, in which the process does not crash.
    fn read<'a, T: Send + 'a>(&'a self, call: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        Box::pin(async move {
            self.check()?;
            call.await
        })
    }
}

/// Defines methods that call the store by [`Process::written`] or [`Process::read`].
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
        read leavers(until: Timestamp, limit: usize) -> Vec<UserRow>;
        read live_users(ids: Vec<String>) -> Vec<String>;
        read user_numbers(directory_id: String, after: i64, limit: usize) -> Vec<i64>;
        read groups(directory_id: Option<String>, after: i64, limit: usize) -> Vec<GroupRow>;
        read directories(organization_id: Option<String>) -> Vec<DirectoryRow>;
        read holds(organization_id: Option<String>, directory_id: Option<String>) -> Vec<headcount::store::HoldRow>;
        read approvals(organization_id: Option<String>) -> Vec<headcount::mirror::Approval>;
        read directory_counts() -> Vec<DirectoryCounts>;
        read events(organization_id: String, state: EventState, after: i64, limit: usize) -> Vec<(i64, EventRow)>;
        read received_events(query: headcount::mirror::EventQuery) -> Vec<(i64, EventRow)>;
        read runs(query: headcount::mirror::RunQuery) -> Vec<headcount::store::RunRow>;
        read feed(consumer: String, after: Option<i64>, limit: usize) -> FeedPage;
        read changes(after: i64, limit: usize) -> Vec<Change>;
        read entries(after: i64, limit: usize) -> Vec<headcount::store::Entry>;
        read feed_entries(consumer: String, limit: usize) -> headcount::store::EntryPage;
        read history_mark() -> Option<headcount::store::HistoryMark>;
        written take_history(taken: headcount::store::TakenHistory) -> bool;
        read history(filter: HistoryFilter, after: i64, limit: usize) -> HistoryPage;
        read history_of(subject_ids: BTreeSet<String>, after: i64) -> HistoryPage;
        read history_days(since: headcount::Timestamp) -> Vec<headcount::store::HistoryDay>;
        read open_erasures(limit: usize) -> Vec<headcount::store::ErasureRow>;
        read entries_of_user(user_id: String, after: i64, limit: usize) -> headcount::store::FoundEntries;
        read entries_of_organization(organization_id: String, after: i64, limit: usize) -> headcount::store::FoundEntries;
        written forget_organization(organization_id: String, limit: usize) -> headcount::store::ForgottenRows;
        written redact(redaction: headcount::store::Redaction) -> ();
        written forget_user(user_id: String, mark: String, limit: usize) -> usize;
        written purge() -> bool;
        read consumers() -> (Vec<(headcount::store::ConsumerRow, u64)>, i64);
        written update_consumer(update: ConsumerWrite) -> ();
        written note_poll(note: headcount::store::PollNote) -> bool;
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
        written backup(path: std::path::PathBuf) -> ();
        read dump(table: &'static Table, after: Option<Row>) -> Vec<Row>;
        written restore(pages: Box<dyn CopyPages>) -> ();
        read dump_organization(organization_id: String) -> Box<dyn RowPages + '_>;
    }

    fn appended(&self) -> Option<tokio::sync::watch::Receiver<u64>> {
        self.store.appended()
    }

    fn is_read_only(&self) -> bool {
        self.store.is_read_only()
    }

    /// Does nothing, because other processes may share the store.
    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}
