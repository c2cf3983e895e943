//! The rules of the mirror, as pure functions: rows and new information in, changed rows and changes out.
//!
//! This module performs no I/O, reads no clock and uses no store. `step` applies rows to a working set and collects what has to be written; `listing`
//! and `event` apply listed rows and events; `version` decides which of two messages is newer; `diff` compares two states of a row; `tenant` keeps
//! organizations apart; `guard` limits losses of access, and `loss` counts them or holds them back; `absence` finds users and groups that a listing
//! lacks; `leaver` removes users at once or after the grace; `roles` derives roles from groups; `environment` binds the mirror to one environment; `missing` marks directories that are not listed any
//! more, and `retire` removes the users of directories that the application retires; `erase` erases a user whom the application wants erased, and `forget` an organization; `reconcile` decides whether a user who is not mirrored has left;
//! `rehire` finds the former user whom a new user may be; `explain` says which groups give a user's roles, and what would take access away; `cursor`
//! decides which acknowledgements of the feed's consumers count; `partition` divides a consumer among workers, and `holding` has what one of them returned
//! and acknowledged.

mod absence;
mod cursor;
mod diff;
mod environment;
mod erase;
mod event;
mod explain;
mod forget;
mod guard;
mod holding;
mod leaver;
mod listing;
mod loss;
mod missing;
#[cfg(test)]
mod order;
mod partition;
mod reconcile;
mod rehire;
mod retire;
mod roles;
mod step;
mod tenant;
mod version;

pub(super) use absence::{Absence, Reading, Removal, judge_removal};
pub(super) use cursor::{Acks, acknowledge};
pub(super) use environment::bind_host;
pub(super) use erase::{Begun, begin_erasure, erase_events};
pub(super) use event::{Applying, Settled, event_cause, event_keys, why_pending};
pub(super) use explain::{Present, explain_roles, outlook, outlook_if_erased};
pub(super) use forget::{
    Forgetting, begin_forgetting, check_not_forgotten, end_forgetting, is_forgotten, readmit, still_mirrored,
};
pub(super) use guard::{Budget, budget, hold_directory};
pub(super) use holding::{Acknowledged, AcknowledgedAll, Holdings};
pub(super) use listing::{Listing, Taken, end_memberships, take_group, take_user};
pub(super) use missing::{Shown, lose_organization, take_directories};
pub(super) use partition::{
    MAX_PARTITIONS, Members, PartitionAck, Turn, check_count, check_holder, has_acknowledged, leave, lost,
    partition_of, without_partitions,
};
pub(super) use reconcile::{check_all_are_listed, check_are_synced, check_is_listed};
pub(super) use retire::{Order, end_retirement, retire_groups, retire_users, start_retirement};
pub(super) use roles::{RoleMap, Unmatched};
pub(super) use step::{Decided, PAGE, ROLES_CAUSE, Step, Tally};
pub(super) use tenant::organization_of;

use crate::Timestamp;
use std::time::Duration;

/// How far the vendor's clock may differ from this machine's clock, in either direction, and how long a listing may lag behind an event.
pub(super) const SKEW: Duration = Duration::from_secs(5 * 60);

/// Returns `now` minus `span`, or the earliest representable time.
pub(super) fn before(now: Timestamp, span: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(span).ok().and_then(|span| now.checked_sub(span).ok()).unwrap_or(Timestamp::MIN)
}

/// Sorts texts and removes duplicates.
pub(super) fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<String> = texts.collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

/// Returns whether a row with this organization belongs to `organization_id`. A row without an organization belongs to the first organization
/// that changes it: events that named no organization made such rows in version 0.1.0.
pub(super) fn owns(organization_id: &str, row_organization_id: &str) -> bool {
    row_organization_id.is_empty() || row_organization_id == organization_id
}
