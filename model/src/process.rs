//! The processes: which calls each makes, and what it does with each answer.
//!
//! Receiving an answer and sending the next statements is one step. A process that is stopped takes no step while the others take theirs and the clock
//! goes on, so that a stop needs no step of its own: when it continues, it sends what it had decided before.

use crate::server::{At, CONSUMER, Session};
use crate::{Mistake, Model, State};
use std::hash::{Hash, Hasher};

/// A call of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Takes the lease, or waits until it is free.
    Take,
    /// Appends a change to the feed, in the scope of an organization. If the process has taken the lease, the write has a fence with the lease's token.
    Write {
        /// The organization.
        scope: u8,
    },
    /// Gets the changes after the consumer's cursor, or waits for one.
    Poll,
    /// Acknowledges the changes that the process has got. If the process has taken the lease, the call has a fence with the lease's token.
    Acknowledge,
    /// Releases the lease.
    Release,
}

impl Call {
    pub(crate) fn is_write(self) -> bool {
        matches!(self, Call::Write { .. })
    }
}

/// Value of [`Process::call`] after the process has ended.
const END: u8 = u8::MAX;

/// A process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Index in [`Model::calls`] of its calls. Processes that make the same calls have the index of the first of them.
    pub(crate) role: u8,
    /// Index of its current call among its calls, or [`END`].
    pub(crate) call: u8,
    /// How many times it has started with its first call again, because its lease was lost.
    pub(crate) run: u8,
    /// Whether the connection was lost during a commit, whose result it has to look up.
    pub(crate) must_look: bool,
    /// How far its clock is ahead of the server's.
    pub(crate) clock: u8,
    /// The token of its lease, or 0.
    pub(crate) token: u8,
    /// Ticks of the server's clock for which no other process can take its lease, according to the answers that it has received.
    pub(crate) left: u8,
    /// The id of its next commit, among those of this process.
    pub(crate) id: u8,
    /// The greatest number of a change that it has got.
    pub(crate) got: u8,
    /// The greatest number that the poll which is running returns.
    pub(crate) polls: u8,
    /// The writes whose calls have returned successfully, as a set.
    pub(crate) reported: u8,
    pub(crate) session: Session,
    pub(crate) orphan: Session,
}

impl Hash for Process {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Process { role, call, run, must_look, clock, token, left, id, got, polls, reported, session, orphan } =
            *self;
        hasher.write_u128(u128::from_le_bytes([
            role,
            call,
            run,
            must_look.into(),
            clock,
            token,
            left,
            id,
            got,
            polls,
            reported,
            0,
            0,
            0,
            0,
            0,
        ]));
        session.hash(hasher);
        orphan.hash(hasher);
    }
}

/// How many times a process starts with its first call, at most.
const RUNS: u8 = 8;

/// The random name of a call that takes the lease.
fn holder(process: usize, run: u8) -> u8 {
    1 + process as u8 * RUNS + run
}

/// Returns the name that the call would have if its process were `to(process)`. 0, which is no name, is returned unchanged.
pub(crate) fn rename(name: u8, to: impl Fn(usize) -> usize) -> u8 {
    match name.checked_sub(1) {
        Some(name) => holder(to(usize::from(name / RUNS)), name % RUNS),
        None => 0,
    }
}

impl Process {
    pub(crate) fn has_ended(&self) -> bool {
        self.call == END
    }

    /// Ends the process. Its session becomes an orphan: the server can still run the statements that it has received.
    pub(crate) fn die(&mut self) {
        let orphan = if self.orphan.at == At::Nothing { self.session.orphan() } else { self.orphan };
        *self = Process { role: self.role, call: END, reported: self.reported, orphan, ..Process::default() };
    }

    /// Closes the connection. Its session becomes an orphan: the server can still run the statements that it has received.
    pub(crate) fn lose(&mut self, model: &Model) {
        let orphan = self.session.orphan();
        self.lost(model);
        if orphan.at != At::Nothing {
            self.orphan = orphan;
        }
    }

    /// Notes that the connection was lost.
    pub(crate) fn lost(&mut self, model: &Model) {
        if self.session.may_be_committed() {
            if model.makes(Mistake::RetryWithoutLookUp) {
                self.id += 1;
            } else {
                self.must_look = true;
                if model.makes(Mistake::RevisionAsId) {
                    self.id = self.session.id;
                }
            }
        }
        self.session = Session::default();
    }
}

impl State {
    /// Receives the answer, if there is one, and sends the next statements. Returns `None` if the process waits for an answer, for a change, or has ended.
    pub(crate) fn step(mut self, model: &Model, index: usize) -> Option<State> {
        let process = &mut self.processes[index];
        if process.has_ended() || process.session.is_running() {
            return None;
        }
        let session = std::mem::take(&mut process.session);
        match session.at {
            At::Nothing | At::Taken { token: 0, .. } => self.send(model, index)?,
            At::Taken { token, left } => {
                process.token = token;
                process.left = left;
                self.next(model, index);
            }
            At::Released => self.next(model, index),
            // The lease was lost. The transaction is rolled back, and the call fails.
            At::Loaded { is_held: false, .. } => self.start_again(model, index),
            At::Loaded { extends, .. } if session.scope != CONSUMER => {
                process.session = Session { at: At::Append { extends }, ..session };
            }
            At::Loaded { .. } => {
                let Session { cursor, polled, latest, .. } = session;
                let is_poll = model.call(process) == Some(Call::Poll);
                let at = match is_poll {
                    true => At::PutConsumer { cursor, polled: polled.max(process.polls), mark: latest },
                    false => At::PutConsumer { cursor: cursor.max(process.got), polled, mark: latest },
                };
                if !is_poll && process.got <= cursor {
                    // It is acknowledged already. The transaction is rolled back.
                    self.succeed(model, index);
                } else {
                    process.session = Session { at, cursor: 0, polled: 0, latest: 0, ..session };
                }
            }
            At::Ended { is_committed: true, left } => {
                process.left = process.left.max(left);
                self.succeed(model, index);
            }
            At::Looked { is_committed: true } => {
                process.must_look = false;
                self.succeed(model, index);
            }
            At::Ended { is_committed: false, .. } | At::Looked { is_committed: false } => {
                process.must_look = false;
                process.id += 1;
                let _ = self.send(model, index);
            }
            _ => return None,
        }
        Some(self)
    }

    /// Notes the success of a call that writes, and goes on with the next one.
    fn succeed(&mut self, model: &Model, index: usize) {
        let process = &mut self.processes[index];
        match model.call(process) {
            Some(Call::Write { .. }) => process.reported |= 1 << model.write(process),
            Some(Call::Poll) => {
                process.got = process.polls;
                self.handed_out = self.handed_out.max(process.got);
            }
            Some(Call::Acknowledge) => self.acknowledged = self.acknowledged.max(process.got),
            _ => {}
        }
        self.processes[index].id += 1;
        self.next(model, index);
    }

    /// Goes on with the next call.
    fn next(&mut self, model: &Model, index: usize) {
        let process = &mut self.processes[index];
        process.call += 1;
        process.polls = 0;
        if model.call(process).is_none() {
            process.die();
            return;
        }
        // A call that cannot start yet starts in a later step.
        let _ = self.send(model, index);
    }

    /// After a lost lease: starts with the first call again, or ends.
    fn start_again(&mut self, model: &Model, index: usize) {
        let process = &mut self.processes[index];
        if process.run < model.runs {
            process.run += 1;
            (process.call, process.token, process.left, process.polls, process.got) = (0, 0, 0, 0, 0);
            let _ = self.send(model, index);
        } else {
            process.die();
        }
    }

    /// Sends the first statements of the call, or of the look-up. Returns `None` if the call cannot start.
    fn send(&mut self, model: &Model, index: usize) -> Option<()> {
        let rows = self.rows;
        let process = &mut self.processes[index];
        let call = model.call(process)?;
        let scope = match call {
            Call::Write { scope } => scope,
            _ => CONSUMER,
        };
        let write = Session { scope, id: process.id, ..Session::default() };
        if process.must_look {
            process.session = Session { at: At::Look, ..write };
            return Some(());
        }
        let first = match process.token {
            0 => At::LockScope,
            _ if model.makes(Mistake::LeaseCheckedBefore) => At::ReadLease,
            _ => At::LockScope,
        };
        process.session = match call {
            Call::Take => {
                let holder = if model.makes(Mistake::SameHolder) { 1 } else { holder(index, process.run) };
                Session { at: At::Take, holder, ..Session::default() }
            }
            Call::Release => {
                process.left = 0;
                Session { at: At::Release, token: process.token, ..Session::default() }
            }
            Call::Write { .. } => Session { at: first, token: process.token, write: model.write(process), ..write },
            Call::Acknowledge => Session { at: first, token: process.token, ..write },
            Call::Poll => {
                // One query reads the consumer, the changes after its cursor, and the number up to which changes are recorded as durable.
                let last = rows.feed().iter().map(|change| change.number).max().unwrap_or(0);
                if last <= rows.cursor {
                    return None;
                }
                process.polls = last;
                let is_noted = last <= rows.polled && last <= rows.durable;
                if is_noted || model.makes(Mistake::HandedOutUnflushed) {
                    self.succeed(model, index);
                    return Some(());
                }
                Session { at: At::LockScope, ..write }
            }
        };
        Some(())
    }
}
