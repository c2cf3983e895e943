//! Workers of a consumer with partitions: `Worker` and `AsyncWorker`.

use super::feed::{Iteration, Unacknowledged, items};
use super::state::State;
use crate::call::{Asyncio, Blocking, Mode};
use crate::errors::OrRaise;
use crate::iterator::Buffered;
use headcount::mirror;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::sync::Arc;

/// Defines a worker class.
macro_rules! worker {
    ($(#[$doc:meta])* $worker:ident, $mode:ty, $repr:literal, { $($own:tt)* }) => {
        $(#[$doc])*
        #[pyclass(frozen, module = "headcount")]
        pub(crate) struct $worker {
            state: Arc<State>,
            worker: mirror::Worker,
            items: Arc<Buffered<Unacknowledged<$mode>>>,
        }

        impl $worker {
            pub(super) fn make(state: &Arc<State>, worker: mirror::Worker) -> $worker {
                let items = items(state, Iteration::Worker(worker.clone()));
                $worker { state: Arc::clone(state), worker, items }
            }
        }

        #[pymethods]
        impl $worker {
            /// Numbers of the partitions that this worker holds, in ascending order. Another worker may have taken them over meanwhile, if the lease was lost.
            #[getter]
            fn partitions(&self) -> Vec<u32> {
                self.worker.partitions()
            }

            /// Acknowledges all changes that this worker has returned, in one write. Durable when this returns, or has been awaited.
            ///
            /// Raises ``StoreError`` if the acknowledgement cannot be stored: call it again. If the message says that
            /// the lease was lost, some changes were not acknowledged, because another worker has their partition now
            /// and gets them again. Raises ``InvalidArgumentError`` if the consumer was dropped, if the mirror is
            /// closed, and in a forked child.
            fn ack_all<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                self.state.opened().or_raise(py)?;
                let worker = self.worker.clone();
                <$mode>::run(py, async move { worker.ack_all().await }, |py, ()| Ok(py.None()))
            }

            /// Releases the worker's partitions: other workers can take them when this returns, or has been awaited,
            /// and get the changes that were not acknowledged. Ends the iteration, also in other threads and tasks.
            /// Closing it again has no effect.
            ///
            /// Raises ``StoreError`` if the store fails: the partitions are then released when the lease ends. Raises ``InvalidArgumentError`` in a
            /// forked child.
            fn close<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                let worker = self.worker.clone();
                <$mode>::run(py, async move { worker.close().await }, |py, ()| Ok(py.None()))
            }

            fn __repr__(&self) -> &'static str {
                if self.worker.is_closed() || self.state.is_closed() {
                    concat!("<headcount.", $repr, ", closed>")
                } else {
                    concat!("<headcount.", $repr, ">")
                }
            }

            $($own)*
        }
    };
}

worker!(
    /// Worker of a consumer with partitions, made by ``Mirror.consumer``: iterates over the changes of the partitions that it holds, and waits for the
    /// next one: without limit, until no change has come for the given timeout, or until the worker or the mirror is closed. Threads may share it.
    ///
    /// A context manager: leaving the block, also by an exception, closes the worker. The worker joins the consumer
    /// when its first change is requested. A worker that is not closed keeps its partitions as long as it or one of its
    /// changes exists.
    Worker,
    Blocking,
    "Worker",
    {
        fn __iter__(slf: Py<Worker>) -> Py<Worker> {
            slf
        }

        fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
            self.items.next(py)
        }

        fn __enter__(slf: Py<Worker>) -> Py<Worker> {
            slf
        }

        #[pyo3(signature = (*_exception))]
        fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) -> PyResult<()> {
            self.close(py).map(drop)
        }
    }
);

worker!(
    /// Worker of a consumer with partitions, made by ``AsyncMirror.consumer``: iterates with ``async for`` over the changes of the partitions that it
    /// holds, and waits for the next one: without limit, until no change has come for the given timeout, or until the worker or the mirror is closed.
    /// Tasks may share it. If a task is cancelled before it has the change that it waited for, the change goes to another task.
    ///
    /// An async context manager: leaving the block, also by an exception or a cancellation, closes the worker. The
    /// worker joins the consumer when its first change is requested. A worker that is not closed keeps its partitions
    /// as long as it or one of its changes exists.
    AsyncWorker,
    Asyncio,
    "AsyncWorker",
    {
        fn __aiter__(slf: Py<AsyncWorker>) -> Py<AsyncWorker> {
            slf
        }

        fn __anext__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
            self.items.next_awaitable(py)
        }

        fn __aenter__<'py>(slf: Bound<'py, AsyncWorker>) -> PyResult<Bound<'py, PyAny>> {
            crate::coroutine::ready(slf.py(), slf.clone().into_any().unbind())
        }

        #[pyo3(signature = (*_exception))]
        fn __aexit__<'py>(&self, py: Python<'py>, _exception: &Bound<'_, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
            self.close(py)
        }
    }
);
