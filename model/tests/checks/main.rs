//! Checks of the model: `protocol` visits every state of the protocol as it is, and `mistakes` finds a guarantee that each mistake breaks.
#![allow(clippy::print_stdout, clippy::panic, reason = "a test")]

mod mistakes;
mod protocol;

use headcount_model::guarantees::{self, ALL};
use headcount_model::{Action, Call, Faults, Model, State, representative};
use stateright::{Checker, HasDiscoveries, Model as _, Path};
use std::fmt::Write as _;

/// The calls of a sync of a directory of the first organization.
const SYNC: &[Call] = &[Call::Take, Call::Write { scope: 0 }, Call::Release];

/// The calls of a receiver of each organization.
const RECEIVER: [&[Call]; 2] = [&[Call::Write { scope: 0 }], &[Call::Write { scope: 1 }]];

/// The calls of a process that polls without a lease.
const CONSUMER: &[Call] = &[Call::Poll, Call::Acknowledge];

/// The calls of a process that iterates over the changes of the consumer, under the lease of that consumer.
const ITERATOR: &[Call] = &[Call::Take, Call::Poll, Call::Acknowledge, Call::Release];

/// The calls of a worker of the consumer.
const WORKER: &[Call] = &[Call::Join, Call::Claim, Call::Poll, Call::Acknowledge, Call::Release];

/// The calls of a worker that extends its lease.
const RENEWING_WORKER: &[Call] = &[Call::Join, Call::Claim, Call::Renew, Call::Poll, Call::Acknowledge];

const NONE: Faults = Faults { deaths: 0, crashes: 0, losses: 0, jumps: 0 };

/// The protocol as it is, without calls and faults.
fn model() -> Model {
    Model { calls: [&[]; 3], runs: 0, changes: 0, faults: NONE, mistake: None, checks: vec![ALL] }
}

/// Visits every state. Checks that all guarantees hold in each state, and that each of `occur` occurs in at least one.
fn check(model: Model, occur: &[&'static str]) {
    let model = Model { checks: [&model.checks, occur].concat(), ..model };
    // Depth first: only this search uses `representative`, and so visits one of the states that differ only in the order of the processes.
    let checker = model.checker().symmetry_fn(representative).spawn_dfs().join();
    if let Some(path) = checker.discovery(ALL) {
        panic!("{}", describe(checker.model(), path));
    }
    let missing: Vec<_> = occur.iter().filter(|name| checker.discovery(name).is_none()).collect();
    assert!(missing.is_empty(), "never occurs: {missing:?}");
    println!("{} states, {} steps", checker.unique_state_count(), checker.state_count());
}

/// Checks that the mistake of the model breaks the guarantee, and prints the shortest sequence of steps that does.
fn breaks(model: Model, guarantee: &'static str) {
    let model = Model { checks: vec![guarantee], ..model };
    let mistake = model.mistake;
    // Breadth first, so that the sequence found is the shortest.
    let checker = model.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let Some(path) = checker.discovery(guarantee) else {
        panic!("{mistake:?} does not break the guarantee: {guarantee}");
    };
    println!("{mistake:?} breaks the guarantee: {guarantee}\n{}", describe(checker.model(), path));
}

/// Describes the steps of a path, and the guarantees that do not hold in its last state.
fn describe(model: &Model, path: Path<State, Action>) -> String {
    let mut text = String::new();
    for (state, action) in path.into_vec() {
        let _ = match action {
            Some(action) => writeln!(text, "    {}", model.describe(&state, action)),
            None => writeln!(text, "  not kept: {}", guarantees::broken(model, &state).join("; ")),
        };
    }
    text
}
