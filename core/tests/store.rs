//! The SQLite store: the tests that every store passes, and files that it cannot use.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use headcount::store::conformance::Factory;
use headcount::store::{
    Batch, Decision, Durability, Keys, Scope, SqliteStore, Store, StoreFuture, UserFilter, UserRow, UserWrite, Write,
};
use headcount::{ErrorKind, ErrorStatus, MirrorUser, Result, Timestamp};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("store").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The path of a file that does not exist, in a folder of its own.
fn file(name: &str) -> PathBuf {
    let folder = folder(name);
    for entry in std::fs::read_dir(&folder).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    folder.join("mirror.db")
}

struct Memory;

impl Factory for Memory {
    fn create(&self, _name: String) -> StoreFuture<'_, Arc<dyn Store>> {
        Box::pin(async { Ok(Arc::new(SqliteStore::open(":memory:")?) as Arc<dyn Store>) })
    }
}

/// Files in folders that begin with this name.
struct Files(&'static str);

impl Factory for Files {
    fn create(&self, name: String) -> StoreFuture<'_, Arc<dyn Store>> {
        Box::pin(async move { Ok(Arc::new(SqliteStore::open(file(&format!("{}/{name}", self.0)))?) as Arc<dyn Store>) })
    }

    fn reopen(&self, name: String) -> Option<StoreFuture<'_, Arc<dyn Store>>> {
        Some(Box::pin(async move {
            let path = folder(&format!("{}/{name}", self.0)).join("mirror.db");
            Ok(Arc::new(SqliteStore::open(path)?) as Arc<dyn Store>)
        }))
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

fn refused(path: &Path) -> headcount::Error {
    let error = SqliteStore::open(path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store, "{error}");
    assert!(error.to_string().contains(&path.display().to_string()), "the file is not named: {error}");
    error
}

/// A write of new users.
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
    assert!(error.message().contains("something else"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_newer_version_is_left_as_it_is() {
    let path = file("newer");
    drop(SqliteStore::open(&path).unwrap());
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let error = refused(&path);
    assert!(error.message().contains("version 99"), "{error}");
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
fn a_missing_folder_is_named() {
    let error = refused(Path::new("/nowhere/at/all/mirror.db"));
    assert!(error.message().contains("folder"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_open_a_new_file_at_once() {
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
async fn a_read_only_file_is_an_error_and_stays_as_it_was() {
    let path = file("read_only");
    write_user(&SqliteStore::open(&path).unwrap(), "diruser_1").await.unwrap();
    // Root may write whatever the permissions say, so the address opens the file for reading.
    let address = PathBuf::from(format!("file:{}?mode=ro", path.display()));
    let reader = SqliteStore::open(&address).unwrap();
    assert_eq!(user_ids(&reader).await, ["diruser_1"]);

    let error = write_user(&reader, "diruser_2").await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.message().contains("cannot be written"), "{error}");
    drop(reader);
    assert_eq!(user_ids(&SqliteStore::open(&path).unwrap()).await, ["diruser_1"]);
}

#[tokio::test]
async fn a_write_waits_for_another_process_and_then_names_it() {
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

/// The process that may write little; started by the test below. As a test of its own it does nothing.
#[tokio::test]
async fn squeezed() {
    let Ok(path) = std::env::var("HEADCOUNT_SQUEEZED") else { return };
    let store = SqliteStore::open(path).unwrap();
    for page in 0..1_000 {
        let ids = (0..100).map(|n| format!("diruser_{page:03}_{n:02}"));
        match store.write(users(ids)).await {
            Ok(_) => println!("pages: {}.", page + 1),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Store, "{error}");
                return println!("squeezed: {error}");
            }
        }
    }
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_earlier_writes_stay() {
    let path = file("full");
    // A limit on the size of files, 400 kB, and an error instead of a signal.
    let limited = "trap '' XFSZ; ulimit -f 800; exec \"$0\" --exact squeezed --nocapture";
    let ended = Command::new("sh")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .env("HEADCOUNT_SQUEEZED", &path)
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{output}{}", String::from_utf8_lossy(&ended.stderr));
    assert!(output.contains("squeezed: the "), "{output}");
    let pages = output.matches("pages: ").count();
    let whole: String =
        Connection::open(&path).unwrap().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
    assert_eq!(user_ids(&SqliteStore::open(&path).unwrap()).await.len(), pages * 100);
}

/// The process that ends while it holds a lease; started by the test below. As a test of its own it does nothing.
#[tokio::test]
async fn holding() {
    let Ok(path) = std::env::var("HEADCOUNT_HOLDING") else { return };
    let store = SqliteStore::open(path).unwrap();
    let hour = std::time::Duration::from_secs(3_600);
    let lease = store.lease("sync".to_owned(), Timestamp::UNIX_EPOCH, hour).await.unwrap();
    assert!(lease.is_some());
    std::process::abort();
}

#[tokio::test]
async fn a_lease_ends_with_its_process() {
    let path = file("killed");
    let ended = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "holding"])
        .env("HEADCOUNT_HOLDING", &path)
        .output()
        .unwrap();
    assert!(!ended.status.success());
    let holders = || {
        let names = std::fs::read_dir(path.parent().unwrap()).unwrap();
        names.filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().contains("-lease-")).count()
    };
    assert_eq!(holders(), 1);

    let store = SqliteStore::open(&path).unwrap();
    let hour = std::time::Duration::from_secs(3_600);
    let lease = store.lease("sync".to_owned(), Timestamp::UNIX_EPOCH, hour).await.unwrap();

    assert_eq!(lease.unwrap().fence().token, 2);
    assert_eq!(holders(), 1, "the file of the process that ended is removed");
    drop(store);
    assert_eq!(holders(), 0);
}
