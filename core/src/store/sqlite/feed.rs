//! Reads the feed: entries, expanded to their changes.

use super::database::{Database, limited};
use super::rows::{CONSUMER, ENTRY, consumer, entry, get, get_time};
use crate::Result;
use crate::record::{Change, ConsumerRow, ParkedChange};
use crate::store::FeedPage;
use rusqlite::params;

/// Reads the changes after `after`, `limit` at most.
pub(super) fn changes(database: &Database, after: i64, limit: usize) -> Result<Vec<Change>> {
    let mut found = Vec::new();
    // Each of these entries has at least one change after `after`, so `limit` entries are enough.
    let sql = format!("SELECT {ENTRY} FROM change WHERE seq > ?1 ORDER BY seq LIMIT ?2");
    database.while_more(&sql, params![after, limited(limit)], |row| {
        let changes = entry(row)?.changes()?.into_iter().filter(|change| change.seq > after);
        found.extend(changes.take(limit - found.len()));
        Ok(found.len() < limit)
    })?;
    Ok(found)
}

/// Reads a consumer and the changes after its position.
pub(super) fn page(database: &Database, name: &str, after: Option<i64>, limit: usize) -> Result<FeedPage> {
    let Some(row) = find(database, name)? else { return Ok(FeedPage::default()) };
    let changes = match row.cursor {
        ..0 => Vec::new(),
        _ => changes(database, row.seen().max(after.unwrap_or(0)), limit)?,
    };
    Ok(FeedPage { consumer: Some(row), changes })
}

/// Reads a consumer.
pub(super) fn find(database: &Database, name: &str) -> Result<Option<ConsumerRow>> {
    database.one(&format!("SELECT {CONSUMER} FROM consumer WHERE name = ?1"), [name], consumer)
}

/// Reads the changes that a consumer has parked.
pub(super) fn parked(database: &Database, name: &str) -> Result<Vec<ParkedChange>> {
    // `seq` of an entry is the number of its last change, so a change is in the first entry whose `seq` is not less than its number.
    let sql = format!(
        "SELECT {ENTRY}, parked_change.seq, reason, parked_change.at FROM parked_change
            JOIN change ON change.seq = (SELECT min(seq) FROM change WHERE seq >= parked_change.seq)
            WHERE consumer = ?1 ORDER BY parked_change.seq"
    );
    let mut found = Vec::new();
    database.each(&sql, [name], |row| {
        let seq: i64 = get(row, 8)?;
        if let Some(change) = entry(row)?.changes()?.into_iter().find(|change| change.seq == seq) {
            found.push(ParkedChange::new(change, get(row, 9)?, get_time(row, 10)?.unwrap_or_default()));
        }
        Ok(())
    })?;
    Ok(found)
}
