//! Consumers of the feed, and the changes that they have parked.

use super::database::Database;
use super::feed::no_counters;
use super::lease;
use super::pages::count;
use super::rows::{CONSUMER, consumer, get};
use crate::Result;
use crate::record::{ConsumerRow, Snapshot};
use crate::store::codec::{time_bytes, to_json};
use crate::store::{ConsumerState, ConsumerWrite, Durability, Park};
use rusqlite::params;

/// Reads every consumer with the number of its parked changes, and the number of the latest change.
pub(super) fn all(database: &Database) -> Result<(Vec<(ConsumerRow, u64)>, i64)> {
    let sql = format!(
        "SELECT {CONSUMER}, (SELECT count(*) FROM parked_change WHERE consumer = name) FROM consumer ORDER BY name"
    );
    let rows = database.all(&sql, [], |row| Ok((consumer(row, 0)?, count(row, 7)?)))?;
    let latest = database.one("SELECT change FROM counter", [], |row| get(row, 0))?;
    Ok((rows, latest.ok_or_else(no_counters)?))
}

/// Makes all changes durable once the transaction is committed. `durable` has to be written, because SQLite does not flush a commit without
/// changes.
pub(super) fn flush(database: &Database) -> Result<()> {
    database.atomically(|| mark_durable(database))
}

fn mark_durable(database: &Database) -> Result<()> {
    database.run("UPDATE counter SET durable = change", []).map(drop)
}

/// Changes a consumer as decided, if the lease of the update's fence is held. With [`Durability::Power`], all earlier changes are durable once the
/// transaction is committed.
pub(super) fn update(database: &Database, update: &mut ConsumerWrite) -> Result<()> {
    let ConsumerWrite { name, durability, fence, now, decide } = update;
    if let Some(fence) = fence {
        // The update does not extend the lease.
        lease::check(fence, lease::read(database, fence)?, *now)?;
    }
    let sql = format!(
        "SELECT change, \"group\", user, counter.generation, durable, {CONSUMER}
            FROM counter LEFT JOIN consumer ON name = ?1"
    );
    let read = database.one(&sql, [&*name], |row| {
        let latest = Snapshot { seq: get(row, 0)?, groups: get(row, 1)?, users: get(row, 2)?, ..Snapshot::default() };
        let is_known = get::<Option<String>>(row, 5)?.is_some();
        let known = is_known.then(|| consumer(row, 5)).transpose()?;
        Ok((ConsumerState { row: known, latest, generation: get(row, 3)? }, get::<i64>(row, 4)?))
    })?;
    let (state, durable) = read.ok_or_else(no_counters)?;
    let (latest, generation) = (state.latest.seq, state.generation);
    let decided = decide(state)?;
    let flushes = *durability == Durability::Power && durable < latest;
    if decided.row.is_none() && decided.park.is_none() && !flushes {
        return Ok(());
    }
    database.atomically(|| {
        if flushes {
            mark_durable(database)?;
        }
        if let Some(row) = &decided.row {
            put(database, row)?;
            if row.generation > generation {
                database.run("UPDATE counter SET generation = ?1", [row.generation])?;
            }
        }
        decided.park.iter().try_for_each(|park| put_parked(database, name, park))
    })
}

fn put(database: &Database, row: &ConsumerRow) -> Result<()> {
    let ConsumerRow { name, cursor, polled, generation, snapshot, seen_at, partitions } = row;
    let snapshot = snapshot.as_ref().map(to_json).transpose()?;
    let partitions = Some(partitions).filter(|partitions| !partitions.is_empty()).map(to_json).transpose()?;
    let sql = "INSERT INTO consumer (name, cursor, polled, generation, snapshot, seen_at, partitions)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT (name) DO UPDATE SET cursor = excluded.cursor, polled = excluded.polled,
            generation = excluded.generation, snapshot = excluded.snapshot, seen_at = excluded.seen_at,
            partitions = excluded.partitions";
    database.run(sql, params![name, cursor, polled, generation, snapshot, time_bytes(*seen_at), partitions]).map(drop)
}

fn put_parked(database: &Database, name: &str, park: &Park) -> Result<()> {
    let Park { change, reason, at } = park;
    let sql = "INSERT OR REPLACE INTO parked_change
        (consumer, seq, reason, at, last, count, kind, organization_id, directory_id, cause, changed_at, body)
        VALUES (?1, ?2, ?3, ?4, ?2, 1, ?5, ?6, ?7, ?8, ?9, ?10)";
    let values = params![
        name,
        change.seq,
        reason,
        time_bytes(*at),
        change.kind.name(),
        change.organization_id,
        change.directory_id,
        change.cause,
        time_bytes(change.at),
        to_json(&change.body())?
    ];
    database.run(sql, values).map(drop)
}

/// Deletes a consumer and its parked changes. Returns whether the consumer existed.
pub(super) fn delete(database: &Database, name: &str) -> Result<bool> {
    database.atomically(|| {
        database.run("DELETE FROM parked_change WHERE consumer = ?1", [name])?;
        Ok(database.run("DELETE FROM consumer WHERE name = ?1", [name])? > 0)
    })
}

/// Deletes a parked change. Returns whether it existed.
pub(super) fn delete_parked(database: &Database, name: &str, seq: i64) -> Result<bool> {
    let sql = "DELETE FROM parked_change WHERE consumer = ?1 AND seq = ?2";
    database.atomically(|| Ok(database.run(sql, params![name, seq])? > 0))
}
