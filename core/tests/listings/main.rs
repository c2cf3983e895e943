//! Listings that no directory should give, and what the guard makes of a directory that empties: told to a mirror without a network.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use headcount::{
    ChangeKind, Clock, Directory, Error, ErrorKind, Event, Group, HeldReason, Mirror, Organization, Outcome, Page,
    Result, Source, SourceFuture, SourcePages, SyncMode, SyncOutcome, SyncReport, Timestamp, User,
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the API answers, as JSON.
#[derive(Clone, Default)]
struct Answers(Arc<Mutex<Inner>>);

struct Inner {
    now: Timestamp,
    directories: Vec<Value>,
    users: Vec<Value>,
    groups: Vec<Value>,
    /// What the listing of users says it has, where that is not the truth.
    total: Option<u64>,
    /// How many of the next listings of users count wrong.
    doubtful: u32,
    missing: bool,
}

impl Default for Inner {
    fn default() -> Inner {
        Inner {
            now: "2025-06-01T12:00:00Z".parse().unwrap(),
            directories: vec![json!({ "id": "dir_1", "organization_id": "org_1", "enabled": true })],
            users: Vec::new(),
            groups: Vec::new(),
            total: None,
            doubtful: 0,
            missing: false,
        }
    }
}

impl Answers {
    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.0.lock().unwrap())
    }

    fn users(&self, users: impl IntoIterator<Item = Value>) {
        self.with(|inner| inner.users = users.into_iter().collect());
    }

    fn people(&self, count: usize) {
        self.users((0..count).map(|n| json!({ "id": format!("diruser_{n:03}"), "email": format!("{n}@example.com") })));
    }

    async fn mirror(&self) -> Mirror {
        Mirror::builder().source(self.clone()).clock(self.clone()).open(":memory:").await.unwrap()
    }
}

impl Clock for Answers {
    fn now(&self) -> Timestamp {
        self.with(|inner| inner.now)
    }
}

struct Once<T>(Option<Page<T>>);

impl<T: Send> SourcePages<T> for Once<T> {
    fn next(&mut self) -> SourceFuture<'_, Option<Page<T>>> {
        Box::pin(async { Ok(self.0.take()) })
    }
}

fn page<T: serde::de::DeserializeOwned>(items: &[Value], total: Option<u64>) -> Once<T> {
    let items: Vec<T> = items.iter().map(|item| serde_json::from_value(item.clone()).unwrap()).collect();
    let total_size = total.unwrap_or(items.len() as u64);
    Once(Some(Page { items, total_size, next_page_token: String::new(), prev_page_token: String::new() }))
}

impl Source for Answers {
    fn organizations(&self) -> Box<dyn SourcePages<Organization>> {
        let organizations =
            ["org_1", "org_2", "org_3"].map(|id| json!({ "id": id, "display_name": id, "region_code": "US" }));
        Box::new(page::<Organization>(&organizations, None))
    }

    fn directories<'a>(&'a self, organization_id: &'a str) -> SourceFuture<'a, Vec<Directory>> {
        Box::pin(async move {
            self.with(|inner| {
                if inner.missing {
                    // What the client makes of a 404 cannot be made here.
                    return Ok(Vec::new());
                }
                let own = inner.directories.iter().filter(|directory| directory["organization_id"] == organization_id);
                Ok(own.map(|directory| serde_json::from_value(directory.clone()).unwrap()).collect())
            })
        })
    }

    fn users(&self, directory: &Directory, _: Option<Timestamp>) -> Box<dyn SourcePages<User>> {
        self.with(|inner| {
            let of = |user: &&Value| user["directory"].as_str().unwrap_or("dir_1") == directory.id;
            let users: Vec<Value> = inner.users.iter().filter(of).cloned().collect();
            let wrong = Some(99).filter(|_| inner.doubtful > 0);
            inner.doubtful = inner.doubtful.saturating_sub(1);
            Box::new(page::<User>(&users, wrong.or(inner.total)))
        })
    }

    fn groups(&self, directory: &Directory, _: Option<Timestamp>) -> Box<dyn SourcePages<Group>> {
        self.with(|inner| {
            let groups: &[Value] = if directory.id == "dir_1" { &inner.groups } else { &[] };
            Box::new(page::<Group>(groups, None))
        })
    }
}

async fn full(mirror: &Mirror) -> Result<SyncReport> {
    mirror.sync("org_1").directory("dir_1").mode(SyncMode::Full).await.map(|mut reports| reports.remove(0))
}

async fn told(mirror: &Mirror, id: &str, kind: &str, occurred_at: &str, data: Value) -> Outcome {
    let mut body =
        json!({ "id": id, "type": kind, "occurred_at": occurred_at, "organization_id": "org_1", "data": data });
    body["data"]["organization_id"] = json!("org_1");
    mirror.apply(&Event::from_verified_body(body.to_string().as_bytes()).unwrap()).await.unwrap()
}

const DELETED: &str = "organization.directory.user_deleted";
const UPDATED: &str = "organization.directory.user_updated";

async fn live(mirror: &Mirror) -> u64 {
    mirror.status().await.unwrap()[0].users
}

#[tokio::test]
async fn a_name_twice_or_a_count_that_does_not_agree_removes_nobody() {
    let answers = Answers::default();
    let mirror = answers.mirror().await;
    answers.people(5);
    assert_eq!(full(&mirror).await.unwrap().outcome, SyncOutcome::Done);
    let four = answers.with(|inner| inner.users[..4].to_vec());
    for (users, total, said) in [
        ([four.clone(), vec![four[0].clone()]].concat(), None, "twice"),
        (four.clone(), Some(5), "named 4 users, and counted 5"),
        (four.clone(), Some(0), "counted 0"),
        (Vec::new(), Some(5), "named 0 users"),
    ] {
        answers.users(users);
        answers.with(|inner| inner.total = total);
        let report = full(&mirror).await.unwrap();
        assert_eq!((report.outcome, report.deleted), (SyncOutcome::Incomplete, 0));
        assert!(report.incomplete.as_ref().unwrap().contains(said), "{report:?}");
        assert_eq!(live(&mirror).await, 5);
    }
    answers.users(four);
    answers.with(|inner| inner.total = None);
    assert_eq!(full(&mirror).await.unwrap().deleted, 1);
}

#[tokio::test]
async fn one_reading_alone_removes_nobody_where_the_directory_is_no_witness() {
    let answers = Answers::default();
    let mirror = answers.mirror().await;
    answers.people(5);
    full(&mirror).await.unwrap();
    // Two of a sync's three readings are in doubt: no second one agrees with the third.
    answers.people(4);
    answers.with(|inner| inner.doubtful = 2);
    let report = full(&mirror).await.unwrap();
    assert_eq!((report.outcome, report.deleted, live(&mirror).await), (SyncOutcome::Incomplete, 0, 5));
    answers.with(|inner| inner.doubtful = 1);
    assert_eq!(full(&mirror).await.unwrap().deleted, 1);
}

#[tokio::test]
async fn a_directory_that_empties_vanishes_or_is_switched_off_is_held() {
    let answers = Answers::default();
    let mirror = answers.mirror().await;
    answers.people(3);
    full(&mirror).await.unwrap();
    // Three are fewer than the guard's twenty: but that is everybody.
    answers.people(0);
    let error = full(&mirror).await.unwrap_err();
    assert_eq!((error.kind(), error.removals().unwrap().count), (ErrorKind::MassRemoval, 3));
    let held = || async { mirror.status().await.unwrap()[0].held.clone().map(|held| held.reason) };
    assert_eq!((held().await, live(&mirror).await), (Some(HeldReason::EmptyListing), 3));

    answers.with(|inner| inner.directories[0]["enabled"] = json!(false));
    let report = full(&mirror).await.unwrap();
    assert_eq!((report.outcome, held().await), (SyncOutcome::Held, Some(HeldReason::DirectoryDisabled)));
    answers.with(|inner| inner.missing = true);
    let error = full(&mirror).await.unwrap_err();
    assert_eq!((error.kind(), held().await), (ErrorKind::NotFound, Some(HeldReason::DirectoryNotFound)));
    assert_eq!(live(&mirror).await, 3);

    answers.with(|inner| {
        inner.missing = false;
        inner.directories[0]["enabled"] = json!(true);
    });
    answers.people(3);
    assert_eq!((full(&mirror).await.unwrap().changes, held().await), (0, None));
    let last = mirror.poll("app", 100).await.unwrap().pop().unwrap();
    assert_eq!(last.kind, ChangeKind::DirectoryEnabled);
}

#[tokio::test]
async fn a_burst_of_deletions_waits_for_approval_and_a_listing_is_none() {
    let answers = Answers::default();
    let mirror = answers.mirror().await;
    answers.people(30);
    full(&mirror).await.unwrap();
    for n in 0..25 {
        let data = json!({ "id": format!("diruser_{n:03}") });
        let outcome = told(&mirror, &format!("evt_{n}"), DELETED, "2025-06-01T12:00:00Z", data).await;
        assert_eq!(outcome, if n < 20 { Outcome::Applied } else { Outcome::Held }, "{n}");
    }
    let status = mirror.status().await.unwrap().remove(0);
    let held = status.held.unwrap();
    assert_eq!((status.users, held.reason, held.count, held.limit), (10, HeldReason::DeletionBurst, 5, 20));
    assert_eq!(mirror.held_removals("dir_1").await.unwrap().len(), 5);
    // The directory still has two of them: what is held is not only approved or not.
    let left = answers.with(|inner| inner.users.split_off(23));
    answers.users(left);
    // However few the others are: a directory that is broken sends events and lacks users alike.
    for _ in 0..2 {
        let removals = full(&mirror).await.unwrap_err();
        let removals = removals.removals().unwrap();
        assert_eq!((removals.count, removals.limit, removals.user_ids.len()), (3, 20, 3));
        assert_eq!(live(&mirror).await, 10);
    }
    let held = mirror.status().await.unwrap().remove(0).held.unwrap();
    assert_eq!((held.reason, held.count), (HeldReason::DeletionBurst, 3));
    assert_eq!(mirror.held_removals("dir_1").await.unwrap(), ["diruser_020", "diruser_021", "diruser_022"]);
    // Approval reaches those three alone: the others are listed, and their events are settled.
    let head = mirror.poll("app", 1_000).await.unwrap().last().unwrap().seq;
    mirror.ack("app", head).await.unwrap();
    mirror.sync("org_1").approve_removals(true).await.unwrap();
    assert_eq!(live(&mirror).await, 7);
    let gone = mirror.poll("app", 1_000).await.unwrap();
    assert_eq!(gone.iter().map(|change| change.kind).collect::<Vec<_>>(), [ChangeKind::UserDeleted; 3]);
    assert_eq!(mirror.held_removals("dir_1").await.unwrap(), Vec::<String>::new());
    assert_eq!(mirror.status().await.unwrap().remove(0).held, None);

    // An hour later the count begins anew, and what is approved goes.
    answers.with(|inner| inner.now = "2025-06-01T14:00:00Z".parse().unwrap());
    let strict = Mirror::builder().source(answers.clone()).clock(answers.clone()).guard_users(0).guard_share(0.0);
    let strict = strict.open(":memory:").await.unwrap();
    strict.sync("org_1").await.unwrap();
    let data = json!({ "id": "diruser_029" });
    assert_eq!(told(&strict, "evt_x", DELETED, "2025-06-01T14:00:00Z", data).await, Outcome::Held);
    assert_eq!(live(&strict).await, 7);
    answers.with(|inner| drop(inner.users.pop()));
    let report = strict.sync("org_1").approve_removals(true).await.unwrap().remove(0);
    assert_eq!((report.events, live(&strict).await), (1, 6));
}

#[tokio::test]
async fn a_listing_that_lags_behind_a_deletion_brings_nobody_back() {
    let answers = Answers::default();
    let mirror = answers.mirror().await;
    let ada = json!({ "id": "diruser_1", "email": "ada@example.com", "updated_at": "2025-06-01T10:00:00Z" });
    answers.users([ada.clone(), json!({ "id": "diruser_2" })]);
    full(&mirror).await.unwrap();
    told(&mirror, "evt_1", DELETED, "2025-06-01T12:00:00Z", json!({ "id": "diruser_1" })).await;
    assert_eq!((full(&mirror).await.unwrap().created, live(&mirror).await), (0, 1));
    // If they are still listed when it cannot be the lag any more, they are there.
    answers.with(|inner| inner.now += Duration::from_secs(301));
    assert_eq!((full(&mirror).await.unwrap().created, live(&mirror).await), (1, 2));
}

#[tokio::test]
async fn several_who_are_listed_though_events_removed_them_are_no_doubt_about_the_others() {
    let answers = Answers::default();
    let mirror = answers.mirror().await;
    answers.people(6);
    full(&mirror).await.unwrap();
    for n in 0..3 {
        let data = json!({ "id": format!("diruser_{n:03}") });
        told(&mirror, &format!("evt_{n}"), DELETED, "2025-06-01T12:00:00Z", data).await;
    }
    // A real leaver, while the listing does not know of the three yet.
    answers.people(5);
    let report = full(&mirror).await.unwrap();
    assert_eq!((report.outcome, report.deleted, live(&mirror).await), (SyncOutcome::Done, 1, 2));
}

#[tokio::test]
async fn strange_users_and_groups_are_stored() {
    let answers = Answers::default();
    let mirror = answers.mirror().await;
    let long = "ü".repeat(10_000);
    answers.with(|inner| inner.groups = vec![json!({ "id": "dirgroup_1", "display_name": long, "total_users": 99 })]);
    answers.users([
        json!({ "id": "diruser_1" }),
        json!({ "id": "diruser_2", "email": "one@example.com", "updated_at": "9999-01-01T00:00:00Z" }),
        json!({ "id": "diruser_3", "email": "ONE@example.com", "updated_at": "1931-01-01T00:00:00.000000001Z" }),
        json!({ "id": "diruser_4", "given_name": long, "groups": [{ "id": "dirgroup_1" }, { "id": "dirgroup_1" }, { "id": "dirgroup_2" }] }),
        json!({ "id": "'; DROP TABLE user; --", "user_detail": { "active": "False" } }),
    ]);
    let report = full(&mirror).await.unwrap();
    assert_eq!((report.created, report.outcome), (5, SyncOutcome::Done));
    assert_eq!(full(&mirror).await.unwrap().changes, 0);
    assert_eq!(mirror.find_users("one@EXAMPLE.com").await.unwrap().len(), 2);
    let strange = mirror.user("diruser_4").await.unwrap().unwrap();
    assert_eq!(
        (strange.given_name.len(), strange.group_ids),
        (20_000, vec!["dirgroup_1".to_owned(), "dirgroup_2".to_owned()])
    );
    assert!(!mirror.user("'; DROP TABLE user; --").await.unwrap().unwrap().active);
    let mut members = mirror.users("org_1").group("dirgroup_1");
    assert_eq!(members.next().await.unwrap().unwrap().id, "diruser_4");
    assert_eq!(members.next().await.unwrap(), None);
    // A date from the future hides no event of today.
    let data = json!({ "id": "diruser_2" });
    assert_eq!(told(&mirror, "evt_1", DELETED, "2025-06-01T12:00:01Z", data).await, Outcome::Applied);
    answers.users([json!({ "id": "" })]);
    assert_eq!(full(&mirror).await.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(live(&mirror).await, 4);
}

#[tokio::test]
async fn an_event_says_what_it_says_and_leaves_the_rest() {
    let answers = Answers::default();
    let mirror = answers.mirror().await;
    answers.users([json!({ "id": "diruser_1", "email": "ada@example.com", "groups": [{ "id": "dirgroup_1", "display_name": "Crew" }] })]);
    full(&mirror).await.unwrap();
    let data = json!({ "id": "diruser_1", "title": "Countess", "roles": [{ "role_name": "admin" }], "active": false, "nickname": "" });
    assert_eq!(told(&mirror, "evt_1", UPDATED, "2025-06-01T11:00:00Z", data).await, Outcome::Applied);
    let ada = mirror.user("diruser_1").await.unwrap().unwrap();
    assert_eq!((ada.email.as_str(), ada.active, ada.group_ids.len()), ("ada@example.com", false, 1));
    assert_eq!(
        (ada.vendor_roles, ada.attributes.unwrap().get()),
        (vec!["admin".to_owned()], r#"{"title":"Countess"}"#)
    );
    // A listing without details knows nothing of whether they may sign in.
    full(&mirror).await.unwrap();
    assert!(!mirror.user("diruser_1").await.unwrap().unwrap().active);
    let malformed =
        json!({ "id": "evt_2", "type": UPDATED, "occurred_at": "2025-06-01T11:00:00Z", "data": { "id": 7 } });
    let error = mirror.apply(&Event::from_verified_body(malformed.to_string().as_bytes()).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WebhookVerification);
    let ignored = json!({ "id": "evt_3", "type": "user.login", "occurred_at": "2025-06-01T11:00:00Z", "data": {} });
    let event = Event::from_verified_body(ignored.to_string().as_bytes()).unwrap();
    assert_eq!(mirror.apply(&event).await.unwrap(), Outcome::Ignored);
}

#[tokio::test]
async fn a_user_of_two_directories_is_where_they_are_listed() {
    let answers = Answers::default();
    let mirror = answers.mirror().await;
    answers.users([json!({ "id": "diruser_1" }), json!({ "id": "diruser_2" })]);
    full(&mirror).await.unwrap();
    // An event can only mean the one directory that is known. Then it turns out that there is another.
    let data = json!({ "id": "diruser_3", "email": "ada@example.com" });
    assert_eq!(told(&mirror, "evt_1", UPDATED, "2025-06-01T11:00:00Z", data.clone()).await, Outcome::Applied);
    answers.with(|inner| {
        inner.directories.push(json!({ "id": "dir_2", "organization_id": "org_1", "enabled": true }));
        inner.users.push(json!({ "id": "diruser_3", "email": "ada@example.com", "directory": "dir_2" }));
    });
    let reports = mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    assert_eq!(reports.iter().map(|report| report.deleted).sum::<u64>(), 0);
    assert_eq!(mirror.user("diruser_3").await.unwrap().unwrap().directory_id, "dir_2");
    // From now on an unknown user's event waits.
    let data = json!({ "id": "diruser_4" });
    assert_eq!(told(&mirror, "evt_2", UPDATED, "2025-06-01T11:00:00Z", data).await, Outcome::Pending);
    assert_eq!(mirror.status().await.unwrap()[0].pending_events, 1);

    let all = mirror.sync_all().concurrency(2).await.unwrap();
    let directories: Vec<&str> = all.iter().map(|report| report.directory_id.as_str()).collect();
    assert_eq!(directories, ["dir_1", "dir_2"]);
    assert_eq!(mirror.sync_all().concurrency(0).await.unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn two_syncs_of_one_directory_take_turns_or_say_so() {
    let answers = Answers::default();
    let mirror = answers.mirror().await;
    answers.people(5);
    let inside = mirror.clone();
    let (begun, has_begun) = std::sync::mpsc::channel::<SyncOutcome>();
    let runtime = tokio::runtime::Handle::current();
    let first = mirror.sync("org_1").mode(SyncMode::Full).on_progress(move |progress| {
        // The first sync is in the middle of its pages: a second one is told so, and a third waits for its turn.
        if progress.phase == headcount::Phase::Users {
            let (inside, begun) = (inside.clone(), begun.clone());
            let second = async move {
                let reports = inside.sync("org_1").wait(false).await.unwrap();
                begun.send(reports[0].outcome).unwrap();
            };
            std::thread::scope(|scope| scope.spawn(|| runtime.block_on(second)).join().unwrap());
        }
    });
    let reports = tokio::task::spawn_blocking(|| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(first.into_future())
    });
    assert_eq!(reports.await.unwrap().unwrap()[0].outcome, SyncOutcome::Done);
    assert_eq!(has_begun.recv().unwrap(), SyncOutcome::AlreadyRunning);
    let (one, two) = tokio::join!(mirror.sync("org_1").into_future(), mirror.sync("org_1").into_future());
    assert_eq!([one.unwrap()[0].outcome, two.unwrap()[0].outcome], [SyncOutcome::Done; 2]);
}

#[tokio::test]
async fn without_a_client_there_is_no_sync() {
    let mirror = Mirror::builder().open(":memory:").await.unwrap();
    let error: Error = mirror.sync("org_1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn what_has_had_its_time_is_trimmed() {
    let answers = Answers::default();
    let mirror = answers.mirror().await;
    answers.people(10);
    full(&mirror).await.unwrap();
    let batch = mirror.poll("app", 5).await.unwrap();
    mirror.ack("app", batch[4].seq).await.unwrap();
    mirror.poll("dead", 1).await.unwrap();
    answers.with(|inner| inner.now += Duration::from_secs(31 * 86_400));
    mirror.trim().await.unwrap();
    // The slowest consumer holds all of it.
    assert_eq!(mirror.poll("audit", 100).await.unwrap()[0].seq, 1);
    mirror.drop_consumer("dead").await.unwrap();
    mirror.drop_consumer("audit").await.unwrap();
    mirror.trim().await.unwrap();
    assert_eq!(mirror.poll("audit", 100).await.unwrap()[0].seq, 6);
    assert_eq!(mirror.poll("app", 100).await.unwrap()[0].seq, 6);
    // What comes when all has been seen and trimmed has a number of its own.
    mirror.drop_consumer("audit").await.unwrap();
    mirror.ack("app", 11).await.unwrap();
    mirror.trim().await.unwrap();
    assert_eq!(mirror.poll("app", 100).await.unwrap(), []);
    answers.people(11);
    full(&mirror).await.unwrap();
    assert_eq!(mirror.poll("app", 100).await.unwrap()[0].seq, 12);
}
