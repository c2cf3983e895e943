//! The calls that erase a user and forget an organization.

use super::class::{AsyncMirror, Mirror};
use crate::call::{Asyncio, Blocking, Mode};
use crate::convert::Text;
use crate::generated::{Erasure, OrganizationErasure};
use pyo3::prelude::*;

/// Defines the calls of a mirror class.
macro_rules! erasing {
    ($mirror:ident, $mode:ty) => {
        #[pymethods]
        impl $mirror {
            /// Erases a user: removes all personal data of one person from the mirror, for example when the person asks for it (GDPR, article 17).
            /// When this returns, the user's row, groups, link and protection, the history of the user, and the content of changes, parked changes
            /// and events about the user are gone: in SQLite also from the file and its log. PostgreSQL removes replaced rows from its files when it
            /// vacuums them.
            ///
            /// - ``user_id``: id of the user (``diruser_...``), 1 to 200 bytes.
            ///
            /// The numbers of the feed stay as they are. Each change about the user becomes a ``user.deleted`` with the cause ``erasure:`` and the
            /// erasure's id, which has only the ids of the user, the organization and the directory. A user whom the mirror has gets one more
            /// ``user.deleted`` first. A deletion that a consumer has not acknowledged also keeps ``linked_id``, until it is removed with the change
            /// when the ``retention`` has passed. The guard does not limit this.
            ///
            /// A tombstone keeps the user erased: listings and events about the user are ignored (``SyncReport.erased``, the outcome ``erased``). It
            /// has a keyed hash of the id, not the id. A user whom the mirror does not know gets one as well. If the directory makes the person anew,
            /// they have another id, which is not erased. Backups that were made before the erasure still have the data. An erasure that is
            /// interrupted is completed by another call, the next sync, the next removal of old rows, or when the mirror is next opened. Erasing a
            /// user again changes nothing.
            ///
            /// Raises ``InvalidArgumentError`` if the id is empty, too long, or has spaces or characters that are not printable ASCII, and if the
            /// mirror is closed; and ``StoreError`` if the store fails, also if a reader of a SQLite file, such as a running backup, keeps its log for
            /// five seconds: the erasure is completed later then.
            #[pyo3(signature = (user_id))]
            fn erase_user<'py>(&self, py: Python<'py>, user_id: Text) -> PyResult<Bound<'py, PyAny>> {
                let (mirror, user_id) = (self.0.current(py)?, String::from(user_id));
                <$mode>::run(py, async move { mirror.erase_user(&user_id).await }, |_, erasure| {
                    Ok(Erasure::from(erasure))
                })
            }

            /// Forgets an organization, for example a customer who left: removes everything that the mirror has about it. When this returns, the
            /// organization, its directories, the tombstones of its users and groups, their history, links and protections, its events, holds,
            /// decisions, retirements and syncs, and its entries in the role map are gone: in SQLite also from the file and its log. PostgreSQL removes
            /// replaced rows from its files when it vacuums them.
            ///
            /// - ``organization_id``: id of the organization (``org_...``), 1 to 200 bytes.
            ///
            /// It removes no accounts, so it is refused while that is not done: first ``retire`` the organization's directories, and let every consumer
            /// acknowledge the changes. Parked changes are removed, but it is refused while the deletion of a user is parked.
            ///
            /// The numbers of the feed stay as they are. Each change of the organization becomes an ``organization.forgotten`` with the cause
            /// ``erasure:`` and the erasure's id, without any other id. Consumers that start at the beginning of the feed get these changes, and only
            /// acknowledge them.
            ///
            /// A tombstone keeps the organization forgotten: events about it are ignored (the outcome ``erased``), and ``sync_all`` leaves it out,
            /// without a report. It has a keyed hash of the id, not the id. An organization that the mirror does not know gets one as well. Syncing
            /// the organization by its id removes the tombstone and mirrors the organization anew. Backups that were made before still have the data.
            /// It waits for syncs of the directories to end. If it is interrupted, it is completed by another call, the next sync, the next removal
            /// of old rows, or when the mirror is next opened. Forgetting an organization again changes nothing.
            ///
            /// Raises ``InvalidArgumentError`` if users or groups of the organization are mirrored; if a consumer has not acknowledged a change of the
            /// organization, or has parked the deletion of a user of it (the message names the consumer and the number of the change); if the id is
            /// empty, too long, or has spaces or characters that are not printable ASCII; and if the mirror is closed. Raises ``StoreError`` if the
            /// store fails, also if a reader of a SQLite file, such as a running backup, keeps its log for five seconds: call it again when the reader
            /// has ended.
            #[pyo3(signature = (organization_id))]
            fn forget_organization<'py>(&self, py: Python<'py>, organization_id: Text) -> PyResult<Bound<'py, PyAny>> {
                let (mirror, organization_id) = (self.0.current(py)?, String::from(organization_id));
                <$mode>::run(py, async move { mirror.forget_organization(&organization_id).await }, |_, erasure| {
                    Ok(OrganizationErasure::from(erasure))
                })
            }
        }
    };
}

erasing!(Mirror, Blocking);
erasing!(AsyncMirror, Asyncio);
