//! Metrics: writes what this handle has counted, and the numbers of the store, as OpenMetrics text.

use super::Mirror;
use super::openmetrics::{Kind, Labels, Text};
use crate::record::{Consumer, DirectoryStatus};
use crate::{Error, Result, Timestamp};
use std::collections::BTreeMap;

/// The content type of the text that [`Mirror::metrics`] returns, for the answer of a web server.
pub const METRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Options of [`Mirror::metrics`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricsOptions {
    /// Whether metrics of a directory have the label `organization`, and the number of pending events is given for each organization. Default: false.
    pub organizations: bool,
}

impl Mirror {
    /// Returns metrics as OpenMetrics text, for Prometheus and compatible systems; its content type is [`METRICS_CONTENT_TYPE`].
    ///
    /// - Of this handle and its clones since it was opened: `headcount_sync_duration_seconds` (a histogram, by `outcome`), `headcount_events_total` (by
    ///   `outcome`) and `headcount_webhooks_refused_total`. They are not stored, so the processes of a mirror have numbers of their own.
    /// - Of the store, at the time of the call, and so the same for all of its processes. By `directory`:
    ///   `headcount_last_full_sync_timestamp_seconds`, `headcount_last_incremental_sync_timestamp_seconds`, `headcount_incomplete_since_timestamp_seconds` and
    ///   `headcount_missing_since_timestamp_seconds` (each absent if there is no such time), `headcount_users`, `headcount_groups`, `headcount_held_users`, `headcount_leaving_users`,
    ///   `headcount_directory_enabled`. By `consumer`: `headcount_consumer_lag_changes`, `headcount_consumer_parked_changes`,
    ///   `headcount_consumer_seen_timestamp_seconds`. Of all: `headcount_pending_events`, `headcount_changes_total` (the number of the feed's latest change),
    ///   and `headcount_mirror_info` with the mirror's `id` and the `version` of this library.
    ///
    /// Times are in seconds since 1970. No label names a user. The call counts the rows of each directory: with a million users it takes about as long as
    /// [`status`](Mirror::status).
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the store fails; [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) if the mirror is closed.
    pub async fn metrics(&self, options: MetricsOptions) -> Result<String> {
        self.until_closed(self.read_metrics(options)).await
    }

    async fn read_metrics(&self, options: MetricsOptions) -> Result<String> {
        let directories = self.status().await?;
        let consumers = self.consumers().await?;
        let (_, latest) = self.store().consumers().await?;
        let mut text = Text::default();
        text.begin("headcount_mirror", Kind::Info, "", "The mirror's id, and the version of the library.");
        let labels = [("id", self.id().unwrap_or_default()), ("version", env!("CARGO_PKG_VERSION"))];
        text.sample("headcount_mirror_info", &labels, 1);
        self.counters().write(&mut text);
        write_directories(&mut text, &directories, &options);
        write_consumers(&mut text, &consumers);
        text.begin("headcount_changes", Kind::Counter, "", "Changes in the feed since the store was made.");
        text.sample("headcount_changes_total", &[], latest);
        Ok(text.finish())
    }

    /// Counts a webhook that was refused, and returns the error.
    pub(super) fn refused(&self, error: Error) -> Error {
        self.counters().count_refusal();
        error
    }
}

/// The number of held users, apart from those of holds about a directory as a whole, who do not lose access.
fn held_users(status: &DirectoryStatus) -> u64 {
    status.holds.iter().filter(|hold| !hold.reason.is_of_directory()).map(|hold| hold.count).sum()
}

/// Calls `write` with the labels of each directory.
fn each_directory(
    directories: &[DirectoryStatus],
    options: &MetricsOptions,
    mut write: impl FnMut(&DirectoryStatus, &Labels<'_>),
) {
    for status in directories {
        let organization = ("organization", status.directory.organization_id.as_str());
        let labels = [("directory", status.directory.id.as_str()), organization];
        write(status, &labels[..if options.organizations { 2 } else { 1 }]);
    }
}

fn write_directories(text: &mut Text, directories: &[DirectoryStatus], options: &MetricsOptions) {
    type Time = fn(&DirectoryStatus) -> Option<Timestamp>;
    let times: [(&str, &str, Time); 4] = [
        ("headcount_last_full_sync_timestamp_seconds", "Start of the directory's last complete full sync.", |status| {
            status.last_full_sync
        }),
        (
            "headcount_last_incremental_sync_timestamp_seconds",
            "Start of the directory's last complete incremental sync.",
            |status| status.last_incremental_sync,
        ),
        (
            "headcount_incomplete_since_timestamp_seconds",
            "Start of the first incomplete sync since the last complete one.",
            |status| status.incomplete_since,
        ),
        (
            "headcount_missing_since_timestamp_seconds",
            "Time since which the API does not list the directory.",
            |status| status.missing_since,
        ),
    ];
    for (name, help, time) in times {
        text.begin(name, Kind::Gauge, "seconds", help);
        each_directory(directories, options, |status, labels| text.time(name, labels, time(status)));
    }
    type Number = fn(&DirectoryStatus) -> u64;
    let numbers: [(&str, &str, &str, Number); 5] = [
        ("headcount_users", "users", "Users in the directory.", |status| status.users),
        ("headcount_groups", "groups", "Groups in the directory.", |status| status.groups),
        ("headcount_held_users", "users", "Users whose loss of access the guard holds.", held_users),
        (
            "headcount_leaving_users",
            "users",
            "Users whom the directory no longer has, and who will be deleted.",
            |status| status.leaving,
        ),
        ("headcount_directory_enabled", "", "Whether the directory is enabled: 1 or 0.", |status| {
            u64::from(status.directory.enabled)
        }),
    ];
    for (name, unit, help, number) in numbers {
        text.begin(name, Kind::Gauge, unit, help);
        each_directory(directories, options, |status, labels| text.sample(name, labels, number(status)));
    }
    // Each directory has the number of its organization.
    let pending: BTreeMap<&str, u64> =
        directories.iter().map(|status| (status.directory.organization_id.as_str(), status.pending_events)).collect();
    let help = "Events that wait for a sync of their organization, of the organizations with a mirrored directory.";
    text.begin("headcount_pending_events", Kind::Gauge, "events", help);
    if options.organizations {
        for (organization, count) in &pending {
            text.sample("headcount_pending_events", &[("organization", organization)], count);
        }
    } else {
        text.sample("headcount_pending_events", &[], pending.values().sum::<u64>());
    }
}

fn write_consumers(text: &mut Text, consumers: &[Consumer]) {
    let name = "headcount_consumer_lag_changes";
    text.begin(name, Kind::Gauge, "changes", "Changes that the consumer has not acknowledged.");
    for consumer in consumers {
        text.sample(name, &[("consumer", &consumer.name)], consumer.lag);
    }
    let name = "headcount_consumer_parked_changes";
    text.begin(name, Kind::Gauge, "changes", "Changes that the consumer has parked.");
    for consumer in consumers {
        text.sample(name, &[("consumer", &consumer.name)], consumer.parked);
    }
    let name = "headcount_consumer_seen_timestamp_seconds";
    text.begin(name, Kind::Gauge, "seconds", "Time of the consumer's last poll or acknowledgement.");
    for consumer in consumers {
        text.time(name, &[("consumer", &consumer.name)], Some(consumer.seen_at));
    }
}
