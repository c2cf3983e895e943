//! `User`: a user of a directory.

use super::{Group, model};
use crate::convert::datetime;
use crate::json::from_json;
use pyo3::prelude::*;
use pyo3::types::PyDateTime;

model! {
    /// A user of a directory: somebody who works at the organization. Identified by ``id``, never by an address.
    User {
        shown: [id, email, given_name, family_name, preferred_username, emails, groups, updated_at],
        folded: [user_detail]
    }

    /// ``diruser_...``.
    #[getter]
    fn id(&self) -> &str {
        &self.value.id
    }

    /// The primary address.
    #[getter]
    fn email(&self) -> &str {
        &self.value.email
    }

    /// First name.
    #[getter]
    fn given_name(&self) -> &str {
        &self.value.given_name
    }

    /// Last name.
    #[getter]
    fn family_name(&self) -> &str {
        &self.value.family_name
    }

    /// What they sign in with at their directory.
    #[getter]
    fn preferred_username(&self) -> &str {
        &self.value.preferred_username
    }

    /// All addresses.
    #[getter]
    fn emails(&self) -> Vec<&str> {
        self.value.emails.iter().map(String::as_str).collect()
    }

    /// The groups they are in.
    #[getter]
    fn groups(&self) -> Vec<Group> {
        self.value.groups.iter().cloned().map(Group::from).collect()
    }

    /// When the user was last changed.
    #[getter]
    fn updated_at<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDateTime>>> {
        self.value.updated_at.map(|moment| datetime(py, moment)).transpose()
    }

    /// The user as their directory describes them, where details were asked for. Decoded when first read.
    #[getter]
    fn user_detail<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(detail) = &self.value.user_detail else { return Ok(None) };
        let decoded = self.decoded.get_or_try_init(py, || from_json(py, detail.get()).map(Bound::unbind))?;
        Ok(Some(decoded.bind(py).clone()))
    }
}
