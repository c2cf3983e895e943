//! How writes change the counts of pending events. A store keeps these counts for each organization, and changes them in the same transaction as
//! the events.

use crate::record::{EventRow, EventState};
use std::collections::BTreeMap;

/// The part of a stored event on which the counts depend.
pub(super) struct StoredEvent {
    organization_id: String,
    /// Number of bytes of the event's body, or `None` if the event is not pending.
    pending: Option<i64>,
}

impl StoredEvent {
    pub(super) fn of(row: &EventRow) -> StoredEvent {
        StoredEvent { organization_id: row.organization_id.clone(), pending: pending_bytes(row) }
    }
}

/// Returns the number of bytes of an event's body, or `None` if the event is not pending.
fn pending_bytes(EventRow { state, body, .. }: &EventRow) -> Option<i64> {
    let bytes = || body.as_ref().map_or(0, |body| i64::try_from(body.len()).unwrap_or(i64::MAX));
    (*state == EventState::Pending).then(bytes)
}

/// By how much the number and the bytes of pending events change, by organization.
#[derive(Default)]
pub(super) struct PendingChanges(BTreeMap<String, (i64, i64)>);

impl PendingChanges {
    /// Returns the changes that the write of `rows` makes. `stored` returns the stored event with an id, or `None`.
    pub(super) fn of<'a>(rows: &[EventRow], stored: impl Fn(&String) -> Option<&'a StoredEvent>) -> PendingChanges {
        let mut changes = PendingChanges::default();
        for row in rows {
            let known = stored(&row.id);
            // A write does not change the organization of a stored event.
            let organization_id = known.map_or(&row.organization_id, |known| &known.organization_id);
            if let Some(bytes) = known.and_then(|known| known.pending) {
                changes.remove(organization_id, bytes);
            }
            if let Some(bytes) = pending_bytes(row) {
                changes.add(organization_id, 1, bytes);
            }
        }
        changes
    }

    /// Subtracts an event that is no longer pending, and whose body has `bytes` bytes.
    pub(super) fn remove(&mut self, organization_id: &str, bytes: i64) {
        self.add(organization_id, -1, -bytes);
    }

    fn add(&mut self, organization_id: &str, events: i64, bytes: i64) {
        let (event_sum, byte_sum) = self.0.entry(organization_id.to_owned()).or_default();
        *event_sum += events;
        *byte_sum += bytes;
    }

    /// Returns the organizations whose counts change, each with the changes of the number and of the bytes.
    pub(super) fn into_changes(self) -> Vec<(String, (i64, i64))> {
        self.0.into_iter().filter(|(_, change)| *change != (0, 0)).collect()
    }
}
