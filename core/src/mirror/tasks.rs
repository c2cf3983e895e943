//! The tasks of a mirror's calls. If a call is cancelled, a task that it has started goes on, for example until the end of a write, and uses the store
//! meanwhile.

use std::future::Future;
use tokio::sync::watch;

/// Counts running tasks. Each has a receiver of this channel, on which nothing is sent.
pub(super) struct Tasks(watch::Sender<()>);

impl Tasks {
    pub(super) fn new() -> Tasks {
        Tasks(watch::Sender::new(()))
    }

    /// Wraps the work of a task, so that it counts as running until the future is dropped with all that it owns.
    pub(super) fn counted<F: Future + Send>(&self, work: F) -> impl Future<Output = F::Output> + Send + use<F> {
        let running = self.0.subscribe();
        async move {
            // In this order, so that the work is dropped first.
            let (work, _running) = (work, running);
            work.await
        }
    }

    /// Waits until no task is running.
    pub(super) async fn ended(&self) {
        self.0.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::sync::Arc;

    #[test]
    fn a_task_is_running_until_its_work_is_done_or_dropped() {
        let tasks = Tasks::new();
        assert!(tasks.ended().now_or_never().is_some());

        let owned = Arc::new(());
        let held = Arc::clone(&owned);
        let work = tasks.counted(async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        assert!(tasks.ended().now_or_never().is_none(), "it counts before its first poll");
        let mut work = Box::pin(work);
        assert!((&mut work).now_or_never().is_none());
        assert!(tasks.ended().now_or_never().is_none());

        drop(work);
        assert_eq!(Arc::strong_count(&owned), 1);
        assert!(tasks.ended().now_or_never().is_some());
    }
}
