//! The border's two ways in: no panic crosses it, and no wait holds the interpreter.

use crate::errors::OrRaise;
use headcount::{Result, guard};
use pyo3::prelude::*;

/// Runs what may wait for the network, with the interpreter released to other threads meanwhile.
pub(crate) fn wait<T: Send>(py: Python<'_>, call: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    py.detach(|| guard(call)).or_raise(py)
}
