//! Metrics: the numbers of the store and of the handle, and their labels. The text is checked by a parser in the tests of the Python package.

use crate::api::{FakeApi, USER_DELETED, apply_event, numbered_user, open_store};
use headcount::mirror::{MetricsOptions, Outcome, SyncMode};
use headcount::{ErrorKind, Mirror, Webhook};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Returns the samples, each with its labels in the key.
async fn samples(mirror: &Mirror, organizations: bool) -> BTreeMap<String, f64> {
    let mut options = MetricsOptions::default();
    options.organizations = organizations;
    let text = mirror.metrics(options).await.unwrap();
    assert!(text.ends_with("# EOF\n"), "{text}");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(key, value)| (key.to_owned(), value.parse().unwrap()))
        .collect()
}

#[tokio::test]
async fn gauges_have_the_state_of_the_store() {
    let api = FakeApi::with_users(40);
    let store = open_store().await;
    let mirror = api.mirror_builder().guard_users(3).guard_share(0.0).open_in(Arc::clone(&store)).await.unwrap();
    mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    let first = mirror.poll("app", 10).await.unwrap();
    mirror.ack("app", first[9].seq).await.unwrap();
    api.list_users([]);
    mirror.sync("org_1").mode(SyncMode::Full).await.unwrap_err();
    // Another handle, as of another process, has the same gauges.
    let other = api.mirror_builder().open_in(store).await.unwrap();

    let found = samples(&other, false).await;

    let latest = found["headcount_changes_total"];
    assert!(latest > 40.0);
    assert_eq!(found["headcount_users{directory=\"dir_1\"}"], 40.0);
    assert_eq!(found["headcount_groups{directory=\"dir_1\"}"], 0.0);
    assert_eq!(found["headcount_held_users{directory=\"dir_1\"}"], 40.0);
    assert_eq!(found["headcount_directory_enabled{directory=\"dir_1\"}"], 1.0);
    assert_eq!(found["headcount_last_full_sync_timestamp_seconds{directory=\"dir_1\"}"], 1_748_779_200.0);
    assert!(!found.contains_key("headcount_missing_since_timestamp_seconds{directory=\"dir_1\"}"));
    assert_eq!(found["headcount_consumer_lag_changes{consumer=\"app\"}"], latest - first[9].seq as f64);
    assert_eq!(found["headcount_consumer_parked_changes{consumer=\"app\"}"], 0.0);
    assert_eq!(found["headcount_pending_events"], 0.0);
    assert_eq!(found["headcount_sync_duration_seconds_count{outcome=\"held\"}"], 0.0);
    assert_eq!(samples(&mirror, false).await["headcount_sync_duration_seconds_count{outcome=\"held\"}"], 1.0);
}

#[tokio::test]
async fn the_organization_is_a_label_only_if_it_is_asked_for() {
    let api = FakeApi::with_users(3);
    let mirror = api.synced_mirror().await;
    let without = samples(&mirror, false).await;
    assert!(!without.keys().any(|key| key.contains("org_1")), "{without:?}");
    let with = samples(&mirror, true).await;
    assert_eq!(with["headcount_users{directory=\"dir_1\",organization=\"org_1\"}"], 3.0);
    assert_eq!(with["headcount_pending_events{organization=\"org_1\"}"], 0.0);
    assert!(!with.contains_key("headcount_pending_events"));
}

#[tokio::test]
async fn counters_count_what_the_handle_did_and_never_go_down() {
    let api = FakeApi::with_users(40);
    let webhook = Webhook::new(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]).unwrap();
    let mirror = api.mirror_builder().webhook(webhook).open_in(open_store().await).await.unwrap();
    let mut before = samples(&mirror, false).await;
    for round in 0..3_i32 {
        mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
        let deletion = json!({ "id": numbered_user(usize::try_from(round).unwrap()) });
        let outcome =
            apply_event(&mirror, &format!("evt_{round}"), USER_DELETED, "2025-06-01T12:00:00Z", deletion).await;
        assert_eq!(outcome, Outcome::Applied);
        mirror.receive(&Vec::<(String, String)>::new(), b"{}").await.unwrap_err();
        api.with(|state| state.now += Duration::from_secs(600));

        let after = samples(&mirror, false).await;
        let counted = ["_total", "_count", "_sum", "_bucket"];
        let is_counter = |key: &str| counted.iter().any(|ending| key.split('{').next().unwrap().ends_with(ending));
        for (key, value) in before.iter().filter(|(key, _)| is_counter(key)) {
            assert!(after[key] >= *value, "{key} went from {value} to {}", after[key]);
        }
        let times = f64::from(round + 1);
        assert_eq!(after["headcount_events_total{outcome=\"applied\"}"], times);
        assert_eq!(after["headcount_webhooks_refused_total"], times);
        assert_eq!(after["headcount_sync_duration_seconds_count{outcome=\"done\"}"], times);
        assert_eq!(after["headcount_sync_duration_seconds_bucket{outcome=\"done\",le=\"+Inf\"}"], times);
        before = after;
    }
}

#[tokio::test]
async fn a_plan_is_not_counted_as_a_sync() {
    let mirror = FakeApi::with_users(3).open_mirror().await;
    mirror.plan("org_1").await.unwrap();
    assert_eq!(samples(&mirror, false).await["headcount_sync_duration_seconds_count{outcome=\"done\"}"], 0.0);
}

#[tokio::test]
async fn a_closed_mirror_has_no_metrics() {
    let mirror = FakeApi::with_users(3).open_mirror().await;
    mirror.close().await.unwrap();
    assert_eq!(mirror.metrics(MetricsOptions::default()).await.unwrap_err().kind(), ErrorKind::Cancelled);
}
