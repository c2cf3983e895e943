//! Calls about the role map, whose entries define which groups give which roles.

use super::class::{AsyncMirror, Mirror};
use crate::call::{Asyncio, Blocking, Mode};
use crate::convert::{Text, wrong_type};
use crate::errors::Named;
use crate::generated::RoleMapEntry;
use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::{PyMapping, PyString};

#[pymethods]
impl RoleMapEntry {
    /// Makes an entry for the group with this id. It never matches a name.
    ///
    /// - ``group_id``: id of the group (``dirgroup_...``).
    /// - ``role``: the role that members of the group get.
    /// - ``organization_id``: limits the entry to the groups of this organization (``org_...``; default: all organizations).
    #[staticmethod]
    #[pyo3(signature = (group_id, role, *, organization_id = None))]
    fn by_id(group_id: Text, role: Text, organization_id: Option<Text>) -> RoleMapEntry {
        scoped(headcount::mirror::RoleMapEntry::by_id(group_id, role), organization_id)
    }

    /// Makes an entry for the groups with this name, or whose names match this pattern. It never matches an id.
    ///
    /// - ``pattern``: the name, or a pattern of names in which ``*`` stands for any number of characters and ``?`` for one.
    /// - ``role``: the role that members of the groups get.
    /// - ``organization_id``: limits the entry to the groups of this organization (``org_...``; default: all organizations).
    #[staticmethod]
    #[pyo3(signature = (pattern, role, *, organization_id = None))]
    fn by_name(pattern: Text, role: Text, organization_id: Option<Text>) -> RoleMapEntry {
        scoped(headcount::mirror::RoleMapEntry::by_name(pattern, role), organization_id)
    }
}

fn scoped(entry: headcount::mirror::RoleMapEntry, organization_id: Option<Text>) -> RoleMapEntry {
    RoleMapEntry::from(match organization_id {
        Some(id) => entry.in_organization(id),
        None => entry,
    })
}

/// Reads the entries of a role map from a mapping of group to role, or from an iterable of pairs and entries.
fn entries(given: &Bound<'_, PyAny>) -> PyResult<Vec<headcount::mirror::RoleMapEntry>> {
    const EXPECTED: &str =
        "pairs as a mapping of group to role, or as an iterable of (group, role) pairs and RoleMapEntry objects";
    if PyString::is_type_of(given) {
        return Err(wrong_type(given, EXPECTED));
    }
    let items = match given.cast::<PyMapping>() {
        Ok(mapping) => mapping.items()?.into_any(),
        Err(_) => given.clone(),
    };
    let items = items.try_iter().map_err(|_| wrong_type(given, EXPECTED))?;
    items.enumerate().map(|(index, item)| entry(index, &item?)).collect()
}

/// Reads one entry. A pair may be a list, since JSON has no tuples.
fn entry(index: usize, given: &Bound<'_, PyAny>) -> PyResult<headcount::mirror::RoleMapEntry> {
    if let Ok(entry) = given.cast::<RoleMapEntry>() {
        return Ok(entry.get().value.clone());
    }
    let parts = if PyString::is_type_of(given) { Vec::new() } else { given.extract().unwrap_or_default() };
    let Ok([group, role]) = <[Bound<'_, PyAny>; 2]>::try_from(parts) else {
        return Err(wrong_type(given, &format!("pairs[{index}] as a RoleMapEntry or a (group, role) pair")));
    };
    if !group.is_instance_of::<PyString>() {
        return Err(wrong_type(&group, "the id, name or pattern of a group as str"));
    }
    if !role.is_instance_of::<PyString>() {
        let expected = format!("the role of the group {} as str, one pair for each role", group.repr()?.to_cow()?);
        return Err(wrong_type(&role, &expected));
    }
    Ok(headcount::mirror::RoleMapEntry::from((group.extract::<Text>()?, role.extract::<Text>()?)))
}

/// Defines the calls of a mirror class about roles.
macro_rules! roles {
    ($mirror:ident, $mode:ty) => {
        #[pymethods]
        impl $mirror {
            /// Replaces the role map, which gives roles to the members of groups. The resulting changes are in the feed as ``roles.changed`` when
            /// this returns, or has been awaited.
            ///
            /// - ``pairs``: a mapping of group to role, or an iterable of (group, role) pairs and ``RoleMapEntry`` objects, at most 10,000. The group of a
            ///   pair is an id if it begins with ``dirgroup_``, else a name, or a pattern of names with ``*`` and ``?``. ``RoleMapEntry.by_id`` and
            ///   ``RoleMapEntry.by_name`` make an entry for one of them, and may limit the entry to an organization. A user gets the roles of all matching entries.
            ///
            /// Raises ``TypeError``, which names the entry, if an entry is of another type; ``InvalidArgumentError`` for more than 10,000 entries, for
            /// a group, role or organization that is empty or longer than 1,000 bytes, and if the mirror is closed; and ``StoreError`` if the store
            /// fails.
            #[pyo3(signature = (pairs))]
            fn set_role_map<'py>(&self, py: Python<'py>, pairs: &Bound<'_, PyAny>) -> PyResult<Bound<'py, PyAny>> {
                let entries = self::entries(pairs).named(py, "pairs")?;
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.set_role_map(entries).await }, |py, ()| Ok(py.None()))
            }

            /// Returns the role map as pairs of group and role, in the order in which they were set.
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            fn role_map<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.role_map().await }, |_, pairs| Ok(pairs))
            }

            /// Returns the entries of the role map, in the order in which they were set.
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            fn role_map_entries<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.role_map_entries().await }, |_, entries| {
                    Ok(entries.into_iter().map(RoleMapEntry::from).collect::<Vec<_>>())
                })
            }

            /// Returns the entries of the role map that match no mirrored group: the group was renamed or deleted, or the name is misspelt.
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            fn unmatched_roles<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.unmatched_roles().await }, |_, entries| {
                    Ok(entries.into_iter().map(RoleMapEntry::from).collect::<Vec<_>>())
                })
            }
        }
    };
}

roles!(Mirror, Blocking);
roles!(AsyncMirror, Asyncio);
