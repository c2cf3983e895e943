//! The Node package's native half: a thin translation of the crate `headcount`, with no logic of its own.
//!
//! What crosses the border is text: options come and pages go as JSON in camelCase (`json`), which V8 reads faster than an
//! object that is built property by property. `index.js` makes of it what `index.d.ts` promises.

pub mod calls;
pub mod client;
pub mod errors;
mod json;
pub mod mirror;
mod observe;
mod options;
pub mod replay;
pub mod sandbox;
pub mod testing;
pub mod webhook;

use napi::tokio::runtime::Builder;

/// One thread for all clients of the process: they wait for servers, and each page that crosses a thread costs one that wakes.
#[napi_derive::module_init]
fn runtime() {
    // Where it cannot be had, Node-API's own does as well.
    if let Ok(runtime) = Builder::new_multi_thread().worker_threads(1).thread_name("headcount").enable_all().build() {
        napi::bindgen_prelude::create_custom_tokio_runtime(runtime);
    }
}
