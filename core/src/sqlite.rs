//! Common code for SQLite files: switching to write-ahead logging while other processes open the same file.

use rusqlite::{Connection, ErrorCode};
use std::time::Duration;

/// Wait between two attempts.
const PAUSE: Duration = Duration::from_millis(20);
/// Number of attempts: ten seconds in total.
const ATTEMPTS: u32 = 500;

/// Switches the file to write-ahead logging and returns the mode that it has then.
///
/// The switch needs an exclusive lock, for which SQLite does not wait: it returns `SQLITE_BUSY` at once, whatever the busy timeout is.
pub(crate) fn write_ahead(connection: &Connection) -> rusqlite::Result<String> {
    let mut attempts = 1;
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0)) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && attempts < ATTEMPTS => {
                attempts += 1;
                std::thread::sleep(PAUSE);
            }
            mode => return mode,
        }
    }
}
