//! Consumers of the feed, and the changes that they have parked.

use super::database::Database;
use super::feed::find;
use super::pages::count;
use super::rows::{CONSUMER, Time, consumer, get, to_json};
use crate::record::{ConsumerRow, Snapshot};
use crate::store::{ConsumerState, DecideConsumer};
use crate::{Error, Result};
use rusqlite::params;

/// Reads every consumer with the number of its parked changes, and the number of the latest change.
pub(super) fn all(database: &Database) -> Result<(Vec<(ConsumerRow, u64)>, i64)> {
    let sql = format!(
        "SELECT {CONSUMER}, (SELECT count(*) FROM parked_change WHERE consumer = name) FROM consumer ORDER BY name"
    );
    let rows = database.all(&sql, [], |row| Ok((consumer(row)?, count(row, 4)?)))?;
    Ok((rows, latest(database)?.seq))
}

fn latest(database: &Database) -> Result<Snapshot> {
    let sql = "SELECT change, \"group\", user FROM counter";
    let latest =
        database.one(sql, [], |row| Ok(Snapshot { seq: get(row, 0)?, groups: get(row, 1)?, users: get(row, 2)? }))?;
    latest.ok_or_else(|| Error::store("the mirror's file has lost its counters: restore it, or sync into a new one"))
}

/// Changes a consumer as decided.
pub(super) fn update(database: &Database, name: &str, decide: &mut DecideConsumer) -> Result<()> {
    let update = decide(ConsumerState { row: find(database, name)?, latest: latest(database)? })?;
    if update.row.is_none() && update.park.is_none() {
        return Ok(());
    }
    database.atomically(|| {
        if let Some(row) = update.row {
            let snapshot = row.snapshot.as_ref().map(to_json).transpose()?;
            let sql =
                "INSERT INTO consumer (name, cursor, snapshot, seen_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name)
                DO UPDATE SET cursor = excluded.cursor, snapshot = excluded.snapshot, seen_at = excluded.seen_at";
            database.run(sql, params![row.name, row.cursor, snapshot, Time(row.seen_at)])?;
        }
        if let Some(park) = update.park {
            let sql = "INSERT OR REPLACE INTO parked_change (consumer, seq, reason, at) VALUES (?1, ?2, ?3, ?4)";
            database.run(sql, params![name, park.seq, park.reason, Time(park.at)])?;
        }
        Ok(())
    })
}

/// Deletes a consumer and its parked changes.
pub(super) fn delete(database: &Database, name: &str) -> Result<bool> {
    database.atomically(|| {
        database.run("DELETE FROM parked_change WHERE consumer = ?1", [name])?;
        Ok(database.run("DELETE FROM consumer WHERE name = ?1", [name])? > 0)
    })
}

/// Deletes a parked change.
pub(super) fn delete_parked(database: &Database, name: &str, seq: i64) -> Result<bool> {
    let sql = "DELETE FROM parked_change WHERE consumer = ?1 AND seq = ?2";
    database.atomically(|| Ok(database.run(sql, params![name, seq])? > 0))
}
