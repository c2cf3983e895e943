//! What the program `headcount-sandbox` does: prints the settings of a sandbox, then serves until SIGTERM or SIGINT. The command `headcount` contains it as well.

use crate::environment::Environment;
use crate::{Error, Sandbox};
use axum::Router;
use clap::Args;
use serde_json::Value;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

/// The variables that a client reads, and the names of their values in the settings.
const VARIABLES: [(&str, &str); 4] = [
    (headcount::env::ENVIRONMENT_URL, "environment_url"),
    (headcount::env::CLIENT_ID, "client_id"),
    (headcount::env::CLIENT_SECRET, "client_secret"),
    (headcount::env::WEBHOOK_SECRET, "webhook_secret"),
];

/// The options of the program.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// TCP port on 127.0.0.1; 0 means any free port.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Seed of the generated data.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of organizations.
    #[arg(long, default_value_t = 1)]
    organizations: usize,
    /// Number of directories of each organization.
    #[arg(long, default_value_t = 1)]
    directories: usize,
    /// Number of users of each directory.
    #[arg(long, default_value_t = 50)]
    users: usize,
    /// Number of groups of each directory.
    #[arg(long, default_value_t = 5)]
    groups: usize,
    /// Lifetime of access tokens in seconds.
    #[arg(long, default_value_t = 3600.0)]
    token_ttl: f64,
    /// Seconds of the sandbox's clock per second of real time.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// Permit webhooks to other machines. Without it, endpoints must be on 127.0.0.1 or localhost.
    #[arg(long)]
    remote_endpoints: bool,
    /// Serve HTTPS (HTTP/1.1 and HTTP/2), and write the certificate authority to trust to this file.
    #[arg(long, value_name = "CA_FILE")]
    tls: Option<PathBuf>,
    /// Print the settings as `export` lines for a shell, instead of JSON.
    #[arg(long)]
    env: bool,
    /// Stop when standard input ends, so that the sandbox cannot outlive the process that started it.
    #[arg(long)]
    exit_with_stdin: bool,
}

/// Starts a sandbox, prints its settings to stdout, and serves until SIGTERM or SIGINT. Blocks the thread, and handles these signals from then on.
///
/// # Errors
///
/// As [`SandboxBuilder::start`](crate::SandboxBuilder::start); 400 for a lifetime of tokens that is negative or not finite; 500 if stdout cannot be
/// written, or the system refuses a signal handler.
pub fn run(options: &Options) -> Result<(), Error> {
    run_with(options, |_| Router::new(), |_| {})
}

/// Like [`run`], with routes beside those of the sandbox. Calls `started` before it prints the settings. For the command `headcount`.
#[doc(hidden)]
pub fn run_with(
    options: &Options,
    routes: impl FnOnce(Arc<Environment>) -> Router,
    started: impl FnOnce(&Sandbox),
) -> Result<(), Error> {
    let failed = |what: &str, error: &dyn std::fmt::Display| Error::internal(format!("{what}: {error}"));
    let token_ttl = Duration::try_from_secs_f64(options.token_ttl)
        .map_err(|error| Error::invalid(format!("token-ttl: expected a number of seconds: {error}")))?;
    let mut sandbox = Sandbox::builder()
        .port(options.port)
        .seed(options.seed)
        .organizations(options.organizations)
        .directories(options.directories)
        .users(options.users)
        .groups(options.groups)
        .token_ttl(token_ttl)
        .speed(options.speed)
        .remote_endpoints(options.remote_endpoints);
    if let Some(ca_file) = &options.tls {
        sandbox = sandbox.tls(ca_file);
    }
    let sandbox = sandbox.start_with(routes)?;
    // Registered before the settings are printed, because a program that reads them may send a signal at once.
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(|error| failed("signals cannot be handled", &error))?;
    let (end, ended) = channel();
    let end_by_signal = end.clone();
    std::thread::spawn(move || {
        signals.forever().next();
        let _ = end_by_signal.send(());
    });
    if options.exit_with_stdin {
        let end_by_input = end.clone();
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            let _ = end_by_input.send(());
        });
    }
    started(&sandbox);
    let settings = sandbox.settings();
    let text = if options.env { export_lines(&settings) } else { settings.to_string() };
    let mut out = std::io::stdout().lock();
    let printed = writeln!(out, "{text}").and_then(|()| out.flush());
    drop(out);
    printed.map_err(|error| failed("the settings cannot be printed", &error))?;
    // Cannot fail, because `end` still exists.
    let _ = ended.recv();
    // The threads above may still wait; they end with the process.
    drop((end, sandbox));
    Ok(())
}

/// Returns the settings as lines for a shell.
#[doc(hidden)]
pub fn export_lines(settings: &Value) -> String {
    // The values have no quotes: they are a URL, ids and base64.
    let line = |(name, key): &(&str, &str)| format!("export {name}='{}'", settings[key].as_str().unwrap_or_default());
    VARIABLES.iter().map(line).collect::<Vec<_>>().join("\n")
}
