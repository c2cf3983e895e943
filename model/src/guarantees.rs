//! Guarantees, which hold in every state, and occurrences, which hold in some state. The occurrences show that a check reaches the situations in which
//! the guarantees could be broken.

use crate::server::{At, Change, ITERATOR, LEASES, Rows, Session};
use crate::{Call, Model, Process, State, Which};
use stateright::{Expectation, Property};

/// All of the guarantees.
pub const ALL: &str = "all guarantees hold";
/// No two processes hold a lease at one time, by the server's clock.
pub const ONE_HOLDER: &str = "at most one process holds a lease";
/// A lease that a process has, according to the answers that it has received, has the same token in the server's row: no other process takes it before it
/// expires or is released.
pub const KEPT: &str = "a lease is kept until it expires or is released";
/// The writes that commit with one token are those of one process.
pub const ONE_WRITER: &str = "the writes with one token are those of one process";
/// At the commit of a write with a fence, the lease has the fence's token.
pub const NO_LATE_WRITE: &str = "no write commits after another process took its lease";
/// The numbers of the feed are 1, 2, 3 and so on, in the order of the commits. So a reader that sees number n + 1 sees n as well.
pub const NUMBERS: &str = "numbers have no gap and no repetition, in the order of the commits";
/// A write whose call has returned successfully is in the feed, and stays there after a crash.
pub const NOTHING_LOST: &str = "a reported write is never lost";
/// A write is in the feed at most once, however often it was tried.
pub const ONCE: &str = "a write is applied once";
/// A crash undoes no change that is recorded as durable.
pub const DURABLE: &str = "a change that is recorded as durable is never undone";
/// A crash undoes no change that a poll has returned.
pub const HANDED_OUT: &str = "a change that a poll has returned is never undone";
/// No two workers hold the partition at one time with leases that have not ended.
pub const ONE_WORKER: &str = "at most one worker holds a partition";
/// The cursor of a consumer is moved only by the worker that its row names at this commit, or by the iterator whose token its lease has at this commit.
pub const NO_LATE_ACKNOWLEDGEMENT: &str = "an acknowledgement of an old holder changes nothing";
/// The cursor of a consumer is never less than a number whose acknowledgement has returned successfully.
pub const ACKNOWLEDGED: &str = "a reported acknowledgement is never lost";
/// In every state: if all processes and connections end now, the next process that asks for a lease gets it once time has passed.
pub const PROGRESS: &str = "every lease can be taken again";

/// Returns whether a guarantee holds in a state, or a situation occurs.
type Condition = fn(&Model, &State) -> bool;

const GUARANTEES: [(&str, Condition); 13] = [
    (ONE_HOLDER, |_, state| {
        let held =
            |number: usize| state.processes.iter().filter(move |own| own.left > 0 && usize::from(own.lease) == number);
        (0..LEASES).all(|number| held(number).count() <= 1)
    }),
    (KEPT, |_, state| {
        let is_kept = |process: &Process| state.rows.lease(process.lease).token == process.token;
        state.processes.iter().all(|process| process.left == 0 || is_kept(process))
    }),
    (ONE_WRITER, |_, state| {
        pairs(state).all(|(one, other)| one.token == 0 || one.token != other.token || one.process == other.process)
    }),
    (NO_LATE_WRITE, |_, state| state.rows.feed().iter().all(|change| change.token == change.lease)),
    (NUMBERS, |_, state| both(state, |rows| rows.counter == rows.length && numbers(rows).eq(1..=rows.length))),
    (NOTHING_LOST, |_, state| {
        both(state, |rows| {
            let is_written = |index: usize, process: &Process| process.reported & !written(rows, index) == 0;
            state.processes.iter().enumerate().all(|(index, process)| is_written(index, process))
        })
    }),
    (ONCE, |_, state| pairs(state).all(|(one, other)| (one.process, one.write) != (other.process, other.write))),
    (DURABLE, |_, state| both(state, |rows| state.rows.durable <= rows.length)),
    (HANDED_OUT, |_, state| both(state, |rows| state.handed_out <= rows.length)),
    (ONE_WORKER, |_, state| state.processes.iter().filter(|process| process.holds && process.left > 0).count() <= 1),
    (NO_LATE_ACKNOWLEDGEMENT, |_, state| state.rows.moved_by == state.rows.moved_from),
    (ACKNOWLEDGED, |_, state| both(state, |rows| state.acknowledged <= rows.cursor)),
    (PROGRESS, can_take),
];

/// A worker takes the partition of one whose lease has ended.
pub const CLAIMED_AGAIN: &str = "a worker takes the partition of one whose lease has ended";
/// A worker extends its lease.
pub const RENEWED: &str = "a worker extends its lease";
/// A write finds that its lease was lost.
pub const REFUSED: &str = "a write finds that its lease was lost";
/// An acknowledgement finds that the consumer's row does not name its worker any more.
pub const ACKNOWLEDGEMENT_REFUSED: &str = "an acknowledgement finds that its lease was lost";
/// A process releases a lease that another has taken.
pub const LATE_RELEASE: &str = "a process releases a lease that another has taken";
/// A process writes with a lease that another has held before.
pub const TAKEN_OVER: &str = "a process writes after it took over the lease";
/// A write extends its lease.
pub const EXTENDED: &str = "a write extends its lease";
/// A look-up finds the lost commit.
pub const FOUND: &str = "a look-up finds the lost commit";
/// A look-up finds no commit.
pub const NOT_FOUND: &str = "a look-up finds no commit";
/// A crash undoes a commit before it is flushed, and the second transaction of the same write reports that.
pub const UNDONE: &str = "a crash undoes a commit before it is flushed";
/// A write waits for the row of the numbers, which the write of another organization has locked.
pub const WAITS_FOR_NUMBERS: &str = "a write waits for the numbers of another";
/// Every change is acknowledged.
pub const ALL_ACKNOWLEDGED: &str = "every change is acknowledged";
/// Every write was reported.
pub const ALL_REPORTED: &str = "every write is reported";

const OCCURRENCES: [(&str, Condition); 13] = [
    (REFUSED, |_, state| any(state, |session| session.at == LOST)),
    (ACKNOWLEDGEMENT_REFUSED, |model, state| {
        state.processes.iter().any(|process| {
            let Session { at, own, worker, .. } = process.session;
            let is_worker = own.number != ITERATOR;
            at == HELD && model.call(process) == Some(Call::Acknowledge) && is_worker && own != worker
        })
    }),
    (LATE_RELEASE, |_, state| {
        any(state, |session| session.at == At::Release && session.token < state.rows.lease(session.lease).token)
    }),
    (CLAIMED_AGAIN, |_, state| {
        let mut claiming = state.processes.iter().filter(|process| process.ended.is_some());
        claiming.any(|process| process.session.at == At::PutConsumer)
    }),
    (RENEWED, |_, state| any(state, |session| session.at == At::Extend)),
    (TAKEN_OVER, |_, state| state.rows.feed().iter().any(|change| change.token > 1)),
    (EXTENDED, |_, state| any(state, |session| matches!(session.at, At::Commit { left: 1.., .. }))),
    (FOUND, |_, state| any(state, |session| session.at == At::Looked { is_committed: true })),
    (NOT_FOUND, |_, state| any(state, |session| session.at == At::Looked { is_committed: false })),
    (UNDONE, |_, state| any(state, |session| session.at == At::Ended { is_committed: false, left: 0 })),
    (WAITS_FOR_NUMBERS, |_, state| {
        let has_number = any(state, |session| matches!(session.at, At::Commit { .. }));
        has_number && any(state, |session| matches!(session.at, At::Append { .. }))
    }),
    (ALL_ACKNOWLEDGED, |_, state| state.acknowledged > 0 && state.acknowledged == state.rows.counter),
    (ALL_REPORTED, |model, state| {
        let reported: u32 = state.processes.iter().map(|process| process.reported.count_ones()).sum();
        reported as usize == model.calls.iter().flat_map(|calls| calls.iter()).filter(|call| call.is_write()).count()
    }),
];

/// Returns the properties with these names, which are guarantees and occurrences.
pub(crate) fn named(names: &[&'static str]) -> Vec<Property<Model>> {
    let all = Property::<Model>::always(ALL, |model, state| GUARANTEES.iter().all(|(_, holds)| holds(model, state)));
    let guarantees =
        GUARANTEES.map(|(name, holds)| Property { expectation: Expectation::Always, name, condition: holds });
    let occurrences =
        OCCURRENCES.map(|(name, occurs)| Property { expectation: Expectation::Sometimes, name, condition: occurs });
    let properties = std::iter::once(all).chain(guarantees).chain(occurrences);
    properties.filter(|property| names.contains(&property.name)).collect()
}

/// Returns the names of the guarantees that do not hold in a state.
pub fn broken(model: &Model, state: &State) -> Vec<&'static str> {
    GUARANTEES.iter().filter(|(_, holds)| !holds(model, state)).map(|(name, _)| *name).collect()
}

/// The answer to a check of a lease that was lost.
const LOST: At = At::Loaded { is_held: false, extends: false };

/// The answer to a transaction that checks no lease, or whose lease is held and does not have to be extended.
const HELD: At = At::Loaded { is_held: true, extends: false };

/// Returns whether a condition holds for a session of a process, or for what is left of a lost connection.
fn any(state: &State, is: impl Fn(&Session) -> bool) -> bool {
    state.processes.iter().any(|process| is(&process.session) || is(&process.orphan))
}

/// Returns whether a condition holds for the rows that statements see, and also for those that a crash keeps.
fn both(state: &State, holds: impl Fn(&Rows) -> bool) -> bool {
    holds(&state.rows) && holds(&state.flushed)
}

/// Returns all pairs of changes.
fn pairs(state: &State) -> impl Iterator<Item = (&Change, &Change)> {
    let feed = state.rows.feed();
    feed.iter().enumerate().flat_map(move |(index, one)| feed[..index].iter().map(move |other| (one, other)))
}

/// Returns the numbers of the changes, in the order of their commits.
fn numbers(rows: &Rows) -> impl Iterator<Item = u8> {
    rows.feed().iter().map(|change| change.number)
}

/// Returns the writes of a process that are in the feed, as a set.
fn written(rows: &Rows, process: usize) -> u8 {
    let own = rows.feed().iter().filter(|change| usize::from(change.process) == process);
    own.fold(0, |writes, change| writes | 1 << change.write)
}

/// Returns whether each lease can be taken after all processes have ended: the server ends the transactions of their connections, time passes, and a
/// process asks for the lease.
fn can_take(model: &Model, state: &State) -> bool {
    let mut end = *state;
    for process in &mut end.processes {
        process.die();
        process.orphan = Session::default();
    }
    while let Some(later) = end.tick(model) {
        end = later;
    }
    // `holder` is a name that no call of the model has.
    let take = Session { at: At::Take, holder: u8::MAX, ..Session::default() };
    (0..LEASES as u8).all(|lease| {
        end.processes[0].session = Session { lease, ..take };
        let taken = end.run(model, 0, Which::Current);
        taken.is_some_and(|end| matches!(end.processes[0].session.at, At::Taken { token: 1.., .. }))
    })
}
