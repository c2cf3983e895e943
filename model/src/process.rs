//! The processes: which calls each makes, and what it does with each answer.
//!
//! Receiving an answer and sending the next statements is one step. A process that is stopped takes no step while the others take theirs and the clock
//! goes on, so that a stop needs no step of its own: when it continues, it sends what it had decided before.

use crate::server::{At, CONSUMER, ITERATOR, LEASES, Session, Worker, bytes};
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
    /// Acknowledges the changes that the process has got. If the process is a worker, this has an effect only if the consumer's row names the worker. If
    /// it is an iterator, the update has a fence with the token of its lease.
    Acknowledge,
    /// Becomes a worker of the consumer: takes the lease of the lowest number that no other worker has.
    Join,
    /// Takes the partition of the consumer, or waits until it is free.
    Claim,
    /// Extends the lease of a worker, if half of it or less is left.
    Renew,
    /// Releases the partition.
    Leave,
    /// Releases the lease.
    Release,
}

impl Call {
    /// Returns whether the call appends a change to the feed.
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
    /// How many ticks its clock is ahead of the server's.
    pub(crate) clock: u8,
    /// The number of its lease.
    pub(crate) lease: u8,
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
    /// Whether it has done the first read of the call that is running: `Join` reads the list of the leases, and `Claim` the consumer's row.
    pub(crate) has_read: bool,
    /// In `Claim`: the worker that the consumer's row named when it was read. After the leases have been listed: that worker if the list lacks its lease,
    /// and otherwise no worker.
    pub(crate) ended: Worker,
    /// The tokens of the leases that had not ended when they were listed. Only [`Mistake::EndedByLaterRow`] uses them.
    pub(crate) listed: [u8; LEASES],
    /// Whether it holds the partition of the consumer, according to the answers that it has received.
    pub(crate) holds: bool,
    /// The writes whose calls have returned successfully, as a set.
    pub(crate) reported: u8,
    /// The session of its connection.
    pub(crate) session: Session,
    /// The session of a connection that was lost, until the server has run what it received and has ended the transaction.
    pub(crate) orphan: Session,
}

impl Hash for Process {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Process { role, call, run, must_look, clock, lease, token, left, id, got, polls, .. } = *self;
        let Process { has_read, ended, listed, holds, reported, session, orphan, .. } = *self;
        let values = [role, call, run, must_look.into(), clock, lease, token, left, id, got, polls];
        hasher.write_u128(u128::from_le_bytes(bytes(values)));
        let [a, b, c] = listed;
        let values = [has_read.into(), ended.number, ended.token, a, b, c, holds.into(), reported];
        hasher.write_u128(u128::from_le_bytes(bytes(values)));
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
    /// Returns whether the process has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.call == END
    }

    /// Returns whether its calls that poll and acknowledge are those of an iterator: it has a lease, and has not taken the partition with it.
    fn iterates(&self) -> bool {
        self.token > 0 && !self.holds
    }

    /// Returns the worker that it is, or none if it has no lease.
    fn worker(&self) -> Worker {
        match self.token {
            0 => Worker::default(),
            token => Worker { number: self.lease, token },
        }
    }

    /// Returns whether its call looks up a commit during which the connection was lost. `Renew` and the polls of a worker are repeated instead, because
    /// doing them twice has the same effect as doing them once. `Take`, `Join` and `Release` are repeated for the same reason: `Session::may_be_committed`
    /// excludes them.
    fn looks_up(&self, model: &Model) -> bool {
        match model.call(self) {
            Some(Call::Poll) => !self.holds,
            Some(Call::Renew) => false,
            _ => true,
        }
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

    /// Records that the connection was lost. If the transaction may have been committed, the process looks that up next, unless its call is repeated.
    pub(crate) fn lost(&mut self, model: &Model) {
        if self.session.may_be_committed() && self.looks_up(model) {
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
    /// Receives the answer, if there is one, and sends the next statements. Returns `None` if the process has ended, waits for an
    /// answer, or waits until its call can start.
    pub(crate) fn step(mut self, model: &Model, index: usize) -> Option<State> {
        let process = &mut self.processes[index];
        if process.has_ended() || process.session.is_running() {
            return None;
        }
        let session = std::mem::take(&mut process.session);
        match session.at {
            At::Taken { token: 0, .. } if model.call(process) == Some(Call::Join) => {
                // Another worker has the lease of this number. The next number is tried, and after the last one the leases are listed again.
                process.lease = (process.lease + 1) % LEASES as u8;
                process.has_read = process.lease > 0;
                let _ = self.send(model, index);
            }
            At::Nothing | At::Taken { token: 0, .. } => self.send(model, index)?,
            At::Taken { token, left } => {
                process.token = token;
                process.left = left;
                self.next(model, index);
            }
            At::Released => self.next(model, index),
            // The lease was lost. The transaction is rolled back, and the call fails.
            At::Loaded { is_held: false, .. } => self.start_again(model, index),
            At::Loaded { extends, .. } => self.decide(model, index, session, extends),
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

    /// Decides what to write, given the loaded rows.
    fn decide(&mut self, model: &Model, index: usize, loaded: Session, extends: bool) {
        let process = &mut self.processes[index];
        let put = Session { at: At::PutConsumer, ..loaded };
        let own = process.worker();
        let sent = match model.call(process) {
            Some(Call::Write { .. }) => Session { at: At::Append { extends }, ..loaded },
            Some(Call::Renew) if extends => {
                Session { at: At::Extend, cursor: 0, polled: 0, latest: 0, worker: Worker::default(), ..loaded }
            }
            Some(Call::Poll) => Session { polled: loaded.polled.max(process.polls), ..put },
            Some(Call::Acknowledge)
                if loaded.worker != own
                    && !process.iterates()
                    && !model.makes(Mistake::AcknowledgementWithoutToken) =>
            {
                return self.start_again(model, index);
            }
            Some(Call::Acknowledge) if process.got > loaded.cursor => {
                Session { cursor: process.got, polled: loaded.polled.max(process.got), ..put }
            }
            Some(Call::Claim) if loaded.worker != own => {
                let is_free = match model.makes(Mistake::EndedByLaterRow) {
                    false => loaded.worker == process.ended,
                    true => process.listed[usize::from(loaded.worker.number)] != loaded.worker.token,
                };
                if loaded.worker.is_some() && !is_free {
                    // Another worker has the partition, so the row is read again.
                    process.has_read = false;
                    return;
                }
                Session { worker: own, ..put }
            }
            Some(Call::Leave) if loaded.worker == own => Session { worker: Worker::default(), ..put },
            // Nothing has to be written. The end of the transaction is no step, because it changes nothing.
            _ => return self.succeed(model, index),
        };
        self.processes[index].session = sent;
    }

    /// Records that the call has returned successfully, and begins the next one.
    fn succeed(&mut self, model: &Model, index: usize) {
        let process = &mut self.processes[index];
        match model.call(process) {
            Some(Call::Write { .. }) => process.reported |= 1 << model.write(process),
            Some(Call::Poll) => {
                process.got = process.polls;
                self.handed_out = self.handed_out.max(process.got);
            }
            Some(Call::Acknowledge) => self.acknowledged = self.acknowledged.max(process.got),
            Some(Call::Claim) => process.holds = true,
            _ => {}
        }
        self.processes[index].id += 1;
        self.next(model, index);
    }

    /// Begins the next call, or ends the process after its last one.
    fn next(&mut self, model: &Model, index: usize) {
        let process = &mut self.processes[index];
        process.call += 1;
        (process.polls, process.has_read, process.ended) = (0, false, Worker::default());
        process.listed = [0; LEASES];
        if model.call(process).is_none() {
            process.die();
            return;
        }
        // A call that cannot start yet starts in a later step.
        let _ = self.send(model, index);
    }

    /// After a lost lease: starts with the first call again, or ends the process if it has done that [`runs`](Model::runs) times.
    fn start_again(&mut self, model: &Model, index: usize) {
        let process = &mut self.processes[index];
        if process.run < model.runs {
            let Process { role, run, clock, id, reported, orphan, .. } = *process;
            *process = Process { role, run: run + 1, clock, id, reported, orphan, ..Process::default() };
            let _ = self.send(model, index);
        } else {
            process.die();
        }
    }

    /// Sends the first statements of the call, or of the look-up. Returns `None` if the call cannot start.
    fn send(&mut self, model: &Model, index: usize) -> Option<()> {
        let rows = self.rows;
        let listed = self.listed(model);
        let process = &mut self.processes[index];
        let call = model.call(process)?;
        let scope = match call {
            Call::Write { scope } => scope,
            _ => CONSUMER,
        };
        let (lease, own) = (process.lease, process.worker());
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
            Call::Join if !process.has_read => {
                // The list of the leases. The lowest number that is not in it is taken.
                let is_free = |number: &u8| !listed[usize::from(*number)];
                process.lease = (0..LEASES as u8).find(is_free)?;
                process.has_read = true;
                return Some(());
            }
            Call::Join => Session { at: At::Take, lease, holder: holder(index, process.run), ..Session::default() },
            Call::Release => {
                process.left = 0;
                Session { at: At::Release, lease, token: process.token, ..Session::default() }
            }
            Call::Write { .. } => Session { at: first, token: process.token, write: model.write(process), ..write },
            Call::Acknowledge if process.iterates() => {
                let own = Worker { number: ITERATOR, ..own };
                let has_fence = !model.makes(Mistake::AcknowledgementWithoutFence);
                let token = if has_fence { process.token } else { 0 };
                Session { at: first, lease, token, own, ..write }
            }
            Call::Acknowledge => Session { at: first, own, ..write },
            Call::Renew => Session { at: first, lease, token: process.token, ..write },
            Call::Leave => {
                process.holds = false;
                Session { at: first, own, ..write }
            }
            Call::Claim if !process.has_read => {
                process.ended = rows.worker;
                process.has_read = true;
                return Some(());
            }
            Call::Claim => {
                // The list of the leases is read after the row.
                if !rows.is_live(own, &listed) {
                    self.start_again(model, index);
                    return Some(());
                }
                if rows.is_live(process.ended, &listed) {
                    process.ended = Worker::default();
                }
                if model.makes(Mistake::EndedByLaterRow) {
                    process.listed =
                        std::array::from_fn(|number| if listed[number] { rows.leases[number].token } else { 0 });
                }
                Session { at: first, own, ..write }
            }
            Call::Poll if process.holds => {
                let last = rows.feed().iter().map(|change| change.number).max().unwrap_or(0);
                if last <= rows.cursor {
                    return None;
                }
                process.polls = last;
                if last <= rows.durable || model.makes(Mistake::HandedOutUnflushed) {
                    self.succeed(model, index);
                    return Some(());
                }
                Session { at: At::Flush, ..Session::default() }
            }
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
