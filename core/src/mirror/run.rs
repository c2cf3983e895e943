//! A sync of one directory under way: its pages are read and taken over, and who is absent from all of them is removed.
//!
//! Absence is believed only of a listing that is whole. A page that did not come, a count that does not agree, a name that came twice, a
//! directory that changed while it was read: then what was listed is taken over, and nobody is removed. What an event has said meanwhile
//! stands.

use super::feed::before;
use super::listed::{listed_version, take_group, take_user};
use super::receive::{sorted, subject};
use super::seen::Seen;
use super::source::SourcePages;
use super::step::{Step, Tally};
use super::sync::Options;
use super::{Mirror, SKEW};
use crate::record::{
    DirectoryRow, GroupRow, Held, HeldReason, MirrorUser, Phase, Progress, SyncMode, SyncOutcome, SyncReport, UserRow,
};
use crate::store::{Durability, EventState, Lease, UserFilter, read, write};
use crate::{Directory, Error, Removals, Result, Timestamp, User};
use std::sync::Arc;
use tokio::task::{JoinError, JoinHandle};

/// How often a full listing is read again that did not hold still.
const ATTEMPTS: u32 = 3;

/// How many pages are read at most while those before them are written: what a webhook that comes meanwhile may have to wait for.
const WRITING: usize = 16;

/// How many rows one transaction looks at for who has left.
const CHUNK: usize = 500;

/// How many users of a held removal an error names.
const NAMED: usize = 1_000;

/// A sync of one directory under way.
pub(super) struct Run<'a> {
    mirror: &'a Mirror,
    started: Timestamp,
    directory: Directory,
    options: &'a Options,
    report: SyncReport,
    tally: Tally,
    /// Since when every other directory of the organization has been read whole, if all have.
    others_read: Option<Timestamp>,
    _lease: Lease,
}

/// The rows that listed users came to.
#[derive(Default)]
struct Taken {
    /// The users' numbers, and whether they are there now.
    users: Vec<(i64, bool)>,
    /// The numbers of their groups.
    groups: Vec<i64>,
}

/// What one reading of the whole directory has named.
#[derive(Default)]
struct Reading {
    /// The latest write before it was begun: what was touched since is not judged by it.
    mark: i64,
    users: Seen,
    /// How many of them the mirror has now: all but those that an event has just removed.
    live: u64,
    groups: Seen,
    /// Whether the listing of groups was whole.
    groups_whole: bool,
    /// Why it cannot be believed where it lacks somebody.
    doubt: Option<String>,
    /// The server's count, page after page.
    total: Option<u64>,
    /// The latest change of a user that was listed.
    watermark: Option<Timestamp>,
    /// When its last page had come.
    ended: Timestamp,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        mirror: &'a Mirror,
        directory: &Directory,
        options: &'a Options,
        report: SyncReport,
        lease: Lease,
    ) -> Run<'a> {
        // The clock is read behind the wait for the lease: what another sync did is not this one's to see as new.
        let started = mirror.now();
        Run {
            mirror,
            started,
            directory: directory.clone(),
            options,
            report: SyncReport { started_at: started, ..report },
            tally: Tally::default(),
            others_read: None,
            _lease: lease,
        }
    }

    /// Syncs, and reports whatever came of it.
    pub(super) async fn finish(mut self) -> SyncReport {
        let result = self.sync().await;
        self.report.count(&self.tally);
        match result {
            Ok(()) => SyncReport { ended_at: self.mirror.now(), ..self.report },
            Err(error) => self.report.failed(self.mirror, error),
        }
    }

    fn cause(&self) -> String {
        format!("sync:{}", self.report.run)
    }

    async fn row(&self) -> Result<DirectoryRow> {
        let id = self.directory.id.clone();
        let found = read(self.mirror.store(), move |tx| tx.directory(&id)).await?;
        found.ok_or_else(|| Error::internal("a directory was synced before it was written"))
    }

    async fn sync(&mut self) -> Result<()> {
        let row = self.row().await?;
        let stale = row.last_full_sync.is_none_or(|at| at <= before(self.started, self.mirror.settings().full_every));
        let full = self.options.approved
            || match self.options.mode {
                SyncMode::Full => true,
                SyncMode::Incremental => false,
                SyncMode::Auto => stale,
            };
        self.report.mode = if full { SyncMode::Full } else { SyncMode::Incremental };
        if !row.directory.enabled {
            self.report.held =
                self.mirror.hold_directory(&self.directory.id, HeldReason::DirectoryDisabled, &self.cause()).await?;
            self.report.outcome = SyncOutcome::Held;
            return Ok(());
        }
        if full {
            if self.options.approved {
                self.report.events += self.mirror.retry_events(&self.directory.organization_id, true).await?;
            }
            self.full().await?;
        } else {
            self.incremental(&row).await?;
        }
        self.report.events += self.mirror.retry_events(&self.directory.organization_id, false).await?;
        Ok(())
    }

    async fn incremental(&mut self, row: &DirectoryRow) -> Result<()> {
        let after = row.watermark.map(|at| before(at, SKEW));
        let mut reading = Reading::default();
        self.read_groups(after, &mut reading).await?;
        self.read_users(after, &mut reading).await?;
        let (started, watermark) = (self.started, reading.watermark);
        self.put_directory(move |row| {
            row.last_incremental_sync = Some(started);
            row.watermark = row.watermark.max(watermark);
        })
        .await
    }

    async fn full(&mut self) -> Result<()> {
        let (organization_id, id) = (self.directory.organization_id.clone(), self.directory.id.clone());
        let directories = read(self.mirror.store(), move |tx| tx.directories(Some(&organization_id))).await?;
        self.others_read = directories
            .iter()
            .filter(|row| row.directory.id != id)
            .map(|row| row.last_full_sync)
            .min()
            .unwrap_or(Some(Timestamp::MAX));
        let mut union: Option<Reading> = None;
        let mut before = self.directory.clone();
        for attempt in 1..=ATTEMPTS {
            let mark = write(self.mirror.store(), Durability::Process, |tx| tx.revision()).await?;
            let mut reading = Reading { mark, ..Reading::default() };
            self.read_groups(None, &mut reading).await?;
            self.read_users(None, &mut reading).await?;
            reading.ended = self.mirror.now();
            let after = self.look_again().await?;
            reading.judge(&before, &after);
            let vouched = reading.doubt.is_none() && witness(&after).is_some();
            before = after;
            if let Some(doubt) = reading.doubt {
                if attempt == ATTEMPTS {
                    self.report.outcome = SyncOutcome::Incomplete;
                    self.report.incomplete = Some(doubt);
                    return Ok(());
                }
                continue;
            }
            // Where the directory does not say when it was last changed, one reading vouches for another: who has left is in neither.
            let seconded = union.is_some();
            let seen = match union.take() {
                None => reading,
                Some(first) => first.with(reading),
            };
            if vouched || seconded || self.absent(&seen, 1).await?.0 == 0 {
                return self.settle(seen).await;
            }
            union = Some(seen);
        }
        self.report.outcome = SyncOutcome::Incomplete;
        self.report.incomplete = Some("no second reading agreed on who is absent".to_owned());
        Ok(())
    }

    /// The directory as it is now, behind a reading of it.
    async fn look_again(&self) -> Result<Directory> {
        let directories = self.mirror.list_directories(&self.directory.organization_id).await?;
        match directories.into_iter().find(|directory| directory.id == self.directory.id) {
            Some(directory) => Ok(directory),
            None => Err(self.mirror.directory_not_found(&self.directory.organization_id, &self.directory.id).await?),
        }
    }

    /// Removes who is absent from a listing that is whole, if the guard agrees.
    async fn settle(&mut self, seen: Reading) -> Result<()> {
        let id = self.directory.id.clone();
        let mirrored = read(self.mirror.store(), move |tx| tx.count_users(&id)).await?;
        let burst = self.row().await?.held.filter(|held| held.reason == HeldReason::DeletionBurst);
        let limit = self.mirror.settings().guard.limit(mirrored);
        // Mostly everybody is there, and nobody needs to be looked for.
        let (count, user_ids) = if seen.live == mirrored { (0, Vec::new()) } else { self.absent(&seen, NAMED).await? };
        let emptied = seen.users.len() == 0 && count > 1;
        let held = if emptied {
            Some((HeldReason::EmptyListing, 0))
        } else if count > limit {
            Some((HeldReason::MassRemoval, limit))
        } else {
            // Those whom events have removed within the hour count as well: who was held back then is not let go because the rest are few.
            burst.filter(|_| count > 0).map(|burst| (HeldReason::DeletionBurst, burst.limit))
        };
        if let Some((reason, limit)) = held.filter(|_| !self.options.approved) {
            self.keep_absent(&seen).await?;
            self.settle_events(Some(&seen)).await?;
            return Err(self.hold(reason, count, limit, user_ids).await?);
        }
        if count > 0 {
            self.progress(Phase::Removals, 0, 0, Some(count));
            self.remove_users(&seen).await?;
        }
        if seen.groups_whole {
            self.remove_groups(&seen).await?;
        }
        let (started, watermark) = (self.started, seen.watermark);
        let id = self.directory.id.clone();
        self.put_directory(move |row| {
            row.last_full_sync = Some(started);
            row.watermark = row.watermark.max(watermark);
            row.held = None;
        })
        .await?;
        write(self.mirror.store(), Durability::Process, move |tx| tx.put_held_removals(&id, &[])).await?;
        self.settle_events(None).await
    }

    /// A listing that is whole has the last word on deletions that were held back, too: on all, or on those of users whom it names.
    async fn settle_events(&self, named: Option<&Reading>) -> Result<()> {
        let organization_id = self.directory.organization_id.clone();
        let held = read(self.mirror.store(), move |tx| tx.events(&organization_id, EventState::Held)).await?;
        for mut event in held.into_iter().filter(|event| event.directory_id == self.directory.id) {
            if let Some(seen) = named {
                let user_id = subject(&event);
                let row = read(self.mirror.store(), move |tx| tx.user(&user_id)).await?;
                if row.is_none_or(|row| !seen.users.contains(row.number)) {
                    continue;
                }
            }
            event.state = EventState::Settled;
            event.body = None;
            write(self.mirror.store(), Durability::Process, move |tx| tx.put_event(&event)).await?;
        }
        Ok(())
    }

    /// Notes what is held back, and makes the error that says so.
    async fn hold(&mut self, reason: HeldReason, count: u64, limit: u64, user_ids: Vec<String>) -> Result<Error> {
        let (id, now, cause) = (self.directory.id.clone(), self.mirror.now(), self.cause());
        let held = Held { reason, count, limit, at: now, cause };
        self.report.held = Some(held.clone());
        write(self.mirror.store(), Durability::Process, move |tx| {
            let Some(mut row) = tx.directory(&id)? else { return Ok(()) };
            row.held = Some(held.clone());
            tx.put_directory(&row)
        })
        .await?;
        let message = match reason {
            HeldReason::EmptyListing => format!(
                "the directory lists nobody, and {count} users are mirrored: nobody was removed; look at the directory, then sync it with \
                 approve_removals if that is meant"
            ),
            HeldReason::DeletionBurst => format!(
                "the directory no longer lists {count} users, and events removed more than {limit} within an hour: nobody was removed; look at \
                 them, then sync it with approve_removals if that is meant"
            ),
            _ => format!(
                "the directory no longer lists {count} users, and the limit is {limit}: nobody was removed; look at them, then sync it with \
                 approve_removals if that is meant"
            ),
        };
        let removals =
            Removals { directory_id: self.directory.id.clone(), count, limit, user_ids: sorted(user_ids.into_iter()) };
        Ok(Error::mass_removal(message, removals)
            .with_context("organization", &self.directory.organization_id)
            .with_context("directory", &self.directory.id))
    }

    /// Reads every page of groups and takes them over.
    async fn read_groups(&mut self, updated_after: Option<Timestamp>, reading: &mut Reading) -> Result<()> {
        let mut pages = self.mirror.source()?.groups(&self.directory, updated_after);
        let (mut count, mut items, mut total) = (0, 0, 0);
        while let Some(page) = pages.next().await? {
            count += 1;
            items += page.items.len() as u64;
            let (started, directory) = (self.started, self.directory.clone());
            let groups = Arc::new(page.items);
            let listed = Arc::clone(&groups);
            let (numbers, chores) = self
                .step(move |step| {
                    let mut numbers = Vec::with_capacity(listed.len());
                    for group in listed.iter() {
                        numbers.push(take_group(step, &directory, group, started)?);
                    }
                    Ok(numbers)
                })
                .await?;
            for number in numbers {
                reading.groups.insert(number);
            }
            total = page.total_size;
            if chores {
                self.mirror.finish_chores().await?;
            }
            self.report.groups += groups.len() as u64;
            self.progress(Phase::Groups, count, items, Some(page.total_size));
        }
        reading.groups_whole = reading.groups.len() == total;
        self.report.pages += count;
        Ok(())
    }

    /// Reads every page of users and takes them over. Pages are read while those before them are written, and what has come by the end of a
    /// write is written together.
    async fn read_users(&mut self, updated_after: Option<Timestamp>, reading: &mut Reading) -> Result<()> {
        let mut pages: Box<dyn SourcePages<User>> = self.mirror.source()?.users(&self.directory, updated_after);
        let (mut count, mut items) = (0, 0);
        let (mut come, mut waiting) = (Vec::new(), 0);
        let mut writing: Option<JoinHandle<_>> = None;
        let listed = loop {
            let page = match pages.next().await {
                Ok(Some(page)) => page,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            count += 1;
            items += page.items.len() as u64;
            if reading.total.replace(page.total_size).is_some_and(|before| before != page.total_size) {
                reading.doubt.get_or_insert_with(|| "the listing's count changed from page to page".to_owned());
            }
            // By the vendor's own clock, but never ahead of ours: a date from the future would hide all that comes before it.
            let latest = page.items.iter().filter_map(|user| user.updated_at).max();
            reading.watermark = reading.watermark.max(latest.map(|at| at.min(self.started)));
            self.report.users += page.items.len() as u64;
            come.extend(page.items);
            waiting += 1;
            if waiting == WRITING || writing.as_ref().is_none_or(JoinHandle::is_finished) {
                if let Some(begun) = writing.take()
                    && let Err(error) = self.settle_users(begun.await, reading)
                {
                    break Err(error);
                }
                writing = Some(self.take_users(std::mem::take(&mut come)));
                waiting = 0;
            }
            self.progress(Phase::Users, count, items, Some(page.total_size));
        };
        // Whatever became of the listing, what has come of it is written before this ends.
        let mut written = Ok(());
        let last = (!come.is_empty()).then(|| self.take_users(come));
        for begun in [writing, last].into_iter().flatten() {
            written = written.and(self.settle_users(begun.await, reading));
        }
        self.report.pages += count;
        listed.and(written)?;
        self.mirror.finish_chores().await
    }

    /// Begins to write users that were listed.
    fn take_users(&self, users: Vec<User>) -> JoinHandle<Result<(Taken, Tally)>> {
        let (cause, now, started, directory) = (self.cause(), self.mirror.now(), self.started, self.directory.clone());
        let store = Arc::clone(self.mirror.store());
        tokio::spawn(async move {
            write(&store, Durability::Process, move |tx| {
                let mut step = Step::new(tx, &cause, now)?;
                let mut taken = Taken::default();
                for user in &users {
                    taken.users.push(take_user(&mut step, &directory, user, started, &mut taken.groups)?);
                }
                Ok((taken, step.tally))
            })
            .await
        })
    }

    fn settle_users(
        &mut self,
        written: std::result::Result<Result<(Taken, Tally)>, JoinError>,
        reading: &mut Reading,
    ) -> Result<()> {
        let (taken, tally) = written.unwrap_or_else(|_| Err(Error::cancelled()))?;
        self.count(&tally);
        for (number, is_live) in taken.users {
            if reading.users.insert(number) {
                reading.live += u64::from(is_live);
            } else {
                reading.doubt.get_or_insert_with(|| "the listing named a user twice".to_owned());
            }
        }
        for number in taken.groups {
            reading.groups.insert(number);
        }
        Ok(())
    }

    fn count(&mut self, tally: &Tally) {
        self.tally.add(tally);
        if tally.total() > 0 {
            self.mirror.tell_head();
        }
    }

    /// One step of this run; whether it left chores.
    async fn step<T: Send + 'static>(
        &mut self,
        mut work: impl FnMut(&mut Step<'_>) -> Result<T> + Send + 'static,
    ) -> Result<(T, bool)> {
        let (cause, now) = (self.cause(), self.mirror.now());
        let (value, tally, chores) = write(self.mirror.store(), Durability::Process, move |tx| {
            let mut step = Step::new(tx, &cause, now)?;
            let value = work(&mut step)?;
            Ok((value, step.tally, step.chores))
        })
        .await?;
        self.count(&tally);
        Ok((value, chores))
    }

    /// How many users a whole listing lacks, and the first `named` of them.
    async fn absent(&self, seen: &Reading, named: usize) -> Result<(u64, Vec<String>)> {
        let (mut next, mut count, mut ids) = (Some(0), 0, Vec::new());
        while let Some(position) = next {
            let gone;
            (gone, next) = self.gone_behind(position, seen).await?;
            count += gone.len() as u64;
            let room = named - ids.len();
            ids.extend(gone.into_iter().take(room));
        }
        Ok((count, ids))
    }

    /// Keeps the list of those who would be removed, for whoever looks at it.
    async fn keep_absent(&self, seen: &Reading) -> Result<()> {
        let id = self.directory.id.clone();
        write(self.mirror.store(), Durability::Process, move |tx| tx.put_held_removals(&id, &[])).await?;
        let mut next = Some(0);
        while let Some(position) = next {
            let gone;
            (gone, next) = self.gone_behind(position, seen).await?;
            let id = self.directory.id.clone();
            write(self.mirror.store(), Durability::Process, move |tx| {
                gone.iter().try_for_each(|user_id| tx.add_held_removal(&id, user_id))
            })
            .await?;
        }
        Ok(())
    }

    /// Those among the next users who are absent from a whole listing, and where to go on.
    async fn gone_behind(&self, position: i64, seen: &Reading) -> Result<(Vec<String>, Option<i64>)> {
        let filter = UserFilter { directory_id: Some(self.directory.id.clone()), ..UserFilter::default() };
        let rows = read(self.mirror.store(), move |tx| tx.users(&filter, position, CHUNK)).await?;
        let next = rows.last().map(|row| row.number);
        Ok((rows.into_iter().filter(|row| self.is_gone(row, seen)).map(|row| row.user.id).collect(), next))
    }

    /// Whether a user counts as removed: the listing lacks them, and no event spoke of them meanwhile.
    fn is_gone(&self, row: &UserRow, seen: &Reading) -> bool {
        // Somebody whom events alone have told of may be in another directory of the organization, until that has been read as well.
        let is_here =
            row.listed || row.trail.touched_at.is_none_or(|at| self.others_read.is_some_and(|read| at < read));
        is_here && row.trail.revision <= seen.mark && !seen.users.contains(row.number)
    }

    async fn remove_users(&mut self, seen: &Reading) -> Result<()> {
        let (mut next, mut removed) = (Some(0), 0);
        let (ended, mark) = (seen.ended, seen.mark);
        while let Some(position) = next {
            let gone;
            (gone, next) = self.gone_behind(position, seen).await?;
            if gone.is_empty() {
                continue;
            }
            removed += gone.len() as u64;
            self.step(move |step| {
                for id in &gone {
                    // An event may have come since the row was read.
                    let row = step.tx.user(id)?.filter(|row| row.is_live() && row.trail.revision <= mark);
                    if let Some(row) = row {
                        let version = listed_version(&row.trail, None, ended, true);
                        step.remove_user(Some(row), MirrorUser::default(), version, None)?;
                    }
                }
                Ok(())
            })
            .await?;
            self.progress(Phase::Removals, 0, removed, None);
        }
        Ok(())
    }

    async fn remove_groups(&mut self, seen: &Reading) -> Result<()> {
        let mut position = 0;
        loop {
            let id = self.directory.id.clone();
            let rows: Vec<GroupRow> =
                read(self.mirror.store(), move |tx| tx.groups(Some(&id), position, CHUNK)).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            position = last.number;
            let gone: Vec<String> = rows
                .into_iter()
                .filter(|row| !seen.groups.contains(row.number) && row.trail.revision <= seen.mark)
                .map(|row| row.group.id)
                .collect();
            let (ended, mark) = (seen.ended, seen.mark);
            let (_, chores) = self
                .step(move |step| {
                    for id in &gone {
                        let row = step.group(id)?.filter(|row| row.is_live() && row.trail.revision <= mark).cloned();
                        if let Some(row) = row {
                            let version = listed_version(&row.trail, None, ended, true);
                            step.put_group(row.group, false, version, None)?;
                        }
                    }
                    Ok(())
                })
                .await?;
            if chores {
                self.mirror.finish_chores().await?;
            }
        }
    }

    async fn put_directory(&self, change: impl Fn(&mut DirectoryRow) + Send + 'static) -> Result<()> {
        let id = self.directory.id.clone();
        write(self.mirror.store(), Durability::Process, move |tx| {
            let Some(mut row) = tx.directory(&id)? else { return Ok(()) };
            change(&mut row);
            tx.put_directory(&row)
        })
        .await
    }

    fn progress(&self, phase: Phase, pages: u64, items: u64, total: Option<u64>) {
        let Some(told) = &self.options.on_progress else { return };
        let elapsed = self.mirror.now().duration_since(self.started).as_secs_f64();
        told(&Progress {
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

impl Reading {
    /// Compares what was read with the server's count, and with what the directory said of itself before and after.
    fn judge(&mut self, before: &Directory, after: &Directory) {
        let doubt = if self.users.len() != self.total.unwrap_or(0) {
            Some(format!("the listing named {} users, and counted {}", self.users.len(), self.total.unwrap_or(0)))
        } else if !after.enabled {
            Some("the directory was switched off while it was read".to_owned())
        } else if before.total_users != after.total_users || witness(before) != witness(after) {
            Some("the directory changed while it was read".to_owned())
        } else {
            None
        };
        if let Some(doubt) = doubt {
            self.doubt.get_or_insert(doubt);
        }
    }

    /// What either of two whole readings has named.
    fn with(mut self, other: Reading) -> Reading {
        self.users.add(&other.users);
        self.groups.add(&other.groups);
        self.watermark = self.watermark.max(other.watermark);
        self.ended = other.ended;
        self
    }
}

/// When a user of the directory was last changed, as the directory itself says.
fn witness(directory: &Directory) -> Option<Timestamp> {
    directory.stats.as_ref().and_then(|stats| stats.user_updated_at)
}
