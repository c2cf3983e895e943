//! The guard on the border: no panic crosses it, and no wait holds the interpreter.

use crate::errors::OrRaise;
use headcount::{Error, Result};
use pyo3::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs what may wait for the network, with the interpreter released to other threads meanwhile.
pub(crate) fn wait<T: Send>(py: Python<'_>, call: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    py.detach(|| guard(call)).or_raise(py)
}

/// Runs `call`, and turns a panic into [`ErrorKind::Internal`](headcount::ErrorKind::Internal).
pub(crate) fn guard<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    // What a panic may leave half done is the core's own, and its locks say so when they are next taken.
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        Err(Error::internal(format!("a defect in headcount, please report it: {said}")))
    })
}
