//! Plans: they have exactly the changes, holds and errors of a sync of the unchanged directory, and they write nothing.

use crate::api::{
    FakeApi, USER_DELETED, USER_UPDATED, apply_event, event, full_sync, listed_user, numbered_user,
    open_store_with_callers_time,
};
use headcount::mirror::{Hold, HoldReason, Plan, RoleMapEntry, SyncMode, SyncOutcome, SyncReport};
use headcount::store::copy::{Digest, TABLES};
use headcount::store::{SqliteStore, Store};
use headcount::{Change, ChangeKind, Error, ErrorKind, Mirror, Result, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Returns a digest of everything that a store keeps.
async fn digest_of(store: &dyn Store) -> Digest {
    let mut digest = Digest::default();
    for table in TABLES {
        let mut after = None;
        loop {
            let rows = store.dump(table, after).await.unwrap();
            let Some(last) = rows.last() else { break };
            after = Some(table.key_of(last));
            digest.add(table, &rows);
        }
    }
    digest
}

/// A mirror and its store.
struct Mirrored {
    mirror: Mirror,
    store: Arc<dyn Store>,
}

impl Mirrored {
    async fn open(api: &FakeApi) -> Mirrored {
        Mirrored::open_with(api, None).await
    }

    async fn open_with(api: &FakeApi, grace: Option<Duration>) -> Mirrored {
        let store = open_store_with_callers_time().await;
        let mut builder = api.mirror_builder().guard_users(3).guard_share(0.1);
        if let Some(grace) = grace {
            builder = builder.deletion_grace(grace);
        }
        let mirror = builder.open_in(Arc::clone(&store)).await.unwrap();
        Mirrored { mirror, store }
    }

    /// Makes a plan, and checks that it wrote nothing.
    async fn plan(&self, sync: &Sync) -> Result<Plan> {
        let before = digest_of(&*self.store).await;
        let plan = self.mirror.plan("org_1").directory(sync.directory_id);
        let plan = plan.mode(sync.mode).approve_removals(sync.approve_removals).await;
        assert_eq!(digest_of(&*self.store).await.difference(&before), None, "the plan wrote to the mirror");
        plan
    }

    async fn latest_change(&self) -> i64 {
        self.store.consumers().await.unwrap().1
    }

    /// Plans a sync and then runs it. Asserts that both have the same changes, reports and errors.
    async fn check(&self, sync: &Sync, at: &str) {
        let plan = self.plan(sync).await;
        let after = self.latest_change().await;
        let mirror = self.mirror.sync("org_1").directory(sync.directory_id);
        let synced = mirror.mode(sync.mode).approve_removals(sync.approve_removals).await;
        let plan = match plan {
            Err(error) => return assert_same_error(&error, &synced.unwrap_err(), at),
            Ok(plan) => plan,
        };
        match synced {
            Err(error) => assert_same_error(plan.error().unwrap(), &error, at),
            Ok(reports) => {
                assert!(plan.error().is_none(), "{at}: {:?}", plan.error());
                assert_same_reports(plan.reports(), &reports, sync, at);
            }
        }
        let holds = self.mirror.holds("org_1", sync.directory_id).await.unwrap();
        let planned_holds: Vec<Hold> = plan.holds().cloned().collect();
        let is_of_report = |hold: &&Hold| plan.reports().iter().any(|report| report.directory_id == hold.directory_id);
        let mut made_holds: Vec<_> = holds.iter().filter(is_of_report).map(limits).collect();
        // Those of a plan are in the order of their directories.
        made_holds.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(planned_holds.iter().map(limits).collect::<Vec<_>>(), made_holds, "{at}");
        let planned = changes_of(&plan).await;
        let mut made = self.store.changes(after, 100_000).await.unwrap();
        // At its end, the sync also deletes leavers of other organizations whose grace is over. A plan has the changes of its organization.
        made.retain(|change| change.organization_id == "org_1");
        assert_eq!(planned.first().map(|change| change.seq), (!planned.is_empty()).then_some(after + 1), "{at}");
        for kind in ChangeKind::ALL {
            let count = made.iter().filter(|change| change.kind == *kind).count() as u64;
            assert_eq!(plan.count(*kind), count, "{at}: {kind}");
        }
        assert_eq!(planned.len(), made.len(), "{at}");
        if sync.has_several_pages {
            let sorted = |changes: Vec<Change>| {
                let mut names: Vec<_> = changes.iter().map(name).collect();
                names.sort();
                names
            };
            assert_eq!(sorted(planned), sorted(made), "{at}");
            return;
        }
        for (planned, made) in planned.into_iter().zip(made) {
            assert_eq!(content(planned), content(made), "{at}");
        }
    }
}

/// What is to be planned and run.
struct Sync {
    directory_id: Option<&'static str>,
    mode: SyncMode,
    approve_removals: bool,
    /// Whether a listing has several pages. How many of them are written together depends on time, and thereby the order of the changes, and the state in which
    /// a user finds the addresses and groups of others.
    has_several_pages: bool,
}

impl Sync {
    fn full(directory_id: &'static str) -> Sync {
        Sync {
            directory_id: Some(directory_id),
            mode: SyncMode::Full,
            approve_removals: false,
            has_several_pages: false,
        }
    }
}

async fn changes_of(plan: &Plan) -> Vec<Change> {
    let (mut changes, mut found) = (plan.changes(), Vec::new());
    while let Some(change) = changes.next().await.unwrap() {
        found.push(change);
    }
    found
}

/// Returns the kind of a change and the ids in it.
fn name(change: &Change) -> (&'static str, Option<String>, Option<String>, String) {
    let user_id = change.user.as_ref().map(|user| user.id.clone());
    let group_id = change.group.as_ref().map(|group| group.id.clone());
    (change.kind.name(), user_id, group_id, change.directory_id.clone())
}

/// Returns a change without its number, cause and time.
fn content(mut change: Change) -> Change {
    (change.seq, change.cause, change.at) = (0, String::new(), Timestamp::UNIX_EPOCH);
    change
}

/// Returns the parts of a hold that do not depend on when it was made.
fn limits(hold: &Hold) -> (String, HoldReason, u64, u64) {
    (hold.directory_id.clone(), hold.reason, hold.count, hold.limit)
}

fn assert_same_error(planned: &Error, synced: &Error, at: &str) {
    assert_eq!(planned.kind(), synced.kind(), "{at}: {planned} and {synced}");
    assert_eq!(planned.message(), synced.message(), "{at}");
}

fn assert_same_reports(planned: &[SyncReport], synced: &[SyncReport], sync: &Sync, at: &str) {
    let figures = |report: &SyncReport| {
        let SyncReport { directory_id, mode, outcome, pages, users, groups, changes, events, incomplete, .. } =
            report.clone();
        // It may have a number of users and groups, which counts those of each write.
        let incomplete = incomplete.filter(|_| !sync.has_several_pages);
        (directory_id, mode, outcome, pages, users, groups, changes, events, incomplete)
    };
    assert_eq!(planned.iter().map(figures).collect::<Vec<_>>(), synced.iter().map(figures).collect::<Vec<_>>(), "{at}");
}

/// Draws numbers: SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % limit
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }
}

/// The directories: `dir_1` and `dir_2` belong to `org_1`, `dir_3` belongs to `org_2`.
const DIRECTORIES: [&str; 3] = ["dir_1", "dir_2", "dir_3"];

/// How many users there are at most.
const USERS: u64 = 40;

/// Changes the directories and the mirror at random. `round` is used for the ids of events.
async fn change_something(api: &FakeApi, mirror: &Mirror, random: &mut Random, round: u64) {
    api.with(|state| {
        state.now += Duration::from_secs(60 * (1 + random.below(600)));
        state.page_size = random.one_of(&[None, None, Some(3)]);
        let now = state.now;
        for _ in 0..random.below(12) {
            let id = numbered_user(random.below(USERS) as usize);
            let known = state.users.iter().position(|user| user["id"] == id.as_str());
            if let Some(known) = known
                && random.chance(30)
            {
                state.users.remove(known);
                continue;
            }
            let groups: Vec<Value> =
                (0..random.below(3)).map(|_| json!({ "id": format!("dirgroup_{}", random.below(5)) })).collect();
            let user = json!({
                "id": id, "email": format!("{}@example.com", random.below(USERS)), "given_name": format!("N{}", random.below(3)),
                "directory": random.one_of(&["dir_1", "dir_1", "dir_1", "dir_2", "dir_2", "dir_3"]), "groups": groups,
                "user_detail": { "active": random.chance(85) }, "updated_at": now.to_string(),
            });
            match known {
                Some(known) => state.users[known] = user,
                None => state.users.push(user),
            }
        }
        if random.chance(15) {
            let from = random.below(state.users.len() as u64 + 1) as usize;
            state.users.truncate(from);
        }
        if random.chance(30) {
            state.groups.clear();
            for (number, directory) in (0..5).zip(DIRECTORIES.iter().cycle()) {
                if random.chance(80) {
                    let name = random.one_of(&["Crew", "Pilots", "Cooks"]);
                    let id = format!("dirgroup_{number}");
                    state.groups.push(json!({ "id": id, "display_name": name, "directory": directory }));
                }
            }
        }
        for directory in &mut state.directories {
            directory["enabled"] = json!(!random.chance(7));
        }
        state.has_lost_directories = random.chance(3);
        state.failing_directory = random.chance(5).then(|| "dir_2".to_owned());
        state.wrong_total_of = random.chance(5).then(|| "dir_1".to_owned());
    });
    for number in 0..random.below(4) {
        let organization_id = random.one_of(&["org_1", "org_1", "org_2"]);
        let kind = random.one_of(&[USER_UPDATED, USER_UPDATED, USER_DELETED]);
        let data = json!({
            "id": numbered_user(random.below(USERS) as usize), "organization_id": organization_id, "active": random.chance(80),
            "email": format!("{}@example.com", random.below(USERS)), "groups": [{ "id": format!("dirgroup_{}", random.below(5)) }],
        });
        let occurred_at = api.with(|state| state.now - Duration::from_secs(random.below(7_200)));
        let body = json!({
            "id": format!("evt_{round}_{number}"), "type": kind, "occurred_at": occurred_at.to_string(),
            "organization_id": organization_id, "data": data,
        });
        mirror.apply(&event(&body)).await.unwrap();
    }
    if random.chance(15) {
        let role = random.one_of(&["sailor", "captain"]);
        mirror.set_role_map([RoleMapEntry::by_name(random.one_of(&["Crew", "Pilots"]), role)]).await.unwrap();
    }
    for hold in mirror.holds("org_1", None).await.unwrap() {
        if !hold.reason.is_of_directory() && random.chance(20) {
            if random.chance(50) {
                mirror.approve(&hold.id, "ops", "").await.unwrap();
            } else {
                mirror.dismiss(&hold.id, "ops", "").await.unwrap();
            }
        }
    }
    if random.chance(30) {
        let _ = mirror.sync("org_2").mode(SyncMode::Full).await;
    }
}

/// How many times each seed plans and syncs.
const ROUNDS: u64 = 12;

/// `HEADCOUNT_PLANS_SEEDS` sets the number of seeds.
#[tokio::test]
async fn a_sync_of_unchanged_directories_makes_exactly_the_changes_that_were_planned() {
    let seeds = std::env::var("HEADCOUNT_PLANS_SEEDS").map_or(12, |seeds| seeds.parse().unwrap());
    for seed in 0..seeds {
        let mut random = Random(seed);
        let api = FakeApi::default();
        api.with(|state| {
            state.directories = DIRECTORIES
                .map(|id| json!({ "id": id, "organization_id": if id == "dir_3" { "org_2" } else { "org_1" } }))
                .to_vec();
        });
        // With a grace, some users leave and are deleted in a later round.
        let grace = (seed % 2 == 1).then_some(Duration::from_secs(4 * 3_600));
        let mirrored = Mirrored::open_with(&api, grace).await;
        for round in 0..ROUNDS {
            change_something(&api, &mirrored.mirror, &mut random, round).await;
            let sync = Sync {
                directory_id: random.one_of(&[None, Some("dir_1"), Some("dir_1"), Some("dir_2")]),
                mode: random.one_of(&[SyncMode::Full, SyncMode::Full, SyncMode::Incremental, SyncMode::Auto]),
                approve_removals: random.chance(10),
                has_several_pages: api.with(|state| state.page_size == Some(3)),
            };
            mirrored.check(&sync, &format!("seed {seed}, round {round}")).await;
        }
    }
}

#[tokio::test]
async fn the_first_sync_of_a_directory_can_be_planned() {
    let api = FakeApi::with_users(12);
    let mirrored = Mirrored::open(&api).await;

    let plan = mirrored.plan(&Sync::full("dir_1")).await.unwrap();

    assert_eq!(plan.outcome(), SyncOutcome::Done);
    assert_eq!(plan.count(ChangeKind::UserCreated), 12);
    assert_eq!(plan.reports()[0].created, 12);
    assert_eq!(plan.holds().count(), 0);
    let created = changes_of(&plan).await.into_iter().filter(|change| change.kind == ChangeKind::UserCreated);
    assert_eq!(created.count(), 12);
    assert!(mirrored.mirror.status().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_plan_has_the_error_and_the_hold_of_removals_that_the_guard_would_hold() {
    let api = FakeApi::with_users(40);
    let mirrored = Mirrored::open(&api).await;
    full_sync(&mirrored.mirror).await.unwrap();
    api.with(|state| state.now += Duration::from_secs(86_400));
    api.list_numbered_users(20);

    let plan = mirrored.plan(&Sync::full("dir_1")).await.unwrap();

    assert_eq!(plan.outcome(), SyncOutcome::Held);
    assert_eq!(plan.error().unwrap().kind(), ErrorKind::MassRemoval);
    assert_eq!(plan.error().unwrap().removals().unwrap().count, 20);
    let hold = plan.holds().next().unwrap();
    assert_eq!(hold.reason, HoldReason::MassRemoval);
    assert_eq!(hold.count, 20);
    assert_eq!(plan.counts(), []);
    assert_eq!(mirrored.mirror.holds("org_1", None).await.unwrap(), []);
    mirrored.check(&Sync::full("dir_1"), "held removals").await;
}

#[tokio::test]
async fn a_plan_that_approves_removals_shows_who_would_be_removed_and_approves_nothing() {
    let api = FakeApi::with_users(40);
    let mirrored = Mirrored::open(&api).await;
    full_sync(&mirrored.mirror).await.unwrap();
    api.with(|state| state.now += Duration::from_secs(86_400));
    api.list_numbered_users(20);
    full_sync(&mirrored.mirror).await.unwrap_err();

    let approving = Sync { approve_removals: true, ..Sync::full("dir_1") };
    let plan = mirrored.plan(&approving).await.unwrap();

    assert_eq!(plan.outcome(), SyncOutcome::Done);
    assert_eq!(plan.count(ChangeKind::UserDeleted), 20);
    assert_eq!(mirrored.mirror.approvals(None).await.unwrap(), []);
    mirrored.check(&approving, "approved removals").await;
}

#[tokio::test]
async fn a_plan_of_a_disabled_directory_is_held_and_of_an_unknown_one_fails() {
    let api = FakeApi::with_users(3);
    let mirrored = Mirrored::open(&api).await;
    full_sync(&mirrored.mirror).await.unwrap();

    let error = mirrored.plan(&Sync::full("dir_9")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    api.with(|state| state.directories[0]["enabled"] = json!(false));
    let plan = mirrored.plan(&Sync::full("dir_1")).await.unwrap();
    assert_eq!(plan.outcome(), SyncOutcome::Held);
    assert_eq!(plan.holds().next().unwrap().reason, HoldReason::DirectoryDisabled);
    assert_eq!(plan.counts(), [(ChangeKind::DirectoryDisabled, 1)]);
}

#[tokio::test]
async fn a_plan_of_a_missing_directory_or_organization_has_the_outcome_of_the_sync() {
    let api = FakeApi::with_users(3);
    let mirrored = Mirrored::open(&api).await;
    full_sync(&mirrored.mirror).await.unwrap();

    api.with(|state| state.has_lost_directories = true);
    let error = mirrored.plan(&Sync::full("dir_1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let all = Sync { directory_id: None, ..Sync::full("") };
    let plan = mirrored.plan(&all).await.unwrap();
    assert_eq!(plan.outcome(), SyncOutcome::Held);
    assert_eq!(plan.counts(), [(ChangeKind::DirectoryMissing, 1)]);
    api.with(|state| state.unknown_organizations = vec!["org_1".to_owned()]);
    let plan = mirrored.plan(&all).await.unwrap();
    assert_eq!(plan.count(ChangeKind::OrganizationMissing), 1);
    mirrored.check(&all, "a missing organization").await;
}

#[tokio::test]
async fn a_plan_whose_listing_fails_on_a_later_page_fails() {
    let api = FakeApi::with_users(10);
    let mirrored = Mirrored::open(&api).await;
    full_sync(&mirrored.mirror).await.unwrap();
    api.with(|state| state.failing_directory = Some("dir_1".to_owned()));
    api.list_numbered_users(20);

    let error = mirrored.plan(&Sync::full("dir_1")).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Server);
}

#[tokio::test]
async fn a_plan_is_made_while_a_sync_holds_the_lease_of_the_directory() {
    let api = FakeApi::with_users(3);
    let mirrored = Mirrored::open(&api).await;
    let now = api.with(|state| state.now);
    let lease = mirrored.store.lease("dir_1".to_owned(), now, Duration::from_secs(300)).await.unwrap();
    assert!(lease.is_some());
    assert_eq!(mirrored.plan(&Sync::full("dir_1")).await.unwrap().outcome(), SyncOutcome::Done);
}

#[tokio::test]
async fn users_of_another_organization_are_planned_as_the_sync_treats_them() {
    let api = FakeApi::with_users(3);
    api.with(|state| state.directories.push(json!({ "id": "dir_3", "organization_id": "org_2", "enabled": true })));
    let mirrored = Mirrored::open(&api).await;
    full_sync(&mirrored.mirror).await.unwrap();
    let mut moved = listed_user(1);
    moved["directory"] = json!("dir_3");
    api.list_users([listed_user(0), moved, listed_user(2)]);

    let plan = mirrored.mirror.plan("org_2").mode(SyncMode::Full).await.unwrap();

    assert_eq!(plan.outcome(), SyncOutcome::Incomplete);
    assert!(plan.incomplete().unwrap().contains("mirrored in another organization"), "{plan:?}");
    assert_eq!(plan.count(ChangeKind::UserCreated), 0);
}

#[tokio::test]
async fn planned_changes_are_kept_if_the_retention_is_zero() {
    let api = FakeApi::with_users(3);
    let mirrored = Mirrored::open(&api).await;
    let options = headcount::mirror::MirrorOptions { retention: Some(Duration::ZERO), ..Default::default() };
    mirrored.mirror.configure(options).await.unwrap();
    let plan = mirrored.plan(&Sync::full("dir_1")).await.unwrap();
    assert_eq!(plan.count(ChangeKind::UserCreated), 3);
}

#[tokio::test]
async fn a_pending_event_is_in_the_plan_and_stays_pending() {
    let api = FakeApi::with_users(3);
    api.with(|state| state.directories.push(json!({ "id": "dir_2", "organization_id": "org_1", "enabled": true })));
    let mirrored = Mirrored::open(&api).await;
    mirrored.mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    let data = json!({ "id": numbered_user(3), "email": "3@example.com", "title": "Cook" });
    apply_event(&mirrored.mirror, "evt_1", USER_UPDATED, "2025-06-01T12:00:01Z", data).await;
    assert_eq!(mirrored.mirror.pending_events("org_1").await.unwrap().len(), 1);
    api.list_numbered_users(4);

    let plan = mirrored.plan(&Sync::full("dir_1")).await.unwrap();

    assert_eq!(plan.reports()[0].events, 1);
    let updated = changes_of(&plan).await.into_iter().filter(|change| change.kind == ChangeKind::UserUpdated);
    assert_eq!(updated.count(), 1);
    assert_eq!(mirrored.mirror.pending_events("org_1").await.unwrap().len(), 1);
    mirrored.check(&Sync::full("dir_1"), "a pending event").await;
}

#[tokio::test]
async fn a_plan_outlives_its_mirror_and_cannot_be_read_once_it_is_closed() {
    let api = FakeApi::with_users(600);
    let mirrored = Mirrored::open(&api).await;
    let plan = mirrored.plan(&Sync::full("dir_1")).await.unwrap();
    mirrored.mirror.close().await.unwrap();
    let mut changes = plan.changes();
    assert_eq!(changes.next_page().await.unwrap().len(), 500);
    plan.close().await.unwrap();
    assert_eq!(changes.next_page().await.unwrap_err().kind(), ErrorKind::Store);
    assert_eq!(plan.count(ChangeKind::UserCreated), 600);
}

#[tokio::test]
async fn a_plan_of_a_closed_mirror_and_of_one_without_a_source_fails() {
    let mirrored = Mirrored::open(&FakeApi::default()).await;
    let without_source = Mirror::builder().open_in(Arc::clone(&mirrored.store)).await.unwrap();
    assert_eq!(without_source.plan("org_1").await.unwrap_err().kind(), ErrorKind::Config);
    mirrored.mirror.close().await.unwrap();
    assert_eq!(mirrored.mirror.plan("org_1").await.unwrap_err().kind(), ErrorKind::Cancelled);
}

#[tokio::test]
async fn a_plan_reports_its_progress_and_ends_when_its_future_is_dropped() {
    let api = FakeApi::with_users(30);
    api.with(|state| state.page_size = Some(10));
    let mirrored = Mirrored::open(&api).await;
    let pages = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counted = Arc::clone(&pages);
    let count = move |_: &headcount::mirror::Progress| {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    };
    mirrored.mirror.plan("org_1").on_progress(count).await.unwrap();
    assert_eq!(pages.load(std::sync::atomic::Ordering::Relaxed), 4);

    let before = digest_of(&*mirrored.store).await;
    let cancel = tokio::time::timeout(Duration::ZERO, mirrored.mirror.plan("org_1").into_future());
    assert!(cancel.await.is_err());
    assert_eq!(digest_of(&*mirrored.store).await, before);
}

#[tokio::test]
async fn a_plan_reads_a_mirror_in_a_file_while_webhooks_are_received() {
    let folder = std::env::temp_dir().join(format!("headcount-plans-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.join("mirror.db")).unwrap());
    let api = FakeApi::with_users(1_200);
    let mirror = api.mirror_builder().open_in(Arc::clone(&store)).await.unwrap();
    full_sync(&mirror).await.unwrap();
    let mut pages = store.dump_organization("org_1".to_owned()).await.unwrap();
    let first = pages.next().await.unwrap().unwrap();
    assert_eq!(first.table.name, "numbers");
    // A write while the rows are read: it is not delayed, and the reading does not have it.
    let data = json!({ "id": numbered_user(1_100), "email": "new@example.com" });
    apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T12:00:01Z", data).await;
    let mut users = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        if page.table.name == "users" {
            users.extend(page.rows);
        }
    }
    assert_eq!(users.len(), 1_200);
    assert!(!users.iter().any(|row| row.contains(&headcount::store::copy::Cell::Text("new@example.com".to_owned()))));
    assert_eq!(mirror.find_users("new@example.com").await.unwrap().len(), 1);
    drop(pages);
    mirror.close().await.unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}
