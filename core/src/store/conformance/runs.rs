//! Tests of runs and of received events.

use super::Setup;
use super::rows::{at, commit, event};
use crate::Timestamp;
use crate::record::{
    Batch, EventNote, EventQuery, EventRow, EventState, Outcome, Run, RunOutcome, RunQuery, RunRow, SyncMode,
    SyncReport,
};
use crate::store::{Retention, Store};
use std::sync::Arc;

/// Makes a run of the directory `dir_1` that started at a time and has ended.
pub(super) fn run(id: &str, started_at: Timestamp) -> RunRow {
    let report = SyncReport::new("org_1", "dir_1", SyncMode::Full, id.to_owned(), started_at);
    RunRow { run: Run::new(&report, "host/1".to_owned()), token: None }
}

/// Makes a run that has no end.
fn unfinished(id: &str, token: i64) -> RunRow {
    let RunRow { run, .. } = run(id, at(1));
    RunRow { run: Run { outcome: RunOutcome::Running, ended_at: None, ..run }, token: Some(token) }
}

async fn ids(store: &Arc<dyn Store>, query: RunQuery) -> Vec<String> {
    store.runs(query).await.unwrap().into_iter().map(|row| row.run.id).collect()
}

pub async fn runs_are_listed_newest_first_and_paged(setup: Setup) {
    let store = setup.create().await;
    for id in ["c", "a", "b"] {
        commit(&store, Batch { runs: vec![run(id, at(1))], ..Batch::default() }).await;
    }

    let first = store.runs(RunQuery { limit: 2, ..RunQuery::default() }).await.unwrap();
    let before = first.last().map(|row| row.run.number);
    assert_eq!(first.iter().map(|row| row.run.id.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(ids(&store, RunQuery { before, ..RunQuery::default() }).await, ["c"]);
}

pub async fn runs_are_filtered_by_sync_organization_and_directory(setup: Setup) {
    let store = setup.create().await;
    let other = |id: &str| {
        let mut row = run(id, at(1));
        row.run.organization_id = "org_2".to_owned();
        row.run.directory_id = "dir_2".to_owned();
        row
    };
    commit(&store, Batch { runs: vec![run("a", at(1)), other("a"), other("b")], ..Batch::default() }).await;

    let (own, theirs) = (Some("org_1".to_owned()), Some("dir_2".to_owned()));
    let only = |query: RunQuery| ids(&store, query);
    assert_eq!(only(RunQuery { organization_id: own.clone(), ..RunQuery::default() }).await, ["a"]);
    assert_eq!(only(RunQuery { directory_id: theirs.clone(), ..RunQuery::default() }).await.len(), 2);
    assert_eq!(only(RunQuery { ids: Some(vec!["a".to_owned()]), ..RunQuery::default() }).await.len(), 2);
    let both = RunQuery { ids: Some(vec!["a".to_owned()]), directory_id: theirs, ..RunQuery::default() };
    assert_eq!(only(both).await, ["a"]);
    let none = RunQuery { ids: Some(vec!["b".to_owned()]), organization_id: own, ..RunQuery::default() };
    assert!(only(none).await.is_empty());
}

pub async fn every_field_of_a_run_is_stored_and_replaced(setup: Setup) {
    let store = setup.create().await;
    let started = unfinished("a", 7);
    commit(&store, Batch { runs: vec![started.clone()], ..Batch::default() }).await;
    let stored = store.runs(RunQuery::default()).await.unwrap();
    assert_eq!(stored.len(), 1);
    let number = stored[0].run.number;
    assert!(number > 0);
    assert_eq!(stored[0], RunRow { run: Run { number, ..started.run.clone() }, token: Some(7) });

    commit(&store, Batch { runs: vec![run("b", at(2))], ..Batch::default() }).await;
    let ended = Run {
        outcome: RunOutcome::Incomplete,
        ended_at: Some(at(9)),
        pages: 1,
        users: 2,
        groups: 3,
        created: 4,
        updated: 5,
        deactivated: 6,
        reactivated: 7,
        deleted: 8,
        changes: 9,
        events: 10,
        holds: 11,
        incomplete: Some("a page \"failed\"".to_owned()),
        error: Some("the vendor\nanswered 500".to_owned()),
        ..started.run
    };
    commit(&store, Batch { runs: vec![RunRow { run: ended.clone(), token: None }], ..Batch::default() }).await;
    let stored = store.runs(RunQuery::default()).await.unwrap();
    assert_eq!(stored.len(), 2);
    assert_eq!(stored[1], RunRow { run: Run { number, ..ended }, token: None }, "the row keeps its number");
}

pub async fn old_runs_are_removed_and_quiet_ones_earlier(setup: Setup) {
    let store = setup.create().await;
    let busy = |id: &str, time| {
        let RunRow { run, token } = run(id, at(time));
        RunRow { run: Run { changes: 1, ..run }, token }
    };
    let runs =
        vec![run("quiet", at(10)), run("later", at(30)), busy("old", 5), busy("busy", 10), unfinished("none", 7)];
    commit(&store, Batch { runs, ..Batch::default() }).await;
    let none = Timestamp::MIN;
    let retention = Retention {
        changes: at(20),
        consumers: none,
        tombstones: none,
        events: none,
        losses: none,
        runs: at(10),
        history: None,
        limit: 10,
    };

    assert_eq!(store.trim(retention).await.unwrap(), 3, "a quiet run, and the two others before the time");
    assert_eq!(ids(&store, RunQuery::default()).await, ["busy", "later"]);
}

fn noted(id: &str, organization_id: &str, subject_id: &str) -> EventRow {
    let note = EventNote {
        event_type: "organization.directory.user_updated".to_owned(),
        occurred_at: at(1),
        outcome: Outcome::Stale,
        settled_at: None,
        why: Some("it is \"older\"".to_owned()),
    };
    EventRow {
        organization_id: organization_id.to_owned(),
        subject_id: Some(subject_id.to_owned()),
        note: Some(note),
        ..event(id, EventState::Settled, at(2))
    }
}

pub async fn received_events_are_listed_newest_first_and_filtered(setup: Setup) {
    let store = setup.create().await;
    let rows = [
        noted("evt_1", "org_1", "diruser_1"),
        noted("evt_2", "org_2", "diruser_2"),
        noted("evt_3", "org_1", "diruser_3"),
        noted("evt_4", "org_1", "diruser_1"),
    ];
    for row in rows {
        commit(&store, Batch { events: vec![row], ..Batch::default() }).await;
    }

    let all = store.received_events(EventQuery { limit: 3, ..EventQuery::default() }).await.unwrap();
    let only = async |query: EventQuery| -> Vec<String> {
        store.received_events(query).await.unwrap().into_iter().map(|(_, row)| row.id).collect()
    };
    assert_eq!(all.iter().map(|(_, row)| row.id.as_str()).collect::<Vec<_>>(), ["evt_4", "evt_3", "evt_2"]);
    assert_eq!(all[0].1, noted("evt_4", "org_1", "diruser_1"));
    let before = all.last().map(|(number, _)| *number);
    assert_eq!(only(EventQuery { before, ..EventQuery::default() }).await, ["evt_1"]);
    let subject_id = Some("diruser_1".to_owned());
    assert_eq!(only(EventQuery { subject_id, ..EventQuery::default() }).await, ["evt_4", "evt_1"]);
    let organization_id = Some("org_2".to_owned());
    assert_eq!(only(EventQuery { organization_id, ..EventQuery::default() }).await, ["evt_2"]);
    assert_eq!(only(EventQuery { ids: Some(vec!["evt_3".to_owned()]), ..EventQuery::default() }).await, ["evt_3"]);
    assert!(only(EventQuery { ids: Some(vec!["evt_9".to_owned()]), ..EventQuery::default() }).await.is_empty());
}

pub async fn a_received_event_is_listed_without_its_body_and_its_note_is_replaced(setup: Setup) {
    let store = setup.create().await;
    let mut pending = noted("evt_1", "org_1", "diruser_1");
    pending.state = EventState::Pending;
    pending.body = Some(b"body".to_vec());
    commit(&store, Batch { events: vec![pending.clone()], ..Batch::default() }).await;
    let listed = store.received_events(EventQuery::default()).await.unwrap();
    assert_eq!(listed[0].1, EventRow { body: None, ..pending });

    let mut settled = noted("evt_1", "org_1", "diruser_1");
    settled.note = settled.note.map(|note| EventNote { outcome: Outcome::Applied, settled_at: Some(at(5)), ..note });
    commit(&store, Batch { events: vec![settled.clone()], ..Batch::default() }).await;
    let listed = store.received_events(EventQuery::default()).await.unwrap();
    assert_eq!(listed.into_iter().map(|(_, row)| row).collect::<Vec<_>>(), [settled]);
}
