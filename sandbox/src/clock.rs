//! The sandbox's clock: the system's time, optionally faster, and moved forward on request.

use headcount::Timestamp;
use headcount::system::{Clock, SystemClock};
use jiff::SignedDuration;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A clock that starts with the system's time.
///
/// Threads: may be read and advanced from any number of threads.
pub(crate) struct SandboxClock {
    started: Timestamp,
    speed: f64,
    /// Sum of the durations of all calls of `advance`.
    ahead: Mutex<SignedDuration>,
}

impl SandboxClock {
    /// Makes a clock on which `speed` seconds pass per second of real time.
    pub(crate) fn new(speed: f64) -> SandboxClock {
        SandboxClock { started: SystemClock.now(), speed, ahead: Mutex::new(SignedDuration::ZERO) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let passed = SystemClock.now().duration_since(self.started).as_secs_f64() * self.speed;
        let passed = SignedDuration::try_from_secs_f64(passed).unwrap_or(SignedDuration::ZERO);
        self.started.checked_add(passed).and_then(|now| now.checked_add(self.ahead())).unwrap_or(Timestamp::MAX)
    }

    /// Moves the clock forward.
    pub(crate) fn advance(&self, by: Duration) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        *ahead = ahead.saturating_add(SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX));
    }

    /// Returns by how much the clock was moved forward.
    pub(crate) fn ahead(&self) -> SignedDuration {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how much real time passes until `moment`; zero if it is in the past.
    pub(crate) fn wait(&self, moment: Timestamp) -> Duration {
        let seconds = moment.duration_since(self.now()).as_secs_f64() / self.speed;
        Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
    }
}

/// Reads a duration such as `250ms`, `90s`, `5m`, `6h` or `1d`, or a number of seconds without a unit. Returns `None` for other texts
/// and for negative numbers.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let seconds = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.trim().parse::<f64>().ok()? * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_and_without_a_unit() {
        for (text, seconds) in
            [("90", 90.0), ("90s", 90.0), ("5m", 300.0), ("6h", 21600.0), ("1d", 86400.0), ("250ms", 0.25)]
        {
            assert_eq!(parse_duration(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_durations() {
        for text in ["", "h", "6 weeks", "-1s", "x"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn advancing_moves_the_clock_forward() {
        let clock = SandboxClock::new(1.0);
        let before = clock.now();
        clock.advance(Duration::from_secs(6 * 3600));
        assert!(clock.now().duration_since(before) >= SignedDuration::from_hours(6));
    }
}
