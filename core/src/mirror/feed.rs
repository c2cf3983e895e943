//! The change feed: numbered changes, and consumers that each remember how far they are.
//!
//! A consumer is a name. It sees every change at least once and in order: [`poll`](Mirror::poll) gives what lies behind its cursor and
//! [`ack`](Mirror::ack) moves that. One that is new begins with the oldest change that is kept, or with a
//! [snapshot](Mirror::start_from_snapshot) of what is there.

use super::{Mirror, snapshot};
use crate::record::{Change, Consumer, ConsumerRow, ParkedChange};
use crate::store::{Durability, Transaction, read, write};
use crate::{Error, Result, Timestamp};
use std::time::Duration;

/// The most changes that one poll gives.
pub const MAX_POLL: usize = 10_000;

/// How often a waiting consumer looks whether another process has written. A change of this process wakes it at once.
const LOOK: Duration = Duration::from_millis(500);

/// How many changes one step of trimming takes away.
const TRIM: usize = 1_000;

impl Mirror {
    /// The changes behind `consumer`'s cursor, oldest first, `limit` (1 to 10,000) at most. A name that is new begins with the oldest
    /// change that is kept. What is not acknowledged comes again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for an empty or over-long name and a limit out of range;
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn poll(&self, consumer: &str, limit: usize) -> Result<Vec<Change>> {
        self.poll_after(consumer, None, limit).await
    }

    /// As [`poll`](Mirror::poll), but without those up to and including `seq`: for iterators, which give every change once whether or not it
    /// has been acknowledged by the time they read on.
    ///
    /// # Errors
    ///
    /// As [`poll`](Mirror::poll).
    pub async fn poll_after(&self, consumer: &str, seq: Option<i64>, limit: usize) -> Result<Vec<Change>> {
        let name = consumer_name(consumer)?;
        if !(1..=MAX_POLL).contains(&limit) {
            return Err(Error::invalid_argument(format!("limit is {limit}: expected 1 to {MAX_POLL}")));
        }
        let asked = name.clone();
        let found = read(self.store(), move |tx| {
            let Some(mut row) = tx.consumer(&asked)? else { return Ok(None) };
            row.cursor = row.cursor.max(seq.unwrap_or(i64::MIN));
            if let Some(changes) = snapshot::page(tx, &row, limit)? {
                return Ok(Some(changes));
            }
            tx.changes(row.seen(), limit).map(Some)
        })
        .await?;
        match found {
            Some(changes) => Ok(changes),
            None => {
                self.register(name).await?;
                read(self.store(), move |tx| tx.changes(seq.unwrap_or(0).max(0), limit)).await
            }
        }
    }

    /// Makes the consumer known, so that what it has not seen is kept for it.
    async fn register(&self, name: String) -> Result<()> {
        let now = self.now();
        write(self.store(), Durability::Power, move |tx| {
            if tx.consumer(&name)?.is_none() {
                tx.put_consumer(&ConsumerRow { name: name.clone(), cursor: 0, snapshot: None, seen_at: now })?;
            }
            Ok(())
        })
        .await
    }

    /// As [`poll`](Mirror::poll), but where there is nothing yet it waits for the first change until `timeout` has passed, and then gives
    /// none. Without a timeout it waits for ever. A change of another process is seen within half a second.
    ///
    /// # Errors
    ///
    /// As [`poll`](Mirror::poll).
    pub async fn wait(&self, consumer: &str, limit: usize, timeout: Option<Duration>) -> Result<Vec<Change>> {
        self.wait_after(consumer, None, limit, timeout).await
    }

    /// As [`wait`](Mirror::wait), but for changes [behind](Mirror::poll_after) `seq`.
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
            // Either the head moved, or it is time to look anyway.
            let _ = tokio::time::timeout_at(until, head.changed()).await;
            if ends.is_some_and(|ends| tokio::time::Instant::now() >= ends) {
                return self.poll_after(consumer, seq, limit).await;
            }
        }
    }

    /// Acknowledges every change up to and including `seq`: `consumer` does not get them again. Durable when it returns. A smaller
    /// number than one acknowledged before changes nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for a consumer that never polled and a number that no change
    /// has; [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn ack(&self, consumer: &str, seq: i64) -> Result<()> {
        let (name, now) = (consumer_name(consumer)?, self.now());
        write(self.store(), Durability::Power, move |tx| acknowledge(tx, &name, seq, now)).await
    }

    /// Puts a change aside that `consumer` cannot handle, with what there is to say about it, and acknowledges it with those before it.
    /// It is kept and [listed](Mirror::parked_changes) until it is [dropped](Mirror::drop_parked).
    ///
    /// # Errors
    ///
    /// As [`ack`](Mirror::ack), and [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for a change of a snapshot, which the feed
    /// does not keep: acknowledge it, and note it elsewhere.
    pub async fn park(&self, consumer: &str, seq: i64, reason: &str) -> Result<()> {
        let (name, reason, now) = (consumer_name(consumer)?, reason.to_owned(), self.now());
        write(self.store(), Durability::Power, move |tx| {
            if seq <= 0 {
                return Err(Error::invalid_argument("a snapshot's change cannot be put aside, since the feed does not keep it: acknowledge it, and note it elsewhere"));
            }
            acknowledge(tx, &name, seq, now)?;
            tx.park_change(&name, seq, &reason, now)
        })
        .await
    }

    /// What `consumer` has put aside, oldest first.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn parked_changes(&self, consumer: &str) -> Result<Vec<ParkedChange>> {
        let name = consumer_name(consumer)?;
        read(self.store(), move |tx| tx.parked_changes(&name)).await
    }

    /// Forgets a change that was put aside; whether there was one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn drop_parked(&self, consumer: &str, seq: i64) -> Result<bool> {
        let name = consumer_name(consumer)?;
        write(self.store(), Durability::Power, move |tx| tx.drop_parked_change(&name, seq)).await
    }

    /// Has `consumer`, new or old, start with what is there: its next changes are a `group.created` and a `user.created` for each group and
    /// user, with negative numbers and the cause `snapshot`, and then every change since this call. It may stop and go on in the middle.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn start_from_snapshot(&self, consumer: &str) -> Result<()> {
        let (name, now) = (consumer_name(consumer)?, self.now());
        write(self.store(), Durability::Power, move |tx| {
            let snapshot = Some(tx.snapshot()?);
            let row = ConsumerRow { name: name.clone(), cursor: snapshot::START, snapshot, seen_at: now };
            tx.put_consumer(&row)
        })
        .await?;
        self.tell_head();
        Ok(())
    }

    /// Every consumer, and how far it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn consumers(&self) -> Result<Vec<Consumer>> {
        read(self.store(), |tx| {
            let (head, rows) = (tx.head()?, tx.consumers()?);
            rows.into_iter()
                .map(|row| {
                    Ok(Consumer {
                        parked: tx.count_parked_changes(&row.name)?,
                        lag: u64::try_from(head - row.seen()).unwrap_or(0),
                        name: row.name,
                        cursor: row.cursor,
                        seen_at: row.seen_at,
                    })
                })
                .collect()
        })
        .await
    }

    /// Forgets a consumer that is not coming back, with all it has put aside; whether there was one. What was kept for it can go.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn drop_consumer(&self, consumer: &str) -> Result<bool> {
        let name = consumer_name(consumer)?;
        write(self.store(), Durability::Power, move |tx| tx.drop_consumer(&name)).await
    }

    /// Removes changes that are older than the [retention](super::MirrorBuilder::retention) and that every consumer has acknowledged, and what
    /// else has had its time (tombstones, the ids of events). Syncs do it when they end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn trim(&self) -> Result<()> {
        let now = self.now();
        let changes = before(now, self.settings().retention);
        let tombstones = before(now, super::TOMBSTONES);
        while write(self.store(), Durability::Process, move |tx| {
            let slowest = tx.consumers()?.iter().map(ConsumerRow::seen).min();
            let trimmed = tx.trim_changes(slowest.unwrap_or(i64::MAX), changes, TRIM)?;
            Ok(trimmed + tx.trim_tombstones(tombstones, TRIM)? + tx.trim_events(tombstones, TRIM)?)
        })
        .await?
            >= TRIM
        {}
        Ok(())
    }
}

/// `now` less `span`, or the beginning of time.
pub(super) fn before(now: Timestamp, span: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(span).ok().and_then(|span| now.checked_sub(span).ok()).unwrap_or(Timestamp::MIN)
}

fn acknowledge(tx: &mut dyn Transaction, name: &str, seq: i64, now: Timestamp) -> Result<()> {
    let Some(mut row) = tx.consumer(name)? else {
        return Err(Error::invalid_argument("there is no consumer of this name: poll before acknowledging"));
    };
    let head = tx.head()?;
    if seq > head {
        return Err(Error::invalid_argument(format!(
            "no change has the number {seq}: the latest is {head}, so acknowledge what poll gave"
        )));
    }
    // A snapshot's numbers are negative: its consumer goes on with the changes once all of them are behind it.
    if seq > row.cursor {
        row.cursor = seq;
        row.seen_at = now;
        tx.put_consumer(&row)?;
    }
    Ok(())
}

/// The longest name of a consumer, in bytes.
const MAX_NAME: usize = 200;

fn consumer_name(name: &str) -> Result<String> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(Error::invalid_argument(format!(
            "the consumer's name has {} bytes: expected 1 to {MAX_NAME}",
            name.len()
        )));
    }
    Ok(name.to_owned())
}
