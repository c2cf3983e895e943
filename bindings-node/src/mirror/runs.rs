//! Past syncs and received events.

use super::{NativeMirror, Promise};
use crate::json;
use crate::options::read;
use headcount::mirror::{EventQuery, RunQuery};
use napi::Env;
use serde::Deserialize;

/// Which past syncs are listed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RunOptions {
    directory_id: Option<String>,
    organization_id: Option<String>,
    before: Option<i64>,
    limit: Option<usize>,
}

/// Which received events are listed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EventOptions {
    organization_id: Option<String>,
    subject_id: Option<String>,
    before: Option<i64>,
    limit: Option<usize>,
}

#[napi_derive::napi]
impl NativeMirror {
    /// Resolves to past syncs of directories, newest first.
    #[napi]
    pub fn runs<'env>(&self, env: &'env Env, options: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            let RunOptions { directory_id, organization_id, before, limit } = read(&options)?;
            let limit = limit.unwrap_or(RunQuery::default().limit);
            json::text(&mirror.runs(RunQuery { ids: None, organization_id, directory_id, before, limit }).await?)
        })
    }

    /// Resolves to one received event, or null.
    #[napi]
    pub fn event<'env>(&self, env: &'env Env, id: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.event(&id).await?) })
    }

    /// Resolves to received events, newest first.
    #[napi]
    pub fn events<'env>(&self, env: &'env Env, options: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            let EventOptions { organization_id, subject_id, before, limit } = read(&options)?;
            let limit = limit.unwrap_or(EventQuery::default().limit);
            json::text(&mirror.events(EventQuery { ids: None, organization_id, subject_id, before, limit }).await?)
        })
    }
}
