//! Reading the mirror: users, groups, directories, their status and pending events.

use super::options::{DirectoryFilter, FindOptions, UserFilter};
use super::pages::SharedPages;
use super::{NativeMirror, OptionalCancel, Promise};
use crate::errors::thrown;
use crate::json::{self, Json};
use crate::options::read;
use headcount::mirror::MirrorUsers;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;

#[napi_derive::napi]
impl NativeMirror {
    /// Returns an iterator over the pages of an organization's users.
    #[napi]
    pub fn user_pages(&self, organization_id: String, filter: String) -> napi::Result<NativeMirrorUsers> {
        let users = self.mirror().and_then(|mirror| {
            let UserFilter { directory_id, group_id, .. } = read(&filter)?;
            Ok(mirror.users(&organization_id).directory(directory_id.as_deref()).group(group_id.as_deref()))
        });
        users.map(|users| NativeMirrorUsers(SharedPages::new(users))).map_err(thrown)
    }

    /// Resolves to the groups of an organization or of one of its directories.
    #[napi]
    pub fn groups<'env>(&self, env: &'env Env, organization_id: String, filter: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            let DirectoryFilter { directory_id } = read(&filter)?;
            json::text(&mirror.groups(&organization_id, directory_id.as_deref()).await?)
        })
    }

    /// Resolves to the directories of an organization, or to all directories if there is no id.
    #[napi]
    pub fn directories<'env>(&self, env: &'env Env, organization_id: Option<String>) -> Promise<'env> {
        self.call(
            env,
            None,
            move |mirror| async move { json::text(&mirror.directories(organization_id.as_deref()).await?) },
        )
    }

    /// Resolves to one user, or null.
    #[napi]
    pub fn user<'env>(&self, env: &'env Env, id: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.user(&id).await?) })
    }

    /// Resolves to one group, or null.
    #[napi]
    pub fn group<'env>(&self, env: &'env Env, id: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.group(&id).await?) })
    }

    /// Resolves to the users with the primary e-mail address in `options`.
    #[napi]
    pub fn find_users<'env>(&self, env: &'env Env, options: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            json::text(&mirror.find_users(&read::<FindOptions>(&options)?.email).await?)
        })
    }

    /// Resolves to the status of every directory.
    #[napi]
    pub fn status<'env>(&self, env: &'env Env) -> Promise<'env> {
        self.call(env, None, |mirror| async move { json::text(&mirror.status().await?) })
    }

    /// Resolves to the ids of the users whose removal from a directory the guard holds back.
    #[napi]
    pub fn held_removals<'env>(&self, env: &'env Env, directory_id: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.held_removals(&directory_id).await?) })
    }

    /// Resolves to the pending events of an organization.
    #[napi]
    pub fn pending_events<'env>(&self, env: &'env Env, organization_id: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.pending_events(&organization_id).await?) })
    }
}

/// An iterator over pages of the users of an organization or of a hold.
#[napi_derive::napi]
pub struct NativeMirrorUsers(pub(super) SharedPages<MirrorUsers>);

#[napi_derive::napi]
impl NativeMirrorUsers {
    /// Resolves to the next page's users, or null after the last page.
    #[napi]
    pub fn next<'env>(
        &self,
        env: &'env Env,
        cancel: OptionalCancel<'_>,
    ) -> napi::Result<PromiseRaw<'env, Option<Json>>> {
        self.0.next(env, cancel)
    }
}
