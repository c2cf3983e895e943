//! The protocol as it is: in every state that three processes can reach, all guarantees hold.

use super::{CONSUMER, ITERATOR, NONE, RECEIVER, RENEWING_WORKER, SYNC, WORKER, check, model};
use headcount_model::guarantees::*;
use headcount_model::{Call, Faults, Model};

/// Three syncs of one directory.
fn syncs(faults: Faults) -> Model {
    Model { calls: [SYNC; 3], faults, ..model() }
}

#[test]
fn syncs_of_one_directory_exclude_each_other_when_processes_die_and_clocks_jump() {
    let faults = Faults { deaths: 1, jumps: 1, ..NONE };
    check(syncs(faults), &[REFUSED, LATE_RELEASE, TAKEN_OVER, EXTENDED, ALL_REPORTED]);
}

#[test]
fn syncs_of_one_directory_exclude_each_other_when_the_server_crashes_and_processes_die() {
    let faults = Faults { deaths: 1, crashes: 1, ..NONE };
    check(syncs(faults), &[REFUSED, TAKEN_OVER, UNDONE, FOUND, NOT_FOUND, ALL_REPORTED]);
}

#[test]
fn syncs_of_one_directory_exclude_each_other_when_connections_are_lost_and_processes_die() {
    let faults = Faults { deaths: 1, losses: 1, ..NONE };
    check(syncs(faults), &[REFUSED, TAKEN_OVER, FOUND, NOT_FOUND, ALL_REPORTED]);
}

#[test]
#[ignore = "takes a minute: `make soak` runs it"]
fn syncs_of_one_directory_exclude_each_other_when_the_server_crashes_and_connections_are_lost() {
    let faults = Faults { crashes: 1, losses: 1, ..NONE };
    check(syncs(faults), &[REFUSED, TAKEN_OVER, UNDONE, FOUND, NOT_FOUND, ALL_REPORTED]);
}

#[test]
fn a_sync_that_lost_its_lease_starts_again_with_another_one() {
    let model = Model { runs: 1, ..syncs(Faults { deaths: 1, ..NONE }) };
    check(model, &[REFUSED, LATE_RELEASE, TAKEN_OVER, ALL_REPORTED]);
}

#[test]
fn syncs_that_write_twice_exclude_each_other() {
    const LONG: &[Call] = &[Call::Take, Call::Write { scope: 0 }, Call::Write { scope: 0 }, Call::Release];
    let model = Model { calls: [LONG, LONG, SYNC], ..syncs(Faults { deaths: 1, jumps: 1, ..NONE }) };
    check(model, &[REFUSED, LATE_RELEASE, TAKEN_OVER, EXTENDED, ALL_REPORTED]);
}

#[test]
fn receivers_of_two_organizations_share_the_numbers_of_the_feed() {
    let faults = Faults { deaths: 1, crashes: 1, losses: 1, ..NONE };
    let model = Model { calls: [RECEIVER[0], RECEIVER[0], RECEIVER[1]], faults, ..model() };
    check(model, &[WAITS_FOR_NUMBERS, UNDONE, FOUND, NOT_FOUND, ALL_REPORTED]);
}

#[test]
fn receivers_that_write_twice_share_the_numbers_of_the_feed() {
    const TWICE: [&[Call]; 2] = [&[Call::Write { scope: 0 }; 2], &[Call::Write { scope: 1 }; 2]];
    let faults = Faults { crashes: 1, ..NONE };
    let model = Model { calls: [TWICE[0], TWICE[0], TWICE[1]], faults, ..model() };
    check(model, &[WAITS_FOR_NUMBERS, UNDONE, FOUND, NOT_FOUND, ALL_REPORTED]);
}

#[test]
fn a_consumer_gets_only_changes_that_no_crash_undoes() {
    let faults = Faults { deaths: 1, crashes: 1, losses: 1, ..NONE };
    let model = Model { calls: [RECEIVER[0], RECEIVER[1], CONSUMER], faults, ..model() };
    check(model, &[WAITS_FOR_NUMBERS, UNDONE, FOUND, NOT_FOUND, ALL_REPORTED, ALL_ACKNOWLEDGED]);
}

#[test]
fn a_sync_and_a_receiver_write_beside_a_consumer() {
    let faults = Faults { crashes: 1, ..NONE };
    let model = Model { calls: [SYNC, RECEIVER[0], CONSUMER], faults, ..model() };
    check(model, &[REFUSED, UNDONE, FOUND, NOT_FOUND, ALL_REPORTED, ALL_ACKNOWLEDGED]);
}

/// Three iterators over the changes of a consumer that has one change.
fn iterators(faults: Faults) -> Model {
    Model { calls: [ITERATOR; 3], changes: 1, faults, ..model() }
}

#[test]
fn iterators_of_a_consumer_exclude_each_other_when_one_dies_or_is_stopped() {
    let faults = Faults { deaths: 1, jumps: 1, ..NONE };
    check(iterators(faults), &[REFUSED, LATE_RELEASE, ALL_ACKNOWLEDGED]);
}

#[test]
fn iterators_of_a_consumer_exclude_each_other_when_the_server_crashes() {
    check(iterators(Faults { crashes: 1, ..NONE }), &[REFUSED, FOUND, NOT_FOUND, ALL_ACKNOWLEDGED]);
}

#[test]
fn iterators_of_a_consumer_exclude_each_other_when_connections_are_lost() {
    check(iterators(Faults { losses: 1, ..NONE }), &[REFUSED, FOUND, NOT_FOUND, ALL_ACKNOWLEDGED]);
}

/// Three workers of a consumer that has one change.
fn workers(faults: Faults) -> Model {
    Model { calls: [WORKER; 3], changes: 1, faults, ..model() }
}

/// What has to occur in a check in which one worker takes the partition after another.
const TURNS: [&str; 3] = [CLAIMED_AGAIN, ACKNOWLEDGEMENT_REFUSED, ALL_ACKNOWLEDGED];

#[test]
fn workers_of_a_consumer_exclude_each_other_when_one_dies_or_is_stopped() {
    check(workers(Faults { deaths: 1, ..NONE }), &TURNS);
}

#[test]
fn workers_that_extend_their_leases_exclude_each_other() {
    let model = Model { calls: [RENEWING_WORKER; 3], ..workers(NONE) };
    check(model, &[TURNS[0], TURNS[1], TURNS[2], RENEWED, REFUSED]);
}

#[test]
fn workers_that_release_the_partition_exclude_each_other() {
    const LEAVING: &[Call] = &[Call::Join, Call::Claim, Call::Poll, Call::Acknowledge, Call::Leave, Call::Release];
    check(Model { calls: [LEAVING; 3], ..workers(NONE) }, &TURNS);
}

#[test]
fn workers_get_only_changes_that_no_crash_undoes() {
    const STAYING: &[Call] = &[Call::Join, Call::Claim, Call::Poll, Call::Acknowledge];
    let model = Model { calls: [STAYING, STAYING, RECEIVER[0]], changes: 0, ..workers(Faults { crashes: 1, ..NONE }) };
    check(model, &[TURNS[0], TURNS[1], TURNS[2], UNDONE, FOUND, NOT_FOUND, ALL_REPORTED]);
}

#[test]
#[ignore = "takes a minute: `make soak` runs it"]
fn workers_of_a_consumer_exclude_each_other_when_connections_are_lost() {
    check(workers(Faults { losses: 1, ..NONE }), &[TURNS[0], TURNS[1], TURNS[2], FOUND, NOT_FOUND]);
}

#[test]
#[ignore = "takes a minute: `make soak` runs it"]
fn workers_of_a_consumer_exclude_each_other_when_the_server_crashes() {
    check(workers(Faults { crashes: 1, ..NONE }), &[TURNS[0], TURNS[1], TURNS[2], FOUND, NOT_FOUND]);
}
