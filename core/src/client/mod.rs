//! The client: one function an endpoint, grouped as the vendor's SDKs group them.

mod directories;
mod list;
mod organizations;
mod paging;
mod path;

use crate::clock::Clock;
use crate::config::{self, EnvironmentUrl};
use crate::http::{Account, Call, CallOptions, Http, Observer, RetryPolicy, Settings, Stats};
use crate::random::Random;
use crate::{Error, Result, Secret};
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use directories::Directories;
pub use list::{List, Listed};
pub use organizations::Organizations;
pub use paging::{Items, Pages};

/// The REST client of one environment.
///
/// Cheap to clone, and safe to use from any number of tasks at once: clones share one connection pool and one token. Making one
/// does no I/O. Its calls need a tokio runtime; [`blocking`](crate::blocking) has the same ones without.
///
/// Every call has a deadline, is repeated after failures that may pass, and is cancelled by dropping its future.
#[derive(Clone)]
pub struct Client {
    http: Arc<Http>,
    options: CallOptions,
}

/// Settings of a [`Client`]; made by [`Client::builder`] or [`ClientBuilder::from_env`].
#[derive(Clone)]
pub struct ClientBuilder {
    url: (String, &'static str),
    id: (String, &'static str),
    secret: (Secret, &'static str),
    settings: Settings,
}

impl Client {
    /// The client of the environment that `SCALEKIT_ENVIRONMENT_URL`, `SCALEKIT_CLIENT_ID` and `SCALEKIT_CLIENT_SECRET` name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), naming the variable that is missing or malformed.
    pub fn from_env() -> Result<Client> {
        ClientBuilder::from_env()?.build()
    }

    /// Starts with the three settings that have no default.
    pub fn builder(
        environment_url: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: impl Into<Secret>,
    ) -> ClientBuilder {
        ClientBuilder {
            url: (environment_url.into(), "the environment URL"),
            id: (client_id.into(), "the client id"),
            secret: (client_secret.into(), "the client secret"),
            settings: Settings::default(),
        }
    }

    /// The same client, connections and token, whose calls have these options: another deadline, a handle to end them with.
    pub fn with(&self, options: CallOptions) -> Client {
        Client { http: Arc::clone(&self.http), options }
    }

    /// What the client has done since it was made, clones and all.
    pub fn stats(&self) -> Stats {
        self.http.stats()
    }

    pub(crate) async fn fetch<T: DeserializeOwned>(&self, call: Result<Call>) -> Result<T> {
        self.http.fetch(&call?, &self.options).await
    }
}

impl ClientBuilder {
    /// The settings in `SCALEKIT_ENVIRONMENT_URL`, `SCALEKIT_CLIENT_ID` and `SCALEKIT_CLIENT_SECRET`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), naming the variable that is missing.
    pub fn from_env() -> Result<ClientBuilder> {
        let mut builder = Client::builder(
            config::from_env(config::ENVIRONMENT_URL)?,
            config::from_env(config::CLIENT_ID)?,
            config::from_env(config::CLIENT_SECRET)?,
        );
        // Errors name the variable, which is where the user can mend it.
        (builder.url.1, builder.id.1, builder.secret.1) =
            (config::ENVIRONMENT_URL, config::CLIENT_ID, config::CLIENT_SECRET);
        Ok(builder)
    }

    /// The deadline of each call, with all its attempts and waits. 60 seconds unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// How long one attempt of a call may take before another is made. 20 seconds unless set.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.settings.attempt_timeout = timeout;
        self
    }

    /// How long a connection may take to be made. 10 seconds unless set.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How calls are repeated.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = policy;
        self
    }

    /// How often a call is tried in all; 1 turns retries off. 5 unless set.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.settings.retry.max_attempts = attempts;
        self
    }

    /// The longest first wait between attempts. 250 ms unless set.
    pub fn retry_base(mut self, wait: Duration) -> Self {
        self.settings.retry.base = wait;
        self
    }

    /// The longest wait between attempts, unless the server asks for more. 8 seconds unless set.
    pub fn retry_cap(mut self, wait: Duration) -> Self {
        self.settings.retry.cap = wait;
        self
    }

    /// How many retries all calls have between them; see [`RetryPolicy::budget`]. 100 unless set.
    pub fn retry_budget(mut self, retries: u32) -> Self {
        self.settings.retry.budget = retries;
        self
    }

    /// How many requests may be under way at once; the rest wait their turn. 32 unless set.
    pub fn max_concurrency(mut self, requests: usize) -> Self {
        self.settings.max_concurrency = requests;
        self
    }

    /// The longest answer that is read, in bytes; a longer one is an error. 8 MiB unless set.
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_response_bytes = bytes;
        self
    }

    /// The proxy to go through (`http://` or `https://`, a user name and password in it where it wants them), in the place of the one
    /// that `HTTPS_PROXY` or `ALL_PROXY` names; hosts in `NO_PROXY` are reached without. The empty text means no proxy at all.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.settings.proxy = Some(url.into());
        self
    }

    /// A file of certificate authorities in PEM that are trusted beside the system's. It is read when the client is made.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.ca_file = Some(path.into());
        self
    }

    /// What is appended to the `User-Agent`: the application's name and version, such as `acme-provisioning/2.1`.
    pub fn user_agent_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.settings.user_agent_suffix = suffix.into();
        self
    }

    /// Who is told what the client does. `tracing` subscribers are told without.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.settings.observer = Some(Arc::new(observer));
        self
    }

    /// The clock that dates in answers are compared with.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.settings.clock = Arc::new(clock);
        self
    }

    /// Where the jitter between attempts comes from.
    pub fn random(mut self, random: impl Random) -> Self {
        self.settings.random = Arc::new(random);
        self
    }

    /// Checks the settings and makes the client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), naming the setting that cannot be used.
    pub fn build(self) -> Result<Client> {
        let account = Account {
            root: EnvironmentUrl::parse(self.url.1, &self.url.0)?,
            client_id: setting(self.id.1, &self.id.0)?,
            client_secret: setting(self.secret.1, self.secret.0.expose())?.into(),
        };
        Ok(Client { http: Arc::new(Http::new(account, self.settings)?), options: CallOptions::default() })
    }
}

fn setting(name: &str, text: &str) -> Result<String> {
    let text = config::unquote(text);
    if text.is_empty() {
        return Err(Error::config(format!("{name} is empty: the dashboard shows it under API credentials")));
    }
    Ok(text.to_owned())
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("timeout", &self.settings.timeout)
            .field("retry", &self.settings.retry)
            .finish_non_exhaustive()
    }
}
