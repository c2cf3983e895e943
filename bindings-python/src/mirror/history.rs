//! `mirror.history(…)` and `mirror.at(…)`: what changed, and who was in a directory at a past time.

use super::class::{AsyncMirror, Mirror};
use super::state::State;
use super::users::{self, AsyncMirrorUserIterator, MirrorUserIterator};
use crate::convert::{Moment, Text};
use crate::generated::HistoryEntry;
use crate::iterator::{Buffered, Source, iterator};
use headcount::mirror::History;
use pyo3::prelude::*;
use std::sync::Arc;

/// The entries of a query.
pub(crate) struct Entries {
    state: Arc<State>,
}

impl Source for Entries {
    type Item = headcount::mirror::HistoryEntry;
    type Position = History;

    const KEEP_CANCELLED: bool = true;

    fn check(&self) -> headcount::Result<()> {
        self.state.opened().map(drop)
    }

    async fn read(&self, position: &mut History) -> headcount::Result<Vec<headcount::mirror::HistoryEntry>> {
        position.next_page().await
    }

    fn object(&self, py: Python<'_>, entry: headcount::mirror::HistoryEntry) -> PyResult<Py<PyAny>> {
        Ok(Py::new(py, HistoryEntry::from(entry))?.into_any())
    }
}

iterator! {
    /// Iterates over the history. Threads may share it: each entry goes to one of them.
    sync HistoryIterator, Entries
}

iterator! {
    /// Iterates over the history with ``async for``. Tasks may share it: each entry goes to one of them.
    async AsyncHistoryIterator, Entries
}

/// Defines the calls of a mirror class about the past.
macro_rules! history {
    ($mirror:ident, $users:ident, $entries:ident) => {
        #[pymethods]
        impl $mirror {
            /// Returns an iterator over what changed, when and because of what, oldest first. Each entry has what one step, such as an event,
            /// changed about one user, group, directory or organization, with the values before and after.
            ///
            /// - ``user_id``: only changes of this user, who may have been removed (default: changes of everything).
            /// - ``group_id``: only changes of this group (default: changes of everything). Who joined and left it is in the entries of the users.
            /// - ``organization_id``: only changes in this organization (default: all organizations).
            /// - ``since``: only changes that were written at this time or later: an aware ``datetime``, a ``date`` (its start in UTC) or RFC 3339 text (default: no limit).
            /// - ``until``: only changes that were written before this time (default: no limit).
            ///
            /// The history is kept for 400 days, unless the setting ``history`` says otherwise, whether or not the feed still has these
            /// changes.
            ///
            /// Raises ``InvalidArgumentError`` if both a user and a group are given, ``since`` is after ``until``, a time has no time zone or
            /// the mirror is closed; ``HistoryTrimmedError`` if the mirror keeps no history; and ``StoreError`` if the store fails.
            #[pyo3(signature = (user_id = None, group_id = None, organization_id = None, since = None, until = None))]
            fn history(
                &self,
                py: Python<'_>,
                user_id: Option<Text>,
                group_id: Option<Text>,
                organization_id: Option<Text>,
                since: Option<Moment>,
                until: Option<Moment>,
            ) -> PyResult<$entries> {
                let history = self.0.current(py)?.history().user(user_id.as_deref()).group(group_id.as_deref());
                let history = history.organization(organization_id.as_deref());
                let history = history.since(since.map(|moment| moment.0)).until(until.map(|moment| moment.0));
                Ok($entries::make(Buffered::new(Entries { state: Arc::clone(&self.0) }, history)))
            }

            /// Returns an iterator over an organization's users as they were at a past time, with the groups and roles of that time, in no
            /// particular order. Users who have been removed since are among them, users who were added later are not.
            ///
            /// - ``moment``: the time, an aware ``datetime``, a ``date`` (its start in UTC) or RFC 3339 text.
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``directory_id``: only users of this directory at that time (default: all directories).
            /// - ``group_id``: only members of this group at that time (default: all users).
            /// - ``role``: only users who had this role at that time (default: all users).
            ///
            /// ``updated_at`` of these users is None, and ``linked_id`` is the present one, or that at the removal of a user who has been
            /// removed since. The users are read page by page, so memory does not grow with their number.
            ///
            /// Raises ``InvalidArgumentError`` if the moment is in the future or has no time zone, or the mirror is closed;
            /// ``HistoryTrimmedError`` if it is before the history began, or if the mirror keeps no history; and ``StoreError`` if
            /// the store fails.
            #[pyo3(signature = (moment, organization_id, directory_id = None, group_id = None, role = None))]
            fn at(
                &self,
                py: Python<'_>,
                moment: Moment,
                organization_id: Text,
                directory_id: Option<Text>,
                group_id: Option<Text>,
                role: Option<Text>,
            ) -> PyResult<$users> {
                let users = self.0.current(py)?.at(moment.0, &organization_id).directory(directory_id.as_deref());
                let users = users.group(group_id.as_deref()).role(role.as_deref());
                Ok($users::make(users::items(&self.0, users)))
            }
        }
    };
}

history!(Mirror, MirrorUserIterator, HistoryIterator);
history!(AsyncMirror, AsyncMirrorUserIterator, AsyncHistoryIterator);
