//! Functions that the generated record classes share.

use crate::errors::exception;
use crate::json::{from_json, to_json};
use pyo3::PyClass;
use pyo3::prelude::*;
use pyo3::pyclass_init::PyClassInitializer;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::Any;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::Arc;

/// A value that another module attaches to a record, such as the consumer of a change. Its type is erased, because the
/// generated classes must not depend on that module.
pub(crate) type Attached = Arc<dyn Any + Send + Sync>;

/// Returns a field's object, which `make` creates when the field is first read.
pub(crate) fn cached<'py>(
    py: Python<'py>,
    kept: &PyOnceLock<Py<PyAny>>,
    make: impl FnOnce() -> PyResult<Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    Ok(kept.get_or_try_init(py, make)?.bind(py).clone())
}

/// Makes an object of a class.
pub(crate) fn new_object<C>(py: Python<'_>, value: C) -> PyResult<Py<PyAny>>
where
    C: PyClass + Into<PyClassInitializer<C>>,
{
    Ok(Py::new(py, value)?.into_any())
}

/// Returns a field of raw JSON, decoded when it is first read.
pub(crate) fn json_field<'py>(
    py: Python<'py>,
    json: Option<&headcount::model::RawJson>,
    kept: &PyOnceLock<Py<PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    json.map(|json| cached(py, kept, || from_json(py, json.get()).map(Bound::unbind))).transpose()
}

/// Returns the exception of a field that has an error. It is made when the field is first read; a record that was
/// unpickled has only the exception.
pub(crate) fn error_field<'py>(
    py: Python<'py>,
    error: Option<&headcount::Error>,
    kept: &PyOnceLock<Py<PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    match (kept.get(py), error) {
        (Some(made), _) => Ok(Some(made.bind(py).clone())),
        (None, Some(error)) => cached(py, kept, || Ok(exception(py, error).into_value(py).into_any())).map(Some),
        (None, None) => Ok(None),
    }
}

/// Returns a hash of a record's key fields. It has no random seed.
pub(crate) fn hash(key: &impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(key)
}

/// Returns the hash of a record that has no key fields: that of its JSON.
pub(crate) fn hash_json(py: Python<'_>, value: &impl Serialize) -> PyResult<u64> {
    Ok(hash(&to_json(py, value)?))
}

/// Returns `Name(field=value, …)` with the fields of `shown` whose values are truthy. `id` is always shown.
pub(crate) fn repr(object: &Bound<'_, PyAny>, name: &str, shown: &[&str]) -> PyResult<String> {
    let mut parts = Vec::new();
    for field in shown {
        let value = object.getattr(*field)?;
        if *field == "id" || value.is_truthy()? {
            parts.push(format!("{field}={}", value.repr()?.to_cow()?));
        }
    }
    Ok(format!("{name}({})", parts.join(", ")))
}

/// Returns what `__reduce__` returns: the class's `_from_json` and its arguments. `error` is `None` for a class without
/// an error field, and otherwise the field's exception, if there is one.
pub(crate) fn pickle<'py>(
    object: &Bound<'py, PyAny>,
    value: &impl Serialize,
    error: Option<Option<Bound<'py, PyAny>>>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let py = object.py();
    let from_json = object.get_type().getattr(pyo3::intern!(py, "_from_json"))?;
    let json = to_json(py, value)?.into_pyobject(py)?.into_any();
    let arguments = match error {
        Some(error) => PyTuple::new(py, [json, error.unwrap_or_else(|| py.None().into_bound(py))])?,
        None => PyTuple::new(py, [json])?,
    };
    Ok((from_json, arguments.into_any()))
}

/// Reads a record from the JSON that [`pickle`] wrote.
pub(crate) fn unpickle<T: DeserializeOwned>(py: Python<'_>, json: &str) -> PyResult<T> {
    crate::json::from_pickle(py, json)
}
