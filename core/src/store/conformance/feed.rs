//! Tests of the feed: numbers, order, entries of several changes, and reopening.

use super::Setup;
use super::rows::{
    acknowledge, append, at, commit, commit_users, done, entry, kept, of_users, seqs, unfenced, user_ids,
};
use crate::record::{Batch, ChangeKind, Keys};
use crate::store::UserFilter;
use std::sync::Arc;

pub async fn changes_have_ascending_numbers_without_gaps(setup: Setup) {
    let store = setup.create().await;
    let writes = (0..60).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let id = format!("diruser_{n}");
            let entries = vec![entry(&id, 1 + n % 3, at(0)), entry(&id, 1, at(0))];
            commit(&store, Batch { entries, ..Batch::default() }).await.changes
        })
    });
    let mut count = 0;
    for write in writes.collect::<Vec<_>>() {
        count += write.await.unwrap();
    }

    let changes = store.changes(0, 1_000).await.unwrap();
    assert_eq!(count, 180);
    assert_eq!(seqs(&changes), (1..=180).collect::<Vec<_>>());
    // The changes of one write have consecutive numbers.
    let causes = changes.chunk_by(|left, right| left.cause == right.cause).count();
    assert_eq!(causes, 60);
}

pub async fn a_reader_of_the_feed_gets_every_change_while_changes_are_appended(setup: Setup) {
    let store = setup.create().await;
    let writer = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for n in 0..100 {
                commit(&store, Batch { entries: vec![entry(&format!("diruser_{n}"), 2, at(0))], ..Batch::default() })
                    .await;
            }
        })
    };
    let mut seen = Vec::new();
    while seen.len() < 200 {
        let page = store.changes(seen.last().copied().unwrap_or(0), 7).await.unwrap();
        seen.extend(seqs(&page));
        assert!(page.len() <= 7);
        if page.is_empty() {
            tokio::task::yield_now().await;
        }
    }
    writer.await.unwrap();
    assert_eq!(seen, (1..=200).collect::<Vec<_>>());
}

pub async fn the_changes_of_an_entry_are_read_in_order(setup: Setup) {
    let store = setup.create().await;
    let entries = vec![entry("diruser_1", 3, at(1)), entry("diruser_2", 1, at(2))];
    let committed = commit(&store, Batch { entries, ..Batch::default() }).await;

    let changes = store.changes(0, 10).await.unwrap();

    let kinds: Vec<ChangeKind> = changes.iter().map(|change| change.kind).collect();
    assert_eq!(committed.changes, 4);
    assert_eq!(seqs(&changes), [1, 2, 3, 4]);
    assert_eq!(
        kinds,
        [ChangeKind::UserCreated, ChangeKind::MembershipAdded, ChangeKind::MembershipAdded, ChangeKind::UserCreated]
    );
    assert_eq!(changes[2].organization_id, "org_1");
    assert_eq!(changes[2].directory_id, "dir_1");
    assert_eq!(changes[2].cause, "test:diruser_1");
    assert_eq!(changes[2].at, at(1));
    assert_eq!(changes[3].user.as_ref().unwrap().id, "diruser_2");
}

pub async fn reading_starts_and_stops_inside_an_entry(setup: Setup) {
    let store = setup.create().await;
    let entries = vec![entry("diruser_1", 4, at(0)), entry("diruser_2", 4, at(0))];
    commit(&store, Batch { entries, ..Batch::default() }).await;
    let page = async |after, limit| seqs(&store.changes(after, limit).await.unwrap());

    assert_eq!(page(0, 3).await, [1, 2, 3]);
    assert_eq!(page(2, 1).await, [3]);
    assert_eq!(page(3, 3).await, [4, 5, 6]);
    assert_eq!(page(6, 10).await, [7, 8]);
    assert_eq!(page(8, 10).await, [0; 0]);
    assert_eq!(page(0, 0).await, [0; 0]);
}

pub async fn a_write_that_fails_uses_no_numbers(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[1]).await;
    let failing = unfenced(Keys::default(), |_| Err(crate::Error::invalid_argument("no")));
    store.write(failing).await.unwrap_err();
    append(&store, &[2]).await;
    assert_eq!(kept(&store).await, [1, 2]);
}

pub async fn a_reopened_store_has_all_rows_and_continues_their_numbers(setup: Setup) {
    let store = setup.create().await;
    let before = commit_users(&store, &["diruser_1", "diruser_2"], &["dirgroup_1"]).await;
    append(&store, &[1, 2, 3]).await;
    acknowledge(&store, "app", 2).await;
    let revision = store.load(Keys::default()).await.unwrap().revision;
    let consumers = store.consumers().await.unwrap();
    drop(store);
    let Some(store) = setup.reopen().await else { return };

    assert_eq!(store.load(Keys::default()).await.unwrap().revision, revision);
    assert_eq!(store.consumers().await.unwrap(), consumers);
    assert_eq!(user_ids(&store, UserFilter::default()).await, ["diruser_1", "diruser_2"]);
    let set = store.load(of_users(&["diruser_1"])).await.unwrap();
    assert_eq!(set.users["diruser_1"].number, before.users["diruser_1"]);

    let after = commit_users(&store, &["diruser_3"], &[]).await;
    append(&store, &[4]).await;
    assert!(after.users["diruser_3"] > before.users["diruser_2"]);
    assert_eq!(kept(&store).await, [1, 2, 3, 4]);
}

pub async fn two_open_stores_share_their_rows(setup: Setup) {
    let store = setup.create().await;
    let Some(other) = setup.reopen().await else { return };
    let both = [&store, &other];
    for n in 0..20 {
        append(both[n % 2], &[n as i64]).await;
        let write = unfenced(of_users(&["diruser_1"]), |set| {
            let row = set.users.get("diruser_1").cloned().unwrap_or_else(|| super::rows::user("diruser_1", &[]));
            let count = row.user.given_name.len();
            let user = crate::MirrorUser { given_name: "x".repeat(count + 1), ..row.user.clone() };
            let row = crate::store::UserRow { user, ..row };
            let users = vec![crate::store::UserWrite { row, ..crate::store::UserWrite::default() }];
            done(Batch { users, ..Batch::default() })
        });
        both[n % 2].write(write).await.unwrap();
    }

    let set = other.load(of_users(&["diruser_1"])).await.unwrap();
    assert_eq!(set.users["diruser_1"].user.given_name.len(), 20);
    assert_eq!(kept(&store).await, (1..=20).collect::<Vec<_>>());
}
