//! The greatest number that polls of this handle have returned to each consumer.
//!
//! A consumer's row has the greatest number that polls of all processes have returned, and an acknowledgement of a greater one is refused. The row is written
//! without a flush, so a crash of the store's server, which this process survives, can undo that write. The numbers that are kept here let the process
//! acknowledge the changes that it has nevertheless.

use crate::record::ConsumerRow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What polls of a handle have returned. Cheap to clone: clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Polls(Arc<Mutex<HashMap<String, Latest>>>);

#[derive(Clone, Copy, Debug)]
struct Latest {
    /// The consumer's [generation](ConsumerRow::generation).
    generation: i64,
    /// The greatest number of that generation that was returned.
    seq: i64,
}

impl Polls {
    /// Records that a poll of a consumer returns changes up to `seq`.
    pub(super) fn note(&self, consumer: &str, generation: i64, seq: i64) {
        let mut polls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = polls.entry(consumer.to_owned()).or_insert(Latest { generation, seq });
        let is_later = (generation, seq) > (latest.generation, latest.seq);
        if is_later {
            *latest = Latest { generation, seq };
        }
    }

    /// Raises [`ConsumerRow::polled`] to the greatest number that polls of this handle have returned to the consumer.
    pub(super) fn raise(&self, row: Option<ConsumerRow>) -> Option<ConsumerRow> {
        let mut row = row?;
        let polls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(latest) = polls.get(&row.name).filter(|latest| latest.generation == row.generation) {
            row.polled = row.polled.max(latest.seq);
        }
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(generation: i64, polled: i64) -> ConsumerRow {
        ConsumerRow { name: "app".to_owned(), generation, polled, ..ConsumerRow::default() }
    }

    fn raised(polls: &Polls, generation: i64, polled: i64) -> i64 {
        polls.raise(Some(row(generation, polled))).unwrap().polled
    }

    #[test]
    fn a_row_is_raised_to_the_greatest_number_that_was_returned() {
        let polls = Polls::default();
        polls.note("app", 1, 7);
        polls.note("app", 1, 5);
        polls.note("other", 1, 9);
        assert_eq!(raised(&polls, 1, 3), 7);
        assert_eq!(raised(&polls, 1, 8), 8);
    }

    #[test]
    fn numbers_of_another_generation_do_not_count() {
        let polls = Polls::default();
        polls.note("app", 1, 7);
        assert_eq!(raised(&polls, 2, 3), 3);
        polls.note("app", 2, 4);
        polls.note("app", 1, 8);
        assert_eq!((raised(&polls, 1, 3), raised(&polls, 2, 3)), (3, 4));
    }

    #[test]
    fn a_consumer_that_does_not_exist_is_not_made() {
        let polls = Polls::default();
        polls.note("app", 1, 7);
        assert_eq!(polls.raise(None), None);
    }
}
