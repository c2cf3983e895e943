//! Cancellation of calls from outside, for callers that cannot drop the future because another thread or language holds it.

use crate::{Error, Result};
use std::future::Future;
use tokio_util::sync::CancellationToken;

/// A handle that cancels the calls made with it: those that are running, and all later ones.
///
/// Clones are the same handle and may be used from any thread. A Rust caller that holds a call's future can drop the future instead.
#[derive(Clone, Debug, Default)]
pub struct Cancel(CancellationToken);

impl Cancel {
    /// Makes a handle that is not cancelled.
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// Cancels the calls: they return [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled). The server may or may not have received what
    /// they sent. Further calls of this function have no effect.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Returns whether [`cancel`](Cancel::cancel) has been called.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Runs `work` until it is done or the handle is cancelled, whichever comes first.
    pub(super) async fn run<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.0.run_until_cancelled(work).await.unwrap_or_else(|| Err(Error::cancelled()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use std::future::pending;

    #[tokio::test]
    async fn cancels_calls_in_progress_and_later_ones() {
        let cancel = Cancel::new();
        let clone = cancel.clone();
        let call = tokio::spawn(async move { clone.run(pending::<Result<()>>()).await });
        tokio::task::yield_now().await;
        assert!(!cancel.is_cancelled());
        assert!(!call.is_finished());
        cancel.cancel();
        assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
        assert_eq!(cancel.run(async { Ok(()) }).await.unwrap_err().kind(), ErrorKind::Cancelled);
    }
}
