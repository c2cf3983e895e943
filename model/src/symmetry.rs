//! Maps all states that differ only in the order of the processes to one of them.

use crate::process::rename;
use crate::{PROCESSES, Rows, State};

/// Returns the same state for all states that differ only in the order of the processes. The order begins with the roles, so only processes that make the
/// same calls are exchanged.
pub fn representative(state: &State) -> State {
    let mut order: [usize; PROCESSES] = std::array::from_fn(|index| index);
    let keys: [_; PROCESSES] = std::array::from_fn(|process| key(state, process));
    order.sort_by(|one, other| keys[*one].cmp(&keys[*other]));
    let to = |process: usize| order.iter().position(|from| *from == process).unwrap_or(process);
    let mut next = *state;
    next.processes = order.map(|from| state.processes[from]);
    for process in &mut next.processes {
        process.session.holder = rename(process.session.holder, to);
        process.orphan.holder = rename(process.orphan.holder, to);
    }
    for rows in [&mut next.rows, &mut next.flushed] {
        for lease in &mut rows.leases {
            lease.holder = rename(lease.holder, to);
        }
        rows.commit_log = order.map(|from| rows.commit_log[from]);
        let length = usize::from(rows.length);
        for change in &mut rows.changes[..length] {
            change.process = to(usize::from(change.process)) as u8;
        }
    }
    next
}

/// Returns everything in a state that belongs to a process. It does not contain the number of the process.
fn key(state: &State, process: usize) -> impl Ord + use<> {
    let of = |rows: &Rows| {
        let own = rows.feed().iter().map(|change| usize::from(change.process) == process);
        // For each lease, whether a call of this process took it last.
        let held = rows.leases.map(|lease| {
            let own = rename(lease.holder, |holder| if holder == process { 0 } else { PROCESSES });
            own > 0 && own == rename(lease.holder, |_| 0)
        });
        (rows.commit_log[process], own.fold(0_u8, |places, is_own| places << 1 | u8::from(is_own)), held)
    };
    let mut own = state.processes[process];
    own.session.holder = rename(own.session.holder, |_| 0);
    own.orphan.holder = rename(own.orphan.holder, |_| 0);
    (own, of(&state.rows), of(&state.flushed))
}
