//! The guard: limits how many users of a directory may lose access without approval.
//!
//! If many users of a directory lose access at once, the cause is more likely an error in the listing, a changed assignment of the application or
//! damage to the directory than that all of them left. One budget per directory covers every way of losing access within a rolling window: removal by a
//! listing or an event, deactivation, and the loss of all roles. Beyond the budget a loss is held back until it is approved.

use super::before;
use super::step::Step;
use crate::Timestamp;
use crate::record::{CountsKey, GuardSettings, HoldReason};

/// How many users of a directory may lose access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mirror) struct Budget {
    /// How many users may lose access within one window.
    pub(in crate::mirror) limit: u64,
    /// How many more users may lose access within the present window.
    pub(in crate::mirror) left: u64,
}

/// Returns how many users of a directory of `size` users may lose access within the window: the share, or, if that is more, the number of
/// users that is always permitted. That number is half of the users of a directory of up to ten, or else five or a quarter of the users, whichever
/// is more; it is `guard.users` at most. A share of 1 permits any number.
pub(super) fn limit(guard: &GuardSettings, size: u64) -> u64 {
    if guard.share >= 1.0 {
        return u64::MAX;
    }
    // A double represents numbers below 2^53 exactly, and directories are far smaller. NaN becomes 0.
    let share = (size as f64 * guard.share).floor();
    let floor = size.div_ceil(2).min(5).max(size.div_ceil(4));
    guard.users.min(floor).max(share as u64)
}

/// Returns a directory's budget. It is calculated from the number of users at the window's start, or after the directory's first full sync if that
/// was later: users who were added since do not enlarge the budget, and users who were removed since do not reduce it.
pub(in crate::mirror) fn budget(step: &mut Step, directory_id: &str) -> Budget {
    let guard = step.settings().guard;
    let since = before(step.now, guard.window);
    let first = step.directory(directory_id).and_then(|row| row.first_full_sync).unwrap_or(Timestamp::MAX);
    let counts = step.counts(directory_id, CountsKey { since, base: first.max(since) });
    let limit = limit(&guard, counts.base_users);
    Budget { limit, left: limit.saturating_sub(counts.losses + step.spent(directory_id)) }
}

/// Makes a hold on a directory as a whole, because the directory is disabled or the API does not list it. Does nothing if the directory has a hold
/// for this reason.
pub(in crate::mirror) fn hold_directory(step: &mut Step, directory_id: &str, reason: HoldReason) {
    let Some(organization_id) = step.directory(directory_id).map(|row| row.directory.organization_id.clone()) else {
        return;
    };
    if !step.holds(directory_id).iter().any(|row| row.reason == reason) {
        step.open_hold(&organization_id, directory_id, reason, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_half_or_a_quarter_of_a_small_directory_then_twenty_users_then_a_tenth() {
        let guard = GuardSettings::default();
        for (size, expected) in [
            (0, 0),
            (1, 1),
            (2, 1),
            (3, 2),
            (4, 2),
            (10, 5),
            (20, 5),
            (21, 6),
            (60, 15),
            (80, 20),
            (200, 20),
            (209, 20),
            (210, 21),
            (1_000, 100),
        ] {
            assert_eq!(limit(&guard, size), expected, "of {size} users");
        }
    }

    #[test]
    fn a_guard_of_zero_users_and_share_permits_no_loss() {
        assert_eq!(limit(&GuardSettings { users: 0, share: 0.0, ..GuardSettings::default() }, 1_000), 0);
    }

    #[test]
    fn a_share_of_one_permits_every_loss() {
        assert_eq!(limit(&GuardSettings { users: 0, share: 1.0, ..GuardSettings::default() }, 1_000), u64::MAX);
    }

    #[test]
    fn a_share_that_is_not_a_number_counts_as_zero() {
        assert_eq!(limit(&GuardSettings { users: 3, share: f64::NAN, ..GuardSettings::default() }, 1_000), 3);
    }
}
