//! The test vectors that the Rust library and every binding share. tests/vectors/README.md describes them.
#![allow(clippy::unwrap_used, reason = "a test")]

use headcount::events::{EventData, EventType};
use headcount::internal::{verify_parsed_interceptor_payload, verify_parsed_webhook_payload};
use headcount::system::Clock;
use headcount::webhook::{Replay, ReplayGuard, ReplayStore, verify_interceptor_payload, verify_webhook_payload};
use headcount::{ErrorKind, Event, Reason, Result, Timestamp, Webhook};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The file of a set of vectors.
#[derive(Deserialize)]
struct File<T> {
    cases: Vec<T>,
}

/// Returns the cases of a file of vectors.
fn cases<T: serde::de::DeserializeOwned>(text: &str) -> Vec<T> {
    serde_json::from_str::<File<T>>(text).unwrap().cases
}

/// A body or a header's value: text, bytes in hexadecimal, or repeated text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Bytes {
    Text(String),
    Hex {
        hex: String,
    },
    /// `prefix`, `repeat` as often as `count` says, `middle`, `repeat_after` as often as `count` says, and `suffix`.
    Repeat {
        #[serde(default)]
        prefix: String,
        repeat: String,
        count: usize,
        #[serde(default)]
        middle: String,
        #[serde(default)]
        repeat_after: String,
        #[serde(default)]
        suffix: String,
    },
}

impl Bytes {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Bytes::Text(text) => text.clone().into_bytes(),
            Bytes::Hex { hex } => {
                (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
            }
            Bytes::Repeat { prefix, repeat, count, middle, repeat_after, suffix } => {
                format!("{prefix}{}{middle}{}{suffix}", repeat.repeat(*count), repeat_after.repeat(*count)).into_bytes()
            }
        }
    }
}

fn headers(headers: &[(String, Bytes)]) -> Vec<(&str, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.bytes())).collect()
}

/// The expected result of a verification: success, with these fields of the event if there are any, or an error with this reason.
#[derive(Deserialize)]
struct Expect {
    ok: bool,
    reason: Option<String>,
    event: Option<BTreeMap<String, String>>,
}

impl Expect {
    fn check(&self, name: &str, result: Result<Option<Event>>) {
        match result {
            Ok(event) => {
                assert!(self.ok, "{name}: accepted, expected {:?}", self.reason);
                if let (Some(event), Some(expected)) = (event, &self.event) {
                    let actual = BTreeMap::from(
                        [
                            ("id", event.id().to_owned()),
                            ("type", event.type_().to_owned()),
                            ("occurred_at", event.occurred_at().to_string()),
                            ("organization_id", event.organization_id().to_owned()),
                            ("environment_id", event.environment_id().to_owned()),
                        ]
                        .map(|(name, value)| (name.to_owned(), value)),
                    );
                    assert_eq!(&actual, expected, "{name}");
                }
            }
            Err(error) => {
                assert_eq!(error.reason().map(Reason::name), self.reason.as_deref(), "{name}: {error}");
                assert_eq!(error.kind(), ErrorKind::WebhookVerification, "{name}");
            }
        }
    }
}

fn at(now: i64) -> Timestamp {
    Timestamp::from_second(now).unwrap()
}

#[test]
fn verification_follows_the_vectors() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        call: String,
        secrets: Vec<String>,
        #[serde(default = "five_minutes")]
        tolerance: u64,
        now: i64,
        headers: Vec<(String, Bytes)>,
        body: Bytes,
        expect: Expect,
    }
    fn five_minutes() -> u64 {
        300
    }
    let cases = cases::<Case>(include_str!("../../tests/vectors/webhook_verify.json"));
    assert!(cases.len() >= 80);
    for case in cases {
        let builder = Webhook::builder().tolerance(Duration::from_secs(case.tolerance));
        let webhook =
            case.secrets.iter().fold(builder, |builder, secret| builder.secret(secret.as_str())).build().unwrap();
        let (headers, body) = (headers(&case.headers), case.body.bytes());
        let result = match case.call.as_str() {
            "verify" => webhook.verify_at(&headers, &body, at(case.now)).map(Some),
            "verify_signature" => webhook.verify_signature_at(&headers, &body, at(case.now)).map(|()| None),
            call => panic!("{call}"),
        };
        case.expect.check(&case.name, result);
    }
}

#[test]
fn secrets_are_accepted_or_refused_as_in_the_vectors() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        secret: Value,
        ok: bool,
    }
    for case in cases::<Case>(include_str!("../../tests/vectors/webhook_secrets.json")) {
        let secrets: Vec<String> = match case.secret {
            Value::String(secret) => vec![secret],
            list => serde_json::from_value(list).unwrap(),
        };
        let made = Webhook::new(secrets.iter().map(String::as_str));
        assert_eq!(made.is_ok(), case.ok, "{}: {made:?}", case.name);
        if let Err(error) = made {
            assert_eq!(
                (error.kind(), error.reason()),
                (ErrorKind::Config, Some(Reason::InvalidSecret)),
                "{}",
                case.name
            );
            // Only secrets of more than 8 characters are looked for, because a shorter one may occur in the error's text by chance.
            let long = |secret: &&String| secret.trim_start_matches("whsec_").len() > 8;
            assert!(!secrets.iter().filter(long).any(|secret| error.to_string().contains(secret.as_str())), "{error}");
            if let [secret] = secrets.as_slice() {
                let error =
                    headcount::webhook::verify_webhook_payload(secret, &[("webhook-id", "x")], b"").unwrap_err();
                assert_eq!(
                    (error.kind(), error.reason()),
                    (ErrorKind::WebhookVerification, Some(Reason::InvalidSecret))
                );
            }
        }
    }
}

#[test]
fn signing_gives_the_headers_of_the_vectors() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        secret: String,
        id: String,
        timestamp: i64,
        body: Bytes,
        headers: BTreeMap<String, String>,
    }
    for case in cases::<Case>(include_str!("../../tests/vectors/webhook_sign.json")) {
        let webhook = Webhook::new([case.secret.as_str()]).unwrap();
        let signed = webhook.sign(&case.body.bytes(), Some(&case.id), Some(case.timestamp)).unwrap();
        let actual = signed.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        assert_eq!(case.headers, actual, "{}", case.name);
    }
}

#[test]
fn verification_of_parsed_bodies_follows_the_vectors() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        secret: String,
        now: i64,
        headers: Vec<(String, Bytes)>,
        compact: String,
        expect: Expect,
    }
    for case in cases::<Case>(include_str!("../../tests/vectors/webhook_parsed.json")) {
        let webhook = Webhook::new([case.secret.as_str()]).unwrap();
        let result = webhook.verify_parsed_at(&headers(&case.headers), &case.compact, at(case.now));
        if let Err(error) = &result
            && error.reason() == Some(Reason::NoMatch)
        {
            assert!(error.message().contains("raw body"), "{error}");
        }
        case.expect.check(&case.name, result.map(Some));
    }
}

#[test]
fn the_functions_for_interceptors_and_webhooks_choose_headers_as_in_the_vectors() {
    #[derive(Deserialize)]
    struct Signed {
        family: String,
        signed_with: String,
        parts: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Case {
        name: String,
        call: String,
        secret: String,
        body: String,
        headers: Vec<Signed>,
        expect: Expect,
    }
    let cases = cases::<Case>(include_str!("../../tests/vectors/webhook_interceptors.json"));
    assert!(cases.len() >= 12);
    for Case { name, call, secret, body, headers, expect } in cases {
        let mut sent: Vec<(String, String)> = Vec::new();
        for Signed { family, signed_with, parts } in headers {
            let signed = Webhook::new([signed_with.as_str()]).unwrap().sign(body.as_bytes(), None, None).unwrap();
            for (header, value) in signed.iter() {
                let part = header.strip_prefix("webhook-").unwrap();
                if parts.iter().any(|wanted| wanted == part) {
                    sent.push((format!("{family}-{part}"), value.to_owned()));
                }
            }
        }
        let (raw, parsed) = match call.as_str() {
            "interceptor" => (
                verify_interceptor_payload(&secret, &sent, body.as_bytes()),
                verify_parsed_interceptor_payload(&secret, &sent, &body),
            ),
            "webhook" => (
                verify_webhook_payload(&secret, &sent, body.as_bytes()),
                verify_parsed_webhook_payload(&secret, &sent, &body),
            ),
            other => panic!("{name}: {other}"),
        };
        for result in [raw, parsed] {
            expect.check(&name, result.map(|()| None));
        }
    }
}

#[test]
fn every_published_event_is_decoded_completely() {
    let events: BTreeMap<String, Value> =
        serde_json::from_str(include_str!("../../tests/vectors/webhook_events.json")).unwrap();
    assert_eq!(events.len(), 41);
    let webhook = Webhook::new(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]).unwrap();
    for (kind, expected) in events {
        for body in [expected.to_string(), serde_json::to_string_pretty(&expected).unwrap()] {
            let headers = webhook.sign(body.as_bytes(), None, None).unwrap();
            let event = webhook.verify(&headers, body.as_bytes()).unwrap();
            assert_eq!((event.type_(), event.id()), (kind.as_str(), expected["id"].as_str().unwrap()));
            assert_eq!(event.data().decode::<Value>().unwrap(), expected["data"]);
            assert_eq!(event.body(), body.as_bytes());
            assert!(!matches!(event.event_type(), EventType::Other(_)), "{kind}");
            // The decoded type has every member of the example.
            let decoded = match event.decode().unwrap() {
                EventData::DirectoryUser(data) => serde_json::to_value(data),
                EventData::DirectoryGroup(data) => serde_json::to_value(data),
                EventData::Directory(data) => serde_json::to_value(data),
                EventData::Organization(data) => serde_json::to_value(data),
                EventData::Domain(data) => serde_json::to_value(data),
                EventData::Membership(data) => serde_json::to_value(data),
                EventData::Session(data) => serde_json::to_value(data),
                EventData::Connection(data) => serde_json::to_value(data),
                EventData::Role(data) => serde_json::to_value(data),
                EventData::Permission(data) => serde_json::to_value(data),
                EventData::ConnectedAccount(data) => serde_json::to_value(data),
                other => panic!("{kind}: {other:?}"),
            };
            assert_has_all(&decoded.unwrap(), &expected["data"], &kind);
        }
    }
}

/// Asserts that `decoded` has every member of `sent` that is not null, with the same value. Times may be written differently.
fn assert_has_all(decoded: &Value, sent: &Value, place: &str) {
    match (decoded, sent) {
        (_, Value::Null) => {}
        (Value::Object(decoded), Value::Object(sent)) => {
            for (name, value) in sent {
                assert_has_all(decoded.get(name).unwrap_or(&Value::Null), value, &format!("{place}.{name}"));
            }
        }
        (Value::Array(decoded), Value::Array(sent)) => {
            assert_eq!(decoded.len(), sent.len(), "{place}");
            decoded.iter().zip(sent).for_each(|(decoded, sent)| assert_has_all(decoded, sent, place));
        }
        (Value::String(decoded), Value::String(sent)) => {
            let moment = |text: &str| text.parse::<Timestamp>();
            assert!(decoded == sent || moment(decoded).unwrap() == moment(sent).unwrap(), "{place}");
        }
        (decoded, sent) => assert_eq!(decoded, sent, "{place}"),
    }
}

#[test]
fn older_event_types_are_replaced_and_unknown_types_and_unexpected_data_are_kept() {
    let event = |kind: &str, data: &str| {
        let body =
            format!(r#"{{"id":"evt_1","type":"{kind}","occurred_at":"2025-01-06T18:44:25.153954001Z","data":{data}}}"#);
        Event::from_verified_body(body.as_bytes()).unwrap()
    };
    for (older, current) in [
        ("scalekit.dir.user.create", "organization.directory.user_created"),
        ("scalekit.dir.user.update", "organization.directory.user_updated"),
        ("scalekit.dir.user.delete", "organization.directory.user_deleted"),
        ("scalekit.dir.group.create", "organization.directory.group_created"),
        ("scalekit.dir.group.update", "organization.directory.group_updated"),
        ("scalekit.dir.group.delete", "organization.directory.group_deleted"),
        ("scalekit.dir.sync.enable", "organization.directory_enabled"),
        ("scalekit.dir.sync.disable", "organization.directory_disabled"),
    ] {
        let event = event(older, r#"{"id":"x_1"}"#);
        assert_eq!(event.type_(), current);
        assert!(String::from_utf8_lossy(event.body()).contains(older));
    }
    let unknown = event("directory.user.promoted", r#"{"to":"boss"}"#);
    assert_eq!(unknown.type_(), "directory.user.promoted");
    assert_eq!(unknown.decode().unwrap(), EventData::Unknown(unknown.data().to_raw().unwrap()));
    let odd = event("role.created", r#"{"name":["hunter2"]}"#);
    let error = odd.decode().unwrap_err();
    assert_eq!(error.reason(), Some(Reason::MalformedEvent));
    assert!(error.to_string().contains("expected a string") && !error.to_string().contains("hunter2"), "{error}");
    assert_eq!(odd.data().get(), r#"{"name":["hunter2"]}"#);
}

/// A clock that the test sets.
#[derive(Clone)]
struct TestClock(Arc<AtomicI64>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        at(self.0.load(Ordering::Relaxed))
    }
}

/// A replay store of the test: its clock, and message ids with the times at which they expire.
struct TestStore(TestClock, Mutex<HashMap<String, Timestamp>>);

impl ReplayStore for TestStore {
    fn contains(&self, message_id: &str) -> Result<bool> {
        Ok(self.1.lock().unwrap().get(message_id).is_some_and(|expires_at| *expires_at > self.0.now()))
    }

    fn record(&self, message_id: &str, expires_at: Timestamp) -> Result<()> {
        self.1.lock().unwrap().insert(message_id.to_owned(), expires_at);
        Ok(())
    }
}

#[test]
fn replay_guards_follow_the_vectors() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        now: i64,
        retention: u64,
        capacity: Option<usize>,
        steps: Vec<Step>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Step {
        Check { check: String, expect: String },
        Commit { commit: String },
        Advance { advance: i64 },
    }
    let folder = std::env::temp_dir().join(format!("headcount-replay-vectors-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let cases = cases::<Case>(include_str!("../../tests/vectors/webhook_replay.json"));
    assert!(cases.len() >= 25);
    for case in cases {
        let clock = || TestClock(Arc::new(AtomicI64::new(case.now)));
        let run = |store: &str, guard: ReplayGuard, clock: TestClock| {
            let guard = guard.retention(Duration::from_secs(case.retention)).clock(clock.clone());
            for (index, step) in case.steps.iter().enumerate() {
                match step {
                    Step::Check { check, expect } => {
                        let replay = guard.check_id(check).unwrap();
                        assert_eq!(replay.name(), expect, "{}, {store}, step {index}", case.name);
                        assert_eq!(replay == Replay::Again, expect == "again");
                    }
                    Step::Commit { commit } => guard.commit_id(commit).unwrap(),
                    Step::Advance { advance } => drop(clock.0.fetch_add(*advance, Ordering::Relaxed)),
                }
            }
        };
        run("memory", ReplayGuard::in_memory(case.capacity.unwrap_or(1000)), clock());
        if case.capacity.is_none() {
            let clock_of_store = clock();
            run(
                "a store of the test",
                ReplayGuard::new(TestStore(clock_of_store.clone(), Mutex::default())),
                clock_of_store,
            );
            #[cfg(feature = "sqlite")]
            run("sqlite", ReplayGuard::sqlite(folder.join(format!("{}.db", case.name))).unwrap(), clock());
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
