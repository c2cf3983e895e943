//! Syncs all directories at an interval. Of the processes of a mirror, one does so at a time.

use super::app::App;
use headcount::mirror::Leadership;
use headcount::system::OsRandom;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The name of the lease.
const TASK: &str = "serve: sync";
/// How often a process looks whether it can take the lease.
const LOOK: Duration = Duration::from_secs(30);

/// Syncs until the service ends. A sync that is running then is completed.
pub(super) async fn run(app: Arc<App>, every: Duration) {
    while !app.ending.is_cancelled() {
        let wait = match app.mirror.lead(TASK).await {
            Ok(Some(leadership)) => {
                app.metrics.leads(true);
                lead(&app, &leadership, every).await;
                app.metrics.leads(false);
                Duration::ZERO
            }
            Ok(None) => LOOK.min(every),
            Err(error) => {
                tracing::warn!(target: "headcount", "the lease of the syncs could not be taken: {error}");
                LOOK.min(every)
            }
        };
        pause(&app, headcount::internal::jittered(wait, &OsRandom)).await;
    }
}

/// Syncs for as long as the lease is held.
async fn lead(app: &App, leadership: &Leadership, every: Duration) {
    while !app.ending.is_cancelled() {
        match leadership.is_held().await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(target: "headcount", "the lease of the syncs could not be checked: {error}");
                return;
            }
        }
        let started = Instant::now();
        sync(app).await;
        // At most a tenth earlier than the interval says, so that the services of several environments do not all call the API in the same second.
        let jitter = headcount::internal::jittered(every / 5, &OsRandom);
        let next = started + (every + every / 10).saturating_sub(jitter);
        pause(app, next.saturating_duration_since(Instant::now())).await;
    }
}

/// Waits, or returns when the service ends.
async fn pause(app: &App, wait: Duration) {
    let _ = app.ending.run_until_cancelled(tokio::time::sleep(wait)).await;
}

/// Syncs all directories once. The next sync tries again what went wrong. The core logs how the sync of each directory ended.
async fn sync(app: &App) {
    let synced = app.mirror.sync_all().reports().await;
    app.metrics.count_sync(synced.is_ok());
    if let Err(error) = synced {
        tracing::error!(target: "headcount", "the sync failed: {error}");
    }
}
