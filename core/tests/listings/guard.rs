//! The removal guard: empty listings, disabled and missing directories, and bursts of deletion events.

use crate::api::{FakeApi, USER_DELETED, apply_deletion, apply_event, count_users, full_sync, numbered_user};
use headcount::mirror::{HoldReason, Outcome, SyncOutcome};
use headcount::{ChangeKind, ErrorKind, Mirror};
use serde_json::json;

/// Returns the reasons of the holds in `dir_1`.
async fn reasons(mirror: &Mirror) -> Vec<HoldReason> {
    mirror.holds("org_1", Some("dir_1")).await.unwrap().into_iter().map(|hold| hold.reason).collect()
}

fn set_enabled(api: &FakeApi, enabled: bool) {
    api.with(|state| state.directories[0]["enabled"] = json!(enabled));
}

/// Returns a mirror of three users. The API lists none of them any more.
async fn mirror_of_an_emptied_directory() -> (FakeApi, Mirror) {
    let api = FakeApi::with_users(3);
    let mirror = api.synced_mirror().await;
    api.list_numbered_users(0);
    (api, mirror)
}

#[tokio::test]
async fn an_empty_listing_is_held_although_the_guard_permits_that_many_removals() {
    let (_api, mirror) = mirror_of_an_emptied_directory().await;

    let error = full_sync(&mirror).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::MassRemoval);
    assert_eq!(error.removals().unwrap().count, 3);
    assert_eq!(reasons(&mirror).await, [HoldReason::EmptyListing]);
    assert_eq!(count_users(&mirror).await, 3);
}

#[tokio::test]
async fn a_disabled_directory_has_a_hold_and_keeps_its_users() {
    let (api, mirror) = mirror_of_an_emptied_directory().await;
    full_sync(&mirror).await.unwrap_err();
    set_enabled(&api, false);

    let report = full_sync(&mirror).await.unwrap();

    assert_eq!(report.outcome, SyncOutcome::Held);
    assert_eq!(reasons(&mirror).await, [HoldReason::EmptyListing, HoldReason::DirectoryDisabled]);
    assert_eq!(report.holds, mirror.holds("org_1", Some("dir_1")).await.unwrap());
    assert_eq!(count_users(&mirror).await, 3);
}

#[tokio::test]
async fn a_missing_directory_has_a_hold_and_keeps_its_users() {
    let (api, mirror) = mirror_of_an_emptied_directory().await;
    full_sync(&mirror).await.unwrap_err();
    set_enabled(&api, false);
    full_sync(&mirror).await.unwrap();
    api.with(|state| state.has_lost_directories = true);

    let error = full_sync(&mirror).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(reasons(&mirror).await.contains(&HoldReason::DirectoryNotFound));
    assert_eq!(count_users(&mirror).await, 3);
}

#[tokio::test]
async fn a_complete_listing_ends_the_holds_and_enables_the_directory() {
    let (api, mirror) = mirror_of_an_emptied_directory().await;
    full_sync(&mirror).await.unwrap_err();
    set_enabled(&api, false);
    full_sync(&mirror).await.unwrap();
    api.with(|state| state.has_lost_directories = true);
    full_sync(&mirror).await.unwrap_err();
    api.with(|state| state.has_lost_directories = false);
    set_enabled(&api, true);
    api.list_numbered_users(3);

    let report = full_sync(&mirror).await.unwrap();

    assert_eq!(report.changes, 0);
    assert_eq!(reasons(&mirror).await, []);
    let last = mirror.poll("app", 100).await.unwrap().pop().unwrap();
    assert_eq!(last.kind, ChangeKind::DirectoryEnabled);
}

/// Returns a mirror of 100 users after deletion events of the first 25. The guard has permitted 20 removals and holds 5.
async fn mirror_after_a_deletion_burst() -> (FakeApi, Mirror) {
    let api = FakeApi::with_users(100);
    let mirror = api.synced_mirror().await;
    for number in 0..25 {
        let outcome = apply_deletion(&mirror, &format!("evt_{number}"), &numbered_user(number)).await;
        assert_eq!(outcome, if number < 20 { Outcome::Applied } else { Outcome::Held }, "event {number}");
    }
    (api, mirror)
}

/// Sets the clock to 12:10, ten minutes after the deletion events, and lists the users 23 to 99: two of the five held users, 20 to 24, are still
/// listed.
fn list_all_but_23_users(api: &FakeApi) {
    let listed = api.with(|state| {
        state.now = "2025-06-01T12:10:00Z".parse().unwrap();
        state.users.split_off(23)
    });
    api.list_users(listed);
}

#[tokio::test]
async fn deletion_events_beyond_the_limit_are_held() {
    let (_api, mirror) = mirror_after_a_deletion_burst().await;
    let hold = mirror.holds("org_1", None).await.unwrap().remove(0);
    assert_eq!(hold.reason, HoldReason::DeletionBurst);
    assert_eq!(hold.count, 5);
    assert_eq!(hold.limit, 20);
    assert_eq!(hold.causes, [20, 21, 22, 23, 24].map(|number| format!("event:evt_{number}")));
    assert_eq!(count_users(&mirror).await, 80);
    assert_eq!(mirror.held_removals("dir_1").await.unwrap().len(), 5);
}

#[tokio::test]
async fn full_syncs_keep_deletion_events_held_for_users_who_are_not_listed() {
    let (api, mirror) = mirror_after_a_deletion_burst().await;
    list_all_but_23_users(&api);
    // The users 20 to 22 are fewer than the limit and stay held nevertheless: a defective directory can both send deletion events and omit users from
    // its listings, so listings never approve a held deletion.
    for _ in 0..2 {
        let error = full_sync(&mirror).await.unwrap_err();
        let removals = error.removals().unwrap();
        assert_eq!(removals.count, 3);
        assert_eq!(removals.limit, 20);
        assert_eq!(removals.user_ids.len(), 3);
        assert_eq!(count_users(&mirror).await, 80);
    }
    let hold = mirror.holds("org_1", None).await.unwrap().remove(0);
    assert_eq!(hold.reason, HoldReason::DeletionBurst);
    assert_eq!(hold.count, 3);
    let held_removals = mirror.held_removals("dir_1").await.unwrap();
    assert_eq!(held_removals, ["diruser_020", "diruser_021", "diruser_022"]);
}

#[tokio::test]
async fn an_approval_removes_only_the_held_users_who_are_not_listed() {
    let (api, mirror) = mirror_after_a_deletion_burst().await;
    list_all_but_23_users(&api);
    for _ in 0..2 {
        full_sync(&mirror).await.unwrap_err();
    }
    let last = mirror.poll("app", 1_000).await.unwrap().last().unwrap().seq;
    mirror.ack("app", last).await.unwrap();

    mirror.sync("org_1").approve_removals(true).await.unwrap();

    assert_eq!(count_users(&mirror).await, 77);
    let changes = mirror.poll("app", 1_000).await.unwrap();
    let kinds: Vec<ChangeKind> = changes.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [ChangeKind::UserDeleted; 3]);
    assert_eq!(mirror.held_removals("dir_1").await.unwrap(), Vec::<String>::new());
    assert_eq!(reasons(&mirror).await, []);
}

#[tokio::test]
async fn an_approval_applies_the_deletion_event_that_was_held() {
    let api = FakeApi::with_users(7);
    api.with(|state| state.now = "2025-06-01T14:00:00Z".parse().unwrap());
    let mirror = crate::api::open(api.mirror_builder().guard_users(0).guard_share(0.0)).await;
    mirror.sync("org_1").await.unwrap();
    let data = json!({ "id": "diruser_006" });
    let outcome = apply_event(&mirror, "evt_1", USER_DELETED, "2025-06-01T14:00:00Z", data).await;
    assert_eq!(outcome, Outcome::Held);
    assert_eq!(count_users(&mirror).await, 7);
    api.list_numbered_users(6);

    let report = mirror.sync("org_1").approve_removals(true).await.unwrap().remove(0);

    assert_eq!(report.deleted, 1);
    assert_eq!(report.outcome, SyncOutcome::Done);
    assert_eq!(count_users(&mirror).await, 6);
}
