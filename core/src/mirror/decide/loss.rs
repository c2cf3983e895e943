//! Losses of access: a user is removed, deactivated, or left without roles. Each is counted, or held back where the guard's budget is used up.

use super::guard::budget;
use super::step::Step;
use crate::Timestamp;
use crate::record::{HeldLoss, HoldId, HoldReason, HoldRow, Loss, LossRow, MirrorUser, UserRow, Version};

/// How the causes of changes by events begin.
pub(super) const EVENT: &str = "event:";

/// A hold's number is the revision of the write that made it, shifted left by this many bits, plus the index of the hold in that write.
const HOLDS_BITS: u32 = 20;

/// The most causes that a hold keeps.
const CAUSES: usize = 10;

impl Step {
    /// Returns `Ok` if a user may lose access now, and otherwise the limit of the directory's budget as the error. A user who already lost
    /// access within the window has been counted, and may lose more.
    fn permits(&mut self, row: &UserRow, directory_id: &str) -> Result<(), u64> {
        let Some(guard) = self.guard() else { return Ok(()) };
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
        // A loss of roles that the application asked for is not stored: it does not count, and the directory keeps its number of users.
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

    /// Applies the guard to a user who changes from `before` to `after`. What the user may not lose without approval is set back in `after` to what
    /// it was in `before`, and is stored in the row as held. `is_present` says that the change shows that the user exists, and is newer than
    /// a held removal, so that removal is no longer held.
    pub(super) fn withhold(
        &mut self,
        row: &mut UserRow,
        before: &MirrorUser,
        after: &mut MirrorUser,
        is_present: bool,
    ) {
        let held = row.held.take();
        let mut loss = Loss {
            removed: held.as_ref().and_then(|held| held.loss.removed.clone()).filter(|_| !is_present),
            deactivated: before.active && !after.active,
            roles: !before.roles.is_empty() && after.roles.is_empty(),
        };
        if self.guard().is_none() {
            // The application asked for this change: a new role map, or a retirement. Roles that are held back stay, except for those that no
            // entry of the role map gives any more.
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
                    // The budget would suffice, but a part of the user's losses is held back already, so all of them are.
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

    /// Removes a user if the guard permits it, or else holds the removal back.
    pub(super) fn remove_or_hold(
        &mut self,
        id: &str,
        version: Version,
        touched_at: Option<Timestamp>,
        reason: HoldReason,
    ) {
        let Some(row) = self.user(id).cloned() else { return };
        match self.permits(&row, &row.user.directory_id) {
            Ok(()) => self.remove_user(MirrorUser { id: id.to_owned(), ..MirrorUser::default() }, version, touched_at),
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
            self.remove_user(
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
        // A sync that is running does not remove the user: a later reading has to lack them too.
        row.trail.revision = self.set.revision;
        self.set.users.insert(id.to_owned(), row);
        true
    }

    /// Returns what a hold holds back of a user, or `None` if it does not name the user.
    fn held_by(&mut self, id: &str, hold: HoldId) -> Option<Loss> {
        let held = self.user(id).filter(|row| row.is_live())?.held.as_ref()?;
        hold.names(held).then(|| held.loss.clone())
    }

    /// Stores a user's loss as held in `row`. `user` has the organization and directory of the hold.
    fn hold_user(&mut self, row: &mut UserRow, user: &MirrorUser, reason: HoldReason, limit: u64, loss: Loss) {
        let hold = self.open_hold(&user.organization_id, &user.directory_id, reason, limit);
        row.held = Some(HeldLoss { hold, revision: self.set.revision, loss });
        self.held_back += 1;
    }

    /// The limit that a hold of a directory has.
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
        // Distinct, since each write has another revision.
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
    use super::*;
    use crate::record::{Keys, WorkingSet};

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
