//! Versions: which of two messages about a row is newer.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// The kind of message that a row's content came from. Of two messages with the same time, the one whose kind is listed later here is newer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// A listing.
    #[default]
    Listing,
    /// An event about a creation, or the mention of a group in a user's event.
    Created,
    /// An event about an update.
    Updated,
    /// An event about a deletion.
    Deleted,
}

impl MessageKind {
    const ALL: [MessageKind; 4] =
        [MessageKind::Listing, MessageKind::Created, MessageKind::Updated, MessageKind::Deleted];

    /// Returns the number that stores keep: 0 for a listing, 1 for a creation, 2 for an update, 3 for a deletion.
    pub fn number(self) -> i64 {
        self as i64
    }

    /// Returns the kind with this number, or `Updated` for an unknown number.
    pub fn from_number(number: i64) -> MessageKind {
        MessageKind::ALL.into_iter().find(|kind| kind.number() == number).unwrap_or(MessageKind::Updated)
    }
}

/// How new the content of a row is.
///
/// Versions are totally ordered: by time, then by kind of message, then by event id (shorter ids first, then as text). Of two messages about a
/// row, the one with the greater version applies, in whatever order they arrive. The times are the vendor's; a row that a listing lacks gets
/// the vendor's time of the listing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The time of the content, or `None` if the vendor sent none.
    pub at: Option<Timestamp>,
    /// The kind of message that carried the content.
    #[serde(default)]
    pub kind: MessageKind,
    /// Id of the event that carried the content; empty for a listing.
    pub event: String,
}

impl Ord for Version {
    fn cmp(&self, other: &Version) -> Ordering {
        let key = |version: &Version| (version.at, version.kind, version.event.len());
        key(self).cmp(&key(other)).then_with(|| self.event.cmp(&other.event))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Version) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The version, times and revision of a user's or group's row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// How new the row's content is.
    pub version: Version,
    /// Time at which the latest event about the row arrived, by the clock of the machine that received it, or `None` if no event was about it.
    pub touched_at: Option<Timestamp>,
    /// Revision of the write that changed the row last. Each write has a greater revision than the writes before it.
    pub revision: i64,
    /// Time of the removal, by the clock of the machine that removed it, or `None` if the row is live. A removed row is a tombstone: older messages
    /// about it are stale and do not restore the user or group.
    pub deleted_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(second: i64, kind: MessageKind, event: &str) -> Version {
        Version { at: Some(Timestamp::from_second(second).unwrap()), kind, event: event.to_owned() }
    }

    #[test]
    fn messages_of_the_same_time_are_ordered_by_kind_and_then_by_the_length_and_text_of_their_ids() {
        use MessageKind::*;
        let ascending = [
            Version::default(),
            version(1, Deleted, "evt_9"),
            version(2, Listing, ""),
            version(2, Created, "evt_10"),
            version(2, Updated, "evt_9"),
            version(2, Updated, "evt_10"),
            version(2, Updated, "evt_11"),
            version(2, Deleted, "evt_1"),
        ];
        assert!(ascending.is_sorted_by(|left, right| left < right), "{ascending:?}");
    }

    #[test]
    fn every_kind_of_message_has_a_number_of_its_own() {
        for kind in MessageKind::ALL {
            assert_eq!(MessageKind::from_number(kind.number()), kind);
        }
        assert_eq!(MessageKind::from_number(9), MessageKind::Updated);
    }
}
