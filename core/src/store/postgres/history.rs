//! The history: appends rows that are made from entries of the feed, and reads them.

use super::database::{Columns, Database, Flush, Statement};
use super::rows::{Json, Text, Time, count, first, get, get_text, get_time, signed, texts, time};
use crate::record::{HistoryDay, HistoryMark, HistoryRow};
use crate::store::{HistoryFilter, HistoryPage, TakenHistory};
use crate::{Result, Timestamp};
use std::collections::BTreeSet;
use tokio_postgres::Row;

/// The columns of a row, as [`row`] reads them.
const HISTORY: &str = "seq, at, organization_id, directory_id, subject_id, is_removal, cause, body";

fn row(row: &Row) -> Result<HistoryRow> {
    Ok(HistoryRow {
        seq: get(row, 0)?,
        at: get_time(row, 1)?.unwrap_or_default(),
        organization_id: get_text(row, 2)?,
        directory_id: get_text(row, 3)?,
        subject_id: get_text(row, 4)?,
        is_removal: get(row, 5)?,
        cause: get_text(row, 6)?,
        body: get(row, 7)?,
    })
}

fn select_mark() -> Statement {
    Statement::new(
        "SELECT (SELECT change FROM {s}.counter), (SELECT trimmed FROM {s}.mark),
            (SELECT taken FROM {s}.history_mark), (SELECT starts_at FROM {s}.history_mark), (SELECT max(change) FROM {s}.durable)",
    )
}

fn read_mark(rows: &[Row]) -> Result<HistoryMark> {
    let row = first(rows)?;
    let latest = get(row, 0)?;
    Ok(HistoryMark {
        latest,
        durable: get::<i64>(row, 4)?.min(latest),
        trimmed: get(row, 1)?,
        taken: get::<Option<i64>>(row, 2)?.unwrap_or(0),
        starts_at: get_time(row, 3)?,
    })
}

/// Reads the mark.
pub(super) async fn mark(database: &Database) -> Result<HistoryMark> {
    read_mark(&database.read_one(select_mark()).await?)
}

/// Appends rows as [`Store::take_history`](crate::store::Store::take_history) describes.
///
/// It is one statement, so that it may be repeated if the connection is lost during the commit: the mark has moved then, and nothing more is stored. It locks
/// only the row of the mark: no other transaction changes rows of the history that are not taken yet, or the mark's number. If a crash of the
/// server undoes it, its rows are taken again.
pub(super) async fn take(database: &Database, taken: &TakenHistory) -> Result<bool> {
    let TakenHistory { after, taken, rows, starts_at, restarts } = taken;
    let columns = Columns::new(rows)
        .with("seq", |row| row.seq)
        .with("at", |row| Time(row.at))
        .with("organization_id", |row| Text::new(&row.organization_id))
        .with("directory_id", |row| Text::new(&row.directory_id))
        .with("subject_id", |row| Text::new(&row.subject_id))
        .with("is_removal", |row| row.is_removal)
        .with("cause", |row| Text::new(&row.cause))
        .with("body", |row| Json::raw(row.body.clone()));
    // $9 is `after`, $10 `taken`, $11 `starts_at`, and $12 `restarts`. Without a row of the mark, nothing was taken.
    let statement = columns.statement(
        "WITH moved AS (
            INSERT INTO {s}.history_mark (id, taken, starts_at)
            SELECT 1, $10, $11 WHERE $9 = 0 OR EXISTS (SELECT FROM {s}.history_mark WHERE taken = $9)
            ON CONFLICT (id) DO UPDATE SET taken = $10,
                starts_at = CASE WHEN $12 THEN $11 ELSE coalesce(history_mark.starts_at, $11) END
                WHERE history_mark.taken = $9
            RETURNING true AS is_moved
        ), gone AS (
            DELETE FROM {s}.history WHERE $12 AND EXISTS (SELECT FROM moved)
        ), added AS (
            INSERT INTO {s}.history ({columns}) SELECT new.* FROM {new} WHERE EXISTS (SELECT FROM moved)
        )
        SELECT is_moved FROM moved",
        &[],
    );
    let statement = statement.with(*after).with(*taken).with(time(*starts_at)).with(*restarts);
    let rows = database.change(&[statement], Flush::Now).await?;
    Ok(rows.last().is_some_and(|rows| !rows.is_empty()))
}

/// Reads a page of rows as [`Store::history`](crate::store::Store::history) describes.
pub(super) async fn page(database: &Database, filter: &HistoryFilter, after: i64, limit: usize) -> Result<HistoryPage> {
    let HistoryFilter { organization_id, subject_id, removals } = filter;
    let mut select = Statement::new(format!("SELECT {HISTORY} FROM {{s}}.history WHERE"));
    select.push("seq >", after);
    for (value, condition) in [(organization_id, "AND organization_id ="), (subject_id, "AND subject_id =")] {
        if let Some(value) = value {
            select.push(condition, Text::new(value));
        }
    }
    if *removals {
        select.push_text(" AND is_removal");
    }
    select.push("ORDER BY seq LIMIT", signed(limit));
    read(database, select).await
}

/// Reads all rows about users and groups as [`Store::history_of`](crate::store::Store::history_of) describes.
pub(super) async fn of(database: &Database, subject_ids: &BTreeSet<String>, after: i64) -> Result<HistoryPage> {
    let sql =
        format!("SELECT {HISTORY} FROM {{s}}.history WHERE subject_id = ANY($1) AND seq > $2 ORDER BY subject_id, seq");
    read(database, Statement::new(sql).with(texts(subject_ids)).with(after)).await
}

async fn read(database: &Database, select: Statement) -> Result<HistoryPage> {
    let rows = database.read(&[select, select_mark()]).await?;
    let [rows, mark] = rows.as_slice() else { return Err(super::rows::no_row()) };
    Ok(HistoryPage { rows: rows.iter().map(row).collect::<Result<Vec<_>>>()?, mark: read_mark(mark)? })
}

/// Counts the rows of each day as [`Store::history_days`](crate::store::Store::history_days) describes.
///
/// The last seven of the eight bytes with the seconds are the seconds since 1970. The kinds of the changes are the first text in `body`, which is not parsed as JSON because
/// PostgreSQL refuses JSON with an escaped NUL.
pub(super) async fn days(database: &Database, since: Timestamp) -> Result<Vec<HistoryDay>> {
    let sql = "SELECT ('x' || encode(substring(at FROM 2 FOR 7), 'hex'))::bit(56)::bigint / 86400 AS day, count(*),
            count(*) FILTER (WHERE position('c' IN split_part(body, '\"', 4)) > 0), count(*) FILTER (WHERE is_removal)
        FROM {s}.history WHERE seq > coalesce((SELECT seq FROM {s}.history WHERE at < $1 ORDER BY seq DESC LIMIT 1), 0)
        GROUP BY day ORDER BY day";
    let rows = database.read_one(Statement::new(sql).with(Time(since))).await?;
    let day = |row: &Row| {
        Ok(HistoryDay { day: get(row, 0)?, rows: count(row, 1)?, created: count(row, 2)?, deleted: count(row, 3)? })
    };
    rows.iter().map(day).collect()
}
