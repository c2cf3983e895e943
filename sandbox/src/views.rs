//! What a running environment has, as the control API lists it and a page of the sandbox shows it.

use crate::environment::Environment;
use crate::error::Error;
use crate::fault::Fault;
use crate::outbox::Delivery;
use crate::state::{Directory, Group, State, User};
use headcount::Timestamp;
use headcount::internal::debug_without_personal_data;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DirectoryView {
    /// Id of the directory.
    pub id: String,
    /// Id of its organization.
    pub organization_id: String,
    /// Display name of its organization.
    pub organization_name: String,
    /// The vendor's name of the provider, such as `OKTA`.
    pub provider: &'static str,
    /// Whether the directory is enabled.
    pub enabled: bool,
    /// Number of users.
    pub users: usize,
    /// Number of groups.
    pub groups: usize,
}

/// A user.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct UserView {
    /// Id of the user.
    pub id: String,
    /// Id of the user's directory.
    pub directory_id: String,
    /// Primary email address.
    pub email: String,
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// Name that the user signs in with.
    pub preferred_username: String,
    /// Job title; empty if there is none.
    pub title: String,
    /// Whether the user may sign in.
    pub active: bool,
    /// The user's groups.
    pub groups: Vec<GroupView>,
    /// Time of the last change, by the sandbox's clock.
    pub updated_at: Timestamp,
}

debug_without_personal_data!(UserView { id, directory_id, active, updated_at });

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupView {
    /// Id of the group.
    pub id: String,
    /// Id of the group's directory.
    pub directory_id: String,
    /// Display name.
    pub display_name: String,
    /// Number of members.
    pub members: usize,
    /// Time of the last change, by the sandbox's clock.
    pub updated_at: Timestamp,
}

/// The faults in effect.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FaultView {
    /// The faults, used in turn, in the text form that [`Fault`] describes. Empty: no call fails.
    pub faults: Vec<String>,
    /// Every `every`-th call has a fault.
    pub every: u64,
    /// Number of calls since the faults were set.
    pub calls: u64,
}

/// Which users to list.
#[derive(Clone, Debug, Default)]
pub struct UserQuery {
    /// Only users of this directory.
    pub directory_id: Option<String>,
    /// Only members of this group.
    pub group_id: Option<String>,
    /// Only users whose id, email address, user name or full name contains this text, in any case. Empty: every user.
    pub search: String,
    /// Number of users to leave out at the beginning of the list.
    pub offset: usize,
    /// The most users to return.
    pub limit: usize,
}

impl Environment {
    /// Returns every directory: those of the oldest organization first.
    pub fn directories(&self) -> Vec<DirectoryView> {
        let state = self.state();
        directories(&state).map(|directory| directory_view(&state, directory)).collect()
    }

    /// Returns a directory.
    ///
    /// # Errors
    ///
    /// 404 if there is none.
    pub fn directory(&self, id: &str) -> Result<DirectoryView, Error> {
        let state = self.state();
        let directory = state.directories.get(id).ok_or_else(|| Error::not_found("directory"))?;
        Ok(directory_view(&state, directory))
    }

    /// Returns a part of the users, in the order of their creation, and the number of all that the query selects.
    ///
    /// # Errors
    ///
    /// 404 for an unknown directory or group.
    pub fn users(&self, query: &UserQuery) -> Result<(Vec<UserView>, usize), Error> {
        let state = self.state();
        if query.directory_id.as_ref().is_some_and(|id| !state.directories.contains_key(id)) {
            return Err(Error::not_found("directory"));
        }
        let group_of = |directory: &Directory| {
            query
                .group_id
                .as_ref()
                .map(|id| directory.groups.iter().find(|(_, group)| group.id == *id).map(|(number, _)| *number))
        };
        if query.group_id.is_some()
            && !directories(&state).any(|directory| matches!(group_of(directory), Some(Some(_))))
        {
            return Err(Error::not_found("group"));
        }
        let search = query.search.trim().to_lowercase();
        let (mut users, mut total) = (Vec::new(), 0);
        let wanted = |directory: &&Directory| query.directory_id.as_ref().is_none_or(|id| *id == directory.id);
        for directory in directories(&state).filter(wanted) {
            let group = group_of(directory);
            for user in directory.users.values() {
                let is_member = group.is_none_or(|group| group.is_some_and(|group| user.groups.contains(&group)));
                if is_member && matches(user, &search) {
                    if total >= query.offset && users.len() < query.limit {
                        users.push(user_view(directory, user));
                    }
                    total += 1;
                }
            }
        }
        Ok((users, total))
    }

    /// Returns a user.
    ///
    /// # Errors
    ///
    /// 404 if there is none.
    pub fn user(&self, id: &str) -> Result<UserView, Error> {
        let mut state = self.state();
        let (directory, number) = state.find_user(id)?;
        let user = directory.users.get(&number).ok_or_else(|| Error::not_found("user"))?;
        Ok(user_view(directory, user))
    }

    /// Returns the groups of a directory, in the order of their creation.
    ///
    /// # Errors
    ///
    /// 404 for an unknown directory.
    pub fn groups(&self, directory_id: &str) -> Result<Vec<GroupView>, Error> {
        let state = self.state();
        let directory = state.directories.get(directory_id).ok_or_else(|| Error::not_found("directory"))?;
        Ok(directory.groups.iter().map(|(number, group)| group_view(directory, *number, group)).collect())
    }

    /// Returns a group.
    ///
    /// # Errors
    ///
    /// 404 if there is none.
    pub fn group(&self, id: &str) -> Result<GroupView, Error> {
        let mut state = self.state();
        let (directory, number) = state.find_group(id)?;
        let group = directory.groups.get(&number).ok_or_else(|| Error::not_found("group"))?;
        Ok(group_view(directory, number, group))
    }

    /// Returns the faults in effect.
    pub fn fault_plan(&self) -> FaultView {
        let (faults, every, calls) = self.faults.plan();
        FaultView { faults: faults.iter().map(Fault::to_string).collect(), every, calls }
    }

    /// Returns the URLs of the endpoints.
    pub fn endpoints(&self) -> Vec<String> {
        self.outbox.endpoints()
    }

    /// Returns by how much the first attempt of a webhook is delayed.
    pub fn webhook_delay(&self) -> Duration {
        self.outbox.delay()
    }

    /// Returns a part of the deliveries, newest first, each with its number: those with a number below `before`, at most `limit` of them.
    pub fn recent_deliveries(&self, before: Option<usize>, limit: usize) -> Vec<(usize, Delivery)> {
        self.outbox.recent(before, limit)
    }

    /// Returns a delivery.
    ///
    /// # Errors
    ///
    /// 404 if there is none.
    pub fn delivery(&self, message_id: &str) -> Result<Delivery, Error> {
        self.outbox.delivery(message_id)
    }

    /// Returns the time of the sandbox's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the number of calls by method and route, as [`Sandbox::requests`](crate::Sandbox::requests).
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the number of accepted TCP connections.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Returns the settings, as [`Sandbox::settings`](crate::Sandbox::settings).
    pub fn settings(&self) -> serde_json::Value {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns a number that changes when anything changes that the calls above return, apart from the time and the connections.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.requests().hash(&mut hasher);
        let FaultView { faults, every, calls: _ } = self.fault_plan();
        (faults, every).hash(&mut hasher);
        self.outbox.version().hash(&mut hasher);
        self.clock.ahead().hash(&mut hasher);
        hasher.finish()
    }
}

/// Returns the directories of all organizations, those of the oldest organization first.
fn directories(state: &State) -> impl Iterator<Item = &Directory> {
    let organizations = state.organizations.values().rev();
    organizations.flat_map(|organization| &organization.directories).filter_map(|id| state.directories.get(id))
}

/// Returns whether a user is found by a text in small letters.
fn matches(user: &User, search: &str) -> bool {
    search.is_empty()
        || [&user.id, &user.email, &user.preferred_username, &user.full_name()]
            .iter()
            .any(|text| text.to_lowercase().contains(search))
}

fn directory_view(state: &State, directory: &Directory) -> DirectoryView {
    let organization = state.organization(&directory.organization_id);
    DirectoryView {
        id: directory.id.clone(),
        organization_id: directory.organization_id.clone(),
        organization_name: organization.map(|organization| organization.display_name.clone()).unwrap_or_default(),
        provider: directory.provider,
        enabled: directory.enabled,
        users: directory.users.len(),
        groups: directory.groups.len(),
    }
}

fn user_view(directory: &Directory, user: &User) -> UserView {
    let group = |number: &u64| Some(group_view(directory, *number, directory.groups.get(number)?));
    UserView {
        id: user.id.clone(),
        directory_id: directory.id.clone(),
        email: user.email.clone(),
        given_name: user.given_name.clone(),
        family_name: user.family_name.clone(),
        preferred_username: user.preferred_username.clone(),
        title: user.title.clone(),
        active: user.active,
        groups: user.groups.iter().filter_map(group).collect(),
        updated_at: user.updated_at,
    }
}

fn group_view(directory: &Directory, number: u64, group: &Group) -> GroupView {
    GroupView {
        id: group.id.clone(),
        directory_id: directory.id.clone(),
        display_name: group.display_name.clone(),
        members: directory.members.get(&number).map_or(0, BTreeSet::len),
        updated_at: group.updated_at,
    }
}
