//! The source from which syncs read listings: the client, or a fake in tests.

use crate::client::{Listed, Pages};
use crate::model::{Directory, Group, Organization, Page, User};
use crate::{Client, Result, Timestamp};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// From the start of a second to its last nanosecond.
const END_OF_SECOND: Duration = Duration::from_nanos(999_999_999);

/// The future that a source's calls return.
pub type SourceFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// The listings that a sync reads. [`Client`] is one; tests and other clients can have their own.
///
/// # Examples
///
/// A source with one organization, one directory and one user, as a test may have it:
///
/// ```
/// use headcount::mirror::{Source, SourceFuture, SourcePages};
/// use headcount::model::{Directory, Group, Organization, Page, User};
/// use headcount::{Result, Timestamp};
///
/// struct OnePage<T>(Option<Vec<T>>);
///
/// impl<T: Send> SourcePages<T> for OnePage<T> {
///     fn next(&mut self) -> SourceFuture<'_, Option<Page<T>>> {
///         let page = self.0.take().map(Page::new);
///         Box::pin(async move { Ok(page) })
///     }
/// }
///
/// struct OneUser;
///
/// impl Source for OneUser {
///     fn organizations(&self) -> Box<dyn SourcePages<Organization>> {
///         let mut organization = Organization::default();
///         organization.id = "org_1".to_owned();
///         Box::new(OnePage(Some(vec![organization])))
///     }
///
///     fn directories<'a>(&'a self, organization_id: &'a str) -> SourceFuture<'a, Vec<Directory>> {
///         let mut directory = Directory::default();
///         directory.id = "dir_1".to_owned();
///         directory.organization_id = organization_id.to_owned();
///         directory.enabled = true;
///         Box::pin(async move { Ok(vec![directory]) })
///     }
///
///     fn users(&self, _: &Directory, _: Option<Timestamp>) -> Box<dyn SourcePages<User>> {
///         let mut user = User::default();
///         user.id = "diruser_1".to_owned();
///         user.email = "ada@example.com".to_owned();
///         Box::new(OnePage(Some(vec![user])))
///     }
///
///     fn groups(&self, _: &Directory, _: Option<Timestamp>) -> Box<dyn SourcePages<Group>> {
///         Box::new(OnePage(Some(Vec::new())))
///     }
/// }
///
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let mirror = headcount::Mirror::builder().source(OneUser).open(":memory:").await?;
/// mirror.sync("org_1").await?;
/// assert_eq!(mirror.user("diruser_1").await?.unwrap().email, "ada@example.com");
/// # Ok::<(), headcount::Error>(()) }).unwrap();
/// ```
pub trait Source: Send + Sync + 'static {
    /// Returns what identifies the environment: the host of its URL. A mirror is bound to the environment of its first sync. `None`, the
    /// default, binds it to none.
    fn environment(&self) -> Option<String> {
        None
    }
    /// Lists every organization of the environment.
    fn organizations(&self) -> Box<dyn SourcePages<Organization>>;
    /// Lists the directories of an organization.
    ///
    /// The future may be dropped: a sync drops it when it is cancelled, and does not need the answer then.
    fn directories<'a>(&'a self, organization_id: &'a str) -> SourceFuture<'a, Vec<Directory>>;
    /// Lists the users of a directory with their details: all, or those changed after a time.
    fn users(&self, directory: &Directory, updated_after: Option<Timestamp>) -> Box<dyn SourcePages<User>>;
    /// Lists the groups of a directory: all, or those changed after a time.
    fn groups(&self, directory: &Directory, updated_after: Option<Timestamp>) -> Box<dyn SourcePages<Group>>;
}

/// The pages of a listing.
pub trait SourcePages<T>: Send {
    /// Returns the next page, or `None` after the last one.
    ///
    /// The future may be dropped: a sync drops it when it is cancelled, and reads no further page then.
    fn next(&mut self) -> SourceFuture<'_, Option<Page<T>>>;

    /// Returns the time, by the vendor's clock, of the answer with the latest page; `None` if it is not known. If it is known to the second only,
    /// this is the end of that second. A removal because of the listing has this time, so that events from before it are older.
    fn served_at(&self) -> Option<Timestamp> {
        None
    }
}

impl<T: Listed> SourcePages<T> for Pages<T> {
    fn next(&mut self) -> SourceFuture<'_, Option<Page<T>>> {
        Box::pin(Pages::next(self))
    }

    fn served_at(&self) -> Option<Timestamp> {
        // The header has whole seconds.
        self.date().map(|second| second.checked_add(END_OF_SECOND).unwrap_or(Timestamp::MAX))
    }
}

impl Source for Client {
    fn environment(&self) -> Option<String> {
        Some(self.environment_host())
    }

    fn organizations(&self) -> Box<dyn SourcePages<Organization>> {
        Box::new(Client::organizations(self).list().pages())
    }

    fn directories<'a>(&'a self, organization_id: &'a str) -> SourceFuture<'a, Vec<Directory>> {
        Box::pin(async move { Client::directories(self).list(organization_id).await })
    }

    fn users(&self, directory: &Directory, updated_after: Option<Timestamp>) -> Box<dyn SourcePages<User>> {
        let users = Client::directories(self).users(&directory.organization_id, &directory.id);
        Box::new(users.include_detail(true).updated_after(updated_after).pages())
    }

    fn groups(&self, directory: &Directory, updated_after: Option<Timestamp>) -> Box<dyn SourcePages<Group>> {
        let groups = Client::directories(self).groups(&directory.organization_id, &directory.id);
        Box::new(groups.updated_after(updated_after).pages())
    }
}
