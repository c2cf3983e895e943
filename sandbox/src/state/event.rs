//! Events: what the vendor sends in a webhook when something changes.

use super::rows::Directory;
pub(crate) use crate::vendor::Event;
use crate::vendor::{EventUser, Kind, group_data};
use serde_json::Value;

impl Directory {
    /// Returns a user's JSON as in REST listings, and an event about the user.
    pub(super) fn user_and_event(&self, number: u64, kind: Kind) -> (Value, Event) {
        let Some(user) = self.users.get(&number) else {
            return (Value::Null, self.event(kind, Value::Null));
        };
        let groups = user.groups.iter().filter_map(|number| self.groups.get(number));
        let data = EventUser {
            id: &user.id,
            organization_id: &self.organization_id,
            active: user.active,
            email: &user.email,
            given_name: &user.given_name,
            family_name: &user.family_name,
            preferred_username: &user.preferred_username,
            dp_id: &user.dp_id,
            title: Some(&user.title),
            groups: groups.map(|group| (group.id.as_str(), group.display_name.as_str())).collect(),
            roles: Vec::new(),
        };
        (self.user_json(user, false), self.event(kind, data.data()))
    }

    /// Returns a group's JSON as in REST listings, and an event about the group.
    pub(super) fn group_and_event(&self, number: u64, kind: Kind) -> (Value, Event) {
        let Some(group) = self.groups.get(&number) else {
            return (Value::Null, self.event(kind, Value::Null));
        };
        let data =
            group_data(&group.id, &self.organization_id, &self.id, &group.display_name, Some(&group.external_id));
        (self.group_json(number, group, false), self.event(kind, data))
    }

    /// Makes an event of this directory's organization.
    pub(super) fn event(&self, kind: Kind, data: Value) -> Event {
        Event::new(kind, &self.organization_id, data)
    }
}
