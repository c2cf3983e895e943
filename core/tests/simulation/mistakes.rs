//! The protocol of the PostgreSQL store with one mistake: the simulation of several processes finds it.
//!
//! No test here finds the other values of [`Mistake`]. In `model/`, the model checker finds those, except for `EverythingNotLocked`, which no test finds
//! yet.

use crate::postgres::Mistake;
use crate::{Medium, find_failure};

/// How many seeds are run until one fails.
const SEEDS: u64 = 20_000;

/// Panics if all seeds pass.
fn finds(mistake: Mistake) {
    let (seed, message) = find_failure(0..SEEDS, Medium::Server(Some(mistake))).expect("a seed fails");
    println!("seed {seed}: {message}");
}

macro_rules! mistakes {
    ($($name:ident: $mistake:ident;)*) => {
        $(#[test]
        fn $name() {
            finds(Mistake::$mistake);
        })*
    };
}

mistakes! {
    finds_writes_of_one_organization_that_do_not_exclude_each_other: ScopeNotLocked;
    finds_updates_of_one_consumer_that_do_not_exclude_each_other: ConsumerNotLocked;
    finds_numbers_that_are_taken_before_the_commit: NumbersAtStart;
    finds_a_commit_that_is_not_flushed: CommitNotFlushed;
    finds_a_second_transaction_that_does_not_look_for_the_first: MarkedWithoutLookUp;
    finds_a_lost_commit_that_is_repeated_without_a_look_up: RetryWithoutLookUp;
    finds_a_feed_that_has_uncommitted_changes: FeedReadsUncommitted;
    finds_a_group_that_ignores_its_own_writes: GroupIgnoresItsWrites;
}
