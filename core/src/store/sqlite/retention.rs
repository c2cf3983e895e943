//! Removes rows that are older than their retention.

use super::commit::change_pending;
use super::database::{Database, limited, list};
use super::history::mark;
use super::rows::{CONSUMER, HOLD, Time, consumer, get};
use crate::record::ConsumerRow;
use crate::store::codec::time_bytes;
use crate::store::pending::PendingChanges;
use crate::store::{Expiry, Retention};
use crate::{Result, Timestamp};
use rusqlite::params;
use std::collections::BTreeMap;

/// Removes rows as [`Store::trim`](crate::store::Store::trim) describes. Returns how many.
pub(super) fn trim(database: &Database, retention: Retention) -> Result<usize> {
    database.atomically(|| {
        let rows = changes(database, retention)? + tombstones(database, retention)? + events(database, retention)?;
        Ok(rows
            + history(database, retention)?
            + losses(database, retention)?
            + ended_holds(database)?
            + runs(database, retention)?)
    })
}

fn changes(database: &Database, Retention { changes, consumers, history, limit, .. }: Retention) -> Result<usize> {
    // In the same transaction as the removal, so that a consumer that is added at the same time misses no change that is removed here.
    let rows = database.all(&format!("SELECT {CONSUMER} FROM consumer"), [], |row| consumer(row, 0))?;
    let active = rows.iter().filter(|row| row.seen_at >= consumers);
    let mut slowest = active.map(ConsumerRow::seen).min().unwrap_or(i64::MAX);
    if history.is_some() {
        slowest = slowest.min(mark(database)?.taken);
    }
    // `seq` is the number of the entry's last change. Only the oldest `limit` entries are read. They are removed up to the first one that is
    // not old enough, so that the feed has no gaps: if the clock was set back, an entry may have an earlier time than the one before it.
    let oldest = "SELECT seq, at FROM change WHERE seq <= ?1 ORDER BY seq LIMIT ?3";
    let old = format!(
        "SELECT seq FROM (SELECT seq, max(at) OVER (ORDER BY seq) AS latest FROM ({oldest})) WHERE latest < ?2"
    );
    let sql = format!("DELETE FROM change WHERE seq IN ({old}) RETURNING seq");
    let removed: Vec<i64> =
        database.all(&sql, params![slowest, time_bytes(changes), limited(limit)], |row| get(row, 0))?;
    if let Some(last) = removed.iter().max() {
        database.run("UPDATE counter SET trimmed = max(trimmed, ?1)", [last])?;
    }
    // An expired consumer whose next change was removed cannot continue, whether or not its row is kept.
    let expired = "DELETE FROM consumer WHERE seen_at < ?1
        AND max(cursor, coalesce(snapshot ->> 'seq', 0), 0) < (SELECT trimmed FROM counter)
        AND NOT EXISTS (SELECT 1 FROM parked_change WHERE consumer = name)";
    let expired = database.run(expired, [time_bytes(consumers)])?;
    let old = "SELECT id FROM retirement WHERE ended_at < ?1 ORDER BY ended_at LIMIT ?2";
    let sql = format!("DELETE FROM retirement WHERE id IN ({old})");
    let retirements = database.run(&sql, params![time_bytes(changes), limited(limit)])?;
    // The cause of the changes that an approval made has its id, so the approval is kept until these changes have been removed.
    let old = "SELECT id FROM approval WHERE at < ?1 AND at < coalesce((SELECT at FROM change ORDER BY seq LIMIT 1), ?1) ORDER BY at LIMIT ?2";
    let sql = format!("DELETE FROM approval WHERE id IN ({old})");
    let approvals = database.run(&sql, params![time_bytes(changes), limited(limit)])?;
    Ok(removed.len() + expired + retirements + approvals)
}

/// Removes the oldest rows of the history: those that are older than it is kept, or all if none is kept.
fn history(database: &Database, Retention { history, limit, .. }: Retention) -> Result<usize> {
    // As for changes, rows are removed up to the first one that is not old enough.
    let oldest = "SELECT seq, at FROM history ORDER BY seq LIMIT ?2";
    let old = format!(
        "SELECT seq FROM (SELECT seq, max(at) OVER (ORDER BY seq) AS latest FROM ({oldest})) WHERE latest < ?1"
    );
    let sql = format!("DELETE FROM history WHERE seq IN ({old}) RETURNING at");
    let before = time_bytes(history.unwrap_or(Timestamp::MAX));
    let removed: Vec<Time> = database.all(&sql, params![before, limited(limit)], |row| get(row, 0))?;
    if let Some(latest) = removed.iter().map(|time| time.0).max() {
        database.run("UPDATE history_mark SET starts_at = max(coalesce(starts_at, ?1), ?1)", [time_bytes(latest)])?;
    }
    Ok(removed.len())
}

fn tombstones(database: &Database, Retention { tombstones, limit, .. }: Retention) -> Result<usize> {
    let limit = limited(limit);
    let old = "SELECT number FROM user WHERE deleted_at < ?1 ORDER BY deleted_at, number LIMIT ?2";
    // A tombstone's `told_groups` name all of its memberships, so no other rows have to be searched.
    let memberships = format!(
        "DELETE FROM membership WHERE (group_id, user_number) IN (
            SELECT value, number FROM user, json_each(told_groups) WHERE number IN ({old}))"
    );
    database.run(&memberships, params![time_bytes(tombstones), limit])?;
    let users =
        database.run(&format!("DELETE FROM user WHERE number IN ({old})"), params![time_bytes(tombstones), limit])?;
    let old = "SELECT number FROM \"group\" WHERE deleted_at < ?1 ORDER BY deleted_at, number LIMIT ?2";
    let groups = database
        .run(&format!("DELETE FROM \"group\" WHERE number IN ({old})"), params![time_bytes(tombstones), limit])?;
    Ok(users + groups)
}

fn events(database: &Database, Retention { events, limit, .. }: Retention) -> Result<usize> {
    let limit = limited(limit);
    let old = "SELECT number FROM event WHERE received_at < ?1 AND state NOT IN (1, 3) ORDER BY received_at LIMIT ?2";
    let rows =
        database.run(&format!("DELETE FROM event WHERE number IN ({old})"), params![time_bytes(events), limit])?;
    Ok(rows)
}

fn losses(database: &Database, Retention { losses, limit, .. }: Retention) -> Result<usize> {
    let old = "SELECT directory_id, at, user_id FROM loss WHERE at < ?1 ORDER BY at LIMIT ?2";
    let sql = format!("DELETE FROM loss WHERE (directory_id, at, user_id) IN ({old})");
    database.run(&sql, params![time_bytes(losses), limited(limit)])
}

/// Removes old runs: quiet ones are kept as long as changes.
fn runs(database: &Database, Retention { changes, runs, limit, .. }: Retention) -> Result<usize> {
    let mut removed = 0;
    for (quiet, before) in [(true, changes), (false, runs)] {
        let old = "SELECT number FROM run WHERE quiet = ?1 AND started_at < ?2 ORDER BY started_at LIMIT ?3";
        let sql = format!("DELETE FROM run WHERE number IN ({old})");
        removed += database.run(&sql, params![quiet, time_bytes(before), limited(limit)])?;
    }
    Ok(removed)
}

/// Removes holds that are no longer open.
fn ended_holds(database: &Database) -> Result<usize> {
    let sql =
        format!("DELETE FROM hold WHERE number IN (SELECT number FROM (SELECT {HOLD} FROM hold) WHERE count = 0)");
    database.run(&sql, [])
}

/// Expires pending events as [`Store::expire_events`](crate::store::Store::expire_events) describes.
pub(super) fn expire_events(database: &Database, expiry: &Expiry) -> Result<BTreeMap<String, u64>> {
    let Expiry { organization_id, before, limit, forget } = expiry;
    database.atomically(|| {
        let limit = limited(*limit);
        let old =
            "SELECT number FROM event WHERE received_at < ?1 AND state = 3 AND (?2 IS NULL OR organization_id = ?2)
            ORDER BY received_at LIMIT ?3";
        let sql = format!("DELETE FROM event WHERE number IN ({old})");
        database.run(&sql, params![time_bytes(*forget), organization_id, limit])?;
        let sql = "SELECT number, organization_id, coalesce(length(body), 0) FROM event
            WHERE received_at < ?1 AND state = 1 AND (?2 IS NULL OR organization_id = ?2) ORDER BY received_at LIMIT ?3";
        let (mut numbers, mut expired, mut pending) = (Vec::new(), BTreeMap::new(), PendingChanges::default());
        database.each(sql, params![time_bytes(*before), organization_id, limit], |row| {
            let organization_id: String = get(row, 1)?;
            numbers.push(get::<i64>(row, 0)?);
            pending.remove(&organization_id, get(row, 2)?);
            *expired.entry(organization_id).or_default() += 1;
            Ok(())
        })?;
        if !numbers.is_empty() {
            let sql = "UPDATE event SET state = 3, body = NULL WHERE number IN (SELECT value FROM json_each(?1))";
            database.run(sql, [list(&numbers)?])?;
            change_pending(database, pending)?;
        }
        Ok(expired)
    })
}
