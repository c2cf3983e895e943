//! Iterates over the items of all pages. After an error, the next call requests the same page again.

use headcount_core::Result;
use headcount_core::blocking::{List, Pages};
use headcount_core::client::Listed;
use std::ptr;

/// An iterator over a listing. It owns the item that it returned last, so that C can borrow the item.
pub(crate) struct IterOf<T, W> {
    pages: Pages<T>,
    page: std::vec::IntoIter<T>,
    last: Option<W>,
}

impl<T: Listed, W: From<T>> IterOf<T, W> {
    pub(crate) fn new(list: List<T>) -> IterOf<T, W> {
        IterOf { pages: list.pages(), page: Vec::new().into_iter(), last: None }
    }

    /// Returns the next item, or NULL after the last one. The item is valid until the next call.
    ///
    /// Requests a page if all items of the previous one were returned.
    pub(crate) fn next(&mut self) -> Result<*const W> {
        self.last = None;
        loop {
            if let Some(item) = self.page.next() {
                return Ok(ptr::from_ref(self.last.insert(item.into())));
            }
            match self.pages.next()? {
                Some(page) => self.page = page.items.into_iter(),
                None => return Ok(ptr::null()),
            }
        }
    }
}
