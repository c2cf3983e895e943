//! SQLite files of headcount: how one is recognized, opened and brought up to date, and what SQLite's errors mean for its user.

use crate::{Error, Result};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Duration;

/// A kind of file.
pub(crate) struct FileKind {
    /// What it belongs to, for error messages: "mirror".
    pub(crate) owner: &'static str,
    /// Identifies the file (`PRAGMA application_id`).
    pub(crate) application: i64,
    /// Brings a file from each version (`PRAGMA user_version`) to the next; the first one creates version 1.
    pub(crate) migrations: &'static [&'static str],
    /// Size of a page in a new file, in bytes.
    pub(crate) page_size: u32,
    /// How long a write waits for a write of another process.
    pub(crate) patience: Duration,
}

/// Wait between two attempts to switch to write-ahead logging.
const PAUSE: Duration = Duration::from_millis(20);

/// Number of attempts: ten seconds in total.
const ATTEMPTS: u32 = 500;

impl FileKind {
    /// Opens a file for reading and writing, creates it if it does not exist, and brings its schema up to date. The file is in WAL mode then.
    ///
    /// A new file can be read and written by its owner alone, and so can the files that SQLite makes beside it. An existing file keeps its mode;
    /// if others can read it, a warning is logged.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the file is of another kind or of a newer version (it is left unchanged), and if it
    /// cannot be opened, read or written.
    pub(crate) fn open(&self, path: &Path) -> Result<Connection> {
        self.create(path);
        let connection = self.connect(path, OpenFlags::SQLITE_OPEN_CREATE)?;
        if self.version(&connection)? == 0 {
            let page_size = format!("PRAGMA page_size = {}", self.page_size);
            connection.execute_batch(&page_size).map_err(|error| self.failed(&error))?;
        }
        if !write_ahead(&connection).map_err(|error| self.failed(&error))?.eq_ignore_ascii_case("wal") {
            return Err(Error::store(format!(
                "the {}'s file cannot be switched to write-ahead logging: expected a file on a local disk that can be written",
                self.owner
            )));
        }
        self.migrate(&connection)?;
        Ok(connection)
    }

    /// Opens a database in memory.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub(crate) fn open_in_memory(&self) -> Result<Connection> {
        let connection = Connection::open_in_memory().map_err(|error| self.failed(&error))?;
        self.migrate(&connection)?;
        Ok(connection)
    }

    /// Opens a file that [`open`](FileKind::open) has opened before, for reading.
    ///
    /// # Errors
    ///
    /// As [`open`](FileKind::open).
    pub(crate) fn open_reader(&self, path: &Path) -> Result<Connection> {
        // Opened for writing, because a reader in WAL mode writes to the shared index.
        let connection = self.connect(path, OpenFlags::empty())?;
        connection.execute_batch("PRAGMA query_only = ON").map_err(|error| self.failed(&error))?;
        Ok(connection)
    }

    /// Creates an empty file with mode 0600 if there is none: SQLite would create it with 0644. If this fails, opening the file reports the error.
    fn create(&self, path: &Path) {
        // SQLite reads this as a URI, and not as the path of a file.
        if path.as_os_str().as_encoded_bytes().starts_with(b"file:") {
            return;
        }
        match private_file(OpenOptions::new().write(true).create_new(true)).open(path) {
            Ok(file) => make_private(&file),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && others_can_read(path) => {
                tracing::warn!(
                    target: "headcount",
                    file = %path.display(),
                    "the {}'s file can be read by other users of this machine: remove their permissions (chmod go-rwx)",
                    self.owner
                );
            }
            Err(_) => {}
        }
    }

    pub(crate) fn connect(&self, path: &Path, more: OpenFlags) -> Result<Connection> {
        // Without `SQLITE_OPEN_URI`, a path that begins with `file:` is a path.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
        let connection = Connection::open_with_flags(path, flags).map_err(|error| self.failed(&error))?;
        connection.busy_timeout(self.patience).map_err(|error| self.failed(&error))?;
        Ok(connection)
    }

    /// Reads the file's version, or 0 for an empty file. In one transaction, because another process may be creating the file.
    fn version(&self, connection: &Connection) -> Result<i64> {
        let transaction = connection.unchecked_transaction().map_err(|error| self.failed(&error))?;
        self.check(&transaction)
    }

    /// Checks that the file is of this kind. Returns its version, or 0 for an empty file. Call it within a transaction.
    fn check(&self, connection: &Connection) -> Result<i64> {
        let number =
            |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(|error| self.failed(&error));
        let tables = number("SELECT count(*) FROM sqlite_schema")?;
        let (application, version) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
        let (owner, newest) = (self.owner, self.newest());
        match (application, version) {
            (0, 0) if tables == 0 => Ok(0),
            (application, version) if application == self.application && (1..=newest).contains(&version) => Ok(version),
            (application, version) if application == self.application => Err(Error::store(format!(
                "the {owner}'s file was made by another version of headcount (its schema is {version}, this one's is {newest}): update \
                 headcount, or give the {owner} another file"
            ))),
            _ => Err(Error::store(format!(
                "the file is another program's SQLite database: give the {owner} a file of its own"
            ))),
        }
    }

    fn newest(&self) -> i64 {
        i64::try_from(self.migrations.len()).unwrap_or(i64::MAX)
    }

    /// Brings the schema up to date.
    fn migrate(&self, connection: &Connection) -> Result<()> {
        if self.version(connection)? == self.newest() {
            return Ok(());
        }
        let run = |sql: &str| connection.execute_batch(sql).map_err(|error| self.failed(&error));
        run("BEGIN IMMEDIATE")?;
        // Another process may have done it meanwhile.
        let result = self.check(connection).and_then(|version| {
            for (index, migration) in self.migrations.iter().enumerate().skip(usize::try_from(version).unwrap_or(0)) {
                let (application, version) = (self.application, index + 1);
                run(&format!("{migration}\nPRAGMA application_id = {application};\nPRAGMA user_version = {version};"))?;
            }
            run("COMMIT")
        });
        if result.is_err() {
            let _ = run("ROLLBACK");
        }
        result
    }

    /// Converts an error of SQLite to one that says what the user of the file can do. It contains nothing of the file's content.
    pub(crate) fn failed(&self, error: &rusqlite::Error) -> Error {
        let code = error.sqlite_error_code();
        let (what, temporary) = match code {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                ("is locked by another process: try again when that has finished", true)
            }
            Some(ErrorCode::DiskFull) => {
                ("cannot be written, because the disk is full: make room, and try again", true)
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                ("cannot be written: check the permissions of it and of its folder", false)
            }
            Some(ErrorCode::NotADatabase) => ("is not a SQLite database: name another file, or a new one", false),
            Some(ErrorCode::DatabaseCorrupt) => ("is damaged: restore it, or start with a new one", false),
            Some(ErrorCode::CannotOpen) => ("cannot be opened: check that its folder exists and can be written", false),
            Some(ErrorCode::SystemIoFailure) => ("cannot be read or written: check the disk", true),
            _ => ("failed", false),
        };
        let code = code.map_or_else(|| "without a code of SQLite".to_owned(), |code| format!("{code:?}"));
        let error = Error::store(format!("the {}'s file {what}", self.owner)).with_context("sqlite", code);
        if temporary { error.temporary() } else { error }
    }
}

/// Makes new files readable and writable by their owner alone. The umask can remove further permissions.
pub(crate) fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Gives the owner read and write permission, which the umask may have removed.
fn make_private(file: &File) {
    #[cfg(unix)]
    let _ = file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
    #[cfg(not(unix))]
    let _ = file;
}

fn others_can_read(path: &Path) -> bool {
    #[cfg(unix)]
    return std::fs::metadata(path)
        .is_ok_and(|file| file.is_file() && std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o044 != 0);
    #[cfg(not(unix))]
    return false;
}

/// Switches the file to write-ahead logging and returns the mode that it has then.
///
/// The switch needs an exclusive lock, for which SQLite does not wait: it returns `SQLITE_BUSY` at once, whatever the busy timeout is.
fn write_ahead(connection: &Connection) -> rusqlite::Result<String> {
    let mut attempts = 1;
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0)) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && attempts < ATTEMPTS => {
                attempts += 1;
                std::thread::sleep(PAUSE);
            }
            mode => return mode,
        }
    }
}
