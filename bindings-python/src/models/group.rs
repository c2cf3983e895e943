//! `Group`: a group of a directory.

use super::model;
use crate::convert::datetime;
use crate::json::from_json;
use pyo3::prelude::*;
use pyo3::types::PyDateTime;

model! {
    /// A group of a directory.
    Group { shown: [id, display_name, total_users, updated_at], folded: [group_detail] }

    /// ``dirgroup_...``.
    #[getter]
    fn id(&self) -> &str {
        &self.value.id
    }

    /// What people call it.
    #[getter]
    fn display_name(&self) -> &str {
        &self.value.display_name
    }

    /// How many members it has.
    #[getter]
    fn total_users(&self) -> u32 {
        self.value.total_users
    }

    /// When it was last changed.
    #[getter]
    fn updated_at<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDateTime>>> {
        self.value.updated_at.map(|moment| datetime(py, moment)).transpose()
    }

    /// The group as its directory describes it, where details were asked for. Decoded when first read.
    #[getter]
    fn group_detail<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(detail) = &self.value.group_detail else { return Ok(None) };
        let decoded = self.decoded.get_or_try_init(py, || from_json(py, detail.get()).map(Bound::unbind))?;
        Ok(Some(decoded.bind(py).clone()))
    }
}
