//! Erasures of users: reads them, replaces what the feed has about a user, and removes the other rows.
//!
//! SQLite overwrites what is replaced or deleted in the file, because of `secure_delete`. The log has older pages until it is truncated: see
//! [`open::purge`](super::open::purge).

use super::database::{Database, in_list, limited};
use super::rows::{ENTRY, entry, get, get_time};
use crate::Result;
use crate::record::{ErasureRow, ParkedChange, RedactedEntry};
use crate::store::codec::to_json;
use crate::store::{Redaction, UserEntries};
use rusqlite::{Row, params};
use std::collections::{BTreeSet, HashMap};

/// The columns of an erasure, as [`row`] reads them.
const ERASURE: &str = "mark, id, at, user_id";

fn row(row: &Row<'_>) -> Result<ErasureRow> {
    Ok(ErasureRow {
        mark: get(row, 0)?,
        id: get(row, 1)?,
        at: get_time(row, 2)?.unwrap_or_default(),
        user_id: get(row, 3)?,
    })
}

/// Reads the erasures with these marks.
pub(super) fn with_marks(database: &Database, marks: &BTreeSet<String>) -> Result<HashMap<String, ErasureRow>> {
    let (list, value) = in_list(marks, "?1")?;
    let sql = format!("SELECT {ERASURE} FROM erasure WHERE mark IN ({list})");
    let rows = database.all(&sql, [value], row)?;
    Ok(rows.into_iter().map(|row| (row.mark.clone(), row)).collect())
}

/// Reads the erasures that have not ended, oldest first.
pub(super) fn open(database: &Database, limit: usize) -> Result<Vec<ErasureRow>> {
    let sql = format!("SELECT {ERASURE} FROM erasure WHERE user_id IS NOT NULL ORDER BY at LIMIT ?1");
    database.all(&sql, [limited(limit)], row)
}

/// Searches a page of the feed as [`Store::entries_of_user`](crate::store::Store::entries_of_user) describes.
pub(super) fn entries_of_user(database: &Database, user_id: &str, after: i64, limit: usize) -> Result<UserEntries> {
    let last = "SELECT max(seq) FROM (SELECT seq FROM change WHERE seq > ?1 ORDER BY seq LIMIT ?2)";
    let searched: Option<i64> =
        database.one(last, params![after, limited(limit)], |row| get::<Option<i64>>(row, 0))?.flatten();
    let sql = format!("SELECT {ENTRY} FROM change WHERE seq > ?1 AND seq <= ?2 AND instr(body, ?3) > 0 ORDER BY seq");
    let entries = match searched {
        Some(last) => database.all(&sql, params![after, last, to_json(&user_id)?], entry)?,
        None => Vec::new(),
    };
    Ok(UserEntries { entries, searched })
}

/// Replaces entries and parked changes as [`Store::redact`](crate::store::Store::redact) describes.
pub(super) fn redact(database: &Database, redaction: &Redaction) -> Result<()> {
    database.atomically(|| {
        for RedactedEntry { last, cause, body } in &redaction.entries {
            // `kind` is used only by entries of schema version 1: see `schema-2.sql`.
            let sql = "UPDATE change SET kind = '', cause = ?2, body = ?3 WHERE seq = ?1";
            database.run(sql, params![last, cause, to_json(body)?])?;
        }
        for (consumer, ParkedChange { change, reason, .. }) in &redaction.parked {
            let sql = "UPDATE parked_change SET reason = ?3, last = ?2, count = 1, kind = ?4, cause = ?5, body = ?6
                WHERE consumer = ?1 AND seq = ?2";
            let (kind, body) = (change.kind.name(), to_json(&change.body())?);
            database.run(sql, params![consumer, change.seq, reason, kind, change.cause, body])?;
        }
        Ok(())
    })
}

/// Removes the rows of a user as [`Store::forget_user`](crate::store::Store::forget_user) describes.
pub(super) fn forget_user(database: &Database, user_id: &str, mark: &str, limit: usize) -> Result<usize> {
    database.atomically(|| {
        let sql = "DELETE FROM history WHERE seq IN (SELECT seq FROM history WHERE subject_id = ?1 LIMIT ?2)";
        let removed = database.run(sql, params![user_id, limited(limit)])?;
        database.run("UPDATE OR REPLACE loss SET user_id = ?2 WHERE user_id = ?1", params![user_id, mark])?;
        // `told_groups` name all memberships, so no other rows have to be searched.
        let memberships = "DELETE FROM membership WHERE (group_id, user_number) IN (
            SELECT value, number FROM user, json_each(told_groups) WHERE user.id = ?1 AND deleted_at IS NOT NULL)";
        database.run(memberships, [user_id])?;
        database.run("DELETE FROM user WHERE id = ?1 AND deleted_at IS NOT NULL", [user_id])?;
        Ok(removed)
    })
}
