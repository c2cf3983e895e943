//! Calls about past syncs and received events.

use super::class::{AsyncMirror, Mirror};
use super::rows::Lists;
use crate::call::{Asyncio, Blocking, Mode};
use crate::convert::{Seq, Size, Text};
use crate::generated::{ReceivedEvent, Run};
use headcount::mirror::{EventQuery, RunQuery};
use pyo3::prelude::*;

/// Defines the calls of a mirror class about past syncs and received events.
macro_rules! runs {
    ($mirror:ident, $mode:ty) => {
        #[pymethods]
        impl $mirror {
            /// Returns past syncs of directories, newest first. A sync that failed before a directory was listed has one as well; one that was
            /// ``already_running`` has none. Syncs are kept for 400 days, or for the ``retention`` if that is longer; those that changed nothing are
            /// kept for the ``retention``.
            ///
            /// - ``directory_id``: only syncs of this directory (``dir_...``; default: all directories).
            /// - ``limit``: maximum number of syncs returned, 1 to 10,000 (default 100).
            /// - ``organization_id``: only syncs of this organization (``org_...``; default: all organizations).
            /// - ``before``: only syncs whose ``number`` is less than this: that of the last one returned, for the next page.
            ///
            /// Raises ``InvalidArgumentError`` if the limit is out of range or the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (directory_id = None, limit = None, *, organization_id = None, before = None))]
            fn runs<'py>(
                &self,
                py: Python<'py>,
                directory_id: Option<Text>,
                limit: Option<Size>,
                organization_id: Option<Text>,
                before: Option<Seq>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let query = RunQuery {
                    ids: None,
                    organization_id: organization_id.map(String::from),
                    directory_id: directory_id.map(String::from),
                    before: before.map(i64::from),
                    limit: limit.map_or(RunQuery::default().limit, usize::from),
                };
                <$mode>::rows::<_, Run, _>(py, &self.0, move |mirror| {
                    let query = query.clone();
                    async move { mirror.runs(query).await }
                })
            }

            /// Returns a received event and what the mirror did with it, or None if no event with this id is stored. Events of types that do not
            /// change the mirror are not stored. Events are kept for a week, and pending ones for at most 37 days.
            ///
            /// - ``event_id``: id of the event (``evt_...``).
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (event_id))]
            fn event<'py>(&self, py: Python<'py>, event_id: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.event(&event_id).await }, |_, event| {
                    Ok(event.map(ReceivedEvent::from))
                })
            }

            /// Returns received events, newest first. They are kept as ``event`` says.
            ///
            /// - ``organization_id``: only events of this organization (``org_...``; default: all organizations).
            /// - ``subject_id``: only events about the user, group, directory or organization with this id (default: all events).
            /// - ``limit``: maximum number of events returned, 1 to 10,000 (default 100).
            /// - ``before``: only events whose ``number`` is less than this: that of the last one returned, for the next page.
            ///
            /// Raises ``InvalidArgumentError`` if the limit is out of range or the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (organization_id = None, subject_id = None, limit = None, *, before = None))]
            fn events<'py>(
                &self,
                py: Python<'py>,
                organization_id: Option<Text>,
                subject_id: Option<Text>,
                limit: Option<Size>,
                before: Option<Seq>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let query = EventQuery {
                    ids: None,
                    organization_id: organization_id.map(String::from),
                    subject_id: subject_id.map(String::from),
                    before: before.map(i64::from),
                    limit: limit.map_or(EventQuery::default().limit, usize::from),
                };
                <$mode>::rows::<_, ReceivedEvent, _>(py, &self.0, move |mirror| {
                    let query = query.clone();
                    async move { mirror.events(query).await }
                })
            }
        }
    };
}

runs!(Mirror, Blocking);
runs!(AsyncMirror, Asyncio);
