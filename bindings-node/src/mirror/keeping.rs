//! Backups and metrics of the mirror, erasures of users and organizations, and the users whom an application knows and the mirror lacks.

use super::{NativeMirror, Promise};
use crate::calls::promise;
use crate::json;
use headcount::mirror::{METRICS_CONTENT_TYPE, MetricsOptions, ReconcileOptions, Reconciliation};
use headcount::{Error, Result, Timestamp};
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi::tokio::sync::Mutex;
use std::sync::Arc;

#[napi_derive::napi]
impl NativeMirror {
    /// Writes a backup of the mirror to a new file.
    #[napi]
    pub fn backup<'env>(&self, env: &'env Env, path: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.backup(path).await?) })
    }

    /// Erases a user.
    #[napi]
    pub fn erase_user<'env>(&self, env: &'env Env, user_id: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.erase_user(&user_id).await?) })
    }

    /// Forgets an organization.
    #[napi]
    pub fn forget_organization<'env>(&self, env: &'env Env, organization_id: String) -> Promise<'env> {
        self.call(
            env,
            None,
            move |mirror| async move { json::text(&mirror.forget_organization(&organization_id).await?) },
        )
    }

    /// Returns the content type of the metrics.
    #[napi]
    pub fn metrics_content_type() -> &'static str {
        METRICS_CONTENT_TYPE
    }

    /// Resolves to metrics as OpenMetrics text.
    #[napi]
    pub fn metrics<'env>(&self, env: &'env Env, organizations: bool) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            let mut options = MetricsOptions::default();
            options.organizations = organizations;
            json::text(&mirror.metrics(options).await?)
        })
    }

    /// Resolves to an object that compares ids with the mirror, if that is possible now. `since_ms` is a time in milliseconds since 1970.
    #[napi]
    pub fn reconciliation<'env>(
        &self,
        env: &'env Env,
        organization_id: Option<String>,
        since_ms: Option<f64>,
    ) -> napi::Result<PromiseRaw<'env, NativeReconciliation>> {
        let mirror = self.mirror();
        promise(env, None, async move {
            let mut options = ReconcileOptions::default();
            options.organization_id = organization_id;
            options.since = since_ms.map(time).transpose()?;
            let reconciliation = mirror?.reconciliation(options).await?;
            Ok(NativeReconciliation(Arc::new(Mutex::new(reconciliation))))
        })
    }
}

/// Converts a time in milliseconds since 1970.
fn time(milliseconds: f64) -> Result<Timestamp> {
    #[allow(clippy::cast_possible_truncation, reason = "the cast saturates, and the conversion refuses the result")]
    let whole = if milliseconds.is_finite() { milliseconds.floor() as i64 } else { i64::MAX };
    Timestamp::from_millisecond(whole)
        .map_err(|_| Error::invalid_argument("since is out of range: expected a Date or Unix seconds"))
}

/// Compares ids with the mirror, page by page.
#[napi_derive::napi]
pub struct NativeReconciliation(Arc<Mutex<Reconciliation>>);

#[napi_derive::napi]
impl NativeReconciliation {
    /// Compares a page of ids.
    #[napi]
    pub fn add<'env>(&self, env: &'env Env, page: Vec<String>) -> Promise<'env> {
        let reconciliation = Arc::clone(&self.0);
        promise(env, None, async move { json::text(&reconciliation.lock().await.add(page).await?) })
    }

    /// Resolves to the ids that are not in the mirror, sorted.
    #[napi]
    pub fn absent<'env>(&self, env: &'env Env) -> Promise<'env> {
        let reconciliation = Arc::clone(&self.0);
        promise(env, None, async move { json::text(&reconciliation.lock().await.absent()) })
    }
}
