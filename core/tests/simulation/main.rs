//! The guarantees of the mirror, under all faults at once. One seed drives one or two directories that change and between which users
//! move, a vendor's clock that differs from the local one, listings that fail, lag behind or shift while they are read, events that are lost,
//! duplicated, late and reordered, crashes at any call of the store, consumers that stop before they acknowledge,
//! that acknowledge late, and that start again from a snapshot.
//!
//! `HEADCOUNT_SIM_SEEDS=2000` sets the number of seeds; `HEADCOUNT_SIM_SEED=17` runs only that seed. A failure prints its seed.
//! `HEADCOUNT_SIM_DIRECTORIES=2` gives half of the seeds a second directory. Default: 1. With two, an event that waited for a sync can bring
//! back a membership of a deleted group until the next sync (seed 387).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod feed;
mod random;
mod store;
mod world;

use feed::{ConsumerLog, Records, listed_state};
use headcount::store::{SqliteStore, Store};
use headcount::{
    Change, ChangeKind, ErrorKind, Event, HoldReason, Mirror, Mirrored, Outcome, SyncMode, SyncOutcome, SyncReport,
};
use random::SeededRandom;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::CrashingStore;
use world::{BROKEN_CONNECTION, Facts, Message, ORGANIZATION, World};

/// How many users may lose access without approval.
const LIMIT: u64 = 3;

/// A consumer that starts again from a snapshot now and then.
const RESTARTED: &str = "restarted";

/// The consumers. The first two read the whole feed.
const CONSUMERS: [&str; 3] = ["accounts", "audit", RESTARTED];

/// How many seeds the test of event order runs.
const ORDER_SEEDS: u64 = 400;

#[test]
fn the_guarantees_hold_for_every_seed() {
    if let Some(seed) = number("HEADCOUNT_SIM_SEED") {
        return run(seed);
    }
    let seeds = number("HEADCOUNT_SIM_SEEDS").unwrap_or(2_000);
    let next = AtomicU64::new(0);
    let workers = std::thread::available_parallelism().map_or(2, |count| count.get());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    if let Err(panic) = std::panic::catch_unwind(|| run(seed)) {
                        println!("seed {seed} failed: replay it with HEADCOUNT_SIM_SEED={seed}");
                        std::panic::resume_unwind(panic);
                    }
                }
            });
        }
    });
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a whole number"))
}

#[test]
fn events_in_any_order_and_with_duplicates_lead_to_the_same_state() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for seed in 0..ORDER_SEEDS {
        let random = SeededRandom::new(seed);
        // With several directories, events about unknown users are pending until a sync.
        let world = World::new(random.fork(), 1);
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

/// A mirror in memory whose guard permits everything: what it would hold depends on the order of the events.
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

fn run(seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Simulation::new(seed).run());
}

struct Simulation {
    random: SeededRandom,
    world: World,
    /// The store that keeps its contents when [`Self::store`] crashes.
    disk: Arc<dyn Store>,
    /// The open mirror, or `None` before it is opened.
    mirror: Option<Mirror>,
    /// The store of the open mirror, which passes calls on to the disk until it crashes.
    store: Arc<CrashingStore>,
    /// Messages that are not delivered yet.
    messages: Vec<Message>,
    /// Ids of the events that the mirror acknowledged.
    acknowledged: BTreeSet<String>,
    consumers: BTreeMap<&'static str, ConsumerLog>,
    /// The users whom each hold named when its id was read, by that id, for all holds that were to be approved.
    named: BTreeMap<String, BTreeSet<String>>,
    /// Whether the guard also limits deletion events.
    guards_events: bool,
}

impl Simulation {
    fn new(seed: u64) -> Simulation {
        let random = SeededRandom::new(seed);
        let disk: Arc<dyn Store> = Arc::new(SqliteStore::open(":memory:").unwrap());
        let store = Arc::new(CrashingStore::new(Arc::clone(&disk), random.fork()));
        let world = World::new(random.fork(), number("HEADCOUNT_SIM_DIRECTORIES").unwrap_or(1));
        Simulation {
            guards_events: random.chance(50),
            random,
            world,
            disk,
            mirror: None,
            store,
            messages: Vec::new(),
            acknowledged: BTreeSet::new(),
            named: BTreeMap::new(),
            consumers: CONSUMERS.into_iter().map(|name| (name, ConsumerLog::default())).collect(),
        }
    }

    /// The mirror. Opens it again if its store has crashed.
    async fn mirror(&mut self) -> Mirror {
        loop {
            if let Some(mirror) = self.mirror.clone().filter(|_| self.store.is_running()) {
                return mirror;
            }
            self.world.disconnect_mirror();
            self.mirror = None;
            self.store = Arc::new(CrashingStore::new(Arc::clone(&self.disk), self.random.fork()));
            let opened = Mirror::builder()
                .source(self.world.clone())
                .clock(self.world.clock())
                .random(self.random.fork())
                .guard_users(LIMIT)
                .guard_share(0.0)
                .guard_events(self.guards_events)
                .open_in(Arc::clone(&self.store) as Arc<dyn Store>);
            if let Ok(mirror) = opened.await {
                self.world.connect_mirror(mirror.clone());
                self.mirror = Some(mirror);
            }
        }
    }

    async fn run(mut self) {
        for _ in 0..self.random.between(20, 60) {
            match self.random.below(100) {
                0..33 => {
                    let events = self.world.change();
                    self.send(events);
                }
                // Several users leave at once, and none of their events is sent.
                33..35 => (0..self.random.between(2, 8)).for_each(|_| self.world.delete_user_without_event()),
                35..60 => self.deliver().await,
                60..72 => self.sync(SyncMode::Full).await,
                72..80 => self.sync(SyncMode::Auto).await,
                80..89 => self.consume().await,
                89..92 => self.restart_consumer().await,
                92..95 => self.decide().await,
                _ => self.change_roles().await,
            }
            self.world.advance_clock(self.random.between(1, 400) as i64 * 1_000);
        }
        self.check_at_rest().await;
    }

    /// Sends events. Some are lost, and some are sent twice.
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

    /// Delivers some of the messages, in any order.
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

    async fn receive(&mut self, message: Message) {
        let mirror = self.mirror().await;
        let event = Event::from_verified_body(message.body.as_bytes()).unwrap();
        match mirror.apply(&event).await {
            Ok(Outcome::Duplicate) => {}
            Ok(_) => {
                assert!(
                    self.acknowledged.insert(message.id.clone()),
                    "{} was acknowledged before, but is not a duplicate",
                    message.id
                );
            }
            // The vendor sends an event again if it was not acknowledged.
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Store, "{error}");
                self.messages.push(message);
            }
        }
    }

    async fn sync(&mut self, mode: SyncMode) {
        let mirror = self.mirror().await;
        self.world.set_faulty(true);
        let approve = self.random.chance(10);
        let result = mirror.sync(ORGANIZATION).mode(mode).approve_removals(approve).await;
        self.world.set_faulty(false);
        self.acknowledged.extend(self.world.take_acknowledged());
        let events = self.world.take_events();
        self.send(events);
        if let Err(error) = result {
            let expected = [BROKEN_CONNECTION, ErrorKind::MassRemoval, ErrorKind::NotFound, ErrorKind::Store];
            assert!(expected.contains(&error.kind()), "{error}");
        }
    }

    /// Approves or dismisses one hold, whose id may have been read before more users were added.
    async fn decide(&mut self) {
        let mirror = self.mirror().await;
        let Ok(holds) = mirror.holds(ORGANIZATION, None).await else { return };
        let Some(hold) = holds.first() else { return };
        let mut named = BTreeSet::new();
        let Ok(mut users) = mirror.hold_users(&hold.id) else { return };
        loop {
            match users.next().await {
                Ok(Some(user)) => drop(named.insert(user.id)),
                Ok(None) => break,
                Err(_) => return,
            }
        }
        self.named.entry(hold.id.clone()).or_insert(named);
        if self.random.chance(30) {
            self.sync(SyncMode::Full).await;
        }
        let mirror = self.mirror().await;
        let decided = match self.random.chance(60) {
            true => mirror.approve(&hold.id, "operator", "").await,
            false => mirror.dismiss(&hold.id, "operator", "").await,
        };
        if let Err(error) = decided {
            let expected = [ErrorKind::NotFound, ErrorKind::InvalidArgument, ErrorKind::Store];
            assert!(expected.contains(&error.kind()), "{error}");
        }
    }

    async fn change_roles(&mut self) {
        let mirror = self.mirror().await;
        let maps: [&[(&str, &str)]; 3] = [&[], &[("*", "member")], &[("Team 1*", "lead"), ("Team ?", "member")]];
        let map = maps[self.random.below(3) as usize];
        // After a crash the map is either not set, or set and its roles are completed when the mirror is opened again.
        let _ = mirror.set_role_map(map.iter().copied()).await;
    }

    /// Resets a consumer to a snapshot of the current rows.
    async fn restart_consumer(&mut self) {
        // After a crash it is not known whether the snapshot was started.
        while self.mirror().await.start_from_snapshot(RESTARTED).await.is_err() {}
        self.consumers.get_mut(RESTARTED).unwrap().restart();
    }

    /// A consumer acknowledges a change that it acknowledged before, or that it received before its snapshot. That has no effect.
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

    /// A consumer polls some batches. It does not acknowledge all of them.
    async fn consume(&mut self) {
        let name = CONSUMERS[self.random.below(3) as usize];
        if self.random.chance(20) {
            self.acknowledge_late(name).await;
        }
        for _ in 0..self.random.between(1, 4) {
            let limit = self.random.between(1, 12) as usize;
            let mirror = self.mirror().await;
            let Ok(batch) = mirror.poll(name, limit).await else { continue };
            let log = self.consumers.get_mut(name).unwrap();
            log.add(&batch);
            let Some(last) = batch.last() else { return };
            if self.random.chance(70) && mirror.ack(name, last.seq).await.is_ok() {
                log.acknowledged = last.seq;
            }
        }
    }

    /// Checks all guarantees once the directory no longer changes and no fault occurs.
    async fn check_at_rest(&mut self) {
        // Undelivered events may be lost: a full sync does not need them.
        if self.random.chance(50) {
            self.messages.clear();
        }
        while !self.messages.is_empty() {
            self.deliver().await;
        }
        self.mirror().await;
        self.store.stop_crashes();
        self.world.stop_faults();
        // A user or group that an event mentioned within the last five minutes is not removed by a listing.
        self.world.advance_clock(301_000);
        let mirror = self.mirror().await;
        let facts = self.world.facts();
        for report in sync_and_approve_all(&mirror).await {
            if facts.enabled.contains(report.directory_id.as_str()) {
                assert_eq!(report.outcome, SyncOutcome::Done, "{:?}", report.incomplete);
            }
        }
        assert_eq!(listed_state(&mirror, &facts).await, facts.listed, "the mirror differs from the directories");
        for again in mirror.sync(ORGANIZATION).mode(SyncMode::Full).await.unwrap() {
            assert_eq!(again.changes, 0, "a second sync changed something in {}", again.directory_id);
        }
        self.check_move(&mirror).await;
        let facts = self.world.facts();
        self.check_feed(&mirror, &facts).await;
    }

    /// Moves a user, and checks that the next sync says that the user moved, and not that one left and another came.
    async fn check_move(&self, mirror: &Mirror) {
        let Some(id) = self.world.move_user_without_event() else { return };
        let Ok(Some(before)) = mirror.user(&id).await else { return };
        self.world.advance_clock(301_000);
        let reports = sync_and_approve_all(mirror).await;
        assert!(
            reports.iter().all(|report| report.created == 0 && report.deleted == 0),
            "{id} left or came: {reports:?}"
        );
        let after = mirror.user(&id).await.unwrap().expect("the user moved");
        assert_ne!(after.directory_id, before.directory_id, "{id} did not move");
    }

    async fn check_feed(&mut self, mirror: &Mirror, facts: &Facts) {
        for (name, log) in &mut self.consumers {
            log.read_to_the_end(mirror, name).await;
        }
        let [accounts, audit, restarted] = CONSUMERS.map(|name| &self.consumers[name]);
        assert_eq!(accounts.changes, audit.changes, "two consumers received different feeds");
        // A new consumer reads from the first change, after all crashes.
        let mut replay = ConsumerLog::default();
        replay.read_to_the_end(mirror, "replay").await;
        assert_eq!(replay.changes, accounts.changes, "a replay differs from what was received before");
        let changes: Vec<&Change> = accounts.changes.values().collect();
        for (index, change) in changes.iter().enumerate() {
            assert_eq!(change.seq, index as i64 + 1, "the feed has a gap");
        }
        feed::check_events_were_applied_once(&changes);
        feed::check_users_leave_once_and_not_too_early(&changes, facts);
        self.check_guard(&changes);
        self.check_approvals(mirror, &changes).await;
        let mirrored = Records::of_mirror(mirror).await;
        assert_eq!(Records::replay(&changes), mirrored, "the feed does not lead to the mirror");
        let snapshot = Records::replay_snapshot(restarted.changes.values());
        assert_eq!(snapshot, mirrored, "a snapshot and the feed after it do not lead to the mirror");
    }

    /// Checks that no more users lost access without approval than the guard permits. A run is shorter than the guard's window.
    fn check_guard(&self, feed: &[&Change]) {
        let mut lost: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for change in feed {
            let is_limited =
                change.cause.starts_with("sync:") || self.guards_events && change.cause.starts_with("event:");
            if let Some(user) = change.user.as_ref().filter(|_| is_limited && is_loss(change)) {
                lost.entry(&change.directory_id).or_default().insert(&user.id);
            }
        }
        for (directory, users) in lost {
            assert!(users.len() as u64 <= LIMIT, "{directory} lost {users:?}, but the guard permits {LIMIT}");
        }
    }

    /// Checks that an approval covered only the users whom the hold named when its id was read.
    async fn check_approvals(&self, mirror: &Mirror, feed: &[&Change]) {
        for approval in mirror.approvals(None).await.unwrap() {
            let Some(named) = self.named.get(&approval.hold_id) else { continue };
            let cause = format!("approval:{}", approval.id);
            for change in feed.iter().filter(|change| change.cause == cause && is_loss(change)) {
                let user = feed::user_id(change);
                assert!(
                    named.contains(user),
                    "an approval of {} covered {user}, whom it did not name",
                    approval.hold_id
                );
            }
        }
    }
}

/// Whether a user lost access by a change.
fn is_loss(change: &Change) -> bool {
    match change.kind {
        ChangeKind::UserDeleted | ChangeKind::UserDeactivated => true,
        ChangeKind::RolesChanged => {
            change.after.as_ref().and_then(Mirrored::user).is_some_and(|user| user.roles.is_empty())
        }
        _ => false,
    }
}

/// Syncs until nothing is held, and approves what is held after each sync. Returns the reports of the last sync.
async fn sync_and_approve_all(mirror: &Mirror) -> Vec<SyncReport> {
    for _ in 0..5 {
        let synced = mirror.sync(ORGANIZATION).mode(SyncMode::Full).await;
        let holds = mirror.holds(ORGANIZATION, None).await.unwrap();
        for hold in holds.iter().filter(|hold| hold.reason != HoldReason::DirectoryDisabled) {
            mirror.approve(&hold.id, "operator", "").await.unwrap();
        }
        match synced {
            Ok(reports) if holds.iter().all(|hold| hold.reason == HoldReason::DirectoryDisabled) => return reports,
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::MassRemoval, "{error}"),
        }
    }
    panic!("something is still held after five approvals of everything")
}
