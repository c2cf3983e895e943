//! Backups: copies the pages of the store to a new file with SQLite's online backup.
//!
//! The copy is made in one read transaction, so it has the state of one moment, and in WAL mode writers do not wait for it. The log grows meanwhile,
//! because a checkpoint cannot pass a reader. `VACUUM INTO` would build all indexes again, which takes several times as long; it would leave out free
//! pages, which the next writes use, and whose old content the store has overwritten (`secure_delete`).
//!
//! The file gets its name once it is complete and flushed: until then its name has the ending `.partial`. The name is given without replacing a file
//! that another program has made meanwhile.

use super::database::Database;
use super::open::{self, backup_failed};
use crate::sqlite::{check_is_path, make_private, private_file};
use crate::{Error, Result};
use rusqlite::backup::{Backup, StepResult};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many pages are copied between two checks whether the backup is still wanted: 8 MiB.
const STEP: i32 = 1024;

/// The wait after a step that found the source locked, and the greatest number of such steps: ten seconds in total. Only a store in memory is ever
/// locked, by a write of its own connection.
const PAUSE: Duration = Duration::from_millis(20);
const ATTEMPTS: u32 = 500;

/// How many files with the ending `.partial` may be in the way: of backups that run at the same time, and of processes that have ended during one.
const MOST_PARTIAL: u32 = 1000;

/// The endings of the files that SQLite makes beside a database. One that is left from another database would be read together with the backup.
const BESIDE: [&str; 3] = ["-wal", "-journal", "-shm"];

/// The path of a new backup.
#[derive(Debug)]
pub(super) struct Target(PathBuf);

impl Target {
    /// Checks that a backup of the mirror's file at `own` can be written to `path`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if `path` cannot be the path of a new file; [`ErrorKind::Store`](crate::ErrorKind::Store) if there
    /// is a file.
    pub(super) fn new(path: PathBuf, own: Option<&Path>) -> Result<Target> {
        check_is_path(&path)?;
        let text = path.to_str().unwrap_or("a path");
        if matches!(text, "" | ":memory:") {
            let got = if text.is_empty() { "an empty one" } else { text };
            return Err(Error::config(format!("expected the path of a new file for the backup, got {got}")));
        }
        // Absolute, because a path that begins with `file:` would be a URI for SQLite, and because the process may change its working directory.
        let path = std::path::absolute(&path).unwrap_or(path);
        if own.is_some_and(|own| path.canonicalize().is_ok_and(|path| path == own)) {
            return Err(Error::config(
                "expected another path than that of the mirror's own file: give the backup a new file, on another disk if possible",
            ));
        }
        let target = Target(path);
        match target.existing() {
            Some(existing) => Err(exists(&existing)),
            None => Ok(target),
        }
    }

    /// Returns a file that is in the way of the backup, or that SQLite would read together with it.
    fn existing(&self) -> Option<PathBuf> {
        let beside = BESIDE.iter().map(|ending| with_ending(&self.0, ending));
        // A link that leads nowhere is in the way as well.
        std::iter::once(self.0.clone()).chain(beside).find(|path| path.symlink_metadata().is_ok())
    }
}

/// Writes a backup of the database whose read transaction is open. Ends with an error once `is_unwanted` returns true.
pub(super) fn write(database: &Database, target: &Target, is_unwanted: impl Fn() -> bool) -> Result<()> {
    let partial = Partial::create(&target.0)?;
    let mut copy = open::backup(&partial.path)?;
    // Begins the read transaction. Without one, each step would read the state of its own moment.
    database.one("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    {
        let backup = Backup::new(database.connection(), &mut copy).map_err(|error| backup_failed(&error))?;
        let mut refused = 0;
        loop {
            match backup.step(STEP).map_err(|error| backup_failed(&error))? {
                StepResult::Done => break,
                StepResult::More => {}
                _ if refused < ATTEMPTS => {
                    refused += 1;
                    std::thread::sleep(PAUSE);
                }
                _ => return Err(Error::store("the mirror is locked by a write: back it up again later").temporary()),
            }
            if is_unwanted() {
                return Err(Error::cancelled());
            }
        }
    }
    copy.close().map_err(|(_, error)| backup_failed(&error))?;
    partial.publish(target)
}

/// A file that is not complete yet. Dropping it deletes it.
struct Partial {
    path: PathBuf,
    /// Stays open while SQLite has the file open: closing it would remove SQLite's locks on the file.
    file: File,
}

impl Partial {
    /// Creates an empty file beside `target` that only its owner can read and write.
    fn create(target: &Path) -> Result<Partial> {
        for number in 0..MOST_PARTIAL {
            let path = with_ending(target, &format!(".{number}.partial"));
            match private_file(OpenOptions::new().write(true).create_new(true)).open(&path) {
                Ok(file) => {
                    make_private(&file);
                    return Ok(Partial { path, file });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(not_created(error).with_context("file", target.display().to_string())),
            }
        }
        let message = "too many files of incomplete backups are beside the backup: delete those that end with .partial";
        Err(Error::store(message).with_context("file", target.display().to_string()))
    }

    /// Makes the file durable and gives it its name.
    fn publish(self, target: &Target) -> Result<()> {
        self.file.sync_all().map_err(not_written)?;
        // Another program may have made one of these files during the backup.
        if let Some(existing) = target.existing() {
            return Err(exists(&existing));
        }
        let path = &target.0;
        match std::fs::hard_link(&self.path, path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists(path)),
            // The file system has no hard links. An empty file reserves the name, and is then replaced.
            Err(_) => match OpenOptions::new().write(true).create_new(true).open(path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists(path)),
                Err(error) => return Err(not_written(error)),
                Ok(_) => std::fs::rename(&self.path, path).map_err(|error| {
                    let _ = std::fs::remove_file(path);
                    not_written(error)
                })?,
            },
        }
        // Removes the first name before the folder is flushed.
        drop(self);
        sync_folder(path).map_err(|error| {
            let _ = std::fs::remove_file(path);
            not_written(error)
        })
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Fails if the file was renamed.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Flushes the folder of a file, so that the file's name survives a power failure.
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Returns a path with `ending` added to the file's name.
fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(ending);
    PathBuf::from(name)
}

fn exists(path: &Path) -> Error {
    Error::store("expected the path of a new file for the backup, got one where there is a file: name another, or move that file away")
        .with_context("file", path.display().to_string())
}

fn not_created(error: io::Error) -> Error {
    let message = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            "the folder of the backup does not exist: create it, or name another"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "the backup cannot be created: check the permissions of its folder"
        }
        _ => "the backup cannot be created: check its path and the disk",
    };
    Error::store(message).with_source(error)
}

fn not_written(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Error::store("the backup cannot be written, because the disk is full: make room, and try again")
                .with_source(error)
                .temporary()
        }
        _ => Error::store("the backup cannot be written: check the disk").with_source(error).temporary(),
    }
}
