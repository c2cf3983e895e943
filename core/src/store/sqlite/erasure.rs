//! Erasures of users and organizations: reads them, replaces what the feed has about them, and removes the other rows.
//!
//! SQLite overwrites what is replaced or deleted in the file, because of `secure_delete`. The log has older pages until it is truncated: see
//! [`open::purge`](super::open::purge).

use super::database::{Database, in_list, limited};
use super::rows::{ENTRY, entry, get, get_time};
use crate::Result;
use crate::record::{ErasureRow, ParkedChange, RedactedEntry};
use crate::store::codec::to_json;
use crate::store::{ForgottenRows, FoundEntries, Redaction};
use rusqlite::{Row, params};
use std::collections::{BTreeSet, HashMap};

/// The columns of an erasure, as [`row`] reads them.
const ERASURE: &str = "mark, id, at, user_id, organization_id";

fn row(row: &Row<'_>) -> Result<ErasureRow> {
    Ok(ErasureRow {
        mark: get(row, 0)?,
        id: get(row, 1)?,
        at: get_time(row, 2)?.unwrap_or_default(),
        user_id: get(row, 3)?,
        organization_id: get(row, 4)?,
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
    let sql = format!(
        "SELECT {ERASURE} FROM erasure WHERE user_id IS NOT NULL OR organization_id IS NOT NULL ORDER BY at LIMIT ?1"
    );
    database.all(&sql, [limited(limit)], row)
}

/// Searches a page of the feed as [`Store::entries_of_user`](crate::store::Store::entries_of_user) describes.
pub(super) fn entries_of_user(database: &Database, user_id: &str, after: i64, limit: usize) -> Result<FoundEntries> {
    search(database, "instr(body, ?3) > 0", &to_json(&user_id)?, after, limit)
}

/// Searches a page of the feed as [`Store::entries_of_organization`](crate::store::Store::entries_of_organization) describes.
pub(super) fn entries_of_organization(
    database: &Database,
    organization_id: &str,
    after: i64,
    limit: usize,
) -> Result<FoundEntries> {
    search(database, "organization_id = ?3", organization_id, after, limit)
}

/// Searches a page of the feed for entries that meet `condition`, in which `?3` is `value`.
fn search(database: &Database, condition: &str, value: &str, after: i64, limit: usize) -> Result<FoundEntries> {
    let last = "SELECT max(seq) FROM (SELECT seq FROM change WHERE seq > ?1 ORDER BY seq LIMIT ?2)";
    let searched: Option<i64> =
        database.one(last, params![after, limited(limit)], |row| get::<Option<i64>>(row, 0))?.flatten();
    let sql = format!("SELECT {ENTRY} FROM change WHERE seq > ?1 AND seq <= ?2 AND {condition} ORDER BY seq");
    let entries = match searched {
        Some(last) => database.all(&sql, params![after, last, value], entry)?,
        None => Vec::new(),
    };
    Ok(FoundEntries { entries, searched })
}

/// Replaces entries and parked changes as [`Store::redact`](crate::store::Store::redact) describes.
pub(super) fn redact(database: &Database, redaction: &Redaction) -> Result<()> {
    database.atomically(|| {
        for RedactedEntry { last, organization_id, directory_id, cause, body } in &redaction.entries {
            // `kind` is used only by entries of schema version 1: see `schema-2.sql`.
            let sql = "UPDATE change SET kind = '', organization_id = ?2, directory_id = ?3, cause = ?4, body = ?5
                WHERE seq = ?1";
            database.run(sql, params![last, organization_id, directory_id, cause, to_json(body)?])?;
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

/// The users of an organization, a page of them, in a `DELETE` or `SELECT`: `?1` is the organization, `?2` the limit.
const USERS: &str = "SELECT number FROM user WHERE organization_id = ?1 ORDER BY number LIMIT ?2";

/// The groups of an organization, a page of them. The directory of a tombstone may be unknown, so tombstones are found by the organization in their
/// bodies; the retention limits how many there are.
const GROUPS: &str = "SELECT number FROM \"group\" WHERE deleted_at IS NOT NULL AND body ->> '$.organization_id' = ?1
    UNION SELECT number FROM \"group\" WHERE deleted_at IS NULL AND directory_id IN (
        SELECT id FROM directory WHERE organization_id = ?1) ORDER BY 1 LIMIT ?2";

/// The losses of access in the directories of an organization, a page of them.
const LOSSES: &str = "SELECT directory_id, at, user_id FROM loss WHERE directory_id IN (
    SELECT id FROM directory WHERE organization_id = ?1) LIMIT ?2";

/// Removes rows of an organization as [`Store::forget_organization`](crate::store::Store::forget_organization) describes.
pub(super) fn forget_organization(database: &Database, organization_id: &str, limit: usize) -> Result<ForgottenRows> {
    database.atomically(|| {
        let page = |sql: &str| database.run(sql, params![organization_id, limited(limit)]).map(|count| count as u64);
        // `told_groups` name all memberships, so no other rows have to be searched.
        let memberships = format!(
            "DELETE FROM membership WHERE (group_id, user_number) IN (
                SELECT value, number FROM user, json_each(told_groups) WHERE number IN ({USERS}))"
        );
        page(&memberships)?;
        page(&format!("DELETE FROM chore WHERE group_id IN (SELECT id FROM \"group\" WHERE number IN ({GROUPS}))"))?;
        let pages = "WHERE number IN (SELECT number FROM";
        let mut rows = ForgottenRows {
            users: page(&format!("DELETE FROM user WHERE number IN ({USERS})"))?,
            groups: page(&format!("DELETE FROM \"group\" WHERE number IN ({GROUPS})"))?,
            history: page(
                "DELETE FROM history WHERE seq IN (SELECT seq FROM history WHERE organization_id = ?1 LIMIT ?2)",
            )?,
            events: page(&format!("DELETE FROM event {pages} event WHERE organization_id = ?1 LIMIT ?2)"))?,
            runs: page(&format!("DELETE FROM run {pages} run WHERE organization_id = ?1 LIMIT ?2)"))?,
            approvals: page(
                "DELETE FROM approval WHERE id IN (SELECT id FROM approval WHERE organization_id = ?1 LIMIT ?2)",
            )?,
            losses: page(&format!("DELETE FROM loss WHERE (directory_id, at, user_id) IN ({LOSSES})"))?,
            ..ForgottenRows::default()
        };
        if !rows.is_last(limit) {
            return Ok(rows);
        }
        for sql in [
            "DELETE FROM hold WHERE organization_id = ?1",
            "DELETE FROM retirement WHERE organization_id = ?1",
            "DELETE FROM pending WHERE organization_id = ?1",
            "DELETE FROM organization WHERE id = ?1",
        ] {
            database.run(sql, [organization_id])?;
        }
        let directories = database.run("DELETE FROM directory WHERE organization_id = ?1", [organization_id])?;
        rows.directories = directories as u64;
        rows.is_complete = true;
        Ok(rows)
    })
}
