//! Which of two messages about a row is newer.

use super::{SKEW, before};
use crate::Timestamp;
use crate::record::{DirectoryRow, MessageKind, OrganizationRow, Trail, Version};

/// Returns whether a listed row replaces the stored one.
///
/// A listing may lag behind events. If an event that is newer than the listed row arrived less than five minutes before the listing `started`,
/// or later, the listing may have been made without it, and does not replace the row.
pub(super) fn listing_replaces(trail: &Trail, listed_at: Option<Timestamp>, started: Timestamp) -> bool {
    !(is_recent(trail.touched_at, started) && trail.version.at > listed_at)
}

/// Returns whether a listing that started at `started` may lack an event that arrived at `at`: the event arrived less than five minutes before that,
/// or later.
pub(super) fn is_recent(at: Option<Timestamp>, started: Timestamp) -> bool {
    at.is_some_and(|at| at > before(started, SKEW))
}

/// Returns the version of a row after a listing that named it, applied at the time `now` of this machine's clock.
///
/// A time that is more than five minutes after `now` must be wrong, because clocks do not differ by more. It counts as `now`: otherwise every message
/// about the row would be stale until that time.
pub(super) fn listed_version(trail: &Trail, listed_at: Option<Timestamp>, now: Timestamp) -> Version {
    let known = Version { at: plausible(trail.version.at, now), ..trail.version.clone() };
    // The version of a removal by a listing may have a later time than the removal itself. It is limited to `now`, so that later events about the
    // user who has returned are not stale.
    let known = match is_removed_by_listing(trail) {
        true => Version { at: trail.version.at.min(Some(now)), ..Version::default() },
        false => known,
    };
    known.max(Version { at: plausible(listed_at, now), ..Version::default() })
}

/// Returns the version of the tombstone of a row that a listing lacks. `removed_at` is the time of the listing by the vendor's clock, `now` the time
/// by this machine's clock.
pub(super) fn removed_version(trail: &Trail, removed_at: Timestamp, now: Timestamp) -> Version {
    let known = Version { at: plausible(trail.version.at, now), ..trail.version.clone() };
    known.max(Version { at: Some(removed_at), kind: MessageKind::Deleted, event: String::new() })
}

fn is_removed_by_listing(trail: &Trail) -> bool {
    trail.deleted_at.is_some() && trail.version.event.is_empty()
}

/// Returns `now` instead of a time that is more than five minutes after it.
fn plausible(at: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let latest = now.checked_add(SKEW).unwrap_or(Timestamp::MAX);
    at.map(|at| if at > latest { now } else { at })
}

/// Returns whether an event is newer than the event that enabled or disabled the directory last: by time, then disabling after enabling, then
/// by event id as [`Version`] compares them.
pub(super) fn toggle_replaces(row: &DirectoryRow, enabled: bool, occurred_at: Timestamp, event_id: &str) -> bool {
    let last = Version { at: row.toggled_at, kind: toggle_kind(!row.toggled_off), event: row.toggled_event.clone() };
    last < Version { at: Some(occurred_at), kind: toggle_kind(enabled), event: event_id.to_owned() }
}

/// Returns whether a listing shows that the organization exists again after an event deleted it at `occurred_at` of the vendor's clock. The listing
/// must have started at least ten minutes later: the clocks may differ by five minutes, and a listing may lag behind events by five minutes.
pub(super) fn shows_return(row: &OrganizationRow, occurred_at: Timestamp) -> bool {
    let is_later = |started| occurred_at <= before(before(started, SKEW), SKEW);
    row.missing_since.is_none() && row.directories_listed_at.is_some_and(is_later)
}

fn toggle_kind(enabled: bool) -> MessageKind {
    if enabled { MessageKind::Created } else { MessageKind::Deleted }
}

/// Returns whether a listing that started at `started` determines if a directory is enabled. It does not if an event enabled or disabled the
/// directory less than five minutes before that time, or later.
pub(super) fn listing_toggles(row: &DirectoryRow, started: Timestamp) -> bool {
    !is_recent(row.toggle_arrived_at, started)
}

/// Replaces the time of a directory's last toggle by `now` if it is more than five minutes after `now`.
pub(super) fn limit_toggle(row: &mut DirectoryRow, now: Timestamp) {
    row.toggled_at = plausible(row.toggled_at, now);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn event(second: i64) -> Version {
        Version { at: Some(at(second)), kind: MessageKind::Updated, event: "evt_1".to_owned() }
    }

    fn listing(second: i64) -> Version {
        Version { at: Some(at(second)), ..Version::default() }
    }

    fn trail(version: Version, touched: Option<i64>) -> Trail {
        Trail { version, touched_at: touched.map(at), ..Trail::default() }
    }

    #[test]
    fn a_listing_that_may_lag_behind_a_newer_event_does_not_replace_the_row() {
        let event_a_minute_ago = trail(event(1_000), Some(940));
        assert!(!listing_replaces(&event_a_minute_ago, Some(at(900)), at(1_000)));
        assert!(listing_replaces(&event_a_minute_ago, Some(at(1_001)), at(1_000)), "the listed row is newer");
    }

    #[test]
    fn a_listing_replaces_a_row_whose_last_event_is_more_than_five_minutes_old() {
        assert!(listing_replaces(&trail(event(1_000), Some(699)), Some(at(10)), at(1_000)));
        assert!(!listing_replaces(&trail(event(1_000), Some(701)), Some(at(10)), at(1_000)));
    }

    #[test]
    fn a_listing_replaces_a_row_that_no_event_was_about() {
        assert!(listing_replaces(&trail(listing(2_000), None), None, at(1_000)));
    }

    #[test]
    fn a_row_that_a_listing_lacks_gets_the_time_of_the_listing() {
        let version = removed_version(&trail(listing(10), None), at(230), at(50));
        assert_eq!(version.at, Some(at(230)));
        assert_eq!(version.kind, MessageKind::Deleted);
    }

    #[test]
    fn an_update_from_before_a_removal_by_listing_is_stale_although_the_vendors_clock_is_ahead() {
        // The vendor's clock is 3 minutes ahead: local 1,000 is 1,180 there.
        let removed = removed_version(&trail(listing(10), None), at(1_180), at(1_000));
        assert!(event(1_170) < removed);
        assert!(event(1_190) > removed);
    }

    #[test]
    fn events_after_the_return_of_a_user_whose_removal_was_dated_ahead_are_not_stale() {
        let tombstone = Trail {
            version: removed_version(&trail(listing(10), None), at(1_300), at(1_000)),
            deleted_at: Some(at(1_000)),
            ..Trail::default()
        };
        assert_eq!(listed_version(&tombstone, Some(at(10)), at(1_060)), listing(1_060));
    }

    #[test]
    fn a_listing_limits_the_time_of_an_event_from_the_far_future() {
        let far = trail(event(999_999), Some(600));
        assert!(!listing_replaces(&far, Some(at(700)), at(899)), "the event may be newer");
        assert!(listing_replaces(&far, Some(at(700)), at(1_000)));
        let limited = listed_version(&far, Some(at(700)), at(1_000));
        assert_eq!(limited.at, Some(at(1_000)));
        assert!(event(1_001) > limited);
    }

    #[test]
    fn a_listing_keeps_the_times_of_a_clock_that_is_up_to_five_minutes_ahead() {
        assert_eq!(listed_version(&trail(event(1_300), None), Some(at(1_290)), at(1_000)), event(1_300));
        assert_eq!(listed_version(&trail(event(1_301), None), Some(at(1_290)), at(1_000)), listing(1_290));
    }

    fn toggled(second: i64, enabled: bool, event_id: &str) -> DirectoryRow {
        DirectoryRow {
            toggled_at: Some(at(second)),
            toggled_off: !enabled,
            toggled_event: event_id.to_owned(),
            ..DirectoryRow::default()
        }
    }

    #[test]
    fn toggles_of_the_same_time_are_ordered_disabling_last_and_then_by_id() {
        let toggles = [(1, false, "evt_9"), (2, true, "evt_9"), (2, true, "evt_10"), (2, false, "evt_1")];
        for (index, (second, enabled, id)) in toggles.into_iter().enumerate() {
            for (other, (before, was_enabled, last)) in toggles.into_iter().enumerate() {
                let row = toggled(before, was_enabled, last);
                assert_eq!(toggle_replaces(&row, enabled, at(second), id), index > other, "{id} after {last}");
            }
        }
        assert!(toggle_replaces(&DirectoryRow::default(), true, at(1), "evt_1"), "the first one");
    }

    #[test]
    fn a_listing_of_directories_does_not_override_an_event_of_the_last_five_minutes() {
        let row = DirectoryRow { toggle_arrived_at: Some(at(1_000)), ..toggled(1_000, false, "evt_1") };
        assert!(!listing_toggles(&row, at(900)));
        assert!(!listing_toggles(&row, at(1_299)));
        assert!(listing_toggles(&row, at(1_300)));
        assert!(listing_toggles(&DirectoryRow::default(), at(0)));
    }

    #[test]
    fn a_deletion_of_an_organization_is_stale_after_a_listing_that_started_at_least_ten_minutes_later() {
        let listed = OrganizationRow { directories_listed_at: Some(at(1_600)), ..OrganizationRow::default() };
        assert!(shows_return(&listed, at(1_000)));
        assert!(!shows_return(&listed, at(1_001)), "the listing may lag, and the clocks may differ");
        let missing = OrganizationRow { missing_since: Some(at(1_700)), ..listed };
        assert!(!shows_return(&missing, at(1_000)), "the organization is missing again");
        assert!(!shows_return(&OrganizationRow::default(), at(1_000)), "it was never listed");
    }

    proptest! {
        #[test]
        fn a_listed_version_has_the_later_of_the_two_plausible_times(known in 0_i64..900, listed in 0_i64..900, now in 0_i64..900) {
            let version = listed_version(&trail(listing(known), None), Some(at(listed)), at(now));
            let plausible = |second: i64| if second > now + 300 { now } else { second };
            prop_assert_eq!(version.at, Some(at(plausible(known).max(plausible(listed)))));
        }
    }
}
