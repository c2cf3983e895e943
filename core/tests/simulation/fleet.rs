//! Several processes that share a mirror in PostgreSQL, on the model of the server in [`crate::postgres`].
//!
//! Each process has a runtime of its own with a paused clock, and runs only when the scheduler gives it a turn. A turn ends when the process sends
//! something to the server, or has nothing to do for a millisecond. Between two turns, the scheduler lets the server run single statements of any
//! session. All of these choices come from one seed, so that the processes interleave at each statement, and a seed always leads to the same run.
//!
//! - The clocks of the processes differ from each other, and from the server's, by up to five minutes.
//! - A process may crash. It may also stop, for longer than its leases last, and then go on with what it had prepared.
//! - A connection may be lost at any statement, statements may fail with deadlocks and serialization failures, and the server may crash.
//!
//! Each step of a scenario starts an operation in a process: an event is received, an organization is synced, a consumer reads and acknowledges. Operations
//! of one process and of several run at the same time. Each step sets the seed of the scheduler, so that the remaining steps of a shorter scenario are
//! scheduled nearly as before.

use crate::feed::{self, ConsumerLog, Records, listed_state, user_id};
use crate::history;
use crate::postgres::server::{Code, Server};
use crate::postgres::tables::{CHANGE, Key};
use crate::postgres::{Mistake, ModelStore, Settings};
use crate::random::SeededRandom;
use crate::shrink::{Scenario, Trace};
use crate::world::{BROKEN_CONNECTION, Claim, Message, ORGANIZATIONS, World, WorldClock};
use crate::{
    LIMIT, check_approvals, check_guard, grace_of, grace_settings, sync_and_approve_all, wait_for_deletions,
    with_returns,
};
use futures_util::FutureExt;
use futures_util::future::select;
use headcount::mirror::{Outcome, SyncMode, SyncOutcome};
use headcount::store::Store;
use headcount::system::Clock;
use headcount::{Change, ErrorKind, Event, Mirror};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

/// The consumer that reads by [`feed::poll`].
const POLLED: &str = "accounts";
/// The consumer whose changes one process at a time iterates over.
const ITERATED: &str = "audit";
/// The consumer with partitions.
const SHARED: &str = "provisioner";
/// The duration of a worker's lease.
const WORKER_LEASE: Duration = Duration::from_secs(30);
/// Operations that have not ended after this many choices of the scheduler count as endless.
const MOST_CHOICES: u32 = 200_000;
/// Longer than any lease, in milliseconds.
const ALL_LEASES: i64 = 400_000;

/// What the operations of all processes have done.
#[derive(Default)]
struct Log {
    /// Messages that are not delivered yet.
    messages: Vec<Message>,
    /// How many deliveries of each event were begun, and how many of them returned that the event was new.
    attempts: BTreeMap<String, (u32, u32)>,
    /// See `Simulation::acknowledged`.
    acknowledged: BTreeMap<String, Message>,
    /// Ids of events of one organization about rows of the other.
    foreign: BTreeSet<String>,
    /// What [`POLLED`] has received.
    polled: ConsumerLog,
    /// Whether an operation polls as [`POLLED`]. Only one at a time does.
    is_polling: bool,
    /// What [`ITERATED`] has received.
    iterated: Received,
    /// What [`SHARED`] has received.
    shared: Received,
    /// See `Simulation::named`.
    named: BTreeMap<String, BTreeSet<String>>,
    /// See `Simulation::decided`.
    decided: Vec<(String, bool)>,
    /// See `Simulation::role_map`. Only one operation at a time sets it.
    role_map: Option<Vec<(String, String)>>,
    is_setting_roles: bool,
}

/// The changes that a consumer has received.
#[derive(Default)]
struct Received {
    changes: BTreeMap<i64, Change>,
    /// Their numbers, in the order in which they were received first.
    order: Vec<i64>,
    acknowledged: BTreeSet<i64>,
}

impl Received {
    /// Adds a change. `acknowledged` has the numbers that were acknowledged before the reader began.
    fn add(&mut self, change: &Change, acknowledged: &BTreeSet<i64>) {
        assert!(!acknowledged.contains(&change.seq), "{} was acknowledged, but was returned again", change.seq);
        match self.changes.insert(change.seq, change.clone()) {
            None => self.order.push(change.seq),
            Some(before) => assert_eq!(before, *change, "a change differs when it is read again"),
        }
    }

    /// Checks that all changes of the feed were received, and that the consumer first received the changes of each user in their order.
    fn check(&self, feed: &BTreeMap<i64, Change>) {
        assert_eq!(self.changes, *feed, "a consumer has not received the whole feed");
        let mut last: BTreeMap<&str, i64> = BTreeMap::new();
        for seq in &self.order {
            let user = user_id(&self.changes[seq]);
            let before = last.insert(user, *seq).unwrap_or(0);
            assert!(user.is_empty() || before < *seq, "change {seq} of {user} was received after {before}");
        }
    }
}

type Shared<T> = Arc<Mutex<T>>;

/// Locks a value, also if a thread panicked while it held the lock: destructors that run during the panic lock it too, and must not panic again.
fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What an operation needs of its process and of the world.
#[derive(Clone)]
struct Context {
    world: World,
    clock: WorldClock,
    server: Shared<Server>,
    store: Arc<ModelStore>,
    mirror: Arc<OnceCell<Mirror>>,
    random: SeededRandom,
    log: Shared<Log>,
    trace: Trace,
    number: usize,
    guards_events: bool,
    grace: Option<Duration>,
}

impl Context {
    /// Returns the mirror of the process, which the first call opens.
    async fn mirror(&self) -> Mirror {
        let open = || async {
            loop {
                let opened = Mirror::builder()
                    .source(self.world.clone())
                    .clock(self.clock.clone())
                    .random(self.random.clone())
                    .guard_users(LIMIT)
                    .guard_share(0.0)
                    .guard_events(self.guards_events)
                    .settings(grace_settings(self.grace))
                    .fields(self.world.fields())
                    .open_in(Arc::clone(&self.store) as Arc<dyn Store>);
                match opened.await {
                    Ok(mirror) => return mirror,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Store, "{error}"),
                }
            }
        };
        self.mirror.get_or_init(open).await.clone()
    }

    fn log<T>(&self, work: impl FnOnce(&mut Log) -> T) -> T {
        work(&mut self.log.lock().unwrap())
    }

    fn note(&self, describe: impl FnOnce() -> String) {
        self.trace.note(|| format!("{} process {}: {}", self.world.describe_time(), self.number, describe()));
    }

    /// Checks that a crash of the server now would not undo these changes.
    fn check_durable(&self, changes: &[Change]) {
        let server = self.server.lock().unwrap();
        for change in changes.iter().filter(|change| change.seq > 0) {
            let entry = (CHANGE.of)(server.flushed()).range(Key::Number(change.seq)..).next();
            let is_same = entry.is_some_and(|(_, entry)| {
                change.seq > entry.last - i64::from(entry.count) && entry.cause == change.cause && entry.at == change.at
            });
            assert!(is_same, "change {} was returned before it was durable", change.seq);
        }
    }
}

/// A message that is being delivered. If the process crashes or the delivery fails, it is delivered again later.
struct Delivery {
    log: Shared<Log>,
    message: Option<Message>,
}

impl Drop for Delivery {
    fn drop(&mut self) {
        lock(&self.log).messages.extend(self.message.take());
    }
}

/// Resets a flag of the log when the operation ends or its process crashes.
struct Busy(Shared<Log>, fn(&mut Log) -> &mut bool);

impl Drop for Busy {
    fn drop(&mut self) {
        *self.1(&mut lock(&self.0)) = false;
    }
}

/// Receives a message.
async fn receive(context: Context, mut delivery: Delivery) {
    let mirror = context.mirror().await;
    let message = delivery.message.clone().unwrap();
    let id = message.id.clone();
    let event = Event::from_verified_body(message.body.as_bytes()).unwrap();
    let was_acknowledged = context.log(|log| {
        log.attempts.entry(id.clone()).or_default().0 += 1;
        log.acknowledged.contains_key(&id)
    });
    let begun = context.world.elapsed();
    let outcome = mirror.apply(&event).await;
    context.note(|| format!("{outcome:?} of {message:?}"));
    let Ok(outcome) = outcome else {
        return assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Store);
    };
    // If the call took longer, for example because the process was stopped, it is not known when the event began to protect its user. If the clocks
    // differ, the time that the mirror has recorded is not that of the world's clock.
    let took = context.world.elapsed().as_millisecond() - begun.as_millisecond();
    if took < 1_000 && !context.world.has_different_clocks() {
        context.world.note_arrival(&event);
    }
    delivery.message = None;
    context.log(|log| {
        log.acknowledged.insert(id.clone(), message);
        let is_foreign = log.foreign.contains(&id);
        let (attempts, applied) = log.attempts.get_mut(&id).unwrap();
        if outcome == Outcome::Duplicate {
            assert!(*attempts > 1, "{id} was delivered for the first time, but is a duplicate");
        } else {
            *applied += 1;
            assert!(*applied == 1 && !was_acknowledged, "{id} was applied twice");
            assert_eq!(outcome == Outcome::Foreign, is_foreign, "{id} is {outcome:?}");
        }
    });
}

/// Syncs an organization.
async fn sync(context: Context, organization_id: &'static str, mode: SyncMode, approves: bool) {
    let mirror = context.mirror().await;
    let result = mirror.sync(organization_id).mode(mode).approve_removals(approves).wait(false).await;
    context.note(|| format!("sync of {organization_id}, approving {approves}: {result:?}"));
    if let Err(error) = result {
        let expected = [BROKEN_CONNECTION, ErrorKind::MassRemoval, ErrorKind::NotFound, ErrorKind::Store];
        assert!(expected.contains(&error.kind()), "{error}");
    }
}

/// Polls a few times, and acknowledges some of what it gets.
async fn poll(context: Context, busy: Busy) {
    let mirror = context.mirror().await;
    for _ in 0..context.random.between(1, 4) {
        let batch = match feed::poll(&mirror, POLLED, context.random.between(1, feed::POLLS)).await {
            Ok(batch) => batch,
            Err(error) => return assert_eq!(error.kind(), ErrorKind::Store, "{error}"),
        };
        context.check_durable(&batch);
        context.note(|| format!("{POLLED} polls {:?}", batch.iter().map(|change| change.seq).collect::<Vec<_>>()));
        context.log(|log| log.polled.add(&batch));
        let Some(last) = batch.last() else { return };
        if context.random.chance(70) {
            match mirror.ack(POLLED, last.seq).await {
                Ok(()) => context.log(|log| log.polled.acknowledged = log.polled.acknowledged.max(last.seq)),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Store, "{error}"),
            }
        }
    }
    drop(busy);
}

/// Iterates over some changes, and acknowledges each.
async fn iterate(context: Context) {
    let mirror = context.mirror().await;
    let before = context.log(|log| log.iterated.acknowledged.clone());
    let changes = mirror.changes(ITERATED, Some(Duration::ZERO));
    for _ in 0..context.random.between(1, 10) {
        let change = match changes.next().await {
            Ok(Some(change)) => change,
            Ok(None) => return,
            Err(error) => return assert_eq!(error.kind(), ErrorKind::Store, "{error}"),
        };
        context.check_durable(std::slice::from_ref(&change));
        context.log(|log| log.iterated.add(&change, &before));
        match changes.ack(change.seq).await {
            Ok(()) => context.log(|log| log.iterated.acknowledged.extend([change.seq])),
            Err(error) => return assert_eq!(error.kind(), ErrorKind::Store, "{error}"),
        }
    }
}

/// Works as a worker of the consumer with partitions: receives some changes, and acknowledges most of them. If `until_end` is set, receives and
/// acknowledges all of them.
async fn work(context: Context, until_end: bool) {
    let mirror = context.mirror().await;
    let before = context.log(|log| log.shared.acknowledged.clone());
    let timeout = Duration::from_millis(if until_end { 1_000 } else { context.random.below(2) * 600 });
    let worker = mirror.consumer(SHARED).partitions(4).lease(WORKER_LEASE).timeout(timeout).start().unwrap();
    let most = if until_end { u64::MAX } else { context.random.between(1, 12) };
    for _ in 0..most {
        let change = match worker.next().await {
            Ok(Some(change)) => change,
            Ok(None) => break,
            Err(error) => return assert_eq!(error.kind(), ErrorKind::Store, "{error}"),
        };
        context.check_durable(std::slice::from_ref(&change));
        context.note(|| format!("a worker gets {}", change.seq));
        context.log(|log| log.shared.add(&change, &before));
        if until_end || context.random.chance(80) {
            match worker.ack(change.seq).await {
                Ok(()) => context.log(|log| log.shared.acknowledged.extend([change.seq])),
                Err(error) => return assert_eq!(error.kind(), ErrorKind::Store, "{error}"),
            }
        }
    }
    if until_end || context.random.chance(60) {
        let _ = worker.close().await;
    }
}

/// Reads the holds of an organization, and may approve or dismiss one of them, or one that was read before.
async fn decide(context: Context, organization_id: &'static str) {
    let mirror = context.mirror().await;
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
        context.log(|log| {
            log.named.entry(hold.id.clone()).or_insert(named);
        });
    }
    let ids: Vec<String> = context.log(|log| log.named.keys().cloned().collect());
    if ids.is_empty() || context.random.chance(30) {
        return;
    }
    let hold_id = ids[context.random.below(ids.len() as u64) as usize].clone();
    let approves = context.random.chance(60);
    let decided = match approves {
        true => mirror.approve(&hold_id, "operator", "").await,
        false => mirror.dismiss(&hold_id, "operator", "").await,
    };
    context.note(|| format!("decision about {hold_id}, approving {approves}: {decided:?}"));
    match decided {
        Ok(_) => context.log(|log| log.decided.push((hold_id, approves))),
        Err(error) => {
            let expected = [ErrorKind::NotFound, ErrorKind::InvalidArgument, ErrorKind::Store];
            assert!(expected.contains(&error.kind()), "{error}");
        }
    }
}

/// Receives an event of one organization about a row of the other, if the mirror has the row.
async fn receive_foreign(context: Context) {
    let mirror = context.mirror().await;
    let Some((message, claim)) = context.world.foreign_event() else { return };
    let is_known = match &claim {
        Claim::User(id) => mirror.user(id).await.is_ok_and(|user| user.is_some()),
        Claim::Group(id) => mirror.group(id).await.is_ok_and(|group| group.is_some()),
        Claim::Directory(id) => {
            mirror.directories(None).await.is_ok_and(|known| known.iter().any(|directory| directory.id == *id))
        }
        Claim::Organization => true,
    };
    if is_known {
        context.log(|log| log.foreign.insert(message.id.clone()));
        let delivery = Delivery { log: Arc::clone(&context.log), message: Some(message) };
        receive(context, delivery).await;
    }
}

/// Sets one of three role maps.
async fn set_roles(context: Context, busy: Busy) {
    let mirror = context.mirror().await;
    let maps: [&[(&str, &str)]; 3] = [&[], &[("*", "member")], &[("Team 1*", "lead"), ("Team ?", "member")]];
    let map = maps[context.random.below(3) as usize];
    context.log(|log| log.role_map = None);
    let set = mirror.set_role_map(map.iter().copied()).await;
    context.note(|| format!("role map {map:?}: {set:?}"));
    let map = map.iter().map(|(group, role)| ((*group).to_owned(), (*role).to_owned())).collect();
    context.log(|log| log.role_map = set.is_ok().then_some(map));
    drop(busy);
}

/// A simulated process.
struct Process {
    runtime: Runtime,
    context: Context,
    tasks: Vec<JoinHandle<()>>,
    /// The true time in milliseconds at the end of its last turn.
    seen: i64,
    is_stopped: bool,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.context.store.database().end();
        // Tasks that are dropped with the runtime may start others, for example to release a lease.
        let _entered = self.runtime.enter();
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// A scenario that is being run.
struct Fleet {
    random: SeededRandom,
    world: World,
    server: Shared<Server>,
    processes: Vec<Option<Process>>,
    offsets: Vec<i64>,
    log: Shared<Log>,
    trace: Trace,
    mistake: Option<Mistake>,
    guards_events: bool,
    grace: Option<Duration>,
    has_faults: bool,
}

/// Runs a scenario. Panics if a guarantee does not hold.
pub(crate) fn run_scenario(scenario: &Scenario, mistake: Option<Mistake>, trace: &Trace) {
    let random = SeededRandom::new(scenario.seed);
    let mut fleet = Fleet::new(random.clone(), grace_of(scenario.seed), mistake, trace.clone());
    for seed in &scenario.steps {
        random.reset(*seed);
        fleet.step();
    }
    random.reset(scenario.checks);
    fleet.check_at_end();
}

impl Fleet {
    fn new(random: SeededRandom, grace: Option<Duration>, mistake: Option<Mistake>, trace: Trace) -> Fleet {
        let organizations = random.between(1, 2);
        let guards_events = random.chance(50);
        let world = with_returns(World::of_fleet(random.fork(), 2, organizations), grace);
        let offsets = (0..random.between(2, 3)).map(|_| world.random_offset(&random)).collect::<Vec<_>>();
        Fleet {
            processes: offsets.iter().map(|_| None).collect(),
            offsets,
            server: Arc::new(Mutex::new(Server::new(false))),
            log: Arc::new(Mutex::new(Log { role_map: Some(Vec::new()), ..Log::default() })),
            world,
            random,
            trace,
            mistake,
            guards_events,
            grace,
            has_faults: true,
        }
    }

    fn elapsed(&self) -> i64 {
        self.world.elapsed().as_millisecond()
    }

    fn note(&self, describe: impl FnOnce() -> String) {
        self.trace.note(|| format!("{} {}", self.world.describe_time(), describe()));
    }

    /// Returns a process, which is started if it is not running.
    fn process(&mut self, number: usize) -> &mut Process {
        if self.processes[number].is_none() {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            let entered = runtime.enter();
            let store = ModelStore::open(Settings {
                server: Arc::clone(&self.server),
                process: number,
                random: self.random.fork(),
                callers_time: false,
                mistake: self.mistake,
            });
            drop(entered);
            let context = Context {
                world: self.world.clone(),
                clock: self.world.clock().with_offset(self.offsets[number]),
                server: Arc::clone(&self.server),
                store: Arc::new(store),
                mirror: Arc::default(),
                random: self.random.fork(),
                log: Arc::clone(&self.log),
                trace: self.trace.clone(),
                number,
                guards_events: self.guards_events,
                grace: self.grace,
            };
            let seen = self.elapsed();
            self.processes[number] = Some(Process { runtime, context, tasks: Vec::new(), seen, is_stopped: false });
        }
        self.processes[number].as_mut().unwrap()
    }

    /// Starts an operation in a process.
    fn start<F: Future<Output = ()> + Send + 'static>(&mut self, number: usize, operation: impl FnOnce(Context) -> F) {
        let process = self.process(number);
        // An operation has random numbers of its own.
        let context = Context { random: process.context.random.fork(), ..process.context.clone() };
        process.tasks.push(process.runtime.spawn(operation(context)));
    }

    /// Sets a flag of the log until the result is dropped. Returns `None` if it was set already.
    fn take(&self, flag: fn(&mut Log) -> &mut bool) -> Option<Busy> {
        let was_set = std::mem::replace(flag(&mut self.log.lock().unwrap()), true);
        (!was_set).then(|| Busy(Arc::clone(&self.log), flag))
    }

    /// Changes the directories, starts an operation, or makes something fail. Then lets the processes run for a while.
    fn step(&mut self) {
        let number = self.random.below(self.processes.len() as u64) as usize;
        match self.random.below(100) {
            0..24 => {
                let events = self.world.change();
                self.note(|| format!("the directories change: {events:?}"));
                self.send(events);
            }
            24..28 => {
                (0..self.random.between(2, 8)).for_each(|_| self.world.delete_user_without_event());
                let events = self.world.change_and_delete_user();
                self.send(events);
            }
            28..50 => self.deliver(number),
            50..62 => {
                let organization_id = ORGANIZATIONS[usize::from(self.random.chance(25))];
                let mode = if self.random.chance(60) { SyncMode::Full } else { SyncMode::Auto };
                let approves = self.random.chance(10);
                self.start(number, |context| sync(context, organization_id, mode, approves));
            }
            62..69 => {
                if let Some(busy) = self.take(|log| &mut log.is_polling) {
                    self.start(number, |context| poll(context, busy));
                }
            }
            69..77 => self.start(number, |context| work(context, false)),
            77..82 => self.start(number, iterate),
            82..86 => {
                let organization_id = ORGANIZATIONS[usize::from(self.random.chance(25))];
                self.start(number, |context| decide(context, organization_id));
            }
            86..89 => {
                if let Some(busy) = self.take(|log| &mut log.is_setting_roles) {
                    self.start(number, |context| set_roles(context, busy));
                }
            }
            89..92 => self.start(number, receive_foreign),
            92..94 => {
                self.note(|| format!("process {number} crashes"));
                self.processes[number] = None;
            }
            94..97 => {
                self.note(|| format!("process {number} stops"));
                self.process(number).is_stopped = true;
            }
            _ => self.crash_server(),
        }
        for process in self.processes.iter_mut().flatten() {
            process.is_stopped &= !self.random.chance(15);
        }
        for _ in 0..self.random.between(0, 80) {
            self.choose();
        }
        match self.random.below(100) {
            0..60 => {}
            60..92 => self.world.advance_clock(self.random.between(1, 60) as i64 * 1_000),
            _ => self.world.advance_clock(self.random.between(1, 400) as i64 * 1_000),
        }
    }

    /// Queues events for delivery. Loses 15 % of them, and queues 15 % of the others twice.
    fn send(&mut self, events: Vec<Message>) {
        for message in events {
            if self.random.chance(15) {
                continue;
            }
            let count = 1 + usize::from(self.random.chance(15));
            self.log.lock().unwrap().messages.extend(std::iter::repeat_n(message, count));
        }
    }

    /// Delivers up to four messages at the same time.
    fn deliver(&mut self, number: usize) {
        let events = self.world.take_events();
        self.send(events);
        for _ in 0..self.random.between(1, 4) {
            let message = {
                let mut log = self.log.lock().unwrap();
                if log.messages.is_empty() {
                    return;
                }
                let index = self.random.below(log.messages.len() as u64) as usize;
                log.messages.swap_remove(index)
            };
            let delivery = Delivery { log: Arc::clone(&self.log), message: Some(message) };
            self.start(number, |context| receive(context, delivery));
        }
    }

    fn crash_server(&mut self) {
        self.note(|| "the server crashes".to_owned());
        let pause = self.random.below(3_000_000) as i64;
        self.server.lock().unwrap().crash(pause, &self.random);
    }

    /// Makes one choice of the scheduler: lets the server run a statement, or gives a process a turn.
    fn choose(&mut self) {
        let now = self.elapsed() * 1_000;
        let mut server = self.server.lock().unwrap();
        server.now = now;
        server.end_overdue();
        let runnable = server.runnable();
        if !runnable.is_empty() && self.random.chance(70) {
            let id = runnable[self.random.below(runnable.len() as u64) as usize];
            let fault = if self.has_faults { self.random.below(600) } else { u64::MAX };
            let is_in_transaction = server.is_in_transaction(id);
            self.trace.note(|| format!("  {}, fault {}", server.describe(id), if fault < 4 { fault } else { 0 }));
            return match fault {
                1 | 2 => server.lose(id, &self.random),
                3 if is_in_transaction => {
                    let code = if self.random.chance(50) { Code::Deadlock } else { Code::SerializationFailure };
                    server.refuse(id, code);
                }
                _ => server.step(id),
            };
        }
        drop(server);
        let is_running = |process: &Option<Process>| process.as_ref().is_some_and(|process| !process.is_stopped);
        let running: Vec<usize> = (0..self.processes.len()).filter(|n| is_running(&self.processes[*n])).collect();
        if running.is_empty() {
            return self.world.advance_clock(1);
        }
        let number = running[self.random.below(running.len() as u64) as usize];
        self.turn(number, Duration::from_millis(if runnable.is_empty() { 20 } else { 1 }));
    }

    /// Lets a process run until it sends something, or has had nothing to do for `most`. Then removes the tasks that are done. Panics if one of them has.
    fn turn(&mut self, number: usize, most: Duration) {
        let elapsed = self.elapsed();
        let Some(process) = &mut self.processes[number] else { return };
        let database = process.context.store.database();
        let late = Duration::from_millis((elapsed - process.seen).max(0) as u64);
        let used = process.runtime.block_on(async {
            // Clears the notification of what was sent in an earlier turn.
            let _ = database.sent().now_or_never();
            if !late.is_zero() {
                tokio::time::advance(late).await;
            }
            let begun = tokio::time::Instant::now();
            select(pin!(tokio::time::sleep(most)), pin!(database.sent())).await;
            begun.elapsed()
        });
        let used = used.as_millis() as i64;
        process.seen = elapsed + used;
        let (done, tasks) = std::mem::take(&mut process.tasks).into_iter().partition(JoinHandle::is_finished);
        process.tasks = tasks;
        self.world.advance_clock(used);
        let done: Vec<JoinHandle<()>> = done;
        for task in done {
            if let Some(Err(error)) = task.now_or_never() {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }

    /// Runs until all operations have ended.
    fn finish(&mut self) {
        for _ in 0..MOST_CHOICES {
            if self.processes.iter().flatten().all(|process| process.tasks.is_empty()) {
                return;
            }
            self.choose();
        }
        panic!("an operation does not end");
    }

    /// Ends all faults and changes, and checks the guarantees.
    fn check_at_end(&mut self) {
        self.has_faults = false;
        self.processes.iter_mut().flatten().for_each(|process| process.is_stopped = false);
        self.finish();
        if self.random.chance(50) {
            self.log.lock().unwrap().messages.clear();
        }
        while !self.log.lock().unwrap().messages.is_empty() {
            self.deliver(0);
            self.finish();
        }
        self.world.stop_faults();
        self.world.advance_clock(ALL_LEASES);
        self.world.advance_past_lag();
        // The processes end without releasing their leases.
        let guards_events = self.guards_events;
        self.processes.iter_mut().for_each(|process| *process = None);
        self.note(|| "all faults have ended".to_owned());
        self.start(0, |context| check(context, guards_events));
        self.finish();
    }
}

/// Syncs, and checks the guarantees.
async fn check(context: Context, guards_events: bool) {
    let (world, mirror) = (&context.world, context.mirror().await);
    let facts = world.facts();
    wait_for_deletions(world, &mirror, &facts, context.grace).await;
    for report in sync_and_approve_all(&mirror).await {
        if facts.enabled.contains(report.directory_id.as_str()) {
            assert_eq!(report.outcome, SyncOutcome::Done, "{:?}", report.incomplete);
        }
    }
    assert_eq!(listed_state(&mirror, &facts).await, facts.listed, "the mirror differs from the directories");
    for organization_id in ORGANIZATIONS {
        for again in mirror.sync(organization_id).mode(SyncMode::Full).await.unwrap() {
            assert_eq!(again.changes, 0, "a second sync changed something in {}", again.directory_id);
        }
    }
    let acknowledged = context.log(|log| log.acknowledged.clone());
    for message in acknowledged.values() {
        let event = Event::from_verified_body(message.body.as_bytes()).unwrap();
        let outcome = mirror.apply(&event).await.unwrap();
        assert_eq!(outcome, Outcome::Duplicate, "an acknowledged event was lost: {message:?}");
    }
    let approvals = mirror.approvals(None).await.unwrap();
    for (hold_id, approves) in context.log(|log| log.decided.clone()) {
        let is_kept = approvals.iter().any(|one| one.hold_id == hold_id && one.is_approved == approves);
        assert!(is_kept, "the decision about {hold_id} was lost");
    }
    if let Some(map) = context.log(|log| log.role_map.clone()) {
        assert_eq!(mirror.role_map().await.unwrap(), map, "a role map was lost");
    }
    let mut replay = ConsumerLog::default();
    replay.read_to_the_end(&mirror, "replay").await;
    let feed = replay.changes;
    let mut polled = context.log(|log| std::mem::take(&mut log.polled));
    polled.read_to_the_end(&mirror, POLLED).await;
    assert_eq!(polled.changes, feed, "a replay differs from what was received before");
    let iterated = mirror.changes(ITERATED, Some(Duration::ZERO));
    let before = context.log(|log| log.iterated.acknowledged.clone());
    while let Some(change) = iterated.next().await.unwrap() {
        context.log(|log| log.iterated.add(&change, &before));
        iterated.ack(change.seq).await.unwrap();
    }
    work(context.clone(), true).await;
    context.log(|log| {
        log.iterated.check(&feed);
        log.shared.check(&feed);
    });
    feed::check_groups_of_feed(&mirror, &feed, context.random.between(1, 12) as usize).await;
    let changes: Vec<&Change> = feed.values().collect();
    for (index, change) in changes.iter().enumerate() {
        assert_eq!(change.seq, index as i64 + 1, "the feed has a gap");
        check_tenant(change, &acknowledged);
    }
    feed::check_events_were_applied_once(&changes);
    feed::check_leavers(&changes, &facts, context.grace.is_some());
    feed::check_groups(&changes, &facts);
    check_guard(&changes, guards_events);
    let named = context.log(|log| log.named.clone());
    check_approvals(&mirror, &changes, &named).await;
    assert_eq!(
        Records::replay(&changes),
        Records::of_mirror(&mirror).await,
        "the changes of the feed do not give the mirror's rows"
    );
    history::check(&mirror, &changes, &context.random, context.clock.now()).await;
}

/// Checks that an event has changed only rows of its own organization.
fn check_tenant(change: &Change, acknowledged: &BTreeMap<String, Message>) {
    let Some(message) = change.cause.strip_prefix("event:").and_then(|id| acknowledged.get(id)) else { return };
    let own = format!("\"organization_id\":\"{}\"", change.organization_id);
    assert!(message.body.contains(&own), "an event of another organization made a change: {change:?}, {message:?}");
}
