//! The client and the mirror for threads without an async runtime.
//!
//! One runtime per process with one thread drives the connections. It starts with the first call, and a forked child starts its own: it uses
//! neither its parent's threads nor its sockets. Methods may be called from any number of threads at once, also in `spawn_blocking` and
//! `block_in_place`, but not in async tasks.
//!
//! ```no_run
//! # fn run() -> headcount::Result<()> {
//! let client = headcount::blocking::Client::from_env()?;
//! let directory = client.directories().primary("org_1")?;
//! for user in client.directories().users("org_1", &directory.id).include_detail(true).iter() {
//!     println!("{}", user?.email);
//! }
//! # Ok(()) }
//! ```

mod list;
#[cfg(all(feature = "mirror", feature = "sqlite"))]
mod mirror;
mod runtime;

pub use list::{Iter, List, Pages};
#[cfg(all(feature = "mirror", feature = "sqlite"))]
pub use mirror::{
    Changes, Export, History, Mirror, MirrorUsers, Plan, PlanBuilder, PlannedChanges, SyncBuilder, Worker,
    WorkerBuilder,
};
#[doc(hidden)]
pub use runtime::{may_wait, spawn, wait, wait_interruptibly};

use crate::Result;
use crate::client::{self, ClientBuilder};
use crate::http::{CallOptions, Stats};
use crate::model::{
    Directory, DirectoryToggle, Group, Organization, OrganizationFields, OrganizationSettings, PortalLink, User,
};
use crate::process::PerProcess;
use std::sync::Arc;

/// The REST client of one environment, for threads without an async runtime. Clones are cheap and share connections and token.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    options: CallOptions,
}

struct Shared {
    settings: ClientBuilder,
    client: PerProcess<client::Client>,
}

impl Client {
    /// Does what [`headcount::Client::from_env`](crate::Client::from_env) does.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), naming the variable that is missing or malformed.
    pub fn from_env() -> Result<Client> {
        Client::new(ClientBuilder::from_env()?)
    }

    /// Makes a client with these settings. Sends nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), naming the setting that cannot be used.
    pub fn new(settings: ClientBuilder) -> Result<Client> {
        let shared = Shared { settings, client: PerProcess::default() };
        shared.client()?;
        Ok(Client { shared: Arc::new(shared), options: CallOptions::default() })
    }

    /// Does what [`headcount::Client::with`](crate::Client::with) does.
    pub fn with(&self, options: CallOptions) -> Client {
        Client { shared: Arc::clone(&self.shared), options }
    }

    /// Returns the counters of this client in this process; see [`headcount::Client::stats`](crate::Client::stats).
    pub fn stats(&self) -> Stats {
        self.current().map(|client| client.stats()).unwrap_or_default()
    }

    /// Returns this process's async client, for [`wait`] and [`spawn`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if a forked child cannot make a client of its own.
    pub fn current(&self) -> Result<client::Client> {
        Ok(self.shared.client()?.with(self.options.clone()))
    }

    /// Returns the calls about organizations.
    pub fn organizations(&self) -> Organizations {
        Organizations(self.clone())
    }

    /// Returns the calls about directories, their users and their groups.
    pub fn directories(&self) -> Directories {
        Directories(self.clone())
    }
}

impl Shared {
    fn client(&self) -> Result<client::Client> {
        self.client.get(|| self.settings.clone().build())
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("blocking::Client").finish_non_exhaustive()
    }
}

/// Calls about organizations; made by [`Client::organizations`].
#[derive(Clone, Debug)]
pub struct Organizations(Client);

impl Organizations {
    fn inner(&self) -> Result<client::Organizations> {
        Ok(self.0.current()?.organizations())
    }

    /// Does what [`Organizations::list`](client::Organizations::list) does.
    pub fn list(&self) -> List<Organization> {
        List::new(self.inner().map(|organizations| organizations.list()))
    }

    /// Does what [`Organizations::get`](client::Organizations::get) does.
    ///
    /// # Errors
    ///
    /// Those of that call.
    pub fn get(&self, id: &str) -> Result<Organization> {
        wait(self.inner()?.get(id))
    }

    /// Does what [`Organizations::get_by_external_id`](client::Organizations::get_by_external_id) does.
    ///
    /// # Errors
    ///
    /// Those of that call.
    pub fn get_by_external_id(&self, external_id: &str) -> Result<Organization> {
        wait(self.inner()?.get_by_external_id(external_id))
    }

    /// Does what [`Organizations::create`](client::Organizations::create) does.
    ///
    /// # Errors
    ///
    /// Those of that call.
    pub fn create(&self, display_name: &str, fields: &OrganizationFields) -> Result<Organization> {
        wait(self.inner()?.create(display_name, fields))
    }

    /// Does what [`Organizations::update`](client::Organizations::update) does.
    ///
    /// # Errors
    ///
    /// Those of that call.
    pub fn update(&self, id: &str, fields: &OrganizationFields) -> Result<Organization> {
        wait(self.inner()?.update(id, fields))
    }

    /// Does what [`Organizations::update_by_external_id`](client::Organizations::update_by_external_id) does.
    ///
    /// # Errors
    ///
    /// Those of that call.
    pub fn update_by_external_id(&self, external_id: &str, fields: &OrganizationFields) -> Result<Organization> {
        wait(self.inner()?.update_by_external_id(external_id, fields))
    }

    /// Does what [`Organizations::update_settings`](client::Organizations::update_settings) does.
    ///
    /// # Errors
    ///
    /// Those of that call.
    pub fn update_settings(&self, id: &str, settings: &OrganizationSettings) -> Result<Organization> {
        wait(self.inner()?.update_settings(id, settings))
    }

    /// Does what [`Organizations::generate_portal_link`](client::Organizations::generate_portal_link) does.
    ///
    /// # Errors
    ///
    /// Those of that call.
    pub fn generate_portal_link(&self, id: &str, features: &[&str]) -> Result<PortalLink> {
        wait(self.inner()?.generate_portal_link(id, features))
    }

    /// Does what [`Organizations::delete`](client::Organizations::delete) does.
    ///
    /// # Errors
    ///
    /// Those of that call.
    pub fn delete(&self, id: &str) -> Result<()> {
        wait(self.inner()?.delete(id))
    }
}

/// Calls about directories; made by [`Client::directories`].
#[derive(Clone, Debug)]
pub struct Directories(Client);

impl Directories {
    fn inner(&self) -> Result<client::Directories> {
        Ok(self.0.current()?.directories())
    }

    /// Does what [`Directories::list`](client::Directories::list) does.
    ///
    /// # Errors
    ///
    /// Those of that call.
    pub fn list(&self, organization_id: &str) -> Result<Vec<Directory>> {
        wait(self.inner()?.list(organization_id))
    }

    /// Does what [`Directories::get`](client::Directories::get) does.
    ///
    /// # Errors
    ///
    /// Those of that call.
    pub fn get(&self, organization_id: &str, directory_id: &str) -> Result<Directory> {
        wait(self.inner()?.get(organization_id, directory_id))
    }

    /// Does what [`Directories::primary`](client::Directories::primary) does.
    ///
    /// # Errors
    ///
    /// Those of that call.
    pub fn primary(&self, organization_id: &str) -> Result<Directory> {
        wait(self.inner()?.primary(organization_id))
    }

    /// Does what [`Directories::enable`](client::Directories::enable) does.
    ///
    /// # Errors
    ///
    /// Those of that call.
    pub fn enable(&self, organization_id: &str, directory_id: &str) -> Result<DirectoryToggle> {
        wait(self.inner()?.enable(organization_id, directory_id))
    }

    /// Does what [`Directories::disable`](client::Directories::disable) does.
    ///
    /// # Errors
    ///
    /// Those of that call.
    pub fn disable(&self, organization_id: &str, directory_id: &str) -> Result<DirectoryToggle> {
        wait(self.inner()?.disable(organization_id, directory_id))
    }

    /// Does what [`Directories::users`](client::Directories::users) does.
    pub fn users(&self, organization_id: &str, directory_id: &str) -> List<User> {
        List::new(self.inner().map(|directories| directories.users(organization_id, directory_id)))
    }

    /// Does what [`Directories::groups`](client::Directories::groups) does.
    pub fn groups(&self, organization_id: &str, directory_id: &str) -> List<Group> {
        List::new(self.inner().map(|directories| directories.groups(organization_id, directory_id)))
    }
}
