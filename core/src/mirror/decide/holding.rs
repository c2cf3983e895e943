//! The partitions that one worker holds: which changes it may return, and which cursors follow from what was acknowledged.

use super::cursor::MAX_LOST;
use crate::record::{ConsumerRow, WorkerId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A partition that the worker holds.
#[derive(Debug)]
struct Holding {
    /// The number up to which the partition's changes were read.
    read: i64,
    /// The number of the last change that was returned, or the partition's cursor before the first one.
    returned: i64,
    /// Numbers of changes that were read and are not acknowledged, in ascending order. Those up to `returned` were returned.
    pending: VecDeque<i64>,
    /// Whether the partition is to be released once its returned changes are acknowledged. If so, no more of its changes are returned.
    is_leaving: bool,
}

impl Holding {
    /// Makes a holding whose changes up to `cursor` are acknowledged.
    fn at(cursor: i64) -> Holding {
        Holding { read: cursor, returned: cursor, pending: VecDeque::new(), is_leaving: false }
    }

    /// Returns the number of changes that were returned and are not acknowledged.
    fn in_flight(&self) -> usize {
        self.pending.partition_point(|seq| *seq <= self.returned)
    }

    /// Returns the partition's cursor once its changes up to `acknowledged` are acknowledged: the number before the first other pending change, or the
    /// number up to which it was read if there is none.
    fn cursor_after(&self, acknowledged: i64) -> i64 {
        let first = self.pending.iter().find(|seq| **seq > acknowledged);
        first.map_or(self.read, |seq| seq - 1)
    }

    /// Marks the partition to be released. Its changes that were read and not returned no longer count as read.
    fn stop(&mut self) {
        self.is_leaving = true;
        let kept = self.in_flight();
        if let Some(first) = self.pending.get(kept) {
            self.read = first - 1;
        }
        self.pending.truncate(kept);
    }
}

/// What has to be stored to acknowledge all returned changes.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::mirror) struct AcknowledgedAll {
    /// The last number that was returned, for each partition that has changes to acknowledge.
    pub(in crate::mirror) last: BTreeMap<u32, i64>,
    /// The cursors of all partitions of the worker after that.
    pub(in crate::mirror) cursors: BTreeMap<u32, i64>,
}

/// The effect of an acknowledgement of a number.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::mirror) enum Acknowledged {
    /// The change and all earlier ones of its partition are to be acknowledged. `cursors` are the cursors of all partitions of the worker after that.
    Now { partition: u32, cursors: BTreeMap<u32, i64> },
    /// None is to be acknowledged: the worker has returned this number or a greater one, and the change was acknowledged before, is of an earlier
    /// generation, or was not returned by this worker.
    Before,
    /// The worker lost the partition after it had returned the change.
    Lost { partition: u32 },
    /// The number is greater than all that the worker has returned.
    Never,
}

/// The partitions that a worker holds.
///
/// The worker reads the feed once for all of them, from the lowest of their numbers `read`. Changes that were read before for their own partition are
/// skipped.
#[derive(Debug, Default)]
pub(in crate::mirror) struct Holdings {
    generation: i64,
    partitions: BTreeMap<u32, Holding>,
    /// Numbers of changes that were returned and not acknowledged when the worker lost their partition, each with the partition, or with `None` for those of
    /// earlier generations.
    lost: BTreeMap<i64, Option<u32>>,
    /// The greatest number of this generation that was returned.
    greatest: Option<i64>,
    /// A partition whose returned changes were lost since the last call of [`take_loss`](Holdings::take_loss).
    loss: Option<u32>,
}

impl Holdings {
    /// Returns the generation of the consumer's row that was applied last.
    pub(in crate::mirror) fn generation(&self) -> i64 {
        self.generation
    }

    /// Returns the numbers of the partitions that are held.
    pub(in crate::mirror) fn partitions(&self) -> BTreeSet<u32> {
        self.partitions.keys().copied().collect()
    }

    /// Applies the consumer's stored row: adds the partitions that the row says this worker holds, and drops all others. If the row has another
    /// generation, all partitions are first removed, and acknowledging changes of the earlier generation has no effect from then on.
    pub(in crate::mirror) fn update(&mut self, row: &ConsumerRow, own: WorkerId) {
        if self.generation != row.generation {
            self.lose_all();
            self.lost.values_mut().for_each(|partition| *partition = None);
            (self.greatest, self.loss) = (None, None);
            self.generation = row.generation;
        }
        let of_worker = row.partitions.iter().zip(0_u32..).filter(|(partition, _)| partition.worker == Some(own));
        let owned: BTreeMap<u32, i64> = of_worker.map(|(partition, number)| (number, partition.cursor)).collect();
        let gone: Vec<u32> = self.partitions.keys().filter(|number| !owned.contains_key(number)).copied().collect();
        gone.into_iter().for_each(|number| self.lose(number));
        for (number, cursor) in owned {
            self.partitions.entry(number).or_insert_with(|| Holding::at(cursor));
        }
    }

    /// Drops a partition. Its changes that were returned and not acknowledged are lost.
    fn lose(&mut self, number: u32) {
        let Some(holding) = self.partitions.remove(&number) else { return };
        let count = holding.in_flight();
        if count > 0 {
            self.loss = Some(number);
        }
        self.lost.extend(holding.pending.into_iter().take(count).map(|seq| (seq, Some(number))));
        while self.lost.len() > MAX_LOST {
            self.lost.pop_first();
        }
    }

    /// Drops all partitions, because the lease has ended.
    pub(in crate::mirror) fn lose_all(&mut self) {
        self.partitions().into_iter().for_each(|number| self.lose(number));
    }

    /// Returns the number after which the feed has to be read, or `None` if the worker holds no partition except those that are to be released.
    pub(in crate::mirror) fn position(&self) -> Option<i64> {
        self.reading().map(|holding| holding.read).min()
    }

    /// Returns the partitions except those that are to be released.
    fn reading(&self) -> impl Iterator<Item = &Holding> {
        self.partitions.values().filter(|holding| !holding.is_leaving)
    }

    /// Returns whether a change that was read has to be returned later. If so, counts it as read.
    pub(in crate::mirror) fn add(&mut self, partition: u32, seq: i64) -> bool {
        let Some(holding) = self.partitions.get_mut(&partition) else { return false };
        let is_new = !holding.is_leaving && seq > holding.read;
        if is_new {
            holding.pending.push_back(seq);
            holding.read = seq;
        }
        is_new
    }

    /// Counts all changes up to `seq` as read, for all partitions except those that are to be released.
    pub(in crate::mirror) fn read_to(&mut self, seq: i64) {
        for holding in self.partitions.values_mut().filter(|holding| !holding.is_leaving) {
            holding.read = holding.read.max(seq);
        }
    }

    /// Returns whether a change that was [added](Holdings::add) is the next one of its partition to return, and if so, counts it as returned. If the
    /// partition was lost or chosen for release since then, its changes have to be added again before they are returned.
    pub(in crate::mirror) fn give(&mut self, partition: u32, seq: i64) -> bool {
        let Some(holding) = self.partitions.get_mut(&partition) else { return false };
        let is_next = holding.pending.get(holding.in_flight()) == Some(&seq);
        if is_next {
            holding.returned = seq;
            self.greatest = self.greatest.max(Some(seq));
            self.lost.remove(&seq);
        }
        is_next
    }

    /// Returns the number of changes of all partitions that were returned and are not acknowledged.
    pub(in crate::mirror) fn in_flight(&self) -> usize {
        self.partitions.values().map(Holding::in_flight).sum()
    }

    /// Returns the cursor of each partition: the number up to which it was read and all of its changes are acknowledged.
    pub(in crate::mirror) fn cursors(&self) -> BTreeMap<u32, i64> {
        self.partitions.iter().map(|(number, holding)| (*number, holding.cursor_after(i64::MIN))).collect()
    }

    /// Returns the effect of an acknowledgement, without applying it: the caller stores the cursors, and then calls [`confirm`](Holdings::confirm).
    pub(in crate::mirror) fn acknowledge(&self, seq: i64) -> Acknowledged {
        let is_pending = |holding: &Holding| seq <= holding.returned && holding.pending.binary_search(&seq).is_ok();
        if let Some((number, holding)) = self.partitions.iter().find(|(_, holding)| is_pending(holding)) {
            let mut cursors = self.cursors();
            cursors.insert(*number, holding.cursor_after(seq));
            return Acknowledged::Now { partition: *number, cursors };
        }
        match self.lost.get(&seq) {
            Some(Some(partition)) => Acknowledged::Lost { partition: *partition },
            Some(None) => Acknowledged::Before,
            None if self.greatest.is_some_and(|greatest| seq <= greatest) => Acknowledged::Before,
            None => Acknowledged::Never,
        }
    }

    /// Decides the effect of an acknowledgement of all changes that were returned. Changes nothing, as [`acknowledge`](Holdings::acknowledge).
    pub(in crate::mirror) fn acknowledge_all(&self) -> AcknowledgedAll {
        let in_flight = self.partitions.iter().filter(|(_, holding)| holding.in_flight() > 0);
        let last: BTreeMap<u32, i64> = in_flight.map(|(number, holding)| (*number, holding.returned)).collect();
        let cursor = |(number, holding): (&u32, &Holding)| {
            (*number, holding.cursor_after(last.get(number).copied().unwrap_or(i64::MIN)))
        };
        let cursors = self.partitions.iter().map(cursor).collect();
        AcknowledgedAll { last, cursors }
    }

    /// Returns a partition whose returned changes were lost since the last call of this, if there is one.
    pub(in crate::mirror) fn take_loss(&mut self) -> Option<u32> {
        self.loss.take()
    }

    /// Removes the changes of a partition up to `seq`, whose acknowledgement was stored. Does nothing if `generation` is not the current one.
    pub(in crate::mirror) fn confirm(&mut self, generation: i64, partition: u32, seq: i64) {
        let Some(holding) = self.partitions.get_mut(&partition).filter(|_| generation == self.generation) else {
            return;
        };
        while holding.pending.front().is_some_and(|first| *first <= seq) {
            holding.pending.pop_front();
        }
    }

    /// Chooses `count` partitions to release: no more of their changes are returned. Partitions that were chosen before are preferred, then those whose
    /// returned changes are all acknowledged, then the others. A partition that was chosen before, and now is not, is kept.
    pub(in crate::mirror) fn choose_leaving(&mut self, count: usize) {
        let mut order: Vec<u32> = self.partitions.keys().copied().collect();
        let key = |number: &u32| {
            let holding = self.partitions.get(number);
            let rank = holding.map(|holding| (!holding.is_leaving, holding.in_flight() > 0));
            (rank, std::cmp::Reverse(*number))
        };
        order.sort_by_key(key);
        for (place, number) in order.into_iter().enumerate() {
            if let Some(holding) = self.partitions.get_mut(&number) {
                if place < count {
                    holding.stop();
                } else {
                    holding.is_leaving = false;
                }
            }
        }
    }

    /// Returns the partitions that were chosen for release and whose returned changes are all acknowledged.
    pub(in crate::mirror) fn releasable(&self) -> Vec<u32> {
        let free = |holding: &Holding| holding.is_leaving && holding.pending.is_empty();
        self.partitions.iter().filter(|(_, holding)| free(holding)).map(|(number, _)| *number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Partition;
    use proptest::prelude::*;

    const OWN: WorkerId = WorkerId { number: 0, token: 1 };

    /// A consumer's row whose partitions have these cursors, and are held by the worker if the flag is set.
    fn row(generation: i64, partitions: &[(i64, bool)]) -> ConsumerRow {
        let partition = |(cursor, held): &(i64, bool)| Partition { cursor: *cursor, worker: held.then_some(OWN) };
        ConsumerRow { generation, partitions: partitions.iter().map(partition).collect(), ..ConsumerRow::default() }
    }

    fn holdings(partitions: &[(i64, bool)]) -> Holdings {
        let mut holdings = Holdings::default();
        holdings.update(&row(1, partitions), OWN);
        holdings
    }

    /// Reads changes, given as (partition, number), and returns those that are new, in order.
    fn read(holdings: &mut Holdings, changes: &[(u32, i64)]) -> Vec<i64> {
        let new =
            changes.iter().filter(|(partition, seq)| holdings.add(*partition, *seq)).map(|(_, seq)| *seq).collect();
        holdings.read_to(changes.last().unwrap().1);
        new
    }

    /// Acknowledges a change and confirms it. Returns the cursor of its partition.
    fn acknowledge(holdings: &mut Holdings, seq: i64) -> i64 {
        let Acknowledged::Now { partition, cursors } = holdings.acknowledge(seq) else {
            panic!("{seq} cannot be acknowledged")
        };
        holdings.confirm(holdings.generation(), partition, seq);
        assert_eq!(holdings.cursors(), cursors);
        cursors[&partition]
    }

    #[test]
    fn the_feed_is_read_from_the_lowest_cursor_and_each_partition_skips_changes_up_to_its_own() {
        let mut holdings = holdings(&[(2, true), (5, true), (0, false)]);
        assert_eq!(holdings.position(), Some(2));
        assert_eq!(read(&mut holdings, &[(0, 3), (1, 4), (1, 6), (2, 7)]), [3, 6]);
        assert_eq!(holdings.position(), Some(7));
    }

    #[test]
    fn a_partition_that_is_added_later_is_read_from_its_cursor() {
        let mut holdings = holdings(&[(0, true), (0, false)]);
        assert_eq!(read(&mut holdings, &[(0, 1), (1, 2), (0, 3)]), [1, 3]);
        holdings.update(&row(1, &[(0, true), (1, true)]), OWN);
        assert_eq!(holdings.position(), Some(1));
        assert_eq!(read(&mut holdings, &[(1, 2), (0, 3)]), [2]);
    }

    #[test]
    fn the_cursor_of_a_partition_stays_before_its_first_change_that_is_not_acknowledged() {
        let mut holdings = holdings(&[(0, true), (0, true)]);
        read(&mut holdings, &[(0, 1), (1, 2), (0, 4), (1, 6)]);
        assert_eq!(holdings.cursors(), [(0, 0), (1, 1)].into());
        assert!([(0, 1), (1, 2), (0, 4)].iter().all(|(partition, seq)| holdings.give(*partition, *seq)));
        assert_eq!(acknowledge(&mut holdings, 1), 3);
        assert_eq!(acknowledge(&mut holdings, 4), 6, "all that was read is acknowledged");
        assert_eq!(holdings.cursors()[&1], 1);
    }

    #[test]
    fn an_acknowledgement_includes_earlier_changes_of_the_same_partition_only() {
        let mut holdings = holdings(&[(0, true), (0, true)]);
        read(&mut holdings, &[(0, 1), (1, 2), (0, 3)]);
        assert!([(0, 1), (1, 2), (0, 3)].iter().all(|(partition, seq)| holdings.give(*partition, *seq)));
        assert_eq!(acknowledge(&mut holdings, 3), 3);
        assert_eq!(holdings.acknowledge(1), Acknowledged::Before);
        assert_eq!(holdings.cursors()[&1], 1);
        assert_eq!(holdings.in_flight(), 1);
    }

    #[test]
    fn a_number_greater_than_all_returned_ones_cannot_be_acknowledged() {
        let mut holdings = holdings(&[(0, true)]);
        read(&mut holdings, &[(0, 1), (0, 2)]);
        assert!(holdings.give(0, 1));
        assert_eq!(holdings.acknowledge(2), Acknowledged::Never);
        assert_eq!(holdings.acknowledge(9), Acknowledged::Never);
    }

    #[test]
    fn a_change_of_a_lost_partition_cannot_be_acknowledged_until_it_is_returned_again() {
        let mut holdings = holdings(&[(0, true)]);
        read(&mut holdings, &[(0, 1), (0, 2)]);
        assert!(holdings.give(0, 1) && holdings.give(0, 2));
        holdings.lose_all();
        assert_eq!(holdings.acknowledge(2), Acknowledged::Lost { partition: 0 });
        assert_eq!(holdings.in_flight(), 0);

        holdings.update(&row(1, &[(0, true)]), OWN);
        assert_eq!(read(&mut holdings, &[(0, 1), (0, 2)]), [1, 2]);
        assert!(holdings.give(0, 1));
        assert_eq!(holdings.acknowledge(2), Acknowledged::Lost { partition: 0 });
        assert_eq!(acknowledge(&mut holdings, 1), 1);
    }

    #[test]
    fn changes_that_were_read_before_a_partition_was_lost_and_taken_again_are_returned_once() {
        let mut holdings = holdings(&[(0, true)]);
        read(&mut holdings, &[(0, 1), (0, 2)]);
        holdings.lose_all();
        assert!(!holdings.give(0, 1));
        holdings.update(&row(1, &[(0, true)]), OWN);
        read(&mut holdings, &[(0, 1), (0, 2)]);
        // The changes were read twice, so a worker has each of them twice in its buffer.
        let given: Vec<bool> = [1, 2, 1, 2].into_iter().map(|seq| holdings.give(0, seq)).collect();
        assert_eq!(given, [true, true, false, false]);
    }

    #[test]
    fn a_new_generation_drops_all_changes_and_ignores_their_acknowledgements() {
        let mut holdings = holdings(&[(0, true)]);
        read(&mut holdings, &[(0, 1), (0, 2)]);
        assert!(holdings.give(0, 1) && holdings.give(0, 2));
        holdings.update(&row(2, &[(-100, true)]), OWN);
        assert_eq!(holdings.position(), Some(-100));
        assert_eq!(holdings.acknowledge(2), Acknowledged::Before);
        holdings.confirm(1, 0, 2);
        assert_eq!(holdings.cursors(), [(0, -100)].into());
        assert_eq!(holdings.take_loss(), None);
    }

    #[test]
    fn a_number_that_was_not_returned_in_the_new_generation_nor_before_cannot_be_acknowledged() {
        let mut holdings = holdings(&[(0, true)]);
        read(&mut holdings, &[(0, 1), (0, 9)]);
        assert!(holdings.give(0, 1) && holdings.give(0, 9));
        holdings.update(&row(2, &[(0, true)]), OWN);
        read(&mut holdings, &[(0, 1), (0, 2)]);
        assert!(holdings.give(0, 1));

        assert_eq!(holdings.acknowledge(5), Acknowledged::Never);
        assert_eq!(holdings.acknowledge(9), Acknowledged::Before, "it was returned in the earlier generation");
    }

    #[test]
    fn an_acknowledgement_of_all_returned_changes_includes_every_partition_and_nothing_that_was_only_read() {
        let mut holdings = holdings(&[(0, true), (0, true), (0, true)]);
        read(&mut holdings, &[(0, 1), (1, 2), (0, 3), (1, 4)]);
        assert!([(0, 1), (1, 2), (0, 3)].iter().all(|(partition, seq)| holdings.give(*partition, *seq)));

        let AcknowledgedAll { last, cursors } = holdings.acknowledge_all();

        assert_eq!(last, [(0, 3), (1, 2)].into());
        assert_eq!(cursors, [(0, 4), (1, 3), (2, 4)].into());
        last.into_iter().for_each(|(partition, seq)| holdings.confirm(1, partition, seq));
        assert_eq!(holdings.cursors(), cursors);
        assert_eq!(holdings.in_flight(), 0);
        assert!(holdings.acknowledge_all().last.is_empty());
    }

    #[test]
    fn a_loss_of_returned_changes_is_reported_once() {
        let mut holdings = holdings(&[(0, true), (0, true)]);
        read(&mut holdings, &[(0, 1), (1, 2)]);
        assert!(holdings.give(1, 2));
        holdings.lose_all();
        assert_eq!(holdings.take_loss(), Some(1), "partition 0 had no returned changes");
        assert_eq!(holdings.take_loss(), None);
    }

    #[test]
    fn a_partition_is_released_once_its_returned_changes_are_acknowledged() {
        let mut holdings = holdings(&[(0, true), (0, true), (0, true)]);
        read(&mut holdings, &[(0, 1), (1, 2), (2, 3), (1, 4), (0, 5)]);
        assert!(holdings.give(0, 1) && holdings.give(1, 2));
        holdings.choose_leaving(2);
        assert_eq!(holdings.releasable(), [2], "none of its changes was returned");
        assert_eq!(holdings.cursors()[&2], 2, "the next worker reads change 3");
        assert!(!holdings.give(1, 4), "no more changes are returned");
        assert_eq!(holdings.position(), Some(5));

        assert_eq!(acknowledge(&mut holdings, 2), 3);
        assert_eq!(holdings.releasable(), [1, 2]);
        holdings.update(&row(1, &[(0, true), (3, false), (2, false)]), OWN);
        assert_eq!(holdings.partitions(), [0].into());
        assert_eq!(holdings.acknowledge(2), Acknowledged::Before);
    }

    #[test]
    fn a_partition_that_is_no_longer_to_be_released_is_read_from_where_it_was_stopped() {
        let mut holdings = holdings(&[(0, true), (0, true)]);
        read(&mut holdings, &[(1, 1), (1, 2), (0, 3)]);
        assert!(holdings.give(1, 1) && holdings.give(0, 3));
        holdings.choose_leaving(2);
        holdings.choose_leaving(0);
        assert_eq!(holdings.position(), Some(1));
        assert_eq!(read(&mut holdings, &[(1, 2), (0, 3)]), [2]);
        assert!(holdings.give(1, 2));
    }

    /// A step of a worker that holds two of three partitions.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Read(u8),
        Give,
        Acknowledge(u8),
        Choose(u8),
        Lose,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (1..6_u8).prop_map(Step::Read),
            Just(Step::Give),
            Just(Step::Give),
            (0..8_u8).prop_map(Step::Acknowledge),
            (0..3_u8).prop_map(Step::Choose),
            Just(Step::Lose),
        ]
    }

    proptest! {
        /// A model of the worker that uses [`Holdings`]: the feed's change `n` is in partition `feed[n - 1]`, and `buffer` has the changes that were
        /// read and not returned.
        #[test]
        fn changes_are_returned_in_order_and_no_cursor_passes_one_that_is_not_acknowledged(
            feed in prop::collection::vec(0..3_u32, 1..30),
            steps in prop::collection::vec(step(), 1..80),
        ) {
            let mut stored = row(1, &[(0, true), (0, true), (0, false)]);
            let mut holdings = holdings(&[(0, true), (0, true), (0, false)]);
            let (mut buffer, mut returned) = (VecDeque::new(), Vec::<(u32, i64)>::new());
            let mut acknowledged = BTreeSet::new();
            for step in steps {
                match step {
                    Step::Read(limit) => {
                        let Some(position) = holdings.position() else { continue };
                        let page = feed.iter().zip(1..).skip(position as usize).take(limit.into());
                        let page: Vec<(u32, i64)> = page.map(|(partition, seq)| (*partition, seq)).collect();
                        buffer.extend(page.iter().filter(|(partition, seq)| holdings.add(*partition, *seq)).copied());
                        page.last().into_iter().for_each(|(_, last)| holdings.read_to(*last));
                    }
                    Step::Give => {
                        let Some((partition, seq)) = buffer.pop_front() else { continue };
                        if holdings.give(partition, seq) {
                            let earlier = feed.iter().zip(1..).filter(|(other, n)| **other == partition && *n < seq);
                            for (_, earlier) in earlier {
                                let was_returned = returned.contains(&(partition, earlier));
                                prop_assert!(was_returned || acknowledged.contains(&earlier), "{} before {}", seq, earlier);
                            }
                            returned.push((partition, seq));
                        }
                    }
                    Step::Acknowledge(choice) => {
                        let Some((_, seq)) = returned.get(usize::from(choice)).copied() else { continue };
                        if let Acknowledged::Now { partition, cursors } = holdings.acknowledge(seq) {
                            let of_partition = |(other, n): &&(u32, i64)| *other == partition && *n <= seq;
                            acknowledged.extend(returned.iter().filter(of_partition).map(|(_, n)| *n));
                            holdings.confirm(1, partition, seq);
                            for (number, cursor) in cursors {
                                stored.partitions[number as usize].cursor = cursor;
                            }
                        }
                    }
                    Step::Choose(count) => holdings.choose_leaving(count.into()),
                    Step::Lose => {
                        holdings.lose_all();
                        returned.retain(|(_, seq)| acknowledged.contains(seq));
                        holdings.update(&stored, OWN);
                    }
                }
                for (number, cursor) in holdings.cursors() {
                    let before = feed.iter().zip(1..).take(cursor as usize).filter(|(partition, _)| **partition == number);
                    for (_, seq) in before {
                        prop_assert!(acknowledged.contains(&seq), "the cursor {} passed {}", cursor, seq);
                    }
                }
            }
        }
    }
}
