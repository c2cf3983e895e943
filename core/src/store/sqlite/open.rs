//! Opens the connections of a mirror's file.

use super::Durability;
use crate::record::email_key;
use crate::sqlite::{FileKind, Place};
use crate::{Error, Result};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

const MIRROR: FileKind = FileKind {
    owner: "mirror",
    // "hcmr"
    application: 0x6863_6d72,
    migrations: &[include_str!("schema.sql"), include_str!("schema-2.sql"), include_str!("schema-3.sql")],
    optional: &[EMAIL_KEYS],
    // Most of the file is rows of a kilobyte or two and their changes: larger pages than SQLite's 4 KiB take fewer writes.
    page_size: 8_192,
    busy_timeout: Duration::from_secs(10),
};

/// The file of a backup. It differs from a mirror's file in the messages of its errors.
const BACKUP: FileKind = FileKind { owner: "backup", ..MIRROR };

/// Creates the index of the keys of addresses. It runs after the keys have been computed.
const EMAIL_KEYS: &str = "CREATE INDEX user_by_email_key ON user (email, number) WHERE deleted_at IS NULL";

/// Size in bytes from which on the write-ahead log counts as large. SQLite checkpoints it at 32 MiB (at 16 MiB in older files, whose pages have
/// 4 KiB), but does not make it smaller.
const LARGE_LOG: u64 = 8 << 20;

/// How long the truncation of the log waits for writers and readers. Other writers wait meanwhile.
const SHRINK_TIMEOUT: Duration = Duration::from_millis(100);

pub(super) fn memory() -> Result<Connection> {
    writer(MIRROR.open_in_memory()?)
}

pub(super) fn temporary() -> Result<Connection> {
    writer(MIRROR.open_temporary()?)
}

pub(super) fn file(path: &Path) -> Result<Connection> {
    writer(MIRROR.open(path)?)
}

pub(super) fn reader(path: &Path) -> Result<Connection> {
    let connection = MIRROR.open_reader(path)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Records which file is open at `path`.
pub(super) fn place(path: &Path) -> Place {
    Place::of(&MIRROR, path)
}

fn writer(connection: Connection) -> Result<Connection> {
    compute_email_keys(&connection).map_err(|error| failed(&error))?;
    connection.set_prepared_statement_cache_capacity(128);
    // Deleted rows are overwritten, because they have names and addresses. The cache has 16 MiB, and a checkpoint follows 32 MiB of log:
    // a checkpoint flushes twice and writes each page once, however often the log has it, so fewer checkpoints write less.
    connection
        .execute_batch(
            "PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4096; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;",
        )
        .map_err(|error| failed(&error))?;
    Ok(connection)
}

/// Replaces the addresses of rows of older versions by their keys, and makes the index of keys. If the index exists, this was done before.
fn compute_email_keys(connection: &Connection) -> rusqlite::Result<()> {
    let index = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'user_by_email_key')";
    let is_done = || connection.query_row(index, [], |row| row.get::<_, bool>(0));
    if is_done()? {
        return Ok(());
    }
    let transaction = rusqlite::Transaction::new_unchecked(connection, rusqlite::TransactionBehavior::Immediate)?;
    // Another process may have done it meanwhile.
    if is_done()? {
        return Ok(());
    }
    {
        let mut select = transaction
            .prepare("SELECT number, email FROM user WHERE email <> '' AND number > ?1 ORDER BY number LIMIT 1000")?;
        let mut update = transaction.prepare("UPDATE user SET email = ?2 WHERE number = ?1")?;
        let mut last = 0_i64;
        loop {
            let rows: Vec<(i64, String)> =
                select.query_map([last], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
            let Some((number, _)) = rows.last() else { break };
            last = *number;
            for (number, email) in rows {
                let key = email_key(&email);
                if key != email {
                    update.execute((number, key))?;
                }
            }
        }
    }
    transaction.execute_batch(EMAIL_KEYS)?;
    transaction.commit()
}

/// Copies the write-ahead log of a file into the file and truncates the log: always, or only if the log is large. If other connections prevent a
/// part of this, a later call does it.
pub(super) fn shrink(path: &Path, always: bool) -> Result<()> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let size = std::fs::metadata(PathBuf::from(log)).map_or(0, |file| file.len());
    if size == 0 || !always && size < LARGE_LOG {
        return Ok(());
    }
    let connection = MIRROR.connect(path, OpenFlags::empty())?;
    let checkpoint = || {
        connection.busy_timeout(SHRINK_TIMEOUT)?;
        // TRUNCATE makes writers wait while it copies the log. PASSIVE does not, and leaves little for TRUNCATE to copy.
        for mode in ["PASSIVE", "TRUNCATE"] {
            connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))?;
        }
        Ok(())
    };
    checkpoint().map_err(|error| failed(&error))
}

/// Copies the write-ahead log of a file into the file and truncates the log. Returns whether it is empty now: false if a reader or another checkpoint
/// prevents it at the moment.
pub(super) fn purge(path: &Path) -> Result<bool> {
    let connection = MIRROR.connect(path, OpenFlags::empty())?;
    connection.busy_timeout(SHRINK_TIMEOUT).map_err(|error| failed(&error))?;
    // The first column is 0 if nothing prevented the checkpoint.
    let is_done = |row: &rusqlite::Row<'_>| Ok(row.get::<_, i64>(0)? == 0);
    match connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], is_done) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(false),
        done => done.map_err(|error| failed(&error)),
    }
}

/// Sets which failures later commits survive. In WAL mode FULL flushes the log at each commit, NORMAL only at checkpoints.
pub(super) fn set_durability(connection: &Connection, durability: Durability) -> Result<()> {
    let sql = match durability {
        Durability::Process => "PRAGMA synchronous = NORMAL",
        Durability::Power => "PRAGMA synchronous = FULL",
    };
    connection.execute_batch(sql).map_err(|error| failed(&error))
}

/// Opens the empty file at `path`, into which a backup is written. If that is not completed, the caller deletes the file, so SQLite keeps its journal in
/// memory and does not flush.
pub(super) fn backup(path: &Path) -> Result<Connection> {
    let connection = BACKUP.connect(path, OpenFlags::empty())?;
    let settings = "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF";
    connection.execute_batch(settings).map_err(|error| backup_failed(&error))?;
    Ok(connection)
}

/// Converts an error of SQLite to an error with a message about the backup's file, or about the mirror's file if that is damaged.
pub(super) fn backup_failed(error: &rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => failed(error),
        _ => BACKUP.failed(error),
    }
}

/// Converts an error of SQLite to an error with a message about the mirror's file.
pub(super) fn failed(error: &rusqlite::Error) -> Error {
    MIRROR.failed(error)
}
