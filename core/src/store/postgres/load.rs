//! Loads the rows that a decision asks for, in at most three round trips. One statement reads the settings, the organizations, their counts of pending
//! events and the directories. Each other kind of row, and each page of users, has a statement of its own.

use super::database::{Columns, Statement, Transaction};
use super::failure::Failure;
use super::pages;
use super::rows::{
    ERASURE, EVENT, GROUP, GROUP_COLUMNS, HOLD, RETIREMENT, Text, Time, USER, count, erasure, event, first, from_json,
    get, get_json, get_text, get_text_if_any, group, hold, retirement, texts, user,
};
use crate::record::{
    AddressUser, Chore, Counts, DirectoryRow, Keys, MembersKey, MirrorUser, PendingEvents, UserRow, WorkingSet,
    rehire_key,
};
use crate::store::UserFilter;
use crate::{Result, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tokio_postgres::Row;

/// Makes one statement that selects the settings, the server's time in microseconds since 1970, the organizations, their counts of pending events, and the directories: each further statement would
/// have to be planned each time. The first column says which table a row is of.
fn select_start(organizations: &BTreeSet<String>, directories: &BTreeSet<String>) -> Statement {
    let mut sql = "SELECT 0::bigint, name, value, 0::bigint, 0::bigint FROM {s}.setting
        UNION ALL SELECT 4, '', '', (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, 0"
        .to_owned();
    if !organizations.is_empty() {
        sql.push_str(
            " UNION ALL SELECT 1, id, body, 0, 0 FROM {s}.organization WHERE id = ANY($1)
            UNION ALL SELECT 2, organization_id, '', events, bytes FROM {s}.pending WHERE organization_id = ANY($1)
            UNION ALL SELECT 3, id, body, 0, 0 FROM {s}.directory WHERE organization_id = ANY($1)",
        );
    }
    let mut statement = Statement::new(sql);
    if !organizations.is_empty() {
        statement = statement.with(texts(organizations));
    }
    if !directories.is_empty() {
        statement.push_text(" UNION ALL SELECT 3, id, body, 0, 0 FROM {s}.directory WHERE id =");
        statement.push("ANY(", texts(directories));
        statement.push_text(")");
    }
    statement
}

/// Adds the rows of [`select_start`] to the set.
fn read_start(rows: &[Row], set: &mut WorkingSet) -> Result<()> {
    for row in rows {
        let (table, key): (i64, String) = (get(row, 0)?, get_text(row, 1)?);
        match (table, key.as_str()) {
            (0, "role_map") => set.role_map = Some(get_text(row, 2)?),
            (0, "options") => set.settings = from_json(&get_text(row, 2)?)?,
            (0, "environment") => set.environment = from_json(&get_text(row, 2)?)?,
            (0, "id") => set.mirror_id = Some(get_text(row, 2)?),
            (1, _) => drop(set.organizations.insert(key, get_json(row, 2)?)),
            (2, _) => drop(set.pending.insert(key, PendingEvents { events: count(row, 3)?, bytes: count(row, 4)? })),
            (3, _) => drop(set.directories.insert(key, get_json(row, 2)?)),
            (4, _) => set.now = Timestamp::from_microsecond(get(row, 3)?).ok(),
            _ => {}
        }
    }
    Ok(())
}

/// What one statement reads.
enum Part {
    Start,
    Users,
    Members(MembersKey),
    Chore,
    Groups,
    Events,
    Addresses,
    Counts,
    Holds,
    Retirements,
    Erasures,
}

/// What each statement of the first round trip reads, in their order, and the keys of the rows to load.
pub(super) struct Plan {
    keys: Keys,
    parts: Vec<Part>,
    /// Whether groups are loaded in a later round trip, because which ones depends on the loaded users.
    groups_later: bool,
}

impl Plan {
    /// Makes the statements of the first round trip: they load the settings, and what `keys` asks for, except for what depends on loaded rows.
    pub(super) fn new(keys: Keys) -> (Plan, Vec<Statement>) {
        let (mut parts, mut statements) = (Vec::new(), Vec::new());
        let mut add = |part: Part, statement: Statement| {
            parts.push(part);
            statements.push(statement);
        };
        add(Part::Start, select_start(&keys.organizations, &keys.directories));
        if !keys.users.is_empty() {
            let sql = format!("SELECT {USER} FROM {{s}}.users WHERE id = ANY($1)");
            add(Part::Users, Statement::new(sql).with(texts(&keys.users)));
        }
        for key in &keys.members {
            add(Part::Members(key.clone()), select_members(key));
        }
        if keys.chore.is_some() {
            let sql = "SELECT number, group_id, position, deletes, cause FROM {s}.chore ORDER BY number LIMIT 1";
            add(Part::Chore, Statement::new(sql));
        }
        let groups_later = !keys.users.is_empty() || !keys.members.is_empty() || keys.chore.is_some();
        if !groups_later && !keys.groups.is_empty() {
            add(Part::Groups, select_groups(keys.groups.iter().map(String::as_str)));
        }
        if !keys.events.is_empty() {
            let sql = format!("SELECT {EVENT} FROM {{s}}.event WHERE id = ANY($1)");
            add(Part::Events, Statement::new(sql).with(texts(&keys.events)));
        }
        if !keys.addresses.is_empty() {
            let addresses: Vec<&(String, String)> = keys.addresses.iter().collect();
            // `OFFSET 0` makes the server search by the address. Without it, it may read all users of the organization.
            let sql = "SELECT new.organization_id, new.email, found.body, found.is_live, found.is_active FROM {new} CROSS JOIN LATERAL (
                (SELECT body, true AS is_live, true AS is_active FROM (
                    SELECT number, organization_id, body FROM {s}.users
                    WHERE users.email = new.email AND deleted_at IS NULL AND rehire_key IS NULL OFFSET 0) AS known
                WHERE known.organization_id = new.organization_id ORDER BY number DESC LIMIT 1)
                UNION ALL
                (SELECT body, deleted_at IS NULL, false FROM {s}.users WHERE users.rehire_key = new.rehire_key
                ORDER BY deleted_at DESC, number DESC LIMIT 1)
                ORDER BY is_active DESC LIMIT 1) AS found";
            let columns = Columns::new(&addresses)
                .with("organization_id", |(organization_id, _)| Text::new(organization_id))
                .with("email", |(_, email)| Text::new(email))
                .with("rehire_key", |(organization_id, email)| {
                    rehire_key(organization_id, email).as_deref().map(Text::new)
                });
            add(Part::Addresses, columns.statement(sql, &[]));
        }
        if !keys.counts.is_empty() {
            // The columns after the id are the fields of `Counts`.
            let counts: Vec<_> = keys.counts.iter().collect();
            let live = "SELECT count(*) FROM {s}.users WHERE users.directory_id = new.id AND deleted_at IS NULL";
            let lost = "FROM {s}.loss WHERE loss.directory_id = new.id AND at > new.since";
            let was_in_base = "(added_at IS NULL OR added_at <= new.base)";
            let sql = format!(
                "SELECT id, ({live}),
                    ({live} AND {was_in_base}) + (SELECT count(DISTINCT user_id) {lost} AND is_removal AND {was_in_base}),
                    (SELECT count(DISTINCT user_id) {lost} AND NOT is_approved)
                FROM {{new}}"
            );
            let columns = Columns::new(&counts)
                .with("id", |(id, _)| Text::new(id))
                .with("since", |(_, key)| Time(key.since))
                .with("base", |(_, key)| Time(key.base));
            add(Part::Counts, columns.statement(&sql, &[]));
        }
        if !keys.holds.is_empty() {
            let sql = format!("SELECT {HOLD} FROM {{s}}.hold WHERE directory_id = ANY($1) ORDER BY number");
            add(Part::Holds, Statement::new(sql).with(texts(&keys.holds)));
        }
        if keys.retirements {
            let sql = format!("SELECT {RETIREMENT} FROM {{s}}.retirement ORDER BY at, id");
            add(Part::Retirements, Statement::new(sql));
        }
        if !keys.erasures.is_empty() {
            let sql = format!("SELECT {ERASURE} FROM {{s}}.erasure WHERE mark = ANY($1)");
            add(Part::Erasures, Statement::new(sql).with(texts(&keys.erasures)));
        }
        (Plan { keys, parts, groups_later }, statements)
    }

    /// Reads the rows of the first round trip, and loads the rest.
    pub(super) async fn finish(
        self,
        transaction: &mut Transaction<'_>,
        revision: i64,
        rows: &[Vec<Row>],
    ) -> Result<Loaded, Failure> {
        let Plan { keys, parts, groups_later } = self;
        let mut set = WorkingSet { revision, ..WorkingSet::default() };
        let mut owners = BTreeMap::new();
        for (part, rows) in parts.into_iter().zip(rows) {
            read(part, rows, &mut set, &mut owners)?;
        }
        if let Some((chore, limit)) = set.chore.as_ref().zip(keys.chore) {
            let key = chore.members(limit);
            let rows = transaction.run_one(select_members(&key)).await?;
            read(Part::Members(key), &rows, &mut set, &mut owners)?;
        }
        if groups_later {
            let groups = group_ids(&keys, set.users.values());
            if !groups.is_empty() {
                let rows = transaction.run_one(select_groups(groups)).await?;
                read(Part::Groups, &rows, &mut set, &mut owners)?;
            }
        }
        set.keys = keys;
        set.now = set.now.filter(|_| !transaction.has_callers_time());
        Ok(Loaded { set, group_owners: owners })
    }
}

/// Returns the ids of the groups that are loaded for these keys: those that the keys name, and those of the loaded users.
fn group_ids<'a>(keys: &'a Keys, users: impl Iterator<Item = &'a UserRow>) -> BTreeSet<&'a str> {
    let told = users.flat_map(|row| &row.told_groups);
    keys.groups.iter().chain(told).map(String::as_str).collect()
}

/// Loaded rows.
pub(super) struct Loaded {
    pub(super) set: WorkingSet,
    /// The ids of the organizations of the groups in the set, by the groups' ids.
    group_owners: BTreeMap<String, String>,
}

impl Loaded {
    /// Returns the ids of the organizations to which the rows belong.
    pub(super) fn owners(&self) -> BTreeSet<String> {
        let Loaded { set, group_owners } = self;
        let mut owners: BTreeSet<String> = group_owners.values().cloned().collect();
        owners.extend(set.organizations.keys().cloned());
        owners.extend(set.users.values().map(|row| row.user.organization_id.clone()));
        owners.extend(set.directories.values().map(|row| row.directory.organization_id.clone()));
        owners.extend(set.events.values().map(|row| row.organization_id.clone()));
        owners
    }

    /// Returns the ids of the groups that are loaded for a write with these keys, whether or not they exist.
    pub(super) fn group_ids<'a>(&'a self, keys: &'a Keys) -> BTreeSet<&'a str> {
        group_ids(keys, keys.users.iter().filter_map(|id| self.set.users.get(id)))
    }

    /// Returns the rows that `keys` asks for. These rows were loaded for `keys` and others, none of which asks for members, chores or retirements.
    pub(super) fn part(&self, keys: &Keys, revision: i64) -> Loaded {
        let Loaded { set, group_owners } = self;
        let groups = self.group_ids(keys);
        let is_wanted = |id: &String, row: &DirectoryRow| {
            keys.directories.contains(id) || keys.organizations.contains(&row.directory.organization_id)
        };
        let directories = set.directories.iter().filter(|(id, row)| is_wanted(id, row));
        let addresses = keys.addresses.iter().filter_map(|key| set.addresses.get_key_value(key));
        Loaded {
            set: WorkingSet {
                revision,
                now: set.now,
                role_map: set.role_map.clone(),
                settings: set.settings.clone(),
                environment: set.environment.clone(),
                mirror_id: set.mirror_id.clone(),
                organizations: rows_of(&set.organizations, &keys.organizations),
                pending: rows_of(&set.pending, &keys.organizations),
                directories: directories.map(|(id, row)| (id.clone(), row.clone())).collect(),
                users: rows_of(&set.users, &keys.users),
                groups: rows_of(&set.groups, groups.iter().copied()),
                events: rows_of(&set.events, &keys.events),
                addresses: addresses.map(owned).collect(),
                counts: rows_of(&set.counts, keys.counts.keys()),
                holds: rows_of(&set.holds, &keys.holds),
                erasures: rows_of(&set.erasures, &keys.erasures),
                keys: keys.clone(),
                ..WorkingSet::default()
            },
            group_owners: groups.iter().filter_map(|id| group_owners.get_key_value(*id)).map(owned).collect(),
        }
    }
}

/// Clones an entry of a map.
fn owned<K: Clone, T: Clone>((id, row): (&K, &T)) -> (K, T) {
    (id.clone(), row.clone())
}

/// Returns copies of the rows with these ids.
fn rows_of<T: Clone>(rows: &HashMap<String, T>, ids: impl IntoIterator<Item = impl AsRef<str>>) -> HashMap<String, T> {
    ids.into_iter().filter_map(|id| rows.get_key_value(id.as_ref()).map(owned)).collect()
}

fn select_members(key: &MembersKey) -> Statement {
    let filter = UserFilter { group_id: key.group_id.clone(), ..UserFilter::default() };
    pages::select_users(&filter, key.after, key.limit)
}

fn select_groups<'a>(ids: impl IntoIterator<Item = &'a str>) -> Statement {
    // The last column is the group's organization.
    let owner = "(SELECT organization_id FROM {s}.directory WHERE directory.id = groups.directory_id)";
    Statement::new(format!("SELECT {GROUP}, {owner} FROM {{s}}.groups WHERE id = ANY($1)")).with(texts(ids))
}

/// Adds rows to the set, and the organizations of groups, by the groups' ids, to `owners`.
fn read(part: Part, rows: &[Row], set: &mut WorkingSet, owners: &mut BTreeMap<String, String>) -> Result<()> {
    match part {
        Part::Start => read_start(rows, set)?,
        Part::Users => {
            for row in rows {
                let row = user(row)?;
                set.users.insert(row.user.id.clone(), row);
            }
        }
        Part::Members(key) => {
            let mut ids = Vec::with_capacity(rows.len());
            for row in rows {
                let row = user(row)?;
                ids.push(row.user.id.clone());
                set.users.insert(row.user.id.clone(), row);
            }
            set.members.insert(key, ids);
        }
        Part::Chore => {
            if let Some(row) = rows.first() {
                set.chore = Some(Chore {
                    number: get(row, 0)?,
                    group_id: get_text(row, 1)?,
                    position: get(row, 2)?,
                    deletes: get(row, 3)?,
                    cause: get_text(row, 4)?,
                });
            }
        }
        Part::Groups => {
            for row in rows {
                let owner = get_text_if_any(row, GROUP_COLUMNS)?;
                let row = group(row)?;
                owners.extend(owner.map(|owner| (row.group.id.clone(), owner)));
                set.groups.insert(row.group.id.clone(), row);
            }
        }
        Part::Events => {
            for row in rows {
                let row = event(row, 0)?;
                set.events.insert(row.id.clone(), row);
            }
        }
        Part::Addresses => {
            for row in rows {
                let MirrorUser { id, linked_id, .. } = get_json(row, 2)?;
                let user = AddressUser { id, linked_id, is_live: get(row, 3)?, is_active: get(row, 4)? };
                set.addresses.insert((get_text(row, 0)?, get_text(row, 1)?), user);
            }
        }
        Part::Counts => {
            for row in rows {
                let counts = Counts { users: count(row, 1)?, base_users: count(row, 2)?, losses: count(row, 3)? };
                set.counts.insert(get_text(row, 0)?, counts);
            }
        }
        Part::Holds => {
            for row in rows {
                let row = hold(row)?;
                set.holds.entry(row.directory_id.clone()).or_default().push(row);
            }
        }
        Part::Retirements => set.retirements = rows.iter().map(retirement).collect::<Result<_>>()?,
        Part::Erasures => {
            for row in rows {
                let row = erasure(row)?;
                set.erasures.insert(row.mark.clone(), row);
            }
        }
    }
    Ok(())
}

/// Loads rows as of one moment, in a transaction that reads.
pub(super) async fn load(transaction: &mut Transaction<'_>, keys: Keys) -> Result<WorkingSet, Failure> {
    let (plan, mut statements) = Plan::new(keys);
    // The server reads it from the end of an index.
    let latest_revision = Statement::new("SELECT coalesce(max(revision), 0) FROM {s}.commit_log");
    statements.insert(0, latest_revision);
    let rows = transaction.run(&statements).await?;
    let [revision, rows @ ..] = rows.as_slice() else { return Err(super::rows::no_row().into()) };
    Ok(plan.finish(transaction, get(first(revision)?, 0)?, rows).await?.set)
}
