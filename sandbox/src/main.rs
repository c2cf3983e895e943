//! The program `headcount-sandbox`: prints its settings as one line of JSON, then serves until SIGTERM or SIGINT.

use clap::Parser;
use headcount_sandbox::Sandbox;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::time::Duration;

/// A local Scalekit environment: tokens, REST and signed webhooks over real HTTP.
#[derive(Parser)]
#[command(name = "headcount-sandbox", version)]
struct Options {
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
    /// Stop when standard input ends, so that the sandbox cannot outlive the process that started it.
    #[arg(long)]
    exit_with_stdin: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("headcount-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let mut sandbox = Sandbox::builder()
        .port(options.port)
        .seed(options.seed)
        .organizations(options.organizations)
        .directories(options.directories)
        .users(options.users)
        .groups(options.groups)
        .token_ttl(Duration::try_from_secs_f64(options.token_ttl)?)
        .speed(options.speed)
        .remote_endpoints(options.remote_endpoints);
    if let Some(ca_file) = &options.tls {
        sandbox = sandbox.tls(ca_file);
    }
    let sandbox = sandbox.start()?;
    // Registered before the settings are printed, because a program that reads them may send a signal at once.
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
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
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", sandbox.settings())?;
    out.flush()?;
    drop(out);
    ended.recv()?;
    // The threads above may still wait; they end with the process.
    drop((end, sandbox));
    Ok(())
}
