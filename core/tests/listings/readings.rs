//! When a listing is complete enough that the users it lacks are removed, how unusual values of listed users are stored, and what a listing without
//! groups means.

use crate::api::{
    FakeApi, USER_UPDATED, apply_deletion, apply_event, count_users, full_sync, incremental_sync, listed_user,
    numbered_user,
};
use headcount::mirror::{Outcome, Phase, SyncMode, SyncOutcome};
use headcount::{ErrorKind, Mirror};
use serde_json::{Value, json};
use std::future::IntoFuture;
use std::time::Duration;

/// Syncs a mirror of five users from a listing that `users` makes of the first four. `reported_total` is the listing's total, or `None` for the number
/// of listed users. Asserts that the sync is incomplete with a text that contains `reason`, that it removes no user, and that a complete listing of
/// the first four then removes the fifth.
async fn assert_removes_no_user(users: impl FnOnce(&[Value]) -> Vec<Value>, reported_total: Option<u64>, reason: &str) {
    let api = FakeApi::with_users(5);
    let mirror = api.open_mirror().await;
    assert_eq!(full_sync(&mirror).await.unwrap().outcome, SyncOutcome::Done);
    let first_four = api.with(|state| state.users[..4].to_vec());
    api.list_users(users(&first_four));
    api.with(|state| state.reported_total = reported_total);

    let report = full_sync(&mirror).await.unwrap();

    assert_eq!(report.outcome, SyncOutcome::Incomplete);
    assert_eq!(report.deleted, 0);
    assert!(report.incomplete.as_ref().unwrap().contains(reason), "{report:?}");
    assert_eq!(count_users(&mirror).await, 5);

    api.list_users(first_four);
    api.with(|state| state.reported_total = None);
    assert_eq!(full_sync(&mirror).await.unwrap().deleted, 1);
}

#[tokio::test]
async fn a_listing_that_names_a_user_twice_removes_no_user() {
    let with_a_duplicate = |users: &[Value]| [users, &users[..1]].concat();
    assert_removes_no_user(with_a_duplicate, None, "twice").await;
}

#[tokio::test]
async fn a_listing_with_fewer_users_than_its_total_removes_no_user() {
    assert_removes_no_user(|users| users.to_vec(), Some(5), "has 4 users, but its total is 5").await;
}

#[tokio::test]
async fn a_listing_with_users_and_a_total_of_zero_removes_no_user() {
    assert_removes_no_user(|users| users.to_vec(), Some(0), "its total is 0").await;
}

#[tokio::test]
async fn an_empty_listing_with_a_total_removes_no_user() {
    assert_removes_no_user(|_| Vec::new(), Some(5), "has 0 users").await;
}

/// Returns a mirror of five users, of whom the API now lists four. The fifth is removed only after two complete readings lack them.
async fn mirror_of_a_directory_that_lost_a_user() -> (FakeApi, Mirror) {
    let api = FakeApi::with_users(5);
    let mirror = api.synced_mirror().await;
    api.list_numbered_users(4);
    (api, mirror)
}

#[tokio::test]
async fn a_sync_removes_no_user_if_only_one_reading_is_complete() {
    let (api, mirror) = mirror_of_a_directory_that_lost_a_user().await;
    // A sync reads a listing at most three times. Here only the third reading is complete, so there is no second one that agrees with it.
    api.with(|state| state.wrong_totals = 2);

    let report = full_sync(&mirror).await.unwrap();

    assert_eq!(report.outcome, SyncOutcome::Incomplete);
    assert_eq!(report.deleted, 0);
    assert_eq!(count_users(&mirror).await, 5);
}

#[tokio::test]
async fn a_sync_removes_a_user_after_two_complete_readings_lack_them() {
    let (api, mirror) = mirror_of_a_directory_that_lost_a_user().await;
    api.with(|state| state.wrong_totals = 1);
    assert_eq!(full_sync(&mirror).await.unwrap().deleted, 1);
}

/// Returns a mirror of the users 0 to 4. The next listing is what a client gets from an API with pages by offset if user 0 leaves and user 5 joins
/// after the first page of three users was read: it has user 0, lacks user 3, who is still in the directory, and has as many users as its total. The
/// directory's `stats` do not show the change, as if the API had cached them.
async fn mirror_with_a_shifting_listing() -> (FakeApi, Mirror) {
    let api = FakeApi::with_users(5);
    api.with(|state| {
        state.directories[0]["stats"] = json!({ "total_users": 5, "user_updated_at": "2025-06-01T10:00:00Z" })
    });
    let mirror = api.synced_mirror().await;
    api.list_users((1..6).map(listed_user));
    api.with(|state| state.next_listings = [[0, 1, 2, 4, 5].map(listed_user).to_vec()].into());
    (api, mirror)
}

#[tokio::test]
async fn a_present_user_whom_a_shifting_listing_skips_is_not_removed() {
    let (_api, mirror) = mirror_with_a_shifting_listing().await;

    let report = full_sync(&mirror).await.unwrap();

    assert_eq!(report.outcome, SyncOutcome::Done);
    assert_eq!(report.deleted, 0);
    assert!(mirror.user(&numbered_user(3)).await.unwrap().is_some());
    assert_eq!(full_sync(&mirror).await.unwrap().deleted, 1, "expected user 0, who has left, to be removed");
}

#[tokio::test]
async fn a_sync_that_removes_no_user_reads_the_listing_once() {
    let api = FakeApi::with_users(5);
    let mirror = api.synced_mirror().await;
    full_sync(&mirror).await.unwrap();
    assert_eq!(api.with(|state| state.listings), 2, "expected one listing for each of the two syncs");
}

#[tokio::test]
async fn a_group_is_removed_after_two_readings_lack_it() {
    let api = FakeApi::with_users(1);
    let group = json!({ "id": "dirgroup_1", "display_name": "Crew" });
    api.with(|state| state.groups = vec![group]);
    let mirror = api.synced_mirror().await;
    api.with(|state| {
        state.groups.clear();
        state.listings = 0;
    });

    full_sync(&mirror).await.unwrap();

    assert_eq!(api.with(|state| state.listings), 2);
    assert_eq!(mirror.group("dirgroup_1").await.unwrap(), None);
}

#[tokio::test]
async fn a_full_sync_removes_an_absent_user_although_an_event_deletes_another_during_it() {
    let api = FakeApi::with_users(5);
    let mirror = api.synced_mirror().await;
    api.list_numbered_users(4);
    // The listing has the users 0 to 3, and an event deletes user 0 during the sync. Then the mirror has the users 1 to 4: as many as the listing,
    // although the listing lacks user 4.
    let (events, deleting) = (mirror.clone(), std::sync::Once::new());
    let runtime = tokio::runtime::Handle::current();
    let sync = mirror.sync("org_1").mode(SyncMode::Full).on_progress(move |progress| {
        if progress.phase == Phase::Users {
            deleting.call_once(|| {
                std::thread::scope(|scope| {
                    let deletion = apply_deletion(&events, "evt_1", "diruser_000");
                    scope.spawn(|| runtime.block_on(deletion)).join().unwrap();
                });
            });
        }
    });
    let task = tokio::task::spawn_blocking(|| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(sync.into_future())
    });

    let report = task.await.unwrap().unwrap().remove(0);

    assert_eq!(report.outcome, SyncOutcome::Done);
    assert_eq!(mirror.user(&numbered_user(4)).await.unwrap(), None);
    assert_eq!(count_users(&mirror).await, 3);
}

#[tokio::test]
async fn an_incremental_listing_that_skips_a_user_is_read_again() {
    let api = FakeApi::with_users(2);
    let mirror = api.synced_mirror().await;
    let changed = |number: usize| json!({ "id": numbered_user(number), "email": "new@example.com", "updated_at": "2025-06-01T11:00:00Z" });
    api.list_users([changed(0), changed(1)]);
    api.with(|state| {
        state.next_listings = [vec![changed(0)]].into();
        state.wrong_totals = 1;
        state.listings = 0;
    });

    let report = incremental_sync(&mirror).await.unwrap();

    assert_eq!(report.outcome, SyncOutcome::Done);
    assert_eq!(api.with(|state| state.listings), 2);
    assert_eq!(mirror.user("diruser_001").await.unwrap().unwrap().email, "new@example.com");
    let watermark = mirror.status().await.unwrap()[0].watermark.unwrap();
    assert_eq!(watermark.to_string(), "2025-06-01T11:00:00Z");
}

#[tokio::test]
async fn an_incremental_sync_whose_listing_never_matches_its_total_is_incomplete_and_does_not_move_the_watermark() {
    let api = FakeApi::with_users(2);
    let mirror = api.synced_mirror().await;
    api.list_users([json!({ "id": "diruser_000", "email": "new@example.com", "updated_at": "2025-06-01T11:00:00Z" })]);
    api.with(|state| {
        state.reported_total = Some(2);
        state.listings = 0;
    });

    let report = incremental_sync(&mirror).await.unwrap();

    assert_eq!(report.outcome, SyncOutcome::Incomplete);
    assert_eq!(report.incomplete.as_deref(), Some("the listing has 1 users, but its total is 2"));
    assert_eq!(api.with(|state| state.listings), 3);
    let status = mirror.status().await.unwrap().remove(0);
    assert_eq!(status.watermark, None);
    assert_eq!(status.last_incremental_sync, None);
    let user = mirror.user("diruser_000").await.unwrap().unwrap();
    assert_eq!(user.email, "new@example.com", "the listed users are applied");
}

#[tokio::test]
async fn a_listing_whose_total_stays_wrong_is_read_once_in_later_syncs_and_the_status_has_incomplete_since() {
    let api = FakeApi::with_users(2);
    let mirror = api.open_mirror().await;
    let since = api.with(|state| {
        state.reported_total = Some(3);
        state.now
    });
    full_sync(&mirror).await.unwrap();
    assert_eq!(api.with(|state| state.listings), 3);
    api.with(|state| state.now += Duration::from_secs(3_600));

    let report = full_sync(&mirror).await.unwrap();

    assert_eq!(report.outcome, SyncOutcome::Incomplete);
    assert_eq!(api.with(|state| state.listings), 4);
    assert_eq!(mirror.status().await.unwrap()[0].incomplete_since, Some(since));

    api.with(|state| state.reported_total = None);
    // A complete incremental listing does not show that the listing of all users is complete.
    assert_eq!(incremental_sync(&mirror).await.unwrap().outcome, SyncOutcome::Done);
    assert_eq!(mirror.status().await.unwrap()[0].incomplete_since, Some(since));
    assert_eq!(full_sync(&mirror).await.unwrap().outcome, SyncOutcome::Done);
    assert_eq!(mirror.status().await.unwrap()[0].incomplete_since, None);
}

#[tokio::test]
async fn a_listing_removes_a_user_and_a_group_of_an_event_only_if_it_begins_five_minutes_after_the_event() {
    let api = FakeApi::with_users(1);
    let mirror = api.synced_mirror().await;
    let groups = json!([{ "id": "dirgroup_1", "name": "Crew" }]);
    let data = json!({ "id": "diruser_9", "email": "ada@example.com", "groups": groups });
    apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T12:00:00Z", data).await;
    api.with(|state| state.now += Duration::from_secs(120));

    let report = full_sync(&mirror).await.unwrap();

    assert_eq!(report.outcome, SyncOutcome::Done);
    assert_eq!(report.changes, 0);
    assert_eq!(mirror.user("diruser_9").await.unwrap().unwrap().group_ids, ["dirgroup_1"]);

    api.with(|state| state.now += Duration::from_secs(181));
    assert_eq!(full_sync(&mirror).await.unwrap().deleted, 1);
    assert_eq!(mirror.group("dirgroup_1").await.unwrap(), None);
}

#[tokio::test]
async fn a_listing_keeps_a_group_that_a_stale_event_mentioned_less_than_five_minutes_before() {
    let api = FakeApi::with_users(1);
    let mirror = api.synced_mirror().await;
    let group_created = "organization.directory.group_created";
    let group = json!({ "id": "dirgroup_1", "directory_id": "dir_1", "display_name": "Crew" });
    apply_event(&mirror, "evt_1", group_created, "2025-06-01T11:59:59Z", group).await;
    api.with(|state| state.now += Duration::from_secs(240));
    let groups = json!([{ "id": "dirgroup_1", "name": "Crew" }]);
    let data = json!({ "id": "diruser_000", "groups": groups });
    apply_event(&mirror, "evt_2", USER_UPDATED, "2025-06-01T11:59:58Z", data).await;
    api.with(|state| state.now += Duration::from_secs(240));

    full_sync(&mirror).await.unwrap();

    assert!(mirror.group("dirgroup_1").await.unwrap().is_some());
}

/// Returns a mirror of two users after an event has deleted `diruser_1`, whom the API still lists.
async fn mirror_ahead_of_its_listing() -> (FakeApi, Mirror) {
    let api = FakeApi::default();
    let ada = json!({ "id": "diruser_1", "email": "ada@example.com", "updated_at": "2025-06-01T10:00:00Z" });
    api.list_users([ada, json!({ "id": "diruser_2" })]);
    let mirror = api.synced_mirror().await;
    apply_deletion(&mirror, "evt_1", "diruser_1").await;
    (api, mirror)
}

#[tokio::test]
async fn a_listing_that_lags_behind_a_deletion_does_not_restore_the_user() {
    let (_api, mirror) = mirror_ahead_of_its_listing().await;
    let report = full_sync(&mirror).await.unwrap();
    assert_eq!(report.created, 0);
    assert_eq!(count_users(&mirror).await, 1);
}

#[tokio::test]
async fn a_deleted_user_who_is_still_listed_after_five_minutes_is_restored() {
    let (api, mirror) = mirror_ahead_of_its_listing().await;
    full_sync(&mirror).await.unwrap();
    // A listing may lag behind events by at most five minutes.
    api.with(|state| state.now += Duration::from_secs(301));
    let report = full_sync(&mirror).await.unwrap();
    assert_eq!(report.created, 1);
    assert_eq!(count_users(&mirror).await, 2);
}

#[tokio::test]
async fn a_listing_that_still_has_users_whom_events_deleted_is_complete() {
    let api = FakeApi::with_users(20);
    let mirror = api.synced_mirror().await;
    for number in 0..3 {
        apply_deletion(&mirror, &format!("evt_{number}"), &numbered_user(number)).await;
    }
    // The listing still has the three deleted users, and lacks user 19.
    api.list_numbered_users(19);

    let report = full_sync(&mirror).await.unwrap();

    assert_eq!(report.outcome, SyncOutcome::Done);
    assert_eq!(report.deleted, 1);
    assert_eq!(count_users(&mirror).await, 16);
}

const UNUSUAL_ID: &str = "'; DROP TABLE user; --";

/// Returns a mirror after a full sync of five users and a group with unusual values.
async fn mirror_of_unusual_users() -> (FakeApi, Mirror) {
    let api = FakeApi::default();
    let long = "ü".repeat(10_000);
    let group = json!({ "id": "dirgroup_1", "display_name": long, "total_users": 99 });
    api.with(|state| state.groups = vec![group]);
    let repeated_groups = json!([{ "id": "dirgroup_1" }, { "id": "dirgroup_1" }, { "id": "dirgroup_2" }]);
    api.list_users([
        json!({ "id": "diruser_1" }),
        json!({ "id": "diruser_2", "email": "one@example.com", "updated_at": "9999-01-01T00:00:00Z" }),
        json!({ "id": "diruser_3", "email": "ONE@example.com", "updated_at": "1931-01-01T00:00:00.000000001Z" }),
        json!({ "id": "diruser_4", "given_name": long, "groups": repeated_groups }),
        json!({ "id": UNUSUAL_ID, "user_detail": { "active": "False" } }),
    ]);
    let mirror = api.open_mirror().await;
    let report = full_sync(&mirror).await.unwrap();
    assert_eq!(report.outcome, SyncOutcome::Done);
    assert_eq!(report.created, 5);
    (api, mirror)
}

#[tokio::test]
async fn a_second_sync_of_unusual_users_changes_nothing() {
    let (_api, mirror) = mirror_of_unusual_users().await;
    assert_eq!(full_sync(&mirror).await.unwrap().changes, 0);
}

#[tokio::test]
async fn find_users_compares_addresses_case_insensitively() {
    let (_api, mirror) = mirror_of_unusual_users().await;
    assert_eq!(mirror.find_users("one@EXAMPLE.com").await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_long_name_is_stored_whole_and_a_repeated_group_once() {
    let (_api, mirror) = mirror_of_unusual_users().await;
    let user = mirror.user("diruser_4").await.unwrap().unwrap();
    assert_eq!(user.given_name.len(), 20_000);
    assert_eq!(user.group_ids, ["dirgroup_1", "dirgroup_2"]);
}

#[tokio::test]
async fn a_user_whose_id_looks_like_sql_and_whose_active_is_the_text_false_is_stored_as_inactive() {
    let (_api, mirror) = mirror_of_unusual_users().await;
    assert!(!mirror.user(UNUSUAL_ID).await.unwrap().unwrap().active);
}

#[tokio::test]
async fn the_members_of_a_group_are_the_users_whose_groups_contain_it_whatever_its_total_is() {
    let (_api, mirror) = mirror_of_unusual_users().await;
    let mut members = mirror.users("org_1").group("dirgroup_1");
    assert_eq!(members.next().await.unwrap().unwrap().id, "diruser_4");
    assert_eq!(members.next().await.unwrap(), None);
}

#[tokio::test]
async fn an_updated_at_in_the_future_does_not_make_later_events_stale() {
    let (_api, mirror) = mirror_of_unusual_users().await;
    let deleted = crate::api::USER_DELETED;
    let outcome = apply_event(&mirror, "evt_1", deleted, "2025-06-01T12:00:01Z", json!({ "id": "diruser_2" })).await;
    assert_eq!(outcome, Outcome::Applied);
    assert_eq!(count_users(&mirror).await, 4);
}

#[tokio::test]
async fn a_listed_user_without_an_id_is_a_decode_error_and_removes_no_user() {
    let (api, mirror) = mirror_of_unusual_users().await;
    api.list_users([json!({ "id": "" })]);
    assert_eq!(full_sync(&mirror).await.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(count_users(&mirror).await, 5);
}

/// Returns a listed user with these groups, or without the key `groups` if `groups` is `None`.
fn user_in(number: usize, groups: Option<&[&str]>) -> Value {
    let mut user = listed_user(number);
    if let Some(groups) = groups {
        user["groups"] = groups.iter().map(|id| json!({ "id": id, "display_name": id })).collect();
    }
    user
}

/// Returns a mirror of three users, all of whom are in `dirgroup_1`, which gives a role.
async fn mirror_of_three_members() -> (FakeApi, Mirror) {
    let api = FakeApi::default();
    api.with(|state| state.groups = vec![json!({ "id": "dirgroup_1", "display_name": "dirgroup_1" })]);
    api.list_users((0..3).map(|number| user_in(number, Some(&["dirgroup_1"]))));
    // The default guard would permit two of three users to lose their roles, and hold the third.
    let mirror = crate::api::open(api.mirror_builder().guard_share(1.0)).await;
    full_sync(&mirror).await.unwrap();
    mirror.set_role_map([("dirgroup_1", "crew")]).await.unwrap();
    (api, mirror)
}

/// Returns the numbers of the users who are in `dirgroup_1`. Asserts that these users have the role and the others do not.
async fn members(mirror: &Mirror) -> Vec<usize> {
    let mut members = Vec::new();
    for number in 0..3 {
        let user = mirror.user(&numbered_user(number)).await.unwrap().unwrap();
        assert_eq!(
            user.roles.is_empty(),
            user.group_ids.is_empty(),
            "user {number} must have the role if and only if they are in the group"
        );
        members.extend(Some(number).filter(|_| !user.group_ids.is_empty()));
    }
    members
}

#[tokio::test]
async fn a_listing_in_which_no_user_has_groups_keeps_all_memberships() {
    let (api, mirror) = mirror_of_three_members().await;
    api.list_users((0..3).map(|number| user_in(number, None)));
    for report in [full_sync(&mirror).await.unwrap(), incremental_sync(&mirror).await.unwrap()] {
        assert_eq!(report.outcome, SyncOutcome::Done);
        assert_eq!(report.changes, 0, "{:?}", report.mode);
    }
    assert_eq!(members(&mirror).await, [0, 1, 2]);
}

#[tokio::test]
async fn users_without_a_list_of_groups_are_in_none_if_another_user_has_a_group() {
    for page_size in [None, Some(1)] {
        let (api, mirror) = mirror_of_three_members().await;
        // Users without a list of groups precede and follow the one who has a group: on one page, or each on a page of their own.
        let groups: [Option<&[&str]>; 3] = [None, Some(&["dirgroup_1"]), None];
        api.list_users((0..3).map(|number| user_in(number, groups[number])));
        api.with(|state| state.page_size = page_size);
        full_sync(&mirror).await.unwrap();
        assert_eq!(members(&mirror).await, [1], "pages of {page_size:?}");
        assert_eq!(full_sync(&mirror).await.unwrap().changes, 0);
    }
}

#[tokio::test]
async fn users_without_a_list_of_groups_are_in_none_if_another_user_has_an_empty_list() {
    let (api, mirror) = mirror_of_three_members().await;
    let groups: [Option<&[&str]>; 3] = [None, None, Some(&[])];
    api.list_users((0..3).map(|number| user_in(number, groups[number])));
    api.with(|state| state.page_size = Some(1));
    incremental_sync(&mirror).await.unwrap();
    assert_eq!(members(&mirror).await, [0; 0]);
}

#[tokio::test]
async fn an_incremental_listing_without_groups_ends_memberships_if_full_listings_have_groups() {
    let (api, mirror) = mirror_of_three_members().await;
    full_sync(&mirror).await.unwrap();
    // Only the first user has changed: they left their last group, so the listing of changes has no list of groups at all.
    api.list_users([user_in(0, None), user_in(1, Some(&["dirgroup_1"])), user_in(2, Some(&["dirgroup_1"]))]);
    api.with(|state| state.next_listings = [vec![user_in(0, None)]].into());
    let listings = api.with(|state| state.listings);

    let report = incremental_sync(&mirror).await.unwrap();

    assert_eq!(report.outcome, SyncOutcome::Done);
    assert_eq!(report.mode, SyncMode::Incremental);
    assert_eq!(members(&mirror).await, [1, 2]);
    assert_eq!(
        api.with(|state| state.listings) - listings,
        2,
        "expected a listing of the changes and one of all users"
    );
}

#[tokio::test]
async fn an_incremental_listing_without_groups_keeps_memberships_if_full_listings_have_none() {
    let (api, mirror) = mirror_of_three_members().await;
    api.list_users((0..3).map(|n| user_in(n, None)));
    full_sync(&mirror).await.unwrap();
    api.with(|state| state.next_listings = [vec![user_in(0, None)]].into());
    let listings = api.with(|state| state.listings);

    incremental_sync(&mirror).await.unwrap();

    assert_eq!(members(&mirror).await, [0, 1, 2]);
    assert_eq!(api.with(|state| state.listings) - listings, 1, "expected only the listing of the changes");
}

#[tokio::test]
async fn a_listing_keeps_the_user_of_a_pending_event_only_for_five_minutes_after_the_event_arrived() {
    let api = FakeApi::with_users(1);
    let mirror = api.open_mirror().await;
    // The mirror does not know the directory until a sync has listed it.
    let data = json!({ "id": "diruser_9", "email": "ada@example.com" });
    let outcome = apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T12:00:00Z", data).await;
    assert_eq!(outcome, Outcome::Pending);
    api.with(|state| state.now += Duration::from_secs(600));
    let report = full_sync(&mirror).await.unwrap();
    assert_eq!(
        (report.events, report.deleted),
        (1, 1),
        "the event is applied before the listing, which lacks the user"
    );
    assert_eq!(mirror.user("diruser_9").await.unwrap(), None);
}
