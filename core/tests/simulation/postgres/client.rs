//! Connections, transactions and repeated attempts: `database.rs`, `pool.rs` and `failure.rs` of `core/src/store/postgres`.

use super::Mistake;
use super::server::{Code, Command, Exchange, Failure as Answered, Flush, Mode, Server, SessionId, Statement};
use crate::random::SeededRandom;
use headcount::system::Random;
use headcount::{Error, ErrorStatus, Result, Timestamp};
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The most connections of a process.
const CONNECTIONS: usize = 10;

/// How long a call waits for a connection while all are in use.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);

/// `failure::GIVE_UP_AFTER`.
const GIVE_UP_AFTER: Duration = Duration::from_secs(20);

/// `failure::MOST_CONFLICTS`.
const MOST_CONFLICTS: u32 = 20;

/// The connections of one process to the server: `Database` and `Pool`.
pub(crate) struct Database {
    server: Arc<Mutex<Server>>,
    process: usize,
    random: SeededRandom,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<SessionId>>,
    /// Whether leases use the time that the caller passes, and not the server's clock.
    callers_time: bool,
    mistake: Option<Mistake>,
    /// Notified when something was sent to the server.
    sent: Notify,
    has_ended: AtomicBool,
}

impl Database {
    pub(super) fn new(
        server: Arc<Mutex<Server>>,
        process: usize,
        random: SeededRandom,
        callers_time: bool,
        mistake: Option<Mistake>,
    ) -> Database {
        Database {
            server,
            process,
            random,
            permits: Arc::new(Semaphore::new(CONNECTIONS)),
            idle: Mutex::default(),
            callers_time,
            mistake,
            sent: Notify::new(),
            has_ended: AtomicBool::new(false),
        }
    }

    pub(super) fn server(&self) -> MutexGuard<'_, Server> {
        // If a check panics while the server is locked, values that are dropped after that lock it again, and must not panic as well.
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn random(&self) -> &SeededRandom {
        &self.random
    }

    /// Returns whether the protocol is changed by this mistake.
    pub(super) fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    /// Waits until something is sent to the server.
    pub(crate) async fn sent(&self) {
        self.sent.notified().await;
    }

    /// Ends the process: its connections are lost, and nothing is sent any more.
    pub(crate) fn end(&self) {
        self.has_ended.store(true, Ordering::Relaxed);
        self.server().lose_all(self.process, &self.random);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    /// `Database::now`.
    pub(super) fn now(&self, now: Timestamp) -> Option<i64> {
        (self.callers_time || self.makes(Mistake::ClientsClock)).then(|| now.as_microsecond())
    }

    pub(super) fn attempts(&self) -> Attempts<'_> {
        Attempts { random: &self.random, since: None, conflicts: 0, losses: 0 }
    }

    async fn begin(&self, mode: Mode) -> Result<Transaction<'_>, Failure> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        let Ok(permit) = tokio::time::timeout(CONNECTION_TIMEOUT, permit).await else {
            return Err(Error::store("no connection is free").temporary().into());
        };
        let permit = permit.map_err(|_| Failure::from(closed()))?;
        let session = loop {
            let Some(id) = self.idle.lock().unwrap().pop() else { break self.server().connect(self.process) };
            if self.server().is_idle(id) {
                break Some(id);
            }
        };
        let session = session.ok_or_else(lost)?;
        Ok(Transaction { database: self, session, is_kept: false, begin: Some(mode), _permit: permit })
    }

    /// `Database::begin_write`.
    pub(super) async fn begin_write(&self) -> Result<Transaction<'_>, Failure> {
        self.begin(Mode::ReadCommitted).await
    }

    /// `Database::begin_read`.
    pub(super) async fn begin_read(&self) -> Result<Transaction<'_>, Failure> {
        self.begin(Mode::RepeatableRead).await
    }

    /// `Database::read`. `make` makes the statements of an attempt, and a closure that takes their results.
    pub(super) async fn read<T, M: FnOnce() -> T>(&self, make: impl Fn() -> (Vec<Statement>, M)) -> Result<T> {
        let mut attempts = self.attempts();
        loop {
            let (statements, take) = make();
            let result = match self.begin_read().await {
                Ok(transaction) => transaction.end(statements, Flush::Later).await,
                Err(failure) => Err(failure),
            };
            match result {
                Ok(()) => return Ok(take()),
                Err(failure) => attempts.wait(failure).await?,
            }
        }
    }

    /// `Database::read_and_lock`.
    pub(super) async fn read_and_lock<T, M: FnOnce() -> T>(&self, make: impl Fn() -> (Vec<Statement>, M)) -> Result<T> {
        self.change(make, Flush::Later).await
    }

    /// `Database::change`.
    pub(super) async fn change<T, M: FnOnce() -> T>(
        &self,
        make: impl Fn() -> (Vec<Statement>, M),
        flush: Flush,
    ) -> Result<T> {
        let mut attempts = self.attempts();
        loop {
            let (statements, take) = make();
            let result = match self.begin_write().await {
                Ok(transaction) => transaction.end(statements, flush).await,
                Err(failure) => Err(failure),
            };
            match result {
                Ok(()) => return Ok(take()),
                Err(failure) => attempts.wait(failure).await?,
            }
        }
    }
}

/// The error of a call of a store that was closed.
pub(super) fn closed() -> Error {
    Error::store("the store is closed: open it again")
}

fn lost() -> Failure {
    Failure { error: Error::store("the connection was lost").temporary(), cause: Cause::Lost }
}

/// `database::Transaction`.
pub(super) struct Transaction<'a> {
    database: &'a Database,
    session: SessionId,
    /// Whether the connection was put back, to be used again.
    is_kept: bool,
    /// The mode, until the BEGIN is sent.
    begin: Option<Mode>,
    _permit: OwnedSemaphorePermit,
}

impl Transaction<'_> {
    /// `Transaction::has_callers_time`.
    pub(super) fn has_callers_time(&self) -> bool {
        self.database.callers_time
    }

    /// Sends commands, with a BEGIN before the first ones, and waits for the answers.
    async fn send(&mut self, mut commands: Vec<Command>) -> Result<(), Answered> {
        let begins = self.begin.take();
        if let Some(mode) = begins {
            commands.insert(0, Command::Begin(mode));
        }
        let exchange: Arc<Exchange> = self.database.server().send(self.session, commands);
        self.database.sent.notify_one();
        let answer = poll_fn(|context| exchange.poll(context.waker()).map_or(Poll::Pending, Poll::Ready)).await;
        answer.map_err(|failure| match failure {
            // The index among the commands that the caller has passed, without the BEGIN.
            Answered::Reported(index, code) => {
                Answered::Reported(index.saturating_sub(usize::from(begins.is_some())), code)
            }
            Answered::Lost => Answered::Lost,
        })
    }

    /// `Transaction::run`.
    pub(super) async fn run(&mut self, statements: Vec<Statement>) -> Result<(), Failure> {
        Ok(self.send(statements.into_iter().map(Command::Run).collect()).await?)
    }

    /// `Transaction::end`.
    pub(super) async fn end(self, statements: Vec<Statement>, flush: Flush) -> Result<(), Failure> {
        self.end_with(statements, vec![Command::Commit(flush)]).await
    }

    /// `Transaction::end_and_flush`.
    pub(super) async fn end_and_flush(self, statements: Vec<Statement>, next: Statement) -> Result<(), Failure> {
        let commits = vec![
            Command::Commit(Flush::Later),
            Command::Begin(Mode::ReadCommitted),
            Command::Run(next),
            Command::Commit(Flush::Now),
        ];
        self.end_with(statements, commits).await
    }

    async fn end_with(mut self, statements: Vec<Statement>, commits: Vec<Command>) -> Result<(), Failure> {
        let commit = statements.len();
        let commands = statements.into_iter().map(Command::Run).chain(commits).collect();
        match self.send(commands).await {
            Ok(()) => {
                self.keep();
                Ok(())
            }
            Err(answered) => {
                let is_rolled_back = matches!(answered, Answered::Reported(index, _) if index <= commit);
                let failure = Failure::from(answered);
                let failure = if is_rolled_back { failure } else { failure.into_loss() };
                if failure.cause != Cause::Lost {
                    self.roll_back().await;
                }
                Err(failure)
            }
        }
    }

    /// `Transaction::roll_back`.
    pub(super) async fn roll_back(mut self) {
        if self.begin.is_some() || self.send(vec![Command::RollBack]).await.is_ok() {
            self.keep();
        }
    }

    fn keep(&mut self) {
        self.is_kept = true;
        self.database.idle.lock().unwrap().push(self.session);
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.is_kept && !self.database.has_ended() {
            self.database.server().lose(self.session, &self.database.random);
        }
    }
}

/// `failure::Failure`.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) cause: Cause,
}

/// `failure::Cause`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Lost,
    Conflict,
    Final,
}

impl Failure {
    pub(super) fn into_loss(self) -> Failure {
        Failure { cause: Cause::Lost, ..self }
    }

    pub(super) fn into_loss_if_temporary(self) -> Failure {
        if self.error.status() == ErrorStatus::Temporary { self.into_loss() } else { self }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { error, cause: Cause::Final }
    }
}

impl From<Answered> for Failure {
    fn from(answered: Answered) -> Failure {
        let Answered::Reported(_, code) = answered else { return lost() };
        let error = Error::store(format!("PostgreSQL reported an error: {code:?}"));
        match code {
            Code::UniqueViolation | Code::Deadlock | Code::SerializationFailure => {
                Failure { error: error.temporary(), cause: Cause::Conflict }
            }
            Code::LockTimeout => error.temporary().into(),
            Code::FailedTransaction => error.into(),
        }
    }
}

/// `failure::unknown`.
pub(super) fn unknown(cause: Error) -> Error {
    let error = Error::store("the connection was lost during a commit: it is not known whether the write was done");
    error.temporary().with_source(cause)
}

/// `failure::Attempts`.
pub(super) struct Attempts<'a> {
    random: &'a SeededRandom,
    since: Option<Instant>,
    conflicts: u32,
    losses: u32,
}

impl Attempts<'_> {
    pub(super) async fn wait(&mut self, failure: Failure) -> Result<()> {
        let now = Instant::now();
        let pause = match failure.cause {
            Cause::Final => return Err(failure.error),
            Cause::Conflict if self.conflicts >= MOST_CONFLICTS => return Err(failure.error),
            Cause::Conflict => {
                self.conflicts += 1;
                Duration::from_millis(1 << self.conflicts.min(7))
            }
            Cause::Lost if now - *self.since.get_or_insert(now) > GIVE_UP_AFTER => return Err(failure.error),
            Cause::Lost => {
                self.losses += 1;
                Duration::from_millis(if self.losses == 1 { 0 } else { 10 << self.losses.min(6) })
            }
        };
        let jitter = pause.mul_f64(0.5 + (self.random.bits() % 512) as f64 / 1024.0);
        tokio::time::sleep(jitter).await;
        Ok(())
    }
}
