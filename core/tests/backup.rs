//! Backups of a mirror in a file and in memory: what is in them, what is refused, and that a failure leaves no file.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use headcount::mirror::{ReconcileOptions, SyncMode};
use headcount::{Change, ErrorKind, Mirror, blocking};
use headcount_sandbox::{NewUser, Sandbox};
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

/// Empties the folder `name`, which is created if there is none, and returns its path.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("backup").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Returns the names of the files in a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

async fn open(path: &Path) -> Mirror {
    Mirror::builder().open(path).await.unwrap()
}

/// Opens a mirror with the users of a sandbox. The consumer `app` has acknowledged the first change.
async fn synced(sandbox: &Sandbox, path: &Path) -> Mirror {
    let client = sandbox.client().build().unwrap();
    let mirror = Mirror::builder().client(client).open(path).await.unwrap();
    mirror.sync_all().mode(SyncMode::Full).await.unwrap();
    let first = mirror.poll("app", 1).await.unwrap();
    mirror.ack("app", first[0].seq).await.unwrap();
    mirror
}

fn sandbox(users: usize) -> Sandbox {
    Sandbox::builder().users(users).groups(3).start().unwrap()
}

async fn feed(mirror: &Mirror) -> Vec<Change> {
    mirror.poll("app", 10_000).await.unwrap()
}

#[tokio::test]
async fn a_backup_has_what_was_in_the_mirror_and_is_opened_as_a_mirror() {
    let folder = folder("contents");
    let sandbox = sandbox(30);
    let mirror = synced(&sandbox, &folder.join("mirror.db")).await;
    let backup = folder.join("backup.db");
    mirror.backup(&backup).await.unwrap();
    let (id, expected) = (mirror.id().map(str::to_owned), feed(&mirror).await);
    assert!(expected.len() > 30);
    mirror.close().await.unwrap();
    assert_eq!(names(&folder), ["backup.db", "mirror.db"].map(str::to_owned).into());

    let restored = open(&backup).await;
    assert_eq!(restored.id().map(str::to_owned), id);
    assert_eq!(feed(&restored).await, expected);
    assert_eq!(restored.status().await.unwrap()[0].users, 30);
    restored.link(&expected.iter().find_map(|change| change.user.clone()).unwrap().id, Some("acct_1")).await.unwrap();
}

#[tokio::test]
async fn a_backup_is_sound_has_the_mirrors_application_id_and_is_private() {
    let folder = folder("form");
    let mirror = synced(&sandbox(5), &folder.join("mirror.db")).await;
    let backup = folder.join("backup.db");
    mirror.backup(&backup).await.unwrap();
    let connection = Connection::open(&backup).unwrap();
    let text = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(text("PRAGMA integrity_check"), "ok");
    assert_eq!(text("SELECT printf('%x', application_id) FROM pragma_application_id"), "68636d72");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_mirror_in_memory_is_backed_up_to_a_file() {
    let folder = folder("memory");
    let mirror = synced(&sandbox(5), Path::new(":memory:")).await;
    let backup = folder.join("backup.db");
    mirror.backup(&backup).await.unwrap();
    mirror.close().await.unwrap();
    let restored = open(&backup).await;
    assert_eq!(restored.status().await.unwrap()[0].users, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_go_on_during_backups_and_each_backup_is_of_one_moment() {
    let folder = folder("busy");
    let mirror = synced(&sandbox(20), &folder.join("mirror.db")).await;
    let user = mirror.users(&mirror.directories(None).await.unwrap()[0].organization_id).next().await.unwrap().unwrap();
    let stop = std::sync::Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (mirror, stop) = (mirror.clone(), std::sync::Arc::clone(&stop));
        async move {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                number += 1;
                mirror.link(&user.id, Some(&format!("acct_{number}"))).await.unwrap();
            }
            number
        }
    });
    for number in 0..5 {
        mirror.backup(folder.join(format!("{number}.db"))).await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    assert!(writing.await.unwrap() > 0);
    for number in 0..5 {
        let connection = Connection::open(folder.join(format!("{number}.db"))).unwrap();
        let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
    }
}

#[tokio::test]
async fn a_path_that_cannot_be_that_of_a_new_file_is_refused() {
    let folder = folder("refused");
    let own = folder.join("mirror.db");
    let mirror = open(&own).await;
    let used = folder.join("used.db");
    std::fs::write(&used, "another program's").unwrap();
    std::fs::write(folder.join("lost.db-wal"), "of a database that was deleted").unwrap();
    let before = names(&folder);
    for (path, kind, words) in [
        (own.clone(), ErrorKind::Config, "the mirror's own file"),
        (folder.join(".").join("mirror.db"), ErrorKind::Config, "the mirror's own file"),
        (PathBuf::from(":memory:"), ErrorKind::Config, "got :memory:"),
        (PathBuf::new(), ErrorKind::Config, "got an empty one"),
        (PathBuf::from("postgresql://app:hunter2@localhost/mirror"), ErrorKind::Config, "got a URL"),
        (used.clone(), ErrorKind::Store, "one where there is a file"),
        (folder.clone(), ErrorKind::Store, "one where there is a file"),
        (folder.join("lost.db"), ErrorKind::Store, "one where there is a file"),
        (folder.join("missing").join("backup.db"), ErrorKind::Store, "the folder of the backup does not exist"),
        (used.join("backup.db"), ErrorKind::Store, "the folder of the backup does not exist"),
    ] {
        let error = mirror.backup(&path).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{path:?}: {error}");
        assert!(error.message().contains(words), "{path:?}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    assert_eq!(names(&folder), before);
    assert_eq!(std::fs::read_to_string(&used).unwrap(), "another program's");
}

#[tokio::test]
async fn a_closed_mirror_makes_no_backup() {
    let folder = folder("closed");
    let mirror = open(&folder.join("mirror.db")).await;
    mirror.close().await.unwrap();
    let error = mirror.backup(folder.join("backup.db")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(names(&folder), ["mirror.db".to_owned()].into());
}

#[tokio::test]
async fn a_backup_whose_future_is_dropped_leaves_a_whole_file_or_none() {
    let folder = folder("dropped");
    let mirror = synced(&sandbox(20), &folder.join("mirror.db")).await;
    let backup = folder.join("backup.db");
    let dropped = tokio::time::timeout(std::time::Duration::ZERO, mirror.backup(&backup)).await;
    assert!(dropped.is_err());
    // Waits until the backup has ended.
    mirror.close().await.unwrap();
    let left = names(&folder);
    assert!(!left.iter().any(|name| name.ends_with(".partial")), "{left:?}");
    if left.contains("backup.db") {
        assert_eq!(open(&backup).await.status().await.unwrap()[0].users, 20);
    }
}

/// Names the folder with a small disk, in the process in which the disk is mounted.
const SMALL_DISK: &str = "HEADCOUNT_TEST_SMALL_DISK";

#[test]
fn a_full_disk_is_reported_and_leaves_no_file() {
    let Some(disk) = std::env::var_os(SMALL_DISK).map(PathBuf::from) else {
        // Runs this test again, in a mount namespace with a file system of 64 KiB.
        let disk = folder("full").join("disk");
        std::fs::create_dir(&disk).unwrap();
        let script = r#"mount -t tmpfs -o size=64k,mode=0700 tmpfs "$0" && exec "$@""#;
        let test = "a_full_disk_is_reported_and_leaves_no_file";
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script]).arg(&disk);
        command.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]).env(SMALL_DISK, &disk);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    };
    let mirror = blocking::Mirror::with_settings(disk.with_file_name("mirror.db"), None, Mirror::builder()).unwrap();
    let error = mirror.backup(&disk.join("backup.db")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.message().contains("because the disk is full: make room"), "{error}");
    assert_eq!(names(&disk), BTreeSet::new());
}

/// The story of docs/operating.md: the mirror's file is lost and restored from a backup.
#[tokio::test]
async fn after_a_restore_nobody_is_locked_out_and_no_leaver_stays_active() {
    let folder = folder("restore");
    let sandbox = sandbox(12);
    let path = folder.join("mirror.db");
    let mirror = synced(&sandbox, &path).await;
    let organization = mirror.directories(None).await.unwrap()[0].organization_id.clone();
    mirror.backup(folder.join("backup.db")).await.unwrap();

    // A hire whom the application has handled since the backup, and a leaver of whom it has not heard.
    let hired = sandbox.create_user(NewUser { email: "ada@example.com".to_owned(), ..NewUser::default() }).unwrap();
    mirror.sync_all().mode(SyncMode::Full).await.unwrap();
    let mut users = mirror.users(&organization);
    let mut accounts = Vec::new();
    while let Some(user) = users.next().await.unwrap() {
        accounts.push(user.id);
    }
    assert_eq!(accounts.len(), 13);
    drop(users);
    mirror.close().await.unwrap();
    let left = accounts.iter().find(|id| **id != hired.id).unwrap().clone();
    sandbox.delete_user(&left).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::copy(folder.join("backup.db"), &path).unwrap();

    let restored = Mirror::builder().client(sandbox.client().build().unwrap()).open(&path).await.unwrap();
    let error = restored.reconcile(accounts.clone(), ReconcileOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    restored.sync_all().mode(SyncMode::Full).await.unwrap();
    assert_eq!(restored.reconcile(accounts, ReconcileOptions::default()).await.unwrap(), [left]);
}
