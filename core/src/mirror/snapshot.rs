//! Snapshots: a consumer can start with the current rows, each returned as a created user or group.
//!
//! The changes of a snapshot have negative numbers: the start of the generation's numbers plus a row's number, and for users plus another
//! constant, so that groups precede users. The consumer's cursor is therefore its position in the snapshot, and no rows are copied. A row that
//! changes before it is read has its new content in the snapshot, and its changes follow the snapshot as well.
//!
//! No two generations have numbers in common (until 65,536 more have started), so a late acknowledgement of an earlier snapshot is recognized.

use crate::Result;
use crate::record::{Change, ChangeBody, ChangeKind, ConsumerRow, GroupRow, Mirrored, UserRow};
use crate::store::{Store, UserFilter};
use std::sync::Arc;

/// The lowest number of a change. A JavaScript number represents it exactly.
const FIRST: i64 = -(1 << 52);

/// How many numbers are reserved for the snapshot of one generation.
const SPAN: i64 = 1 << 36;

/// How many generations have numbers in different ranges; later generations reuse the ranges.
const GENERATIONS: i64 = 1 << 16;

/// Where the numbers of users start in the range of a generation, after those of groups. No store has as many rows of groups.
const USERS: i64 = 1 << 35;

/// The cursor of a consumer that has read nothing of the snapshot of this generation.
pub(super) fn start(generation: i64) -> i64 {
    FIRST + generation.rem_euclid(GENERATIONS) * SPAN
}

/// Whether a number is that of a change in the snapshot of this generation.
pub(super) fn contains(generation: i64, seq: i64) -> bool {
    (start(generation)..start(generation) + SPAN).contains(&seq)
}

/// Reads the next changes of a consumer's snapshot. Returns `None` at the end of the snapshot, and if the consumer does not read one.
pub(super) async fn page(store: &Arc<dyn Store>, row: &ConsumerRow, limit: usize) -> Result<Option<Vec<Change>>> {
    let Some(snapshot) = row.snapshot.filter(|_| row.cursor < 0) else { return Ok(None) };
    let position = row.cursor - start(row.generation);
    let mut changes = Vec::new();
    if position < USERS {
        let groups = store.groups(None, position, limit).await?;
        // Rows that were inserted after the snapshot have changes of their own.
        let groups = groups.into_iter().take_while(|found| found.number <= snapshot.groups);
        changes.extend(groups.map(|found| group_created(found, row)));
    }
    if changes.len() < limit {
        let after = (position - USERS).max(0);
        let users = store.users(UserFilter::default(), after, limit - changes.len()).await?;
        let users = users.into_iter().take_while(|found| found.number <= snapshot.users);
        changes.extend(users.map(|found| user_created(found, row)));
    }
    Ok(Some(changes).filter(|changes| !changes.is_empty()))
}

/// Reads the change with this number of a consumer's snapshot, or `None` if its user or group does not exist any more.
pub(super) async fn change(store: &Arc<dyn Store>, row: &ConsumerRow, seq: i64) -> Result<Option<Change>> {
    let position = seq - start(row.generation);
    let found = if position < USERS {
        store.groups(None, position - 1, 1).await?.pop().map(|found| group_created(found, row))
    } else {
        store.users(UserFilter::default(), position - USERS - 1, 1).await?.pop().map(|found| user_created(found, row))
    };
    Ok(found.filter(|change| change.seq == seq))
}

fn group_created(found: GroupRow, consumer: &ConsumerRow) -> Change {
    let (group, seq) = (found.group, start(consumer.generation) + found.number);
    let place = (group.organization_id.clone(), group.directory_id.clone());
    created(seq, ChangeKind::GroupCreated, place, Mirrored::Group(group), consumer)
}

fn user_created(found: UserRow, consumer: &ConsumerRow) -> Change {
    let (user, seq) = (found.user, start(consumer.generation) + USERS + found.number);
    let place = (user.organization_id.clone(), user.directory_id.clone());
    created(seq, ChangeKind::UserCreated, place, Mirrored::User(Box::new(user)), consumer)
}

fn created(seq: i64, kind: ChangeKind, place: (String, String), row: Mirrored, consumer: &ConsumerRow) -> Change {
    let body = ChangeBody { after: Some(row), ..ChangeBody::default() };
    let at = consumer.snapshot.unwrap_or_default().at;
    Change::new(seq, kind, place, body, "snapshot".to_owned(), at)
}
