//! Persons who are deleted in the directory and created again, with another id and the same email address. An application that identifies its
//! accounts by address needs the deletion in the feed before the creation.

use crate::api::{FakeApi, count_users, full_sync, incremental_sync, listed_user};
use headcount::mirror::{HoldReason, SyncMode, SyncOutcome};
use headcount::{ChangeKind, ErrorKind, Mirror};
use serde_json::{Value, json};

/// Returns the listed user that replaces `diruser_000`: the same person with another id, and with capital letters in the address.
fn recreated() -> Value {
    json!({ "id": "diruser_new", "email": "0@EXAMPLE.com", "given_name": "Ada" })
}

/// Returns a mirror of ten users whose changes `app` has acknowledged. The API now lists [`recreated`] in place of the first user.
async fn mirror_of_a_recreated_person() -> (FakeApi, Mirror) {
    let api = FakeApi::with_users(10);
    let mirror = api.synced_mirror().await;
    acknowledge_all(&mirror).await;
    api.list_users([recreated()].into_iter().chain((1..10).map(listed_user)));
    (api, mirror)
}

async fn acknowledge_all(mirror: &Mirror) {
    let last = mirror.poll("app", 10_000).await.unwrap().last().unwrap().seq;
    mirror.ack("app", last).await.unwrap();
}

/// Returns the kinds of the changes of users that `app` has not acknowledged, and the ids of the users.
async fn changes(mirror: &Mirror) -> Vec<(ChangeKind, String)> {
    let changes = mirror.poll("app", 10_000).await.unwrap();
    changes.into_iter().filter_map(|change| Some((change.kind, change.user?.id))).collect()
}

fn deleted(id: &str) -> (ChangeKind, String) {
    (ChangeKind::UserDeleted, id.to_owned())
}

fn created(id: &str) -> (ChangeKind, String) {
    (ChangeKind::UserCreated, id.to_owned())
}

#[tokio::test]
async fn a_full_sync_appends_the_deletion_of_a_recreated_person_before_the_creation() {
    for page_size in [None, Some(3)] {
        let (api, mirror) = mirror_of_a_recreated_person().await;
        api.with(|state| state.page_size = page_size);

        let report = full_sync(&mirror).await.unwrap();

        assert_eq!(report.outcome, SyncOutcome::Done);
        assert_eq!(report.created, 1);
        assert_eq!(report.deleted, 1);
        assert_eq!(changes(&mirror).await, [deleted("diruser_000"), created("diruser_new")]);
        assert_eq!(mirror.user("diruser_new").await.unwrap().unwrap().given_name, "Ada");
    }
}

#[tokio::test]
async fn a_later_sync_of_a_recreated_person_changes_nothing() {
    let (_api, mirror) = mirror_of_a_recreated_person().await;
    full_sync(&mirror).await.unwrap();
    acknowledge_all(&mirror).await;
    for report in [incremental_sync(&mirror).await.unwrap(), full_sync(&mirror).await.unwrap()] {
        assert_eq!(report.changes, 0);
        assert_eq!(report.outcome, SyncOutcome::Done);
    }
}

#[tokio::test]
async fn a_listing_in_which_all_users_were_recreated_does_not_count_as_empty() {
    let api = FakeApi::with_users(10);
    let mirror = crate::api::open(api.mirror_builder().guard_share(1.0)).await;
    full_sync(&mirror).await.unwrap();
    acknowledge_all(&mirror).await;
    let again = |n: usize| json!({ "id": format!("diruser_again_{n}"), "email": format!("{n}@example.com") });
    api.list_users((0..10).map(again));

    let report = full_sync(&mirror).await.unwrap();

    assert_eq!(report.deleted, 10);
    let kinds: Vec<ChangeKind> = changes(&mirror).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds[..10], [ChangeKind::UserDeleted; 10]);
    assert_eq!(kinds[10..], [ChangeKind::UserCreated; 10]);
}

#[tokio::test]
async fn all_users_are_mirrored_if_more_were_recreated_than_a_sync_defers() {
    let api = FakeApi::with_users(2_300);
    let mirror = crate::api::open(api.mirror_builder().guard_share(1.0)).await;
    full_sync(&mirror).await.unwrap();
    let again = |n: usize| json!({ "id": format!("diruser_again_{n}"), "email": format!("{n}@example.com") });
    api.list_users((0..2_300).map(again));
    api.with(|state| state.page_size = Some(100));

    let report = full_sync(&mirror).await.unwrap();

    assert_eq!(report.deleted, 2_300);
    assert_eq!(report.created, 2_300);
    assert_eq!(count_users(&mirror).await, 2_300);
}

#[tokio::test]
async fn a_recreated_person_is_created_in_the_same_sync_if_the_removal_is_held() {
    let api = FakeApi::with_users(10);
    let mirror = crate::api::open(api.mirror_builder().guard_users(0).guard_share(0.0)).await;
    full_sync(&mirror).await.unwrap();
    acknowledge_all(&mirror).await;
    api.list_users([recreated()].into_iter().chain((1..10).map(listed_user)));

    assert_eq!(full_sync(&mirror).await.unwrap_err().kind(), ErrorKind::MassRemoval);

    assert_eq!(changes(&mirror).await, [created("diruser_new")]);
    let hold = mirror.holds("org_1", None).await.unwrap().remove(0);
    assert_eq!(hold.reason, HoldReason::MassRemoval);
    assert_eq!(hold.count, 1);
}

#[tokio::test]
async fn a_recreated_person_is_created_in_the_same_sync_if_the_listing_is_not_complete() {
    let (api, mirror) = mirror_of_a_recreated_person().await;
    api.with(|state| state.reported_total = Some(99));
    assert_eq!(full_sync(&mirror).await.unwrap().outcome, SyncOutcome::Incomplete);
    assert_eq!(changes(&mirror).await, [created("diruser_new")]);
}

#[tokio::test]
async fn a_recreated_person_is_created_in_the_same_sync_if_the_listing_fails() {
    let (api, mirror) = mirror_of_a_recreated_person().await;
    api.with(|state| state.failing_directory = Some("dir_1".to_owned()));

    assert_eq!(full_sync(&mirror).await.unwrap_err().kind(), ErrorKind::Server);
    assert_eq!(changes(&mirror).await, [created("diruser_new")]);

    api.with(|state| state.failing_directory = None);
    full_sync(&mirror).await.unwrap();
    assert_eq!(changes(&mirror).await.last().unwrap(), &deleted("diruser_000"));
}

#[tokio::test]
async fn an_incremental_sync_creates_a_recreated_person_at_once_because_it_removes_no_user() {
    let (_api, mirror) = mirror_of_a_recreated_person().await;
    incremental_sync(&mirror).await.unwrap();
    assert_eq!(changes(&mirror).await, [created("diruser_new")]);
}

#[tokio::test]
async fn the_deletion_of_a_recreated_person_precedes_the_creation_in_another_directory() {
    let api = FakeApi::default();
    api.with(|state| state.directories.push(json!({ "id": "dir_2", "organization_id": "org_1", "enabled": true })));
    for (old, new) in [("dir_1", "dir_2"), ("dir_2", "dir_1")] {
        let in_directory =
            |id: &str, email: &str, directory: &str| json!({ "id": id, "email": email, "directory": directory });
        let others = [in_directory("diruser_1", "1@example.com", old), in_directory("diruser_2", "2@example.com", new)];
        api.list_users(others.clone().into_iter().chain([in_directory("diruser_old", "ada@example.com", old)]));
        let mirror = api.open_mirror().await;
        mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
        acknowledge_all(&mirror).await;
        api.list_users(others.into_iter().chain([in_directory("diruser_new", "ada@example.com", new)]));

        mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();

        assert_eq!(changes(&mirror).await, [deleted("diruser_old"), created("diruser_new")], "from {old}");
    }
}

#[tokio::test]
async fn the_first_sync_of_another_directory_also_defers_the_creation() {
    let api = FakeApi::with_users(10);
    let mirror = api.synced_mirror().await;
    acknowledge_all(&mirror).await;
    api.list_users((1..10).map(listed_user));
    api.with(|state| {
        state.directories.push(json!({ "id": "dir_2", "organization_id": "org_1", "enabled": true }));
        let mut recreated = recreated();
        recreated["directory"] = json!("dir_2");
        state.users.push(recreated);
    });

    mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();

    assert_eq!(changes(&mirror).await, [deleted("diruser_000"), created("diruser_new")]);
}

#[tokio::test]
async fn two_new_persons_who_share_an_address_are_both_created() {
    let (api, mirror) = mirror_of_a_recreated_person().await;
    api.with(|state| state.users.push(json!({ "id": "diruser_other", "email": "0@example.com" })));
    full_sync(&mirror).await.unwrap();
    let expected = [deleted("diruser_000"), created("diruser_new"), created("diruser_other")];
    assert_eq!(changes(&mirror).await, expected);
}

#[tokio::test]
async fn a_new_person_with_the_address_of_one_who_stays_is_created_in_the_same_sync() {
    let (api, mirror) = mirror_of_a_recreated_person().await;
    api.list_users((0..10).map(listed_user).chain([recreated()]));
    assert_eq!(full_sync(&mirror).await.unwrap().outcome, SyncOutcome::Done);
    assert_eq!(changes(&mirror).await, [created("diruser_new")]);
}
