//! Real crashes: a process that syncs, receives, polls and acknowledges is killed at random instants, again and again. What it said it had
//! done is done, nothing is done twice, and the file is whole.
//!
//! `HEADCOUNT_CRASHES=200` says how often; 40 unless set.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use headcount::{ChangeKind, Client, Event, Mirror, OsRandom, Outcome, Random, SyncMode, Webhook};
use headcount_sandbox::{NewUser, Sandbox, UserChange};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// What a process is told by who kills it.
const FILE: &str = "HEADCOUNT_CRASH_FILE";
const SETTINGS: &str = "HEADCOUNT_CRASH_SETTINGS";

/// The process that is killed. As a test of its own it has nothing to do.
#[test]
fn victim() {
    let Ok(file) = std::env::var(FILE) else { return };
    let settings: serde_json::Value = serde_json::from_str(&std::env::var(SETTINGS).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(live(Path::new(&file), &settings));
}

/// Works until it is killed, and says what it has done once it is done.
async fn live(file: &Path, settings: &serde_json::Value) {
    let text = |name: &str| settings[name].as_str().unwrap().to_owned();
    let webhook = Webhook::new([text("webhook_secret")]).unwrap();
    let client = Client::builder(text("environment_url"), text("client_id"), text("client_secret")).build().unwrap();
    let mirror = Mirror::builder().client(client).webhook(webhook.clone()).guard_users(1_000).open(file).await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    println!("opened");
    loop {
        let deliveries =
            http.get(format!("{}/deliveries", text("control_url"))).send().await.unwrap().text().await.unwrap();
        let deliveries: serde_json::Value = serde_json::from_str(&deliveries).unwrap();
        let bodies = deliveries["deliveries"].as_array().unwrap();
        for _ in 0..8 {
            let body = bodies[OsRandom.bits() as usize % bodies.len()]["body"].as_str().unwrap().as_bytes();
            let headers = webhook.sign(body, None, None).unwrap();
            let outcome = mirror.receive(&headers, body).await.unwrap();
            println!("received {} {}", Event::from_verified_body(body).unwrap().id(), outcome.name());
        }
        let mode = if OsRandom.bits() & 1 == 0 { SyncMode::Full } else { SyncMode::Incremental };
        mirror.sync(&text("organization_id")).mode(mode).await.unwrap();
        for _ in 0..4 {
            let batch = mirror.poll("app", 1 + OsRandom.bits() as usize % 20).await.unwrap();
            let Some(last) = batch.last() else { break };
            mirror.ack("app", last.seq).await.unwrap();
            println!("acknowledged {}", last.seq);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_to_be_done_is_done_however_often_it_is_killed() {
    let crashes = std::env::var("HEADCOUNT_CRASHES").map_or(40, |text| text.parse().unwrap());
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("crash");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("mirror.db");
    let sandbox = Sandbox::builder().users(30).groups(3).start().unwrap();
    sandbox.register_endpoint("http://127.0.0.1:9/");
    let mut staff: Vec<String> = Vec::new();
    let (mut received, mut acknowledged) = (BTreeSet::new(), 0_i64);
    for round in 0..crashes {
        for _ in 0..3 {
            happen(&sandbox, &mut staff, round);
        }
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "victim", "--nocapture"])
            .env(FILE, &file)
            .env(SETTINGS, sandbox.settings().to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        let reader = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<String>>());
        // Any instant will do: from before the file is opened to some rounds of work later.
        std::thread::sleep(Duration::from_millis(OsRandom.bits() % 250));
        victim.kill().unwrap();
        victim.wait().unwrap();
        let mut before = acknowledged;
        for line in reader.join().unwrap() {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["received", id, outcome] => {
                    let is_new = received.insert((*id).to_owned());
                    assert!(
                        is_new || *outcome == Outcome::Duplicate.name(),
                        "{id} was settled before, and is {outcome} now"
                    );
                }
                ["acknowledged", seq] => {
                    let seq: i64 = seq.parse().unwrap();
                    assert!(seq > before, "{seq} was acknowledged before");
                    before = seq;
                }
                _ => {}
            }
        }
        acknowledged = before;
    }
    check(&file, &sandbox, &received, acknowledged).await;
}

/// Somebody is hired, changed or let go.
fn happen(sandbox: &Sandbox, staff: &mut Vec<String>, round: u64) {
    match OsRandom.bits() % 3 {
        0 if staff.len() > 5 => {
            sandbox.delete_user(&staff.swap_remove(OsRandom.bits() as usize % staff.len())).unwrap()
        }
        1 if !staff.is_empty() => {
            let id = &staff[OsRandom.bits() as usize % staff.len()];
            let change = UserChange { family_name: Some(format!("King {}", OsRandom.bits())), ..UserChange::default() };
            sandbox.update_user(id, change).unwrap();
        }
        _ => {
            let email = format!("hire.{round}.{}@example.com", OsRandom.bits());
            staff.push(sandbox.create_user(NewUser { email, ..NewUser::default() }).unwrap().id);
        }
    }
}

async fn check(file: &Path, sandbox: &Sandbox, received: &BTreeSet<String>, acknowledged: i64) {
    let sqlite = rusqlite::Connection::open(file).unwrap();
    let whole: String = sqlite.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
    drop(sqlite);
    let webhook = Webhook::new([sandbox.webhook_secret()]).unwrap();
    let client = sandbox.client().build().unwrap();
    let mirror = Mirror::builder().client(client).webhook(webhook.clone()).guard_users(1_000).open(file).await.unwrap();
    for delivery in sandbox.deliveries() {
        let body = delivery.body.as_bytes();
        let outcome = mirror.receive(&webhook.sign(body, None, None).unwrap(), body).await.unwrap();
        assert!(
            outcome == Outcome::Duplicate || !received.contains(&delivery.event_id),
            "{} was lost",
            delivery.event_id
        );
    }
    let next = mirror.poll("app", 1).await.unwrap();
    assert!(next.first().is_none_or(|change| change.seq > acknowledged), "what was acknowledged came again");
    mirror.sync(sandbox.organization_id()).mode(SyncMode::Full).await.unwrap();
    // Another consumer, from the first change on: no gap, nobody made or removed twice, no event applied twice.
    let (mut expected, mut live, mut told) = (1, BTreeMap::new(), BTreeSet::new());
    loop {
        let batch = mirror.poll("audit", 1_000).await.unwrap();
        let Some(last) = batch.last() else { break };
        for change in &batch {
            assert_eq!(change.seq, expected);
            expected += 1;
            let user = change.user.as_ref().map(|user| user.id.clone()).unwrap_or_default();
            if change.cause.starts_with("event:") {
                assert!(
                    told.insert((change.cause.clone(), change.kind.name(), user.clone())),
                    "{} twice",
                    change.cause
                );
            }
            match change.kind {
                ChangeKind::UserCreated => assert_eq!(live.insert(user.clone(), true), None, "{user} was hired twice"),
                ChangeKind::UserDeleted => assert_eq!(live.remove(&user), Some(true), "{user} left twice"),
                _ => {}
            }
        }
        mirror.ack("audit", last.seq).await.unwrap();
    }
    let status = mirror.status().await.unwrap().remove(0);
    assert_eq!(live.len() as u64, status.users);
}
