//! The history: takes it from the feed, and returns what changed about a user, a group or an organization.
//!
//! Syncs and events append to the feed only. The entries are taken into the history later, by [`upkeep`](super::upkeep) and before each read of the history.
//! Whatever was not taken yet is read from the feed itself, so that answers are up to date also for a handle that may not write.

use super::Mirror;
use crate::record::{HistoryEntry, HistoryMark, HistoryRow, MirrorGroup, MirrorUser, Mirrored};
use crate::store::{HistoryFilter, HistoryPage, Keys, Store, TakenHistory};
use crate::{Error, ErrorKind, Result, Timestamp};
use futures_util::stream::BoxStream;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How many entries of the feed are read at a time.
const ENTRIES: usize = 500;

/// How many rows are returned at a time. For each of them, later rows about the same users are read as well.
const PAGE: usize = 200;

/// How many changes [`upkeep`](super::upkeep) leaves in the feed until a flush makes them durable, if no consumer polls them. A flush after each sync would take
/// longer than many syncs.
pub(super) const UNFLUSHED: i64 = 1_000;

/// How many times entries are read again that another process has trimmed.
const MOST_RETRIES: u32 = 100;

/// The error of a store without a history.
const UNSUPPORTED: &str = "this store keeps no history: its implementation has no `history_mark`";

/// The history of a mirror, oldest entry first; made by [`Mirror::history`]. Read one after another with [`next`](History::next), by page with
/// [`next_page`](History::next_page), or as a [`stream`](History::stream).
#[derive(Clone)]
pub struct History {
    mirror: Mirror,
    organization_id: Option<String>,
    user_id: Option<String>,
    group_id: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    /// Number of the last row that was read, or `None` after the last page.
    position: Option<i64>,
    is_begun: bool,
    page: VecDeque<HistoryEntry>,
}

impl History {
    /// Limits the history to a user, who may have been removed; `None` for all.
    pub fn user<'a>(mut self, id: impl Into<Option<&'a str>>) -> Self {
        self.user_id = id.into().map(str::to_owned);
        self
    }

    /// Limits the history to a group, which may have been deleted; `None` for all. Who joined and left it is in the entries of the users.
    pub fn group<'a>(mut self, id: impl Into<Option<&'a str>>) -> Self {
        self.group_id = id.into().map(str::to_owned);
        self
    }

    /// Limits the history to an organization; `None` for all.
    pub fn organization<'a>(mut self, id: impl Into<Option<&'a str>>) -> Self {
        self.organization_id = id.into().map(str::to_owned);
        self
    }

    /// Limits the history to changes that were written at this time or later; `None` for no limit. A time before the history began is no error. Times are
    /// compared in whole milliseconds.
    pub fn since(mut self, moment: impl Into<Option<Timestamp>>) -> Self {
        self.since = moment.into();
        self
    }

    /// Limits the history to changes that were written before this time; `None` for no limit.
    pub fn until(mut self, moment: impl Into<Option<Timestamp>>) -> Self {
        self.until = moment.into();
        self
    }

    /// Starts after a [cursor](History::cursor), so that a program can show one page and later the next one; `None` for the start.
    pub fn after(mut self, cursor: impl Into<Option<i64>>) -> Self {
        self.position = Some(cursor.into().unwrap_or_default());
        self
    }

    /// Returns the cursor after the last page that was read, or `None` if there are no more entries.
    pub fn cursor(&self) -> Option<i64> {
        self.position
    }

    /// Returns the next entry, or `None` after the last one.
    ///
    /// The future may be dropped: no entry is lost, because the next call returns it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] if a user and a group are given, or `since` is after `until`; [`ErrorKind::HistoryTrimmed`] if the mirror keeps no
    /// history; [`ErrorKind::Store`].
    pub async fn next(&mut self) -> Result<Option<HistoryEntry>> {
        if self.page.is_empty() {
            self.page = self.next_page().await?.into();
        }
        Ok(self.page.pop_front())
    }

    /// Returns some of the next entries; an empty vector after the last one.
    ///
    /// The future may be dropped: no entry is lost, because the next call returns it.
    ///
    /// # Errors
    ///
    /// As [`next`](History::next).
    pub async fn next_page(&mut self) -> Result<Vec<HistoryEntry>> {
        if !self.is_begun {
            self.check()?;
            self.mirror.prepare_history().await?;
            self.is_begun = true;
        }
        while let Some(position) = self.position {
            let subject_id = self.user_id.clone().or_else(|| self.group_id.clone());
            let filter = HistoryFilter { organization_id: self.organization_id.clone(), subject_id, removals: false };
            let (rows, next) = rows_after(self.mirror.store(), &filter, position).await?;
            let is_wanted = |row: &HistoryRow| {
                let at = row.at.as_millisecond();
                self.since.is_none_or(|since| at >= since.as_millisecond())
                    && self.until.is_none_or(|until| at < until.as_millisecond())
            };
            let wanted: Vec<HistoryRow> = rows.into_iter().filter(is_wanted).collect();
            let entries = if wanted.is_empty() { Vec::new() } else { self.mirror.with_states(wanted).await? };
            self.position = next;
            if !entries.is_empty() {
                return Ok(entries);
            }
        }
        Ok(Vec::new())
    }

    /// Returns the entries as a stream, which ends after the first error.
    pub fn stream(self) -> BoxStream<'static, Result<HistoryEntry>> {
        Box::pin(futures_util::stream::try_unfold(self, async |mut history| {
            Ok(history.next().await?.map(|entry| (entry, history)))
        }))
    }

    fn check(&self) -> Result<()> {
        if self.user_id.is_some() && self.group_id.is_some() {
            return Err(Error::invalid_argument("expected a user or a group, got both: pass one of them"));
        }
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since > until
        {
            return Err(Error::invalid_argument(format!("expected since to be before until, got {since} and {until}")));
        }
        Ok(())
    }
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").finish_non_exhaustive()
    }
}

/// The newest entries about a user.
#[derive(Default)]
pub(super) struct NewestEntries {
    /// The entries, oldest first.
    pub(super) entries: Vec<HistoryEntry>,
    /// Whether these are all entries about the user that the history has.
    pub(super) is_whole: bool,
    /// The earliest time of which the history has the changes, or `None` if it has none.
    pub(super) starts_at: Option<Timestamp>,
}

/// Reads rows whose numbers are greater than `position`, those that the history has not taken included: some of them, in the order of their numbers.
/// Returns them with the position after them, which is `None` if there are no more rows.
pub(super) async fn rows_after(
    store: &Arc<dyn Store>,
    filter: &HistoryFilter,
    position: i64,
) -> Result<(Vec<HistoryRow>, Option<i64>)> {
    let HistoryPage { rows, mark } = store.history(filter.clone(), position, PAGE).await?;
    if rows.len() == PAGE {
        let next = rows.last().map(|row| row.seq);
        return Ok((rows, next));
    }
    // All rows up to the mark were read, and what follows is in the feed.
    if mark.taken >= mark.latest {
        return Ok((rows, None));
    }
    let Some((tail, next)) = tail_page(store, position.max(mark.taken)).await? else {
        // These entries were taken and trimmed meanwhile, so there may be more rows.
        let next = rows.last().map_or(position, |row| row.seq);
        return Ok((rows, Some(next)));
    };
    let is_wanted = |row: &HistoryRow| {
        filter.organization_id.as_ref().is_none_or(|id| row.organization_id == *id)
            && filter.subject_id.as_ref().is_none_or(|id| row.subject_id == *id)
            && (!filter.removals || row.is_removal)
    };
    Ok((rows.into_iter().chain(tail.into_iter().filter(is_wanted)).collect(), next))
}

/// Reads the entries of the feed after `after`, a page at most, as rows of the history. Returns them with the number of the last one, which is `None` if
/// there are no entries. Returns `None` instead if entries after `after` were trimmed meanwhile.
async fn tail_page(store: &Arc<dyn Store>, after: i64) -> Result<Option<(Vec<HistoryRow>, Option<i64>)>> {
    let entries = store.entries(after, ENTRIES).await?;
    // Numbers have no gaps.
    let first = entries.first().map(|entry| entry.last - i64::from(entry.count));
    let is_complete = match first {
        Some(first) => first <= after,
        None => mark(store).await?.trimmed <= after,
    };
    if !is_complete {
        return Ok(None);
    }
    let last = entries.last().map(|entry| entry.last);
    let rows = entries.into_iter().filter_map(|entry| HistoryRow::of_entry(entry).transpose());
    Ok(Some((rows.collect::<Result<Vec<_>>>()?, last)))
}

async fn mark(store: &Arc<dyn Store>) -> Result<HistoryMark> {
    store.history_mark().await?.ok_or_else(|| Error::store(UNSUPPORTED))
}

/// Reads all rows about these users and groups whose numbers are greater than `after`, those that the history has not taken included: by id, each oldest
/// first.
pub(super) async fn rows_of(
    store: &Arc<dyn Store>,
    subject_ids: &BTreeSet<String>,
    after: i64,
) -> Result<HashMap<String, Vec<HistoryRow>>> {
    'again: loop {
        let HistoryPage { rows, mark } = store.history_of(subject_ids.clone(), after).await?;
        let mut found: HashMap<String, Vec<HistoryRow>> = HashMap::new();
        for row in rows {
            found.entry(row.subject_id.clone()).or_default().push(row);
        }
        let mut position = mark.taken;
        // The common case: nothing was left to take at the moment of the read.
        while position < mark.latest {
            let Some((tail, last)) = tail_page(store, position).await? else { continue 'again };
            for row in tail.into_iter().filter(|row| row.seq > after && subject_ids.contains(&row.subject_id)) {
                found.entry(row.subject_id.clone()).or_default().push(row);
            }
            match last {
                Some(last) => position = last,
                None => break,
            }
        }
        return Ok(found);
    }
}

impl Mirror {
    /// Reads what changed, when and because of what: about all users, groups, directories and organizations, or limited to a [user](History::user), a
    /// [group](History::group), an [organization](History::organization) and a time. Oldest first. Each entry has what one step, such as an event,
    /// changed about one of them, with the values before and after.
    ///
    /// The history is kept for 400 days, unless [`MirrorOptions::history`](crate::mirror::MirrorOptions::history) says otherwise, whether or not the
    /// feed still has these changes. It has no changes of [`linked_id`](crate::MirrorUser::linked_id)
    /// and [`protection`](crate::MirrorUser::protection).
    pub fn history(&self) -> History {
        History {
            mirror: self.clone(),
            organization_id: None,
            user_id: None,
            group_id: None,
            since: None,
            until: None,
            position: Some(0),
            is_begun: false,
            page: VecDeque::new(),
        }
    }

    /// Returns how long the history is kept, or `None` if the mirror keeps none.
    async fn kept_history(&self) -> Result<Option<Duration>> {
        let settings = self.store().load(Keys::default()).await?.settings.in_force();
        Ok(Some(settings.history).filter(|kept| !kept.is_zero()))
    }

    /// Takes entries of the feed into the history, at least `limit` if there are as many. Returns how many it took. Takes nothing for a plan, or if the store
    /// keeps no history. Changes that a power failure can undo are not taken: if the server fails between the read of an entry and the write of its row,
    /// another change may get the entry's number. They are made durable first if there are `flushes_from` or more of them.
    pub(super) async fn take_history(&self, limit: usize, flushes_from: i64) -> Result<usize> {
        let store = self.store();
        if self.is_plan() || store.is_read_only() || self.kept_history().await?.is_none() {
            return Ok(0);
        }
        self.take_entries(limit, flushes_from).await
    }

    /// Does what [`take_history`](Mirror::take_history) does, for a mirror that keeps a history and may write.
    async fn take_entries(&self, limit: usize, flushes_from: i64) -> Result<usize> {
        let store = self.store();
        let (mut count, mut retries) = (0, 0);
        let Some(mut mark) = store.history_mark().await? else { return Ok(0) };
        if mark.latest - mark.durable.max(mark.taken) >= flushes_from {
            store.flush().await?;
            mark = self::mark(store).await?;
        }
        while count < limit && mark.taken < mark.durable {
            // While no history was kept, changes may have been trimmed that it did not take.
            let restarts = mark.trimmed > mark.taken;
            let after = mark.taken.max(mark.trimmed);
            let mut entries = store.entries(after, ENTRIES.min(limit - count)).await?;
            entries.retain(|entry| entry.last <= mark.durable);
            let (first, last) = (entries.first(), entries.last());
            if first.is_some_and(|entry| entry.last - i64::from(entry.count) > after) {
                // Another process has taken and trimmed entries since the mark was read.
                retries += 1;
                if retries > MOST_RETRIES {
                    return Err(Error::store(
                        "the feed has a gap: the store is damaged, restore it or sync into a new one",
                    ));
                }
                mark = self::mark(store).await?;
                continue;
            }
            let Some(taken) = last.map(|entry| entry.last).or(Some(after).filter(|_| restarts)) else {
                return Ok(count);
            };
            let starts_at = if restarts { Some(self.now()) } else { first.map(|entry| entry.at) };
            let taken_now = entries.len();
            let rows = entries.into_iter().filter_map(|entry| HistoryRow::of_entry(entry).transpose());
            let rows = rows.collect::<Result<Vec<_>>>()?;
            // If another process has taken these entries meanwhile, nothing is stored, and the next round reads its mark.
            store.take_history(TakenHistory { after: mark.taken, taken, rows, starts_at, restarts }).await?;
            count += taken_now.max(1);
            mark = self::mark(store).await?;
        }
        Ok(count)
    }

    /// Takes everything that is in the feed into the history, if this handle may write. Returns the earliest time of which the history has the changes, or `None`
    /// if the mirror keeps none.
    pub(super) async fn history_start(&self) -> Result<Option<Timestamp>> {
        if self.kept_history().await?.is_none() {
            return Ok(None);
        }
        self.take_history(usize::MAX, 1).await?;
        Ok(self.store().history_mark().await?.and_then(|mark| mark.starts_at))
    }

    /// Takes everything that is in the feed into the history. Returns the mark.
    pub(super) async fn prepare_history(&self) -> Result<HistoryMark> {
        if self.kept_history().await?.is_none() {
            let message = "the mirror keeps no history: set `history` to how long it shall be kept";
            return Err(Error::new(ErrorKind::HistoryTrimmed, message));
        }
        self.take_history(usize::MAX, 1).await?;
        let mut mark = mark(self.store()).await?;
        if mark.starts_at.is_none() {
            mark.starts_at = self.store().entries(mark.taken, 1).await?.first().map(|entry| entry.at);
        }
        Ok(mark)
    }

    /// Reads the newest entries about a user, `limit` at most, oldest first. `user` is the user as mirrored, which was read before, or `None` if the user is
    /// not mirrored. The mirror keeps a history, according to its settings.
    pub(super) async fn newest_entries(
        &self,
        user_id: &str,
        user: Option<MirrorUser>,
        limit: usize,
    ) -> Result<NewestEntries> {
        let store = self.store();
        if !self.is_plan() && !store.is_read_only() {
            self.take_entries(usize::MAX, 1).await?;
        }
        let Some(mark) = store.history_mark().await? else { return Ok(NewestEntries::default()) };
        let filter = HistoryFilter { subject_id: Some(user_id.to_owned()), ..HistoryFilter::default() };
        let (mut rows, mut is_whole, mut position) = (VecDeque::new(), true, Some(0));
        while let Some(after) = position {
            let (page, next) = rows_after(store, &filter, after).await?;
            rows.extend(page);
            let excess = rows.len().saturating_sub(limit);
            is_whole &= excess == 0;
            rows.drain(..excess);
            position = next;
        }
        let mut state = user.map(user_state);
        let mut entries = VecDeque::with_capacity(rows.len());
        for row in rows.into_iter().rev() {
            let before = row.undo(state.clone())?;
            entries.push_front(row.entry(before.as_ref(), state.as_ref())?);
            state = before;
        }
        let starts_at = mark.starts_at.or_else(|| entries.front().map(|entry| entry.at));
        Ok(NewestEntries { entries: entries.into(), is_whole, starts_at })
    }

    /// Makes entries of rows, which are in the order of their numbers: computes the states before and after each from the present rows and the later rows
    /// about the same users and groups.
    async fn with_states(&self, rows: Vec<HistoryRow>) -> Result<Vec<HistoryEntry>> {
        let subjects: BTreeSet<String> =
            rows.iter().map(|row| row.subject_id.clone()).filter(|id| !id.is_empty()).collect();
        let keys = Keys { users: subjects.clone(), groups: subjects.clone(), ..Keys::default() };
        // The rows of the mirror are read before those of the history, so that the history has all changes of theirs. Undoing changes that they do not
        // have yet does no harm.
        let mut set = self.store().load(keys).await?;
        let first = rows.first().map_or(0, |row| row.seq - 1);
        let mut later = rows_of(self.store(), &subjects, first).await?;
        let wanted: BTreeSet<i64> = rows.iter().map(|row| row.seq).collect();
        let mut entries: HashMap<i64, HistoryEntry> = HashMap::new();
        for id in &subjects {
            let user = set.users.remove(id).filter(|row| row.is_live()).map(|row| user_state(row.user));
            // The deletion of a group whose members are being removed is not in the feed yet.
            let group = set.groups.remove(id).filter(|row| row.is_live() || row.leaving);
            let mut state = user.or_else(|| group.map(|row| group_state(row.group)));
            for row in later.remove(id).unwrap_or_default().into_iter().rev() {
                let before = row.undo(state.clone())?;
                if wanted.contains(&row.seq) {
                    entries.insert(row.seq, row.entry(before.as_ref(), state.as_ref())?);
                }
                state = before;
            }
        }
        // Entries of directories and organizations have no state.
        rows.iter()
            .map(|row| match entries.remove(&row.seq) {
                Some(entry) => Ok(entry),
                None => row.entry(None, None),
            })
            .collect()
    }
}

/// A user in a state that is computed. The time of the last change by the vendor is not known for past states.
pub(super) fn user_state(user: MirrorUser) -> Mirrored {
    Mirrored::User(Box::new(MirrorUser { updated_at: None, ..user }))
}

fn group_state(group: MirrorGroup) -> Mirrored {
    Mirrored::Group(MirrorGroup { updated_at: None, ..group })
}
