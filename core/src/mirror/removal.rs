//! The end of a full sync: removes users and groups that are absent from a complete reading, if the guard permits it.

use super::decide::{Absence, judge_removal, sorted, subject};
use super::run::Run;
use crate::record::{EventState, Held, HeldRemovals, Phase};
use crate::store::{Keys, UserFilter};
use crate::{Error, Removals, Result, Timestamp};
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
    /// The ids of the first of them.
    ids: Vec<String>,
}

impl Run<'_> {
    /// Removes the users who are absent from a complete reading, if the guard permits it.
    pub(super) async fn remove(&mut self, absence: Arc<Absence>) -> Result<()> {
        let id = self.directory.id.clone();
        let keys =
            Keys { directories: [id.clone()].into(), counts: [(id.clone(), Timestamp::MAX)].into(), ..Keys::default() };
        let set = self.mirror.store().load(keys).await?;
        let mirrored = set.counts.get(&id).map_or(0, |counts| counts.users);
        let held = set.directories.get(&id).and_then(|row| row.held.as_ref());
        let absent = self.absent(&absence, NAMED).await?;
        let guard = set.settings.in_force().guard;
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

    /// Whether a user or group is absent from the reading.
    pub(super) async fn lacks_any(&self, absence: &Absence) -> Result<bool> {
        Ok(self.absent(absence, 0).await?.count > 0 || self.lacks_group(absence).await?)
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

    /// Counts the users who are absent from a reading, and returns the ids of the first `named` of them.
    pub(super) async fn absent(&self, absence: &Absence, named: usize) -> Result<Absent> {
        // Usually the reading names everybody.
        if self.names_every_user(absence).await? {
            return Ok(Absent::default());
        }
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
}
