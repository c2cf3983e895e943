//! What a mirror says of a file that it cannot use, and that the file is then as it was; and listings that no directory should give.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use headcount::{ErrorKind, ErrorStatus, Mirror, SyncMode, Webhook};
use headcount_sandbox::Sandbox;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::process::Command;

fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("store");
    std::fs::create_dir_all(&folder).unwrap();
    for ending in ["", "-wal", "-shm", "-lock", "-journal"] {
        let _ = std::fs::remove_file(folder.join(format!("{name}{ending}")));
    }
    folder.join(name)
}

async fn refused(path: &Path) -> headcount::Error {
    let error = Mirror::builder().open(path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store, "{error}");
    assert!(error.to_string().contains(&path.display().to_string()), "the file is not named: {error}");
    error
}

#[tokio::test]
async fn another_programs_database_is_left_alone() {
    let path = file("other.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE song (title TEXT)").unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = refused(&path).await;
    assert!(error.message().contains("something else"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_open_a_new_file_at_once() {
    for round in 0..10 {
        let path = file(&format!("new.{round}.db"));
        let opening: Vec<_> = (0..8)
            .map(|n| {
                let path = path.clone();
                tokio::spawn(async move {
                    let mirror = Mirror::builder().open(&path).await.unwrap();
                    mirror.poll(&format!("consumer_{n}"), 1).await.unwrap();
                })
            })
            .collect();
        for opened in opening {
            opened.await.unwrap();
        }
        let mirror = Mirror::builder().open(&path).await.unwrap();
        assert_eq!(mirror.consumers().await.unwrap().len(), 8);
    }
}

#[tokio::test]
async fn a_newer_version_is_left_alone() {
    let path = file("newer.db");
    drop(Mirror::builder().open(&path).await.unwrap());
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let error = refused(&path).await;
    assert!(error.message().contains("version 99") && error.message().contains("update headcount"), "{error}");
}

#[tokio::test]
async fn what_is_no_database_or_cannot_be_opened() {
    let path = file("text.db");
    std::fs::write(&path, "the quick brown fox jumps over the lazy dog".repeat(100)).unwrap();
    assert!(refused(&path).await.message().contains("not a SQLite database"));
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("the quick"));
    let error = refused(Path::new("/nowhere/at/all/mirror.db")).await;
    assert!(error.message().contains("folder"), "{error}");
    let error = Mirror::builder().open("postgresql://localhost/mirror").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    for share in [-0.1, 1.5, f64::NAN] {
        let error = Mirror::builder().guard_share(share).open(":memory:").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    }
}

#[tokio::test]
async fn a_read_only_file_is_an_error_and_stays_as_it_was() {
    let path = file("read_only.db");
    let mirror = Mirror::builder().open(&path).await.unwrap();
    mirror.set_role_map([("Crew", "sailor")]).await.unwrap();
    drop(mirror);
    // Root may write whatever the permissions say: SQLite is told by the address.
    let address = PathBuf::from(format!("file:{}?mode=ro", path.display()));
    let reader = Mirror::builder().open(&address).await.unwrap();
    assert_eq!(reader.role_map().await.unwrap().len(), 1);
    let error = reader.set_role_map([("Crew", "captain")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.message().contains("cannot be written"), "{error}");
    drop(reader);
    let again = Mirror::builder().open(&path).await.unwrap();
    assert_eq!(again.role_map().await.unwrap(), [("Crew".to_owned(), "sailor".to_owned())]);
}

#[tokio::test]
async fn another_process_in_the_middle_of_a_write_is_waited_for_and_then_named() {
    let path = file("locked.db");
    let mirror = Mirror::builder().open(&path).await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = mirror.set_role_map([("Crew", "sailor")]).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Store, ErrorStatus::Temporary));
    assert!(error.message().contains("another process"), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    assert!(mirror.role_map().await.unwrap().is_empty());
    mirror.set_role_map([("Crew", "sailor")]).await.unwrap();
}

/// The process that may write little. As a test of its own it has nothing to do.
#[tokio::test]
async fn squeezed() {
    let Ok(path) = std::env::var("HEADCOUNT_SQUEEZED") else { return };
    let sandbox = Sandbox::builder().users(2_000).groups(5).start().unwrap();
    let webhook = Webhook::new([sandbox.webhook_secret()]).unwrap();
    let client = sandbox.client().build().unwrap();
    let mirror = Mirror::builder().client(client).webhook(webhook).open(path).await.unwrap();
    let error = mirror.sync(sandbox.organization_id()).mode(SyncMode::Full).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store, "{error}");
    println!("squeezed: {error}");
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_what_was_there_is_intact() {
    let path = file("full.db");
    // A quota on the size of files: 400 kB, and an error in the place of a signal.
    let limited = "trap '' XFSZ; ulimit -f 800; exec \"$0\" --exact squeezed --nocapture";
    let ended = Command::new("sh")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .env("HEADCOUNT_SQUEEZED", &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(
        ended.status.success() && said.contains("squeezed: the "),
        "{said}{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    let sqlite = Connection::open(&path).unwrap();
    let whole: String = sqlite.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
    drop(sqlite);
    let mirror = Mirror::builder().open(&path).await.unwrap();
    let status = mirror.status().await.unwrap().remove(0);
    let created = mirror.poll("app", 10_000).await.unwrap();
    let created = created.iter().filter(|change| change.kind == headcount::ChangeKind::UserCreated).count();
    assert_eq!((status.last_full_sync, status.users), (None, created as u64));
}

#[tokio::test]
async fn a_full_sync_that_changes_nothing_writes_next_to_nothing() {
    let path = file("quiet.db");
    let sandbox = Sandbox::builder().users(3_000).groups(5).start().unwrap();
    let mirror = Mirror::open(&path, sandbox.client().build().unwrap()).await.unwrap();
    mirror.sync(sandbox.organization_id()).mode(SyncMode::Full).await.unwrap();
    // What is in the log is moved into the file, and the log begins anew.
    let sqlite = Connection::open(&path).unwrap();
    sqlite.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let report = mirror.sync(sandbox.organization_id()).mode(SyncMode::Full).await.unwrap().remove(0);
    assert_eq!((report.users, report.changes), (3_000, 0));
    let log = std::fs::metadata(path.with_extension("db-wal")).unwrap().len();
    assert!(log < 100_000, "a hundred pages of users left {log} bytes in the log");
}
