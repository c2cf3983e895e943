//! Writes a backup of the mirror to a file.

use super::Mirror;
use crate::Result;
use std::path::Path;

impl Mirror {
    /// Writes a backup of the mirror to a new file at `path`, while the mirror is in use: for a mirror in a file or in memory. Writes do not wait for the
    /// backup, except for those to a mirror in memory.
    ///
    /// The backup is a mirror's file with everything that was in the mirror at one moment: users with their links, the feed with its numbers, consumers
    /// with their cursors, holds, settings. Only its owner can read and write it. It is durable, and has its name, once the call has returned; until then
    /// it is written beside `path`, to a file whose name ends with `.partial`. No file is replaced. If the call fails, it leaves no file; if the
    /// process ends during the call, the file with `.partial` may be left, and can be deleted.
    ///
    /// To restore it, stop every process that uses the mirror, delete the mirror's file and the files beside it that end with `-wal` and `-shm`, and copy
    /// the backup in its place. What happened since the backup is not in it, so run a full sync then, and call [`reconcile`](Mirror::reconcile).
    ///
    /// The backup has the mirror's [id](Mirror::id). Do not use both at once: they would give the same numbers to different changes.
    ///
    /// The future may be dropped: the file is then complete, or there is none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if `path` is empty, `:memory:`, a URL, or the mirror's own file;
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if there is a file at `path` or beside it with the endings of SQLite (`-wal`, `-journal`, `-shm`), if its
    /// folder does not exist or cannot be written, if the disk is full, if the mirror is in PostgreSQL (use `pg_dump`, or `copy_to`), or if the store
    /// fails; [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) if the mirror is closed.
    pub async fn backup(&self, path: impl AsRef<Path>) -> Result<()> {
        self.until_closed(self.store().backup(path.as_ref().to_owned())).await
    }
}
