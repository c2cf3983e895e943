//! Reads the feed: entries, and the changes to which they are expanded.

use super::database::{Database, Statement};
use super::rows::{CONSUMER, ENTRY, PARKED, Text, consumer, entry, first, get, parked, signed};
use crate::Result;
use crate::record::{Change, ConsumerRow, Entry, ParkedChange};
use crate::store::{EntryPage, FeedMarks, FeedPage};
use tokio_postgres::Row;

/// Selects the positions in the feed, as [`marks_of`] reads them.
const MARKS: &str =
    "SELECT (SELECT change FROM {s}.counter), (SELECT max(change) FROM {s}.durable), (SELECT trimmed FROM {s}.mark)";

/// Selects the number that [`ConsumerRow::seen`] returns for the consumer `$1`; no row if there is no such consumer or it reads its snapshot.
const SEEN: &str =
    "SELECT greatest(cursor, (snapshot::json ->> 'seq')::bigint) FROM {s}.consumer WHERE name = $1 AND cursor >= 0";

/// Expands entries to the changes after `after`, `limit` at most.
fn expand(rows: &[Row], after: i64, limit: usize) -> Result<Vec<Change>> {
    let mut found = Vec::new();
    for row in rows {
        if found.len() >= limit {
            break;
        }
        found.extend(entry(row)?.changes_after(after, limit - found.len())?);
    }
    Ok(found)
}

/// Reads the changes after `after`, `limit` at most.
pub(super) async fn changes(database: &Database, after: i64, limit: usize) -> Result<Vec<Change>> {
    // Each of these entries has at least one change after `after`, so `limit` entries are enough.
    let sql = format!("SELECT {ENTRY} FROM {{s}}.change WHERE seq > $1 ORDER BY seq LIMIT $2");
    let rows = database.read_one(Statement::new(sql).with(after).with(signed(limit))).await?;
    expand(&rows, after, limit)
}

/// Reads entries as [`Store::entries`](crate::store::Store::entries) describes.
pub(super) async fn entries(database: &Database, after: i64, limit: usize) -> Result<Vec<Entry>> {
    // Numbers have no gaps, so an entry whose last number is at most `after` plus `limit` ends within the limit.
    let sql = format!(
        "SELECT {ENTRY} FROM {{s}}.change
        WHERE seq > $1 AND seq <= greatest($2, (SELECT min(seq) FROM {{s}}.change WHERE seq > $1))
        ORDER BY seq"
    );
    let end = after.saturating_add(signed(limit));
    let rows = database.read_one(Statement::new(sql).with(after).with(end)).await?;
    rows.iter().map(entry).collect()
}

/// Reads a consumer, the entries after its position, and the marks, all as of one moment.
pub(super) async fn entry_page(database: &Database, name: &str, limit: usize) -> Result<EntryPage> {
    let known = format!("SELECT {CONSUMER} FROM {{s}}.consumer WHERE name = $1");
    // The condition on `seq` is that of `entries`.
    let entries = format!(
        "WITH consumer_position AS MATERIALIZED (SELECT ({SEEN}) AS seen)
        SELECT {ENTRY} FROM {{s}}.change
        WHERE seq > (SELECT seen FROM consumer_position)
            AND seq <= greatest(
                (SELECT seen + $2 FROM consumer_position),
                (SELECT min(seq) FROM {{s}}.change WHERE seq > (SELECT seen FROM consumer_position)))
        ORDER BY seq"
    );
    let statements = [
        Statement::new(MARKS),
        Statement::new(known).with(Text::new(name)),
        Statement::new(entries).with(Text::new(name)).with(signed(limit).min(i64::MAX / 2)),
    ];
    let rows = database.read(&statements).await?;
    let [marks, known, entries] = rows.as_slice() else { return Err(super::rows::no_row()) };
    let consumer: Option<ConsumerRow> = known.first().map(consumer).transpose()?;
    let entries = entries.iter().map(entry).collect::<Result<_>>()?;
    Ok(EntryPage { consumer, entries, marks: marks_of(marks)? })
}

/// Reads the row of [`MARKS`].
fn marks_of(rows: &[Row]) -> Result<FeedMarks> {
    let row = first(rows)?;
    let latest: i64 = get(row, 0)?;
    Ok(FeedMarks { latest, durable: get::<i64>(row, 1)?.min(latest), trimmed: get(row, 2)? })
}

/// Reads a consumer, the changes after its position or after `after` if that is greater, and the marks, all as of one moment. Returns no changes for a
/// consumer that does not exist or reads its snapshot.
pub(super) async fn page(database: &Database, name: &str, after: Option<i64>, limit: usize) -> Result<FeedPage> {
    let known = format!("SELECT {CONSUMER} FROM {{s}}.consumer WHERE name = $1");
    // `greatest(…)` computes the number that `ConsumerRow::seen` returns, or `after` if it is greater.
    let entries = format!(
        "SELECT {ENTRY} FROM {{s}}.change WHERE seq > (
            SELECT greatest(cursor, (snapshot::json ->> 'seq')::bigint, $2) FROM {{s}}.consumer WHERE name = $1 AND cursor >= 0)
        ORDER BY seq LIMIT $3"
    );
    let after = after.unwrap_or(0).max(0);
    let statements = [
        Statement::new(MARKS),
        Statement::new(known).with(Text::new(name)),
        Statement::new(entries).with(Text::new(name)).with(after).with(signed(limit)),
    ];
    let rows = database.read(&statements).await?;
    let [marks, known, entries] = rows.as_slice() else { return Err(super::rows::no_row()) };
    let marks = marks_of(marks)?;
    let row = known.first().map(consumer).transpose()?;
    let changes = match &row {
        Some(row) if row.cursor >= 0 => expand(entries, row.seen().max(after), limit)?,
        _ => Vec::new(),
    };
    Ok(FeedPage { consumer: row, changes, marks })
}

/// Reads the changes that a consumer has parked.
pub(super) async fn parked_changes(database: &Database, name: &str) -> Result<Vec<ParkedChange>> {
    let sql = format!("SELECT {PARKED} FROM {{s}}.parked_change WHERE consumer = $1 ORDER BY seq");
    let rows = database.read_one(Statement::new(sql).with(Text::new(name))).await?;
    rows.iter().map(parked).collect()
}
