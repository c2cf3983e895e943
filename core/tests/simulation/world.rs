//! The simulated directories, their API, the clocks, and the faults between them and the mirror.

use super::random::SeededRandom;
use headcount::mirror::{Source, SourceFuture, SourcePages, SyncMode, UserFields};
use headcount::model::{Directory, Group, Organization, Page, User};
use headcount::system::Clock;
use headcount::{Error, ErrorKind, Event, Mirror, Result, Timestamp};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The first organization.
pub(crate) const ORGANIZATION: &str = "org_1";
/// All organizations. Some seeds have only the first.
pub(crate) const ORGANIZATIONS: [&str; 2] = [ORGANIZATION, "org_2"];
/// The directories of the first organization. Some seeds have only the first.
const DIRECTORIES: [&str; 2] = ["dir_1", "dir_2"];
/// The directory of the second organization.
const OTHER_DIRECTORY: &str = "dir_9";
/// The greatest number of items on a page.
const PAGE: usize = 4;
/// The greatest difference between the vendor's clock and the local one, in milliseconds.
const MAX_SKEW: i64 = 300_000;
/// How long an event protects its row from a listing that may be older, in milliseconds.
pub(crate) const PROTECTED: i64 = 300_000;
/// The longest time by which listings lag behind the directories, in milliseconds.
const MAX_LAG: u64 = 600_000;

/// Returns the id of the organization that a directory belongs to.
fn organization_of(directory_id: &str) -> &'static str {
    if directory_id == OTHER_DIRECTORY { ORGANIZATIONS[1] } else { ORGANIZATION }
}

/// A local clock, which may jump. Clones share their state. Times are in milliseconds.
#[derive(Clone)]
pub(crate) struct WorldClock {
    /// The true time since 1970, which never jumps.
    elapsed: Arc<AtomicI64>,
    /// By how much the local clock is ahead of `elapsed`.
    offset: Arc<AtomicI64>,
}

impl WorldClock {
    fn new() -> WorldClock {
        WorldClock { elapsed: Arc::new(AtomicI64::new(1_750_000_000_000)), offset: Arc::default() }
    }

    /// Returns a clock that is ahead of the true time by `offset`.
    pub(crate) fn with_offset(&self, offset: i64) -> WorldClock {
        WorldClock { elapsed: Arc::clone(&self.elapsed), offset: Arc::new(AtomicI64::new(offset)) }
    }

    fn advance(&self, milliseconds: i64) {
        self.elapsed.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// Returns the true time, which never jumps.
    fn elapsed(&self) -> Timestamp {
        Timestamp::from_millisecond(self.elapsed.load(Ordering::Relaxed)).unwrap()
    }
}

impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        let offset = self.offset.load(Ordering::Relaxed);
        Timestamp::from_millisecond(self.elapsed.load(Ordering::Relaxed) + offset).unwrap()
    }
}

/// An event as the vendor sends it.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) body: String,
}

/// A user as the directory has them.
#[derive(Clone)]
struct DirectoryUser {
    directory_id: &'static str,
    email: String,
    family_name: String,
    active: bool,
    groups: BTreeSet<String>,
    updated_at: Timestamp,
}

/// A group as the directory has it.
#[derive(Clone)]
struct DirectoryGroup {
    directory_id: &'static str,
    name: String,
    updated_at: Timestamp,
}

/// The directories with their users and groups at one time.
#[derive(Clone, Default)]
struct Content {
    /// Whether each directory is enabled, by id.
    enabled: BTreeMap<&'static str, bool>,
    /// Users with their ids, in the order of listings: by time of creation.
    users: Vec<(String, DirectoryUser)>,
    /// Groups with their ids, in the order of listings.
    groups: Vec<(String, DirectoryGroup)>,
}

/// The state of the directories, to compare the mirror with.
pub(crate) struct Facts {
    /// Ids of the enabled directories.
    pub(crate) enabled: BTreeSet<&'static str>,
    /// Users and groups of enabled directories by id, as [`describe_user`] and [`describe_group`] write them.
    pub(crate) listed: BTreeMap<String, String>,
    /// The local times at which users first left a directory, by the ids of user and directory. A user who moved has left the former directory.
    pub(crate) left: BTreeMap<(String, &'static str), Timestamp>,
    /// Ids of users who moved to another directory.
    pub(crate) moved: BTreeSet<String>,
    /// Ids of users who left and returned.
    pub(crate) returned: BTreeSet<String>,
    /// Ids of groups that were deleted.
    pub(crate) deleted_groups: BTreeSet<String>,
    /// The local times at which events arrived for the first time, by the id of the user, group or directory that the event is about.
    pub(crate) mentions: BTreeMap<String, Vec<Timestamp>>,
    /// Whether the lag of listings and a jump of the local clock are less than five minutes together. If they are not, a listing can be older
    /// than the mirror assumes: until the next listing, users may be removed because it does not have them yet, and users who have left restored.
    pub(crate) is_timely: bool,
    /// Whether the local clock jumps.
    pub(crate) jumps: bool,
}

/// The row that an event of another organization is about.
pub(crate) enum Claim {
    User(String),
    Group(String),
    Directory(&'static str),
    Organization,
}

/// Returns the fields of a user that a listing has, as text.
pub(crate) fn describe_user(
    directory_id: &str,
    email: &str,
    family_name: &str,
    active: bool,
    group_ids: &[String],
) -> String {
    format!("{directory_id} {email} {family_name} {active} {group_ids:?}")
}

/// Returns the fields of a group that a listing has, as text.
pub(crate) fn describe_group(directory_id: &str, name: &str) -> String {
    format!("{directory_id} {name}")
}

/// The directories and their API. Clones share their state.
#[derive(Clone)]
pub(crate) struct World {
    state: Arc<Mutex<State>>,
    clock: WorldClock,
}

struct State {
    random: SeededRandom,
    /// The local clock.
    clock: WorldClock,
    /// By how many milliseconds the vendor's clock is ahead of the true time ([`WorldClock::elapsed`]); negative if it is behind.
    skew: i64,
    /// By how many milliseconds the local clock jumps, and later jumps back. Negative if it first jumps backward; 0 if it does not jump.
    jump: i64,
    /// Whether the API's pages have the vendor's time.
    reports_time: bool,
    /// The directories as they are now.
    content: Content,
    /// Earlier and current states of the directories, each with the time from which it was current, oldest first.
    history: Vec<(Timestamp, Content)>,
    /// How many milliseconds the API's answers lag behind the directories. The same for a whole run, so that no answer is older than an
    /// earlier one.
    lag: i64,
    /// See [`Facts::left`].
    left: BTreeMap<(String, &'static str), Timestamp>,
    /// See [`Facts::moved`].
    moved: BTreeSet<String>,
    /// See [`Facts::returned`].
    returned: BTreeSet<String>,
    /// Users who have left, with their ids, if users return in this run.
    gone: Option<Vec<(String, DirectoryUser)>>,
    /// See [`Facts::deleted_groups`].
    deleted_groups: BTreeSet<String>,
    /// See [`Facts::mentions`].
    mentions: BTreeMap<String, Vec<Timestamp>>,
    /// Ids of events that have arrived.
    arrived: BTreeSet<String>,
    /// The number of the latest id or name.
    next: u64,
    /// Whether listings fail and change while they are read.
    faulty: bool,
    /// Whether the API's description of a directory contains the time of the latest change of a user.
    reports_latest_change: bool,
    /// Descriptions of the directories that the API repeats during a sync even if the directories change, or `None` if it describes them as they are.
    outdated_directories: Option<Vec<Directory>>,
    /// Whether a user has left in this sync while the API repeated descriptions. See [`State::change_during_sync`].
    has_shifted: bool,
    /// Events of changes during a sync, until a mirror receives them or [`World::take_events`] returns them.
    events: Vec<Message>,
    /// Events that the mirror acknowledged during a sync.
    acknowledged: Vec<Message>,
    /// The mirrors of the processes, which receive events during a sync; `None` for a process that is not running.
    mirrors: [Option<Mirror>; 2],
    /// Whether one process runs while a call of the other is under way. Then neither is interrupted again.
    is_interrupted: bool,
    /// Whether the API takes some time for an answer.
    is_slow: bool,
}

impl World {
    /// Makes `organizations` organizations: the first with one to `directories` directories, the second with one.
    pub(crate) fn new(random: SeededRandom, directories: u64, organizations: u64) -> World {
        let clock = WorldClock::new();
        let own = DIRECTORIES.into_iter().take(random.between(1, directories) as usize);
        let others = (organizations > 1).then_some(OTHER_DIRECTORY);
        let jump = if random.chance(30) { random.between(0, 600_000) as i64 - 300_000 } else { 0 };
        // The vendor's clock and the local one differ by at most five minutes, both before and after a jump.
        let skew = random.between(0, (2 * MAX_SKEW - jump.abs()) as u64) as i64 + jump.max(0) - MAX_SKEW;
        let mut state = State {
            reports_latest_change: random.chance(80),
            skew,
            jump,
            reports_time: random.chance(70),
            lag: match random.below(100) {
                0..50 => 0,
                50..85 => random.between(0, 240_000) as i64,
                _ => random.between(0, MAX_LAG) as i64,
            },
            content: Content { enabled: own.chain(others).map(|id| (id, true)).collect(), ..Content::default() },
            random,
            clock: clock.clone(),
            history: Vec::new(),
            left: BTreeMap::new(),
            moved: BTreeSet::new(),
            returned: BTreeSet::new(),
            gone: None,
            deleted_groups: BTreeSet::new(),
            mentions: BTreeMap::new(),
            arrived: BTreeSet::new(),
            next: 0,
            faulty: false,
            outdated_directories: None,
            has_shifted: false,
            events: Vec::new(),
            acknowledged: Vec::new(),
            mirrors: [None, None],
            is_interrupted: false,
            is_slow: false,
        };
        let changes = if state.random.chance(25) { 60 } else { 20 };
        for _ in 0..state.random.between(0, changes) {
            state.change();
        }
        // The initial state counts as having existed at all earlier times, so that a lagging API has a state to answer with.
        state.history = vec![(Timestamp::MIN, state.content.clone())];
        World { state: Arc::new(Mutex::new(state)), clock }
    }

    /// As [`new`](World::new), for processes that run at the same time. Their clocks differ where the clock of another world would jump. The API takes
    /// some time for each answer, and it is faulty until [`stop_faults`](World::stop_faults). It reports the time of the latest change, because the
    /// directories change during syncs: see [`State::change_during_sync`].
    pub(crate) fn of_fleet(random: SeededRandom, directories: u64, organizations: u64) -> World {
        let world = World::new(random, directories, organizations);
        world.with(|state| (state.reports_latest_change, state.is_slow, state.faulty) = (true, true, true));
        world
    }

    /// Has users return from now on who leave.
    pub(crate) fn let_users_return(&self) {
        self.with(|state| state.gone = Some(Vec::new()));
    }

    /// Returns which personal fields of users the mirror stores: all of them, or in about an eighth of the worlds only addresses.
    pub(crate) fn fields(&self) -> UserFields {
        self.with(|state| state.fields())
    }

    /// Returns by how much the clock of a process is ahead of the true time, in milliseconds.
    pub(crate) fn random_offset(&self, random: &SeededRandom) -> i64 {
        let jump = self.with(|state| state.jump);
        jump.signum() * random.between(0, jump.unsigned_abs()) as i64
    }

    /// Returns whether the clocks of the processes differ.
    pub(crate) fn has_different_clocks(&self) -> bool {
        self.with(|state| state.jump != 0)
    }

    /// Returns the true time.
    pub(crate) fn elapsed(&self) -> Timestamp {
        self.clock.elapsed()
    }

    /// Calls `work` with the locked state.
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap())
    }

    pub(crate) fn clock(&self) -> WorldClock {
        self.clock.clone()
    }

    pub(crate) fn advance_clock(&self, milliseconds: i64) {
        self.clock.advance(milliseconds);
    }

    /// Advances the clock until listings have all changes and no event is recent by the local clock, whether or not the clock jumps in between.
    pub(crate) fn advance_past_lag(&self) {
        self.with(|state| state.clock.advance(PROTECTED.max(state.lag) + state.jump.abs() + 1_000));
    }

    /// Returns the true time and the local time as text.
    pub(crate) fn describe_time(&self) -> String {
        format!("{} (local {})", self.clock.elapsed(), self.clock.now())
    }

    /// Makes the local clock jump, or jump back if it has jumped. Does nothing if it does not jump in this run.
    pub(crate) fn jump(&self) {
        self.with(|state| {
            let offset = &state.clock.offset;
            offset.store(state.jump - offset.load(Ordering::Relaxed), Ordering::Relaxed);
        });
    }

    /// Sets the mirror of a process, which receives events during a sync, or `None` if the process has ended.
    pub(crate) fn set_mirror(&self, process: usize, mirror: Option<Mirror>) {
        self.with(|state| state.mirrors[process] = mirror);
    }

    /// Starts or ends the faults of one sync.
    pub(crate) fn set_faulty(&self, faulty: bool) {
        self.with(|state| {
            state.faulty = faulty;
            // Not if the API lags: then the descriptions would also conceal earlier changes, which listings show only during the sync.
            let is_outdated = faulty && state.reports_latest_change && state.lag == 0 && state.random.chance(15);
            state.outdated_directories = is_outdated.then(|| state.directories());
            state.has_shifted = false;
        });
    }

    /// Ends all faults, for the rest of the simulation.
    pub(crate) fn stop_faults(&self) {
        self.with(|state| {
            state.faulty = false;
            state.outdated_directories = None;
            state.mirrors = [None, None];
        });
    }

    /// Makes one random change to the directories. Returns its event, or no event if the change was not possible.
    pub(crate) fn change(&self) -> Vec<Message> {
        self.with(|state| {
            let message = state.change();
            state.record();
            message.into_iter().collect()
        })
    }

    /// Deletes a random user and loses the event.
    pub(crate) fn delete_user_without_event(&self) {
        self.with(|state| {
            drop(state.delete_user());
            state.record();
        });
    }

    /// Changes a random user, then deletes the user and loses the event of the deletion. Returns the event of the change.
    pub(crate) fn change_and_delete_user(&self) -> Vec<Message> {
        self.with(|state| {
            let Some(index) = state.pick(state.content.users.len()) else { return Vec::new() };
            let id = state.content.users[index].0.clone();
            state.content.users[index].1.updated_at = state.vendor_now();
            let message = state.user_event(&id, "updated");
            drop(state.remove_user(index));
            state.record();
            vec![message]
        })
    }

    /// Takes the events of changes during a sync that are not sent yet.
    pub(crate) fn take_events(&self) -> Vec<Message> {
        self.with(|state| std::mem::take(&mut state.events))
    }

    /// Records that an event arrives.
    pub(crate) fn note_arrival(&self, event: &Event) {
        self.with(|state| state.note_arrival(event));
    }

    /// Takes the events that the mirror acknowledged during a sync.
    pub(crate) fn take_acknowledged(&self) -> Vec<Message> {
        self.with(|state| std::mem::take(&mut state.acknowledged))
    }

    /// Moves a user to another directory and loses the event. Returns the user's id, or `None` if that is not possible.
    pub(crate) fn move_user_without_event(&self) -> Option<String> {
        self.with(|state| {
            let moved = state.move_user();
            state.record();
            moved
        })
    }

    /// Disables the directories of an organization and loses the events.
    pub(crate) fn disable_directories(&self, organization_id: &str) {
        self.with(|state| {
            for (id, enabled) in &mut state.content.enabled {
                *enabled &= organization_of(id) != organization_id;
            }
            state.record();
        });
    }

    /// Makes an event of one organization about a random row of the other one, or `None` if there is none.
    pub(crate) fn foreign_event(&self) -> Option<(Message, Claim)> {
        self.with(|state| state.content.enabled.contains_key(OTHER_DIRECTORY).then(|| state.foreign_event())?)
    }

    /// Makes an event about a random user whose groups contain, beside the user's own, a group of another organization. Returns it with the ids of
    /// the user and of that group, or `None` if there is no such user or group.
    pub(crate) fn event_with_foreign_group(&self) -> Option<(Message, String, String)> {
        self.with(State::event_with_foreign_group)
    }

    /// Returns the state of the directories, and what happened in them so far.
    pub(crate) fn facts(&self) -> Facts {
        self.with(|state| {
            let Content { enabled, users, groups } = &state.content;
            let fields = state.fields();
            let users = users.iter().filter(|(_, user)| enabled[user.directory_id]).map(|(id, user)| {
                let groups: Vec<String> = user.groups.iter().cloned().collect();
                let family_name = if fields.contains("family_name") { user.family_name.as_str() } else { "" };
                (id.clone(), describe_user(user.directory_id, &user.email, family_name, user.active, &groups))
            });
            let groups = groups
                .iter()
                .filter(|(_, group)| enabled[group.directory_id])
                .map(|(id, group)| (id.clone(), describe_group(group.directory_id, &group.name)));
            Facts {
                enabled: enabled.iter().filter(|(_, enabled)| **enabled).map(|(id, _)| *id).collect(),
                listed: users.chain(groups).collect(),
                left: state.left.clone(),
                moved: state.moved.clone(),
                returned: state.returned.clone(),
                deleted_groups: state.deleted_groups.clone(),
                mentions: state.mentions.clone(),
                is_timely: state.lag + state.jump.abs() < PROTECTED,
                jumps: state.jump != 0,
            }
        })
    }

    /// Runs before the API answers a request: waits if the API is slow. During a faulty sync, it may also change the directories, deliver an event to a
    /// mirror, advance the clock, and fail the request.
    async fn before_answer(&self) -> Result<()> {
        let pause = self.with(|state| if state.is_slow { state.random.between(1, 20) } else { 0 });
        if pause > 0 {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        let (fails, message) = self.with(|state| {
            if !state.faulty {
                return (false, None);
            }
            state.change_during_sync();
            let delivers = state.random.chance(20) || state.outdated_directories.is_some();
            let message = if delivers { state.events.pop() } else { None };
            (state.random.chance(2), message)
        });
        if let Some(message) = message {
            self.deliver(message, None).await;
        }
        if fails { Err(broken_connection()) } else { Ok(()) }
    }

    /// Runs at the start of each writing call of the process `own`. During a faulty sync, the other process may receive an event then, or sync.
    pub(crate) async fn interrupt(&self, own: usize) {
        let other = self.with(|state| {
            let is_possible = state.faulty && !state.is_interrupted && state.random.chance(6);
            let other = state.mirrors[1 - own].clone().filter(|_| is_possible)?;
            state.is_interrupted = true;
            Some((other, state.random.chance(60), state.events.pop()))
        });
        let Some((other, receives, message)) = other else { return };
        match message {
            Some(message) if receives => self.deliver(message, Some(other)).await,
            message => {
                let (organization_id, mode) = self.with(|state| {
                    state.events.extend(message);
                    let mode = if state.random.chance(50) { SyncMode::Full } else { SyncMode::Auto };
                    (ORGANIZATIONS[state.random.below(2) as usize], mode)
                });
                // Errors of this sync are not checked: the interrupted sync can fail with the same errors, which `Simulation::sync` checks.
                let _ = other.sync(organization_id).mode(mode).wait(false).await;
            }
        }
        self.with(|state| state.is_interrupted = false);
    }

    /// Delivers an event to `mirror`, or if that is `None` to a random one of the open mirrors. An event that is not acknowledged is kept for a later
    /// delivery.
    async fn deliver(&self, message: Message, mirror: Option<Mirror>) {
        let event = Event::from_verified_body(message.body.as_bytes()).unwrap();
        let mirror = self.with(|state| {
            state.note_arrival(&event);
            let first = state.random.below(2) as usize;
            mirror.or_else(|| state.mirrors[first].clone()).or_else(|| state.mirrors[1 - first].clone())
        });
        let received = match mirror {
            Some(mirror) => mirror.apply(&event).await.is_ok(),
            None => false,
        };
        self.with(|state| if received { state.acknowledged.push(message) } else { state.events.push(message) });
    }
}

/// The kind of [`broken_connection`]. It is not `Connection`, because only the crate itself can make an error of that kind.
pub(crate) const BROKEN_CONNECTION: ErrorKind = ErrorKind::InvalidArgument;

fn broken_connection() -> Error {
    Error::invalid_argument("the connection broke")
}

impl State {
    /// See [`World::fields`]. They depend on the lag, so that no random number is taken for them.
    fn fields(&self) -> UserFields {
        if self.lag % 4 == 3 { UserFields::named(["email"]).unwrap() } else { UserFields::ALL }
    }

    /// Returns the time by the vendor's clock.
    fn vendor_now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock.elapsed().as_millisecond() + self.skew).unwrap()
    }

    fn new_id(&mut self, prefix: &str) -> String {
        self.next += 1;
        format!("{prefix}_{:05}", self.next)
    }

    /// Returns a random index below `length`, or `None` if `length` is 0.
    fn pick(&self, length: usize) -> Option<usize> {
        (length > 0).then(|| self.random.below(length as u64) as usize)
    }

    /// Adds the current state of the directories to the history, and drops states with which the API no longer answers.
    fn record(&mut self) {
        let seen = self.seen_at();
        let first = self.history.partition_point(|(at, _)| *at <= seen).saturating_sub(1);
        self.history.drain(..first);
        self.history.push((self.clock.elapsed(), self.content.clone()));
    }

    /// Returns the time as of which the API describes the directories now: the true time less the API's lag.
    fn seen_at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock.elapsed().as_millisecond() - self.lag).unwrap()
    }

    /// Records that an event arrives, unless it has arrived before.
    fn note_arrival(&mut self, event: &Event) {
        #[derive(serde::Deserialize)]
        struct Ids {
            id: String,
        }
        if self.arrived.insert(event.id().to_owned()) {
            let ids: Ids = event.data().decode().unwrap();
            self.mentions.entry(ids.id).or_default().push(self.clock.now());
        }
    }

    /// Changes the directories while a sync reads them, and advances the clock.
    ///
    /// The directories change only if the API reports the time of the latest change. Without that time, the mirror relies on two readings that agree,
    /// and changes could make both miss the same user. Outdated descriptions also conceal that time, so while the API repeats them, a user leaves at
    /// most once in a sync: then only one reading can miss another user. All other changes during such a sync are new users, which cannot make the
    /// mirror remove a user.
    fn change_during_sync(&mut self) {
        if !self.reports_latest_change || !self.random.chance(10) {
            return;
        }
        if self.random.chance(10) {
            // A slow answer. The lease of the sync may expire.
            self.clock.advance(self.random.between(1, 400) as i64 * 1_000);
        }
        let shifts = self.outdated_directories.is_some() && !self.has_shifted && self.random.chance(50);
        self.has_shifted |= shifts;
        if shifts {
            // One user leaves and one joins, so that the number of users stays the same.
            let leaver = self.delete_user();
            let newcomer = self.create_user();
            self.events.extend(leaver.into_iter().chain([newcomer]));
            return self.record();
        }
        for _ in 0..self.random.between(1, 2) {
            let message = if self.outdated_directories.is_some() { Some(self.create_user()) } else { self.change() };
            self.record();
            self.events.extend(message);
        }
    }

    /// Returns the state of the directories with which the API answers now.
    fn seen(&self) -> &Content {
        let seen = self.seen_at();
        &self.history[self.history.partition_point(|(at, _)| *at <= seen) - 1].1
    }

    /// Returns the id of a random directory.
    fn directory_id(&self) -> &'static str {
        let ids: Vec<&'static str> = self.content.enabled.keys().copied().collect();
        ids[self.random.below(ids.len() as u64) as usize]
    }

    /// Returns the id of a random group of a directory, or `None` if it has none.
    fn group_of(&self, directory_id: &str) -> Option<String> {
        let groups: Vec<&String> = self
            .content
            .groups
            .iter()
            .filter(|(_, group)| group.directory_id == directory_id)
            .map(|(id, _)| id)
            .collect();
        self.pick(groups.len()).map(|index| groups[index].clone())
    }

    /// Makes one random change. Returns its event, or `None` if the change is not possible, for example because there is no user.
    fn change(&mut self) -> Option<Message> {
        // No two changes have the same time.
        self.clock.advance(2);
        if self.gone.as_ref().is_some_and(|gone| !gone.is_empty()) && self.random.chance(8) {
            return self.return_user();
        }
        match self.random.below(100) {
            0..30 => Some(self.create_user()),
            30..50 => self.update_user(),
            50..55 => self.move_user().map(|id| self.user_event(&id, "updated")),
            55..70 => self.toggle_membership(),
            70..83 => self.delete_user(),
            83..92 => Some(self.create_group()),
            92..95 => self.rename_group(),
            95..98 => self.delete_group(),
            _ => Some(self.toggle_directory()),
        }
    }

    fn create_user(&mut self) -> Message {
        self.clock.advance(2);
        let id = self.new_id("diruser");
        let directory_id = self.directory_id();
        let groups = self.group_of(directory_id).filter(|_| self.random.chance(70)).into_iter().collect();
        let user = DirectoryUser {
            directory_id,
            email: format!("{id}@example.com"),
            family_name: "Lovelace".to_owned(),
            active: self.random.chance(90),
            groups,
            updated_at: self.vendor_now(),
        };
        self.content.users.push((id.clone(), user));
        self.user_event(&id, "created")
    }

    fn update_user(&mut self) -> Option<Message> {
        let now = self.vendor_now();
        let index = self.pick(self.content.users.len())?;
        let number = self.next;
        let (id, user) = &mut self.content.users[index];
        match self.random.below(3) {
            0 => user.email = format!("{id}.{number}@example.com"),
            1 => user.family_name = format!("King {number}"),
            _ => user.active = !user.active,
        }
        user.updated_at = now;
        let id = id.clone();
        self.next += 1;
        Some(self.user_event(&id, "updated"))
    }

    /// Moves a random user to another enabled directory of the same organization. Returns the user's id, or `None` if that is not possible.
    fn move_user(&mut self) -> Option<String> {
        let now = self.vendor_now();
        let index = self.pick(self.content.users.len())?;
        let from = self.content.users[index].1.directory_id;
        let is_possible =
            |id: &str, enabled: bool| enabled && id != from && organization_of(id) == organization_of(from);
        let to = self.content.enabled.iter().find(|(id, enabled)| is_possible(id, **enabled)).map(|(id, _)| *id)?;
        let groups = self.group_of(to).filter(|_| self.random.chance(70)).into_iter().collect();
        let (id, user) = &mut self.content.users[index];
        (user.directory_id, user.groups, user.updated_at) = (to, groups, now);
        let id = id.clone();
        self.left.entry((id.clone(), from)).or_insert(self.clock.now());
        self.moved.insert(id.clone());
        Some(id)
    }

    fn toggle_membership(&mut self) -> Option<Message> {
        let now = self.vendor_now();
        let user_index = self.pick(self.content.users.len())?;
        let group_id = self.group_of(self.content.users[user_index].1.directory_id)?;
        let (id, user) = &mut self.content.users[user_index];
        if !user.groups.remove(&group_id) {
            user.groups.insert(group_id);
        }
        user.updated_at = now;
        let id = id.clone();
        Some(self.user_event(&id, "updated"))
    }

    fn delete_user(&mut self) -> Option<Message> {
        let index = self.pick(self.content.users.len())?;
        Some(self.remove_user(index))
    }

    fn remove_user(&mut self, index: usize) -> Message {
        self.clock.advance(2);
        let (id, user) = self.content.users.remove(index);
        if let Some(gone) = &mut self.gone {
            gone.push((id.clone(), user.clone()));
        }
        self.left.entry((id.clone(), user.directory_id)).or_insert(self.clock.now());
        let organization_id = organization_of(user.directory_id);
        let data = json!({ "id": id, "organization_id": organization_id });
        self.event("organization.directory.user_deleted", organization_id, &data)
    }

    /// Adds a user who has left to the same directory again.
    fn return_user(&mut self) -> Option<Message> {
        let updated_at = self.vendor_now();
        let count = self.gone.as_ref().map_or(0, Vec::len);
        let index = self.pick(count)?;
        let (id, user) = self.gone.as_mut()?.swap_remove(index);
        let groups = self.group_of(user.directory_id).filter(|_| self.random.chance(70)).into_iter().collect();
        self.content.users.push((id.clone(), DirectoryUser { groups, updated_at, ..user }));
        self.returned.insert(id.clone());
        Some(self.user_event(&id, "updated"))
    }

    fn create_group(&mut self) -> Message {
        let updated_at = self.vendor_now();
        let id = self.new_id("dirgroup");
        let directory_id = self.directory_id();
        let group = DirectoryGroup { directory_id, name: self.group_name(), updated_at };
        self.content.groups.push((id.clone(), group));
        self.group_event(&id, "created")
    }

    /// Returns a new name for a group, or at random the name of a group that exists, which may be in another directory or organization.
    fn group_name(&self) -> String {
        match self.pick(self.content.groups.len()).filter(|_| self.random.chance(20)) {
            Some(index) => self.content.groups[index].1.name.clone(),
            None => format!("Team {}", self.next),
        }
    }

    fn rename_group(&mut self) -> Option<Message> {
        let updated_at = self.vendor_now();
        let index = self.pick(self.content.groups.len())?;
        self.next += 1;
        let name = self.group_name();
        let (id, group) = &mut self.content.groups[index];
        (group.name, group.updated_at) = (name, updated_at);
        let id = id.clone();
        Some(self.group_event(&id, "updated"))
    }

    fn delete_group(&mut self) -> Option<Message> {
        let index = self.pick(self.content.groups.len())?;
        let id = self.content.groups[index].0.clone();
        let message = self.group_event(&id, "deleted");
        self.content.groups.remove(index);
        self.deleted_groups.insert(id.clone());
        for (_, user) in &mut self.content.users {
            user.groups.remove(&id);
        }
        Some(message)
    }

    fn toggle_directory(&mut self) -> Message {
        let id = self.directory_id();
        let enabled = !self.content.enabled[id];
        self.content.enabled.insert(id, enabled);
        let kind = if enabled { "organization.directory_enabled" } else { "organization.directory_disabled" };
        let organization_id = organization_of(id);
        self.event(kind, organization_id, &json!({ "id": id, "organization_id": organization_id, "enabled": enabled }))
    }

    fn user_event(&mut self, id: &str, action: &str) -> Message {
        let (organization_id, data) = self.user_data(id);
        self.event(&format!("organization.directory.user_{action}"), organization_id, &data)
    }

    /// Returns the organization of a user, and the data of an event about the user.
    fn user_data(&self, id: &str) -> (&'static str, serde_json::Value) {
        let user = &self.content.users.iter().find(|(other, _)| other == id).unwrap().1;
        let organization_id = organization_of(user.directory_id);
        let name = |id: &String| {
            self.content.groups.iter().find(|(other, _)| other == id).map(|(_, group)| group.name.clone())
        };
        let groups: Vec<_> = user.groups.iter().map(|id| json!({ "id": id, "name": name(id) })).collect();
        let data = json!({
            "id": id, "organization_id": organization_id, "email": user.email, "given_name": "",
            "family_name": user.family_name, "preferred_username": "", "active": user.active, "groups": groups, "roles": [],
        });
        (organization_id, data)
    }

    fn group_event(&mut self, id: &str, action: &str) -> Message {
        let (organization_id, data) = self.group_data(id);
        self.event(&format!("organization.directory.group_{action}"), organization_id, &data)
    }

    /// Returns the organization of a group, and the data of an event about the group.
    fn group_data(&self, id: &str) -> (&'static str, serde_json::Value) {
        let group = &self.content.groups.iter().find(|(other, _)| other == id).unwrap().1;
        let organization_id = organization_of(group.directory_id);
        let data = json!({
            "id": id, "organization_id": organization_id, "directory_id": group.directory_id, "display_name": group.name,
        });
        (organization_id, data)
    }

    /// See [`World::foreign_event`].
    fn foreign_event(&mut self) -> Option<(Message, Claim)> {
        let other = |organization_id: &str| ORGANIZATIONS[usize::from(organization_id == ORGANIZATION)];
        let (kind, organization_id, mut data, claim) = match self.random.below(10) {
            0..5 => {
                let id = self.content.users[self.pick(self.content.users.len())?].0.clone();
                let (organization_id, data) = self.user_data(&id);
                let action = ["created", "updated", "deleted"][self.random.below(3) as usize];
                (format!("organization.directory.user_{action}"), organization_id, data, Claim::User(id))
            }
            5..8 => {
                let id = self.content.groups[self.pick(self.content.groups.len())?].0.clone();
                let (organization_id, mut data) = self.group_data(&id);
                data["display_name"] = json!("Team 1");
                let action = ["created", "updated", "deleted"][self.random.below(3) as usize];
                (format!("organization.directory.group_{action}"), organization_id, data, Claim::Group(id))
            }
            8 => {
                let id = self.directory_id();
                let kind = ["organization.directory_disabled", "organization.directory_enabled"]
                    [self.random.below(2) as usize];
                (kind.to_owned(), organization_of(id), json!({ "id": id }), Claim::Directory(id))
            }
            _ => {
                let id = organization_of(self.directory_id());
                ("organization.deleted".to_owned(), id, json!({ "id": id }), Claim::Organization)
            }
        };
        let envelope = other(organization_id);
        if self.random.chance(50) {
            data["organization_id"] = json!(envelope);
        }
        Some((self.event(&kind, envelope, &data), claim))
    }

    /// See [`World::event_with_foreign_group`].
    fn event_with_foreign_group(&mut self) -> Option<(Message, String, String)> {
        let id = self.content.users[self.pick(self.content.users.len())?].0.clone();
        let (organization_id, mut data) = self.user_data(&id);
        let is_foreign = |group: &DirectoryGroup| organization_of(group.directory_id) != organization_id;
        let foreign: Vec<String> =
            self.content.groups.iter().filter(|(_, group)| is_foreign(group)).map(|(id, _)| id.clone()).collect();
        let group_id = foreign[self.pick(foreign.len())?].clone();
        data["groups"].as_array_mut()?.push(json!({ "id": group_id, "name": "Team 1" }));
        Some((self.event("organization.directory.user_updated", organization_id, &data), id, group_id))
    }

    /// Makes an event of this organization with a new id and the current time of the vendor.
    fn event(&mut self, kind: &str, organization_id: &str, data: &serde_json::Value) -> Message {
        let id = self.new_id("evt");
        // An event is one millisecond later than its change.
        self.clock.advance(1);
        let body = json!({
            "spec_version": "1", "id": id, "type": kind, "occurred_at": self.vendor_now(), "environment_id": "env_1",
            "organization_id": organization_id, "data": data,
        });
        Message { id, body: body.to_string() }
    }

    /// Returns the directories as the API describes them now, if it does not repeat outdated descriptions.
    fn directories(&self) -> Vec<Directory> {
        let describe = |(id, enabled): (&&'static str, &bool)| {
            let users = || self.seen().users.iter().filter(|(_, user)| user.directory_id == *id);
            let groups = self.seen().groups.iter().filter(|(_, group)| group.directory_id == *id);
            let mut directory = json!({
                "id": id, "organization_id": organization_of(id), "enabled": enabled, "total_users": users().count(),
                "total_groups": groups.count(),
            });
            if self.reports_latest_change {
                let latest = users().map(|(_, user)| user.updated_at).max();
                directory["stats"] = json!({ "total_users": users().count(), "user_updated_at": latest });
            }
            serde_json::from_value(directory).unwrap()
        };
        self.seen().enabled.iter().map(describe).collect()
    }
}

impl Content {
    /// Returns a group as the API lists it.
    fn listed_group(&self, id: &str, group: &DirectoryGroup) -> Group {
        let members = self.users.iter().filter(|(_, user)| user.groups.contains(id)).count();
        let group =
            json!({ "id": id, "display_name": group.name, "updated_at": group.updated_at, "total_users": members });
        serde_json::from_value(group).unwrap()
    }

    /// Returns a user as the API lists them.
    fn listed_user(&self, id: &str, user: &DirectoryUser) -> User {
        let groups: Vec<Group> = self
            .groups
            .iter()
            .filter(|(id, _)| user.groups.contains(id))
            .map(|(id, group)| self.listed_group(id, group))
            .collect();
        let user = json!({
            "id": id, "email": user.email, "emails": [user.email], "family_name": user.family_name,
            "updated_at": user.updated_at, "groups": groups, "user_detail": { "active": user.active },
        });
        serde_json::from_value(user).unwrap()
    }
}

impl Source for World {
    fn organizations(&self) -> Box<dyn SourcePages<Organization>> {
        unreachable!("the simulation syncs one organization at a time")
    }

    fn directories<'a>(&'a self, organization_id: &'a str) -> SourceFuture<'a, Vec<Directory>> {
        Box::pin(async move {
            self.before_answer().await?;
            self.with(|state| {
                if state.faulty && state.random.chance(2) {
                    // The API temporarily fails, or lists no directory.
                    return if state.random.chance(50) { Err(broken_connection()) } else { Ok(Vec::new()) };
                }
                let listed = state.outdated_directories.clone().unwrap_or_else(|| state.directories());
                Ok(listed.into_iter().filter(|directory| directory.organization_id == organization_id).collect())
            })
        })
    }

    fn users(&self, directory: &Directory, updated_after: Option<Timestamp>) -> Box<dyn SourcePages<User>> {
        let id = directory.id.clone();
        let list = move |content: &Content| {
            let users = content.users.iter().filter(|(_, user)| user.directory_id == id);
            let wanted = users.filter(|(_, user)| updated_after.is_none_or(|at| user.updated_at > at));
            wanted.map(|(id, user)| content.listed_user(id, user)).collect()
        };
        Box::new(Listing { world: self.clone(), list, offset: Some(0), served_at: None })
    }

    fn groups(&self, directory: &Directory, updated_after: Option<Timestamp>) -> Box<dyn SourcePages<Group>> {
        let id = directory.id.clone();
        let list = move |content: &Content| {
            let groups = content.groups.iter().filter(|(_, group)| group.directory_id == id);
            let wanted = groups.filter(|(_, group)| updated_after.is_none_or(|at| group.updated_at > at));
            wanted.map(|(id, group)| content.listed_group(id, group)).collect()
        };
        Box::new(Listing { world: self.clone(), list, offset: Some(0), served_at: None })
    }
}

/// A listing whose page tokens are offsets. If an item of an earlier page is removed while the listing is read, later items move forward and
/// the next page misses one.
struct Listing<F> {
    world: World,
    list: F,
    /// Offset of the next page, or `None` after the last page.
    offset: Option<usize>,
    /// The vendor's time at which the last page was read, or `None` if the API does not report it.
    served_at: Option<Timestamp>,
}

impl<T: Send + 'static, F: Fn(&Content) -> Vec<T> + Send> SourcePages<T> for Listing<F> {
    fn next(&mut self) -> SourceFuture<'_, Option<Page<T>>> {
        Box::pin(async move {
            let Some(offset) = self.offset else { return Ok(None) };
            self.world.before_answer().await?;
            let (mut all, is_truncated) = self.world.with(|state| {
                let is_truncated = state.faulty && state.random.chance(2);
                self.served_at = state.reports_time.then(|| state.vendor_now());
                ((self.list)(state.seen()), is_truncated)
            });
            let total_size = all.len() as u64;
            let mut items: Vec<T> = all.drain(..).skip(offset).collect();
            self.offset = (items.len() > PAGE).then_some(offset + PAGE);
            items.truncate(PAGE);
            if is_truncated {
                // The API returns an empty last page. If it is the first one too, the whole listing is empty.
                items.clear();
                self.offset = None;
            }
            let mut page = Page::new(items);
            page.total_size = total_size;
            Ok(Some(page))
        })
    }

    fn served_at(&self) -> Option<Timestamp> {
        self.served_at
    }
}
