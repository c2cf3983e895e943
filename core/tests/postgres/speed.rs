//! Measures the speed of single writes, and of receivers: tasks that apply events to a mirror, each for an organization of its own.

use super::*;
use headcount::mirror::Outcome;
use headcount::store::OrganizationRow;
use headcount::{Event, Mirror};
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// Runs `count` durable writes one after another. Each writes an event, a user and a change, as a write of [`Mirror::receive`] does.
async fn receive_events(store: &PostgresStore, organization_id: &str, worker: usize, count: usize) {
    for n in 0..count {
        let (organization, id) = (organization_id.to_owned(), format!("diruser_{worker}_{}", n % 50));
        let event = format!("evt_{worker}_{n}");
        let keys = Keys {
            organizations: [organization.clone()].into(),
            users: [id.clone()].into(),
            events: [event.clone()].into(),
            ..Keys::default()
        };
        let one = write(organization_id, keys, move |set| {
            let mut row = set.users.get(&id).cloned().unwrap_or_else(|| user(&organization, &id));
            row.user.given_name = n.to_string();
            row.trail.revision = set.revision;
            let event = EventRow {
                id: event.clone(),
                organization_id: organization.clone(),
                received_at: Timestamp::UNIX_EPOCH,
                state: EventState::Settled,
                body: None,
                ..EventRow::default()
            };
            Batch { events: vec![event], ..with_user(row) }
        });
        store.write(one).await.unwrap();
    }
}

/// Environment variable of a process with receivers. Its value has these parts, separated by spaces: the server's URL, the argument for [`schema`], the
/// number of the process, and `true` if it prepares statements.
const RECEIVERS: &str = "HEADCOUNT_RECEIVERS_IN";

/// How many processes there are, how many receivers each has, and how many events each receiver applies.
const PROCESSES: usize = 2;
const EACH: usize = 4;
const EVENTS: usize = 500;

/// A process with receivers, started by the test below. Does nothing without the environment variable that the test sets. It opens a mirror, prints
/// `ready`, and waits for a line of its standard input. Then its receivers apply events at the same time. Each event changes a user.
#[test]
fn receiving_process() {
    let Ok(value) = std::env::var(RECEIVERS) else { return };
    let [url, name, number, prepared] = value.split(' ').collect::<Vec<_>>()[..] else { panic!("{value}") };
    let mut options = options(name);
    options.prepared_statements = prepared == "true";
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Arc::new(PostgresStore::connect_with(url, options).await.unwrap());
        for receiver in 0..EACH {
            store.write(with_directory(&format!("{number}_{receiver}"))).await.unwrap();
        }
        let mirror = Mirror::builder().open_in(store).await.unwrap();
        println!("ready");
        std::io::stdin().read_line(&mut String::new()).unwrap();
        let receivers: Vec<_> = (0..EACH)
            .map(|receiver| {
                let (mirror, receiver) = (mirror.clone(), format!("{number}_{receiver}"));
                tokio::spawn(async move {
                    for event in 0..EVENTS {
                        let applied = mirror.apply(&renaming(&receiver, event)).await.unwrap();
                        assert_eq!(applied, Outcome::Applied);
                    }
                })
            })
            .collect();
        for one in receivers {
            one.await.unwrap();
        }
    });
}

/// Makes a write that stores the organization and the directory of a receiver, as after a sync.
pub(super) fn with_directory(receiver: &str) -> Write {
    let mut organization = OrganizationRow { id: format!("org_{receiver}"), ..OrganizationRow::default() };
    organization.directories_listed_at = Some(Timestamp::now());
    let mut directory = DirectoryRow::default();
    directory.directory.id = format!("dir_{receiver}");
    directory.directory.organization_id = organization.id.clone();
    write(&organization.id.clone(), Keys::default(), move |_| Batch {
        organizations: vec![organization.clone()],
        directories: vec![directory.clone()],
        ..Batch::default()
    })
}

/// Returns an event that changes the name of one of the 50 users in a receiver's organization.
pub(super) fn renaming(receiver: &str, event: usize) -> Event {
    let body = serde_json::json!({
        "id": format!("evt_{receiver}_{event}"),
        "type": "organization.directory.user_updated",
        "occurred_at": Timestamp::now().to_string(),
        "organization_id": format!("org_{receiver}"),
        "data": {
            "id": format!("diruser_{receiver}_{}", event % 50),
            "organization_id": format!("org_{receiver}"),
            "directory_id": format!("dir_{receiver}"),
            "email": format!("{receiver}_{}@example.com", event % 50),
            "given_name": event.to_string(),
        },
    });
    Event::from_verified_body(body.to_string().as_bytes()).unwrap()
}

/// Prints how many events 8 receivers in 2 processes apply in a second, and the processor time that the server uses for each event.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures the speed"]
async fn speed_of_receivers_in_two_processes() {
    let server = Server::start(Start { flushes: true, ..Start::default() });
    for (title, prepared) in
        [("warm up", false), ("8 receivers in 2 processes", false), ("the same with prepared statements", true)]
    {
        let name = title.replace(' ', "_");
        drop(open(&server.url, &name).await.unwrap());
        let before = server.processor_time();
        let mut processes: Vec<Child> = (0..PROCESSES)
            .map(|number| {
                Command::new(std::env::current_exe().unwrap())
                    .args(["--exact", "speed::receiving_process", "--nocapture"])
                    .env(RECEIVERS, format!("{} {name} {number} {prepared}", server.url))
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for process in &mut processes {
            let mut lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
            assert!(lines.any(|line| line.unwrap().ends_with("ready")));
        }
        let started = Instant::now();
        for process in &mut processes {
            process.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        }
        for process in &mut processes {
            assert!(process.wait().unwrap().success());
        }
        let events = (PROCESSES * EACH * EVENTS) as f64;
        let rate = events / started.elapsed().as_secs_f64();
        let each = (server.processor_time() - before) / events * 1e6;
        println!("{title}: {rate:.0} events/s, {each:.0} µs of the server's processor time for each");
    }
    println!("pgbench, 8 at once: {:.0} inserts/s", server.pgbench(8));
}

/// Prints the speed of durable single writes on a server that flushes, and for comparison that of pgbench's inserts of single rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures the speed"]
async fn speed_of_single_writes() {
    const COUNT: usize = 400;
    let server = Server::start(Start { flushes: true, ..Start::default() });
    for (title, workers, organizations) in
        [("warm up", 8, 8), ("1 at once", 1, 1), ("8 at once", 8, 8), ("8 at once, one organization", 8, 1)]
    {
        let store = Arc::new(open(&server.url, &format!("speed {title}")).await.unwrap());
        let started = Instant::now();
        let running: Vec<_> = (0..workers)
            .map(|worker| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    receive_events(&store, &format!("org_{}", worker % organizations), worker, COUNT).await;
                })
            })
            .collect();
        for one in running {
            one.await.unwrap();
        }
        let seconds = started.elapsed().as_secs_f64();
        println!("{title}: {:.0} writes/s", (workers * COUNT) as f64 / seconds);
    }
    for clients in [1, 8] {
        println!("pgbench, {clients} at once: {:.0} inserts/s", server.pgbench(clients));
    }
}
