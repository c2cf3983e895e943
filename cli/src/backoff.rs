//! Waiting times between attempts, which grow.

use headcount::internal::{jittered, longest_wait};
use headcount::system::Random;
use std::time::Duration;

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
