//! The guard: leavers are deactivated at once, and never by mistake.
//!
//! A directory that loses many users at once has more likely been misread, unassigned from the application or broken than emptied. What
//! would remove more than the limit removes nobody until somebody has looked.

use crate::record::GuardSettings;
use std::time::Duration;

/// The hour within which deletion events are counted together.
pub(super) const BURST: Duration = Duration::from_secs(3600);

impl GuardSettings {
    /// How many of `size` users may go.
    pub(super) fn limit(&self, size: u64) -> u64 {
        // Sizes lie far below 2^53, and a share that is not a number lets nobody go.
        let share = (size as f64 * self.share).floor();
        self.users.max(share as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_of_the_two_limits_counts() {
        let guard = GuardSettings::default();
        for (size, limit) in [(0, 20), (50, 20), (200, 20), (209, 20), (210, 21), (1_000, 100)] {
            assert_eq!(guard.limit(size), limit, "{size}");
        }
        assert_eq!(GuardSettings { users: 0, share: 0.0, ..guard }.limit(1_000), 0);
        assert_eq!(GuardSettings { users: 3, share: f64::NAN, ..guard }.limit(1_000), 3);
    }
}
