//! The server: the rows, the sessions, and what each statement does.
//!
//! A commit makes its rows visible and releases its locks. The rows that a crash of the server keeps are a second copy, which a flush replaces: a commit
//! that waits for the disk flushes itself and all commits before it.
//!
//! Locks are not stored: which locks a session holds follows from what it runs next.

use crate::{Mistake, Model, PROCESSES, State};
use std::hash::{Hash, Hasher};

/// How long a lease lasts, in ticks of the server's clock.
pub const DURATION: u8 = 2;

/// How many changes the feed has at most.
pub(crate) const CHANGES: usize = 6;

/// How many leases there are.
pub(crate) const LEASES: usize = 3;

/// The scope that consumers lock. The other scopes are organizations.
pub(crate) const CONSUMER: u8 = u8::MAX;

/// The [number](Worker::number) that stands for an iterator over the changes of the consumer. Iterators have the first lease.
pub(crate) const ITERATOR: u8 = u8::MAX;

/// The rows of the tables that the protocol uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// `lease`. Syncs use the first one. Each worker of the consumer has one, whose number is part of its name.
    pub(crate) leases: [Lease; LEASES],
    /// `counter.change`.
    pub(crate) counter: u8,
    /// `change`, in the order of the commits. The entries from `length` on are unused.
    pub(crate) changes: [Change; CHANGES],
    pub(crate) length: u8,
    /// `commit_log`: the ids of each process, as a set.
    pub(crate) commit_log: [u16; PROCESSES],
    /// `durable.change`.
    pub(crate) durable: u8,
    /// `consumer.cursor`.
    pub(crate) cursor: u8,
    /// `consumer.polled`.
    pub(crate) polled: u8,
    /// `consumer.partitions`: the worker that holds the partition. The consumer has only one.
    pub(crate) worker: Worker,
    /// The worker whose acknowledgement last moved the cursor, and the worker that the row named at this commit. If it was an iterator: the iterator with
    /// the token that its lease had at this commit. Only the model has them, for the guarantee `NO_LATE_ACKNOWLEDGEMENT`.
    pub(crate) moved_by: Worker,
    pub(crate) moved_from: Worker,
    /// The sequence of revisions. It stays 0 unless the mistake of the model needs it: ids of commits are unique without it.
    pub(crate) revision: u8,
}

/// A row of `lease`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lease {
    /// The random name of the call that took it, or 0 before the first one.
    pub(crate) holder: u8,
    pub(crate) token: u8,
    /// `expires_at`, as the time that is left.
    pub(crate) left: u8,
}

impl Lease {
    /// Returns the time that is left of it after an extension, or 0 if it has ended, because then it cannot be extended.
    fn extended(&self, model: &Model) -> u8 {
        if self.left > 0 || model.makes(Mistake::ExtendedAfterItsEnd) { DURATION } else { 0 }
    }
}

/// A worker of the consumer: the number of its lease and the token, or 0 and 0 for none. An iterator has the number [`ITERATOR`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Worker {
    pub(crate) number: u8,
    pub(crate) token: u8,
}

impl Worker {
    /// Returns whether this is a worker.
    pub(crate) fn is_some(self) -> bool {
        self.token > 0
    }
}

/// A row of `change`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) number: u8,
    /// The process that wrote it.
    pub(crate) process: u8,
    /// Which of the writes of its process wrote it. A repeated attempt is the same write.
    pub(crate) write: u8,
    /// The token of the write's fence, or 0 without one.
    pub(crate) token: u8,
    /// The token of the lease at the commit of a write with a fence.
    pub(crate) lease: u8,
}

impl Rows {
    /// Returns the changes, in the order of their commits.
    pub(crate) fn feed(&self) -> &[Change] {
        &self.changes[..usize::from(self.length)]
    }

    /// Returns the lease with this number.
    pub(crate) fn lease(&self, number: u8) -> &Lease {
        &self.leases[usize::from(number)]
    }

    /// Returns whether a list of the leases has the lease of a worker, given the numbers that are [listed](State::listed).
    pub(crate) fn is_live(&self, worker: Worker, listed: &[bool; LEASES]) -> bool {
        worker.is_some() && self.lease(worker.number).token == worker.token && listed[usize::from(worker.number)]
    }
}

// Hashing a few large integers takes a fraction of the time of hashing many small ones.

impl Hash for Rows {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Rows { leases, counter, length, durable, cursor, polled, worker, moved_by, moved_from, revision, .. } =
            *self;
        let [a, b, c] = self.commit_log;
        hasher.write_u64(u64::from(a) | u64::from(b) << 16 | u64::from(c) << 32);
        let [d, e, f] = leases.map(|lease| u128::from_le_bytes(bytes([lease.holder, lease.token, lease.left])));
        hasher.write_u128(d | e << 24 | f << 48);
        let workers =
            [worker.number, worker.token, moved_by.number, moved_by.token, moved_from.number, moved_from.token];
        let [g, h, i, j, k, l] = workers;
        let row = [counter, length, durable, cursor, polled, revision, g, h, i, j, k, l];
        hasher.write_u128(u128::from_le_bytes(bytes(row)));
        for &Change { number, process, write, token, lease } in self.feed() {
            hasher.write_u128(u128::from_le_bytes(bytes([number, process, write, token, lease])));
        }
    }
}

impl Hash for Session {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Session { at, scope, lease, token, holder, id, write, cursor, polled, latest, worker, own } = *self;
        let [kind, a, b] = at.bytes();
        let [c, d, e, f] = [worker.number, worker.token, own.number, own.token];
        let values = [kind, a, b, scope, lease, token, holder, id, write, cursor, polled, latest, c, d, e, f];
        hasher.write_u128(u128::from_le_bytes(values));
    }
}

/// Returns the values followed by zeros.
pub(crate) fn bytes<const N: usize>(values: [u8; N]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..N].copy_from_slice(&values);
    bytes
}

/// What the server runs next for a session, or what it has answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum At {
    /// Nothing was sent, or there is no connection.
    #[default]
    Nothing,
    /// `INSERT INTO lease … ON CONFLICT … WHERE expires_at <= now OR holder = …`, and its commit.
    Take,
    /// The answer: the token, or 0 if another holder has the lease, and the time that is left of it.
    Taken { token: u8, left: u8 },
    /// `UPDATE lease SET expires_at = 0 WHERE name = … AND token = …`, and its commit.
    Release,
    /// The answer.
    Released,
    /// `INSERT INTO scope … ON CONFLICT …`: locks the scope.
    LockScope,
    /// `SELECT expires_at - now … WHERE name = … AND token = … FOR NO KEY UPDATE`: reads the row and the clock before it waits for the lock.
    ReadLease,
    /// The same statement: waits for the lock.
    LockLease { left: u8 },
    /// The answer: whether the lease is held, and whether it has to be extended. With them, the rows that were loaded.
    Loaded { is_held: bool, extends: bool },
    /// The statements that write rows, and the last one, which takes the number from `counter` and inserts into `change` and `commit_log`.
    Append { extends: bool },
    /// `COMMIT` without waiting for the disk. `left` is that of an extended lease, or 0.
    Commit { number: u8, left: u8 },
    /// The second transaction, which flushes the first: `UPDATE durable … WHERE EXISTS (SELECT FROM commit_log …)`.
    Mark { left: u8 },
    /// The row of the consumer, the record of the latest number as durable, the id in `commit_log`, and `COMMIT` that waits for the disk.
    PutConsumer,
    /// The statement that extends a lease in a write of nothing else.
    Extend,
    /// Its `COMMIT`, which waits for the disk.
    CommitExtension { left: u8 },
    /// An update of `durable`, and `COMMIT` that waits for the disk: flushes all commits before it.
    Flush,
    /// The answer: whether the transaction was committed and flushed, and the time that is left of a lease that it has extended.
    Ended { is_committed: bool, left: u8 },
    /// The look-up in `commit_log` after a lost commit.
    Look,
    /// The answer.
    Looked { is_committed: bool },
}

impl At {
    /// Returns different bytes for different values.
    fn bytes(self) -> [u8; 3] {
        match self {
            At::Nothing => [0; 3],
            At::Take => [1, 0, 0],
            At::Taken { token, left } => [2, token, left],
            At::Release => [3, 0, 0],
            At::Released => [4, 0, 0],
            At::LockScope => [5, 0, 0],
            At::ReadLease => [6, 0, 0],
            At::LockLease { left } => [7, left, 0],
            At::Loaded { is_held, extends } => [8, is_held.into(), extends.into()],
            At::Append { extends } => [9, extends.into(), 0],
            At::Commit { number, left } => [10, number, left],
            At::Mark { left } => [11, left, 0],
            At::PutConsumer => [12, 0, 0],
            At::Extend => [16, 0, 0],
            At::CommitExtension { left } => [18, left, 0],
            At::Flush => [17, 0, 0],
            At::Ended { is_committed, left } => [13, is_committed.into(), left],
            At::Look => [14, 0, 0],
            At::Looked { is_committed } => [15, is_committed.into(), 0],
        }
    }
}

/// A session of the server, with the values of the statements that were sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Session {
    pub(crate) at: At,
    /// The scope of the transaction.
    pub(crate) scope: u8,
    /// The number of the lease that it takes, releases or checks.
    pub(crate) lease: u8,
    /// The token of its fence, or 0.
    pub(crate) token: u8,
    /// The name in the row of a lease that it takes.
    pub(crate) holder: u8,
    /// The id that it inserts into `commit_log`, or looks for.
    pub(crate) id: u8,
    /// Which write of its process it is.
    pub(crate) write: u8,
    /// `cursor`, `polled` and the worker of the consumer, and the greatest number of a change: as the transaction has read them, and then as it writes them.
    pub(crate) cursor: u8,
    pub(crate) polled: u8,
    pub(crate) latest: u8,
    pub(crate) worker: Worker,
    /// The worker or iterator that it acts for, if any.
    pub(crate) own: Worker,
}

impl Session {
    /// Returns whether it holds the lock of its scope.
    fn holds_scope(&self, model: &Model) -> bool {
        match self.at {
            At::ReadLease | At::LockLease { .. } => !model.makes(Mistake::LeaseCheckedBefore),
            At::Loaded { .. }
            | At::Append { .. }
            | At::Commit { .. }
            | At::PutConsumer
            | At::Extend
            | At::CommitExtension { .. } => true,
            _ => false,
        }
    }

    /// Returns whether its transaction checks the lease.
    fn checks_lease(&self, model: &Model) -> bool {
        self.token > 0 && !model.makes(Mistake::LeaseCheckedBefore)
    }

    /// Returns whether it holds the lock of the lease's row.
    fn holds_lease(&self, model: &Model) -> bool {
        let has_checked = match self.at {
            At::Loaded { is_held, .. } => is_held,
            At::Append { .. } | At::Commit { .. } | At::PutConsumer | At::Extend | At::CommitExtension { .. } => true,
            _ => false,
        };
        has_checked && self.checks_lease(model) && !model.makes(Mistake::LeaseNotLocked)
    }

    /// Returns whether it holds the lock of the counter's row.
    fn holds_counter(&self, model: &Model) -> bool {
        matches!(self.at, At::Commit { .. }) && !model.makes(Mistake::NumbersOfSequence)
    }

    /// Returns whether the server has statements to run for it.
    pub(crate) fn is_running(&self) -> bool {
        matches!(
            self.at,
            At::Take
                | At::Release
                | At::LockScope
                | At::ReadLease
                | At::LockLease { .. }
                | At::Append { .. }
                | At::Commit { .. }
                | At::Mark { .. }
                | At::PutConsumer
                | At::Extend
                | At::CommitExtension { .. }
                | At::Flush
                | At::Look
        )
    }

    /// Returns whether the statements that the client has sent, or sends next, include a commit whose result it has to look up if the connection is lost.
    pub(crate) fn may_be_committed(&self) -> bool {
        match self.at {
            At::Loaded { is_held, .. } => is_held,
            At::Append { .. }
            | At::Commit { .. }
            | At::Mark { .. }
            | At::PutConsumer
            | At::Extend
            | At::CommitExtension { .. } => true,
            At::Ended { .. } | At::Look | At::Looked { .. } => true,
            _ => false,
        }
    }

    /// Returns what is left of it at the server once its connection is lost: its transaction, and the statements that the server has received.
    pub(crate) fn orphan(self) -> Session {
        match self.at {
            // They change nothing that the client depends on.
            At::Look | At::Flush => Session::default(),
            _ if self.is_running() || matches!(self.at, At::Loaded { .. }) => self,
            _ => Session::default(),
        }
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self) {
        match &mut self.at {
            At::Taken { left, .. }
            | At::Commit { left, .. }
            | At::CommitExtension { left }
            | At::Mark { left }
            | At::Ended { left, .. } => {
                *left = left.saturating_sub(1);
            }
            // The time in `LockLease` was read before and does not change. The other states contain no time.
            _ => {}
        }
    }
}

/// Which of the two sessions of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Its connection.
    Current,
    /// What is left at the server of a connection that was lost.
    Orphan,
}

impl State {
    /// Returns one of the two sessions of a process.
    pub(crate) fn session(&self, process: usize, which: Which) -> &Session {
        match which {
            Which::Current => &self.processes[process].session,
            Which::Orphan => &self.processes[process].orphan,
        }
    }

    /// Returns whether a lock is free for this session: no other session holds it.
    fn is_free(&self, process: usize, which: Which, holds: impl Fn(&Session) -> bool) -> bool {
        (0..self.processes.len()).all(|other| {
            [Which::Current, Which::Orphan]
                .iter()
                .all(|side| (other, *side) == (process, which) || !holds(self.session(other, *side)))
        })
    }

    /// Returns the leases that a list of the leases has, by their numbers: those that have not ended, and those whose rows a transaction has locked.
    pub(crate) fn listed(&self, model: &Model) -> [bool; LEASES] {
        let mut listed = self.rows.leases.map(|lease| lease.left > 0);
        let sessions = self.processes.iter().flat_map(|process| [&process.session, &process.orphan]);
        for session in sessions.filter(|session| session.holds_lease(model)) {
            listed[usize::from(session.lease)] |= !model.makes(Mistake::ListedWithoutLock);
        }
        listed
    }

    /// Flushes all commits.
    fn flush(&mut self) {
        self.flushed = self.rows;
    }

    /// Runs the next statement of a session, or returns `None` if it waits for a lock.
    pub(crate) fn run(mut self, model: &Model, process: usize, which: Which) -> Option<State> {
        let mut session = *self.session(process, which);
        let scope_is_free =
            self.is_free(process, which, |other| other.scope == session.scope && other.holds_scope(model));
        let lease_is_free =
            self.is_free(process, which, |other| other.lease == session.lease && other.holds_lease(model));
        let counter_is_free = self.is_free(process, which, |other| other.holds_counter(model));
        let rows = &mut self.rows;
        // Which set of ids is used. A revision identifies a commit among those of all processes, so with this mistake there is one set for all.
        let log = if model.makes(Mistake::RevisionAsId) { 0 } else { process };
        let has = |rows: &Rows| rows.commit_log[log] >> session.id & 1 == 1;
        let number = usize::from(session.lease);
        let is_holder = |lease: &Lease| lease.token == session.token || model.makes(Mistake::TokenNotChecked);
        match session.at {
            At::Take => {
                if !lease_is_free {
                    return None;
                }
                let lease = &mut rows.leases[number];
                let clock = if model.makes(Mistake::ClientsClock) { self.processes[process].clock } else { 0 };
                let is_own = lease.holder == session.holder;
                if lease.left <= clock || is_own {
                    // A repeated attempt of the call that holds the lease gets the same token.
                    let is_repeated = is_own && lease.left > clock && !model.makes(Mistake::RepeatedTakeCounts);
                    let keeps_token = lease.token > 0 && model.makes(Mistake::TokenNotIncreased);
                    if !is_repeated && !keeps_token {
                        lease.token += 1;
                    }
                    lease.holder = session.holder;
                    lease.left = DURATION + clock;
                    session.at = At::Taken { token: lease.token, left: DURATION };
                    if !model.makes(Mistake::TakeNotFlushed) {
                        self.flush();
                    }
                } else {
                    session.at = At::Taken { token: 0, left: 0 };
                }
            }
            At::Release => {
                if !lease_is_free {
                    return None;
                }
                let lease = &mut rows.leases[number];
                if lease.token == session.token || model.makes(Mistake::ReleaseWithoutToken) {
                    lease.left = 0;
                }
                session.at = At::Released;
            }
            At::LockScope => {
                let locks = !(session.scope == CONSUMER && model.makes(Mistake::ConsumerNotLocked));
                if locks && !scope_is_free {
                    return None;
                }
                if model.makes(Mistake::RevisionAsId) {
                    rows.revision += 1;
                    session.id = rows.revision;
                }
                let checks = session.checks_lease(model);
                session.at = if checks { At::ReadLease } else { At::Loaded { is_held: true, extends: false } };
                session.load(rows);
            }
            At::ReadLease => {
                let lease = &rows.leases[number];
                session.at = if is_holder(lease) {
                    At::LockLease { left: lease.left }
                } else {
                    At::Loaded { is_held: false, extends: false }
                };
            }
            At::LockLease { left } => {
                let locks = !model.makes(Mistake::LeaseNotLocked) && !model.makes(Mistake::LeaseCheckedBefore);
                if locks && !lease_is_free {
                    return None;
                }
                let is_held = is_holder(&rows.leases[number]) && left > 0;
                session.at = if is_held && model.makes(Mistake::LeaseCheckedBefore) {
                    At::LockScope
                } else {
                    At::Loaded { is_held, extends: is_held && left <= DURATION / 2 }
                };
            }
            At::Append { extends } => {
                if !counter_is_free {
                    return None;
                }
                let left = if extends { rows.leases[number].extended(model) } else { 0 };
                let mut number = rows.counter + 1;
                if model.makes(Mistake::NumbersOfSequence) {
                    // Another transaction can get the next number before this one commits.
                    self.sequence += 1;
                    number = self.sequence;
                }
                session.at = At::Commit { number, left };
            }
            At::Commit { number: change, left } => {
                let lease = &mut rows.leases[number];
                if left > 0 && lease.token == session.token {
                    lease.left = left;
                }
                let (token, lease) = (session.token, if session.token > 0 { lease.token } else { 0 });
                rows.changes[usize::from(rows.length)] =
                    Change { number: change, process: process as u8, write: session.write, token, lease };
                rows.length += 1;
                rows.counter = change;
                rows.commit_log[log] |= 1 << session.id;
                if model.makes(Mistake::MarkedBeforeFlush) {
                    rows.durable = rows.counter;
                }
                session.at = match model.makes(Mistake::CommitNotFlushed) {
                    false => At::Mark { left },
                    true => At::Ended { is_committed: true, left },
                };
            }
            At::Mark { left } => {
                let is_committed = has(rows) || model.makes(Mistake::MarkedWithoutLookUp);
                session.at = At::Ended { is_committed, left };
                if is_committed {
                    // The store records this only for writes with `Durability::Power`. Those of a sync are flushed and not recorded.
                    if session.token == 0 {
                        rows.durable = rows.durable.max(rows.counter);
                    }
                    self.flush();
                }
            }
            At::PutConsumer => {
                if session.cursor > rows.cursor {
                    let holder = match session.own.number {
                        ITERATOR => Worker { number: ITERATOR, token: rows.leases[0].token },
                        _ => rows.worker,
                    };
                    (rows.moved_by, rows.moved_from) = (session.own, holder);
                }
                (rows.cursor, rows.polled, rows.worker) = (session.cursor, session.polled, session.worker);
                rows.durable = rows.durable.max(session.latest);
                rows.commit_log[log] |= 1 << session.id;
                session = Session { cursor: 0, polled: 0, latest: 0, worker: Worker::default(), ..session };
                session.at = At::Ended { is_committed: true, left: 0 };
                self.flush();
            }
            At::Extend => {
                session.at = At::CommitExtension { left: rows.leases[number].extended(model) };
            }
            At::CommitExtension { left } => {
                // 0 stands for an update that found no row to change, because the lease had ended.
                rows.leases[number].left = left.max(rows.leases[number].left);
                session.at = At::Ended { is_committed: true, left };
                self.flush();
            }
            At::Flush => {
                rows.durable = rows.durable.max(rows.counter);
                session.at = At::Ended { is_committed: true, left: 0 };
                self.flush();
            }
            At::Look => {
                if !scope_is_free && !model.makes(Mistake::LookUpWithoutLock) {
                    return None;
                }
                session.at = At::Looked { is_committed: has(rows) };
                rows.durable = rows.durable.max(rows.counter);
                self.flush();
            }
            At::Nothing
            | At::Taken { .. }
            | At::Released
            | At::Loaded { .. }
            | At::Ended { .. }
            | At::Looked { .. } => {
                return None;
            }
        }
        let process = &mut self.processes[process];
        match which {
            Which::Current => process.session = session,
            Which::Orphan => process.orphan = session.orphan(),
        }
        Some(self)
    }
}

impl Session {
    /// Reads the consumer and the latest number.
    fn load(&mut self, rows: &Rows) {
        if self.scope == CONSUMER {
            (self.cursor, self.polled, self.latest) = (rows.cursor, rows.polled, rows.counter);
            self.worker = rows.worker;
        }
    }
}
