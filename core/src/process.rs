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

/// Identifies a process, and how often all of its descriptors were closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    id: u32,
    closed: u32,
}

impl Process {
    /// Returns this process. Costs one system call.
    pub(crate) fn current() -> Process {
        Process { id: std::process::id(), closed: descriptors::times_closed() }
    }

    /// Returns whether this is the process, and its descriptors are those of the time when `self` was made.
    pub(crate) fn is_current(self) -> bool {
        self == Process::current()
    }

    /// Returns how often all descriptors of this process, and of those that it was forked from, were closed.
    #[cfg(any(feature = "blocking", all(feature = "sqlite", feature = "webhook")))]
    pub(crate) fn times_closed(self) -> u32 {
        self.closed
    }

    /// Returns the process as one number, which is not 0.
    fn word(self) -> u64 {
        u64::from(self.id) << 32 | u64::from(self.closed)
    }
}

/// Detects that all descriptors of the process were closed.
#[cfg(unix)]
mod descriptors {
    use std::fs::File;
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::MetadataExt;
    use std::sync::OnceLock;

    /// A pipe that stays open unless all descriptors of the process are closed. No other open file has its inode number, so a descriptor that
    /// was closed and used again for another file is recognized.
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

/// A lock that a forked child takes over from its parent: the [word](Process::word) of the process whose thread holds it, or 0.
struct ForkLock(AtomicU64);

/// Wait between two attempts to take the lock. It is taken once per value.
const PAUSE: Duration = Duration::from_millis(1);

impl ForkLock {
    fn lock(&self, process: Process) -> Locked<'_> {
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
        let _making = self.making.lock(process);
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

    #[test]
    fn a_lock_that_another_process_held_at_a_fork_is_taken_over() {
        let parent = Process { id: std::process::id() ^ 1, closed: 0 };
        let lock = ForkLock(AtomicU64::new(parent.word()));
        let locked = lock.lock(Process::current());
        assert_eq!(lock.0.load(Ordering::Relaxed), Process::current().word());
        drop(locked);
        assert_eq!(lock.0.load(Ordering::Relaxed), 0);
    }
}
