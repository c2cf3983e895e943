//! Notifications between processes, with the option `notify`: a process that appends changes sends `NOTIFY`, and a process that waits for changes gets it
//! with `LISTEN`. Nothing depends on a notification: processes that wait also look for changes at intervals.
//!
//! A notification is sent after the commit, in a transaction of its own. In the transaction of the write it would delay others: the server lets
//! only one transaction with notifications commit at a time. A task (`announce`) sends one notification for all commits since the last one.
//!
//! `LISTEN` needs a session of its own, so the listener makes a connection that is not in the pool. Through a pooler in transaction mode, it gets no
//! notifications, and sending them works.

use super::pool::Pool;
use crate::process::Process;
use crate::random::{OsRandom, jittered};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// How long closing a store waits for its last notification.
const FINISH: Duration = Duration::from_secs(1);

/// How long the listener waits before its second attempt to connect. Each further wait is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The longest name of a channel, in bytes.
const MAX_CHANNEL: usize = 63;

/// Returns the name of the channel of a schema, whose name has only ASCII characters. Two schemas with long names may have the same channel: a notification
/// then only makes a process look for changes.
fn channel(schema: &str) -> String {
    let mut name = format!("headcount_{schema}");
    name.truncate(MAX_CHANNEL);
    name
}

/// Has a task of [`announce::start`](super::announce::start) send notifications.
pub(super) struct Announcer {
    channel: String,
    /// The number of commits that appended changes. The task ends when this is dropped. `None` only while this value is dropped.
    commits: Option<watch::Sender<u64>>,
    /// The number of commits after which the last notification was sent.
    sent: watch::Sender<u64>,
    process: Process,
}

impl Announcer {
    /// Makes the announcer of a schema. Nothing is sent before the task is started.
    pub(super) fn new(schema: &str) -> Announcer {
        let (commits, sent) = (Some(watch::Sender::new(0)), watch::Sender::new(0));
        Announcer { channel: channel(schema), commits, sent, process: Process::current() }
    }

    /// Returns the name of the channel.
    pub(super) fn channel(&self) -> &str {
        &self.channel
    }

    /// Returns a receiver that is marked as changed by [`announce`](Announcer::announce). Its value is the number of commits.
    pub(super) fn commits(&self) -> Option<watch::Receiver<u64>> {
        self.commits.as_ref().map(watch::Sender::subscribe)
    }

    /// Returns the sender of the number of commits after which the last notification was sent.
    pub(super) fn sent(&self) -> watch::Sender<u64> {
        self.sent.clone()
    }

    /// Has a notification sent, after a commit that appended changes.
    pub(super) fn announce(&self) {
        if let Some(commits) = self.commits.as_ref().filter(|_| self.process.is_current()) {
            commits.send_modify(|number| *number = number.wrapping_add(1));
        }
    }

    /// Waits until a notification was sent after the last commit, or could not be sent: for [`FINISH`] at most.
    pub(super) async fn finish(&self) {
        let Some(last) = self.commits.as_ref().map(|commits| *commits.borrow()) else { return };
        let mut sent = self.sent.subscribe();
        let _ = timeout(FINISH, sent.wait_for(|number| *number == last)).await;
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        // In a forked child, dropping the copy of the sender would wake the task, on a thread that the child does not have.
        if !self.process.is_current() {
            std::mem::forget(self.commits.take());
        }
    }
}

/// Listens for notifications from the first call of [`receiver`](Listener::receiver) on, until it is stopped or dropped.
pub(super) struct Listener {
    channel: String,
    /// Made by the first call: the receiver that is cloned for each further one, and the task.
    started: OnceLock<(watch::Receiver<u64>, AbortHandle)>,
    process: Process,
}

impl Listener {
    pub(super) fn new(channel: &str) -> Listener {
        Listener { channel: channel.to_owned(), started: OnceLock::new(), process: Process::current() }
    }

    /// Returns a receiver that is marked as changed by each notification, and whenever the listener has connected, because notifications may have been
    /// missed before. Its sender is dropped when the listener is stopped.
    pub(super) fn receiver(&self, pool: &Arc<Pool>) -> watch::Receiver<u64> {
        let (receiver, _) = self.started.get_or_init(|| {
            let (appended, receiver) = watch::channel(0);
            let task = tokio::spawn(listen(Arc::clone(pool), self.channel.clone(), Arc::new(appended)));
            (receiver, task.abort_handle())
        });
        receiver.clone()
    }

    /// Closes the connection.
    pub(super) fn stop(&self) {
        // In a forked child, the task is on a thread that the child does not have.
        if let Some((_, task)) = self.started.get().filter(|_| self.process.is_current()) {
            task.abort();
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop();
        if !self.process.is_current() {
            std::mem::forget(self.started.take());
        }
    }
}

/// Connects and listens, and connects again when the connection is lost.
async fn listen(pool: Arc<Pool>, channel: String, appended: Arc<watch::Sender<u64>>) {
    let mut pause = FIRST_PAUSE;
    loop {
        if let Ok(session) = pool.connect_to_listen(&appended).await
            // The name of the channel has only lower-case letters, digits and underscores.
            && timeout(pool.timeout, session.client.batch_execute(&format!("LISTEN \"{channel}\""))).await.is_ok_and(|ran| ran.is_ok())
        {
            pause = FIRST_PAUSE;
            appended.send_modify(|times| *times = times.wrapping_add(1));
            session.ended().await;
        } else {
            tracing::debug!(target: "headcount", "the connection for notifications cannot be made: it is tried again");
        }
        tokio::time::sleep(jittered(pause, &OsRandom)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_channel_has_the_name_of_the_schema_and_at_most_63_bytes() {
        assert_eq!(channel("headcount"), "headcount_headcount");
        assert_eq!(channel(&"a".repeat(63)), format!("headcount_{}", "a".repeat(53)));
    }
}
