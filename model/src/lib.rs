//! A model of the protocol by which processes share a mirror in PostgreSQL: leases, fencing tokens, numbers of the feed, look-ups of lost commits, and
//! acknowledgements.
//!
//! The model checker stateright visits every state that three processes can reach with a few calls each, and checks the [`guarantees`] in each of them.
//! The tests also change the protocol by one [mistake](Mistake) at a time, and check that the model checker finds a guarantee that the mistake breaks.
//!
//! # Steps
//!
//! Each statement that waits for a lock is a step, and so is each commit. Statements that only read or write what their transaction has locked already are
//! part of the step after them, since no other process can observe when they run. Unless another file is named, the functions are in
//! `core/src/store/postgres`.
//!
//! | step (`server::At`) | in the store |
//! |---|---|
//! | `Take` | `lease::take`: one statement and its commit, which is flushed |
//! | `Release` | `lease::release_one`, which `lease::release` commits without a flush |
//! | `LockScope` | `commit::lock`, the first statement in `commit::decide` and `consumers::step` |
//! | `ReadLease`, `LockLease` | `lease::select` and `lease::check` in `commit::decide`, and in `consumers::step` for an update with a fence. The server computes the remaining time before it waits for the lock of the row |
//! | `Append` | `commit::statements`: `lease::extend`, the rows, and `commit::append`, which takes the numbers from `counter` |
//! | `Commit`, `Mark` | `Transaction::end_and_flush`: a commit that is not flushed, then a second transaction with `CommitId::mark_durable`, whose commit is flushed |
//! | `PutConsumer` | `consumers::step` and `commit::end_attempt`: the row of the consumer, `commit::mark_durable`, `CommitId::log`, and a commit that is flushed |
//! | `Look` | `commit::look`, which `commit::find` and `commit::was_committed` call after a lost commit |
//! | `Extend`, `CommitExtension` | `lease::extend` in a write of an empty batch (`commit::attempt`), and its commit, which is flushed |
//! | `Flush` | `consumers::flush` |
//! | a process in `Call::Poll` | `feed::page`, and `PutConsumer` where `Mirror::note_poll` (`core/src/mirror/feed.rs`) writes: `consumers::note_poll` does this in one round trip, and repeats it after a lost commit. For a worker, `Shared::read` (`core/src/mirror/consumer.rs`), and `Flush` where that flushes |
//!
//! A worker of a consumer with partitions takes a lease of its own (`Join`). It takes a partition (`Claim`) by a decision of `consumers::step` that writes the
//! number and the token of its lease into the consumer's row, if the row names no worker, or one whose lease has ended. To find out whether it has ended, the
//! worker reads the row and then a list of the leases: if the row names a worker whose lease the list lacks, that lease has ended. An acknowledgement is a
//! decision as well: it is stored only if the row still names the worker. `Renew` is a write of an empty batch with the lease's fence, and `Leave` removes
//! the worker from the row.
//!
//! An iterator (`Mirror::changes`) takes the lease of the consumer (`Take`). It acknowledges by an update with the fence of that lease, which does not extend
//! the lease: the row has no partition, and names no worker.
//!
//! The list of the leases (`lease::list`) has those that have not expired, and those that a transaction has locked, because it may extend one whose former
//! expiry has passed. It is no step of its own: it waits for no lock, and its own locks end with it.
//!
//! Receivers in one process may write several events in one transaction (`group`). The model has one write in each transaction.
//!
//! # Faults
//!
//! - A process ends at any point.
//! - A connection is lost at any point. The server still runs what it has received, or ends the transaction.
//! - The server crashes, and loses the commits that were not flushed. Behind pgbouncer, the second transaction of a write that was sent before
//!   the crash can run after it.
//! - A process stops for any time, and then sends what it had prepared. A stop needs no step of its own, because each process may take its next step at
//!   any later time, and time can pass in any state.
//! - The clock of a process jumps ahead.
//!
//! # What is left out
//!
//! Several consumers and several partitions, writes that lock all scopes, trimming, and failover to a server that lacks commits. A deadlock and a timeout end
//! a transaction as a lost connection does. A process has at most one lost connection whose transaction has not ended: until that transaction ends, the process
//! neither loses another connection nor dies.

pub mod guarantees;
mod process;
mod server;
mod symmetry;

pub use process::{Call, Process};
pub use server::{DURATION, Rows, Which};
pub use symmetry::representative;

use server::At;
use stateright::Model as StateMachine;

/// How many processes there are.
pub const PROCESSES: usize = 3;

/// The protocol with the calls of the processes and the faults that occur.
#[derive(Clone, Debug)]
pub struct Model {
    /// The calls that each process makes, in order. Processes with the same calls have to be next to each other, so that [`representative`]
    /// exchanges only those.
    pub calls: [&'static [Call]; PROCESSES],
    /// How many times, at most, a process starts with its first call again after it has lost its lease.
    pub runs: u8,
    /// How many changes the feed has in the beginning.
    pub changes: u8,
    /// The largest number of faults of each kind.
    pub faults: Faults,
    /// The mistake in the protocol, or `None`.
    pub mistake: Option<Mistake>,
    /// What is checked: names of [`guarantees`].
    pub checks: Vec<&'static str>,
}

/// How many faults of each kind can occur.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Faults {
    /// A process ends.
    pub deaths: u8,
    /// The server crashes.
    pub crashes: u8,
    /// A connection is lost.
    pub losses: u8,
    /// The clock of a process jumps ahead.
    pub jumps: u8,
}

/// A mistake in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// A write checks that the lease is held, but not with which token.
    TokenNotChecked,
    /// A lease that is taken over keeps its token.
    TokenNotIncreased,
    /// A write checks its lease in a transaction of its own, before that of the write.
    LeaseCheckedBefore,
    /// A write checks its lease without locking its row.
    LeaseNotLocked,
    /// A lease expires by the clock of the process that takes it.
    ClientsClock,
    /// The commit that takes a lease is not flushed.
    TakeNotFlushed,
    /// All calls that take a lease have the same name. Each can therefore take the lease from its holder, as if it repeated its own attempt.
    SameHolder,
    /// A call that takes the lease is repeated after its connection was lost, and the second attempt increases the token, although the server may run the
    /// first attempt after the second one.
    RepeatedTakeCounts,
    /// A release does not name the token.
    ReleaseWithoutToken,
    /// A lease of a process that has ended does not expire.
    NeverExpires,
    /// Numbers come from a sequence.
    NumbersOfSequence,
    /// A write whose connection was lost during the commit is repeated without a look-up.
    RetryWithoutLookUp,
    /// The look-up does not wait for the lost transaction.
    LookUpWithoutLock,
    /// A commit is identified by its revision. After a crash, another commit can have the same one.
    RevisionAsId,
    /// A write returns before its commit is flushed.
    CommitNotFlushed,
    /// A change is recorded as durable by the commit that is not flushed.
    MarkedBeforeFlush,
    /// The transaction that flushes a commit does not check whether a crash has undone the commit.
    MarkedWithoutLookUp,
    /// A poll returns changes without a flush.
    HandedOutUnflushed,
    /// An acknowledgement of a worker is stored whichever worker holds the partition.
    AcknowledgementWithoutToken,
    /// An acknowledgement of an iterator has no fence: the process relies on what it knows of its lease.
    AcknowledgementWithoutFence,
    /// A lease is extended although it has ended since it was checked.
    ExtendedAfterItsEnd,
    /// The list of the leases lacks a lease that has expired although a transaction has checked it and may extend it.
    ListedWithoutLock,
    /// A worker takes the partition from another one that its list of the leases lacks, although the other one may have joined after the list was read.
    EndedByLaterRow,
    /// A consumer's row is read without the lock of its scope.
    ConsumerNotLocked,
}

/// A state of the server and the processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The rows that statements see.
    pub rows: Rows,
    /// The rows that a crash of the server keeps.
    pub flushed: Rows,
    /// The processes.
    pub processes: [Process; PROCESSES],
    /// The faults that can still occur.
    pub faults: Faults,
    /// The greatest number of a change that a poll has returned.
    pub handed_out: u8,
    /// The greatest number that an acknowledgement has reported as stored.
    pub acknowledged: u8,
    /// The last number that the sequence of [`Mistake::NumbersOfSequence`] has returned.
    pub sequence: u8,
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A process receives an answer, if there is one, and sends its next statements.
    Process(usize),
    /// The server runs the next statement of a session.
    Server(usize, Which),
    /// The server ends what is left of a lost connection.
    Abort(usize),
    /// A connection is lost.
    Lose(usize),
    /// A process ends.
    Die(usize),
    /// The clock of a process jumps ahead.
    Jump(usize),
    /// Time passes.
    Tick,
    /// The server flushes all commits by itself.
    Flush,
    /// The server crashes and starts again. Connections are lost; behind pgbouncer, those that are between the two transactions of a write are kept.
    Crash {
        /// Whether the processes connect through pgbouncer.
        pooled: bool,
    },
}

impl Model {
    /// Returns whether the protocol has this mistake.
    pub(crate) fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    /// Returns the call that a process makes, or `None` after its last one.
    pub(crate) fn call(&self, process: &Process) -> Option<Call> {
        self.calls[usize::from(process.role)].get(usize::from(process.call)).copied()
    }

    /// Returns how many writes precede the call that a process makes: the number of this call, if it is a write.
    pub(crate) fn write(&self, process: &Process) -> u8 {
        let before = self.calls[usize::from(process.role)].iter().take(usize::from(process.call));
        before.filter(|call| call.is_write()).count() as u8
    }

    /// Describes a step for the output of a test.
    pub fn describe(&self, state: &State, action: Action) -> String {
        match action {
            Action::Process(process) => {
                let answer = match state.processes[process].session.at {
                    At::Nothing => String::new(),
                    at => format!(" receives {at:?} and"),
                };
                let next = self.next_state(state, action).map(|next| next.processes[process]);
                let sent = match next.map(|next| (next.has_ended(), next.session.at)) {
                    Some((true, _)) => "ends".to_owned(),
                    Some((false, At::Nothing)) | None => "waits".to_owned(),
                    Some((false, at)) => format!("sends {at:?}"),
                };
                format!("process {process}{answer} {sent}")
            }
            Action::Server(process, which) => {
                let whose = if which == Which::Orphan { "the lost connection of " } else { "" };
                let at = state.session(process, which).at;
                format!("the server runs {at:?} for {whose}process {process}")
            }
            Action::Abort(process) => format!("the server ends the lost connection of process {process}"),
            Action::Lose(process) => format!("process {process} loses its connection"),
            Action::Die(process) => format!("process {process} dies"),
            Action::Jump(process) => format!("the clock of process {process} jumps ahead"),
            Action::Tick => "time passes".to_owned(),
            Action::Flush => "the server flushes what was committed".to_owned(),
            Action::Crash { pooled: false } => "the server crashes and starts again".to_owned(),
            Action::Crash { pooled: true } => "the server crashes and starts again behind pgbouncer".to_owned(),
        }
    }
}

impl State {
    /// Lets time pass, or returns `None` if that changes nothing.
    fn tick(mut self, model: &Model) -> Option<State> {
        let before = self;
        if !model.makes(Mistake::NeverExpires) {
            for lease in self.rows.leases.iter_mut().chain(&mut self.flushed.leases) {
                lease.left = lease.left.saturating_sub(1);
            }
        }
        for process in &mut self.processes {
            process.left = process.left.saturating_sub(1);
            process.session.tick();
            process.orphan.tick();
        }
        (self != before).then_some(self)
    }

    /// Crashes the server. Commits that were not flushed are undone, and connections are lost, except, if `pooled`, for sessions between the two
    /// transactions of a write.
    fn crash(mut self, model: &Model, pooled: bool) -> State {
        self.rows = self.flushed;
        for process in &mut self.processes {
            process.orphan = server::Session::default();
            if !(pooled && matches!(process.session.at, At::Mark { .. })) {
                process.lost(model);
            }
        }
        self
    }
}

impl StateMachine for Model {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut rows = Rows { counter: self.changes, length: self.changes, durable: self.changes, ..Rows::default() };
        for (index, change) in rows.changes.iter_mut().take(usize::from(self.changes)).enumerate() {
            change.number = index as u8 + 1;
            change.process = PROCESSES as u8;
            change.write = index as u8;
        }
        let same = |index: usize| self.calls.iter().position(|calls| calls == &self.calls[index]).unwrap_or(index);
        vec![State {
            rows,
            flushed: rows,
            processes: std::array::from_fn(|index| Process { role: same(index) as u8, ..Process::default() }),
            faults: self.faults,
            handed_out: 0,
            acknowledged: 0,
            sequence: self.changes,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let Faults { deaths, crashes, losses, jumps } = state.faults;
        for (index, process) in state.processes.iter().enumerate() {
            if process.session.is_running() {
                actions.push(Action::Server(index, Which::Current));
            } else if !process.has_ended() {
                actions.push(Action::Process(index));
            }
            if process.orphan.is_running() {
                actions.push(Action::Server(index, Which::Orphan));
            }
            let is_alone = process.orphan.at == At::Nothing;
            if !is_alone {
                actions.push(Action::Abort(index));
            }
            if losses > 0 && is_alone && process.session.at != At::Nothing {
                actions.push(Action::Lose(index));
            }
            if deaths > 0 && is_alone && !process.has_ended() {
                actions.push(Action::Die(index));
            }
            if jumps > 0 && !process.has_ended() && process.clock == 0 {
                actions.push(Action::Jump(index));
            }
        }
        actions.push(Action::Tick);
        if crashes > 0 && state.rows != state.flushed {
            actions.push(Action::Flush);
        }
        if crashes > 0 {
            actions.push(Action::Crash { pooled: false });
            if state.processes.iter().any(|process| matches!(process.session.at, At::Mark { .. })) {
                actions.push(Action::Crash { pooled: true });
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = *state;
        match action {
            Action::Process(process) => next = next.step(self, process)?,
            Action::Server(process, which) => next = next.run(self, process, which)?,
            Action::Tick => next = next.tick(self)?,
            Action::Abort(process) => next.processes[process].orphan = server::Session::default(),
            Action::Lose(process) => {
                next.faults.losses -= 1;
                next.processes[process].lose(self);
            }
            Action::Die(process) => {
                next.faults.deaths -= 1;
                next.processes[process].die();
            }
            Action::Jump(process) => {
                next.faults.jumps -= 1;
                next.processes[process].clock = DURATION;
            }
            Action::Flush => next.flushed = next.rows,
            Action::Crash { pooled } => {
                next.faults.crashes -= 1;
                next = next.crash(self, pooled);
            }
        }
        if next.faults.crashes == 0 {
            // No crash can follow, so it does not matter what is flushed. With equal rows, the model checker has fewer states to visit.
            next.flushed = next.rows;
        }
        Some(next)
    }

    fn properties(&self) -> Vec<stateright::Property<Model>> {
        guarantees::named(&self.checks)
    }
}
