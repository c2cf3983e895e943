//! Finds the users and groups that a listing lacks, and decides whether the listing is reliable enough to remove them.
//!
//! If a listing does not name as many users as the server counts, if it names a user twice, or if the directory changed while it was read, no user is
//! removed because of it.

use super::SKEW;
use super::guard::{Budget, budget};
use super::listing::Listed;
use super::step::{NewGroup, Step};
use super::version::{is_recent, removed_version};
use crate::Timestamp;
use crate::model::Directory;
use crate::record::{GroupRow, HoldReason, MirrorUser, Trail, UserRow, Version};
use roaring::RoaringTreemap;
use std::collections::BTreeSet;

/// The rows that one reading of a whole directory named.
#[derive(Debug)]
pub(in crate::mirror) struct Reading {
    /// Number of the latest write before the reading started. No row that was written later is removed because of it.
    mark: i64,
    /// Time at which the reading started, by this machine's clock.
    started: Timestamp,
    /// Numbers of the rows of the listed users.
    users: RoaringTreemap,
    /// Ids of the listed users whose creation is deferred.
    deferred: BTreeSet<String>,
    /// Numbers of the rows of the listed groups.
    groups: RoaringTreemap,
    /// Whether the listing of groups named as many as the server counted.
    groups_complete: bool,
    /// Whether any listed user has a list of groups, even an empty one.
    has_groups: bool,
    /// Numbers of the rows of users who were listed without a list of groups before any user had one, and whose stored memberships were kept.
    kept: RoaringTreemap,
    /// Why the reading cannot be used to remove users, or `None`.
    doubt: Option<String>,
    /// The server's count of users, from the last page.
    total: Option<u64>,
    watermark: Option<Timestamp>,
    /// Time at which the last page had been read, by this machine's clock.
    ended: Timestamp,
    /// The vendor's time of the last page, or `None` if it is not known.
    served_at: Option<Timestamp>,
}

impl Reading {
    /// Starts a reading at the time `started` of this machine's clock; `mark` is the number of the latest write.
    pub(in crate::mirror) fn new(mark: i64, started: Timestamp) -> Reading {
        Reading {
            mark,
            started,
            users: RoaringTreemap::new(),
            deferred: BTreeSet::new(),
            groups: RoaringTreemap::new(),
            groups_complete: false,
            has_groups: false,
            kept: RoaringTreemap::new(),
            doubt: None,
            total: None,
            watermark: None,
            ended: Timestamp::MIN,
            served_at: None,
        }
    }

    /// Adds a page of users: the server's count, and the latest update time among them. The watermark is never later than `started`, the start of the
    /// sync by this machine's clock: if the vendor's clock is ahead, a later watermark would hide changes from the next incremental sync.
    pub(in crate::mirror) fn see_page(&mut self, total: u64, latest: Option<Timestamp>, started: Timestamp) {
        if self.total.replace(total).is_some_and(|before| before != total) {
            self.doubt.get_or_insert_with(|| "the listing's total changed from page to page".to_owned());
        }
        self.watermark = self.watermark.max(latest.map(|at| at.min(started)));
    }

    /// Adds a listed user's row.
    pub(in crate::mirror) fn see_user(&mut self, number: i64) {
        let is_first = self.users.insert(number.unsigned_abs());
        self.doubt_unless_first(is_first);
    }

    /// Adds a listed user whose creation is deferred, and who has no live row.
    pub(in crate::mirror) fn see_deferred(&mut self, id: &str) {
        let is_first = self.deferred.insert(id.to_owned());
        self.doubt_unless_first(is_first);
    }

    /// Adds a listed user whom the application has erased, and who has no row.
    pub(in crate::mirror) fn see_erased(&mut self, id: &str) {
        self.see_deferred(id);
    }

    fn doubt_unless_first(&mut self, is_first: bool) {
        if !is_first {
            self.doubt.get_or_insert_with(|| "the listing has a user twice".to_owned());
        }
    }

    /// Records whether a user of a page has a list of groups. Returns whether any user who was listed so far has one.
    pub(in crate::mirror) fn see_groups_of_users(&mut self, has_groups: bool) -> bool {
        self.has_groups |= has_groups;
        self.has_groups
    }

    /// Adds users whose stored memberships were kept because no user who was listed so far has a list of groups.
    pub(in crate::mirror) fn keep_memberships(&mut self, numbers: Vec<i64>) {
        self.kept.extend(numbers.into_iter().map(i64::unsigned_abs));
    }

    /// Removes and returns the row numbers of the users whose memberships were kept and have to end. If any user of the listing has a list of groups,
    /// a user without one is in no group. If no user has one so far, returns no numbers.
    pub(in crate::mirror) fn take_wrongly_kept(&mut self) -> RoaringTreemap {
        if self.has_groups { std::mem::take(&mut self.kept) } else { RoaringTreemap::new() }
    }

    /// Whether any listed user has a list of groups, even an empty one.
    pub(in crate::mirror) fn has_groups(&self) -> bool {
        self.has_groups
    }

    /// Whether this listing of changes leaves it unknown if its users are still in their stored groups. That is so if some users have stored groups,
    /// none has the key `groups`, and the last listing of all users had the key (`lists_groups`): the vendor may leave out empty lists, so a listing
    /// of all users is needed. If the last listing of all users did not have the key, memberships are known from events alone.
    pub(in crate::mirror) fn leaves_memberships_unknown(&self, lists_groups: bool) -> bool {
        lists_groups && !self.has_groups && !self.kept.is_empty()
    }

    /// Adds a listed group's row.
    pub(in crate::mirror) fn see_group(&mut self, number: i64) {
        self.groups.insert(number.unsigned_abs());
    }

    /// Ends the listing of groups. It is complete if it named `total` groups, the server's count.
    pub(in crate::mirror) fn end_groups(&mut self, total: u64) {
        self.groups_complete = self.groups.len() == total;
    }

    /// Ends the listing of users at the time `ended` of this machine's clock. The reading is doubtful if the listing does not name as many users as
    /// the server counts. `served_at` is the vendor's time of the last page.
    pub(in crate::mirror) fn end_users(&mut self, ended: Timestamp, served_at: Option<Timestamp>) {
        self.ended = ended;
        self.served_at = served_at;
        self.compare_count(self.users.len() + self.deferred.len() as u64);
    }

    /// Makes the reading doubtful if `named`, the number of listed users, is not the server's count.
    pub(in crate::mirror) fn compare_count(&mut self, named: u64) {
        let total = self.total.unwrap_or(0);
        if named != total {
            self.doubt.get_or_insert_with(|| format!("the listing has {named} users, but its total is {total}"));
        }
    }

    /// Makes the reading doubtful if the directory was disabled while it was read, or if its number of users or the time of their last change
    /// differs between `before` and `after` the reading.
    pub(in crate::mirror) fn compare(&mut self, before: &Directory, after: &Directory) {
        let doubt = if !after.enabled {
            Some("the directory was disabled while it was read".to_owned())
        } else if before.total_users != after.total_users || users_changed_at(before) != users_changed_at(after) {
            Some("the directory changed while it was read".to_owned())
        } else {
            None
        };
        if let Some(doubt) = doubt {
            self.doubt.get_or_insert(doubt);
        }
    }

    /// Why the reading cannot be used to remove users, or `None` if it can.
    pub(in crate::mirror) fn doubt(&self) -> Option<&str> {
        self.doubt.as_deref()
    }

    /// The latest update of a listed user.
    pub(in crate::mirror) fn watermark(&self) -> Option<Timestamp> {
        self.watermark
    }

    /// Whether the listing of groups was complete, so that a group that it lacks does not exist.
    pub(in crate::mirror) fn groups_complete(&self) -> bool {
        self.groups_complete
    }

    /// Whether the reading named no user.
    pub(in crate::mirror) fn is_empty(&self) -> bool {
        self.users.is_empty() && self.deferred.is_empty()
    }

    /// Whether the reading named the user with this row number.
    pub(in crate::mirror) fn names_user(&self, number: i64) -> bool {
        self.users.contains(number.unsigned_abs())
    }

    /// Joins an earlier reading with a later one: a row is absent from the result only if it is absent from both.
    pub(in crate::mirror) fn or(mut self, later: Reading) -> Reading {
        self.users |= later.users;
        self.deferred.extend(later.deferred);
        self.groups |= later.groups;
        self.has_groups |= later.has_groups;
        self.groups_complete &= later.groups_complete;
        self.watermark = self.watermark.max(later.watermark);
        self.ended = later.ended;
        self.served_at = later.served_at;
        self
    }

    /// Returns the time, by the vendor's clock, that removals because of this reading have. If the time of the answer is not known, returns the
    /// latest time that the vendor's clock can have shown. An event about a user who returned after the reading may then be stale; the next listing
    /// restores the user.
    fn removed_at(&self) -> Timestamp {
        self.served_at.unwrap_or_else(|| self.ended.checked_add(SKEW).unwrap_or(Timestamp::MAX))
    }
}

/// A reading, and what is needed to decide which rows are absent from it.
#[derive(Debug)]
pub(in crate::mirror) struct Absence {
    /// The reading.
    pub(in crate::mirror) reading: Reading,
    /// The earliest start, by this machine's clock, of the last full syncs of the organization's other directories: `None` if one of them never had
    /// a full sync, and the greatest time if there are no others.
    pub(in crate::mirror) others_read: Option<Timestamp>,
}

impl Absence {
    /// Whether a user's row is absent from the reading, no write has changed it since the reading started, and no event about the user arrived later
    /// than five minutes before the reading started: a listing may lag behind events by that much. A user whom no listing has named is absent only if
    /// the readings of the other directories started five minutes after the last event about the user as well. A user who has left already is not absent
    /// once more.
    pub(in crate::mirror) fn lacks_user(&self, row: &UserRow) -> bool {
        // A user who is known only from events may be in another directory of the organization until the other directories were read as well.
        let is_here = row.listed
            || row.trail.touched_at.is_none_or(|at| self.others_read.is_some_and(|read| !is_recent(Some(at), read)));
        is_here && !row.is_leaving() && self.is_settled(&row.trail) && !self.reading.names_user(row.number)
    }

    /// Whether a group's row is absent from the reading, and has not changed and was in no event, as [`lacks_user`](Absence::lacks_user) requires. An
    /// event about a user also counts as one about the user's groups.
    pub(in crate::mirror) fn lacks_group(&self, row: &GroupRow) -> bool {
        self.is_settled(&row.trail) && !self.reading.groups.contains(row.number.unsigned_abs())
    }

    fn is_settled(&self, trail: &Trail) -> bool {
        trail.revision <= self.reading.mark && !is_recent(trail.touched_at, self.reading.started)
    }

    /// Removes the users with these ids who are still absent: an event may have changed a row since the ids were collected. Protected users are held.
    /// If the budget no longer suffices for all others, all are held.
    pub(in crate::mirror) fn remove_users(&self, step: &mut Step, directory_id: &str, ids: &[String]) {
        let absent = self.still_absent(step, ids);
        let is_protected = |id: &String| step.user(id).is_some_and(|row| row.user.is_protected());
        let (protected, ids): (Vec<String>, Vec<String>) = absent.into_iter().partition(is_protected);
        self.hold_users(step, &protected, Removal { reason: HoldReason::ProtectedUsers, limit: 0 });
        let budget = step.guard().map(|_| budget(step, directory_id));
        if let Some(Budget { limit, .. }) = budget.filter(|budget| ids.len() as u64 > budget.left) {
            return self.hold_users(step, &ids, Removal { reason: HoldReason::MassRemoval, limit });
        }
        for id in ids {
            if let Some(version) = self.removal_version(step, &id) {
                step.remove_or_deactivate(MirrorUser { id, ..MirrorUser::default() }, version, None);
            }
        }
    }

    /// Holds back the removal of the users with these ids who are still absent.
    pub(in crate::mirror) fn hold_users(&self, step: &mut Step, ids: &[String], removal: Removal) {
        for id in self.still_absent(step, ids) {
            if let Some(version) = self.removal_version(step, &id) {
                step.hold_removal(&id, version, None, removal.reason, removal.limit);
            }
        }
    }

    fn still_absent(&self, step: &mut Step, ids: &[String]) -> Vec<String> {
        let is_absent = |id: &&String| step.user(id).is_some_and(|row| row.is_live() && self.lacks_user(row));
        ids.iter().filter(is_absent).cloned().collect()
    }

    fn removal_version(&self, step: &mut Step, id: &str) -> Option<Version> {
        let now = step.now;
        Some(removed_version(&step.user(id)?.trail, self.reading.removed_at(), now))
    }

    /// Removes the groups with these ids that are still absent.
    pub(in crate::mirror) fn remove_groups(&self, step: &mut Step, ids: &[String]) {
        for id in ids {
            let row = step.group(id).filter(|row| row.is_live() && self.lacks_group(row));
            if let Some(row) = row.cloned() {
                let version = removed_version(&row.trail, self.reading.removed_at(), step.now);
                step.put_group(NewGroup { group: row.group, exists: false, version, touched_at: None });
            }
        }
    }
}

impl Listed {
    /// Returns the row's number. `inserted` has the numbers of the rows that the write inserted, by id.
    pub(in crate::mirror) fn number(&self, inserted: &std::collections::HashMap<String, i64>) -> i64 {
        match self {
            Listed::Number(number) => *number,
            Listed::New(id) => inserted.get(id).copied().unwrap_or(0),
        }
    }
}

/// Returns the time of the last change of any user, as the directory reports it, or `None` if it does not. If it differs before and after a
/// reading, a user changed during the reading. If it is the same, a user may have changed nevertheless, because the vendor may cache it.
fn users_changed_at(directory: &Directory) -> Option<Timestamp> {
    directory.stats.as_ref().and_then(|stats| stats.user_updated_at)
}

/// A decision that removals need approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mirror) struct Removal {
    /// Why the removals need approval.
    pub(in crate::mirror) reason: HoldReason,
    /// How many users may lose access within the window without approval.
    pub(in crate::mirror) limit: u64,
}

/// Decides whether removing the `count` users who are absent from a reading and not protected needs approval; `None` if it does not. `protected` is the
/// number of absent users who are protected. `is_waiting` is whether earlier removals by listings are held: until those are approved or dismissed, the
/// removals of later listings are held as well.
pub(in crate::mirror) fn judge_removal(
    count: u64,
    protected: u64,
    reading: &Reading,
    budget: Budget,
    is_waiting: bool,
) -> Option<Removal> {
    if count > 0 && count + protected > 1 && reading.is_empty() {
        return Some(Removal { reason: HoldReason::EmptyListing, limit: 0 });
    }
    let is_held = count > budget.left || (count > 0 && is_waiting);
    is_held.then_some(Removal { reason: HoldReason::MassRemoval, limit: budget.limit })
}

impl Removal {
    /// Returns the message of the error that reports the hold.
    pub(in crate::mirror) fn message(&self, count: u64) -> String {
        let limit = self.limit;
        let what = match self.reason {
            HoldReason::EmptyListing => format!("the directory lists no user, and {count} users are mirrored"),
            HoldReason::ProtectedUsers => format!("the directory no longer lists {count} protected users"),
            _ => format!(
                "the directory no longer lists {count} users, and {limit} may lose access within the guard's window"
            ),
        };
        format!(
            "{what}: they were not removed; look at the directory's holds, then approve or dismiss them, or sync the \
             directory with approve_removals"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Version;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A reading that started at second 1,000.
    fn reading(mark: i64, users: &[i64]) -> Reading {
        let mut reading = Reading::new(mark, at(1_000));
        users.iter().for_each(|number| reading.see_user(*number));
        reading
    }

    fn row(number: i64, revision: i64) -> UserRow {
        UserRow { number, listed: true, trail: Trail { revision, ..Trail::default() }, ..UserRow::default() }
    }

    #[test]
    fn a_user_whom_the_reading_named_is_not_absent() {
        let absence = Absence { reading: reading(10, &[1]), others_read: None };
        assert!(!absence.lacks_user(&row(1, 5)));
        assert!(absence.lacks_user(&row(2, 5)));
    }

    #[test]
    fn a_user_changed_during_the_reading_is_not_absent() {
        let absence = Absence { reading: reading(10, &[]), others_read: None };
        assert!(!absence.lacks_user(&row(1, 11)));
    }

    #[test]
    fn a_user_known_from_events_alone_is_absent_only_after_the_other_directories_were_read() {
        let touched = Trail { touched_at: Some(at(100)), version: Version::default(), ..Trail::default() };
        let unlisted = UserRow { number: 1, trail: touched, ..UserRow::default() };
        for (others_read, expected) in
            [(None, false), (Some(at(50)), false), (Some(at(399)), false), (Some(at(400)), true)]
        {
            let absence = Absence { reading: reading(10, &[]), others_read };
            assert_eq!(absence.lacks_user(&unlisted), expected, "others read at {others_read:?}");
        }
    }

    #[test]
    fn a_user_or_group_that_an_event_mentioned_less_than_five_minutes_before_the_reading_is_not_absent() {
        let absence = Absence { reading: reading(10, &[]), others_read: Some(Timestamp::MAX) };
        for (touched, expected) in [(None, true), (Some(700), true), (Some(701), false), (Some(1_001), false)] {
            let trail = Trail { touched_at: touched.map(at), ..Trail::default() };
            let user = UserRow { listed: true, trail: trail.clone(), number: 1, ..UserRow::default() };
            assert_eq!(absence.lacks_user(&user), expected, "a user touched at {touched:?}");
            let unlisted = UserRow { listed: false, ..user };
            assert_eq!(absence.lacks_user(&unlisted), expected, "an unlisted user touched at {touched:?}");
            let group = GroupRow { number: 1, trail, ..GroupRow::default() };
            assert_eq!(absence.lacks_group(&group), expected, "a group touched at {touched:?}");
        }
    }

    #[test]
    fn removals_have_the_vendors_time_of_the_later_reading_or_the_latest_possible_one() {
        let ended = |served_at: Option<i64>| {
            let mut reading = reading(1, &[]);
            reading.end_users(at(1_010), served_at.map(at));
            reading
        };
        assert_eq!(ended(Some(1_190)).removed_at(), at(1_190));
        assert_eq!(ended(Some(1_190)).or(ended(Some(1_195))).removed_at(), at(1_195));
        assert_eq!(ended(None).removed_at(), at(1_310));
    }

    #[test]
    fn a_user_is_absent_from_two_readings_only_if_absent_from_both() {
        let both = reading(10, &[1]).or(reading(20, &[2]));
        assert!(both.names_user(1) && both.names_user(2));
        assert!(!both.names_user(3));
    }

    #[test]
    fn groups_are_absent_from_two_readings_only_if_both_listed_all_groups() {
        for (first, second) in [(true, true), (true, false), (false, true)] {
            let with_groups = |complete: bool| {
                let mut reading = reading(10, &[]);
                reading.end_groups(u64::from(!complete));
                reading
            };
            assert_eq!(with_groups(first).or(with_groups(second)).groups_complete(), first && second);
        }
    }

    #[test]
    fn a_listing_that_names_fewer_users_than_it_counts_is_doubted() {
        for (counts, is_doubted) in
            [(vec![2], false), (vec![2, 2], false), (vec![3], true), (vec![3, 2], true), (vec![], true)]
        {
            let mut reading = reading(1, &[7, 8]);
            counts.iter().for_each(|count| reading.see_page(*count, None, at(0)));
            reading.end_users(at(1_001), None);
            assert_eq!(reading.doubt().is_some(), is_doubted, "{counts:?}");
        }
    }

    #[test]
    fn a_listing_that_names_a_user_twice_is_doubted() {
        assert!(reading(1, &[7, 7]).doubt().is_some());
        assert_eq!(reading(1, &[7, 8]).doubt(), None);
    }

    #[test]
    fn a_user_whose_creation_is_deferred_counts_as_listed() {
        let mut reading = reading(1, &[7]);
        reading.see_deferred("diruser_new");
        reading.see_page(2, None, at(0));
        reading.end_users(at(1_001), None);
        assert_eq!(reading.doubt(), None);
        reading.see_deferred("diruser_new");
        assert!(reading.doubt().is_some(), "it was named twice");
    }

    #[test]
    fn a_listing_of_new_users_whose_creation_is_deferred_is_not_empty() {
        let mut reading = reading(1, &[]);
        assert!(reading.is_empty());
        reading.see_deferred("diruser_new");
        assert!(!reading.is_empty());
    }

    #[test]
    fn a_listing_of_changes_leaves_memberships_unknown_only_if_complete_listings_have_groups_and_it_has_none() {
        for (lists_groups, has_groups, kept, is_unknown) in [
            (true, false, vec![7], true),
            (false, false, vec![7], false),
            (true, true, vec![7], false),
            (true, false, vec![], false),
        ] {
            let mut reading = reading(1, &[7]);
            reading.see_groups_of_users(has_groups);
            reading.keep_memberships(kept.clone());
            let found = reading.leaves_memberships_unknown(lists_groups);
            assert_eq!(
                found, is_unknown,
                "complete listings have groups: {lists_groups}, this one has: {has_groups}, kept: {kept:?}"
            );
        }
    }

    const BUDGET: Budget = Budget { limit: 20, left: 15 };

    #[test]
    fn an_empty_listing_needs_approval_for_more_than_one_user() {
        let judged = judge_removal(2, 0, &reading(1, &[]), BUDGET, false);
        assert_eq!(judged, Some(Removal { reason: HoldReason::EmptyListing, limit: 0 }));
        assert_eq!(judge_removal(1, 0, &reading(1, &[]), BUDGET, false), None);
    }

    #[test]
    fn an_empty_listing_needs_approval_if_one_of_two_users_is_protected() {
        let judged = judge_removal(1, 1, &reading(1, &[]), BUDGET, false);
        assert_eq!(judged, Some(Removal { reason: HoldReason::EmptyListing, limit: 0 }));
    }

    #[test]
    fn protected_users_do_not_use_the_budget() {
        assert_eq!(judge_removal(15, 5, &reading(1, &[1]), BUDGET, false), None);
        assert_eq!(judge_removal(0, 5, &reading(1, &[1]), BUDGET, true), None);
    }

    #[test]
    fn removals_beyond_what_is_left_of_the_budget_need_approval() {
        assert_eq!(judge_removal(15, 0, &reading(1, &[1]), BUDGET, false), None);
        let judged = judge_removal(16, 0, &reading(1, &[1]), BUDGET, false);
        assert_eq!(judged, Some(Removal { reason: HoldReason::MassRemoval, limit: 20 }));
    }

    #[test]
    fn a_removal_is_held_while_removals_of_earlier_listings_are_held() {
        let judged = judge_removal(1, 0, &reading(1, &[1]), BUDGET, true);
        assert_eq!(judged, Some(Removal { reason: HoldReason::MassRemoval, limit: 20 }));
        assert_eq!(judge_removal(0, 0, &reading(1, &[1]), BUDGET, true), None);
    }
}
