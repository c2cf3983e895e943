//! Directories that the API no longer lists and organizations that it no longer finds, their retirement, and syncs of all organizations.

use crate::api::{FakeApi, apply_event, count_users, full_sync};
use headcount::mirror::{DirectoryStatus, HoldReason, Outcome, SyncMode, SyncOutcome, SyncReport};
use headcount::{ChangeKind, ErrorKind, Mirror};
use rusqlite::Connection;
use serde_json::json;
use std::path::PathBuf;

/// Returns a synced mirror of a directory with three users, one of them in a group. The consumer `app` has acknowledged the changes, and the API no
/// longer lists the directory.
async fn mirror_of_a_missing_directory() -> (FakeApi, Mirror) {
    let api = FakeApi::with_users(3);
    api.with(|state| {
        state.groups = vec![json!({ "id": "dirgroup_1", "display_name": "Crew" })];
        state.users[0]["groups"] = json!([{ "id": "dirgroup_1" }]);
    });
    let mirror = api.synced_mirror().await;
    read_changes(&mirror).await;
    api.with(|state| state.has_lost_directories = true);
    (api, mirror)
}

/// Reads and acknowledges the changes as the consumer `app`. Returns their kinds, causes and ids of directories.
async fn read_changes(mirror: &Mirror) -> Vec<(ChangeKind, String, String)> {
    let changes = mirror.poll("app", 1_000).await.unwrap();
    if let Some(last) = changes.last() {
        mirror.ack("app", last.seq).await.unwrap();
    }
    changes.into_iter().map(|change| (change.kind, change.cause, change.directory_id)).collect()
}

/// Reads and acknowledges the changes as the consumer `app`. Returns their kinds.
async fn read_kinds(mirror: &Mirror) -> Vec<ChangeKind> {
    read_changes(mirror).await.into_iter().map(|(kind, ..)| kind).collect()
}

async fn sync(mirror: &Mirror) -> Vec<SyncReport> {
    mirror.sync("org_1").mode(SyncMode::Full).await.unwrap()
}

async fn status(mirror: &Mirror) -> DirectoryStatus {
    mirror.status().await.unwrap().remove(0)
}

#[tokio::test]
async fn a_missing_directory_is_reported_as_held_by_each_sync_and_in_the_feed_once() {
    let (api, mirror) = mirror_of_a_missing_directory().await;
    let since = api.with(|state| state.now);
    for _ in 0..2 {
        let reports = sync(&mirror).await;
        assert_eq!(reports.len(), 1);
        assert_eq!(reports[0].directory_id, "dir_1");
        assert_eq!(reports[0].outcome, SyncOutcome::Held);
        api.with(|state| state.now += std::time::Duration::from_secs(60));
    }
    assert_eq!(read_kinds(&mirror).await, [ChangeKind::DirectoryMissing]);
    assert_eq!(status(&mirror).await.missing_since, Some(since));
    assert_eq!(count_users(&mirror).await, 3);
    assert!(mirror.user("diruser_000").await.unwrap().unwrap().active);
}

#[tokio::test]
async fn changes_and_holds_name_the_run_of_the_syncs_report() {
    let api = FakeApi::with_users(3);
    let mirror = api.open_mirror().await;
    let first = sync(&mirror).await.remove(0);
    let changes = mirror.poll("causes", 100).await.unwrap();
    assert_eq!(changes[0].kind, ChangeKind::DirectoryEnabled);
    assert_eq!(changes.iter().filter(|change| change.cause != format!("sync:{}", first.run)).count(), 0);
    api.with(|state| {
        state.now += std::time::Duration::from_secs(3_600);
        state.has_lost_directories = true;
    });

    let second = sync(&mirror).await.remove(0);

    let cause = format!("sync:{}", second.run);
    assert_ne!(first.run, second.run);
    assert_eq!(mirror.poll("causes", 100).await.unwrap().pop().unwrap().cause, cause);
    assert_eq!(second.holds[0].causes, [cause]);
}

#[tokio::test]
async fn a_missing_directory_that_is_listed_again_is_found_and_synced() {
    let (api, mirror) = mirror_of_a_missing_directory().await;
    sync(&mirror).await;
    api.with(|state| state.has_lost_directories = false);

    let reports = sync(&mirror).await;

    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].outcome, SyncOutcome::Done);
    assert_eq!(status(&mirror).await.missing_since, None);
    assert_eq!(read_kinds(&mirror).await, [ChangeKind::DirectoryMissing, ChangeKind::DirectoryFound]);
}

#[tokio::test]
async fn a_sync_that_names_a_directory_of_another_organization_is_a_not_found_error_and_changes_nothing() {
    let api = FakeApi::with_users(3);
    let mirror = api.synced_mirror().await;
    read_changes(&mirror).await;

    let error = mirror.sync("org_2").directory("dir_1").await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::NotFound);
    let status = status(&mirror).await;
    assert_eq!(status.missing_since, None);
    assert_eq!(status.held, None);
    assert_eq!(read_changes(&mirror).await, []);
}

#[tokio::test]
async fn an_organization_that_is_not_found_is_reported_missing_with_its_directories() {
    let (api, mirror) = mirror_of_a_missing_directory().await;
    api.with(|state| state.unknown_organizations.push("org_1".to_owned()));
    for _ in 0..2 {
        assert_eq!(sync(&mirror).await[0].outcome, SyncOutcome::Held);
    }
    assert_eq!(read_kinds(&mirror).await, [ChangeKind::OrganizationMissing, ChangeKind::DirectoryMissing]);
    assert_eq!(
        full_sync(&mirror).await.unwrap_err().kind(),
        ErrorKind::NotFound,
        "a sync that names the directory fails"
    );

    api.with(|state| {
        state.unknown_organizations.clear();
        state.has_lost_directories = false;
    });
    assert_eq!(sync(&mirror).await[0].outcome, SyncOutcome::Done);
    assert_eq!(read_kinds(&mirror).await, [ChangeKind::OrganizationFound, ChangeKind::DirectoryFound]);
}

#[tokio::test]
async fn a_sync_of_an_organization_that_is_neither_found_nor_mirrored_is_a_not_found_error() {
    let (api, mirror) = mirror_of_a_missing_directory().await;
    api.with(|state| state.unknown_organizations.push("org_7".to_owned()));
    assert_eq!(mirror.sync("org_7").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(read_changes(&mirror).await, []);
}

#[tokio::test]
async fn an_organization_that_two_events_delete_is_reported_missing_once_and_its_users_are_kept() {
    let api = FakeApi::with_users(3);
    let mirror = api.synced_mirror().await;
    read_changes(&mirror).await;
    for (id, occurred_at) in [("evt_1", "2025-06-01T12:00:00Z"), ("evt_2", "2025-06-01T12:00:01Z")] {
        let outcome = apply_event(&mirror, id, "organization.deleted", occurred_at, json!({ "id": "org_1" })).await;
        assert_eq!(outcome, Outcome::Applied);
    }
    assert_eq!(read_kinds(&mirror).await, [ChangeKind::OrganizationMissing, ChangeKind::DirectoryDisabled]);
    assert_eq!(count_users(&mirror).await, 3);
}

#[tokio::test]
async fn a_deletion_event_that_is_older_than_the_return_of_its_organization_is_stale() {
    let api = FakeApi::with_users(3);
    let mirror = api.synced_mirror().await;
    read_changes(&mirror).await;
    let delete = async |id: &str, occurred_at: &str| {
        apply_event(&mirror, id, "organization.deleted", occurred_at, json!({ "id": "org_1" })).await
    };
    assert_eq!(delete("evt_1", "2025-06-01T12:00:00Z").await, Outcome::Applied);
    api.with(|state| state.now += std::time::Duration::from_secs(1_800));
    assert_eq!(sync(&mirror).await[0].outcome, SyncOutcome::Done);
    read_changes(&mirror).await;

    assert_eq!(delete("evt_2", "2025-06-01T12:00:01Z").await, Outcome::Stale);

    assert_eq!(read_changes(&mirror).await, []);
    assert!(mirror.directories(None).await.unwrap()[0].enabled);
    assert_eq!(
        delete("evt_3", "2025-06-01T12:30:01Z").await,
        Outcome::Applied,
        "a deletion after the organization was found again is applied"
    );
}

#[tokio::test]
async fn a_listing_does_not_restore_a_deleted_organization_before_five_minutes_have_passed() {
    let api = FakeApi::with_users(3);
    let mirror = api.synced_mirror().await;
    read_changes(&mirror).await;
    let data = json!({ "id": "org_1" });
    apply_event(&mirror, "evt_1", "organization.deleted", "2025-06-01T12:00:00Z", data).await;
    let expected = [ChangeKind::OrganizationMissing, ChangeKind::DirectoryDisabled];
    assert_eq!(read_kinds(&mirror).await, expected);

    assert_eq!(sync(&mirror).await[0].outcome, SyncOutcome::Held);
    assert_eq!(read_kinds(&mirror).await, []);

    api.with(|state| state.now += std::time::Duration::from_secs(300));
    assert_eq!(sync(&mirror).await[0].outcome, SyncOutcome::Done);
    assert_eq!(read_kinds(&mirror).await, [ChangeKind::OrganizationFound, ChangeKind::DirectoryEnabled]);
}

#[tokio::test]
async fn a_directory_that_an_event_named_is_missing_only_if_a_listing_five_minutes_later_lacks_it() {
    let api = FakeApi::with_users(3);
    let mirror = api.synced_mirror().await;
    let data = json!({ "id": "dir_2", "directory_type": "SCIM" });
    let outcome = apply_event(&mirror, "evt_1", "organization.directory_enabled", "2025-06-01T12:00:00Z", data).await;
    assert_eq!(outcome, Outcome::Applied);
    read_changes(&mirror).await;

    let reports = sync(&mirror).await;
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert_eq!(read_kinds(&mirror).await, []);

    api.with(|state| state.now += std::time::Duration::from_secs(300));
    let reports = sync(&mirror).await;
    assert_eq!(reports[1].directory_id, "dir_2");
    assert_eq!(reports[1].outcome, SyncOutcome::Held);
    assert_eq!(read_kinds(&mirror).await, [ChangeKind::DirectoryMissing]);
}

#[tokio::test]
async fn sync_all_reports_a_mirrored_organization_that_is_not_listed_any_more() {
    let (api, mirror) = mirror_of_a_missing_directory().await;
    api.with(|state| {
        state.organizations = vec![vec!["org_2".to_owned()]];
        state.unknown_organizations.push("org_1".to_owned());
    });
    let reports = mirror.sync_all().await.unwrap();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].organization_id, "org_1");
    assert_eq!(reports[0].outcome, SyncOutcome::Held);
}

// ---- retirement ----

#[tokio::test]
async fn retiring_a_missing_directory_removes_its_users_and_groups_and_records_the_reason() {
    let (_api, mirror) = mirror_of_a_missing_directory().await;
    sync(&mirror).await;
    read_changes(&mirror).await;

    let removed = mirror.retire("dir_1", "ops@example.com", "the customer has left").await.unwrap();

    assert_eq!(removed, 3);
    assert_eq!(count_users(&mirror).await, 0);
    assert_eq!(mirror.group("dirgroup_1").await.unwrap(), None);
    let retirement = mirror.retirements().await.unwrap().remove(0);
    assert_eq!(retirement.directory_id, "dir_1");
    assert_eq!(retirement.by, "ops@example.com");
    assert_eq!(retirement.note, "the customer has left");
    assert_eq!(retirement.users, 3);
    assert!(retirement.ended_at.is_some());
    let changes = read_changes(&mirror).await;
    assert!(changes.iter().all(|(_, cause, _)| *cause == format!("retire:{}", retirement.id)), "{changes:?}");
    let deleted = changes.iter().filter(|(kind, ..)| *kind == ChangeKind::UserDeleted).count();
    assert_eq!(deleted, 3);
    assert_eq!(changes.last().unwrap().0, ChangeKind::GroupDeleted);
    assert_eq!(status(&mirror).await.held, None);
}

#[tokio::test]
async fn a_retired_directory_is_not_reported_any_more() {
    let (api, mirror) = mirror_of_a_missing_directory().await;
    sync(&mirror).await;
    mirror.retire("dir_1", "ops@example.com", "").await.unwrap();
    let reports = sync(&mirror).await;
    assert_eq!(reports.len(), 0, "{reports:?}");

    // If the directory is listed again, its users are mirrored again.
    api.with(|state| state.has_lost_directories = false);
    assert_eq!(sync(&mirror).await[0].created, 3);
}

#[tokio::test]
async fn the_guard_does_not_limit_a_retirement() {
    let api = FakeApi::with_users(1_203);
    let mirror = api.synced_mirror().await;
    api.with(|state| state.has_lost_directories = true);
    sync(&mirror).await;
    assert_eq!(mirror.retire("dir_1", "ops@example.com", "").await.unwrap(), 1_203);
    assert_eq!(count_users(&mirror).await, 0);
}

/// Returns a mirror of two directories. `dir_1` is disabled, and has one user and the group `Crew`, which gives a role. `members` users of `dir_2`
/// are in that group.
async fn mirror_of_members_in_another_directory(members: usize) -> (FakeApi, Mirror) {
    let api = FakeApi::default();
    let member = |n: usize| json!({ "id": format!("diruser_{n:04}"), "directory": "dir_2", "groups": [{ "id": "dirgroup_1", "name": "Crew" }] });
    api.list_users(
        [json!({ "id": "diruser_own", "groups": [{ "id": "dirgroup_1" }] })]
            .into_iter()
            .chain((0..members).map(member)),
    );
    api.with(|state| {
        state.groups = vec![json!({ "id": "dirgroup_1", "display_name": "Crew" })];
        state.directories.push(json!({ "id": "dir_2", "organization_id": "org_1", "enabled": true }));
    });
    let mirror = api.open_mirror().await;
    mirror.set_role_map([("Crew", "developer")]).await.unwrap();
    sync(&mirror).await;
    api.with(|state| state.directories[0]["enabled"] = json!(false));
    sync(&mirror).await;
    (api, mirror)
}

/// Returns the number of users who have a role. Asserts that no user is in a group.
async fn users_with_a_role(mirror: &Mirror) -> usize {
    let (mut users, mut count) = (mirror.users("org_1"), 0);
    while let Some(user) = users.next().await.unwrap() {
        assert!(user.group_ids.is_empty(), "{} is still in the group", user.id);
        count += usize::from(!user.roles.is_empty());
    }
    count
}

#[tokio::test]
async fn a_retirement_takes_roles_from_users_of_other_directories_only_as_far_as_their_budget_permits() {
    // 100 members all leave the group in the write that removes the group. Of 600 members, only those of the first page do, and a chore removes the
    // others from the group in later writes.
    for (members, permitted) in [(100, 20), (600, 60)] {
        let (_api, mirror) = mirror_of_members_in_another_directory(members).await;

        assert_eq!(mirror.retire("dir_1", "ops@example.com", "").await.unwrap(), 1);

        assert_eq!(users_with_a_role(&mirror).await, members - permitted, "of {members}");
        let holds = mirror.holds("org_1", Some("dir_2")).await.unwrap();
        assert_eq!(holds.len(), 1, "{holds:?}");
        assert_eq!(holds[0].reason, HoldReason::RoleLoss);
        assert_eq!(holds[0].count, (members - permitted) as u64);
        assert_eq!(mirror.holds("org_1", Some("dir_1")).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_disabled_directory_can_be_retired() {
    let api = FakeApi::with_users(3);
    let mirror = api.synced_mirror().await;
    api.with(|state| state.directories[0]["enabled"] = json!(false));
    sync(&mirror).await;
    assert_eq!(mirror.retire("dir_1", "ops@example.com", "").await.unwrap(), 3);
}

#[tokio::test]
async fn a_directory_that_is_listed_and_enabled_is_not_retired() {
    let mirror = FakeApi::with_users(3).synced_mirror().await;
    let error = mirror.retire("dir_1", "ops@example.com", "").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("missing or disabled"), "{error}");
    assert_eq!(count_users(&mirror).await, 3);
    assert_eq!(mirror.retirements().await.unwrap(), []);
    assert_eq!(mirror.retire("dir_7", "ops", "").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn an_interrupted_retirement_is_completed_when_the_mirror_is_opened() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("retirement");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("mirror.db");
    let api = FakeApi::with_users(3);
    let mirror = api.mirror_builder().open(&path).await.unwrap();
    sync(&mirror).await;
    api.with(|state| state.has_lost_directories = true);
    sync(&mirror).await;
    mirror.close().await.unwrap();
    // Stores the row that `retire` stores first, as if the process had ended before `retire` removed a user.
    let sql = "INSERT INTO retirement VALUES ('r', 'org_1', 'dir_1', 'ops@example.com', '', x'800000000000000000000000', NULL, 0)";
    Connection::open(&path).unwrap().execute(sql, []).unwrap();

    let mirror = api.mirror_builder().open(&path).await.unwrap();

    assert_eq!(count_users(&mirror).await, 0);
    let retirement = mirror.retirements().await.unwrap().remove(0);
    assert_eq!(retirement.users, 3);
    assert!(retirement.ended_at.is_some());
}

#[tokio::test]
async fn a_directory_moves_to_another_organization_after_it_was_retired_in_the_first() {
    let api = FakeApi::with_users(3);
    let mirror = api.synced_mirror().await;
    api.with(|state| state.directories[0]["organization_id"] = json!("org_2"));

    // `org_1` does not list the directory any more, and the mirror still has its users in `org_1`.
    assert_eq!(sync(&mirror).await[0].outcome, SyncOutcome::Held);
    let report = mirror.sync("org_2").await.unwrap().remove(0);
    assert_eq!(report.outcome, SyncOutcome::Held);
    assert!(report.incomplete.unwrap().contains("org_1"));
    assert_eq!(mirror.user("diruser_000").await.unwrap().unwrap().organization_id, "org_1");

    mirror.retire("dir_1", "ops@example.com", "moved to org_2").await.unwrap();
    let report = mirror.sync("org_2").await.unwrap().remove(0);
    assert_eq!(report.outcome, SyncOutcome::Done);
    assert_eq!(report.created, 3);
    assert_eq!(mirror.user("diruser_000").await.unwrap().unwrap().organization_id, "org_2");
}

// ---- all organizations ----

#[tokio::test]
async fn sync_all_returns_finished_reports_if_a_later_page_of_organizations_fails() {
    let api = FakeApi::with_users(3);
    api.with(|state| {
        state.organizations = vec![vec!["org_1".to_owned()], vec!["org_2".to_owned()]];
        state.organizations_fail = true;
    });
    let mirror = api.open_mirror().await;

    let reports = mirror.sync_all().await.unwrap();

    assert_eq!(reports.len(), 2);
    assert_eq!(reports[0].organization_id, "");
    assert_eq!(reports[0].outcome, SyncOutcome::Failed);
    assert_eq!(reports[0].error.as_ref().unwrap().kind(), ErrorKind::Server);
    assert_eq!(reports[1].organization_id, "org_1");
    assert_eq!(reports[1].created, 3);
}

#[tokio::test]
async fn sync_all_fails_if_the_first_page_of_organizations_fails() {
    let api = FakeApi::with_users(3);
    api.with(|state| {
        state.organizations = Vec::new();
        state.organizations_fail = true;
    });
    assert_eq!(api.open_mirror().await.sync_all().await.unwrap_err().kind(), ErrorKind::Server);
}

#[tokio::test]
async fn an_organization_that_two_pages_list_is_synced_once_by_sync_all() {
    let api = FakeApi::with_users(3);
    api.with(|state| state.organizations = vec![vec!["org_1".to_owned()], vec!["org_1".to_owned()]]);
    assert_eq!(api.open_mirror().await.sync_all().await.unwrap().len(), 1);
}
