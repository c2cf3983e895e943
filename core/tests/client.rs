//! What the client does beside fetching: its token's life, its manners under load, its settings, and how it is watched and ended.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Reply, Server, TOKEN, ok};
use futures_util::StreamExt;
use headcount::{ActivityKind, CallOptions, Cancel, Client, ErrorKind, OrganizationFields, blocking};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ORGANIZATION: &str = r#"{"organization":{"id":"org_1","display_name":"Acme"}}"#;

/// Waits for what is under way elsewhere; a test that waits in vain hangs, and its suite has a limit.
async fn until(mut come: impl FnMut() -> bool) {
    while !come() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A token that lives for so many seconds, numbered.
fn token(n: usize, seconds: f64) -> Reply {
    ok(&format!(r#"{{"access_token":"token-{n}","token_type":"bearer","expires_in":{seconds}}}"#))
}

fn users(n: usize, last: usize) -> Reply {
    let next = if n + 1 < last { format!("p{}", n + 1) } else { String::new() };
    ok(&format!(r#"{{"users":[{{"id":"diruser_{n}"}}],"total_size":{last},"next_page_token":"{next}"}}"#))
}

/// Moves tokio's clock, on which tokens live.
async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_token_is_renewed_in_the_background_while_the_old_one_serves() {
    let carried = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&carried);
    let server = Server::start(
        // Lives for 200 s and is due for renewal at 180.
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
    pass(170).await;
    client.organizations().get("org_1").await.unwrap();
    assert_eq!(server.counts().0, 1);
    pass(15).await;
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
    let carried = carried.lock().unwrap();
    assert_eq!((carried[2].as_str(), carried[10].as_str()), ("token-0", "token-1"), "{carried:?}");
}

#[tokio::test]
async fn a_renewal_that_fails_fails_no_call_while_the_token_is_good() {
    // Lives for 200 s and is due at 180: the clock is tokio's, and moved.
    let server = Server::start(
        |n| if n == 0 { token(0, 200.0) } else { Reply::Http("500 Oops", String::new()) },
        |_, _| ok(ORGANIZATION),
    )
    .await;
    let client = server.client();
    client.organizations().get("org_1").await.unwrap();
    pass(185).await;
    for _ in 0..5 {
        client.organizations().get("org_1").await.unwrap();
    }
    // Three attempts of one renewal, and then a pause: the calls do not each start one.
    until(|| server.counts().0 == 4).await;
    client.organizations().get("org_1").await.unwrap();
    assert_eq!(server.counts().0, 4);
    pass(20).await;
    // Now it has ended, and there is no other.
    let error = client.organizations().get("org_1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
}

#[tokio::test]
async fn a_budget_keeps_a_broken_server_from_being_hammered() {
    let server = Server::start(|_| ok(TOKEN), |_, _| Reply::Http("500 Oops", String::new())).await;
    let client = server.with(|builder| builder.retry_budget(5));
    for _ in 0..10 {
        client.organizations().get("org_1").await.unwrap_err();
    }
    // The token's success came when nothing was missing: ten first attempts and five retries.
    assert_eq!(server.counts(), (1, 15));
    let error = client.organizations().get("org_1").await.unwrap_err();
    assert!(error.to_string().contains("budget"), "{error}");
    assert_eq!((client.stats().retries, client.stats().requests), (5, 17));
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_there_are_turns() {
    let (under_way, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, peak) = (Arc::clone(&under_way), Arc::clone(&most));
    let server = Server::start(
        |_| ok(TOKEN),
        move |_, _| {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            Reply::Late(Duration::from_millis(10), Box::new(ok(ORGANIZATION)))
        },
    )
    .await;
    let seen = Arc::clone(&under_way);
    let client = server.with(|builder| {
        builder.max_concurrency(3).observer(move |activity: &headcount::Activity<'_>| {
            if activity.kind == ActivityKind::Request && activity.operation == "get organization" {
                seen.fetch_sub(1, Ordering::SeqCst);
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
    assert_eq!((most.load(Ordering::SeqCst), server.counts()), (3, (1, 30)));
}

#[tokio::test]
async fn a_429_holds_back_every_caller() {
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

#[tokio::test]
async fn a_cancelled_call_ends_and_leaves_nothing_behind() {
    let server = Server::start(|_| ok(TOKEN), |_, _| Reply::Hang).await;
    let cancel = Cancel::new();
    let client = server.client();
    let call = client.with(CallOptions::new().cancel(cancel.clone()));
    let waiting = tokio::spawn(async move { call.organizations().get("org_1").await });
    until(|| server.counts().1 == 1).await;
    cancel.cancel();
    assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    server.left_alone().await;
    let late = client.with(CallOptions::new().cancel(cancel)).organizations().get("org_1").await.unwrap_err();
    assert_eq!((late.kind(), server.counts()), (ErrorKind::Cancelled, (1, 1)));

    // Dropping the future does the same.
    let waiting = tokio::spawn(async move { client.organizations().get("org_1").await });
    until(|| server.counts().1 == 2).await;
    waiting.abort();
    server.left_alone().await;
}

#[test]
fn a_blocking_call_is_ended_from_another_thread_and_by_its_check() {
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
    runtime.block_on(server.left_alone());
}

#[tokio::test]
async fn options_hold_for_the_calls_they_are_given_to() {
    let server = Server::start(|_| ok(TOKEN), |_, _| Reply::Hang).await;
    let client = server.client().with(CallOptions::new().timeout(Duration::from_millis(100)));
    assert_eq!(client.organizations().get("org_1").await.unwrap_err().kind(), ErrorKind::Timeout);
    for options in [CallOptions::new().timeout(Duration::ZERO), CallOptions::new().max_attempts(0)] {
        let error = client.with(options).organizations().get("org_1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
}

#[tokio::test]
async fn a_listing_reads_one_page_ahead_and_no_more() {
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
    // What has not been asked for does not come: the next request is the reader's own.
    let before = server.counts().1;
    assert_eq!(pages.next().await.unwrap().unwrap().items[0].id, "diruser_1");
    assert_eq!((before, server.counts().1), (1, 2));

    let server = Server::start(|_| ok(TOKEN), |n, _| users(n, 5)).await;
    let ids: Vec<_> =
        server.client().directories().users("o", "d").stream().map(|user| user.unwrap().id).collect().await;
    assert_eq!(ids, ["diruser_0", "diruser_1", "diruser_2", "diruser_3", "diruser_4"]);
    assert_eq!(server.counts(), (1, 5));
}

#[tokio::test]
async fn a_listing_that_is_dropped_ends_the_page_on_its_way() {
    let server = Server::start(|_| ok(TOKEN), |n, _| if n == 0 { users(0, 5) } else { Reply::Hang }).await;
    let mut pages = server.client().directories().users("org_1", "dir_1").pages();
    pages.next().await.unwrap().unwrap();
    until(|| server.counts().1 == 2).await;
    drop(pages);
    server.left_alone().await;
}

#[test]
fn a_listing_goes_on_when_the_runtime_that_read_ahead_has_ended() {
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
async fn what_is_sent_is_what_the_contract_asks_for() {
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
    let fields = OrganizationFields {
        external_id: Some("tenant \"1\"".into()),
        metadata: Some([("plan".to_owned(), "größer".to_owned())].into()),
        ..Default::default()
    };
    client.organizations().create("Acme", &fields).await.unwrap();
    client
        .organizations()
        .update("org_1", &OrganizationFields { slug: Some(String::new()), ..Default::default() })
        .await
        .unwrap();
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
async fn whoever_watches_is_told_everything_but_secrets() {
    let server = Server::start(
        |_| ok(TOKEN),
        |n, _| match n {
            0 => Reply::Http("503 Closed", String::new()),
            1 => Reply::Http("429 Slow Down\nretry-after: 0\r\n", String::new()),
            _ => users(2, 3),
        },
    )
    .await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&told);
    let client = server.with(|builder| {
        builder.observer(move |activity: &headcount::Activity<'_>| {
            let line = format!("{} {} {:?} {activity}", activity.level(), activity.kind, activity.status);
            seen.lock().unwrap().push(line);
        })
    });
    let list = client.directories().users("org_secret", "dir_secret").page_token("page_secret");
    list.send().await.unwrap();
    let told = told.lock().unwrap();
    let kinds: Vec<_> = told.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(
        kinds,
        ["request", "token_renewed", "request", "retry", "request", "throttled", "retry", "request"],
        "{told:#?}"
    );
    let text = told.join("\n");
    assert!(
        text.contains("GET /api/v1/organizations/{organization}/directories/{directory}/users 200 (attempt 3, "),
        "{text}"
    );
    assert!(!text.contains("secret") && !text.contains("t0ken"), "{text}");
    let stats = client.stats();
    let body = users(2, 3);
    let Reply::Http(_, body) = body else { unreachable!() };
    assert_eq!((stats.requests, stats.retries, stats.throttled, stats.token_renewals, stats.pages), (4, 2, 1, 1, 1));
    assert_eq!(stats.bytes, (TOKEN.len() + body.len()) as u64);
}

#[tokio::test]
async fn a_proxy_carries_what_it_is_told_to_and_nothing_else() {
    // A proxy is asked for the whole URL.
    let answer = |_: usize, request: &str| match request.split(" HTTP/1.1").next().unwrap() {
        "POST http://localhost:9/oauth/token" => ok(TOKEN),
        "GET http://localhost:9/api/v1/organizations/org_1" => ok(ORGANIZATION),
        other => panic!("{other}"),
    };
    let proxy = Server::start(|_| Reply::Close, answer).await;
    let through = Client::builder("http://localhost:9", "skc_1", "test_secret").proxy(&proxy.url).build().unwrap();
    through.organizations().get("org_1").await.unwrap();
    assert_eq!(proxy.counts(), (0, 2));
    let straight =
        Client::builder("http://localhost:9", "skc_1", "test_secret").proxy("").max_attempts(1).build().unwrap();
    let before = proxy.counts();
    assert_eq!(straight.organizations().get("org_1").await.unwrap_err().kind(), ErrorKind::Connection);
    assert_eq!(proxy.counts(), before);
}

#[test]
fn settings_that_cannot_be_used_are_named() {
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
