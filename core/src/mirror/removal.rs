//! The end of a full sync: removes users and groups that are absent from a complete reading, as far as the guard permits it.
//!
//! A user who moved to another directory of the organization is absent from the old one. If the sync did not read the other directories, because
//! only one directory was to be synced or because their listings failed, it reads them before it removes any user, and moves the users whom they
//! list. If one of them cannot be read completely, no user is removed, and the sync is incomplete. Directories that are disabled are not read:
//! their listings may be old.

use super::decide::{
    Absence, Budget, Listing, Reading, Removal, Step, Taken, budget, judge_removal, sorted, take_user,
};
use super::run::Run;
use crate::model::{Directory, User};
use crate::record::{HoldReason, Phase};
use crate::store::{Keys, UserFilter, UserRow};
use crate::{Error, Removals, Result};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many rows are read at a time when looking for absent users and groups.
const PAGE: usize = 500;

/// How many numbers of users' rows are read at a time.
const NUMBERS: usize = 10_000;

/// The most user ids in the error of a held removal.
const NAMED: usize = 1_000;

/// Users who are absent from a reading.
#[derive(Default)]
pub(super) struct Absent {
    pub(super) count: u64,
    /// Number of absent users who are protected, and whose removal is not held yet; not in `count`.
    protected: u64,
    /// Number of absent users whose removal is held already; not in `count` and `protected`.
    held: u64,
    /// Whether the removal of a user who is not protected is held already.
    holds_unprotected: bool,
    /// The ids of the first users of `count`.
    ids: Vec<String>,
    /// The ids of the first other users.
    kept_ids: Vec<String>,
}

impl Absent {
    fn is_any(&self) -> bool {
        self.total() > 0
    }

    /// Returns the number of all absent users.
    fn total(&self) -> u64 {
        self.count + self.protected + self.held
    }
}

/// Absent users of one page.
struct AbsentPage {
    ids: Vec<String>,
    /// Those who are protected, and whose removal is not held already.
    protected: Vec<String>,
    /// Those whose removal is held already.
    held: Vec<String>,
    /// Whether any of `held` is not protected.
    holds_unprotected: bool,
    /// The row number after which the next page starts, or `None` after the last page.
    next: Option<i64>,
}

/// What determines whether removals from a directory need approval.
struct RemovalState {
    budget: Budget,
    /// Whether removals by earlier listings are held.
    is_waiting: bool,
}

impl Run<'_> {
    /// Removes the users who are absent from a complete reading, if the guard permits it, and then the absent groups. Returns why nothing was removed,
    /// if another directory, to which the users may have moved, could not be read; else `None`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::MassRemoval`](crate::ErrorKind::MassRemoval) if removals are held back; [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub(super) async fn remove(&mut self, absence: &Arc<Absence>) -> Result<Option<String>> {
        let mut absent = self.absent(absence, NAMED).await?;
        if absent.is_any() && !self.unread.is_empty() {
            if let Some(doubt) = self.move_users(absence).await? {
                return Ok(Some(doubt));
            }
            absent = self.absent(absence, NAMED).await?;
        }
        if absent.is_any() {
            self.remove_within_budget(absence, absent).await?;
        }
        if absence.reading.groups_complete() {
            self.remove_groups(absence).await?;
        }
        Ok(None)
    }

    /// Removes the absent users, or holds their removal back.
    async fn remove_within_budget(&mut self, absence: &Arc<Absence>, absent: Absent) -> Result<()> {
        let RemovalState { budget, is_waiting } = self.removal_state().await?;
        if let Some(removal) = judge_removal(absent.count, absent.protected, &absence.reading, budget, is_waiting) {
            self.hold_absent(absence, removal).await?;
            return Err(self.mass_removal(removal, absent));
        }
        if absent.count + absent.protected > 0 {
            self.progress(Phase::Removals, 0, 0, Some(absent.count + absent.protected));
            self.remove_users(absence).await?;
        }
        if absent.protected + absent.held == 0 {
            return Ok(());
        }
        let kept = Absent { count: 0, ids: Vec::new(), ..absent };
        let reason = if kept.holds_unprotected { HoldReason::MassRemoval } else { HoldReason::ProtectedUsers };
        Err(self.mass_removal(Removal { reason, limit: budget.limit }, kept))
    }

    /// Reads the directories of the organization that this sync has not read, and moves absent users whom they list. Returns why a directory
    /// could not be read completely, or `None`.
    async fn move_users(&mut self, absence: &Arc<Absence>) -> Result<Option<String>> {
        for directory in std::mem::take(&mut self.unread) {
            let mut pages = self.mirror.source()?.users(&directory, None);
            let (mut reading, mut listed) = (Reading::new(0, self.mirror.now()), 0);
            loop {
                let page = match pages.next().await {
                    Ok(Some(page)) => page,
                    Ok(None) => break,
                    Err(error) => return Ok(Some(unread(&directory, &error.to_string()))),
                };
                self.report.pages += 1;
                listed += page.items.len() as u64;
                reading.see_page(page.total_size, None, self.started);
                reading.see_groups_of_users(page.items.iter().any(|user| user.groups.is_known()));
                self.move_page(absence, &directory, page.items, reading.has_groups()).await?;
            }
            reading.compare_count(listed);
            if let Some(doubt) = reading.doubt() {
                return Ok(Some(unread(&directory, doubt)));
            }
        }
        Ok(None)
    }

    /// Applies a page of another directory's listed users: only those who are absent from the directory of this sync.
    async fn move_page(
        &mut self,
        absence: &Arc<Absence>,
        directory: &Directory,
        users: Vec<User>,
        has_groups: bool,
    ) -> Result<()> {
        let keys = Keys { users: users.iter().map(|user| user.id.clone()).collect(), ..Keys::default() };
        let rows = self.mirror.store().load(keys).await?.users;
        let own = &self.directory.id;
        let is_moved = |id: &String| {
            rows.get(id).is_some_and(|row| row.is_live() && row.user.directory_id == *own && absence.lacks_user(row))
        };
        let moved: Vec<User> = users.into_iter().filter(|user| is_moved(&user.id)).collect();
        if moved.is_empty() {
            return Ok(());
        }
        let keys = Keys { users: moved.iter().map(|user| user.id.clone()).collect(), ..Keys::default() };
        let (directory, started) = (directory.clone(), self.started);
        self.step(keys, move |step| {
            let listing = Listing { directory: &directory, started, has_groups, defers: false };
            moved.iter().try_for_each(|user| take_user(step, &listing, user, &mut Taken::default()))
        })
        .await
        .map(drop)
    }

    /// Reads the directory's budget, and whether removals are held already.
    async fn removal_state(&self) -> Result<RemovalState> {
        let id = self.directory.id.clone();
        let ids: BTreeSet<String> = [id.clone()].into();
        let keys = Keys { directories: ids.clone(), holds: ids, ..Keys::default() };
        let done = self
            .step_once(keys, move |step| {
                let budget = budget(step, &id);
                let is_waiting = step.holds(&id).iter().any(|row| {
                    row.is_open() && matches!(row.reason, HoldReason::MassRemoval | HoldReason::EmptyListing)
                });
                Ok(RemovalState { budget, is_waiting })
            })
            .await?;
        Ok(done.value)
    }

    fn mass_removal(&self, removal: Removal, absent: Absent) -> Error {
        let count = absent.total();
        let message = removal.message(count);
        let removals = Removals {
            directory_id: self.directory.id.clone(),
            count,
            limit: removal.limit,
            user_ids: sorted(absent.ids.into_iter().chain(absent.kept_ids).take(NAMED)),
        };
        Error::mass_removal(message, removals)
            .with_context("organization", &self.directory.organization_id)
            .with_context("directory", &self.directory.id)
    }

    /// Whether a user or group is absent from the reading. A user whose removal is held already does not count.
    pub(super) async fn lacks_any(&self, absence: &Absence) -> Result<bool> {
        let absent = self.absent(absence, 0).await?;
        Ok(absent.count + absent.protected > 0 || self.lacks_group(absence).await?)
    }

    async fn lacks_group(&self, absence: &Absence) -> Result<bool> {
        let mut position = 0;
        while absence.reading.groups_complete() {
            let rows = self.mirror.store().groups(Some(self.directory.id.clone()), position, PAGE).await?;
            let Some(last) = rows.last() else { break };
            position = last.number;
            if rows.iter().any(|row| absence.lacks_group(row)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the reading named every mirrored user of the directory. It reads no rows, only their numbers.
    async fn names_every_user(&self, absence: &Absence) -> Result<bool> {
        let mut position = 0;
        loop {
            let id = self.directory.id.clone();
            let numbers = self.mirror.store().user_numbers(id, position, NUMBERS).await?;
            let Some(last) = numbers.last() else { return Ok(true) };
            position = *last;
            if !numbers.iter().all(|number| absence.reading.names_user(*number)) {
                return Ok(false);
            }
        }
    }

    /// Counts the users who are absent from a reading, and returns the ids of the first `named` of them who are to be removed, and of the others.
    pub(super) async fn absent(&self, absence: &Absence, named: usize) -> Result<Absent> {
        // Usually the reading named every user. Then no rows have to be read.
        if self.names_every_user(absence).await? {
            return Ok(Absent::default());
        }
        let (mut next, mut absent) = (Some(0), Absent::default());
        while let Some(position) = next {
            let page = self.absent_after(position, absence).await?;
            next = page.next;
            absent.count += page.ids.len() as u64;
            absent.protected += page.protected.len() as u64;
            absent.held += page.held.len() as u64;
            absent.holds_unprotected |= page.holds_unprotected;
            let (room, kept_room) = (named - absent.ids.len(), named - absent.kept_ids.len());
            absent.ids.extend(page.ids.into_iter().take(room));
            absent.kept_ids.extend(page.protected.into_iter().chain(page.held).take(kept_room));
        }
        Ok(absent)
    }

    /// Holds back the removal of all absent users.
    async fn hold_absent(&mut self, absence: &Arc<Absence>, removal: Removal) -> Result<()> {
        self.each_absent(absence, move |absence, step, ids| absence.hold_users(step, ids, removal)).await
    }

    async fn remove_users(&mut self, absence: &Arc<Absence>) -> Result<()> {
        let directory_id = self.directory.id.clone();
        self.each_absent(absence, move |absence, step, ids| absence.remove_users(step, &directory_id, ids)).await
    }

    /// Runs `rules` with each page of absent users, in a write of its own.
    async fn each_absent(
        &mut self,
        absence: &Arc<Absence>,
        rules: impl Fn(&Absence, &mut Step, &[String]) + Clone + Send + 'static,
    ) -> Result<()> {
        let (mut next, mut count) = (Some(0), 0);
        while let Some(position) = next {
            let page = self.absent_after(position, absence).await?;
            next = page.next;
            let ids = [page.ids, page.protected].concat();
            if ids.is_empty() {
                continue;
            }
            count += ids.len() as u64;
            let keys = Keys { users: ids.iter().cloned().collect(), ..Keys::default() };
            let (absence, rules) = (Arc::clone(absence), rules.clone());
            self.step(keys, move |step| {
                rules(&absence, step, &ids);
                Ok(())
            })
            .await?;
            self.progress(Phase::Removals, 0, count, None);
        }
        Ok(())
    }

    /// Reads the next page of users, and finds those who are absent from the reading.
    async fn absent_after(&self, position: i64, absence: &Absence) -> Result<AbsentPage> {
        let Directory { id, organization_id, .. } = self.directory.clone();
        let filter =
            UserFilter { organization_id: Some(organization_id), directory_id: Some(id), ..UserFilter::default() };
        let rows = self.mirror.store().users(filter, position, PAGE).await?;
        let next = rows.last().map(|row| row.number);
        let (held, absent): (Vec<_>, Vec<_>) =
            rows.into_iter().filter(|row| absence.lacks_user(row)).partition(|row| row.held_removal().is_some());
        let (protected, absent): (Vec<_>, Vec<_>) = absent.into_iter().partition(|row| row.user.is_protected());
        let holds_unprotected = held.iter().any(|row: &UserRow| !row.user.is_protected());
        let ids = |rows: Vec<UserRow>| rows.into_iter().map(|row| row.user.id).collect();
        Ok(AbsentPage { ids: ids(absent), protected: ids(protected), held: ids(held), holds_unprotected, next })
    }

    async fn remove_groups(&mut self, absence: &Arc<Absence>) -> Result<()> {
        let mut position = 0;
        loop {
            let rows = self.mirror.store().groups(Some(self.directory.id.clone()), position, PAGE).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            position = last.number;
            let ids: Vec<String> =
                rows.into_iter().filter(|row| absence.lacks_group(row)).map(|row| row.group.id).collect();
            if ids.is_empty() {
                continue;
            }
            let keys = Keys { groups: ids.iter().cloned().collect::<BTreeSet<_>>(), ..Keys::default() };
            let absence = Arc::clone(absence);
            self.step(keys, move |step| {
                absence.remove_groups(step, &ids);
                Ok(())
            })
            .await?;
        }
    }
}

fn unread(directory: &Directory, why: &str) -> String {
    format!("the directory {}, to which absent users may have moved, was not read: {why}", directory.id)
}
