//! Writes the result of a decision, with a fixed number of statements for up to 512 rows of each kind, and none for a kind without rows.

use super::database::{Database, Insert, Values, list};
use super::lease;
use super::load::Counter;
use super::rows::{Time, time};
use crate::record::{
    Approval, Batch, Chore, DirectoryRow, EventRow, GroupRow, HeldLoss, HoldRow, LossRow, NewEntry, OrganizationRow,
    Retirement, Trail, UserRow, UserWrite, email_key,
};
use crate::store::codec::{state_number, to_json};
use crate::store::{Committed, Durability, Keys, WorkingSet, Write};
use crate::{Error, Result};
use rusqlite::params;
use std::collections::BTreeMap;

static ORGANIZATIONS: Insert =
    Insert::new("INSERT INTO organization (id, body)", 2, "ON CONFLICT (id) DO UPDATE SET body = excluded.body");

static DIRECTORIES: Insert = Insert::new(
    "INSERT INTO directory (id, organization_id, body)",
    3,
    "ON CONFLICT (id) DO UPDATE SET organization_id = excluded.organization_id, body = excluded.body",
);

static GROUPS: Insert = Insert::new(
    "INSERT INTO \"group\" (number, id, directory_id, body, leaving, version_at, version_kind, version_event, touched_at, revision,
        deleted_at)",
    11,
    "ON CONFLICT (number) DO UPDATE SET directory_id = excluded.directory_id, body = excluded.body,
        leaving = excluded.leaving, version_at = excluded.version_at, version_kind = excluded.version_kind,
        version_event = excluded.version_event, touched_at = excluded.touched_at, revision = excluded.revision,
        deleted_at = excluded.deleted_at",
);

static USERS: Insert = Insert::new(
    "INSERT INTO user (number, id, organization_id, directory_id, email, body, told_groups, listed,
        version_at, version_kind, version_event, touched_at, revision, deleted_at, added_at, lost_at, hold, hold_revision, held)",
    19,
    "ON CONFLICT (number) DO UPDATE SET organization_id = excluded.organization_id, directory_id = excluded.directory_id,
        email = excluded.email, body = excluded.body, told_groups = excluded.told_groups, listed = excluded.listed,
        version_at = excluded.version_at, version_kind = excluded.version_kind, version_event = excluded.version_event,
        touched_at = excluded.touched_at,
        revision = excluded.revision, deleted_at = excluded.deleted_at, added_at = excluded.added_at,
        lost_at = excluded.lost_at, hold = excluded.hold, hold_revision = excluded.hold_revision, held = excluded.held",
);

static ENTRIES: Insert =
    Insert::new("INSERT INTO change (seq, count, kind, organization_id, directory_id, cause, at, body)", 8, "");

static EVENTS: Insert = Insert::new(
    "INSERT INTO event (number, id, organization_id, directory_id, received_at, state, body)",
    7,
    "ON CONFLICT (id) DO UPDATE SET state = excluded.state, body = excluded.body",
);

static LOSSES: Insert =
    Insert::new("INSERT OR REPLACE INTO loss (directory_id, user_id, at, added_at, is_removal, is_approved)", 6, "");

static HOLDS: Insert = Insert::new(
    "INSERT INTO hold (number, organization_id, directory_id, reason, \"limit\", since, causes, revision)",
    8,
    "ON CONFLICT (number) DO UPDATE SET causes = excluded.causes, revision = excluded.revision",
);

static APPROVALS: Insert = Insert::new(
    "INSERT INTO approval (id, hold_id, organization_id, directory_id, reason, is_approved, \"by\", note, at, count)",
    10,
    "ON CONFLICT (id) DO NOTHING",
);

static CHORES: Insert = Insert::new(
    "INSERT INTO chore (cause, group_id, position, deletes, number)",
    5,
    "ON CONFLICT (number) DO UPDATE SET cause = excluded.cause, group_id = excluded.group_id, position = excluded.position,
        deletes = excluded.deletes",
);

static RETIREMENTS: Insert = Insert::new(
    "INSERT INTO retirement (id, organization_id, directory_id, ordered_by, note, at, ended_at, users)",
    8,
    "ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, users = excluded.users",
);

/// Runs a write in the open transaction.
pub(super) fn write(database: &Database, write: &mut Write) -> Result<Committed> {
    let head = database.head(write.fence.as_ref())?;
    let extended = match &write.fence {
        None => None,
        Some(fence) => lease::check(fence, head.lease, write.now)?,
    };
    let next = head.next();
    let batch = write.decide(|keys: Keys| -> Result<WorkingSet> { database.load(&next, keys) })?;
    if batch.is_empty() && extended.is_none() {
        return Ok(Committed::default());
    }
    let fence = write.fence.as_ref();
    database.atomically(|| {
        if let (Some(fence), Some(expires_at)) = (fence, extended) {
            lease::extend(database, fence, expires_at)?;
        }
        if batch.is_empty() {
            Ok(Committed::default())
        } else {
            commit(database, next.counter, write.durability, batch)
        }
    })
}

/// Writes a batch that is not empty. `counter` has the revision of this write, and the last numbers that rows have.
fn commit(database: &Database, mut counter: Counter, durability: Durability, batch: Batch) -> Result<Committed> {
    let mut committed = Committed::default();
    let Batch {
        organizations,
        directories,
        groups,
        users,
        entries,
        events,
        losses,
        holds,
        ended_holds,
        approvals,
        role_map,
        settings,
        environment,
        retirements,
        chores,
        done_chores,
    } = batch;
    put_organizations(database, &organizations)?;
    put_directories(database, &directories)?;
    put_groups(database, &mut counter, groups, &mut committed)?;
    put_users(database, &mut counter, users, &mut committed)?;
    append(database, &mut counter, &entries, &mut committed)?;
    put_events(database, &mut counter, &events)?;
    put_losses(database, &losses)?;
    put_holds(database, &holds)?;
    if !ended_holds.is_empty() {
        let sql = "DELETE FROM hold WHERE number IN (SELECT value FROM json_each(?1))";
        database.run(sql, [list(&ended_holds)?])?;
    }
    put_approvals(database, &approvals)?;
    if let Some(text) = role_map {
        put_setting(database, "role_map", &text)?;
    }
    if let Some(settings) = settings {
        put_setting(database, "options", &to_json(&settings)?)?;
    }
    if let Some(row) = environment {
        put_setting(database, "environment", &to_json(&row)?)?;
    }
    put_retirements(database, &retirements)?;
    put_chores(database, &chores)?;
    if !done_chores.is_empty() {
        let sql = "DELETE FROM chore WHERE number IN (SELECT value FROM json_each(?1))";
        database.run(sql, [list(&done_chores)?])?;
    }
    let Counter { revision, user, group, change, event } = counter;
    // The log is flushed before other connections see the commit, so `durable` is never greater than what is on the disk.
    let sql = "UPDATE counter SET revision = ?1, user = ?2, \"group\" = ?3, change = ?4, event = ?5,
        durable = iif(?6, ?4, durable)";
    database.run(sql, params![revision, user, group, change, event, durability == Durability::Power])?;
    Ok(committed)
}

fn put_setting(database: &Database, name: &str, value: &str) -> Result<()> {
    let sql =
        "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    database.run(sql, [name, value]).map(drop)
}

fn put_organizations(database: &Database, rows: &[OrganizationRow]) -> Result<()> {
    database.put(&ORGANIZATIONS, rows, |row, values| {
        values.push(&row.id)?;
        values.push(to_json(row)?)
    })
}

fn put_directories(database: &Database, rows: &[DirectoryRow]) -> Result<()> {
    database.put(&DIRECTORIES, rows, |row, values| {
        values.push(&row.directory.id)?;
        values.push(&row.directory.organization_id)?;
        values.push(to_json(row)?)
    })
}

/// Returns the number of a row, or the next one if it has none yet.
fn number(row: i64, last: &mut i64) -> i64 {
    if row != 0 {
        return row;
    }
    *last += 1;
    *last
}

fn put_groups(
    database: &Database,
    counter: &mut Counter,
    mut rows: Vec<GroupRow>,
    committed: &mut Committed,
) -> Result<()> {
    for row in &mut rows {
        row.number = number(row.number, &mut counter.group);
        committed.groups.insert(row.group.id.clone(), row.number);
    }
    database.put(&GROUPS, &rows, |row, values| {
        let GroupRow { number, group, trail, leaving } = row;
        values.push(number)?;
        values.push(&group.id)?;
        values.push(&group.directory_id)?;
        values.push(to_json(group)?)?;
        values.push(leaving)?;
        push_trail(trail, values)
    })
}

fn put_users(
    database: &Database,
    counter: &mut Counter,
    mut writes: Vec<UserWrite>,
    committed: &mut Committed,
) -> Result<()> {
    let (mut joined, mut left) = (BTreeMap::new(), BTreeMap::new());
    for UserWrite { row, joined: new, left: old } in &mut writes {
        row.number = number(row.number, &mut counter.user);
        committed.users.insert(row.user.id.clone(), row.number);
        for (group_ids, members) in [(new, &mut joined), (old, &mut left)] {
            for id in group_ids.drain(..) {
                members.entry(id).or_insert_with(Vec::new).push(row.number);
            }
        }
    }
    database.put(&USERS, &writes, |UserWrite { row, .. }, values| {
        let UserRow { number, user, told_groups, listed, trail, added_at, lost_at, held } = row;
        values.push(number)?;
        values.push(&user.id)?;
        values.push(&user.organization_id)?;
        values.push(&user.directory_id)?;
        values.push(email_key(&user.email))?;
        values.push(to_json(user)?)?;
        values.push(to_json(told_groups)?)?;
        values.push(listed)?;
        push_trail(trail, values)?;
        values.push(time(*added_at))?;
        values.push(time(*lost_at))?;
        let HeldLoss { hold, revision, loss } = match held {
            Some(held) => held,
            None => return values.skip(3),
        };
        values.push(hold)?;
        values.push(revision)?;
        values.push(to_json(loss)?)
    })?;
    // Each member of each group of `{group: [member, …], …}`.
    let pairs = "SELECT groups.key, members.value FROM json_each(?1) AS groups, json_each(groups.value) AS members";
    if !left.is_empty() {
        let sql = format!("DELETE FROM membership WHERE (group_id, user_number) IN ({pairs})");
        database.run(&sql, [to_json(&left)?])?;
    }
    if !joined.is_empty() {
        let sql = format!("INSERT OR IGNORE INTO membership (group_id, user_number) {pairs}");
        database.run(&sql, [to_json(&joined)?])?;
    }
    Ok(())
}

fn push_trail(trail: &Trail, values: &mut Values<'_, '_>) -> Result<()> {
    let Trail { version, touched_at, revision, deleted_at } = trail;
    values.push(time(version.at))?;
    values.push(version.kind.number())?;
    values.push(&version.event)?;
    values.push(time(*touched_at))?;
    values.push(revision)?;
    values.push(time(*deleted_at))
}

fn append(database: &Database, counter: &mut Counter, entries: &[NewEntry], committed: &mut Committed) -> Result<()> {
    let first = counter.change;
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        if entry.count() == 0 {
            return Err(Error::internal("a feed entry has no changes"));
        }
        counter.change += i64::from(entry.count());
        rows.push((counter.change, entry));
    }
    committed.changes = u64::try_from(counter.change - first).unwrap_or(0);
    database.put(&ENTRIES, &rows, |(last, entry), values| {
        let NewEntry { organization_id, directory_id, cause, at, body } = entry;
        values.push(last)?;
        values.push(entry.count())?;
        values.push("")?;
        values.push(organization_id)?;
        values.push(directory_id)?;
        values.push(cause)?;
        values.push(Time(*at))?;
        values.push(body.encode()?)
    })
}

fn put_events(database: &Database, counter: &mut Counter, rows: &[EventRow]) -> Result<()> {
    // An event that is already stored keeps its number, and the new number stays unused.
    let first = counter.event + 1;
    counter.event += rows.len() as i64;
    let rows: Vec<(i64, &EventRow)> = (first..).zip(rows).collect();
    database.put(&EVENTS, &rows, |(number, row), values| {
        let EventRow { id, organization_id, received_at, state, body } = row;
        values.push(number)?;
        values.push(id)?;
        values.push(organization_id)?;
        values.push("")?;
        values.push(Time(*received_at))?;
        values.push(state_number(*state))?;
        values.push(body)
    })
}

fn put_losses(database: &Database, rows: &[LossRow]) -> Result<()> {
    database.put(&LOSSES, rows, |row, values| {
        let LossRow { directory_id, user_id, at, added_at, is_removal, is_approved } = row;
        values.push(directory_id)?;
        values.push(user_id)?;
        values.push(Time(*at))?;
        values.push(time(*added_at))?;
        values.push(is_removal)?;
        values.push(is_approved)
    })
}

fn put_holds(database: &Database, rows: &[HoldRow]) -> Result<()> {
    database.put(&HOLDS, rows, |row, values| {
        let HoldRow { number, organization_id, directory_id, reason, limit, since, causes, revision, count: _ } = row;
        values.push(number)?;
        values.push(organization_id)?;
        values.push(directory_id)?;
        values.push(reason.name())?;
        values.push(i64::try_from(*limit).unwrap_or(i64::MAX))?;
        values.push(Time(*since))?;
        values.push(to_json(causes)?)?;
        values.push(revision)
    })
}

fn put_approvals(database: &Database, rows: &[Approval]) -> Result<()> {
    database.put(&APPROVALS, rows, |row, values| {
        let Approval { id, hold_id, organization_id, directory_id, reason, is_approved, by, note, at, count } = row;
        values.push(id)?;
        values.push(hold_id)?;
        values.push(organization_id)?;
        values.push(directory_id)?;
        values.push(reason.name())?;
        values.push(is_approved)?;
        values.push(by)?;
        values.push(note)?;
        values.push(Time(*at))?;
        values.push(i64::try_from(*count).unwrap_or(i64::MAX))
    })
}

fn put_retirements(database: &Database, rows: &[Retirement]) -> Result<()> {
    database.put(&RETIREMENTS, rows, |row, values| {
        values.push(&row.id)?;
        values.push(&row.organization_id)?;
        values.push(&row.directory_id)?;
        values.push(&row.by)?;
        values.push(&row.note)?;
        values.push(Time(row.at))?;
        values.push(time(row.ended_at))?;
        values.push(i64::try_from(row.users).unwrap_or(i64::MAX))
    })
}

fn put_chores(database: &Database, rows: &[Chore]) -> Result<()> {
    database.put(&CHORES, rows, |row, values| {
        let Chore { number, group_id, position, deletes, cause } = row;
        values.push(cause)?;
        values.push(group_id)?;
        values.push(position)?;
        values.push(deletes)?;
        values.push(Some(*number).filter(|number| *number != 0))
    })
}
