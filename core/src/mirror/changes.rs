//! An iterator over the changes of a consumer, which several tasks or threads may share.

use super::Mirror;
use super::decide::Acks;
use super::feed::Polled;
use crate::process::ProcessId;
use crate::record::Change;
use crate::{Error, Result};
use futures_util::stream::BoxStream;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Number of changes that [`Changes::next`] reads at a time.
const BATCH: usize = 100;

/// The changes of one consumer, each returned once; made by [`Mirror::changes`].
///
/// Clones share the position, so that several tasks or threads can divide the changes among themselves. Each acknowledges the changes that it
/// has handled. The consumer's cursor moves to a change once that change, and all changes that this iterator returned before it, are acknowledged.
/// A change that is never acknowledged is returned again by the next iterator, with all changes after it.
#[derive(Clone)]
pub struct Changes(Arc<Shared>);

struct Shared {
    mirror: Mirror,
    consumer: String,
    timeout: Option<Duration>,
    /// The process that made this iterator. A forked child must not use it.
    process: ProcessId,
    reading: tokio::sync::Mutex<Reading>,
    acks: Mutex<Acks>,
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
    /// has come for `timeout` (`None`: it waits without limit), and when the mirror is [closed](Mirror::close).
    pub fn changes(&self, consumer: &str, timeout: Option<Duration>) -> Changes {
        Changes(Arc::new(Shared {
            mirror: self.clone(),
            consumer: consumer.to_owned(),
            timeout,
            process: ProcessId::current(),
            reading: tokio::sync::Mutex::default(),
            acks: Mutex::default(),
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
        let Shared { mirror, consumer, timeout, .. } = &*self.0;
        let mut reading = self.0.reading.lock().await;
        if mirror.is_closed() {
            return Ok(Vec::new());
        }
        if reading.changes.is_empty() {
            let polled = match mirror.wait_page(consumer, reading.position, limit, *timeout).await {
                Err(_) if mirror.is_closed() => return Ok(Vec::new()),
                polled => polled?,
            };
            let Polled { changes, generation, cursor } = polled;
            self.acks(|acks| acks.confirm(generation, cursor));
            reading.position = changes.last().map(|change| change.seq).or(reading.position);
            reading.generation = generation;
            reading.changes = changes.into();
        }
        let count = count.min(reading.changes.len());
        let taken: Vec<Change> = reading.changes.drain(..count).collect();
        self.acks(|acks| taken.iter().for_each(|change| acks.add(reading.generation, change.seq)));
        Ok(taken)
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
    /// [`ErrorKind::Store`](crate::ErrorKind::Store): call it again; [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if the
    /// consumer was dropped, and in a forked child.
    pub async fn ack(&self, seq: i64) -> Result<()> {
        self.check_process()?;
        let (moved, generation) = self.acks(|acks| (acks.acknowledge(seq), acks.generation()));
        if let Some(cursor) = moved {
            self.0.mirror.ack(&self.0.consumer, cursor).await?;
            self.acks(|acks| acks.confirm(generation, cursor));
        }
        Ok(())
    }

    /// Parks a change that this iterator returned and that cannot be handled, with a reason, and acknowledges it as [`ack`](Changes::ack)
    /// does. It is kept and [listed](Mirror::parked_changes) until it is [dropped](Mirror::drop_parked). A change of a snapshot can be parked
    /// as well.
    ///
    /// The future may be dropped: the change may then be parked and not acknowledged, or neither, or both. The call may be repeated.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if the consumer was dropped, and in a forked child;
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn park(&self, change: &Change, reason: &str) -> Result<()> {
        self.check_process()?;
        self.0.mirror.keep_parked(&self.0.consumer, change, reason).await?;
        self.ack(change.seq).await
    }

    /// Refuses to go on in a forked child: one of the parent's threads, which the child does not have, could hold a lock.
    fn check_process(&self) -> Result<()> {
        if self.0.process.is_current() {
            return Ok(());
        }
        Err(Error::invalid_argument("the iteration of the changes began before a fork: call `changes` in this process"))
    }

    fn acks<T>(&self, work: impl FnOnce(&mut Acks) -> T) -> T {
        work(&mut self.0.acks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changes").field("consumer", &self.0.consumer).finish_non_exhaustive()
    }
}
