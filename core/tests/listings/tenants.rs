//! Several organizations in one mirror, and several environments: an event or a listing of one never changes rows of another. Also the role map.

use crate::api::{FakeApi, USER_DELETED, USER_UPDATED, count_users, event};
use headcount::mirror::{Outcome, RoleMapEntry, SyncMode, SyncOutcome, SyncReport};
use headcount::store::SqliteStore;
use headcount::{ChangeKind, ErrorKind, Mirror};
use serde_json::{Value, json};
use std::sync::Arc;

const GROUP_UPDATED: &str = "organization.directory.group_updated";

/// Returns an API with two organizations: `org_1` has `dir_1` with the user `diruser_1` in the group "Crew", and `org_2` has `dir_2` with the user
/// `diruser_2` in the group "Pilots".
fn two_organizations() -> FakeApi {
    let api = FakeApi::default();
    api.with(|state| {
        state.directories.push(json!({ "id": "dir_2", "organization_id": "org_2", "enabled": true }));
        state.groups = vec![
            json!({ "id": "dirgroup_1", "display_name": "Crew" }),
            json!({ "id": "dirgroup_2", "display_name": "Pilots", "directory": "dir_2" }),
        ];
    });
    api.list_users([
        json!({ "id": "diruser_1", "groups": [{ "id": "dirgroup_1" }] }),
        json!({ "id": "diruser_2", "groups": [{ "id": "dirgroup_2" }], "directory": "dir_2" }),
    ]);
    api
}

/// Returns a synced mirror of [`two_organizations`] in the environment `acme.scalekit.com`. The consumer `app` has acknowledged its changes.
async fn mirror_of_two_organizations() -> (FakeApi, Mirror) {
    let api = two_organizations();
    api.with(|state| state.environment = Some("acme.scalekit.com".to_owned()));
    let mirror = api.open_mirror().await;
    for organization_id in ["org_1", "org_2"] {
        assert_eq!(sync(&mirror, organization_id).await.outcome, SyncOutcome::Done);
    }
    read_changes(&mirror).await;
    (api, mirror)
}

async fn sync(mirror: &Mirror, organization_id: &str) -> SyncReport {
    mirror.sync(organization_id).mode(SyncMode::Full).await.unwrap().remove(0)
}

/// Reads and acknowledges the changes as the consumer `app`. Returns their kinds and ids of organizations.
async fn read_changes(mirror: &Mirror) -> Vec<(ChangeKind, String)> {
    let changes = mirror.poll("app", 1_000).await.unwrap();
    if let Some(last) = changes.last() {
        mirror.ack("app", last.seq).await.unwrap();
    }
    changes.into_iter().map(|change| (change.kind, change.organization_id)).collect()
}

/// Applies an event of the type `kind` with this organization in its envelope, or none if it is empty. The event is one second later than all
/// listings.
async fn apply(mirror: &Mirror, id: &str, organization_id: &str, kind: &str, data: Value) -> Outcome {
    let body = json!({
        "id": id, "type": kind, "occurred_at": "2025-06-01T12:00:01Z", "organization_id": organization_id, "data": data,
    });
    mirror.apply(&event(&body)).await.unwrap()
}

/// Asserts that an event of `org_1` is foreign, that its second delivery is a duplicate, and that neither delivery appends a change to the feed.
async fn assert_foreign(kind: &str, data: Value) {
    let (_api, mirror) = mirror_of_two_organizations().await;
    assert_eq!(apply(&mirror, "evt_1", "org_1", kind, data.clone()).await, Outcome::Foreign);
    assert_eq!(apply(&mirror, "evt_1", "org_1", kind, data).await, Outcome::Duplicate);
    assert_eq!(read_changes(&mirror).await, []);
}

#[tokio::test]
async fn a_deletion_event_of_another_organization_removes_no_user() {
    assert_foreign(USER_DELETED, json!({ "id": "diruser_2" })).await;
}

#[tokio::test]
async fn an_update_event_of_another_organization_changes_no_user() {
    assert_foreign(USER_UPDATED, json!({ "id": "diruser_2", "email": "eve@example.com", "active": false })).await;
}

#[tokio::test]
async fn a_group_event_of_another_organization_changes_no_group() {
    assert_foreign(GROUP_UPDATED, json!({ "id": "dirgroup_2", "display_name": "Crew", "directory_id": "dir_1" })).await;
}

#[tokio::test]
async fn a_group_event_that_names_a_directory_of_another_organization_adds_no_group() {
    assert_foreign(GROUP_UPDATED, json!({ "id": "dirgroup_3", "display_name": "Crew", "directory_id": "dir_2" })).await;
}

#[tokio::test]
async fn a_directory_event_of_another_organization_disables_no_directory() {
    assert_foreign("organization.directory_disabled", json!({ "id": "dir_2", "enabled": false })).await;
}

#[tokio::test]
async fn an_organization_event_about_another_organization_disables_no_directory() {
    assert_foreign("organization.deleted", json!({ "id": "org_2" })).await;
}

#[tokio::test]
async fn an_event_whose_data_names_another_organization_adds_no_user_to_that_one() {
    let (_api, mirror) = mirror_of_two_organizations().await;
    let data = json!({ "id": "diruser_3", "organization_id": "org_2" });
    assert_eq!(apply(&mirror, "evt_1", "org_1", USER_UPDATED, data).await, Outcome::Applied);
    assert_eq!(mirror.user("diruser_3").await.unwrap().unwrap().organization_id, "org_1");
}

#[tokio::test]
async fn an_event_without_an_organization_changes_nothing_and_is_not_pending() {
    let (_api, mirror) = mirror_of_two_organizations().await;
    for (id, data) in [("evt_1", json!({ "id": "diruser_2" })), ("evt_2", json!({ "id": "diruser_3" }))] {
        assert_eq!(apply(&mirror, id, "", USER_UPDATED, data).await, Outcome::Foreign);
    }
    assert_eq!(read_changes(&mirror).await, []);
    assert_eq!(mirror.status().await.unwrap()[0].pending_events, 0);
}

#[tokio::test]
async fn an_event_with_an_organization_in_its_data_alone_is_applied_by_the_next_sync_of_that_organization() {
    let api = two_organizations();
    let mirror = api.open_mirror().await;
    let data = json!({ "id": "diruser_2", "organization_id": "org_2", "active": false });
    assert_eq!(apply(&mirror, "evt_1", "", USER_UPDATED, data).await, Outcome::Pending);
    assert_eq!(sync(&mirror, "org_2").await.events, 1);
    assert!(!mirror.user("diruser_2").await.unwrap().unwrap().active);
}

#[tokio::test]
async fn a_user_event_does_not_rename_or_move_a_group_of_another_organization_and_gives_no_membership_in_it() {
    let (_api, mirror) = mirror_of_two_organizations().await;
    mirror.set_role_map([("Pilots", "pilot"), ("Owners", "owner")]).await.unwrap();
    read_changes(&mirror).await;
    let groups = json!([{ "id": "dirgroup_1", "name": "Crew" }, { "id": "dirgroup_2", "name": "Owners" }]);

    let outcome = apply(&mirror, "evt_1", "org_1", USER_UPDATED, json!({ "id": "diruser_1", "groups": groups })).await;

    assert_eq!(outcome, Outcome::Applied);
    let group = mirror.group("dirgroup_2").await.unwrap().unwrap();
    assert_eq!(group.display_name, "Pilots");
    assert_eq!(group.organization_id, "org_2");
    assert_eq!(group.directory_id, "dir_2");
    let user = mirror.user("diruser_1").await.unwrap().unwrap();
    assert_eq!(user.group_ids, ["dirgroup_1"]);
    assert_eq!(user.roles, Vec::<String>::new());
    assert_eq!(mirror.user("diruser_2").await.unwrap().unwrap().roles, ["pilot"]);
    assert_eq!(mirror.users("org_1").group("dirgroup_2").next().await.unwrap(), None);
}

#[tokio::test]
async fn a_listed_user_of_another_organization_is_applied_only_after_that_organization_has_lost_them() {
    let (api, mirror) = mirror_of_two_organizations().await;
    mirror.link("diruser_1", Some("acct_1")).await.unwrap();
    api.with(|state| state.users[0] = json!({ "id": "diruser_1", "directory": "dir_2" }));

    // The sync of `org_2` runs before a sync of `org_1` shows that the user is no longer there.
    let report = sync(&mirror, "org_2").await;
    assert_eq!(report.outcome, SyncOutcome::Incomplete);
    assert!(report.incomplete.unwrap().contains("1 listed users and groups are mirrored in another organization"));
    assert_eq!(mirror.user("diruser_1").await.unwrap().unwrap().organization_id, "org_1");

    assert_eq!(sync(&mirror, "org_1").await.deleted, 1);
    let report = sync(&mirror, "org_2").await;
    assert_eq!(report.outcome, SyncOutcome::Done);
    assert_eq!(report.created, 1);
    let user = mirror.user("diruser_1").await.unwrap().unwrap();
    assert_eq!(user.organization_id, "org_2");
    assert_eq!(user.linked_id, None, "the linked account belongs to org_1");
    let changes = read_changes(&mirror).await;
    let users: Vec<_> = changes.iter().filter(|(kind, _)| kind.name().starts_with("user.")).collect();
    assert_eq!(users[0], &(ChangeKind::UserDeleted, "org_1".to_owned()));
    assert_eq!(users[1], &(ChangeKind::UserCreated, "org_2".to_owned()));
}

#[tokio::test]
async fn a_listed_group_of_another_organization_stays_there_and_gives_no_membership() {
    let (api, mirror) = mirror_of_two_organizations().await;
    api.with(|state| {
        state.groups.push(json!({ "id": "dirgroup_1", "display_name": "Pilots", "directory": "dir_2" }));
        state.users[1]["groups"] = json!([{ "id": "dirgroup_1" }, { "id": "dirgroup_2" }]);
    });

    let report = sync(&mirror, "org_2").await;

    assert_eq!(report.outcome, SyncOutcome::Incomplete);
    let group = mirror.group("dirgroup_1").await.unwrap().unwrap();
    assert_eq!(group.organization_id, "org_1");
    assert_eq!(group.display_name, "Crew");
    assert_eq!(mirror.user("diruser_2").await.unwrap().unwrap().group_ids, ["dirgroup_2"]);
    assert_eq!(count_users(&mirror).await, 1);
}

// ---- environments ----

/// Two handles of one mirror, each with the client of another environment.
struct TwoEnvironments {
    production: Mirror,
    staging: Mirror,
}

/// Returns a mirror that was synced in production, and a second handle of it with a client for staging.
async fn a_staging_client_for_a_mirror_of_production() -> TwoEnvironments {
    let store = Arc::new(SqliteStore::open(":memory:").unwrap());
    let (production, staging) = (FakeApi::with_users(3), FakeApi::with_users(5));
    production.with(|state| state.environment = Some("acme.scalekit.com".to_owned()));
    staging.with(|state| state.environment = Some("acme-staging.scalekit.dev".to_owned()));
    let production = production.mirror_builder().open_in(store.clone()).await.unwrap();
    sync(&production, "org_1").await;
    TwoEnvironments { production, staging: staging.mirror_builder().open_in(store).await.unwrap() }
}

#[tokio::test]
async fn a_sync_with_the_client_of_another_environment_is_refused() {
    let TwoEnvironments { production, staging } = a_staging_client_for_a_mirror_of_production().await;

    let error = staging.sync("org_1").await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Config);
    for expected in ["acme.scalekit.com", "acme-staging.scalekit.dev", "unbind_environment"] {
        assert!(error.message().contains(expected), "{error}");
    }
    assert_eq!(staging.sync_all().await.unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(count_users(&production).await, 3);
    assert_eq!(sync(&production, "org_1").await.outcome, SyncOutcome::Done);
}

#[tokio::test]
async fn the_next_sync_binds_an_unbound_mirror_to_its_environment() {
    let TwoEnvironments { production, staging } = a_staging_client_for_a_mirror_of_production().await;
    staging.unbind_environment().await.unwrap();
    assert_eq!(sync(&staging, "org_1").await.outcome, SyncOutcome::Done);
    assert_eq!(production.sync("org_1").await.unwrap_err().kind(), ErrorKind::Config);
}

/// Applies an event that updates `diruser_1`, with this `environment_id`, or without one if it is `None`.
async fn apply_of_environment(mirror: &Mirror, id: &str, environment_id: Option<&str>) -> Outcome {
    let body = json!({
        "id": id, "type": USER_UPDATED, "occurred_at": "2025-06-01T12:00:01Z", "organization_id": "org_1",
        "environment_id": environment_id, "data": { "id": "diruser_1", "given_name": id },
    });
    mirror.apply(&event(&body)).await.unwrap()
}

#[tokio::test]
async fn an_event_of_another_environment_than_that_of_the_first_event_is_foreign() {
    let (_api, mirror) = mirror_of_two_organizations().await;
    assert_eq!(apply_of_environment(&mirror, "evt_1", Some("env_1")).await, Outcome::Applied);
    assert_eq!(apply_of_environment(&mirror, "evt_2", Some("env_2")).await, Outcome::Foreign);
    assert_eq!(apply_of_environment(&mirror, "evt_3", Some("env_1")).await, Outcome::Applied);
    assert_eq!(apply_of_environment(&mirror, "evt_4", None).await, Outcome::Applied);
}

#[tokio::test]
async fn an_event_without_an_environment_does_not_bind_the_mirror() {
    let (_api, mirror) = mirror_of_two_organizations().await;
    assert_eq!(apply_of_environment(&mirror, "evt_1", None).await, Outcome::Applied);
    assert_eq!(apply_of_environment(&mirror, "evt_2", Some("env_2")).await, Outcome::Applied);
    assert_eq!(apply_of_environment(&mirror, "evt_3", Some("env_1")).await, Outcome::Foreign);
}

#[tokio::test]
async fn a_foreign_event_does_not_bind_the_mirror_to_its_environment() {
    let (_api, mirror) = mirror_of_two_organizations().await;
    let body = json!({
        "id": "evt_1", "type": USER_DELETED, "occurred_at": "2025-06-01T12:00:01Z", "organization_id": "org_1",
        "environment_id": "env_2", "data": { "id": "diruser_2" },
    });
    assert_eq!(mirror.apply(&event(&body)).await.unwrap(), Outcome::Foreign);
    assert_eq!(apply_of_environment(&mirror, "evt_2", Some("env_1")).await, Outcome::Applied);
}

// ---- the role map ----

async fn roles(mirror: &Mirror, user_id: &str) -> Vec<String> {
    mirror.user(user_id).await.unwrap().unwrap().roles
}

#[tokio::test]
async fn a_group_whose_name_is_the_id_of_another_group_does_not_give_the_role_of_that_id() {
    let (api, mirror) = mirror_of_two_organizations().await;
    api.with(|state| state.groups[1]["display_name"] = json!("dirgroup_1"));
    sync(&mirror, "org_2").await;

    mirror.set_role_map([("dirgroup_1", "owner")]).await.unwrap();

    assert_eq!(roles(&mirror, "diruser_1").await, ["owner"]);
    assert_eq!(roles(&mirror, "diruser_2").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_role_map_entry_of_an_organization_gives_its_role_only_there() {
    let (api, mirror) = mirror_of_two_organizations().await;
    api.with(|state| state.groups[1]["display_name"] = json!("Crew"));
    sync(&mirror, "org_2").await;
    let entries =
        [RoleMapEntry::by_name("Crew", "pilot").in_organization("org_2"), RoleMapEntry::by_name("Cr*", "sailor")];

    mirror.set_role_map(entries.clone()).await.unwrap();

    assert_eq!(roles(&mirror, "diruser_1").await, ["sailor"]);
    assert_eq!(roles(&mirror, "diruser_2").await, ["pilot", "sailor"]);
    assert_eq!(mirror.role_map_entries().await.unwrap(), entries);
    assert_eq!(mirror.role_map().await.unwrap()[0], ("Crew".to_owned(), "pilot".to_owned()));
}

#[tokio::test]
async fn unmatched_roles_returns_the_entries_that_match_no_group() {
    let (_api, mirror) = mirror_of_two_organizations().await;
    let entries = [
        RoleMapEntry::from(("Crew", "sailor")),
        RoleMapEntry::from(("dirgroup_9", "owner")),
        RoleMapEntry::by_name("Pilots", "pilot").in_organization("org_1"),
    ];
    mirror.set_role_map(entries.clone()).await.unwrap();
    assert_eq!(mirror.unmatched_roles().await.unwrap(), entries[1..]);
}
