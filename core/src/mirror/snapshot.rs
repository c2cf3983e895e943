//! Snapshots: a consumer can start with the current rows, each returned as a created user or group.
//!
//! The changes of a snapshot have negative numbers: a row's number plus a negative constant, which is lower for groups, so that groups precede
//! users. The consumer's cursor is therefore its position in the snapshot, and no rows are copied. A row that changes before it is read has its
//! new content in the snapshot, and its changes follow the snapshot as well.

use crate::Result;
use crate::record::{Change, ChangeBody, ChangeKind, ConsumerRow, Mirrored};
use crate::store::{Store, UserFilter};
use std::sync::Arc;

/// The cursor of a consumer that has read nothing of its snapshot. JavaScript can represent this number exactly.
pub(super) const START: i64 = -(1 << 52);

/// The number before that of the first user.
const USERS: i64 = -(1 << 51);

/// Reads the next changes of a consumer's snapshot. Returns `None` at the end of the snapshot, and if there is none.
pub(super) async fn page(store: &Arc<dyn Store>, row: &ConsumerRow, limit: usize) -> Result<Option<Vec<Change>>> {
    let Some(snapshot) = row.snapshot.filter(|_| row.cursor < 0) else { return Ok(None) };
    let mut changes = Vec::new();
    if row.cursor < USERS {
        let groups = store.groups(None, row.cursor - START, limit).await?;
        // Rows that were inserted after the snapshot have changes of their own.
        for found in groups.into_iter().take_while(|row| row.number <= snapshot.groups) {
            let (group, seq) = (found.group, START + found.number);
            let place = (group.organization_id.clone(), group.directory_id.clone());
            changes.push(created(seq, ChangeKind::GroupCreated, place, Mirrored::Group(group), row));
        }
    }
    if changes.len() < limit {
        let after = (row.cursor - USERS).max(0);
        let users = store.users(UserFilter::default(), after, limit - changes.len()).await?;
        for found in users.into_iter().take_while(|row| row.number <= snapshot.users) {
            let (user, seq) = (found.user, USERS + found.number);
            let place = (user.organization_id.clone(), user.directory_id.clone());
            changes.push(created(seq, ChangeKind::UserCreated, place, Mirrored::User(Box::new(user)), row));
        }
    }
    Ok(Some(changes).filter(|changes| !changes.is_empty()))
}

fn created(seq: i64, kind: ChangeKind, place: (String, String), row: Mirrored, consumer: &ConsumerRow) -> Change {
    let body = ChangeBody { after: Some(row), ..ChangeBody::default() };
    Change::new(seq, kind, place, body, "snapshot".to_owned(), consumer.seen_at)
}
