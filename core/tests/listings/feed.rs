//! Consumers of the feed: which acknowledgements take effect, streams, when returned changes are flushed to disk, expiry, parked changes, and order.

use crate::api::{FakeApi, apply_event, full_sync, numbered_user};
use futures_util::{StreamExt, TryStreamExt};
use headcount::store::{ConsumerRow, ConsumerUpdate, ConsumerWrite, Durability, SqliteStore, Store};
use headcount::{Change, ChangeKind, ErrorKind, Mirror};
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);
const NO_WAIT: Option<Duration> = Some(Duration::ZERO);

/// Returns a mirror of ten users. Its feed has eleven changes: one of the directory and one of each user.
async fn mirror_of_ten() -> (FakeApi, Mirror) {
    let api = FakeApi::with_users(10);
    let mirror = api.synced_mirror().await;
    (api, mirror)
}

/// Returns a mirror of ten users, whose eleven changes the consumer `app` has acknowledged and `trim` has removed.
async fn trimmed_mirror() -> (FakeApi, Mirror) {
    let (api, mirror) = mirror_of_ten().await;
    read_to_the_end(&mirror, "app").await;
    api.with(|state| state.now += 31 * DAY);
    mirror.trim().await.unwrap();
    (api, mirror)
}

/// Polls and acknowledges as this consumer until the feed has no further change. Returns the changes.
async fn read_to_the_end(mirror: &Mirror, consumer: &str) -> Vec<Change> {
    let mut changes = Vec::new();
    loop {
        let batch = mirror.poll(consumer, 100).await.unwrap();
        let Some(last) = batch.last() else { return changes };
        mirror.ack(consumer, last.seq).await.unwrap();
        changes.extend(batch);
    }
}

fn seqs(changes: &[Change]) -> Vec<i64> {
    changes.iter().map(|change| change.seq).collect()
}

fn kinds(changes: &[Change]) -> Vec<ChangeKind> {
    changes.iter().map(|change| change.kind).collect()
}

// ---- acknowledgements ----

/// Undoes the record of the polls of the consumer `app`, as a crash of the store's server can do.
async fn forget_polls(store: &dyn Store) {
    let update = ConsumerWrite {
        name: "app".to_owned(),
        durability: Durability::Power,
        fence: None,
        now: headcount::Timestamp::UNIX_EPOCH,
        decide: Box::new(|state| {
            let row = state.row.map(|row| ConsumerRow { polled: row.cursor, ..row });
            Ok(ConsumerUpdate { row, park: None })
        }),
    };
    store.update_consumer(update).await.unwrap();
}

#[tokio::test]
async fn changes_can_be_acknowledged_and_parked_after_the_record_of_their_poll_was_undone() {
    let api = FakeApi::with_users(10);
    let store = Arc::new(SqliteStore::open(":memory:").unwrap());
    let mirror = api.mirror_builder().open_in(Arc::clone(&store) as Arc<dyn Store>).await.unwrap();
    let other = api.mirror_builder().open_in(Arc::clone(&store) as Arc<dyn Store>).await.unwrap();
    full_sync(&mirror).await.unwrap();
    let changes = mirror.poll("app", 5).await.unwrap();

    forget_polls(&*store).await;

    let error = other.ack("app", changes[1].seq).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "another handle has to poll again: {error}");
    mirror.ack("app", changes[1].seq).await.unwrap();
    forget_polls(&*store).await;
    mirror.park("app", changes[2].seq, "no account").await.unwrap();
    assert!(mirror.ack("app", changes[4].seq + 1).await.is_err(), "no poll has returned this number");
    assert_eq!(seqs(&mirror.poll("app", 100).await.unwrap())[0], changes[3].seq);
}

#[tokio::test]
async fn acknowledging_a_change_from_before_a_snapshot_does_not_move_the_cursor() {
    let (_api, mirror) = mirror_of_ten().await;
    let earlier = mirror.poll("app", 5).await.unwrap();
    mirror.start_from_snapshot("app").await.unwrap();

    mirror.ack("app", earlier[4].seq).await.unwrap();

    let users = mirror.poll("app", 100).await.unwrap();
    assert_eq!(kinds(&users), [ChangeKind::UserCreated; 10]);
    assert_eq!(users[0].cause, "snapshot");
}

#[tokio::test]
async fn acknowledging_a_change_of_an_earlier_snapshot_does_not_move_the_cursor() {
    let (_api, mirror) = mirror_of_ten().await;
    mirror.start_from_snapshot("app").await.unwrap();
    let earlier = mirror.poll("app", 5).await.unwrap();
    mirror.start_from_snapshot("app").await.unwrap();
    mirror.poll("app", 1).await.unwrap();

    mirror.ack("app", earlier[4].seq).await.unwrap();

    assert_eq!(mirror.poll("app", 100).await.unwrap().len(), 10);
}

#[tokio::test]
async fn poll_after_a_number_from_before_a_snapshot_returns_the_snapshot() {
    let (_api, mirror) = mirror_of_ten().await;
    let earlier = mirror.poll("app", 5).await.unwrap();
    mirror.start_from_snapshot("app").await.unwrap();

    let next = mirror.poll_after("app", Some(earlier[4].seq), 100).await.unwrap();

    assert_eq!(next.len(), 10);
    assert_eq!(next[0].cause, "snapshot");
}

#[tokio::test]
async fn a_number_that_no_poll_has_returned_cannot_be_acknowledged() {
    let (_api, mirror) = mirror_of_ten().await;
    let batch = mirror.poll("app", 3).await.unwrap();

    let error = mirror.ack("app", batch[2].seq + 1).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    mirror.ack("app", batch[2].seq).await.unwrap();
    assert_eq!(mirror.consumers().await.unwrap()[0].cursor, batch[2].seq);
}

#[tokio::test]
async fn a_handle_may_acknowledge_what_another_has_polled() {
    let api = FakeApi::with_users(10);
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(":memory:").unwrap());
    let one = api.mirror_builder().open_in(Arc::clone(&store)).await.unwrap();
    let other = api.mirror_builder().open_in(store).await.unwrap();
    full_sync(&one).await.unwrap();
    one.poll("app", 7).await.unwrap();

    other.ack("app", 7).await.unwrap();

    assert_eq!(other.ack("app", 8).await.unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(seqs(&one.poll("app", 1).await.unwrap()), [8]);
}

#[tokio::test]
async fn a_change_that_one_of_several_workers_has_not_acknowledged_is_returned_again() {
    let (_api, mirror) = mirror_of_ten().await;
    let changes = mirror.changes("app", NO_WAIT);
    let other_worker = changes.clone();
    let first = changes.next().await.unwrap().unwrap();
    let second = other_worker.next().await.unwrap().unwrap();

    other_worker.ack(second.seq).await.unwrap();
    let again = mirror.poll("app", 100).await.unwrap();
    changes.ack(first.seq).await.unwrap();
    let rest = mirror.poll("app", 100).await.unwrap();

    assert_eq!(again[0].seq, first.seq, "the first change was not acknowledged");
    assert_eq!(rest[0].seq, second.seq + 1);
}

#[tokio::test]
async fn an_iterator_returns_each_change_once_and_ends_after_its_timeout() {
    let (_api, mirror) = mirror_of_ten().await;
    let changes = mirror.changes("app", NO_WAIT);
    let mut returned = Vec::new();
    while let Some(change) = changes.next().await.unwrap() {
        changes.ack(change.seq).await.unwrap();
        returned.push(change.seq);
    }
    assert_eq!(returned, (1..=11).collect::<Vec<_>>());
    assert_eq!(mirror.poll("app", 100).await.unwrap(), []);
}

#[tokio::test]
async fn a_page_of_an_iterator_is_acknowledged_change_by_change() {
    let (_api, mirror) = mirror_of_ten().await;
    let changes = mirror.changes("app", NO_WAIT);
    let page = changes.next_page(3).await.unwrap();
    assert_eq!(seqs(&page), [1, 2, 3]);

    changes.ack(3).await.unwrap();
    changes.ack(1).await.unwrap();

    assert_eq!(mirror.consumers().await.unwrap()[0].cursor, 1, "change 2 is not acknowledged");
    assert_eq!(seqs(&changes.next_page(100).await.unwrap()), (4..=11).collect::<Vec<_>>());
    assert_eq!(changes.next_page(100).await.unwrap(), []);
}

#[tokio::test]
async fn closing_a_mirror_ends_the_calls_that_wait_for_its_changes() {
    let (_api, mirror) = mirror_of_ten().await;
    read_to_the_end(&mirror, "app").await;
    let changes = mirror.changes("app", None);
    let (iterating, polling) = (changes.clone(), mirror.clone());
    let next = tokio::spawn(async move { iterating.next().await });
    let wait = tokio::spawn(async move { polling.wait("app", 10, None).await });
    tokio::task::yield_now().await;

    mirror.close().await.unwrap();

    let limit = Duration::from_secs(60);
    assert_eq!(tokio::time::timeout(limit, next).await.unwrap().unwrap().unwrap(), None);
    let error = tokio::time::timeout(limit, wait).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(tokio::time::timeout(limit, changes.next()).await.unwrap().unwrap(), None, "later calls end at once");
}

// ---- streams ----

#[tokio::test]
async fn a_stream_returns_each_change_once_and_starts_after_the_acknowledged_ones() {
    let (_api, mirror) = mirror_of_ten().await;
    let changes = mirror.changes("app", NO_WAIT);
    let mut stream = changes.stream();
    let mut seen = Vec::new();

    while let Some(change) = stream.next().await {
        let seq = change.unwrap().seq;
        seen.push(seq);
        if seq <= 4 {
            changes.ack(seq).await.unwrap();
        }
    }

    assert_eq!(seen, (1..=11).collect::<Vec<_>>());
    assert_eq!(mirror.consumers().await.unwrap()[0].cursor, 4);
    let next = mirror.changes("app", NO_WAIT).stream().next().await.unwrap().unwrap();
    assert_eq!(next.seq, 5, "the first change that was not acknowledged");
}

#[tokio::test]
async fn a_stream_waits_for_the_next_change_and_ends_when_the_mirror_is_closed() {
    let (api, mirror) = mirror_of_ten().await;
    read_to_the_end(&mirror, "app").await;
    let mut stream = mirror.changes("app", None).stream();
    api.list_numbered_users(11);
    let syncing = mirror.clone();
    let sync = tokio::spawn(async move { full_sync(&syncing).await.unwrap() });

    let change = stream.next().await.unwrap().unwrap();
    sync.await.unwrap();
    mirror.close().await.unwrap();

    assert_eq!(change.user.unwrap().id, numbered_user(10));
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_stream_ends_after_an_error() {
    let (_api, mirror) = trimmed_mirror().await;
    let mut stream = mirror.changes("other", NO_WAIT).stream();
    assert_eq!(stream.next().await.unwrap().unwrap_err().kind(), ErrorKind::HistoryTrimmed);
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn mirrored_users_are_read_as_a_stream() {
    let (_api, mirror) = mirror_of_ten().await;
    let users: Vec<_> = mirror.users("org_1").directory("dir_1").stream().try_collect().await.unwrap();
    assert_eq!(
        users.iter().map(|user| user.id.clone()).collect::<Vec<_>>(),
        (0..10).map(numbered_user).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn changes_of_a_stream_that_are_handled_concurrently_are_all_acknowledged() {
    let (_api, mirror) = mirror_of_ten().await;
    let changes = mirror.changes("app", NO_WAIT);
    let seen = Mutex::new(0);

    let handled = changes.stream().try_for_each_concurrent(4, |change| {
        let (changes, seen) = (changes.clone(), &seen);
        async move {
            *seen.lock().unwrap() += 1;
            changes.ack(change.seq).await
        }
    });
    handled.await.unwrap();

    assert_eq!(seen.into_inner().unwrap(), 11);
    assert_eq!(mirror.consumers().await.unwrap()[0].lag, 0);
}

// ---- durability ----

#[tokio::test]
async fn a_poll_flushes_the_changes_of_a_sync_once() {
    let api = FakeApi::with_users(10);
    let store = Arc::new(SqliteStore::open(":memory:").unwrap());
    let mirror = api.mirror_builder().open_in(Arc::clone(&store) as Arc<dyn Store>).await.unwrap();
    full_sync(&mirror).await.unwrap();
    assert_eq!(mirror.poll("other", 100).await.unwrap().len(), 11);
    mirror.poll("app", 1).await.unwrap();
    api.list_numbered_users(20);
    full_sync(&mirror).await.unwrap();
    let durable = async || store.feed("app".to_owned(), None, 0).await.unwrap().marks.durable;
    let before = (durable().await, store.flushes());

    mirror.poll("app", 100).await.unwrap();
    mirror.poll("other", 100).await.unwrap();

    assert_eq!(before.0, 11, "expected the changes of the second sync not to be flushed yet");
    assert_eq!(durable().await, 21);
    assert_eq!(store.flushes(), before.1 + 1, "expected one flush for both consumers");
}

#[tokio::test]
async fn a_poll_without_new_changes_does_not_flush_and_does_not_change_the_consumer() {
    let api = FakeApi::with_users(10);
    let store = Arc::new(SqliteStore::open(":memory:").unwrap());
    let mirror = api.mirror_builder().open_in(Arc::clone(&store) as Arc<dyn Store>).await.unwrap();
    full_sync(&mirror).await.unwrap();
    mirror.poll("app", 100).await.unwrap();
    mirror.poll_after("app", Some(11), 100).await.unwrap();
    let flushes = store.flushes();
    let before = mirror.consumers().await.unwrap();

    for _ in 0..10 {
        assert_eq!(mirror.poll("app", 100).await.unwrap().len(), 11);
        assert_eq!(mirror.poll_after("app", Some(11), 100).await.unwrap(), []);
    }

    assert_eq!(store.flushes(), flushes);
    assert_eq!(mirror.consumers().await.unwrap(), before);
}

#[tokio::test]
async fn a_poll_after_a_webhook_does_not_flush() {
    let api = FakeApi::with_users(10);
    let store = Arc::new(SqliteStore::open(":memory:").unwrap());
    let mirror = api.mirror_builder().open_in(Arc::clone(&store) as Arc<dyn Store>).await.unwrap();
    full_sync(&mirror).await.unwrap();
    read_to_the_end(&mirror, "app").await;
    let data = json!({ "id": numbered_user(1), "given_name": "Ada" });
    apply_event(&mirror, "evt_1", crate::api::USER_UPDATED, "2025-06-01T12:00:00Z", data).await;
    let flushes = store.flushes();

    let changes = mirror.poll("app", 100).await.unwrap();

    assert_eq!(kinds(&changes), [ChangeKind::UserUpdated]);
    assert_eq!(store.flushes(), flushes);
}

#[tokio::test]
async fn a_snapshot_is_flushed_before_it_is_returned() {
    let api = FakeApi::with_users(10);
    let store = Arc::new(SqliteStore::open(":memory:").unwrap());
    let mirror = api.mirror_builder().open_in(Arc::clone(&store) as Arc<dyn Store>).await.unwrap();
    full_sync(&mirror).await.unwrap();
    mirror.start_from_snapshot("app").await.unwrap();
    api.list_numbered_users(9);
    full_sync(&mirror).await.unwrap();

    mirror.poll("app", 100).await.unwrap();

    let marks = store.feed("app".to_owned(), None, 0).await.unwrap().marks;
    assert_eq!(marks.latest, 12);
    assert_eq!(marks.durable, 12);
}

// ---- trimmed history ----

#[tokio::test]
async fn the_error_of_a_new_consumer_of_a_trimmed_feed_names_start_from_snapshot() {
    let (_api, mirror) = trimmed_mirror().await;

    let error = mirror.poll("late", 100).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::HistoryTrimmed);
    assert!(error.message().contains("start_from_snapshot(\"late\")"), "{error}");
    assert!(mirror.consumers().await.unwrap().iter().all(|consumer| consumer.name != "late"));
    mirror.start_from_snapshot("late").await.unwrap();
    assert_eq!(mirror.poll("late", 100).await.unwrap().len(), 10);
}

#[tokio::test]
async fn the_changes_of_an_expired_consumer_are_trimmed_and_its_next_poll_is_an_error() {
    let (api, mirror) = mirror_of_ten().await;
    mirror.poll("typo", 1).await.unwrap();
    read_to_the_end(&mirror, "app").await;
    let typo = mirror.consumers().await.unwrap().remove(1);
    assert_eq!(typo.expires_at, Some(typo.seen_at + 30 * DAY));

    api.with(|state| state.now += 31 * DAY);
    mirror.poll("app", 1).await.unwrap();
    mirror.trim().await.unwrap();

    let error = mirror.poll("typo", 100).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HistoryTrimmed);
    assert_eq!(mirror.poll("app", 100).await.unwrap(), []);
    let names: Vec<String> = mirror.consumers().await.unwrap().into_iter().map(|consumer| consumer.name).collect();
    assert_eq!(names, ["app"]);
}

#[tokio::test]
async fn a_consumer_that_polls_does_not_expire() {
    let (api, mirror) = mirror_of_ten().await;
    mirror.poll("slow", 1).await.unwrap();
    for _ in 0..40 {
        api.with(|state| state.now += DAY);
        mirror.poll("slow", 1).await.unwrap();
        mirror.trim().await.unwrap();
    }
    assert_eq!(mirror.poll("slow", 100).await.unwrap().len(), 11);
}

#[tokio::test]
async fn a_poll_without_changes_updates_seen_at_only_if_an_hour_has_passed() {
    let (api, mirror) = mirror_of_ten().await;
    read_to_the_end(&mirror, "app").await;
    let seen_at = async || mirror.consumers().await.unwrap()[0].seen_at;
    let start = seen_at().await;
    let advance_minutes = |count: u64| api.with(|state| state.now += Duration::from_secs(60 * count));

    advance_minutes(59);
    mirror.poll("app", 1).await.unwrap();
    let after_59_minutes = seen_at().await;
    advance_minutes(1);
    mirror.poll("app", 1).await.unwrap();

    assert_eq!(after_59_minutes, start);
    assert_eq!(seen_at().await, start + Duration::from_secs(3_600));
}

#[tokio::test]
async fn consumers_do_not_expire_if_consumer_expiry_is_none() {
    let api = FakeApi::with_users(10);
    let mirror = crate::api::open(api.mirror_builder().consumer_expiry(None)).await;
    full_sync(&mirror).await.unwrap();
    mirror.poll("slow", 1).await.unwrap();

    api.with(|state| state.now += 400 * DAY);
    mirror.trim().await.unwrap();

    assert_eq!(mirror.consumers().await.unwrap()[0].expires_at, None);
    assert_eq!(mirror.poll("slow", 100).await.unwrap().len(), 11);
}

// ---- parked changes ----

#[tokio::test]
async fn a_change_of_a_snapshot_can_be_parked() {
    let (_api, mirror) = mirror_of_ten().await;
    mirror.start_from_snapshot("app").await.unwrap();
    let users = mirror.poll("app", 2).await.unwrap();

    mirror.park("app", users[1].seq, "no seat left").await.unwrap();

    let parked = mirror.parked_changes("app").await.unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!(parked[0].change, users[1]);
    assert_eq!(mirror.poll("app", 100).await.unwrap().len(), 8);
    assert!(mirror.drop_parked("app", users[1].seq).await.unwrap());
}

#[tokio::test]
async fn a_parked_change_stays_listed_after_the_feed_was_trimmed() {
    let (api, mirror) = mirror_of_ten().await;
    let batch = mirror.poll("app", 5).await.unwrap();
    mirror.park("app", batch[2].seq, "no seat left").await.unwrap();
    read_to_the_end(&mirror, "app").await;
    api.with(|state| state.now += 31 * DAY);

    mirror.trim().await.unwrap();

    let parked = mirror.parked_changes("app").await.unwrap();
    assert_eq!(parked[0].change, batch[2]);
    assert_eq!(mirror.consumers().await.unwrap()[0].parked, 1);
}

#[tokio::test]
async fn a_trimmed_change_cannot_be_parked() {
    let (_api, mirror) = trimmed_mirror().await;

    let error = mirror.park("app", 5, "too late").await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::HistoryTrimmed);
    assert_eq!(mirror.consumers().await.unwrap()[0].parked, 0);
    assert_eq!(mirror.parked_changes("app").await.unwrap(), []);
}

#[tokio::test]
async fn an_iterator_parks_a_change_and_leaves_those_before_it_unacknowledged() {
    let (_api, mirror) = mirror_of_ten().await;
    let changes = mirror.changes("app", NO_WAIT);
    let first = changes.next().await.unwrap().unwrap();
    let second = changes.next().await.unwrap().unwrap();

    changes.park(&second, "no seat left").await.unwrap();

    assert_eq!(mirror.parked_changes("app").await.unwrap()[0].change, second);
    assert_eq!(mirror.poll("app", 100).await.unwrap()[0].seq, first.seq);
}

#[tokio::test]
async fn an_iterator_parks_a_change_of_a_snapshot() {
    let (_api, mirror) = mirror_of_ten().await;
    mirror.start_from_snapshot("app").await.unwrap();
    let changes = mirror.changes("app", NO_WAIT);
    let first = changes.next().await.unwrap().unwrap();

    changes.park(&first, "no seat left").await.unwrap();

    assert!(first.seq < 0, "{}", first.seq);
    assert_eq!(mirror.parked_changes("app").await.unwrap()[0].change, first);
    assert_eq!(mirror.poll("app", 100).await.unwrap().len(), 9);
}

// ---- order ----

#[tokio::test]
async fn the_deletion_of_a_large_group_follows_the_removal_of_its_last_member() {
    let api = FakeApi::default();
    let groups = json!([{ "id": "dirgroup_1", "display_name": "Crew" }]);
    api.with(|state| state.groups = vec![json!({ "id": "dirgroup_1", "display_name": "Crew" })]);
    let user = |n| json!({ "id": numbered_user(n), "email": format!("{n}@example.com"), "groups": groups });
    api.list_users((0..1_200).map(user));
    let mirror = api.synced_mirror().await;
    read_to_the_end(&mirror, "app").await;

    let kind = "organization.directory.group_deleted";
    let data = json!({ "id": "dirgroup_1", "directory_id": "dir_1" });
    apply_event(&mirror, "evt_1", kind, "2025-06-01T12:00:00Z", data).await;

    let changes = read_to_the_end(&mirror, "app").await;
    let (last, members) = changes.split_last().unwrap();
    assert_eq!(last.kind, ChangeKind::GroupDeleted);
    assert_eq!(last.cause, "event:evt_1");
    assert_eq!(members.len(), 1_200);
    assert!(members.iter().all(|change| change.kind == ChangeKind::MembershipRemoved));
}

#[tokio::test]
async fn the_greatest_and_the_least_numbers_cause_no_panic() {
    let (_api, mirror) = mirror_of_ten().await;
    mirror.poll("app", 100).await.unwrap();
    for seq in [i64::MAX, i64::MAX - 1, i64::MIN, i64::MIN + 1, -1, 0] {
        mirror.poll_after("app", Some(seq), 100).await.unwrap();
        // Refused or without effect: none of them is the number of a change.
        for error in
            [mirror.ack("app", seq).await, mirror.park("app", seq, "a test").await].into_iter().filter_map(Result::err)
        {
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{seq}: {error}");
        }
        mirror.drop_parked("app", seq).await.unwrap();
    }
    assert_eq!(mirror.poll("app", 100).await.unwrap().len(), 11);
}

#[tokio::test]
async fn a_task_is_led_by_one_handle_at_a_time_and_has_a_short_name() {
    let (_api, mirror) = mirror_of_ten().await;
    for name in ["", &"x".repeat(201)] {
        assert_eq!(mirror.lead(name).await.unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
    let leadership = mirror.lead("syncs").await.unwrap().unwrap();
    assert!(leadership.is_held().await.unwrap());
    // The clones of a handle share the lease.
    let shared = mirror.clone().lead("syncs").await.unwrap().unwrap();
    drop(leadership);
    assert!(shared.is_held().await.unwrap());
    mirror.close().await.unwrap();
    assert!(!shared.is_held().await.unwrap());
}
