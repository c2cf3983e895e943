//! What the client does, told to a function of the application's: each activity crosses to Node's loop as JSON.

use crate::json;
use headcount::{Activity, Observer};
use napi::Status;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use serde::Serialize;

/// Weak: nobody's process stays alive to be told more.
type Told = ThreadsafeFunction<String, (), String, Status, false, true>;

pub(crate) struct Tell(Told);

impl Tell {
    pub(crate) fn new(function: &Function<'_, String, ()>) -> napi::Result<Tell> {
        Ok(Tell(function.build_threadsafe_function().weak::<true>().callee_handled::<false>().build()?))
    }
}

/// `index.d.ts` documents it as `Activity`.
#[derive(Serialize)]
struct Said<'a> {
    kind: &'a str,
    level: &'a str,
    message: String,
    operation: &'a str,
    method: &'a str,
    route: &'a str,
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait_ms: Option<f64>,
    elapsed_ms: f64,
    bytes: u64,
}

impl Observer for Tell {
    fn observe(&self, activity: &Activity<'_>) {
        let said = Said {
            kind: activity.kind.name(),
            level: activity.level().name(),
            message: activity.to_string(),
            operation: activity.operation,
            method: activity.method.as_str(),
            route: activity.route,
            attempt: activity.attempt,
            status: activity.status,
            error: activity.error.map(|kind| kind.name()),
            wait_ms: activity.wait.map(|wait| wait.as_secs_f64() * 1000.0),
            elapsed_ms: activity.elapsed.as_secs_f64() * 1000.0,
            bytes: activity.bytes,
        };
        if let Ok(said) = json::text(&said) {
            // A loop that is ending hears no more.
            let _ = self.0.call(said, ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}
