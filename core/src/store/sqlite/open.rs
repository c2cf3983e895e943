//! Opens the connections of a mirror's file.

use super::Durability;
use crate::sqlite::FileKind;
use crate::{Error, Result};
use rusqlite::Connection;
use std::path::Path;
use std::time::Duration;

const MIRROR: FileKind = FileKind {
    owner: "mirror",
    // "hcmr"
    application: 0x6863_6d72,
    migrations: &[include_str!("schema.sql"), include_str!("schema-2.sql"), include_str!("schema-3.sql")],
    // Most of the file is rows of a kilobyte or two and their changes: larger pages than SQLite's 4 KiB take fewer writes.
    page_size: 8_192,
    patience: Duration::from_secs(10),
};

pub(super) fn memory() -> Result<Connection> {
    writer(MIRROR.open_in_memory()?)
}

pub(super) fn file(path: &Path) -> Result<Connection> {
    writer(MIRROR.open(path)?)
}

pub(super) fn reader(path: &Path) -> Result<Connection> {
    let connection = MIRROR.open_reader(path)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn writer(connection: Connection) -> Result<Connection> {
    connection.set_prepared_statement_cache_capacity(128);
    // A cache of 16 MiB, and a checkpoint after 32 MiB of log. A checkpoint flushes twice and writes each page once, however often the log has
    // it, so fewer checkpoints write less.
    connection
        .execute_batch("PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4096; PRAGMA temp_store = MEMORY;")
        .map_err(|error| failed(&error))?;
    Ok(connection)
}

/// Sets what a commit survives. In WAL mode FULL flushes the log at each commit, NORMAL only at checkpoints.
pub(super) fn set_durability(connection: &Connection, durability: Durability) -> Result<()> {
    let sql = match durability {
        Durability::Process => "PRAGMA synchronous = NORMAL",
        Durability::Power => "PRAGMA synchronous = FULL",
    };
    connection.execute_batch(sql).map_err(|error| failed(&error))
}

/// Explains an error of SQLite to the user of the mirror.
pub(super) fn failed(error: &rusqlite::Error) -> Error {
    MIRROR.failed(error)
}
