//! What a poll reads of the feed: single changes, or groups of changes, one for each entry.

use crate::Result;
use crate::record::{Change, ConsumerRow, Entry};
use crate::store::{EntryPage, FeedMarks, FeedPage, Store};
use std::sync::Arc;

/// What a poll never divides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// A change.
    Change,
    /// The changes of an entry that were not acknowledged, or one change of a snapshot.
    Entry,
}

/// Changes that a poll has read, oldest first.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) changes: Vec<Change>,
    /// The number of changes of each group; empty if single changes were read.
    pub(super) sizes: Vec<usize>,
}

impl Found {
    /// Expands entries to their changes after `position`, with a group for each entry.
    fn of_entries(entries: Vec<Entry>, position: i64) -> Result<Found> {
        let mut found = Found::default();
        for entry in entries {
            let changes = entry.changes_after(position, usize::MAX)?;
            found.sizes.push(changes.len());
            found.changes.extend(changes);
        }
        Ok(found)
    }

    /// Divides the changes into their groups.
    pub(super) fn into_groups(self) -> Vec<Vec<Change>> {
        let mut changes = self.changes.into_iter();
        self.sizes.into_iter().map(|size| changes.by_ref().take(size).collect()).collect()
    }
}

impl Unit {
    /// Reads a consumer, what is after its position, and the feed's marks. Single changes are those after `seq` if that is greater than the position;
    /// groups are polled without `seq`.
    pub(super) async fn feed(
        self,
        store: &Arc<dyn Store>,
        name: &str,
        seq: Option<i64>,
        limit: usize,
    ) -> Result<(Option<ConsumerRow>, Found, FeedMarks)> {
        match self {
            Unit::Change => {
                let FeedPage { consumer, changes, marks } = store.feed(name.to_owned(), seq, limit).await?;
                Ok((consumer, Found { changes, sizes: Vec::new() }, marks))
            }
            Unit::Entry => {
                let EntryPage { consumer, entries, marks } = store.feed_entries(name.to_owned(), limit).await?;
                let found = Found::of_entries(entries, consumer.as_ref().map_or(0, ConsumerRow::seen))?;
                Ok((consumer, found, marks))
            }
        }
    }

    /// Reads what is in the feed after a position.
    pub(super) async fn after(self, store: &Arc<dyn Store>, position: i64, limit: usize) -> Result<Found> {
        match self {
            Unit::Change => Ok(Found { changes: store.changes(position, limit).await?, sizes: Vec::new() }),
            Unit::Entry => Found::of_entries(store.entries(position, limit).await?, position),
        }
    }

    /// Makes groups of the changes of a snapshot: each is about another user or group.
    pub(super) fn of_snapshot(self, changes: Vec<Change>) -> Found {
        let sizes = match self {
            Unit::Change => Vec::new(),
            Unit::Entry => vec![1; changes.len()],
        };
        Found { changes, sizes }
    }
}
