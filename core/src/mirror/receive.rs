//! Webhooks: each is verified, then stored and applied in one write, before it is answered.

use super::Mirror;
use super::decide::{Applying, Settled, event_cause, event_keys, organization_of};
use super::write::{Done, Task, run};
use crate::record::{EventRow, EventState, Outcome};
use crate::store::{Durability, Scope};
use crate::webhook::Headers;
use crate::webhook::verifier::log_refusal;
use crate::{Error, Event, Result, Timestamp};
use tracing::Instrument;

/// How many pending events are read at a time.
const PAGE: usize = 100;

impl Mirror {
    /// Verifies, stores and applies a webhook, durably when this returns. Answer 201 to any outcome and 400 to a
    /// [`WebhookVerification`](crate::ErrorKind::WebhookVerification) error; after any other error answer 500, so that the webhook is sent
    /// again.
    ///
    /// The future may be dropped: the event is then stored and applied as a whole, and its next delivery is a duplicate; or not at all, and its next
    /// delivery is applied. Effects that need further writes, such as the roles of a large group's members, are completed by the next sync, or when
    /// the mirror is next opened.
    ///
    /// # Errors
    ///
    /// As [`Webhook::verify`](crate::Webhook::verify); [`ErrorKind::Config`](crate::ErrorKind::Config) if there is no secret;
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the store failed, and if the event would be pending and its organization has as many
    /// pending events as are kept ([`MirrorOptions::pending_events`](crate::mirror::MirrorOptions::pending_events) and `pending_bytes`): the vendor
    /// repeats the delivery for 28 hours, and a sync applies pending events. If the event was stored although an error is returned, its next
    /// delivery is a duplicate.
    pub async fn receive(&self, headers: &(impl Headers + ?Sized), body: &[u8]) -> Result<Outcome> {
        let verified = self.webhook()?.verify(headers, body);
        let event = verified.inspect_err(log_refusal).map_err(|error| self.refused(error))?;
        self.apply(&event).await
    }

    /// Does what [`receive`](Mirror::receive) does, with the timestamp compared with `now`: the time at which the request arrived, for requests that
    /// a queue kept. Times that the mirror records, such as those of changes, are still the current time.
    ///
    /// The future may be dropped: the event is then stored and applied as a whole, and its next delivery is a duplicate; or not at all, and its next
    /// delivery is applied. Effects that need further writes, such as the roles of a large group's members, are completed by the next sync, or when
    /// the mirror is next opened.
    ///
    /// # Errors
    ///
    /// As [`receive`](Mirror::receive).
    pub async fn receive_at(&self, headers: &(impl Headers + ?Sized), body: &[u8], now: Timestamp) -> Result<Outcome> {
        let verified = self.webhook()?.verify_at(headers, body, now);
        let event = verified.inspect_err(log_refusal).map_err(|error| self.refused(error))?;
        self.apply(&event).await
    }

    /// Stores and applies an event that has been verified before, as [`receive`](Mirror::receive) does.
    ///
    /// The future may be dropped: the event is then stored and applied as a whole, and its next delivery is a duplicate; or not at all, and its next
    /// delivery is applied. Effects that need further writes, such as the roles of a large group's members, are completed by the next sync, or when
    /// the mirror is next opened.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WebhookVerification`](crate::ErrorKind::WebhookVerification) if its data does not have the fields that its type requires;
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) as for [`receive`](Mirror::receive).
    pub async fn apply(&self, event: &Event) -> Result<Outcome> {
        if !Applying::is_mirrored(event.event_type()) {
            self.counters().count_event(Outcome::Ignored);
            return Ok(Outcome::Ignored);
        }
        let span = tracing::debug_span!(
            target: "headcount", "event", organization_id = organization_of(event), event_id = event.id(), event_type = event.type_()
        );
        let apply = async {
            let done = self.run_event(event.clone(), None, self.now()).await?;
            let outcome = done.value.outcome();
            self.counters().count_event(outcome);
            self.trim_once_a_minute().await;
            Ok(outcome)
        };
        apply.instrument(span).await
    }

    /// Applies the pending events of an organization. Returns how many were settled.
    pub(super) async fn retry_events(&self, organization_id: &str) -> Result<u64> {
        let (mut after, mut settled) = (0, 0);
        loop {
            let rows = self.store().events(organization_id.to_owned(), EventState::Pending, after, PAGE).await?;
            let Some((last, _)) = rows.last() else { return Ok(settled) };
            after = *last;
            let rows = rows.into_iter().filter_map(|(_, row)| {
                let event = stored_event(&row)?;
                Some(event.map(|event| (event, row)))
            });
            let (events, rows): (Vec<Event>, Vec<EventRow>) = rows.collect::<Result<Vec<_>>>()?.into_iter().unzip();
            let still_pending = self.are_still_pending(organization_id, &events).await?;
            for (index, (event, row)) in events.into_iter().zip(rows).enumerate() {
                if still_pending.get(index) == Some(&true) {
                    continue;
                }
                let done = self.run_event(event, Some(row), self.now()).await?;
                settled += u64::from(done.value != Settled::Pending);
            }
        }
    }

    /// Applies an event in one step. `stored` is the event's row if the event is pending and is retried, or `None` if it has just arrived.
    async fn run_event(&self, event: Event, stored: Option<EventRow>, now: Timestamp) -> Result<Done<Settled>> {
        let received_at = stored.as_ref().map_or(now, |row| row.received_at);
        let received = event.clone();
        let task = Task {
            scope: Scope::Organization(organization_of(&event)),
            durability: Durability::Power,
            fence: None,
            guarded: true,
            keys: event_keys(&event),
            cause: event_cause(&event),
            now,
        };
        let done = run(self.store(), task, move |step| {
            let known = step.event(event.id());
            // A retried event may have been settled by another process in the meantime.
            let is_pending = known.is_some_and(EventRow::is_pending);
            if stored.is_none() && known.is_some() || stored.is_some() && !is_pending {
                return Ok(Settled::Duplicate);
            }
            Applying { event: &event, received_at }.apply(step)
        })
        .await;
        if !self.is_plan() {
            log(&received, done.as_ref().map(|done| &done.value));
        }
        let done = done?;
        self.notify(&done.tally);
        if done.chores {
            self.finish_chores().await?;
        }
        Ok(done)
    }
}

/// Returns the event of a row, or `None` if its body is no longer kept. If the body has no id or no time, the event has those of the row.
pub(super) fn stored_event(row: &EventRow) -> Option<Result<Event>> {
    Some(Event::from_verified_message_at(row.body.as_deref()?, &row.id, row.received_at))
}

/// Writes to the log why an event changed nothing, if it should have changed something.
fn log(event: &Event, settled: Result<&Settled, &Error>) {
    let (organization_id, event_id, event_type) = (organization_of(event), event.id(), event.type_());
    match settled {
        Ok(Settled::Foreign) => tracing::warn!(
            target: "headcount", organization_id, event_id, event_type, outcome = Outcome::Foreign.name(),
            "an event of another organization or environment changed nothing"
        ),
        Ok(Settled::Ignored) => tracing::warn!(
            target: "headcount", organization_id, event_id, event_type, outcome = Outcome::Ignored.name(),
            "an event names more groups for a user than are permitted, and changed nothing: the next sync lists the user"
        ),
        Ok(Settled::Held) => tracing::warn!(
            target: "headcount", organization_id, event_id, event_type, outcome = Outcome::Held.name(),
            "the guard holds back an event: look at the hold, then approve or dismiss it"
        ),
        Ok(_) => {}
        Err(error) => {
            tracing::warn!(target: "headcount", organization_id, event_id, event_type, "an event was not applied: {error}")
        }
    }
}
