//! The buffered iterator that every Python iterator uses: items are read in batches and returned one by one.

use crate::call::{Asyncio, Mode, wait};
use crate::coroutine::{self, Batches, ready, stop_async_iteration};
use crate::errors::{OrRaise, exception};
use headcount::internal::ProcessId;
use pyo3::prelude::*;
use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Reads an iterator's items in batches and converts them.
pub(crate) trait Source: Send + Sync + 'static {
    /// An item as the core returns it.
    type Item: Send + 'static;
    /// Where the next batch begins.
    type Position: Send + 'static;

    /// Whether an awaited item is taken only when its task resumes, so that it is not lost if the task is cancelled. Costs one coroutine for
    /// each item.
    const KEEP_CANCELLED: bool;

    /// Returns whether the iteration has ended, even if items were read that have not been returned.
    fn has_ended(&self) -> bool {
        false
    }

    /// Returns an error if no item may be returned: it is raised, and no item is taken. Called before each item is
    /// returned, also if the item was read before.
    fn check(&self) -> headcount::Result<()> {
        Ok(())
    }

    /// Runs on the caller's thread before each batch is read.
    fn prepare(&self, _py: Python<'_>) -> PyResult<()> {
        Ok(())
    }

    /// Reads the next batch. An empty batch ends the iteration. After an error the position is unchanged.
    fn read(&self, position: &mut Self::Position) -> impl Future<Output = headcount::Result<Vec<Self::Item>>> + Send;

    /// Converts an item to a Python object.
    fn object(&self, py: Python<'_>, item: Self::Item) -> PyResult<Py<PyAny>>;
}

/// An iterator over a source's items. Threads and tasks may share it: each item goes to one of them.
pub(crate) struct Buffered<S: Source> {
    source: S,
    items: Mutex<VecDeque<S::Item>>,
    /// Locked while a batch is read, by the thread or task that first needed the batch.
    position: tokio::sync::Mutex<S::Position>,
    /// The process that made the iterator. A forked child cannot use it.
    process: ProcessId,
}

impl<S: Source> Buffered<S> {
    pub(crate) fn new(source: S, position: S::Position) -> Arc<Buffered<S>> {
        let (items, position) = (Mutex::default(), tokio::sync::Mutex::new(position));
        Arc::new(Buffered { source, items, position, process: ProcessId::current() })
    }

    fn items(&self) -> MutexGuard<'_, VecDeque<S::Item>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a batch unless there are unreturned items. Returns whether there are any now.
    async fn read(&self) -> headcount::Result<bool> {
        let mut position = self.position.lock().await;
        if !self.items().is_empty() {
            return Ok(true);
        }
        let batch = self.source.read(&mut position).await?;
        let more = !batch.is_empty();
        *self.items() = batch.into();
        Ok(more)
    }

    /// Takes the next item that has been read already, or returns `None` if there is none.
    fn buffered(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        if !self.process.is_current() {
            // One of the parent's threads, which do not exist in a forked child, could have held a lock at the fork.
            let refusal = "the iteration began before a fork: begin another in this process";
            return Err(exception(py, &headcount::Error::invalid_argument(refusal)));
        }
        self.source.check().or_raise(py)?;
        let item = self.items().pop_front();
        item.map(|item| self.source.object(py, item)).transpose()
    }

    /// Returns the next item, or `None` at the end: implements `__next__`.
    pub(crate) fn next(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        loop {
            if self.source.has_ended() {
                return Ok(None);
            }
            if let Some(item) = self.buffered(py)? {
                return Ok(Some(item));
            }
            self.source.prepare(py)?;
            if !wait(py, self.read())? {
                return Ok(None);
            }
        }
    }

    /// Returns an awaitable for the next item: implements `__anext__`.
    pub(crate) fn next_awaitable<'py>(self: &Arc<Self>, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if !S::KEEP_CANCELLED
            && let Some(item) = self.buffered(py)?
        {
            return ready(py, item);
        }
        coroutine::next_item(py, Arc::clone(self))
    }
}

impl<S: Source> Batches for Buffered<S> {
    fn take(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        if self.source.has_ended() { Ok(None) } else { self.buffered(py) }
    }

    fn fill<'py>(self: Arc<Self>, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.source.has_ended() {
            return Err(stop_async_iteration());
        }
        self.source.prepare(py)?;
        Asyncio::run(py, async move { self.read().await }, |py, more| {
            if more { Ok(py.None()) } else { Err(stop_async_iteration()) }
        })
    }
}

/// Defines an iterator class, for `for` (`sync`) or `async for` (`async`), over the items of a source.
macro_rules! iterator {
    ($(#[$doc:meta])* sync $name:ident, $source:ty) => {
        $(#[$doc])*
        #[pyclass(frozen, module = "headcount")]
        pub(crate) struct $name(std::sync::Arc<crate::iterator::Buffered<$source>>);

        impl $name {
            pub(crate) fn make(items: std::sync::Arc<crate::iterator::Buffered<$source>>) -> $name {
                $name(items)
            }
        }

        #[pymethods]
        impl $name {
            fn __iter__(slf: Py<$name>) -> Py<$name> {
                slf
            }

            fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
                self.0.next(py)
            }
        }
    };
    ($(#[$doc:meta])* async $name:ident, $source:ty) => {
        $(#[$doc])*
        #[pyclass(frozen, module = "headcount")]
        pub(crate) struct $name(std::sync::Arc<crate::iterator::Buffered<$source>>);

        impl $name {
            pub(crate) fn make(items: std::sync::Arc<crate::iterator::Buffered<$source>>) -> $name {
                $name(items)
            }
        }

        #[pymethods]
        impl $name {
            fn __aiter__(slf: Py<$name>) -> Py<$name> {
                slf
            }

            fn __anext__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                self.0.next_awaitable(py)
            }
        }
    };
}
pub(crate) use iterator;
