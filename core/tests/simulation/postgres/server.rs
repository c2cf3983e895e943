//! A model of a PostgreSQL server: transactions with the isolation levels that the store uses, locks, and what crashes and lost connections leave.
//!
//! - A statement of a transaction with [`Mode::ReadCommitted`] reads what was committed when it began, and what its own transaction has written. If it waits
//!   for a row that another transaction has locked, it goes on with the row as it is then, and with all other rows as they were before it waited.
//!   [`Mode::RepeatableRead`] reads as of the first statement of the transaction.
//! - A row is locked by the statement that writes it, or that reads it for an update, until the transaction ends. A transaction that inserts a key waits for
//!   another one that has inserted the same key as well. Requests for the lock of a table are queued, those for the lock of a row are not.
//! - A statement that would wait in a circle fails with a deadlock. One that waits for too long fails, and a transaction that is idle for too long is ended.
//! - After a statement has failed, the server refuses those after it, until the client rolls back.
//! - A commit becomes visible at once. A crash undoes the commits that were not flushed, or the last ones of them. A flush includes all commits before it.
//!
//! Each call of [`Server::step`] runs one command of one session, so that the caller chooses how the commands of sessions interleave. A statement is a
//! closure that reads and writes rows through [`Access`]. If it has to wait for a lock, it is called again after that, and runs from its beginning.

use super::tables::{Key, Sequences, Table, Tables};
use headcount::system::Random;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::task::Waker;

/// Identifies a session. Each connection that is opened gets the next number.
pub(crate) type SessionId = u64;

/// The isolation level of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    ReadCommitted,
    /// Read only.
    RepeatableRead,
}

/// Whether a commit waits until a crash cannot undo it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flush {
    Now,
    Later,
}

/// An error that the server reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// 23505: a row with this key exists.
    UniqueViolation,
    /// 40P01: transactions wait for each other in a circle.
    Deadlock,
    /// 40001.
    SerializationFailure,
    /// 55P03: another transaction has held a lock for too long.
    LockTimeout,
    /// 25P02: an earlier statement of the transaction has failed.
    FailedTransaction,
}

/// Why a statement did not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It waits for the transactions of these sessions.
    Wait(BTreeSet<SessionId>),
    Fail(Code),
}

/// The mode of a lock of the table `scope`. A lock of `Rows` and one of `Exclusive` exclude each other, and so do two of `Exclusive`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableLock {
    /// `ROW EXCLUSIVE`.
    Rows,
    /// `SHARE ROW EXCLUSIVE`.
    Exclusive,
}

impl TableLock {
    fn excludes(self, other: TableLock) -> bool {
        self == TableLock::Exclusive || other == TableLock::Exclusive
    }
}

type Work = Box<dyn FnMut(&mut Access<'_>) -> Result<(), Stop> + Send>;

/// A statement.
pub(crate) struct Statement {
    /// What it does, for the trace.
    name: &'static str,
    work: Work,
}

/// The result of the statement that [`Statement::new`] has made together with it, once the statement has run.
pub(crate) struct Answer<T>(Arc<Mutex<Option<T>>>);

impl<T> Answer<T> {
    /// Takes the result. Panics if the statement has not run.
    pub(crate) fn take(&self) -> T {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take().expect("the statement has run")
    }
}

impl Statement {
    /// Makes a statement, and the answer that has its result once it has run.
    pub(crate) fn new<T: Send + 'static>(
        name: &'static str,
        mut work: impl FnMut(&mut Access<'_>) -> Result<T, Stop> + Send + 'static,
    ) -> (Statement, Answer<T>) {
        let answer = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&answer);
        let work: Work = Box::new(move |access| {
            let value = work(access)?;
            *slot.lock().unwrap() = Some(value);
            Ok(())
        });
        (Statement { name, work }, Answer(answer))
    }

    /// Makes a statement without a result.
    pub(crate) fn run(
        name: &'static str,
        work: impl FnMut(&mut Access<'_>) -> Result<(), Stop> + Send + 'static,
    ) -> Statement {
        Statement { name, work: Box::new(work) }
    }
}

/// A command that a client sends.
pub(crate) enum Command {
    Begin(Mode),
    Run(Statement),
    Commit(Flush),
    RollBack,
}

/// The answers to the commands that a client has sent together.
#[derive(Default)]
pub(crate) struct Exchange(Mutex<Answers>);

/// The state of an [`Exchange`].
#[derive(Default)]
struct Answers {
    /// How many commands were answered without an error.
    answered: usize,
    total: usize,
    failure: Option<Failure>,
    waker: Option<Waker>,
}

/// The first error of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server reported the error for the command with this index.
    Reported(usize, Code),
    /// The connection was lost.
    Lost,
}

impl Exchange {
    /// Returns the result once all commands were answered or one has failed, and otherwise registers the waker.
    pub(crate) fn poll(&self, waker: &Waker) -> Option<Result<(), Failure>> {
        let mut answers = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(failure) = answers.failure {
            return Some(Err(failure));
        }
        if answers.answered == answers.total {
            return Some(Ok(()));
        }
        answers.waker = Some(waker.clone());
        None
    }

    fn answer(&self, failure: Option<Failure>) {
        let mut answers = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match failure {
            None => answers.answered += 1,
            Some(failure) => drop(answers.failure.get_or_insert(failure)),
        }
        if answers.answered == answers.total || answers.failure.is_some() {
            answers.waker.take().into_iter().for_each(Waker::wake);
        }
    }
}

/// A command that was sent, and its index in the exchange.
struct Request {
    command: Command,
    exchange: Arc<Exchange>,
    index: usize,
}

type Write = Arc<dyn Fn(&mut Tables) + Send + Sync>;

/// A transaction that has begun.
struct Transaction {
    mode: Mode,
    /// What a transaction with [`Mode::RepeatableRead`] reads, from its first statement on.
    snapshot: Option<Tables>,
    /// What it has written.
    writes: Vec<Write>,
    /// Whether it has a commit record, which a flush waits for: it has written a row, locked one, or taken a number of a sequence.
    has_record: bool,
    has_failed: bool,
}

struct Session {
    /// The process that has the connection, or `None` after the connection was lost.
    process: Option<usize>,
    queue: VecDeque<Request>,
    transaction: Option<Transaction>,
    /// What the running statement reads, while it waits for a lock.
    snapshot: Option<Tables>,
    /// The sessions that it waits for.
    waits_for: BTreeSet<SessionId>,
    /// The time since which it waits for a lock, or for the client, in microseconds.
    since: i64,
}

/// The locks that transactions hold.
#[derive(Default)]
struct Locks {
    /// The session that has locked each row, by the name of the table and the key.
    rows: BTreeMap<(&'static str, Key), SessionId>,
    /// The locks of the table `scope`.
    scope: Vec<(SessionId, TableLock)>,
    /// Requests for a lock of the table `scope`, in the order in which they were made.
    scope_queue: Vec<(SessionId, TableLock)>,
}

/// Timeouts in microseconds, as `database::settings` sets them for the default options.
const LOCK_TIMEOUT: i64 = 10_000_000;
const IDLE_TIMEOUT: i64 = LOCK_TIMEOUT / 2;

/// The server.
pub(crate) struct Server {
    committed: Tables,
    /// The tables after the last commit that no crash undoes.
    flushed: Tables,
    /// The tables after each commit since the last flush. A crash leaves one of them, or `flushed`.
    unflushed: Vec<Tables>,
    locks: Locks,
    sessions: BTreeMap<SessionId, Session>,
    next: SessionId,
    /// The server's clock, in microseconds since 1970.
    pub(crate) now: i64,
    /// The time before which the server accepts no connections, after a crash.
    down_until: i64,
    /// Whether commands run as soon as they are sent, without calls of [`step`](Server::step).
    is_automatic: bool,
}

impl Server {
    /// Makes a server with an empty schema. If `is_automatic` is set, commands run when they are sent, which is for tests without a scheduler.
    pub(crate) fn new(is_automatic: bool) -> Server {
        Server {
            committed: Tables::new(),
            flushed: Tables::new(),
            unflushed: Vec::new(),
            locks: Locks::default(),
            sessions: BTreeMap::new(),
            next: 1,
            now: 0,
            down_until: 0,
            is_automatic,
        }
    }

    /// Returns the tables after the last commit that no crash undoes.
    pub(crate) fn flushed(&self) -> &Tables {
        &self.flushed
    }

    /// Opens a connection. Returns `None` if the server is down.
    pub(crate) fn connect(&mut self, process: usize) -> Option<SessionId> {
        if self.now < self.down_until {
            return None;
        }
        let id = self.next;
        self.next += 1;
        let session = Session {
            process: Some(process),
            queue: VecDeque::new(),
            transaction: None,
            snapshot: None,
            waits_for: BTreeSet::new(),
            since: self.now,
        };
        self.sessions.insert(id, session);
        Some(id)
    }

    /// Returns whether a connection is open and has no transaction.
    pub(crate) fn is_idle(&self, id: SessionId) -> bool {
        let is_idle = |session: &Session| session.process.is_some() && session.transaction.is_none();
        self.sessions.get(&id).is_some_and(is_idle)
    }

    /// Sends commands on a connection.
    pub(crate) fn send(&mut self, id: SessionId, commands: Vec<Command>) -> Arc<Exchange> {
        let exchange = Arc::new(Exchange::default());
        exchange.0.lock().unwrap().total = commands.len();
        let Some(session) = self.sessions.get_mut(&id).filter(|session| session.process.is_some()) else {
            exchange.answer(Some(Failure::Lost));
            return exchange;
        };
        let requests = commands.into_iter().enumerate();
        session.queue.extend(requests.map(|(index, command)| Request {
            command,
            exchange: Arc::clone(&exchange),
            index,
        }));
        if self.is_automatic {
            while let Some(id) = self.runnable().first().copied() {
                self.step(id);
            }
        }
        exchange
    }

    /// Returns the sessions that have a command to run and do not wait for a lock.
    pub(crate) fn runnable(&self) -> Vec<SessionId> {
        let is_runnable = |session: &Session| !session.queue.is_empty() && session.waits_for.is_empty();
        self.sessions.iter().filter(|(_, session)| is_runnable(session)).map(|(id, _)| *id).collect()
    }

    /// Describes the next command of a session, for the trace.
    pub(crate) fn describe(&self, id: SessionId) -> String {
        let session = &self.sessions[&id];
        let what = match session.queue.front().map(|request| &request.command) {
            None => "no command",
            Some(Command::Begin(_)) => "BEGIN",
            Some(Command::Run(statement)) => statement.name,
            Some(Command::Commit(_)) => "COMMIT",
            Some(Command::RollBack) => "ROLLBACK",
        };
        match session.process {
            Some(process) => format!("process {process}, session {id}: {what}"),
            None => format!("lost session {id}: {what}"),
        }
    }

    /// Runs the next command of a session, or makes the session wait for a lock. Does nothing if the session has ended or has no command to run.
    pub(crate) fn step(&mut self, id: SessionId) {
        if !self.sessions.contains_key(&id) {
            return;
        }
        let Some(mut request) = self.session(id).queue.pop_front() else { return };
        let result = match &mut request.command {
            Command::Begin(mode) => self.begin(id, *mode),
            Command::Run(statement) => self.execute(id, statement),
            Command::Commit(flush) => self.commit(id, *flush),
            Command::RollBack => {
                self.roll_back(id);
                Ok(())
            }
        };
        let failure = match result {
            Err(Stop::Wait(others)) => return self.wait(id, request, others),
            Err(Stop::Fail(code)) => {
                self.fail(id);
                Some(Failure::Reported(request.index, code))
            }
            Ok(()) => None,
        };
        self.session(id).snapshot = None;
        request.exchange.answer(failure);
        self.end_if_lost(id);
    }

    fn session(&mut self, id: SessionId) -> &mut Session {
        let now = self.now;
        let session = self.sessions.get_mut(&id).expect("the session exists");
        session.since = now;
        session
    }

    fn begin(&mut self, id: SessionId, mode: Mode) -> Result<(), Stop> {
        let session = self.session(id);
        if session.transaction.as_ref().is_some_and(|transaction| transaction.has_failed) {
            return Err(Stop::Fail(Code::FailedTransaction));
        }
        assert!(session.transaction.is_none(), "the store begins no transaction within another one");
        session.transaction =
            Some(Transaction { mode, snapshot: None, writes: Vec::new(), has_record: false, has_failed: false });
        Ok(())
    }

    fn execute(&mut self, id: SessionId, statement: &mut Statement) -> Result<(), Stop> {
        let committed = self.committed.clone();
        let session = self.sessions.get_mut(&id).expect("the session exists");
        let transaction = session.transaction.as_mut().expect("the store runs statements only in transactions");
        if transaction.has_failed {
            return Err(Stop::Fail(Code::FailedTransaction));
        }
        let snapshot = match transaction.mode {
            Mode::RepeatableRead => transaction.snapshot.get_or_insert_with(|| committed.clone()).clone(),
            Mode::ReadCommitted => session.snapshot.get_or_insert_with(|| committed.clone()).clone(),
        };
        let with_own = |mut tables: Tables| {
            transaction.writes.iter().for_each(|write| write(&mut tables));
            tables
        };
        let mut access = Access {
            seen: with_own(snapshot),
            latest: with_own(committed),
            session: id,
            locks: &mut self.locks,
            sequences: &mut self.committed.sequences,
            now: self.now,
            writes: Vec::new(),
            has_record: false,
        };
        let result = (statement.work)(&mut access);
        let Access { writes, has_record, .. } = access;
        transaction.has_record |= has_record || !writes.is_empty();
        if result.is_ok() {
            assert!(writes.is_empty() || transaction.mode == Mode::ReadCommitted, "the transaction only reads");
            transaction.writes.extend(writes);
        }
        result
    }

    fn commit(&mut self, id: SessionId, flush: Flush) -> Result<(), Stop> {
        let session = self.session(id);
        if session.transaction.as_ref().is_some_and(|transaction| transaction.has_failed) {
            return Err(Stop::Fail(Code::FailedTransaction));
        }
        let Some(transaction) = session.transaction.take() else { return Ok(()) };
        transaction.writes.iter().for_each(|write| write(&mut self.committed));
        if transaction.has_record {
            match flush {
                Flush::Now => self.flush(),
                Flush::Later => self.unflushed.push(self.committed.clone()),
            }
        }
        self.release(id);
        Ok(())
    }

    fn flush(&mut self) {
        self.flushed = self.committed.clone();
        self.unflushed.clear();
    }

    fn roll_back(&mut self, id: SessionId) {
        self.session(id).transaction = None;
        self.release(id);
    }

    /// Marks the transaction of a session as failed, and releases its locks, as the server does when it aborts a transaction.
    fn fail(&mut self, id: SessionId) {
        if let Some(transaction) = &mut self.session(id).transaction {
            transaction.has_failed = true;
            transaction.writes.clear();
        }
        self.release(id);
    }

    /// Releases the locks of a session, and lets the sessions go on that wait for it.
    fn release(&mut self, id: SessionId) {
        self.locks.rows.retain(|_, holder| *holder != id);
        self.locks.scope.retain(|(holder, _)| *holder != id);
        self.locks.scope_queue.retain(|(waiting, _)| *waiting != id);
        for session in self.sessions.values_mut() {
            if session.waits_for.contains(&id) {
                session.waits_for.clear();
            }
        }
    }

    /// Makes a session wait for others, or fails its statement if one of them waits for it, directly or through other sessions.
    fn wait(&mut self, id: SessionId, request: Request, others: BTreeSet<SessionId>) {
        let (mut found, mut next) = (BTreeSet::new(), others.clone());
        while let Some(other) = next.pop_first() {
            if found.insert(other) {
                next.extend(self.sessions.get(&other).map(|session| session.waits_for.clone()).unwrap_or_default());
            }
        }
        if found.contains(&id) {
            self.fail(id);
            self.session(id).snapshot = None;
            request.exchange.answer(Some(Failure::Reported(request.index, Code::Deadlock)));
            return self.end_if_lost(id);
        }
        let session = self.session(id);
        session.queue.push_front(request);
        session.waits_for = others;
    }

    /// Fails the statements that have waited for a lock for too long, and ends the transactions whose client has sent no command for too long.
    pub(crate) fn end_overdue(&mut self) {
        let overdue = |limit: i64, session: &&Session| self.now - session.since >= limit;
        let waiting = |(id, session): (&SessionId, &Session)| {
            (!session.waits_for.is_empty() && overdue(LOCK_TIMEOUT, &session)).then_some(*id)
        };
        let waiting: Vec<SessionId> = self.sessions.iter().filter_map(waiting).collect();
        let idle = |(id, session): (&SessionId, &Session)| {
            let is_idle = session.queue.is_empty() && session.transaction.is_some();
            (is_idle && overdue(IDLE_TIMEOUT, &session)).then_some(*id)
        };
        let idle: Vec<SessionId> = self.sessions.iter().filter_map(idle).collect();
        for id in waiting {
            self.refuse(id, Code::LockTimeout);
        }
        for id in idle {
            self.end(id);
        }
    }

    /// Fails the next command of a session with this error.
    pub(crate) fn refuse(&mut self, id: SessionId, code: Code) {
        let session = self.session(id);
        session.waits_for.clear();
        session.snapshot = None;
        let Some(request) = session.queue.pop_front() else { return };
        self.fail(id);
        request.exchange.answer(Some(Failure::Reported(request.index, code)));
        self.end_if_lost(id);
    }

    /// Returns whether a session has a transaction that has not failed.
    pub(crate) fn is_in_transaction(&self, id: SessionId) -> bool {
        let transaction = self.sessions.get(&id).and_then(|session| session.transaction.as_ref());
        transaction.is_some_and(|transaction| !transaction.has_failed)
    }

    /// Loses a connection. The server still runs the first ones of the commands that wait, none or more, and then rolls back.
    pub(crate) fn lose(&mut self, id: SessionId, random: &dyn Random) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.process = None;
        let received = (random.bits() % (session.queue.len() as u64 + 1)) as usize;
        for request in &session.queue {
            request.exchange.answer(Some(Failure::Lost));
        }
        // A statement that waits for a lock was received.
        let received = received.max(usize::from(!session.waits_for.is_empty()));
        session.queue.truncate(received);
        self.end_if_lost(id);
    }

    /// Loses all connections of a process, which has ended.
    pub(crate) fn lose_all(&mut self, process: usize, random: &dyn Random) {
        let own = self.sessions.iter().filter(|(_, session)| session.process == Some(process));
        for id in own.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.lose(id, random);
        }
    }

    /// Ends a session whose connection was lost, once it has run what it had received.
    fn end_if_lost(&mut self, id: SessionId) {
        if self.sessions.get(&id).is_some_and(|session| session.process.is_none() && session.queue.is_empty()) {
            self.end(id);
        }
    }

    /// Ends a session and rolls back its transaction.
    fn end(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.remove(&id) {
            session.queue.iter().for_each(|request| request.exchange.answer(Some(Failure::Lost)));
            self.release(id);
        }
    }

    /// Crashes the server, which restarts after `pause` microseconds: all connections are lost, and the commits that were not flushed, or the last ones
    /// of them, are undone. Some of the connections on which a transaction was sent that has not begun are kept, as pgbouncer keeps them, and the
    /// transaction runs after the restart.
    pub(crate) fn crash(&mut self, pause: i64, random: &dyn Random) {
        let can_be_kept =
            |session: &Session| session.process.is_some() && session.transaction.is_none() && !session.queue.is_empty();
        let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in ids {
            if !can_be_kept(&self.sessions[&id]) || random.bits().is_multiple_of(2) {
                self.end(id);
            }
        }
        let kept = (random.bits() % (self.unflushed.len() as u64 + 1)) as usize;
        if let Some(tables) = kept.checked_sub(1).map(|index| self.unflushed.swap_remove(index)) {
            self.flushed = tables;
        }
        self.committed = self.flushed.clone();
        self.unflushed.clear();
        self.locks = Locks::default();
        self.down_until = self.now + pause;
    }

    /// Returns the tables with the writes of transactions that are not committed. Used for a [`Mistake`](super::Mistake) only.
    pub(crate) fn uncommitted(&self) -> Tables {
        let mut tables = self.committed.clone();
        let transactions = self.sessions.values().filter_map(|session| session.transaction.as_ref());
        transactions.flat_map(|transaction| &transaction.writes).for_each(|write| write(&mut tables));
        tables
    }
}

/// The rows, as a statement reads and writes them.
pub(crate) struct Access<'a> {
    /// The rows that the statement reads.
    seen: Tables,
    /// The rows as they are now, with those that the transaction has written before this statement.
    latest: Tables,
    session: SessionId,
    locks: &'a mut Locks,
    sequences: &'a mut Sequences,
    /// The server's clock, in microseconds.
    pub(crate) now: i64,
    writes: Vec<Write>,
    has_record: bool,
}

impl Access<'_> {
    /// Returns the rows of a table that the statement sees.
    pub(crate) fn rows<V>(&self, table: Table<V>) -> &BTreeMap<Key, V> {
        (table.of)(&self.seen)
    }

    /// Returns a row that the statement sees.
    pub(crate) fn row<V>(&self, table: Table<V>, key: impl Into<Key>) -> Option<&V> {
        self.rows(table).get(&key.into())
    }

    /// Returns a row as it is now, without a lock. Used for a [`Mistake`](super::Mistake) only.
    pub(crate) fn latest_row<V>(&self, table: Table<V>, key: impl Into<Key>) -> Option<&V> {
        (table.of)(&self.latest).get(&key.into())
    }

    /// Locks a key, whether or not it has a row, and returns the row as it is now, as `ON CONFLICT` does.
    pub(crate) fn lock_key<V: Clone>(&mut self, table: Table<V>, key: impl Into<Key>) -> Result<Option<V>, Stop> {
        let key = key.into();
        let holder = *self.locks.rows.entry((table.name, key.clone())).or_insert(self.session);
        if holder != self.session {
            return Err(Stop::Wait([holder].into()));
        }
        self.has_record = true;
        Ok((table.of)(&self.latest).get(&key).cloned())
    }

    /// Locks a row that the statement sees, and returns it as it is now, as `UPDATE` and `SELECT … FOR NO KEY UPDATE` do. Returns `None` if the statement
    /// sees no such row, or if it was deleted since.
    pub(crate) fn lock_row<V: Clone>(&mut self, table: Table<V>, key: impl Into<Key>) -> Result<Option<V>, Stop> {
        let key = key.into();
        if !self.rows(table).contains_key(&key) {
            return Ok(None);
        }
        self.lock_key(table, key)
    }

    /// As [`lock_row`](Access::lock_row), but returns `None` if another transaction has locked the row: `SKIP LOCKED`.
    pub(crate) fn try_lock_row<V: Clone>(&mut self, table: Table<V>, key: impl Into<Key>) -> Option<V> {
        self.lock_row(table, key).ok().flatten()
    }

    /// Locks the table `scope`.
    pub(crate) fn lock_scopes(&mut self, mode: TableLock) -> Result<(), Stop> {
        let Locks { scope, scope_queue, .. } = &mut *self.locks;
        let own = self.session;
        if scope.iter().any(|(holder, held)| *holder == own && (*held == mode || *held == TableLock::Exclusive)) {
            return Ok(());
        }
        if !scope_queue.iter().any(|(waiting, _)| *waiting == own) {
            scope_queue.push((own, mode));
        }
        let before = scope_queue.iter().take_while(|(waiting, _)| *waiting != own);
        let excluding = scope.iter().chain(before).filter(|(other, held)| *other != own && held.excludes(mode));
        let others: BTreeSet<SessionId> = excluding.map(|(other, _)| *other).collect();
        if !others.is_empty() {
            return Err(Stop::Wait(others));
        }
        scope_queue.retain(|(waiting, _)| *waiting != own);
        scope.push((own, mode));
        Ok(())
    }

    /// Inserts or replaces a row whose key this transaction has locked.
    pub(crate) fn put<V: Clone + Send + Sync>(&mut self, table: Table<V>, key: impl Into<Key>, value: V) {
        let key = key.into();
        self.writes.push(Arc::new(move |tables| drop((table.of_mut)(tables).insert(key.clone(), value.clone()))));
    }

    /// Deletes a row that this transaction has locked.
    pub(crate) fn delete<V>(&mut self, table: Table<V>, key: impl Into<Key>) {
        let key = key.into();
        self.writes.push(Arc::new(move |tables| drop((table.of_mut)(tables).remove(&key))));
    }

    /// Inserts a row, or fails if the key has one. Waits for a transaction that has inserted or deleted a row with this key.
    pub(crate) fn insert<V: Clone + Send + Sync>(
        &mut self,
        table: Table<V>,
        key: impl Into<Key>,
        value: V,
    ) -> Result<(), Stop> {
        let key = key.into();
        if self.lock_key(table, key.clone())?.is_some() {
            return Err(Stop::Fail(Code::UniqueViolation));
        }
        self.put(table, key, value);
        Ok(())
    }

    /// Takes the next number of a sequence. It stays taken if the transaction is rolled back. To be called when the statement does not wait for a lock any
    /// more, because a statement that waits runs again and takes another number.
    pub(crate) fn next(&mut self, sequence: fn(&mut Sequences) -> &mut i64) -> i64 {
        self.has_record = true;
        let last = sequence(self.sequences);
        *last += 1;
        *last
    }
}
