//! The store of a mirror in PostgreSQL, which processes on several machines may use at the same time.
//!
//! Each write is one transaction that locks its scope, so that writes of different organizations run in parallel; several writes of one process may
//! share a transaction: see `group`. Statements are unnamed, and settings are local to their transaction, so that the store works behind pgbouncer in
//! transaction mode.
//!
//! Every write is durable when its call returns: see `commit`.
//!
//! A call that loses its connection is repeated until 20 seconds after its first loss, in which a server usually restarts. If the connection is
//! lost during a commit, `commit` finds out from the table `commit_log` whether the commit was done.

mod announce;
mod commit;
mod consumers;
mod copy;
mod database;
mod erasure;
mod failure;
mod feed;
mod group;
mod history;
mod lease;
mod load;
mod notify;
mod open;
mod options;
mod pages;
mod pool;
mod retention;
mod rows;
mod target;
mod timeline;
mod tls;

pub use options::PostgresOptions;

use super::copy::{Row, Table};
use super::{
    Approval, Committed, ConsumerWrite, CopyPages, DirectoryCounts, DirectoryRow, Entry, EntryPage, ErasureRow,
    EventRow, EventState, Expiry, FeedPage, Fence, ForgottenRows, FoundEntries, GroupRow, HistoryFilter, HistoryPage,
    HoldRow, Keys, Lease, PollNote, Redaction, Retention, RowPages, Store, StoreFuture, TakenHistory, UserFilter,
    UserRow, WorkingSet, Write, closed,
};
use crate::record::{ConsumerRow, EventQuery, HistoryDay, HistoryMark, ParkedChange, RunQuery, RunRow};
use crate::{Change, Result, Timestamp};
use database::{Database, Flush};
use notify::Listener;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

/// A mirror's store in a schema of a PostgreSQL database.
///
/// Any number of processes on any number of machines may use one schema at the same time.
pub struct PostgresStore {
    database: Arc<Database>,
    holder: Arc<lease::Holder>,
    queue: Arc<group::Queue>,
    /// `None` without the option `notify`.
    listener: Option<Listener>,
    /// Each running call has a permit. [`Store::close`] takes all of them.
    calls: Arc<Semaphore>,
}

/// How many calls may run at once: as many as a semaphore can have permits on a 32-bit platform. One call of `acquire_many` can take them all.
const MOST_CALLS: u32 = u32::MAX >> 3;

impl PostgresStore {
    /// Connects to a database and opens the schema `headcount`, which it creates or brings up to date.
    ///
    /// `url` is `postgresql://user:password@host:port/database?parameter=value`. A missing part is taken from its environment variable of libpq,
    /// such as `PGHOST` or `PGPASSWORD`; a password that is in neither is taken from `~/.pgpass`. Parameters have libpq's names and meanings:
    /// `application_name` (default: `headcount`), `channel_binding`, `connect_timeout` (default: 10 seconds), `dbname`, `host`, `hostaddr`,
    /// `keepalives`, `keepalives_idle` (default: 10 seconds), `keepalives_interval` (default: 5 seconds), `notify` (see
    /// [`PostgresOptions::notify`]; not in libpq), `options`, `passfile`, `password`, `port`, `sslmode` (`disable`, `prefer`, `require`, `verify-ca` or
    /// `verify-full`; default: `prefer`), `sslrootcert`, `target_session_attrs` (`any`, `read-write` or `read-only`; default: `any`, or `read-write`
    /// if several hosts are listed), `tcp_user_timeout` (in milliseconds; default: 20,000) and `user`. `host`, `hostaddr` and `port` may be lists; the
    /// first server that accepts a connection is used, as long as it does. With `verify-ca` and `verify-full`, the trusted authorities are those in the file
    /// `sslrootcert`, or else in `~/.postgresql/root.crt`, or else the system's. `require` is the same as `verify-ca` if `sslrootcert` is given or
    /// `~/.postgresql/root.crt` exists.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// The future may be dropped: the schema may then have been created or brought up to date, or not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the URL or a setting cannot be used, and
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the server cannot be reached, refuses the user, or accepts no writes, or if the schema was
    /// written by a newer version.
    pub async fn connect(url: &str) -> Result<PostgresStore> {
        PostgresStore::connect_with(url, PostgresOptions::default()).await
    }

    /// Connects as [`connect`](PostgresStore::connect) does, with settings.
    ///
    /// The future may be dropped: the schema may then have been created or brought up to date, or not.
    ///
    /// # Errors
    ///
    /// As [`connect`](PostgresStore::connect).
    pub async fn connect_with(url: &str, options: PostgresOptions) -> Result<PostgresStore> {
        let database = Arc::new(open::open(url, &options).await?);
        announce::start(&database);
        let listener = database.announcer.as_ref().map(|announcer| Listener::new(announcer.channel()));
        let holder = Arc::new(lease::Holder::new(Arc::clone(&database)));
        let queue = group::Queue::new(Arc::clone(&database), options.queue_wait, options.connections);
        Ok(PostgresStore {
            database,
            holder,
            queue: Arc::new(queue),
            listener,
            calls: Arc::new(Semaphore::new(MOST_CALLS as usize)),
        })
    }

    /// Runs a call, or refuses it if the store is closed.
    fn call<'a, T: 'a>(&'a self, call: impl Future<Output = Result<T>> + Send + 'a) -> StoreFuture<'a, T> {
        Box::pin(async move {
            let _running = self.calls.try_acquire().map_err(|_| closed())?;
            call.await
        })
    }

    /// Loads rows as [`Store::load`] does.
    async fn load_all(&self, keys: Keys) -> Result<WorkingSet> {
        let mut attempts = self.database.attempts();
        loop {
            let result = async {
                let mut transaction = self.database.begin_read().await?;
                match load::load(&mut transaction, keys.clone()).await {
                    Ok(set) => transaction.end(&[], Flush::Later).await.map(|_| set),
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

impl Store for PostgresStore {
    fn write(&self, write: Write) -> StoreFuture<'_, Committed> {
        Box::pin(async move {
            // A permit that the write keeps if its caller drops the future: see `call`.
            let running = Arc::clone(&self.calls).try_acquire_owned().map_err(|_| closed())?;
            group::write(&self.queue, write, running).await
        })
    }

    fn load(&self, keys: Keys) -> StoreFuture<'_, WorkingSet> {
        self.call(self.load_all(keys))
    }

    fn users(&self, filter: UserFilter, after: i64, limit: usize) -> StoreFuture<'_, Vec<UserRow>> {
        self.call(async move { pages::users(&self.database, &filter, after, limit).await })
    }

    fn user_numbers(&self, directory_id: String, after: i64, limit: usize) -> StoreFuture<'_, Vec<i64>> {
        self.call(async move { pages::user_numbers(&self.database, &directory_id, after, limit).await })
    }

    fn leavers(&self, until: Timestamp, limit: usize) -> StoreFuture<'_, Vec<UserRow>> {
        self.call(async move { pages::leavers(&self.database, until, limit).await })
    }

    fn live_users(&self, ids: Vec<String>) -> StoreFuture<'_, Vec<String>> {
        self.call(async move { pages::live_users(&self.database, &ids).await })
    }

    fn groups(&self, directory_id: Option<String>, after: i64, limit: usize) -> StoreFuture<'_, Vec<GroupRow>> {
        self.call(async move { pages::groups(&self.database, directory_id.as_deref(), after, limit).await })
    }

    fn directories(&self, organization_id: Option<String>) -> StoreFuture<'_, Vec<DirectoryRow>> {
        self.call(async move { pages::directories(&self.database, organization_id.as_deref()).await })
    }

    fn holds(&self, organization_id: Option<String>, directory_id: Option<String>) -> StoreFuture<'_, Vec<HoldRow>> {
        self.call(
            async move { pages::holds(&self.database, organization_id.as_deref(), directory_id.as_deref()).await },
        )
    }

    fn approvals(&self, organization_id: Option<String>) -> StoreFuture<'_, Vec<Approval>> {
        self.call(async move { pages::approvals(&self.database, organization_id.as_deref()).await })
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
        self.call(async move { pages::events(&self.database, &organization_id, state, after, limit).await })
    }

    fn received_events(&self, query: EventQuery) -> StoreFuture<'_, Vec<(i64, EventRow)>> {
        self.call(async move { pages::received_events(&self.database, &query).await })
    }

    fn runs(&self, query: RunQuery) -> StoreFuture<'_, Vec<RunRow>> {
        self.call(async move { pages::runs(&self.database, &query).await })
    }

    fn feed(&self, consumer: String, after: Option<i64>, limit: usize) -> StoreFuture<'_, FeedPage> {
        self.call(async move { feed::page(&self.database, &consumer, after, limit).await })
    }

    fn changes(&self, after: i64, limit: usize) -> StoreFuture<'_, Vec<Change>> {
        self.call(feed::changes(&self.database, after, limit))
    }

    fn entries(&self, after: i64, limit: usize) -> StoreFuture<'_, Vec<Entry>> {
        self.call(feed::entries(&self.database, after, limit))
    }

    fn feed_entries(&self, consumer: String, limit: usize) -> StoreFuture<'_, EntryPage> {
        self.call(async move { feed::entry_page(&self.database, &consumer, limit).await })
    }

    fn history_mark(&self) -> StoreFuture<'_, Option<HistoryMark>> {
        self.call(async { history::mark(&self.database).await.map(Some) })
    }

    fn take_history(&self, taken: TakenHistory) -> StoreFuture<'_, bool> {
        self.call(async move { history::take(&self.database, &taken).await })
    }

    fn history(&self, filter: HistoryFilter, after: i64, limit: usize) -> StoreFuture<'_, HistoryPage> {
        self.call(async move { history::page(&self.database, &filter, after, limit).await })
    }

    fn history_of(&self, subject_ids: BTreeSet<String>, after: i64) -> StoreFuture<'_, HistoryPage> {
        self.call(async move { history::of(&self.database, &subject_ids, after).await })
    }

    fn history_days(&self, since: Timestamp) -> StoreFuture<'_, Vec<HistoryDay>> {
        self.call(async move { history::days(&self.database, since).await })
    }

    fn open_erasures(&self, limit: usize) -> StoreFuture<'_, Vec<ErasureRow>> {
        self.call(erasure::open(&self.database, limit))
    }

    fn entries_of_user(&self, user_id: String, after: i64, limit: usize) -> StoreFuture<'_, FoundEntries> {
        self.call(async move { erasure::entries_of_user(&self.database, &user_id, after, limit).await })
    }

    fn redact(&self, redaction: Redaction) -> StoreFuture<'_, ()> {
        self.call(async move { erasure::redact(&self.database, &redaction).await })
    }

    fn entries_of_organization(
        &self,
        organization_id: String,
        after: i64,
        limit: usize,
    ) -> StoreFuture<'_, FoundEntries> {
        self.call(async move { erasure::entries_of_organization(&self.database, &organization_id, after, limit).await })
    }

    fn forget_organization(&self, organization_id: String, limit: usize) -> StoreFuture<'_, ForgottenRows> {
        self.call(async move { erasure::forget_organization(&self.database, &organization_id, limit).await })
    }

    fn forget_user(&self, user_id: String, mark: String, limit: usize) -> StoreFuture<'_, usize> {
        self.call(async move { erasure::forget_user(&self.database, &user_id, &mark, limit).await })
    }

    fn consumers(&self) -> StoreFuture<'_, (Vec<(ConsumerRow, u64)>, i64)> {
        self.call(consumers::all(&self.database))
    }

    fn update_consumer(&self, mut update: ConsumerWrite) -> StoreFuture<'_, ()> {
        self.call(async move { consumers::update(&self.database, &mut update).await })
    }

    fn note_poll(&self, note: PollNote) -> StoreFuture<'_, bool> {
        self.call(async move { consumers::note_poll(&self.database, &note).await })
    }

    fn drop_consumer(&self, name: String) -> StoreFuture<'_, bool> {
        self.call(async move { consumers::delete(&self.database, &name).await })
    }

    fn parked_changes(&self, consumer: String) -> StoreFuture<'_, Vec<ParkedChange>> {
        self.call(async move { feed::parked_changes(&self.database, &consumer).await })
    }

    fn drop_parked_change(&self, consumer: String, seq: i64) -> StoreFuture<'_, bool> {
        self.call(async move { consumers::delete_parked(&self.database, &consumer, seq).await })
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
        self.call(async move { lease::list(&self.database, &prefix, now).await })
    }

    fn appended(&self) -> Option<watch::Receiver<u64>> {
        // A forked child does not have the task of its parent's listener.
        let is_open = self.database.pool.is_ours() && !self.calls.is_closed();
        self.listener.as_ref().filter(|_| is_open).map(|listener| listener.receiver(&self.database.pool))
    }

    fn released(&self) -> StoreFuture<'_, ()> {
        Box::pin(async {
            lease::wait_for_releases().await;
            Ok(())
        })
    }

    fn is_read_only(&self) -> bool {
        self.database.is_read_only
    }

    fn dump(&self, table: &'static Table, after: Option<Row>) -> StoreFuture<'_, Vec<Row>> {
        self.call(async move { copy::dump(&self.database, table, after.as_ref()).await })
    }

    fn restore(&self, pages: Box<dyn CopyPages>) -> StoreFuture<'_, ()> {
        self.call(copy::restore(&self.database, pages))
    }

    fn dump_organization(&self, organization_id: String) -> StoreFuture<'_, Box<dyn RowPages + '_>> {
        Box::pin(async move {
            let running = self.calls.try_acquire().map_err(|_| closed())?;
            let pages = copy::OrganizationPages::new(&self.database, organization_id, running);
            Ok(Box::new(pages) as Box<dyn RowPages>)
        })
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(async {
            // In a forked child there is nothing to close: the connections and leases are its parent's.
            if !self.database.pool.is_ours() {
                return Ok(());
            }
            let (calls, database, holder) =
                (Arc::clone(&self.calls), Arc::clone(&self.database), Arc::clone(&self.holder));
            if let Some(listener) = &self.listener {
                listener.stop();
            }
            // A task, which continues if the caller drops its future. The waits are limited, because a running call does not end while its caller does not
            // poll its future.
            let closing = tokio::spawn(async move {
                let limit = database.pool.timeout;
                // From its first poll on, this future has all permits that no call has, so that no other call begins.
                let mut running = pin!(calls.acquire_many(MOST_CALLS));
                let _ = timeout(limit, &mut running).await;
                calls.close();
                if let Some(announcer) = &database.announcer {
                    announcer.finish().await;
                }
                holder.release_all();
                lease::wait_for_releases().await;
                let _ = timeout(limit, database.pool.close()).await;
            });
            // An error means that the runtime is ending, which closes the connections.
            let _ = closing.await;
            Ok(())
        })
    }
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}
