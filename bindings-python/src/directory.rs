//! `client.directory`: directories, their users and their groups.

use crate::border::wait;
use crate::client::State;
use crate::convert::{Count, Moment, Text};
use crate::errors::OrRaise;
use crate::listing::{GroupIterator, GroupPage, UserIterator, UserPage};
use crate::models::{Directory, DirectoryToggle};
use headcount::blocking::{Directories, List};
use pyo3::prelude::*;
use std::sync::Arc;

/// Calls about directories, their users and their groups: ``client.directory``.
#[pyclass(frozen, module = "headcount")]
pub(crate) struct DirectoryClient(Arc<State>);

impl DirectoryClient {
    pub(crate) fn new(state: Arc<State>) -> DirectoryClient {
        DirectoryClient(state)
    }

    fn directories(&self, py: Python<'_>) -> PyResult<Directories> {
        Ok(self.0.client().or_raise(py)?.directories())
    }

    #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn list_groups(
        &self,
        py: Python<'_>,
        organization_id: Text,
        directory_id: Text,
        page_size: Option<Count>,
        page_token: Option<Text>,
        include_detail: Option<bool>,
        include_external_groups: Option<bool>,
        updated_after: Option<Moment>,
    ) -> PyResult<List<headcount::Group>> {
        Ok(self
            .directories(py)?
            .groups(&organization_id, &directory_id)
            .page_size(page_size.map(|size| size.0))
            .page_token(page_token.as_deref())
            .include_detail(include_detail)
            .include_external_groups(include_external_groups)
            .updated_after(updated_after.map(|moment| moment.0)))
    }

    #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn list_users(
        &self,
        py: Python<'_>,
        organization_id: Text,
        directory_id: Text,
        page_size: Option<Count>,
        page_token: Option<Text>,
        include_detail: Option<bool>,
        directory_group_id: Option<Text>,
        updated_after: Option<Moment>,
    ) -> PyResult<List<headcount::User>> {
        Ok(self
            .directories(py)?
            .users(&organization_id, &directory_id)
            .page_size(page_size.map(|size| size.0))
            .page_token(page_token.as_deref())
            .include_detail(include_detail)
            .directory_group_id(directory_group_id.as_deref())
            .updated_after(updated_after.map(|moment| moment.0)))
    }
}

#[pymethods]
impl DirectoryClient {
    /// The directories of an organization.
    fn list_directories(&self, py: Python<'_>, organization_id: Text) -> PyResult<Vec<Directory>> {
        let directories = self.directories(py)?;
        let listed = wait(py, || directories.list(&organization_id))?;
        Ok(listed.into_iter().map(Directory::from).collect())
    }

    /// One directory (``dir_...``) of an organization.
    fn get_directory(&self, py: Python<'_>, organization_id: Text, directory_id: Text) -> PyResult<Directory> {
        let directories = self.directories(py)?;
        Ok(wait(py, || directories.get(&organization_id, &directory_id))?.into())
    }

    /// The first directory that is listed for an organization; ``NotFoundError`` where there is none.
    fn get_primary_directory_by_organization_id(&self, py: Python<'_>, organization_id: Text) -> PyResult<Directory> {
        let directories = self.directories(py)?;
        Ok(wait(py, || directories.primary(&organization_id))?.into())
    }

    /// Switches a directory on.
    fn enable_directory(&self, py: Python<'_>, organization_id: Text, directory_id: Text) -> PyResult<DirectoryToggle> {
        let directories = self.directories(py)?;
        Ok(wait(py, || directories.enable(&organization_id, &directory_id))?.into())
    }

    /// Switches a directory off.
    fn disable_directory(
        &self,
        py: Python<'_>,
        organization_id: Text,
        directory_id: Text,
    ) -> PyResult<DirectoryToggle> {
        let directories = self.directories(py)?;
        Ok(wait(py, || directories.disable(&organization_id, &directory_id))?.into())
    }

    /// One page of a directory's users; ``users`` gives every page.
    #[pyo3(signature = (
        organization_id, directory_id, *, page_size = None, page_token = None, include_detail = None,
        directory_group_id = None, updated_after = None
    ))]
    #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn list_directory_users(
        &self,
        py: Python<'_>,
        organization_id: Text,
        directory_id: Text,
        page_size: Option<Count>,
        page_token: Option<Text>,
        include_detail: Option<bool>,
        directory_group_id: Option<Text>,
        updated_after: Option<Moment>,
    ) -> PyResult<UserPage> {
        let list = self.list_users(
            py,
            organization_id,
            directory_id,
            page_size,
            page_token,
            include_detail,
            directory_group_id,
            updated_after,
        )?;
        UserPage::make(py, wait(py, || list.send())?)
    }

    /// One page of a directory's groups; ``groups`` gives every page.
    #[pyo3(signature = (
        organization_id, directory_id, *, page_size = None, page_token = None, include_detail = None,
        include_external_groups = None, updated_after = None
    ))]
    #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn list_directory_groups(
        &self,
        py: Python<'_>,
        organization_id: Text,
        directory_id: Text,
        page_size: Option<Count>,
        page_token: Option<Text>,
        include_detail: Option<bool>,
        include_external_groups: Option<bool>,
        updated_after: Option<Moment>,
    ) -> PyResult<GroupPage> {
        let list = self.list_groups(
            py,
            organization_id,
            directory_id,
            page_size,
            page_token,
            include_detail,
            include_external_groups,
            updated_after,
        )?;
        GroupPage::make(py, wait(py, || list.send())?)
    }

    /// Every user of a directory, page after page.
    #[pyo3(signature = (
        organization_id, directory_id, *, page_size = None, page_token = None, include_detail = None,
        directory_group_id = None, updated_after = None
    ))]
    #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn users(
        &self,
        py: Python<'_>,
        organization_id: Text,
        directory_id: Text,
        page_size: Option<Count>,
        page_token: Option<Text>,
        include_detail: Option<bool>,
        directory_group_id: Option<Text>,
        updated_after: Option<Moment>,
    ) -> PyResult<UserIterator> {
        let list = self.list_users(
            py,
            organization_id,
            directory_id,
            page_size,
            page_token,
            include_detail,
            directory_group_id,
            updated_after,
        )?;
        Ok(UserIterator::make(self.0.clone(), list))
    }

    /// Every group of a directory, page after page.
    #[pyo3(signature = (
        organization_id, directory_id, *, page_size = None, page_token = None, include_detail = None,
        include_external_groups = None, updated_after = None
    ))]
    #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn groups(
        &self,
        py: Python<'_>,
        organization_id: Text,
        directory_id: Text,
        page_size: Option<Count>,
        page_token: Option<Text>,
        include_detail: Option<bool>,
        include_external_groups: Option<bool>,
        updated_after: Option<Moment>,
    ) -> PyResult<GroupIterator> {
        let list = self.list_groups(
            py,
            organization_id,
            directory_id,
            page_size,
            page_token,
            include_detail,
            include_external_groups,
            updated_after,
        )?;
        Ok(GroupIterator::make(self.0.clone(), list))
    }
}
