//! The addon of the Node package: translates calls of the package's JavaScript to the crate `headcount`, without rules of its own.
//!
//! Options and results are passed as JSON with camelCase names (`json`): V8 parses it faster than Node-API builds an object one property
//! at a time. The JavaScript files check arguments and build the objects that `index.d.ts` declares.

pub mod calls;
pub mod client;
pub mod command;
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

/// Makes a runtime with one thread for all clients and mirrors of the process. They mostly wait for servers, and with several threads each page of a
/// listing would wake another one.
#[napi_derive::module_init]
fn start() {
    // The garbage collector drops mirrors, iterators and replay guards on the event loop's thread, which must not wait for the disk.
    headcount::internal::close_files_in_background();
    // If the thread cannot be started, the runtime that Node-API creates is used.
    if let Ok(runtime) = Builder::new_multi_thread().worker_threads(1).thread_name("headcount").enable_all().build() {
        napi::bindgen_prelude::create_custom_tokio_runtime(runtime);
    }
}
