//! Finds users whom an application knows and the mirror lacks.

use super::Mirror;
use super::decide::{check_all_are_listed, check_are_synced, check_is_listed};
use crate::store::{Keys, Store};
use crate::{Error, Result, Timestamp};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// Options of [`Mirror::reconcile`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReconcileOptions {
    /// Only users of this organization are given: only its directories need a full sync. Default: users of all organizations.
    pub organization_id: Option<String>,
    /// Full syncs that began before this time do not count. Default: the time at which the handle was opened, because the store may have been restored
    /// before. An application that knows that the store was not restored since may give an earlier time.
    pub since: Option<Timestamp>,
}

impl Mirror {
    /// Returns those of `user_ids` (`diruser_…`) that are the ids of no user in the mirror, sorted, each once: the directory users that an application
    /// knows and that have left. For use after a store was lost or restored: a leaver whom the new store has never had is in no change of its feed.
    ///
    /// It fails while that answer could be wrong, because users who are in a directory would be returned as well: each directory must have had a complete
    /// full sync that began after this handle was opened, or after [`since`](ReconcileOptions::since), or be retired. Without an
    /// [organization](ReconcileOptions::organization_id), a [`sync_all`](Mirror::sync_all) must have listed all organizations and the directories of
    /// each since then, because the mirror does not know others. Users whose removal is held are in the mirror, and so
    /// are users who have left until they are deleted (their [`deletes_at`](crate::MirrorUser::deletes_at)): the feed deactivated them, and will delete them.
    ///
    /// Deactivate the accounts of these users, and delete them only after a second full sync and another call have given the same answer: a listing that
    /// changes while it is read may miss a user. One who is listed later is `user.created` in the feed.
    ///
    /// It only reads the mirror, a thousand ids at a time. Apart from the page, only the ids that it returns are in memory. `user_ids` may be of any
    /// length, in any order, and name users more than once.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if the answer could be wrong: the message says what to do, and the
    /// [context](Error::context) names the `organization` and the `directory`; and if an id is empty. [`ErrorKind::Store`](crate::ErrorKind::Store) if the
    /// store fails; [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) if the mirror is closed.
    pub async fn reconcile<I>(&self, user_ids: I, options: ReconcileOptions) -> Result<Vec<String>>
    where
        I: IntoIterator<Item: Into<String>, IntoIter: Send>,
    {
        let mut ids = user_ids.into_iter().map(Into::into);
        let mut reconciliation = self.reconciliation(options).await?;
        loop {
            let page: Vec<String> = ids.by_ref().take(Reconciliation::PAGE).collect();
            if page.is_empty() {
                return Ok(reconciliation.absent());
            }
            reconciliation.add(page).await?;
        }
    }

    /// Begins what [`reconcile`](Mirror::reconcile) does, for ids that come page by page. For bindings.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// As [`reconcile`](Mirror::reconcile).
    #[doc(hidden)]
    pub async fn reconciliation(&self, options: ReconcileOptions) -> Result<Reconciliation> {
        self.until_closed(self.check_is_complete(&options)).await?;
        Ok(Reconciliation { mirror: self.clone(), absent: BTreeSet::new() })
    }

    /// Checks that users who are not in the mirror are in no directory.
    async fn check_is_complete(&self, options: &ReconcileOptions) -> Result<()> {
        let ReconcileOptions { organization_id, since } = options;
        let since = since.unwrap_or_else(|| self.opened_at());
        let keys = Keys { organizations: organization_id.iter().cloned().collect(), ..Keys::default() };
        let set = self.store().load(keys).await?;
        match organization_id {
            None => check_all_are_listed(&set.environment, since)?,
            Some(id) => check_is_listed(id, set.organizations.get(id), since)?,
        }
        check_are_synced(&self.store().directories(organization_id.clone()).await?, since)
    }
}

/// Users whom an application knows, compared with the mirror page by page.
#[doc(hidden)]
pub struct Reconciliation {
    mirror: Mirror,
    /// The ids that are the ids of no user in the mirror.
    absent: BTreeSet<String>,
}

impl Reconciliation {
    /// How many ids are compared at a time.
    pub const PAGE: usize = 1000;

    /// Compares a page of ids.
    ///
    /// The future may be dropped: the page is then compared or not.
    ///
    /// # Errors
    ///
    /// As [`Mirror::reconcile`].
    pub async fn add(&mut self, page: Vec<String>) -> Result<()> {
        if page.iter().any(String::is_empty) {
            return Err(Error::invalid_argument(
                "expected ids of directory users (diruser_…), got an empty one: leave out accounts that have no directory user",
            ));
        }
        let store: &Arc<dyn Store> = self.mirror.store();
        let live: HashSet<String> =
            self.mirror.until_closed(store.live_users(page.clone())).await?.into_iter().collect();
        self.absent.extend(page.into_iter().filter(|id| !live.contains(id)));
        Ok(())
    }

    /// Returns those of the ids so far that are the ids of no user in the mirror, sorted, and forgets them.
    pub fn absent(&mut self) -> Vec<String> {
        std::mem::take(&mut self.absent).into_iter().collect()
    }
}

impl std::fmt::Debug for Reconciliation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reconciliation").finish_non_exhaustive()
    }
}
