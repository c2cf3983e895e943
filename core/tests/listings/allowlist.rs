//! Mirrors that store only some of the personal fields of users: what is not listed is in no row, change, history, hold or pending event, and everything
//! else works as usual.

use crate::api::{FakeApi, USER_DELETED, USER_UPDATED, apply_event, full_sync, open, open_store};
use headcount::mirror::{MirrorOptions, Outcome, ReconcileOptions, SyncMode, UserFields};
use headcount::store::copy::TABLES;
use headcount::store::{EventState, SqliteStore, Store};
use headcount::{Change, ChangeKind, ErrorKind, Mirror, MirrorBuilder};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Parts of Ada's personal data, each of which is in another field.
const PERSONAL: &[&str] =
    &["ada@", "Augusta", "Lovelace", "ada.login", "second@", "vendor-role", "secret-team", "Countess", "+44-1815"];

/// Ada, with a value in each field of a listing.
fn ada() -> Value {
    json!({
        "id": "diruser_ada", "email": "ada@example.com", "given_name": "Augusta", "family_name": "Lovelace",
        "preferred_username": "ada.login", "emails": ["second@example.com"], "user_detail": { "team": "secret-team" },
        "groups": [{ "id": "dirgroup_1", "display_name": "Engineering" }],
    })
}

/// The data of an event about Ada, with a value in each field of an event.
fn ada_in_an_event() -> Value {
    json!({
        "id": "diruser_ada", "email": "ada@example.com", "given_name": "Augusta", "family_name": "Lovelace",
        "preferred_username": "ada.login", "roles": [{ "role_name": "vendor-role" }], "title": "Countess",
        "phone_number": "+44-1815", "active": true, "groups": [{ "id": "dirgroup_1", "name": "Engineering" }],
    })
}

fn fields(names: &[&str]) -> UserFields {
    UserFields::named(names).unwrap()
}

/// Returns an API that lists Ada.
fn api() -> FakeApi {
    let api = FakeApi::default();
    api.list_users([ada()]);
    api
}

fn builder(api: &FakeApi, names: &[&str]) -> MirrorBuilder {
    api.mirror_builder().fields(fields(names))
}

/// Returns all rows of all tables of a store as text.
async fn text_of(store: &dyn Store) -> String {
    let mut text = String::new();
    for table in TABLES {
        let mut after = None;
        loop {
            let rows = store.dump(table, after).await.unwrap();
            let Some(last) = rows.last() else { break };
            after = Some(table.key_of(last));
            for cell in rows.iter().flatten() {
                text.push_str(&match cell {
                    headcount::store::copy::Cell::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                    headcount::store::copy::Cell::Text(text) => text.clone(),
                    _ => continue,
                });
                text.push('\n');
            }
        }
    }
    text
}

fn assert_has_nothing_of_ada(text: &str, except: &[&str]) {
    for part in PERSONAL.iter().filter(|part| !except.contains(part)) {
        assert!(!text.contains(part), "{part} is stored");
    }
}

/// Does with Ada whatever a mirror stores something about: an event that is pending, syncs, events, a link, a protection, a hold, a parked change, a
/// removal and the history.
async fn live_through(api: &FakeApi, mirror: &Mirror) {
    mirror.set_role_map([("Engineering", "developer")]).await.unwrap();
    let created = "organization.directory.user_created";
    let pending = apply_event(mirror, "evt_1", created, "2025-06-01T11:00:00Z", ada_in_an_event()).await;
    assert_eq!(pending, Outcome::Pending);
    mirror.plan("org_1").await.unwrap();
    full_sync(mirror).await.unwrap();
    let at = "2025-06-01T12:00:01Z";
    assert_eq!(apply_event(mirror, "evt_2", USER_UPDATED, at, ada_in_an_event()).await, Outcome::Applied);
    mirror.link("diruser_ada", Some("acct_1")).await.unwrap();
    mirror.protect("diruser_ada", "last admin").await.unwrap();
    let changes = mirror.poll("app", 100).await.unwrap();
    let creation = changes.iter().find(|change| change.kind == ChangeKind::UserCreated).unwrap();
    mirror.park("app", creation.seq, "no licence").await.unwrap();
    let data = json!({ "id": "diruser_ada", "email": "ada@example.com" });
    assert_eq!(apply_event(mirror, "evt_3", USER_DELETED, "2025-06-01T12:00:02Z", data).await, Outcome::Held);
    assert_eq!(mirror.holds("org_1", None).await.unwrap().len(), 1);
    api.with(|state| state.now += Duration::from_secs(600));
    full_sync(mirror).await.unwrap();
    let _ = mirror.history().next().await.unwrap();
}

#[tokio::test]
async fn nothing_that_is_not_listed_is_stored() {
    let store = open_store().await;
    let api = api();
    let mirror = builder(&api, &[]).open_in(Arc::clone(&store)).await.unwrap();
    live_through(&api, &mirror).await;
    assert_has_nothing_of_ada(&text_of(&*store).await, &[]);
    let user = mirror.user("diruser_ada").await.unwrap().unwrap();
    assert_eq!(user.group_ids, ["dirgroup_1"]);
    assert_eq!(user.roles, ["developer"]);
    assert_eq!(user.linked_id.as_deref(), Some("acct_1"));
    assert_eq!(user.protection.as_deref(), Some("last admin"));
}

#[tokio::test]
async fn everything_is_stored_without_a_list() {
    let store = open_store().await;
    let api = api();
    let mirror = api.mirror_builder().open_in(Arc::clone(&store)).await.unwrap();
    live_through(&api, &mirror).await;
    let text = text_of(&*store).await;
    for part in PERSONAL {
        assert!(text.contains(part), "{part} is not stored");
    }
    assert_eq!(mirror.settings().await.unwrap().fields, UserFields::NAMES);
}

#[tokio::test]
async fn listed_fields_are_stored_and_reported_and_others_are_not() {
    let store = open_store().await;
    let api = api();
    let mirror = builder(&api, &["email", "attributes"]).open_in(Arc::clone(&store)).await.unwrap();
    live_through(&api, &mirror).await;
    assert_has_nothing_of_ada(&text_of(&*store).await, &["ada@", "Countess", "+44-1815"]);
    let user = mirror.find_users("ADA@example.com").await.unwrap().remove(0);
    assert_eq!(user.email, "ada@example.com");
    assert_eq!(user.given_name, "");
    assert!(user.attributes.unwrap().get().contains("Countess"));
}

#[tokio::test]
async fn neither_the_file_nor_its_log_has_what_is_not_listed() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("allowlist");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("mirror.db");
    let api = api();
    let store = Arc::new(SqliteStore::open(&path).unwrap());
    let mirror = builder(&api, &[]).open_in(store).await.unwrap();
    live_through(&api, &mirror).await;
    let mut read = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        read += bytes.len();
        assert_has_nothing_of_ada(&String::from_utf8_lossy(&bytes), &[]);
    }
    assert!(read > 10_000, "{read} bytes");
}

#[tokio::test]
async fn a_pending_event_gives_the_same_user_later_as_it_would_have_at_once() {
    for names in [&[][..], &["email"], &["given_name", "vendor_roles"], &["attributes"], UserFields::NAMES] {
        let events = FakeApi::default();
        let mirror = open(builder(&events, names)).await;
        let at = "2025-06-01T11:00:00Z";
        let outcome = apply_event(&mirror, "evt_1", USER_UPDATED, at, ada_in_an_event()).await;
        assert_eq!(outcome, Outcome::Pending, "{names:?}");
        mirror.sync("org_1").mode(SyncMode::Incremental).await.unwrap();
        let later = mirror.user("diruser_ada").await.unwrap().unwrap();

        let events = FakeApi::default();
        let mirror = open(builder(&events, names)).await;
        mirror.sync("org_1").mode(SyncMode::Incremental).await.unwrap();
        assert_eq!(apply_event(&mirror, "evt_1", USER_UPDATED, at, ada_in_an_event()).await, Outcome::Applied);
        assert_eq!(mirror.user("diruser_ada").await.unwrap().unwrap(), later, "{names:?}");
    }
}

#[tokio::test]
async fn a_change_of_a_field_that_is_not_listed_is_no_change() {
    let api = api();
    let mirror = open(builder(&api, &["email"])).await;
    full_sync(&mirror).await.unwrap();
    for name in ["Ada", "Augusta Ada"] {
        api.with(|state| state.users[0]["given_name"] = json!(name));
        let report = full_sync(&mirror).await.unwrap();
        assert_eq!(report.changes, 0);
    }
    api.with(|state| state.users[0]["email"] = json!("king@example.com"));
    assert_eq!(full_sync(&mirror).await.unwrap().updated, 1);
}

async fn feed(mirror: &Mirror) -> Vec<Change> {
    let changes = mirror.poll("app", 1_000).await.unwrap();
    if let Some(last) = changes.last() {
        mirror.ack("app", last.seq).await.unwrap();
    }
    changes
}

#[tokio::test]
async fn fewer_fields_are_deleted_from_the_rows_at_once_and_without_changes() {
    let store = open_store().await;
    let api = api();
    let mirror = api.mirror_builder().open_in(Arc::clone(&store)).await.unwrap();
    full_sync(&mirror).await.unwrap();
    feed(&mirror).await;
    mirror
        .configure(MirrorOptions { fields: Some(fields(&["family_name"])), ..MirrorOptions::default() })
        .await
        .unwrap();

    let user = mirror.user("diruser_ada").await.unwrap().unwrap();
    assert_eq!(user.email, "");
    assert_eq!(user.family_name, "Lovelace");
    assert_eq!(user.detail, None);
    assert_eq!(user.group_ids, ["dirgroup_1"]);
    assert_eq!(full_sync(&mirror).await.unwrap().changes, 0);
    assert_eq!(feed(&mirror).await, []);
    assert_eq!(mirror.settings().await.unwrap().fields, ["family_name"]);
}

#[tokio::test]
async fn a_change_after_fewer_fields_were_listed_has_only_these() {
    let store = open_store().await;
    let api = api();
    let mirror = api.mirror_builder().open_in(Arc::clone(&store)).await.unwrap();
    full_sync(&mirror).await.unwrap();
    feed(&mirror).await;
    mirror.close().await.unwrap();

    let mirror = builder(&api, &["family_name"]).open_in(open_store().await).await.unwrap();
    full_sync(&mirror).await.unwrap();
    api.with(|state| state.users[0]["family_name"] = json!("King"));
    full_sync(&mirror).await.unwrap();
    let changes = feed(&mirror).await;
    let updated = changes.iter().find(|change| change.kind == ChangeKind::UserUpdated).unwrap();
    let before = updated.before.as_ref().unwrap().user().unwrap();
    assert_eq!(updated.fields, ["family_name"]);
    assert_eq!(before.family_name, "Lovelace");
    assert_eq!(before.email, "");
}

#[tokio::test]
async fn more_fields_are_filled_in_by_the_next_full_sync() {
    let api = api();
    let mirror = open(builder(&api, &["email"])).await;
    full_sync(&mirror).await.unwrap();
    feed(&mirror).await;
    mirror
        .configure(MirrorOptions {
            fields: Some(fields(&["email", "given_name", "detail"])),
            ..MirrorOptions::default()
        })
        .await
        .unwrap();
    assert_eq!(full_sync(&mirror).await.unwrap().updated, 1);
    let changes = feed(&mirror).await;
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].kind, ChangeKind::UserUpdated);
    assert_eq!(changes[0].fields, ["given_name", "detail"]);
    assert_eq!(changes[0].user.as_ref().unwrap().given_name, "Augusta");
}

#[tokio::test]
async fn a_handle_with_another_list_does_not_change_the_stored_one() {
    let store = open_store().await;
    let api = api();
    builder(&api, &["email"]).open_in(Arc::clone(&store)).await.unwrap();
    let second = builder(&api, &["given_name"]).open_in(Arc::clone(&store)).await.unwrap();
    let settings = second.settings().await.unwrap();
    assert_eq!(settings.fields, ["email"]);
    assert_eq!(settings.ignored[0].name, "fields");
    assert_eq!(settings.ignored[0].asked, r#"["given_name"]"#);
    full_sync(&second).await.unwrap();
    assert_eq!(second.user("diruser_ada").await.unwrap().unwrap().given_name, "");
}

#[tokio::test]
async fn users_are_not_found_by_an_address_that_is_not_stored_and_that_is_an_error() {
    let api = api();
    let mirror = open(builder(&api, &["given_name"])).await;
    full_sync(&mirror).await.unwrap();
    let error = mirror.find_users("ada@example.com").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("fields"), "{error}");

    let mirror = open(builder(&api, &["email"])).await;
    assert_eq!(mirror.find_users("nobody@example.com").await.unwrap(), []);
}

#[tokio::test]
async fn a_person_who_is_hired_again_is_not_recognized_without_addresses() {
    let store = open_store().await;
    let api = api();
    let mirror = builder(&api, &["given_name"]).open_in(Arc::clone(&store)).await.unwrap();
    full_sync(&mirror).await.unwrap();
    let data = json!({ "id": "diruser_ada" });
    apply_event(&mirror, "evt_1", USER_DELETED, "2025-06-01T12:00:00Z", data).await;
    api.list_users([json!({ "id": "diruser_new", "email": "ada@example.com" })]);
    full_sync(&mirror).await.unwrap();
    let changes = feed(&mirror).await;
    assert!(changes.iter().all(|change| change.possible_rehire_of.is_none()));
    let filter = headcount::store::UserFilter { removed: true, ..headcount::store::UserFilter::default() };
    assert!(store.users(filter, 0, 10).await.unwrap().iter().all(|row| row.rehire_key.is_none()));
}

#[tokio::test]
async fn users_are_reconciled_and_planned_without_personal_fields() {
    let api = api();
    let mirror = open(builder(&api, &[])).await;
    let plan = mirror.plan("org_1").await.unwrap();
    assert_eq!(plan.count(ChangeKind::UserCreated), 1);
    let mut changes = plan.changes();
    while let Some(change) = changes.next().await.unwrap() {
        assert!(change.user.is_none_or(|user| user.email.is_empty() && user.given_name.is_empty()));
    }
    full_sync(&mirror).await.unwrap();
    let mut options = ReconcileOptions::default();
    options.organization_id = Some("org_1".to_owned());
    assert_eq!(mirror.reconcile(["diruser_ada", "diruser_x"], options).await.unwrap(), ["diruser_x"]);
}

#[tokio::test]
async fn a_pending_event_about_a_group_keeps_what_is_needed() {
    let store = open_store().await;
    let api = FakeApi::default();
    let mirror = builder(&api, &[]).open_in(Arc::clone(&store)).await.unwrap();
    let data = json!({
        "id": "dirgroup_9", "directory_id": "dir_1", "display_name": "Crew", "raw_attributes": { "owner": "ada@example.com" },
    });
    let kind = "organization.directory.group_created";
    assert_eq!(apply_event(&mirror, "evt_1", kind, "2025-06-01T11:00:00Z", data).await, Outcome::Pending);
    let (_, row) = store.events("org_1".to_owned(), EventState::Pending, 0, 10).await.unwrap().remove(0);
    assert!(!String::from_utf8(row.body.unwrap()).unwrap().contains("ada@"));
    mirror.sync("org_1").mode(SyncMode::Incremental).await.unwrap();
    let group = mirror.groups("org_1", None).await.unwrap().remove(0);
    assert_eq!(group.display_name, "Crew");
}
