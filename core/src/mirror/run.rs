//! A running sync of one directory: reads its pages, applies them, and removes the users who are absent from all of them.
//!
//! Users are removed only if the listing is complete, and a second reading lacks them as well. If a page failed, the number of listed users is not
//! the server's count, a user was listed twice, or the directory changed while it was read, the listed rows are applied and no user is removed. A row
//! that an event changed shortly before the reading or during it is not removed.
//!
//! The creation of a user whose address another user has comes after the removals (see [`take_user`]), at the latest at the end of the sync:
//! also if the removals are held, if no user may be removed, or if the listing failed. Only full syncs remove users, so only they defer
//! creations.

use super::Mirror;
use super::decide::{
    Absence, Listing, PAGE, Reading, SKEW, Step, Taken, Tally, before, end_memberships, take_group, take_user,
};
use super::holds::Decider;
use super::options::Options;
use super::reports::sync_cause;
use super::runs::started_run;
use super::source::SourcePages;
use super::write::{Done, Task, run, task_error};
use crate::model::{Directory, Group, User};
use crate::record::{DirectoryRow, HoldReason, MirrorSettings, Phase, Progress, SyncMode, SyncOutcome, SyncReport};
use crate::store::{Durability, Fence, Keys, Lease, Scope, UserFilter, email_key};
use crate::task::carried;
use crate::{Error, ErrorKind, Result, Timestamp};
use roaring::RoaringTreemap;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::{JoinError, JoinHandle};

/// The greatest number of times that one sync reads a listing. It reads the listing again if a reading was not complete or the directory changed
/// meanwhile, and if users or groups are absent from the first reading.
const ATTEMPTS: u32 = 3;

/// The most pages in one write. Webhooks wait for a running write, so it must not be long.
const WRITING: usize = 16;

/// The most creations that are deferred: further users are created at once, so that memory does not grow with the directory. The guard permits
/// the removal of so many users only in directories of ten times that size.
const MOST_DEFERRED: usize = 2_000;

/// Returns how many times at most a sync reads a listing that is not complete. After a sync whose readings were all incomplete it reads only once:
/// the cause, such as a wrong count of the vendor, may last for days, and more readings would only cost time.
fn attempts(row: &DirectoryRow) -> u32 {
    if row.incomplete_since.is_some() { 1 } else { ATTEMPTS }
}

/// A running sync of one directory.
pub(super) struct Run<'a> {
    pub(super) mirror: &'a Mirror,
    pub(super) started: Timestamp,
    pub(super) directory: Directory,
    pub(super) options: &'a Options,
    pub(super) report: SyncReport,
    tally: Tally,
    /// How many users and groups of the latest reading are mirrored in another organization.
    foreign: u64,
    /// [`DirectoryRow::incomplete_since`] at the start of the sync.
    incomplete_since: Option<Timestamp>,
    defers: Defers,
    /// Whether former users of the organization are looked for when users are created: not if it had no rows of users when the sync started.
    finds_rehires: bool,
    /// Whether addresses of users are stored.
    has_addresses: bool,
    /// Users whose creation is deferred, by id.
    deferred: BTreeMap<String, User>,
    /// Whether any listed user has the key `groups`.
    has_groups: bool,
    /// Directories of the organization that this sync has not read, and to which absent users may have moved.
    pub(super) unread: Vec<Directory>,
    lease: Box<dyn Lease>,
    read: Result<Read>,
}

/// What a sync has read and applied.
enum Read {
    /// Nothing: the directory is disabled.
    Skipped,
    /// A listing of changes, or one that was not complete.
    Part,
    /// Complete listings. The users and groups that are absent from them are removed.
    Everything(Arc<Absence>),
}

/// Whether creations are deferred, and when the addresses of listed users are looked up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Defers {
    /// No creation is deferred: the sync removes no users, or the organization has no rows of users.
    Never,
    /// Creations are deferred. Only the addresses of new users are looked up, since most users are known.
    NewUsers,
    /// Creations are deferred. The addresses of all users are looked up together, since most of them are new.
    AllUsers,
}

/// A running task that writes a page of listed users.
type Writing = JoinHandle<Result<Done<Taken>>>;

impl<'a> Run<'a> {
    pub(super) fn new(
        mirror: &'a Mirror,
        directory: &Directory,
        options: &'a Options,
        report: SyncReport,
        lease: Box<dyn Lease>,
    ) -> Run<'a> {
        // The clock is read after the lease was taken, so that all writes of the previous sync are before this sync's start.
        let started = mirror.now();
        Run {
            mirror,
            started,
            directory: directory.clone(),
            options,
            report: SyncReport { started_at: started, ..report },
            tally: Tally::default(),
            foreign: 0,
            incomplete_since: None,
            defers: Defers::Never,
            finds_rehires: true,
            has_addresses: true,
            deferred: BTreeMap::new(),
            has_groups: false,
            unread: Vec::new(),
            lease,
            read: Ok(Read::Skipped),
        }
    }

    /// Reads the directory's listings and applies them. [`finish`](Run::finish) reports an error.
    pub(super) async fn read(mut self) -> Run<'a> {
        self.read = self.read_listings().await;
        self
    }

    /// Whether the listings were read, and are complete.
    pub(super) fn has_read_everything(&self) -> bool {
        matches!(self.read, Ok(Read::Everything(_)))
    }

    /// Removes the users and groups that are absent from the listings. When several directories are synced, all of them are read before: a user
    /// who moved to another directory is then in that one. `read` has the start of the reading of each directory that this sync has read completely.
    /// [`finish`](Run::finish) reports an error.
    pub(super) async fn remove_absent(mut self, read: &BTreeMap<String, Timestamp>) -> Run<'a> {
        match self.remove_absent_rows(read).await {
            Ok(None) => {}
            Ok(Some(doubt)) => self.read = self.incomplete(&doubt).await,
            Err(error) => self.read = Err(error),
        }
        self
    }

    async fn remove_absent_rows(&mut self, read: &BTreeMap<String, Timestamp>) -> Result<Option<String>> {
        if !self.has_read_everything() {
            return Ok(None);
        }
        let others_read = self.others_read(read).await?;
        let Ok(Read::Everything(absence)) = &mut self.read else { return Ok(None) };
        if let Some(absence) = Arc::get_mut(absence) {
            absence.others_read = others_read;
        }
        let absence = Arc::clone(absence);
        self.remove(&absence).await
    }

    /// Creates the users whose creation was deferred, and reports the result. When several directories are synced, the absent users of all of
    /// them are removed before.
    pub(super) async fn finish(mut self) -> SyncReport {
        let result = self.conclude().await;
        self.report.count(&self.tally);
        let report = match result {
            Ok(()) => {
                self.report.doubt_foreign(self.mirror, self.foreign);
                SyncReport { ended_at: self.mirror.now(), ..self.report }
            }
            Err(error) => self.report.failed(self.mirror, error),
        };
        let (organization_id, directory_id) = (&self.directory.organization_id, &self.directory.id);
        let report = match self.mirror.read_holds(Some(organization_id), Some(directory_id)).await {
            Ok(holds) => report.with_holds(self.mirror, holds),
            Err(error) if report.error.is_none() => report.failed(self.mirror, error),
            Err(_) => report,
        };
        // The lease is released after this, so that a run without an end whose lease is not held was certainly interrupted.
        self.mirror.record_runs([&report]).await;
        report
    }

    /// Extends the lease by an empty write: every write of the lease's holder extends it.
    pub(super) async fn keep_lease(&self) {
        // If the lease was lost, the next write reports that.
        let _ = self.step_once(Keys::default(), |_| Ok(())).await;
    }

    async fn read_listings(&mut self) -> Result<Read> {
        let (row, MirrorSettings { full_every, fields, .. }) = self.row().await?;
        self.has_addresses = fields.iter().any(|field| field == "email");
        let is_due = row.last_full_sync.is_none_or(|at| at <= before(self.started, full_every));
        let full = self.options.approved
            || match self.options.mode {
                SyncMode::Full => true,
                SyncMode::Incremental => false,
                _ => is_due,
            };
        self.report.mode = if full { SyncMode::Full } else { SyncMode::Incremental };
        if !row.directory.enabled {
            self.mirror.hold_directory(&self.directory.id, HoldReason::DirectoryDisabled, &self.cause()).await?;
            self.report.outcome = SyncOutcome::Held;
            return Ok(Read::Skipped);
        }
        if self.options.approved {
            self.approve_open_holds().await?;
        }
        // Pending events are retried before the listing, so that a full listing corrects what they changed.
        self.report.events += self.mirror.retry_events(&self.directory.organization_id).await?;
        self.incomplete_since = row.incomplete_since;
        self.start_listing().await?;
        if full { self.full(&row).await } else { self.incremental(&row).await }
    }

    /// Stores in one write that the directory's listing starts, and the record of this sync, which has no end yet.
    async fn start_listing(&self) -> Result<()> {
        let (id, started) = (self.directory.id.clone(), self.started);
        let run = (!self.mirror.is_plan()).then(|| started_run(&self.report, self.fence().token));
        self.step_once(Keys { directories: [id.clone()].into(), ..Keys::default() }, move |step| {
            if let Some(mut row) = step.directory(&id).cloned() {
                row.listed_since = Some(started);
                step.put_directory(row);
            }
            step.batch().runs.extend(run.clone());
            Ok(())
        })
        .await
        .map(drop)
    }

    /// Approves the holds of the directory that are open at this moment.
    async fn approve_open_holds(&mut self) -> Result<()> {
        let (organization_id, directory_id) = (&self.directory.organization_id, &self.directory.id);
        for hold in self.mirror.read_holds(Some(organization_id), Some(directory_id)).await? {
            if hold.reason.is_of_directory() {
                continue;
            }
            match self.mirror.settle(&hold.id, &Decider::of_sync(), true).await {
                Ok(settled) => self.tally.add(&settled.tally),
                // Another process settled it first.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Creates the users whose creation was deferred, and retries pending events.
    async fn conclude(&mut self) -> Result<()> {
        let read = std::mem::replace(&mut self.read, Ok(Read::Skipped));
        if matches!(read, Ok(Read::Skipped)) {
            return Ok(());
        }
        // Also after an error: these users were listed, and this sync removes no users any more, so there is no reason to defer their creation
        // further.
        let created = self.create_deferred().await;
        let result = match (read, created) {
            (Err(error), _) | (Ok(_), Err(error)) => Err(error),
            (Ok(Read::Everything(absence)), Ok(())) => self.complete(&absence).await,
            (Ok(_), Ok(())) => Ok(()),
        };
        // Pending events need the directory's users, which are now up to date, even if removals are held.
        if result.as_ref().err().is_none_or(|error| error.kind() == ErrorKind::MassRemoval) {
            self.report.events += self.mirror.retry_events(&self.directory.organization_id).await?;
        }
        result
    }

    /// Creates the users whose creation was deferred.
    async fn create_deferred(&mut self) -> Result<()> {
        self.defers = Defers::Never;
        while !self.deferred.is_empty() {
            let users = std::iter::from_fn(|| self.deferred.pop_first()).map(|(_, user)| user).take(PAGE).collect();
            let written = self.take_users_with_addresses(users, self.has_groups).await;
            // The users are counted in a new reading, which is discarded: the sync's reading has counted them when they were listed.
            self.count_users(written, &mut Reading::new(0, self.started))?;
            self.mirror.finish_chores().await?;
        }
        Ok(())
    }

    /// Stores that a full sync is complete.
    async fn complete(&self, absence: &Absence) -> Result<()> {
        let (started, ended, watermark) = (self.started, self.mirror.now(), absence.reading.watermark());
        let lists_groups = absence.reading.has_groups();
        self.update_directory(move |row| {
            row.last_full_sync = Some(started);
            row.first_full_sync = row.first_full_sync.or(Some(ended));
            row.watermark = row.watermark.max(watermark);
            row.lists_groups = lists_groups;
        })
        .await
    }

    async fn incremental(&mut self, row: &DirectoryRow) -> Result<Read> {
        let after = row.watermark.map(|at| before(at, SKEW));
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut reading = Reading::new(0, self.mirror.now());
            self.read_groups(after, &mut reading).await?;
            self.read_users(after, &mut reading).await?;
            let Some(doubt) = reading.doubt() else {
                if reading.leaves_memberships_unknown(row.lists_groups) {
                    self.read_memberships().await?;
                }
                let (started, watermark) = (self.started, reading.watermark());
                self.update_directory(move |row| {
                    row.last_incremental_sync = Some(started);
                    row.watermark = row.watermark.max(watermark);
                    // A listing of changes does not show that a listing of all users is complete.
                    if !row.incomplete_full {
                        row.incomplete_since = None;
                    }
                })
                .await?;
                return Ok(Read::Part);
            };
            if attempt >= attempts(row) {
                return self.incomplete(doubt).await;
            }
        }
    }

    /// Lists all users and applies them. This shows whether a user without the key `groups` is in no group. No user is removed.
    async fn read_memberships(&mut self) -> Result<()> {
        let mut reading = Reading::new(0, self.mirror.now());
        self.read_users(None, &mut reading).await?;
        let lists_groups = reading.has_groups();
        self.update_directory(move |row| row.lists_groups = lists_groups).await
    }

    async fn full(&mut self, row: &DirectoryRow) -> Result<Read> {
        // The sync of an organization reads the other directories as well, possibly later: any user who is known from events alone may prove to be
        // absent then, and a second reading is needed for that. `remove_absent` sets the time.
        let others_read = match self.options.directory_id {
            None => Some(Timestamp::MAX),
            Some(_) => self.others_read(&BTreeMap::new()).await?,
        };
        // Without stored addresses, none can be found.
        let has_rows = self.has_addresses && self.has_rows().await?;
        self.finds_rehires = has_rows;
        self.defers = match (row.last_full_sync, has_rows) {
            (Some(_), true) => Defers::NewUsers,
            (None, true) => Defers::AllUsers,
            (_, false) => Defers::Never,
        };
        let mut earlier: Option<Reading> = None;
        let mut before = self.directory.clone();
        for attempt in 1..=ATTEMPTS {
            let (organization_id, now) = (&self.directory.organization_id, self.mirror.now());
            let mark = super::write::mark(self.mirror.store(), organization_id, now).await?;
            let mut reading = Reading::new(mark, self.mirror.now());
            self.read_groups(None, &mut reading).await?;
            self.read_users(None, &mut reading).await?;
            let after = self.list_again().await?;
            reading.compare(&before, &after);
            before = after;
            if let Some(doubt) = reading.doubt() {
                if attempt >= attempts(row) {
                    return self.incomplete(doubt).await;
                }
                continue;
            }
            let is_second = earlier.is_some();
            let reading = match earlier.take() {
                None => reading,
                Some(first) => first.or(reading),
            };
            let absence = Absence { reading, others_read };
            // A page may miss a user who is in the directory, for example if a user of an earlier page left meanwhile: users and groups are
            // removed only if two readings lack them.
            if is_second || !self.lacks_any(&absence).await? {
                if row.incomplete_since.is_some() {
                    self.update_directory(|row| {
                        row.incomplete_since = None;
                        row.incomplete_full = false;
                    })
                    .await?;
                }
                return Ok(Read::Everything(Arc::new(Absence { others_read: None, ..absence })));
            }
            earlier = Some(absence.reading);
        }
        self.incomplete("no second reading agreed on who is absent").await
    }

    /// Reports the sync as incomplete because of `doubt`, and stores since when the directory's syncs have been incomplete.
    async fn incomplete(&mut self, doubt: &str) -> Result<Read> {
        self.report.outcome = SyncOutcome::Incomplete;
        self.report.incomplete = Some(doubt.to_owned());
        let (started, is_full) = (self.started, self.report.mode == SyncMode::Full);
        let since = self.incomplete_since.unwrap_or(started);
        if !self.mirror.is_plan() {
            tracing::warn!(
                target: "headcount", organization_id = self.directory.organization_id, directory_id = self.directory.id,
                run = self.report.run, %since, "a sync was incomplete, so it removed no user: {doubt}"
            );
        }
        self.update_directory(move |row| {
            row.incomplete_since.get_or_insert(started);
            row.incomplete_full |= is_full;
        })
        .await?;
        Ok(Read::Part)
    }

    /// Returns the earliest start of the last full syncs of the organization's other directories, including this sync: `None` if one of them never had a
    /// full sync, and the greatest time if there are no others. Retired directories do not count, because they are not read any more and have no users.
    /// Disabled ones do: a user whom only an event has named may be in one of them. `read` has the starts of those that this sync has read completely.
    async fn others_read(&self, read: &BTreeMap<String, Timestamp>) -> Result<Option<Timestamp>> {
        let rows = self.mirror.store().directories(Some(self.directory.organization_id.clone())).await?;
        let others = rows.iter().filter(|row| row.directory.id != self.directory.id && row.retired_at.is_none());
        let read_at = |row: &DirectoryRow| read.get(&row.directory.id).copied().max(row.last_full_sync);
        Ok(others.map(read_at).min().unwrap_or(Some(Timestamp::MAX)))
    }

    /// Whether the organization has rows of users, tombstones included.
    async fn has_rows(&self) -> Result<bool> {
        let organization_id = Some(self.directory.organization_id.clone());
        let filter = UserFilter { organization_id, removed: true, ..UserFilter::default() };
        Ok(!self.mirror.store().users(filter, 0, 1).await?.is_empty())
    }

    /// Lists the directory again after a reading.
    async fn list_again(&self) -> Result<Directory> {
        let directories = self.mirror.list_directories(&self.directory.organization_id, &self.report.run).await?;
        match directories.into_iter().find(|directory| directory.id == self.directory.id) {
            Some(directory) => Ok(directory),
            None => Err(Mirror::directory_not_found(&self.directory.organization_id, &self.directory.id)),
        }
    }

    // ---- reading and applying pages ----

    async fn read_groups(&mut self, updated_after: Option<Timestamp>, reading: &mut Reading) -> Result<()> {
        let mut pages = self.mirror.source()?.groups(&self.directory, updated_after);
        let (mut count, mut items, mut total) = (0, 0, 0);
        self.foreign = 0;
        while let Some(page) = pages.next().await? {
            count += 1;
            items += page.items.len() as u64;
            total = page.total_size;
            let done = self.take_groups(page.items).await?;
            done.value.groups.iter().for_each(|group| reading.see_group(group.number(&done.committed.groups)));
            self.foreign += done.value.foreign;
            self.report.groups += done.value.groups.len() as u64;
            self.progress(Phase::Groups, count, items, Some(total));
        }
        reading.end_groups(total);
        self.report.pages += count;
        Ok(())
    }

    async fn take_groups(&mut self, groups: Vec<Group>) -> Result<Done<Taken>> {
        let keys = Keys { groups: groups.iter().map(|group| group.id.clone()).collect(), ..Keys::default() };
        let (directory, started) = (self.directory.clone(), self.started);
        self.step(keys, move |step| {
            let mut taken = Taken::default();
            for group in &groups {
                take_group(step, &directory, group, started, &mut taken)?;
            }
            Ok(taken)
        })
        .await
    }

    /// Reads every page of users and applies them. While one write is under way the next pages are read, and then written together.
    async fn read_users(&mut self, updated_after: Option<Timestamp>, reading: &mut Reading) -> Result<()> {
        let mut pages: Box<dyn SourcePages<User>> = self.mirror.source()?.users(&self.directory, updated_after);
        let (mut count, mut items) = (0, 0);
        self.report.erased = 0;
        let (mut read, mut waiting) = (Vec::new(), 0);
        let mut writing: Option<Writing> = None;
        let listed = loop {
            let page = match pages.next().await {
                Ok(Some(page)) => page,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            count += 1;
            items += page.items.len() as u64;
            let latest = page.items.iter().filter_map(|user| user.updated_at).max();
            reading.see_page(page.total_size, latest, self.started);
            let has_groups = reading.see_groups_of_users(page.items.iter().any(|user| user.groups.is_known()));
            self.has_groups |= has_groups;
            self.report.users += page.items.len() as u64;
            read.extend(page.items);
            waiting += 1;
            if waiting == WRITING || writing.as_ref().is_none_or(JoinHandle::is_finished) {
                if let Some(begun) = writing.take()
                    && let Err(error) = self.count_users(begun.await, reading)
                {
                    break Err(error);
                }
                writing = Some(self.take_users(std::mem::take(&mut read), has_groups));
                waiting = 0;
            }
            self.progress(Phase::Users, count, items, Some(page.total_size));
        };
        // Even if the listing failed, the pages that were read are written before this returns.
        let mut written = Ok(());
        let has_groups = reading.see_groups_of_users(false);
        let last = (!read.is_empty()).then(|| self.take_users(read, has_groups));
        for begun in [writing, last].into_iter().flatten() {
            written = written.and(self.count_users(begun.await, reading));
        }
        self.report.pages += count;
        listed.and(written)?;
        self.end_memberships(reading.take_wrongly_kept()).await?;
        reading.end_users(self.mirror.now(), pages.served_at());
        self.mirror.finish_chores().await
    }

    /// Starts to write listed users.
    fn take_users(&self, users: Vec<User>, has_groups: bool) -> Writing {
        match self.defers {
            Defers::AllUsers => self.take_users_with_addresses(users, has_groups),
            Defers::Never | Defers::NewUsers => self.write_users(users, has_groups, Keys::default()),
        }
    }

    /// Starts to write listed users, most of whom are new: their addresses are looked up together with their rows.
    fn take_users_with_addresses(&self, users: Vec<User>, has_groups: bool) -> Writing {
        let emails = users.iter().map(|user| &user.email).filter(|email| !email.is_empty());
        let addresses = emails.map(|email| (self.directory.organization_id.clone(), email_key(email))).collect();
        self.write_users(users, has_groups, Keys { addresses, ..Keys::default() })
    }

    fn write_users(&self, users: Vec<User>, has_groups: bool, mut keys: Keys) -> Writing {
        let defers = self.defers != Defers::Never && self.deferred.len() < MOST_DEFERRED;
        let finds_rehires = self.finds_rehires;
        for user in &users {
            keys.users.insert(user.id.clone());
            keys.groups.extend(user.groups.iter().map(|group| group.id.clone()));
        }
        let (task, store) = (self.task(keys), Arc::clone(self.mirror.store()));
        let (directory, started) = (self.directory.clone(), self.started);
        tokio::spawn(self.mirror.tasks().counted(carried(async move {
            run(&store, task, move |step| {
                if !finds_rehires {
                    step.skip_rehires();
                }
                let mut taken = Taken::default();
                let listing = Listing { directory: &directory, started, has_groups, defers };
                for user in &users {
                    take_user(step, &listing, user, &mut taken)?;
                }
                Ok(taken)
            })
            .await
        })))
    }

    /// Adds the users and groups of a write that has ended to the reading, and its changes to the report. Returns the error of the write, if it
    /// failed.
    fn count_users(
        &mut self,
        written: std::result::Result<Result<Done<Taken>>, JoinError>,
        reading: &mut Reading,
    ) -> Result<()> {
        let done = written.unwrap_or_else(|error| Err(task_error(error)))?;
        self.count(&done.tally);
        self.foreign += done.value.foreign;
        done.value.users.iter().for_each(|user| reading.see_user(user.number(&done.committed.users)));
        done.value.groups.iter().for_each(|group| reading.see_group(group.number(&done.committed.groups)));
        reading.keep_memberships(done.value.kept);
        self.report.erased += done.value.erased.len() as u64;
        done.value.erased.iter().for_each(|id| reading.see_erased(id));
        for user in done.value.deferred {
            reading.see_deferred(&user.id);
            self.deferred.insert(user.id.clone(), user);
        }
        Ok(())
    }

    /// Ends the memberships of users of the directory with these row numbers.
    async fn end_memberships(&mut self, mut numbers: RoaringTreemap) -> Result<()> {
        while let Some(first) = numbers.min() {
            let filter = UserFilter { directory_id: Some(self.directory.id.clone()), ..UserFilter::default() };
            let after = i64::try_from(first).unwrap_or(i64::MAX) - 1;
            let rows = self.mirror.store().users(filter, after, PAGE).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            let end = last.number.unsigned_abs();
            let ids: Vec<String> = rows
                .into_iter()
                .filter(|row| numbers.contains(row.number.unsigned_abs()))
                .map(|row| row.user.id)
                .collect();
            numbers.remove_range(..=end);
            let keys = Keys { users: ids.iter().cloned().collect(), ..Keys::default() };
            let (directory, started) = (self.directory.clone(), self.started);
            self.step(keys, move |step| {
                end_memberships(step, &directory, &ids, started);
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    // ---- steps ----

    pub(super) fn cause(&self) -> String {
        sync_cause(&self.report.run)
    }

    fn fence(&self) -> Fence {
        self.lease.fence().clone()
    }

    fn task(&self, keys: Keys) -> Task {
        Task {
            scope: Scope::Organization(self.directory.organization_id.clone()),
            durability: Durability::Process,
            fence: Some(self.fence()),
            guarded: true,
            keys,
            cause: self.cause(),
            now: self.mirror.now(),
        }
    }

    pub(super) async fn step_once<T: Send + 'static>(
        &self,
        keys: Keys,
        rules: impl FnMut(&mut Step) -> Result<T> + Send + 'static,
    ) -> Result<Done<T>> {
        run(self.mirror.store(), self.task(keys), rules).await
    }

    /// Runs one step, counts its changes, and completes the chores that it started.
    pub(super) async fn step<T: Send + 'static>(
        &mut self,
        keys: Keys,
        rules: impl FnMut(&mut Step) -> Result<T> + Send + 'static,
    ) -> Result<Done<T>> {
        let done = self.step_once(keys, rules).await?;
        self.count(&done.tally);
        if done.chores {
            self.mirror.finish_chores().await?;
        }
        Ok(done)
    }

    fn count(&mut self, tally: &Tally) {
        self.tally.add(tally);
        self.mirror.notify(tally);
    }

    /// Reads the directory's row and the settings that apply.
    async fn row(&self) -> Result<(DirectoryRow, MirrorSettings)> {
        let id = &self.directory.id;
        let mut set = self.mirror.store().load(Keys { directories: [id.clone()].into(), ..Keys::default() }).await?;
        let row = set.directories.remove(id);
        let row = row.ok_or_else(|| Error::internal("a directory was synced before it was stored"))?;
        Ok((row, set.settings.in_force()))
    }

    pub(super) async fn update_directory(&self, change: impl Fn(&mut DirectoryRow) + Send + 'static) -> Result<()> {
        let id = self.directory.id.clone();
        self.step_once(Keys { directories: [id.clone()].into(), ..Keys::default() }, move |step| {
            if let Some(mut row) = step.directory(&id).cloned() {
                change(&mut row);
                step.put_directory(row);
            }
            Ok(())
        })
        .await
        .map(drop)
    }

    pub(super) fn progress(&self, phase: Phase, pages: u64, items: u64, total: Option<u64>) {
        let Some(observer) = &self.options.on_progress else { return };
        let elapsed = self.mirror.now().duration_since(self.started).as_secs_f64();
        observer(&Progress {
            organization_id: self.directory.organization_id.clone(),
            directory_id: self.directory.id.clone(),
            phase,
            pages,
            items,
            total,
            rate: if elapsed > 0.0 { items as f64 / elapsed } else { 0.0 },
        });
    }
}
