//! `ReplayGuard`: which messages were handled already, in memory, in SQLite or wherever the application keeps such things.

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

/// How many ids are kept in memory unless set otherwise: some ten megabytes of them.
const CAPACITY: usize = 100_000;

/// Remembers which messages were handled, so that one that is sent twice is not handled twice. May be used from any number of
/// threads at once.
///
/// ``check`` an event before it is handled, and ``commit`` it once it has been: what failed is let through when it comes again. The
/// endpoints (``headcount.fastapi`` and the others) do both. ``ReplayGuard()`` keeps the last ``capacity`` ids
/// (100,000 unless set) in this process's memory,
/// ``ReplayGuard.sqlite(path)`` in a file that any number of processes share, ``ReplayGuard.custom(...)`` wherever you like. ``retention``
/// is how long an id is remembered: seconds or a ``timedelta``, three days unless set. The vendor goes on trying for 28 hours.
///
/// Nothing is held between the two: where one message arrives twice at the same moment, both may be let through.
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

    /// Makes a call of the guard with the interpreter released, and raises what the application's own store raised.
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

    /// A guard that keeps ids in the SQLite file at ``path``, which is made where there is none: any number of processes of one machine
    /// may use it at once, and what was committed survives them. ``StoreError`` where the file cannot be opened.
    #[staticmethod]
    #[pyo3(signature = (path, *, retention = None))]
    fn sqlite(py: Python<'_>, path: PathBuf, retention: Option<Span>) -> PyResult<ReplayGuard> {
        let kept = release(py, || headcount::ReplayGuard::sqlite(&path))?;
        Ok(ReplayGuard::make(kept, retention, true))
    }

    /// A guard that keeps ids in a store of your own.
    ///
    /// ``contains(message_id)`` says whether an id was recorded and its time has not come yet; ``record(message_id, expires_at)`` records one
    /// until that moment (an aware ``datetime``). Both are plain functions, called from any thread; what they raise reaches whoever asked.
    #[staticmethod]
    #[pyo3(signature = (*, contains, record, retention = None))]
    fn custom(contains: Bound<'_, PyAny>, record: Bound<'_, PyAny>, retention: Option<Span>) -> PyResult<ReplayGuard> {
        for callable in [&contains, &record] {
            if !callable.is_callable() {
                return Err(wrong_type(callable, "a function"));
            }
        }
        let own = Own { contains: contains.unbind(), record: record.unbind() };
        Ok(ReplayGuard::make(headcount::ReplayGuard::new(own), retention, true))
    }

    /// True where the message that ``event`` came in was not handled yet, as far as is remembered; False where it was: answer 201 then,
    /// and do nothing. Nothing is recorded. ``StoreError`` where the store cannot say: answer 5xx, so that the message comes again.
    fn check(&self, py: Python<'_>, event: PyRef<'_, Event>) -> PyResult<bool> {
        let event = event.value();
        Ok(self.call(py, || self.kept.check(event))? == Replay::First)
    }

    /// Records that the message that ``event`` came in was handled. Until then ``check`` says True however often it comes.
    fn commit(&self, py: Python<'_>, event: PyRef<'_, Event>) -> PyResult<()> {
        let event = event.value();
        self.call(py, || self.kept.commit(event))
    }

    /// ``check`` by the message's id alone; ``now`` (an aware datetime, or Unix seconds) is the present unless given.
    #[pyo3(signature = (message_id, *, now = None))]
    fn check_id(&self, py: Python<'_>, message_id: Text, now: Option<Now>) -> PyResult<bool> {
        let replay = self.call(py, || match now {
            Some(Now(now)) => self.kept.check_id_at(&message_id, now),
            None => self.kept.check_id(&message_id),
        })?;
        Ok(replay == Replay::First)
    }

    /// ``commit`` by the message's id alone; ``now`` (an aware datetime, or Unix seconds) is the present unless given.
    #[pyo3(signature = (message_id, *, now = None))]
    fn commit_id(&self, py: Python<'_>, message_id: Text, now: Option<Now>) -> PyResult<()> {
        self.call(py, || match now {
            Some(Now(now)) => self.kept.commit_id_at(&message_id, now),
            None => self.kept.commit_id(&message_id),
        })
    }

    /// Whether a call may wait for a disk or a network: then it has no business in an event loop's own thread.
    #[getter]
    fn blocking(&self) -> bool {
        self.blocking
    }

    fn __repr__(&self) -> String {
        format!("<headcount.{:?}>", self.kept)
    }
}

thread_local! {
    /// What the application's own store raised, on its way through the core to whoever asked on the same thread.
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// The application's own store: two functions.
struct Own {
    contains: Py<PyAny>,
    record: Py<PyAny>,
}

impl ReplayStore for Own {
    fn contains(&self, message_id: &str) -> headcount::Result<bool> {
        raising(|py| {
            let answer = self.contains.bind(py).call1((message_id,))?;
            // A coroutine is true as well, and would have every message taken for handled.
            if !PyInt::is_type_of(&answer) {
                return Err(wrong_type(&answer, "a bool from `contains`, which is no coroutine function"));
            }
            answer.is_truthy()
        })
    }

    fn record(&self, message_id: &str, expires_at: Timestamp) -> headcount::Result<()> {
        raising(|py| {
            let answer = self.record.bind(py).call1((message_id, datetime(py, expires_at)?))?;
            if answer.hasattr(intern!(py, "__await__"))? {
                return Err(wrong_type(&answer, "`record` to have recorded, which is no coroutine function"));
            }
            Ok(())
        })
    }
}

fn raising<T>(call: impl FnOnce(Python<'_>) -> PyResult<T>) -> headcount::Result<T> {
    Python::attach(call).map_err(|raised| {
        RAISED.set(Some(raised));
        Error::store("the application's own store raised an exception")
    })
}
