//! The client: one function an endpoint, grouped as the vendor's SDKs group them.

mod directories;
mod list;
mod organizations;
mod paging;
mod path;

use crate::config::{self, EnvironmentUrl};
use crate::http::{Call, Http, RetryPolicy, Settings};
use crate::source::{Chance, Clock, OsChance, SystemClock};
use crate::{Error, Result, Secret};
use serde::de::DeserializeOwned;
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
pub struct Client(Arc<Http>);

/// Settings of a [`Client`]; made by [`Client::builder`] or [`ClientBuilder::from_env`].
#[derive(Clone)]
pub struct ClientBuilder {
    url: (String, &'static str),
    id: (String, &'static str),
    secret: (Secret, &'static str),
    timeout: Duration,
    attempt_timeout: Duration,
    connect_timeout: Duration,
    retry: RetryPolicy,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
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
            timeout: Duration::from_secs(60),
            attempt_timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(10),
            retry: RetryPolicy::default(),
            clock: Arc::new(SystemClock),
            chance: Arc::new(OsChance),
        }
    }

    /// Calls about organizations: the companies that the application is sold to.
    pub fn organizations(&self) -> Organizations {
        Organizations(self.clone())
    }

    /// Calls about directories, their users and their groups.
    pub fn directories(&self) -> Directories {
        Directories(self.clone())
    }

    pub(crate) async fn fetch<T: DeserializeOwned>(&self, call: Result<Call>) -> Result<T> {
        self.0.fetch(&call?).await
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
        self.timeout = timeout;
        self
    }

    /// How long one attempt of a call may take before another is made. 20 seconds unless set.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// How long a connection may take to be made. 10 seconds unless set.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How calls are repeated.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// How often a call is tried in all; 1 turns retries off. 5 unless set.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.retry.max_attempts = attempts;
        self
    }

    /// The clock that dates in answers are compared with.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Where the jitter between attempts comes from.
    pub fn chance(mut self, chance: impl Chance) -> Self {
        self.chance = Arc::new(chance);
        self
    }

    /// Checks the settings and makes the client. No I/O happens.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), naming the setting that cannot be used.
    pub fn build(self) -> Result<Client> {
        let root = EnvironmentUrl::parse(self.url.1, &self.url.0)?;
        for (name, timeout) in [
            ("timeout", self.timeout),
            ("attempt_timeout", self.attempt_timeout),
            ("connect_timeout", self.connect_timeout),
        ] {
            // A year is as good as no deadline, and every clock can count to it.
            if timeout.is_zero() || timeout > Duration::from_secs(365 * 24 * 60 * 60) {
                return Err(Error::config(format!("{name} must be more than nothing and at most a year")));
            }
        }
        if self.retry.max_attempts == 0 {
            return Err(Error::config("max_attempts must be at least 1: with 1, nothing is tried again"));
        }
        Ok(Client(Arc::new(Http::new(Settings {
            root,
            client_id: setting(self.id.1, &self.id.0)?,
            client_secret: setting(self.secret.1, self.secret.0.expose())?.into(),
            timeout: self.timeout,
            attempt_timeout: self.attempt_timeout,
            connect_timeout: self.connect_timeout,
            retry: self.retry,
            clock: self.clock,
            chance: self.chance,
        })?)))
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
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
