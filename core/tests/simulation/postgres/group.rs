//! Groups of writes: `core/src/store/postgres/group.rs`.

use super::client::{Cause, Database, Failure, Transaction, unknown};
use super::commit::{self, CommitId, Numbers, Sent, Stored, append_or_log, find, lock, put_rows, undone};
use super::lease::Releases;
use super::load::{Loaded, Plan};
use super::server::{Answer, Flush, Statement, TableLock};
use super::tables::{Key, SCOPE};
use super::{Mistake, catch_panic};
use headcount::store::{
    Batch, Committed, CountsKey, Decision, Durability, EventState, Keys, MAX_LOADS, NewEntry, Scope, UserWrite, Write,
    email_key,
};
use headcount::{Error, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};

const GROUP: usize = 32;
const QUEUE: usize = 512;
const ROUNDS: usize = 8;
const QUEUE_WAIT: Duration = Duration::from_millis(20);
const GATHER: Duration = Duration::from_millis(1);
const MOST_TASKS: usize = 10;

/// `group::Queue`.
pub(super) struct Queue {
    database: Arc<Database>,
    releases: Releases,
    state: Mutex<State>,
    queued: Notify,
}

/// `group::State`.
#[derive(Default)]
struct State {
    waiting: VecDeque<Member>,
    queued: u64,
    taken: u64,
    tasks: usize,
}

/// `group::Member`.
struct Member {
    write: Write,
    done: oneshot::Sender<Result<Committed>>,
    running: OwnedSemaphorePermit,
}

impl Member {
    fn scope(&self) -> &str {
        match &self.write.scope {
            Scope::Organization(id) => id,
            Scope::Consumer(_) | Scope::Everything => "",
        }
    }
}

impl Queue {
    pub(super) fn new(database: Arc<Database>, releases: Releases) -> Queue {
        Queue { database, releases, state: Mutex::default(), queued: Notify::new() }
    }

    /// `Queue::push`.
    fn push(self: &Arc<Queue>, member: Member) -> Result<u64, Box<Member>> {
        let mut state = self.state.lock().unwrap();
        if state.waiting.len() >= QUEUE {
            return Err(Box::new(member));
        }
        state.waiting.push_back(member);
        state.queued += 1;
        start_task(self, &mut state, 1);
        self.queued.notify_one();
        Ok(state.queued)
    }

    /// `Queue::start_another_task`.
    fn start_another_task(self: &Arc<Queue>, number: u64) {
        let mut state = self.state.lock().unwrap();
        if state.taken < number {
            start_task(self, &mut state, MOST_TASKS);
        }
    }
}

/// `group::write`.
pub(super) async fn write(queue: &Arc<Queue>, write: Write, running: OwnedSemaphorePermit) -> Result<Committed> {
    let can_be_grouped = matches!(write.scope, Scope::Organization(_))
        && write.fence.is_none()
        && write.durability == Durability::Power
        && can_be_loaded_together(&write.keys);
    if !can_be_grouped {
        return commit::write(&queue.database, &queue.releases, write).await;
    }
    let (done, mut result) = oneshot::channel();
    let number = match queue.push(Member { write, done, running }) {
        Ok(number) => number,
        Err(member) => return commit::write(&queue.database, &queue.releases, member.write).await,
    };
    let ended = loop {
        match tokio::time::timeout(QUEUE_WAIT, &mut result).await {
            Ok(ended) => break ended,
            Err(_) => queue.start_another_task(number),
        }
    };
    ended.unwrap_or_else(|_| Err(unknown(Error::cancelled())))
}

/// `group::can_be_loaded_together`.
fn can_be_loaded_together(keys: &Keys) -> bool {
    keys.members.is_empty() && keys.chore.is_none() && !keys.retirements
}

/// `group::start_task`.
fn start_task(queue: &Arc<Queue>, state: &mut State, most: usize) {
    if state.tasks < most {
        state.tasks += 1;
        tokio::spawn(run_groups(Task { queue: Arc::clone(queue), is_counted: true, has_run: false }));
    }
}

/// `group::Task`.
struct Task {
    queue: Arc<Queue>,
    is_counted: bool,
    has_run: bool,
}

impl Task {
    /// `Task::take`.
    fn take(&mut self) -> Option<Vec<Member>> {
        let mut state = self.queue.state.lock().unwrap();
        if state.waiting.is_empty() || (self.has_run && state.tasks > 1) {
            state.tasks -= 1;
            self.is_counted = false;
            return None;
        }
        self.has_run = true;
        let count = state.waiting.len().min(GROUP);
        state.taken += count as u64;
        Some(state.waiting.drain(..count).filter(|member| !member.done.is_closed()).collect())
    }

    /// `Task::gather`.
    async fn gather(&self, ended: usize) {
        let queue = &self.queue;
        let waiting = || queue.state.lock().unwrap().waiting.len();
        let expected = (waiting() + ended).min(GROUP);
        if expected < 2 {
            return;
        }
        let gathered = async {
            while waiting() < expected {
                queue.queued.notified().await;
            }
        };
        let _ = tokio::time::timeout(GATHER, gathered).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if self.is_counted {
            self.queue.state.lock().unwrap().tasks -= 1;
        }
    }
}

/// `group::run_groups`.
async fn run_groups(mut task: Task) {
    while let Some(members) = task.take() {
        let count = members.len();
        let left_out = run(&task.queue, members).await;
        let ended = count - left_out.len();
        let mut organizations: BTreeMap<String, Vec<Member>> = BTreeMap::new();
        for member in left_out {
            organizations.entry(member.scope().to_owned()).or_default().push(member);
        }
        for members in organizations.into_values() {
            tokio::spawn(run_organization(Arc::clone(&task.queue), members));
        }
        task.gather(ended).await;
    }
}

/// `group::run_organization`.
async fn run_organization(queue: Arc<Queue>, members: Vec<Member>) {
    for member in run(&queue, members).await {
        tokio::spawn(run_alone(Arc::clone(&queue), member));
    }
}

/// `group::run_alone`.
async fn run_alone(queue: Arc<Queue>, member: Member) {
    let Member { write, done, running } = member;
    let _ = done.send(commit::write(&queue.database, &queue.releases, write).await);
    drop(running);
}

/// `group::run`.
async fn run(queue: &Arc<Queue>, mut members: Vec<Member>) -> Vec<Member> {
    if members.len() < 2 {
        for member in members {
            run_alone(Arc::clone(queue), member).await;
        }
        return Vec::new();
    }
    let Ok(statuses) = attempt(&queue.database, &mut members).await else {
        for member in members {
            tokio::spawn(run_alone(Arc::clone(queue), member));
        }
        return Vec::new();
    };
    let mut left_out = Vec::new();
    for (member, status) in members.into_iter().zip(statuses) {
        match status {
            Status::Ended(result) => drop(member.done.send(result)),
            Status::Waiting | Status::Decided(_) | Status::LeftOut => left_out.push(member),
        }
    }
    left_out
}

/// `group::Status`.
enum Status {
    Waiting,
    Decided(Sent),
    LeftOut,
    Ended(Result<Committed>),
}

/// `group::attempt`.
async fn attempt(database: &Database, members: &mut [Member]) -> Result<Vec<Status>, Failure> {
    let mut group = Group {
        database,
        transaction: database.begin_write().await?,
        unsent: Vec::new(),
        written: Numbers::default(),
        entries: Vec::new(),
        revision: 0,
        numbers: Committed::default(),
    };
    let mut statuses: Vec<Status> = members.iter().map(|_| Status::Waiting).collect();
    let result = async {
        let scopes: BTreeSet<&str> = members.iter().map(Member::scope).collect();
        let mut locks = match scopes.len() {
            1 => lock(database, &members[0].write.scope).0,
            _ => vec![Statement::run("LOCK TABLE scope IN ROW EXCLUSIVE MODE", |access| {
                access.lock_scopes(TableLock::Rows)
            })],
        };
        for _ in 0..ROUNDS {
            if !statuses.iter().any(|status| matches!(status, Status::Waiting)) {
                break;
            }
            group.round(std::mem::take(&mut locks), members, &mut statuses).await?;
        }
        Ok::<_, Failure>(())
    };
    if let Err(failure) = result.await {
        group.transaction.roll_back().await;
        return Err(failure);
    }
    let (scope, sent) = decided(members, &statuses);
    let mut ended = group.end(scope, sent).await?;
    for status in &mut statuses {
        if let Status::Decided(sent) = status {
            let result = match &mut ended {
                Ok(numbers) => Ok(result_of(sent, numbers)),
                Err(error) => Err(error.clone()),
            };
            *status = Status::Ended(result);
        }
    }
    Ok(statuses)
}

/// `group::decided`.
fn decided(members: &[Member], statuses: &[Status]) -> (Option<Scope>, Sent) {
    let (mut scope, mut sent) = (None, Sent::default());
    for (member, status) in members.iter().zip(statuses) {
        if let Status::Decided(own) = status {
            sent.user_ids.extend_from_slice(&own.user_ids);
            sent.group_ids.extend_from_slice(&own.group_ids);
            sent.changes += own.changes;
            scope = Some(member.write.scope.clone());
        }
    }
    (scope, sent)
}

/// `group::result_of`.
fn result_of(sent: &Sent, numbers: &Committed) -> Committed {
    let of = |ids: &[String], numbers: &HashMap<String, i64>| {
        ids.iter().filter_map(|id| Some((id.clone(), *numbers.get(id)?))).collect()
    };
    Committed {
        users: of(&sent.user_ids, &numbers.users),
        groups: of(&sent.group_ids, &numbers.groups),
        changes: sent.changes,
    }
}

/// `group::Group`.
struct Group<'a> {
    database: &'a Database,
    transaction: Transaction<'a>,
    unsent: Vec<Statement>,
    written: Numbers,
    entries: Vec<NewEntry>,
    revision: i64,
    numbers: Committed,
}

impl Group<'_> {
    /// `Group::send`.
    async fn send(&mut self, statements: Vec<Statement>) -> Result<(), Failure> {
        let mut all = std::mem::take(&mut self.unsent);
        all.extend(statements);
        self.transaction.run(all).await?;
        add_numbers(&mut self.numbers, &std::mem::take(&mut self.written));
        Ok(())
    }

    /// `Group::round`.
    async fn round(
        &mut self,
        locks: Vec<Statement>,
        members: &mut [Member],
        statuses: &mut [Status],
    ) -> Result<(), Failure> {
        let mut asking: Vec<(usize, Asking)> = Vec::new();
        let mut writes = BTreeMap::<String, i64>::new();
        for (index, (member, status)) in members.iter().zip(&*statuses).enumerate() {
            if matches!(status, Status::Waiting) {
                *writes.entry(member.scope().to_owned()).or_default() += 1;
                asking.push((index, Asking { keys: member.write.keys.clone(), revision: 0, asked: 0 }));
            }
        }
        let mut statements = locks;
        let (take, taken) = take_revisions(writes);
        statements.push(take);
        let mut revisions: Option<HashMap<String, VecDeque<i64>>> = None;
        let (mut batch, mut stored, mut changed) = (Batch::default(), Stored::default(), Changed::default());
        while !asking.is_empty() {
            let mut keys = Keys::default();
            asking.retain(|(_, asking)| {
                let is_other = |(id, key): (&String, &CountsKey)| keys.counts.get(id).is_some_and(|known| known != key);
                let can_join = !asking.keys.counts.iter().any(is_other);
                if can_join {
                    keys.extend(asking.keys.clone());
                }
                can_join
            });
            let (plan, loads) = Plan::new(keys);
            let is_first = revisions.is_none();
            let mut all = std::mem::take(&mut statements);
            all.extend(loads);
            self.send(all).await?;
            if is_first {
                let taken = taken.take();
                self.revision = taken.values().flatten().copied().max().unwrap_or(0).max(self.revision);
                revisions = Some(taken);
            }
            let loaded = plan.finish(&mut self.transaction, 0).await?;
            stored.add(&loaded.set);
            let mut again = Vec::new();
            for (index, mut asking) in asking {
                let (member, status) = (&mut members[index], &mut statuses[index]);
                if is_first {
                    let own = revisions.as_mut().and_then(|revisions| revisions.get_mut(member.scope())?.pop_front());
                    let Some(revision) = own else {
                        *status = Status::LeftOut;
                        continue;
                    };
                    asking.revision = revision;
                }
                if changed.concerns(member.scope(), &asking.keys, &loaded)
                    && !self.database.makes(Mistake::GroupIgnoresItsWrites)
                {
                    continue;
                }
                match decide(&mut member.write, &asking, &loaded) {
                    Decided::Batch(own) => {
                        *status = Status::Decided(Sent::of(&own));
                        changed.add(member.scope(), &own, &stored, &loaded);
                        batch.extend(*own);
                    }
                    Decided::Ask(more) => {
                        asking.keys.extend(*more);
                        asking.asked += 1;
                        if asking.asked < MAX_LOADS && can_be_loaded_together(&asking.keys) {
                            again.push((index, asking));
                        } else {
                            *status = Status::LeftOut;
                        }
                    }
                    Decided::LeaveOut => *status = Status::LeftOut,
                    Decided::Error(error) => *status = Status::Ended(Err(error)),
                }
            }
            asking = again;
        }
        self.entries.append(&mut batch.entries);
        (self.unsent, self.written) = put_rows(batch, &stored, None);
        Ok(())
    }

    /// `Group::end`.
    async fn end(mut self, scope: Option<Scope>, sent: Sent) -> Result<Result<Committed>, Failure> {
        let Some(scope) = scope else {
            self.transaction.roll_back().await;
            return Ok(Ok(Committed::default()));
        };
        let database = self.database;
        let id = CommitId::new(database, self.revision);
        let mut statements = std::mem::take(&mut self.unsent);
        match append_or_log(database, &self.entries, sent.changes, id) {
            Ok(last) => statements.extend(last),
            Err(error) => {
                self.transaction.roll_back().await;
                return Err(error.into());
            }
        }
        let (written, mut numbers) = (self.written, self.numbers);
        let ended = if self.entries.is_empty() {
            self.transaction.end(statements, Flush::Now).await.map(|()| true)
        } else if database.makes(Mistake::CommitNotFlushed) {
            self.transaction.end(statements, Flush::Later).await.map(|()| true)
        } else {
            let (mark, marked) = id.mark_durable(database, true);
            self.transaction.end_and_flush(statements, mark).await.map(|()| marked.take())
        };
        match ended {
            Ok(true) => {
                add_numbers(&mut numbers, &written);
                Ok(Ok(numbers))
            }
            Ok(false) => Err(undone()),
            Err(failure) if failure.cause == Cause::Lost && database.makes(Mistake::RetryWithoutLookUp) => Err(failure),
            Err(failure) if failure.cause == Cause::Lost => match find(database, &scope, id, &sent).await {
                Ok(Some(committed)) => Ok(Ok(committed)),
                Ok(None) => Err(failure),
                Err(error) => Ok(Err(error)),
            },
            Err(failure) => Err(failure),
        }
    }
}

/// `group::add_numbers`.
fn add_numbers(numbers: &mut Committed, written: &Numbers) {
    let Committed { users, groups, .. } = written.committed(0);
    numbers.users.extend(users);
    numbers.groups.extend(groups);
}

/// `group::Asking`.
struct Asking {
    keys: Keys,
    revision: i64,
    asked: usize,
}

/// `group::Decided`.
enum Decided {
    Batch(Box<Batch>),
    Ask(Box<Keys>),
    LeaveOut,
    Error(Error),
}

/// `group::decide`.
fn decide(write: &mut Write, asking: &Asking, loaded: &Loaded) -> Decided {
    let own = loaded.part(&asking.keys, asking.revision);
    if own.owners().iter().any(|owner| write.scope != Scope::Organization(owner.clone())) {
        return Decided::LeaveOut;
    }
    let mut stored = Stored::default();
    stored.add(&own.set);
    match catch_panic(|| (write.decide)(own.set)) {
        Ok(Decision::Load(more)) => Decided::Ask(more),
        Ok(Decision::Commit(batch)) => {
            let is_loaded = |id: &String| asking.keys.events.contains(id);
            let is_known = |id: &String| asking.keys.directories.contains(id) || stored.directory_ids.contains(id);
            let can_be_in_group = batch.events.iter().all(|row| is_loaded(&row.id))
                && batch.directories.iter().all(|row| is_known(&row.directory.id))
                && batch.environment.is_none()
                && batch.mirror_id.is_none()
                && batch.role_map.is_none()
                && batch.settings.is_none();
            if can_be_in_group { Decided::Batch(batch) } else { Decided::LeaveOut }
        }
        Err(error) => Decided::Error(error),
    }
}

/// `group::Changed`.
#[derive(Default)]
struct Changed {
    user_ids: BTreeSet<String>,
    group_ids: BTreeSet<String>,
    event_ids: BTreeSet<String>,
    addresses: BTreeSet<(String, String)>,
    organizations: BTreeSet<String>,
    others: BTreeSet<String>,
}

impl Changed {
    /// `Changed::add`.
    fn add(&mut self, organization_id: &str, batch: &Batch, stored: &Stored, loaded: &Loaded) {
        for UserWrite { row, .. } in &batch.users {
            let before = loaded.set.users.get(&row.user.id).map(|row| &row.user);
            let users = before.into_iter().chain([&row.user]).filter(|user| !user.email.is_empty());
            self.addresses.extend(users.map(|user| (user.organization_id.clone(), email_key(&user.email))));
        }
        self.user_ids.extend(batch.users.iter().map(|write| write.row.user.id.clone()));
        self.group_ids.extend(batch.groups.iter().map(|row| row.group.id.clone()));
        self.event_ids.extend(batch.events.iter().map(|row| row.id.clone()));
        let changes_counts =
            batch.events.iter().any(|row| row.state != EventState::Settled || stored.events.contains_key(&row.id));
        if batch.has_other_rows() || changes_counts {
            self.others.insert(organization_id.to_owned());
        }
        if !batch.users.is_empty() || !batch.groups.is_empty() {
            self.organizations.insert(organization_id.to_owned());
        }
    }

    /// `Changed::concerns`.
    fn concerns(&self, organization_id: &str, keys: &Keys, loaded: &Loaded) -> bool {
        let asks_for_sums = !(keys.counts.is_empty() && keys.holds.is_empty());
        self.others.contains(organization_id)
            || (asks_for_sums && self.organizations.contains(organization_id))
            || !self.addresses.is_disjoint(&keys.addresses)
            || !self.user_ids.is_disjoint(&keys.users)
            || !self.event_ids.is_disjoint(&keys.events)
            || loaded.group_ids(keys).iter().any(|id| self.group_ids.contains(id))
    }
}

/// `group::take_revisions`.
fn take_revisions(writes: BTreeMap<String, i64>) -> (Statement, Answer<HashMap<String, VecDeque<i64>>>) {
    let most = writes.values().copied().max().unwrap_or(1);
    Statement::new("SELECT scope FOR NO KEY UPDATE SKIP LOCKED", move |access| {
        let mut revisions = HashMap::new();
        for id in writes.keys() {
            if access.try_lock_row(SCOPE, Key::Scope(1, id.clone())).is_some() {
                let own: VecDeque<i64> = (0..most).map(|_| access.next(|sequences| &mut sequences.revision)).collect();
                revisions.insert(id.clone(), own);
            }
        }
        Ok(revisions)
    })
}
