//! What is there: users, groups and directories as mirrored, and how the mirror stands with each directory.

use super::Mirror;
use crate::record::{DirectoryStatus, MirrorDirectory, MirrorGroup, MirrorUser};
use crate::store::{Durability, EventState, Store, UserFilter, read, write};
use crate::{Error, Result};
use std::sync::Arc;

/// How many rows are read at a time.
const CHUNK: usize = 500;

/// The users of an organization, in the order in which the mirror learnt of them; made by [`Mirror::users`].
#[derive(Clone)]
pub struct MirrorUsers {
    store: Arc<dyn Store>,
    filter: UserFilter,
    position: Option<i64>,
    page: std::collections::VecDeque<MirrorUser>,
}

impl MirrorUsers {
    /// Only those of this directory.
    pub fn directory<'a>(mut self, id: impl Into<Option<&'a str>>) -> Self {
        self.filter.directory_id = id.into().map(str::to_owned);
        self
    }

    /// Only the members of this group.
    pub fn group<'a>(mut self, id: impl Into<Option<&'a str>>) -> Self {
        self.filter.group_id = id.into().map(str::to_owned);
        self
    }

    /// The next user, or `None` behind the last one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn next(&mut self) -> Result<Option<MirrorUser>> {
        if self.page.is_empty() {
            self.page = self.next_page().await?.into();
        }
        Ok(self.page.pop_front())
    }

    /// The next 500 users at most, or none behind the last one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn next_page(&mut self) -> Result<Vec<MirrorUser>> {
        let Some(position) = self.position else { return Ok(Vec::new()) };
        let filter = self.filter.clone();
        let rows = read(&self.store, move |tx| {
            if let Some(id) = &filter.group_id
                && !tx.group(id)?.is_some_and(|row| row.is_live())
            {
                return Ok(Vec::new());
            }
            tx.users(&filter, position, CHUNK)
        })
        .await?;
        self.position = rows.last().map(|row| row.number).filter(|_| rows.len() == CHUNK);
        Ok(rows.into_iter().map(|row| row.user).collect())
    }
}

impl std::fmt::Debug for MirrorUsers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MirrorUsers").finish_non_exhaustive()
    }
}

impl Mirror {
    /// The users of an organization: all, or those of a [directory](MirrorUsers::directory) or a [group](MirrorUsers::group).
    pub fn users(&self, organization_id: &str) -> MirrorUsers {
        MirrorUsers {
            store: Arc::clone(self.store()),
            filter: UserFilter { organization_id: Some(organization_id.to_owned()), ..UserFilter::default() },
            position: Some(0),
            page: std::collections::VecDeque::new(),
        }
    }

    /// One user, or nothing where the mirror has none of this id.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn user(&self, id: &str) -> Result<Option<MirrorUser>> {
        let id = id.to_owned();
        read(self.store(), move |tx| Ok(tx.user(&id)?.filter(|row| row.is_live()).map(|row| row.user))).await
    }

    /// The users with this primary address, whatever the case of its letters, in all organizations: an address is no identity, and several
    /// may have it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn find_users(&self, email: &str) -> Result<Vec<MirrorUser>> {
        let filter = UserFilter { email: Some(email.to_owned()), ..UserFilter::default() };
        let rows = read(self.store(), move |tx| tx.users(&filter, 0, CHUNK)).await?;
        Ok(rows.into_iter().map(|row| row.user).collect())
    }

    /// The groups of an organization, or of one of its directories, in the order in which the mirror learnt of them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn groups(&self, organization_id: &str, directory_id: Option<&str>) -> Result<Vec<MirrorGroup>> {
        let (organization_id, directory_id) = (organization_id.to_owned(), directory_id.map(str::to_owned));
        read(self.store(), move |tx| {
            let mut groups = Vec::new();
            for row in tx.directories(Some(&organization_id))? {
                let id = row.directory.id;
                if directory_id.as_ref().is_none_or(|wanted| *wanted == id) {
                    groups.extend(tx.groups(Some(&id), 0, usize::MAX)?.into_iter().map(|row| row.group));
                }
            }
            Ok(groups)
        })
        .await
    }

    /// One group, or nothing where the mirror has none of this id.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn group(&self, id: &str) -> Result<Option<MirrorGroup>> {
        let id = id.to_owned();
        read(self.store(), move |tx| Ok(tx.group(&id)?.filter(|row| row.is_live()).map(|row| row.group))).await
    }

    /// The directories that the mirror knows: of one organization, or all.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn directories(&self, organization_id: Option<&str>) -> Result<Vec<MirrorDirectory>> {
        let organization_id = organization_id.map(str::to_owned);
        let rows = read(self.store(), move |tx| tx.directories(organization_id.as_deref())).await?;
        Ok(rows.into_iter().map(|row| row.directory).collect())
    }

    /// How the mirror stands with each directory, in the order of their ids.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn status(&self) -> Result<Vec<DirectoryStatus>> {
        read(self.store(), |tx| {
            tx.directories(None)?
                .into_iter()
                .map(|row| {
                    Ok(DirectoryStatus {
                        users: tx.count_users(&row.directory.id)?,
                        groups: tx.count_groups(&row.directory.id)?,
                        pending_events: tx.count_events(&row.directory.organization_id, EventState::Pending)?,
                        directory: row.directory,
                        last_full_sync: row.last_full_sync,
                        last_incremental_sync: row.last_incremental_sync,
                        watermark: row.watermark,
                        held: row.held,
                    })
                })
                .collect()
        })
        .await
    }

    /// The ids of the users whose removal from a directory is held back, all of them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn held_removals(&self, directory_id: &str) -> Result<Vec<String>> {
        let id = directory_id.to_owned();
        read(self.store(), move |tx| tx.held_removals(&id)).await
    }

    /// Remembers the application's own account id beside a user, or forgets it. It is in every change of theirs from now on, and stays
    /// whatever else of them changes; a leaver's is kept as long as their tombstone, in case they return.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where the mirror has no such user; [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn link(&self, user_id: &str, account_id: Option<&str>) -> Result<()> {
        let (user_id, account_id) = (user_id.to_owned(), account_id.map(str::to_owned));
        write(self.store(), Durability::Power, move |tx| {
            let Some(mut row) = tx.user(&user_id)? else {
                return Err(Error::new(
                    crate::ErrorKind::NotFound,
                    "the mirror has no such user: sync first, or check the id",
                ));
            };
            row.user.linked_id.clone_from(&account_id);
            tx.put_user(&mut row)
        })
        .await
    }
}
