//! The sandbox as a program: prints one line of JSON when it is ready, then serves until it is told to stop.

use clap::Parser;
use headcount_sandbox::Sandbox;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{SignalKind, signal};

/// A local Scalekit environment: tokens, REST and signed webhooks over real HTTP.
#[derive(Parser)]
#[command(name = "headcount-sandbox", version)]
struct Options {
    /// The port to listen on, on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// What the data is made from: the same seed gives the same people.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many organizations there are.
    #[arg(long, default_value_t = 1)]
    organizations: usize,
    /// How many directories each organization has.
    #[arg(long, default_value_t = 1)]
    directories: usize,
    /// How many users each directory has.
    #[arg(long, default_value_t = 50)]
    users: usize,
    /// How many groups each directory has.
    #[arg(long, default_value_t = 5)]
    groups: usize,
    /// How many seconds a token lives.
    #[arg(long, default_value_t = 3600.0)]
    token_ttl: f64,
    /// How many of its seconds pass in a real one.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// Speak HTTPS, HTTP/2 included, and write the certificate of the authority to trust to this file.
    #[arg(long, value_name = "CA_FILE")]
    tls: Option<PathBuf>,
    /// Stop when standard input ends: no sandbox outlives the test that started it.
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
        .speed(options.speed);
    if let Some(ca_file) = &options.tls {
        sandbox = sandbox.tls(ca_file);
    }
    let sandbox = sandbox.start()?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", sandbox.settings())?;
    out.flush()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = stdin_ends(), if options.exit_with_stdin => {}
        }
        std::io::Result::Ok(())
    })?;
    // A thread that reads standard input cannot be called off, and nothing is left to do for it.
    runtime.shutdown_background();
    Ok(())
}

async fn stdin_ends() {
    let mut buffer = [0; 256];
    while matches!(tokio::io::stdin().read(&mut buffer).await, Ok(count) if count > 0) {}
}
