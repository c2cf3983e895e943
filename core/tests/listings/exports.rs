//! Exports of users as CSV and as lines of JSON.

use crate::api::{FakeApi, full_sync, listed_user};
use headcount::mirror::{ExportFormat, MirrorUsers};
use headcount::{ErrorKind, Mirror};
use serde_json::{Value, json};
use std::time::Duration;

const HEADER: &str =
    "at,organization_id,directory_id,user_id,email,given_name,family_name,active,roles,groups,group_ids,linked_id\r\n";

async fn text(users: MirrorUsers, format: ExportFormat) -> String {
    let (mut export, mut text) = (users.export(format), String::new());
    while let Some(piece) = export.next().await.unwrap() {
        text.push_str(&piece);
    }
    text
}

async fn lines(mirror: &Mirror) -> Vec<Value> {
    let text = text(mirror.users("org_1"), ExportFormat::Ndjson).await;
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns a mirror that has synced one user with this first name.
async fn synced(given_name: &str) -> (FakeApi, Mirror) {
    let api = FakeApi::with_users(0);
    let mut user = listed_user(0);
    user["given_name"] = json!(given_name);
    api.list_users([user]);
    let mirror = api.synced_mirror().await;
    (api, mirror)
}

#[tokio::test]
async fn a_text_that_a_spreadsheet_would_take_for_a_formula_begins_with_an_apostrophe_in_the_csv_only() {
    for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
        let (_api, mirror) = synced(formula).await;
        let csv = text(mirror.users("org_1"), ExportFormat::Csv).await;
        assert!(csv.contains(&format!("'{formula}")), "{csv:?}");
        assert_eq!(lines(&mirror).await[0]["given_name"], json!(formula));
    }
}

#[tokio::test]
async fn separators_quotes_and_line_breaks_are_quoted() {
    let (_api, mirror) = synced("a,\"b\"\nc").await;
    let csv = text(mirror.users("org_1"), ExportFormat::Csv).await;
    assert!(csv.contains(",\"a,\"\"b\"\"\nc\","), "{csv:?}");
    assert_eq!(lines(&mirror).await[0]["given_name"], json!("a,\"b\"\nc"));
}

#[tokio::test]
async fn an_organization_without_users_has_a_header_and_no_lines() {
    let (_api, mirror) = synced("Ada").await;
    assert_eq!(text(mirror.users("org_unknown"), ExportFormat::Csv).await, HEADER);
    assert_eq!(text(mirror.users("org_unknown"), ExportFormat::Ndjson).await, "");
}

#[tokio::test]
async fn all_users_of_several_pages_are_exported_once_with_one_header() {
    let api = FakeApi::with_users(1_200);
    let mirror = api.synced_mirror().await;
    let csv = text(mirror.users("org_1"), ExportFormat::Csv).await;
    assert_eq!(csv.matches(HEADER).count(), 1);
    let ids: std::collections::BTreeSet<&str> =
        csv.lines().skip(1).map(|line| line.split(',').nth(3).unwrap()).collect();
    assert_eq!((ids.len(), csv.lines().count()), (1_200, 1_201));
}

#[tokio::test]
async fn the_users_of_a_past_time_have_that_time() {
    let (api, mirror) = synced("Ada").await;
    let moment = api.with(|state| state.now);
    api.with(|state| state.now = state.now.checked_add(Duration::from_secs(86_400)).unwrap());
    api.list_numbered_users(2);
    full_sync(&mirror).await.unwrap();
    let then = text(mirror.at(moment, "org_1"), ExportFormat::Ndjson).await;
    let then: Value = serde_json::from_str(&then).unwrap();
    assert_eq!((&then["at"], &then["given_name"]), (&json!(moment.to_string()), &json!("Ada")));
    assert_eq!(lines(&mirror).await.len(), 2);
}

#[tokio::test]
async fn a_time_in_the_future_is_refused() {
    let (api, mirror) = synced("Ada").await;
    let later = api.with(|state| state.now).checked_add(Duration::from_secs(1)).unwrap();
    let error = mirror.at(later, "org_1").export(ExportFormat::Csv).next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}
