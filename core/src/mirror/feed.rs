//! The change feed: numbered changes, and consumers that each remember their position.
//!
//! A consumer is a name. It gets every change at least once and in order: [`poll`](Mirror::poll) returns the changes after its cursor, and
//! [`ack`](Mirror::ack) moves the cursor. A new consumer starts with the oldest change that is kept, or with a
//! [snapshot](Mirror::start_from_snapshot) of the current rows.

use super::decide::before;
use super::{Mirror, snapshot};
use crate::record::{Change, Consumer, ConsumerRow, ParkedChange};
use crate::store::{ConsumerState, ConsumerUpdate, Keys, Park, Retention};
use crate::{Error, Result, Timestamp};
use std::time::Duration;

/// The most changes that one poll returns.
pub const MAX_POLL: usize = 10_000;

/// The longest name of a consumer, in bytes.
const MAX_NAME: usize = 200;

/// How often a waiting consumer looks for changes that another process has appended. Changes of this process wake it at once.
const LOOK: Duration = Duration::from_millis(500);

/// How many rows of each kind one step of trimming removes.
const TRIM: usize = 1_000;

/// How long tombstones and ids of events are kept: the vendor retries for about 28 hours, and a week leaves a margin.
const TOMBSTONES: Duration = Duration::from_secs(7 * 86_400);

impl Mirror {
    /// Returns the changes after the cursor of `consumer`, oldest first, `limit` (1 to 10,000) at most. A new name starts with the oldest
    /// change that is kept. Changes that are not acknowledged are returned again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for a name that is empty or longer than 200 bytes, and for a limit
    /// out of range; [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn poll(&self, consumer: &str, limit: usize) -> Result<Vec<Change>> {
        self.poll_after(consumer, None, limit).await
    }

    /// As [`poll`](Mirror::poll), but without the changes up to and including `seq`. Iterators use it to return every change once, even if it
    /// has not been acknowledged when they read the next page.
    ///
    /// # Errors
    ///
    /// As [`poll`](Mirror::poll).
    pub async fn poll_after(&self, consumer: &str, seq: Option<i64>, limit: usize) -> Result<Vec<Change>> {
        let name = consumer_name(consumer)?;
        if !(1..=MAX_POLL).contains(&limit) {
            return Err(Error::invalid_argument(format!("limit is {limit}: expected 1 to {MAX_POLL}")));
        }
        let page = self.store().feed(name.clone(), seq, limit).await?;
        let Some(mut row) = page.consumer else {
            self.register(name).await?;
            return self.store().changes(seq.unwrap_or(0).max(0), limit).await;
        };
        if row.cursor >= 0 {
            return Ok(page.changes);
        }
        row.cursor = row.cursor.max(seq.unwrap_or(i64::MIN));
        match snapshot::page(self.store(), &row, limit).await? {
            Some(changes) => Ok(changes),
            None => self.store().changes(row.seen(), limit).await,
        }
    }

    /// As [`poll_after`](Mirror::poll_after), under the name that version 0.1.0 documented.
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
    /// # Errors
    ///
    /// As [`poll`](Mirror::poll).
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
            let new = ConsumerRow { name: row_name.clone(), cursor: 0, snapshot: None, seen_at: now };
            Ok(ConsumerUpdate { row: state.row.is_none().then_some(new), park: None })
        };
        self.store().update_consumer(name, Box::new(register)).await
    }

    /// As [`poll`](Mirror::poll), but if there are no changes it waits for the first one until `timeout` has passed, and then returns none.
    /// Without a timeout it waits without limit. Changes that another process appends are seen within half a second.
    ///
    /// # Errors
    ///
    /// As [`poll`](Mirror::poll).
    pub async fn wait(&self, consumer: &str, limit: usize, timeout: Option<Duration>) -> Result<Vec<Change>> {
        self.wait_after(consumer, None, limit, timeout).await
    }

    /// As [`wait`](Mirror::wait), but for changes [after](Mirror::poll_after) `seq`.
    ///
    /// # Errors
    ///
    /// As [`poll`](Mirror::poll).
    pub async fn wait_after(
        &self,
        consumer: &str,
        seq: Option<i64>,
        limit: usize,
        timeout: Option<Duration>,
    ) -> Result<Vec<Change>> {
        let ends = timeout.and_then(|timeout| tokio::time::Instant::now().checked_add(timeout));
        let mut head = self.head();
        loop {
            head.borrow_and_update();
            let changes = self.poll_after(consumer, seq, limit).await?;
            if !changes.is_empty() {
                return Ok(changes);
            }
            let look = tokio::time::Instant::now() + LOOK;
            let until = ends.map_or(look, |ends| ends.min(look));
            // Returns early if this process appends a change; otherwise it is time to look for those of other processes.
            let _ = tokio::time::timeout_at(until, head.changed()).await;
            if ends.is_some_and(|ends| tokio::time::Instant::now() >= ends) {
                return self.poll_after(consumer, seq, limit).await;
            }
        }
    }

    /// Acknowledges every change up to and including `seq` (cumulative acknowledgement): `consumer` does not get them again. Durable when it
    /// returns. A number that is not greater than an acknowledged one has no effect.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for a consumer that never polled and a number that no change has;
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn ack(&self, consumer: &str, seq: i64) -> Result<()> {
        let (name, now) = (consumer_name(consumer)?, self.now());
        let acknowledge =
            move |state: ConsumerState| Ok(ConsumerUpdate { row: acknowledged(state, seq, now)?, park: None });
        self.store().update_consumer(name, Box::new(acknowledge)).await
    }

    /// Parks a change that `consumer` cannot handle, with a reason, and acknowledges it and all changes before it. It is kept and
    /// [listed](Mirror::parked_changes) until it is [dropped](Mirror::drop_parked).
    ///
    /// # Errors
    ///
    /// As [`ack`](Mirror::ack), and [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for a change of a snapshot, which the
    /// feed does not keep: acknowledge it, and record it elsewhere.
    pub async fn park(&self, consumer: &str, seq: i64, reason: &str) -> Result<()> {
        let (name, reason, now) = (consumer_name(consumer)?, reason.to_owned(), self.now());
        if seq <= 0 {
            return Err(Error::invalid_argument(
                "a change of a snapshot cannot be parked, since the feed does not keep it: acknowledge it, and record it elsewhere",
            ));
        }
        let park = move |state: ConsumerState| {
            let park = Some(Park { seq, reason: reason.clone(), at: now });
            Ok(ConsumerUpdate { row: acknowledged(state, seq, now)?, park })
        };
        self.store().update_consumer(name, Box::new(park)).await
    }

    /// Returns the changes that `consumer` has parked, oldest first.
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
    /// # Errors
    ///
    /// As [`parked_changes`](Mirror::parked_changes).
    pub async fn drop_parked(&self, consumer: &str, seq: i64) -> Result<bool> {
        self.store().drop_parked_change(consumer_name(consumer)?, seq).await
    }

    /// Resets the cursor of `consumer`, new or old, to a snapshot of the current rows: its next changes are a `group.created` and a
    /// `user.created` for each group and user, with negative numbers and the cause `snapshot`, followed by every change since this call. It may
    /// stop within the snapshot and go on later.
    ///
    /// # Errors
    ///
    /// As [`parked_changes`](Mirror::parked_changes).
    pub async fn start_from_snapshot(&self, consumer: &str) -> Result<()> {
        let (name, now) = (consumer_name(consumer)?, self.now());
        let row_name = name.clone();
        let start = move |state: ConsumerState| {
            let row = ConsumerRow {
                name: row_name.clone(),
                cursor: snapshot::START,
                snapshot: Some(state.latest),
                seen_at: now,
            };
            Ok(ConsumerUpdate { row: Some(row), park: None })
        };
        self.store().update_consumer(name, Box::new(start)).await?;
        self.wake();
        Ok(())
    }

    /// Returns every consumer and its position, in the order of their names.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn consumers(&self) -> Result<Vec<Consumer>> {
        let (rows, head) = self.store().consumers().await?;
        let consumers = rows.into_iter().map(|(row, parked)| Consumer {
            lag: u64::try_from(head - row.seen()).unwrap_or(0),
            name: row.name,
            cursor: row.cursor,
            parked,
            seen_at: row.seen_at,
        });
        Ok(consumers.collect())
    }

    /// Deletes a consumer that is no longer used, and the changes that it has parked. Returns whether it existed. Changes that only this
    /// consumer had not acknowledged can then be trimmed.
    ///
    /// # Errors
    ///
    /// As [`parked_changes`](Mirror::parked_changes).
    pub async fn drop_consumer(&self, consumer: &str) -> Result<bool> {
        self.store().drop_consumer(consumer_name(consumer)?).await
    }

    /// Removes changes that are older than the [retention](super::MirrorBuilder::retention) and that every consumer has acknowledged, and
    /// tombstones and events that are older than a week. Each sync of an organization does it at its end, and received events do some of it
    /// once a minute. The store overwrites what was removed, in its log as well, unless another process is reading at this moment.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn trim(&self) -> Result<()> {
        if self.trim_all().await? > 0 {
            self.shrink(true).await;
        }
        Ok(())
    }

    /// Removes all old rows. Returns how many.
    pub(super) async fn trim_all(&self) -> Result<usize> {
        let mut removed = 0;
        loop {
            let count = self.trim_some(TRIM).await?;
            removed += count;
            if count < TRIM {
                return Ok(removed);
            }
        }
    }

    /// Removes old rows, `limit` of each kind at most, and expires some events that were pending for too long. Returns how many rows it removed.
    pub(super) async fn trim_some(&self, limit: usize) -> Result<usize> {
        self.expire_some().await?;
        let now = self.now();
        let expired = before(now, TOMBSTONES);
        let settings = self.store().load(Keys::default()).await?.settings.in_force();
        let changes = before(now, settings.retention);
        let losses = before(now, settings.guard.window).min(expired);
        let retention = Retention { changes, tombstones: expired, events: expired, losses, limit };
        self.store().trim(retention).await
    }
}

/// Returns the consumer after it has acknowledged everything up to `seq`, or `None` if `seq` is not greater than its cursor.
fn acknowledged(state: ConsumerState, seq: i64, now: Timestamp) -> Result<Option<ConsumerRow>> {
    let Some(row) = state.row else {
        return Err(Error::invalid_argument("there is no consumer of this name: poll before acknowledging"));
    };
    let head = state.latest.seq;
    if seq > head {
        return Err(Error::invalid_argument(format!(
            "no change has the number {seq}: the latest is {head}, so acknowledge what poll gave"
        )));
    }
    // The numbers of a snapshot are negative, so a positive one also ends the snapshot.
    Ok((seq > row.cursor).then_some(ConsumerRow { cursor: seq, seen_at: now, ..row }))
}

fn consumer_name(name: &str) -> Result<String> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(Error::invalid_argument(format!(
            "the consumer's name has {} bytes: expected 1 to {MAX_NAME}",
            name.len()
        )));
    }
    Ok(name.to_owned())
}
