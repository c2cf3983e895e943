//! Writes: `core/src/store/postgres/commit.rs`.

use super::client::{Cause, Database, Failure, Transaction, unknown};
use super::lease;
use super::load::{Loaded, Plan};
use super::server::{Access, Answer, Flush, Statement, Stop, TableLock};
use super::tables::{
    APPROVAL, CHANGE, CHORE, COMMIT_LOG, COUNTER, DIRECTORY, DURABLE, ERASURE, EVENT, EVENT_ID, GROUP_ID, GROUPS, HOLD,
    Key, LOSS, ORGANIZATION, PENDING, RETIREMENT, RUN, RUN_ID, SCOPE, SETTING, SLOTS, USER_ID, USERS,
};
use super::{Mistake, catch_panic};
use headcount::store::{
    Batch, Committed, Decision, Durability, Entry, ErasureRow, EventRow, EventState, GroupRow, HoldRow, MAX_LOADS,
    NewEntry, Scope, UserRow, UserWrite, WorkingSet, Write,
};
use headcount::system::Random;
use headcount::{Error, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// `commit::lock`. The answer is the revision that the last statement takes.
pub(super) fn lock(database: &Database, scope: &Scope) -> (Vec<Statement>, Answer<i64>) {
    let key = match scope {
        Scope::Organization(id) => Key::Scope(1, id.clone()),
        Scope::Consumer(name) => Key::Scope(2, name.clone()),
        Scope::Everything => Key::Scope(0, String::new()),
    };
    let mut statements = Vec::new();
    let is_everything = *scope == Scope::Everything;
    if is_everything && !database.makes(Mistake::EverythingNotLocked) {
        statements.push(Statement::run("LOCK TABLE scope", |access| access.lock_scopes(TableLock::Exclusive)));
    }
    let locks = !database.makes(match scope {
        Scope::Organization(_) => Mistake::ScopeNotLocked,
        Scope::Consumer(_) => Mistake::ConsumerNotLocked,
        Scope::Everything => Mistake::EverythingNotLocked,
    });
    let (statement, revision) = Statement::new("lock scope", move |access| {
        if locks {
            if !is_everything {
                access.lock_scopes(TableLock::Rows)?;
            }
            access.lock_key(SCOPE, key.clone())?;
        }
        let revision = access.next(|sequences| &mut sequences.revision);
        if locks {
            access.put(SCOPE, key.clone(), revision);
        }
        Ok(revision)
    });
    statements.push(statement);
    (statements, revision)
}

/// `commit::lock_environment`.
fn lock_environment() -> Statement {
    Statement::run("lock environment", |access| {
        access.lock_scopes(TableLock::Rows)?;
        let key = Key::Scope(3, String::new());
        let revision = access.lock_key(SCOPE, key.clone())?.unwrap_or(0);
        access.put(SCOPE, key, revision);
        Ok(())
    })
}

/// `commit::slot`.
pub(super) fn slot(database: &Database) -> i64 {
    database.random().below(SLOTS) as i64
}

/// `commit::mark_durable`.
pub(super) fn mark_durable(database: &Database, change: i64) -> Statement {
    let slot = slot(database);
    Statement::run("UPDATE durable", move |access| {
        if access.row(DURABLE, slot).is_some_and(|known| *known < change)
            && access.lock_row(DURABLE, slot)?.is_some_and(|known| known < change)
        {
            access.put(DURABLE, slot, change);
        }
        Ok(())
    })
}

/// Makes the statement that records the latest change as durable: `consumers::mark_all_durable`, and the last statement of `commit::look`.
pub(super) fn mark_latest(database: &Database) -> Statement {
    let slot = slot(database);
    Statement::run("UPDATE durable from counter", move |access| {
        let latest = access.row(COUNTER, 1).copied().unwrap_or(0);
        if let Some(known) = access.lock_row(DURABLE, slot)? {
            access.put(DURABLE, slot, known.max(latest));
        }
        Ok(())
    })
}

/// `commit::CommitId`.
#[derive(Clone, Copy, Debug)]
pub(super) struct CommitId {
    revision: i64,
    random: i64,
}

impl CommitId {
    pub(super) fn new(database: &Database, revision: i64) -> CommitId {
        CommitId { revision, random: database.random().bits() as i64 }
    }

    fn insert(self, access: &mut Access<'_>) -> Result<(), Stop> {
        access.insert(COMMIT_LOG, self.revision, (self.random, access.now))
    }

    pub(super) fn log(self) -> Statement {
        Statement::run("INSERT INTO commit_log", move |access| self.insert(access))
    }

    fn is_logged(self, access: &Access<'_>) -> bool {
        access.row(COMMIT_LOG, self.revision).is_some_and(|(random, _)| *random == self.random)
    }

    /// `CommitId::mark_durable`. The result tells whether the first transaction was found.
    pub(super) fn mark_durable(self, database: &Database, changes: bool) -> (Statement, Answer<bool>) {
        let (slot, looks) = (slot(database), !database.makes(Mistake::MarkedWithoutLookUp));
        Statement::new("UPDATE durable of commit", move |access| {
            if looks && !self.is_logged(access) {
                return Ok(false);
            }
            let latest = access.row(COUNTER, 1).copied().unwrap_or(0);
            let known = access.lock_row(DURABLE, slot)?.unwrap_or(0);
            access.put(DURABLE, slot, if changes { known.max(latest) } else { known });
            Ok(true)
        })
    }
}

/// `commit::Ended`.
pub(super) enum Ended<T> {
    Failed(Failure),
    Unknown(Failure, CommitId, T),
}

impl<T, F: Into<Failure>> From<F> for Ended<T> {
    fn from(failure: F) -> Ended<T> {
        Ended::Failed(failure.into())
    }
}

/// `commit::end_attempt`.
pub(super) async fn end_attempt<T>(
    transaction: Transaction<'_>,
    statements: Vec<Statement>,
    id: CommitId,
    value: T,
) -> Result<T, Ended<T>> {
    match transaction.end(statements, Flush::Now).await {
        Ok(()) => Ok(value),
        Err(failure) if failure.cause == Cause::Lost => Err(Ended::Unknown(failure, id, value)),
        Err(failure) => Err(Ended::Failed(failure)),
    }
}

/// `commit::Sent`.
#[derive(Clone, Default)]
pub(super) struct Sent {
    pub(super) user_ids: Vec<String>,
    pub(super) group_ids: Vec<String>,
    pub(super) changes: u64,
}

impl Sent {
    pub(super) fn of(batch: &Batch) -> Sent {
        Sent {
            user_ids: batch.users.iter().map(|write| write.row.user.id.clone()).collect(),
            group_ids: batch.groups.iter().map(|row| row.group.id.clone()).collect(),
            changes: batch.entries.iter().map(|entry| u64::from(entry.count())).sum(),
        }
    }
}

/// `commit::write`.
pub(super) async fn write(database: &Database, releases: &lease::Releases, mut write: Write) -> Result<Committed> {
    if write.fence.is_some() {
        releases.wait().await;
    }
    let mut attempts = database.attempts();
    loop {
        let failure = match attempt(database, &mut write).await {
            Ok(committed) => return Ok(committed),
            Err(Ended::Failed(failure)) => failure,
            Err(Ended::Unknown(failure, ..)) if database.makes(Mistake::RetryWithoutLookUp) => failure,
            Err(Ended::Unknown(failure, id, sent)) => match find(database, &write.scope, id, &sent).await? {
                Some(committed) => return Ok(committed),
                None => failure,
            },
        };
        attempts.wait(failure).await?;
    }
}

/// `commit::attempt`.
async fn attempt(database: &Database, write: &mut Write) -> Result<Committed, Ended<Sent>> {
    let mut transaction = database.begin_write().await?;
    let now = database.now(write.now);
    let decided = match decide(database, &mut transaction, write, now).await {
        Ok(decided) => decided,
        Err(failure) => {
            transaction.roll_back().await;
            return Err(failure.into());
        }
    };
    let fence = write.fence.as_ref().filter(|_| decided.extends);
    let (extend, extended) = fence.map(|fence| lease::extend(fence, now)).unzip();
    if decided.batch.is_empty() {
        transaction.end(extend.into_iter().collect(), Flush::Now).await?;
        if let Some((fence, extended)) = fence.zip(extended) {
            lease::check_extended(fence, extended.take())?;
        }
        return Ok(Committed::default());
    }
    let appends = !decided.batch.entries.is_empty();
    let id = CommitId::new(database, decided.revision);
    let sent = Sent::of(&decided.batch);
    let Decided { mut batch, stored, .. } = decided;
    let entries = std::mem::take(&mut batch.entries);
    let (mut statements, numbers) = put_rows(batch, &stored, extend);
    match append_or_log(database, &entries, sent.changes, id) {
        Ok(last) => statements.extend(last),
        Err(error) => {
            transaction.roll_back().await;
            return Err(error.into());
        }
    }
    let ended = if appends && database.makes(Mistake::CommitNotFlushed) {
        transaction.end(statements, Flush::Later).await.map(|()| true)
    } else if appends {
        let (mark, marked) = id.mark_durable(database, write.durability == Durability::Power);
        transaction.end_and_flush(statements, mark).await.map(|()| marked.take())
    } else {
        transaction.end(statements, Flush::Now).await.map(|()| true)
    };
    match ended {
        Ok(true) => Ok(numbers.committed(sent.changes)),
        Ok(false) => Err(undone().into()),
        Err(failure) if failure.cause == Cause::Lost => Err(Ended::Unknown(failure, id, sent)),
        Err(failure) => Err(failure.into()),
    }
}

/// `commit::undone`.
pub(super) fn undone() -> Failure {
    let error = Error::store("a crash of the server undid the write before it was durable").temporary();
    Failure { error, cause: Cause::Conflict }
}

/// `commit::find`.
pub(super) async fn find(database: &Database, scope: &Scope, id: CommitId, sent: &Sent) -> Result<Option<Committed>> {
    let numbers = look(database, scope, id, sent).await?;
    Ok(numbers.map(|numbers| Committed { changes: sent.changes, ..numbers }))
}

/// `commit::look`. Returns the numbers of the rows that `sent` names.
async fn look(database: &Database, scope: &Scope, id: CommitId, sent: &Sent) -> Result<Option<Committed>> {
    let mut attempts = database.attempts();
    loop {
        let (mut statements, _) = lock(database, scope);
        let (select, is_logged) = Statement::new("SELECT commit_log", move |access| Ok(id.is_logged(access)));
        let ids = sent.user_ids.clone();
        let (select_users, users) = Statement::new("SELECT numbers of users", move |access| {
            Ok(ids.iter().filter_map(|id| Some((id.clone(), *access.row(USER_ID, id)?))).collect())
        });
        let ids = sent.group_ids.clone();
        let (select_groups, groups) = Statement::new("SELECT numbers of groups", move |access| {
            Ok(ids.iter().filter_map(|id| Some((id.clone(), *access.row(GROUP_ID, id)?))).collect())
        });
        statements.extend([select, select_users, select_groups, mark_latest(database)]);
        let result = match database.begin_write().await {
            Ok(transaction) => transaction.end(statements, Flush::Now).await,
            Err(failure) => Err(failure),
        };
        match result {
            Ok(()) => {
                let committed = Committed { users: users.take(), groups: groups.take(), ..Committed::default() };
                return Ok(is_logged.take().then_some(committed));
            }
            Err(failure) => attempts.wait(failure.into_loss_if_temporary()).await.map_err(unknown)?,
        }
    }
}

/// `commit::was_committed`.
pub(super) async fn was_committed(database: &Database, scope: &Scope, id: CommitId) -> Result<bool> {
    Ok(look(database, scope, id, &Sent::default()).await?.is_some())
}

/// `commit::run`. `make` makes the statements of an attempt, and a closure that takes their results.
pub(super) async fn run<T, M: FnOnce() -> T>(
    database: &Database,
    scope: &Scope,
    make: impl Fn() -> (Vec<Statement>, M),
) -> Result<T> {
    let mut attempts = database.attempts();
    loop {
        let (statements, take) = make();
        let failure = match run_once(database, scope, statements, take).await {
            Ok(value) => return Ok(value),
            Err(Ended::Failed(failure)) => failure,
            Err(Ended::Unknown(failure, id, value)) => {
                if was_committed(database, scope, id).await? {
                    return Ok(value);
                }
                failure
            }
        };
        attempts.wait(failure).await?;
    }
}

/// `commit::run_once`.
async fn run_once<T>(
    database: &Database,
    scope: &Scope,
    statements: Vec<Statement>,
    take: impl FnOnce() -> T,
) -> Result<T, Ended<T>> {
    let mut transaction = database.begin_write().await?;
    let result = async {
        let (locks, revision) = lock(database, scope);
        transaction.run(locks).await?;
        transaction.run(statements).await?;
        Ok::<_, Failure>(CommitId::new(database, revision.take()))
    };
    match result.await {
        Ok(id) => end_attempt(transaction, vec![id.log()], id, take()).await,
        Err(failure) => {
            transaction.roll_back().await;
            Err(failure.into())
        }
    }
}

/// `commit::Decided`.
struct Decided {
    revision: i64,
    batch: Batch,
    extends: bool,
    stored: Stored,
}

/// The part of a stored event on which the counts of pending events depend: `pending::StoredEvent`.
#[derive(Clone)]
pub(super) struct StoredEvent {
    organization_id: String,
    pending: Option<i64>,
}

/// `commit::Stored`.
#[derive(Default)]
pub(super) struct Stored {
    pub(super) events: HashMap<String, StoredEvent>,
    pub(super) directory_ids: BTreeSet<String>,
}

impl Stored {
    pub(super) fn add(&mut self, set: &WorkingSet) {
        self.events.extend(set.events.iter().map(|(id, row)| {
            (id.clone(), StoredEvent { organization_id: row.organization_id.clone(), pending: pending_bytes(row) })
        }));
        self.directory_ids.extend(set.directories.keys().cloned());
    }
}

fn pending_bytes(row: &EventRow) -> Option<i64> {
    (row.state == EventState::Pending).then(|| row.body.as_ref().map_or(0, |body| body.len() as i64))
}

/// `commit::decide`.
async fn decide(
    database: &Database,
    transaction: &mut Transaction<'_>,
    write: &mut Write,
    now: Option<i64>,
) -> Result<Decided, Failure> {
    let mut keys = write.keys.clone();
    let (mut plan, loads) = Plan::new(keys.clone());
    let (mut statements, mut revision) = lock(database, &write.scope);
    let mut fence = None;
    if let Some(own) = &write.fence {
        let (select, row) = lease::select(database, own, now);
        statements.push(select);
        fence = Some((own, row));
    }
    statements.extend(loads);
    transaction.run(statements).await?;
    let mut number = revision.take();
    let extends = match fence {
        None => false,
        Some(_) if database.makes(Mistake::FenceNotChecked) => false,
        Some((fence, row)) => lease::check(fence, row.take())?,
    };
    let mut locked = match &write.scope {
        Scope::Organization(id) => Some(BTreeSet::from([id.clone()])),
        Scope::Consumer(_) | Scope::Everything => None,
    };
    let mut has_environment_lock = matches!(write.scope, Scope::Everything);
    let mut asked = 0;
    loop {
        let loaded: Loaded = plan.finish(transaction, number).await?;
        let mut statements = Vec::new();
        let mut has_locked = false;
        if let Some(locked) = &mut locked {
            for id in loaded.owners().into_iter().filter(|id| !locked.contains(id)).collect::<Vec<_>>() {
                let (locks, next) = lock(database, &Scope::Organization(id.clone()));
                statements.extend(locks);
                (revision, has_locked) = (next, true);
                locked.insert(id);
            }
        }
        if !has_locked {
            let mut stored = Stored::default();
            stored.add(&loaded.set);
            match catch_panic(|| (write.decide)(loaded.set))? {
                Decision::Commit(batch) => {
                    let events = batch.events.iter().map(|row| &row.id).filter(|id| !keys.events.contains(*id));
                    let events: Vec<String> = events.cloned().collect();
                    let directories = batch.directories.iter().map(|row| &row.directory.id);
                    let directories =
                        directories.filter(|id| !stored.directory_ids.contains(*id) && !keys.directories.contains(*id));
                    let directories: Vec<String> = directories.cloned().collect();
                    let needs_environment_lock = batch.environment.is_some() && !has_environment_lock;
                    if events.is_empty() && directories.is_empty() && !needs_environment_lock {
                        return Ok(Decided { revision: number, batch: *batch, extends, stored });
                    }
                    keys.events.extend(events);
                    keys.directories.extend(directories);
                    if needs_environment_lock {
                        statements.push(lock_environment());
                        has_environment_lock = true;
                    }
                }
                Decision::Load(more) => keys.extend(*more),
            }
            asked += 1;
            if asked == MAX_LOADS {
                let message = format!("a decision still asked for more rows after {MAX_LOADS} loads");
                return Err(Error::internal(message).into());
            }
        }
        let (next, loads) = Plan::new(keys.clone());
        statements.extend(loads);
        transaction.run(statements).await?;
        plan = next;
        if has_locked {
            number = revision.take();
        }
    }
}

/// The numbers that the statements of [`put_rows`] return.
#[derive(Default)]
pub(super) struct Numbers {
    users: Option<Answer<HashMap<String, i64>>>,
    groups: Option<Answer<HashMap<String, i64>>>,
}

impl Numbers {
    /// `commit::committed`. The statements have run.
    pub(super) fn committed(&self, changes: u64) -> Committed {
        let numbers = |answer: &Option<Answer<_>>| answer.as_ref().map(Answer::take).unwrap_or_default();
        Committed { users: numbers(&self.users), groups: numbers(&self.groups), changes }
    }
}

/// `commit::put_rows`.
pub(super) fn put_rows(batch: Batch, stored: &Stored, extend: Option<Statement>) -> (Vec<Statement>, Numbers) {
    let Batch {
        organizations,
        directories,
        groups,
        users,
        entries: _,
        events,
        losses,
        holds,
        ended_holds,
        approvals,
        role_map,
        settings,
        environment,
        mirror_id,
        retirements,
        chores,
        done_chores,
        runs,
        erasures,
        ended_erasures,
    } = batch;
    let (mut statements, mut numbers) = (Vec::new(), Numbers::default());
    if !users.is_empty() {
        let (statement, answer) = put_users(users);
        statements.push(statement);
        numbers.users = Some(answer);
    }
    if !groups.is_empty() {
        let (statement, answer) = put_groups(groups);
        statements.push(statement);
        numbers.groups = Some(answer);
    }
    statements.extend(extend);
    if !organizations.is_empty() {
        statements.push(Statement::run("UPSERT organization", move |access| {
            organizations.iter().try_for_each(|row| upsert(access, ORGANIZATION, &row.id, row.clone()))
        }));
    }
    let (known, new): (Vec<_>, Vec<_>) =
        directories.into_iter().partition(|row| stored.directory_ids.contains(&row.directory.id));
    if !new.is_empty() {
        statements.push(Statement::run("INSERT INTO directory", move |access| {
            new.iter().try_for_each(|row| access.insert(DIRECTORY, &row.directory.id, row.clone()))
        }));
    }
    if !known.is_empty() {
        statements.push(Statement::run("UPSERT directory", move |access| {
            known.iter().try_for_each(|row| upsert(access, DIRECTORY, &row.directory.id, row.clone()))
        }));
    }
    if !events.is_empty() {
        statements.extend(put_events(events, &stored.events));
    }
    if !losses.is_empty() {
        statements.push(Statement::run("UPSERT loss", move |access| {
            let key =
                |row: &headcount::store::LossRow| Key::Loss(row.directory_id.clone(), row.at, row.user_id.clone());
            losses.iter().try_for_each(|row| upsert(access, LOSS, key(row), row.clone()))
        }));
    }
    if !holds.is_empty() {
        statements.push(Statement::run("UPSERT hold", move |access| {
            for row in &holds {
                let known = access.lock_key(HOLD, row.number)?.unwrap_or_else(|| row.clone());
                let row = HoldRow { causes: row.causes.clone(), revision: row.revision, ..known };
                access.put(HOLD, row.number, row);
            }
            Ok(())
        }));
    }
    if !ended_holds.is_empty() {
        statements.push(delete("DELETE FROM hold", HOLD, ended_holds));
    }
    if !approvals.is_empty() {
        statements.push(Statement::run("INSERT INTO approval", move |access| {
            for row in &approvals {
                if access.lock_key(APPROVAL, &row.id)?.is_none() {
                    access.put(APPROVAL, &row.id, row.clone());
                }
            }
            Ok(())
        }));
    }
    statements.extend(role_map.map(|text| put_setting("role_map", text)));
    statements.extend(settings.map(|settings| put_setting("options", to_json(&settings))));
    statements.extend(environment.map(|row| put_setting("environment", to_json(&row))));
    statements.extend(mirror_id.map(|id| put_setting("id", id)));
    if !retirements.is_empty() {
        statements.push(Statement::run("UPSERT retirement", move |access| {
            for row in &retirements {
                let mut known = access.lock_key(RETIREMENT, &row.id)?.unwrap_or_else(|| row.clone());
                (known.ended_at, known.users) = (row.ended_at, row.users);
                access.put(RETIREMENT, &row.id, known);
            }
            Ok(())
        }));
    }
    if !chores.is_empty() {
        statements.push(Statement::run("UPSERT chore", move |access| {
            for row in chores.iter().filter(|row| row.number != 0) {
                upsert(access, CHORE, row.number, row.clone())?;
            }
            for row in chores.iter().filter(|row| row.number == 0) {
                let number = access.next(|sequences| &mut sequences.chore);
                access.insert(CHORE, number, headcount::store::Chore { number, ..row.clone() })?;
            }
            Ok(())
        }));
    }
    if !done_chores.is_empty() {
        statements.push(delete("DELETE FROM chore", CHORE, done_chores));
    }
    if !erasures.is_empty() {
        statements.push(Statement::run("UPSERT erasure", move |access| {
            for row in &erasures {
                let known = access.lock_key(ERASURE, &row.mark)?.unwrap_or_else(|| row.clone());
                let (user_id, organization_id) = (row.user_id.clone(), row.organization_id.clone());
                access.put(ERASURE, &row.mark, ErasureRow { user_id, organization_id, ..known });
            }
            Ok(())
        }));
    }
    if !ended_erasures.is_empty() {
        statements.push(Statement::run("DELETE FROM erasure", move |access| {
            for mark in &ended_erasures {
                if access.lock_key(ERASURE, mark)?.is_some() {
                    access.delete(ERASURE, mark);
                }
            }
            Ok(())
        }));
    }
    if !runs.is_empty() {
        statements.push(Statement::run("UPSERT run", move |access| {
            for row in &runs {
                let key = Key::Run(row.run.id.clone(), row.run.directory_id.clone());
                // The sequence gives a number to each row, also if the row exists and keeps its own.
                let next = access.next(|sequences| &mut sequences.run);
                let number = match access.lock_key(RUN_ID, key.clone())? {
                    Some(number) => number,
                    None => {
                        access.insert(RUN_ID, key, next)?;
                        next
                    }
                };
                let mut row = row.clone();
                row.run.number = number;
                upsert(access, RUN, number, row)?;
            }
            Ok(())
        }));
    }
    (statements, numbers)
}

fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("a record can be written as JSON")
}

/// `INSERT … ON CONFLICT … DO UPDATE` of a whole row.
pub(super) fn upsert<V: Clone + Send + Sync>(
    access: &mut Access<'_>,
    table: super::tables::Table<V>,
    key: impl Into<Key>,
    row: V,
) -> Result<(), Stop> {
    let key = key.into();
    access.lock_key(table, key.clone())?;
    access.put(table, key, row);
    Ok(())
}

/// `commit::delete`.
fn delete<V: Clone>(name: &'static str, table: super::tables::Table<V>, numbers: BTreeSet<i64>) -> Statement {
    Statement::run(name, move |access| {
        for number in &numbers {
            if access.lock_row(table, *number)?.is_some() {
                access.delete(table, *number);
            }
        }
        Ok(())
    })
}

/// `commit::put_setting`.
fn put_setting(name: &'static str, value: String) -> Statement {
    Statement::run("UPSERT setting", move |access| upsert(access, SETTING, name, value.clone()))
}

/// Locks the row with this number, which is replaced. If there is none, or `number` is 0, the row is inserted: locks its id in the unique index, and fails
/// if another row has the id.
fn lock_numbered<V: Clone>(
    access: &mut Access<'_>,
    tables: (super::tables::Table<V>, super::tables::Table<i64>),
    number: i64,
    id: &str,
) -> Result<(), Stop> {
    let (rows, ids) = tables;
    let is_stored = number != 0 && access.lock_key(rows, number)?.is_some();
    if !is_stored && access.lock_key(ids, id)?.is_some() {
        return Err(Stop::Fail(super::server::Code::UniqueViolation));
    }
    Ok(())
}

/// `commit::put_users`.
fn put_users(writes: Vec<UserWrite>) -> (Statement, Answer<HashMap<String, i64>>) {
    Statement::new("UPSERT users", move |access| {
        for UserWrite { row, .. } in &writes {
            lock_numbered(access, (USERS, USER_ID), row.number, &row.user.id)?;
        }
        let mut numbers = HashMap::new();
        for UserWrite { row, .. } in &writes {
            let number = match row.number {
                0 => access.next(|sequences| &mut sequences.user),
                number => number,
            };
            access.lock_key(USERS, number)?;
            access.put(USERS, number, Arc::new(UserRow { number, ..row.clone() }));
            access.put(USER_ID, &row.user.id, number);
            numbers.insert(row.user.id.clone(), number);
        }
        Ok(numbers)
    })
}

/// `commit::put_groups`.
fn put_groups(rows: Vec<GroupRow>) -> (Statement, Answer<HashMap<String, i64>>) {
    Statement::new("UPSERT groups", move |access| {
        for row in &rows {
            lock_numbered(access, (GROUPS, GROUP_ID), row.number, &row.group.id)?;
        }
        let mut numbers = HashMap::new();
        for row in &rows {
            let number = match row.number {
                0 => access.next(|sequences| &mut sequences.group),
                number => number,
            };
            access.lock_key(GROUPS, number)?;
            access.put(GROUPS, number, Arc::new(GroupRow { number, ..row.clone() }));
            access.put(GROUP_ID, &row.group.id, number);
            numbers.insert(row.group.id.clone(), number);
        }
        Ok(numbers)
    })
}

/// `commit::append_or_log`.
pub(super) fn append_or_log(
    database: &Database,
    entries: &[NewEntry],
    changes: u64,
    id: CommitId,
) -> Result<Vec<Statement>> {
    if entries.is_empty() { Ok(vec![id.log()]) } else { append(database, entries, changes, id) }
}

/// `commit::append`.
fn append(database: &Database, entries: &[NewEntry], changes: u64, id: CommitId) -> Result<Vec<Statement>> {
    let mut rows = Vec::with_capacity(entries.len());
    let mut last = 0;
    for entry in entries {
        if entry.count() == 0 {
            return Err(Error::internal("a feed entry has no changes"));
        }
        last += i64::from(entry.count());
        rows.push(Entry {
            last,
            count: entry.count(),
            kind: None,
            organization_id: entry.organization_id.clone(),
            directory_id: entry.directory_id.clone(),
            cause: entry.cause.clone(),
            at: entry.at,
            body: entry.body.encode()?,
        });
    }
    let total = changes as i64;
    let insert = move |access: &mut Access<'_>, before: i64| -> Result<(), Stop> {
        for row in &rows {
            let last = before + row.last;
            access.insert(CHANGE, last, Arc::new(Entry { last, ..row.clone() }))?;
        }
        Ok(())
    };
    if database.makes(Mistake::NumbersAtStart) {
        // The numbers come from a sequence, and `append` changes the row of `counter` without locking it first, so that other transactions can take and
        // commit later numbers before this one commits.
        let (take, before) = Statement::new("take numbers", move |access| {
            Ok((0..total).map(|_| access.next(|sequences| &mut sequences.change)).next().unwrap_or(1) - 1)
        });
        let mut taken = None;
        let append = Statement::run("INSERT INTO change", move |access| {
            let before = *taken.get_or_insert_with(|| before.take());
            id.insert(access)?;
            let latest = access.latest_row(COUNTER, 1).copied().unwrap_or(0);
            access.put(COUNTER, 1, latest.max(before + total));
            insert(access, before)
        });
        return Ok(vec![take, append]);
    }
    Ok(vec![Statement::run("UPDATE counter, INSERT INTO change", move |access| {
        id.insert(access)?;
        let before = access.lock_row(COUNTER, 1)?.unwrap_or(0);
        access.put(COUNTER, 1, before + total);
        insert(access, before)
    })])
}

/// `commit::put_events` and `pending::PendingChanges`.
fn put_events(rows: Vec<EventRow>, stored: &HashMap<String, StoredEvent>) -> Vec<Statement> {
    let mut changes: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for row in &rows {
        let known = stored.get(&row.id);
        let organization_id = known.map_or(&row.organization_id, |known| &known.organization_id);
        let (events, bytes) = changes.entry(organization_id.clone()).or_default();
        if let Some(removed) = known.and_then(|known| known.pending) {
            (*events, *bytes) = (*events - 1, *bytes - removed);
        }
        if let Some(added) = pending_bytes(row) {
            (*events, *bytes) = (*events + 1, *bytes + added);
        }
    }
    changes.retain(|_, change| *change != (0, 0));
    let mut statements = Vec::new();
    let (known, new): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| stored.contains_key(&row.id));
    if !new.is_empty() {
        statements.push(Statement::run("INSERT INTO event", move |access| {
            for row in &new {
                // The number of the row is taken below, when the statement has all locks of the ids and does not wait any more.
                access.insert(EVENT_ID, &row.id, 0)?;
            }
            for row in &new {
                let number = access.next(|sequences| &mut sequences.event);
                access.put(EVENT_ID, &row.id, number);
                access.insert(EVENT, number, Arc::new(row.clone()))?;
            }
            Ok(())
        }));
    }
    if !known.is_empty() {
        statements.push(Statement::run("UPDATE event", move |access| {
            for row in &known {
                let Some(number) = access.row(EVENT_ID, &row.id).copied() else { continue };
                if let Some(stored) = access.lock_row(EVENT, number)? {
                    let (organization_id, received_at) = (stored.organization_id.clone(), stored.received_at);
                    let row = EventRow { organization_id, received_at, ..row.clone() };
                    access.put(EVENT, number, Arc::new(row));
                }
            }
            Ok(())
        }));
    }
    if !changes.is_empty() {
        statements.push(Statement::run("UPSERT pending", move |access| {
            for (id, (events, bytes)) in &changes {
                let known = access.lock_key(PENDING, id)?.unwrap_or((0, 0));
                access.put(PENDING, id, (known.0 + events, known.1 + bytes));
            }
            Ok(())
        }));
    }
    statements
}
