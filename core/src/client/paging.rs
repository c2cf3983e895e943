//! Reading a listing to its end, one page ahead of the reader, without believing a server that goes in circles.

use super::{List, Listed};
use crate::{Error, ErrorKind, Page, Result};
use futures_core::Stream;
use std::collections::HashSet;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::Instrument;

/// Every page of a listing, one after the other; made by [`List::pages`].
///
/// After an error [`next`](Pages::next) asks for the same page again, so that a listing can go on where it was.
#[derive(Debug)]
pub struct Pages<T> {
    list: List<T>,
    /// The tokens that were followed, hashed: eight bytes a page, whatever the server's tokens look like.
    seen: HashSet<u64>,
    hasher: RandomState,
    done: bool,
    ahead: Option<Ahead<T>>,
}

/// The next page, on its way. It ends with its reader.
#[derive(Debug)]
struct Ahead<T>(JoinHandle<Result<Page<T>>>);

impl<T> Drop for Ahead<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T: Listed> Pages<T> {
    pub(super) fn new(list: List<T>) -> Pages<T> {
        Pages { list, seen: HashSet::new(), hasher: RandomState::new(), done: false, ahead: None }
    }

    /// The next page, or `None` behind the last one.
    ///
    /// # Errors
    ///
    /// As [`List::send`]; and [`ErrorKind::Decode`] where the server names a page token that it gave before, which would never
    /// end.
    pub async fn next(&mut self) -> Result<Option<Page<T>>> {
        if self.done {
            return Ok(None);
        }
        let page = self.fetch().await?;
        if page.next_page_token.is_empty() {
            self.done = true;
        } else {
            if !self.seen.insert(self.hasher.hash_one(&page.next_page_token)) {
                self.done = true;
                return Err(Error::new(
                    ErrorKind::Decode,
                    "the server gave a page token for the second time: the listing goes in circles",
                )
                .with_context("operation", <T as super::list::sealed::Listed>::OPERATION));
            }
            self.list = self.list.clone().page_token(page.next_page_token.as_str());
            self.go_ahead();
        }
        Ok(Some(page))
    }

    /// The page that is on its way, or else one that is asked for now. Dropping the future loses neither.
    async fn fetch(&mut self) -> Result<Page<T>> {
        if let Some(ahead) = &mut self.ahead {
            let result = (&mut ahead.0).await;
            self.ahead = None;
            if let Ok(page) = result {
                return page;
            }
            // The runtime that was fetching it has ended: this one does it again.
        }
        self.list.send().await
    }

    fn go_ahead(&mut self) {
        if !self.list.read_ahead {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let list = self.list.clone();
        let page = async move { list.send().await };
        self.ahead = Some(Ahead(runtime.spawn(page.in_current_span())));
    }
}

type Turn<T> = Pin<Box<dyn Future<Output = (Box<Pages<T>>, Result<Option<Page<T>>>)> + Send>>;

enum State<T> {
    Idle(Box<Pages<T>>),
    Asking(Turn<T>),
    Done,
}

/// Every item of a listing, as a [`Stream`] that ends at the first error; made by [`List::stream`].
pub struct Items<T> {
    state: State<T>,
    page: std::vec::IntoIter<T>,
}

impl<T: Listed> Items<T> {
    pub(super) fn new(pages: Pages<T>) -> Items<T> {
        Items { state: State::Idle(Box::new(pages)), page: Vec::new().into_iter() }
    }
}

impl<T: Listed> Stream for Items<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        loop {
            if let Some(item) = self.page.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match std::mem::replace(&mut self.state, State::Done) {
                State::Idle(mut pages) => {
                    self.state = State::Asking(Box::pin(async move {
                        let page = pages.next().await;
                        (pages, page)
                    }));
                }
                State::Asking(mut turn) => match turn.as_mut().poll(cx) {
                    Poll::Pending => {
                        self.state = State::Asking(turn);
                        return Poll::Pending;
                    }
                    Poll::Ready((pages, Ok(Some(page)))) => {
                        self.page = page.items.into_iter();
                        self.state = State::Idle(pages);
                    }
                    Poll::Ready((_, Ok(None))) => {}
                    Poll::Ready((_, Err(error))) => return Poll::Ready(Some(Err(error))),
                },
                State::Done => return Poll::Ready(None),
            }
        }
    }
}

impl<T> std::fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Items").finish_non_exhaustive()
    }
}
