//! The call that erases a user.

use super::class::{AsyncMirror, Mirror};
use crate::call::{Asyncio, Blocking, Mode};
use crate::convert::Text;
use crate::generated::Erasure;
use pyo3::prelude::*;

/// Defines the call of a mirror class.
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
        }
    };
}

erasing!(Mirror, Blocking);
erasing!(AsyncMirror, Asyncio);
