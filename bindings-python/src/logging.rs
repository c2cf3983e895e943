//! Writes log records to Python's logger `headcount`: about the client's requests, and about what the mirror does. A
//! record is written in the context (`contextvars`) of the call that caused it.

use crate::context::run_current;
use headcount::client::{Activity, Level, Observer};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use pyo3::{IntoPyObjectExt, intern};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracing::field::{Field, Visit};
use tracing::subscriber::Interest;
use tracing::{Metadata, span};

/// The logger and its level. The level is read when a call begins, so that a thread of the runtime does not wait for
/// the interpreter because of a record that is not logged.
pub(crate) struct Log {
    logger: Py<PyAny>,
    level: AtomicU32,
}

impl Log {
    pub(crate) fn new(py: Python<'_>) -> PyResult<Log> {
        let logger = py.import("logging")?.call_method1("getLogger", ("headcount",))?.unbind();
        Ok(Log { logger, level: AtomicU32::new(u32::MAX) })
    }

    /// Reads the logger's level.
    pub(crate) fn refresh(&self, py: Python<'_>) -> PyResult<()> {
        let level = self.logger.bind(py).call_method0(intern!(py, "getEffectiveLevel"))?;
        self.level.store(level.extract()?, Relaxed);
        Ok(())
    }

    fn write(&self, py: Python<'_>, level: u32, activity: &Activity<'_>) -> PyResult<()> {
        let parts = PyDict::new(py);
        parts.set_item("kind", activity.kind.name())?;
        parts.set_item("operation", activity.operation)?;
        parts.set_item("method", activity.method.as_str())?;
        parts.set_item("route", activity.route)?;
        parts.set_item("attempt", activity.attempt)?;
        parts.set_item("status", activity.status)?;
        parts.set_item("error", activity.error.map(|kind| kind.name()))?;
        parts.set_item("wait", activity.wait.map(|wait| wait.as_secs_f64()))?;
        parts.set_item("elapsed", activity.elapsed.as_secs_f64())?;
        parts.set_item("bytes", activity.bytes)?;
        let (extra, options) = (PyDict::new(py), PyDict::new(py));
        extra.set_item("headcount", parts)?;
        options.set_item("extra", extra)?;
        log(py, self.logger.bind(py), (level, activity.to_string()), &options)
    }
}

/// Writes one record in the context of the running call.
fn log(
    py: Python<'_>,
    logger: &Bound<'_, PyAny>,
    (level, message): (u32, String),
    options: &Bound<'_, PyDict>,
) -> PyResult<()> {
    static PARTIAL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let write = logger.getattr(intern!(py, "log"))?;
    let write = PARTIAL.import(py, "functools", "partial")?.call((write, level, "%s", message), Some(options))?;
    run_current(py, &write).map(drop)
}

impl Observer for Log {
    fn observe(&self, activity: &Activity<'_>) {
        // `logging.DEBUG`, `logging.INFO` and `logging.WARNING`.
        let level = match activity.level() {
            Level::Debug => 10,
            Level::Info => 20,
            _ => 30,
        };
        if level >= self.level.load(Relaxed) {
            // `logging` reports a handler's exception itself.
            let _ = crate::attach::attach(|py| self.write(py, level, activity));
        }
    }
}

/// Forwards the core's `tracing` events of level INFO and above to the logger `headcount`: what the mirror does, and
/// what its guard holds. This library contains its own copy of `tracing`, so no other part of the process can have set
/// a subscriber.
pub(crate) fn forward_events() {
    // Fails if the module is initialized twice; the first subscriber stays.
    let _ = tracing::subscriber::set_global_default(Forward { last: AtomicU64::new(0), spans: Mutex::default() });
}

/// Fields of an event that are also attributes of the log record, so that formatters can name them.
const ATTRIBUTES: [&str; 4] = ["organization_id", "directory_id", "run", "request_id"];

/// A value of an event or a span.
#[derive(Clone)]
enum Value {
    Integer(i64),
    Natural(u64),
    Float(f64),
    Flag(bool),
    Text(String),
}

type Fields = Vec<(&'static str, Value)>;

/// The fields of an event or a span.
#[derive(Default)]
struct Collected(Fields);

impl Visit for Collected {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.push((field.name(), Value::Integer(value)));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.push((field.name(), Value::Natural(value)));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.push((field.name(), Value::Float(value)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.push((field.name(), Value::Flag(value)));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), Value::Text(value.to_owned())));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), Value::Text(format!("{value:?}"))));
    }
}

thread_local! {
    /// The spans that this thread is in, innermost last.
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// A span that has not been dropped, and the number of its handles.
struct Kept {
    fields: Fields,
    handles: usize,
}

/// The `tracing` subscriber.
struct Forward {
    /// Id of the span that was made last.
    last: AtomicU64,
    /// Spans by id.
    spans: Mutex<HashMap<u64, Kept>>,
}

impl Forward {
    fn spans(&self) -> MutexGuard<'_, HashMap<u64, Kept>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the fields that an event or a span inherits: those of `parent` if it is given, none for a root, and
    /// otherwise those of the innermost span of the thread.
    fn inherited(&self, parent: Option<&span::Id>, is_root: bool) -> Fields {
        let innermost = || ENTERED.with_borrow(|entered| entered.last().copied());
        let parent = parent.map(span::Id::into_u64).or_else(|| if is_root { None } else { innermost() });
        parent.and_then(|id| self.spans().get(&id).map(|span| span.fields.clone())).unwrap_or_default()
    }
}

impl tracing::Subscriber for Forward {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // The requests of a client are logged by an observer, `Log`.
        let is_request = metadata.module_path().is_some_and(|module| module.starts_with("headcount::http"));
        metadata.target().starts_with("headcount") && *metadata.level() <= tracing::Level::INFO && !is_request
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(tracing::level_filters::LevelFilter::INFO)
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut collected = Collected(self.inherited(attributes.parent(), attributes.is_root()));
        attributes.record(&mut collected);
        let id = self.last.fetch_add(1, Relaxed) + 1;
        self.spans().insert(id, Kept { fields: collected.0, handles: 1 });
        span::Id::from_u64(id)
    }

    fn record(&self, id: &span::Id, values: &span::Record<'_>) {
        let mut collected = Collected::default();
        values.record(&mut collected);
        if let Some(span) = self.spans().get_mut(&id.into_u64()) {
            span.fields.extend(collected.0);
        }
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut collected = Collected(self.inherited(event.parent(), event.is_root()));
        event.record(&mut collected);
        let level = match *event.metadata().level() {
            tracing::Level::ERROR => 40,
            tracing::Level::WARN => 30,
            _ => 20,
        };
        // `logging` reports a handler's exception itself.
        let _ = crate::attach::attach(|py| write(py, level, collected.0));
    }

    fn enter(&self, id: &span::Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(id.into_u64()));
    }

    fn exit(&self, id: &span::Id) {
        ENTERED.with_borrow_mut(|entered| {
            if let Some(index) = entered.iter().rposition(|entered| *entered == id.into_u64()) {
                entered.remove(index);
            }
        });
    }

    fn clone_span(&self, id: &span::Id) -> span::Id {
        if let Some(span) = self.spans().get_mut(&id.into_u64()) {
            span.handles += 1;
        }
        id.clone()
    }

    fn try_close(&self, id: span::Id) -> bool {
        let mut spans = self.spans();
        let Some(span) = spans.get_mut(&id.into_u64()) else { return false };
        span.handles -= 1;
        let ended = span.handles == 0;
        if ended {
            spans.remove(&id.into_u64());
        }
        ended
    }
}

/// Writes a log record of an event of the core. The record's attribute `headcount` is a dict of the event's fields;
/// those in [`ATTRIBUTES`] are attributes as well.
fn write(py: Python<'_>, level: u32, fields: Fields) -> PyResult<()> {
    static LOGGER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let logger = LOGGER
        .get_or_try_init(py, || py.import("logging")?.call_method1("getLogger", ("headcount",)).map(Bound::unbind))?;
    let logger = logger.bind(py);
    if !logger.call_method1(intern!(py, "isEnabledFor"), (level,))?.is_truthy()? {
        return Ok(());
    }
    let (parts, extra, options) = (PyDict::new(py), PyDict::new(py), PyDict::new(py));
    let mut message = String::new();
    for (name, value) in fields {
        match value {
            Value::Text(text) if name == "message" => message = text,
            Value::Integer(value) => parts.set_item(name, value)?,
            Value::Natural(value) => parts.set_item(name, value)?,
            Value::Float(value) => parts.set_item(name, value)?,
            Value::Flag(value) => parts.set_item(name, value)?,
            Value::Text(value) => parts.set_item(name, value)?,
        }
    }
    for name in ATTRIBUTES {
        extra.set_item(name, parts.get_item(name)?.into_py_any(py)?)?;
    }
    extra.set_item("headcount", parts)?;
    options.set_item("extra", extra)?;
    log(py, logger, (level, message), &options)
}
