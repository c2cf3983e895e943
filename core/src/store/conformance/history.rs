//! Tests of the history: the mark, the rows, and what removes them. A store without a history passes.

use super::Setup;
use super::retention::KEEP_ALL;
use super::rows::{append, at, commit, ids, joining, kept, removed, user};
use crate::record::{Batch, HistoryDay, HistoryMark, HistoryRow, UserWrite};
use crate::store::{HistoryFilter, Retention, Store, TakenHistory, UserFilter};
use std::sync::Arc;

/// Makes a row about `subject_id` in the organization `org_1`, written at `at(seq)`.
fn row(seq: i64, subject_id: &str) -> HistoryRow {
    HistoryRow {
        seq,
        at: at(seq),
        organization_id: "org_1".to_owned(),
        directory_id: "dir_1".to_owned(),
        subject_id: subject_id.to_owned(),
        is_removal: false,
        cause: "sync:1\0\u{ffff}".to_owned(),
        body: r#"{"k":"u","e":"O'Brien \"♥\""}"#.to_owned(),
    }
}

/// Opens a store with five entries of the feed, or returns `None` if it keeps no history.
async fn create(setup: &Setup) -> Option<Arc<dyn Store>> {
    let store = setup.create().await;
    append(&store, &[1, 2, 3, 4, 5]).await;
    store.history_mark().await.unwrap().map(|_| store)
}

async fn take(store: &Arc<dyn Store>, after: i64, rows: Vec<HistoryRow>) -> bool {
    let taken = rows.last().map_or(after, |row| row.seq);
    let starts_at = rows.first().map(|row| row.at);
    store.take_history(TakenHistory { after, taken, rows, starts_at, restarts: false }).await.unwrap()
}

/// Stores rows in a history that has none.
pub(super) async fn take_rows(store: &Arc<dyn Store>, rows: Vec<HistoryRow>) {
    assert!(take(store, 0, rows).await);
}

async fn seqs(store: &Arc<dyn Store>, filter: HistoryFilter) -> Vec<i64> {
    let page = store.history(filter, 0, 100).await.unwrap();
    page.rows.iter().map(|row| row.seq).collect()
}

pub async fn entries_are_read_in_their_order(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    let entries = store.entries(1, 3).await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.last).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(entries[0].count, 1);
    assert_eq!(entries[0].clone().changes().unwrap(), store.changes(1, 1).await.unwrap());
    assert!(store.entries(5, 3).await.unwrap().is_empty());
}

pub async fn rows_of_the_history_are_stored_with_the_mark(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    store.flush().await.unwrap();
    let empty = HistoryMark { latest: 5, durable: 5, ..HistoryMark::default() };
    assert_eq!(store.history_mark().await.unwrap(), Some(empty));
    let rows = vec![row(1, "diruser_1"), HistoryRow { is_removal: true, ..row(2, "diruser_2") }];

    assert!(take(&store, 0, rows.clone()).await);

    let page = store.history(HistoryFilter::default(), 0, 100).await.unwrap();
    assert_eq!(page.rows, rows);
    assert_eq!(page.mark, HistoryMark { taken: 2, starts_at: Some(at(1)), ..empty });
    assert!(take(&store, 2, vec![row(3, "diruser_1")]).await);
    assert_eq!(store.history_mark().await.unwrap().unwrap().starts_at, Some(at(1)));
}

pub async fn entries_are_taken_into_the_history_once(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    assert!(!take(&store, 1, vec![row(2, "diruser_2")]).await);
    assert!(take(&store, 0, vec![row(1, "diruser_1")]).await);
    assert!(!take(&store, 0, vec![row(1, "diruser_1"), row(2, "diruser_2")]).await);
    assert_eq!(seqs(&store, HistoryFilter::default()).await, [1]);
    assert_eq!(store.history_mark().await.unwrap().unwrap().taken, 1);
}

pub async fn the_mark_moves_over_entries_without_rows(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    let taken = TakenHistory { after: 0, taken: 4, ..TakenHistory::default() };
    assert!(store.take_history(taken).await.unwrap());
    let mark = store.history_mark().await.unwrap().unwrap();
    assert_eq!(mark.taken, 4);
    assert_eq!(mark.starts_at, None);
}

pub async fn concurrent_takers_of_the_history_store_each_row_once(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    let takers = (0..8).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { take(&store, 0, vec![row(1, "diruser_1"), row(2, "diruser_2")]).await })
    });
    let mut taken = 0;
    for taker in takers.collect::<Vec<_>>() {
        taken += usize::from(taker.await.unwrap());
    }
    assert_eq!(taken, 1);
    assert_eq!(seqs(&store, HistoryFilter::default()).await, [1, 2]);
}

pub async fn the_history_is_filtered_and_paged(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    let other = HistoryRow { organization_id: "org_2".to_owned(), ..row(3, "diruser_3") };
    let gone = HistoryRow { is_removal: true, ..row(4, "diruser_1") };
    take(&store, 0, vec![row(1, "diruser_1"), row(2, "diruser_2"), other, gone]).await;
    let organization_id = Some("org_1".to_owned());
    let of_organization = HistoryFilter { organization_id: organization_id.clone(), ..HistoryFilter::default() };
    assert_eq!(seqs(&store, of_organization.clone()).await, [1, 2, 4]);
    let subject_id = Some("diruser_1".to_owned());
    let of_user = HistoryFilter { subject_id: subject_id.clone(), ..HistoryFilter::default() };
    assert_eq!(seqs(&store, of_user).await, [1, 4]);
    let of_both = HistoryFilter { organization_id: Some("org_2".to_owned()), subject_id, removals: false };
    assert!(seqs(&store, of_both).await.is_empty());
    let removals = HistoryFilter { organization_id, removals: true, ..HistoryFilter::default() };
    assert_eq!(seqs(&store, removals).await, [4]);
    let page = store.history(of_organization, 1, 1).await.unwrap();
    assert_eq!(page.rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [2]);
}

pub async fn the_history_of_users_is_read_by_id_and_number(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    let rows = ["b", "a", "c", "b"].iter().zip(1..).map(|(id, seq)| row(seq, id)).collect();
    take(&store, 0, rows).await;
    let page = store.history_of(ids(&["a", "b", "unknown"]), 0).await.unwrap();
    let read: Vec<_> = page.rows.iter().map(|row| (row.subject_id.as_str(), row.seq)).collect();
    assert_eq!(read, [("a", 2), ("b", 1), ("b", 4)]);
    assert_eq!(page.mark.taken, 4);
    let page = store.history_of(ids(&["a", "b"]), 1).await.unwrap();
    assert_eq!(page.rows.len(), 2);
}

pub async fn changes_that_the_history_has_not_taken_are_kept(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    let old = Retention { changes: at(100), history: Some(at(0)), ..KEEP_ALL };
    store.trim(old).await.unwrap();
    assert_eq!(kept(&store).await, [1, 2, 3, 4, 5]);

    take(&store, 0, vec![row(1, "diruser_1"), row(2, "diruser_2")]).await;
    store.trim(old).await.unwrap();
    assert_eq!(kept(&store).await, [3, 4, 5]);
    assert_eq!(store.history_mark().await.unwrap().unwrap().trimmed, 2);

    store.trim(Retention { history: None, ..old }).await.unwrap();
    assert!(!kept(&store).await.contains(&3));
}

pub async fn old_rows_of_the_history_are_removed_and_it_starts_after_them(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    // The clock was set back between the second and the third row.
    let early = HistoryRow { at: at(-5), ..row(3, "diruser_3") };
    take(&store, 0, vec![row(1, "diruser_1"), row(2, "diruser_2"), early, row(4, "diruser_4")]).await;
    let limited = Retention { history: Some(at(100)), limit: 1, ..KEEP_ALL };

    assert_eq!(store.trim(Retention { history: Some(at(2)), ..KEEP_ALL }).await.unwrap(), 1);
    assert_eq!(seqs(&store, HistoryFilter::default()).await, [2, 3, 4]);
    assert_eq!(store.trim(limited).await.unwrap(), 1);
    assert_eq!(store.trim(limited).await.unwrap(), 1);
    assert_eq!(seqs(&store, HistoryFilter::default()).await, [4]);
    assert_eq!(store.history_mark().await.unwrap().unwrap().starts_at, Some(at(2)));

    assert_eq!(store.trim(KEEP_ALL).await.unwrap(), 1);
    assert!(seqs(&store, HistoryFilter::default()).await.is_empty());
    assert_eq!(store.history_mark().await.unwrap().unwrap().taken, 4);
}

pub async fn a_history_that_restarts_has_only_the_new_rows(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    take(&store, 0, vec![row(1, "diruser_1"), row(2, "diruser_2")]).await;
    let rows = vec![row(5, "diruser_1")];
    let taken = TakenHistory { after: 2, taken: 5, rows, starts_at: Some(at(9)), restarts: true };
    assert!(store.take_history(taken).await.unwrap());
    assert_eq!(seqs(&store, HistoryFilter::default()).await, [5]);
    assert_eq!(store.history_mark().await.unwrap().unwrap().starts_at, Some(at(9)));
}

/// The number of the day of `at(0)`, and the seconds until the next one.
const DAY: i64 = 20_833;
const NEXT_DAY: i64 = (DAY + 1) * 86_400 - 1_800_000_000;

pub async fn the_rows_of_the_history_are_counted_by_day(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    let created = HistoryRow { body: r#"{"k":"cr+"}"#.to_owned(), ..row(2, "diruser_2") };
    // The value of a field is no kind of change.
    let updated =
        HistoryRow { at: at(NEXT_DAY - 1), body: r#"{"k":"u","e":"c\u0000"}"#.to_owned(), ..row(3, "diruser_2") };
    let deleted =
        HistoryRow { at: at(NEXT_DAY), is_removal: true, body: r#"{"k":"x"}"#.to_owned(), ..row(4, "diruser_2") };
    take(&store, 0, vec![row(1, "dirgroup_1"), created, updated, deleted]).await;
    let first = HistoryDay { day: DAY, rows: 3, created: 1, deleted: 0 };
    let second = HistoryDay { day: DAY + 1, rows: 1, created: 0, deleted: 1 };

    assert_eq!(store.history_days(at(0)).await.unwrap(), [first, second]);

    assert_eq!(store.history_days(at(3)).await.unwrap(), [HistoryDay { rows: 1, created: 0, ..first }, second]);
    assert_eq!(store.history_days(at(NEXT_DAY)).await.unwrap(), [second]);
    assert_eq!(store.history_days(at(NEXT_DAY + 1)).await.unwrap(), []);
}

pub async fn days_without_rows_are_not_counted(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    let later = HistoryRow { at: at(NEXT_DAY + 86_400), ..row(2, "diruser_1") };
    take(&store, 0, vec![row(1, "diruser_1"), later]).await;
    let days: Vec<i64> = store.history_days(at(0)).await.unwrap().iter().map(|day| day.day).collect();
    assert_eq!(days, [DAY, DAY + 2]);
}

pub async fn users_are_read_with_their_tombstones_if_asked_for(setup: Setup) {
    let store = setup.create().await;
    let gone = UserWrite { row: removed(user("diruser_gone", &[]), at(4)), ..UserWrite::default() };
    let users = vec![gone, joining(user("diruser_1", &[]))];
    commit(&store, Batch { users, ..Batch::default() }).await;
    let organization_id = Some("org_1".to_owned());
    for (removed, count) in [(false, 1), (true, 2)] {
        let filter = UserFilter { organization_id: organization_id.clone(), removed, ..UserFilter::default() };
        assert_eq!(store.users(filter, 0, 10).await.unwrap().len(), count);
    }
}
