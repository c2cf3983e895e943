//! Tests of erasures. A store that cannot erase users passes.

use super::Setup;
use super::history::take_rows;
use super::rows::{
    append, at, commit, commit_users, entry, erasure, joining, of_users, removed, seqs, update_consumer, user,
};
use crate::record::{
    Batch, CountsKey, ErasureRow, HistoryRow, Keys, LossRow, RedactedEntry, UserWrite, erased_body, erased_user,
};
use crate::store::{ConsumerRow, ConsumerUpdate, HistoryFilter, Park, Redaction, Store};
use crate::{ChangeKind, Timestamp};
use std::sync::Arc;

/// Opens a store, or returns `None` if it cannot erase users.
async fn create(setup: &Setup) -> Option<Arc<dyn Store>> {
    let store = setup.create().await;
    store.redact(Redaction::default()).await.is_ok().then_some(store)
}

/// Makes the redacted form of an entry with `count` changes.
fn redacted(last: i64, user_id: &str, count: usize) -> RedactedEntry {
    let user = erased_user(user_id, "org_1", "dir_1", None);
    RedactedEntry {
        last,
        organization_id: "org_1".to_owned(),
        directory_id: "dir_1".to_owned(),
        cause: "erasure:1".to_owned(),
        body: erased_body(user, count),
    }
}

pub async fn an_erasure_is_loaded_by_its_mark_and_open_until_it_has_ended(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    let (one, other) = (erasure("diruser_1", true), erasure("diruser_2", true));
    commit(&store, Batch { erasures: vec![one.clone(), other.clone()], ..Batch::default() }).await;
    let marks = [&one.mark, &other.mark, &erasure("diruser_3", true).mark].map(String::clone);
    let keys = Keys { erasures: marks.into(), ..Keys::default() };
    let loaded = store.load(keys.clone()).await.unwrap().erasures;
    assert_eq!(loaded.len(), 2);
    assert_eq!(loaded.get(&one.mark), Some(&one));
    assert_eq!(store.open_erasures(10).await.unwrap().len(), 2);
    assert_eq!(store.open_erasures(1).await.unwrap().len(), 1);

    let again = ErasureRow { id: "another id".to_owned(), at: at(9), user_id: None, ..one.clone() };
    commit(&store, Batch { erasures: vec![again], ..Batch::default() }).await;

    assert_eq!(store.open_erasures(10).await.unwrap(), [other]);
    let ended = ErasureRow { user_id: None, ..one };
    assert_eq!(store.load(keys).await.unwrap().erasures.get(&ended.mark), Some(&ended));
}

pub async fn the_entries_of_a_user_are_found_page_by_page(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    let id = "diruser_\"1\"%_\\";
    let entries = ["diruser_2", id, "diruser_2", id, "diruser_2"].map(|id| entry(id, 2, at(1))).into();
    commit(&store, Batch { entries, ..Batch::default() }).await;
    let (mut found, mut position, mut pages) = (Vec::new(), 0, 0);
    while let Some(last) = {
        let page = store.entries_of_user(id.to_owned(), position, 3).await.unwrap();
        found.extend(page.entries.iter().map(|entry| entry.last));
        page.searched
    } {
        (position, pages) = (last, pages + 1);
    }
    assert_eq!(found, [4, 8]);
    assert_eq!(position, 10);
    assert!(pages > 1, "the feed was read in one page");
}

pub async fn entries_are_redacted_and_keep_their_numbers(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    let entries = vec![entry("diruser_1", 2, at(1)), entry("diruser_2", 1, at(2))];
    commit(&store, Batch { entries, ..Batch::default() }).await;
    let before = store.changes(0, 10).await.unwrap();

    let missing = redacted(99, "diruser_1", 1);
    let redaction = Redaction { entries: vec![redacted(2, "diruser_1", 2), missing], parked: Vec::new() };
    store.redact(redaction).await.unwrap();

    let after = store.changes(0, 10).await.unwrap();
    assert_eq!(seqs(&after), seqs(&before));
    assert_eq!(after[2], before[2]);
    for (change, old) in after.iter().zip(&before).take(2) {
        assert_eq!(change.kind, ChangeKind::UserDeleted);
        assert_eq!(change.cause, "erasure:1");
        assert_eq!(change.at, old.at);
        assert_eq!(change.organization_id, "org_1");
        assert_eq!(change.user, Some(erased_user("diruser_1", "org_1", "dir_1", None)));
        assert_eq!(change.after, None);
    }
}

pub async fn parked_changes_are_redacted_and_dropped_ones_stay_dropped(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    append(&store, &[1, 2, 3]).await;
    for seq in [1, 2, 3] {
        let change = Box::new(store.changes(seq - 1, 1).await.unwrap().remove(0));
        let park = Park { change, reason: "ada@example.com is taken".to_owned(), at: at(9) };
        let row = ConsumerRow { name: "app".to_owned(), ..ConsumerRow::default() };
        update_consumer(&store, "app", move |_| ConsumerUpdate { row: Some(row.clone()), park: Some(park.clone()) })
            .await;
    }
    let parked = store.parked_changes("app".to_owned()).await.unwrap();
    let wanted = |index: usize, id: &str| ("app".to_owned(), parked[index].without_user(id, "erasure:1").unwrap());
    let redaction = Redaction { entries: Vec::new(), parked: vec![wanted(0, "diruser_1"), wanted(1, "diruser_2")] };
    assert!(store.drop_parked_change("app".to_owned(), 2).await.unwrap());

    store.redact(redaction.clone()).await.unwrap();

    let now = store.parked_changes("app".to_owned()).await.unwrap();
    assert_eq!(now, [redaction.parked[0].1.clone(), parked[2].clone()]);
}

pub async fn an_erased_user_is_forgotten_and_others_are_kept(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    append(&store, &[1, 2, 3, 4]).await;
    let row = |seq: i64, subject_id: &str| HistoryRow {
        seq,
        at: at(seq),
        organization_id: "org_1".to_owned(),
        directory_id: "dir_1".to_owned(),
        subject_id: subject_id.to_owned(),
        is_removal: false,
        cause: String::new(),
        body: r#"{"k":"u"}"#.to_owned(),
    };
    let of_one = ["diruser_1", "diruser_2", "diruser_1", "diruser_1"];
    let has_history = store.history_mark().await.unwrap().is_some();
    if has_history {
        take_rows(&store, (1..).zip(of_one).map(|(seq, id)| row(seq, id)).collect()).await;
    }
    commit_users(&store, &["diruser_2"], &["dirgroup_1"]).await;
    let tombstone = removed(user("diruser_1", &["dirgroup_1"]), at(1));
    commit(&store, Batch { users: vec![joining(tombstone)], ..Batch::default() }).await;

    let forget = |limit| store.forget_user("diruser_1".to_owned(), "mark".to_owned(), limit);
    if has_history {
        assert_eq!(forget(2).await.unwrap(), 2);
        assert_eq!(forget(2).await.unwrap(), 1);
    }
    assert_eq!(forget(2).await.unwrap(), 0);

    if has_history {
        let kept = store.history(HistoryFilter::default(), 0, 10).await.unwrap().rows;
        assert_eq!(kept, [row(2, "diruser_2")]);
    }
    let users = store.load(of_users(&["diruser_1", "diruser_2"])).await.unwrap().users;
    assert_eq!(users.keys().collect::<Vec<_>>(), ["diruser_2"]);
    assert_eq!(
        store.forget_user("diruser_2".to_owned(), "mark".to_owned(), 2).await.unwrap(),
        usize::from(has_history)
    );
    let users = store.load(of_users(&["diruser_2"])).await.unwrap().users;
    assert!(users["diruser_2"].is_live(), "only tombstones are removed");
}

pub async fn losses_of_an_erased_user_stay_counted(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    let loss = |user_id: &str| LossRow {
        directory_id: "dir_1".to_owned(),
        user_id: user_id.to_owned(),
        at: at(5),
        added_at: None,
        is_removal: true,
        is_approved: false,
    };
    let users = vec![UserWrite { row: removed(user("diruser_1", &[]), at(5)), ..UserWrite::default() }];
    let losses = vec![loss("diruser_1"), loss("diruser_2")];
    commit(&store, Batch { users, losses, ..Batch::default() }).await;
    let key = CountsKey { since: at(0), base: Timestamp::MAX };
    let keys = Keys { counts: [("dir_1".to_owned(), key)].into(), ..Keys::default() };
    let before = store.load(keys.clone()).await.unwrap().counts;
    assert_eq!(before["dir_1"].losses, 2);

    store.forget_user("diruser_1".to_owned(), "mark".to_owned(), 10).await.unwrap();

    assert_eq!(store.load(keys).await.unwrap().counts, before);
}
