//! Erasures of users: reads them, replaces what the feed has about a user, and removes the other rows.
//!
//! The server keeps replaced and deleted rows until it vacuums their tables, and in its write-ahead log, archives and backups for as long as it is
//! configured to: see the guide to PostgreSQL.

use super::commit::run;
use super::database::{Columns, Database, Statement};
use super::rows::{ENTRY, ERASURE, Json, Text, entry, erasure, first, get, no_row, signed};
use crate::Result;
use crate::record::ErasureRow;
use crate::store::codec::to_json;
use crate::store::{Redaction, Scope, UserEntries};

/// Reads the erasures that have not ended, oldest first.
pub(super) async fn open(database: &Database, limit: usize) -> Result<Vec<ErasureRow>> {
    let sql = format!("SELECT {ERASURE} FROM {{s}}.erasure WHERE user_id IS NOT NULL ORDER BY at LIMIT $1");
    database.read_one(Statement::new(sql).with(signed(limit))).await?.iter().map(erasure).collect()
}

/// Searches a page of the feed as [`Store::entries_of_user`](crate::store::Store::entries_of_user) describes.
pub(super) async fn entries_of_user(
    database: &Database,
    user_id: &str,
    after: i64,
    limit: usize,
) -> Result<UserEntries> {
    // The last row is that of the end of the page. The others are the user's entries.
    let last = "SELECT max(seq) FROM (SELECT seq FROM {s}.change WHERE seq > $1 ORDER BY seq LIMIT $2) AS page";
    let found = format!(
        "SELECT {ENTRY} FROM {{s}}.change WHERE seq > $1 AND seq <= ({last}) AND strpos(body, $3) > 0 ORDER BY seq"
    );
    let read = [
        Statement::new(last).with(after).with(signed(limit)),
        Statement::new(found).with(after).with(signed(limit)).with(Json::raw(to_json(&user_id)?)),
    ];
    let results = database.read(&read).await?;
    let [last, found] = results.as_slice() else { return Err(no_row()) };
    Ok(UserEntries { entries: found.iter().map(entry).collect::<Result<_>>()?, searched: get(first(last)?, 0)? })
}

/// Replaces entries and parked changes as [`Store::redact`](crate::store::Store::redact) describes.
pub(super) async fn redact(database: &Database, redaction: &Redaction) -> Result<()> {
    let Redaction { entries, parked } = redaction;
    let mut statements = Vec::new();
    if !entries.is_empty() {
        let columns = Columns::new(entries)
            .with("seq", |row| row.last)
            .with("cause", |row| Text::new(&row.cause))
            .json("body", |row| Json::new(&row.body).map(Some))?;
        let sql = "UPDATE {s}.change SET cause = new.cause, body = new.body FROM {new} WHERE change.seq = new.seq";
        statements.push(columns.statement(sql, &[]));
    }
    if !parked.is_empty() {
        let columns = Columns::new(parked)
            .with("consumer", |(consumer, _)| Text::new(consumer))
            .with("seq", |(_, row)| row.change.seq)
            .with("reason", |(_, row)| Text::new(&row.reason))
            .with("kind", |(_, row)| Text::new(row.change.kind.name()))
            .with("cause", |(_, row)| Text::new(&row.change.cause))
            .json("body", |(_, row)| Json::new(&row.change.body()).map(Some))?;
        let sql =
            "UPDATE {s}.parked_change SET reason = new.reason, kind = new.kind, cause = new.cause, body = new.body
            FROM {new} WHERE parked_change.consumer = new.consumer AND parked_change.seq = new.seq";
        statements.push(columns.statement(sql, &[]));
    }
    run(database, &Scope::Everything, &statements).await.map(drop)
}

/// Removes the rows of a user as [`Store::forget_user`](crate::store::Store::forget_user) describes.
pub(super) async fn forget_user(database: &Database, user_id: &str, mark: &str, limit: usize) -> Result<usize> {
    let history = "WITH old AS MATERIALIZED (SELECT seq FROM {s}.history WHERE subject_id = $1 LIMIT $2),
        gone AS (DELETE FROM {s}.history WHERE seq IN (SELECT seq FROM old) RETURNING 1)
        SELECT count(*) FROM gone";
    // `told_groups` name all memberships, so no other rows have to be searched.
    let memberships = "DELETE FROM {s}.membership USING (
            SELECT number, json_array_elements_text(told_groups::json) AS group_id FROM {s}.users
            WHERE id = $1 AND deleted_at IS NOT NULL) AS gone
        WHERE membership.group_id = gone.group_id AND membership.user_number = gone.number";
    let id = || Text::new(user_id);
    let statements = [
        Statement::new(history).with(id()).with(signed(limit)),
        Statement::new("UPDATE {s}.loss SET user_id = $2 WHERE user_id = $1").with(id()).with(Text::new(mark)),
        Statement::new(memberships).with(id()),
        Statement::new("DELETE FROM {s}.users WHERE id = $1 AND deleted_at IS NOT NULL").with(id()),
    ];
    let results = run(database, &Scope::Everything, &statements).await?;
    let removed: i64 = get(first(results.first().map(Vec::as_slice).unwrap_or_default())?, 0)?;
    Ok(usize::try_from(removed).unwrap_or(0))
}
