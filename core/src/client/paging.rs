//! Reading a listing to its end, without believing a server that goes in circles.

use super::{List, Listed};
use crate::{Error, ErrorKind, Page, Result};
use futures_core::Stream;
use std::collections::HashSet;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll};

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
}

impl<T: Listed> Pages<T> {
    pub(super) fn new(list: List<T>) -> Pages<T> {
        Pages { list, seen: HashSet::new(), hasher: RandomState::new(), done: false }
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
        let page = self.list.send().await?;
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
        }
        Ok(Some(page))
    }
}

type Turn<T> = Pin<Box<dyn Future<Output = (Pages<T>, Result<Option<Page<T>>>)> + Send>>;

enum State<T> {
    Idle(Pages<T>),
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
        Items { state: State::Idle(pages), page: Vec::new().into_iter() }
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
