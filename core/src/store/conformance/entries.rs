//! Tests of reading whole entries of the feed, with which a mirror polls by groups.

use super::Setup;
use super::rows::{acknowledge, append, at, commit, entry, seqs, update_consumer};
use crate::record::{Batch, ConsumerRow, Entry, Snapshot};
use crate::store::{ConsumerUpdate, Retention, Store};
use std::sync::Arc;

/// Appends an entry of each of these numbers of changes, in one write.
async fn append_entries(store: &Arc<dyn Store>, counts: &[usize]) {
    let entries = counts.iter().enumerate().map(|(n, count)| entry(&format!("diruser_{n}"), *count, at(0)));
    commit(store, Batch { entries: entries.collect(), ..Batch::default() }).await;
}

/// Returns the number of each entry's last change.
fn ends(entries: &[Entry]) -> Vec<i64> {
    entries.iter().map(|entry| entry.last).collect()
}

pub async fn entries_are_read_whole_up_to_the_limit(setup: Setup) {
    let store = setup.create().await;
    append_entries(&store, &[3, 1, 4, 2]).await;
    let page = async |after, limit| ends(&store.entries(after, limit).await.unwrap());

    assert_eq!(page(0, 3).await, [3], "the first entry has 3 changes");
    assert_eq!(page(0, 4).await, [3, 4]);
    assert_eq!(page(0, 7).await, [3, 4], "the next entry would end at 8 changes");
    assert_eq!(page(0, 8).await, [3, 4, 8]);
    assert_eq!(page(0, 1_000).await, [3, 4, 8, 10]);
    assert_eq!(page(4, 6).await, [8, 10]);
    assert_eq!(page(10, 10).await, [0; 0]);
}

pub async fn the_first_entry_is_read_even_if_it_is_longer_than_the_limit(setup: Setup) {
    let store = setup.create().await;
    append_entries(&store, &[5, 1]).await;

    let found = store.entries(0, 2).await.unwrap();

    assert_eq!(ends(&found), [5]);
    assert_eq!(found[0].count, 5);
    assert_eq!(seqs(&found[0].clone().changes().unwrap()), [1, 2, 3, 4, 5]);
}

pub async fn an_entry_of_which_a_part_was_read_is_the_first_one(setup: Setup) {
    let store = setup.create().await;
    append_entries(&store, &[5, 1, 3]).await;
    let page = async |after, limit| ends(&store.entries(after, limit).await.unwrap());

    assert_eq!(page(2, 1).await, [5], "3 of its changes are left");
    assert_eq!(page(2, 4).await, [5, 6], "only the changes that are left count");
    assert_eq!(page(4, 2).await, [5, 6]);
    assert_eq!(page(4, 5).await, [5, 6, 9]);
}

pub async fn entries_have_the_changes_that_are_read_one_by_one(setup: Setup) {
    let store = setup.create().await;
    append_entries(&store, &[2, 1, 3]).await;
    append(&store, &[1, 2]).await;

    let entries = store.entries(0, 1_000).await.unwrap();

    let expanded: Vec<_> = entries.into_iter().flat_map(|entry| entry.changes().unwrap()).collect();
    assert_eq!(expanded, store.changes(0, 1_000).await.unwrap());
}

pub async fn a_page_of_entries_starts_after_the_consumer_and_has_the_marks(setup: Setup) {
    let store = setup.create().await;
    append_entries(&store, &[2, 3, 4]).await;
    acknowledge(&store, "app", 2).await;

    let page = store.feed_entries("app".to_owned(), 4).await.unwrap();

    assert_eq!(ends(&page.entries), [5]);
    assert_eq!(page.consumer.unwrap().cursor, 2);
    assert_eq!(page.marks, store.feed("app".to_owned(), None, 0).await.unwrap().marks);
    assert_eq!(page.marks.latest, 9);
}

pub async fn a_page_of_entries_of_an_unknown_consumer_has_only_the_marks(setup: Setup) {
    let store = setup.create().await;
    append_entries(&store, &[2, 3]).await;

    let page = store.feed_entries("app".to_owned(), 100).await.unwrap();

    assert!(page.consumer.is_none());
    assert!(page.entries.is_empty());
    assert_eq!(page.marks.latest, 5);
}

pub async fn a_page_of_entries_of_a_consumer_with_a_snapshot_starts_after_the_snapshot(setup: Setup) {
    let store = setup.create().await;
    append_entries(&store, &[2, 3]).await;
    let start = |cursor| {
        move |_| {
            let snapshot = Some(Snapshot { seq: 2, ..Snapshot::default() });
            let row = ConsumerRow { name: "app".to_owned(), cursor, snapshot, ..ConsumerRow::default() };
            ConsumerUpdate { row: Some(row), park: None }
        }
    };

    update_consumer(&store, "app", start(-10)).await;
    let inside = store.feed_entries("app".to_owned(), 10).await.unwrap();
    update_consumer(&store, "app", start(0)).await;
    let after = store.feed_entries("app".to_owned(), 10).await.unwrap();

    assert!(inside.entries.is_empty());
    assert_eq!(ends(&after.entries), [5]);
}

pub async fn entries_after_removed_ones_are_read(setup: Setup) {
    let store = setup.create().await;
    append_entries(&store, &[2, 3]).await;
    commit(&store, Batch { entries: vec![entry("diruser_9", 2, at(100))], ..Batch::default() }).await;
    let retention = Retention {
        changes: at(50),
        consumers: at(0),
        tombstones: at(0),
        events: at(0),
        losses: at(0),
        history: None,
        runs: at(0),
        limit: 1_000,
    };
    store.trim(retention).await.unwrap();

    assert_eq!(ends(&store.entries(0, 1).await.unwrap()), [7]);
    assert_eq!(ends(&store.entries(6, 1).await.unwrap()), [7]);
}
