//! Numbers of users and changes a day.

use crate::Timestamp;

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
