//! The sandbox as a program holds it: a thread with a server in it, and the calls to change what it serves.

use crate::api::{App, Environment, router};
use crate::clock::SandboxClock;
use crate::data::{Sizes, credentials, generate};
use crate::error::Error;
use crate::fault::{Fault, Plan};
use crate::outbox::{Delivery, Outbox};
use crate::state::{NewGroup, NewUser, UserChange};
use crate::tls;
use headcount::{ClientBuilder, Group, User, Webhook};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// A running sandbox. Dropping it stops it.
///
/// It has a thread of its own, so that it serves sync and async programs alike; every method may be called from any thread.
pub struct Sandbox {
    app: App,
    environment_url: String,
    control_url: String,
    organization_id: String,
    directory_id: String,
    ca_file: Option<PathBuf>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Settings of a [`Sandbox`]; made by [`Sandbox::builder`].
#[derive(Clone, Debug)]
pub struct SandboxBuilder {
    sizes: Sizes,
    seed: u64,
    port: u16,
    token_ttl: Duration,
    speed: f64,
    tls: Option<PathBuf>,
}

impl SandboxBuilder {
    /// How many organizations there are; 1 unless set.
    pub fn organizations(mut self, count: usize) -> Self {
        self.sizes.organizations = count;
        self
    }

    /// How many directories each organization has; 1 unless set.
    pub fn directories(mut self, count: usize) -> Self {
        self.sizes.directories = count;
        self
    }

    /// How many users each directory has; 50 unless set.
    pub fn users(mut self, count: usize) -> Self {
        self.sizes.users = count;
        self
    }

    /// How many groups each directory has; 5 unless set.
    pub fn groups(mut self, count: usize) -> Self {
        self.sizes.groups = count;
        self
    }

    /// What the data is made from; 1 unless set.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The port to listen on; any free one unless set.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// How long tokens live, by the sandbox's clock; an hour unless set.
    pub fn token_ttl(mut self, ttl: Duration) -> Self {
        self.token_ttl = ttl;
        self
    }

    /// How many of the sandbox's seconds pass in a real one; 1 unless set.
    pub fn speed(mut self, speed: f64) -> Self {
        self.speed = speed;
        self
    }

    /// Speaks HTTPS, HTTP/2 included, and writes the certificate of the authority to trust to `ca_file`; HTTP unless set.
    pub fn tls(mut self, ca_file: impl Into<PathBuf>) -> Self {
        self.tls = Some(ca_file.into());
        self
    }

    /// Makes the data and starts to serve it, on loopback alone.
    ///
    /// # Errors
    ///
    /// Where the port is taken, the authority's file cannot be written, or the speed is not a positive number.
    pub fn start(self) -> Result<Sandbox, Error> {
        if !(self.speed.is_finite() && self.speed > 0.0) {
            return Err(Error::invalid("speed: expected a positive number"));
        }
        let failed = |what: &str, error: &dyn std::fmt::Display| Error::startup(format!("{what}: {error}"));
        // Webhooks go out through rustls; another user of it in this process may have chosen a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent("headcount-sandbox")
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| failed("the HTTP client cannot be set up", &error))?;
        let credentials = credentials(self.seed);
        let webhook = Webhook::new([credentials.webhook_secret.as_str()])
            .map_err(|error| failed("the webhook secret", &error))?;
        let clock = Arc::new(SandboxClock::new(self.speed));
        let outbox = Arc::new(Outbox::new(Arc::clone(&clock), webhook, http));
        let mut state = generate(self.seed, &self.sizes);
        let id = state.fresh_id("env");
        let app = Arc::new(Environment {
            id,
            credentials,
            token_ttl: self.token_ttl,
            clock,
            faults: Plan::default(),
            outbox,
            state: Mutex::new(state),
            tokens: Mutex::default(),
            requests: Mutex::default(),
            connections: AtomicU64::default(),
            settings: Mutex::default(),
        });
        let acceptor = self.tls.as_deref().map(tls::acceptor).transpose()?;
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let (port, stop, thread) = spawn(Arc::clone(&app), self.port, acceptor)?;
        let environment_url = format!("{scheme}://127.0.0.1:{port}");
        let first = |ids: Option<&String>| ids.cloned().unwrap_or_default();
        let (organization_id, directory_id) = {
            let state = app.state();
            let organization = state.organizations.values().next();
            (first(organization.map(|it| &it.id)), first(organization.and_then(|it| it.directories.first())))
        };
        let sandbox = Sandbox {
            control_url: format!("{environment_url}/sandbox"),
            environment_url,
            organization_id,
            directory_id,
            ca_file: self.tls,
            stop: Some(stop),
            thread: Some(thread),
            app,
        };
        *sandbox.app.settings.lock().unwrap_or_else(PoisonError::into_inner) = sandbox.settings();
        Ok(sandbox)
    }
}

/// Starts the thread; answers the port once it listens.
fn spawn(app: App, port: u16, tls: Option<TlsAcceptor>) -> Result<(u16, oneshot::Sender<()>, JoinHandle<()>), Error> {
    let (ready, bound) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let run = move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return drop(ready.send(Err(error))),
        };
        runtime.block_on(async {
            let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
                Ok(listener) => listener,
                Err(error) => return drop(ready.send(Err(error))),
            };
            let _ = ready.send(listener.local_addr().map(|address| address.port()));
            tokio::spawn(Arc::clone(&app.outbox).run());
            tokio::select! {
                () = crate::server::serve(listener, router(Arc::clone(&app)), tls, &app.connections) => {}
                _ = stopped => {}
            }
        });
    };
    let thread = std::thread::Builder::new().name("headcount-sandbox".to_owned()).spawn(run);
    let failed =
        |error: std::io::Error| Error::startup(format!("port {port} of this machine cannot be served: {error}"));
    let thread = thread.map_err(failed)?;
    let port =
        bound.recv().map_err(|_| Error::startup("the sandbox's thread ended before it listened"))?.map_err(failed)?;
    Ok((port, stop, thread))
}

impl Sandbox {
    /// Starts with the defaults: one organization with one directory of 50 users and 5 groups.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder {
            sizes: Sizes { organizations: 1, directories: 1, users: 50, groups: 5 },
            seed: 1,
            port: 0,
            token_ttl: Duration::from_secs(3600),
            speed: 1.0,
            tls: None,
        }
    }

    /// Where it is: `http://127.0.0.1:…`, or `https://` with [`tls`](SandboxBuilder::tls).
    pub fn environment_url(&self) -> &str {
        &self.environment_url
    }

    /// The client id to sign in with.
    pub fn client_id(&self) -> &str {
        &self.app.credentials.client_id
    }

    /// The client secret to sign in with.
    pub fn client_secret(&self) -> &str {
        &self.app.credentials.client_secret
    }

    /// The secret that its webhooks are signed with.
    pub fn webhook_secret(&self) -> &str {
        &self.app.credentials.webhook_secret
    }

    /// The first organization.
    pub fn organization_id(&self) -> &str {
        &self.organization_id
    }

    /// The first organization's first directory.
    pub fn directory_id(&self) -> &str {
        &self.directory_id
    }

    /// Where the control calls are.
    pub fn control_url(&self) -> &str {
        &self.control_url
    }

    /// The settings of a client of this environment.
    pub fn client(&self) -> ClientBuilder {
        let settings = headcount::Client::builder(self.environment_url(), self.client_id(), self.client_secret());
        match &self.ca_file {
            // It is on this machine, wherever the environment's proxy may be.
            Some(ca_file) => settings.ca_file(ca_file).proxy(""),
            None => settings,
        }
    }

    /// All of the above, as the program prints it when it starts.
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

    /// From now on, what happens is told to `url` as well.
    pub fn register_endpoint(&self, url: &str) {
        self.app.outbox.register(url);
    }

    /// Hires somebody.
    ///
    /// # Errors
    ///
    /// 400 for an address without `@` or an unknown group, 404 for an unknown organization or directory.
    pub fn create_user(&self, new: NewUser) -> Result<User, Error> {
        let (user, happened) = self.app.state().create_user(new, self.app.clock.now())?;
        self.app.tell(happened);
        model(user)
    }

    /// Changes somebody.
    ///
    /// # Errors
    ///
    /// 404 for an unknown user, 400 for an unknown group.
    pub fn update_user(&self, id: &str, change: UserChange) -> Result<User, Error> {
        let (user, happened) = self.app.state().update_user(id, change, self.app.clock.now())?;
        self.app.tell(happened);
        model(user)
    }

    /// Lets somebody go.
    ///
    /// # Errors
    ///
    /// 404 for an unknown user.
    pub fn delete_user(&self, id: &str) -> Result<(), Error> {
        let happened = self.app.state().delete_user(id)?;
        self.app.tell(happened);
        Ok(())
    }

    /// Makes a group.
    ///
    /// # Errors
    ///
    /// 400 without a name, 404 for an unknown organization or directory.
    pub fn create_group(&self, new: NewGroup) -> Result<Group, Error> {
        let (group, happened) = self.app.state().create_group(new, self.app.clock.now())?;
        self.app.tell(happened);
        model(group)
    }

    /// Renames a group.
    ///
    /// # Errors
    ///
    /// 404 for an unknown group.
    pub fn update_group(&self, id: &str, display_name: &str) -> Result<Group, Error> {
        let (group, happened) = self.app.state().update_group(id, display_name.to_owned(), self.app.clock.now())?;
        self.app.tell(happened);
        model(group)
    }

    /// Ends a group; its members stay.
    ///
    /// # Errors
    ///
    /// 404 for an unknown group.
    pub fn delete_group(&self, id: &str) -> Result<(), Error> {
        let happened = self.app.state().delete_group(id)?;
        self.app.tell(happened);
        Ok(())
    }

    /// Puts somebody into a group.
    ///
    /// # Errors
    ///
    /// 404 for an unknown user or group.
    pub fn add_member(&self, group_id: &str, user_id: &str) -> Result<(), Error> {
        self.set_member(group_id, user_id, true)
    }

    /// Takes somebody out of a group.
    ///
    /// # Errors
    ///
    /// 404 for an unknown user or group.
    pub fn remove_member(&self, group_id: &str, user_id: &str) -> Result<(), Error> {
        self.set_member(group_id, user_id, false)
    }

    fn set_member(&self, group_id: &str, user_id: &str, is: bool) -> Result<(), Error> {
        let happened = self.app.state().set_member(group_id, user_id, is, self.app.clock.now())?;
        self.app.tell(happened);
        Ok(())
    }

    /// Every `every`-th REST call from now on meets the next of `faults`; none of them ends it. Token requests are spared.
    pub fn fault(&self, faults: impl IntoIterator<Item = Fault>, every: u32) {
        self.app.faults.set(faults.into_iter().collect(), every);
    }

    /// What was sent, what came back, what will be retried and when.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.app.outbox.deliveries()
    }

    /// Moves the sandbox's clock ahead: tokens end, and retries fall due.
    pub fn advance(&self, by: Duration) {
        self.app.clock.advance(by);
        self.app.outbox.ring();
    }

    /// How many calls came, by method and route.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.app.requests()
    }

    /// How many connections were made to it, those that came to nothing among them.
    pub fn connections(&self) -> u64 {
        self.app.connections.load(Ordering::Relaxed)
    }
}

/// What REST would give, as the client's own type.
fn model<T: DeserializeOwned>(json: Value) -> Result<T, Error> {
    serde_json::from_value(json).map_err(|error| Error::startup(error.to_string()))
}

impl Drop for Sandbox {
    fn drop(&mut self) {
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
