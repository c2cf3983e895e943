//! The erasure of users: what is left of them, and that listings and events do not bring them back.

use crate::api::{
    FakeApi, USER_DELETED, USER_UPDATED, apply_event, full_sync, incremental_sync, listed_user, numbered_user,
    open_store,
};
use headcount::mirror::{
    EventQuery, HoldReason, MirrorOptions, Outcome, ReconcileOptions, SyncMode, SyncOutcome, UserState,
};
use headcount::store::{Store, copy};
use headcount::{Change, ChangeKind, ErrorKind, Mirror};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

fn ada() -> Value {
    json!({
        "id": "diruser_ada", "email": "ada@example.com", "given_name": "Ada", "family_name": "Lovelace",
        "emails": ["ada@example.com", "ada.lovelace@example.com"], "groups": [{ "id": "dirgroup_1" }],
        "user_detail": { "title": "Countess" },
    })
}

/// Opens a mirror with Ada, who is in a group, linked and protected, and `others` other users.
async fn with_ada(others: usize) -> (FakeApi, Mirror) {
    let api = FakeApi::default();
    api.list_users((0..others).map(listed_user).chain([ada()]));
    api.with(|state| state.groups = vec![json!({ "id": "dirgroup_1", "display_name": "Engineering" })]);
    let mirror = api.synced_mirror().await;
    mirror.set_role_map([("Engineering", "developer")]).await.unwrap();
    mirror.link("diruser_ada", Some("acct_ada")).await.unwrap();
    mirror.protect("diruser_ada", "Ada is the last admin").await.unwrap();
    let renamed = json!({ "id": "diruser_ada", "email": "ada.king@example.com", "title": "Countess" });
    apply_event(&mirror, "evt_rename", USER_UPDATED, "2025-06-01T13:00:00Z", renamed).await;
    (api, mirror)
}

async fn changes_of(mirror: &Mirror, consumer: &str, user_id: &str) -> Vec<Change> {
    let changes = mirror.poll(consumer, 10_000).await.unwrap();
    changes.into_iter().filter(|change| change.user.as_ref().is_some_and(|user| user.id == user_id)).collect()
}

/// Asserts that no row of any table of the store has one of these texts.
pub(crate) async fn assert_no_row_has(store: &Arc<dyn Store>, texts: &[&str]) {
    for table in copy::TABLES {
        let mut after = None;
        loop {
            let rows = store.dump(table, after).await.unwrap();
            let Some(last) = rows.last() else { break };
            after = Some(table.key_of(last));
            for cell in rows.iter().flatten() {
                let bytes = match cell {
                    copy::Cell::Text(text) => text.as_bytes(),
                    copy::Cell::Bytes(bytes) => bytes,
                    copy::Cell::Null | copy::Cell::Number(_) => &[],
                };
                let cell = String::from_utf8_lossy(bytes).to_lowercase();
                let found = texts.iter().find(|text| cell.contains(&text.to_lowercase()));
                assert_eq!(found, None, "in a row of {}: {cell}", table.name);
            }
            if table.key == 0 {
                break;
            }
        }
    }
}

const PERSONAL: &[&str] = &["ada@example", "lovelace", "king@example", "countess", "last admin", "\"Ada\""];

#[tokio::test]
async fn an_erased_user_is_gone_from_every_row() {
    let api = FakeApi::default();
    api.list_users([listed_user(0), ada()]);
    let store = open_store().await;
    let mirror = api.mirror_builder().open_in(Arc::clone(&store)).await.unwrap();
    full_sync(&mirror).await.unwrap();
    mirror.link("diruser_ada", Some("acct_ada")).await.unwrap();
    mirror.protect("diruser_ada", "Ada is the last admin").await.unwrap();
    let renamed = json!({ "id": "diruser_ada", "email": "ada.king@example.com" });
    apply_event(&mirror, "evt_rename", USER_UPDATED, "2025-06-01T13:00:00Z", renamed).await;
    let last = changes_of(&mirror, "app", "diruser_ada").await.pop().unwrap();
    mirror.park("app", last.seq, "ada.king@example.com is taken").await.unwrap();
    mirror.trim().await.unwrap();

    let erasure = mirror.erase_user("diruser_ada").await.unwrap();

    assert!(erasure.was_mirrored);
    assert_eq!(erasure.user_id, "diruser_ada");
    assert_eq!(erasure.at, api.with(|state| state.now));
    assert_eq!(erasure.changes, 3);
    assert_eq!(erasure.history, 2);
    assert_eq!(erasure.events, 1);
    assert_eq!(erasure.parked, 1);
    assert_no_row_has(&store, PERSONAL).await;
    assert!(mirror.user("diruser_ada").await.unwrap().is_none());
    assert!(mirror.find_users("ada.king@example.com").await.unwrap().is_empty());
    assert_eq!(mirror.event("evt_rename").await.unwrap().unwrap().subject_id, None);
    assert_eq!(mirror.user(&numbered_user(0)).await.unwrap().unwrap().email, "0@example.com");
}

#[tokio::test]
async fn the_account_id_is_gone_once_the_deletion_was_acknowledged_and_trimmed() {
    let api = FakeApi::default();
    api.list_users([ada()]);
    let store = open_store().await;
    let mirror = api.mirror_builder().open_in(Arc::clone(&store)).await.unwrap();
    full_sync(&mirror).await.unwrap();
    mirror.link("diruser_ada", Some("acct_ada")).await.unwrap();
    mirror.erase_user("diruser_ada").await.unwrap();
    let deletion = changes_of(&mirror, "app", "diruser_ada").await.pop().unwrap();
    assert_eq!(deletion.user.as_ref().unwrap().linked_id.as_deref(), Some("acct_ada"));
    mirror.ack("app", deletion.seq).await.unwrap();
    api.with(|state| state.now += DAY * 40);

    mirror.trim().await.unwrap();

    assert_no_row_has(&store, &["acct_ada", "diruser_ada"]).await;
}

#[tokio::test]
async fn a_consumer_that_lags_gets_only_deletions_with_the_ids_of_an_erased_user() {
    let (_, mirror) = with_ada(2).await;
    let before = mirror.poll("app", 10_000).await.unwrap();

    let erasure = mirror.erase_user("diruser_ada").await.unwrap();

    let after = mirror.poll("app", 10_000).await.unwrap();
    let seqs: Vec<i64> = after.iter().map(|change| change.seq).collect();
    assert_eq!(seqs, (1..=before.len() as i64 + 1).collect::<Vec<_>>());
    let own = changes_of(&mirror, "app", "diruser_ada").await;
    assert_eq!(own.len() as u64, erasure.changes + 1);
    for change in &own {
        assert_eq!(change.kind, ChangeKind::UserDeleted);
        assert_eq!(change.cause, format!("erasure:{}", erasure.id));
        assert_eq!(change.organization_id, "org_1");
        assert_eq!(change.directory_id, "dir_1");
        assert_eq!(change.group, None);
        let user = change.user.as_ref().unwrap();
        assert_eq!(user.email, "");
        assert!(user.group_ids.is_empty());
        assert_eq!(user.protection, None);
    }
    let linked: Vec<_> = own.iter().map(|change| change.user.as_ref().unwrap().linked_id.as_deref()).collect();
    assert_eq!(linked.last(), Some(&Some("acct_ada")));
    assert_eq!(linked.iter().flatten().count(), 1);
    let others = |changes: &[Change]| -> Vec<Change> {
        let is_other = |change: &&Change| change.user.as_ref().is_none_or(|user| user.id != "diruser_ada");
        changes.iter().filter(is_other).cloned().collect()
    };
    assert_eq!(others(&after), others(&before));
}

#[tokio::test]
async fn a_deletion_that_is_not_acknowledged_keeps_the_account_id() {
    let (_, mirror) = with_ada(2).await;
    mirror.poll("app", 1).await.unwrap();
    mirror.unprotect("diruser_ada").await.unwrap();
    apply_event(&mirror, "evt_gone", USER_DELETED, "2025-06-01T14:00:00Z", json!({ "id": "diruser_ada" })).await;

    let erasure = mirror.erase_user("diruser_ada").await.unwrap();

    assert!(!erasure.was_mirrored);
    let own = changes_of(&mirror, "app", "diruser_ada").await;
    assert_eq!(own.len() as u64, erasure.changes);
    assert_eq!(own.last().unwrap().user.as_ref().unwrap().linked_id.as_deref(), Some("acct_ada"));
}

#[tokio::test]
async fn a_full_sync_ignores_an_erased_user_who_is_still_listed() {
    let (_, mirror) = with_ada(2).await;
    mirror.erase_user("diruser_ada").await.unwrap();
    for report in [full_sync(&mirror).await.unwrap(), incremental_sync(&mirror).await.unwrap()] {
        assert_eq!(report.outcome, SyncOutcome::Done);
        assert_eq!(report.erased, 1);
        assert_eq!(report.users, 3);
        assert_eq!(report.changes, 0);
    }
    assert!(mirror.user("diruser_ada").await.unwrap().is_none());
    assert_eq!(mirror.status().await.unwrap()[0].users, 2);
}

#[tokio::test]
async fn a_user_who_was_erased_before_the_first_listing_is_not_added() {
    let api = FakeApi::default();
    api.list_users([ada(), listed_user(0)]);
    let mirror = api.open_mirror().await;

    let erasure = mirror.erase_user("diruser_ada").await.unwrap();

    assert!(!erasure.was_mirrored);
    assert_eq!([erasure.changes, erasure.history, erasure.events, erasure.parked], [0; 4]);
    let report = full_sync(&mirror).await.unwrap();
    assert_eq!(report.created, 1);
    assert_eq!(report.erased, 1);
    assert!(mirror.user("diruser_ada").await.unwrap().is_none());
}

#[tokio::test]
async fn events_about_an_erased_user_are_ignored_and_say_why() {
    let (_, mirror) = with_ada(2).await;
    mirror.erase_user("diruser_ada").await.unwrap();
    let data = json!({ "id": "diruser_ada", "email": "ada@example.com" });
    for (id, kind) in
        [("evt_1", USER_UPDATED), ("evt_2", "organization.directory.user_created"), ("evt_3", USER_DELETED)]
    {
        let outcome = apply_event(&mirror, id, kind, "2025-06-01T15:00:00Z", data.clone()).await;
        assert_eq!(outcome, Outcome::Erased, "{kind}");
        let event = mirror.event(id).await.unwrap().unwrap();
        assert_eq!(event.outcome, Some(Outcome::Erased));
        assert_eq!(event.subject_id, None);
        assert!(event.why.unwrap().contains("erased"));
    }
    let again = apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T15:00:00Z", data).await;
    assert_eq!(again, Outcome::Duplicate);
    assert!(mirror.user("diruser_ada").await.unwrap().is_none());
}

#[tokio::test]
async fn a_pending_event_about_an_erased_user_is_settled_without_its_body() {
    let api = FakeApi::default();
    let store = open_store().await;
    let mirror = api.mirror_builder().open_in(Arc::clone(&store)).await.unwrap();
    let data = json!({ "id": "diruser_ada", "email": "ada@example.com" });
    let outcome = apply_event(&mirror, "evt_1", USER_UPDATED, "2025-06-01T12:00:00Z", data).await;
    assert_eq!(outcome, Outcome::Pending);

    let erasure = mirror.erase_user("diruser_ada").await.unwrap();

    assert_eq!(erasure.events, 1);
    assert!(mirror.pending_events("org_1").await.unwrap().is_empty());
    let event = mirror.event("evt_1").await.unwrap().unwrap();
    assert_eq!(event.outcome, Some(Outcome::Erased));
    assert!(event.settled_at.is_some());
    assert_no_row_has(&store, PERSONAL).await;
    full_sync(&mirror).await.unwrap();
    assert!(mirror.user("diruser_ada").await.unwrap().is_none());
}

#[tokio::test]
async fn the_history_has_nothing_about_an_erased_user_and_the_same_about_others() {
    let (api, mirror) = with_ada(2).await;
    let moment = api.with(|state| state.now);
    api.with(|state| state.now += DAY);
    let others = |entries: Vec<headcount::mirror::HistoryEntry>| -> Vec<_> {
        entries.into_iter().filter(|entry| entry.user_id.as_deref() != Some("diruser_ada")).collect()
    };
    let all = |mirror: &Mirror| mirror.history().organization("org_1");
    let (mut history, mut before) = (all(&mirror), Vec::new());
    while let Some(entry) = history.next().await.unwrap() {
        before.push(entry);
    }

    let erasure = mirror.erase_user("diruser_ada").await.unwrap();

    assert!(erasure.history > 0);
    let (mut history, mut after) = (all(&mirror), Vec::new());
    while let Some(entry) = history.next().await.unwrap() {
        after.push(entry);
    }
    assert_eq!(after, others(before));
    assert!(mirror.history().user("diruser_ada").next().await.unwrap().is_none());
    let (mut past, mut ids) = (mirror.at(moment, "org_1"), Vec::new());
    while let Some(user) = past.next().await.unwrap() {
        ids.push(user.id);
    }
    assert_eq!(ids, [0, 1].map(numbered_user));
}

#[tokio::test]
async fn erasing_again_changes_nothing() {
    let (api, mirror) = with_ada(2).await;
    let first = mirror.erase_user("diruser_ada").await.unwrap();
    api.with(|state| state.now += DAY);
    let before = mirror.poll("app", 10_000).await.unwrap();

    let second = mirror.erase_user("diruser_ada").await.unwrap();

    assert_eq!(second.id, first.id);
    assert_eq!(second.at, first.at);
    assert!(!second.was_mirrored);
    assert_eq!([second.changes, second.history, second.events, second.parked], [0; 4]);
    assert_eq!(mirror.poll("app", 10_000).await.unwrap(), before);
}

#[tokio::test]
async fn a_malformed_id_is_refused() {
    let mirror = FakeApi::default().open_mirror().await;
    for id in ["", "diruser 1", "diruser_1\n", "diruser_ä", &"d".repeat(201)] {
        let error = mirror.erase_user(id).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{id:?}");
        assert!(error.message().contains("expected the id of a directory user"), "{error}");
    }
}

#[tokio::test]
async fn the_guard_does_not_limit_erasures_and_keeps_its_budget() {
    let api = FakeApi::with_users(30);
    let mirror = api.mirror_builder().guard_users(1).guard_share(0.0).open_in(open_store().await).await.unwrap();
    full_sync(&mirror).await.unwrap();
    for number in 0..10 {
        assert!(mirror.erase_user(&numbered_user(number)).await.unwrap().was_mirrored);
    }
    api.with(|state| state.users.retain(|user| user["id"] != numbered_user(20)));
    let report = full_sync(&mirror).await.unwrap();
    assert_eq!(report.outcome, SyncOutcome::Done);
    assert_eq!(report.deleted, 1);
    assert_eq!(report.erased, 10);

    mirror.erase_user(&numbered_user(20)).await.unwrap();

    api.with(|state| state.users.retain(|user| user["id"] != numbered_user(21)));
    assert_eq!(full_sync(&mirror).await.unwrap_err().kind(), ErrorKind::MassRemoval, "the removed user still counts");
}

#[tokio::test]
async fn a_held_loss_of_an_erased_user_is_no_longer_held() {
    let (api, mirror) = with_ada(2).await;
    api.list_numbered_users(2);
    // A listing that begins shortly after an event about a user does not remove the user.
    api.with(|state| state.now += DAY);
    full_sync(&mirror).await.unwrap_err();
    let holds = mirror.holds("org_1", None).await.unwrap();
    assert_eq!(holds[0].reason, HoldReason::ProtectedUsers);

    mirror.erase_user("diruser_ada").await.unwrap();

    assert!(mirror.holds("org_1", None).await.unwrap().is_empty());
    assert_eq!(full_sync(&mirror).await.unwrap().outcome, SyncOutcome::Done);
}

#[tokio::test]
async fn a_change_that_is_parked_after_the_erasure_of_its_user_has_only_ids() {
    let (_, mirror) = with_ada(1).await;
    let change = changes_of(&mirror, "app", "diruser_ada").await.remove(0);
    mirror.erase_user("diruser_ada").await.unwrap();
    mirror.park("app", change.seq, "no mail server").await.unwrap();
    let parked = mirror.parked_changes("app").await.unwrap();
    assert_eq!(parked[0].change.user.as_ref().unwrap().email, "");
}

#[tokio::test]
async fn a_change_that_an_iterator_had_before_the_erasure_is_parked_without_its_content() {
    let (_, mirror) = with_ada(1).await;
    let changes = mirror.changes("app", None);
    let change = loop {
        let change = changes.next().await.unwrap().unwrap();
        if change.user.as_ref().is_some_and(|user| user.id == "diruser_ada") {
            break change;
        }
        changes.ack(change.seq).await.unwrap();
    };
    assert_eq!(change.user.as_ref().unwrap().email, "ada@example.com");
    mirror.erase_user("diruser_ada").await.unwrap();
    changes.park(&change, "no mail server").await.unwrap();
    let parked = mirror.parked_changes("app").await.unwrap();
    assert_eq!(parked[0].change.kind, ChangeKind::UserDeleted);
    assert_eq!(parked[0].change.user.as_ref().unwrap().email, "");
}

#[tokio::test]
async fn an_erased_user_can_be_neither_linked_nor_protected() {
    let (_, mirror) = with_ada(1).await;
    mirror.erase_user("diruser_ada").await.unwrap();
    for error in [
        mirror.link("diruser_ada", Some("acct_ada")).await.unwrap_err(),
        mirror.protect("diruser_ada", "last admin").await.unwrap_err(),
        mirror.unprotect("diruser_ada").await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
}

#[tokio::test]
async fn an_explanation_says_that_a_user_was_erased() {
    let (_, mirror) = with_ada(2).await;
    mirror.erase_user("diruser_ada").await.unwrap();
    for id in ["diruser_ada", "diruser_never_mirrored"] {
        mirror.erase_user(id).await.unwrap();
        let why = mirror.explain(id).await.unwrap();
        assert_eq!(why.state, UserState::Erased, "{id}");
        assert_eq!(why.user, None);
        assert_eq!(why.changes, []);
        assert_eq!(why.removed_at, None);
        assert_eq!(why.outlook, ["The application has erased the user: no listing and no event adds the user."]);
        assert!(why.to_string().contains("State: erased by the application"), "{why}");
    }
    assert_eq!(mirror.explain(&numbered_user(0)).await.unwrap().state, UserState::Present);
    assert_eq!(mirror.explain("diruser_nobody").await.unwrap().state, UserState::Unknown);
}

#[tokio::test]
async fn the_creation_of_a_person_who_was_hired_again_does_not_name_the_erased_user_also_in_a_copy() {
    let api = FakeApi::default();
    api.list_users([ada(), listed_user(0)]);
    let store = open_store().await;
    let mirror = api.mirror_builder().open_in(Arc::clone(&store)).await.unwrap();
    full_sync(&mirror).await.unwrap();
    mirror.link("diruser_ada", Some("acct_ada")).await.unwrap();
    apply_event(&mirror, "evt_gone", USER_DELETED, "2025-06-01T12:00:00Z", json!({ "id": "diruser_ada" })).await;
    let again = json!({ "id": "diruser_again", "email": "ada@example.com" });
    apply_event(&mirror, "evt_again", "organization.directory.user_created", "2025-06-01T12:01:00Z", again).await;
    let created = changes_of(&mirror, "app", "diruser_again").await.remove(0);
    assert_eq!(created.possible_rehire_of.as_deref(), Some("diruser_ada"));
    assert_eq!(created.possible_rehire_linked_id.as_deref(), Some("acct_ada"));
    mirror.park("app", created.seq, "ask the administrator").await.unwrap();

    mirror.erase_user("diruser_ada").await.unwrap();

    let target = open_store().await;
    mirror.copy_to_store(Arc::clone(&target)).await.unwrap();
    let copy = api.mirror_builder().open_in(Arc::clone(&target)).await.unwrap();
    for (mirror, store) in [(&mirror, &store), (&copy, &target)] {
        let created = changes_of(mirror, "new", "diruser_again").await.remove(0);
        assert_eq!(created.kind, ChangeKind::UserCreated);
        assert_eq!(created.possible_rehire_of, None);
        assert_eq!(created.possible_rehire_linked_id, None);
        assert_eq!(created.user.as_ref().unwrap().email, "ada@example.com", "the other user stays");
        let parked = mirror.parked_changes("app").await.unwrap();
        assert_eq!(parked[0].change.possible_rehire_of, None);
        assert_eq!(parked[0].change.possible_rehire_linked_id, None);
        assert_eq!(parked[0].reason, "ask the administrator");
        assert_no_row_has(store, &["acct_ada"]).await;
    }
}

#[tokio::test]
async fn a_plan_ignores_erased_users() {
    let (_, mirror) = with_ada(2).await;
    mirror.erase_user("diruser_ada").await.unwrap();
    let plan = mirror.plan("org_1").mode(SyncMode::Full).await.unwrap();
    assert_eq!(plan.counts(), []);
    assert_eq!(plan.reports()[0].erased, 1);
}

#[tokio::test]
async fn an_erased_user_is_reconciled_as_no_longer_there() {
    let (_, mirror) = with_ada(2).await;
    mirror.erase_user("diruser_ada").await.unwrap();
    mirror.sync("org_1").mode(SyncMode::Full).await.unwrap();
    let mut options = ReconcileOptions::default();
    options.organization_id = Some("org_1".to_owned());
    let gone = mirror.reconcile(["diruser_ada".to_owned(), numbered_user(0)], options).await.unwrap();
    assert_eq!(gone, ["diruser_ada"]);
}

#[tokio::test]
async fn a_copy_keeps_the_erasure() {
    let (api, mirror) = with_ada(2).await;
    mirror.erase_user("diruser_ada").await.unwrap();
    let store = open_store().await;
    mirror.copy_to_store(Arc::clone(&store)).await.unwrap();
    let copy = api.mirror_builder().open_in(store).await.unwrap();
    assert_eq!(full_sync(&copy).await.unwrap().erased, 1);
    assert!(copy.user("diruser_ada").await.unwrap().is_none());
}

#[tokio::test]
async fn unbinding_the_environment_keeps_the_erasure() {
    let (_, mirror) = with_ada(2).await;
    mirror.erase_user("diruser_ada").await.unwrap();
    mirror.unbind_environment().await.unwrap();
    assert_eq!(full_sync(&mirror).await.unwrap().erased, 1);
}

#[tokio::test]
async fn a_mirror_without_a_history_erases_users() {
    let api = FakeApi::default();
    api.list_users([ada()]);
    let store = open_store().await;
    let mirror = api.mirror_builder().open_in(Arc::clone(&store)).await.unwrap();
    mirror.configure(MirrorOptions { history: Some(Duration::ZERO), ..MirrorOptions::default() }).await.unwrap();
    full_sync(&mirror).await.unwrap();
    let erasure = mirror.erase_user("diruser_ada").await.unwrap();
    assert_eq!(erasure.history, 0);
    assert_no_row_has(&store, PERSONAL).await;
}

#[tokio::test]
async fn an_interrupted_erasure_is_completed_by_the_next_opening_sync_or_trim() {
    for way in ["open", "sync", "trim"] {
        let api = FakeApi::default();
        api.list_users([ada(), listed_user(0)]);
        let store = open_store().await;
        let open = || api.mirror_builder().open_in(Arc::clone(&store));
        let mirror = open().await.unwrap();
        full_sync(&mirror).await.unwrap();
        // The first write of the erasure is committed when the future has waited for the store a few times.
        let mut erasing = Box::pin(mirror.erase_user("diruser_ada"));
        while store.open_erasures(1).await.unwrap().is_empty() {
            let _ = futures_util::poll!(&mut erasing);
        }
        drop(erasing);
        assert!(mirror.user("diruser_ada").await.unwrap().is_none(), "the user is gone at once");

        match way {
            "open" => drop(open().await.unwrap()),
            "sync" => drop(full_sync(&mirror).await.unwrap()),
            _ => mirror.trim().await.unwrap(),
        }

        assert_eq!(store.open_erasures(1).await.unwrap(), [], "{way}");
        assert_no_row_has(&store, PERSONAL).await;
    }
}

#[tokio::test]
async fn events_are_counted_by_the_users_they_are_about() {
    let (_, mirror) = with_ada(1).await;
    for number in 0..3 {
        let data = json!({ "id": numbered_user(0), "email": format!("{number}@example.org") });
        apply_event(&mirror, &format!("evt_{number}"), USER_UPDATED, "2025-06-01T13:00:00Z", data).await;
    }
    assert_eq!(mirror.erase_user(&numbered_user(0)).await.unwrap().events, 3);
    let events =
        mirror.events(EventQuery { subject_id: Some(numbered_user(0)), ..EventQuery::default() }).await.unwrap();
    assert_eq!(events, []);
    assert!(
        mirror.event("evt_1").await.unwrap().is_some(),
        "the event is still known, so another delivery is a duplicate"
    );
}
