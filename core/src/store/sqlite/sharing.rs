//! How the writes of one transaction use rows that earlier writes of the transaction have loaded.
//!
//! Only [`commit::write`](super::commit::write) does so. Before each other change of the transaction, except for the release of a lease,
//! [`end_sharing`](Database::end_sharing) writes the counters to the file and discards what was loaded.

use super::database::Database;
use super::lease::{self, Held};
use super::shared::{Counter, Head, Organizations, Shared, SharedOrganizations};
use crate::Result;
use crate::record::Keys;
use crate::store::{Durability, Fence};
use rusqlite::params;

impl Database {
    /// Returns the head, which the first write of the transaction reads from the file, and the state of a fence's lease, as
    /// [`read_head`](Database::read_head) does.
    pub(super) fn head(&self, fence: Option<&Fence>) -> Result<(Head, Option<Held>)> {
        let known = self.shared.borrow().as_ref().and_then(|shared| shared.head.clone());
        if let Some(head) = known {
            return Ok((head, fence.map(|fence| lease::read(self, fence)).transpose()?.flatten()));
        }
        let (head, held) = self.read_head(fence)?;
        if let Some(shared) = &mut *self.shared.borrow_mut() {
            shared.head = Some(head.clone());
        }
        Ok((head, held))
    }

    /// Keeps the counters of a write in memory until [`write_counter`](Database::write_counter) writes them.
    pub(super) fn set_counter(&self, counter: Counter, durability: Durability) {
        if let Some(shared) = &mut *self.shared.borrow_mut()
            && let Some(head) = &mut shared.head
        {
            head.counter = counter;
            shared.is_counter_newer = true;
            if durability == Durability::Power {
                shared.durable = Some(counter.change);
            }
        }
    }

    /// Writes the counters to the file if they have changed.
    pub(super) fn write_counter(&self) -> Result<()> {
        let (counter, durable) = match &*self.shared.borrow() {
            Some(Shared { head: Some(head), is_counter_newer: true, durable, .. }) => (head.counter, *durable),
            _ => return Ok(()),
        };
        let Counter { revision, user, group, change, event } = counter;
        // The log is flushed before other connections can read the commit, so they never read a `durable` whose changes are not on the disk.
        let sql = "UPDATE counter SET revision = ?1, user = ?2, \"group\" = ?3, change = ?4, event = ?5, durable = coalesce(?6, durable)";
        self.run(sql, params![revision, user, group, change, event, durable]).map(drop)
    }

    /// Writes the counters to the file, and discards what was loaded. Must be called before a job that reads or changes these rows and is not a
    /// [`Write`](crate::store::Write), and after a write that has changed the role map, the settings or the environment.
    pub(super) fn end_sharing(&self) -> Result<()> {
        if self.shared.borrow().as_ref().is_some_and(|shared| shared.is_counter_newer) {
            self.atomically(|| self.write_counter())?;
        }
        if let Some(shared) = &mut *self.shared.borrow_mut() {
            *shared = Shared::default();
        }
        Ok(())
    }

    /// Returns the organizations and directories of these keys, if the last load of the transaction had the same keys and no write has changed them
    /// since.
    pub(super) fn shared_organizations(&self, keys: &Keys) -> Option<Organizations> {
        let shared = self.shared.borrow();
        let found = shared.as_ref()?.organizations.as_ref()?;
        (found.organization_ids == keys.organizations && found.directory_ids == keys.directories)
            .then(|| found.loaded.clone())
    }

    /// Keeps the organizations and directories of these keys for later writes of the transaction. Outside of a transaction for writes, does nothing.
    pub(super) fn share_organizations(&self, keys: &Keys, loaded: &Organizations) {
        if let Some(shared) = &mut *self.shared.borrow_mut() {
            shared.organizations = Some(SharedOrganizations {
                organization_ids: keys.organizations.clone(),
                directory_ids: keys.directories.clone(),
                loaded: loaded.clone(),
            });
        }
    }

    /// Discards the organizations and directories that were kept, because a write has changed them.
    pub(super) fn forget_organizations(&self) {
        if let Some(shared) = &mut *self.shared.borrow_mut() {
            shared.organizations = None;
        }
    }
}
