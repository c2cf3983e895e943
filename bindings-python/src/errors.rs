//! Makes exceptions from the core's errors.
//!
//! The classes are written in Python (`headcount/errors.py`), because the stable ABI of older interpreters cannot add fields to an
//! exception class.

use headcount::{Error, ErrorKind, ErrorStatus, Reason};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyDict};

/// Returns the name of the exception class of each kind of error, as a `dict` by kind.
pub(crate) fn table(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    ErrorKind::ALL.iter().map(|kind| (kind.name(), kind.class_name())).into_py_dict(py)
}

/// Converts a result of the core to a result with a Python exception.
pub(crate) trait OrRaise<T> {
    /// Returns the value, or the exception for the error.
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> OrRaise<T> for headcount::Result<T> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| exception(py, &error))
    }
}

/// Returns an `InvalidArgumentError` with this message.
pub(crate) fn invalid_argument(py: Python<'_>, message: impl Into<String>) -> PyErr {
    exception(py, &Error::invalid_argument(message))
}

/// Returns the `TypeError` for an argument of the wrong type: a subclass to which pyo3 can add the argument's name,
/// also before Python 3.11.
pub(crate) fn argument_type_error(py: Python<'_>, message: &str) -> PyErr {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    match CLASS.import(py, "headcount._error", "ArgumentTypeError").and_then(|class| class.call1((message,))) {
        Ok(exception) => PyErr::from_value(exception),
        // The exception cannot be made: memory is exhausted or its class cannot be imported. That error is raised
        // instead.
        Err(failure) => failure,
    }
}

/// Adds the name of an argument to the errors of its conversion, as pyo3 does for arguments that it converts itself.
pub(crate) trait Named<T> {
    /// Returns the value, or the error with the argument's name.
    fn named(self, py: Python<'_>, argument: &str) -> PyResult<T>;
}

impl<T> Named<T> for PyResult<T> {
    fn named(self, py: Python<'_>, argument: &str) -> PyResult<T> {
        self.inspect_err(|error| {
            let note = format!("while processing '{argument}'");
            // Fails before Python 3.11 for classes outside of this package, which have no `add_note`.
            let _ = error.value(py).call_method1(intern!(py, "add_note"), (note,));
        })
    }
}

/// Returns a `DecodeError` whose cause is an exception of Python's JSON decoder.
pub(crate) fn decode(py: Python<'_>, message: &str, cause: PyErr) -> PyErr {
    exception_with_cause(py, ErrorKind::Decode, message, None, cause)
}

/// Returns an `InvalidArgumentError` whose cause is a Python exception.
pub(crate) fn invalid_argument_with_cause(py: Python<'_>, message: &str, cause: PyErr) -> PyErr {
    exception_with_cause(py, ErrorKind::InvalidArgument, message, None, cause)
}

/// Returns the `WebhookVerificationError` for a parsed body that Python's JSON encoder cannot print, so that no
/// signature can match it.
pub(crate) fn body_too_deep(py: Python<'_>, cause: PyErr) -> PyErr {
    let message = "no signature matches the parsed body: it is nested too deep to be printed, so pass the raw body";
    exception_with_cause(py, ErrorKind::WebhookVerification, message, Some(Reason::NoMatch), cause)
}

fn exception_with_cause(py: Python<'_>, kind: ErrorKind, message: &str, reason: Option<Reason>, cause: PyErr) -> PyErr {
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
        // The exception cannot be made: memory is exhausted or its class cannot be imported. That error is raised
        // instead.
        Err(failure) => failure,
    }
}

/// Returns the exception for an error.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    match instance(py, error) {
        Ok(exception) => PyErr::from_value(exception),
        // The exception cannot be made: memory is exhausted or its class cannot be imported. That error is raised
        // instead.
        Err(failure) => failure,
    }
}

fn instance<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let parts = PyDict::new(py);
    parts.set_item("context", error.context().iter().map(|(name, value)| (*name, value)).into_py_dict(py)?)?;
    parts.set_item("reason", error.reason().map(|reason| reason.name()))?;
    parts.set_item("status", error.http_status())?;
    parts.set_item("grpc_status", error.grpc_status())?;
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
