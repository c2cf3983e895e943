//! The mirror against the sandbox, over HTTP: syncs, webhooks, the removal guard, roles, links and consumers of the feed.
#![allow(clippy::unwrap_used, reason = "a test")]

use headcount::mirror::{DirectoryStatus, HoldReason, Outcome, SyncMode, SyncOutcome, SyncReport};
use headcount::model::{Group, User};
use headcount::{Change, ChangeKind, Error, ErrorKind, Mirror, MirrorUser, Webhook};
use headcount_sandbox::{NewGroup, NewUser, Sandbox, UserChange};
use std::time::Duration;

/// An address on which no server listens. The sandbox records deliveries for an endpoint whether or not they succeed.
const CLOSED_ENDPOINT: &str = "http://127.0.0.1:9/";

fn start_sandbox(users: usize, groups: usize) -> Sandbox {
    Sandbox::builder().users(users).groups(groups).start().unwrap()
}

/// Opens a mirror in memory with the sandbox as its source, without a sync.
async fn open_mirror(sandbox: &Sandbox) -> Mirror {
    let webhook = Webhook::new([sandbox.webhook_secret()]).unwrap();
    let client = sandbox.client().build().unwrap();
    Mirror::builder().client(client).webhook(webhook).open(":memory:").await.unwrap()
}

/// Returns a mirror after a full sync, whose consumer `app` has acknowledged all changes.
async fn synced_mirror(sandbox: &Sandbox) -> Mirror {
    let mirror = open_mirror(sandbox).await;
    full_sync(&mirror, sandbox).await.unwrap();
    read_changes(&mirror, "app").await;
    mirror
}

async fn full_sync(mirror: &Mirror, sandbox: &Sandbox) -> Result<SyncReport, Error> {
    let sync = mirror.sync(sandbox.organization_id()).directory(sandbox.directory_id()).mode(SyncMode::Full);
    sync.await.map(|mut reports| reports.remove(0))
}

async fn incremental_sync(mirror: &Mirror, sandbox: &Sandbox) -> SyncReport {
    mirror.sync(sandbox.organization_id()).mode(SyncMode::Incremental).await.unwrap().remove(0)
}

/// Syncs in the default mode, in which the mirror chooses between a full and an incremental sync.
async fn auto_sync(mirror: &Mirror, sandbox: &Sandbox) -> SyncReport {
    mirror.sync(sandbox.organization_id()).await.unwrap().remove(0)
}

async fn status(mirror: &Mirror) -> DirectoryStatus {
    mirror.status().await.unwrap().remove(0)
}

/// Polls and acknowledges as this consumer until the feed has no further change. Returns the changes.
async fn read_changes(mirror: &Mirror, consumer: &str) -> Vec<Change> {
    let mut changes = Vec::new();
    loop {
        let batch = mirror.poll(consumer, 100).await.unwrap();
        let Some(last) = batch.last() else { return changes };
        mirror.ack(consumer, last.seq).await.unwrap();
        changes.extend(batch);
    }
}

fn kinds(changes: &[Change]) -> Vec<ChangeKind> {
    changes.iter().map(|change| change.kind).collect()
}

fn count(changes: &[Change], kind: ChangeKind) -> usize {
    changes.iter().filter(|change| change.kind == kind).count()
}

async fn mirrored_users(mirror: &Mirror, sandbox: &Sandbox) -> Vec<MirrorUser> {
    let mut users = mirror.users(sandbox.organization_id());
    let mut all = Vec::new();
    while let Some(user) = users.next().await.unwrap() {
        all.push(user);
    }
    all
}

/// Returns a new user named Ada in these groups, which are given by id or display name.
fn new_user(email: &str, groups: &[&str]) -> NewUser {
    NewUser {
        email: email.to_owned(),
        given_name: "Ada".to_owned(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        ..NewUser::default()
    }
}

#[tokio::test]
async fn the_first_sync_reports_every_user_and_group() {
    let sandbox = start_sandbox(100, 5);
    let mirror = open_mirror(&sandbox).await;

    let reports = mirror.sync(sandbox.organization_id()).await.unwrap();

    assert_eq!(reports.len(), 1);
    let report = &reports[0];
    assert_eq!(report.mode, SyncMode::Full);
    assert_eq!(report.outcome, SyncOutcome::Done);
    assert_eq!(report.users, 100);
    assert_eq!(report.groups, 5);
    assert_eq!(report.created, 100);
    assert_eq!(report.deleted, 0);
}

#[tokio::test]
async fn the_first_sync_appends_every_user_and_group_to_the_feed() {
    let sandbox = start_sandbox(100, 5);
    let mirror = open_mirror(&sandbox).await;
    let report = auto_sync(&mirror, &sandbox).await;

    let changes = read_changes(&mirror, "app").await;

    assert_eq!(changes[0].kind, ChangeKind::DirectoryEnabled);
    assert_eq!(count(&changes, ChangeKind::GroupCreated), 5);
    assert_eq!(count(&changes, ChangeKind::UserCreated), 100);
    assert!(changes.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    assert_eq!(changes.last().unwrap().cause, format!("sync:{}", report.run));
}

#[tokio::test]
async fn the_first_sync_stores_every_user_with_details() {
    let sandbox = start_sandbox(100, 5);
    let mirror = synced_mirror(&sandbox).await;

    let status = status(&mirror).await;
    assert_eq!(status.users, 100);
    assert_eq!(status.groups, 5);
    assert_eq!(status.held, None);
    let users = mirrored_users(&mirror, &sandbox).await;
    assert_eq!(users.len(), 100);
    assert!(users.iter().all(|user| user.active));
    assert!(users.iter().all(|user| user.detail.is_some()));
}

#[tokio::test]
async fn later_syncs_of_an_unchanged_directory_change_nothing() {
    let sandbox = start_sandbox(100, 5);
    let mirror = synced_mirror(&sandbox).await;

    let full = full_sync(&mirror, &sandbox).await.unwrap();
    assert_eq!(full.users, 100);
    assert_eq!(full.changes, 0);
    let incremental = auto_sync(&mirror, &sandbox).await;
    assert_eq!(incremental.mode, SyncMode::Incremental);
    assert_eq!(incremental.changes, 0);
    assert_eq!(read_changes(&mirror, "app").await, []);
}

#[tokio::test]
async fn an_incremental_sync_reports_a_new_user_and_their_membership() {
    let sandbox = start_sandbox(10, 2);
    let mirror = synced_mirror(&sandbox).await;
    let group = mirror.groups(sandbox.organization_id(), None).await.unwrap().remove(0);
    let ada = sandbox.create_user(new_user("ada@example.com", &[&group.id])).unwrap();

    let report = incremental_sync(&mirror, &sandbox).await;

    assert_eq!(report.mode, SyncMode::Incremental);
    assert_eq!(report.created, 1);
    let changes = read_changes(&mirror, "app").await;
    assert_eq!(kinds(&changes), [ChangeKind::UserCreated, ChangeKind::MembershipAdded]);
    assert_eq!(changes[0].user.as_ref().unwrap().id, ada.id);
    assert_eq!(changes[1].group.as_ref().unwrap().id, group.id);
}

/// Returns a synced mirror and its user Ada, who is in a group and linked to the account `acct_42`. `app` has acknowledged all changes.
async fn mirror_with_linked_ada(sandbox: &Sandbox) -> (Mirror, User) {
    let mirror = synced_mirror(sandbox).await;
    let group = mirror.groups(sandbox.organization_id(), None).await.unwrap().remove(0);
    let ada = sandbox.create_user(new_user("ada@example.com", &[&group.id])).unwrap();
    incremental_sync(&mirror, sandbox).await;
    mirror.link(&ada.id, Some("acct_42")).await.unwrap();
    read_changes(&mirror, "app").await;
    (mirror, ada)
}

fn linked_id(change: &Change) -> Option<&str> {
    change.user.as_ref().unwrap().linked_id.as_deref()
}

#[tokio::test]
async fn a_sync_reports_a_new_email_and_a_deactivation() {
    let sandbox = start_sandbox(10, 2);
    let (mirror, ada) = mirror_with_linked_ada(&sandbox).await;
    let change = UserChange { email: Some("king@example.com".into()), active: Some(false), ..UserChange::default() };
    sandbox.update_user(&ada.id, change).unwrap();

    auto_sync(&mirror, &sandbox).await;

    let changes = read_changes(&mirror, "app").await;
    assert_eq!(kinds(&changes), [ChangeKind::UserUpdated, ChangeKind::UserDeactivated]);
    assert_eq!(changes[0].fields, ["email", "emails", "detail"]);
    assert_eq!(changes[1].fields, ["active"]);
    assert_eq!(linked_id(&changes[1]), Some("acct_42"));
    assert_eq!(mirror.find_users("KING@example.com").await.unwrap()[0].id, ada.id);
}

#[tokio::test]
async fn an_incremental_sync_does_not_remove_a_user_who_left() {
    let sandbox = start_sandbox(10, 2);
    let (mirror, ada) = mirror_with_linked_ada(&sandbox).await;
    sandbox.delete_user(&ada.id).unwrap();

    let report = auto_sync(&mirror, &sandbox).await;

    assert_eq!(report.mode, SyncMode::Incremental);
    assert_eq!(report.deleted, 0);
}

#[tokio::test]
async fn a_full_sync_removes_a_user_who_left() {
    let sandbox = start_sandbox(10, 2);
    let (mirror, ada) = mirror_with_linked_ada(&sandbox).await;
    sandbox.delete_user(&ada.id).unwrap();

    let report = full_sync(&mirror, &sandbox).await.unwrap();

    assert_eq!(report.deleted, 1);
    let changes = read_changes(&mirror, "app").await;
    assert_eq!(kinds(&changes), [ChangeKind::MembershipRemoved, ChangeKind::UserDeleted]);
    assert_eq!(linked_id(&changes[1]), Some("acct_42"));
    assert_eq!(mirror.user(&ada.id).await.unwrap(), None);
}

#[tokio::test]
async fn linking_an_unknown_user_is_a_not_found_error() {
    let mirror = open_mirror(&start_sandbox(1, 0)).await;
    assert_eq!(mirror.link("diruser_0", None).await.unwrap_err().kind(), ErrorKind::NotFound);
}

/// Returns a mirror of 100 users, and the sorted ids of 21 users whom the sandbox has deleted since its sync: one more than the guard permits.
async fn mirror_before_a_mass_removal(sandbox: &Sandbox) -> (Mirror, Vec<String>) {
    let mirror = open_mirror(sandbox).await;
    full_sync(&mirror, sandbox).await.unwrap();
    let mut deleted: Vec<String> =
        mirrored_users(&mirror, sandbox).await.into_iter().take(21).map(|user| user.id).collect();
    for id in &deleted {
        sandbox.delete_user(id).unwrap();
    }
    deleted.sort();
    (mirror, deleted)
}

#[tokio::test]
async fn the_guard_holds_a_mass_removal() {
    let sandbox = start_sandbox(100, 0);
    let (mirror, deleted) = mirror_before_a_mass_removal(&sandbox).await;

    let error = full_sync(&mirror, &sandbox).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::MassRemoval);
    let removals = error.removals().unwrap();
    assert_eq!(removals.count, 21);
    assert_eq!(removals.limit, 20);
    assert_eq!(removals.user_ids, deleted);
    assert_eq!(mirror.held_removals(sandbox.directory_id()).await.unwrap(), deleted);
    let status = status(&mirror).await;
    assert_eq!(status.users, 100);
    assert_eq!(status.held.unwrap().reason, HoldReason::MassRemoval);
}

#[tokio::test]
async fn an_incremental_sync_succeeds_while_removals_are_held() {
    let sandbox = start_sandbox(100, 0);
    let (mirror, _) = mirror_before_a_mass_removal(&sandbox).await;
    full_sync(&mirror, &sandbox).await.unwrap_err();

    let report = incremental_sync(&mirror, &sandbox).await;

    assert_eq!(report.deleted, 0);
}

#[tokio::test]
async fn an_approved_sync_removes_the_held_users() {
    let sandbox = start_sandbox(100, 0);
    let (mirror, _) = mirror_before_a_mass_removal(&sandbox).await;
    full_sync(&mirror, &sandbox).await.unwrap_err();

    let sync = mirror.sync(sandbox.organization_id()).directory(sandbox.directory_id()).approve_removals(true);
    let report = sync.await.unwrap().remove(0);

    assert_eq!(report.mode, SyncMode::Full);
    assert_eq!(report.deleted, 21);
    let status = status(&mirror).await;
    assert_eq!(status.users, 79);
    assert_eq!(status.held, None);
    assert_eq!(mirror.held_removals(sandbox.directory_id()).await.unwrap(), Vec::<String>::new());
}

/// Returns a synced mirror without a role map, its group "Crew", and the group's only member, Ada.
async fn mirror_with_crew(sandbox: &Sandbox) -> (Mirror, Group, User) {
    let crew = sandbox.create_group(NewGroup { display_name: "Crew".into(), ..NewGroup::default() }).unwrap();
    let ada = sandbox.create_user(new_user("ada@example.com", &["Crew"])).unwrap();
    (synced_mirror(sandbox).await, crew, ada)
}

/// Gives members of "Crew" the role `sailor`, and members of groups whose names begin with "Cap" the role `captain`.
async fn set_crew_roles(mirror: &Mirror) {
    mirror.set_role_map([("Crew", "sailor"), ("Cap*", "captain")]).await.unwrap();
}

fn roles_before(change: &Change) -> &[String] {
    &change.before.as_ref().unwrap().user().unwrap().roles
}

fn roles_after(change: &Change) -> &[String] {
    &change.after.as_ref().unwrap().user().unwrap().roles
}

#[tokio::test]
async fn a_new_role_map_changes_the_roles_of_members() {
    let sandbox = start_sandbox(5, 1);
    let (mirror, _, ada) = mirror_with_crew(&sandbox).await;

    set_crew_roles(&mirror).await;

    let changes = read_changes(&mirror, "app").await;
    assert_eq!(kinds(&changes), [ChangeKind::RolesChanged]);
    assert_eq!(roles_before(&changes[0]), Vec::<String>::new());
    assert_eq!(roles_after(&changes[0]), ["sailor"]);
    assert_eq!(mirror.user(&ada.id).await.unwrap().unwrap().roles, ["sailor"]);
}

#[tokio::test]
async fn a_renamed_group_changes_the_roles_of_its_members() {
    let sandbox = start_sandbox(5, 1);
    let (mirror, crew, _) = mirror_with_crew(&sandbox).await;
    set_crew_roles(&mirror).await;
    read_changes(&mirror, "app").await;
    sandbox.update_group(&crew.id, "Captains").unwrap();

    full_sync(&mirror, &sandbox).await.unwrap();

    let changes = read_changes(&mirror, "app").await;
    // The user is updated too: the sandbox's user details contain the name of the user's first group.
    assert_eq!(kinds(&changes), [ChangeKind::GroupUpdated, ChangeKind::RolesChanged, ChangeKind::UserUpdated]);
    assert_eq!(changes[1].user.as_ref().unwrap().roles, ["captain"]);
}

#[tokio::test]
async fn the_deletion_of_a_group_removes_its_memberships_and_their_roles() {
    let sandbox = start_sandbox(5, 1);
    let (mirror, crew, _) = mirror_with_crew(&sandbox).await;
    set_crew_roles(&mirror).await;
    sandbox.update_group(&crew.id, "Captains").unwrap();
    full_sync(&mirror, &sandbox).await.unwrap();
    read_changes(&mirror, "app").await;
    sandbox.delete_group(&crew.id).unwrap();

    full_sync(&mirror, &sandbox).await.unwrap();

    let changes = read_changes(&mirror, "app").await;
    let expected =
        [ChangeKind::UserUpdated, ChangeKind::MembershipRemoved, ChangeKind::RolesChanged, ChangeKind::GroupDeleted];
    assert_eq!(kinds(&changes), expected);
}

/// The bodies of the webhooks of Ada's creation, update and deletion, which the sandbox has recorded. A test delivers them in the order that
/// it needs.
struct AdaWebhooks {
    webhook: Webhook,
    ada: User,
    created: String,
    updated: String,
    deleted: String,
}

impl AdaWebhooks {
    /// Creates, updates and deletes Ada in the sandbox.
    fn record(sandbox: &Sandbox) -> AdaWebhooks {
        sandbox.register_endpoint(CLOSED_ENDPOINT).unwrap();
        let ada = sandbox.create_user(new_user("ada@example.com", &[])).unwrap();
        let change = UserChange { family_name: Some("King".into()), ..UserChange::default() };
        sandbox.update_user(&ada.id, change).unwrap();
        sandbox.delete_user(&ada.id).unwrap();
        let bodies: Vec<String> = sandbox.deliveries().into_iter().map(|delivery| delivery.body).collect();
        let [created, updated, deleted] = bodies.try_into().unwrap();
        AdaWebhooks { webhook: Webhook::new([sandbox.webhook_secret()]).unwrap(), ada, created, updated, deleted }
    }

    /// Signs a body and passes it to the mirror's `receive`.
    async fn deliver(&self, mirror: &Mirror, body: &str) -> Outcome {
        let headers = self.webhook.sign(body.as_bytes(), None, None).unwrap();
        mirror.receive(&headers, body.as_bytes()).await.unwrap()
    }
}

#[tokio::test]
async fn repeated_and_reordered_webhooks_leave_the_user_deleted() {
    let sandbox = start_sandbox(5, 1);
    let mirror = open_mirror(&sandbox).await;
    let webhooks = AdaWebhooks::record(&sandbox);

    // The organization's directories are unknown until a sync has listed them.
    assert_eq!(webhooks.deliver(&mirror, &webhooks.updated).await, Outcome::Pending);
    assert_eq!(webhooks.deliver(&mirror, &webhooks.updated).await, Outcome::Duplicate);
    assert_eq!(webhooks.deliver(&mirror, &webhooks.deleted).await, Outcome::Applied);
    let report = full_sync(&mirror, &sandbox).await.unwrap();
    assert_eq!(report.events, 1);
    assert_eq!(report.created, 5);
    assert_eq!(webhooks.deliver(&mirror, &webhooks.created).await, Outcome::Stale);
    assert_eq!(mirror.user(&webhooks.ada.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_webhook_without_a_signature_is_a_verification_error() {
    let mirror = open_mirror(&start_sandbox(1, 0)).await;
    let error = mirror.receive(&[("webhook-id", "msg_1")], b"{}").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WebhookVerification);
}

#[tokio::test]
async fn wait_returns_no_change_after_its_timeout() {
    let mirror = open_mirror(&start_sandbox(1, 0)).await;
    assert_eq!(mirror.wait("app", 10, Some(Duration::ZERO)).await.unwrap(), []);
}

#[tokio::test]
async fn wait_returns_the_first_change_that_a_sync_appends() {
    let sandbox = start_sandbox(3, 1);
    let mirror = open_mirror(&sandbox).await;
    mirror.wait("app", 10, Some(Duration::ZERO)).await.unwrap();
    let waiting = tokio::spawn({
        let mirror = mirror.clone();
        async move { mirror.wait("app", 1, None).await.unwrap() }
    });

    full_sync(&mirror, &sandbox).await.unwrap();

    assert_eq!(waiting.await.unwrap()[0].kind, ChangeKind::DirectoryEnabled);
}

/// Returns a synced mirror whose consumer `late` starts from a snapshot.
async fn mirror_with_a_snapshot_consumer(sandbox: &Sandbox) -> Mirror {
    let mirror = synced_mirror(sandbox).await;
    mirror.start_from_snapshot("late").await.unwrap();
    mirror
}

#[tokio::test]
async fn a_snapshot_has_groups_and_then_users_as_changes_with_negative_numbers() {
    let mirror = mirror_with_a_snapshot_consumer(&start_sandbox(3, 1)).await;

    let first = mirror.poll("late", 2).await.unwrap();

    assert_eq!(kinds(&first), [ChangeKind::GroupCreated, ChangeKind::UserCreated]);
    assert!(first[1].seq < 0);
    assert_eq!(first[1].cause, "snapshot");
}

#[tokio::test]
async fn poll_after_and_wait_after_continue_inside_a_snapshot_without_an_acknowledgement() {
    let mirror = mirror_with_a_snapshot_consumer(&start_sandbox(3, 1)).await;
    let first = mirror.poll("late", 2).await.unwrap();

    let rest = mirror.poll_after("late", Some(first[1].seq), 10).await.unwrap();
    assert_eq!(kinds(&rest), [ChangeKind::UserCreated; 2]);
    let after_the_last = mirror.wait_after("late", Some(rest[1].seq), 10, Some(Duration::ZERO)).await.unwrap();
    assert_eq!(after_the_last, []);
    assert_eq!(mirror.poll("late", 2).await.unwrap(), first);
}

#[tokio::test]
async fn a_snapshot_continues_after_the_acknowledged_row() {
    let mirror = mirror_with_a_snapshot_consumer(&start_sandbox(3, 1)).await;
    let first = mirror.poll("late", 2).await.unwrap();

    mirror.ack("late", first[1].seq).await.unwrap();

    assert_eq!(kinds(&read_changes(&mirror, "late").await), [ChangeKind::UserCreated; 2]);
}

#[tokio::test]
async fn a_consumer_gets_new_changes_after_its_snapshot() {
    let sandbox = start_sandbox(3, 1);
    let mirror = mirror_with_a_snapshot_consumer(&sandbox).await;
    read_changes(&mirror, "late").await;
    let ada = sandbox.create_user(new_user("ada@example.com", &[])).unwrap();

    auto_sync(&mirror, &sandbox).await;

    let changes = read_changes(&mirror, "late").await;
    assert_eq!(kinds(&changes), [ChangeKind::UserCreated]);
    assert_eq!(changes[0].user.as_ref().unwrap().id, ada.id);
}

#[tokio::test]
async fn a_parked_change_is_listed_until_it_is_dropped() {
    let sandbox = start_sandbox(3, 1);
    let mirror = open_mirror(&sandbox).await;
    full_sync(&mirror, &sandbox).await.unwrap();
    let change = mirror.poll("app", 3).await.unwrap().remove(2);

    mirror.park("app", change.seq, "no seat left").await.unwrap();

    let parked = mirror.parked_changes("app").await.unwrap();
    assert_eq!(parked[0].change, change);
    assert_eq!(parked[0].reason, "no seat left");
    let consumers = mirror.consumers().await.unwrap();
    assert_eq!(consumers[0].name, "app");
    assert_eq!(consumers[0].parked, 1);
    assert!(mirror.drop_parked("app", change.seq).await.unwrap());
    assert_eq!(mirror.parked_changes("app").await.unwrap(), []);
}

#[tokio::test]
async fn an_acknowledgement_by_a_dropped_consumer_is_an_invalid_argument() {
    let sandbox = start_sandbox(3, 1);
    let mirror = synced_mirror(&sandbox).await;
    assert!(mirror.drop_consumer("app").await.unwrap());
    let error = mirror.ack("app", 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}
