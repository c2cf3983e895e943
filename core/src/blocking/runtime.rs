//! The runtime of blocking calls.

use crate::process::{PerProcess, Process};
use crate::{Error, Result};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// Runs a call on this thread until it is done.
///
/// # Errors
///
/// The call's; [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) in an async task, and in a callback of a running call; and those of
/// [`spawn`].
pub fn wait<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = outside_of_tasks()?;
    of_any_type(call, |call| {
        runtime.block_on(call);
        Ok(())
    })
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
    let runtime = outside_of_tasks()?;
    of_any_type(call, |mut call| {
        // `check` is called outside of the runtime, so that it may make calls of its own, such as closing what the call waits for.
        while runtime.block_on(async { tokio::time::timeout(every, call.as_mut()).await }).is_err() {
            check()?;
        }
        Ok(())
    })
}

/// Calls `wait` with a future that runs `call`, and returns the result of `call`. The future has the same type for all calls, so that `block_on` and
/// what it needs are compiled once instead of once for each call.
fn of_any_type<T>(
    call: impl Future<Output = Result<T>>,
    wait: impl FnOnce(Pin<&mut dyn Future<Output = ()>>) -> Result<()>,
) -> Result<T> {
    let mut result = None;
    {
        let mut call: Pin<&mut dyn Future<Output = ()>> = pin!(async { result = Some(call.await) });
        wait(pin!(IN_A_CALL.scope((), call.as_mut())))?;
    }
    result.unwrap_or_else(|| Err(Error::internal("a call ended without a result")))
}

/// Starts a call in the background, on this process's runtime.
///
/// # Errors
///
/// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if the runtime cannot be started; [`ErrorKind::Config`](crate::ErrorKind::Config) if the
/// reason is that all descriptors of the process were closed.
pub fn spawn<T: Send + 'static>(call: impl Future<Output = T> + Send + 'static) -> Result<JoinHandle<T>> {
    // In a box, so that tokio's task is compiled once for each result, not for each call.
    let call: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(call);
    Ok(runtime()?.spawn(IN_A_CALL.scope((), call)))
}

tokio::task_local! {
    /// Is set while a call of this module is polled, so that `may_block` recognizes the callbacks of a call.
    static IN_A_CALL: ();
}

/// Returns the runtime, or an error if this is called in an async task: a call that waits there would block the thread that runs the task.
fn outside_of_tasks() -> Result<Arc<Runtime>> {
    let runtime = runtime()?;
    if !may_block(&runtime) {
        return Err(Error::invalid_argument(
            "a blocking call was made in an async task, or in a callback of a running call, such as one for progress: use the asynchronous client, \
             or make the call on another thread",
        ));
    }
    Ok(runtime)
}

/// Returns whether this thread may block.
fn may_block(runtime: &Runtime) -> bool {
    // A thread has a handle of tokio also where it may block (`spawn_blocking`, `block_in_place`). The only way to find out is to call `block_on`,
    // which panics if the thread must not block. The panic hook prints that panic, so callbacks of a call are recognized by `IN_A_CALL` instead.
    IN_A_CALL.try_with(|()| ()).is_err()
        && (tokio::runtime::Handle::try_current().is_err()
            || std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(std::future::ready(()))))
                .is_ok())
}

/// Runs a call on this thread until it is done. In an async task, and in a callback of a running call, runs it in the background instead.
///
/// # Errors
///
/// The call's, and [`ErrorKind::Internal`](crate::ErrorKind::Internal) if the runtime cannot be started.
#[cfg(all(feature = "mirror", feature = "sqlite"))]
pub(super) fn wait_unless_async(call: impl Future<Output = Result<()>> + Send + 'static) -> Result<()> {
    let runtime = runtime()?;
    if may_block(&runtime) { wait(call) } else { spawn(call).map(drop) }
}

/// Returns whether [`wait`] may be called here: not in an async task, and not in a callback of a running call.
pub fn may_wait() -> bool {
    runtime().is_ok_and(|runtime| may_block(&runtime))
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
            .map_err(|error| match Process::current().times_closed() {
                0 => Error::internal(format!("the runtime cannot be started: {error}")),
                // With its feature `signal`, tokio uses one descriptor for all runtimes of a process.
                _ => Error::config(format!(
                    "the runtime cannot be started, because all descriptors of the process were closed: make the first call after \
                     that, or use tokio without its feature `signal` ({error})"
                )),
            })
    })
}
