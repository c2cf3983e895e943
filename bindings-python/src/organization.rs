//! `client.organization`: the companies that the application is sold to.

use crate::call::{Asyncio, Blocking, Mode};
use crate::connection::Connection;
use crate::convert::{Count, Span, Text};
use crate::listing::{self, AsyncOrganizationIterator, OrganizationIterator, OrganizationPage};
use crate::models::Organization;
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
            /// One page of organizations; ``all`` gives every page.
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

            /// The name that the vendor's other SDKs have for ``list_organizations``.
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

            /// Every organization, page after page.
            #[pyo3(signature = (
                *, page_size = None, page_token = None, external_id = None, read_ahead = None, timeout = None
            ))]
            fn all(
                &self,
                py: Python<'_>,
                page_size: Option<Count>,
                page_token: Option<Text>,
                external_id: Option<Text>,
                read_ahead: Option<bool>,
                timeout: Option<Span>,
            ) -> PyResult<$iterator> {
                let list = list(&self.0.client(py, timeout)?, page_size, page_token, external_id);
                Ok($iterator::make(listing::items(&self.0, list.read_ahead(read_ahead))))
            }

            /// The organization with this id (``org_...``).
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

            /// The organization that the application knows by this id of its own.
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

            /// Makes an organization that people know as ``display_name``.
            ///
            /// It is tried again only where it is certain that the attempt before made none. After an error that leaves this open,
            /// look for it by its external id.
            #[pyo3(signature = (
                display_name, *, external_id = None, metadata = None, slug = None, logo_url = None, timeout = None
            ))]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn create_organization<'py>(
                &self,
                py: Python<'py>,
                display_name: Text,
                external_id: Option<Text>,
                metadata: Option<BTreeMap<String, String>>,
                slug: Option<Text>,
                logo_url: Option<Text>,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let organizations = self.0.client(py, timeout)?.organizations();
                let fields = fields(None, external_id, metadata, slug, logo_url);
                <$mode>::run(py, async move { organizations.create(&display_name, &fields).await }, |_, made| {
                    Ok(Organization::from(made))
                })
            }

            /// Changes the fields that are given and leaves the others. ``metadata`` replaces all of it; an empty ``slug`` removes it.
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
                metadata: Option<BTreeMap<String, String>>,
                slug: Option<Text>,
                logo_url: Option<Text>,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let organizations = self.0.client(py, timeout)?.organizations();
                let fields = fields(display_name, external_id, metadata, slug, logo_url);
                <$mode>::run(py, async move { organizations.update(&organization_id, &fields).await }, |_, changed| {
                    Ok(Organization::from(changed))
                })
            }

            /// Removes an organization with everything in it, for good.
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
