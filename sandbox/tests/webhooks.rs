//! What happens is told: signed, in the contract's shapes, and again until it is accepted.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Endpoint, Rest, conforms, contract, until};
use headcount_sandbox::{DeliveryState, NewGroup, NewUser, Sandbox, UserChange};
use reqwest::Method;
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test]
async fn every_change_is_told_in_the_contracts_shape() {
    let sandbox = Sandbox::builder().start().unwrap();
    let endpoint = Endpoint::start(&sandbox, 0).await;
    let rest = Rest::new(&sandbox).await;
    let (org, dir) = (sandbox.organization_id(), sandbox.directory_id());

    // One after the other: deliveries of different events may overtake each other.
    let mut told = 0;
    let mut next = async || {
        told += 1;
        until("one more event", || endpoint.events.lock().unwrap().len() == told).await;
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

    let kinds = [
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
    assert_eq!(endpoint.kinds(), kinds.map(|(kind, _)| kind));
    let contract = contract();
    for ((_, event), (_, schema)) in endpoint.events.lock().unwrap().iter().zip(kinds) {
        conforms(&contract, schema, event);
    }
    let groups = |index: usize| endpoint.events.lock().unwrap()[index].1["data"]["groups"].as_array().unwrap().len();
    assert_eq!([groups(0), groups(2), groups(3)], [1, 2, 1]);
}

#[tokio::test]
async fn a_failed_delivery_comes_again_on_the_vendors_schedule() {
    let sandbox = Sandbox::builder().start().unwrap();
    let endpoint = Endpoint::start(&sandbox, 7).await;
    sandbox.create_user(NewUser { email: "ada@example.com".into(), ..NewUser::default() }).unwrap();
    for (attempt, wait) in [0, 5, 300, 1800, 7200, 18000, 36000, 36000].into_iter().enumerate() {
        if attempt > 0 {
            assert_eq!(sandbox.deliveries()[0].attempts.len(), attempt);
            // Two seconds short of it nothing happens; then it falls due.
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
    assert_eq!((delivery.state, delivery.next_attempt_at), (DeliveryState::Delivered, None));
    let statuses: Vec<_> = delivery.attempts.iter().map(|attempt| attempt.status.unwrap()).collect();
    assert_eq!(statuses, [500, 500, 500, 500, 500, 500, 500, 201]);
    assert_eq!(endpoint.events.lock().unwrap()[0].0, delivery.message_id);
}

#[tokio::test]
async fn after_the_last_attempt_it_is_given_up() {
    let sandbox = Sandbox::builder().start().unwrap();
    sandbox.register_endpoint("http://127.0.0.1:9/nobody");
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
async fn the_control_calls_do_the_same_over_http() {
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
    until("the second attempt", || endpoint.kinds().len() == 1).await;
    let deliveries = rest.get("/sandbox/deliveries").await;
    assert_eq!(deliveries["deliveries"].as_array().unwrap().len(), 1, "an endpoint that is registered twice is one");
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
    rest.call(Method::POST, "/sandbox/users", Some(json!({ "email": "nobody" })), 400).await;
    rest.call(Method::POST, "/sandbox/users", Some(json!({ "email": "a@b", "groups": ["Nowhere"] })), 400).await;
    rest.call(Method::POST, "/sandbox/users", Some(json!({ "mail": "a@b" })), 400).await;
}
