//! The SQLite store: the tests that every store passes, files that it cannot use, its queue of calls, groups of writes, leases, numbers of
//! statements, files of version 0.1.0, and permissions.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

mod store_files;

use futures_util::FutureExt;
use headcount::mirror::{HoldReason, Mirrored};
use headcount::store::conformance::Factory;
use headcount::store::copy::{NUMBERS, TABLES};
use headcount::store::{
    Batch, ConsumerState, ConsumerUpdate, ConsumerWrite, Decision, Delta, DirectoryRow, Durability, EntryBody,
    EventRow, EventState, Keys, Lease, NewEntry, Retention, Scope, SqliteStore, Store, StoreFuture, UserFilter,
    UserRow, UserWrite, WorkingSet, Write,
};
use headcount::{ChangeKind, ErrorKind, ErrorStatus, MirrorUser, Result, Timestamp};
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use store_files::{Files, file};

/// Makes stores in memory.
struct Memory;

impl Factory for Memory {
    fn create(&self, _name: String) -> StoreFuture<'_, Arc<dyn Store>> {
        Box::pin(async { Ok(Arc::new(SqliteStore::open(":memory:")?) as Arc<dyn Store>) })
    }
}

mod in_memory {
    headcount::store_tests!(headcount::store::conformance::Setup::new(super::Memory));
}

mod in_memory_with_failures {
    headcount::store_tests!(headcount::store::conformance::Setup::new(super::Memory).flaky(1));
}

mod in_a_file {
    headcount::store_tests!(headcount::store::conformance::Setup::new(super::Files("plain")));
}

mod in_a_file_with_failures {
    headcount::store_tests!(headcount::store::conformance::Setup::new(super::Files("flaky")).flaky(2));
}

/// Returns the error of opening a file, after a check that it names the file.
fn refused(path: &Path) -> headcount::Error {
    let error = SqliteStore::open(path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store, "{error}");
    assert!(error.to_string().contains(&path.display().to_string()), "the file is not named: {error}");
    error
}

/// Returns a write of new users with these ids.
fn users(ids: impl IntoIterator<Item = String>) -> Write {
    let user = |id| {
        let mut user = MirrorUser::default();
        user.id = id;
        UserWrite { row: UserRow { user, ..UserRow::default() }, ..UserWrite::default() }
    };
    let batch = Batch { users: ids.into_iter().map(user).collect(), ..Batch::default() };
    Write {
        scope: Scope::Everything,
        durability: Durability::Power,
        fence: None,
        now: Timestamp::UNIX_EPOCH,
        keys: Keys::default(),
        decide: Box::new(move |_| Ok(Decision::Commit(Box::new(batch.clone())))),
    }
}

async fn write_user(store: &SqliteStore, id: &str) -> Result<()> {
    store.write(users([id.to_owned()])).await.map(drop)
}

async fn user_ids(store: &SqliteStore) -> Vec<String> {
    let rows = store.users(UserFilter::default(), 0, 100_000).await.unwrap();
    rows.into_iter().map(|row| row.user.id).collect()
}

#[test]
fn another_programs_database_is_left_as_it_is() {
    let path = file("other");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE song (title TEXT)").unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = refused(&path);
    assert!(error.message().contains("another program's SQLite database"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_of_a_newer_version_is_refused() {
    let path = file("newer");
    drop(SqliteStore::open(&path).unwrap());
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let error = refused(&path);
    assert!(error.message().contains("another version of headcount (its schema is 99"), "{error}");
    assert!(error.message().contains("update headcount"), "{error}");
}

#[test]
fn a_file_that_is_no_database_is_left_as_it_is() {
    let path = file("text");
    std::fs::write(&path, "the quick brown fox jumps over the lazy dog".repeat(100)).unwrap();
    assert!(refused(&path).message().contains("not a SQLite database"));
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("the quick"));
}

#[test]
fn the_error_for_a_file_in_a_missing_folder_mentions_the_folder() {
    let error = refused(Path::new("/nowhere/at/all/mirror.db"));
    assert!(error.message().contains("folder"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_stores_open_a_new_file_at_once() {
    for round in 0..10 {
        let path = file(&format!("new_{round}"));
        let opening: Vec<_> = (0..8)
            .map(|n| {
                let path = path.clone();
                tokio::spawn(async move {
                    write_user(&SqliteStore::open(&path).unwrap(), &format!("diruser_{n}")).await.unwrap();
                })
            })
            .collect();
        for opened in opening {
            opened.await.unwrap();
        }
        assert_eq!(user_ids(&SqliteStore::open(&path).unwrap()).await.len(), 8);
    }
}

#[tokio::test]
async fn a_write_that_waits_too_long_for_another_process_is_a_temporary_error() {
    let path = file("locked");
    let store = SqliteStore::open(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();

    let error = write_user(&store, "diruser_1").await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Store);
    assert_eq!(error.status(), ErrorStatus::Temporary);
    assert!(error.message().contains("another process"), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    assert!(user_ids(&store).await.is_empty());
    write_user(&store, "diruser_1").await.unwrap();
}

/// Takes the lease `sync` for a minute. Returns `None` if another store holds it.
async fn take_lease(store: &SqliteStore) -> Option<Box<dyn Lease>> {
    store.lease("sync".to_owned(), Timestamp::UNIX_EPOCH, Duration::from_secs(60)).await.unwrap()
}

/// Locks the file for writing: writes of the store wait until the returned connection is dropped.
fn lock(path: &Path) -> Connection {
    let other = Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

#[tokio::test(flavor = "current_thread")]
async fn at_most_512_jobs_are_queued_and_a_dropped_call_that_waits_for_room_writes_nothing() {
    let path = file("queue");
    let store = SqliteStore::open(&path).unwrap();
    let lease = take_lease(&store).await;
    let other = lock(&path);
    let mut writes: Vec<_> = (0..600).map(|n| store.write(users([format!("diruser_{n:03}")]))).collect();
    assert!(writes.iter_mut().all(|write| write.now_or_never().is_none()));

    drop(writes);
    // A lease is released even if the queue is full.
    drop(lease);
    drop(other);
    write_user(&store, "diruser_last").await.unwrap();

    let ids = user_ids(&store).await;
    assert_eq!(ids.len(), 513);
    assert!(
        ids[..512] == (0..512).map(|n| format!("diruser_{n:03}")).collect::<Vec<_>>(),
        "only the 512 calls that were queued first have written"
    );
    assert!(take_lease(&store).await.is_some());
}

#[tokio::test(flavor = "current_thread")]
async fn calls_that_wait_for_room_in_the_queue_are_completed_later() {
    let path = file("room");
    let store = SqliteStore::open(&path).unwrap();
    let other = lock(&path);
    let mut writes: Vec<_> = (0..1_000).map(|n| store.write(users([format!("diruser_{n:03}")]))).collect();
    assert!(writes.iter_mut().all(|write| write.now_or_never().is_none()));
    drop(other);

    for written in futures_util::future::join_all(writes).await {
        written.unwrap();
    }

    let mut ids = user_ids(&store).await;
    ids.sort();
    assert!(ids == (0..1_000).map(|n| format!("diruser_{n:03}")).collect::<Vec<_>>(), "{} users", ids.len());
}

#[tokio::test(flavor = "current_thread")]
async fn dropping_a_store_in_a_task_does_not_wait_and_opening_it_again_does() {
    let path = file("dropped");
    let store = SqliteStore::open(&path).unwrap();
    let lease = take_lease(&store).await;
    let other = lock(&path);
    assert!(store.write(users(["diruser_1".to_owned()])).now_or_never().is_none());

    // Only this thread can end the lock: if `drop` waited for the write, the write would fail after SQLite's timeout.
    drop(store);
    let unlock = tokio::spawn(async move { drop(other) });
    let again = SqliteStore::open_off_executor(&path).await.unwrap();

    assert!(unlock.is_finished(), "the other task did not run while the store was being opened");
    assert_eq!(user_ids(&again).await, ["diruser_1"]);
    assert!(take_lease(&again).await.is_some(), "the lease did not end with its store");
    drop(lease);
}

#[test]
fn dropping_a_store_outside_of_a_runtime_waits_until_its_file_is_closed() {
    let path = file("dropped_outside");
    let store = SqliteStore::open(&path).unwrap();
    assert!(store.write(users(["diruser_1".to_owned()])).now_or_never().is_none());

    drop(store);

    assert!(!path.with_extension("db-wal").exists(), "the log was not moved into the file");
    let count = "SELECT count(*) FROM user";
    let count: i64 = Connection::open(&path).unwrap().query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
}

#[tokio::test(flavor = "current_thread")]
async fn closing_a_store_completes_queued_calls_and_releases_its_leases() {
    let path = file("closed");
    let store = SqliteStore::open(&path).unwrap();
    let lease = take_lease(&store).await;
    let other = lock(&path);
    let mut write = store.write(users(["diruser_1".to_owned()]));
    assert!((&mut write).now_or_never().is_none());
    let unlock = tokio::spawn(async move { drop(other) });

    store.close().await.unwrap();

    assert!(unlock.is_finished(), "the other task did not run while the store was being closed");
    write.await.unwrap();
    let names = std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["mirror.db"], "the log and the lease's lock file are removed");
    let error = write_user(&store, "diruser_2").await.unwrap_err();
    assert!(error.message().contains("the store is closed"), "{error}");
    store.close().await.unwrap();
    drop(lease);
}

#[tokio::test(flavor = "current_thread")]
async fn closing_a_store_fails_the_calls_that_wait_for_room_in_the_queue() {
    let path = file("closed_full");
    let store = SqliteStore::open(&path).unwrap();
    let other = lock(&path);
    let mut writes: Vec<_> = (0..513).map(|n| store.write(users([format!("diruser_{n:03}")]))).collect();
    assert!(writes.iter_mut().all(|write| write.now_or_never().is_none()));
    let unlock = tokio::spawn(async move { drop(other) });

    store.close().await.unwrap();

    unlock.await.unwrap();
    let results = futures_util::future::join_all(writes).await;
    assert!(results[..512].iter().all(Result::is_ok));
    assert_eq!(results[512].as_ref().unwrap_err().kind(), ErrorKind::Store);
}

/// Returns a write of a new user that fails after it has written the row, because its feed entry has no changes.
fn partial_write(id: &str) -> Write {
    let mut write = users([id.to_owned()]);
    let mut decide = write.decide;
    write.decide = Box::new(move |set| {
        let Decision::Commit(mut batch) = decide(set)? else { unreachable!() };
        batch.entries.push(NewEntry {
            organization_id: "org_1".to_owned(),
            directory_id: "dir_1".to_owned(),
            cause: "sync:1".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            body: EntryBody::default(),
        });
        Ok(Decision::Commit(batch))
    });
    write
}

#[tokio::test(flavor = "current_thread")]
async fn a_write_that_fails_after_it_wrote_a_row_does_not_affect_the_writes_and_leases_queued_with_it() {
    let path = file("partial");
    let store = SqliteStore::open(&path).unwrap();
    let other = lock(&path);
    // The first write waits for the lock, and all calls queued after it are one group. In the group, the lease is taken before the first failure.
    let mut first = store.write(users(["diruser_first".to_owned()]));
    assert!((&mut first).now_or_never().is_none());
    let mut taking = store.lease("sync".to_owned(), Timestamp::UNIX_EPOCH, Duration::from_secs(60));
    assert!((&mut taking).now_or_never().is_none());
    let mut writes: Vec<_> = (0..9)
        .map(|n| match n % 3 {
            1 => store.write(partial_write(&format!("diruser_{n}"))),
            _ => store.write(users([format!("diruser_{n}")])),
        })
        .collect();
    assert!(writes.iter_mut().all(|write| write.now_or_never().is_none()));
    drop(other);

    first.await.unwrap();
    let failed: Vec<_> = futures_util::future::join_all(writes).await.iter().map(Result::is_err).collect();
    let lease = taking.await.unwrap().unwrap();

    assert_eq!(failed, [false, true, false, false, true, false, false, true, false]);
    let written = ["diruser_0", "diruser_2", "diruser_3", "diruser_5", "diruser_6", "diruser_8", "diruser_first"];
    let mut ids = user_ids(&store).await;
    ids.sort();
    assert_eq!(ids, written);
    // The lease is valid: a failed write rolled back the transaction that took it, and the store then took it again.
    let fenced = Write { fence: Some(lease.fence().clone()), ..users(["diruser_last".to_owned()]) };
    store.write(fenced).await.unwrap();
}

/// A call of a store that has not been started.
type Call<'a> = futures_util::future::LocalBoxFuture<'a, ()>;

/// Writes the user `diruser_first`, and then runs the calls in one group, in this order. `path` is that of the store's file.
async fn run_as_one_group(store: &SqliteStore, path: &Path, mut calls: Vec<Call<'_>>) {
    let other = lock(path);
    // The first write waits for the lock, and all calls queued after it are one group.
    let mut first = store.write(users(["diruser_first".to_owned()]));
    assert!((&mut first).now_or_never().is_none());
    assert!(calls.iter_mut().all(|call| call.now_or_never().is_none()));
    drop(other);
    first.await.unwrap();
    futures_util::future::join_all(calls).await;
}

/// Returns a write of a new user whose decision first calls `look` with the working set that `keys` load.
fn looking(id: &str, keys: Keys, look: impl Fn(&WorkingSet) + Send + 'static) -> Write {
    let mut write = Write { keys, ..users([id.to_owned()]) };
    let mut decide = write.decide;
    write.decide = Box::new(move |set| {
        look(&set);
        decide(set)
    });
    write
}

#[tokio::test(flavor = "current_thread")]
async fn a_consumer_updated_between_writes_of_a_group_sees_the_numbers_of_the_earlier_writes() {
    let path = file("group_numbers");
    let store = SqliteStore::open(&path).unwrap();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let consumer = |name: &str| -> Call<'_> {
        let seen = Arc::clone(&seen);
        let decide = Box::new(move |state: ConsumerState| {
            seen.lock().unwrap().push(state.latest.users);
            Ok(ConsumerUpdate::default())
        });
        let (name, durability) = (name.to_owned(), Durability::Process);
        let update = ConsumerWrite { name, durability, fence: None, now: Timestamp::UNIX_EPOCH, decide };
        store.update_consumer(update).map(Result::unwrap).boxed_local()
    };
    let write = |id: &str| store.write(users([id.to_owned()])).map(|written| drop(written.unwrap())).boxed_local();
    let calls = vec![
        write("diruser_1"),
        write("diruser_2"),
        consumer("a"),
        write("diruser_3"),
        consumer("b"),
        store.flush().map(Result::unwrap).boxed_local(),
        write("diruser_4"),
    ];

    run_as_one_group(&store, &path, calls).await;

    // The greatest number of a user at the time of each consumer's update. `diruser_first` has the number 1.
    assert_eq!(*seen.lock().unwrap(), [3, 4]);
    let set = store.load(Keys { users: ["diruser_4".to_owned()].into(), ..Keys::default() }).await.unwrap();
    assert_eq!(set.users["diruser_4"].number, 5);
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    write_user(&store, "diruser_5").await.unwrap();
    assert_eq!(user_ids(&store).await.len(), 6);
}

#[tokio::test(flavor = "current_thread")]
async fn writes_of_a_group_see_the_settings_directories_and_events_of_the_earlier_ones() {
    let path = file("group_settings");
    let store = SqliteStore::open(&path).unwrap();
    let keys = || Keys { organizations: ["org_1".to_owned()].into(), ..Keys::default() };
    let put = |batch: Batch| -> Call<'_> {
        let mut write = Write { keys: keys(), ..users([]) };
        write.decide = Box::new(move |_| Ok(Decision::Commit(Box::new(batch.clone()))));
        store.write(write).map(|written| drop(written.unwrap())).boxed_local()
    };
    let look = |id: &str, look: fn(&WorkingSet)| -> Call<'_> {
        store.write(looking(id, keys(), look)).map(|written| drop(written.unwrap())).boxed_local()
    };
    let event = EventRow {
        id: "evt_1".to_owned(),
        organization_id: "org_1".to_owned(),
        received_at: Timestamp::UNIX_EPOCH,
        state: EventState::Pending,
        body: Some(b"body".to_vec()),
        ..EventRow::default()
    };
    let mut row = DirectoryRow::default();
    row.directory.id = "dir_1".to_owned();
    row.directory.organization_id = "org_1".to_owned();
    let calls = vec![
        look("diruser_1", |set| {
            assert!(set.role_map.is_none() && set.directories.is_empty() && set.pending.is_empty())
        }),
        put(Batch { role_map: Some("[]".to_owned()), ..Batch::default() }),
        look("diruser_2", |set| assert_eq!(set.role_map.as_deref(), Some("[]"))),
        put(Batch { directories: vec![row], ..Batch::default() }),
        look("diruser_3", |set| assert_eq!(set.directories.len(), 1)),
        put(Batch { events: vec![event], ..Batch::default() }),
        look("diruser_4", |set| assert_eq!(set.pending["org_1"].events, 1)),
    ];

    run_as_one_group(&store, &path, calls).await;
}

#[tokio::test(flavor = "current_thread")]
async fn writes_of_a_group_need_fewer_than_two_statements_each() {
    let path = file("group_statements");
    let store = SqliteStore::open(&path).unwrap();
    let keys = || Keys { organizations: ["org_1".to_owned()].into(), ..Keys::default() };
    let write = |n| -> Call<'_> {
        let write = Write { keys: keys(), ..users([format!("diruser_{n}")]) };
        store.write(write).map(|written| drop(written.unwrap())).boxed_local()
    };
    let started = store.statements();

    run_as_one_group(&store, &path, (0..100).map(write).collect()).await;

    // A write that is not in a group runs six statements: `BEGIN`, reading the counters, reading the organization, writing the user, writing the
    // counters, and `COMMIT`. In a group, each write runs only the statement that writes its user, and the group runs the others once.
    let count = store.statements() - started;
    assert!(count < 2 * 101, "expected fewer than two statements for each of 101 writes, got {count}");
}

#[tokio::test]
async fn a_damaged_row_is_an_error() {
    let path = file("damaged");
    let store = SqliteStore::open(&path).unwrap();
    write_user(&store, "diruser_1").await.unwrap();
    Connection::open(&path).unwrap().execute_batch("UPDATE user SET body = '{'").unwrap();

    let error = store.users(UserFilter::default(), 0, 10).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.message().contains("damaged"), "{error}");
}

/// The process with a limit on the size of files. The test below starts this function with an environment variable; without the variable, the
/// function does nothing. Writes pages of 100 users until a write fails, and prints the number of written pages after each.
#[tokio::test]
async fn process_with_a_file_size_limit() {
    let Ok(path) = std::env::var("HEADCOUNT_FILE_SIZE_LIMIT") else { return };
    let store = SqliteStore::open(path).unwrap();
    for page in 0..1_000 {
        let ids = (0..100).map(|n| format!("diruser_{page:03}_{n:02}"));
        match store.write(users(ids)).await {
            Ok(_) => println!("pages: {}.", page + 1),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Store, "{error}");
                return println!("write failed: {error}");
            }
        }
    }
}

#[tokio::test]
async fn a_write_that_the_disk_has_no_room_for_is_an_error_and_earlier_writes_stay() {
    let path = file("full");
    // A limit of 800 KiB (1,600 blocks of 512 bytes) on the size of a file has the effect of a full disk. A write beyond the limit returns an error,
    // because the signal SIGXFSZ is ignored.
    let limited = "trap '' XFSZ; ulimit -f 1600; exec \"$0\" --exact process_with_a_file_size_limit --nocapture";
    let ended = Command::new("sh")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .env("HEADCOUNT_FILE_SIZE_LIMIT", &path)
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{output}{}", String::from_utf8_lossy(&ended.stderr));
    assert!(output.contains("write failed: the "), "{output}");
    let pages = output.matches("pages: ").count();
    let integrity: String =
        Connection::open(&path).unwrap().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok");
    assert_eq!(user_ids(&SqliteStore::open(&path).unwrap()).await.len(), pages * 100);
}

/// The process that aborts while it holds a lease. The test below starts this function with an environment variable; without the variable, the
/// function does nothing.
#[tokio::test]
async fn process_that_holds_a_lease() {
    let Ok(path) = std::env::var("HEADCOUNT_LEASE_HOLDER") else { return };
    let store = SqliteStore::open(path).unwrap();
    let hour = Duration::from_secs(3_600);
    let lease = store.lease("sync".to_owned(), Timestamp::UNIX_EPOCH, hour).await.unwrap();
    assert!(lease.is_some());
    std::process::abort();
}

#[tokio::test]
async fn a_lease_ends_with_its_process() {
    let path = file("killed");
    let ended = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process_that_holds_a_lease"])
        .env("HEADCOUNT_LEASE_HOLDER", &path)
        .output()
        .unwrap();
    assert!(!ended.status.success());
    let lock_files = || {
        let names = std::fs::read_dir(path.parent().unwrap()).unwrap();
        names.filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().contains("-lease-")).count()
    };
    assert_eq!(lock_files(), 1);

    let store = SqliteStore::open(&path).unwrap();
    let hour = Duration::from_secs(3_600);
    let lease = store.lease("sync".to_owned(), Timestamp::UNIX_EPOCH, hour).await.unwrap();

    assert_eq!(lease.unwrap().fence().token, 2);
    assert_eq!(lock_files(), 1, "the lock file of the process that ended is removed");
    store.close().await.unwrap();
    assert_eq!(lock_files(), 0);
}

/// Makes the batch of a page that lists the users `ids` with the given name `name` and these groups: the users who are new or differ from their
/// stored rows, and their changes.
fn page(set: &WorkingSet, ids: &[String], name: &str, groups: &[&str]) -> Batch {
    let mut batch = Batch::default();
    for id in ids {
        let stored = set.users.get(id).cloned().unwrap_or_default();
        let told_groups: Vec<String> = groups.iter().map(|id| (*id).to_owned()).collect();
        let mut user = MirrorUser::default();
        user.id.clone_from(id);
        user.organization_id = "org_1".to_owned();
        user.directory_id = "dir_1".to_owned();
        user.given_name = name.to_owned();
        if user.given_name == stored.user.given_name && told_groups == stored.told_groups {
            continue;
        }
        let without = |left: &[String], right: &[String]| {
            left.iter().filter(|id| !right.contains(id)).cloned().collect::<Vec<String>>()
        };
        let kind = if stored.number == 0 { ChangeKind::UserCreated } else { ChangeKind::UserUpdated };
        batch.entries.push(NewEntry {
            organization_id: "org_1".to_owned(),
            directory_id: "dir_1".to_owned(),
            cause: "sync:1".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            body: EntryBody {
                after: Some(Mirrored::User(Box::new(user.clone()))),
                changes: vec![Delta { kind, group_id: None, fields: Vec::new() }],
                ..EntryBody::default()
            },
        });
        batch.users.push(UserWrite {
            joined: without(&told_groups, &stored.told_groups),
            left: without(&stored.told_groups, &told_groups),
            row: UserRow { user, told_groups, listed: true, ..stored },
        });
    }
    batch
}

#[tokio::test]
async fn a_page_of_100_users_costs_at_most_12_statements() {
    let store = SqliteStore::open(file("statements")).unwrap();
    let lease = store.lease("sync".to_owned(), Timestamp::UNIX_EPOCH, Duration::from_secs(60)).await.unwrap().unwrap();
    let ids: Vec<String> = (0..150).map(|n| format!("diruser_{n:03}")).collect();
    let before = ["dirgroup_1", "dirgroup_2", "dirgroup_3", "dirgroup_4", "dirgroup_5"];
    let after = ["dirgroup_2", "dirgroup_3", "dirgroup_4", "dirgroup_5", "dirgroup_6"];
    for (case, ids, name, groups, seconds) in [
        ("new", &ids[..50], "Ada", before, 0),
        ("new and unchanged", &ids[25..125], "Ada", before, 0),
        ("changed", &ids[..100], "Ada Ada", after, 0),
        ("unchanged", &ids[..100], "Ada Ada", after, 0),
        ("changed, and the lease is extended", &ids[..100], "Ada", before, 40),
    ] {
        let keys = Keys {
            organizations: ["org_1".to_owned()].into(),
            directories: ["dir_1".to_owned()].into(),
            users: ids.iter().cloned().collect(),
            groups: groups.iter().map(|id| (*id).to_owned()).collect(),
            ..Keys::default()
        };
        let ids = ids.to_vec();
        let started = store.statements();

        let write = Write {
            scope: Scope::Organization("org_1".to_owned()),
            durability: Durability::Process,
            fence: Some(lease.fence().clone()),
            now: Timestamp::from_second(seconds).unwrap(),
            keys,
            decide: Box::new(move |set| Ok(Decision::Commit(Box::new(page(&set, &ids, name, &groups))))),
        };
        store.write(write).await.unwrap();

        let count = store.statements() - started;
        println!("{case}: {count} statements");
        assert!(count <= 12, "{case}: {count} statements");
    }
}

#[tokio::test]
async fn a_webhook_costs_at_most_12_statements() {
    let store = SqliteStore::open(file("statements_webhook")).unwrap();
    for n in 0..2 {
        let started = store.statements();
        let mut write = users([]);
        write.keys.users = ["diruser_1".to_owned()].into();
        write.keys.events = [format!("evt_{n}")].into();
        write.decide = Box::new(move |set| {
            let groups = [format!("dirgroup_{n}")];
            let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
            let mut batch = page(&set, &["diruser_1".to_owned()], &format!("Ada {n}"), &groups);
            batch.events.push(EventRow {
                id: format!("evt_{n}"),
                organization_id: "org_1".to_owned(),
                received_at: Timestamp::UNIX_EPOCH,
                state: EventState::Settled,
                body: None,
                ..EventRow::default()
            });
            Ok(Decision::Commit(Box::new(batch)))
        });
        store.write(write).await.unwrap();
        let count = store.statements() - started;
        println!("{count} statements");
        assert!(count <= 12, "{count} statements");
    }
}

/// Copies a file that headcount 0.1.0 wrote, and returns the copy's path. The file has the result of a sync of 8 users and 3 groups, a role map, a
/// consumer that has parked the change 5, a consumer inside a snapshot, an event that was applied, two that are held, and one that is pending.
fn written_by_version_0_1_0(name: &str) -> PathBuf {
    let path = file(name);
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mirror-0.1.0.db"), &path).unwrap();
    path
}

#[test]
fn every_column_of_the_schema_is_copied() {
    let path = file("columns");
    drop(SqliteStore::open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    let sql = "SELECT tables.name || '.' || columns.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
        WHERE tables.type = 'table' AND tables.name NOT IN ('lease', 'counter', 'sqlite_sequence')";
    let mut statement = connection.prepare(sql).unwrap();
    let found: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(|name| name.unwrap()).collect();
    // These have the same value in every row of a copy.
    let fixed = ["change.kind", "event.directory_id", "parked_change.last", "parked_change.count"];
    let found: BTreeSet<String> = found.into_iter().filter(|name| !fixed.contains(&name.as_str())).collect();
    let in_file = |table: &str, column: &str| match (table, column) {
        ("users", column) => format!("user.{column}"),
        ("groups", column) => format!("group.{column}"),
        ("hold", "allowed") => "hold.limit".to_owned(),
        ("approval", "decided_by") => "approval.by".to_owned(),
        (table, column) => format!("{table}.{column}"),
    };
    let tables = TABLES.iter().filter(|table| **table != NUMBERS);
    let copied = tables.flat_map(|table| table.columns.iter().map(move |(column, _)| in_file(table.name, column)));
    assert_eq!(found, copied.collect(), "add new columns to headcount::store::copy::TABLES");
}

#[tokio::test]
async fn a_file_of_version_0_1_0_is_read() {
    let store = SqliteStore::open(written_by_version_0_1_0("old_read")).unwrap();
    let keys = Keys { chore: Some(1), ..Keys::default() };
    let set = store.load(keys).await.unwrap();
    assert_eq!(set.revision, 4);
    assert_eq!(set.role_map.as_deref(), Some("[[\"Engineering\",\"admin\"]]"));
    let chore = set.chore.unwrap();
    assert_eq!(chore.cause, "roles", "roles are derived again, because entries of the role map are typed now");
    assert_eq!(chore.group_id, "");

    let counts = store.directory_counts().await.unwrap();
    assert_eq!(counts.len(), 1);
    assert_eq!(counts[0].users, 7);
    assert_eq!(counts[0].groups, 3);
    assert!(counts[0].row.last_full_sync.is_some());
    let organization = counts[0].row.directory.organization_id.clone();

    let holds = store.holds(Some(organization.clone()), None).await.unwrap();
    assert_eq!(holds.len(), 1);
    assert_eq!(holds[0].reason, HoldReason::DeletionBurst);
    assert_eq!(holds[0].count, 2);
    assert!(holds[0].since > Timestamp::UNIX_EPOCH);
    assert!(holds[0].causes[0].starts_with("event:"));
    let named = UserFilter { hold: Some(holds[0].id()), ..UserFilter::default() };
    let named = store.users(named, 0, 10).await.unwrap();
    assert_eq!(named.len(), 2);
    assert!(named.iter().all(|row| row.held_removal().is_some_and(|version| version.at.is_some())));

    let changes = store.changes(0, 100).await.unwrap();
    assert_eq!(changes.iter().map(|change| change.seq).collect::<Vec<_>>(), (1..=21).collect::<Vec<_>>());
    assert_eq!(changes[0].kind, ChangeKind::DirectoryEnabled);
    assert_eq!(changes[4].kind, ChangeKind::UserCreated);
    assert_eq!(changes[6].kind, ChangeKind::MembershipAdded);
    assert!(changes[6].user.is_some() && changes[6].group.is_some());

    let parked = store.parked_changes("app".to_owned()).await.unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!(parked[0].change, changes[4]);
    assert_eq!(parked[0].reason, "no such account");
    let (consumers, latest) = store.consumers().await.unwrap();
    assert_eq!(latest, 21);
    assert_eq!(consumers[0].0.cursor, 5);
    assert_eq!(consumers[1].0.snapshot.unwrap().seq, 21);

    let settled = store.events(organization, EventState::Settled, 0, 10).await.unwrap();
    assert!(settled.iter().all(|(_, event)| event.body.is_none()), "the migration removes the bodies of held events");
    let pending = store.events("org_other".to_owned(), EventState::Pending, 0, 10).await.unwrap();
    assert_eq!(pending[0].1.id, "evt_pending");
    assert!(pending[0].1.body.is_some());
}

/// Runs `sql` on a copy of the file of version 0.1.0. Returns the copy's store, which migrates it.
fn migrated(name: &str, sql: &str) -> SqliteStore {
    let path = written_by_version_0_1_0(name);
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    SqliteStore::open(&path).unwrap()
}

#[tokio::test]
async fn the_migration_determines_which_changes_were_trimmed() {
    let cases = [
        ("trimmed_nothing", "SELECT 1", 0),
        ("trimmed_the_first", "DELETE FROM change WHERE seq <= 3", 3),
        ("trimmed_around_a_parked_change", "DELETE FROM change WHERE seq <= 8 AND seq <> 5", 8),
    ];
    for (name, sql, expected) in cases {
        let store = migrated(name, sql);
        let marks = store.feed("app".to_owned(), None, 0).await.unwrap().marks;
        assert_eq!(marks.trimmed, expected, "{name}");
        assert_eq!(marks.latest, 21, "{name}");
        assert_eq!(marks.durable, 21, "{name}");
        assert_eq!(store.parked_changes("app".to_owned()).await.unwrap().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn the_migration_drops_a_parked_change_that_was_trimmed() {
    let store = migrated("trimmed_parked", "DELETE FROM change WHERE seq = 5");
    let (consumers, _) = store.consumers().await.unwrap();
    assert_eq!(consumers[0].1, 0);
    assert!(store.parked_changes("app".to_owned()).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_migration_keeps_the_position_in_a_snapshot() {
    // In version 0.1.0, the numbers of a snapshot's users began at -2^51. The migration changes them to those of generation 0 (see
    // `ConsumerRow::generation`), which begin at -2^52 + 2^35.
    let users_begin = -(1_i64 << 52) + (1 << 35);
    let sql = format!("UPDATE consumer SET cursor = {} + 2 WHERE name = 'snapshot'", -(1_i64 << 51));
    let store = migrated("snapshot_position", &sql);
    let row = store.feed("snapshot".to_owned(), None, 0).await.unwrap().consumer.unwrap();
    assert_eq!(row.cursor, users_begin + 2);
    assert!(row.polled > row.cursor && row.polled < 0);
}

#[tokio::test]
async fn a_file_of_version_0_1_0_can_be_written() {
    let path = written_by_version_0_1_0("old_goes_on");
    let store = SqliteStore::open(&path).unwrap();
    let ids = ["diruser_new".to_owned()];
    let mut write = users([]);
    write.decide = Box::new(move |set| {
        let mut batch = page(&set, &ids, "Ada", &["dirgroup_1"]);
        batch.entries[0].body.changes.push(Delta {
            kind: ChangeKind::MembershipAdded,
            group_id: Some("dirgroup_1".to_owned()),
            fields: Vec::new(),
        });
        Ok(Decision::Commit(Box::new(batch)))
    });

    let committed = store.write(write).await.unwrap();

    assert_eq!(committed.users["diruser_new"], 9);
    assert_eq!(committed.changes, 2);
    let page = store.feed("app".to_owned(), Some(20), 100).await.unwrap();
    let kinds: Vec<_> = page.changes.iter().map(|change| (change.seq, change.kind)).collect();
    assert_eq!(kinds[1..], [(22, ChangeKind::UserCreated), (23, ChangeKind::MembershipAdded)]);
    drop(store);

    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.load(Keys::default()).await.unwrap().revision, 5);
    let retention = Retention {
        changes: Timestamp::MAX,
        consumers: Timestamp::MIN,
        tombstones: Timestamp::MAX,
        events: Timestamp::MAX,
        losses: Timestamp::MAX,
        history: None,
        runs: Timestamp::MAX,
        limit: 1_000,
    };
    store.drop_consumer("snapshot".to_owned()).await.unwrap();
    store.trim(retention).await.unwrap();
    // `app` has acknowledged the changes 1 to 5, and has parked the last of them.
    let kept: Vec<i64> = store.changes(0, 100).await.unwrap().iter().map(|change| change.seq).collect();
    assert_eq!(kept, (6..=23).collect::<Vec<_>>());
    assert_eq!(store.parked_changes("app".to_owned()).await.unwrap()[0].change.seq, 5);
}

/// The process that prints the modes of its files, in octal. The test below starts this function with an environment variable; without the
/// variable, the function does nothing.
#[cfg(unix)]
#[tokio::test]
async fn process_with_a_umask() {
    let Ok(path) = std::env::var("HEADCOUNT_UMASK") else { return };
    let store = SqliteStore::open(&path).unwrap();
    write_user(&store, "diruser_1").await.unwrap();
    let lease = store.lease("sync".to_owned(), Timestamp::UNIX_EPOCH, Duration::from_secs(60)).await.unwrap();
    for entry in std::fs::read_dir(Path::new(&path).parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&entry.metadata().unwrap().permissions());
        println!("mode {:o} {}", mode & 0o777, entry.file_name().display());
    }
    drop(lease);
}

#[cfg(unix)]
#[test]
fn only_their_owner_can_open_the_files_whatever_the_umask_is() {
    for umask in ["000", "022", "277"] {
        let path = file(&format!("umask_{umask}"));
        let ended = Command::new("sh")
            .args(["-c", &format!("umask {umask}; exec \"$0\" --exact process_with_a_umask --nocapture")])
            .arg(std::env::current_exe().unwrap())
            .env("HEADCOUNT_UMASK", &path)
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success(), "{output}{}", String::from_utf8_lossy(&ended.stderr));
        let modes: Vec<&str> = output.lines().filter_map(|line| line.split_once("mode ")).map(|line| line.1).collect();
        assert_eq!(modes.len(), 4, "expected the database, the log, the log's index and a lock file, got {modes:?}");
        for mode in modes {
            // The umask applies to lock files, so the umask 277 (octal) takes the owner's permission to write from them.
            let is_lock_with_a_strict_umask = umask == "277" && mode.contains("-lease-");
            assert!(
                mode.starts_with("600 ") || is_lock_with_a_strict_umask,
                "umask {umask}: expected the mode 600, got {mode}"
            );
        }
    }
}

#[cfg(unix)]
#[test]
fn an_existing_file_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let path = file("mode");
    drop(SqliteStore::open(&path).unwrap());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    drop(SqliteStore::open(&path).unwrap());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
}
