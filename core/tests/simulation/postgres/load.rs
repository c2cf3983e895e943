//! Loads the rows that a decision asks for: `core/src/store/postgres/load.rs`. Each kind of row has a statement of its own.

use super::client::{Failure, Transaction};
use super::pages::{select_users, with_count};
use super::server::{Access, Statement, Stop};
use super::tables::{
    CHORE, COMMIT_LOG, DIRECTORY, ERASURE, EVENT, EVENT_ID, GROUP_ID, GROUPS, HOLD, Key, LOSS, ORGANIZATION, PENDING,
    RETIREMENT, SETTING, USER_ID, USERS,
};
use headcount::Timestamp;
use headcount::store::{
    AddressUser, Chore, Counts, CountsKey, DirectoryRow, GroupRow, Keys, LossRow, MembersKey, PendingEvents,
    UserFilter, UserRow, WorkingSet,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Loaded rows: `load::Loaded`.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) set: WorkingSet,
    /// The ids of the organizations of the groups in the set, by the groups' ids.
    group_owners: BTreeMap<String, String>,
}

/// Takes the result of a statement and adds it to the loaded rows.
type Part = Box<dyn FnOnce(&mut Loaded) + Send>;

/// Makes a statement that reads, and the part that adds its result.
fn part<T: Send + 'static>(
    name: &'static str,
    mut read: impl FnMut(&Access<'_>) -> T + Send + 'static,
    add: impl FnOnce(T, &mut Loaded) + Send + 'static,
) -> (Statement, Part) {
    let (statement, answer) = Statement::new(name, move |access| Ok::<_, Stop>(read(access)));
    (statement, Box::new(move |loaded| add(answer.take(), loaded)))
}

fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("the store wrote the JSON")
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// `load::select_start`.
fn select_start(keys: &Keys) -> (Statement, Part) {
    let (organizations, directories) = (keys.organizations.clone(), keys.directories.clone());
    let read = move |access: &Access<'_>| {
        let mut set = WorkingSet { now: Timestamp::from_microsecond(access.now).ok(), ..WorkingSet::default() };
        let setting = |name: &str| access.row(SETTING, name);
        set.role_map = setting("role_map").cloned();
        set.settings = setting("options").map(|text| from_json(text)).unwrap_or_default();
        set.mirror_id = setting("id").map(|text| text.to_owned());
        set.environment = setting("environment").map(|text| from_json(text)).unwrap_or_default();
        for id in &organizations {
            set.organizations.extend(access.row(ORGANIZATION, id).map(|row| (id.clone(), row.clone())));
            let pending = access.row(PENDING, id);
            set.pending.extend(pending.map(|(events, bytes)| {
                (id.clone(), PendingEvents { events: unsigned(*events), bytes: unsigned(*bytes) })
            }));
        }
        let wanted = access.rows(DIRECTORY).values().filter(|row| {
            directories.contains(&row.directory.id) || organizations.contains(&row.directory.organization_id)
        });
        set.directories.extend(wanted.map(|row| (row.directory.id.clone(), row.clone())));
        set
    };
    part("SELECT settings, organizations, directories", read, |start, loaded| {
        let set = &mut loaded.set;
        (set.role_map, set.settings, set.environment) = (start.role_map, start.settings, start.environment);
        (set.mirror_id, set.now) = (start.mirror_id, start.now);
        (set.organizations, set.pending, set.directories) = (start.organizations, start.pending, start.directories);
    })
}

/// `load::select_members`.
fn select_members(key: MembersKey) -> (Statement, Part) {
    let filter = UserFilter { group_id: key.group_id.clone(), ..UserFilter::default() };
    let (after, limit) = (key.after, key.limit);
    let read = move |access: &Access<'_>| select_users(access, &filter, after, limit);
    part("SELECT members", read, move |rows, loaded| {
        loaded.set.members.insert(key, rows.iter().map(|row| row.user.id.clone()).collect());
        loaded.set.users.extend(rows.into_iter().map(|row| (row.user.id.clone(), row)));
    })
}

/// `load::select_groups`.
fn select_groups(ids: BTreeSet<String>) -> (Statement, Part) {
    let read = move |access: &Access<'_>| {
        let rows = ids.iter().filter_map(|id| access.row(GROUPS, *access.row(GROUP_ID, id)?));
        let with_owner = |row: &GroupRow| {
            let owner = access.row(DIRECTORY, &row.group.directory_id);
            (row.clone(), owner.map(|row| row.directory.organization_id.clone()))
        };
        rows.map(|row| with_owner(row)).collect::<Vec<_>>()
    };
    part("SELECT groups", read, |rows, loaded| {
        for (row, owner) in rows {
            loaded.group_owners.extend(owner.map(|owner| (row.group.id.clone(), owner)));
            loaded.set.groups.insert(row.group.id.clone(), row);
        }
    })
}

fn counts(access: &Access<'_>, directory_id: &str, CountsKey { since, base }: CountsKey) -> Counts {
    let was_there = |added_at: Option<Timestamp>| added_at.is_none_or(|at| at <= base);
    let is_live = |row: &&UserRow| row.is_live() && row.user.directory_id == directory_id;
    let users: Vec<&UserRow> = access.rows(USERS).values().map(|row| &**row).filter(is_live).collect();
    let lost = |row: &&LossRow| row.directory_id == directory_id && row.at > since;
    let lost: Vec<&LossRow> = access.rows(LOSS).values().filter(lost).collect();
    let distinct = |wanted: &dyn Fn(&LossRow) -> bool| -> u64 {
        lost.iter().filter(|row| wanted(row)).map(|row| &row.user_id).collect::<BTreeSet<_>>().len() as u64
    };
    Counts {
        users: users.len() as u64,
        base_users: users.iter().filter(|row| was_there(row.added_at)).count() as u64
            + distinct(&|row| row.is_removal && was_there(row.added_at)),
        losses: distinct(&|row| !row.is_approved),
    }
}

/// `load::Plan`.
pub(super) struct Plan {
    keys: Keys,
    parts: Vec<Part>,
    groups_later: bool,
}

impl Plan {
    /// Makes the statements of the first round trip.
    pub(super) fn new(keys: Keys) -> (Plan, Vec<Statement>) {
        let (mut parts, mut statements) = (Vec::new(), Vec::new());
        let mut add = |(statement, part): (Statement, Part)| {
            statements.push(statement);
            parts.push(part);
        };
        add(select_start(&keys));
        if !keys.users.is_empty() {
            let ids = keys.users.clone();
            let read = move |access: &Access<'_>| {
                let rows = ids.iter().filter_map(|id| access.row(USERS, *access.row(USER_ID, id)?));
                rows.map(|row| UserRow::clone(row)).collect::<Vec<_>>()
            };
            add(part("SELECT users", read, |rows, loaded| {
                loaded.set.users.extend(rows.into_iter().map(|row| (row.user.id.clone(), row)));
            }));
        }
        keys.members.iter().for_each(|key| add(select_members(key.clone())));
        if keys.chore.is_some() {
            let read = |access: &Access<'_>| access.rows(CHORE).values().next().cloned();
            add(part("SELECT chore", read, |chore, loaded| loaded.set.chore = chore));
        }
        let groups_later = !keys.users.is_empty() || !keys.members.is_empty() || keys.chore.is_some();
        if !groups_later && !keys.groups.is_empty() {
            add(select_groups(keys.groups.clone()));
        }
        if !keys.events.is_empty() {
            let ids = keys.events.clone();
            let read = move |access: &Access<'_>| {
                let rows = ids.iter().filter_map(|id| access.row(EVENT, *access.row(EVENT_ID, id)?));
                rows.map(|row| (row.id.clone(), (**row).clone())).collect::<Vec<_>>()
            };
            add(part("SELECT events", read, |rows, loaded| loaded.set.events.extend(rows)));
        }
        if !keys.addresses.is_empty() {
            let wanted = keys.addresses.clone();
            let read =
                move |access: &Access<'_>| AddressUser::find(&wanted, access.rows(USERS).values().map(|row| &**row));
            add(part("SELECT addresses", read, |known, loaded| loaded.set.addresses.extend(known)));
        }
        if !keys.counts.is_empty() {
            let wanted = keys.counts.clone();
            let read = move |access: &Access<'_>| {
                let counted = wanted.iter().map(|(id, key)| (id.clone(), counts(access, id, *key)));
                counted.collect::<Vec<_>>()
            };
            add(part("SELECT counts", read, |counted, loaded| loaded.set.counts.extend(counted)));
        }
        if !keys.holds.is_empty() {
            let ids = keys.holds.clone();
            let read = move |access: &Access<'_>| {
                let rows = access.rows(HOLD).values().filter(|row| ids.contains(&row.directory_id));
                rows.map(|row| with_count(access, row)).collect::<Vec<_>>()
            };
            add(part("SELECT holds", read, |rows, loaded| {
                for row in rows {
                    loaded.set.holds.entry(row.directory_id.clone()).or_default().push(row);
                }
            }));
        }
        if keys.retirements {
            let read = |access: &Access<'_>| {
                let mut rows: Vec<_> = access.rows(RETIREMENT).values().cloned().collect();
                rows.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
                rows
            };
            add(part("SELECT retirements", read, |rows, loaded| loaded.set.retirements = rows));
        }
        if !keys.erasures.is_empty() {
            let marks = keys.erasures.clone();
            let read = move |access: &Access<'_>| {
                let rows = access.rows(ERASURE).values().filter(|row| marks.contains(&row.mark));
                rows.cloned().collect::<Vec<_>>()
            };
            add(part("SELECT erasures", read, |rows, loaded| {
                loaded.set.erasures.extend(rows.into_iter().map(|row| (row.mark.clone(), row)));
            }));
        }
        (Plan { keys, parts, groups_later }, statements)
    }

    /// Reads the rows of the first round trip, and loads the rest.
    pub(super) async fn finish(self, transaction: &mut Transaction<'_>, revision: i64) -> Result<Loaded, Failure> {
        let Plan { keys, parts, groups_later } = self;
        let mut loaded = Loaded { set: WorkingSet { revision, ..WorkingSet::default() }, ..Loaded::default() };
        parts.into_iter().for_each(|part| part(&mut loaded));
        if let Some(key) =
            loaded.set.chore.as_ref().zip(keys.chore).map(|(chore, limit): (&Chore, usize)| chore.members(limit))
        {
            let (statement, part) = select_members(key);
            transaction.run(vec![statement]).await?;
            part(&mut loaded);
        }
        if groups_later {
            let groups = group_ids(&keys, loaded.set.users.values());
            if !groups.is_empty() {
                let (statement, part) = select_groups(groups);
                transaction.run(vec![statement]).await?;
                part(&mut loaded);
            }
        }
        loaded.set.keys = keys;
        loaded.set.now = loaded.set.now.filter(|_| !transaction.has_callers_time());
        Ok(loaded)
    }
}

fn group_ids<'a>(keys: &Keys, users: impl Iterator<Item = &'a UserRow>) -> BTreeSet<String> {
    keys.groups.iter().chain(users.flat_map(|row| &row.told_groups)).cloned().collect()
}

impl Loaded {
    /// `Loaded::owners`.
    pub(super) fn owners(&self) -> BTreeSet<String> {
        let Loaded { set, group_owners } = self;
        let mut owners: BTreeSet<String> = group_owners.values().cloned().collect();
        owners.extend(set.organizations.keys().cloned());
        owners.extend(set.users.values().map(|row| row.user.organization_id.clone()));
        owners.extend(set.directories.values().map(|row| row.directory.organization_id.clone()));
        owners.extend(set.events.values().map(|row| row.organization_id.clone()));
        owners
    }

    /// `Loaded::group_ids`.
    pub(super) fn group_ids(&self, keys: &Keys) -> BTreeSet<String> {
        group_ids(keys, keys.users.iter().filter_map(|id| self.set.users.get(id)))
    }

    /// `Loaded::part`.
    pub(super) fn part(&self, keys: &Keys, revision: i64) -> Loaded {
        fn rows_of<'a, T: Clone>(
            rows: &HashMap<String, T>,
            ids: impl IntoIterator<Item = &'a String>,
        ) -> HashMap<String, T> {
            ids.into_iter().filter_map(|id| Some((id.clone(), rows.get(id)?.clone()))).collect()
        }
        let Loaded { set, group_owners } = self;
        let groups = self.group_ids(keys);
        let is_wanted = |id: &String, row: &DirectoryRow| {
            keys.directories.contains(id) || keys.organizations.contains(&row.directory.organization_id)
        };
        let directories = set.directories.iter().filter(|(id, row)| is_wanted(id, row));
        let addresses = keys.addresses.iter().filter_map(|key| Some((key.clone(), set.addresses.get(key)?.clone())));
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
                groups: rows_of(&set.groups, &groups),
                events: rows_of(&set.events, &keys.events),
                addresses: addresses.collect(),
                counts: rows_of(&set.counts, keys.counts.keys()),
                holds: rows_of(&set.holds, &keys.holds),
                erasures: rows_of(&set.erasures, &keys.erasures),
                keys: keys.clone(),
                ..WorkingSet::default()
            },
            group_owners: groups.iter().filter_map(|id| Some((id.clone(), group_owners.get(id)?.clone()))).collect(),
        }
    }
}

/// `load::load`.
pub(super) async fn load(transaction: &mut Transaction<'_>, keys: Keys) -> Result<WorkingSet, Failure> {
    let (plan, mut statements) = Plan::new(keys);
    let (select, revision) = Statement::new("SELECT max(revision) FROM commit_log", |access| {
        Ok(match access.rows(COMMIT_LOG).keys().next_back() {
            Some(Key::Number(revision)) => *revision,
            _ => 0,
        })
    });
    statements.insert(0, select);
    transaction.run(statements).await?;
    Ok(plan.finish(transaction, revision.take()).await?.set)
}
