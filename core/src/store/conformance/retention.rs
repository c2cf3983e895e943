//! Tests of what `trim` and `expire_events` remove and keep.

use super::Setup;
use super::rows::{
    acknowledge, append, approval, at, commit, commit_users, entry, event, group, ids, joining, kept, of_users,
    removed, retirement, update_consumer, user,
};
use crate::Timestamp;
use crate::record::{Batch, ConsumerRow, CountsKey, EventRow, EventState, Keys, LossRow, Retirement, Snapshot};
use crate::store::{ConsumerUpdate, Expiry, Park, Retention, Store};
use std::sync::Arc;

/// A retention with which no row is old enough to be removed, of a mirror that keeps no history.
pub(super) const KEEP_ALL: Retention = Retention {
    changes: Timestamp::MIN,
    consumers: Timestamp::MIN,
    tombstones: Timestamp::MIN,
    events: Timestamp::MIN,
    losses: Timestamp::MIN,
    history: None,
    runs: Timestamp::MIN,
    limit: 1_000,
};

/// Removes changes that are older than the time `at(before)`. Returns the number of removed rows.
async fn trim_changes(store: &Arc<dyn Store>, before: i64) -> usize {
    store.trim(Retention { changes: at(before), ..KEEP_ALL }).await.unwrap()
}

async fn park(store: &Arc<dyn Store>, name: &str, seq: i64) {
    let change = Box::new(store.changes(seq - 1, 1).await.unwrap().remove(0));
    update_consumer(store, name, move |_| ConsumerUpdate {
        row: None,
        park: Some(Park { change: change.clone(), reason: "later".to_owned(), at: at(0) }),
    })
    .await;
}

pub async fn old_changes_that_every_consumer_has_acknowledged_are_removed(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[10, 20, 30, 40]).await;
    acknowledge(&store, "app", 3).await;

    let removed = trim_changes(&store, 40).await;

    assert_eq!(removed, 3);
    assert_eq!(kept(&store).await, [4]);
}

pub async fn changes_that_are_not_old_enough_are_kept(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[10, 20, 30, 40]).await;
    acknowledge(&store, "app", 4).await;
    assert_eq!(trim_changes(&store, 30).await, 2);
    assert_eq!(kept(&store).await, [3, 4]);
}

pub async fn changes_that_the_slowest_consumer_has_not_acknowledged_are_kept(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[10, 20, 30, 40]).await;
    acknowledge(&store, "fast", 4).await;
    acknowledge(&store, "slow", 1).await;
    assert_eq!(trim_changes(&store, 100).await, 1);
    assert_eq!(kept(&store).await, [2, 3, 4]);

    store.drop_consumer("slow".to_owned()).await.unwrap();
    trim_changes(&store, 100).await;
    assert!(!kept(&store).await.contains(&3));
}

pub async fn without_consumers_old_changes_are_removed_by_age(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[10, 20, 30]).await;
    assert_eq!(trim_changes(&store, 30).await, 2);
    assert_eq!(kept(&store).await, [3]);
}

pub async fn changes_after_the_snapshot_of_a_consumer_are_kept(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[10, 20, 30, 40]).await;
    update_consumer(&store, "app", |_| {
        let snapshot = Some(Snapshot { seq: 2, ..Snapshot::default() });
        let row = ConsumerRow { name: "app".to_owned(), cursor: -100, snapshot, ..ConsumerRow::default() };
        ConsumerUpdate { row: Some(row), park: None }
    })
    .await;
    assert_eq!(trim_changes(&store, 100).await, 2);
    assert_eq!(kept(&store).await, [3, 4]);
}

pub async fn parked_changes_are_kept_when_the_feed_is_trimmed(setup: Setup) {
    let store = setup.create().await;
    commit(&store, Batch { entries: vec![entry("diruser_1", 3, at(0))], ..Batch::default() }).await;
    append(&store, &[10, 20]).await;
    acknowledge(&store, "app", 5).await;
    park(&store, "app", 2).await;
    park(&store, "app", 4).await;
    let parked = store.parked_changes("app".to_owned()).await.unwrap();

    assert_eq!(trim_changes(&store, 20).await, 2);

    assert_eq!(kept(&store).await, [5]);
    assert_eq!(parked.len(), 2);
    assert_eq!(store.parked_changes("app".to_owned()).await.unwrap(), parked);
    assert_eq!(store.consumers().await.unwrap().0[0].1, 2);
}

pub async fn changes_that_only_an_expired_consumer_has_not_acknowledged_are_removed(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[10, 20, 30, 40]).await;
    // `acknowledge` sets `seen_at` to the time `at(cursor)`.
    acknowledge(&store, "idle", 1).await;
    acknowledge(&store, "app", 3).await;
    let retention = |consumers| Retention { changes: at(100), consumers: at(consumers), ..KEEP_ALL };

    assert_eq!(
        store.trim(retention(1)).await.unwrap(),
        1,
        "`idle` has not expired, so only the change that it has acknowledged is removed"
    );
    store.trim(retention(2)).await.unwrap();

    assert_eq!(kept(&store).await, [4]);
}

pub async fn an_expired_consumer_is_removed_once_its_next_change_was_trimmed(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[10, 20, 30]).await;
    acknowledge(&store, "idle", 1).await;
    acknowledge(&store, "parking", 1).await;
    park(&store, "parking", 1).await;
    let names =
        async || -> Vec<String> { store.consumers().await.unwrap().0.into_iter().map(|(row, _)| row.name).collect() };

    store.trim(Retention { consumers: at(2), ..KEEP_ALL }).await.unwrap();
    let before = names().await;
    store.trim(Retention { changes: at(30), consumers: at(2), ..KEEP_ALL }).await.unwrap();

    assert_eq!(before, ["idle", "parking"]);
    assert_eq!(names().await, ["parking"]);
}

pub async fn the_greatest_number_of_a_removed_change_is_stored(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[10, 20, 30]).await;
    let trimmed = async || store.feed("app".to_owned(), None, 0).await.unwrap().marks.trimmed;
    let before = trimmed().await;
    trim_changes(&store, 30).await;
    let after = trimmed().await;
    trim_changes(&store, 30).await;

    assert_eq!(before, 0);
    assert_eq!(after, 2);
    assert_eq!(trimmed().await, 2);
}

pub async fn an_entry_of_which_a_part_is_acknowledged_is_kept(setup: Setup) {
    let store = setup.create().await;
    commit(&store, Batch { entries: vec![entry("diruser_1", 3, at(0))], ..Batch::default() }).await;
    append(&store, &[10]).await;
    acknowledge(&store, "app", 2).await;
    assert_eq!(trim_changes(&store, 10).await, 0);

    acknowledge(&store, "app", 3).await;
    assert_eq!(trim_changes(&store, 10).await, 1);
    assert_eq!(kept(&store).await, [4]);
}

pub async fn numbers_of_removed_changes_are_not_given_twice(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[10, 20, 30]).await;
    trim_changes(&store, 100).await;
    append(&store, &[40]).await;
    assert_eq!(kept(&store).await.last(), Some(&4));
    assert_eq!(store.consumers().await.unwrap().1, 4);
}

pub async fn old_tombstones_are_removed(setup: Setup) {
    let store = setup.create().await;
    let mut gone = group("dirgroup_1");
    gone.trail.deleted_at = Some(at(10));
    let users = vec![
        joining(removed(user("diruser_1", &["dirgroup_1"]), at(10))),
        joining(removed(user("diruser_2", &["dirgroup_1"]), at(20))),
        joining(user("diruser_3", &["dirgroup_1"])),
    ];
    commit(&store, Batch { users, groups: vec![gone], ..Batch::default() }).await;

    let removed = store.trim(Retention { tombstones: at(20), ..KEEP_ALL }).await.unwrap();

    let set = store.load(of_users(&["diruser_1", "diruser_2", "diruser_3"])).await.unwrap();
    assert_eq!(removed, 2);
    assert!(!set.users.contains_key("diruser_1"));
    assert!(set.users.contains_key("diruser_2"));
    assert!(set.users.contains_key("diruser_3"));
    assert!(!set.groups.contains_key("dirgroup_1"));
}

pub async fn old_events_are_removed_unless_they_are_pending(setup: Setup) {
    let store = setup.create().await;
    let events = vec![
        event("evt_1", EventState::Settled, at(10)),
        event("evt_2", EventState::Pending, at(10)),
        event("evt_3", EventState::Settled, at(10)),
        event("evt_4", EventState::Settled, at(20)),
    ];
    commit(&store, Batch { events, ..Batch::default() }).await;

    let removed = store.trim(Retention { events: at(20), ..KEEP_ALL }).await.unwrap();

    let keys = Keys { events: ids(&["evt_1", "evt_2", "evt_3", "evt_4"]), ..Keys::default() };
    let set = store.load(keys).await.unwrap();
    let mut kept: Vec<&String> = set.events.keys().collect();
    kept.sort();
    assert_eq!(removed, 2);
    assert_eq!(kept, ["evt_2", "evt_4"]);
}

fn expiry(organization_id: Option<&str>, before: i64) -> Expiry {
    Expiry { organization_id: organization_id.map(str::to_owned), before: at(before), limit: 10, forget: at(0) }
}

/// Makes a store with these pending events: id, organization and time of arrival.
async fn with_pending(setup: Setup, events: &[(&str, &str, i64)]) -> Arc<dyn Store> {
    let store = setup.create().await;
    let events = events.iter().map(|(id, organization_id, time)| {
        let row = event(id, EventState::Pending, at(*time));
        EventRow { organization_id: (*organization_id).to_owned(), ..row }
    });
    commit(&store, Batch { events: events.collect(), ..Batch::default() }).await;
    store
}

/// Returns the states of these events; `None` for one that is not stored.
async fn states(store: &Arc<dyn Store>, events: &[&str]) -> Vec<Option<EventState>> {
    let set = store.load(Keys { events: ids(events), ..Keys::default() }).await.unwrap();
    events.iter().map(|id| set.events.get(*id).map(|row| row.state)).collect()
}

pub async fn pending_events_expire_in_one_organization_or_in_all(setup: Setup) {
    let all = [("evt_1", "org_1", 10), ("evt_2", "org_2", 10), ("evt_3", "org_1", 20), ("evt_4", "org_1", 10)];
    let names = ["evt_1", "evt_2", "evt_3", "evt_4"];
    let (pending, expired) = (Some(EventState::Pending), Some(EventState::Expired));
    let store = with_pending(setup, &all).await;

    let of_one = store.expire_events(expiry(Some("org_1"), 20)).await.unwrap();

    assert_eq!(of_one, [("org_1".to_owned(), 2)].into());
    assert_eq!(states(&store, &names).await, [expired, pending, pending, expired]);
    let set =
        store.load(Keys { events: ids(&names), organizations: ids(&["org_1"]), ..Keys::default() }).await.unwrap();
    assert_eq!(set.events["evt_1"].body, None);
    assert_eq!(set.pending["org_1"].events, 1);
    assert_eq!(store.events("org_1".to_owned(), EventState::Pending, 0, 10).await.unwrap().len(), 1);

    let of_all = store.expire_events(expiry(None, 30)).await.unwrap();

    assert_eq!(of_all, [("org_1".to_owned(), 1), ("org_2".to_owned(), 1)].into());
    assert_eq!(states(&store, &names).await, [expired; 4]);
}

pub async fn expired_events_are_deleted_by_expire_events_and_not_by_trim(setup: Setup) {
    let store = with_pending(setup, &[("evt_1", "org_1", 10), ("evt_2", "org_1", 30)]).await;
    store.expire_events(expiry(None, 40)).await.unwrap();

    assert_eq!(store.trim(Retention { events: at(100), ..KEEP_ALL }).await.unwrap(), 0);
    store.expire_events(Expiry { forget: at(20), ..expiry(None, 0) }).await.unwrap();

    assert_eq!(states(&store, &["evt_1", "evt_2"]).await, [None, Some(EventState::Expired)]);
}

pub async fn expired_events_are_deleted_in_one_organization_or_in_all(setup: Setup) {
    let store = with_pending(setup, &[("evt_1", "org_1", 10), ("evt_2", "org_2", 10)]).await;
    store.expire_events(expiry(None, 40)).await.unwrap();

    store.expire_events(Expiry { forget: at(20), ..expiry(Some("org_1"), 0) }).await.unwrap();

    assert_eq!(states(&store, &["evt_1", "evt_2"]).await, [None, Some(EventState::Expired)]);

    store.expire_events(Expiry { forget: at(20), ..expiry(None, 0) }).await.unwrap();

    assert_eq!(states(&store, &["evt_1", "evt_2"]).await, [None, None]);
}

pub async fn at_most_the_limit_of_events_expires(setup: Setup) {
    let events = [("evt_1", "org_1", 3), ("evt_2", "org_1", 1), ("evt_3", "org_1", 2)];
    let store = with_pending(setup, &events).await;
    let two = store.expire_events(Expiry { limit: 2, ..expiry(None, 10) }).await.unwrap();
    assert_eq!(two["org_1"], 2);
    let (pending, expired) = (Some(EventState::Pending), Some(EventState::Expired));
    assert_eq!(
        states(&store, &["evt_1", "evt_2", "evt_3"]).await,
        [pending, expired, expired],
        "the oldest events expire first"
    );
}

pub async fn old_losses_of_access_are_removed(setup: Setup) {
    let store = setup.create().await;
    let loss = |time| LossRow {
        directory_id: "dir_1".to_owned(),
        user_id: format!("diruser_{time}"),
        at: at(time),
        added_at: None,
        is_removal: true,
        is_approved: false,
    };
    commit(&store, Batch { losses: vec![loss(10), loss(20)], ..Batch::default() }).await;

    store.trim(Retention { losses: at(20), ..KEEP_ALL }).await.unwrap();

    let counts = [("dir_1".to_owned(), CountsKey { since: at(0), base: at(0) })].into();
    assert_eq!(store.load(Keys { counts, ..Keys::default() }).await.unwrap().counts["dir_1"].losses, 1);
}

pub async fn trim_removes_at_most_the_limit_of_each_kind(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[1, 2, 3, 4, 5]).await;
    let users = (1..=5).map(|n| joining(removed(user(&format!("diruser_{n}"), &[]), at(n)))).collect();
    let events = (1..=5).map(|n| event(&format!("evt_{n}"), EventState::Settled, at(n))).collect();
    commit(&store, Batch { users, events, ..Batch::default() }).await;
    let all = Retention {
        changes: at(5),
        tombstones: at(5),
        events: at(5),
        losses: at(5),
        runs: at(5),
        limit: 2,
        ..KEEP_ALL
    };

    assert_eq!(store.trim(all).await.unwrap(), 6);
    assert_eq!(kept(&store).await, [3, 4, 5]);
    let left = store.load(of_users(&["diruser_1", "diruser_2", "diruser_3"])).await.unwrap();
    assert_eq!(left.users.keys().collect::<Vec<_>>(), ["diruser_3"], "the oldest tombstones are removed first");
    assert_eq!(store.trim(all).await.unwrap(), 6);
    assert_eq!(store.trim(all).await.unwrap(), 0);
}

pub async fn live_rows_are_kept(setup: Setup) {
    let store = setup.create().await;
    commit_users(&store, &["diruser_1"], &["dirgroup_1"]).await;
    commit(&store, Batch { groups: vec![group("dirgroup_1")], ..Batch::default() }).await;
    let all = Retention {
        changes: at(1_000),
        tombstones: at(1_000),
        events: at(1_000),
        losses: at(1_000),
        runs: at(1_000),
        limit: 10,
        ..KEEP_ALL
    };
    assert_eq!(store.trim(all).await.unwrap(), 0);
}

pub async fn old_retirements_that_have_ended_are_removed(setup: Setup) {
    let store = setup.create().await;
    let ended = |id: &str, seconds| Retirement { ended_at: Some(at(seconds)), ..retirement(id, at(1)) };
    let rows = vec![ended("a", 2), ended("b", 30), retirement("c", at(1))];
    commit(&store, Batch { retirements: rows, ..Batch::default() }).await;

    assert_eq!(trim_changes(&store, 20).await, 1);

    let left = store.load(Keys { retirements: true, ..Keys::default() }).await.unwrap().retirements;
    assert_eq!(left.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["b", "c"]);
}

pub async fn decisions_about_holds_are_removed_if_they_are_old_and_older_than_the_oldest_change(setup: Setup) {
    let store = setup.create().await;
    let approvals = vec![approval("a", 10), approval("b", 20), approval("c", 30)];
    commit(&store, Batch { approvals, ..Batch::default() }).await;
    append(&store, &[20, 30]).await;
    acknowledge(&store, "app", 0).await;
    let left = async || store.approvals(None).await.unwrap().into_iter().map(|row| row.id).collect::<Vec<_>>();

    assert_eq!(
        trim_changes(&store, 100).await,
        1,
        "only `a` is removed: `b` and `c` are not older than the oldest change, which the consumer has not acknowledged"
    );
    assert_eq!(left().await, ["b", "c"]);

    acknowledge(&store, "app", 2).await;
    trim_changes(&store, 25).await;
    assert_eq!(left().await, ["c"], "a decision that is not old enough is kept");
    trim_changes(&store, 31).await;
    assert_eq!(left().await, [""; 0]);
}
