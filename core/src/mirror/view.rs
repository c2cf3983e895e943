//! Reads what is mirrored: users, groups, directories, and how up to date each directory is.

use super::Mirror;
use super::past::Past;
use super::write::{Task, run};
use crate::record::{DirectoryStatus, Hold, MirrorDirectory, MirrorGroup, MirrorUser};
use crate::store::{Keys, UserFilter};
use crate::{Error, ErrorKind, Result, Timestamp};
use futures_util::stream::BoxStream;
use std::collections::{HashMap, VecDeque};

/// How many rows are read at a time.
const PAGE: usize = 500;

/// The longest reason of a protection, in bytes.
const MAX_REASON: usize = 2_000;

/// The users of an organization or of a hold, in the order in which the mirror first stored them; made by [`Mirror::users`] and
/// [`Mirror::hold_users`]. Or the users of an organization at a past time, in no particular order; made by [`Mirror::at`]. Read one after another with [`next`](MirrorUsers::next), by page with [`next_page`](MirrorUsers::next_page), or as a
/// [`stream`](MirrorUsers::stream).
#[derive(Clone)]
pub struct MirrorUsers {
    mirror: Mirror,
    filter: UserFilter,
    role: Option<String>,
    /// The past users that are read, or `None` for present ones.
    past: Option<Past>,
    /// The number of the last row that was read, or `None` after the last page.
    position: Option<i64>,
    /// How many rows are read at a time.
    page_size: usize,
    page: VecDeque<MirrorUser>,
}

impl MirrorUsers {
    pub(super) fn new(mirror: Mirror, filter: UserFilter) -> MirrorUsers {
        MirrorUsers {
            mirror,
            filter,
            role: None,
            past: None,
            position: Some(0),
            page_size: PAGE,
            page: VecDeque::new(),
        }
    }

    fn at(mirror: &Mirror, moment: Timestamp, organization_id: &str) -> MirrorUsers {
        let past = Past::new(mirror.clone(), moment, organization_id.to_owned());
        MirrorUsers { past: Some(past), ..mirror.users(organization_id) }
    }

    pub(super) fn mirror(&self) -> &Mirror {
        &self.mirror
    }

    /// Returns the past users that these are, or `None` for present ones.
    pub(super) fn past(&self) -> Option<&Past> {
        self.past.as_ref()
    }

    /// Limits the users to a directory; `None` for all.
    pub fn directory<'a>(mut self, id: impl Into<Option<&'a str>>) -> Self {
        self.filter.directory_id = id.into().map(str::to_owned);
        self
    }

    /// Limits the users to the members of a group; `None` for all users.
    pub fn group<'a>(mut self, id: impl Into<Option<&'a str>>) -> Self {
        self.filter.group_id = id.into().map(str::to_owned);
        self
    }

    /// Limits the users to those who have this role, or had it at the past time; `None` for all users.
    pub fn role<'a>(mut self, role: impl Into<Option<&'a str>>) -> Self {
        self.role = role.into().map(str::to_owned);
        self
    }

    /// Starts after a [cursor](MirrorUsers::cursor), so that a program can show one page and later the next one; `None` for the start. Has no effect on users
    /// at a past time.
    pub fn after(mut self, cursor: impl Into<Option<i64>>) -> Self {
        self.position = Some(cursor.into().unwrap_or_default());
        self
    }

    /// Sets how many users are read at a time, from 1 to 500; other numbers count as the nearest of these. Default: 500. Has no effect on users at a past
    /// time.
    pub fn page_size(mut self, users: usize) -> Self {
        self.page_size = users.clamp(1, PAGE);
        self
    }

    /// Returns the cursor after the last page that was read, or `None` if there are no more users, and for users at a past time. It stays valid:
    /// users who are added later come after it.
    pub fn cursor(&self) -> Option<i64> {
        self.position.filter(|_| self.past.is_none())
    }

    /// Returns the next user, or `None` after the last one.
    ///
    /// The future may be dropped: no user is lost, because the next call returns them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`]; for users at a past time also [`ErrorKind::InvalidArgument`] if it is in the future, and [`ErrorKind::HistoryTrimmed`] if it is
    /// before the history began or the mirror keeps no history.
    pub async fn next(&mut self) -> Result<Option<MirrorUser>> {
        if self.page.is_empty() {
            self.page = self.next_page().await?.into();
        }
        Ok(self.page.pop_front())
    }

    /// Returns the next 500 users at most, or as [`page_size`](MirrorUsers::page_size) says; an empty vector after the last one.
    ///
    /// The future may be dropped: no user is lost, because the next call returns them.
    ///
    /// # Errors
    ///
    /// As [`next`](MirrorUsers::next).
    pub async fn next_page(&mut self) -> Result<Vec<MirrorUser>> {
        while let Some(mut users) = self.read_page().await? {
            if let Some(role) = &self.role {
                users.retain(|user| user.roles.contains(role));
            }
            if !users.is_empty() {
                return Ok(users);
            }
        }
        Ok(Vec::new())
    }

    /// Reads the next page, which may have no users. Returns `None` after the last one.
    async fn read_page(&mut self) -> Result<Option<Vec<MirrorUser>>> {
        if let Some(past) = &mut self.past {
            let UserFilter { directory_id, group_id, .. } = &self.filter;
            let users = past.next_page().await?.map(|mut users| {
                users.retain(|user| {
                    directory_id.as_ref().is_none_or(|id| user.directory_id == *id)
                        && group_id.as_ref().is_none_or(|id| user.group_ids.contains(id))
                });
                users
            });
            return Ok(users);
        }
        let Some(position) = self.position else { return Ok(None) };
        if let Some(id) = &self.filter.group_id {
            // The store also keeps memberships in groups that do not exist, so check first that the group exists.
            let set = self.mirror.store().load(Keys { groups: [id.clone()].into(), ..Keys::default() }).await?;
            let own = self.filter.organization_id.as_ref();
            let exists = set.groups.get(id).is_some_and(|row| {
                row.is_live()
                    && own.is_none_or(|own| row.group.organization_id.is_empty() || row.group.organization_id == *own)
            });
            if !exists {
                self.position = None;
                return Ok(None);
            }
        }
        let rows = self.mirror.store().users(self.filter.clone(), position, self.page_size).await?;
        self.position = rows.last().map(|row| row.number).filter(|_| rows.len() == self.page_size);
        Ok(Some(rows.into_iter().map(|row| row.user).collect()))
    }
}

impl MirrorUsers {
    /// Returns the users as a stream, which ends after the first error.
    pub fn stream(self) -> BoxStream<'static, Result<MirrorUser>> {
        Box::pin(futures_util::stream::try_unfold(self, async |mut users| {
            Ok(users.next().await?.map(|user| (user, users)))
        }))
    }
}

impl std::fmt::Debug for MirrorUsers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MirrorUsers").finish_non_exhaustive()
    }
}

impl Mirror {
    /// Reads the users of an organization: all, or those of a [directory](MirrorUsers::directory) or a [group](MirrorUsers::group).
    pub fn users(&self, organization_id: &str) -> MirrorUsers {
        let filter = UserFilter { organization_id: Some(organization_id.to_owned()), ..UserFilter::default() };
        MirrorUsers::new(self.clone(), filter)
    }

    /// Reads the users of an organization as they were at a past time, with the groups and roles of that time: all, or those of a
    /// [directory](MirrorUsers::directory), a [group](MirrorUsers::group) or a [role](MirrorUsers::role) at that time. Users who have been removed since are
    /// among them, users who were added later are not.
    ///
    /// The state at a moment has all changes whose time ([`Change::at`](crate::Change::at)) is that moment or earlier. Times are compared in whole
    /// milliseconds, because some languages have no finer ones. `updated_at` is `None`, and
    /// [`linked_id`](MirrorUser::linked_id) is the present one, because the history does not have them; of a user who has been removed since, `linked_id` is
    /// that at the removal.
    ///
    /// The users are read page by page, so that memory does not grow with their number, from the present rows and the
    /// [history](Mirror::history). The time that this takes grows with the number of changes in the history of the organization.
    ///
    /// Nothing is read before the first call of [`next`](MirrorUsers::next), which checks the moment.
    pub fn at(&self, moment: Timestamp, organization_id: &str) -> MirrorUsers {
        MirrorUsers::at(self, moment, organization_id)
    }

    /// Returns a user, or `None` if none of this id is mirrored.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`].
    pub async fn user(&self, id: &str) -> Result<Option<MirrorUser>> {
        let mut set = self.store().load(Keys { users: [id.to_owned()].into(), ..Keys::default() }).await?;
        Ok(set.users.remove(id).filter(|row| row.is_live()).map(|row| row.user))
    }

    /// Returns all users with this primary address, in all organizations. Upper and lower case and Unicode normalization make no difference, for
    /// letters of any alphabet. An address does not identify a user: several may have the same. They are in the order in which the mirror first
    /// stored them.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] if none is found and the mirror does not store addresses ([`MirrorOptions::fields`](crate::mirror::MirrorOptions::fields));
    /// [`ErrorKind::Store`].
    pub async fn find_users(&self, email: &str) -> Result<Vec<MirrorUser>> {
        let filter = UserFilter { email: Some(email.to_owned()), ..UserFilter::default() };
        let (mut after, mut users) = (0, Vec::new());
        loop {
            let rows = self.store().users(filter.clone(), after, PAGE).await?;
            let (count, last) = (rows.len(), rows.last().map_or(after, |row| row.number));
            after = last;
            users.extend(rows.into_iter().map(|row| row.user));
            if count == PAGE {
                continue;
            }
            if users.is_empty() && !self.store().load(Keys::default()).await?.settings.user_fields().has_email() {
                return Err(Error::invalid_argument(
                    "users cannot be found by their address, which the mirror does not store: list email in the setting fields, and run a full sync",
                ));
            }
            return Ok(users);
        }
    }

    /// Returns the groups of an organization, or of one of its directories: by the id of their directory, and then in the order in which the mirror
    /// first stored them.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`].
    pub async fn groups(&self, organization_id: &str, directory_id: Option<&str>) -> Result<Vec<MirrorGroup>> {
        let directories = self.store().directories(Some(organization_id.to_owned())).await?;
        let mut groups = Vec::new();
        for row in directories {
            let id = row.directory.id;
            if directory_id.is_none_or(|wanted| wanted == id) {
                let mut position = 0;
                loop {
                    let rows = self.store().groups(Some(id.clone()), position, PAGE).await?;
                    let Some(last) = rows.last() else { break };
                    position = last.number;
                    groups.extend(rows.into_iter().map(|row| row.group));
                }
            }
        }
        Ok(groups)
    }

    /// Returns a group, or `None` if none of this id is mirrored.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`].
    pub async fn group(&self, id: &str) -> Result<Option<MirrorGroup>> {
        let mut set = self.store().load(Keys { groups: [id.to_owned()].into(), ..Keys::default() }).await?;
        Ok(set.groups.remove(id).filter(|row| row.is_live()).map(|row| row.group))
    }

    /// Returns the directories of an organization, or all, in the order of their ids.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`].
    pub async fn directories(&self, organization_id: Option<&str>) -> Result<Vec<MirrorDirectory>> {
        let rows = self.store().directories(organization_id.map(str::to_owned)).await?;
        Ok(rows.into_iter().map(|row| row.directory).collect())
    }

    /// Returns how up to date the mirror is with each directory, in the order of the directories' ids.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`].
    pub async fn status(&self) -> Result<Vec<DirectoryStatus>> {
        let rows = self.store().directory_counts().await?;
        let mut holds: HashMap<String, Vec<Hold>> = HashMap::new();
        for hold in self.read_holds(None, None).await? {
            holds.entry(hold.directory_id.clone()).or_default().push(hold);
        }
        let status = rows.into_iter().map(|counts| {
            let holds = holds.remove(&counts.row.directory.id).unwrap_or_default();
            DirectoryStatus {
                directory: counts.row.directory,
                last_full_sync: counts.row.last_full_sync,
                last_incremental_sync: counts.row.last_incremental_sync,
                users: counts.users,
                leaving: counts.leaving,
                groups: counts.groups,
                watermark: counts.row.watermark,
                held: holds.first().cloned(),
                holds,
                incomplete_since: counts.row.incomplete_since,
                missing_since: counts.row.missing_since,
                pending_events: counts.pending_events,
            }
        });
        Ok(status.collect())
    }

    /// Returns the ids of all users whose removal from a directory is held back, sorted.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`].
    pub async fn held_removals(&self, directory_id: &str) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        for hold in self.store().holds(None, Some(directory_id.to_owned())).await? {
            let filter = UserFilter { hold: Some(hold.id()), ..UserFilter::default() };
            let mut position = 0;
            loop {
                let rows = self.store().users(filter.clone(), position, PAGE).await?;
                let Some(last) = rows.last() else { break };
                position = last.number;
                ids.extend(rows.into_iter().filter(|row| row.held_removal().is_some()).map(|row| row.user.id));
            }
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// Stores the application's own account id of a user, or removes it. Every later change of the user contains it. Syncs and events keep
    /// it, and it is kept for a week after the user was removed, in case the user returns.
    ///
    /// The future may be dropped: the account id may then have been stored or not. The call may be repeated.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if no user of this id is mirrored, or the user was removed; [`ErrorKind::Store`].
    pub async fn link(&self, user_id: &str, account_id: Option<&str>) -> Result<()> {
        let account_id = account_id.map(str::to_owned);
        self.set_own_fields(user_id, move |user| user.linked_id.clone_from(&account_id)).await
    }

    /// Protects a user: from now on, no listing and no event removes or deactivates the user or takes all roles away without an approval, whatever the
    /// guard's budget. What they would do is held, in a hold with the reason [`ProtectedUsers`](crate::mirror::HoldReason::ProtectedUsers), until it is
    /// [approved](Mirror::approve) or [dismissed](Mirror::dismiss). Losses that are held already stay in their hold. What the application asks for is
    /// not held: [`set_role_map`](Mirror::set_role_map) and [`retire`](Mirror::retire).
    ///
    /// `reason` (1 to 2,000 bytes) is kept as [`MirrorUser::protection`], and replaces an earlier one. The protection ends with
    /// [`unprotect`](Mirror::unprotect), and when the user is removed. It does not prevent the deletion of a user who has left and whose
    /// [grace](crate::MirrorBuilder::deletion_grace) has begun.
    ///
    /// The future may be dropped: the protection may then have been stored or not. The call may be repeated.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] for a reason of the wrong length; [`ErrorKind::NotFound`] if no user of this id is mirrored, or the user was removed;
    /// [`ErrorKind::Store`].
    pub async fn protect(&self, user_id: &str, reason: &str) -> Result<()> {
        if reason.trim().is_empty() || reason.len() > MAX_REASON {
            return Err(Error::invalid_argument(format!(
                "the reason has {} bytes: expected why the user is protected, in 1 to {MAX_REASON} bytes",
                reason.len()
            )));
        }
        let reason = reason.to_owned();
        self.set_own_fields(user_id, move |user| user.protection = Some(reason.clone())).await
    }

    /// Ends the protection of a user: the guard's budget alone limits later losses of access. A loss that is held stays held until it is approved or
    /// dismissed. Does nothing for a user who is not protected.
    ///
    /// The future may be dropped: the protection may then have ended or not. The call may be repeated.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if no user of this id is mirrored, or the user was removed; [`ErrorKind::Store`].
    pub async fn unprotect(&self, user_id: &str) -> Result<()> {
        self.set_own_fields(user_id, |user| user.protection = None).await
    }

    /// Changes fields of a user that the application sets, without a change in the feed.
    async fn set_own_fields(&self, user_id: &str, set: impl Fn(&mut MirrorUser) + Send + 'static) -> Result<()> {
        let user_id = user_id.to_owned();
        let keys = Keys { users: [user_id.clone()].into(), ..Keys::default() };
        let task = Task { keys, ..self.settings_task() };
        run(self.store(), task, move |step| {
            if step.set_own_fields(&user_id, &set) {
                return Ok(());
            }
            Err(Error::new(ErrorKind::NotFound, "the mirror has no such user: sync first, or check the id"))
        })
        .await
        .map(drop)
    }
}
