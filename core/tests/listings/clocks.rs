//! Which of two events, or of an event and a listing, is newer: equal times, clocks that differ, and listings that lag behind events.

use crate::api::{FakeApi, USER_DELETED, USER_UPDATED, apply_event, full_sync};
use headcount::Mirror;
use headcount::mirror::Outcome;
use serde_json::{Value, json};
use std::time::Duration;

const DIRECTORY_DISABLED: &str = "organization.directory_disabled";
const DIRECTORY_ENABLED: &str = "organization.directory_enabled";
const NOON: &str = "2025-06-01T12:00:00Z";

/// Returns the ids and email addresses of the mirrored users.
async fn users(mirror: &Mirror) -> Vec<(String, String)> {
    let mut users = mirror.users("org_1");
    let mut found = Vec::new();
    while let Some(user) = users.next().await.unwrap() {
        found.push((user.id, user.email));
    }
    found
}

/// Applies events of the same time, given as id, type and data, to a mirror of one user: in this order, and to another mirror in the reverse order.
/// Asserts that each mirror then has exactly the users `expected`, given as ids and email addresses.
async fn assert_any_order(events: &[(&str, &str, Value)], expected: &[(&str, &str)]) {
    for reversed in [false, true] {
        let mirror = FakeApi::with_users(1).synced_mirror().await;
        let mut events = events.to_vec();
        if reversed {
            events.reverse();
        }
        for (id, kind, data) in &events {
            apply_event(&mirror, id, kind, NOON, data.clone()).await;
        }
        let expected: Vec<_> = expected.iter().map(|(id, email)| ((*id).to_owned(), (*email).to_owned())).collect();
        assert_eq!(users(&mirror).await, expected, "reversed: {reversed}");
    }
}

#[tokio::test]
async fn a_deletion_is_newer_than_an_update_of_the_same_time() {
    let data = json!({ "id": "diruser_000" });
    assert_any_order(&[("evt_2", USER_UPDATED, data.clone()), ("evt_1", USER_DELETED, data)], &[]).await;
}

#[tokio::test]
async fn of_two_updates_of_the_same_time_the_one_with_the_longer_id_is_newer() {
    let renamed = |email: &str| json!({ "id": "diruser_000", "email": email });
    let events =
        [("evt_9", USER_UPDATED, renamed("9@example.com")), ("evt_10", USER_UPDATED, renamed("10@example.com"))];
    assert_any_order(&events, &[("diruser_000", "10@example.com")]).await;
}

#[tokio::test]
async fn of_two_events_from_the_future_the_one_with_the_later_time_is_newer() {
    for reversed in [false, true] {
        let mirror = FakeApi::with_users(1).synced_mirror().await;
        let mut events = vec![("evt_1", "2025-06-01T12:20:00Z"), ("evt_2", "2025-06-01T12:10:00Z")];
        if reversed {
            events.reverse();
        }
        for (id, occurred_at) in events {
            let data = json!({ "id": "diruser_000", "email": format!("{id}@example.com") });
            apply_event(&mirror, id, USER_UPDATED, occurred_at, data).await;
        }
        assert_eq!(users(&mirror).await[0].1, "evt_1@example.com", "reversed: {reversed}");
    }
}

#[tokio::test]
async fn later_events_are_applied_after_a_listing_names_a_user_whom_an_event_from_the_far_future_deleted() {
    let api = FakeApi::with_users(1);
    let mirror = api.synced_mirror().await;
    let data = json!({ "id": "diruser_000" });
    apply_event(&mirror, "evt_1", USER_DELETED, "2099-01-01T00:00:00Z", data.clone()).await;
    assert_eq!(users(&mirror).await, []);
    api.with(|state| state.now += Duration::from_secs(301));
    full_sync(&mirror).await.unwrap();
    assert_eq!(users(&mirror).await.len(), 1);

    let outcome = apply_event(&mirror, "evt_2", USER_DELETED, "2025-06-01T12:05:02Z", data).await;

    assert_eq!(outcome, Outcome::Applied);
    assert_eq!(users(&mirror).await, []);
}

/// Returns a mirror that has removed one of its two users, `diruser_001`, because a listing at noon lacks them. `served_at` is the time
/// of the vendor's clock that the listing has, or `None` if it has none.
async fn mirror_after_a_removal_by_listing(served_at: Option<&str>) -> (FakeApi, Mirror) {
    let api = FakeApi::with_users(2);
    let mirror = api.synced_mirror().await;
    api.list_numbered_users(1);
    api.with(|state| state.served_at = served_at.map(|at| at.parse().unwrap()));
    assert_eq!(full_sync(&mirror).await.unwrap().deleted, 1);
    (api, mirror)
}

/// Applies an event that updates `diruser_001`.
async fn update(mirror: &Mirror, id: &str, occurred_at: &str) -> Outcome {
    let data = json!({ "id": "diruser_001", "email": "1@example.com" });
    apply_event(mirror, id, USER_UPDATED, occurred_at, data).await
}

#[tokio::test]
async fn an_update_from_before_a_removal_by_listing_does_not_bring_the_user_back_if_the_vendors_clock_is_ahead() {
    // The vendor's clock is three minutes ahead of the mirror's, which shows 12:00.
    let (_api, mirror) = mirror_after_a_removal_by_listing(Some("2025-06-01T12:03:00.999999999Z")).await;
    assert_eq!(update(&mirror, "evt_1", "2025-06-01T12:02:59Z").await, Outcome::Stale);
    assert_eq!(users(&mirror).await.len(), 1);

    assert_eq!(update(&mirror, "evt_2", "2025-06-01T12:03:01Z").await, Outcome::Applied);
    assert_eq!(users(&mirror).await.len(), 2, "an update after the removal brings the user back");
}

#[tokio::test]
async fn an_event_after_a_removal_by_listing_is_applied_if_the_vendors_clock_is_behind() {
    let (_api, mirror) = mirror_after_a_removal_by_listing(Some("2025-06-01T11:56:00.999999999Z")).await;
    assert_eq!(update(&mirror, "evt_1", "2025-06-01T11:57:00Z").await, Outcome::Applied);
    assert_eq!(users(&mirror).await.len(), 2);
}

#[tokio::test]
async fn without_the_vendors_time_a_listing_restores_a_user_whose_update_event_was_stale() {
    let (api, mirror) = mirror_after_a_removal_by_listing(None).await;
    assert_eq!(update(&mirror, "evt_1", "2025-06-01T12:04:59Z").await, Outcome::Stale);
    api.list_numbered_users(2);
    api.with(|state| state.now += Duration::from_secs(60));

    full_sync(&mirror).await.unwrap();

    assert_eq!(users(&mirror).await.len(), 2);
    let data = json!({ "id": "diruser_001" });
    let outcome = apply_event(&mirror, "evt_2", USER_DELETED, "2025-06-01T12:01:01Z", data).await;
    assert_eq!(outcome, Outcome::Applied, "a deletion after the listing that restored the user is not stale");
}

/// Returns whether the mirror's directory is enabled.
async fn is_enabled(mirror: &Mirror) -> bool {
    mirror.directories(None).await.unwrap()[0].enabled
}

#[tokio::test]
async fn disabling_a_directory_is_newer_than_enabling_it_at_the_same_time() {
    for kinds in [[DIRECTORY_ENABLED, DIRECTORY_DISABLED], [DIRECTORY_DISABLED, DIRECTORY_ENABLED]] {
        let mirror = FakeApi::with_users(1).synced_mirror().await;
        for (number, kind) in kinds.iter().enumerate() {
            apply_event(&mirror, &format!("evt_{number}"), kind, NOON, json!({ "id": "dir_1" })).await;
        }
        assert!(!is_enabled(&mirror).await, "{kinds:?}");
    }
}

#[tokio::test]
async fn a_lagging_listing_of_directories_does_not_enable_a_directory_that_an_event_disabled() {
    let api = FakeApi::with_users(1);
    let mirror = api.synced_mirror().await;
    apply_event(&mirror, "evt_1", DIRECTORY_DISABLED, NOON, json!({ "id": "dir_1" })).await;

    full_sync(&mirror).await.unwrap();
    assert!(!is_enabled(&mirror).await);

    api.with(|state| state.now += Duration::from_secs(301));
    full_sync(&mirror).await.unwrap();
    assert!(is_enabled(&mirror).await, "a listing more than five minutes after the event enables the directory");
}
