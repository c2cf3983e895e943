//! Persons who left and are made anew with another id and the same address: the creation names the former user, whose account the application may use
//! again.

use crate::api::{
    FakeApi, USER_DELETED, USER_UPDATED, apply_deletion, apply_event, full_sync, incremental_sync, listed_user,
    open_store,
};
use headcount::mirror::{Outcome, SyncMode};
use headcount::store::{SqliteStore, Store, UserFilter};
use headcount::{Change, ChangeKind, Mirror};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const USER_CREATED: &str = "organization.directory.user_created";

/// The person of `diruser_000`, with another id, and with capital letters in the address.
fn rehired() -> Value {
    json!({ "id": "diruser_new", "email": "0@EXAMPLE.com" })
}

/// Returns a mirror of five users, of whom the first is linked to the account `acct_0`.
async fn mirror_of_five() -> (FakeApi, Mirror) {
    let api = FakeApi::with_users(5);
    let mirror = api.synced_mirror().await;
    mirror.link("diruser_000", Some("acct_0")).await.unwrap();
    (api, mirror)
}

/// Returns a mirror of five users, of whom the first was removed by a full sync.
async fn mirror_after_a_removal() -> (FakeApi, Mirror) {
    let (api, mirror) = mirror_of_five().await;
    api.list_users((1..5).map(listed_user));
    assert_eq!(full_sync(&mirror).await.unwrap().deleted, 1);
    (api, mirror)
}

fn list_with(api: &FakeApi, user: Value) {
    api.with(|state| state.users.push(user));
}

/// Returns the creation of a user from the feed.
async fn creation(mirror: &Mirror, id: &str) -> Change {
    let changes = mirror.poll("test", 10_000).await.unwrap();
    let is_wanted = |change: &Change| change.kind == ChangeKind::UserCreated && change.user.as_ref().unwrap().id == id;
    changes.into_iter().rev().find(is_wanted).unwrap()
}

/// Asserts that the creation of `diruser_new` names `diruser_000` and its account.
async fn assert_names_the_former_user(mirror: &Mirror) {
    let change = creation(mirror, "diruser_new").await;
    assert_eq!(change.possible_rehire_of.as_deref(), Some("diruser_000"));
    assert_eq!(change.possible_rehire_linked_id.as_deref(), Some("acct_0"));
}

async fn assert_names_nobody(mirror: &Mirror, id: &str) {
    let change = creation(mirror, id).await;
    assert_eq!(change.possible_rehire_of, None);
    assert_eq!(change.possible_rehire_linked_id, None);
}

#[tokio::test]
async fn a_person_made_anew_after_a_removal_is_offered_by_every_kind_of_sync() {
    for is_full in [false, true] {
        let (api, mirror) = mirror_after_a_removal().await;
        list_with(&api, rehired());
        let sync = if is_full { full_sync(&mirror).await } else { incremental_sync(&mirror).await };
        assert_eq!(sync.unwrap().created, 1);
        assert_names_the_former_user(&mirror).await;
    }
}

#[tokio::test]
async fn the_new_user_is_not_linked() {
    let (api, mirror) = mirror_after_a_removal().await;
    list_with(&api, rehired());
    full_sync(&mirror).await.unwrap();
    assert_eq!(mirror.user("diruser_new").await.unwrap().unwrap().linked_id, None);
}

#[tokio::test]
async fn a_person_who_is_removed_and_made_anew_in_the_same_sync_is_offered() {
    for page_size in [None, Some(2)] {
        let (api, mirror) = mirror_of_five().await;
        api.list_users([rehired()].into_iter().chain((1..5).map(listed_user)));
        api.with(|state| state.page_size = page_size);
        full_sync(&mirror).await.unwrap();
        assert_names_the_former_user(&mirror).await;
    }
}

#[tokio::test]
async fn a_person_who_is_removed_and_made_anew_by_events_is_offered() {
    let (_api, mirror) = mirror_of_five().await;
    assert_eq!(apply_deletion(&mirror, "evt_1", "diruser_000").await, Outcome::Applied);
    apply_event(&mirror, "evt_2", USER_CREATED, "2025-06-01T12:00:01Z", rehired()).await;
    assert_names_the_former_user(&mirror).await;
}

#[tokio::test]
async fn an_update_that_creates_the_user_offers_the_former_one_as_well() {
    let (_api, mirror) = mirror_of_five().await;
    apply_deletion(&mirror, "evt_1", "diruser_000").await;
    apply_event(&mirror, "evt_2", USER_UPDATED, "2025-06-01T12:00:01Z", rehired()).await;
    assert_names_the_former_user(&mirror).await;
}

#[tokio::test]
async fn nobody_is_offered_if_the_creation_arrives_before_the_deletion() {
    let (_api, mirror) = mirror_of_five().await;
    apply_event(&mirror, "evt_1", USER_CREATED, "2025-06-01T11:59:00Z", rehired()).await;
    apply_deletion(&mirror, "evt_2", "diruser_000").await;
    assert_names_nobody(&mirror, "diruser_new").await;
}

#[tokio::test]
async fn a_person_made_anew_while_the_old_user_is_deactivated_is_offered() {
    let (api, mirror) = mirror_of_five().await;
    let data = json!({ "id": "diruser_000", "active": false });
    apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T12:00:00Z", data).await;
    list_with(&api, rehired());
    incremental_sync(&mirror).await.unwrap();
    assert_names_the_former_user(&mirror).await;
}

#[tokio::test]
async fn a_user_who_was_deactivated_and_then_removed_is_offered() {
    let (_api, mirror) = mirror_of_five().await;
    let data = json!({ "id": "diruser_000", "active": false });
    apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T12:00:00Z", data).await;
    let data = json!({ "id": "diruser_000" });
    apply_event(&mirror, "evt_2", USER_DELETED, "2025-06-01T12:00:01Z", data).await;
    apply_event(&mirror, "evt_3", USER_CREATED, "2025-06-01T12:00:02Z", rehired()).await;
    assert_names_the_former_user(&mirror).await;
}

#[tokio::test]
async fn nobody_is_offered_after_the_old_user_is_active_again() {
    let (api, mirror) = mirror_of_five().await;
    for (event, active) in [("evt_1", false), ("evt_2", true)] {
        let data = json!({ "id": "diruser_000", "active": active });
        apply_event(&mirror, event, USER_UPDATED, "2025-06-01T12:00:00Z", data).await;
    }
    list_with(&api, rehired());
    incremental_sync(&mirror).await.unwrap();
    assert_names_nobody(&mirror, "diruser_new").await;
}

#[tokio::test]
async fn nobody_is_offered_while_an_active_user_has_the_address() {
    let (api, mirror) = mirror_after_a_removal().await;
    list_with(&api, rehired());
    full_sync(&mirror).await.unwrap();
    list_with(&api, json!({ "id": "diruser_third", "email": "0@example.com" }));
    full_sync(&mirror).await.unwrap();
    assert_names_nobody(&mirror, "diruser_third").await;
}

#[tokio::test]
async fn only_one_of_two_new_users_with_the_address_is_offered_the_former_one() {
    let (api, mirror) = mirror_after_a_removal().await;
    list_with(&api, rehired());
    list_with(&api, json!({ "id": "diruser_third", "email": "0@example.com" }));
    full_sync(&mirror).await.unwrap();
    assert_names_the_former_user(&mirror).await;
    assert_names_nobody(&mirror, "diruser_third").await;
}

#[tokio::test]
async fn a_user_who_returns_with_the_same_id_is_not_offered_and_keeps_the_link() {
    let (api, mirror) = mirror_after_a_removal().await;
    list_with(&api, listed_user(0));
    full_sync(&mirror).await.unwrap();
    assert_names_nobody(&mirror, "diruser_000").await;
    assert_eq!(mirror.user("diruser_000").await.unwrap().unwrap().linked_id.as_deref(), Some("acct_0"));
}

#[tokio::test]
async fn users_without_an_address_are_not_offered() {
    let api = FakeApi::with_users(5);
    list_with(&api, json!({ "id": "diruser_old", "email": "" }));
    let mirror = api.synced_mirror().await;
    api.list_users((0..5).map(listed_user));
    full_sync(&mirror).await.unwrap();
    list_with(&api, json!({ "id": "diruser_new", "email": "" }));
    full_sync(&mirror).await.unwrap();
    assert_names_nobody(&mirror, "diruser_new").await;
}

#[tokio::test]
async fn a_former_user_of_another_directory_is_offered_but_not_one_of_another_organization() {
    let api = FakeApi::with_users(3);
    api.with(|state| {
        state.directories.push(json!({ "id": "dir_2", "organization_id": "org_1", "enabled": true }));
        state.directories.push(json!({ "id": "dir_3", "organization_id": "org_2", "enabled": true }));
    });
    let mirror = api.open_mirror().await;
    for organization_id in ["org_1", "org_2"] {
        mirror.sync(organization_id).await.unwrap();
    }
    mirror.link("diruser_000", Some("acct_0")).await.unwrap();
    api.list_users((1..3).map(listed_user));
    mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    list_with(&api, json!({ "id": "diruser_new", "email": "0@example.com", "directory": "dir_2" }));
    list_with(&api, json!({ "id": "diruser_other", "email": "0@example.com", "directory": "dir_3" }));
    for organization_id in ["org_1", "org_2"] {
        mirror.sync(organization_id).mode(SyncMode::Full).await.unwrap();
    }
    assert_names_the_former_user(&mirror).await;
    assert_names_nobody(&mirror, "diruser_other").await;
}

#[tokio::test]
async fn a_former_user_is_offered_as_long_as_the_tombstone_is_kept() {
    for (days, is_kept) in [(6, true), (8, false)] {
        let (api, mirror) = mirror_after_a_removal().await;
        api.with(|state| state.now += Duration::from_secs(days * 86_400));
        full_sync(&mirror).await.unwrap();
        list_with(&api, rehired());
        full_sync(&mirror).await.unwrap();
        assert_eq!(creation(&mirror, "diruser_new").await.possible_rehire_of.is_some(), is_kept, "{days} days");
    }
}

#[tokio::test]
async fn a_plan_offers_the_former_user_as_the_sync_does() {
    let (api, mirror) = mirror_of_five().await;
    api.list_users([rehired()].into_iter().chain((1..5).map(listed_user)));
    let plan = mirror.plan("org_1").mode(SyncMode::Full).await.unwrap();
    let mut changes = plan.changes();
    let mut planned = Vec::new();
    while let Some(change) = changes.next().await.unwrap() {
        planned.push((change.kind, change.possible_rehire_of, change.possible_rehire_linked_id));
    }
    let expected = (ChangeKind::UserCreated, Some("diruser_000".to_owned()), Some("acct_0".to_owned()));
    assert_eq!(planned, [(ChangeKind::UserDeleted, None, None), expected]);
}

#[tokio::test]
async fn a_snapshot_names_nobody_and_a_parked_change_keeps_the_former_user() {
    let (api, mirror) = mirror_after_a_removal().await;
    list_with(&api, rehired());
    full_sync(&mirror).await.unwrap();
    let change = creation(&mirror, "diruser_new").await;
    mirror.park("test", change.seq, "no licence").await.unwrap();
    let parked = mirror.parked_changes("test").await.unwrap().remove(0);
    assert_eq!(parked.change, change);
    assert_eq!(parked.change.possible_rehire_of.as_deref(), Some("diruser_000"));

    mirror.start_from_snapshot("fresh").await.unwrap();
    let rows = mirror.poll("fresh", 10_000).await.unwrap();
    assert!(!rows.is_empty());
    assert!(rows.iter().all(|change| change.possible_rehire_of.is_none()));
}

#[tokio::test]
async fn a_copy_still_knows_the_former_users_and_the_changes_that_name_them() {
    let (api, mirror) = mirror_after_a_removal().await;
    let target: Arc<dyn Store> = Arc::new(SqliteStore::open(":memory:").unwrap());
    mirror.copy_to_store(Arc::clone(&target)).await.unwrap();
    list_with(&api, rehired());
    let copy = api.mirror_builder().open_in(target).await.unwrap();
    full_sync(&copy).await.unwrap();
    assert_names_the_former_user(&copy).await;
}

#[tokio::test]
async fn a_tombstone_has_no_address() {
    let store = open_store().await;
    let api = FakeApi::with_users(2);
    let mirror = api.mirror_builder().open_in(Arc::clone(&store)).await.unwrap();
    full_sync(&mirror).await.unwrap();
    apply_deletion(&mirror, "evt_1", "diruser_000").await;
    let filter = UserFilter { removed: true, ..UserFilter::default() };
    let row = store.users(filter, 0, 10).await.unwrap().into_iter().find(|row| !row.is_live()).unwrap();
    assert_eq!(row.user.email, "");
    assert!(!row.rehire_key.unwrap().contains('@'));
}
