//! Leases: rows with an expiry and a token. A lease also ends with the process of its holder.
//!
//! Each open store that has taken a lease has a lock on an empty file of its own beside the database. The operating system releases the lock when
//! the process ends. If another process can lock the file, the holder has ended, and its lease can be taken before it expires. On 64-bit Linux a
//! forked child closes its copy of the file, so that it does not keep the lock. On other systems a forked child keeps the lock: if its parent
//! ends without releasing a lease, the lease ends when it expires.
//!
//! Only the owner of the file can open it, because a process that can read it can lock it. A link in its place is not followed.

use super::database::Database;
use super::feed::no_counters;
use super::rows::{get, get_time};
use super::worker::Jobs;
use crate::process::Process;
use crate::random::{OsRandom, Random};
use crate::sqlite::{PrivateFile, private_file};
use crate::store::codec::time_bytes;
use crate::store::{Durability, Fence, Lease};
use crate::{Error, Result, Timestamp};
use jiff::SignedDuration;
use rusqlite::{Row, params};
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Takes a lease until `now` plus `duration`. Returns `None` if it is held already.
pub(super) fn take(
    database: &Database,
    holder: &Holder,
    name: &str,
    now: Timestamp,
    duration: Duration,
) -> Result<Option<Fence>> {
    let sql = "SELECT holder, expires_at FROM lease WHERE name = ?1";
    let row =
        database.one(sql, [name], |row| Ok((get::<String>(row, 0)?, get_time(row, 1)?.unwrap_or(Timestamp::MIN))))?;
    if let Some((other, expires_at)) = row {
        let alive = other == holder.id || !holder.is_gone(&other)?;
        if alive && expires_at > now {
            return Ok(None);
        }
    }
    holder.lock()?;
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    database.atomically(|| {
        let sql = "UPDATE counter SET lease = lease + 1 RETURNING lease";
        let token: i64 = database.one(sql, [], |row| get(row, 0))?.ok_or_else(no_counters)?;
        let sql =
            "INSERT OR REPLACE INTO lease (name, holder, token, expires_at, duration) VALUES (?1, ?2, ?3, ?4, ?5)";
        let nanoseconds = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        database.run(sql, params![name, holder.id, token, time_bytes(later(now, duration)), nanoseconds])?;
        Ok(Some(Fence { name: name.to_owned(), token }))
    })
}

/// Reads the leases whose names begin with `prefix`, which have not expired and whose holders have not ended, in the order of their names.
pub(super) fn list(database: &Database, holder: &Holder, prefix: &str, now: Timestamp) -> Result<Vec<Fence>> {
    // Compared as bytes, because `length` and `substr` of a text end at a NUL character.
    let sql = "SELECT name, token, holder FROM lease
        WHERE substr(CAST(name AS BLOB), 1, length(CAST(?1 AS BLOB))) = CAST(?1 AS BLOB) AND expires_at > ?2 ORDER BY name";
    let rows = database.all(sql, params![prefix, time_bytes(now)], |row| {
        Ok((Fence { name: get(row, 0)?, token: get(row, 1)? }, get::<String>(row, 2)?))
    })?;
    let mut live = Vec::new();
    for (fence, other) in rows {
        if other == holder.id || !holder.is_gone(&other)? {
            live.push(fence);
        }
    }
    Ok(live)
}

fn later(now: Timestamp, duration: SignedDuration) -> Timestamp {
    now.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// The state of a lease that has the token of a fence.
#[derive(Clone, Copy)]
pub(super) struct Held {
    expires_at: Timestamp,
    duration: SignedDuration,
}

/// Reads the state of a lease, which may be absent, from the column `first` on.
pub(super) fn held(row: &Row<'_>, first: usize) -> Result<Option<Held>> {
    let Some(expires_at) = get_time(row, first)? else { return Ok(None) };
    Ok(Some(Held { expires_at, duration: SignedDuration::from_nanos(get(row, first + 1)?) }))
}

/// Reads the state of a fence's lease: `None` if no lease has this name and token. The lease may have expired: see [`check`].
pub(super) fn read(database: &Database, fence: &Fence) -> Result<Option<Held>> {
    let sql = "SELECT expires_at, duration FROM lease WHERE name = ?1 AND token = ?2";
    Ok(database.one(sql, params![fence.name, fence.token], |row| held(row, 0))?.flatten())
}

/// Checks that a lease is held. Returns the new expiry if the lease has to be extended, or `None` if more than half of its duration is left.
pub(super) fn check(fence: &Fence, held: Option<Held>, now: Timestamp) -> Result<Option<Timestamp>> {
    let Some(Held { expires_at, duration }) = held.filter(|held| held.expires_at > now) else {
        let lost = Error::store("the lease was lost: another process took it over, or it expired");
        return Err(lost.with_context("lease", fence.name.clone()).temporary());
    };
    let half_passed = expires_at.duration_since(now) <= duration / 2;
    Ok(half_passed.then(|| later(now, duration)))
}

/// Sets the expiry of a lease.
pub(super) fn extend(database: &Database, fence: &Fence, expires_at: Timestamp) -> Result<()> {
    let sql = "UPDATE lease SET expires_at = ?3 WHERE name = ?1 AND token = ?2";
    database.run(sql, params![fence.name, fence.token, time_bytes(expires_at)]).map(drop)
}

/// A lease that is released when it is dropped.
pub(super) struct Taken {
    fence: Fence,
    jobs: Jobs,
}

impl Taken {
    pub(super) fn new(fence: Fence, jobs: Jobs) -> Taken {
        Taken { fence, jobs }
    }
}

impl Lease for Taken {
    fn fence(&self) -> &Fence {
        &self.fence
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let Fence { name, token } = self.fence.clone();
        // If this fails, the lease ends when it expires or the store is closed.
        self.jobs.run_later(Durability::Process, move |database| {
            let sql = "DELETE FROM lease WHERE name = ?1 AND token = ?2";
            database.atomically(|| database.run(sql, params![name, token]))
        });
    }
}

/// An open store as a holder of leases.
pub(super) struct Holder {
    /// A random number as 16 hexadecimal digits: another one for each store that is opened.
    id: String,
    /// Common start of the paths of all holders' files, or `None` for a store in memory.
    prefix: Option<PathBuf>,
    process: Process,
    /// This holder's locked file, or `None` until it takes a lease.
    file: Mutex<Option<PrivateFile>>,
}

impl Holder {
    /// Makes the holder for a store that is being opened. `database` is the path of its file, or `None` for a store in memory.
    pub(super) fn new(database: Option<&Path>) -> Holder {
        let prefix = database.map(|path| {
            let mut prefix = path.as_os_str().to_owned();
            prefix.push("-lease-");
            prefix.into()
        });
        let id = format!("{:016x}", OsRandom.bits());
        Holder { id, prefix, process: Process::current(), file: Mutex::new(None) }
    }

    /// Returns the path of a holder's file, or `None` for a store in memory.
    fn path(&self, id: &str) -> Option<PathBuf> {
        let mut path = self.prefix.clone()?.into_os_string();
        path.push(id);
        Some(path.into())
    }

    /// Creates and locks this holder's file, unless it has done so before.
    fn lock(&self) -> Result<()> {
        let mut held = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(path) = self.path(&self.id).filter(|_| held.is_none()) else { return Ok(()) };
        self.remove_files_of_ended_processes();
        loop {
            let opened = private_file(File::options().write(true).create_new(true)).open(&path);
            let file = match opened {
                // The file of an earlier pass of this loop.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => open_existing(&path),
                opened => opened,
            };
            let file = PrivateFile::new(file.map_err(failed)?);
            match file.file().try_lock() {
                // Another process may have removed the file before it was locked.
                Ok(()) if path.exists() => {
                    *held = Some(file);
                    return Ok(());
                }
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    /// Returns whether another holder's process has ended, or its store was closed or dropped. Removes its file in that case.
    fn is_gone(&self, id: &str) -> Result<bool> {
        match self.path(id) {
            // An id of other characters was not made by a store, and its path could lead to another folder.
            Some(path) if id.bytes().all(|byte| byte.is_ascii_hexdigit()) => remove_if_unlocked(&path),
            _ => Ok(false),
        }
    }

    fn remove_files_of_ended_processes(&self) {
        let Some(prefix) = &self.prefix else { return };
        let folder = prefix.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let Some(start) = prefix.file_name().and_then(|name| name.to_str()) else { return };
        // A file that stays has no effect, so errors are ignored.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(start)) {
                let _ = remove_if_unlocked(&entry.path());
            }
        }
    }
}

impl Holder {
    /// Unlocks and removes this holder's file, which ends its leases.
    pub(super) fn release(&mut self) {
        let file = self.file.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // A forked child must not remove its parent's file.
        if file.is_some()
            && self.process.is_current()
            && let Some(path) = self.path(&self.id)
        {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.release();
    }
}

/// Removes a holder's file if no process has it locked. Returns whether the holder has ended, because its file is not locked or does not exist.
fn remove_if_unlocked(path: &Path) -> Result<bool> {
    let file = match open_existing(path) {
        Ok(file) => PrivateFile::new(file),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        // Another user's file, or a link. It may be locked, so the holder's leases end only when they expire.
        Err(_) => return Ok(false),
    };
    match file.file().try_lock() {
        Ok(()) => {
            let _ = std::fs::remove_file(path);
            Ok(true)
        }
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Opens a holder's existing file. On Unix, fails if it is a link.
fn open_existing(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW | libc::O_NONBLOCK);
    options.open(path)
}

fn failed(error: std::io::Error) -> Error {
    Error::store(
        "the lock file beside the mirror's file cannot be created or locked: expected a folder on a local disk that can be written",
    )
    .with_source(error)
}
