//! The SQLite store: one file, one thread that writes, and one thread that reads.
//!
//! Writes that wait are committed together, so that a burst of webhooks costs one flush to disk instead of one each. If one of them fails after it
//! has begun to write, all are rolled back and repeated, each in a transaction of its own. The file is in WAL mode: readers see the state between two
//! commits and do not delay the writer. A commit that must survive a power failure is flushed before it is reported. That flush includes all commits
//! before it, which need no flush of their own.

mod backup;
mod commit;
mod consumers;
mod copy;
mod database;
mod erasure;
mod feed;
mod history;
mod lease;
mod load;
mod open;
mod pages;
mod retention;
mod rows;
mod shared;
mod sharing;
mod worker;

use super::copy::{PAGE_ROWS, Row, Table, TablePage, interrupted};
use super::{
    Approval, Committed, ConsumerWrite, CopyPages, DirectoryCounts, DirectoryRow, Durability, Entry, EntryPage,
    ErasureRow, EventRow, EventState, Expiry, FeedPage, Fence, ForgottenRows, FoundEntries, GroupRow, HistoryFilter,
    HistoryPage, HoldRow, Keys, Lease, Redaction, Retention, RowPages, Store, StoreFuture, TakenHistory, UserFilter,
    UserRow, WorkingSet, Write, closed,
};
use crate::error::catch_panic;
use crate::record::{ConsumerRow, EventQuery, HistoryDay, HistoryMark, ParkedChange, RunQuery, RunRow};
use crate::sqlite::check_is_path;
use crate::sqlite::closing::{self, Closed};
use crate::task::carried_to_thread;
use crate::{Change, ChangeKind, Error, Result, Timestamp};
use database::Database;
use futures_util::future::join;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use worker::Worker;

/// A mirror's store in a SQLite file, or in memory.
///
/// Several processes may use one file at the same time. A write waits up to ten seconds for a write of another process to end.
///
/// A read waits while 512 other reads are queued or running, and a write while 512 other writes are. The future of a write may be dropped: the write
/// is then done as a whole if it was queued already, and not at all if it still waited for room in the queue.
///
/// Dropping the store within a tokio runtime does not block the thread: the queued writes are committed, the leases released and the file closed
/// on other threads, and opening the file again in this process waits for that. Outside of a runtime, dropping it blocks until this is done.
/// [`close`](Store::close) waits in either case.
pub struct SqliteStore {
    writer: Worker,
    /// `None` for a store in memory, which reads with the writer's connection.
    reader: Option<Worker>,
    /// The writer's thread has a strong reference until it ends.
    open: Weak<Open>,
    closed: Arc<Closed>,
    /// Cancelled once the store is closed.
    ended: CancellationToken,
    /// `None` for a store in memory.
    path: Option<PathBuf>,
}

/// The state of an open store. Dropping it releases the leases and reports that the store is closed. The writer's thread drops it after it has closed
/// its connection.
struct Open {
    holder: lease::Holder,
    closed: Arc<Closed>,
    ended: CancellationToken,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.holder.release();
        self.closed.set();
        self.ended.cancel();
    }
}

impl SqliteStore {
    /// Opens a file, creates it if there is none, and brings an older one up to date. `:memory:` opens a store in memory, whose data are lost
    /// when this value is dropped. Blocks the thread, for seconds if another process has the file locked: in async tasks, call
    /// [`open_off_executor`](SqliteStore::open_off_executor).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the file is not a mirror's or was written by a newer version (it is then unchanged), and if
    /// it cannot be opened, read or written. [`ErrorKind::Config`](crate::ErrorKind::Config) if `path` begins like a URL.
    pub fn open(path: impl AsRef<Path>) -> Result<SqliteStore> {
        let path = path.as_ref();
        if path.as_os_str() == ":memory:" {
            return SqliteStore::start(open::memory()?, None, None);
        }
        check_is_path(path)?;
        let named = |error: Error| error.with_context("file", path.display().to_string());
        let (writer, reader) = (open::file(path).map_err(named)?, open::reader(path).map_err(named)?);
        // `path` may be relative and lead through links. SQLite reports the absolute path without links.
        let path = writer.path().map(PathBuf::from);
        if let Some(path) = &path {
            closing::wait(path);
        }
        SqliteStore::start(writer, Some(reader), path)
    }

    /// Opens an empty store for as long as this value exists: in memory, as far as it fits there. See
    /// [`FileKind::open_temporary`](crate::sqlite::FileKind::open_temporary).
    pub(crate) fn open_temporary() -> Result<SqliteStore> {
        SqliteStore::start(open::temporary()?, None, None)
    }

    /// Stores a page of rows in a temporary store, which does not have them yet.
    pub(crate) async fn insert(&self, page: TablePage) -> Result<()> {
        self.change(Durability::Process, move |database| database.atomically(|| copy::put(database, &page))).await
    }

    /// Stores the memberships of all users in a temporary store without memberships.
    pub(crate) async fn insert_memberships(&self) -> Result<()> {
        self.change(Durability::Process, |database| database.atomically(|| copy::put_memberships(database))).await
    }

    /// Returns those of the keys' directories, groups and users that the store does not have, not even as tombstones.
    pub(crate) async fn unknown(&self, keys: Keys) -> Result<Keys> {
        self.read(move |database| copy::unknown(database, &keys)).await
    }

    /// Counts the changes of an organization after `after`, by their kinds.
    pub(crate) async fn count_changes(&self, organization_id: String, after: i64) -> Result<HashMap<ChangeKind, u64>> {
        self.read(move |database| feed::count(database, &organization_id, after)).await
    }

    /// Starts the threads of the connections. `path` is that of the file, or `None` for a store in memory.
    fn start(writer: Connection, reader_connection: Option<Connection>, path: Option<PathBuf>) -> Result<SqliteStore> {
        let (closed, ended) = (Arc::<Closed>::default(), CancellationToken::new());
        let holder = lease::Holder::new(path.as_deref());
        let open = Arc::new(Open { holder, closed: Arc::clone(&closed), ended: ended.clone() });
        let place = path.as_deref().map(|path| Arc::new(open::place(path)));
        // The writer's thread closes its connection only after the reader's thread has closed its own and dropped `reads`: SQLite moves the log into
        // the file when the last connection is closed, and of two that are closed at the same moment neither counts as the last. The reader's thread
        // does not wait, because the sender of `at_once` is dropped here.
        let ((reads, after_reads), (_, at_once)) = (channel(), channel());
        let reader = |connection| Worker::start("headcount-read", connection, place.clone(), at_once, reads);
        let reader = reader_connection.map(reader).transpose()?;
        Ok(SqliteStore {
            open: Arc::downgrade(&open),
            writer: Worker::start("headcount-write", writer, place, after_reads, open)?,
            reader,
            closed,
            ended,
            path,
        })
    }

    /// Refuses further calls, and makes the threads close the file when the queued calls are done.
    fn stop(&self) {
        if let Some(path) = &self.path {
            closing::begin(path, &self.closed);
        }
        self.writer.stop();
        if let Some(reader) = &self.reader {
            reader.stop();
        }
    }

    /// Does what [`open`](SqliteStore::open) does, but on a separate thread, so that the executor is not blocked while another process has the file
    /// locked.
    ///
    /// The future may be dropped: the file may then have been created, and is closed again.
    ///
    /// # Errors
    ///
    /// As [`open`](SqliteStore::open).
    pub async fn open_off_executor(path: impl AsRef<Path>) -> Result<SqliteStore> {
        let path = path.as_ref().to_owned();
        let (sender, opened) = tokio::sync::oneshot::channel();
        let open = carried_to_thread(move || {
            // Fails if the caller no longer waits for the store, which is closed then.
            let _ = sender.send(catch_panic(|| SqliteStore::open(&path)));
        });
        let started = std::thread::Builder::new().name("headcount-open".to_owned()).spawn(open);
        started
            .map_err(|error| Error::store("the thread that opens the store cannot be started").with_source(error))?;
        opened.await.unwrap_or_else(|_| Err(Error::internal("the thread that opens the store has ended")))
    }

    /// Returns the number of statements that writes have run since the store was opened, including `BEGIN` and `COMMIT`. For tests.
    #[cfg(feature = "store-testing")]
    pub fn statements(&self) -> u64 {
        self.writer.statements.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Returns how many times SQLite has prepared a statement of a write again since the store was opened, because the values of its parameters or the
    /// schema had changed. The count of a statement is added when that statement is next used. For tests.
    #[cfg(feature = "store-testing")]
    pub fn reprepared(&self) -> u64 {
        self.writer.reprepared.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Returns the number of commits with [`Durability::Power`] since the store was opened: those that SQLite flushed at once. For tests.
    #[cfg(feature = "store-testing")]
    pub fn flushes(&self) -> u64 {
        self.writer.flushes.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn read<T: Send + 'static>(
        &self,
        work: impl FnMut(&Database) -> Result<T> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        self.reader.as_ref().unwrap_or(&self.writer).jobs.run(None, work)
    }

    /// Copies the log into the file with `work`. Returns `done` for a store in memory, and for one that is closed.
    fn checkpoint<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<T> + Send + 'static,
        done: T,
    ) -> StoreFuture<'_, T> {
        Box::pin(async move {
            let Some((path, open)) = self.path.clone().zip(self.open.upgrade()) else { return Ok(done) };
            // `work` uses a separate connection, so that writes do not wait until it ends. As long as the task has `open`, the store is not reported as
            // closed.
            let checkpoint = tokio::task::spawn_blocking(move || {
                let copied = work(&path);
                drop(open);
                copied
            });
            checkpoint
                .await
                .unwrap_or_else(|error| Err(Error::internal(format!("the log was not made smaller: {error}"))))
        })
    }

    /// Runs a change that is not a [`Write`]. Earlier writes of the same transaction keep their counters in memory. These are written to the file
    /// first, because `work` reads the file.
    fn change<T: Send + 'static>(
        &self,
        durability: Durability,
        mut work: impl FnMut(&Database) -> Result<T> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        self.writer.jobs.run(Some(durability), move |database| {
            database.end_sharing()?;
            work(database)
        })
    }
}

impl Store for SqliteStore {
    fn write(&self, mut write: Write) -> StoreFuture<'_, Committed> {
        self.writer.jobs.run(Some(write.durability), move |database| commit::write(database, &mut write))
    }

    fn load(&self, keys: Keys) -> StoreFuture<'_, WorkingSet> {
        self.read(move |database| database.load(&database.read_head(None)?.0, keys.clone()))
    }

    fn users(&self, filter: UserFilter, after: i64, limit: usize) -> StoreFuture<'_, Vec<UserRow>> {
        self.read(move |database| pages::users(database, &filter, after, limit))
    }

    fn user_numbers(&self, directory_id: String, after: i64, limit: usize) -> StoreFuture<'_, Vec<i64>> {
        self.read(move |database| pages::user_numbers(database, &directory_id, after, limit))
    }

    fn leavers(&self, until: Timestamp, limit: usize) -> StoreFuture<'_, Vec<UserRow>> {
        self.read(move |database| pages::leavers(database, until, limit))
    }

    fn live_users(&self, ids: Vec<String>) -> StoreFuture<'_, Vec<String>> {
        self.read(move |database| pages::live_users(database, &ids))
    }

    fn groups(&self, directory_id: Option<String>, after: i64, limit: usize) -> StoreFuture<'_, Vec<GroupRow>> {
        self.read(move |database| pages::groups(database, directory_id.as_deref(), after, limit))
    }

    fn directories(&self, organization_id: Option<String>) -> StoreFuture<'_, Vec<DirectoryRow>> {
        self.read(move |database| pages::directories(database, organization_id.as_deref()))
    }

    fn holds(&self, organization_id: Option<String>, directory_id: Option<String>) -> StoreFuture<'_, Vec<HoldRow>> {
        self.read(move |database| pages::holds(database, organization_id.as_deref(), directory_id.as_deref()))
    }

    fn approvals(&self, organization_id: Option<String>) -> StoreFuture<'_, Vec<Approval>> {
        self.read(move |database| pages::approvals(database, organization_id.as_deref()))
    }

    fn directory_counts(&self) -> StoreFuture<'_, Vec<DirectoryCounts>> {
        self.read(pages::directory_counts)
    }

    fn events(
        &self,
        organization_id: String,
        state: EventState,
        after: i64,
        limit: usize,
    ) -> StoreFuture<'_, Vec<(i64, EventRow)>> {
        self.read(move |database| pages::events(database, &organization_id, state, after, limit))
    }

    fn received_events(&self, query: EventQuery) -> StoreFuture<'_, Vec<(i64, EventRow)>> {
        self.read(move |database| pages::received_events(database, &query))
    }

    fn runs(&self, query: RunQuery) -> StoreFuture<'_, Vec<RunRow>> {
        self.read(move |database| pages::runs(database, &query))
    }

    fn feed(&self, consumer: String, after: Option<i64>, limit: usize) -> StoreFuture<'_, FeedPage> {
        self.read(move |database| feed::page(database, &consumer, after, limit))
    }

    fn changes(&self, after: i64, limit: usize) -> StoreFuture<'_, Vec<Change>> {
        self.read(move |database| feed::changes(database, after, limit))
    }

    fn entries(&self, after: i64, limit: usize) -> StoreFuture<'_, Vec<Entry>> {
        self.read(move |database| feed::entries(database, after, limit))
    }

    fn feed_entries(&self, consumer: String, limit: usize) -> StoreFuture<'_, EntryPage> {
        self.read(move |database| feed::entry_page(database, &consumer, limit))
    }

    fn history_mark(&self) -> StoreFuture<'_, Option<HistoryMark>> {
        self.read(|database| history::mark(database).map(Some))
    }

    fn take_history(&self, taken: TakenHistory) -> StoreFuture<'_, bool> {
        self.change(Durability::Process, move |database| history::take(database, &taken))
    }

    fn history(&self, filter: HistoryFilter, after: i64, limit: usize) -> StoreFuture<'_, HistoryPage> {
        self.read(move |database| history::page(database, &filter, after, limit))
    }

    fn history_of(&self, subject_ids: BTreeSet<String>, after: i64) -> StoreFuture<'_, HistoryPage> {
        self.read(move |database| history::of(database, &subject_ids, after))
    }

    fn history_days(&self, since: Timestamp) -> StoreFuture<'_, Vec<HistoryDay>> {
        self.read(move |database| history::days(database, since))
    }

    fn open_erasures(&self, limit: usize) -> StoreFuture<'_, Vec<ErasureRow>> {
        self.read(move |database| erasure::open(database, limit))
    }

    fn entries_of_user(&self, user_id: String, after: i64, limit: usize) -> StoreFuture<'_, FoundEntries> {
        self.read(move |database| erasure::entries_of_user(database, &user_id, after, limit))
    }

    fn redact(&self, redaction: Redaction) -> StoreFuture<'_, ()> {
        self.change(Durability::Process, move |database| erasure::redact(database, &redaction))
    }

    fn forget_user(&self, user_id: String, mark: String, limit: usize) -> StoreFuture<'_, usize> {
        self.change(Durability::Process, move |database| erasure::forget_user(database, &user_id, &mark, limit))
    }

    fn entries_of_organization(
        &self,
        organization_id: String,
        after: i64,
        limit: usize,
    ) -> StoreFuture<'_, FoundEntries> {
        self.read(move |database| erasure::entries_of_organization(database, &organization_id, after, limit))
    }

    fn forget_organization(&self, organization_id: String, limit: usize) -> StoreFuture<'_, ForgottenRows> {
        self.change(Durability::Process, move |database| {
            erasure::forget_organization(database, &organization_id, limit)
        })
    }

    fn purge(&self) -> StoreFuture<'_, bool> {
        self.checkpoint(open::purge, true)
    }

    fn consumers(&self) -> StoreFuture<'_, (Vec<(ConsumerRow, u64)>, i64)> {
        self.read(consumers::all)
    }

    fn update_consumer(&self, mut update: ConsumerWrite) -> StoreFuture<'_, ()> {
        self.change(update.durability, move |database| consumers::update(database, &mut update))
    }

    fn drop_consumer(&self, name: String) -> StoreFuture<'_, bool> {
        self.change(Durability::Power, move |database| consumers::delete(database, &name))
    }

    fn parked_changes(&self, consumer: String) -> StoreFuture<'_, Vec<ParkedChange>> {
        self.read(move |database| feed::parked(database, &consumer))
    }

    fn drop_parked_change(&self, consumer: String, seq: i64) -> StoreFuture<'_, bool> {
        self.change(Durability::Power, move |database| consumers::delete_parked(database, &consumer, seq))
    }

    fn trim(&self, retention: Retention) -> StoreFuture<'_, usize> {
        self.change(Durability::Process, move |database| retention::trim(database, retention))
    }

    fn expire_events(&self, expiry: Expiry) -> StoreFuture<'_, BTreeMap<String, u64>> {
        self.change(Durability::Process, move |database| retention::expire_events(database, &expiry))
    }

    fn flush(&self) -> StoreFuture<'_, ()> {
        self.change(Durability::Power, consumers::flush)
    }

    fn shrink(&self, always: bool) -> StoreFuture<'_, ()> {
        self.checkpoint(move |path| open::shrink(path, always), ())
    }

    fn lease(&self, name: String, now: Timestamp, duration: Duration) -> StoreFuture<'_, Option<Box<dyn Lease>>> {
        let (open, jobs) = (Weak::clone(&self.open), self.writer.jobs.clone());
        self.change(Durability::Process, move |database| {
            // Never `None`: the thread that runs this has a strong reference until it ends.
            let Some(open) = open.upgrade() else {
                return Err(Error::internal("a closed store was asked for a lease"));
            };
            let fence = lease::take(database, &open.holder, &name, now, duration)?;
            // Made here, so that the lease is dropped and thereby released if the caller no longer waits for it.
            Ok(fence.map(|fence| Box::new(lease::Taken::new(fence, jobs.clone())) as Box<dyn Lease>))
        })
    }

    fn leases(&self, prefix: String, now: Timestamp) -> StoreFuture<'_, Vec<Fence>> {
        let open = Weak::clone(&self.open);
        // Runs on the writer's thread, after the releases that this store has queued.
        self.writer.jobs.run(None, move |database| {
            // Never `None`: the thread that runs this has a strong reference until it ends.
            let Some(open) = open.upgrade() else {
                return Err(Error::internal("a closed store was asked for its leases"));
            };
            lease::list(database, &open.holder, &prefix, now)
        })
    }

    fn dump(&self, table: &'static Table, after: Option<Row>) -> StoreFuture<'_, Vec<Row>> {
        self.read(move |database| copy::dump(database, table, after.as_ref(), PAGE_ROWS))
    }

    fn restore(&self, mut source: Box<dyn CopyPages>) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let (pages, received) = mpsc::channel(1);
            let ((stored, digest), (accept, accepted)) = (oneshot::channel(), oneshot::channel());
            // If the job runs again, the pages of its first run are gone.
            let mut exchange = Some(copy::Exchange { pages: received, stored, accepted });
            let restored = self.change(Durability::Power, move |database| {
                copy::restore(database, exchange.take().ok_or_else(interrupted)?)
            });
            // If this ends before it has accepted the digest, the job fails, and its transaction is rolled back. Errors of the channels mean that the job has
            // failed, which is the error to return.
            let read = async move {
                loop {
                    let page = source.next().await?;
                    let is_last = page.is_none();
                    if pages.send(page).await.is_err() || is_last {
                        break;
                    }
                }
                if let Ok(digest) = digest.await {
                    source.check(digest).await?;
                    let _ = accept.send(());
                }
                Ok(())
            };
            let (read, restored) = join(read, restored).await;
            read.and(restored)
        })
    }

    fn dump_organization(&self, organization_id: String) -> StoreFuture<'_, Box<dyn RowPages + '_>> {
        Box::pin(async move {
            let (pages, received) = mpsc::channel(1);
            let mut reading = Some((pages, organization_id));
            let read = move |database: &Database| match reading.take() {
                Some((pages, organization_id)) => {
                    // Fails if the receiver was dropped. Then nobody needs more pages.
                    let send = |page| pages.blocking_send(Some(page)).is_ok();
                    copy::dump_organization(database, &organization_id, send)?;
                    let _ = pages.blocking_send(None);
                    Ok(())
                }
                None => Err(interrupted()),
            };
            let read = match self.path.clone() {
                None => tokio::spawn(self.read(read)),
                // A separate connection, so that the reads of other calls do not wait until this one ends. As long as the task has `open`, the store is
                // not reported as closed.
                Some(path) => {
                    let open = self.open.upgrade().ok_or_else(closed)?;
                    tokio::task::spawn_blocking(move || {
                        let read = read_in_file(&path, read);
                        drop(open);
                        read
                    })
                }
            };
            Ok(Box::new(ReadPages { received, read: Some(read) }) as Box<dyn RowPages>)
        })
    }

    fn backup(&self, path: PathBuf) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            // Fails if the store is closed or belongs to another process, or if its file was replaced.
            self.read(|_| Ok(())).await?;
            let target = backup::Target::new(path, self.path.as_deref())?;
            // If the caller drops this future, `_wanted` is dropped, and the backup ends.
            let (sender, _wanted) = oneshot::channel::<()>();
            let write = move |database: &Database| backup::write(database, &target, || sender.is_closed());
            match self.path.clone() {
                None => self.read(write).await,
                // A separate connection, so that the reads of other calls do not wait until this one ends. As long as the task has `open`, the store is
                // not reported as closed.
                Some(path) => {
                    let open = self.open.upgrade().ok_or_else(closed)?;
                    let backup = tokio::task::spawn_blocking(move || {
                        let written = read_in_file(&path, write);
                        drop(open);
                        written
                    });
                    backup.await.unwrap_or_else(|_| Err(Error::internal("the thread that writes the backup has ended")))
                }
            }
        })
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(async {
            // A forked child must not close its parent's file. A process that has closed all of its descriptors has none left to close.
            if self.writer.is_current() {
                self.stop();
                self.ended.cancelled().await;
            }
            Ok(())
        })
    }
}

/// Runs `read` in a transaction of a new connection to the file at `path`.
fn read_in_file(path: &Path, mut read: impl FnMut(&Database) -> Result<()>) -> Result<()> {
    let database = Database::new(open::reader(path)?);
    database.begin_read()?;
    let result = catch_panic(|| read(&database));
    database.end_read();
    result
}

/// The pages of [`Store::dump_organization`], which another thread reads.
struct ReadPages {
    /// The pages, and `None` after the last one.
    received: mpsc::Receiver<Option<TablePage>>,
    /// The reading. `None` once it has ended.
    read: Option<JoinHandle<Result<()>>>,
}

impl RowPages for ReadPages {
    fn next(&mut self) -> StoreFuture<'_, Option<TablePage>> {
        Box::pin(async {
            if let Some(page) = self.received.recv().await {
                return Ok(page);
            }
            // The reading has failed, or the last page was returned before.
            match self.read.take() {
                Some(read) => read.await.unwrap_or_else(|_| Err(interrupted()))?,
                None => return Err(interrupted()),
            }
            Ok(None)
        })
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        if !self.writer.is_current() {
            return;
        }
        self.stop();
        if !closing::must_not_block() {
            self.writer.join();
            if let Some(reader) = &mut self.reader {
                reader.join();
            }
        }
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}
