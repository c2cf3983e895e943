//! Deletes leavers whose grace is over: users whom the directory no longer has, and who were deactivated when they left.

use super::Mirror;
use super::decide::SKEW;
use super::write::{Task, run};
use crate::Result;
use crate::store::{Durability, Keys, Scope};
use std::collections::BTreeMap;

/// How many leavers one write deletes at most.
const PAGE: usize = 200;

impl Mirror {
    /// Deletes all leavers whose grace is over.
    pub(super) async fn delete_leavers(&self) -> Result<()> {
        while self.delete_some_leavers(PAGE).await? == PAGE {}
        Ok(())
    }

    /// Deletes leavers whose grace is over: the first `limit` of them at most. Returns how many it deleted.
    ///
    /// Any process may do this at any time: each write checks again whether the users are due, by the clock of the store's server if it has one. This
    /// machine's clock only limits which users are looked at. It may be behind the server's clock, so users who are due shortly are looked at as well.
    pub(super) async fn delete_some_leavers(&self, limit: usize) -> Result<usize> {
        let now = self.now();
        let soon = now.checked_add(SKEW).unwrap_or(now);
        let rows = self.store().leavers(soon, limit).await?;
        let mut organizations: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in rows {
            organizations.entry(row.user.organization_id).or_default().push(row.user.id);
        }
        let mut deleted = 0;
        for (organization_id, ids) in organizations {
            deleted += self.delete_due(organization_id, ids).await?;
        }
        Ok(deleted)
    }

    /// Deletes those of these users of an organization whose grace is over. Returns how many.
    async fn delete_due(&self, organization_id: String, ids: Vec<String>) -> Result<usize> {
        let task = Task {
            scope: Scope::Organization(organization_id),
            durability: Durability::Process,
            fence: None,
            guarded: false,
            keys: Keys { users: ids.iter().cloned().collect(), ..Keys::default() },
            cause: String::new(),
            now: self.now(),
        };
        let done = run(self.store(), task, move |step| Ok(step.remove_due(&ids))).await?;
        self.notify(&done.tally);
        Ok(done.value)
    }
}
