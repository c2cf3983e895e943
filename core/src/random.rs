//! The random source. The only module that reads the operating system's random numbers.
//!
//! Everything else takes a [`Random`], so that one seed determines a whole test run.

use crate::clock::{Clock, SystemClock};
use std::time::Duration;

/// A source of random numbers, for retry delays and message ids. Implementations are called from several threads at once.
pub trait Random: Send + Sync + 'static {
    /// Returns 64 random bits.
    fn bits(&self) -> u64;
}

/// Returns a number from 0 to 1, and less than 1, of a uniform distribution.
pub(crate) fn fraction(random: &dyn Random) -> f64 {
    // A double represents integers of up to 53 bits exactly.
    (random.bits() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Returns a random time between half of `longest` and `longest`, so that processes that failed at the same moment do not try again at the same moment.
pub fn jittered(longest: Duration, random: &dyn Random) -> Duration {
    longest.mul_f64(0.5 + fraction(random) / 2.0)
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
