//! Eight processes with one mirror, which are killed and stopped at random: receivers, syncs and consumers. No event whose receipt was reported and no
//! acknowledgement is lost, the feed's numbers have no gap and no repetition, each consumer gets all changes in their order, and in the end the mirror
//! equals the directories.
//!
//! `HEADCOUNT_PROCESSES_SECONDS` sets how many seconds the processes run (default: 15). `HEADCOUNT_PROCESSES_SEED` sets the seed of the random numbers
//! by which the test kills and stops processes and changes directories; each run prints its seed. The processes use random numbers of their own, and
//! the operating system schedules them, so a seed does not repeat a run exactly.

use super::*;
use futures_util::TryStreamExt;
use headcount::mirror::{Outcome, SyncMode};
use headcount::system::{OsRandom, Random};
use headcount::{Change, Client, Error, ErrorStatus, Event, Mirror, Webhook};
use headcount_sandbox::{NewUser, Sandbox, UserChange};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Instant;

/// What each of the processes does. The consumers have names of their own, because a consumer is for one process at a time.
const ROLES: [&str; 8] = ["receiver", "receiver", "receiver", "sync", "sync", "consumer_1", "consumer_2", "consumer_3"];

/// How much longer than the set time the processes may run on a slow machine, until [`Seen::has_all`] returns true.
const SLOW: Duration = Duration::from_secs(100);

/// The argument for [`schema`].
const NAME: &str = "processes";

/// Environment variables of a process: its role, the URL and the name of its [`Place`], and the sandbox's settings as JSON.
const ROLE: &str = "HEADCOUNT_PROCESSES_ROLE";
const URL: &str = "HEADCOUNT_PROCESSES_URL";
const PLACE: &str = "HEADCOUNT_PROCESSES_PLACE";
const SETTINGS: &str = "HEADCOUNT_PROCESSES_SETTINGS";

/// Begins each line that a process prints for the test. The test harness prints lines of its own.
const PREFIX: &str = "process: ";

/// Where the processes of a test have their mirror.
pub(crate) struct Place {
    /// The URL of the database.
    pub(crate) url: String,
    /// The argument for [`schema`].
    pub(crate) name: &'static str,
}

impl Place {
    /// Opens the mirror.
    pub(crate) async fn open(&self, sandbox: &Sandbox) -> Mirror {
        let client = sandbox.client().build().unwrap();
        open_mirror(&self.url, self.name, client, sandbox.webhook_secret()).await.unwrap()
    }

    /// Ends all leases, as if the time that they last had passed.
    pub(crate) fn expire_leases(&self) {
        let sql = format!("UPDATE {}.lease SET expires_at = 0", schema(self.name));
        server::psql(&self.url, &sql).unwrap();
    }
}

// ---- a process ---------------------------------------------------------------------------------------------------------------

/// One of the processes that the tests start. Does nothing without the environment variables that they set.
#[test]
fn one_of_the_processes() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let settings: serde_json::Value = serde_json::from_str(&std::env::var(SETTINGS).unwrap()).unwrap();
    // The standard input is a pipe from the test's process. When that process ends, the pipe is closed, and this process ends as well.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let text = |name: &str| settings[name].as_str().unwrap().to_owned();
        let client =
            Client::builder(text("environment_url"), text("client_id"), text("client_secret")).build().unwrap();
        let (url, place) = (std::env::var(URL).unwrap(), std::env::var(PLACE).unwrap());
        let mirror = loop {
            match open_mirror(&url, &place, client.clone(), &text("webhook_secret")).await {
                Ok(mirror) => break mirror,
                Err(error) => report(&error),
            }
        };
        match role.as_str() {
            "receiver" => receive_events(&mirror, &text("webhook_secret"), &text("control_url")).await,
            "sync" => sync(&mirror).await,
            consumer => consume(&mirror, consumer).await,
        }
    });
}

async fn open_mirror(url: &str, name: &str, client: Client, secret: &str) -> Result<Mirror> {
    let mut options = options(name);
    // The server ends a transaction that is idle for half of this time, such as that of a process that is stopped.
    options.lock_timeout = Duration::from_secs(4);
    // A server that is paused counts as lost after the sum of both.
    options.statement_timeout = Duration::from_secs(4);
    let store = Arc::new(PostgresStore::connect_with(url, options).await?);
    let webhook = Webhook::new([secret])?;
    // The guard must not hold removals by events. It may hold those by listings: the test receives all events in the end, and these remove the same users.
    Mirror::builder().client(client).webhook(webhook).guard_events(false).open_in(store).await
}

/// Receives random events of the sandbox, most of them recent ones. Several processes may receive one event at the same time.
async fn receive_events(mirror: &Mirror, secret: &str, control_url: &str) {
    let webhook = Webhook::new([secret]).unwrap();
    let tls = headcount::internal::tls::config(headcount::internal::tls::SystemRoots::Unused, Vec::new()).unwrap();
    let http = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls).build().unwrap();
    loop {
        let answer = http.get(format!("{control_url}/deliveries")).send().await.unwrap().text().await.unwrap();
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let deliveries = answer["deliveries"].as_array().unwrap();
        for _ in 0..deliveries.len().min(8) {
            let latest = if random_below(4) == 0 { deliveries.len() } else { deliveries.len().min(20) };
            let delivery = &deliveries[deliveries.len() - 1 - random_below(latest)];
            let body = delivery["body"].as_str().unwrap().as_bytes();
            match mirror.receive(&webhook.sign(body, None, None).unwrap(), body).await {
                Ok(outcome) => {
                    let event = Event::from_verified_body(body).unwrap();
                    println!("{PREFIX}received {} {}", event.id(), outcome.name());
                }
                Err(error) => report(&error),
            }
        }
    }
}

/// Syncs all directories again and again, in a random mode.
async fn sync(mirror: &Mirror) {
    loop {
        let mode = if random_below(2) == 0 { SyncMode::Full } else { SyncMode::Incremental };
        match mirror.sync_all().mode(mode).await {
            Ok(reports) => match reports.into_iter().find_map(|report| report.error) {
                // The guard holds removals if the receivers have not yet received the events of many of them. The sync is complete apart from these.
                Some(error) if error.kind() != ErrorKind::MassRemoval => report(&error),
                _ => println!("{PREFIX}synced"),
            },
            Err(error) => report(&error),
        }
    }
}

/// Polls and acknowledges changes, a random number at a time.
async fn consume(mirror: &Mirror, name: &str) {
    loop {
        let polled = mirror.wait(name, 1 + random_below(20), None).await;
        match polled {
            Ok(changes) => {
                for change in &changes {
                    println!("{PREFIX}got {} {}", change.seq, digest(change));
                }
                let Some(last) = changes.last() else { continue };
                match mirror.ack(name, last.seq).await {
                    Ok(()) => println!("{PREFIX}acknowledged {}", last.seq),
                    Err(error) => report(&error),
                }
            }
            Err(error) => report(&error),
        }
    }
}

/// Prints an error. The test permits temporary ones: a lost lease or connection, or a wait for a lock that took too long.
fn report(error: &Error) {
    let status = if error.status() == ErrorStatus::Temporary { "temporary" } else { "permanent" };
    println!("{PREFIX}{status} {error:?}");
}

/// Returns a hash of the whole change.
fn digest(change: &Change) -> u64 {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(change).unwrap().hash(&mut hasher);
    hasher.finish()
}

fn random_below(bound: usize) -> usize {
    (OsRandom.bits() % bound as u64) as usize
}

// ---- the test ----------------------------------------------------------------------------------------------------------------

/// Random numbers from a seed: SplitMix64 (Steele, Lea and Flood, 2014).
pub(crate) struct SeededRandom(pub(crate) u64);

impl SeededRandom {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ bits >> 31) % bound as u64) as usize
    }
}

/// A running process, and the thread that reads what it prints.
pub(crate) struct Running {
    role: &'static str,
    child: Child,
    /// The lines that it has printed, each with the time at which it was read.
    lines: mpsc::Receiver<(Instant, String)>,
    reader: Option<JoinHandle<()>>,
    /// Whether it has printed a line for the test.
    has_worked: bool,
    /// When it is continued, if it is stopped.
    continues: Option<Instant>,
}

impl Running {
    pub(crate) fn start(role: &'static str, place: &Place, sandbox: &Sandbox) -> Running {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "processes::one_of_the_processes", "--nocapture"])
            .env(ROLE, role)
            .env(URL, &place.url)
            .env(PLACE, place.name)
            .env(SETTINGS, sandbox.settings().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, lines) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            for line in output.map_while(std::result::Result::ok) {
                let _ = sender.send((Instant::now(), line));
            }
        });
        Running { role, child, lines, reader: Some(reader), has_worked: false, continues: None }
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Adds to `seen` the lines that it has printed since the last call.
    pub(crate) fn read(&mut self, seen: &mut Seen) {
        for (at, line) in self.lines.try_iter() {
            self.has_worked |= seen.add(self.role, at, &line);
        }
    }

    /// Kills it, and adds to `seen` the lines that it has printed since the last call of `read`.
    pub(crate) fn kill(mut self, seen: &mut Seen) {
        assert!(self.child.try_wait().unwrap().is_none(), "a {} has ended by itself", self.role);
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        self.lines.iter().for_each(|(at, line)| {
            seen.add(self.role, at, &line);
        });
        seen.end(self.role);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the processes have printed.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// How often each event was received with another outcome than `duplicate`. Events whose receipt no process has printed have no entry.
    pub(crate) events: BTreeMap<String, usize>,
    /// The digests of the changes, by their numbers.
    pub(crate) changes: BTreeMap<i64, u64>,
    consumers: BTreeMap<&'static str, Position>,
    /// How many events, syncs and acknowledgements the processes of each role have completed.
    pub(crate) successes: BTreeMap<&'static str, usize>,
    /// When events were received, since the last call of [`Seen::longest_pause`].
    received_at: Vec<Instant>,
    /// How often each temporary error has occurred.
    temporary_errors: BTreeMap<String, usize>,
}

/// Which changes a consumer has got.
#[derive(Debug, Default)]
struct Position {
    /// The greatest number of a change that any of its processes has got.
    greatest: i64,
    /// The number of the change that it has acknowledged last.
    acknowledged: i64,
    /// The number of the last change that its present process has got, or `None` if it has got none yet.
    last: Option<i64>,
}

impl Seen {
    /// Prints the faults of a run, and what the processes have done.
    pub(crate) fn print_with(&self, faults: &str) {
        println!(
            "{faults}, {} events, {} changes; completed calls: {:?}; errors: {:#?}",
            self.events.len(),
            self.changes.len(),
            self.successes,
            self.temporary_errors
        );
    }

    /// Adds a line. Returns whether it is one of this test's.
    fn add(&mut self, role: &'static str, at: Instant, line: &str) -> bool {
        let Some((_, line)) = line.split_once(PREFIX) else { return false };
        let words: Vec<&str> = line.split(' ').collect();
        if matches!(words.as_slice(), ["received" | "acknowledged" | "synced", ..]) {
            *self.successes.entry(role).or_default() += 1;
        }
        match words.as_slice() {
            ["received", id, outcome] => {
                let is_new = *outcome != Outcome::Duplicate.name();
                *self.events.entry((*id).to_owned()).or_default() += usize::from(is_new);
                self.received_at.push(at);
            }
            ["got", seq, digest] => self.add_change(role, seq.parse().unwrap(), digest.parse().unwrap()),
            ["acknowledged", seq] => {
                let position = self.consumers.get_mut(role).unwrap();
                position.acknowledged = seq.parse().unwrap();
            }
            ["synced"] => {}
            ["temporary", ..] => *self.temporary_errors.entry(line.to_owned()).or_default() += 1,
            _ => panic!("a {role} failed: {line}"),
        }
        true
    }

    /// Adds a change that a consumer got. Panics if the consumer had acknowledged it or did not get the change before it, or if another change has its
    /// number.
    fn add_change(&mut self, role: &'static str, seq: i64, digest: u64) {
        let known = *self.changes.entry(seq).or_insert(digest);
        assert_eq!(known, digest, "two different changes have the number {seq}");
        let position = self.consumers.entry(role).or_default();
        match position.last {
            Some(last) if seq > position.acknowledged.max(last) => {
                assert_eq!(seq, last + 1, "{role} did not get the change after {last}");
            }
            // A consumer may get changes again after its acknowledgement failed or its process was restarted, but none that it had acknowledged.
            _ => {
                assert!(seq > position.acknowledged, "{role} got change {seq}, which it had acknowledged");
                assert!(seq <= position.greatest + 1, "{role} got change {seq} and not the one before it");
            }
        }
        position.last = Some(seq);
        position.greatest = position.greatest.max(seq);
    }

    /// Records that the process of a role has ended.
    fn end(&mut self, role: &'static str) {
        if let Some(position) = self.consumers.get_mut(role) {
            position.last = None;
        }
    }

    /// Returns whether each of these roles has done enough for the run to test it: it has completed a call, and more than 20 events were received.
    pub(crate) fn has_all(&self, roles: &[&'static str]) -> bool {
        roles.iter().all(|role| self.successes.contains_key(role)) && self.events.len() > 20
    }

    /// Returns the longest time in which no event was received, between two events since the last call, or between the first of them and the event
    /// before it.
    pub(crate) fn longest_pause(&mut self) -> Duration {
        self.received_at.sort_unstable();
        let pauses = self.received_at.windows(2).map(|pair| pair[1] - pair[0]);
        let longest = pauses.max().unwrap_or_default();
        let count = self.received_at.len();
        self.received_at.drain(..count.saturating_sub(1));
        longest
    }
}

/// The sandbox's directories, which the test changes while the processes run.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    /// Ids of the organizations, each with the groups of its directory.
    organizations: Vec<(String, Vec<String>)>,
    /// Ids of the users that the test has created and not deleted.
    user_ids: Vec<String>,
    /// The number of changes so far.
    count: usize,
}

impl World {
    pub(crate) async fn new() -> World {
        let sandbox = Sandbox::builder().organizations(2).users(20).groups(3).start().unwrap();
        // No server listens there. The sandbox records the events that it tries to deliver, and the receivers read them from this record.
        sandbox.register_endpoint("http://127.0.0.1:9/").unwrap();
        let client = sandbox.client().build().unwrap();
        let mut organizations = Vec::new();
        let listed: Vec<_> = client.organizations().list().stream().try_collect().await.unwrap();
        for organization in listed {
            let directory = client.directories().primary(&organization.id).await.unwrap();
            let groups = client.directories().groups(&organization.id, &directory.id).stream();
            let groups: Vec<_> = groups.try_collect().await.unwrap();
            organizations.push((organization.id, groups.into_iter().map(|group| group.id).collect()));
        }
        World { sandbox, organizations, user_ids: Vec::new(), count: 0 }
    }

    /// Creates, changes or deletes a user.
    pub(crate) fn change(&mut self, random: &mut SeededRandom) {
        let World { sandbox, organizations, user_ids, count } = self;
        *count += 1;
        match random.below(4) {
            0 if user_ids.len() > 5 => {
                sandbox.delete_user(&user_ids.swap_remove(random.below(user_ids.len()))).unwrap();
            }
            1 | 2 if !user_ids.is_empty() => {
                let change = UserChange { family_name: Some(format!("Name {count}")), ..UserChange::default() };
                sandbox.update_user(&user_ids[random.below(user_ids.len())], change).unwrap();
            }
            _ => {
                let (organization, groups) = &organizations[random.below(organizations.len())];
                let new = NewUser {
                    email: format!("user.{count}@example.com"),
                    organization_id: Some(organization.clone()),
                    groups: vec![groups[random.below(groups.len())].clone()],
                    ..NewUser::default()
                };
                user_ids.push(sandbox.create_user(new).unwrap().id);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_that_are_killed_and_stopped_keep_the_guarantees() {
    let seconds = number_of("HEADCOUNT_PROCESSES_SECONDS").unwrap_or(15);
    let seed = number_of("HEADCOUNT_PROCESSES_SEED").unwrap_or_else(|| OsRandom.bits());
    println!("HEADCOUNT_PROCESSES_SEED={seed}");
    let test = async {
        drop(create(NAME).await);
        let mut world = World::new().await;
        let place = Place { url: Server::shared().url.clone(), name: NAME };
        let mirror = place.open(&world.sandbox).await;
        mirror.sync_all().await.unwrap();
        let seen = block_in_place(|| run(&place, &mut world, Duration::from_secs(seconds), &mut SeededRandom(seed)));
        place.expire_leases();
        check(&mirror, &world, seen, &ROLES).await;
    };
    tokio::time::timeout(Duration::from_secs(seconds) + 2 * SLOW, test).await.unwrap();
}

/// Lets the processes run, and kills and stops them at random. Returns what they have printed.
fn run(place: &Place, world: &mut World, time: Duration, random: &mut SeededRandom) -> Seen {
    let started = Instant::now();
    let mut seen = Seen::default();
    let mut processes: Vec<Running> = ROLES.iter().map(|role| Running::start(role, place, &world.sandbox)).collect();
    let (mut kills, mut stops) = (0, 0);
    // On a slow machine, this runs for longer than `time`, until `has_all` returns true.
    while started.elapsed() < time || !seen.has_all(&ROLES) {
        world.change(random);
        for process in &mut processes {
            process.read(&mut seen);
            if process.continues.is_some_and(|at| at <= Instant::now()) {
                process.signal("-CONT");
                process.continues = None;
            }
        }
        assert!(started.elapsed() < time + SLOW, "some processes did too little: {seen:?}");
        let index = random.below(ROLES.len());
        let process = &mut processes[index];
        // Usually, a process is killed or stopped only after it has printed something, so that each role makes progress on a slow machine as well.
        let may_signal = process.has_worked || random.below(8) == 0;
        match random.below(6) {
            0 if may_signal => {
                let role = process.role;
                std::mem::replace(process, Running::start(role, place, &world.sandbox)).kill(&mut seen);
                kills += 1;
                // Otherwise, the other process that syncs would have to wait for minutes, until the lease of the killed one expires.
                if role == "sync" {
                    place.expire_leases();
                }
            }
            1 | 2 if may_signal && process.continues.is_none() => {
                process.signal("-STOP");
                process.continues = Some(Instant::now() + Duration::from_millis(random.below(3_000) as u64));
                stops += 1;
                // As if the process were stopped for longer than its lease lasts: another process can take the lease.
                if process.role == "sync" && random.below(2) == 0 {
                    place.expire_leases();
                }
            }
            _ => {}
        }
        std::thread::sleep(Duration::from_millis(random.below(150) as u64));
    }
    for process in processes {
        process.kill(&mut seen);
    }
    seen.print_with(&format!("{kills} kills, {stops} stops"));
    seen
}

/// Checks the guarantees after a run of processes with these roles: nothing acknowledged is lost, no number of the feed is missing or used twice, and the
/// mirror equals the directories.
pub(crate) async fn check(mirror: &Mirror, world: &World, seen: Seen, roles: &[&'static str]) {
    check_events(mirror, &world.sandbox, &seen).await;
    check_directories(mirror, world).await;
    check_feed(mirror, seen, roles).await;
}

/// Checks that the processes applied no event twice. Receives all events again, and checks that those which a process had received are duplicates.
async fn check_events(mirror: &Mirror, sandbox: &Sandbox, seen: &Seen) {
    for (id, applied) in &seen.events {
        assert!(*applied <= 1, "event {id} was applied {applied} times");
    }
    let webhook = Webhook::new([sandbox.webhook_secret()]).unwrap();
    for delivery in sandbox.deliveries() {
        let body = delivery.body.as_bytes();
        let outcome = mirror.receive(&webhook.sign(body, None, None).unwrap(), body).await.unwrap();
        let was_received = seen.events.contains_key(&delivery.event_id);
        assert!(outcome == Outcome::Duplicate || !was_received, "event {} was lost", delivery.event_id);
    }
}

/// Checks that the mirror has the users of the directories, with their names and groups.
async fn check_directories(mirror: &Mirror, world: &World) {
    mirror.sync_all().mode(SyncMode::Full).await.unwrap();
    let client = world.sandbox.client().build().unwrap();
    for (organization, _) in &world.organizations {
        let directory = client.directories().primary(organization).await.unwrap();
        let listed: Vec<_> =
            client.directories().users(organization, &directory.id).stream().try_collect().await.unwrap();
        let listed: BTreeMap<_, _> = listed
            .into_iter()
            .map(|user| {
                let group_ids: BTreeSet<String> = user.groups.iter().map(|group| group.id.clone()).collect();
                (user.id, (user.email, user.family_name, group_ids))
            })
            .collect();
        let mut mirrored = BTreeMap::new();
        let mut users = mirror.users(organization);
        while let Some(user) = users.next().await.unwrap() {
            let group_ids = user.group_ids.into_iter().collect();
            mirrored.insert(user.id, (user.email, user.family_name, group_ids));
        }
        assert_eq!(mirrored, listed, "the mirror of {organization} differs from its directory");
    }
}

/// Lets each consumer get the rest of the changes, and reads the feed from its first change. Checks that the feed has all numbers and the changes
/// that the consumers got, that no user is created or deleted twice, that no event was applied twice, and that its last state has as many users as the
/// mirror.
async fn check_feed(mirror: &Mirror, mut seen: Seen, roles: &[&'static str]) {
    for role in roles.iter().copied().filter(|role| role.starts_with("consumer")) {
        loop {
            let changes = mirror.poll(role, 1_000).await.unwrap();
            let Some(last) = changes.last() else { break };
            changes.iter().for_each(|change| seen.add_change(role, change.seq, digest(change)));
            mirror.ack(role, last.seq).await.unwrap();
        }
    }
    let (mut present, mut applied) = (BTreeSet::new(), BTreeSet::new());
    let mut seq = 0;
    loop {
        let changes = mirror.poll_after("audit", Some(seq), 1_000).await.unwrap();
        if changes.is_empty() {
            break;
        }
        for change in changes {
            seq += 1;
            assert_eq!(change.seq, seq, "the feed has a gap");
            assert_eq!(seen.changes.get(&seq), Some(&digest(&change)), "the consumers got another change {seq}");
            let user_id = change.user.as_ref().map(|user| user.id.clone()).unwrap_or_default();
            let group_id = change.group.as_ref().map(|group| group.id.clone()).unwrap_or_default();
            if change.cause.starts_with("event:") {
                let step = (change.cause.clone(), change.kind.name(), user_id.clone(), group_id);
                assert!(applied.insert(step), "{} was applied twice", change.cause);
            }
            match change.kind {
                ChangeKind::UserCreated => assert!(present.insert(user_id.clone()), "{user_id} was created twice"),
                ChangeKind::UserDeleted => assert!(present.remove(&user_id), "{user_id} was deleted twice"),
                _ => {}
            }
        }
    }
    for (role, position) in &seen.consumers {
        assert_eq!(position.greatest, seq, "{role} did not get all changes");
    }
    let users: u64 = mirror.status().await.unwrap().iter().map(|status| status.users).sum();
    assert_eq!(present.len() as u64, users);
}
