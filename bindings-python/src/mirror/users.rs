//! `mirror.users(…)`: iterators over mirrored users.

use super::state::State;
use crate::generated::MirrorUser;
use crate::iterator::{Buffered, Source, iterator};
use headcount::mirror::MirrorUsers;
use pyo3::prelude::*;
use std::sync::Arc;

/// The users of a query.
pub(crate) struct Users {
    state: Arc<State>,
}

impl Source for Users {
    type Item = headcount::MirrorUser;
    type Position = MirrorUsers;

    const KEEP_CANCELLED: bool = true;

    fn check(&self) -> headcount::Result<()> {
        self.state.opened().map(drop)
    }

    async fn read(&self, position: &mut MirrorUsers) -> headcount::Result<Vec<headcount::MirrorUser>> {
        position.next_page().await
    }

    fn object(&self, py: Python<'_>, user: headcount::MirrorUser) -> PyResult<Py<PyAny>> {
        Ok(Py::new(py, MirrorUser::from(user))?.into_any())
    }
}

/// Returns an iterator over the users of a query, for the classes below.
pub(super) fn items(state: &Arc<State>, users: MirrorUsers) -> Arc<Buffered<Users>> {
    Buffered::new(Users { state: Arc::clone(state) }, users)
}

iterator! {
    /// Iterates over mirrored users. Threads may share it: each user goes to one of them.
    sync MirrorUserIterator, Users
}

iterator! {
    /// Iterates over mirrored users with ``async for``. Tasks may share it: each user goes to one of them.
    async AsyncMirrorUserIterator, Users
}
