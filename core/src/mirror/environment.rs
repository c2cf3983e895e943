//! Binds the mirror to one environment.
//!
//! Ids are unique within an environment. A sync with the client of another environment would find none of the mirrored users and add others
//! beside them, so it is refused before it lists anything.

use super::Mirror;
use super::decide::bind_host;
use super::write::run;
use crate::Result;
use crate::record::EnvironmentRow;
use crate::store::Keys;

impl Mirror {
    /// Checks that the mirror is not bound to another environment than the client's. The first listing binds it.
    pub(super) async fn check_environment(&self) -> Result<()> {
        let Some(host) = self.source()?.environment() else { return Ok(()) };
        let set = self.store().load(Keys::default()).await?;
        bind_host(&set.environment, &host).map(drop)
    }

    /// Removes the mirror's binding to its environment: the next sync and the next event bind it again. Use it only if the environment's URL
    /// has changed; a mirror must not be synced with two environments.
    ///
    /// The future may be dropped: the binding may then have been removed or not. The call may be repeated.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn unbind_environment(&self) -> Result<()> {
        run(self.store(), self.settings_task(), |step| {
            let EnvironmentRow { erasure_key, has_forgotten, .. } = step.environment().clone();
            let unbound = EnvironmentRow { erasure_key, has_forgotten, ..EnvironmentRow::default() };
            step.batch().environment = Some(unbound);
            Ok(())
        })
        .await
        .map(drop)
    }
}
