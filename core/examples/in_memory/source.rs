//! A source in memory: one directory whose users can be changed.

use headcount::mirror::{Source, SourceFuture, SourcePages};
use headcount::model::{Directory, Group, Organization, Page, User};
use headcount::{Result, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The id of the organization.
pub(crate) const ORGANIZATION: &str = "org_1";

/// The number of users on a page.
const PAGE: usize = 100;

/// The directory. Clones share the users.
#[derive(Clone, Default)]
pub(crate) struct Company(Arc<Mutex<BTreeMap<String, User>>>);

impl Company {
    fn users(&self) -> MutexGuard<'_, BTreeMap<String, User>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a user, or changes the address of the one with this id.
    pub(crate) fn put(&self, id: &str, email: &str, updated_at: Timestamp) {
        // Later versions may add fields to the structs of the API, so they can only be made from their defaults.
        let mut user = User::default();
        user.id = id.to_owned();
        user.email = email.to_owned();
        user.updated_at = Some(updated_at);
        user.groups = Vec::new().into(); // known to be empty, rather than not sent
        self.users().insert(id.to_owned(), user);
    }

    /// Removes a user.
    pub(crate) fn remove(&self, id: &str) {
        self.users().remove(id);
    }
}

impl Source for Company {
    fn organizations(&self) -> Box<dyn SourcePages<Organization>> {
        let mut organization = Organization::default();
        organization.id = ORGANIZATION.to_owned();
        Box::new(Listing::new(vec![organization]))
    }

    fn directories<'a>(&'a self, organization_id: &'a str) -> SourceFuture<'a, Vec<Directory>> {
        let mut directory = Directory::default();
        directory.id = "dir_1".to_owned();
        directory.organization_id = organization_id.to_owned();
        directory.enabled = true;
        Box::pin(async move { Ok(vec![directory]) })
    }

    fn users(&self, _: &Directory, updated_after: Option<Timestamp>) -> Box<dyn SourcePages<User>> {
        let is_wanted = |user: &&User| updated_after.is_none_or(|after| user.updated_at.is_none_or(|at| at > after));
        Box::new(Listing::new(Company::users(self).values().filter(is_wanted).cloned().collect()))
    }

    fn groups(&self, _: &Directory, _: Option<Timestamp>) -> Box<dyn SourcePages<Group>> {
        Box::new(Listing::new(Vec::new()))
    }
}

/// A listing, page by page.
struct Listing<T> {
    rest: std::vec::IntoIter<T>,
    total: u64,
    is_first: bool,
}

impl<T> Listing<T> {
    fn new(items: Vec<T>) -> Listing<T> {
        Listing { total: items.len() as u64, rest: items.into_iter(), is_first: true }
    }

    /// Returns the next page. An empty listing has one page.
    fn page(&mut self) -> Option<Page<T>> {
        let items: Vec<T> = self.rest.by_ref().take(PAGE).collect();
        if items.is_empty() && !self.is_first {
            return None;
        }
        self.is_first = false;
        let mut page = Page::new(items);
        page.total_size = self.total;
        Some(page)
    }
}

impl<T: Send> SourcePages<T> for Listing<T> {
    fn next(&mut self) -> SourceFuture<'_, Option<Page<T>>> {
        let page: Result<Option<Page<T>>> = Ok(self.page());
        Box::pin(std::future::ready(page))
    }
}
