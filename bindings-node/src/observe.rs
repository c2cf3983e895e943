//! Callbacks into JavaScript: a value of the core is passed to a function of the application as JSON, on Node's event loop.

use crate::json;
use headcount::{Activity, Observer};
use napi::Status;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use serde::Serialize;

/// A JavaScript function that takes JSON. It may be called from any thread, and does not keep the process alive: running calls do
/// that, by their promises.
pub(crate) struct JsonCallback(ThreadsafeFunction<String, (), String, Status, false, true>);

impl JsonCallback {
    /// Wraps a function. It has to be called on Node's thread.
    pub(crate) fn new(function: &Function<'_, String, ()>) -> napi::Result<JsonCallback> {
        Ok(JsonCallback(function.build_threadsafe_function().weak::<true>().callee_handled::<false>().build()?))
    }

    /// Queues a call with the value as camelCase JSON, and returns at once. A call that cannot be queued is dropped: the event loop is ending.
    pub(crate) fn call(&self, value: &impl Serialize) {
        if let Ok(json) = json::string(value) {
            let _ = self.0.call(json, ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}

impl Observer for JsonCallback {
    fn observe(&self, activity: &Activity<'_>) {
        self.call(activity);
    }
}
