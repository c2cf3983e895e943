//! Changes of users and of their memberships.

use super::event::Event;
use super::rows::{Directory, User};
use super::tables::State;
use crate::error::Error;
use crate::input::{NewUser, UserChange};
use crate::vendor::{EventUser, USER_CREATED, USER_DELETED, USER_UPDATED};
use headcount::Timestamp;
use serde_json::Value;

impl State {
    /// Adds a user. Returns the user's JSON as in REST listings, and the event.
    pub(crate) fn create_user(&mut self, new: NewUser, now: Timestamp) -> Result<(Value, Event), Error> {
        check_email(&new.email)?;
        let target = self.target_directory(new.organization_id.as_deref(), new.directory_id.as_deref())?;
        let id = self.next_id("diruser");
        let directory = self.directory_mut(&target)?;
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
            title: new.title.unwrap_or_default(),
            active: true,
            groups,
            updated_at: now,
        });
        Ok(directory.user_and_event(number, USER_CREATED))
    }

    /// Changes the fields of a user that are not `None`. Returns the user's JSON as in REST listings, and the event.
    pub(crate) fn update_user(
        &mut self,
        id: &str,
        change: UserChange,
        now: Timestamp,
    ) -> Result<(Value, Event), Error> {
        let UserChange { email, given_name, family_name, preferred_username, title, active, groups } = change;
        email.as_deref().map(check_email).transpose()?;
        let (directory, number) = self.find_user(id)?;
        let groups = groups.map(|groups| directory.group_numbers(&groups)).transpose()?;
        if let Some(groups) = groups {
            directory.set_groups(number, groups);
        }
        if let Some(user) = directory.users.get_mut(&number) {
            for (field, value) in [
                (&mut user.email, email),
                (&mut user.given_name, given_name),
                (&mut user.family_name, family_name),
                (&mut user.preferred_username, preferred_username),
                (&mut user.title, title),
            ] {
                if let Some(value) = value {
                    *field = value;
                }
            }
            user.active = active.unwrap_or(user.active);
            user.updated_at = now;
        }
        Ok(directory.user_and_event(number, USER_UPDATED))
    }

    /// Removes a user and returns the event.
    pub(crate) fn delete_user(&mut self, id: &str) -> Result<Event, Error> {
        let (directory, number) = self.find_user(id)?;
        let (_, event) = directory.delete_user(number).ok_or_else(|| Error::not_found("user"))?;
        Ok(event)
    }

    /// Removes a part of a directory's users, those who were created first. The number is rounded up. Returns their ids and the events.
    ///
    /// # Errors
    ///
    /// 400 if `percent` is not from 1 to 100, 404 for an unknown directory.
    pub(crate) fn mass_leave(&mut self, directory_id: &str, percent: u32) -> Result<Vec<(String, Event)>, Error> {
        let percent = usize::try_from(percent).ok().filter(|percent| (1..=100).contains(percent));
        let percent = percent.ok_or_else(|| Error::invalid("percent: expected a number from 1 to 100"))?;
        let directory = self.directory_mut(directory_id)?;
        let count = (directory.users.len() * percent).div_ceil(100);
        let numbers: Vec<u64> = directory.users.keys().copied().take(count).collect();
        Ok(numbers.into_iter().filter_map(|number| directory.delete_user(number)).collect())
    }

    /// Adds a user to a group of the same directory, or removes them from it. Returns the event.
    ///
    /// Like the vendor's, the event is about the user, not about the group.
    pub(crate) fn set_member(
        &mut self,
        group_id: &str,
        user_id: &str,
        member: bool,
        now: Timestamp,
    ) -> Result<Event, Error> {
        let (directory, user) = self.find_user(user_id)?;
        let group = directory.group_number(group_id).ok_or_else(|| Error::not_found("group"))?;
        let mut groups: Vec<u64> = directory.users.get(&user).map(|user| user.groups.clone()).unwrap_or_default();
        groups.retain(|other| *other != group);
        if member {
            groups.push(group);
        }
        directory.set_groups(user, groups);
        if let Some(user) = directory.users.get_mut(&user) {
            user.updated_at = now;
        }
        Ok(directory.user_and_event(user, USER_UPDATED).1)
    }
}

impl Directory {
    /// Removes a user. Returns the user's id and the event, or `None` if there is no such user.
    fn delete_user(&mut self, number: u64) -> Option<(String, Event)> {
        let user = self.remove_user(number)?;
        let deleted = EventUser {
            id: &user.id,
            organization_id: &self.organization_id,
            dp_id: &user.dp_id,
            email: &user.email,
            ..EventUser::default()
        };
        let event = self.event(USER_DELETED, deleted.deleted_data());
        Some((user.id, event))
    }
}

fn check_email(email: &str) -> Result<(), Error> {
    if !email.contains('@') {
        return Err(Error::invalid("email: expected an address with \"@\""));
    }
    Ok(())
}
