//! The change feed: changes that can be acknowledged, and iterators that wait for the next one.

use super::records::{MirrorGroup, MirrorUser, dict, pickled, record};
use super::state::State;
use crate::call::{Asyncio, Blocking, Mode};
use crate::convert::{Text, datetime};
use crate::errors::invalid_argument;
use crate::iterator::{Buffered, Source, iterator};
use crate::json::to_dict;
use headcount::Mirrored;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDateTime, PyDict};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

/// How many changes an iterator reads at a time.
const BATCH: usize = 100;

/// One change of the feed. Those of ``poll``, ``wait`` and ``changes`` know their consumer, and ``ack()`` tells it.
#[pyclass(frozen, subclass, module = "headcount")]
pub(crate) struct Change {
    value: headcount::Change,
    /// Who acknowledges it; nobody where it was read otherwise.
    consumer: Option<ConsumerHandle>,
    user: PyOnceLock<Py<MirrorUser>>,
    group: PyOnceLock<Py<MirrorGroup>>,
    before: PyOnceLock<Option<Py<PyAny>>>,
    after: PyOnceLock<Option<Py<PyAny>>>,
}

/// A consumer of a mirror's feed.
#[derive(Clone)]
pub(crate) struct ConsumerHandle {
    pub(super) state: Arc<State>,
    pub(super) name: Arc<str>,
}

impl From<headcount::Change> for Change {
    fn from(value: headcount::Change) -> Change {
        Change::new(value, None)
    }
}

impl Change {
    fn new(value: headcount::Change, consumer: Option<ConsumerHandle>) -> Change {
        Change {
            value,
            consumer,
            user: PyOnceLock::new(),
            group: PyOnceLock::new(),
            before: PyOnceLock::new(),
            after: PyOnceLock::new(),
        }
    }

    fn consumer(&self, py: Python<'_>) -> PyResult<&ConsumerHandle> {
        self.consumer.as_ref().ok_or_else(|| {
            invalid_argument(py, "the change was given to no consumer: acknowledge it with mirror.ack(consumer, seq)")
        })
    }

    fn acknowledge<'py, M: Mode>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let ConsumerHandle { state, name } = self.consumer(py)?.clone();
        let (mirror, seq) = (state.current(py)?, self.value.seq);
        M::run(py, async move { mirror.ack(&name, seq).await }, |py, ()| Ok(py.None()))
    }

    fn park_change<'py, M: Mode>(&self, py: Python<'py>, reason: Text) -> PyResult<Bound<'py, PyAny>> {
        let ConsumerHandle { state, name } = self.consumer(py)?.clone();
        let (mirror, seq) = (state.current(py)?, self.value.seq);
        M::run(py, async move { mirror.park(&name, seq, &reason).await }, |py, ()| Ok(py.None()))
    }
}

/// A user or a group as an object, made when it is first read.
fn mirrored<'py>(
    py: Python<'py>,
    value: Option<&Mirrored>,
    kept: &PyOnceLock<Option<Py<PyAny>>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let made = kept.get_or_try_init(py, || {
        Ok::<_, PyErr>(match value {
            None => None,
            Some(Mirrored::User(user)) => Some(Py::new(py, MirrorUser::from(user.as_ref().clone()))?.into_any()),
            Some(Mirrored::Group(group)) => Some(Py::new(py, MirrorGroup::from(group.clone()))?.into_any()),
        })
    })?;
    Ok(made.as_ref().map(|made| made.bind(py).clone()))
}

fn mirrored_dict<'py>(py: Python<'py>, value: Option<&Mirrored>) -> PyResult<Option<Bound<'py, PyAny>>> {
    value
        .map(|value| match value {
            Mirrored::User(user) => to_dict(py, user.as_ref()),
            Mirrored::Group(group) => to_dict(py, group),
        })
        .transpose()
}

fn change_dict<'py>(py: Python<'py>, value: &headcount::Change) -> PyResult<Bound<'py, PyDict>> {
    Ok(dict!(py, {
        "seq": value.seq,
        "kind": value.kind.name(),
        "organization_id": &value.organization_id,
        "directory_id": &value.directory_id,
        "user": value.user.as_ref().map(|user| to_dict(py, user)).transpose()?,
        "group": value.group.as_ref().map(|group| to_dict(py, group)).transpose()?,
        "before": mirrored_dict(py, value.before.as_ref())?,
        "after": mirrored_dict(py, value.after.as_ref())?,
        "fields": &value.fields,
        "cause": &value.cause,
        "at": value.at.to_string(),
    }))
}

#[pymethods]
impl Change {
    /// Its number: greater than those of all changes before it. A snapshot's are negative.
    #[getter]
    fn seq(&self) -> i64 {
        self.value.seq
    }

    /// What kind of change: ``user.created``, ``membership.removed``, ...
    #[getter]
    fn kind(&self) -> &'static str {
        self.value.kind.name()
    }

    /// The organization it happened to.
    #[getter]
    fn organization_id(&self) -> &str {
        &self.value.organization_id
    }

    /// The directory it happened in.
    #[getter]
    fn directory_id(&self) -> &str {
        &self.value.directory_id
    }

    /// The user it is about, as they are after it, or as they were where they left. Memberships and roles leave ``detail`` and
    /// ``attributes`` out.
    #[getter]
    fn user<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, MirrorUser>>> {
        let Some(user) = &self.value.user else { return Ok(None) };
        let made = self.user.get_or_try_init(py, || Py::new(py, MirrorUser::from(user.clone())))?;
        Ok(Some(made.bind(py).clone()))
    }

    /// The group it is about.
    #[getter]
    fn group<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, MirrorGroup>>> {
        let Some(group) = &self.value.group else { return Ok(None) };
        let made = self.group.get_or_try_init(py, || Py::new(py, MirrorGroup::from(group.clone())))?;
        Ok(Some(made.bind(py).clone()))
    }

    /// The user or group as it was, where it was there. None for memberships.
    #[getter]
    fn before<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        mirrored(py, self.value.before.as_ref(), &self.before)
    }

    /// The user or group as it is, where it is there. None for memberships.
    #[getter]
    fn after<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        mirrored(py, self.value.after.as_ref(), &self.after)
    }

    /// The names of the fields that changed.
    #[getter]
    fn fields(&self) -> Vec<&str> {
        self.value.fields.iter().map(String::as_str).collect()
    }

    /// What brought it about: ``sync:`` and the run's id, ``event:`` and the event's, ``roles`` for the role map, ``snapshot``.
    #[getter]
    fn cause(&self) -> &str {
        &self.value.cause
    }

    /// When it was committed, by this machine's clock.
    #[getter]
    fn at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.value.at)
    }

    /// Acknowledges it with all before it: its consumer does not get them again. Durable when this returns.
    fn ack<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.acknowledge::<Blocking>(py)
    }

    /// Puts it aside, with what there is to say about it, and acknowledges it with all before it.
    #[pyo3(signature = (reason))]
    fn park<'py>(&self, py: Python<'py>, reason: Text) -> PyResult<Bound<'py, PyAny>> {
        self.park_change::<Blocking>(py, reason)
    }

    /// The fields as plain values: times are RFC 3339 text.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        change_dict(py, &self.value)
    }

    fn __eq__(&self, other: PyRef<'_, Change>) -> bool {
        self.value == other.value
    }

    fn __hash__(&self) -> u64 {
        crate::models::hash(&(self.value.seq, &self.value.cause))
    }

    /// With ids alone: names and addresses are left out.
    fn __repr__(&self) -> String {
        let value = &self.value;
        let mut parts = format!("seq={}, kind={:?}, cause={:?}", value.seq, value.kind.name(), value.cause);
        if let Some(user) = &value.user {
            parts.push_str(&format!(", user_id={:?}", user.id));
        }
        if let Some(group) = &value.group {
            parts.push_str(&format!(", group_id={:?}", group.id));
        }
        format!("Change({parts})")
    }
}

pickled!(Change);

/// A change that an ``AsyncMirror`` gave: ``ack()`` and ``park()`` are awaited.
#[pyclass(frozen, extends = Change, module = "headcount")]
pub(crate) struct AsyncChange;

#[pymethods]
impl AsyncChange {
    /// Acknowledges it with all before it: its consumer does not get them again. Durable when it has been awaited.
    fn ack<'py>(slf: PyRef<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        slf.as_super().acknowledge::<Asyncio>(py)
    }

    /// Puts it aside, with what there is to say about it, and acknowledges it with all before it.
    #[pyo3(signature = (reason))]
    fn park<'py>(slf: PyRef<'py, Self>, reason: Text) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        slf.as_super().park_change::<Asyncio>(py, reason)
    }
}

/// How changes are given to who waits for them so.
pub(crate) trait Feed: Mode {
    fn change(py: Python<'_>, value: headcount::Change, consumer: ConsumerHandle) -> PyResult<Py<PyAny>>;

    fn changes(py: Python<'_>, values: Vec<headcount::Change>, consumer: &ConsumerHandle) -> PyResult<Vec<Py<PyAny>>> {
        values.into_iter().map(|value| Self::change(py, value, consumer.clone())).collect()
    }
}

impl Feed for Blocking {
    fn change(py: Python<'_>, value: headcount::Change, consumer: ConsumerHandle) -> PyResult<Py<PyAny>> {
        Ok(Py::new(py, Change::new(value, Some(consumer)))?.into_any())
    }
}

impl Feed for Asyncio {
    fn change(py: Python<'_>, value: headcount::Change, consumer: ConsumerHandle) -> PyResult<Py<PyAny>> {
        let class = PyClassInitializer::from(Change::new(value, Some(consumer))).add_subclass(AsyncChange);
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

    // A consumer must not miss a change, whatever its tasks do.
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

record! {
    /// A change that a consumer's handler could not handle, put aside so that the rest goes on.
    ParkedChange { key: [reason, at], shown: [change, at], cached: [] }

    /// The change.
    #[getter]
    fn change(&self) -> Change {
        self.value.change.clone().into()
    }

    /// What the application said about it.
    #[getter]
    fn reason(&self) -> &str {
        &self.value.reason
    }

    /// When it was put aside.
    #[getter]
    fn at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.value.at)
    }

    /// The fields as plain values: times are RFC 3339 text.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        Ok(dict!(py, {
            "change": change_dict(py, &self.value.change)?,
            "reason": &self.value.reason,
            "at": self.value.at.to_string(),
        }))
    }
}

record! {
    /// How far a consumer is.
    Consumer { key: [name, cursor, lag, parked], shown: [name, cursor, lag, parked, seen_at], cached: [] }

    /// Its name.
    #[getter]
    fn name(&self) -> &str {
        &self.value.name
    }

    /// The last change it has acknowledged; negative inside a snapshot.
    #[getter]
    fn cursor(&self) -> i64 {
        self.value.cursor
    }

    /// Number of changes that it has not acknowledged. The rows of a snapshot are not counted.
    #[getter]
    fn lag(&self) -> u64 {
        self.value.lag
    }

    /// How many changes it has put aside.
    #[getter]
    fn parked(&self) -> u64 {
        self.value.parked
    }

    /// When it last acknowledged something.
    #[getter]
    fn seen_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.value.seen_at)
    }

    /// The fields as plain values: times are RFC 3339 text.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        Ok(dict!(py, {
            "name": &self.value.name,
            "cursor": self.value.cursor,
            "lag": self.value.lag,
            "parked": self.value.parked,
            "seen_at": self.value.seen_at.to_string(),
        }))
    }
}
