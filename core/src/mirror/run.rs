//! A running sync of one directory: reads its pages, applies them, and removes the users who are absent from all of them.
//!
//! Users are removed only if the listing is complete. If a page failed, a count disagrees, a user was listed twice, or the directory changed
//! while it was read, the listed rows are applied and no user is removed. A row that an event changed during the reading is not removed.

use super::Mirror;
use super::decide::{
    Absence, Reading, SKEW, Step, Taken, Tally, before, judge_removal, sorted, subject, take_group, take_user,
    users_changed_at,
};
use super::options::Options;
use super::source::SourcePages;
use super::write::{Done, Task, run};
use crate::record::{
    DirectoryRow, EventState, Held, HeldReason, HeldRemovals, Phase, Progress, SyncMode, SyncOutcome, SyncReport,
};
use crate::store::{Durability, Fence, Keys, Lease, Scope, UserFilter};
use crate::{Directory, Error, Group, Removals, Result, Timestamp, User};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::task::{JoinError, JoinHandle};

/// The greatest number of readings of a full listing in one sync: it is read again if it changed while it was read.
const ATTEMPTS: u32 = 3;

/// The most pages in one write. Webhooks wait for a running write, so it must not be long.
const WRITING: usize = 16;

/// How many rows are read at a time when looking for absent users and groups.
const PAGE: usize = 500;

/// The most user ids in the error of a held removal.
const NAMED: usize = 1_000;

/// A running sync of one directory.
pub(super) struct Run<'a> {
    mirror: &'a Mirror,
    started: Timestamp,
    directory: Directory,
    options: &'a Options,
    report: SyncReport,
    tally: Tally,
    lease: Box<dyn Lease>,
}

/// The users of a listing that are being written.
type Writing = JoinHandle<Result<Done<Taken>>>;

impl<'a> Run<'a> {
    pub(super) fn new(
        mirror: &'a Mirror,
        directory: &Directory,
        options: &'a Options,
        report: SyncReport,
        lease: Box<dyn Lease>,
    ) -> Run<'a> {
        // Read after the lease was taken, so that all writes of the previous sync are before this sync's start.
        let started = mirror.now();
        Run {
            mirror,
            started,
            directory: directory.clone(),
            options,
            report: SyncReport { started_at: started, ..report },
            tally: Tally::default(),
            lease,
        }
    }

    /// Syncs, and reports the result.
    pub(super) async fn finish(mut self) -> SyncReport {
        let result = self.sync().await;
        self.report.count(&self.tally);
        match result {
            Ok(()) => SyncReport { ended_at: self.mirror.now(), ..self.report },
            Err(error) => self.report.failed(self.mirror, error),
        }
    }

    async fn sync(&mut self) -> Result<()> {
        let row = self.row().await?;
        let full_every = self.mirror.settings().full_every;
        let is_due = row.last_full_sync.is_none_or(|at| at <= before(self.started, full_every));
        let full = self.options.approved
            || match self.options.mode {
                SyncMode::Full => true,
                SyncMode::Incremental => false,
                _ => is_due,
            };
        self.report.mode = if full { SyncMode::Full } else { SyncMode::Incremental };
        if !row.directory.enabled {
            let reason = HeldReason::DirectoryDisabled;
            self.report.held = self.mirror.hold_directory(&self.directory.id, reason, &self.cause()).await?;
            self.report.outcome = SyncOutcome::Held;
            return Ok(());
        }
        let organization_id = self.directory.organization_id.clone();
        if full {
            if self.options.approved {
                self.report.events += self.mirror.retry_events(&organization_id, true).await?;
            }
            self.full().await?;
        } else {
            self.incremental(&row).await?;
        }
        self.report.events += self.mirror.retry_events(&organization_id, false).await?;
        Ok(())
    }

    async fn incremental(&mut self, row: &DirectoryRow) -> Result<()> {
        let after = row.watermark.map(|at| before(at, SKEW));
        let mut reading = Reading::new(0);
        self.read_groups(after, &mut reading).await?;
        self.read_users(after, &mut reading).await?;
        let (started, watermark) = (self.started, reading.watermark());
        self.update_directory(move |row| {
            row.last_incremental_sync = Some(started);
            row.watermark = row.watermark.max(watermark);
        })
        .await
    }

    async fn full(&mut self) -> Result<()> {
        let others_read = self.others_read().await?;
        let mut earlier: Option<Reading> = None;
        let mut before = self.directory.clone();
        for attempt in 1..=ATTEMPTS {
            let mark = self.mirror.store().load(Keys::default()).await?.revision;
            let mut reading = Reading::new(mark);
            self.read_groups(None, &mut reading).await?;
            self.read_users(None, &mut reading).await?;
            let ended = self.mirror.now();
            let after = self.list_again().await?;
            reading.end(ended, &before, &after);
            let shows_no_change = reading.doubt().is_none() && users_changed_at(&after).is_some();
            before = after;
            if let Some(doubt) = reading.doubt() {
                if attempt == ATTEMPTS {
                    self.report.outcome = SyncOutcome::Incomplete;
                    self.report.incomplete = Some(doubt.to_owned());
                    return Ok(());
                }
                continue;
            }
            // If the directory has no time of its users' last change, a user is removed only if two readings lack the user.
            let is_second = earlier.is_some();
            let reading = match earlier.take() {
                None => reading,
                Some(first) => first.or(reading),
            };
            let absence = Absence { reading, others_read };
            if shows_no_change || is_second || self.absent(&absence, 1).await?.count == 0 {
                return self.remove(Arc::new(absence)).await;
            }
            earlier = Some(absence.reading);
        }
        self.report.outcome = SyncOutcome::Incomplete;
        self.report.incomplete = Some("no second reading agreed on who is absent".to_owned());
        Ok(())
    }

    /// Returns the earliest start of the last full syncs of the organization's other directories: `None` if one of them was never synced, and
    /// the greatest time if there are no others.
    async fn others_read(&self) -> Result<Option<Timestamp>> {
        let rows = self.mirror.store().directories(Some(self.directory.organization_id.clone())).await?;
        let others = rows.iter().filter(|row| row.directory.id != self.directory.id);
        Ok(others.map(|row| row.last_full_sync).min().unwrap_or(Some(Timestamp::MAX)))
    }

    /// Lists the directory again after a reading.
    async fn list_again(&self) -> Result<Directory> {
        let directories = self.mirror.list_directories(&self.directory.organization_id).await?;
        match directories.into_iter().find(|directory| directory.id == self.directory.id) {
            Some(directory) => Ok(directory),
            None => Err(self.mirror.directory_not_found(&self.directory.organization_id, &self.directory.id).await?),
        }
    }

    // ---- reading and applying pages ----

    async fn read_groups(&mut self, updated_after: Option<Timestamp>, reading: &mut Reading) -> Result<()> {
        let mut pages = self.mirror.source()?.groups(&self.directory, updated_after);
        let (mut count, mut items, mut total) = (0, 0, 0);
        while let Some(page) = pages.next().await? {
            count += 1;
            items += page.items.len() as u64;
            total = page.total_size;
            let done = self.take_groups(page.items).await?;
            done.value.groups.iter().for_each(|group| reading.see_group(group.number(&done.committed.groups)));
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
                taken.groups.push(take_group(step, &directory, group, started)?);
            }
            Ok(taken)
        })
        .await
    }

    /// Reads every page of users and applies them. While one write is under way the next pages are read, and then written together.
    async fn read_users(&mut self, updated_after: Option<Timestamp>, reading: &mut Reading) -> Result<()> {
        let mut pages: Box<dyn SourcePages<User>> = self.mirror.source()?.users(&self.directory, updated_after);
        let (mut count, mut items) = (0, 0);
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
            self.report.users += page.items.len() as u64;
            read.extend(page.items);
            waiting += 1;
            if waiting == WRITING || writing.as_ref().is_none_or(JoinHandle::is_finished) {
                if let Some(begun) = writing.take()
                    && let Err(error) = self.count_users(begun.await, reading)
                {
                    break Err(error);
                }
                writing = Some(self.take_users(std::mem::take(&mut read)));
                waiting = 0;
            }
            self.progress(Phase::Users, count, items, Some(page.total_size));
        };
        // Even if the listing failed, the pages that were read are written before this returns.
        let mut written = Ok(());
        let last = (!read.is_empty()).then(|| self.take_users(read));
        for begun in [writing, last].into_iter().flatten() {
            written = written.and(self.count_users(begun.await, reading));
        }
        self.report.pages += count;
        listed.and(written)?;
        self.mirror.finish_chores().await
    }

    /// Starts to write listed users.
    fn take_users(&self, users: Vec<User>) -> Writing {
        let mut keys = Keys::default();
        for user in &users {
            keys.users.insert(user.id.clone());
            keys.groups.extend(user.groups.iter().map(|group| group.id.clone()));
        }
        let (task, store) = (self.task(keys), Arc::clone(self.mirror.store()));
        let (directory, started) = (self.directory.clone(), self.started);
        tokio::spawn(async move {
            run(&store, task, move |step| {
                let mut taken = Taken::default();
                for user in &users {
                    take_user(step, &directory, user, started, &mut taken)?;
                }
                Ok(taken)
            })
            .await
        })
    }

    /// Waits for the result of a write, and adds its users and groups to the reading.
    fn count_users(
        &mut self,
        written: std::result::Result<Result<Done<Taken>>, JoinError>,
        reading: &mut Reading,
    ) -> Result<()> {
        let done = written.unwrap_or_else(|_| Err(Error::cancelled()))?;
        self.count(&done.tally);
        for (user, is_live) in &done.value.users {
            reading.see_user(user.number(&done.committed.users), *is_live);
        }
        done.value.groups.iter().for_each(|group| reading.see_group(group.number(&done.committed.groups)));
        Ok(())
    }

    // ---- removing ----

    /// Removes the users who are absent from a complete reading, if the guard permits it.
    async fn remove(&mut self, absence: Arc<Absence>) -> Result<()> {
        let id = self.directory.id.clone();
        let keys =
            Keys { directories: [id.clone()].into(), counts: [(id.clone(), Timestamp::MAX)].into(), ..Keys::default() };
        let set = self.mirror.store().load(keys).await?;
        let mirrored = set.counts.get(&id).map_or(0, |counts| counts.users);
        let held = set.directories.get(&id).and_then(|row| row.held.as_ref());
        // Usually the reading names every mirrored user: then no rows have to be read.
        let absent =
            if absence.reading.live() == mirrored { Absent::default() } else { self.absent(&absence, NAMED).await? };
        let guard = self.mirror.settings().guard;
        let removal = judge_removal(absent.count, mirrored, &absence.reading, held, &guard);
        if let Some(removal) = removal.filter(|_| !self.options.approved) {
            self.hold_absent(&absence).await?;
            self.settle_held_events(Some(&absence)).await?;
            let held = Held {
                reason: removal.reason,
                count: absent.count,
                limit: removal.limit,
                at: self.mirror.now(),
                cause: self.cause(),
            };
            self.report.held = Some(held.clone());
            self.update_directory(move |row| row.held = Some(held.clone())).await?;
            return Err(self.mass_removal(removal.message(absent.count), absent, removal.limit));
        }
        if absent.count > 0 {
            self.progress(Phase::Removals, 0, 0, Some(absent.count));
            self.remove_users(&absence).await?;
        }
        if absence.reading.groups_complete() {
            self.remove_groups(&absence).await?;
        }
        let (started, watermark) = (self.started, absence.reading.watermark());
        self.step(Keys { directories: [id.clone()].into(), ..Keys::default() }, move |step| {
            let Some(mut row) = step.directory(&id).cloned() else { return Ok(()) };
            row.last_full_sync = Some(started);
            row.watermark = row.watermark.max(watermark);
            row.held = None;
            step.put_directory(row);
            let none = HeldRemovals { directory_id: id.clone(), replace: true, user_ids: Vec::new() };
            step.batch().held_removals.push(none);
            Ok(())
        })
        .await?;
        self.settle_held_events(None).await
    }

    fn mass_removal(&self, message: String, absent: Absent, limit: u64) -> Error {
        let removals = Removals {
            directory_id: self.directory.id.clone(),
            count: absent.count,
            limit,
            user_ids: sorted(absent.ids.into_iter()),
        };
        Error::mass_removal(message, removals)
            .with_context("organization", &self.directory.organization_id)
            .with_context("directory", &self.directory.id)
    }

    /// Settles deletion events that the guard holds back, since a complete listing is newer: all of them, or, with `named` (if the listing's own
    /// removals are held back), those whose users the listing names.
    async fn settle_held_events(&self, named: Option<&Absence>) -> Result<()> {
        let (organization_id, mut after) = (&self.directory.organization_id, 0);
        loop {
            let store = self.mirror.store();
            let rows = store.events(organization_id.clone(), EventState::Held, after, PAGE).await?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            after = *last;
            let mut events: Vec<_> =
                rows.into_iter().map(|(_, row)| row).filter(|row| row.directory_id == self.directory.id).collect();
            if let Some(absence) = named {
                let ids: Vec<String> = events.iter().map(subject).collect();
                let keys = Keys { users: ids.iter().cloned().collect(), ..Keys::default() };
                let set = store.load(keys).await?;
                let is_named = |id| set.users.get(id).is_some_and(|row| absence.reading.names_user(row.number));
                let mut named = ids.iter().map(is_named);
                events.retain(|_| named.next().unwrap_or(false));
            }
            for event in &mut events {
                event.state = EventState::Settled;
                event.body = None;
            }
            self.step_once(Keys::default(), move |step| {
                step.batch().events.extend(events.iter().cloned());
                Ok(())
            })
            .await?;
        }
    }

    /// Counts the users who are absent from a reading, and returns the ids of the first `named` of them.
    async fn absent(&self, absence: &Absence, named: usize) -> Result<Absent> {
        let (mut next, mut absent) = (Some(0), Absent::default());
        while let Some(position) = next {
            let ids;
            (ids, next) = self.absent_after(position, absence).await?;
            absent.count += ids.len() as u64;
            let room = named - absent.ids.len();
            absent.ids.extend(ids.into_iter().take(room));
        }
        Ok(absent)
    }

    /// Stores the ids of all absent users, to be read before the removal is approved.
    async fn hold_absent(&mut self, absence: &Absence) -> Result<()> {
        let (mut next, mut replace) = (Some(0), true);
        while let Some(position) = next {
            let user_ids;
            (user_ids, next) = self.absent_after(position, absence).await?;
            let held = HeldRemovals { directory_id: self.directory.id.clone(), replace, user_ids };
            replace = false;
            self.step(Keys::default(), move |step| {
                step.batch().held_removals.push(held.clone());
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Reads the next page of users. Returns the ids of those who are absent from the reading, and the position of the next page.
    async fn absent_after(&self, position: i64, absence: &Absence) -> Result<(Vec<String>, Option<i64>)> {
        let filter = UserFilter { directory_id: Some(self.directory.id.clone()), ..UserFilter::default() };
        let rows = self.mirror.store().users(filter, position, PAGE).await?;
        let next = rows.last().map(|row| row.number);
        Ok((rows.into_iter().filter(|row| absence.lacks_user(row)).map(|row| row.user.id).collect(), next))
    }

    async fn remove_users(&mut self, absence: &Arc<Absence>) -> Result<()> {
        let (mut next, mut removed) = (Some(0), 0);
        while let Some(position) = next {
            let ids;
            (ids, next) = self.absent_after(position, absence).await?;
            if ids.is_empty() {
                continue;
            }
            removed += ids.len() as u64;
            let keys = Keys { users: ids.iter().cloned().collect(), ..Keys::default() };
            let absence = Arc::clone(absence);
            self.step(keys, move |step| {
                absence.remove_users(step, &ids);
                Ok(())
            })
            .await?;
            self.progress(Phase::Removals, 0, removed, None);
        }
        Ok(())
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

    // ---- steps ----

    fn cause(&self) -> String {
        format!("sync:{}", self.report.run)
    }

    fn fence(&self) -> Fence {
        self.lease.fence().clone()
    }

    fn task(&self, keys: Keys) -> Task {
        Task {
            scope: Scope::Organization(self.directory.organization_id.clone()),
            durability: Durability::Process,
            fence: Some(self.fence()),
            keys,
            cause: self.cause(),
            now: self.mirror.now(),
        }
    }

    async fn step_once<T: Send + 'static>(
        &self,
        keys: Keys,
        rules: impl FnMut(&mut Step) -> Result<T> + Send + 'static,
    ) -> Result<Done<T>> {
        run(self.mirror.store(), self.task(keys), rules).await
    }

    /// Runs one step, counts its changes, and completes the chores that it started.
    async fn step<T: Send + 'static>(
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

    async fn row(&self) -> Result<DirectoryRow> {
        let id = &self.directory.id;
        let mut set = self.mirror.store().load(Keys { directories: [id.clone()].into(), ..Keys::default() }).await?;
        set.directories.remove(id).ok_or_else(|| Error::internal("a directory was synced before it was stored"))
    }

    async fn update_directory(&self, change: impl Fn(&mut DirectoryRow) + Send + 'static) -> Result<()> {
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

    fn progress(&self, phase: Phase, pages: u64, items: u64, total: Option<u64>) {
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

/// Users who are absent from a reading.
#[derive(Default)]
struct Absent {
    count: u64,
    /// The ids of the first of them.
    ids: Vec<String>,
}
