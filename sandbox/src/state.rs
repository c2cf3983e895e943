//! What the environment holds, and the changes that can be made to it. Each change says which event tells of it.

use crate::error::Error;
use headcount::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// An organization as it is held.
pub(crate) struct Organization {
    pub(crate) id: String,
    pub(crate) display_name: String,
    pub(crate) external_id: String,
    pub(crate) slug: String,
    pub(crate) logo_url: String,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) create_time: Timestamp,
    pub(crate) update_time: Timestamp,
    pub(crate) directories: Vec<String>,
}

/// A directory with everybody in it. Users and groups are numbered as they come: a page is a range of numbers.
pub(crate) struct Directory {
    pub(crate) id: String,
    pub(crate) organization_id: String,
    pub(crate) provider: &'static str,
    pub(crate) enabled: bool,
    pub(crate) updated_at: Timestamp,
    pub(crate) users: BTreeMap<u64, User>,
    pub(crate) groups: BTreeMap<u64, Group>,
    /// Who is in which group.
    pub(crate) members: HashMap<u64, BTreeSet<u64>>,
    next: u64,
}

/// A group as it is held.
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) display_name: String,
    pub(crate) external_id: String,
    pub(crate) updated_at: Timestamp,
}

/// A user as they are held.
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) given_name: String,
    pub(crate) family_name: String,
    pub(crate) preferred_username: String,
    pub(crate) title: String,
    pub(crate) dp_id: String,
    pub(crate) active: bool,
    /// The numbers of their groups.
    pub(crate) groups: Vec<u64>,
    pub(crate) updated_at: Timestamp,
}

/// Somebody to hire.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewUser {
    /// Required.
    pub email: String,
    /// First name.
    pub given_name: String,
    /// Last name.
    pub family_name: String,
    /// The e-mail's first part unless given.
    pub preferred_username: Option<String>,
    /// Names or ids of groups that exist.
    pub groups: Vec<String>,
    /// The first organization unless given.
    pub organization_id: Option<String>,
    /// The organization's first directory unless given.
    pub directory_id: Option<String>,
}

/// What to change about somebody; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UserChange {
    /// Their primary address.
    pub email: Option<String>,
    /// First name.
    pub given_name: Option<String>,
    /// Last name.
    pub family_name: Option<String>,
    /// What they sign in with.
    pub preferred_username: Option<String>,
    /// Whether they may sign in.
    pub active: Option<bool>,
    /// All of their groups, by names or ids.
    pub groups: Option<Vec<String>>,
}

/// A group to make.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewGroup {
    /// Required.
    pub display_name: String,
    /// The first organization unless given.
    pub organization_id: Option<String>,
    /// The organization's first directory unless given.
    pub directory_id: Option<String>,
}

/// Something that happened, for the outbox to tell.
pub(crate) struct Happened {
    pub(crate) kind: &'static str,
    pub(crate) object: &'static str,
    pub(crate) display_name: &'static str,
    pub(crate) organization_id: String,
    pub(crate) data: Value,
}

/// The whole environment.
pub(crate) struct State {
    pub(crate) organizations: BTreeMap<u64, Organization>,
    pub(crate) directories: HashMap<String, Directory>,
    by_id: HashMap<String, u64>,
    next_id: u64,
    next: u64,
}

impl State {
    pub(crate) fn new(first_id: u64) -> State {
        State {
            organizations: BTreeMap::new(),
            directories: HashMap::new(),
            by_id: HashMap::new(),
            next_id: first_id,
            next: 0,
        }
    }

    /// The next id, as the vendor's look: a prefix and 17 digits.
    pub(crate) fn fresh_id(&mut self, prefix: &str) -> String {
        self.next_id += 1;
        format!("{prefix}_{}", self.next_id)
    }

    pub(crate) fn add_organization(&mut self, organization: Organization) {
        self.next += 1;
        self.by_id.insert(organization.id.clone(), self.next);
        self.organizations.insert(self.next, organization);
    }

    pub(crate) fn add_directory(&mut self, directory: Directory) {
        if let Some(organization) = self.organization_mut(&directory.organization_id) {
            organization.directories.push(directory.id.clone());
        }
        self.directories.insert(directory.id.clone(), directory);
    }

    pub(crate) fn organization(&self, id: &str) -> Result<&Organization, Error> {
        self.by_id
            .get(id)
            .and_then(|number| self.organizations.get(number))
            .ok_or_else(|| Error::not_found("organization"))
    }

    fn organization_mut(&mut self, id: &str) -> Option<&mut Organization> {
        self.by_id.get(id).and_then(|number| self.organizations.get_mut(number))
    }

    pub(crate) fn directory(&self, organization_id: &str, id: &str) -> Result<&Directory, Error> {
        self.organization(organization_id)?;
        self.directories
            .get(id)
            .filter(|directory| directory.organization_id == organization_id)
            .ok_or_else(|| Error::not_found("directory"))
    }

    /// The directory that a call means which may leave it open: the first of the first.
    fn place(&self, organization_id: Option<&str>, directory_id: Option<&str>) -> Result<String, Error> {
        if let Some(id) = directory_id {
            let directory = self.directories.get(id).ok_or_else(|| Error::not_found("directory"))?;
            return Ok(directory.id.clone());
        }
        let organization = match organization_id {
            Some(id) => self.organization(id)?,
            None => self.organizations.values().next().ok_or_else(|| Error::not_found("organization"))?,
        };
        organization.directories.first().cloned().ok_or_else(|| Error::not_found("directory"))
    }

    fn directory_of(&mut self, has: impl Fn(&Directory) -> bool, what: &str) -> Result<&mut Directory, Error> {
        self.directories.values_mut().find(|directory| has(directory)).ok_or_else(|| Error::not_found(what))
    }

    pub(crate) fn create_user(&mut self, new: NewUser, now: Timestamp) -> Result<(Value, Happened), Error> {
        if !new.email.contains('@') {
            return Err(Error::invalid("email: expected an address"));
        }
        let place = self.place(new.organization_id.as_deref(), new.directory_id.as_deref())?;
        let id = self.fresh_id("diruser");
        let directory = self.directories.get_mut(&place).ok_or_else(|| Error::not_found("directory"))?;
        let groups = directory.group_numbers(&new.groups)?;
        let username =
            new.preferred_username.unwrap_or_else(|| new.email.split('@').next().unwrap_or_default().to_owned());
        let number = directory.add_user(User {
            dp_id: format!("dp_{id}"),
            id,
            email: new.email,
            given_name: new.given_name,
            family_name: new.family_name,
            preferred_username: username,
            title: String::new(),
            active: true,
            groups,
            updated_at: now,
        });
        Ok(directory.told(number, "organization.directory.user_created", "Directory User Created"))
    }

    pub(crate) fn update_user(
        &mut self,
        id: &str,
        change: UserChange,
        now: Timestamp,
    ) -> Result<(Value, Happened), Error> {
        let directory = self.directory_of(|directory| directory.user_number(id).is_some(), "user")?;
        let groups = change.groups.map(|groups| directory.group_numbers(&groups)).transpose()?;
        let number = directory.user_number(id).ok_or_else(|| Error::not_found("user"))?;
        if let Some(groups) = groups {
            directory.set_groups(number, groups);
        }
        if let Some(user) = directory.users.get_mut(&number) {
            for (field, value) in [
                (&mut user.email, change.email),
                (&mut user.given_name, change.given_name),
                (&mut user.family_name, change.family_name),
                (&mut user.preferred_username, change.preferred_username),
            ] {
                if let Some(value) = value {
                    *field = value;
                }
            }
            user.active = change.active.unwrap_or(user.active);
            user.updated_at = now;
        }
        Ok(directory.told(number, "organization.directory.user_updated", "Directory User Updated"))
    }

    pub(crate) fn delete_user(&mut self, id: &str) -> Result<Happened, Error> {
        let directory = self.directory_of(|directory| directory.user_number(id).is_some(), "user")?;
        let number = directory.user_number(id).ok_or_else(|| Error::not_found("user"))?;
        directory.set_groups(number, Vec::new());
        let user = directory.remove_user(number).ok_or_else(|| Error::not_found("user"))?;
        Ok(Happened {
            kind: "organization.directory.user_deleted",
            object: "DirectoryUser",
            display_name: "Directory User Deleted",
            organization_id: directory.organization_id.clone(),
            data: json!({
                "id": user.id, "organization_id": directory.organization_id, "dp_id": user.dp_id, "email": user.email,
            }),
        })
    }

    pub(crate) fn create_group(&mut self, new: NewGroup, now: Timestamp) -> Result<(Value, Happened), Error> {
        if new.display_name.is_empty() {
            return Err(Error::invalid("display_name: expected a name"));
        }
        let place = self.place(new.organization_id.as_deref(), new.directory_id.as_deref())?;
        let id = self.fresh_id("dirgroup");
        let directory = self.directories.get_mut(&place).ok_or_else(|| Error::not_found("directory"))?;
        let external_id = format!("dp_{id}");
        let number = directory.add_group(Group { id, display_name: new.display_name, external_id, updated_at: now });
        Ok(directory.group_told(number, "organization.directory.group_created", "Directory Group Created"))
    }

    pub(crate) fn update_group(
        &mut self,
        id: &str,
        display_name: String,
        now: Timestamp,
    ) -> Result<(Value, Happened), Error> {
        let directory = self.directory_of(|directory| directory.group_number(id).is_some(), "group")?;
        let number = directory.group_number(id).ok_or_else(|| Error::not_found("group"))?;
        if let Some(group) = directory.groups.get_mut(&number) {
            group.display_name = display_name;
            group.updated_at = now;
        }
        Ok(directory.group_told(number, "organization.directory.group_updated", "Directory Group Updated"))
    }

    pub(crate) fn delete_group(&mut self, id: &str) -> Result<Happened, Error> {
        let directory = self.directory_of(|directory| directory.group_number(id).is_some(), "group")?;
        let number = directory.group_number(id).ok_or_else(|| Error::not_found("group"))?;
        let (_, happened) =
            directory.group_told(number, "organization.directory.group_deleted", "Directory Group Deleted");
        for user in directory.members.remove(&number).unwrap_or_default() {
            if let Some(user) = directory.users.get_mut(&user) {
                user.groups.retain(|group| *group != number);
            }
        }
        directory.remove_group(number);
        Ok(happened)
    }

    /// A membership arrives as a change of the user.
    pub(crate) fn set_member(&mut self, group: &str, user: &str, is: bool, now: Timestamp) -> Result<Happened, Error> {
        let directory = self.directory_of(|directory| directory.user_number(user).is_some(), "user")?;
        let user = directory.user_number(user).ok_or_else(|| Error::not_found("user"))?;
        let group = directory.group_number(group).ok_or_else(|| Error::not_found("group"))?;
        let mut groups: Vec<u64> = directory.users.get(&user).map(|user| user.groups.clone()).unwrap_or_default();
        groups.retain(|other| *other != group);
        if is {
            groups.push(group);
        }
        directory.set_groups(user, groups);
        if let Some(user) = directory.users.get_mut(&user) {
            user.updated_at = now;
        }
        Ok(directory.told(user, "organization.directory.user_updated", "Directory User Updated").1)
    }

    pub(crate) fn toggle(
        &mut self,
        organization_id: &str,
        id: &str,
        enabled: bool,
        now: Timestamp,
    ) -> Result<(Value, Option<Happened>), Error> {
        self.directory(organization_id, id)?;
        let directory = self.directories.get_mut(id).ok_or_else(|| Error::not_found("directory"))?;
        if directory.enabled == enabled {
            let state = if enabled { "enabled" } else { "disabled" };
            return Ok((
                json!({ "enabled": enabled, "error_message": format!("The directory is already {state}") }),
                None,
            ));
        }
        directory.enabled = enabled;
        directory.updated_at = now;
        let (kind, display_name) = if enabled {
            ("organization.directory_enabled", "Directory Enabled")
        } else {
            ("organization.directory_disabled", "Directory Disabled")
        };
        let data = json!({
            "directory_type": "SCIM", "enabled": enabled, "id": directory.id, "organization_id": organization_id,
            "provider": directory.provider, "updated_at": now,
        });
        let happened =
            Happened { kind, object: "Directory", display_name, organization_id: organization_id.to_owned(), data };
        Ok((json!({ "enabled": enabled, "error_message": "" }), Some(happened)))
    }

    /// Sets the fields that `change` names (the contract's create and update bodies have the same).
    pub(crate) fn save_organization(
        &mut self,
        id: Option<&str>,
        change: &Value,
        now: Timestamp,
    ) -> Result<(Value, Happened), Error> {
        let text = |name: &str| {
            change.get(name).map(|value| {
                value.as_str().map(str::to_owned).ok_or_else(|| Error::invalid(format!("{name}: expected text")))
            })
        };
        let display_name = text("display_name").transpose()?;
        let external_id = text("external_id").transpose()?;
        if !change.is_object() {
            return Err(Error::invalid("expected a JSON object"));
        }
        if let Some(name) = &display_name
            && !(1..=200).contains(&name.chars().count())
        {
            return Err(Error::invalid("display_name: must be between 1 and 200 characters"));
        }
        if id.is_none() && display_name.is_none() {
            return Err(Error::invalid("display_name: is required"));
        }
        let taken =
            |other: &Organization| Some(other.id.as_str()) != id && external_id.as_ref() == Some(&other.external_id);
        if external_id.as_ref().is_some_and(|id| !id.is_empty()) && self.organizations.values().any(taken) {
            return Err(Error::conflict("an organization with this external_id exists"));
        }
        let id = match id {
            Some(id) => self.organization(id)?.id.clone(),
            None => {
                let id = self.fresh_id("org");
                self.add_organization(Organization {
                    id: id.clone(),
                    display_name: String::new(),
                    external_id: String::new(),
                    slug: String::new(),
                    logo_url: String::new(),
                    metadata: BTreeMap::new(),
                    create_time: now,
                    update_time: now,
                    directories: Vec::new(),
                });
                id
            }
        };
        let (slug, logo_url) = (text("slug").transpose()?, text("logo_url").transpose()?);
        let metadata = change.get("metadata").map(|value| serde_json::from_value(value.clone()));
        let metadata = metadata.transpose().map_err(|_| Error::invalid("metadata: expected texts by name"))?;
        let organization = self.organization_mut(&id).ok_or_else(|| Error::not_found("organization"))?;
        let created = organization.display_name.is_empty();
        for (field, value) in [
            (&mut organization.display_name, display_name),
            (&mut organization.external_id, external_id),
            (&mut organization.slug, slug),
            (&mut organization.logo_url, logo_url),
        ] {
            if let Some(value) = value {
                *field = value;
            }
        }
        if let Some(metadata) = metadata {
            organization.metadata = metadata;
        }
        organization.update_time = now;
        let data = organization.json();
        let (kind, display_name) = if created {
            ("organization.created", "Organization Created")
        } else {
            ("organization.updated", "Organization Updated")
        };
        Ok((data.clone(), Happened { kind, object: "Organization", display_name, organization_id: id, data }))
    }

    pub(crate) fn delete_organization(&mut self, id: &str, now: Timestamp) -> Result<Happened, Error> {
        let mut data = self.organization(id)?.json();
        data["deleted_at"] = json!(now);
        if let Some(organization) = self.by_id.remove(id).and_then(|number| self.organizations.remove(&number)) {
            for directory in organization.directories {
                self.directories.remove(&directory);
            }
        }
        let (object, display_name) = ("Organization", "Organization Deleted");
        Ok(Happened { kind: "organization.deleted", object, display_name, organization_id: id.to_owned(), data })
    }
}

impl Organization {
    pub(crate) fn json(&self) -> Value {
        let mut json = json!({
            "id": self.id,
            "create_time": self.create_time,
            "update_time": self.update_time,
            "display_name": self.display_name,
            "region_code": "US",
            "metadata": self.metadata,
            "settings": { "features": [{ "name": "sso", "enabled": true }, { "name": "dir_sync", "enabled": !self.directories.is_empty() }] },
        });
        // The contract has forms for these that the empty text does not match.
        for (name, value) in [("external_id", &self.external_id), ("slug", &self.slug), ("logo_url", &self.logo_url)] {
            if !value.is_empty() {
                json[name] = json!(value);
            }
        }
        json
    }
}

impl Directory {
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
            next: 0,
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(crate) fn add_group(&mut self, group: Group) -> u64 {
        let number = self.number();
        self.groups.insert(number, group);
        number
    }

    pub(crate) fn add_user(&mut self, user: User) -> u64 {
        let number = self.number();
        for group in &user.groups {
            self.members.entry(*group).or_default().insert(number);
        }
        self.users.insert(number, user);
        number
    }

    fn set_groups(&mut self, user: u64, groups: Vec<u64>) {
        let Some(held) = self.users.get_mut(&user) else { return };
        for group in std::mem::replace(&mut held.groups, groups.clone()) {
            self.members.entry(group).or_default().remove(&user);
        }
        for group in groups {
            self.members.entry(group).or_default().insert(user);
        }
    }

    fn remove_user(&mut self, number: u64) -> Option<User> {
        self.users.remove(&number)
    }

    fn remove_group(&mut self, number: u64) {
        self.groups.remove(&number);
    }

    fn user_number(&self, id: &str) -> Option<u64> {
        self.users.iter().find(|(_, user)| user.id == id).map(|(number, _)| *number)
    }

    /// By id, or by name where no id matches.
    pub(crate) fn group_number(&self, name: &str) -> Option<u64> {
        let find =
            |is: &dyn Fn(&Group) -> bool| self.groups.iter().find(|(_, group)| is(group)).map(|(number, _)| *number);
        find(&|group| group.id == name).or_else(|| find(&|group| group.display_name == name))
    }

    fn group_numbers(&self, names: &[String]) -> Result<Vec<u64>, Error> {
        let mut numbers = Vec::new();
        for name in names {
            let number =
                self.group_number(name).ok_or_else(|| Error::invalid(format!("groups: there is no group {name:?}")))?;
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        Ok(numbers)
    }

    pub(crate) fn json(&self) -> Value {
        let (users, groups) = (self.users.len(), self.groups.len());
        let mut stats = json!({ "total_users": users, "total_groups": groups });
        if let Some(at) = self.users.values().map(|user| user.updated_at).max() {
            stats["user_updated_at"] = json!(at);
        }
        if let Some(at) = self.groups.values().map(|group| group.updated_at).max() {
            stats["group_updated_at"] = json!(at);
        }
        json!({
            "id": self.id,
            "name": format!("{} directory", self.provider),
            "organization_id": self.organization_id,
            "directory_type": "SCIM",
            "directory_provider": self.provider,
            "directory_endpoint": format!("https://sandbox.example/api/v1/directories/{}/scim/v2", self.id),
            "enabled": self.enabled,
            "status": if self.enabled { "ACTIVE" } else { "INACTIVE" },
            "groups_tracked": "ALL",
            "last_synced_at": self.updated_at,
            "total_users": users,
            "total_groups": groups,
            "stats": stats,
            "attribute_mappings": { "attributes": [{ "key": "userName", "map_to": "preferred_username" }] },
            "role_assignments": { "assignments": [] },
            "secrets": [{ "id": format!("dirsec_{}", self.id), "directory_id": self.id, "secret_suffix": "Nzg5", "status": "INACTIVE", "create_time": self.updated_at }],
        })
    }

    pub(crate) fn user_json(&self, user: &User, detail: bool) -> Value {
        let groups: Vec<Value> = user
            .groups
            .iter()
            .filter_map(|number| Some(self.group_json(*number, self.groups.get(number)?, false)))
            .collect();
        let mut json = json!({
            "id": user.id,
            "email": user.email,
            "emails": [user.email],
            "given_name": user.given_name,
            "family_name": user.family_name,
            "preferred_username": user.preferred_username,
            "groups": groups,
            "updated_at": user.updated_at,
        });
        if detail {
            json["user_detail"] = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "id": user.dp_id,
                "userName": user.preferred_username,
                "active": user.active,
                "name": { "givenName": user.given_name, "familyName": user.family_name, "formatted": user.name() },
                "displayName": user.name(),
                "emails": [{ "value": user.email, "type": "work", "primary": true }],
                "title": user.title,
                "locale": "en-US",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
                    "employeeNumber": user.dp_id.get(..6),
                    "department": self.first_group(user),
                    "organization": self.organization_id,
                },
            });
        }
        json
    }

    pub(crate) fn group_json(&self, number: u64, group: &Group, detail: bool) -> Value {
        let mut json = json!({
            "id": group.id,
            "display_name": group.display_name,
            "total_users": self.members.get(&number).map_or(0, BTreeSet::len),
            "updated_at": group.updated_at,
        });
        if detail {
            json["group_detail"] = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
                "id": group.external_id,
                "displayName": group.display_name,
                "meta": { "resourceType": "Group" },
            });
        }
        json
    }

    fn first_group(&self, user: &User) -> Option<&str> {
        user.groups.first().and_then(|number| self.groups.get(number)).map(|group| group.display_name.as_str())
    }

    /// The user as REST gives them, and the event that tells of them.
    fn told(&self, number: u64, kind: &'static str, display_name: &'static str) -> (Value, Happened) {
        let Some(user) = self.users.get(&number) else {
            return (Value::Null, self.happened(kind, "DirectoryUser", display_name, Value::Null));
        };
        let groups: Vec<Value> = user
            .groups
            .iter()
            .filter_map(|number| self.groups.get(number))
            .map(|group| json!({ "id": group.id, "name": group.display_name }))
            .collect();
        let data = json!({
            "id": user.id,
            "organization_id": self.organization_id,
            "active": user.active,
            "email": user.email,
            "given_name": user.given_name,
            "family_name": user.family_name,
            "name": user.name(),
            "preferred_username": user.preferred_username,
            "dp_id": user.dp_id,
            "title": user.title,
            "groups": groups,
            "roles": [],
            "custom_attributes": {},
            "raw_attributes": {},
        });
        (self.user_json(user, false), self.happened(kind, "DirectoryUser", display_name, data))
    }

    fn group_told(&self, number: u64, kind: &'static str, display_name: &'static str) -> (Value, Happened) {
        let Some(group) = self.groups.get(&number) else {
            return (Value::Null, self.happened(kind, "DirectoryGroup", display_name, Value::Null));
        };
        let data = json!({
            "id": group.id,
            "organization_id": self.organization_id,
            "directory_id": self.id,
            "display_name": group.display_name,
            "external_id": group.external_id,
            "raw_attributes": {},
        });
        (self.group_json(number, group, false), self.happened(kind, "DirectoryGroup", display_name, data))
    }

    fn happened(&self, kind: &'static str, object: &'static str, display_name: &'static str, data: Value) -> Happened {
        Happened { kind, object, display_name, organization_id: self.organization_id.clone(), data }
    }
}

impl User {
    fn name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name).trim().to_owned()
    }
}
