//! The endpoint and the extractor for axum: in `examples/rust/webhooks/with_axum.rs`, which runs as a process, and in services of the tests.
#![allow(clippy::unwrap_used, reason = "a test")]

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::IntoResponse;
use headcount::axum::{Accepted, receive};
use headcount::webhook::{ReplayGuard, ReplayStore};
use headcount::{Error, Event, Mirror, Timestamp, Webhook};
use http_body::Frame;
use http_body_util::StreamBody;
use reqwest::header::{ALLOW, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Client, Method, StatusCode};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower_service::Service;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PATHS: [&str; 2] = ["/webhooks/scalekit", "/webhooks/extracted"];

/// Returns an event that the vendor has published as an example.
fn event() -> Value {
    let published: Value = serde_json::from_str(include_str!("../../tests/vectors/webhook_events.json")).unwrap();
    published["organization.directory.user_created"].clone()
}

/// Returns the published event as JSON with one member replaced or added.
fn with(name: &str, value: impl Into<Value>) -> Vec<u8> {
    let mut event = event();
    event[name] = value.into();
    event.to_string().into_bytes()
}

fn sign(body: &[u8]) -> HeaderMap {
    let signed = Webhook::new([SECRET]).unwrap().sign(body, None, None).unwrap();
    signed
        .iter()
        .into_iter()
        .map(|(name, value)| (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap()))
        .collect()
}

/// The example as a process, which is killed when this is dropped.
struct Program {
    process: Child,
    out: BufReader<ChildStdout>,
    origin: String,
    client: Client,
}

fn client() -> Client {
    let tls = headcount::internal::tls::config(headcount::internal::tls::SystemRoots::Unused, Vec::new()).unwrap();
    Client::builder().tls_backend_preconfigured(tls).build().unwrap()
}

impl Program {
    fn start(environment: &[(&str, &str)]) -> Program {
        let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples/with_axum");
        assert!(program.exists(), "{program:?} is missing: cargo build --package headcount-examples --examples");
        let mut process = Command::new(program)
            .env("SCALEKIT_WEBHOOK_SECRET", SECRET)
            .env("PORT", "0")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let origin = line.trim().strip_prefix("listening on ").unwrap().strip_suffix(PATHS[0]).unwrap().to_owned();
        let _ = rustls::crypto::ring::default_provider().install_default();
        Program { process, out, origin, client: client() }
    }

    async fn send(
        &self,
        path: &str,
        method: Method,
        headers: HeaderMap,
        body: impl Into<Body>,
    ) -> (StatusCode, HeaderMap) {
        let sent = self.client.request(method, format!("{}{path}", self.origin)).headers(headers).body(body);
        let answer = sent.header("content-type", "application/json").send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        // Answers have no body, because an error's text could help an attacker.
        assert_eq!(answer.text().await.unwrap(), "", "{status}");
        (status, headers)
    }

    async fn post(&self, path: &str, body: &[u8]) -> u16 {
        self.send(path, Method::POST, sign(body), body.to_vec()).await.0.as_u16()
    }

    async fn post_with(&self, path: &str, headers: HeaderMap, body: &[u8]) -> u16 {
        self.send(path, Method::POST, headers, body.to_vec()).await.0.as_u16()
    }

    /// Posts a signed body in chunks of 50,000 bytes, without a declared length. Returns the status.
    async fn post_in_chunks(&self, path: &str, body: &[u8]) -> u16 {
        let parts: Vec<_> =
            body.chunks(50_000).map(|part| Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(part)))).collect();
        let stream = Body::wrap(StreamBody::new(futures_util::stream::iter(parts)));
        self.send(path, Method::POST, sign(body), stream).await.0.as_u16()
    }

    /// Sends a request with this header line and `body`, which may be only the start of a body. Returns the first line of the answer.
    async fn post_raw(&self, path: &str, header: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.origin.strip_prefix("http://").unwrap()).await.unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{header}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut line = String::new();
        tokio::io::BufReader::new(stream).read_line(&mut line).await.unwrap();
        line.trim_end().to_owned()
    }

    /// Posts a signed body: sends the headers and the body one byte at a time. Returns the first line of the answer.
    async fn post_slowly(&self, path: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.origin.strip_prefix("http://").unwrap()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in &sign(body) {
            head += &format!("{name}: {}\r\n", value.to_str().unwrap());
        }
        for byte in format!("{head}\r\n").as_bytes().iter().chain(body) {
            stream.write_all(&[*byte]).await.unwrap();
        }
        let mut line = String::new();
        tokio::io::BufReader::new(stream).read_line(&mut line).await.unwrap();
        line.trim_end().to_owned()
    }

    /// Kills the process. Returns the lines that it printed.
    fn output(mut self) -> Vec<String> {
        self.process.kill().unwrap();
        let mut output = String::new();
        self.out.read_to_string(&mut output).unwrap();
        output.lines().map(str::to_owned).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn the_endpoint_and_the_extractor_answer_requests_and_pass_events_to_the_handler() {
    let program = Program::start(&[]);
    let good = event().to_string().into_bytes();
    for path in PATHS {
        assert_eq!(program.post(path, &good).await, 201);
        assert_eq!(program.post(path, &with("id", "evt_ü")).await, 201);
        assert_eq!(program.post_in_chunks(path, &good).await, 201);
        assert_eq!(program.post_slowly(path, &good).await, "HTTP/1.1 201 Created");

        let changed = [good.as_slice(), b" "].concat();
        assert_eq!(program.post_with(path, sign(&good), &changed).await, 400);
        assert_eq!(program.post_with(path, HeaderMap::new(), &good).await, 400);
        assert_eq!(program.post_with(path, HeaderMap::new(), b"").await, 400);
        let mut old = sign(&good);
        old.insert("webhook-timestamp", HeaderValue::from_static("1"));
        assert_eq!(program.post_with(path, old, &good).await, 400);
        assert_eq!(program.post(path, b"[1]").await, 400);

        // The first request is refused because of its declared length, before its body is read. The second declares no length, and its body has one
        // byte more than the limit of 1 MiB.
        assert_eq!(program.post_raw(path, "content-length: 2000000", b"").await, "HTTP/1.1 413 Payload Too Large");
        let over = [b"100001\r\n".as_slice(), &[b'x'; (1 << 20) + 1]].concat();
        assert_eq!(program.post_raw(path, "transfer-encoding: chunked", &over).await, "HTTP/1.1 413 Payload Too Large");

        // The HTTP server refuses a length that is not a number, or two different ones, before it calls the endpoint.
        for header in ["content-length: -1", "content-length: 1e3", "content-length: 5\r\ncontent-length: 6"] {
            assert_eq!(program.post_raw(path, header, b"hello").await, "HTTP/1.1 400 Bad Request", "{header}");
        }
        // A request without a length has an empty body. This one is refused because it has no signature.
        assert_eq!(program.post_raw(path, "accept: */*", b"").await, "HTTP/1.1 400 Bad Request");

        let (status, headers) = program.send(path, Method::GET, HeaderMap::new(), "").await;
        assert_eq!(status, 405);
        assert!(headers[ALLOW].to_str().unwrap().contains("POST"));

        // The handler fails, and the endpoint answers with 500, so that the vendor delivers the event again.
        assert_eq!(program.post(path, &with("data", json!({ "id": "fail" }))).await, 500);
        assert_eq!(program.post(path, &good).await, 201);
    }
    let kind = "organization.directory.user_created";
    let id = event()["id"].as_str().unwrap().to_owned();
    let lines = [&id, "evt_ü", &id, &id, &id].map(|id| format!("{kind} {id}"));
    assert_eq!(program.output(), [lines.clone(), lines].concat(), "expected the same lines for both paths");
}

#[tokio::test]
async fn the_endpoint_and_the_extractor_work_after_a_middleware_that_reads_the_body() {
    let program = Program::start(&[("AFTER_A_PARSER", "1")]);
    let good = serde_json::to_vec_pretty(&event()).unwrap();
    for path in PATHS {
        assert_eq!(program.post(path, &good).await, 201);
        assert_eq!(program.post_with(path, sign(&good), &event().to_string().into_bytes()).await, 400);
        assert_eq!(program.post(path, &with("note", "x".repeat(2 << 20))).await, 413);
    }
}

#[tokio::test]
async fn a_repeated_message_is_handled_again_only_if_its_handler_failed() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    // Fails when it is called for the first time.
    let handler = move |_: Event| {
        let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        async move { if first { Err(StatusCode::SERVICE_UNAVAILABLE) } else { Ok(()) } }
    };
    let webhook = Webhook::new([SECRET]).unwrap();
    let endpoint = receive(webhook, handler).replay_guard(ReplayGuard::in_memory(10));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, Router::new().route_service("/", endpoint)).await });

    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = client();
    let body = event().to_string().into_bytes();
    let (first, second) = (sign(&body), sign(&body));
    for (headers, status, called) in
        [(&first, 503, 1), (&first, 201, 2), (&first, 201, 2), (&second, 201, 3), (&second, 201, 3), (&first, 201, 3)]
    {
        let answer = client.post(&url).headers(headers.clone()).body(body.clone()).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), calls.load(Ordering::SeqCst)), (status, called));
    }
    server.abort();
}

#[tokio::test]
async fn a_handler_can_return_an_error_of_the_mirror_as_its_answer() {
    let webhook = Webhook::new([SECRET]).unwrap();
    let mirror = Mirror::builder().webhook(webhook.clone()).open(":memory:").await.unwrap();
    let handler = async |State(mirror): State<Mirror>, body: String| -> headcount::Result<Accepted> {
        mirror.apply(&Event::from_verified_body(body.as_bytes())?).await?;
        Ok(Accepted)
    };
    let mut app: Router = Router::new().route("/", axum::routing::post(handler)).with_state(mirror.clone());
    let mut post = async |body: Vec<u8>| {
        let request = Request::post("/").body(axum::body::Body::from(body)).unwrap();
        app.call(request).await.unwrap().status().as_u16()
    };

    assert_eq!(post(with("data", json!({ "id": ["not", "a", "text"] }))).await, 400);
    assert_eq!(post(event().to_string().into_bytes()).await, 201);
}

#[tokio::test]
async fn errors_of_the_store_and_internal_errors_are_answered_with_500_and_no_body() {
    for error in [Error::store("the disk is full"), Error::internal("a defect")] {
        let answer = error.into_response();
        assert_eq!(answer.status(), 500);
        assert_eq!(axum::body::to_bytes(answer.into_body(), 100).await.unwrap().len(), 0);
    }
}

/// A store whose calls all fail.
struct FailingStore;

impl ReplayStore for FailingStore {
    fn contains(&self, _: &str) -> headcount::Result<bool> {
        Err(headcount::Error::store("the store cannot be read"))
    }

    fn record(&self, _: &str, _: Timestamp) -> headcount::Result<()> {
        Err(headcount::Error::store("the store cannot be written"))
    }
}

#[tokio::test]
async fn a_failing_replay_guard_is_answered_with_500() {
    let webhook = Webhook::new([SECRET]).unwrap();
    let mut endpoint = receive(webhook, |_| async {}).replay_guard(ReplayGuard::new(FailingStore));
    let body = event().to_string();
    let mut request = Request::post("/").body(axum::body::Body::from(body.clone())).unwrap();
    *request.headers_mut() = sign(body.as_bytes());
    assert_eq!(endpoint.call(request).await.unwrap().status(), 500);
}
