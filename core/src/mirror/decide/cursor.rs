//! Cursors of the feed's consumers: which acknowledgements count, and how far an iterator's changes are acknowledged.

use super::partition::without_partitions;
use crate::record::ConsumerRow;
use crate::{Error, Result, Timestamp};
use std::collections::{BTreeSet, VecDeque};

/// Returns a consumer's row after an acknowledgement of everything up to `seq`, or `None` if that changes nothing: `seq` is not greater than the
/// cursor, or is the number of a change of an earlier generation. `latest` is the number of the feed's latest change; `is_snapshot` is given a
/// generation and a number, and returns whether the snapshot of that generation has a change with that number.
///
/// # Errors
///
/// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if there is no such consumer, if it has partitions, and if no poll of this
/// generation has returned a change with this number or a greater one.
pub(in crate::mirror) fn acknowledge(
    row: Option<ConsumerRow>,
    latest: i64,
    seq: i64,
    now: Timestamp,
    is_snapshot: impl Fn(i64, i64) -> bool,
) -> Result<Option<ConsumerRow>> {
    let Some(row) = row else {
        return Err(Error::invalid_argument("there is no consumer of this name: poll before acknowledging"));
    };
    without_partitions(&row)?;
    if seq > latest {
        return Err(Error::invalid_argument(format!(
            "no change has the number {seq}: the latest is {latest}, so acknowledge a number that poll returned"
        )));
    }
    // A consumer that started from a snapshot gets only changes of the snapshot and later ones, so another number is of an earlier generation.
    let is_current = match row.snapshot {
        Some(_) if seq < 0 => is_snapshot(row.generation, seq),
        Some(snapshot) => seq > snapshot.seq,
        None => true,
    };
    if !is_current || seq <= row.cursor {
        return Ok(None);
    }
    if seq > row.polled {
        return Err(Error::invalid_argument(format!(
            "poll has not returned change {seq} to this consumer yet: acknowledge a number that it returned"
        )));
    }
    Ok(Some(ConsumerRow { cursor: seq, seen_at: now, ..row }))
}

/// The most numbers of lost changes that are kept, so that the memory is bounded. The lowest ones are removed first. An acknowledgement of a removed one
/// has no effect, as if it were repeated.
pub(super) const MAX_LOST: usize = 10_000;

/// The changes that one iterator has returned, each with whether it is acknowledged.
///
/// Acknowledgements of a consumer are cumulative. If several threads take changes from one iterator and each acknowledges its own, then the
/// cursor may move only to the last change up to which all returned changes are acknowledged. Otherwise a change that its thread could not handle
/// would be lost because a later one was acknowledged.
#[derive(Debug, Default)]
pub(in crate::mirror) struct Acks {
    generation: i64,
    /// Numbers in ascending order, each with whether it is acknowledged.
    returned: VecDeque<(i64, bool)>,
    /// Numbers of changes that were returned, and whose acknowledgement was not stored when the lease was lost.
    lost: BTreeSet<i64>,
}

impl Acks {
    /// Adds a change that the iterator returns. Changes of earlier generations are dropped: acknowledging them has no effect.
    pub(in crate::mirror) fn add(&mut self, generation: i64, seq: i64) {
        if self.generation != generation {
            self.returned.clear();
            self.lost.clear();
            self.generation = generation;
        }
        self.lost.remove(&seq);
        self.returned.push_back((seq, false));
    }

    /// Acknowledges a change. Returns the number to which the consumer's cursor has to move, or `None` if an earlier change is not
    /// acknowledged. The caller confirms the move once it is stored; until then, repeating the call returns it again.
    pub(in crate::mirror) fn acknowledge(&mut self, seq: i64) -> Option<i64> {
        if let Ok(position) = self.returned.binary_search_by_key(&seq, |(seq, _)| *seq) {
            self.returned[position].1 = true;
        }
        self.returned.iter().take_while(|(_, is_acknowledged)| *is_acknowledged).last().map(|(seq, _)| *seq)
    }

    /// Removes the changes up to the consumer's stored cursor.
    pub(in crate::mirror) fn confirm(&mut self, generation: i64, cursor: i64) {
        while generation == self.generation && self.returned.front().is_some_and(|(seq, _)| *seq <= cursor) {
            self.returned.pop_front();
        }
    }

    /// The generation of the changes.
    pub(in crate::mirror) fn generation(&self) -> i64 {
        self.generation
    }

    /// Returns whether a change that was returned is not acknowledged.
    pub(in crate::mirror) fn has_unacknowledged(&self) -> bool {
        self.returned.iter().any(|(_, is_acknowledged)| !is_acknowledged)
    }

    /// Drops all changes, because the lease has ended. They are lost, also if they are acknowledged: the cursor has not moved to them.
    pub(in crate::mirror) fn lose(&mut self) {
        self.lost.extend(self.returned.drain(..).map(|(seq, _)| seq));
        while self.lost.len() > MAX_LOST {
            self.lost.pop_first();
        }
    }

    /// Returns whether the lease was lost after the change had been returned and before its acknowledgement was stored.
    pub(in crate::mirror) fn is_lost(&self, seq: i64) -> bool {
        self.lost.contains(&seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::record::Snapshot;
    use proptest::prelude::*;

    const START: i64 = -1_000;

    /// The snapshot of generation 2 has the numbers from -1,000 to -501.
    fn is_snapshot(generation: i64, seq: i64) -> bool {
        generation == 2 && (START..-500).contains(&seq)
    }

    /// A consumer that started from the first change.
    fn from_feed(cursor: i64, polled: i64) -> Option<ConsumerRow> {
        Some(ConsumerRow { cursor, polled, ..ConsumerRow::default() })
    }

    /// A consumer that started from a snapshot after change 40.
    fn from_snapshot(cursor: i64, polled: i64) -> Option<ConsumerRow> {
        let snapshot = Some(Snapshot { seq: 40, ..Snapshot::default() });
        Some(ConsumerRow { cursor, polled, generation: 2, snapshot, ..ConsumerRow::default() })
    }

    /// The cursor after an acknowledgement in a feed of 100 changes, or `None` if it does not move.
    fn cursor_after(row: Option<ConsumerRow>, seq: i64) -> Result<Option<i64>> {
        Ok(acknowledge(row, 100, seq, Timestamp::UNIX_EPOCH, is_snapshot)?.map(|row| row.cursor))
    }

    fn is_refused(row: Option<ConsumerRow>, seq: i64) -> bool {
        cursor_after(row, seq).is_err_and(|error| error.kind() == ErrorKind::InvalidArgument)
    }

    #[test]
    fn an_acknowledgement_moves_the_cursor_forward_only() {
        assert_eq!(cursor_after(from_feed(5, 10), 7).unwrap(), Some(7));
        assert_eq!(cursor_after(from_feed(5, 10), 5).unwrap(), None);
        assert_eq!(cursor_after(from_feed(5, 10), 3).unwrap(), None);
    }

    #[test]
    fn a_number_that_poll_has_not_returned_is_refused() {
        assert!(is_refused(from_feed(5, 10), 11));
        assert!(is_refused(from_feed(5, 10), 101));
        assert!(is_refused(from_snapshot(START, START + 3), START + 4));
        assert!(is_refused(None, 0), "a consumer that does not exist has not polled");
    }

    #[test]
    fn an_acknowledgement_that_is_not_of_a_worker_is_refused_for_a_consumer_with_partitions() {
        let partitions = vec![crate::record::Partition::default(); 2];
        let row = from_feed(5, 10).map(|row| ConsumerRow { partitions, ..row });
        assert!(is_refused(row, 7));
    }

    #[test]
    fn an_acknowledgement_of_a_change_before_the_snapshot_does_not_move_the_cursor() {
        for seq in [0, 1, 40] {
            assert_eq!(cursor_after(from_snapshot(START, START), seq).unwrap(), None, "change {seq}");
        }
    }

    #[test]
    fn an_acknowledgement_of_an_earlier_snapshot_has_no_effect() {
        assert_eq!(cursor_after(from_snapshot(START, START + 3), -2_000).unwrap(), None);
        assert_eq!(cursor_after(from_snapshot(START, START + 3), -499).unwrap(), None);
        assert_eq!(cursor_after(from_snapshot(START, START + 3), START + 2).unwrap(), Some(START + 2));
    }

    #[test]
    fn a_change_after_the_snapshot_can_be_acknowledged_only_if_poll_returned_it() {
        assert!(is_refused(from_snapshot(START + 1, START + 3), 41));
        assert_eq!(cursor_after(from_snapshot(START + 1, 41), 41).unwrap(), Some(41));
    }

    #[test]
    fn the_cursor_waits_for_an_earlier_change_of_the_same_iterator() {
        let mut acks = Acks::default();
        [3, 4, 5].into_iter().for_each(|seq| acks.add(1, seq));
        assert_eq!(acks.acknowledge(5), None);
        assert_eq!(acks.acknowledge(3), Some(3));
        acks.confirm(1, 3);
        assert_eq!(acks.acknowledge(4), Some(5));
    }

    #[test]
    fn an_acknowledgement_that_was_not_stored_can_be_repeated() {
        let mut acks = Acks::default();
        acks.add(1, 3);
        assert_eq!(acks.acknowledge(3), Some(3));
        assert_eq!(acks.acknowledge(3), Some(3));
        acks.confirm(1, 3);
        assert_eq!(acks.acknowledge(3), None);
    }

    #[test]
    fn a_new_generation_drops_the_changes_of_the_previous_one() {
        let mut acks = Acks::default();
        acks.add(1, 3);
        acks.add(2, START + 1);
        assert_eq!(acks.acknowledge(3), None);
        assert_eq!(acks.acknowledge(START + 1), Some(START + 1));
    }

    #[test]
    fn changes_of_a_lost_lease_stay_lost_until_they_are_returned_again() {
        let mut acks = Acks::default();
        [3, 4, 5].into_iter().for_each(|seq| acks.add(1, seq));
        assert_eq!(acks.acknowledge(3), Some(3));
        acks.confirm(1, 3);
        assert_eq!(acks.acknowledge(5), None);

        acks.lose();

        assert!(!acks.is_lost(3), "its acknowledgement was stored");
        assert!(acks.is_lost(4));
        assert!(acks.is_lost(5), "the cursor was not moved to it");
        acks.add(1, 4);
        assert!(!acks.is_lost(4));
        assert_eq!(acks.acknowledge(4), Some(4));
        acks.add(2, START);
        assert!(!acks.is_lost(5), "it is of an earlier generation");
    }

    #[test]
    fn an_iterator_has_unacknowledged_changes_until_each_one_is_acknowledged() {
        let mut acks = Acks::default();
        assert!(!acks.has_unacknowledged());
        [3, 4].into_iter().for_each(|seq| acks.add(1, seq));
        acks.acknowledge(4);
        assert!(acks.has_unacknowledged());
        acks.acknowledge(3);
        assert!(!acks.has_unacknowledged());
    }

    proptest! {
        #[test]
        fn the_cursor_never_passes_an_unacknowledged_change(order in Just((1..=8_i64).collect::<Vec<_>>()).prop_shuffle(), count in 0..=8_usize) {
            let mut acks = Acks::default();
            (1..=8).for_each(|seq| acks.add(1, seq));
            let mut cursor = 0;
            for seq in &order[..count] {
                if let Some(moved) = acks.acknowledge(*seq) {
                    cursor = moved;
                    acks.confirm(1, cursor);
                }
            }
            let expected = (1..=8).take_while(|seq| order[..count].contains(seq)).last().unwrap_or(0);
            prop_assert_eq!(cursor, expected);
        }
    }
}
