//! The history, and who was in a directory at a past time.

use crate::api::{FakeApi, USER_DELETED, USER_UPDATED, apply_event, full_sync, listed_user, numbered_user, open_store};
use headcount::mirror::{HistoryEntry, MirrorOptions};
use headcount::store::Store;
use headcount::{ErrorKind, Mirror, Timestamp};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

fn now(api: &FakeApi) -> Timestamp {
    api.with(|state| state.now)
}

fn advance(api: &FakeApi, span: Duration) {
    api.with(|state| state.now = state.now.checked_add(span).unwrap());
}

async fn ids_at(mirror: &Mirror, moment: Timestamp) -> Vec<String> {
    let (mut users, mut ids) = (mirror.at(moment, "org_1"), Vec::new());
    while let Some(user) = users.next().await.unwrap() {
        ids.push(user.id);
    }
    ids.sort();
    ids
}

async fn refusal(mirror: &Mirror, moment: Timestamp) -> headcount::Error {
    mirror.at(moment, "org_1").next().await.unwrap_err()
}

async fn entries(mirror: &Mirror, user_id: &str) -> Vec<HistoryEntry> {
    let (mut history, mut entries) = (mirror.history().user(user_id), Vec::new());
    while let Some(entry) = history.next().await.unwrap() {
        entries.push(entry);
    }
    entries
}

async fn delete(mirror: &Mirror, event_id: &str, user_id: &str) {
    apply_event(mirror, event_id, USER_DELETED, "2025-06-02T12:00:00Z", json!({ "id": user_id })).await;
}

/// Opens a mirror that has synced `count` users. Returns the time of the sync as well.
async fn synced(count: usize) -> (FakeApi, Mirror, Timestamp) {
    let api = FakeApi::with_users(count);
    let mirror = api.synced_mirror().await;
    let moment = now(&api);
    advance(&api, DAY);
    (api, mirror, moment)
}

#[tokio::test]
async fn users_who_have_left_since_are_among_those_at_a_past_time() {
    let (api, mirror, moment) = synced(3).await;
    delete(&mirror, "evt_1", &numbered_user(1)).await;
    assert_eq!(ids_at(&mirror, moment).await, [0, 1, 2].map(numbered_user));
    assert_eq!(ids_at(&mirror, now(&api)).await, [0, 2].map(numbered_user));
}

#[tokio::test]
async fn users_who_have_left_are_found_after_their_tombstones_and_changes_were_removed() {
    let (api, mirror, moment) = synced(3).await;
    delete(&mirror, "evt_1", &numbered_user(1)).await;
    advance(&api, DAY * 60);
    mirror.trim().await.unwrap();
    assert_eq!(ids_at(&mirror, moment).await, [0, 1, 2].map(numbered_user));
    let kinds: Vec<_> = entries(&mirror, &numbered_user(1)).await.into_iter().map(|entry| entry.kinds).collect();
    assert_eq!(kinds, [["user.created"], ["user.deleted"]]);
}

#[tokio::test]
async fn a_user_who_has_left_and_returned_is_there_once() {
    let (api, mirror, moment) = synced(3).await;
    delete(&mirror, "evt_1", &numbered_user(1)).await;
    let left = now(&api);
    advance(&api, DAY * 30);
    mirror.trim().await.unwrap();
    full_sync(&mirror).await.unwrap();
    assert_eq!(ids_at(&mirror, moment).await, [0, 1, 2].map(numbered_user));
    assert_eq!(ids_at(&mirror, left).await, [0, 2].map(numbered_user));
    assert_eq!(ids_at(&mirror, now(&api)).await, [0, 1, 2].map(numbered_user));
}

#[tokio::test]
async fn a_thousand_users_are_each_there_once() {
    let api = FakeApi::with_users(1_100);
    let mirror = Mirror::builder().source(api.clone()).clock(api.clone()).guard_share(1.0).open_in(open_store().await);
    let mirror = mirror.await.unwrap();
    full_sync(&mirror).await.unwrap();
    let moment = now(&api);
    advance(&api, DAY);
    api.list_users((550..1_200).map(listed_user));
    full_sync(&mirror).await.unwrap();
    full_sync(&mirror).await.unwrap();
    assert_eq!(ids_at(&mirror, now(&api)).await.len(), 650);
    let ids = ids_at(&mirror, moment).await;
    assert_eq!(ids.len(), 1_100);
    assert!(ids.is_sorted_by(|one, other| one < other));
}

#[tokio::test]
async fn an_entry_has_the_values_before_and_after_its_changes() {
    let (_api, mirror, _) = synced(1).await;
    let user_id = numbered_user(0);
    for (number, given_name) in [(1, "Ada"), (2, "Augusta")] {
        let data = json!({ "id": user_id, "email": "0@example.com", "given_name": given_name });
        let occurred_at = format!("2025-06-02T12:00:0{number}Z");
        apply_event(&mirror, &format!("evt_{number}"), USER_UPDATED, &occurred_at, data).await;
    }
    let entries = entries(&mirror, &user_id).await;
    assert_eq!(entries.len(), 3);
    assert_eq!(entries[0].before, None);
    assert_eq!(entries[1].fields, ["given_name"]);
    assert_eq!(entries[1].before.as_ref().unwrap().get(), r#"{"given_name":""}"#);
    assert_eq!(entries[1].after.as_ref().unwrap().get(), r#"{"given_name":"Ada"}"#);
    assert_eq!(entries[2].after.as_ref().unwrap().get(), r#"{"given_name":"Augusta"}"#);
    assert_eq!(entries[2].cause, "event:evt_2");
}

#[tokio::test]
async fn a_moment_before_the_first_change_or_in_the_future_is_refused() {
    let (api, mirror, moment) = synced(1).await;
    let early = refusal(&mirror, moment.checked_sub(DAY).unwrap()).await;
    assert_eq!(early.kind(), ErrorKind::HistoryTrimmed);
    assert!(early.message().contains(&moment.to_string()), "{early}");
    let late = refusal(&mirror, now(&api).checked_add(DAY).unwrap()).await;
    assert_eq!(late.kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn a_mirror_without_changes_has_no_past() {
    let api = FakeApi::default();
    let mirror = api.open_mirror().await;
    assert_eq!(refusal(&mirror, now(&api)).await.kind(), ErrorKind::HistoryTrimmed);
    assert_eq!(mirror.history().next().await.unwrap(), None);
}

#[tokio::test]
async fn an_unknown_user_group_or_organization_has_no_entries() {
    let (_api, mirror, _) = synced(1).await;
    assert_eq!(mirror.history().user("diruser_none").next().await.unwrap(), None);
    assert_eq!(mirror.history().group("dirgroup_none").next().await.unwrap(), None);
    assert_eq!(mirror.history().organization("org_none").next().await.unwrap(), None);
}

#[tokio::test]
async fn an_unknown_organization_has_no_users_at_any_time() {
    let (_api, mirror, moment) = synced(1).await;
    assert_eq!(mirror.at(moment, "org_unknown").next().await.unwrap(), None);
}

#[tokio::test]
async fn entries_that_are_older_than_the_history_is_kept_are_removed() {
    let (api, mirror, moment) = synced(2).await;
    delete(&mirror, "evt_1", &numbered_user(1)).await;
    let left = now(&api);
    mirror.configure(MirrorOptions { history: Some(DAY * 10), ..MirrorOptions::default() }).await.unwrap();
    advance(&api, DAY * 10);
    mirror.trim().await.unwrap();
    // The first sync was eleven days ago, the deletion ten.
    let error = refusal(&mirror, moment.checked_sub(Duration::from_secs(1)).unwrap()).await;
    assert_eq!(error.kind(), ErrorKind::HistoryTrimmed);
    assert_eq!(ids_at(&mirror, moment).await, [0, 1].map(numbered_user));
    assert_eq!(ids_at(&mirror, left).await, [0].map(numbered_user));
    assert_eq!(entries(&mirror, &numbered_user(1)).await.len(), 1);
}

#[tokio::test]
async fn a_mirror_that_keeps_no_history_refuses_to_read_it_and_starts_again_when_it_keeps_one() {
    let api = FakeApi::with_users(2);
    let mirror = api.mirror_builder().history(Duration::ZERO).retention(DAY).open_in(open_store().await).await.unwrap();
    full_sync(&mirror).await.unwrap();
    let moment = now(&api);
    assert_eq!(refusal(&mirror, moment).await.kind(), ErrorKind::HistoryTrimmed);
    assert_eq!(mirror.history().next().await.unwrap_err().kind(), ErrorKind::HistoryTrimmed);
    advance(&api, DAY * 2);
    mirror.trim().await.unwrap();

    mirror.configure(MirrorOptions { history: Some(DAY * 10), ..MirrorOptions::default() }).await.unwrap();
    let enabled = now(&api);
    assert_eq!(ids_at(&mirror, enabled).await.len(), 2);
    advance(&api, DAY);
    delete(&mirror, "evt_1", &numbered_user(1)).await;

    assert_eq!(refusal(&mirror, moment).await.kind(), ErrorKind::HistoryTrimmed);
    assert_eq!(ids_at(&mirror, enabled).await.len(), 2);
    assert_eq!(ids_at(&mirror, now(&api)).await.len(), 1);
}

#[tokio::test]
async fn a_user_and_a_group_are_not_combined_and_an_interval_has_its_start_first() {
    let (_api, mirror, moment) = synced(1).await;
    let both = mirror.history().user("diruser_1").group("dirgroup_1").next().await.unwrap_err();
    assert_eq!(both.kind(), ErrorKind::InvalidArgument);
    let reversed = mirror.history().since(moment).until(moment.checked_sub(DAY).unwrap()).next().await.unwrap_err();
    assert_eq!(reversed.kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn a_process_that_only_receives_takes_changes_into_the_history_once_a_minute() {
    let (api, store): (_, Arc<dyn Store>) = (FakeApi::with_users(2), open_store().await);
    let mirror = api.mirror_builder().open_in(Arc::clone(&store)).await.unwrap();
    full_sync(&mirror).await.unwrap();
    assert_eq!(store.history_mark().await.unwrap().unwrap().taken, 0, "no flush has made the changes durable");
    advance(&api, Duration::from_secs(120));
    delete(&mirror, "evt_1", &numbered_user(1)).await;
    let mark = store.history_mark().await.unwrap().unwrap();
    assert_eq!(mark.taken, mark.latest);
}
