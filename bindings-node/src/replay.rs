//! Replay guards. A guard in memory is used on Node's event loop; one on a file is used on other threads.

use crate::calls::promise;
use crate::errors::thrown;
use crate::options::{read, seconds};
use crate::webhook::moment;
use headcount::defaults::REPLAY_RETENTION;
use headcount::internal::catch_panic;
use headcount::webhook::{Replay, ReplayGuard};
use headcount::{Error, Result, Timestamp};
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi::tokio::task::spawn_blocking;
use serde::Deserialize;

/// Options of a guard in memory.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MemoryOptions {
    capacity: Option<usize>,
    retention_seconds: Option<f64>,
}

/// Options of every other guard.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    retention_seconds: Option<f64>,
}

fn retention(set: Option<f64>) -> Result<std::time::Duration> {
    set.map_or(Ok(REPLAY_RETENTION), |set| seconds("retentionSeconds", set))
}

fn claim(guard: &ReplayGuard, id: &str, now: Option<Timestamp>) -> Result<bool> {
    let replay = match now {
        Some(now) => guard.claim_id_at(id, now),
        None => guard.claim_id(id),
    };
    Ok(replay? == Replay::First)
}

fn check(guard: &ReplayGuard, id: &str, now: Option<Timestamp>) -> Result<bool> {
    let replay = match now {
        Some(now) => guard.check_id_at(id, now),
        None => guard.check_id(id),
    };
    Ok(replay? == Replay::First)
}

fn commit(guard: &ReplayGuard, id: &str, now: Option<Timestamp>) -> Result<()> {
    match now {
        Some(now) => guard.commit_id_at(id, now),
        None => guard.commit_id(id),
    }
}

/// Runs `work`, which may wait for the disk, on a thread for blocking work, and returns a promise of its result.
fn run_blocking<'env, T: napi::bindgen_prelude::ToNapiValue + Send + 'static>(
    env: &'env Env,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> napi::Result<PromiseRaw<'env, T>> {
    promise(env, None, async move {
        spawn_blocking(move || catch_panic(work)).await.unwrap_or_else(|ended| Err(Error::internal(ended.to_string())))
    })
}

/// A guard in memory or on a file.
#[napi_derive::napi]
pub struct NativeReplayGuard(ReplayGuard);

#[napi_derive::napi]
impl NativeReplayGuard {
    /// Makes a guard in memory.
    #[napi(factory)]
    pub fn in_memory(options: String) -> napi::Result<NativeReplayGuard> {
        catch_panic(|| {
            let options: MemoryOptions = read(&options)?;
            let capacity = options.capacity.unwrap_or(ReplayGuard::CAPACITY);
            if capacity == 0 {
                return Err(Error::invalid_argument("capacity is 0: expected a number of ids, 1 or more"));
            }
            ReplayGuard::in_memory(capacity).try_retention(retention(options.retention_seconds)?)
        })
        .map(NativeReplayGuard)
        .map_err(thrown)
    }

    /// Opens a guard on a SQLite file.
    #[napi(factory)]
    pub fn sqlite(path: String, options: String) -> napi::Result<NativeReplayGuard> {
        catch_panic(|| {
            let options: Options = read(&options)?;
            ReplayGuard::sqlite(path)?.try_retention(retention(options.retention_seconds)?)
        })
        .map(NativeReplayGuard)
        .map_err(thrown)
    }

    /// Returns whether the message has not been recorded. `now` is in Unix seconds.
    #[napi]
    pub fn check(&self, id: String, now: Option<f64>) -> napi::Result<bool> {
        catch_panic(|| check(&self.0, &id, moment(now)?)).map_err(thrown)
    }

    /// Records that the message was handled. `now` is in Unix seconds.
    #[napi]
    pub fn commit(&self, id: String, now: Option<f64>) -> napi::Result<()> {
        catch_panic(|| commit(&self.0, &id, moment(now)?)).map_err(thrown)
    }

    /// Records the message as handled, unless it is recorded already, and returns whether this call recorded it. `now` is in Unix seconds.
    #[napi]
    pub fn claim(&self, id: String, now: Option<f64>) -> napi::Result<bool> {
        catch_panic(|| claim(&self.0, &id, moment(now)?)).map_err(thrown)
    }

    /// Deletes the record of a message.
    #[napi]
    pub fn release(&self, id: String) -> napi::Result<()> {
        catch_panic(|| self.0.release_id(&id)).map_err(thrown)
    }

    /// Does the same as `claim` on another thread.
    #[napi]
    pub fn claim_async<'env>(
        &self,
        env: &'env Env,
        id: String,
        now: Option<f64>,
    ) -> napi::Result<PromiseRaw<'env, bool>> {
        let guard = self.0.clone();
        run_blocking(env, move || claim(&guard, &id, moment(now)?))
    }

    /// Does the same as `release` on another thread.
    #[napi]
    pub fn release_async<'env>(&self, env: &'env Env, id: String) -> napi::Result<PromiseRaw<'env, ()>> {
        let guard = self.0.clone();
        run_blocking(env, move || guard.release_id(&id))
    }

    /// Does the same as `check` on another thread.
    #[napi]
    pub fn check_async<'env>(
        &self,
        env: &'env Env,
        id: String,
        now: Option<f64>,
    ) -> napi::Result<PromiseRaw<'env, bool>> {
        let guard = self.0.clone();
        run_blocking(env, move || check(&guard, &id, moment(now)?))
    }

    /// Does the same as `commit` on another thread.
    #[napi]
    pub fn commit_async<'env>(
        &self,
        env: &'env Env,
        id: String,
        now: Option<f64>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let guard = self.0.clone();
        run_blocking(env, move || commit(&guard, &id, moment(now)?))
    }
}

/// Returns the retention of a guard with these options, in seconds. For guards on a store of the application, which the addon does not use.
#[napi_derive::napi]
pub fn replay_retention(options: String) -> napi::Result<f64> {
    let checked = |options: &str| {
        let retention = retention(read::<Options>(options)?.retention_seconds)?;
        ReplayGuard::in_memory(1).try_retention(retention)?;
        Ok(retention.as_secs_f64())
    };
    catch_panic(|| checked(&options)).map_err(thrown)
}
