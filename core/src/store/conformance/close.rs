//! Tests of closing a store.

use super::Setup;
use super::rows::{append, at, commit_users, of_users, unfenced, updating};
use crate::record::{EventQuery, EventState, Keys, RunQuery};
use crate::store::{ConsumerUpdate, Expiry, Retention, Store, UserFilter};
use crate::{ErrorKind, Result};
use futures_util::future::join;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn assert_refused<T: Debug>(call: &str, result: Result<T>) {
    let error = result.map(drop).expect_err(call);
    assert_eq!(error.kind(), ErrorKind::Store, "{call}: {error}");
    assert!(error.message().contains("closed"), "{call}: {error}");
}

pub async fn a_closed_store_refuses_later_calls(setup: Setup) {
    let store = setup.create().await;
    commit_users(&store, &["diruser_1"], &[]).await;
    store.close().await.unwrap();

    let id = || "org_1".to_owned();
    let undecided = unfenced(Keys::default(), |_| panic!("the decision of a write to a closed store was called"));
    assert_refused("write", store.write(undecided).await);
    assert_refused("load", store.load(of_users(&["diruser_1"])).await);
    assert_refused("users", store.users(UserFilter::default(), 0, 10).await);
    assert_refused("user_numbers", store.user_numbers(id(), 0, 10).await);
    assert_refused("live_users", store.live_users(vec![id()]).await);
    assert_refused("groups", store.groups(None, 0, 10).await);
    assert_refused("directories", store.directories(None).await);
    assert_refused("holds", store.holds(None, None).await);
    assert_refused("approvals", store.approvals(None).await);
    assert_refused("directory_counts", store.directory_counts().await.map(|_| ()));
    assert_refused("events", store.events(id(), EventState::Pending, 0, 10).await);
    assert_refused("received_events", store.received_events(EventQuery::default()).await);
    assert_refused("runs", store.runs(RunQuery::default()).await);
    assert_refused("feed", store.feed(id(), None, 10).await);
    assert_refused("changes", store.changes(0, 10).await);
    assert_refused("consumers", store.consumers().await);
    let update = updating("app", |_| Ok(ConsumerUpdate::default()));
    assert_refused("update_consumer", store.update_consumer(update).await);
    assert_refused("drop_consumer", store.drop_consumer(id()).await);
    assert_refused("parked_changes", store.parked_changes(id()).await);
    assert_refused("drop_parked_change", store.drop_parked_change(id(), 1).await);
    let retention = Retention {
        changes: at(0),
        consumers: at(0),
        tombstones: at(0),
        events: at(0),
        losses: at(0),
        history: None,
        runs: at(0),
        limit: 10,
    };
    assert_refused("trim", store.trim(retention).await);
    let expiry = Expiry { organization_id: None, before: at(0), limit: 10, forget: at(0) };
    assert_refused("expire_events", store.expire_events(expiry).await);
    assert_refused("flush", store.flush().await);
    assert_refused("lease", store.lease(id(), at(0), MINUTE).await.map(|lease| lease.is_some()));
    store.released().await.unwrap();
    store.close().await.unwrap();
}

pub async fn closing_a_store_completes_the_calls_before_it(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[1]).await;

    // `join` polls `flush` first, so that it is called before the store is closed.
    let (flushed, closed) = join(store.flush(), store.close()).await;

    flushed.unwrap();
    closed.unwrap();
    let Some(store) = setup.reopen().await else { return };
    assert_eq!(store.feed("app".to_owned(), None, 10).await.unwrap().marks.durable, 1);
}

pub async fn closing_a_store_releases_its_leases_and_does_not_affect_other_open_stores(setup: Setup) {
    let store = setup.create().await;
    let Some(other) = setup.reopen().await else { return };
    let take = async |store: &Arc<dyn Store>, name: &str| store.lease(name.to_owned(), at(0), MINUTE).await.unwrap();
    let lease = take(&store, "sync").await.unwrap();
    let kept = take(&other, "other").await;
    assert!(kept.is_some());

    store.close().await.unwrap();

    let next = take(&other, "sync").await.expect("the lease was released");
    assert!(next.fence().token > lease.fence().token);
    // This must not release the lease of the next holder, which has the same name.
    drop(lease);
    let third = setup.reopen().await.unwrap();
    assert!(take(&third, "sync").await.is_none());
    assert!(take(&third, "other").await.is_none());
    commit_users(&other, &["diruser_1"], &[]).await;
}
