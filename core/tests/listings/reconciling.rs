//! Users whom an application knows and the mirror lacks: which are returned, and when no answer is given.

use crate::api::{FakeApi, USER_DELETED, apply_event, full_sync, numbered_user, open_store};
use headcount::mirror::{ReconcileOptions, SyncMode};
use headcount::{Error, ErrorKind, Mirror};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// Returns the options for the users of one organization.
fn of(organization_id: &str) -> ReconcileOptions {
    let mut options = ReconcileOptions::default();
    options.organization_id = Some(organization_id.to_owned());
    options
}

/// Reconciles the users 0 to 4 of all organizations.
async fn reconcile(mirror: &Mirror) -> Result<Vec<String>, Error> {
    mirror.reconcile((0..5).map(numbered_user), ReconcileOptions::default()).await
}

/// Asserts that there is no answer, because of an error with these words.
async fn assert_refused(mirror: &Mirror, words: &str) {
    let error = reconcile(mirror).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    assert!(error.message().contains(words), "{error}");
}

/// Returns a value of an error's context.
fn context<'a>(error: &'a Error, name: &str) -> Option<&'a str> {
    error.context().iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

async fn sync_all(mirror: &Mirror) {
    mirror.sync_all().mode(SyncMode::Full).await.unwrap();
}

#[tokio::test]
async fn a_new_mirror_answers_after_a_full_sync_of_all_organizations() {
    let api = FakeApi::with_users(3);
    let mirror = api.open_mirror().await;
    assert_refused(&mirror, "run sync_all").await;
    full_sync(&mirror).await.unwrap();
    assert_refused(&mirror, "run sync_all").await;
    sync_all(&mirror).await;

    assert_eq!(reconcile(&mirror).await.unwrap(), [numbered_user(3), numbered_user(4)]);
}

#[tokio::test]
async fn each_absent_id_is_returned_once_and_in_order() {
    let api = FakeApi::with_users(3);
    let mirror = api.open_mirror().await;
    sync_all(&mirror).await;
    let given = ["diruser_z", "diruser_001", "diruser_a", "diruser_z", "diruser_001"];
    let absent = mirror.reconcile(given, ReconcileOptions::default()).await.unwrap();
    assert_eq!(absent, ["diruser_a", "diruser_z"]);
    let nobody = mirror.reconcile(Vec::<String>::new(), ReconcileOptions::default()).await.unwrap();
    assert!(nobody.is_empty());
}

#[tokio::test]
async fn an_empty_id_is_refused() {
    let api = FakeApi::with_users(3);
    let mirror = api.open_mirror().await;
    sync_all(&mirror).await;
    let error = mirror.reconcile(["diruser_001", ""], ReconcileOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("got an empty one"), "{error}");
}

#[tokio::test]
async fn a_million_ids_with_duplicates_are_compared() {
    let api = FakeApi::with_users(3);
    let mirror = api.open_mirror().await;
    sync_all(&mirror).await;
    let ids = (0..1_000_000).map(|number| numbered_user(number % 1_500));
    let absent = mirror.reconcile(ids, ReconcileOptions::default()).await.unwrap();
    assert_eq!(absent.len(), 1_497);
}

#[tokio::test]
async fn a_restored_mirror_answers_after_full_syncs_that_began_since_it_was_opened() {
    let api = FakeApi::with_users(3);
    let store = open_store().await;
    let before = api.mirror_builder().open_in(Arc::clone(&store)).await.unwrap();
    sync_all(&before).await;
    // The store is now one that was restored: user 3 was hired after the backup, and user 2 has left.
    api.with(|state| state.now += MINUTE);
    api.list_numbered_users(4);
    api.with(|state| state.users.retain(|user| user["id"] != numbered_user(2).as_str()));
    let mirror = api.mirror_builder().open_in(store).await.unwrap();
    assert_refused(&mirror, "run sync_all").await;
    // The listing of all organizations alone is not enough: the directory needs a full sync.
    mirror.sync_all().mode(SyncMode::Incremental).await.unwrap();
    assert_refused(&mirror, "began at 2025-06-01T12:00:00Z").await;
    sync_all(&mirror).await;

    assert_eq!(reconcile(&mirror).await.unwrap(), [numbered_user(2), numbered_user(4)]);
}

#[tokio::test]
async fn earlier_full_syncs_count_if_the_application_says_since_when() {
    let api = FakeApi::with_users(3);
    let store = open_store().await;
    let before = api.mirror_builder().open_in(Arc::clone(&store)).await.unwrap();
    sync_all(&before).await;
    let synced_at = api.with(|state| state.now);
    api.with(|state| state.now += MINUTE);
    let mirror = api.mirror_builder().open_in(store).await.unwrap();
    let mut options = ReconcileOptions::default();
    options.since = Some(synced_at);
    assert_eq!(mirror.reconcile(["diruser_gone"], options.clone()).await.unwrap(), ["diruser_gone"]);
    options.since = Some(synced_at + Duration::from_secs(1));
    mirror.reconcile(["diruser_gone"], options).await.unwrap_err();
}

#[tokio::test]
async fn held_users_count_as_present() {
    let api = FakeApi::with_users(40);
    let mirror = api.mirror_builder().guard_users(3).guard_share(0.0).open_in(open_store().await).await.unwrap();
    sync_all(&mirror).await;
    api.list_users([]);
    sync_all(&mirror).await;
    assert_eq!(mirror.held_removals("dir_1").await.unwrap().len(), 40);
    assert!(reconcile(&mirror).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_user_whom_an_event_removed_is_returned() {
    let api = FakeApi::with_users(40);
    let mirror = api.open_mirror().await;
    sync_all(&mirror).await;
    apply_event(&mirror, "evt_1", USER_DELETED, "2025-06-01T12:00:00Z", json!({ "id": numbered_user(1) })).await;
    assert_eq!(reconcile(&mirror).await.unwrap(), [numbered_user(1)]);
}

/// Makes an API with a directory in each of two organizations: `dir_1` with three users, `dir_2` with one.
fn two_organizations() -> FakeApi {
    let api = FakeApi::with_users(3);
    api.with(|state| {
        state.directories.push(json!({ "id": "dir_2", "organization_id": "org_2", "enabled": true }));
        state.users.push(json!({ "id": "diruser_of_2", "email": "2@example.com", "directory": "dir_2" }));
    });
    api
}

#[tokio::test]
async fn one_organization_is_reconciled_without_the_others() {
    let api = two_organizations();
    let mirror = api.open_mirror().await;
    let ids = || ["diruser_of_2", "diruser_gone"];
    mirror.reconcile(ids(), of("org_2")).await.unwrap_err();
    mirror.sync("org_2").mode(SyncMode::Full).await.unwrap();
    assert_eq!(mirror.reconcile(ids(), of("org_2")).await.unwrap(), ["diruser_gone"]);

    let error = mirror.reconcile(["diruser_000"], of("org_1")).await.unwrap_err();
    assert_eq!(context(&error, "organization"), Some("org_1"));
    mirror.reconcile(["diruser_000"], of("org_unknown")).await.unwrap_err();
}

#[tokio::test]
async fn an_organization_whose_sync_fails_prevents_an_answer_about_all() {
    let api = two_organizations();
    api.with(|state| state.unknown_organizations = vec!["org_2".to_owned()]);
    let mirror = api.open_mirror().await;
    sync_all(&mirror).await;
    assert_refused(&mirror, "run sync_all").await;
    api.with(|state| state.unknown_organizations.clear());
    sync_all(&mirror).await;
    reconcile(&mirror).await.unwrap();
}

#[tokio::test]
async fn a_listing_of_organizations_that_fails_prevents_an_answer_about_all() {
    let api = two_organizations();
    api.with(|state| state.organizations_fail = true);
    let mirror = api.open_mirror().await;
    sync_all(&mirror).await;
    assert_refused(&mirror, "run sync_all").await;
}

#[tokio::test]
async fn a_directory_whose_full_sync_fails_or_is_incomplete_prevents_an_answer() {
    let api = two_organizations();
    let mirror = api.open_mirror().await;
    api.with(|state| state.failing_directory = Some("dir_2".to_owned()));
    sync_all(&mirror).await;
    let error = reconcile(&mirror).await.unwrap_err();
    assert_eq!(context(&error, "organization"), Some("org_2"));
    assert_eq!(context(&error, "directory"), Some("dir_2"));

    api.with(|state| {
        state.failing_directory = None;
        state.wrong_total_of = Some("dir_2".to_owned());
    });
    sync_all(&mirror).await;
    assert_refused(&mirror, "incomplete").await;

    api.with(|state| state.wrong_total_of = None);
    sync_all(&mirror).await;
    assert_eq!(mirror.reconcile(["diruser_of_2"], ReconcileOptions::default()).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_disabled_directory_of_a_new_mirror_prevents_an_answer_until_it_is_retired() {
    let api = two_organizations();
    api.with(|state| state.directories[1]["enabled"] = json!(false));
    let mirror = api.open_mirror().await;
    sync_all(&mirror).await;
    assert_refused(&mirror, "the directory is disabled").await;
    mirror.retire("dir_2", "ops@example.com", "the customer has left").await.unwrap();
    assert_eq!(reconcile(&mirror).await.unwrap(), [numbered_user(3), numbered_user(4)]);
}

#[tokio::test]
async fn a_missing_directory_of_a_restored_mirror_prevents_an_answer_until_it_is_retired() {
    let api = two_organizations();
    let store = open_store().await;
    sync_all(&api.mirror_builder().open_in(Arc::clone(&store)).await.unwrap()).await;
    api.with(|state| {
        state.now += MINUTE;
        state.directories.truncate(1);
    });
    let mirror = api.mirror_builder().open_in(store).await.unwrap();
    sync_all(&mirror).await;
    assert_refused(&mirror, "retire it if it is gone for good").await;
    mirror.retire("dir_2", "ops@example.com", "the customer has left").await.unwrap();
    let known = ["diruser_000", "diruser_of_2"];
    assert_eq!(mirror.reconcile(known, ReconcileOptions::default()).await.unwrap(), ["diruser_of_2"]);
}

#[tokio::test]
async fn a_mirror_without_directories_gives_no_answer() {
    let api = FakeApi::default();
    api.with(|state| state.directories.clear());
    let mirror = api.open_mirror().await;
    sync_all(&mirror).await;
    assert_refused(&mirror, "has no directory").await;
}

#[tokio::test]
async fn a_closed_mirror_gives_no_answer() {
    let mirror = FakeApi::with_users(3).open_mirror().await;
    sync_all(&mirror).await;
    mirror.close().await.unwrap();
    assert_eq!(reconcile(&mirror).await.unwrap_err().kind(), ErrorKind::Cancelled);
}
