//! The client's access token, limits under load, settings, observers, cancellation and read-ahead.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Reply, Server, TOKEN, ok};
use futures_util::StreamExt;
use headcount::client::{ActivityKind, CallOptions, Cancel};
use headcount::mirror::Source;
use headcount::model::{Directory, OrganizationFields};
use headcount::{Client, ErrorKind, blocking};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ORGANIZATION: &str = r#"{"organization":{"id":"org_1","display_name":"Acme"}}"#;

/// Waits until the condition holds. If it never does, the time limit of the test suite ends the test.
async fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Returns the answer to a token request: the token number `n`, which is valid for `seconds`.
fn token(n: usize, seconds: f64) -> Reply {
    ok(&format!(r#"{{"access_token":"token-{n}","token_type":"bearer","expires_in":{seconds}}}"#))
}

/// Returns the answer with the page `n`, counted from 0, of a listing of `count` users with one user on each page.
fn users(n: usize, count: usize) -> Reply {
    let next = if n + 1 < count { format!("p{}", n + 1) } else { String::new() };
    ok(&format!(r#"{{"users":[{{"id":"diruser_{n}"}}],"total_size":{count},"next_page_token":"{next}"}}"#))
}

/// Advances tokio's clock, by which the client measures the lifetimes of tokens.
async fn advance(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_token_is_renewed_in_the_background_while_the_old_one_is_valid() {
    let tokens = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&tokens);
    let server = Server::start(
        // The first token is valid for 200 s, so the client renews it after 180 s of tokio's clock.
        |n| if n == 0 { token(0, 200.0) } else { Reply::Late(Duration::from_millis(50), Box::new(token(n, 3600.0))) },
        move |_, request| {
            let token = request.split_once("Bearer ").unwrap().1.split("\r\n").next().unwrap();
            seen.lock().unwrap().push(token.to_owned());
            ok(ORGANIZATION)
        },
    )
    .await;
    let client = server.client();
    client.organizations().get("org_1").await.unwrap();
    advance(170).await;
    client.organizations().get("org_1").await.unwrap();
    assert_eq!(server.counts().0, 1);
    advance(15).await;
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.organizations().get("org_1").await.map(|_| ()) })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    until(|| client.stats().token_renewals == 2).await;
    client.organizations().get("org_1").await.unwrap();
    assert_eq!(server.counts(), (2, 11));
    let tokens = tokens.lock().unwrap();
    assert_eq!(tokens[2], "token-0", "{tokens:?}");
    assert_eq!(tokens[10], "token-1", "{tokens:?}");
}

#[tokio::test]
async fn a_failed_renewal_does_not_fail_calls_while_the_token_is_valid() {
    // The first token is valid for 200 s, so the client renews it after 180 s of tokio's clock.
    let server = Server::start(
        |n| if n == 0 { token(0, 200.0) } else { Reply::Http("500 Oops", String::new()) },
        |_, _| ok(ORGANIZATION),
    )
    .await;
    let client = server.client();
    client.organizations().get("org_1").await.unwrap();
    advance(185).await;
    for _ in 0..5 {
        client.organizations().get("org_1").await.unwrap();
    }
    // Four token requests: the first, and three attempts of a renewal that failed. A pause follows a failed renewal, in which calls start no other.
    until(|| server.counts().0 == 4).await;
    client.organizations().get("org_1").await.unwrap();
    assert_eq!(server.counts().0, 4);
    advance(20).await;
    // 205 s have passed, so the token has expired, and there is no other.
    let error = client.organizations().get("org_1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
}

#[tokio::test]
async fn the_retry_budget_limits_the_requests_to_a_failing_server() {
    let server = Server::start(|_| ok(TOKEN), |_, _| Reply::Http("500 Oops", String::new())).await;
    let client = server.with(|builder| builder.retry_budget(5));
    for _ in 0..10 {
        client.organizations().get("org_1").await.unwrap_err();
    }
    // The budget is full at first, so the successful token request added nothing to it. Ten first attempts and five retries were made.
    assert_eq!(server.counts(), (1, 15));
    let error = client.organizations().get("org_1").await.unwrap_err();
    assert!(error.to_string().contains("budget"), "{error}");
    assert_eq!(client.stats().retries, 5);
    assert_eq!(client.stats().requests, 17);
}

#[tokio::test]
async fn no_more_requests_are_in_flight_than_max_concurrency() {
    let (in_flight, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (in_flight_at_server, most_at_server) = (Arc::clone(&in_flight), Arc::clone(&most));
    let server = Server::start(
        |_| ok(TOKEN),
        move |_, _| {
            let now = in_flight_at_server.fetch_add(1, Ordering::SeqCst) + 1;
            most_at_server.fetch_max(now, Ordering::SeqCst);
            Reply::Late(Duration::from_millis(10), Box::new(ok(ORGANIZATION)))
        },
    )
    .await;
    let client = server.with(|builder| {
        builder.max_concurrency(3).observer(move |activity: &headcount::client::Activity<'_>| {
            if activity.kind == ActivityKind::Request && activity.operation == "get organization" {
                in_flight.fetch_sub(1, Ordering::SeqCst);
            }
        })
    });
    let calls = (0..30).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.organizations().get("org_1").await.map(|_| ()) })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert_eq!(server.counts(), (1, 30));
}

#[tokio::test]
async fn a_429_pauses_every_caller_of_the_client() {
    let server = Server::start(
        |_| ok(TOKEN),
        |n, _| if n == 0 { Reply::Http("429 Slow Down\nretry-after: 1\r\n", String::new()) } else { ok(ORGANIZATION) },
    )
    .await;
    let client = server.client();
    let first = tokio::spawn({
        let client = client.clone();
        async move { client.organizations().get("org_1").await }
    });
    until(|| client.stats().throttled == 1).await;
    let before = tokio::time::Instant::now();
    client.organizations().get("org_1").await.unwrap();
    assert!(before.elapsed() >= Duration::from_millis(900), "{:?}", before.elapsed());
    first.await.unwrap().unwrap();
    assert_eq!(server.counts(), (1, 3));
}

/// Returns a client of the server, and a list to which the kind of each of the client's activities is appended.
fn observed(server: &Server, max_attempts: u32) -> (Client, Arc<Mutex<Vec<String>>>) {
    let kinds = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&kinds);
    let client = server.with(|builder| {
        builder.max_attempts(max_attempts).observer(move |activity: &headcount::client::Activity<'_>| {
            seen.lock().unwrap().push(activity.kind.to_string());
        })
    });
    (client, kinds)
}

#[tokio::test]
async fn a_429_of_the_token_request_counts_as_one_throttling() {
    let server =
        Server::start(|_| Reply::Http("429 Slow Down\nretry-after: 0\r\n", String::new()), |_, _| ok(ORGANIZATION))
            .await;
    let (client, kinds) = observed(&server, 1);

    let error = client.organizations().get("org_1").await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::RateLimit);
    assert_eq!(*kinds.lock().unwrap(), ["request", "throttled"]);
    assert_eq!(client.stats().throttled, 1);
}

#[tokio::test]
async fn a_429_of_a_token_request_for_which_several_calls_wait_counts_as_one_throttling() {
    let server =
        Server::start(|_| Reply::Http("429 Slow Down\nretry-after: 60\r\n", String::new()), |_, _| ok(ORGANIZATION))
            .await;
    let (client, kinds) = observed(&server, 2);
    let organizations = client.organizations();

    let (first, second) = tokio::join!(organizations.get("org_1"), organizations.get("org_2"));
    let later = organizations.get("org_3").await;

    for error in [first.unwrap_err(), second.unwrap_err(), later.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::RateLimit, "{error}");
    }
    assert_eq!(*kinds.lock().unwrap(), ["request", "throttled"]);
    assert_eq!(client.stats().throttled, 1);
    assert_eq!(server.counts(), (1, 0));
}

#[tokio::test]
async fn a_cancelled_call_ends_and_closes_its_connection() {
    let server = Server::start(|_| ok(TOKEN), |_, _| Reply::Hang).await;
    let cancel = Cancel::new();
    let client = server.client();
    let call = client.with(CallOptions::new().cancel(cancel.clone()));
    let waiting = tokio::spawn(async move { call.organizations().get("org_1").await });
    until(|| server.counts().1 == 1).await;
    cancel.cancel();
    assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    server.all_closed().await;
    let late = client.with(CallOptions::new().cancel(cancel)).organizations().get("org_1").await.unwrap_err();
    assert_eq!((late.kind(), server.counts()), (ErrorKind::Cancelled, (1, 1)));

    // Aborting the task drops the call's future, which also ends the call and closes its connection.
    let waiting = tokio::spawn(async move { client.organizations().get("org_1").await });
    until(|| server.counts().1 == 2).await;
    waiting.abort();
    server.all_closed().await;
}

#[test]
fn a_blocking_call_is_cancelled_from_another_thread_and_by_the_check_of_wait_interruptibly() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = runtime.block_on(Server::start(|_| ok(TOKEN), |_, _| Reply::Hang));
    let client = blocking::Client::new(Client::builder(&server.url, "skc_1", "test_secret")).unwrap();
    let cancel = Cancel::new();
    let call = client.with(CallOptions::new().cancel(cancel.clone()));
    let waiting = std::thread::spawn(move || call.organizations().get("org_1"));
    runtime.block_on(until(|| server.counts().1 == 1));
    cancel.cancel();
    assert_eq!(waiting.join().unwrap().unwrap_err().kind(), ErrorKind::Cancelled);

    let inner = client.current().unwrap();
    let mut asked = 0;
    let error = blocking::wait_interruptibly(inner.organizations().get("org_1"), Duration::from_millis(5), || {
        asked += 1;
        if asked < 3 { Ok(()) } else { Err(headcount::Error::cancelled()) }
    })
    .unwrap_err();
    assert_eq!((error.kind(), asked), (ErrorKind::Cancelled, 3));
    runtime.block_on(server.all_closed());
}

#[tokio::test]
async fn call_options_apply_to_the_calls_of_their_client_and_invalid_ones_are_refused() {
    let server = Server::start(|_| ok(TOKEN), |_, _| Reply::Hang).await;
    let client = server.client().with(CallOptions::new().timeout(Duration::from_millis(100)));
    assert_eq!(client.organizations().get("org_1").await.unwrap_err().kind(), ErrorKind::Timeout);
    for options in [CallOptions::new().timeout(Duration::ZERO), CallOptions::new().max_attempts(0)] {
        let error = client.with(options).organizations().get("org_1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
}

#[tokio::test]
async fn a_listing_reads_one_page_ahead_and_none_if_read_ahead_is_off() {
    let server = Server::start(|_| ok(TOKEN), |n, _| users(n, 5)).await;
    let client = server.client();
    let mut pages = client.directories().users("org_1", "dir_1").pages();
    pages.next().await.unwrap().unwrap();
    until(|| server.counts().1 == 2).await;
    until(|| client.stats().pages == 2).await;
    let next = pages.next().await.unwrap().unwrap();
    assert_eq!(next.items[0].id, "diruser_1");
    until(|| server.counts().1 == 3).await;
    drop(pages);

    let server = Server::start(|_| ok(TOKEN), |n, _| users(n, 5)).await;
    let mut pages = server.client().directories().users("org_1", "dir_1").read_ahead(false).pages();
    pages.next().await.unwrap().unwrap();
    // Without read-ahead, only `next` makes a request.
    let before = server.counts().1;
    assert_eq!(pages.next().await.unwrap().unwrap().items[0].id, "diruser_1");
    assert_eq!(before, 1);
    assert_eq!(server.counts().1, 2);

    let server = Server::start(|_| ok(TOKEN), |n, _| users(n, 5)).await;
    let ids: Vec<_> =
        server.client().directories().users("o", "d").stream().map(|user| user.unwrap().id).collect().await;
    assert_eq!(ids, ["diruser_0", "diruser_1", "diruser_2", "diruser_3", "diruser_4"]);
    assert_eq!(server.counts(), (1, 5));
}

#[tokio::test]
async fn a_lone_surrogate_in_a_listing_is_the_replacement_character() {
    let page =
        r#"{"users":[{"id":"diruser_1","given_name":"A\ud800da","user_detail":{"team":"\udfffx"}}],"total_size":1}"#;
    let server = Server::start(|_| ok(TOKEN), |_, _| ok(page)).await;
    let client = server.client();
    let mut pages = client.directories().users("org_1", "dir_1").include_detail(true).pages();
    let user = pages.next().await.unwrap().unwrap().items.remove(0);
    assert_eq!(user.given_name, "A\u{fffd}da");
    let detail: serde_json::Value = user.user_detail.unwrap().decode().unwrap();
    assert_eq!(detail["team"], "\u{fffd}x");
}

#[tokio::test]
async fn dropping_a_listing_cancels_the_page_that_is_fetched_ahead() {
    let server = Server::start(|_| ok(TOKEN), |n, _| if n == 0 { users(0, 5) } else { Reply::Hang }).await;
    let mut pages = server.client().directories().users("org_1", "dir_1").pages();
    pages.next().await.unwrap().unwrap();
    until(|| server.counts().1 == 2).await;
    drop(pages);
    server.all_closed().await;
}

#[test]
fn a_listing_continues_after_the_runtime_of_its_read_ahead_was_dropped() {
    let serving = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = serving.block_on(Server::start(|_| ok(TOKEN), |n, _| users(n, 2)));
    let first = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut pages = first.block_on(async {
        let mut pages = server.client().directories().users("org_1", "dir_1").pages();
        pages.next().await.unwrap().unwrap();
        pages
    });
    drop(first);
    let second = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(second.block_on(pages.next()).unwrap().unwrap().items[0].id, "diruser_1");
}

#[tokio::test]
async fn requests_have_the_form_that_the_api_requires() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let server = Server::start(
        |_| ok(TOKEN),
        move |_, request| {
            seen.lock().unwrap().push(request.to_owned());
            ok(ORGANIZATION)
        },
    )
    .await;
    let client = server.with(|builder| builder.user_agent_suffix("acme-provisioning/2.1"));
    let mut fields = OrganizationFields::default();
    fields.external_id = Some("tenant \"1\"".into());
    fields.metadata = Some([("plan".to_owned(), "größer".to_owned())].into());
    client.organizations().create("Acme", &fields).await.unwrap();
    let mut without_slug = OrganizationFields::default();
    without_slug.slug = Some(String::new());
    client.organizations().update("org_1", &without_slug).await.unwrap();
    client.organizations().delete("org_1").await.unwrap();
    let requests = requests.lock().unwrap();
    let body = |n: usize| requests[n].split_once("\r\n\r\n").unwrap().1;
    assert!(requests[0].starts_with("POST /api/v1/organizations HTTP/1.1\r\n"), "{}", requests[0]);
    assert!(requests[0].contains("content-type: application/json\r\n"), "{}", requests[0]);
    assert!(requests[0].contains("acme-provisioning/2.1\r\n") && requests[0].contains("user-agent: headcount/"));
    assert_eq!(body(0), r#"{"display_name":"Acme","external_id":"tenant \"1\"","metadata":{"plan":"größer"}}"#);
    assert!(requests[1].starts_with("PATCH /api/v1/organizations/org_1 HTTP/1.1\r\n"));
    assert_eq!(body(1), r#"{"slug":""}"#);
    assert!(requests[2].starts_with("DELETE /api/v1/organizations/org_1 HTTP/1.1\r\n"));
}

#[tokio::test]
async fn an_observer_receives_every_activity_and_no_secrets() {
    let server = Server::start(
        |_| ok(TOKEN),
        |n, _| match n {
            0 => Reply::Http("503 Closed", String::new()),
            1 => Reply::Http("429 Slow Down\nretry-after: 0\r\n", String::new()),
            _ => users(2, 3),
        },
    )
    .await;
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lines);
    let client = server.with(|builder| {
        builder.observer(move |activity: &headcount::client::Activity<'_>| {
            let line = format!("{} {} {:?} {activity}", activity.level(), activity.kind, activity.status);
            seen.lock().unwrap().push(line);
        })
    });
    let list = client.directories().users("org_secret", "dir_secret").page_token("page_secret");
    list.send().await.unwrap();
    let lines = lines.lock().unwrap();
    let kinds: Vec<_> = lines.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(
        kinds,
        ["request", "token_renewed", "request", "retry", "request", "throttled", "retry", "request"],
        "{lines:#?}"
    );
    let text = lines.join("\n");
    assert!(
        text.contains("GET /api/v1/organizations/{organization}/directories/{directory}/users 200 (attempt 3, "),
        "{text}"
    );
    assert!(!text.contains("secret") && !text.contains("t0ken"), "{text}");
    let stats = client.stats();
    let Reply::Http(_, body) = users(2, 3) else { unreachable!() };
    assert_eq!(stats.requests, 4);
    assert_eq!(stats.retries, 2);
    assert_eq!(stats.throttled, 1);
    assert_eq!(stats.token_renewals, 1);
    assert_eq!(stats.pages, 1);
    assert_eq!(stats.bytes, (TOKEN.len() + body.len()) as u64);
}

#[tokio::test]
async fn requests_go_through_the_proxy_only_if_one_is_set() {
    // The first line of a request to a proxy has the absolute URL. Therefore the server does not recognize the token request, and counts it among the
    // other requests.
    let answer = |_: usize, request: &str| match request.split(" HTTP/1.1").next().unwrap() {
        "POST http://localhost:9/oauth/token" => ok(TOKEN),
        "GET http://localhost:9/api/v1/organizations/org_1" => ok(ORGANIZATION),
        other => panic!("{other}"),
    };
    let proxy = Server::start(|_| Reply::Close, answer).await;
    let through = Client::builder("http://localhost:9", "skc_1", "test_secret").proxy(&proxy.url).build().unwrap();
    through.organizations().get("org_1").await.unwrap();
    assert_eq!(proxy.counts(), (0, 2));
    let direct =
        Client::builder("http://localhost:9", "skc_1", "test_secret").proxy("").max_attempts(1).build().unwrap();
    let before = proxy.counts();
    assert_eq!(direct.organizations().get("org_1").await.unwrap_err().kind(), ErrorKind::Connection);
    assert_eq!(proxy.counts(), before);
}

#[test]
fn the_error_for_an_invalid_setting_names_it() {
    let dir = std::env::temp_dir();
    let builder = || Client::builder("https://acme.example", "skc_1", "test_secret");
    let empty = dir.join(format!("headcount-empty-{}.pem", std::process::id()));
    std::fs::write(&empty, "no certificate").unwrap();
    for (built, named) in [
        (builder().timeout(Duration::ZERO).build(), "timeout"),
        (builder().max_concurrency(0).build(), "max_concurrency"),
        (builder().max_response_bytes(0).build(), "max_response_bytes"),
        (builder().max_attempts(0).build(), "max_attempts"),
        (builder().proxy("ftp://user:hunter2@proxy").build(), "proxy has the scheme ftp"),
        (builder().proxy("hunter2").build(), "proxy is not a URL"),
        (builder().ca_file("/does/not/exist.pem").build(), "ca_file /does/not/exist.pem cannot be read"),
        (builder().ca_file(&empty).build(), "holds no certificate"),
        (builder().user_agent_suffix("acme\r\nx: y").build(), "user_agent_suffix"),
    ] {
        let error = built.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains(named) && !error.message().contains("hunter2"), "{error}");
    }
    std::fs::remove_file(empty).unwrap();
}

#[tokio::test]
async fn served_at_is_the_end_of_the_second_in_the_date_header_or_none() {
    for (headers, expected) in [
        ("200 OK\ndate: Sun, 01 Jun 2025 12:03:00 GMT\r\n", Some("2025-06-01T12:03:00.999999999Z")),
        ("200 OK\ndate: today\r\n", None),
        ("200 OK", None),
    ] {
        let body = r#"{"users":[],"total_size":0}"#;
        let server = Server::start(|_| ok(TOKEN), move |_, _| Reply::Http(headers, body.to_owned())).await;
        let directory: Directory =
            serde_json::from_str(r#"{"id":"dir_1","organization_id":"org_1","enabled":true}"#).unwrap();
        let mut pages = Source::users(&server.client(), &directory, None);
        assert_eq!(pages.served_at(), None);
        pages.next().await.unwrap();
        assert_eq!(pages.served_at(), expected.map(|at| at.parse().unwrap()), "{headers}");
    }
}
