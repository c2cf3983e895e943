//! Calls about directories, and the listings of their users and groups.

use super::path::Path;
use super::{Client, List};
use crate::model::{Directory, DirectoryToggle, Group, User, null_is_default};
use crate::{Error, ErrorKind, Result};
use http::Method;
use serde::Deserialize;

/// Calls about directories; made by [`Client::directories`].
#[derive(Clone, Debug)]
pub struct Directories(Client);

#[derive(Deserialize)]
struct One {
    directory: Directory,
}

#[derive(Deserialize)]
struct All {
    #[serde(default, deserialize_with = "null_is_default")]
    directories: Vec<Directory>,
}

impl Client {
    /// Returns the calls about directories, their users and their groups.
    pub fn directories(&self) -> Directories {
        Directories(self.clone())
    }
}

impl Directories {
    /// Returns all directories of an organization, in one answer.
    ///
    /// The future may be dropped: the request, which only reads, is then cancelled.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such organization.
    pub async fn list(&self, organization_id: &str) -> Result<Vec<Directory>> {
        let call = organization(organization_id).get("list directories");
        Ok(self.0.fetch::<All>(call).await?.directories)
    }

    /// Returns one directory.
    ///
    /// The future may be dropped: the request, which only reads, is then cancelled.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if the organization has no such directory.
    pub async fn get(&self, organization_id: &str, directory_id: &str) -> Result<Directory> {
        let call = directory(organization_id, directory_id).get("get directory");
        Ok(self.0.fetch::<One>(call).await?.directory)
    }

    /// Returns the first directory of the organization's list; most organizations have only one.
    ///
    /// The future may be dropped: the request, which only reads, is then cancelled.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if the organization has no directory, or there is no such organization.
    pub async fn primary(&self, organization_id: &str) -> Result<Directory> {
        self.list(organization_id).await?.into_iter().next().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "the organization has no directory: set one up in its admin portal")
                .with_context("operation", "get primary directory")
                .with_context("organization", organization_id)
        })
    }

    /// Starts the synchronization of the directory by Scalekit. If Scalekit cannot start it, [`error_message`](DirectoryToggle::error_message) of
    /// the result says why.
    ///
    /// The future may be dropped: the request is then cancelled, and the directory may have been enabled or not. The call may be repeated.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if the organization has no such directory.
    pub async fn enable(&self, organization_id: &str, directory_id: &str) -> Result<DirectoryToggle> {
        self.toggle(organization_id, directory_id, "enable", "enable directory").await
    }

    /// Stops the synchronization of the directory by Scalekit. If Scalekit cannot stop it, [`error_message`](DirectoryToggle::error_message) of
    /// the result says why.
    ///
    /// The future may be dropped: the request is then cancelled, and the directory may have been disabled or not. The call may be repeated.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if the organization has no such directory.
    pub async fn disable(&self, organization_id: &str, directory_id: &str) -> Result<DirectoryToggle> {
        self.toggle(organization_id, directory_id, "disable", "disable directory").await
    }

    /// Lists a directory's users: `.send()` for one page, `.stream()` or `.pages()` for all of them.
    pub fn users(&self, organization_id: &str, directory_id: &str) -> List<User> {
        List::new(self.0.clone(), directory(organization_id, directory_id).then("users"))
    }

    /// Lists a directory's groups: `.send()` for one page, `.stream()` or `.pages()` for all of them.
    pub fn groups(&self, organization_id: &str, directory_id: &str) -> List<Group> {
        List::new(self.0.clone(), directory(organization_id, directory_id).then("groups"))
    }

    async fn toggle(
        &self,
        organization_id: &str,
        id: &str,
        verb: &str,
        operation: &'static str,
    ) -> Result<DirectoryToggle> {
        let call = directory(organization_id, id).verb(verb).call(Method::PATCH, operation);
        self.0.fetch(call).await
    }
}

fn organization(id: &str) -> Path {
    Path::new("organizations").id("organization", id).then("directories")
}

fn directory(organization_id: &str, id: &str) -> Path {
    organization(organization_id).id("directory", id)
}
