//! Callbacks into JavaScript: a value of the core is passed to a function of the application as JSON, on Node's event loop.

use crate::json;
use headcount::client::{Activity, Observer};
use napi::Status;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use serde::Serialize;

/// A JavaScript function that takes JSON, and may be called from any thread. If it is `WEAK`, it does not keep the process alive.
pub(crate) struct JsonCallback<const WEAK: bool>(ThreadsafeFunction<String, (), String, Status, false, WEAK>);

impl<const WEAK: bool> JsonCallback<WEAK> {
    /// Wraps a JavaScript function. `new` itself has to be called on Node's thread.
    pub(crate) fn new(function: &Function<'_, String, ()>) -> napi::Result<JsonCallback<WEAK>> {
        Ok(JsonCallback(function.build_threadsafe_function().weak::<WEAK>().callee_handled::<false>().build()?))
    }

    /// Queues a call with the value as camelCase JSON, and returns at once. A call that cannot be queued is dropped: the event loop is ending.
    pub(crate) fn call(&self, value: &impl Serialize) {
        if let Ok(json) = json::string(value) {
            let _ = self.0.call(json, ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}

impl Observer for JsonCallback<true> {
    fn observe(&self, activity: &Activity<'_>) {
        self.call(activity);
    }
}

/// The progress callback of one sync. It is dropped when the sync ends, fails or is cancelled, and then queues a last call with `null`. JavaScript
/// waits for that call, so that it has received every value that was queued before.
pub(crate) struct ProgressCallback(JsonCallback<false>);

impl ProgressCallback {
    /// Wraps a JavaScript function. `new` itself has to be called on Node's thread.
    pub(crate) fn new(function: &Function<'_, String, ()>) -> napi::Result<ProgressCallback> {
        JsonCallback::new(function).map(ProgressCallback)
    }

    /// Queues a call with the value as camelCase JSON, and returns at once.
    pub(crate) fn call(&self, value: &impl Serialize) {
        self.0.call(value);
    }
}

impl Drop for ProgressCallback {
    fn drop(&mut self) {
        self.0.call(&());
    }
}
