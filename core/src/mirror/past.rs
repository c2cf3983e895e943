//! Reads who was in a directory at a past time: takes the present users and undoes the later changes of the history.

use super::Mirror;
use super::history::{rows_after, rows_of, user_state};
use crate::record::{HistoryRow, MirrorUser, Mirrored};
use crate::store::{HistoryFilter, UserFilter};
use crate::{Error, ErrorKind, Result, Timestamp};
use std::collections::BTreeSet;

/// How many users are read at a time.
const PAGE: usize = 500;

/// The users of an organization at a past time.
///
/// A user's state at a time is the state after the last change of the user that was written at that time or before. It is computed from the present row
/// and the later rows of the history; for a user who was removed since, from the row of the first removal, which has the whole user, and the rows before
/// it. So two passes return everybody once: the first goes through the present users, and leaves out those with a removal since; the second goes
/// through the removals.
///
/// Users may be removed or return while they are read. The removals of the second pass are therefore limited to those before the start (`until`), and the first
/// pass also reads tombstones, which keep their row number for a week: a user who is removed during the first pass is still found in it.
#[derive(Clone)]
pub(super) struct Past {
    mirror: Mirror,
    moment: Timestamp,
    organization_id: String,
    stage: Stage,
}

#[derive(Clone, Copy)]
enum Stage {
    /// Nothing was read yet.
    Start,
    /// The present users and tombstones after the row number `after` are read.
    Present { after: i64, until: i64 },
    /// The removals after the number `after` are read, up to `until`.
    Removed { after: i64, until: i64 },
    /// Everybody was read.
    End,
}

impl Past {
    pub(super) fn new(mirror: Mirror, moment: Timestamp, organization_id: String) -> Past {
        Past { mirror, moment, organization_id, stage: Stage::Start }
    }

    pub(super) fn moment(&self) -> Timestamp {
        self.moment
    }

    /// Returns some of the next users, or `None` after the last ones. The future may be dropped.
    pub(super) async fn next_page(&mut self) -> Result<Option<Vec<MirrorUser>>> {
        let (users, next) = match self.stage {
            Stage::Start => (Vec::new(), Stage::Present { after: 0, until: self.start().await? }),
            Stage::Present { after, until } => self.present(after, until).await?,
            Stage::Removed { after, until } => self.removed(after, until).await?,
            Stage::End => return Ok(None),
        };
        self.stage = next;
        Ok(Some(users))
    }

    /// Checks the moment. Returns the number of the latest change.
    async fn start(&self) -> Result<i64> {
        let (moment, now) = (self.moment, self.mirror.now());
        if moment > now {
            let message = format!("expected a moment that is not in the future, got {moment}: it is {now} now");
            return Err(Error::invalid_argument(message));
        }
        let mark = self.mirror.prepare_history().await?;
        match mark.starts_at {
            Some(starts_at) if moment.as_millisecond() >= starts_at.as_millisecond() => Ok(mark.latest),
            Some(starts_at) => Err(Error::new(
                ErrorKind::HistoryTrimmed,
                format!("expected a moment since the history began, got {moment}: the earliest is {starts_at}"),
            )),
            None => Err(Error::new(
                ErrorKind::HistoryTrimmed,
                format!(
                    "expected a moment since the history began, got {moment}: the mirror has no changes yet, sync first"
                ),
            )),
        }
    }

    /// Returns whether a row was written by the moment: at it or before, in whole milliseconds.
    fn includes(&self, row: &HistoryRow) -> bool {
        row.at.as_millisecond() <= self.moment.as_millisecond()
    }

    /// Returns the rows that have to be undone: those after the user's last one that was written by then. `rows` has all of the user's, oldest first.
    fn later<'a>(&self, rows: &'a [HistoryRow]) -> &'a [HistoryRow] {
        let last = rows.iter().rposition(|row| self.includes(row));
        rows.get(last.map_or(0, |last| last + 1)..).unwrap_or_default()
    }

    /// Returns the state of a user or group at the moment. `rows` has all rows about it, oldest first.
    pub(super) fn state(&self, rows: &[HistoryRow], present: Option<Mirrored>) -> Result<Option<Mirrored>> {
        undo(self.later(rows), present)
    }

    /// Undoes rows, newest first. Returns the user, or `None` if the user was not in the organization.
    fn undo(&self, rows: &[HistoryRow], present: Option<Mirrored>) -> Result<Option<MirrorUser>> {
        let user = match undo(rows, present)? {
            Some(Mirrored::User(user)) => Some(*user),
            _ => None,
        };
        Ok(user.filter(|user| user.organization_id == self.organization_id))
    }

    async fn present(&self, after: i64, until: i64) -> Result<(Vec<MirrorUser>, Stage)> {
        let store = self.mirror.store();
        let organization_id = Some(self.organization_id.clone());
        let filter = UserFilter { organization_id, removed: true, ..UserFilter::default() };
        // The users are read before the history, so that the history has all changes of theirs.
        let rows = store.users(filter, after, PAGE).await?;
        let Some(last) = rows.last().map(|row| row.number) else {
            return Ok((Vec::new(), Stage::Removed { after: 0, until }));
        };
        let ids: BTreeSet<String> = rows.iter().map(|row| row.user.id.clone()).collect();
        let history = rows_of(store, &ids, 0).await?;
        let mut users = Vec::new();
        for row in rows {
            let later = self.later(history.get(&row.user.id).map(Vec::as_slice).unwrap_or_default());
            if !later.iter().any(|row| row.is_removal && row.seq <= until) {
                let is_live = row.is_live();
                users.extend(self.undo(later, Some(row.user).filter(|_| is_live).map(user_state))?);
            }
        }
        Ok((users, Stage::Present { after: last, until }))
    }

    async fn removed(&self, after: i64, until: i64) -> Result<(Vec<MirrorUser>, Stage)> {
        let store = self.mirror.store();
        let organization_id = Some(self.organization_id.clone());
        let filter = HistoryFilter { organization_id, removals: true, ..HistoryFilter::default() };
        let (rows, next) = rows_after(store, &filter, after).await?;
        let removals: Vec<HistoryRow> =
            rows.into_iter().filter(|row| !self.includes(row) && row.seq <= until).collect();
        let ids: BTreeSet<String> = removals.iter().map(|row| row.subject_id.clone()).collect();
        let mut users = Vec::new();
        if !ids.is_empty() {
            let history = rows_of(store, &ids, 0).await?;
            for removal in removals {
                let later = self.later(history.get(&removal.subject_id).map(Vec::as_slice).unwrap_or_default());
                // A user may have been removed several times. The state at the moment is what was there before the first of them.
                if let Some(first) = later.iter().position(|row| row.is_removal)
                    && let Some(rows) = later.get(..=first).filter(|rows| rows.last() == Some(&removal))
                {
                    users.extend(self.undo(rows, None)?);
                }
            }
        }
        let next = next.filter(|next| *next < until);
        Ok((users, next.map_or(Stage::End, |after| Stage::Removed { after, until })))
    }
}

/// Undoes rows, newest first.
fn undo(rows: &[HistoryRow], present: Option<Mirrored>) -> Result<Option<Mirrored>> {
    rows.iter().rev().try_fold(present, |state, row| row.undo(state))
}
