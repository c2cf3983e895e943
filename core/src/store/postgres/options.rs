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
    /// Maximum number of connections that are open at once: at least 1. Default: 10.
    pub connections: usize,
    /// How long a call waits for another transaction, or for a connection while all are in use, before it fails; and how long closing the store waits for
    /// calls that are running. At least 1 millisecond; a time of more than 24 days counts as 24 days for the server. Default: 10 seconds.
    ///
    /// The server ends a transaction that is idle for half of this time, so that a process that has stopped does not keep its locks.
    pub lock_timeout: Duration,
    /// How long a statement may take before the call fails. At least 1 millisecond; a time of more than 24 days counts as 24 days. Default: 60 seconds.
    ///
    /// A connection counts as lost if the server has not answered a statement within the sum of this and `lock_timeout`.
    pub statement_timeout: Duration,
    /// Whether statements are prepared, so that the server plans each only a few times on each connection, and not each time. Default: false, because
    /// prepared statements do not work through a pooler in transaction mode that does not support them, such as pgbouncer 1.18.
    pub prepared_statements: bool,
    /// Whether processes notify each other of changes, with `NOTIFY` and `LISTEN`, so that a process that waits for changes gets those of another process
    /// at once, and not only when it looks for them, up to 0.5 seconds later. Default: false. The parameter `notify` of the URL (`true` or `false`)
    /// replaces it.
    ///
    /// All processes need it: those that append changes send at most one notification each 10 milliseconds, and a process that waits for changes has one
    /// more connection. This connection must not go through a pooler in transaction mode, which does not deliver notifications: the process then only
    /// looks for changes.
    pub notify: bool,
    /// Whether leases use the time that the caller passes, and not the server's clock.
    pub(super) callers_time: bool,
    /// How long a call is repeated, from its first lost connection on.
    pub(super) give_up_after: Duration,
    /// How long a write waits for the groups of writes that are running, before another group is started.
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
            notify: false,
            callers_time: false,
            give_up_after: GIVE_UP_AFTER,
            queue_wait: QUEUE_WAIT,
        }
    }
}

impl PostgresOptions {
    /// Returns what is wrong with the values, or `None` if they can be used. The text does not have the names of the options, because each language has
    /// other names for them.
    pub(super) fn refusal(&self) -> Option<String> {
        let schema = &self.schema;
        let letters = schema.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        if !letters || schema.is_empty() || schema.len() > 63 || schema.starts_with(|c: char| c.is_ascii_digit()) {
            return Some(
                "the name of the schema cannot be used: expected at most 63 lower-case letters, digits and underscores"
                    .to_owned(),
            );
        }
        if schema.starts_with("pg_") {
            return Some(
                "the name of the schema begins with pg_, which PostgreSQL reserves: choose another".to_owned(),
            );
        }
        if self.connections == 0 {
            return Some("expected at least 1 connection, got 0".to_owned());
        }
        for (name, timeout) in [("lock", self.lock_timeout), ("statement", self.statement_timeout)] {
            // The server would take 0 as no timeout.
            if timeout < Duration::from_millis(1) {
                return Some(format!("expected a {name} timeout of at least 1 millisecond, got {timeout:?}"));
            }
        }
        None
    }
}

#[cfg(feature = "store-testing")]
impl PostgresOptions {
    /// Makes leases use the time that the caller passes, and not the server's clock: for tests that choose the time.
    pub fn with_callers_time(mut self) -> PostgresOptions {
        self.callers_time = true;
        self
    }

    /// Sets how long a call is repeated, from its first lost connection on: for tests of what happens after that. It is repeated at least once.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut PostgresOptions)) -> Option<String> {
        let mut options = PostgresOptions::default();
        change(&mut options);
        options.refusal()
    }

    #[test]
    fn the_defaults_and_the_smallest_values_can_be_used() {
        assert_eq!(refusal(|_| ()), None);
        assert_eq!(refusal(|options| options.connections = 1), None);
        assert_eq!(refusal(|options| options.lock_timeout = Duration::from_millis(1)), None);
        assert_eq!(refusal(|options| options.statement_timeout = Duration::from_millis(1)), None);
    }

    #[test]
    fn a_pool_without_connections_and_timeouts_of_less_than_a_millisecond_are_refused() {
        assert_eq!(refusal(|options| options.connections = 0).unwrap(), "expected at least 1 connection, got 0");
        assert_eq!(
            refusal(|options| options.lock_timeout = Duration::ZERO).unwrap(),
            "expected a lock timeout of at least 1 millisecond, got 0ns"
        );
        assert_eq!(
            refusal(|options| options.statement_timeout = Duration::from_micros(999)).unwrap(),
            "expected a statement timeout of at least 1 millisecond, got 999µs"
        );
    }
}
