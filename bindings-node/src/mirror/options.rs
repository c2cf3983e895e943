//! Options of the mirror's calls, read from the JSON that `mirror.js` makes of them.

use crate::json::camel_case;
use crate::options::{Moment, Separate, milliseconds, seconds};
use headcount::mirror::{
    ExportFormat, PlanBuilder, RoleMapEntry, RoleMapKey, SyncBuilder, SyncMode, UserFields, WorkerBuilder,
};
use headcount::{Error, Mirror, MirrorBuilder, Result};
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
    history_seconds: Option<f64>,
    deletion_grace_seconds: Option<f64>,
    consumer_expiry_seconds: Option<f64>,
    pending_events: Option<u64>,
    pending_bytes: Option<u64>,
    groups_per_user: Option<u64>,
    fields: Option<Vec<String>>,
    schema: Option<String>,
    connections: Option<usize>,
    lock_timeout_ms: Option<f64>,
    statement_timeout_ms: Option<f64>,
    prepared_statements: Option<bool>,
    #[serde(rename = "client")]
    _client: Separate,
    #[serde(rename = "webhookSecret")]
    _webhook_secret: Separate,
}

impl MirrorOptions {
    /// Returns a builder with the options that are present.
    pub(super) fn builder(self) -> Result<MirrorBuilder> {
        let mut builder = Mirror::builder();
        if let Some(schema) = &self.schema {
            builder = builder.schema(schema);
        }
        if let Some(most) = self.connections {
            builder = builder.connections(most);
        }
        if let Some(timeout) = self.lock_timeout_ms {
            builder = builder.lock_timeout(milliseconds("lockTimeoutMs", timeout)?);
        }
        if let Some(timeout) = self.statement_timeout_ms {
            builder = builder.statement_timeout(milliseconds("statementTimeoutMs", timeout)?);
        }
        if let Some(prepared) = self.prepared_statements {
            builder = builder.prepared_statements(prepared);
        }
        Ok(builder.settings(self.stored()?))
    }

    /// Returns the settings that the store keeps. Fails if another option is set.
    pub(super) fn only_stored(self) -> Result<headcount::mirror::MirrorOptions> {
        let of_handle = [
            (self.schema.is_some(), "schema"),
            (self.connections.is_some(), "connections"),
            (self.lock_timeout_ms.is_some(), "lockTimeoutMs"),
            (self.statement_timeout_ms.is_some(), "statementTimeoutMs"),
            (self.prepared_statements.is_some(), "preparedStatements"),
        ];
        match of_handle.into_iter().find(|(is_set, _)| *is_set) {
            Some((_, name)) => Err(Error::invalid_argument(format!(
                "the option {name} is set: expected it only where the mirror is opened"
            ))),
            None => self.stored(),
        }
    }

    /// Returns the settings that the store keeps; a setting that is absent is `None`.
    fn stored(self) -> Result<headcount::mirror::MirrorOptions> {
        let duration = |name, value: Option<f64>| value.map(|value| seconds(name, value)).transpose();
        Ok(headcount::mirror::MirrorOptions {
            guard_users: self.guard_users,
            guard_share: self.guard_share,
            guard_events: self.guard_events,
            guard_window: duration("guardWindowSeconds", self.guard_window_seconds)?,
            full_every: duration("fullEverySeconds", self.full_every_seconds)?,
            retention: duration("retentionSeconds", self.retention_seconds)?,
            history: duration("historySeconds", self.history_seconds)?,
            deletion_grace: duration("deletionGraceSeconds", self.deletion_grace_seconds)?,
            consumer_expiry: duration("consumerExpirySeconds", self.consumer_expiry_seconds)?,
            pending_events: self.pending_events,
            pending_bytes: self.pending_bytes,
            groups_per_user: self.groups_per_user,
            fields: self.fields.map(|names| UserFields::spelled(names, camel_case)).transpose()?,
        })
    }
}

/// Options of a copy.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CopyOptions {
    schema: Option<String>,
}

impl CopyOptions {
    /// Returns the options of the core.
    pub(super) fn copying(self) -> headcount::mirror::CopyOptions {
        let mut options = headcount::mirror::CopyOptions::default();
        options.schema = self.schema;
        options
    }
}

/// An entry of the role map.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RoleEntry {
    key: Option<String>,
    group: String,
    role: String,
    organization_id: Option<String>,
}

impl RoleEntry {
    /// Returns the entry. Without a key, the group is an id if it has the form of one.
    pub(super) fn entry(self) -> Result<RoleMapEntry> {
        let mut entry = RoleMapEntry::from((self.group, self.role));
        if let Some(name) = self.key {
            entry.key = RoleMapKey::ALL.iter().copied().find(|key| key.name() == name).ok_or_else(|| {
                Error::invalid_argument("the key of a role map entry is unknown: expected id or name")
            })?;
        }
        entry.organization_id = self.organization_id;
        Ok(entry)
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
    progress: Option<bool>,
    #[serde(rename = "onProgress")]
    _on_progress: Separate,
    #[serde(rename = "signal")]
    _signal: Separate,
}

impl SyncOptions {
    /// Whether the progress is shown on stderr.
    pub(super) fn shows_progress(&self) -> bool {
        self.progress.unwrap_or(false)
    }

    /// Sets the options of `sync` that are present.
    pub(super) fn apply(self, mut sync: SyncBuilder) -> Result<SyncBuilder> {
        if let Some(name) = self.mode {
            sync = sync.mode(mode(&name)?);
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

fn mode(name: &str) -> Result<SyncMode> {
    named("mode", name, SyncMode::ALL, SyncMode::name)
}

/// Returns the value of an enum with this name. `what` is the option, for the error.
fn named<T: Copy>(what: &str, name: &str, all: &[T], name_of: fn(T) -> &'static str) -> Result<T> {
    all.iter().copied().find(|value| name_of(*value) == name).ok_or_else(|| {
        let known: Vec<_> = all.iter().map(|value| name_of(*value)).collect();
        Error::invalid_argument(format!("the {what} is unknown: expected one of {}", known.join(", ")))
    })
}

/// Options of `plan`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PlanOptions {
    mode: Option<String>,
    approve_removals: Option<bool>,
    #[serde(rename = "onProgress")]
    _on_progress: Separate,
    #[serde(rename = "signal")]
    _signal: Separate,
}

impl PlanOptions {
    /// Sets the options that are present.
    pub(super) fn apply(self, mut plan: PlanBuilder) -> Result<PlanBuilder> {
        if let Some(name) = self.mode {
            plan = plan.mode(mode(&name)?);
        }
        if let Some(approved) = self.approve_removals {
            plan = plan.approve_removals(approved);
        }
        Ok(plan)
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

/// Which entries of the history are listed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HistoryFilter {
    pub(super) user_id: Option<String>,
    pub(super) group_id: Option<String>,
    pub(super) organization_id: Option<String>,
    pub(super) since: Option<Moment>,
    pub(super) until: Option<Moment>,
    #[serde(rename = "signal")]
    _signal: Separate,
}

/// Which users of an organization are listed, and as of when.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PastFilter {
    pub(super) moment: Option<Moment>,
    pub(super) directory_id: Option<String>,
    pub(super) group_id: Option<String>,
    pub(super) role: Option<String>,
    #[serde(rename = "signal")]
    _signal: Separate,
}

/// Which users of an organization are exported, as of when, and in which format: the present ones as CSV by default.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ExportOptions {
    format: Option<String>,
    pub(super) moment: Option<Moment>,
    pub(super) directory_id: Option<String>,
    pub(super) group_id: Option<String>,
    pub(super) role: Option<String>,
    #[serde(rename = "signal")]
    _signal: Separate,
}

impl ExportOptions {
    pub(super) fn format(&self) -> Result<ExportFormat> {
        let Some(name) = &self.format else { return Ok(ExportFormat::Csv) };
        named("format", name, ExportFormat::ALL, ExportFormat::name)
    }
}

/// Which directory's groups or holds are listed: those of all directories of the organization by default.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DirectoryFilter {
    pub(super) directory_id: Option<String>,
}

/// Which users are looked up.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FindOptions {
    pub(super) email: String,
}

/// Default of the option `limit` of `poll`, `wait` and `changes`.
const DEFAULT_LIMIT: usize = 100;

/// Options of `poll`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PollOptions {
    limit: Option<usize>,
    group_by_user: Option<bool>,
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

/// Options of `consumer`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ConsumerOptions {
    partitions: Option<u32>,
    lease_seconds: Option<f64>,
    #[serde(rename = "signal")]
    _signal: Separate,
}

impl ConsumerOptions {
    /// Sets the options that are present.
    pub(super) fn apply(self, mut worker: WorkerBuilder) -> Result<WorkerBuilder> {
        if let Some(partitions) = self.partitions {
            worker = worker.partitions(partitions);
        }
        if let Some(lease) = self.lease_seconds {
            worker = worker.lease(seconds("leaseSeconds", lease)?);
        }
        Ok(worker)
    }
}

impl PollOptions {
    /// Returns whether the changes are returned in groups.
    pub(super) fn is_grouped(&self) -> bool {
        self.group_by_user.unwrap_or(false)
    }

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
