//! How a command ends: its exit code, and the message if it failed.

use headcount::mirror::SyncOutcome;
use headcount::{Error, ErrorKind};
use std::error::Error as _;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// The command did what it was asked to do.
    Done,
    /// It failed.
    Failed,
    /// The command line or a setting is wrong.
    Usage,
    /// The guard holds losses of access.
    Held,
    /// A listing could not be applied as a whole.
    Incomplete,
    /// Another process is syncing the directory.
    AlreadyRunning,
    /// Ctrl-C, or SIGINT.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl Status {
    /// Returns the exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Status::Done => 0,
            Status::Failed => 1,
            Status::Usage => 2,
            Status::Held => 3,
            Status::Incomplete => 4,
            Status::AlreadyRunning => 5,
            Status::Interrupted => 130,
            Status::Terminated => 143,
        }
    }

    /// Returns the status of a sync whose directories ended like this: that of the outcome which needs attention most.
    pub(crate) fn of_outcomes(outcomes: impl IntoIterator<Item = SyncOutcome>) -> Status {
        let rank = |status: &Status| {
            [Status::Done, Status::AlreadyRunning, Status::Held, Status::Incomplete, Status::Failed]
                .iter()
                .position(|other| other == status)
        };
        outcomes.into_iter().map(Status::of_outcome).max_by_key(rank).unwrap_or(Status::Done)
    }

    fn of_outcome(outcome: SyncOutcome) -> Status {
        match outcome {
            SyncOutcome::Done => Status::Done,
            SyncOutcome::Held => Status::Held,
            SyncOutcome::Incomplete => Status::Incomplete,
            SyncOutcome::AlreadyRunning => Status::AlreadyRunning,
            _ => Status::Failed,
        }
    }
}

/// Why a command ended early.
#[derive(Debug)]
pub(crate) struct Failure {
    status: Status,
    message: Option<String>,
}

impl Failure {
    /// Makes the failure of a command. The message is one line in lower case.
    pub(crate) fn new(message: impl Into<String>) -> Failure {
        Failure { status: Status::Failed, message: Some(message.into()) }
    }

    /// Makes the failure of a command that was called in a wrong way.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure { status: Status::Usage, message: Some(message.into()) }
    }

    /// Makes the end of a command that a signal interrupted.
    pub(crate) fn interrupted(status: Status) -> Failure {
        Failure {
            status,
            message: Some("interrupted: what was written stays, and the command can be run again".to_owned()),
        }
    }

    /// Makes the end of a command whose reader has closed the pipe, as `head` does. It is no failure and has no message.
    pub(crate) fn closed_pipe() -> Failure {
        Failure { status: Status::Done, message: None }
    }

    pub(crate) fn status(&self) -> Status {
        self.status
    }

    pub(crate) fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let status = match error.kind() {
            ErrorKind::Config | ErrorKind::InvalidArgument => Status::Usage,
            ErrorKind::MassRemoval => Status::Held,
            _ => Status::Failed,
        };
        Failure { status, message: Some(message_of(&error)) }
    }
}

impl From<headcount_sandbox::Error> for Failure {
    fn from(error: headcount_sandbox::Error) -> Failure {
        match error.status() {
            400 => Failure::usage(error.to_string()),
            _ => Failure::new(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Failure::closed_pipe(),
            _ => Failure::new(error.to_string()),
        }
    }
}

/// Returns the text of an error with those of its causes.
pub(crate) fn message_of(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_sync_is_that_of_its_worst_outcome() {
        let of = |outcomes: &[SyncOutcome]| Status::of_outcomes(outcomes.iter().copied());
        assert_eq!(of(&[]), Status::Done);
        assert_eq!(of(&[SyncOutcome::Done, SyncOutcome::AlreadyRunning]), Status::AlreadyRunning);
        assert_eq!(of(&[SyncOutcome::Held, SyncOutcome::AlreadyRunning]), Status::Held);
        assert_eq!(of(&[SyncOutcome::Held, SyncOutcome::Incomplete, SyncOutcome::Done]), Status::Incomplete);
        assert_eq!(of(&[SyncOutcome::Failed, SyncOutcome::Incomplete]), Status::Failed);
    }

    #[test]
    fn a_wrong_setting_is_a_usage_error_and_a_held_removal_is_held() {
        assert_eq!(Failure::from(Error::config("x")).status().code(), 2);
        assert_eq!(Failure::from(Error::new(ErrorKind::MassRemoval, "x")).status().code(), 3);
        assert_eq!(Failure::from(Error::store("x")).status().code(), 1);
    }

    #[test]
    fn the_message_has_the_causes_of_an_error() {
        let error = Error::store("the file cannot be opened").with_source(std::io::Error::other("no space"));
        assert_eq!(message_of(&error), "the file cannot be opened: no space");
    }
}
