//! Erasures of users and organizations: reads them, replaces what the feed has about them, and removes the other rows.
//!
//! The server keeps replaced and deleted rows until it vacuums their tables, and in its write-ahead log, archives and backups for as long as it is
//! configured to: see the guide to PostgreSQL.

use super::commit::run;
use super::database::{Columns, Database, Statement};
use super::rows::{ENTRY, ERASURE, Json, Text, count, entry, erasure, first, get, no_row, signed};
use crate::Result;
use crate::record::ErasureRow;
use crate::store::codec::to_json;
use crate::store::{ForgottenRows, FoundEntries, Redaction, Scope};

/// Reads the erasures that have not ended, oldest first.
pub(super) async fn open(database: &Database, limit: usize) -> Result<Vec<ErasureRow>> {
    let sql = format!(
        "SELECT {ERASURE} FROM {{s}}.erasure WHERE user_id IS NOT NULL OR organization_id IS NOT NULL ORDER BY at LIMIT $1"
    );
    database.read_one(Statement::new(sql).with(signed(limit))).await?.iter().map(erasure).collect()
}

/// Searches a page of the feed as [`Store::entries_of_user`](crate::store::Store::entries_of_user) describes.
pub(super) async fn entries_of_user(
    database: &Database,
    user_id: &str,
    after: i64,
    limit: usize,
) -> Result<FoundEntries> {
    let id = to_json(&user_id)?;
    search(database, "strpos(body, $3) > 0", after, limit, |statement| statement.with(Json::raw(id))).await
}

/// Searches a page of the feed as [`Store::entries_of_organization`](crate::store::Store::entries_of_organization) describes.
pub(super) async fn entries_of_organization(
    database: &Database,
    organization_id: &str,
    after: i64,
    limit: usize,
) -> Result<FoundEntries> {
    let id = Text::new(organization_id);
    search(database, "organization_id = $3", after, limit, |statement| statement.with(id)).await
}

/// Searches a page of the feed for entries that meet `condition`, for which `add_value` adds the third parameter.
async fn search(
    database: &Database,
    condition: &str,
    after: i64,
    limit: usize,
    add_value: impl FnOnce(Statement) -> Statement,
) -> Result<FoundEntries> {
    // The last row is that of the end of the page. The others are the entries that were found.
    let last = "SELECT max(seq) FROM (SELECT seq FROM {s}.change WHERE seq > $1 ORDER BY seq LIMIT $2) AS page";
    let found =
        format!("SELECT {ENTRY} FROM {{s}}.change WHERE seq > $1 AND seq <= ({last}) AND {condition} ORDER BY seq");
    let read = [
        Statement::new(last).with(after).with(signed(limit)),
        add_value(Statement::new(found).with(after).with(signed(limit))),
    ];
    let results = database.read(&read).await?;
    let [last, found] = results.as_slice() else { return Err(no_row()) };
    Ok(FoundEntries { entries: found.iter().map(entry).collect::<Result<_>>()?, searched: get(first(last)?, 0)? })
}

/// Replaces entries and parked changes as [`Store::redact`](crate::store::Store::redact) describes.
pub(super) async fn redact(database: &Database, redaction: &Redaction) -> Result<()> {
    let Redaction { entries, parked } = redaction;
    let mut statements = Vec::new();
    if !entries.is_empty() {
        let columns = Columns::new(entries)
            .with("seq", |row| row.last)
            .with("organization_id", |row| Text::new(&row.organization_id))
            .with("directory_id", |row| Text::new(&row.directory_id))
            .with("cause", |row| Text::new(&row.cause))
            .json("body", |row| Json::new(&row.body).map(Some))?;
        let sql = "UPDATE {s}.change SET organization_id = new.organization_id, directory_id = new.directory_id,
                cause = new.cause, body = new.body
            FROM {new} WHERE change.seq = new.seq";
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

/// Removes rows of an organization as [`Store::forget_organization`](crate::store::Store::forget_organization) describes.
///
/// The rows of the tables `scope` and `lease` stay: they have the ids of the organization and of its directories and nothing else. Other transactions may
/// wait for a row of `scope`, and the next lease of a directory must get a greater token than the last one.
pub(super) async fn forget_organization(
    database: &Database,
    organization_id: &str,
    limit: usize,
) -> Result<ForgottenRows> {
    let id = || Text::new(organization_id);
    // The rows of these kinds are not read by the statements after them, except for the directories, which are removed last.
    let users = "SELECT number, id, told_groups FROM {s}.users WHERE organization_id = $1 ORDER BY number LIMIT $2";
    let groups = "SELECT number, id FROM (
            SELECT number, id FROM {s}.groups WHERE deleted_at IS NOT NULL AND body::json ->> 'organization_id' = $1
            UNION ALL SELECT number, id FROM {s}.groups WHERE deleted_at IS NULL AND directory_id IN (
                SELECT id FROM {s}.directory WHERE organization_id = $1)
        ) AS groups_of_organization ORDER BY number LIMIT $2";
    let page = |sql: String| Statement::new(sql).with(id()).with(signed(limit));
    // Deletes rows of a table by the column `key`, and returns how many.
    let delete = |table: &str, key: &str, rows: &str| {
        page(format!(
            "WITH old AS MATERIALIZED ({rows}),
            gone AS (DELETE FROM {{s}}.{table} WHERE {key} IN (SELECT {key} FROM old) RETURNING 1)
            SELECT count(*) FROM gone"
        ))
    };
    let of_organization = |table: &str, key: &str| {
        delete(table, key, &format!("SELECT {key} FROM {{s}}.{table} WHERE organization_id = $1 LIMIT $2"))
    };
    let memberships = format!(
        "DELETE FROM {{s}}.membership USING (
            SELECT number, json_array_elements_text(told_groups::json) AS group_id FROM ({users}) AS old) AS gone
        WHERE membership.group_id = gone.group_id AND membership.user_number = gone.number"
    );
    let losses = "WITH old AS MATERIALIZED (SELECT directory_id, at, user_id FROM {s}.loss WHERE directory_id IN (
                SELECT id FROM {s}.directory WHERE organization_id = $1) LIMIT $2),
        gone AS (DELETE FROM {s}.loss USING old
            WHERE (loss.directory_id, loss.at, loss.user_id) = (old.directory_id, old.at, old.user_id) RETURNING 1)
        SELECT count(*) FROM gone";
    let statements = [
        page(memberships),
        page(format!("DELETE FROM {{s}}.chore WHERE group_id IN (SELECT id FROM ({groups}) AS old)")),
        delete("users", "number", users),
        delete("groups", "number", groups),
        of_organization("history", "seq"),
        of_organization("event", "number"),
        of_organization("run", "number"),
        of_organization("approval", "id"),
        page(losses.to_owned()),
    ];
    let results = run(database, &Scope::Everything, &statements).await?;
    let counts = results.iter().skip(2).map(|rows| count(first(rows)?, 0)).collect::<Result<Vec<u64>>>()?;
    let [users, groups, history, events, runs, approvals, losses] = counts[..] else { return Err(no_row()) };
    let rows = ForgottenRows { users, groups, history, events, runs, approvals, losses, ..ForgottenRows::default() };
    if !rows.is_last(limit) {
        return Ok(rows);
    }
    let last = |sql: &'static str| Statement::new(sql).with(id());
    let statements = [
        last("DELETE FROM {s}.hold WHERE organization_id = $1"),
        last("DELETE FROM {s}.retirement WHERE organization_id = $1"),
        last("DELETE FROM {s}.pending WHERE organization_id = $1"),
        last("DELETE FROM {s}.organization WHERE id = $1"),
        last(
            "WITH gone AS (DELETE FROM {s}.directory WHERE organization_id = $1 RETURNING 1) SELECT count(*) FROM gone",
        ),
    ];
    let results = run(database, &Scope::Everything, &statements).await?;
    let directories = count(first(results.last().map(Vec::as_slice).unwrap_or_default())?, 0)?;
    Ok(ForgottenRows { directories, is_complete: true, ..rows })
}
