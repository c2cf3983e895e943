//! The task that sends notifications: see `notify`.

use super::database::{Database, Statement};
use super::rows::Text;
use std::sync::Arc;
use std::time::Duration;

/// After it has sent a notification, a process sends none for this time, so that it sends one for many commits.
const SPACING: Duration = Duration::from_millis(10);

/// Starts the task, if the database has an announcer. It ends when the database is dropped.
pub(super) fn start(database: &Arc<Database>) {
    let Some(announcer) = &database.announcer else { return };
    let Some(mut commits) = announcer.commits() else { return };
    let (channel, sent, database) = (announcer.channel().to_owned(), announcer.sent(), Arc::downgrade(database));
    tokio::spawn(async move {
        while commits.changed().await.is_ok() {
            let Some(database) = database.upgrade() else { return };
            let until = *commits.borrow_and_update();
            let notify = Statement::new("SELECT pg_notify($1, '')").with(Text::new(&channel));
            // If this fails, or a crash of the server undoes it, other processes find the changes when they look for them.
            let _ = database.read_and_lock(notify).await;
            drop(database);
            sent.send_replace(until);
            tokio::time::sleep(SPACING).await;
        }
    });
}
