//! Enabling and disabling a directory.

use super::event::Event;
use super::tables::State;
use crate::error::Error;
use headcount::Timestamp;
use serde_json::{Value, json};

impl State {
    /// Enables or disables a directory; returns the response body, and the event if the directory was in the other state.
    pub(crate) fn set_enabled(
        &mut self,
        organization_id: &str,
        id: &str,
        enabled: bool,
        now: Timestamp,
    ) -> Result<(Value, Option<Event>), Error> {
        self.directory(organization_id, id)?;
        let directory = self.directory_mut(id)?;
        if directory.enabled == enabled {
            let state = if enabled { "enabled" } else { "disabled" };
            let body = json!({ "enabled": enabled, "error_message": format!("The directory is already {state}") });
            return Ok((body, None));
        }
        directory.enabled = enabled;
        directory.updated_at = now;
        let (type_, display_name) = if enabled {
            ("organization.directory_enabled", "Directory Enabled")
        } else {
            ("organization.directory_disabled", "Directory Disabled")
        };
        let data = json!({
            "directory_type": "SCIM", "enabled": enabled, "id": directory.id, "organization_id": organization_id,
            "provider": directory.provider, "updated_at": now,
        });
        let event = directory.event(type_, "Directory", display_name, data);
        Ok((json!({ "enabled": enabled, "error_message": "" }), Some(event)))
    }
}
