//! The defaults of all settings. Documentation, bindings and code refer to these constants, so that each value is written once.

use std::time::Duration;

/// Deadline of a call, with all its attempts and waits.
pub const TIMEOUT: Duration = Duration::from_secs(60);
/// Longest duration of one attempt of a call.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest duration of establishing a connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Number of attempts of a call, the first one included.
pub const MAX_ATTEMPTS: u32 = 5;
/// Upper bound of the random wait after the first failed attempt. The bound doubles with each further failure.
pub const RETRY_BASE: Duration = Duration::from_millis(250);
/// Upper bound of any random wait between attempts.
pub const RETRY_CAP: Duration = Duration::from_secs(8);
/// Number of retries that all calls of a client have in total; see `RetryPolicy::budget`.
pub const RETRY_BUDGET: u32 = 100;
/// Largest number of requests of a client that are in flight at the same time.
pub const MAX_CONCURRENCY: usize = 32;
/// Largest answer that is read, in bytes. The vendor's largest pages have about 100 kB.
pub const MAX_RESPONSE_BYTES: usize = 8 << 20;
/// Largest accepted difference between a webhook's timestamp and the clock, in either direction. The value is that of Standard Webhooks.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);
/// Largest webhook body that is verified, in bytes.
pub const MAX_BODY_BYTES: usize = 1 << 20;
/// How long a replay guard stores a message id: more than twice the 28 hours for which the vendor repeats deliveries.
pub const REPLAY_RETENTION: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// Number of ids that a replay guard in memory keeps. They take at most about 20 MB.
pub const REPLAY_CAPACITY: usize = 100_000;
/// Length of the window within which the mirror's guard adds up losses of access.
pub const GUARD_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);
/// Age of a directory's last full sync at which the mirror makes another.
pub const FULL_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the mirror keeps changes that every consumer has acknowledged.
pub const RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long the mirror keeps its history.
pub const HISTORY: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// Maximum number of pending events that the mirror keeps for an organization.
pub const PENDING_EVENTS: u64 = 10_000;
/// Largest total size of the pending events that the mirror keeps for an organization, in bytes.
pub const PENDING_BYTES: u64 = 64 << 20;
/// Maximum number of groups that an event may name for a user.
pub const GROUPS_PER_USER: u64 = 10_000;
/// After how long without a poll or an acknowledgement a consumer of the mirror's feed expires.
pub const CONSUMER_EXPIRY: Duration = Duration::from_secs(30 * 24 * 60 * 60);
