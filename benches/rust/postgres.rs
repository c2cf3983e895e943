//! Benchmarks of the mirror in PostgreSQL: webhooks per second of several receivers and processes, and the times of syncs and polls. For comparison, each
//! also measures similar statements without a mirror.
//!
//! The server is started from Debian's packages, with its default settings, in a temporary folder. `HEADCOUNT_TEST_POSTGRES` has the URL of a server
//! that is used instead; its processor time is not measured.

#[allow(dead_code, clippy::panic, reason = "shared with the tests, which use more of it")]
#[path = "../../core/tests/postgres/server.rs"]
mod server;

use super::{SECRET, Sandbox, first_syncs, millis, row, runtime};
use cpu_time::ProcessTime;
use headcount::store::{
    Batch, Decision, DirectoryRow, Durability, GroupRow, Keys, OrganizationRow, PostgresOptions, PostgresStore, Scope,
    Store, UserRow, UserWrite, Write,
};
use headcount::{Mirror, MirrorUser, Timestamp, Webhook};
use serde_json::{Value, json};
use server::{Server, Start};
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long each measurement of receivers takes.
const TIME: Duration = Duration::from_secs(5);

/// Maximum number of receivers in a measurement. Each has users of its own in every organization.
const RECEIVERS: usize = 8;

/// How many users each receiver has in an organization.
const USERS: usize = 2;

/// How many users an organization of the large mirror has in addition to those of the receivers. With 1,000 organizations, a million users are mirrored.
const OTHER_USERS: usize = 984;

/// Runs all benchmarks of this module.
pub(crate) fn run(users: usize, changes: usize) {
    println!("\nPostgreSQL on the same cores, with its default settings: every commit is flushed to disk");
    let server =
        if is_given() { Server::shared() } else { Server::of_a_test(Start { flushes: true, ..Start::default() }) };
    receivers(server);
    syncs(server, users);
    feed(server, changes);
}

/// Returns whether `HEADCOUNT_TEST_POSTGRES` has the URL of a server, so that this program does not start one.
fn is_given() -> bool {
    std::env::var("HEADCOUNT_TEST_POSTGRES").is_ok()
}

/// Opens a store in a schema, which is created if it does not exist.
async fn open(url: &str, schema: &str, prepared_statements: bool) -> Arc<PostgresStore> {
    let mut options = PostgresOptions::default();
    options.schema = schema.to_owned();
    options.prepared_statements = prepared_statements;
    Arc::new(PostgresStore::connect_with(url, options).await.unwrap())
}

/// Creates a schema, after dropping one of the same name that an earlier run on the same server has created.
async fn create(server: &Server, schema: &str) -> Arc<PostgresStore> {
    server.psql(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE"));
    open(&server.url, schema, false).await
}

/// Prints how many webhooks are applied in a second, for several numbers of organizations, processes and receivers.
fn receivers(server: &Server) {
    println!("\nwebhooks: each is verified, applied and flushed to disk before receive returns");
    let measure_in = |schema: String, organizations: usize, processes: usize, receivers: usize, prepared: bool| {
        let measured = Receivers { schema, organizations, processes, receivers, prepared }.run(server, TIME);
        let note = if prepared { ", prepared statements" } else { "" };
        println!(
            "  {organizations:>5} organizations, {receivers} receivers in {processes} processes {:>8.0} per second{}{note}",
            measured.rate, measured.processor_time
        );
    };
    let schema = |organizations: usize| format!("organizations_{organizations}");
    let measure = |organizations: usize, processes: usize, receivers: usize, prepared: bool| {
        measure_in(schema(organizations), organizations, processes, receivers, prepared);
    };
    // Fills the schemas, and runs receivers once in each without measuring them.
    for organizations in [1, 10, 100, 1_000] {
        let schema = schema(organizations);
        runtime().block_on(fill(server, &schema, organizations, 0));
        Receivers { schema, organizations, processes: 2, receivers: 8, prepared: false }.run(server, TIME / 2);
    }
    for (processes, receivers) in [(1, 1), (1, 2), (1, 4), (1, 8), (2, 2), (2, 8)] {
        measure(100, processes, receivers, false);
    }
    measure(100, 2, 8, true);
    for organizations in [1, 10, 1_000] {
        measure(organizations, 2, 8, false);
    }
    let large = "a_million_users";
    runtime().block_on(fill(server, large, 1_000, OTHER_USERS));
    server.psql("VACUUM ANALYZE");
    let size = "SELECT sum(pg_total_relation_size(oid)) / 1000000 FROM pg_class WHERE relkind = 'r' AND relnamespace = 'a_million_users'::regnamespace";
    println!("  with 1,000 users in each organization, {} MB:", server.psql(size));
    for prepared in [false, true] {
        measure_in(large.to_owned(), 1_000, 2, 8, prepared);
    }
    for clients in [1, 2, 4, 8] {
        println!("  pgbench with {clients} clients, rows of 500 bytes {:>8.0} per second", server.pgbench(clients));
    }
}

fn organization_id(number: usize) -> String {
    format!("org_{number}")
}

fn group_id(number: usize) -> String {
    format!("dirgroup_{number}")
}

fn user_id(organization: usize, receiver: usize, user: usize) -> String {
    format!("diruser_{organization}_{receiver}_{user}")
}

/// Creates a schema with organizations, their directories and users, as after a sync. Each organization has the users of the receivers and `others`.
async fn fill(server: &Server, schema: &str, organizations: usize, others: usize) {
    let store = create(server, schema).await;
    // Each write has 10 organizations.
    for first in (0..organizations).step_by(10) {
        let numbers = first..(first + 10).min(organizations);
        let write = Write {
            scope: Scope::Everything,
            durability: Durability::Power,
            fence: None,
            now: Timestamp::now(),
            keys: Keys::default(),
            decide: Box::new(move |_| Ok(Decision::Commit(Box::new(with_organizations(numbers.clone(), others))))),
        };
        store.write(write).await.unwrap();
    }
}

/// Returns a batch with organizations, each with a directory, a group, the users of all receivers, and `others`.
fn with_organizations(numbers: std::ops::Range<usize>, others: usize) -> Batch {
    let mut batch = Batch::default();
    for number in numbers {
        let mut organization = OrganizationRow { id: organization_id(number), ..OrganizationRow::default() };
        organization.directories_listed_at = Some(Timestamp::UNIX_EPOCH);
        let mut directory = DirectoryRow::default();
        directory.directory.id = format!("dir_{number}");
        directory.directory.organization_id = organization.id.clone();
        batch.organizations.push(organization);
        batch.directories.push(directory);
        let mut group = GroupRow::default();
        group.group.id = group_id(number);
        group.group.organization_id = organization_id(number);
        group.group.directory_id = format!("dir_{number}");
        group.group.display_name = "Crew".to_owned();
        batch.groups.push(group);
        for user in 0..RECEIVERS * USERS + others {
            let mut stored = MirrorUser::default();
            // The ids of the other users are those of receivers after the last one.
            stored.id = user_id(number, user / USERS, user % USERS);
            stored.organization_id = organization_id(number);
            stored.directory_id = format!("dir_{number}");
            stored.email = format!("{user}@{number}.example.com");
            stored.group_ids = vec![group_id(number)];
            let row = UserRow { user: stored, told_groups: vec![group_id(number)], listed: true, ..UserRow::default() };
            batch.users.push(UserWrite { row, joined: vec![group_id(number)], left: Vec::new() });
        }
    }
    batch
}

/// Receivers that apply webhooks at the same time, each webhook for a random organization.
struct Receivers {
    schema: String,
    organizations: usize,
    processes: usize,
    /// The number of receivers in all processes together.
    receivers: usize,
    prepared: bool,
}

/// The result of [`Receivers::run`].
struct Measured {
    /// Webhooks per second.
    rate: f64,
    /// Text with the processor time for each webhook; empty if it was not measured.
    processor_time: String,
}

impl Receivers {
    /// Starts the processes, waits until all are ready, and lets them apply webhooks for `time`.
    fn run(&self, server: &Server, time: Duration) -> Measured {
        let before = (!is_given()).then(|| server.processor_time());
        let mut processes: Vec<Child> = (0..self.processes)
            .map(|process| {
                let settings = json!({
                    "url": server.url, "schema": self.schema, "organizations": self.organizations, "prepared": self.prepared,
                    "first": process * self.receivers / self.processes, "receivers": self.receivers / self.processes,
                    "milliseconds": time.as_millis() as u64,
                });
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.args(["--receive", &settings.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
                command.spawn().unwrap()
            })
            .collect();
        let mut outputs: Vec<_> =
            processes.iter_mut().map(|process| BufReader::new(process.stdout.take().unwrap()).lines()).collect();
        for output in &mut outputs {
            assert_eq!(output.next().unwrap().unwrap(), "ready");
        }
        for process in &mut processes {
            process.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        }
        let (mut rate, mut count, mut receivers_seconds) = (0.0, 0.0, 0.0);
        for (process, output) in processes.iter_mut().zip(&mut outputs) {
            let ended: Value = serde_json::from_str(&output.next().unwrap().unwrap()).unwrap();
            let number = |name: &str| ended[name].as_f64().unwrap();
            count += number("count");
            rate += number("count") / number("seconds");
            receivers_seconds += number("processor_seconds");
            assert!(process.wait().unwrap().success());
        }
        let micros = |seconds: f64| seconds / count * 1e6;
        let processor_time = before.map_or_else(String::new, |before| {
            let server_seconds = server.processor_time() - before;
            format!(
                ", processor time {:.0} µs of the server and {:.0} µs of the receivers for each",
                micros(server_seconds),
                micros(receivers_seconds)
            )
        });
        Measured { rate, processor_time }
    }
}

/// Runs the receivers of one process: opens the mirror, prints `ready`, waits for a line of the standard input, and applies webhooks. Then prints how many
/// were applied, and the time and the processor time that they took. [`Receivers::run`] starts the process, with the argument `--receive`.
pub(crate) async fn receive(settings: &str) {
    let settings: Value = serde_json::from_str(settings).unwrap();
    let text = |name: &str| settings[name].as_str().unwrap();
    let number = |name: &str| settings[name].as_u64().unwrap() as usize;
    let webhook = Webhook::new([SECRET]).unwrap();
    let store = open(text("url"), text("schema"), settings["prepared"].as_bool().unwrap()).await;
    let mirror = Mirror::builder().webhook(webhook.clone()).open_in(store).await.unwrap();
    println!("ready");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let (begun, processor) = (Instant::now(), ProcessTime::now());
    let (organizations, time) = (number("organizations"), Duration::from_millis(number("milliseconds") as u64));
    let running: Vec<_> = (0..number("receivers"))
        .map(|index| {
            let (mirror, webhook, receiver) = (mirror.clone(), webhook.clone(), number("first") + index);
            tokio::spawn(async move {
                let (mut random, mut count) = (receiver as u64 + 1, 0);
                while begun.elapsed() < time {
                    // A linear congruential generator: its upper bits choose the organization.
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let body = renaming((random >> 33) as usize % organizations, receiver, count);
                    let headers = webhook.sign(body.as_bytes(), None, None).unwrap();
                    assert_eq!(mirror.receive(&headers, body.as_bytes()).await.unwrap().name(), "applied");
                    count += 1;
                }
                count
            })
        })
        .collect();
    let mut count = 0;
    for task in running {
        count += task.await.unwrap();
    }
    let (seconds, processor_seconds) = (begun.elapsed().as_secs_f64(), processor.elapsed().as_secs_f64());
    println!("{}", json!({ "count": count, "seconds": seconds, "processor_seconds": processor_seconds }));
}

/// Returns the body of an event that changes the name of one of a receiver's users in an organization.
fn renaming(organization: usize, receiver: usize, count: usize) -> String {
    let now = Timestamp::now();
    json!({
        "spec_version": "1", "id": format!("evt_{receiver}_{}", now.as_nanosecond()), "type": "organization.directory.user_updated",
        "occurred_at": now, "environment_id": "env_1", "organization_id": organization_id(organization),
        "data": {
            "id": user_id(organization, receiver, count % USERS), "organization_id": organization_id(organization),
            "directory_id": format!("dir_{organization}"), "email": format!("{receiver}_{}@{organization}.example.com", count % USERS),
            "active": true, "given_name": format!("Ada {count}"), "family_name": "King",
            "groups": [{ "id": group_id(organization), "name": "Crew" }], "roles": [],
        },
    })
    .to_string()
}

/// Prints how long syncs take, how long COPY takes for the same rows, and how many rows a sync that changes nothing writes.
fn syncs(server: &Server, users: usize) {
    println!("\na directory of {users} users from a server that takes 5 ms to answer, 30 a page");
    let sandbox = Sandbox::start(users);
    let alone = runtime().block_on(async {
        sandbox.slow_down("5ms").await;
        let open = async |round: usize| {
            let store = create(server, &format!("sync_{round}")).await;
            Mirror::builder().client(super::client(&sandbox.1)).open_in(store).await.unwrap()
        };
        first_syncs(&sandbox, users, open).await
    });
    row("COPY of the same rows", copy(server), alone, "");
    // The server counts the rows that a connection has written when the connection ends.
    let written = || {
        server.wait_until_unused();
        let sql = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables WHERE schemaname = 'sync_1'";
        server.psql(sql).parse::<u64>().unwrap()
    };
    let before = written();
    runtime().block_on(async {
        let store = open(&server.url, "sync_1", false).await;
        let mirror = Mirror::builder().client(super::client(&sandbox.1)).open_in(store).await.unwrap();
        let organization_id = sandbox.1["organization_id"].as_str().unwrap();
        let reports = mirror.sync(organization_id).mode(headcount::mirror::SyncMode::Full).await.unwrap();
        assert_eq!(reports[0].changes, 0);
    });
    println!("  a sync that changes nothing writes {} rows: {} pages", written() - before, users.div_ceil(30));
}

/// Returns how long COPY takes to write the rows of a sync into tables with the same indexes.
fn copy(server: &Server) -> Duration {
    let tables = ["users", "membership", "groups", "change"];
    let file = |table: &str| std::env::temp_dir().join(format!("headcount-bench-{}-{table}", std::process::id()));
    server.psql("DROP SCHEMA IF EXISTS copied CASCADE; CREATE SCHEMA copied");
    for table in tables {
        server.psql(&format!("CREATE TABLE copied.{table} (LIKE sync_0.{table} INCLUDING ALL)"));
        server.psql(&format!("\\copy sync_0.{table} TO '{}'", file(table).display()));
    }
    let begun = Instant::now();
    for table in tables {
        server.psql(&format!("\\copy copied.{table} FROM '{}'", file(table).display()));
    }
    let elapsed = begun.elapsed();
    for table in tables {
        std::fs::remove_file(file(table)).unwrap();
    }
    elapsed
}

/// Prints how long polls from a feed with this many changes take, and how long pgbench takes to read as many rows.
fn feed(server: &Server, changes: usize) {
    println!("\na poll of 100 changes from a feed of {changes}");
    runtime().block_on(fill(server, "feed", 1, 0));
    let last = runtime().block_on(fill_feed(server, changes));
    for (consumer, prepared, note) in [("app", false, ""), ("prepared", true, ", prepared statements")] {
        let taken = runtime().block_on(polls(server, consumer, last, changes, prepared));
        println!(
            "  median {:.3} ms, p99 {:.3} ms{note}",
            millis(taken[taken.len() / 2]),
            millis(taken[taken.len() * 99 / 100])
        );
    }
    let select = format!(
        "\\set position random(1, {changes} - 200)\nSELECT seq, body FROM feed.change WHERE seq > :position ORDER BY seq LIMIT 100;"
    );
    println!("  pgbench: SELECT of the same rows {:.3} ms", server.pgbench_value(&select, 1, "latency average = "));
}

/// Fills the feed with `changes` copies of one change. Returns the number of the change before them. The consumers `app` and `prepared` have acknowledged it.
async fn fill_feed(server: &Server, changes: usize) -> usize {
    let store = open(&server.url, "feed", false).await;
    let webhook = Webhook::new([SECRET]).unwrap();
    let mirror = Mirror::builder().webhook(webhook.clone()).open_in(store).await.unwrap();
    // The second event changes only the name: one change, which is copied.
    for count in [0, USERS] {
        let body = renaming(0, 0, count);
        let headers = webhook.sign(body.as_bytes(), None, None).unwrap();
        assert_eq!(mirror.receive(&headers, body.as_bytes()).await.unwrap().name(), "applied");
    }
    for consumer in ["app", "prepared"] {
        loop {
            let polled = mirror.poll(consumer, 100).await.unwrap();
            let Some(last) = polled.last() else { break };
            mirror.ack(consumer, last.seq).await.unwrap();
        }
    }
    let last: usize = server.psql("SELECT change FROM feed.counter").parse().unwrap();
    server.psql(&format!(
        "INSERT INTO feed.change SELECT {last} + n, count, organization_id, directory_id, cause, at, body
            FROM feed.change, generate_series(1, {changes}) AS n WHERE seq = {last} AND count = 1;
        UPDATE feed.counter SET change = {last} + {changes}; UPDATE feed.durable SET change = {last} + {changes}"
    ));
    server.psql("VACUUM (ANALYZE) feed.change");
    server.psql("CHECKPOINT");
    last
}

/// Polls 200 times from the feed that [`fill_feed`] filled. Returns the durations in ascending order.
async fn polls(server: &Server, consumer: &str, last: usize, changes: usize, prepared: bool) -> Vec<Duration> {
    let store = open(&server.url, "feed", prepared).await;
    let mirror = Mirror::builder().open_in(store).await.unwrap();
    let mut taken = Vec::new();
    for step in 1..=200 {
        let position = (last + changes / 201 * step) as i64;
        // A number can be acknowledged only after a poll has returned it.
        assert_eq!(mirror.poll_after(consumer, Some(position - 1), 1).await.unwrap().len(), 1);
        mirror.ack(consumer, position).await.unwrap();
        let begun = Instant::now();
        assert_eq!(mirror.poll(consumer, 100).await.unwrap().len(), 100);
        taken.push(begun.elapsed());
    }
    taken.sort();
    taken
}
