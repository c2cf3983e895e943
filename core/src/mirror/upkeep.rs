//! Deletes leavers, takes changes into the history, and limits what is stored: expires pending events, removes old rows after syncs and received events, and shrinks the store's log.

use super::Mirror;
use super::decide::{Applying, Step, before, event_keys, why_pending};
use super::history::UNFLUSHED;
use super::receive::stored_event;
use crate::record::{EventState, PendingEvent, SyncOutcome, SyncReport};
use crate::store::{Expiry, Keys};
use crate::{Event, Result};
use std::time::Duration;

/// How many pending events are read, or expired, at a time.
const PAGE: usize = 100;

/// The age, since its arrival, at which an event expires that a sync of its organization could not apply.
const PENDING: Duration = Duration::from_secs(7 * 86_400);

/// The age at which a pending event expires whether or not its organization is synced.
const PENDING_WITHOUT_SYNC: Duration = Duration::from_secs(30 * 86_400);

/// The age, since its arrival, at which the row of an expired event is deleted.
const EXPIRED: Duration = Duration::from_secs(37 * 86_400);

/// How many rows of each kind are removed at most after an event was received. It delays the answer to that event by milliseconds.
const TRIM_ON_WRITE: usize = 200;

impl Mirror {
    /// Returns the pending events of an organization, oldest first: those that wait for a sync to show which directory they are about.
    ///
    /// The mirror keeps at most 10,000 of them, and 64 MiB, for an organization, unless [`configure`](Mirror::configure) has changed these limits. An
    /// event that the syncs of its organization could not apply for a week expires, and after 30 days it expires in any case: it is not applied, and
    /// a warning is logged.
    ///
    /// The future may be dropped: it only reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn pending_events(&self, organization_id: &str) -> Result<Vec<PendingEvent>> {
        let (mut after, mut pending) = (0, Vec::new());
        loop {
            let rows = self.store().events(organization_id.to_owned(), EventState::Pending, after, PAGE).await?;
            let Some((last, _)) = rows.last() else { return Ok(pending) };
            after = *last;
            for (_, row) in rows {
                let event = stored_event(&row).transpose()?;
                let kind = event.as_ref().map(|event| event.type_().to_owned()).unwrap_or_default();
                let why = event.as_ref().map(why_pending).unwrap_or_default();
                pending.push(PendingEvent::new(row.id, kind, row.received_at, why));
            }
        }
    }

    /// Returns for each of these events of an organization whether it would be pending again if it were retried. One read costs less than a write
    /// for each.
    pub(super) async fn are_still_pending(&self, organization_id: &str, events: &[Event]) -> Result<Vec<bool>> {
        let mut keys = Keys { organizations: [organization_id.to_owned()].into(), ..Keys::default() };
        events.iter().for_each(|event| keys.extend(event_keys(event)));
        let now = self.now();
        let mut step = Step::new(self.store().load(keys).await?, "", now, true)?;
        let still = events.iter().map(|event| Applying { event, received_at: now }.is_still_pending(&mut step));
        Ok(still.collect())
    }

    /// Ends a sync of an organization: expires pending events that it could not apply, deletes leavers whose grace is over, and removes old rows.
    pub(super) async fn end_sync(&self, organization_id: &str, reports: &[SyncReport]) -> Result<()> {
        // A sync that failed, was skipped or is held may not have tried to apply them.
        if reports.iter().any(|report| matches!(report.outcome, SyncOutcome::Done | SyncOutcome::Incomplete)) {
            while self.expire_events(Some(organization_id), PENDING).await? >= PAGE as u64 {}
        }
        let removed = self.trim_all(UNFLUSHED).await?;
        self.shrink(removed > 0 && self.moments().shrunk.is_due(self.now())).await;
        Ok(())
    }

    /// Expires pending events of an organization, or of all, that are older than `age`: [`PAGE`] at most. Returns how many.
    pub(super) async fn expire_events(&self, organization_id: Option<&str>, age: Duration) -> Result<u64> {
        let now = self.now();
        let expiry = Expiry {
            organization_id: organization_id.map(str::to_owned),
            before: before(now, age),
            limit: PAGE,
            forget: before(now, EXPIRED),
        };
        let expired = self.store().expire_events(expiry).await?;
        for (organization_id, count) in &expired {
            tracing::warn!(
                target: "headcount",
                organization_id,
                count,
                "events have expired: they were pending for too long, and were not applied"
            );
        }
        Ok(expired.values().sum())
    }

    /// Expires pending events of all organizations that are older than [`PENDING_WITHOUT_SYNC`]: [`PAGE`] at most. Returns how many.
    pub(super) async fn expire_some(&self) -> Result<u64> {
        self.expire_events(None, PENDING_WITHOUT_SYNC).await
    }

    /// Deletes leavers, takes changes into the history and removes old rows once a minute, so that a process that only receives events does it as well. Each
    /// call deletes, takes and removes at most [`TRIM_ON_WRITE`] rows of each kind; if rows may be left, the next event continues without waiting for the minute to pass. Errors are only logged, because the event
    /// has been applied.
    pub(super) async fn trim_once_a_minute(&self) {
        let moments = self.moments();
        if !moments.trimmed.is_due(self.now()) {
            return;
        }
        match self.take_and_trim_some().await {
            Ok((taken, removed)) => {
                if removed >= TRIM_ON_WRITE || taken >= TRIM_ON_WRITE {
                    moments.trimmed.make_due();
                }
                self.shrink(removed > 0 && moments.shrunk.is_due(self.now())).await;
            }
            Err(error) => tracing::warn!(target: "headcount", %error, "old rows of the mirror could not be removed"),
        }
    }

    /// Deletes some leavers, takes some changes into the history, and removes some old rows. Returns how many it deleted or took, whichever is more, and
    /// how many it removed.
    async fn take_and_trim_some(&self) -> Result<(usize, usize)> {
        let deleted = self.delete_some_leavers(TRIM_ON_WRITE).await?;
        let taken = self.take_history(TRIM_ON_WRITE, UNFLUSHED).await?;
        Ok((taken.max(deleted), self.trim_some(TRIM_ON_WRITE).await?))
    }

    /// Makes the store's log smaller: always, or only if it is large. Errors are only logged, because nothing else depends on it.
    pub(super) async fn shrink(&self, always: bool) {
        if let Err(error) = self.store().shrink(always).await {
            tracing::debug!(target: "headcount", %error, "the log of the mirror's store could not be made smaller");
        }
    }
}
