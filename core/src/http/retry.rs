//! When to try again, how long to wait before, and when to stop because the server is broken for everybody.

use crate::random::Random;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

/// How calls are repeated after a failure that may pass: full-jitter exponential backoff, within a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a call is tried in all; 1 turns retries off.
    pub max_attempts: u32,
    /// The longest first wait; it doubles from attempt to attempt.
    pub base: Duration,
    /// The longest wait, unless the server asks for more.
    pub cap: Duration,
    /// How many retries all calls of a client have between them. Each retry takes one, and each call that succeeds gives half of one
    /// back, so that a server which fails everybody is soon asked once a call and no more.
    pub budget: u32,
}

impl Default for RetryPolicy {
    /// Five attempts, waits of up to 250 ms growing to up to 8 s, a budget of 100.
    fn default() -> RetryPolicy {
        RetryPolicy { max_attempts: 5, base: Duration::from_millis(250), cap: Duration::from_secs(8), budget: 100 }
    }
}

impl RetryPolicy {
    /// The wait after the `attempt`-th failure (from 1): anything from nothing to the doubled base, so that callers who failed
    /// together do not come back together.
    pub(super) fn backoff(&self, attempt: u32, random: &dyn Random) -> Duration {
        let doubled = self.base.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
        let longest = doubled.min(self.cap);
        // 53 bits are what a double holds exactly.
        longest.mul_f64((random.bits() >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

/// The retries that a client has left, in halves.
pub(super) struct Budget {
    halves: AtomicU32,
    full: u32,
}

impl Budget {
    pub(super) fn new(retries: u32) -> Budget {
        let full = retries.saturating_mul(2);
        Budget { halves: AtomicU32::new(full), full }
    }

    /// Takes one retry, if there is one.
    pub(super) fn take(&self) -> bool {
        self.halves.try_update(Relaxed, Relaxed, |halves| halves.checked_sub(2)).is_ok()
    }

    /// A call succeeded.
    pub(super) fn refill(&self) {
        let _ = self.halves.try_update(Relaxed, Relaxed, |halves| (halves < self.full).then(|| halves + 1));
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
    fn a_budget_is_used_up_and_earned_back() {
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
