//! Changes of the feed: acknowledging and parking them, and iterators that wait for the next one.

use super::state::State;
use crate::call::{Asyncio, Blocking, Mode};
use crate::convert::Text;
use crate::errors::{OrRaise, invalid_argument};
use crate::generated::Change;
use crate::iterator::{Buffered, Source, iterator};
use headcount::Error;
use headcount::internal::ProcessId;
use headcount::mirror::Changes;
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

/// Where a change was read, which determines how it is acknowledged.
#[derive(Clone)]
pub(super) enum Origin {
    /// By `poll` or `wait`: acknowledgements are cumulative.
    Polled(ConsumerHandle),
    /// By an iterator: each change is acknowledged without those before it.
    Iterated(Arc<State>, Changes),
}

impl From<ConsumerHandle> for Origin {
    fn from(consumer: ConsumerHandle) -> Origin {
        Origin::Polled(consumer)
    }
}

impl Change {
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
            Origin::Iterated(state, changes) => {
                state.opened().or_raise(py)?;
                M::run(py, async move { changes.ack(seq).await }, |py, ()| Ok(py.None()))
            }
        }
    }

    fn park_change<'py, M: Mode>(&self, py: Python<'py>, reason: Text) -> PyResult<Bound<'py, PyAny>> {
        match self.origin(py)? {
            Origin::Polled(ConsumerHandle { state, name }) => {
                let (mirror, seq) = (state.current(py)?, self.value.seq);
                M::run(py, async move { mirror.park(&name, seq, &reason).await }, |py, ()| Ok(py.None()))
            }
            Origin::Iterated(state, changes) => {
                state.opened().or_raise(py)?;
                let change = self.value.clone();
                M::run(py, async move { changes.park(&change, &reason).await }, |py, ()| Ok(py.None()))
            }
        }
    }
}

#[pymethods]
impl Change {
    /// Acknowledges this change: the consumer does not get it again.
    ///
    /// Acknowledging a change from ``changes`` does not acknowledge earlier ones. The acknowledgement is durable once all changes that the iterator
    /// returned earlier are acknowledged as well: if they are already, it is durable when this returns. Acknowledging a change from ``poll`` or ``wait``
    /// acknowledges all earlier changes as well. Several threads may call it at once.
    ///
    /// Raises ``InvalidArgumentError`` if the change was not returned by ``poll``, ``wait`` or ``changes``, if the mirror is closed, and in a
    /// forked child for a change from its parent's ``changes``; ``StoreError`` if the acknowledgement cannot be stored: call it again.
    fn ack<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.acknowledge::<Blocking>(py)
    }

    /// Parks this change, with a ``reason``, and acknowledges it as ``ack`` does. ``mirror.parked_changes`` lists it. A change of a snapshot can be
    /// parked as well.
    ///
    /// Raises what ``ack`` raises; and for a change from ``poll`` or ``wait`` also ``HistoryTrimmedError`` if the retention has removed it, and
    /// ``InvalidArgumentError`` if it is of a snapshot and its user or group no longer exists.
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
    /// Acknowledging a change from ``changes`` does not acknowledge earlier ones. The acknowledgement is durable once all changes that the iterator
    /// returned earlier are acknowledged as well: if they are already, it is durable after the await. Acknowledging a change from ``poll`` or ``wait``
    /// acknowledges all earlier changes as well. Several tasks may call it at once.
    ///
    /// Raises ``InvalidArgumentError`` if the change was not returned by ``poll``, ``wait`` or ``changes``, if the mirror is closed, and in a
    /// forked child for a change from its parent's ``changes``; ``StoreError`` if the acknowledgement cannot be stored: call it again.
    fn ack<'py>(slf: PyRef<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        slf.as_super().acknowledge::<Asyncio>(py)
    }

    /// Parks this change, with a ``reason``, and acknowledges it as ``ack`` does. ``mirror.parked_changes`` lists it. A change of a snapshot can be
    /// parked as well.
    ///
    /// Raises what ``ack`` raises; and for a change from ``poll`` or ``wait`` also ``HistoryTrimmedError`` if the retention has removed it, and
    /// ``InvalidArgumentError`` if it is of a snapshot and its user or group no longer exists.
    #[pyo3(signature = (reason))]
    fn park<'py>(slf: PyRef<'py, Self>, reason: Text) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        slf.as_super().park_change::<Asyncio>(py, reason)
    }
}

/// Makes the change objects of a mode.
pub(super) trait Feed: Mode {
    fn change(py: Python<'_>, value: headcount::Change, origin: Origin) -> PyResult<Py<PyAny>>;

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

/// The unacknowledged changes of a consumer, for iterators that wait for the next one.
pub(crate) struct Unacknowledged<M> {
    state: Arc<State>,
    changes: Changes,
    /// The process that began the iteration. A forked child cannot continue it.
    process: ProcessId,
    mode: PhantomData<fn() -> M>,
}

impl<M: Feed> Source for Unacknowledged<M> {
    type Item = headcount::Change;
    type Position = ();

    // A change that a cancelled task waited for goes to the next task, so that the consumer misses none.
    const KEEP_CANCELLED: bool = true;

    fn has_ended(&self) -> bool {
        self.state.is_closed()
    }

    fn check(&self) -> headcount::Result<()> {
        if self.process.is_current() {
            return Ok(());
        }
        Err(Error::invalid_argument("the iteration began before a fork: call mirror.changes() in this process"))
    }

    async fn read(&self, (): &mut ()) -> headcount::Result<Vec<headcount::Change>> {
        self.changes.next_page(BATCH).await
    }

    fn object(&self, py: Python<'_>, change: headcount::Change) -> PyResult<Py<PyAny>> {
        M::change(py, change, Origin::Iterated(Arc::clone(&self.state), self.changes.clone()))
    }
}

/// An iterator over a consumer's changes, for the classes below.
pub(super) fn items<M: Feed>(state: &Arc<State>, changes: Changes) -> Arc<Buffered<Unacknowledged<M>>> {
    let (state, process) = (Arc::clone(state), ProcessId::current());
    Buffered::new(Unacknowledged { state, changes, process, mode: PhantomData }, ())
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
