//! `ReplayGuard`: records which messages were handled, in memory, in SQLite or in the application's own store.

use crate::call::release;
use crate::convert::{FilePath, Now, Size, Span, Text, datetime, wrong_type};
use crate::errors::{Named, OrRaise};
use crate::event::GivenEvent;
use crate::webhook::Webhook;
use headcount::internal::catch_panic;
use headcount::webhook::{Replay, ReplayStore};
use headcount::{Error, Timestamp};
use pyo3::prelude::*;
use pyo3::types::PyInt;
use pyo3::{PyTypeInfo, intern};
use std::cell::RefCell;

/// Default maximum number of ids that a guard keeps in memory. They take at most about 20 MB.
const CAPACITY: usize = 100_000;

/// Records which messages were handled, so that a message that is sent twice is handled once. May be used from any number of threads at
/// once.
///
/// Call ``check`` before an event is handled and ``commit`` afterwards. If handling it failed, do not call ``commit``:
/// ``check`` then returns True again when the message is repeated. The endpoints (``headcount.fastapi`` and others) do
/// both. No lock is held between the two calls: if a message arrives twice at the same moment, ``check`` may return
/// True for both. ``claim`` checks and records in one step, before the event is handled. The vendor repeats a message
/// for up to 28 hours.
///
/// ``ReplayGuard()`` keeps ids in this process's memory; ``sqlite`` and ``custom`` make guards that keep ids after the process ends.
///
/// - ``capacity``: maximum number of ids that are kept (default 100,000, which take at most about 20 MB). In a full
///   guard, expired ids are removed first, then the oldest.
/// - ``retention``: how long an id is stored, in seconds or as a ``timedelta``: at least 10 minutes, which is twice the
///   default tolerance of timestamps (default 3 days).
///
/// Raises ``InvalidArgumentError`` if the retention is shorter than 10 minutes.
#[pyclass(frozen, module = "headcount")]
pub(crate) struct ReplayGuard {
    native: headcount::webhook::ReplayGuard,
    blocking: bool,
}

impl ReplayGuard {
    fn make(
        py: Python<'_>,
        native: headcount::webhook::ReplayGuard,
        retention: Option<Span>,
        blocking: bool,
    ) -> PyResult<ReplayGuard> {
        let native = match retention {
            Some(Span(retention)) => native.try_retention(retention).or_raise(py)?,
            None => native,
        };
        Ok(ReplayGuard { native, blocking })
    }

    /// Runs a call of the guard with the interpreter released. Raises the exception of the application's store, if it
    /// raised one.
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
    fn new(py: Python<'_>, capacity: Option<Size>, retention: Option<Span>) -> PyResult<ReplayGuard> {
        let capacity = capacity.map_or(CAPACITY, usize::from);
        ReplayGuard::make(py, headcount::webhook::ReplayGuard::in_memory(capacity), retention, false)
    }

    /// Makes a guard that keeps message ids in a SQLite file. Any number of processes on one machine may use the file at once, and ids stay
    /// in it after the processes end.
    ///
    /// - ``path``: the file; created if it does not exist.
    /// - ``retention``: how long an id is stored, in seconds or as a ``timedelta``, at least 10 minutes (default 3 days).
    ///
    /// Raises ``StoreError`` if the file cannot be opened or is another kind of file, ``ConfigError`` if the path begins like a URL, and
    /// ``InvalidArgumentError`` if the retention is shorter than 10 minutes.
    #[staticmethod]
    #[pyo3(signature = (path, *, retention = None))]
    fn sqlite(py: Python<'_>, path: FilePath, retention: Option<Span>) -> PyResult<ReplayGuard> {
        let native = release(py, || headcount::webhook::ReplayGuard::sqlite(&path.0))?;
        ReplayGuard::make(py, native, retention, true)
    }

    /// Makes a guard that keeps message ids in the application's own store. The functions must not be coroutine
    /// functions, and are called from any thread; exceptions that they raise are raised to the caller of the guard.
    ///
    /// - ``contains``: called with a message id; returns whether it was recorded and has not expired.
    /// - ``record``: called with a message id and an aware ``datetime``; records the id, which expires at that time.
    /// - ``retention``: how long an id is stored, in seconds or as a ``timedelta``, at least 10 minutes (default 3 days).
    /// - ``claim``: called as ``record``; records the id unless it is recorded already, in one step, and returns whether it did. In Redis:
    ///   ``SET`` with ``NX``. The method ``claim`` needs it (default none).
    /// - ``release``: called with a message id; removes it. The method ``release`` needs it (default none).
    ///
    /// Raises ``TypeError`` if an argument is not callable, and ``InvalidArgumentError`` if the retention is shorter than 10 minutes.
    #[staticmethod]
    #[pyo3(signature = (*, contains, record, retention = None, claim = None, release = None))]
    fn custom(
        py: Python<'_>,
        contains: Bound<'_, PyAny>,
        record: Bound<'_, PyAny>,
        retention: Option<Span>,
        claim: Option<Bound<'_, PyAny>>,
        release: Option<Bound<'_, PyAny>>,
    ) -> PyResult<ReplayGuard> {
        let given = [
            ("contains", Some(&contains)),
            ("record", Some(&record)),
            ("claim", claim.as_ref()),
            ("release", release.as_ref()),
        ];
        for (name, function) in given {
            if let Some(function) = function.filter(|function| !function.is_callable()) {
                return Err(wrong_type(function, "a function")).named(py, name);
            }
        }
        let store = CustomStore {
            contains: contains.unbind(),
            record: record.unbind(),
            claim: claim.map(Bound::unbind),
            release: release.map(Bound::unbind),
        };
        ReplayGuard::make(py, headcount::webhook::ReplayGuard::new(store), retention, true)
    }

    /// Returns True if the message of ``event`` has not been handled yet. Records nothing. If it returns False, answer
    /// 201 and do nothing else.
    ///
    /// - ``event``: the event that ``Webhook.verify`` returned.
    ///
    /// Raises ``StoreError`` if the store fails: answer 5xx, so that the message is sent again.
    fn check(&self, py: Python<'_>, event: GivenEvent) -> PyResult<bool> {
        Ok(self.call(py, || self.native.check(&event.0))? == Replay::First)
    }

    /// Records that the message of ``event`` is handled, unless that is recorded already, in one step. Returns whether this call recorded it:
    /// of several deliveries at the same moment, one gets True. Call it before the event is handled, instead of ``check`` and ``commit``, and
    /// ``release`` if handling it fails. If the process ends before the event was handled, a repeated delivery is not handled either.
    ///
    /// - ``event``: the event that ``Webhook.verify`` returned.
    ///
    /// Raises ``StoreError`` if the store fails, and ``InvalidArgumentError`` if a store of the application has no ``claim``.
    fn claim(&self, py: Python<'_>, event: GivenEvent) -> PyResult<bool> {
        Ok(self.call(py, || self.native.claim(&event.0))? == Replay::First)
    }

    /// Deletes the record of the message of ``event``, so that it is handled when it is sent again: for a claimed event whose handling failed.
    ///
    /// - ``event``: the event that ``Webhook.verify`` returned.
    ///
    /// Raises ``StoreError`` if the store fails, and ``InvalidArgumentError`` if a store of the application has no ``release``.
    fn release(&self, py: Python<'_>, event: GivenEvent) -> PyResult<()> {
        self.call(py, || self.native.release(&event.0))
    }

    /// As ``claim``, for a message id.
    ///
    /// - ``message_id``: value of the ``webhook-id`` header.
    /// - ``now``: an aware ``datetime`` or Unix seconds (default: the current time).
    ///
    /// Raises what ``claim`` raises, and ``InvalidArgumentError`` if the id is empty.
    #[pyo3(signature = (message_id, *, now = None))]
    fn claim_id(&self, py: Python<'_>, message_id: Text, now: Option<Now>) -> PyResult<bool> {
        let replay = self.call(py, || match now {
            Some(Now(now)) => self.native.claim_id_at(&message_id, now),
            None => self.native.claim_id(&message_id),
        })?;
        Ok(replay == Replay::First)
    }

    /// As ``release``, for a message id.
    ///
    /// - ``message_id``: value of the ``webhook-id`` header.
    ///
    /// Raises what ``release`` raises, and ``InvalidArgumentError`` if the id is empty.
    fn release_id(&self, py: Python<'_>, message_id: Text) -> PyResult<()> {
        self.call(py, || self.native.release_id(&message_id))
    }

    /// Checks that the guard's retention is at least twice the tolerance of ``webhook``, which verifies the messages.
    /// The endpoints call this method.
    ///
    /// - ``webhook``: the verifier.
    ///
    /// Raises ``InvalidArgumentError`` if the retention is shorter.
    fn check_tolerance(&self, py: Python<'_>, webhook: &Bound<'_, PyAny>) -> PyResult<()> {
        let Ok(webhook) = webhook.cast::<Webhook>() else {
            return Err(wrong_type(webhook, "a Webhook")).named(py, "webhook");
        };
        self.native.check_tolerance(webhook.get().value()).or_raise(py)
    }

    /// Records that the message of ``event`` was handled: ``check`` returns False for it from now on.
    ///
    /// - ``event``: the event that ``Webhook.verify`` returned.
    ///
    /// Raises ``StoreError`` if the store fails.
    fn commit(&self, py: Python<'_>, event: GivenEvent) -> PyResult<()> {
        self.call(py, || self.native.commit(&event.0))
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
            Some(Now(now)) => self.native.check_id_at(&message_id, now),
            None => self.native.check_id(&message_id),
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
            Some(Now(now)) => self.native.commit_id_at(&message_id, now),
            None => self.native.commit_id(&message_id),
        })
    }

    /// Whether calls may wait for a disk or a network. If so, do not make them on an event loop's thread.
    #[getter]
    fn blocking(&self) -> bool {
        self.blocking
    }

    fn __repr__(&self) -> String {
        format!("<headcount.{:?}>", self.native)
    }
}

thread_local! {
    /// The exception that the application's store raised in the running call of this thread. The core's error cannot
    /// contain it.
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// The functions of the application's store.
struct CustomStore {
    contains: Py<PyAny>,
    record: Py<PyAny>,
    claim: Option<Py<PyAny>>,
    release: Option<Py<PyAny>>,
}

/// Converts the result of a function of the store to a bool. Refuses other types than bool and int: a coroutine object
/// is truthy, so every message would count as handled.
fn to_bool(answer: &Bound<'_, PyAny>, function: &str) -> PyResult<bool> {
    if !PyInt::is_type_of(answer) {
        let expected = format!("a bool from `{function}`, which must not be a coroutine function");
        return Err(wrong_type(answer, &expected));
    }
    answer.is_truthy()
}

/// Returns an error if the result of a function of the store is awaitable: a coroutine function would not have run.
fn refuse_awaitable(answer: &Bound<'_, PyAny>, function: &str) -> PyResult<()> {
    if answer.hasattr(intern!(answer.py(), "__await__"))? {
        return Err(wrong_type(answer, &format!("`{function}` to be a plain function, not a coroutine function")));
    }
    Ok(())
}

/// Returns the error for a function that the store does not have.
fn missing_function(function: &str) -> Error {
    Error::invalid_argument(format!(
        "the store has no function `{function}`: pass it to ReplayGuard.custom, or use check and commit"
    ))
}

impl ReplayStore for CustomStore {
    fn contains(&self, message_id: &str) -> headcount::Result<bool> {
        call_store(|py| to_bool(&self.contains.bind(py).call1((message_id,))?, "contains"))
    }

    fn record(&self, message_id: &str, expires_at: Timestamp) -> headcount::Result<()> {
        call_store(|py| {
            refuse_awaitable(&self.record.bind(py).call1((message_id, datetime(py, expires_at)?))?, "record")
        })
    }

    fn claim(&self, message_id: &str, expires_at: Timestamp) -> headcount::Result<bool> {
        let claim = self.claim.as_ref().ok_or_else(|| missing_function("claim"))?;
        call_store(|py| to_bool(&claim.bind(py).call1((message_id, datetime(py, expires_at)?))?, "claim"))
    }

    fn release(&self, message_id: &str) -> headcount::Result<()> {
        let release = self.release.as_ref().ok_or_else(|| missing_function("release"))?;
        call_store(|py| refuse_awaitable(&release.bind(py).call1((message_id,))?, "release"))
    }
}

/// Runs a call of the application's store. If it raises an exception, keeps that in [`RAISED`] and returns an error to
/// the core.
fn call_store<T>(call: impl FnOnce(Python<'_>) -> PyResult<T>) -> headcount::Result<T> {
    Python::attach(call).map_err(|raised| {
        RAISED.set(Some(raised));
        Error::store("the application's store raised an exception")
    })
}
