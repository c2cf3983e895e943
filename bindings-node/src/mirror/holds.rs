//! Holds, decisions about them, and the retirement of directories.

use super::options::DirectoryFilter;
use super::pages::SharedPages;
use super::view::NativeMirrorUsers;
use super::{NativeMirror, Promise};
use crate::errors::thrown;
use crate::json;
use crate::options::read;
use napi::Env;

#[napi_derive::napi]
impl NativeMirror {
    /// Resolves to the open holds of an organization or of one of its directories.
    #[napi]
    pub fn holds<'env>(&self, env: &'env Env, organization_id: String, filter: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            let DirectoryFilter { directory_id } = read(&filter)?;
            json::text(&mirror.holds(&organization_id, directory_id.as_deref()).await?)
        })
    }

    /// Returns an iterator over the pages of the users that a hold names.
    #[napi]
    pub fn hold_user_pages(&self, hold_id: String) -> napi::Result<NativeMirrorUsers> {
        let users = self.mirror().and_then(|mirror| mirror.hold_users(&hold_id));
        users.map(|users| NativeMirrorUsers(SharedPages::new(users))).map_err(thrown)
    }

    /// Approves a hold: applies its users' loss of access. Resolves to the number of users who lost it.
    #[napi]
    pub fn approve<'env>(&self, env: &'env Env, hold_id: String, by: String, note: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.approve(&hold_id, &by, &note).await?) })
    }

    /// Drops a hold. Resolves to the number of its users.
    #[napi]
    pub fn dismiss<'env>(&self, env: &'env Env, hold_id: String, by: String, note: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.dismiss(&hold_id, &by, &note).await?) })
    }

    /// Removes the users and groups of a directory that is missing or disabled. Resolves to the number of users that were removed.
    #[napi]
    pub fn retire<'env>(&self, env: &'env Env, directory_id: String, by: String, note: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.retire(&directory_id, &by, &note).await?) })
    }

    /// Resolves to the decisions about the holds of an organization, or to all decisions if there is no id.
    #[napi]
    pub fn approvals<'env>(&self, env: &'env Env, organization_id: Option<String>) -> Promise<'env> {
        self.call(
            env,
            None,
            move |mirror| async move { json::text(&mirror.approvals(organization_id.as_deref()).await?) },
        )
    }

    /// Resolves to the retirements of directories.
    #[napi]
    pub fn retirements<'env>(&self, env: &'env Env) -> Promise<'env> {
        self.call(env, None, |mirror| async move { json::text(&mirror.retirements().await?) })
    }
}
