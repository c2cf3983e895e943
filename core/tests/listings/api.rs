//! A [`Source`] whose answers the test sets, and helpers that sync a mirror from it.

use headcount::mirror::{Outcome, Source, SourceFuture, SourcePages, SyncMode, SyncReport};
use headcount::model::{Directory, Group, Organization, Page, User};
use headcount::store::{SqliteStore, Store};
use headcount::system::Clock;
use headcount::{Error, Event, Mirror, MirrorBuilder, Result, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

pub(crate) const USER_DELETED: &str = "organization.directory.user_deleted";
pub(crate) const USER_UPDATED: &str = "organization.directory.user_updated";

/// An API in memory, and the clock of its mirrors. Clones share their state.
#[derive(Clone, Default)]
pub(crate) struct FakeApi(Arc<Mutex<State>>);

/// What a [`FakeApi`] answers (directories, users and groups as JSON), and the time of its clock.
pub(crate) struct State {
    pub(crate) now: Timestamp,
    pub(crate) directories: Vec<Value>,
    /// Users of all directories. A field `directory`, which the API does not have, names the directory; `dir_1` if it is absent.
    pub(crate) users: Vec<Value>,
    /// Groups of all directories, with a field `directory` as users have.
    pub(crate) groups: Vec<Value>,
    /// The total that listings of users report, or `None` for the number of listed users. `wrong_totals` and `wrong_total_of` take precedence.
    pub(crate) reported_total: Option<u64>,
    /// How many of the next listings of users report the wrong total 99.
    pub(crate) wrong_totals: u32,
    /// Id of the directory whose listings of users report the wrong total 99, or `None`.
    pub(crate) wrong_total_of: Option<String>,
    /// The users of the next listings of `dir_1`, in place of `users`, with one element for each listing: for example the users that a reader sees if
    /// users of an earlier page leave while a later page is read.
    pub(crate) next_listings: VecDeque<Vec<Value>>,
    /// The greatest number of users on a page, or `None` for one page of all users.
    pub(crate) page_size: Option<usize>,
    /// The time of the vendor's clock that every page of users has, or `None` if the pages have none.
    pub(crate) served_at: Option<Timestamp>,
    /// The number of listings of users so far.
    pub(crate) listings: u32,
    /// Whether the API no longer lists any directory.
    pub(crate) has_lost_directories: bool,
    /// Host name of the vendor's environment that the source reports, or `None` if it reports none.
    pub(crate) environment: Option<String>,
    /// The pages of the listing of organizations, each as the ids of its organizations.
    pub(crate) organizations: Vec<Vec<String>>,
    /// Whether the listing of organizations fails after its last page.
    pub(crate) organizations_fail: bool,
    /// Ids of the organizations for which listing the directories is a 404 error.
    pub(crate) unknown_organizations: Vec<String>,
    /// Id of the organization whose listings of users panic, or `None`.
    pub(crate) panicking_organization: Option<String>,
    /// Id of the directory whose listings of users fail after their last page, or `None`.
    pub(crate) failing_directory: Option<String>,
}

impl Default for State {
    fn default() -> State {
        State {
            now: "2025-06-01T12:00:00Z".parse().unwrap(),
            directories: vec![json!({ "id": "dir_1", "organization_id": "org_1", "enabled": true })],
            users: Vec::new(),
            groups: Vec::new(),
            reported_total: None,
            wrong_totals: 0,
            wrong_total_of: None,
            next_listings: VecDeque::new(),
            page_size: None,
            served_at: None,
            listings: 0,
            has_lost_directories: false,
            environment: None,
            organizations: vec![["org_1", "org_2", "org_3"].map(str::to_owned).to_vec()],
            organizations_fail: false,
            unknown_organizations: Vec::new(),
            panicking_organization: None,
            failing_directory: None,
        }
    }
}

impl FakeApi {
    /// Makes an API that lists `count` users: see [`FakeApi::list_numbered_users`].
    pub(crate) fn with_users(count: usize) -> FakeApi {
        let api = FakeApi::default();
        api.list_numbered_users(count);
        api
    }

    /// Calls `work` with the locked state.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap())
    }

    /// Lists exactly these users from now on.
    pub(crate) fn list_users(&self, users: impl IntoIterator<Item = Value>) {
        self.with(|state| state.users = users.into_iter().collect());
    }

    /// Lists exactly `count` users from now on: `diruser_000`, `diruser_001` and so on.
    pub(crate) fn list_numbered_users(&self, count: usize) {
        self.list_users((0..count).map(listed_user));
    }

    /// Opens a mirror that syncs from this API, in a new store: see [`open`].
    pub(crate) async fn open_mirror(&self) -> Mirror {
        open(self.mirror_builder()).await
    }

    /// Returns a builder of a mirror that syncs from this API and uses its clock.
    pub(crate) fn mirror_builder(&self) -> MirrorBuilder {
        Mirror::builder().source(self.clone()).clock(self.clone())
    }

    /// Opens a mirror in a new store (see [`open`]) and runs a full sync of `dir_1`.
    pub(crate) async fn synced_mirror(&self) -> Mirror {
        let mirror = self.open_mirror().await;
        full_sync(&mirror).await.unwrap();
        mirror
    }
}

/// Opens a mirror in a new store: see [`open_store`].
pub(crate) async fn open(builder: MirrorBuilder) -> Mirror {
    builder.open_in(open_store().await).await.unwrap()
}

/// Opens a new store: in memory, or in a new schema of a PostgreSQL server if the environment variable `HEADCOUNT_LISTINGS_IN` is `postgres`.
pub(crate) async fn open_store() -> Arc<dyn Store> {
    open_store_with(false).await
}

/// Opens a new store as [`open_store`] does, which uses the time of the API's clock also for what is by the clock of the server.
pub(crate) async fn open_store_with_callers_time() -> Arc<dyn Store> {
    open_store_with(true).await
}

#[cfg_attr(not(feature = "postgres"), allow(unused_variables, reason = "SQLite has no clock of its own"))]
async fn open_store_with(callers_time: bool) -> Arc<dyn Store> {
    #[cfg(feature = "postgres")]
    if std::env::var("HEADCOUNT_LISTINGS_IN").is_ok_and(|store| store == "postgres") {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let mut options = headcount::store::PostgresOptions::default();
        if callers_time {
            options = options.with_callers_time();
        }
        options.schema = format!("listings_{}", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let server = crate::server::Server::shared();
        server.forget(&options.schema);
        return Arc::new(headcount::store::PostgresStore::connect_with(&server.url, options).await.unwrap());
    }
    Arc::new(SqliteStore::open(":memory:").unwrap())
}

impl Clock for FakeApi {
    fn now(&self) -> Timestamp {
        self.with(|state| state.now)
    }
}

/// A listing, and the vendor's time of each of its pages.
struct FakePages<T> {
    pages: VecDeque<Page<T>>,
    served_at: Option<Timestamp>,
    /// Whether the listing fails after its last page.
    fails: bool,
}

impl<T: Send> SourcePages<T> for FakePages<T> {
    fn next(&mut self) -> SourceFuture<'_, Option<Page<T>>> {
        Box::pin(async {
            match self.pages.pop_front() {
                None if self.fails => Err(Error::from_http_status(503, None, "the listing failed")),
                page => Ok(page),
            }
        })
    }

    fn served_at(&self) -> Option<Timestamp> {
        self.served_at
    }
}

/// Returns a listing with one page of these items. The page's total is `total`, or the number of items if `total` is `None`.
fn one_page<T: DeserializeOwned>(items: &[Value], total: Option<u64>) -> FakePages<T> {
    pages(items, None, total)
}

/// Returns a listing with pages of at most `size` items, or with one page if `size` is `None` or there are no items. The total of each page is
/// `total`, or the number of all items if `total` is `None`.
fn pages<T: DeserializeOwned>(items: &[Value], size: Option<usize>, total: Option<u64>) -> FakePages<T> {
    let total_size = total.unwrap_or(items.len() as u64);
    let page = |items: &[Value]| {
        let mut page = Page::new(items.iter().map(|item| serde_json::from_value(item.clone()).unwrap()).collect());
        page.total_size = total_size;
        page
    };
    let pages: VecDeque<Page<T>> = match items {
        [] => [page(items)].into(),
        items => items.chunks(size.unwrap_or(items.len())).map(page).collect(),
    };
    FakePages { pages, served_at: None, fails: false }
}

/// The pages of a listing of organizations, and whether the listing fails after its last page.
struct OrganizationPages(VecDeque<FakePages<Organization>>, bool);

impl SourcePages<Organization> for OrganizationPages {
    fn next(&mut self) -> SourceFuture<'_, Option<Page<Organization>>> {
        Box::pin(async {
            match self.0.pop_front() {
                Some(mut page) => page.next().await,
                None if self.1 => Err(Error::from_http_status(503, None, "the listing failed")),
                None => Ok(None),
            }
        })
    }
}

impl Source for FakeApi {
    fn environment(&self) -> Option<String> {
        self.with(|state| state.environment.clone())
    }

    fn organizations(&self) -> Box<dyn SourcePages<Organization>> {
        let page = |ids: &Vec<String>| {
            let organization = |id| json!({ "id": id, "display_name": id, "region_code": "US" });
            one_page(&ids.iter().map(organization).collect::<Vec<_>>(), None)
        };
        self.with(|state| {
            let pages = state.organizations.iter().map(page).collect();
            Box::new(OrganizationPages(pages, state.organizations_fail))
        })
    }

    fn directories<'a>(&'a self, organization_id: &'a str) -> SourceFuture<'a, Vec<Directory>> {
        Box::pin(async move {
            self.with(|state| {
                if state.unknown_organizations.iter().any(|id| id == organization_id) {
                    return Err(Error::from_http_status(404, None, "there is no such organization"));
                }
                if state.has_lost_directories {
                    return Ok(Vec::new());
                }
                let own = state.directories.iter().filter(|directory| directory["organization_id"] == organization_id);
                Ok(own.map(|directory| serde_json::from_value(directory.clone()).unwrap()).collect())
            })
        })
    }

    fn users(&self, directory: &Directory, _: Option<Timestamp>) -> Box<dyn SourcePages<User>> {
        // Panics outside of `with`, because a panic inside would poison the lock of the state.
        let panicking_organization = self.with(|state| state.panicking_organization.clone());
        assert_ne!(panicking_organization.as_ref(), Some(&directory.organization_id), "the listing panicked");
        self.with(|state| {
            let is_in_directory = |user: &&Value| user["directory"].as_str().unwrap_or("dir_1") == directory.id;
            state.listings += 1;
            let next = Some(&mut state.next_listings).filter(|_| directory.id == "dir_1").and_then(VecDeque::pop_front);
            let users = next.unwrap_or_else(|| state.users.iter().filter(is_in_directory).cloned().collect());
            let is_wrong = state.wrong_totals > 0 || state.wrong_total_of.as_ref() == Some(&directory.id);
            let wrong_total = Some(99).filter(|_| is_wrong);
            state.wrong_totals = state.wrong_totals.saturating_sub(1);
            let pages = pages::<User>(&users, state.page_size, wrong_total.or(state.reported_total));
            let fails = state.failing_directory.as_ref() == Some(&directory.id);
            Box::new(FakePages { served_at: state.served_at, fails, ..pages })
        })
    }

    fn groups(&self, directory: &Directory, _: Option<Timestamp>) -> Box<dyn SourcePages<Group>> {
        self.with(|state| {
            let is_in_directory = |group: &&Value| group["directory"].as_str().unwrap_or("dir_1") == directory.id;
            let groups: Vec<Value> = state.groups.iter().filter(is_in_directory).cloned().collect();
            Box::new(one_page::<Group>(&groups, None))
        })
    }
}

/// Returns the id of the user with this number, counted from 0, in [`FakeApi::list_numbered_users`].
pub(crate) fn numbered_user(number: usize) -> String {
    format!("diruser_{number:03}")
}

/// Returns the user with this number, counted from 0, as [`FakeApi::list_numbered_users`] lists them.
pub(crate) fn listed_user(number: usize) -> Value {
    json!({ "id": numbered_user(number), "email": format!("{number}@example.com") })
}

/// Runs an incremental sync of `dir_1`.
pub(crate) async fn incremental_sync(mirror: &Mirror) -> Result<SyncReport> {
    mirror.sync("org_1").directory("dir_1").mode(SyncMode::Incremental).await.map(|mut reports| reports.remove(0))
}

/// Runs a full sync of `dir_1`.
pub(crate) async fn full_sync(mirror: &Mirror) -> Result<SyncReport> {
    mirror.sync("org_1").directory("dir_1").mode(SyncMode::Full).await.map(|mut reports| reports.remove(0))
}

/// Applies an event of `org_1` of the type `kind`, with this data and the member `organization_id` added to it.
pub(crate) async fn apply_event(mirror: &Mirror, id: &str, kind: &str, occurred_at: &str, mut data: Value) -> Outcome {
    data["organization_id"] = json!("org_1");
    let body = json!({ "id": id, "type": kind, "occurred_at": occurred_at, "organization_id": "org_1", "data": data });
    mirror.apply(&event(&body)).await.unwrap()
}

/// Applies the event of a user's deletion at 2025-06-01T12:00:00Z, the time at which the API's clock starts.
pub(crate) async fn apply_deletion(mirror: &Mirror, event_id: &str, user_id: &str) -> Outcome {
    apply_event(mirror, event_id, USER_DELETED, "2025-06-01T12:00:00Z", json!({ "id": user_id })).await
}

/// Returns the event with this body.
pub(crate) fn event(body: &Value) -> Event {
    Event::from_verified_body(body.to_string().as_bytes()).unwrap()
}

/// Returns the number of users in the first directory of the mirror's status.
pub(crate) async fn count_users(mirror: &Mirror) -> u64 {
    mirror.status().await.unwrap()[0].users
}
