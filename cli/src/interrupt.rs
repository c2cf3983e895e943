//! Ends the command after Ctrl-C (SIGINT) and SIGTERM.

use crate::failure::{Failure, Status};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use tokio_util::sync::CancellationToken;

/// The signals that end a command.
pub(crate) struct Interrupt {
    token: CancellationToken,
    /// The signal that came first, or 0.
    signal: Arc<AtomicI32>,
}

impl Interrupt {
    /// Handles the signals from now on: the first one cancels the token, and a second one ends the process at once, in case the command does not end.
    ///
    /// # Errors
    ///
    /// If the system refuses a handler or a thread.
    pub(crate) fn install() -> Result<Interrupt, Failure> {
        let interrupt = Interrupt { token: CancellationToken::new(), signal: Arc::default() };
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let (token, first) = (interrupt.token.clone(), Arc::clone(&interrupt.signal));
        std::thread::Builder::new().name("headcount-signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                if token.is_cancelled() {
                    std::process::exit(status_of(signal).code().into());
                }
                first.store(signal, Ordering::SeqCst);
                token.cancel();
            }
        })?;
        Ok(interrupt)
    }

    /// Returns the token that the first signal cancels.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Returns the failure of the command that was interrupted.
    pub(crate) fn failure(&self) -> Failure {
        Failure::interrupted(status_of(self.signal.load(Ordering::SeqCst)))
    }
}

fn status_of(signal: i32) -> Status {
    if signal == SIGTERM { Status::Terminated } else { Status::Interrupted }
}
