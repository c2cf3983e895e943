//! The program `headcount`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(headcount_cli::run(std::env::args_os()))
}
