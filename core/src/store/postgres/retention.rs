//! Removes rows that are older than their retention.

use super::commit::{CommitId, Ended, end_attempt, lock, revision_of, run, was_committed};
use super::database::{Database, Statement, Transaction};
use super::failure::Failure;
use super::rows::{CONSUMER, HOLD, Text, Time, consumer, get, get_json, get_text, signed, texts};
use crate::record::ConsumerRow;
use crate::store::{Expiry, Retention, Scope};
use crate::{Result, Timestamp};
use std::collections::BTreeMap;

/// How long rows of the log of commits are kept: longer than a client tries to find out whether its write was committed. The latest row is always kept,
/// because loads read the latest revision from it.
const COMMIT_LOG: &str = "1 hour";

/// Removes rows as [`Store::trim`](crate::store::Store::trim) describes. Returns how many.
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

/// Tries once to remove rows.
async fn try_trim(database: &Database, retention: Retention) -> Result<usize, Ended<usize>> {
    let mut transaction = database.begin_write().await?;
    match step(&mut transaction, retention).await {
        Ok((id, removed, statements)) => end_attempt(transaction, &statements, id, removed).await,
        Err(failure) => {
            transaction.roll_back().await;
            Err(failure.into())
        }
    }
}

/// Removes rows. Returns the id that the transaction inserts into the log of commits, how many rows were removed, and the statements that have to be sent
/// with the commit.
async fn step(
    transaction: &mut Transaction<'_>,
    retention: Retention,
) -> Result<(CommitId, usize, Vec<Statement>), Failure> {
    let Retention { changes, consumers, tombstones, events, losses, history, runs, limit } = retention;
    let limit = signed(limit);
    let old = "SELECT number, told_groups FROM {s}.users WHERE deleted_at < $1 ORDER BY deleted_at, number LIMIT $2";
    // This lock excludes all other writes. So while this runs, no consumer is added, or moved back to changes that are removed here, and no user
    // returns whose tombstone is removed here.
    let id = CommitId::new(revision_of(&transaction.run(&lock(&Scope::Everything)).await?)?);
    let rows = transaction
        .run(&[
            Statement::new(format!("SELECT {CONSUMER} FROM {{s}}.consumer")),
            Statement::new(old).with(Time(tombstones)).with(limit),
            Statement::new("SELECT coalesce(max(taken), 0) FROM {s}.history_mark"),
        ])
        .await?;
    let [known, old_users, taken] = rows.as_slice() else { return Err(super::rows::no_row().into()) };
    let known = known.iter().map(consumer).collect::<Result<Vec<_>>>()?;
    let active = known.iter().filter(|row| row.seen_at >= consumers);
    let mut slowest = active.map(ConsumerRow::seen).min().unwrap_or(i64::MAX);
    if history.is_some() {
        slowest = slowest.min(get(super::rows::first(taken)?, 0)?);
    }
    let (mut numbers, mut group_ids, mut members) = (Vec::new(), Vec::new(), Vec::new());
    for row in old_users {
        let number: i64 = get(row, 0)?;
        numbers.push(number);
        // A tombstone's `told_groups` name all of its memberships, so no other rows have to be searched.
        for id in get_json::<Vec<String>>(row, 1)? {
            group_ids.push(id);
            members.push(number);
        }
    }

    // `seq` is the number of the entry's last change. Only the oldest `limit` entries are read. They are removed up to the first one that is not
    // old enough, so that the feed has no gaps: if the clock was set back, an entry may have an earlier time than the one before it.
    let removed_changes = "WITH oldest AS MATERIALIZED (SELECT seq, at FROM {s}.change WHERE seq <= $1 ORDER BY seq LIMIT $3),
        gone AS (DELETE FROM {s}.change WHERE seq IN (
            SELECT seq FROM oldest WHERE NOT EXISTS (SELECT FROM oldest AS young WHERE young.seq <= oldest.seq AND young.at >= $2))
            RETURNING seq)
        SELECT count(*), max(seq) FROM gone";
    let removed_changes = Statement::new(removed_changes).with(slowest).with(Time(changes)).with(limit);
    // As for changes, rows of the history are removed up to the first one that is not old enough.
    let removed_history = "WITH oldest AS MATERIALIZED (SELECT seq, at FROM {s}.history ORDER BY seq LIMIT $2),
        gone AS (DELETE FROM {s}.history WHERE seq IN (
            SELECT seq FROM oldest WHERE NOT EXISTS (SELECT FROM oldest AS young WHERE young.seq <= oldest.seq AND young.at >= $1))
            RETURNING at),
        last AS MATERIALIZED (SELECT count(*) AS rows, (SELECT at FROM gone ORDER BY at DESC LIMIT 1) AS at FROM gone),
        moved AS (UPDATE {s}.history_mark SET starts_at = greatest(starts_at, last.at) FROM last WHERE last.rows > 0)
        SELECT rows FROM last";
    let removed_history = Statement::new(removed_history).with(Time(history.unwrap_or(Timestamp::MAX))).with(limit);
    let memberships = "DELETE FROM {s}.membership USING unnest($1, $2) AS gone (id, number)
        WHERE group_id = gone.id AND user_number = gone.number";
    let users = "WITH gone AS (DELETE FROM {s}.users WHERE number = ANY($1) RETURNING 1) SELECT count(*) FROM gone";
    let counted = |table: &str, key: &str, old: &str| {
        format!(
            "WITH old AS MATERIALIZED (SELECT {key} FROM {{s}}.{table} WHERE {old} LIMIT $2),
            gone AS (DELETE FROM {{s}}.{table} WHERE ({key}) IN (SELECT * FROM old) RETURNING 1)
            SELECT count(*) FROM gone"
        )
    };
    let rows = transaction
        .run(&[
            removed_changes,
            removed_history,
            Statement::new(users).with(numbers),
            Statement::new(counted("groups", "number", "deleted_at < $1 ORDER BY deleted_at, number"))
                .with(Time(tombstones))
                .with(limit),
            Statement::new(counted("event", "number", "received_at < $1 AND state = 0 ORDER BY received_at"))
                .with(Time(events))
                .with(limit),
            Statement::new(counted("loss", "directory_id, at, user_id", "at < $1 ORDER BY at"))
                .with(Time(losses))
                .with(limit),
            Statement::new(counted("retirement", "id", "ended_at < $1 ORDER BY ended_at"))
                .with(Time(changes))
                .with(limit),
            // An approval is kept until the changes that it made are removed, because their cause is its id.
            Statement::new(counted(
                "approval",
                "id",
                "at < $1 AND at < coalesce((SELECT at FROM {s}.change ORDER BY seq LIMIT 1), $1) ORDER BY at",
            ))
            .with(Time(changes))
            .with(limit),
            Statement::new(counted("run", "number", "quiet AND started_at < $1 ORDER BY started_at"))
                .with(Time(changes))
                .with(limit),
            Statement::new(counted("run", "number", "NOT quiet AND started_at < $1 ORDER BY started_at"))
                .with(Time(runs))
                .with(limit),
            Statement::new(memberships).with(texts(&group_ids)).with(members),
            Statement::new(format!(
                "WITH gone AS (DELETE FROM {{s}}.hold WHERE number IN (
                    SELECT number FROM (SELECT {HOLD} FROM {{s}}.hold) AS hold WHERE count = 0) RETURNING 1)
                SELECT count(*) FROM gone"
            )),
        ])
        .await?;
    let mut removed = 0;
    for rows in &rows {
        if let Some(row) = rows.first() {
            removed += get::<i64>(row, 0)?;
        }
    }
    let last = match rows.first().and_then(|rows| rows.first()) {
        Some(row) => get::<Option<i64>>(row, 1)?,
        None => None,
    };
    // An expired consumer whose next change was removed cannot continue, so its row is removed, unless it has parked changes.
    let expired = "WITH gone AS (DELETE FROM {s}.consumer WHERE seen_at < $1
        AND greatest(cursor, (snapshot::json ->> 'seq')::bigint, 0) < greatest((SELECT trimmed FROM {s}.mark), $2)
        AND NOT EXISTS (SELECT FROM {s}.parked_change WHERE parked_change.consumer = name) RETURNING 1)
        SELECT count(*) FROM gone";
    let rows = transaction.run_one(Statement::new(expired).with(Time(consumers)).with(last.unwrap_or(0))).await?;
    removed += get::<i64>(super::rows::first(&rows)?, 0)?;
    let mut rest = vec![
        id.log(),
        Statement::new(format!(
            "DELETE FROM {{s}}.commit_log WHERE at < now() - interval '{COMMIT_LOG}'
            AND revision < (SELECT max(revision) FROM {{s}}.commit_log)"
        )),
    ];
    if let Some(last) = last {
        rest.push(Statement::new("UPDATE {s}.mark SET trimmed = greatest(trimmed, $1)").with(last));
    }
    Ok((id, usize::try_from(removed).unwrap_or(0), rest))
}

/// Expires pending events as [`Store::expire_events`](crate::store::Store::expire_events) describes.
pub(super) async fn expire_events(database: &Database, expiry: &Expiry) -> Result<BTreeMap<String, u64>> {
    let Expiry { organization_id, before, limit, forget } = expiry;
    let scope = organization_id.clone().map_or(Scope::Everything, Scope::Organization);
    let mut forget_old =
        Statement::new("DELETE FROM {s}.event WHERE number IN (SELECT number FROM {s}.event WHERE state = 3");
    forget_old.push("AND received_at <", Time(*forget));
    if let Some(id) = organization_id {
        forget_old.push("AND organization_id =", Text::new(id));
    }
    forget_old.push("ORDER BY received_at LIMIT", signed(*limit));
    forget_old.push_text(")");
    let mut old = Statement::new(
        "WITH old AS MATERIALIZED (SELECT number, organization_id, octet_length(body) AS bytes FROM {s}.event WHERE state = 1",
    );
    old.push("AND received_at <", Time(*before));
    if let Some(id) = organization_id {
        old.push("AND organization_id =", Text::new(id));
    }
    old.push("ORDER BY received_at LIMIT", signed(*limit));
    // The counts are computed from `old`, since the UPDATE would return the new value of `body`, which is NULL.
    old.push_text(
        "), gone AS (UPDATE {s}.event SET state = 3, body = NULL FROM old WHERE event.number = old.number),
        counts AS MATERIALIZED (SELECT organization_id, count(*) AS events, coalesce(sum(bytes), 0) AS bytes FROM old GROUP BY organization_id),
        counted AS (UPDATE {s}.pending SET events = pending.events - counts.events, bytes = pending.bytes - counts.bytes
            FROM counts WHERE pending.organization_id = counts.organization_id)
        SELECT organization_id, events FROM counts",
    );
    let rows = run(database, &scope, &[forget_old, old]).await?.pop().unwrap_or_default();
    rows.iter().map(|row| Ok((get_text(row, 0)?, super::rows::count(row, 1)?))).collect()
}
