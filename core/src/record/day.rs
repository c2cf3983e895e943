//! Numbers of users and changes a day.

use crate::Timestamp;
use std::collections::BTreeMap;

/// What the rows of the history of one day are, as stores count them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryDay {
    /// Number of the day in UTC: days since 1970-01-01.
    pub day: i64,
    /// Number of rows.
    pub rows: u64,
    /// Number of rows with the creation of a user.
    pub created: u64,
    /// Number of rows with the deletion of a user.
    pub deleted: u64,
}

impl HistoryDay {
    /// Counts a row of the history, which was written at `at`, for its day in UTC.
    pub(crate) fn count(days: &mut BTreeMap<i64, HistoryDay>, at: Timestamp, is_creation: bool, is_removal: bool) {
        let day = at.as_second().div_euclid(86_400);
        let counted = days.entry(day).or_insert(HistoryDay { day, ..HistoryDay::default() });
        counted.rows += 1;
        counted.created += u64::from(is_creation);
        counted.deleted += u64::from(is_removal);
    }
}

/// The users and changes of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DayCount {
    /// Start of the day, in UTC.
    pub day: Timestamp,
    /// Number of users that were mirrored at the end of the day, without users who have been erased since.
    pub users: u64,
    /// Number of entries of the history of the day: each has what one step changed about one user, group, directory or organization.
    pub changes: u64,
}
