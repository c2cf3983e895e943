//! The client, its settings, and how it makes a call.

use crate::clock::Clock;
use crate::config::{self, EnvironmentUrl};
use crate::http::{
    Account, CaFile, CaVariable, Call, CallOptions, Dated, Http, Observer, RetryPolicy, Settings, Stats,
};
use crate::random::Random;
use crate::{Error, Result, Secret};
use serde::de::DeserializeOwned;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The REST client of one environment.
///
/// Clones are cheap and share one connection pool and one access token. Any number of tasks may use a client at once. Making one sends nothing. Its
/// calls need a tokio runtime; `headcount::blocking` has the same calls for threads without one.
///
/// Every call has a deadline, is repeated after temporary failures, and is cancelled by dropping its future.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
///
/// # async fn run() -> headcount::Result<()> {
/// let client = headcount::Client::builder("https://acme.scalekit.com", "skc_1", "secret")
///     .timeout(Duration::from_secs(30))
///     .build()?;
/// let directory = client.directories().primary("org_1").await?;
/// println!("{} users", directory.total_users);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(super) http: Arc<Http>,
    options: CallOptions,
}

/// Settings of a [`Client`]; made by [`Client::builder`] or [`ClientBuilder::from_env`].
#[derive(Clone)]
pub struct ClientBuilder {
    // Each with its name for errors.
    url: (String, &'static str),
    id: (String, &'static str),
    secret: (Secret, &'static str),
    settings: Settings,
}

impl Client {
    /// Makes a client with the settings in the environment variables `SCALEKIT_ENVIRONMENT_URL`, `SCALEKIT_CLIENT_ID` and
    /// `SCALEKIT_CLIENT_SECRET`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), naming the variable that is missing or malformed.
    pub fn from_env() -> Result<Client> {
        ClientBuilder::from_env()?.build()
    }

    /// Returns a builder with the three settings that have no default: URL of the environment, client id and client secret.
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

    /// Returns a client whose calls have these options, such as another deadline or a handle that cancels them. It shares the connections and the
    /// token of this client.
    pub fn with(&self, options: CallOptions) -> Client {
        Client { http: Arc::clone(&self.http), options }
    }

    /// Returns the counters of this client and its clones since it was made.
    pub fn stats(&self) -> Stats {
        self.http.stats()
    }

    /// Returns the name by which a mirror recognizes the environment; see [`EnvironmentUrl::host`].
    #[cfg(feature = "mirror")]
    pub(crate) fn environment_host(&self) -> String {
        self.http.host()
    }

    pub(crate) async fn fetch<T: DeserializeOwned>(&self, call: Result<Call>) -> Result<T> {
        Ok(self.fetch_dated(call).await?.value)
    }

    /// Makes the call, and returns the server's time as well.
    pub(crate) async fn fetch_dated<T: DeserializeOwned>(&self, call: Result<Call>) -> Result<Dated<T>> {
        self.http.fetch(&call?, &self.options).await
    }
}

impl ClientBuilder {
    /// Returns a builder with the settings in the environment variables `SCALEKIT_ENVIRONMENT_URL`, `SCALEKIT_CLIENT_ID` and
    /// `SCALEKIT_CLIENT_SECRET`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), naming the variable that is missing, blank or not UTF-8.
    pub fn from_env() -> Result<ClientBuilder> {
        ClientBuilder::from_variables(config::process_variable)
    }

    /// Does what [`from_env`](ClientBuilder::from_env) does with the variables that `lookup` returns, for runtimes that keep an environment of
    /// their own, such as a worker thread of Node.
    ///
    /// # Errors
    ///
    /// As [`from_env`](ClientBuilder::from_env).
    pub fn from_variables(lookup: impl Fn(&str) -> Option<OsString>) -> Result<ClientBuilder> {
        let variable = |name| config::from_value(name, lookup(name));
        let mut builder = Client::builder(
            variable(config::ENVIRONMENT_URL)?,
            variable(config::CLIENT_ID)?,
            variable(config::CLIENT_SECRET)?,
        );
        // Errors name the variable, which is what the user has to correct.
        (builder.url.1, builder.id.1, builder.secret.1) =
            (config::ENVIRONMENT_URL, config::CLIENT_ID, config::CLIENT_SECRET);
        Ok(builder)
    }

    /// Sets the deadline of each call, with all its attempts and waits. Default: [`defaults::TIMEOUT`](crate::defaults::TIMEOUT).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Sets the longest duration of one attempt of a call. Default: [`defaults::ATTEMPT_TIMEOUT`](crate::defaults::ATTEMPT_TIMEOUT).
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.settings.attempt_timeout = timeout;
        self
    }

    /// Sets the longest duration of establishing a connection. Default: [`defaults::CONNECT_TIMEOUT`](crate::defaults::CONNECT_TIMEOUT).
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// Sets how calls are repeated after temporary failures.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = policy;
        self
    }

    /// Sets the number of attempts of a call, the first one included; 1 turns retries off. Default: [`defaults::MAX_ATTEMPTS`](crate::defaults::MAX_ATTEMPTS).
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.settings.retry.max_attempts = attempts;
        self
    }

    /// Sets the upper bound of the random wait after the first failed attempt. The bound doubles with each further failure.
    /// Default: [`defaults::RETRY_BASE`](crate::defaults::RETRY_BASE).
    pub fn retry_base(mut self, wait: Duration) -> Self {
        self.settings.retry.base = wait;
        self
    }

    /// Sets the upper bound of any wait between attempts, unless the server asks for a longer one. Default: [`defaults::RETRY_CAP`](crate::defaults::RETRY_CAP).
    pub fn retry_cap(mut self, wait: Duration) -> Self {
        self.settings.retry.cap = wait;
        self
    }

    /// Sets the number of retries that all calls have in total; see [`RetryPolicy::budget`]. Default: [`defaults::RETRY_BUDGET`](crate::defaults::RETRY_BUDGET).
    pub fn retry_budget(mut self, retries: u32) -> Self {
        self.settings.retry.budget = retries;
        self
    }

    /// Sets the largest number of requests in flight at the same time; further ones wait. Default: [`defaults::MAX_CONCURRENCY`](crate::defaults::MAX_CONCURRENCY).
    pub fn max_concurrency(mut self, requests: usize) -> Self {
        self.settings.max_concurrency = requests;
        self
    }

    /// Sets the largest answer that is read, in bytes; a larger one is an error. Default: [`defaults::MAX_RESPONSE_BYTES`](crate::defaults::MAX_RESPONSE_BYTES).
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_response_bytes = bytes;
        self
    }

    /// Sets the proxy (`http://` or `https://`, with user name and password if it needs them). It replaces the proxy that `HTTPS_PROXY` or
    /// `ALL_PROXY` names; hosts in `NO_PROXY` are reached directly. The empty text means no proxy.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.settings.proxy = Some(url.into());
        self
    }

    /// Adds a PEM file of certificate authorities that are trusted in addition to the system's. It is read when the client is made.
    ///
    /// The system's authorities are those of the file in `SSL_CERT_FILE` and the folder in `SSL_CERT_DIR`, if these variables are set.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.ca_files.push(CaFile { setting: "ca_file", path: path.into() });
        self
    }

    /// Trusts the certificate authorities in the PEM file that an environment variable names, in addition to the system's. For bindings of
    /// languages whose programs do so.
    ///
    /// The file is read for https only, and not if [`ca_file`](ClientBuilder::ca_file) was called. Errors name the variable. An empty value counts as
    /// not set.
    #[doc(hidden)]
    pub fn extra_ca_variable(self, name: &'static str, value: Option<OsString>) -> Self {
        self.ca_variable(name, value, false)
    }

    /// Does what [`extra_ca_variable`](ClientBuilder::extra_ca_variable) does with a variable that replaces the system's authorities. The
    /// variable names a PEM file, or a folder of PEM files that `openssl rehash` has named.
    #[doc(hidden)]
    pub fn only_ca_variable(self, name: &'static str, value: Option<OsString>) -> Self {
        self.ca_variable(name, value, true)
    }

    fn ca_variable(mut self, name: &'static str, value: Option<OsString>, replaces: bool) -> Self {
        let value = value.filter(|value| !value.is_empty());
        self.settings.ca_variable = value.map(|path| CaVariable { name, path: path.into(), replaces });
        self
    }

    /// Sets the text that is appended to the `User-Agent`: the application's name and version, such as `acme-provisioning/2.1`.
    pub fn user_agent_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.settings.user_agent_suffix = suffix.into();
        self
    }

    /// Sets the observer that receives the events of the client. `tracing` subscribers receive the events without an observer, too.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.settings.observer = Some(Arc::new(observer));
        self
    }

    /// Sets the clock that dates in answers are compared with.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.settings.clock = Arc::new(clock);
        self
    }

    /// Sets the random source of the waits between attempts.
    pub fn random(mut self, random: impl Random) -> Self {
        self.settings.random = Arc::new(random);
        self
    }

    /// Checks the settings and makes the client. Sends nothing.
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

/// Removes surrounding quotes and white space from a setting that must not be empty. Errors name it by `name`.
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
