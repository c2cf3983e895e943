//! The retry policy: number of attempts, waits between them, and the retry budget of a client.

use crate::defaults;
use crate::random::{Random, fraction};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

/// How calls are repeated after a temporary failure: full-jitter exponential backoff, within a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Number of attempts of a call, the first one included; 1 turns retries off. Default: [`defaults::MAX_ATTEMPTS`].
    pub max_attempts: u32,
    /// Upper bound of the random wait after the first failed attempt. The bound doubles with each further failure. Default: [`defaults::RETRY_BASE`].
    pub base: Duration,
    /// Upper bound of any wait, unless the server asks for a longer one. Default: [`defaults::RETRY_CAP`].
    pub cap: Duration,
    /// Number of retries that all calls of a client have in total. Each retry takes one; each successful call gives half a retry back. A server that
    /// fails permanently therefore soon receives one request per call. Default: [`defaults::RETRY_BUDGET`].
    pub budget: u32,
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy {
            max_attempts: defaults::MAX_ATTEMPTS,
            base: defaults::RETRY_BASE,
            cap: defaults::RETRY_CAP,
            budget: defaults::RETRY_BUDGET,
        }
    }
}

impl RetryPolicy {
    /// Returns the wait after the `attempt`-th failure, counted from 1: uniformly distributed between zero and `base * 2^(attempt - 1)`, at most
    /// `cap`, so that callers that failed at the same time do not retry at the same time.
    pub(super) fn backoff(&self, attempt: u32, random: &dyn Random) -> Duration {
        longest_wait(self.base, attempt, self.cap).mul_f64(fraction(random))
    }
}

/// Returns the longest wait after the `attempt`-th failure, counted from 1: `first`, doubled after each further failure, at most `limit`.
pub fn longest_wait(first: Duration, attempt: u32, limit: Duration) -> Duration {
    first.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX)).min(limit)
}

/// The retries that a client has left, counted in halves.
pub(super) struct Budget {
    halves: AtomicU32,
    full: u32,
}

impl Budget {
    pub(super) fn new(retries: u32) -> Budget {
        let full = retries.saturating_mul(2);
        Budget { halves: AtomicU32::new(full), full }
    }

    /// Takes one retry. Returns false if none is left.
    pub(super) fn take(&self) -> bool {
        self.halves.fetch_update(Relaxed, Relaxed, |halves| halves.checked_sub(2)).is_ok()
    }

    /// Gives half a retry back, after a successful call.
    pub(super) fn refill(&self) {
        let _ = self.halves.fetch_update(Relaxed, Relaxed, |halves| (halves < self.full).then(|| halves + 1));
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
    fn waits_double_up_to_the_cap_and_never_exceed_it() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.backoff(1, &Fixed(0)), Duration::ZERO);
        for (attempt, longest) in [(1, 250), (2, 500), (3, 1000), (6, 8000), (7, 8000), (40, 8000), (u32::MAX, 8000)] {
            let wait = policy.backoff(attempt, &Fixed(u64::MAX));
            let longest = Duration::from_millis(longest);
            assert!(wait <= longest && wait > longest.mul_f64(0.99), "attempt {attempt}: {wait:?}");
        }
    }

    #[test]
    fn a_used_up_budget_recovers_with_successful_calls() {
        let budget = Budget::new(2);
        assert!(budget.take() && budget.take() && !budget.take());
        budget.refill();
        assert!(!budget.take(), "one success is half a retry");
        budget.refill();
        assert!(budget.take() && !budget.take());
        (0..100).for_each(|_| budget.refill());
        assert!(budget.take() && budget.take() && !budget.take(), "it never holds more than at first");
        assert!(!Budget::new(0).take());
    }
}
