//! The protocol with one mistake: the model checker finds a state in which a guarantee does not hold, and prints the steps that lead to it.

use super::{CONSUMER, ITERATOR, NONE, RECEIVER, RENEWING_WORKER, SYNC, WORKER, breaks, model};
use headcount_model::guarantees::*;
use headcount_model::{Faults, Mistake, Model};

const CRASH: Faults = Faults { crashes: 1, ..NONE };
const LOSS: Faults = Faults { losses: 1, ..NONE };

/// Three syncs of one directory.
fn syncs(mistake: Mistake, faults: Faults) -> Model {
    Model { calls: [SYNC; 3], mistake: Some(mistake), faults, ..model() }
}

/// Two receivers of one organization, and one of another.
fn receivers(mistake: Mistake, faults: Faults) -> Model {
    Model { calls: [RECEIVER[0], RECEIVER[0], RECEIVER[1]], ..syncs(mistake, faults) }
}

/// Three workers of a consumer.
fn workers(mistake: Mistake, faults: Faults) -> Model {
    Model { calls: [WORKER; 3], changes: 1, ..syncs(mistake, faults) }
}

/// Three workers that extend their leases.
fn renewing_workers(mistake: Mistake, faults: Faults) -> Model {
    Model { calls: [RENEWING_WORKER; 3], ..workers(mistake, faults) }
}

#[test]
fn without_a_check_of_the_token_an_old_holder_writes() {
    breaks(syncs(Mistake::TokenNotChecked, NONE), NO_LATE_WRITE);
}

#[test]
fn if_the_token_is_not_increased_two_processes_write_with_the_same_one() {
    breaks(syncs(Mistake::TokenNotIncreased, NONE), ONE_WRITER);
}

#[test]
fn with_a_check_before_the_transaction_an_old_holder_writes() {
    breaks(syncs(Mistake::LeaseCheckedBefore, NONE), NO_LATE_WRITE);
}

#[test]
fn with_a_check_that_does_not_lock_the_lease_an_old_holder_writes() {
    breaks(syncs(Mistake::LeaseNotLocked, NONE), NO_LATE_WRITE);
}

#[test]
fn if_a_lease_expires_by_the_clock_of_a_client_it_is_taken_from_its_holder() {
    breaks(syncs(Mistake::ClientsClock, Faults { jumps: 1, ..NONE }), ONE_HOLDER);
}

#[test]
fn if_taking_a_lease_is_not_flushed_a_crash_gives_its_token_to_another() {
    breaks(syncs(Mistake::TakeNotFlushed, CRASH), ONE_WRITER);
}

#[test]
fn if_all_holders_have_one_name_a_lease_is_taken_from_its_holder() {
    breaks(syncs(Mistake::SameHolder, NONE), ONE_HOLDER);
}

#[test]
fn if_a_repeated_take_increases_the_token_the_first_attempt_can_end_the_lease() {
    breaks(syncs(Mistake::RepeatedTakeCounts, LOSS), KEPT);
}

#[test]
fn if_a_release_does_not_name_the_token_it_ends_the_lease_of_another() {
    breaks(syncs(Mistake::ReleaseWithoutToken, NONE), ONE_HOLDER);
}

#[test]
fn a_lease_that_never_expires_cannot_be_taken_again() {
    breaks(syncs(Mistake::NeverExpires, NONE), PROGRESS);
}

#[test]
fn numbers_of_a_sequence_have_gaps() {
    breaks(receivers(Mistake::NumbersOfSequence, NONE), NUMBERS);
}

#[test]
fn a_write_that_is_repeated_without_a_look_up_is_applied_twice() {
    breaks(receivers(Mistake::RetryWithoutLookUp, LOSS), ONCE);
}

#[test]
fn a_write_whose_look_up_does_not_wait_is_applied_twice() {
    breaks(receivers(Mistake::LookUpWithoutLock, LOSS), ONCE);
}

#[test]
fn a_look_up_by_the_revision_finds_the_commit_of_another_write() {
    breaks(receivers(Mistake::RevisionAsId, CRASH), NOTHING_LOST);
}

#[test]
fn a_write_that_returns_before_the_flush_is_lost() {
    breaks(receivers(Mistake::CommitNotFlushed, CRASH), NOTHING_LOST);
}

#[test]
fn a_write_whose_second_transaction_does_not_look_for_the_commit_is_lost() {
    breaks(receivers(Mistake::MarkedWithoutLookUp, CRASH), NOTHING_LOST);
}

#[test]
fn a_change_that_is_recorded_as_durable_before_the_flush_is_undone() {
    breaks(receivers(Mistake::MarkedBeforeFlush, CRASH), DURABLE);
}

#[test]
fn a_poll_without_a_flush_returns_a_change_that_is_undone() {
    let calls = [RECEIVER[0], RECEIVER[1], CONSUMER];
    breaks(Model { calls, ..receivers(Mistake::HandedOutUnflushed, CRASH) }, HANDED_OUT);
}

#[test]
fn if_the_list_lacks_a_lease_that_is_being_extended_two_workers_hold_a_partition() {
    breaks(renewing_workers(Mistake::ListedWithoutLock, NONE), ONE_WORKER);
}

#[test]
fn if_a_lease_is_extended_after_its_end_two_workers_hold_a_partition() {
    breaks(renewing_workers(Mistake::ExtendedAfterItsEnd, NONE), ONE_WORKER);
}

#[test]
fn if_a_worker_that_an_older_list_lacks_counts_as_ended_two_workers_hold_a_partition() {
    breaks(workers(Mistake::EndedByLaterRow, NONE), ONE_WORKER);
}

#[test]
fn without_a_check_of_the_token_an_old_holder_acknowledges() {
    breaks(workers(Mistake::AcknowledgementWithoutToken, NONE), NO_LATE_ACKNOWLEDGEMENT);
}

#[test]
fn without_a_fence_an_iterator_acknowledges_after_another_took_its_lease() {
    let iterators = Model { calls: [ITERATOR; 3], ..workers(Mistake::AcknowledgementWithoutFence, NONE) };
    breaks(iterators, NO_LATE_ACKNOWLEDGEMENT);
}

#[test]
fn if_the_lease_of_an_iterator_is_checked_without_a_lock_it_acknowledges_after_another_took_it() {
    let iterators = Model { calls: [ITERATOR; 3], ..workers(Mistake::LeaseNotLocked, NONE) };
    breaks(iterators, NO_LATE_ACKNOWLEDGEMENT);
}

#[test]
fn if_a_consumer_is_not_locked_an_acknowledgement_is_lost() {
    breaks(workers(Mistake::ConsumerNotLocked, NONE), ACKNOWLEDGED);
}
