//! Times of the last runs of periodic work, so that it runs at most once a minute.

use crate::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};

/// The shortest time between two runs of the same work, in seconds.
const EVERY: i64 = 60;

/// The time of the last run of each kind of periodic work.
pub(super) struct Moments {
    /// The time at which old rows were last removed after an event.
    pub(super) trimmed: Moment,
    /// The time at which the store's log was last truncated after old rows were removed.
    pub(super) shrunk: Moment,
}

impl Moments {
    pub(super) fn new() -> Moments {
        Moments { trimmed: Moment::never(), shrunk: Moment::never() }
    }
}

/// The time of a last run, in seconds of the mirror's clock; `i64::MIN` if there was none.
pub(super) struct Moment(AtomicI64);

impl Moment {
    fn never() -> Moment {
        Moment(AtomicI64::new(i64::MIN))
    }

    /// Returns whether [`EVERY`] seconds have passed since the last run, and if so stores `now` as the time of the last run. If the clock was
    /// set back, it returns true.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let (now, last) = (now.as_second(), self.0.load(Ordering::Relaxed));
        if (0..EVERY).contains(&now.saturating_sub(last)) {
            return false;
        }
        // If another thread has stored its time meanwhile, that thread does the work.
        self.0.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Makes the work due at once.
    pub(super) fn make_due(&self) {
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
    fn upkeep_that_never_ran_is_due_at_any_time() {
        assert!(Moment::never().is_due(Timestamp::MIN));
        assert!(Moment::never().is_due(Timestamp::MAX));
    }
}
