//! Statements and transactions.
//!
//! A statement is sent without a name and with the types of its parameters, which works behind pgbouncer in transaction mode. With the option
//! `prepared_statements`, it is prepared once on each connection. Several statements are sent together, and the server runs them one after another:
//! they take one round trip. If one fails, the server refuses the ones after it, including the commit, and the transaction has to be rolled back.

use super::failure::{Attempts, Cause, Failure};
use super::notify::Announcer;
use super::pool::{Connection, Pool, Session};
use super::rows::{Element, Json, Value};
use crate::{Error, Result, Timestamp};
use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

/// Makes the statements that set the settings of a transaction. Each transaction runs them, since pgbouncer may give it a session that others use as
/// well. A transaction that is idle for half of the lock timeout is ended by the server: a process that stops inside a transaction must not keep its
/// locks until the calls that wait for them fail.
pub(super) fn settings(lock_timeout: Duration, statement_timeout: Duration) -> String {
    // The server stores these settings as 32-bit numbers.
    let milliseconds = |timeout: Duration| timeout.as_millis().clamp(1, i32::MAX as u128);
    let (lock, statement) = (milliseconds(lock_timeout), milliseconds(statement_timeout));
    format!(
        "SET LOCAL lock_timeout = {lock}; SET LOCAL statement_timeout = {statement}; \
         SET LOCAL idle_in_transaction_session_timeout = {}; SET LOCAL search_path = pg_catalog",
        lock.div_ceil(2)
    )
}

/// A statement and its parameters. `{s}` in its text is replaced by the schema.
pub(super) struct Statement {
    text: Cow<'static, str>,
    values: Vec<(Box<dyn ToSql + Send + Sync>, Type)>,
    /// Whether the text is several statements without parameters.
    is_script: bool,
}

impl Statement {
    pub(super) fn new(text: impl Into<Cow<'static, str>>) -> Statement {
        Statement { text: text.into(), values: Vec::new(), is_script: false }
    }

    /// Makes a statement whose text is several statements without parameters and results.
    pub(super) fn script(text: impl Into<Cow<'static, str>>) -> Statement {
        Statement { is_script: true, ..Statement::new(text) }
    }

    /// Adds the value of the next parameter.
    pub(super) fn with<V: Value>(mut self, value: V) -> Statement {
        self.values.push((Box::new(value), V::kind()));
        self
    }

    /// Appends a space, `text` and the next parameter (` text $1`), and adds the parameter's value.
    pub(super) fn push<V: Value>(&mut self, text: &str, value: V) {
        self.values.push((Box::new(value), V::kind()));
        let number = self.values.len();
        self.text.to_mut().push_str(&format!(" {text} ${number}"));
    }

    /// Appends text without a parameter.
    pub(super) fn push_text(&mut self, text: &str) {
        self.text.to_mut().push_str(text);
    }

    /// Prepares the statement in the session, if prepared statements are enabled. Does nothing for a script, for a statement that is prepared already,
    /// and once the session has [`MOST_PREPARED`] prepared statements. `text` is the statement's text with the name of the schema.
    async fn prepare(&self, session: &mut Session, text: &str) -> Result<(), tokio_postgres::Error> {
        if let Some(prepared) = &mut session.prepared
            && !self.is_script
            && !prepared.contains_key(text)
            && prepared.len() < MOST_PREPARED
        {
            let kinds: Vec<Type> = self.values.iter().map(|(_, kind)| kind.clone()).collect();
            prepared.insert(text.to_owned(), session.client.prepare_typed(text, &kinds).await?);
        }
        Ok(())
    }

    /// Returns whether the statement can be sent now: it is prepared, or [`prepare`](Statement::prepare) would do nothing.
    fn is_ready(&self, session: &Session, text: &str) -> bool {
        let Some(prepared) = &session.prepared else { return true };
        self.is_script || prepared.contains_key(text) || prepared.len() >= MOST_PREPARED
    }

    /// Runs the statement, and returns its rows. `text` is its text with the name of the schema.
    async fn run(&self, session: &Session, text: &str) -> Result<Vec<Row>, tokio_postgres::Error> {
        if self.is_script {
            return session.client.batch_execute(text).await.map(|()| Vec::new());
        }
        if let Some(prepared) = session.prepared.as_ref().and_then(|prepared| prepared.get(text)) {
            let values: Vec<&(dyn ToSql + Sync)> =
                self.values.iter().map(|(value, _)| &**value as &(dyn ToSql + Sync)).collect();
            return session.client.query(prepared, &values).await;
        }
        let values: Vec<(&(dyn ToSql + Sync), Type)> =
            self.values.iter().map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone())).collect();
        session.client.query_typed(text, &values).await
    }
}

/// Rows as arrays, one for each column, which a statement reads as a table. A single row is sent as values, which the server plans faster.
pub(super) struct Columns<'a, T> {
    rows: &'a [T],
    names: Vec<&'static str>,
    arrays: Vec<(Box<dyn ToSql + Send + Sync>, Type)>,
}

impl<'a, T> Columns<'a, T> {
    pub(super) fn new(rows: &'a [T]) -> Columns<'a, T> {
        Columns { rows, names: Vec::new(), arrays: Vec::new() }
    }

    /// Adds a column.
    pub(super) fn with<V: Element>(mut self, name: &'static str, value: impl Fn(&'a T) -> V) -> Columns<'a, T> {
        self.names.push(name);
        self.arrays.push(match self.rows {
            [row] => (Box::new(value(row)), V::kind()),
            rows => (Box::new(rows.iter().map(value).collect::<Vec<V>>()), V::array()),
        });
        self
    }

    /// Adds a column of records as JSON.
    pub(super) fn json(
        mut self,
        name: &'static str,
        value: impl Fn(&'a T) -> Result<Option<Json>>,
    ) -> Result<Columns<'a, T>> {
        self.names.push(name);
        self.arrays.push(match self.rows {
            [row] => (Box::new(value(row)?), Type::TEXT),
            rows => (Box::new(rows.iter().map(value).collect::<Result<Vec<Option<Json>>>>()?), Type::TEXT_ARRAY),
        });
        Ok(self)
    }

    /// Returns the names of the columns.
    pub(super) fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// Makes a statement. In its text, `{columns}` is replaced by the names of the columns, `{new}` by the rows as a table named `new`, and
    /// `{set}` by assignments of all columns for a conflict clause, except for those in `keep`.
    pub(super) fn statement(self, text: &str, keep: &[&str]) -> Statement {
        let parameters: Vec<String> = (1..=self.arrays.len()).map(|number| format!("${number}")).collect();
        let columns = self.names.join(", ");
        let parameters = parameters.join(", ");
        let new = match self.rows {
            [_] => format!("(VALUES ({parameters})) AS new ({columns})"),
            _ => format!("unnest({parameters}) AS new ({columns})"),
        };
        let replaced = self.names.iter().filter(|name| !keep.contains(name));
        let set: Vec<String> = replaced.map(|name| format!("{name} = excluded.{name}")).collect();
        let text = text.replace("{columns}", &columns).replace("{new}", &new).replace("{set}", &set.join(", "));
        Statement { text: text.into(), values: self.arrays, is_script: false }
    }

    /// Makes a statement that inserts the rows. `conflict` is the conflict clause or empty.
    pub(super) fn insert(self, table: &str, conflict: &str, keep: &[&str]) -> Statement {
        self.statement(&format!("INSERT INTO {{s}}.{table} ({{columns}}) SELECT * FROM {{new}} {conflict}"), keep)
    }
}

/// A schema on a server, with the connections and settings for its transactions.
pub(super) struct Database {
    pub(super) pool: Arc<Pool>,
    /// The quoted name of the schema.
    pub(super) schema: String,
    /// Whether the role may not write.
    pub(super) is_read_only: bool,
    /// Whether leases and the deletion of leavers use the time that the caller passes, and not the server's clock.
    pub(super) callers_time: bool,
    /// How long a call is repeated, from its first lost connection on.
    pub(super) give_up_after: Duration,
    /// How long the server may take for the answer to one statement, before the connection counts as lost. It is longer than the server's own timeouts.
    pub(super) answer_timeout: Duration,
    /// The [`settings`] of every transaction.
    pub(super) settings: String,
    /// Sends notifications; `None` without the option `notify`.
    pub(super) announcer: Option<Announcer>,
}

/// A transaction. If it is dropped, it is rolled back, and its connection is closed.
pub(super) struct Transaction<'a> {
    database: &'a Database,
    connection: Connection,
    /// Begins the transaction: sent with the first statements, and `None` after that.
    begin: Option<Statement>,
}

/// How many statements are prepared on a connection at most. The store has fewer different statements. The limit bounds the memory that they use on a
/// connection if a later version has more.
const MOST_PREPARED: usize = 1_000;

/// The mode of transactions that write: each statement reads what was committed before it.
const READ_WRITE: &str = "READ COMMITTED READ WRITE";

/// Commits and waits for the disk, and for the synchronous standby if there is one, whatever the server's setting is. Without a statement timeout, because it
/// would end the wait for a standby that does not answer with a success, although the commit is lost if the standby becomes the primary.
const COMMIT_NOW: &str = "SET LOCAL synchronous_commit = on; SET LOCAL statement_timeout = 0; COMMIT";

/// Commits without waiting for the disk.
const COMMIT_LATER: &str = "SET LOCAL synchronous_commit = off; COMMIT";

/// Whether a commit waits until it is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flush {
    /// The commit returns once a crash of the server cannot undo it.
    Now,
    /// The commit returns before that. It becomes durable with the next commit that is flushed, or when the server flushes it: within three times its
    /// setting `wal_writer_delay`, which is 0.2 seconds by default.
    Later,
}

impl Database {
    /// Returns the caller's time for leases in microseconds, or `None` for that of the server's clock.
    pub(super) fn now(&self, now: Timestamp) -> Option<i64> {
        self.callers_time.then(|| now.as_microsecond())
    }

    /// Has other processes notified that changes were appended, if notifications are enabled and `changes` is not 0. Call it after the commit.
    pub(super) fn announce(&self, changes: u64) {
        if let Some(announcer) = self.announcer.as_ref().filter(|_| changes > 0) {
            announcer.announce();
        }
    }

    /// Returns the attempts of one call: it is repeated until [`give_up_after`](Database::give_up_after) has passed since its first lost connection.
    pub(super) fn attempts(&self) -> Attempts {
        Attempts::new(self.give_up_after)
    }

    /// Makes the statement that begins a transaction with these modes and the [`settings`].
    fn begin_statement(&self, mode: &str) -> Statement {
        Statement::script(format!("BEGIN ISOLATION LEVEL {mode}; {}", self.settings))
    }

    /// Gets a connection for a transaction. The transaction begins with its first statements.
    async fn begin(&self, mode: &str) -> Result<Transaction<'_>, Failure> {
        let connection = self.pool.get().await?;
        Ok(Transaction { database: self, connection, begin: Some(self.begin_statement(mode)) })
    }

    /// Begins a transaction each of whose statements reads what was committed before the statement.
    pub(super) async fn begin_write(&self) -> Result<Transaction<'_>, Failure> {
        self.begin(READ_WRITE).await
    }

    /// Begins a transaction that reads as of one moment.
    pub(super) async fn begin_read(&self) -> Result<Transaction<'_>, Failure> {
        self.begin("REPEATABLE READ READ ONLY").await
    }

    /// Runs statements that read as of one moment, in one round trip. Returns the rows of each.
    pub(super) async fn read(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>> {
        let mut attempts = self.attempts();
        loop {
            let result = match self.begin_read().await {
                Ok(transaction) => transaction.end(statements, Flush::Later).await,
                Err(failure) => Err(failure),
            };
            match result {
                Ok(rows) => return Ok(rows),
                Err(failure) => attempts.wait(failure).await?,
            }
        }
    }

    /// Runs one statement that reads, and may lock rows or notify others, in a transaction whose commit is not flushed.
    pub(super) async fn read_and_lock(&self, statement: Statement) -> Result<Vec<Row>> {
        Ok(self.change(&[statement], Flush::Later).await?.pop().unwrap_or_default())
    }

    /// Runs one statement that reads.
    pub(super) async fn read_one(&self, statement: Statement) -> Result<Vec<Row>> {
        Ok(self.read(&[statement]).await?.pop().unwrap_or_default())
    }

    /// Runs statements in one transaction and one round trip. Returns the rows of each. Each must be idempotent and valid on its
    /// own: they may run twice if the connection is lost during the commit, and only some of them may run, without a transaction, if the server cannot
    /// begin one.
    pub(super) async fn change(&self, statements: &[Statement], flush: Flush) -> Result<Vec<Vec<Row>>> {
        let mut attempts = self.attempts();
        loop {
            let result = match self.begin_write().await {
                Ok(transaction) => transaction.end(statements, flush).await,
                Err(failure) => Err(failure),
            };
            match result {
                Ok(rows) => return Ok(rows),
                Err(failure) => attempts.wait(failure).await?,
            }
        }
    }
}

impl Transaction<'_> {
    /// Returns whether the time is that of the callers, and not of the server's clock.
    pub(super) fn has_callers_time(&self) -> bool {
        self.database.callers_time
    }

    /// Runs statements in one round trip. Returns the rows of each.
    pub(super) async fn run(&mut self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, Failure> {
        let begin = self.begin.take();
        let all: Vec<&Statement> = begin.iter().chain(statements).collect();
        let ran = in_order(&mut self.connection.session, self.database, &all).await;
        let mut rows = ran.map_err(|failed| {
            if failed.failure.cause == Cause::Lost {
                self.connection.lose(failed.failure.is_standby());
            }
            failed.failure
        })?;
        self.connection.check_timeline()?;
        Ok(rows.split_off(usize::from(begin.is_some())))
    }

    /// Runs one statement.
    pub(super) async fn run_one(&mut self, statement: Statement) -> Result<Vec<Row>, Failure> {
        Ok(self.run(&[statement]).await?.pop().unwrap_or_default())
    }

    /// Runs statements and commits, in one round trip. Returns the rows of each.
    ///
    /// A failure whose cause is [`Cause::Lost`] leaves open whether the transaction was committed. After any other, it is rolled back.
    pub(super) async fn end(self, statements: &[Statement], flush: Flush) -> Result<Vec<Vec<Row>>, Failure> {
        let commit = [Statement::script(match flush {
            Flush::Now => COMMIT_NOW,
            Flush::Later => COMMIT_LATER,
        })];
        let mut rows = self.end_with(statements, &commit).await?;
        rows.truncate(statements.len());
        Ok(rows)
    }

    /// Runs statements and commits without waiting for the disk. Then runs `next` in another transaction, which is flushed and thereby flushes this
    /// one. All of that takes one round trip. Returns the rows of each statement, and those of `next`, which must change nothing if the first
    /// transaction was rolled back: the server runs it even then.
    ///
    /// A failure whose cause is [`Cause::Lost`] leaves open whether the first transaction was committed, and whether it is flushed. After any other,
    /// it is rolled back.
    pub(super) async fn end_and_flush(
        self,
        statements: &[Statement],
        next: Statement,
    ) -> Result<(Vec<Vec<Row>>, Vec<Row>), Failure> {
        let begin = self.database.begin_statement(READ_WRITE);
        let commits = [Statement::script(COMMIT_LATER), begin, next, Statement::script(COMMIT_NOW)];
        let mut rows = self.end_with(statements, &commits).await?;
        let of_next = rows.drain(statements.len()..).nth(2).unwrap_or_default();
        Ok((rows, of_next))
    }

    /// Runs statements and then `commits`, of which the first is a commit, in one round trip. Returns the rows of each.
    async fn end_with(mut self, statements: &[Statement], commits: &[Statement]) -> Result<Vec<Vec<Row>>, Failure> {
        let begin = self.begin.take();
        let all: Vec<&Statement> = begin.iter().chain(statements).chain(commits).collect();
        let commit = all.len() - commits.len();
        match in_order(&mut self.connection.session, self.database, &all).await {
            Ok(mut rows) => {
                self.connection.check_timeline()?;
                self.connection.keep();
                Ok(rows.split_off(usize::from(begin.is_some())))
            }
            Err(Failed { index, failure, is_reported }) => {
                if failure.cause == Cause::Lost {
                    self.connection.lose(failure.is_standby());
                }
                // After an error that the server did not report, it is not known whether the transaction was committed: the server may have got the
                // commit. If a statement after the commit failed, the transaction was committed.
                let is_rolled_back = is_reported && index <= commit;
                let failure = if is_rolled_back { failure } else { failure.into_loss() };
                // After a loss, the connection is closed rather than kept: it is broken, or its server has become a standby.
                if failure.cause != Cause::Lost {
                    self.roll_back().await;
                }
                Err(failure)
            }
        }
    }

    /// Rolls back, and keeps the connection for later calls, or closes it if this fails.
    pub(super) async fn roll_back(self) {
        if self.begin.is_some() || self.connection.session.client.batch_execute("ROLLBACK").await.is_ok() {
            self.connection.keep();
        }
    }
}

/// The first of several statements that failed.
struct Failed {
    index: usize,
    failure: Failure,
    /// Whether the server has reported the error.
    is_reported: bool,
}

impl Failed {
    fn of(index: usize, error: tokio_postgres::Error) -> Failed {
        Failed { index, is_reported: error.as_db_error().is_some(), failure: error.into() }
    }

    /// Makes the failure of a statement that the server has not answered in time, and closes the connection.
    fn without_answer(index: usize, session: &Session) -> Failed {
        session.abort();
        let error =
            Error::store("PostgreSQL did not answer in time: check that the server and the network work").temporary();
        Failed { index, failure: Failure { error, cause: Cause::Lost }, is_reported: false }
    }
}

/// Sends statements in their order without waiting between them, unless one has to be prepared first. Returns the rows of each, or the first failure: the
/// server refuses the statements after it in the same transaction with errors of their own.
async fn in_order(
    session: &mut Session,
    database: &Database,
    statements: &[&Statement],
) -> Result<Vec<Vec<Row>>, Failed> {
    type Running<'a> = Pin<Box<dyn Future<Output = Result<Vec<Row>, tokio_postgres::Error>> + Send + 'a>>;
    let limit = database.answer_timeout;
    let texts: Vec<String> =
        statements.iter().map(|statement| statement.text.replace("{s}", &database.schema)).collect();
    let all: Vec<(&Statement, &str)> = statements.iter().copied().zip(texts.iter().map(String::as_str)).collect();
    if !all.iter().all(|(statement, text)| statement.is_ready(session, text)) {
        // A statement is not prepared yet, as at its first use on each connection. It is prepared after those before it have run, because it may depend
        // on them.
        let mut rows = Vec::with_capacity(all.len());
        for (index, (statement, text)) in all.into_iter().enumerate() {
            let ran = async {
                statement.prepare(session, text).await?;
                statement.run(session, text).await
            };
            let ran = timeout(limit, ran).await.map_err(|_| Failed::without_answer(index, session))?;
            rows.push(ran.map_err(|error| Failed::of(index, error))?);
        }
        return Ok(rows);
    }
    let session = &*session;
    let mut running: Vec<Running<'_>> = Vec::with_capacity(all.len());
    for (statement, text) in all {
        running.push(Box::pin(statement.run(session, text)));
    }
    let mut results: Vec<Option<Result<Vec<Row>, tokio_postgres::Error>>> = Vec::new();
    results.resize_with(running.len(), || None);
    let mut answered = 0;
    // Each step ends with another answer. `answered` counts the answers before the first that is missing.
    while answered < running.len() && !matches!(results.get(answered), Some(Some(Err(_)))) {
        let step = poll_fn(|context| {
            // The first poll of each sends its statement.
            for (future, result) in running.iter_mut().zip(&mut results) {
                if result.is_none()
                    && let Poll::Ready(ended) = future.as_mut().poll(context)
                {
                    *result = Some(ended);
                }
                if matches!(result, Some(Err(_))) {
                    // If it could not be sent, those after it must not be sent either: the last one may be a commit.
                    break;
                }
            }
            let before = answered;
            answered = results.iter().take_while(|result| matches!(result, Some(Ok(_)))).count();
            let has_failed = matches!(results.get(answered), Some(Some(Err(_))));
            if answered > before || has_failed { Poll::Ready(()) } else { Poll::Pending }
        });
        if timeout(limit, step).await.is_err() {
            return Err(Failed::without_answer(answered, session));
        }
    }
    let results = results.into_iter().flatten().enumerate();
    results.map(|(index, result)| result.map_err(|error| Failed::of(index, error))).collect()
}
