//! The commands, each in a module with its options and its work.

mod at;
mod backup;
mod changes;
mod consumers;
mod copy;
mod doctor;
mod erase;
mod events;
mod explain;
mod export;
mod forget;
mod groups;
mod history;
mod holds;
mod link;
mod listen;
mod pages;
mod parked;
mod plan;
mod protect;
mod retire;
mod runs;
mod sandbox;
mod serve;
mod status;
mod sync;
mod trigger;
mod users;

use crate::context::Context;
use crate::failure::{Failure, Status};
use clap::Subcommand;
use serde_json::json;
use std::path::{Path, PathBuf};
use tracing_subscriber::filter::LevelFilter;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Sync(sync::Options),
    Plan(plan::Options),
    Status(status::Options),
    #[command(subcommand)]
    Holds(holds::Command),
    Explain(explain::Options),
    History(history::Options),
    At(at::Options),
    Users(users::Options),
    Groups(groups::Options),
    Events(events::Options),
    Runs(runs::Options),
    Export(export::Options),
    Changes(changes::Options),
    Parked(parked::Options),
    #[command(subcommand)]
    Consumers(consumers::Command),
    Backup(backup::Options),
    Copy(copy::Options),
    Link(link::Options),
    Protect(protect::Options),
    Unprotect(protect::UserOptions),
    Retire(retire::Options),
    Erase(erase::Options),
    Forget(forget::Options),
    Serve(serve::Options),
    Sandbox(sandbox::Options),
    Trigger(trigger::Options),
    Listen(listen::Options),
    Doctor(doctor::Options),
    /// Print a script that completes commands and options in a shell
    ///
    /// Example for bash: headcount completions bash > ~/.local/share/bash-completion/completions/headcount
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder
    #[command(hide = true)]
    Man {
        /// The folder, which exists
        folder: PathBuf,
    },
    /// Print the version
    Version,
}

impl Command {
    /// Returns the level of log lines without `--verbose`.
    pub(crate) fn least_log_level(&self) -> LevelFilter {
        match self {
            Command::Serve(_) => LevelFilter::WARN,
            _ => LevelFilter::ERROR,
        }
    }
}

pub(crate) use serve::run as serve;

/// Runs a command that needs no asynchronous runtime, or returns `None` for any other. `definition` makes the definition of the command line.
pub(crate) fn run_without_runtime(
    context: &Context,
    definition: fn() -> clap::Command,
    command: &Command,
) -> Option<Result<Status, Failure>> {
    match command {
        Command::Completions { shell } => Some(completions(context, definition(), *shell)),
        Command::Man { folder } => Some(manual(definition(), folder)),
        Command::Version => Some(version(context)),
        Command::Sandbox(options) => Some(sandbox::run(context, options)),
        _ => None,
    }
}

/// Runs a command to its end. Dropping the future ends it, as its calls of the mirror document.
pub(crate) async fn run(context: &Context, command: Command) -> Result<Status, Failure> {
    match command {
        Command::Sync(options) => sync::run(context, options).await,
        Command::Plan(options) => plan::run(context, options).await,
        Command::Status(options) => status::run(context, options).await,
        Command::Holds(command) => holds::run(context, command).await,
        Command::Explain(options) => explain::run(context, options).await,
        Command::History(options) => history::run(context, options).await,
        Command::At(options) => at::run(context, options).await,
        Command::Users(options) => users::run(context, options).await,
        Command::Groups(options) => groups::run(context, options).await,
        Command::Events(options) => events::run(context, options).await,
        Command::Runs(options) => runs::run(context, options).await,
        Command::Export(options) => export::run(context, options).await,
        Command::Changes(options) => changes::run(context, options).await,
        Command::Parked(options) => parked::run(context, options).await,
        Command::Consumers(command) => consumers::run(context, command).await,
        Command::Backup(options) => backup::run(context, options).await,
        Command::Copy(options) => copy::run(context, options).await,
        Command::Link(options) => link::run(context, options).await,
        Command::Protect(options) => protect::protect(context, options).await,
        Command::Unprotect(options) => protect::unprotect(context, options).await,
        Command::Retire(options) => retire::run(context, options).await,
        Command::Erase(options) => erase::run(context, options).await,
        Command::Forget(options) => forget::run(context, options).await,
        Command::Trigger(options) => trigger::run(context, options).await,
        Command::Listen(options) => listen::run(context, options).await,
        Command::Doctor(options) => doctor::run(context, options).await,
        Command::Serve(_)
        | Command::Sandbox(_)
        | Command::Completions { .. }
        | Command::Man { .. }
        | Command::Version => Err(Failure::new("expected a command that ends when it is dropped: please report this")),
    }
}

fn version(context: &Context) -> Result<Status, Failure> {
    match context.output.is_json() {
        true => context.output.json(&json!({ "version": env!("CARGO_PKG_VERSION") }))?,
        false => context.output.line(&format!("headcount {}", env!("CARGO_PKG_VERSION")))?,
    }
    Ok(Status::Done)
}

fn completions(
    context: &Context,
    mut definition: clap::Command,
    shell: clap_complete::Shell,
) -> Result<Status, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut definition, "headcount", &mut script);
    context.output.text(&script)?;
    Ok(Status::Done)
}

fn manual(definition: clap::Command, folder: &Path) -> Result<Status, Failure> {
    let written = clap_mangen::generate_to(definition, folder);
    written.map_err(|error| {
        Failure::new(format!("the manual pages cannot be written to {}: {error}", folder.display()))
    })?;
    Ok(Status::Done)
}
