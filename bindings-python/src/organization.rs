//! `client.organization`: the companies that the application is sold to.

use crate::border::wait;
use crate::client::State;
use crate::convert::{Count, Text};
use crate::errors::OrRaise;
use crate::listing::{OrganizationIterator, OrganizationPage};
use crate::models::Organization;
use headcount::blocking::{List, Organizations};
use pyo3::prelude::*;
use std::sync::Arc;

/// Calls about organizations: ``client.organization``.
#[pyclass(frozen, module = "headcount")]
pub(crate) struct OrganizationClient(Arc<State>);

impl OrganizationClient {
    pub(crate) fn new(state: Arc<State>) -> OrganizationClient {
        OrganizationClient(state)
    }

    fn organizations(&self, py: Python<'_>) -> PyResult<Organizations> {
        Ok(self.0.client().or_raise(py)?.organizations())
    }

    fn list(
        &self,
        py: Python<'_>,
        page_size: Option<Count>,
        page_token: Option<Text>,
        external_id: Option<Text>,
    ) -> PyResult<List<headcount::Organization>> {
        Ok(self
            .organizations(py)?
            .list()
            .page_size(page_size.map(|size| size.0))
            .page_token(page_token.as_deref())
            .external_id(external_id.as_deref()))
    }
}

#[pymethods]
impl OrganizationClient {
    /// One page of organizations; ``all`` gives every page.
    #[pyo3(signature = (*, page_size = None, page_token = None, external_id = None))]
    fn list_organizations(
        &self,
        py: Python<'_>,
        page_size: Option<Count>,
        page_token: Option<Text>,
        external_id: Option<Text>,
    ) -> PyResult<OrganizationPage> {
        let list = self.list(py, page_size, page_token, external_id)?;
        OrganizationPage::make(py, wait(py, || list.send())?)
    }

    /// The name that the vendor's other SDKs have for ``list_organizations``.
    #[pyo3(signature = (*, page_size = None, page_token = None, external_id = None))]
    fn list_organization(
        &self,
        py: Python<'_>,
        page_size: Option<Count>,
        page_token: Option<Text>,
        external_id: Option<Text>,
    ) -> PyResult<OrganizationPage> {
        self.list_organizations(py, page_size, page_token, external_id)
    }

    /// Every organization, page after page.
    #[pyo3(signature = (*, page_size = None, page_token = None, external_id = None))]
    fn all(
        &self,
        py: Python<'_>,
        page_size: Option<Count>,
        page_token: Option<Text>,
        external_id: Option<Text>,
    ) -> PyResult<OrganizationIterator> {
        Ok(OrganizationIterator::make(self.0.clone(), self.list(py, page_size, page_token, external_id)?))
    }

    /// The organization with this id (``org_...``).
    fn get_organization(&self, py: Python<'_>, organization_id: Text) -> PyResult<Organization> {
        let organizations = self.organizations(py)?;
        Ok(wait(py, || organizations.get(&organization_id))?.into())
    }

    /// The organization that the application knows by this id of its own.
    fn get_organization_by_external_id(&self, py: Python<'_>, external_id: Text) -> PyResult<Organization> {
        let organizations = self.organizations(py)?;
        Ok(wait(py, || organizations.get_by_external_id(&external_id))?.into())
    }
}
