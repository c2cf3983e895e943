//! The shared scenarios of the mirror, in Rust: see tests/scenarios/README.md.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use headcount::{Change, Mirror, SyncMode, Webhook};
use headcount_sandbox::{NewGroup, NewUser, Sandbox, UserChange};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;

#[tokio::test]
async fn every_scenario_leads_to_its_feed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/scenarios");
    let mut played = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let scenario: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            play(path.file_stem().unwrap().to_str().unwrap(), &scenario).await;
            played += 1;
        }
    }
    assert!(played >= 3);
}

async fn play(name: &str, scenario: &Value) {
    let made = &scenario["sandbox"];
    let number = |value: &Value| value.as_u64().unwrap();
    let sandbox = Sandbox::builder()
        .users(number(&made["users"]) as usize)
        .groups(number(&made["groups"]) as usize)
        .seed(number(&made["seed"]))
        .start()
        .unwrap();
    sandbox.register_endpoint("http://127.0.0.1:9/");
    let webhook = Webhook::new([sandbox.webhook_secret()]).unwrap();
    let mut settings = Mirror::builder().client(sandbox.client().build().unwrap()).webhook(webhook.clone());
    if let Some(users) = scenario["mirror"]["guard_users"].as_u64() {
        settings = settings.guard_users(users);
    }
    if let Some(share) = scenario["mirror"]["guard_share"].as_f64() {
        settings = settings.guard_share(share);
    }
    if let Some(events) = scenario["mirror"]["guard_events"].as_bool() {
        settings = settings.guard_events(events);
    }
    let mirror = settings.open(":memory:").await.unwrap();
    let mut ids = HashMap::<String, String>::new();
    for (index, step) in scenario["steps"].as_array().unwrap().iter().enumerate() {
        let at = format!("{name}, step {index}: {step}");
        let text = |field: &str| step[field].as_str().map(str::to_owned);
        let id = |field: &str| ids[step[field].as_str().unwrap()].clone();
        let groups =
            step["groups"].as_array().map(|groups| groups.iter().map(|it| it.as_str().unwrap().to_owned()).collect());
        match step["do"].as_str().unwrap() {
            "create_user" => {
                let user = NewUser {
                    email: text("email").unwrap(),
                    given_name: text("given_name").unwrap_or_default(),
                    family_name: text("family_name").unwrap_or_default(),
                    groups: groups.unwrap_or_default(),
                    ..NewUser::default()
                };
                ids.insert(text("as").unwrap(), sandbox.create_user(user).unwrap().id);
            }
            "update_user" => {
                let change = UserChange {
                    email: text("email"),
                    given_name: text("given_name"),
                    family_name: text("family_name"),
                    active: step["active"].as_bool(),
                    groups,
                    ..UserChange::default()
                };
                sandbox.update_user(&id("user"), change).unwrap();
            }
            "delete_user" => sandbox.delete_user(&id("user")).unwrap(),
            "create_group" => {
                let group = NewGroup { display_name: text("display_name").unwrap(), ..NewGroup::default() };
                ids.insert(text("as").unwrap(), sandbox.create_group(group).unwrap().id);
            }
            "update_group" => drop(sandbox.update_group(&id("group"), &text("display_name").unwrap()).unwrap()),
            "delete_group" => sandbox.delete_group(&id("group")).unwrap(),
            "add_member" => sandbox.add_member(&id("group"), &id("user")).unwrap(),
            "remove_member" => sandbox.remove_member(&id("group"), &id("user")).unwrap(),
            "delete_users" => {
                let mut users = mirror.users(sandbox.organization_id());
                for _ in 0..number(&step["count"]) {
                    sandbox.delete_user(&users.next().await.unwrap().unwrap().id).unwrap();
                }
            }
            "sync" => sync(&mirror, &sandbox, step, &at).await,
            "receive" | "forge" => {
                let mut body = sandbox.deliveries()[number(&step["delivery"]) as usize].body.clone();
                let headers = webhook.sign(body.as_bytes(), None, None).unwrap();
                if step["do"] == "forge" {
                    body.push(' ');
                    let error = mirror.receive(&headers, body.as_bytes()).await.unwrap_err();
                    assert_eq!(error.kind().name(), "webhook_verification", "{at}");
                } else {
                    let outcome = mirror.receive(&headers, body.as_bytes()).await.unwrap();
                    assert_eq!(outcome.name(), step["outcome"], "{at}");
                }
            }
            "role_map" => {
                let pairs: Vec<(String, String)> = serde_json::from_value(step["pairs"].clone()).unwrap();
                mirror.set_role_map(pairs).await.unwrap();
            }
            "link" => mirror.link(&id("user"), text("account_id").as_deref()).await.unwrap(),
            "status" => {
                let status = mirror.status().await.unwrap().remove(0);
                let held = status.held.map(|held| held.reason.name());
                assert_eq!(
                    json!({ "users": status.users, "groups": status.groups, "held": held }),
                    json!({
                    "users": step["users"], "groups": step["groups"], "held": step["held"] }),
                    "{at}"
                );
            }
            "feed" => {
                let (changes, expected) = (drain(&mirror, step).await, step["changes"].as_array().unwrap());
                let found: Vec<Value> =
                    changes.iter().enumerate().map(|(n, it)| described(it, expected.get(n))).collect();
                assert_eq!(found, *expected, "{at}");
            }
            "skip" => drop(drain(&mirror, step).await),
            other => panic!("{at}: there is no step {other}"),
        }
    }
}

async fn sync(mirror: &Mirror, sandbox: &Sandbox, step: &Value, at: &str) {
    let mode = SyncMode::ALL.iter().copied().find(|mode| mode.name() == step["mode"]).unwrap();
    let sync = mirror.sync(sandbox.organization_id()).directory(sandbox.directory_id()).mode(mode);
    match sync.approve_removals(step["approve_removals"].as_bool().unwrap_or(false)).await {
        Err(error) => assert_eq!(error.kind().name(), step["error"], "{at}: {error}"),
        Ok(mut reports) => {
            let report = reports.remove(0);
            assert_eq!(report.outcome.name(), step["outcome"], "{at}");
            for (name, value) in [
                ("created", report.created),
                ("updated", report.updated),
                ("deactivated", report.deactivated),
                ("deleted", report.deleted),
                ("events", report.events),
            ] {
                assert!(step[name].is_null() || step[name] == value, "{at}: {name} is {value}");
            }
        }
    }
}

async fn drain(mirror: &Mirror, step: &Value) -> Vec<Change> {
    let (consumer, mut all) = (step["consumer"].as_str().unwrap(), Vec::new());
    loop {
        let batch = mirror.poll(consumer, 2).await.unwrap();
        let Some(last) = batch.last() else { return all };
        mirror.ack(consumer, last.seq).await.unwrap();
        all.extend(batch);
    }
}

/// A change in the words of its entry.
fn described(change: &Change, entry: Option<&Value>) -> Value {
    let user = change.user.as_ref();
    let mut said = json!({
        "kind": change.kind.name(),
        "user": user.map(|user| &user.email),
        "group": change.group.as_ref().map(|group| &group.display_name),
        "fields": change.fields,
        "roles": user.map(|user| &user.roles),
        "active": user.map(|user| user.active),
        "linked_id": user.map(|user| &user.linked_id),
        "cause": change.cause.split(':').next(),
    });
    if let Some(entry) = entry {
        said.as_object_mut().unwrap().retain(|name, _| entry.get(name).is_some());
    }
    said
}
