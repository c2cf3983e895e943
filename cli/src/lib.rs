//! The command `headcount`: syncs directories, and shows, explains and forwards what changed.
//!
//! The program is [`run`]; the library exists so that other packages, such as the Python wheel, can contain the same command.
//!
//! Modules: `arguments` defines the command line, with the options in `globals`. `commands` has one module for each command. `context` opens the store and the client for them.
//! `output` writes data to stdout and messages to stderr, `table` and `text` make readable text, and `progress` shows how far a sync is. `failure` has
//! the exit codes, `interrupt` ends a command after Ctrl-C, `prompt` asks questions, and `logging` writes log lines to stderr. `values` parses arguments, `secrets`
//! compares secrets, and `state` names the states of directories. `target` hands changes to commands, which `shell` runs, to URLs, to which `post` sends requests, and to streams, to which `nats` publishes; `backoff`
//! computes the waits between attempts. `webhooks` makes the vendor's events of changes. `serve` is the service, and
//! `page` what it shows in a browser.
//!
//! [`ProgressDisplay`] is the progress of `sync` for the libraries, whose option `progress` shows it.
//!
//! This crate uses the public API of headcount, and has no rules about users, holds or changes.
#![forbid(unsafe_code)]

mod arguments;
mod backoff;
mod commands;
mod context;
mod failure;
mod globals;
mod interrupt;
mod logging;
mod nats;
mod output;
mod page;
mod post;
mod progress;
mod prompt;
mod secrets;
mod serve;
mod shell;
mod state;
mod table;
mod target;
mod text;
mod values;
mod webhooks;

use arguments::Arguments;
use clap::{CommandFactory, Parser};
use context::Context;
use failure::{Failure, Status};
use interrupt::Interrupt;
use std::ffi::OsString;
use std::time::Duration;

pub use progress::ProgressDisplay;

/// How long the store may take to close after the command has ended.
const CLOSING: Duration = Duration::from_secs(10);

/// Runs the command with these arguments, the first of which is the name of the program, and returns the exit code.
///
/// It writes to stdout and stderr, handles SIGINT and SIGTERM from then on, and sets the process's subscriber of `tracing` if there is none: call it once in a process.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and the version are "errors" with the exit code 0. Nothing can be done if they cannot be written.
            let _ = error.print();
            return if error.use_stderr() { Status::Usage.code() } else { Status::Done.code() };
        }
    };
    let context = Context::new(arguments.globals);
    let ended = execute(&context, arguments.command);
    let ended = context.output.finish().and(ended);
    match ended {
        Ok(status) => status.code(),
        Err(failure) => {
            if let Some(message) = failure.message() {
                context.output.error(message);
            }
            failure.status().code()
        }
    }
}

/// Runs a command in a new runtime, unless it needs none, and closes the store.
fn execute(context: &Context, command: commands::Command) -> Result<Status, Failure> {
    if let Some(ended) = commands::run_without_runtime(context, Arguments::command, &command) {
        return ended;
    }
    let interrupt = Interrupt::install()?;
    let log_from_thread = logging::start(&context.output, command.least_log_level());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .on_thread_start(log_from_thread)
        .enable_all()
        .build()?;
    let ended = runtime.block_on(async {
        let ended = match command {
            // The service ends by itself.
            commands::Command::Serve(options) => {
                Some(commands::serve(context, options, interrupt.token().clone()).await)
            }
            // Another command is dropped where it waits. The calls of the mirror write everything or nothing, or can be repeated.
            command => interrupt.token().run_until_cancelled(commands::run(context, command)).await,
        };
        let closed = tokio::time::timeout(CLOSING, context.close()).await;
        match ended {
            None => Err(interrupt.failure()),
            Some(Err(failure)) => Err(failure),
            Some(Ok(status)) => closed.unwrap_or(Ok(())).map(|()| status).map_err(Failure::from),
        }
    });
    // Not dropped, because a thread may still wait for an answer on stdin.
    runtime.shutdown_background();
    ended
}
