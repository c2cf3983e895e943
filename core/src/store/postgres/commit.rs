//! Writes: locks, loads, decides and commits.
//!
//! A write locks its scope with its first statements, and thereby gets its revision. Statements after that see what earlier writes of the scope have
//! committed. The numbers of changes are taken by the last statement before the commit, which is sent with it: other writes wait for the row of
//! these numbers (table `counter`) only while the server commits.
//!
//! Every write is durable when the call returns, whatever [`Durability`] it asks for. The server can crash while the process runs on. A crash that
//! undid the first pages of a sync would leave the sync incomplete, and the process could not detect it.
//!
//! A write that appends to the feed is committed without waiting for the disk, and then flushed by a second transaction, which is sent with it. If it
//! were flushed by its own commit, it would hold the row of the numbers until then, and the server could not flush several writes together.

use super::database::{Columns, Database, Flush, Statement, Transaction};
use super::failure::{self, Cause, Failure};
use super::lease;
use super::load::Plan;
use super::rows::{Bytes, Json, Text, Time, first, get, get_text, no_row, signed, texts, time};
use crate::error::catch_panic;
use crate::random::{OsRandom, Random};
use crate::record::{
    Approval, Batch, Chore, DirectoryRow, ErasureRow, EventRow, GroupRow, HoldRow, LossRow, NewEntry, OrganizationRow,
    Retirement, RunRow, Trail, UserWrite, WorkingSet, email_key,
};
use crate::store::codec::{state_number, to_json};
use crate::store::pending::{PendingChanges, StoredEvent};
use crate::store::{Committed, Decision, Durability, MAX_LOADS, Scope, Write};
use crate::{Error, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tokio_postgres::Row;

/// How many rows the table `durable` has.
const SLOTS: u64 = 16;

/// Makes the statements that lock a scope. The last one returns the transaction's revision, which is greater than those of all earlier writes of the
/// scope: revisions come from one sequence, and are taken while the scope is locked.
///
/// A write of everything locks the table of scopes, which each other write locks in a weaker mode when it writes to it. The server queues requests
/// for a table's lock: a write of everything waits only for writes that have begun before it. Requests for the lock of a row are not
/// queued. If the writes of organizations shared the lock of one row, and there were always some of them, a write of everything would never get it.
pub(super) fn lock(scope: &Scope) -> Vec<Statement> {
    let next = "nextval('{s}.revision')";
    match scope {
        Scope::Organization(id) => vec![lock_row(1, id, next, next)],
        Scope::Consumer(name) => vec![lock_row(2, name, next, next)],
        Scope::Everything => vec![
            Statement::new("LOCK TABLE {s}.scope IN SHARE ROW EXCLUSIVE MODE"),
            Statement::new(format!(
                "UPDATE {{s}}.scope SET revision = {next} WHERE kind = 0 AND name = '' RETURNING revision"
            )),
        ],
    }
}

/// Makes the statement that locks a row of the table of scopes, and sets its revision. `inserted` and `updated` are the SQL expressions for it: the first
/// is used if the row does not exist yet.
fn lock_row(kind: i64, name: &str, inserted: &str, updated: &str) -> Statement {
    // ON CONFLICT locks an existing row before it computes the new revision. UPDATE would compute it before it waits for the lock.
    let sql = format!(
        "INSERT INTO {{s}}.scope (kind, name, revision) VALUES ({kind}, $1, {inserted})
        ON CONFLICT (kind, name) DO UPDATE SET revision = {updated} RETURNING revision"
    );
    Statement::new(sql).with(Text::new(name))
}

/// Makes the statement that locks the environment, which writes of all organizations may set. The revision stays the same.
fn lock_environment() -> Statement {
    lock_row(3, "", "0", "scope.revision")
}

/// Returns the number of a random row of the table `durable`.
pub(super) fn slot() -> i64 {
    (OsRandom.bits() % SLOTS) as i64
}

/// Makes the statement that records that all changes up to the number `change` are durable. The record is correct once the transaction of this statement
/// is flushed, because the flush includes all earlier commits. The caller must have read these changes after they were committed.
pub(super) fn mark_durable(change: i64) -> Statement {
    Statement::new("UPDATE {s}.durable SET change = $1 WHERE slot = $2 AND change < $1").with(change).with(slot())
}

/// Identifies a transaction in the log of commits: the revision that it took when it locked its scope, and a random number. The revision alone is not
/// enough, because a crash of the server can undo that it was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct CommitId {
    revision: i64,
    random: i64,
}

impl CommitId {
    /// Makes an id with a new random number.
    pub(super) fn new(revision: i64) -> CommitId {
        CommitId { revision, random: OsRandom.bits() as i64 }
    }

    /// Makes the statement that inserts the transaction into the log of commits.
    pub(super) fn log(self) -> Statement {
        let sql = "INSERT INTO {s}.commit_log (revision, id) VALUES ($1, $2)";
        Statement::new(sql).with(self.revision).with(self.random)
    }

    /// Makes the statement of a second transaction, whose commit flushes the transaction with this id and all earlier ones. With `changes`, the
    /// statement records that all changes that it sees are durable. It returns a row, or none if a crash of the server has undone the first transaction.
    pub(super) fn mark_durable(self, changes: bool) -> Statement {
        // A transaction is flushed only if it changes a row, so this sets the column even if it has the value already.
        let change = if changes { "greatest(change, (SELECT change FROM {s}.counter))" } else { "change" };
        let sql = format!(
            "UPDATE {{s}}.durable SET change = {change} WHERE slot = $1
                AND EXISTS (SELECT FROM {{s}}.commit_log WHERE revision = $2 AND id = $3) RETURNING true"
        );
        Statement::new(sql).with(slot()).with(self.revision).with(self.random)
    }
}

/// How an attempt that did not succeed ended.
pub(super) enum Ended<T> {
    /// The transaction was not committed.
    Failed(Failure),
    /// It is not known whether the transaction was committed, or a crash of the server could still undo it. `T` is its result if it was committed.
    Unknown(Failure, CommitId, T),
}

impl<T, F: Into<Failure>> From<F> for Ended<T> {
    fn from(failure: F) -> Ended<T> {
        Ended::Failed(failure.into())
    }
}

/// Runs `statements` and commits the transaction of one attempt. They, or earlier statements of the transaction, insert `id` into the log of commits.
/// Returns `value`.
pub(super) async fn end_attempt<T>(
    transaction: Transaction<'_>,
    statements: &[Statement],
    id: CommitId,
    value: T,
) -> Result<T, Ended<T>> {
    match transaction.end(statements, Flush::Now).await {
        Ok(_) => Ok(value),
        Err(failure) if failure.cause == Cause::Lost => Err(Ended::Unknown(failure, id, value)),
        Err(failure) => Err(Ended::Failed(failure)),
    }
}

/// What [`find`] needs to know of a write to return its result after the answer to its commit was lost: the ids of the written users and groups, and
/// the number of changes.
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

/// Runs a write in a transaction of its own. It is repeated after conflicts and lost connections, unless it was committed.
pub(super) async fn write(database: &Database, mut write: Write) -> Result<Committed> {
    if write.fence.is_some() {
        lease::wait_for_releases().await;
    }
    let mut attempts = database.attempts();
    loop {
        let (committed, failure) = match attempt(database, &mut write).await {
            Ok(committed) => (Some(committed), None),
            Err(Ended::Failed(failure)) => (None, Some(failure)),
            Err(Ended::Unknown(failure, id, sent)) => (find(database, &write.scope, id, &sent).await?, Some(failure)),
        };
        if let Some(committed) = committed {
            database.announce(committed.changes);
            return Ok(committed);
        }
        if let Some(failure) = failure {
            attempts.wait(failure).await?;
        }
    }
}

/// Tries once to run a write.
async fn attempt(database: &Database, write: &mut Write) -> Result<Committed, Ended<Sent>> {
    let mut transaction = database.begin_write().await?;
    let now = database.now(write.now);
    let decided = match decide(&mut transaction, write, now).await {
        Ok(decided) => decided,
        Err(failure) => {
            transaction.roll_back().await;
            return Err(failure.into());
        }
    };
    let extend = write.fence.as_ref().filter(|_| decided.extends).map(|fence| lease::extend(fence, now));
    if decided.batch.is_empty() {
        // Committed and flushed although no rows are written: a sync keeps the revision, and compares later ones with it. If this were not flushed,
        // a crash of the server could reset the sequence, and a later write would get the same revision. If the connection is lost here, the
        // attempt can be repeated, whether or not it was committed.
        let extend: Vec<Statement> = extend.into_iter().collect();
        let extended = transaction.end(&extend, Flush::Now).await?;
        if let (Some(fence), Some(rows)) = (&write.fence, extended.first()) {
            lease::check_extended(fence, rows)?;
        }
        return Ok(Committed::default());
    }
    let appends = !decided.batch.entries.is_empty();
    let id = CommitId::new(decided.revision);
    let (statements, sent) = match statements(id, decided, extend) {
        Ok(statements) => statements,
        Err(error) => {
            transaction.roll_back().await;
            return Err(error.into());
        }
    };
    let ended = if appends {
        // Without `Durability::Power`, as in a sync, the write is flushed but its changes are not recorded as durable: as with other stores, the store is
        // flushed before a consumer gets them.
        let mark = id.mark_durable(write.durability == Durability::Power);
        transaction.end_and_flush(&statements, mark).await.map(|(rows, marked)| (rows, !marked.is_empty()))
    } else {
        transaction.end(&statements, Flush::Now).await.map(|rows| (rows, true))
    };
    match ended {
        Ok((rows, true)) => Ok(committed(&rows, &sent)?),
        Ok((_, false)) => Err(undone().into()),
        Err(failure) if failure.cause == Cause::Lost => Err(Ended::Unknown(failure, id, sent)),
        Err(failure) => Err(failure.into()),
    }
}

/// Makes the failure of a write that was committed without being flushed, and that a crash of the server undid.
pub(super) fn undone() -> Failure {
    let error = Error::store("a crash of the server undid the write before it was durable").temporary();
    Failure { error, cause: Cause::Conflict }
}

/// Finds out whether a write was committed, after its commit was sent and was either not answered or not flushed. Returns its result if it was
/// committed, or `None` if it was rolled back.
pub(super) async fn find(database: &Database, scope: &Scope, id: CommitId, sent: &Sent) -> Result<Option<Committed>> {
    let numbers = |table: &str, ids: &[String]| {
        Statement::new(format!("SELECT id, number FROM {{s}}.{table} WHERE id = ANY($1)")).with(texts(ids))
    };
    let statements = vec![numbers("users", &sent.user_ids), numbers("groups", &sent.group_ids)];
    let Some(rows) = look(database, scope, id, statements).await? else { return Ok(None) };
    let [users, groups] = rows.as_slice() else { return Err(no_row()) };
    let mut committed = Committed { changes: sent.changes, ..Committed::default() };
    read_numbers(users, &mut committed.users)?;
    read_numbers(groups, &mut committed.groups)?;
    Ok(Some(committed))
}

/// Waits until the transaction that inserts `id` into the log of commits has ended. If it was committed, makes it durable, and returns the rows of the
/// statements in `more`. If it was rolled back, returns `None`.
///
/// This gives up when [`give_up_after`](Database::give_up_after) has passed since its own first failure, however long the write has taken before.
async fn look(database: &Database, scope: &Scope, id: CommitId, more: Vec<Statement>) -> Result<Option<Vec<Vec<Row>>>> {
    // The commit was sent only after the transaction had locked the scope, and the transaction holds this lock until it has ended. So `lock` waits
    // for that. The last statement changes a row, so that the commit flushes all earlier commits.
    let mut statements = lock(scope);
    let locks = statements.len();
    statements.push(
        Statement::new("SELECT id FROM {s}.commit_log WHERE revision = $1 AND id = $2")
            .with(id.revision)
            .with(id.random),
    );
    statements.extend(more);
    let flush =
        "UPDATE {s}.durable SET change = greatest(durable.change, counter.change) FROM {s}.counter WHERE slot = $1";
    statements.push(Statement::new(flush).with(slot()));
    let mut attempts = database.attempts();
    loop {
        let result = match database.begin_write().await {
            Ok(transaction) => transaction.end(&statements, Flush::Now).await,
            Err(failure) => Err(failure),
        };
        match result {
            Ok(mut rows) => {
                rows.pop();
                let mut rows = rows.into_iter().skip(locks);
                let known = rows.next().ok_or_else(no_row)?;
                return Ok((!known.is_empty()).then(|| rows.collect()));
            }
            // A timeout is handled like a loss, because this may have waited for the lost transaction.
            Err(failure) => attempts.wait(failure.into_loss_if_temporary()).await.map_err(failure::unknown)?,
        }
    }
}

/// Returns whether a transaction was committed, and makes it durable if it was. For a transaction whose connection was lost after its commit was sent.
pub(super) async fn was_committed(database: &Database, scope: &Scope, id: CommitId) -> Result<bool> {
    Ok(look(database, scope, id, Vec::new()).await?.is_some())
}

/// Runs statements of a scope in one transaction, and returns the rows of each. They are done once, even if the connection is lost during the commit.
pub(super) async fn run(database: &Database, scope: &Scope, statements: &[Statement]) -> Result<Vec<Vec<Row>>> {
    let mut attempts = database.attempts();
    loop {
        let failure = match run_once(database, scope, statements).await {
            Ok(rows) => return Ok(rows),
            Err(Ended::Failed(failure)) => failure,
            Err(Ended::Unknown(failure, id, rows)) => {
                if was_committed(database, scope, id).await? {
                    return Ok(rows);
                }
                failure
            }
        };
        attempts.wait(failure).await?;
    }
}

/// Tries once to run statements of a scope.
async fn run_once(
    database: &Database,
    scope: &Scope,
    statements: &[Statement],
) -> Result<Vec<Vec<Row>>, Ended<Vec<Vec<Row>>>> {
    let mut transaction = database.begin_write().await?;
    let result = async {
        // In a round trip before `statements`: if these were sent together with a BEGIN that fails, the server would run each of them on its own.
        let locked = transaction.run(&lock(scope)).await?;
        Ok::<_, Failure>((CommitId::new(revision_of(&locked)?), transaction.run(statements).await?))
    };
    match result.await {
        Ok((id, rows)) => end_attempt(transaction, &[id.log()], id, rows).await,
        Err(failure) => {
            transaction.roll_back().await;
            Err(failure.into())
        }
    }
}

/// Reads the revision that the last of the statements returned, which is the last of [`lock`].
pub(super) fn revision_of(rows: &[Vec<Row>]) -> Result<i64> {
    get(first(rows.last().ok_or_else(no_row)?)?, 0)
}

/// A decided write.
struct Decided {
    revision: i64,
    batch: Batch,
    /// Whether the lease of the write has to be extended.
    extends: bool,
    stored: Stored,
}

/// Which of the events and directories that a batch writes were stored when it was decided. The others are inserted as new rows. That fails if a write of
/// another organization has stored one of them since: the attempt then ends with a conflict and is repeated.
#[derive(Default)]
pub(super) struct Stored {
    pub(super) events: HashMap<String, StoredEvent>,
    pub(super) directory_ids: BTreeSet<String>,
}

impl Stored {
    /// Adds the events and directories of loaded rows.
    pub(super) fn add(&mut self, set: &WorkingSet) {
        self.events.extend(set.events.iter().map(|(id, row)| (id.clone(), StoredEvent::of(row))));
        self.directory_ids.extend(set.directories.keys().cloned());
    }
}

/// Locks the scope of a write, checks its lease, loads the rows that it needs, and decides it.
async fn decide(transaction: &mut Transaction<'_>, write: &mut Write, now: Option<i64>) -> Result<Decided, Failure> {
    let mut keys = write.keys.clone();
    let (mut plan, loads) = Plan::new(keys.clone());
    let mut statements = lock(&write.scope);
    let locks = statements.len();
    statements.extend(write.fence.as_ref().map(|fence| lease::select(fence, now)));
    let before_loads = statements.len();
    statements.extend(loads);
    let mut start = transaction.run(&statements).await?;
    let mut rows = start.split_off(before_loads);
    let lease = start.split_off(locks);
    let mut revision = revision_of(&start)?;
    let extends = match write.fence.as_ref().zip(lease.first()) {
        None => false,
        Some((fence, lease)) => lease::check(fence, lease)?,
    };
    let mut locked = match &write.scope {
        Scope::Organization(id) => Some(BTreeSet::from([id.clone()])),
        Scope::Consumer(_) | Scope::Everything => None,
    };
    let mut has_environment_lock = matches!(write.scope, Scope::Everything);
    let mut asked = 0;
    loop {
        let loaded = plan.finish(transaction, revision, &rows).await?;
        let mut statements = Vec::new();
        // A loaded row may belong to another organization, for example that of a user who moves. Writes of that organization could change it
        // meanwhile, so its scope is locked as well, and all rows are loaded again.
        if let Some(locked) = &mut locked {
            for id in loaded.owners().into_iter().filter(|id| !locked.contains(id)).collect::<Vec<_>>() {
                statements.extend(lock(&Scope::Organization(id.clone())));
                locked.insert(id);
            }
        }
        let locks = statements.len();
        if locks == 0 {
            let mut stored = Stored::default();
            stored.add(&loaded.set);
            match catch_panic(|| (write.decide)(loaded.set))? {
                Decision::Commit(batch) => {
                    // How an event or a directory is written depends on whether it is stored. So those that the write did not ask for are loaded, and it
                    // is decided again.
                    let events = batch.events.iter().map(|row| &row.id).filter(|id| !keys.events.contains(*id));
                    let events: Vec<String> = events.cloned().collect();
                    let directories = batch.directories.iter().map(|row| &row.directory.id);
                    let directories =
                        directories.filter(|id| !stored.directory_ids.contains(*id) && !keys.directories.contains(*id));
                    let directories: Vec<String> = directories.cloned().collect();
                    let needs_environment_lock = batch.environment.is_some() && !has_environment_lock;
                    if events.is_empty() && directories.is_empty() && !needs_environment_lock {
                        return Ok(Decided { revision, batch: *batch, extends, stored });
                    }
                    keys.events.extend(events);
                    keys.directories.extend(directories);
                    if needs_environment_lock {
                        // Another write may set the environment meanwhile, so this one locks it, loads all rows again and decides again.
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
        let before_loads = statements.len();
        let (next, loads) = Plan::new(keys.clone());
        statements.extend(loads);
        let mut results = transaction.run(&statements).await?;
        (plan, rows) = (next, results.split_off(before_loads));
        if locks > 0 {
            revision = revision_of(&results)?;
        }
    }
}

/// Makes the statements that write a batch and extend a lease. The first ones write the users and then the groups, if there are any, and return their
/// numbers.
fn statements(id: CommitId, decided: Decided, extend: Option<Statement>) -> Result<(Vec<Statement>, Sent)> {
    let Decided { mut batch, stored, .. } = decided;
    let sent = Sent::of(&batch);
    let entries = std::mem::take(&mut batch.entries);
    let mut statements = put_rows(batch, &stored, extend)?;
    statements.push(append_or_log(&entries, sent.changes, id)?);
    Ok((statements, sent))
}

/// Makes the statements that write the rows of a batch, without the entries of the feed, and extend a lease. The first ones write the users and then the
/// groups, if there are any, and return their numbers.
pub(super) fn put_rows(batch: Batch, stored: &Stored, extend: Option<Statement>) -> Result<Vec<Statement>> {
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
    let mut statements = Vec::new();
    if !users.is_empty() {
        statements.push(put_users(&users)?);
    }
    if !groups.is_empty() {
        statements.push(put_groups(&groups)?);
    }
    statements.extend(extend);
    if !organizations.is_empty() {
        statements.push(put_organizations(&organizations)?);
    }
    if !directories.is_empty() {
        statements.extend(put_directories(&directories, &stored.directory_ids)?);
    }
    if !events.is_empty() {
        statements.extend(put_events(&events, &stored.events)?);
    }
    if !losses.is_empty() {
        statements.push(put_losses(&losses));
    }
    if !holds.is_empty() {
        statements.push(put_holds(&holds)?);
    }
    if !ended_holds.is_empty() {
        statements.push(delete("hold", ended_holds.into_iter().collect()));
    }
    if !approvals.is_empty() {
        statements.push(put_approvals(&approvals));
    }
    if let Some(text) = role_map {
        statements.push(put_setting("role_map", &text));
    }
    if let Some(settings) = settings {
        statements.push(put_setting("options", &to_json(&settings)?));
    }
    if let Some(row) = environment {
        statements.push(put_setting("environment", &to_json(&row)?));
    }
    if let Some(id) = mirror_id {
        statements.push(put_setting("id", &id));
    }
    if !retirements.is_empty() {
        statements.push(put_retirements(&retirements));
    }
    if !chores.is_empty() {
        statements.push(put_chores(&chores));
    }
    if !done_chores.is_empty() {
        statements.push(delete("chore", done_chores.into_iter().collect()));
    }
    if !runs.is_empty() {
        statements.push(put_runs(&runs)?);
    }
    if !erasures.is_empty() {
        statements.push(put_erasures(&erasures));
    }
    if !ended_erasures.is_empty() {
        statements.push(Statement::new("DELETE FROM {s}.erasure WHERE mark = ANY($1)").with(texts(&ended_erasures)));
    }
    Ok(statements)
}

/// Makes the last statement of a transaction: it inserts `id` into the log of commits, and appends the entries, which have `changes` changes, to
/// the feed, if there are any.
pub(super) fn append_or_log(entries: &[NewEntry], changes: u64, id: CommitId) -> Result<Statement> {
    if entries.is_empty() { Ok(id.log()) } else { append(entries, changes, id) }
}

/// Reads the numbers of the written rows from the results of [`put_rows`].
pub(super) fn committed(rows: &[Vec<Row>], sent: &Sent) -> Result<Committed> {
    let mut committed = Committed { changes: sent.changes, ..Committed::default() };
    let mut rows = rows.iter();
    if !sent.user_ids.is_empty() {
        read_numbers(rows.next().ok_or_else(no_row)?, &mut committed.users)?;
    }
    if !sent.group_ids.is_empty() {
        read_numbers(rows.next().ok_or_else(no_row)?, &mut committed.groups)?;
    }
    Ok(committed)
}

/// Adds the numbers of written rows, by their ids, to `numbers`.
fn read_numbers(rows: &[Row], numbers: &mut HashMap<String, i64>) -> Result<()> {
    for row in rows {
        numbers.insert(get_text(row, 0)?, get(row, 1)?);
    }
    Ok(())
}

fn delete(table: &str, numbers: Vec<i64>) -> Statement {
    Statement::new(format!("DELETE FROM {{s}}.{table} WHERE number = ANY($1)")).with(numbers)
}

fn put_setting(name: &str, value: &str) -> Statement {
    let sql =
        "INSERT INTO {s}.setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    Statement::new(sql).with(Text::new(name)).with(Text::new(value))
}

fn put_organizations(rows: &[OrganizationRow]) -> Result<Statement> {
    let columns =
        Columns::new(rows).with("id", |row| Text::new(&row.id)).json("body", |row| Json::new(row).map(Some))?;
    Ok(columns.insert("organization", "ON CONFLICT (id) DO UPDATE SET {set}", &["id"]))
}

/// Makes the statements that insert new directories, and replace those that are stored.
fn put_directories(rows: &[DirectoryRow], stored: &BTreeSet<String>) -> Result<Vec<Statement>> {
    let is_stored = |row: &&DirectoryRow| stored.contains(&row.directory.id);
    let (known, new): (Vec<&DirectoryRow>, Vec<&DirectoryRow>) = rows.iter().partition(is_stored);
    let mut statements = Vec::new();
    for (rows, conflict) in [(&new, ""), (&known, "ON CONFLICT (id) DO UPDATE SET {set}")] {
        if !rows.is_empty() {
            let columns = Columns::new(rows)
                .with("id", |row| Text::new(&row.directory.id))
                .with("organization_id", |row| Text::new(&row.directory.organization_id))
                .json("body", |row| Json::new(row).map(Some))?;
            statements.push(columns.insert("directory", conflict, &["id"]));
        }
    }
    Ok(statements)
}

/// Adds the columns of a row's version, times and revision.
fn with_trail<'a, T>(columns: Columns<'a, T>, trail: impl Fn(&'a T) -> &'a Trail) -> Columns<'a, T> {
    columns
        .with("version_at", |row| time(trail(row).version.at))
        .with("version_kind", |row| trail(row).version.kind.number())
        .with("version_event", |row| Text::new(&trail(row).version.event))
        .with("touched_at", |row| time(trail(row).touched_at))
        .with("revision", |row| trail(row).revision)
        .with("deleted_at", |row| time(trail(row).deleted_at))
}

/// Statement that inserts rows whose number is 0 with the next number, and replaces the others. The new numbers ascend in the order of the rows, because
/// `unnest` returns the rows in their order.
const NUMBERED: &str = "INSERT INTO {s}.{table} ({columns})
    SELECT CASE number WHEN 0 THEN nextval('{s}.{sequence}') ELSE number END, {others} FROM {new}
    ON CONFLICT (number) DO UPDATE SET {set}";

/// Makes a statement from `text`, in which `{insert}` is replaced by [`NUMBERED`]. The first of the columns is `number`; existing rows keep the
/// columns in `keep`.
fn put_numbered<T>(columns: Columns<'_, T>, table: &str, sequence: &str, keep: &[&str], text: &str) -> Statement {
    let others = columns.names().get(1..).unwrap_or_default().join(", ");
    let sql = NUMBERED.replace("{table}", table).replace("{sequence}", sequence).replace("{others}", &others);
    columns.statement(&text.replace("{insert}", &sql), keep)
}

fn put_groups(rows: &[GroupRow]) -> Result<Statement> {
    let columns = Columns::new(rows)
        .with("number", |row| row.number)
        .with("id", |row| Text::new(&row.group.id))
        .with("directory_id", |row| Text::new(&row.group.directory_id))
        .json("body", |row| Json::new(&row.group).map(Some))?
        .with("leaving", |row| row.leaving);
    let columns = with_trail(columns, |row| &row.trail);
    Ok(put_numbered(columns, "groups", "group_number", &["number", "id"], "{insert} RETURNING id, number"))
}

fn put_users(writes: &[UserWrite]) -> Result<Statement> {
    const KEEP: &[&str] = &["number", "id"];
    let columns = Columns::new(writes)
        .with("number", |write| write.row.number)
        .with("id", |write| Text::new(&write.row.user.id))
        .with("organization_id", |write| Text::new(&write.row.user.organization_id))
        .with("directory_id", |write| Text::new(&write.row.user.directory_id))
        .with("email", |write| Text::new(&email_key(&write.row.user.email)))
        .json("body", |write| Json::new(&write.row.user).map(Some))?
        .json("told_groups", |write| Json::new(&write.row.told_groups).map(Some))?
        .with("listed", |write| write.row.listed);
    let columns = with_trail(columns, |write| &write.row.trail)
        .with("added_at", |write| time(write.row.added_at))
        .with("lost_at", |write| time(write.row.lost_at))
        .with("hold", |write| write.row.held.as_ref().map(|held| held.hold))
        .with("hold_revision", |write| write.row.held.as_ref().map(|held| held.revision))
        .json("held", |write| write.row.held.as_ref().map(|held| Json::new(&held.loss)).transpose())?
        .with("rehire_key", |write| write.row.rehire_key.as_deref().map(Text::new))
        .with("deletes_at", |write| time(write.row.user.deletes_at))
        .json("leaving", |write| write.row.leaving.as_ref().map(Json::new).transpose())?;
    if writes.iter().all(|write| write.joined.is_empty() && write.left.is_empty()) {
        // Without the parts for memberships, which the server would plan each time although there are none to write.
        return Ok(put_numbered(columns, "users", "user_number", KEEP, "{insert} RETURNING id, number"));
    }
    // The first parameters are the columns. Those of the memberships follow them.
    let first = columns.names().len() + 1;
    let [joined_users, joined_groups, left_users, left_groups] = [first, first + 1, first + 2, first + 3];
    // The row number of a new user is known only from the rows that the INSERT returns, so the pairs of users and groups are joined with these.
    let sql = format!(
        "WITH written AS ({{insert}} RETURNING id, number),
        joined AS (INSERT INTO {{s}}.membership (group_id, user_number)
            SELECT pair.group_id, written.number FROM unnest(${joined_users}, ${joined_groups}) AS pair (user_id, group_id) JOIN written ON written.id = pair.user_id
            ON CONFLICT DO NOTHING),
        gone AS (DELETE FROM {{s}}.membership USING unnest(${left_users}, ${left_groups}) AS pair (user_id, group_id) JOIN written ON written.id = pair.user_id
            WHERE membership.group_id = pair.group_id AND membership.user_number = written.number)
        SELECT id, number FROM written"
    );
    let pairs = |groups: fn(&UserWrite) -> &[String]| {
        let pairs = writes.iter().flat_map(|write| groups(write).iter().map(|group_id| (&write.row.user.id, group_id)));
        let (user_ids, group_ids): (Vec<&String>, Vec<&String>) = pairs.unzip();
        (texts(user_ids), texts(group_ids))
    };
    let (joined_user_ids, joined_group_ids) = pairs(|write| &write.joined);
    let (left_user_ids, left_group_ids) = pairs(|write| &write.left);
    Ok(put_numbered(columns, "users", "user_number", KEEP, &sql)
        .with(joined_user_ids)
        .with(joined_group_ids)
        .with(left_user_ids)
        .with(left_group_ids))
}

/// Makes the statement that inserts the write into the log of commits, takes the numbers of the changes, and inserts the entries.
fn append(entries: &[NewEntry], changes: u64, id: CommitId) -> Result<Statement> {
    let mut rows = Vec::with_capacity(entries.len());
    let mut last = 0;
    for entry in entries {
        if entry.count() == 0 {
            return Err(Error::internal("a feed entry has no changes"));
        }
        last += i64::from(entry.count());
        rows.push((last, entry));
    }
    let columns = Columns::new(&rows)
        .with("seq", |(last, _)| *last)
        .with("count", |(_, entry)| i64::from(entry.count()))
        .with("organization_id", |(_, entry)| Text::new(&entry.organization_id))
        .with("directory_id", |(_, entry)| Text::new(&entry.directory_id))
        .with("cause", |(_, entry)| Text::new(&entry.cause))
        .with("at", |(_, entry)| Time(entry.at))
        .json("body", |(_, entry)| Json::new(&entry.body).map(Some))?;
    // The numbers of the parameters that follow those of the columns.
    let first = columns.names().len() + 1;
    let [total, revision, random] = [first, first + 1, first + 2];
    let others = columns.names().get(1..).unwrap_or_default().join(", ");
    let sql = format!(
        "WITH logged AS (INSERT INTO {{s}}.commit_log (revision, id) VALUES (${revision}, ${random})),
        counted AS (UPDATE {{s}}.counter SET change = change + ${total} WHERE id = 1 RETURNING change)
        INSERT INTO {{s}}.change ({{columns}}) SELECT counted.change - ${total} + seq, {others} FROM {{new}}, counted"
    );
    Ok(columns.statement(&sql, &[]).with(signed(changes)).with(id.revision).with(id.random))
}

/// Makes the statements that insert new events, replace the states and bodies of those that are stored, and adjust the counts of pending events. An event
/// that is stored already keeps its number and organization.
fn put_events(rows: &[EventRow], stored: &HashMap<String, StoredEvent>) -> Result<Vec<Statement>> {
    let mut statements = Vec::new();
    let (known, new): (Vec<&EventRow>, Vec<&EventRow>) = rows.iter().partition(|row| stored.contains_key(&row.id));
    if !new.is_empty() {
        let columns = Columns::new(&new)
            .with("id", |row| Text::new(&row.id))
            .with("organization_id", |row| Text::new(&row.organization_id))
            .with("received_at", |row| Time(row.received_at))
            .with("state", |row| state_number(row.state))
            .with("body", |row| row.body.clone().map(Bytes));
        let columns = with_note(columns)?;
        // If a write of another organization stores an event with the same id meanwhile, this fails, and the attempt is repeated.
        let sql = "INSERT INTO {s}.event (number, {columns}) SELECT nextval('{s}.event_number'), {columns} FROM {new}";
        statements.push(columns.statement(sql, &[]));
    }
    if !known.is_empty() {
        let columns = Columns::new(&known)
            .with("id", |row| Text::new(&row.id))
            .with("state", |row| state_number(row.state))
            .with("body", |row| row.body.clone().map(Bytes));
        let columns = with_note(columns)?;
        let sql =
            "UPDATE {s}.event SET state = new.state, body = new.body, subject_id = new.subject_id, note = new.note
            FROM {new} WHERE event.id = new.id";
        statements.push(columns.statement(sql, &[]));
    }
    let changes = PendingChanges::of(rows, |id| stored.get(id)).into_changes();
    if !changes.is_empty() {
        let columns = Columns::new(&changes)
            .with("organization_id", |(id, _)| Text::new(id))
            .with("events", |(_, (events, _))| *events)
            .with("bytes", |(_, (_, bytes))| *bytes);
        let sql = "INSERT INTO {s}.pending AS stored ({columns}) SELECT {columns} FROM {new}
            ON CONFLICT (organization_id) DO UPDATE SET events = stored.events + excluded.events, bytes = stored.bytes + excluded.bytes";
        statements.push(columns.statement(sql, &[]));
    }
    Ok(statements)
}

/// Adds the columns of what an event is about and what was done with it.
fn with_note<'a>(columns: Columns<'a, &'a EventRow>) -> Result<Columns<'a, &'a EventRow>> {
    columns
        .with("subject_id", |row| row.subject_id.as_deref().map(Text::new))
        .json("note", |row| row.note.as_ref().map(Json::new).transpose())
}

fn put_losses(rows: &[LossRow]) -> Statement {
    // One statement cannot write a row twice, so of several losses of one user at one time only the last is written.
    let distinct: BTreeMap<_, _> = rows.iter().map(|row| ((&row.directory_id, row.at, &row.user_id), row)).collect();
    let rows: Vec<&LossRow> = distinct.into_values().collect();
    Columns::new(&rows)
        .with("directory_id", |row| Text::new(&row.directory_id))
        .with("at", |row| Time(row.at))
        .with("user_id", |row| Text::new(&row.user_id))
        .with("added_at", |row| time(row.added_at))
        .with("is_removal", |row| row.is_removal)
        .with("is_approved", |row| row.is_approved)
        .insert(
            "loss",
            "ON CONFLICT (directory_id, at, user_id) DO UPDATE SET {set}",
            &["directory_id", "at", "user_id"],
        )
}

fn put_holds(rows: &[HoldRow]) -> Result<Statement> {
    let columns = Columns::new(rows)
        .with("number", |row| row.number)
        .with("organization_id", |row| Text::new(&row.organization_id))
        .with("directory_id", |row| Text::new(&row.directory_id))
        .with("reason", |row| Text::new(row.reason.name()))
        .with("allowed", |row| signed(row.limit))
        .with("since", |row| Time(row.since))
        .json("causes", |row| Json::new(&row.causes).map(Some))?
        .with("revision", |row| row.revision);
    let conflict = "ON CONFLICT (number) DO UPDATE SET causes = excluded.causes, revision = excluded.revision";
    Ok(columns.insert("hold", conflict, &[]))
}

fn put_approvals(rows: &[Approval]) -> Statement {
    Columns::new(rows)
        .with("id", |row| Text::new(&row.id))
        .with("hold_id", |row| Text::new(&row.hold_id))
        .with("organization_id", |row| Text::new(&row.organization_id))
        .with("directory_id", |row| Text::new(&row.directory_id))
        .with("reason", |row| Text::new(row.reason.name()))
        .with("is_approved", |row| row.is_approved)
        .with("decided_by", |row| Text::new(&row.by))
        .with("note", |row| Text::new(&row.note))
        .with("at", |row| Time(row.at))
        .with("count", |row| signed(row.count))
        .insert("approval", "ON CONFLICT (id) DO NOTHING", &[])
}

fn put_retirements(rows: &[Retirement]) -> Statement {
    Columns::new(rows)
        .with("id", |row| Text::new(&row.id))
        .with("organization_id", |row| Text::new(&row.organization_id))
        .with("directory_id", |row| Text::new(&row.directory_id))
        .with("ordered_by", |row| Text::new(&row.by))
        .with("note", |row| Text::new(&row.note))
        .with("at", |row| Time(row.at))
        .with("ended_at", |row| time(row.ended_at))
        .with("users", |row| signed(row.users))
        .insert(
            "retirement",
            "ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, users = excluded.users",
            &[],
        )
}

fn put_chores(rows: &[Chore]) -> Statement {
    let columns = Columns::new(rows)
        .with("number", |row| row.number)
        .with("group_id", |row| Text::new(&row.group_id))
        .with("position", |row| row.position)
        .with("deletes", |row| row.deletes)
        .with("cause", |row| Text::new(&row.cause));
    put_numbered(columns, "chore", "chore_number", &["number"], "{insert}")
}

/// Makes the statement that inserts or replaces runs. A run that is stored already keeps its number.
fn put_runs(rows: &[RunRow]) -> Result<Statement> {
    let columns = Columns::new(rows)
        .with("id", |row| Text::new(&row.run.id))
        .with("directory_id", |row| Text::new(&row.run.directory_id))
        .with("organization_id", |row| Text::new(&row.run.organization_id))
        .with("started_at", |row| Time(row.run.started_at))
        .with("quiet", |row| row.run.is_quiet())
        .with("token", |row| row.token)
        .json("body", |row| Json::new(&row.run).map(Some))?;
    let sql = "INSERT INTO {s}.run (number, {columns}) SELECT nextval('{s}.run_number'), {columns} FROM {new}
        ON CONFLICT (id, directory_id) DO UPDATE SET {set}";
    Ok(columns.statement(sql, &["id", "directory_id", "organization_id"]))
}

fn put_erasures(rows: &[ErasureRow]) -> Statement {
    Columns::new(rows)
        .with("mark", |row| Text::new(&row.mark))
        .with("id", |row| Text::new(&row.id))
        .with("at", |row| Time(row.at))
        .with("user_id", |row| row.user_id.as_deref().map(Text::new))
        .with("organization_id", |row| row.organization_id.as_deref().map(Text::new))
        .insert(
            "erasure",
            "ON CONFLICT (mark) DO UPDATE SET user_id = excluded.user_id, organization_id = excluded.organization_id",
            &[],
        )
}
