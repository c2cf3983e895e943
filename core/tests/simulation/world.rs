//! The simulated directory, its API, and the faults between it and the mirror.

use super::random::SeededRandom;
use headcount::{
    Clock, Directory, Error, ErrorKind, Event, Group, Mirror, Organization, Page, Result, Source, SourceFuture,
    SourcePages, Timestamp, User,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

pub(crate) const ORGANIZATION: &str = "org_1";
/// The directories of the organization. Some seeds have only the first.
const DIRECTORIES: [&str; 2] = ["dir_1", "dir_2"];
/// How many items a page has.
const PAGE: usize = 4;
/// How much the vendor's clock differs from the local one at most, in milliseconds.
const MAX_SKEW: u64 = 300_000;
/// How long a listing lags behind the directory at most, in milliseconds.
const MAX_LAG: u64 = 240_000;

/// The simulation's time, in milliseconds since 1970.
#[derive(Clone)]
pub(crate) struct WorldClock(Arc<AtomicI64>);

impl WorldClock {
    fn advance(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::Relaxed);
    }
}

impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// An event that is not delivered yet.
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

/// The directories with their users and groups, at one moment.
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
    /// Users of enabled directories, as [`describe_user`] writes them, and their groups, as [`describe_group`] does, by id.
    pub(crate) listed: BTreeMap<String, String>,
    /// When users left a directory first, by their id and that of the directory. A user who moved left the former directory.
    pub(crate) left: BTreeMap<(String, &'static str), Timestamp>,
    /// Ids of users who moved to another directory.
    pub(crate) moved: BTreeSet<String>,
}

/// The fields of a user that a listing shows, as text.
pub(crate) fn describe_user(
    directory_id: &str,
    email: &str,
    family_name: &str,
    active: bool,
    group_ids: &[String],
) -> String {
    format!("{directory_id} {email} {family_name} {active} {group_ids:?}")
}

/// The fields of a group that a listing shows, as text.
pub(crate) fn describe_group(directory_id: &str, name: &str) -> String {
    format!("{directory_id} {name}")
}

/// The directory and its API. Clones share their state.
#[derive(Clone)]
pub(crate) struct World {
    state: Arc<Mutex<State>>,
    clock: WorldClock,
}

struct State {
    random: SeededRandom,
    /// The local clock.
    clock: WorldClock,
    /// How many milliseconds the vendor's clock is ahead of the local one. Negative if it is late.
    skew: i64,
    /// Whether the API's pages have the vendor's time.
    reports_time: bool,
    /// The directories as they are now.
    content: Content,
    /// Earlier and current states of the directories, each with the local time from which it was current, oldest first.
    history: Vec<(Timestamp, Content)>,
    /// How many milliseconds the API's answers lag behind the directories. The same for a whole run, so that no answer is older than an
    /// earlier one.
    lag: i64,
    /// See [`Facts::left`].
    left: BTreeMap<(String, &'static str), Timestamp>,
    /// See [`Facts::moved`].
    moved: BTreeSet<String>,
    /// The number of the next id.
    next: u64,
    /// Whether listings fail and change while they are read.
    faulty: bool,
    /// Whether the API's description of the directory contains the time of the latest change of a user.
    reports_latest_change: bool,
    /// Descriptions of the directories that the API repeats during a sync although they are outdated, or `None` if its answers are up to date.
    outdated_directories: Option<Vec<Directory>>,
    /// Events of changes during a sync that are not sent yet.
    events: Vec<Message>,
    /// Ids of events that the mirror acknowledged during a sync.
    acknowledged: Vec<String>,
    /// The mirror that receives events while it syncs, or `None` if it is not open.
    mirror: Option<Mirror>,
}

impl World {
    /// Makes an organization with up to `directories` directories.
    pub(crate) fn new(random: SeededRandom, directories: u64) -> World {
        let clock = WorldClock(Arc::new(AtomicI64::new(1_750_000_000_000)));
        let mut state = State {
            reports_latest_change: random.chance(80),
            skew: random.between(0, 2 * MAX_SKEW) as i64 - MAX_SKEW as i64,
            reports_time: random.chance(70),
            lag: if random.chance(50) { random.between(0, MAX_LAG) as i64 } else { 0 },
            content: Content {
                enabled: DIRECTORIES
                    .into_iter()
                    .take(random.between(1, directories) as usize)
                    .map(|id| (id, true))
                    .collect(),
                ..Content::default()
            },
            random,
            clock: clock.clone(),
            history: Vec::new(),
            left: BTreeMap::new(),
            moved: BTreeSet::new(),
            next: 0,
            faulty: false,
            outdated_directories: None,
            events: Vec::new(),
            acknowledged: Vec::new(),
            mirror: None,
        };
        for _ in 0..state.random.between(0, 20) {
            state.change();
        }
        // The initial state counts as having existed at all earlier times, so that a lagging API has a state to answer with.
        state.history = vec![(Timestamp::MIN, state.content.clone())];
        World { state: Arc::new(Mutex::new(state)), clock }
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap())
    }

    pub(crate) fn clock(&self) -> WorldClock {
        self.clock.clone()
    }

    pub(crate) fn advance_clock(&self, milliseconds: i64) {
        self.clock.advance(milliseconds);
    }

    /// Sets the mirror that receives events while it syncs.
    pub(crate) fn connect_mirror(&self, mirror: Mirror) {
        self.with(|state| state.mirror = Some(mirror));
    }

    pub(crate) fn disconnect_mirror(&self) {
        self.with(|state| state.mirror = None);
    }

    /// Starts or ends the faults of one sync.
    pub(crate) fn set_faulty(&self, faulty: bool) {
        self.with(|state| {
            state.faulty = faulty;
            // Only without lag: with it, the outdated description would also conceal changes that the API's listings show only now.
            let is_outdated = faulty && state.reports_latest_change && state.lag == 0 && state.random.chance(15);
            state.outdated_directories = is_outdated.then(|| state.directories());
        });
    }

    /// Ends all faults, for the rest of the simulation.
    pub(crate) fn stop_faults(&self) {
        self.with(|state| {
            state.faulty = false;
            state.outdated_directories = None;
            state.mirror = None;
        });
    }

    /// Makes one random change to the directory. Returns its event; none if the change was not possible.
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

    /// Takes the events of changes during a sync that are not sent yet.
    pub(crate) fn take_events(&self) -> Vec<Message> {
        self.with(|state| std::mem::take(&mut state.events))
    }

    /// Takes the ids of events that the mirror acknowledged during a sync.
    pub(crate) fn take_acknowledged(&self) -> Vec<String> {
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

    pub(crate) fn facts(&self) -> Facts {
        self.with(|state| {
            let Content { enabled, users, groups } = &state.content;
            let users = users.iter().filter(|(_, user)| enabled[user.directory_id]).map(|(id, user)| {
                let groups: Vec<String> = user.groups.iter().cloned().collect();
                (id.clone(), describe_user(user.directory_id, &user.email, &user.family_name, user.active, &groups))
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
            }
        })
    }

    /// Runs before the API answers a request: may change the directory, deliver an event to the mirror, and fail the request.
    async fn before_answer(&self) -> Result<()> {
        let (fails, message, mirror) = self.with(|state| {
            if !state.faulty {
                return (false, None, None);
            }
            // The directory changes while it is read only if it reports its latest change. Without that time the mirror relies on two
            // readings that agree, and changes could make both miss the same user.
            if state.random.chance(if state.reports_latest_change { 10 } else { 0 }) {
                for _ in 0..state.random.between(1, 2) {
                    // An outdated description conceals changes from the mirror, so the only change is then a new user: it cannot make
                    // the mirror remove anyone.
                    let message =
                        if state.outdated_directories.is_some() { Some(state.create_user()) } else { state.change() };
                    state.record();
                    state.events.extend(message);
                }
            }
            let delivers = state.random.chance(20) || state.outdated_directories.is_some();
            let message = if delivers { state.events.pop() } else { None };
            (state.random.chance(2), message, state.mirror.clone())
        });
        if let Some(message) = message {
            let event = Event::from_verified_body(message.body.as_bytes()).unwrap();
            let received = match mirror {
                Some(mirror) => mirror.apply(&event).await.is_ok(),
                None => false,
            };
            self.with(|state| if received { state.acknowledged.push(message.id) } else { state.events.push(message) });
        }
        if fails { Err(broken_connection()) } else { Ok(()) }
    }
}

/// The kind of [`broken_connection`]: the client's error for this cannot be constructed outside the crate.
pub(crate) const BROKEN_CONNECTION: ErrorKind = ErrorKind::InvalidArgument;

fn broken_connection() -> Error {
    Error::invalid_argument("the connection broke")
}

impl State {
    /// The time by the vendor's clock.
    fn vendor_now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock.now().as_millisecond() + self.skew).unwrap()
    }

    fn new_id(&mut self, prefix: &str) -> String {
        self.next += 1;
        format!("{prefix}_{:05}", self.next)
    }

    /// A random index below `length`, or `None` if that is 0.
    fn pick(&self, length: usize) -> Option<usize> {
        (length > 0).then(|| self.random.below(length as u64) as usize)
    }

    /// Adds the present state of the directories to the history, and drops states that the API no longer answers with.
    fn record(&mut self) {
        let seen = self.seen_at();
        let first = self.history.partition_point(|(at, _)| *at <= seen).saturating_sub(1);
        self.history.drain(..first);
        self.history.push((self.clock.now(), self.content.clone()));
    }

    /// The local time as of which the API answers now: earlier than the present time if the API lags.
    fn seen_at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock.now().as_millisecond() - self.lag).unwrap()
    }

    /// The state of the directories with which the API answers now.
    fn seen(&self) -> &Content {
        let seen = self.seen_at();
        &self.history[self.history.partition_point(|(at, _)| *at <= seen) - 1].1
    }

    /// A random directory.
    fn directory_id(&self) -> &'static str {
        let ids: Vec<&'static str> = self.content.enabled.keys().copied().collect();
        ids[self.random.below(ids.len() as u64) as usize]
    }

    /// A random group of a directory, or `None` if it has none.
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

    /// Makes one random change. Returns its event, or `None` if there is no user or group to change.
    fn change(&mut self) -> Option<Message> {
        // No two changes have the same time.
        self.clock.advance(2);
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

    /// Moves a user to another enabled directory. Returns the user's id.
    fn move_user(&mut self) -> Option<String> {
        let now = self.vendor_now();
        let index = self.pick(self.content.users.len())?;
        let from = self.content.users[index].1.directory_id;
        let to = self.content.enabled.iter().find(|(id, enabled)| **id != from && **enabled).map(|(id, _)| *id)?;
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
        self.clock.advance(2);
        let index = self.pick(self.content.users.len())?;
        let (id, user) = self.content.users.remove(index);
        self.left.entry((id.clone(), user.directory_id)).or_insert(self.clock.now());
        let data = json!({ "id": id, "organization_id": ORGANIZATION });
        Some(self.event("organization.directory.user_deleted", &data))
    }

    fn create_group(&mut self) -> Message {
        let updated_at = self.vendor_now();
        let id = self.new_id("dirgroup");
        let directory_id = self.directory_id();
        let group = DirectoryGroup { directory_id, name: self.group_name(), updated_at };
        self.content.groups.push((id.clone(), group));
        self.group_event(&id, "created")
    }

    /// A new name of a group, or one that another group has, which may be in another directory.
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
        self.event(kind, &json!({ "id": id, "organization_id": ORGANIZATION, "enabled": enabled }))
    }

    fn user_event(&mut self, id: &str, action: &str) -> Message {
        let user = &self.content.users.iter().find(|(other, _)| other == id).unwrap().1;
        let name = |id: &String| {
            self.content.groups.iter().find(|(other, _)| other == id).map(|(_, group)| group.name.clone())
        };
        let groups: Vec<_> = user.groups.iter().map(|id| json!({ "id": id, "name": name(id) })).collect();
        let data = json!({
            "id": id, "organization_id": ORGANIZATION, "email": user.email, "given_name": "", "family_name": user.family_name,
            "preferred_username": "", "active": user.active, "groups": groups, "roles": [],
        });
        self.event(&format!("organization.directory.user_{action}"), &data)
    }

    fn group_event(&mut self, id: &str, action: &str) -> Message {
        let group = &self.content.groups.iter().find(|(other, _)| other == id).unwrap().1;
        let data = json!({
            "id": id, "organization_id": ORGANIZATION, "directory_id": group.directory_id, "display_name": group.name,
        });
        self.event(&format!("organization.directory.group_{action}"), &data)
    }

    fn event(&mut self, kind: &str, data: &serde_json::Value) -> Message {
        let id = self.new_id("evt");
        // An event is a little later than its change.
        self.clock.advance(1);
        let body = json!({
            "spec_version": "1", "id": id, "type": kind, "occurred_at": self.vendor_now(), "environment_id": "env_1",
            "organization_id": ORGANIZATION, "data": data,
        });
        Message { id, body: body.to_string() }
    }

    /// The directories as the API describes them.
    fn directories(&self) -> Vec<Directory> {
        let describe = |(id, enabled): (&&'static str, &bool)| {
            let users = || self.seen().users.iter().filter(|(_, user)| user.directory_id == *id);
            let groups = self.seen().groups.iter().filter(|(_, group)| group.directory_id == *id);
            let mut directory = json!({
                "id": id, "organization_id": ORGANIZATION, "enabled": enabled, "total_users": users().count(),
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
    /// A group as the API lists it.
    fn listed_group(&self, id: &str, group: &DirectoryGroup) -> Group {
        let members = self.users.iter().filter(|(_, user)| user.groups.contains(id)).count();
        let group =
            json!({ "id": id, "display_name": group.name, "updated_at": group.updated_at, "total_users": members });
        serde_json::from_value(group).unwrap()
    }

    /// A user as the API lists them.
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
        unreachable!("the simulation syncs a single organization")
    }

    fn directories<'a>(&'a self, _: &'a str) -> SourceFuture<'a, Vec<Directory>> {
        Box::pin(async move {
            self.before_answer().await?;
            self.with(|state| {
                if state.faulty && state.random.chance(2) {
                    // The API temporarily fails, or lists no directory.
                    return if state.random.chance(50) { Err(broken_connection()) } else { Ok(Vec::new()) };
                }
                Ok(state.outdated_directories.clone().unwrap_or_else(|| state.directories()))
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
    /// The vendor's time of the last page, or `None` if the API does not tell it.
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
            Ok(Some(Page { items, total_size, next_page_token: String::new(), prev_page_token: String::new() }))
        })
    }

    fn served_at(&self) -> Option<Timestamp> {
        self.served_at
    }
}
