//! What syncs are asked, what they tell on their way, and what they report.

use super::records::{Held, dict, text};
use crate::attach::attach;
use crate::call::{Asyncio, Blocking, Mode};
use crate::convert::{Size, Text, datetime, wrong_type};
use crate::coroutine::running_loop;
use crate::errors::{exception, invalid_argument};
use headcount::{SyncBuilder, SyncMode};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDateTime, PyDict};
use std::future::{IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use tokio::sync::oneshot;

/// What a sync is asked.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) directory_id: Option<Text>,
    pub(super) mode: Option<Text>,
    pub(super) approve_removals: bool,
    pub(super) wait: Option<bool>,
    pub(super) concurrency: Option<Size>,
    pub(super) on_progress: Option<Py<PyAny>>,
}

/// Runs a sync: a report where one directory was asked for, and a list of them else.
pub(super) fn run<'py, M: Tells>(py: Python<'py>, sync: SyncBuilder, asked: Asked) -> PyResult<Bound<'py, PyAny>> {
    let mut sync = sync.directory(asked.directory_id.as_deref()).approve_removals(asked.approve_removals);
    if let Some(name) = &asked.mode {
        sync = sync.mode(mode(py, name)?);
    }
    if let Some(wait) = asked.wait {
        sync = sync.wait(wait);
    }
    if let Some(directories) = asked.concurrency {
        sync = sync.concurrency(directories.into());
    }
    if let Some(callback) = &asked.on_progress
        && !callback.bind(py).is_callable()
    {
        return Err(wrong_type(callback.bind(py), "on_progress as a function"));
    }
    let one = asked.directory_id.is_some();
    let make = move |py: Python<'_>| {
        let (mut sync, mut raised) = (sync, None);
        if let Some(callback) = asked.on_progress {
            let (raises, receiver) = oneshot::channel();
            let told = Arc::new(Told { callback, raises: Mutex::new(Some(raises)) });
            sync = sync.on_progress(M::teller(py, told)?);
            raised = Some(receiver);
        }
        Ok(heard(sync, raised))
    };
    M::start(py, make, move |py, ended: PyResult<Vec<headcount::SyncReport>>| {
        let mut reports = ended?.into_iter().map(|report| SyncReport { value: report });
        if one && let Some(report) = reports.next() {
            return Ok(Py::new(py, report)?.into_any());
        }
        Ok(reports.collect::<Vec<_>>().into_pyobject(py)?.unbind())
    })
}

fn mode(py: Python<'_>, name: &str) -> PyResult<SyncMode> {
    let known = SyncMode::ALL.iter().copied().find(|mode| mode.name() == name);
    known.ok_or_else(|| invalid_argument(py, "the mode is not known: expected auto, full or incremental"))
}

/// A sync until it ends and all its progress has been told, or until its `on_progress` raises.
async fn heard(
    sync: SyncBuilder,
    mut raised: Option<oneshot::Receiver<PyErr>>,
) -> headcount::Result<PyResult<Vec<headcount::SyncReport>>> {
    let mut sync = sync.into_future();
    let ended = poll_fn(|cx| {
        let ended = sync.as_mut().poll(cx).map(Ok);
        if let Some(receiver) = &mut raised
            && let Poll::Ready(told) = Pin::new(receiver).poll(cx)
        {
            raised = None;
            if let Ok(error) = told {
                return Poll::Ready(Err(error));
            }
        }
        ended
    })
    .await;
    // With the last to tell goes the way to raise: an event loop may be behind.
    drop(sync);
    match (ended, raised) {
        (Err(error), _) => Ok(Err(error)),
        (Ok(ended), None) => ended.map(Ok),
        (Ok(ended), Some(receiver)) => match receiver.await {
            Ok(error) => Ok(Err(error)),
            Err(_) => ended.map(Ok),
        },
    }
}

/// Who is told of the progress, and what they raised.
pub(super) struct Told {
    callback: Py<PyAny>,
    raises: Mutex<Option<oneshot::Sender<PyErr>>>,
}

impl Told {
    fn tell(&self, py: Python<'_>, progress: headcount::Progress) {
        if self.raises.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            return;
        }
        if let Err(error) = self.call(py, progress) {
            let raises = self.raises.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Whoever cannot be told because the sync has ended is told as Python tells of what nobody waits for.
            let untold = match raises {
                Some(raises) => raises.send(error).err(),
                None => Some(error),
            };
            if let Some(error) = untold {
                error.write_unraisable(py, Some(self.callback.bind(py)));
            }
        }
    }

    fn call(&self, py: Python<'_>, progress: headcount::Progress) -> PyResult<()> {
        let answer = self.callback.bind(py).call1((Progress { value: progress },))?;
        if answer.hasattr(intern!(py, "__await__"))? {
            return Err(wrong_type(&answer, "on_progress to have been told, which is no coroutine function"));
        }
        Ok(())
    }
}

type Teller = Box<dyn Fn(&headcount::Progress) + Send + Sync>;

/// On which thread progress is told.
pub(super) trait Tells: Mode {
    fn teller(py: Python<'_>, told: Arc<Told>) -> PyResult<Teller>;
}

/// On the one that the sync is on.
impl Tells for Blocking {
    fn teller(_: Python<'_>, told: Arc<Told>) -> PyResult<Teller> {
        Ok(Box::new(move |progress| {
            let progress = progress.clone();
            attach(|py| told.tell(py, progress));
        }))
    }
}

/// On the event loop's own.
impl Tells for Asyncio {
    fn teller(py: Python<'_>, told: Arc<Told>) -> PyResult<Teller> {
        let event_loop = running_loop(py)?.unbind();
        Ok(Box::new(move |progress| {
            let tell = Tell { told: Arc::clone(&told), progress: progress.clone() };
            attach(|py| {
                // A loop that has been closed has nobody to tell.
                let _ = event_loop.call_method1(py, "call_soon_threadsafe", (tell,));
            });
        }))
    }
}

/// Tells when it is called.
#[pyclass(frozen)]
struct Tell {
    told: Arc<Told>,
    progress: headcount::Progress,
}

#[pymethods]
impl Tell {
    fn __call__(&self, py: Python<'_>) {
        self.told.tell(py, self.progress.clone());
    }
}

/// How far a sync is.
#[pyclass(frozen, module = "headcount")]
pub(crate) struct Progress {
    value: headcount::Progress,
}

#[pymethods]
impl Progress {
    /// The organization.
    #[getter]
    fn organization_id(&self) -> &str {
        &self.value.organization_id
    }

    /// The directory.
    #[getter]
    fn directory_id(&self) -> &str {
        &self.value.directory_id
    }

    /// What it is doing: ``groups``, ``users`` or ``removals``.
    #[getter]
    fn phase(&self) -> &'static str {
        self.value.phase.name()
    }

    /// Pages of this phase that have come.
    #[getter]
    fn pages(&self) -> u64 {
        self.value.pages
    }

    /// Users or groups in them.
    #[getter]
    fn items(&self) -> u64 {
        self.value.items
    }

    /// How many there are in all, where the server said.
    #[getter]
    fn total(&self) -> Option<u64> {
        self.value.total
    }

    /// How many come in a second.
    #[getter]
    fn rate(&self) -> f64 {
        self.value.rate
    }

    /// The fields as plain values.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let value = &self.value;
        Ok(dict!(py, {
            "organization_id": &value.organization_id,
            "directory_id": &value.directory_id,
            "phase": value.phase.name(),
            "pages": value.pages,
            "items": value.items,
            "total": value.total,
            "rate": value.rate,
        }))
    }

    fn __eq__(&self, py: Python<'_>, other: &Progress) -> PyResult<bool> {
        self.to_dict(py)?.eq(other.to_dict(py)?)
    }

    fn __hash__(&self) -> u64 {
        let value = &self.value;
        crate::models::hash(&(&value.directory_id, value.phase, value.pages, value.items))
    }

    fn __repr__(slf: &Bound<'_, Progress>) -> PyResult<String> {
        let shown = ["organization_id", "directory_id", "phase", "pages", "items", "total", "rate"];
        crate::models::repr(slf.as_any(), "Progress", &shown, &[])
    }
}

/// What a sync of one directory did.
#[pyclass(frozen, module = "headcount")]
pub(crate) struct SyncReport {
    value: headcount::SyncReport,
}

#[pymethods]
impl SyncReport {
    /// The organization.
    #[getter]
    fn organization_id(&self) -> &str {
        &self.value.organization_id
    }

    /// The directory; empty where the organization's directories could not be listed.
    #[getter]
    fn directory_id(&self) -> &str {
        &self.value.directory_id
    }

    /// What it listed: ``full`` or ``incremental``.
    #[getter]
    fn mode(&self) -> &'static str {
        self.value.mode.name()
    }

    /// How it ended: ``done``, ``incomplete``, ``held``, ``already_running`` or ``failed``.
    #[getter]
    fn outcome(&self) -> &'static str {
        self.value.outcome.name()
    }

    /// The run's id: the changes that it brought about have the cause ``sync:`` and this.
    #[getter]
    fn run(&self) -> &str {
        &self.value.run
    }

    /// When it began.
    #[getter]
    fn started_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.value.started_at)
    }

    /// When it ended.
    #[getter]
    fn ended_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.value.ended_at)
    }

    /// Pages of users and groups that were listed.
    #[getter]
    fn pages(&self) -> u64 {
        self.value.pages
    }

    /// Users that were listed.
    #[getter]
    fn users(&self) -> u64 {
        self.value.users
    }

    /// Groups that were listed.
    #[getter]
    fn groups(&self) -> u64 {
        self.value.groups
    }

    /// Users that are new.
    #[getter]
    fn created(&self) -> u64 {
        self.value.created
    }

    /// Users of whom something changed.
    #[getter]
    fn updated(&self) -> u64 {
        self.value.updated
    }

    /// Users that may no longer sign in.
    #[getter]
    fn deactivated(&self) -> u64 {
        self.value.deactivated
    }

    /// Users that may again.
    #[getter]
    fn reactivated(&self) -> u64 {
        self.value.reactivated
    }

    /// Users that have left.
    #[getter]
    fn deleted(&self) -> u64 {
        self.value.deleted
    }

    /// All changes that it put into the feed.
    #[getter]
    fn changes(&self) -> u64 {
        self.value.changes
    }

    /// Events that had waited for a sync and are settled now.
    #[getter]
    fn events(&self) -> u64 {
        self.value.events
    }

    /// What is held back, where something is.
    #[getter]
    fn held(&self) -> Option<Held> {
        self.value.held.clone().map(Held::from)
    }

    /// Why nobody was removed, where the listing did not hold still.
    #[getter]
    fn incomplete(&self) -> Option<&str> {
        self.value.incomplete.as_deref()
    }

    /// What went wrong, where something did and others go on: the exception, not raised.
    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.value.error.as_ref().map(|error| exception(py, error).into_value(py).into_bound(py).into_any())
    }

    /// The fields as plain values: times are RFC 3339 text, an error its message.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let value = &self.value;
        Ok(dict!(py, {
            "organization_id": &value.organization_id,
            "directory_id": &value.directory_id,
            "mode": value.mode.name(),
            "outcome": value.outcome.name(),
            "run": &value.run,
            "started_at": text(Some(value.started_at)),
            "ended_at": text(Some(value.ended_at)),
            "pages": value.pages,
            "users": value.users,
            "groups": value.groups,
            "created": value.created,
            "updated": value.updated,
            "deactivated": value.deactivated,
            "reactivated": value.reactivated,
            "deleted": value.deleted,
            "changes": value.changes,
            "events": value.events,
            "held": value.held.as_ref().map(|held| crate::json::to_dict(py, held)).transpose()?,
            "incomplete": value.incomplete.as_deref(),
            "error": value.error.as_ref().map(ToString::to_string),
        }))
    }

    fn __eq__(&self, py: Python<'_>, other: &SyncReport) -> PyResult<bool> {
        self.to_dict(py)?.eq(other.to_dict(py)?)
    }

    fn __hash__(&self) -> u64 {
        crate::models::hash(&(&self.value.directory_id, &self.value.run, self.value.started_at))
    }

    fn __repr__(slf: &Bound<'_, SyncReport>) -> PyResult<String> {
        let shown = [
            "organization_id",
            "directory_id",
            "mode",
            "outcome",
            "pages",
            "users",
            "groups",
            "created",
            "updated",
            "deactivated",
            "reactivated",
            "deleted",
            "changes",
            "events",
            "held",
            "incomplete",
            "error",
        ];
        crate::models::repr(slf.as_any(), "SyncReport", &shown, &[])
    }
}
