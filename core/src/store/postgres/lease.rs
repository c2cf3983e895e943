//! Leases: rows with an expiry and a token. The token of a lease is one more than that of the previous lease of the same name.
//!
//! A lease ends when it expires or is released, which happens in the background when it is dropped, or when its store is closed or dropped. Writes
//! with a fence, and calls that take or list leases, wait for releases that this process has begun.
//!
//! A lease is taken by a task, which releases it if the call's future was dropped meanwhile: the server may have given the lease already.
//!
//! The time is that of the server's clock, so that a holder whose clock is wrong neither loses its lease nor takes that of another. A write with
//! a fence locks the row of its lease until it has committed, so that no other process takes the lease meanwhile.

use super::database::{Database, Flush, Statement};
use super::failure::Failure;
use super::rows::{Text, get, get_text};
use crate::process::PerProcess;
use crate::random::{OsRandom, Random};
use crate::store::{Fence, Lease};
use crate::{Error, Result, Timestamp};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio_postgres::Row;

/// How long a call waits at most for releases of this process. A lease whose release does not reach the server ends when it expires.
const WAIT: Duration = Duration::from_secs(5);

/// The number of releases of this process that have not ended. A forked child does not have its parent's.
static RELEASES: PerProcess<Arc<watch::Sender<usize>>> = PerProcess::new();

/// Returns the count of [`RELEASES`] of this process.
fn releases() -> Option<Arc<watch::Sender<usize>>> {
    RELEASES.get(|| Ok(Arc::new(watch::Sender::new(0)))).ok()
}

/// A release that is counted in [`RELEASES`] until this is dropped, which happens when its task ends or is cancelled.
struct Running(Option<Arc<watch::Sender<usize>>>);

impl Running {
    fn new() -> Running {
        let releases = releases();
        if let Some(count) = &releases {
            count.send_modify(|count| *count += 1);
        }
        Running(releases)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            count.send_modify(|count| *count = count.saturating_sub(1));
        }
    }
}

/// Counts the task that takes a lease as a release once no call waits for the task: if its caller drops the future, the task releases the lease.
///
/// The caller's future owns this value, and the task owns a clone of the `Arc`. Dropping this value puts a [`Running`] into the `Arc`, which is dropped
/// when the task drops its clone.
#[derive(Default)]
struct CountIfDropped(Arc<Mutex<Option<Running>>>);

impl Drop for CountIfDropped {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Running::new());
    }
}

/// Waits for the releases that this process has begun, [`WAIT`] at most.
pub(super) async fn wait_for_releases() {
    let Some(releases) = releases() else { return };
    let mut running = releases.subscribe();
    if *running.borrow() > 0 {
        let _ = tokio::time::timeout(WAIT, running.wait_for(|count| *count == 0)).await;
    }
}

/// The leases that a store holds. Dropping it releases them.
pub(super) struct Holder {
    database: Arc<Database>,
    held: Arc<Mutex<BTreeSet<(String, i64)>>>,
    runtime: Handle,
}

/// A lease that is released when it is dropped.
struct Taken {
    fence: Fence,
    database: Arc<Database>,
    held: Arc<Mutex<BTreeSet<(String, i64)>>>,
    runtime: Handle,
}

impl Lease for Taken {
    fn fence(&self) -> &Fence {
        &self.fence
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // A forked child must not release the leases of its parent.
        if !self.database.pool.is_ours() {
            return;
        }
        let Fence { name, token } = &self.fence;
        let lease = (name.clone(), *token);
        if self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&lease) {
            release(&self.database, &self.runtime, vec![lease]);
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if self.database.pool.is_ours() {
            self.release_all();
        }
    }
}

/// Releases leases in the background.
fn release(database: &Arc<Database>, runtime: &Handle, leases: Vec<(String, i64)>) {
    let (database, running) = (Arc::clone(database), Running::new());
    let runtime = Handle::try_current().unwrap_or_else(|_| runtime.clone());
    runtime.spawn(async move {
        // If this fails, or if a crash of the server undid it, the leases would end only when they expire. `change` flushes its commit.
        let _ = database.change(&leases.iter().map(release_one).collect::<Vec<_>>(), Flush::Now).await;
        drop(running);
    });
}

/// Makes the statement that releases a lease, if its token is still this one.
fn release_one((name, token): &(String, i64)) -> Statement {
    let sql = "UPDATE {s}.lease SET expires_at = 0 WHERE name = $1 AND token = $2";
    Statement::new(sql).with(Text::new(name)).with(*token)
}

impl Holder {
    /// Releases the leases that the store holds, in the background.
    pub(super) fn release_all(&self) {
        let held = std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner));
        if !held.is_empty() {
            release(&self.database, &self.runtime, held.into_iter().collect());
        }
    }

    pub(super) fn new(database: Arc<Database>) -> Holder {
        Holder { database, held: Arc::default(), runtime: Handle::current() }
    }

    /// Takes a lease for `duration`. Returns `None` if it is held already.
    pub(super) async fn take(
        &self,
        name: String,
        now: Timestamp,
        duration: Duration,
    ) -> Result<Option<Box<dyn Lease>>> {
        wait_for_releases().await;
        let (database, held, runtime) = (Arc::clone(&self.database), Arc::clone(&self.held), self.runtime.clone());
        let (sender, receiver) = oneshot::channel();
        let count_if_dropped = CountIfDropped::default();
        let counted = Arc::clone(&count_if_dropped.0);
        tokio::spawn(async move {
            let taken = take(database, held, runtime, name, now, duration).await;
            // If the caller has dropped its future, the lease is dropped here, which releases it.
            drop(sender.send(taken));
            drop(counted);
        });
        match receiver.await {
            Ok(taken) => Ok(taken?.map(|taken| Box::new(taken) as Box<dyn Lease>)),
            // The task was cancelled, because its runtime is ending.
            Err(_) => Err(Error::cancelled()),
        }
    }
}

/// A transaction that has extended a lease is assumed to end at most this many microseconds after the lease's old expiry: the statement that extends a
/// lease changes nothing after the expiry, and the commit is sent together with it.
const EXTENDING: i64 = 600_000_000;

/// Reads the leases whose names begin with `prefix` and that have not ended, in the order of their names.
///
/// A lease that has expired within the time [`EXTENDING`] is listed as long as another transaction has locked it, because it may be extending the lease. To
/// find that out, this locks such leases until it ends. [`extend`] in a transaction that waits for that lock does nothing, because the lease has ended.
pub(super) async fn list(database: &Database, prefix: &str, now: Timestamp) -> Result<Vec<Fence>> {
    wait_for_releases().await;
    // All names that begin with the prefix are less than the prefix with the greatest character after it.
    let range = "name >= $1 AND name < $2 AND expires_at > 0";
    let sql = if database.is_read_only {
        format!("SELECT name, token FROM {{s}}.lease WHERE {range} AND expires_at > {{now}} ORDER BY name")
    } else {
        format!(
            "WITH ended AS (
                SELECT name FROM {{s}}.lease WHERE {range} AND expires_at <= {{now}} AND expires_at > {{now}} - {EXTENDING}
                FOR SHARE SKIP LOCKED)
            SELECT name, token FROM {{s}}.lease WHERE {range} AND (expires_at > {{now}}
                OR (expires_at > {{now}} - {EXTENDING} AND name NOT IN (SELECT name FROM ended)))
            ORDER BY name"
        )
    };
    let list = Statement::new(with_now(&sql, 3))
        .with(Text::new(prefix))
        .with(Text::new(&format!("{prefix}{}", char::MAX)))
        .with(database.now(now));
    let rows = database.read_and_lock(list).await?;
    rows.iter().map(|row| Ok(Fence { name: get_text(row, 0)?, token: get(row, 1)? })).collect()
}

/// Takes a lease, as [`Holder::take`] does. The result releases the lease when it is dropped.
async fn take(
    database: Arc<Database>,
    held: Arc<Mutex<BTreeSet<(String, i64)>>>,
    runtime: Handle,
    name: String,
    now: Timestamp,
    duration: Duration,
) -> Result<Option<Taken>> {
    let now = database.now(now);
    let duration = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX).min(LONGEST);
    // ON CONFLICT locks the row before it computes the new token. The commit is flushed, because a token that a crash undoes would be given again.
    // `holder` is a random name of this call: if the connection is lost during the commit, the next attempt has the same name, and gets the lease that
    // the lost attempt may have taken, with the same token. Otherwise a lost attempt that the server runs late would change the token, and so end the
    // lease that this call has returned.
    let sql = "INSERT INTO {s}.lease (name, holder, token, expires_at, duration) VALUES ($1, $2, 1, {now} + $3, $3)
        ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = {now} + $3, duration = excluded.duration,
            token = CASE WHEN lease.holder = excluded.holder AND lease.expires_at > {now} THEN lease.token ELSE lease.token + 1 END
        WHERE lease.expires_at <= {now} OR lease.holder = excluded.holder
        RETURNING token";
    let take = Statement::new(with_now(sql, 4))
        .with(Text::new(&name))
        .with(Text::new(&format!("{:016x}", OsRandom.bits())))
        .with(duration)
        .with(now);
    let rows = database.change(&[take], Flush::Now).await?.pop().unwrap_or_default();
    let Some(row) = rows.first() else { return Ok(None) };
    let fence = Fence { name, token: get(row, 0)? };
    held.lock().unwrap_or_else(PoisonError::into_inner).insert((fence.name.clone(), fence.token));
    Ok(Some(Taken { fence, database, held, runtime }))
}

/// The longest duration of a lease in microseconds, more than 30,000 years: the sum with a time must not overflow.
const LONGEST: i64 = 1_000_000_000_000_000_000;

/// Replaces `{now}` in a statement by the parameter with this number, or if that is NULL, by the time of the server's clock.
fn with_now(sql: &str, parameter: usize) -> String {
    let now = format!("coalesce(${parameter}, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)");
    sql.replace("{now}", &now)
}

/// Makes the statement that reads the remaining time and the duration of the lease of a fence, in microseconds, or no row if the lease has another token.
/// It locks the lease: no other process takes it before the end of the transaction.
pub(super) fn select(fence: &Fence, now: Option<i64>) -> Statement {
    let sql = "SELECT expires_at - {now}, duration FROM {s}.lease WHERE name = $1 AND token = $2 FOR NO KEY UPDATE";
    Statement::new(with_now(sql, 3)).with(Text::new(&fence.name)).with(fence.token).with(now)
}

/// Checks that a lease is held; `rows` are those of [`select`]. Returns whether it has to be extended, because half of its duration or less is left.
/// The error for a lost lease has the lease's name as its context `lease`.
pub(super) fn check(fence: &Fence, rows: &[Row]) -> Result<bool, Failure> {
    let row = rows.first().ok_or_else(|| lost(fence))?;
    let (left, duration): (i64, i64) = (get(row, 0)?, get(row, 1)?);
    if left <= 0 {
        return Err(lost(fence).into());
    }
    Ok(left <= duration / 2)
}

/// Checks that a lease was extended; `rows` are those of [`extend`]. For a write that only extends its lease: another write was done while its lease was
/// locked, and may end although the lease has expired since the check.
pub(super) fn check_extended(fence: &Fence, rows: &[Row]) -> Result<()> {
    rows.first().map(drop).ok_or_else(|| lost(fence))
}

fn lost(fence: &Fence) -> Error {
    Error::store("the lease was lost: another process took it over, or it expired")
        .with_context("lease", fence.name.clone())
        .temporary()
}

/// Makes the statement that extends a lease: it expires after its whole duration from now. The statement returns a row if it did so. It changes nothing if
/// the lease has ended since it was checked: a lease that a list of the leases lacked, because it had ended, is not held again. [`list`] does not omit a
/// lease that this transaction has locked.
pub(super) fn extend(fence: &Fence, now: Option<i64>) -> Statement {
    let sql = "UPDATE {s}.lease SET expires_at = {now} + duration WHERE name = $1 AND token = $2 AND expires_at > {now} RETURNING true";
    Statement::new(with_now(sql, 3)).with(Text::new(&fence.name)).with(fence.token).with(now)
}
