//! The change feed: changes that can be acknowledged, and iterators that wait for the next one.

use super::records::{MirrorGroup, MirrorUser, dict, pickled, record};
use super::state::State;
use crate::border::{Awaiting, Following, Mode, Waiting, following, stop_async_iteration, wait};
use crate::convert::{Text, datetime, to_dict};
use crate::errors::invalid_argument;
use headcount::Mirrored;
use pyo3::prelude::*;
use pyo3::sync::{MutexExt, PyOnceLock};
use pyo3::types::{PyDateTime, PyDict};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How many changes an iterator reads at a time.
const BATCH: usize = 100;

/// What an iterator has read and not given yet, and how far that goes.
#[derive(Default)]
struct Read {
    changes: VecDeque<headcount::Change>,
    last: Option<i64>,
}

impl Read {
    fn fill(&mut self, changes: Vec<headcount::Change>) {
        self.last = changes.last().map(|change| change.seq).or(self.last);
        self.changes = changes.into();
    }
}

/// One change of the feed. Those of ``poll``, ``wait`` and ``changes`` know their consumer, and ``ack()`` tells it.
#[pyclass(frozen, subclass, module = "headcount")]
pub(crate) struct Change {
    value: headcount::Change,
    /// Who acknowledges it; nobody where it was read otherwise.
    consumer: Option<Reader>,
    user: PyOnceLock<Py<MirrorUser>>,
    group: PyOnceLock<Py<MirrorGroup>>,
    before: PyOnceLock<Option<Py<PyAny>>>,
    after: PyOnceLock<Option<Py<PyAny>>>,
}

/// A consumer of a mirror's feed.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) state: Arc<State>,
    pub(super) name: Arc<str>,
}

impl From<headcount::Change> for Change {
    fn from(value: headcount::Change) -> Change {
        Change::new(value, None)
    }
}

impl Change {
    fn new(value: headcount::Change, consumer: Option<Reader>) -> Change {
        Change {
            value,
            consumer,
            user: PyOnceLock::new(),
            group: PyOnceLock::new(),
            before: PyOnceLock::new(),
            after: PyOnceLock::new(),
        }
    }

    fn consumer(&self, py: Python<'_>) -> PyResult<&Reader> {
        self.consumer.as_ref().ok_or_else(|| {
            invalid_argument(py, "the change was given to no consumer: acknowledge it with mirror.ack(consumer, seq)")
        })
    }

    fn acknowledge<'py, M: Mode>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Reader { state, name } = self.consumer(py)?.clone();
        let (mirror, seq) = (state.current(py)?, self.value.seq);
        M::run(py, async move { mirror.ack(&name, seq).await }, |py, ()| Ok(py.None()))
    }

    fn put_aside<'py, M: Mode>(&self, py: Python<'py>, reason: Text) -> PyResult<Bound<'py, PyAny>> {
        let Reader { state, name } = self.consumer(py)?.clone();
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
        self.acknowledge::<Waiting>(py)
    }

    /// Puts it aside, with what there is to say about it, and acknowledges it with all before it.
    #[pyo3(signature = (reason))]
    fn park<'py>(&self, py: Python<'py>, reason: Text) -> PyResult<Bound<'py, PyAny>> {
        self.put_aside::<Waiting>(py, reason)
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
        slf.as_super().acknowledge::<Awaiting>(py)
    }

    /// Puts it aside, with what there is to say about it, and acknowledges it with all before it.
    #[pyo3(signature = (reason))]
    fn park<'py>(slf: PyRef<'py, Self>, reason: Text) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        slf.as_super().put_aside::<Awaiting>(py, reason)
    }
}

/// How changes are given to who waits for them so.
pub(super) trait Feed: Mode {
    fn change(py: Python<'_>, value: headcount::Change, consumer: Reader) -> PyResult<Py<PyAny>>;

    fn changes(py: Python<'_>, values: Vec<headcount::Change>, consumer: &Reader) -> PyResult<Vec<Py<PyAny>>> {
        values.into_iter().map(|value| Self::change(py, value, consumer.clone())).collect()
    }
}

impl Feed for Waiting {
    fn change(py: Python<'_>, value: headcount::Change, consumer: Reader) -> PyResult<Py<PyAny>> {
        Ok(Py::new(py, Change::new(value, Some(consumer)))?.into_any())
    }
}

impl Feed for Awaiting {
    fn change(py: Python<'_>, value: headcount::Change, consumer: Reader) -> PyResult<Py<PyAny>> {
        let class = PyClassInitializer::from(Change::new(value, Some(consumer))).add_subclass(AsyncChange);
        Ok(Py::new(py, class)?.into_any())
    }
}

/// Waits for the next change of a consumer, for ever or until none has come for the time given. Threads may share it: each change goes to one of
/// them.
#[pyclass(frozen, module = "headcount")]
pub(crate) struct ChangeIterator {
    reader: Reader,
    timeout: Option<Duration>,
    read: Mutex<Read>,
}

impl ChangeIterator {
    pub(super) fn make(reader: Reader, timeout: Option<Duration>) -> ChangeIterator {
        ChangeIterator { reader, timeout, read: Mutex::default() }
    }
}

#[pymethods]
impl ChangeIterator {
    fn __iter__(slf: Py<ChangeIterator>) -> Py<ChangeIterator> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let mut read = self.read.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        if read.changes.is_empty() {
            let mirror = self.reader.state.current(py)?;
            let changes = wait(py, mirror.wait_after(&self.reader.name, read.last, BATCH, self.timeout))?;
            read.fill(changes);
        }
        read.changes.pop_front().map(|change| Waiting::change(py, change, self.reader.clone())).transpose()
    }
}

/// Waits for the next change of a consumer with ``async for``, for ever or until none has come for the time given. Tasks may share it: each
/// change goes to one of them, and one whose task was cancelled meanwhile to the next.
#[pyclass(frozen, module = "headcount")]
pub(crate) struct AsyncChangeIterator(Arc<AsyncChanges>);

struct AsyncChanges {
    reader: Reader,
    timeout: Option<Duration>,
    read: Mutex<Read>,
    /// Held across the wait for changes, by whichever task asked first.
    turn: tokio::sync::Mutex<()>,
}

impl AsyncChangeIterator {
    pub(super) fn make(reader: Reader, timeout: Option<Duration>) -> AsyncChangeIterator {
        let turn = tokio::sync::Mutex::new(());
        AsyncChangeIterator(Arc::new(AsyncChanges { reader, timeout, read: Mutex::default(), turn }))
    }
}

impl AsyncChanges {
    fn read(&self) -> std::sync::MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a next change.
    async fn fetch(self: Arc<Self>, mirror: headcount::Mirror) -> headcount::Result<bool> {
        let _turn = self.turn.lock().await;
        let last = {
            let read = self.read();
            if !read.changes.is_empty() {
                return Ok(true);
            }
            read.last
        };
        let changes = mirror.wait_after(&self.reader.name, last, BATCH, self.timeout).await?;
        let more = !changes.is_empty();
        self.read().fill(changes);
        Ok(more)
    }
}

impl Following for AsyncChanges {
    fn take(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let change = self.read().changes.pop_front();
        change.map(|change| Awaiting::change(py, change, self.reader.clone())).transpose()
    }

    fn fill<'py>(self: Arc<Self>, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mirror = self.reader.state.current(py)?;
        Awaiting::run(py, self.fetch(mirror), |py, more| if more { Ok(py.None()) } else { Err(stop_async_iteration()) })
    }
}

#[pymethods]
impl AsyncChangeIterator {
    fn __aiter__(slf: Py<AsyncChangeIterator>) -> Py<AsyncChangeIterator> {
        slf
    }

    fn __anext__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        following(py, Arc::clone(&self.0))
    }
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
    Consumer { key: [name, cursor, behind, parked], shown: [name, cursor, behind, parked, seen_at], cached: [] }

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

    /// How many changes it is behind; those of a snapshot are not counted.
    #[getter]
    fn behind(&self) -> u64 {
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
            "behind": self.value.lag,
            "parked": self.value.parked,
            "seen_at": self.value.seen_at.to_string(),
        }))
    }
}
