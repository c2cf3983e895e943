//! Durable storage of a mirror: the [`Store`] trait, SQLite and PostgreSQL.
//!
//! A store does not apply the mirror's rules. It loads the rows that a decision asks for, calls the decision, and commits the result.

#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod codec;
#[cfg(feature = "store-testing")]
pub mod conformance;
pub mod copy;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod pending;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "postgres")]
pub use postgres::{PostgresOptions, PostgresStore};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;

pub use crate::record::{
    AddressUser, Batch, ChangeBody, Chore, ConsumerRow, Counts, CountsKey, Delta, DirectoryRow, Entry, EntryBody,
    EnvironmentRow, ErasureKey, ErasureRow, EventNote, EventRow, EventState, GroupRow, HeldLoss, HistoryDay,
    HistoryMark, HistoryRow, HoldId, HoldRow, Keys, Leaving, Loss, LossRow, MembersKey, MessageKind, NewEntry,
    OrganizationRow, Partition, PendingEvents, RedactedEntry, Rehire, RunRow, Snapshot, Trail, UserRow, UserWrite,
    Version, WorkerId, WorkingSet, email_key, rehire_key,
};

use crate::record::{Approval, EventQuery, ParkedChange, RunQuery};
use crate::secret::debug_without_personal_data;
use crate::{Change, Error, Result, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The future that a store's calls return.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Decides what to write, given the rows that it asked for.
///
/// It performs no I/O, and calling it again is harmless: a store does so after a conflict, and after each [`Decision::Load`].
pub type Decide = Box<dyn FnMut(WorkingSet) -> Result<Decision> + Send>;

/// The result of a call of a decision.
#[derive(Debug)]
pub enum Decision {
    /// The decision needs more rows: the store loads these as well, and calls it again.
    Load(Box<Keys>),
    /// The decision is complete: the store commits this.
    Commit(Box<Batch>),
}

/// The greatest number of times that one attempt of a write calls its decision. If the last call still asks for more rows, the write fails with
/// [`ErrorKind::Internal`](crate::ErrorKind::Internal).
pub const MAX_LOADS: usize = 16;

/// The failures that a committed write survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// The end of the process. After a power failure, the last writes may be lost.
    Process,
    /// A power failure.
    Power,
}

/// The rows that a write may read and change. A store may run writes of different scopes at the same time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The rows of one organization.
    Organization(String),
    /// One consumer.
    Consumer(String),
    /// All rows.
    Everything,
}

/// One write: load, decide, commit.
pub struct Write {
    /// The rows that it may read and change.
    pub scope: Scope,
    /// The failures that it survives once the call has returned.
    pub durability: Durability,
    /// The lease that must still be held when it commits, or `None` if it needs none.
    pub fence: Option<Fence>,
    /// The current time by this machine's clock, for the expiry of leases.
    pub now: Timestamp,
    /// The rows that the decision needs.
    pub keys: Keys,
    /// The decision.
    pub decide: Decide,
}

/// What a committed write returns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Numbers of the written users' rows, by id.
    pub users: HashMap<String, i64>,
    /// Numbers of the written groups' rows, by id.
    pub groups: HashMap<String, i64>,
    /// Number of changes that were appended to the feed.
    pub changes: u64,
}

/// Identifies the lease that a write or an update of a consumer needs. The write or update fails if the lease has expired, was released, or was taken by
/// another holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The lease's name.
    pub name: String,
    /// The fencing token: greater than the tokens of all earlier leases of this name.
    pub token: i64,
}

/// A lease that is held until it expires, this value is dropped, or its store is dropped or closed. A lease in a `SqliteStore` also ends with its
/// process.
pub trait Lease: Send + Sync {
    /// Returns the fence for the holder's writes.
    fn fence(&self) -> &Fence;
}

/// Which users to read: those that meet all conditions that are not `None`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// Only users of this organization.
    pub organization_id: Option<String>,
    /// Only users of this directory.
    pub directory_id: Option<String>,
    /// Only users whose primary address has the same [key](email_key) as this one.
    pub email: Option<String>,
    /// Only users with this group in their [`told_groups`](UserRow::told_groups), whether or not the group exists.
    pub group_id: Option<String>,
    /// Only users whom this hold names.
    pub hold: Option<HoldId>,
    /// Whether tombstones of removed users are read as well.
    pub removed: bool,
}

/// Which rows of the history to read: those that meet all conditions that are not `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Only rows of this organization.
    pub organization_id: Option<String>,
    /// Only rows of this user or group.
    pub subject_id: Option<String>,
    /// Only deletions of users.
    pub removals: bool,
}

/// Rows of the history, and its mark at the moment of the read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryPage {
    /// The rows.
    pub rows: Vec<HistoryRow>,
    /// The mark.
    pub mark: HistoryMark,
}

/// The rows that the history takes from entries of the feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenHistory {
    /// The mark's [`taken`](HistoryMark::taken) when the entries were read. Nothing is stored if the store has another one.
    pub after: i64,
    /// The new mark: number of the last change of the last entry.
    pub taken: i64,
    /// The rows, in the order of their numbers.
    pub rows: Vec<HistoryRow>,
    /// The mark's [`starts_at`](HistoryMark::starts_at) if the store has none.
    pub starts_at: Option<Timestamp>,
    /// Whether all earlier rows and `starts_at` are removed first, because the entries after them were trimmed while no history was kept.
    pub restarts: bool,
}

/// How many rows of an organization [`Store::forget_organization`] has removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForgottenRows {
    /// Users, tombstones included.
    pub users: u64,
    /// Groups, tombstones included.
    pub groups: u64,
    /// Rows of the history.
    pub history: u64,
    /// Received events.
    pub events: u64,
    /// Records of syncs.
    pub runs: u64,
    /// Decisions about holds.
    pub approvals: u64,
    /// Losses of access.
    pub losses: u64,
    /// Directories.
    pub directories: u64,
    /// Whether no rows of the organization are left.
    pub is_complete: bool,
}

impl ForgottenRows {
    /// Returns whether the pages of all kinds were the last ones, after which `limit` rows of each kind are removed at most.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    fn is_last(&self, limit: usize) -> bool {
        let ForgottenRows { users, groups, history, events, runs, approvals, losses, directories: _, is_complete: _ } =
            *self;
        let limit = limit as u64;
        [users, groups, history, events, runs, approvals, losses].iter().all(|count| *count < limit)
    }
}

/// The entries about a user or of an organization in one page of the feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundEntries {
    /// The entries, oldest first: those whose stored form names the user, or those of the organization.
    pub entries: Vec<Entry>,
    /// Number of the last entry of the page, after which the next page begins; `None` if the feed has no more entries.
    pub searched: Option<i64>,
}

/// What [`Store::redact`] replaces. Nothing is stored for an entry or a parked change that does not exist any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redaction {
    /// Entries of the feed. The number, the count and the time of each stay as they are.
    pub entries: Vec<RedactedEntry>,
    /// Parked changes, each with the name of its consumer.
    pub parked: Vec<(String, ParkedChange)>,
}

/// A consumer and the changes after its position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedPage {
    /// The consumer, or `None` if there is none of this name.
    pub consumer: Option<ConsumerRow>,
    /// The changes, oldest first.
    pub changes: Vec<Change>,
    /// Positions in the feed at the moment of the read.
    pub marks: FeedMarks,
}

/// A consumer and the entries after its position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryPage {
    /// The consumer, or `None` if there is none of this name.
    pub consumer: Option<ConsumerRow>,
    /// The entries, oldest first.
    pub entries: Vec<Entry>,
    /// Positions in the feed, not later than the moment at which the entries were read.
    pub marks: FeedMarks,
}

/// Positions in the feed, each as the number of a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedMarks {
    /// Number of the latest change, or 0.
    pub latest: i64,
    /// Number of the last change that a power failure certainly cannot undo, or 0.
    pub durable: i64,
    /// The greatest number of a change that was trimmed, or 0.
    pub trimmed: i64,
}

/// The input of [`DecideConsumer`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerState {
    /// The consumer, or `None` if there is none of this name.
    pub row: Option<ConsumerRow>,
    /// The latest row numbers: of changes, groups and users.
    pub latest: Snapshot,
    /// The greatest [generation](ConsumerRow::generation) that any consumer has had, deleted consumers included.
    pub generation: i64,
}

/// What to store for a consumer. Nothing is stored for a field that is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerUpdate {
    /// The row to insert or replace.
    pub row: Option<ConsumerRow>,
    /// The change to park.
    pub park: Option<Park>,
}

/// One update of a consumer: read, decide, commit.
pub struct ConsumerWrite {
    /// The consumer's name.
    pub name: String,
    /// The failures that the update survives once the call has returned.
    pub durability: Durability,
    /// The lease that must still be held when it commits, or `None` if it needs none. Unlike a [`Write`], the update does not extend the lease.
    pub fence: Option<Fence>,
    /// The current time by this machine's clock, for the expiry of the lease.
    pub now: Timestamp,
    /// The decision.
    pub decide: DecideConsumer,
}

/// A change that a consumer parks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Park {
    /// The change, which the store keeps even if it is trimmed from the feed.
    pub change: Box<Change>,
    /// The reason that the application gives.
    pub reason: String,
    /// Time at which the change is parked, by this machine's clock.
    pub at: Timestamp,
}

/// A poll, which [`Store::note_poll`] records in the consumer's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollNote {
    /// The consumer's name.
    pub consumer: String,
    /// The consumer's [generation](ConsumerRow::generation) when the poll read it.
    pub generation: i64,
    /// The greatest number of a change that the poll returns.
    pub polled: i64,
    /// Time of the poll, by this machine's clock.
    pub at: Timestamp,
    /// With [`Durability::Power`], all changes that were committed before are durable as well when the call returns, and [`FeedMarks::durable`] includes
    /// them.
    pub durability: Durability,
}

/// Decides how a consumer changes. As [`Decide`], it may be called again.
pub type DecideConsumer = Box<dyn FnMut(ConsumerState) -> Result<ConsumerUpdate> + Send>;

/// What [`Store::trim`] removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Removes changes that are older than this and that all consumers have acknowledged, apart from expired ones; retirements that ended before this;
    /// and decisions about holds that are older than this and older than the oldest change that is left.
    pub changes: Timestamp,
    /// Consumers whose last poll or acknowledgement ([`ConsumerRow::seen_at`]) was before this have expired. An expired consumer is removed once a
    /// change that it has not acknowledged was removed, unless it has parked changes.
    pub consumers: Timestamp,
    /// Tombstones of users and groups older than this.
    pub tombstones: Timestamp,
    /// Events that are neither pending nor expired, and that arrived before this.
    pub events: Timestamp,
    /// Losses of access older than this.
    pub losses: Timestamp,
    /// Rows of the history that are older than this; changes that the [history has not taken](HistoryMark::taken) are kept. `None` if no history is kept:
    /// all of its rows are removed, and changes do not wait for it.
    pub history: Option<Timestamp>,
    /// Runs that started before this. Runs that are [quiet](crate::mirror::Run::is_quiet) are removed if they started before `changes`.
    pub runs: Timestamp,
    /// The greatest number of rows of each kind that one call removes. An entry of the feed is one row, however many changes it has. Removals of
    /// consumers and holds are not limited.
    pub limit: usize,
}

/// Which events [`Store::expire_events`] marks as expired, and which it deletes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// The organization, or `None` for all.
    pub organization_id: Option<String>,
    /// Pending events that arrived before this are marked as expired.
    pub before: Timestamp,
    /// The greatest number of events that one call marks as expired, and also of those that it deletes.
    pub limit: usize,
    /// Events that were marked as expired earlier, and that arrived before this, are deleted.
    pub forget: Timestamp,
}

/// Durable storage of rows and of the change feed.
///
/// Writes of one scope are serialized: each reads the rows that earlier writes committed, and none of a failed write. A read returns the rows of
/// a write as a whole, or as they were before it. A store may be shared by any number of threads. Calls fail with
/// [`ErrorKind::Store`](crate::ErrorKind::Store) if the store fails.
///
/// # Examples
///
/// A store that is opened before its mirror. Another implementation can take the place of `SqliteStore`: the repository's
/// `core/examples/in_memory` has one, and the feature `store-testing` has the tests that each implementation must pass.
///
/// ```
/// use headcount::Mirror;
/// use headcount::store::{SqliteStore, Store};
/// use std::sync::Arc;
///
/// # fn main() -> headcount::Result<()> {
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let store: Arc<dyn Store> = Arc::new(SqliteStore::open(":memory:")?);
/// let mirror = Mirror::builder().open_in(Arc::clone(&store)).await?;
/// mirror.set_role_map([("Engineering", "admin")]).await?;
/// assert!(store.directories(None).await?.is_empty());
/// # Ok(()) }) }
/// ```
pub trait Store: Send + Sync + 'static {
    /// Loads rows, calls the decision, and commits what it returns: all of it, or none of it if this fails.
    ///
    /// The future may be dropped: the write is then committed as a whole, or not at all.
    ///
    /// # Errors
    ///
    /// What the decision returns; [`ErrorKind::Internal`](crate::ErrorKind::Internal) if the decision panics, or asks for more rows [`MAX_LOADS`]
    /// times; [`ErrorKind::Store`](crate::ErrorKind::Store) if the store fails, or, with the lease's name as the [context](Error::context) `lease`, if the
    /// lease of the write's fence is not held any more.
    fn write(&self, write: Write) -> StoreFuture<'_, Committed>;

    /// Loads rows as of one moment. [`WorkingSet::revision`] is that of the latest write.
    ///
    /// The future may be dropped: it only reads.
    fn load(&self, keys: Keys) -> StoreFuture<'_, WorkingSet>;

    /// Reads live users, or with [`UserFilter::removed`] also tombstones, whose row number is greater than `after`, in the order of their numbers, `limit`
    /// at most.
    ///
    /// The future may be dropped: it only reads.
    fn users(&self, filter: UserFilter, after: i64, limit: usize) -> StoreFuture<'_, Vec<UserRow>>;

    /// Reads the row numbers of the live users of a directory that are greater than `after`, in their order, `limit` at most. Users who are
    /// [leaving](UserRow::leaving) may be left out: a sync does not compare them with its listing.
    ///
    /// The future may be dropped: it only reads.
    fn user_numbers(&self, directory_id: String, after: i64, limit: usize) -> StoreFuture<'_, Vec<i64>> {
        let filter = UserFilter { directory_id: Some(directory_id), ..UserFilter::default() };
        Box::pin(async move {
            let rows = self.users(filter, after, limit).await?;
            Ok(rows.into_iter().map(|row| row.number).collect())
        })
    }

    /// Reads live users whose [`deletes_at`](crate::MirrorUser::deletes_at) is `until` or earlier, in the order of these times, `limit` at most. The default
    /// reads all users, so a store with many users has to implement it.
    ///
    /// The future may be dropped: it only reads.
    fn leavers(&self, until: Timestamp, limit: usize) -> StoreFuture<'_, Vec<UserRow>> {
        Box::pin(async move {
            let (mut after, mut leavers) = (0, Vec::new());
            loop {
                let rows = self.users(UserFilter::default(), after, 500).await?;
                let Some(last) = rows.last() else { break };
                after = last.number;
                leavers.extend(rows.into_iter().filter(|row| row.user.deletes_at.is_some_and(|at| at <= until)));
                leavers.sort_by_key(|row| (row.user.deletes_at, row.number));
                leavers.truncate(limit);
            }
            Ok(leavers)
        })
    }

    /// Returns those of `ids` that are the ids of live users, in any order. The default calls [`load`](Store::load), which reads the whole rows.
    ///
    /// The future may be dropped: it only reads.
    fn live_users(&self, ids: Vec<String>) -> StoreFuture<'_, Vec<String>> {
        Box::pin(async move {
            let set = self.load(Keys { users: ids.into_iter().collect(), ..Keys::default() }).await?;
            Ok(set.users.into_iter().filter(|(_, row)| row.is_live()).map(|(id, _)| id).collect())
        })
    }

    /// Reads live groups of a directory, or of all, whose row number is greater than `after`, in the order of their numbers, `limit` at most.
    ///
    /// The future may be dropped: it only reads.
    fn groups(&self, directory_id: Option<String>, after: i64, limit: usize) -> StoreFuture<'_, Vec<GroupRow>>;

    /// Reads the directories of an organization, or all, in the order of their ids.
    ///
    /// The future may be dropped: it only reads.
    fn directories(&self, organization_id: Option<String>) -> StoreFuture<'_, Vec<DirectoryRow>>;

    /// Reads the open holds ([`HoldRow::is_open`]) of an organization and a directory, or of all, in the order of their numbers.
    ///
    /// The future may be dropped: it only reads.
    fn holds(&self, organization_id: Option<String>, directory_id: Option<String>) -> StoreFuture<'_, Vec<HoldRow>>;

    /// Reads the decisions about holds of an organization, or of all, in the order in which they were made.
    ///
    /// The future may be dropped: it only reads.
    fn approvals(&self, organization_id: Option<String>) -> StoreFuture<'_, Vec<Approval>>;

    /// Counts the live users and groups of each directory, and the pending events of its organization, for all directories in the order of
    /// their ids.
    ///
    /// The future may be dropped: it only reads.
    fn directory_counts(&self) -> StoreFuture<'_, Vec<DirectoryCounts>>;

    /// Reads events of an organization in a state, each with its number: those whose number is greater than `after`, in the order of their numbers,
    /// `limit` at most. Events get ascending numbers when they are first stored. Stops after 4 MiB of bodies, but returns at least one event if there
    /// is one.
    ///
    /// The future may be dropped: it only reads.
    fn events(
        &self,
        organization_id: String,
        state: EventState,
        after: i64,
        limit: usize,
    ) -> StoreFuture<'_, Vec<(i64, EventRow)>>;

    /// Reads received events in the descending order of their numbers, each with its number and without its body. The default fails: it is for a store
    /// that does not list events.
    ///
    /// The future may be dropped: it only reads.
    fn received_events(&self, query: EventQuery) -> StoreFuture<'_, Vec<(i64, EventRow)>> {
        drop(query);
        Box::pin(async { Err(Error::store("this store does not list received events: implement `received_events`")) })
    }

    /// Reads runs in the descending order of their numbers. The default fails: it is for a store that does not keep the runs of its writes.
    ///
    /// The future may be dropped: it only reads.
    fn runs(&self, query: RunQuery) -> StoreFuture<'_, Vec<RunRow>> {
        drop(query);
        Box::pin(async { Err(Error::store("this store does not keep runs: implement `runs`")) })
    }

    /// Reads a consumer, the feed's marks, and the changes after its position or after `after`, whichever is greater: `limit` at most. Without
    /// a consumer of this name, or for one that is reading a snapshot ([`ConsumerRow::cursor`] is negative), it reads no changes.
    ///
    /// The future may be dropped: it only reads.
    fn feed(&self, consumer: String, after: Option<i64>, limit: usize) -> StoreFuture<'_, FeedPage>;

    /// Reads the changes after `after`, oldest first, `limit` at most.
    ///
    /// The future may be dropped: it only reads.
    fn changes(&self, after: i64, limit: usize) -> StoreFuture<'_, Vec<Change>>;

    /// Reads whole entries that have changes after `after`, oldest first: as many as have `limit` changes at most after `after`, but at least one
    /// entry if there is any. If `after` is the number of a change within an entry, that entry is the first one. The default fails: it is for a store
    /// whose consumers are not polled by groups.
    ///
    /// The future may be dropped: it only reads.
    fn entries(&self, after: i64, limit: usize) -> StoreFuture<'_, Vec<Entry>> {
        let _ = (after, limit);
        Box::pin(async {
            Err(Error::store(
                "this store does not read whole entries of the feed, so it has no groups of changes: use `poll`",
            ))
        })
    }

    /// Reads a consumer, the feed's marks, and the [entries](Store::entries) after its [position](ConsumerRow::seen). Without a consumer of this name, or
    /// for one that is reading a snapshot, it reads no entries. The default calls [`feed`](Store::feed) and `entries`; a store on a server can do it in
    /// one round trip.
    ///
    /// The future may be dropped: it only reads.
    fn feed_entries(&self, consumer: String, limit: usize) -> StoreFuture<'_, EntryPage> {
        Box::pin(async move {
            let FeedPage { consumer, marks, .. } = self.feed(consumer, None, 0).await?;
            let entries = match &consumer {
                Some(row) if row.cursor >= 0 => self.entries(row.seen(), limit).await?,
                _ => Vec::new(),
            };
            Ok(EntryPage { consumer, entries, marks })
        })
    }

    /// Reads the mark of the history. The default returns `None`: it is for a store without a history, from whose feed the mirror takes none.
    ///
    /// The future may be dropped: it only reads.
    fn history_mark(&self) -> StoreFuture<'_, Option<HistoryMark>> {
        Box::pin(async { Ok(None) })
    }

    /// Appends rows to the history and moves its mark, if the mark is still where the entries were read. Returns whether it was. The default fails: it is
    /// for a store without a history.
    ///
    /// The future may be dropped: the rows are then stored with the mark, or not at all.
    fn take_history(&self, taken: TakenHistory) -> StoreFuture<'_, bool> {
        drop(taken);
        Box::pin(async { Err(Error::store(NO_HISTORY)) })
    }

    /// Reads rows of the history whose numbers are greater than `after`, in the order of their numbers, `limit` at most. The default fails: it is for a
    /// store without a history.
    ///
    /// The future may be dropped: it only reads.
    fn history(&self, filter: HistoryFilter, after: i64, limit: usize) -> StoreFuture<'_, HistoryPage> {
        let _ = (filter, after, limit);
        Box::pin(async { Err(Error::store(NO_HISTORY)) })
    }

    /// Reads all rows of the history about these users and groups whose numbers are greater than `after`, in the order of the ids and then of the
    /// numbers. The default fails: it is for a store without a history.
    ///
    /// The future may be dropped: it only reads.
    fn history_of(&self, subject_ids: BTreeSet<String>, after: i64) -> StoreFuture<'_, HistoryPage> {
        let _ = (subject_ids, after);
        Box::pin(async { Err(Error::store(NO_HISTORY)) })
    }

    /// Counts the rows of the history of each day since a time: those after the last row that was written before this time. In the order of the days, without days that
    /// have no rows. The default reads all rows with [`history`](Store::history), or returns none if there is no [mark](Store::history_mark).
    ///
    /// The future may be dropped: it only reads.
    fn history_days(&self, since: Timestamp) -> StoreFuture<'_, Vec<HistoryDay>> {
        Box::pin(async move {
            let mut days = BTreeMap::new();
            let Some(mark) = self.history_mark().await? else { return Ok(Vec::new()) };
            let mut read = 0;
            while read < mark.taken {
                let page = self.history(HistoryFilter::default(), read, HISTORY_PAGE).await?;
                let Some(last) = page.rows.last() else { break };
                read = last.seq;
                for row in &page.rows {
                    if row.at < since {
                        days.clear();
                    } else {
                        row.count(&mut days)?;
                    }
                }
            }
            Ok(days.into_values().collect())
        })
    }

    /// Reads the erasures that have not [ended](ErasureRow::is_open), oldest first, `limit` at most. The default returns none: it is for a store that does
    /// not [forget](Store::forget_user) users.
    ///
    /// The future may be dropped: it only reads.
    fn open_erasures(&self, limit: usize) -> StoreFuture<'_, Vec<ErasureRow>> {
        let _ = limit;
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Reads the first `limit` entries of the feed after `after`, and returns those of them that may be about a user: all whose stored form has the user's
    /// id as a JSON text. The default calls [`entries`](Store::entries); another implementation need not return all entries from a database.
    ///
    /// The future may be dropped: it only reads.
    fn entries_of_user(&self, user_id: String, after: i64, limit: usize) -> StoreFuture<'_, FoundEntries> {
        Box::pin(async move {
            let id = serde_json::Value::String(user_id).to_string();
            let mut entries = self.entries(after, limit).await?;
            let searched = entries.last().map(|entry| entry.last);
            entries.retain(|entry| entry.body.contains(&id));
            Ok(FoundEntries { entries, searched })
        })
    }

    /// Reads the first `limit` entries of the feed after `after`, and returns those of them that have changes of this organization. The default calls
    /// [`entries`](Store::entries); another implementation need not return all entries from a database.
    ///
    /// The future may be dropped: it only reads.
    fn entries_of_organization(
        &self,
        organization_id: String,
        after: i64,
        limit: usize,
    ) -> StoreFuture<'_, FoundEntries> {
        Box::pin(async move {
            let mut entries = self.entries(after, limit).await?;
            let searched = entries.last().map(|entry| entry.last);
            entries.retain(|entry| entry.organization_id == organization_id);
            Ok(FoundEntries { entries, searched })
        })
    }

    /// Replaces entries of the feed and parked changes by others without personal data. The default fails: it is for a store that cannot erase users.
    ///
    /// The future may be dropped: then all of them are replaced, or none.
    fn redact(&self, redaction: Redaction) -> StoreFuture<'_, ()> {
        drop(redaction);
        Box::pin(async { Err(Error::store(NOT_ERASED)) })
    }

    /// Removes what is stored about an erased user besides the feed, parked changes and events: `limit` rows of the history at most, the user's
    /// memberships, and the user's row, which is a tombstone. Losses of access get `mark` in place of the user's id, so that the guard's budget stays the
    /// same. Returns the number of rows of the history that were removed. The default fails: it is for a store that cannot erase users.
    ///
    /// The future may be dropped: then all of this is done, or nothing.
    fn forget_user(&self, user_id: String, mark: String, limit: usize) -> StoreFuture<'_, usize> {
        let _ = (user_id, mark, limit);
        Box::pin(async { Err(Error::store(NOT_ERASED)) })
    }

    /// Removes what is stored about an organization besides entries of the feed, parked changes, the role map and its erasure: `limit` rows of each kind at
    /// most. Removes the directories, the organization's row, its holds, retirements, the count of its pending events, and the rest, in the call that leaves no
    /// other rows. The users and groups that are left are tombstones, but live ones are removed as well, without changes; with them, their memberships and the
    /// chores of the groups. The default fails: it is for a store that cannot forget organizations.
    ///
    /// The future may be dropped: then `limit` rows of some kinds may have been removed.
    fn forget_organization(&self, organization_id: String, limit: usize) -> StoreFuture<'_, ForgottenRows> {
        let _ = (organization_id, limit);
        Box::pin(async {
            Err(Error::store("this store cannot forget organizations: its implementation has no `forget_organization`"))
        })
    }

    /// Removes the deleted and replaced rows of all earlier writes from the files of the store, as far as the store itself can: from the log of a SQLite
    /// file. Returns false if a reader, such as a running backup, prevents this at the moment. The default, for a store without such a log, returns true.
    ///
    /// The future may be dropped: the rows may then have been removed or not.
    fn purge(&self) -> StoreFuture<'_, bool> {
        Box::pin(async { Ok(true) })
    }

    /// Reads every consumer in the order of their names, each with the number of changes that it has parked; and the number of the latest
    /// change, or 0.
    ///
    /// The future may be dropped: it only reads.
    fn consumers(&self) -> StoreFuture<'_, (Vec<(ConsumerRow, u64)>, i64)>;

    /// Reads a consumer and changes it as decided. With [`Durability::Power`], all changes that were committed before are durable as well when
    /// this returns, even if the decision changes nothing, and [`FeedMarks::durable`] includes them.
    ///
    /// The lease of the update's fence is checked in the transaction that stores the decision, so that a holder that was stopped changes nothing after
    /// another one has taken the lease. If the lease is not held any more, the decision is not called.
    ///
    /// The future may be dropped: the consumer is then changed as a whole, or not at all.
    ///
    /// # Errors
    ///
    /// What the decision returns; [`ErrorKind::Internal`](crate::ErrorKind::Internal) if the decision panics;
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the store fails, or, with the lease's name as the [context](Error::context) `lease`, if the lease
    /// of the fence is not held any more.
    fn update_consumer(&self, update: ConsumerWrite) -> StoreFuture<'_, ()>;

    /// Raises [`ConsumerRow::polled`] to [`PollNote::polled`] and sets [`ConsumerRow::seen_at`]. Returns whether the consumer exists and still has
    /// [`PollNote::generation`]; if not, its row stays the same. The default calls [`update_consumer`](Store::update_consumer); a store on a server can do
    /// it in one round trip.
    ///
    /// The future may be dropped: the poll may then be recorded or not.
    fn note_poll(&self, note: PollNote) -> StoreFuture<'_, bool> {
        let PollNote { consumer, generation, polled, at, durability } = note;
        Box::pin(async move {
            let (slot, is_current) = Slot::new();
            let decide = move |state: ConsumerState| {
                let row = state.row.filter(|row| row.generation == generation);
                slot.put(row.is_some());
                let row = row.map(|row| ConsumerRow { polled: row.polled.max(polled), seen_at: at, ..row });
                Ok(ConsumerUpdate { row, park: None })
            };
            let decide = Box::new(decide);
            self.update_consumer(ConsumerWrite { name: consumer, durability, fence: None, now: at, decide }).await?;
            is_current.take()
        })
    }

    /// Deletes a consumer and its parked changes. Returns whether it existed.
    ///
    /// The future may be dropped: the consumer is then deleted with its parked changes, or not at all.
    fn drop_consumer(&self, name: String) -> StoreFuture<'_, bool>;

    /// Reads the changes that a consumer has parked, oldest first.
    ///
    /// The future may be dropped: it only reads.
    fn parked_changes(&self, consumer: String) -> StoreFuture<'_, Vec<ParkedChange>>;

    /// Deletes a parked change. Returns whether it existed.
    ///
    /// The future may be dropped: the change may then have been deleted or not.
    fn drop_parked_change(&self, consumer: String, seq: i64) -> StoreFuture<'_, bool>;

    /// Removes rows that are older than `retention` permits, and holds that are not open. Returns the number of removed rows; memberships of
    /// removed users are not counted.
    ///
    /// The future may be dropped: then either all of these rows are removed, or none.
    fn trim(&self, retention: Retention) -> StoreFuture<'_, usize>;

    /// Marks old pending events as expired and deletes their bodies. Deletes expired events that arrived before [`Expiry::forget`]. Returns the
    /// number of events that it marked, by organization.
    ///
    /// The future may be dropped: then either all of these events are marked and deleted, or none.
    fn expire_events(&self, expiry: Expiry) -> StoreFuture<'_, BTreeMap<String, u64>>;

    /// Makes all earlier commits durable: when this returns, a power failure cannot undo them, and [`FeedMarks::durable`] includes their changes.
    ///
    /// The future may be dropped: the commits may then be durable or not.
    fn flush(&self) -> StoreFuture<'_, ()>;

    /// Removes deleted and replaced rows from the store's log and frees their disk space, if the log is large or `always` is set. Keeps the
    /// parts of the log that other connections still use. A store without such a log does nothing.
    ///
    /// The future may be dropped: the space may then be freed or not.
    fn shrink(&self, always: bool) -> StoreFuture<'_, ()> {
        let _ = always;
        Box::pin(async { Ok(()) })
    }

    /// Takes the lease of this name until `now` plus `duration`, or returns `None` if it is held already. A write with its fence extends it to the
    /// write's `now` plus `duration`, if half of `duration` or less is left. A store on a server may use the server's clock instead of `now`.
    ///
    /// The future may be dropped: the lease is then not taken, or it is released.
    fn lease(&self, name: String, now: Timestamp, duration: Duration) -> StoreFuture<'_, Option<Box<dyn Lease>>>;

    /// Reads the leases whose names begin with `prefix` and that have not ended at `now`, of all processes, in the order of their names. A
    /// lease that was taken with this store and dropped before is not among them. The default fails: it is for a store whose consumers have no
    /// partitions.
    ///
    /// The future may be dropped: it only reads.
    fn leases(&self, prefix: String, now: Timestamp) -> StoreFuture<'_, Vec<Fence>> {
        let _ = (prefix, now);
        Box::pin(async {
            Err(Error::store(
                "this store does not list its leases, so its consumers cannot have partitions: use `changes`",
            ))
        })
    }

    /// Returns a receiver that is marked as changed whenever another process may have appended changes to the feed, for a store whose server tells it so.
    /// Its sender is dropped when the store is closed or dropped. The mirror calls this when it first waits for changes, within a tokio runtime, and
    /// looks for changes at intervals as well. The default returns `None`.
    fn appended(&self) -> Option<tokio::sync::watch::Receiver<u64>> {
        None
    }

    /// Waits until the leases that this process has dropped are released, for a store that releases them in the background. If the
    /// process ends after that, none of these leases is held any longer. The default, for a store whose leases end with their process, does nothing.
    ///
    /// The future may be dropped: it only waits.
    fn released(&self) -> StoreFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    /// Returns whether the store permits no writes to this process, so that a mirror that is opened in it leaves unfinished work to others. The default is
    /// false.
    fn is_read_only(&self) -> bool {
        false
    }

    /// Reads rows of a table of [`copy::TABLES`] whose keys are after `after`, in the order of their keys: at least one row if there is any, and not many more
    /// than 4 MiB. Returns no rows after the last one. The default fails: it is for a store that cannot be copied.
    ///
    /// The future may be dropped: it only reads.
    fn dump(&self, table: &'static copy::Table, after: Option<copy::Row>) -> StoreFuture<'_, Vec<copy::Row>> {
        let _ = (table, after);
        Box::pin(async { Err(Error::store(copy::NOT_COPIED)) })
    }

    /// Fills an empty store with pages of rows, reads them again, has the result checked, and commits all of it, so that a crash or a power failure cannot
    /// undo it. Nothing is stored if any of that fails. Others see the store as empty until then, and cannot write to it. The store is not one that
    /// the pages are read from. It may have leases. The default fails: it is for a store that cannot be copied.
    ///
    /// The future may be dropped: then all rows are stored, or none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the store has rows or has had any, or fails; and those of the pages.
    fn restore(&self, pages: Box<dyn CopyPages>) -> StoreFuture<'_, ()> {
        drop(pages);
        Box::pin(async { Err(Error::store(copy::NOT_COPIED)) })
    }

    /// Reads the rows that a sync of an organization may read, as of one moment: numbers, settings and chores, and of the organization its row, its
    /// directories, groups and users with their tombstones, pending events, losses of access, holds and retirements. Memberships are left out: the
    /// users' [`told_groups`](UserRow::told_groups) name the same groups. Writes do not wait for the end of the reading, except in a store in memory.
    /// The default fails: it is for a store whose syncs cannot be planned.
    ///
    /// The future may be dropped: it only reads.
    fn dump_organization(&self, organization_id: String) -> StoreFuture<'_, Box<dyn RowPages + '_>> {
        drop(organization_id);
        Box::pin(async { Err(Error::store(copy::NOT_PLANNED)) })
    }

    /// Writes everything that is in the store to a new file at `path`, as of one moment, while the store is in use. The file is complete and durable when
    /// this returns. If this fails, there is no file. The default fails: it is for a store whose server has backups of its own.
    ///
    /// The future may be dropped: the file is then complete, or there is none.
    fn backup(&self, path: PathBuf) -> StoreFuture<'_, ()> {
        drop(path);
        Box::pin(async {
            Err(Error::store(
                "this store is not a file, so it cannot be backed up to one: use the backups of its database (for PostgreSQL, pg_dump), or copy the \
                 mirror with `copy_to`",
            ))
        })
    }

    /// Closes the store: completes the calls that were made before, releases all leases, and returns when what the store has opened is closed. Later
    /// calls fail with [`ErrorKind::Store`](crate::ErrorKind::Store), except for this one, [`released`](Store::released) and
    /// [`shrink`](Store::shrink), which do nothing then.
    ///
    /// The future may be dropped: the store is closed nevertheless, if the future was polled.
    fn close(&self) -> StoreFuture<'_, ()>;
}

/// The rows that [`Store::dump_organization`] reads. Dropping it ends the reading.
pub trait RowPages: Send {
    /// Returns the next page, or `None` after the last one. A page has rows of one table, and not many more than 4 MiB.
    ///
    /// The future must not be dropped: a page could be lost. It may be dropped together with the pages.
    fn next(&mut self) -> StoreFuture<'_, Option<copy::TablePage>>;
}

/// The rows that [`Store::restore`] stores.
pub trait CopyPages: Send {
    /// Returns the next page, or `None` after the last one.
    ///
    /// The future must not be dropped: a page could be lost. A store drops it only together with the pages, when the copy has failed.
    fn next(&mut self) -> StoreFuture<'_, Option<copy::TablePage>>;

    /// Checks what was stored, before it is committed. If this fails, the store stays empty.
    ///
    /// The future must not be dropped: the result would be unknown. A store drops it only together with the pages, when the copy has failed.
    fn check(&mut self, stored: copy::Digest) -> StoreFuture<'_, ()>;
}

/// The error of a store that cannot erase users.
const NOT_ERASED: &str = "this store cannot erase users: its implementation has no `redact` and `forget_user`";

/// How many rows the default of [`Store::history_days`] reads at a time.
const HISTORY_PAGE: usize = 1000;

/// The error of a store without a history.
const NO_HISTORY: &str = "this store keeps no history: its implementation has no `history`";

/// The error of a call of a store that was closed, or that belongs to another process.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
fn closed() -> Error {
    Error::store(
        "the store is closed, or was opened before a fork or before all descriptors were closed: open it again",
    )
}

/// A directory's row, and how many live users, live groups and pending events there are: see [`Store::directory_counts`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryCounts {
    /// The directory.
    pub row: DirectoryRow,
    /// Number of live users.
    pub users: u64,
    /// Number of those users who are [leaving](UserRow::leaving).
    pub leaving: u64,
    /// Number of live groups.
    pub groups: u64,
    /// Number of pending events of the directory's organization.
    pub pending_events: u64,
}

debug_without_personal_data!(UserFilter { organization_id, directory_id, group_id, hold, removed });

impl std::fmt::Debug for Write {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Write")
            .field("scope", &self.scope)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ConsumerWrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsumerWrite")
            .field("name", &self.name)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}

impl Write {
    /// Calls the decision until it returns a batch; `load` loads rows. For implementations of [`Store::write`].
    ///
    /// # Errors
    ///
    /// What `load` and the decision return; [`ErrorKind::Internal`](crate::ErrorKind::Internal) after [`MAX_LOADS`] loads.
    pub fn decide(&mut self, mut load: impl FnMut(Keys) -> Result<WorkingSet>) -> Result<Batch> {
        let mut keys = self.keys.clone();
        for _ in 0..MAX_LOADS {
            match (self.decide)(load(keys.clone())?)? {
                Decision::Commit(batch) => return Ok(*batch),
                Decision::Load(more) => keys.extend(*more),
            }
        }
        Err(Error::internal(format!("a decision still asked for more rows after {MAX_LOADS} loads")))
    }
}

/// Takes a value out of a decision, which can return only a batch. The value is that of the last call, whose batch was committed.
pub(crate) struct Slot<T>(Arc<Mutex<Option<T>>>);

impl<T> Slot<T> {
    pub(crate) fn new() -> (Slot<T>, Slot<T>) {
        let value = Arc::new(Mutex::new(None));
        (Slot(Arc::clone(&value)), Slot(value))
    }

    pub(crate) fn put(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    pub(crate) fn take(self) -> Result<T> {
        let value = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.ok_or_else(|| Error::internal("the store did not call the decision"))
    }
}
