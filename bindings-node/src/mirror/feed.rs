//! The change feed and its consumers.

use super::options::{PollOptions, WaitOptions};
use super::{NativeMirror, OptionalCancel, Promise};
use crate::json;
use crate::options::{milliseconds, read};
use headcount::{Error, Result};
use napi::Env;

#[napi_derive::napi]
impl NativeMirror {
    /// Promises the changes after a consumer's cursor.
    #[napi]
    pub fn poll<'env>(&self, env: &'env Env, consumer: String, options: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            let limit = read::<PollOptions>(&options)?.limit();
            json::text(&mirror.poll(&consumer, limit).await?)
        })
    }

    /// Promises the changes after a consumer's cursor, and after the change `after` if that is given, as soon as there is one. The list is
    /// empty after `timeout_ms`.
    #[napi]
    pub fn wait<'env>(
        &self,
        env: &'env Env,
        consumer: String,
        after: Option<f64>,
        options: String,
        timeout_ms: Option<f64>,
        cancel: OptionalCancel<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, move |mirror| async move {
            let limit = read::<WaitOptions>(&options)?.limit();
            let timeout = timeout_ms.map(|timeout| milliseconds("timeoutMs", timeout)).transpose()?;
            let after = after.map(change_number).transpose()?;
            json::text(&mirror.wait_after(&consumer, after, limit, timeout).await?)
        })
    }

    /// Acknowledges every change up to and including `seq`.
    #[napi]
    pub fn ack<'env>(&self, env: &'env Env, consumer: String, seq: f64) -> Promise<'env> {
        self.call(
            env,
            None,
            move |mirror| async move { json::text(&mirror.ack(&consumer, change_number(seq)?).await?) },
        )
    }

    /// Parks a change.
    #[napi]
    pub fn park<'env>(&self, env: &'env Env, consumer: String, seq: f64, reason: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            json::text(&mirror.park(&consumer, change_number(seq)?, &reason).await?)
        })
    }

    /// Promises the changes that a consumer has parked.
    #[napi]
    pub fn parked_changes<'env>(&self, env: &'env Env, consumer: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.parked_changes(&consumer).await?) })
    }

    /// Deletes a parked change. Promises whether there was one.
    #[napi]
    pub fn drop_parked<'env>(&self, env: &'env Env, consumer: String, seq: f64) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            json::text(&mirror.drop_parked(&consumer, change_number(seq)?).await?)
        })
    }

    /// Resets a consumer's cursor to a snapshot of the current rows.
    #[napi]
    pub fn start_from_snapshot<'env>(&self, env: &'env Env, consumer: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.start_from_snapshot(&consumer).await?) })
    }

    /// Promises all consumers.
    #[napi]
    pub fn consumers<'env>(&self, env: &'env Env) -> Promise<'env> {
        self.call(env, None, |mirror| async move { json::text(&mirror.consumers().await?) })
    }

    /// Deletes a consumer. Promises whether there was one.
    #[napi]
    pub fn drop_consumer<'env>(&self, env: &'env Env, consumer: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.drop_consumer(&consumer).await?) })
    }
}

/// Converts a JavaScript number to the number of a change.
fn change_number(seq: f64) -> Result<i64> {
    /// Every integer up to this one has an exact `f64`.
    const EXACT: f64 = (1_i64 << 53) as f64;
    if seq.fract() != 0.0 || seq.abs() > EXACT {
        return Err(Error::invalid_argument("seq is not the number of a change: expected the seq of a change"));
    }
    #[allow(clippy::cast_possible_truncation, reason = "an integer that an f64 represents exactly")]
    let seq = seq as i64;
    Ok(seq)
}
