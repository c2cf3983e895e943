//! The change feed and its consumers.

use super::options::{ConsumerOptions, PollOptions, WaitOptions};
use super::{NativeMirror, OptionalCancel, Promise};
use crate::calls::promise;
use crate::errors::thrown;
use crate::json::{self, Json};
use crate::options::{milliseconds, read};
use headcount::mirror::{Changes, Worker};
use headcount::{Change, Error, Result};
use napi::Env;
use napi::bindgen_prelude::{ClassInstance, PromiseRaw};
use std::sync::{Arc, PoisonError, RwLock};

#[napi_derive::napi]
impl NativeMirror {
    /// Resolves to the changes after a consumer's cursor, in groups if the option `groupByUser` is true.
    #[napi]
    pub fn poll<'env>(&self, env: &'env Env, consumer: String, options: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            let options = read::<PollOptions>(&options)?;
            match options.is_grouped() {
                true => json::text(&mirror.poll_groups(&consumer, options.limit()).await?),
                false => json::text(&mirror.poll(&consumer, options.limit()).await?),
            }
        })
    }

    /// Resolves to the changes after a consumer's cursor as soon as there is one, or to an empty list after `timeout_ms`.
    #[napi]
    pub fn wait<'env>(
        &self,
        env: &'env Env,
        consumer: String,
        options: String,
        timeout_ms: Option<f64>,
        cancel: OptionalCancel<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, move |mirror| async move {
            let limit = read::<WaitOptions>(&options)?.limit();
            let timeout = timeout_ms.map(|timeout| milliseconds("timeoutMs", timeout)).transpose()?;
            json::text(&mirror.wait(&consumer, limit, timeout).await?)
        })
    }

    /// Returns an iterator over a consumer's changes.
    #[napi]
    pub fn changes(&self, consumer: String) -> napi::Result<NativeChanges> {
        let changes = self.mirror().map(|mirror| mirror.changes(&consumer, None));
        changes.map(|changes| NativeChanges(RwLock::new(Some(changes)))).map_err(thrown)
    }

    /// Returns a worker of a consumer with partitions.
    #[napi]
    pub fn consumer(&self, name: String, options: String) -> napi::Result<NativeWorker> {
        let worker = || read::<ConsumerOptions>(&options)?.apply(self.mirror()?.consumer(&name))?.start();
        worker().map(|worker| NativeWorker(RwLock::new(Some(worker)))).map_err(thrown)
    }

    /// Acknowledges every change of a consumer up to and including `seq`.
    #[napi]
    pub fn ack<'env>(&self, env: &'env Env, consumer: String, seq: f64) -> Promise<'env> {
        self.call(
            env,
            None,
            move |mirror| async move { json::text(&mirror.ack(&consumer, change_number(seq)?).await?) },
        )
    }

    /// Parks a change of a consumer, and acknowledges it and those before it.
    #[napi]
    pub fn park<'env>(&self, env: &'env Env, consumer: String, seq: f64, reason: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            json::text(&mirror.park(&consumer, change_number(seq)?, &reason).await?)
        })
    }

    /// Resolves to the changes that a consumer has parked.
    #[napi]
    pub fn parked_changes<'env>(&self, env: &'env Env, consumer: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.parked_changes(&consumer).await?) })
    }

    /// Deletes a parked change. Resolves to whether there was one.
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

    /// Resolves to all consumers.
    #[napi]
    pub fn consumers<'env>(&self, env: &'env Env) -> Promise<'env> {
        self.call(env, None, |mirror| async move { json::text(&mirror.consumers().await?) })
    }

    /// Deletes a consumer. Resolves to whether there was one.
    #[napi]
    pub fn drop_consumer<'env>(&self, env: &'env Env, consumer: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.drop_consumer(&consumer).await?) })
    }
}

/// Returns the iterator or worker of a native object. Fails after `close` of that object, which the JavaScript calls when it closes the mirror.
fn opened<T: Clone>(slot: &RwLock<Option<T>>) -> Result<T> {
    let slot = slot.read().unwrap_or_else(PoisonError::into_inner);
    slot.clone().ok_or_else(|| Error::invalid_argument("the mirror is closed: open another one"))
}

/// Returns the change at an index of a page.
fn change_at(page: &[Change], index: u32) -> Result<&Change> {
    page.get(index as usize).ok_or_else(|| Error::internal("a page has no such change"))
}

/// An iterator over a consumer's changes; `None` after `close`.
#[napi_derive::napi]
pub struct NativeChanges(RwLock<Option<Changes>>);

impl NativeChanges {
    fn changes(&self) -> Result<Changes> {
        opened(&self.0)
    }
}

#[napi_derive::napi]
impl NativeChanges {
    /// Resolves to the next changes as soon as there is one, or null if the mirror is closed.
    #[napi]
    pub fn next<'env>(
        &self,
        env: &'env Env,
        options: String,
        cancel: OptionalCancel<'_>,
    ) -> napi::Result<PromiseRaw<'env, Option<NativeChangePage>>> {
        let changes = self.changes();
        promise(env, cancel, async move {
            let limit = read::<WaitOptions>(&options)?.limit();
            let page = changes?.next_page(limit).await?;
            Ok((!page.is_empty()).then(|| NativeChangePage(page.into())))
        })
    }

    /// Acknowledges one change, and not those before it.
    #[napi]
    pub fn ack<'env>(&self, env: &'env Env, seq: f64) -> Promise<'env> {
        let changes = self.changes();
        promise(env, None, async move { json::text(&changes?.ack(change_number(seq)?).await?) })
    }

    /// Parks the change at an index of a page, and acknowledges it as `ack` does.
    #[napi]
    pub fn park<'env>(
        &self,
        env: &'env Env,
        page: ClassInstance<'_, NativeChangePage>,
        index: u32,
        reason: String,
    ) -> Promise<'env> {
        let (changes, page) = (self.changes(), Arc::clone(&page.0));
        promise(env, None, async move {
            let change = change_at(&page, index)?;
            json::text(&changes?.park(change, &reason).await?)
        })
    }

    /// Ends the iteration, so that another process can read the consumer. Changes can still be acknowledged.
    #[napi]
    pub fn end(&self) {
        if let Ok(changes) = self.changes() {
            changes.close();
        }
    }

    /// Releases the mirror; later calls fail.
    #[napi]
    pub fn close(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// A worker of a consumer with partitions; `None` after `close`. It has the methods of [`NativeChanges`], so that the same JavaScript class uses both.
#[napi_derive::napi]
pub struct NativeWorker(RwLock<Option<Worker>>);

impl NativeWorker {
    fn worker(&self) -> Result<Worker> {
        opened(&self.0)
    }
}

#[napi_derive::napi]
impl NativeWorker {
    /// Resolves to a page of one change as soon as there is one, or null if the worker or the mirror is closed. A page has no more, because a partition is
    /// released to another worker only once all of its returned changes are acknowledged.
    #[napi]
    pub fn next<'env>(
        &self,
        env: &'env Env,
        _options: String,
        cancel: OptionalCancel<'_>,
    ) -> napi::Result<PromiseRaw<'env, Option<NativeChangePage>>> {
        let worker = self.worker();
        promise(env, cancel, async move {
            let change = worker?.next().await?;
            Ok(change.map(|change| NativeChangePage(Arc::new([change]))))
        })
    }

    /// Acknowledges a change, and those before it in its partition.
    #[napi]
    pub fn ack<'env>(&self, env: &'env Env, seq: f64) -> Promise<'env> {
        let worker = self.worker();
        promise(env, None, async move { json::text(&worker?.ack(change_number(seq)?).await?) })
    }

    /// Acknowledges all changes that were returned.
    #[napi]
    pub fn ack_all<'env>(&self, env: &'env Env) -> Promise<'env> {
        let worker = self.worker();
        promise(env, None, async move { json::text(&worker?.ack_all().await?) })
    }

    /// Parks the change at an index of a page, and acknowledges it as `ack` does.
    #[napi]
    pub fn park<'env>(
        &self,
        env: &'env Env,
        page: ClassInstance<'_, NativeChangePage>,
        index: u32,
        reason: String,
    ) -> Promise<'env> {
        let (worker, page) = (self.worker(), Arc::clone(&page.0));
        promise(env, None, async move {
            let change = change_at(&page, index)?;
            json::text(&worker?.park(change, &reason).await?)
        })
    }

    /// Returns the numbers of the partitions that the worker holds.
    #[napi]
    pub fn partitions(&self) -> Vec<u32> {
        self.worker().map_or_else(|_| Vec::new(), |worker| worker.partitions())
    }

    /// Has no effect: `leave` ends the iteration.
    #[napi]
    pub fn end(&self) {}

    /// Closes the worker: resolves when other workers can take its partitions.
    #[napi]
    pub fn leave<'env>(&self, env: &'env Env) -> Promise<'env> {
        let worker = self.worker();
        promise(env, None, async move { json::text(&worker?.close().await?) })
    }

    /// Releases the mirror; later calls fail.
    #[napi]
    pub fn close(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// Changes that an iterator or a worker returned. They are kept for `park`, which stores a copy.
#[napi_derive::napi]
pub struct NativeChangePage(Arc<[Change]>);

#[napi_derive::napi]
impl NativeChangePage {
    /// Returns the changes as JSON.
    #[napi]
    pub fn text(&self) -> napi::Result<Json> {
        json::text(&&*self.0).map_err(thrown)
    }
}

/// Converts a JavaScript number to the number of a change.
fn change_number(seq: f64) -> Result<i64> {
    /// Every integer up to this one has an exact `f64`.
    const EXACT: f64 = (1_i64 << 53) as f64;
    if seq.fract() != 0.0 || seq.abs() > EXACT {
        return Err(Error::invalid_argument("seq has a fraction or is too large: expected the seq of a change"));
    }
    #[allow(clippy::cast_possible_truncation, reason = "an integer that an f64 represents exactly")]
    let seq = seq as i64;
    Ok(seq)
}
