//! Faults as an HTTP client sees them.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Rest, json_of};
use headcount_sandbox::{Fault, Sandbox};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

const PATH: &str = "/api/v1/organizations";

async fn start() -> (Sandbox, Rest) {
    let sandbox = Sandbox::builder().start().unwrap();
    let rest = Rest::new(&sandbox).await;
    (sandbox, rest)
}

#[tokio::test]
async fn a_429_has_the_retry_after_of_the_fault() {
    let (sandbox, rest) = start().await;
    sandbox.fault([Fault::RateLimit(3)], 1);
    let response = rest.send(Method::GET, PATH, None).await.unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "3");
    assert_eq!(json_of(response).await["code"], 8);
}

#[tokio::test]
async fn several_faults_are_used_in_turn() {
    let (sandbox, rest) = start().await;
    sandbox.fault([Fault::Status(500), Fault::Status(503)], 1);
    for status in [500, 503, 500] {
        assert_eq!(rest.send(Method::GET, PATH, None).await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn the_body_of_garbage_is_not_json() {
    let (sandbox, rest) = start().await;
    sandbox.fault([Fault::Garbage], 1);
    let response = rest.send(Method::GET, PATH, None).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(serde_json::from_str::<serde_json::Value>(&response.text().await.unwrap()).is_err());
}

#[tokio::test]
async fn a_truncated_body_is_an_error_of_the_connection() {
    let (sandbox, rest) = start().await;
    sandbox.fault([Fault::Truncate], 1);
    let response = rest.send(Method::GET, PATH, None).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.content_length().unwrap() > 0);
    assert!(response.text().await.is_err());
}

#[tokio::test]
async fn latency_delays_the_response() {
    let (sandbox, rest) = start().await;
    sandbox.fault([Fault::Latency(Duration::from_secs(60))], 1);
    let request =
        rest.client.get(format!("{}{PATH}", rest.url)).bearer_auth(&rest.token).timeout(Duration::from_millis(200));
    assert!(request.send().await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn after_the_fault_expire_token_earlier_tokens_stay_invalid() {
    let (sandbox, rest) = start().await;
    sandbox.fault([Fault::ExpireToken], 2);
    for status in [200, 401, 401] {
        assert_eq!(rest.send(Method::GET, PATH, None).await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn an_empty_list_of_faults_ends_the_failures() {
    let (sandbox, rest) = start().await;
    sandbox.fault([Fault::Status(500)], 1);
    sandbox.fault([], 1);
    rest.get(PATH).await;
}

#[tokio::test]
async fn a_reset_resets_the_tcp_connection() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let sandbox = Sandbox::builder().start().unwrap();
    sandbox.fault([Fault::Reset], 1);
    let address = sandbox.environment_url().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    stream.write_all(format!("GET {PATH} HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes()).await.unwrap();
    let error = stream.read(&mut [0; 16]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn faults_set_over_http_do_not_affect_token_and_control_calls() {
    let sandbox = Sandbox::builder().start().unwrap();
    let rest = Rest::new(&sandbox).await;
    rest.call(Method::PUT, "/sandbox/fault", Some(json!({ "faults": ["503", "429:0"], "every": 2 })), 204).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        Rest::grant(&rest.client, &sandbox).await;
        rest.get("/sandbox/settings").await;
        seen.push(rest.send(Method::GET, PATH, None).await.unwrap().status().as_u16());
    }
    assert_eq!(seen, [200, 503, 200, 429]);
    rest.call(Method::DELETE, "/sandbox/fault", None, 204).await;
    rest.get(PATH).await;
    let requests = rest.get("/sandbox/requests").await;
    assert_eq!(requests["GET /api/v1/organizations"], 5);
    assert_eq!(requests["POST /oauth/token"], 5);
}

#[tokio::test]
async fn an_unknown_fault_is_refused_and_changes_nothing() {
    let (sandbox, rest) = start().await;
    sandbox.fault([Fault::Status(503)], 1);
    rest.call(Method::PUT, "/sandbox/fault", Some(json!({ "fault": "flood" })), 400).await;
    assert_eq!(rest.send(Method::GET, PATH, None).await.unwrap().status(), 503);
}
