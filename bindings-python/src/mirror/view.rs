//! Calls that read the mirror (users, groups, directories, their status, pending events), and those that set an account link or a protection.

use super::class::{AsyncMirror, Mirror};
use super::rows::Lists;
use super::users::{self, AsyncMirrorUserIterator, MirrorUserIterator};
use crate::call::{Asyncio, Blocking, Mode};
use crate::convert::Text;
use crate::generated::{DirectoryStatus, MirrorDirectory, MirrorGroup, MirrorUser, PendingEvent};
use pyo3::prelude::*;

/// Defines the calls of a mirror class about what is mirrored.
macro_rules! view {
    ($mirror:ident, $mode:ty, $users:ident) => {
        #[pymethods]
        impl $mirror {
            /// Returns an iterator over an organization's users, in the order in which the mirror first stored them.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``directory_id``: only users of this directory (default: all directories).
            /// - ``group_id``: only members of this group (default: all users).
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (organization_id, directory_id = None, group_id = None))]
            fn users(
                &self,
                py: Python<'_>,
                organization_id: Text,
                directory_id: Option<Text>,
                group_id: Option<Text>,
            ) -> PyResult<$users> {
                let users = self.0.current(py)?.users(&organization_id);
                let users = users.directory(directory_id.as_deref()).group(group_id.as_deref());
                Ok($users::make(users::items(&self.0, users)))
            }

            /// Returns an organization's groups: by the id of their directory, and then in the order in which the mirror first stored them.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``directory_id``: only groups of this directory (default: all directories).
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (organization_id, directory_id = None))]
            fn groups<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                directory_id: Option<Text>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let (organization_id, directory_id) = (organization_id.to_string(), directory_id.map(String::from));
                <$mode>::rows::<_, MirrorGroup, _>(py, &self.0, move |mirror| {
                    let (organization_id, directory_id) = (organization_id.clone(), directory_id.clone());
                    async move { mirror.groups(&organization_id, directory_id.as_deref()).await }
                })
            }

            /// Returns the mirrored directories, sorted by id.
            ///
            /// - ``organization_id``: only directories of this organization (default: all organizations).
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (organization_id = None))]
            fn directories<'py>(&self, py: Python<'py>, organization_id: Option<Text>) -> PyResult<Bound<'py, PyAny>> {
                let organization_id = organization_id.map(String::from);
                <$mode>::rows::<_, MirrorDirectory, _>(py, &self.0, move |mirror| {
                    let organization_id = organization_id.clone();
                    async move { mirror.directories(organization_id.as_deref()).await }
                })
            }

            /// Returns a user, or None if the mirror has no such user.
            ///
            /// - ``user_id``: id of the user (``diruser_...``).
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (user_id))]
            fn user<'py>(&self, py: Python<'py>, user_id: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.user(&user_id).await }, |_, user| Ok(user.map(MirrorUser::from)))
            }

            /// Returns a group, or None if the mirror has no such group.
            ///
            /// - ``group_id``: id of the group (``dirgroup_...``).
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (group_id))]
            fn group<'py>(&self, py: Python<'py>, group_id: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.group(&group_id).await }, |_, group| {
                    Ok(group.map(MirrorGroup::from))
                })
            }

            /// Returns the users of all organizations with this primary e-mail address, compared without regard to case and Unicode
            /// normalization, in the order in which the mirror first stored them. Several users may have the same address.
            ///
            /// - ``email``: the address.
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and if nobody is found and the setting ``fields`` does not list
            /// ``email``; and ``StoreError`` if the store fails.
            #[pyo3(signature = (email))]
            fn find_users<'py>(&self, py: Python<'py>, email: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.find_users(&email).await }, |_, users| {
                    Ok(users.into_iter().map(MirrorUser::from).collect::<Vec<_>>())
                })
            }

            /// Returns how up to date the mirror is with each directory, sorted by directory id.
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.status().await }, |_, status| {
                    Ok(status.into_iter().map(DirectoryStatus::from).collect::<Vec<_>>())
                })
            }

            /// Returns the pending events of an organization, oldest first: those that wait for a sync to show which directory they are about. They
            /// contain no personal data.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (organization_id))]
            fn pending_events<'py>(&self, py: Python<'py>, organization_id: Text) -> PyResult<Bound<'py, PyAny>> {
                let organization_id = organization_id.to_string();
                <$mode>::rows::<_, PendingEvent, _>(py, &self.0, move |mirror| {
                    let organization_id = organization_id.clone();
                    async move { mirror.pending_events(&organization_id).await }
                })
            }

            /// Stores the application's own account id with a user. Later changes of the user have it as ``user.linked_id``.
            ///
            /// - ``user_id``: id of the user (``diruser_...``).
            /// - ``account_id``: the application's id, or None to remove it.
            ///
            /// Raises ``NotFoundError`` if the mirror has no such user. Raises ``InvalidArgumentError`` if the mirror is closed, and
            /// ``StoreError`` if the store fails.
            #[pyo3(signature = (user_id, account_id))]
            fn link<'py>(
                &self,
                py: Python<'py>,
                user_id: Text,
                account_id: Option<Text>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                let call = async move { mirror.link(&user_id, account_id.as_deref()).await };
                <$mode>::run(py, call, |py, ()| Ok(py.None()))
            }

            /// Protects a user: from now on, no listing and no event removes or deactivates the user or takes all roles away without an
            /// approval, whatever the guard's budget. What they would do is held, in a hold with the reason ``protected_users``. Losses
            /// that are held already stay in their hold. What the application asks for is not held: ``set_role_map`` and ``retire``.
            /// The protection ends with ``unprotect``, and when the user is removed.
            ///
            /// - ``user_id``: id of the user (``diruser_...``).
            /// - ``reason``: why, 1 to 2,000 bytes; kept as ``MirrorUser.protection``, and replaces an earlier one.
            ///
            /// Raises ``NotFoundError`` if the mirror has no such user. Raises ``InvalidArgumentError`` for a reason of the wrong length
            /// and if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (user_id, *, reason))]
            fn protect<'py>(&self, py: Python<'py>, user_id: Text, reason: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                let call = async move { mirror.protect(&user_id, &reason).await };
                <$mode>::run(py, call, |py, ()| Ok(py.None()))
            }

            /// Ends the protection of a user: the guard's budget alone limits later losses of access. A loss that is held stays held
            /// until it is approved or dismissed. Does nothing for a user who is not protected.
            ///
            /// - ``user_id``: id of the user (``diruser_...``).
            ///
            /// Raises ``NotFoundError`` if the mirror has no such user. Raises ``InvalidArgumentError`` if the mirror is closed, and
            /// ``StoreError`` if the store fails.
            fn unprotect<'py>(&self, py: Python<'py>, user_id: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                let call = async move { mirror.unprotect(&user_id).await };
                <$mode>::run(py, call, |py, ()| Ok(py.None()))
            }
        }
    };
}

view!(Mirror, Blocking, MirrorUserIterator);
view!(AsyncMirror, Asyncio, AsyncMirrorUserIterator);
