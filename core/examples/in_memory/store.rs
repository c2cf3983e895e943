//! A store in memory of which a power cut undoes what was not flushed. It keeps rows in maps. It passes the tests that every store passes, and the
//! simulation of the mirror in `core/tests` runs on it, in a tenth of the time that it takes on SQLite.
//!
//! SQLite flushes its log with a commit of [`Durability::Power`], and thereby all commits before it. After a power cut the file has the flushed
//! commits, and possibly some of those after them, in order. Here, one state is kept as of the last flush, and one as of a later commit.

use headcount::mirror::{Approval, EventQuery, MirrorOptions, ParkedChange, Retirement, RunQuery};
use headcount::store::{
    AddressUser, Batch, Chore, Committed, ConsumerRow, ConsumerState, ConsumerWrite, Counts, CountsKey,
    DirectoryCounts, DirectoryRow, Durability, Entry, EnvironmentRow, ErasureRow, EventRow, EventState, Expiry,
    FeedMarks, FeedPage, Fence, ForgottenRows, GroupRow, HistoryFilter, HistoryMark, HistoryPage, HistoryRow, HoldRow,
    Keys, Lease, LossRow, MembersKey, OrganizationRow, PendingEvents, RedactedEntry, Redaction, Retention, RunRow,
    Snapshot, Store, StoreFuture, TakenHistory, UserFilter, UserRow, WorkingSet, Write, email_key,
};
use headcount::{Change, Error, Result, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes of bodies after which a page of events ends.
const EVENT_BYTES: usize = 4 << 20;

/// The disk. Each process opens it with [`Disk::open`].
#[derive(Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<Contents>>);

#[derive(Default)]
struct Contents {
    /// What processes read.
    now: Rows,
    /// The state as of the last flush, or `None` if nothing was written since.
    flushed: Option<Rows>,
    /// The state as of a commit after the last flush, or `None` if there were too few.
    between: Option<Rows>,
    /// Number of commits since the last flush.
    unflushed: u64,
}

/// The greatest numbers in use.
#[derive(Clone, Copy, Default)]
struct Counter {
    revision: i64,
    user: i64,
    group: i64,
    change: i64,
    event: i64,
    chore: i64,
    run: i64,
    lease: i64,
    generation: i64,
    /// Number of the last change that a power cut cannot undo.
    durable: i64,
    /// Number of the last change that was trimmed.
    trimmed: i64,
    /// Number of the last change that the history has taken.
    taken: i64,
}

#[derive(Clone)]
struct LeaseRow {
    holder: u64,
    token: i64,
    expires_at: Timestamp,
    duration: Duration,
}

/// All rows, by number or id.
#[derive(Clone, Default)]
struct Rows {
    counter: Counter,
    organizations: BTreeMap<String, OrganizationRow>,
    directories: BTreeMap<String, DirectoryRow>,
    users: BTreeMap<i64, Arc<UserRow>>,
    user_numbers: BTreeMap<String, i64>,
    groups: BTreeMap<i64, Arc<GroupRow>>,
    group_numbers: BTreeMap<String, i64>,
    entries: BTreeMap<i64, Arc<Entry>>,
    history: BTreeMap<i64, Arc<HistoryRow>>,
    history_starts_at: Option<Timestamp>,
    events: BTreeMap<i64, Arc<EventRow>>,
    event_numbers: BTreeMap<String, i64>,
    losses: BTreeMap<(String, Timestamp, String), LossRow>,
    holds: BTreeMap<i64, HoldRow>,
    approvals: BTreeMap<(Timestamp, String), Approval>,
    role_map: Option<String>,
    settings: MirrorOptions,
    environment: EnvironmentRow,
    mirror_id: Option<String>,
    retirements: BTreeMap<String, Retirement>,
    runs: BTreeMap<i64, RunRow>,
    erasures: BTreeMap<String, ErasureRow>,
    chores: BTreeMap<i64, Chore>,
    consumers: BTreeMap<String, ConsumerRow>,
    parked: BTreeMap<(String, i64), ParkedChange>,
    leases: BTreeMap<String, LeaseRow>,
}

impl Contents {
    /// Keeps the state that a power cut would leave. Called before each commit.
    fn before_commit(&mut self, durability: Durability) {
        if durability == Durability::Power {
            (self.flushed, self.between, self.unflushed) = (None, None, 0);
            return;
        }
        if self.flushed.is_none() {
            self.flushed = Some(self.now.clone());
        } else if self.unflushed % 4 == 1 {
            // The state before every fourth commit, so that a power cut may keep some of the commits that were not flushed.
            self.between = Some(self.now.clone());
        }
        self.unflushed += 1;
    }
}

impl Disk {
    /// Opens the disk for a process.
    pub(crate) fn open(&self) -> DiskStore {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        DiskStore { disk: self.clone(), holder: NEXT.fetch_add(1, Ordering::Relaxed), closed: AtomicBool::new(false) }
    }

    /// Undoes what was not flushed: all of it, or with `keeps_some` only its later part. All processes have ended, and their leases with them.
    pub(crate) fn cut_power(&self, keeps_some: bool) {
        let mut contents = self.lock();
        let between = contents.between.take().filter(|_| keeps_some);
        let flushed = contents.flushed.take();
        contents.unflushed = 0;
        if let Some(rows) = between.or(flushed) {
            contents.now = rows;
        }
        contents.now.leases.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The disk, opened by one process.
pub(crate) struct DiskStore {
    disk: Disk,
    holder: u64,
    closed: AtomicBool,
}

struct Held {
    disk: Disk,
    fence: Fence,
}

impl Lease for Held {
    fn fence(&self) -> &Fence {
        &self.fence
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Fence { name, token } = &self.fence;
        let mut contents = self.disk.lock();
        if contents.now.leases.get(name).is_some_and(|row| row.token == *token) {
            contents.now.leases.remove(name);
        }
    }
}

impl Drop for DiskStore {
    fn drop(&mut self) {
        self.release_leases();
    }
}

fn later(at: Timestamp, duration: Duration) -> Timestamp {
    at.checked_add(duration).unwrap_or(Timestamp::MAX)
}

fn ready<'a, T: Send + 'a>(value: Result<T>) -> StoreFuture<'a, T> {
    Box::pin(std::future::ready(value))
}

/// Calls a decision. A panic fails only its own write.
fn decide<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    let panicked = |_| Err(Error::internal("the decision of a write panicked"));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_or_else(panicked)
}

impl Rows {
    fn users_and_tombstones(&self, after: i64) -> impl Iterator<Item = &Arc<UserRow>> {
        self.users.range(after + 1..).map(|(_, row)| row)
    }

    fn live_users(&self, after: i64) -> impl Iterator<Item = &Arc<UserRow>> {
        self.users_and_tombstones(after).filter(|row| row.is_live())
    }

    fn users(&self, filter: &UserFilter, after: i64, limit: usize) -> Vec<UserRow> {
        let UserFilter { organization_id, directory_id, email, group_id, hold, removed } = filter;
        let email = email.as_deref().map(email_key);
        let wanted = self.users_and_tombstones(after).filter(|row| {
            (*removed || row.is_live())
                && organization_id.as_ref().is_none_or(|id| row.user.organization_id == *id)
                && directory_id.as_ref().is_none_or(|id| row.user.directory_id == *id)
                && email.as_ref().is_none_or(|email| email_key(&row.user.email) == *email)
                && group_id.as_ref().is_none_or(|id| row.told_groups.contains(id))
                && hold.is_none_or(|hold| row.held.as_ref().is_some_and(|held| hold.names(held)))
        });
        wanted.take(limit).map(|row| (**row).clone()).collect()
    }

    fn with_count(&self, row: &HoldRow) -> HoldRow {
        let count = if row.reason.is_of_directory() {
            self.live_users(0).filter(|user| user.user.directory_id == row.directory_id).count()
        } else {
            let names = |user: &&Arc<UserRow>| user.held.as_ref().is_some_and(|held| held.hold == row.number);
            self.users.values().filter(names).count()
        };
        HoldRow { count: count as u64, ..row.clone() }
    }

    fn pending(&self, organization_id: &str) -> PendingEvents {
        let mut pending = PendingEvents::default();
        for row in self.events.values() {
            if row.state == EventState::Pending && row.organization_id == organization_id {
                pending.events += 1;
                pending.bytes += row.body.as_ref().map_or(0, |body| body.len() as u64);
            }
        }
        pending
    }

    fn counts(&self, directory_id: &str, CountsKey { since, base }: CountsKey) -> Counts {
        let was_there = |added_at: Option<Timestamp>| added_at.is_none_or(|at| at <= base);
        let users: Vec<_> = self.live_users(0).filter(|row| row.user.directory_id == directory_id).collect();
        let lost: Vec<&LossRow> =
            self.losses.values().filter(|row| row.directory_id == directory_id && row.at > since).collect();
        let distinct = |wanted: &dyn Fn(&LossRow) -> bool| -> u64 {
            lost.iter().filter(|row| wanted(row)).map(|row| &row.user_id).collect::<BTreeSet<_>>().len() as u64
        };
        Counts {
            users: users.len() as u64,
            base_users: users.iter().filter(|row| was_there(row.added_at)).count() as u64
                + distinct(&|row| row.is_removal && was_there(row.added_at)),
            losses: distinct(&|row| !row.is_approved),
        }
    }

    fn load(&self, revision: i64, keys: Keys) -> WorkingSet {
        let mut set = WorkingSet {
            revision,
            role_map: self.role_map.clone(),
            settings: self.settings.clone(),
            environment: self.environment.clone(),
            mirror_id: self.mirror_id.clone(),
            ..WorkingSet::default()
        };
        for id in &keys.organizations {
            set.organizations.extend(self.organizations.get(id).map(|row| (id.clone(), row.clone())));
            let pending = self.pending(id);
            if pending != PendingEvents::default() {
                set.pending.insert(id.clone(), pending);
            }
        }
        let wanted = self.directories.iter().filter(|(id, row)| {
            keys.directories.contains(*id) || keys.organizations.contains(&row.directory.organization_id)
        });
        set.directories.extend(wanted.map(|(id, row)| (id.clone(), row.clone())));
        let users = keys.users.iter().filter_map(|id| self.users.get(self.user_numbers.get(id)?));
        set.users.extend(users.map(|row| (row.user.id.clone(), (**row).clone())));
        if !keys.addresses.is_empty() {
            set.addresses = AddressUser::find(&keys.addresses, self.users.values().map(|row| &**row));
        }
        for key in &keys.members {
            self.load_members(key.clone(), &mut set);
        }
        if let Some(limit) = keys.chore {
            set.chore = self.chores.values().next().cloned();
            if let Some(key) = set.chore.as_ref().map(|chore| chore.members(limit)) {
                self.load_members(key, &mut set);
            }
        }
        let mut groups: BTreeSet<&String> = keys.groups.iter().collect();
        groups.extend(set.users.values().flat_map(|row| &row.told_groups));
        let groups = groups.into_iter().filter_map(|id| self.groups.get(self.group_numbers.get(id)?));
        set.groups.extend(groups.map(|row| (row.group.id.clone(), (**row).clone())).collect::<Vec<_>>());
        let events = keys.events.iter().filter_map(|id| self.events.get(self.event_numbers.get(id)?));
        set.events.extend(events.map(|row| (row.id.clone(), (**row).clone())));
        set.counts.extend(keys.counts.iter().map(|(id, key)| (id.clone(), self.counts(id, *key))));
        for row in self.holds.values().filter(|row| keys.holds.contains(&row.directory_id)) {
            set.holds.entry(row.directory_id.clone()).or_default().push(self.with_count(row));
        }
        if keys.retirements {
            set.retirements = self.retirements.values().cloned().collect();
            set.retirements.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        }
        let erasures = keys.erasures.iter().filter_map(|mark| self.erasures.get(mark));
        set.erasures.extend(erasures.map(|row| (row.mark.clone(), row.clone())));
        set.keys = keys;
        set
    }

    fn load_members(&self, key: MembersKey, set: &mut WorkingSet) {
        let filter = UserFilter { group_id: key.group_id.clone(), ..UserFilter::default() };
        let rows = self.users(&filter, key.after, key.limit);
        set.members.insert(key, rows.iter().map(|row| row.user.id.clone()).collect());
        set.users.extend(rows.into_iter().map(|row| (row.user.id.clone(), row)));
    }

    fn commit(&mut self, durability: Durability, batch: Batch) -> Result<Committed> {
        let mut committed = Committed::default();
        let mut last = self.counter.change;
        let mut entries = Vec::new();
        for entry in &batch.entries {
            last += i64::from(entry.count());
            entries.push((
                last,
                Arc::new(Entry {
                    last,
                    count: entry.count(),
                    kind: None,
                    organization_id: entry.organization_id.clone(),
                    directory_id: entry.directory_id.clone(),
                    cause: entry.cause.clone(),
                    at: entry.at,
                    body: entry.body.encode()?,
                }),
            ));
        }
        let counter = &mut self.counter;
        counter.revision += 1;
        committed.changes = u64::try_from(last - counter.change).unwrap_or(0);
        counter.change = last;
        // The number of a row: its own, or the next one if the row is new.
        let number_of = |number: i64, last: &mut i64| {
            *last += i64::from(number == 0);
            if number == 0 { *last } else { number }
        };
        for mut row in batch.groups {
            row.number = number_of(row.number, &mut counter.group);
            committed.groups.insert(row.group.id.clone(), row.number);
            self.group_numbers.insert(row.group.id.clone(), row.number);
            self.groups.insert(row.number, Arc::new(row));
        }
        for mut row in batch.users.into_iter().map(|write| write.row) {
            row.number = number_of(row.number, &mut counter.user);
            committed.users.insert(row.user.id.clone(), row.number);
            self.user_numbers.insert(row.user.id.clone(), row.number);
            self.users.insert(row.number, Arc::new(row));
        }
        for row in batch.events {
            counter.event += 1;
            let number = *self.event_numbers.entry(row.id.clone()).or_insert(counter.event);
            let received_at = self.events.get(&number).map_or(row.received_at, |known| known.received_at);
            self.events.insert(number, Arc::new(EventRow { received_at, ..row }));
        }
        for mut row in batch.chores {
            row.number = number_of(row.number, &mut counter.chore);
            self.chores.insert(row.number, row);
        }
        if durability == Durability::Power {
            counter.durable = counter.change;
        }
        self.entries.extend(entries);
        self.organizations.extend(batch.organizations.into_iter().map(|row| (row.id.clone(), row)));
        self.directories.extend(batch.directories.into_iter().map(|row| (row.directory.id.clone(), row)));
        let losses = batch.losses.into_iter();
        self.losses.extend(losses.map(|row| ((row.directory_id.clone(), row.at, row.user_id.clone()), row)));
        for row in batch.holds {
            let known = self.holds.get(&row.number).cloned().unwrap_or_else(|| row.clone());
            self.holds.insert(row.number, HoldRow { causes: row.causes, revision: row.revision, ..known });
        }
        self.holds.retain(|number, _| !batch.ended_holds.contains(number));
        for row in batch.approvals {
            if !self.approvals.values().any(|known| known.id == row.id) {
                self.approvals.insert((row.at, row.id.clone()), row);
            }
        }
        self.role_map = batch.role_map.or(self.role_map.take());
        self.settings = batch.settings.unwrap_or_else(|| self.settings.clone());
        self.environment = batch.environment.unwrap_or_else(|| self.environment.clone());
        self.mirror_id = batch.mirror_id.or(self.mirror_id.take());
        self.retirements.extend(batch.retirements.into_iter().map(|row| (row.id.clone(), row)));
        self.chores.retain(|number, _| !batch.done_chores.contains(number));
        for mut row in batch.runs {
            let is_same =
                |known: &&RunRow| known.run.id == row.run.id && known.run.directory_id == row.run.directory_id;
            self.counter.run += 1;
            row.run.number = self.runs.values().find(is_same).map_or(self.counter.run, |known| known.run.number);
            self.runs.insert(row.run.number, row);
        }
        for row in batch.erasures {
            let known = self.erasures.get(&row.mark).cloned().unwrap_or_else(|| row.clone());
            let ErasureRow { user_id, organization_id, .. } = row;
            self.erasures.insert(row.mark, ErasureRow { user_id, organization_id, ..known });
        }
        for mark in batch.ended_erasures {
            self.erasures.remove(&mark);
        }
        Ok(committed)
    }

    fn forget_organization(&mut self, organization_id: &str, limit: usize) -> ForgottenRows {
        let is_own = |id: &String| id == organization_id;
        let directories: BTreeSet<String> = self
            .directories
            .values()
            .map(|row| &row.directory)
            .filter(|row| is_own(&row.organization_id))
            .map(|row| row.id.clone())
            .collect();
        let users = remove(&mut self.users, limit, |_, row| is_own(&row.user.organization_id));
        let groups = remove(&mut self.groups, limit, |_, row| is_own(&row.group.organization_id));
        let events = remove(&mut self.events, limit, |_, row| is_own(&row.organization_id));
        self.user_numbers.retain(|_, number| self.users.contains_key(number));
        self.group_numbers.retain(|_, number| self.groups.contains_key(number));
        self.event_numbers.retain(|_, number| self.events.contains_key(number));
        self.chores.retain(|_, row| row.group_id.is_empty() || self.group_numbers.contains_key(&row.group_id));
        let history = remove(&mut self.history, limit, |_, row| is_own(&row.organization_id));
        let runs = remove(&mut self.runs, limit, |_, row| is_own(&row.run.organization_id));
        let approvals = remove(&mut self.approvals, limit, |_, row| is_own(&row.organization_id));
        let losses = remove(&mut self.losses, limit, |_, row| directories.contains(&row.directory_id));
        let counts = [users, groups, history, events, runs, approvals, losses];
        let is_complete = counts.iter().all(|count| *count < limit);
        if is_complete {
            self.holds.retain(|_, row| !is_own(&row.organization_id));
            self.retirements.retain(|_, row| !is_own(&row.organization_id));
            self.organizations.remove(organization_id);
            self.directories.retain(|id, _| !directories.contains(id));
        }
        let [users, groups, history, events, runs, approvals, losses] = counts.map(|count| count as u64);
        let directories = if is_complete { directories.len() as u64 } else { 0 };
        ForgottenRows { users, groups, history, events, runs, approvals, losses, directories, is_complete }
    }

    fn changes(&self, after: i64, limit: usize) -> Result<Vec<Change>> {
        let mut found = Vec::new();
        for entry in self.entries.range(after + 1..).map(|(_, entry)| entry) {
            if found.len() >= limit {
                break;
            }
            found.extend(Entry::clone(entry).changes_after(after, limit - found.len())?);
        }
        Ok(found)
    }

    fn entries(&self, after: i64, limit: usize) -> Vec<Entry> {
        let mut later = self.entries.range(after + 1..).peekable();
        // Numbers have no gaps, so an entry whose last number is at most `after` plus `limit` ends within the limit.
        let end = later.peek().map_or(after, |(first, _)| (after + limit as i64).max(**first));
        later.take_while(|(last, _)| **last <= end).map(|(_, entry)| Entry::clone(entry)).collect()
    }

    fn history_mark(&self) -> HistoryMark {
        let Counter { change: latest, durable, trimmed, taken, .. } = self.counter;
        HistoryMark { taken, latest, durable, trimmed, starts_at: self.history_starts_at }
    }

    fn history_page<'a>(&'a self, rows: impl Iterator<Item = &'a Arc<HistoryRow>>) -> HistoryPage {
        HistoryPage { rows: rows.map(|row| HistoryRow::clone(row)).collect(), mark: self.history_mark() }
    }

    fn take_history(&mut self, taken: TakenHistory) -> bool {
        let TakenHistory { after, taken, rows, starts_at, restarts } = taken;
        if self.counter.taken != after {
            return false;
        }
        if restarts {
            self.history.clear();
            self.history_starts_at = None;
        }
        self.counter.taken = taken;
        self.history.extend(rows.into_iter().map(|row| (row.seq, Arc::new(row))));
        self.history_starts_at = self.history_starts_at.or(starts_at);
        true
    }

    fn trim(&mut self, retention: Retention) -> usize {
        let Retention { changes, consumers, tombstones, events, losses, history, runs, limit } = retention;
        let active = self.consumers.values().filter(|row| row.seen_at >= consumers);
        let mut slowest = active.map(ConsumerRow::seen).min().unwrap_or(i64::MAX);
        if history.is_some() {
            slowest = slowest.min(self.counter.taken);
        }
        let old = self.entries.iter().take(limit).take_while(|(last, entry)| **last <= slowest && entry.at < changes);
        let mut removed = old.map(|(last, _)| *last).collect::<Vec<_>>();
        self.counter.trimmed = self.counter.trimmed.max(removed.last().copied().unwrap_or(0));
        let mut count = removed.len();
        removed.drain(..).for_each(|last| drop(self.entries.remove(&last)));
        let is_past = |row: &HistoryRow| history.is_none_or(|history| row.at < history);
        let past: Vec<_> = self.history.values().take(limit).take_while(|row| is_past(row)).cloned().collect();
        self.history_starts_at = self.history_starts_at.max(past.iter().map(|row| row.at).max());
        count += past.len();
        past.iter().for_each(|row| drop(self.history.remove(&row.seq)));
        let (trimmed, parked) = (self.counter.trimmed, &self.parked);
        let has_parked = |name: &String| parked.keys().any(|(consumer, _)| consumer == name);
        count += remove(&mut self.consumers, limit, |name, row| {
            row.seen_at < consumers && row.seen() < trimmed && !has_parked(name)
        });
        count += remove(&mut self.retirements, limit, |_, row| row.ended_at.is_some_and(|at| at < changes));
        // The changes that an approval made have its id as their cause, so it is kept until they were removed.
        let first = self.entries.values().next().map_or(changes, |entry| entry.at);
        count += remove(&mut self.approvals, limit, |(at, _), _| *at < changes.min(first));
        let is_old = |at: Option<Timestamp>| at.is_some_and(|at| at < tombstones);
        count += remove(&mut self.users, limit, |_, row| is_old(row.trail.deleted_at));
        count += remove(&mut self.groups, limit, |_, row| is_old(row.trail.deleted_at));
        count += remove(&mut self.events, limit, |_, row| row.state == EventState::Settled && row.received_at < events);
        let (users, groups, kept) = (&self.users, &self.groups, &self.events);
        self.user_numbers.retain(|_, number| users.contains_key(number));
        self.group_numbers.retain(|_, number| groups.contains_key(number));
        self.event_numbers.retain(|_, number| kept.contains_key(number));
        count += remove(&mut self.losses, limit, |(_, at, _), _| *at < losses);
        for (is_quiet, before) in [(true, changes), (false, runs)] {
            count +=
                remove(&mut self.runs, limit, |_, row| row.run.is_quiet() == is_quiet && row.run.started_at < before);
        }
        let ended: BTreeSet<i64> =
            self.holds.values().filter(|row| self.with_count(row).count == 0).map(|row| row.number).collect();
        self.holds.retain(|number, _| !ended.contains(number));
        count + ended.len()
    }

    fn expire_events(&mut self, Expiry { organization_id, before, limit, forget }: Expiry) -> BTreeMap<String, u64> {
        let is_meant = |row: &EventRow| organization_id.as_ref().is_none_or(|id| *id == row.organization_id);
        remove(&mut self.events, limit, |_, row| {
            row.state == EventState::Expired && row.received_at < forget && is_meant(row)
        });
        let kept = &self.events;
        self.event_numbers.retain(|_, number| kept.contains_key(number));
        let mut expired = BTreeMap::new();
        let old = self
            .events
            .values_mut()
            .filter(|row| row.state == EventState::Pending && row.received_at < before && is_meant(row));
        let mut old: Vec<_> = old.collect();
        old.sort_by_key(|row| row.received_at);
        for row in old.into_iter().take(limit) {
            *row = Arc::new(EventRow { state: EventState::Expired, body: None, ..(**row).clone() });
            *expired.entry(row.organization_id.clone()).or_default() += 1;
        }
        expired
    }
}

/// Removes the first `limit` rows that are old. Returns how many there were.
fn remove<K: Clone + Ord, V>(rows: &mut BTreeMap<K, V>, limit: usize, is_old: impl Fn(&K, &V) -> bool) -> usize {
    let old: Vec<K> =
        rows.iter().filter(|(key, row)| is_old(key, row)).take(limit).map(|(key, _)| key.clone()).collect();
    old.iter().for_each(|key| drop(rows.remove(key)));
    old.len()
}

impl DiskStore {
    /// Locks the contents, or fails if the store is closed.
    fn lock(&self) -> Result<MutexGuard<'_, Contents>> {
        let contents = self.disk.lock();
        if self.closed.load(Ordering::Relaxed) {
            Err(Error::store("the store is closed: open it again"))
        } else {
            Ok(contents)
        }
    }

    fn release_leases(&self) {
        self.disk.lock().now.leases.retain(|_, row| row.holder != self.holder);
    }

    fn read<'a, T: Send + 'a>(&self, read: impl FnOnce(&Rows) -> T) -> StoreFuture<'a, T> {
        ready(self.lock().map(|contents| read(&contents.now)))
    }

    fn change<'a, T: Send + 'a>(
        &self,
        durability: Durability,
        change: impl FnOnce(&mut Rows) -> T,
    ) -> StoreFuture<'a, T> {
        ready(self.lock().map(|mut contents| {
            contents.before_commit(durability);
            change(&mut contents.now)
        }))
    }
}

/// Returns the lease of a fence, or an error if it is not held any more.
fn held<'a>(rows: &'a Rows, Fence { name, token }: &Fence, now: Timestamp) -> Result<&'a LeaseRow> {
    rows.leases.get(name).filter(|row| row.token == *token && row.expires_at > now).ok_or_else(|| {
        Error::store("the lease was lost: another process took it over, or it expired")
            .with_context("lease", name.clone())
            .temporary()
    })
}

fn write(contents: &mut Contents, mut write: Write) -> Result<Committed> {
    let mut extends = false;
    if let Some(fence) = &write.fence {
        let row = held(&contents.now, fence, write.now)?;
        extends = later(write.now, row.duration / 2) >= row.expires_at;
    }
    let revision = contents.now.counter.revision + 1;
    let batch = decide(|| write.decide(|keys| Ok(contents.now.load(revision, keys))))?;
    if batch.is_empty() && !extends {
        return Ok(Committed::default());
    }
    contents.before_commit(write.durability);
    if let Some(row) =
        write.fence.as_ref().and_then(|fence| contents.now.leases.get_mut(&fence.name)).filter(|_| extends)
    {
        row.expires_at = later(write.now, row.duration);
    }
    if batch.is_empty() { Ok(Committed::default()) } else { contents.now.commit(write.durability, batch) }
}

fn update_consumer(contents: &mut Contents, update: ConsumerWrite) -> Result<()> {
    let ConsumerWrite { name, durability, fence, now, decide: mut decision } = update;
    if let Some(fence) = &fence {
        held(&contents.now, fence, now)?;
    }
    let Counter { change, group, user, generation, durable, .. } = contents.now.counter;
    let latest = Snapshot { seq: change, groups: group, users: user, ..Snapshot::default() };
    let row = contents.now.consumers.get(&name).cloned();
    let update = decide(|| decision(ConsumerState { row, latest, generation }))?;
    let flushes = durability == Durability::Power && durable < change;
    if update.row.is_none() && update.park.is_none() && !flushes {
        return Ok(());
    }
    contents.before_commit(durability);
    let rows = &mut contents.now;
    if flushes {
        rows.counter.durable = change;
    }
    if let Some(row) = update.row {
        rows.counter.generation = generation.max(row.generation);
        rows.consumers.insert(row.name.clone(), row);
    }
    if let Some(park) = update.park {
        let parked = ParkedChange::new(*park.change, park.reason, park.at);
        rows.parked.insert((name, parked.change.seq), parked);
    }
    Ok(())
}

impl Store for DiskStore {
    fn write(&self, next: Write) -> StoreFuture<'_, Committed> {
        ready(self.lock().and_then(|mut contents| write(&mut contents, next)))
    }

    fn load(&self, keys: Keys) -> StoreFuture<'_, WorkingSet> {
        self.read(|rows| rows.load(rows.counter.revision, keys))
    }

    fn users(&self, filter: UserFilter, after: i64, limit: usize) -> StoreFuture<'_, Vec<UserRow>> {
        self.read(|rows| rows.users(&filter, after, limit))
    }

    fn groups(&self, directory_id: Option<String>, after: i64, limit: usize) -> StoreFuture<'_, Vec<GroupRow>> {
        self.read(|rows| {
            let live = rows.groups.range(after + 1..).map(|(_, row)| row).filter(|row| row.is_live());
            let wanted = live.filter(|row| directory_id.as_ref().is_none_or(|id| row.group.directory_id == *id));
            wanted.take(limit).map(|row| (**row).clone()).collect()
        })
    }

    fn directories(&self, organization_id: Option<String>) -> StoreFuture<'_, Vec<DirectoryRow>> {
        let is_wanted =
            |row: &&DirectoryRow| organization_id.as_ref().is_none_or(|id| row.directory.organization_id == *id);
        self.read(|rows| rows.directories.values().filter(is_wanted).cloned().collect())
    }

    fn holds(&self, organization_id: Option<String>, directory_id: Option<String>) -> StoreFuture<'_, Vec<HoldRow>> {
        self.read(|rows| {
            let wanted = rows.holds.values().filter(|row| {
                organization_id.as_ref().is_none_or(|id| row.organization_id == *id)
                    && directory_id.as_ref().is_none_or(|id| row.directory_id == *id)
            });
            wanted.map(|row| rows.with_count(row)).filter(|row| row.count > 0).collect()
        })
    }

    fn approvals(&self, organization_id: Option<String>) -> StoreFuture<'_, Vec<Approval>> {
        let is_wanted = |row: &&Approval| organization_id.as_ref().is_none_or(|id| row.organization_id == *id);
        self.read(|rows| rows.approvals.values().filter(is_wanted).cloned().collect())
    }

    fn directory_counts(&self) -> StoreFuture<'_, Vec<DirectoryCounts>> {
        self.read(|rows| {
            let count = |row: &DirectoryRow| DirectoryCounts {
                row: row.clone(),
                users: rows.live_users(0).filter(|user| user.user.directory_id == row.directory.id).count() as u64,
                leaving: rows
                    .live_users(0)
                    .filter(|user| user.is_leaving() && user.user.directory_id == row.directory.id)
                    .count() as u64,
                groups: rows
                    .groups
                    .values()
                    .filter(|group| group.is_live() && group.group.directory_id == row.directory.id)
                    .count() as u64,
                pending_events: rows.pending(&row.directory.organization_id).events,
            };
            rows.directories.values().map(count).collect()
        })
    }

    fn events(
        &self,
        organization_id: String,
        state: EventState,
        after: i64,
        limit: usize,
    ) -> StoreFuture<'_, Vec<(i64, EventRow)>> {
        self.read(|rows| {
            let (mut found, mut bytes) = (Vec::new(), 0);
            for (number, row) in rows.events.range(after + 1..) {
                if row.organization_id == organization_id && row.state == state {
                    if found.len() >= limit || bytes >= EVENT_BYTES {
                        break;
                    }
                    bytes += row.body.as_ref().map_or(0, Vec::len);
                    found.push((*number, (**row).clone()));
                }
            }
            found
        })
    }

    fn received_events(&self, query: EventQuery) -> StoreFuture<'_, Vec<(i64, EventRow)>> {
        let EventQuery { ids, organization_id, subject_id, before, limit } = query;
        self.read(|rows| {
            let earlier = rows.events.range(..before.unwrap_or(i64::MAX)).rev();
            let wanted = earlier.filter(|(_, row)| {
                ids.as_ref().is_none_or(|ids| ids.contains(&row.id))
                    && organization_id.as_ref().is_none_or(|id| row.organization_id == *id)
                    && subject_id.as_ref().is_none_or(|id| row.subject_id.as_ref() == Some(id))
            });
            let without_body = |row: &EventRow| EventRow { body: None, ..row.clone() };
            wanted.take(limit).map(|(number, row)| (*number, without_body(row))).collect()
        })
    }

    fn runs(&self, query: RunQuery) -> StoreFuture<'_, Vec<RunRow>> {
        let RunQuery { ids, organization_id, directory_id, before, limit } = query;
        self.read(|rows| {
            let earlier = rows.runs.range(..before.unwrap_or(i64::MAX)).rev().map(|(_, row)| row);
            let wanted = earlier.filter(|RunRow { run, .. }| {
                ids.as_ref().is_none_or(|ids| ids.contains(&run.id))
                    && organization_id.as_ref().is_none_or(|id| run.organization_id == *id)
                    && directory_id.as_ref().is_none_or(|id| run.directory_id == *id)
            });
            wanted.take(limit).cloned().collect()
        })
    }

    fn feed(&self, consumer: String, after: Option<i64>, limit: usize) -> StoreFuture<'_, FeedPage> {
        ready(self.lock().and_then(|contents| {
            let rows = &contents.now;
            let Counter { change, durable, trimmed, .. } = rows.counter;
            let row = rows.consumers.get(&consumer).cloned();
            let changes = match &row {
                Some(row) if row.cursor >= 0 => rows.changes(row.seen().max(after.unwrap_or(0)), limit)?,
                _ => Vec::new(),
            };
            let marks = FeedMarks { latest: change, durable, trimmed };
            Ok(FeedPage { consumer: row, changes, marks })
        }))
    }

    fn changes(&self, after: i64, limit: usize) -> StoreFuture<'_, Vec<Change>> {
        ready(self.lock().and_then(|contents| contents.now.changes(after, limit)))
    }

    fn entries(&self, after: i64, limit: usize) -> StoreFuture<'_, Vec<Entry>> {
        self.read(|rows| rows.entries(after, limit))
    }

    fn history_mark(&self) -> StoreFuture<'_, Option<HistoryMark>> {
        self.read(|rows| Some(rows.history_mark()))
    }

    fn take_history(&self, taken: TakenHistory) -> StoreFuture<'_, bool> {
        self.change(Durability::Process, |rows| rows.take_history(taken))
    }

    fn open_erasures(&self, limit: usize) -> StoreFuture<'_, Vec<ErasureRow>> {
        self.read(|rows| {
            let mut open: Vec<_> = rows.erasures.values().filter(|row| row.is_open()).cloned().collect();
            open.sort_by_key(|row| row.at);
            open.truncate(limit);
            open
        })
    }

    fn redact(&self, redaction: Redaction) -> StoreFuture<'_, ()> {
        let bodies = redaction.entries.iter().map(|entry| entry.body.encode()).collect::<Result<Vec<_>>>();
        let bodies = match bodies {
            Ok(bodies) => bodies,
            Err(error) => return ready(Err(error)),
        };
        self.change(Durability::Process, |rows| {
            for (entry, body) in redaction.entries.into_iter().zip(bodies) {
                if let Some(known) = rows.entries.get_mut(&entry.last) {
                    let RedactedEntry { organization_id, directory_id, cause, .. } = entry;
                    let kept = Entry::clone(known);
                    *known = Arc::new(Entry { kind: None, organization_id, directory_id, cause, body, ..kept });
                }
            }
            for (consumer, parked) in redaction.parked {
                if let Some(known) = rows.parked.get_mut(&(consumer, parked.change.seq)) {
                    *known = parked;
                }
            }
        })
    }

    fn forget_user(&self, user_id: String, mark: String, limit: usize) -> StoreFuture<'_, usize> {
        self.change(Durability::Process, |rows| {
            let removed = remove(&mut rows.history, limit, |_, row| row.subject_id == user_id);
            let losses = std::mem::take(&mut rows.losses).into_iter().map(|((directory_id, at, id), row)| {
                let id = if id == user_id { mark.clone() } else { id };
                ((directory_id, at, id.clone()), LossRow { user_id: id, ..row })
            });
            rows.losses = losses.collect();
            if let Some(number) = rows.user_numbers.get(&user_id).copied()
                && rows.users.get(&number).is_some_and(|row| !row.is_live())
            {
                rows.user_numbers.remove(&user_id);
                rows.users.remove(&number);
            }
            removed
        })
    }

    fn forget_organization(&self, organization_id: String, limit: usize) -> StoreFuture<'_, ForgottenRows> {
        self.change(Durability::Process, |rows| rows.forget_organization(&organization_id, limit))
    }

    fn history(&self, filter: HistoryFilter, after: i64, limit: usize) -> StoreFuture<'_, HistoryPage> {
        let HistoryFilter { organization_id, subject_id, removals } = filter;
        self.read(|rows| {
            let wanted = rows.history.range(after + 1..).map(|(_, row)| row).filter(|row| {
                organization_id.as_ref().is_none_or(|id| row.organization_id == *id)
                    && subject_id.as_ref().is_none_or(|id| row.subject_id == *id)
                    && (!removals || row.is_removal)
            });
            rows.history_page(wanted.take(limit))
        })
    }

    fn history_of(&self, subject_ids: BTreeSet<String>, after: i64) -> StoreFuture<'_, HistoryPage> {
        self.read(|rows| {
            let later = rows.history.range(after + 1..).map(|(_, row)| row);
            let mut wanted: Vec<_> = later.filter(|row| subject_ids.contains(&row.subject_id)).collect();
            wanted.sort_by_key(|row| (&row.subject_id, row.seq));
            rows.history_page(wanted.into_iter())
        })
    }

    fn consumers(&self) -> StoreFuture<'_, (Vec<(ConsumerRow, u64)>, i64)> {
        self.read(|rows| {
            let parked = |name: &str| rows.parked.keys().filter(|(consumer, _)| consumer == name).count() as u64;
            let consumers = rows.consumers.values().map(|row| (row.clone(), parked(&row.name))).collect();
            (consumers, rows.counter.change)
        })
    }

    fn update_consumer(&self, update: ConsumerWrite) -> StoreFuture<'_, ()> {
        ready(self.lock().and_then(|mut contents| update_consumer(&mut contents, update)))
    }

    fn drop_consumer(&self, name: String) -> StoreFuture<'_, bool> {
        self.change(Durability::Power, |rows| {
            rows.parked.retain(|(consumer, _), _| *consumer != name);
            rows.consumers.remove(&name).is_some()
        })
    }

    fn parked_changes(&self, consumer: String) -> StoreFuture<'_, Vec<ParkedChange>> {
        self.read(|rows| {
            rows.parked.iter().filter(|((name, _), _)| *name == consumer).map(|(_, row)| row.clone()).collect()
        })
    }

    fn drop_parked_change(&self, consumer: String, seq: i64) -> StoreFuture<'_, bool> {
        self.change(Durability::Power, |rows| rows.parked.remove(&(consumer, seq)).is_some())
    }

    fn trim(&self, retention: Retention) -> StoreFuture<'_, usize> {
        self.change(Durability::Process, |rows| rows.trim(retention))
    }

    fn expire_events(&self, expiry: Expiry) -> StoreFuture<'_, BTreeMap<String, u64>> {
        self.change(Durability::Process, |rows| rows.expire_events(expiry))
    }

    fn flush(&self) -> StoreFuture<'_, ()> {
        self.change(Durability::Power, |rows| rows.counter.durable = rows.counter.change)
    }

    fn leases(&self, prefix: String, now: Timestamp) -> StoreFuture<'_, Vec<Fence>> {
        self.read(|rows| {
            let wanted = rows.leases.iter().filter(|(name, row)| name.starts_with(&prefix) && row.expires_at > now);
            wanted.map(|(name, row)| Fence { name: name.clone(), token: row.token }).collect()
        })
    }

    fn lease(&self, name: String, now: Timestamp, duration: Duration) -> StoreFuture<'_, Option<Box<dyn Lease>>> {
        ready(self.lock().map(|mut contents| {
            if contents.now.leases.get(&name).is_some_and(|row| row.expires_at > now) {
                return None;
            }
            contents.before_commit(Durability::Process);
            let rows = &mut contents.now;
            rows.counter.lease += 1;
            let token = rows.counter.lease;
            let row = LeaseRow { holder: self.holder, token, expires_at: later(now, duration), duration };
            rows.leases.insert(name.clone(), row);
            let held = Held { disk: self.disk.clone(), fence: Fence { name, token } };
            Some(Box::new(held) as Box<dyn Lease>)
        }))
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        self.closed.store(true, Ordering::Relaxed);
        self.release_leases();
        ready(Ok(()))
    }
}
