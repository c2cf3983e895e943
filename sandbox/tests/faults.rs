//! Each fault, as a client sees it on the wire.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Rest, json_of};
use headcount_sandbox::{Fault, Sandbox};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

const PATH: &str = "/api/v1/organizations";

#[tokio::test]
async fn every_fault_is_seen_and_then_over() {
    let sandbox = Sandbox::builder().start().unwrap();
    let rest = Rest::new(&sandbox).await;
    let send = async || rest.send(Method::GET, PATH, None).await;

    sandbox.fault([Fault::RateLimit(3)], 1);
    let response = send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (429, "3"));
    assert_eq!(json_of(response).await["code"], 8);

    sandbox.fault([Fault::Status(500), Fault::Status(503)], 1);
    assert_eq!(send().await.unwrap().status(), 500);
    assert_eq!(send().await.unwrap().status(), 503);

    sandbox.fault([Fault::Garbage], 1);
    let response = send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(serde_json::from_str::<serde_json::Value>(&response.text().await.unwrap()).is_err());

    sandbox.fault([Fault::Truncate], 1);
    let response = send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.content_length().unwrap() > 0);
    assert!(response.text().await.is_err(), "half of the body is an error, not a body");

    sandbox.fault([Fault::Latency(Duration::from_secs(60))], 1);
    let late =
        rest.client.get(format!("{}{PATH}", rest.url)).bearer_auth(&rest.token).timeout(Duration::from_millis(200));
    assert!(late.send().await.unwrap_err().is_timeout());

    sandbox.fault([Fault::ExpireToken], 2);
    assert_eq!(send().await.unwrap().status(), 200);
    assert_eq!(send().await.unwrap().status(), 401);
    assert_eq!(send().await.unwrap().status(), 401, "the token is gone for good");

    sandbox.fault([], 1);
    Rest::new(&sandbox).await.get(PATH).await;
}

#[tokio::test]
async fn a_reset_is_a_reset() {
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
async fn faults_are_set_over_http_and_spare_tokens_and_control_calls() {
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
    rest.call(Method::PUT, "/sandbox/fault", Some(json!({ "fault": "flood" })), 400).await;
    let requests = rest.get("/sandbox/requests").await;
    assert_eq!(requests["GET /api/v1/organizations"], 5);
    assert_eq!(requests["POST /oauth/token"], 5);
}
