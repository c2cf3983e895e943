//! `client.directory`: directories, their users and their groups.

use crate::call::{Asyncio, Blocking, Mode};
use crate::connection::Connection;
use crate::convert::{Count, Flag, Moment, Span, Text};
use crate::generated::{Directory, DirectoryToggle};
use crate::listing::{self, AsyncGroupIterator, AsyncUserIterator, GroupIterator, GroupPage, UserIterator, UserPage};
use pyo3::prelude::*;
use std::sync::Arc;

/// Defines `list_directory_users` and `users`, or `list_directory_groups` and `groups`. The methods for users and for groups differ in
/// one filter, and PyO3 cannot share a signature between methods.
macro_rules! listings {
    ($class:ident, $mode:ty, $listing:ident, $filter:ident: $filter_type:ty, $page:ident, $iterator:ident,
     $(#[$one_doc:meta])* $one:ident, $(#[$all_doc:meta])* $all:ident) => {
        #[pymethods]
        impl $class {
            $(#[$one_doc])*
            #[pyo3(signature = (
                organization_id, directory_id, page_size = None, page_token = None, include_detail = None, updated_after = None, *,
                $filter = None, timeout = None
            ))]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn $one<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                directory_id: Text,
                page_size: Option<Count>,
                page_token: Option<Text>,
                include_detail: Option<Flag>,
                updated_after: Option<Moment>,
                $filter: Option<$filter_type>,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let list = self.0.client(py, timeout)?.directories().$listing(&organization_id, &directory_id);
                let list = list.page_size(page_size.map(|size| size.0)).page_token(page_token.as_deref());
                let list = list.include_detail(include_detail.map(bool::from)).updated_after(updated_after.map(|moment| moment.0));
                let list = list.$filter(listings!(@value $filter $filter));
                <$mode>::run(py, async move { list.send().await }, $page::make)
            }

            $(#[$all_doc])*
            #[pyo3(signature = (
                organization_id, directory_id, *, page_size = None, page_token = None, include_detail = None, $filter = None,
                updated_after = None, read_ahead = None, timeout = None
            ))]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn $all(
                &self,
                py: Python<'_>,
                organization_id: Text,
                directory_id: Text,
                page_size: Option<Count>,
                page_token: Option<Text>,
                include_detail: Option<Flag>,
                $filter: Option<$filter_type>,
                updated_after: Option<Moment>,
                read_ahead: Option<Flag>,
                timeout: Option<Span>,
            ) -> PyResult<$iterator> {
                let list = self.0.client(py, timeout)?.directories().$listing(&organization_id, &directory_id);
                let list = list.page_size(page_size.map(|size| size.0)).page_token(page_token.as_deref());
                let list = list.include_detail(include_detail.map(bool::from)).updated_after(updated_after.map(|moment| moment.0));
                let list = list.$filter(listings!(@value $filter $filter));
                Ok($iterator::make(listing::items(&self.0, list.read_ahead(read_ahead.map(bool::from)))))
            }
        }
    };
    (@value $value:ident directory_group_id) => { $value.as_deref() };
    (@value $value:ident include_external_groups) => { $value.map(bool::from) };
}

/// Defines the class with the calls about directories.
macro_rules! directory_client {
    ($class:ident, $mode:ty, $users:ident, $groups:ident, $doc:literal) => {
        #[doc = $doc]
        #[pyclass(frozen, module = "headcount")]
        pub(crate) struct $class(Arc<Connection>);

        impl $class {
            pub(crate) fn new(connection: Arc<Connection>) -> $class {
                $class(connection)
            }
        }

        #[pymethods]
        impl $class {
            /// Returns the directories of an organization.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Raises ``InvalidArgumentError`` if the id is empty or the client is closed, and ``NotFoundError`` if there is no such
            /// organization. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
            /// ``DecodeError`` if the server gives no usable answer.
            #[pyo3(signature = (organization_id, *, timeout = None))]
            fn list_directories<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let directories = self.0.client(py, timeout)?.directories();
                <$mode>::run(py, async move { directories.list(&organization_id).await }, |_, listed| {
                    Ok(listed.into_iter().map(Directory::from).collect::<Vec<_>>())
                })
            }

            /// Returns a directory of an organization.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``directory_id``: id of the directory (``dir_...``).
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Raises ``InvalidArgumentError`` if an id is empty or the client is closed, and ``NotFoundError`` if there is no such
            /// directory. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
            /// ``DecodeError`` if the server gives no usable answer.
            #[pyo3(signature = (organization_id, directory_id, *, timeout = None))]
            fn get_directory<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                directory_id: Text,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let directories = self.0.client(py, timeout)?.directories();
                <$mode>::run(py, async move { directories.get(&organization_id, &directory_id).await }, |_, found| {
                    Ok(Directory::from(found))
                })
            }

            /// Returns the first directory that is listed for an organization.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Raises ``InvalidArgumentError`` if the id is empty or the client is closed, and ``NotFoundError`` if the organization has
            /// no directory. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
            /// ``DecodeError`` if the server gives no usable answer.
            #[pyo3(signature = (organization_id, *, timeout = None))]
            fn get_primary_directory_by_organization_id<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let directories = self.0.client(py, timeout)?.directories();
                <$mode>::run(py, async move { directories.primary(&organization_id).await }, |_, found| {
                    Ok(Directory::from(found))
                })
            }

            /// Enables a directory.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``directory_id``: id of the directory (``dir_...``).
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Raises ``InvalidArgumentError`` if an id is empty or the client is closed, and ``NotFoundError`` if there is no such
            /// directory. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
            /// ``DecodeError`` if the server gives no usable answer.
            #[pyo3(signature = (organization_id, directory_id, *, timeout = None))]
            fn enable_directory<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                directory_id: Text,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let directories = self.0.client(py, timeout)?.directories();
                <$mode>::run(
                    py,
                    async move { directories.enable(&organization_id, &directory_id).await },
                    |_, toggle| Ok(DirectoryToggle::from(toggle)),
                )
            }

            /// Disables a directory.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``directory_id``: id of the directory (``dir_...``).
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Raises ``InvalidArgumentError`` if an id is empty or the client is closed, and ``NotFoundError`` if there is no such
            /// directory. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
            /// ``DecodeError`` if the server gives no usable answer.
            #[pyo3(signature = (organization_id, directory_id, *, timeout = None))]
            fn disable_directory<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                directory_id: Text,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let directories = self.0.client(py, timeout)?.directories();
                <$mode>::run(
                    py,
                    async move { directories.disable(&organization_id, &directory_id).await },
                    |_, toggle| Ok(DirectoryToggle::from(toggle)),
                )
            }
        }

        listings! {
            $class, $mode, users, directory_group_id: Text, UserPage, $users,
            /// Returns one page of a directory's users. ``users`` iterates over every page.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``directory_id``: id of the directory (``dir_...``).
            /// - ``page_size``: maximum number of items on a page, 1 to 30 (default: the server's).
            /// - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
            /// - ``include_detail``: whether users have ``user_detail`` (default: the server's, which is False).
            /// - ``directory_group_id``: lists only members of this group (``dirgroup_...``; default: all users).
            /// - ``updated_after``: lists only users that changed after this time, an aware ``datetime``, a ``date`` (its start in
            ///   UTC), or RFC 3339 text (default: all users).
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Raises ``InvalidArgumentError`` if ``page_size`` is 0, an id is empty or the client is closed.
            ///
            /// Raises ``NotFoundError`` if there is no such directory. Raises another ``ApiError`` if the server refuses the call, and
            /// ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the server gives no usable answer.
            list_directory_users,
            /// Returns an iterator over every user of a directory. Pages are requested during the iteration.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``directory_id``: id of the directory (``dir_...``).
            /// - ``page_size``: maximum number of items on a page, 1 to 30 (default 30).
            /// - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
            /// - ``include_detail``: whether users have ``user_detail`` (default: the server's, which is False).
            /// - ``directory_group_id``: lists only members of this group (``dirgroup_...``; default: all users).
            /// - ``updated_after``: lists only users that changed after this time, an aware ``datetime``, a ``date`` (its start in
            ///   UTC), or RFC 3339 text (default: all users).
            /// - ``read_ahead``: whether the next page is requested while a page is read (default True).
            /// - ``timeout``: deadline of the call for each page with all its attempts, in seconds or as a ``timedelta`` (default: the
            ///   client's ``timeout``).
            ///
            /// Raises ``InvalidArgumentError`` if the client is closed. Iterating raises what ``list_directory_users`` raises.
            users
        }
        listings! {
            $class, $mode, groups, include_external_groups: Flag, GroupPage, $groups,
            /// Returns one page of a directory's groups. ``groups`` iterates over every page.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``directory_id``: id of the directory (``dir_...``).
            /// - ``page_size``: maximum number of items on a page, 1 to 30 (default: the server's).
            /// - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
            /// - ``include_detail``: whether groups have ``group_detail`` (default: the server's, which is False).
            /// - ``include_external_groups``: whether groups of the provider that Scalekit does not synchronize are listed as well
            ///   (default False).
            /// - ``updated_after``: lists only groups that changed after this time, an aware ``datetime``, a ``date`` (its start in
            ///   UTC), or RFC 3339 text (default: all groups).
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Raises ``InvalidArgumentError`` if ``page_size`` is 0, an id is empty or the client is closed.
            ///
            /// Raises ``NotFoundError`` if there is no such directory. Raises another ``ApiError`` if the server refuses the call, and
            /// ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the server gives no usable answer.
            list_directory_groups,
            /// Returns an iterator over every group of a directory. Pages are requested during the iteration.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``directory_id``: id of the directory (``dir_...``).
            /// - ``page_size``: maximum number of items on a page, 1 to 30 (default 30).
            /// - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
            /// - ``include_detail``: whether groups have ``group_detail`` (default: the server's, which is False).
            /// - ``include_external_groups``: whether groups of the provider that Scalekit does not synchronize are listed as well
            ///   (default False).
            /// - ``updated_after``: lists only groups that changed after this time, an aware ``datetime``, a ``date`` (its start in
            ///   UTC), or RFC 3339 text (default: all groups).
            /// - ``read_ahead``: whether the next page is requested while a page is read (default True).
            /// - ``timeout``: deadline of the call for each page with all its attempts, in seconds or as a ``timedelta`` (default: the
            ///   client's ``timeout``).
            ///
            /// Raises ``InvalidArgumentError`` if the client is closed. Iterating raises what ``list_directory_groups`` raises.
            groups
        }
    };
}

directory_client!(
    DirectoryClient,
    Blocking,
    UserIterator,
    GroupIterator,
    "Calls about directories, their users and their groups: ``client.directory``."
);
directory_client!(
    AsyncDirectoryClient,
    Asyncio,
    AsyncUserIterator,
    AsyncGroupIterator,
    "Calls about directories, their users and their groups, as coroutines: ``client.directory`` of an ``AsyncClient``."
);
