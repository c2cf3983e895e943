//! The border's ways in: no panic crosses it, no wait holds the interpreter, and Ctrl-C and a task's cancellation end a call.

use crate::errors::{OrRaise, exception};
use headcount::{Error, Result, blocking, catch_panic};
use pyo3::BoundObject;
use pyo3::exceptions::PyStopAsyncIteration;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

/// How often a waiting thread looks for signals. People take a fifth of a second for at once.
const TICK: Duration = Duration::from_millis(50);

/// How a client's calls are waited for.
pub(crate) trait Mode: 'static {
    /// Starts `call`, and makes of its result what Python gets; or gives Python something to await.
    fn run<'py, T, P>(
        py: Python<'py>,
        call: impl Future<Output = Result<T>> + Send + 'static,
        convert: impl FnOnce(Python<'_>, T) -> PyResult<P> + Send + 'static,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        T: Send + 'static,
        P: for<'a> IntoPyObject<'a>,
    {
        Self::begin(py, |_| Ok(call), convert)
    }

    /// The same for a call that is made where it is started: in the event loop that waits for it, where one does.
    fn begin<'py, F, T, P>(
        py: Python<'py>,
        make: impl FnOnce(Python<'_>) -> PyResult<F> + Send + 'static,
        convert: impl FnOnce(Python<'_>, T) -> PyResult<P> + Send + 'static,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        F: Future<Output = Result<T>> + Send + 'static,
        T: Send + 'static,
        P: for<'a> IntoPyObject<'a>;
}

/// The thread waits, with the interpreter released to others meanwhile.
pub(crate) struct Waiting;

/// A coroutine waits: the call is driven by this process' runtime and no thread of its own.
pub(crate) struct Awaiting;

impl Mode for Waiting {
    fn begin<'py, F, T, P>(
        py: Python<'py>,
        make: impl FnOnce(Python<'_>) -> PyResult<F> + Send + 'static,
        convert: impl FnOnce(Python<'_>, T) -> PyResult<P> + Send + 'static,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        F: Future<Output = Result<T>> + Send + 'static,
        T: Send + 'static,
        P: for<'a> IntoPyObject<'a>,
    {
        let value = wait(py, make(py)?)?;
        object(py, convert(py, value)?).map(|object| object.into_bound(py))
    }
}

/// Waits for `call`, unless a signal's handler raises first.
pub(crate) fn wait<T: Send>(py: Python<'_>, call: impl Future<Output = Result<T>> + Send) -> PyResult<T> {
    let mut raised = None;
    let check = || {
        // Handlers run in the main thread alone; in others this finds nothing.
        Python::attach(|py| py.check_signals()).map_err(|error| {
            raised = Some(error);
            Error::cancelled()
        })
    };
    let result = py.detach(|| catch_panic(|| blocking::wait_interruptibly(call, TICK, check)));
    match raised {
        Some(error) => Err(error),
        None => result.or_raise(py),
    }
}

impl Mode for Awaiting {
    fn begin<'py, F, T, P>(
        py: Python<'py>,
        make: impl FnOnce(Python<'_>) -> PyResult<F> + Send + 'static,
        convert: impl FnOnce(Python<'_>, T) -> PyResult<P> + Send + 'static,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        F: Future<Output = Result<T>> + Send + 'static,
        T: Send + 'static,
        P: for<'a> IntoPyObject<'a>,
    {
        let start = move |py: Python<'_>| future(py, make(py)?, convert);
        coroutine(py, Start(Mutex::new(Some(Box::new(start)))))
    }
}

/// How many of the runtime's threads are inside the interpreter, beside the process that they are of: a forked child has none of them.
static INSIDE: AtomicU64 = AtomicU64::new(0);

/// Lets a thread of the runtime into the interpreter, unless that is ending: then there is nobody to tell.
pub(crate) fn tell<T>(call: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    count(1);
    let told = Python::try_attach(call);
    count(-1);
    told
}

fn count(more: i64) {
    let process = u64::from(std::process::id()) << 32;
    let counted = |seen: u64| {
        let inside = if seen >> 32 == process >> 32 { seen & u64::from(u32::MAX) } else { 0 };
        Some(process | inside.saturating_add_signed(more))
    };
    let _ = INSIDE.fetch_update(SeqCst, SeqCst, counted);
}

/// Waits until no thread of the runtime is inside, for five seconds at most: an interpreter that ends while one of them waits to get back in
/// ends that thread, which Rust answers with an abort. Whoever has been told the last result may be that fast.
#[pyfunction]
fn let_out(py: Python<'_>) {
    py.detach(|| {
        for _ in 0..5_000 {
            let seen = INSIDE.load(SeqCst);
            if seen >> 32 != u64::from(std::process::id()) || seen & u64::from(u32::MAX) == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}

/// Has the interpreter let them out before it ends.
pub(crate) fn let_out_at_exit(py: Python<'_>) -> PyResult<()> {
    py.import("atexit")?.call_method1("register", (wrap_pyfunction!(let_out, py)?,)).map(drop)
}

type Starter = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// A call that begins when its coroutine is first run, as coroutines do.
#[pyclass(frozen)]
struct Start(Mutex<Option<Starter>>);

#[pymethods]
impl Start {
    fn __call__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let start = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        start.ok_or_else(|| exception(py, &Error::internal("a call was started twice")))?(py)
    }
}

/// `asyncio.create_task` and `TaskGroup` want a coroutine and nothing else, which only Python's own compiler can make.
fn coroutine(py: Python<'_>, start: Start) -> PyResult<Bound<'_, PyAny>> {
    static RUN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    RUN.import(py, "headcount.support", "run")?.call1((start,))
}

/// Starts `call` on this process' runtime, and gives an `asyncio.Future` of the running loop for it. Cancelling that ends the call.
fn future<T, P>(
    py: Python<'_>,
    call: impl Future<Output = Result<T>> + Send + 'static,
    convert: impl FnOnce(Python<'_>, T) -> PyResult<P> + Send + 'static,
) -> PyResult<Py<PyAny>>
where
    T: Send + 'static,
    P: for<'a> IntoPyObject<'a>,
{
    let event_loop = running_loop(py)?;
    let promise = event_loop.call_method0("create_future")?;
    let settled = promise.clone().unbind();
    let event_loop = event_loop.unbind();
    let task = blocking::spawn(async move {
        let mut call = Box::pin(call);
        let guarded = poll_fn(move |cx| match catch_panic(|| Ok(call.as_mut().poll(cx))) {
            Ok(poll) => poll,
            Err(defect) => Poll::Ready(Err(defect)),
        });
        let result = guarded.await;
        // What Python gets is made on the loop's own thread.
        tell(move |py| {
            let outcome = move |py: Python<'_>| object(py, convert(py, result.or_raise(py)?)?);
            let settle = Settle { promise: settled, outcome: Mutex::new(Some(Box::new(outcome))) };
            // A loop that has been closed has nobody to tell either.
            let _ = event_loop.call_method1(py, "call_soon_threadsafe", (settle,));
        });
    })
    .or_raise(py)?;
    promise.call_method1("add_done_callback", (Stop(task.abort_handle()),))?;
    Ok(promise.unbind())
}

/// The event loop of this thread.
pub(crate) fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static RUNNING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    RUNNING.import(py, "asyncio", "get_running_loop")?.call0()
}

/// Settles a future, unless it has been cancelled meanwhile.
#[pyclass(frozen)]
struct Settle {
    promise: Py<PyAny>,
    outcome: Mutex<Option<Starter>>,
}

#[pymethods]
impl Settle {
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(outcome) = outcome else { return Ok(()) };
        if self.promise.call_method0(py, "done")?.is_truthy(py)? {
            return Ok(());
        }
        match outcome(py) {
            Ok(value) => self.promise.call_method1(py, "set_result", (value,))?,
            Err(error) => self.promise.call_method1(py, "set_exception", (error,))?,
        };
        Ok(())
    }
}

/// Ends a call whose future is done with: cancelled, that is, or else there is nothing left to end.
#[pyclass(frozen)]
struct Stop(tokio::task::AbortHandle);

#[pymethods]
impl Stop {
    fn __call__(&self, _future: &Bound<'_, PyAny>) {
        self.0.abort();
    }
}

/// What an `async for` gets when its next item is there already: an awaitable that has nothing to wait for.
#[pyclass(frozen)]
pub(crate) struct Ready(Mutex<Option<Py<PyAny>>>);

impl Ready {
    pub(crate) fn new(value: Py<PyAny>) -> Ready {
        Ready(Mutex::new(Some(value)))
    }
}

#[pymethods]
impl Ready {
    fn __await__(slf: Py<Ready>) -> Py<Ready> {
        slf
    }

    fn __iter__(slf: Py<Ready>) -> Py<Ready> {
        slf
    }

    /// Ends at once, with the value: that is how an awaitable returns.
    fn __next__(&self) -> PyResult<Option<Py<PyAny>>> {
        let value = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Err(pyo3::exceptions::PyStopIteration::new_err((value,)))
    }
}

/// An awaitable that has ended well already.
pub(crate) fn nothing_to_wait_for(py: Python<'_>, value: Py<PyAny>) -> PyResult<Bound<'_, PyAny>> {
    Ok(Bound::new(py, Ready::new(value))?.into_any())
}

/// Items that an `async for` follows, where none may be lost: one is taken when the task that asked for it goes on with it, and stays
/// where it was when that task is cancelled meanwhile.
pub(crate) trait Following: Send + Sync + 'static {
    /// Takes the next item, where it is there already.
    fn take(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>>;

    /// A coroutine that ends when there is a next item, or raises; `StopAsyncIteration` where there will be none.
    fn fill<'py>(self: Arc<Self>, py: Python<'py>) -> PyResult<Bound<'py, PyAny>>;
}

/// A coroutine for the next item.
pub(crate) fn following<F: Following>(py: Python<'_>, items: Arc<F>) -> PyResult<Bound<'_, PyAny>> {
    static FOLLOWING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let (taken, filled) = (Arc::clone(&items), items);
    let take = Call(Box::new(move |py| Ok(taken.take(py)?.unwrap_or_else(|| py.None()))));
    let fill = Call(Box::new(move |py| Arc::clone(&filled).fill(py).map(Bound::unbind)));
    FOLLOWING.import(py, "headcount.support", "following")?.call1((take, fill))
}

/// Rows to be awaited as a list, or gone through with `async for`: `read` makes the coroutine for the list.
pub(crate) fn rows(
    py: Python<'_>,
    read: impl Fn(Python<'_>) -> PyResult<Py<PyAny>> + Send + Sync + 'static,
) -> PyResult<Bound<'_, PyAny>> {
    static ROWS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    ROWS.import(py, "headcount.support", "AsyncRows")?.call1((Call(Box::new(read)),))
}

type Callee = Box<dyn Fn(Python<'_>) -> PyResult<Py<PyAny>> + Send + Sync>;

/// What Python calls without arguments.
#[pyclass(frozen)]
struct Call(Callee);

#[pymethods]
impl Call {
    fn __call__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        (self.0)(py)
    }
}

/// The end of an `async for`.
pub(crate) fn stop_async_iteration() -> PyErr {
    PyStopAsyncIteration::new_err(())
}

fn object<P: for<'a> IntoPyObject<'a>>(py: Python<'_>, value: P) -> PyResult<Py<PyAny>> {
    value.into_pyobject(py).map(|value| value.into_any().unbind()).map_err(Into::into)
}
