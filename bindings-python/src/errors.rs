//! Errors: the one table from kind to exception class, and how an error's parts become attributes.
//!
//! The classes themselves are Python (`headcount/errors.py`): the stable ABI of older interpreters has no way to extend an
//! exception with fields.

use headcount::{Error, ErrorKind, ErrorStatus};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyDict};

/// The class in `headcount.errors` for each kind.
const fn class(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::Config => "ConfigError",
        ErrorKind::InvalidArgument => "InvalidArgumentError",
        ErrorKind::Connection => "ConnectionError",
        ErrorKind::Timeout => "TimeoutError",
        ErrorKind::Api => "ApiError",
        ErrorKind::BadRequest => "BadRequestError",
        ErrorKind::Authentication => "AuthenticationError",
        ErrorKind::PermissionDenied => "PermissionDeniedError",
        ErrorKind::NotFound => "NotFoundError",
        ErrorKind::RateLimit => "RateLimitError",
        ErrorKind::Server => "ServerError",
        ErrorKind::Decode => "DecodeError",
        ErrorKind::WebhookVerification => "WebhookVerificationError",
        ErrorKind::MassRemoval => "MassRemovalError",
        ErrorKind::Store => "StoreError",
        ErrorKind::Cancelled => "CancelledError",
        ErrorKind::Internal => "InternalError",
        _ => return None,
    })
}

/// A kind without a class does not compile.
const _: () = {
    let mut index = 0;
    while index < ErrorKind::ALL.len() {
        assert!(class(ErrorKind::ALL[index]).is_some(), "an error kind has no Python class");
        index += 1;
    }
};

/// The table as a `dict` of kind name to class name.
pub(crate) fn table(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    ErrorKind::ALL.iter().map(|kind| (kind.name(), class(*kind))).into_py_dict(py)
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
    match module(py).and_then(|module| module.getattr(class(ErrorKind::Decode).unwrap_or("Error"))?.call1((message,))) {
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
    module(py)?.getattr(class(error.kind()).unwrap_or("Error"))?.call((error.message(),), Some(&parts))
}

fn module(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    Ok(MODULE.get_or_try_init(py, || py.import("headcount.errors").map(Bound::unbind))?.bind(py).clone())
}
