//! Organizations, directories, users and groups as they are stored.

use crate::error::Error;
use headcount::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A stored organization.
pub(crate) struct Organization {
    pub(crate) id: String,
    pub(crate) display_name: String,
    pub(crate) external_id: String,
    pub(crate) slug: String,
    pub(crate) logo_url: String,
    pub(crate) metadata: BTreeMap<String, String>,
    /// The features that were enabled or disabled through the API, by name.
    pub(crate) features: BTreeMap<String, bool>,
    pub(crate) create_time: Timestamp,
    pub(crate) update_time: Timestamp,
    /// Ids of its directories, oldest first.
    pub(crate) directories: Vec<String>,
}

/// An admin portal link that was not opened yet.
pub(crate) struct PortalLink {
    pub(crate) organization_id: String,
    pub(crate) expiry: Timestamp,
}

/// A stored directory with its users and groups.
///
/// Users and groups have increasing numbers in the order of their creation, so that a page of a listing is a range of numbers.
pub(crate) struct Directory {
    pub(crate) id: String,
    pub(crate) organization_id: String,
    pub(crate) provider: &'static str,
    pub(crate) enabled: bool,
    pub(crate) updated_at: Timestamp,
    pub(crate) users: BTreeMap<u64, User>,
    pub(crate) groups: BTreeMap<u64, Group>,
    /// Numbers of the members of each group, by the group's number. The same memberships as in [`User::groups`], indexed by group.
    pub(crate) members: HashMap<u64, BTreeSet<u64>>,
    last_number: u64,
}

/// A stored group.
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) display_name: String,
    pub(crate) external_id: String,
    pub(crate) updated_at: Timestamp,
}

/// A stored user.
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) given_name: String,
    pub(crate) family_name: String,
    pub(crate) preferred_username: String,
    pub(crate) title: String,
    /// Id of the same user at the directory's provider.
    pub(crate) dp_id: String,
    pub(crate) active: bool,
    /// Numbers of the groups that the user is a member of.
    pub(crate) groups: Vec<u64>,
    pub(crate) updated_at: Timestamp,
}

impl User {
    /// Returns the given name and the family name, separated by a space.
    pub(crate) fn full_name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name).trim().to_owned()
    }
}

impl Directory {
    /// Makes an enabled directory without users and groups.
    pub(crate) fn new(id: String, organization_id: String, provider: &'static str, now: Timestamp) -> Directory {
        Directory {
            id,
            organization_id,
            provider,
            enabled: true,
            updated_at: now,
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            members: HashMap::new(),
            last_number: 0,
        }
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Adds a group without members and returns its number.
    pub(crate) fn add_group(&mut self, group: Group) -> u64 {
        let number = self.next_number();
        self.groups.insert(number, group);
        number
    }

    /// Adds a user as a member of the groups in [`User::groups`] and returns the user's number.
    pub(crate) fn add_user(&mut self, user: User) -> u64 {
        let number = self.next_number();
        for group in &user.groups {
            self.members.entry(*group).or_default().insert(number);
        }
        self.users.insert(number, user);
        number
    }

    /// Replaces the groups of a user.
    pub(crate) fn set_groups(&mut self, user: u64, groups: Vec<u64>) {
        let Some(row) = self.users.get_mut(&user) else { return };
        for group in std::mem::replace(&mut row.groups, groups.clone()) {
            self.members.entry(group).or_default().remove(&user);
        }
        for group in groups {
            self.members.entry(group).or_default().insert(user);
        }
    }

    /// Removes a user and all of their memberships.
    pub(crate) fn remove_user(&mut self, number: u64) -> Option<User> {
        self.set_groups(number, Vec::new());
        self.users.remove(&number)
    }

    /// Removes a group and all memberships in it. Its members are not removed.
    pub(crate) fn remove_group(&mut self, number: u64) {
        for user in self.members.remove(&number).unwrap_or_default() {
            if let Some(user) = self.users.get_mut(&user) {
                user.groups.retain(|group| *group != number);
            }
        }
        self.groups.remove(&number);
    }

    /// Finds the number of a user by id.
    pub(crate) fn user_number(&self, id: &str) -> Option<u64> {
        self.users.iter().find(|(_, user)| user.id == id).map(|(number, _)| *number)
    }

    /// Finds the number of a group by id, or by display name if no group has this id.
    pub(crate) fn group_number(&self, id_or_name: &str) -> Option<u64> {
        let find = |matches: &dyn Fn(&Group) -> bool| {
            self.groups.iter().find(|(_, group)| matches(group)).map(|(number, _)| *number)
        };
        find(&|group| group.id == id_or_name).or_else(|| find(&|group| group.display_name == id_or_name))
    }

    /// Finds the numbers of several groups, each once.
    ///
    /// # Errors
    ///
    /// 400 for the first id or name that is not a group of this directory.
    pub(crate) fn group_numbers(&self, ids_or_names: &[String]) -> Result<Vec<u64>, Error> {
        let mut numbers = Vec::new();
        for name in ids_or_names {
            let number =
                self.group_number(name).ok_or_else(|| Error::invalid(format!("groups: there is no group {name:?}")))?;
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        Ok(numbers)
    }
}
