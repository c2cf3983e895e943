//! `Organization`: one of the companies that the application is sold to.

use super::model;
use crate::convert::datetime;
use crate::json::to_dict;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDateTime, PyDict};

model! {
    /// An organization: one of the companies that the application is sold to.
    Organization {
        shown: [id, display_name, external_id, region_code, slug, logo_url, metadata, settings, create_time, update_time],
        folded: []
    }

    /// ``org_...``.
    #[getter]
    fn id(&self) -> &str {
        &self.value.id
    }

    /// What people call it.
    #[getter]
    fn display_name(&self) -> &str {
        &self.value.display_name
    }

    /// The application's own id for it.
    #[getter]
    fn external_id(&self) -> &str {
        &self.value.external_id
    }

    /// Where its data lives: ``US``, ``EU``, ...
    #[getter]
    fn region_code(&self) -> &str {
        self.value.region_code.as_str()
    }

    /// Its short name in addresses.
    #[getter]
    fn slug(&self) -> &str {
        &self.value.slug
    }

    /// Where its logo is.
    #[getter]
    fn logo_url(&self) -> &str {
        &self.value.logo_url
    }

    /// The application's own keys and values.
    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        (&self.value.metadata).into_py_dict(py)
    }

    /// Which features are on: ``{"features": [{"name": ..., "enabled": ...}]}``.
    #[getter]
    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.value.settings.as_ref().map(|settings| to_dict(py, settings)).transpose()
    }

    /// When it was created.
    #[getter]
    fn create_time<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDateTime>>> {
        self.value.create_time.map(|moment| datetime(py, moment)).transpose()
    }

    /// When it was last changed.
    #[getter]
    fn update_time<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDateTime>>> {
        self.value.update_time.map(|moment| datetime(py, moment)).transpose()
    }
}
