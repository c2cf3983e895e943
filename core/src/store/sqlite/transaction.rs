//! What a step reads and writes, as SQL. Every statement is prepared once a connection.

use super::open::failed;
use super::rows::{GROUP, Time, USER, from_json, get, get_json, get_time, group, time, to_json, user};
use crate::record::{Change, ChangeKind, DirectoryRow, GroupRow, OrganizationRow, ParkedChange, UserRow};
use crate::store::{Chore, ConsumerRow, EventRow, EventState, NewChange, Snapshot, Transaction, UserFilter};
use crate::{Error, Result, Timestamp};
use rusqlite::{Connection, Params, Row, ToSql, params};

pub(super) struct SqliteTransaction<'a>(&'a Connection);

impl<'a> SqliteTransaction<'a> {
    pub(super) fn new(connection: &'a Connection) -> SqliteTransaction<'a> {
        SqliteTransaction(connection)
    }

    /// Runs a statement; how many rows it touched.
    fn run(&self, sql: &str, params: impl Params) -> Result<usize> {
        let mut statement = self.0.prepare_cached(sql).map_err(|error| failed(&error))?;
        statement.execute(params).map_err(|error| failed(&error))
    }

    /// Every row of a query.
    fn all<T>(&self, sql: &str, params: impl Params, read: impl Fn(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        let mut statement = self.0.prepare_cached(sql).map_err(|error| failed(&error))?;
        let mut rows = statement.query(params).map_err(|error| failed(&error))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(|error| failed(&error))? {
            found.push(read(row)?);
        }
        Ok(found)
    }

    /// The first row of a query.
    fn one<T>(&self, sql: &str, params: impl Params, read: impl Fn(&Row<'_>) -> Result<T>) -> Result<Option<T>> {
        let mut statement = self.0.prepare_cached(sql).map_err(|error| failed(&error))?;
        let mut rows = statement.query(params).map_err(|error| failed(&error))?;
        rows.next().map_err(|error| failed(&error))?.map(read).transpose()
    }

    fn count(&self, sql: &str, params: impl Params) -> Result<u64> {
        let count = self.one(sql, params, |row| get::<i64>(row, 0))?.unwrap_or(0);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Makes the memberships of a user those of the row.
    fn put_memberships(&self, number: i64, told: &[String], before: &[String]) -> Result<()> {
        for id in before.iter().filter(|id| !told.contains(id)) {
            self.run("DELETE FROM membership WHERE group_id = ?1 AND user_number = ?2", params![id, number])?;
        }
        for id in told.iter().filter(|id| !before.contains(id)) {
            self.run("INSERT OR IGNORE INTO membership (group_id, user_number) VALUES (?1, ?2)", params![id, number])?;
        }
        Ok(())
    }
}

/// A limit as SQL has it.
fn limited(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn change(row: &Row<'_>) -> Result<Change> {
    let name: String = get(row, 1)?;
    let kind = ChangeKind::ALL.iter().copied().find(|kind| kind.name() == name);
    let kind = kind
        .ok_or_else(|| Error::store("the feed holds a kind of change that this headcount does not know: update it"))?;
    let at = get_time(row, 5)?.unwrap_or_default();
    Ok(Change::new(get(row, 0)?, kind, (get(row, 2)?, get(row, 3)?), get_json(row, 6)?, get(row, 4)?, at))
}

fn consumer(row: &Row<'_>) -> Result<ConsumerRow> {
    let seen_at = get_time(row, 3)?.unwrap_or_default();
    let snapshot = get::<Option<String>>(row, 2)?.as_deref().map(from_json).transpose()?;
    Ok(ConsumerRow { name: get(row, 0)?, cursor: get(row, 1)?, snapshot, seen_at })
}

fn state_number(state: EventState) -> i64 {
    match state {
        EventState::Settled => 0,
        EventState::Pending => 1,
        EventState::Held => 2,
    }
}

fn event(row: &Row<'_>) -> Result<EventRow> {
    Ok(EventRow {
        id: get(row, 0)?,
        organization_id: get(row, 1)?,
        directory_id: get(row, 2)?,
        received_at: get_time(row, 3)?.unwrap_or_default(),
        state: match get::<i64>(row, 4)? {
            1 => EventState::Pending,
            2 => EventState::Held,
            _ => EventState::Settled,
        },
        body: get(row, 5)?,
    })
}

const EVENT: &str = "id, organization_id, directory_id, received_at, state, body";
const CONSUMER: &str = "name, cursor, snapshot, seen_at";

impl Transaction for SqliteTransaction<'_> {
    fn revision(&mut self) -> Result<i64> {
        let next = "INSERT INTO setting (name, value) VALUES ('revision', '1')
            ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + 1 RETURNING CAST(value AS INTEGER)";
        self.one(next, [], |row| get(row, 0))?.ok_or_else(|| Error::store("the store gave no revision"))
    }

    fn organization(&mut self, id: &str) -> Result<Option<OrganizationRow>> {
        self.one("SELECT body FROM organization WHERE id = ?1", [id], |row| get_json(row, 0))
    }

    fn put_organization(&mut self, row: &OrganizationRow) -> Result<()> {
        let sql =
            "INSERT INTO organization (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET body = excluded.body";
        self.run(sql, params![row.id, to_json(row)?]).map(drop)
    }

    fn directory(&mut self, id: &str) -> Result<Option<DirectoryRow>> {
        self.one("SELECT body FROM directory WHERE id = ?1", [id], |row| get_json(row, 0))
    }

    fn directories(&mut self, organization_id: Option<&str>) -> Result<Vec<DirectoryRow>> {
        match organization_id {
            None => self.all("SELECT body FROM directory ORDER BY id", [], |row| get_json(row, 0)),
            Some(id) => {
                let sql = "SELECT body FROM directory WHERE organization_id = ?1 ORDER BY id";
                self.all(sql, [id], |row| get_json(row, 0))
            }
        }
    }

    fn put_directory(&mut self, row: &DirectoryRow) -> Result<()> {
        let sql = "INSERT INTO directory (id, organization_id, body) VALUES (?1, ?2, ?3)
            ON CONFLICT (id) DO UPDATE SET organization_id = excluded.organization_id, body = excluded.body";
        self.run(sql, params![row.directory.id, row.directory.organization_id, to_json(row)?]).map(drop)
    }

    fn user(&mut self, id: &str) -> Result<Option<UserRow>> {
        self.one(&format!("SELECT {USER} FROM user WHERE id = ?1"), [id], user)
    }

    fn users(&mut self, filter: &UserFilter, after: i64, limit: usize) -> Result<Vec<UserRow>> {
        let limit = limited(limit);
        let mut values: Vec<&dyn ToSql> = vec![&after, &limit];
        let mut sql = format!("SELECT {USER} FROM user WHERE deleted_at IS NULL AND number > ?1");
        if let Some(group_id) = &filter.group_id {
            values.push(group_id);
            // The members in order, and each looked up: not everybody, and each looked for among the members.
            sql = format!(
                "SELECT {USER} FROM membership CROSS JOIN user ON number = user_number
                    WHERE group_id = ?3 AND user_number > ?1 AND deleted_at IS NULL"
            );
        }
        for (value, condition) in [
            (&filter.organization_id, "organization_id"),
            (&filter.directory_id, "directory_id"),
            (&filter.email, "email COLLATE NOCASE"),
        ] {
            if let Some(value) = value {
                values.push(value);
                sql.push_str(&format!(" AND {condition} = ?{}", values.len()));
            }
        }
        sql.push_str(" ORDER BY number LIMIT ?2");
        self.all(&sql, values.as_slice(), user)
    }

    fn count_users(&mut self, directory_id: &str) -> Result<u64> {
        self.count("SELECT count(*) FROM user WHERE directory_id = ?1 AND deleted_at IS NULL", [directory_id])
    }

    fn put_user(&mut self, row: &mut UserRow) -> Result<()> {
        let UserRow { user, trail, .. } = &*row;
        let number = Some(row.number).filter(|number| *number != 0);
        let before: Vec<String> = match number {
            None => Vec::new(),
            Some(number) => self
                .one("SELECT told_groups FROM user WHERE number = ?1", [number], |row| get_json(row, 0))?
                .ok_or_else(|| Error::store("a user's row went away while it was written"))?,
        };
        let sql = "INSERT INTO user (number, id, organization_id, directory_id, email, body, told_groups, listed,
            version_at, version_event, touched_at, revision, deleted_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
            ON CONFLICT (number) DO UPDATE SET organization_id = excluded.organization_id, directory_id = excluded.directory_id,
            email = excluded.email, body = excluded.body, told_groups = excluded.told_groups, listed = excluded.listed,
            version_at = excluded.version_at, version_event = excluded.version_event, touched_at = excluded.touched_at,
            revision = excluded.revision, deleted_at = excluded.deleted_at";
        self.run(
            sql,
            params![
                number,
                user.id,
                user.organization_id,
                user.directory_id,
                user.email,
                to_json(user)?,
                to_json(&row.told_groups)?,
                row.listed,
                time(trail.version.at),
                trail.version.event,
                time(trail.touched_at),
                trail.revision,
                time(trail.deleted_at)
            ],
        )?;
        row.number = number.unwrap_or_else(|| self.0.last_insert_rowid());
        self.put_memberships(row.number, &row.told_groups, &before)
    }

    fn group(&mut self, id: &str) -> Result<Option<GroupRow>> {
        self.one(&format!("SELECT {GROUP} FROM \"group\" WHERE id = ?1"), [id], group)
    }

    fn groups(&mut self, directory_id: Option<&str>, after: i64, limit: usize) -> Result<Vec<GroupRow>> {
        let limit = limited(limit);
        match directory_id {
            None => {
                let sql = format!(
                    "SELECT {GROUP} FROM \"group\" WHERE deleted_at IS NULL AND number > ?1 ORDER BY number LIMIT ?2"
                );
                self.all(&sql, params![after, limit], group)
            }
            Some(id) => {
                let sql = format!(
                    "SELECT {GROUP} FROM \"group\" WHERE directory_id = ?3 AND deleted_at IS NULL AND number > ?1 ORDER BY number LIMIT ?2"
                );
                self.all(&sql, params![after, limit, id], group)
            }
        }
    }

    fn count_groups(&mut self, directory_id: &str) -> Result<u64> {
        self.count("SELECT count(*) FROM \"group\" WHERE directory_id = ?1 AND deleted_at IS NULL", [directory_id])
    }

    fn put_group(&mut self, row: &mut GroupRow) -> Result<()> {
        let GroupRow { group, trail, .. } = &*row;
        let number = Some(row.number).filter(|number| *number != 0);
        let sql = "INSERT INTO \"group\" (number, id, directory_id, body, version_at, version_event, touched_at, revision, deleted_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
            ON CONFLICT (number) DO UPDATE SET directory_id = excluded.directory_id, body = excluded.body, version_at = excluded.version_at,
            version_event = excluded.version_event, touched_at = excluded.touched_at, revision = excluded.revision,
            deleted_at = excluded.deleted_at";
        self.run(
            sql,
            params![
                number,
                group.id,
                group.directory_id,
                to_json(group)?,
                time(trail.version.at),
                trail.version.event,
                time(trail.touched_at),
                trail.revision,
                time(trail.deleted_at)
            ],
        )?;
        row.number = number.unwrap_or_else(|| self.0.last_insert_rowid());
        Ok(())
    }

    fn trim_tombstones(&mut self, before: Timestamp, limit: usize) -> Result<usize> {
        let limit = limited(limit);
        let gone = "SELECT number FROM user WHERE deleted_at < ?1 ORDER BY deleted_at LIMIT ?2";
        self.run(&format!("DELETE FROM membership WHERE user_number IN ({gone})"), params![Time(before), limit])?;
        let users = self.run(&format!("DELETE FROM user WHERE number IN ({gone})"), params![Time(before), limit])?;
        let gone = "SELECT number FROM \"group\" WHERE deleted_at < ?1 ORDER BY deleted_at LIMIT ?2";
        let groups =
            self.run(&format!("DELETE FROM \"group\" WHERE number IN ({gone})"), params![Time(before), limit])?;
        Ok(users + groups)
    }

    fn snapshot(&mut self) -> Result<Snapshot> {
        let greatest =
            "SELECT coalesce((SELECT max(number) FROM \"group\"), 0), coalesce((SELECT max(number) FROM user), 0)";
        let (groups, users) = self.one(greatest, [], |row| Ok((get(row, 0)?, get(row, 1)?)))?.unwrap_or((0, 0));
        Ok(Snapshot { seq: self.head()?, groups, users })
    }

    fn head(&mut self) -> Result<i64> {
        // The latest is never trimmed.
        Ok(self.one("SELECT coalesce(max(seq), 0) FROM change", [], |row| get(row, 0))?.unwrap_or(0))
    }

    fn append(&mut self, change: &NewChange) -> Result<()> {
        let sql =
            "INSERT INTO change (kind, organization_id, directory_id, cause, at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let body = to_json(&change.body)?;
        let NewChange { kind, organization_id, directory_id, cause, at, .. } = change;
        self.run(sql, params![kind.name(), organization_id, directory_id, cause, Time(*at), body]).map(drop)
    }

    fn changes(&mut self, after: i64, limit: usize) -> Result<Vec<Change>> {
        let sql = "SELECT seq, kind, organization_id, directory_id, cause, at, body FROM change WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        self.all(sql, params![after, limited(limit)], change)
    }

    fn trim_changes(&mut self, seq: i64, before: Timestamp, limit: usize) -> Result<usize> {
        // Changes are committed in the order of their numbers: the oldest come first, and the first that must stay ends it.
        let oldest = "SELECT seq FROM change WHERE seq <= ?1 AND at < ?2 AND seq < (SELECT max(seq) FROM change)
            AND seq NOT IN (SELECT seq FROM parked_change) ORDER BY seq LIMIT ?3";
        self.run(&format!("DELETE FROM change WHERE seq IN ({oldest})"), params![seq, Time(before), limited(limit)])
    }

    fn consumer(&mut self, name: &str) -> Result<Option<ConsumerRow>> {
        self.one(&format!("SELECT {CONSUMER} FROM consumer WHERE name = ?1"), [name], consumer)
    }

    fn consumers(&mut self) -> Result<Vec<ConsumerRow>> {
        self.all(&format!("SELECT {CONSUMER} FROM consumer ORDER BY name"), [], consumer)
    }

    fn put_consumer(&mut self, row: &ConsumerRow) -> Result<()> {
        let snapshot = row.snapshot.as_ref().map(to_json).transpose()?;
        let sql = "INSERT INTO consumer (name, cursor, snapshot, seen_at) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (name) DO UPDATE SET cursor = excluded.cursor, snapshot = excluded.snapshot, seen_at = excluded.seen_at";
        self.run(sql, params![row.name, row.cursor, snapshot, Time(row.seen_at)]).map(drop)
    }

    fn drop_consumer(&mut self, name: &str) -> Result<bool> {
        self.run("DELETE FROM parked_change WHERE consumer = ?1", [name])?;
        Ok(self.run("DELETE FROM consumer WHERE name = ?1", [name])? > 0)
    }

    fn park_change(&mut self, consumer: &str, seq: i64, reason: &str, at: Timestamp) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO parked_change (consumer, seq, reason, at) VALUES (?1, ?2, ?3, ?4)";
        self.run(sql, params![consumer, seq, reason, Time(at)]).map(drop)
    }

    fn parked_changes(&mut self, consumer: &str) -> Result<Vec<ParkedChange>> {
        let sql = "SELECT seq, kind, organization_id, directory_id, cause, change.at, body, reason, parked_change.at
            FROM parked_change JOIN change USING (seq) WHERE consumer = ?1 ORDER BY seq";
        self.all(sql, [consumer], |row| {
            Ok(ParkedChange::new(change(row)?, get(row, 7)?, get_time(row, 8)?.unwrap_or_default()))
        })
    }

    fn count_parked_changes(&mut self, consumer: &str) -> Result<u64> {
        self.count("SELECT count(*) FROM parked_change WHERE consumer = ?1", [consumer])
    }

    fn drop_parked_change(&mut self, consumer: &str, seq: i64) -> Result<bool> {
        Ok(self.run("DELETE FROM parked_change WHERE consumer = ?1 AND seq = ?2", params![consumer, seq])? > 0)
    }

    fn event(&mut self, id: &str) -> Result<Option<EventRow>> {
        self.one(&format!("SELECT {EVENT} FROM event WHERE id = ?1"), [id], event)
    }

    fn events(&mut self, organization_id: &str, state: EventState) -> Result<Vec<EventRow>> {
        let sql = format!(
            "SELECT {EVENT} FROM event WHERE organization_id = ?1 AND state = ?2 AND state <> 0 ORDER BY number"
        );
        self.all(&sql, params![organization_id, state_number(state)], event)
    }

    fn count_events(&mut self, organization_id: &str, state: EventState) -> Result<u64> {
        let sql = "SELECT count(*) FROM event WHERE organization_id = ?1 AND state = ?2 AND state <> 0";
        self.count(sql, params![organization_id, state_number(state)])
    }

    fn put_event(&mut self, row: &EventRow) -> Result<()> {
        let sql = "INSERT INTO event (id, organization_id, directory_id, received_at, state, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (id) DO UPDATE SET directory_id = excluded.directory_id, state = excluded.state, body = excluded.body";
        let EventRow { id, organization_id, directory_id, received_at, state, body } = row;
        self.run(sql, params![id, organization_id, directory_id, Time(*received_at), state_number(*state), body])
            .map(drop)
    }

    fn trim_events(&mut self, before: Timestamp, limit: usize) -> Result<usize> {
        let limit = limited(limit);
        let old = "SELECT number FROM event WHERE received_at < ?1 ORDER BY received_at LIMIT ?2";
        let events = self.run(&format!("DELETE FROM event WHERE number IN ({old})"), params![Time(before), limit])?;
        Ok(events + self.run("DELETE FROM event_removal WHERE at < ?1", [Time(before)])?)
    }

    fn add_event_removal(&mut self, directory_id: &str, user_id: &str, at: Timestamp) -> Result<()> {
        let sql = "INSERT OR IGNORE INTO event_removal (directory_id, user_id, at) VALUES (?1, ?2, ?3)";
        self.run(sql, params![directory_id, user_id, Time(at)]).map(drop)
    }

    fn count_event_removals(&mut self, directory_id: &str, since: Timestamp) -> Result<u64> {
        let sql = "SELECT count(*) FROM event_removal WHERE directory_id = ?1 AND at >= ?2";
        self.count(sql, params![directory_id, Time(since)])
    }

    fn put_held_removals(&mut self, directory_id: &str, user_ids: &[String]) -> Result<()> {
        self.run("DELETE FROM held_removal WHERE directory_id = ?1", [directory_id])?;
        user_ids.iter().try_for_each(|user_id| self.add_held_removal(directory_id, user_id))
    }

    fn add_held_removal(&mut self, directory_id: &str, user_id: &str) -> Result<()> {
        let sql = "INSERT OR IGNORE INTO held_removal (directory_id, user_id) VALUES (?1, ?2)";
        self.run(sql, params![directory_id, user_id]).map(drop)
    }

    fn held_removals(&mut self, directory_id: &str) -> Result<Vec<String>> {
        let sql = "SELECT user_id FROM held_removal WHERE directory_id = ?1 ORDER BY user_id";
        self.all(sql, [directory_id], |row| get(row, 0))
    }

    fn setting(&mut self, name: &str) -> Result<Option<String>> {
        self.one("SELECT value FROM setting WHERE name = ?1", [name], |row| get(row, 0))
    }

    fn put_setting(&mut self, name: &str, value: &str) -> Result<()> {
        let sql =
            "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.run(sql, params![name, value]).map(drop)
    }

    fn chore(&mut self) -> Result<Option<Chore>> {
        let sql = "SELECT number, group_id, position, cause FROM chore ORDER BY number LIMIT 1";
        self.one(sql, [], |row| {
            Ok(Chore { number: get(row, 0)?, group_id: get(row, 1)?, position: get(row, 2)?, cause: get(row, 3)? })
        })
    }

    fn put_chore(&mut self, chore: &Chore) -> Result<()> {
        if chore.number == 0 {
            let sql = "INSERT INTO chore (group_id, position, cause) VALUES (?1, ?2, ?3)";
            return self.run(sql, params![chore.group_id, chore.position, chore.cause]).map(drop);
        }
        let sql = "UPDATE chore SET position = ?2 WHERE number = ?1";
        self.run(sql, params![chore.number, chore.position]).map(drop)
    }

    fn drop_chore(&mut self, number: i64) -> Result<()> {
        self.run("DELETE FROM chore WHERE number = ?1", [number]).map(drop)
    }
}
