//! Syncs: the calls, their options, and the callback `on_progress`.

use super::class::{AsyncMirror, Mirror};
use crate::attach::attach;
use crate::call::{Asyncio, Blocking, Mode};
use crate::context::Context;
use crate::convert::{Flag, Size, Text, named, wrong_type};
use crate::coroutine::running_loop;
use crate::generated::{Progress, SyncReport};
use headcount::mirror::{SyncBuilder, SyncMode};
use headcount_cli::ProgressDisplay;
use pyo3::intern;
use pyo3::prelude::*;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use tokio::sync::oneshot;

/// Defines the syncs of a mirror class.
macro_rules! syncs {
    ($mirror:ident, $mode:ty) => {
        #[pymethods]
        impl $mirror {
            /// Synchronizes an organization's directories. Returns a report for each, or only the report of ``directory_id`` if that is
            /// given.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``directory_id``: synchronizes only this directory (``dir_...``; default: all of the organization's directories).
            /// - ``mode``: ``full`` lists everything and is the only mode that removes users; ``incremental`` lists what changed since the
            ///   last sync; ``auto`` is incremental, or full if the last full sync is older than ``full_every`` (default ``auto``).
            /// - ``approve_removals``: approves the open holds of the synchronized directories before the directories are listed,
            ///   and makes the sync a full one. The guard still limits the losses of access that this sync finds (default False).
            /// - ``wait``: whether to wait while another sync of a directory runs; with False the report's outcome is ``already_running``
            ///   (default True).
            /// - ``on_progress``: function that is called with a ``Progress`` after each page: by the calling thread, or by the event
            ///   loop of an ``AsyncMirror``. An exception that it raises ends the sync and is raised here; what was committed stays.
            /// - ``progress``: whether to show the progress on ``sys.stderr``: as a bar if it is a terminal, and otherwise, such as in a
            ///   notebook, as a line every few seconds (default False).
            ///
            /// If a directory fails, the other ones are synchronized before its error is raised. Raises
            /// ``MassRemovalError`` if the guard holds removals; ``NotFoundError`` if the organization does not exist
            /// and has no mirrored directory, or does not have the given directory; ``ConfigError`` if the mirror has
            /// no client or a client of another environment; ``InvalidArgumentError`` if ``mode`` is unknown or the
            /// mirror is closed; ``CancelledError`` if the mirror is closed during the sync; ``StoreError`` if the
            /// store fails; and what ``client.directory`` raises.
            #[pyo3(signature = (
                organization_id, directory_id = None, *, mode = None, approve_removals = Flag(false), wait = None,
                on_progress = None, progress = Flag(false)
            ), text_signature = "($self, organization_id, directory_id=None, *, mode=None, approve_removals=False, wait=None, on_progress=None, progress=False)")]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn sync<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                directory_id: Option<Text>,
                mode: Option<Text>,
                approve_removals: Flag,
                wait: Option<Flag>,
                on_progress: Option<Py<PyAny>>,
                progress: Flag,
            ) -> PyResult<Bound<'py, PyAny>> {
                let sync = self.0.current_for_sync(py)?.sync(&organization_id);
                let (approve_removals, wait) = (approve_removals.0, wait.map(bool::from));
                let shows = progress.0;
                let options = Options { directory_id, mode, approve_removals, wait, concurrency: None, on_progress, shows };
                run::<$mode>(py, sync, options)
            }

            /// Synchronizes every directory of every organization. Returns a report for each.
            ///
            /// - ``concurrency``: number of organizations that are synchronized at once (default 16).
            /// - ``mode``: ``full`` lists everything and is the only mode that removes users; ``incremental`` lists what changed since the
            ///   last sync; ``auto`` is incremental, or full if the last full sync is older than ``full_every`` (default ``auto``).
            /// - ``on_progress``: function that is called with a ``Progress`` after each page: by a thread that headcount starts, or by
            ///   the event loop of an ``AsyncMirror``. An exception that it raises ends the sync and is raised here; what was committed
            ///   stays.
            /// - ``progress``: whether to show the progress on ``sys.stderr``: as a bar if it is a terminal, and otherwise, such as in a
            ///   notebook, as a line every few seconds (default False).
            ///
            /// An error in one directory is the ``error`` of its report and does not stop the other ones. If the organizations cannot
            /// be listed to the end, those that were listed are synchronized, and a report with an empty ``organization_id`` has the
            /// error. If there is no other report, that error is raised: ``ConfigError`` if the mirror has no client or a client of
            /// another environment, ``StoreError``, and what ``client.organization.all`` raises. Raises ``InvalidArgumentError`` if
            /// ``concurrency`` is 0, ``mode`` is unknown or the mirror is closed, and ``CancelledError`` if the mirror is closed during
            /// the sync.
            #[pyo3(signature = (
                *, concurrency = None, mode = None, on_progress = None, progress = Flag(false)
            ), text_signature = "($self, *, concurrency=None, mode=None, on_progress=None, progress=False)")]
            fn sync_all<'py>(
                &self,
                py: Python<'py>,
                concurrency: Option<Size>,
                mode: Option<Text>,
                on_progress: Option<Py<PyAny>>,
                progress: Flag,
            ) -> PyResult<Bound<'py, PyAny>> {
                let sync = self.0.current_for_sync(py)?.sync_all();
                let shows = progress.0;
                run::<$mode>(py, sync, Options { concurrency, mode, on_progress, shows, ..Options::default() })
            }
        }
    };
}

syncs!(Mirror, Blocking);
syncs!(AsyncMirror, Asyncio);

/// Options of a sync.
#[derive(Default)]
pub(super) struct Options {
    pub(super) directory_id: Option<Text>,
    pub(super) mode: Option<Text>,
    pub(super) approve_removals: bool,
    pub(super) wait: Option<bool>,
    pub(super) concurrency: Option<Size>,
    pub(super) on_progress: Option<Py<PyAny>>,
    /// Whether the progress is shown on `sys.stderr`.
    pub(super) shows: bool,
}

/// Runs a sync. Returns the report of `options.directory_id`, or a list of reports if that is `None`.
pub(super) fn run<'py, M: ProgressMode>(
    py: Python<'py>,
    sync: SyncBuilder,
    options: Options,
) -> PyResult<Bound<'py, PyAny>> {
    let mut sync = sync.directory(options.directory_id.as_deref()).approve_removals(options.approve_removals);
    if let Some(name) = &options.mode {
        sync = sync.mode(mode(py, name)?);
    }
    if let Some(wait) = options.wait {
        sync = sync.wait(wait);
    }
    if let Some(organizations) = options.concurrency {
        sync = sync.concurrency(organizations.into());
    }
    let single = options.directory_id.is_some();
    let progress = Observed { on_progress: options.on_progress, shows: options.shows };
    run_observed::<M, _, _, _>(py, sync, progress, SyncBuilder::on_progress, move |py, reports| {
        let mut reports = reports.into_iter().map(SyncReport::from);
        if single && let Some(report) = reports.next() {
            return Ok(Py::new(py, report)?.into_any());
        }
        Ok(reports.collect::<Vec<_>>().into_pyobject(py)?.unbind())
    })
}

/// What is done with the progress.
pub(super) struct Observed {
    /// The application's function.
    pub(super) on_progress: Option<Py<PyAny>>,
    /// Whether it is shown on `sys.stderr`.
    pub(super) shows: bool,
}

/// Runs what `builder` builds and converts its result. `observe` sets the observer of `builder`.
pub(super) fn run_observed<'py, M, B, T, P>(
    py: Python<'py>,
    builder: B,
    Observed { on_progress, shows }: Observed,
    observe: fn(B, ProgressObserver) -> B,
    convert: impl FnOnce(Python<'_>, T) -> PyResult<P> + Send + 'static,
) -> PyResult<Bound<'py, PyAny>>
where
    M: ProgressMode,
    B: IntoFuture<Output = headcount::Result<T>> + Send + 'static,
    B::IntoFuture: Send + Unpin,
    T: Send + 'static,
    P: for<'a> IntoPyObject<'a>,
{
    if let Some(callback) = &on_progress
        && !callback.bind(py).is_callable()
    {
        return Err(wrong_type(callback.bind(py), "on_progress as a function"));
    }
    let make = move |py: Python<'_>| {
        let (mut builder, mut raised) = (builder, None);
        let display = if shows { display(py)? } else { None };
        let mut call = None;
        if let Some(callback) = on_progress {
            let (sender, receiver) = oneshot::channel();
            let context = Context::copy(py)?;
            let callback = Arc::new(Callback { function: callback, context, raised: Mutex::new(Some(sender)) });
            call = Some(M::observer(py, callback)?);
            raised = Some(receiver);
        }
        if display.is_some() || call.is_some() {
            let observer = move |progress: &headcount::mirror::Progress| {
                if let Some(display) = &display {
                    display.show(progress);
                }
                if let Some(call) = &call {
                    call(progress);
                }
            };
            builder = observe(builder, Box::new(observer));
        }
        Ok(run_to_end(builder, raised))
    };
    M::start(py, make, move |py, ended: PyResult<T>| convert(py, ended?))
}

/// Returns what shows the progress: a bar if `sys.stderr` is a terminal, or else lines, which are written to `sys.stderr`, because a notebook shows what is written
/// there. `None` if there is no `sys.stderr`.
fn display(py: Python<'_>) -> PyResult<Option<ProgressDisplay>> {
    let stderr = py.import(intern!(py, "sys"))?.getattr(intern!(py, "stderr"))?;
    if stderr.is_none() {
        return Ok(None);
    }
    let is_terminal = stderr.call_method0(intern!(py, "isatty")).and_then(|answer| answer.is_truthy());
    if is_terminal.unwrap_or(false) {
        return Ok(Some(ProgressDisplay::as_bar()));
    }
    let stderr = stderr.unbind();
    Ok(Some(ProgressDisplay::as_lines(move |line| {
        attach(|py| {
            // An error of the stream is ignored, so that the sync does not depend on what shows it.
            let written = stderr.call_method1(py, intern!(py, "write"), (format!("{line}\n"),));
            let _ = written.and_then(|_| stderr.call_method0(py, intern!(py, "flush")));
        });
    })))
}

/// Returns the sync mode of this name.
pub(super) fn mode(py: Python<'_>, name: &str) -> PyResult<SyncMode> {
    named(py, "mode", name, SyncMode::ALL, SyncMode::name)
}

/// Runs a sync or a plan until it ends and `on_progress` has been called for all of its progress, or until `on_progress` raises an exception.
async fn run_to_end<B, T>(builder: B, mut raised: Option<oneshot::Receiver<PyErr>>) -> headcount::Result<PyResult<T>>
where
    B: IntoFuture<Output = headcount::Result<T>>,
    B::IntoFuture: Unpin,
{
    let mut running = builder.into_future();
    let ended = poll_fn(|cx| {
        let ended = Pin::new(&mut running).poll(cx).map(Ok);
        if let Some(receiver) = &mut raised
            && let Poll::Ready(received) = Pin::new(receiver).poll(cx)
        {
            raised = None;
            if let Ok(error) = received {
                return Poll::Ready(Err(error));
            }
        }
        ended
    })
    .await;
    // Drops the observer. The channel closes when the last call of `on_progress` that an event loop has queued is done.
    drop(running);
    match (ended, raised) {
        (Err(error), _) => Ok(Err(error)),
        (Ok(ended), None) => ended.map(Ok),
        (Ok(ended), Some(receiver)) => match receiver.await {
            Ok(error) => Ok(Err(error)),
            Err(_) => ended.map(Ok),
        },
    }
}

/// The application's `on_progress`.
pub(super) struct Callback {
    function: Py<PyAny>,
    /// The caller's context variables.
    context: Context,
    /// Sends the first exception that the function raises. `None` afterwards: the function is not called again.
    raised: Mutex<Option<oneshot::Sender<PyErr>>>,
}

impl Callback {
    /// Calls the function, unless it has raised an exception before.
    fn call(&self, py: Python<'_>, progress: headcount::mirror::Progress) {
        if self.raised.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            return;
        }
        if let Err(error) = self.try_call(py, progress) {
            let raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner).take();
            // If the sync has ended already, no call can raise the exception: it goes to `sys.unraisablehook`.
            let unraisable = match raised {
                Some(raised) => raised.send(error).err(),
                None => Some(error),
            };
            if let Some(error) = unraisable {
                error.write_unraisable(py, Some(self.function.bind(py)));
            }
        }
    }

    fn try_call(&self, py: Python<'_>, progress: headcount::mirror::Progress) -> PyResult<()> {
        let answer = self.context.call(py, self.function.bind(py), Progress::from(progress))?;
        if answer.hasattr(intern!(py, "__await__"))? {
            return Err(wrong_type(&answer, "on_progress to be a plain function, not a coroutine function"));
        }
        Ok(())
    }
}

pub(super) type ProgressObserver = Box<dyn Fn(&headcount::mirror::Progress) + Send + Sync>;

/// How the classes of a mode call `on_progress`.
pub(super) trait ProgressMode: Mode {
    /// Returns the observer that a sync calls after each page. It calls `callback`.
    fn observer(py: Python<'_>, callback: Arc<Callback>) -> PyResult<ProgressObserver>;
}

/// Calls `on_progress` on the thread that runs the sync.
impl ProgressMode for Blocking {
    fn observer(_: Python<'_>, callback: Arc<Callback>) -> PyResult<ProgressObserver> {
        Ok(Box::new(move |progress| {
            let progress = progress.clone();
            attach(|py| callback.call(py, progress));
        }))
    }
}

/// Queues the call of `on_progress` in the event loop, which makes the call on its own thread.
impl ProgressMode for Asyncio {
    fn observer(py: Python<'_>, callback: Arc<Callback>) -> PyResult<ProgressObserver> {
        let event_loop = running_loop(py)?.unbind();
        Ok(Box::new(move |progress| {
            let call = QueuedCall { callback: Arc::clone(&callback), progress: progress.clone() };
            attach(|py| {
                // Fails if the loop has been closed. The progress is then not reported.
                let _ = event_loop.call_method1(py, "call_soon_threadsafe", (call,));
            });
        }))
    }
}

/// A call of `on_progress` that is queued in an event loop.
#[pyclass(frozen)]
struct QueuedCall {
    callback: Arc<Callback>,
    progress: headcount::mirror::Progress,
}

#[pymethods]
impl QueuedCall {
    fn __call__(&self, py: Python<'_>) {
        self.callback.call(py, self.progress.clone());
    }
}
