//! The rows and feed entries that one write stores or deletes.

use super::{
    Approval, DirectoryRow, EnvironmentRow, ErasureRow, EventRow, GroupRow, HoldRow, LossRow, MirrorOptions, NewEntry,
    OrganizationRow, Retirement, RunRow, UserRow,
};
use std::collections::BTreeSet;

/// Everything that one write changes. A store commits all of it or none of it.
///
/// A batch does not have the same row twice, except for losses: of several losses of a user at the same time, the last one is stored.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Organizations to insert or replace.
    pub organizations: Vec<OrganizationRow>,
    /// Directories to insert or replace.
    pub directories: Vec<DirectoryRow>,
    /// Groups to insert or replace.
    pub groups: Vec<GroupRow>,
    /// Users to insert or replace.
    pub users: Vec<UserWrite>,
    /// Entries to append to the feed, in this order.
    pub entries: Vec<NewEntry>,
    /// Events to insert or replace.
    pub events: Vec<EventRow>,
    /// Losses of access to insert or replace. The guard counts those that were not approved.
    pub losses: Vec<LossRow>,
    /// Holds to insert or replace.
    pub holds: Vec<HoldRow>,
    /// Numbers of the holds to delete. They name no users any more.
    pub ended_holds: BTreeSet<i64>,
    /// Decisions about holds to insert. One whose id is stored already is ignored.
    pub approvals: Vec<Approval>,
    /// The role map to store, or `None` to leave it as it is.
    pub role_map: Option<String>,
    /// The settings to store, or `None` to leave them as they are.
    pub settings: Option<MirrorOptions>,
    /// The environment to store, or `None` to leave it as it is.
    pub environment: Option<EnvironmentRow>,
    /// The mirror's id to store, or `None` to leave it as it is.
    pub mirror_id: Option<String>,
    /// Retirements of directories to insert or replace, in this order.
    pub retirements: Vec<Retirement>,
    /// Chores to insert (number 0) or to replace.
    pub chores: Vec<Chore>,
    /// Numbers of the chores to delete.
    pub done_chores: BTreeSet<i64>,
    /// Syncs to insert or replace.
    pub runs: Vec<RunRow>,
    /// Erasures to insert. For a mark that is stored already, only [`ErasureRow::user_id`] and [`ErasureRow::organization_id`] are replaced.
    pub erasures: Vec<ErasureRow>,
    /// Marks of the erasures to delete: of organizations that are synced again.
    pub ended_erasures: BTreeSet<String>,
}

/// A user to insert (row number 0) or to replace.
#[derive(Clone, Debug, Default)]
pub struct UserWrite {
    /// The row.
    pub row: UserRow,
    /// Ids of the groups in `row.told_groups` that the stored row does not have.
    pub joined: Vec<String>,
    /// Ids of the groups that the stored row has and `row.told_groups` does not.
    pub left: Vec<String>,
}

/// Work that takes more than one write, and continues after a crash: users whose groups or roles have to be derived again. Chores are done in
/// the order of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chore {
    /// The chore's number; 0 before it is written.
    pub number: i64,
    /// Id of the group whose members are derived again, or empty for all users.
    pub group_id: String,
    /// Row number of the last user whose groups and roles were derived, or 0 if there is none.
    pub position: i64,
    /// Whether the group was deleted. If so, its deletion is appended to the feed when the chore is complete.
    pub deletes: bool,
    /// The cause of the changes that result.
    pub cause: String,
}

impl Batch {
    /// Returns whether the batch has neither rows nor entries.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
            && self.groups.is_empty()
            && self.events.is_empty()
            && self.entries.is_empty()
            && !self.has_other_rows()
    }

    /// Returns whether the batch writes or deletes something other than users, groups, events and entries of the feed.
    pub fn has_other_rows(&self) -> bool {
        let Batch {
            organizations,
            directories,
            groups: _,
            users: _,
            entries: _,
            events: _,
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
        } = self;
        !(organizations.is_empty()
            && directories.is_empty()
            && losses.is_empty()
            && holds.is_empty()
            && ended_holds.is_empty()
            && approvals.is_empty()
            && role_map.is_none()
            && settings.is_none()
            && environment.is_none()
            && mirror_id.is_none()
            && retirements.is_empty()
            && chores.is_empty()
            && done_chores.is_empty()
            && runs.is_empty()
            && erasures.is_empty()
            && ended_erasures.is_empty())
    }

    /// Adds the rows and entries of a batch that was decided after this one. Its role map, settings, environment and mirror id, if it has them, replace
    /// those of this one.
    pub fn extend(&mut self, later: Batch) {
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
        } = later;
        self.organizations.extend(organizations);
        self.directories.extend(directories);
        self.groups.extend(groups);
        self.users.extend(users);
        self.entries.extend(entries);
        self.events.extend(events);
        self.losses.extend(losses);
        self.holds.extend(holds);
        self.ended_holds.extend(ended_holds);
        self.approvals.extend(approvals);
        self.role_map = role_map.or(self.role_map.take());
        self.settings = settings.or(self.settings.take());
        self.environment = environment.or(self.environment.take());
        self.mirror_id = mirror_id.or(self.mirror_id.take());
        self.retirements.extend(retirements);
        self.chores.extend(chores);
        self.done_chores.extend(done_chores);
        self.runs.extend(runs);
        self.erasures.extend(erasures);
        self.ended_erasures.extend(ended_erasures);
    }
}
