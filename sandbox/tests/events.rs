//! `event_body`: the library verifies and decodes every body as the type that was asked for.
#![allow(clippy::unwrap_used, reason = "a test")]

use headcount::events::{EventData, EventType};
use headcount::system::{Clock, Random, SystemClock};
use headcount::{Event, Timestamp, Webhook};
use headcount_sandbox::{EventOverrides, event_body, event_body_from, event_types};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Signs a body, verifies it and returns the event.
fn verified(body: &str) -> Event {
    let webhook = Webhook::new(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]).unwrap();
    webhook.verify(&webhook.sign(body.as_bytes(), None, None).unwrap(), body.as_bytes()).unwrap()
}

fn overrides(json: Value) -> EventOverrides {
    EventOverrides::from_json(&json.to_string()).unwrap()
}

fn data(event: &Event) -> Value {
    event.data().decode().unwrap()
}

#[test]
fn a_body_of_every_type_is_verified_and_decoded() {
    let contract: Value = serde_json::from_str(include_str!("../../tests/contract/webhook-events.json")).unwrap();
    let contract: BTreeSet<_> = contract.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(event_types().collect::<BTreeSet<_>>(), contract);
    assert_eq!(contract.len(), 41);
    let mut ids = BTreeSet::new();
    for type_ in event_types() {
        let before = SystemClock.now();
        let event = verified(&event_body(type_, &EventOverrides::default()).unwrap());
        assert_eq!(event.type_(), type_);
        assert!(!matches!(event.event_type(), EventType::Other(_)), "{type_}");
        assert!(!matches!(event.decode().unwrap(), EventData::Unknown(_)), "{type_}");
        assert!((before..=SystemClock.now()).contains(&event.occurred_at()), "{type_}");
        assert!(event.id().starts_with("evt_") && event.id().len() == 21, "{}", event.id());
        assert!(!event.object().is_empty(), "{type_}");
        assert!(ids.insert(event.id().to_owned()), "{type_}");
    }
}

#[test]
fn overrides_replace_the_values_of_the_example() {
    let given = overrides(json!({
        "id": "evt_1", "occurred_at": "2025-01-06T18:44:25.153954001Z", "organization_id": "org_7", "environment_id": "env_7",
        "data": { "email": "ada@example.com", "title": null, "groups": [] },
    }));
    let event = verified(&event_body("organization.directory.user_created", &given).unwrap());
    assert_eq!(event.id(), "evt_1");
    assert_eq!(event.occurred_at().to_string(), "2025-01-06T18:44:25.153954001Z");
    assert_eq!(event.organization_id(), "org_7");
    assert_eq!(event.environment_id(), "env_7");
    let data = data(&event);
    assert_eq!(data["email"], "ada@example.com");
    assert_eq!(data["groups"], json!([]));
    assert_eq!(data["organization_id"], "org_7");
    assert_eq!(data.as_object().unwrap().get("title"), Some(&Value::Null));
    assert!(data["given_name"].is_string());
}

#[test]
fn ids_of_the_envelope_are_replaced_in_the_data() {
    let given = overrides(json!({ "organization_id": "org_7", "environment_id": "env_7" }));
    for (type_, pointers) in [
        ("organization.created", &["/id"][..]),
        ("organization.domain_created", &["/organization_id"]),
        ("organization.directory_enabled", &["/organization_id"]),
        ("organization.directory.user_deleted", &["/organization_id"]),
        ("user.signup", &["/organization/id"]),
        ("user.login", &["/user_session/organization_id", "/user_session/authenticated_organizations/0"]),
    ] {
        let event = verified(&event_body(type_, &given).unwrap());
        for pointer in pointers {
            assert_eq!(data(&event).pointer(pointer), Some(&json!("org_7")), "{type_}{pointer}");
        }
    }
    let event = verified(&event_body("organization.domain_created", &given).unwrap());
    assert_eq!(data(&event)["environment_id"], "env_7");
}

#[test]
fn the_directory_and_the_groups_of_the_caller_replace_those_of_the_example() {
    let given = overrides(json!({
        "organization_id": "org_7", "directory_id": "dir_7", "groups": ["dirgroup_7", { "id": "dirgroup_8", "name": "Sales" }],
    }));
    let made = |type_: &str| data(&verified(&event_body(type_, &given).unwrap()));
    let user = made("organization.directory.user_created");
    assert_eq!(user["directory_id"], "dir_7");
    assert_eq!(
        user["groups"],
        json!([{ "id": "dirgroup_7", "name": "dirgroup_7" }, { "id": "dirgroup_8", "name": "Sales" }])
    );
    assert_eq!(made("organization.directory.group_created")["directory_id"], "dir_7");
    assert_eq!(made("organization.directory_enabled")["id"], "dir_7");
    assert_eq!(made("role.created").get("directory_id"), None);
    let given = overrides(json!({ "organization_id": "org_7" }));
    let user = data(&verified(&event_body("organization.directory.user_created", &given).unwrap()));
    assert_eq!(user["groups"], json!([]), "the example's groups are not of this organization");
}

#[test]
fn an_organization_can_be_set_in_an_event_that_has_none() {
    let given = overrides(json!({ "organization_id": "org_7" }));
    assert_eq!(verified(&event_body("role.created", &EventOverrides::default()).unwrap()).organization_id(), "");
    assert_eq!(verified(&event_body("role.created", &given).unwrap()).organization_id(), "org_7");
}

#[test]
fn ids_in_the_data_of_the_caller_are_not_replaced() {
    let given = overrides(json!({ "organization_id": "org_7", "data": { "organization_id": "org_8" } }));
    assert_eq!(data(&verified(&event_body("organization.sso_created", &given).unwrap()))["organization_id"], "org_8");
}

#[test]
fn the_vendors_older_type_names_stay_in_the_body() {
    let body = event_body("scalekit.dir.user.create", &EventOverrides::default()).unwrap();
    assert!(body.contains("scalekit.dir.user.create"));
    let event = verified(&body);
    assert_eq!(event.type_(), "organization.directory.user_created");
    assert!(matches!(event.decode().unwrap(), EventData::DirectoryUser(_)));
}

#[test]
fn an_unknown_type_needs_data() {
    let error = event_body("directory.user.promoted", &EventOverrides::default()).unwrap_err();
    assert_eq!(error.status(), 400);
    assert!(error.to_string().contains("directory.user.promoted") && error.to_string().contains("`data`"), "{error}");
    let given = overrides(json!({ "organization_id": "org_7", "data": { "to": "boss" } }));
    let event = verified(&event_body("directory.user.promoted", &given).unwrap());
    assert_eq!(event.type_(), "directory.user.promoted");
    assert_eq!(event.organization_id(), "org_7");
    assert_eq!(data(&event), json!({ "to": "boss" }));
}

#[test]
fn malformed_overrides_are_refused() {
    for text in ["", "[]", "7", r#"{"organisation_id":"org_7"}"#, r#"{"data":[]}"#, r#"{"occurred_at":"yesterday"}"#] {
        let error = EventOverrides::from_json(text).unwrap_err();
        assert_eq!(error.status(), 400, "{text}");
        assert!(error.to_string().starts_with("overrides: "), "{error}");
    }
}

#[test]
fn an_empty_type_or_id_is_refused() {
    for (type_, given) in [("", json!({})), ("role.created", json!({ "id": "" }))] {
        assert_eq!(event_body(type_, &overrides(given)).unwrap_err().status(), 400);
    }
}

#[test]
fn the_same_clock_and_random_source_give_the_same_body() {
    struct Seven;
    impl Random for Seven {
        fn bits(&self) -> u64 {
            7
        }
    }
    let body = || event_body_from("role.created", &EventOverrides::default(), &Timestamp::UNIX_EPOCH, &Seven).unwrap();
    let event = verified(&body());
    assert_eq!(event.id(), "evt_10000000000000007");
    assert_eq!(event.occurred_at(), Timestamp::UNIX_EPOCH);
    assert_eq!(body(), body());
}
