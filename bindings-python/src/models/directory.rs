//! `Directory`: an organization's Okta, Entra, Google, …, and `DirectoryToggle`: how switching one on or off went.

use super::model;
use crate::convert::datetime;
use crate::json::to_dict;
use pyo3::prelude::*;
use pyo3::types::PyDateTime;

model! {
    /// A directory: an organization's Okta, Entra, Google, ..., as Scalekit follows it.
    Directory {
        shown: [
            id, name, organization_id, directory_type, directory_provider, enabled, status, email, directory_endpoint,
            groups_tracked, total_users, total_groups, last_synced_at, stats, attribute_mappings, role_assignments, secrets
        ],
        folded: []
    }

    /// ``dir_...``.
    #[getter]
    fn id(&self) -> &str {
        &self.value.id
    }

    /// What people call it.
    #[getter]
    fn name(&self) -> &str {
        &self.value.name
    }

    /// The organization it belongs to.
    #[getter]
    fn organization_id(&self) -> &str {
        &self.value.organization_id
    }

    /// How Scalekit follows it: ``SCIM``, ``LDAP``, ``POLL``, ...
    #[getter]
    fn directory_type(&self) -> &str {
        self.value.directory_type.as_str()
    }

    /// Whose product it is: ``OKTA``, ``GOOGLE``, ``MICROSOFT_AD``, ...
    #[getter]
    fn directory_provider(&self) -> &str {
        self.value.directory_provider.as_str()
    }

    /// Whether Scalekit follows it at present.
    #[getter]
    fn enabled(&self) -> bool {
        self.value.enabled
    }

    /// The vendor's word for its state.
    #[getter]
    fn status(&self) -> &str {
        &self.value.status
    }

    /// The account whose access is used to poll it.
    #[getter]
    fn email(&self) -> &str {
        &self.value.email
    }

    /// Where the directory sends its changes.
    #[getter]
    fn directory_endpoint(&self) -> &str {
        &self.value.directory_endpoint
    }

    /// Whether all groups are followed, or selected ones.
    #[getter]
    fn groups_tracked(&self) -> &str {
        &self.value.groups_tracked
    }

    /// How many users it has.
    #[getter]
    fn total_users(&self) -> u32 {
        self.value.total_users
    }

    /// How many groups it has.
    #[getter]
    fn total_groups(&self) -> u32 {
        self.value.total_groups
    }

    /// When it was last followed with success.
    #[getter]
    fn last_synced_at<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDateTime>>> {
        self.value.last_synced_at.map(|moment| datetime(py, moment)).transpose()
    }

    /// Counts and last changes.
    #[getter]
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.value.stats.as_ref().map(|stats| to_dict(py, stats)).transpose()
    }

    /// Which attribute of the directory becomes which of Scalekit's: ``{"attributes": [{"key": ..., "map_to": ...}]}``.
    #[getter]
    fn attribute_mappings<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.value.attribute_mappings.as_ref().map(|mappings| to_dict(py, mappings)).transpose()
    }

    /// Which group gives which role: ``{"assignments": [{"group_id": ..., "role_name": ...}]}``.
    #[getter]
    fn role_assignments<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.value.role_assignments.as_ref().map(|assignments| to_dict(py, assignments)).transpose()
    }

    /// The secrets that the directory signs in with: their last characters, never themselves.
    #[getter]
    fn secrets<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_dict(py, &self.value.secrets)
    }
}

model! {
    /// How switching a directory on or off went.
    DirectoryToggle { shown: [enabled, error_message], folded: [] }

    /// Whether the directory is on now.
    #[getter]
    fn enabled(&self) -> bool {
        self.value.enabled
    }

    /// What stood in the way, or empty.
    #[getter]
    fn error_message(&self) -> &str {
        &self.value.error_message
    }
}
