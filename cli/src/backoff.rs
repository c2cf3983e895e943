//! Waiting times between attempts, which grow, and why an attempt failed.

use crate::values;
use headcount::internal::{jittered, longest_wait};
use headcount::system::{OsRandom, Random};
use std::time::Duration;

/// The longest wait that a server can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);
/// The options of repeated attempts.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct BackoffOptions {
    /// The wait after the first failed attempt
    #[arg(long, value_name = "TIME", value_parser = values::duration, default_value = "1s")]
    backoff: Duration,
    /// The longest wait between two attempts
    #[arg(long, value_name = "TIME", value_parser = values::duration, default_value = "60s")]
    backoff_limit: Duration,
}

impl BackoffOptions {
    /// Returns how long to wait after `failed` attempts, at least 1. `retry_after` is how long the server asks to wait; at most an hour counts.
    pub(crate) fn wait(self, failed: u32, retry_after: Option<Duration>) -> Duration {
        let backoff = Backoff { first: self.backoff, limit: self.backoff_limit };
        backoff.wait(failed, &OsRandom).max(retry_after.unwrap_or_default().min(LONGEST_WAIT))
    }
}

/// Why a change was not handed over.
pub(crate) struct NotHanded {
    pub(crate) reason: String,
    /// How long the server asks to wait.
    pub(crate) retry_after: Option<Duration>,
}

impl NotHanded {
    pub(crate) fn new(reason: String) -> NotHanded {
        NotHanded { reason, retry_after: None }
    }
}

/// Exponential waiting times with jitter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    /// The longest wait after the first failed attempt.
    pub(crate) first: Duration,
    /// The longest wait after any attempt.
    pub(crate) limit: Duration,
}

impl Backoff {
    /// Returns how long to wait after `failed` attempts, at least 1: a random time between half of the longest wait and the longest wait.
    pub(crate) fn wait(&self, failed: u32, random: &dyn Random) -> Duration {
        jittered(longest_wait(self.first, failed, self.limit), random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u64);

    impl Random for Fixed {
        fn bits(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn waits_double_up_to_the_limit() {
        let backoff = Backoff { first: Duration::from_secs(1), limit: Duration::from_secs(60) };
        let longest = |failed| backoff.wait(failed, &Fixed(u64::MAX)).as_secs_f64().round();
        assert_eq!([1, 2, 3, 7, 1000, u32::MAX].map(longest), [1.0, 2.0, 4.0, 60.0, 60.0, 60.0]);
        assert_eq!(backoff.wait(3, &Fixed(0)), Duration::from_secs(2));
    }
}
