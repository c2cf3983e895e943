//! An iterator over the changes of a consumer, which several tasks or threads may share.
//!
//! An iterator holds the lease of its consumer, so that two processes do not handle the changes of one consumer at the same time.

use super::Mirror;
use super::decide::Acks;
use super::exclusive::{CHANGES, ExclusiveLease, lost};
use super::feed::{Polled, consumer_name};
use crate::process::ProcessId;
use crate::record::Change;
use crate::store::Fence;
use crate::{Error, Result};
use futures_util::stream::BoxStream;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Number of changes that [`Changes::next`] reads at a time.
const BATCH: usize = 100;

/// The changes of one consumer, each returned once; made by [`Mirror::changes`].
///
/// Clones share the position, so that several tasks or threads can divide the changes among themselves. Each acknowledges the changes that it
/// has handled. The consumer's cursor moves to a change once that change, and all changes that this iterator returned before it, are acknowledged.
/// A change that is never acknowledged is returned again by the next iterator, with all changes after it.
///
/// The consumer is exclusive: while an iterator of one mirror reads its changes, [`next`](Changes::next) of another mirror, here or in another
/// process, waits. The iterators of one mirror and its clones do not wait for each other, and each returns all changes. An iterator holds the consumer
/// from its first call of `next` until it has ended and all changes that it returned are acknowledged, until its last clone is dropped, or until the mirror is closed.
/// It does so by a lease of 60 seconds, which a background task renews, however long a change is being handled: a handler that hangs keeps the
/// consumer as long as its process runs. If the process ends, or is stopped, others wait until the lease expires; with SQLite, the lease also ends at
/// once with its process. [`poll`](Mirror::poll), [`wait`](Mirror::wait) and [`ack`](Mirror::ack) neither wait for the lease nor hold it.
#[derive(Clone)]
pub struct Changes(Arc<Shared>);

struct Shared {
    mirror: Mirror,
    consumer: String,
    timeout: Option<Duration>,
    /// The process that made this iterator. A forked child must not use it.
    process: ProcessId,
    reading: tokio::sync::Mutex<Reading>,
    state: Mutex<State>,
    /// Cancelled when the iteration is closed.
    closed: CancellationToken,
}

#[derive(Default)]
struct State {
    acks: Acks,
    /// The lease, from the first read on. `None` before that, and after the iteration has ended.
    lease: Option<Arc<ExclusiveLease>>,
    /// Whether the last call of `next` returned `None`.
    has_ended: bool,
}

impl State {
    /// Releases the consumer, unless the iteration has ended and `release_if_done` will do so.
    fn release_unless_ended(&mut self) {
        if !self.has_ended {
            self.lease = None;
        }
    }

    /// Releases the consumer if the iteration has ended and all changes that it returned are acknowledged.
    fn release_if_done(&mut self) {
        if self.has_ended && !self.acks.has_unacknowledged() {
            self.lease = None;
        }
    }
}

/// Changes that were read and not returned yet.
#[derive(Default)]
struct Reading {
    generation: i64,
    changes: VecDeque<Change>,
    /// Number of the last change that was read.
    position: Option<i64>,
}

impl Mirror {
    /// Returns an iterator over the unacknowledged changes of `consumer`, which waits for the next change if there is none. It ends when no change
    /// has come for `timeout` (`None`: it waits without limit), and when the mirror is [closed](Mirror::close). While another mirror iterates over the
    /// changes of the consumer, here or in another process, it waits as well.
    pub fn changes(&self, consumer: &str, timeout: Option<Duration>) -> Changes {
        Changes(Arc::new(Shared {
            mirror: self.clone(),
            consumer: consumer.to_owned(),
            timeout,
            process: ProcessId::current(),
            reading: tokio::sync::Mutex::default(),
            state: Mutex::default(),
            closed: CancellationToken::new(),
        }))
    }
}

impl Changes {
    /// Returns the next change, or `None` if none came within the timeout or the mirror is [closed](Mirror::close).
    ///
    /// The future may be dropped: no change is lost, because the next call returns it.
    ///
    /// # Errors
    ///
    /// As [`Mirror::poll`]; [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) in a forked child.
    pub async fn next(&self) -> Result<Option<Change>> {
        Ok(self.take(BATCH, 1).await?.pop())
    }

    /// Returns the next changes, `limit` (1 to 10,000) at most; an empty vector if [`next`](Changes::next) would return `None`. Acknowledge or
    /// park each change separately.
    ///
    /// The future may be dropped: no change is lost, because the next call returns it.
    ///
    /// # Errors
    ///
    /// As [`next`](Changes::next).
    pub async fn next_page(&self, limit: usize) -> Result<Vec<Change>> {
        self.take(limit, limit).await
    }

    /// Returns at most `count` of the changes that were read and not returned yet. If there are none, reads a page of at most `limit` changes before.
    async fn take(&self, limit: usize, count: usize) -> Result<Vec<Change>> {
        self.check_process()?;
        let Shared { mirror, timeout, .. } = &*self.0;
        let ends = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut reading = self.0.reading.lock().await;
        if mirror.is_closed() {
            return Ok(Vec::new());
        }
        let taken = mirror.until_closed(self.take_held(&mut reading, limit, count, ends));
        match self.0.closed.run_until_cancelled(taken).await {
            None => {
                // The call may have taken the lease after `close` had released it.
                self.state(State::release_unless_ended);
                Ok(Vec::new())
            }
            Some(Err(_)) if mirror.is_closed() => Ok(Vec::new()),
            Some(taken) => taken,
        }
    }

    /// As [`take`](Changes::take), but for a mirror that is open. Waits for the lease and for a change until `ends`.
    async fn take_held(
        &self,
        reading: &mut Reading,
        limit: usize,
        count: usize,
        ends: Option<Instant>,
    ) -> Result<Vec<Change>> {
        let Shared { mirror, consumer, .. } = &*self.0;
        consumer_name(consumer)?;
        loop {
            let Some(lease) = self.hold(reading, ends).await? else { return Ok(Vec::new()) };
            if reading.changes.is_empty() {
                let left = ends.map(|ends| ends.saturating_duration_since(Instant::now()));
                let polled = mirror.wait_until_changed(consumer, reading.position, limit, left).await?;
                if !lease.check().await? {
                    // The lease was lost during the wait, so another iterator may have returned these changes.
                    continue;
                }
                let Polled { changes, generation, cursor, .. } = polled;
                self.state(|state| state.acks.confirm(generation, cursor));
                reading.position = changes.last().map(|change| change.seq).or(reading.position);
                reading.generation = generation;
                reading.changes = changes.into();
            }
            let count = count.min(reading.changes.len());
            let taken: Vec<Change> = reading.changes.drain(..count).collect();
            self.state(|state| {
                taken.iter().for_each(|change| state.acks.add(reading.generation, change.seq));
                state.has_ended = taken.is_empty();
                state.release_if_done();
            });
            return Ok(taken);
        }
    }

    /// Returns the consumer's lease, and waits for it until `ends` if another mirror has it. Returns `None` after that time. If the lease was lost, the
    /// iteration starts again at the consumer's cursor.
    async fn hold(&self, reading: &mut Reading, ends: Option<Instant>) -> Result<Option<Arc<ExclusiveLease>>> {
        if let Some(lease) = self.state(|state| state.lease.clone()) {
            if lease.check().await? {
                return Ok(Some(lease));
            }
            *reading = Reading::default();
            self.state(|state| {
                state.acks.lose();
                state.lease = None;
            });
        }
        loop {
            if let Some(lease) = self.0.mirror.exclusive_lease(format!("{CHANGES}{}", self.0.consumer)).await? {
                self.state(|state| state.lease = Some(Arc::clone(&lease)));
                return Ok(Some(lease));
            }
            let now = Instant::now();
            if ends.is_some_and(|ends| now >= ends) {
                return Ok(None);
            }
            let look = now + self.0.mirror.look();
            tokio::time::sleep_until(ends.map_or(look, |ends| ends.min(look))).await;
        }
    }

    /// Returns the changes as a stream, which ends when none came within the timeout, when the mirror is closed, and after an error. Acknowledge each
    /// with [`ack`](Changes::ack) of this iterator or of a clone. Dropping the stream loses no change: the next call of
    /// [`next`](Changes::next), or of another stream, returns it.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::{StreamExt, TryStreamExt};
    /// use std::time::Duration;
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let mirror = headcount::Mirror::builder().open(":memory:").await?;
    /// let changes = mirror.changes("provisioner", Some(Duration::ZERO));
    /// let mut stream = changes.stream();
    /// while let Some(change) = stream.next().await {
    ///     let change = change?;
    ///     println!("{}", change.kind);
    ///     changes.ack(change.seq).await?;
    /// }
    ///
    /// // Four at a time:
    /// changes.stream().try_for_each_concurrent(4, |change| {
    ///     let changes = changes.clone();
    ///     async move { changes.ack(change.seq).await }
    /// }).await?;
    /// # Ok::<(), headcount::Error>(()) }).unwrap();
    /// ```
    pub fn stream(&self) -> BoxStream<'static, Result<Change>> {
        Box::pin(futures_util::stream::try_unfold(self.clone(), async |changes| {
            Ok(changes.next().await?.map(|change| (change, changes)))
        }))
    }

    /// Acknowledges one change that this iterator returned, and not the changes before it. Durable when this returns, if all earlier changes
    /// are acknowledged; otherwise once they are.
    ///
    /// The future may be dropped: the acknowledgement may then be stored, or not yet. In this iterator the change is acknowledged in both cases, and
    /// a later call stores it. The call may be repeated.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store): call it again, unless the message says that the lease was lost: then the change is not
    /// acknowledged, and the iterator that has the consumer returns it again. [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if
    /// the consumer was dropped, and in a forked child.
    pub async fn ack(&self, seq: i64) -> Result<()> {
        self.check_process()?;
        self.check_held(seq).await?;
        let (moved, generation, lease) =
            self.state(|state| (state.acks.acknowledge(seq), state.acks.generation(), state.lease.clone()));
        if let Some(cursor) = moved {
            // With a fence, because the lease may have been lost since the check above, if the process was stopped.
            let stored = self.0.mirror.ack_with(&self.0.consumer, cursor, self.fence(lease.as_deref())).await;
            self.check_stored(lease.as_ref(), stored)?;
            self.state(|state| state.acks.confirm(generation, cursor));
        }
        self.state(State::release_if_done);
        Ok(())
    }

    /// Returns the fence for an update under `lease`. Returns `None` once the mirror is closed, which has released the lease: as after
    /// [`close`](Changes::close), changes can be acknowledged without it, unless the store is closed.
    fn fence(&self, lease: Option<&ExclusiveLease>) -> Option<Fence> {
        lease.filter(|_| !self.0.mirror.is_closed()).map(ExclusiveLease::fence)
    }

    /// Returns the result of an update with the fence of `lease`. If the lease was lost, the changes that were returned under it are lost as well.
    fn check_stored(&self, lease: Option<&Arc<ExclusiveLease>>, stored: Result<()>) -> Result<()> {
        let Some(lease) = lease else { return stored };
        stored.map_err(|error| {
            if !lease.is_lost_after(&error) {
                return error;
            }
            self.state(|state| {
                // If the iterator has another lease by now, another call has recorded the loss, and the changes in `acks` are those of that lease.
                if state.lease.as_ref().is_some_and(|current| Arc::ptr_eq(current, lease)) {
                    state.acks.lose();
                }
            });
            lost()
        })
    }

    /// Checks that the consumer's lease was not lost after this iterator had returned the change.
    async fn check_held(&self, seq: i64) -> Result<()> {
        if let Some(lease) = self.state(|state| state.lease.clone())
            // Closing the mirror ends the lease, and the caller's use of the store fails then.
            && !self.0.mirror.is_closed()
            && !lease.check().await?
        {
            self.state(|state| state.acks.lose());
        }
        if self.state(|state| state.acks.is_lost(seq)) { Err(lost()) } else { Ok(()) }
    }

    /// Parks a change that this iterator returned and that cannot be handled, with a reason, and acknowledges it as [`ack`](Changes::ack)
    /// does. It is kept and [listed](Mirror::parked_changes) until it is [dropped](Mirror::drop_parked). A change of a snapshot can be parked
    /// as well.
    ///
    /// The future may be dropped: the change may then be parked and not acknowledged, or neither, or both. The call may be repeated.
    ///
    /// # Errors
    ///
    /// As [`ack`](Changes::ack). With the error of a lost lease, nothing is parked, unless the lease was lost between parking and the acknowledgement.
    pub async fn park(&self, change: &Change, reason: &str) -> Result<()> {
        self.check_process()?;
        self.check_held(change.seq).await?;
        let lease = self.state(|state| state.lease.clone());
        let fence = self.fence(lease.as_deref());
        let stored = self.0.mirror.keep_parked(&self.0.consumer, change, reason, fence).await;
        self.check_stored(lease.as_ref(), stored)?;
        self.ack(change.seq).await
    }

    /// Ends the iteration: [`next`](Changes::next) returns `None` from now on, and another mirror can iterate over the changes of the consumer, which
    /// are those that were not acknowledged. If the iteration has ended before, because no change came within the timeout, the consumer is released
    /// once all changes that this iterator returned are acknowledged. Changes can be acknowledged after this.
    ///
    /// Dropping the last clone does the same.
    pub fn close(&self) {
        // In a forked child, one of the parent's threads, which the child does not have, could hold a lock.
        if self.0.process.is_current() {
            self.0.closed.cancel();
            self.state(State::release_unless_ended);
        }
    }

    /// Returns an error in a forked child: one of the parent's threads, which the child does not have, could hold a lock.
    fn check_process(&self) -> Result<()> {
        if self.0.process.is_current() {
            return Ok(());
        }
        Err(Error::invalid_argument("the iteration of the changes began before a fork: call `changes` in this process"))
    }

    fn state<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changes").field("consumer", &self.0.consumer).finish_non_exhaustive()
    }
}
