//! How calls of the client and the mirror are made from Python, blocking or awaited: with the interpreter (GIL) released, errors mapped
//! to exceptions, and panics caught.
//!
//! A class that exists for threads and for asyncio is written once, as a macro over its [`Mode`]: [`Blocking`] or [`Asyncio`].

use crate::context::{Context, within, within_now};
use crate::coroutine::{self, Conversion, ConvertedCall};
use crate::errors::OrRaise;
use headcount::internal::catch_panic;
use headcount::{Error, Result, blocking};
use pyo3::BoundObject;
use pyo3::prelude::*;
use std::future::Future;
use std::time::Duration;

/// Interval at which a blocked thread checks for signals, such as Ctrl-C.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

/// Whether a class's calls block or return awaitables.
pub(crate) trait Mode: 'static {
    /// Runs `call` and converts its result, or returns a coroutine that does so.
    fn run<'py, T, P>(
        py: Python<'py>,
        call: impl Future<Output = Result<T>> + Send + 'static,
        convert: impl FnOnce(Python<'_>, T) -> PyResult<P> + Send + 'static,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        T: Send + 'static,
        P: for<'a> IntoPyObject<'a>,
    {
        Self::start(py, |_| Ok(call), convert)
    }

    /// As [`run`](Mode::run), but `make` creates the call when the call starts. For a coroutine, `make` runs on the
    /// event loop's thread.
    fn start<'py, F, T, P>(
        py: Python<'py>,
        make: impl FnOnce(Python<'_>) -> PyResult<F> + Send + 'static,
        convert: impl FnOnce(Python<'_>, T) -> PyResult<P> + Send + 'static,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        F: Future<Output = Result<T>> + Send + 'static,
        T: Send + 'static,
        P: for<'a> IntoPyObject<'a>;
}

/// Calls block their thread. Other threads may use the interpreter meanwhile.
pub(crate) struct Blocking;

/// Calls return coroutines. The calls run on the process's runtime, without a thread for each.
pub(crate) struct Asyncio;

impl Mode for Blocking {
    fn start<'py, F, T, P>(
        py: Python<'py>,
        make: impl FnOnce(Python<'_>) -> PyResult<F> + Send + 'static,
        convert: impl FnOnce(Python<'_>, T) -> PyResult<P> + Send + 'static,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        F: Future<Output = Result<T>> + Send + 'static,
        T: Send + 'static,
        P: for<'a> IntoPyObject<'a>,
    {
        wait(py, converted(make(py)?, convert))?(py).map(|object| object.into_bound(py))
    }
}

impl Mode for Asyncio {
    fn start<'py, F, T, P>(
        py: Python<'py>,
        make: impl FnOnce(Python<'_>) -> PyResult<F> + Send + 'static,
        convert: impl FnOnce(Python<'_>, T) -> PyResult<P> + Send + 'static,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        F: Future<Output = Result<T>> + Send + 'static,
        T: Send + 'static,
        P: for<'a> IntoPyObject<'a>,
    {
        coroutine::new(py, |py| Ok(converted(make(py)?, convert)))
    }
}

fn converted<T: Send + 'static, P: for<'a> IntoPyObject<'a>>(
    call: impl Future<Output = Result<T>> + Send + 'static,
    convert: impl FnOnce(Python<'_>, T) -> PyResult<P> + Send + 'static,
) -> ConvertedCall {
    Box::pin(async move {
        let value = call.await?;
        let conversion: Conversion = Box::new(move |py| {
            convert(py, value)?.into_pyobject(py).map(|object| object.into_any().unbind()).map_err(Into::into)
        });
        Ok(conversion)
    })
}

/// Waits for `call` with the interpreter released. Returns early if a signal handler raises an exception.
pub(crate) fn wait<T: Send>(py: Python<'_>, call: impl Future<Output = Result<T>> + Send) -> PyResult<T> {
    let call = within(Context::copy(py)?, call);
    let mut raised = None;
    let check = || {
        // Python runs signal handlers in the main thread only. In other threads, `check_signals` has no effect.
        Python::attach(|py| py.check_signals()).map_err(|error| {
            raised = Some(error);
            Error::cancelled()
        })
    };
    let result = py.detach(|| catch_panic(|| blocking::wait_interruptibly(call, SIGNAL_INTERVAL, check)));
    match raised {
        Some(error) => Err(error),
        None => result.or_raise(py),
    }
}

/// Runs `call`, which may wait for a disk or a lock, with the interpreter released.
pub(crate) fn release<T: Send>(py: Python<'_>, call: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    // Threads that the call starts, such as the one that opens a mirror's file, log with the caller's context variables.
    let context = Context::copy(py)?;
    py.detach(|| catch_panic(|| within_now(context, call))).or_raise(py)
}
