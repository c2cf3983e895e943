//! The change feed: acknowledging changes, and iterators that wait for the next one.

use super::consumer::ConsumerHandle;
use crate::call::{Asyncio, Blocking, Mode};
use crate::convert::Text;
use crate::errors::invalid_argument;
use crate::generated::Change;
use crate::iterator::{Buffered, Source, iterator};
use pyo3::prelude::*;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

/// Number of changes that an iterator reads at a time.
const BATCH: usize = 100;

impl Change {
    fn given(value: headcount::Change, consumer: ConsumerHandle) -> Change {
        let mut change = Change::from(value);
        change.consumer = Some(Arc::new(consumer));
        change
    }

    fn consumer(&self, py: Python<'_>) -> PyResult<ConsumerHandle> {
        let consumer = self.consumer.as_ref().and_then(|attached| attached.downcast_ref::<ConsumerHandle>());
        consumer.cloned().ok_or_else(|| {
            invalid_argument(py, "the change belongs to no consumer: acknowledge it with mirror.ack(consumer, seq)")
        })
    }

    fn acknowledge<'py, M: Mode>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let ConsumerHandle { state, name } = self.consumer(py)?;
        let (mirror, seq) = (state.current(py)?, self.value.seq);
        M::run(py, async move { mirror.ack(&name, seq).await }, |py, ()| Ok(py.None()))
    }

    fn park_change<'py, M: Mode>(&self, py: Python<'py>, reason: Text) -> PyResult<Bound<'py, PyAny>> {
        let ConsumerHandle { state, name } = self.consumer(py)?;
        let (mirror, seq) = (state.current(py)?, self.value.seq);
        M::run(py, async move { mirror.park(&name, seq, &reason).await }, |py, ()| Ok(py.None()))
    }
}

#[pymethods]
impl Change {
    /// Acknowledges this change and all earlier ones: the consumer does not get them again. Durable when this returns.
    ///
    /// Raises ``InvalidArgumentError`` if the change was not returned by ``poll``, ``wait`` or ``changes``, and ``StoreError`` if the
    /// acknowledgement cannot be stored.
    fn ack<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.acknowledge::<Blocking>(py)
    }

    /// Parks this change, with a ``reason``, and acknowledges it and all earlier ones. ``mirror.parked_changes`` lists it.
    ///
    /// Raises ``InvalidArgumentError`` for a change of a snapshot whose user or group no longer exists, and ``HistoryTrimmedError`` if the
    /// retention has removed the change: acknowledge it with ``ack()`` and record it elsewhere.
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
    /// Acknowledges this change and all earlier ones: the consumer does not get them again. Durable when it has been awaited.
    ///
    /// Raises ``InvalidArgumentError`` if the change was not returned by ``poll``, ``wait`` or ``changes``, and ``StoreError`` if the
    /// acknowledgement cannot be stored.
    fn ack<'py>(slf: PyRef<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        slf.as_super().acknowledge::<Asyncio>(py)
    }

    /// Parks this change, with a ``reason``, and acknowledges it and all earlier ones. ``mirror.parked_changes`` lists it.
    ///
    /// Raises ``InvalidArgumentError`` for a change of a snapshot whose user or group no longer exists, and ``HistoryTrimmedError`` if the
    /// retention has removed the change: acknowledge it with ``ack()`` and record it elsewhere.
    #[pyo3(signature = (reason))]
    fn park<'py>(slf: PyRef<'py, Self>, reason: Text) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        slf.as_super().park_change::<Asyncio>(py, reason)
    }
}

/// Makes the change objects of a mode.
pub(crate) trait Feed: Mode {
    fn change(py: Python<'_>, value: headcount::Change, consumer: ConsumerHandle) -> PyResult<Py<PyAny>>;

    fn changes(py: Python<'_>, values: Vec<headcount::Change>, consumer: &ConsumerHandle) -> PyResult<Vec<Py<PyAny>>> {
        values.into_iter().map(|value| Self::change(py, value, consumer.clone())).collect()
    }
}

impl Feed for Blocking {
    fn change(py: Python<'_>, value: headcount::Change, consumer: ConsumerHandle) -> PyResult<Py<PyAny>> {
        Ok(Py::new(py, Change::given(value, consumer))?.into_any())
    }
}

impl Feed for Asyncio {
    fn change(py: Python<'_>, value: headcount::Change, consumer: ConsumerHandle) -> PyResult<Py<PyAny>> {
        let class = PyClassInitializer::from(Change::given(value, consumer)).add_subclass(AsyncChange);
        Ok(Py::new(py, class)?.into_any())
    }
}

/// The unacknowledged changes of a consumer, for iterators that wait for the next one.
pub(crate) struct Changes<M> {
    consumer: ConsumerHandle,
    /// How long to wait for a change before the iteration ends, or `None` to wait without limit.
    timeout: Option<Duration>,
    mode: PhantomData<fn() -> M>,
}

impl<M: Feed> Source for Changes<M> {
    type Item = headcount::Change;
    /// Number of the last change that was read.
    type Position = Option<i64>;

    // A change that a cancelled task waited for goes to the next task, so that the consumer misses none.
    const KEEP_CANCELLED: bool = true;

    fn prepare(&self, py: Python<'_>) -> PyResult<()> {
        self.consumer.state.current(py).map(drop)
    }

    async fn read(&self, position: &mut Option<i64>) -> headcount::Result<Vec<headcount::Change>> {
        let mirror = self.consumer.state.opened()?.current()?;
        let changes = mirror.wait_after(&self.consumer.name, *position, BATCH, self.timeout).await?;
        *position = changes.last().map(|change| change.seq).or(*position);
        Ok(changes)
    }

    fn object(&self, py: Python<'_>, change: headcount::Change) -> PyResult<Py<PyAny>> {
        M::change(py, change, self.consumer.clone())
    }
}

/// An iterator over a consumer's changes, for the classes below.
pub(super) fn items<M: Feed>(consumer: ConsumerHandle, timeout: Option<Duration>) -> Arc<Buffered<Changes<M>>> {
    Buffered::new(Changes { consumer, timeout, mode: PhantomData }, None)
}

iterator! {
    /// Iterates over a consumer's unacknowledged changes and waits for the next one, without limit or until no change has come for the
    /// given timeout. Threads may share it: each change goes to one of them.
    sync ChangeIterator, Changes<Blocking>
}

iterator! {
    /// Iterates over a consumer's unacknowledged changes with ``async for`` and waits for the next one, without limit or until no change has
    /// come for the given timeout. Tasks may share it: each change goes to one of them; a change whose task was cancelled goes to the next.
    async AsyncChangeIterator, Changes<Asyncio>
}
