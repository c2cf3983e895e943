//! `headcount listen`: a receiver verifies each webhook, and applies it to a mirror of its own.

use crate::endpoint::{Endpoint, Request};
use crate::setup::{Running, Setup, on_both_stores, run, until};
use headcount::{Event, Mirror, Webhook};
use headcount_sandbox::{NewGroup, NewUser, Sandbox, UserChange};
use std::collections::BTreeMap;

/// A user without what only listings or only events say.
type User = (String, String, bool, Vec<String>);

/// A mirror in memory, and the runtime that its calls need.
struct Follower {
    runtime: tokio::runtime::Runtime,
    mirror: Mirror,
    /// Number of requests that were applied.
    applied: usize,
}

impl Follower {
    /// Makes a mirror of the sandbox.
    fn synced(setup: &Setup) -> Follower {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mirror = runtime.block_on(async {
            let client = setup.sandbox.client().build().unwrap();
            let mirror = Mirror::builder().client(client).open(":memory:").await.unwrap();
            mirror.sync_all().reports().await.unwrap();
            mirror
        });
        Follower { runtime, mirror, applied: 0 }
    }

    /// Verifies the requests that have come since the last call, and applies their events.
    fn apply(&mut self, requests: &[Request], secret: &str) {
        let webhook = Webhook::new([secret]).unwrap();
        for request in &requests[self.applied..] {
            let event = verified(&webhook, request);
            self.runtime.block_on(self.mirror.apply(&event)).unwrap();
        }
        self.applied = requests.len();
    }

    fn users(&self, organization_id: &str) -> BTreeMap<String, User> {
        self.runtime.block_on(async {
            let (mut users, mut all) = (self.mirror.users(organization_id), BTreeMap::new());
            while let Some(user) = users.next().await.unwrap() {
                all.insert(user.id, (user.email, user.family_name, user.active, user.group_ids));
            }
            all
        })
    }

    fn groups(&self, organization_id: &str) -> BTreeMap<String, String> {
        let groups = self.runtime.block_on(self.mirror.groups(organization_id, None)).unwrap();
        groups.into_iter().map(|group| (group.id, group.display_name)).collect()
    }
}

fn verified(webhook: &Webhook, request: &Request) -> Event {
    webhook.verify(&request.headers, request.body.as_bytes()).unwrap()
}

/// Starts `listen` with a short interval, and waits for the first listing.
fn listen(setup: &Setup, endpoint: &Endpoint, more: &[&str]) -> Running {
    let running = start(setup, endpoint, more);
    until("the first listing", || running.err().contains("what changes from now on is sent"));
    running
}

fn start(setup: &Setup, endpoint: &Endpoint, more: &[&str]) -> Running {
    let first = ["listen", "--forward-to", &endpoint.url, "--every", "100ms", "--backoff", "10ms"];
    Running::start(&mut setup.command(&[&first[..], more].concat()))
}

fn new_user(email: &str) -> NewUser {
    NewUser { email: email.to_owned(), ..NewUser::default() }
}

/// Hires, changes, moves and removes users and groups, and compares the mirror that gets the webhooks with a new one.
fn follow(setup: &Setup, more: &[&str]) {
    let (sandbox, organization) = (&setup.sandbox, setup.sandbox.organization_id());
    let mut follower = Follower::synced(setup);
    let endpoint = Endpoint::start(&[500, 503]);
    let running = listen(setup, &endpoint, more);
    assert!(endpoint.requests().is_empty(), "the first sync sends nothing");
    let known: Vec<String> = follower.users(organization).into_keys().collect();
    let groups: Vec<String> = follower.groups(organization).into_keys().collect();
    let team = sandbox.create_group(NewGroup { display_name: "Tiger team".to_owned(), ..NewGroup::default() }).unwrap();
    let grace =
        NewUser { groups: vec![team.id.clone()], family_name: "Hopper".to_owned(), ..new_user("grace@example.com") };
    let grace = sandbox.create_user(grace).unwrap();
    sandbox.create_user(new_user("alan@example.com")).unwrap();
    sandbox.update_user(&known[0], UserChange { active: Some(false), ..UserChange::default() }).unwrap();
    sandbox
        .update_user(&known[1], UserChange { email: Some("new@example.com".to_owned()), ..UserChange::default() })
        .unwrap();
    sandbox.add_member(&team.id, &known[2]).unwrap();
    sandbox.update_group(&groups[0], "Renamed").unwrap();
    sandbox.delete_group(&groups[1]).unwrap();
    sandbox.delete_user(&known[3]).unwrap();
    sandbox.delete_user(&grace.id).unwrap();
    let present = Follower::synced(setup);
    until("the same users", || {
        follower.apply(&endpoint.requests(), sandbox.webhook_secret());
        follower.users(organization) == present.users(organization)
    });
    until("the same groups", || {
        follower.apply(&endpoint.requests(), sandbox.webhook_secret());
        follower.groups(organization) == present.groups(organization)
    });
    running.signal("INT");
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{}", ended.err);
    assert!(ended.err.contains("the URL answered 503; attempt 3 in "), "{}", ended.err);
    assert!(!ended.err.contains("t0ken") && !ended.err.contains("whsec_"), "{}", ended.err);
    assert!(ended.out.lines().all(|line| line.starts_with("204 organization.directory")), "{}", ended.out);
    // The two refused attempts have the id of the accepted one.
    assert_eq!(endpoint.requests().len(), ended.out.lines().count() + 2);
    assert_eq!(endpoint.requests()[0].header("webhook-id"), endpoint.requests()[2].header("webhook-id"));
}

on_both_stores! {
    fn a_mirror_that_gets_the_webhooks_has_the_same_users(setup) {
        follow(&setup, &["--keep"]);
        let names: Vec<_> = setup.json(&["status"])[0]["consumers"].as_array().unwrap().iter().map(|consumer| consumer["name"].clone()).collect();
        assert_eq!(names, ["listen"]);
    }

    fn an_event_is_sent_again_and_a_later_call_continues(setup) {
        let endpoint = Endpoint::start(&[]);
        let running = listen(&setup, &endpoint, &["--keep", "--json"]);
        let user = setup.sandbox.create_user(new_user("ada@example.com")).unwrap();
        until("the event", || running.out().ends_with('\n'));
        running.signal("INT");
        let ended = running.end();
        let sent: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!(sent["type"], "organization.directory.user_created");
        assert_eq!(sent["status"], 204);
        assert_eq!(sent["attempts"], 1);

        let replay = ["listen", "--forward-to", &endpoint.url, "--keep", "--replay", sent["id"].as_str().unwrap()];
        setup.out(&replay);
        let requests = endpoint.requests();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[0].body, requests[1].body);
        assert_eq!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
        let refusing = Endpoint::start(&[400]);
        let refused = setup.run(&["listen", "--forward-to", &refusing.url, "--keep", "--replay", sent["id"].as_str().unwrap()]);
        assert_eq!(refused.code, Some(1), "{}", refused.err);

        setup.sandbox.delete_user(&user.id).unwrap();
        let running = start(&setup, &endpoint, &["--keep"]);
        until("the deletion", || running.out().contains("204 organization.directory.user_deleted evt_"));
        assert_eq!(endpoint.requests().len(), 3);
    }

    fn an_event_that_was_not_sent_cannot_be_sent_again(setup) {
        setup.out(&["sync"]);
        let endpoint = Endpoint::start(&[]);
        let id = setup.json(&["status"])[0]["mirror_id"].as_str().unwrap().replace('-', "");
        for (event, code, reason) in [
            (format!("evt_{id}_900_900"), 1, "the feed no longer has evt_"),
            (format!("evt_{id}_2_1"), 2, "is no event of the mirror at"),
            ("evt_1_1_1".to_owned(), 2, "is no event of the mirror at"),
        ] {
            let ended = setup.run(&["listen", "--forward-to", &endpoint.url, "--keep", "--replay", &event]);
            assert_eq!(ended.code, Some(code), "{event}: {}", ended.err);
            assert!(ended.err.contains(reason), "{}", ended.err);
        }
        assert!(endpoint.requests().is_empty());
    }
}

#[test]
fn a_mirror_in_memory_leaves_no_file() {
    let setup = Setup::sqlite();
    follow(&setup, &[]);
    assert_eq!(std::fs::read_dir(&setup.folder).unwrap().count(), 0);
}

#[test]
fn all_users_and_groups_are_sent_from_the_start() {
    let setup = Setup::sqlite();
    let endpoint = Endpoint::start(&[]);
    let running = start(&setup, &endpoint, &["--from-start"]);
    until("the users", || running.out().matches("user_created").count() == 6);
    running.signal("INT");
    let ended = running.end();
    assert_eq!(ended.out.matches("organization.directory.group_created").count(), 2);
    assert_eq!(ended.out.matches("organization.directory_enabled").count(), 1);
    let webhook = Webhook::new([setup.sandbox.webhook_secret()]).unwrap();
    let events = endpoint.requests().iter().map(|request| verified(&webhook, request)).collect::<Vec<_>>();
    let users = events.iter().filter(|event| event.type_().ends_with("user_created"));
    let bodies: Vec<serde_json::Value> = users.map(|event| serde_json::from_slice(event.body()).unwrap()).collect();
    assert!(bodies.iter().all(|body| body["organization_id"] == setup.sandbox.organization_id()));
    assert!(bodies.iter().all(|body| body["object"] == "DirectoryUser"));
    assert!(bodies.iter().any(|body| body["data"]["groups"][0]["name"].is_string()), "{bodies:?}");
}

#[test]
fn a_new_secret_is_shown_and_signs_the_events() {
    let setup = Setup::sqlite();
    let endpoint = Endpoint::start(&[]);
    let arguments = ["listen", "--forward-to", &endpoint.url, "--every", "100ms", "--from-start"];
    let running = Running::start(setup.command(&arguments).env_remove("SCALEKIT_WEBHOOK_SECRET"));
    until("an event", || !endpoint.requests().is_empty());
    let err = running.err();
    let secret = err.split_whitespace().find(|word| word.starts_with("whsec_")).unwrap();
    verified(&Webhook::new([secret]).unwrap(), &endpoint.requests()[0]);
}

#[test]
fn an_event_is_given_up_after_some_attempts() {
    let setup = Setup::sqlite();
    let endpoint = Endpoint::start(&[500, 500]);
    let running = listen(&setup, &endpoint, &["--give-up-after", "2", "--json"]);
    setup.sandbox.create_user(new_user("ada@example.com")).unwrap();
    until("the first event", || running.out().ends_with('\n'));
    setup.sandbox.create_user(new_user("alan@example.com")).unwrap();
    until("the second event", || running.out().lines().count() == 2 && running.out().ends_with('\n'));
    let sent: Vec<serde_json::Value> = running.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(sent[0]["status"].is_null(), "{sent:?}");
    assert_eq!(sent[0]["attempts"], 2);
    assert_eq!(sent[1]["status"], 204);
}

#[test]
fn wrong_calls_are_usage_errors() {
    let setup = Setup::sqlite();
    for arguments in [
        &["listen"][..],
        &["listen", "--forward-to", "http://example.com/hooks"],
        &["listen", "--forward-to", "http://127.0.0.1:1/", "--replay", "evt_1"],
        &["listen", "--forward-to", "http://127.0.0.1:1/", "--every", "0s"],
    ] {
        let ended = setup.run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.err);
    }
    let unset = run(setup.command(&["listen", "--forward-to", "http://127.0.0.1:1/"]).env_remove("SCALEKIT_CLIENT_ID"));
    assert_eq!(unset.code, Some(2), "{}", unset.err);
}

#[test]
fn the_last_thousand_changes_can_be_sent_again() {
    let setup = Setup::with(Sandbox::builder().users(1_100).groups(0), false);
    let endpoint = Endpoint::start(&[]);
    let running = start(&setup, &endpoint, &["--keep", "--from-start", "--json"]);
    until("all users", || running.out().matches("user_created").count() == 1_100);
    until("the positions", || setup.json(&["consumers", "list"]).len() == 2);
    running.signal("INT");
    let out = running.end().out;
    let ids: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let replay = |sent: &serde_json::Value| {
        let id = sent["id"].as_str().unwrap();
        setup.run(&["listen", "--forward-to", &endpoint.url, "--keep", "--replay", id]).code
    };
    assert_eq!(replay(&ids[0]), Some(1));
    assert_eq!(replay(&ids[ids.len() - 1_000]), Some(0));
    assert_eq!(replay(&ids[ids.len() - 1]), Some(0));
}
