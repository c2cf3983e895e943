//! Options of the mirror's calls, read from the JSON that `mirror.js` makes of them.

use crate::options::{Separate, seconds};
use headcount::{Error, Mirror, MirrorBuilder, Result, SyncBuilder, SyncMode};
use serde::Deserialize;

/// Settings of a mirror.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MirrorOptions {
    guard_users: Option<u64>,
    guard_share: Option<f64>,
    guard_events: Option<bool>,
    guard_window_seconds: Option<f64>,
    full_every_seconds: Option<f64>,
    retention_seconds: Option<f64>,
    #[serde(rename = "client")]
    _client: Separate,
    #[serde(rename = "webhookSecret")]
    _webhook_secret: Separate,
}

impl MirrorOptions {
    /// Returns the settings; those that are absent keep the core's defaults.
    pub(super) fn settings(self) -> Result<MirrorBuilder> {
        let mut settings = Mirror::builder();
        macro_rules! apply {
            ($($field:ident),*) => {
                $(if let Some(value) = self.$field {
                    settings = settings.$field(value);
                })*
            };
        }
        apply!(guard_users, guard_share, guard_events);
        if let Some(window) = self.guard_window_seconds {
            settings = settings.guard_window(seconds("guardWindowSeconds", window)?);
        }
        if let Some(age) = self.full_every_seconds {
            settings = settings.full_every(seconds("fullEverySeconds", age)?);
        }
        if let Some(age) = self.retention_seconds {
            settings = settings.retention(seconds("retentionSeconds", age)?);
        }
        Ok(settings)
    }
}

/// Options of a sync.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SyncOptions {
    mode: Option<String>,
    approve_removals: Option<bool>,
    wait: Option<bool>,
    concurrency: Option<usize>,
    #[serde(rename = "onProgress")]
    _on_progress: Separate,
    #[serde(rename = "signal")]
    _signal: Separate,
}

impl SyncOptions {
    /// Sets the options of `sync` that are present.
    pub(super) fn apply(self, mut sync: SyncBuilder) -> Result<SyncBuilder> {
        if let Some(name) = self.mode {
            let mode = SyncMode::ALL.iter().find(|mode| mode.name() == name).ok_or_else(|| {
                let known: Vec<_> = SyncMode::ALL.iter().map(|mode| mode.name()).collect();
                Error::invalid_argument(format!("the mode is unknown: expected one of {}", known.join(", ")))
            })?;
            sync = sync.mode(*mode);
        }
        if let Some(approved) = self.approve_removals {
            sync = sync.approve_removals(approved);
        }
        if let Some(wait) = self.wait {
            sync = sync.wait(wait);
        }
        if let Some(organizations) = self.concurrency {
            sync = sync.concurrency(organizations);
        }
        Ok(sync)
    }
}

/// Which users of an organization are listed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UserFilter {
    pub(super) directory_id: Option<String>,
    pub(super) group_id: Option<String>,
    #[serde(rename = "signal")]
    _signal: Separate,
}

/// Which groups of an organization are listed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GroupFilter {
    pub(super) directory_id: Option<String>,
}

/// Which users are looked up.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FindOptions {
    pub(super) email: String,
}

/// Default of the maximum number of changes that `poll` and `wait` return.
const DEFAULT_LIMIT: usize = 100;

/// Options of `poll`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PollOptions {
    limit: Option<usize>,
}

/// Options of `wait` and `changes`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitOptions {
    limit: Option<usize>,
    #[serde(rename = "timeoutMs")]
    _timeout_ms: Separate,
    #[serde(rename = "signal")]
    _signal: Separate,
}

impl PollOptions {
    /// Returns the maximum number of changes to return.
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(DEFAULT_LIMIT)
    }
}

impl WaitOptions {
    /// Returns the maximum number of changes to return.
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(DEFAULT_LIMIT)
    }
}
