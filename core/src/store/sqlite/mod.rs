//! SQLite: one file, one thread that writes, one that reads.
//!
//! Writes that wait are committed together, each in a savepoint of its own, so that a burst of webhooks costs one flush to disk instead of
//! one each. The file is in WAL mode: readers see the state between two commits and do not delay the writer. A commit that must survive a
//! power failure is flushed before it is reported. That flush includes all commits before it, which need no flush of their own.

mod commit;
mod consumers;
mod database;
mod feed;
mod lease;
mod load;
mod open;
mod pages;
mod retention;
mod rows;
mod worker;

use super::{
    Approval, Committed, DecideConsumer, DirectoryCounts, DirectoryRow, Durability, EventRow, EventState, Expiry,
    FeedPage, GroupRow, HoldRow, Keys, Lease, Retention, Store, StoreFuture, UserFilter, UserRow, WorkingSet, Write,
};
use crate::error::catch_panic;
use crate::record::{ConsumerRow, ParkedChange};
use crate::task::carried_to_thread;
use crate::{Change, Error, Result, Timestamp};
use database::Database;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use worker::Worker;

/// A mirror's store in a SQLite file, or in memory.
///
/// Several processes may use one file at the same time. A write waits up to ten seconds for a write of another process to end.
pub struct SqliteStore {
    writer: Worker,
    /// `None` for a store in memory, which reads with the writer's connection.
    reader: Option<Worker>,
    holder: Arc<lease::Holder>,
    /// `None` for a store in memory.
    path: Option<PathBuf>,
}

impl SqliteStore {
    /// Opens a file, creates it if there is none, and brings an older one up to date. `:memory:` opens a store in memory, which ends with
    /// this value. Blocks the thread, for seconds if another process has the file locked: in async tasks, call
    /// [`open_off_executor`](SqliteStore::open_off_executor).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the file is not a mirror's or was written by a newer version, and if it cannot be opened,
    /// read or written. The file is then unchanged.
    pub fn open(path: impl AsRef<Path>) -> Result<SqliteStore> {
        let path = path.as_ref();
        if path.as_os_str() == ":memory:" {
            let writer = Worker::start("headcount-write", open::memory()?, None)?;
            return Ok(SqliteStore { writer, reader: None, holder: Arc::new(lease::Holder::new(None)), path: None });
        }
        let named = |error: Error| error.with_context("file", path.display().to_string());
        let (writer, reader) = (open::file(path).map_err(named)?, open::reader(path).map_err(named)?);
        // The absolute path as SQLite has it, because `path` may be relative, or a URI.
        let path = writer.path().map(PathBuf::from);
        let holder = Arc::new(lease::Holder::new(path.as_deref()));
        let place = path.as_deref().map(|path| Arc::new(open::place(path)));
        Ok(SqliteStore {
            writer: Worker::start("headcount-write", writer, place.clone())?,
            reader: Some(Worker::start("headcount-read", reader, place)?),
            holder,
            path,
        })
    }

    /// Does what [`open`](SqliteStore::open) does on a thread of its own, so that the executor is not blocked while another process has the file
    /// locked.
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
        started.map_err(|error| Error::store("the thread that opens the store cannot be started").with_source(error))?;
        opened.await.unwrap_or_else(|_| Err(Error::internal("the thread that opens the store has ended")))
    }

    /// Number of statements that writes have run since the store was opened, with `BEGIN` and `COMMIT`. For tests.
    #[cfg(feature = "store-testing")]
    pub fn statements(&self) -> u64 {
        self.writer.statements.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Number of commits since the store was opened that a power failure cannot undo. For tests.
    #[cfg(feature = "store-testing")]
    pub fn flushes(&self) -> u64 {
        self.writer.flushes.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> Result<T> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        self.reader.as_ref().unwrap_or(&self.writer).jobs.run(None, work)
    }

    fn change<T: Send + 'static>(
        &self,
        durability: Durability,
        work: impl FnOnce(&Database) -> Result<T> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        self.writer.jobs.run(Some(durability), work)
    }
}

impl Store for SqliteStore {
    fn write(&self, mut write: Write) -> StoreFuture<'_, Committed> {
        self.change(write.durability, move |database| commit::write(database, &mut write))
    }

    fn load(&self, keys: Keys) -> StoreFuture<'_, WorkingSet> {
        self.read(move |database| database.load(&database.head(None)?, keys))
    }

    fn users(&self, filter: UserFilter, after: i64, limit: usize) -> StoreFuture<'_, Vec<UserRow>> {
        self.read(move |database| pages::users(database, &filter, after, limit))
    }

    fn user_numbers(&self, directory_id: String, after: i64, limit: usize) -> StoreFuture<'_, Vec<i64>> {
        self.read(move |database| pages::user_numbers(database, &directory_id, after, limit))
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

    fn feed(&self, consumer: String, after: Option<i64>, limit: usize) -> StoreFuture<'_, FeedPage> {
        self.read(move |database| feed::page(database, &consumer, after, limit))
    }

    fn changes(&self, after: i64, limit: usize) -> StoreFuture<'_, Vec<Change>> {
        self.read(move |database| feed::changes(database, after, limit))
    }

    fn consumers(&self) -> StoreFuture<'_, (Vec<(ConsumerRow, u64)>, i64)> {
        self.read(consumers::all)
    }

    fn update_consumer(&self, name: String, durability: Durability, mut decide: DecideConsumer) -> StoreFuture<'_, ()> {
        self.change(durability, move |database| consumers::update(database, &name, durability, &mut decide))
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
        let Some(path) = self.path.clone() else { return Box::pin(async { Ok(()) }) };
        // With a connection of its own, so that writes go on meanwhile.
        let shrink = tokio::task::spawn_blocking(move || open::shrink(&path, always));
        Box::pin(async move {
            shrink.await.unwrap_or_else(|error| Err(Error::internal(format!("the log was not made smaller: {error}"))))
        })
    }

    fn lease(&self, name: String, now: Timestamp, duration: Duration) -> StoreFuture<'_, Option<Box<dyn Lease>>> {
        let (holder, jobs) = (Arc::clone(&self.holder), self.writer.jobs.clone());
        self.change(Durability::Process, move |database| {
            let fence = lease::take(database, &holder, &name, now, duration)?;
            // Made here, so that the lease is dropped and thereby released if the caller no longer waits for it.
            Ok(fence.map(|fence| Box::new(lease::Taken::new(fence, jobs)) as Box<dyn Lease>))
        })
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}
