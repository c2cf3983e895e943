//! The program `headcount-sandbox`: prints its settings as one line of JSON, then serves until SIGTERM or SIGINT.

use clap::Parser;
use headcount_sandbox::program;
use std::process::ExitCode;

/// A local Scalekit environment: tokens, REST and signed webhooks over real HTTP.
#[derive(Parser)]
#[command(name = "headcount-sandbox", version)]
struct Arguments {
    #[command(flatten)]
    options: program::Options,
}

fn main() -> ExitCode {
    match program::run(&Arguments::parse().options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("headcount-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}
