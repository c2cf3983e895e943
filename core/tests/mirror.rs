//! The mirror against the sandbox, over real HTTP: syncs, webhooks, the guard, roles, links and the feed.
#![allow(clippy::unwrap_used, reason = "a test")]

use headcount::{
    Change, ChangeKind, Error, ErrorKind, HeldReason, Mirror, Outcome, SyncMode, SyncOutcome, SyncReport, Webhook,
};
use headcount_sandbox::{NewGroup, NewUser, Sandbox, UserChange};
use std::time::Duration;

async fn mirror(sandbox: &Sandbox) -> Mirror {
    let webhook = Webhook::new([sandbox.webhook_secret()]).unwrap();
    let client = sandbox.client().build().unwrap();
    Mirror::builder().client(client).webhook(webhook).open(":memory:").await.unwrap()
}

async fn full(mirror: &Mirror, sandbox: &Sandbox) -> Result<SyncReport, Error> {
    let sync = mirror.sync(sandbox.organization_id()).directory(sandbox.directory_id()).mode(SyncMode::Full);
    sync.await.map(|mut reports| reports.remove(0))
}

async fn all(mirror: &Mirror, consumer: &str) -> Vec<Change> {
    let mut all = Vec::new();
    loop {
        let batch = mirror.poll(consumer, 100).await.unwrap();
        let Some(last) = batch.last() else { return all };
        mirror.ack(consumer, last.seq).await.unwrap();
        all.extend(batch);
    }
}

fn kinds(changes: &[Change]) -> Vec<ChangeKind> {
    changes.iter().map(|change| change.kind).collect()
}

fn hire(email: &str, groups: &[&str]) -> NewUser {
    NewUser {
        email: email.to_owned(),
        given_name: "Ada".to_owned(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        ..NewUser::default()
    }
}

#[tokio::test]
async fn a_first_sync_tells_of_everybody_and_a_second_of_nobody() {
    let sandbox = Sandbox::builder().users(100).groups(5).start().unwrap();
    let mirror = mirror(&sandbox).await;
    let reports = mirror.sync(sandbox.organization_id()).await.unwrap();
    assert_eq!(reports.len(), 1);
    let report = &reports[0];
    assert_eq!((report.mode, report.outcome), (SyncMode::Full, SyncOutcome::Done));
    assert_eq!((report.users, report.groups, report.created, report.deleted), (100, 5, 100, 0));
    let changes = all(&mirror, "app").await;
    assert_eq!(changes[0].kind, ChangeKind::DirectoryEnabled);
    assert_eq!(changes.iter().filter(|change| change.kind == ChangeKind::GroupCreated).count(), 5);
    assert_eq!(changes.iter().filter(|change| change.kind == ChangeKind::UserCreated).count(), 100);
    assert!(changes.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    assert_eq!(changes.last().unwrap().cause, format!("sync:{}", report.run));

    let again = full(&mirror, &sandbox).await.unwrap();
    assert_eq!((again.users, again.changes), (100, 0));
    let auto = mirror.sync(sandbox.organization_id()).await.unwrap();
    assert_eq!((auto[0].mode, auto[0].changes), (SyncMode::Incremental, 0));
    assert_eq!(all(&mirror, "app").await, []);

    let status = mirror.status().await.unwrap();
    assert_eq!((status[0].users, status[0].groups, status[0].held.clone()), (100, 5, None));
    let mut users = mirror.users(sandbox.organization_id());
    let mut count = 0;
    while let Some(user) = users.next().await.unwrap() {
        assert!(user.active && user.detail.is_some());
        count += 1;
    }
    assert_eq!(count, 100);
}

#[tokio::test]
async fn hires_changes_and_leavers_by_sync() {
    use ChangeKind::*;
    let sandbox = Sandbox::builder().users(10).groups(2).start().unwrap();
    let mirror = mirror(&sandbox).await;
    full(&mirror, &sandbox).await.unwrap();
    all(&mirror, "app").await;
    let group = mirror.groups(sandbox.organization_id(), None).await.unwrap().remove(0);

    let ada = sandbox.create_user(hire("ada@example.com", &[&group.id])).unwrap();
    let report = mirror.sync(sandbox.organization_id()).mode(SyncMode::Incremental).await.unwrap().remove(0);
    assert_eq!((report.mode, report.created), (SyncMode::Incremental, 1));
    let changes = all(&mirror, "app").await;
    assert_eq!(kinds(&changes), [UserCreated, MembershipAdded]);
    assert_eq!(changes[0].user.as_ref().unwrap().id, ada.id);
    assert_eq!(changes[1].group.as_ref().unwrap().id, group.id);

    mirror.link(&ada.id, Some("acct_42")).await.unwrap();
    let change = UserChange { email: Some("king@example.com".into()), active: Some(false), ..UserChange::default() };
    sandbox.update_user(&ada.id, change).unwrap();
    mirror.sync(sandbox.organization_id()).await.unwrap();
    let changes = all(&mirror, "app").await;
    assert_eq!(kinds(&changes), [UserUpdated, UserDeactivated]);
    assert_eq!(changes[0].fields, ["email", "emails", "detail"]);
    assert_eq!(changes[1].fields, ["active"]);
    assert_eq!(changes[1].user.as_ref().unwrap().linked_id.as_deref(), Some("acct_42"));
    assert_eq!(mirror.find_users("KING@example.com").await.unwrap()[0].id, ada.id);

    sandbox.delete_user(&ada.id).unwrap();
    let report = mirror.sync(sandbox.organization_id()).await.unwrap().remove(0);
    assert_eq!((report.mode, report.deleted), (SyncMode::Incremental, 0));
    let report = full(&mirror, &sandbox).await.unwrap();
    assert_eq!(report.deleted, 1);
    let changes = all(&mirror, "app").await;
    assert_eq!(kinds(&changes), [MembershipRemoved, UserDeleted]);
    assert_eq!(changes[1].user.as_ref().unwrap().linked_id.as_deref(), Some("acct_42"));
    assert_eq!(mirror.user(&ada.id).await.unwrap(), None);
    assert_eq!(mirror.link("diruser_0", None).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn the_guard_holds_a_mass_removal_until_it_is_approved() {
    let sandbox = Sandbox::builder().users(100).start().unwrap();
    let mirror = mirror(&sandbox).await;
    full(&mirror, &sandbox).await.unwrap();
    let mut users = mirror.users(sandbox.organization_id());
    let mut gone = Vec::new();
    while let Some(user) = users.next().await.unwrap() {
        if gone.len() < 21 {
            sandbox.delete_user(&user.id).unwrap();
            gone.push(user.id);
        }
    }
    gone.sort();
    let error = full(&mirror, &sandbox).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MassRemoval);
    let removals = error.removals().unwrap();
    assert_eq!((removals.count, removals.limit), (21, 20));
    assert_eq!(removals.user_ids, gone);
    assert_eq!(mirror.held_removals(sandbox.directory_id()).await.unwrap(), gone);
    let status = mirror.status().await.unwrap().remove(0);
    assert_eq!((status.users, status.held.unwrap().reason), (100, HeldReason::MassRemoval));
    // An incremental sync goes on and removes nobody.
    let report = mirror.sync(sandbox.organization_id()).mode(SyncMode::Incremental).await.unwrap().remove(0);
    assert_eq!(report.deleted, 0);

    let sync = mirror.sync(sandbox.organization_id()).directory(sandbox.directory_id()).approve_removals(true);
    let report = sync.await.unwrap().remove(0);
    assert_eq!((report.mode, report.deleted), (SyncMode::Full, 21));
    let status = mirror.status().await.unwrap().remove(0);
    assert_eq!((status.users, status.held), (79, None));
    assert_eq!(mirror.held_removals(sandbox.directory_id()).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn roles_follow_groups_and_the_map() {
    use ChangeKind::*;
    let sandbox = Sandbox::builder().users(5).groups(1).start().unwrap();
    let mirror = mirror(&sandbox).await;
    let crew = sandbox.create_group(NewGroup { display_name: "Crew".into(), ..NewGroup::default() }).unwrap();
    let ada = sandbox.create_user(hire("ada@example.com", &["Crew"])).unwrap();
    full(&mirror, &sandbox).await.unwrap();
    all(&mirror, "app").await;
    mirror.set_role_map([("Crew", "sailor"), ("Cap*", "captain")]).await.unwrap();
    let changes = all(&mirror, "app").await;
    assert_eq!(kinds(&changes), [RolesChanged]);
    assert_eq!(changes[0].before.as_ref().unwrap().user().unwrap().roles, Vec::<String>::new());
    assert_eq!(changes[0].after.as_ref().unwrap().user().unwrap().roles, ["sailor"]);
    assert_eq!(mirror.user(&ada.id).await.unwrap().unwrap().roles, ["sailor"]);

    sandbox.update_group(&crew.id, "Captains").unwrap();
    full(&mirror, &sandbox).await.unwrap();
    let changes = all(&mirror, "app").await;
    // The sandbox's details name a user's first group.
    assert_eq!(kinds(&changes), [GroupUpdated, RolesChanged, UserUpdated]);
    assert_eq!(changes[1].user.as_ref().unwrap().roles, ["captain"]);

    sandbox.delete_group(&crew.id).unwrap();
    full(&mirror, &sandbox).await.unwrap();
    assert_eq!(kinds(&all(&mirror, "app").await), [UserUpdated, MembershipRemoved, RolesChanged, GroupDeleted]);
}

#[tokio::test]
async fn webhooks_in_any_order_and_any_number_of_times() {
    let sandbox = Sandbox::builder().users(5).groups(1).start().unwrap();
    let mirror = mirror(&sandbox).await;
    let webhook = Webhook::new([sandbox.webhook_secret()]).unwrap();
    // The sandbox tells nobody: what it would send is asked of its outbox.
    sandbox.register_endpoint("http://127.0.0.1:9/");
    let ada = sandbox.create_user(hire("ada@example.com", &[])).unwrap();
    let change = UserChange { family_name: Some("King".into()), ..UserChange::default() };
    sandbox.update_user(&ada.id, change).unwrap();
    sandbox.delete_user(&ada.id).unwrap();
    let bodies: Vec<String> = sandbox.deliveries().into_iter().map(|delivery| delivery.body).collect();
    let deliver = async |index: usize| {
        let headers = webhook.sign(bodies[index].as_bytes(), None, None).unwrap();
        mirror.receive(&headers, bodies[index].as_bytes()).await.unwrap()
    };
    // Nobody knows the organization's directories yet.
    assert_eq!(deliver(1).await, Outcome::Pending);
    assert_eq!(deliver(1).await, Outcome::Duplicate);
    assert_eq!(deliver(2).await, Outcome::Applied);
    let report = full(&mirror, &sandbox).await.unwrap();
    assert_eq!((report.events, report.created), (1, 5));
    assert_eq!(deliver(0).await, Outcome::Stale);
    assert_eq!(mirror.user(&ada.id).await.unwrap(), None);
    let error = mirror.receive(&[("webhook-id", "msg_1")], b"{}").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WebhookVerification);
}

#[tokio::test]
async fn a_consumer_waits_goes_on_and_starts_from_a_snapshot() {
    let sandbox = Sandbox::builder().users(3).groups(1).start().unwrap();
    let mirror = mirror(&sandbox).await;
    assert_eq!(mirror.wait("app", 10, Some(Duration::ZERO)).await.unwrap(), []);
    let waiting = tokio::spawn({
        let mirror = mirror.clone();
        async move { mirror.wait("app", 1, None).await.unwrap() }
    });
    full(&mirror, &sandbox).await.unwrap();
    assert_eq!(waiting.await.unwrap()[0].kind, ChangeKind::DirectoryEnabled);

    mirror.start_from_snapshot("late").await.unwrap();
    let first = mirror.poll("late", 2).await.unwrap();
    assert_eq!(kinds(&first), [ChangeKind::GroupCreated, ChangeKind::UserCreated]);
    assert!(first[1].seq < 0 && first[1].cause == "snapshot");
    // Who reads on without having acknowledged gets what lies behind, inside a snapshot as well.
    let rest = mirror.poll_after("late", Some(first[1].seq), 10).await.unwrap();
    assert_eq!(kinds(&rest), [ChangeKind::UserCreated; 2]);
    let none = mirror.wait_after("late", Some(rest[1].seq), 10, Some(Duration::ZERO)).await.unwrap();
    assert_eq!(none, []);
    assert_eq!(mirror.poll("late", 2).await.unwrap(), first);
    mirror.ack("late", first[1].seq).await.unwrap();
    assert_eq!(kinds(&all(&mirror, "late").await), [ChangeKind::UserCreated; 2]);

    let ada = sandbox.create_user(hire("ada@example.com", &[])).unwrap();
    mirror.sync(sandbox.organization_id()).await.unwrap();
    let behind = all(&mirror, "late").await;
    assert_eq!(kinds(&behind), [ChangeKind::UserCreated]);
    assert_eq!((behind.len(), behind[0].user.as_ref().unwrap().id.as_str()), (1, ada.id.as_str()));

    let stuck = mirror.poll("app", 3).await.unwrap();
    mirror.park("app", stuck[2].seq, "no seat left").await.unwrap();
    let parked = mirror.parked_changes("app").await.unwrap();
    assert_eq!((&parked[0].change, parked[0].reason.as_str()), (&stuck[2], "no seat left"));
    let consumers = mirror.consumers().await.unwrap();
    assert_eq!((consumers[0].name.as_str(), consumers[0].parked), ("app", 1));
    assert!(mirror.drop_parked("app", stuck[2].seq).await.unwrap());
    assert!(mirror.drop_consumer("app").await.unwrap());
    let error = mirror.ack("app", 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}
