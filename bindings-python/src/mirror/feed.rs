//! Changes of the feed: acknowledging and parking them, and iterators that wait for the next one.

use super::state::State;
use crate::call::{Asyncio, Blocking, Mode};
use crate::convert::Text;
use crate::errors::{OrRaise, invalid_argument};
use crate::generated::Change;
use crate::iterator::{Buffered, Source, iterator};
use headcount::Error;
use headcount::internal::ProcessId;
use headcount::mirror::{Changes, Worker};
use pyo3::prelude::*;
use std::marker::PhantomData;
use std::sync::Arc;

/// Number of changes that an iterator reads at a time.
const BATCH: usize = 100;

/// A consumer of a mirror's feed.
#[derive(Clone)]
pub(super) struct ConsumerHandle {
    pub(super) state: Arc<State>,
    /// The consumer's name.
    pub(super) name: Arc<str>,
}

/// Which call returned a change; this determines how the change is acknowledged.
#[derive(Clone)]
pub(super) enum Origin {
    /// By `poll` or `wait`: acknowledgements are cumulative.
    Polled(ConsumerHandle),
    /// By an iterator of `changes`, or by a worker: it acknowledges the change.
    Iterated(Arc<State>, Iteration),
}

/// An iteration of the core over a consumer's changes.
#[derive(Clone)]
pub(super) enum Iteration {
    /// Started by `Mirror.changes`.
    Changes(Changes),
    /// Of a worker, started by `Mirror.consumer`.
    Worker(Worker),
}

impl Iteration {
    /// Returns the name of the mirror's method that started the iteration.
    fn call(&self) -> &'static str {
        match self {
            Iteration::Changes(_) => "changes",
            Iteration::Worker(_) => "consumer",
        }
    }

    fn is_closed(&self) -> bool {
        match self {
            Iteration::Changes(_) => false,
            Iteration::Worker(worker) => worker.is_closed(),
        }
    }

    /// Returns the next changes. A worker returns one at a time: it releases a partition for another worker only when
    /// the changes that it has returned are acknowledged.
    async fn next(&self) -> headcount::Result<Vec<headcount::Change>> {
        match self {
            Iteration::Changes(changes) => changes.next_page(BATCH).await,
            Iteration::Worker(worker) => Ok(worker.next().await?.into_iter().collect()),
        }
    }

    async fn ack(&self, seq: i64) -> headcount::Result<()> {
        match self {
            Iteration::Changes(changes) => changes.ack(seq).await,
            Iteration::Worker(worker) => worker.ack(seq).await,
        }
    }

    async fn park(&self, change: &headcount::Change, reason: &str) -> headcount::Result<()> {
        match self {
            Iteration::Changes(changes) => changes.park(change, reason).await,
            Iteration::Worker(worker) => worker.park(change, reason).await,
        }
    }
}

impl From<ConsumerHandle> for Origin {
    fn from(consumer: ConsumerHandle) -> Origin {
        Origin::Polled(consumer)
    }
}

impl Change {
    /// Makes a change that can be acknowledged and parked.
    fn with_origin(value: headcount::Change, origin: Origin) -> Change {
        let mut change = Change::from(value);
        change.consumer = Some(Arc::new(origin));
        change
    }

    fn origin(&self, py: Python<'_>) -> PyResult<Origin> {
        let origin = self.consumer.as_ref().and_then(|attached| attached.downcast_ref::<Origin>());
        origin.cloned().ok_or_else(|| {
            invalid_argument(py, "the change belongs to no consumer: acknowledge it with mirror.ack(consumer, seq)")
        })
    }

    fn acknowledge<'py, M: Mode>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let seq = self.value.seq;
        match self.origin(py)? {
            Origin::Polled(ConsumerHandle { state, name }) => {
                let mirror = state.current(py)?;
                M::run(py, async move { mirror.ack(&name, seq).await }, |py, ()| Ok(py.None()))
            }
            Origin::Iterated(state, iteration) => {
                state.opened().or_raise(py)?;
                M::run(py, async move { iteration.ack(seq).await }, |py, ()| Ok(py.None()))
            }
        }
    }

    fn park_change<'py, M: Mode>(&self, py: Python<'py>, reason: Text) -> PyResult<Bound<'py, PyAny>> {
        match self.origin(py)? {
            Origin::Polled(ConsumerHandle { state, name }) => {
                let (mirror, seq) = (state.current(py)?, self.value.seq);
                M::run(py, async move { mirror.park(&name, seq, &reason).await }, |py, ()| Ok(py.None()))
            }
            Origin::Iterated(state, iteration) => {
                state.opened().or_raise(py)?;
                let change = self.value.clone();
                M::run(py, async move { iteration.park(&change, &reason).await }, |py, ()| Ok(py.None()))
            }
        }
    }
}

#[pymethods]
impl Change {
    /// Acknowledges this change: the consumer does not get it again.
    ///
    /// Acknowledging a change from ``changes`` does not acknowledge earlier ones. The acknowledgement is durable once
    /// all changes that the iterator returned earlier are acknowledged as well: if they are already, it is durable when
    /// this returns. Acknowledging a change from ``poll`` or ``wait`` acknowledges all earlier changes as well.
    /// Acknowledging a change from a worker (``mirror.consumer``) acknowledges the earlier ones that the worker
    /// returned from the same partition. Several threads may call ``ack`` at once.
    ///
    /// Raises ``InvalidArgumentError`` if the change was not returned by one of these, if the consumer was dropped, if the mirror is closed, and in a forked child
    /// for a change from an iterator or a worker of its parent; ``StoreError`` if the acknowledgement cannot be stored: call it again, unless the message
    /// says that the lease was lost: in that case the iterator or worker that now holds the consumer or the partition returns the change again.
    fn ack<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.acknowledge::<Blocking>(py)
    }

    /// Parks this change, with a ``reason``, and acknowledges it as ``ack`` does. ``mirror.parked_changes`` lists it. A change of a snapshot can be
    /// parked as well.
    ///
    /// Raises what ``ack`` raises; and for a change from ``poll`` or ``wait`` also ``HistoryTrimmedError`` if the retention has removed it, and
    /// ``InvalidArgumentError`` if it is of an earlier snapshot, or of a snapshot and its user or group no longer exists.
    #[pyo3(signature = (reason))]
    fn park<'py>(&self, py: Python<'py>, reason: Text) -> PyResult<Bound<'py, PyAny>> {
        self.park_change::<Blocking>(py, reason)
    }
}

/// A change of an ``AsyncMirror``: ``ack()`` and ``park()`` are coroutines.
#[pyclass(frozen, extends = Change, module = "headcount")]
pub(crate) struct AsyncChange;

#[pymethods]
impl AsyncChange {
    /// Acknowledges this change: the consumer does not get it again.
    ///
    /// Acknowledging a change from ``changes`` does not acknowledge earlier ones. The acknowledgement is durable once
    /// all changes that the iterator returned earlier are acknowledged as well: if they are already, it is durable
    /// after the await. Acknowledging a change from ``poll`` or ``wait`` acknowledges all earlier changes as well.
    /// Acknowledging a change from a worker (``mirror.consumer``) acknowledges the earlier ones that the worker
    /// returned from the same partition. Several tasks may call ``ack`` at once.
    ///
    /// Raises ``InvalidArgumentError`` if the change was not returned by one of these, if the consumer was dropped, if the mirror is closed, and in a forked child
    /// for a change from an iterator or a worker of its parent; ``StoreError`` if the acknowledgement cannot be stored: call it again, unless the message
    /// says that the lease was lost: in that case the iterator or worker that now holds the consumer or the partition returns the change again.
    fn ack<'py>(slf: PyRef<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        slf.as_super().acknowledge::<Asyncio>(py)
    }

    /// Parks this change, with a ``reason``, and acknowledges it as ``ack`` does. ``mirror.parked_changes`` lists it. A change of a snapshot can be
    /// parked as well.
    ///
    /// Raises what ``ack`` raises; and for a change from ``poll`` or ``wait`` also ``HistoryTrimmedError`` if the retention has removed it, and
    /// ``InvalidArgumentError`` if it is of an earlier snapshot, or of a snapshot and its user or group no longer exists.
    #[pyo3(signature = (reason))]
    fn park<'py>(slf: PyRef<'py, Self>, reason: Text) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        slf.as_super().park_change::<Asyncio>(py, reason)
    }
}

/// Makes the change objects of a mode.
pub(super) trait Feed: Mode {
    /// Makes the object of one change.
    fn change(py: Python<'_>, value: headcount::Change, origin: Origin) -> PyResult<Py<PyAny>>;

    /// Makes the objects of changes of the same origin.
    fn changes(py: Python<'_>, values: Vec<headcount::Change>, origin: &Origin) -> PyResult<Vec<Py<PyAny>>> {
        values.into_iter().map(|value| Self::change(py, value, origin.clone())).collect()
    }
}

impl Feed for Blocking {
    fn change(py: Python<'_>, value: headcount::Change, origin: Origin) -> PyResult<Py<PyAny>> {
        Ok(Py::new(py, Change::with_origin(value, origin))?.into_any())
    }
}

impl Feed for Asyncio {
    fn change(py: Python<'_>, value: headcount::Change, origin: Origin) -> PyResult<Py<PyAny>> {
        let class = PyClassInitializer::from(Change::with_origin(value, origin)).add_subclass(AsyncChange);
        Ok(Py::new(py, class)?.into_any())
    }
}

/// The unacknowledged changes of a consumer, or of a worker's partitions, for iterators that wait for the next one.
pub(crate) struct Unacknowledged<M> {
    state: Arc<State>,
    iteration: Iteration,
    /// The process that began the iteration. A forked child cannot continue it.
    process: ProcessId,
    mode: PhantomData<fn() -> M>,
}

impl<M> Drop for Unacknowledged<M> {
    /// Releases the consumer of `changes`, so that a loop that was left by `break` or an exception does not keep it,
    /// even if the program still has one of its changes. A worker keeps its partitions until it is closed, because
    /// changes can be acknowledged only as long as it has their partitions.
    fn drop(&mut self) {
        if let Iteration::Changes(changes) = &self.iteration {
            changes.close();
        }
    }
}

impl<M: Feed> Source for Unacknowledged<M> {
    type Item = headcount::Change;
    type Position = ();

    // A change that a cancelled task waited for is returned to the next task, so that none is left out.
    const KEEP_CANCELLED: bool = true;

    fn has_ended(&self) -> bool {
        self.state.is_closed() || self.iteration.is_closed()
    }

    fn check(&self) -> headcount::Result<()> {
        if self.process.is_current() {
            return Ok(());
        }
        let call = self.iteration.call();
        Err(Error::invalid_argument(format!("the iteration began before a fork: call mirror.{call}() in this process")))
    }

    async fn read(&self, (): &mut ()) -> headcount::Result<Vec<headcount::Change>> {
        self.iteration.next().await
    }

    fn object(&self, py: Python<'_>, change: headcount::Change) -> PyResult<Py<PyAny>> {
        M::change(py, change, Origin::Iterated(Arc::clone(&self.state), self.iteration.clone()))
    }
}

/// Returns an iterator over a consumer's changes, for the classes below and in `worker`.
pub(super) fn items<M: Feed>(state: &Arc<State>, iteration: Iteration) -> Arc<Buffered<Unacknowledged<M>>> {
    let (state, process) = (Arc::clone(state), ProcessId::current());
    Buffered::new(Unacknowledged { state, iteration, process, mode: PhantomData }, ())
}

iterator! {
    /// Iterates over a consumer's unacknowledged changes and waits for the next one: without limit, until no change has come for the given
    /// timeout, or until the mirror is closed. Threads may share it: each change goes to one of them, which acknowledges only that change.
    sync ChangeIterator, Unacknowledged<Blocking>
}

iterator! {
    /// Iterates over a consumer's unacknowledged changes with ``async for`` and waits for the next one: without limit, until no change has come
    /// for the given timeout, or until the mirror is closed. Tasks may share it: each change goes to one of them, which acknowledges only
    /// that change. If that task is cancelled before it has the change, the change goes to another task.
    async AsyncChangeIterator, Unacknowledged<Asyncio>
}
