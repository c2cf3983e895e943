//! Leavers with a grace: users whom the directory no longer has are deactivated at once, and deleted later unless they return.

use crate::api::{
    FakeApi, USER_DELETED, USER_UPDATED, apply_event, event, full_sync, listed_user, numbered_user,
    open_store_with_callers_time,
};
use headcount::mirror::{
    CopyOptions, HoldReason, MetricsOptions, MirrorOptions, Mirrored, Outcome, ReconcileOptions, SyncMode,
};
use headcount::{Change, ChangeKind, ErrorKind, Mirror, MirrorUser, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);
const GRACE: Duration = Duration::from_secs(7 * 86_400);

/// A mirror with a grace of seven days, its API, and the position of a consumer.
struct Leaving {
    api: FakeApi,
    mirror: Mirror,
}

impl Leaving {
    /// Makes a synced mirror of `count` users, each of whom is linked to an account and in the group `Crew`, which gives the role `sailor`. A consumer has
    /// acknowledged everything.
    async fn with_users(count: usize) -> Leaving {
        let api = FakeApi::with_users(0);
        api.with(|state| state.groups.push(json!({ "id": "dirgroup_1", "display_name": "Crew" })));
        let store = open_store_with_callers_time().await;
        let mirror = api.mirror_builder().deletion_grace(GRACE).open_in(store).await.unwrap();
        mirror.set_role_map([("Crew", "sailor")]).await.unwrap();
        let leaving = Leaving { api, mirror };
        leaving.list(0..count);
        leaving.sync().await;
        for number in 0..count {
            leaving.mirror.link(&numbered_user(number), Some(&format!("account {number}"))).await.unwrap();
        }
        leaving.changes().await;
        leaving.pass(DAY);
        leaving
    }

    fn list(&self, users: impl IntoIterator<Item = usize>) {
        self.api.list_users(users.into_iter().map(member));
    }

    fn pass(&self, time: Duration) {
        self.api.with(|state| state.now += time);
    }

    fn now(&self) -> Timestamp {
        self.api.with(|state| state.now)
    }

    async fn sync(&self) {
        full_sync(&self.mirror).await.unwrap();
    }

    async fn user(&self, number: usize) -> Option<MirrorUser> {
        self.mirror.user(&numbered_user(number)).await.unwrap()
    }

    /// Returns the changes since the last call.
    async fn changes(&self) -> Vec<Change> {
        let changes = self.mirror.poll("app", 10_000).await.unwrap();
        if let Some(last) = changes.last() {
            self.mirror.ack("app", last.seq).await.unwrap();
        }
        changes
    }

    /// Returns the kinds of the changes since the last call.
    async fn kinds(&self) -> Vec<ChangeKind> {
        self.changes().await.iter().map(|change| change.kind).collect()
    }

    /// Applies an event about a user at the present time.
    async fn event(&self, id: &str, kind: &str, data: Value) -> Outcome {
        apply_event(&self.mirror, id, kind, &self.now().to_string(), data).await
    }
}

/// A listed user who is in the group `Crew`.
fn member(number: usize) -> Value {
    let mut user = listed_user(number);
    user["groups"] = json!([{ "id": "dirgroup_1", "display_name": "Crew" }]);
    user
}

fn user_of(mirrored: Option<&Mirrored>) -> &MirrorUser {
    mirrored.and_then(Mirrored::user).unwrap()
}

/// The changes of a user who is deleted after the grace.
const DELETION: [ChangeKind; 3] = [ChangeKind::MembershipRemoved, ChangeKind::RolesChanged, ChangeKind::UserDeleted];

#[tokio::test]
async fn a_user_whom_a_listing_lacks_is_deactivated_at_once_and_keeps_groups_roles_and_account() {
    let test = Leaving::with_users(10).await;
    let left_at = test.now();
    test.list(1..10);
    test.sync().await;

    let user = test.user(0).await.unwrap();
    assert!(!user.active);
    assert_eq!(user.deletes_at, Some(left_at + GRACE));
    assert_eq!(user.group_ids, ["dirgroup_1"]);
    assert_eq!(user.roles, ["sailor"]);
    assert_eq!(user.linked_id.as_deref(), Some("account 0"));
    let changes = test.changes().await;
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].kind, ChangeKind::UserDeactivated);
    assert_eq!(changes[0].fields, ["active"]);
    assert_eq!(changes[0].user.as_ref(), Some(&user));
    assert_eq!(user_of(changes[0].before.as_ref()).deletes_at, None);
    assert_eq!(user_of(changes[0].after.as_ref()).deletes_at, user.deletes_at);
    assert_eq!(test.mirror.users("org_1").next().await.unwrap(), Some(user));
}

#[tokio::test]
async fn a_leaver_is_deleted_once_the_grace_is_over_and_never_before_with_the_cause_of_the_deactivation() {
    let test = Leaving::with_users(10).await;
    test.list(1..10);
    test.sync().await;
    let deactivated = test.changes().await.remove(0);

    test.pass(GRACE - Duration::from_secs(1));
    test.sync().await;
    test.mirror.trim().await.unwrap();
    assert_eq!(test.kinds().await, []);
    assert!(test.user(0).await.is_some());

    test.pass(Duration::from_secs(1));
    test.sync().await;
    assert_eq!(test.user(0).await, None);
    let changes = test.changes().await;
    assert_eq!(changes.iter().map(|change| change.kind).collect::<Vec<_>>(), DELETION);
    assert!(changes.iter().all(|change| change.cause == deactivated.cause));
    assert_eq!(changes[2].at, test.now());
    assert_eq!(user_of(changes[2].before.as_ref()).linked_id.as_deref(), Some("account 0"));
    test.sync().await;
    test.mirror.trim().await.unwrap();
    assert_eq!(test.kinds().await, [], "a leaver is deleted once");
}

#[tokio::test]
async fn a_process_that_only_receives_events_deletes_leavers() {
    let test = Leaving::with_users(10).await;
    assert_eq!(test.event("evt_1", USER_DELETED, json!({ "id": numbered_user(0) })).await, Outcome::Applied);
    let user = test.user(0).await.unwrap();
    assert_eq!((user.active, user.deletes_at), (false, Some(test.now() + GRACE)));
    assert_eq!(test.kinds().await, [ChangeKind::UserDeactivated]);

    test.pass(GRACE);
    test.event("evt_2", USER_UPDATED, json!({ "id": numbered_user(1), "given_name": "Ada" })).await;
    assert_eq!(test.user(0).await, None);
    let changes = test.changes().await;
    assert_eq!(changes.last().unwrap().kind, ChangeKind::UserDeleted);
    assert_eq!(changes.last().unwrap().cause, "event:evt_1");
}

#[tokio::test]
async fn a_trim_deletes_many_leavers_in_several_writes() {
    let test = Leaving::with_users(0).await;
    test.list(0..450);
    test.sync().await;
    let unlimited = MirrorOptions { guard_share: Some(1.0), ..MirrorOptions::default() };
    test.mirror.configure(unlimited).await.unwrap();
    test.list(449..450);
    test.sync().await;
    assert_eq!(test.mirror.status().await.unwrap()[0].leaving, 449);
    test.changes().await;
    test.pass(GRACE);
    test.mirror.trim().await.unwrap();
    let deleted = test.kinds().await.into_iter().filter(|kind| *kind == ChangeKind::UserDeleted).count();
    assert_eq!(deleted, 449);
    assert_eq!(test.mirror.status().await.unwrap()[0].users, 1);
}

#[tokio::test]
async fn a_user_who_is_listed_again_is_reactivated_with_the_same_account() {
    let test = Leaving::with_users(10).await;
    test.list(1..10);
    test.sync().await;
    test.changes().await;
    test.pass(DAY);
    let mut returned = member(0);
    returned["given_name"] = json!("Ada");
    test.api.list_users((1..10).map(member).chain([returned]));
    test.sync().await;

    let changes = test.changes().await;
    let kinds: Vec<ChangeKind> = changes.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [ChangeKind::UserUpdated, ChangeKind::UserReactivated]);
    assert!(user_of(changes[0].after.as_ref()).deletes_at.is_some(), "the user is reactivated by the second change");
    assert_eq!(user_of(changes[1].after.as_ref()).deletes_at, None);
    let user = test.user(0).await.unwrap();
    assert_eq!((user.active, user.deletes_at), (true, None));
    assert_eq!(user.linked_id.as_deref(), Some("account 0"));
    test.pass(GRACE * 2);
    test.sync().await;
    assert_eq!(test.kinds().await, [], "a user who has returned is not deleted");
}

#[tokio::test]
async fn only_an_event_that_is_newer_than_the_removal_brings_a_user_back() {
    let test = Leaving::with_users(10).await;
    let before = test.now();
    test.pass(DAY);
    test.event("evt_1", USER_DELETED, json!({ "id": numbered_user(0) })).await;
    let left = test.user(0).await.unwrap();
    let data = json!({ "id": numbered_user(0), "given_name": "Ada", "active": true });
    let stale = apply_event(&test.mirror, "evt_2", USER_UPDATED, &before.to_string(), data.clone()).await;
    assert_eq!(stale, Outcome::Applied, "an older event changes only the content");
    let user = test.user(0).await.unwrap();
    assert_eq!((user.active, user.deletes_at, user.given_name.as_str()), (false, left.deletes_at, "Ada"));

    test.pass(Duration::from_secs(60));
    assert_eq!(test.event("evt_3", USER_UPDATED, data).await, Outcome::Applied);
    let user = test.user(0).await.unwrap();
    assert_eq!((user.active, user.deletes_at, user.given_name.as_str()), (true, None, "Ada"));
    let expected = [ChangeKind::UserDeactivated, ChangeKind::UserUpdated, ChangeKind::UserReactivated];
    assert_eq!(test.kinds().await, expected);
}

#[tokio::test]
async fn a_listing_that_may_be_older_than_the_event_of_the_deletion_does_not_bring_a_user_back() {
    let test = Leaving::with_users(10).await;
    test.event("evt_1", USER_DELETED, json!({ "id": numbered_user(0) })).await;
    test.pass(Duration::from_secs(60));
    test.sync().await;
    assert!(!test.user(0).await.unwrap().active);
    assert_eq!(test.kinds().await, [ChangeKind::UserDeactivated]);
    test.pass(Duration::from_secs(600));
    test.sync().await;
    assert!(test.user(0).await.unwrap().active, "ten minutes later the listing is newer");
}

#[tokio::test]
async fn a_late_event_of_the_deletion_does_not_change_the_time_of_the_deletion() {
    let test = Leaving::with_users(10).await;
    test.list(1..10);
    test.sync().await;
    let left = test.user(0).await.unwrap();
    test.changes().await;
    test.pass(DAY);
    assert_eq!(test.event("evt_1", USER_DELETED, json!({ "id": numbered_user(0) })).await, Outcome::Applied);
    assert_eq!(test.user(0).await.unwrap(), left);
    assert_eq!(test.kinds().await, []);
    let status = test.mirror.status().await.unwrap();
    assert_eq!((status[0].users, status[0].leaving), (10, 1));
}

#[tokio::test]
async fn a_user_who_was_inactive_is_updated_with_the_time_of_the_deletion_and_deleted_later() {
    let test = Leaving::with_users(10).await;
    test.event("evt_1", USER_UPDATED, json!({ "id": numbered_user(0), "active": false })).await;
    test.pass(DAY);
    test.changes().await;
    test.list(1..10);
    test.sync().await;
    let changes = test.changes().await;
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].kind, ChangeKind::UserUpdated);
    assert_eq!(changes[0].fields, ["deletes_at"]);
    assert_eq!(test.user(0).await.unwrap().deletes_at, Some(test.now() + GRACE));
    test.pass(GRACE);
    test.sync().await;
    assert_eq!(test.kinds().await, DELETION);
}

#[tokio::test]
async fn an_inactive_user_returns_inactive_if_the_listing_does_not_say_otherwise() {
    let test = Leaving::with_users(10).await;
    test.event("evt_1", USER_UPDATED, json!({ "id": numbered_user(0), "active": false })).await;
    test.pass(DAY);
    test.list(1..10);
    test.sync().await;
    test.changes().await;
    test.pass(DAY);
    test.list(0..10);
    test.sync().await;
    let user = test.user(0).await.unwrap();
    assert_eq!((user.active, user.deletes_at), (false, None));
    let changes = test.changes().await;
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].kind, ChangeKind::UserUpdated);
    assert_eq!(changes[0].fields, ["deletes_at"]);
    assert!(user_of(changes[0].before.as_ref()).deletes_at.is_some());
    assert_eq!(user_of(changes[0].after.as_ref()).deletes_at, None);
    test.pass(GRACE);
    test.sync().await;
    assert!(test.user(0).await.is_some());
}

#[tokio::test]
async fn a_user_who_moves_to_another_directory_within_the_grace_keeps_the_account() {
    let test = Leaving::with_users(10).await;
    let other = json!({ "id": "dir_2", "organization_id": "org_1", "enabled": true });
    test.api.with(|state| state.directories.push(other));
    test.list(1..10);
    test.mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    assert!(!test.user(0).await.unwrap().active);
    test.pass(DAY);
    let mut moved = member(0);
    moved["directory"] = json!("dir_2");
    test.api.list_users((1..10).map(member).chain([moved]));
    test.mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    let user = test.user(0).await.unwrap();
    assert_eq!((user.active, user.directory_id.as_str(), user.deletes_at), (true, "dir_2", None));
    assert_eq!(user.linked_id.as_deref(), Some("account 0"));
}

#[tokio::test]
async fn the_deactivation_comes_before_the_creation_of_a_user_with_the_same_address() {
    let test = Leaving::with_users(10).await;
    let mut again = member(100);
    again["email"] = json!("0@example.com");
    test.api.list_users((1..10).map(member).chain([again]));
    test.sync().await;
    let kinds = test.kinds().await;
    assert_eq!(kinds[..2], [ChangeKind::UserDeactivated, ChangeKind::UserCreated]);
    assert_eq!(test.mirror.find_users("0@example.com").await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_guard_counts_the_deactivation_and_not_the_deletion() {
    let test = Leaving::with_users(40).await;
    let limits = MirrorOptions { guard_users: Some(5), guard_share: Some(0.0), ..MirrorOptions::default() };
    test.mirror.configure(limits).await.unwrap();
    test.list(5..40);
    test.sync().await;
    test.list(6..40);
    assert_eq!(full_sync(&test.mirror).await.unwrap_err().kind(), ErrorKind::MassRemoval, "the budget is used up");
    test.list(5..40);
    test.sync().await;

    test.pass(GRACE);
    test.list(10..40);
    test.sync().await;
    assert_eq!(test.user(0).await, None);
    assert!(test.user(9).await.unwrap().deletes_at.is_some(), "five more users may leave on the day of the deletions");
    assert_eq!(test.mirror.holds("org_1", None).await.unwrap(), []);
}

#[tokio::test]
async fn the_loss_of_roles_within_the_grace_is_neither_held_nor_counted() {
    let test = Leaving::with_users(40).await;
    let limits = MirrorOptions { guard_users: Some(1), guard_share: Some(0.0), ..MirrorOptions::default() };
    test.list(1..40);
    test.sync().await;
    test.mirror.configure(limits).await.unwrap();
    test.changes().await;
    test.pass(DAY * 2);
    test.api.list_users((1..40).map(|number| {
        let mut user = member(number);
        user["groups"] = json!([{ "id": "dirgroup_2", "display_name": "Crew" }]);
        user
    }));
    test.api.with(|state| state.groups = vec![json!({ "id": "dirgroup_2", "display_name": "Crew" })]);
    test.sync().await;
    assert_eq!(test.user(0).await.unwrap().roles, [""; 0]);
    assert_eq!(test.mirror.holds("org_1", None).await.unwrap(), []);
}

#[tokio::test]
async fn the_grace_of_a_held_removal_starts_with_its_approval() {
    let test = Leaving::with_users(40).await;
    test.list(20..40);
    full_sync(&test.mirror).await.unwrap_err();
    assert!(test.user(0).await.unwrap().active);
    assert_eq!(test.kinds().await, []);
    test.pass(DAY);
    let hold = test.mirror.holds("org_1", None).await.unwrap().remove(0);
    assert_eq!(test.mirror.approve(&hold.id, "ops", "they have left").await.unwrap(), 20);
    assert_eq!(test.user(0).await.unwrap().deletes_at, Some(test.now() + GRACE));
    assert_eq!(test.kinds().await, [ChangeKind::UserDeactivated; 20]);
    assert_eq!(test.mirror.holds("org_1", None).await.unwrap(), []);

    test.pass(GRACE);
    test.sync().await;
    let changes = test.changes().await;
    let deleted: Vec<&Change> = changes.iter().filter(|change| change.kind == ChangeKind::UserDeleted).collect();
    assert_eq!(deleted.len(), 20);
    let approval = test.mirror.approvals(None).await.unwrap();
    assert!(approval.is_empty() || deleted[0].cause == format!("approval:{}", approval[0].id));
    assert!(deleted[0].cause.starts_with("approval:"));
}

#[tokio::test]
async fn the_removal_of_a_protected_user_is_held_and_the_protection_does_not_prevent_the_deletion_later() {
    let test = Leaving::with_users(40).await;
    test.mirror.protect(&numbered_user(0), "last admin").await.unwrap();
    test.list(1..40);
    full_sync(&test.mirror).await.unwrap_err();
    assert!(test.user(0).await.unwrap().active);
    let hold = test.mirror.holds("org_1", None).await.unwrap().remove(0);
    assert_eq!(hold.reason, HoldReason::ProtectedUsers);
    test.mirror.approve(&hold.id, "ops", "has left").await.unwrap();
    assert!(test.user(0).await.unwrap().deletes_at.is_some());
    test.sync().await;
    test.pass(GRACE);
    test.sync().await;
    assert_eq!(test.user(0).await, None);
}

#[tokio::test]
async fn retiring_a_directory_deletes_its_users_and_leavers_at_once() {
    let test = Leaving::with_users(10).await;
    test.list(1..10);
    test.sync().await;
    test.changes().await;
    test.api.with(|state| state.directories[0]["enabled"] = json!(false));
    test.mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    assert_eq!(test.mirror.retire("dir_1", "ops", "the customer has left").await.unwrap(), 10);
    let deleted = test.kinds().await.into_iter().filter(|kind| *kind == ChangeKind::UserDeleted).count();
    assert_eq!(deleted, 10);
    assert_eq!(test.user(0).await, None);
}

#[tokio::test]
async fn a_leaver_of_a_disabled_directory_is_deleted_when_the_grace_is_over() {
    let test = Leaving::with_users(10).await;
    test.list(1..10);
    test.sync().await;
    test.api.with(|state| state.directories[0]["enabled"] = json!(false));
    test.pass(GRACE);
    test.mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    assert_eq!(test.user(0).await, None);
    assert!(test.user(1).await.unwrap().active, "the other users of a disabled directory are kept");
}

#[tokio::test]
async fn a_changed_grace_applies_to_users_who_leave_later() {
    let test = Leaving::with_users(10).await;
    test.list(1..10);
    test.sync().await;
    let first = test.user(0).await.unwrap().deletes_at;
    let options = |grace| MirrorOptions { deletion_grace: Some(grace), ..MirrorOptions::default() };
    test.mirror.configure(options(DAY)).await.unwrap();
    test.list(2..10);
    test.sync().await;
    assert_eq!(test.user(0).await.unwrap().deletes_at, first);
    assert_eq!(test.user(1).await.unwrap().deletes_at, Some(test.now() + DAY));

    test.mirror.configure(options(Duration::ZERO)).await.unwrap();
    assert_eq!(test.mirror.settings().await.unwrap().deletion_grace, None);
    test.list(3..10);
    test.sync().await;
    assert_eq!(test.user(2).await, None, "without a grace, users who leave are deleted at once");
    assert_eq!(test.user(0).await.unwrap().deletes_at, first);
    test.pass(GRACE);
    test.sync().await;
    assert_eq!(test.user(0).await, None);
}

#[tokio::test]
async fn a_grace_that_cannot_be_used_is_refused() {
    let api = FakeApi::with_users(1);
    let years = Duration::from_secs(11 * 366 * 86_400);
    for (grace, expected) in [(Duration::ZERO, "longer than 0"), (years, "10 years")] {
        let store = open_store_with_callers_time().await;
        let error = api.mirror_builder().deletion_grace(grace).open_in(store).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(expected), "{error}");
    }
    let mirror = api.open_mirror().await;
    let options = MirrorOptions { deletion_grace: Some(years), ..MirrorOptions::default() };
    assert_eq!(mirror.configure(options).await.unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn the_history_has_the_deactivation_with_the_time_of_the_deletion_and_past_states_have_it_while_it_applied() {
    let test = Leaving::with_users(10).await;
    let before = test.now();
    test.pass(DAY);
    test.list(1..10);
    test.sync().await;
    let left = test.now();
    test.pass(DAY);
    test.list(0..10);
    test.sync().await;
    let returned = test.now();
    test.pass(DAY);

    let mut entries = Vec::new();
    let mut history = test.mirror.history().user(numbered_user(0).as_str());
    while let Some(entry) = history.next().await.unwrap() {
        entries.push(entry);
    }
    let kinds: Vec<&str> = entries.iter().skip(1).map(|entry| entry.kinds[0].as_str()).collect();
    assert_eq!(kinds, ["user.deactivated", "user.reactivated"]);
    assert_eq!(entries[1].fields, ["active", "deletes_at"]);
    let state = |json: &Option<headcount::model::RawJson>| json.as_ref().unwrap().decode::<Value>().unwrap();
    assert_eq!(state(&entries[1].before), json!({ "active": true, "deletes_at": null }));
    assert_eq!(state(&entries[1].after), json!({ "active": false, "deletes_at": (left + GRACE).to_string() }));

    for (moment, active, deletes_at) in
        [(before, true, None), (left, false, Some(left + GRACE)), (returned, true, None)]
    {
        let mut users = test.mirror.at(moment, "org_1");
        let mut found = None;
        while let Some(user) = users.next().await.unwrap() {
            found = Some(user).filter(|user| user.id == numbered_user(0)).or(found);
        }
        let user = found.unwrap();
        assert_eq!((user.active, user.deletes_at), (active, deletes_at), "at {moment}");
    }
}

#[tokio::test]
async fn leavers_count_as_present_for_reconcile_until_they_are_deleted() {
    let test = Leaving::with_users(10).await;
    test.list(1..10);
    test.sync().await;
    let options = || {
        let mut options = ReconcileOptions::default();
        options.organization_id = Some("org_1".to_owned());
        options
    };
    let ids = || [0, 1].map(numbered_user);
    assert_eq!(test.mirror.reconcile(ids(), options()).await.unwrap(), [""; 0]);
    test.pass(GRACE);
    test.sync().await;
    assert_eq!(test.mirror.reconcile(ids(), options()).await.unwrap(), [numbered_user(0)]);
}

#[tokio::test]
async fn the_status_and_the_metrics_have_the_number_of_leavers() {
    let test = Leaving::with_users(10).await;
    test.list(2..10);
    test.sync().await;
    let status = test.mirror.status().await.unwrap();
    assert_eq!((status[0].users, status[0].leaving), (10, 2));
    let metrics = test.mirror.metrics(MetricsOptions::default()).await.unwrap();
    assert!(metrics.contains("headcount_leaving_users{directory=\"dir_1\"} 2\n"), "{metrics}");
}

#[tokio::test]
async fn a_snapshot_has_leavers_as_inactive_users_and_the_feed_deletes_them_later() {
    let test = Leaving::with_users(3).await;
    test.list(1..3);
    test.sync().await;
    test.mirror.start_from_snapshot("app").await.unwrap();
    let changes = test.changes().await;
    let user = changes.iter().filter_map(|change| change.user.as_ref()).find(|user| user.id == numbered_user(0));
    assert!(!user.unwrap().active);
    test.pass(GRACE);
    test.sync().await;
    assert_eq!(test.kinds().await.last(), Some(&ChangeKind::UserDeleted));
}

#[tokio::test]
async fn a_copy_keeps_the_time_of_the_deletion() {
    let test = Leaving::with_users(10).await;
    test.list(1..10);
    test.sync().await;
    let folder = std::env::temp_dir().join(format!("headcount-leavers-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("copy.db");
    test.mirror.copy_to(&path, CopyOptions::default()).await.unwrap();
    let copy = test.api.mirror_builder().open(&path).await.unwrap();
    assert_eq!(copy.user(&numbered_user(0)).await.unwrap(), test.user(0).await);
    assert_eq!(copy.settings().await.unwrap().deletion_grace, Some(GRACE));
    test.pass(GRACE);
    copy.trim().await.unwrap();
    assert_eq!(copy.user(&numbered_user(0)).await.unwrap(), None);
    copy.close().await.unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn two_processes_delete_a_leaver_once() {
    let api = FakeApi::with_users(10);
    let store = open_store_with_callers_time().await;
    let first = api.mirror_builder().deletion_grace(GRACE).open_in(std::sync::Arc::clone(&store)).await.unwrap();
    let second = api.mirror_builder().open_in(store).await.unwrap();
    full_sync(&first).await.unwrap();
    api.with(|state| state.now += DAY);
    api.list_users((3..10).map(listed_user));
    full_sync(&first).await.unwrap();
    api.with(|state| state.now += GRACE);
    let (one, other) = tokio::join!(first.trim(), second.trim());
    one.unwrap();
    other.unwrap();
    let changes = first.poll("app", 1_000).await.unwrap();
    assert_eq!(changes.iter().filter(|change| change.kind == ChangeKind::UserDeleted).count(), 3);
}

#[tokio::test]
async fn an_event_of_another_organization_does_not_change_a_leaver() {
    let test = Leaving::with_users(10).await;
    test.list(1..10);
    test.sync().await;
    let left = test.user(0).await;
    for (number, kind) in [USER_UPDATED, USER_DELETED].into_iter().enumerate() {
        let body = json!({
            "id": format!("evt_{number}"), "type": kind, "occurred_at": test.now().to_string(), "organization_id": "org_2",
            "data": { "id": numbered_user(0), "organization_id": "org_2", "active": true },
        });
        assert_eq!(test.mirror.apply(&event(&body)).await.unwrap(), Outcome::Foreign);
    }
    assert_eq!(test.user(0).await, left);
}
