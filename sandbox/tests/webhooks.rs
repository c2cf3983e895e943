//! Webhooks: a signed event for every change, in the contract's form, sent again until the endpoint accepts it.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Endpoint, Rest, assert_conforms, contract, until};
use headcount_sandbox::{DeliveryState, NewGroup, NewUser, Sandbox, UserChange};
use reqwest::Method;
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test]
async fn every_change_sends_an_event_that_conforms_to_the_contract() {
    let sandbox = Sandbox::builder().start().unwrap();
    let endpoint = Endpoint::start(&sandbox, 0).await;
    let rest = Rest::new(&sandbox).await;
    let (org, dir) = (sandbox.organization_id(), sandbox.directory_id());

    // Waits after each change, because deliveries of different events may arrive in another order.
    let mut sent = 0;
    let mut next = async || {
        sent += 1;
        until("one more event", || endpoint.events.lock().unwrap().len() == sent).await;
    };
    let new = NewUser {
        email: "ada@example.com".into(),
        given_name: "Ada".into(),
        groups: vec!["Engineering".into()],
        ..NewUser::default()
    };
    let ada = sandbox.create_user(new).unwrap();
    next().await;
    let group = sandbox.create_group(NewGroup { display_name: "Pilots".into(), ..NewGroup::default() }).unwrap();
    next().await;
    sandbox.add_member(&group.id, &ada.id).unwrap();
    next().await;
    sandbox.remove_member(&group.id, &ada.id).unwrap();
    next().await;
    sandbox.update_user(&ada.id, UserChange { family_name: Some("King".into()), ..UserChange::default() }).unwrap();
    next().await;
    sandbox.update_group(&group.id, "Aviators").unwrap();
    next().await;
    sandbox.delete_group(&group.id).unwrap();
    next().await;
    sandbox.delete_user(&ada.id).unwrap();
    next().await;
    for path in [
        format!("/api/v1/organizations/{org}/directories/{dir}:disable"),
        format!("/api/v1/organizations/{org}/directories/{dir}:enable"),
    ] {
        rest.call(Method::PATCH, &path, None, 200).await;
        next().await;
    }
    let made = rest.call(Method::POST, "/api/v1/organizations", Some(json!({ "display_name": "New" })), 201).await;
    next().await;
    let path = format!("/api/v1/organizations/{}", made["organization"]["id"].as_str().unwrap());
    rest.call(Method::PATCH, &path, Some(json!({ "display_name": "Newer" })), 200).await;
    next().await;
    rest.call(Method::DELETE, &path, None, 200).await;
    next().await;

    let expected = [
        ("organization.directory.user_created", "DirectoryUserCreatedEvent"),
        ("organization.directory.group_created", "DirectoryGroupCreatedEvent"),
        ("organization.directory.user_updated", "DirectoryUserUpdatedEvent"),
        ("organization.directory.user_updated", "DirectoryUserUpdatedEvent"),
        ("organization.directory.user_updated", "DirectoryUserUpdatedEvent"),
        ("organization.directory.group_updated", "DirectoryGroupUpdatedEvent"),
        ("organization.directory.group_deleted", "DirectoryGroupDeletedEvent"),
        ("organization.directory.user_deleted", "DirectoryUserDeletedEvent"),
        ("organization.directory_disabled", "OrganizationDirectoryDisabledEvent"),
        ("organization.directory_enabled", "OrganizationDirectoryEnabledEvent"),
        ("organization.created", "OrganizationCreatedEvent"),
        ("organization.updated", "OrganizationUpdatedEvent"),
        ("organization.deleted", "OrganizationDeletedEvent"),
    ];
    assert_eq!(endpoint.types(), expected.map(|(type_, _)| type_));
    let contract = contract();
    for ((_, event), (_, schema)) in endpoint.events.lock().unwrap().iter().zip(expected) {
        assert_conforms(&contract, schema, event);
    }
    let groups = |index: usize| endpoint.events.lock().unwrap()[index].1["data"]["groups"].as_array().unwrap().len();
    assert_eq!([groups(0), groups(2), groups(3)], [1, 2, 1]);
}

#[tokio::test]
async fn a_failed_delivery_is_retried_on_the_vendors_schedule() {
    let sandbox = Sandbox::builder().start().unwrap();
    let endpoint = Endpoint::start(&sandbox, 7).await;
    sandbox.create_user(NewUser { email: "ada@example.com".into(), ..NewUser::default() }).unwrap();
    for (attempt, wait) in [0, 5, 300, 1800, 7200, 18000, 36000, 36000].into_iter().enumerate() {
        if attempt > 0 {
            assert_eq!(sandbox.deliveries()[0].attempts.len(), attempt);
            // Two seconds before it is due, the next attempt has not been made.
            sandbox.advance(Duration::from_secs(wait - 2));
            assert_eq!(sandbox.deliveries()[0].state, DeliveryState::Pending);
            assert_eq!(endpoint.requests.load(Ordering::SeqCst), attempt);
            sandbox.advance(Duration::from_secs(2));
        }
        until("another attempt", || {
            let delivery = &sandbox.deliveries()[0];
            delivery.attempts.len() == attempt + 1 && delivery.state != DeliveryState::Sending
        })
        .await;
    }
    let delivery = &sandbox.deliveries()[0];
    assert_eq!(delivery.state, DeliveryState::Delivered);
    assert_eq!(delivery.next_attempt_at, None);
    let statuses: Vec<_> = delivery.attempts.iter().map(|attempt| attempt.status.unwrap()).collect();
    assert_eq!(statuses, [500, 500, 500, 500, 500, 500, 500, 201]);
    assert_eq!(endpoint.events.lock().unwrap()[0].0, delivery.message_id);
}

#[tokio::test]
async fn a_delivery_fails_after_the_last_attempt() {
    let sandbox = Sandbox::builder().start().unwrap();
    sandbox.register_endpoint("http://127.0.0.1:9/hook").unwrap();
    sandbox.create_user(NewUser { email: "ada@example.com".into(), ..NewUser::default() }).unwrap();
    for attempt in 1..=8 {
        until("another attempt", || {
            let delivery = &sandbox.deliveries()[0];
            delivery.attempts.len() == attempt && delivery.state != DeliveryState::Sending
        })
        .await;
        sandbox.advance(Duration::from_secs(10 * 3600));
    }
    let delivery = &sandbox.deliveries()[0];
    assert_eq!(delivery.state, DeliveryState::Failed);
    assert!(delivery.attempts.iter().all(|attempt| attempt.status.is_none() && attempt.error.is_some()));
}

#[tokio::test]
async fn the_control_api_makes_the_changes_that_the_handle_makes() {
    let sandbox = Sandbox::builder().start().unwrap();
    let rest = Rest::new(&sandbox).await;
    let endpoint = Endpoint::start(&sandbox, 1).await;
    rest.call(Method::POST, "/sandbox/endpoints", Some(json!({ "url": endpoint.url })), 204).await;
    let user = json!({ "email": "ada@example.com", "given_name": "Ada", "groups": ["Sales"] });
    let ada = rest.call(Method::POST, "/sandbox/users", Some(user), 201).await;
    let id = ada["id"].as_str().unwrap();
    assert_eq!(ada["groups"][0]["display_name"], "Sales");
    until("the first attempt", || sandbox.deliveries()[0].attempts.len() == 1).await;
    rest.call(Method::POST, "/sandbox/advance", Some(json!({ "by": "5s" })), 200).await;
    until("the second attempt", || endpoint.types().len() == 1).await;
    let deliveries = rest.get("/sandbox/deliveries").await;
    assert_eq!(
        deliveries["deliveries"].as_array().unwrap().len(),
        1,
        "an endpoint that is registered twice gets an event once"
    );
    let changed = rest
        .call(
            Method::PATCH,
            &format!("/sandbox/users/{id}"),
            Some(json!({ "active": false, "email": "a@b.example" })),
            200,
        )
        .await;
    assert_eq!(changed["email"], "a@b.example");
    let group = rest.call(Method::POST, "/sandbox/groups", Some(json!({ "display_name": "Pilots" })), 201).await;
    let group = group["id"].as_str().unwrap();
    rest.call(Method::PATCH, &format!("/sandbox/groups/{group}"), Some(json!({ "display_name": "Aviators" })), 200)
        .await;
    rest.call(Method::PUT, &format!("/sandbox/groups/{group}/members/{id}"), None, 204).await;
    rest.call(Method::DELETE, &format!("/sandbox/groups/{group}/members/{id}"), None, 204).await;
    rest.call(Method::DELETE, &format!("/sandbox/groups/{group}"), None, 204).await;
    rest.call(Method::DELETE, &format!("/sandbox/users/{id}"), None, 204).await;
    rest.call(Method::DELETE, &format!("/sandbox/users/{id}"), None, 404).await;
}

#[tokio::test]
async fn the_control_api_names_the_field_it_refuses() {
    let sandbox = Sandbox::builder().start().unwrap();
    let rest = Rest::new(&sandbox).await;
    let made = sandbox.create_user(NewUser { email: "ada@example.com".to_owned(), ..NewUser::default() }).unwrap();
    let user = format!("/sandbox/users/{}", made.id);
    let made = sandbox.create_group(NewGroup { display_name: "Pilots".to_owned(), ..NewGroup::default() }).unwrap();
    let group = format!("/sandbox/groups/{}", made.id);
    for (method, path, body, message) in [
        (Method::POST, "/sandbox/users", json!({ "email": "nobody" }), "email: expected an address"),
        (
            Method::POST,
            "/sandbox/users",
            json!({ "email": "a@b", "groups": ["Nowhere"] }),
            "groups: there is no group \"Nowhere\"",
        ),
        (Method::PATCH, user.as_str(), json!({ "email": "nobody" }), "email: expected an address"),
        (Method::PATCH, &user, json!({ "email": "" }), "email: expected an address"),
        (Method::POST, "/sandbox/groups", json!({ "display_name": "" }), "display_name: expected a name"),
        (Method::PATCH, &group, json!({ "display_name": "" }), "display_name: expected a name"),
        (Method::POST, "/sandbox/users", json!({ "mail": "a@b" }), "unknown field `mail`"),
        (Method::POST, "/sandbox/users", json!({ "email": 7 }), "email: invalid type"),
        (Method::POST, "/sandbox/users", json!(["a@b"]), "expected a JSON object"),
        (Method::POST, "/sandbox/endpoints", json!({}), "missing field `url`"),
        (Method::POST, "/sandbox/advance", json!({ "by": "6 weeks" }), "by: expected a time such as"),
        (Method::PUT, "/sandbox/fault", json!({ "evry": 1 }), "unknown field `evry`"),
    ] {
        let error = rest.call(method, path, Some(body), 400).await;
        let text = error["message"].as_str().unwrap();
        assert!(text.starts_with(message), "{text}");
    }
}
