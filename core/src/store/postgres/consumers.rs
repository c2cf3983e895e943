//! Consumers of the feed, and the changes that they have parked.

use super::commit::{CommitId, Ended, end_attempt, lock, mark_durable, revision_of, run, slot, was_committed};
use super::database::{Database, Flush, Statement, Transaction};
use super::failure::Failure;
use super::lease;
use super::rows::{CONSUMER, Json, Text, Time, consumer, count, first, get, no_row};
use crate::Result;
use crate::error::catch_panic;
use crate::record::{ConsumerRow, Snapshot};
use crate::store::{ConsumerState, ConsumerUpdate, ConsumerWrite, Durability, Park, PollNote, Scope};

/// Reads every consumer with the number of its parked changes, and the number of the latest change.
pub(super) async fn all(database: &Database) -> Result<(Vec<(ConsumerRow, u64)>, i64)> {
    let sql = format!(
        "SELECT {CONSUMER}, (SELECT count(*) FROM {{s}}.parked_change WHERE parked_change.consumer = name) FROM {{s}}.consumer ORDER BY name"
    );
    let rows =
        database.read(&[Statement::new(sql), Statement::new("SELECT change FROM {s}.counter WHERE id = 1")]).await?;
    let [consumers, latest] = rows.as_slice() else { return Err(no_row()) };
    let consumers: Result<Vec<_>> = consumers.iter().map(|row| Ok((consumer(row)?, count(row, 7)?))).collect();
    Ok((consumers?, get(first(latest)?, 0)?))
}

/// Makes all earlier commits durable. It writes a row, because the server does not flush a commit that changed nothing.
pub(super) async fn flush(database: &Database) -> Result<()> {
    database.change(&[mark_all_durable()], Flush::Now).await.map(drop)
}

/// Makes the statement that records that all changes which it sees are durable. The record is correct once its transaction is flushed.
fn mark_all_durable() -> Statement {
    let sql =
        "UPDATE {s}.durable SET change = greatest(durable.change, counter.change) FROM {s}.counter WHERE slot = $1";
    Statement::new(sql).with(slot())
}

/// Records a poll as [`Store::note_poll`](crate::store::Store::note_poll) describes.
pub(super) async fn note_poll(database: &Database, note: &PollNote) -> Result<bool> {
    let PollNote { consumer, generation, polled, at, durability } = note;
    let mut statements = Vec::new();
    if *durability == Durability::Power {
        statements.push(mark_all_durable());
    }
    // Other changes of the consumer write its whole row as they read it under this lock.
    statements.extend(lock(&Scope::Consumer(consumer.clone())));
    let update = "UPDATE {s}.consumer SET polled = greatest(polled, $3), seen_at = $4 WHERE name = $1 AND generation = $2 RETURNING true";
    statements.push(Statement::new(update).with(Text::new(consumer)).with(*generation).with(*polled).with(Time(*at)));
    let flush = if *durability == Durability::Power { Flush::Now } else { Flush::Later };
    let rows = database.change(&statements, flush).await?;
    Ok(rows.last().is_some_and(|rows| !rows.is_empty()))
}

/// Changes a consumer as [`Store::update_consumer`](crate::store::Store::update_consumer) describes.
pub(super) async fn update(database: &Database, update: &mut ConsumerWrite) -> Result<()> {
    if update.fence.is_some() {
        lease::wait_for_releases().await;
    }
    let scope = Scope::Consumer(update.name.clone());
    let mut attempts = database.attempts();
    loop {
        let failure = match try_update(database, &scope, update).await {
            Ok(()) => return Ok(()),
            Err(Ended::Failed(failure)) => failure,
            Err(Ended::Unknown(failure, id, ())) => {
                // This makes all earlier changes durable as well.
                if was_committed(database, &scope, id).await? {
                    return Ok(());
                }
                failure
            }
        };
        attempts.wait(failure).await?;
    }
}

/// Tries once to change a consumer.
async fn try_update(database: &Database, scope: &Scope, update: &mut ConsumerWrite) -> Result<(), Ended<()>> {
    let mut transaction = database.begin_write().await?;
    let now = database.now(update.now);
    match step(&mut transaction, scope, update, now).await {
        Ok((_, statements)) if statements.is_empty() => {
            transaction.roll_back().await;
            Ok(())
        }
        // Flushed whatever the durability is: the row records which changes the process got. If a crash of the server undid that record, the process
        // could not acknowledge these changes.
        Ok((id, statements)) => end_attempt(transaction, &statements, id, ()).await,
        Err(failure) => {
            transaction.roll_back().await;
            Err(failure.into())
        }
    }
}

/// Locks the consumer, checks the lease of the update's fence, reads the consumer, and decides. The lease stays locked until the end of the
/// transaction, so that no other process takes it before the commit. Returns the statements that change the consumer, and the id that they insert into
/// the log of commits. There are no statements if nothing has to be written.
async fn step(
    transaction: &mut Transaction<'_>,
    scope: &Scope,
    update: &mut ConsumerWrite,
    now: Option<i64>,
) -> Result<(CommitId, Vec<Statement>), Failure> {
    let ConsumerWrite { name, durability, fence, decide, .. } = update;
    let latest = "SELECT (SELECT change FROM {s}.counter), (SELECT max(number) FROM {s}.groups),
        (SELECT max(number) FROM {s}.users), (SELECT generation FROM {s}.mark), (SELECT max(change) FROM {s}.durable)";
    let known = format!("SELECT {CONSUMER} FROM {{s}}.consumer WHERE name = $1");
    let mut statements = lock(scope);
    let locks = statements.len();
    statements.extend(fence.as_ref().map(|fence| lease::select(fence, now)));
    statements.extend([Statement::new(latest), Statement::new(known).with(Text::new(name))]);
    let rows = transaction.run(&statements).await?;
    let (locked, rows) = rows.split_at(locks);
    let [lease @ .., latest, known] = rows else { return Err(no_row().into()) };
    if let Some((fence, lease)) = fence.as_ref().zip(lease.first()) {
        // The update does not extend the lease.
        lease::check(fence, lease)?;
    }
    let id = CommitId::new(revision_of(locked)?);
    let row = first(latest)?;
    let latest = Snapshot {
        seq: get(row, 0)?,
        groups: get::<Option<i64>>(row, 1)?.unwrap_or(0),
        users: get::<Option<i64>>(row, 2)?.unwrap_or(0),
        ..Snapshot::default()
    };
    let (generation, durable): (i64, i64) = (get(row, 3)?, get(row, 4)?);
    let known = known.first().map(consumer).transpose()?;
    let state = ConsumerState { row: known, latest, generation };
    let ConsumerUpdate { row, park } = catch_panic(|| decide(state))?;
    let mut statements = Vec::new();
    if let Some(row) = &row {
        statements.push(put(row)?);
    }
    if let Some(park) = &park {
        statements.push(put_parked(name, park)?);
    }
    if *durability == Durability::Power && durable < latest.seq {
        statements.push(mark_durable(latest.seq));
    }
    if !statements.is_empty() {
        statements.push(id.log());
    }
    if let Some(row) = row.filter(|row| row.generation > generation) {
        // Last, because updates of all other consumers wait for this row until the commit.
        let sql = "UPDATE {s}.mark SET generation = greatest(generation, $1)";
        statements.push(Statement::new(sql).with(row.generation));
    }
    Ok((id, statements))
}

/// Makes the statement that inserts or replaces a consumer's row.
fn put(row: &ConsumerRow) -> Result<Statement> {
    let ConsumerRow { name, cursor, polled, generation, snapshot, seen_at, partitions } = row;
    let partitions = Some(partitions).filter(|partitions| !partitions.is_empty()).map(Json::new).transpose()?;
    let sql = "INSERT INTO {s}.consumer (name, cursor, polled, generation, snapshot, seen_at, partitions)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (name) DO UPDATE SET cursor = excluded.cursor, polled = excluded.polled,
            generation = excluded.generation, snapshot = excluded.snapshot, seen_at = excluded.seen_at,
            partitions = excluded.partitions";
    Ok(Statement::new(sql)
        .with(Text::new(name))
        .with(*cursor)
        .with(*polled)
        .with(*generation)
        .with(snapshot.as_ref().map(Json::new).transpose()?)
        .with(Time(*seen_at))
        .with(partitions))
}

/// Makes the statement that parks a change, or replaces it if it is parked already.
fn put_parked(name: &str, park: &Park) -> Result<Statement> {
    let Park { change, reason, at } = park;
    let sql = "INSERT INTO {s}.parked_change
        (consumer, seq, reason, at, kind, organization_id, directory_id, cause, changed_at, body)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (consumer, seq) DO UPDATE SET reason = excluded.reason, at = excluded.at, kind = excluded.kind,
            organization_id = excluded.organization_id, directory_id = excluded.directory_id, cause = excluded.cause,
            changed_at = excluded.changed_at, body = excluded.body";
    Ok(Statement::new(sql)
        .with(Text::new(name))
        .with(change.seq)
        .with(Text::new(reason))
        .with(Time(*at))
        .with(Text::new(change.kind.name()))
        .with(Text::new(&change.organization_id))
        .with(Text::new(&change.directory_id))
        .with(Text::new(&change.cause))
        .with(Time(change.at))
        .with(Json::new(&change.body())?))
}

/// Deletes a consumer and its parked changes. Returns whether the consumer existed.
pub(super) async fn delete(database: &Database, name: &str) -> Result<bool> {
    let statements = [
        Statement::new("DELETE FROM {s}.parked_change WHERE consumer = $1").with(Text::new(name)),
        Statement::new("DELETE FROM {s}.consumer WHERE name = $1 RETURNING true").with(Text::new(name)),
    ];
    let rows = run(database, &Scope::Consumer(name.to_owned()), &statements).await?;
    Ok(rows.last().is_some_and(|rows| !rows.is_empty()))
}

/// Deletes a parked change. Returns whether it existed.
pub(super) async fn delete_parked(database: &Database, name: &str, seq: i64) -> Result<bool> {
    let sql = "DELETE FROM {s}.parked_change WHERE consumer = $1 AND seq = $2 RETURNING true";
    let delete = [Statement::new(sql).with(Text::new(name)).with(seq)];
    let rows = run(database, &Scope::Consumer(name.to_owned()), &delete).await?;
    Ok(rows.last().is_some_and(|rows| !rows.is_empty()))
}
