//! What the application sets: the role map, the settings that the store keeps, and the binding to the environment; and copies of the mirror.

use super::options::{CopyOptions, MirrorOptions, RoleEntry};
use super::{NativeMirror, Promise};
use crate::json;
use crate::options::read;
use headcount::Result;
use napi::Env;

#[napi_derive::napi]
impl NativeMirror {
    /// Stores which groups give which roles: a list of entries as JSON.
    #[napi]
    pub fn set_role_map<'env>(&self, env: &'env Env, entries: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            let entries = read::<Vec<RoleEntry>>(&entries)?.into_iter().map(RoleEntry::entry);
            json::text(&mirror.set_role_map(entries.collect::<Result<Vec<_>>>()?).await?)
        })
    }

    /// Resolves to the group and the role of each entry of the role map.
    #[napi]
    pub fn role_map<'env>(&self, env: &'env Env) -> Promise<'env> {
        self.call(env, None, |mirror| async move { json::text(&mirror.role_map().await?) })
    }

    /// Resolves to the entries of the role map.
    #[napi]
    pub fn role_map_entries<'env>(&self, env: &'env Env) -> Promise<'env> {
        self.call(env, None, |mirror| async move { json::text(&mirror.role_map_entries().await?) })
    }

    /// Resolves to the entries of the role map that match no mirrored group.
    #[napi]
    pub fn unmatched_roles<'env>(&self, env: &'env Env) -> Promise<'env> {
        self.call(env, None, |mirror| async move { json::text(&mirror.unmatched_roles().await?) })
    }

    /// Resolves to the settings in effect; durations are in seconds.
    #[napi]
    pub fn settings<'env>(&self, env: &'env Env) -> Promise<'env> {
        self.call(env, None, |mirror| async move { json::text(&mirror.settings().await?) })
    }

    /// Changes the stored settings.
    #[napi]
    pub fn configure<'env>(&self, env: &'env Env, options: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            json::text(&mirror.configure(read::<MirrorOptions>(&options)?.only_stored()?).await?)
        })
    }

    /// Removes the mirror's binding to its environment.
    #[napi]
    pub fn unbind_environment<'env>(&self, env: &'env Env) -> Promise<'env> {
        self.call(env, None, |mirror| async move { json::text(&mirror.unbind_environment().await?) })
    }

    /// Copies the mirror to a file or a PostgreSQL database. Resolves to a report.
    #[napi]
    pub fn copy_to<'env>(&self, env: &'env Env, target: String, options: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            let options = read::<CopyOptions>(&options)?.copying();
            json::text(&mirror.copy_to(target, options).await?)
        })
    }
}
