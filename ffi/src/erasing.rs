//! Erases users, and forgets organizations.

use crate::boundary::call;
use crate::error::hc_error;
use crate::generated::{hc_erasure, hc_organization_erasure, hc_status};
use crate::mirror::hc_mirror;
use std::ffi::c_char;

/// Erases a user: removes all personal data of one person from the mirror, for example when the person asks for it (GDPR, article 17). When this returns,
/// the user's row, groups, link and protection, the history of the user, and the content of changes, parked changes and events about the user are gone: in
/// SQLite also from the file and its log. PostgreSQL removes replaced rows from its files when it vacuums them.
///
/// The numbers of the feed stay as they are. Each change about the user becomes a user.deleted with the cause "erasure:" and the erasure's id, which has only
/// the ids of the user, the organization and the directory. A user whom the mirror has gets one more user.deleted first. A deletion that a consumer has not
/// acknowledged also keeps linked_id, until it is removed with the change when the retention has passed. The guard does not limit this.
///
/// A tombstone keeps the user erased: listings and events about the user are ignored (hc_sync_report_erased, HC_OUTCOME_ERASED). It has a keyed hash of the id,
/// not the id. A user whom the mirror does not know gets one as well. If the directory makes the person anew, they have another id, which is not erased.
/// Backups that were made before the erasure still have the data. An erasure that is interrupted is completed by another call, the next sync, the next removal
/// of old rows, or when the mirror is next opened. Erasing a user again changes nothing.
///
/// - `mirror`: required.
/// - `user_id`: "diruser_...", 1 to 200 bytes.
/// - `erasure`: receives what was removed; free it with hc_erasure_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT (the id is empty, too long, or has spaces or characters that are not printable ASCII; the mirror is closed), HC_STORE
///   (also if a reader of a SQLite file, such as a running backup, keeps its log for five seconds: the erasure is completed later then) or HC_CANCELLED
///   (the mirror was closed during the call).
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_erase_user(
    mirror: *const hc_mirror,
    user_id: *const c_char,
    erasure: *mut *mut hc_erasure,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, erasure, (mirror: object, user_id: text) => mirror.0.erase_user(user_id).map(hc_erasure::from))
}

/// Forgets an organization, for example a customer who left: removes everything that the mirror has about it. When this returns, the organization, its
/// directories, the tombstones of its users and groups, their history, links and protections, its events, holds, decisions, retirements and syncs, and its
/// entries in the role map are gone: in SQLite also from the file and its log. PostgreSQL removes replaced rows from its files when it vacuums them.
///
/// It removes no accounts, so it is refused while that is not done: first retire the organization's directories (hc_mirror_retire), and let every consumer
/// acknowledge the changes. Parked changes are removed, but it is refused while the deletion of a user is parked.
///
/// The numbers of the feed stay as they are. Each change of the organization becomes an organization.forgotten with the cause "erasure:" and the erasure's id,
/// without any other id. Consumers that start at the beginning of the feed get these changes, and only acknowledge them.
///
/// A tombstone keeps the organization forgotten: events about it are ignored (HC_OUTCOME_ERASED), and a sync of all organizations leaves it out, without a
/// report. It has a keyed hash of the id, not the id. An organization that the mirror does not know gets one as well. Syncing the organization by its id removes
/// the tombstone and mirrors the organization anew. Backups that were made before still have the data. It waits for syncs of the directories to end. If it
/// is interrupted, it is completed by another call, the next sync, the next removal of old rows, or when the mirror is next opened. Forgetting an organization
/// again changes nothing.
///
/// - `mirror`: required.
/// - `organization_id`: "org_...", 1 to 200 bytes.
/// - `erasure`: receives what was removed; free it with hc_organization_erasure_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT (users or groups of the organization are mirrored; a consumer has not acknowledged a change of the organization, or has
///   parked the deletion of a user of it: the message names the consumer and the change's number; the id is empty, too long, or has
///   spaces or characters that are not printable ASCII; the mirror is closed), HC_STORE (also if a reader of a SQLite file, such as a running backup, keeps its
///   log for five seconds: call it again when the reader has ended) or HC_CANCELLED (the mirror was closed during the call).
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_forget_organization(
    mirror: *const hc_mirror,
    organization_id: *const c_char,
    erasure: *mut *mut hc_organization_erasure,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, erasure, (mirror: object, organization_id: text) =>
        mirror.0.forget_organization(organization_id).map(hc_organization_erasure::from))
}
