//! What can be changed in a running environment. The control API, [`Sandbox`](crate::Sandbox) and a page of the sandbox use these calls. Each change of data publishes its events.

use crate::environment::Environment;
use crate::error::Error;
use crate::fault::Fault;
use crate::input::{FaultPlan, GroupChange, NewGroup, NewUser, UserChange};
use serde_json::Value;
use std::time::Duration;

impl Environment {
    /// Creates a user. Returns the user's JSON as in REST listings.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::create_user`](crate::Sandbox::create_user).
    pub fn create_user(&self, new: NewUser) -> Result<Value, Error> {
        let (user, event) = self.state().create_user(new, self.clock.now())?;
        self.publish(event);
        Ok(user)
    }

    /// Changes a user. Returns the user's JSON as in REST listings.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::update_user`](crate::Sandbox::update_user).
    pub fn update_user(&self, id: &str, change: UserChange) -> Result<Value, Error> {
        let (user, event) = self.state().update_user(id, change, self.clock.now())?;
        self.publish(event);
        Ok(user)
    }

    /// Deletes a user.
    ///
    /// # Errors
    ///
    /// 404 for an unknown user.
    pub fn delete_user(&self, id: &str) -> Result<(), Error> {
        let event = self.state().delete_user(id)?;
        self.publish(event);
        Ok(())
    }

    /// Deletes a part of a directory's users at once, those who were created first. Returns their ids.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::mass_leave`](crate::Sandbox::mass_leave).
    pub fn mass_leave(&self, directory_id: &str, percent: u32) -> Result<Vec<String>, Error> {
        let left = self.state().mass_leave(directory_id, percent)?;
        let mut ids = Vec::with_capacity(left.len());
        for (id, event) in left {
            ids.push(id);
            self.publish(event);
        }
        Ok(ids)
    }

    /// Creates a group. Returns its JSON as in REST listings.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::create_group`](crate::Sandbox::create_group).
    pub fn create_group(&self, new: NewGroup) -> Result<Value, Error> {
        let (group, event) = self.state().create_group(new, self.clock.now())?;
        self.publish(event);
        Ok(group)
    }

    /// Renames a group. Returns its JSON as in REST listings.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::update_group`](crate::Sandbox::update_group).
    pub fn update_group(&self, id: &str, change: GroupChange) -> Result<Value, Error> {
        let (group, event) = self.state().update_group(id, change, self.clock.now())?;
        self.publish(event);
        Ok(group)
    }

    /// Deletes a group. Its members are not deleted.
    ///
    /// # Errors
    ///
    /// 404 for an unknown group.
    pub fn delete_group(&self, id: &str) -> Result<(), Error> {
        let event = self.state().delete_group(id)?;
        self.publish(event);
        Ok(())
    }

    /// Adds a user to a group, or removes them from it.
    ///
    /// # Errors
    ///
    /// 404 for an unknown user or group.
    pub fn set_member(&self, group_id: &str, user_id: &str, member: bool) -> Result<(), Error> {
        let event = self.state().set_member(group_id, user_id, member, self.clock.now())?;
        self.publish(event);
        Ok(())
    }

    /// Enables or disables a directory. Returns the body of the REST API's response.
    ///
    /// # Errors
    ///
    /// 404 for an unknown organization or directory.
    pub fn set_enabled(&self, organization_id: &str, id: &str, enabled: bool) -> Result<Value, Error> {
        let (body, event) = self.state().set_enabled(organization_id, id, enabled, self.clock.now())?;
        if let Some(event) = event {
            self.publish(event);
        }
        Ok(body)
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.outbox.wake();
    }

    /// Replaces the faults.
    ///
    /// # Errors
    ///
    /// 400 for a text that is not a fault. The current faults then stay in effect.
    pub fn set_faults(&self, plan: &FaultPlan) -> Result<(), Error> {
        self.faults.set(plan.parse()?, plan.every);
        Ok(())
    }

    /// Ends the faults.
    pub fn clear_faults(&self) {
        self.faults.set(Vec::<Fault>::new(), 1);
    }

    /// Adds an endpoint, unless it is registered already.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::register_endpoint`](crate::Sandbox::register_endpoint).
    pub fn register_endpoint(&self, url: &str) -> Result<(), Error> {
        self.outbox.register(url)
    }

    /// Removes an endpoint. Queued deliveries to it are still sent.
    ///
    /// # Errors
    ///
    /// 404 if it is not registered.
    pub fn remove_endpoint(&self, url: &str) -> Result<(), Error> {
        self.outbox.remove(url)
    }

    /// Delays the first attempt of each later webhook by this time of the sandbox's clock.
    pub fn delay_webhooks(&self, delay: Duration) {
        self.outbox.set_delay(delay);
    }

    /// Makes the next attempt at a delivery due at once.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::send_again`](crate::Sandbox::send_again).
    pub fn send_again(&self, message_id: &str) -> Result<(), Error> {
        self.outbox.send_again(message_id)
    }
}
