//! Losses of access: a user is removed, deactivated, or left without roles. Each is counted, or held back if the guard's budget is used up. Losses
//! that the application asked for are neither counted nor held back.

use super::guard::budget;
use super::step::Step;
use crate::Timestamp;
use crate::record::{HeldLoss, HoldId, HoldReason, HoldRow, Loss, LossRow, MirrorUser, UserRow, Version};

/// Prefix of the causes of changes by events.
pub(super) const EVENT: &str = "event:";

/// A hold's number is the revision of the write that made it, shifted left by this many bits, plus the index of the hold in that write.
const HOLDS_BITS: u32 = 20;

/// The most causes that a hold keeps.
const CAUSES: usize = 10;

impl Step {
    /// Returns `Ok` if a user may lose access now, and otherwise the limit of the directory's budget as the error, which is 0 for a protected user.
    /// A user who already lost access within the window has been counted, and may lose more.
    fn permits(&mut self, row: &UserRow, directory_id: &str) -> Result<(), u64> {
        let Some(guard) = self.guard() else { return Ok(()) };
        if row.user.is_protected() {
            return Err(0);
        }
        let is_limited = guard.events || !self.cause.starts_with(EVENT);
        if !is_limited || self.is_counted(row, directory_id) {
            return Ok(());
        }
        let budget = budget(self, directory_id);
        if budget.left > 0 { Ok(()) } else { Err(budget.limit) }
    }

    fn is_counted(&self, row: &UserRow, directory_id: &str) -> bool {
        let Some(guard) = self.guard() else { return false };
        row.user.directory_id == directory_id
            && row.lost_at.is_some_and(|at| at > super::before(self.now, guard.window))
    }

    /// Records that a user lost access. `row` has the state before it.
    pub(super) fn lose(&mut self, row: &mut UserRow, user: &MirrorUser, is_removal: bool) {
        let is_approved = self.guard().is_none();
        // A deactivation or loss of roles that the application asked for is not stored: it does not count, and the directory keeps its number of
        // users.
        if is_approved && !is_removal {
            return;
        }
        if !is_approved && !self.is_counted(row, &user.directory_id) {
            *self.spent.entry(user.directory_id.clone()).or_default() += 1;
        }
        let now = self.now;
        self.batch().losses.push(LossRow {
            directory_id: user.directory_id.clone(),
            user_id: user.id.clone(),
            at: now,
            added_at: row.added_at,
            is_removal,
            is_approved,
        });
        if !is_approved {
            row.lost_at = Some(self.now);
        }
    }

    /// Applies the guard to a user who changes from `before` to `after`. What the user may not lose without approval is set back in `after` to
    /// what it was in `before`, and is stored in the row as held. `is_present` is whether the change shows that the user exists, and is newer
    /// than a held removal: the removal is then no longer held.
    pub(super) fn withhold(
        &mut self,
        row: &mut UserRow,
        before: &MirrorUser,
        after: &mut MirrorUser,
        is_present: bool,
    ) {
        if before.deletes_at.is_some() {
            // A user who has left has lost access already, and the guard has counted it.
            return;
        }
        let held = row.held.take();
        let mut loss = Loss {
            removed: held.as_ref().and_then(|held| held.loss.removed.clone()).filter(|_| !is_present),
            deactivated: before.active && !after.active,
            roles: !before.roles.is_empty() && after.roles.is_empty(),
        };
        if self.guard().is_none() {
            // The application asked for this change: a new role map, or a retirement. Roles whose loss is held stay, except for those that no entry
            // of the role map gives any more.
            let is_held = held.as_ref().is_some_and(|held| held.loss.roles);
            if loss.roles && is_held {
                after.roles = before.roles.iter().filter(|role| self.roles.gives(role)).cloned().collect();
            }
            loss.roles = is_held && !after.roles.is_empty() && loss.roles;
            row.held = held.filter(|_| !loss.is_none()).map(|held| HeldLoss { loss: loss.clone(), ..held });
            after.active |= loss.deactivated;
            return;
        }
        if loss.is_none() {
            return;
        }
        match held {
            Some(held) if held.loss.covers(&loss) || loss.removed.is_some() => {
                row.held = Some(HeldLoss { loss: loss.clone(), ..held });
            }
            held => {
                let limit = match self.permits(row, &after.directory_id) {
                    Ok(()) if held.is_none() => return self.lose(row, after, false),
                    // The budget would suffice for the new loss, but another loss of the user is held back already, so both are held back.
                    Ok(()) => held.map_or(0, |held| self.limit_of(&after.directory_id, held.hold)),
                    Err(limit) => limit,
                };
                let reason = if loss.deactivated { HoldReason::MassDeactivation } else { HoldReason::RoleLoss };
                self.hold_user(row, after, reason, limit, loss.clone());
            }
        }
        after.active |= loss.deactivated;
        if loss.roles {
            after.roles.clone_from(&before.roles);
        }
    }

    /// Removes or deactivates a user whom the directory no longer has if the guard permits it, or else holds the removal back.
    pub(super) fn remove_or_hold(
        &mut self,
        id: &str,
        version: Version,
        touched_at: Option<Timestamp>,
        reason: HoldReason,
    ) {
        let Some(row) = self.user(id).cloned() else { return };
        let permitted = if row.is_leaving() { Ok(()) } else { self.permits(&row, &row.user.directory_id) };
        match permitted {
            Ok(()) => {
                let user = MirrorUser { id: id.to_owned(), ..MirrorUser::default() };
                self.remove_or_deactivate(user, version, touched_at);
            }
            Err(limit) => self.hold_removal(id, version, touched_at, reason, limit),
        }
    }

    /// Holds back the removal of a user. `version` is that of the removal; `touched_at` the arrival of its event, or `None` for a listing.
    pub(super) fn hold_removal(
        &mut self,
        id: &str,
        version: Version,
        touched_at: Option<Timestamp>,
        reason: HoldReason,
        limit: u64,
    ) {
        if self.user(id).is_none() {
            return;
        }
        let Some(mut row) = self.set.users.remove(id).filter(UserRow::is_live) else { return };
        self.note_user(id, &row);
        row.trail.touched_at = touched_at.or(row.trail.touched_at);
        row.trail.revision = self.set.revision;
        match row.held.as_mut() {
            Some(held) if held.loss.removed.is_some() => {
                held.loss.removed = held.loss.removed.take().max(Some(version));
                self.held_back += 1;
            }
            held => {
                let loss = held.map(|held| held.loss.clone()).unwrap_or_default();
                let user = row.user.clone();
                self.hold_user(&mut row, &user, reason, limit, Loss { removed: Some(version), ..loss });
            }
        }
        self.set.users.insert(id.to_owned(), row);
    }

    /// Applies the losses of a user that a hold holds back. Returns false, and changes nothing, if the hold does not name the user.
    pub(in crate::mirror) fn apply_held(&mut self, id: &str, hold: HoldId) -> bool {
        let Some(loss) = self.held_by(id, hold) else { return false };
        if let Some(version) = loss.removed {
            let Some(trail) = self.user(id).map(|row| row.trail.clone()) else { return false };
            self.remove_or_deactivate(
                MirrorUser { id: id.to_owned(), ..MirrorUser::default() },
                version.max(trail.version),
                trail.touched_at,
            );
            return true;
        }
        let Some(mut row) = self.set.users.remove(id) else { return false };
        let (_, roles) = self.derive(&row.told_groups, &row.user.organization_id);
        let before = row.user.clone();
        self.note_user(id, &row);
        row.held = None;
        row.user.active = before.active && !loss.deactivated;
        if loss.roles {
            row.user.roles = roles;
        }
        row.trail.revision = self.set.revision;
        self.append_user(Some(&before), Some(&row.user));
        self.set.users.insert(id.to_owned(), row);
        true
    }

    /// Drops the losses of a user that a hold holds back: the user stays as mirrored until a later listing or event takes access away again.
    /// Returns false, and changes nothing, if the hold does not name the user.
    pub(in crate::mirror) fn dismiss_held(&mut self, id: &str, hold: HoldId) -> bool {
        if self.held_by(id, hold).is_none() {
            return false;
        }
        let Some(mut row) = self.set.users.remove(id) else { return false };
        self.note_user(id, &row);
        row.held = None;
        // With the new revision, a sync that is running does not remove the user: only a reading that starts later can.
        row.trail.revision = self.set.revision;
        self.set.users.insert(id.to_owned(), row);
        true
    }

    /// Returns the losses of a user that a hold holds back, or `None` if the hold does not name the user.
    fn held_by(&mut self, id: &str, hold: HoldId) -> Option<Loss> {
        let held = self.user(id).filter(|row| row.is_live())?.held.as_ref()?;
        hold.names(held).then(|| held.loss.clone())
    }

    /// Stores a user's loss as held in `row`, in a hold of the organization and directory of `user`. The losses of protected users have a hold of their
    /// own, whatever `reason` and `limit` are.
    fn hold_user(&mut self, row: &mut UserRow, user: &MirrorUser, reason: HoldReason, limit: u64, loss: Loss) {
        let (reason, limit) = if row.user.is_protected() { (HoldReason::ProtectedUsers, 0) } else { (reason, limit) };
        let hold = self.open_hold(&user.organization_id, &user.directory_id, reason, limit);
        row.held = Some(HeldLoss { hold, revision: self.set.revision, loss });
        self.held_back += 1;
    }

    /// Returns the limit of a directory's hold with this number, or 0 if there is none.
    fn limit_of(&mut self, directory_id: &str, number: i64) -> u64 {
        self.holds(directory_id).iter().find(|row| row.number == number).map_or(0, |row| row.limit)
    }

    /// Returns the number of a directory's open hold for a reason, which is made if there is none, and adds the step's cause to it.
    pub(super) fn open_hold(
        &mut self,
        organization_id: &str,
        directory_id: &str,
        reason: HoldReason,
        limit: u64,
    ) -> i64 {
        self.holds(directory_id);
        let (revision, cause, now) = (self.set.revision, self.cause.clone(), self.now);
        // No other hold has this number, because no other write has this revision.
        let number = (revision << HOLDS_BITS) + self.made_holds;
        let rows = self.set.holds.entry(directory_id.to_owned()).or_default();
        let ended = rows.extract_if(.., |row| row.reason == reason && !row.is_open());
        self.batch.ended_holds.extend(ended.map(|row| row.number));
        let at = rows.iter().position(|row| row.reason == reason).unwrap_or_else(|| {
            rows.push(HoldRow {
                number,
                organization_id: organization_id.to_owned(),
                directory_id: directory_id.to_owned(),
                reason,
                limit,
                since: now,
                causes: Vec::new(),
                revision,
                count: 0,
            });
            rows.len() - 1
        });
        let row = &mut rows[at];
        self.made_holds += i64::from(row.number == number);
        row.count += 1;
        row.revision = revision;
        if row.causes.len() < CAUSES && !row.causes.contains(&cause) {
            row.causes.push(cause);
        }
        let number = row.number;
        self.changed_holds.insert(number);
        number
    }

    /// Ends a hold that is about a directory as a whole, if there is one.
    pub(super) fn end_directory_hold(&mut self, directory_id: &str, reason: HoldReason) {
        let ended: Vec<i64> =
            self.holds(directory_id).iter().filter(|row| row.reason == reason).map(|row| row.number).collect();
        self.batch.ended_holds.extend(ended);
    }
}

#[cfg(test)]
mod tests {
    use super::super::guard::Budget;
    use super::super::step::NewUser;
    use super::*;
    use crate::record::{Counts, CountsKey, GroupRow, GuardSettings, Keys, MirrorGroup, WorkingSet};

    const NOW: i64 = 1_000_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn id(number: i64) -> String {
        format!("diruser_{number}")
    }

    /// A row of `dir_1` with the role `developer`, which the group `Crew` gives.
    fn row(number: i64) -> UserRow {
        let user = MirrorUser {
            id: id(number),
            organization_id: "org_1".to_owned(),
            directory_id: "dir_1".to_owned(),
            active: true,
            group_ids: vec!["dirgroup_1".to_owned()],
            roles: vec!["developer".to_owned()],
            ..MirrorUser::default()
        };
        let told_groups = user.group_ids.clone();
        UserRow { number, user, told_groups, listed: true, ..UserRow::default() }
    }

    /// A step on three users of a directory that had `base_users` at the window's start, `losses` of whom lost access since. It has 1,000 users
    /// now.
    fn step_after_losses(base_users: u64, losses: u64, guarded: bool) -> Step {
        let counted =
            CountsKey { since: super::super::before(at(NOW), GuardSettings::default().window), base: Timestamp::MAX };
        let group = MirrorGroup {
            id: "dirgroup_1".to_owned(),
            organization_id: "org_1".to_owned(),
            display_name: "Crew".to_owned(),
            ..MirrorGroup::default()
        };
        let set = WorkingSet {
            keys: Keys {
                directories: ["dir_1".to_owned()].into(),
                holds: ["dir_1".to_owned()].into(),
                counts: [("dir_1".to_owned(), counted)].into(),
                ..Keys::default()
            },
            revision: 7,
            role_map: Some(r#"[["Crew","developer"]]"#.to_owned()),
            users: (1..=3).map(|number| (id(number), row(number))).collect(),
            groups: [(group.id.clone(), GroupRow { number: 1, group, ..GroupRow::default() })].into(),
            counts: [("dir_1".to_owned(), Counts { users: 1_000, base_users, losses })].into(),
            ..WorkingSet::default()
        };
        Step::new(set, "sync:1", at(NOW), guarded).unwrap()
    }

    fn change(step: &mut Step, number: i64, active: bool, told_groups: &[&str]) {
        let known = step.user(&id(number)).unwrap();
        let user = MirrorUser { linked_id: None, ..known.user.clone() };
        step.put_user(NewUser {
            user,
            active: Some(active),
            is_present: true,
            told_groups: told_groups.iter().map(|id| (*id).to_owned()).collect(),
            listed: true,
            version: Version::default(),
            touched_at: None,
        });
    }

    #[test]
    fn a_budget_is_that_of_the_users_at_the_windows_start_less_the_losses_since() {
        let mut step = step_after_losses(10, 3, true);
        assert_eq!(budget(&mut step, "dir_1"), Budget { limit: 5, left: 2 });
        change(&mut step, 1, false, &["dirgroup_1"]);
        assert_eq!(budget(&mut step, "dir_1"), Budget { limit: 5, left: 1 }, "a loss of the same step counts");
    }

    #[test]
    fn deactivations_are_applied_until_the_budget_is_used_up_and_then_held() {
        let mut step = step_after_losses(10, 3, true);
        for number in 1..=3 {
            change(&mut step, number, false, &["dirgroup_1"]);
        }
        let active: Vec<bool> = (1..=3).map(|number| step.user(&id(number)).unwrap().user.active).collect();
        assert_eq!(active, [false, false, true]);
        assert!(!step.user(&id(3)).unwrap().said_active(), "it is held");
        assert_eq!(step.held_back(), 1);
        assert_eq!(step.holds("dir_1")[0].reason, HoldReason::MassDeactivation);
        assert_eq!(step.holds("dir_1")[0].limit, 5);
    }

    #[test]
    fn users_beyond_the_budget_keep_their_roles_and_lose_only_their_memberships() {
        let mut step = step_after_losses(10, 4, true);
        for number in 1..=2 {
            change(&mut step, number, true, &[]);
        }
        let user = |step: &mut Step, number| step.user(&id(number)).unwrap().user.clone();
        assert_eq!(user(&mut step, 1).roles, [""; 0]);
        assert_eq!(user(&mut step, 2).roles, ["developer"]);
        assert_eq!(user(&mut step, 2).group_ids, [""; 0]);
        assert_eq!(step.holds("dir_1")[0].reason, HoldReason::RoleLoss);
    }

    #[test]
    fn a_deletion_beyond_the_budget_is_held() {
        for (losses, is_live) in [(4, false), (5, true)] {
            let mut step = step_after_losses(10, losses, true);
            step.remove_or_hold(&id(1), Version::default(), None, HoldReason::DeletionBurst);
            let row = step.user(&id(1)).unwrap();
            assert_eq!(row.is_live(), is_live, "after {losses} losses");
            assert_eq!(row.held_removal().is_some(), is_live, "after {losses} losses");
        }
    }

    #[test]
    fn a_user_who_lost_access_within_the_window_may_lose_more() {
        for (lost_at, is_live) in [(NOW - 60, false), (NOW - 2 * 86_400, true)] {
            let mut step = step_after_losses(10, 5, true);
            step.set.users.get_mut(&id(1)).unwrap().lost_at = Some(at(lost_at));
            step.remove_or_hold(&id(1), Version::default(), None, HoldReason::DeletionBurst);
            assert_eq!(step.user(&id(1)).unwrap().is_live(), is_live, "lost access at {lost_at}");
        }
    }

    fn protect(step: &mut Step, number: i64) {
        assert!(step.set_own_fields(&id(number), |user| user.protection = Some("last admin".to_owned())));
    }

    #[test]
    fn losses_of_protected_users_are_held_and_do_not_use_the_budget() {
        let mut step = step_after_losses(10, 0, true);
        (1..=3).for_each(|number| protect(&mut step, number));

        change(&mut step, 1, false, &["dirgroup_1"]);
        change(&mut step, 2, true, &[]);
        step.remove_or_hold(&id(3), Version::default(), None, HoldReason::DeletionBurst);

        let user = |step: &mut Step, number| step.user(&id(number)).unwrap().user.clone();
        assert!(user(&mut step, 1).active);
        assert_eq!(user(&mut step, 2).roles, ["developer"]);
        assert!(step.user(&id(3)).unwrap().is_live());
        let holds: Vec<_> = step.holds("dir_1").iter().map(|row| (row.reason, row.count, row.limit)).collect();
        assert_eq!(holds, [(HoldReason::ProtectedUsers, 3, 0)]);
        assert_eq!(step.spent("dir_1"), 0);
    }

    #[test]
    fn a_protected_user_who_lost_access_within_the_window_may_not_lose_more() {
        let mut step = step_after_losses(10, 0, true);
        protect(&mut step, 1);
        step.set.users.get_mut(&id(1)).unwrap().lost_at = Some(at(NOW - 60));
        step.remove_or_hold(&id(1), Version::default(), None, HoldReason::DeletionBurst);
        assert!(step.user(&id(1)).unwrap().is_live());
    }

    #[test]
    fn losses_of_protected_users_are_held_if_events_are_not_limited() {
        let mut step = step_after_losses(10, 0, true);
        step.settings.guard.events = false;
        step.cause = "event:evt_1".to_owned();
        protect(&mut step, 1);
        for number in 1..=2 {
            step.remove_or_hold(&id(number), Version::default(), None, HoldReason::DeletionBurst);
        }
        assert!(step.user(&id(1)).unwrap().is_live());
        assert!(!step.user(&id(2)).unwrap().is_live());
    }

    #[test]
    fn a_protected_user_loses_what_the_application_asks_for() {
        let mut step = step_after_losses(10, 5, false);
        (1..=2).for_each(|number| protect(&mut step, number));
        change(&mut step, 1, true, &[]);
        step.remove_or_hold(&id(2), Version::default(), None, HoldReason::DeletionBurst);
        assert_eq!(step.user(&id(1)).unwrap().user.roles, [""; 0]);
        assert!(!step.user(&id(2)).unwrap().is_live());
    }

    #[test]
    fn losses_that_the_application_asks_for_are_neither_limited_nor_counted() {
        let mut step = step_after_losses(10, 5, false);
        change(&mut step, 1, true, &[]);
        step.remove_or_hold(&id(2), Version::default(), None, HoldReason::DeletionBurst);
        assert_eq!(step.user(&id(1)).unwrap().user.roles, [""; 0]);
        assert!(!step.user(&id(2)).unwrap().is_live());
        assert_eq!(step.held_back(), 0);
        assert_eq!(step.spent("dir_1"), 0);
    }

    #[test]
    fn one_write_makes_a_separate_hold_for_each_directory_and_reason() {
        let keys = Keys { holds: ["dir_1".to_owned(), "dir_2".to_owned()].into(), ..Keys::default() };
        let set = WorkingSet { keys, revision: 7, ..WorkingSet::default() };
        let mut step = Step::new(set, "event:evt_1", Timestamp::UNIX_EPOCH, true).unwrap();
        let mut hold = |directory_id, reason| step.open_hold("org_1", directory_id, reason, 1);

        let first = hold("dir_1", HoldReason::RoleLoss);
        let numbers = [first, hold("dir_2", HoldReason::RoleLoss), hold("dir_2", HoldReason::MassDeactivation)];

        assert!(numbers[0] < numbers[1] && numbers[1] < numbers[2], "{numbers:?}");
        assert_eq!(hold("dir_1", HoldReason::RoleLoss), first, "the second user of a hold");
    }
}
