//! One page of a listing. Its items are wrapped for C when the page is created.

use crate::text::Text;
use headcount_core::model::Page;
use std::ffi::c_char;
use std::ptr;

/// The items of a page, the size of the whole listing, and the tokens of the next and the previous page.
pub(crate) struct PageOf<W> {
    items: Vec<W>,
    pub(crate) total_size: u64,
    /// The token and its C string.
    next_page_token: (String, Text),
    prev_page_token: (String, Text),
}

impl<W> PageOf<W> {
    pub(crate) fn new<T: Into<W>>(page: Page<T>) -> PageOf<W> {
        PageOf {
            items: page.items.into_iter().map(Into::into).collect(),
            total_size: page.total_size,
            next_page_token: (page.next_page_token, Text::default()),
            prev_page_token: (page.prev_page_token, Text::default()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn at(&self, index: usize) -> *const W {
        at(&self.items, index)
    }

    pub(crate) fn next_page_token(&self) -> *const c_char {
        self.next_page_token.1.of(&self.next_page_token.0)
    }

    pub(crate) fn prev_page_token(&self) -> *const c_char {
        self.prev_page_token.1.of(&self.prev_page_token.0)
    }
}

/// Returns the item at `index`, or NULL if `index` is out of range.
pub(crate) fn at<W>(items: &[W], index: usize) -> *const W {
    items.get(index).map_or(ptr::null(), ptr::from_ref)
}
