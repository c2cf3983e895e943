//! Chores: work on users that takes more than one write, one page of users in each. A new role map starts one, and so does a change of a group
//! with many members. A chore is stored, so that another process completes it if this one ends.

use super::Mirror;
use super::decide::{PAGE, ROLES_CAUSE, RoleMap, Unmatched};
use super::write::{Task, run};
use crate::Result;
use crate::record::RoleMapEntry;
use crate::store::{Chore, Durability, Keys, Scope};

impl Mirror {
    /// Sets which groups give which roles: [entries](RoleMapEntry), or pairs of a group and a role. The group of a pair is an id if it begins
    /// with `dirgroup_`, else a name, or a pattern of names with `*` and `?`. A user has the roles of all entries that match one of their
    /// groups. When this returns, the feed has a `roles.changed` with the cause `roles` for each user whose roles changed.
    ///
    /// The future may be dropped: the entries are then stored as a whole or not at all. If they are stored, the remaining users are updated when the
    /// mirror is next opened or synced.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for more than 10,000 entries, and for an empty group, role or
    /// organization or one of more than 1,000 bytes; [`ErrorKind::Store`](crate::ErrorKind::Store). If a call fails partway, the remaining users are updated when
    /// the mirror is next opened or synced.
    pub async fn set_role_map<E: Into<RoleMapEntry>>(&self, entries: impl IntoIterator<Item = E>) -> Result<()> {
        let text = RoleMap::new(entries.into_iter().map(Into::into).collect())?.encode()?;
        let task = Task { cause: ROLES_CAUSE.to_owned(), ..self.settings_task() };
        run(self.store(), task, move |step| {
            if step.role_map() != Some(text.as_str()) {
                step.batch().role_map = Some(text.clone());
                step.batch().chores.push(Chore { cause: ROLES_CAUSE.to_owned(), ..Chore::default() });
            }
            Ok(())
        })
        .await?;
        self.finish_chores().await
    }

    /// Returns the group and the role of each entry of the role map, as they were set.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn role_map(&self) -> Result<Vec<(String, String)>> {
        let entries = self.role_map_entries().await?;
        Ok(entries.into_iter().map(|entry| (entry.group, entry.role)).collect())
    }

    /// Returns the entries of the role map, as they were set.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn role_map_entries(&self) -> Result<Vec<RoleMapEntry>> {
        Ok(self.load_role_map().await?.into_entries())
    }

    /// Returns the entries of the role map that match no mirrored group: a group that was renamed or deleted, or a name that is misspelled. Reads the
    /// groups of all directories, page by page, until every entry has matched one.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn unmatched_roles(&self) -> Result<Vec<RoleMapEntry>> {
        let mut unmatched = Unmatched::new(self.load_role_map().await?);
        let mut position = 0;
        while !unmatched.is_empty() {
            let rows = self.store().groups(None, position, PAGE).await?;
            let Some(last) = rows.last() else { break };
            position = last.number;
            rows.iter().for_each(|row| unmatched.see(&row.group));
        }
        Ok(unmatched.into_entries())
    }

    async fn load_role_map(&self) -> Result<RoleMap> {
        let set = self.store().load(Keys::default()).await?;
        RoleMap::parse(set.role_map.as_deref())
    }

    /// Completes all chores, one page of users per write.
    pub(super) async fn finish_chores(&self) -> Result<()> {
        loop {
            let task = Task {
                scope: Scope::Everything,
                durability: Durability::Process,
                fence: None,
                guarded: true,
                keys: Keys { chore: Some(PAGE), ..Keys::default() },
                cause: String::new(),
                now: self.now(),
            };
            let done = run(self.store(), task, |step| Ok(step.continue_chore())).await?;
            self.notify(&done.tally);
            if !done.value {
                return Ok(());
            }
        }
    }
}
