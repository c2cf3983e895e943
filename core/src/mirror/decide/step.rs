//! One step: applies new rows to a working set, and collects the rows and feed entries to write.
//!
//! Listings and events change users and groups only through these functions. A step stores the vendor's data, derives memberships in existing groups
//! and roles from it, and compares the rows before and after with [`diff`](super::diff).

use super::diff;
use super::owns;
use super::roles::RoleMap;
use crate::record::{
    AddressUser, Batch, ChangeKind, Chore, Counts, CountsKey, Delta, DirectoryRow, EntryBody, EnvironmentRow,
    ErasureRow, EventRow, GroupRow, GuardSettings, HoldRow, Keys, Leaving, MembersKey, MirrorGroup, MirrorOptions,
    MirrorSettings, MirrorUser, Mirrored, NewEntry, OrganizationRow, PendingEvents, Rehire, Retirement, Trail,
    UserFields, UserRow, UserWrite, Version, WorkingSet, brief, email_key, erased_body, erased_user, rehire_key,
};
use crate::{Result, Timestamp};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

/// The cause of the chore that deletes personal fields which are no longer stored. It makes no changes.
const FIELDS_CAUSE: &str = "fields";

/// The cause of the changes that result from a new role map.
pub(in crate::mirror) const ROLES_CAUSE: &str = "roles";

/// How many users, or groups, one step of a chore, of a retirement or of the end of a sync handles.
pub(in crate::mirror) const PAGE: usize = 500;

/// A step that has not finished.
pub(in crate::mirror) struct Step {
    pub(super) now: Timestamp,
    pub(super) set: WorkingSet,
    pub(super) cause: String,
    /// Whether the guard limits how many users may lose access. Not if the application asked for the losses.
    guarded: bool,
    pub(super) roles: RoleMap,
    pub(super) settings: MirrorSettings,
    /// The personal fields of users that are stored.
    pub(super) fields: UserFields,
    /// Keys of rows that were needed and not loaded. If there are any, the step's result is discarded.
    missing: Keys,
    /// Ids of the `told_groups` of the loaded users; collected on first use.
    user_groups: Option<HashSet<String>>,
    changed_users: Changed<Vec<String>>,
    changed_groups: Changed<()>,
    changed_directories: BTreeSet<String>,
    pub(super) changed_holds: BTreeSet<i64>,
    /// Number of holds that this step made.
    pub(super) made_holds: i64,
    /// Number of users who lost access in this step and are not in the loaded counts, by directory.
    pub(super) spent: HashMap<String, u64>,
    /// Number of users whose loss of access this step held back.
    pub(super) held_back: u64,
    /// Whether no former users are looked for when users are created.
    pub(super) skips_rehires: bool,
    /// The addresses, by organization and [key](email_key), that active users got in this step.
    pub(super) taken_addresses: HashSet<(String, String)>,
    pub(super) batch: Batch,
    tally: Tally,
}

/// Ids of changed rows in the order of their first change, each with its state before that change.
struct Changed<T> {
    order: Vec<String>,
    before: HashMap<String, T>,
}

/// The result of a step.
pub(in crate::mirror) enum Decided {
    /// The step has to be repeated with these rows as well.
    Needs(Box<Keys>),
    /// The step is complete.
    Ready {
        /// The rows and changes to write.
        batch: Box<Batch>,
        /// How many changes of each kind it made.
        tally: Tally,
    },
}

/// Numbers of changes by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::mirror) struct Tally(HashMap<&'static str, u64>);

impl Tally {
    pub(in crate::mirror) fn of(&self, kind: ChangeKind) -> u64 {
        self.0.get(kind.name()).copied().unwrap_or(0)
    }

    pub(in crate::mirror) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    pub(in crate::mirror) fn add(&mut self, other: &Tally) {
        other.0.iter().for_each(|(kind, count)| *self.0.entry(kind).or_default() += count);
    }
}

/// The new content of a user's row, with its version.
pub(super) struct NewUser {
    /// The user. Groups, roles, `active` and the linked id are derived or kept, not taken from it.
    pub(super) user: MirrorUser,
    /// Whether the user may sign in, according to the vendor. `None` if the vendor did not send it: then the stored value stays, and a new user
    /// is active.
    pub(super) active: Option<bool>,
    /// Whether this content shows that the user exists, and is newer than the removal of the user that is held, or after which the user was deactivated.
    /// Such a removal is then no longer held, and the user is not deleted.
    pub(super) is_present: bool,
    pub(super) told_groups: Vec<String>,
    pub(super) listed: bool,
    pub(super) version: Version,
    pub(super) touched_at: Option<Timestamp>,
}

/// The new content of a group's row, with its version.
pub(super) struct NewGroup {
    pub(super) group: MirrorGroup,
    pub(super) exists: bool,
    pub(super) version: Version,
    pub(super) touched_at: Option<Timestamp>,
}

impl<T> Changed<T> {
    /// With room for `capacity` rows.
    fn with_capacity(capacity: usize) -> Changed<T> {
        Changed { order: Vec::with_capacity(capacity), before: HashMap::with_capacity(capacity) }
    }

    /// Stores a row's state before its first change.
    fn note(&mut self, id: &str, before: impl FnOnce() -> T) {
        if !self.before.contains_key(id) {
            self.before.insert(id.to_owned(), before());
            self.order.push(id.to_owned());
        }
    }
}

impl Step {
    /// Starts a step whose changes have the cause `cause` and the time `now`. `guarded` is whether the guard limits losses of access: not if the
    /// application asked for them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the stored role map cannot be read.
    pub(in crate::mirror) fn new(mut set: WorkingSet, cause: &str, now: Timestamp, guarded: bool) -> Result<Step> {
        let roles = RoleMap::parse(set.role_map.as_deref())?;
        let (settings, fields) = (set.settings.in_force(), set.settings.user_fields());
        // For users without a row, whom the step usually creates.
        set.users.reserve(set.keys.users.len().saturating_sub(set.users.len()));
        Ok(Step {
            now,
            cause: cause.to_owned(),
            guarded,
            roles,
            settings,
            fields,
            missing: Keys::default(),
            user_groups: None,
            changed_users: Changed::with_capacity(set.keys.users.len()),
            changed_groups: Changed::with_capacity(set.keys.groups.len()),
            changed_directories: BTreeSet::new(),
            changed_holds: BTreeSet::new(),
            made_holds: 0,
            spent: HashMap::new(),
            held_back: 0,
            skips_rehires: false,
            taken_addresses: HashSet::new(),
            batch: Batch::default(),
            tally: Tally::default(),
            set,
        })
    }

    /// Ends the step. Returns what is to be written, or the keys of rows that were needed and not loaded.
    pub(in crate::mirror) fn finish(mut self) -> Decided {
        if !self.missing.is_empty() {
            return Decided::Needs(Box::new(self.missing));
        }
        let Changed { order, mut before } = self.changed_users;
        for id in order {
            let Some(mut row) = self.set.users.remove(&id) else { continue };
            // Also of rows whose personal fields this step did not change: fewer fields may be listed now than when the row was written.
            self.fields.limit(&mut row.user);
            if !self.fields.has_email() {
                row.rehire_key = None;
            }
            let was = before.remove(&id).unwrap_or_default();
            let lacking = |ids: &[String], others: &[String]| -> Vec<String> {
                ids.iter().filter(|id| others.binary_search(id).is_err()).cloned().collect()
            };
            let (joined, left) = (lacking(&row.told_groups, &was), lacking(&was, &row.told_groups));
            self.batch.users.push(UserWrite { row: row.with_rehire_key(), joined, left });
        }
        for id in self.changed_groups.order {
            self.batch.groups.extend(self.set.groups.remove(&id));
        }
        for id in self.changed_directories {
            self.batch.directories.extend(self.set.directories.remove(&id));
        }
        let holds = self.set.holds.into_values().flatten();
        self.batch.holds.extend(holds.filter(|row| self.changed_holds.contains(&row.number)));
        Decided::Ready { batch: Box::new(self.batch), tally: self.tally }
    }

    // ---- the working set: each of these functions notes a row that was not loaded, so that the step is repeated with it ----

    /// A user's row, or a tombstone.
    pub(in crate::mirror) fn user(&mut self, id: &str) -> Option<&UserRow> {
        let row = self.set.users.get(id);
        if row.is_none() && !self.set.keys.users.contains(id) {
            self.missing.users.insert(id.to_owned());
        }
        row
    }

    /// Takes a user's row, or a tombstone, out of the working set, to put another one there.
    fn take_user_row(&mut self, id: &str) -> Option<UserRow> {
        let row = self.set.users.remove(id);
        if row.is_none() && !self.set.keys.users.contains(id) {
            self.missing.users.insert(id.to_owned());
        }
        row
    }

    /// A group's row, or a tombstone.
    pub(in crate::mirror) fn group(&mut self, id: &str) -> Option<&GroupRow> {
        let row = self.set.groups.get(id);
        if row.is_none() && !self.set.keys.groups.contains(id) {
            let users = &self.set.users;
            // A store loads the `told_groups` of each loaded user as well, so one of these that is not loaded does not exist.
            let user_groups = self
                .user_groups
                .get_or_insert_with(|| users.values().flat_map(|row| row.told_groups.clone()).collect());
            if !user_groups.contains(id) {
                self.missing.groups.insert(id.to_owned());
            }
        }
        row
    }

    /// A directory's row.
    pub(in crate::mirror) fn directory(&mut self, id: &str) -> Option<&DirectoryRow> {
        if !self.set.directories.contains_key(id) && !self.set.keys.directories.contains(id) {
            self.missing.directories.insert(id.to_owned());
        }
        self.set.directories.get(id)
    }

    /// An organization's row.
    pub(super) fn organization(&mut self, id: &str) -> Option<&OrganizationRow> {
        self.need_organization(id);
        self.set.organizations.get(id)
    }

    /// The directories of an organization, in the order of their ids.
    pub(in crate::mirror) fn directories_of(&mut self, organization_id: &str) -> Vec<DirectoryRow> {
        self.need_organization(organization_id);
        let rows = self.set.directories.values();
        rows.filter(|row| row.directory.organization_id == organization_id).cloned().collect()
    }

    fn need_organization(&mut self, id: &str) {
        if !self.set.keys.organizations.contains(id) {
            self.missing.organizations.insert(id.to_owned());
        }
    }

    /// The role map's stored form, or `None` if it was never set.
    pub(in crate::mirror) fn role_map(&self) -> Option<&str> {
        self.set.role_map.as_deref()
    }

    /// The settings that apply.
    pub(in crate::mirror) fn settings(&self) -> &MirrorSettings {
        &self.settings
    }

    /// The mirror's id, or `None` if it has not been stored yet.
    pub(in crate::mirror) fn stored_mirror_id(&self) -> Option<&str> {
        self.set.mirror_id.as_deref()
    }

    /// The settings as they were set.
    pub(in crate::mirror) fn stored_settings(&self) -> &MirrorOptions {
        &self.set.settings
    }

    /// Stores settings. If they have fewer personal fields of users than the stored ones, a chore deletes the others from the rows of all users.
    pub(in crate::mirror) fn put_settings(&mut self, settings: MirrorOptions) {
        if settings == self.set.settings {
            return;
        }
        if !settings.user_fields().includes(self.fields) {
            self.batch.chores.push(Chore { cause: FIELDS_CAUSE.to_owned(), ..Chore::default() });
        }
        self.batch.settings = Some(settings);
    }

    /// Number and size of the pending events of an organization.
    pub(super) fn pending(&mut self, organization_id: &str) -> PendingEvents {
        self.need_organization(organization_id);
        self.set.pending.get(organization_id).copied().unwrap_or_default()
    }

    /// Whether rows were needed that are not loaded.
    pub(super) fn lacks_rows(&self) -> bool {
        !self.missing.is_empty()
    }

    /// The environment that the mirror belongs to.
    pub(in crate::mirror) fn environment(&self) -> &EnvironmentRow {
        &self.set.environment
    }

    /// The retirements of directories.
    pub(super) fn retirements(&mut self) -> &[Retirement] {
        self.missing.retirements |= !self.set.keys.retirements;
        &self.set.retirements
    }

    /// Whether any user was ever erased.
    pub(super) fn has_erasures(&self) -> bool {
        self.set.environment.erasure_key.is_some()
    }

    /// Returns whether the application has erased the user with this id.
    pub(super) fn is_erased(&mut self, user_id: &str) -> bool {
        let mark = self.set.environment.erasure_key.as_ref().map(|key| key.mark_of_user(user_id));
        mark.is_some_and(|mark| self.erasure(&mark).is_some())
    }

    /// The erasure with this mark.
    pub(super) fn erasure(&mut self, mark: &str) -> Option<&ErasureRow> {
        if !self.set.keys.erasures.contains(mark) {
            self.missing.erasures.insert(mark.to_owned());
        }
        self.set.erasures.get(mark)
    }

    /// The time of the step, by this machine's clock.
    pub(in crate::mirror) fn now(&self) -> Timestamp {
        self.now
    }

    /// The row of a received event, or `None` if there is none.
    pub(in crate::mirror) fn event(&mut self, id: &str) -> Option<&EventRow> {
        if !self.set.keys.events.contains(id) {
            self.missing.events.insert(id.to_owned());
        }
        self.set.events.get(id)
    }

    /// Returns whether a live user of an organization had this address before the step, as
    /// [`find_users`](crate::Mirror::find_users) compares addresses.
    pub(super) fn has_address(&mut self, organization_id: &str, email: &str) -> bool {
        let key = (organization_id.to_owned(), email_key(email));
        self.address_user(&key).is_some_and(|user| user.is_live)
    }

    /// Returns the user of an organization who has or had an address before the step.
    pub(super) fn address_user(&mut self, key: &(String, String)) -> Option<&AddressUser> {
        if !self.set.keys.addresses.contains(key) {
            self.missing.addresses.insert(key.clone());
        }
        self.set.addresses.get(key)
    }

    /// Returns a user's row, or a tombstone, if it was changed in this step.
    pub(super) fn changed_user(&self, id: &str) -> Option<&UserRow> {
        self.set.users.get(id).filter(|_| self.changed_users.before.contains_key(id))
    }

    /// Returns a directory's counts, as stored before the step.
    pub(super) fn counts(&mut self, directory_id: &str, key: CountsKey) -> Counts {
        if self.set.keys.counts.get(directory_id) != Some(&key) {
            self.missing.counts.insert(directory_id.to_owned(), key);
        }
        self.set.counts.get(directory_id).copied().unwrap_or_default()
    }

    /// Returns the number of users of a directory who lost access in this step, and whom its counts do not contain.
    pub(super) fn spent(&self, directory_id: &str) -> u64 {
        self.spent.get(directory_id).copied().unwrap_or(0)
    }

    /// Returns the guard, or `None` if the application asked for the step's losses of access.
    pub(super) fn guard(&self) -> Option<GuardSettings> {
        self.guarded.then_some(self.settings.guard)
    }

    /// Returns how many users' loss of access this step held back.
    pub(super) fn held_back(&self) -> u64 {
        self.held_back
    }

    /// Returns the holds of a directory, including those that are no longer open.
    pub(in crate::mirror) fn holds(&mut self, directory_id: &str) -> &[HoldRow] {
        if !self.set.keys.holds.contains(directory_id) {
            self.missing.holds.insert(directory_id.to_owned());
        }
        self.set.holds.get(directory_id).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the batch, for what is written besides users, groups, directories and their changes.
    pub(in crate::mirror) fn batch(&mut self) -> &mut Batch {
        &mut self.batch
    }

    /// Returns whether the step started or continued a chore that is not complete.
    pub(in crate::mirror) fn left_chores(&self) -> bool {
        !self.batch.chores.is_empty()
    }

    // ---- users ----

    /// Replaces the content of a user's row, or of a tombstone, or inserts a row. If the guard holds a loss of access, the user keeps that access.
    pub(super) fn put_user(&mut self, new: NewUser) {
        let NewUser { user, active, is_present, told_groups, listed, version, touched_at } = new;
        let told_groups = super::sorted(told_groups.into_iter());
        let (group_ids, roles) = self.derive(&told_groups, &user.organization_id);
        let id = user.id.clone();
        let known = self.take_user_row(&id);
        let was_live = known.as_ref().is_some_and(UserRow::is_live);
        let is_known = known.is_some();
        let mut row = known.unwrap_or_default();
        // The application sets the linked id and the protection, but not for a user of another organization. A tombstone keeps the linked id for the
        // user's return.
        let is_own = owns(&user.organization_id, &row.user.organization_id);
        let linked_id = row.user.linked_id.clone().filter(|_| is_own);
        let protection = row.user.protection.clone().filter(|_| is_own);
        // A user who has left returns if the content shows that they exist. Otherwise they stay deactivated.
        let left = row.leaving.take();
        let stays_away = left.is_some() && !is_present;
        let was_active = active.unwrap_or_else(|| match &left {
            Some(leaving) => leaving.was_active,
            None => !was_live || row.said_active(),
        });
        let active = was_active && !stays_away;
        let deletes_at = row.user.deletes_at.filter(|_| stays_away);
        let mut after = MirrorUser { active, group_ids, roles, linked_id, protection, deletes_at, ..user };
        self.fields.limit(&mut after);
        row.leaving = left.clone().filter(|_| stays_away).map(|leaving| Leaving { was_active, ..leaving });
        let trail = Trail { version, touched_at, revision: row.trail.revision, deleted_at: None };
        let before = was_live.then(|| row.user.clone());
        let held = row.held.clone();
        if let Some(before) = &before {
            self.withhold(&mut row, before, &mut after, is_present);
        }
        if before.as_ref() == Some(&after)
            && row.told_groups == told_groups
            && row.listed == listed
            && row.trail == trail
            && row.held == held
            && row.leaving == left
        {
            self.set.users.insert(id, row);
            return;
        }
        self.note_user(&id, &row);
        // A user who returns has a row, and is the same person.
        let rehire = if is_known { None } else { self.rehire_of(&after) };
        self.take_address(before.as_ref(), &after);
        self.append_user_entry(before.as_ref(), Some(&after), rehire);
        if before.is_none_or(|before| before.directory_id != after.directory_id) {
            row.added_at = Some(self.now);
        }
        row.user = after;
        row.told_groups = told_groups;
        row.listed = listed;
        row.trail = Trail { revision: self.set.revision, ..trail };
        self.set.users.insert(id, row);
    }

    /// Stores which groups a user had before the first change of the row in this step.
    pub(super) fn note_user(&mut self, id: &str, row: &UserRow) {
        self.changed_users.note(id, || row.told_groups.clone());
    }

    /// Removes a user at once and leaves a tombstone, also for a user without a row: the tombstone's version makes older messages that arrive later stale.
    /// `user` has the user's id and, for a user without a row, the organization. The guard does not limit this removal.
    pub(super) fn remove_user(&mut self, user: MirrorUser, version: Version, touched_at: Option<Timestamp>) {
        let id = user.id.clone();
        let mut row = self.take_user_row(&id).unwrap_or(UserRow { user, ..UserRow::default() });
        // A user without a row had no access. `row` is then a new one, which is live, but has the number 0 and was not changed earlier in this
        // step.
        if row.is_live() && (row.number != 0 || self.changed_users.before.contains_key(&id)) {
            let before = row.user.clone();
            self.append_user(Some(&before), None);
            self.lose(&mut row, &before, true);
        }
        // A tombstone keeps only the ids, which are needed if the user returns, and a hash of the address, by which a new user is found to be possibly the
        // same person.
        row.rehire_key = rehire_key(&row.user.organization_id, &row.user.email).or(row.rehire_key);
        let MirrorUser { organization_id, directory_id, linked_id, .. } = &row.user;
        let user = erased_user(&id, organization_id, directory_id, linked_id.clone());
        self.leave_tombstone(row, user, version, touched_at);
    }

    /// Removes a live user whom the application erases. The change has the ids alone. The guard does not limit this removal.
    pub(super) fn erase_live_user(&mut self, id: &str, version: Version) {
        let Some(mut row) = self.take_user_row(id) else { return };
        let before = row.user.clone();
        let MirrorUser { organization_id, directory_id, linked_id, .. } = &before;
        let body = erased_body(erased_user(id, organization_id, directory_id, linked_id.clone()), 1);
        self.append(body, organization_id, directory_id);
        self.lose(&mut row, &before, true);
        row.rehire_key = None;
        self.leave_tombstone(row, erased_user(id, organization_id, directory_id, None), version, None);
    }

    /// Replaces the row of a user by a tombstone, which has `user`.
    fn leave_tombstone(&mut self, mut row: UserRow, user: MirrorUser, version: Version, touched_at: Option<Timestamp>) {
        let id = user.id.clone();
        self.note_user(&id, &row);
        row.user = user;
        row.told_groups = Vec::new();
        row.listed = false;
        row.added_at = None;
        row.held = None;
        row.leaving = None;
        row.trail = Trail { version, touched_at, revision: self.set.revision, deleted_at: Some(self.now) };
        self.set.users.insert(id, row);
    }

    /// Changes fields of a user that the application sets, without a change in the feed. Returns whether the user is mirrored, and was not removed.
    pub(in crate::mirror) fn set_own_fields(&mut self, id: &str, set: impl FnOnce(&mut MirrorUser)) -> bool {
        if !self.user(id).is_some_and(UserRow::is_live) {
            return false;
        }
        let Some(row) = self.set.users.get_mut(id) else { return false };
        self.changed_users.note(id, || row.told_groups.clone());
        set(&mut row.user);
        true
    }

    /// Returns which of a user's `told_groups` exist in the user's organization, and the roles that they give.
    pub(super) fn derive(&mut self, told_groups: &[String], organization_id: &str) -> (Vec<String>, Vec<String>) {
        let mut group_ids = Vec::with_capacity(told_groups.len());
        for id in told_groups {
            if self.group(id).is_some_and(|row| row.is_live() && owns(organization_id, &row.group.organization_id)) {
                group_ids.push(id.clone());
            }
        }
        if self.roles.is_empty() {
            return (group_ids, Vec::new());
        }
        let groups = &self.set.groups;
        let named = group_ids.iter().filter_map(|id| Some((id.as_str(), groups.get(id)?.group.display_name.as_str())));
        let roles = self.roles.roles(organization_id, named);
        (group_ids, roles)
    }

    // ---- groups ----

    /// Replaces a group's content, or removes the group. Derives its members' groups and roles again if they may have changed.
    pub(super) fn put_group(&mut self, new: NewGroup) {
        let NewGroup { group, exists, version, touched_at } = new;
        let id = group.id.clone();
        let known = self.group(&id).cloned();
        let is_known = known.is_some();
        let mut row = known.unwrap_or_default();
        let returns = is_known && exists && !row.is_live();
        // A group that returns before its deletion was appended to the feed still exists for consumers, so its return is no creation.
        let is_in_feed = is_known && (row.is_live() || returns && row.leaving);
        let before = is_in_feed.then(|| row.group.clone());
        let trail = Trail {
            version,
            touched_at,
            revision: row.trail.revision,
            deleted_at: if exists { None } else { row.trail.deleted_at.or(Some(self.now)) },
        };
        // A tombstone keeps the group's content, because membership changes of its members contain the group.
        let content = if exists || !is_known { group } else { row.group.clone() };
        if is_known && row.group == content && row.trail == trail {
            return;
        }
        row.group = content;
        row.trail = Trail { revision: self.set.revision, ..trail };
        row.leaving &= !exists;
        let after = row.is_live().then(|| row.group.clone());
        self.changed_groups.note(&id, || ());
        self.set.groups.insert(id.clone(), row);
        let change = diff::group(before.as_ref(), after.as_ref());
        let is_changed = change.is_some();
        // Changes of the members follow a new name or a return of their group, and precede its deletion.
        if after.is_some() {
            if let Some(change) = change {
                self.append_group(change, before.as_ref(), after.as_ref());
            }
            // Roles depend on a group's name, memberships only on whether it exists.
            if returns || is_known && is_changed && !self.roles.is_empty() {
                self.revisit(&id, false);
            }
        } else if let Some(change) = change {
            if self.revisit(&id, true) {
                self.append_group(change, before.as_ref(), None);
            } else if let Some(row) = self.set.groups.get_mut(&id) {
                row.leaving = true;
            }
        }
    }

    /// Derives the groups and roles of a group's members again: of the first page now, of the others in a chore. Returns whether these were all
    /// members. `deletes` is whether the chore has to append the group's deletion.
    fn revisit(&mut self, group_id: &str, deletes: bool) -> bool {
        let group_id = group_id.to_owned();
        let chore = Chore { group_id, deletes, cause: self.cause.clone(), ..Chore::default() };
        let next = self.revisit_page(&chore);
        self.batch.chores.extend(next.map(|position| Chore { position, ..chore }));
        next.is_none()
    }

    /// Processes the next page of the oldest chore. Returns false if there is no chore.
    pub(in crate::mirror) fn continue_chore(&mut self) -> bool {
        let Some(chore) = self.set.chore.take() else { return false };
        self.cause.clone_from(&chore.cause);
        if chore.cause == ROLES_CAUSE {
            // The application asked for the new role map, so the guard does not limit it.
            self.guarded = false;
        }
        match self.revisit_page(&chore) {
            Some(position) => self.batch.chores.push(Chore { position, ..chore }),
            None => {
                if chore.deletes {
                    self.append_deletion(&chore.group_id);
                }
                self.batch.done_chores.insert(chore.number);
            }
        }
        true
    }

    /// Appends the deletion of a group whose members have all been removed, unless the group has returned meanwhile.
    fn append_deletion(&mut self, group_id: &str) {
        let Some(mut row) = self.group(group_id).filter(|row| row.leaving).cloned() else { return };
        let group = row.group.clone();
        row.leaving = false;
        row.trail.revision = self.set.revision;
        self.changed_groups.note(group_id, || ());
        self.set.groups.insert(group_id.to_owned(), row);
        self.append_group(diff::change(ChangeKind::GroupDeleted, Vec::new()), Some(&group), None);
    }

    /// Derives the groups and roles of the next page of a chore's users. Returns the row number of the page's last user if there may be more users.
    fn revisit_page(&mut self, chore: &Chore) -> Option<i64> {
        let key: MembersKey = chore.members(PAGE);
        let Some(ids) = self.set.members.get(&key).cloned() else {
            self.missing.members.insert(key);
            return None;
        };
        let next = ids.last().and_then(|id| self.set.users.get(id)).map(|row| row.number);
        let next = next.filter(|_| ids.len() == PAGE);
        for id in ids {
            let Some(row) = self.set.users.get(&id).filter(|row| row.is_live()) else { continue };
            let (told_groups, organization_id) = (row.told_groups.clone(), row.user.organization_id.clone());
            let (group_ids, roles) = self.derive(&told_groups, &organization_id);
            let Some(mut row) = self.set.users.remove(&id) else { continue };
            let (before, held) = (row.user.clone(), row.held.clone());
            let mut after = MirrorUser { group_ids, roles, active: row.said_active(), ..before.clone() };
            self.withhold(&mut row, &before, &mut after, false);
            let is_limited = self.limited(&before).as_ref() == &before;
            if before != after || row.held != held || !is_limited {
                self.append_user(Some(&before), Some(&after));
                self.changed_users.note(&id, || told_groups);
                row.user = after;
            }
            self.set.users.insert(id, row);
        }
        next
    }

    // ---- directories ----

    /// Replaces a directory's row.
    pub(in crate::mirror) fn put_directory(&mut self, row: DirectoryRow) {
        let id = row.directory.id.clone();
        self.changed_directories.insert(id.clone());
        self.set.directories.insert(id, row);
    }

    // ---- the feed ----

    pub(super) fn append_user(&mut self, before: Option<&MirrorUser>, after: Option<&MirrorUser>) {
        self.append_user_entry(before, after, None);
    }

    fn append_user_entry(&mut self, before: Option<&MirrorUser>, after: Option<&MirrorUser>, rehire: Option<Rehire>) {
        let (before, after) = (before.map(|user| self.limited(user)), after.map(|user| self.limited(user)));
        let (before, after) = (before.as_deref(), after.as_deref());
        let changes = diff::user(before, after);
        let Some(user) = after.or(before).filter(|_| !changes.is_empty()) else { return };
        let ids: BTreeSet<&String> = changes.iter().filter_map(|change| change.group_id.as_ref()).collect();
        let groups = ids.into_iter().filter_map(|id| Some(self.set.groups.get(id)?.group.clone())).collect();
        let mirrored = |user: &MirrorUser| Mirrored::User(Box::new(user.clone()));
        // Changes of memberships and roles alone are stored without the rest of the user.
        let is_brief = changes.iter().all(|change| {
            matches!(
                change.kind,
                ChangeKind::MembershipAdded | ChangeKind::MembershipRemoved | ChangeKind::RolesChanged
            )
        });
        let body = if is_brief {
            let roles = before.map(|user| user.roles.clone());
            EntryBody { after: Some(mirrored(&brief(user))), roles, groups, changes, ..EntryBody::default() }
        } else {
            EntryBody {
                before: before.map(mirrored),
                after: after.map(mirrored),
                groups,
                changes,
                rehire,
                ..EntryBody::default()
            }
        };
        self.append(body, &user.organization_id, &user.directory_id);
    }

    /// Returns a user without the fields that are not stored. A row that was written before they were left out may still have them.
    fn limited<'u>(&self, user: &'u MirrorUser) -> Cow<'u, MirrorUser> {
        let mut user = Cow::Borrowed(user);
        if !self.fields.is_all() {
            self.fields.limit(user.to_mut());
        }
        user
    }

    fn append_group(&mut self, change: Delta, before: Option<&MirrorGroup>, after: Option<&MirrorGroup>) {
        let Some(group) = after.or(before) else { return };
        let mirrored = |group: Option<&MirrorGroup>| group.cloned().map(Mirrored::Group);
        let body = EntryBody {
            before: mirrored(before),
            after: mirrored(after),
            changes: vec![change],
            ..EntryBody::default()
        };
        let (organization_id, directory_id) = (group.organization_id.clone(), group.directory_id.clone());
        self.append(body, &organization_id, &directory_id);
    }

    /// Appends a change of a directory.
    pub(super) fn append_directory(&mut self, kind: ChangeKind, row: &DirectoryRow) {
        let body = EntryBody { changes: vec![diff::change(kind, Vec::new())], ..EntryBody::default() };
        self.append(body, &row.directory.organization_id, &row.directory.id);
    }

    /// Appends a change of an organization.
    pub(super) fn append_organization(&mut self, kind: ChangeKind, organization_id: &str) {
        let body = EntryBody { changes: vec![diff::change(kind, Vec::new())], ..EntryBody::default() };
        self.append(body, organization_id, "");
    }

    fn append(&mut self, body: EntryBody, organization_id: &str, directory_id: &str) {
        for change in &body.changes {
            *self.tally.0.entry(change.kind.name()).or_default() += 1;
        }
        let position = self.position(&body);
        let entry = NewEntry {
            organization_id: organization_id.to_owned(),
            directory_id: directory_id.to_owned(),
            cause: self.cause.clone(),
            at: self.now,
            body,
        };
        self.batch.entries.insert(position, entry);
    }

    /// Returns the position of a new entry: the end, or for the removal of a user, or the deactivation of a leaver, the position before the step's first
    /// creation of a user. A person whom the vendor deleted and created again has a new id and the same address. An application that identifies its accounts by address
    /// would otherwise delete the new account. A removal does not move before an entry of the same user or of one of their groups.
    fn position(&self, body: &EntryBody) -> usize {
        let entries = &self.batch.entries;
        let first_kind = |body: &EntryBody| body.changes.first().map(|change| change.kind);
        let removed = match (&body.before, &body.after) {
            (Some(Mirrored::User(user)), None) => user,
            (Some(Mirrored::User(user)), Some(Mirrored::User(after)))
                if user.deletes_at.is_none() && after.deletes_at.is_some() =>
            {
                user
            }
            _ => return entries.len(),
        };
        let is_creation = |entry: &NewEntry| first_kind(&entry.body) == Some(ChangeKind::UserCreated);
        let Some(creation) = entries.iter().position(is_creation) else { return entries.len() };
        let concerns = |entry: &NewEntry| match entry.body.after.as_ref().or(entry.body.before.as_ref()) {
            Some(Mirrored::User(user)) => user.id == removed.id,
            Some(Mirrored::Group(group)) => removed.group_ids.binary_search(&group.id).is_ok(),
            None => false,
        };
        if entries[creation..].iter().any(concerns) { entries.len() } else { creation }
    }
}
