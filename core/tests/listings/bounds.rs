//! Bounded storage: pending events and their limits, retention without syncs, what removed users leave in the file, and how many bytes and statements
//! an event or a sync takes.

use crate::api::{FakeApi, USER_DELETED, USER_UPDATED, apply_event, event, full_sync};
use headcount::mirror::{MirrorOptions, Outcome, SyncMode};
use headcount::store::{EventState, Keys, SqliteStore, Store};
use headcount::{ErrorKind, ErrorStatus, Event, Mirror};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// A mirror of two organizations, `org_1` and `org_2`, whose directories were never listed; its store and its API.
struct Unlisted {
    api: FakeApi,
    store: Arc<SqliteStore>,
    mirror: Mirror,
}

impl Unlisted {
    async fn open() -> Unlisted {
        let api = FakeApi::default();
        api.with(|state| {
            state.directories.push(json!({ "id": "dir_2", "organization_id": "org_2", "enabled": true }));
        });
        let store = Arc::new(SqliteStore::open(":memory:").unwrap());
        let mirror = api.mirror_builder().open_in(store.clone()).await.unwrap();
        Unlisted { api, store, mirror }
    }

    /// Advances the clock.
    fn advance(&self, span: Duration) {
        self.api.with(|state| state.now += span);
    }

    /// Returns the state of a stored event, or `None` if the store does not have the event.
    async fn event_state(&self, id: &str) -> Option<EventState> {
        let set = self.store.load(Keys { events: [id.to_owned()].into(), ..Keys::default() }).await.unwrap();
        set.events.get(id).map(|row| row.state)
    }

    async fn pending_ids(&self, organization_id: &str) -> Vec<String> {
        let pending = self.mirror.pending_events(organization_id).await.unwrap();
        pending.into_iter().map(|event| event.id).collect()
    }
}

/// Returns an event of an organization that updates a user.
fn user_event(id: &str, organization_id: &str, data: Value) -> Event {
    event(&json!({
        "id": id, "type": USER_UPDATED, "occurred_at": "2025-06-01T11:00:00Z", "organization_id": organization_id, "data": data,
    }))
}

/// Returns an event that updates the user whose id is `diruser_` followed by the event's id.
fn ada(id: &str, organization_id: &str) -> Event {
    user_event(id, organization_id, json!({ "id": format!("diruser_{id}"), "email": "ada@example.com" }))
}

#[tokio::test]
async fn pending_events_are_listed_without_personal_data() {
    let unlisted = Unlisted::open().await;
    unlisted.mirror.apply(&ada("evt_1", "org_1")).await.unwrap();
    unlisted.mirror.apply(&ada("evt_2", "org_2")).await.unwrap();

    let pending = unlisted.mirror.pending_events("org_1").await.unwrap();

    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].id, "evt_1");
    assert_eq!(pending[0].event_type, USER_UPDATED);
    assert_eq!(pending[0].received_at, "2025-06-01T12:00:00Z".parse().unwrap());
    assert!(pending[0].why.contains("directories were not listed"), "{}", pending[0].why);
    assert!(!format!("{pending:?}").contains("ada@"));
}

#[tokio::test]
async fn all_pending_events_are_listed_and_applied_by_the_next_sync() {
    let unlisted = Unlisted::open().await;
    for n in 0..250 {
        assert_eq!(unlisted.mirror.apply(&ada(&format!("evt_{n:03}"), "org_1")).await.unwrap(), Outcome::Pending);
    }
    assert_eq!(unlisted.pending_ids("org_1").await.len(), 250);

    unlisted.mirror.sync("org_1").mode(SyncMode::Incremental).await.unwrap();

    assert!(unlisted.pending_ids("org_1").await.is_empty());
    assert_eq!(unlisted.mirror.status().await.unwrap()[0].users, 250);
}

#[tokio::test]
async fn a_pending_event_beyond_the_limit_is_a_temporary_error() {
    let unlisted = Unlisted::open().await;
    unlisted.mirror.configure(MirrorOptions { pending_events: Some(2), ..MirrorOptions::default() }).await.unwrap();
    unlisted.mirror.apply(&ada("evt_1", "org_1")).await.unwrap();
    unlisted.mirror.apply(&ada("evt_2", "org_1")).await.unwrap();

    let error = unlisted.mirror.apply(&ada("evt_3", "org_1")).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Store);
    assert_eq!(error.status(), ErrorStatus::Temporary);
    assert!(error.message().contains("2 pending events"), "{error}");
    assert_eq!(
        unlisted.event_state("evt_3").await,
        None,
        "a refused event is not stored, so that its next delivery is applied"
    );
    assert_eq!(unlisted.mirror.apply(&ada("evt_4", "org_2")).await.unwrap(), Outcome::Pending);
    unlisted.mirror.sync("org_1").mode(SyncMode::Incremental).await.unwrap();
    assert_eq!(unlisted.mirror.apply(&ada("evt_3", "org_1")).await.unwrap(), Outcome::Applied);
}

#[tokio::test]
async fn the_bytes_of_pending_events_are_limited() {
    let unlisted = Unlisted::open().await;
    let bytes = ada("evt_1", "org_1").body().len() as u64;
    unlisted.mirror.configure(MirrorOptions { pending_bytes: Some(bytes), ..MirrorOptions::default() }).await.unwrap();
    unlisted.mirror.apply(&ada("evt_1", "org_1")).await.unwrap();
    let error = unlisted.mirror.apply(&ada("evt_2", "org_1")).await.unwrap_err();
    assert_eq!(error.status(), ErrorStatus::Temporary);
}

#[tokio::test]
async fn the_sync_of_another_organization_does_not_expire_or_apply_pending_events() {
    let unlisted = Unlisted::open().await;
    unlisted.mirror.apply(&ada("evt_1", "org_1")).await.unwrap();
    unlisted.advance(8 * DAY);
    unlisted.mirror.sync("org_2").mode(SyncMode::Full).await.unwrap();
    assert_eq!(unlisted.pending_ids("org_1").await, ["evt_1"]);

    unlisted.mirror.sync("org_1").mode(SyncMode::Incremental).await.unwrap();
    assert_eq!(unlisted.event_state("evt_1").await, None, "an applied event is removed after its retention");
    assert!(unlisted.mirror.user("diruser_evt_1").await.unwrap().is_some());
}

#[tokio::test]
async fn an_event_expires_after_a_week_of_syncs_that_could_not_apply_it() {
    let unlisted = Unlisted::open().await;
    // With two directories, a sync cannot apply the event, because the event does not name the user's directory.
    unlisted.api.with(|state| {
        state.directories.push(json!({ "id": "dir_3", "organization_id": "org_1", "enabled": true }));
    });
    unlisted.mirror.apply(&ada("evt_1", "org_1")).await.unwrap();
    unlisted.advance(6 * DAY);
    unlisted.mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    assert_eq!(unlisted.event_state("evt_1").await, Some(EventState::Pending));

    unlisted.advance(2 * DAY);
    unlisted.mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();

    assert_eq!(unlisted.event_state("evt_1").await, Some(EventState::Expired));
    assert!(unlisted.pending_ids("org_1").await.is_empty());
    assert_eq!(unlisted.mirror.apply(&ada("evt_1", "org_1")).await.unwrap(), Outcome::Duplicate);
}

#[tokio::test]
async fn an_event_of_an_organization_that_is_never_synced_expires_after_30_days() {
    let unlisted = Unlisted::open().await;
    unlisted.mirror.apply(&ada("evt_1", "org_1")).await.unwrap();
    unlisted.advance(29 * DAY);
    unlisted.mirror.trim().await.unwrap();
    assert_eq!(unlisted.event_state("evt_1").await, Some(EventState::Pending));

    unlisted.advance(2 * DAY);
    unlisted.mirror.trim().await.unwrap();

    assert_eq!(unlisted.event_state("evt_1").await, Some(EventState::Expired));
}

#[tokio::test]
async fn a_process_that_only_receives_events_removes_old_rows() {
    let unlisted = Unlisted::open().await;
    unlisted.mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    unlisted.mirror.apply(&ada("evt_1", "org_1")).await.unwrap();
    assert_eq!(unlisted.event_state("evt_1").await, Some(EventState::Settled));

    unlisted.advance(8 * DAY);
    unlisted.mirror.apply(&ada("evt_2", "org_1")).await.unwrap();

    assert_eq!(unlisted.event_state("evt_1").await, None);
    assert_eq!(unlisted.event_state("evt_2").await, Some(EventState::Settled));
}

#[tokio::test]
async fn a_process_that_only_receives_events_removes_old_decisions_about_holds() {
    let api = FakeApi::with_users(10);
    let mirror = crate::api::open(api.mirror_builder().guard_users(0).guard_share(0.0)).await;
    full_sync(&mirror).await.unwrap();
    api.list_numbered_users(9);
    full_sync(&mirror).await.unwrap_err();
    let hold = mirror.holds("org_1", None).await.unwrap().remove(0);
    mirror.approve(&hold.id, "ops@example.com", "").await.unwrap();

    api.with(|state| state.now += 29 * DAY);
    mirror.apply(&ada("evt_1", "org_1")).await.unwrap();
    assert_eq!(mirror.approvals(None).await.unwrap().len(), 1);

    api.with(|state| state.now += 2 * DAY);
    mirror.apply(&ada("evt_2", "org_1")).await.unwrap();
    assert_eq!(mirror.approvals(None).await.unwrap(), []);
}

#[tokio::test]
async fn all_groups_and_all_held_removals_of_a_directory_are_returned() {
    let api = FakeApi::with_users(1_300);
    let group = |n: usize| json!({ "id": format!("dirgroup_{n:04}"), "display_name": "x" });
    api.with(|state| state.groups = (0..1_300).map(group).collect());
    let mirror = api.synced_mirror().await;
    api.list_numbered_users(100);
    full_sync(&mirror).await.unwrap_err();

    let groups = mirror.groups("org_1", None).await.unwrap();
    let held = mirror.held_removals("dir_1").await.unwrap();

    assert_eq!(groups.len(), 1_300);
    assert!(groups.is_sorted_by(|one, next| one.id < next.id));
    assert_eq!(held.len(), 1_200);
    assert!(held.is_sorted_by(|one, next| one < next));
}

#[tokio::test]
async fn a_settled_event_keeps_no_body() {
    let unlisted = Unlisted::open().await;
    unlisted.mirror.apply(&ada("evt_pending", "org_1")).await.unwrap();
    unlisted.mirror.sync("org_1").mode(SyncMode::Incremental).await.unwrap();
    unlisted.mirror.apply(&ada("evt_applied", "org_1")).await.unwrap();
    let events = ["evt_pending", "evt_applied"].map(str::to_owned);

    let set = unlisted.store.load(Keys { events: events.into(), ..Keys::default() }).await.unwrap();

    for row in set.events.values() {
        assert_eq!(row.state, EventState::Settled, "{}", row.id);
        assert_eq!(row.body, None, "{}", row.id);
    }
    assert_eq!(set.events.len(), 2);
}

#[tokio::test]
async fn an_event_with_too_many_groups_changes_nothing() {
    let mirror = FakeApi::with_users(1).synced_mirror().await;
    mirror.configure(MirrorOptions { groups_per_user: Some(2), ..MirrorOptions::default() }).await.unwrap();
    let groups = |count| (0..count).map(|n| json!({ "id": format!("dirgroup_{n}"), "name": "x" })).collect::<Vec<_>>();
    let data = |count: usize| json!({ "id": "diruser_000", "given_name": "Ada", "groups": groups(count) });

    let refused = mirror.apply(&user_event("evt_1", "org_1", data(3))).await.unwrap();
    assert_eq!(refused, Outcome::Ignored);
    assert_eq!(mirror.user("diruser_000").await.unwrap().unwrap().given_name, "");

    let applied = mirror.apply(&user_event("evt_2", "org_1", data(2))).await.unwrap();
    assert_eq!(applied, Outcome::Applied);
    assert_eq!(mirror.user("diruser_000").await.unwrap().unwrap().group_ids.len(), 2);
}

#[tokio::test]
async fn a_removed_user_cannot_be_linked() {
    let mirror = FakeApi::with_users(2).synced_mirror().await;
    mirror.link("diruser_000", Some("acct_1")).await.unwrap();
    let deletion = json!({ "id": "diruser_000" });
    apply_event(&mirror, "evt_1", USER_DELETED, "2025-06-01T12:00:00Z", deletion).await;

    let error = mirror.link("diruser_000", Some("acct_2")).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::NotFound);
    let data = json!({ "id": "diruser_000", "email": "ada@example.com" });
    apply_event(&mirror, "evt_2", USER_UPDATED, "2025-06-01T12:00:01Z", data).await;
    let user = mirror.user("diruser_000").await.unwrap().unwrap();
    assert_eq!(user.linked_id.as_deref(), Some("acct_1"), "the link is kept for a user who returns");
}

#[tokio::test]
async fn all_users_with_one_email_address_are_found() {
    let api = FakeApi::default();
    api.list_users((0..1_001).map(|n| json!({ "id": format!("diruser_{n:04}"), "email": "CREW@Ünited.example" })));
    let mirror = api.synced_mirror().await;
    let found = mirror.find_users("crew@ünited.example").await.unwrap();
    assert_eq!(found.len(), 1_001);
}

#[tokio::test]
async fn an_event_changes_only_the_attributes_that_it_has() {
    let mirror = FakeApi::with_users(1).synced_mirror().await;
    let mut attributes = Vec::new();
    for (id, data) in [
        ("evt_1", json!({ "title": "Countess", "department": "Engines", "tags": ["a"] })),
        ("evt_2", json!({ "title": "Lady" })),
        ("evt_3", json!({ "department": null, "tags": [] })),
        ("evt_4", json!({ "title": "" })),
    ] {
        let mut data = data;
        data["id"] = json!("diruser_000");
        let time = format!("2025-06-01T12:00:0{}Z", &id[4..]);
        apply_event(&mirror, id, USER_UPDATED, &time, data).await;
        let user = mirror.user("diruser_000").await.unwrap().unwrap();
        attributes.push(user.attributes.map(|json| serde_json::from_str::<Value>(json.get()).unwrap()));
    }
    assert_eq!(attributes[0], Some(json!({ "title": "Countess", "department": "Engines", "tags": ["a"] })));
    assert_eq!(attributes[1], Some(json!({ "title": "Lady", "department": "Engines", "tags": ["a"] })));
    assert_eq!(attributes[2], Some(json!({ "title": "Lady" })));
    assert_eq!(attributes[3], None);
}

/// Creates the folder `name`, or empties it. Returns the path of a file in it that does not exist.
fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bounds").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder.join("mirror.db")
}

/// Counts how often the bytes of a text occur in the files of the folder of `path`: in the database and the files beside it.
fn occurrences(path: &std::path::Path, text: &str) -> usize {
    let files = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let contents = files.map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    contents.map(|bytes| bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()).sum()
}

#[tokio::test]
async fn nothing_of_a_removed_user_is_left_in_the_files_after_the_retention_of_feed_and_history() {
    let path = file("removed");
    let api = FakeApi::with_users(300);
    api.with(|state| {
        for n in [0, 150, 299] {
            state.users[n]["email"] = json!("leaver-7f3a@example.com");
            // 24,000 bytes are more than a page of the database, so SQLite stores the text on overflow pages.
            state.users[n]["user_detail"] = json!({ "bio": "leaver-7f3a ".repeat(2_000) });
        }
    });
    let mirror = api.mirror_builder().history(35 * DAY).open(&path).await.unwrap();
    full_sync(&mirror).await.unwrap();
    for (n, id) in [(0, "diruser_000"), (150, "diruser_150"), (299, "diruser_299")] {
        let data = json!({ "id": id, "given_name": "leaver-7f3a" });
        apply_event(&mirror, &format!("evt_u{n}"), USER_UPDATED, "2025-06-01T12:00:00Z", data).await;
        let deletion = json!({ "id": id, "email": "leaver-7f3a@example.com" });
        apply_event(&mirror, &format!("evt_d{n}"), USER_DELETED, "2025-06-01T12:00:01Z", deletion).await;
    }
    let batch = mirror.poll("app", 10_000).await.unwrap();
    mirror.ack("app", batch.last().unwrap().seq).await.unwrap();
    assert!(occurrences(&path, "leaver-7f3a") > 0);

    api.with(|state| state.now += 40 * DAY);
    mirror.trim().await.unwrap();

    assert_eq!(occurrences(&path, "leaver-7f3a"), 0);
    assert_eq!(mirror.status().await.unwrap()[0].users, 297);
}

#[tokio::test]
async fn the_write_ahead_log_is_small_after_a_large_sync() {
    let path = file("log");
    let api = FakeApi::default();
    api.list_users(
        (0..2_000).map(
            |n| json!({ "id": format!("diruser_{n:04}"), "user_detail": { "bio": format!("{n}").repeat(2_000) } }),
        ),
    );
    let mirror = api.mirror_builder().open(&path).await.unwrap();

    full_sync(&mirror).await.unwrap();

    let log = std::fs::metadata(path.with_extension("db-wal")).unwrap().len();
    assert!(log < 1 << 20, "expected a write-ahead log of less than 1 MiB, got {log} bytes");
}

/// Opens a mirror in a file and syncs one user. Returns the mirror and its store.
async fn mirror_in(path: &std::path::Path) -> (Mirror, Arc<SqliteStore>) {
    let store = Arc::new(SqliteStore::open(path).unwrap());
    let mirror = FakeApi::with_users(1).mirror_builder().open_in(store.clone()).await.unwrap();
    full_sync(&mirror).await.unwrap();
    // The first event of a minute also removes old rows. This one does, so the event that a test measures does not.
    mirror.apply(&user_event("evt_0", "org_1", json!({ "id": "diruser_000" }))).await.unwrap();
    (mirror, store)
}

/// The size of one event, and what applying it has stored and run.
struct Cost {
    /// Size of the event's body in bytes.
    body: u64,
    /// Bytes by which the database grew.
    stored: u64,
    /// Statements that were run.
    statements: u64,
    /// Changes that were appended to the feed.
    changes: i64,
}

/// Applies an event about a user who is in `count` new groups, and returns the event's cost. The mirror's folder is named after `test` and `count`.
async fn cost_of_groups(test: &str, count: usize) -> Cost {
    let path = file(&format!("groups_{test}_{count}"));
    let (mirror, store) = mirror_in(&path).await;
    let size = || {
        let sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        let bytes: i64 = rusqlite::Connection::open(&path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap();
        bytes as u64
    };
    let groups: Vec<Value> =
        (0..count).map(|n| json!({ "id": format!("dirgroup_{n:014}"), "name": format!("Group {n}") })).collect();
    let data = json!({ "id": "diruser_000", "email": "ada@example.com", "groups": groups });
    let event = event_at("evt_1", "2025-06-01T11:30:00Z", data);
    let latest = async || store.consumers().await.unwrap().1;
    let (bytes, statements, first) = (size(), store.statements(), latest().await);

    assert_eq!(mirror.apply(&event).await.unwrap(), Outcome::Applied);

    let (stored, statements) = (size() - bytes, store.statements() - statements);
    let changes = latest().await - first;
    Cost { body: event.body().len() as u64, stored, statements, changes }
}

/// Returns the number of statements of a sync that holds the removals of `count` users.
async fn statements_of_holding(count: usize) -> u64 {
    let api = FakeApi::with_users(count + 1);
    let store = Arc::new(SqliteStore::open(":memory:").unwrap());
    let mirror = api.mirror_builder().open_in(store.clone()).await.unwrap();
    full_sync(&mirror).await.unwrap();
    api.list_numbered_users(1);
    let statements = store.statements();
    full_sync(&mirror).await.unwrap_err();
    assert_eq!(mirror.held_removals("dir_1").await.unwrap().len(), count);
    store.statements() - statements
}

#[tokio::test]
async fn the_number_of_statements_for_holding_removals_is_at_most_linear_in_the_number_of_users() {
    let (one, three) = (statements_of_holding(1_000).await, statements_of_holding(3_000).await);
    assert!(three < one * 4, "3,000 users take {three} statements, expected fewer than 4 times the {one} of 1,000");
    assert!(three < 3_000, "3,000 users take {three} statements, expected fewer than one for each user");
}

/// Returns an event of `org_1` that updates a user at this time.
fn event_at(id: &str, occurred_at: &str, data: Value) -> Event {
    event(&json!({
        "id": id, "type": USER_UPDATED, "occurred_at": occurred_at, "organization_id": "org_1", "data": data,
    }))
}

#[tokio::test]
async fn the_stored_bytes_of_an_event_are_at_most_linear_in_the_number_of_its_groups() {
    let (half, whole) = (cost_of_groups("bytes", 1_000).await, cost_of_groups("bytes", 2_000).await);
    assert!(
        whole.changes >= 4_000,
        "expected a creation and a membership for each of 2,000 groups, got {} changes",
        whole.changes
    );
    assert!(
        whole.stored < half.stored * 5 / 2,
        "2,000 groups store {} bytes, expected less than 2.5 times the {} of 1,000",
        whole.stored,
        half.stored
    );
    assert!(
        whole.stored < whole.body * 40,
        "{} bytes are stored, expected less than 40 times the {} of the body",
        whole.stored,
        whole.body
    );
}

#[tokio::test]
async fn an_event_with_2000_groups_takes_at_most_16_statements_more_than_one_with_10() {
    let (few, many) = (cost_of_groups("statements", 10).await, cost_of_groups("statements", 2_000).await);
    assert!(few.statements <= 16, "10 groups take {} statements, expected at most 16", few.statements);
    assert!(
        many.statements <= few.statements + 16,
        "2,000 groups take {} statements, expected at most 16 more than the {} of 10",
        many.statements,
        few.statements
    );
}

/// Syncs a changed directory, applies an event, reads rows, polls changes, parks the first of them and acknowledges all. Each `turn` uses other
/// values.
async fn use_everything(api: &FakeApi, mirror: &Mirror, turn: usize) {
    api.list_numbered_users(3 + turn % 2);
    full_sync(mirror).await.unwrap();
    let groups = json!([{ "id": "dirgroup_1", "name": format!("Crew {turn}") }]);
    let data = json!({ "id": "diruser_000", "email": format!("ada{turn}@example.com"), "groups": groups });
    let at = format!("2025-06-01T11:{:02}:00Z", 30 + turn);
    let outcome = mirror.apply(&event_at(&format!("evt_{turn}"), &at, data)).await.unwrap();
    assert_eq!(outcome, Outcome::Applied);
    mirror.find_users(&format!("ada{turn}@example.com")).await.unwrap();
    mirror.status().await.unwrap();
    let changes = mirror.poll("app", 100).await.unwrap();
    mirror.park("app", changes[0].seq, "later").await.unwrap();
    mirror.ack("app", changes[changes.len() - 1].seq).await.unwrap();
    mirror.consumers().await.unwrap();
}

#[tokio::test]
async fn no_statement_is_prepared_again_for_other_values() {
    let api = FakeApi::with_users(3);
    // A store in memory has one connection for reads and writes, so the statements of reads are counted as well.
    let store = Arc::new(SqliteStore::open(":memory:").unwrap());
    let mirror = api.mirror_builder().open_in(store.clone()).await.unwrap();
    use_everything(&api, &mirror, 0).await;
    use_everything(&api, &mirror, 1).await;
    let before = store.reprepared();

    use_everything(&api, &mirror, 2).await;
    use_everything(&api, &mirror, 3).await;

    assert_eq!(store.reprepared() - before, 0);
}
