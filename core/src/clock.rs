//! The clock. The only module that reads the system's time of day.
//!
//! Everything else takes a [`Clock`], so that a test sets the time and a simulation runs with a time of its own.

use crate::Timestamp;

/// A source of the current time. Implementations are called from several threads at once.
pub trait Clock: Send + Sync + 'static {
    /// Returns the current time in UTC.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the only place that reads the system's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl Clock for Timestamp {
    /// Returns this timestamp: a clock whose time does not change.
    fn now(&self) -> Timestamp {
        *self
    }
}
