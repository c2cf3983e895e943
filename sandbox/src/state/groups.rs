//! Changes of groups.

use super::event::Event;
use super::rows::Group;
use super::tables::State;
use crate::error::Error;
use crate::input::{GroupChange, NewGroup};
use crate::vendor::{GROUP_CREATED, GROUP_DELETED, GROUP_UPDATED};
use headcount::Timestamp;
use serde_json::Value;

impl State {
    /// Adds a group without members. Returns its JSON as in REST listings, and the event.
    pub(crate) fn create_group(&mut self, new: NewGroup, now: Timestamp) -> Result<(Value, Event), Error> {
        check_name(&new.display_name)?;
        let target = self.target_directory(new.organization_id.as_deref(), new.directory_id.as_deref())?;
        let id = self.next_id("dirgroup");
        let directory = self.directory_mut(&target)?;
        let external_id = format!("dp_{id}");
        let number = directory.add_group(Group { id, display_name: new.display_name, external_id, updated_at: now });
        Ok(directory.group_and_event(number, GROUP_CREATED))
    }

    /// Renames a group. Returns its JSON as in REST listings, and the event.
    pub(crate) fn update_group(
        &mut self,
        id: &str,
        change: GroupChange,
        now: Timestamp,
    ) -> Result<(Value, Event), Error> {
        check_name(&change.display_name)?;
        let (directory, number) = self.find_group(id)?;
        if let Some(group) = directory.groups.get_mut(&number) {
            group.display_name = change.display_name;
            group.updated_at = now;
        }
        Ok(directory.group_and_event(number, GROUP_UPDATED))
    }

    /// Removes a group and returns the event. Its members stay in the directory.
    pub(crate) fn delete_group(&mut self, id: &str) -> Result<Event, Error> {
        let (directory, number) = self.find_group(id)?;
        let (_, event) = directory.group_and_event(number, GROUP_DELETED);
        directory.remove_group(number);
        Ok(event)
    }
}

fn check_name(display_name: &str) -> Result<(), Error> {
    if display_name.is_empty() {
        return Err(Error::invalid("display_name: expected a name that is not empty"));
    }
    Ok(())
}
