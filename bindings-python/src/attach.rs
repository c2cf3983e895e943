//! Attaches threads of the runtime to the interpreter. The interpreter's exit waits for them.

use pyo3::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

/// Number of runtime threads that are attached to the interpreter or waiting to attach (low 32 bits), with the id of their process (high
/// 32 bits): a forked child has none of its parent's threads.
static ATTACHED: AtomicU64 = AtomicU64::new(0);

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
        let attached = if seen >> 32 == process >> 32 { seen & u64::from(u32::MAX) } else { 0 };
        Some(process | attached.saturating_add_signed(change))
    };
    let _ = ATTACHED.fetch_update(SeqCst, SeqCst, update);
}

/// Waits until no thread of the runtime is attached to the interpreter or waiting to attach, for at most five seconds.
///
/// CPython ends a thread that tries to attach while the interpreter exits, and Rust aborts the process when a thread ends that way. This can
/// happen because a program may exit as soon as its last result is delivered, while the thread that delivered it is still attached.
#[pyfunction]
fn wait_for_threads(py: Python<'_>) {
    py.detach(|| {
        for _ in 0..EXIT_WAIT {
            let seen = ATTACHED.load(SeqCst);
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
