//! A consumer's start from what is there: each group and each user as if it had just been made, numbered below zero.
//!
//! The numbers are those of the rows, moved: groups first, users behind them. So a consumer's cursor says where in the snapshot it is,
//! and nothing needs to be copied. What changes meanwhile has its own change behind the snapshot.

use crate::Result;
use crate::record::{Change, ChangeBody, ChangeKind, ConsumerRow, Mirrored};
use crate::store::{Transaction, UserFilter};

/// The cursor of a consumer that has seen nothing of it. All numbers are whole in a double, for JavaScript.
pub(super) const START: i64 = -(1 << 52);
/// Where the users begin.
const USERS: i64 = -(1 << 51);

/// The next changes of a snapshot; nothing where the consumer is not, or no longer, inside one.
pub(super) fn page(tx: &mut dyn Transaction, row: &ConsumerRow, limit: usize) -> Result<Option<Vec<Change>>> {
    let Some(snapshot) = row.snapshot.filter(|_| row.cursor < 0) else { return Ok(None) };
    let mut changes = Vec::new();
    if row.cursor < USERS {
        let groups = tx.groups(None, row.cursor - START, limit)?;
        // What was made since has a change of its own behind the snapshot.
        for found in groups.into_iter().take_while(|row| row.number <= snapshot.groups) {
            let (group, seq) = (found.group, START + found.number);
            let place = (group.organization_id.clone(), group.directory_id.clone());
            changes.push(made(seq, ChangeKind::GroupCreated, place, Mirrored::Group(group), row));
        }
    }
    if changes.len() < limit {
        let filter = UserFilter::default();
        let users = tx.users(&filter, (row.cursor - USERS).max(0), limit - changes.len())?;
        for found in users.into_iter().take_while(|row| row.number <= snapshot.users) {
            let (user, seq) = (found.user, USERS + found.number);
            let place = (user.organization_id.clone(), user.directory_id.clone());
            changes.push(made(seq, ChangeKind::UserCreated, place, Mirrored::User(Box::new(user)), row));
        }
    }
    Ok(Some(changes).filter(|changes| !changes.is_empty()))
}

fn made(seq: i64, kind: ChangeKind, place: (String, String), what: Mirrored, row: &ConsumerRow) -> Change {
    let body = ChangeBody { after: Some(what), ..ChangeBody::default() };
    Change::new(seq, kind, place, body, "snapshot".to_owned(), row.seen_at)
}
