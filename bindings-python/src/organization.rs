//! `client.organization`: calls about organizations.

use crate::call::{Asyncio, Blocking, Mode};
use crate::connection::Connection;
use crate::convert::{Count, Flag, Span, Text, TextMap};
use crate::generated::Organization;
use crate::listing::{self, AsyncOrganizationIterator, OrganizationIterator, OrganizationPage};
use headcount::OrganizationFields;
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

fn fields(
    display_name: Option<Text>,
    external_id: Option<Text>,
    metadata: Option<BTreeMap<String, String>>,
    slug: Option<Text>,
    logo_url: Option<Text>,
) -> OrganizationFields {
    let text = |text: Option<Text>| text.map(|text| text.to_string());
    OrganizationFields {
        display_name: text(display_name),
        external_id: text(external_id),
        metadata,
        slug: text(slug),
        logo_url: text(logo_url),
    }
}

fn list(
    client: &headcount::Client,
    page_size: Option<Count>,
    page_token: Option<Text>,
    external_id: Option<Text>,
) -> headcount::List<headcount::Organization> {
    let list = client.organizations().list().page_size(page_size.map(|size| size.0));
    list.page_token(page_token.as_deref()).external_id(external_id.as_deref())
}

macro_rules! organization_client {
    ($class:ident, $mode:ty, $iterator:ident, $doc:literal) => {
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
            /// Returns one page of organizations. ``all`` iterates over every page.
            ///
            /// - ``page_size``: maximum number of items on a page, 10 to 100 (default: the server's).
            /// - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
            /// - ``external_id``: lists only the organization with this id of the application (default: all organizations).
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Raises ``InvalidArgumentError`` if ``page_size`` is 0, an ``ApiError`` if the server refuses the call, and
            /// ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the server gives no usable answer.
            #[pyo3(signature = (*, page_size = None, page_token = None, external_id = None, timeout = None))]
            fn list_organizations<'py>(
                &self,
                py: Python<'py>,
                page_size: Option<Count>,
                page_token: Option<Text>,
                external_id: Option<Text>,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let list = list(&self.0.client(py, timeout)?, page_size, page_token, external_id);
                <$mode>::run(py, async move { list.send().await }, OrganizationPage::make)
            }

            /// As ``list_organizations``. The vendor's other SDKs use this name.
            ///
            /// - ``page_size``: maximum number of items on a page, 10 to 100 (default: the server's).
            /// - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
            /// - ``external_id``: lists only the organization with this id of the application (default: all organizations).
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            #[pyo3(signature = (*, page_size = None, page_token = None, external_id = None, timeout = None))]
            fn list_organization<'py>(
                &self,
                py: Python<'py>,
                page_size: Option<Count>,
                page_token: Option<Text>,
                external_id: Option<Text>,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                self.list_organizations(py, page_size, page_token, external_id, timeout)
            }

            /// Returns an iterator over every organization. It requests a page when it is needed.
            ///
            /// - ``page_size``: maximum number of items on a page, 10 to 100 (default: the server's).
            /// - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
            /// - ``external_id``: lists only the organization with this id of the application (default: all organizations).
            /// - ``read_ahead``: whether the next page is requested while a page is read (default True).
            /// - ``timeout``: deadline of the call for each page with all its attempts, in seconds or as a ``timedelta`` (default: the
            ///   client's ``timeout``).
            ///
            /// Raises ``InvalidArgumentError`` if ``page_size`` is 0. Iterating raises what ``list_organizations`` raises.
            #[pyo3(signature = (
                *, page_size = None, page_token = None, external_id = None, read_ahead = None, timeout = None
            ))]
            fn all(
                &self,
                py: Python<'_>,
                page_size: Option<Count>,
                page_token: Option<Text>,
                external_id: Option<Text>,
                read_ahead: Option<Flag>,
                timeout: Option<Span>,
            ) -> PyResult<$iterator> {
                let list = list(&self.0.client(py, timeout)?, page_size, page_token, external_id);
                Ok($iterator::make(listing::items(&self.0, list.read_ahead(read_ahead.map(bool::from)))))
            }

            /// Returns an organization.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Raises ``NotFoundError`` if there is no such organization. Raises another ``ApiError`` if the server refuses the call, and
            /// ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the server gives no usable answer.
            #[pyo3(signature = (organization_id, *, timeout = None))]
            fn get_organization<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let organizations = self.0.client(py, timeout)?.organizations();
                <$mode>::run(py, async move { organizations.get(&organization_id).await }, |_, found| {
                    Ok(Organization::from(found))
                })
            }

            /// Returns the organization with this id of the application.
            ///
            /// - ``external_id``: the application's own id of the organization.
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Raises ``NotFoundError`` if there is no such organization. Raises another ``ApiError`` if the server refuses the call, and
            /// ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the server gives no usable answer.
            #[pyo3(signature = (external_id, *, timeout = None))]
            fn get_organization_by_external_id<'py>(
                &self,
                py: Python<'py>,
                external_id: Text,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let organizations = self.0.client(py, timeout)?.organizations();
                <$mode>::run(py, async move { organizations.get_by_external_id(&external_id).await }, |_, found| {
                    Ok(Organization::from(found))
                })
            }

            /// Creates an organization and returns it.
            ///
            /// - ``display_name``: name of the organization, 1 to 200 characters.
            /// - ``external_id``: the application's own id of the organization.
            /// - ``metadata``: the application's own keys (3 to 25 characters) and values (1 to 256 characters), at most 10.
            /// - ``slug``: short name in URLs, a DNS label or host name.
            /// - ``logo_url``: URL of the logo, ``https``, at most 1,024 characters.
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// The call is retried only if it is certain that the last attempt created nothing. After an error that leaves this open, look
            /// for the organization by its ``external_id``.
            ///
            /// Raises ``BadRequestError`` if the server refuses a field. Raises another ``ApiError`` if the server refuses the call, and
            /// ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the server gives no usable answer.
            #[pyo3(signature = (
                display_name, *, external_id = None, metadata = None, slug = None, logo_url = None, timeout = None
            ))]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn create_organization<'py>(
                &self,
                py: Python<'py>,
                display_name: Text,
                external_id: Option<Text>,
                metadata: Option<TextMap>,
                slug: Option<Text>,
                logo_url: Option<Text>,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let organizations = self.0.client(py, timeout)?.organizations();
                let fields = fields(None, external_id, metadata.map(Into::into), slug, logo_url);
                <$mode>::run(py, async move { organizations.create(&display_name, &fields).await }, |_, made| {
                    Ok(Organization::from(made))
                })
            }

            /// Changes the given fields of an organization and returns it. Fields that are None keep their value.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``display_name``: name of the organization, 1 to 200 characters.
            /// - ``external_id``: the application's own id of the organization.
            /// - ``metadata``: replaces all of the application's own keys (3 to 25 characters) and values (1 to 256 characters), at most
            ///   10.
            /// - ``slug``: short name in URLs, a DNS label or host name. An empty text removes it.
            /// - ``logo_url``: URL of the logo, ``https``, at most 1,024 characters.
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Raises ``NotFoundError`` if there is no such organization, ``BadRequestError`` if the server refuses a field. Raises another
            /// ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the server
            /// gives no usable answer.
            #[pyo3(signature = (
                organization_id, *, display_name = None, external_id = None, metadata = None, slug = None, logo_url = None,
                timeout = None
            ))]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn update_organization<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                display_name: Option<Text>,
                external_id: Option<Text>,
                metadata: Option<TextMap>,
                slug: Option<Text>,
                logo_url: Option<Text>,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let organizations = self.0.client(py, timeout)?.organizations();
                let fields = fields(display_name, external_id, metadata.map(Into::into), slug, logo_url);
                <$mode>::run(py, async move { organizations.update(&organization_id, &fields).await }, |_, changed| {
                    Ok(Organization::from(changed))
                })
            }

            /// Deletes an organization with everything in it. This cannot be undone.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Raises ``NotFoundError`` if there is no such organization. Raises another ``ApiError`` if the server refuses the call, and
            /// ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the server gives no usable answer.
            #[pyo3(signature = (organization_id, *, timeout = None))]
            fn delete_organization<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let organizations = self.0.client(py, timeout)?.organizations();
                <$mode>::run(py, async move { organizations.delete(&organization_id).await }, |py, ()| Ok(py.None()))
            }
        }
    };
}

organization_client!(
    OrganizationClient,
    Blocking,
    OrganizationIterator,
    "Calls about organizations: ``client.organization``."
);
organization_client!(
    AsyncOrganizationClient,
    Asyncio,
    AsyncOrganizationIterator,
    "Calls about organizations, as coroutines: ``client.organization`` of an ``AsyncClient``."
);
