//! What `Debug` prints of types that contain data of a person: no address, name or detail.

use crate::api::{FakeApi, USER_UPDATED, event};
use headcount::model::User;
use headcount::store::UserFilter;
use serde_json::json;
use std::fmt::Debug;

/// Asserts that the `Debug` text of a value has no part of Ada's address, names and details.
fn assert_hides_ada(value: &impl Debug) {
    let text = format!("{value:?} {value:#?}");
    for part in ["ada@", "Ada", "Lovelace", "secret-team"] {
        assert!(!text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn debug_of_a_person_shows_neither_address_nor_names_nor_details() {
    let api = FakeApi::with_users(0);
    let person = json!({
        "id": "diruser_1", "email": "ada@example.com", "given_name": "Ada", "family_name": "Lovelace",
        "preferred_username": "ada@", "emails": ["ada@example.com"], "user_detail": { "team": "secret-team" },
    });
    api.list_users([person.clone()]);
    let mirror = api.synced_mirror().await;
    let changes = mirror.poll("app", 100).await.unwrap();
    let user = mirror.user("diruser_1").await.unwrap().unwrap();
    assert_eq!(user.email, "ada@example.com");

    assert!(changes.iter().any(|change| change.after.is_some()));
    assert_hides_ada(&changes);
    assert_hides_ada(&user);
    assert_hides_ada(&serde_json::from_value::<User>(person.clone()).unwrap());
    let event = event(&json!({
        "spec_version": "1", "id": "evt_1", "type": USER_UPDATED, "occurred_at": "2025-06-01T12:00:00Z", "organization_id": "org_1",
        "data": person,
    }));
    assert_hides_ada(&event);
    assert_hides_ada(&event.data());
    assert_hides_ada(&event.decode().unwrap());
    assert_hides_ada(&UserFilter { email: Some("ada@example.com".to_owned()), ..UserFilter::default() });
}
