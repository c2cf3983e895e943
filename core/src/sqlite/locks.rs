//! SQLite's locks on 64-bit Linux: makes locks that no other part of the process can release, and lets a forked child use SQLite.
//!
//! SQLite locks its files with POSIX record locks, which have two faults. They belong to the process: when any part of it (another copy of
//! SQLite, a backup that reads the file) closes a descriptor of the file, all of its locks on the file are released, and the locks of two copies of
//! SQLite in one process do not exclude each other. And a forked child has a copy of SQLite's records of its locks, but not the locks: see "How To
//! Corrupt An SQLite Database File", sections 2.2 and 2.6.
//!
//! This module replaces four system calls of SQLite's file layer (`xSetSystemCall`), for the SQLite library that this crate is linked with:
//!
//! - `fcntl`: a record lock becomes an open file description lock (`F_OFD_SETLK`) of the same bytes. It conflicts with the record locks of other
//!   copies of SQLite, in this process and in others, and ends only with its own descriptor. All locks that this process has on a file are on one
//!   descriptor, which nothing else uses, so that SQLite's connections share them as they share record locks.
//! - `close`: closes this descriptor together with the last one that SQLite has of the file.
//! - `fstat` and `stat`: return another device number after a fork, and after all descriptors of the process were closed. SQLite finds its records
//!   of a file by device and inode, so it does not find those that it made before, such as those of a forked child's parent, and makes new ones.
//!
//! At a fork, `pthread_atfork` handlers take SQLite's static mutexes, so that no other thread has one of them locked: the child does not have that
//! thread. In the child they close the descriptors of locks and of [`PrivateFile`]s, so that a child does not keep its parent's locks.
//!
//! On other systems SQLite's own locks are used. On Windows they belong to the handle. On macOS, another copy of SQLite in the process must not
//! open the file.
#![cfg_attr(not(feature = "mirror"), allow(dead_code, reason = "only mirrors lock a `PrivateFile`"))]
#![allow(unsafe_code, reason = "SQLite's file layer and fork handlers have no safe interface")]

use crate::process::Process;
use libc::{c_char, c_int, flock, stat};
use rusqlite::ffi;
use std::cell::UnsafeCell;
use std::fs::File;
use std::io;
use std::mem::{ManuallyDrop, MaybeUninit, forget, take};
use std::os::fd::AsRawFd;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

/// Installs the calls and the fork handlers, once per process. Call it before a file is opened.
pub(super) fn install() {
    static IS_INSTALLED: AtomicBool = AtomicBool::new(false);
    static HAS_HANDLERS: AtomicBool = AtomicBool::new(false);
    if IS_INSTALLED.load(Ordering::Acquire) {
        return;
    }
    // No `Once`, which a fork could leave locked. Without it, two threads may set a call at the same time, which is harmless.
    // SAFETY: the name ends with NUL. The result is NULL or a file layer that exists as long as the process.
    let vfs = unsafe { ffi::sqlite3_vfs_find(c"unix".as_ptr()) };
    // SAFETY: as above.
    let Some(set) = (unsafe { vfs.as_ref() }).and_then(|vfs| vfs.xSetSystemCall) else { return };
    type Call = unsafe extern "C" fn();
    // SAFETY: SQLite calls the function that is set for a name with the arguments of the system call of that name. The functions here take these
    // arguments. SQLite calls `fcntl` as a variadic function. On 64-bit Linux, integer and pointer arguments of variadic calls are passed like those of
    // other calls.
    unsafe {
        type Fcntl = unsafe extern "C" fn(c_int, c_int, *mut flock) -> c_int;
        type Close = unsafe extern "C" fn(c_int) -> c_int;
        type Fstat = unsafe extern "C" fn(c_int, *mut stat) -> c_int;
        type Stat = unsafe extern "C" fn(*const c_char, *mut stat) -> c_int;
        set(vfs, c"close".as_ptr(), Some(std::mem::transmute::<Close, Call>(close)));
        set(vfs, c"fstat".as_ptr(), Some(std::mem::transmute::<Fstat, Call>(fstat)));
        set(vfs, c"stat".as_ptr(), Some(std::mem::transmute::<Stat, Call>(stat_path)));
        set(vfs, c"fcntl".as_ptr(), Some(std::mem::transmute::<Fcntl, Call>(fcntl)));
    }
    if !HAS_HANDLERS.swap(true, Ordering::AcqRel) {
        for (mutex, id) in MUTEXES.iter().zip(MUTEX_IDS) {
            // SAFETY: static mutexes exist as long as the process.
            mutex.store(unsafe { ffi::sqlite3_mutex_alloc(id) }, Ordering::Release);
        }
        // SAFETY: the handlers exist as long as the process; the C library removes them if the shared library that has them is unloaded.
        unsafe { pthread_atfork(Some(before_fork), Some(after_fork_in_parent), Some(after_fork_in_child)) };
    }
    IS_INSTALLED.store(true, Ordering::Release);
}

unsafe extern "C" {
    fn pthread_atfork(
        prepare: Option<unsafe extern "C" fn()>,
        parent: Option<unsafe extern "C" fn()>,
        child: Option<unsafe extern "C" fn()>,
    ) -> c_int;
}

/// SQLite's static mutexes, in the order in which SQLite takes them if it takes several. `SQLITE_MUTEX_STATIC_OPEN` is 4, `…_MAIN` 2, `…_APP1` to
/// `…_APP3` 8 to 10, `…_VFS1` to `…_VFS3` 11 to 13, `…_LRU` 6, `…_PMEM` 7, `…_PRNG` 5 and `…_MEM` 3.
const MUTEX_IDS: [c_int; 12] = [4, 2, 8, 9, 10, 11, 12, 13, 6, 7, 5, 3];

static MUTEXES: [AtomicPtr<ffi::sqlite3_mutex>; MUTEX_IDS.len()] =
    [const { AtomicPtr::new(ptr::null_mut()) }; MUTEX_IDS.len()];

unsafe extern "C" fn before_fork() {
    for mutex in &MUTEXES {
        // SAFETY: the mutex is NULL, which SQLite permits, or a static mutex.
        unsafe { ffi::sqlite3_mutex_enter(mutex.load(Ordering::Acquire)) };
    }
    TABLE.lock();
}

unsafe extern "C" fn after_fork_in_parent() {
    TABLE.unlock();
    leave_mutexes();
}

unsafe extern "C" fn after_fork_in_child() {
    // SAFETY: `before_fork` took the lock, and the child has one thread.
    let descriptors = unsafe { &mut *TABLE.descriptors.get() };
    let closed = descriptors.files.iter().map(|file| file.lock).chain(descriptors.private.iter().copied());
    for descriptor in closed {
        // SAFETY: it is the child's copy of a descriptor that only this module, or a `PrivateFile`, uses.
        unsafe { libc::close(descriptor) };
    }
    descriptors.forget();
    GENERATION.fetch_add(1, Ordering::Relaxed);
    TABLE.unlock();
    leave_mutexes();
}

fn leave_mutexes() {
    for mutex in MUTEXES.iter().rev() {
        // SAFETY: as in `before_fork`, which took the mutex on this thread.
        unsafe { ffi::sqlite3_mutex_leave(mutex.load(Ordering::Acquire)) };
    }
}

/// How many times SQLite had to start with new records of its open files and locks: after forks, and after all descriptors were closed. It
/// changes the device numbers that SQLite reads, so that SQLite does not find the earlier records.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Makes SQLite start with new records of its open files, if all descriptors of the process were closed since the last call. Closes no
/// descriptor, since the numbers may belong to other files now. Call it before a file is opened.
pub(super) fn forget_descriptors_closed_by(process: Process) {
    TABLE.with(|descriptors| {
        if descriptors.times_closed != process.times_closed() {
            descriptors.times_closed = process.times_closed();
            descriptors.forget();
            GENERATION.fetch_add(1, Ordering::Relaxed);
        }
    });
}

/// The descriptors that have locks, which a forked child closes, and SQLite's own descriptors of the same files.
struct Table {
    /// Not a `Mutex`: the fork handlers take it in one function and release it in another.
    is_locked: AtomicBool,
    descriptors: UnsafeCell<Descriptors>,
}

// SAFETY: a thread uses `descriptors` only between `lock` and `unlock`.
unsafe impl Sync for Table {}

static TABLE: Table = Table {
    is_locked: AtomicBool::new(false),
    descriptors: UnsafeCell::new(Descriptors { times_closed: 0, files: Vec::new(), private: Vec::new() }),
};

impl Table {
    fn lock(&self) {
        while self.is_locked.swap(true, Ordering::Acquire) {
            std::thread::yield_now();
        }
    }

    fn unlock(&self) {
        self.is_locked.store(false, Ordering::Release);
    }

    /// Calls `work` with the descriptors while this thread has the lock. `work` must neither panic nor fork.
    fn with<T>(&self, work: impl FnOnce(&mut Descriptors) -> T) -> T {
        self.lock();
        // SAFETY: the lock is held.
        let result = work(unsafe { &mut *self.descriptors.get() });
        self.unlock();
        result
    }
}

struct Descriptors {
    /// How many times all descriptors of the process had been closed at the last call of [`forget_descriptors_closed_by`].
    times_closed: u32,
    /// Files that SQLite has locked since it opened them.
    files: Vec<Locked>,
    /// Descriptors of [`PrivateFile`]s.
    private: Vec<c_int>,
}

/// A file that SQLite has locked.
struct Locked {
    device: u64,
    inode: u64,
    /// The descriptor that has the locks.
    lock: c_int,
    /// SQLite's own descriptors of the file that it has locked.
    opened: Vec<c_int>,
}

impl Descriptors {
    /// Returns the descriptor that has the locks of the file that SQLite has open as `descriptor`. Opens it if SQLite has not locked the file before.
    fn lock_of(&mut self, descriptor: c_int) -> io::Result<c_int> {
        if let Some(file) = self.files.iter().find(|file| file.opened.contains(&descriptor)) {
            return Ok(file.lock);
        }
        let (device, inode) = identity(descriptor)?;
        if let Some(file) = self.files.iter_mut().find(|file| file.inode == inode && file.device == device) {
            if identity(file.lock).ok() != Some((device, inode)) {
                // Other code closed descriptors of the process, and the locks ended with them.
                return Err(io::Error::from_raw_os_error(libc::EBADF));
            }
            file.opened.push(descriptor);
            return Ok(file.lock);
        }
        let lock = open_again(descriptor)?;
        self.files.push(Locked { device, inode, lock, opened: vec![descriptor] });
        Ok(lock)
    }

    /// Removes a descriptor that SQLite closes. If it is the file's last one, unlocks the file and closes the descriptor that has the locks.
    fn close(&mut self, descriptor: c_int) {
        let Some(index) = self.files.iter().position(|file| file.opened.contains(&descriptor)) else { return };
        self.files[index].opened.retain(|other| *other != descriptor);
        if self.files[index].opened.is_empty() {
            let Locked { device, inode, lock, .. } = self.files.swap_remove(index);
            if identity(lock).ok() == Some((device, inode)) {
                // Closing is not enough: a child that was made without the fork handlers may have a copy of the descriptor, which keeps the lock.
                let _ = set_lock(lock, libc::F_OFD_SETLK, &mut whole_file(libc::F_UNLCK));
                // SAFETY: only this module uses the descriptor.
                unsafe { libc::close(lock) };
            }
        }
    }

    /// Removes all descriptors from the table. Neither closes them nor frees memory, which a forked child must not do.
    fn forget(&mut self) {
        forget((take(&mut self.files), take(&mut self.private)));
    }
}

/// Returns device and inode number of an open file.
fn identity(descriptor: c_int) -> io::Result<(u64, u64)> {
    let mut found = MaybeUninit::<stat>::uninit();
    // SAFETY: `found` has room for the result.
    match unsafe { libc::fstat(descriptor, found.as_mut_ptr()) } {
        // SAFETY: the call succeeded, so it has set the value.
        0 => Ok(unsafe { (found.assume_init_ref().st_dev, found.assume_init_ref().st_ino) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Opens the file of a descriptor again, so that the new descriptor shares no locks with it. If the file cannot be opened by its number (no
/// `/proc`, or permissions that the process no longer has), returns a copy of the descriptor.
fn open_again(descriptor: c_int) -> io::Result<c_int> {
    // SAFETY: a call with two integer arguments.
    let mode = unsafe { libc::fcntl(descriptor, libc::F_GETFL) } & libc::O_ACCMODE;
    let path = format!("/proc/self/fd/{descriptor}\0");
    // SAFETY: the path ends with NUL.
    let mut opened = unsafe { libc::open(path.as_ptr().cast(), mode | libc::O_CLOEXEC | libc::O_NONBLOCK) };
    if opened < 0 {
        // SAFETY: a call with three integer arguments.
        opened = unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 3) };
    }
    if opened < 0 { Err(io::Error::last_os_error()) } else { Ok(opened) }
}

fn whole_file(kind: c_int) -> flock {
    // SAFETY: all bytes of the struct may be 0.
    let mut lock: flock = unsafe { MaybeUninit::zeroed().assume_init() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock
}

fn set_lock(descriptor: c_int, command: c_int, lock: &mut flock) -> c_int {
    lock.l_pid = 0;
    // SAFETY: the commands for locks take a pointer to a `flock`.
    unsafe { libc::fcntl(descriptor, command, ptr::from_mut(lock)) }
}

fn set_errno(code: c_int) {
    // SAFETY: the location is this thread's own.
    unsafe { *libc::__errno_location() = code };
}

unsafe extern "C" fn fcntl(descriptor: c_int, command: c_int, argument: *mut flock) -> c_int {
    let of_description = match command {
        libc::F_SETLK => libc::F_OFD_SETLK,
        libc::F_SETLKW => libc::F_OFD_SETLKW,
        libc::F_GETLK => libc::F_OFD_GETLK,
        // SAFETY: passes on what SQLite passed.
        _ => return unsafe { libc::fcntl(descriptor, command, argument) },
    };
    let lock = match TABLE.with(|descriptors| descriptors.lock_of(descriptor)) {
        Ok(lock) => lock,
        Err(error) => {
            set_errno(error.raw_os_error().unwrap_or(libc::EIO));
            return -1;
        }
    };
    // SAFETY: for these commands, SQLite passes a pointer to a `flock`.
    let argument = unsafe { &mut *argument };
    let result = set_lock(lock, of_description, argument);
    if result == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL) {
        // A kernel without these locks: before Linux 3.15, or an emulation.
        return set_lock(descriptor, command, argument);
    }
    result
}

unsafe extern "C" fn close(descriptor: c_int) -> c_int {
    TABLE.with(|descriptors| descriptors.close(descriptor));
    // SAFETY: SQLite closes its own descriptor.
    unsafe { libc::close(descriptor) }
}

unsafe extern "C" fn fstat(descriptor: c_int, found: *mut stat) -> c_int {
    // SAFETY: SQLite passes room for the result.
    let result = unsafe { libc::fstat(descriptor, found) };
    // SAFETY: as above.
    unsafe { set_device(result, found) }
}

unsafe extern "C" fn stat_path(path: *const c_char, found: *mut stat) -> c_int {
    // SAFETY: SQLite passes a text that ends with NUL, and room for the result.
    let result = unsafe { libc::stat(path, found) };
    // SAFETY: as above.
    unsafe { set_device(result, found) }
}

/// Changes the device number in the result of a successful call. Returns `result`.
///
/// # Safety
///
/// `found` has a value if `result` is 0.
unsafe fn set_device(result: c_int, found: *mut stat) -> c_int {
    if result == 0 {
        // Device numbers of Linux have 32 bits. The generation changes only bits above these.
        let generation = GENERATION.load(Ordering::Relaxed) << 44;
        // SAFETY: this function's contract.
        unsafe { (*found).st_dev ^= generation };
    }
    result
}

/// An open file that a forked child does not inherit, so that a lock on it ends with this process.
pub(crate) struct PrivateFile {
    file: ManuallyDrop<File>,
    process: Process,
}

impl PrivateFile {
    pub(crate) fn new(file: File) -> PrivateFile {
        install();
        let descriptor = file.as_raw_fd();
        TABLE.with(|descriptors| descriptors.private.push(descriptor));
        PrivateFile { file: ManuallyDrop::new(file), process: Process::current() }
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        // In a forked child it is closed already, and its number may belong to another file.
        if !self.process.is_current() {
            return;
        }
        let descriptor = self.file.as_raw_fd();
        TABLE.with(|descriptors| descriptors.private.retain(|private| *private != descriptor));
        // Closing is not enough: a child that was made without the fork handlers may have a copy of the descriptor, which keeps the lock.
        let _ = self.file.unlock();
        // SAFETY: the file is not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.file) };
    }
}
