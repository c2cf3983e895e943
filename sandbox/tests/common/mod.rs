//! Helpers of the sandbox's tests: an HTTP client with a token, the contract's schemas, and a webhook endpoint.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "each test file uses a part of it")]

use headcount::Webhook;
use headcount_sandbox::Sandbox;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub fn contract() -> Value {
    serde_json::from_str(include_str!("../../../tests/contract/scalekit-directory.openapi.json")).unwrap()
}

/// Panics unless `instance` conforms to the contract's schema `name`.
pub fn assert_conforms(contract: &Value, name: &str, instance: &Value) {
    let schema = json!({ "$ref": format!("#/components/schemas/{name}"), "components": contract["components"] });
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let errors: Vec<_> =
        validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}\n{instance:#}");
}

/// An HTTP client with an access token. It does not use the client of the crate `headcount`.
pub struct Rest {
    pub client: Client,
    pub url: String,
    pub token: String,
}

impl Rest {
    pub async fn new(sandbox: &Sandbox) -> Rest {
        let client = Client::builder()
            .no_proxy()
            .tls_backend_preconfigured(
                headcount::internal::tls::config(headcount::internal::tls::SystemRoots::Unused, Vec::new()).unwrap(),
            )
            .build()
            .unwrap();
        let url = sandbox.environment_url().to_owned();
        let token = Rest::grant(&client, sandbox).await["access_token"].as_str().unwrap().to_owned();
        Rest { client, url, token }
    }

    pub async fn grant(client: &Client, sandbox: &Sandbox) -> Value {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", sandbox.client_id()),
            ("client_secret", sandbox.client_secret()),
        ];
        let response =
            client.post(format!("{}/oauth/token", sandbox.environment_url())).form(&form).send().await.unwrap();
        assert_eq!(response.status(), 200);
        json_of(response).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> reqwest::Result<Response> {
        let mut request = self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        request.send().await
    }

    /// Makes a call, checks the status and returns the body.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>, status: u16) -> Value {
        let response = self.send(method, path, body).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert!(path.starts_with("/sandbox") || response.headers().contains_key("x-request-id"), "{path}");
        json_of(response).await
    }

    pub async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, None, 200).await
    }

    /// Makes a GET request that must be refused with this status, and returns the body.
    pub async fn refused(&self, path: &str, status: u16) -> Value {
        self.call(Method::GET, path, None, status).await
    }
}

/// Reads a body; null if it is empty.
pub async fn json_of(response: Response) -> Value {
    let text = response.text().await.unwrap();
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
}

/// A webhook endpoint that verifies signatures.
pub struct Endpoint {
    pub url: String,
    /// Message id and body of the accepted webhooks, in the order of their arrival.
    pub events: Arc<Mutex<Vec<(String, Value)>>>,
    /// Number of all requests, including those that were answered 500.
    pub requests: Arc<AtomicUsize>,
}

impl Endpoint {
    /// Starts an endpoint that answers 500 to its first `failures` requests and 201 to the others, and registers it.
    pub async fn start(sandbox: &Sandbox, failures: usize) -> Endpoint {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let endpoint = Endpoint { url, events: Arc::default(), requests: Arc::default() };
        let webhook = Webhook::new([sandbox.webhook_secret()]).unwrap();
        let (events, requests) = (Arc::clone(&endpoint.events), Arc::clone(&endpoint.requests));
        let receive = async move |headers: axum::http::HeaderMap, body: axum::body::Bytes| {
            let event = webhook.verify(&headers, &body).unwrap();
            let id = headers["webhook-id"].to_str().unwrap().to_owned();
            if requests.fetch_add(1, Ordering::SeqCst) < failures {
                return axum::http::StatusCode::INTERNAL_SERVER_ERROR;
            }
            events.lock().unwrap().push((id, serde_json::from_slice(event.body()).unwrap()));
            axum::http::StatusCode::CREATED
        };
        tokio::spawn(async move {
            let router = axum::Router::new().route("/hook", axum::routing::post(receive));
            axum::serve(listener, router).await.unwrap();
        });
        sandbox.register_endpoint(&endpoint.url).unwrap();
        endpoint
    }

    /// Returns the types of the accepted events.
    pub fn types(&self) -> Vec<String> {
        self.events.lock().unwrap().iter().map(|(_, event)| event["type"].as_str().unwrap().to_owned()).collect()
    }
}

/// Waits until `condition` returns true. Panics with `what` after a minute.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited a minute for {what}");
}
