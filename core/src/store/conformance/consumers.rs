//! Tests of the feed's consumers.

use super::Setup;
use super::rows::{
    acknowledge, append, at, commit, commit_users, done, entry, group, seqs, unfenced, update_consumer, updating,
};
use crate::record::{Batch, ConsumerRow, Keys, Partition, Snapshot, WorkerId};
use crate::store::{ConsumerUpdate, ConsumerWrite, Durability, Park, PollNote, Store, Write};
use crate::{Error, ErrorKind};
use std::sync::{Arc, Mutex};

/// Parks the change with the number `seq` for a consumer.
async fn park(store: &Arc<dyn Store>, name: &str, seq: i64) {
    let change = Box::new(store.changes(seq - 1, 1).await.unwrap().remove(0));
    update_consumer(store, name, move |_| {
        let park = Park { change: change.clone(), reason: format!("reason {seq}"), at: at(seq) };
        ConsumerUpdate { row: None, park: Some(park) }
    })
    .await;
}

pub async fn an_unknown_consumer_reads_no_changes(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[1]).await;

    let page = store.feed("app".to_owned(), None, 10).await.unwrap();

    assert_eq!(page.consumer, None);
    assert!(page.changes.is_empty());
}

pub async fn a_consumer_reads_what_it_has_not_acknowledged(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[1, 2, 3, 4]).await;
    acknowledge(&store, "app", 0).await;
    let all = store.feed("app".to_owned(), None, 10).await.unwrap();
    acknowledge(&store, "app", 2).await;

    let rest = store.feed("app".to_owned(), None, 10).await.unwrap();

    assert_eq!(seqs(&all.changes), [1, 2, 3, 4]);
    assert_eq!(seqs(&rest.changes), [3, 4]);
    let row = ConsumerRow { name: "app".to_owned(), cursor: 2, seen_at: at(2), ..ConsumerRow::default() };
    assert_eq!(rest.consumer, Some(row));
}

pub async fn every_field_of_a_consumer_is_stored(setup: Setup) {
    let store = setup.create().await;
    for cursor in [-100, 7] {
        let row = ConsumerRow {
            name: "app".to_owned(),
            cursor,
            polled: cursor + 1,
            generation: 3,
            snapshot: Some(Snapshot { seq: 2, groups: 3, users: 4, at: at(5) }),
            seen_at: at(6),
            partitions: vec![
                Partition { cursor, worker: None },
                Partition { cursor: cursor + 1, worker: Some(WorkerId { number: 7, token: 8 }) },
            ],
        };
        let update = ConsumerUpdate { row: Some(row.clone()), park: None };
        update_consumer(&store, "app", move |_| update.clone()).await;
        assert_eq!(store.feed("app".to_owned(), None, 10).await.unwrap().consumer, Some(row));
    }
}

pub async fn a_decision_on_a_consumer_gets_the_greatest_generation_so_far(setup: Setup) {
    let store = setup.create().await;
    for (name, generation) in [("a", 5), ("b", 4)] {
        let row = ConsumerRow { name: name.to_owned(), generation, ..ConsumerRow::default() };
        update_consumer(&store, name, move |_| ConsumerUpdate { row: Some(row.clone()), park: None }).await;
    }
    store.drop_consumer("a".to_owned()).await.unwrap();
    let seen = Arc::new(Mutex::new(0));
    let given = Arc::clone(&seen);
    update_consumer(&store, "c", move |state| {
        *given.lock().unwrap() = state.generation;
        ConsumerUpdate::default()
    })
    .await;
    assert_eq!(*seen.lock().unwrap(), 5, "the generation of the dropped consumer is included");
}

pub async fn a_flush_makes_the_changes_before_it_durable(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[1, 2, 3]).await;
    let marks = async || store.feed("app".to_owned(), None, 0).await.unwrap().marks;
    let before = marks().await;
    let no_update = || updating("app", |_| Ok(ConsumerUpdate::default()));
    store.update_consumer(ConsumerWrite { durability: Durability::Process, ..no_update() }).await.unwrap();
    let unflushed = marks().await;
    store.update_consumer(no_update()).await.unwrap();
    let flushed_by_consumer = marks().await;
    append(&store, &[4]).await;
    let appended = marks().await;
    store.flush().await.unwrap();

    assert_eq!(before.latest, 3);
    assert!(before.durable < 3);
    assert!(unflushed.durable < 3);
    assert_eq!(flushed_by_consumer.durable, 3);
    assert_eq!(appended.durable, 3);
    assert_eq!(marks().await.durable, 4);
}

pub async fn a_write_that_survives_a_power_failure_makes_its_changes_durable(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[1, 2]).await;
    let batch = Batch { entries: vec![entry("diruser_3", 1, at(3))], ..Batch::default() };
    let write = unfenced(Keys::default(), move |_| done(batch.clone()));
    store.write(Write { durability: Durability::Power, ..write }).await.unwrap();
    let durable = store.feed("app".to_owned(), None, 0).await.unwrap().marks.durable;
    append(&store, &[4]).await;

    assert_eq!(durable, 3);
    assert_eq!(store.feed("app".to_owned(), None, 0).await.unwrap().marks.durable, 3);
}

/// A note of a poll of the consumer `app`, made at the time `at(9)`.
fn polled(generation: i64, polled: i64, durability: Durability) -> PollNote {
    PollNote { consumer: "app".to_owned(), generation, polled, at: at(9), durability }
}

pub async fn a_noted_poll_raises_the_polled_number_and_sets_the_time(setup: Setup) {
    let store = setup.create().await;
    let row = ConsumerRow {
        name: "app".to_owned(),
        cursor: 2,
        polled: 3,
        generation: 4,
        partitions: vec![Partition { cursor: 2, worker: None }],
        ..ConsumerRow::default()
    };
    let update = ConsumerUpdate { row: Some(row.clone()), park: None };
    update_consumer(&store, "app", move |_| update.clone()).await;

    for (noted, stored) in [(7, 7), (5, 7)] {
        assert!(store.note_poll(polled(4, noted, Durability::Process)).await.unwrap());
        let expected = ConsumerRow { polled: stored, seen_at: at(9), ..row.clone() };
        assert_eq!(store.consumers().await.unwrap().0, [(expected, 0)]);
    }
}

pub async fn a_poll_of_another_generation_or_an_unknown_consumer_is_not_noted(setup: Setup) {
    let store = setup.create().await;
    assert!(!store.note_poll(polled(1, 7, Durability::Process)).await.unwrap());
    assert!(store.consumers().await.unwrap().0.is_empty());
    let row = ConsumerRow { name: "app".to_owned(), generation: 2, ..ConsumerRow::default() };
    let update = ConsumerUpdate { row: Some(row.clone()), park: None };
    update_consumer(&store, "app", move |_| update.clone()).await;

    assert!(!store.note_poll(polled(1, 7, Durability::Process)).await.unwrap());
    assert_eq!(store.consumers().await.unwrap().0, [(row, 0)]);
}

pub async fn a_noted_poll_that_survives_a_power_failure_makes_all_changes_durable(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[1, 2]).await;
    acknowledge(&store, "app", 0).await;
    append(&store, &[3]).await;
    let marks = async || store.feed("app".to_owned(), None, 0).await.unwrap().marks;
    assert!(marks().await.durable < 3);

    assert!(store.note_poll(polled(0, 3, Durability::Power)).await.unwrap());

    assert_eq!(marks().await.durable, 3);
}

pub async fn changes_are_read_after_the_greater_of_cursor_and_argument(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[1, 2, 3, 4]).await;
    acknowledge(&store, "app", 2).await;
    let feed = async |after, limit| seqs(&store.feed("app".to_owned(), after, limit).await.unwrap().changes);

    assert_eq!(feed(Some(1), 10).await, [3, 4]);
    assert_eq!(feed(Some(3), 10).await, [4]);
    assert_eq!(feed(None, 1).await, [3]);
}

pub async fn a_consumer_that_is_reading_a_snapshot_reads_no_changes(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[1, 2, 3]).await;
    let start = |cursor| {
        move |_| {
            let snapshot = Some(Snapshot { seq: 2, ..Snapshot::default() });
            let row = ConsumerRow { name: "app".to_owned(), cursor, snapshot, ..ConsumerRow::default() };
            ConsumerUpdate { row: Some(row), park: None }
        }
    };

    update_consumer(&store, "app", start(-10)).await;
    let inside = store.feed("app".to_owned(), None, 10).await.unwrap();
    update_consumer(&store, "app", start(0)).await;
    let after = store.feed("app".to_owned(), None, 10).await.unwrap();

    assert_eq!(inside.consumer.unwrap().cursor, -10);
    assert!(inside.changes.is_empty());
    assert_eq!(seqs(&after.changes), [3]);
}

pub async fn a_decision_on_a_consumer_gets_its_row_and_the_latest_numbers(setup: Setup) {
    let store = setup.create().await;
    let users = commit_users(&store, &["diruser_1", "diruser_2"], &[]).await.users;
    let groups = commit(&store, Batch { groups: vec![group("dirgroup_1")], ..Batch::default() }).await.groups;
    append(&store, &[1, 2, 3]).await;
    acknowledge(&store, "app", 1).await;
    let seen = Arc::new(Mutex::new(Vec::new()));

    for name in ["app", "other"] {
        let seen = Arc::clone(&seen);
        update_consumer(&store, name, move |state| {
            seen.lock().unwrap().push(state);
            ConsumerUpdate::default()
        })
        .await;
    }

    let seen = seen.lock().unwrap();
    let (first, last) = (seen.first().unwrap(), seen.last().unwrap());
    assert_eq!(first.row.as_ref().unwrap().cursor, 1);
    assert_eq!(last.row, None);
    let numbers = Snapshot { seq: 3, groups: groups["dirgroup_1"], users: users["diruser_2"], ..Snapshot::default() };
    assert_eq!(first.latest, numbers);
}

pub async fn a_decision_on_a_consumer_that_fails_changes_nothing(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[1]).await;
    acknowledge(&store, "app", 1).await;
    let before = store.consumers().await.unwrap();

    let failing = updating("app", |_| Err(Error::invalid_argument("no")));
    let error = store.update_consumer(failing).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(store.consumers().await.unwrap(), before);
}

pub async fn concurrent_updates_of_a_consumer_are_serialized(setup: Setup) {
    let store = setup.create().await;
    acknowledge(&store, "app", 0).await;
    let changes = (0..50).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            update_consumer(&store, "app", |state| {
                let row = state.row.unwrap();
                ConsumerUpdate { row: Some(ConsumerRow { cursor: row.cursor + 1, ..row }), park: None }
            })
            .await;
        })
    });
    for change in changes.collect::<Vec<_>>() {
        change.await.unwrap();
    }
    assert_eq!(store.consumers().await.unwrap().0[0].0.cursor, 50);
}

pub async fn parked_changes_are_listed_and_dropped(setup: Setup) {
    let store = setup.create().await;
    commit(&store, Batch { entries: vec![entry("diruser_1", 4, at(0))], ..Batch::default() }).await;
    acknowledge(&store, "app", 4).await;
    acknowledge(&store, "other", 4).await;
    for (name, seq) in [("app", 3), ("app", 1), ("other", 2)] {
        park(&store, name, seq).await;
    }

    let parked = store.parked_changes("app".to_owned()).await.unwrap();
    assert_eq!(parked.iter().map(|parked| parked.change.seq).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(parked[1].reason, "reason 3");
    assert_eq!(parked[1].at, at(3));
    assert_eq!(parked[1].change, store.changes(2, 1).await.unwrap()[0]);

    assert!(store.drop_parked_change("app".to_owned(), 1).await.unwrap());
    assert!(!store.drop_parked_change("app".to_owned(), 1).await.unwrap());
    assert!(!store.drop_parked_change("app".to_owned(), 2).await.unwrap());
    assert_eq!(store.parked_changes("app".to_owned()).await.unwrap().len(), 1);
    assert_eq!(store.parked_changes("other".to_owned()).await.unwrap().len(), 1);
}

pub async fn parking_again_replaces_the_reason(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[1]).await;
    acknowledge(&store, "app", 1).await;
    park(&store, "app", 1).await;
    let change = Box::new(store.changes(0, 1).await.unwrap().remove(0));
    update_consumer(&store, "app", move |_| {
        let park = Park { change: change.clone(), reason: "another".to_owned(), at: at(9) };
        ConsumerUpdate { row: None, park: Some(park) }
    })
    .await;

    let parked = store.parked_changes("app".to_owned()).await.unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!(parked[0].reason, "another");
}

pub async fn consumers_are_listed_with_the_number_of_their_parked_changes(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[1, 2, 3]).await;
    acknowledge(&store, "b", 3).await;
    acknowledge(&store, "a", 1).await;
    park(&store, "b", 2).await;
    park(&store, "b", 3).await;

    let (rows, latest) = store.consumers().await.unwrap();

    assert_eq!(latest, 3);
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].0.name, "a");
    assert_eq!(rows[0].1, 0);
    assert_eq!(rows[1].0.name, "b");
    assert_eq!(rows[1].0.cursor, 3);
    assert_eq!(rows[1].1, 2);
}

pub async fn the_partitions_of_a_consumer_are_listed_and_replaced(setup: Setup) {
    let store = setup.create().await;
    let partition = |cursor| Partition { cursor, worker: Some(WorkerId { number: 0, token: cursor }) };
    for partitions in [vec![partition(3)], vec![partition(4), partition(5)], Vec::new()] {
        let row = ConsumerRow { name: "app".to_owned(), partitions, ..ConsumerRow::default() };
        let update = ConsumerUpdate { row: Some(row.clone()), park: None };
        update_consumer(&store, "app", move |_| update.clone()).await;

        assert_eq!(store.consumers().await.unwrap().0, [(row, 0)]);
    }
}

pub async fn an_empty_feed_has_the_latest_number_0(setup: Setup) {
    let store = setup.create().await;
    assert_eq!(store.consumers().await.unwrap(), (Vec::new(), 0));
}

pub async fn dropping_a_consumer_deletes_its_parked_changes(setup: Setup) {
    let store = setup.create().await;
    append(&store, &[1]).await;
    acknowledge(&store, "app", 1).await;
    park(&store, "app", 1).await;

    assert!(store.drop_consumer("app".to_owned()).await.unwrap());
    assert!(!store.drop_consumer("app".to_owned()).await.unwrap());

    acknowledge(&store, "app", 0).await;
    assert!(store.parked_changes("app".to_owned()).await.unwrap().is_empty());
    assert_eq!(store.feed("app".to_owned(), None, 10).await.unwrap().changes.len(), 1);
}
