//! Returns all rows of a table to Python: as a list, or as an object for `await` and `async for`.

use super::state::State;
use crate::call::{Asyncio, Blocking, Mode};
use headcount::Mirror;
use pyo3::prelude::*;
use std::future::Future;
use std::sync::Arc;

/// How the methods of a mode return all rows of a table.
pub(super) trait Lists: Mode {
    /// Returns the rows that `read` reads from this process's mirror, each as a Python object `P`.
    fn rows<'py, T, P, F>(
        py: Python<'py>,
        state: &Arc<State>,
        read: impl Fn(Mirror) -> F + Send + Sync + 'static,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        F: Future<Output = headcount::Result<Vec<T>>> + Send + 'static,
        T: Send + 'static,
        P: From<T> + for<'a> IntoPyObject<'a>,
    {
        let state = Arc::clone(state);
        Self::listing(py, move |py| {
            let convert = |_: Python<'_>, rows: Vec<T>| Ok(rows.into_iter().map(P::from).collect::<Vec<_>>());
            Self::run(py, read(state.current(py)?), convert).map(Bound::unbind)
        })
    }

    /// For [`Blocking`], returns what `read` returns. For [`Asyncio`], returns an object that calls `read` each time it
    /// is awaited or iterated.
    fn listing<'py>(
        py: Python<'py>,
        read: impl Fn(Python<'_>) -> PyResult<Py<PyAny>> + Send + Sync + 'static,
    ) -> PyResult<Bound<'py, PyAny>>;
}

impl Lists for Blocking {
    fn listing<'py>(
        py: Python<'py>,
        read: impl Fn(Python<'_>) -> PyResult<Py<PyAny>> + Send + Sync + 'static,
    ) -> PyResult<Bound<'py, PyAny>> {
        read(py).map(|rows| rows.into_bound(py))
    }
}

/// Returns an object that can be awaited or iterated with `async for`.
impl Lists for Asyncio {
    fn listing<'py>(
        py: Python<'py>,
        read: impl Fn(Python<'_>) -> PyResult<Py<PyAny>> + Send + Sync + 'static,
    ) -> PyResult<Bound<'py, PyAny>> {
        crate::coroutine::rows(py, read)
    }
}
