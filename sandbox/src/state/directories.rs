//! Enabling and disabling a directory.

use super::event::Event;
use super::tables::State;
use crate::error::Error;
use crate::vendor::{DIRECTORY_DISABLED, DIRECTORY_ENABLED, directory_data};
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
        let kind = if enabled { DIRECTORY_ENABLED } else { DIRECTORY_DISABLED };
        let data = directory_data(&directory.id, organization_id, ("SCIM", directory.provider), enabled, now);
        let event = directory.event(kind, data);
        Ok((json!({ "enabled": enabled, "error_message": "" }), Some(event)))
    }
}
