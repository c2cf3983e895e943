//! The context variables (`contextvars`) of the caller, for callbacks and log records on threads of the runtime.

use headcount::internal::{Scope, carry_locals};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::future::Future;
use std::sync::Arc;

tokio::task_local! {
    /// The context of the Python code that made the running call.
    static CONTEXT: Arc<Context>;
}

/// A copy of a thread's or task's context variables.
pub(crate) struct Context(Py<PyAny>);

impl Context {
    /// Copies the context of the running Python code.
    pub(crate) fn copy(py: Python<'_>) -> PyResult<Context> {
        static COPY_CONTEXT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        COPY_CONTEXT.import(py, "contextvars", "copy_context")?.call0().map(|context| Context(context.unbind()))
    }

    /// Calls `function` in a copy of the context, because no two threads can be in the same context at once.
    pub(crate) fn call<'py>(
        &self,
        py: Python<'py>,
        function: &Bound<'py, PyAny>,
        argument: impl IntoPyObject<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let argument = argument.into_bound_py_any(py)?;
        self.fresh(py)?.call_method1("run", (function, argument))
    }

    /// Returns a copy, as a Python object.
    pub(crate) fn fresh<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.0.bind(py).call_method0("copy")
    }
}

/// Runs `call` with the caller's context, in which callbacks of the call can be made.
pub(crate) async fn within<F: Future>(context: Context, call: F) -> F::Output {
    CONTEXT.scope(Arc::new(context), call).await
}

/// Runs `call` on this thread with the caller's context, as [`within`] does.
pub(crate) fn within_now<T>(context: Context, call: impl FnOnce() -> T) -> T {
    CONTEXT.sync_scope(Arc::new(context), call)
}

/// Makes the core carry the context of a call over to the tasks and threads that the call starts, such as the one that reads the
/// next page ahead.
pub(crate) fn carry() {
    carry_locals(|| {
        let context = CONTEXT.try_with(Arc::clone).ok()?;
        let scope: Scope = Box::new(move |poll| CONTEXT.sync_scope(Arc::clone(&context), poll));
        Some(scope)
    });
}

/// Calls `function` without arguments in the context of the running call, or in the thread's own if there is none.
pub(crate) fn run_current<'py>(py: Python<'py>, function: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    match CONTEXT.try_with(|context| context.fresh(py)) {
        Ok(context) => context?.call_method1("run", (function,)),
        Err(_) => function.call0(),
    }
}
