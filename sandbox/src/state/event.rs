//! Events: what the vendor sends in a webhook when something changes.

use super::rows::Directory;
use serde_json::{Value, json};

/// One event, without the parts of the envelope that the outbox adds (id, time, environment).
pub(crate) struct Event {
    /// The event's type, such as `organization.directory.user_created`.
    pub(crate) type_: &'static str,
    /// What kind of object `data` is, such as `DirectoryUser`.
    pub(crate) object: &'static str,
    /// The type in words, such as `Directory User Created`.
    pub(crate) display_name: &'static str,
    pub(crate) organization_id: String,
    pub(crate) data: Value,
}

impl Directory {
    /// Returns a user's JSON as in REST listings, and an event of type `type_` about the user.
    pub(super) fn user_and_event(
        &self,
        number: u64,
        type_: &'static str,
        display_name: &'static str,
    ) -> (Value, Event) {
        let Some(user) = self.users.get(&number) else {
            return (Value::Null, self.event(type_, "DirectoryUser", display_name, Value::Null));
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
            "name": user.full_name(),
            "preferred_username": user.preferred_username,
            "dp_id": user.dp_id,
            "title": user.title,
            "groups": groups,
            "roles": [],
            "custom_attributes": {},
            "raw_attributes": {},
        });
        (self.user_json(user, false), self.event(type_, "DirectoryUser", display_name, data))
    }

    /// Returns a group's JSON as in REST listings, and an event of type `type_` about the group.
    pub(super) fn group_and_event(
        &self,
        number: u64,
        type_: &'static str,
        display_name: &'static str,
    ) -> (Value, Event) {
        let Some(group) = self.groups.get(&number) else {
            return (Value::Null, self.event(type_, "DirectoryGroup", display_name, Value::Null));
        };
        let data = json!({
            "id": group.id,
            "organization_id": self.organization_id,
            "directory_id": self.id,
            "display_name": group.display_name,
            "external_id": group.external_id,
            "raw_attributes": {},
        });
        (self.group_json(number, group, false), self.event(type_, "DirectoryGroup", display_name, data))
    }

    /// Makes an event of this directory's organization.
    pub(super) fn event(
        &self,
        type_: &'static str,
        object: &'static str,
        display_name: &'static str,
        data: Value,
    ) -> Event {
        Event { type_, object, display_name, organization_id: self.organization_id.clone(), data }
    }
}
