//! Converts text, numbers, times and durations between Python and Rust.

use crate::errors::invalid_argument;
use headcount::Timestamp;
use jiff::tz::Offset;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyUnicodeEncodeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDateTime, PyDelta, PyDeltaAccess, PyFloat, PyInt, PyString, PyType, PyTzInfo};
use std::ops::Deref;
use std::time::Duration;

/// A text argument. Raises `InvalidArgumentError` for text with a lone surrogate.
pub(crate) struct Text(PyBackedStr);

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Text {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Text> {
        value.extract::<PyBackedStr>().map(Text).map_err(|error| {
            if error.is_instance_of::<PyUnicodeEncodeError>(value.py()) {
                invalid_argument(
                    value.py(),
                    "the text contains a lone surrogate: expected text that can be encoded as UTF-8",
                )
            } else {
                error
            }
        })
    }
}

impl From<Text> for String {
    fn from(text: Text) -> String {
        text.to_string()
    }
}

/// A count that must be at least 1. Extraction accepts 0, and the core returns the error for it.
pub(crate) struct Count(pub(crate) u32);

impl From<Count> for u32 {
    fn from(count: Count) -> u32 {
        count.0
    }
}

/// A limit, which may be 0.
pub(crate) struct Size(u32);

impl From<Size> for u32 {
    fn from(size: Size) -> u32 {
        size.0
    }
}

impl From<Size> for usize {
    fn from(size: Size) -> usize {
        size.0.try_into().unwrap_or(usize::MAX)
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Size {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Size> {
        value.extract::<u32>().map(Size).map_err(|error| {
            if error.is_instance_of::<PyOverflowError>(value.py()) {
                invalid_argument(value.py(), "the number is negative or too large: expected 0 to 4294967295")
            } else {
                error
            }
        })
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Count {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Count> {
        value.extract::<u32>().map(Count).map_err(|error| {
            if error.is_instance_of::<PyOverflowError>(value.py()) {
                invalid_argument(value.py(), "the number is negative or too large: expected at least 1")
            } else {
                error
            }
        })
    }
}

/// A duration: seconds as a number, or a `timedelta`.
pub(crate) struct Span(pub(crate) Duration);

impl From<Span> for Duration {
    fn from(span: Span) -> Duration {
        span.0
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Span {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Span> {
        let py = value.py();
        let seconds: f64 = if value.is_instance_of::<PyDelta>() {
            value.call_method0(intern!(py, "total_seconds"))?.extract()?
        } else {
            value.extract()?
        };
        Duration::try_from_secs_f64(seconds)
            .map(Span)
            .map_err(|_| invalid_argument(py, format!("{seconds} is not a duration: expected seconds, 0 or more")))
    }
}

/// A time: an aware `datetime`, or RFC 3339 text.
pub(crate) struct Moment(pub(crate) Timestamp);

impl<'a, 'py> FromPyObject<'a, 'py> for Moment {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Moment> {
        if let Ok(moment) = value.cast::<PyDateTime>() {
            return from_datetime(&moment).map(Moment);
        }
        if !value.is_instance_of::<PyString>() {
            return Err(wrong_type(&value, "an aware datetime or RFC 3339 text"));
        }
        let text: Text = value.extract()?;
        text.parse().map(Moment).map_err(|_| {
            invalid_argument(value.py(), "the text is not a time: expected RFC 3339, such as 2025-01-31T09:00:00Z")
        })
    }
}

/// The current time, as given by the caller: an aware `datetime`, or Unix seconds.
pub(crate) struct Now(pub(crate) Timestamp);

impl<'a, 'py> FromPyObject<'a, 'py> for Now {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Now> {
        if let Ok(moment) = value.cast::<PyDateTime>() {
            return from_datetime(&moment).map(Now);
        }
        let seconds = if value.is_instance_of::<PyInt>() {
            value.extract::<i64>().ok().and_then(|seconds| Timestamp::from_second(seconds).ok())
        } else if value.is_instance_of::<PyFloat>() {
            jiff::SignedDuration::try_from_secs_f64(value.extract()?)
                .ok()
                .and_then(|seconds| Timestamp::from_duration(seconds).ok())
        } else {
            return Err(wrong_type(&value, "an aware datetime or Unix seconds"));
        };
        seconds.map(Now).ok_or_else(|| invalid_argument(value.py(), "the Unix seconds are out of range"))
    }
}

/// Subtracts the epoch, which is exact. `datetime.timestamp()` would round.
fn from_datetime(moment: &Bound<'_, PyDateTime>) -> PyResult<Timestamp> {
    static EPOCH: PyOnceLock<Py<PyDateTime>> = PyOnceLock::new();
    let py = moment.py();
    if moment.call_method0(intern!(py, "utcoffset"))?.is_none() {
        return Err(invalid_argument(
            py,
            "the datetime has no time zone: use datetime.now(timezone.utc) or .replace(tzinfo=…)",
        ));
    }
    let epoch = EPOCH.get_or_try_init(py, || datetime(py, Timestamp::UNIX_EPOCH).map(Bound::unbind))?.bind(py);
    let since = moment.sub(epoch)?.cast_into::<PyDelta>()?;
    let seconds = i64::from(since.get_days()) * 86_400 + i64::from(since.get_seconds());
    Timestamp::new(seconds, since.get_microseconds() * 1_000)
        .map_err(|_| invalid_argument(py, "the datetime is out of range"))
}

/// An aware `datetime` in UTC, cut off after the microsecond.
pub(crate) fn datetime(py: Python<'_>, moment: Timestamp) -> PyResult<Bound<'_, PyDateTime>> {
    let utc = PyTzInfo::utc(py)?;
    let civil = Offset::UTC.to_datetime(moment);
    PyDateTime::new(
        py,
        civil.year().into(),
        civil.month().unsigned_abs(),
        civil.day().unsigned_abs(),
        civil.hour().unsigned_abs(),
        civil.minute().unsigned_abs(),
        civil.second().unsigned_abs(),
        civil.subsec_nanosecond().unsigned_abs() / 1_000,
        Some(&utc),
    )
}

/// The `TypeError` for an argument of the wrong type.
pub(crate) fn wrong_type(value: &Bound<'_, PyAny>, expected: &str) -> PyErr {
    let class = value.get_type();
    PyTypeError::new_err(format!("expected {expected}, got {}", name(&class)))
}

fn name(class: &Bound<'_, PyType>) -> String {
    use pyo3::types::PyTypeMethods;
    class.name().map_or_else(|_| "something else".to_owned(), |name| name.to_string())
}
