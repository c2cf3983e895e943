//! The control API: what it lists, and the calls that a page of the sandbox uses as well.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Endpoint, Rest, until};
use headcount_sandbox::{Attempt, Delivery, DeliveryState, NewUser, Sandbox, UserChange};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

async fn start(users: usize) -> (Sandbox, Rest) {
    let sandbox = Sandbox::builder().users(users).groups(2).start().unwrap();
    let rest = Rest::new(&sandbox).await;
    (sandbox, rest)
}

fn user(email: &str) -> NewUser {
    NewUser { email: email.to_owned(), ..NewUser::default() }
}

/// Waits until the newest delivery is in this state, and returns it.
async fn settled(sandbox: &Sandbox, state: DeliveryState) -> Delivery {
    until("the delivery's state", || sandbox.deliveries().last().is_some_and(|delivery| delivery.state == state)).await;
    sandbox.deliveries().pop().unwrap()
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    &headers.iter().find(|(other, _)| other == name).unwrap().1
}

// ---- directories, users and groups -------------------------------------------------------------------------------------------

#[tokio::test]
async fn directories_users_and_groups_are_listed() {
    let (sandbox, rest) = start(7).await;
    let directory = sandbox.directory_id();
    let listed = rest.get("/sandbox/directories").await;
    assert_eq!(listed["directories"][0]["id"], directory);
    assert_eq!(listed["directories"][0]["organization_id"], sandbox.organization_id());
    assert_eq!(listed["directories"][0]["organization_name"], "Acme");
    assert_eq!(listed["directories"][0]["enabled"], true);
    assert_eq!(listed["directories"][0]["users"], 7);
    assert_eq!(listed["directories"][0]["groups"], 2);

    let users = format!("/sandbox/directories/{directory}/users");
    let page = rest.get(&format!("{users}?offset=5&limit=10")).await;
    assert_eq!(page["total"], 7);
    assert_eq!(page["users"].as_array().unwrap().len(), 2);
    let ada = sandbox.create_user(NewUser { groups: vec!["Sales".to_owned()], ..user("ADA@example.com") }).unwrap();
    let found = rest.get(&format!("{users}?search=ada%40EXAMPLE.com")).await;
    assert_eq!(found["total"], 1);
    assert_eq!(found["users"][0]["id"], ada.id);
    assert_eq!(found["users"][0]["groups"][0]["display_name"], "Sales");
    assert_eq!(rest.get(&format!("/sandbox/users/{}", ada.id)).await, found["users"][0]);

    let groups = rest.get(&format!("/sandbox/directories/{directory}/groups")).await;
    let sales = groups["groups"].as_array().unwrap().iter().find(|group| group["display_name"] == "Sales").unwrap();
    assert!(sales["members"].as_u64().unwrap() > 0);
    assert_eq!(&rest.get(&format!("/sandbox/groups/{}", sales["id"].as_str().unwrap())).await, sales);
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let (_sandbox, rest) = start(1).await;
    for path in [
        "/sandbox/directories/dir_0/users",
        "/sandbox/directories/dir_0/groups",
        "/sandbox/users/diruser_0",
        "/sandbox/groups/dirgroup_0",
        "/sandbox/deliveries/msg_0",
    ] {
        rest.refused(path, 404).await;
    }
    rest.call(Method::POST, "/sandbox/deliveries/msg_0/again", None, 404).await;
    rest.call(Method::DELETE, "/sandbox/endpoints?url=http%3A%2F%2F127.0.0.1%3A9%2F", None, 404).await;
    rest.call(Method::POST, "/sandbox/directories/dir_0/leave", Some(json!({ "percent": 1 })), 404).await;
}

#[tokio::test]
async fn a_malformed_listing_is_refused() {
    let (sandbox, rest) = start(1).await;
    let users = format!("/sandbox/directories/{}/users", sandbox.directory_id());
    rest.refused(&format!("{users}?limit=-1"), 400).await;
    rest.refused(&format!("{users}?serach=ada"), 400).await;
}

#[tokio::test]
async fn a_title_is_changed_and_its_event_has_it() {
    let (sandbox, rest) = start(1).await;
    let endpoint = Endpoint::start(&sandbox, 0).await;
    let body = json!({ "email": "ada@example.com", "title": "Analyst" });
    let ada = rest.call(Method::POST, "/sandbox/users", Some(body), 201).await;
    let path = format!("/sandbox/users/{}", ada["id"].as_str().unwrap());
    assert_eq!(rest.get(&path).await["title"], "Analyst");
    rest.call(Method::PATCH, &path, Some(json!({ "title": "Countess" })), 200).await;
    assert_eq!(rest.get(&path).await["title"], "Countess");
    until("both events", || endpoint.events.lock().unwrap().len() == 2).await;
    let titles: Vec<Value> =
        endpoint.events.lock().unwrap().iter().map(|(_, event)| event["data"]["title"].clone()).collect();
    assert!(titles.contains(&json!("Analyst")) && titles.contains(&json!("Countess")), "{titles:?}");
}

#[tokio::test]
async fn a_part_of_a_directorys_users_leaves_at_once() {
    let (sandbox, rest) = start(7).await;
    let endpoint = Endpoint::start(&sandbox, 0).await;
    let directory = sandbox.directory_id();
    let leave = format!("/sandbox/directories/{directory}/leave");
    let left = rest.call(Method::POST, &leave, Some(json!({ "percent": 30 })), 200).await;
    // 2.1 of 7, rounded up.
    assert_eq!(left["users"].as_array().unwrap().len(), 3);
    assert_eq!(rest.get("/sandbox/directories").await["directories"][0]["users"], 4);
    until("three events", || endpoint.events.lock().unwrap().len() == 3).await;
    assert_eq!(endpoint.types(), ["organization.directory.user_deleted"; 3]);
    rest.refused(&format!("/sandbox/users/{}", left["users"][0].as_str().unwrap()), 404).await;
    assert_eq!(sandbox.mass_leave(directory, 100).unwrap().len(), 4);
    for percent in [0, 101] {
        let error = rest.call(Method::POST, &leave, Some(json!({ "percent": percent })), 400).await;
        assert_eq!(error["message"], "percent: expected a number from 1 to 100");
    }
}

// ---- webhooks ----------------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn endpoints_are_listed_and_removed_one_by_one() {
    let (sandbox, rest) = start(1).await;
    for url in ["http://127.0.0.1:9/a", "http://127.0.0.1:9/b?x=1&y=2"] {
        sandbox.register_endpoint(url).unwrap();
    }
    rest.call(Method::DELETE, "/sandbox/endpoints?url=http%3A%2F%2F127.0.0.1%3A9%2Fa", None, 204).await;
    assert_eq!(rest.get("/sandbox/endpoints").await, json!({ "endpoints": ["http://127.0.0.1:9/b?x=1&y=2"] }));
    rest.call(Method::DELETE, "/sandbox/endpoints", None, 204).await;
    assert_eq!(rest.get("/sandbox/endpoints").await, json!({ "endpoints": [] }));
}

#[tokio::test]
async fn an_attempt_has_the_headers_that_were_sent_and_the_response() {
    let (sandbox, rest) = start(1).await;
    let _endpoint = Endpoint::start(&sandbox, 1).await;
    sandbox.create_user(user("ada@example.com")).unwrap();
    until("an attempt", || !sandbox.deliveries()[0].attempts.is_empty()).await;
    let delivery = &sandbox.deliveries()[0];
    let Attempt { status, request_headers, response_headers, response_body, is_body_cut, .. } = &delivery.attempts[0];
    assert_eq!(*status, Some(500));
    assert_eq!(header(request_headers, "webhook-id"), delivery.message_id);
    assert_eq!(header(request_headers, "content-type"), "application/json");
    let pairs = request_headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let headers: axum::http::HeaderMap = pairs.collect();
    let webhook = headcount::Webhook::new([sandbox.webhook_secret()]).unwrap();
    assert!(webhook.verify(&headers, delivery.body.as_bytes()).is_ok());
    assert_eq!(header(response_headers, "content-length"), "0");
    assert_eq!(response_body, "");
    assert!(!is_body_cut);
    let listed = rest.get(&format!("/sandbox/deliveries/{}", delivery.message_id)).await;
    assert_eq!(listed["attempts"][0]["request_headers"][0], json!(["content-type", "application/json"]));
    assert!(listed["created_at"].is_string());
}

#[tokio::test]
async fn a_long_body_of_a_response_is_cut_and_one_that_does_not_end_is_not_waited_for() {
    let (sandbox, _rest) = start(1).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new()
        .route("/long", axum::routing::post(async || "é".repeat(10_000)))
        .route("/short", axum::routing::post(async || (axum::http::StatusCode::ACCEPTED, "<b>taken</b>")));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    sandbox.register_endpoint(&format!("http://{address}/long")).unwrap();
    sandbox.create_user(user("ada@example.com")).unwrap();
    let long = settled(&sandbox, DeliveryState::Delivered).await;
    assert_eq!(long.attempts[0].response_body, "é".repeat(2_048));
    assert!(long.attempts[0].is_body_cut);

    sandbox.register_endpoint(&format!("http://{address}/short")).unwrap();
    sandbox.create_user(user("grace@example.com")).unwrap();
    let short = settled(&sandbox, DeliveryState::Delivered).await;
    assert_eq!(short.attempts[0].status, Some(202));
    assert_eq!(short.attempts[0].response_body, "<b>taken</b>");
    assert!(!short.attempts[0].is_body_cut);

    // The status is known although the body never comes.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    sandbox.register_endpoint(&format!("http://{}/", silent.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = silent.accept().await.unwrap();
        // A response that comes before the request is an error of the connection.
        tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 4096]).await.unwrap();
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut stream, head).await.unwrap();
        std::future::pending::<()>().await;
    });
    sandbox.create_user(user("alan@example.com")).unwrap();
    let silent = settled(&sandbox, DeliveryState::Delivered).await;
    assert_eq!(silent.attempts[0].status, Some(200));
    assert!(silent.attempts[0].is_body_cut);
}

#[tokio::test]
async fn a_delivery_is_sent_again_with_the_same_id_and_a_new_signature() {
    let (sandbox, rest) = start(1).await;
    let endpoint = Endpoint::start(&sandbox, 0).await;
    sandbox.create_user(user("ada@example.com")).unwrap();
    let delivery = settled(&sandbox, DeliveryState::Delivered).await;
    let again = format!("/sandbox/deliveries/{}/again", delivery.message_id);
    rest.call(Method::POST, &again, None, 204).await;
    until("the second attempt", || sandbox.deliveries()[0].attempts.len() == 2).await;
    let sent: Vec<String> = endpoint.events.lock().unwrap().iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(sent, [delivery.message_id.as_str(), &delivery.message_id]);
    assert_eq!(sandbox.deliveries()[0].state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_delivery_that_has_failed_for_good_is_sent_again_once() {
    let (sandbox, _rest) = start(1).await;
    let endpoint = Endpoint::start(&sandbox, 9).await;
    sandbox.create_user(user("ada@example.com")).unwrap();
    for attempt in 1..=8 {
        until("another attempt", || {
            let delivery = &sandbox.deliveries()[0];
            delivery.attempts.len() == attempt && delivery.state != DeliveryState::Sending
        })
        .await;
        sandbox.advance(Duration::from_secs(10 * 3600));
    }
    let id = settled(&sandbox, DeliveryState::Failed).await.message_id;
    sandbox.send_again(&id).unwrap();
    until("the ninth attempt", || sandbox.deliveries()[0].attempts.len() == 9).await;
    assert_eq!(settled(&sandbox, DeliveryState::Failed).await.next_attempt_at, None);
    sandbox.send_again(&id).unwrap();
    settled(&sandbox, DeliveryState::Delivered).await;
    assert_eq!(endpoint.events.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_delivery_that_is_being_sent_is_not_sent_again() {
    let (sandbox, rest) = start(1).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    sandbox.register_endpoint(&format!("http://{}/", silent.local_addr().unwrap())).unwrap();
    sandbox.create_user(user("ada@example.com")).unwrap();
    let delivery = settled(&sandbox, DeliveryState::Sending).await;
    let again = format!("/sandbox/deliveries/{}/again", delivery.message_id);
    let error = rest.call(Method::POST, &again, None, 409).await;
    assert_eq!(error["message"], "an attempt is being sent: wait until it has ended");
}

#[tokio::test]
async fn a_delay_postpones_the_first_attempt_of_later_webhooks() {
    let (sandbox, rest) = start(1).await;
    let endpoint = Endpoint::start(&sandbox, 0).await;
    assert_eq!(rest.get("/sandbox/webhooks").await, json!({ "delay_seconds": 0.0 }));
    rest.call(Method::PUT, "/sandbox/webhooks", Some(json!({ "delay": "5m" })), 204).await;
    assert_eq!(rest.get("/sandbox/webhooks").await, json!({ "delay_seconds": 300.0 }));
    sandbox.create_user(user("ada@example.com")).unwrap();
    sandbox.advance(Duration::from_secs(240));
    let delivery = &sandbox.deliveries()[0];
    assert_eq!(delivery.state, DeliveryState::Pending);
    assert_eq!(delivery.next_attempt_at.unwrap().duration_since(delivery.created_at).as_secs(), 300);
    sandbox.advance(Duration::from_secs(60));
    settled(&sandbox, DeliveryState::Delivered).await;
    sandbox.delay_webhooks(Duration::ZERO);
    sandbox.create_user(user("grace@example.com")).unwrap();
    until("both events", || endpoint.events.lock().unwrap().len() == 2).await;
    let error = rest.call(Method::PUT, "/sandbox/webhooks", Some(json!({ "delay": "soon" })), 400).await;
    assert!(error["message"].as_str().unwrap().starts_with("delay: expected a time"), "{error}");
}

// ---- the API and the clock ---------------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_faults_in_effect_are_read_back() {
    let (_sandbox, rest) = start(1).await;
    assert_eq!(rest.get("/sandbox/fault").await, json!({ "faults": [], "every": 1, "calls": 0 }));
    let plan = json!({ "fault": "429", "faults": ["latency:250ms", "reset"], "every": 2 });
    rest.call(Method::PUT, "/sandbox/fault", Some(plan), 204).await;
    rest.get("/api/v1/organizations").await;
    let expected = json!({ "faults": ["429:1", "latency:0.25s", "reset"], "every": 2, "calls": 1 });
    assert_eq!(rest.get("/sandbox/fault").await, expected);
    rest.call(Method::PUT, "/sandbox/fault", Some(json!({ "faults": ["nonsense"] })), 400).await;
    assert_eq!(rest.get("/sandbox/fault").await, expected);
    rest.call(Method::DELETE, "/sandbox/fault", None, 204).await;
    assert_eq!(rest.get("/sandbox/fault").await["faults"], json!([]));
}

#[tokio::test]
async fn the_clock_is_read() {
    let (sandbox, rest) = start(1).await;
    let seconds = async || {
        let now = rest.get("/sandbox/clock").await["now"].as_str().unwrap().to_owned();
        now.parse::<headcount::Timestamp>().unwrap().as_second()
    };
    let before = seconds().await;
    sandbox.advance(Duration::from_secs(86_400));
    assert!(seconds().await >= before + 86_400);
}

#[tokio::test]
async fn a_user_of_a_changed_email_is_found_by_the_new_one_only() {
    let (sandbox, rest) = start(1).await;
    let ada = sandbox.create_user(user("ada@example.com")).unwrap();
    sandbox
        .update_user(&ada.id, UserChange { email: Some("king@example.com".into()), ..UserChange::default() })
        .unwrap();
    let users = format!("/sandbox/directories/{}/users", sandbox.directory_id());
    assert_eq!(rest.get(&format!("{users}?search=ada%40example")).await["total"], 0);
    assert_eq!(rest.get(&format!("{users}?search=king%40example")).await["total"], 1);
}
