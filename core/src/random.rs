//! The random source. The only module that reads the operating system's random numbers.
//!
//! Everything else takes a [`Random`], so that one seed determines a whole test run.

use crate::clock::{Clock, SystemClock};

/// A source of random numbers, for retry delays and message ids. Implementations are called from several threads at once.
pub trait Random: Send + Sync + 'static {
    /// Returns 64 random bits.
    fn bits(&self) -> u64;
}

/// The operating system's random source. It has no state in this process, so a forked child does not repeat its parent's numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    #[allow(clippy::disallowed_methods, reason = "this is the only place that reads the system's random source")]
    fn bits(&self) -> u64 {
        // Where the operating system's source fails, the clock's nanoseconds are enough for jitter and message ids.
        getrandom::u64().unwrap_or_else(|_| SystemClock.now().as_nanosecond() as u64)
    }
}
