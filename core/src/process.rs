//! Which process this is, and values of which each process has its own.
//!
//! A forked child has a copy of its parent's memory without the parent's threads. It must not use connections, threads or locks in that copy, and
//! must not wait for a lock, since the thread that held it at the fork does not exist in the child. A process that has closed all of its
//! descriptors, as daemons do, must not use numbers of descriptors from before, since they may now belong to other files: it counts as another
//! process here.

use crate::Result;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Distinguishes a process from its ancestors and descendants by `fork`. The system's id alone does not: once a process has ended, the system can
/// give its id to a descendant, which has a copy of its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessId {
    /// The system's id. It distinguishes children that were made without the C library's `fork`, which `forks` does not count.
    number: u32,
    /// Number of forks from the first process that counted them to this one.
    forks: u32,
}

impl ProcessId {
    /// Returns the id of this process.
    pub fn current() -> ProcessId {
        ProcessId { number: std::process::id(), forks: forks::count() }
    }

    /// Returns whether this is the id of the running process.
    pub fn is_current(self) -> bool {
        self == ProcessId::current()
    }

    /// Returns the id as one number, which is not 0.
    fn word(self) -> u64 {
        u64::from(self.forks) << 32 | u64::from(self.number)
    }
}

/// Counts the calls of `fork` that lead from the first process to this one, with a handler that runs in each child.
#[cfg(unix)]
#[allow(unsafe_code, reason = "fork handlers have no safe interface")]
mod forks {
    use std::ffi::c_int;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    unsafe extern "C" {
        fn pthread_atfork(
            prepare: Option<unsafe extern "C" fn()>,
            parent: Option<unsafe extern "C" fn()>,
            child: Option<unsafe extern "C" fn()>,
        ) -> c_int;
    }

    static COUNT: AtomicU32 = AtomicU32::new(0);

    unsafe extern "C" fn in_child() {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count() -> u32 {
        static HAS_HANDLER: AtomicBool = AtomicBool::new(false);
        // Not a `Once`: it would stay locked in a child that is forked while another thread is in it.
        if !HAS_HANDLER.load(Ordering::Relaxed) && !HAS_HANDLER.swap(true, Ordering::Relaxed) {
            // SAFETY: the handler only changes an atomic number. Its code stays loaded while it is registered, because the C library unregisters the
            // handlers of a shared library that is unloaded. If this fails, the system's id alone distinguishes processes.
            unsafe { pthread_atfork(None, None, Some(in_child)) };
        }
        COUNT.load(Ordering::Relaxed)
    }
}

#[cfg(not(unix))]
mod forks {
    pub(super) fn count() -> u32 {
        0
    }
}

/// Identifies a process, and how often all of its descriptors were closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    id: ProcessId,
    closed: u32,
}

impl Process {
    /// Returns this process. Costs two system calls or more: one reads the id, and one per pipe checks that it is open.
    pub(crate) fn current() -> Process {
        Process { id: ProcessId::current(), closed: descriptors::times_closed() }
    }

    /// Returns whether `self` is the running process and has not closed all of its descriptors since `self` was made.
    pub(crate) fn is_current(self) -> bool {
        self == Process::current()
    }

    /// Returns how often all descriptors of this process, and of those that it was forked from, were closed.
    #[cfg(any(feature = "blocking", all(feature = "sqlite", feature = "webhook")))]
    pub(crate) fn times_closed(self) -> u32 {
        self.closed
    }
}

/// Detects that all descriptors of the process were closed.
#[cfg(unix)]
mod descriptors {
    use std::fs::File;
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::MetadataExt;
    use std::sync::OnceLock;

    /// A pipe that stays open unless all descriptors of the process are closed. If its descriptor was closed, the system may have given the number of
    /// the descriptor to another pipe, socket or file. Its inode number is then different: pipes and sockets never share one with an open pipe, and
    /// that a file does is unlikely.
    struct Witness {
        /// The descriptor and its inode number, or `None` if no pipe could be made.
        pipe: Option<(File, u64)>,
        next: OnceLock<Box<Witness>>,
    }

    impl Witness {
        fn new() -> Box<Witness> {
            let pipe = std::io::pipe().ok().and_then(|(reader, _)| {
                let file = File::from(OwnedFd::from(reader));
                let inode = file.metadata().ok()?.ino();
                Some((file, inode))
            });
            Box::new(Witness { pipe, next: OnceLock::new() })
        }

        fn is_open(&self) -> bool {
            let Some((file, inode)) = &self.pipe else { return true };
            file.metadata().is_ok_and(|found| found.ino() == *inode)
        }
    }

    static FIRST: OnceLock<Box<Witness>> = OnceLock::new();

    pub(super) fn times_closed() -> u32 {
        let (mut at, mut times) = (&FIRST, 0);
        loop {
            let witness = super::get_or_set(at, Witness::new);
            if witness.is_open() {
                return times;
            }
            // The witness is not dropped, since the number of its descriptor may belong to another file now.
            (at, times) = (&witness.next, times + 1);
        }
    }
}

#[cfg(not(unix))]
mod descriptors {
    pub(super) fn times_closed() -> u32 {
        0
    }
}

/// Does what `OnceLock::get_or_init` does, but calls `make` before the cell's lock is taken: a child forked while another thread calls `make` must
/// not find the lock taken.
fn get_or_set<T>(cell: &OnceLock<T>, make: impl FnOnce() -> T) -> &T {
    match cell.get() {
        Some(value) => value,
        None => {
            let made = make();
            cell.get_or_init(|| made)
        }
    }
}

/// A lock that a forked child takes over from its parent: the [word](ProcessId::word) of the process whose thread holds it, or 0.
struct ForkLock(AtomicU64);

/// Wait between two attempts to take the lock. It is taken once per value.
const PAUSE: Duration = Duration::from_millis(1);

impl ForkLock {
    fn lock(&self, process: ProcessId) -> Locked<'_> {
        let word = process.word();
        loop {
            let holder = self.0.load(Ordering::Acquire);
            // The word of another process is that of an ancestor, which held the lock at a fork: its thread does not exist here.
            let is_free = holder != word;
            if is_free && self.0.compare_exchange(holder, word, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                return Locked(self);
            }
            if !is_free {
                std::thread::sleep(PAUSE);
            }
        }
    }
}

struct Locked<'a>(&'a ForkLock);

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.0.0.store(0, Ordering::Release);
    }
}

/// A value of which each process has its own.
///
/// The values form a list: a forked child finds its parent's value and appends its own. Reading takes no lock.
pub(crate) struct PerProcess<T> {
    first: OnceLock<Box<Made<T>>>,
    /// Held while a value is made.
    making: ForkLock,
}

struct Made<T> {
    process: Process,
    /// `None` after it was dropped.
    value: Option<T>,
    next: OnceLock<Box<Made<T>>>,
}

impl<T> Drop for Made<T> {
    fn drop(&mut self) {
        // A copy of another process's threads and sockets must not be used, so it is not dropped either.
        if !self.process.is_current() {
            std::mem::forget(self.value.take());
        }
    }
}

impl<T> Default for PerProcess<T> {
    fn default() -> PerProcess<T> {
        PerProcess::new()
    }
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> PerProcess<T> {
        PerProcess { first: OnceLock::new(), making: ForkLock(AtomicU64::new(0)) }
    }
}

impl<T: Clone> PerProcess<T> {
    /// Returns this process's value, which `make` makes at the first call. If `make` fails, the next call tries again.
    pub(crate) fn get(&self, make: impl FnOnce() -> Result<T>) -> Result<T> {
        let process = Process::current();
        if let Ok(value) = self.find(process) {
            return Ok(value);
        }
        let _making = self.making.lock(process.id);
        match self.find(process) {
            Ok(value) => Ok(value),
            Err(end) => {
                let value = make()?;
                let made = Made { process, value: Some(value.clone()), next: OnceLock::new() };
                // Cannot fail, since only the holder of the lock appends.
                let _ = end.set(Box::new(made));
                Ok(value)
            }
        }
    }

    /// Returns the value of the process, or the end of the list if it has none.
    fn find(&self, process: Process) -> std::result::Result<T, &OnceLock<Box<Made<T>>>> {
        let mut at = &self.first;
        loop {
            match at.get() {
                None => return Err(at),
                Some(made) => match &made.value {
                    Some(value) if made.process == process => return Ok(value.clone()),
                    _ => at = &made.next,
                },
            }
        }
    }

    /// Returns this process's value, if it has been made.
    #[cfg(all(feature = "blocking", feature = "mirror", feature = "sqlite"))]
    pub(crate) fn existing(&self) -> Option<T> {
        self.find(Process::current()).ok()
    }

    /// Returns the value of the process that this one was forked from, or of this process before it closed its descriptors, if there is one.
    #[cfg(feature = "webhook")]
    pub(crate) fn inherited(&self) -> Option<T> {
        let process = Process::current();
        let (mut at, mut found) = (&self.first, None);
        while let Some(made) = at.get() {
            if made.process != process {
                found = made.value.clone();
            }
            at = &made.next;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use std::sync::atomic::AtomicU32;

    #[test]
    fn a_value_is_made_once_and_a_failure_is_tried_again() {
        let (value, calls) = (PerProcess::<u32>::new(), AtomicU32::new(0));
        let make = || match calls.fetch_add(1, Ordering::Relaxed) {
            0 => Err(Error::store("the disk is missing")),
            call => Ok(call),
        };
        assert!(value.get(make).is_err(), "the first attempt fails");
        assert_eq!(value.get(make).unwrap(), 1);
        assert_eq!(value.get(make).unwrap(), 1);
    }

    /// Takes a lock that a process with this id held at a fork.
    fn take_over(ancestor: ProcessId) {
        let lock = ForkLock(AtomicU64::new(ancestor.word()));
        let locked = lock.lock(ProcessId::current());
        assert_eq!(lock.0.load(Ordering::Relaxed), ProcessId::current().word());
        drop(locked);
        assert_eq!(lock.0.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_lock_that_another_process_held_at_a_fork_is_taken_over() {
        let current = ProcessId::current();
        take_over(ProcessId { number: current.number ^ 1, ..current });
    }

    #[test]
    fn a_lock_that_an_ended_ancestor_with_the_same_process_id_held_at_a_fork_is_taken_over() {
        let current = ProcessId::current();
        take_over(ProcessId { forks: current.forks.wrapping_sub(1), ..current });
    }

    #[test]
    fn a_value_of_an_ended_ancestor_with_the_same_process_id_is_not_used() {
        let value = PerProcess::<u32>::new();
        let current = Process::current();
        let ancestor = Process { id: ProcessId { forks: current.id.forks.wrapping_sub(1), ..current.id }, ..current };
        let _ = value.first.set(Box::new(Made { process: ancestor, value: Some(1), next: OnceLock::new() }));
        assert_eq!(value.get(|| Ok(2)).unwrap(), 2);
    }

    #[cfg(unix)]
    #[test]
    #[allow(unsafe_code, reason = "the closure runs in a forked child")]
    fn a_forked_child_has_counted_its_fork() {
        use std::os::unix::process::CommandExt;
        let parent = ProcessId::current();
        let mut child = std::process::Command::new("true");
        // The child reports the number of forks in place of an error number (`errno`), which `spawn` returns to the parent.
        let report = move || {
            let forks = ProcessId::current().forks - parent.forks;
            Err(std::io::Error::from_raw_os_error(i32::try_from(forks).unwrap_or(0)))
        };
        // SAFETY: the closure makes system calls and reads atomic numbers.
        unsafe { child.pre_exec(report) };
        assert_eq!(child.spawn().unwrap_err().raw_os_error(), Some(1));
        assert_eq!(ProcessId::current(), parent);
    }
}
