//! Runs, which are records of past syncs, and received events with what the mirror did with them.

use crate::api::{FakeApi, USER_DELETED, USER_UPDATED, apply_event, full_sync, listed_user, numbered_user, open_store};
use headcount::mirror::{EventQuery, Outcome, ReceivedEvent, Run, RunOutcome, RunQuery, SyncMode, SyncOutcome};
use headcount::{ErrorKind, Mirror};
use serde_json::json;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

async fn runs(mirror: &Mirror) -> Vec<Run> {
    mirror.runs(RunQuery::default()).await.unwrap()
}

async fn event_of(mirror: &Mirror, id: &str) -> ReceivedEvent {
    mirror.event(id).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_sync_has_a_run_with_its_counts_and_its_process() {
    let api = FakeApi::with_users(3);
    let mirror = api.open_mirror().await;

    let report = full_sync(&mirror).await.unwrap();

    let runs = runs(&mirror).await;
    assert_eq!(runs.len(), 1);
    let run = &runs[0];
    assert_eq!(run.id, report.run);
    assert_eq!(run.organization_id, "org_1");
    assert_eq!(run.directory_id, "dir_1");
    assert_eq!(run.mode, SyncMode::Full);
    assert_eq!(run.outcome, RunOutcome::Done);
    assert_eq!(run.started_at, report.started_at);
    assert_eq!(run.ended_at, Some(report.ended_at));
    assert_eq!(run.pages, report.pages);
    assert_eq!(run.users, report.users);
    assert_eq!(run.created, 3);
    assert_eq!(run.changes, report.changes);
    assert_eq!(run.holds, 0);
    assert_eq!(run.error, None);
    let process = std::process::id().to_string();
    assert_eq!(run.process.rsplit('/').next(), Some(process.as_str()), "{}", run.process);
    let cause = mirror.poll("app", 1).await.unwrap()[0].cause.clone();
    assert_eq!(cause, format!("sync:{}", run.id));
}

#[tokio::test]
async fn runs_are_newest_first_filtered_and_paged() {
    let api = FakeApi::with_users(1);
    let mirror = api.open_mirror().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        api.with(|state| state.now += Duration::from_secs(60));
        ids.insert(0, full_sync(&mirror).await.unwrap().run);
    }

    let page = mirror.runs(RunQuery { limit: 2, ..RunQuery::default() }).await.unwrap();
    let rest = mirror.runs(RunQuery { before: Some(page[1].number), ..RunQuery::default() }).await.unwrap();

    let listed: Vec<String> = page.into_iter().chain(rest).map(|run| run.id).collect();
    assert_eq!(listed, ids);
    let of = async |directory_id: &str| {
        let directory_id = Some(directory_id.to_owned());
        mirror.runs(RunQuery { directory_id, ..RunQuery::default() }).await.unwrap().len()
    };
    assert_eq!(of("dir_1").await, 3);
    assert_eq!(of("dir_2").await, 0);
    let error = mirror.runs(RunQuery { limit: 0, ..RunQuery::default() }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("expected 1 to 10000"), "{error}");
}

#[tokio::test]
async fn a_sync_that_failed_has_a_run_with_its_error() {
    let api = FakeApi::with_users(1);
    let mirror = api.open_mirror().await;
    api.with(|state| state.failing_directory = Some("dir_1".to_owned()));

    let error = full_sync(&mirror).await.unwrap_err();

    let runs = runs(&mirror).await;
    assert_eq!(runs[0].outcome, RunOutcome::Failed);
    assert_eq!(runs[0].error, Some(error.to_string()));
    assert!(runs[0].ended_at.is_some());
}

#[tokio::test]
async fn a_sync_whose_directories_could_not_be_listed_has_a_run_without_a_directory() {
    let api = FakeApi::default();
    let mirror = api.open_mirror().await;
    api.with(|state| state.unknown_organizations.push("org_1".to_owned()));

    let error = mirror.sync("org_1").await.unwrap_err();

    let runs = runs(&mirror).await;
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].organization_id, "org_1");
    assert_eq!(runs[0].directory_id, "");
    assert_eq!(runs[0].outcome, RunOutcome::Failed);
    assert_eq!(runs[0].error, Some(error.to_string()));
}

#[tokio::test]
async fn a_failed_listing_of_organizations_has_a_run_without_an_organization() {
    let api = FakeApi::default();
    let mirror = api.open_mirror().await;
    api.with(|state| {
        state.organizations = Vec::new();
        state.organizations_fail = true;
    });

    mirror.sync_all().await.unwrap_err();

    let runs = runs(&mirror).await;
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].organization_id, "");
    assert_eq!(runs[0].outcome, RunOutcome::Failed);
}

#[tokio::test]
async fn the_runs_of_held_disabled_and_missing_directories_are_held() {
    let api = FakeApi::with_users(10);
    let mirror = api.mirror_builder().guard_users(1).guard_share(0.0).open(":memory:").await.unwrap();
    full_sync(&mirror).await.unwrap();
    api.list_numbered_users(5);
    full_sync(&mirror).await.unwrap_err();
    api.with(|state| state.directories[0]["enabled"] = json!(false));
    full_sync(&mirror).await.unwrap();
    api.with(|state| state.has_lost_directories = true);
    mirror.sync("org_1").await.unwrap();

    let runs = runs(&mirror).await;
    let outcomes: Vec<RunOutcome> = runs.iter().map(|run| run.outcome).collect();
    let held = RunOutcome::Held;
    assert_eq!(outcomes, [held, held, held, RunOutcome::Done]);
    assert!(runs[2].error.as_ref().is_some_and(|error| error.contains("removal")), "{:?}", runs[2].error);
    assert_eq!(runs[2].holds, 1);
    assert!(runs.iter().all(|run| run.directory_id == "dir_1"));
}

#[tokio::test]
async fn a_plan_and_a_sync_that_was_already_running_have_no_run() {
    let api = FakeApi::with_users(2);
    let store = open_store().await;
    let mirror = api.mirror_builder().open_in(store.clone()).await.unwrap();
    mirror.plan("org_1").directory("dir_1").mode(SyncMode::Full).await.unwrap();
    let lease = store.lease("dir_1".to_owned(), "2025-06-01T12:00:00Z".parse().unwrap(), DAY).await.unwrap();

    let reports = mirror.sync("org_1").wait(false).await.unwrap();

    assert_eq!(reports[0].outcome, SyncOutcome::AlreadyRunning);
    assert!(runs(&mirror).await.is_empty());
    drop(lease);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_is_running_while_its_lease_is_held_and_interrupted_if_it_was_dropped() {
    let api = FakeApi::with_users(2);
    let mirror = api.open_mirror().await;
    let (seen, mut progress) = tokio::sync::mpsc::unbounded_channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    // The sync waits in its first report until the test has read the runs. After that it waits for a write, so that it is aborted.
    let observer = move |_: &headcount::mirror::Progress| {
        let _ = seen.send(());
        let _ = released.lock().unwrap().recv();
    };
    let syncing = mirror.clone();
    let sync = tokio::spawn(async move { syncing.sync("org_1").mode(SyncMode::Full).on_progress(observer).await });
    progress.recv().await.unwrap();

    let during = runs(&mirror).await;
    sync.abort();
    drop(release);
    assert!(sync.await.unwrap_err().is_cancelled());
    let after = runs(&mirror).await;

    assert_eq!(during.len(), 1);
    assert_eq!(during[0].outcome, RunOutcome::Running);
    assert_eq!(during[0].ended_at, None);
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].outcome, RunOutcome::Interrupted);
    assert_eq!(after[0].ended_at, None);
    full_sync(&mirror).await.unwrap();
    assert_eq!(runs(&mirror).await[0].outcome, RunOutcome::Done);
}

#[tokio::test]
async fn runs_are_kept_for_the_retention_and_for_400_days_if_they_changed_something() {
    let api = FakeApi::with_users(1);
    let mirror = api.open_mirror().await;
    full_sync(&mirror).await.unwrap();
    full_sync(&mirror).await.unwrap();
    api.with(|state| state.now += 31 * DAY);
    mirror.trim().await.unwrap();
    let month = runs(&mirror).await;
    api.with(|state| state.now += 370 * DAY);
    mirror.trim().await.unwrap();

    assert_eq!(month.len(), 1);
    assert_eq!(month[0].created, 1);
    assert!(runs(&mirror).await.is_empty());
}

#[tokio::test]
async fn a_received_event_has_its_type_times_subject_and_outcome() {
    let api = FakeApi::with_users(1);
    let mirror = api.synced_mirror().await;
    let id = numbered_user(0);
    let outcome =
        apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T11:59:00Z", json!({ "id": id, "given_name": "Ada" }))
            .await;

    let event = event_of(&mirror, "evt_1").await;

    assert_eq!(outcome, Outcome::Applied);
    assert_eq!(event.id, "evt_1");
    assert_eq!(event.event_type.as_deref(), Some(USER_UPDATED));
    assert_eq!(event.organization_id, "org_1");
    assert_eq!(event.subject_id, Some(id));
    assert_eq!(event.occurred_at, Some("2025-06-01T11:59:00Z".parse().unwrap()));
    assert_eq!(event.received_at, "2025-06-01T12:00:00Z".parse().unwrap());
    assert_eq!(event.settled_at, None);
    assert_eq!(event.outcome, Some(Outcome::Applied));
    assert_eq!(event.why, None);
    assert!(!event.is_expired);
    assert!(mirror.event("evt_2").await.unwrap().is_none());
}

#[tokio::test]
async fn an_event_that_changed_nothing_says_why() {
    let api = FakeApi::with_users(2);
    let mirror = api.synced_mirror().await;
    let update = json!({ "id": numbered_user(0), "given_name": "Ada" });
    apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T11:59:30Z", update.clone()).await;
    apply_event(&mirror, "evt_2", USER_UPDATED, "2025-06-01T11:59:00Z", update.clone()).await;
    apply_event(&mirror, "evt_3", USER_DELETED, "2025-06-01T11:59:40Z", json!({ "id": numbered_user(0) })).await;
    apply_event(&mirror, "evt_4", USER_UPDATED, "2025-06-01T11:59:35Z", update).await;
    let duplicate = apply_event(&mirror, "evt_2", USER_UPDATED, "2025-06-01T11:59:00Z", json!({ "id": "x" })).await;

    let stale = event_of(&mirror, "evt_2").await;
    let late = event_of(&mirror, "evt_4").await;

    assert_eq!(duplicate, Outcome::Duplicate);
    assert_eq!(stale.outcome, Some(Outcome::Stale), "the duplicate is not recorded");
    assert_eq!(stale.why.as_deref(), Some("the mirror had newer information about the user than the event"));
    assert_eq!(late.outcome, Some(Outcome::Stale));
    assert_eq!(late.why.as_deref(), Some("the user was removed by newer information than the event"));
}

#[tokio::test]
async fn a_pending_event_gets_the_outcome_and_the_time_of_the_sync_that_settled_it() {
    let api = FakeApi::with_users(1);
    let mirror = api.open_mirror().await;
    let data = json!({ "id": "diruser_new", "email": "new@example.com" });
    apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T11:59:00Z", data).await;
    let pending = event_of(&mirror, "evt_1").await;
    api.with(|state| {
        state.now += Duration::from_secs(60);
        state.users.push(json!({ "id": "diruser_new", "email": "new@example.com" }));
    });
    let report = full_sync(&mirror).await.unwrap();

    let settled = event_of(&mirror, "evt_1").await;

    assert_eq!(pending.outcome, Some(Outcome::Pending));
    assert!(pending.why.is_some_and(|why| why.contains("directories were not listed")));
    assert_eq!(report.events, 1);
    assert_eq!(settled.outcome, Some(Outcome::Applied));
    assert_eq!(settled.received_at, pending.received_at);
    assert_eq!(settled.settled_at, Some("2025-06-01T12:01:00Z".parse().unwrap()));
    assert_eq!(settled.why, None);
}

#[tokio::test]
async fn an_expired_event_says_that_it_was_not_applied() {
    let api = FakeApi::default();
    let mirror = api.open_mirror().await;
    apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T11:59:00Z", json!({ "id": "diruser_new" })).await;
    api.with(|state| state.now += 31 * DAY);
    mirror.trim().await.unwrap();

    let event = event_of(&mirror, "evt_1").await;

    assert!(event.is_expired);
    assert_eq!(event.outcome, Some(Outcome::Pending));
    assert_eq!(event.settled_at, None);
    assert!(event.why.is_some_and(|why| why.starts_with("it was pending for too long")));
}

#[tokio::test]
async fn events_are_listed_newest_first_by_subject_without_personal_data() {
    let api = FakeApi::with_users(2);
    let mirror = api.synced_mirror().await;
    for n in 0..4 {
        let mut data = listed_user(n % 2);
        data["email"] = json!("ada@example.com");
        apply_event(&mirror, &format!("evt_{n}"), USER_UPDATED, "2025-06-01T11:59:00Z", data).await;
    }
    let subject_id = Some(numbered_user(1));

    let events = mirror.events(EventQuery { subject_id, ..EventQuery::default() }).await.unwrap();
    let others = mirror.events(EventQuery { organization_id: Some("org_2".to_owned()), ..EventQuery::default() }).await;

    assert_eq!(events.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["evt_3", "evt_1"]);
    assert!(others.unwrap().is_empty());
    assert!(!format!("{events:?}").contains("ada@"));
}
