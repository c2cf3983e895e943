//! Helpers of the tests: they make rows and writes, commit them, and read what is stored.

use crate::record::{
    Approval, Batch, Change, ChangeKind, ConsumerRow, Delta, DirectoryRow, EntryBody, ErasureKey, ErasureRow, EventRow,
    EventState, GroupRow, HoldReason, HoldRow, Keys, MirrorDirectory, MirrorGroup, MirrorUser, Mirrored, NewEntry,
    OrganizationRow, Retirement, Trail, UserRow, UserWrite, WorkingSet,
};
use crate::store::{
    Committed, ConsumerState, ConsumerUpdate, ConsumerWrite, Decision, Durability, Fence, Scope, Store, UserFilter,
    Write,
};
use crate::{Result, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Makes a time, in seconds after an arbitrary start.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::new(1_800_000_000 + seconds, 5).unwrap()
}

/// Makes a live user of the directory `dir_1` who is in these groups.
pub(super) fn user(id: &str, groups: &[&str]) -> UserRow {
    let user = MirrorUser {
        id: id.to_owned(),
        organization_id: "org_1".to_owned(),
        directory_id: "dir_1".to_owned(),
        email: format!("{id}@example.com"),
        active: true,
        group_ids: groups.iter().map(|id| (*id).to_owned()).collect(),
        ..MirrorUser::default()
    };
    let told_groups = user.group_ids.clone();
    UserRow { user, told_groups, ..UserRow::default() }
}

/// Makes a write of a user whose stored row, if there is one, is in no group.
pub(super) fn joining(row: UserRow) -> UserWrite {
    let joined = row.told_groups.clone();
    UserWrite { row, joined, left: Vec::new() }
}

/// Makes a live group of the directory `dir_1`.
pub(super) fn group(id: &str) -> GroupRow {
    let group = MirrorGroup {
        id: id.to_owned(),
        organization_id: "org_1".to_owned(),
        directory_id: "dir_1".to_owned(),
        display_name: format!("Group {id}"),
        ..MirrorGroup::default()
    };
    GroupRow { group, ..GroupRow::default() }
}

pub(super) fn directory(id: &str, organization_id: &str) -> DirectoryRow {
    let directory = MirrorDirectory {
        id: id.to_owned(),
        organization_id: organization_id.to_owned(),
        enabled: true,
        ..MirrorDirectory::default()
    };
    DirectoryRow { directory, ..DirectoryRow::default() }
}

/// Makes a retirement of the directory `dir_1` that has not ended.
pub(super) fn retirement(id: &str, at: Timestamp) -> Retirement {
    Retirement {
        id: id.to_owned(),
        organization_id: "org_1".to_owned(),
        directory_id: "dir_1".to_owned(),
        by: "ops@example.com".to_owned(),
        note: "the customer has left".to_owned(),
        at,
        ended_at: None,
        users: 0,
    }
}

pub(super) fn organization(id: &str) -> OrganizationRow {
    OrganizationRow { id: id.to_owned(), directories_listed_at: Some(at(0)), ..OrganizationRow::default() }
}

/// Makes the erasure of a user, which has ended unless it `is_open`.
pub(super) fn erasure(user_id: &str, is_open: bool) -> ErasureRow {
    ErasureRow {
        mark: ErasureKey::new([1, 2, 3, 4]).mark_of_user(user_id),
        id: format!("erasure of {user_id}"),
        at: at(1),
        user_id: is_open.then(|| user_id.to_owned()),
        organization_id: None,
    }
}

/// Makes an event of the organization `org_1` that arrived at a time. It has a body unless it is settled.
pub(super) fn event(id: &str, state: EventState, received_at: Timestamp) -> EventRow {
    EventRow {
        id: id.to_owned(),
        organization_id: "org_1".to_owned(),
        received_at,
        state,
        body: (state != EventState::Settled).then(|| format!("body of {id}").into_bytes()),
        ..EventRow::default()
    }
}

/// Makes a hold of the directory `dir_1`.
pub(super) fn hold(number: i64, reason: HoldReason) -> HoldRow {
    HoldRow {
        number,
        organization_id: "org_1".to_owned(),
        directory_id: "dir_1".to_owned(),
        reason,
        limit: 20,
        since: at(1),
        causes: vec!["sync:1".to_owned()],
        revision: 6,
        count: 0,
    }
}

/// Makes a decision about a hold at a time. It approves the hold if the time is 1, and dismisses it otherwise.
pub(super) fn approval(id: &str, time: i64) -> Approval {
    Approval {
        id: id.to_owned(),
        hold_id: "hold_1_2".to_owned(),
        organization_id: "org_1".to_owned(),
        directory_id: "dir_1".to_owned(),
        reason: HoldReason::RoleLoss,
        is_approved: time == 1,
        by: "ops@example.com".to_owned(),
        note: "confirmed".to_owned(),
        at: at(time),
        count: 3,
    }
}

/// Makes the tombstone of a user who was removed at a time.
pub(super) fn removed(row: UserRow, deleted_at: Timestamp) -> UserRow {
    let trail = Trail { deleted_at: Some(deleted_at), ..row.trail.clone() };
    UserRow { trail, ..row }
}

/// Makes an entry of `count` changes of a user at a time: a creation and `count - 1` memberships.
pub(super) fn entry(user_id: &str, count: usize, at: Timestamp) -> NewEntry {
    let after = Mirrored::User(Box::new(user(user_id, &[]).user));
    let created = Delta { kind: ChangeKind::UserCreated, group_id: None, fields: Vec::new() };
    let added = |n: usize| Delta {
        kind: ChangeKind::MembershipAdded,
        group_id: Some(format!("dirgroup_{n}")),
        fields: Vec::new(),
    };
    let changes = std::iter::once(created).chain((1..count).map(added)).collect();
    let body = EntryBody { after: Some(after), changes, ..EntryBody::default() };
    NewEntry {
        organization_id: "org_1".to_owned(),
        directory_id: "dir_1".to_owned(),
        cause: format!("test:{user_id}"),
        at,
        body,
    }
}

/// Makes a write of any rows that needs no lease.
pub(super) fn unfenced(keys: Keys, decide: impl FnMut(WorkingSet) -> Result<Decision> + Send + 'static) -> Write {
    Write {
        scope: Scope::Everything,
        durability: Durability::Process,
        fence: None,
        now: at(0),
        keys,
        decide: Box::new(decide),
    }
}

/// Makes a write that needs the lease of this fence at the time `now`.
pub(super) fn fenced(fence: &Fence, now: Timestamp, batch: Batch) -> Write {
    Write { fence: Some(fence.clone()), now, ..unfenced(Keys::default(), move |_| done(batch.clone())) }
}

pub(super) fn done(batch: Batch) -> Result<Decision> {
    Ok(Decision::Commit(Box::new(batch)))
}

/// Commits a batch.
pub(super) async fn commit(store: &Arc<dyn Store>, batch: Batch) -> Committed {
    store.write(unfenced(Keys::default(), move |_| done(batch.clone()))).await.unwrap()
}

/// Commits new users, each in these groups.
pub(super) async fn commit_users(store: &Arc<dyn Store>, ids: &[&str], groups: &[&str]) -> Committed {
    let users = ids.iter().map(|id| joining(user(id, groups))).collect();
    commit(store, Batch { users, ..Batch::default() }).await
}

/// Appends an entry of one change for each of these times.
pub(super) async fn append(store: &Arc<dyn Store>, times: &[i64]) {
    let entries = times.iter().map(|time| entry(&format!("diruser_{time}"), 1, at(*time))).collect();
    commit(store, Batch { entries, ..Batch::default() }).await;
}

pub(super) fn ids(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

/// Makes keys that ask for these users.
pub(super) fn of_users(user_ids: &[&str]) -> Keys {
    Keys { users: ids(user_ids), ..Keys::default() }
}

/// Returns the ids of the live users that match a filter.
pub(super) async fn user_ids(store: &Arc<dyn Store>, filter: UserFilter) -> Vec<String> {
    store.users(filter, 0, 100_000).await.unwrap().into_iter().map(|row| row.user.id).collect()
}

pub(super) fn seqs(changes: &[Change]) -> Vec<i64> {
    changes.iter().map(|change| change.seq).collect()
}

/// Returns the numbers of all changes in the feed.
pub(super) async fn kept(store: &Arc<dyn Store>) -> Vec<i64> {
    seqs(&store.changes(0, 100_000).await.unwrap())
}

/// Updates a consumer. `update` gets the consumer's state, whose row is `None` if there is no such consumer, and returns what to store.
pub(super) async fn update_consumer(
    store: &Arc<dyn Store>,
    name: &str,
    mut update: impl FnMut(ConsumerState) -> ConsumerUpdate + Send + 'static,
) {
    store.update_consumer(updating(name, move |state| Ok(update(state)))).await.unwrap();
}

/// Makes a durable update of a consumer that needs no lease.
pub(super) fn updating(
    name: &str,
    decide: impl FnMut(ConsumerState) -> Result<ConsumerUpdate> + Send + 'static,
) -> ConsumerWrite {
    ConsumerWrite {
        name: name.to_owned(),
        durability: Durability::Power,
        fence: None,
        now: at(0),
        decide: Box::new(decide),
    }
}

/// Registers a consumer, or sets its cursor. `seen_at` becomes the time `at(cursor)`.
pub(super) async fn acknowledge(store: &Arc<dyn Store>, name: &str, cursor: i64) {
    let owned = name.to_owned();
    update_consumer(store, name, move |_| {
        let row = ConsumerRow { name: owned.clone(), cursor, seen_at: at(cursor), ..ConsumerRow::default() };
        ConsumerUpdate { row: Some(row), park: None }
    })
    .await;
}
