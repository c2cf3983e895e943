//! Events that webhooks have delivered.

use crate::Timestamp;

/// A received event as stores keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Event id (`evt_…`).
    pub id: String,
    /// Id of the organization in the event's envelope.
    pub organization_id: String,
    /// Id of the directory whose guard holds the event back; empty if none does.
    pub directory_id: String,
    /// Local time at which the event arrived.
    pub received_at: Timestamp,
    /// What was done with the event.
    pub state: EventState,
    /// The event's body until the event is settled, then `None`.
    pub body: Option<Vec<u8>>,
}

/// What was done with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventState {
    /// It was applied, or did not have to be.
    Settled,
    /// It is stored until a sync shows which directory it is about.
    Pending,
    /// The guard holds it back.
    Held,
}
