//! The bodies of webhooks about directories, as the vendor sends them: the sandbox makes them of its rows, and `headcount listen` of a mirror's changes.

use headcount::Timestamp;
use serde_json::{Value, json};

/// The type of the event of a new user.
pub const USER_CREATED: Kind = Kind("organization.directory.user_created", "DirectoryUser", "Directory User Created");
/// The type of the event of a changed user.
pub const USER_UPDATED: Kind = Kind("organization.directory.user_updated", "DirectoryUser", "Directory User Updated");
/// The type of the event of a deleted user.
pub const USER_DELETED: Kind = Kind("organization.directory.user_deleted", "DirectoryUser", "Directory User Deleted");
/// The type of the event of a new group.
pub const GROUP_CREATED: Kind =
    Kind("organization.directory.group_created", "DirectoryGroup", "Directory Group Created");
/// The type of the event of a changed group.
pub const GROUP_UPDATED: Kind =
    Kind("organization.directory.group_updated", "DirectoryGroup", "Directory Group Updated");
/// The type of the event of a deleted group.
pub const GROUP_DELETED: Kind =
    Kind("organization.directory.group_deleted", "DirectoryGroup", "Directory Group Deleted");
/// The type of the event of a directory that was enabled.
pub const DIRECTORY_ENABLED: Kind = Kind("organization.directory_enabled", "Directory", "Directory Enabled");
/// The type of the event of a directory that was disabled.
pub const DIRECTORY_DISABLED: Kind = Kind("organization.directory_disabled", "Directory", "Directory Disabled");

/// A type of events: its name, what kind of object the data are, and the name in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind(pub(crate) &'static str, pub(crate) &'static str, pub(crate) &'static str);

/// One event, without its id, time and environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The event's type, such as `organization.directory.user_created`.
    pub type_: &'static str,
    /// What kind of object `data` is, such as `DirectoryUser`.
    pub object: &'static str,
    /// The type in words, such as `Directory User Created`.
    pub display_name: &'static str,
    /// Id of the organization.
    pub organization_id: String,
    /// The data.
    pub data: Value,
}

impl Event {
    /// Makes an event.
    pub fn new(kind: Kind, organization_id: &str, data: Value) -> Event {
        let Kind(type_, object, display_name) = kind;
        Event { type_, object, display_name, organization_id: organization_id.to_owned(), data }
    }

    /// Returns the body of the event's webhook.
    pub fn body(&self, id: &str, occurred_at: Timestamp, environment_id: &str) -> Value {
        json!({
            "spec_version": "1",
            "id": id,
            "type": self.type_,
            "object": self.object,
            "occurred_at": occurred_at,
            "environment_id": environment_id,
            "organization_id": self.organization_id,
            "data": self.data,
            "display_name": self.display_name,
        })
    }
}

/// What an event says about a user.
#[derive(Clone, Debug, Default)]
pub struct EventUser<'a> {
    /// Id of the user.
    pub id: &'a str,
    /// Id of the organization.
    pub organization_id: &'a str,
    /// Whether the user may sign in.
    pub active: bool,
    /// Primary email address.
    pub email: &'a str,
    /// Given name.
    pub given_name: &'a str,
    /// Family name.
    pub family_name: &'a str,
    /// Name that the user signs in with.
    pub preferred_username: &'a str,
    /// Id of the user in the customer's directory.
    pub dp_id: &'a str,
    /// The job title, or `None` if it is not known: the event then says nothing about it.
    pub title: Option<&'a str>,
    /// Ids and names of the groups.
    pub groups: Vec<(&'a str, &'a str)>,
    /// Names of the roles.
    pub roles: Vec<&'a str>,
}

impl EventUser<'_> {
    /// Returns the data of an event about the user, unless the user was deleted.
    pub fn data(&self) -> Value {
        let groups: Vec<Value> = self.groups.iter().map(|(id, name)| json!({ "id": id, "name": name })).collect();
        let roles: Vec<Value> = self.roles.iter().map(|name| json!({ "role_name": name })).collect();
        let mut data = json!({
            "id": self.id,
            "organization_id": self.organization_id,
            "active": self.active,
            "email": self.email,
            "given_name": self.given_name,
            "family_name": self.family_name,
            "name": format!("{} {}", self.given_name, self.family_name).trim(),
            "preferred_username": self.preferred_username,
            "dp_id": self.dp_id,
            "groups": groups,
            "roles": roles,
            "custom_attributes": {},
            "raw_attributes": {},
        });
        if let Some(title) = self.title {
            data["title"] = title.into();
        }
        data
    }

    /// Returns the data of the event of a deleted user.
    pub fn deleted_data(&self) -> Value {
        json!({ "id": self.id, "organization_id": self.organization_id, "dp_id": self.dp_id, "email": self.email })
    }
}

/// Returns the data of an event about a group. `external_id` is the id of the group in the customer's directory, or `None` if it is not known.
pub fn group_data(
    id: &str,
    organization_id: &str,
    directory_id: &str,
    display_name: &str,
    external_id: Option<&str>,
) -> Value {
    json!({
        "id": id,
        "organization_id": organization_id,
        "directory_id": directory_id,
        "display_name": display_name,
        "external_id": external_id,
        "raw_attributes": {},
    })
}

/// Returns the data of an event about a directory. `directory_type` and `provider` are the vendor's names, such as `SCIM` and `OKTA`.
pub fn directory_data(
    id: &str,
    organization_id: &str,
    (directory_type, provider): (&str, &str),
    enabled: bool,
    updated_at: Timestamp,
) -> Value {
    json!({
        "directory_type": directory_type,
        "enabled": enabled,
        "id": id,
        "organization_id": organization_id,
        "provider": provider,
        "updated_at": updated_at,
    })
}
