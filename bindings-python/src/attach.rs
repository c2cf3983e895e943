//! How threads of the runtime enter the interpreter, also while the interpreter exits.

use pyo3::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

/// Number of runtime threads that are inside the interpreter (low 32 bits), with the id of their process (high 32 bits): a forked child has
/// none of its parent's threads.
static INSIDE: AtomicU64 = AtomicU64::new(0);

/// How long the interpreter's exit waits for threads of the runtime, in milliseconds.
const EXIT_WAIT: u32 = 5_000;

/// Runs `call` with the interpreter attached. Returns `None` without running it if the interpreter is exiting.
pub(crate) fn attach<T>(call: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    count(1);
    let result = Python::try_attach(call);
    count(-1);
    result
}

fn count(change: i64) {
    let process = u64::from(std::process::id()) << 32;
    let update = |seen: u64| {
        let inside = if seen >> 32 == process >> 32 { seen & u64::from(u32::MAX) } else { 0 };
        Some(process | inside.saturating_add_signed(change))
    };
    let _ = INSIDE.fetch_update(SeqCst, SeqCst, update);
}

/// Waits until no thread of the runtime is inside the interpreter, for at most five seconds.
///
/// CPython ends a thread that waits to attach while the interpreter exits, and Rust aborts the process when a thread ends that way. A program
/// can reach this point while a thread is still inside: it exits as soon as its last result is delivered.
#[pyfunction]
fn wait_for_threads(py: Python<'_>) {
    py.detach(|| {
        for _ in 0..EXIT_WAIT {
            let seen = INSIDE.load(SeqCst);
            if seen >> 32 != u64::from(std::process::id()) || seen & u64::from(u32::MAX) == 0 {
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
