//! The client with a server on a plain socket: tokens, retries, deadlines, paging, and faulty answers.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Reply, Server, TOKEN, ok};
use headcount::{Client, ErrorKind, ErrorStatus};
use std::error::Error as _;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

const ORGANIZATION: &str = r#"{"organization":{"id":"org_1","display_name":"Acme"}}"#;

#[tokio::test]
async fn one_token_request_serves_all_waiting_callers() {
    let server = Server::start(|_| ok(TOKEN), |_, _| ok(ORGANIZATION)).await;
    let client = server.client();
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.organizations().get("org_1").await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().display_name, "Acme");
    }
    assert_eq!(server.counts(), (1, 32));
}

#[tokio::test]
async fn refused_credentials_are_an_authentication_error_without_a_retry() {
    let refused =
        |_| Reply::Http("401 Unauthorized", r#"{"error":"invalid_client","error_description":"test_secret"}"#.into());
    let server = Server::start(refused, |_, _| ok(ORGANIZATION)).await;
    let client = server.client();
    let error = client.organizations().get("org_1").await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Authentication, ErrorStatus::Permanent));
    assert!(error.to_string().contains("SCALEKIT_CLIENT_SECRET"), "{error}");
    assert!(!format!("{error} {error:?}").contains("test_secret"), "{error}");
    assert_eq!(server.counts(), (1, 0));
}

#[tokio::test]
async fn the_token_request_is_a_form_and_calls_carry_the_token() {
    let server = Server::start(
        |_| ok(TOKEN),
        |_, request| {
            assert!(request.contains("authorization: Bearer t0ken"), "{request}");
            assert!(request.starts_with("GET /api/v1/organizations/a%2Fb%3F HTTP/1.1"), "{request}");
            ok(ORGANIZATION)
        },
    )
    .await;
    server.client().organizations().get("a/b?").await.unwrap();
}

#[tokio::test]
async fn a_401_renews_the_token_once_and_a_second_401_is_an_error() {
    let unauthorized = || Reply::Http("401 Unauthorized", r#"{"code":16,"message":"token expired"}"#.into());
    let server = Server::start(|_| ok(TOKEN), move |n, _| if n == 0 { unauthorized() } else { ok(ORGANIZATION) }).await;
    server.client().organizations().get("org_1").await.unwrap();
    assert_eq!(server.counts(), (2, 2));

    let server = Server::start(|_| ok(TOKEN), move |_, _| unauthorized()).await;
    let error = server.client().organizations().get("org_1").await.unwrap_err();
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::Authentication, Some(401)));
    assert_eq!(server.counts(), (2, 2));
}

#[tokio::test]
async fn temporary_statuses_are_retried_and_permanent_ones_are_not() {
    // `T` is the reason phrase, which the client ignores.
    for status in ["408 T", "429 T", "500 T", "502 T", "503 T", "504 T"] {
        let server = Server::start(
            |_| ok(TOKEN),
            move |n, _| if n < 2 { Reply::Http(status, String::new()) } else { ok(ORGANIZATION) },
        )
        .await;
        server.client().organizations().get("org_1").await.unwrap();
        assert_eq!(server.counts(), (1, 3), "{status}");
    }
    for (status, kind) in [
        ("400 T", ErrorKind::BadRequest),
        ("403 T", ErrorKind::PermissionDenied),
        ("404 T", ErrorKind::NotFound),
        ("501 T", ErrorKind::Server),
        ("418 T", ErrorKind::Api),
    ] {
        let server = Server::start(|_| ok(TOKEN), move |_, _| Reply::Http(status, String::new())).await;
        let error = server.client().organizations().get("org_1").await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (kind, ErrorStatus::Permanent), "{status}");
        assert_eq!(server.counts(), (1, 1), "{status}");
    }
}

#[tokio::test]
async fn max_attempts_limits_the_attempts_and_the_last_error_has_their_number() {
    let server = Server::start(|_| ok(TOKEN), |_, _| Reply::Http("500 Oops", String::new())).await;
    let error = server.client().organizations().get("org_1").await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Server, ErrorStatus::Exhausted));
    assert!(error.to_string().contains("attempts: 3") && error.to_string().contains("organization: org_1"), "{error}");
    assert_eq!(server.counts(), (1, 3));

    let single = server.with(|builder| builder.max_attempts(1));
    assert_eq!(single.organizations().get("org_1").await.unwrap_err().kind(), ErrorKind::Server);
    assert_eq!(server.counts(), (2, 4), "the second client has requested a token of its own, and has made one attempt");
}

#[tokio::test]
async fn a_damaged_answer_is_retried_and_is_an_error_if_every_attempt_gets_one() {
    let half = &ORGANIZATION[..20];
    let truncated = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{half}", ORGANIZATION.len());
    for (reply, kind) in [
        (Reply::Close, ErrorKind::Connection),
        (Reply::Raw(truncated), ErrorKind::Connection),
        (Reply::Raw("nonsense\r\n\r\n".into()), ErrorKind::Connection),
        (ok(half), ErrorKind::Decode),
        (ok("<html><body>hello</body></html>"), ErrorKind::Decode),
        (ok(""), ErrorKind::Decode),
    ] {
        let again = reply.clone();
        let server =
            Server::start(|_| ok(TOKEN), move |n, _| if n == 0 { again.clone() } else { ok(ORGANIZATION) }).await;
        server.client().organizations().get("org_1").await.unwrap();
        assert_eq!(server.counts(), (1, 2));

        let server = Server::start(|_| ok(TOKEN), move |_, _| reply.clone()).await;
        let error = server.client().organizations().get("org_1").await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (kind, ErrorStatus::Exhausted), "{error}");
        assert_eq!(server.counts(), (1, 3), "{error}");
    }
}

#[tokio::test]
async fn an_answer_with_a_field_of_the_wrong_type_is_an_error_that_names_the_field_and_is_not_retried() {
    let server = Server::start(
        |_| ok(TOKEN),
        |_, _| ok(r#"{"users":[{"id":"diruser_1"},{"id":"diruser_2","emails":"ada@example.com"}],"total_size":"2"}"#),
    )
    .await;
    let error = server.client().directories().users("org_1", "dir_1").send().await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Decode, ErrorStatus::Permanent));
    assert_eq!(error.http_status(), Some(200));
    assert!(error.message().contains("`users[1].emails`"), "{error}");
    assert!(!error.to_string().contains("ada"), "{error}");
    assert_eq!(server.counts(), (1, 1));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_a_timeout_at_the_deadline() {
    let server = Server::start(|_| ok(TOKEN), |_, _| Reply::Hang).await;
    let client = server.with(|builder| builder.timeout(Duration::from_millis(300)));
    let start = instant();
    let error = client.organizations().get("org_1").await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Timeout, ErrorStatus::Exhausted), "{error}");
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!(server.counts(), (1, 1));
}

#[tokio::test]
async fn an_attempt_without_an_answer_ends_after_attempt_timeout_and_is_retried() {
    let server = Server::start(|_| ok(TOKEN), |n, _| if n == 0 { Reply::Hang } else { ok(ORGANIZATION) }).await;
    let client = server.with(|builder| builder.attempt_timeout(Duration::from_millis(200)));
    client.organizations().get("org_1").await.unwrap();
    assert_eq!(server.counts(), (1, 2));
}

#[tokio::test]
async fn a_token_endpoint_that_does_not_answer_is_a_timeout_at_the_deadline() {
    let server = Server::start(|_| Reply::Hang, |_, _| ok(ORGANIZATION)).await;
    let client = server.with(|builder| builder.timeout(Duration::from_millis(300)));
    let error = client.organizations().get("org_1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}

#[tokio::test]
async fn an_unreachable_server_is_a_connection_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::builder(url, "skc_1", "test_secret").max_attempts(1).build().unwrap();
    let error = client.organizations().get("org_1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.to_string().contains("refused"), "{error}");
    // Programs print an error and then its sources. The text already ends with the cause, so a source would repeat it.
    assert!(error.source().is_none(), "{:?}", error.source());
}

#[tokio::test]
async fn a_call_fails_at_once_if_retry_after_is_beyond_its_deadline() {
    let server = Server::start(
        |_| ok(TOKEN),
        |_, _| Reply::Http("429 Too Many Requests\nretry-after: 99999999999\r\n", String::new()),
    )
    .await;
    let client = server.client();
    let start = instant();
    let error = client.organizations().get("org_1").await.unwrap_err();
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::RateLimit, Some(429)));
    // The pause that the server asked for applies to the whole client, so the next call fails without a request.
    let error = client.organizations().get("org_1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimit);
    assert!(start.elapsed() < Duration::from_secs(20), "the calls waited until their deadline");
    assert_eq!(server.counts(), (1, 1));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::start(|_| ok(TOKEN), |_, _| ok(ORGANIZATION)).await;
    let location: &'static str =
        Box::leak(format!("302 Found\nlocation: {}/api/v1/organizations/org_1\r\n", elsewhere.url).into_boxed_str());
    let server = Server::start(|_| ok(TOKEN), move |_, _| Reply::Http(location, String::new())).await;
    let error = server.client().organizations().get("org_1").await.unwrap_err();
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::Api, Some(302)));
    assert_eq!(elsewhere.counts(), (0, 0));
}

#[tokio::test]
async fn a_repeated_page_token_is_an_error() {
    let server = Server::start(
        |_| ok(TOKEN),
        |n, _| {
            let next = ["b", "c", "b", "c"][n % 4];
            ok(&format!(r#"{{"users":[{{"id":"diruser_{n}"}}],"total_size":9,"next_page_token":"{next}"}}"#))
        },
    )
    .await;
    let mut pages = server.client().directories().users("org_1", "dir_1").pages();
    assert!(pages.next().await.unwrap().is_some());
    assert!(pages.next().await.unwrap().is_some());
    let error = pages.next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.message().contains("never end"), "{error}");
    assert!(pages.next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_listing_continues_at_the_page_that_failed() {
    let server = Server::start(
        |_| ok(TOKEN),
        |n, request| match n {
            0 => ok(r#"{"users":[{"id":"diruser_1"}],"total_size":2,"next_page_token":"p2"}"#),
            1..=3 => Reply::Http("500 Oops", String::new()),
            _ => {
                assert!(request.contains("page_token=p2") && request.contains("page_size=30"), "{request}");
                ok(r#"{"users":[{"id":"diruser_2"}],"total_size":2}"#)
            }
        },
    )
    .await;
    let mut pages = server.client().directories().users("org_1", "dir_1").pages();
    assert_eq!(pages.next().await.unwrap().unwrap().items[0].id, "diruser_1");
    assert_eq!(pages.next().await.unwrap_err().kind(), ErrorKind::Server);
    assert_eq!(pages.next().await.unwrap().unwrap().items[0].id, "diruser_2");
    assert!(pages.next().await.unwrap().is_none());
}

#[tokio::test]
async fn invalid_arguments_are_refused_before_any_request() {
    let server = Server::start(|_| ok(TOKEN), |_, _| ok(ORGANIZATION)).await;
    let client = server.client();
    let errors = [
        client.organizations().get("").await.unwrap_err(),
        client.directories().get("org_1", "..").await.unwrap_err(),
        client.directories().users("", "dir_1").send().await.unwrap_err(),
        client.directories().users("org_1", "dir_1").page_size(0).send().await.unwrap_err(),
    ];
    assert!(errors.iter().all(|error| error.kind() == ErrorKind::InvalidArgument), "{errors:?}");
    assert_eq!(server.counts(), (0, 0));
}

#[tokio::test]
async fn the_next_caller_requests_the_token_if_the_first_is_cancelled() {
    let server = Server::start(|n| if n == 0 { Reply::Hang } else { ok(TOKEN) }, |_, _| ok(ORGANIZATION)).await;
    let client = server.client();
    let first = tokio::spawn({
        let client = client.clone();
        async move { client.organizations().get("org_1").await }
    });
    while server.counts().0 == 0 {
        tokio::task::yield_now().await;
    }
    let second = tokio::spawn(async move { client.organizations().get("org_1").await });
    tokio::task::yield_now().await;
    first.abort();
    second.await.unwrap().unwrap();
    assert_eq!(server.counts(), (2, 1));
}

#[test]
fn the_blocking_client_refuses_calls_in_an_async_task() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let client =
        headcount::blocking::Client::new(Client::builder("http://127.0.0.1:9", "skc_1", "test_secret")).unwrap();
    let error = runtime.block_on(async { client.organizations().get("org_1") }).unwrap_err();
    assert!(error.message().contains("async"), "{error}");
}

#[allow(clippy::disallowed_methods, reason = "measures elapsed real time")]
fn instant() -> Instant {
    Instant::now()
}

#[tokio::test]
async fn secrets_that_a_server_repeats_are_not_in_errors() {
    let echo = |request: &str| request.replace('"', "'").replace(['\r', '\n'], " ");
    // The client secret is `test_secret`. Secrets of fewer than 6 characters are not removed from errors, so the access token is longer.
    const LONG_TOKEN: &str = r#"{"access_token":"t0ken-of-the-server","expires_in":600}"#;
    let server = Server::start(
        |_| ok(LONG_TOKEN),
        move |_, request| {
            let body = format!(
                r#"{{"message":"unexpected request: {0}","error":"{0}","details":[{{"got":"{0}"}}]}}"#,
                echo(request)
            );
            Reply::Http("400 Bad Request", body)
        },
    )
    .await;
    let error = server.client().organizations().get("org_1").await.unwrap_err();
    let text = format!("{error} {error:?} {:?} {:?}", error.code(), error.details());
    assert!(error.message().contains("[redacted]") && !text.contains("t0ken-of-the-server"), "{text}");

    let refused = |_| {
        Reply::Http("422 Unprocessable", r#"{"message":"client_secret=test_secret","details":["test_secret"]}"#.into())
    };
    let server = Server::start(refused, |_, _| ok(ORGANIZATION)).await;
    let error = server.client().organizations().get("org_1").await.unwrap_err();
    let text = format!("{error} {error:?} {:?} {:?}", error.code(), error.details());
    assert!(!text.contains("test_secret"), "{text}");
}
