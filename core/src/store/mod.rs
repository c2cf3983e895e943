//! Where a mirror is kept: the [`Store`] trait, and SQLite behind it.
//!
//! A store knows rows and transactions; what they mean is the mirror's. A step of the mirror is one closure that runs in one transaction:
//! it reads what it needs, decides, and writes rows and changes together or not at all. It may be run again (a store with several writers
//! repeats what collided), so it has no effect but through its transaction.

#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;

pub use crate::record::{
    ChangeBody, ConsumerRow, DirectoryRow, GroupRow, OrganizationRow, Snapshot, Trail, UserRow, Version,
};

use crate::{Change, ChangeKind, ParkedChange};
use crate::{Error, Result, Timestamp};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

/// A step of the mirror.
pub type Work = Box<dyn FnMut(&mut dyn Transaction) -> Result<()> + Send>;

/// What a store's calls give.
pub type StoreFuture<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// What a write survives when it has returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// The process' end. After a power failure the store may be as it was some writes ago, all of them together.
    Process,
    /// A power failure.
    Power,
}

/// A durable place for rows and changes.
///
/// Steps are serialised: each sees all that the ones before it wrote and nothing of those that failed. A store may be shared by any
/// number of threads.
pub trait Store: Send + Sync + 'static {
    /// Runs a step that writes. All it wrote is committed when this returns `Ok`, and nothing of it otherwise.
    fn write(&self, durability: Durability, work: Work) -> StoreFuture<'_>;

    /// Runs a step that reads: one picture, whatever is written meanwhile.
    fn read(&self, work: Work) -> StoreFuture<'_>;

    /// The only lease of this name among all that use the store, or nothing where somebody has it. It ends when it is dropped, and with the
    /// process that has it.
    fn lease(&self, name: &str) -> Result<Option<Lease>>;
}

/// What is held as long as it is not dropped.
pub type Lease = Box<dyn std::any::Any + Send + Sync>;

/// Which users to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// Only those of this organization.
    pub organization_id: Option<String>,
    /// Only those of this directory.
    pub directory_id: Option<String>,
    /// Only those with this primary address, whatever the case of its letters.
    pub email: Option<String>,
    /// Only those who were told to be in this group, whether or not it is still there.
    pub group_id: Option<String>,
}

/// An event that has come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// `evt_…`.
    pub id: String,
    /// The organization it is about.
    pub organization_id: String,
    /// The directory it was held for, where it was.
    pub directory_id: String,
    /// When it came in.
    pub received_at: Timestamp,
    /// What became of it.
    pub state: EventState,
    /// Its body, as long as it is still to be applied.
    pub body: Option<Vec<u8>>,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventState {
    /// It is settled.
    Settled,
    /// A sync will show which directory it is about.
    Pending,
    /// The guard holds it back.
    Held,
}

/// A change before it has a number.
#[derive(Clone, Debug)]
pub struct NewChange {
    /// What kind.
    pub kind: ChangeKind,
    /// The organization.
    pub organization_id: String,
    /// The directory.
    pub directory_id: String,
    /// What is in it.
    pub body: ChangeBody,
    /// What brought it about.
    pub cause: String,
    /// When.
    pub at: Timestamp,
}

/// Work that is too long for one transaction and must go on after a crash, in the order it was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chore {
    /// Its number; 0 before it is written.
    pub number: i64,
    /// The group whose members are to be looked at again, or empty for everybody.
    pub group_id: String,
    /// The last user that was.
    pub position: i64,
    /// What brought it about.
    pub cause: String,
}

/// What a step can read and write. Lists come in the order of the rows' numbers, those behind `after` and `limit` of them at most.
pub trait Transaction {
    /// A number greater than all it gave before: one for each write, to tell what was touched since.
    fn revision(&mut self) -> Result<i64>;

    /// One organization.
    fn organization(&mut self, id: &str) -> Result<Option<OrganizationRow>>;
    /// Writes an organization.
    fn put_organization(&mut self, row: &OrganizationRow) -> Result<()>;

    /// One directory.
    fn directory(&mut self, id: &str) -> Result<Option<DirectoryRow>>;
    /// All directories, or those of one organization, in the order of their ids.
    fn directories(&mut self, organization_id: Option<&str>) -> Result<Vec<DirectoryRow>>;
    /// Writes a directory.
    fn put_directory(&mut self, row: &DirectoryRow) -> Result<()>;

    /// One user, or their tombstone.
    fn user(&mut self, id: &str) -> Result<Option<UserRow>>;
    /// Users that are there.
    fn users(&mut self, filter: &UserFilter, after: i64, limit: usize) -> Result<Vec<UserRow>>;
    /// How many users of the directory are there.
    fn count_users(&mut self, directory_id: &str) -> Result<u64>;
    /// Writes a user, and gives a new one their number.
    fn put_user(&mut self, row: &mut UserRow) -> Result<()>;

    /// One group, or its tombstone.
    fn group(&mut self, id: &str) -> Result<Option<GroupRow>>;
    /// Groups that are there, all or those of one directory.
    fn groups(&mut self, directory_id: Option<&str>, after: i64, limit: usize) -> Result<Vec<GroupRow>>;
    /// How many groups of the directory are there.
    fn count_groups(&mut self, directory_id: &str) -> Result<u64>;
    /// Writes a group, and gives a new one its number.
    fn put_group(&mut self, row: &mut GroupRow) -> Result<()>;
    /// Removes tombstones of users and groups older than `before`, `limit` of each at most; how many.
    fn trim_tombstones(&mut self, before: Timestamp, limit: usize) -> Result<usize>;

    /// How far things are.
    fn snapshot(&mut self) -> Result<Snapshot>;
    /// The number of the latest change, or 0.
    fn head(&mut self) -> Result<i64>;
    /// Puts a change at the end of the feed.
    fn append(&mut self, change: &NewChange) -> Result<()>;
    /// The changes behind one.
    fn changes(&mut self, after: i64, limit: usize) -> Result<Vec<Change>>;
    /// Removes changes up to and including `seq` that were committed before `before`, `limit` at most; how many. What a consumer has put
    /// aside stays.
    fn trim_changes(&mut self, seq: i64, before: Timestamp, limit: usize) -> Result<usize>;

    /// One consumer.
    fn consumer(&mut self, name: &str) -> Result<Option<ConsumerRow>>;
    /// All of them, in the order of their names.
    fn consumers(&mut self) -> Result<Vec<ConsumerRow>>;
    /// Writes a consumer.
    fn put_consumer(&mut self, row: &ConsumerRow) -> Result<()>;
    /// Removes a consumer and what it put aside; whether it was there.
    fn drop_consumer(&mut self, name: &str) -> Result<bool>;
    /// Puts a change aside.
    fn park_change(&mut self, consumer: &str, seq: i64, reason: &str, at: Timestamp) -> Result<()>;
    /// What a consumer put aside.
    fn parked_changes(&mut self, consumer: &str) -> Result<Vec<ParkedChange>>;
    /// How much that is.
    fn count_parked_changes(&mut self, consumer: &str) -> Result<u64>;
    /// Takes a change out of what was put aside; whether it was there.
    fn drop_parked_change(&mut self, consumer: &str, seq: i64) -> Result<bool>;

    /// One event.
    fn event(&mut self, id: &str) -> Result<Option<EventRow>>;
    /// Events of an organization that are in a state, oldest first.
    fn events(&mut self, organization_id: &str, state: EventState) -> Result<Vec<EventRow>>;
    /// How many events of an organization are in a state.
    fn count_events(&mut self, organization_id: &str, state: EventState) -> Result<u64>;
    /// Writes an event.
    fn put_event(&mut self, row: &EventRow) -> Result<()>;
    /// Removes settled events older than `before`, and any others with them; how many.
    fn trim_events(&mut self, before: Timestamp, limit: usize) -> Result<usize>;
    /// Notes that an event removed a user.
    fn add_event_removal(&mut self, directory_id: &str, user_id: &str, at: Timestamp) -> Result<()>;
    /// How many users of the directory events have removed since `since`.
    fn count_event_removals(&mut self, directory_id: &str, since: Timestamp) -> Result<u64>;

    /// Replaces the users whose removal from a directory is held back.
    fn put_held_removals(&mut self, directory_id: &str, user_ids: &[String]) -> Result<()>;
    /// Adds to them.
    fn add_held_removal(&mut self, directory_id: &str, user_id: &str) -> Result<()>;
    /// Who they are, in the order of their ids.
    fn held_removals(&mut self, directory_id: &str) -> Result<Vec<String>>;

    /// A setting of the mirror's own.
    fn setting(&mut self, name: &str) -> Result<Option<String>>;
    /// Writes it.
    fn put_setting(&mut self, name: &str, value: &str) -> Result<()>;

    /// The chore that was begun first.
    fn chore(&mut self) -> Result<Option<Chore>>;
    /// Writes a chore, a new one where its number is 0.
    fn put_chore(&mut self, chore: &Chore) -> Result<()>;
    /// Removes a chore that is done.
    fn drop_chore(&mut self, number: i64) -> Result<()>;
}

/// [`Store::write`], with what the step gives.
pub(crate) async fn write<T: Send + 'static>(
    store: &Arc<dyn Store>,
    durability: Durability,
    mut step: impl FnMut(&mut dyn Transaction) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (give, given) = slot();
    store.write(durability, Box::new(move |tx| step(tx).map(&give))).await?;
    given()
}

/// [`Store::read`], with what the step gives.
pub(crate) async fn read<T: Send + 'static>(
    store: &Arc<dyn Store>,
    mut step: impl FnMut(&mut dyn Transaction) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (give, given) = slot();
    store.read(Box::new(move |tx| step(tx).map(&give))).await?;
    given()
}

/// A place to put a step's value, and the way to take it out.
fn slot<T: Send + 'static>() -> (impl Fn(T) + Send, impl FnOnce() -> Result<T>) {
    let slot = Arc::new(Mutex::new(None));
    let taken = Arc::clone(&slot);
    (
        move |value| *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(value),
        move || {
            let value = taken.lock().unwrap_or_else(PoisonError::into_inner).take();
            value.ok_or_else(|| Error::internal("the store did not run what it was given"))
        },
    )
}
