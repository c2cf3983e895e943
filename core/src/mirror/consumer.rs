//! Consumers with partitions: many workers share the changes of one consumer.
//!
//! Each worker has a lease, named `consumer/NAME/NUMBER`. The consumer's row has the partitions, each with its cursor and the worker that holds it;
//! `decide::partition` has the rules. So a worker renews one lease for all of its partitions, and stores all of their cursors in one write. Its updates of the
//! row need no fence: the row names the worker by the token of its lease, and another worker that takes over a partition replaces the name. In
//! `next`, a worker reads the row and the leases if half a second has passed since it last did, and before it returns no change: it takes
//! free partitions up to its share, and releases partitions beyond its share once their returned changes are acknowledged. A change that wakes a waiting
//! worker is not a reason to read the leases, because SQLite's only writer lists them.
//!
//! A worker reads the feed once for all of its partitions, a page at a time, and reads the next page when it has returned all changes of the
//! previous one.

use super::decide::{
    Acknowledged, AcknowledgedAll, Holdings, MAX_PARTITIONS, Members, PartitionAck, Turn, before, check_count,
    check_holder, leave, lost, partition_of,
};
use super::feed::{SEEN, check_kept, consumer_name};
use super::lapse::{is_renewal_due, says_lost};
use super::{Mirror, snapshot, write};
use crate::process::ProcessId;
use crate::record::{Change, ConsumerRow, WorkerId};
use crate::store::{ConsumerUpdate, Durability, FeedMarks, Fence, Lease, Park, Scope, Slot};
use crate::{Error, ErrorKind, Result, Timestamp};
use futures_util::future::{Either, select};
use futures_util::stream::BoxStream;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The default number of partitions.
const PARTITIONS: u32 = 16;

/// The default duration of a worker's lease.
const LEASE: Duration = Duration::from_secs(60);

/// The shortest duration of a lease.
const SHORTEST: Duration = Duration::from_secs(1);

/// Number of changes that are read at a time.
const BATCH: usize = 100;

/// The most changes that a worker returns without an acknowledgement.
const MAX_IN_FLIGHT: usize = 1_000;

/// How long after its last write a worker stores cursors that have moved only because it has read changes of other partitions.
const STORE: Duration = Duration::from_secs(5);

/// A cursor that has moved because of changes of other partitions is stored without waiting for [`STORE`] if it is ahead of the stored one by at least
/// this number.
const SKIPPED: i64 = 1_000;

/// Starts a [`Worker`]; made by [`Mirror::consumer`].
#[derive(Clone)]
#[must_use = "call `start`"]
pub struct WorkerBuilder {
    mirror: Mirror,
    name: String,
    partitions: u32,
    lease: Duration,
    timeout: Option<Duration>,
}

/// A worker of a consumer with partitions: returns the changes of the partitions that it holds; made by [`WorkerBuilder::start`].
///
/// Clones share the position. The worker joins the consumer with the first call of [`next`](Worker::next), and a background task renews its lease, however
/// long a change is being handled: a handler that hangs keeps the worker's partitions as long as its process runs, so limit the time of the handler.
/// When the last clone is dropped, its partitions are released, and the changes that were not acknowledged are returned to other workers.
/// [`close`](Worker::close) does the same, and returns when it is done. Close a worker that is no longer used: as long as it exists, no other worker
/// gets the changes of its partitions.
#[derive(Clone)]
pub struct Worker(Arc<Shared>);

struct Shared {
    mirror: Mirror,
    name: String,
    partitions: u32,
    lease: Duration,
    timeout: Option<Duration>,
    /// The process that made this worker. A forked child must not use it.
    process: ProcessId,
    reading: tokio::sync::Mutex<Reading>,
    state: Mutex<State>,
    /// Notified when an acknowledgement was stored. `next` waits for it while [`MAX_IN_FLIGHT`] changes are not acknowledged.
    acknowledged: Notify,
    /// Cancelled when the worker is closed or dropped.
    closed: CancellationToken,
}

/// What a worker has read: changes that it has not returned yet, and the consumer's row at the last [`look`](Shared::look).
#[derive(Default)]
struct Reading {
    /// Changes, each with its partition.
    buffer: VecDeque<(u32, Change)>,
    /// The consumer's row after the last look.
    row: ConsumerRow,
    /// The feed's marks at the last look. A later flush by this worker raises `durable`.
    marks: FeedMarks,
    /// When the last look ended, or `None` before the first one.
    looked_at: Option<Instant>,
    /// Whether a call of [`read`](Shared::read) since the last look found no more changes.
    is_at_end: bool,
    /// Whether the last call of `next` returned no change.
    is_idle: bool,
    /// Local time of this worker's last write of the consumer's row, other than an acknowledgement. `None` before the first one.
    stored_at: Option<Timestamp>,
    /// Whether [`warn_if_full`](Shared::warn_if_full) has written its warning to the log.
    has_warned: bool,
}

#[derive(Default)]
struct State {
    holdings: Holdings,
    member: Option<Member>,
}

/// The lease of a worker that has joined.
struct Member {
    lease: Box<dyn Lease>,
    id: WorkerId,
    /// Time by the mirror's clock after the call that took or extended the lease. With the time before that call, the next extension would be attempted
    /// too early: the store extends a lease only if half of its duration or less is left.
    renewed_at: Timestamp,
}

impl Mirror {
    /// Starts to build a worker of the consumer `name`, whose changes are divided among any number of workers on any number of machines.
    ///
    /// The changes are divided into partitions by their users, and each partition is held by one worker at a time through a lease, so that the changes
    /// of a user are returned in order, each at least once. The workers share the partitions evenly. If one joins, others release some of their
    /// partitions, each as soon as its returned changes are acknowledged. If one is closed or dropped, or its process ends, the others take over its
    /// partitions, and get the changes that it has not acknowledged. With PostgreSQL, if a process ends without closing its workers, the others have
    /// to wait until their leases expire.
    ///
    /// The partition of a change is the hash of its user's id modulo the number of partitions; without a user, that of the id of its group, or
    /// else of its directory, or else of its organization. The hash is FNV-1a of 64 bits over the id's bytes, whose upper and lower 32 bits are
    /// combined by exclusive or.
    ///
    /// [`consumers`](Mirror::consumers) shows the lowest cursor of the partitions. The retention, the expiry and
    /// [`drop_consumer`](Mirror::drop_consumer) apply as to any other consumer. A consumer that had no partitions gets them at its cursor; then
    /// [`poll`](Mirror::poll), [`ack`](Mirror::ack), [`park`](Mirror::park) and [`changes`](Mirror::changes) refuse its name. After
    /// [`start_from_snapshot`](Mirror::start_from_snapshot), its workers return the changes of the snapshot.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let mirror = headcount::Mirror::builder().open(":memory:").await?;
    /// let worker = mirror.consumer("provisioner").partitions(16).timeout(Duration::ZERO).start()?;
    /// while let Some(change) = worker.next().await? {
    ///     println!("{}", change.kind);
    ///     worker.ack(change.seq).await?;
    /// }
    /// worker.close().await?;
    /// # Ok::<(), headcount::Error>(()) }).unwrap();
    /// ```
    pub fn consumer(&self, name: &str) -> WorkerBuilder {
        WorkerBuilder {
            mirror: self.clone(),
            name: name.to_owned(),
            partitions: PARTITIONS,
            lease: LEASE,
            timeout: None,
        }
    }
}

impl WorkerBuilder {
    /// Sets the number of partitions, 1 to 256, which is also the most workers that get changes. Default: 16. All workers of a consumer need
    /// the same number.
    ///
    /// The number can be changed while no worker holds a partition. Each new partition then begins at the lowest cursor of the old partitions whose
    /// users it may have, so that some acknowledged changes may be returned again; a multiple of the old number avoids that.
    pub fn partitions(self, partitions: u32) -> Self {
        WorkerBuilder { partitions, ..self }
    }

    /// Sets the duration of the worker's lease, at least 1 second. Default: 60 seconds. A lease that is not renewed, because the worker's process was
    /// stopped or has ended, expires after this time, and other workers take over the partitions. With SQLite, it ends at once if the process ends.
    pub fn lease(self, lease: Duration) -> Self {
        WorkerBuilder { lease, ..self }
    }

    /// Sets how long [`next`](Worker::next) waits for a change. Without it, `next` waits without limit.
    pub fn timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        WorkerBuilder { timeout: timeout.into(), ..self }
    }

    /// Makes the worker, which joins the consumer when [`next`](Worker::next) is called.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for a name that is empty or longer than 200 bytes, and for a number of
    /// partitions or a lease out of range.
    pub fn start(self) -> Result<Worker> {
        let WorkerBuilder { mirror, name, partitions, lease, timeout } = self;
        let name = consumer_name(&name)?;
        if !(1..=MAX_PARTITIONS).contains(&partitions) {
            return Err(Error::invalid_argument(format!(
                "the number of partitions is {partitions}: expected 1 to {MAX_PARTITIONS}"
            )));
        }
        if lease < SHORTEST {
            return Err(Error::invalid_argument(format!("the lease lasts {lease:?}: expected at least {SHORTEST:?}")));
        }
        Ok(Worker(Arc::new(Shared {
            mirror,
            name,
            partitions,
            lease,
            timeout,
            process: ProcessId::current(),
            reading: tokio::sync::Mutex::default(),
            state: Mutex::default(),
            acknowledged: Notify::new(),
            closed: CancellationToken::new(),
        })))
    }
}

impl Worker {
    /// Returns the next change of the partitions that this worker holds, or `None` if none came within the timeout, or the worker or the mirror is
    /// closed. The first call joins the consumer, and a new consumer starts with the first change of the feed.
    ///
    /// Changes of one partition are returned in order. If 1,000 changes that this worker has returned are not acknowledged, this call waits
    /// for an acknowledgement, until the timeout.
    ///
    /// The future may be dropped: no change is lost, because the next call returns it.
    ///
    /// # Errors
    ///
    /// As [`Mirror::poll`]; [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if the consumer has another number of partitions and
    /// workers hold some of them, and in a forked child.
    pub async fn next(&self) -> Result<Option<Change>> {
        self.check_process()?;
        let Shared { mirror, timeout, closed, .. } = &*self.0;
        let ends = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let next = async {
            let mut reading = self.0.reading.lock().await;
            self.0.next_change(&mut reading, ends).await
        };
        if mirror.is_closed() {
            return Ok(None);
        }
        match closed.run_until_cancelled(mirror.until_closed(next)).await {
            None => Ok(None),
            Some(Err(_)) if mirror.is_closed() => Ok(None),
            Some(next) => next,
        }
    }

    /// Returns the changes as a stream, which ends when [`next`](Worker::next) would return `None`, and after an error.
    pub fn stream(&self) -> BoxStream<'static, Result<Change>> {
        Box::pin(futures_util::stream::try_unfold(self.clone(), async |worker| {
            Ok(worker.next().await?.map(|change| (change, worker)))
        }))
    }

    /// Acknowledges a change that this worker returned, and all changes of the same partition that it returned before. Durable when this returns.
    ///
    /// Call it on the worker that returned the change. The call has no effect and returns `Ok` if the change was acknowledged before, or if this worker
    /// has not returned it but has returned one with a greater number.
    ///
    /// The future may be dropped: the acknowledgement may then have been stored or not. The call may be repeated.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the store failed, and, with a message that the lease was lost, if the lease expired, this worker
    /// was closed, or another worker has the partition: nothing is acknowledged then, and the worker that holds the partition gets the change again.
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for a number greater than all that this worker has returned, if the
    /// consumer was dropped, and in a forked child.
    pub async fn ack(&self, seq: i64) -> Result<()> {
        self.check_process()?;
        self.0.settle(seq, None).await
    }

    /// Acknowledges all changes that this worker has returned, in one write. Durable when this returns.
    ///
    /// The future may be dropped: the acknowledgement may then have been stored or not. The call may be repeated.
    ///
    /// # Errors
    ///
    /// As [`ack`](Worker::ack). If this worker has lost some of its partitions since the last call of this, with changes that were not acknowledged,
    /// the error is that of a lost lease: these changes are returned again, and the changes of the partitions that it still holds are
    /// acknowledged, unless another worker took over one of them meanwhile.
    pub async fn ack_all(&self) -> Result<()> {
        self.check_process()?;
        self.0.settle_all().await
    }

    /// Parks a change that this worker returned and that cannot be handled, with a reason, and acknowledges it as [`ack`](Worker::ack) does. It is kept
    /// and [listed](Mirror::parked_changes) until it is [dropped](Mirror::drop_parked).
    ///
    /// The future may be dropped: the change is then parked and acknowledged, or neither. The call may be repeated.
    ///
    /// # Errors
    ///
    /// As [`ack`](Worker::ack). Where `ack` would return `Ok` and acknowledge nothing, the change is parked if this worker holds its partition; otherwise
    /// the error is that of a lost lease. With that error, nothing is parked.
    pub async fn park(&self, change: &Change, reason: &str) -> Result<()> {
        self.check_process()?;
        let park = Park { change: Box::new(change.clone()), reason: reason.to_owned(), at: self.0.mirror.now() };
        self.0.settle(change.seq, Some(park)).await
    }

    /// Returns the numbers of the partitions that this worker holds, in ascending order; none in a forked child. Another worker may have taken them over
    /// meanwhile, if the lease was lost.
    pub fn partitions(&self) -> Vec<u32> {
        // In a forked child, one of the parent's threads, which the child does not have, could hold the lock.
        if !self.0.process.is_current() {
            return Vec::new();
        }
        self.0.state(|state| state.holdings.partitions().into_iter().collect())
    }

    /// Returns whether [`close`](Worker::close) was called on this worker or a clone.
    pub fn is_closed(&self) -> bool {
        self.0.closed.is_cancelled()
    }

    /// Releases the worker's partitions at once, ends its calls of [`next`](Worker::next), and returns when other workers can take the partitions.
    /// Changes that are not acknowledged are returned to them. Later calls of `next` return `None`. Closing again does nothing.
    ///
    /// The future may be dropped: if it was polled, the partitions are released nevertheless, and otherwise when the last clone is dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the store failed: the partitions are then released when the lease ends.
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) in a forked child.
    pub async fn close(&self) -> Result<()> {
        self.check_process()?;
        // Before `leave`, so that a running call of `next` does not join again.
        self.0.closed.cancel();
        self.0.leave().await
    }

    /// Returns an error in a forked child: one of the parent's threads, which the child does not have, could hold a lock.
    fn check_process(&self) -> Result<()> {
        if self.0.process.is_current() {
            return Ok(());
        }
        Err(Error::invalid_argument("the worker was started before a fork: call `consumer` in this process"))
    }
}

impl Shared {
    /// Runs `work` while the state is locked.
    fn state<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the next change, or `None` at the time `ends`.
    async fn next_change(self: &Arc<Self>, reading: &mut Reading, ends: Option<Instant>) -> Result<Option<Change>> {
        let (mut head, mut shares) = (self.mirror.head(), self.mirror.shares());
        // A call after one that returned no change looks, because the caller may call again at any later time.
        let mut must_look = std::mem::take(&mut reading.is_idle);
        let mut has_looked = false;
        reading.is_at_end = false;
        loop {
            if must_look || self.must_look(reading) {
                self.look(reading).await?;
                reading.is_at_end = false;
                (must_look, has_looked) = (false, true);
            }
            let is_full = self.state(|state| state.holdings.in_flight()) >= MAX_IN_FLIGHT;
            if !is_full {
                while let Some((partition, change)) = reading.buffer.pop_front() {
                    if self.state(|state| state.holdings.give(partition, change.seq)) {
                        return Ok(Some(change));
                    }
                }
                if !reading.is_at_end {
                    head.borrow_and_update();
                    self.read(reading).await?;
                    if !reading.is_at_end {
                        continue;
                    }
                }
            }
            self.warn_if_full(reading, is_full);
            if ends.is_some_and(|ends| Instant::now() >= ends) {
                if has_looked {
                    reading.is_idle = true;
                    return Ok(None);
                }
                must_look = true;
                continue;
            }
            let look = reading.looked_at.map_or_else(Instant::now, |at| at + self.mirror.look());
            let until = ends.map_or(look, |ends| ends.min(look));
            let head = pin!(head.changed());
            let acknowledged = pin!(self.acknowledged.notified());
            let readable = async {
                if is_full {
                    let _ = select(head, acknowledged).await;
                } else {
                    let _ = head.await;
                }
            };
            let woken = async { matches!(select(pin!(readable), pin!(shares.changed())).await, Either::Right(_)) };
            self.mirror.listen();
            // Ends before `until` if this handle of the mirror appends a change, the store tells of one, or one of its workers releases partitions; if `is_full`, also if an
            // acknowledgement is stored. At `until`, it is time to look for what other handles have written.
            must_look = tokio::time::timeout_at(until, woken).await.unwrap_or(false);
            reading.is_at_end = false;
        }
    }

    fn warn_if_full(&self, reading: &mut Reading, is_full: bool) {
        if is_full && !reading.has_warned {
            reading.has_warned = true;
            tracing::warn!(
                target: "headcount",
                "a worker waits until some of the {MAX_IN_FLIGHT} changes that it has returned are acknowledged"
            );
        }
    }

    /// Returns whether it is time to call [`look`](Shared::look).
    fn must_look(&self, reading: &Reading) -> bool {
        reading.looked_at.is_none_or(|at| at.elapsed() >= self.mirror.look())
            || self.state(|state| state.member.as_ref().is_none_or(|member| self.must_renew(member)))
    }

    /// Returns whether it is time to renew the lease.
    fn must_renew(&self, member: &Member) -> bool {
        is_renewal_due(self.mirror.now(), member.renewed_at, self.lease)
    }

    /// Extends the lease if [`must_renew`](Shared::must_renew) says so. Does nothing without a lease. An error whose context has `lease` says that the
    /// lease was lost.
    async fn renew(&self) -> Result<()> {
        let member = self.state(|state| {
            let member = state.member.as_ref().filter(|member| self.must_renew(member));
            member.map(|member| (member.id, member.lease.fence().clone()))
        });
        let Some((id, fence)) = member else { return Ok(()) };
        let now = self.mirror.now();
        write::extend(self.mirror.store(), Scope::Consumer(self.name.clone()), fence, now).await?;
        self.state(|state| {
            if let Some(member) = state.member.as_mut().filter(|member| member.id == id) {
                member.renewed_at = self.mirror.now();
            }
        });
        Ok(())
    }

    /// Renews the lease, or joins if the worker has none; then takes and releases partitions, and stores cursors if they are due. Repeats that as long as
    /// there are more partitions that can be released.
    async fn look(self: &Arc<Self>, reading: &mut Reading) -> Result<()> {
        loop {
            let renewed = self.renew().await;
            let page = self.mirror.store().feed(self.name.clone(), None, 0).await?;
            let prefix = self.lease_prefix();
            let leases = self.mirror.store().leases(prefix.clone(), self.mirror.now()).await?;
            let mut live: BTreeSet<WorkerId> = leases.iter().filter_map(|fence| worker_id(fence, &prefix)).collect();
            if let Some(row) = &page.consumer {
                let checked = check_count(row, self.partitions, |worker| live.contains(&worker));
                self.leave_if_refused(checked)?;
            }
            let own = match self.state(|state| state.keep_member(&live)) {
                // The lease is held. If the renewal failed, it was not because the lease was lost, and the error is returned.
                Some(own) => renewed.map(|()| own)?,
                None => self.join(&live).await?,
            };
            live.insert(own);
            let members = Members::new(own, live, page.consumer.as_ref());
            let turn = self.take_turn(reading, page.consumer, &page.marks, members).await;
            let Some((row, surplus)) = self.leave_if_refused(turn)? else { continue };
            let can_release = self.state(|state| {
                state.holdings.update(&row, own);
                state.holdings.choose_leaving(surplus);
                !state.holdings.releasable().is_empty()
            });
            (reading.row, reading.marks) = (row, page.marks);
            if !can_release {
                reading.looked_at = Some(Instant::now());
                return Ok(());
            }
        }
    }

    /// Returns the result unchanged. If it is the error that the consumer has another number of partitions, drops the lease and the partitions first:
    /// otherwise the other workers would leave a share of the partitions to this one.
    fn leave_if_refused<T>(&self, result: Result<T>) -> Result<T> {
        result.inspect_err(|error| {
            if error.kind() == ErrorKind::InvalidArgument {
                self.state(State::lose);
            }
        })
    }

    /// Takes the lease with the lowest free number, and starts the task that renews it.
    async fn join(self: &Arc<Self>, live: &BTreeSet<WorkerId>) -> Result<WorkerId> {
        let prefix = self.lease_prefix();
        let taken: BTreeSet<u32> = live.iter().map(|worker| worker.number).collect();
        for number in (0..u32::MAX).filter(|number| !taken.contains(number)) {
            let now = self.mirror.now();
            let Some(lease) = self.mirror.store().lease(format!("{prefix}{number}"), now, self.lease).await? else {
                continue;
            };
            let id = WorkerId { number, token: lease.fence().token };
            let member = Member { lease, id, renewed_at: self.mirror.now() };
            self.state(|state| match self.closed.is_cancelled() {
                // `leave` may have run before. Dropping the lease releases it.
                true => drop(member),
                false => state.member = Some(member),
            });
            let ends = [self.closed.clone(), self.mirror.closing()];
            tokio::spawn(keep_renewing(Arc::downgrade(self), id, self.lease / 4, ends));
            return Ok(id);
        }
        Err(Error::internal("no number is free for another worker of the consumer"))
    }

    /// The start of the names of the leases of the consumer's workers.
    fn lease_prefix(&self) -> String {
        format!("consumer/{}/", self.name)
    }

    /// Writes the consumer's row, if this worker changes it or its `seen_at` is an hour old. Returns the row, and how many partitions the worker still
    /// holds beyond its share. Returns `None` if the lease has to be renewed before.
    async fn take_turn(
        &self,
        reading: &mut Reading,
        stored: Option<ConsumerRow>,
        marks: &FeedMarks,
        members: Members,
    ) -> Result<Option<(ConsumerRow, usize)>> {
        let now = self.mirror.now();
        let (generation, cursors, releases) = self.state(|state| {
            let holdings = &state.holdings;
            (holdings.generation(), holdings.cursors(), holdings.releasable())
        });
        // If the clock was set back, the time that has passed is not known.
        let is_time = reading.stored_at.is_none_or(|at| now < at || at <= before(now, STORE));
        let is_due = is_time || moved(stored.as_ref(), &cursors) >= SKIPPED;
        let cursors = if is_due || !releases.is_empty() { cursors } else { BTreeMap::new() };
        let (name, partitions) = (self.name.clone(), self.partitions);
        let has_releases = !releases.is_empty();
        let turn = Turn { name, partitions, members, generation, cursors, releases };
        let durability = match &stored {
            Some(row) => {
                let (after, surplus) = turn.apply(Some(row.clone()), 0)?;
                if after == *row && row.seen_at > before(now, SEEN) {
                    return Ok(Some((after, surplus)));
                }
                Durability::Process
            }
            None => {
                check_kept(&self.name, 0, marks, &[])?;
                Durability::Power
            }
        };
        let (slot, taken) = Slot::new();
        // This process may have been stopped since the leases were listed. Others may then have taken over its partitions, so that it must not write a row
        // that names its worker.
        let renewed_at = self.state(|state| state.member.as_ref().map(|member| member.renewed_at));
        let (mirror, lease) = (self.mirror.clone(), self.lease);
        let is_stale = move || renewed_at.is_none_or(|at| is_renewal_due(mirror.now(), at, lease));
        let decide = Box::new(move |state: crate::store::ConsumerState| {
            if is_stale() {
                slot.put(None);
                return Ok(ConsumerUpdate::default());
            }
            let (row, surplus) = turn.apply(state.row, state.generation)?;
            let row = ConsumerRow { seen_at: now, ..row };
            slot.put(Some((row.clone(), surplus)));
            Ok(ConsumerUpdate { row: Some(row), park: None })
        });
        self.mirror.update_consumer(self.name.clone(), durability, None, decide).await?;
        reading.stored_at = Some(now);
        if has_releases {
            // Wakes the workers of this handle of the mirror, which may take the released partitions.
            self.mirror.wake_workers();
        }
        taken.take()
    }

    /// Reads the next page of the snapshot or of the feed. Sets [`Reading::is_at_end`] at the end of the feed, and if there is no partition to read for.
    async fn read(&self, reading: &mut Reading) -> Result<()> {
        let Some(position) = self.state(|state| state.holdings.position()) else {
            reading.is_at_end = true;
            return Ok(());
        };
        let store = self.mirror.store();
        if position < 0 {
            let row = ConsumerRow { cursor: position, ..reading.row.clone() };
            let Some(changes) = snapshot::page(store, &row, BATCH).await? else {
                let end = row.snapshot.unwrap_or_default().seq;
                self.state(|state| state.holdings.read_to(end));
                return Ok(());
            };
            // Read after the rows, because only then do these marks tell whether all of the rows are durable.
            let marks = store.feed(self.name.clone(), None, 0).await?.marks;
            if marks.durable < marks.latest {
                store.flush().await?;
            }
            self.add(reading, changes);
            return Ok(());
        }
        let changes = store.changes(position, BATCH).await?;
        check_kept(&self.name, position, &reading.marks, &changes)?;
        let Some(last) = changes.last().map(|change| change.seq) else {
            reading.is_at_end = true;
            return Ok(());
        };
        if last > reading.marks.durable {
            store.flush().await?;
            reading.marks.durable = last;
        }
        self.add(reading, changes);
        Ok(())
    }

    /// Adds to the buffer those of the changes that this worker has to return.
    fn add(&self, reading: &mut Reading, changes: Vec<Change>) {
        self.state(|state| {
            let last = changes.last().map(|change| change.seq);
            for change in changes {
                let partition = partition_of(&change, self.partitions);
                if state.holdings.add(partition, change.seq) {
                    reading.buffer.push_back((partition, change));
                }
            }
            last.into_iter().for_each(|last| state.holdings.read_to(last));
        });
    }

    /// Acknowledges a change, and parks it if `park` is given.
    async fn settle(&self, seq: i64, park: Option<Park>) -> Result<()> {
        // Read together, because the worker may join again at any time, and then has another id.
        let (acknowledged, generation, own) = self.state(|state| {
            let own = state.member.as_ref().map(|member| member.id);
            (state.holdings.acknowledge(seq), state.holdings.generation(), own)
        });
        match acknowledged {
            Acknowledged::Never => Err(Error::invalid_argument(format!(
                "this worker has not returned change {seq}: acknowledge a change that it returned"
            ))),
            Acknowledged::Lost { partition } => Err(lost(partition)),
            Acknowledged::Before => self.park_again(park, own).await,
            Acknowledged::Now { partition, cursors } => {
                self.store_ack(own, generation, BTreeMap::from([(partition, seq)]), cursors, park).await
            }
        }
    }

    /// Acknowledges all changes that were returned, in one write.
    async fn settle_all(&self) -> Result<()> {
        let (AcknowledgedAll { last, cursors }, generation, own, loss) = self.state(|state| {
            let own = state.member.as_ref().map(|member| member.id);
            let State { holdings, .. } = state;
            (holdings.acknowledge_all(), holdings.generation(), own, holdings.take_loss())
        });
        if !last.is_empty() {
            self.store_ack(own, generation, last, cursors, None).await?;
        }
        loss.map_or(Ok(()), |partition| Err(lost(partition)))
    }

    /// Stores cursors after an acknowledgement. `last` has the last number that is acknowledged, for each partition of the changes.
    async fn store_ack(
        &self,
        own: Option<WorkerId>,
        generation: i64,
        last: BTreeMap<u32, i64>,
        cursors: BTreeMap<u32, i64>,
        park: Option<Park>,
    ) -> Result<()> {
        let partitions: BTreeSet<u32> = last.keys().copied().collect();
        let own = self.renew_for(own, partitions.first().copied().unwrap_or_default()).await?;
        let ack = PartitionAck { own, generation, partitions, cursors };
        let now = self.mirror.now();
        let decide = Box::new(move |state: crate::store::ConsumerState| {
            let row = ack.apply(state.row, now)?;
            Ok(ConsumerUpdate { row, park: park.clone() })
        });
        self.mirror.update_consumer(self.name.clone(), Durability::Power, None, decide).await?;
        self.state(|state| {
            last.into_iter().for_each(|(partition, seq)| state.holdings.confirm(generation, partition, seq));
        });
        self.acknowledged.notify_one();
        Ok(())
    }

    /// Renews the lease before a write about a change of `partition`. Returns the worker's id, or the error of a lost lease.
    async fn renew_for(&self, own: Option<WorkerId>, partition: u32) -> Result<WorkerId> {
        let own = own.ok_or_else(|| lost(partition))?;
        match self.renew().await {
            Err(error) if self.drop_lost(own, &error) => Err(lost(partition)),
            renewed => renewed.map(|()| own),
        }
    }

    /// Parks a change whose acknowledgement has no effect ([`Acknowledged::Before`]), if this worker holds its partition.
    async fn park_again(&self, park: Option<Park>, own: Option<WorkerId>) -> Result<()> {
        let Some(park) = park else { return Ok(()) };
        let partition = partition_of(&park.change, self.partitions);
        let own = self.renew_for(own, partition).await?;
        let decide = Box::new(move |state: crate::store::ConsumerState| match state.row {
            Some(row) => {
                check_holder(&row, partition, own)?;
                Ok(ConsumerUpdate { row: None, park: Some(park.clone()) })
            }
            None => Err(Error::invalid_argument("the consumer was dropped, so nothing can be parked")),
        });
        self.mirror.update_consumer(self.name.clone(), Durability::Power, None, decide).await
    }

    /// Returns whether the error says that the lease `id` was lost. If so, drops it and the partitions, unless the worker has joined again with another
    /// lease meanwhile.
    fn drop_lost(&self, id: WorkerId, error: &Error) -> bool {
        let is_lost = says_lost(error);
        self.state(|state| {
            if is_lost && state.member.as_ref().is_some_and(|member| member.id == id) {
                state.lose();
            }
        });
        is_lost
    }

    /// Stores the cursors, and releases the partitions and the lease.
    async fn leave(&self) -> Result<()> {
        let (member, generation, cursors) = self.state(|state| {
            let (generation, cursors) = (state.holdings.generation(), state.holdings.cursors());
            state.holdings.lose_all();
            (state.member.take(), generation, cursors)
        });
        let Some(Member { lease, id, .. }) = member else { return Ok(()) };
        let decide = Box::new(move |state: crate::store::ConsumerState| {
            Ok(ConsumerUpdate { row: leave(state.row, id, generation, &cursors), park: None })
        });
        let left = self.mirror.update_consumer(self.name.clone(), Durability::Process, None, decide).await;
        drop(lease);
        // Listing the leases waits until this one is released. Until then, other workers leave a share of the partitions to this worker.
        let released = self.mirror.store().leases(self.lease_prefix(), self.mirror.now()).await;
        self.mirror.wake_workers();
        // Closing the mirror has released the lease, so the errors of its closed store do not matter.
        if self.mirror.is_closed() { Ok(()) } else { left.and(released.map(drop)) }
    }
}

impl State {
    /// Returns the id of the worker if its lease is among those that are listed. Otherwise drops its lease and partitions, and returns `None`.
    fn keep_member(&mut self, live: &BTreeSet<WorkerId>) -> Option<WorkerId> {
        let own = self.member.as_ref().map(|member| member.id).filter(|id| live.contains(id));
        if own.is_none() {
            self.lose();
        }
        own
    }

    /// Drops the lease and the partitions.
    fn lose(&mut self) {
        self.member = None;
        self.holdings.lose_all();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Ends the task that renews the lease. The lease is dropped with `state`, which releases it, so that other workers take over the partitions.
        self.closed.cancel();
    }
}

/// Renews the lease of a worker until that lease is lost, or the worker or the mirror is closed or dropped. `ends` has the tokens that closing cancels.
async fn keep_renewing(worker: Weak<Shared>, id: WorkerId, every: Duration, ends: [CancellationToken; 2]) {
    let [closed, mirror_closed] = ends;
    loop {
        let slept = closed.run_until_cancelled(mirror_closed.run_until_cancelled(tokio::time::sleep(every))).await;
        let Some(worker) = worker.upgrade() else { return };
        let Some(Some(())) = slept else {
            if mirror_closed.is_cancelled() {
                // Other workers need not wait until this one is dropped.
                worker.state(|state| {
                    if state.member.as_ref().is_some_and(|member| member.id == id) {
                        state.lose();
                    }
                });
            }
            return;
        };
        let is_member = worker.state(|state| state.member.as_ref().is_some_and(|member| member.id == id));
        if !is_member {
            return;
        }
        // If the store fails, the next attempt may succeed in time.
        if let Err(error) = worker.renew().await
            && worker.drop_lost(id, &error)
        {
            return;
        }
    }
}

/// Returns the worker that holds a lease, or `None` if the lease belongs to another consumer, whose name begins with this one's name and a slash.
fn worker_id(fence: &Fence, prefix: &str) -> Option<WorkerId> {
    let number = fence.name.strip_prefix(prefix)?.parse().ok()?;
    Some(WorkerId { number, token: fence.token })
}

/// Returns the greatest number by which one of `cursors` is ahead of the stored cursor of its partition, or 0 if none is stored.
fn moved(stored: Option<&ConsumerRow>, cursors: &BTreeMap<u32, i64>) -> i64 {
    let stored = |number: u32| stored.and_then(|row| row.partitions.get(number as usize)).map(|stored| stored.cursor);
    let moved = cursors.iter().filter_map(|(number, cursor)| Some(cursor - stored(*number)?));
    moved.max().unwrap_or(0)
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("consumer", &self.0.name).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for WorkerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerBuilder").field("consumer", &self.name).finish_non_exhaustive()
    }
}
