//! One step inside a transaction: rows are written together with the changes that tell of them.
//!
//! Everything that changes a user or a group comes through here, whether a listing or an event said so: what the vendor told is kept, what
//! follows from it (groups that are there, roles) is worked out, and [`diff`](super::diff) says what that changed.

use super::diff;
use super::roles::RoleMap;
use crate::record::{ChangeBody, ChangeKind, GroupRow, MirrorGroup, MirrorUser, Trail, UserRow, Version};
use crate::store::{Chore, NewChange, Transaction, UserFilter};
use crate::{Error, Result, Timestamp};
use std::collections::HashMap;

/// How many members of a group, or users in all, one transaction looks at again.
const CHUNK: usize = 500;

/// A step under way.
pub(super) struct Step<'a> {
    pub(super) tx: &'a mut dyn Transaction,
    pub(super) now: Timestamp,
    cause: String,
    revision: Option<i64>,
    roles: RoleMap,
    /// The groups that were looked at, and those that are not there.
    groups: HashMap<String, Option<GroupRow>>,
    /// How many changes of each kind there were.
    pub(super) tally: Tally,
    /// Whether something is left that is too long for this transaction.
    pub(super) chores: bool,
}

/// How many changes of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally(HashMap<&'static str, u64>);

impl Tally {
    pub(super) fn of(&self, kind: ChangeKind) -> u64 {
        self.0.get(kind.name()).copied().unwrap_or(0)
    }

    pub(super) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    pub(super) fn add(&mut self, other: &Tally) {
        other.0.iter().for_each(|(kind, count)| *self.0.entry(kind).or_default() += count);
    }
}

/// What is to be written of a user: the content that was told, and how new it is.
pub(super) struct UserWord {
    /// Groups and roles in it do not count.
    pub(super) user: MirrorUser,
    pub(super) told_groups: Vec<String>,
    pub(super) listed: bool,
    pub(super) version: Version,
    pub(super) touched_at: Option<Timestamp>,
}

impl<'a> Step<'a> {
    pub(super) fn new(tx: &'a mut dyn Transaction, cause: &str, now: Timestamp) -> Result<Step<'a>> {
        let roles = RoleMap::load(tx)?;
        let (groups, tally) = (HashMap::new(), Tally::default());
        Ok(Step { tx, now, cause: cause.to_owned(), revision: None, roles, groups, tally, chores: false })
    }

    /// This step's number among the writes.
    pub(super) fn revision(&mut self) -> Result<i64> {
        if let Some(revision) = self.revision {
            return Ok(revision);
        }
        let revision = self.tx.revision()?;
        self.revision = Some(revision);
        Ok(revision)
    }

    /// Writes what was told of a user, who may be new or back from a tombstone; their row's number.
    pub(super) fn put_user(&mut self, row: Option<UserRow>, word: UserWord) -> Result<i64> {
        let mut row = row.unwrap_or_default();
        // The application's own id is not the vendor's to say, and outlives a leaver's return.
        let linked_id = row.user.linked_id.clone();
        let before = (row.number != 0 && row.is_live()).then(|| std::mem::take(&mut row.user));
        let mut told_groups = word.told_groups;
        told_groups.sort_unstable();
        told_groups.dedup();
        let (group_ids, roles) = self.follow(&told_groups)?;
        let after = MirrorUser { group_ids, roles, linked_id, ..word.user };
        let trail = Trail {
            version: word.version,
            touched_at: word.touched_at,
            revision: row.trail.revision,
            deleted_at: None,
        };
        let same = before.as_ref().is_some_and(|before| *before == after)
            && row.told_groups == told_groups
            && row.listed == word.listed
            && row.trail == trail;
        if same {
            return Ok(row.number);
        }
        self.tell_user(before.as_ref(), Some(&after))?;
        row.user = after;
        row.told_groups = told_groups;
        row.listed = word.listed;
        row.trail = Trail { revision: self.revision()?, ..trail };
        self.tx.put_user(&mut row)?;
        Ok(row.number)
    }

    /// Leaves a tombstone where a user was, or where one may be told of later.
    pub(super) fn remove_user(
        &mut self,
        row: Option<UserRow>,
        unknown: MirrorUser,
        version: Version,
        touched_at: Option<Timestamp>,
    ) -> Result<()> {
        let mut row = row.unwrap_or(UserRow { user: unknown, ..UserRow::default() });
        if row.number != 0 && row.is_live() {
            let before = row.user.clone();
            self.tell_user(Some(&before), None)?;
        }
        // What was known of somebody who left is not kept longer than needed to carry the application's id through a return.
        row.user = MirrorUser {
            id: row.user.id,
            organization_id: row.user.organization_id,
            directory_id: row.user.directory_id,
            linked_id: row.user.linked_id,
            ..MirrorUser::default()
        };
        row.told_groups = Vec::new();
        row.listed = false;
        row.trail = Trail { version, touched_at, revision: self.revision()?, deleted_at: Some(self.now) };
        self.tx.put_user(&mut row)
    }

    /// The groups of those told that are there, and the roles that they give.
    fn follow(&mut self, told: &[String]) -> Result<(Vec<String>, Vec<String>)> {
        let mut live = Vec::new();
        for id in told {
            if self.group(id)?.is_some_and(|row| row.is_live()) {
                live.push(id.clone());
            }
        }
        if self.roles.is_empty() {
            return Ok((live, Vec::new()));
        }
        let named = live
            .iter()
            .filter_map(|id| Some((id.as_str(), self.groups.get(id)?.as_ref()?.group.display_name.as_str())));
        let roles = self.roles.roles(named);
        Ok((live, roles))
    }

    /// One group, or its tombstone.
    pub(super) fn group(&mut self, id: &str) -> Result<Option<&GroupRow>> {
        if !self.groups.contains_key(id) {
            let row = self.tx.group(id)?;
            self.groups.insert(id.to_owned(), row);
        }
        Ok(self.groups.get(id).and_then(Option::as_ref))
    }

    /// Writes what was told of a group, or that it is gone, and looks at its members again where that matters to them.
    pub(super) fn put_group(
        &mut self,
        group: MirrorGroup,
        is_there: bool,
        version: Version,
        touched_at: Option<Timestamp>,
    ) -> Result<()> {
        let id = group.id.clone();
        let mut row = self.group(&id)?.cloned().unwrap_or_default();
        let before = row.is_live().then(|| row.group.clone()).filter(|_| row.number != 0);
        let known = row.number != 0;
        let trail = Trail {
            version,
            touched_at,
            revision: row.trail.revision,
            deleted_at: if is_there { None } else { row.trail.deleted_at.or(Some(self.now)) },
        };
        // A tombstone keeps what the group was called: changes of its members' tell of it.
        let content = if is_there || !known { group } else { row.group.clone() };
        if known && row.group == content && row.trail == trail {
            return Ok(());
        }
        row.group = content;
        row.trail = Trail { revision: self.revision()?, ..trail };
        self.tx.put_group(&mut row)?;
        let after = row.is_live().then(|| row.group.clone());
        self.groups.insert(id.clone(), Some(row));
        let walk = diff::group(before.as_ref(), after.as_ref());
        let place =
            after.as_ref().or(before.as_ref()).map(|group| (group.organization_id.clone(), group.directory_id.clone()));
        let Some(place) = place.filter(|_| !walk.is_empty()) else { return Ok(()) };
        // Members learn of a new name or a group's return behind it, and leave before a group that goes.
        if after.is_some() {
            self.tell(walk, &place)?;
            // A name matters to roles alone.
            return if known && (before.is_none() || !self.roles.is_empty()) { self.revisit(&id, 0) } else { Ok(()) };
        }
        self.revisit(&id, 0)?;
        self.tell(walk, &place)
    }

    /// Looks at the members of a group again, or at everybody where it is empty: those behind `position`, and leaves the rest to a chore.
    fn revisit(&mut self, group_id: &str, position: i64) -> Result<()> {
        if let Some(position) = self.revisit_some(group_id, position)? {
            let cause = self.cause.clone();
            self.tx.put_chore(&Chore { number: 0, group_id: group_id.to_owned(), position, cause })?;
            self.chores = true;
        }
        Ok(())
    }

    /// Goes on with a chore, and removes it where that was its end.
    pub(super) fn go_on(&mut self, chore: &Chore) -> Result<()> {
        match self.revisit_some(&chore.group_id, chore.position)? {
            Some(position) => self.tx.put_chore(&Chore { position, ..chore.clone() }),
            None => self.tx.drop_chore(chore.number),
        }
    }

    /// Where to go on, if there are more.
    fn revisit_some(&mut self, group_id: &str, position: i64) -> Result<Option<i64>> {
        let filter =
            UserFilter { group_id: Some(group_id.to_owned()).filter(|id| !id.is_empty()), ..UserFilter::default() };
        let rows = self.tx.users(&filter, position, CHUNK)?;
        let next = rows.last().map(|row| row.number).filter(|_| rows.len() == CHUNK);
        for mut row in rows {
            let (group_ids, roles) = self.follow(&row.told_groups)?;
            let after = MirrorUser { group_ids, roles, ..row.user.clone() };
            if after != row.user {
                self.tell_user(Some(&row.user), Some(&after))?;
                row.user = after;
                self.tx.put_user(&mut row)?;
            }
        }
        Ok(next)
    }

    fn tell_user(&mut self, before: Option<&MirrorUser>, after: Option<&MirrorUser>) -> Result<()> {
        let walk = diff::user(before, after);
        let Some(user) = after.or(before) else { return Ok(()) };
        self.tell(walk, &(user.organization_id.clone(), user.directory_id.clone()))
    }

    /// Puts changes at the end of the feed.
    pub(super) fn tell(&mut self, walk: Vec<diff::Delta>, place: &(String, String)) -> Result<()> {
        for delta in walk {
            let group = match &delta.group_id {
                Some(id) => {
                    let row =
                        self.group(id)?.ok_or_else(|| Error::internal("a membership of a group that never was"))?;
                    Some(row.group.clone())
                }
                None => None,
            };
            let fields = delta.fields.iter().map(|field| (*field).to_owned()).collect();
            let body = ChangeBody { user: delta.user, group, before: delta.before, after: delta.after, fields };
            self.append(delta.kind, place, body)?;
        }
        Ok(())
    }

    /// Puts one change at the end of the feed.
    pub(super) fn append(&mut self, kind: ChangeKind, place: &(String, String), body: ChangeBody) -> Result<()> {
        *self.tally.0.entry(kind.name()).or_default() += 1;
        let (organization_id, directory_id) = place.clone();
        let cause = self.cause.clone();
        self.tx.append(&NewChange { kind, organization_id, directory_id, body, cause, at: self.now })
    }
}
