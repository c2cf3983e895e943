//! The directory as it really is, and all that may go wrong between it and the mirror.

use headcount::{
    Clock, Directory, Error, ErrorKind, Event, Group, Mirror, Organization, Page, Random, Result, Source, SourceFuture,
    SourcePages, Timestamp, User,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub(crate) const ORGANIZATION: &str = "org_1";
const DIRECTORY: &str = "dir_1";
/// How many items a page has.
const PAGE: usize = 4;

/// A seeded source of chance (SplitMix64).
pub(crate) struct Dice(AtomicU64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(AtomicU64::new(seed))
    }

    pub(crate) fn fork(&self) -> Dice {
        Dice::new(self.bits())
    }

    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.bits() % bound
    }

    pub(crate) fn between(&self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    pub(crate) fn chance(&self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

impl Random for Dice {
    fn bits(&self) -> u64 {
        let mut bits = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

/// The hour, in milliseconds since 1970.
#[derive(Clone)]
pub(crate) struct WorldClock(Arc<AtomicI64>);

impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// An event on its way.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) body: String,
}

#[derive(Clone)]
struct Person {
    email: String,
    family_name: String,
    active: bool,
    groups: BTreeSet<String>,
    updated_at: Timestamp,
}

#[derive(Clone)]
struct Team {
    name: String,
    updated_at: Timestamp,
}

/// What is true at the end.
pub(crate) struct Facts {
    pub(crate) enabled: bool,
    /// Users and groups as a listing shows them, in the words of the test's `view`.
    pub(crate) listed: BTreeMap<String, String>,
    /// Who left, and when.
    pub(crate) left: BTreeMap<String, Timestamp>,
}

/// A directory and the way to it. Clones share it.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<Inner>>, WorldClock);

struct Inner {
    dice: Dice,
    clock: WorldClock,
    /// In the order of a listing: by when they came.
    people: Vec<(String, Person)>,
    teams: Vec<(String, Team)>,
    left: BTreeMap<String, Timestamp>,
    enabled: bool,
    next: u64,
    /// Whether listings fail and shift under their reader.
    disturbed: bool,
    /// Whether the directory says when it was last changed.
    is_a_witness: bool,
    /// What the directory said of itself when its answer was kept for the time of a sync: nothing where each answer is fresh.
    kept: Option<Directory>,
    /// What happened while a listing was read.
    told: Vec<Message>,
    acknowledged: Vec<String>,
    /// Who takes webhooks while it syncs.
    mirror: Option<Mirror>,
}

impl World {
    pub(crate) fn new(dice: Dice) -> World {
        let clock = WorldClock(Arc::new(AtomicI64::new(1_750_000_000_000)));
        let mut inner = Inner {
            is_a_witness: dice.chance(80),
            dice,
            clock: clock.clone(),
            people: Vec::new(),
            teams: Vec::new(),
            left: BTreeMap::new(),
            enabled: true,
            next: 0,
            disturbed: false,
            kept: None,
            told: Vec::new(),
            acknowledged: Vec::new(),
            mirror: None,
        };
        for _ in 0..inner.dice.between(0, 20) {
            inner.happen();
        }
        World(Arc::new(Mutex::new(inner)), clock)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.0.lock().unwrap())
    }

    pub(crate) fn clock(&self) -> WorldClock {
        self.1.clone()
    }

    pub(crate) fn pass(&self, milliseconds: i64) {
        self.1.0.fetch_add(milliseconds, Ordering::Relaxed);
    }

    pub(crate) fn connect(&self, mirror: Mirror) {
        self.with(|inner| inner.mirror = Some(mirror));
    }

    pub(crate) fn disconnect(&self) {
        self.with(|inner| inner.mirror = None);
    }

    pub(crate) fn disturb(&self, disturbed: bool) {
        self.with(|inner| {
            inner.disturbed = disturbed;
            let keeps = disturbed && inner.is_a_witness && inner.dice.chance(15);
            inner.kept = keeps.then(|| inner.directory());
        });
    }

    pub(crate) fn heal(&self) {
        self.with(|inner| {
            inner.disturbed = false;
            inner.kept = None;
            inner.mirror = None;
        });
    }

    pub(crate) fn happen(&self) -> Vec<Message> {
        self.with(|inner| inner.happen().into_iter().collect())
    }

    /// Somebody leaves, and no event tells of it.
    pub(crate) fn leave(&self) {
        self.with(|inner| drop(inner.leave()));
    }

    pub(crate) fn take_told(&self) -> Vec<Message> {
        self.with(|inner| std::mem::take(&mut inner.told))
    }

    pub(crate) fn take_acknowledged(&self) -> Vec<String> {
        self.with(|inner| std::mem::take(&mut inner.acknowledged))
    }

    pub(crate) fn facts(&self) -> Facts {
        self.with(|inner| {
            let mut listed = BTreeMap::new();
            for (id, person) in &inner.people {
                let groups: Vec<&String> = person.groups.iter().collect();
                let Person { email, family_name, active, .. } = person;
                listed.insert(id.clone(), format!("{email} {family_name} {active} {groups:?}"));
            }
            listed.extend(inner.teams.iter().map(|(id, team)| (id.clone(), team.name.clone())));
            Facts { enabled: inner.enabled, listed, left: inner.left.clone() }
        })
    }

    /// Before each page: whether it fails, and what happens meanwhile.
    async fn before_page(&self) -> Result<()> {
        let (fails, message, mirror) = self.with(|inner| {
            if !inner.disturbed {
                return (false, None, None);
            }
            // Where the directory is no witness of its own changes, two readings must agree: it is left to change in one of them at most.
            if inner.dice.chance(if inner.is_a_witness { 10 } else { 0 }) {
                for _ in 0..inner.dice.between(1, 2) {
                    // A directory whose answer is an old one hides what happens: then somebody is hired, and nobody lost by it.
                    let message = if inner.kept.is_some() { Some(inner.hire()) } else { inner.happen() };
                    inner.told.extend(message);
                }
            }
            let message = if inner.dice.chance(20) || inner.kept.is_some() { inner.told.pop() } else { None };
            (inner.dice.chance(2), message, inner.mirror.clone())
        });
        if let Some(message) = message {
            let event = Event::from_verified_body(message.body.as_bytes()).unwrap();
            let received = match mirror {
                Some(mirror) => mirror.apply(&event).await.is_ok(),
                None => false,
            };
            self.with(|inner| if received { inner.acknowledged.push(message.id) } else { inner.told.push(message) });
        }
        if fails { Err(broken()) } else { Ok(()) }
    }
}

fn broken() -> Error {
    Error::invalid_argument("the connection broke")
}

impl Inner {
    fn id(&mut self, prefix: &str) -> String {
        self.next += 1;
        format!("{prefix}_{:05}", self.next)
    }

    fn pick(&self, among: usize) -> Option<usize> {
        (among > 0).then(|| self.dice.below(among as u64) as usize)
    }

    /// One thing that happens, and the event that tells of it.
    fn happen(&mut self) -> Option<Message> {
        // Nothing happens in the same millisecond as anything else.
        self.clock.0.fetch_add(2, Ordering::Relaxed);
        let now = self.clock.now();
        match self.dice.below(100) {
            0..30 => Some(self.hire()),
            30..55 => {
                let index = self.pick(self.people.len())?;
                let number = self.next;
                let (id, person) = &mut self.people[index];
                match self.dice.below(3) {
                    0 => person.email = format!("{id}.{number}@example.com"),
                    1 => person.family_name = format!("King {number}"),
                    _ => person.active = !person.active,
                }
                self.next += 1;
                self.people[index].1.updated_at = now;
                let id = self.people[index].0.clone();
                Some(self.tell_user(&id, "updated"))
            }
            55..70 => {
                let (index, team) = (self.pick(self.people.len())?, self.pick(self.teams.len())?);
                let team = self.teams[team].0.clone();
                let person = &mut self.people[index].1;
                if !person.groups.remove(&team) {
                    person.groups.insert(team);
                }
                person.updated_at = now;
                let id = self.people[index].0.clone();
                Some(self.tell_user(&id, "updated"))
            }
            70..83 => self.leave(),
            83..92 => {
                let id = self.id("dirgroup");
                self.teams.push((id.clone(), Team { name: format!("Team {}", self.next), updated_at: now }));
                Some(self.tell_group(&id, "created"))
            }
            92..95 => {
                let index = self.pick(self.teams.len())?;
                self.next += 1;
                self.teams[index].1 = Team { name: format!("Team {}", self.next), updated_at: now };
                let id = self.teams[index].0.clone();
                Some(self.tell_group(&id, "updated"))
            }
            95..98 => {
                let index = self.pick(self.teams.len())?;
                let id = self.teams[index].0.clone();
                let message = self.tell_group(&id, "deleted");
                self.teams.remove(index);
                for (_, person) in &mut self.people {
                    person.groups.remove(&id);
                }
                Some(message)
            }
            _ => {
                self.enabled = !self.enabled;
                let kind =
                    if self.enabled { "organization.directory_enabled" } else { "organization.directory_disabled" };
                let data = json!({ "id": DIRECTORY, "organization_id": ORGANIZATION, "enabled": self.enabled });
                Some(self.message(kind, &data))
            }
        }
    }

    fn leave(&mut self) -> Option<Message> {
        self.clock.0.fetch_add(2, Ordering::Relaxed);
        let index = self.pick(self.people.len())?;
        let (id, _) = self.people.remove(index);
        self.left.insert(id.clone(), self.clock.now());
        let data = json!({ "id": id, "organization_id": ORGANIZATION });
        Some(self.message("organization.directory.user_deleted", &data))
    }

    fn hire(&mut self) -> Message {
        self.clock.0.fetch_add(2, Ordering::Relaxed);
        let id = self.id("diruser");
        let mut groups = BTreeSet::new();
        if let Some(index) = self.pick(self.teams.len()).filter(|_| self.dice.chance(70)) {
            groups.insert(self.teams[index].0.clone());
        }
        let person = Person {
            email: format!("{id}@example.com"),
            family_name: "Lovelace".to_owned(),
            active: self.dice.chance(90),
            groups,
            updated_at: self.clock.now(),
        };
        self.people.push((id.clone(), person));
        self.tell_user(&id, "created")
    }

    fn tell_user(&mut self, id: &str, what: &str) -> Message {
        let person = &self.people.iter().find(|(other, _)| other == id).unwrap().1;
        let name = |id: &String| self.teams.iter().find(|(other, _)| other == id).map(|(_, team)| team.name.clone());
        let groups: Vec<_> = person.groups.iter().map(|id| json!({ "id": id, "name": name(id) })).collect();
        let data = json!({
            "id": id, "organization_id": ORGANIZATION, "email": person.email, "given_name": "", "family_name": person.family_name,
            "preferred_username": "", "active": person.active, "groups": groups, "roles": [],
        });
        self.message(&format!("organization.directory.user_{what}"), &data)
    }

    fn tell_group(&mut self, id: &str, what: &str) -> Message {
        let name = self.teams.iter().find(|(other, _)| other == id).unwrap().1.name.clone();
        let data =
            json!({ "id": id, "organization_id": ORGANIZATION, "directory_id": DIRECTORY, "display_name": name });
        self.message(&format!("organization.directory.group_{what}"), &data)
    }

    fn message(&mut self, kind: &str, data: &serde_json::Value) -> Message {
        let id = self.id("evt");
        // An event comes a little after what it tells of.
        self.clock.0.fetch_add(1, Ordering::Relaxed);
        let body = json!({
            "spec_version": "1", "id": id, "type": kind, "occurred_at": self.clock.now(), "environment_id": "env_1",
            "organization_id": ORGANIZATION, "data": data,
        });
        Message { id, body: body.to_string() }
    }

    fn directory(&self) -> Directory {
        let mut directory = json!({
            "id": DIRECTORY, "organization_id": ORGANIZATION, "enabled": self.enabled, "total_users": self.people.len(),
            "total_groups": self.teams.len(),
        });
        if self.is_a_witness {
            let latest = self.people.iter().map(|(_, person)| person.updated_at).max();
            directory["stats"] = json!({ "total_users": self.people.len(), "user_updated_at": latest });
        }
        serde_json::from_value(directory).unwrap()
    }

    fn group(&self, id: &str, team: &Team) -> Group {
        let members = self.people.iter().filter(|(_, person)| person.groups.contains(id)).count();
        let group =
            json!({ "id": id, "display_name": team.name, "updated_at": team.updated_at, "total_users": members });
        serde_json::from_value(group).unwrap()
    }

    fn user(&self, id: &str, person: &Person) -> User {
        let groups: Vec<Group> = self
            .teams
            .iter()
            .filter(|(id, _)| person.groups.contains(id))
            .map(|(id, team)| self.group(id, team))
            .collect();
        let user = json!({
            "id": id, "email": person.email, "emails": [person.email], "family_name": person.family_name,
            "updated_at": person.updated_at, "groups": groups, "user_detail": { "active": person.active },
        });
        serde_json::from_value(user).unwrap()
    }
}

impl Source for World {
    fn organizations(&self) -> Box<dyn SourcePages<Organization>> {
        unreachable!("one organization is synced")
    }

    fn directories<'a>(&'a self, _: &'a str) -> SourceFuture<'a, Vec<Directory>> {
        Box::pin(async move {
            self.before_page().await?;
            self.with(|inner| {
                if inner.disturbed && inner.dice.chance(2) {
                    // The API has forgotten it for a moment.
                    return if inner.dice.chance(50) { Err(broken()) } else { Ok(Vec::new()) };
                }
                Ok(vec![inner.kept.clone().unwrap_or_else(|| inner.directory())])
            })
        })
    }

    fn users(&self, _: &Directory, updated_after: Option<Timestamp>) -> Box<dyn SourcePages<User>> {
        let list = move |inner: &Inner| {
            let wanted =
                inner.people.iter().filter(|(_, person)| updated_after.is_none_or(|at| person.updated_at > at));
            wanted.map(|(id, person)| inner.user(id, person)).collect()
        };
        Box::new(Listing { world: self.clone(), list, offset: Some(0) })
    }

    fn groups(&self, _: &Directory, updated_after: Option<Timestamp>) -> Box<dyn SourcePages<Group>> {
        let list = move |inner: &Inner| {
            let wanted = inner.teams.iter().filter(|(_, team)| updated_after.is_none_or(|at| team.updated_at > at));
            wanted.map(|(id, team)| inner.group(id, team)).collect()
        };
        Box::new(Listing { world: self.clone(), list, offset: Some(0) })
    }
}

/// A listing by offsets, as the worst of APIs have it: whoever leaves in the middle moves all behind them one page ahead.
struct Listing<F> {
    world: World,
    list: F,
    /// Nothing behind the last page.
    offset: Option<usize>,
}

impl<T: Send + 'static, F: Fn(&Inner) -> Vec<T> + Send> SourcePages<T> for Listing<F> {
    fn next(&mut self) -> SourceFuture<'_, Option<Page<T>>> {
        Box::pin(async move {
            let Some(offset) = self.offset else { return Ok(None) };
            self.world.before_page().await?;
            let (mut all, lies) = self.world.with(|inner| {
                let lies = inner.disturbed && inner.dice.chance(2);
                ((self.list)(inner), lies)
            });
            let total_size = all.len() as u64;
            let mut items: Vec<T> = all.drain(..).skip(offset).collect();
            self.offset = (items.len() > PAGE).then_some(offset + PAGE);
            items.truncate(PAGE);
            if lies {
                // A page that ends too soon, or a listing of nobody.
                items.clear();
                self.offset = None;
            }
            Ok(Some(Page { items, total_size, next_page_token: String::new(), prev_page_token: String::new() }))
        })
    }
}

/// So that the kind of a broken connection stands in one place.
pub(crate) const BROKEN: ErrorKind = ErrorKind::InvalidArgument;
