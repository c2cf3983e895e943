//! `ReplayGuard`: records which messages were handled, in memory, in SQLite or in the application's own store.

use crate::call::release;
use crate::convert::{Now, Size, Span, Text, datetime, wrong_type};
use crate::errors::OrRaise;
use crate::event::Event;
use headcount::{Error, Replay, ReplayStore, Timestamp, catch_panic};
use pyo3::prelude::*;
use pyo3::types::PyInt;
use pyo3::{PyTypeInfo, intern};
use std::cell::RefCell;
use std::path::PathBuf;

/// Default number of ids that are kept in memory, at most about 20 MB.
const CAPACITY: usize = 100_000;

/// Records which messages were handled, so that a message that is sent twice is handled once. May be used from any number of threads at
/// once.
///
/// Call ``check`` before an event is handled and ``commit`` afterwards. If handling it failed, ``check`` returns True again when it is sent again. The endpoints
/// (``headcount.fastapi`` and others) do both. No lock is held between the two calls: if a message arrives twice at the same moment,
/// ``check`` may return True for both. The vendor sends a message for up to 28 hours.
///
/// ``ReplayGuard()`` keeps ids in this process's memory; ``sqlite`` and ``custom`` make guards that keep ids after the process ends.
///
/// - ``capacity``: number of ids that are kept (default 100,000, at most about 20 MB).
/// - ``retention``: how long an id is stored, in seconds or as a ``timedelta`` (default 3 days).
#[pyclass(frozen, module = "headcount")]
pub(crate) struct ReplayGuard {
    kept: headcount::ReplayGuard,
    blocking: bool,
}

impl ReplayGuard {
    fn make(kept: headcount::ReplayGuard, retention: Option<Span>, blocking: bool) -> ReplayGuard {
        let kept = match retention {
            Some(Span(retention)) => kept.retention(retention),
            None => kept,
        };
        ReplayGuard { kept, blocking }
    }

    /// Makes a call of the guard with the interpreter released. Raises the exception that the application's store raised.
    fn call<T: Send>(&self, py: Python<'_>, call: impl FnOnce() -> headcount::Result<T> + Send) -> PyResult<T> {
        let result = py.detach(|| catch_panic(call));
        match RAISED.take() {
            Some(raised) => Err(raised),
            None => result.or_raise(py),
        }
    }
}

#[pymethods]
impl ReplayGuard {
    #[new]
    #[pyo3(signature = (*, capacity = None, retention = None))]
    fn new(capacity: Option<Size>, retention: Option<Span>) -> ReplayGuard {
        let capacity = capacity.map_or(CAPACITY, usize::from);
        ReplayGuard::make(headcount::ReplayGuard::in_memory(capacity), retention, false)
    }

    /// Makes a guard that keeps message ids in a SQLite file. Any number of processes on one machine may use the file at once, and ids stay
    /// in it after the processes end.
    ///
    /// - ``path``: the file; created if it does not exist.
    /// - ``retention``: how long an id is stored, in seconds or as a ``timedelta`` (default 3 days).
    ///
    /// Raises ``StoreError`` if the file cannot be opened.
    #[staticmethod]
    #[pyo3(signature = (path, *, retention = None))]
    fn sqlite(py: Python<'_>, path: PathBuf, retention: Option<Span>) -> PyResult<ReplayGuard> {
        let kept = release(py, || headcount::ReplayGuard::sqlite(&path))?;
        Ok(ReplayGuard::make(kept, retention, true))
    }

    /// Makes a guard that keeps message ids in the application's own store. Both functions are plain functions, called from any thread;
    /// exceptions that they raise reach the caller of the guard.
    ///
    /// - ``contains``: called with a message id; returns whether it was recorded and has not expired.
    /// - ``record``: called with a message id and an aware ``datetime``; records the id, which expires at that time.
    /// - ``retention``: how long an id is stored, in seconds or as a ``timedelta`` (default 3 days).
    #[staticmethod]
    #[pyo3(signature = (*, contains, record, retention = None))]
    fn custom(contains: Bound<'_, PyAny>, record: Bound<'_, PyAny>, retention: Option<Span>) -> PyResult<ReplayGuard> {
        for callable in [&contains, &record] {
            if !callable.is_callable() {
                return Err(wrong_type(callable, "a function"));
            }
        }
        let store = CustomStore { contains: contains.unbind(), record: record.unbind() };
        Ok(ReplayGuard::make(headcount::ReplayGuard::new(store), retention, true))
    }

    /// Returns whether the message of ``event`` has not been handled yet. Records nothing. If it is False, answer 201 and do nothing else.
    ///
    /// - ``event``: the event that ``Webhook.verify`` returned.
    ///
    /// Raises ``StoreError`` if the store fails: answer 5xx, so that the message is sent again.
    fn check(&self, py: Python<'_>, event: PyRef<'_, Event>) -> PyResult<bool> {
        let event = event.value();
        Ok(self.call(py, || self.kept.check(event))? == Replay::First)
    }

    /// Records that the message of ``event`` was handled: ``check`` returns False for it from now on.
    ///
    /// - ``event``: the event that ``Webhook.verify`` returned.
    ///
    /// Raises ``StoreError`` if the store fails.
    fn commit(&self, py: Python<'_>, event: PyRef<'_, Event>) -> PyResult<()> {
        let event = event.value();
        self.call(py, || self.kept.commit(event))
    }

    /// As ``check``, for a message id.
    ///
    /// - ``message_id``: value of the ``webhook-id`` header.
    /// - ``now``: an aware ``datetime`` or Unix seconds (default: the current time).
    ///
    /// Raises ``InvalidArgumentError`` if the id is empty, ``StoreError`` if the store fails.
    #[pyo3(signature = (message_id, *, now = None))]
    fn check_id(&self, py: Python<'_>, message_id: Text, now: Option<Now>) -> PyResult<bool> {
        let replay = self.call(py, || match now {
            Some(Now(now)) => self.kept.check_id_at(&message_id, now),
            None => self.kept.check_id(&message_id),
        })?;
        Ok(replay == Replay::First)
    }

    /// As ``commit``, for a message id.
    ///
    /// - ``message_id``: value of the ``webhook-id`` header.
    /// - ``now``: an aware ``datetime`` or Unix seconds (default: the current time).
    ///
    /// Raises ``InvalidArgumentError`` if the id is empty, ``StoreError`` if the store fails.
    #[pyo3(signature = (message_id, *, now = None))]
    fn commit_id(&self, py: Python<'_>, message_id: Text, now: Option<Now>) -> PyResult<()> {
        self.call(py, || match now {
            Some(Now(now)) => self.kept.commit_id_at(&message_id, now),
            None => self.kept.commit_id(&message_id),
        })
    }

    /// Whether calls may wait for a disk or a network. If so, do not make them on an event loop's thread.
    #[getter]
    fn blocking(&self) -> bool {
        self.blocking
    }

    fn __repr__(&self) -> String {
        format!("<headcount.{:?}>", self.kept)
    }
}

thread_local! {
    /// The exception that the application's store raised in the running call of this thread. The core's error cannot carry it.
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// The application's store: two functions.
struct CustomStore {
    contains: Py<PyAny>,
    record: Py<PyAny>,
}

impl ReplayStore for CustomStore {
    fn contains(&self, message_id: &str) -> headcount::Result<bool> {
        raising(|py| {
            let answer = self.contains.bind(py).call1((message_id,))?;
            // A coroutine object is truthy: every message would count as handled.
            if !PyInt::is_type_of(&answer) {
                return Err(wrong_type(&answer, "a bool from `contains`, which must not be a coroutine function"));
            }
            answer.is_truthy()
        })
    }

    fn record(&self, message_id: &str, expires_at: Timestamp) -> headcount::Result<()> {
        raising(|py| {
            let answer = self.record.bind(py).call1((message_id, datetime(py, expires_at)?))?;
            if answer.hasattr(intern!(py, "__await__"))? {
                return Err(wrong_type(&answer, "`record` to be a plain function, not a coroutine function"));
            }
            Ok(())
        })
    }
}

fn raising<T>(call: impl FnOnce(Python<'_>) -> PyResult<T>) -> headcount::Result<T> {
    Python::attach(call).map_err(|raised| {
        RAISED.set(Some(raised));
        Error::store("the application's store raised an exception")
    })
}
