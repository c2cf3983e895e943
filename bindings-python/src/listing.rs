//! Listings of the API: pages, and iterators over the items of every page.

use crate::connection::Connection;
use crate::errors::OrRaise;
use crate::generated::{Group, Organization, User};
use crate::iterator::{Buffered, Source, iterator};
use headcount::blocking;
use headcount::client::{List, Listed};
use headcount::model::Page;
use pyo3::PyClass;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::pyclass_init::PyClassInitializer;
use pyo3::types::{PyDict, PyList, PyTuple};
use std::marker::PhantomData;
use std::sync::Arc;

/// The items of every page of a listing. `T` is an item of the core, `P` its Python class.
pub(crate) struct Listing<T, P> {
    connection: Arc<Connection>,
    types: PhantomData<fn() -> (T, P)>,
}

impl<T, P> Source for Listing<T, P>
where
    T: Listed + Send + 'static,
    P: PyClass + From<T> + Into<PyClassInitializer<P>> + 'static,
{
    type Item = T;
    /// `None` after the last page.
    type Position = Option<blocking::Pages<T>>;

    // If a task is cancelled after it called `__anext__` and before it awaits the result, an item is left out. The
    // application can list again.
    const KEEP_CANCELLED: bool = false;

    fn prepare(&self, py: Python<'_>) -> PyResult<()> {
        self.connection.opened().or_raise(py).map(drop)
    }

    async fn read(&self, position: &mut Self::Position) -> headcount::Result<Vec<T>> {
        while let Some(pages) = position {
            match pages.current()?.next().await? {
                Some(page) if page.items.is_empty() => {}
                Some(page) => return Ok(page.items),
                None => *position = None,
            }
        }
        Ok(Vec::new())
    }

    fn object(&self, py: Python<'_>, item: T) -> PyResult<Py<PyAny>> {
        Ok(Py::new(py, P::from(item))?.into_any())
    }
}

/// Returns an iterator over `list`, for the classes below.
pub(crate) fn items<T, P>(connection: &Arc<Connection>, list: List<T>) -> Arc<Buffered<Listing<T, P>>>
where
    T: Listed + Send + 'static,
    P: PyClass + From<T> + Into<PyClassInitializer<P>> + 'static,
{
    let source = Listing { connection: Arc::clone(connection), types: PhantomData };
    Buffered::new(source, Some(list.pages().into()))
}

/// Defines the page class and the iterator classes of one kind of item.
macro_rules! listing {
    ($item:ident, $page:ident, $iterator:ident, $async_iterator:ident, $field:ident, $field_text:literal, $refusal:literal) => {
        #[doc = concat!("One page of a listing. Iterate over its ``", $field_text, "``: the page itself cannot be iterated.")]
        #[pyclass(frozen, module = "headcount")]
        pub(crate) struct $page {
            items: Py<PyTuple>,
            #[doc = "Number of items in the whole listing, as counted by the server."]
            #[pyo3(get)]
            total_size: u64,
            #[doc = "Token of the next page; empty on the last page."]
            #[pyo3(get)]
            next_page_token: String,
            #[doc = "Token of the previous page; empty on the first page."]
            #[pyo3(get)]
            prev_page_token: String,
        }

        impl $page {
            pub(crate) fn make(py: Python<'_>, page: Page<headcount::model::$item>) -> PyResult<$page> {
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

            /// Refuses iteration, which would return one page as if it were the whole listing.
            fn __iter__(&self) -> PyResult<()> {
                Err(PyTypeError::new_err($refusal))
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

            /// Returns the fields as plain values, as in the API's JSON.
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

            #[allow(clippy::type_complexity, reason = "pickle's protocol asks for this tuple")]
            fn __reduce__<'py>(
                slf: &Bound<'py, $page>,
            ) -> (Bound<'py, PyAny>, (Bound<'py, PyTuple>, u64, String, String)) {
                let page = slf.get();
                let (next, prev) = (page.next_page_token.clone(), page.prev_page_token.clone());
                (slf.get_type().into_any(), (page.items.bind(slf.py()).clone(), page.total_size, next, prev))
            }
        }

        iterator! {
            #[doc = concat!("Iterates over the ", $field_text, " of every page.")]
            ///
            /// The next page is requested while a page is read, unless ``read_ahead`` is False. After an error,
            /// ``next()`` requests the same page again.
            sync $iterator, Listing<headcount::model::$item, $item>
        }

        iterator! {
            #[doc = concat!("Iterates over the ", $field_text, " of every page, with ``async for``.")]
            ///
            /// The next page is requested while a page is read, unless ``read_ahead`` is False. After an error,
            /// ``anext()`` requests the same page again.
            async $async_iterator, Listing<headcount::model::$item, $item>
        }
    };
}

listing!(
    Organization,
    OrganizationPage,
    OrganizationIterator,
    AsyncOrganizationIterator,
    organizations,
    "organizations",
    "a page is not the whole listing: iterate over `page.organizations` for this page, or over `client.organization.all(...)` for every page"
);
listing!(
    User,
    UserPage,
    UserIterator,
    AsyncUserIterator,
    users,
    "users",
    "a page is not the whole listing: iterate over `page.users` for this page, or over `client.directory.users(...)` for every page"
);
listing!(
    Group,
    GroupPage,
    GroupIterator,
    AsyncGroupIterator,
    groups,
    "groups",
    "a page is not the whole listing: iterate over `page.groups` for this page, or over `client.directory.groups(...)` for every page"
);
