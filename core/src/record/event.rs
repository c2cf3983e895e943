//! Events that webhooks have delivered.

use crate::Timestamp;
use crate::secret::debug_without_personal_data;
use serde::{Deserialize, Serialize};

/// A received event as stores keep it.
#[derive(Clone, PartialEq, Eq)]
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
}

debug_without_personal_data!(EventRow { id, organization_id, received_at, state });

/// How far an event has been processed.
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
