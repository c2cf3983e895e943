//! Identifies the running process, and keeps values that each process makes for itself.
//!
//! A forked child has a copy of its parent's memory without the parent's threads. It must not use connections, threads or locks in that copy, and
//! must not wait for a lock, since the thread that held it at the fork does not exist in the child. A process that has closed all of its
//! descriptors, as daemons do, must not use those that it opened before, since their numbers may now belong to other files: this module treats it
//! as another process from then on.
//!
//! What this module cannot prevent: a lock of other code can be held at a fork by a thread that the child does not have, and stays locked in the
//! child. Examples are the locks of an application's log handler, and that of a `LazyLock` whose value is being made.

mod set_once;

pub use set_once::SetOnce;

use crate::{Error, Result};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Distinguishes a process from its ancestors and descendants by `fork`. The system's id alone does not: once a process has ended, the system can
/// give its id to a descendant, which has a copy of its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessId {
    /// The system's id. It distinguishes children that were made without the C library's `fork`, which `forks` does not count.
    number: u32,
    /// Number of calls of `fork` that lead from the first process that counted them to this one.
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

/// Returns the name of this process for people: the name of its host, `/`, and the system's id of the process. Only the id if the host's name is not
/// known or is not UTF-8.
#[cfg(feature = "mirror")]
pub(crate) fn name() -> String {
    let id = std::process::id();
    match host() {
        Some(host) => format!("{host}/{id}"),
        None => id.to_string(),
    }
}

/// Returns the name of the host, or of the container.
#[cfg(all(unix, feature = "mirror"))]
#[allow(unsafe_code, reason = "the standard library has no function for the host's name")]
fn host() -> Option<String> {
    use std::ffi::{CStr, c_char, c_int};

    unsafe extern "C" {
        fn gethostname(name: *mut c_char, length: usize) -> c_int;
    }

    // POSIX limits names to 255 bytes. The last byte stays 0, because a name that is cut off may have no end.
    let mut buffer = [0_u8; 256];
    // SAFETY: the buffer is longer than the given length.
    if unsafe { gethostname(buffer.as_mut_ptr().cast(), buffer.len() - 1) } != 0 {
        return None;
    }
    let name = CStr::from_bytes_until_nul(&buffer).ok()?.to_str().ok()?;
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(all(not(unix), feature = "mirror"))]
fn host() -> Option<String> {
    std::env::var("COMPUTERNAME").ok().filter(|name| !name.is_empty())
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

/// Identifies a process, and how many times all of its descriptors were closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    id: ProcessId,
    closed: u32,
}

impl Process {
    /// Returns this process. Makes two or more system calls: one reads the id, the others check the pipes that detect closed descriptors.
    pub(crate) fn current() -> Process {
        Process { id: ProcessId::current(), closed: descriptors::times_closed() }
    }

    /// Returns whether `self` is the running process and has not closed all of its descriptors since `self` was made.
    pub(crate) fn is_current(self) -> bool {
        self == Process::current()
    }

    /// Returns how many times all descriptors of this process, and of those that it was forked from, were closed.
    #[cfg(any(feature = "blocking", all(feature = "sqlite", feature = "webhook")))]
    pub(crate) fn times_closed(self) -> u32 {
        self.closed
    }
}

/// Detects that all descriptors of the process were closed.
#[cfg(unix)]
mod descriptors {
    use super::SetOnce;
    use std::fs::File;
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::MetadataExt;

    /// A pipe that stays open unless all descriptors of the process are closed. If its descriptor was closed, the system may have given the number of
    /// the descriptor to another pipe, socket or file. Its device and inode numbers are then different.
    struct Sentinel {
        /// The descriptor, and its device and inode numbers. `None` if no pipe could be made: closing is not detected then.
        pipe: Option<(File, (u64, u64))>,
        next: SetOnce<Sentinel>,
    }

    impl Sentinel {
        fn new() -> Sentinel {
            let pipe = std::io::pipe().ok().and_then(|(reader, _)| {
                let file = File::from(OwnedFd::from(reader));
                let numbers = numbers(&file)?;
                Some((file, numbers))
            });
            Sentinel { pipe, next: SetOnce::new() }
        }

        fn is_open(&self) -> bool {
            let Some((file, expected)) = &self.pipe else { return true };
            numbers(file) == Some(*expected)
        }
    }

    /// Returns the device and inode numbers of an open file, or `None` if its descriptor is closed.
    fn numbers(file: &File) -> Option<(u64, u64)> {
        file.metadata().ok().map(|found| (found.dev(), found.ino()))
    }

    static FIRST: SetOnce<Sentinel> = SetOnce::new();

    pub(super) fn times_closed() -> u32 {
        let (mut at, mut times) = (&FIRST, 0);
        loop {
            let sentinel = at.get_or_set(Sentinel::new);
            if sentinel.is_open() {
                return times;
            }
            // The sentinel is not dropped, since the number of its descriptor may belong to another file now.
            (at, times) = (&sentinel.next, times + 1);
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_file_of_another_device_with_the_inode_number_of_the_pipe_is_not_the_pipe() {
            let sentinel = Sentinel::new();
            assert!(sentinel.is_open());
            let (file, (device, inode)) = sentinel.pipe.unwrap();
            let sentinel = Sentinel { pipe: Some((file, (device ^ 1, inode))), next: SetOnce::new() };
            assert!(!sentinel.is_open());
        }
    }
}

#[cfg(not(unix))]
mod descriptors {
    pub(super) fn times_closed() -> u32 {
        0
    }
}

/// A lock that a forked child takes over from its parent.
struct ForkLock {
    /// The [word](ProcessId::word) of the process whose thread holds it, or 0.
    holder: AtomicU64,
    /// The [number](thread_number) of that thread, or 0.
    thread: AtomicUsize,
}

/// Wait between two attempts to take a [`ForkLock`]. A thread waits only while another one makes the same value.
const PAUSE: Duration = Duration::from_millis(1);

/// Which thread of this process has a lock that could not be taken.
#[derive(Debug, PartialEq, Eq)]
enum HeldBy {
    /// The thread that asked for it.
    ThisThread,
    /// Another thread.
    AnotherThread,
}

impl ForkLock {
    const fn new() -> ForkLock {
        ForkLock { holder: AtomicU64::new(0), thread: AtomicUsize::new(0) }
    }

    fn try_lock(&self, process: ProcessId) -> std::result::Result<Locked<'_>, HeldBy> {
        let word = process.word();
        let holder = self.holder.load(Ordering::Acquire);
        if holder == word && self.thread.load(Ordering::Relaxed) == thread_number() {
            return Err(HeldBy::ThisThread);
        }
        // The word of another process is that of an ancestor that held the lock at a fork. This process takes the lock over: the thread that held it
        // does not exist here, or it is the thread that forked, which holds the lock in the ancestor only.
        if holder == word || self.holder.compare_exchange(holder, word, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return Err(HeldBy::AnotherThread);
        }
        self.thread.store(thread_number(), Ordering::Relaxed);
        Ok(Locked { lock: self, process })
    }

    /// Waits for the lock. Returns `None` if this thread holds it.
    fn lock(&self, process: ProcessId) -> Option<Locked<'_>> {
        loop {
            match self.try_lock(process) {
                Ok(locked) => return Some(locked),
                Err(HeldBy::ThisThread) => return None,
                Err(HeldBy::AnotherThread) => std::thread::sleep(PAUSE),
            }
        }
    }
}

/// Returns a number that no other running thread of this process has, and which is not 0.
fn thread_number() -> usize {
    thread_local! { static OWN: u8 = const { 0 } }
    OWN.with(|own| std::ptr::from_ref(own).addr())
}

struct Locked<'a> {
    lock: &'a ForkLock,
    process: ProcessId,
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // In a child that was forked while its parent held the lock, another thread may have taken it over.
        if self.process.is_current() {
            self.lock.thread.store(0, Ordering::Relaxed);
            self.lock.holder.store(0, Ordering::Release);
        }
    }
}

/// A value of which each process has its own.
///
/// The values form a list: a forked child finds its parent's value and appends its own. Reading takes no lock.
pub struct PerProcess<T> {
    first: SetOnce<Made<T>>,
    /// Held while a value is made.
    making: ForkLock,
}

struct Made<T> {
    process: Process,
    /// `None` after it was dropped.
    value: Option<T>,
    next: SetOnce<Made<T>>,
}

impl<T> Drop for Made<T> {
    fn drop(&mut self) {
        // A value that another process made may own threads and sockets of that process, which this process must not use. Dropping the value may use
        // them, so it is forgotten.
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
    /// Makes a `PerProcess` without a value.
    pub const fn new() -> PerProcess<T> {
        PerProcess { first: SetOnce::new(), making: ForkLock::new() }
    }
}

impl<T: Clone> PerProcess<T> {
    /// Returns this process's value, which `make` makes at the first call. If `make` fails, the next call tries again. Blocks while another thread
    /// makes the value.
    ///
    /// # Errors
    ///
    /// Those of `make`; [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if `make` calls this for the same value, and in a child
    /// that was forked by `make`.
    pub fn get(&self, make: impl FnOnce() -> Result<T>) -> Result<T> {
        let process = Process::current();
        if let Ok(value) = self.find(process) {
            return Ok(value);
        }
        let Some(_making) = self.making.lock(process.id) else {
            return Err(Error::invalid_argument(
                "a call was made while the same thread opens what the call needs, such as in a log handler: make it later",
            ));
        };
        match self.find(process) {
            Ok(value) => Ok(value),
            Err(end) => {
                let value = make()?;
                if !process.is_current() {
                    // `make` ran in part in the parent, so the value may use the parent's threads and sockets. It is not dropped, because
                    // that could wait for a thread or close a socket of the parent.
                    std::mem::forget(value);
                    return Err(Error::invalid_argument(
                        "the process was forked while this thread opened what the call needs: make the call again",
                    ));
                }
                // Only the holder of the lock appends.
                end.get_or_set(|| Made { process, value: Some(value.clone()), next: SetOnce::new() });
                Ok(value)
            }
        }
    }

    /// Returns the value of the process, or the cell at the end of the list if it has none.
    fn find(&self, process: Process) -> std::result::Result<T, &SetOnce<Made<T>>> {
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
    pub fn existing(&self) -> Option<T> {
        self.find(Process::current()).ok()
    }

    /// Does what [`existing`](PerProcess::existing) does. If another thread is making the value and `may_wait` returns true, waits for it first.
    #[cfg(all(feature = "blocking", feature = "mirror", feature = "sqlite"))]
    pub(crate) fn settled(&self, may_wait: impl FnOnce() -> bool) -> Option<T> {
        let process = Process::current();
        if let Ok(value) = self.find(process) {
            return Some(value);
        }
        let _making = match self.making.try_lock(process.id) {
            Ok(locked) => Some(locked),
            Err(HeldBy::AnotherThread) if may_wait() => self.making.lock(process.id),
            Err(_) => None,
        };
        self.find(process).ok()
    }

    /// Returns whether a thread of this process is making the value.
    #[cfg(all(feature = "blocking", feature = "mirror", feature = "sqlite"))]
    pub(crate) fn is_being_made(&self) -> bool {
        self.making.holder.load(Ordering::Acquire) == ProcessId::current().word()
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
    use crate::{Error, ErrorKind};
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
        let lock = ForkLock { holder: AtomicU64::new(ancestor.word()), ..ForkLock::new() };
        let locked = lock.lock(ProcessId::current()).unwrap();
        assert_eq!(lock.holder.load(Ordering::Relaxed), ProcessId::current().word());
        drop(locked);
        assert_eq!(lock.holder.load(Ordering::Relaxed), 0);
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
        value.first.get_or_set(|| Made { process: ancestor, value: Some(1), next: SetOnce::new() });
        assert_eq!(value.get(|| Ok(2)).unwrap(), 2);
    }

    #[test]
    fn a_value_that_needs_itself_is_an_error() {
        let value = PerProcess::<u32>::new();
        let error = value.get(|| value.get(|| Ok(1))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("while the same thread opens"), "{error}");
        assert_eq!(value.get(|| Ok(2)).unwrap(), 2, "the lock was released");
    }

    #[test]
    fn a_thread_that_is_not_the_holder_waits_for_the_lock() {
        let (lock, process) = (ForkLock::new(), ProcessId::current());
        let locked = lock.lock(process).unwrap();
        assert_eq!(lock.try_lock(process).err(), Some(HeldBy::ThisThread));
        let other = std::thread::scope(|scope| scope.spawn(|| lock.try_lock(process).err()).join().unwrap());
        assert_eq!(other, Some(HeldBy::AnotherThread));
        drop(locked);
        assert!(lock.try_lock(process).is_ok());
    }

    #[test]
    fn a_lock_that_the_parent_holds_is_not_released_by_its_child() {
        let current = ProcessId::current();
        let parent = ProcessId { forks: current.forks.wrapping_sub(1), ..current };
        let lock = ForkLock { holder: AtomicU64::new(parent.word()), ..ForkLock::new() };
        let of_the_parent = Locked { lock: &lock, process: parent };
        let taken_over = lock.lock(current).unwrap();
        // The child returns from the function in which its parent had forked.
        drop(of_the_parent);
        assert_eq!(lock.holder.load(Ordering::Relaxed), current.word());
        drop(taken_over);
        assert_eq!(lock.holder.load(Ordering::Relaxed), 0);
    }

    #[cfg(all(unix, feature = "sqlite"))]
    #[test]
    #[allow(unsafe_code, reason = "forks")]
    fn a_child_that_is_forked_while_a_value_is_made_does_not_keep_it() {
        let (value, mut child) = (PerProcess::<u32>::new(), 0);
        let result = value.get(|| {
            // SAFETY: the child only makes system calls, allocates memory and changes atomic numbers.
            child = unsafe { libc::fork() };
            Ok(1)
        });
        if child == 0 {
            let is_refused = result.is_err_and(|error| error.message().contains("the process was forked"));
            let is_made_again = value.get(|| Ok(2)).is_ok_and(|value| value == 2);
            // SAFETY: ends the child without the parent's exit handlers.
            unsafe { libc::_exit(if is_refused && is_made_again { 0 } else { 1 }) };
        }
        assert_eq!(result.unwrap(), 1);
        let mut status = -1;
        // SAFETY: `status` has room for the result.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0, "the first call in the child failed, and the second made the value again");
        assert_eq!(value.existing(), Some(1));
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
