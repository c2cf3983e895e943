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

#[cfg(all(feature = "mirror", feature = "sqlite"))]
mod mirror;

#[cfg(all(feature = "mirror", feature = "sqlite"))]
pub use mirror::{Mirror, MirrorUsers, SyncBuilder};

use crate::client::{self, ClientBuilder, Listed};
use crate::http::{CallOptions, Stats};
use crate::{
    Directory, DirectoryToggle, Error, Group, Organization, OrganizationFields, Page, Result, Timestamp, User,
};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// The REST client of one environment, for threads without an async runtime. Cheap to clone.
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
        Ok(Client { shared: Arc::new(shared), options: CallOptions::default() })
    }

    /// As [`headcount::Client::with`](crate::Client::with).
    pub fn with(&self, options: CallOptions) -> Client {
        Client { shared: Arc::clone(&self.shared), options }
    }

    /// As [`headcount::Client::stats`](crate::Client::stats), counted in this process.
    pub fn stats(&self) -> Stats {
        self.current().map(|client| client.stats()).unwrap_or_default()
    }

    /// The async client behind this one, for [`wait`] and [`spawn`]: this process' own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) where a forked child cannot set it up again.
    pub fn current(&self) -> Result<client::Client> {
        Ok(self.shared.client()?.with(self.options.clone()))
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
    fn inner(&self) -> Result<client::Organizations> {
        Ok(self.0.current()?.organizations())
    }

    /// As [`Organizations::list`](client::Organizations::list).
    pub fn list(&self) -> List<Organization> {
        List::new(self.inner().map(|organizations| organizations.list()))
    }

    /// As [`Organizations::get`](client::Organizations::get).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn get(&self, id: &str) -> Result<Organization> {
        wait(self.inner()?.get(id))
    }

    /// As [`Organizations::get_by_external_id`](client::Organizations::get_by_external_id).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn get_by_external_id(&self, external_id: &str) -> Result<Organization> {
        wait(self.inner()?.get_by_external_id(external_id))
    }

    /// As [`Organizations::create`](client::Organizations::create).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn create(&self, display_name: &str, fields: &OrganizationFields) -> Result<Organization> {
        wait(self.inner()?.create(display_name, fields))
    }

    /// As [`Organizations::update`](client::Organizations::update).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn update(&self, id: &str, fields: &OrganizationFields) -> Result<Organization> {
        wait(self.inner()?.update(id, fields))
    }

    /// As [`Organizations::delete`](client::Organizations::delete).
    ///
    /// # Errors
    ///
    /// The same.
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

    /// The listing behind this one, for [`spawn`].
    ///
    /// # Errors
    ///
    /// As [`Client::current`].
    pub fn current(&self) -> Result<client::List<T>> {
        self.0.clone()
    }

    setters! { page_size(u32); read_ahead(bool); }

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
        wait(self.current()?.send())
    }

    /// Every page, one after the other.
    pub fn pages(self) -> Pages<T> {
        Pages::new(self.0.map(client::List::pages))
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
pub struct Pages<T> {
    process: u32,
    /// Nothing once it has been dropped.
    pages: Option<Result<client::Pages<T>>>,
}

impl<T> Pages<T> {
    fn new(pages: Result<client::Pages<T>>) -> Pages<T> {
        Pages { process: std::process::id(), pages: Some(pages) }
    }
}

impl<T> From<client::Pages<T>> for Pages<T> {
    /// The same pages, which a forked child cannot go on with.
    fn from(pages: client::Pages<T>) -> Pages<T> {
        Pages::new(Ok(pages))
    }
}

impl<T: Listed> Pages<T> {
    /// The next page, or `None` behind the last one. After an error it asks for the same page again.
    ///
    /// # Errors
    ///
    /// As [`Pages::next`](client::Pages::next); and in a forked child, where the listing is to be begun again.
    #[allow(clippy::should_implement_trait, reason = "an iterator cannot ask for the same page again after an error")]
    pub fn next(&mut self) -> Result<Option<Page<T>>> {
        wait(self.current()?.next())
    }

    /// The pages behind these, for [`wait_interruptibly`] and [`spawn`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) in a forked child.
    pub fn current(&mut self) -> Result<&mut client::Pages<T>> {
        if self.process != std::process::id() {
            return Err(Error::invalid_argument("the listing was begun before a fork: begin another in this process"));
        }
        match &mut self.pages {
            Some(pages) => pages.as_mut().map_err(|error| error.clone()),
            None => Err(Error::internal("a listing was read after its end")),
        }
    }
}

impl<T> Drop for Pages<T> {
    fn drop(&mut self) {
        // What a forked child has of it is a picture of its parent's threads and sockets, which it must not touch.
        if self.process != std::process::id() {
            std::mem::forget(self.pages.take());
        }
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
///
/// # Errors
///
/// What the call gives, and [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) in an async task.
pub fn wait<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    outside_of_tasks()?.block_on(call)
}

/// Runs a call to its end on this thread, unless `check`, which is asked again and again while it runs, gives an error first: then the
/// call is cancelled.
///
/// # Errors
///
/// As [`wait`], and what `check` gives.
pub fn wait_interruptibly<T>(
    call: impl Future<Output = Result<T>>,
    every: Duration,
    mut check: impl FnMut() -> Result<()>,
) -> Result<T> {
    outside_of_tasks()?.block_on(async {
        let mut call = pin!(call);
        loop {
            match tokio::time::timeout(every, call.as_mut()).await {
                Ok(result) => return result,
                Err(_) => check()?,
            }
        }
    })
}

/// Starts a call in the background of this process.
///
/// # Errors
///
/// [`ErrorKind::Internal`](crate::ErrorKind::Internal) where the runtime cannot be started.
pub fn spawn<T: Send + 'static>(call: impl Future<Output = T> + Send + 'static) -> Result<JoinHandle<T>> {
    Ok(runtime()?.spawn(call))
}

fn outside_of_tasks() -> Result<Arc<Runtime>> {
    if tokio::runtime::Handle::try_current().is_ok() {
        return Err(Error::invalid_argument(
            "the blocking client was called from an async task: use headcount::Client there",
        ));
    }
    runtime()
}

fn runtime() -> Result<Arc<Runtime>> {
    static RUNTIME: PerProcess<Arc<Runtime>> = PerProcess::new();
    RUNTIME.get(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("headcount")
            .enable_all()
            .build()
            .map(Arc::new)
            .map_err(|error| Error::internal(format!("the runtime cannot be started: {error}")))
    })
}

/// A value that each process makes for itself.
///
/// A forked child finds its parent's and makes one of its own behind it. No lock is held while a value is read, so none can be left
/// locked by a thread that the child does not have.
struct PerProcess<T>(OnceLock<Box<Made<T>>>);

struct Made<T> {
    process: u32,
    /// Nothing once it has been dropped.
    value: Option<Result<T>>,
    next: PerProcess<T>,
}

impl<T> Drop for Made<T> {
    fn drop(&mut self) {
        // Another process' value is a picture of its threads and sockets: it is left as it lies.
        if self.process != std::process::id() {
            std::mem::forget(self.value.take());
        }
    }
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
            let made = at.0.get_or_init(|| Box::new(Made { process, value: Some(make()), next: PerProcess::new() }));
            match &made.value {
                Some(value) if made.process == process => return value.clone(),
                _ => at = &made.next,
            }
        }
    }
}

impl<T> PerProcess<T> {
    const fn new() -> PerProcess<T> {
        PerProcess(OnceLock::new())
    }
}
