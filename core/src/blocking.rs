//! The same client for threads without an async runtime.
//!
//! One small runtime a process drives the connections: it starts with the first call, and afresh in a forked child, which shares
//! neither its parent's threads nor its sockets. Every method may be called from any number of threads at once, but from no
//! async task.
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

use crate::client::{self, ClientBuilder, Listed};
use crate::{Directory, DirectoryToggle, Error, Group, Organization, Page, Result, Timestamp, User};
use std::future::Future;
use std::sync::{Arc, OnceLock};
use tokio::runtime::Runtime;

/// The REST client of one environment, for threads without an async runtime. Cheap to clone.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    settings: ClientBuilder,
    client: PerProcess<client::Client>,
}

impl Client {
    /// As [`headcount::Client::from_env`](crate::Client::from_env).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), naming the variable that is missing or malformed.
    pub fn from_env() -> Result<Client> {
        Client::new(ClientBuilder::from_env()?)
    }

    /// The client with these settings. No I/O happens.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), naming the setting that cannot be used.
    pub fn new(settings: ClientBuilder) -> Result<Client> {
        let shared = Shared { settings, client: PerProcess::default() };
        shared.client()?;
        Ok(Client(Arc::new(shared)))
    }

    /// Calls about organizations.
    pub fn organizations(&self) -> Organizations {
        Organizations(self.clone())
    }

    /// Calls about directories, their users and their groups.
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
    /// As [`Organizations::list`](client::Organizations::list).
    pub fn list(&self) -> List<Organization> {
        List::new(self.0.0.client().map(|client| client.organizations().list()))
    }

    /// As [`Organizations::get`](client::Organizations::get).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn get(&self, id: &str) -> Result<Organization> {
        let client = self.0.0.client()?;
        wait(client.organizations().get(id))
    }

    /// As [`Organizations::get_by_external_id`](client::Organizations::get_by_external_id).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn get_by_external_id(&self, external_id: &str) -> Result<Organization> {
        let client = self.0.0.client()?;
        wait(client.organizations().get_by_external_id(external_id))
    }
}

/// Calls about directories; made by [`Client::directories`].
#[derive(Clone, Debug)]
pub struct Directories(Client);

impl Directories {
    fn inner(&self) -> Result<client::Directories> {
        Ok(self.0.0.client()?.directories())
    }

    /// As [`Directories::list`](client::Directories::list).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn list(&self, organization_id: &str) -> Result<Vec<Directory>> {
        wait(self.inner()?.list(organization_id))
    }

    /// As [`Directories::get`](client::Directories::get).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn get(&self, organization_id: &str, directory_id: &str) -> Result<Directory> {
        wait(self.inner()?.get(organization_id, directory_id))
    }

    /// As [`Directories::primary`](client::Directories::primary).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn primary(&self, organization_id: &str) -> Result<Directory> {
        wait(self.inner()?.primary(organization_id))
    }

    /// As [`Directories::enable`](client::Directories::enable).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn enable(&self, organization_id: &str, directory_id: &str) -> Result<DirectoryToggle> {
        wait(self.inner()?.enable(organization_id, directory_id))
    }

    /// As [`Directories::disable`](client::Directories::disable).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn disable(&self, organization_id: &str, directory_id: &str) -> Result<DirectoryToggle> {
        wait(self.inner()?.disable(organization_id, directory_id))
    }

    /// As [`Directories::users`](client::Directories::users).
    pub fn users(&self, organization_id: &str, directory_id: &str) -> List<User> {
        List::new(self.inner().map(|directories| directories.users(organization_id, directory_id)))
    }

    /// As [`Directories::groups`](client::Directories::groups).
    pub fn groups(&self, organization_id: &str, directory_id: &str) -> List<Group> {
        List::new(self.inner().map(|directories| directories.groups(organization_id, directory_id)))
    }
}

/// A listing to be read: as [`headcount::List`](client::List), with [`send`](List::send), [`iter`](List::iter) and
/// [`pages`](List::pages).
#[derive(Clone, Debug)]
#[must_use = "a listing is not asked for until it is sent"]
pub struct List<T>(Result<client::List<T>>);

/// Passes setters on.
macro_rules! setters {
    ($($name:ident($type:ty);)*) => {
        $(
            #[doc = concat!("As on [`headcount::List`](client::List): `", stringify!($name), "`.")]
            pub fn $name(self, value: impl Into<Option<$type>>) -> Self {
                List(self.0.map(|list| list.$name(value)))
            }
        )*
    };
}

impl<T: Listed> List<T> {
    fn new(list: Result<client::List<T>>) -> List<T> {
        List(list)
    }

    setters! { page_size(u32); }

    /// As on [`headcount::List`](client::List): `page_token`.
    pub fn page_token<'a>(self, token: impl Into<Option<&'a str>>) -> Self {
        List(self.0.map(|list| list.page_token(token)))
    }

    /// Reads one page.
    ///
    /// # Errors
    ///
    /// As [`List::send`](client::List::send).
    pub fn send(&self) -> Result<Page<T>> {
        let list = self.0.as_ref().map_err(Clone::clone)?;
        wait(list.send())
    }

    /// Every page, one after the other.
    pub fn pages(self) -> Pages<T> {
        Pages(self.0.map(client::List::pages))
    }

    /// Every item of every page; ends at the first error.
    pub fn iter(self) -> Iter<T> {
        Iter { pages: Some(self.pages()), page: Vec::new().into_iter() }
    }
}

impl List<Organization> {
    /// As on [`headcount::List`](client::List): `external_id`.
    pub fn external_id<'a>(self, id: impl Into<Option<&'a str>>) -> Self {
        List(self.0.map(|list| list.external_id(id)))
    }
}

impl List<User> {
    setters! { include_detail(bool); updated_after(Timestamp); }

    /// As on [`headcount::List`](client::List): `directory_group_id`.
    pub fn directory_group_id<'a>(self, id: impl Into<Option<&'a str>>) -> Self {
        List(self.0.map(|list| list.directory_group_id(id)))
    }
}

impl List<Group> {
    setters! { include_detail(bool); include_external_groups(bool); updated_after(Timestamp); }
}

/// Every page of a listing; made by [`List::pages`].
#[derive(Debug)]
pub struct Pages<T>(Result<client::Pages<T>>);

impl<T: Listed> Pages<T> {
    /// The next page, or `None` behind the last one. After an error it asks for the same page again.
    ///
    /// # Errors
    ///
    /// As [`Pages::next`](client::Pages::next).
    #[allow(clippy::should_implement_trait, reason = "an iterator cannot ask for the same page again after an error")]
    pub fn next(&mut self) -> Result<Option<Page<T>>> {
        let pages = self.0.as_mut().map_err(|error| error.clone())?;
        wait(pages.next())
    }
}

/// Every item of a listing; made by [`List::iter`].
#[derive(Debug)]
pub struct Iter<T> {
    pages: Option<Pages<T>>,
    page: std::vec::IntoIter<T>,
}

impl<T: Listed> Iterator for Iter<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        loop {
            if let Some(item) = self.page.next() {
                return Some(Ok(item));
            }
            match self.pages.as_mut()?.next() {
                Ok(Some(page)) => self.page = page.items.into_iter(),
                Ok(None) => self.pages = None,
                Err(error) => {
                    self.pages = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// Runs a call to its end on this thread.
fn wait<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    static RUNTIME: PerProcess<Arc<Runtime>> = PerProcess::new();
    if tokio::runtime::Handle::try_current().is_ok() {
        return Err(Error::invalid_argument(
            "the blocking client was called from an async task: use headcount::Client there",
        ));
    }
    let runtime = RUNTIME.get(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("headcount")
            .enable_all()
            .build()
            .map(Arc::new)
            .map_err(|error| Error::internal(format!("the runtime cannot be started: {error}")))
    })?;
    runtime.block_on(call)
}

/// A value that each process makes for itself.
///
/// A forked child finds its parent's and makes one of its own behind it. No lock is held while a value is read, so none can be left
/// locked by a thread that the child does not have.
struct PerProcess<T>(OnceLock<Box<Made<T>>>);

struct Made<T> {
    process: u32,
    value: Result<T>,
    next: PerProcess<T>,
}

impl<T> Default for PerProcess<T> {
    fn default() -> PerProcess<T> {
        PerProcess::new()
    }
}

impl<T: Clone> PerProcess<T> {
    fn get(&self, make: impl Fn() -> Result<T>) -> Result<T> {
        let process = std::process::id();
        let mut at = self;
        loop {
            let made = at.0.get_or_init(|| Box::new(Made { process, value: make(), next: PerProcess::new() }));
            if made.process == process {
                return made.value.clone();
            }
            at = &made.next;
        }
    }
}

impl<T> PerProcess<T> {
    const fn new() -> PerProcess<T> {
        PerProcess(OnceLock::new())
    }
}
