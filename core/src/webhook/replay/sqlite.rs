//! Ids in a SQLite file that several processes may share.

use super::Kept;
use crate::sqlite::write_ahead;
use crate::{Error, Result, Timestamp};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Says whose file it is: `hcrg` in ASCII.
const APPLICATION_ID: i32 = 0x6863_7267;
/// The version of the schema below.
const VERSION: i32 = 1;
const SCHEMA: &str = "
    CREATE TABLE message (id TEXT NOT NULL PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX message_expires_at ON message (expires_at);
";
/// How long another process may hold the file.
const PATIENCE: Duration = Duration::from_secs(5);
/// Every so many records the expired ids are removed.
const SWEEP: u64 = 256;

pub(super) struct File {
    path: PathBuf,
    open: Mutex<Open>,
}

struct Open {
    connection: Connection,
    /// Who opened it: SQLite's connections do not survive a fork.
    process: u32,
    records: u64,
}

impl File {
    pub(super) fn open(path: &Path) -> Result<File> {
        Ok(File { path: path.to_owned(), open: Mutex::new(Open::new(path)?) })
    }

    fn with<T>(&self, call: impl FnOnce(&mut Open) -> rusqlite::Result<T>) -> Result<T> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.process != std::process::id() {
            // The parent's connection is left as it is: closing it here could take the parent's locks.
            std::mem::forget(std::mem::replace(&mut *open, Open::new(&self.path)?));
        }
        call(&mut open).map_err(|error| failed(&self.path, error))
    }
}

impl Kept for File {
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
            open.records += 1;
            if open.records % SWEEP == 1 {
                let mut sweep = open.connection.prepare_cached("DELETE FROM message WHERE expires_at <= ?1")?;
                sweep.execute((now.as_microsecond(),))?;
            }
            Ok(())
        })
    }
}

impl Open {
    fn new(path: &Path) -> Result<Open> {
        let process = std::process::id();
        // A path is a path, even where it begins with `file:`.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(path, flags).and_then(|connection| {
            connection.busy_timeout(PATIENCE)?;
            // One picture of all three: another process may be making the file at this moment.
            let picture = connection.unchecked_transaction()?;
            let marks = marks(&picture)?;
            drop(picture);
            Ok((connection, marks))
        });
        let (mut connection, marks) = opened.map_err(|error| failed(path, error))?;
        // Nothing is changed in a file before it is known to be ours.
        if !judge(path, marks)? {
            let made = make(&mut connection).map_err(|error| failed(path, error))?;
            judge(path, made)?;
        }
        write_ahead(&connection)
            .and_then(|_| connection.pragma_update(None, "synchronous", "NORMAL"))
            .map_err(|error| failed(path, error))?;
        Ok(Open { connection, process, records: 0 })
    }
}

/// What a file says of itself.
struct Marks {
    application: i32,
    version: i32,
    objects: i64,
}

fn marks(connection: &Connection) -> rusqlite::Result<Marks> {
    Ok(Marks {
        objects: connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?,
        application: connection.pragma_query_value(None, "application_id", |row| row.get(0))?,
        version: connection.pragma_query_value(None, "user_version", |row| row.get(0))?,
    })
}

/// Whether the file is a replay guard's; an empty one becomes one, and any other is refused.
fn judge(path: &Path, marks: Marks) -> Result<bool> {
    let path = path.display();
    match (marks.application, marks.version) {
        (0, 0) if marks.objects == 0 => Ok(false),
        (APPLICATION_ID, VERSION) => Ok(true),
        (APPLICATION_ID, version) => Err(Error::store(format!(
            "{path} was made by another version of headcount (its schema is {version}, this one's is {VERSION}): update headcount, \
             or give the replay guard another file"
        ))),
        _ => {
            Err(Error::store(format!("{path} is another program's database: give the replay guard a file of its own")))
        }
    }
}

/// Makes the schema, unless another process did so a moment ago.
fn make(connection: &mut Connection) -> rusqlite::Result<Marks> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = marks(&transaction)?;
    if found.application != 0 || found.objects != 0 {
        return Ok(found);
    }
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    let made = marks(&transaction)?;
    transaction.commit()?;
    Ok(made)
}

fn failed(path: &Path, error: rusqlite::Error) -> Error {
    let path = path.display();
    let code = error.sqlite_error_code();
    let said = match code {
        Some(ErrorCode::NotADatabase) => {
            return Error::store(format!("{path} is not a SQLite database: give the replay guard a file of its own"));
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!("another process held {path} for {} seconds", PATIENCE.as_secs())
        }
        _ => format!("the replay guard's file {path} failed: {error}").replace(['\r', '\n'], " "),
    };
    let error = Error::store(said).with_source(error);
    if matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) { error.temporary() } else { error }
}

#[cfg(test)]
mod tests {
    use super::super::{Replay, ReplayGuard};
    use super::*;
    use crate::{ErrorKind, ErrorStatus};
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A folder of one test's own, removed at its end.
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
    fn ids_outlive_the_guard_and_two_guards_share_them() {
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

    #[test]
    fn many_open_and_write_at_once() {
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
    fn expired_ids_are_removed_now_and_then() {
        let folder = Folder::new();
        let guard = ReplayGuard::sqlite(folder.file()).unwrap();
        for number in 0..SWEEP {
            guard.commit_id_at(&format!("old_{number}"), at(0)).unwrap();
        }
        guard.commit_id_at("new", at(4 * 86400)).unwrap();
        let connection = Connection::open(folder.file()).unwrap();
        let rows: i64 = connection.query_row("SELECT count(*) FROM message", (), |row| row.get(0)).unwrap();
        assert_eq!(rows, 1);
        assert_eq!(guard.check_id_at("new", at(4 * 86400)).unwrap(), Replay::Again);
    }

    #[test]
    fn what_is_not_a_guards_file_is_refused_and_left_alone() {
        let folder = Folder::new();
        let refused = |what: &str| {
            let before = std::fs::read(folder.file()).unwrap();
            let error = ReplayGuard::sqlite(folder.file()).unwrap_err();
            assert_eq!((error.kind(), error.status()), (ErrorKind::Store, ErrorStatus::Permanent), "{error}");
            assert!(error.message().contains(what) && !error.message().contains('\n'), "{error}");
            assert_eq!(std::fs::read(folder.file()).unwrap(), before);
            std::fs::remove_file(folder.file()).unwrap();
        };
        std::fs::write(
            folder.file(),
            "a letter to somebody, longer than the hundred bytes that a header has. ".repeat(20),
        )
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

        std::fs::create_dir(folder.file()).unwrap();
        assert_eq!(ReplayGuard::sqlite(folder.file()).unwrap_err().kind(), ErrorKind::Store);
        assert_eq!(ReplayGuard::sqlite(folder.0.join("no").join("such")).unwrap_err().kind(), ErrorKind::Store);
    }
}
