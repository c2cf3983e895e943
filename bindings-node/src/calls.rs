//! Asynchronous calls: a promise in JavaScript, a task on the runtime, and a handle that cancels it.

use crate::errors::thrown;
use crate::options::milliseconds;
use headcount::client::CallOptions;
use headcount::{Error, Result};
use napi::bindgen_prelude::{ClassInstance, PromiseRaw, ToNapiValue};
use napi::{Env, tokio};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::AbortHandle;

/// The deadline that a call was given, and the handle that cancels it.
#[napi_derive::napi]
pub struct Cancel {
    call: Arc<Mutex<Call>>,
    timeout_ms: Option<f64>,
}

#[derive(Default)]
struct Call {
    cancelled: bool,
    task: Option<AbortHandle>,
}

#[napi_derive::napi]
impl Cancel {
    /// Makes a handle for one call, with its deadline in milliseconds.
    #[napi(constructor)]
    pub fn new(timeout_ms: Option<f64>) -> Cancel {
        Cancel { call: Arc::default(), timeout_ms }
    }

    /// Cancels the call: at once, or as soon as it begins.
    #[napi]
    pub fn cancel(&self) {
        let mut call = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        call.cancelled = true;
        if let Some(task) = &call.task {
            task.abort();
        }
    }
}

impl Cancel {
    /// Returns the options of the call. Fails as `call_options` does.
    pub(crate) fn options(&self) -> Result<CallOptions> {
        call_options(self.timeout_ms)
    }
}

/// Returns options with a deadline in milliseconds; without one the client's applies. Fails if it is negative, not finite or too large.
pub(crate) fn call_options(timeout_ms: Option<f64>) -> Result<CallOptions> {
    Ok(CallOptions::new().timeout(timeout_ms.map(|timeout| milliseconds("timeoutMs", timeout)).transpose()?))
}

impl Call {
    fn begin(&mut self, task: AbortHandle) {
        if self.cancelled {
            task.abort();
        }
        self.task = Some(task);
    }
}

/// Runs `call` on the runtime and returns a promise of its result.
pub(crate) fn promise<'env, T>(
    env: &'env Env,
    cancel: Option<ClassInstance<'_, Cancel>>,
    call: impl Future<Output = Result<T>> + Send + 'static,
) -> napi::Result<PromiseRaw<'env, T>>
where
    T: ToNapiValue + Send + 'static,
{
    let cancel = cancel.map(|cancel| cancel.call.clone());
    // In a box, so that what runs a call is compiled once for each result, not for each call.
    let call: Pin<Box<dyn Future<Output = Result<T>> + Send>> = Box::pin(call);
    env.spawn_future(async move {
        // A separate task can be cancelled, and a panic in it ends only this call.
        let task = tokio::spawn(call);
        if let Some(cancel) = cancel {
            cancel.lock().unwrap_or_else(PoisonError::into_inner).begin(task.abort_handle());
        }
        let result = task.await.unwrap_or_else(|ended| {
            Err(if ended.is_cancelled() {
                Error::cancelled()
            } else {
                Error::internal("a defect in headcount, please report it")
            })
        });
        result.map_err(thrown)
    })
}
