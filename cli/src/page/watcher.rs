//! Looks at what pages show, for the browsers that want to know when something changes.
//!
//! One task looks for all browsers, as long as one is listening. It looks once a second, and less often if a look takes long, so that it is busy for a tenth of the time at
//! most. Of a mirror, it sees what every process writes to the store: syncs, events, decisions and consumers. It registers no consumer of the feed, so that nothing is kept for it.

use headcount::Mirror;
use headcount::mirror::{EventQuery, RunQuery};
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// How long the task waits between two looks, at least.
const INTERVAL: Duration = Duration::from_secs(1);

/// The most browsers that may listen.
const MOST: usize = 200;

/// What pages show.
pub(super) trait Source: Send + Sync + 'static {
    /// Returns a hash of what pages show, or `None` if it cannot be read now.
    fn fingerprint(&self) -> impl Future<Output = Option<u64>> + Send;

    /// Returns whether nothing will change any more.
    fn is_closed(&self) -> bool;
}

impl Source for Mirror {
    async fn fingerprint(&self) -> Option<u64> {
        fingerprint(self).await
    }

    fn is_closed(&self) -> bool {
        Mirror::is_closed(self)
    }
}

/// Looks at a source while browsers are listening.
pub(super) struct Watcher<S> {
    source: S,
    /// The number of changes that were seen, which is what the browsers wait for. `None` while no task is looking.
    news: Mutex<Option<watch::Sender<u64>>>,
}

impl<S: Source> Watcher<S> {
    pub(super) fn new(source: S) -> Arc<Watcher<S>> {
        Arc::new(Watcher { source, news: Mutex::new(None) })
    }

    /// Starts to listen, or returns `None` if too many are listening.
    pub(super) fn listen(self: &Arc<Watcher<S>>) -> Option<watch::Receiver<u64>> {
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = news.as_ref() {
            return (sender.receiver_count() < MOST).then(|| sender.subscribe());
        }
        let (sender, receiver) = watch::channel(0);
        *news = Some(sender);
        tokio::spawn(Arc::clone(self).look());
        Some(receiver)
    }

    /// Looks at the source until no browser is listening, or the source is closed.
    async fn look(self: Arc<Watcher<S>>) {
        let mut known = None;
        loop {
            let started = Instant::now();
            let seen = self.source.fingerprint().await;
            let is_new = known.is_some_and(|known| seen.is_some_and(|seen| seen != known));
            known = seen.or(known);
            {
                // In one critical section, so that no browser begins to listen to a task that ends.
                let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(sender) = news.as_ref() else { return };
                if is_new {
                    sender.send_modify(|number| *number += 1);
                }
                if sender.is_closed() || self.source.is_closed() {
                    *news = None;
                    return;
                }
            }
            sleep(INTERVAL.max(started.elapsed() * 9)).await;
        }
    }
}

/// Returns a hash of what pages show, or `None` if the mirror cannot be read now.
async fn fingerprint(mirror: &Mirror) -> Option<u64> {
    let status = mirror.status().await.ok()?;
    let consumers = mirror.consumers().await.ok()?;
    let runs = mirror.runs(RunQuery { limit: 1, ..RunQuery::default() }).await.ok()?;
    let events = mirror.events(EventQuery { limit: 1, ..EventQuery::default() }).await.ok()?;
    let mut hasher = DefaultHasher::new();
    for text in [
        serde_json::to_string(&status),
        serde_json::to_string(&consumers),
        serde_json::to_string(&runs),
        serde_json::to_string(&events),
    ] {
        text.ok()?.hash(&mut hasher);
    }
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn watcher() -> Arc<Watcher<Mirror>> {
        Watcher::new(Mirror::builder().open(":memory:").await.unwrap())
    }

    #[tokio::test]
    async fn at_most_so_many_listen_at_a_time() {
        let watcher = watcher().await;
        let listening: Vec<_> = (0..MOST).map(|_| watcher.listen().unwrap()).collect();
        assert!(watcher.listen().is_none());
        drop(listening);
        assert!(watcher.listen().is_some());
    }

    #[tokio::test]
    async fn a_change_is_seen_and_the_task_ends_with_the_last_listener() {
        let watcher = watcher().await;
        let mut receiver = watcher.listen().unwrap();
        let looks = async {
            // A consumer that registers is a change. The first look may come after the first one.
            for name in 0.. {
                watcher.source.poll(&format!("consumer-{name}"), 1).await.unwrap();
                if tokio::time::timeout(INTERVAL * 2, receiver.changed()).await.is_ok() {
                    break;
                }
            }
        };
        looks.await;
        assert!(*receiver.borrow() > 0);
        drop(receiver);
        while watcher.news.lock().unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    }
}
