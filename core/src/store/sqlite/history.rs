//! The history: appends rows that are made from entries of the feed, and reads them.

use super::database::{Database, Insert, limited, list};
use super::feed::no_counters;
use super::rows::{Time, get, get_time};
use crate::record::{HistoryDay, HistoryMark, HistoryRow};
use crate::store::codec::time_bytes;
use crate::store::{HistoryFilter, HistoryPage, TakenHistory};
use crate::{Result, Timestamp};
use rusqlite::{Row, ToSql, params};
use std::collections::{BTreeMap, BTreeSet};

/// The columns of a row, as [`row`] reads them.
const HISTORY: &str = "seq, at, organization_id, directory_id, subject_id, is_removal, cause, body";

static INSERT: Insert = Insert::new("history", 8, &["ON CONFLICT DO NOTHING"]);

fn row(row: &Row<'_>) -> Result<HistoryRow> {
    Ok(HistoryRow {
        seq: get(row, 0)?,
        at: get::<Time>(row, 1)?.0,
        organization_id: get(row, 2)?,
        directory_id: get(row, 3)?,
        subject_id: get(row, 4)?,
        is_removal: get(row, 5)?,
        cause: get(row, 6)?,
        body: get(row, 7)?,
    })
}

/// Reads the mark.
pub(super) fn mark(database: &Database) -> Result<HistoryMark> {
    let sql =
        "SELECT change, trimmed, taken, starts_at, durable FROM counter LEFT JOIN history_mark ON history_mark.id = 1";
    let read = |row: &Row<'_>| {
        Ok(HistoryMark {
            latest: get(row, 0)?,
            trimmed: get(row, 1)?,
            taken: get::<Option<i64>>(row, 2)?.unwrap_or(0),
            starts_at: get_time(row, 3)?,
            durable: get(row, 4)?,
        })
    };
    database.one(sql, [], read)?.ok_or_else(no_counters)
}

/// Appends rows as [`Store::take_history`](crate::store::Store::take_history) describes.
pub(super) fn take(database: &Database, taken: &TakenHistory) -> Result<bool> {
    let mark = mark(database)?;
    if mark.taken != taken.after {
        return Ok(false);
    }
    database.atomically(|| {
        if taken.restarts {
            database.run("DELETE FROM history", [])?;
        }
        database.put(&INSERT, &taken.rows, |row, values| {
            values.push(row.seq)?;
            values.push(time_bytes(row.at))?;
            values.push(&row.organization_id)?;
            values.push(&row.directory_id)?;
            values.push(&row.subject_id)?;
            values.push(row.is_removal)?;
            values.push(&row.cause)?;
            values.push(&row.body)
        })?;
        let starts_at = mark.starts_at.filter(|_| !taken.restarts).or(taken.starts_at);
        let sql = "INSERT INTO history_mark VALUES (1, ?1, ?2) ON CONFLICT DO UPDATE SET taken = ?1, starts_at = ?2";
        database.run(sql, params![taken.taken, starts_at.map(time_bytes)])?;
        Ok(true)
    })
}

/// Reads a page of rows as [`Store::history`](crate::store::Store::history) describes.
pub(super) fn page(database: &Database, filter: &HistoryFilter, after: i64, limit: usize) -> Result<HistoryPage> {
    let HistoryFilter { organization_id, subject_id, removals } = filter;
    let limit = limited(limit);
    let mut values: Vec<&dyn ToSql> = vec![&after, &limit];
    let mut sql = format!("SELECT {HISTORY} FROM history WHERE seq > ?1");
    // A user or group has fewer rows than an organization. The sign keeps SQLite from using the index of organizations instead.
    let organization = if subject_id.is_some() { "+organization_id" } else { "organization_id" };
    for (value, column) in [(organization_id, organization), (subject_id, "subject_id")] {
        if let Some(value) = value {
            values.push(value);
            sql.push_str(&format!(" AND {column} = ?{}", values.len()));
        }
    }
    if *removals {
        // SQLite uses the partial index only if the query has its condition literally.
        sql.push_str(" AND is_removal = 1");
    }
    sql.push_str(" ORDER BY seq LIMIT ?2");
    Ok(HistoryPage { rows: database.all(&sql, values.as_slice(), row)?, mark: mark(database)? })
}

/// Reads all rows about users and groups as [`Store::history_of`](crate::store::Store::history_of) describes.
pub(super) fn of(database: &Database, subject_ids: &BTreeSet<String>, after: i64) -> Result<HistoryPage> {
    let sql = format!(
        "SELECT {HISTORY} FROM history WHERE subject_id IN (SELECT value FROM json_each(?1)) AND seq > ?2 ORDER BY subject_id, seq"
    );
    Ok(HistoryPage { rows: database.all(&sql, params![list(subject_ids)?, after], row)?, mark: mark(database)? })
}

/// Counts the rows of each day as [`Store::history_days`](crate::store::Store::history_days) describes. SQL cannot compute the day from the stored form of a time.
pub(super) fn days(database: &Database, since: Timestamp) -> Result<Vec<HistoryDay>> {
    let sql = "SELECT at, is_removal, instr(body ->> 'k', 'c') > 0 FROM history
        WHERE seq > coalesce((SELECT seq FROM history WHERE at < ?1 ORDER BY seq DESC LIMIT 1), 0)";
    let mut days = BTreeMap::new();
    database.each(sql, [time_bytes(since)], |row| {
        HistoryDay::count(&mut days, get::<Time>(row, 0)?.0, get(row, 2)?, get(row, 1)?);
        Ok(())
    })?;
    Ok(days.into_values().collect())
}
