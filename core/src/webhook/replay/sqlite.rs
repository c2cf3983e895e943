//! Message ids in a SQLite file that several processes may share.

use super::{IdStore, ReplayGuard};
use crate::process::PerProcess;
use crate::sqlite::closing::{self, SetWhenDropped};
use crate::sqlite::{FileKind, Place, check_is_path};
use crate::{Error, Result, Timestamp};
use rusqlite::{Connection, OptionalExtension};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const REPLAY_GUARD: FileKind = FileKind {
    owner: "replay guard",
    // The letters "hcrg" in ASCII.
    application: 0x6863_7267,
    migrations: &[
        "CREATE TABLE message (id TEXT NOT NULL PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE INDEX message_expires_at ON message (expires_at);",
    ],
    optional: &[],
    page_size: 4_096,
    busy_timeout: Duration::from_secs(5),
};

/// Number of records after which expired ids are removed.
const SWEEP_INTERVAL: u64 = 256;

struct File {
    /// Absolute, because a daemon may change its working directory.
    path: PathBuf,
    /// SQLite's connections must not be used after a fork, and a child must not wait for a thread that it does not have.
    open: PerProcess<Arc<Mutex<Open>>>,
}

struct Open {
    connection: Connection,
    place: Place,
    records: u64,
    /// Dropped after the connection, because it is declared after it.
    closed: SetWhenDropped,
}

impl ReplayGuard {
    /// Makes a guard that keeps ids in the SQLite file at `path`, which is created if it does not exist.
    ///
    /// Any number of processes on one machine may use the file at once. Committed ids survive the end of the process; a power failure can lose
    /// those of the last moments. This call and those of the guard block their thread, for up to five seconds if another process has the file
    /// locked: in async tasks, make them with `tokio::task::spawn_blocking`, as the endpoint for axum does.
    ///
    /// The file is closed when the last clone of the guard is dropped; in an async task, on another thread. Opening it again in this process waits
    /// for that. If the process ends before that, no committed id is lost: some are in the file with the suffix `-wal` then.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the file cannot be opened, is not a replay guard's, or was created by a newer version
    /// of headcount; [`ErrorKind::Config`](crate::ErrorKind::Config) if `path` begins like a URL.
    pub fn sqlite(path: impl AsRef<Path>) -> Result<ReplayGuard> {
        Ok(ReplayGuard::with_store(File::open(path.as_ref())?))
    }
}

impl Drop for File {
    /// Closes the file, on another thread if this one must not block: the last connection that is closed copies the write-ahead log into the
    /// file.
    fn drop(&mut self) {
        // In a forked child that has not used the guard, there is nothing to close.
        let Some(open) = self.open.existing() else { return };
        open.lock().unwrap_or_else(PoisonError::into_inner).begin_to_close();
        if closing::must_not_block() {
            let open = (std::mem::take(&mut self.open), open);
            // If no thread can be started, `open` is dropped here.
            let _ = std::thread::Builder::new().name("headcount-close".to_owned()).spawn(move || drop(open));
        }
    }
}

impl File {
    fn open(path: &Path) -> Result<File> {
        check_is_path(path)?;
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let file = File { path, open: PerProcess::new() };
        file.current()?;
        Ok(file)
    }

    /// Returns this process's connection.
    fn current(&self) -> Result<Arc<Mutex<Open>>> {
        self.open.get(|| Open::new(&self.path).map(|open| Arc::new(Mutex::new(open))))
    }

    fn with<T>(&self, call: impl FnOnce(&mut Open) -> rusqlite::Result<T>) -> Result<T> {
        let open = self.current()?;
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        open.place.check_path()?;
        call(&mut open).map_err(|error| named(REPLAY_GUARD.failed(&error), &self.path))
    }
}

impl IdStore for File {
    fn contains(&self, id: &str, now: Timestamp) -> Result<bool> {
        self.with(|open| {
            let mut query =
                open.connection.prepare_cached("SELECT 1 FROM message WHERE id = ?1 AND expires_at > ?2")?;
            Ok(query.query_row((id, now.as_microsecond()), |_| Ok(())).optional()?.is_some())
        })
    }

    fn record(&self, id: &str, now: Timestamp, expires_at: Timestamp) -> Result<()> {
        self.with(|open| {
            open.connection
                .prepare_cached(
                    "INSERT INTO message (id, expires_at) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at",
                )?
                .execute((id, expires_at.as_microsecond()))?;
            open.sweep(now)
        })
    }

    fn claim(&self, id: &str, now: Timestamp, expires_at: Timestamp) -> Result<bool> {
        self.with(|open| {
            let claimed = open
                .connection
                .prepare_cached(
                    "INSERT INTO message (id, expires_at) VALUES (?1, ?2)
                     ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at WHERE expires_at <= ?3",
                )?
                .execute((id, expires_at.as_microsecond(), now.as_microsecond()))?;
            open.sweep(now)?;
            Ok(claimed > 0)
        })
    }

    fn release(&self, id: &str) -> Result<()> {
        self.with(|open| {
            open.connection.prepare_cached("DELETE FROM message WHERE id = ?1")?.execute((id,))?;
            Ok(())
        })
    }
}

impl Open {
    /// Counts a record. Removes expired ids at the first record, and then once every [`SWEEP_INTERVAL`] records.
    fn sweep(&mut self, now: Timestamp) -> rusqlite::Result<()> {
        self.records += 1;
        if self.records % SWEEP_INTERVAL == 1 {
            self.connection
                .prepare_cached("DELETE FROM message WHERE expires_at <= ?1")?
                .execute((now.as_microsecond(),))?;
        }
        Ok(())
    }

    fn new(path: &Path) -> Result<Open> {
        let opened = REPLAY_GUARD.open(path).and_then(|connection| {
            connection.pragma_update(None, "synchronous", "NORMAL").map_err(|error| REPLAY_GUARD.failed(&error))?;
            let place = Place::of(&REPLAY_GUARD, path);
            Ok(Open { connection, place, records: 0, closed: SetWhenDropped::default() })
        });
        let opened = opened.map_err(|error| named(error, path))?;
        if let Some(path) = opened.connection.path() {
            closing::wait(Path::new(path));
        }
        Ok(opened)
    }

    /// Makes later calls that open the file wait until this is dropped.
    fn begin_to_close(&self) {
        if let Some(path) = self.connection.path() {
            closing::begin(Path::new(path), &self.closed.0);
        }
    }
}

/// Adds the file's name to an error.
fn named(error: Error, path: &Path) -> Error {
    error.with_context("file", path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::super::Replay;
    use super::*;
    use crate::{ErrorKind, ErrorStatus};
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A temporary folder of one test, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Folder {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let name = format!("headcount-replay-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir(&path).unwrap();
            Folder(path)
        }

        fn file(&self) -> PathBuf {
            self.0.join("replay.db")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn ids_survive_the_guard_and_are_shared_by_guards_of_one_file() {
        let folder = Folder::new();
        let one = ReplayGuard::sqlite(folder.file()).unwrap().clock(at(0));
        let other = ReplayGuard::sqlite(folder.file()).unwrap().clock(at(0));
        one.commit_id("msg_1").unwrap();
        assert_eq!(other.check_id("msg_1").unwrap(), Replay::Again);
        assert_eq!(other.check_id("msg_2").unwrap(), Replay::First);
        other.commit_id("msg_2").unwrap();
        drop((one, other));
        let again = ReplayGuard::sqlite(folder.file()).unwrap().clock(at(0));
        assert_eq!(again.check_id("msg_1").unwrap(), Replay::Again);
        assert_eq!(again.check_id("msg_2").unwrap(), Replay::Again);
        assert_eq!(again.check_id_at("msg_2", at(3 * 86400)).unwrap(), Replay::First);
    }

    /// The test keeps a reference to the connection, as a running call on another thread does. The file is not closed before the
    /// test drops the reference.
    #[cfg(feature = "client")]
    #[test]
    fn opening_a_file_waits_until_a_guard_that_was_dropped_in_a_task_has_closed_it() {
        let folder = Folder::new();
        let file = File::open(&folder.file()).unwrap();
        let in_use = file.current().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move { drop(file) });
        let (sender, opened) = std::sync::mpsc::channel();
        let path = folder.file();
        let opening = std::thread::spawn(move || sender.send(File::open(&path).map(drop)).unwrap());

        assert!(opened.recv_timeout(Duration::from_millis(200)).is_err(), "the file is not closed yet");
        drop(in_use);

        opened.recv_timeout(Duration::from_secs(60)).unwrap().unwrap();
        opening.join().unwrap();
    }

    #[test]
    fn several_guards_open_and_write_at_the_same_time() {
        let folder = Folder::new();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let file = folder.file();
                scope.spawn(move || {
                    let guard = ReplayGuard::sqlite(file).unwrap();
                    for number in 0..20 {
                        guard.commit_id(&format!("msg_{thread}_{number}")).unwrap();
                    }
                });
            }
        });
        let guard = ReplayGuard::sqlite(folder.file()).unwrap();
        for thread in 0..8 {
            for number in 0..20 {
                assert_eq!(guard.check_id(&format!("msg_{thread}_{number}")).unwrap(), Replay::Again);
            }
        }
    }

    #[test]
    fn one_of_several_guards_of_one_file_claims_a_message() {
        let folder = Folder::new();
        drop(ReplayGuard::sqlite(folder.file()).unwrap());
        let claimed = std::thread::scope(|scope| {
            let claim = || ReplayGuard::sqlite(folder.file()).unwrap().claim_id_at("msg_1", at(0)).unwrap();
            let claims: Vec<_> = (0..8).map(|_| scope.spawn(claim)).collect();
            claims.into_iter().map(|claim| claim.join().unwrap()).filter(|claim| *claim == Replay::First).count()
        });
        assert_eq!(claimed, 1);
        let guard = ReplayGuard::sqlite(folder.file()).unwrap();
        assert_eq!(guard.claim_id_at("msg_1", at(3 * 86400 - 1)).unwrap(), Replay::Again);
        assert_eq!(guard.claim_id_at("msg_1", at(3 * 86400)).unwrap(), Replay::First, "the first claim has expired");
        guard.release_id("msg_1").unwrap();
        assert_eq!(guard.check_id_at("msg_1", at(3 * 86400)).unwrap(), Replay::First);
    }

    #[test]
    fn expired_ids_are_removed_after_the_sweep_interval() {
        let folder = Folder::new();
        let guard = ReplayGuard::sqlite(folder.file()).unwrap();
        for number in 0..SWEEP_INTERVAL {
            guard.commit_id_at(&format!("old_{number}"), at(0)).unwrap();
        }
        guard.commit_id_at("new", at(4 * 86400)).unwrap();
        let connection = Connection::open(folder.file()).unwrap();
        let rows: i64 = connection.query_row("SELECT count(*) FROM message", (), |row| row.get(0)).unwrap();
        assert_eq!(rows, 1);
        assert_eq!(guard.check_id_at("new", at(4 * 86400)).unwrap(), Replay::Again);
    }

    #[test]
    fn refuses_a_file_of_another_kind_and_leaves_it_unchanged() {
        let folder = Folder::new();
        let refused = |what: &str| {
            let before = std::fs::read(folder.file()).unwrap();
            let error = ReplayGuard::sqlite(folder.file()).unwrap_err();
            assert_eq!((error.kind(), error.status()), (ErrorKind::Store, ErrorStatus::Permanent), "{error}");
            assert!(error.message().contains(what) && !error.message().contains('\n'), "{error}");
            assert_eq!(std::fs::read(folder.file()).unwrap(), before);
            std::fs::remove_file(folder.file()).unwrap();
        };
        std::fs::write(folder.file(), "a text that is longer than the hundred bytes of a database header. ".repeat(20))
            .unwrap();
        refused("not a SQLite database");

        Connection::open(folder.file()).unwrap().execute_batch("CREATE TABLE accounts (id TEXT)").unwrap();
        refused("another program's");

        drop(ReplayGuard::sqlite(folder.file()).unwrap());
        Connection::open(folder.file())
            .unwrap()
            .execute_batch("PRAGMA journal_mode = DELETE; PRAGMA user_version = 2")
            .unwrap();
        refused("another version");

        for added in [
            "CREATE TRIGGER forget AFTER INSERT ON message BEGIN DELETE FROM message; END",
            "CREATE VIEW other AS SELECT * FROM message",
            "CREATE TABLE accounts (id TEXT)",
            "ALTER TABLE message ADD COLUMN note TEXT",
        ] {
            drop(ReplayGuard::sqlite(folder.file()).unwrap());
            let connection = Connection::open(folder.file()).unwrap();
            connection.execute_batch(&format!("PRAGMA journal_mode = DELETE; {added}")).unwrap();
            drop(connection);
            refused("other tables, indexes, triggers or views");
        }

        std::fs::create_dir(folder.file()).unwrap();
        assert_eq!(ReplayGuard::sqlite(folder.file()).unwrap_err().kind(), ErrorKind::Store);
        assert_eq!(ReplayGuard::sqlite(folder.0.join("no").join("such")).unwrap_err().kind(), ErrorKind::Store);
    }
}
