//! The settings of a client, and the options that replace some of them for single calls.

use super::cancel::Cancel;
use super::observe::Observer;
use super::retry::RetryPolicy;
use crate::clock::{Clock, SystemClock};
use crate::config::EnvironmentUrl;
use crate::defaults;
use crate::random::{OsRandom, Random};
use crate::{Error, Result, Secret};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Environment and credentials.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) root: EnvironmentUrl,
    pub(crate) client_id: String,
    pub(crate) client_secret: Secret,
}

/// A file of certificate authorities.
#[derive(Clone, Debug)]
pub(crate) struct CaFile {
    /// The setting or environment variable that names the file, for errors.
    pub(crate) setting: &'static str,
    pub(crate) path: PathBuf,
}

/// An environment variable that names certificate authorities for all programs of a language, such as `NODE_EXTRA_CA_CERTS`.
#[derive(Clone, Debug)]
pub(crate) struct CaVariable {
    pub(crate) name: &'static str,
    /// A file. If `replaces` is set, it may also be a folder.
    pub(crate) path: PathBuf,
    /// Whether its authorities are trusted instead of the system's, and not in addition to them.
    pub(crate) replaces: bool,
}

/// Settings of a client; `ClientBuilder` documents them.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) timeout: Duration,
    pub(crate) attempt_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) max_concurrency: usize,
    pub(crate) max_response_bytes: usize,
    /// `None` means the proxy that environment variables name, if they name one; the empty text means no proxy.
    pub(crate) proxy: Option<String>,
    pub(crate) ca_files: Vec<CaFile>,
    /// Has an effect only without `ca_files`.
    pub(crate) ca_variable: Option<CaVariable>,
    pub(crate) user_agent_suffix: String,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            timeout: defaults::TIMEOUT,
            attempt_timeout: defaults::ATTEMPT_TIMEOUT,
            connect_timeout: defaults::CONNECT_TIMEOUT,
            retry: RetryPolicy::default(),
            max_concurrency: defaults::MAX_CONCURRENCY,
            max_response_bytes: defaults::MAX_RESPONSE_BYTES,
            proxy: None,
            ca_files: Vec::new(),
            ca_variable: None,
            user_agent_suffix: String::new(),
            observer: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
        }
    }
}

impl Settings {
    /// Checks the values. Errors name the setting.
    pub(crate) fn check(&self) -> Result<()> {
        for (name, timeout) in [
            ("timeout", self.timeout),
            ("attempt_timeout", self.attempt_timeout),
            ("connect_timeout", self.connect_timeout),
        ] {
            check_timeout(name, timeout).map_err(Error::config)?;
        }
        if self.retry.max_attempts == 0 {
            return Err(Error::config("max_attempts must be at least 1 (1 turns retries off)"));
        }
        if self.max_concurrency == 0 {
            return Err(Error::config("max_concurrency must be at least 1"));
        }
        if self.max_response_bytes == 0 {
            return Err(Error::config("max_response_bytes must be at least 1"));
        }
        Ok(())
    }

    /// Returns the environment variable that names authorities, unless `ca_file` was set.
    pub(super) fn ca_variable(&self) -> Option<&CaVariable> {
        self.ca_variable.as_ref().filter(|_| self.ca_files.is_empty())
    }
}

/// Longest timeout. It keeps the arithmetic with `Instant` in range; a call that may take a year has no deadline in practice.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

fn check_timeout(name: &str, timeout: Duration) -> Result<(), String> {
    if timeout.is_zero() || timeout > LONGEST_TIMEOUT {
        return Err(format!("{name} must be greater than 0 and at most a year"));
    }
    Ok(())
}

/// Options of single calls, which replace the client's settings; see `Client::with`.
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    pub(super) timeout: Option<Duration>,
    pub(super) max_attempts: Option<u32>,
    pub(super) cancel: Option<Cancel>,
}

impl CallOptions {
    /// Makes options that change nothing.
    pub fn new() -> CallOptions {
        CallOptions::default()
    }

    /// Sets the deadline of each call, with all its attempts and waits. `None` means that of the client.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> CallOptions {
        self.timeout = timeout.into();
        self
    }

    /// Sets the number of attempts of each call, the first one included; 1 turns retries off. `None` means that of the client.
    pub fn max_attempts(mut self, attempts: impl Into<Option<u32>>) -> CallOptions {
        self.max_attempts = attempts.into();
        self
    }

    /// Sets the handle that cancels the calls. `None` makes them run to their end.
    pub fn cancel(mut self, cancel: impl Into<Option<Cancel>>) -> CallOptions {
        self.cancel = cancel.into();
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        if let Some(timeout) = self.timeout {
            check_timeout("timeout", timeout).map_err(Error::invalid_argument)?;
        }
        if self.max_attempts == Some(0) {
            return Err(Error::invalid_argument("max_attempts must be at least 1 (1 turns retries off)"));
        }
        Ok(())
    }
}
