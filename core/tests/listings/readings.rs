//! Which listings are complete enough to remove the users that they lack, and which values of users they may have.

use crate::api::{FakeApi, apply_deletion, apply_event, count_users, full_sync, numbered_user};
use headcount::{ErrorKind, Mirror, Outcome, SyncOutcome};
use serde_json::{Value, json};
use std::time::Duration;

/// Lists `users` with a total to a mirror of five users. The sync must be incomplete for this reason and remove no user; the next complete
/// listing, which lacks the fifth user, removes that user.
async fn assert_removes_nobody(users: impl FnOnce(&[Value]) -> Vec<Value>, reported_total: Option<u64>, reason: &str) {
    let api = FakeApi::with_users(5);
    let mirror = api.open_mirror().await;
    assert_eq!(full_sync(&mirror).await.unwrap().outcome, SyncOutcome::Done);
    let first_four = api.with(|state| state.users[..4].to_vec());
    api.list_users(users(&first_four));
    api.with(|state| state.reported_total = reported_total);

    let report = full_sync(&mirror).await.unwrap();

    assert_eq!(report.outcome, SyncOutcome::Incomplete);
    assert_eq!(report.deleted, 0);
    assert!(report.incomplete.as_ref().unwrap().contains(reason), "{report:?}");
    assert_eq!(count_users(&mirror).await, 5);

    api.list_users(first_four);
    api.with(|state| state.reported_total = None);
    assert_eq!(full_sync(&mirror).await.unwrap().deleted, 1);
}

#[tokio::test]
async fn a_listing_that_names_a_user_twice_removes_nobody() {
    let with_a_duplicate = |users: &[Value]| [users, &users[..1]].concat();
    assert_removes_nobody(with_a_duplicate, None, "twice").await;
}

#[tokio::test]
async fn a_listing_with_fewer_users_than_its_total_removes_nobody() {
    assert_removes_nobody(|users| users.to_vec(), Some(5), "named 4 users, and counted 5").await;
}

#[tokio::test]
async fn a_listing_with_users_and_a_total_of_zero_removes_nobody() {
    assert_removes_nobody(|users| users.to_vec(), Some(0), "counted 0").await;
}

#[tokio::test]
async fn an_empty_listing_with_a_total_removes_nobody() {
    assert_removes_nobody(|_| Vec::new(), Some(5), "named 0 users").await;
}

/// A mirror of five users whose directory has lost one and does not report when it last changed, so that removals need two complete readings.
async fn mirror_of_a_directory_that_lost_a_user() -> (FakeApi, Mirror) {
    let api = FakeApi::with_users(5);
    let mirror = api.synced_mirror().await;
    api.list_numbered_users(4);
    (api, mirror)
}

#[tokio::test]
async fn removes_nobody_if_only_one_reading_is_complete() {
    let (api, mirror) = mirror_of_a_directory_that_lost_a_user().await;
    // A sync reads at most three times: the third reading is complete, and no second one confirms it.
    api.with(|state| state.wrong_totals = 2);

    let report = full_sync(&mirror).await.unwrap();

    assert_eq!(report.outcome, SyncOutcome::Incomplete);
    assert_eq!(report.deleted, 0);
    assert_eq!(count_users(&mirror).await, 5);
}

#[tokio::test]
async fn removes_a_user_after_two_complete_readings_lack_them() {
    let (api, mirror) = mirror_of_a_directory_that_lost_a_user().await;
    api.with(|state| state.wrong_totals = 2);
    full_sync(&mirror).await.unwrap();
    api.with(|state| state.wrong_totals = 1);
    assert_eq!(full_sync(&mirror).await.unwrap().deleted, 1);
}

/// A mirror of two users after the deletion event of `diruser_1`, whom the API still lists.
async fn mirror_ahead_of_its_listing() -> (FakeApi, Mirror) {
    let api = FakeApi::default();
    let ada = json!({ "id": "diruser_1", "email": "ada@example.com", "updated_at": "2025-06-01T10:00:00Z" });
    api.list_users([ada, json!({ "id": "diruser_2" })]);
    let mirror = api.synced_mirror().await;
    apply_deletion(&mirror, "evt_1", "diruser_1").await;
    (api, mirror)
}

#[tokio::test]
async fn a_listing_that_lags_behind_a_deletion_does_not_restore_the_user() {
    let (_api, mirror) = mirror_ahead_of_its_listing().await;
    let report = full_sync(&mirror).await.unwrap();
    assert_eq!(report.created, 0);
    assert_eq!(count_users(&mirror).await, 1);
}

#[tokio::test]
async fn a_deleted_user_who_is_still_listed_after_five_minutes_is_restored() {
    let (api, mirror) = mirror_ahead_of_its_listing().await;
    full_sync(&mirror).await.unwrap();
    // A listing may lag by at most five minutes.
    api.with(|state| state.now += Duration::from_secs(301));
    let report = full_sync(&mirror).await.unwrap();
    assert_eq!(report.created, 1);
    assert_eq!(count_users(&mirror).await, 2);
}

#[tokio::test]
async fn listed_users_whom_events_deleted_do_not_make_the_listing_incomplete() {
    let api = FakeApi::with_users(6);
    let mirror = api.synced_mirror().await;
    for number in 0..3 {
        apply_deletion(&mirror, &format!("evt_{number}"), &numbered_user(number)).await;
    }
    // The listing still names these three, and lacks the sixth user.
    api.list_numbered_users(5);

    let report = full_sync(&mirror).await.unwrap();

    assert_eq!(report.outcome, SyncOutcome::Done);
    assert_eq!(report.deleted, 1);
    assert_eq!(count_users(&mirror).await, 2);
}

const UNUSUAL_ID: &str = "'; DROP TABLE user; --";

/// A mirror after a full sync of five users and a group with unusual values.
async fn mirror_of_unusual_users() -> (FakeApi, Mirror) {
    let api = FakeApi::default();
    let long = "ü".repeat(10_000);
    let group = json!({ "id": "dirgroup_1", "display_name": long, "total_users": 99 });
    api.with(|state| state.groups = vec![group]);
    let repeated_groups = json!([{ "id": "dirgroup_1" }, { "id": "dirgroup_1" }, { "id": "dirgroup_2" }]);
    api.list_users([
        json!({ "id": "diruser_1" }),
        json!({ "id": "diruser_2", "email": "one@example.com", "updated_at": "9999-01-01T00:00:00Z" }),
        json!({ "id": "diruser_3", "email": "ONE@example.com", "updated_at": "1931-01-01T00:00:00.000000001Z" }),
        json!({ "id": "diruser_4", "given_name": long, "groups": repeated_groups }),
        json!({ "id": UNUSUAL_ID, "user_detail": { "active": "False" } }),
    ]);
    let mirror = api.open_mirror().await;
    let report = full_sync(&mirror).await.unwrap();
    assert_eq!(report.outcome, SyncOutcome::Done);
    assert_eq!(report.created, 5);
    (api, mirror)
}

#[tokio::test]
async fn a_second_sync_of_unusual_users_changes_nothing() {
    let (_api, mirror) = mirror_of_unusual_users().await;
    assert_eq!(full_sync(&mirror).await.unwrap().changes, 0);
}

#[tokio::test]
async fn finds_users_by_email_in_any_case() {
    let (_api, mirror) = mirror_of_unusual_users().await;
    assert_eq!(mirror.find_users("one@EXAMPLE.com").await.unwrap().len(), 2);
}

#[tokio::test]
async fn stores_a_long_name_and_each_group_once() {
    let (_api, mirror) = mirror_of_unusual_users().await;
    let user = mirror.user("diruser_4").await.unwrap().unwrap();
    assert_eq!(user.given_name.len(), 20_000);
    assert_eq!(user.group_ids, ["dirgroup_1", "dirgroup_2"]);
}

#[tokio::test]
async fn reads_active_from_text_for_an_id_that_looks_like_sql() {
    let (_api, mirror) = mirror_of_unusual_users().await;
    assert!(!mirror.user(UNUSUAL_ID).await.unwrap().unwrap().active);
}

#[tokio::test]
async fn lists_a_groups_members_by_their_own_group_ids() {
    let (_api, mirror) = mirror_of_unusual_users().await;
    let mut members = mirror.users("org_1").group("dirgroup_1");
    assert_eq!(members.next().await.unwrap().unwrap().id, "diruser_4");
    assert_eq!(members.next().await.unwrap(), None);
}

#[tokio::test]
async fn an_updated_at_in_the_future_does_not_make_later_events_stale() {
    let (_api, mirror) = mirror_of_unusual_users().await;
    let deleted = crate::api::USER_DELETED;
    let outcome = apply_event(&mirror, "evt_1", deleted, "2025-06-01T12:00:01Z", json!({ "id": "diruser_2" })).await;
    assert_eq!(outcome, Outcome::Applied);
    assert_eq!(count_users(&mirror).await, 4);
}

#[tokio::test]
async fn a_listed_user_without_an_id_is_a_decode_error_and_removes_nobody() {
    let (api, mirror) = mirror_of_unusual_users().await;
    api.list_users([json!({ "id": "" })]);
    assert_eq!(full_sync(&mirror).await.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(count_users(&mirror).await, 5);
}
