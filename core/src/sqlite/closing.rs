//! Files that this process is closing.
//!
//! Closing a file can take seconds: queued writes wait for the lock of another process, and the write-ahead log is copied into the file. A handle
//! that is dropped on a thread that must not block is closed later, on another thread. Opening the file again in this process waits for that, so
//! that it finds the locks and leases of the earlier handle released.

use crate::process::PerProcess;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Whether drops of handles must not wait until their files are closed, on every thread.
static IN_BACKGROUND: AtomicBool = AtomicBool::new(false);

/// Stops drops of handles from waiting until their files are closed, from now on and on every thread. For bindings: the garbage collector of their
/// language drops handles on a thread that runs the program's other code.
pub fn close_files_in_background() {
    IN_BACKGROUND.store(true, Ordering::Relaxed);
}

/// Returns whether this thread must not block while a handle is dropped.
pub(crate) fn must_not_block() -> bool {
    IN_BACKGROUND.load(Ordering::Relaxed) || is_async()
}

/// Returns whether this thread is in a runtime of tokio, where it may run async tasks.
fn is_async() -> bool {
    #[cfg(any(feature = "client", feature = "axum"))]
    return tokio::runtime::Handle::try_current().is_ok();
    #[cfg(not(any(feature = "client", feature = "axum")))]
    return false;
}

/// Records whether the file of a handle was closed. Threads can wait for that.
#[derive(Default)]
pub(crate) struct Closed {
    is_closed: Mutex<bool>,
    changed: Condvar,
}

impl Closed {
    /// Records that the file was closed, and wakes the threads that wait for it.
    pub(crate) fn set(&self) {
        *self.is_closed.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    fn is_set(&self) -> bool {
        *self.is_closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks the thread until the file is closed.
    fn wait(&self) {
        let is_closed = self.is_closed.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(is_closed, |is_closed| !*is_closed).unwrap_or_else(PoisonError::into_inner));
    }
}

/// Sets a [`Closed`] when it is dropped. It must be the last field of the struct that has the file's connection, so that it is dropped after the
/// connection.
#[derive(Default)]
pub(crate) struct SetWhenDropped(pub(crate) Arc<Closed>);

impl Drop for SetWhenDropped {
    fn drop(&mut self) {
        self.0.set();
    }
}

type Files = Mutex<Vec<(PathBuf, Arc<Closed>)>>;

/// Calls `work` with the files that this process is closing, each with the absolute path that SQLite reports for it. Returns `None`, without a call
/// of `work`, if this process cannot make the list ([`PerProcess::get`]).
fn with_files<T>(work: impl FnOnce(&mut Vec<(PathBuf, Arc<Closed>)>) -> T) -> Option<T> {
    static FILES: PerProcess<Arc<Files>> = PerProcess::new();
    let files = FILES.get(|| Ok(Arc::default())).ok()?;
    let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
    files.retain(|(_, closed)| !closed.is_set());
    Some(work(&mut files))
}

/// Records that the file at `path` is being closed. Call it before the handle starts to refuse calls, so that a program which then opens the file
/// again waits.
pub(crate) fn begin(path: &Path, closed: &Arc<Closed>) {
    with_files(|files| {
        if !files.iter().any(|(_, other)| Arc::ptr_eq(other, closed)) {
            files.push((path.to_owned(), Arc::clone(closed)));
        }
    });
}

/// Blocks the thread until no earlier handle of this process is closing the file at `path`.
pub(crate) fn wait(path: &Path) {
    let at_path = |(other, closed): &(PathBuf, Arc<Closed>)| (other == path).then(|| Arc::clone(closed));
    let closing = with_files(|files| files.iter().filter_map(at_path).collect::<Vec<_>>());
    closing.into_iter().flatten().for_each(|closed| closed.wait());
}
