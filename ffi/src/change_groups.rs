//! Polls that give the changes in groups: those of one user and step together.

use crate::boundary::{call, free, read};
use crate::error::hc_error;
use crate::generated::{hc_change_batch, hc_status};
use crate::mirror::hc_mirror;
use crate::page::at;
use headcount_core::Change;
use std::ffi::c_char;

/// A list of groups of changes, each an hc_change_batch.
pub struct hc_change_groups(Vec<hc_change_batch>);

impl From<Vec<Vec<Change>>> for hc_change_groups {
    fn from(groups: Vec<Vec<Change>>) -> hc_change_groups {
        hc_change_groups(groups.into_iter().map(hc_change_batch::from).collect())
    }
}

/// Like hc_mirror_poll, but gives the changes in groups: all changes that one step (a page of a listing, an event, an approval, ...) made to one user
/// are a group. A new hire, for example, is a group of a "user.created", a "membership.added" for each directory group and a "roles.changed". Each change of
/// a directory group, a directory or an organization is a group of its own, and so is each change of a snapshot.
///
/// A group is given as a whole: the poll stops before a group with which there would be more than `limit` changes, but the first group is given even if
/// it is longer. If a change within a group was acknowledged, the rest of it is a group. To acknowledge a group, acknowledge its last change
/// (hc_mirror_ack).
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `limit`: largest number of changes, 1 to 10000.
/// - `groups`: receives the groups, oldest first; empty if there are no new changes; free it with hc_change_groups_free.
/// - `error`: may be NULL.
/// - Fails as hc_mirror_poll.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_poll_groups(
    mirror: *const hc_mirror,
    consumer: *const c_char,
    limit: usize,
    groups: *mut *mut hc_change_groups,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, groups, (mirror: object, consumer: text) => {
        mirror.0.poll_groups(consumer, limit).map(hc_change_groups::from)
    })
}

/// Returns the number of groups.
///
/// - `groups`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_groups_len(groups: *const hc_change_groups) -> usize {
    read!(groups => groups.0.len())
}

/// Returns the group at an index.
///
/// - `groups`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns a list of at least one change, oldest first, owned by `groups`, or NULL if `index` is out of range. Do not free it.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_groups_at(groups: *const hc_change_groups, index: usize) -> *const hc_change_batch {
    read!(groups => at(&groups.0, index))
}

/// Frees the groups and the changes in them.
///
/// - `groups`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_groups_free(groups: *mut hc_change_groups) {
    free!(groups);
}
