//! Leavers: users whom the directory no longer has, by a listing, an event or an approval.
//!
//! Without a grace ([`MirrorSettings::deletion_grace`](crate::record::MirrorSettings::deletion_grace)), leavers are removed at once. With one, they are
//! deactivated at once, and removed when the grace is over. The guard counts the deactivation, and not the removal. Until the removal, a leaver's row is
//! live. Only messages that are newer than the removal bring the user back, as for a tombstone. Others may change the content of the row, in whatever order they
//! arrive. Leavers keep their groups and roles, as other deactivated users do.

use super::step::Step;
use crate::Timestamp;
use crate::record::{Leaving, MirrorUser, Trail, UserRow, Version};
use std::time::Duration;

impl Step {
    /// Removes a user, or deactivates the user and sets the time of the removal. The time of a user who has left already stays the same. A user without a row,
    /// or who was removed already, gets a tombstone: see [`remove_user`](Step::remove_user). The guard does not limit this.
    pub(super) fn remove_or_deactivate(&mut self, user: MirrorUser, version: Version, touched_at: Option<Timestamp>) {
        let deletes_at = self.settings.deletion_grace.and_then(|grace| later(self.clock(), grace));
        let (is_live, is_leaving) = self.user(&user.id).map_or((false, false), |row| (row.is_live(), row.is_leaving()));
        if !is_live || deletes_at.is_none() && !is_leaving {
            return self.remove_user(user, version, touched_at);
        }
        let Some(mut row) = self.set.users.remove(&user.id) else { return };
        self.note_user(&user.id, &row);
        match &mut row.leaving {
            Some(leaving) => leaving.removed = version.max(leaving.removed.clone()),
            None => self.deactivate_leaver(&mut row, version, deletes_at),
        }
        row.trail.touched_at = touched_at.or(row.trail.touched_at);
        row.trail.revision = self.set.revision;
        self.set.users.insert(user.id, row);
    }

    /// Deactivates a user who has left, and sets the time of the removal.
    fn deactivate_leaver(&mut self, row: &mut UserRow, removed: Version, deletes_at: Option<Timestamp>) {
        let before = row.user.clone();
        row.leaving = Some(Leaving { removed, cause: self.cause.clone(), was_active: row.said_active() });
        if row.held.take().is_some_and(|held| held.loss.roles) {
            // While the loss of all roles was held, the row had the roles before the loss.
            row.user.roles = self.derive(&row.told_groups, &before.organization_id).1;
        }
        row.user.active = false;
        row.user.deletes_at = deletes_at;
        self.append_user(Some(&before), Some(&row.user));
        self.lose(row, &before, false);
    }

    /// Removes those of the users with these ids whose grace is over, each with the cause of the deactivation. Returns how many. The step is not guarded,
    /// because the guard has counted the deactivations.
    pub(in crate::mirror) fn remove_due(&mut self, ids: &[String]) -> usize {
        let (clock, mut count) = (self.clock(), 0);
        for id in ids {
            let is_due = |row: &&UserRow| row.is_live() && row.user.deletes_at.is_some_and(|at| at <= clock);
            let Some(row) = self.user(id).filter(is_due) else { continue };
            let Some(Leaving { removed, cause, .. }) = row.leaving.clone() else { continue };
            let Trail { version, touched_at, .. } = row.trail.clone();
            self.cause = cause;
            self.remove_user(MirrorUser { id: id.clone(), ..MirrorUser::default() }, removed.max(version), touched_at);
            count += 1;
        }
        count
    }

    /// The present time by the clock that all machines share: that of the store's server if it has one, and otherwise this machine's.
    fn clock(&self) -> Timestamp {
        self.set.now.unwrap_or(self.now)
    }
}

/// Returns `at` plus `span`. A time that cannot be represented becomes the greatest one.
fn later(at: Timestamp, span: Duration) -> Option<Timestamp> {
    Some(at.checked_add(jiff::SignedDuration::try_from(span).ok()?).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::step::Decided;
    use super::*;
    use crate::record::{Batch, ChangeKind, MessageKind, MirrorOptions, WorkingSet};

    const DAY: i64 = 86_400;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn version(second: i64) -> Version {
        Version { at: Some(at(second)), kind: MessageKind::Deleted, event: String::new() }
    }

    fn ada() -> MirrorUser {
        MirrorUser {
            id: "diruser_1".to_owned(),
            organization_id: "org_1".to_owned(),
            active: true,
            ..MirrorUser::default()
        }
    }

    /// A step at the second `now` on this row, with a grace of this many days. The server's clock is an hour ahead.
    fn step(row: UserRow, now: i64, grace: Option<u64>) -> Step {
        let deletion_grace = grace.map(|days| Duration::from_secs(days * 86_400));
        let set = WorkingSet {
            users: [(row.user.id.clone(), row)].into(),
            settings: MirrorOptions { deletion_grace, ..MirrorOptions::default() },
            now: Some(at(now + 3_600)),
            ..WorkingSet::default()
        };
        Step::new(set, &format!("sync:{now}"), at(now), false).unwrap()
    }

    fn finish(step: Step) -> Batch {
        match step.finish() {
            Decided::Ready { batch, .. } => *batch,
            Decided::Needs(keys) => panic!("the step needs {keys:?}"),
        }
    }

    /// The row and the kinds of changes after `ada` has left at the second 1,000.
    fn leave(row: UserRow, grace: Option<u64>) -> (UserRow, Vec<ChangeKind>) {
        let mut step = step(row, 1_000, grace);
        step.remove_or_deactivate(ada(), version(900), None);
        let mut batch = finish(step);
        let changes = batch.entries.iter().flat_map(|entry| &entry.body.changes);
        (batch.users.remove(0).row, changes.map(|change| change.kind).collect())
    }

    fn row() -> UserRow {
        UserRow { number: 1, user: ada(), listed: true, ..UserRow::default() }
    }

    #[test]
    fn without_a_grace_a_leaver_is_removed_at_once() {
        let (row, kinds) = leave(row(), None);
        assert!(!row.is_live());
        assert_eq!(kinds, [ChangeKind::UserDeleted]);
    }

    #[test]
    fn with_a_grace_a_leaver_is_deactivated_and_the_time_of_the_deletion_is_by_the_servers_clock() {
        let (row, kinds) = leave(row(), Some(7));
        assert!(row.is_live());
        assert_eq!(kinds, [ChangeKind::UserDeactivated]);
        assert!(!row.user.active);
        assert_eq!(row.user.deletes_at, Some(at(1_000 + 3_600 + 7 * DAY)));
        assert_eq!(row.trail.version, Version::default(), "older events may still change the content");
        let expected = Leaving { removed: version(900), cause: "sync:1000".to_owned(), was_active: true };
        assert_eq!(row.leaving, Some(expected));
    }

    #[test]
    fn a_leaver_who_was_inactive_is_updated_with_the_time_of_the_deletion() {
        let inactive = UserRow { user: MirrorUser { active: false, ..ada() }, ..row() };
        let (row, kinds) = leave(inactive, Some(7));
        assert_eq!(kinds, [ChangeKind::UserUpdated]);
        assert!(row.user.deletes_at.is_some());
        assert!(!row.leaving.unwrap().was_active);
    }

    #[test]
    fn another_removal_makes_the_row_newer_and_keeps_the_time_of_the_deletion() {
        let (left, _) = leave(row(), Some(7));
        for grace in [Some(1), Some(70), None] {
            let mut step = step(left.clone(), 2_000, grace);
            step.remove_or_deactivate(ada(), version(1_900), Some(at(2_000)));
            let batch = finish(step);
            assert_eq!(batch.entries.len(), 0);
            let again = &batch.users[0].row;
            assert_eq!(again.user.deletes_at, left.user.deletes_at);
            let leaving = again.leaving.as_ref().unwrap();
            assert_eq!(leaving.cause, "sync:1000");
            assert_eq!(leaving.removed, version(1_900));
            assert_eq!(again.trail.touched_at, Some(at(2_000)));
        }
    }

    #[test]
    fn a_leaver_is_removed_once_the_grace_is_over_by_the_servers_clock_with_the_cause_of_the_deactivation() {
        let (left, _) = leave(row(), Some(7));
        let ids = ["diruser_1".to_owned()];
        let due = 1_000 + 7 * DAY;
        let mut early = step(left.clone(), due - 1, None);
        assert_eq!(early.remove_due(&ids), 0);
        assert_eq!(finish(early).users.len(), 0);

        let mut step = step(left, due, None);
        assert_eq!(step.remove_due(&ids), 1);
        assert_eq!(step.remove_due(&ids), 0, "the user was removed already");
        let batch = finish(step);
        assert!(!batch.users[0].row.is_live());
        assert_eq!(batch.users[0].row.leaving, None);
        assert_eq!(batch.users[0].row.user.deletes_at, None);
        assert_eq!(batch.users[0].row.trail.version, version(900));
        assert_eq!(batch.entries[0].cause, "sync:1000");
        assert_eq!(batch.entries[0].body.changes[0].kind, ChangeKind::UserDeleted);
        assert!(batch.losses[0].is_approved, "the guard has counted the deactivation");
        assert!(batch.losses[0].is_removal);
    }

    #[test]
    fn a_user_who_has_not_left_is_never_due() {
        let mut step = step(row(), i64::from(u32::MAX), Some(7));
        assert_eq!(step.remove_due(&["diruser_1".to_owned()]), 0);
    }
}
