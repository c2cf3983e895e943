//! Plans: what a sync would change. Nothing is written to the mirror.
//!
//! The rows of the organization are copied to a temporary store, as of one moment, and the sync runs there: with the same rules, on the same rows. What it
//! appends to the feed of that store are the planned changes. A listing may also name users and groups of other organizations, which the sync
//! does not apply. Their rows are copied when they are listed.

use super::Mirror;
use super::decide::event_keys;
use super::options::Options;
use super::receive::stored_event;
use super::source::{Source, SourceFuture, SourcePages};
use crate::model::{Directory, Group, Organization, Page, User};
use crate::record::{
    Change, ChangeKind, EventState, Hold, Keys, Progress, SyncMode, SyncOutcome, SyncReport, UserWrite,
};
use crate::store::copy::NUMBERS;
use crate::store::{Batch, Decision, Durability, Scope, SqliteStore, Store, WorkingSet, Write};
use crate::{Error, Result, Timestamp};
use futures_util::stream::BoxStream;
use std::collections::{BTreeSet, VecDeque};
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

/// How many changes are read at a time.
const PAGE: usize = 500;

/// How many pending events are read at a time.
const EVENTS: usize = 100;

/// A plan that has not started: awaiting it makes the plan, and dropping the future ends it. Made by [`Mirror::plan`].
#[derive(Clone)]
#[must_use = "a plan is not made until it is awaited"]
pub struct PlanBuilder {
    mirror: Mirror,
    organization_id: String,
    options: Options,
}

impl Mirror {
    /// Plans a sync of an organization, or of [one](PlanBuilder::directory) of its directories: lists everything that the sync would list, and returns
    /// what the sync would change. Nothing is written to the mirror, so a mirror that may only be read can plan as well.
    ///
    /// The plan is exact if neither the directories nor the mirror change before the sync. In a listing of several pages, the order of the changes may differ:
    /// it depends on how many pages are written together. A plan takes no lease, and does not wait for a sync that is running or delay one. What that
    /// sync writes after the plan has copied the organization's rows is not in the plan.
    ///
    /// The rows are copied as of one moment to a temporary SQLite database, and the sync runs there. Up to 16 MiB of the database are in memory. The rest and
    /// SQLite's journal are in files in the system's folder for temporary files (`SQLITE_TMPDIR`, `TMPDIR`, `/var/tmp`, `/tmp`; on Windows, the user's),
    /// which have about the size of the organization's rows. They contain personal data. Only the user of this process can read them, their names are removed
    /// right after they were created, and their space is freed when the [`Plan`] and its iterators are dropped, and if the process ends or crashes.
    ///
    /// ```no_run
    /// # async fn run(mirror: headcount::Mirror) -> headcount::Result<()> {
    /// let plan = mirror.plan("org_1").directory("dir_1").await?;
    /// println!("{}: {:?}", plan.outcome(), plan.counts());
    /// let mut changes = plan.changes();
    /// while let Some(change) = changes.next().await? {
    ///     println!("{} {:?}", change.kind, change.user);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn plan(&self, organization_id: &str) -> PlanBuilder {
        let organization_id = organization_id.to_owned();
        let options = Options { readmits: true, ..Options::default() };
        PlanBuilder { mirror: self.clone(), organization_id, options }
    }
}

impl PlanBuilder {
    /// Plans a sync of only this directory; `None` for all.
    pub fn directory<'a>(mut self, id: impl Into<Option<&'a str>>) -> Self {
        self.options.directory_id = id.into().map(str::to_owned);
        self
    }

    /// Sets which users and groups are listed, as for a sync. Default: [`SyncMode::Auto`].
    pub fn mode(mut self, mode: SyncMode) -> Self {
        self.options.mode = mode;
        self
    }

    /// Sets whether to plan a sync that approves the open holds of the directories first: see
    /// [`SyncBuilder::approve_removals`](super::SyncBuilder::approve_removals). Nothing is approved. Default: false.
    pub fn approve_removals(mut self, approved: bool) -> Self {
        self.options.approved = approved;
        self
    }

    /// Calls `observer` after each page, as a sync does. It runs on the plan's task, which waits for it.
    pub fn on_progress(mut self, observer: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.options.on_progress = Some(Arc::new(observer));
        self
    }

    async fn run(self) -> Result<Plan> {
        let mirror = self.mirror.clone();
        mirror.until_closed(self.run_to_end()).await
    }

    async fn run_to_end(self) -> Result<Plan> {
        let PlanBuilder { mirror, organization_id, options } = self;
        let source = Arc::clone(mirror.source()?);
        let opened = tokio::task::spawn_blocking(SqliteStore::open_temporary).await;
        let store = Arc::new(opened.unwrap_or_else(|_| Err(Error::cancelled()))?);
        let numbers = copy_organization(&**mirror.store(), &store, &organization_id).await?;
        let after = numbers.change;
        let stored = Stored { base: Arc::clone(mirror.store()), copy: Arc::clone(&store), organization_id, numbers };
        stored.copy_foreign_of_events().await?;
        let stored = Arc::new(stored);
        let source = PlanSource { source, stored: Arc::clone(&stored) };
        let planning = mirror.planning(Arc::clone(&store) as Arc<dyn Store>, Arc::new(source));
        let organization_id = &stored.organization_id;
        let reports = planning.run_organization(organization_id, &planning.fresh_id(), &options).await?;
        let failed = reports.iter().find(|report| report.outcome == SyncOutcome::Failed);
        if let Some(error) = failed.and_then(|report| report.error.clone()) {
            return Err(error);
        }
        let counted = store.count_changes(organization_id.clone(), after).await?;
        let counts = ChangeKind::ALL.iter().filter_map(|kind| Some((*kind, *counted.get(kind)?))).collect();
        let organization_id = organization_id.clone();
        Ok(Plan(Arc::new(Planned { store, organization_id, after, reports, counts })))
    }
}

/// Awaiting the builder makes the plan.
///
/// The future may be dropped: the plan then ends, and nothing of it is left.
///
/// # Errors
///
/// Those of a [sync](Mirror::sync), including the first error in the reports of its directories, such as a listing that fails on its second page.
/// [`ErrorKind::MassRemoval`](crate::ErrorKind::MassRemoval) is not returned: the plan has it, with the outcome `held`.
/// [`ErrorKind::Store`](crate::ErrorKind::Store) also if the temporary files have no room, and for a store of the application without
/// [`dump_organization`](crate::store::Store::dump_organization).
impl IntoFuture for PlanBuilder {
    type Output = Result<Plan>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl std::fmt::Debug for PlanBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlanBuilder")
            .field("organization_id", &self.organization_id)
            .field("directory_id", &self.options.directory_id)
            .field("mode", &self.options.mode)
            .finish_non_exhaustive()
    }
}

/// What a sync would change; made by [`Mirror::plan`]. It does not depend on the mirror, which may be closed. Cheap to clone. The temporary store with
/// the changes exists until the last clone and the last iterator are dropped, or until it is [closed](Plan::close).
#[derive(Clone)]
pub struct Plan(Arc<Planned>);

struct Planned {
    store: Arc<SqliteStore>,
    organization_id: String,
    /// Number of the mirror's latest change when it was copied.
    after: i64,
    reports: Vec<SyncReport>,
    counts: Vec<(ChangeKind, u64)>,
}

impl Plan {
    /// Returns the outcome that the sync would have: `incomplete` if the listing of a directory could not be applied as a whole, or else `held` if the
    /// guard would hold losses of access in a directory, or else `done`.
    pub fn outcome(&self) -> SyncOutcome {
        let has = |outcome| self.0.reports.iter().any(|report| report.outcome == outcome);
        let outcomes = [SyncOutcome::Incomplete, SyncOutcome::Held];
        outcomes.into_iter().find(|outcome| has(*outcome)).unwrap_or(SyncOutcome::Done)
    }

    /// Returns the report that the sync would make for each directory, in the order of the directories' ids.
    pub fn reports(&self) -> &[SyncReport] {
        &self.0.reports
    }

    /// Returns the number of planned changes of each kind, in the order of [`ChangeKind::ALL`]. Kinds without changes are left out.
    pub fn counts(&self) -> &[(ChangeKind, u64)] {
        &self.0.counts
    }

    /// Returns the number of planned changes of a kind.
    pub fn count(&self, kind: ChangeKind) -> u64 {
        self.0.counts.iter().find(|(counted, _)| *counted == kind).map_or(0, |(_, count)| *count)
    }

    /// Returns the holds that the directories would have after the sync: those that they have now and that the sync would leave open, and new ones.
    /// A new hold gets another id when a sync makes it.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.0.reports.iter().flat_map(|report| &report.holds)
    }

    /// Returns why the listing of a directory could not be applied as a whole, in one English sentence; `None` unless the outcome is `incomplete`. If
    /// several could not be, the first reason.
    pub fn incomplete(&self) -> Option<&str> {
        self.0.reports.iter().find_map(|report| report.incomplete.as_deref())
    }

    /// Returns the error that the sync would return: of the kind [`MassRemoval`](crate::ErrorKind::MassRemoval) if the guard would hold the removal of
    /// users whom a full listing lacks, or else `None`.
    pub fn error(&self) -> Option<&Error> {
        self.0.reports.iter().find_map(|report| report.error.as_ref())
    }

    /// Returns an iterator over the planned changes of the organization, in the order in which the planned sync made them. Their numbers (`seq`) are those after
    /// the mirror's latest change; the sync's changes have other numbers if something else is written before. `cause` and `at` are those of the plan.
    pub fn changes(&self) -> PlannedChanges {
        PlannedChanges { plan: self.clone(), position: Some(self.0.after), page: VecDeque::new() }
    }

    /// Deletes the temporary store. Later calls of iterators over the changes fail with [`ErrorKind::Store`](crate::ErrorKind::Store).
    ///
    /// The future may be dropped: the store is deleted nevertheless, if the future was polled.
    ///
    /// # Errors
    ///
    /// None at present.
    pub async fn close(&self) -> Result<()> {
        self.0.store.close().await
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("outcome", &self.outcome()).field("counts", &self.0.counts).finish_non_exhaustive()
    }
}

/// The changes of a [`Plan`]; made by [`Plan::changes`]. Read one after another with [`next`](PlannedChanges::next), by page with
/// [`next_page`](PlannedChanges::next_page), or as a [`stream`](PlannedChanges::stream).
#[derive(Clone)]
pub struct PlannedChanges {
    plan: Plan,
    /// The number of the last change that was read, or `None` after the last page.
    position: Option<i64>,
    page: VecDeque<Change>,
}

impl PlannedChanges {
    /// Returns the next change, or `None` after the last one.
    ///
    /// The future may be dropped: no change is lost, because the next call returns it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store), also if the plan is closed.
    pub async fn next(&mut self) -> Result<Option<Change>> {
        if self.page.is_empty() {
            self.page = self.next_page().await?.into();
        }
        Ok(self.page.pop_front())
    }

    /// Returns the next 500 changes at most; an empty vector after the last one.
    ///
    /// The future may be dropped: no change is lost, because the next call returns it.
    ///
    /// # Errors
    ///
    /// As [`next`](PlannedChanges::next).
    pub async fn next_page(&mut self) -> Result<Vec<Change>> {
        while let Some(position) = self.position {
            let Planned { store, organization_id, .. } = &*self.plan.0;
            let mut changes = store.changes(position, PAGE).await?;
            self.position = changes.last().map(|change| change.seq);
            // Chores that a change of the role map began also change the copied users of other organizations.
            changes.retain(|change| change.organization_id == *organization_id);
            if !changes.is_empty() {
                return Ok(changes);
            }
        }
        Ok(Vec::new())
    }

    /// Returns a stream of the changes. It ends after an error.
    pub fn stream(self) -> BoxStream<'static, Result<Change>> {
        let next =
            |mut changes: PlannedChanges| async move { Ok(changes.next().await?.map(|change| (change, changes))) };
        Box::pin(futures_util::stream::try_unfold(self, next))
    }
}

impl std::fmt::Debug for PlannedChanges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlannedChanges").finish_non_exhaustive()
    }
}

/// The greatest numbers of users' and groups' rows and of changes when the rows were copied.
#[derive(Clone, Copy, Default)]
struct Numbers {
    users: i64,
    groups: i64,
    change: i64,
}

/// Copies the rows of an organization that a sync may read before it lists anything.
async fn copy_organization(base: &dyn Store, copy: &SqliteStore, organization_id: &str) -> Result<Numbers> {
    let mut numbers = Numbers::default();
    let mut pages = base.dump_organization(organization_id.to_owned()).await?;
    while let Some(page) = pages.next().await? {
        if *page.table == NUMBERS
            && let Some(row) = page.rows.first()
        {
            let number = |name| page.table.number(row, name);
            numbers = Numbers { users: number("users"), groups: number("groups"), change: number("change") };
        }
        copy.insert(page).await?;
    }
    copy.insert_memberships().await?;
    Ok(numbers)
}

/// The mirror's store, and the copy of an organization's rows.
struct Stored {
    base: Arc<dyn Store>,
    copy: Arc<SqliteStore>,
    organization_id: String,
    numbers: Numbers,
}

impl Stored {
    /// Copies the rows of other organizations that pending events name.
    async fn copy_foreign_of_events(&self) -> Result<()> {
        let mut after = 0;
        loop {
            let organization_id = self.organization_id.clone();
            let rows = self.copy.events(organization_id, EventState::Pending, after, EVENTS).await?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            after = *last;
            let mut keys = Keys::default();
            for event in rows.iter().filter_map(|(_, row)| stored_event(row)) {
                let Keys { directories, groups, users, .. } = event_keys(&event?);
                keys.extend(Keys { directories, groups, users, ..Keys::default() });
            }
            self.copy_foreign(keys).await?;
        }
    }

    /// Copies those rows of directories, groups and users that belong to other organizations.
    async fn copy_foreign(&self, keys: Keys) -> Result<()> {
        let unknown = self.copy.unknown(keys).await?;
        if unknown.is_empty() {
            return Ok(());
        }
        let mut found = self.base.load(unknown).await?;
        // Rows of the organization itself that the copy lacks were written after it was copied. They are left out, because a plan reads the organization
        // as of one moment.
        found.directories.retain(|_, row| row.directory.organization_id != self.organization_id);
        found.groups.retain(|_, row| row.group.organization_id != self.organization_id);
        found.users.retain(|_, row| row.user.organization_id != self.organization_id);
        let keys = Keys {
            directories: found.directories.keys().cloned().collect(),
            groups: found.groups.keys().cloned().collect(),
            users: found.users.keys().cloned().collect(),
            ..Keys::default()
        };
        if keys.is_empty() {
            return Ok(());
        }
        let numbers = self.numbers;
        let decide =
            Box::new(move |set: WorkingSet| Ok(Decision::Commit(Box::new(missing_rows(&found, &set, numbers)))));
        let (scope, durability, now) = (Scope::Everything, Durability::Process, Timestamp::UNIX_EPOCH);
        self.copy.write(Write { scope, durability, fence: None, now, keys, decide }).await.map(drop)
    }
}

/// Returns the directories, groups and users in `found` that are not in `set`. They keep their numbers, which determine the order of changes, except for
/// rows that were made after the copy, whose numbers may be given to others.
fn missing_rows(found: &WorkingSet, set: &WorkingSet, numbers: Numbers) -> Batch {
    let kept = |number: i64, last: i64| if number > last { 0 } else { number };
    let mut batch = Batch::default();
    for (id, row) in &found.directories {
        if !set.directories.contains_key(id) {
            batch.directories.push(row.clone());
        }
    }
    for (id, row) in &found.groups {
        if !set.groups.contains_key(id) {
            let mut row = row.clone();
            row.number = kept(row.number, numbers.groups);
            batch.groups.push(row);
        }
    }
    for (id, row) in &found.users {
        if !set.users.contains_key(id) {
            let mut row = row.clone();
            // The hold is one of the other organization, and is not copied.
            (row.number, row.held) = (kept(row.number, numbers.users), None);
            let joined = row.told_groups.clone();
            batch.users.push(UserWrite { row, joined, left: Vec::new() });
        }
    }
    batch
}

/// The listings that a planned sync reads. The rows that a page names are in the copy before the sync gets the page.
struct PlanSource {
    source: Arc<dyn Source>,
    stored: Arc<Stored>,
}

impl PlanSource {
    fn pages<T>(&self, pages: Box<dyn SourcePages<T>>, keys: fn(&[T]) -> Keys) -> Box<PlanPages<T>> {
        Box::new(PlanPages { pages, keys, stored: Arc::clone(&self.stored) })
    }
}

impl Source for PlanSource {
    fn environment(&self) -> Option<String> {
        self.source.environment()
    }

    fn organizations(&self) -> Box<dyn SourcePages<Organization>> {
        self.source.organizations()
    }

    fn directories<'a>(&'a self, organization_id: &'a str) -> SourceFuture<'a, Vec<Directory>> {
        Box::pin(async move {
            let listed = self.source.directories(organization_id).await?;
            let directories: BTreeSet<String> = listed.iter().map(|directory| directory.id.clone()).collect();
            self.stored.copy_foreign(Keys { directories, ..Keys::default() }).await?;
            Ok(listed)
        })
    }

    fn users(&self, directory: &Directory, updated_after: Option<Timestamp>) -> Box<dyn SourcePages<User>> {
        self.pages(self.source.users(directory, updated_after), |users| Keys {
            users: users.iter().map(|user| user.id.clone()).collect(),
            groups: users.iter().flat_map(|user| user.groups.iter()).map(|group| group.id.clone()).collect(),
            ..Keys::default()
        })
    }

    fn groups(&self, directory: &Directory, updated_after: Option<Timestamp>) -> Box<dyn SourcePages<Group>> {
        self.pages(self.source.groups(directory, updated_after), |groups| Keys {
            groups: groups.iter().map(|group| group.id.clone()).collect(),
            ..Keys::default()
        })
    }
}

/// The pages of a listing.
struct PlanPages<T> {
    pages: Box<dyn SourcePages<T>>,
    /// Returns the keys of the rows that a page names.
    keys: fn(&[T]) -> Keys,
    stored: Arc<Stored>,
}

impl<T: Send + Sync + 'static> SourcePages<T> for PlanPages<T> {
    fn next(&mut self) -> SourceFuture<'_, Option<Page<T>>> {
        Box::pin(async move {
            let page = self.pages.next().await?;
            if let Some(page) = &page {
                self.stored.copy_foreign((self.keys)(&page.items)).await?;
            }
            Ok(page)
        })
    }

    fn served_at(&self) -> Option<Timestamp> {
        self.pages.served_at()
    }
}
