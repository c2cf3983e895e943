//! Awaitables: coroutines that run calls of the core, and awaitables that already have their value.

use crate::attach::attach;
use crate::context::{Context, within};
use crate::errors::{OrRaise, exception};
use headcount::internal::catch_panic;
use headcount::{Error, Result, blocking};
use pyo3::exceptions::{PyStopAsyncIteration, PyStopIteration};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

/// Makes a Python object, with the interpreter attached.
pub(crate) type Conversion = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// A call whose result is still to be converted. All calls have this type, so that what runs them is compiled once instead of once for each call.
pub(crate) type ConvertedCall = Pin<Box<dyn Future<Output = Result<Conversion>> + Send>>;

/// Makes a coroutine. When it is first awaited, it calls `make`, starts the call that `make` returns on the process's
/// runtime, and waits for it. `make` and the conversion of the result run on the event loop's thread. Cancelling the coroutine's
/// task cancels the call.
pub(crate) fn new(
    py: Python<'_>,
    make: impl FnOnce(Python<'_>) -> PyResult<ConvertedCall> + Send + 'static,
) -> PyResult<Bound<'_, PyAny>> {
    // `asyncio.create_task` and `TaskGroup` accept coroutine objects only, and only Python code can make those.
    static RUN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let start = move |py: Python<'_>| future(py, make(py)?);
    RUN.import(py, "headcount.support", "run")?.call1((Start(Mutex::new(Some(Box::new(start)))),))
}

/// A function without arguments that can be called once.
#[pyclass(frozen)]
struct Start(Mutex<Option<Conversion>>);

#[pymethods]
impl Start {
    fn __call__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let start = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        start.ok_or_else(|| exception(py, &Error::internal("a call was started twice")))?(py)
    }
}

/// Starts `call` on the process's runtime. Returns an `asyncio.Future` of the running loop; cancelling it cancels the call.
fn future(py: Python<'_>, call: ConvertedCall) -> PyResult<Py<PyAny>> {
    let event_loop = running_loop(py)?;
    let future = event_loop.call_method0("create_future")?;
    let to_settle = future.clone().unbind();
    let event_loop = event_loop.unbind();
    let context = Context::copy(py)?;
    let task = blocking::spawn(async move {
        let mut call = Box::pin(within(context, call));
        let result = poll_fn(move |cx| match catch_panic(|| Ok(call.as_mut().poll(cx))) {
            Ok(poll) => poll,
            Err(panic) => Poll::Ready(Err(panic)),
        })
        .await;
        attach(move |py| {
            let outcome = move |py: Python<'_>| result.or_raise(py)?(py);
            let settle = Settle { future: to_settle, outcome: Mutex::new(Some(Box::new(outcome))) };
            // Fails if the loop has been closed: then no task waits for the result.
            let _ = event_loop.call_method1(py, "call_soon_threadsafe", (settle,));
        });
    })
    .or_raise(py)?;
    future.call_method1("add_done_callback", (Abort(task.abort_handle()),))?;
    Ok(future.unbind())
}

/// Returns the event loop that is running on this thread.
pub(crate) fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static RUNNING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    RUNNING.import(py, "asyncio", "get_running_loop")?.call0()
}

/// Sets a future's result, unless the future has been cancelled. Called on the event loop's thread.
#[pyclass(frozen)]
struct Settle {
    future: Py<PyAny>,
    outcome: Mutex<Option<Conversion>>,
}

#[pymethods]
impl Settle {
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(outcome) = outcome else { return Ok(()) };
        if self.future.call_method0(py, "done")?.is_truthy(py)? {
            return Ok(());
        }
        match outcome(py) {
            Ok(value) => self.future.call_method1(py, "set_result", (value,))?,
            Err(error) => self.future.call_method1(py, "set_exception", (error,))?,
        };
        Ok(())
    }
}

/// Aborts a call when its future is done, which has an effect only if the future was cancelled.
#[pyclass(frozen)]
struct Abort(tokio::task::AbortHandle);

#[pymethods]
impl Abort {
    fn __call__(&self, _future: &Bound<'_, PyAny>) {
        self.0.abort();
    }
}

/// An awaitable that has its value already. Awaiting it does not suspend the task.
#[pyclass(frozen)]
pub(crate) struct Ready(Mutex<Option<Py<PyAny>>>);

#[pymethods]
impl Ready {
    fn __await__(slf: Py<Ready>) -> Py<Ready> {
        slf
    }

    fn __iter__(slf: Py<Ready>) -> Py<Ready> {
        slf
    }

    /// Raises `StopIteration` with the value: the protocol by which an awaitable returns.
    fn __next__(&self) -> PyResult<Option<Py<PyAny>>> {
        let value = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Err(PyStopIteration::new_err((value,)))
    }
}

/// Makes an awaitable that returns `value` at once.
pub(crate) fn ready(py: Python<'_>, value: Py<PyAny>) -> PyResult<Bound<'_, PyAny>> {
    Ok(Bound::new(py, Ready(Mutex::new(Some(value))))?.into_any())
}

/// Returns the exception that ends an `async for`.
pub(crate) fn stop_async_iteration() -> PyErr {
    PyStopAsyncIteration::new_err(())
}

/// Items that an `async for` reads in batches.
pub(crate) trait Batches: Send + Sync + 'static {
    /// Takes the next item of the batch that was read last, or returns `None` at its end.
    fn take(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>>;

    /// Makes a coroutine that reads the next batch. It raises `StopAsyncIteration` if there are no more items.
    fn fill<'py>(self: Arc<Self>, py: Python<'py>) -> PyResult<Bound<'py, PyAny>>;
}

/// Makes a coroutine that returns the next item. The item is taken after the coroutine's last `await`, so that a task that is cancelled while
/// it waits takes no item.
pub(crate) fn next_item<B: Batches>(py: Python<'_>, batches: Arc<B>) -> PyResult<Bound<'_, PyAny>> {
    static NEXT_ITEM: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let for_take = Arc::clone(&batches);
    let take = Function(Box::new(move |py| Ok(for_take.take(py)?.unwrap_or_else(|| py.None()))));
    let fill = Function(Box::new(move |py| Arc::clone(&batches).fill(py).map(Bound::unbind)));
    NEXT_ITEM.import(py, "headcount.support", "next_item")?.call1((take, fill))
}

/// Makes an object that returns a list if it is awaited, and can be iterated with `async for`. `read` makes the
/// coroutine that returns the list.
pub(crate) fn rows(
    py: Python<'_>,
    read: impl Fn(Python<'_>) -> PyResult<Py<PyAny>> + Send + Sync + 'static,
) -> PyResult<Bound<'_, PyAny>> {
    static ROWS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    ROWS.import(py, "headcount.support", "AsyncRows")?.call1((Function(Box::new(read)),))
}

type Call = dyn Fn(Python<'_>) -> PyResult<Py<PyAny>> + Send + Sync;

/// A function without arguments, callable from Python.
#[pyclass(frozen)]
struct Function(Box<Call>);

#[pymethods]
impl Function {
    fn __call__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        (self.0)(py)
    }
}
