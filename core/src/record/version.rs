//! How new a stored row is.

use crate::Timestamp;

/// How new the content of a row is.
///
/// The vendor's times are compared with each other, never with the local clock: of two messages about a row the newer one wins, in whatever
/// order they arrive. Ordered by time, then by event id.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The vendor's time of the content, or `None` if the vendor sent none.
    pub at: Option<Timestamp>,
    /// Id of the event that carried the content; empty for a listing. Decides between two events of the same time.
    pub event: String,
}

/// What stores keep about the history of a user's or group's row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// How new the row's content is.
    pub version: Version,
    /// Local time at which the latest event about the row arrived, or `None` if no event was about it.
    pub touched_at: Option<Timestamp>,
    /// Number of the write that changed the row last. Writes are numbered in ascending order.
    pub revision: i64,
    /// Local time of the removal, or `None` if the row is live. A removed row is a tombstone: it keeps older messages from bringing the user
    /// or group back.
    pub deleted_at: Option<Timestamp>,
}
