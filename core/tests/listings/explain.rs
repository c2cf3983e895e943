//! Explanations: why a user has or lost access.

use crate::api::{
    FakeApi, USER_DELETED, USER_UPDATED, apply_deletion, apply_event, event, full_sync, listed_user, numbered_user,
    open_store,
};
use headcount::mirror::{ExplainedChange, Explanation, HoldReason, Outcome, RunOutcome, UserState};
use headcount::{ErrorKind, Mirror};
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);
const GROUP_DELETED: &str = "organization.directory.group_deleted";

/// A user who is in the group `dirgroup_1`.
fn member(number: usize) -> Value {
    let mut user = listed_user(number);
    user["groups"] = json!([{ "id": "dirgroup_1" }]);
    user
}

/// Opens a mirror that has synced `count` members of the group Engineering, which gives the role `developer`. The removal of one user a day is permitted.
async fn mirror_of_members(count: usize) -> (FakeApi, Mirror) {
    let api = FakeApi::default();
    api.with(|state| state.groups = vec![json!({ "id": "dirgroup_1", "display_name": "Engineering" })]);
    api.list_users((0..count).map(member));
    let builder = api.mirror_builder().guard_users(1).guard_share(0.0);
    let mirror = builder.open_in(open_store().await).await.unwrap();
    mirror.set_role_map([("Eng*", "developer")]).await.unwrap();
    full_sync(&mirror).await.unwrap();
    advance(&api, DAY);
    (api, mirror)
}

fn advance(api: &FakeApi, span: Duration) {
    api.with(|state| state.now = state.now.checked_add(span).unwrap());
}

async fn explain(mirror: &Mirror, number: usize) -> Explanation {
    mirror.explain(&numbered_user(number)).await.unwrap()
}

fn last(why: &Explanation) -> &ExplainedChange {
    why.changes.last().unwrap()
}

fn outlook(why: &Explanation) -> String {
    why.outlook.join("\n")
}

#[tokio::test]
async fn a_mirrored_user_is_explained_by_the_groups_and_the_sync() {
    let (_api, mirror) = mirror_of_members(3).await;
    let why = explain(&mirror, 0).await;

    assert_eq!(why.user_id, numbered_user(0));
    assert_eq!(why.state, UserState::Present);
    assert_eq!(why.user, mirror.user(&numbered_user(0)).await.unwrap());
    assert_eq!(why.organization_id.as_deref(), Some("org_1"));
    assert_eq!(why.directory_id.as_deref(), Some("dir_1"));
    assert_eq!(why.removed_at, None);
    assert_eq!(why.roles.len(), 1);
    assert_eq!(why.roles[0].role, "developer");
    assert_eq!(why.roles[0].group_id.as_deref(), Some("dirgroup_1"));
    assert_eq!(why.roles[0].group_name.as_deref(), Some("Engineering"));
    assert_eq!(why.roles[0].entry.as_ref().map(|entry| entry.group.as_str()), Some("Eng*"));
    assert_eq!(why.changes.len(), 1);
    assert_eq!(why.changes[0].entry.kinds, ["user.created", "membership.added", "roles.changed"]);
    let run = why.changes[0].run.as_ref().unwrap();
    assert_eq!(why.changes[0].entry.cause, format!("sync:{}", run.id));
    assert_eq!(run.outcome, RunOutcome::Done);
    assert!(why.is_complete);
    assert!(why.history_since.is_some());
    assert_eq!(why.events, []);
    assert_eq!(why.holds, []);
    assert!(outlook(&why).contains("two readings of the directory's listing lack the user"), "{why}");
}

#[tokio::test]
async fn changes_have_the_event_that_made_them_and_events_without_effect_say_why() {
    let (_api, mirror) = mirror_of_members(3).await;
    let named = |name: &str| json!({ "id": numbered_user(0), "given_name": name });
    apply_event(&mirror, "evt_new", USER_UPDATED, "2025-06-02T12:00:00Z", named("Ada")).await;
    apply_event(&mirror, "evt_old", USER_UPDATED, "2025-06-02T11:00:00Z", named("Augusta")).await;
    let mut foreign = json!({ "id": "evt_foreign", "type": USER_DELETED, "occurred_at": "2025-06-02T12:00:00Z" });
    foreign["organization_id"] = json!("org_2");
    foreign["data"] = json!({ "id": numbered_user(0), "organization_id": "org_2" });
    assert_eq!(mirror.apply(&event(&foreign)).await.unwrap(), Outcome::Foreign);

    let why = explain(&mirror, 0).await;

    assert_eq!(why.changes.len(), 2);
    let event = last(&why).event.as_ref().unwrap();
    assert_eq!(event.id, "evt_new");
    assert_eq!(event.outcome, Some(Outcome::Applied));
    assert_eq!(last(&why).run, None);
    let ids: Vec<&str> = why.events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids, ["evt_foreign", "evt_old"]);
    assert!(why.events[0].why.as_ref().unwrap().contains("another organization"), "{why}");
    assert!(why.events[1].why.as_ref().unwrap().contains("newer information"), "{why}");
    assert!(why.text(false).contains("evt_foreign (organization.directory.user_deleted"), "{why}");
    assert!(why.text(false).contains("of the organization org_2: it is about a row of another"), "{why}");
}

#[tokio::test]
async fn a_removal_that_was_approved_names_the_approval_and_the_sync_of_another_user_the_hold() {
    let (api, mirror) = mirror_of_members(8).await;
    api.list_users((3..8).map(member));
    full_sync(&mirror).await.unwrap_err();

    let held = explain(&mirror, 0).await;
    assert_eq!(held.state, UserState::Present);
    assert_eq!(held.holds.len(), 1);
    assert_eq!(held.holds[0].reason, HoldReason::MassRemoval);
    assert!(outlook(&held).contains(&format!("an approval of {} removes the user", held.holds[0].id)), "{held}");
    assert_eq!(explain(&mirror, 5).await.holds, [], "expected the hold to concern only the users whom it names");

    mirror.approve(&held.holds[0].id, "ops@example.com", "confirmed by IT").await.unwrap();
    let why = explain(&mirror, 0).await;
    assert_eq!(why.state, UserState::Removed);
    assert_eq!(why.user, None);
    assert_eq!(why.removed_at, Some(last(&why).entry.at));
    assert_eq!(why.roles, []);
    assert_eq!(why.holds, []);
    let approval = last(&why).approval.as_ref().unwrap();
    assert_eq!(approval.by, "ops@example.com");
    assert_eq!(approval.note, "confirmed by IT");
    assert!(why.text(true).contains("by ops@example.com: confirmed by IT"), "{}", why.text(true));
    assert!(!why.to_string().contains("ops@"), "{why}");
    assert!(outlook(&why).contains("A sync whose listing names the user adds the user"), "{why}");
}

#[tokio::test]
async fn a_role_whose_loss_is_held_has_no_group() {
    let (api, mirror) = mirror_of_members(8).await;
    api.list_users((0..8).map(listed_user).map(|mut user| {
        user["groups"] = json!([]);
        user
    }));
    full_sync(&mirror).await.unwrap();

    let mut held = Vec::new();
    for number in 0..8 {
        let why = explain(&mirror, number).await;
        held.extend(Some(why).filter(|why| !why.roles.is_empty()));
    }

    assert_eq!(held.len(), 7, "expected one loss of all roles to be permitted");
    assert_eq!(held[0].roles[0].role, "developer");
    assert_eq!(held[0].roles[0].group_id, None);
    assert!(held[0].roles[0].is_held);
    assert_eq!(held[0].holds[0].reason, HoldReason::RoleLoss);
    assert!(held[0].to_string().contains("developer: no group gives it any more, but the guard holds its loss"));
}

#[tokio::test]
async fn a_change_by_an_event_about_a_group_has_that_event() {
    let (_api, mirror) = mirror_of_members(1).await;
    let data = json!({ "id": "dirgroup_1", "directory_id": "dir_1" });
    apply_event(&mirror, "evt_1", GROUP_DELETED, "2025-06-02T12:00:00Z", data).await;
    let why = explain(&mirror, 0).await;
    assert_eq!(last(&why).entry.groups_left, ["dirgroup_1"]);
    assert_eq!(last(&why).event.as_ref().unwrap().event_type.as_deref(), Some(GROUP_DELETED));
    assert!(outlook(&why).contains("The user has no role"), "{why}");
}

#[tokio::test]
async fn a_change_by_the_sync_of_another_directory_has_the_run_of_that_directory() {
    let api = FakeApi::default();
    api.with(|state| {
        state.directories.push(json!({ "id": "dir_2", "organization_id": "org_1", "enabled": true }));
        state.groups = vec![json!({ "id": "dirgroup_1", "display_name": "Engineering", "directory": "dir_2" })];
    });
    api.list_users([member(0)]);
    let mirror = api.open_mirror().await;
    mirror.sync("org_1").await.unwrap();
    mirror.sync("org_1").await.unwrap();
    assert_eq!(mirror.user(&numbered_user(0)).await.unwrap().unwrap().group_ids, ["dirgroup_1"]);
    advance(&api, DAY);
    api.with(|state| state.groups.clear());
    mirror.sync("org_1").directory("dir_2").mode(headcount::mirror::SyncMode::Full).await.unwrap();

    let why = explain(&mirror, 0).await;

    assert_eq!(last(&why).entry.directory_id, "dir_1");
    assert_eq!(last(&why).entry.groups_left, ["dirgroup_1"]);
    assert_eq!(last(&why).run.as_ref().unwrap().directory_id, "dir_2");
}

#[tokio::test]
async fn a_new_role_map_is_a_cause_without_a_record() {
    let (_api, mirror) = mirror_of_members(1).await;
    mirror.set_role_map([("Eng*", "admin")]).await.unwrap();
    let why = explain(&mirror, 0).await;
    assert_eq!(last(&why).entry.cause, "roles");
    assert!(why.to_string().contains("roles developer to admin; by a new role map"), "{why}");
}

#[tokio::test]
async fn a_retired_directory_is_named_by_the_change_and_a_disabled_one_by_its_hold() {
    let (api, mirror) = mirror_of_members(2).await;
    api.with(|state| state.directories[0]["enabled"] = json!(false));
    full_sync(&mirror).await.unwrap();

    let kept = explain(&mirror, 0).await;
    assert_eq!(kept.holds[0].reason, HoldReason::DirectoryDisabled);
    assert!(outlook(&kept).contains("is disabled: its users are kept"), "{kept}");

    mirror.retire("dir_1", "ops@example.com", "the customer has left").await.unwrap();
    let why = explain(&mirror, 0).await;
    assert_eq!(why.state, UserState::Removed);
    assert_eq!(last(&why).retirement.as_ref().unwrap().note, "the customer has left");
    assert!(outlook(&why).contains("no sync adds the user until the directory is enabled again"), "{why}");
}

#[tokio::test]
async fn an_unknown_user_has_no_changes_and_events_about_them_are_listed() {
    let (api, mirror) = mirror_of_members(1).await;
    api.with(|state| {
        state.directories.push(json!({ "id": "dir_2", "organization_id": "org_1", "enabled": true }));
    });
    mirror.sync("org_1").await.unwrap();
    for id in ["diruser_none", "ada@example.com", " ", "\u{1f600}", "a\0b"] {
        let why = mirror.explain(id).await.unwrap();
        assert_eq!(why.state, UserState::Unknown, "{id:?}");
        assert_eq!(why.user_id, id);
        assert_eq!(why.organization_id, None);
        assert_eq!(why.changes, []);
        assert!(!why.is_complete);
        assert!(why.to_string().contains("not known"), "{why}");
    }
    let outcome =
        apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-02T12:00:00Z", json!({ "id": "diruser_new" })).await;
    assert_eq!(outcome, Outcome::Pending);
    let why = mirror.explain("diruser_new").await.unwrap();
    assert_eq!(why.state, UserState::Unknown);
    assert_eq!(why.events[0].outcome, Some(Outcome::Pending));
    assert!(outlook(&why).contains("is pending"), "{why}");
}

#[tokio::test]
async fn an_empty_id_and_one_that_is_too_long_are_refused() {
    let (_api, mirror) = mirror_of_members(1).await;
    for id in ["", &"x".repeat(256)] {
        let error = mirror.explain(id).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{} bytes", id.len());
    }
    assert_eq!(mirror.explain(&"x".repeat(255)).await.unwrap().state, UserState::Unknown);
}

#[tokio::test]
async fn a_user_removed_long_ago_is_explained_by_the_history_with_causes_that_are_no_longer_kept() {
    let (api, mirror) = mirror_of_members(3).await;
    apply_event(&mirror, "evt_1", USER_DELETED, "2025-06-02T12:00:00Z", json!({ "id": numbered_user(0) })).await;
    let before = explain(&mirror, 0).await;
    advance(&api, DAY * 60);
    mirror.trim().await.unwrap();

    let why = explain(&mirror, 0).await;

    assert_eq!(why.state, UserState::Removed);
    assert_eq!(why.removed_at, before.removed_at);
    assert_eq!(why.organization_id.as_deref(), Some("org_1"));
    assert_eq!(why.directory_id.as_deref(), Some("dir_1"));
    assert!(why.is_complete);
    assert!(last(&before).event.is_some());
    assert_eq!(last(&why).event, None);
    assert!(why.to_string().contains("by the event evt_1, whose record is no longer kept"), "{why}");

    advance(&api, DAY * 400);
    mirror.trim().await.unwrap();
    assert_eq!(explain(&mirror, 0).await.state, UserState::Unknown);
}

#[tokio::test]
async fn a_user_who_was_only_deleted_by_an_event_is_removed_without_changes() {
    let (_api, mirror) = mirror_of_members(1).await;
    apply_deletion(&mirror, "evt_1", "diruser_none").await;
    let why = mirror.explain("diruser_none").await.unwrap();
    assert_eq!(why.state, UserState::Removed);
    assert_eq!(why.organization_id.as_deref(), Some("org_1"));
    assert_eq!(why.directory_id, None);
    assert_eq!(why.changes, []);
}

#[tokio::test]
async fn the_newest_thousand_changes_are_returned() {
    let (_api, mirror) = mirror_of_members(1).await;
    for number in 0..1_010 {
        let occurred_at = format!("2025-06-02T12:{:02}:{:02}Z", number / 60, number % 60);
        let data = json!({ "id": numbered_user(0), "given_name": format!("Ada {number}") });
        apply_event(&mirror, &format!("evt_{number}"), USER_UPDATED, &occurred_at, data).await;
    }

    let why = explain(&mirror, 0).await;

    assert_eq!(why.changes.len(), 1_000);
    assert!(!why.is_complete);
    assert_eq!(why.changes[0].event.as_ref().unwrap().id, "evt_10");
    assert_eq!(why.changes[0].entry.before.as_ref().unwrap().get(), r#"{"given_name":"Ada 9"}"#);
    assert_eq!(last(&why).entry.after.as_ref().unwrap().get(), r#"{"given_name":"Ada 1009"}"#);
    assert!(why.to_string().contains("Earlier changes of the user are not listed"));
}

#[tokio::test]
async fn a_mirror_without_a_history_explains_without_changes() {
    let api = FakeApi::with_users(1);
    let mirror = api.mirror_builder().history(Duration::ZERO).open_in(open_store().await).await.unwrap();
    full_sync(&mirror).await.unwrap();
    let why = explain(&mirror, 0).await;
    assert_eq!(why.state, UserState::Present);
    assert_eq!(why.changes, []);
    assert_eq!(why.history_since, None);
    assert!(!why.is_complete);
    assert!(why.to_string().contains("No changes: the mirror keeps no history."), "{why}");
}

#[tokio::test]
async fn the_text_and_the_debug_form_have_no_personal_data_unless_asked() {
    let api = FakeApi::default();
    api.with(|state| state.groups = vec![json!({ "id": "dirgroup_1", "display_name": "Ada's team" })]);
    let person = json!({
        "id": "diruser_1", "email": "ada@example.com", "given_name": "Ada", "family_name": "Lovelace", "preferred_username": "ada@",
        "emails": ["ada@example.com"], "user_detail": { "team": "secret-team" }, "groups": [{ "id": "dirgroup_1" }],
    });
    api.list_users([person.clone(), listed_user(1)]);
    let mirror = api.open_mirror().await;
    mirror.set_role_map([("*", "member")]).await.unwrap();
    full_sync(&mirror).await.unwrap();
    mirror.link("diruser_1", Some("acct_42")).await.unwrap();
    mirror.protect("diruser_1", "Ada is the last admin").await.unwrap();
    advance(&api, DAY);
    let mut renamed = person;
    renamed["family_name"] = json!("King");
    renamed["title"] = json!("Countess");
    apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-02T12:00:00Z", renamed).await;
    api.list_users([listed_user(1)]);
    advance(&api, DAY);
    full_sync(&mirror).await.unwrap_err();

    let present = mirror.explain("diruser_1").await.unwrap();
    mirror.approve(&present.holds[0].id, "Grace", "as Ada asked").await.unwrap();
    let removed = mirror.explain("diruser_1").await.unwrap();

    for why in [&present, &removed] {
        let text = format!("{} {why} {why:?} {why:#?}", why.text(false));
        for part in ["ada@", "Ada", "Lovelace", "King", "Countess", "secret-team", "acct_42", "last admin", "Grace"] {
            assert!(!text.contains(part), "{part} in {text}");
        }
    }
    let personal = present.text(true);
    for part in ["Ada King, ada@example.com, account acct_42", "\"Lovelace\" to \"King\"", "Ada's team", "last admin"] {
        assert!(personal.contains(part), "{part} in {personal}");
    }
    assert!(!personal.contains("secret-team"), "{personal}");
    assert!(removed.text(true).contains("by Grace: as Ada asked"), "{}", removed.text(true));
}

#[tokio::test]
async fn an_explanation_is_read_back_from_its_json_form() {
    let (_api, mirror) = mirror_of_members(1).await;
    let why = explain(&mirror, 0).await;
    let json = serde_json::to_string(&why).unwrap();
    assert_eq!(serde_json::from_str::<Explanation>(&json).unwrap(), why);
}
