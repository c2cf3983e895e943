//! Tests of dumps and restores. A store without them passes.

use super::Setup;
use super::rows::{
    acknowledge, append, approval, at, commit, commit_users, directory, entry, erasure, event, group, hold, joining,
    kept, of_users, organization, removed, retirement, update_consumer, user,
};
use super::runs::run;
use crate::record::{
    Batch, Chore, ConsumerRow, EnvironmentRow, EventState, HeldLoss, HistoryRow, HoldReason, Keys, Leaving, Loss,
    LossRow, MirrorOptions, Partition, Snapshot, UserWrite, Version, WorkerId,
};
use crate::store::copy::{Cell, Digest, NOT_COPIED, NOT_PLANNED, NUMBERS, Row, TABLES, TablePage};
use crate::store::{ConsumerUpdate, CopyPages, Park, Store, StoreFuture, TakenHistory};
use crate::{Error, ErrorKind, Result};
use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Texts that stores have to escape or must not change.
const TEXTS: [&str; 6] = ["", "O'Brien \"♥\"\n", "a\0b", "\u{ffff}", "\u{ffff}0\0", "a\\\u{1F600}\u{7f}"];

/// Writes rows to every table. `seed` determines the texts and how many rows there are.
pub async fn fill(store: &Arc<dyn Store>, seed: usize) {
    let text = |n: usize| TEXTS[(seed + n) % TEXTS.len()].to_owned();
    let count = 3 + seed % 4;
    let mut batch = Batch {
        organizations: (0..count).map(|n| organization(&format!("org_{n}"))).collect(),
        directories: (0..count).map(|n| directory(&format!("dir_{n}"), &format!("org_{n}"))).collect(),
        groups: (0..count).map(|n| group(&format!("dirgroup_{n}"))).collect(),
        entries: (0..count).map(|n| entry(&format!("diruser_{n}"), 1 + n, at(n as i64))).collect(),
        events: vec![
            event("evt_1", EventState::Pending, at(1)),
            event("evt_2", EventState::Settled, at(2)),
            event("evt_3", EventState::Expired, at(3)),
        ],
        holds: vec![hold(9, HoldReason::MassRemoval), hold(10, HoldReason::DirectoryDisabled)],
        approvals: vec![approval("1", 1), approval("2", 2)],
        role_map: Some(format!("[\"{}\"]", text(1))),
        settings: Some(MirrorOptions { guard_users: Some(seed as u64), ..MirrorOptions::default() }),
        environment: Some(EnvironmentRow { host: Some(text(2)), ..EnvironmentRow::default() }),
        mirror_id: Some(text(5)),
        retirements: vec![retirement("1", at(1))],
        runs: vec![run("1", at(1)), run("2", at(2))],
        erasures: vec![erasure("diruser_8", true), erasure("diruser_9", false)],
        chores: vec![Chore { group_id: "dirgroup_1".to_owned(), cause: text(3), ..Chore::default() }],
        ..Batch::default()
    };
    for n in 0..count {
        let mut row = user(&format!("diruser_{n}"), &["dirgroup_0", "dirgroup_missing"]);
        row.user.given_name = text(n);
        row.user.email = format!("ÄDA{n}@Example.com");
        row.user.linked_id = (n % 2 == 0).then(|| text(n + 1));
        row.added_at = (n % 3 == 0).then(|| at(n as i64));
        row.held = (n == 1).then(|| HeldLoss { hold: 9, revision: 6, loss: Loss { roles: true, ..Loss::default() } });
        row.user.deletes_at = (n == 2).then(|| at(n as i64));
        row.leaving = (n == 2).then(|| Leaving { removed: Version::default(), cause: text(n), was_active: true });
        batch.users.push(joining(row));
        let (at, added_at) = (at(n as i64), None);
        let (directory_id, user_id) = ("dir_1".to_owned(), format!("diruser_{n}"));
        batch.losses.push(LossRow { directory_id, user_id, at, added_at, is_removal: n == 0, is_approved: n == 1 });
    }
    batch.users.push(UserWrite { row: removed(user("diruser_gone", &[]), at(4)), ..UserWrite::default() });
    batch.retirements[0].note = text(4);
    batch.approvals[0].note = text(5);
    commit(store, batch).await;
    let row = |n: usize| HistoryRow {
        seq: n as i64 + 1,
        at: at(n as i64),
        organization_id: "org_1".to_owned(),
        directory_id: "dir_1".to_owned(),
        subject_id: format!("diruser_{n}"),
        is_removal: n == 1,
        cause: text(n),
        body: r#"{"k":"u"}"#.to_owned(),
    };
    let rows: Vec<HistoryRow> = (0..2).map(row).collect();
    let taken = TakenHistory { after: 0, taken: 2, rows, starts_at: Some(at(1)), restarts: false };
    if store.history_mark().await.unwrap().is_some() {
        assert!(store.take_history(taken).await.unwrap());
    }
    let partition = Partition { cursor: 1, worker: Some(WorkerId { number: 1, token: 7 }) };
    for n in 0..count {
        let change = store.changes(n as i64, 1).await.unwrap().remove(0);
        let name = format!("consumer {n} {}", text(n));
        let row = ConsumerRow {
            name: name.clone(),
            cursor: n as i64,
            polled: n as i64 + 1,
            generation: n as i64,
            snapshot: (n == 2).then(|| Snapshot { seq: 1, groups: 1, users: 1, at: at(1) }),
            seen_at: at(n as i64),
            partitions: if n == 1 { vec![partition; 2] } else { Vec::new() },
        };
        let park = Park { change: Box::new(change), reason: text(n), at: at(9) };
        update_consumer(store, &name, move |_| ConsumerUpdate { row: Some(row.clone()), park: Some(park.clone()) })
            .await;
    }
}

/// Returns everything that a store keeps, in pages.
pub async fn dump_of(store: &Arc<dyn Store>) -> Vec<TablePage> {
    let mut pages = Vec::new();
    for table in TABLES {
        let mut after = None;
        loop {
            let rows = store.dump(table, after).await.unwrap();
            let Some(last) = rows.last() else { break };
            after = Some(table.key_of(last));
            pages.push(TablePage { table, rows });
        }
    }
    pages
}

/// Returns the digest of everything that a store keeps.
pub async fn digest_of(store: &Arc<dyn Store>) -> Digest {
    digest(&dump_of(store).await)
}

fn digest(pages: &[TablePage]) -> Digest {
    let mut digest = Digest::default();
    pages.iter().for_each(|page| digest.add(page.table, &page.rows));
    digest
}

/// How the pages of a copy end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Accepted,
    Refused,
    /// An error in place of the last page.
    Fails,
    /// Waits for ever in place of the last page.
    Waits,
}

struct Pages {
    pages: VecDeque<TablePage>,
    digest: Digest,
    end: End,
}

impl Pages {
    async fn of(store: &Arc<dyn Store>, end: End) -> Box<dyn CopyPages> {
        let pages = dump_of(store).await;
        Box::new(Pages { digest: digest(&pages), pages: pages.into(), end })
    }
}

impl CopyPages for Pages {
    fn next(&mut self) -> StoreFuture<'_, Option<TablePage>> {
        Box::pin(async {
            match self.end {
                End::Fails if self.pages.len() == 1 => Err(Error::store("the source failed")),
                End::Waits if self.pages.len() == 1 => std::future::pending().await,
                _ => Ok(self.pages.pop_front()),
            }
        })
    }

    fn check(&mut self, stored: Digest) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            assert_eq!(stored.difference(&self.digest), None, "the restored rows are not those of the source");
            if self.end == End::Refused { Err(Error::store("the copy was refused")) } else { Ok(()) }
        })
    }
}

/// Opens a filled store, an empty one, and returns both, or `None` if stores of this kind cannot be copied.
async fn stores(setup: &Setup) -> Option<(Arc<dyn Store>, Arc<dyn Store>)> {
    let source = setup.create().await;
    match source.dump(&NUMBERS, None).await {
        Err(error) if error.message() == NOT_COPIED => return None,
        numbers => assert_eq!(numbers.unwrap().len(), 1),
    }
    fill(&source, 1).await;
    Some((source, setup.create_another().await))
}

async fn copy(source: &Arc<dyn Store>, target: &Arc<dyn Store>, end: End) -> Result<()> {
    target.restore(Pages::of(source, end).await).await
}

pub async fn a_copy_has_the_rows_of_every_table(setup: Setup) {
    let Some((source, target)) = stores(&setup).await else { return };
    copy(&source, &target, End::Accepted).await.unwrap();
    let (of_source, of_target) = (digest_of(&source).await, digest_of(&target).await);
    assert_eq!(of_source.difference(&of_target), None);
    assert_eq!(of_target.rows().len(), TABLES.len() - 1, "tables with rows: {:?}", of_target.rows());
    let keys = of_users(&["diruser_0", "diruser_1", "diruser_gone"]);
    let (expected, found) = (source.load(keys.clone()).await.unwrap(), target.load(keys).await.unwrap());
    assert_eq!(found.users, expected.users);
    assert_eq!(found.groups, expected.groups);
    assert_eq!(found.role_map, expected.role_map);
    assert_eq!(found.settings, expected.settings);
    assert_eq!(found.environment, expected.environment);
    assert_eq!(found.mirror_id, expected.mirror_id);
    assert_eq!(target.changes(0, 100).await.unwrap(), source.changes(0, 100).await.unwrap());
    assert_eq!(target.approvals(None).await.unwrap(), source.approvals(None).await.unwrap());
    assert_eq!(target.holds(None, None).await.unwrap(), source.holds(None, None).await.unwrap());
    let ((expected, _), (found, _)) = (source.consumers().await.unwrap(), target.consumers().await.unwrap());
    for ((expected, parked), (found, parked_in_copy)) in expected.into_iter().zip(found) {
        let partitions = found.partitions.iter().map(|partition| partition.cursor);
        assert!(partitions.eq(expected.partitions.iter().map(|partition| partition.cursor)));
        assert!(found.partitions.iter().all(|partition| partition.worker.is_none()), "leases are not copied");
        assert_eq!(parked_in_copy, parked);
        let name = found.name.clone();
        assert_eq!(ConsumerRow { partitions: expected.partitions.clone(), ..found }, expected);
        let parked = source.parked_changes(name.clone()).await.unwrap();
        assert_eq!(target.parked_changes(name).await.unwrap(), parked);
    }
}

pub async fn a_copy_continues_the_numbers(setup: Setup) {
    let Some((source, target)) = stores(&setup).await else { return };
    let revision = source.load(Keys::default()).await.unwrap().revision;
    copy(&source, &target, End::Accepted).await.unwrap();
    let latest = *kept(&source).await.last().unwrap();
    let mut numbers = Vec::new();
    for store in [&source, &target] {
        append(store, &[50]).await;
        assert_eq!(*kept(store).await.last().unwrap(), latest + 1);
        let committed = commit_users(store, &["diruser_new"], &[]).await;
        numbers.push(committed.users["diruser_new"]);
        assert!(store.load(Keys::default()).await.unwrap().revision > revision);
        let batch = Batch { groups: vec![group("dirgroup_new")], chores: vec![Chore::default()], ..Batch::default() };
        numbers.push(commit(store, batch).await.groups["dirgroup_new"]);
    }
    assert_eq!(numbers[..2], numbers[2..]);
    let chore = target.load(Keys { chore: Some(10), ..Keys::default() }).await.unwrap().chore.unwrap();
    assert_eq!(chore.group_id, "dirgroup_1", "the older chore is first");
}

pub async fn a_store_that_was_used_refuses_a_copy(setup: Setup) {
    let Some((source, target)) = stores(&setup).await else { return };
    // A consumer that was dropped leaves no row. Its generation was used.
    update_consumer(&target, "app", |_| {
        let row = ConsumerRow { name: "app".to_owned(), generation: 1, seen_at: at(1), ..ConsumerRow::default() };
        ConsumerUpdate { row: Some(row), park: None }
    })
    .await;
    for was_dropped in [false, true] {
        let error = copy(&source, &target, End::Accepted).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store);
        assert!(error.message().contains("expected an empty store"), "{error}");
        if !was_dropped {
            assert!(target.drop_consumer("app".to_owned()).await.unwrap());
        }
    }
    let error = copy(&source, &source, End::Accepted).await.unwrap_err();
    assert!(error.message().contains("expected an empty store"), "{error}");
}

pub async fn a_copy_that_fails_leaves_the_store_empty(setup: Setup) {
    let Some((source, target)) = stores(&setup).await else { return };
    let empty = digest_of(&target).await;
    for (end, message) in [(End::Refused, "the copy was refused"), (End::Fails, "the source failed")] {
        assert_eq!(copy(&source, &target, end).await.unwrap_err().message(), message);
        assert_eq!(digest_of(&target).await, empty);
    }
    copy(&source, &target, End::Accepted).await.unwrap();
    assert_eq!(digest_of(&target).await, digest_of(&source).await);
}

pub async fn a_copy_that_is_dropped_leaves_the_store_empty(setup: Setup) {
    let Some((source, target)) = stores(&setup).await else { return };
    let empty = digest_of(&target).await;
    let copying = target.restore(Pages::of(&source, End::Waits).await);
    // The copy waits for ever, so it is dropped whenever the time ends.
    assert!(tokio::time::timeout(Duration::from_millis(100), copying).await.is_err());
    assert_eq!(digest_of(&target).await, empty);
    copy(&source, &target, End::Accepted).await.unwrap();
    assert_eq!(digest_of(&target).await, digest_of(&source).await);
}

pub async fn a_restored_store_is_durable_and_can_be_used(setup: Setup) {
    let Some((source, target)) = stores(&setup).await else { return };
    copy(&source, &target, End::Accepted).await.unwrap();
    acknowledge(&target, "new", 1).await;
    let page = target.feed("new".to_owned(), None, 100).await.unwrap();
    assert_eq!(page.marks.durable, page.marks.latest);
    assert_eq!(page.changes, source.changes(1, 100).await.unwrap());
    target.flush().await.unwrap();
    update_consumer(&target, "new", |_| ConsumerUpdate::default()).await;
}

pub async fn a_dump_is_read_in_pages_of_a_few_mebibytes(setup: Setup) {
    let Some((source, target)) = stores(&setup).await else { return };
    let large = |n: usize| {
        let mut row = event(&format!("evt_large_{n}"), EventState::Pending, at(1));
        row.body = Some(vec![7; 1 << 20]);
        row
    };
    commit(&source, Batch { events: (0..12).map(large).collect(), ..Batch::default() }).await;
    let members: Vec<String> = (0..1_200).map(|n| format!("diruser_many_{n}")).collect();
    commit_users(&source, &members.iter().map(String::as_str).collect::<Vec<_>>(), &["dirgroup_1"]).await;
    let pages = dump_of(&source).await;
    for TablePage { table, rows } in &pages {
        let bytes: usize = rows.iter().flatten().map(Cell::size).sum();
        assert!(bytes <= 6 << 20, "a page of {} has {bytes} bytes", table.name);
        assert!(rows.len() <= 500, "a page of {} has {} rows", table.name, rows.len());
    }
    copy(&source, &target, End::Accepted).await.unwrap();
    assert_eq!(digest_of(&target).await, digest(&pages));
}

/// Reads what a sync of `org_1` may read. Returns the number of pages, and the ids or numbers in the first column of each table's rows. `between` runs after
/// the first page.
async fn dump_organization(
    store: &Arc<dyn Store>,
    between: impl Future<Output = ()>,
) -> Option<Vec<(&'static str, Vec<Row>)>> {
    let mut pages = match store.dump_organization("org_1".to_owned()).await {
        Err(error) if error.message() == NOT_PLANNED => return None,
        pages => pages.unwrap(),
    };
    let first = pages.next().await.unwrap().unwrap();
    between.await;
    let mut tables = vec![(first.table.name, first.rows)];
    while let Some(TablePage { table, rows }) = pages.next().await.unwrap() {
        assert!(!rows.is_empty());
        assert_eq!(rows[0].len(), table.columns.len());
        tables.push((table.name, rows));
    }
    Some(tables)
}

pub async fn the_rows_of_an_organization_are_dumped_without_those_of_others(setup: Setup) {
    let store = setup.create().await;
    fill(&store, 3).await;
    let mut other = user("diruser_other", &["dirgroup_other"]);
    other.user.organization_id = "org_other".to_owned();
    other.user.directory_id = "dir_other".to_owned();
    let mut other_group = group("dirgroup_other");
    other_group.group.directory_id = "dir_other".to_owned();
    let mut other_hold = hold(11, HoldReason::RoleLoss);
    other_hold.organization_id = "org_other".to_owned();
    let mut other_event = event("evt_other", EventState::Pending, at(1));
    other_event.organization_id = "org_other".to_owned();
    let batch = Batch {
        directories: vec![directory("dir_other", "org_other")],
        users: vec![joining(other)],
        groups: vec![other_group],
        holds: vec![other_hold],
        events: vec![other_event],
        ..Batch::default()
    };
    commit(&store, batch).await;
    let Some(tables) = dump_organization(&store, std::future::ready(())).await else { return };
    let count =
        |name: &str| tables.iter().filter(|(table, _)| *table == name).map(|(_, rows)| rows.len()).sum::<usize>();
    assert_eq!(count("numbers"), 1);
    assert_eq!(count("setting"), 4, "the role map, the settings, the environment and the mirror's id");
    assert_eq!(count("organization"), 1);
    assert_eq!(count("directory"), 1);
    assert_eq!(count("groups"), 6);
    assert_eq!(count("users"), 7, "six live users and a tombstone");
    assert_eq!(count("event"), 1, "the pending one");
    assert_eq!(count("hold"), 2);
    assert_eq!(count("retirement"), 1);
    assert_eq!(count("chore"), 1);
    for absent in ["membership", "change", "consumer", "parked_change", "approval", "run"] {
        assert_eq!(count(absent), 0, "{absent}");
    }
    let cells: Vec<&Cell> = tables.iter().flat_map(|(_, rows)| rows.iter().flatten()).collect();
    for id in ["org_other", "dir_other", "diruser_other", "dirgroup_other", "evt_other"] {
        assert!(!cells.contains(&&Cell::Text(id.to_owned())), "{id}");
    }
}

pub async fn the_rows_of_an_organization_are_dumped_as_of_one_moment(setup: Setup) {
    let store = setup.create().await;
    let ids: Vec<String> = (0..1_200).map(|n| format!("diruser_{n}")).collect();
    commit_users(&store, &ids.iter().map(String::as_str).collect::<Vec<_>>(), &[]).await;
    // A store in memory completes a write after the dump.
    let (writing, written) = (Arc::clone(&store), tokio::sync::oneshot::channel());
    let between = async move {
        let write = tokio::spawn(async move { commit_users(&writing, &["diruser_late"], &[]).await });
        let _ = written.0.send(write);
    };
    let Some(tables) = dump_organization(&store, between).await else { return };
    written.1.await.unwrap().await.unwrap();
    let pages = tables.iter().filter(|(table, _)| *table == "users");
    assert_eq!(pages.clone().map(|(_, rows)| rows.len()).sum::<usize>(), 1_200);
    assert!(pages.count() > 1);
    // A dump that is dropped ends, and the store can be written.
    let mut pages = store.dump_organization("org_1".to_owned()).await.unwrap();
    pages.next().await.unwrap().unwrap();
    drop(pages);
    commit_users(&store, &["diruser_later"], &[]).await;
}
