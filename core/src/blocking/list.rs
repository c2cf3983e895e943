//! Listings for threads without an async runtime: one page, all pages, or all items.

use super::runtime::wait;
use crate::client::{self, Listed};
use crate::model::{Group, Organization, Page, User};
use crate::process::Process;
use crate::{Error, Result, Timestamp};

/// A listing before it is requested, like [`headcount::client::List`](client::List), with [`send`](List::send), [`iter`](List::iter) and
/// [`pages`](List::pages).
#[derive(Clone, Debug)]
#[must_use = "a listing is not requested until it is sent"]
pub struct List<T>(Result<client::List<T>>);

/// Defines setters that call those of the async listing.
macro_rules! setters {
    ($($name:ident($type:ty);)*) => {
        $(
            #[doc = concat!("Does what `", stringify!($name), "` of [`headcount::client::List`](client::List) does.")]
            pub fn $name(self, value: impl Into<Option<$type>>) -> Self {
                List(self.0.map(|list| list.$name(value)))
            }
        )*
    };
}

impl<T: Listed> List<T> {
    pub(super) fn new(list: Result<client::List<T>>) -> List<T> {
        List(list)
    }

    /// Returns the async listing, for [`spawn`](super::spawn).
    ///
    /// # Errors
    ///
    /// As [`Client::current`](super::Client::current).
    pub fn current(&self) -> Result<client::List<T>> {
        self.0.clone()
    }

    setters! { page_size(u32); read_ahead(bool); }

    /// Does what `page_token` of [`headcount::client::List`](client::List) does.
    pub fn page_token<'a>(self, token: impl Into<Option<&'a str>>) -> Self {
        List(self.0.map(|list| list.page_token(token)))
    }

    /// Reads one page.
    ///
    /// # Errors
    ///
    /// As [`List::send`](client::List::send).
    pub fn send(&self) -> Result<Page<T>> {
        wait(self.current()?.send())
    }

    /// Returns every page, one after the other.
    pub fn pages(self) -> Pages<T> {
        Pages::new(self.0.map(client::List::pages))
    }

    /// Returns every item of every page. The iterator ends after the first error.
    pub fn iter(self) -> Iter<T> {
        Iter { pages: Some(self.pages()), page: Vec::new().into_iter() }
    }
}

impl List<Organization> {
    /// Does what `external_id` of [`headcount::client::List`](client::List) does.
    pub fn external_id<'a>(self, id: impl Into<Option<&'a str>>) -> Self {
        List(self.0.map(|list| list.external_id(id)))
    }
}

impl List<User> {
    setters! { include_detail(bool); updated_after(Timestamp); }

    /// Does what `directory_group_id` of [`headcount::client::List`](client::List) does.
    pub fn directory_group_id<'a>(self, id: impl Into<Option<&'a str>>) -> Self {
        List(self.0.map(|list| list.directory_group_id(id)))
    }
}

impl List<Group> {
    setters! { include_detail(bool); include_external_groups(bool); updated_after(Timestamp); }
}

/// Every page of a listing; made by [`List::pages`].
#[derive(Debug)]
pub struct Pages<T> {
    process: Process,
    /// `None` after it was dropped.
    pages: Option<Result<client::Pages<T>>>,
}

impl<T> Pages<T> {
    fn new(pages: Result<client::Pages<T>>) -> Pages<T> {
        Pages { process: Process::current(), pages: Some(pages) }
    }
}

impl<T> From<client::Pages<T>> for Pages<T> {
    /// Wraps the pages. A forked child cannot continue them.
    fn from(pages: client::Pages<T>) -> Pages<T> {
        Pages::new(Ok(pages))
    }
}

impl<T: Listed> Pages<T> {
    /// Returns the next page, or `None` after the last one. After an error, the next call requests the same page again.
    ///
    /// # Errors
    ///
    /// As [`Pages::next`](client::Pages::next); and [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) in a forked child.
    #[allow(clippy::should_implement_trait, reason = "an iterator cannot request the same page again after an error")]
    pub fn next(&mut self) -> Result<Option<Page<T>>> {
        wait(self.current()?.next())
    }

    /// Returns the async pages, for [`wait_interruptibly`](super::wait_interruptibly) and [`spawn`](super::spawn).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) in a forked child.
    pub fn current(&mut self) -> Result<&mut client::Pages<T>> {
        if !self.process.is_current() {
            return Err(Error::invalid_argument(
                "the listing was started before a fork, or before all descriptors were closed: start another in this process",
            ));
        }
        match &mut self.pages {
            Some(pages) => pages.as_mut().map_err(|error| error.clone()),
            None => Err(Error::internal("a listing was read after its end")),
        }
    }
}

impl<T> Drop for Pages<T> {
    fn drop(&mut self) {
        // A forked child has a copy of its parent's threads and sockets, which it must not use.
        if !self.process.is_current() {
            std::mem::forget(self.pages.take());
        }
    }
}

/// Every item of a listing; made by [`List::iter`].
#[derive(Debug)]
pub struct Iter<T> {
    pages: Option<Pages<T>>,
    page: std::vec::IntoIter<T>,
}

impl<T: Listed> Iterator for Iter<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        loop {
            if let Some(item) = self.page.next() {
                return Some(Ok(item));
            }
            match self.pages.as_mut()?.next() {
                Ok(Some(page)) => self.page = page.items.into_iter(),
                Ok(None) => self.pages = None,
                Err(error) => {
                    self.pages = None;
                    return Some(Err(error));
                }
            }
        }
    }
}
