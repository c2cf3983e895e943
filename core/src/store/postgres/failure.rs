//! Errors of the server and of connections, and whether a call is repeated after them.

use crate::random::{OsRandom, jittered};
use crate::{Error, ErrorStatus, Result};
use std::error::Error as _;
use std::io::ErrorKind;
use std::time::Duration;
use tokio::time::Instant;
use tokio_postgres::error::{DbError, SqlState};

/// An error, and its cause, which decides whether there is another attempt.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) cause: Cause,
}

/// What an error means for the transaction and for another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The connection was lost, or the server is not available. A commit that had been sent may have been done or not.
    Lost,
    /// The transaction was in conflict with another one and was rolled back. Repeating it may succeed.
    Conflict,
    /// Anything else. The transaction is rolled back, and the store does not repeat it.
    Final,
}

impl Failure {
    /// Returns the failure with the cause [`Cause::Lost`].
    pub(super) fn into_loss(self) -> Failure {
        Failure { cause: Cause::Lost, ..self }
    }

    /// Returns the failure with the cause [`Cause::Lost`] if its error is temporary, and otherwise unchanged.
    pub(super) fn into_loss_if_temporary(self) -> Failure {
        if self.is_temporary() { self.into_loss() } else { self }
    }

    /// Returns whether the connection counts as lost because its server has become a standby.
    pub(super) fn is_standby(&self) -> bool {
        let code = self.error.context().iter().find(|(name, _)| *name == "sqlstate").map(|(_, code)| code.as_str());
        self.cause == Cause::Lost && matches!(code, Some(READ_ONLY | NOT_SUPPORTED))
    }

    /// Returns whether a later call may succeed.
    pub(super) fn is_temporary(&self) -> bool {
        self.error.status() == ErrorStatus::Temporary
    }
}

/// Makes the error of a call that sent a commit, and could not find out in time whether it was done.
pub(super) fn unknown(cause: Error) -> Error {
    Error::store("the connection was lost during a commit: it is not known whether the write was done")
        .temporary()
        .with_source(cause)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { error, cause: Cause::Final }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Failure {
        match error.as_db_error() {
            Some(server) => reported(server),
            None => of_client(error),
        }
    }
}

/// Classifies an error that the client has found: of the network, of TLS, of a password that is missing, or of an answer that it cannot read.
fn of_client(error: tokio_postgres::Error) -> Failure {
    let (what, why) = (error.to_string(), error.source().map(ToString::to_string).unwrap_or_default());
    let io = error.source().and_then(|source| source.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    if io == Some(ErrorKind::PermissionDenied) && why == "database does not allow writes" {
        let message =
            "no server accepts writes, which target_session_attrs=read-write requires: name the primary server";
        return Failure { error: Error::store(message).temporary(), cause: Cause::Lost };
    }
    // rustls reports what is wrong with a certificate as invalid data. The client does not export the kinds of its errors.
    if what == TLS_FAILED && matches!(io, None | Some(ErrorKind::InvalidData | ErrorKind::InvalidInput)) {
        let message = if why == "server does not support TLS" {
            "the server does not use TLS, which sslmode requires: enable it in the server (ssl = on), or where the network is trusted, set \
             sslmode=disable"
                .to_owned()
        } else {
            format!("the server cannot be trusted: {why}: check sslmode, sslrootcert, and the server's certificate")
        };
        return Error::store(message).into();
    }
    if io.is_some() || error.is_closed() || what == TLS_FAILED {
        let why = if why.is_empty() { what } else { why };
        let message =
            format!("the connection to PostgreSQL was lost, or could not be made: {why}: check that the server runs");
        return Failure { error: Error::store(message).temporary(), cause: Cause::Lost };
    }
    if why == "password missing" {
        return Error::store("the server asks for a password: set it in the URL, PGPASSWORD or ~/.pgpass").into();
    }
    // For example, the answer does not follow PostgreSQL's protocol.
    Error::store("the connection to PostgreSQL cannot be used: check the URL").with_source(error).into()
}

/// The text of TLS errors of `tokio_postgres`.
const TLS_FAILED: &str = "error performing TLS handshake";

/// The SQLSTATE of a standby's error for a write.
const READ_ONLY: &str = "25006";

/// The SQLSTATE of a standby's error for `BEGIN READ WRITE`, and of other errors.
const NOT_SUPPORTED: &str = "0A000";

/// Classifies an error that the server has reported.
fn reported(server: &DbError) -> Failure {
    let code = server.code().code();
    // The server has become a standby.
    let is_standby = code == READ_ONLY || (code == NOT_SUPPORTED && server.message().contains("during recovery"));
    let cause = if is_standby { Cause::Lost } else { cause(server.code()) };
    let message = match code {
        _ if is_standby => "the server accepts no writes, as a standby does: connect to the primary server",
        "26000" | "42P05" => {
            "prepared statements do not work through this connection pooler: set the option `prepared_statements` to false"
        }
        "55P03" => "a write waited too long for another one: the lock timeout has passed",
        "57014" => "a statement took too long: the statement timeout has passed",
        "53100" => "the server's disk is full: make room on it, and try again",
        "53300" => "the server has too many connections: raise max_connections, or use fewer",
        "42501" => "the role has no permission for a statement: grant what the guide to PostgreSQL lists",
        "28P01" => "the server refused the password: check the user and password in the URL, PGPASSWORD or ~/.pgpass",
        "28000" => "the server refused the user: check the user in the URL, sslmode, and the server's pg_hba.conf",
        "3D000" => "there is no such database: create it, or check the URL",
        "3F000" | "42P01" => "a table of the mirror's schema is missing: restore the schema, or open the mirror again",
        _ if cause == Cause::Lost => "the server has closed the connection, or is starting or stopping",
        _ if cause == Cause::Conflict => "the transaction was in conflict with others",
        _ => "PostgreSQL reported an error",
    };
    let failed = Error::store(message).with_context("sqlstate", code.to_owned());
    // Class 53: the server lacks a resource, such as connections, memory or space on its disk.
    let is_temporary = cause != Cause::Final || matches!(code, "55P03" | "57014") || code.starts_with("53");
    let failed = if is_temporary { failed.temporary() } else { failed };
    Failure { error: failed.with_source(Report::of(server)), cause }
}

/// What the server reported, without values of rows. Left out are the detail, the hint, and the message of an error about data or constraints,
/// because they can contain such values.
#[derive(Debug)]
struct Report(String);

impl Report {
    fn of(server: &DbError) -> Report {
        let code = server.code().code();
        // Errors of data (22) and of constraints (23): the names of the table, column and constraint instead of the message.
        if code.starts_with("22") || code.starts_with("23") {
            let names = [server.schema(), server.table(), server.column(), server.constraint()];
            let names: Vec<&str> = names.into_iter().flatten().collect();
            return Report(format!("{}: SQLSTATE {code} {}", server.severity(), names.join(".")));
        }
        Report(format!("{}: {}", server.severity(), server.message()))
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Report {}

/// Returns the cause for an SQLSTATE.
fn cause(code: &SqlState) -> Cause {
    match code.code() {
        // In this order: a serialization failure; a deadlock; two organizations inserted a row with the same id at the same time; and another process
        // created the schema, or its first table, after this one found that there was none.
        "40001" | "40P01" | "23505" | "42P06" | "42P07" => Cause::Conflict,
        // In this order: ended by an administrator; by a crash; the server is not ready yet; the session, or the transaction, was idle for too long.
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => Cause::Lost,
        code if code.starts_with("08") => Cause::Lost,
        _ => Cause::Final,
    }
}

/// A call is repeated after a lost connection until this time has passed since its first loss. Usually, a restart or a failover takes less.
pub(super) const GIVE_UP_AFTER: Duration = Duration::from_secs(20);

/// Opening a store is repeated until this time has passed since its first attempt. It is shorter than [`GIVE_UP_AFTER`], because the address is more
/// often wrong at that point than the server is restarting.
const GIVE_UP_OPENING_AFTER: Duration = Duration::from_secs(3);

/// After this many conflicts, the next one ends the call.
const MOST_CONFLICTS: u32 = 20;

/// Counts the failed attempts of a call, and decides whether there is another one.
pub(super) struct Attempts {
    give_up_after: Duration,
    /// The time from which `give_up_after` counts, or `None` before the first loss.
    since: Option<Instant>,
    conflicts: u32,
    losses: u32,
}

impl Attempts {
    /// Returns a counter for a call. The call is repeated at least once after a loss, however long it has taken until then.
    pub(super) fn new(give_up_after: Duration) -> Attempts {
        Attempts { give_up_after, since: None, conflicts: 0, losses: 0 }
    }

    /// Returns a counter for opening a store, whose time limit begins now.
    pub(super) fn to_open() -> Attempts {
        Attempts { since: Some(Instant::now()), ..Attempts::new(GIVE_UP_OPENING_AFTER) }
    }

    /// Waits before the next attempt, or returns the error if there should be none.
    pub(super) async fn wait(&mut self, failure: Failure) -> Result<()> {
        let now = Instant::now();
        let pause = match failure.cause {
            Cause::Final => return Err(failure.error),
            Cause::Conflict if self.conflicts >= MOST_CONFLICTS => return Err(failure.error),
            Cause::Conflict => {
                self.conflicts += 1;
                Duration::from_millis(1 << self.conflicts.min(7))
            }
            Cause::Lost if now - *self.since.get_or_insert(now) > self.give_up_after => return Err(failure.error),
            Cause::Lost => {
                self.losses += 1;
                // No pause after the first loss: the connection may have been idle, and closed by the server long ago.
                Duration::from_millis(if self.losses == 1 { 0 } else { 10 << self.losses.min(6) })
            }
        };
        tokio::time::sleep(jittered(pause, &OsRandom)).await;
        Ok(())
    }
}
