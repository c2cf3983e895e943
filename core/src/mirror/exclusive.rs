//! The leases of work that one handle of the mirror at a time does: to iterate over the changes of a consumer, and the tasks of [`Mirror::lead`].
//!
//! The iterators of one handle share the lease of their consumer. It is taken when the first of them reads, renewed in the background, and released
//! when the last of them is dropped or has ended, or the mirror is closed.
//!
//! [`Mirror::lead`]: crate::Mirror::lead

use super::lapse::{is_renewal_due, says_lost};
use super::tasks::Tasks;
use super::write;
use crate::clock::Clock;
use crate::store::{Fence, Lease, Scope, Store};
use crate::{Error, Result, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The start of the names of the leases of iterators, which the name of the consumer follows.
pub(super) const CHANGES: &str = "changes/";

/// The start of the names of the leases of tasks, which the name of the task follows.
pub(super) const LEAD: &str = "lead/";

/// The duration of the lease.
const LEASE: Duration = Duration::from_secs(60);

/// The leases that the iterators of one handle hold.
#[derive(Default)]
pub(super) struct ExclusiveLeases {
    /// Locked while a lease is taken, so that the iterators of a consumer take one together.
    taking: tokio::sync::Mutex<()>,
    /// By their names.
    held: Mutex<BTreeMap<String, Weak<ExclusiveLease>>>,
}

/// A lease, such as that of a consumer's iterators. Released when the last reference is dropped, or the mirror is closed.
pub(super) struct ExclusiveLease {
    name: String,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    fence: Fence,
    /// Local time after the call that took or extended the lease.
    renewed_at: Mutex<Timestamp>,
    /// `None` once the lease was lost or the mirror was closed.
    lease: Mutex<Option<Box<dyn Lease>>>,
}

impl ExclusiveLeases {
    /// Returns the lease of this name, and takes it if this handle does not have it. Returns `None` if another handle has it.
    ///
    /// The future may be dropped: the lease is then taken and released before the next call of this handle takes it.
    pub(super) async fn take(
        self: &Arc<Self>,
        name: String,
        store: &Arc<dyn Store>,
        clock: &Arc<dyn Clock>,
        closed: &CancellationToken,
        tasks: &Tasks,
    ) -> Result<Option<Arc<ExclusiveLease>>> {
        let leases = Arc::clone(self);
        let (store, clock, closed) = (Arc::clone(store), Arc::clone(clock), closed.clone());
        let taking = async move { leases.take_alone(name, &store, &clock, &closed).await };
        tokio::spawn(tasks.counted(taking)).await.map_err(write::task_error)?
    }

    async fn take_alone(
        &self,
        name: String,
        store: &Arc<dyn Store>,
        clock: &Arc<dyn Clock>,
        closed: &CancellationToken,
    ) -> Result<Option<Arc<ExclusiveLease>>> {
        let _taking = self.taking.lock().await;
        let held = self.held(|held| held.get(&name).and_then(Weak::upgrade));
        if let Some(lease) = held.filter(|lease| lease.is_held()) {
            return Ok(Some(lease));
        }
        let Some(lease) = store.lease(name.clone(), clock.now(), LEASE).await? else {
            return Ok(None);
        };
        let lease = Arc::new(ExclusiveLease {
            name: name.clone(),
            store: Arc::clone(store),
            clock: Arc::clone(clock),
            fence: lease.fence().clone(),
            renewed_at: Mutex::new(clock.now()),
            lease: Mutex::new(Some(lease)),
        });
        self.held(|held| {
            held.retain(|_, lease| lease.strong_count() > 0);
            held.insert(name, Arc::downgrade(&lease));
        });
        if closed.is_cancelled() {
            // `release_all` may have been called before the lease was in the map.
            lease.release();
        }
        tokio::spawn(keep_renewing(Arc::downgrade(&lease), closed.clone()));
        Ok(Some(lease))
    }

    /// Releases all leases, because the mirror is closed.
    pub(super) fn release_all(&self) {
        let held = self.held(std::mem::take);
        held.values().filter_map(Weak::upgrade).for_each(|lease| lease.release());
    }

    fn held<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Weak<ExclusiveLease>>) -> T) -> T {
        work(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ExclusiveLease {
    fn is_held(&self) -> bool {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn release(&self) {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Returns the fence for updates of the consumer under this lease.
    pub(super) fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// Returns whether the error of an update with the fence says that the lease was lost. If so, the lease is not held any longer.
    pub(super) fn is_lost_after(&self, error: &Error) -> bool {
        let is_lost = says_lost(error);
        if is_lost {
            self.release();
        }
        is_lost
    }

    /// Returns whether the lease has to be renewed before it can be relied on.
    fn is_due(&self) -> bool {
        let renewed_at = *self.renewed_at.lock().unwrap_or_else(PoisonError::into_inner);
        is_renewal_due(self.clock.now(), renewed_at, LEASE)
    }

    /// Checks that the lease is held, and extends it if that is due. Returns false if it was lost.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the store failed: the lease may be held or not.
    pub(super) async fn check(&self) -> Result<bool> {
        if !self.is_held() || !self.is_due() {
            return Ok(self.is_held());
        }
        let scope = Scope::Consumer(self.name.clone());
        match write::extend(&self.store, scope, self.fence.clone(), self.clock.now()).await {
            Ok(()) => {
                *self.renewed_at.lock().unwrap_or_else(PoisonError::into_inner) = self.clock.now();
                Ok(self.is_held())
            }
            Err(error) if self.is_lost_after(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The error of an acknowledgement, or of parking a change, by an iterator that has lost its lease.
pub(super) fn lost() -> Error {
    Error::store(
        "the lease of the consumer was lost: it expired, or another process took it over, so the change is not acknowledged and is returned again",
    )
    .temporary()
}

/// Renews a lease until it is lost or dropped, or the mirror is closed.
async fn keep_renewing(lease: Weak<ExclusiveLease>, closed: CancellationToken) {
    loop {
        let is_open = closed.run_until_cancelled(tokio::time::sleep(LEASE / 4)).await.is_some();
        let Some(lease) = lease.upgrade().filter(|_| is_open) else { return };
        // If the store fails, the next attempt may succeed in time.
        if matches!(lease.check().await, Ok(false)) {
            return;
        }
    }
}
