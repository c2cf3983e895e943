//! Converts rows to the JSON of the vendor's REST API, as the contract's schemas define it.

use super::rows::{Directory, Group, Organization, User};
use serde_json::{Value, json};
use std::collections::BTreeSet;

impl Organization {
    pub(crate) fn json(&self) -> Value {
        let mut json = json!({
            "id": self.id,
            "create_time": self.create_time,
            "update_time": self.update_time,
            "display_name": self.display_name,
            "region_code": "US",
            "metadata": self.metadata,
            "settings": self.settings_json(),
        });
        // The contract's formats for these fields do not allow an empty string.
        for (name, value) in [("external_id", &self.external_id), ("slug", &self.slug), ("logo_url", &self.logo_url)] {
            if !value.is_empty() {
                json[name] = json!(value);
            }
        }
        json
    }
}

impl Directory {
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

    /// Converts a user of this directory to JSON as in REST listings; adds `user_detail` (the SCIM resource) if `detail`.
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
            json["user_detail"] = self.user_detail(user);
        }
        json
    }

    /// Converts a user to the SCIM resource that a directory provider would send.
    fn user_detail(&self, user: &User) -> Value {
        let first_group = user.groups.first().and_then(|number| self.groups.get(number));
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": user.dp_id,
            "userName": user.preferred_username,
            "active": user.active,
            "name": { "givenName": user.given_name, "familyName": user.family_name, "formatted": user.full_name() },
            "displayName": user.full_name(),
            "emails": [{ "value": user.email, "type": "work", "primary": true }],
            "title": user.title,
            "locale": "en-US",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
                "employeeNumber": user.dp_id.get(..6),
                "department": first_group.map(|group| &group.display_name),
                "organization": self.organization_id,
            },
        })
    }

    /// Converts a group of this directory to JSON as in REST listings; adds `group_detail` (the SCIM resource) if `detail`. `number` is the group's number.
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
}
