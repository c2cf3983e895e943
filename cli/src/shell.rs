//! Runs a shell command for a change, with a time limit.

use std::io::Write;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tokio::time::Instant;

/// How often a running command is looked at. The standard library cannot wait for a process and a time limit at once.
const LOOK: Duration = Duration::from_millis(10);
/// How long a command may take to end after SIGTERM, before SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// Why a command did not succeed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotDone {
    /// It can be run again: why it failed.
    Failed(String),
    /// It cannot be run at all.
    Missing(String),
}

/// Runs `command` with `sh`, with `input` as its stdin and with these environment variables. Its stdout and stderr are those of this process.
///
/// The command and what it starts are a process group of their own, which is ended at the time limit, and if the future is dropped.
///
/// # Errors
///
/// If the command did not exit with 0 within `limit`.
pub(crate) async fn run(
    command: &str,
    input: String,
    variables: &[(&str, String)],
    limit: Duration,
) -> Result<(), NotDone> {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).stdin(Stdio::piped()).envs(variables.iter().map(|(name, value)| (name, value)));
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut shell, 0);
    let child = shell.spawn().map_err(|error| NotDone::Missing(format!("sh cannot be started: {error}")))?;
    let mut group = Group(child);
    if let Some(mut stdin) = group.0.stdin.take() {
        // In a thread, because the command may never read it. A command that closes its stdin does not need the rest.
        std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    }
    let end = Instant::now() + limit;
    loop {
        match group.0.try_wait() {
            Ok(Some(status)) => return result(status),
            Ok(None) if Instant::now() >= end => {
                return Err(NotDone::Failed(format!(
                    "the command took longer than {} s and was ended",
                    limit.as_secs_f64()
                )));
            }
            Ok(None) => tokio::time::sleep(LOOK).await,
            Err(error) => return Err(NotDone::Failed(format!("the command cannot be waited for: {error}"))),
        }
    }
}

fn result(status: ExitStatus) -> Result<(), NotDone> {
    match status.code() {
        Some(0) => Ok(()),
        // POSIX: the exit codes of a shell that does not find the command, or may not execute it.
        Some(code @ (126 | 127)) => {
            Err(NotDone::Missing(format!("the command was not found or is not executable (exit code {code})")))
        }
        Some(code) => Err(NotDone::Failed(format!("the command ended with the exit code {code}"))),
        None => Err(NotDone::Failed("the command was ended by a signal".to_owned())),
    }
}

/// A command and what it has started. They are ended when it is dropped, unless the command has ended.
struct Group(Child);

impl Group {
    /// Returns whether the command has ended.
    fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw) {
            // Fails if all of its processes have ended.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The process is waited for only below, so its id is not given to another process before the signals are sent.
        if self.has_ended() {
            return;
        }
        #[cfg(unix)]
        {
            self.signal(rustix::process::Signal::TERM);
            for _ in 0..GRACE.as_millis() / LOOK.as_millis() {
                if self.has_ended() {
                    return;
                }
                std::thread::sleep(LOOK);
            }
            self.signal(rustix::process::Signal::KILL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    fn attempt(command: &str, limit: Duration) -> Result<(), NotDone> {
        block_on(run(command, "{}\n".to_owned(), &[("HEADCOUNT_SEQ", "7".to_owned())], limit))
    }

    #[test]
    fn a_command_gets_the_input_and_the_variables() {
        let limit = Duration::from_secs(30);
        assert_eq!(attempt("test \"$(cat)\" = '{}' && test \"$HEADCOUNT_SEQ\" = 7", limit), Ok(()));
        assert_eq!(attempt("exit 3", limit), Err(NotDone::Failed("the command ended with the exit code 3".to_owned())));
        assert_eq!(attempt("kill -9 $$", limit), Err(NotDone::Failed("the command was ended by a signal".to_owned())));
        assert!(matches!(attempt("headcount-no-such-command 2>/dev/null", limit), Err(NotDone::Missing(_))));
    }

    #[test]
    fn a_command_that_reads_nothing_gets_a_large_input() {
        let input = "x".repeat(1 << 20);
        assert_eq!(block_on(run("exit 0", input, &[], Duration::from_secs(30))), Ok(()));
    }

    #[test]
    fn a_command_that_hangs_is_ended_with_what_it_started() {
        let ended = attempt("sleep 600 & wait", Duration::from_millis(100));
        assert_eq!(ended, Err(NotDone::Failed("the command took longer than 0.1 s and was ended".to_owned())));
    }
}
