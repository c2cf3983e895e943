//! Attaches threads of the runtime to the interpreter. The interpreter's exit waits for them.

use headcount::internal::PerProcess;
use pyo3::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// Number of runtime threads that are attached to the interpreter or waiting to attach. A forked child has none of its parent's threads.
static ATTACHED: PerProcess<Arc<AtomicUsize>> = PerProcess::new();

/// Longest time that the interpreter's exit waits for threads of the runtime, in milliseconds.
const EXIT_WAIT: u32 = 5_000;

/// Counts its thread in [`ATTACHED`] from its creation until it is dropped.
struct Attached(Option<Arc<AtomicUsize>>);

impl Attached {
    fn new() -> Attached {
        let count = ATTACHED.get(|| Ok(Arc::default())).ok();
        if let Some(count) = &count {
            count.fetch_add(1, SeqCst);
        }
        Attached(count)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            count.fetch_sub(1, SeqCst);
        }
    }
}

/// Runs `call` with the interpreter attached. Returns `None` without running it if the interpreter is exiting.
pub(crate) fn attach<T>(call: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let _attached = Attached::new();
    Python::try_attach(call)
}

/// Waits until no thread of the runtime is attached to the interpreter or waiting to attach, for at most five seconds.
///
/// Before Python 3.14, CPython ends a thread that tries to attach while the interpreter exits, and Rust aborts the
/// process when a thread ends that way. This can happen because a program may exit as soon as its last result is
/// delivered, while the thread that delivered it is still attached.
#[pyfunction]
fn wait_for_threads(py: Python<'_>) {
    py.detach(|| {
        for _ in 0..EXIT_WAIT {
            if ATTACHED.existing().is_none_or(|count| count.load(SeqCst) == 0) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}

/// Registers [`wait_for_threads`] with `atexit`.
pub(crate) fn register_exit(py: Python<'_>) -> PyResult<()> {
    py.import("atexit")?.call_method1("register", (wrap_pyfunction!(wait_for_threads, py)?,)).map(drop)
}
