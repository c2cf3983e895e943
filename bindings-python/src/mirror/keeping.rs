//! Calls that write a backup of the mirror, return its metrics, and find the users whom an application knows and the mirror lacks.

use super::class::{AsyncMirror, Mirror};
use crate::call::{Asyncio, Blocking, Mode, wait};
use crate::convert::{FilePath, Flag, Now, Text, TextIterator};
use crate::errors::Named;
use headcount::mirror::{MetricsOptions, ReconcileOptions, Reconciliation};
use pyo3::prelude::*;

/// A [`Mode`] that passes the ids of an iterable to the mirror.
trait Reconcile: Mode {
    /// Runs the call, or returns a coroutine that does so.
    fn reconcile<'py>(
        py: Python<'py>,
        mirror: headcount::Mirror,
        ids: TextIterator,
        options: ReconcileOptions,
    ) -> PyResult<Bound<'py, PyAny>>;
}

impl Reconcile for Blocking {
    /// Reads a page of ids at a time, on the caller's thread.
    fn reconcile<'py>(
        py: Python<'py>,
        mirror: headcount::Mirror,
        ids: TextIterator,
        options: ReconcileOptions,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut reconciliation = wait(py, mirror.reconciliation(options))?;
        loop {
            let page = ids.next_page(py, Reconciliation::PAGE).named(py, "ids")?;
            if page.is_empty() {
                return reconciliation.absent().into_pyobject(py);
            }
            wait(py, reconciliation.add(page))?;
        }
    }
}

impl Reconcile for Asyncio {
    /// Reads all ids when the coroutine starts, because only the event loop's thread may run the iterable's code.
    fn reconcile<'py>(
        py: Python<'py>,
        mirror: headcount::Mirror,
        ids: TextIterator,
        options: ReconcileOptions,
    ) -> PyResult<Bound<'py, PyAny>> {
        let make = move |py: Python<'_>| {
            let ids = ids.next_page(py, usize::MAX).named(py, "ids")?;
            Ok(async move { mirror.reconcile(ids, options).await })
        };
        Asyncio::start(py, make, |_, absent| Ok(absent))
    }
}

/// Defines the calls of a mirror class about backups.
macro_rules! keeping {
    ($mirror:ident, $mode:ty) => {
        #[pymethods]
        impl $mirror {
            /// Writes a backup of the mirror to a new file, while the mirror is in use: for a mirror in a file or in memory. The backup is a mirror's
            /// file with everything that was in the mirror at one moment. It is durable when the call has returned, and only its owner can read and
            /// write it. After an error, there is no file.
            ///
            /// - ``path``: the path of a file that does not exist.
            ///
            /// To restore it, stop all processes that use the mirror, delete the mirror's file and the files beside it that end with ``-wal`` and
            /// ``-shm``, and copy the backup in its place. Then run a full sync and call ``reconcile``. The backup has the mirror's id: do not use both
            /// at once.
            ///
            /// Raises ``ConfigError`` if the path is empty, ``":memory:"``, a URL, or that of the mirror's own file; ``StoreError`` if there is a file, if
            /// the folder does not exist or cannot be written, if the disk is full, or if the mirror is in PostgreSQL, which has ``pg_dump``; and
            /// ``InvalidArgumentError`` if the mirror is closed.
            #[pyo3(signature = (path))]
            fn backup<'py>(&self, py: Python<'py>, path: FilePath) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.backup(path.0).await }, |py, ()| Ok(py.None()))
            }

            /// Returns metrics as OpenMetrics text, for Prometheus and compatible systems. Answer with the content type
            /// ``headcount.METRICS_CONTENT_TYPE``.
            ///
            /// - ``organizations``: whether metrics of a directory have the label ``organization``, and pending events are counted for each organization
            ///   (default False).
            ///
            /// Of this mirror object since it was opened: ``headcount_sync_duration_seconds`` (a histogram, by ``outcome``),
            /// ``headcount_events_total`` (by ``outcome``) and ``headcount_webhooks_refused_total``. Of the store: times of the last syncs, numbers of
            /// users, groups and held users of each directory, the lag of each consumer, the number of pending events and of changes. No label names a
            /// user.
            ///
            /// Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (*, organizations = None))]
            fn metrics<'py>(&self, py: Python<'py>, organizations: Option<Flag>) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                let mut options = MetricsOptions::default();
                options.organizations = organizations.is_some_and(bool::from);
                <$mode>::run(py, async move { mirror.metrics(options).await }, |_, text| Ok(text))
            }

            /// Returns which of these users are not in the mirror, sorted, each once: the directory users that an application knows and that have
            /// left. For use after a store was lost or restored. It only reads the mirror.
            ///
            /// - ``ids``: iterable of ids (``diruser_...``), in any order, also several times. A ``Mirror`` reads them a thousand at a time, an
            ///   ``AsyncMirror`` reads all of them first.
            /// - ``organization_id``: only users of this organization are given, so only its directories need a full sync (default: users of all
            ///   organizations).
            /// - ``since``: full syncs that began before this time do not count, an aware ``datetime`` or Unix seconds (default: the time at which the
            ///   mirror was opened, because the store may have been restored before).
            ///
            /// Deactivate the accounts of the returned users, and delete them only after a second full sync and another call have given the same answer.
            /// Users whose removal is held are in the mirror.
            ///
            /// Raises ``InvalidArgumentError`` while the answer could be wrong: each directory must have had a complete full sync since then, or be
            /// retired, and without ``organization_id``, ``sync_all`` must have listed all organizations. Its message says what to do. Also raises
            /// ``InvalidArgumentError`` for an empty id and if the mirror is closed, and ``StoreError`` if the store fails.
            #[pyo3(signature = (ids, *, organization_id = None, since = None))]
            fn reconcile<'py>(
                &self,
                py: Python<'py>,
                ids: TextIterator,
                organization_id: Option<Text>,
                since: Option<Now>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let mut options = ReconcileOptions::default();
                options.organization_id = organization_id.map(String::from);
                options.since = since.map(|Now(since)| since);
                <$mode>::reconcile(py, self.0.current(py)?, ids, options)
            }
        }
    };
}

keeping!(Mirror, Blocking);
keeping!(AsyncMirror, Asyncio);
