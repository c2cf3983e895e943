//! Each call of `operations` with each fault of `faults`: the call ends in the expected error, or in success after a retry, with the expected
//! number of requests. `operations` has all calls of the client except for `delete`, which a separate test covers because it may succeed after a 404,
//! and `update_by_external_id`, which makes two of the other calls.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Reply, Server, TOKEN, ok};
use headcount::client::CallOptions;
use headcount::model::{OrganizationFields, OrganizationSettings};
use headcount::{Client, ErrorKind, Result};
use headcount_sandbox::Sandbox;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// The future of a call.
type Answered = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// A call, a valid answer to it, and an answer that is JSON but cannot be decoded.
struct Operation {
    name: &'static str,
    call: fn(Client) -> Answered,
    good: &'static str,
    wrong: &'static str,
}

macro_rules! operations {
    ($($name:literal: $client:ident => $call:expr, $good:expr, $wrong:expr;)*) => {
        [$(Operation {
            name: $name,
            call: |$client| Box::pin(async move { $call.await.map(|_| ()) }),
            good: $good,
            wrong: $wrong,
        },)*]
    };
}

const ORGANIZATION: &str = r#"{"organization":{"id":"org_1","display_name":"Acme"}}"#;
const DIRECTORY: &str = r#"{"directory":{"id":"dir_1","name":"Okta"}}"#;

fn operations() -> [Operation; 16] {
    operations! {
        "list organizations": client => client.organizations().list().send(), r#"{"organizations":[{"id":"org_1"}]}"#, r#"{"organizations":[7]}"#;
        "all organizations": client => async { client.organizations().list().pages().next().await }, r#"{"organizations":[{"id":"org_1"}]}"#, r#"{"organizations":{}}"#;
        "get organization": client => client.organizations().get("org_1"), ORGANIZATION, r#"{"organization":[]}"#;
        "get by external id": client => client.organizations().get_by_external_id("t/1"), ORGANIZATION, r#"{"organization":{"id":4}}"#;
        "create organization": client => async { client.organizations().create("Acme", &OrganizationFields::default()).await }, ORGANIZATION, r#"{"organization":"org_1"}"#;
        "update organization": client => async { client.organizations().update("org_1", &OrganizationFields::default()).await }, ORGANIZATION, r#"{"organization":{}}"#;
        "update organization settings": client => async { client.organizations().update_settings("org_1", &OrganizationSettings::default()).await }, ORGANIZATION, r#"{"organization":{}}"#;
        "generate portal link": client => client.organizations().generate_portal_link("org_1", &["sso"]), r#"{"link":{"id":"lnk_1"}}"#, r#"{"link":7}"#;
        "list directories": client => client.directories().list("org_1"), r#"{"directories":[{"id":"dir_1"}]}"#, r#"{"directories":"none"}"#;
        "get directory": client => client.directories().get("org_1", "dir_1"), DIRECTORY, r#"{"directory":{"id":"d","enabled":"yes"}}"#;
        "primary directory": client => client.directories().primary("org_1"), r#"{"directories":[{"id":"dir_1"}]}"#, r#"[]"#;
        "enable directory": client => client.directories().enable("org_1", "dir_1"), r#"{"enabled":true}"#, r#"{"enabled":"yes"}"#;
        "disable directory": client => client.directories().disable("org_1", "dir_1"), r#"{"enabled":false}"#, r#"{"enabled":1}"#;
        "list users": client => client.directories().users("org_1", "dir_1").send(), r#"{"users":[{"id":"diruser_1"}],"total_size":1}"#, r#"{"users":[{"id":"diruser_1","emails":5}]}"#;
        "all users": client => async { client.directories().users("org_1", "dir_1").pages().next().await }, r#"{"users":[{"id":"diruser_1"}]}"#, r#"{"users":"ada@example.com"}"#;
        "list groups": client => client.directories().groups("org_1", "dir_1").send(), r#"{"groups":[{"id":"dirgroup_1"}]}"#, r#"{"groups":[{"id":"g","total_users":"many"}]}"#;
    }
}

/// The expected outcome: success, or the kind of the error.
type Outcome = std::result::Result<(), ErrorKind>;

/// Whether the fault affects the first request only, or every request.
#[derive(Clone, Copy, PartialEq)]
enum Occurs {
    Once,
    Always,
}

/// A fault, and how a call ends with it.
struct Fault {
    name: &'static str,
    occurs: Occurs,
    reply: fn(&Operation) -> Reply,
    /// Outcome, number of requests and number of token requests of a call. For `create organization`, `once_only` takes precedence.
    outcome: (Outcome, usize, usize),
    /// Outcome and number of requests of `create organization`, or `None` if they are those of `outcome`. This call is not idempotent: a repetition
    /// could create a second organization.
    once_only: Option<(Outcome, usize)>,
}

/// Returns an answer with an error's body. `line` has the status, and may have headers after a newline, each with `\r\n` at its end.
fn status(line: &'static str) -> Reply {
    Reply::Http(line, r#"{"code":2,"message":"message of the test"}"#.to_owned())
}

fn faults() -> Vec<Fault> {
    use ErrorKind::{Api, Authentication, Connection, Decode, NotFound, PermissionDenied, RateLimit, Server, Timeout};
    use Occurs::{Always, Once};
    let fault = |name, occurs, reply, outcome| Fault { name, occurs, reply, outcome, once_only: None };
    // A fault after which the client does not know whether the server has executed the call. Then only idempotent calls are repeated.
    let lost =
        |name, occurs, reply, outcome, kind| Fault { name, occurs, reply, outcome, once_only: Some((Err(kind), 1)) };
    vec![
        lost("latency beyond the attempt's time, once", Once, |_| Reply::Hang, (Ok(()), 2, 1), Timeout),
        fault("latency beyond the deadline", Always, |_| Reply::Hang, (Err(Timeout), 1, 1)),
        fault("one byte every 50 ms", Always, |_| Reply::Drip, (Err(Timeout), 1, 1)),
        lost("reset before the answer, once", Once, |_| Reply::Close, (Ok(()), 2, 1), Connection),
        lost("reset before the answer", Always, |_| Reply::Close, (Err(Connection), 3, 1), Connection),
        lost("reset in the body, once", Once, cut_off, (Ok(()), 2, 1), Connection),
        lost("reset in the body", Always, cut_off, (Err(Connection), 3, 1), Connection),
        lost("truncated JSON, once", Once, truncated, (Ok(()), 2, 1), Decode),
        lost("truncated JSON", Always, truncated, (Err(Decode), 3, 1), Decode),
        lost(
            "HTML with 200",
            Always,
            |_| ok("<html><body>Welcome to the hotel</body></html>"),
            (Err(Decode), 3, 1),
            Decode,
        ),
        fault("wrong types", Always, |operation| ok(operation.wrong), (Err(Decode), 1, 1)),
        fault("a body beyond the limit", Always, |_| ok(&"junk".repeat(10 << 18)), (Err(Decode), 1, 1)),
        fault("a body beyond the limit without a declared length", Always, without_length, (Err(Decode), 1, 1)),
        fault("401 once", Once, |_| status("401 Unauthorized"), (Ok(()), 2, 2)),
        fault("401 always", Always, |_| status("401 Unauthorized"), (Err(Authentication), 2, 2)),
        fault("403", Always, |_| status("403 Forbidden"), (Err(PermissionDenied), 1, 1)),
        fault("404", Always, |_| status("404 Not Found"), (Err(NotFound), 1, 1)),
        fault("429 with seconds", Once, |_| status("429 Slow Down\nretry-after: 1\r\n"), (Ok(()), 2, 1)),
        fault(
            "429 with a date",
            Once,
            |_| status("429 Slow Down\nretry-after: Thu, 01 Jan 2026 00:00:01 GMT\r\n"),
            (Ok(()), 2, 1),
        ),
        fault("429 always", Always, |_| status("429 Slow Down"), (Err(RateLimit), 3, 1)),
        fault(
            "429 with a wait beyond the deadline",
            Always,
            |_| status("429 Slow Down\nretry-after: 9999999999999999999999\r\n"),
            (Err(RateLimit), 1, 1),
        ),
        lost("500 once", Once, |_| status("500 Oops"), (Ok(()), 2, 1), Server),
        lost("500 always", Always, |_| status("500 Oops"), (Err(Server), 3, 1), Server),
        lost("503 with Retry-After, once", Once, |_| status("503 Closed\nretry-after: 0\r\n"), (Ok(()), 2, 1), Server),
        fault(
            "redirect to another host",
            Always,
            |_| status("307 Over There\nlocation: https://elsewhere.example/\r\n"),
            (Err(Api), 1, 1),
        ),
    ]
}

/// Returns an answer that declares the length of the valid answer, has only half of its body, and closes the connection.
fn cut_off(operation: &Operation) -> Reply {
    let half = &operation.good[..operation.good.len() / 2];
    Reply::Raw(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{half}", operation.good.len()))
}

/// Returns an answer whose body is the first half of the valid one and whose declared length is that of the half.
fn truncated(operation: &Operation) -> Reply {
    ok(&operation.good[..operation.good.len() / 2])
}

/// Returns an answer with a body of 10 MiB and no length: the body ends where the connection ends.
fn without_length(_: &Operation) -> Reply {
    Reply::Raw(format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "junk".repeat(10 << 18)))
}

/// Makes the call with the fault. Checks its outcome, the numbers of requests, its duration if a timeout is expected, that the error's text has no
/// secrets, and that all connections are closed in the end.
async fn check(operation: Operation, fault: &Fault) {
    let place = format!("{} × {}", operation.name, fault.name);
    let (reply, occurs) = ((fault.reply)(&operation), fault.occurs);
    let good = operation.good;
    let answer = move |n: usize, _: &str| if n == 0 || occurs == Occurs::Always { reply.clone() } else { ok(good) };
    let server = Server::start(|_| ok(TOKEN), answer).await;
    // 400 ms if the call is expected to end at its deadline, otherwise a time that no call should need.
    let waits = fault.outcome.0 == Err(ErrorKind::Timeout);
    let timeout = Duration::from_millis(if waits { 400 } else { 20_000 });
    let client = server.with(|builder| {
        let moment: headcount::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let builder = builder.timeout(timeout).clock(moment);
        builder.attempt_timeout(if fault.name.contains("attempt's time") {
            Duration::from_millis(200)
        } else {
            timeout
        })
    });
    let started = instant();
    let result = (operation.call)(client.clone()).await;
    let took = started.elapsed();
    let mut expected = (fault.outcome.0, fault.outcome.1);
    if operation.name == "create organization" {
        expected = fault.once_only.unwrap_or(expected);
    }
    assert_eq!(result.as_ref().map(|_| ()).map_err(headcount::Error::kind), expected.0, "{place}: {result:?}");
    assert_eq!(server.counts(), (fault.outcome.2, expected.1), "{place}: (token requests, other requests)");
    assert!(!waits || took >= timeout, "{place}: expected the call to end after {timeout:?}, it ended after {took:?}");
    if let Err(error) = result {
        let text = format!("{error} {error:?}");
        assert!(
            !["t0ken", "test_secret", "ada@", "hotel", "junkjunk"].iter().any(|secret| text.contains(secret)),
            "{place}: {text}"
        );
    }
    drop(client);
    server.all_closed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_ends_as_expected_with_every_fault() {
    for fault in faults() {
        let fault = &*Box::leak(Box::new(fault));
        let checks: Vec<_> = operations().into_iter().map(|operation| tokio::spawn(check(operation, fault))).collect();
        for check in checks {
            check.await.unwrap();
        }
    }
}

#[tokio::test]
async fn every_call_reports_a_refused_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::builder(url, "skc_1", "test_secret").retry_base(Duration::from_millis(1)).build().unwrap();
    for operation in operations() {
        let error = (operation.call)(client.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection, "{}", operation.name);
        assert!(error.to_string().contains("refused") && error.to_string().contains("attempts: 5"), "{error}");
    }
}

#[tokio::test]
async fn every_call_reports_an_untrusted_certificate_without_a_retry() {
    let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/unknown-authority.pem");
    let sandbox = Sandbox::builder().tls(file).start().unwrap();
    // The client is not configured to trust the sandbox's certificate.
    let settings = Client::builder(sandbox.environment_url(), sandbox.client_id(), sandbox.client_secret()).proxy("");
    let client = settings.build().unwrap();
    for operation in operations() {
        let before = sandbox.connections();
        let error = (operation.call)(client.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection, "{}", operation.name);
        assert!(error.to_string().contains("certificate"), "{error}");
        // A certificate that is not trusted is a permanent error, so there is one connection.
        assert_eq!(sandbox.connections() - before, 1, "{}", operation.name);
    }
    assert!(sandbox.requests().is_empty());
}

#[tokio::test]
async fn a_deletion_succeeds_after_a_404_only_if_an_earlier_answer_was_lost() {
    let gone = |_: usize, _: &str| status("404 Not Found");
    let server = Server::start(|_| ok(TOKEN), gone).await;
    let error = server.client().organizations().delete("org_1").await.unwrap_err();
    assert_eq!((error.kind(), server.counts()), (ErrorKind::NotFound, (1, 1)));

    for first in
        [Reply::Close, status("502 Bad Gateway"), Reply::Raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".into())]
    {
        let answer = move |n: usize, _: &str| if n == 0 { first.clone() } else { status("404 Not Found") };
        let server = Server::start(|_| ok(TOKEN), answer).await;
        server.client().organizations().delete("org_1").await.unwrap();
        assert_eq!(server.counts(), (1, 2));
    }
    // The first attempt was refused, so it was not this call that deleted the organization.
    let answer = |n: usize, _: &str| if n == 0 { status("429 Slow Down") } else { status("404 Not Found") };
    let server = Server::start(|_| ok(TOKEN), answer).await;
    assert_eq!(server.client().organizations().delete("org_1").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn no_call_is_retried_if_max_attempts_is_1() {
    for operation in operations() {
        let server = Server::start(|_| ok(TOKEN), |_, _| status("503 Closed")).await;
        let client = server.client().with(CallOptions::new().max_attempts(1));
        let error = (operation.call)(client).await.unwrap_err();
        assert_eq!((error.kind(), server.counts()), (ErrorKind::Server, (1, 1)), "{}", operation.name);
    }
}

#[allow(clippy::disallowed_methods, reason = "measures elapsed real time")]
fn instant() -> Instant {
    Instant::now()
}
