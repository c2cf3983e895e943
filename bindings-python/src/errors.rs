//! Errors: how an error's parts become an exception's attributes.
//!
//! The classes themselves are Python (`headcount/errors.py`): the stable ABI of older interpreters has no way to extend an
//! exception with fields.

use headcount::{Error, ErrorKind, ErrorStatus, Reason};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyDict};

/// The table as a `dict` of kind name to class name.
pub(crate) fn table(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    ErrorKind::ALL.iter().map(|kind| (kind.name(), kind.class_name())).into_py_dict(py)
}

/// Turns the core's results into Python's.
pub(crate) trait OrRaise<T> {
    /// The value, or the exception for the error.
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> OrRaise<T> for headcount::Result<T> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| exception(py, &error))
    }
}

/// An argument that cannot be used as it was given.
pub(crate) fn invalid_argument(py: Python<'_>, message: impl Into<String>) -> PyErr {
    exception(py, &Error::invalid_argument(message))
}

/// What came is not what the contract says, as Python's own decoder found out.
pub(crate) fn decode(py: Python<'_>, message: &str, cause: PyErr) -> PyErr {
    caused(py, ErrorKind::Decode, message, None, cause)
}

/// A parsed body that Python's own encoder cannot print again, so that nothing can match it.
pub(crate) fn too_deep(py: Python<'_>, cause: PyErr) -> PyErr {
    let message =
        "no signature matches the body as it was parsed: it nests too deep to be printed again, so pass the raw body";
    caused(py, ErrorKind::WebhookVerification, message, Some(Reason::NoMatch), cause)
}

fn caused(py: Python<'_>, kind: ErrorKind, message: &str, reason: Option<Reason>, cause: PyErr) -> PyErr {
    let make = || {
        let parts = [("reason", reason.map(Reason::name))].into_py_dict(py)?;
        module(py)?.getattr(kind.class_name())?.call((message,), Some(&parts))
    };
    match make() {
        Ok(exception) => {
            let exception = PyErr::from_value(exception);
            exception.set_cause(py, Some(cause));
            exception
        }
        Err(instead) => instead,
    }
}

/// The exception for an error.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    match instance(py, error) {
        Ok(exception) => PyErr::from_value(exception),
        // Memory ran out, or `headcount.errors` is broken: that is what there is to tell.
        Err(instead) => instead,
    }
}

fn instance<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let parts = PyDict::new(py);
    parts.set_item("context", error.context().iter().map(|(name, value)| (*name, value)).into_py_dict(py)?)?;
    parts.set_item("reason", error.reason().map(|reason| reason.name()))?;
    parts.set_item("status", error.http_status())?;
    parts.set_item("code", error.code())?;
    parts.set_item("details", error.details())?;
    parts.set_item("request_id", error.request_id())?;
    parts.set_item("retry_after", error.retry_after().map(|wait| wait.as_secs_f64()))?;
    parts.set_item("temporary", error.status() != ErrorStatus::Permanent)?;
    if let Some(removals) = error.removals() {
        parts.set_item("count", removals.count)?;
        parts.set_item("limit", removals.limit)?;
        parts.set_item("directory_id", &removals.directory_id)?;
        parts.set_item("user_ids", &removals.user_ids)?;
    }
    module(py)?.getattr(error.kind().class_name())?.call((error.message(),), Some(&parts))
}

fn module(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    Ok(MODULE.get_or_try_init(py, || py.import("headcount.errors").map(Bound::unbind))?.bind(py).clone())
}
