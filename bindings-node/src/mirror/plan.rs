//! Plans: what a sync would change.

use super::options::PlanOptions;
use super::{NativeMirror, OptionalCancel, Promise};
use crate::calls::promise;
use crate::errors::thrown;
use crate::json::{self, Json};
use crate::observe::ProgressCallback;
use crate::options::read;
use headcount::Error;
use headcount::mirror::{Hold, Plan, PlannedChanges, Progress, SyncReport};
use napi::Env;
use napi::bindgen_prelude::{Function, PromiseRaw};
use napi::tokio::sync::Mutex;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

#[napi_derive::napi]
impl NativeMirror {
    /// Resolves to a plan of a sync of one organization, or of one of its directories.
    #[napi]
    pub fn plan<'env>(
        &self,
        env: &'env Env,
        organization_id: String,
        directory_id: Option<String>,
        options: String,
        on_progress: Option<Function<'_, String, ()>>,
        cancel: OptionalCancel<'_>,
    ) -> napi::Result<PromiseRaw<'env, NativePlan>> {
        let on_progress = on_progress.as_ref().map(ProgressCallback::new).transpose()?;
        let mirror = self.mirror();
        promise(env, cancel, async move {
            let plan = mirror?.plan(&organization_id).directory(directory_id.as_deref());
            let mut plan = read::<PlanOptions>(&options)?.apply(plan)?;
            if let Some(callback) = on_progress {
                plan = plan.on_progress(move |progress: &Progress| callback.call(progress));
            }
            Ok(NativePlan(plan.await?))
        })
    }
}

/// What a sync would change.
#[napi_derive::napi]
pub struct NativePlan(Plan);

/// Everything in a plan except for its changes.
#[derive(Serialize)]
struct Summary<'a> {
    outcome: &'static str,
    reports: &'a [SyncReport],
    counts: BTreeMap<&'static str, u64>,
    holds: Vec<&'a Hold>,
    incomplete: Option<&'a str>,
    error: Option<&'a Error>,
}

#[napi_derive::napi]
impl NativePlan {
    /// Returns everything in the plan except for its changes.
    #[napi]
    pub fn summary(&self) -> napi::Result<Json> {
        let plan = &self.0;
        json::text(&Summary {
            outcome: plan.outcome().name(),
            reports: plan.reports(),
            counts: plan.counts().iter().map(|(kind, count)| (kind.name(), *count)).collect(),
            holds: plan.holds().collect(),
            incomplete: plan.incomplete(),
            error: plan.error(),
        })
        .map_err(thrown)
    }

    /// Returns an iterator over the pages of the changes.
    #[napi]
    pub fn pages(&self) -> NativePlannedChanges {
        NativePlannedChanges(Arc::new(Mutex::new(self.0.changes())))
    }

    /// Deletes the temporary database.
    #[napi]
    pub fn close<'env>(&self, env: &'env Env) -> Promise<'env> {
        let plan = self.0.clone();
        promise(env, None, async move { json::text(&plan.close().await?) })
    }
}

/// An iterator over pages of a plan's changes.
#[napi_derive::napi]
pub struct NativePlannedChanges(Arc<Mutex<PlannedChanges>>);

#[napi_derive::napi]
impl NativePlannedChanges {
    /// Resolves to the next page's changes, or null after the last page.
    #[napi]
    pub fn next<'env>(
        &self,
        env: &'env Env,
        cancel: OptionalCancel<'_>,
    ) -> napi::Result<PromiseRaw<'env, Option<Json>>> {
        let changes = Arc::clone(&self.0);
        promise(env, cancel, async move {
            let page = changes.lock().await.next_page().await?;
            if page.is_empty() { Ok(None) } else { json::text(&page).map(Some) }
        })
    }
}
