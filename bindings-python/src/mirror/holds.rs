//! Calls about the guard's holds, the decisions about them, and the retirement of directories.

use super::class::{AsyncMirror, Mirror};
use super::rows::Lists;
use super::state::State;
use super::users::{self, AsyncMirrorUserIterator, MirrorUserIterator};
use crate::call::{Asyncio, Blocking, Mode};
use crate::convert::Text;
use crate::errors::OrRaise;
use crate::generated::{Approval, Hold, Retirement};
use pyo3::prelude::*;
use std::future::Future;

/// The arguments of a decision about a hold or a directory.
struct Decision {
    /// Id of the hold or directory.
    id: String,
    by: String,
    note: String,
}

/// Runs `call`, which records a decision and returns the number of users that it concerns.
fn decide<'py, M: Mode, F>(
    py: Python<'py>,
    state: &State,
    (id, by, note): (Text, Text, Option<Text>),
    call: impl FnOnce(headcount::Mirror, Decision) -> F,
) -> PyResult<Bound<'py, PyAny>>
where
    F: Future<Output = headcount::Result<u64>> + Send + 'static,
{
    let decision = Decision { id: id.into(), by: by.into(), note: note.map(String::from).unwrap_or_default() };
    M::run(py, call(state.current(py)?, decision), |_, count| Ok(count))
}

/// Defines the calls of a mirror class about holds.
macro_rules! holds {
    ($mirror:ident, $mode:ty, $users:ident) => {
        #[pymethods]
        impl $mirror {
            /// Returns the ids of all users whose removal from a directory the guard holds.
            ///
            /// - ``directory_id``: id of the directory (``dir_...``).
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (directory_id))]
            fn held_removals<'py>(&self, py: Python<'py>, directory_id: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.held_removals(&directory_id).await }, |_, ids| Ok(ids))
            }

            /// Returns the open holds of an organization, in the order in which they were made.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``directory_id``: only holds of this directory (default: all directories).
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (organization_id, directory_id = None))]
            fn holds<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                directory_id: Option<Text>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let (organization_id, directory_id) = (organization_id.to_string(), directory_id.map(String::from));
                <$mode>::rows::<_, Hold, _>(py, &self.0, move |mirror| {
                    let (organization_id, directory_id) = (organization_id.clone(), directory_id.clone());
                    async move { mirror.holds(&organization_id, directory_id.as_deref()).await }
                })
            }

            /// Returns an iterator over the users that a hold names, as they are mirrored now. A hold that has been settled names none,
            /// and neither does a hold about a directory as a whole.
            ///
            /// - ``hold_id``: id of the hold, from ``holds`` or a report.
            ///
            /// Raises ``InvalidArgumentError`` if ``hold_id`` is not the id of a hold or the mirror is closed, and ``StoreError`` if the
            /// store fails.
            #[pyo3(signature = (hold_id))]
            fn hold_users(&self, py: Python<'_>, hold_id: Text) -> PyResult<$users> {
                let users = self.0.current(py)?.hold_users(&hold_id).or_raise(py)?;
                Ok($users::make(users::items(&self.0, users)))
            }

            /// Approves a hold: applies the loss of access of the users that the hold named when ``hold_id`` was
            /// returned, if they are still held. Users who were added to the hold since then stay held. Returns the
            /// number of users who lost access.
            ///
            /// - ``hold_id``: id of the hold, from ``holds`` or a report.
            /// - ``by``: who approves, 1 to 200 bytes; stored with the decision.
            /// - ``note``: why, at most 2,000 bytes; stored as well.
            ///
            /// Raises ``NotFoundError`` if no user of the hold is held any more; ``InvalidArgumentError`` if ``hold_id`` is not the id of a
            /// hold, if the hold is about a directory as a whole, for a ``by`` or ``note`` of the wrong length, or if the mirror is closed; and
            /// ``StoreError`` if the store fails.
            #[pyo3(signature = (hold_id, *, by, note = None))]
            fn approve<'py>(
                &self,
                py: Python<'py>,
                hold_id: Text,
                by: Text,
                note: Option<Text>,
            ) -> PyResult<Bound<'py, PyAny>> {
                decide::<$mode, _>(py, &self.0, (hold_id, by, note), |mirror, decision| async move {
                    mirror.approve(&decision.id, &decision.by, &decision.note).await
                })
            }

            /// Drops a hold: the users that it named when ``hold_id`` was returned stay as they are mirrored, until a
            /// later listing or event changes or removes them. Returns the number of those users.
            ///
            /// - ``hold_id``: id of the hold, from ``holds`` or a report.
            /// - ``by``: who decides, 1 to 200 bytes; stored with the decision.
            /// - ``note``: why, at most 2,000 bytes; stored as well.
            ///
            /// Raises the errors of ``approve``.
            #[pyo3(signature = (hold_id, *, by, note = None))]
            fn dismiss<'py>(
                &self,
                py: Python<'py>,
                hold_id: Text,
                by: Text,
                note: Option<Text>,
            ) -> PyResult<Bound<'py, PyAny>> {
                decide::<$mode, _>(py, &self.0, (hold_id, by, note), |mirror, decision| async move {
                    mirror.dismiss(&decision.id, &decision.by, &decision.note).await
                })
            }

            /// Returns the decisions about holds, approved and dismissed, in the order in which they were made. They are kept as
            /// long as the changes that they made.
            ///
            /// - ``organization_id``: only decisions of this organization (``org_...``; default: all organizations).
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (organization_id = None))]
            fn approvals<'py>(&self, py: Python<'py>, organization_id: Option<Text>) -> PyResult<Bound<'py, PyAny>> {
                let organization_id = organization_id.map(String::from);
                <$mode>::rows::<_, Approval, _>(py, &self.0, move |mirror| {
                    let organization_id = organization_id.clone();
                    async move { mirror.approvals(organization_id.as_deref()).await }
                })
            }

            /// Removes the users and groups of a directory that is no longer used. Returns the number of users that were removed. The guard does not
            /// limit these removals.
            ///
            /// - ``directory_id``: id of the directory (``dir_...``), which has to be missing or disabled.
            /// - ``by``: who requested it, 1 to 200 bytes; stored with the time.
            /// - ``note``: why, at most 2,000 bytes; stored as well.
            ///
            /// Raises ``NotFoundError`` if no directory of this id is mirrored; ``InvalidArgumentError`` if the directory is neither missing nor
            /// disabled, for a ``by`` or ``note`` of the wrong length, or if the mirror is closed; and ``StoreError`` if the store fails. If a call
            /// fails partway, the rest is removed by another call, when the organization is next synced, or when the mirror is next opened.
            #[pyo3(signature = (directory_id, *, by, note = None))]
            fn retire<'py>(
                &self,
                py: Python<'py>,
                directory_id: Text,
                by: Text,
                note: Option<Text>,
            ) -> PyResult<Bound<'py, PyAny>> {
                decide::<$mode, _>(py, &self.0, (directory_id, by, note), |mirror, decision| async move {
                    mirror.retire(&decision.id, &decision.by, &decision.note).await
                })
            }

            /// Returns the retirements of directories, oldest first. A retirement is deleted when the ``retention`` has passed since its end.
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            fn retirements<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                <$mode>::rows::<_, Retirement, _>(py, &self.0, |mirror| async move { mirror.retirements().await })
            }
        }
    };
}

holds!(Mirror, Blocking, MirrorUserIterator);
holds!(AsyncMirror, Asyncio, AsyncMirrorUserIterator);
