//! SQLite files of headcount: recognizes and opens them, brings their schema up to date, and converts SQLite's errors to errors that say what to do.
//!
//! Another program may have made or changed a file, so its schema is not trusted: it must be the one that the migrations make, apart from optional
//! objects. A file with triggers or views is refused, and SQLite is configured to run neither.
#![cfg_attr(not(feature = "mirror"), allow(dead_code, reason = "the replay guard uses only a part"))]

pub(crate) mod closing;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod locks;
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
#[path = "no_locks.rs"]
mod locks;

#[cfg(feature = "mirror")]
pub(crate) use locks::PrivateFile;

use crate::process::Process;
use crate::{Error, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A kind of file: a mirror's, or a replay guard's.
pub(crate) struct FileKind {
    /// What it belongs to, for error messages, such as "mirror".
    pub(crate) owner: &'static str,
    /// The number that identifies files of this kind (`PRAGMA application_id`).
    pub(crate) application: i64,
    /// Statements that bring a file from each version (`PRAGMA user_version`) to the next. The first ones create version 1.
    pub(crate) migrations: &'static [&'static str],
    /// Statements that create objects that a file may have in addition.
    pub(crate) optional: &'static [&'static str],
    /// Size of a page in a new file, in bytes.
    pub(crate) page_size: u32,
    /// How long a write waits for a write of another process.
    pub(crate) busy_timeout: Duration,
}

/// Refuses a path that begins like a URL. It would name a file in a folder such as `postgresql:`, and errors would name it with the URL's password.
///
/// # Errors
///
/// [`ErrorKind::Config`](crate::ErrorKind::Config), without the path.
pub(crate) fn check_is_path(path: &Path) -> Result<()> {
    if begins_like_url(path) {
        return Err(Error::config(
            "expected the path of a file, got a URL: give the URL of a PostgreSQL database as a text that begins with postgresql:// \
             (a path type may remove a slash), and the path of a file without a scheme",
        ));
    }
    Ok(())
}

/// Returns whether a path begins with a scheme of two or more characters, a colon, and a slash or backslash, or with several schemes, as in
/// `jdbc:postgresql://`. A drive letter is not a scheme.
pub(crate) fn begins_like_url(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    let Some(end) = bytes.windows(2).position(|pair| matches!(pair, b":/" | b":\\")) else { return false };
    let scheme = &bytes[..end];
    let is_permitted = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.:".contains(byte);
    scheme.len() > 1 && scheme[0].is_ascii_alphabetic() && scheme.iter().all(is_permitted)
}

/// Wait between two attempts to switch to write-ahead logging.
const PAUSE: Duration = Duration::from_millis(20);

/// Number of attempts to switch to write-ahead logging. The waits between them take ten seconds in total.
const ATTEMPTS: u32 = 500;

impl FileKind {
    /// Opens a file for reading and writing, creates it if it does not exist, and brings its schema up to date. Afterwards the file is in WAL mode.
    ///
    /// A new file can be read and written by its owner alone, and so can the files that SQLite makes beside it. An existing file keeps its mode;
    /// if others can read or write it, a warning is logged.
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
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if SQLite fails.
    pub(crate) fn open_in_memory(&self) -> Result<Connection> {
        let connection = Connection::open_in_memory().map_err(|error| self.failed(&error))?;
        self.configure(&connection)?;
        self.migrate(&connection)?;
        Ok(connection)
    }

    /// Opens an empty database that is deleted when the connection is closed. SQLite keeps as much of it as fits in the page cache there. The rest and the
    /// journal are in files with mode 0600 in the folder for temporary files, whose names it removes right after it has created them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if SQLite fails.
    pub(crate) fn open_temporary(&self) -> Result<Connection> {
        let connection = Connection::open("").map_err(|error| self.failed(&error))?;
        let page_size = format!("PRAGMA page_size = {}", self.page_size);
        connection.execute_batch(&page_size).map_err(|error| self.failed(&error))?;
        self.configure(&connection)?;
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
        match private_file(OpenOptions::new().write(true).create_new(true)).open(path) {
            Ok(file) => make_private(&file),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && is_open_to_others(path) => {
                tracing::warn!(
                    target: "headcount",
                    file = %path.display(),
                    "the {}'s file can be read or written by other users of this machine: remove their permissions (chmod go-rwx)",
                    self.owner
                );
            }
            Err(_) => {}
        }
    }

    /// Opens a connection to a file, with flags in addition to those for reading and writing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the file cannot be opened.
    pub(crate) fn connect(&self, path: &Path, more: OpenFlags) -> Result<Connection> {
        locks::install();
        locks::forget_descriptors_closed_by(Process::current());
        // SQLite reads a path that begins with `file:` as a URI, because the bundled library is compiled with `SQLITE_USE_URI`. An absolute path never
        // begins with it.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
        let connection = Connection::open_with_flags(path, flags).map_err(|error| self.failed(&error))?;
        connection.busy_timeout(self.busy_timeout).map_err(|error| self.failed(&error))?;
        self.configure(&connection)?;
        Ok(connection)
    }

    /// Makes query plans independent of the values of parameters. Prevents SQLite from running triggers and views of the file's schema, and functions
    /// in the schema that are not known to be harmless. Protects the schema and SQLite's own tables from writes, and makes SQLite read text in
    /// double quotes as a name only.
    fn configure(&self, connection: &Connection) -> Result<()> {
        let settings = [
            (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
            (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
            (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
            (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
            // Without this, SQLite prepares many statements, such as those with `LIMIT ?`, again at each use.
            (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
        ];
        for (setting, value) in settings {
            connection.set_db_config(setting, value).map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    /// Does what [`check`](FileKind::check) does in a transaction of its own, because another process may be creating the file.
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
            (application, version) if application == self.application && (1..=newest).contains(&version) => {
                self.check_schema(connection, version)?;
                Ok(version)
            }
            (application, version) if application == self.application => Err(Error::store(format!(
                "the {owner}'s file was made by another version of headcount (its schema is {version}, this one's is {newest}): update \
                 headcount, or give the {owner} another file"
            ))),
            _ => Err(Error::store(format!(
                "the file is another program's SQLite database: give the {owner} a file of its own"
            ))),
        }
    }

    /// Checks that the schema is the one that the migrations up to `version` make; the objects of `optional` may exist in addition.
    fn check_schema(&self, connection: &Connection, version: i64) -> Result<()> {
        let compare = || {
            let found = schema(connection)?;
            let own = Connection::open_in_memory()?;
            for migration in self.migrations.iter().take(usize::try_from(version).unwrap_or(0)) {
                own.execute_batch(migration)?;
            }
            let mut expected = schema(&own)?;
            if found == expected {
                return Ok(true);
            }
            for statement in self.optional {
                own.execute_batch(statement)?;
            }
            let permitted = schema(&own)?;
            expected.retain(|object| !found.contains(object));
            Ok(expected.is_empty() && found.is_subset(&permitted))
        };
        match compare().map_err(|error| self.failed(&error))? {
            true => Ok(()),
            false => Err(Error::store(format!(
                "the {owner}'s file has other tables, indexes, triggers or views than headcount makes: give the {owner} a file that nothing else \
                 has changed",
                owner = self.owner
            ))),
        }
    }

    /// Returns the version that [`migrate`](FileKind::migrate) brings a file to.
    fn newest(&self) -> i64 {
        i64::try_from(self.migrations.len()).unwrap_or(i64::MAX)
    }

    /// Checks the file and brings its schema up to date.
    fn migrate(&self, connection: &Connection) -> Result<()> {
        if self.version(connection)? == self.newest() {
            return Ok(());
        }
        let run = |sql: &str| connection.execute_batch(sql).map_err(|error| self.failed(&error));
        run("BEGIN IMMEDIATE")?;
        // Checks again, because another process may have brought the schema up to date meanwhile.
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

    /// Converts an error of SQLite to one whose message says what to do, and contains none of the file's content.
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

/// Reads type, name, table and statement of every object of a database. What `ANALYZE` makes is left out.
fn schema(connection: &Connection) -> rusqlite::Result<BTreeSet<[String; 4]>> {
    let sql = "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT GLOB 'sqlite_stat[14]'";
    let mut statement = connection.prepare(sql)?;
    let rows =
        statement.query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, words(&row.get::<_, String>(3)?)]))?;
    rows.collect()
}

/// Returns a statement without comments and with single spaces, because versions of headcount differ in these. A comment becomes a space, so that the
/// words before and after it stay separate.
fn words(statement: &str) -> String {
    let without_comments = statement.lines().map(|line| line.split("--").next().unwrap_or_default());
    without_comments.flat_map(str::split_ascii_whitespace).collect::<Vec<_>>().join(" ")
}

/// Identifies an open file, to detect that the file was replaced or that the process no longer has it open.
#[derive(Debug)]
pub(crate) struct Place {
    process: Process,
    owner: &'static str,
    /// The database and its write-ahead log, each with its device and inode. Empty on systems without these numbers.
    files: Vec<(PathBuf, [u64; 2])>,
}

impl Place {
    /// Records this process, and device and inode number of the database at `path` and of its write-ahead log. Call it right after the file was
    /// opened.
    pub(crate) fn of(kind: &FileKind, path: &Path) -> Place {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let found = |path: PathBuf| identity(&path).map(|identity| (path, identity));
        let files = [path.to_owned(), PathBuf::from(log)].into_iter().filter_map(found).collect();
        Place { process: Process::current(), owner: kind.owner, files }
    }

    /// Checks that this process has the file open, and that the file's path still leads to it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if they are closed, the process was forked, or the file was deleted, moved or replaced.
    pub(crate) fn check(&self) -> Result<()> {
        self.check_process()?;
        self.check_path()
    }

    /// Checks that this is the process that opened the file, and that it has not closed all of its descriptors since.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if they were closed, or the process was forked.
    pub(crate) fn check_process(&self) -> Result<()> {
        if !self.process.is_current() {
            return Err(Error::store(format!(
                "all descriptors of the process were closed since the {owner} was opened, or the process was forked: open the {owner} again",
                owner = self.owner
            )));
        }
        Ok(())
    }

    /// Checks that the file's path still leads to it. The caller must have checked that this is the process that opened it.
    ///
    /// # Errors
    ///
    /// As [`check`](Place::check).
    pub(crate) fn check_path(&self) -> Result<()> {
        let owner = self.owner;
        match self.files.iter().find(|(path, expected)| identity(path) != Some(*expected)) {
            None => Ok(()),
            Some((path, _)) => Err(Error::store(format!(
                "the {owner}'s file was deleted, moved or replaced while it was open: put it back or restore it, then open the {owner} again"
            ))
            .with_context("file", path.display().to_string())),
        }
    }
}

/// Returns device and inode number of the file at a path, or `None` if they cannot be read.
#[cfg(unix)]
fn identity(path: &Path) -> Option<[u64; 2]> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|file| [file.dev(), file.ino()])
}

/// Returns `None`: an open file cannot be replaced on this system.
#[cfg(not(unix))]
fn identity(_: &Path) -> Option<[u64; 2]> {
    None
}

/// Makes new files readable and writable by their owner alone. The umask can remove further permissions.
pub(crate) fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Gives the owner read and write permission, which the umask may have removed.
pub(crate) fn make_private(file: &File) {
    #[cfg(unix)]
    let _ = file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
    #[cfg(not(unix))]
    let _ = file;
}

/// Returns whether other users than the owner have any permission for the file at a path.
fn is_open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    return std::fs::metadata(path)
        .is_ok_and(|file| file.is_file() && std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o077 != 0);
    #[cfg(not(unix))]
    return false;
}

/// Switches the file to write-ahead logging and returns the journal mode that it has afterwards, which is `wal` on success.
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

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    #[test]
    fn the_error_of_a_read_only_file_asks_to_check_the_permissions() {
        let kind = FileKind {
            owner: "mirror",
            application: 1,
            migrations: &[],
            optional: &[],
            page_size: 4096,
            busy_timeout: Duration::ZERO,
        };
        let error = kind.failed(&rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_READONLY), None));
        assert!(error.message().contains("cannot be written: check the permissions"), "{error}");
    }
}
