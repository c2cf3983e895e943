//! Chores: work that takes more than one write. Setting the role map starts one.

use super::Mirror;
use super::decide::{PAGE, ROLES_CAUSE, RoleMap};
use super::write::{Task, run};
use crate::Result;
use crate::store::{Chore, Durability, Keys, Scope};

impl Mirror {
    /// Sets which groups give which roles: pairs of a group (its id, its name, or a pattern of names with `*` and `?`) and a role. A user has
    /// the roles of all pairs that match one of their groups. When this returns, the feed has a `roles.changed` with the cause `roles` for each
    /// user whose roles changed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for more than 10,000 pairs, and for an empty group or role or one of
    /// more than 1,000 bytes; [`ErrorKind::Store`](crate::ErrorKind::Store). If a call fails partway, the remaining users are updated when
    /// the mirror is next opened or synced.
    pub async fn set_role_map<G: Into<String>, R: Into<String>>(
        &self,
        pairs: impl IntoIterator<Item = (G, R)>,
    ) -> Result<()> {
        let pairs = pairs.into_iter().map(|(group, role)| (group.into(), role.into())).collect();
        let text = RoleMap::new(pairs)?.encode()?;
        let task = Task {
            scope: Scope::Everything,
            durability: Durability::Power,
            fence: None,
            guarded: false,
            keys: Keys::default(),
            cause: ROLES_CAUSE.to_owned(),
            now: self.now(),
        };
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

    /// Returns the pairs of the role map, as they were set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn role_map(&self) -> Result<Vec<(String, String)>> {
        let set = self.store().load(Keys::default()).await?;
        Ok(RoleMap::parse(set.role_map.as_deref())?.into_pairs())
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
            let done = run(self.store(), task, |step| Ok(step.go_on())).await?;
            self.notify(&done.tally);
            if !done.value {
                return Ok(());
            }
        }
    }
}
