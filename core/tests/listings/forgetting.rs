//! Forgetting organizations: when it is refused, what is left, and that events and syncs of all organizations do not bring an organization back.

use crate::api::{FakeApi, USER_UPDATED, apply_event, event, listed_user, numbered_user, open_store};
use crate::erasing::assert_no_row_has;
use headcount::mirror::{
    EventQuery, MirrorOptions, OrganizationErasure, Outcome, RoleMapEntry, RunQuery, SyncMode, SyncOutcome, UserState,
};
use headcount::store::{Store, UserFilter};
use headcount::{Change, ChangeKind, Error, ErrorKind, Mirror};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// What no row has once `org_1` is forgotten: its id, and what its directory, users and groups were called. The ids of users end in three digits.
const OWN: &[&str] = &["org_1", "dir_1", "acme", "diruser_0", "dirgroup_1", "@example.com", "crew of acme", "acct_000"];

/// Opens a mirror in `store` with `org_1`, which has three users, one of them linked, protected and in a group, and `org_2`, which has two.
async fn with_two_organizations(store: &Arc<dyn Store>) -> (FakeApi, Mirror) {
    let api = FakeApi::default();
    let other = |number: usize| json!({ "id": format!("other_{number}"), "email": format!("{number}@example.org"), "directory": "dir_2" });
    api.list_users((0..3).map(listed_user).chain((0..2).map(other)));
    api.with(|state| {
        state.directories = vec![
            json!({ "id": "dir_1", "organization_id": "org_1", "enabled": true, "name": "Acme's people" }),
            json!({ "id": "dir_2", "organization_id": "org_2", "enabled": true }),
        ];
        state.groups = vec![json!({ "id": "dirgroup_1", "display_name": "Crew of Acme" })];
        state.users[0]["groups"] = json!([{ "id": "dirgroup_1" }]);
    });
    let mirror = api.mirror_builder().open_in(Arc::clone(store)).await.unwrap();
    let entry = |organization_id: &str| {
        let mut entry = RoleMapEntry::by_name("Crew*", "developer");
        entry.organization_id = Some(organization_id.to_owned());
        entry
    };
    mirror.set_role_map([entry("org_1"), entry("org_2")]).await.unwrap();
    mirror.sync_all().mode(SyncMode::Full).await.unwrap();
    mirror.link(&numbered_user(0), Some("acct_000")).await.unwrap();
    mirror.protect(&numbered_user(0), "the last admin of Acme").await.unwrap();
    let renamed = json!({ "id": numbered_user(0), "email": "ada@example.com" });
    apply_event(&mirror, "evt_rename", USER_UPDATED, "2025-06-01T13:00:00Z", renamed).await;
    (api, mirror)
}

/// Disables the directory of `org_1` and retires it.
async fn retire(api: &FakeApi, mirror: &Mirror) {
    api.with(|state| {
        state.now += DAY;
        state.directories[0]["enabled"] = json!(false);
    });
    mirror.sync("org_1").await.unwrap();
    mirror.retire("dir_1", "ops@provider.test", "Acme has left").await.unwrap();
}

/// Polls and acknowledges all changes as the consumer `app`.
async fn read(mirror: &Mirror) -> Vec<Change> {
    let changes = mirror.poll("app", 10_000).await.unwrap();
    if let Some(last) = changes.last() {
        mirror.ack("app", last.seq).await.unwrap();
    }
    changes
}

/// Opens a mirror whose `org_1` has left: its directory is retired, and the consumer `app` has acknowledged that.
async fn of_a_left_organization(store: &Arc<dyn Store>) -> (FakeApi, Mirror) {
    let (api, mirror) = with_two_organizations(store).await;
    retire(&api, &mirror).await;
    read(&mirror).await;
    (api, mirror)
}

async fn ids_of(mirror: &Mirror, organization_id: &str) -> Vec<String> {
    let (mut users, mut ids) = (mirror.users(organization_id), Vec::new());
    while let Some(user) = users.next().await.unwrap() {
        ids.push(user.id);
    }
    ids
}

fn assert_context(error: &Error, name: &str, value: &str) {
    let found = error.context().iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
    assert_eq!(found, Some(value), "{error}");
}

#[tokio::test]
async fn a_forgotten_organization_is_gone_from_every_row_and_others_are_kept() {
    let store = open_store().await;
    let (api, mirror) = with_two_organizations(&store).await;
    // An event that is pending, one that another organization's is like, and a parked change.
    let of_unknown_directory = json!({ "id": "dirgroup_9", "directory_id": "dir_9", "display_name": "Crew of Acme" });
    let kind = "organization.directory.group_created";
    let pending = apply_event(&mirror, "evt_pending", kind, "2025-06-01T13:00:00Z", of_unknown_directory).await;
    assert_eq!(pending, Outcome::Pending);
    let changes = mirror.poll("app", 10_000).await.unwrap();
    let rename = changes.iter().rfind(|change| change.kind == ChangeKind::UserUpdated).unwrap();
    mirror.park("app", rename.seq, "ada@example.com is taken").await.unwrap();
    retire(&api, &mirror).await;
    read(&mirror).await;
    mirror.trim().await.unwrap();
    let (others, runs) = (ids_of(&mirror, "org_2").await, mirror.runs(RunQuery::default()).await.unwrap());

    let erasure = mirror.forget_organization("org_1").await.unwrap();

    assert_eq!(erasure.organization_id, "org_1");
    assert_eq!(erasure.at, api.with(|state| state.now));
    assert!(erasure.was_mirrored);
    assert_eq!(erasure.directories, 1);
    assert_eq!(erasure.users, 3);
    assert_eq!(erasure.groups, 1);
    assert!(erasure.changes > 10, "{erasure:?}");
    assert!(erasure.history > 5, "{erasure:?}");
    assert_eq!(erasure.events, 2);
    assert_eq!(erasure.parked, 1);
    assert_eq!(erasure.runs, runs.iter().filter(|run| run.organization_id == "org_1").count() as u64);
    assert_no_row_has(&store, OWN).await;
    assert_eq!(ids_of(&mirror, "org_1").await, [] as [String; 0]);
    assert_eq!(ids_of(&mirror, "org_2").await, others);
    assert_eq!(mirror.status().await.unwrap().len(), 1);
    assert_eq!(mirror.retirements().await.unwrap(), []);
    assert_eq!(mirror.pending_events("org_1").await.unwrap(), []);
    let role_map = mirror.role_map_entries().await.unwrap();
    assert_eq!(role_map.len(), 1);
    assert_eq!(role_map[0].organization_id.as_deref(), Some("org_2"));
    let kept = mirror.runs(RunQuery::default()).await.unwrap();
    assert!(!kept.is_empty());
    assert!(kept.iter().all(|run| run.organization_id == "org_2"));
    assert!(mirror.history().organization("org_1").next().await.unwrap().is_none());
    assert!(mirror.history().organization("org_2").next().await.unwrap().is_some());
}

#[tokio::test]
async fn a_consumer_that_starts_at_the_first_change_gets_every_number_and_nothing_of_a_forgotten_organization() {
    let (_, mirror) = of_a_left_organization(&open_store().await).await;
    let before = mirror.poll("witness", 10_000).await.unwrap();
    mirror.drop_consumer("witness").await.unwrap();

    let erasure = mirror.forget_organization("org_1").await.unwrap();

    let after = mirror.poll("new", 10_000).await.unwrap();
    let numbers = |changes: &[Change]| changes.iter().map(|change| change.seq).collect::<Vec<_>>();
    assert_eq!(numbers(&after), numbers(&before));
    let (forgotten, others): (Vec<Change>, Vec<Change>) =
        after.into_iter().partition(|change| change.kind == ChangeKind::OrganizationForgotten);
    assert_eq!(others, before.into_iter().filter(|change| change.organization_id != "org_1").collect::<Vec<_>>());
    assert_eq!(forgotten.len() as u64, erasure.changes);
    for change in forgotten {
        assert_eq!(change.cause, format!("erasure:{}", erasure.id));
        assert_eq!(change.organization_id, "");
        assert_eq!(change.directory_id, "");
        assert_eq!(change.user, None);
        assert_eq!(change.group, None);
        assert_eq!(change.before, None);
        assert_eq!(change.after, None);
    }
    assert_eq!(mirror.poll("app", 10).await.unwrap(), [], "consumers that were up to date get nothing");
}

#[tokio::test]
async fn an_organization_with_users_or_groups_is_refused() {
    let (api, mirror) = with_two_organizations(&open_store().await).await;
    read(&mirror).await;
    let error = mirror.forget_organization("org_1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("got one with users: retire its directories"), "{error}");
    assert_context(&error, "directory", "dir_1");
    assert_eq!(ids_of(&mirror, "org_1").await.len(), 3);

    retire(&api, &mirror).await;
    read(&mirror).await;
    let group = json!({ "id": "dirgroup_2", "directory_id": "dir_1", "display_name": "Late" });
    apply_event(&mirror, "evt_group", "organization.directory.group_created", "2025-06-09T12:00:00Z", group).await;
    read(&mirror).await;
    let error = mirror.forget_organization("org_1").await.unwrap_err();
    assert!(error.message().contains("got one with groups"), "{error}");
}

#[tokio::test]
async fn a_leaver_within_the_grace_counts_as_a_user() {
    let store = open_store().await;
    let api = FakeApi::with_users(1);
    let mirror = api.mirror_builder().deletion_grace(DAY * 7).open_in(store).await.unwrap();
    mirror.sync("org_1").await.unwrap();
    let gone = json!({ "id": numbered_user(0) });
    apply_event(&mirror, "evt_gone", crate::api::USER_DELETED, "2025-06-01T13:00:00Z", gone).await;
    read(&mirror).await;
    let error = mirror.forget_organization("org_1").await.unwrap_err();
    assert!(error.message().contains("got one with users"), "{error}");
}

#[tokio::test]
async fn a_consumer_that_has_not_acknowledged_is_named_with_its_first_change() {
    let (api, mirror) = with_two_organizations(&open_store().await).await;
    read(&mirror).await;
    mirror.poll("slow", 10_000).await.unwrap();
    let last = mirror.poll("slow", 10_000).await.unwrap().last().unwrap().seq;
    mirror.ack("slow", last).await.unwrap();
    retire(&api, &mirror).await;
    read(&mirror).await;

    let error = mirror.forget_organization("org_1").await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let first = (last + 1).to_string();
    assert!(error.message().contains(&format!("consumer \"slow\" has not acknowledged change {first}")), "{error}");
    assert_context(&error, "consumer", "slow");
    assert_context(&error, "seq", &first);
    assert_context(&error, "organization", "org_1");
    assert_eq!(mirror.status().await.unwrap().len(), 2, "nothing was removed");

    mirror.drop_consumer("slow").await.unwrap();
    mirror.forget_organization("org_1").await.unwrap();
}

#[tokio::test]
async fn unacknowledged_changes_of_other_organizations_do_not_matter() {
    let (api, mirror) = of_a_left_organization(&open_store().await).await;
    api.with(|state| state.users[3]["email"] = json!("new@example.org"));
    mirror.sync("org_2").mode(SyncMode::Full).await.unwrap();
    mirror.forget_organization("org_1").await.unwrap();
    assert_eq!(read(&mirror).await.len(), 1);
}

#[tokio::test]
async fn the_parked_deletion_of_a_user_is_refused_until_it_is_dropped() {
    let (api, mirror) = with_two_organizations(&open_store().await).await;
    retire(&api, &mirror).await;
    let changes = mirror.poll("app", 10_000).await.unwrap();
    let deletion = changes.iter().find(|change| change.kind == ChangeKind::UserDeleted).unwrap().seq;
    mirror.park("app", deletion, "the billing system is down").await.unwrap();
    read(&mirror).await;

    let error = mirror.forget_organization("org_1").await.unwrap_err();

    assert!(error.message().contains(&format!("consumer \"app\" has parked change {deletion}")), "{error}");
    mirror.drop_parked("app", deletion).await.unwrap();
    mirror.forget_organization("org_1").await.unwrap();
}

#[tokio::test]
async fn events_of_a_forgotten_organization_are_ignored_and_stored_without_its_id() {
    let store = open_store().await;
    let (_, mirror) = of_a_left_organization(&store).await;
    mirror.forget_organization("org_1").await.unwrap();
    for (id, kind, data) in [
        ("evt_1", USER_UPDATED, json!({ "id": numbered_user(0), "email": "ada@example.com" })),
        ("evt_2", "organization.directory.user_created", json!({ "id": "diruser_9", "email": "9@example.com" })),
        ("evt_3", "organization.directory.group_created", json!({ "id": "dirgroup_1", "directory_id": "dir_1" })),
        ("evt_4", "organization.directory_enabled", json!({ "id": "dir_1" })),
        ("evt_5", "organization.deleted", json!({ "id": "org_1" })),
        ("evt_rename", USER_UPDATED, json!({ "id": numbered_user(0), "email": "ada@example.com" })),
    ] {
        let outcome = apply_event(&mirror, id, kind, "2025-06-20T12:00:00Z", data).await;
        assert_eq!(outcome, Outcome::Erased, "{kind}");
        let received = mirror.event(id).await.unwrap().unwrap();
        assert_eq!(received.outcome, Some(Outcome::Erased));
        assert_eq!(received.organization_id, "");
        assert_eq!(received.subject_id, None);
        assert!(received.why.unwrap().contains("forgotten the organization"));
    }
    let again = json!({ "id": numbered_user(0), "email": "ada@example.com" });
    let outcome = apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-20T12:00:00Z", again).await;
    assert_eq!(outcome, Outcome::Duplicate);
    assert_no_row_has(&store, OWN).await;
    let other = json!({
        "id": "evt_other", "type": USER_UPDATED, "occurred_at": "2025-06-20T12:00:00Z", "organization_id": "org_2",
        "data": { "id": "other_0", "organization_id": "org_2", "email": "new@example.org" },
    });
    assert_eq!(mirror.apply(&event(&other)).await.unwrap(), Outcome::Applied);
}

#[tokio::test]
async fn a_sync_of_all_organizations_leaves_a_forgotten_one_out() {
    let store = open_store().await;
    let (api, mirror) = of_a_left_organization(&store).await;
    mirror.forget_organization("org_1").await.unwrap();
    api.with(|state| state.directories[0]["enabled"] = json!(true));
    let reports = mirror.sync_all().mode(SyncMode::Full).await.unwrap();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].organization_id, "org_2");
    assert_no_row_has(&store, OWN).await;
    assert!(mirror.events(EventQuery::default()).await.unwrap().iter().all(|event| event.organization_id != "org_1"));
}

#[tokio::test]
async fn a_sync_of_the_organization_mirrors_it_anew() {
    let (api, mirror) = of_a_left_organization(&open_store().await).await;
    mirror.forget_organization("org_1").await.unwrap();
    api.with(|state| state.directories[0]["enabled"] = json!(true));

    let reports = mirror.sync("org_1").await.unwrap();

    assert_eq!(reports[0].outcome, SyncOutcome::Done);
    assert_eq!(reports[0].created, 3);
    assert_eq!(ids_of(&mirror, "org_1").await, [0, 1, 2].map(numbered_user));
    let user = mirror.user(&numbered_user(0)).await.unwrap().unwrap();
    assert_eq!(user.linked_id, None);
    assert_eq!(user.protection, None);
    assert_eq!(read(&mirror).await.iter().filter(|change| change.kind == ChangeKind::UserCreated).count(), 3);
    let data = json!({ "id": numbered_user(0), "email": "new@example.com" });
    let outcome = apply_event(&mirror, "evt_9", USER_UPDATED, "2025-06-20T12:00:00Z", data).await;
    assert_eq!(outcome, Outcome::Applied);
    assert_eq!(mirror.sync_all().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_plan_shows_what_mirroring_the_organization_anew_would_change_and_it_stays_forgotten() {
    let (api, mirror) = of_a_left_organization(&open_store().await).await;
    mirror.forget_organization("org_1").await.unwrap();
    api.with(|state| state.directories[0]["enabled"] = json!(true));
    let plan = mirror.plan("org_1").await.unwrap();
    assert!(plan.counts().contains(&(ChangeKind::UserCreated, 3)), "{:?}", plan.counts());
    assert_eq!(mirror.sync_all().await.unwrap().len(), 1);
}

#[tokio::test]
async fn forgetting_again_changes_nothing() {
    let (api, mirror) = of_a_left_organization(&open_store().await).await;
    let first = mirror.forget_organization("org_1").await.unwrap();
    api.with(|state| state.now += DAY);

    let second = mirror.forget_organization("org_1").await.unwrap();

    assert_eq!(second.id, first.id);
    assert_eq!(second.at, first.at);
    assert!(!second.was_mirrored);
    assert_eq!(counts(&second), [0; 8]);
}

fn counts(erasure: &OrganizationErasure) -> [u64; 8] {
    let OrganizationErasure { directories, users, groups, changes, history, events, parked, runs, .. } = *erasure;
    [directories, users, groups, changes, history, events, parked, runs]
}

#[tokio::test]
async fn an_organization_that_was_never_mirrored_gets_a_tombstone() {
    let store = open_store().await;
    let api = FakeApi::with_users(2);
    let mirror = api.mirror_builder().open_in(Arc::clone(&store)).await.unwrap();
    let erasure = mirror.forget_organization("org_1").await.unwrap();
    assert!(!erasure.was_mirrored);
    assert_eq!(counts(&erasure), [0; 8]);
    mirror.sync_all().await.unwrap();
    assert_no_row_has(&store, OWN).await;
}

#[tokio::test]
async fn a_malformed_organization_id_is_refused() {
    let mirror = FakeApi::default().open_mirror().await;
    for id in ["", "org 1", "org_1\n", "org_ä", &"o".repeat(201)] {
        let error = mirror.forget_organization(id).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{id:?}");
        assert!(error.message().contains("expected the id of an organization"), "{error}");
    }
}

#[tokio::test]
async fn an_interrupted_forgetting_is_completed_by_another_call_the_next_opening_sync_or_trim() {
    for way in ["call", "open", "sync", "trim", "sync of the organization"] {
        let store = open_store().await;
        let (api, mirror) = of_a_left_organization(&store).await;
        // The first write is committed when the future has waited for the store a few times.
        let mut forgetting = Box::pin(mirror.forget_organization("org_1"));
        while store.open_erasures(1).await.unwrap().is_empty() {
            let _ = futures_util::poll!(&mut forgetting);
        }
        drop(forgetting);
        store.released().await.unwrap();
        let why = mirror.explain(&numbered_user(0)).await.unwrap();
        assert_eq!(why.state, UserState::Forgotten);
        assert!(why.outlook[0].contains("has forgotten the user's organization"), "{why}");

        match way {
            "call" => drop(mirror.forget_organization("org_1").await.unwrap()),
            "open" => drop(api.mirror_builder().open_in(Arc::clone(&store)).await.unwrap()),
            "sync" => drop(mirror.sync("org_2").await.unwrap()),
            "trim" => mirror.trim().await.unwrap(),
            _ => drop(mirror.sync("org_1").await.unwrap()),
        }

        assert_eq!(store.open_erasures(1).await.unwrap(), [], "{way}");
        assert_eq!(mirror.explain(&numbered_user(1)).await.unwrap().state, UserState::Unknown);
        if way != "sync of the organization" {
            assert_no_row_has(&store, OWN).await;
        } else {
            let filter =
                UserFilter { removed: true, organization_id: Some("org_1".to_owned()), ..UserFilter::default() };
            assert_eq!(store.users(filter, 0, 10).await.unwrap(), [], "the tombstones are gone");
        }
    }
}

#[tokio::test]
async fn forgetting_waits_for_a_sync_of_the_organization() {
    let store = open_store().await;
    let (_, mirror) = of_a_left_organization(&store).await;
    let lease = store.lease("dir_1".to_owned(), "2025-06-02T12:00:00Z".parse().unwrap(), DAY).await.unwrap().unwrap();
    let mut forgetting = Box::pin(mirror.forget_organization("org_1"));
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut forgetting).await.is_err());
    assert_eq!(store.open_erasures(1).await.unwrap(), []);
    drop(lease);
    assert_eq!(forgetting.await.unwrap().directories, 1);
}

#[tokio::test]
async fn a_copy_and_unbinding_the_environment_keep_the_organization_forgotten() {
    let (api, mirror) = of_a_left_organization(&open_store().await).await;
    mirror.forget_organization("org_1").await.unwrap();
    let store = open_store().await;
    mirror.copy_to_store(Arc::clone(&store)).await.unwrap();
    let copy = api.mirror_builder().open_in(Arc::clone(&store)).await.unwrap();
    copy.unbind_environment().await.unwrap();
    assert_eq!(copy.sync_all().await.unwrap().len(), 1);
    assert_no_row_has(&store, OWN).await;
}

#[tokio::test]
async fn an_organization_of_many_users_and_a_mirror_without_a_history_are_forgotten_as_well() {
    let store = open_store().await;
    let api = FakeApi::with_users(1_234);
    let mirror = api.mirror_builder().open_in(Arc::clone(&store)).await.unwrap();
    mirror.configure(MirrorOptions { history: Some(Duration::ZERO), ..MirrorOptions::default() }).await.unwrap();
    mirror.sync("org_1").await.unwrap();
    retire(&api, &mirror).await;
    let erasure = mirror.forget_organization("org_1").await.unwrap();
    assert_eq!(erasure.users, 1_234);
    assert!(erasure.changes > 2_468, "{erasure:?}");
    assert_eq!(erasure.history, 0);
    assert_no_row_has(&store, OWN).await;
}

#[tokio::test]
async fn erasures_of_users_of_a_forgotten_organization_stay() {
    let store = open_store().await;
    let (api, mirror) = of_a_left_organization(&store).await;
    mirror.erase_user(&numbered_user(0)).await.unwrap();
    mirror.forget_organization("org_1").await.unwrap();
    assert_no_row_has(&store, OWN).await;
    api.with(|state| state.directories[0]["enabled"] = json!(true));
    let reports = mirror.sync("org_1").await.unwrap();
    assert_eq!(reports[0].erased, 1);
    assert_eq!(reports[0].created, 2);
}

#[tokio::test]
async fn an_organization_that_the_api_no_longer_finds_is_forgotten() {
    let store = open_store().await;
    let (api, mirror) = with_two_organizations(&store).await;
    api.with(|state| {
        state.now += DAY;
        state.unknown_organizations = vec!["org_1".to_owned()];
        state.organizations = vec![vec!["org_2".to_owned()]];
    });
    mirror.sync("org_1").await.unwrap();
    mirror.retire("dir_1", "ops@provider.test", "Acme has left").await.unwrap();
    let kinds: Vec<Value> = read(&mirror).await.iter().map(|change| json!(change.kind.name())).collect();
    assert!(kinds.contains(&json!("organization.missing")));
    mirror.forget_organization("org_1").await.unwrap();
    mirror.sync_all().await.unwrap();
    assert_no_row_has(&store, OWN).await;
}
