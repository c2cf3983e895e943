//! Which of two messages about a row is newer.

use super::{SKEW, before};
use crate::Timestamp;
use crate::record::{Trail, Version};

/// Returns whether a listed row replaces the stored one.
///
/// A listing may lag behind events. If an event that is newer than the listed row arrived less than five minutes before the listing `started`,
/// or later, the listing may have been made without it, and does not replace the row.
pub(super) fn listing_replaces(trail: &Trail, listed_at: Option<Timestamp>, started: Timestamp) -> bool {
    let is_recent = trail.touched_at.is_some_and(|at| at > before(started, SKEW));
    !(is_recent && trail.version.at > listed_at)
}

/// Returns the version of a row after a listing that ended at `now`. `is_absent` says that the listing lacks the row.
///
/// The version is never later than `now`, even if the vendor sent a later time. For an absent row it is `now`.
pub(in crate::mirror) fn listed_version(
    trail: &Trail,
    listed_at: Option<Timestamp>,
    now: Timestamp,
    is_absent: bool,
) -> Version {
    let known = Version { at: trail.version.at.map(|at| at.min(now)), event: trail.version.event.clone() };
    let listed = if is_absent { Some(now) } else { listed_at.map(|at| at.min(now)) };
    known.max(Version { at: listed, event: String::new() })
}

/// The version of a row after an event. An event that is dated more than five minutes after `now` counts as five minutes after it: otherwise
/// no later message about the row could replace it until that time.
pub(super) fn event_version(occurred_at: Timestamp, event_id: &str, now: Timestamp) -> Version {
    let latest = now.checked_add(SKEW).unwrap_or(Timestamp::MAX);
    Version { at: Some(occurred_at.min(latest)), event: event_id.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn trail(version: Option<i64>, touched: Option<i64>) -> Trail {
        Trail {
            version: Version { at: version.map(at), event: "evt_1".to_owned() },
            touched_at: touched.map(at),
            ..Trail::default()
        }
    }

    #[test]
    fn a_listing_that_may_lag_behind_a_newer_event_does_not_replace_the_row() {
        let event_a_minute_ago = trail(Some(1_000), Some(940));
        assert!(!listing_replaces(&event_a_minute_ago, Some(at(900)), at(1_000)));
        assert!(listing_replaces(&event_a_minute_ago, Some(at(1_001)), at(1_000)), "the listed row is newer");
    }

    #[test]
    fn a_listing_replaces_a_row_whose_last_event_is_more_than_five_minutes_old() {
        assert!(listing_replaces(&trail(Some(1_000), Some(699)), Some(at(10)), at(1_000)));
        assert!(!listing_replaces(&trail(Some(1_000), Some(701)), Some(at(10)), at(1_000)));
    }

    #[test]
    fn a_row_that_no_event_was_about_is_replaced() {
        assert!(listing_replaces(&trail(Some(2_000), None), None, at(1_000)));
    }

    #[test]
    fn an_absent_row_is_as_new_as_the_end_of_the_listing() {
        let version = listed_version(&trail(Some(10), None), None, at(50), true);
        assert_eq!(version, Version { at: Some(at(50)), event: String::new() });
    }

    #[test]
    fn an_event_from_the_far_future_counts_as_five_minutes_ahead() {
        assert_eq!(event_version(at(9_999), "evt_1", at(1_000)).at, Some(at(1_300)));
        assert_eq!(event_version(at(1_200), "evt_1", at(1_000)).at, Some(at(1_200)));
    }

    proptest! {
        #[test]
        fn a_listing_never_makes_a_row_older_than_it_could_be(known in 0_i64..200, listed in 0_i64..200, now in 0_i64..200) {
            let version = listed_version(&trail(Some(known), None), Some(at(listed)), at(now), false);
            prop_assert_eq!(version.at, Some(at(known.max(listed).min(now))));
        }
    }
}
