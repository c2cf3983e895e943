//! Renewals of leases that a task keeps for as long as it works: when one is due, and what the store's error means.

use crate::{Error, Timestamp};
use std::time::Duration;

/// Returns whether 9/16 of a lease have passed since it was taken or extended, by the local clock. More than half, because the store extends a lease only
/// if half of it or less is left by the store's clock, which may differ a little.
pub(super) fn is_renewal_due(now: Timestamp, renewed_at: Timestamp, lease: Duration) -> bool {
    // If the clock was set back, the time that has passed is not known.
    now < renewed_at || now.duration_since(renewed_at).unsigned_abs() >= lease / 16 * 9
}

/// Returns whether the error of a write with a fence says that the lease has ended.
pub(super) fn says_lost(error: &Error) -> bool {
    error.context().iter().any(|(name, _)| *name == "lease")
}
