//! Events that webhooks have delivered.

use crate::Timestamp;
use crate::secret::debug_without_personal_data;
use serde::{Deserialize, Serialize};

/// A received event as stores keep it.
#[derive(Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Event id (`evt_…`).
    pub id: String,
    /// Id of the organization in the event's envelope.
    pub organization_id: String,
    /// Local time at which the event arrived.
    pub received_at: Timestamp,
    /// What was done with the event.
    pub state: EventState,
    /// The event's body until the event is settled, then `None`.
    pub body: Option<Vec<u8>>,
}

debug_without_personal_data!(EventRow { id, organization_id, received_at, state });

/// What was done with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventState {
    /// It was applied, or did not have to be.
    Settled,
    /// It is stored until a sync shows which directory it is about.
    Pending,
    /// It was pending for longer than such events are kept, and was not applied.
    Expired,
}

impl EventRow {
    /// Whether the event has yet to be applied.
    pub fn is_waiting(&self) -> bool {
        !matches!(self.state, EventState::Settled | EventState::Expired)
    }
}

/// The pending events of an organization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PendingEvents {
    /// Their number.
    pub events: u64,
    /// The bytes of their bodies.
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
    /// Local time at which the event arrived.
    pub received_at: Timestamp,
    /// Why it waits, in one sentence.
    pub why: String,
}

impl PendingEvent {
    pub(crate) fn new(id: String, event_type: String, received_at: Timestamp, why: &str) -> PendingEvent {
        PendingEvent { id, event_type, received_at, why: why.to_owned() }
    }
}
