//! `mirror.plan(…)`: what a sync would change, and the iterators over the planned changes.

use super::class::{AsyncMirror, Mirror};
use super::sync::{Observed, mode, run_observed};
use crate::call::{Asyncio, Blocking, Mode};
use crate::convert::{Flag, Text};
use crate::errors::OrRaise;
use crate::generated::{Change, Hold, SyncReport};
use crate::iterator::{Buffered, Source, iterator};
use crate::record::error_field;
use headcount::internal::ProcessId;
use headcount::mirror::{self, PlanBuilder, PlannedChanges};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

/// The source of the iterators over planned changes.
pub(crate) struct Planned;

impl Source for Planned {
    type Item = headcount::Change;
    type Position = PlannedChanges;

    const KEEP_CANCELLED: bool = true;

    async fn read(&self, position: &mut PlannedChanges) -> headcount::Result<Vec<headcount::Change>> {
        position.next_page().await
    }

    fn object(&self, py: Python<'_>, change: headcount::Change) -> PyResult<Py<PyAny>> {
        Ok(Py::new(py, Change::from(change))?.into_any())
    }
}

iterator! {
    /// Iterates over the changes of a plan. Threads may share it: each change goes to one of them.
    sync PlannedChangeIterator, Planned
}

iterator! {
    /// Iterates over the changes of a plan with ``async for``. Tasks may share it: each change goes to one of them.
    async AsyncPlannedChangeIterator, Planned
}

/// Defines the class of plans, and the call that makes them.
macro_rules! plan {
    ($(#[$doc:meta])* $plan:ident, $mirror:ident, $mode:ty, $changes:ident, $repr:literal, { $($own:tt)* }) => {
        #[pymethods]
        impl $mirror {
            /// Returns what a sync of an organization's directories, or of one of them, would change. Reads what the sync would read, and writes nothing to
            /// the mirror. A mirror that may only be read can plan as well.
            ///
            /// The plan is exact if neither the directories nor the mirror change before the sync. In a listing of several pages, the order of the changes
            /// may differ: it depends on how many pages are written together. A plan does not wait for a sync that is running, or delay one.
            ///
            /// The organization's rows are copied to a temporary SQLite database. Up to 16 MiB of it are in memory. The rest and its journal are in files in the
            /// folder for temporary files (``SQLITE_TMPDIR``, ``TMPDIR``, ``/var/tmp``, ``/tmp``). They contain personal data. Only the user of this process can
            /// read them. They are deleted when the plan is closed, when the plan and its iterators no longer exist, and when the process ends.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``directory_id``: only this directory (``dir_...``; default: all of the organization's directories).
            /// - ``mode``: ``full``, ``incremental`` or ``auto``, as for ``sync`` (default ``auto``).
            /// - ``approve_removals``: plans a sync that approves the open holds of the directories first. Nothing is approved (default False).
            /// - ``on_progress``: function that is called with a ``Progress`` after each page, as by ``sync``. An exception that it raises ends the plan and is
            ///   raised here.
            ///
            /// Raises what ``sync`` raises, except for ``MassRemovalError``, which the plan then has as ``error``. Raises ``StoreError`` also if the folder for
            /// temporary files is full.
            #[pyo3(signature = (
                organization_id, directory_id = None, *, mode = None, approve_removals = Flag(false), on_progress = None
            ), text_signature = "($self, organization_id, directory_id=None, *, mode=None, approve_removals=False, on_progress=None)")]
            fn plan<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                directory_id: Option<Text>,
                mode: Option<Text>,
                approve_removals: Flag,
                on_progress: Option<Py<PyAny>>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let plan = self.0.current_for_sync(py)?.plan(&organization_id).directory(directory_id.as_deref());
                let plan = with_mode(py, plan.approve_removals(approve_removals.0), mode.as_deref())?;
                let progress = Observed { on_progress, shows: false };
                run_observed::<$mode, _, _, _>(py, plan, progress, PlanBuilder::on_progress, |py, plan| {
                    Py::new(py, $plan { plan, error: PyOnceLock::new(), process: ProcessId::current() })
                })
            }
        }

        $(#[$doc])*
        #[pyclass(frozen, module = "headcount")]
        pub(crate) struct $plan {
            plan: mirror::Plan,
            error: PyOnceLock<Py<PyAny>>,
            /// The process that made the plan.
            process: ProcessId,
        }

        #[pymethods]
        impl $plan {
            /// The outcome that the sync would have: ``incomplete`` if the listing of a directory could not be applied as a whole, or else ``held`` if the
            /// guard would hold losses of access in a directory, or else ``done``.
            #[getter]
            fn outcome(&self) -> &'static str {
                self.plan.outcome().name()
            }

            /// The report that the sync would make for each directory, sorted by the directories' ids.
            #[getter]
            fn reports(&self) -> Vec<SyncReport> {
                self.plan.reports().iter().cloned().map(SyncReport::from).collect()
            }

            /// Number of planned changes by kind, such as ``{"user.created": 2}``. Kinds without changes are left out.
            #[getter]
            fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
                let counts = PyDict::new(py);
                self.plan.counts().iter().try_for_each(|(kind, count)| counts.set_item(kind.name(), count))?;
                Ok(counts)
            }

            /// The holds that the directories would have after the sync: open ones that it would leave open, and new ones. A new hold gets another id when
            /// a sync makes it.
            #[getter]
            fn holds(&self) -> Vec<Hold> {
                self.plan.holds().cloned().map(Hold::from).collect()
            }

            /// Why the listing of a directory could not be applied as a whole, in one English sentence; None unless the outcome is ``incomplete``.
            #[getter]
            fn incomplete(&self) -> Option<&str> {
                self.plan.incomplete()
            }

            /// The ``MassRemovalError`` that the sync would raise, because the guard would hold the removal of users whom a full listing lacks; or None.
            #[getter]
            fn error<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
                error_field(py, self.plan.error(), &self.error)
            }

            /// A new iterator over the planned changes, in the order in which the planned sync made them. Their numbers (``seq``) are those after the mirror's
            /// latest change. The iteration raises ``StoreError`` if the plan is closed, and ``InvalidArgumentError`` in a forked child.
            #[getter]
            fn changes(&self, py: Python<'_>) -> PyResult<$changes> {
                if !self.process.is_current() {
                    let refusal = "the plan was made before a fork: make another one in this process";
                    return Err(headcount::Error::invalid_argument(refusal)).or_raise(py);
                }
                Ok($changes::make(Buffered::new(Planned, self.plan.changes())))
            }

            /// Deletes the temporary database. The changes cannot be read any more. Closing again has no effect.
            fn close<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                let plan = self.plan.clone();
                <$mode>::run(py, async move { plan.close().await }, |py, ()| Ok(py.None()))
            }

            fn __repr__(&self) -> String {
                format!("<headcount.{}: {}>", $repr, self.plan.outcome())
            }

            $($own)*
        }
    };
}

fn with_mode(py: Python<'_>, plan: PlanBuilder, name: Option<&str>) -> PyResult<PlanBuilder> {
    Ok(match name {
        Some(name) => plan.mode(mode(py, name)?),
        None => plan,
    })
}

plan!(
    /// What a sync would change, made by ``Mirror.plan``. It does not depend on the mirror, which may be closed. A context manager: leaving the block closes the
    /// plan.
    Plan,
    Mirror,
    Blocking,
    PlannedChangeIterator,
    "Plan",
    {
        fn __enter__(slf: Py<Plan>) -> Py<Plan> {
            slf
        }

        #[pyo3(signature = (*_exception))]
        fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) -> PyResult<()> {
            self.close(py).map(drop)
        }
    }
);

plan!(
    /// What a sync would change, made by ``AsyncMirror.plan``. It does not depend on the mirror, which may be closed. An async context manager: leaving the block
    /// closes the plan.
    AsyncPlan,
    AsyncMirror,
    Asyncio,
    AsyncPlannedChangeIterator,
    "AsyncPlan",
    {
        fn __aenter__<'py>(slf: Bound<'py, AsyncPlan>) -> PyResult<Bound<'py, PyAny>> {
            crate::coroutine::ready(slf.py(), slf.clone().into_any().unbind())
        }

        #[pyo3(signature = (*_exception))]
        fn __aexit__<'py>(&self, py: Python<'py>, _exception: &Bound<'_, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
            self.close(py)
        }
    }
);
