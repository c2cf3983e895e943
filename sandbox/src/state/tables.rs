//! All organizations and directories of the environment, found by id.

use super::rows::{Directory, Organization, PortalLink};
use crate::error::Error;
use std::collections::{BTreeMap, HashMap};

/// The data of the environment.
pub(crate) struct State {
    /// Organizations by number. Numbers decrease in the order of creation: the listing has the newest first, as the vendor's has, and a page
    /// of it is a range of numbers.
    pub(crate) organizations: BTreeMap<u64, Organization>,
    /// Directories by id.
    pub(crate) directories: HashMap<String, Directory>,
    /// Admin portal links by id.
    pub(crate) portal_links: HashMap<String, PortalLink>,
    organization_numbers: HashMap<String, u64>,
    last_organization: u64,
    last_id: u64,
}

impl State {
    /// Makes an empty environment. Its first id has the number `last_id` + 1.
    pub(crate) fn new(last_id: u64) -> State {
        State {
            organizations: BTreeMap::new(),
            directories: HashMap::new(),
            portal_links: HashMap::new(),
            organization_numbers: HashMap::new(),
            last_organization: u64::MAX,
            last_id,
        }
    }

    /// Returns the next id in the vendor's format: a prefix, `_` and 17 digits.
    pub(crate) fn next_id(&mut self, prefix: &str) -> String {
        self.last_id += 1;
        format!("{prefix}_{}", self.last_id)
    }

    pub(crate) fn add_organization(&mut self, organization: Organization) {
        self.last_organization -= 1;
        self.organization_numbers.insert(organization.id.clone(), self.last_organization);
        self.organizations.insert(self.last_organization, organization);
    }

    /// Removes an organization and its directories.
    pub(crate) fn remove_organization(&mut self, id: &str) {
        let organization = self.organization_numbers.remove(id).and_then(|number| self.organizations.remove(&number));
        for directory in organization.into_iter().flat_map(|organization| organization.directories) {
            self.directories.remove(&directory);
        }
    }

    /// Adds a directory, and its id to its organization, which must exist.
    pub(crate) fn add_directory(&mut self, directory: Directory) {
        if let Ok(organization) = self.organization_mut(&directory.organization_id) {
            organization.directories.push(directory.id.clone());
        }
        self.directories.insert(directory.id.clone(), directory);
    }

    /// Finds an organization by id.
    ///
    /// # Errors
    ///
    /// 404 if there is none.
    pub(crate) fn organization(&self, id: &str) -> Result<&Organization, Error> {
        self.organization_numbers
            .get(id)
            .and_then(|number| self.organizations.get(number))
            .ok_or_else(|| Error::not_found("organization"))
    }

    /// Like [`organization`](State::organization), but mutable.
    pub(crate) fn organization_mut(&mut self, id: &str) -> Result<&mut Organization, Error> {
        self.organization_numbers
            .get(id)
            .and_then(|number| self.organizations.get_mut(number))
            .ok_or_else(|| Error::not_found("organization"))
    }

    /// Finds a directory of an organization.
    ///
    /// # Errors
    ///
    /// 404 if there is no such organization, or if it has no directory with this id.
    pub(crate) fn directory(&self, organization_id: &str, id: &str) -> Result<&Directory, Error> {
        self.organization(organization_id)?;
        self.directories
            .get(id)
            .filter(|directory| directory.organization_id == organization_id)
            .ok_or_else(|| Error::not_found("directory"))
    }

    /// Finds the directory for a new user or group: the one with `directory_id`, else the first of `organization_id`, else the first
    /// of the first organization.
    ///
    /// # Errors
    ///
    /// 404 if there is no such organization, or no such directory in it.
    pub(crate) fn target_directory(
        &self,
        organization_id: Option<&str>,
        directory_id: Option<&str>,
    ) -> Result<String, Error> {
        match (organization_id, directory_id) {
            (Some(organization), Some(id)) => {
                return self.directory(organization, id).map(|directory| directory.id.clone());
            }
            (None, Some(id)) => {
                let directory = self.directories.get(id).ok_or_else(|| Error::not_found("directory"))?;
                return Ok(directory.id.clone());
            }
            (_, None) => {}
        }
        let organization = match organization_id {
            Some(id) => self.organization(id)?,
            None => self.organizations.values().next_back().ok_or_else(|| Error::not_found("organization"))?,
        };
        organization.directories.first().cloned().ok_or_else(|| Error::not_found("directory"))
    }

    /// Finds a directory by id in any organization; mutable.
    ///
    /// # Errors
    ///
    /// 404 if there is none.
    pub(crate) fn directory_mut(&mut self, id: &str) -> Result<&mut Directory, Error> {
        self.directories.get_mut(id).ok_or_else(|| Error::not_found("directory"))
    }

    /// Finds the directory of a user, and the user's number in it.
    ///
    /// # Errors
    ///
    /// 404 if no directory has this user.
    pub(crate) fn find_user(&mut self, id: &str) -> Result<(&mut Directory, u64), Error> {
        self.directories
            .values_mut()
            .find_map(|directory| directory.user_number(id).map(|number| (directory, number)))
            .ok_or_else(|| Error::not_found("user"))
    }

    /// Finds the directory of a group by the group's id or name, and the group's number in it.
    ///
    /// # Errors
    ///
    /// 404 if no directory has this group.
    pub(crate) fn find_group(&mut self, id_or_name: &str) -> Result<(&mut Directory, u64), Error> {
        self.directories
            .values_mut()
            .find_map(|directory| directory.group_number(id_or_name).map(|number| (directory, number)))
            .ok_or_else(|| Error::not_found("group"))
    }
}
