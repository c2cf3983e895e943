//! Loads the rows that a decision asks for. One statement reads the organizations, their counts of pending events and the directories. A separate
//! statement reads each other kind of row, and each page of users.

use super::database::{Database, in_list, list};
use super::erasure;
use super::feed::no_counters;
use super::lease;
use super::pages;
use super::rows::{
    EVENT, GROUP, HOLD, RETIREMENT, USER, event, from_json, get, get_json, group, hex_time, hold, retirement, user,
};
use super::shared::{Counter, Head, Organizations};
use crate::Result;
use crate::record::{
    AddressUser, Chore, Counts, DirectoryRow, Keys, MembersKey, MirrorUser, OrganizationRow, PendingEvents, WorkingSet,
    rehire_key,
};
use crate::store::{Fence, UserFilter};
use rusqlite::Row;
use std::collections::BTreeSet;

impl Database {
    /// Reads the head, which every write and every load needs, and the state of a fence's lease: `None` if there is no fence, or if no lease has
    /// its name and token.
    pub(super) fn read_head(&self, fence: Option<&Fence>) -> Result<(Head, Option<lease::Held>)> {
        let sql =
            "SELECT revision, user, \"group\", change, event, (SELECT value FROM setting WHERE name = 'role_map'),
            (SELECT value FROM setting WHERE name = 'options'), (SELECT value FROM setting WHERE name = 'environment'),
            (SELECT value FROM setting WHERE name = 'id'),            expires_at, duration FROM counter LEFT JOIN lease ON lease.name = ?1 AND lease.token = ?2";
        let (name, token) = fence.map(|fence| (&fence.name, fence.token)).unzip();
        let head = self.one(sql, rusqlite::params![name, token], |row| {
            let head = Head {
                counter: Counter {
                    revision: get(row, 0)?,
                    user: get(row, 1)?,
                    group: get(row, 2)?,
                    change: get(row, 3)?,
                    event: get(row, 4)?,
                },
                role_map: get(row, 5)?,
                settings: get::<Option<String>>(row, 6)?.as_deref().map(from_json).transpose()?.unwrap_or_default(),
                environment: get::<Option<String>>(row, 7)?.as_deref().map(from_json).transpose()?.unwrap_or_default(),
                mirror_id: get(row, 8)?,
            };
            Ok((head, lease::held(row, 9)?))
        })?;
        head.ok_or_else(no_counters)
    }

    /// Loads rows as of one moment. Call it within a transaction.
    pub(super) fn load(&self, head: &Head, keys: Keys) -> Result<WorkingSet> {
        let mut set = WorkingSet {
            revision: head.counter.revision,
            role_map: head.role_map.clone(),
            settings: head.settings.clone(),
            environment: head.environment.clone(),
            mirror_id: head.mirror_id.clone(),
            ..WorkingSet::default()
        };
        self.load_organizations(&keys, &mut set)?;
        self.by_keys("user", USER, &keys.users, |row| {
            let row = user(row)?;
            set.users.insert(row.user.id.clone(), row);
            Ok(())
        })?;
        for key in &keys.members {
            self.load_members(key.clone(), &mut set)?;
        }
        if let Some(limit) = keys.chore {
            let sql = "SELECT number, group_id, position, deletes, cause FROM chore ORDER BY number LIMIT 1";
            set.chore = self.one(sql, [], |row| {
                Ok(Chore {
                    number: get(row, 0)?,
                    group_id: get(row, 1)?,
                    position: get(row, 2)?,
                    deletes: get(row, 3)?,
                    cause: get(row, 4)?,
                })
            })?;
            if let Some(key) = set.chore.as_ref().map(|chore| chore.members(limit)) {
                self.load_members(key, &mut set)?;
            }
        }
        let mut groups: BTreeSet<&str> = keys.groups.iter().map(String::as_str).collect();
        groups.extend(set.users.values().flat_map(|row| &row.told_groups).map(String::as_str));
        self.by_keys("\"group\"", GROUP, &groups, |row| {
            let row = group(row)?;
            set.groups.insert(row.group.id.clone(), row);
            Ok(())
        })?;
        self.by_keys("event", EVENT, &keys.events, |row| {
            let row = event(row, 0)?;
            set.events.insert(row.id.clone(), row);
            Ok(())
        })?;
        self.load_addresses(&keys, &mut set)?;
        self.load_counts(&keys, &mut set)?;
        if !keys.holds.is_empty() {
            let sql = format!(
                "SELECT {HOLD} FROM hold WHERE directory_id IN (SELECT value FROM json_each(?1)) ORDER BY number"
            );
            self.each(&sql, [list(&keys.holds)?], |row| {
                let row = hold(row)?;
                set.holds.entry(row.directory_id.clone()).or_default().push(row);
                Ok(())
            })?;
        }
        if keys.retirements {
            set.retirements =
                self.all(&format!("SELECT {RETIREMENT} FROM retirement ORDER BY at, id"), [], retirement)?;
        }
        if !keys.erasures.is_empty() {
            set.erasures = erasure::with_marks(self, &keys.erasures)?;
        }
        set.keys = keys;
        Ok(set)
    }

    /// Calls `read` with each row of a table that has one of these ids.
    pub(super) fn by_keys<T: AsRef<str> + Ord + serde::Serialize>(
        &self,
        table: &str,
        columns: &str,
        ids: &BTreeSet<T>,
        read: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let (list, value) = in_list(ids, "?1")?;
        self.each(&format!("SELECT {columns} FROM {table} WHERE id IN ({list})"), [value], read)
    }

    /// Loads the organizations and directories of these keys, from memory if the last load of the transaction had the same keys.
    fn load_organizations(&self, keys: &Keys, set: &mut WorkingSet) -> Result<()> {
        let loaded = match self.shared_organizations(keys) {
            Some(loaded) => loaded,
            None => {
                let loaded = self.read_organizations(&keys.organizations, &keys.directories)?;
                self.share_organizations(keys, &loaded);
                loaded
            }
        };
        let Organizations { organizations, directories, pending } = loaded;
        set.organizations = organizations;
        set.directories = directories;
        set.pending = pending;
        Ok(())
    }

    /// Reads the organizations with these ids, their directories and the counts of their pending events; and the directories with these ids.
    fn read_organizations(
        &self,
        organizations: &BTreeSet<String>,
        directories: &BTreeSet<String>,
    ) -> Result<Organizations> {
        let mut found = Organizations::default();
        let (mut parts, mut values) = (Vec::new(), Vec::new());
        if !organizations.is_empty() {
            let (list, value) = in_list(organizations, "?1")?;
            parts.push(format!(
                "SELECT 0, body FROM organization WHERE id IN ({list})
                UNION ALL SELECT 2, json_array(organization_id, max(events, 0), max(bytes, 0)) FROM pending WHERE organization_id IN ({list})
                UNION ALL SELECT 1, body FROM directory WHERE organization_id IN ({list})"
            ));
            values.push(value);
        }
        if !directories.is_empty() {
            let (list, value) = in_list(directories, &format!("?{}", values.len() + 1))?;
            parts.push(format!("SELECT 1, body FROM directory WHERE id IN ({list})"));
            values.push(value);
        }
        if parts.is_empty() {
            return Ok(found);
        }
        self.each(&parts.join(" UNION ALL "), rusqlite::params_from_iter(values), |row| {
            match get(row, 0)? {
                0 => {
                    let row: OrganizationRow = get_json(row, 1)?;
                    found.organizations.insert(row.id.clone(), row);
                }
                1 => {
                    let row: DirectoryRow = get_json(row, 1)?;
                    found.directories.insert(row.directory.id.clone(), row);
                }
                _ => {
                    let (id, events, bytes): (String, u64, u64) = get_json(row, 1)?;
                    found.pending.insert(id, PendingEvents { events, bytes });
                }
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn load_members(&self, key: MembersKey, set: &mut WorkingSet) -> Result<()> {
        let filter = UserFilter { group_id: key.group_id.clone(), ..UserFilter::default() };
        let rows = pages::users(self, &filter, key.after, key.limit)?;
        set.members.insert(key, rows.iter().map(|row| row.user.id.clone()).collect());
        set.users.extend(rows.into_iter().map(|row| (row.user.id.clone(), row)));
        Ok(())
    }

    fn load_addresses(&self, keys: &Keys, set: &mut WorkingSet) -> Result<()> {
        if keys.addresses.is_empty() {
            return Ok(());
        }
        let wanted: Vec<(&str, &str, Option<String>)> =
            keys.addresses.iter().map(|(id, email)| (id.as_str(), email.as_str(), rehire_key(id, email))).collect();
        // With `+`, SQLite does not use the index of the organization, in which it would read all users of the organization.
        let active = "SELECT number FROM user WHERE user.email = address AND +user.organization_id = organization AND deleted_at IS NULL
            AND rehire_key IS NULL ORDER BY number DESC LIMIT 1";
        let former =
            "SELECT number FROM user WHERE rehire_key = key ORDER BY deleted_at DESC NULLS FIRST, number DESC LIMIT 1";
        let sql = format!(
            "WITH wanted (organization, address, key) AS MATERIALIZED
                (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1))
            SELECT organization, address, body, deleted_at IS NULL, rehire_key IS NULL
            FROM wanted CROSS JOIN user ON number = coalesce(({active}), ({former}))"
        );
        self.each(&sql, [list(&wanted)?], |row| {
            let MirrorUser { id, linked_id, .. } = get_json(row, 2)?;
            let user = AddressUser { id, linked_id, is_live: get(row, 3)?, is_active: get(row, 4)? };
            set.addresses.insert((get(row, 0)?, get(row, 1)?), user);
            Ok(())
        })
    }

    fn load_counts(&self, keys: &Keys, set: &mut WorkingSet) -> Result<()> {
        if keys.counts.is_empty() {
            return Ok(());
        }
        let wanted: Vec<(&str, String, String)> =
            keys.counts.iter().map(|(id, key)| (id.as_str(), hex_time(key.since), hex_time(key.base))).collect();
        let live = "SELECT count(*) FROM user WHERE user.directory_id = directory AND deleted_at IS NULL";
        let lost = "FROM loss WHERE loss.directory_id = directory AND at > since";
        let was_there = "(added_at IS NULL OR added_at <= base)";
        // Materialized, since SQLite would otherwise parse the JSON again for each row that it counts.
        let sql = format!(
            "WITH wanted (directory, since, base) AS MATERIALIZED
                (SELECT value ->> 0, unhex(value ->> 1), unhex(value ->> 2) FROM json_each(?1))
            SELECT directory, ({live}),
                ({live} AND {was_there}) + (SELECT count(DISTINCT user_id) {lost} AND is_removal AND {was_there}),
                (SELECT count(DISTINCT user_id) {lost} AND NOT is_approved)
            FROM wanted"
        );
        self.each(&sql, [list(&wanted)?], |row| {
            let counts = Counts {
                users: pages::count(row, 1)?,
                base_users: pages::count(row, 2)?,
                losses: pages::count(row, 3)?,
            };
            set.counts.insert(get(row, 0)?, counts);
            Ok(())
        })
    }
}
