//! Reads pages of users, groups, events and runs, and lists of directories, their counts, holds, and decisions about holds.

use super::database::{Database, limited, list};
use super::rows::{
    APPROVAL, EVENT, EVENT_WITHOUT_BODY, GROUP, HOLD, RUN, USER, approval, event, get, get_json, group, hold, run, user,
};
use crate::record::{
    Approval, DirectoryRow, EventQuery, EventRow, EventState, GroupRow, HoldId, HoldRow, RunQuery, RunRow, UserRow,
    email_key,
};
use crate::store::codec::{state_number, time_bytes};
use crate::store::{DirectoryCounts, UserFilter};
use crate::{Result, Timestamp};
use rusqlite::{Row, ToSql, params};

/// A page of events ends with the event whose body brings the total size of the bodies to this number of bytes.
const EVENT_BYTES: usize = 4 << 20;

/// Reads a count from a column. A negative number becomes 0.
pub(super) fn count(row: &Row<'_>, column: usize) -> Result<u64> {
    Ok(u64::try_from(get::<i64>(row, column)?).unwrap_or(0))
}

pub(super) fn users(database: &Database, filter: &UserFilter, after: i64, limit: usize) -> Result<Vec<UserRow>> {
    let UserFilter { organization_id, directory_id, email, group_id, hold, removed } = filter;
    let live = if *removed { "" } else { "AND deleted_at IS NULL" };
    let (limit, email) = (limited(limit), email.as_deref().map(email_key));
    let mut values: Vec<&dyn ToSql> = vec![&after, &limit];
    let mut sql = format!("SELECT {USER} FROM user WHERE number > ?1 {live}");
    if let Some(group_id) = group_id {
        values.push(group_id);
        // CROSS JOIN keeps the order of the tables: SQLite reads the members of the group and finds each user by number. Otherwise it may read all
        // users and search for each of them among the members.
        sql = format!(
            "SELECT {USER} FROM membership CROSS JOIN user ON number = user_number
                WHERE group_id = ?3 AND user_number > ?1 {live}"
        );
    }
    for (value, column) in [(organization_id, "organization_id"), (directory_id, "directory_id"), (&email, "email")] {
        if let Some(value) = value {
            values.push(value);
            sql.push_str(&format!(" AND {column} = ?{}", values.len()));
        }
    }
    if let Some(HoldId { number, revision }) = hold {
        values.extend([number as &dyn ToSql, revision]);
        sql.push_str(&format!(" AND hold = ?{} AND hold_revision <= ?{}", values.len() - 1, values.len()));
    }
    sql.push_str(" ORDER BY number LIMIT ?2");
    database.all(&sql, values.as_slice(), user)
}

/// Reads the numbers of a page of a directory's live users who are not leaving, from the index `user_of_directory` alone.
pub(super) fn user_numbers(database: &Database, directory_id: &str, after: i64, limit: usize) -> Result<Vec<i64>> {
    let sql = "SELECT number FROM user WHERE directory_id = ?1 AND deleted_at IS NULL AND number > ?2 AND deletes_at IS NULL ORDER BY number LIMIT ?3";
    database.all(sql, params![directory_id, after, limited(limit)], |row| get(row, 0))
}

/// Reads the live users who are to be deleted until then, from the index `user_leaving`.
pub(super) fn leavers(database: &Database, until: Timestamp, limit: usize) -> Result<Vec<UserRow>> {
    let sql = format!("SELECT {USER} FROM user WHERE deletes_at <= ?1 ORDER BY deletes_at, number LIMIT ?2");
    database.all(&sql, params![time_bytes(until), limited(limit)], user)
}

/// Returns those of `ids` that are the ids of live users.
pub(super) fn live_users(database: &Database, ids: &Vec<String>) -> Result<Vec<String>> {
    let sql = "SELECT id FROM user WHERE id IN (SELECT value FROM json_each(?1)) AND deleted_at IS NULL";
    database.all(sql, [list(ids)?], |row| get(row, 0))
}

pub(super) fn holds(
    database: &Database,
    organization_id: Option<&str>,
    directory_id: Option<&str>,
) -> Result<Vec<HoldRow>> {
    let sql = format!(
        "SELECT * FROM (SELECT {HOLD} FROM hold WHERE (?1 IS NULL OR organization_id = ?1) AND (?2 IS NULL OR directory_id = ?2))
            WHERE count > 0 ORDER BY number"
    );
    database.all(&sql, params![organization_id, directory_id], hold)
}

pub(super) fn approvals(database: &Database, organization_id: Option<&str>) -> Result<Vec<Approval>> {
    let sql = format!("SELECT {APPROVAL} FROM approval WHERE ?1 IS NULL OR organization_id = ?1 ORDER BY at, id");
    database.all(&sql, [organization_id], approval)
}

pub(super) fn groups(
    database: &Database,
    directory_id: Option<&str>,
    after: i64,
    limit: usize,
) -> Result<Vec<GroupRow>> {
    let live = format!("SELECT {GROUP} FROM \"group\" WHERE deleted_at IS NULL AND number > ?1");
    let page = "ORDER BY number LIMIT ?2";
    let limit = limited(limit);
    match directory_id {
        None => database.all(&format!("{live} {page}"), params![after, limit], group),
        Some(id) => database.all(&format!("{live} AND directory_id = ?3 {page}"), params![after, limit, id], group),
    }
}

pub(super) fn directories(database: &Database, organization_id: Option<&str>) -> Result<Vec<DirectoryRow>> {
    let read = |row: &Row<'_>| get_json(row, 0);
    match organization_id {
        None => database.all("SELECT body FROM directory ORDER BY id", [], read),
        Some(id) => database.all("SELECT body FROM directory WHERE organization_id = ?1 ORDER BY id", [id], read),
    }
}

pub(super) fn directory_counts(database: &Database) -> Result<Vec<DirectoryCounts>> {
    let sql = "SELECT body,
        (SELECT count(*) FROM user WHERE directory_id = directory.id AND deleted_at IS NULL),
        (SELECT count(deletes_at) FROM user WHERE directory_id = directory.id AND deleted_at IS NULL),
        (SELECT count(*) FROM \"group\" WHERE directory_id = directory.id AND deleted_at IS NULL),
        coalesce((SELECT events FROM pending WHERE pending.organization_id = directory.organization_id), 0)
        FROM directory ORDER BY id";
    database.all(sql, [], |row| {
        Ok(DirectoryCounts {
            row: get_json(row, 0)?,
            users: count(row, 1)?,
            leaving: count(row, 2)?,
            groups: count(row, 3)?,
            pending_events: count(row, 4)?,
        })
    })
}

pub(super) fn events(
    database: &Database,
    organization_id: &str,
    state: EventState,
    after: i64,
    limit: usize,
) -> Result<Vec<(i64, EventRow)>> {
    // SQLite uses the partial index `event_waiting` only if the query has the index's condition literally.
    let waiting = if state == EventState::Pending { "AND state IN (1, 2)" } else { "" };
    let sql = format!(
        "SELECT number, {EVENT} FROM event WHERE organization_id = ?1 AND state = ?2 {waiting} AND number > ?3 ORDER BY number LIMIT ?4"
    );
    let values = params![organization_id, state_number(state), after, limited(limit)];
    let (mut found, mut bytes) = (Vec::new(), 0);
    database.while_more(&sql, values, |row| {
        let event = event(row, 1)?;
        bytes += event.body.as_ref().map_or(0, Vec::len);
        found.push((get(row, 0)?, event));
        Ok(bytes < EVENT_BYTES)
    })?;
    Ok(found)
}

/// Reads received events, newest first, without their bodies.
pub(super) fn received_events(database: &Database, query: &EventQuery) -> Result<Vec<(i64, EventRow)>> {
    let EventQuery { ids, organization_id, subject_id, before, limit } = query;
    let select = format!("SELECT number, {EVENT_WITHOUT_BODY} FROM event");
    let conditions = [("organization_id", organization_id), ("subject_id", subject_id)];
    newest(database, &select, ids, &conditions, *before, *limit, |row| Ok((get(row, 0)?, event(row, 1)?)))
}

/// Reads runs, newest first.
pub(super) fn runs(database: &Database, query: &RunQuery) -> Result<Vec<RunRow>> {
    let RunQuery { ids, organization_id, directory_id, before, limit } = query;
    let conditions = [("organization_id", organization_id), ("directory_id", directory_id)];
    newest(database, &format!("SELECT {RUN} FROM run"), ids, &conditions, *before, *limit, run)
}

/// Reads rows in the descending order of their numbers: those that have one of `ids` if there are any, whose columns have the given values, and whose
/// number is less than `before`.
fn newest<T>(
    database: &Database,
    select: &str,
    ids: &Option<Vec<String>>,
    conditions: &[(&str, &Option<String>)],
    before: Option<i64>,
    limit: usize,
    read: impl Fn(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let (before, limit) = (before.unwrap_or(i64::MAX), limited(limit));
    let mut values: Vec<&dyn ToSql> = vec![&before, &limit];
    let ids = ids.as_ref().map(list).transpose()?;
    // The sign keeps SQLite from reading all rows of the directory in the order of their numbers instead of finding those with the ids.
    let number = if ids.is_some() { "+number" } else { "number" };
    let mut sql = format!("{select} WHERE {number} < ?1");
    if let Some(ids) = &ids {
        values.push(ids);
        sql.push_str(&format!(" AND id IN (SELECT value FROM json_each(?{}))", values.len()));
    }
    for (column, value) in conditions {
        if let Some(value) = value {
            values.push(value);
            sql.push_str(&format!(" AND {column} = ?{}", values.len()));
        }
    }
    sql.push_str(&format!(" ORDER BY {number} DESC LIMIT ?2"));
    database.all(&sql, values.as_slice(), read)
}
