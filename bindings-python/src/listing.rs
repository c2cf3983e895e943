//! What listings give: one page (a class that is a sequence of its items), or an iterator over every page, for `for` or `async for`.

use crate::border::{Awaiting, Mode, Ready, stop_async_iteration, wait};
use crate::client::State;
use crate::errors::OrRaise;
use crate::models::{Group, Organization, User};
use headcount::{List, Listed, Page, blocking};
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyDict, PyIterator, PyList, PyTuple};
use std::sync::{Arc, Mutex, PoisonError};

/// Where an iterator is in its listing. It may be shared by threads: each item goes to one of them.
struct Cursor<T> {
    state: Arc<State>,
    at: Mutex<At<T>>,
}

struct At<T> {
    /// `None` behind the last page.
    pages: Option<blocking::Pages<T>>,
    items: std::vec::IntoIter<T>,
}

impl<T: Listed> Cursor<T> {
    fn new(state: Arc<State>, list: List<T>) -> Cursor<T> {
        Cursor { state, at: Mutex::new(At { pages: Some(list.pages().into()), items: Vec::new().into_iter() }) }
    }

    /// The next item. After an error it asks for the same page again.
    fn next(&self, py: Python<'_>) -> PyResult<Option<T>> {
        let mut at = self.at.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(item) = at.items.next() {
                return Ok(Some(item));
            }
            let Some(pages) = &mut at.pages else { return Ok(None) };
            self.state.open().or_raise(py)?;
            let pages = pages.current().or_raise(py)?;
            match wait(py, pages.next())? {
                Some(page) => at.items = page.items.into_iter(),
                None => at.pages = None,
            }
        }
    }
}

/// Where an `async for` is in its listing. Tasks may share it: each item goes to one of them.
struct AsyncCursor<T> {
    state: Arc<State>,
    items: Mutex<std::vec::IntoIter<T>>,
    /// `None` behind the last page. Held across the wait for a page, by whichever task asked first.
    pages: tokio::sync::Mutex<Option<blocking::Pages<T>>>,
}

impl<T: Listed> AsyncCursor<T> {
    fn new(state: Arc<State>, list: List<T>) -> Arc<AsyncCursor<T>> {
        let pages = tokio::sync::Mutex::new(Some(list.pages().into()));
        Arc::new(AsyncCursor { state, items: Mutex::new(Vec::new().into_iter()), pages })
    }

    fn buffered(&self) -> Option<T> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    /// The next item. After an error it asks for the same page again.
    async fn next(self: Arc<Self>) -> headcount::Result<Option<T>> {
        let mut pages = self.pages.lock().await;
        loop {
            if let Some(item) = self.buffered() {
                return Ok(Some(item));
            }
            let Some(left) = pages.as_mut() else { return Ok(None) };
            self.state.open()?;
            match left.current()?.next().await? {
                Some(page) => *self.items.lock().unwrap_or_else(PoisonError::into_inner) = page.items.into_iter(),
                None => *pages = None,
            }
        }
    }
}

/// Defines the page and the iterators of one kind of item.
macro_rules! listing {
    ($item:ident, $page:ident, $iterator:ident, $async_iterator:ident, $field:ident, $field_text:literal) => {
        #[doc = concat!("One page of a listing: a sequence of its ", $field_text, ".")]
        #[pyclass(frozen, module = "headcount")]
        pub(crate) struct $page {
            items: Py<PyTuple>,
            #[doc = "How many items the whole listing has, by the server's count."]
            #[pyo3(get)]
            total_size: u64,
            #[doc = "What to ask the next page with, or empty on the last one."]
            #[pyo3(get)]
            next_page_token: String,
            #[doc = "What to ask the page before with, or empty on the first one."]
            #[pyo3(get)]
            prev_page_token: String,
        }

        impl $page {
            pub(crate) fn make(py: Python<'_>, page: Page<headcount::$item>) -> PyResult<$page> {
                let items = page.items.into_iter().map(|item| Bound::new(py, $item::from(item)));
                Ok($page {
                    items: PyTuple::new(py, items.collect::<PyResult<Vec<_>>>()?)?.unbind(),
                    total_size: page.total_size,
                    next_page_token: page.next_page_token,
                    prev_page_token: page.prev_page_token,
                })
            }
        }

        #[pymethods]
        impl $page {
            #[new]
            #[pyo3(signature = ($field, total_size, next_page_token = String::new(), prev_page_token = String::new()))]
            fn new(
                $field: &Bound<'_, PyAny>,
                total_size: u64,
                next_page_token: String,
                prev_page_token: String,
            ) -> PyResult<$page> {
                let items = $field.try_iter()?.map(|item| Ok(item?.cast_into::<$item>()?));
                let items = PyTuple::new($field.py(), items.collect::<PyResult<Vec<_>>>()?)?.unbind();
                Ok($page { items, total_size, next_page_token, prev_page_token })
            }

            #[doc = concat!("The ", $field_text, ", in the server's order.")]
            #[getter]
            fn $field<'py>(&self, py: Python<'py>) -> Bound<'py, PyList> {
                self.items.bind(py).to_list()
            }

            fn __len__(&self, py: Python<'_>) -> usize {
                self.items.bind(py).len()
            }

            fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
                self.items.bind(py).try_iter()
            }

            fn __getitem__<'py>(&self, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
                self.items.bind(index.py()).as_any().get_item(index)
            }

            fn __eq__(&self, py: Python<'_>, other: &$page) -> PyResult<bool> {
                Ok(self.total_size == other.total_size
                    && self.next_page_token == other.next_page_token
                    && self.prev_page_token == other.prev_page_token
                    && self.items.bind(py).eq(other.items.bind(py))?)
            }

            fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
                (self.items.bind(py), self.total_size, &self.next_page_token, &self.prev_page_token)
                    .into_pyobject(py)?
                    .hash()
            }

            fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
                Ok(format!(
                    concat!(
                        stringify!($page),
                        "(",
                        $field_text,
                        "={}, total_size={}, next_page_token={}, prev_page_token={})"
                    ),
                    self.items.bind(py).to_list().repr()?.to_cow()?,
                    self.total_size,
                    self.next_page_token.as_str().into_pyobject(py)?.repr()?.to_cow()?,
                    self.prev_page_token.as_str().into_pyobject(py)?.repr()?.to_cow()?,
                ))
            }

            /// The fields as plain values, as the API's JSON has them.
            fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
                let items = PyList::empty(py);
                for item in self.items.bind(py) {
                    items.append(item.call_method0("to_dict")?)?;
                }
                let dict = PyDict::new(py);
                dict.set_item($field_text, items)?;
                dict.set_item("total_size", self.total_size)?;
                dict.set_item("next_page_token", &self.next_page_token)?;
                dict.set_item("prev_page_token", &self.prev_page_token)?;
                Ok(dict)
            }

            #[allow(clippy::type_complexity, reason = "it is the shape that pickle asks for")]
            fn __reduce__<'py>(
                slf: &Bound<'py, $page>,
            ) -> (Bound<'py, PyAny>, (Bound<'py, PyTuple>, u64, String, String)) {
                let page = slf.get();
                let (next, prev) = (page.next_page_token.clone(), page.prev_page_token.clone());
                (slf.get_type().into_any(), (page.items.bind(slf.py()).clone(), page.total_size, next, prev))
            }
        }

        #[doc = concat!("Iterates over the ", $field_text, " of every page.")]
        ///
        /// A page is asked for while the one before it is read. After an error ``next()`` asks for the same page again.
        #[pyclass(frozen, module = "headcount")]
        pub(crate) struct $iterator(Cursor<headcount::$item>);

        impl $iterator {
            pub(crate) fn make(state: Arc<State>, list: List<headcount::$item>) -> $iterator {
                $iterator(Cursor::new(state, list))
            }
        }

        #[pymethods]
        impl $iterator {
            fn __iter__(slf: Py<$iterator>) -> Py<$iterator> {
                slf
            }

            fn __next__(&self, py: Python<'_>) -> PyResult<Option<$item>> {
                Ok(self.0.next(py)?.map($item::from))
            }
        }

        #[doc = concat!("Iterates over the ", $field_text, " of every page, with ``async for``.")]
        ///
        /// A page is asked for while the one before it is read. After an error ``anext()`` asks for the same page again.
        #[pyclass(frozen, module = "headcount")]
        pub(crate) struct $async_iterator(Arc<AsyncCursor<headcount::$item>>);

        impl $async_iterator {
            pub(crate) fn make(state: Arc<State>, list: List<headcount::$item>) -> $async_iterator {
                $async_iterator(AsyncCursor::new(state, list))
            }
        }

        #[pymethods]
        impl $async_iterator {
            fn __aiter__(slf: Py<$async_iterator>) -> Py<$async_iterator> {
                slf
            }

            fn __anext__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                if let Some(item) = self.0.buffered() {
                    let item = Py::new(py, $item::from(item))?.into_any();
                    return Ok(Bound::new(py, Ready::new(item))?.into_any());
                }
                Awaiting::run(py, Arc::clone(&self.0).next(), |_, item| {
                    item.map($item::from).ok_or_else(stop_async_iteration)
                })
            }
        }
    };
}

listing!(
    Organization,
    OrganizationPage,
    OrganizationIterator,
    AsyncOrganizationIterator,
    organizations,
    "organizations"
);
listing!(User, UserPage, UserIterator, AsyncUserIterator, users, "users");
listing!(Group, GroupPage, GroupIterator, AsyncGroupIterator, groups, "groups");
