//! Leases: `core/src/store/postgres/lease.rs`.

use super::Mistake;
use super::client::{Database, Failure};
use super::server::{Answer, Flush, Statement};
use super::tables::{Key, LEASE, LeaseRow};
use headcount::store::{Fence, Lease};
use headcount::system::Random;
use headcount::{Error, Result, Timestamp};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

/// `lease::WAIT`.
const WAIT: Duration = Duration::from_secs(5);

/// The number of releases of a process that have not ended: `lease::RELEASES`.
#[derive(Clone)]
pub(super) struct Releases(Arc<watch::Sender<usize>>);

impl Releases {
    pub(super) fn new() -> Releases {
        Releases(Arc::new(watch::Sender::new(0)))
    }

    /// `lease::wait_for_releases`.
    pub(super) async fn wait(&self) {
        let mut running = self.0.subscribe();
        if *running.borrow() > 0 {
            let _ = tokio::time::timeout(WAIT, running.wait_for(|count| *count == 0)).await;
        }
    }

    fn running(&self) -> Running {
        self.0.send_modify(|count| *count += 1);
        Running(self.clone())
    }
}

/// `lease::Running`.
struct Running(Releases);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

/// `lease::CountIfDropped`.
struct CountIfDropped {
    releases: Releases,
    running: Arc<Mutex<Option<Running>>>,
}

impl Drop for CountIfDropped {
    fn drop(&mut self) {
        *self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(self.releases.running());
    }
}

/// `lease::Holder`.
pub(super) struct Holder(Arc<Shared>);

struct Shared {
    database: Arc<Database>,
    releases: Releases,
    held: Mutex<BTreeSet<(String, i64)>>,
    runtime: Handle,
}

/// `lease::Taken`.
struct Taken {
    fence: Fence,
    holder: Arc<Shared>,
}

impl Lease for Taken {
    fn fence(&self) -> &Fence {
        &self.fence
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let lease = (self.fence.name.clone(), self.fence.token);
        if self.holder.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&lease) {
            self.holder.release(vec![lease]);
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.release_all();
    }
}

impl Shared {
    /// `lease::release`.
    fn release(&self, leases: Vec<(String, i64)>) {
        if self.database.has_ended() {
            return;
        }
        let (database, running) = (Arc::clone(&self.database), self.releases.running());
        let runtime = Handle::try_current().unwrap_or_else(|_| self.runtime.clone());
        runtime.spawn(async move {
            let make = || (leases.iter().map(|lease| release_one(&database, lease)).collect(), || ());
            let _ = database.change(make, Flush::Now).await;
            drop(running);
        });
    }
}

/// `lease::release_one`.
fn release_one(database: &Database, (name, token): &(String, i64)) -> Statement {
    let (name, token, checks) = (name.clone(), *token, !database.makes(Mistake::ReleaseWithoutToken));
    let is_own = move |row: &LeaseRow| row.token == token || !checks;
    Statement::run("UPDATE lease SET expires_at = 0", move |access| {
        if access.row(LEASE, &name).is_some_and(is_own)
            && let Some(row) = access.lock_row(LEASE, &name)?.filter(is_own)
        {
            access.put(LEASE, &name, LeaseRow { expires_at: 0, ..row });
        }
        Ok(())
    })
}

impl Holder {
    pub(super) fn new(database: Arc<Database>, releases: Releases) -> Holder {
        Holder(Arc::new(Shared { database, releases, held: Mutex::default(), runtime: Handle::current() }))
    }

    /// `Holder::release_all`.
    pub(super) fn release_all(&self) {
        let held = std::mem::take(&mut *self.0.held.lock().unwrap());
        if !held.is_empty() {
            self.0.release(held.into_iter().collect());
        }
    }

    /// `Holder::take`.
    pub(super) async fn take(
        &self,
        name: String,
        now: Timestamp,
        duration: Duration,
    ) -> Result<Option<Box<dyn Lease>>> {
        self.0.releases.wait().await;
        let holder = Arc::clone(&self.0);
        let (sender, receiver) = oneshot::channel();
        let count_if_dropped = CountIfDropped { releases: self.0.releases.clone(), running: Arc::default() };
        let counted = Arc::clone(&count_if_dropped.running);
        tokio::spawn(async move {
            let taken = take(holder, name, now, duration).await;
            drop(sender.send(taken));
            drop(counted);
        });
        match receiver.await {
            Ok(taken) => Ok(taken?.map(|taken| Box::new(taken) as Box<dyn Lease>)),
            Err(_) => Err(Error::cancelled()),
        }
    }
}

/// `lease::EXTENDING`.
const EXTENDING: i64 = 600_000_000;

/// `lease::list`. Its locks exclude each other here, unlike those of `FOR SHARE`: of two lists at the same time, the second one may have leases that have
/// ended.
pub(super) async fn list(
    database: &Database,
    releases: &Releases,
    prefix: String,
    now: Timestamp,
) -> Result<Vec<Fence>> {
    releases.wait().await;
    let now = database.now(now);
    let list = || {
        let prefix = prefix.clone();
        let (list, listed) = Statement::new("SELECT leases FOR SHARE SKIP LOCKED", move |access| {
            let now = now.unwrap_or(access.now);
            let has_expired = |row: &LeaseRow| row.expires_at <= now;
            let seen = access.rows(LEASE).iter().filter_map(|(key, row)| match key {
                Key::Text(name) if name.starts_with(&prefix) => Some((name.clone(), row.clone())),
                _ => None,
            });
            let is_recent = |row: &LeaseRow| row.expires_at > 0 && row.expires_at > now - EXTENDING;
            let seen: Vec<(String, LeaseRow)> = seen.filter(|(_, row)| is_recent(row)).collect();
            let mut listed = Vec::new();
            for (name, row) in seen {
                let has_ended =
                    has_expired(&row) && access.try_lock_row(LEASE, &name).is_some_and(|latest| has_expired(&latest));
                if !has_ended {
                    listed.push(Fence { name, token: row.token });
                }
            }
            Ok(listed)
        });
        (vec![list], move || listed.take())
    };
    database.read_and_lock(list).await
}

/// `lease::take`.
async fn take(holder: Arc<Shared>, name: String, now: Timestamp, duration: Duration) -> Result<Option<Taken>> {
    let database = &holder.database;
    let now = database.now(now);
    let duration = duration.as_micros() as i64;
    let own = database.random().bits();
    let is_increased = !database.makes(Mistake::TokenNotIncreased);
    let take = || {
        let name = name.clone();
        let (take, token) = Statement::new("UPSERT lease", move |access| {
            let known = access.lock_key(LEASE, &name)?;
            let now = now.unwrap_or(access.now);
            let expires_at = now.saturating_add(duration);
            let row = match known {
                None => LeaseRow { holder: own, token: 1, expires_at, duration },
                Some(row) if row.holder == own && row.expires_at > now => LeaseRow { expires_at, duration, ..row },
                Some(row) if row.holder == own || row.expires_at <= now => {
                    LeaseRow { holder: own, token: row.token + i64::from(is_increased), expires_at, duration }
                }
                Some(_) => return Ok(None),
            };
            let token = row.token;
            access.put(LEASE, &name, row);
            Ok(Some(token))
        });
        (vec![take], move || token.take())
    };
    let Some(token) = database.change(take, Flush::Now).await? else { return Ok(None) };
    holder.held.lock().unwrap().insert((name.clone(), token));
    Ok(Some(Taken { fence: Fence { name, token }, holder }))
}

/// `lease::select`. The remaining time is computed before the statement waits for the lock, and again only if the row was changed meanwhile.
pub(super) fn select(database: &Database, fence: &Fence, now: Option<i64>) -> (Statement, Answer<Option<(i64, i64)>>) {
    let (Fence { name, token }, locks) = (fence.clone(), !database.makes(Mistake::LeaseNotLocked));
    let mut before: Option<(LeaseRow, i64)> = None;
    Statement::new("SELECT lease FOR NO KEY UPDATE", move |access| {
        let Some(seen) = access.row(LEASE, &name).filter(|row| row.token == token).cloned() else { return Ok(None) };
        let now = now.unwrap_or(access.now);
        let (first, left) = before.get_or_insert_with(|| (seen.clone(), seen.expires_at.saturating_sub(now))).clone();
        if !locks {
            return Ok(Some((left, seen.duration)));
        }
        let row = access.lock_row(LEASE, &name)?.filter(|row| row.token == token);
        Ok(row.map(|row| match row == first {
            true => (left, row.duration),
            false => (row.expires_at.saturating_sub(now), row.duration),
        }))
    })
}

/// `lease::check`.
pub(super) fn check(fence: &Fence, row: Option<(i64, i64)>) -> Result<bool, Failure> {
    match row {
        Some((left, duration)) if left > 0 => Ok(left <= duration / 2),
        _ => Err(lost(fence).into()),
    }
}

/// `lease::lost`.
fn lost(fence: &Fence) -> Error {
    let lost = Error::store("the lease was lost: another process took it over, or it expired");
    lost.with_context("lease", fence.name.clone()).temporary()
}

/// `lease::check_extended`.
pub(super) fn check_extended(fence: &Fence, is_extended: bool) -> Result<()> {
    if is_extended { Ok(()) } else { Err(lost(fence)) }
}

/// `lease::extend`. The answer tells whether the lease was extended.
pub(super) fn extend(fence: &Fence, now: Option<i64>) -> (Statement, Answer<bool>) {
    let Fence { name, token } = fence.clone();
    Statement::new("UPDATE lease SET expires_at", move |access| {
        let now = now.unwrap_or(access.now);
        let is_live = |row: &LeaseRow| row.token == token && row.expires_at > now;
        if access.row(LEASE, &name).is_some_and(is_live)
            && let Some(row) = access.lock_row(LEASE, &name)?.filter(is_live)
        {
            access.put(LEASE, &name, LeaseRow { expires_at: now.saturating_add(row.duration), ..row });
            return Ok(true);
        }
        Ok(false)
    })
}
