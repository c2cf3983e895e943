//! Starting a sandbox: its settings, and the thread that serves it.

use crate::api::router;
use crate::clock::SandboxClock;
use crate::data::{Sizes, credentials, generate};
use crate::environment::{App, Environment};
use crate::error::Error;
use crate::fault::FaultSchedule;
use crate::handle::Sandbox;
use crate::input::SandboxOptions;
use crate::outbox::Outbox;
use crate::{server, tls};
use axum::Router;
use headcount::Webhook;
use headcount::internal::tls::SystemRoots;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// Settings of a [`Sandbox`]; made by [`Sandbox::builder`], or from [`SandboxOptions`].
#[derive(Clone, Debug)]
pub struct SandboxBuilder {
    sizes: Sizes,
    seed: u64,
    port: u16,
    token_ttl: Duration,
    speed: f64,
    tls: Option<PathBuf>,
    remote_endpoints: bool,
}

impl Default for SandboxBuilder {
    fn default() -> SandboxBuilder {
        SandboxBuilder {
            sizes: Sizes { organizations: 1, directories: 1, users: 50, groups: 5 },
            seed: 1,
            port: 0,
            token_ttl: Duration::from_secs(3600),
            speed: 1.0,
            tls: None,
            remote_endpoints: false,
        }
    }
}

impl From<SandboxOptions> for SandboxBuilder {
    fn from(options: SandboxOptions) -> SandboxBuilder {
        let SandboxOptions {
            organizations,
            directories,
            users,
            groups,
            seed,
            port,
            token_ttl,
            speed,
            remote_endpoints,
        } = options;
        let default = SandboxBuilder::default();
        SandboxBuilder {
            sizes: Sizes {
                organizations: organizations.unwrap_or(default.sizes.organizations),
                directories: directories.unwrap_or(default.sizes.directories),
                users: users.unwrap_or(default.sizes.users),
                groups: groups.unwrap_or(default.sizes.groups),
            },
            seed: seed.unwrap_or(default.seed),
            port: port.unwrap_or(default.port),
            token_ttl: token_ttl.unwrap_or(default.token_ttl),
            speed: speed.unwrap_or(default.speed),
            tls: None,
            remote_endpoints: remote_endpoints.unwrap_or(default.remote_endpoints),
        }
    }
}

impl Sandbox {
    /// Makes settings with the defaults: one organization with one directory of 50 users and 5 groups.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }
}

impl SandboxBuilder {
    /// Sets the number of organizations. Default: 1.
    pub fn organizations(mut self, count: usize) -> Self {
        self.sizes.organizations = count;
        self
    }

    /// Sets the number of directories of each organization. Default: 1.
    pub fn directories(mut self, count: usize) -> Self {
        self.sizes.directories = count;
        self
    }

    /// Sets the number of users of each directory. Default: 50.
    pub fn users(mut self, count: usize) -> Self {
        self.sizes.users = count;
        self
    }

    /// Sets the number of groups of each directory. Default: 5.
    pub fn groups(mut self, count: usize) -> Self {
        self.sizes.groups = count;
        self
    }

    /// Sets the seed of the generated data: names, ids and memberships. Default: 1. The client id, the client secret and the webhook secret
    /// do not depend on it: they are random for each sandbox.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the TCP port on 127.0.0.1. Default: 0, which means any free port.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets the lifetime of access tokens, by the sandbox's clock. Default: one hour.
    pub fn token_ttl(mut self, ttl: Duration) -> Self {
        self.token_ttl = ttl;
        self
    }

    /// Sets how many seconds of the sandbox's clock pass per second of real time. Default: 1.
    pub fn speed(mut self, speed: f64) -> Self {
        self.speed = speed;
        self
    }

    /// Sets whether webhooks may be sent to other machines. Default: false, which permits endpoints on loopback hosts only.
    pub fn remote_endpoints(mut self, permitted: bool) -> Self {
        self.remote_endpoints = permitted;
        self
    }

    /// Serves HTTPS (HTTP/1.1 and HTTP/2) instead of HTTP.
    ///
    /// The certificate is signed by a new certificate authority, whose certificate is written to `ca_file` in PEM format.
    pub fn tls(mut self, ca_file: impl Into<PathBuf>) -> Self {
        self.tls = Some(ca_file.into());
        self
    }

    /// Generates the data and starts to serve it on 127.0.0.1.
    ///
    /// # Errors
    ///
    /// 400 if the speed is not a positive number; 500 if, for example, the port is in use or `ca_file` cannot be written.
    pub fn start(self) -> Result<Sandbox, Error> {
        self.start_with(|_| Router::new())
    }

    /// Like [`start`](SandboxBuilder::start), with routes beside those of the sandbox. For the command `headcount`.
    #[doc(hidden)]
    pub fn start_with(self, routes: impl FnOnce(Arc<Environment>) -> Router) -> Result<Sandbox, Error> {
        if !(self.speed.is_finite() && self.speed > 0.0) {
            return Err(Error::invalid("speed: expected a positive number"));
        }
        let acceptor = self.tls.as_deref().map(tls::acceptor).transpose()?;
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let app = Arc::new(self.environment()?);
        let (port, stop, thread) = spawn(Arc::clone(&app), routes(Arc::clone(&app)), self.port, acceptor)?;
        let environment_url = format!("{scheme}://127.0.0.1:{port}");
        let first = |ids: Option<&String>| ids.cloned().unwrap_or_default();
        let (organization_id, directory_id) = {
            let state = app.state();
            let organization = state.organizations.values().next_back();
            let directory = organization.and_then(|organization| organization.directories.first());
            (first(organization.map(|organization| &organization.id)), first(directory))
        };
        let sandbox = Sandbox {
            control_url: format!("{environment_url}/sandbox"),
            environment_url,
            organization_id,
            directory_id,
            ca_file: self.tls,
            stop: Some(stop),
            thread: Some(thread),
            process: headcount::internal::ProcessId::current(),
            app,
        };
        *sandbox.app.settings.lock().unwrap_or_else(PoisonError::into_inner) = sandbox.settings();
        Ok(sandbox)
    }

    /// Generates the data, and creates the clock, the outbox and everything else that request handlers share.
    fn environment(&self) -> Result<Environment, Error> {
        let failed = |what: &str, error: &dyn std::fmt::Display| Error::internal(format!("{what}: {error}"));
        let tls = headcount::internal::tls::config(SystemRoots::IfAny, Vec::new())
            .map_err(|error| failed("the HTTP client cannot be set up", &error))?;
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(|error| failed("the HTTP client cannot be set up", &error))?;
        let credentials = credentials();
        let webhook = Webhook::new([credentials.webhook_secret.as_str()])
            .map_err(|error| failed("the webhook secret cannot be used", &error))?;
        let clock = Arc::new(SandboxClock::new(self.speed));
        let outbox = Arc::new(Outbox::new(Arc::clone(&clock), webhook, http, self.remote_endpoints));
        let mut state = generate(self.seed, &self.sizes);
        Ok(Environment {
            id: state.next_id("env"),
            credentials,
            token_ttl: self.token_ttl,
            clock,
            faults: FaultSchedule::default(),
            outbox,
            state: Mutex::new(state),
            tokens: Mutex::default(),
            requests: Mutex::default(),
            connections: AtomicU64::default(),
            settings: Mutex::default(),
        })
    }
}

/// Starts the thread that serves `app` and the routes `more`, and waits until it listens.
///
/// Returns the port, a sender that stops the thread when it is dropped, and the thread's handle.
fn spawn(
    app: App,
    more: Router,
    port: u16,
    tls: Option<TlsAcceptor>,
) -> Result<(u16, oneshot::Sender<()>, JoinHandle<()>), Error> {
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
                () = server::serve(listener, router(Arc::clone(&app), more), tls, &app.connections) => {}
                _ = stopped => {}
            }
        });
    };
    let failed =
        |error: std::io::Error| Error::internal(format!("port {port} of this machine cannot be served: {error}"));
    let thread = std::thread::Builder::new().name("headcount-sandbox".to_owned()).spawn(run).map_err(failed)?;
    let port =
        bound.recv().map_err(|_| Error::internal("the sandbox's thread ended before it listened"))?.map_err(failed)?;
    Ok((port, stop, thread))
}
