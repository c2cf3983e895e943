//! Events about users who were listed, and events that cannot be applied.

use crate::api::{FakeApi, USER_UPDATED, apply_event, event, full_sync};
use headcount::mirror::Outcome;
use headcount::{ErrorKind, Mirror};
use serde_json::json;

/// Returns a mirror that has listed one user with `email` and `groups` and has then applied an event about the same user. The event has neither of
/// these fields, and has others that the listing lacks.
async fn mirror_after_a_partial_event() -> Mirror {
    let api = FakeApi::default();
    let groups = json!([{ "id": "dirgroup_1", "display_name": "Crew" }]);
    api.list_users([json!({ "id": "diruser_1", "email": "ada@example.com", "groups": groups })]);
    let mirror = api.synced_mirror().await;
    let data = json!({
        "id": "diruser_1", "title": "Countess", "roles": [{ "role_name": "admin" }], "active": false, "nickname": "",
    });
    let outcome = apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T11:00:00Z", data).await;
    assert_eq!(outcome, Outcome::Applied);
    mirror
}

#[tokio::test]
async fn an_event_changes_only_the_fields_that_it_has() {
    let mirror = mirror_after_a_partial_event().await;
    let user = mirror.user("diruser_1").await.unwrap().unwrap();
    assert_eq!(user.email, "ada@example.com");
    assert_eq!(user.group_ids.len(), 1);
    assert!(!user.active);
    assert_eq!(user.vendor_roles, ["admin"]);
    assert_eq!(user.attributes.unwrap().get(), r#"{"title":"Countess"}"#);
}

#[tokio::test]
async fn a_listing_without_details_leaves_active_as_an_event_set_it() {
    let mirror = mirror_after_a_partial_event().await;
    full_sync(&mirror).await.unwrap();
    assert!(!mirror.user("diruser_1").await.unwrap().unwrap().active);
}

#[tokio::test]
async fn an_event_whose_data_has_a_wrong_type_is_a_verification_error() {
    let mirror = mirror_after_a_partial_event().await;
    let body =
        json!({ "id": "evt_2", "type": USER_UPDATED, "occurred_at": "2025-06-01T11:00:00Z", "data": { "id": 7 } });
    let error = mirror.apply(&event(&body)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WebhookVerification);
}

#[tokio::test]
async fn an_event_that_is_not_about_directories_is_ignored() {
    let mirror = mirror_after_a_partial_event().await;
    let body = json!({ "id": "evt_3", "type": "user.login", "occurred_at": "2025-06-01T11:00:00Z", "data": {} });
    assert_eq!(mirror.apply(&event(&body)).await.unwrap(), Outcome::Ignored);
}
