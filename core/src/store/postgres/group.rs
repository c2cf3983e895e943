//! Groups of writes: writes of one process that wait at the same time are decided and committed in one transaction.
//!
//! Only writes of single organizations with [`Durability::Power`] and without a fence, such as those of webhooks, are grouped, unless they ask for
//! members, chores or retirements. They are put into a queue. A task takes the queued writes, up to [`GROUP`] at once, and runs them as a group, until
//! the queue is empty. A write that has waited for [`QUEUE_WAIT`] starts another task, so that a slow group does not delay the writes after it. A group
//! of one write is run as `commit` runs it. Callers usually make their next write as soon as they have the result of the last one. So between two
//! groups, a task waits, [`GATHER`] at most, until as many more writes are queued as have ended in the last group.
//!
//! A group with writes of several organizations does not wait for the lock of an organization that another transaction has: the writes of this
//! organization are left out, and are run after the group. All rows that the group needs are loaded together. Each write is then decided in turn. A
//! write that reads rows that an earlier write of the group has changed is decided in the next round, in which the rows are loaded again. The entries of
//! all writes are appended to the feed by the last statement.
//!
//! If the group fails, nothing of it was committed, and each write is run in a transaction of its own: only the one that caused the failure fails. If
//! the connection is lost during the commit, the group is looked up in the log of commits, as a single write is.

use super::commit::{self, CommitId, Sent, Stored, append_or_log, committed, find, lock, put_rows, undone};
use super::database::{Database, Flush, Statement, Transaction};
use super::failure::{self, Cause, Failure};
use super::load::{Loaded, Plan};
use super::rows::{get, get_text, texts};
use crate::error::catch_panic;
use crate::process::Process;
use crate::record::{Batch, CountsKey, EventRow, EventState, Keys, NewEntry, UserWrite, email_key};
use crate::store::{Committed, Decision, Durability, MAX_LOADS, Scope, Write};
use crate::{Error, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};
use tokio_postgres::Row;

/// The most writes in a group. With more, the first of them would wait longer for their results.
const GROUP: usize = 32;

/// The most writes that are queued. Further ones are not grouped, so that the memory of the queue is bounded.
const QUEUE: usize = 512;

/// The most rounds of a group. Writes that would need more are run after it, because a group keeps the locks of its organizations until its end.
const ROUNDS: usize = 8;

/// How long a write waits for the groups that are running, before another group is started.
pub(super) const QUEUE_WAIT: Duration = Duration::from_millis(20);

/// How long a task waits at most for more writes between two groups: the resolution of tokio's timer.
const GATHER: Duration = Duration::from_millis(1);

/// The queue of writes of a store.
pub(super) struct Queue {
    database: Arc<Database>,
    state: Mutex<State>,
    /// Wakes a task when a write is queued.
    queued: Notify,
    /// See [`QUEUE_WAIT`].
    wait: Duration,
    /// The most tasks that run groups: each uses a connection.
    most_tasks: usize,
    process: Process,
}

/// The queued writes, and the numbers of writes and tasks.
#[derive(Default)]
struct State {
    waiting: VecDeque<Member>,
    /// How many writes were queued until now. The first one has the number 1, the second one 2, and so on.
    queued: u64,
    /// How many writes were taken from the queue.
    taken: u64,
    /// How many tasks are running.
    tasks: usize,
}

/// A write that is queued or in a group.
struct Member {
    write: Write,
    /// Sends the result to the caller.
    done: oneshot::Sender<Result<Committed>>,
    /// Counts the write as a running call of the store until it has ended.
    running: OwnedSemaphorePermit,
}

impl Member {
    /// Returns the id of the write's organization.
    fn organization_id(&self) -> &str {
        match &self.write.scope {
            Scope::Organization(id) => id,
            // A write of another scope is not queued: see `can_be_grouped`.
            Scope::Consumer(_) | Scope::Everything => "",
        }
    }
}

impl Queue {
    pub(super) fn new(database: Arc<Database>, wait: Duration, connections: usize) -> Queue {
        Queue {
            database,
            state: Mutex::default(),
            queued: Notify::new(),
            wait,
            most_tasks: connections.max(1),
            process: Process::current(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a write, and starts a task if none is running. Returns the write's number, or the write if the queue is full.
    fn push(self: &Arc<Queue>, member: Member) -> Result<u64, Box<Member>> {
        let mut state = self.state();
        if state.waiting.len() >= QUEUE {
            return Err(Box::new(member));
        }
        state.waiting.push_back(member);
        state.queued += 1;
        start_task(self, &mut state, 1);
        self.queued.notify_one();
        Ok(state.queued)
    }

    /// Starts another task if the write with this number is still queued, and fewer than the most tasks are running.
    fn start_another_task(self: &Arc<Queue>, number: u64) {
        let mut state = self.state();
        if state.taken < number {
            start_task(self, &mut state, self.most_tasks);
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // In a forked child, dropping a copy of a queued write would wake its caller's task, on a thread that the child does not have.
        if !self.process.is_current() {
            let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
            std::mem::forget(std::mem::take(&mut state.waiting));
        }
    }
}

/// Runs a write, in a group if others wait at the same time. `running` counts it as a running call of the store.
pub(super) async fn write(queue: &Arc<Queue>, write: Write, running: OwnedSemaphorePermit) -> Result<Committed> {
    // In a forked child, the queue may be locked for ever, by a thread that the child does not have.
    if !can_be_grouped(&write) || !queue.process.is_current() {
        return commit::write(&queue.database, write).await;
    }
    let (done, mut result) = oneshot::channel();
    let number = match queue.push(Member { write, done, running }) {
        Ok(number) => number,
        Err(member) => return commit::write(&queue.database, member.write).await,
    };
    let ended = loop {
        match tokio::time::timeout(queue.wait, &mut result).await {
            Ok(ended) => break ended,
            Err(_) => queue.start_another_task(number),
        }
    };
    // If the task was cancelled, because its runtime is ending, it is not known whether the write was committed.
    ended.unwrap_or_else(|_| Err(failure::unknown(Error::cancelled())))
}

/// Returns whether a write may be part of a group.
fn can_be_grouped(write: &Write) -> bool {
    matches!(write.scope, Scope::Organization(_))
        && write.fence.is_none()
        && write.durability == Durability::Power
        && can_be_loaded_together(&write.keys)
}

/// Returns whether the rows of these keys can be loaded together with those of other writes.
fn can_be_loaded_together(keys: &Keys) -> bool {
    keys.members.is_empty() && keys.chore.is_none() && !keys.retirements
}

/// Starts a task that runs groups, if fewer than `most` are running.
fn start_task(queue: &Arc<Queue>, state: &mut State, most: usize) {
    if state.tasks < most {
        state.tasks += 1;
        tokio::spawn(run_groups(Task { queue: Arc::clone(queue), is_counted: true, has_run: false }));
    }
}

/// A task that runs groups. It is counted in [`State::tasks`] until it ends, or until this is dropped because the task was cancelled.
struct Task {
    queue: Arc<Queue>,
    is_counted: bool,
    /// Whether it has taken a group from the queue.
    has_run: bool,
}

impl Task {
    /// Takes the writes of the next group from the queue. Returns `None` if the task must end: if the queue is empty, or if it has run a group and another
    /// task is running, because the groups of one task are larger than those of two.
    fn take(&mut self) -> Option<Vec<Member>> {
        let mut state = self.queue.state();
        if state.waiting.is_empty() || (self.has_run && state.tasks > 1) {
            state.tasks -= 1;
            self.is_counted = false;
            return None;
        }
        self.has_run = true;
        let count = state.waiting.len().min(GROUP);
        state.taken += count as u64;
        // A write whose caller has dropped its future is not run.
        Some(state.waiting.drain(..count).filter(|member| !member.done.is_closed()).collect())
    }

    /// Waits, [`GATHER`] at most, until `ended` more writes are queued than now, or [`GROUP`] in all. Does not wait if these would be fewer than two.
    async fn gather(&self, ended: usize) {
        let queue = &self.queue;
        let expected = (queue.state().waiting.len() + ended).min(GROUP);
        if expected < 2 {
            return;
        }
        let gathered = async {
            while queue.state().waiting.len() < expected {
                queue.queued.notified().await;
            }
        };
        let _ = tokio::time::timeout(GATHER, gathered).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if self.is_counted && self.queue.process.is_current() {
            self.queue.state().tasks -= 1;
        }
    }
}

/// Runs groups of queued writes until the task must end. Writes that a group leaves out are run by further tasks.
async fn run_groups(mut task: Task) {
    while let Some(members) = task.take() {
        let count = members.len();
        let left_out = run(&task.queue.database, members).await;
        let ended = count - left_out.len();
        let mut organizations: BTreeMap<String, Vec<Member>> = BTreeMap::new();
        for member in left_out {
            organizations.entry(member.organization_id().to_owned()).or_default().push(member);
        }
        for members in organizations.into_values() {
            tokio::spawn(run_organization(Arc::clone(&task.queue.database), members));
        }
        task.gather(ended).await;
    }
}

/// Runs writes of one organization that a group has left out, as one group, which waits for the lock of the organization. Those that this group leaves out
/// as well are run alone.
async fn run_organization(database: Arc<Database>, members: Vec<Member>) {
    for member in run(&database, members).await {
        tokio::spawn(run_alone(Arc::clone(&database), member));
    }
}

/// Runs a write in a transaction of its own, and sends its result.
async fn run_alone(database: Arc<Database>, member: Member) {
    let Member { write, done, running } = member;
    // The result is dropped if the caller has dropped its future.
    let _ = done.send(commit::write(&database, write).await);
    drop(running);
}

/// Runs writes as a group, and sends their results. Returns those that were left out.
async fn run(database: &Arc<Database>, mut members: Vec<Member>) -> Vec<Member> {
    if members.len() < 2 {
        for member in members {
            run_alone(Arc::clone(database), member).await;
        }
        return Vec::new();
    }
    let Ok(statuses) = attempt(database, &mut members).await else {
        // Nothing was committed. The writes are run at the same time, so that they do not wait for a lock one after another.
        for member in members {
            tokio::spawn(run_alone(Arc::clone(database), member));
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

/// The status of a write of a group.
enum Status {
    /// It has to be decided in the next round.
    Waiting,
    /// It is decided. If the group is committed, its result is made from this.
    Decided(Sent),
    /// It cannot be run in this group, and is run after it.
    LeftOut,
    /// It has this result.
    Ended(Result<Committed>),
}

/// Runs writes in one transaction. Returns the status of each. If this fails, nothing was committed.
async fn attempt(database: &Database, members: &mut [Member]) -> Result<Vec<Status>, Failure> {
    let mut group = Group {
        transaction: database.begin_write().await?,
        unsent: Vec::new(),
        written: Sent::default(),
        entries: Vec::new(),
        revision: 0,
        numbers: Committed::default(),
    };
    let mut statuses: Vec<Status> = members.iter().map(|_| Status::Waiting).collect();
    let result = async {
        let organizations: BTreeSet<&str> = members.iter().map(Member::organization_id).collect();
        let mut locks = if organizations.len() == 1 {
            lock(&members[0].write.scope)
        } else {
            // With this lock, the group and writes of `Scope::Everything` wait for each other. The INSERT of `lock` takes it, but not the SELECT of
            // `take_revisions`.
            vec![Statement::new("LOCK TABLE {s}.scope IN ROW EXCLUSIVE MODE")]
        };
        for _ in 0..ROUNDS {
            let waits = |status: &Status| matches!(status, Status::Waiting);
            if !statuses.iter().any(waits) {
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
    let changes = sent.changes;
    let mut ended = group.end(database, scope, sent).await?;
    if ended.is_ok() {
        database.announce(changes);
    }
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

/// Returns the scope of one of the decided writes, or `None` if there is none, and what they all write.
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

/// Returns the result of a write of a group, given the numbers of all rows that the group wrote.
fn result_of(sent: &Sent, numbers: &Committed) -> Committed {
    let own = |ids: &[String], all: &HashMap<String, i64>| {
        ids.iter().filter_map(|id| Some((id.clone(), *all.get(id)?))).collect()
    };
    Committed {
        users: own(&sent.user_ids, &numbers.users),
        groups: own(&sent.group_ids, &numbers.groups),
        changes: sent.changes,
    }
}

/// The transaction of a group.
struct Group<'a> {
    transaction: Transaction<'a>,
    /// Statements of decided writes. They are sent with the statements of the next round, or with the commit.
    unsent: Vec<Statement>,
    /// The rows whose numbers the first statements of `unsent` return.
    written: Sent,
    /// The entries of all decided writes.
    entries: Vec<NewEntry>,
    /// The greatest revision that the group has taken.
    revision: i64,
    /// The numbers of the rows that were written by the statements that are sent already.
    numbers: Committed,
}

impl Group<'_> {
    /// Sends the unsent statements, and then `statements`. Returns the rows of each of `statements`.
    async fn send(&mut self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, Failure> {
        let mut all = std::mem::take(&mut self.unsent);
        let earlier = all.len();
        all.extend(statements);
        let mut rows = self.transaction.run(&all).await?;
        let rest = rows.split_off(earlier);
        add_numbers(&mut self.numbers, &rows, &std::mem::take(&mut self.written))?;
        Ok(rest)
    }

    /// Decides the waiting writes that do not depend on each other. `locks` are statements that are sent before all others of this round.
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
                *writes.entry(member.organization_id().to_owned()).or_default() += 1;
                asking.push((index, Asking { keys: member.write.keys.clone(), revision: 0, asked: 0 }));
            }
        }
        let mut statements = locks;
        statements.push(take_revisions(&writes));
        let first_load = statements.len();
        let mut revisions: Option<HashMap<String, VecDeque<i64>>> = None;
        let (mut batch, mut stored, mut changed) = (Batch::default(), Stored::default(), Changed::default());
        while !asking.is_empty() {
            let mut keys = Keys::default();
            asking.retain(|(_, asking)| {
                // The counts of one directory can be loaded for one key only. A write that asks for them with another key stays `Waiting`.
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
            let mut rows = self.send(all).await?;
            if is_first {
                let loaded = rows.split_off(first_load);
                let taken = read_revisions(rows.last().map(Vec::as_slice).unwrap_or_default())?;
                self.revision = taken.values().flatten().copied().max().unwrap_or(0).max(self.revision);
                revisions = Some(taken);
                rows = loaded;
            }
            let loaded = plan.finish(&mut self.transaction, 0, &rows).await?;
            stored.add(&loaded.set);
            let mut again = Vec::new();
            for (index, mut asking) in asking {
                let (member, status) = (&mut members[index], &mut statuses[index]);
                if is_first {
                    let id = member.organization_id();
                    let own = revisions.as_mut().and_then(|revisions| revisions.get_mut(id)?.pop_front());
                    let Some(revision) = own else {
                        // Another transaction has locked the organization, or its scope has no row yet, because it had no write.
                        *status = Status::LeftOut;
                        continue;
                    };
                    asking.revision = revision;
                }
                if changed.concerns(member.organization_id(), &asking.keys, &loaded) {
                    // Stays `Waiting`.
                    continue;
                }
                match decide(&mut member.write, &asking, &loaded) {
                    Decided::Batch(own) => {
                        *status = Status::Decided(Sent::of(&own));
                        changed.add(member.organization_id(), &own, &stored, &loaded);
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
        self.written = Sent::of(&batch);
        self.unsent = put_rows(batch, &stored, None)?;
        Ok(())
    }

    /// Commits the decided writes, or rolls back if there are none. `scope` is that of one of them, or `None`, and `sent` is what they write. Returns the
    /// numbers of all written rows, or the error of all decided writes if they may have been committed. If this function fails, nothing was committed.
    async fn end(
        mut self,
        database: &Database,
        scope: Option<Scope>,
        sent: Sent,
    ) -> Result<Result<Committed>, Failure> {
        let Some(scope) = scope else {
            self.transaction.roll_back().await;
            return Ok(Ok(Committed::default()));
        };
        let id = CommitId::new(self.revision);
        let mut statements = std::mem::take(&mut self.unsent);
        // The transaction is logged and flushed even if it wrote no rows: see `commit::attempt`.
        match append_or_log(&self.entries, sent.changes, id) {
            Ok(last) => statements.push(last),
            Err(error) => {
                self.transaction.roll_back().await;
                return Err(error.into());
            }
        }
        let (written, mut numbers) = (self.written, self.numbers);
        let ended = if self.entries.is_empty() {
            self.transaction.end(&statements, Flush::Now).await.map(|rows| (rows, true))
        } else {
            let ended = self.transaction.end_and_flush(&statements, id.mark_durable(true)).await;
            ended.map(|(rows, marked)| (rows, !marked.is_empty()))
        };
        match ended {
            Ok((rows, true)) => Ok(add_numbers(&mut numbers, &rows, &written).map(|()| numbers)),
            Ok((_, false)) => Err(undone()),
            Err(failure) if failure.cause == Cause::Lost => match find(database, &scope, id, &sent).await {
                Ok(Some(committed)) => Ok(Ok(committed)),
                Ok(None) => Err(failure),
                Err(error) => Ok(Err(error)),
            },
            Err(failure) => Err(failure),
        }
    }
}

/// Adds to `numbers` those that the statements of decided writes have returned. `rows` are the results of these statements, which wrote `written`.
fn add_numbers(numbers: &mut Committed, rows: &[Vec<Row>], written: &Sent) -> Result<()> {
    let Committed { users, groups, .. } = committed(rows, written)?;
    numbers.users.extend(users);
    numbers.groups.extend(groups);
    Ok(())
}

/// A write that is being decided: the rows that it has asked for, and its revision.
struct Asking {
    /// The keys of the rows that it gets.
    keys: Keys,
    /// The revision of the write.
    revision: i64,
    /// How many times it has asked for more rows.
    asked: usize,
}

/// The result of a decision in a group.
enum Decided {
    /// What the write commits.
    Batch(Box<Batch>),
    /// The write asks for more rows.
    Ask(Box<Keys>),
    /// The write cannot be part of a group.
    LeaveOut,
    Error(Error),
}

/// Decides a write with its part of the rows that were loaded for the group.
fn decide(write: &mut Write, asking: &Asking, loaded: &Loaded) -> Decided {
    let own = loaded.part(&asking.keys, asking.revision);
    // Rows of other organizations may be changed by other transactions. `commit` runs this write, and locks these organizations as well.
    if own.owners().iter().any(|owner| write.scope != Scope::Organization(owner.clone())) {
        return Decided::LeaveOut;
    }
    let mut stored = Stored::default();
    stored.add(&own.set);
    match catch_panic(|| (write.decide)(own.set)) {
        Ok(Decision::Load(more)) => Decided::Ask(more),
        Ok(Decision::Commit(batch)) => {
            // `commit` runs a write that has to be decided again after more rows are loaded or locked, and one that writes a setting of the mirror.
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

/// What the decided writes of a round change.
#[derive(Default)]
struct Changed {
    user_ids: BTreeSet<String>,
    group_ids: BTreeSet<String>,
    event_ids: BTreeSet<String>,
    /// The addresses that the changed users had or have: pairs as in [`Keys::addresses`].
    addresses: BTreeSet<(String, String)>,
    /// The organizations with changed users or groups.
    organizations: BTreeSet<String>,
    /// The organizations with changed rows of other kinds, or changed counts of pending events.
    others: BTreeSet<String>,
}

impl Changed {
    /// Adds what a decided write changes.
    fn add(&mut self, organization_id: &str, batch: &Batch, stored: &Stored, loaded: &Loaded) {
        for UserWrite { row, .. } in &batch.users {
            let before = loaded.set.users.get(&row.user.id).map(|row| &row.user);
            let users = before.into_iter().chain([&row.user]).filter(|user| !user.email.is_empty());
            self.addresses.extend(users.map(|user| (user.organization_id.clone(), email_key(&user.email))));
        }
        self.user_ids.extend(batch.users.iter().map(|write| write.row.user.id.clone()));
        self.group_ids.extend(batch.groups.iter().map(|row| row.group.id.clone()));
        self.event_ids.extend(batch.events.iter().map(|row| row.id.clone()));
        let may_change_counts =
            |row: &EventRow| row.state != EventState::Settled || stored.events.contains_key(&row.id);
        if batch.has_other_rows() || batch.events.iter().any(may_change_counts) {
            self.others.insert(organization_id.to_owned());
        }
        if !batch.users.is_empty() || !batch.groups.is_empty() {
            self.organizations.insert(organization_id.to_owned());
        }
    }

    /// Returns whether a decided write of this round may have changed the rows that a write of an organization gets.
    fn concerns(&self, organization_id: &str, keys: &Keys, loaded: &Loaded) -> bool {
        // These are computed from the users of the organization.
        let is_computed = !(keys.counts.is_empty() && keys.holds.is_empty());
        self.others.contains(organization_id)
            || (is_computed && self.organizations.contains(organization_id))
            || !self.addresses.is_disjoint(&keys.addresses)
            || !self.user_ids.is_disjoint(&keys.users)
            || !self.event_ids.is_disjoint(&keys.events)
            || loaded.group_ids(keys).into_iter().any(|id| self.group_ids.contains(id))
    }
}

/// Makes the statement that locks organizations, except for those that other transactions have locked, and takes revisions for each locked one: as many
/// for each as the organization with the most writes needs.
fn take_revisions(writes: &BTreeMap<String, i64>) -> Statement {
    let sql = "SELECT locked.name, nextval('{s}.revision')
        FROM (SELECT name FROM {s}.scope WHERE kind = 1 AND name = ANY($1) FOR NO KEY UPDATE SKIP LOCKED) AS locked
        CROSS JOIN generate_series(1, $2)";
    Statement::new(sql).with(texts(writes.keys())).with(writes.values().copied().max().unwrap_or(1))
}

/// Reads the revisions of each organization, in ascending order.
fn read_revisions(rows: &[Row]) -> Result<HashMap<String, VecDeque<i64>>> {
    let mut revisions: HashMap<String, Vec<i64>> = HashMap::new();
    for row in rows {
        revisions.entry(get_text(row, 0)?).or_default().push(get(row, 1)?);
    }
    let sorted = revisions.into_iter().map(|(id, mut revisions)| {
        revisions.sort_unstable();
        (id, revisions.into())
    });
    Ok(sorted.collect())
}
