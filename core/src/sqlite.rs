//! What every SQLite file of ours needs: write-ahead logging, whoever else is opening the file at this moment.

use rusqlite::{Connection, ErrorCode};
use std::time::Duration;

/// How long is waited between two tries, and how often it is tried: ten seconds in all.
const PAUSE: Duration = Duration::from_millis(20);
const TRIES: u32 = 500;

/// Switches the file to write-ahead logging; the mode that it has then. For the moment of the switch SQLite wants the file alone, and says that it
/// is busy without waiting, whatever its time-out.
pub(crate) fn write_ahead(connection: &Connection) -> rusqlite::Result<String> {
    let mut tries = 1;
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0)) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && tries < TRIES => {
                tries += 1;
                std::thread::sleep(PAUSE);
            }
            mode => return mode,
        }
    }
}
