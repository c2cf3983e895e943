//! What is mirrored, and how the mirror stands with it: frozen classes over the Rust value.

use crate::convert::datetime;
use crate::json::from_json;
use headcount::Timestamp;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDateTime, PyDict};

/// Defines the class `$name` over `headcount::$name`, with what all of them have: equality, a hash by the fields of `key`, a `repr` of the
/// fields that are `shown`, which are never those that hold what people are called. `cached` are values that are made when first read.
macro_rules! record {
    (
        $(#[$doc:meta])*
        $name:ident { key: [$($key:ident),*], shown: [$($shown:ident),*], cached: [$($cached:ident),*] }
        $($getters:tt)*
    ) => {
        $(#[$doc])*
        #[pyclass(frozen, module = "headcount")]
        pub(crate) struct $name {
            value: headcount::$name,
            $($cached: pyo3::sync::PyOnceLock<Py<PyAny>>,)*
        }

        impl From<headcount::$name> for $name {
            fn from(value: headcount::$name) -> $name {
                $name { value, $($cached: pyo3::sync::PyOnceLock::new(),)* }
            }
        }

        #[pymethods]
        impl $name {
            $($getters)*

            fn __eq__(&self, other: &$name) -> bool {
                self.value == other.value
            }

            fn __hash__(&self) -> u64 {
                crate::models::hash(&($(&self.value.$key,)*))
            }

            fn __repr__(slf: &Bound<'_, $name>) -> PyResult<String> {
                crate::models::repr(slf.as_any(), stringify!($name), &[$(stringify!($shown)),*], &[])
            }
        }
    };
}
pub(super) use record;

/// Has the class pickle, through the JSON of its value.
macro_rules! pickled {
    ($name:ident) => {
        #[pymethods]
        impl $name {
            #[classmethod]
            fn _from_json(class: &Bound<'_, pyo3::types::PyType>, json: &str) -> PyResult<$name> {
                crate::json::from_pickle::<headcount::$name>(class.py(), json).map($name::from)
            }

            fn __reduce__<'py>(slf: &'py Bound<'py, $name>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
                let py = slf.py();
                let read = slf.get_type().getattr(pyo3::intern!(py, "_from_json"))?;
                Ok((read, (crate::json::to_json(py, &slf.get().value)?,)))
            }
        }
    };
}
pub(super) use pickled;

/// A `dict` of these names and values.
macro_rules! dict {
    ($py:expr, { $($name:literal: $value:expr),* $(,)? }) => {{
        let dict = pyo3::types::PyDict::new($py);
        $(dict.set_item($name, $value)?;)*
        dict
    }};
}
pub(super) use dict;

/// A moment as plain text.
pub(super) fn text(moment: Option<Timestamp>) -> Option<String> {
    moment.map(|moment| moment.to_string())
}

/// Raw JSON, decoded when it is first read.
fn decoded<'py>(
    py: Python<'py>,
    json: Option<&headcount::RawJson>,
    kept: &PyOnceLock<Py<PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some(json) = json else { return Ok(None) };
    let value = kept.get_or_try_init(py, || from_json(py, json.get()).map(Bound::unbind))?;
    Ok(Some(value.bind(py).clone()))
}

record! {
    /// A user as mirrored. Identified by ``id``, never by an address.
    MirrorUser {
        key: [id, organization_id, directory_id, email],
        shown: [id, organization_id, directory_id, active, group_ids, roles, linked_id, updated_at],
        cached: [detail, attributes]
    }

    /// ``diruser_...``. It stays the same whatever else of the user changes.
    #[getter]
    fn id(&self) -> &str {
        &self.value.id
    }

    /// The organization they belong to.
    #[getter]
    fn organization_id(&self) -> &str {
        &self.value.organization_id
    }

    /// The directory that lists them.
    #[getter]
    fn directory_id(&self) -> &str {
        &self.value.directory_id
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

    /// All addresses, as the last listing had them.
    #[getter]
    fn emails(&self) -> Vec<&str> {
        self.value.emails.iter().map(String::as_str).collect()
    }

    /// Whether they may sign in: what the latest event or the listed details say, or else yes.
    #[getter]
    fn active(&self) -> bool {
        self.value.active
    }

    /// The groups they are in, in the order of their ids.
    #[getter]
    fn group_ids(&self) -> Vec<&str> {
        self.value.group_ids.iter().map(String::as_str).collect()
    }

    /// The roles that the role map gives them by their groups, in the order of their names.
    #[getter]
    fn roles(&self) -> Vec<&str> {
        self.value.roles.iter().map(String::as_str).collect()
    }

    /// The roles that the vendor gives them, as the latest event had them.
    #[getter]
    fn vendor_roles(&self) -> Vec<&str> {
        self.value.vendor_roles.iter().map(String::as_str).collect()
    }

    /// The application's own id for them, where it has linked one.
    #[getter]
    fn linked_id(&self) -> Option<&str> {
        self.value.linked_id.as_deref()
    }

    /// When their directory last changed them.
    #[getter]
    fn updated_at<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDateTime>>> {
        self.value.updated_at.map(|moment| datetime(py, moment)).transpose()
    }

    /// The user as their directory describes them, from the last listing. Decoded when first read.
    #[getter]
    fn detail<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        decoded(py, self.value.detail.as_ref(), &self.detail)
    }

    /// What the latest event said beyond the fields above, such as ``title`` and ``department``. Decoded when first read.
    #[getter]
    fn attributes<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        decoded(py, self.value.attributes.as_ref(), &self.attributes)
    }

    /// The fields as plain values: times are RFC 3339 text.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        crate::json::to_dict(py, &self.value)
    }
}

record! {
    /// A group as mirrored.
    MirrorGroup {
        key: [id, organization_id, directory_id, display_name],
        shown: [id, organization_id, directory_id, display_name, updated_at],
        cached: []
    }

    /// ``dirgroup_...``.
    #[getter]
    fn id(&self) -> &str {
        &self.value.id
    }

    /// The organization it belongs to.
    #[getter]
    fn organization_id(&self) -> &str {
        &self.value.organization_id
    }

    /// The directory that lists it.
    #[getter]
    fn directory_id(&self) -> &str {
        &self.value.directory_id
    }

    /// What people call it.
    #[getter]
    fn display_name(&self) -> &str {
        &self.value.display_name
    }

    /// When its directory last changed it.
    #[getter]
    fn updated_at<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDateTime>>> {
        self.value.updated_at.map(|moment| datetime(py, moment)).transpose()
    }

    /// The fields as plain values: times are RFC 3339 text.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        crate::json::to_dict(py, &self.value)
    }
}

record! {
    /// A directory as mirrored.
    MirrorDirectory {
        key: [id, organization_id],
        shown: [id, organization_id, name, directory_type, directory_provider, enabled],
        cached: []
    }

    /// ``dir_...``.
    #[getter]
    fn id(&self) -> &str {
        &self.value.id
    }

    /// The organization it belongs to.
    #[getter]
    fn organization_id(&self) -> &str {
        &self.value.organization_id
    }

    /// What people call it.
    #[getter]
    fn name(&self) -> &str {
        &self.value.name
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

    /// The fields as plain values.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        crate::json::to_dict(py, &self.value)
    }
}

record! {
    /// Removals that the guard holds back until somebody has looked at them.
    Held { key: [count, limit, at, cause], shown: [reason, count, limit, at, cause], cached: [] }

    /// Why: ``mass_removal``, ``empty_listing``, ``directory_disabled``, ``directory_not_found`` or ``deletion_burst``.
    #[getter]
    fn reason(&self) -> &'static str {
        self.value.reason.name()
    }

    /// How many users would be removed.
    #[getter]
    fn count(&self) -> u64 {
        self.value.count
    }

    /// How many may be without approval.
    #[getter]
    fn limit(&self) -> u64 {
        self.value.limit
    }

    /// Since when, by this machine's clock.
    #[getter]
    fn at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.value.at)
    }

    /// The sync or event that would have removed them.
    #[getter]
    fn cause(&self) -> &str {
        &self.value.cause
    }

    /// The fields as plain values: times are RFC 3339 text.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        crate::json::to_dict(py, &self.value)
    }
}

pickled!(MirrorUser);
pickled!(MirrorGroup);
pickled!(MirrorDirectory);
pickled!(Held);

record! {
    /// How the mirror stands with a directory.
    DirectoryStatus {
        key: [last_full_sync, last_incremental_sync, users, groups, watermark],
        shown: [directory, last_full_sync, last_incremental_sync, users, groups, watermark, held, pending_events],
        cached: []
    }

    /// The directory.
    #[getter]
    fn directory(&self) -> MirrorDirectory {
        self.value.directory.clone().into()
    }

    /// When the last full sync that came to its end began.
    #[getter]
    fn last_full_sync<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDateTime>>> {
        self.value.last_full_sync.map(|moment| datetime(py, moment)).transpose()
    }

    /// When the last incremental sync that came to its end began.
    #[getter]
    fn last_incremental_sync<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDateTime>>> {
        self.value.last_incremental_sync.map(|moment| datetime(py, moment)).transpose()
    }

    /// How many users are mirrored.
    #[getter]
    fn users(&self) -> u64 {
        self.value.users
    }

    /// How many groups.
    #[getter]
    fn groups(&self) -> u64 {
        self.value.groups
    }

    /// The latest change of a user that was listed, by the vendor's clock: the next incremental sync goes on a little before it.
    #[getter]
    fn watermark<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDateTime>>> {
        self.value.watermark.map(|moment| datetime(py, moment)).transpose()
    }

    /// The removals that the guard holds back, where it does.
    #[getter]
    fn held(&self) -> Option<Held> {
        self.value.held.clone().map(Held::from)
    }

    /// Number of events of the organization that wait for a sync.
    #[getter]
    fn pending_events(&self) -> u64 {
        self.value.pending_events
    }

    /// The fields as plain values: times are RFC 3339 text.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let value = &self.value;
        Ok(dict!(py, {
            "directory": crate::json::to_dict(py, &value.directory)?,
            "last_full_sync": text(value.last_full_sync),
            "last_incremental_sync": text(value.last_incremental_sync),
            "users": value.users,
            "groups": value.groups,
            "watermark": text(value.watermark),
            "held": value.held.as_ref().map(|held| crate::json::to_dict(py, held)).transpose()?,
            "pending_events": value.pending_events,
        }))
    }
}
