//! Everything that a client is told once, and what a single call may be told otherwise.

use super::cancel::Cancel;
use super::observe::Observer;
use super::retry::RetryPolicy;
use crate::clock::{Clock, SystemClock};
use crate::config::EnvironmentUrl;
use crate::random::{OsRandom, Random};
use crate::{Error, Result, Secret};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Who calls, and where.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) root: EnvironmentUrl,
    pub(crate) client_id: String,
    pub(crate) client_secret: Secret,
}

/// How calls are made.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) timeout: Duration,
    pub(crate) attempt_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) max_concurrency: usize,
    pub(crate) max_response_bytes: usize,
    /// Nothing: what the environment says. The empty text: none at all.
    pub(crate) proxy: Option<String>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) user_agent_suffix: String,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            timeout: Duration::from_secs(60),
            attempt_timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(10),
            retry: RetryPolicy::default(),
            max_concurrency: 32,
            // The largest page of the contract has some 100 kB.
            max_response_bytes: 8 << 20,
            proxy: None,
            ca_file: None,
            user_agent_suffix: String::new(),
            observer: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
        }
    }
}

impl Settings {
    pub(crate) fn check(&self) -> Result<()> {
        for (name, timeout) in [
            ("timeout", self.timeout),
            ("attempt_timeout", self.attempt_timeout),
            ("connect_timeout", self.connect_timeout),
        ] {
            check_timeout(name, timeout).map_err(Error::config)?;
        }
        if self.retry.max_attempts == 0 {
            return Err(Error::config("max_attempts must be at least 1: with 1, nothing is tried again"));
        }
        if self.max_concurrency == 0 {
            return Err(Error::config("max_concurrency must be at least 1"));
        }
        if self.max_response_bytes == 0 {
            return Err(Error::config("max_response_bytes must be at least 1"));
        }
        Ok(())
    }
}

/// A year is as good as no deadline, and every clock can count to it.
fn check_timeout(name: &str, timeout: Duration) -> Result<(), String> {
    if timeout.is_zero() || timeout > Duration::from_secs(365 * 24 * 60 * 60) {
        return Err(format!("{name} must be more than nothing and at most a year"));
    }
    Ok(())
}

/// What single calls are told otherwise than the rest of their client's; see [`Client::with`](crate::Client::with).
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    pub(super) timeout: Option<Duration>,
    pub(super) max_attempts: Option<u32>,
    pub(super) cancel: Option<Cancel>,
}

impl CallOptions {
    /// Nothing told otherwise.
    pub fn new() -> CallOptions {
        CallOptions::default()
    }

    /// The deadline of each call, with all its attempts and waits.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> CallOptions {
        self.timeout = timeout.into();
        self
    }

    /// How often a call is tried in all; 1 turns retries off.
    pub fn max_attempts(mut self, attempts: impl Into<Option<u32>>) -> CallOptions {
        self.max_attempts = attempts.into();
        self
    }

    /// What ends the calls early.
    pub fn cancel(mut self, cancel: impl Into<Option<Cancel>>) -> CallOptions {
        self.cancel = cancel.into();
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        if let Some(timeout) = self.timeout {
            check_timeout("timeout", timeout).map_err(Error::invalid_argument)?;
        }
        if self.max_attempts == Some(0) {
            return Err(Error::invalid_argument("max_attempts must be at least 1: with 1, nothing is tried again"));
        }
        Ok(())
    }
}
