//! Tests of what forgets organizations. A store that cannot forget organizations passes.

use super::Setup;
use super::history::take_rows;
use super::rows::{
    append, approval, at, commit, directory, entry, erasure, event, group, hold, ids, joining, organization, removed,
    retirement, seqs, user,
};
use super::runs::run;
use crate::record::{
    Approval, Batch, ChangeKind, Chore, CountsKey, ErasureKey, ErasureRow, EventQuery, EventRow, EventState, GroupRow,
    HistoryRow, HoldReason, HoldRow, Keys, LossRow, NewEntry, Retirement, RunQuery, RunRow, UserWrite,
};
use crate::store::{ForgottenRows, HistoryFilter, Redaction, Store, UserFilter};
use crate::{Result, Timestamp};
use std::sync::Arc;

/// Opens a store, or returns `None` if it cannot forget organizations.
async fn create(setup: &Setup) -> Option<Arc<dyn Store>> {
    let store = setup.create().await;
    store.forget_organization("org_9".to_owned(), 1).await.is_ok().then_some(store)
}

pub async fn an_erasure_of_an_organization_is_open_until_it_has_ended_and_can_be_deleted(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    let mark = ErasureKey::new([1, 2, 3, 4]).mark_of_organization("org_1");
    let open =
        ErasureRow { mark: mark.clone(), organization_id: Some("org_1".to_owned()), ..erasure("diruser_1", false) };
    let other = erasure("diruser_2", false);
    commit(&store, Batch { erasures: vec![open.clone(), other.clone()], ..Batch::default() }).await;
    assert_eq!(store.open_erasures(10).await.unwrap(), std::slice::from_ref(&open));
    let ended = ErasureRow { organization_id: None, ..open };
    commit(&store, Batch { erasures: vec![ended.clone()], ..Batch::default() }).await;
    assert_eq!(store.open_erasures(10).await.unwrap(), []);
    let keys = Keys { erasures: [mark.clone(), other.mark.clone()].into(), ..Keys::default() };
    assert_eq!(store.load(keys.clone()).await.unwrap().erasures.get(&mark), Some(&ended));

    let unknown = "unknown".to_owned();
    commit(&store, Batch { ended_erasures: [mark, unknown].into(), ..Batch::default() }).await;

    let left: Vec<ErasureRow> = store.load(keys).await.unwrap().erasures.into_values().collect();
    assert_eq!(left, [other]);
}

pub async fn the_entries_of_an_organization_are_found_page_by_page(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    let of = |organization_id: &str| NewEntry {
        organization_id: organization_id.to_owned(),
        ..entry("diruser_1", 2, at(1))
    };
    let entries = ["org_2", "org_1", "org_10", "org_1", "org_2"].map(of).into();
    commit(&store, Batch { entries, ..Batch::default() }).await;
    let (mut found, mut position, mut pages) = (Vec::new(), 0, 0);
    while let Some(last) = {
        let page = store.entries_of_organization("org_1".to_owned(), position, 3).await.unwrap();
        found.extend(page.entries.iter().map(|entry| entry.last));
        page.searched
    } {
        (position, pages) = (last, pages + 1);
    }
    assert_eq!(found, [4, 8]);
    assert_eq!(position, 10);
    assert!(pages > 1, "the feed was read in one page");
}

pub async fn an_entry_of_a_forgotten_organization_has_neither_organization_nor_directory(setup: Setup) {
    let Some(store) = create(&setup).await else { return };
    let entries = vec![entry("diruser_1", 2, at(1)), entry("diruser_2", 1, at(2))];
    commit(&store, Batch { entries, ..Batch::default() }).await;
    let old = store.entries(0, 1).await.unwrap().remove(0);
    store.redact(Redaction { entries: vec![old.forgotten("erasure:1")], parked: Vec::new() }).await.unwrap();
    let changes = store.changes(0, 10).await.unwrap();
    assert_eq!(seqs(&changes), [1, 2, 3]);
    for change in &changes[..2] {
        assert_eq!(change.kind, ChangeKind::OrganizationForgotten);
        assert_eq!(change.organization_id, "");
        assert_eq!(change.directory_id, "");
        assert_eq!(change.at, at(1));
    }
    assert_eq!(changes[2].organization_id, "org_1");
}

/// Makes rows of every kind of an organization, with ids that end in `_` and its number: a directory; three users who were removed, and who were in
/// groups; a group that exists, and three that were deleted, of which two are not in the directory; and two of each other kind.
fn rows_of(organization_id: &str, number: i64) -> Batch {
    let own = |id: &str| format!("{id}_{number}");
    let of = || organization_id.to_owned();
    let directory_id = own("dir");
    let left = |id: &str| -> UserWrite {
        let mut row = removed(user(&own(id), &[&own("dirgroup_a"), &own("dirgroup_b")]), at(1));
        (row.user.organization_id, row.user.directory_id) = (of(), directory_id.clone());
        joining(row)
    };
    let group = |id: &str, directory_id: &str, is_live: bool| -> GroupRow {
        let mut row = group(&own(id));
        (row.group.organization_id, row.group.directory_id) = (of(), directory_id.to_owned());
        row.trail.deleted_at = (!is_live).then(|| at(1));
        row
    };
    let event = |id: &str, state| EventRow { organization_id: of(), ..event(&own(id), state, at(1)) };
    let approval = |id: &str| Approval { organization_id: of(), ..approval(&own(id), 1) };
    let loss = |id: &str| LossRow {
        directory_id: directory_id.clone(),
        user_id: own(id),
        at: at(1),
        added_at: None,
        is_removal: true,
        is_approved: false,
    };
    let held = hold(number, HoldReason::DirectoryDisabled);
    let run = |id: &str| -> RunRow {
        let mut row = run(&own(id), at(1));
        (row.run.organization_id, row.run.directory_id) = (of(), directory_id.clone());
        row
    };
    Batch {
        organizations: vec![organization(organization_id)],
        directories: vec![directory(&directory_id, organization_id)],
        users: ["diruser_a", "diruser_b", "diruser_c"].map(left).into(),
        groups: vec![
            group("dirgroup_a", &directory_id, true),
            group("dirgroup_b", &directory_id, false),
            group("dirgroup_c", "dir_unknown", false),
            group("dirgroup_d", "", false),
        ],
        events: vec![event("evt_a", EventState::Settled), event("evt_b", EventState::Pending)],
        losses: ["diruser_a", "diruser_b"].map(loss).into(),
        holds: vec![HoldRow { organization_id: of(), directory_id: directory_id.clone(), ..held }],
        approvals: ["approval_a", "approval_b"].map(approval).into(),
        retirements: vec![Retirement { organization_id: of(), ..retirement(&own("retirement"), at(1)) }],
        chores: vec![Chore { group_id: own("dirgroup_a"), cause: "sync:1".to_owned(), ..Chore::default() }],
        runs: ["run_a", "run_b"].map(run).into(),
        ..Batch::default()
    }
}

/// Forgets an organization with pages of `limit` rows. Returns the sums of the counts, and the number of calls.
async fn forget(store: &Arc<dyn Store>, organization_id: &str, limit: usize) -> Result<(ForgottenRows, usize)> {
    let (mut sum, mut calls) = (ForgottenRows::default(), 0);
    loop {
        let rows = store.forget_organization(organization_id.to_owned(), limit).await?;
        let counts = [rows.users, rows.groups, rows.history, rows.events, rows.runs, rows.approvals, rows.losses];
        assert!(counts.iter().all(|count| *count <= limit as u64), "{rows:?}");
        sum.users += rows.users;
        sum.groups += rows.groups;
        sum.history += rows.history;
        sum.events += rows.events;
        sum.runs += rows.runs;
        sum.approvals += rows.approvals;
        sum.losses += rows.losses;
        sum.directories += rows.directories;
        calls += 1;
        if rows.is_complete {
            return Ok((ForgottenRows { is_complete: true, ..sum }, calls));
        }
        assert_eq!(rows.directories, 0, "directories are removed last");
    }
}

/// Returns the ids of all rows, each once, in the order of the ids.
async fn ids_of_all_rows(store: &Arc<dyn Store>) -> Vec<String> {
    let mut found = std::collections::BTreeSet::new();
    let filter = UserFilter { removed: true, ..UserFilter::default() };
    found.extend(store.users(filter, 0, 100).await.unwrap().into_iter().map(|row| row.user.id));
    let numbers = ["1", "2"];
    let of = |names: &[&str]| -> Vec<String> {
        names.iter().flat_map(|name| numbers.map(|number| format!("{name}_{number}"))).collect()
    };
    let all = CountsKey { since: Timestamp::MIN, base: Timestamp::MAX };
    let mut set = store
        .load(Keys {
            groups: of(&["dirgroup_a", "dirgroup_b", "dirgroup_c", "dirgroup_d"]).into_iter().collect(),
            organizations: ids(&["org_1", "org_2"]),
            retirements: true,
            chore: Some(1),
            counts: of(&["dir"]).into_iter().map(|id| (id, all)).collect(),
            ..Keys::default()
        })
        .await
        .unwrap();
    found.extend(set.groups.into_keys());
    found.extend(set.organizations.into_keys());
    found.extend(set.directories.into_keys());
    found.extend(set.retirements.into_iter().map(|row| row.id));
    found.extend(set.chore.into_iter().map(|chore| format!("chore of {}", chore.group_id)));
    set.pending.retain(|_, pending| pending.events > 0);
    found.extend(set.pending.into_keys().map(|id| format!("pending of {id}")));
    set.counts.retain(|_, counts| counts.losses > 0);
    found.extend(set.counts.into_keys().map(|id| format!("losses of {id}")));
    found.extend(store.approvals(None).await.unwrap().into_iter().map(|row| row.id));
    if let Ok(events) = store.received_events(EventQuery::default()).await {
        found.extend(events.into_iter().map(|(_, row)| row.id));
    }
    if let Ok(runs) = store.runs(RunQuery::default()).await {
        found.extend(runs.into_iter().map(|row| row.run.id));
    }
    found.into_iter().collect()
}

pub async fn all_rows_of_a_forgotten_organization_are_removed_and_others_are_kept(setup: Setup) {
    forget_one_of_two_organizations(setup, 100).await;
}

pub async fn the_rows_of_a_forgotten_organization_are_removed_page_by_page(setup: Setup) {
    forget_one_of_two_organizations(setup, 1).await;
}

/// Forgets one of two organizations, with pages of `limit` rows, and checks what is left.
async fn forget_one_of_two_organizations(setup: Setup, limit: usize) {
    let Some(store) = create(&setup).await else { return };
    commit(&store, rows_of("org_2", 2)).await;
    let others = ids_of_all_rows(&store).await;
    assert!(others.len() > 12, "{others:?}");
    commit(&store, rows_of("org_1", 1)).await;
    append(&store, &[1, 2, 3, 4]).await;
    let row = |seq: i64, organization_id: &str| HistoryRow {
        seq,
        at: at(seq),
        organization_id: organization_id.to_owned(),
        directory_id: "dir_1".to_owned(),
        subject_id: "diruser_a_1".to_owned(),
        is_removal: false,
        cause: String::new(),
        body: r#"{"k":"u"}"#.to_owned(),
    };
    let has_history = store.history_mark().await.unwrap().is_some();
    if has_history {
        let organizations = ["org_1", "org_2", "org_1", "org_1"];
        take_rows(&store, (1..).zip(organizations).map(|(seq, id)| row(seq, id)).collect()).await;
    }
    let has_runs = store.runs(RunQuery::default()).await.is_ok();

    let (rows, calls) = forget(&store, "org_1", limit).await.unwrap();

    assert_eq!(rows.users, 3, "{limit} rows at a time");
    assert_eq!(rows.groups, 4);
    assert_eq!(rows.history, if has_history { 3 } else { 0 });
    assert_eq!(rows.events, 2);
    assert_eq!(rows.runs, if has_runs { 2 } else { 0 });
    assert_eq!(rows.approvals, 2);
    assert_eq!(rows.losses, 2);
    assert_eq!(rows.directories, 1);
    assert_eq!(calls, if limit == 100 { 1 } else { 4 / limit + 1 });
    assert_eq!(ids_of_all_rows(&store).await, others);
    if has_history {
        assert_eq!(store.history(HistoryFilter::default(), 0, 10).await.unwrap().rows, [row(2, "org_2")]);
    }
    // The memberships are gone as well: users who get the numbers and groups again would be members.
    let members = UserFilter { group_id: Some("dirgroup_b_1".to_owned()), removed: true, ..UserFilter::default() };
    assert_eq!(store.users(members, 0, 10).await.unwrap(), []);
    let (again, _) = forget(&store, "org_1", limit).await.unwrap();
    assert_eq!(again, ForgottenRows { is_complete: true, ..ForgottenRows::default() });
}
