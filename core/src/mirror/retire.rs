//! Retires directories that are no longer used: removes their users and groups, which syncs keep.

use super::Mirror;
use super::decide::{Order, PAGE, Step, end_retirement, retire_groups, retire_users, start_retirement};
use super::holds::check_decider;
use super::write::{Done, Task, run};
use crate::record::{EnvironmentRow, Retirement};
use crate::store::{Durability, Fence, Keys, Lease, Scope, UserFilter};
use crate::{ErrorKind, Result};

impl Mirror {
    /// Removes the users and groups of a directory that is no longer used. Returns how many users it removed. The guard does not limit it, because the
    /// application asks for it. For the same reason all users are deleted at once, whatever the [grace](crate::MirrorBuilder::deletion_grace) is. If users of another directory are members of its groups, they leave these groups. Their loss of all roles is limited
    /// by the guard of their own directory.
    ///
    /// `by` (1 to 200 bytes) is who requested it, and `note` (at most 2,000 bytes) the reason; both are [recorded](Mirror::retirements). The changes
    /// have the cause `retire:` and the retirement's id. If a call fails partway or the process ends, the rest is removed when the mirror is next
    /// opened or the organization is next synced, or by another call.
    ///
    /// The future may be dropped: either nothing has happened then, or the retirement is recorded and some users may be removed already. The rest is
    /// removed as after an error.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if no directory of this id is mirrored; [`ErrorKind::InvalidArgument`] if it is neither
    /// [missing](crate::mirror::DirectoryStatus::missing_since) nor disabled, and for a `by` or note of another length than for
    /// [`approve`](Mirror::approve); [`ErrorKind::Store`].
    pub async fn retire(&self, directory_id: &str, by: &str, note: &str) -> Result<u64> {
        check_decider(by, note)?;
        let Some(lease) = self.lease(directory_id, true).await? else { return Ok(0) };
        let (id, directory, by, note) = (self.fresh_id(), directory_id.to_owned(), by.to_owned(), note.to_owned());
        let keys = Keys { retirements: true, directories: [directory.clone()].into(), ..Keys::default() };
        let task = self.retirement_task(String::new(), keys, Durability::Power, lease.fence(), false);
        let done = run(self.store(), task, move |step| {
            start_retirement(step, &directory, &Order { id: &id, by: &by, note: &note })
        })
        .await?;
        let before = done.value.users;
        let result = self.go_on_retiring(done.value, lease.as_ref()).await;
        drop(lease);
        // Waits until the lease is released, because the process may end next. An error is ignored, because it does not change what was removed.
        let _ = self.store().released().await;
        Ok(result?.users - before)
    }

    /// Returns the retirements of directories, oldest first. A retirement is deleted when the [retention](crate::MirrorBuilder::retention) has passed
    /// since its end.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`].
    pub async fn retirements(&self) -> Result<Vec<Retirement>> {
        Ok(self.store().load(Keys { retirements: true, ..Keys::default() }).await?.retirements)
    }

    /// Completes retirements and erasures that were interrupted, except retirements that another process is working on.
    /// Returns the environment as it was read from the store.
    pub(super) async fn finish_interrupted(&self) -> Result<EnvironmentRow> {
        let set = self.store().load(Keys { retirements: true, ..Keys::default() }).await?;
        self.finish_retirements(set.retirements).await?;
        if set.environment.erasure_key.is_some() {
            self.finish_erasures().await;
        }
        Ok(set.environment)
    }

    async fn finish_retirements(&self, retirements: Vec<Retirement>) -> Result<()> {
        for retirement in retirements.into_iter().filter(|retirement| retirement.ended_at.is_none()) {
            let Some(lease) = self.lease(&retirement.directory_id, false).await? else { continue };
            match self.go_on_retiring(retirement.clone(), lease.as_ref()).await {
                // The directory was listed and enabled again meanwhile: its remaining users and groups stay.
                Err(error) if error.kind() == ErrorKind::InvalidArgument => {
                    self.retirement_step(&retirement, Keys::default(), lease.as_ref(), false, |step, retirement| {
                        let now = step.now();
                        step.batch().retirements.push(Retirement { ended_at: Some(now), ..retirement.clone() });
                        Ok(())
                    })
                    .await?;
                }
                result => drop(result?),
            }
        }
        Ok(())
    }

    /// Removes the users and groups that are left, one page in each write, and ends the retirement. Returns it with the number of users that it has
    /// removed.
    async fn go_on_retiring(&self, mut retirement: Retirement, lease: &dyn Lease) -> Result<Retirement> {
        let directory_id = retirement.directory_id.clone();
        let filter = UserFilter { directory_id: Some(directory_id.clone()), ..UserFilter::default() };
        let mut position = 0;
        loop {
            let rows = self.store().users(filter.clone(), position, PAGE).await?;
            let Some(last) = rows.last() else { break };
            position = last.number;
            let ids: Vec<String> = rows.into_iter().map(|row| row.user.id).collect();
            let keys = Keys { users: ids.iter().cloned().collect(), ..Keys::default() };
            let rules = move |step: &mut Step, retirement: &Retirement| retire_users(step, retirement, &ids);
            let done = self.retirement_step(&retirement, keys, lease, false, rules).await?;
            retirement = done.value;
        }
        position = 0;
        loop {
            let rows = self.store().groups(Some(directory_id.clone()), position, PAGE).await?;
            let Some(last) = rows.last() else { break };
            position = last.number;
            let ids: Vec<String> = rows.into_iter().map(|row| row.group.id).collect();
            let keys = Keys { groups: ids.iter().cloned().collect(), ..Keys::default() };
            // The members who are left are in other directories. The application did not ask for their losses of access, so the guard limits these,
            // also in the chore that continues with the members of a large group.
            let rules = move |step: &mut Step, retirement: &Retirement| retire_groups(step, retirement, &ids);
            self.retirement_step(&retirement, keys, lease, true, rules).await?;
        }
        let keys = Keys { holds: [directory_id].into(), ..Keys::default() };
        self.retirement_step(&retirement, keys, lease, false, |step, retirement| {
            end_retirement(step, retirement);
            Ok(())
        })
        .await?;
        Ok(retirement)
    }

    /// Runs one step of a retirement, with its directory loaded, and completes the chores that it started. `guarded` is whether the guard limits
    /// losses of access in it.
    async fn retirement_step<T: Send + 'static>(
        &self,
        retirement: &Retirement,
        mut keys: Keys,
        lease: &dyn Lease,
        guarded: bool,
        mut rules: impl FnMut(&mut Step, &Retirement) -> Result<T> + Send + 'static,
    ) -> Result<Done<T>> {
        keys.directories.insert(retirement.directory_id.clone());
        let task = self.retirement_task(retirement.cause(), keys, Durability::Process, lease.fence(), guarded);
        let retirement = retirement.clone();
        let done = run(self.store(), task, move |step| rules(step, &retirement)).await?;
        self.notify(&done.tally);
        if done.chores {
            self.finish_chores().await?;
        }
        Ok(done)
    }

    fn retirement_task(&self, cause: String, keys: Keys, durability: Durability, fence: &Fence, guarded: bool) -> Task {
        // The scope is not one organization, because which one it is becomes known only when the directory's row is loaded.
        Task { scope: Scope::Everything, durability, fence: Some(fence.clone()), guarded, keys, cause, now: self.now() }
    }
}
