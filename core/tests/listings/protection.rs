//! Protected users: what a listing or an event would take from them is held until it is approved, whatever the guard's budget.

use crate::api::{
    FakeApi, USER_DELETED, USER_UPDATED, apply_event, count_users, full_sync, listed_user, numbered_user,
};
use headcount::mirror::{Hold, HoldReason, Outcome};
use headcount::{ErrorKind, Mirror, MirrorUser};
use serde_json::json;

const REASON: &str = "last admin";

/// Returns a mirror of 100 users, of whom the first is protected.
async fn mirror_with_a_protected_user() -> (FakeApi, Mirror) {
    let api = FakeApi::with_users(100);
    let mirror = api.synced_mirror().await;
    mirror.protect(&numbered_user(0), REASON).await.unwrap();
    api.with(|state| state.now = "2025-06-02T12:00:00Z".parse().unwrap());
    (api, mirror)
}

async fn user(mirror: &Mirror, number: usize) -> Option<MirrorUser> {
    mirror.user(&numbered_user(number)).await.unwrap()
}

async fn holds(mirror: &Mirror) -> Vec<Hold> {
    mirror.holds("org_1", None).await.unwrap()
}

fn list(api: &FakeApi, users: std::ops::Range<usize>) {
    api.list_users(users.map(listed_user));
}

#[tokio::test]
async fn a_listing_without_a_protected_user_removes_the_others_and_holds_the_protected_one() {
    let (api, mirror) = mirror_with_a_protected_user().await;
    list(&api, 3..100);

    let error = full_sync(&mirror).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::MassRemoval);
    assert!(error.to_string().contains("no longer lists 1 protected users"), "{error}");
    let removals = error.removals().unwrap();
    assert_eq!((removals.count, removals.user_ids.as_slice()), (1, [numbered_user(0)].as_slice()));
    assert_eq!(count_users(&mirror).await, 98);
    let holds = holds(&mirror).await;
    assert_eq!(holds.len(), 1, "{holds:?}");
    assert_eq!((holds[0].reason, holds[0].count, holds[0].limit), (HoldReason::ProtectedUsers, 1, 0));
    assert_eq!(mirror.hold_users(&holds[0].id).unwrap().next_page().await.unwrap()[0].id, numbered_user(0));
}

#[tokio::test]
async fn the_held_removal_of_a_protected_user_is_reported_by_every_full_sync_and_does_not_hold_others() {
    let (api, mirror) = mirror_with_a_protected_user().await;
    list(&api, 1..100);
    full_sync(&mirror).await.unwrap_err();
    list(&api, 2..100);
    let error = full_sync(&mirror).await.unwrap_err();
    assert!(error.to_string().contains("no longer lists 1 protected users"), "{error}");
    assert_eq!(user(&mirror, 1).await, None);
    assert_eq!(holds(&mirror).await[0].count, 1);
}

#[tokio::test]
async fn an_approval_removes_a_protected_user() {
    let (api, mirror) = mirror_with_a_protected_user().await;
    list(&api, 1..100);
    full_sync(&mirror).await.unwrap_err();
    let hold = holds(&mirror).await.remove(0);
    assert_eq!(mirror.approve(&hold.id, "ops", "has left").await.unwrap(), 1);
    assert_eq!(user(&mirror, 0).await, None);
    full_sync(&mirror).await.unwrap();
}

#[tokio::test]
async fn a_protected_user_who_is_listed_again_is_no_longer_held() {
    let (api, mirror) = mirror_with_a_protected_user().await;
    list(&api, 1..100);
    full_sync(&mirror).await.unwrap_err();
    list(&api, 0..100);
    full_sync(&mirror).await.unwrap();
    assert_eq!(holds(&mirror).await, []);
    assert_eq!(user(&mirror, 0).await.unwrap().protection.as_deref(), Some(REASON));
}

#[tokio::test]
async fn beyond_the_budget_protected_users_are_held_in_a_hold_of_their_own() {
    let (api, mirror) = mirror_with_a_protected_user().await;
    list(&api, 30..100);
    full_sync(&mirror).await.unwrap_err();
    let mut found: Vec<_> = holds(&mirror).await.iter().map(|hold| (hold.reason.name(), hold.count)).collect();
    found.sort_unstable();
    assert_eq!(found, [("mass_removal", 29), ("protected_users", 1)]);
}

#[tokio::test]
async fn events_about_a_protected_user_are_held_if_they_take_access_away() {
    let (_api, mirror) = mirror_with_a_protected_user().await;
    let data = json!({ "id": numbered_user(0), "active": false, "given_name": "Ada" });
    let outcome = apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-02T12:00:00Z", data).await;
    assert_eq!(outcome, Outcome::Held);
    let protected = user(&mirror, 0).await.unwrap();
    assert_eq!((protected.active, protected.given_name.as_str()), (true, "Ada"), "expected other fields to change");

    let data = json!({ "id": numbered_user(0) });
    assert_eq!(apply_event(&mirror, "evt_2", USER_DELETED, "2025-06-02T12:00:01Z", data).await, Outcome::Held);
    assert!(user(&mirror, 0).await.is_some());
    assert_eq!(holds(&mirror).await.len(), 1);
}

#[tokio::test]
async fn an_unprotected_user_can_be_removed_again() {
    let (api, mirror) = mirror_with_a_protected_user().await;
    mirror.unprotect(&numbered_user(0)).await.unwrap();
    assert_eq!(user(&mirror, 0).await.unwrap().protection, None);
    list(&api, 1..100);
    full_sync(&mirror).await.unwrap();
    assert_eq!(user(&mirror, 0).await, None);
}

#[tokio::test]
async fn protecting_a_user_makes_no_change_in_the_feed() {
    let (_api, mirror) = mirror_with_a_protected_user().await;
    full_sync(&mirror).await.unwrap();
    let changes = mirror.poll("app", 10_000).await.unwrap();
    assert!(changes.iter().all(|change| change.kind.name() != "user.updated"));
}

#[tokio::test]
async fn a_reason_of_the_wrong_length_and_an_unknown_user_are_refused() {
    let (_api, mirror) = mirror_with_a_protected_user().await;
    for reason in ["", " ", &"x".repeat(2_001)] {
        let error = mirror.protect(&numbered_user(0), reason).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{} bytes", reason.len());
    }
    assert_eq!(user(&mirror, 0).await.unwrap().protection.as_deref(), Some(REASON));
    assert_eq!(mirror.protect("diruser_none", REASON).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(mirror.unprotect("diruser_none").await.unwrap_err().kind(), ErrorKind::NotFound);
}
