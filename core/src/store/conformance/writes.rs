//! Tests of atomicity, isolation, repeated calls of decisions, row numbers, and large batches.

use super::Setup;
use super::rows::{
    at, commit, commit_users, done, entry, event, group, joining, kept, of_users, removed, unfenced, user, user_ids,
};
use crate::record::{Batch, CountsKey, EventState, Keys, LossRow, UserWrite, WorkingSet};
use crate::store::{Committed, Decision, MAX_LOADS, Retention, UserFilter};
use crate::{Error, ErrorKind};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub async fn a_write_whose_decision_fails_changes_nothing(setup: Setup) {
    let store = setup.create().await;
    commit_users(&store, &["diruser_1"], &[]).await;
    let before = store.load(of_users(&["diruser_1"])).await.unwrap();

    let failing = unfenced(Keys::default(), |_| Err(Error::invalid_argument("no")));
    let error = store.write(failing).await.unwrap_err();

    let after = store.load(of_users(&["diruser_1"])).await.unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(after.revision, before.revision);
    assert_eq!(after.users, before.users);
}

pub async fn a_decision_that_panics_fails_only_its_own_write(setup: Setup) {
    let store = setup.create().await;

    let error = store.write(unfenced(Keys::default(), |_| panic!("a defect"))).await.unwrap_err();
    commit_users(&store, &["diruser_1"], &[]).await;

    assert_eq!(error.kind(), ErrorKind::Internal);
    assert_eq!(user_ids(&store, UserFilter::default()).await, ["diruser_1"]);
}

pub async fn failing_writes_among_many_do_not_affect_the_others(setup: Setup) {
    let store = setup.create().await;
    let writes = (0..90).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let id = format!("diruser_{n:02}");
            let write = unfenced(Keys::default(), move |_| match n % 3 {
                0 => Err(Error::invalid_argument("no")),
                _ => done(Batch {
                    users: vec![joining(user(&id, &["dirgroup_1"]))],
                    entries: vec![entry(&id, 2, at(0))],
                    ..Batch::default()
                }),
            });
            store.write(write).await.is_ok()
        })
    });
    let mut succeeded = 0;
    for write in writes.collect::<Vec<_>>() {
        succeeded += usize::from(write.await.unwrap());
    }

    let members = UserFilter { group_id: Some("dirgroup_1".to_owned()), ..UserFilter::default() };
    assert_eq!(succeeded, 60);
    assert_eq!(user_ids(&store, UserFilter::default()).await.len(), 60);
    assert_eq!(user_ids(&store, members).await.len(), 60);
    assert_eq!(kept(&store).await, (1..=120).collect::<Vec<_>>());
}

pub async fn a_write_that_changes_nothing_does_not_increment_the_revision(setup: Setup) {
    let store = setup.create().await;
    commit_users(&store, &["diruser_1"], &[]).await;
    let before = store.load(Keys::default()).await.unwrap().revision;

    let committed = commit(&store, Batch::default()).await;

    assert_eq!(committed, Committed::default());
    assert_eq!(store.load(Keys::default()).await.unwrap().revision, before);
}

pub async fn a_decision_gets_the_revision_that_its_write_has(setup: Setup) {
    let store = setup.create().await;
    for n in 1..=5 {
        let write = unfenced(Keys::default(), move |set: WorkingSet| {
            let mut row = user(&format!("diruser_{n}"), &[]);
            row.trail.revision = set.revision;
            done(Batch { users: vec![joining(row)], ..Batch::default() })
        });
        store.write(write).await.unwrap();
    }

    let users = store.users(UserFilter::default(), 0, 10).await.unwrap();
    let revisions: Vec<i64> = users.iter().map(|row| row.trail.revision).collect();
    assert!(revisions.is_sorted_by(|left, right| left < right), "{revisions:?}");
    assert_eq!(store.load(Keys::default()).await.unwrap().revision, revisions[4]);
}

/// Makes a write that increments a number, which is stored as a user's given name.
fn increment(set: &WorkingSet, id: &str) -> UserWrite {
    let mut row = set.users[id].clone();
    let count: u32 = row.user.given_name.parse().unwrap_or(0);
    row.user.given_name = (count + 1).to_string();
    UserWrite { row, joined: Vec::new(), left: Vec::new() }
}

pub async fn a_write_reads_the_rows_of_all_earlier_writes(setup: Setup) {
    let store = setup.create().await;
    commit_users(&store, &["diruser_1"], &[]).await;
    let writes = (0..100).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let write = unfenced(of_users(&["diruser_1"]), |set| {
                done(Batch { users: vec![increment(&set, "diruser_1")], ..Batch::default() })
            });
            store.write(write).await.unwrap();
        })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap();
    }

    let set = store.load(of_users(&["diruser_1"])).await.unwrap();
    assert_eq!(set.users["diruser_1"].user.given_name, "100");
}

pub async fn a_read_never_returns_a_part_of_a_write(setup: Setup) {
    let store = setup.create().await;
    let pair = ["diruser_1", "diruser_2"];
    commit_users(&store, &pair, &[]).await;
    let writer = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for _ in 0..100 {
                let write = unfenced(of_users(&pair), move |set| {
                    let users = pair.iter().map(|id| increment(&set, id)).collect();
                    done(Batch { users, ..Batch::default() })
                });
                store.write(write).await.unwrap();
            }
        })
    };
    while !writer.is_finished() {
        let set = store.load(of_users(&pair)).await.unwrap();
        assert_eq!(set.users["diruser_1"].user.given_name, set.users["diruser_2"].user.given_name);
    }
    writer.await.unwrap();
}

pub async fn a_read_after_a_write_returns_its_rows(setup: Setup) {
    let store = setup.create().await;
    for n in 0..50 {
        let id = format!("diruser_{n}");
        commit_users(&store, &[&id], &[]).await;
        let set = store.load(of_users(&[&id])).await.unwrap();
        assert!(set.users.contains_key(&id), "{id}");
    }
}

pub async fn a_decision_may_ask_for_more_rows(setup: Setup) {
    let store = setup.create().await;
    commit_users(&store, &["diruser_0", "diruser_1", "diruser_2", "diruser_3"], &[]).await;

    let write = unfenced(of_users(&["diruser_0"]), |set| {
        let loaded = set.users.len();
        if loaded < 4 {
            return Ok(Decision::Load(Box::new(of_users(&[&format!("diruser_{loaded}")]))));
        }
        let users = set.users.keys().map(|id| increment(&set, id)).collect();
        done(Batch { users, ..Batch::default() })
    });
    store.write(write).await.unwrap();

    let users = store.users(UserFilter::default(), 0, 10).await.unwrap();
    assert!(users.iter().all(|row| row.user.given_name == "1"), "{users:?}");
}

pub async fn a_write_whose_decision_always_asks_for_more_rows_fails(setup: Setup) {
    let store = setup.create().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);

    let write = unfenced(Keys::default(), move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(Decision::Load(Box::default()))
    });
    let error = store.write(write).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(calls.load(Ordering::Relaxed) >= MAX_LOADS);
}

pub async fn rows_get_ascending_numbers_and_keep_them(setup: Setup) {
    let store = setup.create().await;
    let first = commit_users(&store, &["diruser_2", "diruser_1"], &[]).await;
    let groups =
        commit(&store, Batch { groups: vec![group("dirgroup_2"), group("dirgroup_1")], ..Batch::default() }).await;

    let write = unfenced(of_users(&["diruser_2"]), |set| {
        let users = vec![increment(&set, "diruser_2"), joining(user("diruser_3", &[]))];
        done(Batch { users, ..Batch::default() })
    });
    let second = store.write(write).await.unwrap();

    assert!(first.users["diruser_2"] > 0);
    assert!(first.users["diruser_1"] > first.users["diruser_2"], "numbers ascend in the order of the batch");
    assert_eq!(second.users["diruser_2"], first.users["diruser_2"]);
    assert!(second.users["diruser_3"] > first.users["diruser_1"]);
    assert!(groups.groups["dirgroup_1"] > groups.groups["dirgroup_2"]);
}

pub async fn row_numbers_are_not_given_twice(setup: Setup) {
    let store = setup.create().await;
    let earlier_user = commit_users(&store, &["diruser_1"], &["dirgroup_1"]).await.users["diruser_1"];
    let earlier_group =
        commit(&store, Batch { groups: vec![group("dirgroup_1")], ..Batch::default() }).await.groups["dirgroup_1"];
    let write = unfenced(of_users(&["diruser_1"]), |set| {
        let users = vec![UserWrite { row: removed(set.users["diruser_1"].clone(), at(0)), ..UserWrite::default() }];
        let mut group = set.groups["dirgroup_1"].clone();
        group.trail.deleted_at = Some(at(0));
        done(Batch { users, groups: vec![group], ..Batch::default() })
    });
    store.write(write).await.unwrap();
    let retention = Retention {
        changes: at(0),
        consumers: at(0),
        tombstones: at(1),
        events: at(0),
        losses: at(0),
        history: None,
        runs: at(0),
        limit: 10,
    };
    assert_eq!(store.trim(retention).await.unwrap(), 2);

    let user = commit_users(&store, &["diruser_2"], &[]).await.users["diruser_2"];
    let group =
        commit(&store, Batch { groups: vec![group("dirgroup_2")], ..Batch::default() }).await.groups["dirgroup_2"];

    assert!(user > earlier_user, "{user} after {earlier_user}");
    assert!(group > earlier_group, "{group} after {earlier_group}");
    let members = UserFilter { group_id: Some("dirgroup_1".to_owned()), ..UserFilter::default() };
    assert!(user_ids(&store, members).await.is_empty());
}

pub async fn five_thousand_users_are_written_in_one_write(setup: Setup) {
    let store = setup.create().await;
    let ids: Vec<String> = (0..5_000).map(|n| format!("diruser_{n:04}")).collect();
    let users = ids
        .iter()
        .enumerate()
        .map(|(n, id)| joining(user(id, &["dirgroup_all", ["dirgroup_even", "dirgroup_odd"][n % 2], "dirgroup_none"])))
        .collect();

    let committed = commit(&store, Batch { users, ..Batch::default() }).await;

    let odd = UserFilter { group_id: Some("dirgroup_odd".to_owned()), ..UserFilter::default() };
    let set = store.load(Keys { users: ids.iter().cloned().collect(), ..Keys::default() }).await.unwrap();
    assert_eq!(committed.users.values().collect::<BTreeSet<_>>().len(), 5_000);
    assert_eq!(user_ids(&store, UserFilter::default()).await, ids);
    assert_eq!(user_ids(&store, odd).await.len(), 2_500);
    assert_eq!(set.users.len(), 5_000);
    assert!(set.users.iter().all(|(id, row)| committed.users[id] == row.number));
}

pub async fn the_changes_of_five_thousand_entries_are_appended_in_one_write(setup: Setup) {
    let store = setup.create().await;
    let entries = (0..5_000).map(|n| entry(&format!("diruser_{n}"), 1 + n % 3, at(0))).collect::<Vec<_>>();
    let count = entries.iter().map(|entry| u64::from(entry.count())).sum::<u64>();

    let committed = commit(&store, Batch { entries, ..Batch::default() }).await;

    assert_eq!(committed.changes, count);
    assert_eq!(kept(&store).await, (1..=count as i64).collect::<Vec<_>>());
}

pub async fn seven_hundred_groups_events_and_losses_are_written_in_one_write(setup: Setup) {
    let store = setup.create().await;
    let loss = |n| LossRow {
        directory_id: "dir_1".to_owned(),
        user_id: format!("diruser_{n}"),
        at: at(n),
        added_at: None,
        is_removal: true,
        is_approved: false,
    };
    let batch = Batch {
        groups: (0..700).map(|n| group(&format!("dirgroup_{n}"))).collect(),
        events: (0..700).map(|n| event(&format!("evt_{n}"), EventState::Pending, at(n))).collect(),
        losses: (0..700).map(loss).collect(),
        ..Batch::default()
    };

    commit(&store, batch).await;

    let counts = [("dir_1".to_owned(), CountsKey { since: at(-1), base: at(0) })].into();
    let set = store.load(Keys { counts, ..Keys::default() }).await.unwrap();
    assert_eq!(store.groups(None, 0, 1_000).await.unwrap().len(), 700);
    assert_eq!(store.events("org_1".to_owned(), EventState::Pending, 0, 1_000).await.unwrap().len(), 700);
    assert_eq!(set.counts["dir_1"].losses, 700);
}
