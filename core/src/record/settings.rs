//! Settings of the mirror that records and reports refer to.

use serde::Serialize;

/// How many users may be removed from a directory without approval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GuardSettings {
    /// Number of users that may always be removed.
    pub users: u64,
    /// Share of the directory's users that may be removed, from 0 to 1. The larger of the two limits applies.
    pub share: f64,
    /// Whether deletion events beyond the limit within an hour are held back as well.
    pub events: bool,
}

impl Default for GuardSettings {
    /// 20 users or 10 % of the directory; deletion events are held back as well.
    fn default() -> GuardSettings {
        GuardSettings { users: 20, share: 0.1, events: true }
    }
}
