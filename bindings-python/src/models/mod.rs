//! The wire types as frozen classes over the Rust value: strings are made when they are read, JSON is decoded when it is read.
//!
//! `model!` gives each class what all of them have: equality and hash by value, a `repr`, pickling through JSON, `to_dict`.

mod directory;
mod group;
mod organization;
mod user;

pub(crate) use directory::{Directory, DirectoryToggle};
pub(crate) use group::Group;
pub(crate) use organization::Organization;
pub(crate) use user::User;

use pyo3::prelude::*;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

/// Defines the class `$name` over `headcount::$name`.
///
/// `shown` are the fields that `repr` prints where they hold anything; those that are `folded` it prints as `{...}`.
macro_rules! model {
    (
        $(#[$doc:meta])*
        $name:ident { shown: [$($shown:ident),*], folded: [$($folded:ident),*] }
        $($getters:tt)*
    ) => {
        $(#[$doc])*
        #[pyclass(frozen, module = "headcount")]
        pub(crate) struct $name {
            value: headcount::$name,
            /// What its raw JSON decodes to, once somebody has asked.
            #[allow(dead_code, reason = "not every model has raw JSON")]
            decoded: pyo3::sync::PyOnceLock<Py<PyAny>>,
        }

        impl From<headcount::$name> for $name {
            fn from(value: headcount::$name) -> $name {
                $name { value, decoded: pyo3::sync::PyOnceLock::new() }
            }
        }

        #[pymethods]
        impl $name {
            $($getters)*

            /// The fields as plain values, as the API's JSON has them: times are RFC 3339 text.
            fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                crate::json::to_dict(py, &self.value)
            }

            fn __eq__(&self, other: &$name) -> bool {
                self.value == other.value
            }

            fn __hash__(&self) -> u64 {
                crate::models::hash(&self.value)
            }

            fn __repr__(slf: &Bound<'_, $name>) -> PyResult<String> {
                crate::models::repr(slf.as_any(), stringify!($name), &[$(stringify!($shown)),*], &[$(stringify!($folded)),*])
            }

            #[classmethod]
            fn _from_json(class: &Bound<'_, pyo3::types::PyType>, json: &str) -> PyResult<$name> {
                crate::json::from_pickle::<headcount::$name>(class.py(), json).map($name::from)
            }

            fn __reduce__<'py>(slf: &Bound<'py, $name>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
                let py = slf.py();
                let read = slf.get_type().getattr(pyo3::intern!(py, "_from_json"))?;
                Ok((read, (crate::json::to_json(py, &slf.get().value)?,)))
            }
        }
    };
}
pub(crate) use model;

/// A hash by value. Keyless, so that it lasts as long as the process: Python's sets keep it.
pub(crate) fn hash(value: &impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}

/// `Name(field=value, …)` with the fields that hold anything.
pub(crate) fn repr(object: &Bound<'_, PyAny>, name: &str, shown: &[&str], folded: &[&str]) -> PyResult<String> {
    let mut parts = Vec::new();
    for field in shown {
        let value = object.getattr(*field)?;
        if *field == "id" || value.is_truthy()? {
            parts.push(format!("{field}={}", value.repr()?.to_cow()?));
        }
    }
    for field in folded {
        if !object.getattr(*field)?.is_none() {
            parts.push(format!("{field}={{...}}"));
        }
    }
    Ok(format!("{name}({})", parts.join(", ")))
}
