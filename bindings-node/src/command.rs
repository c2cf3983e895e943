//! The command `headcount`, which `npx headcount` runs.

use crate::errors::thrown;
use headcount::internal::catch_panic;
use std::ffi::OsString;

/// Runs the command with these arguments, the first of which is the name of the program. Returns the exit code. It blocks the event loop, and handles
/// SIGINT and SIGTERM from then on.
#[napi_derive::napi]
pub fn run_command(arguments: Vec<String>) -> napi::Result<u32> {
    catch_panic(|| Ok(headcount_cli::run(arguments.into_iter().map(OsString::from)))).map(u32::from).map_err(thrown)
}
