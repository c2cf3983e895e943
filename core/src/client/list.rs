//! A listing before it is requested, with its filters, and the call that reads one page. `paging` reads all pages.

use super::Client;
use super::path::Path;
use crate::http::{Call, Dated};
use crate::model::{Group, Organization, Page, User, null_is_default, total_size};
use crate::{Error, Result, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;

/// What can be listed page by page: organizations, users and groups.
pub trait Listed: sealed::Listed {}

pub(crate) mod sealed {
    use super::{DeserializeOwned, Page};

    pub trait Listed: Send + Sync + Unpin + Sized + 'static {
        /// Name of the operation, for errors and logs.
        const OPERATION: &'static str;
        /// Number of items in the server's largest page.
        const LARGEST_PAGE: u32;
        /// Type of the answer.
        type Answer: DeserializeOwned + Into<Page<Self>> + Send;
    }
}

macro_rules! listed {
    ($type:ty, $field:ident, $answer:ident, $operation:literal, $largest:literal) => {
        #[derive(Deserialize)]
        #[doc(hidden)]
        pub struct $answer {
            #[serde(default, deserialize_with = "null_is_default")]
            $field: Vec<$type>,
            #[serde(default, deserialize_with = "total_size")]
            total_size: u64,
            #[serde(default, deserialize_with = "null_is_default")]
            next_page_token: String,
            #[serde(default, deserialize_with = "null_is_default")]
            prev_page_token: String,
        }

        impl From<$answer> for Page<$type> {
            fn from(answer: $answer) -> Page<$type> {
                Page {
                    items: answer.$field,
                    total_size: answer.total_size,
                    next_page_token: answer.next_page_token,
                    prev_page_token: answer.prev_page_token,
                }
            }
        }

        impl Listed for $type {}

        impl sealed::Listed for $type {
            const OPERATION: &'static str = $operation;
            const LARGEST_PAGE: u32 = $largest;
            type Answer = $answer;
        }
    };
}

// The largest pages in the vendor's OpenAPI document: "between 10 and 100" for organizations, "Maximum value is 30" for users and groups.
listed!(Organization, organizations, OrganizationsAnswer, "list organizations", 100);
listed!(User, users, UsersAnswer, "list directory users", 30);
listed!(Group, groups, GroupsAnswer, "list directory groups", 30);

/// A listing before it is requested: set its filters, then read one page ([`send`](List::send)), every item
/// ([`stream`](List::stream)) or every page ([`pages`](List::pages)).
///
/// Every setter takes a value or an `Option`; `None` means the server's default.
#[derive(Debug)]
#[must_use = "a listing is not requested until it is sent"]
pub struct List<T> {
    client: Client,
    pub(super) call: Result<Call>,
    pub(super) read_ahead: bool,
    _of: PhantomData<fn() -> T>,
}

impl<T> Clone for List<T> {
    fn clone(&self) -> List<T> {
        List { client: self.client.clone(), call: self.call.clone(), read_ahead: self.read_ahead, _of: PhantomData }
    }
}

impl<T: Listed> List<T> {
    pub(super) fn new(client: Client, path: Path) -> List<T> {
        List { client, call: path.get(T::OPERATION), read_ahead: true, _of: PhantomData }
    }

    /// Sets the largest number of items per page. The server's limits apply as well: at most 30 users or groups, 10 to 100 organizations.
    pub fn page_size(self, items: impl Into<Option<u32>>) -> List<T> {
        match items.into() {
            Some(0) => self.fail(Error::invalid_argument("page_size is 0: expected at least 1")),
            items => self.set("page_size", items),
        }
    }

    /// Sets the first page to read: the `next_page_token` or `prev_page_token` of another page.
    pub fn page_token<'a>(self, token: impl Into<Option<&'a str>>) -> List<T> {
        // The last page has the empty token; sending it would request the first page.
        self.set("page_token", token.into().filter(|token| !token.is_empty()))
    }

    /// Sets whether [`stream`](List::stream) and [`pages`](List::pages) fetch the next page while the current one is read: at most one page
    /// ahead, from the second page on. Default: true.
    pub fn read_ahead(mut self, ahead: impl Into<Option<bool>>) -> List<T> {
        self.read_ahead = ahead.into().unwrap_or(true);
        self
    }

    /// Reads one page, with the server's default number of items unless [`page_size`](List::page_size) was called.
    ///
    /// The future may be dropped: the request, which only reads, is then cancelled.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no such organization or directory;
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for an argument that cannot be sent.
    pub async fn send(&self) -> Result<Page<T>> {
        Ok(self.send_dated().await?.value)
    }

    pub(super) async fn send_dated(&self) -> Result<Dated<Page<T>>> {
        let Dated { value, date } = self.client.fetch_dated::<T::Answer>(self.call.clone()).await?;
        self.client.http.count_page();
        Ok(Dated { value: value.into(), date })
    }

    pub(super) fn set(mut self, name: &'static str, value: Option<impl ToString>) -> List<T> {
        if let Ok(call) = &mut self.call {
            call.query.retain(|(other, _)| *other != name);
            call.query.extend(value.map(|value| (name, value.to_string())));
        }
        self
    }

    fn fail(mut self, error: Error) -> List<T> {
        self.call = self.call.and(Err(error.with_context("operation", T::OPERATION)));
        self
    }
}

/// Awaiting a listing reads one page, as [`send`](List::send) does.
///
/// The future may be dropped: the request, which only reads, is then cancelled.
impl<T: Listed> IntoFuture for List<T> {
    type Output = Result<Page<T>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Page<T>>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.send().await })
    }
}

impl List<Organization> {
    /// Lists only the organization to which the application assigned this id.
    pub fn external_id<'a>(self, id: impl Into<Option<&'a str>>) -> Self {
        self.set("external_id", id.into())
    }
}

impl List<User> {
    /// Sets whether users have [`user_detail`](User::user_detail).
    pub fn include_detail(self, include: impl Into<Option<bool>>) -> Self {
        self.set("include_detail", include.into())
    }

    /// Lists only the members of this group (`dirgroup_…`).
    pub fn directory_group_id<'a>(self, id: impl Into<Option<&'a str>>) -> Self {
        self.set("directory_group_id", id.into())
    }

    /// Lists only users that were changed after this time.
    pub fn updated_after(self, moment: impl Into<Option<Timestamp>>) -> Self {
        self.set("updated_after", moment.into())
    }
}

impl List<Group> {
    /// Sets whether groups have [`group_detail`](Group::group_detail).
    pub fn include_detail(self, include: impl Into<Option<bool>>) -> Self {
        self.set("include_detail", include.into())
    }

    /// Sets whether groups of the provider that Scalekit does not synchronize are listed as well.
    pub fn include_external_groups(self, include: impl Into<Option<bool>>) -> Self {
        self.set("include_external_groups", include.into())
    }

    /// Lists only groups that were changed after this time.
    pub fn updated_after(self, moment: impl Into<Option<Timestamp>>) -> Self {
        self.set("updated_after", moment.into())
    }
}
