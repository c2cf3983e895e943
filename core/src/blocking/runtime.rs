//! The runtime of blocking calls, and values of which each process has its own.

use crate::{Error, Result};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// Runs a call on this thread until it is done.
///
/// # Errors
///
/// The call's, and [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) in an async task.
pub fn wait<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    outside_of_tasks()?.block_on(call)
}

/// Runs a call on this thread until it is done, and calls `check` at the interval `every` meanwhile. If `check` returns an error, the call is
/// cancelled.
///
/// # Errors
///
/// As [`wait`], and those of `check`.
pub fn wait_interruptibly<T>(
    call: impl Future<Output = Result<T>>,
    every: Duration,
    mut check: impl FnMut() -> Result<()>,
) -> Result<T> {
    outside_of_tasks()?.block_on(async {
        let mut call = pin!(call);
        loop {
            match tokio::time::timeout(every, call.as_mut()).await {
                Ok(result) => return result,
                Err(_) => check()?,
            }
        }
    })
}

/// Starts a call in the background, on this process's runtime.
///
/// # Errors
///
/// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if the runtime cannot be started.
pub fn spawn<T: Send + 'static>(call: impl Future<Output = T> + Send + 'static) -> Result<JoinHandle<T>> {
    Ok(runtime()?.spawn(call))
}

/// Returns the runtime, or an error if this is called in an async task: a call that waits there would block the thread that runs the task.
fn outside_of_tasks() -> Result<Arc<Runtime>> {
    let runtime = runtime()?;
    // A handle of tokio is present in threads that may block as well (`spawn_blocking`, `block_in_place`). tokio's only test for them is that
    // `block_on` does not panic.
    let may_block = tokio::runtime::Handle::try_current().is_err()
        || std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(std::future::ready(())))).is_ok();
    if !may_block {
        return Err(Error::invalid_argument(
            "a blocking call was made in an async task, or in a callback of a running call such as its progress: use the asynchronous client, \
             or make the call on another thread",
        ));
    }
    Ok(runtime)
}

/// Returns this process's runtime. The first call starts it.
fn runtime() -> Result<Arc<Runtime>> {
    static RUNTIME: PerProcess<Arc<Runtime>> = PerProcess::new();
    RUNTIME.get(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("headcount")
            .enable_all()
            .build()
            .map(Arc::new)
            .map_err(|error| Error::internal(format!("the runtime cannot be started: {error}")))
    })
}

/// A value of which each process has its own.
///
/// The values form a list: a forked child finds its parent's value and appends its own. Reading takes no lock, because a lock could have been
/// held at the fork by a thread that does not exist in the child.
pub(super) struct PerProcess<T>(OnceLock<Box<Made<T>>>);

struct Made<T> {
    process: u32,
    /// `None` after it was dropped.
    value: Option<Result<T>>,
    next: PerProcess<T>,
}

impl<T> Drop for Made<T> {
    fn drop(&mut self) {
        // Dropping the value would use its copies of the parent's threads and sockets, so a forked child leaks it instead.
        if self.process != std::process::id() {
            std::mem::forget(self.value.take());
        }
    }
}

impl<T> Default for PerProcess<T> {
    fn default() -> PerProcess<T> {
        PerProcess::new()
    }
}

impl<T: Clone> PerProcess<T> {
    /// Returns this process's value, which `make` makes at the first call.
    pub(super) fn get(&self, make: impl Fn() -> Result<T>) -> Result<T> {
        let process = std::process::id();
        let mut at = self;
        loop {
            let made = at.0.get_or_init(|| Box::new(Made { process, value: Some(make()), next: PerProcess::new() }));
            match &made.value {
                Some(value) if made.process == process => return value.clone(),
                _ => at = &made.next,
            }
        }
    }
}

impl<T> PerProcess<T> {
    const fn new() -> PerProcess<T> {
        PerProcess(OnceLock::new())
    }
}
