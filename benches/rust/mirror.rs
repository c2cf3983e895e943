//! Benchmarks of the mirror: the time of a first full sync and of one that changes nothing, relative to the listing alone; the peak memory of
//! syncs; webhooks per second, and the time of one customer's webhooks while another customer sends large ones; and the time of a poll from a long feed.
//! The time that SQLite alone needs is measured in the same run, as a lower bound. The module `postgres` measures the mirror in PostgreSQL.
//!
//! Environment variables set the sizes: `HEADCOUNT_BENCH_USERS` (default: 100,000 users), `HEADCOUNT_BENCH_MANY` (default: 1,000,000 users, for `memory`)
//! and `HEADCOUNT_BENCH_CHANGES` (default: 10,000,000 changes). The sandbox runs in a separate process, so that its work is not measured; `HEADCOUNT_SANDBOX` is the path of its
//! program. Arguments name the parts to run, such as `webhooks`: `cargo bench --package headcount-benches --bench mirror -- webhooks`. The parts are
//! `syncs`, `memory`, `webhooks`, `two_customers`, `feed`, `history` and `postgres`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the system clock")]

mod history;
mod postgres;

use headcount::mirror::SyncMode;
use headcount::{ChangeKind, Client, Mirror, Webhook};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn main() {
    // For the benchmark's own reqwest client, which uses the provider of cryptography that is installed for the process.
    let _ = (*headcount::internal::tls::provider().unwrap()).clone().install_default();
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--sync") {
        return runtime().block_on(sync_alone(
            &arguments[at + 1],
            &arguments[at + 2],
            arguments[at + 3].parse().unwrap(),
        ));
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "--receive") {
        return runtime().block_on(postgres::receive(&arguments[at + 1]));
    }
    println!("{}, {} cores", std::env::consts::ARCH, std::thread::available_parallelism().unwrap());
    let size = |name: &str, default: usize| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let runs = |part: &str| {
        let mut parts = arguments[1..].iter().filter(|argument| !argument.starts_with('-')).peekable();
        parts.peek().is_none() || parts.any(|named| named == part)
    };
    if runs("syncs") {
        syncs(size("HEADCOUNT_BENCH_USERS", 100_000));
    }
    if runs("memory") {
        memory(size("HEADCOUNT_BENCH_MANY", 1_000_000));
    }
    if runs("webhooks") {
        runtime().block_on(webhooks());
    }
    if runs("two_customers") {
        runtime().block_on(two_customers());
    }
    if runs("feed") {
        runtime().block_on(feed(size("HEADCOUNT_BENCH_CHANGES", 10_000_000)));
    }
    if runs("history") {
        history::run(size("HEADCOUNT_BENCH_USERS", 100_000));
    }
    if runs("postgres") {
        postgres::run(size("HEADCOUNT_BENCH_USERS", 100_000), size("HEADCOUNT_BENCH_CHANGES", 10_000_000));
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Removes the database of this name from the folder of the benchmarks, if there is one, and returns its path.
fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench");
    std::fs::create_dir_all(&folder).unwrap();
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.join(format!("{name}{ending}")));
    }
    folder.join(name)
}

/// A sandbox in a separate process, which is killed on drop, and the settings that it printed.
struct Sandbox(Child, Value);

impl Sandbox {
    fn start(users: usize) -> Sandbox {
        let program = std::env::var("HEADCOUNT_SANDBOX")
            .expect("HEADCOUNT_SANDBOX is the path of the sandbox's program: run `make bench`, which sets it");
        let mut child = Command::new(program)
            .args(["--users", &users.to_string(), "--groups", "20", "--exit-with-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Sandbox(child, serde_json::from_str(&line).unwrap())
    }
}

impl Sandbox {
    /// Makes the sandbox delay every response by `time`, such as `5ms`.
    async fn slow_down(&self, time: &str) {
        let url = format!("{}/fault", self.1["control_url"].as_str().unwrap());
        let plan = json!({ "fault": format!("latency:{time}") }).to_string();
        let put = reqwest::Client::new().put(url).header("content-type", "application/json").body(plan);
        put.send().await.unwrap().error_for_status().unwrap();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn client(settings: &Value) -> Client {
    let text = |name: &str| settings[name].as_str().unwrap();
    Client::builder(text("environment_url"), text("client_id"), text("client_secret")).build().unwrap()
}

/// Measures first syncs and one that changes nothing, from a server on loopback that answers at once, and from one that delays its answers.
fn syncs(users: usize) {
    println!("\na directory of {users} users from a server on loopback, 30 a page");
    let sandbox = Sandbox::start(users);
    let open = async |sandbox: &Sandbox, round: usize| {
        Mirror::builder().client(client(&sandbox.1)).open(file(&format!("sync{round}.db"))).await.unwrap()
    };
    let alone = runtime().block_on(first_syncs(&sandbox, users, async |round| open(&sandbox, round).await));
    let stored = Stored::by_a_sync();
    println!("  {stored}");
    let bound = raw_rows(users, &stored);
    row("SQLite alone: the same rows, 30 users a transaction", bound, alone, "");
    drop(sandbox);
    let users = users / 5;
    println!("\na directory of {users} users from a server that takes 5 ms to answer");
    let sandbox = Sandbox::start(users);
    runtime().block_on(async {
        sandbox.slow_down("5ms").await;
        first_syncs(&sandbox, users, async |round| open(&sandbox, round).await).await;
    });
}

/// Prints the medians of three listings alone and of first syncs into three mirrors that `open` opens, the time of a sync that changes nothing, and the
/// time of a plan for each of these syncs. Returns the median of the listings.
async fn first_syncs(sandbox: &Sandbox, users: usize, open: impl AsyncFn(usize) -> Mirror) -> Duration {
    let client = client(&sandbox.1);
    let (organization, directory) =
        (sandbox.1["organization_id"].as_str().unwrap(), sandbox.1["directory_id"].as_str().unwrap());
    let list = async || {
        let begun = Instant::now();
        let mut pages = client.directories().users(organization, directory).include_detail(true).pages();
        let mut count = 0;
        while let Some(page) = pages.next().await.unwrap() {
            count += page.items.len();
        }
        assert_eq!(count, users);
        begun.elapsed()
    };
    list().await;
    let mut alone = [list().await, list().await, list().await];
    alone.sort();
    let mut first = Vec::new();
    for round in 0..3 {
        let mirror = open(round).await;
        let begun = Instant::now();
        let report = mirror.sync(organization).mode(SyncMode::Full).await.unwrap().remove(0);
        assert_eq!(report.created as usize, users);
        first.push((begun.elapsed(), report.changes, mirror));
    }
    first.sort_by_key(|(elapsed, ..)| *elapsed);
    let (elapsed, changes, mirror) = &first[1];
    row("listing alone", alone[1], alone[1], "");
    row("first full sync", *elapsed, alone[1], &format!("{changes} changes"));
    // The plan is made by a new mirror, which has not been synced.
    let begun = Instant::now();
    let plan = open(3).await.plan(organization).mode(SyncMode::Full).await.unwrap();
    let created = plan.counts().iter().find(|(kind, _)| *kind == ChangeKind::UserCreated);
    assert_eq!(created.map(|(_, count)| *count as usize), Some(users));
    row(
        "a plan of the first full sync, relative to that sync",
        begun.elapsed(),
        *elapsed,
        &format!("{changes} changes"),
    );
    let begun = Instant::now();
    let report = mirror.sync(organization).mode(SyncMode::Full).await.unwrap().remove(0);
    assert_eq!(report.changes, 0);
    let unchanged = begun.elapsed();
    row("a full sync that changes nothing", unchanged, alone[1], "0 changes");
    let begun = Instant::now();
    let plan = mirror.plan(organization).mode(SyncMode::Full).await.unwrap();
    assert!(plan.counts().is_empty());
    row("a plan of that sync, relative to it", begun.elapsed(), unchanged, "0 changes");
    alone[1]
}

/// Numbers of the rows that a first sync wrote, and sums of their sizes in bytes.
struct Stored {
    users: usize,
    user_bytes: usize,
    entries: usize,
    entry_bytes: usize,
    file_bytes: u64,
}

impl Stored {
    /// Reads the file of the first round of [`first_syncs`].
    fn by_a_sync() -> Stored {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench/sync0.db");
        let sqlite = Connection::open(&path).unwrap();
        let number = |sql: &str| sqlite.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() as usize;
        sqlite.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        Stored {
            users: number("SELECT count(*) FROM user"),
            user_bytes: number("SELECT sum(length(body) + length(told_groups)) FROM user"),
            entries: number("SELECT count(*) FROM change"),
            entry_bytes: number("SELECT sum(length(body)) FROM change"),
            file_bytes: std::fs::metadata(&path).unwrap().len(),
        }
    }
}

impl std::fmt::Display for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let each = |bytes: usize| bytes / self.users;
        write!(
            f,
            "bytes a user: {} in the file; the user's row {}, the feed {} in {:.2} rows",
            each(self.file_bytes as usize),
            each(self.user_bytes),
            each(self.entry_bytes),
            self.entries as f64 / self.users as f64,
        )
    }
}

/// Prints a measured time, its ratio to `base`, and a note.
fn row(what: &str, elapsed: Duration, base: Duration, note: &str) {
    let ratio = elapsed.as_secs_f64() / base.as_secs_f64();
    println!("  {what:<52} {:>8.2} s  {ratio:>6.2} ×  {note}", elapsed.as_secs_f64());
}

/// Returns how long SQLite alone takes to write as many rows as a first sync, of the same average sizes, 30 users in a transaction.
fn raw_rows(users: usize, stored: &Stored) -> Duration {
    let sqlite = Connection::open(file("raw.db")).unwrap();
    sqlite
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
            CREATE TABLE user (number INTEGER PRIMARY KEY, id TEXT UNIQUE, directory TEXT, email TEXT, body TEXT);
            CREATE INDEX a ON user (directory, number); CREATE INDEX b ON user (email);
            CREATE TABLE change (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, body TEXT);",
        )
        .unwrap();
    let user_body = "x".repeat(stored.user_bytes / stored.users);
    let entry_body = "x".repeat(stored.entry_bytes / stored.entries);
    let (entries, mut written) = (stored.entries as f64 / stored.users as f64, 0.0);
    let begun = Instant::now();
    for page in 0..users.div_ceil(30) {
        sqlite.execute_batch("BEGIN").unwrap();
        let mut user = sqlite
            .prepare_cached("INSERT INTO user (id, directory, email, body) VALUES (?1, 'dir_1', ?2, ?3)")
            .unwrap();
        let mut change = sqlite.prepare_cached("INSERT INTO change (kind, body) VALUES ('user.created', ?1)").unwrap();
        for n in page * 30..((page + 1) * 30).min(users) {
            user.execute((format!("diruser_{n:017}"), format!("{n}@example.com"), &user_body)).unwrap();
            while written < entries * (n + 1) as f64 {
                change.execute([&entry_body]).unwrap();
                written += 1.0;
            }
        }
        drop((user, change));
        sqlite.execute_batch("COMMIT").unwrap();
    }
    begun.elapsed()
}

/// Prints the peak memory of a process that syncs a directory twice: a directory of 1,000 users, and one of `users`.
fn memory(users: usize) {
    println!("\npeak memory of a process that syncs");
    for count in [1_000, users] {
        let sandbox = Sandbox::start(count);
        let ended = Command::new(std::env::current_exe().unwrap())
            .args(["--sync", &sandbox.1.to_string(), file("memory.db").to_str().unwrap(), "2"])
            .output()
            .unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        println!("  {count:>9} users   {}", String::from_utf8_lossy(&ended.stdout).trim());
    }
}

/// Runs `times` full syncs of the sandbox with these settings into the database `path`, and prints the peak memory of this process and the time. The
/// function [`memory`] starts a process for it, with the argument `--sync`.
async fn sync_alone(settings: &str, path: &str, times: usize) {
    let settings: Value = serde_json::from_str(settings).unwrap();
    let mirror = Mirror::open(path, client(&settings)).await.unwrap();
    let begun = Instant::now();
    for _ in 0..times {
        mirror.sync(settings["organization_id"].as_str().unwrap()).mode(SyncMode::Full).await.unwrap();
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    let kilobytes: f64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    println!("{:.1} MB, {times} full syncs in {:.1} s", kilobytes / 1024.0, begun.elapsed().as_secs_f64());
}

/// Returns the body of an event that creates or changes one of 20,000 users of `org_1`.
fn event(number: usize) -> String {
    json!({
        "spec_version": "1", "id": format!("evt_{number}"), "type": "organization.directory.user_updated",
        "occurred_at": headcount::Timestamp::now(), "environment_id": "env_1", "organization_id": "org_1",
        "data": {
            "id": format!("diruser_{}", number % 20_000), "organization_id": "org_1", "email": format!("{number}@example.com"),
            "active": true, "given_name": "Ada", "family_name": "King", "groups": [{ "id": "dirgroup_1", "name": "Crew" }], "roles": [],
        },
    })
    .to_string()
}

/// Makes a mirror that has one directory and no users. Returns it and the `Webhook` that signs events for it.
async fn mirror_for_webhooks(path: &Path) -> (Mirror, Webhook) {
    let webhook = Webhook::new([SECRET]).unwrap();
    let mirror = Mirror::builder().webhook(webhook.clone()).open(path).await.unwrap();
    let directory = json!({ "id": "evt_d", "type": "organization.directory_enabled", "occurred_at": "2025-01-01T00:00:00Z",
        "organization_id": "org_1", "data": { "id": "dir_1", "organization_id": "org_1", "enabled": true } });
    mirror.apply(&headcount::Event::from_verified_body(directory.to_string().as_bytes()).unwrap()).await.unwrap();
    // Events about unknown users are pending until a sync has listed the organization's directories. This row says that a sync has done that.
    let sqlite = Connection::open(path).unwrap();
    let listed = json!({ "id": "org_1", "directories_listed_at": "2025-01-01T00:00:00Z" });
    sqlite.execute("INSERT INTO organization (id, body) VALUES ('org_1', ?1)", [listed.to_string()]).unwrap();
    (mirror, webhook)
}

/// Prints how many webhooks are received in a second, by 1 to 256 tasks at once; how long each takes at a fixed rate; and how many rows SQLite alone
/// commits.
async fn webhooks() {
    println!("\nwebhooks: each is verified, applied and flushed to disk before receive returns");
    let path = file("webhooks.db");
    let (mirror, webhook) = mirror_for_webhooks(&path).await;
    let signed: Arc<Vec<_>> = Arc::new(
        (0..60_000)
            .map(|number| {
                let body = event(number);
                (webhook.sign(body.as_bytes(), None, None).unwrap(), body)
            })
            .collect(),
    );
    let mut at = 0;
    for tasks in [1_usize, 16, 64, 256] {
        let each = if tasks == 1 { 2_000 } else { 10_000 / tasks };
        let begun = Instant::now();
        let running: Vec<_> = (0..tasks)
            .map(|task| {
                let (mirror, signed, from) = (mirror.clone(), Arc::clone(&signed), at + task * each);
                tokio::spawn(async move {
                    for (headers, body) in &signed[from..from + each] {
                        assert_eq!(mirror.receive(headers, body.as_bytes()).await.unwrap().name(), "applied");
                    }
                })
            })
            .collect();
        for task in running {
            task.await.unwrap();
        }
        at += tasks * each;
        println!("  {tasks:>3} at once {:>12.0} per second", (tasks * each) as f64 / begun.elapsed().as_secs_f64());
    }
    // Latency at a fixed rate: one webhook every two milliseconds, even if earlier ones have not returned.
    let mut ticks = tokio::time::interval(Duration::from_millis(2));
    let mut running = Vec::new();
    for number in at..at + 5_000 {
        ticks.tick().await;
        let (mirror, signed) = (mirror.clone(), Arc::clone(&signed));
        running.push(tokio::spawn(async move {
            let begun = Instant::now();
            mirror.receive(&signed[number].0, signed[number].1.as_bytes()).await.unwrap();
            begun.elapsed()
        }));
    }
    let mut latencies = Vec::new();
    for task in running {
        latencies.push(task.await.unwrap());
    }
    latencies.sort();
    let quantile = |share: f64| millis(latencies[((latencies.len() - 1) as f64 * share) as usize]);
    println!(
        "  at 500 per second: median {:.2} ms, p99 {:.2} ms, worst {:.2} ms",
        quantile(0.5),
        quantile(0.99),
        quantile(1.0)
    );
    raw_commits();
}

/// Prints the longest time of a webhook of `org_2`, and of one of `org_1`, whose events arrive at the same time and are each about a user in many groups;
/// and the size of the file after that.
async fn two_customers() {
    println!(
        "\ntwo customers: an event of org_2 every 5 ms, while 20 events of org_1 arrive, each with a user of many groups"
    );
    for groups in [0, 1_000, 10_000] {
        let path = file(&format!("two_customers_{groups}.db"));
        let (mirror, webhook) = mirror_for_webhooks(&path).await;
        let sign = |body: Value| {
            let body = body.to_string();
            (webhook.sign(body.as_bytes(), None, None).unwrap(), body)
        };
        let large: Vec<_> = (0..20).map(|number| sign(event_with_groups(number, groups))).collect();
        let bytes: usize = large.iter().map(|(_, body)| body.len()).sum();
        let sender = {
            let mirror = mirror.clone();
            tokio::spawn(async move {
                let mut worst = Duration::ZERO;
                for (headers, body) in &large {
                    let begun = Instant::now();
                    mirror.receive(headers, body.as_bytes()).await.unwrap();
                    worst = worst.max(begun.elapsed());
                }
                worst
            })
        };
        let (mut ticks, mut worst) = (tokio::time::interval(Duration::from_millis(5)), Duration::ZERO);
        for number in 0.. {
            ticks.tick().await;
            if sender.is_finished() && number >= 20 {
                break;
            }
            let mut other = event_with_groups(number, 3);
            other["id"] = json!(format!("evt_other_{number}"));
            other["organization_id"] = json!("org_2");
            other["data"]["organization_id"] = json!("org_2");
            other["data"]["id"] = json!(format!("diruser_other_{number}"));
            let (headers, body) = sign(other);
            let begun = Instant::now();
            mirror.receive(&headers, body.as_bytes()).await.unwrap();
            worst = worst.max(begun.elapsed());
        }
        let own = sender.await.unwrap();
        let sqlite = Connection::open(&path).unwrap();
        let size: i64 = sqlite
            .query_row("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", [], |row| row.get(0))
            .unwrap();
        println!(
            "  {groups:>6} groups: slowest event of org_2 {:.1} ms, of org_1 {:.1} ms; events {} kB, file {} kB",
            worst.as_secs_f64() * 1e3,
            own.as_secs_f64() * 1e3,
            bytes / 1_000,
            size / 1_000
        );
    }
}

/// Returns an event about a user of `org_1` who is in this many groups, 10,000 at most. At least half of them are not in the event of the previous number.
fn event_with_groups(number: u64, groups: u64) -> Value {
    let groups: Vec<Value> = (0..groups)
        .map(|n| json!({ "id": format!("dirgroup_{:05}", (n + number % 2 * 5_000) % 15_000), "name": format!("Group {n}") }))
        .collect();
    json!({
        "spec_version": "1", "id": format!("evt_groups_{number}"), "type": "organization.directory.user_updated",
        "occurred_at": format!("2025-06-01T10:{:02}:{:02}Z", number / 60 % 60, number % 60), "organization_id": "org_1",
        "object": "DirectoryUser", "environment_id": "env_1",
        "data": { "id": "diruser_groups", "organization_id": "org_1", "email": "ada@example.com", "groups": groups },
    })
}

/// Prints how many rows SQLite alone commits per second, with a flush per commit: one row per commit, and 64.
fn raw_commits() {
    let sqlite = Connection::open(file("commits.db")).unwrap();
    sqlite.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE event (id TEXT PRIMARY KEY, body TEXT);").unwrap();
    for group in [1, 64] {
        let begun = Instant::now();
        let mut count = 0;
        while begun.elapsed() < Duration::from_secs(3) {
            sqlite.execute_batch("BEGIN").unwrap();
            for _ in 0..group {
                sqlite
                    .execute("INSERT INTO event VALUES (?1, ?2)", (format!("{group}_{count}"), "x".repeat(1_000)))
                    .unwrap();
                count += 1;
            }
            sqlite.execute_batch("COMMIT").unwrap();
        }
        println!(
            "  SQLite alone: rows of 1 kB, {group:>2} per commit {:>10.0} per second",
            count as f64 / begun.elapsed().as_secs_f64()
        );
    }
}

/// Prints how long polls at 200 positions in a feed with this many changes take, and how long the same SELECT takes in SQLite alone.
async fn feed(changes: usize) {
    println!("\na poll of 100 changes from a feed of {changes}");
    let path = file("feed.db");
    let (mirror, _) = mirror_for_webhooks(&path).await;
    let user = json!({ "id": "diruser_1", "organization_id": "org_1", "directory_id": "dir_1", "email": "ada@example.com", "given_name": "Ada",
        "family_name": "King", "preferred_username": "ada", "emails": ["ada@example.com"], "active": true, "group_ids": [], "roles": [],
        "vendor_roles": [], "linked_id": null, "updated_at": null, "detail": null, "attributes": null });
    let body = json!({ "before": { "user": user }, "after": { "user": user }, "fields": ["email"] }).to_string();
    {
        let sqlite = Connection::open(&path).unwrap();
        sqlite
            .execute(
                "INSERT INTO change (kind, organization_id, directory_id, cause, at, body)
                WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                SELECT 'user.updated', 'org_1', 'dir_1', 'event:evt_1', x'800000000000000000000000', ?2 FROM n",
                (changes as i64, body),
            )
            .unwrap();
        sqlite.execute("UPDATE counter SET change = ?1", [changes as i64]).unwrap();
    }
    mirror.poll("app", 1).await.unwrap();
    let mut taken = Vec::new();
    for step in 1..=200 {
        let position = (changes / 201 * step) as i64;
        // A number can be acknowledged once it was polled.
        mirror.poll_after("app", Some(position - 1), 1).await.unwrap();
        mirror.ack("app", position).await.unwrap();
        let begun = Instant::now();
        assert_eq!(mirror.poll("app", 100).await.unwrap().len(), 100);
        taken.push(begun.elapsed());
    }
    taken.sort();
    let sqlite = Connection::open(&path).unwrap();
    let begun = Instant::now();
    for step in 1..=200_i64 {
        let mut rows =
            sqlite.prepare_cached("SELECT seq, body FROM change WHERE seq > ?1 ORDER BY seq LIMIT 100").unwrap();
        let rows = rows.query_map([changes as i64 / 201 * step], |row| row.get::<_, String>(1)).unwrap();
        assert_eq!(rows.map(|body| body.unwrap().len()).filter(|length| *length > 0).count(), 100);
    }
    let bound = begun.elapsed() / 200;
    println!(
        "  median {:.3} ms, p99 {:.3} ms; SQLite alone {:.3} ms",
        millis(taken[100]),
        millis(taken[197]),
        millis(bound)
    );
    let _ = std::fs::remove_file(&path);
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
