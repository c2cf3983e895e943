//! Polls by groups: which changes are a group, how the limit counts them, acknowledgements within a group, snapshots, and flushes.

use crate::api::{FakeApi, apply_event, full_sync, numbered_user};
use headcount::ChangeKind::{DirectoryEnabled, GroupCreated, GroupUpdated, MembershipAdded, RolesChanged, UserCreated};
use headcount::store::{SqliteStore, Store};
use headcount::{Change, ChangeKind, ErrorKind, Mirror};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

fn group(n: usize) -> Value {
    json!({ "id": format!("dirgroup_{n}"), "display_name": format!("Group {n}") })
}

/// Returns an API that lists three groups, and this number of users, each in all of the groups.
fn api_of_members(users: usize) -> FakeApi {
    let api = FakeApi::default();
    let groups: Vec<Value> = (1..=3).map(group).collect();
    api.with(|state| state.groups.clone_from(&groups));
    let user = |n| json!({ "id": numbered_user(n), "email": format!("{n}@example.com"), "groups": groups });
    api.list_users((0..users).map(user));
    api
}

/// Returns a mirror in which this number of users were hired, each into three groups, one of which gives a role. The consumer `app` has acknowledged the
/// changes before, those of the directory and of the groups.
async fn mirror_of_hires(users: usize) -> (FakeApi, Mirror) {
    let api = api_of_members(0);
    let mirror = api.synced_mirror().await;
    mirror.set_role_map([("dirgroup_2", "developer")]).await.unwrap();
    let earlier = mirror.poll("app", 100).await.unwrap();
    mirror.ack("app", earlier.last().unwrap().seq).await.unwrap();
    let listed = api_of_members(users).with(|state| state.users.clone());
    api.list_users(listed);
    full_sync(&mirror).await.unwrap();
    (api, mirror)
}

/// The changes of one hire.
const HIRE: [ChangeKind; 5] = [UserCreated, MembershipAdded, MembershipAdded, MembershipAdded, RolesChanged];

fn kinds(group: &[Change]) -> Vec<ChangeKind> {
    group.iter().map(|change| change.kind).collect()
}

fn sizes(groups: &[Vec<Change>]) -> Vec<usize> {
    groups.iter().map(Vec::len).collect()
}

fn last_seq(group: &[Change]) -> i64 {
    group.last().unwrap().seq
}

#[tokio::test]
async fn the_changes_of_a_hire_are_one_group() {
    let (_api, mirror) = mirror_of_hires(2).await;

    let groups = mirror.poll_groups("app", 100).await.unwrap();

    assert_eq!(groups.len(), 2);
    for (n, group) in groups.iter().enumerate() {
        assert_eq!(kinds(group), HIRE);
        assert!(group.iter().all(|change| change.user.as_ref().unwrap().id == numbered_user(n)));
    }
}

#[tokio::test]
async fn the_groups_have_the_changes_of_a_poll_in_the_same_order() {
    let (_api, mirror) = mirror_of_hires(3).await;

    let groups = mirror.poll_groups("app", 100).await.unwrap();

    assert_eq!(groups.concat(), mirror.poll("app", 100).await.unwrap());
}

#[tokio::test]
async fn each_change_of_a_group_or_a_directory_is_a_group_of_its_own() {
    let api = api_of_members(0);
    let mirror = api.synced_mirror().await;
    let renamed = json!({ "id": "dirgroup_1", "display_name": "Crew", "directory_id": "dir_1" });
    apply_event(&mirror, "evt_1", "organization.directory.group_updated", "2025-06-01T12:00:00Z", renamed).await;

    let groups = mirror.poll_groups("app", 100).await.unwrap();

    assert_eq!(sizes(&groups), [1, 1, 1, 1, 1]);
    assert_eq!(kinds(&groups.concat()), [DirectoryEnabled, GroupCreated, GroupCreated, GroupCreated, GroupUpdated]);
}

#[tokio::test]
async fn a_poll_stops_before_a_group_that_exceeds_the_limit() {
    let (_api, mirror) = mirror_of_hires(3).await;

    assert_eq!(sizes(&mirror.poll_groups("app", 5).await.unwrap()), [5]);
    assert_eq!(sizes(&mirror.poll_groups("app", 9).await.unwrap()), [5]);
    assert_eq!(sizes(&mirror.poll_groups("app", 10).await.unwrap()), [5, 5]);
    assert_eq!(sizes(&mirror.poll_groups("app", 10_000).await.unwrap()), [5, 5, 5]);
}

#[tokio::test]
async fn a_group_that_is_longer_than_the_limit_is_returned_alone() {
    let (_api, mirror) = mirror_of_hires(2).await;

    let groups = mirror.poll_groups("app", 1).await.unwrap();

    assert_eq!(sizes(&groups), [5]);
    assert_eq!(kinds(&groups[0]), HIRE);
}

#[tokio::test]
async fn after_an_acknowledgement_within_a_group_the_rest_of_it_is_a_group() {
    let (_api, mirror) = mirror_of_hires(2).await;
    let groups = mirror.poll_groups("app", 100).await.unwrap();
    mirror.ack("app", groups[0][1].seq).await.unwrap();

    let rest = mirror.poll_groups("app", 8).await.unwrap();

    assert_eq!(rest.len(), 2, "3 changes of the first group and 5 of the second are 8");
    assert_eq!(rest[0], groups[0][2..]);
    assert_eq!(rest[1], groups[1]);
}

#[tokio::test]
async fn acknowledging_the_last_change_of_each_group_reads_the_feed_to_its_end() {
    let (_api, mirror) = mirror_of_hires(3).await;
    let expected = mirror.poll("app", 100).await.unwrap();

    let mut changes = Vec::new();
    loop {
        let groups = mirror.poll_groups("app", 7).await.unwrap();
        let Some(group) = groups.into_iter().next() else { break };
        mirror.ack("app", last_seq(&group)).await.unwrap();
        changes.extend(group);
    }

    assert_eq!(changes, expected);
}

#[tokio::test]
async fn every_number_of_a_group_that_was_returned_can_be_acknowledged_and_none_after_it() {
    let (_api, mirror) = mirror_of_hires(2).await;
    let groups = mirror.poll_groups("app", 1).await.unwrap();
    let last = last_seq(&groups[0]);

    let refused = mirror.ack("app", last + 1).await.unwrap_err();

    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    mirror.ack("app", last).await.unwrap();
}

#[tokio::test]
async fn each_row_of_a_snapshot_is_a_group_and_the_changes_after_it_are_grouped() {
    let (api, mirror) = mirror_of_hires(1).await;
    mirror.start_from_snapshot("late").await.unwrap();
    let listed = api_of_members(2).with(|state| state.users.clone());
    api.list_users(listed);
    full_sync(&mirror).await.unwrap();

    let snapshot = mirror.poll_groups("late", 100).await.unwrap();
    mirror.ack("late", last_seq(&snapshot[3])).await.unwrap();
    let later = mirror.poll_groups("late", 100).await.unwrap();

    assert_eq!(sizes(&snapshot), [1, 1, 1, 1]);
    assert_eq!(kinds(&snapshot.concat()), [GroupCreated, GroupCreated, GroupCreated, UserCreated]);
    assert_eq!(sizes(&later), [5]);
    assert_eq!(kinds(&later[0]), HIRE);
}

#[tokio::test]
async fn a_poll_by_groups_registers_a_new_consumer_at_the_first_change() {
    let (_api, mirror) = mirror_of_hires(1).await;

    let groups = mirror.poll_groups("new", 100).await.unwrap();

    assert_eq!(groups[0][0].seq, 1);
    assert!(mirror.consumers().await.unwrap().iter().any(|consumer| consumer.name == "new"));
}

#[tokio::test]
async fn a_poll_by_groups_flushes_the_changes_of_a_sync_once() {
    let api = api_of_members(2);
    let store = Arc::new(SqliteStore::open(":memory:").unwrap());
    let mirror = api.mirror_builder().open_in(Arc::clone(&store) as Arc<dyn Store>).await.unwrap();
    mirror.poll_groups("app", 100).await.unwrap();
    full_sync(&mirror).await.unwrap();
    let flushes = store.flushes();

    let count = mirror.poll_groups("app", 100).await.unwrap().concat().len();
    mirror.poll_groups("app", 100).await.unwrap();

    assert_eq!(store.flushes(), flushes + 1);
    assert_eq!(store.feed("app".to_owned(), None, 0).await.unwrap().marks.durable, count as i64);
}

#[tokio::test]
async fn a_poll_by_groups_of_a_trimmed_feed_is_an_error() {
    let (api, mirror) = mirror_of_hires(1).await;
    let groups = mirror.poll_groups("app", 100).await.unwrap();
    mirror.ack("app", last_seq(&groups[0])).await.unwrap();
    api.with(|state| state.now += 31 * DAY);
    mirror.trim().await.unwrap();

    let error = mirror.poll_groups("late", 100).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::HistoryTrimmed);
}

#[tokio::test]
async fn a_poll_by_groups_refuses_what_a_poll_refuses() {
    let (_api, mirror) = mirror_of_hires(1).await;

    for (consumer, limit) in [("", 1), ("app", 0), ("app", 10_001)] {
        let error = mirror.poll_groups(consumer, limit).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "consumer {consumer:?}, limit {limit}");
    }
}
