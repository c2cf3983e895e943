//! The command `headcount`, which `python -m headcount` runs.

use crate::errors::OrRaise;
use headcount::internal::catch_panic;
use pyo3::prelude::*;
use std::ffi::OsString;

/// Runs the command with these arguments, the first of which is the name of the program. Returns the exit code. For ``headcount.__main__``: it
/// handles SIGINT and SIGTERM from then on.
#[pyfunction(name = "_run_command")]
pub(crate) fn run_command(py: Python<'_>, arguments: Vec<OsString>) -> PyResult<u8> {
    py.detach(|| catch_panic(|| Ok(headcount_cli::run(arguments)))).or_raise(py)
}
