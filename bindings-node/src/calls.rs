//! A call under way: a promise on this side, a task of the runtime on the other, and the handle that ends it early.

use crate::errors::thrown;
use crate::options::milliseconds;
use headcount::{CallOptions, Error, Result};
use napi::Env;
use napi::bindgen_prelude::{ClassInstance, PromiseRaw, ToNapiValue};
use napi::tokio;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::AbortHandle;

/// What a call was given beside its arguments: its own deadline, and a way to end it.
#[napi_derive::napi]
pub struct Cancel {
    call: Arc<Mutex<Call>>,
    timeout_ms: Option<f64>,
}

#[derive(Default)]
struct Call {
    cancelled: bool,
    under_way: Option<AbortHandle>,
}

#[napi_derive::napi]
impl Cancel {
    /// A handle for one call.
    #[napi(constructor)]
    pub fn new(timeout_ms: Option<f64>) -> Cancel {
        Cancel { call: Arc::default(), timeout_ms }
    }

    /// Ends the call, now or as soon as it begins.
    #[napi]
    pub fn cancel(&self) {
        let mut call = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        call.cancelled = true;
        if let Some(task) = &call.under_way {
            task.abort();
        }
    }
}

impl Cancel {
    /// The options of the call.
    pub(crate) fn options(&self) -> Result<CallOptions> {
        call_options(self.timeout_ms)
    }
}

/// The options of calls with this deadline.
pub(crate) fn call_options(timeout_ms: Option<f64>) -> Result<CallOptions> {
    Ok(CallOptions::new().timeout(timeout_ms.map(|timeout| milliseconds("timeoutMs", timeout)).transpose()?))
}

impl Call {
    fn begin(&mut self, task: AbortHandle) {
        if self.cancelled {
            task.abort();
        }
        self.under_way = Some(task);
    }
}

/// Runs `call` away from Node's loop and promises its result.
pub(crate) fn promise<'env, T>(
    env: &'env Env,
    cancel: Option<ClassInstance<'_, Cancel>>,
    call: impl Future<Output = Result<T>> + Send + 'static,
) -> napi::Result<PromiseRaw<'env, T>>
where
    T: ToNapiValue + Send + 'static,
{
    let cancel = cancel.map(|cancel| cancel.call.clone());
    env.spawn_future(async move {
        // A task of its own: it can be ended, and a panic ends it alone.
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
