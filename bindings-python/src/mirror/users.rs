//! `mirror.users(…)`: users in chunks, for `for` or `async for`.

use super::records::MirrorUser;
use super::state::State;
use crate::border::{Awaiting, Following, Mode, following, stop_async_iteration, wait};
use crate::errors::OrRaise;
use headcount::{Error, MirrorUsers};
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Where an iterator is. It belongs to the process that began it: another one has a database handle of its own.
struct Begun {
    state: Arc<State>,
    process: u32,
}

impl Begun {
    fn here(state: Arc<State>) -> Begun {
        Begun { state, process: std::process::id() }
    }

    fn check(&self) -> headcount::Result<()> {
        if self.process != std::process::id() {
            return Err(Error::invalid_argument("the listing was begun before a fork: begin another one"));
        }
        self.state.opened().map(drop)
    }
}

/// Iterates over mirrored users. Threads may share it: each user goes to one of them.
#[pyclass(frozen, module = "headcount")]
pub(crate) struct MirrorUserIterator {
    begun: Begun,
    at: Mutex<(VecDeque<headcount::MirrorUser>, MirrorUsers)>,
}

impl MirrorUserIterator {
    pub(super) fn make(state: Arc<State>, users: MirrorUsers) -> MirrorUserIterator {
        MirrorUserIterator { begun: Begun::here(state), at: Mutex::new((VecDeque::new(), users)) }
    }
}

#[pymethods]
impl MirrorUserIterator {
    fn __iter__(slf: Py<MirrorUserIterator>) -> Py<MirrorUserIterator> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<MirrorUser>> {
        self.begun.check().or_raise(py)?;
        let mut at = self.at.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        let (buffer, users) = &mut *at;
        if buffer.is_empty() {
            *buffer = wait(py, users.next_page())?.into();
        }
        Ok(buffer.pop_front().map(MirrorUser::from))
    }
}

/// Iterates over mirrored users with ``async for``. Tasks may share it: each user goes to one of them.
#[pyclass(frozen, module = "headcount")]
pub(crate) struct AsyncMirrorUserIterator(Arc<AsyncUsers>);

struct AsyncUsers {
    begun: Begun,
    buffer: Mutex<VecDeque<headcount::MirrorUser>>,
    users: tokio::sync::Mutex<MirrorUsers>,
}

impl AsyncMirrorUserIterator {
    pub(super) fn make(state: Arc<State>, users: MirrorUsers) -> AsyncMirrorUserIterator {
        AsyncMirrorUserIterator(Arc::new(AsyncUsers {
            begun: Begun::here(state),
            buffer: Mutex::default(),
            users: tokio::sync::Mutex::new(users),
        }))
    }
}

impl AsyncUsers {
    fn buffer(&self) -> std::sync::MutexGuard<'_, VecDeque<headcount::MirrorUser>> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a next user.
    async fn fetch(self: Arc<Self>) -> headcount::Result<bool> {
        let mut users = self.users.lock().await;
        if !self.buffer().is_empty() {
            return Ok(true);
        }
        let page = users.next_page().await?;
        let more = !page.is_empty();
        *self.buffer() = page.into();
        Ok(more)
    }
}

impl Following for AsyncUsers {
    fn take(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.begun.check().or_raise(py)?;
        let user = self.buffer().pop_front();
        user.map(|user| Ok(Py::new(py, MirrorUser::from(user))?.into_any())).transpose()
    }

    fn fill<'py>(self: Arc<Self>, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Awaiting::run(py, self.fetch(), |py, more| if more { Ok(py.None()) } else { Err(stop_async_iteration()) })
    }
}

#[pymethods]
impl AsyncMirrorUserIterator {
    fn __aiter__(slf: Py<AsyncMirrorUserIterator>) -> Py<AsyncMirrorUserIterator> {
        slf
    }

    fn __anext__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        following(py, Arc::clone(&self.0))
    }
}
