//! Tests of the PostgreSQL store on servers that this program starts: the tests that every store passes, and tests of lost connections, leases, groups of
//! writes, processes that are killed and stopped, failovers, full disks, TLS, permissions and query plans.
//!
//! The server and pgbouncer are started from Debian's packages in a temporary folder, and stopped when this program ends.
//! `HEADCOUNT_TEST_POSTGRES` has the URL of a server that is used instead, and `HEADCOUNT_TEST_PGBOUNCER` that of a pgbouncer in front of it: the user
//! must be permitted to create schemas and to end connections. Tests that kill the server or need special settings start one of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]
#![allow(clippy::disallowed_methods, reason = "the tests use real servers and the system clock")]

mod cluster;
mod connection;
mod copy;
mod disk;
mod failover;
mod faults;
mod groups;
mod leases;
mod notify;
mod plans;
mod processes;
mod roles;
mod server;
mod speed;
mod timelines;
mod writes;

use headcount::mirror::Mirrored;
use headcount::store::conformance::{Factory, Setup};
use headcount::store::{
    Batch, Committed, ConsumerRow, ConsumerState, ConsumerUpdate, ConsumerWrite, Decision, Delta, DirectoryRow,
    Durability, EntryBody, EnvironmentRow, EventRow, EventState, Expiry, Keys, NewEntry, Park, PostgresOptions,
    PostgresStore, Retention, Scope, Store, StoreFuture, UserFilter, UserRow, UserWrite, WorkingSet, Write,
};
use headcount::{ChangeKind, ErrorKind, MirrorUser, Result, Timestamp};
use server::{Fault, Proxy, Search, Server, Start};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;
// A decision that waits for its test blocks its thread. `block_in_place` lets other threads run the tasks of this one meanwhile.
use tokio::task::block_in_place;
use tokio_postgres::error::SqlState;

/// How long a test may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Reads a number from an environment variable, or returns `None` if it is not set.
fn number_of(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Returns the name of a test's schema. It has a hash, because the test's name may be longer than the 63 bytes that PostgreSQL permits.
fn schema(name: &str) -> String {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    format!("test_{:016x}", hasher.finish())
}

/// Returns the settings of a store in a test's schema.
fn options(name: &str) -> PostgresOptions {
    let mut options = PostgresOptions::default();
    options.schema = schema(name);
    // The server ends a transaction that is idle for half of this time. A test may hold one open for long on a slow machine.
    options.lock_timeout = LIMIT;
    options
}

/// Opens a store in a test's schema.
async fn open(url: &str, name: &str) -> Result<PostgresStore> {
    PostgresStore::connect_with(url, options(name)).await
}

/// Opens a store that repeats a call once after a loss of its connection.
async fn open_that_repeats_once(url: &str, name: &str) -> PostgresStore {
    PostgresStore::connect_with(url, options(name).with_give_up_after(Duration::ZERO)).await.unwrap()
}

/// Opens a connection for the test's own statements.
async fn connect(url: &str) -> tokio_postgres::Client {
    loop {
        match tokio_postgres::connect(url, tokio_postgres::NoTls).await {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                return client;
            }
            // An earlier connection has not ended yet, such as the one that found out whether the server has started.
            Err(error) if error.code() == Some(&SqlState::TOO_MANY_CONNECTIONS) => {
                tokio::time::sleep(Duration::from_millis(10)).await
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Opens a store in a schema of its own that does not exist yet.
async fn create(name: &str) -> PostgresStore {
    Server::shared().forget(&schema(name));
    open(&Server::shared().url, name).await.unwrap()
}

/// How the stores of a suite are opened.
#[derive(Clone, Copy, Debug)]
enum Suite {
    /// On the server, with the default settings.
    Plain,
    /// As `Plain`, for the suite in which calls of the store fail at random.
    Flaky,
    ThroughPgbouncer,
    /// With prepared statements.
    Prepared,
}

impl Suite {
    fn schema(self, test: &str) -> String {
        schema(&format!("{self:?}/{test}"))
    }

    async fn open(self, test: &str) -> Result<Arc<dyn Store>> {
        let server = Server::shared();
        let url = match self {
            Suite::Plain | Suite::Flaky | Suite::Prepared => server.url.as_str(),
            Suite::ThroughPgbouncer => server.bouncer(),
        };
        // The tests pass times of their own for leases, so the store must not use the server's clock.
        let mut options = PostgresOptions::default().with_callers_time();
        options.schema = self.schema(test);
        options.prepared_statements = matches!(self, Suite::Prepared);
        Ok(Arc::new(PostgresStore::connect_with(url, options).await?))
    }
}

impl Factory for Suite {
    fn create(&self, name: String) -> StoreFuture<'_, Arc<dyn Store>> {
        let suite = *self;
        Box::pin(async move {
            Server::shared().forget(&suite.schema(&name));
            suite.open(&name).await
        })
    }

    fn reopen(&self, name: String) -> Option<StoreFuture<'_, Arc<dyn Store>>> {
        let suite = *self;
        Some(Box::pin(async move { suite.open(&name).await }))
    }
}

mod conformance {
    headcount::store_tests!(super::Setup::new(super::Suite::Plain));
}

mod conformance_with_failures {
    headcount::store_tests!(super::Setup::new(super::Suite::Flaky).flaky(3));
}

mod conformance_with_prepared_statements {
    headcount::store_tests!(super::Setup::new(super::Suite::Prepared));
}

mod conformance_through_pgbouncer {
    headcount::store_tests!(super::Setup::new(super::Suite::ThroughPgbouncer));
}

/// Returns a user of an organization.
fn user(organization_id: &str, id: &str) -> UserRow {
    let mut user = MirrorUser::default();
    user.id = id.to_owned();
    user.organization_id = organization_id.to_owned();
    user.directory_id = "dir_1".to_owned();
    UserRow { user, ..UserRow::default() }
}

/// Makes a batch that writes a user, with one change.
fn with_user(row: UserRow) -> Batch {
    let delta = Delta { kind: ChangeKind::UserCreated, group_id: None, fields: Vec::new() };
    let entry = NewEntry {
        organization_id: row.user.organization_id.clone(),
        directory_id: "dir_1".to_owned(),
        cause: "test".to_owned(),
        at: Timestamp::UNIX_EPOCH,
        body: EntryBody {
            after: Some(Mirrored::User(Box::new(row.user.clone()))),
            changes: vec![delta],
            ..EntryBody::default()
        },
    };
    let users = vec![UserWrite { row, ..UserWrite::default() }];
    Batch { users, entries: vec![entry], ..Batch::default() }
}

/// Returns a pending event that arrived in 1970.
fn pending(id: &str) -> EventRow {
    EventRow {
        id: id.to_owned(),
        organization_id: "org_1".to_owned(),
        received_at: Timestamp::UNIX_EPOCH,
        state: EventState::Pending,
        body: Some(b"{}".to_vec()),
        ..EventRow::default()
    }
}

/// Makes a durable update of the consumer `app`, without a fence.
fn updating(decide: impl FnMut(ConsumerState) -> Result<ConsumerUpdate> + Send + 'static) -> ConsumerWrite {
    ConsumerWrite {
        name: "app".to_owned(),
        durability: Durability::Power,
        fence: None,
        now: Timestamp::UNIX_EPOCH,
        decide: Box::new(decide),
    }
}

/// Makes a durable write of an organization, without a fence. It commits the batch that `decide` returns.
fn write(organization_id: &str, keys: Keys, mut decide: impl FnMut(WorkingSet) -> Batch + Send + 'static) -> Write {
    Write {
        scope: Scope::Organization(organization_id.to_owned()),
        durability: Durability::Power,
        fence: None,
        now: Timestamp::UNIX_EPOCH,
        keys,
        decide: Box::new(move |set| Ok(Decision::Commit(Box::new(decide(set))))),
    }
}

/// Returns the revision of a write of an organization that changes nothing.
async fn revision(store: &PostgresStore, organization_id: &str) -> i64 {
    let (sender, receiver) = mpsc::channel();
    let read = write(organization_id, Keys::default(), move |set| {
        sender.send(set.revision).unwrap();
        Batch::default()
    });
    store.write(read).await.unwrap();
    receiver.recv().unwrap()
}

/// Returns the ids of the live users, in the order of their row numbers.
async fn user_ids(store: &PostgresStore) -> Vec<String> {
    let rows = store.users(UserFilter::default(), 0, 1_000).await.unwrap();
    rows.into_iter().map(|row| row.user.id).collect()
}

/// Returns the numbers of the changes.
async fn seqs(store: &PostgresStore) -> Vec<i64> {
    store.changes(0, 1_000).await.unwrap().into_iter().map(|change| change.seq).collect()
}

/// Returns the keys that ask for one user.
fn keys_of(user_id: &str) -> Keys {
    Keys { users: [user_id.to_owned()].into(), ..Keys::default() }
}

/// Waits until this many statements that name a test's schema wait for locks.
async fn wait_for_lock_waits(name: &str, count: usize) {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%{}%' AND pid <> pg_backend_pid()",
        schema(name)
    );
    while Server::shared().psql(&sql) != count.to_string() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits for a message without blocking the runtime.
async fn receive<T: Send + 'static>(receiver: mpsc::Receiver<T>) -> T {
    tokio::task::spawn_blocking(move || receiver.recv().unwrap()).await.unwrap()
}

/// Waits for the next message without blocking the runtime. The receiver can be used for further ones.
async fn receive_one<T>(receiver: &mpsc::Receiver<T>) -> T {
    loop {
        match receiver.try_recv() {
            Ok(message) => return message,
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}
