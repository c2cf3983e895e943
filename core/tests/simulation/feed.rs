//! The changes that consumers receive, and the checks of the guarantees about the feed.

use crate::world::{Facts, ORGANIZATIONS, PROTECTED, describe_group, describe_user};
use headcount::mirror::{MirrorGroup, Mirrored};
use headcount::{Change, ChangeKind, Mirror, MirrorUser, Result, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What a consumer has received and acknowledged.
#[derive(Default)]
pub(crate) struct ConsumerLog {
    /// The number of the last change that it has acknowledged. 0 at first, and `i64::MIN` when a snapshot is started.
    pub(crate) acknowledged: i64,
    /// The changes that it has received since its latest snapshot was started, by number.
    pub(crate) changes: BTreeMap<i64, Change>,
    /// Numbers of the changes that it received before its latest snapshot.
    former: Vec<i64>,
}

impl ConsumerLog {
    /// Empties the log, because the consumer starts from a snapshot. The numbers of the changes so far are kept.
    pub(crate) fn restart(&mut self) {
        self.former.extend(std::mem::take(&mut self.changes).into_keys());
        self.acknowledged = i64::MIN;
    }

    /// Returns the numbers of the changes that the consumer must not receive again: those that it has acknowledged, and those that it received
    /// before its latest snapshot.
    pub(crate) fn acknowledged_before(&self) -> Vec<i64> {
        let acknowledged = self.changes.range(..=self.acknowledged).map(|(seq, _)| *seq);
        self.former.iter().copied().chain(acknowledged).collect()
    }

    /// Adds a batch that the consumer has received. Panics if it is out of order, contains an acknowledged change, or differs from what the consumer
    /// received before.
    pub(crate) fn add(&mut self, batch: &[Change]) {
        assert!(batch.windows(2).all(|pair| pair[0].seq < pair[1].seq), "a batch is out of order");
        for change in batch {
            assert!(change.seq > self.acknowledged, "{} was acknowledged, but was returned again", change.seq);
            if let Some(before) = self.changes.insert(change.seq, change.clone()) {
                // The rows of a snapshot, which have negative numbers, may differ: each read returns the rows as they are at the time.
                assert!(
                    change.seq < 0 || before == *change || is_erased(&before, change),
                    "a change differs when it is read again: {before:?}, {change:?}"
                );
            }
        }
    }

    /// Polls and acknowledges as this consumer until the feed has no further change.
    pub(crate) async fn read_to_the_end(&mut self, mirror: &Mirror, name: &str) {
        loop {
            let batch = mirror.poll(name, 50).await.unwrap();
            self.add(&batch);
            let Some(last) = batch.last() else { return };
            mirror.ack(name, last.seq).await.unwrap();
            self.acknowledged = last.seq;
        }
    }
}

/// Returns whether a change has become another one because a user was erased or an organization forgotten.
fn is_erased(before: &Change, after: &Change) -> bool {
    let mut without_former_user = before.clone();
    (without_former_user.possible_rehire_of, without_former_user.possible_rehire_linked_id) = (None, None);
    after.cause.starts_with("erasure:") || without_former_user == *after
}

/// The greatest number that [`poll`] takes.
pub(crate) const POLLS: u64 = 24;

/// Polls as a consumer, in one of the ways numbered from 1 to [`POLLS`]: with a limit of 1 to 12, changes or groups. Checks the groups, and returns their
/// changes.
pub(crate) async fn poll(mirror: &Mirror, consumer: &str, way: u64) -> Result<Vec<Change>> {
    let limit = way.div_ceil(2) as usize;
    if way.is_multiple_of(2) {
        return mirror.poll(consumer, limit).await;
    }
    let groups = mirror.poll_groups(consumer, limit).await?;
    check_polled_groups(&groups, limit);
    Ok(groups.concat())
}

/// Checks the groups that a poll has returned: together they are not longer than the limit, unless there is only one, and each has consecutive changes of
/// one user with the same cause.
fn check_polled_groups(groups: &[Vec<Change>], limit: usize) {
    let count: usize = groups.iter().map(Vec::len).sum();
    assert!(groups.len() == 1 || count <= limit, "{} groups have {count} changes, the limit is {limit}", groups.len());
    for group in groups {
        let first = group.first().expect("a group is not empty");
        let is_alone = group.len() == 1;
        assert!(is_alone || !user_id(first).is_empty(), "a group has several changes, but no user: {first:?}");
        for (change, seq) in group.iter().zip(first.seq..) {
            assert_eq!(change.seq, seq, "a group has a gap");
            assert_eq!(user_id(change), user_id(first), "a group has changes of two users");
            assert_eq!(change.cause, first.cause, "a group has two causes");
        }
    }
}

/// Reads the whole feed by groups, as a new consumer that polls with this limit and acknowledges each time.
async fn read_groups(mirror: &Mirror, consumer: &str, limit: usize) -> Vec<Vec<Change>> {
    let mut all = Vec::new();
    loop {
        let groups = mirror.poll_groups(consumer, limit).await.unwrap();
        check_polled_groups(&groups, limit);
        let Some(last) = groups.last().and_then(|group| group.last()) else { return all };
        mirror.ack(consumer, last.seq).await.unwrap();
        all.extend(groups);
    }
}

/// Checks that polls by groups give the changes of the feed, and that the limit does not divide the groups.
pub(crate) async fn check_groups_of_feed(mirror: &Mirror, feed: &BTreeMap<i64, Change>, limit: usize) {
    let groups = read_groups(mirror, "groups", limit).await;
    assert!(groups.iter().flatten().eq(feed.values()), "polls by groups with the limit {limit} give another feed");
    let longer = read_groups(mirror, "longer groups", 50).await;
    assert_eq!(groups, longer, "the limits {limit} and 50 give different groups");
}

/// Returns the id of the change's user, or an empty text if the change has no user.
pub(crate) fn user_id(change: &Change) -> &str {
    change.user.as_ref().map(|user| user.id.as_str()).unwrap_or_default()
}

/// Checks that no event caused the same change twice.
pub(crate) fn check_events_were_applied_once(feed: &[&Change]) {
    let mut applied = BTreeSet::new();
    for change in feed {
        // One event can rename a group and change its members, and so change a user's roles twice.
        if change.cause.starts_with("event:") && change.kind != ChangeKind::RolesChanged {
            let group_id = change.group.as_ref().map(|group| group.id.as_str()).unwrap_or_default();
            let effect = (change.cause.as_str(), change.kind.name(), user_id(change), group_id);
            assert!(applied.insert(effect), "an event was applied twice: {effect:?}");
        }
    }
}

/// Checks that the feed removes users only from directories that they had left by then, with a grace first deactivates them and deletes them when it is over,
/// and that no removed user is created or reactivated again unless they returned: only an outdated event or listing could do that. A user who moved may be removed and created again, if the
/// listing of the new directory failed in the sync that found the user absent from the former one.
///
/// If listings can be older than the mirror assumes, they may remove users who have not left, and restore users who have. But they must not remove a
/// user about whom an event arrived in the five minutes before the removal.
pub(crate) fn check_leavers(feed: &[&Change], facts: &Facts, has_grace: bool) {
    let mut removed = BTreeSet::new();
    for change in feed {
        let user = user_id(change);
        let deletes_at =
            |side: &Option<Mirrored>| side.as_ref().and_then(Mirrored::user).and_then(|user| user.deletes_at);
        let (before, after) = (deletes_at(&change.before), deletes_at(&change.after));
        let is_reactivation = change.kind == ChangeKind::UserReactivated && before.is_some();
        let returns = (change.kind == ChangeKind::UserCreated || is_reactivation) && removed.contains(user);
        let may_return = facts.moved.contains(user) || facts.returned.contains(user) || !facts.is_timely;
        assert!(!returns || may_return, "{user} was created or reactivated again");
        let is_deletion = change.kind == ChangeKind::UserDeleted;
        let leaves = change.kind == ChangeKind::UserDeactivated && after.is_some();
        if !is_deletion && !leaves {
            continue;
        }
        if is_deletion {
            assert_eq!(before.is_some(), has_grace, "{user} was deleted without a grace, or with one that was not set");
            // The clocks of the processes differ from each other and from the server's by five minutes at most.
            let late = before.map_or(0, |at| change.at.as_millisecond() - at.as_millisecond());
            assert!(late >= -PROTECTED || facts.jumps, "{user} was deleted within the grace");
        }
        removed.insert(user);
        // An event about a new user does not name the directory, so the mirror may have taken another one for it. A user who never moved has one directory only.
        let mut departures = facts
            .left
            .iter()
            .filter(|((id, from), _)| id == user && (*from == change.directory_id || !facts.moved.contains(user)));
        // If the local clock jumps, its times do not tell which happened first, so it is enough that the user left at any time.
        if departures.any(|(_, at)| *at <= change.at || facts.jumps) {
            continue;
        }
        assert!(
            !facts.is_timely,
            "{user} was removed by {} at {}, but had not left {}: the listings have {:?}",
            change.cause,
            change.at,
            change.directory_id,
            facts.listed.get(user)
        );
        let mentions = facts.mentions.get(user).into_iter().flatten();
        let mut ages = mentions.map(|at| change.at.as_millisecond() - at.as_millisecond());
        let is_first = leaves || !has_grace;
        let is_recent = is_first && change.cause.starts_with("sync:") && ages.any(|age| (0..PROTECTED).contains(&age));
        assert!(!is_recent, "{user} was removed by a listing within five minutes of an event");
    }
}

/// Checks that the feed removes only groups that were deleted, and that no removed group is created again.
///
/// Checks nothing if listings can be older than the mirror assumes, because an old listing may remove or restore a group. Checks nothing if a user
/// moved, either: in a late event about such a user, the mirror takes the groups for groups of the user's new directory, until the former directory
/// is listed.
pub(crate) fn check_groups(feed: &[&Change], facts: &Facts) {
    let mut removed = BTreeSet::new();
    for change in feed.iter().filter(|_| facts.is_timely && facts.moved.is_empty()) {
        let id = change.group.as_ref().map(|group| group.id.as_str()).unwrap_or_default();
        if change.kind == ChangeKind::GroupDeleted {
            assert!(facts.deleted_groups.contains(id), "{id} was removed, but never deleted");
            removed.insert(id);
        }
        assert!(change.kind != ChangeKind::GroupCreated || !removed.contains(id), "{id} was created again");
    }
}

/// Returns the mirror's users and groups of enabled directories in the form of [`Facts::listed`].
pub(crate) async fn listed_state(mirror: &Mirror, facts: &Facts) -> BTreeMap<String, String> {
    let mut records = Records::of_mirror(mirror).await;
    let is_enabled = |directory_id: &str| facts.enabled.contains(directory_id);
    for id in unlisted_who_stay(mirror, facts, &records).await {
        records.users.remove(&id);
    }
    let users = records.users.into_iter().filter(|(_, user)| is_enabled(&user.directory_id)).map(|(id, user)| {
        let MirrorUser { directory_id, email, family_name, active, group_ids, .. } = user;
        (id, describe_user(&directory_id, &email, &family_name, active, &group_ids))
    });
    let groups = records.groups.into_iter().filter(|(_, group)| is_enabled(&group.directory_id));
    let groups = groups.map(|(id, group)| (id, describe_group(&group.directory_id, &group.display_name)));
    users.chain(groups).collect()
}

/// Returns the ids of the users whom no directory lists, and whom the mirror keeps all the same: only events have named them, and their organization has a
/// disabled directory. They may be in that directory, which is not read.
pub(crate) async fn unlisted_who_stay(mirror: &Mirror, facts: &Facts, records: &Records) -> BTreeSet<String> {
    let mut staying = BTreeSet::new();
    for organization_id in ORGANIZATIONS {
        let directories = mirror.directories(Some(organization_id)).await.unwrap();
        if directories.iter().all(|directory| facts.enabled.contains(directory.id.as_str())) {
            continue;
        }
        let users = records.users.values().filter(|user| user.organization_id == organization_id);
        for user in users.filter(|user| !facts.listed.contains_key(&user.id)) {
            if is_known_from_events_alone(mirror, &user.id).await {
                staying.insert(user.id.clone());
            }
        }
    }
    staying
}

/// Whether all changes of a user since the user's creation, or since the user's latest return, were made by events. A listing without a group ends the
/// memberships of that group, which does not show that it names the user.
async fn is_known_from_events_alone(mirror: &Mirror, user_id: &str) -> bool {
    let (mut history, mut is_by_events) = (mirror.history().user(user_id), false);
    let ended = [ChangeKind::MembershipRemoved, ChangeKind::RolesChanged].map(ChangeKind::name);
    while let Some(entry) = history.next().await.unwrap() {
        if entry.kinds.iter().all(|kind| ended.contains(&kind.as_str())) {
            continue;
        }
        let is_new = entry.kinds.iter().any(|kind| kind == ChangeKind::UserCreated.name());
        is_by_events = (is_new || is_by_events) && entry.cause.starts_with("event:");
    }
    is_by_events
}

/// Checks that a change has the fields that [`ChangeKind::present_fields`] names and no others, and that `before` and `after` are users if it has a user, and
/// otherwise groups. The types of changes in TypeScript and in Python's stub depend on that.
fn check_present_fields(change: &Change) {
    let Change { user, group, before, after, .. } = change;
    let fields = [
        ("user", user.is_some()),
        ("group", group.is_some()),
        ("before", before.is_some()),
        ("after", after.is_some()),
    ];
    let present: Vec<&str> = fields.into_iter().filter(|(_, is_present)| *is_present).map(|(name, _)| name).collect();
    assert_eq!(present, change.kind.present_fields(), "the fields of {change:?}");
    for mirrored in [before, after].into_iter().flatten() {
        assert_eq!(mirrored.user().is_some(), user.is_some(), "before or after of {change:?}");
    }
}

/// Users and groups by id, without `updated_at`, because the feed does not report a change of this field alone.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Records {
    users: BTreeMap<String, MirrorUser>,
    groups: BTreeMap<String, MirrorGroup>,
}

impl Records {
    /// Reads the mirror's users and groups.
    pub(crate) async fn of_mirror(mirror: &Mirror) -> Records {
        let mut records = Records::default();
        for organization_id in ORGANIZATIONS {
            let mut users = mirror.users(organization_id);
            while let Some(user) = users.next().await.unwrap() {
                records.put_user(user);
            }
            for group in mirror.groups(organization_id, None).await.unwrap() {
                records.put_group(group);
            }
        }
        records
    }

    /// Returns the records without users whose deletion is due: any received event may delete them.
    pub(crate) fn without_due(mut self, now: Timestamp) -> Records {
        self.users.retain(|_, user| user.deletes_at.is_none_or(|at| at > now));
        self
    }

    pub(crate) fn user(&self, id: &str) -> Option<&MirrorUser> {
        self.users.get(id)
    }

    pub(crate) fn users(&self) -> &BTreeMap<String, MirrorUser> {
        &self.users
    }

    pub(crate) fn has_user(&self, id: &str) -> bool {
        self.users.contains_key(id)
    }

    pub(crate) fn has_group(&self, id: &str) -> bool {
        self.groups.contains_key(id)
    }

    pub(crate) fn has_same_group(&self, other: &Records, id: &str) -> bool {
        self.groups.get(id) == other.groups.get(id)
    }

    pub(crate) fn is_member(&self, user_id: &str, group_id: &str) -> bool {
        self.users.get(user_id).is_some_and(|user| user.group_ids.iter().any(|id| id == group_id))
    }

    /// Applies the changes to empty records, as an application that only reads the feed does. Checks that each change matches the records
    /// before it.
    pub(crate) fn replay(feed: &[&Change]) -> Records {
        let mut records = Records::default();
        for change in feed {
            records.apply(change, true);
        }
        records
    }

    /// Applies a snapshot and the changes after it to empty records. A row that changes between the start of the snapshot and its reading has its new
    /// content in the snapshot, and its changes follow all the same, so a change need not match the records before it.
    pub(crate) fn replay_snapshot<'a>(feed: impl Iterator<Item = &'a Change>) -> Records {
        let mut records = Records::default();
        for change in feed {
            records.apply(change, false);
        }
        records
    }

    /// Applies a change. Panics if it does not have exactly the fields of its kind, and if `is_strict` is set and it does not match the records.
    pub(crate) fn apply(&mut self, change: &Change, is_strict: bool) {
        use ChangeKind::*;
        check_present_fields(change);
        match change.kind {
            UserCreated | UserUpdated | UserDeactivated | UserReactivated => {
                let user = change.after.as_ref().unwrap().user().unwrap();
                let known = self.put_user(user.clone());
                let matches = known.is_none() == (change.kind == UserCreated);
                assert!(matches || !is_strict, "{:?} of {}", change.kind, user.id);
            }
            UserDeleted => {
                let user = change.before.as_ref().unwrap().user().unwrap();
                let is_known = self.users.remove(&user.id).is_some();
                assert!(is_known || !is_strict, "{} was removed twice", user.id);
            }
            GroupCreated | GroupUpdated => {
                self.put_group(change.group.clone().unwrap());
            }
            GroupDeleted => {
                let group = change.group.as_ref().unwrap();
                let is_known = self.groups.remove(&group.id).is_some();
                assert!(is_known || !is_strict, "{} was removed twice", group.id);
            }
            MembershipAdded | MembershipRemoved => {
                let (user, group) = (change.user.as_ref().unwrap(), change.group.as_ref().unwrap());
                let is_member = user.group_ids.contains(&group.id);
                assert_eq!(is_member, change.kind == MembershipAdded);
                if let Some(known) = self.users.get_mut(&user.id) {
                    known.group_ids.clone_from(&user.group_ids);
                } else {
                    assert!(!is_strict, "a membership of the unknown user {}", user.id);
                }
            }
            RolesChanged => {
                let user = change.user.as_ref().unwrap();
                if let Some(known) = self.users.get_mut(&user.id) {
                    known.roles.clone_from(&user.roles);
                } else {
                    assert!(!is_strict, "roles of the unknown user {}", user.id);
                }
            }
            _ => {}
        }
    }

    /// Inserts or replaces a user. Returns the previous record.
    fn put_user(&mut self, mut user: MirrorUser) -> Option<MirrorUser> {
        user.updated_at = None;
        self.users.insert(user.id.clone(), user)
    }

    /// Inserts or replaces a group. Returns the previous record.
    fn put_group(&mut self, mut group: MirrorGroup) -> Option<MirrorGroup> {
        group.updated_at = None;
        self.groups.insert(group.id.clone(), group)
    }
}
