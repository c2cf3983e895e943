//! Ending calls from outside: for callers who cannot drop the future, because another thread or another language holds it.

use crate::{Error, ErrorKind};
use tokio::sync::watch;

/// A handle that ends every call made with it, and every later one, at once.
///
/// Clones are the same handle; any thread may use it. A Rust caller who holds the call's future can drop that instead.
#[derive(Clone, Debug, Default)]
pub struct Cancel(watch::Sender<bool>);

impl Cancel {
    /// A handle that has not been used yet.
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// Ends the calls: they give [`ErrorKind::Cancelled`], and what they sent may or may not have reached the server.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    /// Whether [`cancel`](Cancel::cancel) has been called.
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is.
    pub(super) async fn cancelled(&self) -> Error {
        // The sender is `self`: it outlives the waiting, so the only end of it is the value.
        let _ = self.0.subscribe().wait_for(|cancelled| *cancelled).await;
        Error::new(ErrorKind::Cancelled, "the call was cancelled")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ends_whoever_waits_and_whoever_comes_later() {
        let cancel = Cancel::new();
        let other = cancel.clone();
        let waiting = tokio::spawn(async move { other.cancelled().await });
        tokio::task::yield_now().await;
        assert!(!cancel.is_cancelled() && !waiting.is_finished());
        cancel.cancel();
        assert_eq!(waiting.await.unwrap().kind(), ErrorKind::Cancelled);
        assert_eq!(cancel.cancelled().await.kind(), ErrorKind::Cancelled);
    }
}
