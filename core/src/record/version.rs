//! How new a stored row is.

use crate::Timestamp;

/// How new the content of a row is.
///
/// Ordered by time, then by event id. Of two messages about a row, the one with the greater version applies, in whatever order they arrive. The
/// times are the vendor's, limited by the local clock; a row that a listing lacks gets the local time of the listing.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The time of the content, or `None` if the vendor sent none.
    pub at: Option<Timestamp>,
    /// Id of the event that carried the content; empty for a listing. Decides between two events of the same time.
    pub event: String,
}

/// The version, times and revision of a user's or group's row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// How new the row's content is.
    pub version: Version,
    /// Local time at which the latest event about the row arrived, or `None` if no event was about it.
    pub touched_at: Option<Timestamp>,
    /// Revision of the write that changed the row last. Each write has a greater revision than the writes before it.
    pub revision: i64,
    /// Local time of the removal, or `None` if the row is live. A removed row is a tombstone: older messages about
    /// it are stale and do not restore the user or group.
    pub deleted_at: Option<Timestamp>,
}
