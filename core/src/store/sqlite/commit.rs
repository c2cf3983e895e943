//! Writes the result of a decision. A statement writes up to 512 rows of one kind. No statement runs for a kind of which the batch has no rows.

use super::database::{Database, Insert, Values, list};
use super::lease;
use super::rows::{EVENT, event};
use super::shared::Counter;
use crate::record::{
    Approval, Batch, Chore, DirectoryRow, ErasureRow, EventRow, GroupRow, HeldLoss, HoldRow, LossRow, NewEntry,
    OrganizationRow, Retirement, RunRow, Trail, UserRow, UserWrite, email_key,
};
use crate::store::codec::{state_number, time_bytes, to_json};
use crate::store::pending::{PendingChanges, StoredEvent};
use crate::store::{Committed, Durability, Keys, WorkingSet, Write};
use crate::{Error, Result, Timestamp};
use rusqlite::params;
use std::collections::{BTreeMap, BTreeSet, HashMap};

static ORGANIZATIONS: Insert =
    Insert::new("organization (id, body)", 2, &["ON CONFLICT (id) DO UPDATE SET body = excluded.body"]);

static DIRECTORIES: Insert = Insert::new(
    "directory (id, organization_id, body)",
    3,
    &["ON CONFLICT (id) DO UPDATE SET organization_id = excluded.organization_id, body = excluded.body"],
);

const GROUP_COLUMNS: &str =
    "\"group\" (number, id, directory_id, body, leaving, version_at, version_kind, version_event, touched_at, revision,
        deleted_at)";
static NEW_GROUPS: Insert = Insert::new_rows(GROUP_COLUMNS, 11);
/// Updates only columns that are in no index.
const GROUP_CONFLICT: &str =
    "ON CONFLICT (number) DO UPDATE SET body = excluded.body, leaving = excluded.leaving, version_at = excluded.version_at,
        version_kind = excluded.version_kind, version_event = excluded.version_event, touched_at = excluded.touched_at,
        revision = excluded.revision";
/// Writes stored groups whose indexed columns do not change.
static UNINDEXED_GROUPS: Insert = Insert::new(GROUP_COLUMNS, 11, &[GROUP_CONFLICT]);
/// Writes all columns of stored groups.
static GROUPS: Insert = Insert::new(
    GROUP_COLUMNS,
    11,
    &[GROUP_CONFLICT, ", directory_id = excluded.directory_id, deleted_at = excluded.deleted_at"],
);

const USER_COLUMNS: &str =
    "user (number, id, organization_id, directory_id, email, body, told_groups, listed, version_at, version_kind, version_event,
        touched_at, revision, deleted_at, added_at, lost_at, hold, hold_revision, held, rehire_key, deletes_at, leaving)";
static NEW_USERS: Insert = Insert::new_rows(USER_COLUMNS, 22);
/// Updates only columns that are in no index.
const USER_CONFLICT: &str =
    "ON CONFLICT (number) DO UPDATE SET body = excluded.body, told_groups = excluded.told_groups, listed = excluded.listed,
        version_at = excluded.version_at, version_kind = excluded.version_kind, version_event = excluded.version_event,
        touched_at = excluded.touched_at, revision = excluded.revision, lost_at = excluded.lost_at,
        hold_revision = excluded.hold_revision, held = excluded.held, leaving = excluded.leaving";
/// Writes stored users whose indexed columns do not change.
static UNINDEXED_USERS: Insert = Insert::new(USER_COLUMNS, 22, &[USER_CONFLICT]);
/// Writes stored users of whose indexed columns only `email` changes.
static EMAILS: Insert = Insert::new(USER_COLUMNS, 22, &[USER_CONFLICT, ", email = excluded.email"]);
/// Writes all columns of stored users.
static USERS: Insert = Insert::new(
    USER_COLUMNS,
    22,
    &[
        USER_CONFLICT,
        ", email = excluded.email, organization_id = excluded.organization_id, directory_id = excluded.directory_id,
            deleted_at = excluded.deleted_at, added_at = excluded.added_at, hold = excluded.hold, rehire_key = excluded.rehire_key,
            deletes_at = excluded.deletes_at",
    ],
);

static ENTRIES: Insert =
    Insert::new_rows("change (seq, count, kind, organization_id, directory_id, cause, at, body)", 8);

const EVENT_COLUMNS: &str =
    "event (number, id, organization_id, directory_id, received_at, state, body, subject_id, note)";
static NEW_EVENTS: Insert = Insert::new_rows(EVENT_COLUMNS, 9);
static EVENTS: Insert = Insert::new(
    EVENT_COLUMNS,
    9,
    &["ON CONFLICT (id) DO UPDATE SET state = excluded.state, body = excluded.body, subject_id = excluded.subject_id,
        note = excluded.note"],
);

static LOSSES: Insert = Insert::new(
    "loss (directory_id, user_id, at, added_at, is_removal, is_approved)",
    6,
    &["ON CONFLICT (directory_id, at, user_id) DO UPDATE SET added_at = excluded.added_at, is_removal = excluded.is_removal,
        is_approved = excluded.is_approved"],
);

static HOLDS: Insert = Insert::new(
    "hold (number, organization_id, directory_id, reason, \"limit\", since, causes, revision)",
    8,
    &["ON CONFLICT (number) DO UPDATE SET causes = excluded.causes, revision = excluded.revision"],
);

static APPROVALS: Insert = Insert::new(
    "approval (id, hold_id, organization_id, directory_id, reason, is_approved, \"by\", note, at, count)",
    10,
    &["ON CONFLICT (id) DO NOTHING"],
);

static CHORES: Insert = Insert::new(
    "chore (cause, group_id, position, deletes, number)",
    5,
    &["ON CONFLICT (number) DO UPDATE SET cause = excluded.cause, group_id = excluded.group_id, position = excluded.position,
        deletes = excluded.deletes"],
);

static RETIREMENTS: Insert = Insert::new(
    "retirement (id, organization_id, directory_id, ordered_by, note, at, ended_at, users)",
    8,
    &["ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, users = excluded.users"],
);

/// Without the number: SQLite generates it, and a run that is stored already keeps its number.
static RUNS: Insert = Insert::new(
    "run (id, directory_id, organization_id, started_at, quiet, token, body)",
    7,
    &["ON CONFLICT (id, directory_id) DO UPDATE SET started_at = excluded.started_at, quiet = excluded.quiet,
        token = excluded.token, body = excluded.body"],
);

static ERASURES: Insert = Insert::new(
    "erasure (mark, id, at, user_id, organization_id)",
    5,
    &["ON CONFLICT (mark) DO UPDATE SET user_id = excluded.user_id, organization_id = excluded.organization_id"],
);

/// Runs a write in the open transaction.
pub(super) fn write(database: &Database, write: &mut Write) -> Result<Committed> {
    let (head, lease) = database.head(write.fence.as_ref())?;
    let extended = match &write.fence {
        None => None,
        Some(fence) => lease::check(fence, lease, write.now)?,
    };
    let next = head.next();
    let mut stored = Stored::default();
    let batch = write.decide(|keys: Keys| -> Result<WorkingSet> {
        let set = database.load(&next, keys)?;
        stored.note(&set);
        Ok(set)
    })?;
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
            commit(database, next.counter, write.durability, batch, &stored)
        }
    })
}

/// Writes a batch that is not empty. `counter` has the revision of this write, and the greatest numbers that earlier writes gave. `stored` has the
/// stored values of the loaded rows.
fn commit(
    database: &Database,
    mut counter: Counter,
    durability: Durability,
    batch: Batch,
    stored: &Stored,
) -> Result<Committed> {
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
        mirror_id,
        retirements,
        chores,
        done_chores,
        runs,
        erasures,
        ended_erasures,
    } = batch;
    put_organizations(database, &organizations)?;
    put_directories(database, &directories)?;
    put_groups(database, &mut counter, groups, stored, &mut committed)?;
    put_users(database, &mut counter, users, stored, &mut committed)?;
    append(database, &mut counter, &entries, &mut committed)?;
    let changes_pending = put_events(database, &mut counter, &events, stored)?;
    put_losses(database, &losses)?;
    put_holds(database, &holds)?;
    if !ended_holds.is_empty() {
        let sql = "DELETE FROM hold WHERE number IN (SELECT value FROM json_each(?1))";
        database.run(sql, [list(&ended_holds)?])?;
    }
    put_approvals(database, &approvals)?;
    if changes_pending || !organizations.is_empty() || !directories.is_empty() {
        database.forget_organizations();
    }
    let changes_settings = role_map.is_some() || settings.is_some() || environment.is_some() || mirror_id.is_some();
    if let Some(text) = role_map {
        put_setting(database, "role_map", &text)?;
    }
    if let Some(settings) = settings {
        put_setting(database, "options", &to_json(&settings)?)?;
    }
    if let Some(row) = environment {
        put_setting(database, "environment", &to_json(&row)?)?;
    }
    if let Some(id) = mirror_id {
        put_setting(database, "id", &id)?;
    }
    put_retirements(database, &retirements)?;
    put_chores(database, &chores)?;
    if !done_chores.is_empty() {
        let sql = "DELETE FROM chore WHERE number IN (SELECT value FROM json_each(?1))";
        database.run(sql, [list(&done_chores)?])?;
    }
    put_runs(database, &runs)?;
    put_erasures(database, &erasures)?;
    if !ended_erasures.is_empty() {
        let sql = "DELETE FROM erasure WHERE mark IN (SELECT value FROM json_each(?1))";
        database.run(sql, [to_json(&ended_erasures)?])?;
    }
    database.set_counter(counter, durability);
    if changes_settings {
        database.end_sharing()?;
    }
    Ok(committed)
}

/// The stored values of the indexed columns of the loaded rows, and the loaded events. A statement makes SQLite write the indexes of all columns that
/// it sets, even if it sets them to the same values. So rows whose indexed columns do not change are written by statements that do not set these
/// columns.
#[derive(Default)]
struct Stored {
    /// Users by the numbers of their rows.
    users: HashMap<i64, StoredUser>,
    /// Id of the directory and time of the deletion of each loaded group, by the number of its row.
    groups: HashMap<i64, (String, Option<Timestamp>)>,
    /// Events by id, or `None` for those that the decision asked for and that are not stored.
    events: HashMap<String, Option<StoredEvent>>,
}

struct StoredUser {
    organization_id: String,
    directory_id: String,
    email: String,
    deleted_at: Option<Timestamp>,
    added_at: Option<Timestamp>,
    hold: Option<i64>,
    rehire_key: Option<String>,
    deletes_at: Option<Timestamp>,
}

impl Stored {
    /// Adds the loaded rows.
    fn note(&mut self, set: &WorkingSet) {
        let user = |row: &UserRow| {
            let stored = StoredUser {
                organization_id: row.user.organization_id.clone(),
                directory_id: row.user.directory_id.clone(),
                email: row.user.email.clone(),
                deleted_at: row.trail.deleted_at,
                added_at: row.added_at,
                hold: row.held.as_ref().map(|held| held.hold),
                rehire_key: row.rehire_key.clone(),
                deletes_at: row.user.deletes_at,
            };
            (row.number, stored)
        };
        self.users.extend(set.users.values().map(user));
        let group = |row: &GroupRow| (row.number, (row.group.directory_id.clone(), row.trail.deleted_at));
        self.groups.extend(set.groups.values().map(group));
        let event = |id: &String| (id.clone(), set.events.get(id).map(StoredEvent::of));
        self.events.extend(set.keys.events.iter().map(event));
    }

    /// Returns the statement that writes a user. `last` is the greatest number that earlier writes gave to a user.
    fn statement_for_user(&self, row: &UserRow, last: i64) -> &'static Insert {
        if row.number > last {
            return &NEW_USERS;
        }
        let Some(stored) = self.users.get(&row.number) else { return &USERS };
        let StoredUser { organization_id, directory_id, email, deleted_at, added_at, hold, rehire_key, deletes_at } =
            stored;
        let other_indexes_change = *organization_id != row.user.organization_id
            || *directory_id != row.user.directory_id
            || *deleted_at != row.trail.deleted_at
            || *added_at != row.added_at
            || *hold != row.held.as_ref().map(|held| held.hold)
            || *rehire_key != row.rehire_key
            || *deletes_at != row.user.deletes_at;
        match (other_indexes_change, *email == row.user.email) {
            (true, _) => &USERS,
            (false, false) => &EMAILS,
            (false, true) => &UNINDEXED_USERS,
        }
    }

    /// Returns the statement that writes a group. `last` is the greatest number that earlier writes gave to a group.
    fn statement_for_group(&self, row: &GroupRow, last: i64) -> &'static Insert {
        if row.number > last {
            return &NEW_GROUPS;
        }
        match self.groups.get(&row.number) {
            Some((directory_id, deleted_at))
                if *directory_id == row.group.directory_id && *deleted_at == row.trail.deleted_at =>
            {
                &UNINDEXED_GROUPS
            }
            _ => &GROUPS,
        }
    }
}

fn put_setting(database: &Database, name: &str, value: &str) -> Result<()> {
    let sql =
        "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    database.run(sql, [name, value]).map(drop)
}

fn put_organizations(database: &Database, rows: &[OrganizationRow]) -> Result<()> {
    database.put(&ORGANIZATIONS, rows, |row, values| {
        values.push(&row.id)?;
        values.push_json(row)
    })
}

fn put_directories(database: &Database, rows: &[DirectoryRow]) -> Result<()> {
    database.put(&DIRECTORIES, rows, |row, values| {
        values.push(&row.directory.id)?;
        values.push(&row.directory.organization_id)?;
        values.push_json(row)
    })
}

/// Returns the number of a row. For a row that has none yet (0), increments `last` and returns that.
fn number(row: i64, last: &mut i64) -> i64 {
    if row != 0 {
        return row;
    }
    *last += 1;
    *last
}

/// Writes each row with the statement that `statement_for` returns for it, which must be one of `statements`.
fn put_by_statement<T>(
    database: &Database,
    statements: &[&'static Insert],
    rows: impl Iterator<Item = T> + Clone,
    statement_for: impl Fn(&T) -> &'static Insert,
    bind: impl Fn(&T, &mut Values<'_, '_>) -> Result<()>,
) -> Result<()> {
    for statement in statements {
        let rows: Vec<T> = rows.clone().filter(|row| std::ptr::eq(statement_for(row), *statement)).collect();
        database.put(statement, &rows, &bind)?;
    }
    Ok(())
}

fn put_groups(
    database: &Database,
    counter: &mut Counter,
    mut rows: Vec<GroupRow>,
    stored: &Stored,
    committed: &mut Committed,
) -> Result<()> {
    let last = counter.group;
    for row in &mut rows {
        row.number = number(row.number, &mut counter.group);
        committed.groups.insert(row.group.id.clone(), row.number);
    }
    let statement = |row: &&GroupRow| stored.statement_for_group(row, last);
    put_by_statement(database, &[&NEW_GROUPS, &UNINDEXED_GROUPS, &GROUPS], rows.iter(), statement, |row, values| {
        let GroupRow { number, group, trail, leaving } = row;
        values.push(number)?;
        values.push(&group.id)?;
        values.push(&group.directory_id)?;
        values.push_json(group)?;
        values.push(leaving)?;
        push_trail(trail, values)
    })
}

fn put_users(
    database: &Database,
    counter: &mut Counter,
    mut writes: Vec<UserWrite>,
    stored: &Stored,
    committed: &mut Committed,
) -> Result<()> {
    let last = counter.user;
    committed.users.reserve(writes.len());
    let (mut joined, mut left) = (BTreeMap::new(), BTreeMap::new());
    for UserWrite { row, joined: joined_ids, left: left_ids } in &mut writes {
        row.number = number(row.number, &mut counter.user);
        committed.users.insert(row.user.id.clone(), row.number);
        for (group_ids, members) in [(joined_ids, &mut joined), (left_ids, &mut left)] {
            for id in group_ids.drain(..) {
                members.entry(id).or_insert_with(Vec::new).push(row.number);
            }
        }
    }
    let rows = writes.iter().map(|write| &write.row);
    let statement = |row: &&UserRow| stored.statement_for_user(row, last);
    put_by_statement(database, &[&NEW_USERS, &UNINDEXED_USERS, &EMAILS, &USERS], rows, statement, |row, values| {
        let UserRow { number, user, told_groups, listed, trail, added_at, lost_at, held, rehire_key, leaving } = row;
        values.push(number)?;
        values.push(&user.id)?;
        values.push(&user.organization_id)?;
        values.push(&user.directory_id)?;
        values.push(email_key(&user.email))?;
        values.push_json(user)?;
        values.push_json(told_groups)?;
        values.push(listed)?;
        push_trail(trail, values)?;
        values.push(added_at.map(time_bytes))?;
        values.push(lost_at.map(time_bytes))?;
        match held {
            None => values.skip(3),
            Some(HeldLoss { hold, revision, loss }) => {
                values.push(hold)?;
                values.push(revision)?;
                values.push_json(loss)?;
            }
        }
        values.push(rehire_key)?;
        values.push(user.deletes_at.map(time_bytes))?;
        match leaving {
            Some(leaving) => values.push_json(leaving),
            None => {
                values.skip(1);
                Ok(())
            }
        }
    })?;
    // The pairs of a group and a member in JSON of the form `{group: [member, …], …}`.
    let pairs = "SELECT groups.key, members.value FROM json_each(?1) AS groups, json_each(groups.value) AS members";
    if !left.is_empty() {
        let sql = format!("DELETE FROM membership WHERE (group_id, user_number) IN ({pairs})");
        database.run(&sql, [to_json(&left)?])?;
    }
    if let (Some((group_id, members)), 1) = (joined.first_key_value(), joined.len())
        && let [member] = members[..]
    {
        let sql = "INSERT OR IGNORE INTO membership (group_id, user_number) VALUES (?1, ?2)";
        database.run(sql, params![group_id, member])?;
    } else if !joined.is_empty() {
        let sql = format!("INSERT OR IGNORE INTO membership (group_id, user_number) {pairs}");
        database.run(&sql, [to_json(&joined)?])?;
    }
    Ok(())
}

fn push_trail(trail: &Trail, values: &mut Values<'_, '_>) -> Result<()> {
    let Trail { version, touched_at, revision, deleted_at } = trail;
    values.push(version.at.map(time_bytes))?;
    values.push(version.kind.number())?;
    values.push(&version.event)?;
    values.push(touched_at.map(time_bytes))?;
    values.push(revision)?;
    values.push(deleted_at.map(time_bytes))
}

/// Appends entries to the feed. The number of an entry is that of its last change.
fn append(database: &Database, counter: &mut Counter, entries: &[NewEntry], committed: &mut Committed) -> Result<()> {
    let before = counter.change;
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        if entry.count() == 0 {
            return Err(Error::internal("a feed entry has no changes"));
        }
        counter.change += i64::from(entry.count());
        rows.push((counter.change, entry));
    }
    committed.changes = u64::try_from(counter.change - before).unwrap_or(0);
    database.put(&ENTRIES, &rows, |(last, entry), values| {
        let NewEntry { organization_id, directory_id, cause, at, body } = entry;
        values.push(last)?;
        values.push(entry.count())?;
        // `kind` is used only by entries of schema version 1: see `schema-2.sql`.
        values.push("")?;
        values.push(organization_id)?;
        values.push(directory_id)?;
        values.push(cause)?;
        values.push(time_bytes(*at))?;
        values.push_json(body)
    })
}

/// Writes events and updates the counts of pending events. Returns whether one of the counts has changed.
fn put_events(database: &Database, counter: &mut Counter, rows: &[EventRow], stored: &Stored) -> Result<bool> {
    // Events that the decision did not ask for are read here.
    let unloaded_ids = rows.iter().map(|row| &row.id).filter(|id| !stored.events.contains_key(*id)).collect();
    let read_here = stored_events(database, &unloaded_ids)?;
    let stored = |id: &String| stored.events.get(id).and_then(Option::as_ref).or_else(|| read_here.get(id));
    // Each row takes a new number. An event that is already stored keeps its number, and the new one stays unused.
    let first = counter.event + 1;
    counter.event += rows.len() as i64;
    let statement = |(_, row): &(i64, &EventRow)| if stored(&row.id).is_none() { &NEW_EVENTS } else { &EVENTS };
    put_by_statement(database, &[&NEW_EVENTS, &EVENTS], (first..).zip(rows), statement, |(number, row), values| {
        let EventRow { id, organization_id, received_at, state, body, subject_id, note } = row;
        values.push(number)?;
        values.push(id)?;
        values.push(organization_id)?;
        // Nothing reads the `directory_id` of an event.
        values.push("")?;
        values.push(time_bytes(*received_at))?;
        values.push(state_number(*state))?;
        values.push(body)?;
        values.push(subject_id)?;
        match note {
            Some(note) => values.push_json(note),
            None => {
                values.skip(1);
                Ok(())
            }
        }
    })?;
    change_pending(database, PendingChanges::of(rows, stored))
}

/// Reads the events of these ids that are stored.
fn stored_events(database: &Database, ids: &BTreeSet<&String>) -> Result<HashMap<String, StoredEvent>> {
    let mut found = HashMap::new();
    database.by_keys("event", EVENT, ids, |row| {
        let row = event(row, 0)?;
        found.insert(row.id.clone(), StoredEvent::of(&row));
        Ok(())
    })?;
    Ok(found)
}

/// Changes the stored counts of pending events. Returns whether there was a count to change.
pub(super) fn change_pending(database: &Database, changes: PendingChanges) -> Result<bool> {
    let sql = "INSERT INTO pending (organization_id, events, bytes) VALUES (?1, ?2, ?3)
        ON CONFLICT (organization_id) DO UPDATE SET events = events + excluded.events, bytes = bytes + excluded.bytes";
    let changes = changes.into_changes();
    for (organization_id, (events, bytes)) in &changes {
        database.run(sql, params![organization_id, events, bytes])?;
    }
    Ok(!changes.is_empty())
}

fn put_losses(database: &Database, rows: &[LossRow]) -> Result<()> {
    database.put(&LOSSES, rows, |row, values| {
        let LossRow { directory_id, user_id, at, added_at, is_removal, is_approved } = row;
        values.push(directory_id)?;
        values.push(user_id)?;
        values.push(time_bytes(*at))?;
        values.push(added_at.map(time_bytes))?;
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
        values.push(time_bytes(*since))?;
        values.push_json(causes)?;
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
        values.push(time_bytes(*at))?;
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
        values.push(time_bytes(row.at))?;
        values.push(row.ended_at.map(time_bytes))?;
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
        // A new chore has the number 0. It is stored as NULL, for which SQLite generates a number.
        values.push(Some(*number).filter(|number| *number != 0))
    })
}

fn put_runs(database: &Database, rows: &[RunRow]) -> Result<()> {
    database.put(&RUNS, rows, |RunRow { run, token }, values| {
        values.push(&run.id)?;
        values.push(&run.directory_id)?;
        values.push(&run.organization_id)?;
        values.push(time_bytes(run.started_at))?;
        values.push(run.is_quiet())?;
        values.push(token)?;
        values.push_json(run)
    })
}

fn put_erasures(database: &Database, rows: &[ErasureRow]) -> Result<()> {
    database.put(&ERASURES, rows, |ErasureRow { mark, id, at, user_id, organization_id }, values| {
        values.push(mark)?;
        values.push(id)?;
        values.push(time_bytes(*at))?;
        values.push(user_id)?;
        values.push(organization_id)
    })
}
