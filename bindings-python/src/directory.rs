//! `client.directory`: directories, their users and their groups.

use crate::call::{Asyncio, Blocking, Mode};
use crate::connection::Connection;
use crate::convert::{Count, Moment, Span, Text};
use crate::listing::{self, AsyncGroupIterator, AsyncUserIterator, GroupIterator, GroupPage, UserIterator, UserPage};
use crate::models::{Directory, DirectoryToggle};
use pyo3::prelude::*;
use std::sync::Arc;

/// Defines `list_directory_users` and `users`, or the same for groups: two methods with the same filters. PyO3 has no way to share a
/// signature.
macro_rules! listings {
    ($class:ident, $mode:ty, $listing:ident, $filter:ident: $filter_type:ty, $page:ident, $one:ident, $one_doc:literal,
     $iterator:ident, $all:ident, $all_doc:literal) => {
        #[pymethods]
        impl $class {
            #[doc = $one_doc]
            #[pyo3(signature = (
                organization_id, directory_id, *, page_size = None, page_token = None, include_detail = None, $filter = None,
                updated_after = None, timeout = None
            ))]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn $one<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                directory_id: Text,
                page_size: Option<Count>,
                page_token: Option<Text>,
                include_detail: Option<bool>,
                $filter: Option<$filter_type>,
                updated_after: Option<Moment>,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let list = self.0.client(py, timeout)?.directories().$listing(&organization_id, &directory_id);
                let list = list.page_size(page_size.map(|size| size.0)).page_token(page_token.as_deref());
                let list = list.include_detail(include_detail).updated_after(updated_after.map(|moment| moment.0));
                let list = list.$filter(listings!(@value $filter $filter));
                <$mode>::run(py, async move { list.send().await }, $page::make)
            }

            #[doc = $all_doc]
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
                include_detail: Option<bool>,
                $filter: Option<$filter_type>,
                updated_after: Option<Moment>,
                read_ahead: Option<bool>,
                timeout: Option<Span>,
            ) -> PyResult<$iterator> {
                let list = self.0.client(py, timeout)?.directories().$listing(&organization_id, &directory_id);
                let list = list.page_size(page_size.map(|size| size.0)).page_token(page_token.as_deref());
                let list = list.include_detail(include_detail).updated_after(updated_after.map(|moment| moment.0));
                let list = list.$filter(listings!(@value $filter $filter));
                Ok($iterator::make(listing::items(&self.0, list.read_ahead(read_ahead))))
            }
        }
    };
    (@value $value:ident directory_group_id) => { $value.as_deref() };
    (@value $value:ident include_external_groups) => { $value };
}

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
            /// The directories of an organization.
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

            /// One directory (``dir_...``) of an organization.
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

            /// The first directory that is listed for an organization; ``NotFoundError`` where there is none.
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

            /// Switches a directory on.
            #[pyo3(signature = (organization_id, directory_id, *, timeout = None))]
            fn enable_directory<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                directory_id: Text,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let directories = self.0.client(py, timeout)?.directories();
                <$mode>::run(py, async move { directories.enable(&organization_id, &directory_id).await }, |_, toggle| {
                    Ok(DirectoryToggle::from(toggle))
                })
            }

            /// Switches a directory off.
            #[pyo3(signature = (organization_id, directory_id, *, timeout = None))]
            fn disable_directory<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                directory_id: Text,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let directories = self.0.client(py, timeout)?.directories();
                <$mode>::run(py, async move { directories.disable(&organization_id, &directory_id).await }, |_, toggle| {
                    Ok(DirectoryToggle::from(toggle))
                })
            }
        }

        listings!(
            $class, $mode, users, directory_group_id: Text, UserPage,
            list_directory_users, "One page of a directory's users; ``users`` gives every page.",
            $users, users, "Every user of a directory, page after page."
        );
        listings!(
            $class, $mode, groups, include_external_groups: bool, GroupPage,
            list_directory_groups, "One page of a directory's groups; ``groups`` gives every page.",
            $groups, groups, "Every group of a directory, page after page."
        );
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
