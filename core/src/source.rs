//! Where time and chance come from: the one room that may ask the machine for either.
//!
//! Everything else takes a [`Clock`] or a [`Chance`], so that a test can set the hour and a seed can drive a whole run.

use crate::Timestamp;

/// Tells the time of day.
pub trait Clock: Send + Sync + 'static {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}

/// A source of random numbers.
pub trait Chance: Send + Sync + 'static {
    /// 64 random bits.
    fn bits(&self) -> u64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The operating system's random source. It keeps no state, so a forked child does not repeat its parent.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsChance;

impl Chance for OsChance {
    #[allow(clippy::disallowed_methods, reason = "this is the one place that asks the machine for random bits")]
    fn bits(&self) -> u64 {
        // Where the operating system has no randomness to give, jitter and message ids fall back to the clock's last digits.
        getrandom::u64().unwrap_or_else(|_| SystemClock.now().as_nanosecond() as u64)
    }
}

impl Clock for Timestamp {
    /// A clock that stands still.
    fn now(&self) -> Timestamp {
        *self
    }
}
