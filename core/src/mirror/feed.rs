//! The change feed: numbered changes, and consumers, each with a stored position.
//!
//! A consumer is identified by its name. It gets every change at least once and in order: [`poll`](Mirror::poll) returns the changes after its
//! cursor, and [`ack`](Mirror::ack) moves the cursor. A new consumer starts with the first change, if that is kept, or with a
//! [snapshot](Mirror::start_from_snapshot) of the current rows.
//!
//! A consumer may have partitions, so that many workers share its changes: see [`Mirror::consumer`]. Its cursor is then the lowest cursor of its
//! partitions, and only its workers read and acknowledge changes.
//!
//! [`poll_groups`](Mirror::poll_groups) returns the same changes in groups, one for each entry of the feed.
//!
//! A poll only reads, with these exceptions. If it returns changes for the first time, it writes their greatest number to the consumer's row,
//! without a flush: any process may acknowledge numbers up to that one, and no greater one. If a power failure could still undo one of the
//! changes, which is so after a sync and not after a webhook, it flushes the store. If the consumer's last poll was an hour ago, it writes the
//! time of this one.

use super::decide::{acknowledge, before, without_partitions};
use super::groups::{Found, Unit};
use super::{Mirror, snapshot};
use crate::record::{Change, Consumer, ConsumerRow, ParkedChange, Snapshot};
use crate::store::{
    ConsumerState, ConsumerUpdate, ConsumerWrite, DecideConsumer, Durability, FeedMarks, Fence, Keys, Park, PollNote,
    Retention,
};
use crate::{Error, ErrorKind, Result, Timestamp};
use std::time::Duration;

/// The most changes that one poll returns.
pub const MAX_POLL: usize = 10_000;

/// The longest name of a consumer, in bytes.
const MAX_NAME: usize = 200;

/// How many rows of each kind one step of trimming removes.
const TRIM: usize = 1_000;

/// How long tombstones and ids of events are kept: the vendor retries for about 28 hours, and a week leaves a margin.
const TOMBSTONES: Duration = Duration::from_secs(7 * 86_400);

/// How long runs are kept at least, unless they changed nothing.
const RUNS: Duration = Duration::from_secs(400 * 86_400);

/// Age of a consumer's `seen_at` at which a poll that returns no new change updates it.
pub(super) const SEEN: Duration = Duration::from_secs(3_600);

/// The changes that a poll returns.
#[derive(Debug)]
pub(super) struct Polled {
    pub(super) changes: Vec<Change>,
    /// The number of changes of each group; empty if single changes were polled.
    sizes: Vec<usize>,
    /// The consumer's generation.
    pub(super) generation: i64,
    /// The consumer's cursor before the poll.
    pub(super) cursor: i64,
}

impl Mirror {
    /// Returns the changes after the cursor of `consumer`, oldest first, `limit` (1 to 10,000) at most. A new name starts with the first
    /// change of the feed. Changes that are not acknowledged are returned again. A power failure cannot undo a change that was returned.
    ///
    /// The future may be dropped: nothing is acknowledged, so the next poll returns the same changes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for a name that is empty or longer than 200 bytes, for a consumer with
    /// [partitions](Mirror::consumer), and for a limit out of range; [`ErrorKind::HistoryTrimmed`](crate::ErrorKind::HistoryTrimmed) if the next change of the consumer was removed by the
    /// retention, which includes a new name once the first change was removed: call
    /// [`start_from_snapshot`](Mirror::start_from_snapshot); [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn poll(&self, consumer: &str, limit: usize) -> Result<Vec<Change>> {
        self.poll_after(consumer, None, limit).await
    }

    /// As [`poll`](Mirror::poll), but without the changes up to and including `seq`. Iterators use it to return every change once, even if it
    /// has not been acknowledged when they read the next page. A `seq` from before the consumer's latest snapshot has no effect.
    ///
    /// The future may be dropped: nothing is acknowledged, so the next poll returns the same changes.
    ///
    /// # Errors
    ///
    /// As [`poll`](Mirror::poll).
    pub async fn poll_after(&self, consumer: &str, seq: Option<i64>, limit: usize) -> Result<Vec<Change>> {
        Ok(self.page(consumer, Unit::Change, seq, limit).await?.changes)
    }

    /// As [`poll`](Mirror::poll), but returns the changes in groups: all changes that one step (a page of a listing, an event, an approval, …) made to one
    /// user are a group. A new hire, for example, is a group of a `user.created`, a `membership.added` for each group and a `roles.changed`. Each change
    /// of a group of the directory, of a directory or of an organization is a group of its own, and so is each change of a snapshot, and of a feed that version
    /// 0.1.0 wrote.
    ///
    /// A group is returned as a whole, so `limit` (1 to 10,000) counts changes and the poll stops before a group that would exceed it; but the first
    /// group is returned even if it is longer. If a change within a group was [acknowledged](Mirror::ack), the rest of it is a group. To acknowledge a
    /// group, acknowledge its last change.
    ///
    /// The future may be dropped: nothing is acknowledged, so the next poll returns the same changes.
    ///
    /// # Errors
    ///
    /// As [`poll`](Mirror::poll); [`ErrorKind::Store`](crate::ErrorKind::Store) also for a store of the application that does not read
    /// [whole entries](crate::store::Store::entries).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(mirror: headcount::Mirror) -> headcount::Result<()> {
    /// for group in mirror.poll_groups("provisioner", 100).await? {
    ///     let kinds: Vec<&str> = group.iter().map(|change| change.kind.name()).collect();
    ///     println!("{}", kinds.join(", "));
    ///     if let Some(last) = group.last() {
    ///         mirror.ack("provisioner", last.seq).await?;
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn poll_groups(&self, consumer: &str, limit: usize) -> Result<Vec<Vec<Change>>> {
        let Polled { changes, sizes, .. } = self.page(consumer, Unit::Entry, None, limit).await?;
        Ok(Found { changes, sizes }.into_groups())
    }

    async fn page(&self, consumer: &str, unit: Unit, seq: Option<i64>, limit: usize) -> Result<Polled> {
        let name = consumer_name(consumer)?;
        if !(1..=MAX_POLL).contains(&limit) {
            return Err(Error::invalid_argument(format!("limit is {limit}: expected 1 to {MAX_POLL}")));
        }
        loop {
            if let Some(polled) = self.try_page(&name, unit, seq, limit).await? {
                return Ok(polled);
            }
        }
    }

    /// Reads a page. Returns `None`, and the caller tries again, if this call registered the consumer, or if the consumer's generation changed
    /// meanwhile.
    async fn try_page(&self, name: &str, unit: Unit, seq: Option<i64>, limit: usize) -> Result<Option<Polled>> {
        let (row, found, marks) = unit.feed(self.store(), name, seq, limit).await?;
        let Some(row) = row else {
            check_kept(name, 0, &marks, &[])?;
            self.register(name.to_owned()).await?;
            return Ok(None);
        };
        without_partitions(&row)?;
        // A number of an earlier generation is not a position in this one, so it has no effect.
        let after = seq.filter(|seq| match row.snapshot {
            Some(_) if *seq < 0 => snapshot::contains(row.generation, *seq),
            Some(snapshot) => *seq > snapshot.seq,
            None => true,
        });
        let position = row.seen().max(after.unwrap_or(0));
        check_kept(name, position, &marks, &found.changes)?;
        let from_snapshot = match row.cursor {
            0.. => None,
            cursor => {
                let cursor = cursor.max(after.unwrap_or(i64::MIN));
                snapshot::page(self.store(), &ConsumerRow { cursor, ..row.clone() }, limit).await?
            }
        };
        let (found, flush) = match from_snapshot {
            Some(changes) => {
                // Read after the rows, because only then do these marks tell whether all of the rows are durable.
                let marks = self.store().feed(name.to_owned(), None, 0).await?.marks;
                (unit.of_snapshot(changes), marks.durable < marks.latest)
            }
            None => {
                let found = match row.cursor {
                    0.. => found,
                    _ => unit.after(self.store(), position, limit).await?,
                };
                check_kept(name, position, &marks, &found.changes)?;
                let flush = found.changes.last().is_some_and(|change| change.seq > marks.durable);
                (found, flush)
            }
        };
        let is_current = self.note_poll(&row, &found.changes, flush).await?;
        let Found { changes, sizes } = found;
        Ok(is_current.then_some(Polled { changes, sizes, generation: row.generation, cursor: row.cursor }))
    }

    /// Stores the greatest number that a poll returns to a consumer, and the time of the poll, and flushes the store if `flush` is set. Writes
    /// nothing if no write is needed. Returns false if the consumer has another generation now.
    async fn note_poll(&self, row: &ConsumerRow, changes: &[Change], flush: bool) -> Result<bool> {
        let now = self.now();
        let last = changes.last().map_or(row.polled, |change| change.seq);
        if last <= row.polled && !flush && row.seen_at > before(now, SEEN) {
            return Ok(true);
        }
        // An acknowledgement is flushed, and this write with it. If a power failure undoes this write before an acknowledgement, this handle still accepts
        // the acknowledgement. In other processes, the changes have to be polled again.
        let durability = if flush { Durability::Power } else { Durability::Process };
        let note =
            PollNote { consumer: row.name.clone(), generation: row.generation, polled: last, at: now, durability };
        let is_current = self.store().note_poll(note).await?;
        if is_current {
            self.polls().note(&row.name, row.generation, last);
        }
        Ok(is_current)
    }

    /// As [`poll_after`](Mirror::poll_after), under the name that version 0.1.0 documented.
    ///
    /// The future may be dropped: nothing is acknowledged, so the next poll returns the same changes.
    ///
    /// # Errors
    ///
    /// As [`poll`](Mirror::poll).
    #[deprecated(note = "renamed to `poll_after`")]
    pub async fn poll_behind(&self, consumer: &str, seq: Option<i64>, limit: usize) -> Result<Vec<Change>> {
        self.poll_after(consumer, seq, limit).await
    }

    /// As [`wait_after`](Mirror::wait_after), under the name that version 0.1.0 documented.
    ///
    /// The future may be dropped: nothing is acknowledged, so the next poll returns the same changes.
    ///
    /// # Errors
    ///
    /// As [`wait`](Mirror::wait).
    #[deprecated(note = "renamed to `wait_after`")]
    pub async fn wait_behind(
        &self,
        consumer: &str,
        seq: Option<i64>,
        limit: usize,
        timeout: Option<Duration>,
    ) -> Result<Vec<Change>> {
        self.wait_after(consumer, seq, limit, timeout).await
    }

    /// Stores the consumer, so that the changes that it has not acknowledged are kept.
    async fn register(&self, name: String) -> Result<()> {
        let (now, row_name) = (self.now(), name.clone());
        let register = move |state: ConsumerState| {
            let generation = state.generation + 1;
            let new = ConsumerRow { name: row_name.clone(), generation, seen_at: now, ..ConsumerRow::default() };
            Ok(ConsumerUpdate { row: state.row.is_none().then_some(new), park: None })
        };
        self.update_consumer(name, Durability::Power, None, Box::new(register)).await
    }

    /// As [`poll`](Mirror::poll), but if there are no changes it waits for the first one until `timeout` has passed, and then returns none.
    /// Without a timeout it waits without limit. Changes that another process appends are seen within half a second.
    ///
    /// The future may be dropped: nothing is acknowledged, so the next poll returns the same changes.
    ///
    /// # Errors
    ///
    /// As [`poll`](Mirror::poll), and [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) when the mirror is [closed](Mirror::close).
    pub async fn wait(&self, consumer: &str, limit: usize, timeout: Option<Duration>) -> Result<Vec<Change>> {
        self.wait_after(consumer, None, limit, timeout).await
    }

    /// As [`wait`](Mirror::wait), but for changes [after](Mirror::poll_after) `seq`.
    ///
    /// The future may be dropped: nothing is acknowledged, so the next poll returns the same changes.
    ///
    /// # Errors
    ///
    /// As [`wait`](Mirror::wait).
    pub async fn wait_after(
        &self,
        consumer: &str,
        seq: Option<i64>,
        limit: usize,
        timeout: Option<Duration>,
    ) -> Result<Vec<Change>> {
        Ok(self.until_closed(self.wait_until_changed(consumer, seq, limit, timeout)).await?.changes)
    }

    pub(super) async fn wait_until_changed(
        &self,
        consumer: &str,
        seq: Option<i64>,
        limit: usize,
        timeout: Option<Duration>,
    ) -> Result<Polled> {
        let ends = timeout.and_then(|timeout| tokio::time::Instant::now().checked_add(timeout));
        let mut head = self.head();
        loop {
            head.borrow_and_update();
            let polled = self.page(consumer, Unit::Change, seq, limit).await?;
            if !polled.changes.is_empty() {
                return Ok(polled);
            }
            let look = tokio::time::Instant::now() + self.look();
            let until = ends.map_or(look, |ends| ends.min(look));
            if until > tokio::time::Instant::now() {
                self.listen();
            }
            // Returns early if this process appends a change or closes the mirror, or the store tells of changes of other processes; otherwise it is time
            // to look for those.
            let _ = tokio::time::timeout_at(until, head.changed()).await;
            if ends.is_some_and(|ends| tokio::time::Instant::now() >= ends) {
                return self.page(consumer, Unit::Change, seq, limit).await;
            }
        }
    }

    /// Acknowledges every change up to and including `seq` (cumulative acknowledgement): `consumer` does not get them again. Durable when it
    /// returns. A number that is not greater than an acknowledged one has no effect, nor has one that was polled before the consumer's latest
    /// [`start_from_snapshot`](Mirror::start_from_snapshot).
    ///
    /// The future may be dropped: the acknowledgement may then have been stored or not. The call may be repeated.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for a consumer that never polled, for a consumer with
    /// [partitions](Mirror::consumer), and for a number greater than those that polls of any process have returned to it (a power failure, or a crash of the store's server, can undo the record of polls of other handles that were not acknowledged: poll again);
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn ack(&self, consumer: &str, seq: i64) -> Result<()> {
        self.ack_with(consumer, seq, None).await
    }

    /// As [`ack`](Mirror::ack), if the lease of `fence` is held.
    pub(super) async fn ack_with(&self, consumer: &str, seq: i64, fence: Option<Fence>) -> Result<()> {
        let (name, now, polls) = (consumer_name(consumer)?, self.now(), self.polls().clone());
        let acknowledge = move |state: ConsumerState| {
            let row = acknowledge(polls.raise(state.row), state.latest.seq, seq, now, snapshot::contains)?;
            Ok(ConsumerUpdate { row, park: None })
        };
        self.update_consumer(name, Durability::Power, fence, Box::new(acknowledge)).await
    }

    /// Changes a consumer as decided. With a fence, the store fails unless the lease is held.
    pub(super) async fn update_consumer(
        &self,
        name: String,
        durability: Durability,
        fence: Option<Fence>,
        decide: DecideConsumer,
    ) -> Result<()> {
        self.store().update_consumer(ConsumerWrite { name, durability, fence, now: self.now(), decide }).await
    }

    /// Parks a change that `consumer` cannot handle, with a reason, and acknowledges it and all changes before it. A copy of it is kept and
    /// [listed](Mirror::parked_changes) until it is [dropped](Mirror::drop_parked).
    ///
    /// The future may be dropped: the change is then parked and acknowledged, or neither. The call may be repeated.
    ///
    /// # Errors
    ///
    /// As [`ack`](Mirror::ack); [`ErrorKind::HistoryTrimmed`](crate::ErrorKind::HistoryTrimmed) if the change was removed by the retention;
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) also for a change of a snapshot whose user or group does not exist any
    /// more, or of an earlier snapshot.
    pub async fn park(&self, consumer: &str, seq: i64, reason: &str) -> Result<()> {
        let (name, reason, now) = (consumer_name(consumer)?, reason.to_owned(), self.now());
        let change = Box::new(self.without_erased(self.find_change(&name, seq).await?).await?);
        let polls = self.polls().clone();
        let park = move |state: ConsumerState| {
            let park = Some(Park { change: change.clone(), reason: reason.clone(), at: now });
            let row = acknowledge(polls.raise(state.row), state.latest.seq, seq, now, snapshot::contains)?;
            Ok(ConsumerUpdate { row, park })
        };
        self.update_consumer(name, Durability::Power, None, Box::new(park)).await
    }

    /// Reads the change with this number, which a consumer is about to park.
    ///
    /// # Errors
    ///
    /// As [`park`](Mirror::park).
    async fn find_change(&self, name: &str, seq: i64) -> Result<Change> {
        let page = self.store().feed(name.to_owned(), None, 0).await?;
        let latest = page.marks.latest;
        // Called only for its checks: that the consumer exists, and that polls have returned a change with this number.
        acknowledge(self.polls().raise(page.consumer.clone()), latest, seq, self.now(), snapshot::contains)?;
        let row = page.consumer.filter(|row| row.snapshot.is_some() && snapshot::contains(row.generation, seq));
        let found = match row {
            Some(row) => snapshot::change(self.store(), &row, seq).await?,
            None if seq > 0 => self.store().changes(seq - 1, 1).await?.pop().filter(|change| change.seq == seq),
            None => None,
        };
        found.ok_or_else(|| match seq {
            1.. => Error::new(
                ErrorKind::HistoryTrimmed,
                format!("change {seq} was removed by the retention, so it cannot be parked: acknowledge it"),
            ),
            _ => Error::invalid_argument(format!(
                "the snapshot of this consumer has no change {seq} (any more), so it cannot be parked: acknowledge it"
            )),
        })
    }

    /// Parks a change of which the caller has a copy, without acknowledging it, if the lease of `fence` is held.
    pub(super) async fn keep_parked(
        &self,
        consumer: &str,
        change: &Change,
        reason: &str,
        fence: Option<Fence>,
    ) -> Result<()> {
        let (name, reason, now) = (consumer_name(consumer)?, reason.to_owned(), self.now());
        let change = Box::new(self.without_erased(change.clone()).await?);
        let park = move |state: ConsumerState| {
            let Some(row) = state.row else {
                return Err(Error::invalid_argument("there is no consumer of this name: poll before parking"));
            };
            without_partitions(&row)?;
            let park = Some(Park { change: change.clone(), reason: reason.clone(), at: now });
            Ok(ConsumerUpdate { row: None, park })
        };
        self.update_consumer(name, Durability::Power, fence, Box::new(park)).await
    }

    /// Returns the changes that `consumer` has parked, oldest first.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for a name that is empty or longer than 200 bytes;
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn parked_changes(&self, consumer: &str) -> Result<Vec<ParkedChange>> {
        self.store().parked_changes(consumer_name(consumer)?).await
    }

    /// Deletes a parked change. Returns whether it existed.
    ///
    /// The future may be dropped: the change may then have been deleted or not.
    ///
    /// # Errors
    ///
    /// As [`parked_changes`](Mirror::parked_changes).
    pub async fn drop_parked(&self, consumer: &str, seq: i64) -> Result<bool> {
        self.store().drop_parked_change(consumer_name(consumer)?, seq).await
    }

    /// Resets the cursor of `consumer`, new or old, to a snapshot of the current rows: its next changes are a `group.created` and a
    /// `user.created` for each group and user, with negative numbers and the cause `snapshot`, followed by every change since this call. It may
    /// stop within the snapshot and go on later. Changes that were polled before are of an earlier generation: acknowledging one of them later
    /// has no effect.
    ///
    /// The future may be dropped: the cursor may then have been reset or not. The call may be repeated.
    ///
    /// # Errors
    ///
    /// As [`parked_changes`](Mirror::parked_changes).
    pub async fn start_from_snapshot(&self, consumer: &str) -> Result<()> {
        let (name, now) = (consumer_name(consumer)?, self.now());
        let row_name = name.clone();
        let start = move |state: ConsumerState| {
            let generation = state.generation + 1;
            let cursor = snapshot::start(generation);
            // Workers keep their partitions, whose cursors are reset as well.
            let mut partitions = state.row.map(|row| row.partitions).unwrap_or_default();
            partitions.iter_mut().for_each(|partition| partition.cursor = cursor);
            let row = ConsumerRow {
                name: row_name.clone(),
                cursor,
                polled: cursor,
                generation,
                snapshot: Some(Snapshot { at: now, ..state.latest }),
                seen_at: now,
                partitions,
            };
            Ok(ConsumerUpdate { row: Some(row), park: None })
        };
        self.update_consumer(name, Durability::Power, None, Box::new(start)).await?;
        self.wake();
        self.wake_workers();
        Ok(())
    }

    /// Returns every consumer and its position, in the order of their names.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn consumers(&self) -> Result<Vec<Consumer>> {
        let (rows, head) = self.store().consumers().await?;
        let expiry = self.store().load(Keys::default()).await?.settings.in_force().consumer_expiry;
        let consumers = rows.into_iter().map(|(row, parked)| Consumer {
            lag: u64::try_from(head - row.seen()).unwrap_or(0),
            name: row.name,
            cursor: row.cursor,
            parked,
            seen_at: row.seen_at,
            expires_at: expiry.and_then(|expiry| after(row.seen_at, expiry)),
        });
        Ok(consumers.collect())
    }

    /// Deletes a consumer that is no longer used, and the changes that it has parked. Returns whether it existed. Changes that only this
    /// consumer had not acknowledged can then be trimmed.
    ///
    /// The future may be dropped: the consumer is then deleted with its parked changes, or not at all.
    ///
    /// # Errors
    ///
    /// As [`parked_changes`](Mirror::parked_changes).
    pub async fn drop_consumer(&self, consumer: &str) -> Result<bool> {
        self.store().drop_consumer(consumer_name(consumer)?).await
    }

    /// Deletes leavers whose [grace](crate::MirrorBuilder::deletion_grace) is over, and takes new changes into the [history](Mirror::history). Then removes changes that are older than the
    /// [retention](crate::MirrorBuilder::retention) and that every consumer has acknowledged, except for
    /// consumers that have [expired](crate::MirrorBuilder::consumer_expiry); old entries of the history; syncs that are older than 400 days and the retention, or than the retention if they changed nothing; decisions about holds whose changes were removed; and tombstones
    /// and events that are older than a week. Each sync of an organization does this at its end, and at most once a minute a received event
    /// removes some of these rows. A SQLite store overwrites what was removed in its file, and truncates its log unless another process is reading at this
    /// moment.
    ///
    /// The future may be dropped: some of the old rows are then removed, and the next call removes the others.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn trim(&self) -> Result<()> {
        if self.trim_all(1).await? > 0 {
            self.shrink(true).await;
        }
        Ok(())
    }

    /// Deletes leavers and removes all old rows. Changes that a power failure can undo are made durable first if there are `flushes_from` or more of them, so
    /// that they can be removed. Returns the number of removed rows.
    pub(super) async fn trim_all(&self, flushes_from: i64) -> Result<usize> {
        let mut removed = 0;
        self.delete_leavers().await?;
        self.take_history(usize::MAX, flushes_from).await?;
        loop {
            let count = self.trim_some(TRIM).await?;
            removed += count;
            if count < TRIM {
                return Ok(removed);
            }
        }
    }

    /// Removes old rows, `limit` of each kind at most, and expires some events that were pending for too long. Returns how many rows it removed. Changes that
    /// the history has not taken are not removed.
    pub(super) async fn trim_some(&self, limit: usize) -> Result<usize> {
        self.expire_some().await?;
        let now = self.now();
        let expired = before(now, TOMBSTONES);
        let set = self.store().load(Keys::default()).await?;
        if set.environment.erasure_key.is_some() {
            self.finish_erasures().await;
        }
        let settings = set.settings.in_force();
        let changes = before(now, settings.retention);
        let losses = before(now, settings.guard.window).min(expired);
        let consumers = settings.consumer_expiry.map_or(Timestamp::MIN, |expiry| before(now, expiry));
        let runs = changes.min(before(now, RUNS));
        let history = Some(settings.history).filter(|kept| !kept.is_zero()).map(|kept| before(now, kept));
        let retention =
            Retention { changes, consumers, tombstones: expired, events: expired, losses, history, runs, limit };
        self.store().trim(retention).await
    }
}

/// Checks that the changes after `position` are those that a consumer gets next, and that none of them was removed.
pub(super) fn check_kept(name: &str, position: i64, marks: &FeedMarks, changes: &[Change]) -> Result<()> {
    // Numbers have no gaps, so if the first number is not `position + 1`, changes were removed, perhaps after the marks were read.
    let first = changes.first().map_or(position.saturating_add(1), |change| change.seq);
    let trimmed = marks.trimmed.max(first - 1);
    if position >= trimmed {
        return Ok(());
    }
    let message = format!(
        "the changes from {} to {trimmed} were removed by the retention, so the history is incomplete: call start_from_snapshot(\"{name}\")",
        position.saturating_add(1)
    );
    Err(Error::new(ErrorKind::HistoryTrimmed, message))
}

/// Returns `at` plus `span`, or `None` if that time cannot be represented.
fn after(at: Timestamp, span: Duration) -> Option<Timestamp> {
    at.checked_add(jiff::SignedDuration::try_from(span).ok()?).ok()
}

pub(super) fn consumer_name(name: &str) -> Result<String> {
    checked_name("consumer", name)
}

/// Returns a name that the application chose. `what` says what has it.
pub(super) fn checked_name(what: &str, name: &str) -> Result<String> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(Error::invalid_argument(format!(
            "the {what}'s name has {} bytes: expected 1 to {MAX_NAME}",
            name.len()
        )));
    }
    Ok(name.to_owned())
}
