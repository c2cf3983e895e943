//! Holds: which users are held, what an approval covers, which losses of access the guard limits, and how its budget is counted.

use crate::api::{
    FakeApi, USER_UPDATED, apply_deletion, apply_event, count_users, full_sync, listed_user, numbered_user,
};
use headcount::mirror::{Hold, HoldReason, Outcome, SyncMode, SyncOutcome};
use headcount::store::{SqliteStore, Store};
use headcount::{ChangeKind, ErrorKind, Mirror, MirrorUser};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

async fn holds(mirror: &Mirror) -> Vec<Hold> {
    mirror.holds("org_1", None).await.unwrap()
}

/// Returns the organization's hold. Panics if there is not exactly one.
async fn only_hold(mirror: &Mirror) -> Hold {
    let mut holds = holds(mirror).await;
    assert_eq!(holds.len(), 1, "{holds:?}");
    holds.remove(0)
}

/// Returns the first page of the users whom a hold names.
async fn named_users(mirror: &Mirror, hold: &Hold) -> Vec<MirrorUser> {
    mirror.hold_users(&hold.id).unwrap().next_page().await.unwrap()
}

fn set_time(api: &FakeApi, now: &str) {
    api.with(|state| state.now = now.parse().unwrap());
}

/// Lists the numbered users from `first` to 99.
fn list_from(api: &FakeApi, first: usize) {
    let listed: Vec<Value> = (first..100).map(listed_user).collect();
    api.list_users(listed);
}

/// Returns a mirror of 100 users after a listing that lacks the first 25, five more than the guard permits; and the hold of the 25.
async fn mirror_with_25_held_users() -> (FakeApi, Mirror, Hold) {
    let api = FakeApi::with_users(100);
    let mirror = api.synced_mirror().await;
    set_time(&api, "2025-06-02T12:00:00Z");
    list_from(&api, 25);
    assert_eq!(full_sync(&mirror).await.unwrap_err().kind(), ErrorKind::MassRemoval);
    let hold = only_hold(&mirror).await;
    (api, mirror, hold)
}

#[tokio::test]
async fn a_hold_names_the_users_that_a_listing_lacks() {
    let (_api, mirror, hold) = mirror_with_25_held_users().await;
    assert_eq!((hold.reason, hold.count, hold.limit), (HoldReason::MassRemoval, 25, 20));
    assert_eq!((hold.organization_id.as_str(), hold.directory_id.as_str()), ("org_1", "dir_1"));
    let named = named_users(&mirror, &hold).await;
    assert_eq!(
        named.iter().map(|user| user.id.clone()).collect::<Vec<_>>(),
        (0..25).map(numbered_user).collect::<Vec<_>>()
    );
    assert_eq!(count_users(&mirror).await, 100);
}

#[tokio::test]
async fn a_hold_is_flushed_before_its_id_is_returned() {
    let api = FakeApi::with_users(100);
    let store = Arc::new(SqliteStore::open(":memory:").unwrap());
    let mirror = api.mirror_builder().open_in(Arc::clone(&store) as Arc<dyn Store>).await.unwrap();
    full_sync(&mirror).await.unwrap();
    let before_a_hold = store.flushes();
    assert_eq!(holds(&mirror).await, []);
    assert_eq!(store.flushes(), before_a_hold, "expected no flush, because there are no holds");
    set_time(&api, "2025-06-02T12:00:00Z");
    list_from(&api, 25);

    // A sync that stores a hold flushes it before the sync returns.
    assert_eq!(full_sync(&mirror).await.unwrap_err().kind(), ErrorKind::MassRemoval);
    let after_the_report = store.flushes();
    only_hold(&mirror).await;

    assert!(after_the_report > before_a_hold);
    assert!(
        store.flushes() > after_the_report,
        "expected reading holds to flush as well, because another process may have stored them"
    );
}

#[tokio::test]
async fn an_approval_removes_the_named_users_and_is_recorded() {
    let (_api, mirror, hold) = mirror_with_25_held_users().await;

    let removed = mirror.approve(&hold.id, "ops@example.com", "confirmed by IT").await.unwrap();

    assert_eq!(removed, 25);
    assert_eq!(count_users(&mirror).await, 75);
    assert_eq!(holds(&mirror).await, []);
    let approval = mirror.approvals(Some("org_1")).await.unwrap().remove(0);
    assert_eq!((approval.by.as_str(), approval.note.as_str()), ("ops@example.com", "confirmed by IT"));
    assert_eq!((approval.hold_id.as_str(), approval.count, approval.is_approved), (hold.id.as_str(), 25, true));
    let last = mirror.poll("app", 1_000).await.unwrap().pop().unwrap();
    assert_eq!(last.kind, ChangeKind::UserDeleted);
    assert_eq!(last.cause, format!("approval:{}", approval.id));
}

#[tokio::test]
async fn an_approval_covers_only_the_users_whom_the_hold_named_when_it_was_read() {
    let (api, mirror, hold) = mirror_with_25_held_users().await;
    list_from(&api, 28);
    full_sync(&mirror).await.unwrap_err();
    assert_ne!(only_hold(&mirror).await.id, hold.id);

    assert_eq!(mirror.approve(&hold.id, "ops", "").await.unwrap(), 25);

    assert_eq!(count_users(&mirror).await, 75);
    let rest = only_hold(&mirror).await;
    assert_eq!(rest.count, 3);
    assert_eq!(rest.since, hold.since);
}

#[tokio::test]
async fn approve_removals_does_not_cover_users_whom_a_later_empty_listing_lacks() {
    let (api, mirror, _) = mirror_with_25_held_users().await;
    api.list_numbered_users(0);

    let error = mirror.sync("org_1").directory("dir_1").approve_removals(true).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::MassRemoval);
    assert_eq!(count_users(&mirror).await, 75);
    let hold = only_hold(&mirror).await;
    assert_eq!((hold.reason, hold.count), (HoldReason::EmptyListing, 75));
}

#[tokio::test]
async fn an_approval_in_one_directory_does_not_change_the_holds_of_another() {
    let api = FakeApi::default();
    api.with(|state| state.directories.push(json!({ "id": "dir_2", "organization_id": "org_1", "enabled": true })));
    let in_second = |n: usize| json!({ "id": format!("diruser_b{n:03}"), "directory": "dir_2" });
    api.list_users((0..100).map(listed_user).chain((0..100).map(in_second)));
    let mirror = api.open_mirror().await;
    mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    set_time(&api, "2025-06-02T12:00:00Z");
    api.list_users((30..100).map(listed_user).chain((30..100).map(in_second)));
    mirror.sync("org_1").mode(SyncMode::Full).await.unwrap_err();
    assert_eq!(holds(&mirror).await.len(), 2);

    mirror.sync("org_1").directory("dir_1").approve_removals(true).await.unwrap();

    let hold = only_hold(&mirror).await;
    assert_eq!((hold.directory_id.as_str(), hold.count), ("dir_2", 30));
    let users: Vec<u64> = mirror.status().await.unwrap().iter().map(|status| status.users).collect();
    assert_eq!(users, [70, 100]);
}

#[tokio::test]
async fn approve_removals_of_an_organization_does_not_cover_a_directory_whose_listing_is_now_empty() {
    let (api, mirror, _) = mirror_with_25_held_users().await;
    api.with(|state| {
        state.directories.push(json!({ "id": "dir_2", "organization_id": "org_1", "enabled": true }));
        state.users.extend((0..5).map(|n| json!({ "id": format!("diruser_other_{n}"), "directory": "dir_2" })));
    });
    mirror.sync("org_1").mode(SyncMode::Full).await.unwrap_err();
    api.with(|state| state.users.retain(|user| user["directory"] != "dir_2"));

    mirror.sync("org_1").approve_removals(true).await.unwrap_err();

    assert_eq!(count_users(&mirror).await, 75, "the held users of the first directory are removed");
    let hold = only_hold(&mirror).await;
    assert_eq!(hold.directory_id, "dir_2");
    assert_eq!(hold.reason, HoldReason::EmptyListing);
    assert_eq!(hold.count, 5);
}

#[tokio::test]
async fn a_hold_stays_when_another_organization_is_synced_with_the_id_of_its_directory() {
    let (_api, mirror, hold) = mirror_with_25_held_users().await;
    assert_eq!(mirror.sync("org_2").directory("dir_1").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(only_hold(&mirror).await, hold);
    assert_eq!(mirror.status().await.unwrap()[0].missing_since, None);
}

#[tokio::test]
async fn a_hold_does_not_change_when_its_directory_is_disabled_and_enabled() {
    let (api, mirror, hold) = mirror_with_25_held_users().await;
    api.with(|state| state.directories[0]["enabled"] = json!(false));
    full_sync(&mirror).await.unwrap();
    api.with(|state| state.directories[0]["enabled"] = json!(true));
    full_sync(&mirror).await.unwrap_err();
    assert_eq!(only_hold(&mirror).await, hold, "expected the same id, count and time");
}

#[tokio::test]
async fn an_incremental_sync_reports_the_holds_of_earlier_syncs() {
    let (_api, mirror, hold) = mirror_with_25_held_users().await;
    let report = mirror.sync("org_1").mode(SyncMode::Incremental).await.unwrap().remove(0);
    assert_eq!(report.outcome, SyncOutcome::Held);
    assert_eq!(report.held.as_ref(), Some(&hold));
    assert_eq!(report.holds, [hold]);
}

#[tokio::test]
async fn a_held_user_who_is_listed_again_is_no_longer_held() {
    let (api, mirror, _) = mirror_with_25_held_users().await;
    list_from(&api, 0);
    let report = full_sync(&mirror).await.unwrap();
    assert_eq!((report.outcome, report.changes), (SyncOutcome::Done, 0));
    assert_eq!(holds(&mirror).await, []);
}

#[tokio::test]
async fn approving_a_hold_twice_is_a_not_found_error() {
    let (_api, mirror, hold) = mirror_with_25_held_users().await;
    mirror.approve(&hold.id, "ops", "").await.unwrap();
    assert_eq!(mirror.approve(&hold.id, "ops", "").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(named_users(&mirror, &hold).await, []);
}

#[tokio::test]
async fn an_approval_with_an_invalid_hold_id_or_a_blank_name_is_refused() {
    let (_api, mirror, hold) = mirror_with_25_held_users().await;
    let later_revision = format!("{}0", hold.id);
    for (id, by) in [("dir_1", "ops"), ("", "ops"), (later_revision.as_str(), "ops"), (hold.id.as_str(), " ")] {
        let error = mirror.approve(id, by, "").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{id:?} by {by:?}");
    }
    assert_eq!(count_users(&mirror).await, 100);
}

#[tokio::test]
async fn dismissed_users_stay_and_are_held_again_if_a_later_listing_lacks_them_too() {
    let (_api, mirror, hold) = mirror_with_25_held_users().await;

    assert_eq!(mirror.dismiss(&hold.id, "ops", "the directory is being repaired").await.unwrap(), 25);

    assert_eq!(holds(&mirror).await, []);
    assert_eq!(count_users(&mirror).await, 100);
    assert!(!mirror.approvals(None).await.unwrap()[0].is_approved);
    full_sync(&mirror).await.unwrap_err();
    assert_ne!(only_hold(&mirror).await.id, hold.id);
}

// ---- ways of losing access ----

/// Lists 100 users, of whom the first `inactive` are not active.
fn list_inactive(api: &FakeApi, inactive: usize) {
    api.list_users((0..100).map(
        |n| json!({ "id": numbered_user(n), "email": "x@example.com", "user_detail": { "active": n >= inactive } }),
    ));
}

async fn active_users(mirror: &Mirror) -> usize {
    let users = mirror.users("org_1").next_page().await.unwrap();
    users.iter().filter(|user| user.active).count()
}

#[tokio::test]
async fn deactivations_by_a_listing_are_limited_and_held() {
    let api = FakeApi::default();
    list_inactive(&api, 0);
    let mirror = api.synced_mirror().await;
    list_inactive(&api, 100);

    let report = full_sync(&mirror).await.unwrap();

    assert_eq!((report.outcome, report.deactivated), (SyncOutcome::Held, 20));
    assert_eq!(active_users(&mirror).await, 80);
    let hold = only_hold(&mirror).await;
    assert_eq!((hold.reason, hold.count, hold.limit), (HoldReason::MassDeactivation, 80, 20));
    full_sync(&mirror).await.unwrap();
    assert_eq!(only_hold(&mirror).await, hold, "expected another sync to add no user to the hold");

    assert_eq!(mirror.approve(&hold.id, "ops", "").await.unwrap(), 80);
    assert_eq!(active_users(&mirror).await, 0);
    assert_eq!(full_sync(&mirror).await.unwrap().changes, 0);
}

#[tokio::test]
async fn a_held_deactivation_ends_when_the_user_is_active_again() {
    let api = FakeApi::default();
    list_inactive(&api, 0);
    let mirror = api.synced_mirror().await;
    list_inactive(&api, 25);
    full_sync(&mirror).await.unwrap();
    assert_eq!(only_hold(&mirror).await.count, 5);
    list_inactive(&api, 20);
    full_sync(&mirror).await.unwrap();
    assert_eq!(holds(&mirror).await, []);
}

#[tokio::test]
async fn deactivations_by_events_are_limited_and_held() {
    let api = FakeApi::with_users(100);
    let mirror = api.synced_mirror().await;
    for number in 0..25 {
        let data = json!({ "id": numbered_user(number), "active": false });
        let id = format!("evt_{number}");
        let outcome = apply_event(&mirror, &id, USER_UPDATED, "2025-06-01T12:00:00Z", data).await;
        assert_eq!(outcome, if number < 20 { Outcome::Applied } else { Outcome::Held }, "event {number}");
    }
    assert_eq!(active_users(&mirror).await, 80);
    assert_eq!(only_hold(&mirror).await.reason, HoldReason::MassDeactivation);
}

#[tokio::test]
async fn a_profile_change_does_not_deactivate_a_user_whose_deactivation_is_held() {
    let api = FakeApi::with_users(1);
    let mirror = crate::api::open(api.mirror_builder().guard_users(0).guard_share(0.0)).await;
    full_sync(&mirror).await.unwrap();
    let id = numbered_user(0);
    let deactivation = json!({ "id": id, "active": false });
    let outcome = apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T12:00:01Z", deactivation).await;
    assert_eq!(outcome, Outcome::Held);
    let rename = json!({ "id": id, "given_name": "Ada" });
    apply_event(&mirror, "evt_2", USER_UPDATED, "2025-06-01T12:00:02Z", rename).await;
    let user = mirror.user(&id).await.unwrap().unwrap();
    assert_eq!((user.given_name.as_str(), user.active), ("Ada", true));
    assert_eq!(only_hold(&mirror).await.count, 1);
}

/// Returns a mirror of 100 users, all of whom are in one group, which gives a role.
async fn mirror_of_a_group_with_a_role() -> (FakeApi, Mirror) {
    let api = FakeApi::default();
    api.with(|state| state.groups = vec![json!({ "id": "dirgroup_1", "display_name": "Engineering" })]);
    list_members(&api, 100);
    let mirror = api.open_mirror().await;
    mirror.set_role_map([("Engineering", "developer")]).await.unwrap();
    full_sync(&mirror).await.unwrap();
    assert_eq!(users_with_a_role(&mirror).await, 100);
    (api, mirror)
}

/// Lists 100 users, of whom the first `members` are in `dirgroup_1`.
fn list_members(api: &FakeApi, members: usize) {
    api.list_users((0..100).map(|n| {
        let groups = if n < members { json!([{ "id": "dirgroup_1" }]) } else { json!([]) };
        json!({ "id": numbered_user(n), "email": "x@example.com", "groups": groups })
    }));
}

async fn users_with_a_role(mirror: &Mirror) -> usize {
    let users = mirror.users("org_1").next_page().await.unwrap();
    users.iter().filter(|user| !user.roles.is_empty()).count()
}

#[tokio::test]
async fn an_emptied_group_ends_its_role_only_for_as_many_users_as_the_budget_permits() {
    let (api, mirror) = mirror_of_a_group_with_a_role().await;
    list_members(&api, 0);

    let report = full_sync(&mirror).await.unwrap();

    assert_eq!(report.outcome, SyncOutcome::Held);
    assert_eq!(users_with_a_role(&mirror).await, 80);
    let hold = only_hold(&mirror).await;
    assert_eq!((hold.reason, hold.count), (HoldReason::RoleLoss, 80));
    assert!(named_users(&mirror, &hold).await.iter().all(|user| user.group_ids.is_empty()));
    mirror.approve(&hold.id, "ops", "").await.unwrap();
    assert_eq!(users_with_a_role(&mirror).await, 0);
}

#[tokio::test]
async fn a_renamed_group_ends_its_role_only_for_as_many_users_as_the_budget_permits() {
    let (api, mirror) = mirror_of_a_group_with_a_role().await;
    api.with(|state| state.groups[0]["display_name"] = json!("Developers"));
    full_sync(&mirror).await.unwrap();
    assert_eq!(users_with_a_role(&mirror).await, 80);
    api.with(|state| state.groups[0]["display_name"] = json!("Engineering"));
    full_sync(&mirror).await.unwrap();
    assert_eq!((users_with_a_role(&mirror).await, holds(&mirror).await), (100, Vec::new()));
}

#[tokio::test]
async fn a_deleted_group_ends_its_role_only_for_as_many_users_as_the_budget_permits() {
    let (_api, mirror) = mirror_of_a_group_with_a_role().await;
    let kind = "organization.directory.group_deleted";
    let data = json!({ "id": "dirgroup_1", "directory_id": "dir_1" });
    let outcome = apply_event(&mirror, "evt_1", kind, "2025-06-01T12:00:01Z", data).await;
    assert_eq!(outcome, Outcome::Held);
    assert_eq!(users_with_a_role(&mirror).await, 80);
}

#[tokio::test]
async fn the_guard_does_not_limit_a_new_role_map() {
    let (_api, mirror) = mirror_of_a_group_with_a_role().await;
    mirror.set_role_map([("Sales", "seller")]).await.unwrap();
    assert_eq!((users_with_a_role(&mirror).await, holds(&mirror).await), (0, Vec::new()));
}

#[tokio::test]
async fn a_new_role_map_keeps_held_roles_that_it_still_gives() {
    let (api, mirror) = mirror_of_a_group_with_a_role().await;
    list_members(&api, 0);
    full_sync(&mirror).await.unwrap();
    mirror.set_role_map([("Engineering", "developer"), ("Sales", "seller")]).await.unwrap();
    assert_eq!(users_with_a_role(&mirror).await, 80);
    mirror.set_role_map([("Sales", "seller")]).await.unwrap();
    assert_eq!(users_with_a_role(&mirror).await, 0);
}

// ---- the budget ----

#[tokio::test]
async fn events_and_listings_share_one_budget() {
    let api = FakeApi::with_users(100);
    let mirror = api.synced_mirror().await;
    for number in 0..20 {
        apply_deletion(&mirror, &format!("evt_{number}"), &numbered_user(number)).await;
    }
    set_time(&api, "2025-06-01T12:10:00Z");
    list_from(&api, 21);

    full_sync(&mirror).await.unwrap_err();

    assert_eq!(count_users(&mirror).await, 80);
    assert_eq!(only_hold(&mirror).await.count, 1);
}

#[tokio::test]
async fn several_syncs_within_the_window_share_one_budget() {
    let api = FakeApi::with_users(100);
    let mirror = api.synced_mirror().await;
    set_time(&api, "2025-06-02T12:00:00Z");
    list_from(&api, 20);
    full_sync(&mirror).await.unwrap();
    set_time(&api, "2025-06-02T20:00:00Z");
    list_from(&api, 21);
    full_sync(&mirror).await.unwrap_err();
    assert_eq!(count_users(&mirror).await, 80);
}

#[tokio::test]
async fn the_budget_is_full_again_after_the_window() {
    let api = FakeApi::with_users(100);
    let mirror = api.synced_mirror().await;
    set_time(&api, "2025-06-02T12:00:00Z");
    list_from(&api, 20);
    full_sync(&mirror).await.unwrap();
    set_time(&api, "2025-06-03T12:00:01Z");
    list_from(&api, 40);
    full_sync(&mirror).await.unwrap();
    assert_eq!(count_users(&mirror).await, 60);
}

#[tokio::test]
async fn with_a_shorter_window_the_budget_is_full_again_earlier() {
    let api = FakeApi::with_users(100);
    let mirror = crate::api::open(api.mirror_builder().guard_window(Duration::from_secs(3_600))).await;
    full_sync(&mirror).await.unwrap();
    for (now, first) in [("2025-06-02T12:00:00Z", 20), ("2025-06-02T13:00:01Z", 40)] {
        set_time(&api, now);
        list_from(&api, first);
        full_sync(&mirror).await.unwrap();
    }
    assert_eq!(count_users(&mirror).await, 60);
}

#[tokio::test]
async fn users_who_were_added_within_the_window_do_not_enlarge_the_budget() {
    let api = FakeApi::with_users(10);
    let mirror = api.synced_mirror().await;
    set_time(&api, "2025-06-02T18:00:00Z");
    api.list_numbered_users(100);
    full_sync(&mirror).await.unwrap();
    list_from(&api, 6);
    full_sync(&mirror).await.unwrap_err();
    let hold = only_hold(&mirror).await;
    assert_eq!((hold.count, hold.limit), (6, 5), "the limit is half of the ten users at the window's start");
}

#[tokio::test]
async fn approved_removals_do_not_use_the_budget() {
    let (api, mirror, hold) = mirror_with_25_held_users().await;
    mirror.approve(&hold.id, "ops", "").await.unwrap();
    list_from(&api, 45);
    full_sync(&mirror).await.unwrap();
    assert_eq!(count_users(&mirror).await, 55);
}

#[tokio::test]
async fn the_guards_limit_in_a_directory_of_21_users_is_six() {
    let api = FakeApi::with_users(21);
    let mirror = api.synced_mirror().await;
    set_time(&api, "2025-06-02T12:00:00Z");
    api.list_users((20..21).map(listed_user));
    full_sync(&mirror).await.unwrap_err();
    assert_eq!(count_users(&mirror).await, 21);
    assert_eq!(only_hold(&mirror).await.limit, 6);
}

#[tokio::test]
async fn a_user_who_is_deactivated_and_then_deleted_counts_once() {
    let api = FakeApi::with_users(2);
    let mirror = api.synced_mirror().await;
    let deactivation = json!({ "id": numbered_user(0), "active": false });
    let outcome = apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T12:00:00Z", deactivation).await;
    assert_eq!(outcome, Outcome::Applied);
    let deletion = json!({ "id": numbered_user(0) });
    let kind = crate::api::USER_DELETED;
    assert_eq!(apply_event(&mirror, "evt_2", kind, "2025-06-01T12:00:01Z", deletion).await, Outcome::Applied);
    // The guard permits one loss of access in a directory of two users. The first user's has used it.
    let other = json!({ "id": numbered_user(1) });
    assert_eq!(apply_event(&mirror, "evt_3", kind, "2025-06-01T12:00:02Z", other).await, Outcome::Held);
    only_hold(&mirror).await;
}
