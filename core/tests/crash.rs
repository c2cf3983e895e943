//! Crash safety with a real process: a process that syncs, receives webhooks, polls and acknowledges is killed at random times. What the
//! process has acknowledged must survive, no event may be applied twice, and the file must stay valid.
//!
//! The environment variable `HEADCOUNT_CRASHES` sets the number of crashes; the default is 40.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use headcount::mirror::{Outcome, SyncMode};
use headcount::system::{OsRandom, Random};
use headcount::{ChangeKind, Client, Event, Mirror, Webhook};
use headcount_sandbox::{NewUser, Sandbox, UserChange};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Environment variable with the path of the mirror, for the process that is killed.
const FILE: &str = "HEADCOUNT_CRASH_FILE";
/// Environment variable with the sandbox's settings as JSON, for the process that is killed.
const SETTINGS: &str = "HEADCOUNT_CRASH_SETTINGS";

/// The number of users that the guard permits to be removed: so high that the guard never holds a removal, because this test is about crashes.
const GUARD_USERS: u64 = 1_000;

/// The process that is killed. The test below starts this function with the environment variables; without them, the function does nothing.
#[test]
fn killed_process() {
    let Ok(file) = std::env::var(FILE) else { return };
    let settings: serde_json::Value = serde_json::from_str(&std::env::var(SETTINGS).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work_until_killed(Path::new(&file), &settings));
}

/// Receives webhooks, syncs, polls and acknowledges until the process is killed. Prints a line for each received event and each acknowledged
/// batch, after the call has returned.
async fn work_until_killed(file: &Path, settings: &serde_json::Value) {
    let text = |name: &str| settings[name].as_str().unwrap().to_owned();
    let webhook = Webhook::new([text("webhook_secret")]).unwrap();
    let client = Client::builder(text("environment_url"), text("client_id"), text("client_secret")).build().unwrap();
    let mirror =
        Mirror::builder().client(client).webhook(webhook.clone()).guard_users(GUARD_USERS).open(file).await.unwrap();
    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_backend_preconfigured(
            headcount::internal::tls::config(headcount::internal::tls::SystemRoots::Unused, Vec::new()).unwrap(),
        )
        .build()
        .unwrap();
    println!("opened");
    loop {
        let deliveries =
            http.get(format!("{}/deliveries", text("control_url"))).send().await.unwrap().text().await.unwrap();
        let deliveries: serde_json::Value = serde_json::from_str(&deliveries).unwrap();
        let deliveries = deliveries["deliveries"].as_array().unwrap();
        for _ in 0..8 {
            let body = deliveries[random_below(deliveries.len())]["body"].as_str().unwrap().as_bytes();
            let headers = webhook.sign(body, None, None).unwrap();
            let outcome = mirror.receive(&headers, body).await.unwrap();
            println!("received {} {}", Event::from_verified_body(body).unwrap().id(), outcome.name());
        }
        let mode = if random_below(2) == 0 { SyncMode::Full } else { SyncMode::Incremental };
        mirror.sync(&text("organization_id")).mode(mode).await.unwrap();
        for _ in 0..4 {
            let batch = mirror.poll("app", 1 + random_below(20)).await.unwrap();
            let Some(last) = batch.last() else { break };
            mirror.ack("app", last.seq).await.unwrap();
            println!("acknowledged {}", last.seq);
        }
    }
}

fn random_below(bound: usize) -> usize {
    OsRandom.bits() as usize % bound
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_repeatedly_keeps_what_it_acknowledged() {
    let crashes = std::env::var("HEADCOUNT_CRASHES").map_or(40, |text| text.parse().unwrap());
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("crash");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("mirror.db");
    let sandbox = Sandbox::builder().users(30).groups(3).start().unwrap();
    // No server listens at this address. The sandbox records its deliveries, and the process reads them from the sandbox.
    sandbox.register_endpoint("http://127.0.0.1:9/").unwrap();
    let mut user_ids: Vec<String> = Vec::new();
    let mut acknowledged = Acknowledged::default();
    for round in 0..crashes {
        for _ in 0..3 {
            change_a_user(&sandbox, &mut user_ids, round);
        }
        for line in run_until_killed(&file, &sandbox) {
            acknowledged.add(&line);
        }
    }
    let mirror = check_file(&file, &sandbox, &acknowledged).await;
    check_feed(&mirror).await;
}

/// Starts [`killed_process`] and kills it after a random time of less than 250 ms, which may be before it has opened the file. Returns the lines
/// that it printed.
fn run_until_killed(file: &Path, sandbox: &Sandbox) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed_process", "--nocapture"])
        .env(FILE, file)
        .env(SETTINGS, sandbox.settings().to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reader = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<String>>());
    std::thread::sleep(Duration::from_millis(OsRandom.bits() % 250));
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

/// What the killed processes have acknowledged, according to the lines that they printed.
#[derive(Default)]
struct Acknowledged {
    /// Ids of the events that were received.
    events: BTreeSet<String>,
    /// Number of the last change that the consumer `app` acknowledged, or 0.
    seq: i64,
}

impl Acknowledged {
    /// Adds a printed line. Panics if the line shows that an earlier acknowledgement was lost.
    fn add(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["received", id, outcome] => {
                let is_new = self.events.insert((*id).to_owned());
                let is_duplicate = *outcome == Outcome::Duplicate.name();
                assert!(is_new || is_duplicate, "{id} was received before, but its outcome is {outcome}");
            }
            ["acknowledged", seq] => {
                let seq: i64 = seq.parse().unwrap();
                assert!(seq > self.seq, "change {seq} was acknowledged before");
                self.seq = seq;
            }
            // The test harness prints lines of its own.
            _ => {}
        }
    }
}

/// Creates, changes or deletes a user, at random. `user_ids` has the ids of the users that this function has created and not deleted. Creates a user
/// instead of changing one if there is none, and instead of deleting one if there are at most five.
fn change_a_user(sandbox: &Sandbox, user_ids: &mut Vec<String>, round: u64) {
    match random_below(3) {
        0 if user_ids.len() > 5 => {
            sandbox.delete_user(&user_ids.swap_remove(random_below(user_ids.len()))).unwrap();
        }
        1 if !user_ids.is_empty() => {
            let id = &user_ids[random_below(user_ids.len())];
            let change = UserChange { family_name: Some(format!("King {}", OsRandom.bits())), ..UserChange::default() };
            sandbox.update_user(id, change).unwrap();
        }
        _ => {
            let email = format!("user.{round}.{}@example.com", OsRandom.bits());
            user_ids.push(sandbox.create_user(NewUser { email, ..NewUser::default() }).unwrap().id);
        }
    }
}

/// Opens the file after the last crash. Checks that the file is valid and has what was acknowledged, and returns its mirror after a full sync.
async fn check_file(file: &Path, sandbox: &Sandbox, acknowledged: &Acknowledged) -> Mirror {
    let sqlite = rusqlite::Connection::open(file).unwrap();
    let integrity: String = sqlite.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok");
    drop(sqlite);
    let webhook = Webhook::new([sandbox.webhook_secret()]).unwrap();
    let client = sandbox.client().build().unwrap();
    let mirror =
        Mirror::builder().client(client).webhook(webhook.clone()).guard_users(GUARD_USERS).open(file).await.unwrap();
    for delivery in sandbox.deliveries() {
        let body = delivery.body.as_bytes();
        let outcome = mirror.receive(&webhook.sign(body, None, None).unwrap(), body).await.unwrap();
        let was_acknowledged = acknowledged.events.contains(&delivery.event_id);
        assert!(outcome == Outcome::Duplicate || !was_acknowledged, "event {} was lost", delivery.event_id);
    }
    let next = mirror.poll("app", 1).await.unwrap();
    assert!(
        next.first().is_none_or(|change| change.seq > acknowledged.seq),
        "an acknowledged change was returned again"
    );
    mirror.sync(sandbox.organization_id()).mode(SyncMode::Full).await.unwrap();
    mirror
}

/// Reads the feed from its first change with a new consumer. Checks that the feed has no gap, that no user is created or deleted twice, that no
/// event was applied twice, and that as many users are left at the end as the mirror has.
async fn check_feed(mirror: &Mirror) {
    let mut next_seq = 1;
    let mut present = BTreeSet::new();
    let mut applied = BTreeSet::new();
    loop {
        let batch = mirror.poll("audit", 1_000).await.unwrap();
        let Some(last) = batch.last() else { break };
        for change in &batch {
            assert_eq!(change.seq, next_seq, "the feed has a gap");
            next_seq += 1;
            let user_id = change.user.as_ref().map(|user| user.id.clone()).unwrap_or_default();
            if change.cause.starts_with("event:") {
                let is_new = applied.insert((change.cause.clone(), change.kind.name(), user_id.clone()));
                assert!(is_new, "{} was applied twice", change.cause);
            }
            match change.kind {
                ChangeKind::UserCreated => {
                    assert!(present.insert(user_id.clone()), "{user_id} was created twice");
                }
                ChangeKind::UserDeleted => {
                    assert!(present.remove(&user_id), "{user_id} was deleted twice");
                }
                _ => {}
            }
        }
        mirror.ack("audit", last.seq).await.unwrap();
    }
    let status = mirror.status().await.unwrap().remove(0);
    assert_eq!(present.len() as u64, status.users, "expected as many users in the feed as in the mirror");
}
