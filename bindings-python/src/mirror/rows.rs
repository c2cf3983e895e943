//! How methods return all rows of a table: as a list, or as an object for `await` and `async for`.

use crate::call::{Asyncio, Blocking, Mode};
use pyo3::prelude::*;

/// How a method returns all rows of a table.
pub(super) trait Lists: Mode {
    fn rows<'py>(
        py: Python<'py>,
        read: impl Fn(Python<'_>) -> PyResult<Py<PyAny>> + Send + Sync + 'static,
    ) -> PyResult<Bound<'py, PyAny>>;
}

impl Lists for Blocking {
    fn rows<'py>(
        py: Python<'py>,
        read: impl Fn(Python<'_>) -> PyResult<Py<PyAny>> + Send + Sync + 'static,
    ) -> PyResult<Bound<'py, PyAny>> {
        read(py).map(|rows| rows.into_bound(py))
    }
}

/// Returns an object that can be awaited or iterated with `async for`.
impl Lists for Asyncio {
    fn rows<'py>(
        py: Python<'py>,
        read: impl Fn(Python<'_>) -> PyResult<Py<PyAny>> + Send + Sync + 'static,
    ) -> PyResult<Bound<'py, PyAny>> {
        crate::coroutine::rows(py, read)
    }
}
