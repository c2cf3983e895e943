//! Organizations with several directories, several syncs at the same time, syncs that panic, and the retention of changes.

use crate::api::{FakeApi, USER_UPDATED, apply_event, full_sync};
use headcount::mirror::{Outcome, Phase, SyncMode, SyncOutcome};
use headcount::store::conformance::Flaky;
use headcount::store::{SqliteStore, Store};
use headcount::{ChangeKind, ErrorKind, Mirror};
use serde_json::json;
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Returns a mirror of an organization with two directories. An event created `diruser_3` when `dir_1` was the only directory, and then a sync listed
/// that user in `dir_2`. Asserts that the sync removed no user.
async fn mirror_of_two_directories() -> Mirror {
    let api = FakeApi::default();
    api.list_users([json!({ "id": "diruser_1" }), json!({ "id": "diruser_2" })]);
    let mirror = api.synced_mirror().await;
    // User events do not name a directory: this one is applied to the organization's only directory.
    let data = json!({ "id": "diruser_3", "email": "ada@example.com" });
    let outcome = apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T11:00:00Z", data).await;
    assert_eq!(outcome, Outcome::Applied);
    api.with(|state| {
        state.directories.push(json!({ "id": "dir_2", "organization_id": "org_1", "enabled": true }));
        state.users.push(json!({ "id": "diruser_3", "email": "ada@example.com", "directory": "dir_2" }));
    });
    let reports = mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    assert_eq!(reports.iter().map(|report| report.deleted).sum::<u64>(), 0);
    mirror
}

#[tokio::test]
async fn a_user_whom_an_event_created_moves_to_the_directory_that_lists_them() {
    let mirror = mirror_of_two_directories().await;
    assert_eq!(mirror.user("diruser_3").await.unwrap().unwrap().directory_id, "dir_2");
}

#[tokio::test]
async fn a_user_whom_an_event_created_and_no_directory_lists_is_removed_by_the_first_sync_of_all_directories() {
    let api = FakeApi::default();
    api.list_users([json!({ "id": "diruser_1" }), json!({ "id": "diruser_2" })]);
    let mirror = api.synced_mirror().await;
    let data = json!({ "id": "diruser_3", "email": "ada@example.com" });
    let outcome = apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T11:00:00Z", data).await;
    assert_eq!(outcome, Outcome::Applied);
    // The user may be in this directory, which was never synced.
    api.with(|state| {
        state.directories.push(json!({ "id": "dir_2", "organization_id": "org_1", "enabled": true }));
        state.now += Duration::from_secs(600);
    });

    mirror.sync("org_1").directory("dir_1").mode(SyncMode::Full).await.unwrap();
    let user = mirror.user("diruser_3").await.unwrap();
    assert!(user.is_some(), "a sync of one directory does not show whether the other one lists the user");

    mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    assert_eq!(mirror.user("diruser_3").await.unwrap(), None);
}

#[tokio::test]
async fn a_user_whom_an_event_created_is_removed_although_a_retired_directory_is_not_read_any_more() {
    let api = FakeApi::default();
    api.list_users([json!({ "id": "diruser_1" }), json!({ "id": "diruser_2" })]);
    api.with(|state| state.directories.push(json!({ "id": "dir_2", "organization_id": "org_1", "enabled": true })));
    let mirror = api.synced_mirror().await;
    mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    api.with(|state| {
        state.directories.pop();
        state.now += Duration::from_secs(600);
    });
    mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    mirror.retire("dir_2", "ops@example.com", "").await.unwrap();
    let data = json!({ "id": "diruser_3", "email": "ada@example.com" });
    let outcome = apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T12:10:00Z", data).await;
    assert_eq!(outcome, Outcome::Applied);
    api.with(|state| state.now += Duration::from_secs(600));

    mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    assert_eq!(mirror.user("diruser_3").await.unwrap(), None);
}

#[tokio::test]
async fn an_unknown_users_event_is_pending_if_there_are_two_directories() {
    let mirror = mirror_of_two_directories().await;
    let data = json!({ "id": "diruser_4" });
    let outcome = apply_event(&mirror, "evt_2", USER_UPDATED, "2025-06-01T11:00:00Z", data).await;
    assert_eq!(outcome, Outcome::Pending);
    assert_eq!(mirror.status().await.unwrap()[0].pending_events, 1);
}

#[tokio::test]
async fn a_move_to_another_directory_of_the_organization_is_an_update() {
    for (from, to) in [("dir_1", "dir_2"), ("dir_2", "dir_1")] {
        let in_directory =
            |directory: &str| json!({ "id": "diruser_9", "email": "ada@example.com", "directory": directory });
        let others = [json!({ "id": "diruser_1" }), json!({ "id": "diruser_2", "directory": "dir_2" })];
        let api = FakeApi::default();
        api.with(|state| state.directories.push(json!({ "id": "dir_2", "organization_id": "org_1", "enabled": true })));
        api.list_users(others.clone().into_iter().chain([in_directory(from)]));
        let mirror = api.open_mirror().await;
        mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
        let last = mirror.poll("app", 100).await.unwrap().last().unwrap().seq;
        mirror.ack("app", last).await.unwrap();
        api.list_users(others.into_iter().chain([in_directory(to)]));

        mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();

        let changes = mirror.poll("app", 100).await.unwrap();
        assert_eq!(changes.len(), 1, "from {from}: {changes:?}");
        assert_eq!(changes[0].kind, ChangeKind::UserUpdated);
        assert_eq!(changes[0].fields, ["directory_id"]);
        assert_eq!(mirror.user("diruser_9").await.unwrap().unwrap().directory_id, to);
    }
}

/// Returns a mirror of two directories with ten users each. The API now lists `diruser_9`, a user of the first directory, in the second directory if
/// `is_moved` is set, and otherwise in none.
async fn mirror_after_a_user_left_the_first_directory(is_moved: bool) -> (FakeApi, Mirror) {
    let in_directory = |n: usize, directory: &str| json!({ "id": format!("diruser_{n}"), "email": format!("{n}@example.com"), "directory": directory });
    let users = |moved: bool| {
        let directory = move |n: usize| if n < 9 || n == 9 && !moved { "dir_1" } else { "dir_2" };
        (0..20).map(move |n| in_directory(n, directory(n)))
    };
    let api = FakeApi::default();
    api.with(|state| state.directories.push(json!({ "id": "dir_2", "organization_id": "org_1", "enabled": true })));
    api.list_users(users(false));
    let mirror = api.open_mirror().await;
    mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    let last = mirror.poll("app", 100).await.unwrap().last().unwrap().seq;
    mirror.ack("app", last).await.unwrap();
    api.list_users(users(true).filter(|user| is_moved || user["id"] != "diruser_9"));
    (api, mirror)
}

#[tokio::test]
async fn a_move_is_an_update_if_only_the_former_directory_is_synced() {
    let (_api, mirror) = mirror_after_a_user_left_the_first_directory(true).await;

    let report = full_sync(&mirror).await.unwrap();

    assert_eq!(report.outcome, SyncOutcome::Done);
    let changes = mirror.poll("app", 100).await.unwrap();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0].kind, ChangeKind::UserUpdated);
    assert_eq!(changes[0].fields, ["directory_id"]);
    assert_eq!(mirror.user("diruser_9").await.unwrap().unwrap().directory_id, "dir_2");
    let reports = mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    assert_eq!(reports.iter().map(|report| report.changes).sum::<u64>(), 0);
}

#[tokio::test]
async fn a_user_whom_no_directory_lists_is_removed_if_only_their_directory_is_synced() {
    let (_api, mirror) = mirror_after_a_user_left_the_first_directory(false).await;
    assert_eq!(full_sync(&mirror).await.unwrap().deleted, 1);
    assert_eq!(mirror.user("diruser_9").await.unwrap(), None);
}

#[tokio::test]
async fn no_user_is_removed_while_another_directory_cannot_be_read() {
    for syncs_only_the_first in [true, false] {
        let (api, mirror) = mirror_after_a_user_left_the_first_directory(true).await;
        api.with(|state| state.failing_directory = Some("dir_2".to_owned()));

        if syncs_only_the_first {
            let report = full_sync(&mirror).await.unwrap();
            assert_eq!(report.outcome, SyncOutcome::Incomplete);
            assert!(report.incomplete.unwrap().contains("dir_2"));
        } else {
            mirror.sync("org_1").mode(SyncMode::Full).await.unwrap_err();
        }
        let changes = mirror.poll("app", 100).await.unwrap();
        assert!(changes.iter().all(|change| change.kind != ChangeKind::UserDeleted), "{changes:?}");
        assert!(mirror.user("diruser_9").await.unwrap().is_some());
    }
}

#[tokio::test]
async fn no_user_is_removed_while_another_directory_lists_fewer_users_than_its_total() {
    let (api, mirror) = mirror_after_a_user_left_the_first_directory(true).await;
    api.with(|state| {
        // `diruser_9` has moved to the second directory, but its listing lacks them and has a greater total, as if a page had been missed.
        state.users.retain(|user| user["id"] != "diruser_9");
        state.wrong_total_of = Some("dir_2".to_owned());
    });
    let report = full_sync(&mirror).await.unwrap();
    assert_eq!(report.outcome, SyncOutcome::Incomplete);
    assert!(mirror.user("diruser_9").await.unwrap().is_some());
}

#[tokio::test]
async fn a_disabled_directory_is_not_read_for_users_who_have_moved() {
    let (api, mirror) = mirror_after_a_user_left_the_first_directory(true).await;
    api.with(|state| state.directories[1]["enabled"] = json!(false));
    let listings = api.with(|state| state.listings);
    assert_eq!(full_sync(&mirror).await.unwrap().deleted, 1);
    assert_eq!(
        api.with(|state| state.listings) - listings,
        2,
        "expected two readings of the former directory, and none of the other"
    );
}

#[tokio::test]
async fn another_directory_is_not_read_if_no_user_is_absent() {
    let (api, mirror) = mirror_after_a_user_left_the_first_directory(true).await;
    mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    let listings = api.with(|state| state.listings);
    full_sync(&mirror).await.unwrap();
    assert_eq!(api.with(|state| state.listings) - listings, 1);
}

#[tokio::test]
async fn two_simultaneous_syncs_of_an_organization_with_several_directories_are_both_completed() {
    let api = FakeApi::default();
    for number in 2..=3 {
        let directory = json!({ "id": format!("dir_{number}"), "organization_id": "org_1", "enabled": true });
        api.with(|state| state.directories.push(directory));
    }
    let mirror = api.open_mirror().await;
    let first = mirror.sync("org_1").into_future();
    api.with(|state| state.directories.reverse());
    let (first, second) = tokio::join!(first, mirror.sync("org_1").into_future());
    assert_eq!(first.unwrap().len(), 3);
    assert_eq!(second.unwrap().len(), 3);
}

#[tokio::test]
async fn sync_all_reports_every_directory_in_order() {
    let mirror = mirror_of_two_directories().await;
    let reports = mirror.sync_all().concurrency(2).await.unwrap();
    let directories: Vec<&str> = reports.iter().map(|report| report.directory_id.as_str()).collect();
    assert_eq!(directories, ["dir_1", "dir_2"]);
}

#[tokio::test]
async fn a_sync_of_an_organization_reports_every_directory_although_one_has_an_error() {
    let api = FakeApi::with_users(3);
    let mirror = api.synced_mirror().await;
    api.list_numbered_users(0);
    api.with(|state| state.directories.push(json!({ "id": "dir_2", "organization_id": "org_1", "enabled": true })));

    let reports = mirror.sync("org_1").mode(SyncMode::Full).reports().await.unwrap();
    let error = mirror.sync("org_1").mode(SyncMode::Full).await.unwrap_err();

    let directories: Vec<&str> = reports.iter().map(|report| report.directory_id.as_str()).collect();
    assert_eq!(directories, ["dir_1", "dir_2"]);
    assert_eq!(reports[0].outcome, SyncOutcome::Held);
    assert_eq!(reports[0].error.as_ref().unwrap().kind(), ErrorKind::MassRemoval);
    assert_eq!(reports[1].outcome, SyncOutcome::Done);
    assert_eq!(error.kind(), ErrorKind::MassRemoval);
}

#[tokio::test]
async fn sync_all_refuses_a_concurrency_of_zero() {
    let mirror = FakeApi::default().open_mirror().await;
    let error = mirror.sync_all().concurrency(0).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn sync_all_reports_a_panic_as_the_failure_of_its_organization() {
    let api = FakeApi::with_users(5);
    api.with(|state| {
        for number in 2..=3 {
            let id = format!("dir_{number}");
            let organization_id = format!("org_{number}");
            state.directories.push(json!({ "id": id, "organization_id": organization_id, "enabled": true }));
        }
        state.panicking_organization = Some("org_2".to_owned());
    });
    let mirror = api.open_mirror().await;

    let reports = mirror.sync_all().await.unwrap();

    let organizations: Vec<&str> = reports.iter().map(|report| report.organization_id.as_str()).collect();
    assert_eq!(organizations, ["org_1", "org_2", "org_3"]);
    assert_eq!(reports[0].outcome, SyncOutcome::Done);
    assert_eq!(reports[0].created, 5);
    assert_eq!(reports[1].outcome, SyncOutcome::Failed);
    let error = reports[1].error.as_ref().unwrap();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.message().contains("the listing panicked"), "{error}");
    assert_eq!(reports[2].outcome, SyncOutcome::Done);
}

#[tokio::test]
async fn a_panic_while_a_page_of_users_is_written_is_an_internal_error() {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(":memory:").unwrap());
    let mirror = FakeApi::with_users(5).mirror_builder().open_in(Arc::new(Flaky::panicking(store))).await.unwrap();
    let error = full_sync(&mirror).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.message().contains("the store panicked"), "{error}");
}

#[tokio::test]
async fn a_sync_that_must_not_wait_reports_that_another_is_running() {
    let mirror = FakeApi::with_users(5).open_mirror().await;
    let (sender, outcomes_of_second) = mpsc::channel::<SyncOutcome>();
    let runtime = tokio::runtime::Handle::current();
    let first = mirror.sync("org_1").mode(SyncMode::Full).on_progress({
        let mirror = mirror.clone();
        move |progress| {
            // The second sync runs on the test's own runtime while the first one reads pages of users.
            if progress.phase == Phase::Users {
                let second = async {
                    let reports = mirror.sync("org_1").wait(false).await.unwrap();
                    sender.send(reports[0].outcome).unwrap();
                };
                std::thread::scope(|scope| scope.spawn(|| runtime.block_on(second)).join().unwrap());
            }
        }
    });
    // The callback blocks its thread, so the first sync has a runtime of its own.
    let reports = tokio::task::spawn_blocking(|| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(first.into_future())
    });
    assert_eq!(reports.await.unwrap().unwrap()[0].outcome, SyncOutcome::Done);
    assert_eq!(outcomes_of_second.recv().unwrap(), SyncOutcome::AlreadyRunning);
}

#[tokio::test]
async fn two_syncs_of_a_directory_run_one_after_the_other() {
    let mirror = FakeApi::with_users(5).open_mirror().await;
    let (first, second) = tokio::join!(mirror.sync("org_1").into_future(), mirror.sync("org_1").into_future());
    assert_eq!(first.unwrap()[0].outcome, SyncOutcome::Done);
    assert_eq!(second.unwrap()[0].outcome, SyncOutcome::Done);
}

#[tokio::test]
async fn a_sync_without_a_client_is_a_config_error() {
    let mirror = Mirror::builder().open(":memory:").await.unwrap();
    let error = mirror.sync("org_1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

/// Returns a mirror with 11 changes that are older than the retention of 30 days: one of the directory and one of each of ten users. The consumer
/// `app` has acknowledged five of them, and the consumer `idle` none, so `trim`, which was called, has removed none.
async fn mirror_with_old_changes() -> (FakeApi, Mirror) {
    let api = FakeApi::with_users(10);
    let mirror = crate::api::open(api.mirror_builder().consumer_expiry(None)).await;
    full_sync(&mirror).await.unwrap();
    let batch = mirror.poll("app", 5).await.unwrap();
    mirror.ack("app", batch[4].seq).await.unwrap();
    mirror.poll("idle", 1).await.unwrap();
    api.with(|state| state.now += Duration::from_secs(31 * 86_400));
    mirror.trim().await.unwrap();
    (api, mirror)
}

/// Returns the number of the first change that a consumer has not acknowledged.
async fn first_seq(mirror: &Mirror, consumer: &str) -> i64 {
    mirror.poll(consumer, 100).await.unwrap()[0].seq
}

#[tokio::test]
async fn trim_keeps_changes_that_a_consumer_has_not_acknowledged() {
    let (_api, mirror) = mirror_with_old_changes().await;
    assert_eq!(first_seq(&mirror, "audit").await, 1);
}

#[tokio::test]
async fn trim_removes_old_changes_that_every_consumer_has_acknowledged() {
    let (_api, mirror) = mirror_with_old_changes().await;
    mirror.drop_consumer("idle").await.unwrap();
    mirror.trim().await.unwrap();
    assert_eq!(first_seq(&mirror, "app").await, 6);
}

#[tokio::test]
async fn the_numbers_of_changes_continue_after_all_changes_were_trimmed() {
    let (api, mirror) = mirror_with_old_changes().await;
    mirror.drop_consumer("idle").await.unwrap();
    mirror.poll("app", 100).await.unwrap();
    mirror.ack("app", 11).await.unwrap();
    mirror.trim().await.unwrap();
    assert_eq!(mirror.poll("app", 100).await.unwrap(), []);

    api.list_numbered_users(11);
    full_sync(&mirror).await.unwrap();

    assert_eq!(first_seq(&mirror, "app").await, 12);
}

#[tokio::test]
async fn a_pending_event_does_not_bring_back_the_membership_of_a_deleted_group() {
    let api = FakeApi::default();
    api.with(|state| state.directories.push(json!({ "id": "dir_2", "organization_id": "org_1", "enabled": true })));
    let mirror = api.open_mirror().await;
    mirror.sync("org_1").await.unwrap();
    let data = json!({ "id": "diruser_1", "groups": [{ "id": "dirgroup_1", "name": "Crew" }] });
    let outcome = apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T12:00:00Z", data).await;
    assert_eq!(outcome, Outcome::Pending);

    // The group is deleted, which does not change the user's `updated_at`.
    api.with(|state| state.now += Duration::from_secs(360));
    let groups = json!([{ "id": "dirgroup_2", "display_name": "Staff" }]);
    api.list_users([json!({ "id": "diruser_1", "groups": groups, "updated_at": "2025-06-01T11:59:59Z" })]);
    mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();

    assert_eq!(mirror.pending_events("org_1").await.unwrap().len(), 0);
    assert_eq!(mirror.user("diruser_1").await.unwrap().unwrap().group_ids, ["dirgroup_2"]);
}
