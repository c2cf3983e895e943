//! Tests of leases: exclusion, expiry, extension, fencing and release.

use super::Setup;
use super::rows::{acknowledge, append, at, fenced, joining, update_consumer, updating, user, user_ids};
use crate::record::{Batch, ConsumerRow};
use crate::store::{ConsumerUpdate, ConsumerWrite, Fence, Lease, Park, Store, UserFilter};
use crate::{Change, Error, ErrorKind, ErrorStatus, Result};
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// Takes a lease for a minute from the time `at(seconds)` on.
async fn take(store: &Arc<dyn Store>, name: &str, seconds: i64) -> Option<Box<dyn Lease>> {
    store.lease(name.to_owned(), at(seconds), MINUTE).await.unwrap()
}

/// Writes a user in a write with a fence.
async fn write(store: &Arc<dyn Store>, fence: &Fence, seconds: i64, id: &str) -> Result<(), Error> {
    let users = vec![joining(user(id, &[]))];
    store.write(fenced(fence, at(seconds), Batch { users, ..Batch::default() })).await.map(drop)
}

fn assert_lost(result: Result<(), Error>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store, "{error}");
    assert_eq!(error.status(), ErrorStatus::Temporary, "{error}");
    assert!(error.message().contains("lease"), "{error}");
    assert!(error.context().iter().any(|(name, lease)| *name == "lease" && lease == "sync"), "{error}");
}

/// Moves the cursor of the consumer `app` by one and parks a change, in an update with a fence.
async fn park(store: &Arc<dyn Store>, fence: &Fence, seconds: i64, change: &Change) -> Result<()> {
    let park = Park { change: Box::new(change.clone()), reason: "no such account".to_owned(), at: at(seconds) };
    let update = updating("app", move |state| {
        let row = state.row.map(|row| ConsumerRow { cursor: row.cursor + 1, ..row });
        Ok(ConsumerUpdate { row, park: Some(park.clone()) })
    });
    store.update_consumer(ConsumerWrite { fence: Some(fence.clone()), now: at(seconds), ..update }).await
}

/// Registers the consumer `app` in a feed of one change, and returns that change.
async fn register(store: &Arc<dyn Store>) -> Change {
    append(store, &[1]).await;
    acknowledge(store, "app", 0).await;
    store.changes(0, 1).await.unwrap().remove(0)
}

/// Checks the cursor of the consumer `app` and the number of its parked changes.
async fn assert_consumer(store: &Arc<dyn Store>, cursor: i64, parked: u64) {
    let (rows, _) = store.consumers().await.unwrap();
    assert_eq!(rows[0].0.cursor, cursor);
    assert_eq!(rows[0].1, parked);
}

pub async fn a_lease_has_one_holder(setup: Setup) {
    let store = setup.create().await;
    let first = take(&store, "sync", 0).await;
    assert!(first.is_some());
    assert!(take(&store, "sync", 0).await.is_none());
    assert!(take(&store, "sync", 59).await.is_none());
}

pub async fn leases_of_different_names_are_independent(setup: Setup) {
    let store = setup.create().await;
    let first = take(&store, "one", 0).await.unwrap();
    let second = take(&store, "two", 0).await.unwrap();
    write(&store, first.fence(), 1, "diruser_1").await.unwrap();
    write(&store, second.fence(), 1, "diruser_2").await.unwrap();
    assert_eq!(first.fence().name, "one");
    assert_eq!(second.fence().name, "two");
}

/// Returns the names of the leases that begin with `prefix` and have not ended.
async fn live(store: &Arc<dyn Store>, prefix: &str, seconds: i64) -> Vec<String> {
    store.leases(prefix.to_owned(), at(seconds)).await.unwrap().into_iter().map(|fence| fence.name).collect()
}

pub async fn leases_are_listed_by_the_start_of_their_names(setup: Setup) {
    let store = setup.create().await;
    let names = ["a/2", "a/10", "a/", "a", "A/1", "b/1", "a%1", "a_1", "a\0"];
    let mut held = Vec::new();
    for name in names {
        held.extend(take(&store, name, 0).await);
    }

    assert_eq!(live(&store, "a/", 1).await, ["a/", "a/10", "a/2"]);
    assert_eq!(live(&store, "a%", 1).await, ["a%1"]);
    assert_eq!(live(&store, "a_", 1).await, ["a_1"]);
    assert_eq!(live(&store, "a\0", 1).await, ["a\0"]);
    assert_eq!(live(&store, "", 1).await.len(), names.len());
    assert!(live(&store, "c", 1).await.is_empty());
    let listed = store.leases("b/".to_owned(), at(1)).await.unwrap();
    assert_eq!(listed, [held[5].fence().clone()]);
}

pub async fn leases_that_have_ended_are_not_listed(setup: Setup) {
    let store = setup.create().await;
    let released = take(&store, "a/1", 0).await.unwrap();
    let expiring = take(&store, "a/2", 0).await.unwrap();
    let later = take(&store, "a/3", 30).await.unwrap();
    drop(released);

    assert_eq!(live(&store, "a/", 59).await, ["a/2", "a/3"]);
    assert_eq!(live(&store, "a/", 60).await, ["a/3"]);
    let next = take(&store, "a/2", 60).await.unwrap();
    let listed = store.leases("a/2".to_owned(), at(61)).await.unwrap();
    assert_eq!(listed, [next.fence().clone()]);
    assert_ne!(next.fence(), expiring.fence());
    drop(later);
}

pub async fn an_extended_lease_is_listed_until_its_new_end(setup: Setup) {
    let store = setup.create().await;
    let lease = take(&store, "a/1", 0).await.unwrap();

    store.write(fenced(lease.fence(), at(40), Batch::default())).await.unwrap();

    assert_eq!(live(&store, "a/", 99).await, ["a/1"]);
    assert!(live(&store, "a/", 100).await.is_empty());
}

pub async fn the_leases_of_another_open_store_are_listed_until_it_is_closed(setup: Setup) {
    let store = setup.create().await;
    let Some(other) = setup.reopen().await else { return };
    let lease = take(&other, "a/1", 0).await.unwrap();

    assert_eq!(live(&store, "a/", 1).await, ["a/1"]);
    other.close().await.unwrap();
    drop(other);
    assert!(live(&store, "a/", 1).await.is_empty());
    drop(lease);
}

pub async fn one_of_many_takers_gets_a_lease(setup: Setup) {
    let store = setup.create().await;
    let takers = (0..20).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { take(&store, "sync", 0).await })
    });
    let mut held = Vec::new();
    for taker in takers.collect::<Vec<_>>() {
        held.extend(taker.await.unwrap());
    }
    assert_eq!(held.len(), 1);
}

pub async fn an_expired_lease_can_be_taken(setup: Setup) {
    let store = setup.create().await;
    let first = take(&store, "sync", 0).await.unwrap();
    let second = take(&store, "sync", 60).await.unwrap();
    assert!(second.fence().token > first.fence().token);
}

pub async fn a_dropped_lease_is_released(setup: Setup) {
    let store = setup.create().await;
    let first = take(&store, "sync", 0).await.unwrap();
    let token = first.fence().token;
    drop(first);
    let second = take(&store, "sync", 1).await.unwrap();
    assert!(second.fence().token > token, "the token is greater than that of the released lease");
}

pub async fn dropping_a_lost_lease_does_not_end_that_of_the_new_holder(setup: Setup) {
    let store = setup.create().await;
    let first = take(&store, "sync", 0).await.unwrap();
    let second = take(&store, "sync", 60).await.unwrap();
    drop(first);
    assert!(take(&store, "sync", 61).await.is_none());
    write(&store, second.fence(), 61, "diruser_1").await.unwrap();
}

pub async fn a_write_after_a_takeover_fails_and_writes_nothing(setup: Setup) {
    let store = setup.create().await;
    let first = take(&store, "sync", 0).await.unwrap();
    let second = take(&store, "sync", 60).await.unwrap();

    // By the clock of the first holder, its lease has not expired.
    assert_lost(write(&store, first.fence(), 10, "diruser_1").await);
    write(&store, second.fence(), 61, "diruser_2").await.unwrap();

    assert_eq!(user_ids(&store, UserFilter::default()).await, ["diruser_2"]);
}

pub async fn a_write_after_the_expiry_fails_and_writes_nothing(setup: Setup) {
    let store = setup.create().await;
    let lease = take(&store, "sync", 0).await.unwrap();

    assert_lost(write(&store, lease.fence(), 60, "diruser_1").await);

    assert!(user_ids(&store, UserFilter::default()).await.is_empty());
}

pub async fn a_write_after_the_release_fails(setup: Setup) {
    let store = setup.create().await;
    let lease = take(&store, "sync", 0).await.unwrap();
    let fence = lease.fence().clone();
    drop(lease);
    assert_lost(write(&store, &fence, 1, "diruser_1").await);
}

pub async fn an_update_of_a_consumer_is_stored_while_the_lease_of_its_fence_is_held(setup: Setup) {
    let store = setup.create().await;
    let change = register(&store).await;
    let lease = take(&store, "sync", 0).await.unwrap();

    park(&store, lease.fence(), 59, &change).await.unwrap();

    assert_consumer(&store, 1, 1).await;
}

pub async fn an_update_of_a_consumer_after_a_takeover_fails_and_changes_nothing(setup: Setup) {
    let store = setup.create().await;
    let change = register(&store).await;
    let first = take(&store, "sync", 0).await.unwrap();
    let second = take(&store, "sync", 60).await.unwrap();

    // By the clock of the first holder, its lease has not expired.
    assert_lost(park(&store, first.fence(), 10, &change).await);
    assert_consumer(&store, 0, 0).await;
    park(&store, second.fence(), 61, &change).await.unwrap();

    assert_consumer(&store, 1, 1).await;
}

pub async fn an_update_of_a_consumer_after_the_expiry_or_the_release_fails_and_changes_nothing(setup: Setup) {
    let store = setup.create().await;
    let change = register(&store).await;
    let lease = take(&store, "sync", 0).await.unwrap();

    assert_lost(park(&store, lease.fence(), 60, &change).await);
    let fence = lease.fence().clone();
    drop(lease);
    assert_lost(park(&store, &fence, 1, &change).await);

    assert_consumer(&store, 0, 0).await;
}

pub async fn the_decision_about_a_consumer_is_not_called_if_the_lease_was_lost(setup: Setup) {
    let store = setup.create().await;
    let first = take(&store, "sync", 0).await.unwrap();
    let second = take(&store, "sync", 60).await.unwrap();
    let update = updating("app", |_| panic!("the decision was called"));
    let fence = Some(first.fence().clone());
    assert_lost(store.update_consumer(ConsumerWrite { fence, now: at(61), ..update }).await);
    drop(second);
}

pub async fn an_update_of_a_consumer_does_not_extend_the_lease_of_its_fence(setup: Setup) {
    let store = setup.create().await;
    let change = register(&store).await;
    let lease = take(&store, "sync", 0).await.unwrap();

    park(&store, lease.fence(), 59, &change).await.unwrap();

    assert!(take(&store, "sync", 60).await.is_some());
}

pub async fn the_lease_of_a_fence_matters_only_to_updates_that_name_it(setup: Setup) {
    let store = setup.create().await;
    register(&store).await;
    let lease = take(&store, "sync", 0).await.unwrap();

    update_consumer(&store, "app", |state| {
        let row = state.row.map(|row| ConsumerRow { cursor: 1, ..row });
        ConsumerUpdate { row, park: None }
    })
    .await;

    assert_consumer(&store, 1, 0).await;
    drop(lease);
}

pub async fn a_write_extends_a_lease_once_half_of_it_has_passed(setup: Setup) {
    let store = setup.create().await;
    let lease = take(&store, "sync", 0).await.unwrap();

    write(&store, lease.fence(), 40, "diruser_1").await.unwrap();

    assert!(take(&store, "sync", 99).await.is_none(), "it ends at 100");
    write(&store, lease.fence(), 99, "diruser_2").await.unwrap();
    assert!(take(&store, "sync", 158).await.is_none(), "it ends at 159");
    assert!(take(&store, "sync", 159).await.is_some());
}

pub async fn a_write_that_changes_nothing_extends_a_lease(setup: Setup) {
    let store = setup.create().await;
    let lease = take(&store, "sync", 0).await.unwrap();
    store.write(fenced(lease.fence(), at(50), Batch::default())).await.unwrap();
    assert!(take(&store, "sync", 100).await.is_none(), "it ends at 110");
}

pub async fn another_open_store_gets_a_lease_only_after_its_release(setup: Setup) {
    let store = setup.create().await;
    let Some(other) = setup.reopen().await else { return };
    let first = take(&store, "sync", 0).await.unwrap();
    let elsewhere = take(&other, "another", 0).await;

    assert!(elsewhere.is_some(), "two open stores may have leases of different names");
    assert!(take(&other, "sync", 1).await.is_none());
    drop(first);
    // A SQLite store releases a dropped lease before it runs its next write. A PostgreSQL store waits for releases before it takes a lease.
    super::rows::append(&store, &[1]).await;
    assert!(take(&other, "sync", 1).await.is_some());
}

pub async fn a_lease_ends_with_its_store(setup: Setup) {
    let store = setup.create().await;
    let lease = take(&store, "sync", 0).await.unwrap();
    let token = lease.fence().token;
    drop(store);
    let Some(store) = setup.reopen().await else { return };

    let next = take(&store, "sync", 1).await.unwrap();

    assert!(next.fence().token > token);
    drop(lease);
    assert!(take(&store, "sync", 2).await.is_none());
}
