//! What the mirror writes to the log: levels, messages, and the fields that name the organization, directory, run, hold or event.

use crate::api::{FakeApi, USER_UPDATED, apply_event, event, full_sync};
use headcount::mirror::{MirrorOptions, SyncMode, SyncOutcome};
use headcount::store::conformance::Flaky;
use headcount::store::{SqliteStore, Store};
use headcount::{Error, ErrorKind, Mirror, Webhook};
use headcount_sandbox::Sandbox;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Level, Subscriber};

/// One line of the log.
#[derive(Clone, Debug)]
struct Line {
    level: Level,
    /// The fields as text; the message is the field `message`.
    fields: BTreeMap<String, String>,
}

/// Collects the lines of at least the level INFO and all spans of the target `headcount` that this thread writes. The tests' runtimes have one
/// thread.
#[derive(Clone, Default)]
struct Log {
    lines: Arc<Mutex<Vec<Line>>>,
    /// The spans in the order of their creation, each with its name as the field `name`.
    spans: Arc<Mutex<Vec<Line>>>,
}

/// Collects the fields of a line or a span as text.
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "headcount" && (metadata.is_span() || *metadata.level() <= Level::INFO)
    }

    fn new_span(&self, attributes: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        let mut fields = Fields(BTreeMap::new());
        attributes.record(&mut fields);
        let metadata = attributes.metadata();
        fields.0.insert("name".to_owned(), metadata.name().to_owned());
        self.spans.lock().unwrap().push(Line { level: *metadata.level(), fields: fields.0 });
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields(BTreeMap::new());
        event.record(&mut fields);
        self.lines.lock().unwrap().push(Line { level: *event.metadata().level(), fields: fields.0 });
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

impl Log {
    /// Starts to collect. The log collects until the second returned value is dropped.
    fn start() -> (Log, DefaultGuard) {
        let log = Log::default();
        let collecting = tracing::subscriber::set_default(log.clone());
        (log, collecting)
    }

    /// Returns the line whose message contains `part`. Panics if there is not exactly one.
    fn only(&self, part: &str) -> Line {
        let lines = self.lines.lock().unwrap();
        let found: Vec<&Line> = lines.iter().filter(|line| line.fields["message"].contains(part)).collect();
        assert_eq!(found.len(), 1, "lines with {part:?} in {lines:?}");
        found[0].clone()
    }

    /// Returns the number of warnings.
    fn warnings(&self) -> usize {
        self.lines.lock().unwrap().iter().filter(|line| line.level == Level::WARN).count()
    }
}

/// Asserts that a line or a span has this level and these fields. Other fields are not compared.
fn assert_line(line: &Line, level: Level, fields: &[(&str, &str)]) {
    assert_eq!(line.level, level, "{line:?}");
    for (name, value) in fields {
        assert_eq!(line.fields.get(*name).map(String::as_str), Some(*value), "{name} of {line:?}");
    }
}

/// The fields that name the organization and the directory in a line about `dir_1`.
const PLACE: [(&str, &str); 2] = [("organization_id", "org_1"), ("directory_id", "dir_1")];

#[tokio::test]
async fn the_end_of_a_sync_is_logged_with_its_run_and_counts() {
    let (log, _collecting) = Log::start();
    let mirror = FakeApi::with_users(3).open_mirror().await;

    let report = full_sync(&mirror).await.unwrap();

    let line = log.only("a sync ended");
    assert_line(&line, Level::INFO, &PLACE);
    let fields = [
        ("run", report.run.as_str()),
        ("mode", "full"),
        ("outcome", "done"),
        ("users", "3"),
        ("created", "3"),
        ("deleted", "0"),
    ];
    assert_line(&line, Level::INFO, &fields);
    assert_eq!(log.warnings(), 0);
}

#[tokio::test]
async fn a_failed_sync_is_a_warning() {
    let (log, _collecting) = Log::start();
    let api = FakeApi::with_users(3);
    api.with(|state| state.failing_directory = Some("dir_1".to_owned()));
    let mirror = api.open_mirror().await;

    let reports = mirror.sync_all().await.unwrap();

    assert_eq!(reports[0].outcome, SyncOutcome::Failed);
    let line = log.only("a sync failed");
    assert_line(&line, Level::WARN, &PLACE);
    assert_line(&line, Level::WARN, &[("run", reports[0].run.as_str())]);
    assert!(line.fields["message"].contains("the listing failed"), "{line:?}");
}

/// Opens a mirror whose source is a sandbox. The answers of a sandbox have request ids, which those of [`FakeApi`] lack.
async fn mirror_of_a_sandbox() -> (Sandbox, Mirror) {
    let sandbox = Sandbox::builder().users(1).groups(0).start().unwrap();
    let client = sandbox.client().build().unwrap();
    let mirror = Mirror::builder().client(client).open(":memory:").await.unwrap();
    (sandbox, mirror)
}

#[tokio::test]
async fn a_sync_whose_directories_cannot_be_listed_logs_one_warning_with_the_request_id() {
    let (_sandbox, mirror) = mirror_of_a_sandbox().await;
    let (log, _collecting) = Log::start();

    let error = mirror.sync("org_none").await.unwrap_err();

    let line = log.only("a sync failed");
    let request_id = error.request_id().unwrap();
    assert_line(
        &line,
        Level::WARN,
        &[("organization_id", "org_none"), ("directory_id", ""), ("request_id", request_id)],
    );
    assert_eq!(line.fields["run"].len(), 16, "{line:?}");
    assert_eq!(log.warnings(), 1);
}

#[tokio::test]
async fn a_sync_of_a_directory_that_does_not_exist_logs_one_warning() {
    let (log, _collecting) = Log::start();
    let mirror = FakeApi::with_users(1).open_mirror().await;

    mirror.sync("org_1").directory("dir_none").await.unwrap_err();

    assert_line(
        &log.only("a sync failed"),
        Level::WARN,
        &[("organization_id", "org_1"), ("directory_id", "dir_none"), ("outcome", "failed")],
    );
    assert_eq!(log.warnings(), 1);
}

#[tokio::test]
async fn each_organization_that_fails_in_a_sync_of_all_logs_one_warning_with_its_run_id() {
    let (log, _collecting) = Log::start();
    let api = FakeApi::with_users(1);
    api.with(|state| state.unknown_organizations = vec!["org_2".to_owned()]);
    let mirror = api.open_mirror().await;

    let reports = mirror.sync_all().await.unwrap();

    let failed = reports.iter().find(|report| report.organization_id == "org_2").unwrap();
    let fields = [("organization_id", "org_2"), ("run", failed.run.as_str())];
    assert_line(&log.only("a sync failed"), Level::WARN, &fields);
    assert_eq!(log.warnings(), 1);
}

#[tokio::test]
async fn an_organization_whose_sync_panics_logs_one_warning() {
    let (log, _collecting) = Log::start();
    let api = FakeApi::with_users(1);
    api.with(|state| state.panicking_organization = Some("org_1".to_owned()));
    let mirror = api.open_mirror().await;

    let reports = mirror.sync_all().await.unwrap();

    let failed = reports.iter().find(|report| report.organization_id == "org_1").unwrap();
    let fields = [("organization_id", "org_1"), ("run", failed.run.as_str())];
    assert_line(&log.only("a sync failed"), Level::WARN, &fields);
}

#[tokio::test]
async fn a_sync_of_all_that_fails_before_any_organization_logs_one_warning() {
    let (log, _collecting) = Log::start();
    let api = FakeApi::with_users(1);
    api.with(|state| {
        state.organizations.clear();
        state.organizations_fail = true;
    });
    let mirror = api.open_mirror().await;

    mirror.sync_all().await.unwrap_err();

    assert_line(&log.only("a sync failed"), Level::WARN, &[("organization_id", "")]);
    assert_eq!(log.warnings(), 1);
}

#[tokio::test]
async fn a_listing_of_organizations_that_fails_after_a_page_is_a_warning() {
    let (log, _collecting) = Log::start();
    let api = FakeApi::with_users(3);
    api.with(|state| state.organizations_fail = true);
    api.open_mirror().await.sync_all().await.unwrap();
    assert_line(&log.only("a sync failed"), Level::WARN, &[("organization_id", ""), ("directory_id", "")]);
}

#[tokio::test]
async fn each_hold_is_a_warning_in_each_sync() {
    let api = FakeApi::with_users(10);
    let mirror = crate::api::open(api.mirror_builder().guard_users(0).guard_share(0.0)).await;
    full_sync(&mirror).await.unwrap();
    api.list_numbered_users(9);
    full_sync(&mirror).await.unwrap_err();
    let hold = mirror.holds("org_1", None).await.unwrap().remove(0);
    let (log, _collecting) = Log::start();

    let report = mirror.sync("org_1").mode(SyncMode::Incremental).await.unwrap().remove(0);

    let line = log.only("the guard has held losses of access");
    assert_line(&line, Level::WARN, &PLACE);
    let fields = [
        ("run", report.run.as_str()),
        ("hold", hold.id.as_str()),
        ("reason", "mass_removal"),
        ("count", "1"),
        ("limit", "0"),
        ("since", "2025-06-01T12:00:00Z"),
    ];
    assert_line(&line, Level::WARN, &fields);
    assert_line(&log.only("a sync ended"), Level::INFO, &[("outcome", "held")]);
}

#[tokio::test]
async fn the_warning_of_an_incomplete_sync_has_the_time_of_the_first_incomplete_sync() {
    let (log, _collecting) = Log::start();
    let api = FakeApi::with_users(3);
    api.with(|state| state.reported_total = Some(4));
    let mirror = api.open_mirror().await;
    full_sync(&mirror).await.unwrap();
    assert_line(&log.only("a sync was incomplete"), Level::WARN, &[("since", "2025-06-01T12:00:00Z")]);
    api.with(|state| state.now += Duration::from_secs(3_600));
    let (log, _collecting) = Log::start();

    let report = full_sync(&mirror).await.unwrap();

    let line = log.only("a sync was incomplete");
    assert_line(&line, Level::WARN, &PLACE);
    assert_line(&line, Level::WARN, &[("since", "2025-06-01T12:00:00Z"), ("run", report.run.as_str())]);
    assert!(line.fields["message"].contains("the listing has 3 users, but its total is 4"), "{line:?}");
}

#[tokio::test]
async fn a_missing_directory_is_a_warning_in_each_sync() {
    let api = FakeApi::with_users(3);
    let mirror = api.synced_mirror().await;
    api.with(|state| state.has_lost_directories = true);
    for _ in 0..2 {
        let (log, _collecting) = Log::start();
        let report = mirror.sync("org_1").await.unwrap().remove(0);
        let line = log.only("a mirrored directory is missing");
        assert_line(&line, Level::WARN, &PLACE);
        assert_line(&line, Level::WARN, &[("run", report.run.as_str())]);
    }
}

#[tokio::test]
async fn a_listed_directory_of_another_organization_is_a_warning() {
    let api = FakeApi::with_users(3);
    let mirror = api.synced_mirror().await;
    api.with(|state| state.directories[0]["organization_id"] = json!("org_2"));
    let (log, _collecting) = Log::start();

    let report = mirror.sync("org_2").await.unwrap().remove(0);

    let line = log.only("a listed directory is mirrored in another organization");
    let fields =
        [("organization_id", "org_2"), ("directory_id", "dir_1"), ("owner", "org_1"), ("run", report.run.as_str())];
    assert_line(&line, Level::WARN, &fields);
}

#[tokio::test]
async fn listed_users_of_another_organization_are_a_warning() {
    let api = FakeApi::with_users(3);
    let mirror = api.synced_mirror().await;
    api.with(|state| {
        state.directories.push(json!({ "id": "dir_2", "organization_id": "org_2", "enabled": true }));
        state.users.push(json!({ "id": "diruser_000", "directory": "dir_2" }));
    });
    let (log, _collecting) = Log::start();

    let report = mirror.sync("org_2").mode(SyncMode::Full).await.unwrap().remove(0);

    let line = log.only("listed users and groups are mirrored in another organization");
    let fields =
        [("organization_id", "org_2"), ("directory_id", "dir_2"), ("count", "1"), ("run", report.run.as_str())];
    assert_line(&line, Level::WARN, &fields);
}

#[tokio::test]
async fn an_event_of_another_organization_is_a_warning() {
    let mirror = FakeApi::with_users(1).synced_mirror().await;
    let (log, _collecting) = Log::start();
    let body = json!({
        "id": "evt_1", "type": USER_UPDATED, "occurred_at": "2025-06-01T12:00:00Z", "organization_id": "org_2",
        "data": { "id": "diruser_000", "email": "ada@example.com" },
    });

    mirror.apply(&event(&body)).await.unwrap();

    let line = log.only("an event of another organization or environment");
    let fields =
        [("organization_id", "org_2"), ("event_id", "evt_1"), ("event_type", USER_UPDATED), ("outcome", "foreign")];
    assert_line(&line, Level::WARN, &fields);
    assert!(!format!("{line:?}").contains("ada@"), "expected no personal data in {line:?}");
}

#[tokio::test]
async fn an_event_with_too_many_groups_is_a_warning() {
    let mirror = FakeApi::with_users(1).synced_mirror().await;
    mirror.configure(MirrorOptions { groups_per_user: Some(1), ..MirrorOptions::default() }).await.unwrap();
    let (log, _collecting) = Log::start();
    let groups = json!([{ "id": "dirgroup_1", "name": "a" }, { "id": "dirgroup_2", "name": "b" }]);
    let data = json!({ "id": "diruser_000", "groups": groups });

    apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T12:00:00Z", data).await;

    let fields = [("organization_id", "org_1"), ("event_id", "evt_1"), ("outcome", "ignored")];
    assert_line(&log.only("more groups for a user than are permitted"), Level::WARN, &fields);
}

#[tokio::test]
async fn a_pending_event_beyond_the_limit_is_a_warning() {
    let mirror = FakeApi::default().open_mirror().await;
    mirror.configure(MirrorOptions { pending_events: Some(0), ..MirrorOptions::default() }).await.unwrap();
    let (log, _collecting) = Log::start();
    let body = json!({
        "id": "evt_1", "type": USER_UPDATED, "occurred_at": "2025-06-01T12:00:00Z", "organization_id": "org_1",
        "data": { "id": "diruser_1" },
    });

    mirror.apply(&event(&body)).await.unwrap_err();

    let line = log.only("an event was not applied");
    assert_line(&line, Level::WARN, &[("organization_id", "org_1"), ("event_id", "evt_1")]);
    assert!(line.fields["message"].contains("pending events"), "{line:?}");
}

#[tokio::test]
async fn pending_events_that_expire_are_a_warning() {
    let api = FakeApi::default();
    let mirror = api.open_mirror().await;
    let data = json!({ "id": "diruser_1" });
    apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T12:00:00Z", data).await;
    api.with(|state| state.now += Duration::from_secs(31 * 86_400));
    let (log, _collecting) = Log::start();

    mirror.trim().await.unwrap();

    assert_line(&log.only("events have expired"), Level::WARN, &[("organization_id", "org_1"), ("count", "1")]);
}

#[tokio::test]
async fn old_rows_that_cannot_be_removed_are_a_warning_and_fail_nothing() {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(":memory:").unwrap());
    let api = FakeApi::with_users(3);
    let mirror = api.mirror_builder().open_in(Arc::new(Flaky::without_trim(store))).await.unwrap();
    let (log, _collecting) = Log::start();

    assert_eq!(full_sync(&mirror).await.unwrap().outcome, SyncOutcome::Done);
    assert_line(&log.only("old changes and events could not be removed"), Level::WARN, &[("organization_id", "org_1")]);

    apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T12:00:00Z", json!({ "id": "diruser_000" })).await;
    let line = log.only("old rows of the mirror could not be removed");
    assert_eq!(line.level, Level::WARN);
    assert!(line.fields["error"].contains("the rows cannot be removed"), "{line:?}");
}

#[tokio::test]
async fn a_sync_and_a_received_event_have_a_span() {
    let (log, _collecting) = Log::start();
    let mirror = FakeApi::with_users(3).open_mirror().await;

    let report = full_sync(&mirror).await.unwrap();
    apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T12:00:00Z", json!({ "id": "diruser_000" })).await;

    let spans = log.spans.lock().unwrap().clone();
    let span = |name: &str| spans.iter().find(|span| span.fields["name"] == name).unwrap().clone();
    assert_line(&span("sync"), Level::INFO, &[("organization_id", "org_1"), ("run", report.run.as_str())]);
    let event = [("organization_id", "org_1"), ("event_id", "evt_1"), ("event_type", USER_UPDATED)];
    assert_line(&span("event"), Level::DEBUG, &event);
}

#[tokio::test]
async fn a_refused_webhook_is_a_warning_with_the_reason() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let mirror = Mirror::builder().webhook(Webhook::new([secret]).unwrap()).open(":memory:").await.unwrap();
    let (log, _collecting) = Log::start();
    let headers = [("webhook-id", "msg_1"), ("webhook-timestamp", "1"), ("webhook-signature", "v1,AAAA")];

    let error: Error = mirror.receive(&headers, b"{}").await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::WebhookVerification);
    let reason = error.reason().unwrap().name();
    assert_line(&log.only("a webhook was refused"), Level::WARN, &[("reason", reason)]);
}

#[tokio::test]
async fn a_setting_that_is_ignored_is_a_warning() {
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("logs");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("mirror.db");
    Mirror::builder().guard_users(5).open(&path).await.unwrap();
    let (log, _collecting) = Log::start();

    Mirror::builder().guard_users(500).open(&path).await.unwrap();

    let fields = [("setting", "guard_users"), ("stored", "5"), ("asked", "500")];
    assert_line(&log.only("a setting of this handle is ignored"), Level::WARN, &fields);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_others_can_read_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("logs_of_modes");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("mirror.db");
    Mirror::builder().open(&path).await.unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (log, _collecting) = Log::start();

    Mirror::builder().open(&path).await.unwrap();

    let line = log.only("can be read or written by other users of this machine");
    assert_line(&line, Level::WARN, &[("file", path.to_str().unwrap())]);
}
