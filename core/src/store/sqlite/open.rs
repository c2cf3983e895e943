//! Opens files: checks that a file is a mirror's, brings it up to date, and explains SQLite's errors.

use super::Durability;
use crate::sqlite::write_ahead;
use crate::{Error, Result};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// SQLite's application id of a mirror's file: "hcmr".
const APPLICATION: i64 = 0x6863_6d72;

/// Brings a file from each version to the next.
const MIGRATIONS: [&str; 2] = [include_str!("schema.sql"), include_str!("schema-2.sql")];

/// How long a write waits for a write of another process.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn memory() -> Result<Connection> {
    let connection = Connection::open_in_memory().map_err(|error| failed(&error))?;
    prepare(&connection)?;
    Ok(connection)
}

pub(super) fn file(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path).map_err(|error| failed(&error))?;
    connection.busy_timeout(PATIENCE).map_err(|error| failed(&error))?;
    if version(&connection)? == 0 {
        // Most of the file is rows of a kilobyte or two and their changes: larger pages take fewer writes.
        connection.execute_batch("PRAGMA page_size = 8192").map_err(|error| failed(&error))?;
    }
    let mode = write_ahead(&connection).map_err(|error| failed(&error))?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(Error::store(
            "the mirror's file cannot be switched to write-ahead logging: expected a file on a local disk that can be written",
        ));
    }
    prepare(&connection)?;
    Ok(connection)
}

pub(super) fn reader(path: &Path) -> Result<Connection> {
    // Opened for writing, because a reader in WAL mode writes to the shared index.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| failed(&error))?;
    connection.busy_timeout(PATIENCE).map_err(|error| failed(&error))?;
    connection.execute_batch("PRAGMA query_only = ON").map_err(|error| failed(&error))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Reads the file's version, or 0 for an empty file. In one transaction, because another process may be creating the file.
fn version(connection: &Connection) -> Result<i64> {
    let transaction = connection.unchecked_transaction().map_err(|error| failed(&error))?;
    check(&transaction)
}

/// Checks that the file is a mirror's. Returns its version, or 0 for an empty file. Call it within a transaction.
fn check(connection: &Connection) -> Result<i64> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(|error| failed(&error));
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let (application, version) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
    let newest = MIGRATIONS.len() as i64;
    match (application, version) {
        (0, 0) if tables == 0 => Ok(0),
        (APPLICATION, version) if (1..=newest).contains(&version) => Ok(version),
        (APPLICATION, version) => Err(Error::store(format!(
            "the mirror's file has version {version}, and this headcount knows up to {newest}: update headcount, or open another file"
        ))),
        _ => Err(Error::store(
            "the file is a SQLite database of something else: name another file for the mirror, or a new one",
        )),
    }
}

/// Brings the schema up to date, and sets what a connection that writes needs.
fn prepare(connection: &Connection) -> Result<()> {
    connection.set_prepared_statement_cache_capacity(128);
    if version(connection)? < MIGRATIONS.len() as i64 {
        connection.execute_batch("BEGIN IMMEDIATE").map_err(|error| failed(&error))?;
        // Another process may have done it meanwhile.
        let result = check(connection).and_then(|version| {
            for (index, migration) in MIGRATIONS.iter().enumerate().skip(usize::try_from(version).unwrap_or(0)) {
                let marked = format!(
                    "{migration}\nPRAGMA application_id = {APPLICATION};\nPRAGMA user_version = {};",
                    index + 1
                );
                connection.execute_batch(&marked).map_err(|error| failed(&error))?;
            }
            connection.execute_batch("COMMIT").map_err(|error| failed(&error))
        });
        if result.is_err() {
            let _ = connection.execute_batch("ROLLBACK");
            return result;
        }
    }
    // 16 MiB of pages in memory, and twice as much in the log before a checkpoint: each checkpoint flushes twice, and writes a page once that
    // the log has several times.
    connection
        .execute_batch("PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4096; PRAGMA temp_store = MEMORY;")
        .map_err(|error| failed(&error))
}

/// Sets what a commit survives. In WAL mode FULL flushes the log at each commit, NORMAL only at checkpoints.
pub(super) fn set_durability(connection: &Connection, durability: Durability) -> Result<()> {
    let sql = match durability {
        Durability::Process => "PRAGMA synchronous = NORMAL",
        Durability::Power => "PRAGMA synchronous = FULL",
    };
    connection.execute_batch(sql).map_err(|error| failed(&error))
}

/// Explains an error of SQLite to the user of the mirror. The result holds no content of rows.
pub(super) fn failed(error: &rusqlite::Error) -> Error {
    let code = error.sqlite_error_code();
    let (what, temporary) = match code {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            ("the mirror's file is locked by another process: let that finish, and try again", true)
        }
        Some(ErrorCode::DiskFull) => ("the disk of the mirror's file is full: make room, and try again", true),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            ("the mirror's file cannot be written: check the permissions of it and of its folder", false)
        }
        Some(ErrorCode::NotADatabase) => {
            ("the file is not a SQLite database: name another file for the mirror, or a new one", false)
        }
        Some(ErrorCode::DatabaseCorrupt) => ("the mirror's file is damaged: restore it, or sync into a new one", false),
        Some(ErrorCode::CannotOpen) => {
            ("the mirror's file cannot be opened: check that its folder exists and can be written", false)
        }
        Some(ErrorCode::SystemIoFailure) => ("the mirror's file cannot be read or written: check the disk", true),
        _ => ("the mirror's store failed", false),
    };
    let code = code.map_or_else(|| "no code of SQLite's".to_owned(), |code| format!("{code:?}"));
    let error = Error::store(what).with_context("sqlite", code);
    if temporary { error.temporary() } else { error }
}
