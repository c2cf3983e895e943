//! A listing before it is asked for: its filters, and the three ways to read it.

use super::Client;
use super::path::Path;
use crate::http::Call;
use crate::model::{null_is_default, total_size};
use crate::{Error, Group, Organization, Page, Result, Timestamp, User};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;

/// What can be listed page by page: organizations, users and groups.
pub trait Listed: sealed::Listed {}

pub(crate) mod sealed {
    use super::{DeserializeOwned, Page};

    pub trait Listed: Send + Sync + Unpin + Sized + 'static {
        /// What errors say was being done.
        const OPERATION: &'static str;
        /// The largest page that the server gives.
        const LARGEST_PAGE: u32;
        /// The shape of the answer.
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

// The largest pages are the contract's: "between 10 and 100", and "Maximum value is 30" twice.
listed!(Organization, organizations, OrganizationsAnswer, "list organizations", 100);
listed!(User, users, UsersAnswer, "list directory users", 30);
listed!(Group, groups, GroupsAnswer, "list directory groups", 30);

/// A listing to be read: set its filters, then take one page ([`send`](List::send)), every item
/// ([`stream`](List::stream)) or every page ([`pages`](List::pages)).
///
/// Every setter takes the value or an `Option` of it; `None` leaves the setting as the server has it.
#[derive(Debug)]
#[must_use = "a listing is not asked for until it is sent"]
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

    /// The most items a page may have. The server's own limits apply as well: users and groups come 30 at most, organizations 10
    /// to 100.
    pub fn page_size(self, items: impl Into<Option<u32>>) -> List<T> {
        match items.into() {
            Some(0) => self.fail(Error::invalid_argument("page_size is 0: expected at least 1")),
            items => self.set("page_size", items),
        }
    }

    /// The page to start with: the `next_page_token` or `prev_page_token` of another one.
    pub fn page_token<'a>(self, token: impl Into<Option<&'a str>>) -> List<T> {
        // The empty token is what the last page names as its next one; asking with it would start over.
        self.set("page_token", token.into().filter(|token| !token.is_empty()))
    }

    /// Whether [`stream`](List::stream) and [`pages`](List::pages) fetch the next page while the one before is read: one page ahead and
    /// no more, from the second page on. They do unless told otherwise.
    pub fn read_ahead(mut self, ahead: impl Into<Option<bool>>) -> List<T> {
        self.read_ahead = ahead.into().unwrap_or(true);
        self
    }

    /// Reads one page: the server's default number of items unless [`page_size`](List::page_size) says otherwise.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where there is no such organization or directory;
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for what cannot be sent.
    pub async fn send(&self) -> Result<Page<T>> {
        let page = self.client.fetch::<T::Answer>(self.call.clone()).await?.into();
        self.client.http.count_page();
        Ok(page)
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

impl List<Organization> {
    /// Only the organization to which the application gave this id of its own.
    pub fn external_id<'a>(self, id: impl Into<Option<&'a str>>) -> Self {
        self.set("external_id", id.into())
    }
}

impl List<User> {
    /// Whether users come with [`user_detail`](User::user_detail).
    pub fn include_detail(self, include: impl Into<Option<bool>>) -> Self {
        self.set("include_detail", include.into())
    }

    /// Only the members of this group (`dirgroup_…`).
    pub fn directory_group_id<'a>(self, id: impl Into<Option<&'a str>>) -> Self {
        self.set("directory_group_id", id.into())
    }

    /// Only users that were changed after this moment.
    pub fn updated_after(self, moment: impl Into<Option<Timestamp>>) -> Self {
        self.set("updated_after", moment.into())
    }
}

impl List<Group> {
    /// Whether groups come with [`group_detail`](Group::group_detail).
    pub fn include_detail(self, include: impl Into<Option<bool>>) -> Self {
        self.set("include_detail", include.into())
    }

    /// Whether groups of the provider that Scalekit does not follow come as well.
    pub fn include_external_groups(self, include: impl Into<Option<bool>>) -> Self {
        self.set("include_external_groups", include.into())
    }

    /// Only groups that were changed after this moment.
    pub fn updated_after(self, moment: impl Into<Option<Timestamp>>) -> Self {
        self.set("updated_after", moment.into())
    }
}
