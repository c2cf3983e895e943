//! Tasks that one of several processes does, such as the syncs of a schedule.

use super::Mirror;
use super::exclusive::{ExclusiveLease, LEAD};
use super::feed::checked_name;
use crate::Result;
use std::sync::Arc;

/// The lease of a task; made by [`Mirror::lead`]. Clones share it. It is renewed in the background, and released when the last clone is dropped or the
/// mirror is closed. Safe to use from several threads.
#[derive(Clone)]
pub struct Leadership(Arc<ExclusiveLease>);

impl Leadership {
    /// Returns whether this process still has the lease. It loses the lease if it cannot renew it for a minute, for example because the store failed or the
    /// process was stopped; another process may have it then. Call this before each piece of work.
    ///
    /// The future may be dropped: the lease stays as it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the store failed: the lease may be held or not.
    pub async fn is_held(&self) -> Result<bool> {
        self.0.check().await
    }
}

impl std::fmt::Debug for Leadership {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leadership").finish_non_exhaustive()
    }
}

impl Mirror {
    /// Takes the lease of a task that one of the mirror's processes does at a time, such as the syncs of a schedule. Returns `None` if another process has
    /// it: call this again later, because that process may end. In one handle and its clones, several calls get the same lease.
    ///
    /// `task` is a name of the application's choice, from 1 to 200 bytes. The lease does not keep others from calling [`sync`](Mirror::sync) or anything else.
    ///
    /// The future may be dropped: the lease is then not taken, or it is released.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for another name; [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn lead(&self, task: &str) -> Result<Option<Leadership>> {
        let task = checked_name("task", task)?;
        Ok(self.exclusive_lease(format!("{LEAD}{task}")).await?.map(Leadership))
    }
}
