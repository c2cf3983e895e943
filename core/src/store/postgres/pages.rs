//! Reads pages of users, groups, events and runs; and the directories, with or without counts, the open holds, and the decisions about holds.

use super::database::{Database, Statement};
use super::rows::{
    APPROVAL, EVENT, EVENT_WITHOUT_BODY, GROUP, HOLD, RUN, Text, Time, USER, approval, count, event, get, get_json,
    get_text, group, hold, run, signed, texts, user,
};
use crate::record::{
    Approval, DirectoryRow, EventQuery, EventRow, EventState, GroupRow, HoldId, HoldRow, RunQuery, RunRow, UserRow,
    email_key,
};
use crate::store::codec::state_number;
use crate::store::{DirectoryCounts, UserFilter};
use crate::{Result, Timestamp};

/// A page of events ends once their bodies have this many bytes.
const EVENT_BYTES: i64 = 4 << 20;

/// Makes the statement that selects a page of live users.
pub(super) fn select_users(filter: &UserFilter, after: i64, limit: usize) -> Statement {
    let UserFilter { organization_id, directory_id, email, group_id, hold, removed } = filter;
    let live = if *removed { "" } else { "deleted_at IS NULL AND" };
    let sql = match group_id {
        Some(_) => format!("SELECT {USER} FROM {{s}}.membership JOIN {{s}}.users ON number = user_number WHERE {live}"),
        None => format!("SELECT {USER} FROM {{s}}.users WHERE {live}"),
    };
    let mut statement = Statement::new(sql);
    if let Some(group_id) = group_id {
        statement.push("group_id =", Text::new(group_id));
        statement.push("AND user_number >", after);
    } else {
        statement.push("number >", after);
    }
    let email = email.as_deref().map(email_key);
    for (value, condition) in
        [(organization_id, "AND organization_id ="), (directory_id, "AND directory_id ="), (&email, "AND email =")]
    {
        if let Some(value) = value {
            statement.push(condition, Text::new(value));
        }
    }
    if let Some(HoldId { number, revision }) = hold {
        statement.push("AND hold =", *number);
        statement.push("AND hold_revision <=", *revision);
    }
    statement.push("ORDER BY number LIMIT", signed(limit));
    statement
}

/// Reads a page of live users.
pub(super) async fn users(database: &Database, filter: &UserFilter, after: i64, limit: usize) -> Result<Vec<UserRow>> {
    database.read_one(select_users(filter, after, limit)).await?.iter().map(user).collect()
}

/// Reads a page of the numbers of a directory's live users who are not leaving. All columns are in the index `user_of_directory`, so the table itself is not read.
pub(super) async fn user_numbers(
    database: &Database,
    directory_id: &str,
    after: i64,
    limit: usize,
) -> Result<Vec<i64>> {
    let sql = "SELECT number FROM {s}.users WHERE directory_id = $1 AND deleted_at IS NULL AND number > $2 AND deletes_at IS NULL
        ORDER BY number LIMIT $3";
    let select = Statement::new(sql).with(Text::new(directory_id)).with(after).with(signed(limit));
    database.read_one(select).await?.iter().map(|row| get(row, 0)).collect()
}

/// Reads the live users who are to be deleted until then, from the index `user_leaving`.
pub(super) async fn leavers(database: &Database, until: Timestamp, limit: usize) -> Result<Vec<UserRow>> {
    let sql = format!("SELECT {USER} FROM {{s}}.users WHERE deletes_at <= $1 ORDER BY deletes_at, number LIMIT $2");
    let select = Statement::new(sql).with(Time(until)).with(signed(limit));
    database.read_one(select).await?.iter().map(user).collect()
}

/// Returns those of `ids` that are the ids of live users.
pub(super) async fn live_users(database: &Database, ids: &[String]) -> Result<Vec<String>> {
    let sql = "SELECT id FROM {s}.users WHERE id = ANY($1) AND deleted_at IS NULL";
    let select = Statement::new(sql).with(texts(ids));
    database.read_one(select).await?.iter().map(|row| get_text(row, 0)).collect()
}

/// Reads the open holds: those with at least one user.
pub(super) async fn holds(
    database: &Database,
    organization_id: Option<&str>,
    directory_id: Option<&str>,
) -> Result<Vec<HoldRow>> {
    let mut select = Statement::new(format!("SELECT * FROM (SELECT {HOLD} FROM {{s}}.hold WHERE true"));
    if let Some(id) = organization_id {
        select.push("AND organization_id =", Text::new(id));
    }
    if let Some(id) = directory_id {
        select.push("AND directory_id =", Text::new(id));
    }
    select.push_text(") AS hold WHERE count > 0 ORDER BY number");
    database.read_one(select).await?.iter().map(hold).collect()
}

/// Reads the decisions about holds, oldest first.
pub(super) async fn approvals(database: &Database, organization_id: Option<&str>) -> Result<Vec<Approval>> {
    let mut select = Statement::new(format!("SELECT {APPROVAL} FROM {{s}}.approval WHERE true"));
    if let Some(id) = organization_id {
        select.push("AND organization_id =", Text::new(id));
    }
    select.push_text(" ORDER BY at, id");
    database.read_one(select).await?.iter().map(approval).collect()
}

/// Reads a page of live groups.
pub(super) async fn groups(
    database: &Database,
    directory_id: Option<&str>,
    after: i64,
    limit: usize,
) -> Result<Vec<GroupRow>> {
    let mut select = Statement::new(format!("SELECT {GROUP} FROM {{s}}.groups WHERE deleted_at IS NULL"));
    select.push("AND number >", after);
    if let Some(id) = directory_id {
        select.push("AND directory_id =", Text::new(id));
    }
    select.push("ORDER BY number LIMIT", signed(limit));
    database.read_one(select).await?.iter().map(group).collect()
}

/// Reads the directories in the order of their ids.
pub(super) async fn directories(database: &Database, organization_id: Option<&str>) -> Result<Vec<DirectoryRow>> {
    let mut select = Statement::new("SELECT body FROM {s}.directory WHERE true");
    if let Some(id) = organization_id {
        select.push("AND organization_id =", Text::new(id));
    }
    select.push_text(" ORDER BY id");
    database.read_one(select).await?.iter().map(|row| get_json(row, 0)).collect()
}

/// Reads the directories with the numbers of their live users and groups, and of the pending events of their organizations.
pub(super) async fn directory_counts(database: &Database) -> Result<Vec<DirectoryCounts>> {
    let sql = "SELECT body,
        (SELECT count(*) FROM {s}.users WHERE users.directory_id = directory.id AND deleted_at IS NULL),
        (SELECT count(deletes_at) FROM {s}.users WHERE users.directory_id = directory.id AND deleted_at IS NULL),
        (SELECT count(*) FROM {s}.groups WHERE groups.directory_id = directory.id AND deleted_at IS NULL),
        coalesce((SELECT events FROM {s}.pending WHERE pending.organization_id = directory.organization_id), 0)
        FROM {s}.directory ORDER BY id";
    let rows = database.read_one(Statement::new(sql)).await?;
    let counts = rows.iter().map(|row| {
        Ok(DirectoryCounts {
            row: get_json(row, 0)?,
            users: count(row, 1)?,
            leaving: count(row, 2)?,
            groups: count(row, 3)?,
            pending_events: count(row, 4)?,
        })
    });
    counts.collect()
}

/// Reads a page of events of an organization in one state, each with its row number.
pub(super) async fn events(
    database: &Database,
    organization_id: &str,
    state: EventState,
    after: i64,
    limit: usize,
) -> Result<Vec<(i64, EventRow)>> {
    // The partial index `event_waiting` is used only if the query has the index's condition literally.
    let state = match state {
        EventState::Pending => "state = 1".to_owned(),
        other => format!("state = {}", state_number(other)),
    };
    // An event is in the page if the bodies of the events before it in the page have fewer bytes than `EVENT_BYTES`.
    let sql = format!(
        "SELECT number, {EVENT} FROM (
            SELECT *, sum(coalesce(octet_length(body), 0)) OVER (ORDER BY number) - coalesce(octet_length(body), 0) AS bytes FROM (
                SELECT number, {EVENT} FROM {{s}}.event WHERE organization_id = $1 AND {state} AND number > $2 ORDER BY number LIMIT $3
            ) AS page
        ) AS page WHERE bytes < $4 ORDER BY number"
    );
    let select = Statement::new(sql).with(Text::new(organization_id)).with(after).with(signed(limit)).with(EVENT_BYTES);
    database.read_one(select).await?.iter().map(|row| Ok((get(row, 0)?, event(row, 1)?))).collect()
}

/// Reads received events, newest first, without their bodies.
pub(super) async fn received_events(database: &Database, query: &EventQuery) -> Result<Vec<(i64, EventRow)>> {
    let EventQuery { ids, organization_id, subject_id, before, limit } = query;
    let conditions = [("AND organization_id =", organization_id), ("AND subject_id =", subject_id)];
    let columns = format!("number, {EVENT_WITHOUT_BODY} FROM {{s}}.event");
    let select = select_newest(columns, ids, &conditions, *before, *limit);
    database.read_one(select).await?.iter().map(|row| Ok((get(row, 0)?, event(row, 1)?))).collect()
}

/// Reads runs, newest first.
pub(super) async fn runs(database: &Database, query: &RunQuery) -> Result<Vec<RunRow>> {
    let RunQuery { ids, organization_id, directory_id, before, limit } = query;
    let conditions = [("AND organization_id =", organization_id), ("AND directory_id =", directory_id)];
    let select = select_newest(format!("{RUN} FROM {{s}}.run"), ids, &conditions, *before, *limit);
    database.read_one(select).await?.iter().map(run).collect()
}

/// Selects rows in the descending order of their numbers: those that have one of `ids` if there are any, whose columns have the given values, and whose
/// number is less than `before`.
fn select_newest(
    columns: String,
    ids: &Option<Vec<String>>,
    conditions: &[(&str, &Option<String>)],
    before: Option<i64>,
    limit: usize,
) -> Statement {
    let mut select = Statement::new(format!("SELECT {columns} WHERE true"));
    if let Some(ids) = ids {
        select.push("AND id = ANY (", texts(ids));
        select.push_text(")");
    }
    for (condition, value) in conditions {
        if let Some(value) = value {
            select.push(condition, Text::new(value));
        }
    }
    if let Some(before) = before {
        select.push("AND number <", before);
    }
    select.push("ORDER BY number DESC LIMIT", signed(limit));
    select
}
