//! Settings of the store.

use super::failure::GIVE_UP_AFTER;
use super::group::QUEUE_WAIT;
use std::time::Duration;

/// Settings of a [`PostgresStore`](crate::store::PostgresStore).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostgresOptions {
    /// Name of the schema that has the mirror's tables: lower-case letters, digits and underscores. It is created if there is none. Default:
    /// `headcount`.
    pub schema: String,
    /// The most connections that are open at once. Default: 10.
    pub connections: usize,
    /// How long a call waits for another transaction, or for a connection while all are in use, before it fails; and how long closing the store waits for
    /// calls that are running. Default: 10 seconds.
    ///
    /// The server ends a transaction that is idle for half of this time, so that a process that has stopped does not keep its locks.
    pub lock_timeout: Duration,
    /// How long a statement may take before the call fails. Default: 60 seconds.
    pub statement_timeout: Duration,
    /// Whether statements are prepared, so that the server plans each only a few times on each connection, and not each time. Default: false, because
    /// prepared statements do not work through a pooler in transaction mode that does not support them, such as pgbouncer 1.18.
    pub prepared_statements: bool,
    /// Whether leases use the time that the caller passes, and not the server's clock.
    pub(super) callers_time: bool,
    /// How long a call is repeated after its connection was lost.
    pub(super) give_up_after: Duration,
    /// How long a write waits for the groups of writes that are running.
    pub(super) queue_wait: Duration,
}

impl Default for PostgresOptions {
    fn default() -> PostgresOptions {
        PostgresOptions {
            schema: "headcount".to_owned(),
            connections: 10,
            lock_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(60),
            prepared_statements: false,
            callers_time: false,
            give_up_after: GIVE_UP_AFTER,
            queue_wait: QUEUE_WAIT,
        }
    }
}

#[cfg(feature = "store-testing")]
impl PostgresOptions {
    /// Makes leases use the time that the caller passes, and not the server's clock: for tests that choose the time.
    pub fn with_callers_time(mut self) -> PostgresOptions {
        self.callers_time = true;
        self
    }

    /// Sets how long a call is repeated after its connection was lost: for tests of what happens after that. It is repeated at least once.
    pub fn with_give_up_after(mut self, give_up_after: Duration) -> PostgresOptions {
        self.give_up_after = give_up_after;
        self
    }

    /// Sets how long a write waits for the groups of writes that are running, before another group is started: for tests that choose which writes are in
    /// a group.
    pub fn with_queue_wait(mut self, queue_wait: Duration) -> PostgresOptions {
        self.queue_wait = queue_wait;
        self
    }
}
