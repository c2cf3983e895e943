//! Consumers: `core/src/store/postgres/consumers.rs`.

use super::client::{Database, Failure, Transaction};
use super::commit::{CommitId, Ended, end_attempt, lock, mark_durable, mark_latest, run, upsert, was_committed};
use super::pages::durable;
use super::server::{Flush, Statement};
use super::tables::{CONSUMER, COUNTER, GROUPS, Key, MARK, PARKED_CHANGE, USERS};
use super::{Mistake, catch_panic, lease};
use headcount::Result;
use headcount::mirror::ParkedChange;
use headcount::store::{
    ConsumerRow, ConsumerState, ConsumerUpdate, ConsumerWrite, Durability, PollNote, Scope, Snapshot,
};

/// `consumers::flush`.
pub(super) async fn flush(database: &Database) -> Result<()> {
    database.change(|| (vec![mark_latest(database)], || ()), Flush::Now).await
}

/// `consumers::note_poll`.
pub(super) async fn note_poll(database: &Database, note: &PollNote) -> Result<bool> {
    let scope = Scope::Consumer(note.consumer.clone());
    let flush = if note.durability == Durability::Power { Flush::Now } else { Flush::Later };
    let make = || {
        let mut statements = Vec::new();
        if note.durability == Durability::Power {
            statements.push(mark_latest(database));
        }
        statements.extend(lock(database, &scope).0);
        let PollNote { consumer, generation, polled, at, .. } = note.clone();
        let (update, is_current) = Statement::new("UPDATE consumer SET polled", move |access| {
            let row = access.lock_row(CONSUMER, &consumer)?.filter(|row| row.generation == generation);
            let Some(row) = row else { return Ok(false) };
            let polled = row.polled.max(polled);
            access.put(CONSUMER, &consumer, ConsumerRow { polled, seen_at: at, ..row });
            Ok(true)
        });
        statements.push(update);
        (statements, move || is_current.take())
    };
    database.change(make, flush).await
}

/// `consumers::update`.
pub(super) async fn update(database: &Database, releases: &lease::Releases, update: &mut ConsumerWrite) -> Result<()> {
    if update.fence.is_some() {
        releases.wait().await;
    }
    let scope = Scope::Consumer(update.name.clone());
    let mut attempts = database.attempts();
    loop {
        let failure = match try_update(database, &scope, update).await {
            Ok(()) => return Ok(()),
            Err(Ended::Failed(failure)) => failure,
            Err(Ended::Unknown(failure, id, ())) => {
                if was_committed(database, &scope, id).await? {
                    return Ok(());
                }
                failure
            }
        };
        attempts.wait(failure).await?;
    }
}

/// `consumers::try_update`.
async fn try_update(database: &Database, scope: &Scope, update: &mut ConsumerWrite) -> Result<(), Ended<()>> {
    let mut transaction = database.begin_write().await?;
    match step(database, &mut transaction, scope, update).await {
        Ok((_, statements)) if statements.is_empty() => {
            transaction.roll_back().await;
            Ok(())
        }
        Ok((id, statements)) => end_attempt(transaction, statements, id, ()).await,
        Err(failure) => {
            transaction.roll_back().await;
            Err(failure.into())
        }
    }
}

/// Returns the last of these numbers, or 0 if there are none.
fn greatest<'a>(mut keys: impl DoubleEndedIterator<Item = &'a Key>) -> i64 {
    match keys.next_back() {
        Some(Key::Number(number)) => *number,
        _ => 0,
    }
}

/// `consumers::step`.
async fn step(
    database: &Database,
    transaction: &mut Transaction<'_>,
    scope: &Scope,
    update: &mut ConsumerWrite,
) -> Result<(CommitId, Vec<Statement>), Failure> {
    let now = database.now(update.now);
    let ConsumerWrite { name, durability, fence, decide, .. } = update;
    let (mut statements, revision) = lock(database, scope);
    let fence = fence.as_ref().map(|fence| {
        let (select, row) = lease::select(database, fence, now);
        statements.push(select);
        (fence, row)
    });
    let (select_latest, latest) = Statement::new("SELECT latest numbers", |access| {
        let latest = Snapshot {
            seq: access.row(COUNTER, 1).copied().unwrap_or(0),
            groups: greatest(access.rows(GROUPS).keys()),
            users: greatest(access.rows(USERS).keys()),
            ..Snapshot::default()
        };
        let generation = access.row(MARK, 1).map_or(0, |(_, generation)| *generation);
        Ok((latest, generation, durable(access)))
    });
    let own = name.clone();
    let (select_row, row) = Statement::new("SELECT consumer", move |access| Ok(access.row(CONSUMER, &own).cloned()));
    statements.extend([select_latest, select_row]);
    transaction.run(statements).await?;
    if let Some((fence, row)) = fence.filter(|_| !database.makes(Mistake::FenceNotChecked)) {
        lease::check(fence, row.take())?;
    }
    let id = CommitId::new(database, revision.take());
    let (latest, generation, durable) = latest.take();
    let state = ConsumerState { row: row.take(), latest, generation };
    let ConsumerUpdate { row, park } = catch_panic(|| decide(state))?;
    let mut statements = Vec::new();
    let next = row.as_ref().map_or(0, |row| row.generation);
    if let Some(row) = row {
        let put = move |access: &mut super::server::Access<'_>| upsert(access, CONSUMER, &row.name, row.clone());
        statements.push(Statement::run("UPSERT consumer", put));
    }
    if let Some(park) = park {
        let key = Key::Parked(name.clone(), park.change.seq);
        let row = ParkedChange::new(*park.change, park.reason, park.at);
        statements.push(Statement::run("UPSERT parked_change", move |access| {
            upsert(access, PARKED_CHANGE, key.clone(), row.clone())
        }));
    }
    if *durability == Durability::Power && durable < latest.seq {
        statements.push(mark_durable(database, latest.seq));
    }
    if !statements.is_empty() {
        statements.push(id.log());
    }
    if next > generation {
        statements.push(Statement::run("UPDATE mark SET generation", move |access| {
            if let Some((trimmed, generation)) = access.lock_row(MARK, 1)? {
                access.put(MARK, 1, (trimmed, generation.max(next)));
            }
            Ok(())
        }));
    }
    Ok((id, statements))
}

/// `consumers::delete`.
pub(super) async fn delete(database: &Database, name: String) -> Result<bool> {
    let scope = Scope::Consumer(name.clone());
    let make = || {
        let own = name.clone();
        let parked = Statement::run("DELETE FROM parked_change", move |access| {
            let keys = access.rows(PARKED_CHANGE).keys().cloned();
            let is_own = |key: &Key| matches!(key, Key::Parked(consumer, _) if *consumer == own);
            for key in keys.filter(is_own).collect::<Vec<_>>() {
                if access.lock_row(PARKED_CHANGE, key.clone())?.is_some() {
                    access.delete(PARKED_CHANGE, key);
                }
            }
            Ok(())
        });
        let own = name.clone();
        let (consumer, existed) = Statement::new("DELETE FROM consumer", move |access| {
            let existed = access.lock_row(CONSUMER, &own)?.is_some();
            access.delete(CONSUMER, &own);
            Ok(existed)
        });
        (vec![parked, consumer], move || existed.take())
    };
    run(database, &scope, make).await
}

/// `consumers::delete_parked`.
pub(super) async fn delete_parked(database: &Database, name: String, seq: i64) -> Result<bool> {
    let scope = Scope::Consumer(name.clone());
    let make = || {
        let key = Key::Parked(name.clone(), seq);
        let (delete, existed) = Statement::new("DELETE FROM parked_change", move |access| {
            let existed = access.lock_row(PARKED_CHANGE, key.clone())?.is_some();
            access.delete(PARKED_CHANGE, key.clone());
            Ok(existed)
        });
        (vec![delete], move || existed.take())
    };
    run(database, &scope, make).await
}
