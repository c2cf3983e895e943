//! When to try again, and how long to wait before.

use crate::source::Chance;
use std::time::Duration;

/// How calls are repeated after a failure that may pass: full-jitter exponential backoff.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a call is tried in all; 1 turns retries off.
    pub max_attempts: u32,
    /// The longest first wait; it doubles from attempt to attempt.
    pub base: Duration,
    /// The longest wait, unless the server asks for more.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    /// Five attempts, waits of up to 250 ms growing to up to 8 s.
    fn default() -> RetryPolicy {
        RetryPolicy { max_attempts: 5, base: Duration::from_millis(250), cap: Duration::from_secs(8) }
    }
}

impl RetryPolicy {
    /// The wait after the `attempt`-th failure (from 1): anything from nothing to the doubled base, so that callers who failed
    /// together do not come back together.
    pub(super) fn backoff(&self, attempt: u32, chance: &dyn Chance) -> Duration {
        let doubled = self.base.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
        let longest = doubled.min(self.cap);
        // 53 bits are what a double holds exactly.
        longest.mul_f64((chance.bits() >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u64);

    impl Chance for Fixed {
        fn bits(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn waits_double_up_to_the_cap_and_never_exceed_it() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.backoff(1, &Fixed(0)), Duration::ZERO);
        for (attempt, longest) in [(1, 250), (2, 500), (3, 1000), (6, 8000), (7, 8000), (40, 8000), (u32::MAX, 8000)] {
            let wait = policy.backoff(attempt, &Fixed(u64::MAX));
            let longest = Duration::from_millis(longest);
            assert!(wait <= longest && wait > longest.mul_f64(0.99), "attempt {attempt}: {wait:?}");
        }
    }
}
