//! Converts between JSON and Python objects.
//!
//! Decoding is 1.3 to 1.7 times as fast as `json.loads` for an event or a user's details. The crate `jiter` does not compile for the stable
//! ABI of Python 3.9, which the wheel is built for.

use crate::errors::{decode, exception, invalid_argument};
use pyo3::exceptions::PyRecursionError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyList, PyString};
use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;

/// Decodes a JSON text to what `json.loads` returns for it.
pub(crate) fn from_json<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    static KEYS: Mutex<Option<Keys>> = Mutex::new(None);
    // `try_lock`, because garbage collection can run Python code and switch threads while the lock is held: waiting for it could deadlock.
    let mut keys = KEYS.try_lock().ok();
    let keys = keys.as_deref_mut().map(|keys| RefCell::new(keys.get_or_insert_default()));
    let decoder = Decoder { py, keys: keys.as_ref() };
    decoder.deserialize(&mut serde_json::Deserializer::from_str(text)).or_else(|_| loads(py, text))
}

/// Decodes a text that [`Decoder`] cannot decode as Python does: numbers with a fraction, integers above 64 bits, lone surrogates, deep nesting.
fn loads<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    LOADS.import(py, "json", "loads")?.call1((text,)).map_err(|error| {
        if error.is_instance_of::<PyRecursionError>(py) {
            decode(py, "the JSON nests deeper than Python's decoder allows", error)
        } else {
            error
        }
    })
}

/// Converts a record to the `dict` that its JSON decodes to.
pub(crate) fn to_dict<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    from_json(py, &to_json(py, value)?)
}

/// Serializes a record as JSON.
pub(crate) fn to_json(py: Python<'_>, value: &impl Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| exception(py, &headcount::Error::internal(error.to_string())))
}

/// Reads a record from the JSON that pickling made.
pub(crate) fn from_pickle<T: DeserializeOwned>(py: Python<'_>, json: &str) -> PyResult<T> {
    serde_json::from_str(json).map_err(|_| invalid_argument(py, "the pickle was not made by headcount"))
}

/// Serializes a value with `json.dumps`, without white space. Raises the errors of `json.dumps`, but replaces its
/// `RecursionError` for a value that is nested too deep by what `too_deep` returns for it.
pub(crate) fn compact_json<'py>(
    value: &Bound<'py, PyAny>,
    too_deep: impl FnOnce(Python<'py>, PyErr) -> PyErr,
) -> PyResult<Bound<'py, PyString>> {
    static DUMPS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    let options = PyDict::new(py);
    options.set_item("separators", (",", ":"))?;
    options.set_item("ensure_ascii", false)?;
    let printed = DUMPS
        .import(py, "json", "dumps")?
        .call((value,), Some(&options))
        .map_err(|error| if error.is_instance_of::<PyRecursionError>(py) { too_deep(py, error) } else { error })?;
    Ok(printed.cast_into()?)
}

/// Python strings of object keys. They are reused, because most texts have the same keys.
type Keys = HashMap<Box<str>, Py<PyString>>;

/// Maximum number of keys in [`Keys`].
const KEYS_KEPT: usize = 1_000;
/// Maximum length of a key in [`Keys`], in bytes.
const KEY_LENGTH: usize = 64;

/// Makes Python objects while serde_json parses.
#[derive(Clone, Copy)]
struct Decoder<'a, 'py> {
    py: Python<'py>,
    /// `None` while another decoding uses the keys: each key is then a new string.
    keys: Option<&'a RefCell<&'a mut Keys>>,
}

impl<'de, 'py> DeserializeSeed<'de> for Decoder<'_, 'py> {
    type Value = Bound<'py, PyAny>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, 'py> Visitor<'de> for Decoder<'_, 'py> {
    type Value = Bound<'py, PyAny>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value that needs no floating-point number")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(self.py.None().into_bound(self.py))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(PyBool::new(self.py, value).to_owned().into_any())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        value.into_pyobject(self.py).map(Bound::into_any).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        value.into_pyobject(self.py).map(Bound::into_any).map_err(E::custom)
    }

    // There is no `visit_f64`: serde_json rounds the last digit in another way than Python and reads large integers as floats.

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(PyString::new(self.py, value).into_any())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let list = PyList::empty(self.py);
        while let Some(item) = items.next_element_seed(self)? {
            list.append(item).map_err(A::Error::custom)?;
        }
        Ok(list.into_any())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let dict = PyDict::new(self.py);
        while let Some(key) = entries.next_key_seed(Key(self))? {
            dict.set_item(key, entries.next_value_seed(self)?).map_err(A::Error::custom)?;
        }
        Ok(dict.into_any())
    }
}

/// Makes the Python string of a key, or takes it from [`Keys`].
struct Key<'a, 'py>(Decoder<'a, 'py>);

impl<'de, 'py> DeserializeSeed<'de> for Key<'_, 'py> {
    type Value = Bound<'py, PyString>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'py> Visitor<'_> for Key<'_, 'py> {
    type Value = Bound<'py, PyString>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key of an object")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        let Decoder { py, keys } = self.0;
        let Some(keys) = keys else { return Ok(PyString::new(py, key)) };
        if let Some(kept) = keys.borrow().get(key) {
            return Ok(kept.bind(py).clone());
        }
        let made = PyString::new(py, key);
        let mut keys = keys.borrow_mut();
        if keys.len() < KEYS_KEPT && key.len() <= KEY_LENGTH {
            keys.insert(key.into(), made.clone().unbind());
        }
        Ok(made)
    }
}
