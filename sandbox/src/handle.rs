//! A running sandbox in this process: its settings, and calls that change its data.

use crate::environment::App;
use crate::error::Error;
use crate::fault::Fault;
use crate::input::{FaultPlan, GroupChange, NewGroup, NewUser, UserChange};
use crate::outbox::Delivery;
use headcount::ClientBuilder;
use headcount::model::{Group, User};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// A running sandbox. Dropping it stops it and waits for its thread.
///
/// It has a thread of its own, so it works for sync and async programs. Every method may be called from any thread, and none of them
/// waits for the network.
///
/// # Examples
///
/// ```
/// use headcount_sandbox::Sandbox;
///
/// let sandbox = Sandbox::builder().users(3).groups(1).start()?;
/// let client = headcount::blocking::Client::new(sandbox.client())?;
/// let directory = client.directories().get(sandbox.organization_id(), sandbox.directory_id())?;
/// assert_eq!(directory.total_users, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sandbox {
    pub(crate) app: App,
    pub(crate) environment_url: String,
    pub(crate) control_url: String,
    pub(crate) organization_id: String,
    pub(crate) directory_id: String,
    pub(crate) ca_file: Option<PathBuf>,
    /// Stops the thread when it is dropped.
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) thread: Option<JoinHandle<()>>,
    /// The process that started the sandbox. A forked child does not have the sandbox's thread.
    pub(crate) process: headcount::internal::ProcessId,
}

impl Sandbox {
    /// Returns the URL of the environment: `http://127.0.0.1:…`, or `https://127.0.0.1:…` with
    /// [`tls`](crate::SandboxBuilder::tls).
    pub fn environment_url(&self) -> &str {
        &self.environment_url
    }

    /// Returns the client id of the environment.
    pub fn client_id(&self) -> &str {
        &self.app.credentials.client_id
    }

    /// Returns the client secret of the environment.
    pub fn client_secret(&self) -> &str {
        &self.app.credentials.client_secret
    }

    /// Returns the secret that webhooks are signed with.
    pub fn webhook_secret(&self) -> &str {
        &self.app.credentials.webhook_secret
    }

    /// Returns the id of the first organization; empty if there is none.
    pub fn organization_id(&self) -> &str {
        &self.organization_id
    }

    /// Returns the id of the first organization's first directory; empty if there is none.
    pub fn directory_id(&self) -> &str {
        &self.directory_id
    }

    /// Returns the URL of the control API, `…/sandbox`.
    pub fn control_url(&self) -> &str {
        &self.control_url
    }

    /// Returns the settings of a client of this environment, including its certificate authority.
    pub fn client(&self) -> ClientBuilder {
        let settings = headcount::Client::builder(self.environment_url(), self.client_id(), self.client_secret());
        match &self.ca_file {
            // The client must not use a proxy that environment variables name: the sandbox is on this machine. For http it never uses one.
            Some(ca_file) => settings.ca_file(ca_file).proxy(""),
            None => settings,
        }
    }

    /// Returns the URLs, ids and secrets above as a JSON object, as the program prints them when it starts.
    pub fn settings(&self) -> Value {
        let mut settings = json!({
            "environment_url": self.environment_url,
            "client_id": self.client_id(),
            "client_secret": self.client_secret(),
            "webhook_secret": self.webhook_secret(),
            "organization_id": self.organization_id,
            "directory_id": self.directory_id,
            "control_url": self.control_url,
        });
        if let Some(ca_file) = &self.ca_file {
            settings["ca_file"] = json!(ca_file);
        }
        settings
    }

    /// Adds an endpoint: every later change also sends a webhook to `url`. A URL that is registered already is not added again.
    ///
    /// # Errors
    ///
    /// 400 for a URL that is not `http` or `https`, or is not on this machine, unless
    /// [`remote_endpoints`](crate::SandboxBuilder::remote_endpoints) allows it.
    pub fn register_endpoint(&self, url: &str) -> Result<(), Error> {
        self.app.register_endpoint(url)
    }

    /// Creates a user, and sends `organization.directory.user_created`.
    ///
    /// # Errors
    ///
    /// 400 for an email address without `@` or an unknown group, 404 for an unknown organization or directory.
    pub fn create_user(&self, new: NewUser) -> Result<User, Error> {
        from_rest(self.app.create_user(new)?)
    }

    /// Changes a user, and sends `organization.directory.user_updated`.
    ///
    /// # Errors
    ///
    /// 404 for an unknown user, 400 for an address without `@` or an unknown group.
    pub fn update_user(&self, id: &str, change: UserChange) -> Result<User, Error> {
        from_rest(self.app.update_user(id, change)?)
    }

    /// Deletes a user, and sends `organization.directory.user_deleted`.
    ///
    /// # Errors
    ///
    /// 404 for an unknown user.
    pub fn delete_user(&self, id: &str) -> Result<(), Error> {
        self.app.delete_user(id)
    }

    /// Deletes a part of a directory's users at once, and sends `organization.directory.user_deleted` for each of them: the users who were created first, `percent` of
    /// a hundred, rounded up. Returns their ids.
    ///
    /// # Errors
    ///
    /// 400 unless `percent` is from 1 to 100, 404 for an unknown directory.
    pub fn mass_leave(&self, directory_id: &str, percent: u32) -> Result<Vec<String>, Error> {
        self.app.mass_leave(directory_id, percent)
    }

    /// Creates a group, and sends `organization.directory.group_created`.
    ///
    /// # Errors
    ///
    /// 400 if the name is empty, 404 for an unknown organization or directory.
    pub fn create_group(&self, new: NewGroup) -> Result<Group, Error> {
        from_rest(self.app.create_group(new)?)
    }

    /// Renames a group, and sends `organization.directory.group_updated`.
    ///
    /// # Errors
    ///
    /// 400 if the name is empty, 404 for an unknown group.
    pub fn update_group(&self, id: &str, display_name: &str) -> Result<Group, Error> {
        let change = GroupChange { display_name: display_name.to_owned() };
        from_rest(self.app.update_group(id, change)?)
    }

    /// Deletes a group, and sends `organization.directory.group_deleted`. Its members are not deleted.
    ///
    /// # Errors
    ///
    /// 404 for an unknown group.
    pub fn delete_group(&self, id: &str) -> Result<(), Error> {
        self.app.delete_group(id)
    }

    /// Adds a user to a group, and sends `organization.directory.user_updated`.
    ///
    /// # Errors
    ///
    /// 404 for an unknown user or group.
    pub fn add_member(&self, group_id: &str, user_id: &str) -> Result<(), Error> {
        self.app.set_member(group_id, user_id, true)
    }

    /// Removes a user from a group, and sends `organization.directory.user_updated`.
    ///
    /// # Errors
    ///
    /// 404 for an unknown user or group.
    pub fn remove_member(&self, group_id: &str, user_id: &str) -> Result<(), Error> {
        self.app.set_member(group_id, user_id, false)
    }

    /// From now on, gives every `every`-th REST call a fault, taken from `faults` in turn. If `faults` is empty, no call has a fault. An `every` of 0 means
    /// 1, which is every call.
    ///
    /// Token requests and calls of the control API have no faults and are not counted.
    pub fn fault(&self, faults: impl IntoIterator<Item = Fault>, every: u32) {
        self.app.faults.set(faults.into_iter().collect(), every);
    }

    /// Like [`fault`](Sandbox::fault), with the faults as text.
    ///
    /// # Errors
    ///
    /// 400 for a text that is not a fault. The current faults then stay in effect.
    pub fn set_faults(&self, plan: &FaultPlan) -> Result<(), Error> {
        self.app.set_faults(plan)
    }

    /// Returns every webhook since the start, oldest first: its attempts, the responses, and when the next attempt is due.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.app.outbox.deliveries()
    }

    /// Makes the next attempt at a delivery at once: with the same message id, signed anew. Also if the endpoint has accepted it, or all attempts have failed. An attempt
    /// that fails is followed by the next one of the schedule, if there is one after so many attempts.
    ///
    /// # Errors
    ///
    /// 404 for an unknown message id, 409 while an attempt is being sent.
    pub fn send_again(&self, message_id: &str) -> Result<(), Error> {
        self.app.send_again(message_id)
    }

    /// Delays the first attempt of each later webhook by this time of the sandbox's clock. Zero, as at the start, ends that.
    pub fn delay_webhooks(&self, delay: Duration) {
        self.app.delay_webhooks(delay);
    }

    /// Returns false in a forked child of the process that started the sandbox. The child does not have the sandbox's threads: it must use
    /// the sandbox by its [`control_url`](Sandbox::control_url) only.
    pub fn is_in_its_process(&self) -> bool {
        self.process.is_current()
    }

    /// Moves the sandbox's clock forward. Tokens may expire, and retries of webhooks may become due.
    pub fn advance(&self, by: Duration) {
        self.app.advance(by);
    }

    /// Returns the number of calls by method and route, such as `GET /api/v1/organizations`, and under `tokens` the number of access tokens
    /// that were issued. Calls of the control API are not counted.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.app.requests()
    }

    /// Returns the number of accepted TCP connections, including those without a request.
    pub fn connections(&self) -> u64 {
        self.app.connections()
    }
}

/// Reads a REST response body as the client's type.
fn from_rest<T: DeserializeOwned>(json: Value) -> Result<T, Error> {
    serde_json::from_value(json).map_err(|error| Error::internal(error.to_string()))
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if !self.is_in_its_process() {
            // A forked child has a copy of the handles, but not the threads.
            std::mem::forget((self.stop.take(), self.thread.take()));
            return;
        }
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("environment_url", &self.environment_url).finish_non_exhaustive()
    }
}
