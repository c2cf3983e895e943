//! Tests of the model of the server, and of the store on it.

use super::server::TableLock;
use super::server::{
    Access, Answer, Code, Command, Exchange, Failure, Flush, Mode, Server, SessionId, Statement, Stop,
};
use super::tables::{COUNTER, DURABLE, Key, PENDING};
use crate::random::SeededRandom;
use std::sync::Arc;
use std::task::Waker;

/// A server whose sessions a test runs one command at a time, and the random numbers for its crashes and lost connections.
struct Sessions {
    server: Server,
    random: SeededRandom,
}

impl Sessions {
    fn new() -> Sessions {
        Sessions { server: Server::new(false), random: SeededRandom::new(1) }
    }

    /// Opens a session and begins a transaction.
    fn open(&mut self, mode: Mode) -> SessionId {
        let id = self.server.connect(0).unwrap();
        self.run(id, Command::Begin(mode)).unwrap();
        id
    }

    /// Sends a command and runs it. Panics if it has to wait.
    fn run(&mut self, id: SessionId, command: Command) -> Result<(), Failure> {
        let exchange = self.start(id, command);
        poll(&exchange).expect("the command does not wait")
    }

    /// Sends a command and runs it, or begins to wait.
    fn start(&mut self, id: SessionId, command: Command) -> Arc<Exchange> {
        let exchange = self.server.send(id, vec![command]);
        self.server.step(id);
        exchange
    }

    fn read<T: Send + 'static>(&mut self, id: SessionId, read: impl Fn(&Access<'_>) -> T + Send + 'static) -> T {
        let (statement, answer) = Statement::new("read", move |access| Ok(read(access)));
        self.run(id, Command::Run(statement)).unwrap();
        answer.take()
    }

    fn commit(&mut self, id: SessionId, flush: Flush) {
        self.run(id, Command::Commit(flush)).unwrap();
    }

    /// Crashes the server, and returns the counter that is stored after the crash.
    fn counter_after_crash(&mut self) -> i64 {
        self.server.crash(0, &self.random);
        let id = self.open(Mode::RepeatableRead);
        self.read(id, counter)
    }
}

fn poll(exchange: &Exchange) -> Option<Result<(), Failure>> {
    exchange.poll(Waker::noop())
}

fn counter(access: &Access<'_>) -> i64 {
    access.row(COUNTER, 1).copied().unwrap()
}

/// `UPDATE counter SET change = change + 1 RETURNING change`.
fn increment() -> (Command, Answer<i64>) {
    let (statement, answer) = Statement::new("increment", |access| {
        let next = access.lock_row(COUNTER, 1)?.unwrap() + 1;
        access.put(COUNTER, 1, next);
        Ok(next)
    });
    (Command::Run(statement), answer)
}

fn lock(key: i64) -> Command {
    Command::Run(Statement::run("lock", move |access| access.lock_row(DURABLE, key).map(drop)))
}

fn insert(key: &'static str) -> Command {
    Command::Run(Statement::run("insert", move |access| access.insert(PENDING, key, (1, 1))))
}

#[test]
fn each_statement_of_read_committed_sees_what_was_committed_before_it() {
    let mut sessions = Sessions::new();
    let (reader, snapshot, writer) =
        (sessions.open(Mode::ReadCommitted), sessions.open(Mode::RepeatableRead), sessions.open(Mode::ReadCommitted));
    assert_eq!(sessions.read(snapshot, counter), 0);
    sessions.run(writer, increment().0).unwrap();

    assert_eq!(sessions.read(reader, counter), 0);
    assert_eq!(sessions.read(writer, counter), 1, "a transaction sees what it has written");
    sessions.commit(writer, Flush::Now);
    assert_eq!(sessions.read(reader, counter), 1);
    assert_eq!(sessions.read(snapshot, counter), 0);
}

#[test]
fn a_statement_that_waited_for_a_row_goes_on_with_the_row_as_it_is_then() {
    let mut sessions = Sessions::new();
    let (one, other) = (sessions.open(Mode::ReadCommitted), sessions.open(Mode::ReadCommitted));
    sessions.run(one, increment().0).unwrap();
    let (statement, seen) = Statement::new("increment", |access| {
        let seen = *access.row(COUNTER, 1).unwrap();
        let locked = access.lock_row(COUNTER, 1)?.unwrap();
        access.put(COUNTER, 1, locked + 1);
        Ok((seen, locked))
    });

    let waiting = sessions.start(other, Command::Run(statement));
    assert_eq!(poll(&waiting), None);
    assert!(sessions.server.runnable().is_empty());
    sessions.commit(one, Flush::Now);
    sessions.server.step(other);

    assert_eq!(poll(&waiting), Some(Ok(())));
    assert_eq!(seen.take(), (0, 1), "other reads of the statement are as of its beginning");
    sessions.commit(other, Flush::Now);
    let reader = sessions.open(Mode::ReadCommitted);
    assert_eq!(sessions.read(reader, counter), 2);
}

#[test]
fn a_lock_ends_with_a_rollback_and_with_an_error() {
    for fails in [false, true] {
        let mut sessions = Sessions::new();
        let (one, other) = (sessions.open(Mode::ReadCommitted), sessions.open(Mode::ReadCommitted));
        sessions.run(one, increment().0).unwrap();
        let (command, next) = increment();
        let waiting = sessions.start(other, command);

        if fails {
            let fail = Statement::run("fail", |_| Err(Stop::Fail(Code::UniqueViolation)));
            sessions.run(one, Command::Run(fail)).unwrap_err();
        } else {
            sessions.run(one, Command::RollBack).unwrap();
        }
        sessions.server.step(other);

        assert_eq!(poll(&waiting), Some(Ok(())));
        assert_eq!(next.take(), 1, "what the other transaction has written is undone");
    }
}

#[test]
fn an_insert_of_a_key_waits_for_an_earlier_insert_of_it() {
    for commits in [false, true] {
        let mut sessions = Sessions::new();
        let (one, other) = (sessions.open(Mode::ReadCommitted), sessions.open(Mode::ReadCommitted));
        sessions.run(one, insert("org_1")).unwrap();
        let waiting = sessions.start(other, insert("org_1"));
        assert_eq!(poll(&waiting), None);

        sessions.run(one, if commits { Command::Commit(Flush::Now) } else { Command::RollBack }).unwrap();
        sessions.server.step(other);

        let violation = Err(Failure::Reported(0, Code::UniqueViolation));
        assert_eq!(poll(&waiting), Some(if commits { violation } else { Ok(()) }));
    }
}

#[test]
fn transactions_that_wait_in_a_circle_end_with_a_deadlock() {
    let mut sessions = Sessions::new();
    let (one, other) = (sessions.open(Mode::ReadCommitted), sessions.open(Mode::ReadCommitted));
    sessions.run(one, lock(1)).unwrap();
    sessions.run(other, lock(2)).unwrap();
    let waiting = sessions.start(one, lock(2));

    assert_eq!(sessions.run(other, lock(1)), Err(Failure::Reported(0, Code::Deadlock)));
    sessions.server.step(one);

    assert_eq!(poll(&waiting), Some(Ok(())));
    assert_eq!(sessions.run(other, lock(3)), Err(Failure::Reported(0, Code::FailedTransaction)));
    sessions.run(other, Command::RollBack).unwrap();
}

#[test]
fn requests_for_the_lock_of_the_table_are_queued() {
    let mut sessions = Sessions::new();
    let ids = [(); 3].map(|()| sessions.open(Mode::ReadCommitted));
    let lock = |mode| Command::Run(Statement::run("lock", move |access| access.lock_scopes(mode)));
    sessions.run(ids[0], lock(TableLock::Rows)).unwrap();

    let exclusive = sessions.start(ids[1], lock(TableLock::Exclusive));
    let rows = sessions.start(ids[2], lock(TableLock::Rows));

    assert_eq!(poll(&exclusive), None);
    assert_eq!(poll(&rows), None, "it was requested after the exclusive lock");
    sessions.commit(ids[0], Flush::Now);
    sessions.server.step(ids[1]);
    assert_eq!(poll(&exclusive), Some(Ok(())));
    sessions.commit(ids[1], Flush::Now);
    sessions.server.step(ids[2]);
    assert_eq!(poll(&rows), Some(Ok(())));
}

#[test]
fn a_row_that_another_transaction_has_locked_is_skipped() {
    let mut sessions = Sessions::new();
    let (one, other) = (sessions.open(Mode::ReadCommitted), sessions.open(Mode::ReadCommitted));
    sessions.run(one, lock(1)).unwrap();
    let (statement, locked) =
        Statement::new("skip", |access| Ok([1, 2].map(|slot| access.try_lock_row(DURABLE, slot).is_some())));
    sessions.run(other, Command::Run(statement)).unwrap();
    assert_eq!(locked.take(), [false, true]);
}

#[test]
fn a_crash_undoes_commits_that_were_not_flushed() {
    let mut kept = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let mut sessions = Sessions { random: SeededRandom::new(seed), ..Sessions::new() };
        for flush in [Flush::Later, Flush::Now, Flush::Later, Flush::Later] {
            let id = sessions.open(Mode::ReadCommitted);
            sessions.run(id, increment().0).unwrap();
            sessions.commit(id, flush);
        }
        kept.insert(sessions.counter_after_crash());
    }
    assert_eq!(
        kept,
        [2, 3, 4].into(),
        "a flush includes the commits before it, and some of the later ones may be kept"
    );
}

#[test]
fn a_commit_of_a_transaction_that_only_read_flushes_no_earlier_commit() {
    let mut sessions = Sessions::new();
    let writer = sessions.open(Mode::ReadCommitted);
    sessions.run(writer, increment().0).unwrap();
    sessions.commit(writer, Flush::Later);
    let reader = sessions.open(Mode::ReadCommitted);
    sessions.read(reader, counter);
    sessions.commit(reader, Flush::Now);
    assert_eq!((COUNTER.of)(sessions.server.flushed())[&Key::Number(1)], 0);
}

#[test]
fn a_lost_connection_runs_some_of_what_was_sent_and_rolls_back() {
    let mut counters = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let mut sessions = Sessions { random: SeededRandom::new(seed), ..Sessions::new() };
        let id = sessions.server.connect(0).unwrap();
        let commands =
            vec![Command::Begin(Mode::ReadCommitted), increment().0, Command::Commit(Flush::Now), Command::RollBack];
        let exchange = sessions.server.send(id, commands);
        let random = sessions.random.clone();
        sessions.server.lose(id, &random);
        assert_eq!(poll(&exchange), Some(Err(Failure::Lost)));
        while let [id, ..] = sessions.server.runnable()[..] {
            sessions.server.step(id);
        }
        let reader = sessions.open(Mode::ReadCommitted);
        counters.insert(sessions.read(reader, counter));
    }
    assert_eq!(counters, [0, 1].into());
}

#[test]
fn a_transaction_whose_client_sends_no_command_is_ended_before_others_time_out() {
    let mut sessions = Sessions::new();
    let (stopped, other) = (sessions.open(Mode::ReadCommitted), sessions.open(Mode::ReadCommitted));
    sessions.run(stopped, increment().0).unwrap();
    let waiting = sessions.start(other, increment().0);

    sessions.server.now += 5_000_000;
    sessions.server.end_overdue();
    sessions.server.step(other);

    assert_eq!(poll(&waiting), Some(Ok(())));
    assert_eq!(sessions.run(stopped, Command::Commit(Flush::Now)), Err(Failure::Lost));
}

#[cfg(feature = "store-testing")]
mod conformance {
    use super::super::{ModelStore, Settings, lease::Releases, server::Server};
    use crate::random::SeededRandom;
    use headcount::store::conformance::{Factory, Setup};
    use headcount::store::{Store, StoreFuture};
    use std::collections::HashMap;
    use std::sync::{Arc, Mutex};

    /// The server of a test, and the releases of its only process.
    #[derive(Clone)]
    struct Place {
        server: Arc<Mutex<Server>>,
        releases: Releases,
    }

    /// Places by the name of the test, so that a test can open its store again.
    #[derive(Default)]
    struct Servers(Mutex<HashMap<String, Place>>);

    fn open(place: Place) -> StoreFuture<'static, Arc<dyn Store>> {
        Box::pin(async {
            let Place { server, releases } = place;
            let random = SeededRandom::new(headcount::system::Random::bits(&headcount::system::OsRandom));
            let settings = Settings { server, process: 0, random, callers_time: true, mistake: None };
            Ok(Arc::new(ModelStore::open_again(settings, releases)) as Arc<dyn Store>)
        })
    }

    impl Factory for Servers {
        fn create(&self, name: String) -> StoreFuture<'_, Arc<dyn Store>> {
            let place = Place { server: Arc::new(Mutex::new(Server::new(true))), releases: Releases::new() };
            self.0.lock().unwrap().insert(name, place.clone());
            open(place)
        }

        fn reopen(&self, name: String) -> Option<StoreFuture<'_, Arc<dyn Store>>> {
            Some(open(self.0.lock().unwrap()[&name].clone()))
        }
    }

    mod all {
        headcount::store_tests!(super::Setup::new(super::Servers::default()));
    }

    mod with_failures {
        headcount::store_tests!(super::Setup::new(super::Servers::default()).flaky(5));
    }
}
