//! Message ids in a SQLite file that several processes may share.

use super::{Kept, ReplayGuard};
use crate::sqlite::write_ahead;
use crate::{Error, Result, Timestamp};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Identifies the file as a replay guard's: `hcrg` in ASCII (`PRAGMA application_id`).
const APPLICATION_ID: i32 = 0x6863_7267;
/// Version of the schema below (`PRAGMA user_version`).
const VERSION: i32 = 1;
const SCHEMA: &str = "
    CREATE TABLE message (id TEXT NOT NULL PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX message_expires_at ON message (expires_at);
";
/// How long to wait for another process that has locked the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Number of records after which expired ids are removed.
const SWEEP_INTERVAL: u64 = 256;

struct File {
    path: PathBuf,
    open: Mutex<Open>,
}

struct Open {
    connection: Connection,
    /// Id of the process that opened it: SQLite's connections must not be used after a fork.
    process: u32,
    records: u64,
}

impl ReplayGuard {
    /// Makes a guard that keeps ids in the SQLite file at `path`, which is created if it does not exist.
    ///
    /// Any number of processes on one machine may use the file at once. Committed ids survive the end of the process; a power failure can lose
    /// those of the last moments.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the file cannot be opened, is not a replay guard's, or was created by a newer version
    /// of headcount.
    pub fn sqlite(path: impl AsRef<Path>) -> Result<ReplayGuard> {
        Ok(ReplayGuard::keeping(File::open(path.as_ref())?))
    }
}

impl File {
    fn open(path: &Path) -> Result<File> {
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
            if open.records % SWEEP_INTERVAL == 1 {
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
        // Without `SQLITE_OPEN_URI`, a path that begins with `file:` is a path.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(path, flags).and_then(|connection| {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            // In one transaction, because another process may be creating the schema at this moment.
            let transaction = connection.unchecked_transaction()?;
            let header = header(&transaction)?;
            drop(transaction);
            Ok((connection, header))
        });
        let (mut connection, header) = opened.map_err(|error| failed(path, error))?;
        // The file must not be changed before it is known to be a replay guard's.
        if !is_initialized(path, header)? {
            let created = create_schema(&mut connection).map_err(|error| failed(path, error))?;
            is_initialized(path, created)?;
        }
        write_ahead(&connection)
            .and_then(|_| connection.pragma_update(None, "synchronous", "NORMAL"))
            .map_err(|error| failed(path, error))?;
        Ok(Open { connection, process, records: 0 })
    }
}

/// What identifies a file: its application id, schema version and number of tables and indices.
struct Header {
    application: i32,
    version: i32,
    objects: i64,
}

fn header(connection: &Connection) -> rusqlite::Result<Header> {
    Ok(Header {
        objects: connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?,
        application: connection.pragma_query_value(None, "application_id", |row| row.get(0))?,
        version: connection.pragma_query_value(None, "user_version", |row| row.get(0))?,
    })
}

/// Returns true for a replay guard's file and false for an empty one.
///
/// # Errors
///
/// If the file is another program's or of another version.
fn is_initialized(path: &Path, header: Header) -> Result<bool> {
    let path = path.display();
    match (header.application, header.version) {
        (0, 0) if header.objects == 0 => Ok(false),
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

/// Creates the schema, unless another process has done so since. Returns what identifies the file then.
fn create_schema(connection: &mut Connection) -> rusqlite::Result<Header> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = header(&transaction)?;
    if found.application != 0 || found.objects != 0 {
        return Ok(found);
    }
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    let created = header(&transaction)?;
    transaction.commit()?;
    Ok(created)
}

/// Converts SQLite's error. A file that another process has locked is a temporary error.
fn failed(path: &Path, error: rusqlite::Error) -> Error {
    let path = path.display();
    let code = error.sqlite_error_code();
    let message = match code {
        Some(ErrorCode::NotADatabase) => {
            return Error::store(format!("{path} is not a SQLite database: give the replay guard a file of its own"));
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!("another process held {path} for {} seconds", BUSY_TIMEOUT.as_secs())
        }
        _ => format!("the replay guard's file {path} failed: {error}").replace(['\r', '\n'], " "),
    };
    let error = Error::store(message).with_source(error);
    if matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) { error.temporary() } else { error }
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

        std::fs::create_dir(folder.file()).unwrap();
        assert_eq!(ReplayGuard::sqlite(folder.file()).unwrap_err().kind(), ErrorKind::Store);
        assert_eq!(ReplayGuard::sqlite(folder.0.join("no").join("such")).unwrap_err().kind(), ErrorKind::Store);
    }
}
