//! The mirror's file: URLs in place of paths, files that are locked, changed, replaced or of version 0.1.0, permissions, what a sync writes,
//! closing, and a consumer with partitions of a blocking mirror.
#![allow(clippy::unwrap_used, reason = "a test")]

use futures_util::FutureExt;
use headcount::mirror::{CopyOptions, MirrorOptions, SyncMode, SyncOutcome};
use headcount::store::SqliteStore;
use headcount::webhook::ReplayGuard;
use headcount::{ErrorKind, Mirror, blocking};
use headcount_sandbox::Sandbox;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Empties the folder `name`, which is created if there is none. Returns the path of a file in it that does not exist.
fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("mirror_file").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    for entry in std::fs::read_dir(&folder).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    folder.join("mirror.db")
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn a_schema_for_a_mirror_in_a_file_or_in_memory_is_a_config_error() {
    for path in [file("schema"), PathBuf::from(":memory:")] {
        let error = Mirror::builder().schema("directories").open(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("a schema is set for a mirror in a file"), "{error}");
        assert!(!path.exists());
    }
}

#[cfg(feature = "postgres")]
#[test]
fn a_blocking_mirror_does_not_treat_a_url_as_a_path_or_put_its_password_into_errors() {
    let open = |url: &str| {
        let settings = Mirror::builder().schema("directories");
        blocking::Mirror::with_settings(url, None, settings).unwrap_err()
    };
    let error = open("postgres://app:hunter2@localhost/mirror?sslmode=unknown");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    // No server listens on the port.
    let error = open("postgresql://app:hunter2@127.0.0.1:9/mirror?sslmode=disable&connect_timeout=1");
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_mirror_has_one_id_for_all_handles_and_copies_of_its_file() {
    let path = file("id");
    let copy = path.with_file_name("copy.db");
    let mirror = Mirror::builder().open(&path).await.unwrap();
    let id = mirror.id().unwrap().to_owned();
    let again = Mirror::builder().open(&path).await.unwrap();
    again.copy_to(&copy, CopyOptions::default()).await.unwrap();
    let copied = Mirror::builder().open(&copy).await.unwrap();
    let other = Mirror::builder().open(":memory:").await.unwrap();

    assert_eq!(again.id(), Some(id.as_str()));
    assert_eq!(copied.id(), Some(id.as_str()));
    assert_ne!(other.id(), Some(id.as_str()));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase());
    let parts: Vec<&str> = id.split('-').collect();
    assert!(parts.iter().all(|part| digits(part)), "{id}");
    assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']), "{id}");
}

#[tokio::test]
async fn a_copy_in_a_file_is_refused_where_a_mirror_is_or_cannot_be() {
    let (own, newer, used) = (file("copy_own"), file("copy_newer"), file("copy_used"));
    let mirror = Mirror::builder().open(&own).await.unwrap();
    mirror.set_role_map([("Crew", "sailor")]).await.unwrap();
    let other = Mirror::builder().open(&used).await.unwrap();
    other.set_role_map([("Crew", "captain")]).await.unwrap();
    Connection::open(&newer)
        .unwrap()
        .execute_batch("PRAGMA application_id = 1751346546; PRAGMA user_version = 99")
        .unwrap();
    let mut with_schema = CopyOptions::default();
    with_schema.schema = Some("directories".to_owned());
    for (target, options, kind, message) in [
        (&own, CopyOptions::default(), ErrorKind::Store, "expected an empty store"),
        (&used, CopyOptions::default(), ErrorKind::Store, "expected an empty store"),
        (&newer, CopyOptions::default(), ErrorKind::Store, "another version of headcount"),
        (&PathBuf::from(":memory:"), CopyOptions::default(), ErrorKind::Config, "got :memory:"),
        (&file("copy_schema"), with_schema, ErrorKind::Config, "a schema is set for a mirror in a file"),
        (&own.with_file_name("missing").join("mirror.db"), CopyOptions::default(), ErrorKind::Store, "folder exists"),
    ] {
        let error = mirror.copy_to(target, options).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(message), "{error}");
    }
    assert_eq!(other.role_map().await.unwrap(), [("Crew".to_owned(), "captain".to_owned())]);
}

#[test]
fn a_copy_of_a_file_of_version_0_1_0_has_the_same_changes() {
    let (old, copy) = (file("copy_old"), file("copy_of_old"));
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mirror-0.1.0.db"), &old).unwrap();
    let old = blocking::Mirror::with_settings(&old, None, Mirror::builder()).unwrap();
    old.copy_to(&copy, CopyOptions::default()).unwrap();
    let copy = blocking::Mirror::with_settings(&copy, None, Mirror::builder()).unwrap();
    let changes = copy.poll("copy", 1_000).unwrap();
    assert!(!changes.is_empty());
    assert_eq!(changes, old.poll("copy", 1_000).unwrap());
}

#[test]
fn a_path_that_contains_the_prefix_of_a_url_is_a_path() {
    let folder = file("prefix").with_file_name("postgresql:");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("mirror.db");
    blocking::Mirror::with_settings(&path, None, Mirror::builder()).unwrap().close().unwrap();
    assert!(path.exists());
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_url_with_another_prefix_is_refused_and_its_password_is_not_in_the_error() {
    for url in [
        "postgresql:/app:hunter2@localhost/mirror",
        "postgres:/app:hunter2@localhost/mirror",
        "POSTGRESQL://app:hunter2@localhost/mirror",
        "postgresql+psycopg://app:hunter2@localhost/mirror",
        "mysql://app:hunter2@localhost/mirror",
        "jdbc:postgresql://app:hunter2@localhost/mirror",
        r"postgresql:\app:hunter2@localhost\mirror",
    ] {
        for error in [
            blocking::Mirror::with_settings(url, None, Mirror::builder()).unwrap_err(),
            SqliteStore::open(url).unwrap_err(),
            ReplayGuard::sqlite(url).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.message().contains("begins with postgresql://"), "{error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
        assert!(!Path::new(url).exists());
    }
}

#[cfg(not(feature = "postgres"))]
#[tokio::test]
async fn a_postgresql_url_without_the_feature_postgres_is_a_config_error() {
    let error = Mirror::builder().open("postgresql://localhost/mirror").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("enable headcount's feature `postgres`"), "{error}");
}

/// On an executor with one thread, the task that ends the lock runs only if opening the mirror does not block that thread.
#[tokio::test(flavor = "current_thread")]
async fn other_tasks_run_while_a_locked_file_is_opened() {
    let path = file("locked");
    Mirror::builder().open(&path).await.unwrap().close().await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let unlock = tokio::spawn(async move { drop(other) });

    let opened = Mirror::builder().open(&path).await;

    assert!(unlock.is_finished(), "the other task did not run while the file was being opened");
    opened.unwrap();
}

#[tokio::test]
async fn a_guard_share_that_is_not_from_0_to_1_is_a_config_error() {
    for share in [-0.1, 1.5, f64::NAN] {
        let error = Mirror::builder().guard_share(share).open(":memory:").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    }
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn each_option_for_postgresql_is_refused_for_a_file() {
    for (options, expected) in [
        (Mirror::builder().schema("directories"), "a schema is set for a mirror in a file"),
        (Mirror::builder().connections(1), "a number of connections is set for a mirror in a file"),
        (Mirror::builder().lock_timeout(Duration::from_secs(1)), "a lock timeout is set for a mirror in a file"),
        (
            Mirror::builder().statement_timeout(Duration::from_secs(1)),
            "a statement timeout is set for a mirror in a file",
        ),
        (
            Mirror::builder().prepared_statements(false),
            "the option for prepared statements is set for a mirror in a file",
        ),
    ] {
        let error = options.open(":memory:").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.message().starts_with(expected), "{error}");
    }
}

#[tokio::test]
async fn the_error_names_a_file_that_is_not_a_mirror() {
    let path = file("other");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE song (title TEXT)").unwrap();
    let error = Mirror::builder().open(&path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store, "{error}");
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
}

/// Size of the header of SQLite's write-ahead log, in bytes.
const LOG_HEADER: u64 = 32;
/// Size of the header that precedes each page in the write-ahead log, in bytes.
const FRAME_HEADER: u64 = 24;
/// Size of a page of the mirror's file, in bytes.
const PAGE: u64 = 8_192;

#[tokio::test]
async fn a_full_sync_that_changes_nothing_writes_at_most_21_pages() {
    let path = file("quiet");
    let sandbox = Sandbox::builder().users(3_000).groups(5).start().unwrap();
    let mirror = Mirror::open(&path, sandbox.client().build().unwrap()).await.unwrap();
    mirror.sync(sandbox.organization_id()).mode(SyncMode::Full).await.unwrap();
    // Moves the write-ahead log's content into the file, and empties the log.
    let sqlite = Connection::open(&path).unwrap();
    sqlite.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();

    let report = mirror.sync(sandbox.organization_id()).mode(SyncMode::Full).await.unwrap().remove(0);

    assert_eq!(report.users, 3_000);
    assert_eq!(report.changes, 0);
    // Seven writes, whatever the number of users: the lease is taken and released, the organization's listing and the directory's sync are each recorded when
    // they begin and when they end, and the sync's run is completed. The writes change 21 pages of the file: the rows, the counters, and indexes.
    let log = std::fs::metadata(path.with_extension("db-wal")).unwrap().len();
    assert!(
        log <= LOG_HEADER + 21 * (FRAME_HEADER + PAGE),
        "expected at most 21 pages in the write-ahead log, got {log} bytes"
    );
}

#[tokio::test]
async fn a_file_of_version_0_1_0_is_polled_and_synced() {
    let path = file("old");
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mirror-0.1.0.db"), &path).unwrap();
    // The file was written with a sandbox of the same sizes and the same seed (the default), so it has the same organization, groups and users.
    let sandbox = Sandbox::builder().users(8).groups(3).start().unwrap();
    let mirror = Mirror::open(&path, sandbox.client().build().unwrap()).await.unwrap();

    let old = mirror.poll("app", 100).await.unwrap();
    mirror.ack("app", 21).await.unwrap();
    let parked = mirror.parked_changes("app").await.unwrap();
    let report = mirror.sync(sandbox.organization_id()).mode(SyncMode::Full).await.unwrap().remove(0);
    mirror.set_role_map([("Engineering", "captain")]).await.unwrap();
    let new = mirror.poll("app", 100).await.unwrap();

    assert_eq!(old.iter().map(|change| change.seq).collect::<Vec<_>>(), (6..=21).collect::<Vec<_>>());
    assert_eq!(parked.len(), 1);
    assert_eq!(parked[0].change.seq, 5);
    assert_eq!(report.outcome, SyncOutcome::Done);
    assert_eq!(report.users, 8);
    let last = 21 + new.len() as i64;
    assert!(last > 21, "expected the new role map to change roles");
    assert_eq!(new.iter().map(|change| change.seq).collect::<Vec<_>>(), (22..=last).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_file_whose_schema_was_changed_is_refused() {
    for (name, sql) in [
        ("trigger", "CREATE TRIGGER t AFTER INSERT ON change BEGIN UPDATE setting SET value = '[]'; END"),
        ("view", "CREATE VIEW v AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"),
        (
            "instead",
            "DROP TABLE chore; CREATE VIEW chore AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i FROM n",
        ),
        ("table", "CREATE TABLE song (title TEXT)"),
        ("index", "CREATE INDEX i ON user (abs(number))"),
        ("column", "ALTER TABLE user ADD COLUMN song TEXT GENERATED ALWAYS AS (hex(number)) VIRTUAL"),
        ("missing", "DROP INDEX user_gone"),
    ] {
        let path = file(name);
        Mirror::builder().open(&path).await.unwrap().close().await.unwrap();
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let opening = tokio::time::timeout(std::time::Duration::from_secs(60), Mirror::builder().open(&path));
        let error = opening.await.expect("opening the file must end within 60 s").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store, "{name}: {error}");
        assert!(error.message().contains("triggers or views"), "{name}: {error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_their_owner_can_open_the_files_and_a_link_in_place_of_a_lock_file_is_not_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let path = file("modes");
    let folder = path.parent().unwrap().to_owned();
    let target = folder.join("target");
    std::fs::write(&target, "of another program").unwrap();
    let link = folder.join("mirror.db-lease-00000000000000aa");
    symlink(&target, &link).unwrap();
    let sandbox = Sandbox::builder().users(3).groups(1).start().unwrap();
    let mirror = Mirror::open(&path, sandbox.client().build().unwrap()).await.unwrap();
    let (seen, watched) = std::sync::mpsc::channel();
    mirror
        .sync(sandbox.organization_id())
        .on_progress(move |_| {
            for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
                let name = entry.file_name().into_string().unwrap();
                if name.starts_with("mirror.db") && entry.file_type().unwrap().is_file() {
                    seen.send((name, entry.metadata().unwrap().permissions().mode() & 0o777)).unwrap();
                }
            }
        })
        .await
        .unwrap();

    let modes: std::collections::BTreeMap<String, u32> = watched.iter().collect();
    assert!(modes.keys().any(|name| name.contains("-lease-")), "{modes:?}");
    assert!(modes.contains_key("mirror.db-wal"), "{modes:?}");
    assert!(modes.values().all(|mode| *mode == 0o600), "{modes:?}");
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "of another program");
    // A lock file that no process has locked is removed. If the link were followed, it would be removed as well, because its target is not locked.
    assert!(link.symlink_metadata().is_ok(), "the link was removed");
}

#[cfg(unix)]
#[tokio::test]
async fn a_write_of_a_mirror_whose_file_was_replaced_is_an_error() {
    let path = file("replaced");
    let mirror = Mirror::builder().open(&path).await.unwrap();
    mirror.set_role_map([("Engineering", "captain")]).await.unwrap();
    let copy = path.with_extension("copy");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::rename(&copy, &path).unwrap();

    let error = mirror.set_role_map([("Sales", "captain")]).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Store, "{error}");
    assert!(error.message().contains("replaced"), "{error}");
}

/// On an executor with one thread, the task that ends the lock runs only if closing the mirror does not block that thread.
#[tokio::test(flavor = "current_thread")]
async fn closing_a_mirror_ends_waits_completes_queued_writes_and_closes_the_file() {
    let path = file("close");
    let mirror = Mirror::builder().open(&path).await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (configuring, waiting) = (mirror.clone(), mirror.clone());
    let options = MirrorOptions { guard_users: Some(7), ..MirrorOptions::default() };
    let write = tokio::spawn(async move { configuring.configure(options).await });
    let wait = tokio::spawn(async move { waiting.wait("app", 10, None).await });
    // Lets both tasks run until each call has queued its first write.
    tokio::task::yield_now().await;
    let unlock = tokio::spawn(async move { drop(other) });

    mirror.close().await.unwrap();

    assert!(unlock.is_finished(), "the other task did not run while the mirror was being closed");
    assert!(!path.with_extension("db-wal").exists(), "the log was not moved into the file");
    write.await.unwrap().unwrap();
    assert_eq!(wait.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    let error = mirror.user("diruser_1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.message().contains("closed"), "{error}");
    assert_eq!(mirror.wait("app", 10, None).await.unwrap_err().kind(), ErrorKind::Cancelled);
    mirror.close().await.unwrap();
    let again = Mirror::builder().open(&path).await.unwrap();
    assert_eq!(again.settings().await.unwrap().guard.users, 7);
}

/// Drops a mirror while one of its writes waits for a lock. Only this thread can end the lock, so if dropping waited for the write, the write
/// would fail after SQLite's timeout.
fn drop_with_a_write_that_waits(mirror: Mirror, path: &Path) {
    let other = Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let options = MirrorOptions { guard_users: Some(7), ..MirrorOptions::default() };
    assert!(Box::pin(mirror.configure(options)).now_or_never().is_none(), "the write waits for the lock");
    drop(mirror);
    drop(other);
}

#[tokio::test(flavor = "current_thread")]
async fn dropping_the_last_handle_of_a_mirror_in_a_task_does_not_wait_and_opening_it_again_does() {
    let path = file("dropped");
    let mirror = Mirror::builder().open(&path).await.unwrap();
    drop_with_a_write_that_waits(mirror, &path);

    let again = Mirror::builder().open(&path).await.unwrap();
    assert_eq!(again.settings().await.unwrap().guard.users, 7);
}

/// After a call of `close_files_in_background`, dropping the last handle of a mirror outside of a runtime does not wait for its writes. The case
/// runs in a process of its own, because that call applies to the whole process.
#[test]
fn a_process_that_closes_files_in_the_background_does_not_wait_outside_of_a_runtime() {
    const CASE: &str = "HEADCOUNT_CLOSES_IN_BACKGROUND";
    if std::env::var_os(CASE).is_none() {
        let test = "a_process_that_closes_files_in_the_background_does_not_wait_outside_of_a_runtime";
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let output = command.args(["--exact", test]).env(CASE, "1").output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    headcount::internal::close_files_in_background();
    let path = file("background");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mirror = runtime.block_on(Mirror::builder().open(&path)).unwrap();
    drop_with_a_write_that_waits(mirror, &path);

    let again = runtime.block_on(Mirror::builder().open(&path)).unwrap();
    assert_eq!(runtime.block_on(again.settings()).unwrap().guard.users, 7);
}

#[test]
fn a_blocking_mirror_is_closed_when_close_returns() {
    let path = file("blocking");
    let sandbox = Sandbox::builder().users(3).groups(1).start().unwrap();
    let client = blocking::Client::new(sandbox.client()).unwrap();
    let mirror = blocking::Mirror::open(&path, client).unwrap();
    mirror.sync(sandbox.organization_id()).run().unwrap();
    assert!(path.with_extension("db-wal").exists());

    mirror.close().unwrap();

    assert!(!path.with_extension("db-wal").exists(), "the log was not moved into the file");
    assert_eq!(mirror.status().unwrap_err().kind(), ErrorKind::InvalidArgument);
    mirror.close().unwrap();
}

#[test]
fn a_blocking_mirror_can_be_closed_in_a_callback_of_its_sync() {
    let path = file("callback");
    let sandbox = Sandbox::builder().users(3).groups(1).start().unwrap();
    let open = || {
        let client = blocking::Client::new(sandbox.client()).unwrap();
        blocking::Mirror::open(&path, client).unwrap()
    };
    let mirror = open();
    let closing = mirror.clone();

    let sync = mirror.sync(sandbox.organization_id()).on_progress(move |_| closing.close().unwrap());
    let error = sync.run().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    drop(mirror);
    let report = open().sync(sandbox.organization_id()).wait(false).run().unwrap().remove(0);
    assert_eq!(report.outcome, SyncOutcome::Done);
}

/// The store is closed before the sync goes on, so that its next call of the store fails at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_whose_store_is_closed_reports_that_the_mirror_was_closed() {
    let sandbox = Sandbox::builder().users(3).groups(1).start().unwrap();
    for organization_id in [Some(sandbox.organization_id()), None] {
        let path = file(if organization_id.is_some() { "closed_store" } else { "closed_store_of_all" });
        let mirror = Mirror::open(path, sandbox.client().build().unwrap()).await.unwrap();
        let (closing, runtime) = (mirror.clone(), tokio::runtime::Handle::current());
        let sync = organization_id.map_or_else(|| mirror.sync_all(), |id| mirror.sync(id));
        let sync = sync.on_progress(move |_| {
            let (closing, runtime) = (closing.clone(), runtime.clone());
            std::thread::spawn(move || runtime.block_on(closing.close())).join().unwrap().unwrap();
        });
        assert_eq!(sync.reports().await.unwrap_err().kind(), ErrorKind::Cancelled);
    }
}

#[tokio::test]
async fn closing_a_mirror_ends_its_sync_and_releases_the_lease() {
    let path = file("closed");
    let sandbox = Sandbox::builder().users(3).groups(1).start().unwrap();
    let mirror = Mirror::open(&path, sandbox.client().build().unwrap()).await.unwrap();
    let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
    let closing = mirror.clone();
    let sync = mirror.sync(sandbox.organization_id()).on_progress(move |_| {
        let _ = begun.send(());
        // Called within the sync, so that the sync cannot end before the mirror is closed. `close` ends syncs even if its future is dropped.
        drop(closing.close());
    });

    // Much shorter than the five minutes of a lease: the second sync must not wait until the first one's lease expires.
    let limit = std::time::Duration::from_secs(60);
    let error = tokio::time::timeout(limit, sync.into_future()).await.unwrap().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    assert!(begins.recv().await.is_some(), "the sync had begun");
    drop(mirror);
    let again = Mirror::open(&path, sandbox.client().build().unwrap()).await.unwrap();
    let sync = again.sync(sandbox.organization_id()).into_future();
    let report = tokio::time::timeout(limit, sync).await.unwrap().unwrap().remove(0);
    assert_eq!(report.outcome, SyncOutcome::Done);
}

#[test]
fn a_blocking_consumer_with_partitions_iterates_over_its_changes() {
    let sandbox = Sandbox::builder().users(5).groups(1).start().unwrap();
    let client = blocking::Client::new(sandbox.client()).unwrap();
    let mirror = blocking::Mirror::open(file("worker"), client).unwrap();
    mirror.sync(sandbox.organization_id()).run().unwrap();
    let start = || mirror.consumer("app").partitions(1).timeout(std::time::Duration::ZERO).start().unwrap();

    let mut worker = start();
    let first = worker.next().unwrap().unwrap();
    worker.ack(first.seq).unwrap();
    assert_eq!(worker.partitions(), [0]);
    worker.close().unwrap();
    assert!(worker.next().is_none());

    let rest: Vec<i64> = start().map(|change| change.unwrap().seq).collect();
    let lag = mirror.consumers().unwrap()[0].lag as i64;
    assert_eq!(rest, (first.seq + 1..=first.seq + lag).collect::<Vec<_>>());
}
