//! Reads a listing page by page to its end, fetches one page ahead of the caller, and stops if the server repeats a page token.

use super::{List, Listed};
use crate::http::Dated;
use crate::model::Page;
use crate::task::carried;
use crate::{Error, ErrorKind, Result, Timestamp};
use futures_util::{Stream, TryStreamExt, stream};
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::Instrument;

impl<T: Listed> List<T> {
    /// Returns every page, one after the other. Pages are as large as the server permits unless [`page_size`](List::page_size) was called.
    pub fn pages(self) -> Pages<T> {
        let sized = self.call.as_ref().is_ok_and(|call| call.query.iter().any(|(name, _)| *name == "page_size"));
        Pages::new(if sized { self } else { self.page_size(T::LARGEST_PAGE) })
    }

    /// Returns every item of every page, as a [`Stream`] that ends after the first error.
    pub fn stream(self) -> Items<T> {
        Items::new(self.pages())
    }
}

/// Every page of a listing, one after the other; made by [`List::pages`].
///
/// After an error [`next`](Pages::next) requests the same page again, so a listing can continue after a failure. A repeated page token ends it.
#[derive(Debug)]
pub struct Pages<T> {
    list: List<T>,
    /// Hashes of the page tokens received so far: eight bytes per page, whatever the length of the server's tokens.
    seen: HashSet<u64>,
    hasher: RandomState,
    done: bool,
    ahead: Option<Ahead<T>>,
    /// The server's time when it answered with the page that was returned last.
    date: Option<Timestamp>,
}

/// The task that fetches the next page. Dropping it aborts the task.
#[derive(Debug)]
struct Ahead<T>(JoinHandle<Result<Dated<Page<T>>>>);

impl<T> Drop for Ahead<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T: Listed> Pages<T> {
    fn new(list: List<T>) -> Pages<T> {
        Pages { list, seen: HashSet::new(), hasher: RandomState::new(), done: false, ahead: None, date: None }
    }

    /// Returns the next page, or `None` after the last one. After an error, the next call requests the same page again.
    ///
    /// The future may be dropped: no page is lost, because the next call returns it.
    ///
    /// # Errors
    ///
    /// As [`List::send`]; and [`ErrorKind::Decode`] if the server repeats a page token, because the listing would never end. After this error, the
    /// next call returns `None`.
    pub async fn next(&mut self) -> Result<Option<Page<T>>> {
        if self.done {
            return Ok(None);
        }
        let Dated { value: page, date } = self.fetch().await?;
        self.date = date;
        if page.next_page_token.is_empty() {
            self.done = true;
        } else {
            if !self.seen.insert(self.hasher.hash_one(&page.next_page_token)) {
                self.done = true;
                return Err(Error::new(
                    ErrorKind::Decode,
                    "the server sent a page token for the second time: the listing would never end",
                )
                .with_context("operation", <T as super::list::sealed::Listed>::OPERATION));
            }
            self.list = self.list.clone().page_token(page.next_page_token.as_str());
            self.prefetch();
        }
        Ok(Some(page))
    }

    /// Returns the server's time, to the second, when it answered with the page that was returned last; `None` if the answer had no time.
    #[cfg_attr(not(feature = "mirror"), expect(dead_code, reason = "only syncs need it"))]
    pub(crate) fn date(&self) -> Option<Timestamp> {
        self.date
    }

    /// Waits for the page that is being fetched ahead, or requests the page if none is. Dropping the future loses no page.
    async fn fetch(&mut self) -> Result<Dated<Page<T>>> {
        if let Some(ahead) = &mut self.ahead {
            let result = (&mut ahead.0).await;
            self.ahead = None;
            if let Ok(page) = result {
                return page;
            }
            // The runtime of the task was shut down: the page is requested again here.
        }
        self.list.send_dated().await
    }

    /// Starts to fetch the next page.
    fn prefetch(&mut self) {
        if !self.list.read_ahead {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let list = self.list.clone();
        let page = async move { list.send_dated().await };
        self.ahead = Some(Ahead(runtime.spawn(carried(page.in_current_span()))));
    }
}

/// Every item of a listing, as a [`Stream`] that ends after the first error; made by [`List::stream`].
pub struct Items<T>(Pin<Box<dyn Stream<Item = Result<T>> + Send>>);

impl<T: Listed> Items<T> {
    fn new(pages: Pages<T>) -> Items<T> {
        let pages = stream::try_unfold(pages, async |mut pages| Ok(pages.next().await?.map(|page| (page, pages))));
        Items(Box::pin(pages.map_ok(|page| stream::iter(page.items.into_iter().map(Ok))).try_flatten()))
    }
}

impl<T> Stream for Items<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl<T> std::fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Items").finish_non_exhaustive()
    }
}
