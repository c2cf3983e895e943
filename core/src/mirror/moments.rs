//! When the mirror last did what it does now and then.

use crate::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};

/// How often it does so, in seconds.
const EVERY: i64 = 60;

/// Times by the mirror's clock.
pub(super) struct Moments {
    /// Removed old rows after an event.
    pub(super) trimmed: Moment,
    /// Removed old rows from the store's log.
    pub(super) shrunk: Moment,
}

impl Moments {
    pub(super) fn new() -> Moments {
        Moments { trimmed: Moment::never(), shrunk: Moment::never() }
    }
}

/// When something was last done, in seconds of the mirror's clock.
pub(super) struct Moment(AtomicI64);

impl Moment {
    fn never() -> Moment {
        Moment(AtomicI64::new(i64::MIN))
    }

    /// Returns whether [`EVERY`] have passed, and if so, notes `now`. A clock that was set back counts as if they had.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let (now, last) = (now.as_second(), self.0.load(Ordering::Relaxed));
        if (0..EVERY).contains(&now.saturating_sub(last)) {
            return false;
        }
        // If another call was faster, it is its turn.
        self.0.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Makes it due at once.
    pub(super) fn forget(&self) {
        self.0.store(i64::MIN, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn upkeep_is_due_once_a_minute() {
        let moment = Moment::never();
        assert!(moment.is_due(at(1_000)));
        assert!(!moment.is_due(at(1_000)));
        assert!(!moment.is_due(at(1_059)));
        assert!(moment.is_due(at(1_060)));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_stop_the_upkeep() {
        let moment = Moment::never();
        assert!(moment.is_due(at(1_000)));
        assert!(moment.is_due(at(10)));
        assert!(!moment.is_due(at(20)));
    }

    #[test]
    fn upkeep_is_due_at_any_time_of_the_clock() {
        assert!(Moment::never().is_due(Timestamp::MIN));
        assert!(Moment::never().is_due(Timestamp::MAX));
    }
}
