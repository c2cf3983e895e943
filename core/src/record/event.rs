//! Events that webhooks have delivered.

use super::Outcome;
use crate::Timestamp;
use crate::secret::debug_without_personal_data;
use serde::{Deserialize, Serialize};

/// A received event as stores keep it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct EventRow {
    /// Event id (`evt_…`).
    pub id: String,
    /// Id of the organization in the event's envelope, or in its data if the envelope has none; empty if neither has one.
    pub organization_id: String,
    /// Time at which the event arrived, by the clock of the machine that received it.
    pub received_at: Timestamp,
    /// How far the event has been processed.
    pub state: EventState,
    /// The body of a pending event; `None` for others.
    pub body: Option<Vec<u8>>,
    /// Id of the user, group, directory or organization that the event is about; `None` if it names none, or an older version stored it.
    pub subject_id: Option<String>,
    /// What was done with the event; `None` if an older version stored it.
    pub note: Option<EventNote>,
}

debug_without_personal_data!(EventRow { id, organization_id, received_at, state, subject_id, note });

/// What the mirror did with a received event. It has no personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventNote {
    /// The event's type, such as `organization.directory.user_created`.
    pub event_type: String,
    /// Time at which the event happened, by the vendor's clock.
    pub occurred_at: Timestamp,
    /// What the mirror did with it: what `receive` returned, or for an event that was pending, what a sync did with it later.
    pub outcome: Outcome,
    /// Time at which a sync settled an event that was pending; `None` for other events.
    pub settled_at: Option<Timestamp>,
    /// Why it changed nothing, in one English sentence; `None` if it was applied.
    pub why: Option<String>,
}

/// How far an event has been processed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventState {
    /// It was applied, or did not have to be.
    #[default]
    Settled,
    /// It is stored until a sync shows which directory it is about.
    Pending,
    /// It was pending for longer than such events are kept, and was not applied.
    Expired,
}

impl EventRow {
    /// Returns whether the event is pending.
    pub fn is_pending(&self) -> bool {
        self.state == EventState::Pending
    }
}

/// How many events of an organization are pending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PendingEvents {
    /// Number of the events.
    pub events: u64,
    /// Total size of their bodies in bytes.
    pub bytes: u64,
}

/// A received event that waits for a sync. It has no personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PendingEvent {
    /// Event id (`evt_…`).
    pub id: String,
    /// The event's type, such as `organization.directory.user_created`.
    pub event_type: String,
    /// Time at which the event arrived, in UTC, by the clock of the machine that received it.
    pub received_at: Timestamp,
    /// Why it waits, in one English sentence.
    pub why: String,
}

impl PendingEvent {
    pub(crate) fn new(id: String, event_type: String, received_at: Timestamp, why: &str) -> PendingEvent {
        PendingEvent { id, event_type, received_at, why: why.to_owned() }
    }
}

/// A received event, and what the mirror did with it. It has no personal data. Fields that an older version of this package did not store are `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReceivedEvent {
    /// Number of the event in the mirror: events that were first stored later have greater numbers.
    pub number: i64,
    /// Event id (`evt_…`).
    pub id: String,
    /// The event's type, such as `organization.directory.user_created`.
    pub event_type: Option<String>,
    /// Id of the organization (`org_…`) that the event names; empty if it names none.
    pub organization_id: String,
    /// Id of the user, group, directory or organization that the event is about.
    pub subject_id: Option<String>,
    /// Time at which the event happened, in UTC, by the vendor's clock.
    pub occurred_at: Option<Timestamp>,
    /// Time at which the event arrived, in UTC, by the clock of the machine that received it.
    pub received_at: Timestamp,
    /// Time at which a sync settled an event that was pending, in UTC, by the clock of the machine that made the sync; `None` for events that were
    /// settled when they arrived, and for those that are pending or have expired.
    pub settled_at: Option<Timestamp>,
    /// What the mirror did with the event: what `receive` returned, or for an event that was pending, what a sync did with it later. Later deliveries of
    /// the same event are not recorded.
    pub outcome: Option<Outcome>,
    /// Whether the event was pending for longer than such events are kept, and was not applied.
    pub is_expired: bool,
    /// Why the event changed nothing, in one English sentence; `None` if it was applied.
    pub why: Option<String>,
}

/// Which received events to read, newest first: those that meet all conditions that are not `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQuery {
    /// Only the events with these ids.
    pub ids: Option<Vec<String>>,
    /// Only events of this organization.
    pub organization_id: Option<String>,
    /// Only events about the user, group, directory or organization with this id.
    pub subject_id: Option<String>,
    /// Only events whose number is less than this. To read the next page, set it to the number of the last event.
    pub before: Option<i64>,
    /// The greatest number of events to read, from 1 to 10,000. Default: 100.
    pub limit: usize,
}

impl Default for EventQuery {
    fn default() -> EventQuery {
        EventQuery { ids: None, organization_id: None, subject_id: None, before: None, limit: 100 }
    }
}

impl ReceivedEvent {
    /// Makes the record of an event from its number and its row.
    pub(crate) fn new(number: i64, row: EventRow) -> ReceivedEvent {
        let is_expired = row.state == EventState::Expired;
        let (event_type, occurred_at, outcome, settled_at, why) = match row.note {
            Some(note) => {
                (Some(note.event_type), Some(note.occurred_at), Some(note.outcome), note.settled_at, note.why)
            }
            None => (None, None, None, None, None),
        };
        let why = match why {
            Some(why) if is_expired => Some(format!("it was pending for too long and was not applied: {why}")),
            None if is_expired => Some("it was pending for too long and was not applied".to_owned()),
            why => why,
        };
        ReceivedEvent {
            number,
            id: row.id,
            event_type,
            organization_id: row.organization_id,
            subject_id: row.subject_id,
            occurred_at,
            received_at: row.received_at,
            settled_at,
            outcome,
            is_expired,
            why,
        }
    }
}
