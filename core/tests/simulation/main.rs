//! The guarantees of the mirror, checked while faults of every kind occur.
//!
//! One seed makes one scenario: one or two organizations, the first with one or two directories, which change and between which users move; a
//! vendor's clock that differs from the local one, which may jump; listings that fail, are slow, lag behind the directory or change while they are
//! read; events that are lost, duplicated, late, reordered, or of the wrong organization; one or two processes on the same disk, each of which may
//! run while a call of the other is under way; crashes and power cuts before and after any write; role maps that change; holds that are approved
//! and dismissed; consumers that stop before they acknowledge, that acknowledge late, and that start again from a snapshot.
//!
//! The disk is a store in memory (`core/examples/in_memory`), on which a seed always leads to the same run. The first 60 seeds run on SQLite as well,
//! without power cuts. There the same seed can lead to different runs, because the store's threads do not always run in the same order.
//!
//! [`erasing`] also erases users and forgets an organization.
//!
//! [`fleet`] runs other scenarios with the same directories: two or three processes at the same time, on a model of the PostgreSQL store.
//!
//! - `HEADCOUNT_SIM_SEEDS=100000` sets the number of seeds, from `HEADCOUNT_SIM_FIRST` on. Default: 2,000 from 0. On SQLite, the number is always 60.
//! - `HEADCOUNT_SIM_SEED=17` runs only that seed. The name of the test, as an argument of `cargo test`, selects the store.
//!
//! A failure prints its seed, and the shortest scenario that was found in which the same check fails. The search leaves out steps, first many at a
//! time and then single ones. Each step has a seed of its own, so the remaining steps draw the same random numbers as before.
//!
//! To see whether the simulation finds a defect, change a rule of the mirror and run the simulation: for example let `listing_replaces` in
//! `mirror/decide/version.rs` return true, which drops the five-minute rule. If a guarantee needs the rule, one of the first 2,000 seeds has to
//! fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

#[path = "../../examples/in_memory/store.rs"]
mod disk;
mod erasing;
mod feed;
mod fleet;
mod history;
mod mistakes;
mod postgres;
mod random;
mod shrink;
mod store;
mod world;

use feed::{ConsumerLog, Records, listed_state, unlisted_who_stay};
use headcount::mirror::{HoldReason, MirrorOptions, Mirrored, Outcome, SyncMode, SyncOutcome, SyncReport};
use headcount::store::Store;
use headcount::system::Clock;
use headcount::{Change, ChangeKind, ErrorKind, Event, Mirror};
use postgres::Mistake;
use random::SeededRandom;
use shrink::{Scenario, Trace};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{Machine, Process};
use world::{BROKEN_CONNECTION, Claim, Facts, Message, ORGANIZATION, ORGANIZATIONS, World};

/// The guard's limit: the number of users in a directory who may lose access without approval.
const LIMIT: u64 = 3;

/// The consumer that [`Simulation::restart_consumer`] resets to a snapshot.
const RESTARTED: &str = "restarted";

/// The consumers. The first two read the whole feed.
const CONSUMERS: [&str; 3] = ["accounts", "audit", RESTARTED];

/// The number of seeds that the test of event order runs.
const ORDER_SEEDS: u64 = 400;

/// The number of seeds that run on SQLite.
const SQLITE_SEEDS: u64 = 60;

/// How many times a chosen seed is run on SQLite at most, until it fails.
const SQLITE_RUNS: u32 = 20;

/// The store that the processes share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    /// The store of `core/examples/in_memory`, which supports power cuts.
    Disk,
    /// As `Disk`, in runs that erase users: see [`erasing`].
    Erasing,
    /// A SQLite database in memory.
    Sqlite,
    /// The PostgreSQL store on a model of the server, which several processes use at the same time: see [`fleet`]. With a [`Mistake`],
    /// the model of the store has this defect, which the checks have to find.
    Server(Option<Mistake>),
}

#[test]
fn the_guarantees_hold_for_every_seed() {
    run_chosen_seeds("the_guarantees_hold_for_every_seed", 2_000, Medium::Disk);
}

#[test]
fn nothing_is_left_of_erased_users_and_forgotten_organizations() {
    run_chosen_seeds("nothing_is_left_of_erased_users_and_forgotten_organizations", 2_000, Medium::Erasing);
    let counts = [&erasing::ERASED, &erasing::FORGOTTEN].map(|count| count.load(Ordering::Relaxed));
    println!("{} mirrored users were erased, and {} mirrored organizations were forgotten", counts[0], counts[1]);
    if number("HEADCOUNT_SIM_SEED").is_none() {
        assert!(counts.iter().all(|count| *count > 0), "the runs erase too little: {counts:?}");
    }
}

#[test]
fn the_guarantees_hold_on_sqlite() {
    run_chosen_seeds("the_guarantees_hold_on_sqlite", SQLITE_SEEDS, Medium::Sqlite);
}

#[test]
fn the_guarantees_hold_for_several_processes_on_postgresql() {
    run_chosen_seeds("the_guarantees_hold_for_several_processes_on_postgresql", 2_000, Medium::Server(None));
}

/// Runs the seeds that the environment variables choose, or the first `count`. `test` is the name of the test that calls this.
fn run_chosen_seeds(test: &str, count: u64, medium: Medium) {
    if let Some(seed) = number("HEADCOUNT_SIM_SEED") {
        return run_seed(test, seed, medium);
    }
    let first = number("HEADCOUNT_SIM_FIRST").unwrap_or(0);
    // On SQLite, more seeds would take minutes.
    let count = number("HEADCOUNT_SIM_SEEDS").filter(|_| medium != Medium::Sqlite).unwrap_or(count);
    if let Some((seed, message)) = find_failure(first..first + count, medium) {
        println!("seed {seed} failed: {message}");
        run_seed(test, seed, medium);
        panic!("seed {seed} failed, but not when it was run again: {message}");
    }
}

/// Runs the seeds, on as many threads as the machine has processors. Returns a seed that fails, and the message of its check, or `None` if all pass.
pub(crate) fn find_failure(seeds: Range<u64>, medium: Medium) -> Option<(u64, String)> {
    let (next, has_failed) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    let failure = Mutex::new(None);
    let workers = std::thread::available_parallelism().map_or(2, |count| count.get());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while !has_failed.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    if let Some(message) = shrink::run(&Scenario::of_seed(seed, medium), &Trace::default()) {
                        has_failed.store(true, Ordering::Relaxed);
                        failure.lock().unwrap().get_or_insert((seed, message));
                    }
                }
            });
        }
    });
    failure.into_inner().unwrap()
}

/// Runs a seed. If it fails, prints the shortest scenario that was found. On SQLite, where a seed can lead to different runs, runs it several times.
fn run_seed(test: &str, seed: u64, medium: Medium) {
    let scenario = Scenario::of_seed(seed, medium);
    for _ in 0..if medium == Medium::Sqlite { SQLITE_RUNS } else { 1 } {
        let trace = Trace::recording();
        let Some(message) = shrink::run(&scenario, &trace) else { continue };
        let (shortest, message, trace) = shrink::shrink(&scenario, &message, trace);
        println!("{} of the {} steps are enough:", shortest.steps.len(), scenario.steps.len());
        trace.print();
        panic!("seed {seed} failed: {message}\nreplay it with HEADCOUNT_SIM_SEED={seed} and the test `{test}`");
    }
}

/// Returns the value of an environment variable, or `None` if it is not set.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a whole number"))
}

#[test]
fn events_in_any_order_and_with_duplicates_lead_to_the_same_state() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for seed in 0..ORDER_SEEDS {
        let random = SeededRandom::new(seed);
        // The organization has one directory. With several, events about unknown users would be pending until a sync.
        let world = World::new(random.fork(), 1, 1);
        runtime.block_on(async {
            let mirrors = [open_without_guard(&world, &random).await, open_without_guard(&world, &random).await];
            for mirror in &mirrors {
                mirror.sync(ORGANIZATION).await.unwrap();
            }
            let mut messages = Vec::new();
            for _ in 0..random.between(5, 40) {
                messages.extend(world.change());
                world.advance_clock(random.between(1, 100) as i64);
            }
            let mut states = Vec::new();
            for mirror in &mirrors {
                apply_in_random_order(mirror, &messages, &random).await;
                states.push((Records::of_mirror(mirror).await, mirror.directories(None).await.unwrap()));
            }
            assert_eq!(states[0], states[1], "seed {seed}: two orders of the same events lead to different states");
        });
    }
}

/// Applies each message once or twice, in random order.
async fn apply_in_random_order(mirror: &Mirror, messages: &[Message], random: &SeededRandom) {
    let mut remaining: Vec<Message> = messages
        .iter()
        .flat_map(|message| std::iter::repeat_n(message.clone(), random.between(1, 2) as usize))
        .collect();
    while !remaining.is_empty() {
        let message = remaining.swap_remove(random.below(remaining.len() as u64) as usize);
        let event = Event::from_verified_body(message.body.as_bytes()).unwrap();
        assert_ne!(mirror.apply(&event).await.unwrap(), Outcome::Pending);
    }
}

/// Opens a mirror in memory whose guard holds nothing, because what a guard holds depends on the order of the events.
async fn open_without_guard(world: &World, random: &SeededRandom) -> Mirror {
    Mirror::builder()
        .source(world.clone())
        .clock(world.clock())
        .random(random.fork())
        .guard_share(1.0)
        .open(":memory:")
        .await
        .unwrap()
}

/// A scenario that is being run.
struct Simulation {
    random: SeededRandom,
    world: World,
    machine: Machine,
    /// The processes that share the machine's disk: each with its store and mirror, or `None` if it is not running.
    processes: Vec<Option<(Arc<Process>, Mirror)>>,
    /// The index of the process that runs the current step.
    current: usize,
    trace: Trace,
    /// Messages that are not delivered yet.
    messages: Vec<Message>,
    /// The events that the mirror acknowledged, by id.
    acknowledged: BTreeMap<String, Message>,
    consumers: BTreeMap<&'static str, ConsumerLog>,
    /// The ids of the users whom each hold named when [`Simulation::decide`] first read it, by the hold's id.
    named: BTreeMap<String, BTreeSet<String>>,
    /// Ids of the holds that were approved or dismissed, and whether they were approved.
    decided: Vec<(String, bool)>,
    /// The role map that was set last, or `None` if the call failed and may have set it.
    role_map: Option<Vec<(String, String)>>,
    /// Whether the guard also limits deletion events.
    guards_events: bool,
    /// How long after they left users are deleted: see [`grace_of`].
    grace: Option<Duration>,
    /// Whether users are erased.
    erases: bool,
    /// Ids of the users who were erased.
    erased: BTreeSet<String>,
    /// Ids of users whose erasure failed, and may have begun.
    maybe_erased: BTreeSet<String>,
}

/// Returns the grace of a seed: none for half of the seeds, and otherwise one that ends within most runs, or one that is longer than they are.
pub(crate) fn grace_of(seed: u64) -> Option<Duration> {
    match seed % 4 {
        2 => Some(Duration::from_secs(15 * 60)),
        3 => Some(Duration::from_secs(6 * 3_600)),
        _ => None,
    }
}

/// Has users return in runs with a grace.
pub(crate) fn with_returns(world: World, grace: Option<Duration>) -> World {
    if grace.is_some() {
        world.let_users_return();
    }
    world
}

/// Returns the settings of a grace.
pub(crate) fn grace_settings(grace: Option<Duration>) -> MirrorOptions {
    MirrorOptions { deletion_grace: grace, ..MirrorOptions::default() }
}

/// Syncs, and checks that those who have left and are still within the grace are inactive; then waits until it is over. Does nothing without a grace. Users
/// who may be in a disabled directory have not left.
pub(crate) async fn wait_for_deletions(world: &World, mirror: &Mirror, facts: &Facts, grace: Option<Duration>) {
    let Some(grace) = grace else { return };
    sync_and_approve_all(mirror).await;
    let records = Records::of_mirror(mirror).await;
    let staying = unlisted_who_stay(mirror, facts, &records).await;
    for (id, user) in records.users() {
        let is_unlisted = facts.enabled.contains(user.directory_id.as_str()) && !facts.listed.contains_key(id);
        let is_gone = is_unlisted && !staying.contains(id);
        assert!(!is_gone || user.deletes_at.is_some(), "{id} has left, and is not to be deleted");
        assert!(user.deletes_at.is_none() || !user.active, "{id} is to be deleted, and active");
        assert!(user.deletes_at.is_none() || !facts.listed.contains_key(id), "{id} is listed, and to be deleted");
    }
    world.advance_clock(grace.as_millis() as i64 + 1_000);
}

/// Runs a scenario. Panics if a guarantee does not hold.
pub(crate) async fn run_scenario(scenario: &Scenario, trace: &Trace) {
    let random = SeededRandom::new(scenario.seed);
    let mut simulation = Simulation::new(scenario.seed, random.clone(), scenario.medium, trace.clone());
    for seed in &scenario.steps {
        random.reset(*seed);
        simulation.step().await;
    }
    random.reset(scenario.checks);
    simulation.check_at_end().await;
}

impl Simulation {
    fn new(seed: u64, random: SeededRandom, medium: Medium, trace: Trace) -> Simulation {
        let organizations = random.between(1, 2);
        let machine = match medium {
            Medium::Disk | Medium::Erasing => Machine::with_disk(random.clone()),
            Medium::Sqlite => Machine::with_sqlite(random.clone()),
            Medium::Server(_) => unreachable!("`fleet` runs these scenarios"),
        };
        Simulation {
            guards_events: random.chance(50),
            processes: (0..random.between(1, 2)).map(|_| None).collect(),
            world: with_returns(World::new(random.clone(), 2, organizations), grace_of(seed)),
            grace: grace_of(seed),
            erases: medium == Medium::Erasing,
            erased: BTreeSet::new(),
            maybe_erased: BTreeSet::new(),
            random,
            machine,
            current: 0,
            trace,
            messages: Vec::new(),
            acknowledged: BTreeMap::new(),
            named: BTreeMap::new(),
            decided: Vec::new(),
            role_map: Some(Vec::new()),
            consumers: CONSUMERS.into_iter().map(|name| (name, ConsumerLog::default())).collect(),
        }
    }

    /// Adds a line with the time and the current process to the trace.
    fn note(&self, describe: impl FnOnce() -> String) {
        self.trace.note(|| format!("{} process {}: {}", self.world.describe_time(), self.current, describe()));
    }

    /// Returns the mirror of the current process, which is started if it is not running.
    async fn mirror(&mut self) -> Mirror {
        loop {
            for (number, slot) in self.processes.iter_mut().enumerate() {
                if slot.as_ref().is_some_and(|(process, _)| !process.is_running()) {
                    *slot = None;
                    self.world.set_mirror(number, None);
                }
            }
            if let Some((_, mirror)) = &self.processes[self.current] {
                return mirror.clone();
            }
            let process = Arc::new(self.machine.start_process(self.current, &self.world));
            let opened = Mirror::builder()
                .source(self.world.clone())
                .clock(self.world.clock())
                .random(self.random.clone())
                .guard_users(LIMIT)
                .guard_share(0.0)
                .guard_events(self.guards_events)
                .settings(grace_settings(self.grace))
                .fields(self.world.fields())
                .open_in(Arc::clone(&process) as Arc<dyn Store>);
            if let Ok(mirror) = opened.await {
                self.world.set_mirror(self.current, Some(mirror.clone()));
                self.processes[self.current] = Some((process, mirror));
            }
        }
    }

    /// Returns whether the current process has not crashed since [`Simulation::mirror`] returned its mirror.
    fn is_running(&self) -> bool {
        self.processes[self.current].as_ref().is_some_and(|(process, _)| process.is_running())
    }

    /// Runs one step, whose kind depends only on the random source. Then advances the clock.
    async fn step(&mut self) {
        self.current = self.random.below(self.processes.len() as u64) as usize;
        match self.random.below(100) {
            0..31 => {
                let events = self.world.change();
                self.note(|| format!("the directories change: {events:?}"));
                self.send(events);
            }
            // Several users leave at once, and none of their events is sent.
            31..34 => {
                self.note(|| "users leave without events".to_owned());
                self.remove_users();
                // The event of a change that a user had before leaving may arrive after a listing that lacks the user.
                let events = self.world.change_and_delete_user();
                self.send(events);
            }
            34..56 => self.deliver().await,
            56..67 => self.sync(SyncMode::Full).await,
            67..75 => self.sync(SyncMode::Auto).await,
            75..83 => self.consume().await,
            83..86 => self.restart_consumer().await,
            86..90 => self.decide().await,
            90..93 => self.change_roles().await,
            93..96 => self.receive_foreign().await,
            96..98 => {
                self.note(|| "the power is cut".to_owned());
                self.machine.cut_power();
            }
            _ => {
                self.note(|| "the local clock jumps".to_owned());
                self.world.jump();
            }
        }
        if self.erases && self.random.chance(10) {
            self.erase_user().await;
        }
        let longest = if self.random.chance(40) { 20 } else { 400 };
        self.world.advance_clock(self.random.between(1, longest) as i64 * 1_000);
    }

    /// Deletes several users from the directories and loses their events.
    fn remove_users(&self) {
        (0..self.random.between(2, 8)).for_each(|_| self.world.delete_user_without_event());
    }

    /// Queues events for delivery. Loses 15 % of them, and queues 15 % of the others twice.
    fn send(&mut self, events: Vec<Message>) {
        for message in events {
            if self.random.chance(15) {
                continue;
            }
            if self.random.chance(15) {
                self.messages.push(message.clone());
            }
            self.messages.push(message);
        }
    }

    /// Delivers up to six messages in random order.
    async fn deliver(&mut self) {
        let events = self.world.take_events();
        self.send(events);
        for _ in 0..self.random.between(1, 6) {
            if self.messages.is_empty() {
                return;
            }
            let message = self.messages.swap_remove(self.random.below(self.messages.len() as u64) as usize);
            self.receive(message).await;
        }
    }

    /// Delivers a message to the current process. If that fails, the message is queued again.
    async fn receive(&mut self, message: Message) {
        let mirror = self.mirror().await;
        let event = Event::from_verified_body(message.body.as_bytes()).unwrap();
        self.world.note_arrival(&event);
        let outcome = mirror.apply(&event).await;
        self.note(|| format!("{outcome:?} of {message:?}"));
        match outcome {
            Ok(Outcome::Duplicate) => {}
            Ok(outcome) => {
                assert_ne!(outcome, Outcome::Foreign, "{message:?}");
                let id = message.id.clone();
                let known = self.acknowledged.insert(id, message);
                assert!(known.is_none(), "an event was acknowledged before, but is not a duplicate: {known:?}");
            }
            // The vendor delivers an event again if it was not acknowledged.
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Store, "{error}");
                self.messages.push(message);
            }
        }
    }

    /// Syncs an organization while faults occur.
    async fn sync(&mut self, mode: SyncMode) {
        let mirror = self.mirror().await;
        self.world.set_faulty(true);
        let approve = self.random.chance(10);
        let organization_id = ORGANIZATIONS[usize::from(self.random.chance(25))];
        let result = mirror.sync(organization_id).mode(mode).approve_removals(approve).await;
        self.world.set_faulty(false);
        self.note(|| format!("sync of {organization_id}, approving {approve}: {result:?}"));
        let received = self.world.take_acknowledged();
        self.note(|| format!("events received during the sync: {received:?}"));
        self.acknowledged.extend(received.into_iter().map(|message| (message.id.clone(), message)));
        let events = self.world.take_events();
        self.note(|| format!("events of changes during the sync: {events:?}"));
        self.send(events);
        if let Err(error) = result {
            let expected = [BROKEN_CONNECTION, ErrorKind::MassRemoval, ErrorKind::NotFound, ErrorKind::Store];
            assert!(expected.contains(&error.kind()), "{error}");
        }
    }

    /// Reads the holds of an organization. Then may approve or dismiss one of them, or one that was read in an earlier step: users may have been added
    /// to a hold since it was read.
    async fn decide(&mut self) {
        let mirror = self.mirror().await;
        let organization_id = ORGANIZATIONS[usize::from(self.random.chance(25))];
        let Ok(holds) = mirror.holds(organization_id, None).await else { return };
        for hold in &holds {
            let Ok(mut users) = mirror.hold_users(&hold.id) else { return };
            let mut named = BTreeSet::new();
            loop {
                match users.next().await {
                    Ok(Some(user)) => drop(named.insert(user.id)),
                    Ok(None) => break,
                    Err(_) => return,
                }
            }
            self.named.entry(hold.id.clone()).or_insert(named);
        }
        self.note(|| format!("holds: {holds:?}"));
        let ids: Vec<String> = match self.random.below(3) {
            // Decides about none of the holds, so that a later step decides about them by what was read now.
            0 => return,
            1 => holds.into_iter().map(|hold| hold.id).collect(),
            _ => self.named.keys().cloned().collect(),
        };
        if ids.is_empty() {
            return;
        }
        let hold_id = ids[self.random.below(ids.len() as u64) as usize].clone();
        if self.random.chance(50) {
            self.remove_users();
            self.sync(SyncMode::Full).await;
        }
        let mirror = self.mirror().await;
        let approves = self.random.chance(60);
        let decided = match approves {
            true => mirror.approve(&hold_id, "operator", "").await,
            false => mirror.dismiss(&hold_id, "operator", "").await,
        };
        self.note(|| format!("decision about {hold_id}, approving {approves}: {decided:?}"));
        match decided {
            Ok(_) => self.decided.push((hold_id, approves)),
            Err(error) => {
                let expected = [ErrorKind::NotFound, ErrorKind::InvalidArgument, ErrorKind::Store];
                assert!(expected.contains(&error.kind()), "{error}");
            }
        }
    }

    /// Receives an event of one organization, and checks that it does not change another organization's rows. The event is about a row of the other
    /// organization, or about a user and names one of the other organization's groups.
    async fn receive_foreign(&mut self) {
        let mirror = self.mirror().await;
        if self.random.chance(30) {
            let Some((message, user_id, group_id)) = self.world.event_with_foreign_group() else { return };
            let before = Records::of_mirror(&mirror).await;
            // A row that is not mirrored belongs to no organization yet.
            if !before.has_user(&user_id) || !before.has_group(&group_id) {
                return;
            }
            self.note(|| format!("an event with the group {group_id} of another organization: {message:?}"));
            let id = message.id.clone();
            self.receive(message).await;
            // An event that the mirror failed to apply is not delivered again: by then, the group may no longer be mirrored, and the mirror would not know
            // that it belongs to another organization.
            self.messages.retain(|message| message.id != id);
            let after = Records::of_mirror(&self.mirror().await).await;
            assert!(
                after.has_same_group(&before, &group_id),
                "{group_id} was changed by an event of another organization"
            );
            return assert!(!after.is_member(&user_id, &group_id), "{user_id} is in a group of another organization");
        }
        let Some((message, claim)) = self.world.foreign_event() else { return };
        let (before, directories) = (Records::of_mirror(&mirror).await, mirror.directories(None).await.unwrap());
        let is_known = match &claim {
            Claim::User(id) => before.has_user(id),
            Claim::Group(id) => before.has_group(id),
            Claim::Directory(id) => directories.iter().any(|directory| directory.id == *id),
            Claim::Organization => true,
        };
        if !is_known {
            return;
        }
        let event = Event::from_verified_body(message.body.as_bytes()).unwrap();
        let outcome = mirror.apply(&event).await;
        self.note(|| format!("foreign event {message:?}: {outcome:?}"));
        match outcome {
            Ok(outcome) => assert_eq!(outcome, Outcome::Foreign, "{message:?}"),
            Err(error) => return assert_eq!(error.kind(), ErrorKind::Store, "{error}"),
        }
        self.acknowledged.insert(message.id.clone(), message.clone());
        // The process may have crashed after the event was applied.
        if !self.is_running() {
            return;
        }
        let now = self.world.clock().now();
        assert_eq!(
            Records::of_mirror(&mirror).await.without_due(now),
            before.without_due(now),
            "an event of another organization changed a row: {message:?}"
        );
        assert_eq!(mirror.directories(None).await.unwrap(), directories, "{message:?}");
    }

    /// Sets one of three role maps.
    async fn change_roles(&mut self) {
        let mirror = self.mirror().await;
        let maps: [&[(&str, &str)]; 3] = [&[], &[("*", "member")], &[("Team 1*", "lead"), ("Team ?", "member")]];
        let map = maps[self.random.below(3) as usize];
        // If the process crashes, either the map is not set, or it is set and the mirror finishes its role changes when it is opened again.
        let set = mirror.set_role_map(map.iter().copied()).await;
        self.note(|| format!("role map {map:?}: {set:?}"));
        let map = map.iter().map(|(group, role)| ((*group).to_owned(), (*role).to_owned())).collect();
        self.role_map = set.is_ok().then_some(map);
    }

    /// Resets a consumer to a snapshot of the current rows.
    async fn restart_consumer(&mut self) {
        // If the process crashes, it is not known whether the consumer was reset, so the call is repeated until it succeeds.
        while self.mirror().await.start_from_snapshot(RESTARTED).await.is_err() {}
        self.note(|| "a consumer starts from a snapshot".to_owned());
        self.consumers.get_mut(RESTARTED).unwrap().restart();
    }

    /// Acknowledges, as a consumer, a change that the consumer has already acknowledged or that it received before its latest snapshot. That has no
    /// effect.
    async fn acknowledge_late(&mut self, name: &'static str) {
        let mirror = self.mirror().await;
        let numbers = self.consumers[name].acknowledged_before();
        if numbers.is_empty() {
            return;
        }
        let number = numbers[self.random.below(numbers.len() as u64) as usize];
        if let Err(error) = mirror.ack(name, number).await {
            assert_eq!(error.kind(), ErrorKind::Store, "{name} acknowledged {number} late: {error}");
        }
    }

    /// Polls up to four batches as one of the consumers, and acknowledges only some of them, or a part of them.
    async fn consume(&mut self) {
        let name = CONSUMERS[self.random.below(3) as usize];
        if self.random.chance(20) {
            self.acknowledge_late(name).await;
        }
        for _ in 0..self.random.between(1, 4) {
            let way = self.random.between(1, feed::POLLS);
            let mirror = self.mirror().await;
            let Ok(batch) = feed::poll(&mirror, name, way).await else { continue };
            let log = self.consumers.get_mut(name).unwrap();
            log.add(&batch);
            self.trace.note(|| format!("{name} polls {:?}", batch.iter().map(|change| change.seq).collect::<Vec<_>>()));
            let Some(last) = batch.last() else { return };
            if self.random.chance(8) {
                // A power cut must not undo changes that a consumer has received: `ConsumerLog::add` and `check_feed` check that.
                self.trace.note(|| "the power is cut".to_owned());
                return self.machine.cut_power();
            }
            let last = match self.random.chance(30) {
                // Possibly within a group.
                true => batch[self.random.below(batch.len() as u64) as usize].seq,
                false => last.seq,
            };
            if self.random.chance(70) && mirror.ack(name, last).await.is_ok() {
                log.acknowledged = last;
            }
        }
    }

    /// Ends all faults and changes, syncs, and checks the guarantees.
    async fn check_at_end(&mut self) {
        // In half of the runs, events that are not delivered yet are lost. A full sync does not need them.
        if self.random.chance(50) {
            self.messages.clear();
        }
        while !self.messages.is_empty() {
            self.deliver().await;
        }
        self.machine.stop_crashes();
        self.world.stop_faults();
        self.world.advance_past_lag();
        let mirror = self.mirror().await;
        self.settle_erasures(&mirror).await;
        let mut facts = self.world.facts();
        facts.listed.retain(|id, _| !self.erased.contains(id));
        wait_for_deletions(&self.world, &mirror, &facts, self.grace).await;
        for report in sync_and_approve_all(&mirror).await {
            if facts.enabled.contains(report.directory_id.as_str()) {
                assert_eq!(report.outcome, SyncOutcome::Done, "{:?}", report.incomplete);
            }
        }
        self.note(|| "all organizations are synced and all holds are approved".to_owned());
        assert_eq!(listed_state(&mirror, &facts).await, facts.listed, "the mirror differs from the directories");
        for organization_id in ORGANIZATIONS {
            for again in mirror.sync(organization_id).mode(SyncMode::Full).await.unwrap() {
                assert_eq!(again.changes, 0, "a second sync changed something in {}", again.directory_id);
            }
        }
        self.check_acknowledged(&mirror).await;
        if self.erases {
            self.check_erasures(&mirror).await;
            if self.random.chance(50) {
                self.check_forgetting(&mirror).await;
            }
            return;
        }
        self.check_move(&mirror).await;
        let facts = self.world.facts();
        self.check_feed(&mirror, &facts).await;
    }

    /// Checks that the mirror has every event, decision and role map for which a call returned success.
    async fn check_acknowledged(&self, mirror: &Mirror) {
        for message in self.acknowledged.values() {
            let event = Event::from_verified_body(message.body.as_bytes()).unwrap();
            let outcome = mirror.apply(&event).await.unwrap();
            assert_eq!(outcome, Outcome::Duplicate, "an acknowledged event was lost: {message:?}");
        }
        let approvals = mirror.approvals(None).await.unwrap();
        for (hold_id, approves) in &self.decided {
            let is_kept = approvals.iter().any(|one| one.hold_id == *hold_id && one.is_approved == *approves);
            assert!(is_kept, "the decision about {hold_id} was lost");
        }
        if let Some(map) = &self.role_map {
            assert_eq!(mirror.role_map().await.unwrap(), *map, "a role map was lost");
        }
    }

    /// Moves a user, and checks that the next sync reports an update, not the removal of one user and the creation of another.
    async fn check_move(&self, mirror: &Mirror) {
        let Some(id) = self.world.move_user_without_event() else { return };
        let Ok(Some(before)) = mirror.user(&id).await else { return };
        self.world.advance_past_lag();
        let reports = sync_and_approve_all(mirror).await;
        assert!(
            reports.iter().all(|report| report.created == 0 && report.deleted == 0),
            "{id} moved, but was reported as created or deleted: {reports:?}"
        );
        let after = mirror.user(&id).await.unwrap().expect("the mirror has the user who moved");
        assert_ne!(after.directory_id, before.directory_id, "{id} has the former directory in the mirror");
    }

    /// Lets all consumers read the rest of the feed, and checks the guarantees about the feed.
    async fn check_feed(&mut self, mirror: &Mirror, facts: &Facts) {
        for (name, log) in &mut self.consumers {
            log.read_to_the_end(mirror, name).await;
        }
        let [accounts, audit, restarted] = CONSUMERS.map(|name| &self.consumers[name]);
        assert_eq!(accounts.changes, audit.changes, "two consumers received different feeds");
        // A new consumer reads the feed from its first change, after all crashes.
        let mut replay = ConsumerLog::default();
        replay.read_to_the_end(mirror, "replay").await;
        assert_eq!(replay.changes, accounts.changes, "a replay differs from what was received before");
        feed::check_groups_of_feed(mirror, &accounts.changes, self.random.between(1, 12) as usize).await;
        let changes: Vec<&Change> = accounts.changes.values().collect();
        for (index, change) in changes.iter().enumerate() {
            assert_eq!(change.seq, index as i64 + 1, "the feed has a gap");
        }
        feed::check_events_were_applied_once(&changes);
        feed::check_leavers(&changes, facts, self.grace.is_some());
        feed::check_groups(&changes, facts);
        check_guard(&changes, self.guards_events);
        check_approvals(mirror, &changes, &self.named).await;
        let mirrored = Records::of_mirror(mirror).await;
        assert_eq!(Records::replay(&changes), mirrored, "the changes of the feed do not give the mirror's rows");
        let snapshot = Records::replay_snapshot(restarted.changes.values());
        assert_eq!(snapshot, mirrored, "a snapshot and the changes after it do not give the mirror's rows");
        history::check(mirror, &changes, &self.random, self.world.clock().now()).await;
    }
}

/// Checks that no more users of a directory lost access without approval than the guard permits. A run is shorter than the guard's window, so the
/// limit applies to the whole run.
pub(crate) fn check_guard(feed: &[&Change], guards_events: bool) {
    let mut lost: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    // The leavers who have returned, and what brought each of them back.
    let mut returned = BTreeSet::new();
    for change in feed {
        let deletes_at = |side: &Option<Mirrored>| side.as_ref().and_then(Mirrored::user)?.deletes_at;
        let returns =
            deletes_at(&change.before).is_some() && change.after.is_some() && deletes_at(&change.after).is_none();
        let by = (feed::user_id(change), change.cause.as_str());
        if returns {
            returned.insert(by);
        }
        let is_limited = change.cause.starts_with("sync:") || guards_events && change.cause.starts_with("event:");
        // A leaver who returns with fewer roles than before lost access by leaving, not by the return.
        let is_return = change.kind == ChangeKind::RolesChanged && returned.contains(&by);
        if let Some(user) = change.user.as_ref().filter(|_| is_limited && is_loss(change) && !is_return) {
            lost.entry(&change.directory_id).or_default().insert(&user.id);
        }
    }
    for (directory, users) in lost {
        assert!(users.len() as u64 <= LIMIT, "{directory} lost {users:?}, but the guard permits {LIMIT}");
    }
}

/// Checks that an approval covered only the users whom the hold named when it was first read. `named` has these users, by the hold's id.
pub(crate) async fn check_approvals(mirror: &Mirror, feed: &[&Change], named: &BTreeMap<String, BTreeSet<String>>) {
    for approval in mirror.approvals(None).await.unwrap() {
        let Some(named) = named.get(&approval.hold_id) else { continue };
        let cause = format!("approval:{}", approval.id);
        for change in feed.iter().filter(|change| change.cause == cause && is_loss(change)) {
            let user = feed::user_id(change);
            assert!(
                named.contains(user),
                "an approval of {} covered {user}, whom the hold did not name when it was read",
                approval.hold_id
            );
        }
    }
}

/// Returns whether a user lost access by the change: was deleted, was deactivated, or lost all roles.
fn is_loss(change: &Change) -> bool {
    // A leaver has lost access when they were deactivated.
    let is_leaver = change.user.as_ref().is_some_and(|user| user.deletes_at.is_some());
    if is_leaver && change.kind != ChangeKind::UserDeactivated {
        return false;
    }
    match change.kind {
        ChangeKind::UserDeleted | ChangeKind::UserDeactivated => true,
        ChangeKind::RolesChanged => {
            change.after.as_ref().and_then(Mirrored::user).is_some_and(|user| user.roles.is_empty())
        }
        _ => false,
    }
}

/// Syncs all organizations, and approves all holds after each sync, until the only holds are those of disabled directories. Returns the reports of
/// each organization's last sync.
pub(crate) async fn sync_and_approve_all(mirror: &Mirror) -> Vec<SyncReport> {
    let mut reports = Vec::new();
    for organization_id in ORGANIZATIONS {
        reports.extend(sync_and_approve(mirror, organization_id).await);
    }
    reports
}

/// Does what [`sync_and_approve_all`] does, for one organization. Panics if holds remain after five syncs.
async fn sync_and_approve(mirror: &Mirror, organization_id: &str) -> Vec<SyncReport> {
    for _ in 0..5 {
        let synced = mirror.sync(organization_id).mode(SyncMode::Full).await;
        let holds = mirror.holds(organization_id, None).await.unwrap();
        for hold in holds.iter().filter(|hold| hold.reason != HoldReason::DirectoryDisabled) {
            mirror.approve(&hold.id, "operator", "").await.unwrap();
        }
        match synced {
            Ok(reports) if holds.iter().all(|hold| hold.reason == HoldReason::DirectoryDisabled) => return reports,
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::MassRemoval, "{error}"),
        }
    }
    panic!("{organization_id} has holds after five syncs, after each of which all holds were approved")
}
