//! Logs the client's requests with Python's `logging`, as the logger `headcount`.

use headcount::{Activity, Level, Observer};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The logger and its level. The level is read when a call begins, so that a record which is not logged does not wait for the
/// interpreter.
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
        self.logger.bind(py).call_method("log", (level, "%s", activity.to_string()), Some(&options))?;
        Ok(())
    }
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
