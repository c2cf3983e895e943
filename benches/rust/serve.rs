//! `headcount serve` under load: 200 clients wait for changes while 500 webhooks arrive each second. Prints how long the answers to webhooks took, whether every client got
//! every change, and the memory of the service.
//!
//! `HEADCOUNT` is the program, `HEADCOUNT_SANDBOX` that of the sandbox. `HEADCOUNT_SECONDS` (30), `HEADCOUNT_CLIENTS` (200) and `HEADCOUNT_RATE` (500) change the load.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a benchmark")]

use headcount::Webhook;
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// What a client reads of a page of changes. The rest of the page is skipped, because the clients share the processors with the service.
#[derive(Deserialize)]
struct Page {
    items: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    seq: i64,
}

/// A process that is killed when it is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program that prints a line of JSON, and returns both.
fn start(command: &mut Command) -> (Process, Value) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (Process(child), serde_json::from_str(&line).expect("a line of JSON"))
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

/// Returns a field of the status of a process, in MiB.
fn memory(process: &Process, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.0.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_start_matches(':').trim().split(' ').next().unwrap().parse::<u64>().unwrap() / 1024
}

#[tokio::main]
async fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let program =
        std::env::var("HEADCOUNT").unwrap_or_else(|_| root.join("target/release/headcount").display().to_string());
    let sandbox = std::env::var("HEADCOUNT_SANDBOX").expect("HEADCOUNT_SANDBOX");
    let (seconds, clients, rate) =
        (number("HEADCOUNT_SECONDS", 30), number("HEADCOUNT_CLIENTS", 200), number("HEADCOUNT_RATE", 500));
    let folder = std::env::temp_dir().join(format!("headcount-bench-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let (_sandbox, settings) = start(Command::new(sandbox).args(["--users", "1000", "--exit-with-stdin"]));
    let environment = [
        ("SCALEKIT_ENVIRONMENT_URL", text(&settings, "environment_url")),
        ("SCALEKIT_CLIENT_ID", text(&settings, "client_id")),
        ("SCALEKIT_CLIENT_SECRET", text(&settings, "client_secret")),
        ("SCALEKIT_WEBHOOK_SECRET", text(&settings, "webhook_secret")),
    ];
    let store = folder.join("headcount.db");
    let command = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(arguments).envs(environment).env("HEADCOUNT_STORE", &store);
        command
    };
    assert!(command(&["sync", "--quiet"]).stdout(Stdio::null()).status().unwrap().success());
    let (service, address) =
        start(&mut command(&["serve", "--listen", "127.0.0.1:0", "--sync-every", "off", "--json", "--quiet"]));
    let url = text(&address, "url").to_owned();
    let provider = headcount::internal::tls::provider().unwrap();
    let _ = Arc::unwrap_or_clone(provider).install_default();
    let client = Client::builder().no_proxy().build().unwrap();

    // The clients, each with a consumer of its own. They begin after the changes of the sync.
    let status: Value = client.get(format!("{url}/metrics")).send().await.unwrap().text().await.unwrap().into();
    let latest = |metrics: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix("headcount_changes_total ")).unwrap();
        line.parse::<i64>().unwrap()
    };
    let begun = latest(status.as_str().unwrap());
    let positions: Vec<Arc<AtomicI64>> = (0..clients).map(|_| Arc::new(AtomicI64::new(begun))).collect();
    let pages = Arc::new(AtomicU64::new(0));
    for (number, position) in positions.iter().enumerate() {
        let (client, position, pages) = (client.clone(), Arc::clone(position), Arc::clone(&pages));
        let consumer = format!("{url}/v1/consumers/client-{number}");
        tokio::spawn(async move {
            loop {
                let after = position.load(Ordering::SeqCst);
                let Ok(answer) = client.get(format!("{consumer}/changes?wait=30&limit=500&after={after}")).send().await
                else {
                    return;
                };
                let page: Page = answer.json().await.unwrap();
                let Some(&Change { seq }) = page.items.last() else { continue };
                let acknowledged =
                    client.post(format!("{consumer}/acknowledgement")).json(&json!({ "seq": seq })).send().await;
                assert!(acknowledged.unwrap().status().is_success());
                position.store(seq, Ordering::SeqCst);
                pages.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("memory before: {} MiB", memory(&service, "VmRSS"));

    // The webhooks. Each is sent at its time, whether or not the earlier ones were answered, and its time counts from then.
    let webhook = Webhook::new(text(&settings, "webhook_secret")).unwrap();
    let (organization, directory) = (text(&settings, "organization_id"), text(&settings, "directory_id"));
    let latencies: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let started = Instant::now();
    let mut sent = Vec::new();
    for number in 0..seconds * rate {
        let due = started + Duration::from_nanos(number * 1_000_000_000 / rate);
        let body = json!({
            "id": format!("evt_bench_{number}"), "type": "organization.directory.user_created", "spec_version": "1", "object": "DirectoryUser",
            "environment_id": "env_1", "organization_id": organization, "occurred_at": "2026-01-01T00:00:00Z",
            "data": {
                "id": format!("diruser_bench{number}"), "organization_id": organization, "directory_id": directory,
                "email": format!("bench{number}@example.com"), "given_name": "Bench", "family_name": "Mark", "active": true, "groups": [],
            },
        })
        .to_string();
        let signed = webhook.sign(body.as_bytes(), None, None).unwrap();
        tokio::time::sleep_until(due).await;
        let mut request = client.post(format!("{url}/webhooks")).body(body);
        for (name, value) in signed.iter() {
            request = request.header(name, value);
        }
        let latencies = Arc::clone(&latencies);
        sent.push(tokio::spawn(async move {
            let status = request.send().await.unwrap().status();
            latencies.lock().unwrap().push(due.elapsed());
            status.as_u16()
        }));
    }
    let mut accepted = 0;
    for sent in sent {
        accepted += u64::from(sent.await.unwrap() == 201);
    }
    let took = started.elapsed();
    let mut latencies = latencies.lock().unwrap().clone();
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    println!("{accepted} of {} webhooks accepted in {:.1} s", seconds * rate, took.as_secs_f64());
    println!(
        "answers to webhooks: p50 {:.1?}, p90 {:.1?}, p99 {:.1?}, longest {:.1?}",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
    let metrics = client.get(format!("{url}/metrics")).send().await.unwrap().text().await.unwrap();
    let last = latest(&metrics);
    let ends = Instant::now() + Duration::from_secs(120);
    let behind = || positions.iter().filter(|position| position.load(Ordering::SeqCst) < last).count();
    while behind() > 0 && Instant::now() < ends {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!(
        "{} of {clients} clients got all {} changes, in {} pages, {:.1} s after the last webhook",
        clients as usize - behind(),
        last - begun,
        pages.load(Ordering::SeqCst),
        (started.elapsed() - took).as_secs_f64()
    );
    println!("memory: {} MiB, at most {} MiB", memory(&service, "VmRSS"), memory(&service, "VmHWM"));
    drop(service);
    let _ = std::fs::remove_dir_all(folder);
}
