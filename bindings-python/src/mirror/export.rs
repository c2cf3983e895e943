//! `mirror.export(…)`: users as CSV or as lines of JSON.

use super::class::{AsyncMirror, Mirror};
use super::state::State;
use crate::convert::{Moment, Text, named};
use crate::iterator::{Buffered, Source, iterator};
use headcount::mirror::{Export, ExportFormat};
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::sync::Arc;

/// The pieces of an export.
pub(crate) struct Pieces {
    state: Arc<State>,
}

impl Source for Pieces {
    type Item = String;
    type Position = Export;

    const KEEP_CANCELLED: bool = true;

    fn check(&self) -> headcount::Result<()> {
        self.state.opened().map(drop)
    }

    async fn read(&self, position: &mut Export) -> headcount::Result<Vec<String>> {
        Ok(position.next().await?.into_iter().collect())
    }

    fn object(&self, py: Python<'_>, text: String) -> PyResult<Py<PyAny>> {
        Ok(PyString::new(py, &text).into_any().unbind())
    }
}

iterator! {
    /// Iterates over the pieces of an export. Threads may share it: each piece goes to one of them.
    sync ExportIterator, Pieces
}

iterator! {
    /// Iterates over the pieces of an export with ``async for``. Tasks may share it: each piece goes to one of them.
    async AsyncExportIterator, Pieces
}

/// Defines the export of a mirror class.
macro_rules! export {
    ($mirror:ident, $pieces:ident) => {
        #[pymethods]
        impl $mirror {
            /// Returns an organization's users as text, for reviews of who has access: an iterator over pieces (``str``) of whole lines, of
            /// 500 users at most. All pieces, one after another, are the export.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``format``: ``"csv"`` (default), comma-separated values as in RFC 4180 with a header, for spreadsheets; or ``"ndjson"``, a JSON
            ///   object on each line, for programs.
            /// - ``moment``: the time whose users are exported, as in ``at``: an aware ``datetime``, a ``date`` (its start in UTC) or RFC 3339
            ///   text (default: the present users).
            /// - ``directory_id``: only users of this directory at that time (default: all directories).
            /// - ``group_id``: only members of this group at that time (default: all users).
            /// - ``role``: only users who had this role at that time (default: all users).
            ///
            /// Each user has the columns, or keys, ``at`` (the time whose state it is, RFC 3339 in UTC), ``organization_id``,
            /// ``directory_id``, ``user_id``, ``email``, ``given_name``, ``family_name``, ``active``, ``roles``, ``groups`` (their names at that
            /// time), ``group_ids`` (in the same order) and ``linked_id``. A later version may add columns at the end. In the CSV, roles and groups
            /// are joined by ``"; "``, and a text that a spreadsheet would take for a formula begins with an apostrophe. Write the text to a
            /// file that is opened with ``newline=""``. The users are read page by page, so memory does not grow with their number.
            ///
            /// Raises ``InvalidArgumentError`` if the format is unknown, the moment is in the future or has no time zone, or the mirror is
            /// closed; ``HistoryTrimmedError`` if the moment is before the history began, or if the mirror keeps no history; and
            /// ``StoreError`` if the store fails.
            #[pyo3(
                signature = (organization_id, format = None, moment = None, directory_id = None, group_id = None, role = None),
                text_signature = "($self, organization_id, format='csv', moment=None, directory_id=None, group_id=None, role=None)"
            )]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn export(
                &self,
                py: Python<'_>,
                organization_id: Text,
                format: Option<Text>,
                moment: Option<Moment>,
                directory_id: Option<Text>,
                group_id: Option<Text>,
                role: Option<Text>,
            ) -> PyResult<$pieces> {
                let format = match format {
                    None => ExportFormat::Csv,
                    Some(name) => named(py, "format", &name, ExportFormat::ALL, ExportFormat::name)?,
                };
                let mirror = self.0.current(py)?;
                let users = match moment {
                    Some(moment) => mirror.at(moment.0, &organization_id),
                    None => mirror.users(&organization_id),
                };
                let users = users.directory(directory_id.as_deref()).group(group_id.as_deref()).role(role.as_deref());
                let state = Arc::clone(&self.0);
                Ok($pieces::make(Buffered::new(Pieces { state }, users.export(format))))
            }
        }
    };
}

export!(Mirror, ExportIterator);
export!(AsyncMirror, AsyncExportIterator);
