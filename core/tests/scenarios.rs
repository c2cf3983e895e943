//! The scenarios of the mirror that the Rust library and every binding share, with SQLite and with PostgreSQL. tests/scenarios/README.md describes
//! their format.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use headcount::mirror::{ReconcileOptions, RoleMapEntry, RunQuery, SyncMode, UserFields, Worker};
use headcount::{Change, Mirror, MirrorBuilder, Result, Timestamp, Webhook};
use headcount_sandbox::{NewGroup, NewUser, Sandbox, UserChange};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[cfg(feature = "postgres")]
#[path = "postgres/server.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests use the rest")]
mod server;

/// Name and note with which scenarios approve and dismiss holds.
const BY: &str = "ops@example.com";
const NOTE: &str = "looked at";

/// Returns the names and contents of the scenarios.
fn scenarios() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/scenarios");
    let mut scenarios = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            scenarios.push((name, serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()));
        }
    }
    assert!(scenarios.len() >= 3, "only {} scenarios were found", scenarios.len());
    scenarios
}

#[tokio::test]
async fn every_scenario_has_the_expected_results_with_sqlite() {
    for (name, scenario) in scenarios() {
        run_scenario(&name, &scenario, Mirror::builder(), ":memory:").await;
    }
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn every_scenario_has_the_expected_results_with_postgresql() {
    let server = server::Server::shared();
    for (number, (name, scenario)) in scenarios().into_iter().enumerate() {
        let schema = format!("scenario_{number}");
        server.forget(&schema);
        run_scenario(&name, &scenario, Mirror::builder().schema(schema), &server.url).await;
    }
}

/// Runs a scenario with a mirror that `builder` opens at `path`.
async fn run_scenario(name: &str, scenario: &Value, builder: MirrorBuilder, path: &str) {
    let mut run = Run::start(scenario, builder, path).await;
    for (index, step) in scenario["steps"].as_array().unwrap().iter().enumerate() {
        run.step(&Step { json: step, at: format!("{name}, step {index}: {step}") }).await;
    }
}

/// One step of a scenario. Its methods panic if a field that the step needs is absent.
struct Step<'a> {
    json: &'a Value,
    /// Describes the step in the messages of assertions.
    at: String,
}

impl Step<'_> {
    fn text(&self, field: &str) -> String {
        self.optional_text(field).unwrap()
    }

    fn optional_text(&self, field: &str) -> Option<String> {
        self.json[field].as_str().map(str::to_owned)
    }

    fn number(&self, field: &str) -> u64 {
        self.json[field].as_u64().unwrap()
    }

    fn groups(&self) -> Option<Vec<String>> {
        let groups = self.json["groups"].as_array()?;
        Some(groups.iter().map(|group| group.as_str().unwrap().to_owned()).collect())
    }
}

/// A scenario that is being run.
struct Run {
    sandbox: Sandbox,
    webhook: Webhook,
    mirror: Mirror,
    /// Ids of the users and groups that steps created and of the holds that steps found, and the moments that steps noted, by the names that `as` gave them.
    ids: HashMap<String, String>,
    workers: Vec<Worker>,
    /// The changes that the workers have acknowledged, in this order, each with the index of its worker in `workers`.
    got: Arc<Mutex<Vec<(usize, Change)>>>,
}

impl Run {
    /// Starts the scenario's sandbox and opens its mirror.
    async fn start(scenario: &Value, builder: MirrorBuilder, path: &str) -> Run {
        let number = |field: &str| scenario["sandbox"][field].as_u64().unwrap();
        let sandbox = Sandbox::builder()
            .users(number("users") as usize)
            .groups(number("groups") as usize)
            .seed(number("seed"))
            .start()
            .unwrap();
        // No server listens at this address. The sandbox records its deliveries, and the step `receive` takes their bodies from the record.
        sandbox.register_endpoint("http://127.0.0.1:9/").unwrap();
        let webhook = Webhook::new([sandbox.webhook_secret()]).unwrap();
        let mut builder = builder.client(sandbox.client().build().unwrap()).webhook(webhook.clone());
        let settings = &scenario["mirror"];
        if let Some(users) = settings["guard_users"].as_u64() {
            builder = builder.guard_users(users);
        }
        if let Some(share) = settings["guard_share"].as_f64() {
            builder = builder.guard_share(share);
        }
        if let Some(events) = settings["guard_events"].as_bool() {
            builder = builder.guard_events(events);
        }
        if let Some(grace) = settings["deletion_grace"].as_u64() {
            builder = builder.deletion_grace(std::time::Duration::from_secs(grace));
        }
        if let Some(fields) = settings["fields"].as_array() {
            builder = builder.fields(UserFields::named(fields.iter().map(|name| name.as_str().unwrap())).unwrap());
        }
        let mirror = builder.open(path).await.unwrap();
        Run { sandbox, webhook, mirror, ids: HashMap::new(), workers: Vec::new(), got: Arc::default() }
    }

    /// Runs one step and compares its results with the expected ones.
    async fn step(&mut self, step: &Step<'_>) {
        match step.json["do"].as_str().unwrap() {
            "create_user" => self.create_user(step),
            "update_user" => self.update_user(step),
            "delete_user" => self.sandbox.delete_user(self.id(step, "user")).unwrap(),
            "delete_users" => self.delete_users(step).await,
            "create_group" => self.create_group(step),
            "update_group" => {
                self.sandbox.update_group(self.id(step, "group"), &step.text("display_name")).unwrap();
            }
            "delete_group" => self.sandbox.delete_group(self.id(step, "group")).unwrap(),
            "add_member" => self.sandbox.add_member(self.id(step, "group"), self.id(step, "user")).unwrap(),
            "remove_member" => self.sandbox.remove_member(self.id(step, "group"), self.id(step, "user")).unwrap(),
            "sync" => self.sync(step).await,
            "plan" => self.check_plan(step).await,
            "reconcile" => self.reconcile(step).await,
            "receive" => self.receive(step).await,
            "forge" => self.receive_forged(step).await,
            "role_map" => {
                let pairs: Vec<(String, String)> = serde_json::from_value(step.json["pairs"].clone()).unwrap();
                self.mirror.set_role_map(pairs).await.unwrap();
            }
            "role_map_entries" => self.set_role_map_entries(step).await,
            "unmatched_roles" => {
                let unmatched = self.mirror.unmatched_roles().await.unwrap();
                let roles: Vec<&str> = unmatched.iter().map(|entry| entry.role.as_str()).collect();
                assert_eq!(json!(roles), step.json["roles"], "{}", step.at);
            }
            "pending" => {
                let pending = self.mirror.pending_events(self.sandbox.organization_id()).await.unwrap();
                let types: Vec<&str> = pending.iter().map(|event| event.event_type.as_str()).collect();
                assert_eq!(json!(types), step.json["types"], "{}", step.at);
            }
            "runs" => {
                let directory_id = Some(self.sandbox.directory_id().to_owned());
                let runs = self.mirror.runs(RunQuery { directory_id, ..RunQuery::default() }).await.unwrap();
                let outcomes: Vec<&str> = runs.iter().map(|run| run.outcome.name()).collect();
                assert_eq!(json!(outcomes), step.json["outcomes"], "{}", step.at);
            }
            "event" => self.check_event(step).await,
            "explain" => self.check_explanation(step).await,
            "link" => {
                let account_id = step.optional_text("account_id");
                self.mirror.link(self.id(step, "user"), account_id.as_deref()).await.unwrap();
            }
            "moment" => self.note_moment(step).await,
            "at" => self.check_past_users(step).await,
            "history" => self.check_history(step).await,
            "export" => self.check_export(step).await,
            "protect" | "unprotect" => {
                let (id, reason) = (self.id(step, "user"), step.optional_text("reason"));
                match &reason {
                    Some(reason) => self.mirror.protect(id, reason).await.unwrap(),
                    None => self.mirror.unprotect(id).await.unwrap(),
                }
                assert_eq!(self.mirror.user(id).await.unwrap().unwrap().protection, reason, "{}", step.at);
            }
            "wait_for_deletion" => {
                let user = self.mirror.user(self.id(step, "user")).await.unwrap().unwrap();
                assert!(!user.active && user.deletes_at.is_some(), "{}: {user:?}", step.at);
                tokio::time::sleep(self.mirror.settings().await.unwrap().deletion_grace.unwrap()).await;
            }
            "erase_user" => self.erase_user(step).await,
            "enable_directory" => self.toggle_directory(true).await,
            "disable_directory" => self.toggle_directory(false).await,
            "retire" => {
                let users = self.mirror.retire(self.sandbox.directory_id(), BY, NOTE).await.unwrap();
                assert_eq!(users, step.number("count"), "{}", step.at);
            }
            "forget_organization" => self.forget_organization(step).await,
            "sync_all" => {
                let reports = self.mirror.sync_all().await.unwrap();
                assert_eq!(reports.len() as u64, step.number("count"), "{}", step.at);
            }
            "status" => self.check_status(step).await,
            "hold" => self.check_hold(step).await,
            "approve" => self.check_decision(step, self.mirror.approve(self.id(step, "hold"), BY, NOTE).await),
            "dismiss" => self.check_decision(step, self.mirror.dismiss(self.id(step, "hold"), BY, NOTE).await),
            "feed" => self.check_feed(step).await,
            "poll_groups" => self.check_groups(step).await,
            "skip" => drop(self.read_changes(step).await),
            "start_workers" => self.start_workers(step).await,
            "stop_workers" => self.stop_workers(step).await,
            "lose_partition" => self.lose_partition(step).await,
            other => panic!("{}: unknown step {other}", step.at),
        }
    }

    /// Returns the id of the user, group or hold that a field of the step names.
    fn id(&self, step: &Step<'_>, field: &str) -> &str {
        &self.ids[step.json[field].as_str().unwrap()]
    }

    fn create_user(&mut self, step: &Step<'_>) {
        let user = NewUser {
            email: step.text("email"),
            given_name: step.optional_text("given_name").unwrap_or_default(),
            family_name: step.optional_text("family_name").unwrap_or_default(),
            groups: step.groups().unwrap_or_default(),
            ..NewUser::default()
        };
        self.ids.insert(step.text("as"), self.sandbox.create_user(user).unwrap().id);
    }

    fn update_user(&self, step: &Step<'_>) {
        let change = UserChange {
            email: step.optional_text("email"),
            given_name: step.optional_text("given_name"),
            family_name: step.optional_text("family_name"),
            active: step.json["active"].as_bool(),
            groups: step.groups(),
            ..UserChange::default()
        };
        self.sandbox.update_user(self.id(step, "user"), change).unwrap();
    }

    async fn delete_users(&self, step: &Step<'_>) {
        let mut users = self.mirror.users(self.sandbox.organization_id());
        for _ in 0..step.number("count") {
            self.sandbox.delete_user(&users.next().await.unwrap().unwrap().id).unwrap();
        }
    }

    fn create_group(&mut self, step: &Step<'_>) {
        let group = NewGroup { display_name: step.text("display_name"), ..NewGroup::default() };
        self.ids.insert(step.text("as"), self.sandbox.create_group(group).unwrap().id);
    }

    async fn sync(&self, step: &Step<'_>) {
        let (expected, at) = (step.json, &step.at);
        let mode = SyncMode::ALL.iter().copied().find(|mode| mode.name() == expected["mode"]).unwrap();
        let sync = self.mirror.sync(self.sandbox.organization_id()).directory(self.sandbox.directory_id()).mode(mode);
        match sync.approve_removals(expected["approve_removals"].as_bool().unwrap_or(false)).await {
            Err(error) => assert_eq!(error.kind().name(), expected["error"], "{at}: {error}"),
            Ok(mut reports) => {
                let report = reports.remove(0);
                assert_eq!(report.outcome.name(), expected["outcome"], "{at}");
                for (name, value) in [
                    ("created", report.created),
                    ("updated", report.updated),
                    ("deactivated", report.deactivated),
                    ("deleted", report.deleted),
                    ("events", report.events),
                    ("erased", report.erased),
                ] {
                    assert!(expected[name].is_null() || expected[name] == value, "{at}: {name} is {value}");
                }
            }
        }
    }

    async fn check_plan(&self, step: &Step<'_>) {
        let (expected, at) = (step.json, &step.at);
        let mode = SyncMode::ALL.iter().copied().find(|mode| mode.name() == expected["mode"]).unwrap();
        let plan = self.mirror.plan(self.sandbox.organization_id()).directory(self.sandbox.directory_id()).mode(mode);
        let plan = plan.approve_removals(expected["approve_removals"].as_bool().unwrap_or(false)).await.unwrap();
        assert_eq!(plan.outcome().name(), expected["outcome"], "{at}");
        let error = plan.error().map(|error| error.kind().name());
        assert_eq!(json!(error), expected["error"], "{at}: error");
        let reasons: Vec<&str> = plan.holds().map(|hold| hold.reason.name()).collect();
        assert_eq!(json!(reasons), expected["reasons"], "{at}: reasons");
        let counts: BTreeMap<&str, u64> = plan.counts().iter().map(|(kind, count)| (kind.name(), *count)).collect();
        assert_eq!(json!(counts), expected["counts"], "{at}: counts");
        let (mut changes, mut found) = (plan.changes(), BTreeMap::new());
        while let Some(change) = changes.next().await.unwrap() {
            *found.entry(change.kind.name()).or_default() += 1;
        }
        assert_eq!(found, counts, "{at}: changes");
    }

    async fn note_moment(&mut self, step: &Step<'_>) {
        let (mut history, mut last) = (self.mirror.history(), None);
        while let Some(entry) = history.next().await.unwrap() {
            last = Some(entry.at);
        }
        self.ids.insert(step.text("as"), last.unwrap().to_string());
        // Times are compared in milliseconds.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    fn moment(&self, step: &Step<'_>, key: &str) -> Option<Timestamp> {
        step.optional_text(key).map(|name| self.ids[&name].parse().unwrap())
    }

    async fn check_past_users(&self, step: &Step<'_>) {
        let group_id = step.optional_text("group").map(|name| self.ids[&name].clone());
        let users = self.mirror.at(self.moment(step, "moment").unwrap(), self.sandbox.organization_id());
        let role = step.optional_text("role");
        let mut users = users.group(group_id.as_deref()).role(role.as_deref());
        let mut emails = Vec::new();
        while let Some(user) = users.next().await.unwrap() {
            emails.push(user.email);
        }
        emails.sort();
        assert_eq!(json!(emails), step.json["emails"], "{}", step.at);
    }

    async fn check_export(&self, step: &Step<'_>) {
        let group_id = step.optional_text("group").map(|name| self.ids[&name].clone());
        let organization_id = self.sandbox.organization_id();
        let users = match self.moment(step, "moment") {
            Some(moment) => self.mirror.at(moment, organization_id),
            None => self.mirror.users(organization_id),
        };
        let users = users.group(group_id.as_deref()).role(step.optional_text("role").as_deref());
        let mut export = users.export(step.text("format").parse().unwrap());
        let mut text = String::new();
        while let Some(piece) = export.next().await.unwrap() {
            text.push_str(&piece);
        }
        assert_eq!(text.lines().count(), step.number("count") as usize, "{}: {text}", step.at);
        for part in step.json["contains"].as_array().unwrap() {
            assert!(text.contains(part.as_str().unwrap()), "{}: {part} is not in {text}", step.at);
        }
    }

    async fn check_history(&self, step: &Step<'_>) {
        let history = self.mirror.history().user(self.id(step, "user"));
        let mut history = history.since(self.moment(step, "since")).until(self.moment(step, "until"));
        let mut kinds = Vec::new();
        while let Some(entry) = history.next().await.unwrap() {
            kinds.push(entry.kinds.join(" "));
        }
        assert_eq!(json!(kinds), step.json["kinds"], "{}", step.at);
    }

    /// Returns the body of the delivery that the step names.
    fn delivery(&self, step: &Step<'_>) -> String {
        self.sandbox.deliveries()[step.number("delivery") as usize].body.clone()
    }

    async fn receive(&self, step: &Step<'_>) {
        let body = self.delivery(step);
        let headers = self.webhook.sign(body.as_bytes(), None, None).unwrap();
        let outcome = self.mirror.receive(&headers, body.as_bytes()).await.unwrap();
        assert_eq!(outcome.name(), step.json["outcome"], "{}", step.at);
    }

    /// Explains a user, and compares the explanation.
    async fn check_explanation(&self, step: &Step<'_>) {
        let why = self.mirror.explain(self.id(step, "user")).await.unwrap();
        let kinds: Vec<&String> = why.changes.iter().flat_map(|explained| &explained.entry.kinds).collect();
        let cause = |cause: &str| cause.split(':').next().unwrap_or_default().to_owned();
        let causes: Vec<String> = why.changes.iter().map(|explained| cause(&explained.entry.cause)).collect();
        assert_eq!(why.state.name(), step.text("state"), "{}", step.at);
        assert_eq!(json!(kinds), step.json["kinds"], "{}", step.at);
        assert_eq!(json!(causes), step.json["causes"], "{}", step.at);
        for explained in &why.changes {
            let records = [explained.run.is_some(), explained.event.is_some(), explained.approval.is_some()];
            let has_record = records.contains(&true) || explained.retirement.is_some();
            assert_eq!(has_record, explained.entry.cause != "roles", "{}", step.at);
        }
        assert_eq!(why.roles.len() as u64, step.number("grants"), "{}", step.at);
        assert_eq!(why.events.len() as u64, step.number("events"), "{}", step.at);
        assert_eq!(why.holds.len() as u64, step.number("holds"), "{}", step.at);
        assert!(!why.outlook.is_empty(), "{}", step.at);
        assert!(why.text(false).contains(&why.user_id) && !why.text(false).contains('@'), "{}", step.at);
        assert!(why.user.is_none() || why.text(true).contains('@'), "{}", step.at);
    }

    /// Looks up the event of a delivery, and compares what the mirror did with it.
    async fn check_event(&self, step: &Step<'_>) {
        let delivery = &self.sandbox.deliveries()[step.number("delivery") as usize];
        let body: Value = serde_json::from_str(&delivery.body).unwrap();
        let event = self.mirror.event(body["id"].as_str().unwrap()).await.unwrap().unwrap();
        assert_eq!(event.subject_id.as_deref(), Some(self.id(step, "user")), "{}", step.at);
        assert_eq!(event.outcome.map(|outcome| outcome.name()), step.json["outcome"].as_str(), "{}", step.at);
        assert_eq!(json!(event.settled_at.is_some()), step.json["settled"], "{}", step.at);
        assert_eq!(json!(event.why.is_some()), step.json["explained"], "{}", step.at);
    }

    /// Passes a body with one byte more than was signed to `receive`, which must refuse it.
    async fn receive_forged(&self, step: &Step<'_>) {
        let mut body = self.delivery(step);
        let headers = self.webhook.sign(body.as_bytes(), None, None).unwrap();
        body.push(' ');
        let error = self.mirror.receive(&headers, body.as_bytes()).await.unwrap_err();
        assert_eq!(error.kind().name(), "webhook_verification", "{}", step.at);
    }

    async fn erase_user(&self, step: &Step<'_>) {
        let id = self.id(step, "user");
        let erasure = self.mirror.erase_user(id).await.unwrap();
        assert_eq!(erasure.user_id, id, "{}", step.at);
        assert_eq!(json!(erasure.was_mirrored), step.json["was_mirrored"], "{}", step.at);
        assert_eq!(erasure.changes, step.number("count"), "{}", step.at);
        assert!(self.mirror.user(id).await.unwrap().is_none(), "{}", step.at);
    }

    /// Enables or disables the sandbox's directory.
    async fn toggle_directory(&self, enables: bool) {
        let client = self.sandbox.client().build().unwrap();
        let (directories, ids) = (client.directories(), (self.sandbox.organization_id(), self.sandbox.directory_id()));
        let toggled = match enables {
            true => directories.enable(ids.0, ids.1).await,
            false => directories.disable(ids.0, ids.1).await,
        };
        toggled.unwrap();
    }

    async fn forget_organization(&self, step: &Step<'_>) {
        let id = self.sandbox.organization_id();
        match self.mirror.forget_organization(id).await {
            Err(error) => assert_eq!(error.kind().name(), step.json["error"], "{}: {error}", step.at),
            Ok(erasure) => {
                assert_eq!(erasure.organization_id, id, "{}", step.at);
                assert_eq!(json!(erasure.was_mirrored), step.json["was_mirrored"], "{}", step.at);
                assert_eq!(erasure.users, step.number("users"), "{}", step.at);
                assert_eq!(erasure.changes, step.number("count"), "{}", step.at);
            }
        }
    }

    async fn set_role_map_entries(&self, step: &Step<'_>) {
        let entries = step.json["entries"].as_array().unwrap().iter().map(|json| {
            let entry = Step { json, at: step.at.clone() };
            let group = entry.optional_text("group").unwrap_or_else(|| self.id(&entry, "id_of").to_owned());
            let made = match entry.text("key").as_str() {
                "id" => RoleMapEntry::by_id(group, entry.text("role")),
                _ => RoleMapEntry::by_name(group, entry.text("role")),
            };
            match entry.optional_text("organization").as_deref() {
                Some("own") => made.in_organization(self.sandbox.organization_id()),
                Some(_) => made.in_organization("org_0"),
                None => made,
            }
        });
        self.mirror.set_role_map(entries).await.unwrap();
    }

    async fn reconcile(&self, step: &Step<'_>) {
        let ids = |field: &str| {
            let names = step.json[field].as_array().unwrap();
            names.iter().map(|name| self.ids[name.as_str().unwrap()].clone()).collect::<Vec<String>>()
        };
        let mut options = ReconcileOptions::default();
        options.organization_id = Some(self.sandbox.organization_id().to_owned());
        let absent = self.mirror.reconcile(ids("known"), options).await;
        if step.json["error"].is_string() {
            assert_eq!(absent.unwrap_err().kind().name(), step.json["error"], "{}", step.at);
            return;
        }
        let mut expected = ids("absent");
        expected.sort_unstable();
        assert_eq!(absent.unwrap(), expected, "{}", step.at);
    }

    async fn check_status(&self, step: &Step<'_>) {
        let status = self.mirror.status().await.unwrap().remove(0);
        assert_eq!(json!(status.users), step.json["users"], "{}: users", step.at);
        assert_eq!(json!(status.groups), step.json["groups"], "{}: groups", step.at);
        let held = status.held.map(|held| held.reason.name());
        assert_eq!(json!(held), step.json["held"], "{}: held", step.at);
    }

    async fn check_hold(&mut self, step: &Step<'_>) {
        let holds = self.mirror.holds(self.sandbox.organization_id(), Some(self.sandbox.directory_id())).await.unwrap();
        let hold = holds.into_iter().find(|hold| hold.reason.name() == step.json["reason"]).unwrap();
        assert_eq!(hold.count, step.number("count"), "{}: count", step.at);
        assert_eq!(hold.limit, step.number("limit"), "{}: limit", step.at);
        let named = self.mirror.hold_users(&hold.id).unwrap().next_page().await.unwrap();
        assert_eq!(named.len() as u64, hold.count, "{}: hold_users", step.at);
        self.ids.insert(step.text("as"), hold.id);
    }

    /// Compares the result of a decision about a hold with the step's `count` or `error`.
    fn check_decision(&self, step: &Step<'_>, decided: Result<u64>) {
        match decided {
            Ok(count) => assert_eq!(json!(count), step.json["count"], "{}", step.at),
            Err(error) => assert_eq!(error.kind().name(), step.json["error"], "{}: {error}", step.at),
        }
    }

    async fn check_feed(&self, step: &Step<'_>) {
        let changes = self.read_changes(step).await;
        let expected = step.json["changes"].as_array().unwrap();
        let found: Vec<Value> =
            changes.iter().enumerate().map(|(index, change)| describe(change, expected.get(index))).collect();
        assert_eq!(found, *expected, "{}", step.at);
    }

    fn worker(&self, step: &Step<'_>) -> Worker {
        self.mirror.consumer(&step.text("consumer")).partitions(step.number("partitions") as u32).start().unwrap()
    }

    async fn start_workers(&mut self, step: &Step<'_>) {
        let count = step.number("count") as usize;
        self.workers = (0..count).map(|_| self.worker(step)).collect();
        for (place, worker) in self.workers.iter().cloned().enumerate() {
            let got = Arc::clone(&self.got);
            tokio::spawn(async move {
                while let Some(change) = worker.next().await.unwrap() {
                    worker.ack(change.seq).await.unwrap();
                    got.lock().unwrap().push((place, change));
                }
            });
        }
        let share = step.number("partitions") as usize / count;
        until(step, || self.workers.iter().all(|worker| worker.partitions().len() == share)).await;
    }

    async fn stop_workers(&mut self, step: &Step<'_>) {
        let count = step.number("count") as usize;
        until(step, || self.got.lock().unwrap().len() >= count).await;
        for worker in &self.workers {
            worker.close().await.unwrap();
        }
        let got = std::mem::take(&mut *self.got.lock().unwrap());
        let numbers: Vec<i64> = got.iter().map(|(_, change)| change.seq).collect();
        assert_eq!(numbers.iter().copied().collect::<BTreeSet<_>>(), (1..=count as i64).collect(), "{}", step.at);
        assert_eq!(numbers.len(), count, "{}: expected each change once", step.at);
        let places: BTreeSet<usize> = got.iter().map(|(place, _)| *place).collect();
        assert_eq!(places.len(), self.workers.len(), "{}: expected each worker to get a change", step.at);
        let mut of_users = BTreeMap::<String, Vec<(usize, i64)>>::new();
        for (place, change) in got {
            if let Some(user) = change.user {
                of_users.entry(user.id).or_default().push((place, change.seq));
            }
        }
        for changes in of_users.values() {
            assert!(changes.is_sorted_by(|one, next| one.0 == next.0 && one.1 < next.1), "{}: {changes:?}", step.at);
        }
    }

    async fn lose_partition(&self, step: &Step<'_>) {
        let (one, two) = (self.worker(step), self.worker(step));
        let lost = one.next().await.unwrap().unwrap();
        one.close().await.unwrap();
        assert_eq!(one.ack(lost.seq).await.unwrap_err().kind().name(), step.text("error"), "{}", step.at);
        let again = two.next().await.unwrap().unwrap();
        assert_eq!(again.seq, lost.seq, "{}", step.at);
        two.ack(again.seq).await.unwrap();
        two.close().await.unwrap();
    }

    async fn check_groups(&self, step: &Step<'_>) {
        let (consumer, limit) = (step.text("consumer"), step.number("limit") as usize);
        let groups = self.mirror.poll_groups(&consumer, limit).await.unwrap();
        let kinds = |group: &Vec<Change>| group.iter().map(|change| change.kind.name()).collect::<Vec<_>>().join(" ");
        assert_eq!(json!(groups.iter().map(kinds).collect::<Vec<_>>()), step.json["kinds"], "{}", step.at);
        let changes = groups.concat();
        let count = step.json["count"].as_u64().map_or(changes.len(), |count| count as usize);
        if let Some(last) = changes[..count].last() {
            self.mirror.ack(&consumer, last.seq).await.unwrap();
        }
    }

    /// Polls and acknowledges as the step's consumer until the feed has no further change. Returns the changes.
    async fn read_changes(&self, step: &Step<'_>) -> Vec<Change> {
        let consumer = step.text("consumer");
        let mut changes = Vec::new();
        loop {
            let batch = self.mirror.poll(&consumer, 2).await.unwrap();
            let Some(last) = batch.last() else { return changes };
            self.mirror.ack(&consumer, last.seq).await.unwrap();
            changes.extend(batch);
        }
    }
}

/// Waits until a condition is met. Panics after 60 s.
async fn until(step: &Step<'_>, condition: impl Fn() -> bool) {
    let met = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(60), met).await.is_ok(),
        "{}: the condition was not met within 60 s",
        step.at
    );
}

/// Returns a change in the form of a scenario's expected change: with the fields that `expected` has, or with all fields if it is `None`.
fn describe(change: &Change, expected: Option<&Value>) -> Value {
    let user = change.user.as_ref();
    let mut description = json!({
        "kind": change.kind.name(),
        "user": user.map(|user| &user.email),
        "group": change.group.as_ref().map(|group| &group.display_name),
        "fields": change.fields,
        "roles": user.map(|user| &user.roles),
        "active": user.map(|user| user.active),
        "linked_id": user.map(|user| &user.linked_id),
        "cause": change.cause.split(':').next(),
        "rehire": change.possible_rehire_of.is_some(),
        "rehire_linked_id": change.possible_rehire_linked_id,
    });
    if let Some(expected) = expected {
        description.as_object_mut().unwrap().retain(|name, _| expected.get(name).is_some());
    }
    description
}
