//! Converts text, numbers, times and durations between Python and Rust.

use crate::errors::{OrRaise, argument_type_error, invalid_argument};
use headcount::Timestamp;
use headcount::internal::parse_moment;
use jiff::tz::Offset;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyUnicodeEncodeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyDate, PyDateTime, PyDelta, PyDeltaAccess, PyDict, PyFloat, PyInt, PyIterator, PyString, PyType, PyTzInfo,
};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::PathBuf;
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
                replace_type_error(&value, "a str", error)
            }
        })
    }
}

/// Several texts: an iterable of `str`, but not a `str`.
pub(crate) struct Texts(Vec<String>);

impl From<Texts> for Vec<String> {
    fn from(texts: Texts) -> Vec<String> {
        texts.0
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Texts {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Texts> {
        let expected = "a list of str";
        if value.is_instance_of::<PyString>() {
            return Err(wrong_type(&value, expected));
        }
        let texts = value.try_iter().map_err(|error| replace_type_error(&value, expected, error))?;
        texts.map(|text| text?.extract::<Text>().map(String::from)).collect::<PyResult<_>>().map(Texts)
    }
}

/// Several texts that are read one after another: an iterable of `str`, but not a `str`.
pub(crate) struct TextIterator(Py<PyIterator>);

impl<'a, 'py> FromPyObject<'a, 'py> for TextIterator {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<TextIterator> {
        let expected = "an iterable of str";
        if value.is_instance_of::<PyString>() {
            return Err(wrong_type(&value, expected));
        }
        let texts = value.try_iter().map_err(|error| replace_type_error(&value, expected, error))?;
        Ok(TextIterator(texts.unbind()))
    }
}

impl TextIterator {
    /// Reads the next texts, at most `most`; none after the last one.
    pub(crate) fn next_page(&self, py: Python<'_>, most: usize) -> PyResult<Vec<String>> {
        let texts = self.0.bind(py).clone();
        texts.take(most).map(|text| text?.extract::<Text>().map(String::from)).collect()
    }
}

/// A map from text to text: a `dict` with `str` keys and values.
pub(crate) struct TextMap(BTreeMap<String, String>);

impl From<TextMap> for BTreeMap<String, String> {
    fn from(map: TextMap) -> BTreeMap<String, String> {
        map.0
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for TextMap {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<TextMap> {
        let Ok(dict) = value.cast::<PyDict>() else { return Err(wrong_type(&value, "a dict of str to str")) };
        let text = |text: Bound<'_, PyAny>| text.extract::<Text>().map(String::from);
        dict.iter().map(|(key, value)| Ok((text(key)?, text(value)?))).collect::<PyResult<_>>().map(TextMap)
    }
}

/// Defines an argument type that wraps one of Rust's own types. PyO3 can add the argument's name to all conversion
/// errors of the wrapper, but not to all of the wrapped type.
macro_rules! plain_argument {
    ($(#[$doc:meta])* $name:ident, $value:ty, $expected:literal) => {
        $(#[$doc])*
        pub(crate) struct $name(pub(crate) $value);

        impl From<$name> for $value {
            fn from(argument: $name) -> $value {
                argument.0
            }
        }

        impl<'a, 'py> FromPyObject<'a, 'py> for $name {
            type Error = PyErr;

            fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<$name> {
                value.extract::<$value>().map($name).map_err(|error| {
                    if error.is_instance_of::<PyOverflowError>(value.py()) {
                        invalid_argument(value.py(), concat!("the number is out of range: expected ", $expected))
                    } else {
                        replace_type_error(&value, $expected, error)
                    }
                })
            }
        }
    };
}

plain_argument! {
    /// A flag.
    Flag, bool, "a bool"
}
plain_argument! {
    /// A number.
    Number, f64, "a number"
}
plain_argument! {
    /// A whole number that is not negative.
    Whole, u64, "an int, 0 to 18446744073709551615"
}
plain_argument! {
    /// The number of a change.
    Seq, i64, "an int of 64 bits"
}
plain_argument! {
    /// A path of a file.
    FilePath, PathBuf, "a path as str or os.PathLike"
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
                replace_type_error(&value, "an int", error)
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
                replace_type_error(&value, "an int", error)
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
            value.extract().map_err(|error| replace_type_error(&value, "seconds as a number, or a timedelta", error))?
        };
        Duration::try_from_secs_f64(seconds)
            .map(Span)
            .map_err(|_| invalid_argument(py, format!("{seconds} is not a duration: expected seconds, 0 or more")))
    }
}

/// A time: an aware `datetime`, a `date` (its first instant in UTC), RFC 3339 text, or a date as text.
pub(crate) struct Moment(pub(crate) Timestamp);

impl<'a, 'py> FromPyObject<'a, 'py> for Moment {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Moment> {
        if let Ok(moment) = value.cast::<PyDateTime>() {
            return from_datetime(&moment).map(Moment);
        }
        // A `datetime` is a `date` as well; it was handled above.
        if let Ok(date) = value.cast::<PyDate>() {
            let text: Text = date.call_method0(intern!(value.py(), "isoformat"))?.extract()?;
            return parse_moment(&text).map(Moment).or_raise(value.py());
        }
        if !value.is_instance_of::<PyString>() {
            return Err(wrong_type(&value, "an aware datetime, a date or RFC 3339 text"));
        }
        let text: Text = value.extract()?;
        parse_moment(&text).map(Moment).or_raise(value.py())
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

/// Converts an aware `datetime` by subtracting the epoch from it, which is exact: `datetime.timestamp()` would round.
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

/// Returns an aware `datetime` in UTC, cut off after the microsecond.
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

/// Returns the `TypeError` for an argument of the wrong type.
pub(crate) fn wrong_type(value: &Bound<'_, PyAny>, expected: &str) -> PyErr {
    let class = value.get_type();
    argument_type_error(value.py(), &format!("expected {expected}, got {}", name(&class)))
}

/// Returns [`wrong_type`] if `error`, the error of a conversion, is a `TypeError`, and otherwise `error`.
fn replace_type_error(value: &Bound<'_, PyAny>, expected: &str, error: PyErr) -> PyErr {
    if error.is_instance_of::<PyTypeError>(value.py()) { wrong_type(value, expected) } else { error }
}

fn name(class: &Bound<'_, PyType>) -> String {
    use pyo3::types::PyTypeMethods;
    class.name().map_or_else(|_| "something else".to_owned(), |name| name.to_string())
}

/// Returns the value of an enum with this name. `argument` is the argument's name, for the error.
pub(crate) fn named<T: Copy>(
    py: Python<'_>,
    argument: &str,
    name: &str,
    all: &[T],
    name_of: fn(T) -> &'static str,
) -> PyResult<T> {
    all.iter().copied().find(|value| name_of(*value) == name).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|value| name_of(*value)).collect();
        let known =
            known.split_last().map(|(last, others)| format!("{} or {last}", others.join(", "))).unwrap_or_default();
        invalid_argument(py, format!("{argument}: expected {known}, got another text"))
    })
}
