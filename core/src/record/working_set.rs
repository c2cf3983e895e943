//! The rows that a decision reads, and the keys by which a store loads them.

use super::{
    AddressUser, Chore, DirectoryRow, EnvironmentRow, ErasureRow, EventRow, GroupRow, HoldRow, MirrorOptions,
    OrganizationRow, PendingEvents, Retirement, UserRow,
};
use crate::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Names the rows that a decision needs.
///
/// Stores load all of these rows as of one moment. With a user they always load the groups that the vendor named for the user
/// ([`UserRow::told_groups`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// Ids of organizations, whose rows, directories and counts of pending events are loaded.
    pub organizations: BTreeSet<String>,
    /// Ids of directories.
    pub directories: BTreeSet<String>,
    /// Ids of users, tombstones included.
    pub users: BTreeSet<String>,
    /// Ids of groups, tombstones included.
    pub groups: BTreeSet<String>,
    /// Ids of events.
    pub events: BTreeSet<String>,
    /// Addresses for which the decision needs the user of an organization who has or had them: pairs of the organization's id and the
    /// [key](super::email_key) of the address. Of several users, the store loads the first in this order: live users without a
    /// [`rehire_key`](UserRow::rehire_key), other live users, and tombstones in the descending order of the times of their removals; those of the same place in
    /// the descending order of their row numbers. All but the first kind are found by the [rehire key](super::rehire_key) of the pair.
    pub addresses: BTreeSet<(String, String)>,
    /// Pages of live users.
    pub members: BTreeSet<MembersKey>,
    /// Which users and losses of access are counted, by the id of the directory.
    pub counts: BTreeMap<String, CountsKey>,
    /// Ids of directories whose holds are needed.
    pub holds: BTreeSet<String>,
    /// Whether the retirements of directories are needed.
    pub retirements: bool,
    /// The greatest number of users to load with the oldest chore, or `None` if the chore is not needed.
    pub chore: Option<usize>,
    /// Marks of users and organizations, for which the decision needs to know whether they were [erased](ErasureRow).
    pub erasures: BTreeSet<String>,
}

/// A page of live users in the order of their row numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MembersKey {
    /// Id of the group whose members are in the page, or `None` for all users.
    pub group_id: Option<String>,
    /// Only users whose row number is greater than this are in the page.
    pub after: i64,
    /// The greatest number of users in the page.
    pub limit: usize,
}

/// The rows that a decision asked for, as of one moment.
///
/// A key that was asked for and has no row is absent from its map.
#[derive(Clone, Debug, Default)]
pub struct WorkingSet {
    /// The keys that were asked for.
    pub keys: Keys,
    /// The number of this write: greater than the numbers of all earlier writes. Rows that the decision changes get it as their revision.
    pub revision: i64,
    /// The present time by the clock of the store's server, which all machines share; `None` if the store has none, and the clock of this machine
    /// applies.
    pub now: Option<Timestamp>,
    /// The role map as it was set, or `None` if it never was.
    pub role_map: Option<String>,
    /// The mirror's settings as they were set.
    pub settings: MirrorOptions,
    /// The environment that the mirror belongs to.
    pub environment: EnvironmentRow,
    /// The mirror's id, or `None` if it has not been stored yet.
    pub mirror_id: Option<String>,
    /// Organizations by id.
    pub organizations: HashMap<String, OrganizationRow>,
    /// How many events are pending, for each organization in `keys.organizations` that has or had pending events.
    pub pending: HashMap<String, PendingEvents>,
    /// Directories by id.
    pub directories: BTreeMap<String, DirectoryRow>,
    /// Users by id, tombstones included.
    pub users: HashMap<String, UserRow>,
    /// Groups by id, tombstones included.
    pub groups: HashMap<String, GroupRow>,
    /// Events by id.
    pub events: HashMap<String, EventRow>,
    /// The users of the pairs in `keys.addresses` for which there is one.
    pub addresses: HashMap<(String, String), AddressUser>,
    /// The ids of the users of each page that was asked for; their rows are in `users`.
    pub members: HashMap<MembersKey, Vec<String>>,
    /// Counts by the id of the directory.
    pub counts: HashMap<String, Counts>,
    /// Holds by the id of the directory, in the order of their numbers.
    pub holds: HashMap<String, Vec<HoldRow>>,
    /// The retirements of directories in the order of their times; empty if the keys did not ask for them.
    pub retirements: Vec<Retirement>,
    /// The oldest chore, or `None` if there is none or it was not asked for.
    pub chore: Option<Chore>,
    /// Erasures by their mark.
    pub erasures: HashMap<String, ErasureRow>,
}

/// The times that limit which users and losses of a directory are counted, by this machine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountsKey {
    /// Start of the window: losses after this time are counted.
    pub since: Timestamp,
    /// Users who were in the directory at this time are counted: the window's start, or the end of the first full sync if that is later. The greatest
    /// time, which counts all live users, if there was no full sync.
    pub base: Timestamp,
}

/// Numbers of users of one directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Live users.
    pub users: u64,
    /// Users who were in the directory at [`CountsKey::base`]: live ones, and those who were removed since.
    pub base_users: u64,
    /// Users who lost access since [`CountsKey::since`] without approval.
    pub losses: u64,
}

impl Keys {
    /// Returns whether these keys ask for no rows.
    pub fn is_empty(&self) -> bool {
        *self == Keys::default()
    }

    /// Adds the keys of `other`.
    pub fn extend(&mut self, other: Keys) {
        let Keys {
            organizations,
            directories,
            users,
            groups,
            events,
            addresses,
            members,
            counts,
            holds,
            retirements,
            chore,
            erasures,
        } = other;
        self.organizations.extend(organizations);
        self.directories.extend(directories);
        self.users.extend(users);
        self.groups.extend(groups);
        self.events.extend(events);
        self.addresses.extend(addresses);
        self.members.extend(members);
        self.counts.extend(counts);
        self.holds.extend(holds);
        self.retirements |= retirements;
        self.chore = self.chore.max(chore);
        self.erasures.extend(erasures);
    }
}

impl Chore {
    /// Returns the key of the chore's next page of users, `limit` at most.
    pub fn members(&self, limit: usize) -> MembersKey {
        MembersKey { group_id: Some(self.group_id.clone()).filter(|id| !id.is_empty()), after: self.position, limit }
    }
}
