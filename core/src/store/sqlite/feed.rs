//! Reads the feed: entries, and the changes to which they are expanded.

use super::database::{Database, limited};
use super::rows::{CONSUMER, ENTRY, PARKED_ENTRY, consumer, entry, get, get_json, get_time};
use crate::record::{Change, ChangeKind, ConsumerRow, Entry, ParkedChange};
use crate::store::{EntryPage, FeedMarks, FeedPage};
use crate::{Error, Result};
use rusqlite::params;
use serde::Deserialize;
use std::collections::HashMap;

/// Reads the changes after `after`, `limit` at most.
pub(super) fn changes(database: &Database, after: i64, limit: usize) -> Result<Vec<Change>> {
    let mut found = Vec::new();
    // Each of these entries has at least one change after `after`, so `limit` entries are enough.
    let sql = format!("SELECT {ENTRY} FROM change WHERE seq > ?1 ORDER BY seq LIMIT ?2");
    database.while_more(&sql, params![after, limited(limit)], |row| {
        found.extend(entry(row)?.changes_after(after, limit - found.len())?);
        Ok(found.len() < limit)
    })?;
    Ok(found)
}

/// Reads entries as [`Store::entries`](crate::store::Store::entries) describes.
pub(super) fn entries(database: &Database, after: i64, limit: usize) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    // Numbers have no gaps, so an entry whose last number is at most `after` plus `limit` ends within the limit.
    let sql = format!(
        "SELECT {ENTRY} FROM change WHERE seq > ?1 AND seq <= max(?2, (SELECT min(seq) FROM change WHERE seq > ?1)) ORDER BY seq"
    );
    database.each(&sql, params![after, after.saturating_add(limited(limit))], |row| {
        found.push(entry(row)?);
        Ok(())
    })?;
    Ok(found)
}

/// Counts the changes of an organization after `after`, by their kinds.
pub(super) fn count(database: &Database, organization_id: &str, after: i64) -> Result<HashMap<ChangeKind, u64>> {
    /// What is read of an [`EntryBody`](crate::record::EntryBody).
    #[derive(Deserialize)]
    struct Kinds {
        changes: Vec<Kind>,
    }
    #[derive(Deserialize)]
    struct Kind {
        kind: ChangeKind,
    }
    let mut counts = HashMap::new();
    let sql = "SELECT body FROM change WHERE seq > ?1 AND organization_id = ?2";
    database.each(sql, params![after, organization_id], |row| {
        let kinds: Kinds = get_json(row, 0)?;
        kinds.changes.iter().for_each(|change| *counts.entry(change.kind).or_default() += 1);
        Ok(())
    })?;
    Ok(counts)
}

/// Reads a page of the feed as [`Store::feed`](crate::store::Store::feed) describes.
pub(super) fn page(database: &Database, name: &str, after: Option<i64>, limit: usize) -> Result<FeedPage> {
    let (row, marks) = consumer_and_marks(database, name)?;
    let changes = match &row {
        Some(row) if row.cursor >= 0 => changes(database, row.seen().max(after.unwrap_or(0)), limit)?,
        _ => Vec::new(),
    };
    Ok(FeedPage { consumer: row, changes, marks })
}

/// Reads a page of the feed as [`Store::feed_entries`](crate::store::Store::feed_entries) describes.
pub(super) fn entry_page(database: &Database, name: &str, limit: usize) -> Result<EntryPage> {
    let (row, marks) = consumer_and_marks(database, name)?;
    let entries = match &row {
        Some(row) if row.cursor >= 0 => entries(database, row.seen(), limit)?,
        _ => Vec::new(),
    };
    Ok(EntryPage { consumer: row, entries, marks })
}

/// Reads a consumer, or `None` if there is none of this name, and the feed's marks.
fn consumer_and_marks(database: &Database, name: &str) -> Result<(Option<ConsumerRow>, FeedMarks)> {
    let sql = format!("SELECT change, durable, trimmed, {CONSUMER} FROM counter LEFT JOIN consumer ON name = ?1");
    let read = database.one(&sql, [name], |row| {
        let marks = FeedMarks { latest: get(row, 0)?, durable: get(row, 1)?, trimmed: get(row, 2)? };
        let is_known = get::<Option<String>>(row, 3)?.is_some();
        Ok((marks, is_known.then(|| consumer(row, 3)).transpose()?))
    })?;
    let (marks, row) = read.ok_or_else(no_counters)?;
    Ok((row, marks))
}

/// Returns the error for a file whose row of counters is missing.
pub(super) fn no_counters() -> Error {
    Error::store("the mirror's file has no row of counters: restore it, or sync into a new one")
}

/// Reads the changes that a consumer has parked, oldest first.
pub(super) fn parked(database: &Database, name: &str) -> Result<Vec<ParkedChange>> {
    let sql = format!("SELECT {PARKED_ENTRY}, seq, reason, at FROM parked_change WHERE consumer = ?1 ORDER BY seq");
    let mut found = Vec::new();
    database.each(&sql, [name], |row| {
        let seq: i64 = get(row, 8)?;
        let change = entry(row)?.changes_after(seq - 1, 1)?.into_iter().next();
        let change = change.ok_or_else(|| {
            Error::store("a parked change cannot be read: the file is damaged, restore it or sync into a new one")
        })?;
        found.push(ParkedChange::new(change, get(row, 9)?, get_time(row, 10)?.unwrap_or_default()));
        Ok(())
    })?;
    Ok(found)
}
