//! Consumers of the change feed.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// A consumer of the change feed and its position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Consumer {
    /// The consumer's name.
    pub name: String,
    /// Number of the last change that it acknowledged; 0 if it has acknowledged none, and negative while it reads a snapshot. If it has partitions,
    /// the lowest of the numbers up to which these are acknowledged.
    pub cursor: i64,
    /// Number of changes that it has not acknowledged. The rows of a snapshot are not counted. If it has partitions, number of changes after
    /// `cursor`, some of which may be acknowledged.
    pub lag: u64,
    /// Number of changes that it has parked.
    pub parked: u64,
    /// Time of its last poll or acknowledgement, in UTC, by the clock of the machine that made it. A poll that returns no new change updates it only
    /// if the stored time is at least an hour old.
    pub seen_at: Timestamp,
    /// Time, in UTC, at which it expires unless it polls or acknowledges before: from then on, changes are trimmed even if it has not acknowledged
    /// them. `None` if consumers do not expire.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// A consumer's stored row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerRow {
    /// The consumer's name.
    pub name: String,
    /// Number of the last change that it acknowledged, as [`Consumer::cursor`]. If it has partitions, the lowest of their cursors.
    pub cursor: i64,
    /// The greatest number that polls of this generation have returned. If it has partitions and one of their cursors has had a greater number, that
    /// number.
    pub polled: i64,
    /// The generation of its cursor. Each registration of a consumer and each start of a snapshot gets a new one, so that a late acknowledgement of
    /// an earlier generation is recognized.
    pub generation: i64,
    /// The snapshot that it started from, or `None` if it started from the feed.
    pub snapshot: Option<Snapshot>,
    /// Time of its last poll or acknowledgement, by the clock of the machine that made it.
    pub seen_at: Timestamp,
    /// Its partitions; empty if it has one cursor for all changes.
    pub partitions: Vec<Partition>,
}

/// A partition of a consumer: a part of its changes, which one worker at a time gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(i64, Option<(u32, i64)>)", into = "(i64, Option<(u32, i64)>)")]
pub struct Partition {
    /// The number up to which all changes of the partition are acknowledged. It may be the number of a change of another partition.
    pub cursor: i64,
    /// The worker that holds it, whether or not the worker's lease has ended; `None` if no worker has taken it since it was made or released.
    pub worker: Option<WorkerId>,
}

/// Identifies a worker of a consumer by its lease. Each worker of a consumer has another id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkerId {
    /// The number in the name of the lease.
    pub number: u32,
    /// The fencing token of the lease.
    pub token: i64,
}

/// Makes a partition from its stored form.
impl From<(i64, Option<(u32, i64)>)> for Partition {
    fn from((cursor, worker): (i64, Option<(u32, i64)>)) -> Partition {
        Partition { cursor, worker: worker.map(|(number, token)| WorkerId { number, token }) }
    }
}

impl From<Partition> for (i64, Option<(u32, i64)>) {
    fn from(Partition { cursor, worker }: Partition) -> (i64, Option<(u32, i64)>) {
        (cursor, worker.map(|WorkerId { number, token }| (number, token)))
    }
}

/// The latest row numbers at the moment when a snapshot was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Number of the latest change.
    pub seq: i64,
    /// Greatest number of a group's row.
    pub groups: i64,
    /// Greatest number of a user's row.
    pub users: i64,
    /// Time at which the snapshot was taken, by the clock of the machine that took it; 1970-01-01 in rows that version 0.1.0 wrote.
    #[serde(default)]
    pub at: Timestamp,
}

impl ConsumerRow {
    /// Returns the number of the last change of the feed that the consumer does not need any more, because it has acknowledged the change or its
    /// snapshot includes it. Returns 0 if there is none.
    pub fn seen(&self) -> i64 {
        self.seen_with(self.cursor)
    }

    /// Returns what [`seen`](ConsumerRow::seen) returns, with `cursor`, such as that of one partition, instead of the consumer's own.
    pub(crate) fn seen_with(&self, cursor: i64) -> i64 {
        cursor.max(self.snapshot.map_or(0, |snapshot| snapshot.seq)).max(0)
    }
}
