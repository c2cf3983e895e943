//! The guard: limits how many users a directory may lose without approval.
//!
//! If a directory loses many users at once, a misread listing, a changed assignment of the application or damage to the directory is more likely
//! than that they all left. A removal beyond the limit is held: it takes effect only after it is approved.

use super::before;
use super::step::Step;
use crate::record::{GuardSettings, Held, HeldReason, HeldRemovals};
use std::time::Duration;

/// The time within which removals by events are counted together.
const BURST: Duration = Duration::from_secs(3_600);

/// Returns how many of `size` users may be removed without approval.
pub(super) fn limit(guard: &GuardSettings, size: u64) -> u64 {
    // A double represents numbers below 2^53 exactly, and directories are far smaller. NaN becomes 0.
    let share = (size as f64 * guard.share).floor();
    guard.users.max(share as u64)
}

/// Returns the limit if one more removal by an event would exceed it, or `None` if it would not.
pub(super) fn burst_limit(step: &mut Step, directory_id: &str, guard: &GuardSettings) -> Option<u64> {
    if !guard.events {
        return None;
    }
    let counts = step.counts(directory_id, before(step.now, BURST));
    let removals = counts.event_removals + 1;
    if removals <= guard.users {
        return None;
    }
    // The share is that of the directory before the burst.
    let limit = limit(guard, counts.users + counts.event_removals);
    (removals > limit).then_some(limit)
}

/// Holds back the removal of a user by an event.
pub(super) fn hold_event(step: &mut Step, directory_id: &str, user_id: &str, limit: u64, cause: &str) {
    let held = step.held_removals(directory_id);
    let is_new = !held.iter().any(|id| id == user_id);
    let count = held.len() as u64 + u64::from(is_new);
    step.batch().held_removals.push(HeldRemovals {
        directory_id: directory_id.to_owned(),
        replace: false,
        user_ids: vec![user_id.to_owned()],
    });
    let now = step.now;
    if let Some(mut row) = step.directory(directory_id).cloned() {
        let at = row.held.as_ref().map_or(now, |held| held.at);
        row.held = Some(Held { reason: HeldReason::DeletionBurst, count, limit, at, cause: cause.to_owned() });
        step.put_directory(row);
    }
}

/// Holds back the removals of a directory that is disabled or unknown to the API. Returns the hold, or `None` if the directory has no users.
pub(in crate::mirror) fn hold_directory(
    step: &mut Step,
    directory_id: &str,
    reason: HeldReason,
    cause: &str,
) -> Option<Held> {
    let now = step.now;
    let count = step.counts(directory_id, now).users;
    let mut row = step.directory(directory_id).cloned().filter(|_| count > 0)?;
    let at = row.held.as_ref().filter(|held| held.reason == reason).map_or(now, |held| held.at);
    let held = Held { reason, count, limit: 0, at, cause: cause.to_owned() };
    row.held = Some(held.clone());
    step.put_directory(row);
    Some(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_of_the_two_limits_applies() {
        let guard = GuardSettings::default();
        for (size, expected) in [(0, 20), (50, 20), (200, 20), (209, 20), (210, 21), (1_000, 100)] {
            assert_eq!(limit(&guard, size), expected, "of {size} users");
        }
    }

    #[test]
    fn a_guard_of_zero_lets_nobody_go() {
        assert_eq!(limit(&GuardSettings { users: 0, share: 0.0, ..GuardSettings::default() }, 1_000), 0);
    }

    #[test]
    fn a_share_that_is_not_a_number_counts_as_zero() {
        assert_eq!(limit(&GuardSettings { users: 3, share: f64::NAN, ..GuardSettings::default() }, 1_000), 3);
    }
}
