//! Removes old rows: `core/src/store/postgres/retention.rs`.

use super::client::{Database, Failure, Transaction};
use super::commit::{CommitId, Ended, end_attempt, lock, run, was_committed};
use super::pages::with_count;
use super::server::{Access, Answer, Statement, Stop};
use super::tables::{
    APPROVAL, CHANGE, COMMIT_LOG, CONSUMER, EVENT, EVENT_ID, GROUP_ID, GROUPS, HISTORY, HISTORY_MARK, HOLD, Key, LOSS,
    MARK, PARKED_CHANGE, PENDING, RETIREMENT, RUN, RUN_ID, Table, USER_ID, USERS,
};
use headcount::store::{ConsumerRow, EventRow, EventState, Expiry, HistoryRow, Retention, RunRow, Scope};
use headcount::{Result, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `retention::COMMIT_LOG`, in microseconds.
const KEPT: i64 = 3_600_000_000;

/// `retention::trim`.
pub(super) async fn trim(database: &Database, retention: Retention) -> Result<usize> {
    let mut attempts = database.attempts();
    loop {
        let failure = match try_trim(database, retention).await {
            Ok(removed) => return Ok(removed),
            Err(Ended::Failed(failure)) => failure,
            Err(Ended::Unknown(failure, id, removed)) => {
                if was_committed(database, &Scope::Everything, id).await? {
                    return Ok(removed);
                }
                failure
            }
        };
        attempts.wait(failure).await?;
    }
}

/// `retention::try_trim`.
async fn try_trim(database: &Database, retention: Retention) -> Result<usize, Ended<usize>> {
    let mut transaction = database.begin_write().await?;
    match step(database, &mut transaction, retention).await {
        Ok((id, removed, statements)) => end_attempt(transaction, statements, id, removed).await,
        Err(failure) => {
            transaction.roll_back().await;
            Err(failure.into())
        }
    }
}

/// Makes a statement that deletes at most `limit` rows, those with the least values that `old` returns first; `None` keeps a row. `also` deletes what
/// belongs to a row.
fn delete_old<V: Clone, O: Ord>(
    name: &'static str,
    table: Table<V>,
    limit: usize,
    old: impl Fn(&Access<'_>, &V) -> Option<O> + Send + 'static,
    also: impl Fn(&mut Access<'_>, &V) + Send + 'static,
) -> (Statement, Answer<usize>) {
    Statement::new(name, move |access| {
        let rows = access.rows(table).iter();
        let mut found: Vec<(O, Key)> = rows.filter_map(|(key, row)| Some((old(access, row)?, key.clone()))).collect();
        found.sort();
        found.truncate(limit);
        let mut count = 0;
        for (_, key) in found {
            if let Some(row) = access.lock_row(table, key.clone())? {
                access.delete(table, key);
                also(access, &row);
                count += 1;
            }
        }
        Ok(count)
    })
}

fn delete_run_id(access: &mut Access<'_>, row: &RunRow) {
    access.delete(RUN_ID, Key::Run(row.run.id.clone(), row.run.directory_id.clone()));
}

/// `retention::step`.
async fn step(
    database: &Database,
    transaction: &mut Transaction<'_>,
    retention: Retention,
) -> Result<(CommitId, usize, Vec<Statement>), Failure> {
    let Retention { changes, consumers, tombstones, events, losses, history, runs, limit } = retention;
    let (locks, revision) = lock(database, &Scope::Everything);
    transaction.run(locks).await?;
    let id = CommitId::new(database, revision.take());
    let (select, known) = Statement::new("SELECT consumers", |access| {
        Ok(access.rows(CONSUMER).values().cloned().collect::<Vec<ConsumerRow>>())
    });
    let (select_taken, taken) =
        Statement::new("SELECT taken", |access| Ok(access.row(HISTORY_MARK, 1).map_or(0, |(taken, _)| *taken)));
    transaction.run(vec![select, select_taken]).await?;
    let known = known.take();
    let active = known.iter().filter(|row| row.seen_at >= consumers);
    let mut slowest = active.map(ConsumerRow::seen).min().unwrap_or(i64::MAX);
    if history.is_some() {
        slowest = slowest.min(taken.take());
    }
    let is_old = |at: Option<Timestamp>, limit: Timestamp| at.filter(|at| *at < limit);
    let (delete_changes, removed_changes) = Statement::new("DELETE FROM change", move |access| {
        let oldest = access.rows(CHANGE).iter().take(limit);
        let old = oldest.take_while(|(_, entry)| entry.last <= slowest && entry.at < changes);
        let old: Vec<(Key, i64)> = old.map(|(key, entry)| (key.clone(), entry.last)).collect();
        for (key, _) in &old {
            access.lock_row(CHANGE, key.clone())?;
            access.delete(CHANGE, key.clone());
        }
        Ok((old.len(), old.last().map(|(_, last)| *last)))
    });
    let counted = [
        delete_old(
            "DELETE FROM users",
            USERS,
            limit,
            move |_, row| is_old(row.trail.deleted_at, tombstones).map(|at| (at, row.number)),
            |access, row| access.delete(USER_ID, &row.user.id),
        ),
        delete_old(
            "DELETE FROM groups",
            GROUPS,
            limit,
            move |_, row| is_old(row.trail.deleted_at, tombstones).map(|at| (at, row.number)),
            |access, row| access.delete(GROUP_ID, &row.group.id),
        ),
        delete_old(
            "DELETE FROM event",
            EVENT,
            limit,
            move |_, row| (row.state == EventState::Settled && row.received_at < events).then_some(row.received_at),
            |access, row| access.delete(EVENT_ID, &row.id),
        ),
        delete_old("DELETE FROM loss", LOSS, limit, move |_, row| is_old(Some(row.at), losses), |_, _| ()),
        delete_old("DELETE FROM retirement", RETIREMENT, limit, move |_, row| is_old(row.ended_at, changes), |_, _| ()),
        delete_old(
            "DELETE FROM approval",
            APPROVAL,
            limit,
            move |access, row| {
                let first = access.rows(CHANGE).values().next().map_or(changes, |entry| entry.at);
                is_old(Some(row.at), changes.min(first))
            },
            |_, _| (),
        ),
        delete_old(
            "DELETE FROM run WHERE quiet",
            RUN,
            limit,
            move |_, row| is_old(Some(row.run.started_at), changes).filter(|_| row.run.is_quiet()),
            delete_run_id,
        ),
        delete_old(
            "DELETE FROM run WHERE NOT quiet",
            RUN,
            limit,
            move |_, row| is_old(Some(row.run.started_at), runs).filter(|_| !row.run.is_quiet()),
            delete_run_id,
        ),
        delete_old(
            "DELETE FROM hold",
            HOLD,
            usize::MAX,
            |access, row| (with_count(access, row).count == 0).then_some(row.number),
            |_, _| (),
        ),
    ];
    let (delete_history, removed_history) = Statement::new("DELETE FROM history", move |access| {
        let oldest = access.rows(HISTORY).values().take(limit);
        let is_past = |row: &HistoryRow| history.is_none_or(|history| row.at < history);
        let past: Vec<Arc<HistoryRow>> = oldest.take_while(|row| is_past(row)).cloned().collect();
        for row in &past {
            access.lock_row(HISTORY, row.seq)?;
            access.delete(HISTORY, row.seq);
        }
        if let Some(at) = past.iter().map(|row| row.at).max()
            && let Some((taken, starts_at)) = access.lock_row(HISTORY_MARK, 1)?
        {
            access.put(HISTORY_MARK, 1, (taken, starts_at.max(Some(at))));
        }
        Ok(past.len())
    });
    let (mut statements, mut counts) = (vec![delete_changes, delete_history], vec![removed_history]);
    for (statement, count) in counted {
        statements.push(statement);
        counts.push(count);
    }
    transaction.run(statements).await?;
    let (mut removed, last) = removed_changes.take();
    removed += counts.iter().map(Answer::take).sum::<usize>();
    let trimmed = last.unwrap_or(0);
    let (expired, count) = delete_old(
        "DELETE FROM consumer",
        CONSUMER,
        usize::MAX,
        move |access, row| {
            let stored = access.row(MARK, 1).map_or(0, |(trimmed, _)| *trimmed);
            let is_own = |key: &Key| matches!(key, Key::Parked(name, _) if *name == row.name);
            let has_parked = access.rows(PARKED_CHANGE).keys().any(is_own);
            let is_expired = row.seen_at < consumers && row.seen() < trimmed.max(stored) && !has_parked;
            is_expired.then_some(row.seen_at)
        },
        |_, _| (),
    );
    transaction.run(vec![expired]).await?;
    removed += count.take();
    let mut rest = vec![id.log(), Statement::run("DELETE FROM commit_log", delete_log)];
    if let Some(last) = last {
        rest.push(Statement::run("UPDATE mark SET trimmed", move |access| {
            if let Some((trimmed, generation)) = access.lock_row(MARK, 1)? {
                access.put(MARK, 1, (trimmed.max(last), generation));
            }
            Ok(())
        }));
    }
    Ok((id, removed, rest))
}

/// Deletes the old rows of the log of commits, except for the latest row.
fn delete_log(access: &mut Access<'_>) -> Result<(), Stop> {
    let (log, now) = (access.rows(COMMIT_LOG), access.now);
    let old = log.iter().rev().skip(1).filter(|(_, (_, at))| *at < now - KEPT);
    for key in old.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
        access.lock_row(COMMIT_LOG, key.clone())?;
        access.delete(COMMIT_LOG, key);
    }
    Ok(())
}

/// `retention::expire_events`.
pub(super) async fn expire_events(database: &Database, expiry: &Expiry) -> Result<BTreeMap<String, u64>> {
    let Expiry { organization_id, before, limit, forget } = expiry.clone();
    let scope = organization_id.clone().map_or(Scope::Everything, Scope::Organization);
    let make = || {
        let id = organization_id.clone();
        let is_meant = move |row: &EventRow| id.as_ref().is_none_or(|id| *id == row.organization_id);
        let is_forgotten = is_meant.clone();
        let (delete, _) = delete_old(
            "DELETE FROM event",
            EVENT,
            limit,
            move |_, row| {
                let is_old = row.state == EventState::Expired && row.received_at < forget && is_forgotten(row);
                is_old.then_some(row.received_at)
            },
            |access, row| access.delete(EVENT_ID, &row.id),
        );
        let (expire, expired) = Statement::new("UPDATE event SET state = 3", move |access| {
            let is_old = |row: &EventRow| row.state == EventState::Pending && row.received_at < before && is_meant(row);
            let rows = access.rows(EVENT).iter().filter(|(_, row)| is_old(row));
            let mut old: Vec<(Timestamp, Key)> = rows.map(|(key, row)| (row.received_at, key.clone())).collect();
            old.sort();
            old.truncate(limit);
            let mut counts: BTreeMap<String, (u64, i64)> = BTreeMap::new();
            for (_, key) in old {
                let Some(row) = access.lock_row(EVENT, key.clone())? else { continue };
                let (events, bytes) = counts.entry(row.organization_id.clone()).or_default();
                *events += 1;
                *bytes += row.body.as_ref().map_or(0, |body| body.len() as i64);
                access.put(EVENT, key, Arc::new(EventRow { state: EventState::Expired, body: None, ..(*row).clone() }));
            }
            for (id, (events, bytes)) in &counts {
                if let Some((known, known_bytes)) = access.lock_row(PENDING, id)? {
                    access.put(PENDING, id, (known - *events as i64, known_bytes - bytes));
                }
            }
            Ok(counts.into_iter().map(|(id, (events, _))| (id, events)).collect())
        });
        (vec![delete, expire], move || expired.take())
    };
    run(database, &scope, make).await
}
