//! Partitions of a consumer: which partition a change belongs to, and which worker holds a partition.
//!
//! A worker is identified by its lease. The consumer's row names the worker that holds each partition, so one transaction gives a worker its share, and
//! an acknowledgement is stored only if the row still names the worker. A worker whose lease has ended is named until others take over its partitions.

use crate::record::{Change, ConsumerRow, Partition, WorkerId};
use crate::{Error, Result, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The most partitions of a consumer. Each acknowledgement writes the cursors of all of them.
pub(in crate::mirror) const MAX_PARTITIONS: u32 = 256;

/// Returns the partition of a change: that of the id of its user, or else of its group, of its directory, or of its organization.
pub(in crate::mirror) fn partition_of(change: &Change, partitions: u32) -> u32 {
    let Change { user, group, directory_id, organization_id, .. } = change;
    let id = match (user, group) {
        (Some(user), _) => &user.id,
        (None, Some(group)) => &group.id,
        (None, None) if !directory_id.is_empty() => directory_id,
        (None, None) => organization_id,
    };
    partition_of_id(id, partitions)
}

/// Returns the partition of an id: its FNV-1a hash of 64 bits, whose upper and lower halves are combined by exclusive or, modulo
/// `partitions`. It is documented, and stored cursors depend on it, so it must not change.
fn partition_of_id(id: &str, partitions: u32) -> u32 {
    let hash = id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let folded = (hash >> 32) as u32 ^ hash as u32;
    folded % partitions.max(1)
}

/// Returns whether a consumer does not need a change any more: it has acknowledged the change, or its snapshot includes it.
pub(in crate::mirror) fn has_acknowledged(row: &ConsumerRow, change: &Change) -> bool {
    let own = u32::try_from(row.partitions.len()).ok().filter(|count| *count > 0);
    let partition = own.and_then(|count| row.partitions.get(partition_of(change, count) as usize));
    let cursor = partition.map_or(row.cursor, |partition| partition.cursor);
    change.seq <= row.seen_with(cursor)
}

/// The workers of a consumer, from the row and the leases that one of them has read.
#[derive(Clone, Debug)]
pub(in crate::mirror) struct Members {
    /// The worker itself.
    pub(in crate::mirror) own: WorkerId,
    /// The workers whose leases had not ended when they were listed, and `own`.
    pub(in crate::mirror) live: BTreeSet<WorkerId>,
    /// Workers whose leases have ended: the row, which was read before the leases were listed, names them, and the list does not. A lease that has
    /// ended is not extended, so this stays true. Workers that only a later row names are not included, because they may have joined after the leases were
    /// listed.
    pub(in crate::mirror) ended: BTreeSet<WorkerId>,
}

impl Members {
    /// Makes the members from the workers that were listed after `row` had been read.
    pub(in crate::mirror) fn new(own: WorkerId, live: BTreeSet<WorkerId>, row: Option<&ConsumerRow>) -> Members {
        let named = row.into_iter().flat_map(|row| row.partitions.iter().filter_map(|partition| partition.worker));
        let ended = named.filter(|worker| *worker != own && !live.contains(worker)).collect();
        Members { own, live, ended }
    }

    /// Returns whether the lease of a worker is known to have ended.
    fn has_ended(&self, worker: WorkerId) -> bool {
        self.ended.contains(&worker)
    }
}

/// A change of the consumer's row by one worker, other than an acknowledgement.
#[derive(Clone, Debug)]
pub(in crate::mirror) struct Turn {
    /// The consumer's name.
    pub(in crate::mirror) name: String,
    /// The number of partitions that the consumer is to have.
    pub(in crate::mirror) partitions: u32,
    /// The workers, including the one whose turn this is.
    pub(in crate::mirror) members: Members,
    /// The generation of `cursors` and `releases`.
    pub(in crate::mirror) generation: i64,
    /// Cursors to store, by partition.
    pub(in crate::mirror) cursors: BTreeMap<u32, i64>,
    /// Partitions that may be released, in this order, until the worker holds no more than its share.
    pub(in crate::mirror) releases: Vec<u32>,
}

impl Turn {
    /// Returns the consumer's row after this turn, and how many partitions the worker still holds beyond its share. The turn stores the cursors, gives
    /// the worker partitions that no worker or an ended one holds, up to its share, and releases partitions in `releases` until the worker holds no more
    /// than its share. Cursors and releases of another generation are ignored. A consumer that does not exist gets the generation after `generation`,
    /// and starts with the first change.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if the consumer has another number of partitions, and other workers, whose
    /// leases have not ended, hold some of them.
    pub(in crate::mirror) fn apply(&self, row: Option<ConsumerRow>, generation: i64) -> Result<(ConsumerRow, usize)> {
        let new = || ConsumerRow { name: self.name.clone(), generation: generation + 1, ..ConsumerRow::default() };
        let row = row.unwrap_or_else(new);
        let mut row = with_partitions(row, self.partitions, &self.members)?;
        let own = self.members.own;
        let is_current = row.generation == self.generation;
        if is_current {
            advance(&mut row, own, &self.cursors);
        }
        let (held, share) = (count_of(&row, own), share(&row, &self.members));
        let mut surplus = held.saturating_sub(share);
        for number in self.releases.iter().filter(|_| is_current) {
            if let Some(partition) = row.partitions.get_mut(*number as usize)
                && partition.worker == Some(own)
                && surplus > 0
            {
                partition.worker = None;
                surplus -= 1;
            }
        }
        let is_free = |partition: &Partition| partition.worker.is_none_or(|worker| self.members.has_ended(worker));
        let free = row.partitions.iter_mut().filter(|partition| is_free(partition));
        free.take(share.saturating_sub(held)).for_each(|partition| partition.worker = Some(own));
        Ok((row, surplus))
    }
}

/// Returns how many partitions a worker holds.
fn count_of(row: &ConsumerRow, worker: WorkerId) -> usize {
    row.partitions.iter().filter(|partition| partition.worker == Some(worker)).count()
}

/// Returns how many partitions the worker `members.own` should hold.
fn share(row: &ConsumerRow, members: &Members) -> usize {
    let named = row.partitions.iter().filter_map(|partition| partition.worker);
    // A worker that the row names, and that is neither live nor known to have ended, joined after the leases were listed.
    let active = members.live.iter().copied().chain(named).filter(|worker| !members.has_ended(*worker));
    let held = active.map(|worker| (worker, count_of(row, worker))).collect();
    shares(&held, row.partitions.len()).get(&members.own).copied().unwrap_or(0)
}

/// Divides partitions evenly among workers, and returns how many each gets. `held` is how many each of them holds: if the number is not divisible, those
/// that hold the most get one more than the others, so that few partitions move.
fn shares(held: &BTreeMap<WorkerId, usize>, partitions: usize) -> BTreeMap<WorkerId, usize> {
    let mut workers: Vec<_> = held.iter().collect();
    workers.sort_by_key(|(worker, count)| (std::cmp::Reverse(**count), **worker));
    let (each, more) = (partitions / workers.len().max(1), partitions % workers.len().max(1));
    let share = |place: usize| each + usize::from(place < more);
    workers.into_iter().enumerate().map(|(place, (worker, _))| (*worker, share(place))).collect()
}

/// Returns a consumer's row with this number of partitions.
///
/// A consumer without partitions gets partitions at its cursor. If the number changes, an id of the new partition `n` was in an old partition whose
/// number has the same remainder as `n` when divided by the greatest common divisor of both counts, so `n` begins at the lowest cursor of these old
/// partitions. Changes after that cursor that were acknowledged in one of the others are returned again.
///
/// # Errors
///
/// As [`check_count`], if a worker other than `members.own` holds a partition and is not known to have ended.
fn with_partitions(row: ConsumerRow, count: u32, members: &Members) -> Result<ConsumerRow> {
    let old = row.partitions.len() as u32;
    if old == count {
        return Ok(row);
    }
    check_count(&row, count, |worker| worker != members.own && !members.has_ended(worker))?;
    let common = greatest_common_divisor(old, count);
    let cursor = |number: u32| {
        let sources = row.partitions.iter().zip(0_u32..).filter(|(_, source)| source % common == number % common);
        sources.map(|(partition, _)| partition.cursor).min().unwrap_or(row.cursor)
    };
    let partitions = (0..count).map(|number| Partition { cursor: cursor(number), worker: None }).collect();
    Ok(ConsumerRow { partitions, ..row })
}

/// Checks that a consumer has `count` partitions, or that the number may be changed, because no live worker holds one of its partitions. `is_live`
/// returns whether the lease of a worker has not ended.
///
/// # Errors
///
/// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if it has another number, and a live worker holds one of them.
pub(in crate::mirror) fn check_count(row: &ConsumerRow, count: u32, is_live: impl Fn(WorkerId) -> bool) -> Result<()> {
    let stored = row.partitions.len();
    let mut holders = row.partitions.iter().filter_map(|partition| partition.worker);
    if stored == count as usize || !holders.any(is_live) {
        return Ok(());
    }
    Err(Error::invalid_argument(format!(
        "the consumer has {stored} partitions, which workers hold, and this worker asks for {count}: close all workers of the consumer before the number is changed"
    )))
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a.max(1) } else { greatest_common_divisor(b, a % b) }
}

/// Moves forward the cursors of those partitions that the worker holds. Sets the consumer's cursor to the lowest cursor of its partitions, and raises
/// `polled` to the greatest cursor that was stored.
fn advance(row: &mut ConsumerRow, own: WorkerId, cursors: &BTreeMap<u32, i64>) {
    for (number, cursor) in cursors {
        if let Some(partition) = row.partitions.get_mut(*number as usize)
            && partition.worker == Some(own)
        {
            partition.cursor = partition.cursor.max(*cursor);
            row.polled = row.polled.max(*cursor);
        }
    }
    row.cursor = row.partitions.iter().map(|partition| partition.cursor).min().unwrap_or(row.cursor);
}

/// An acknowledgement by a worker, of changes in one or several partitions.
#[derive(Clone, Debug)]
pub(in crate::mirror) struct PartitionAck {
    /// The worker.
    pub(in crate::mirror) own: WorkerId,
    /// The generation of the changes.
    pub(in crate::mirror) generation: i64,
    /// The partitions of the changes.
    pub(in crate::mirror) partitions: BTreeSet<u32>,
    /// The cursors of all partitions of the worker after the acknowledgement.
    pub(in crate::mirror) cursors: BTreeMap<u32, i64>,
}

impl PartitionAck {
    /// Returns the consumer's row after the acknowledgement, or `None` if the change is of another generation: the row stays as it is then.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if there is no such consumer;
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the worker does not hold one of the partitions any more.
    pub(in crate::mirror) fn apply(&self, row: Option<ConsumerRow>, now: Timestamp) -> Result<Option<ConsumerRow>> {
        let Some(mut row) = row else {
            return Err(Error::invalid_argument("the consumer was dropped, so nothing can be acknowledged"));
        };
        if row.generation != self.generation {
            return Ok(None);
        }
        self.partitions.iter().try_for_each(|partition| check_holder(&row, *partition, self.own))?;
        advance(&mut row, self.own, &self.cursors);
        Ok(Some(ConsumerRow { seen_at: now, ..row }))
    }
}

/// Checks that the consumer's row names a worker as the holder of a partition.
///
/// # Errors
///
/// [`ErrorKind::Store`](crate::ErrorKind::Store) if it does not: the worker has lost the partition.
pub(in crate::mirror) fn check_holder(row: &ConsumerRow, partition: u32, own: WorkerId) -> Result<()> {
    match row.partitions.get(partition as usize) {
        Some(held) if held.worker == Some(own) => Ok(()),
        _ => Err(lost(partition)),
    }
}

/// Returns the consumer's row after a worker has stored its cursors and released all of its partitions, or `None` if it holds none.
pub(in crate::mirror) fn leave(
    row: Option<ConsumerRow>,
    own: WorkerId,
    generation: i64,
    cursors: &BTreeMap<u32, i64>,
) -> Option<ConsumerRow> {
    let mut row = row.filter(|row| count_of(row, own) > 0)?;
    if row.generation == generation {
        advance(&mut row, own, cursors);
    }
    let held = row.partitions.iter_mut().filter(|partition| partition.worker == Some(own));
    held.for_each(|partition| partition.worker = None);
    Some(row)
}

/// Returns the error for an acknowledgement by a worker that does not hold the partition any more.
pub(in crate::mirror) fn lost(partition: u32) -> Error {
    Error::store(format!(
        "the lease of partition {partition} was lost: it expired, or another worker took it over, so the change is not acknowledged and is returned again"
    ))
    .temporary()
}

/// Checks that a consumer has no partitions, for a call that is not made by a worker, such as a poll.
///
/// # Errors
///
/// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if it has partitions.
pub(in crate::mirror) fn without_partitions(row: &ConsumerRow) -> Result<()> {
    match row.partitions.len() {
        0 => Ok(()),
        count => Err(Error::invalid_argument(format!(
            "the consumer has {count} partitions: read and acknowledge its changes with `consumer`, or use another name"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::record::{ChangeBody, ChangeKind, MirrorGroup, MirrorUser, Mirrored};
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn worker(number: u32) -> WorkerId {
        WorkerId { number, token: 1 }
    }

    /// A consumer whose partitions have these cursors, and are held by the workers with these numbers.
    fn row(partitions: &[(i64, Option<u32>)]) -> ConsumerRow {
        let partition =
            |(cursor, number): &(i64, Option<u32>)| Partition { cursor: *cursor, worker: number.map(worker) };
        let partitions: Vec<_> = partitions.iter().map(partition).collect();
        let cursor = partitions.iter().map(|partition| partition.cursor).min().unwrap_or(0);
        ConsumerRow { name: "app".to_owned(), cursor, generation: 1, partitions, ..ConsumerRow::default() }
    }

    /// A turn of the worker `own`. The workers `live` are live, and all others that `row` names have ended.
    fn turn(own: u32, live: &[u32], row: &ConsumerRow) -> Turn {
        let live = live.iter().copied().map(worker).collect();
        Turn {
            name: "app".to_owned(),
            partitions: row.partitions.len() as u32,
            members: Members::new(worker(own), live, Some(row)),
            generation: 1,
            cursors: BTreeMap::new(),
            releases: Vec::new(),
        }
    }

    #[test]
    fn a_change_is_acknowledged_by_the_cursor_of_its_own_partition_or_by_the_snapshot() {
        let place = ("org_1".to_owned(), "dir_1".to_owned());
        let at = |seq| {
            let body = ChangeBody::default();
            Change::new(seq, ChangeKind::DirectoryEnabled, place.clone(), body, String::new(), NOW)
        };
        let own = partition_of(&at(5), 2) as usize;
        let mut cursors = [(3, None), (3, None)];
        assert!(!has_acknowledged(&row(&cursors), &at(5)));
        cursors[1 - own].0 = 9;
        assert!(!has_acknowledged(&row(&cursors), &at(5)), "another partition's cursor does not count");
        cursors[own].0 = 5;
        assert!(has_acknowledged(&row(&cursors), &at(5)));
        assert!(!has_acknowledged(&row(&cursors), &at(6)));

        let whole = ConsumerRow { cursor: 5, ..ConsumerRow::default() };
        assert!(has_acknowledged(&whole, &at(5)));
        assert!(!has_acknowledged(&whole, &at(6)));
        let snapshot = crate::record::Snapshot { seq: 6, ..crate::record::Snapshot::default() };
        let reading = ConsumerRow { cursor: -9, snapshot: Some(snapshot), ..ConsumerRow::default() };
        assert!(has_acknowledged(&reading, &at(6)));
        assert!(!has_acknowledged(&reading, &at(7)));
    }

    fn holders(row: &ConsumerRow) -> Vec<Option<u32>> {
        row.partitions.iter().map(|partition| partition.worker.map(|worker| worker.number)).collect()
    }

    fn cursors(row: &ConsumerRow) -> Vec<i64> {
        row.partitions.iter().map(|partition| partition.cursor).collect()
    }

    fn change(body: ChangeBody, directory_id: &str) -> Change {
        let place = ("org_1".to_owned(), directory_id.to_owned());
        Change::new(1, ChangeKind::UserCreated, place, body, String::new(), NOW)
    }

    #[test]
    fn the_partition_of_an_id_never_changes() {
        let of = |partitions| ["", "diruser_1", "diruser_2", "größe"].map(|id| partition_of_id(id, partitions));
        assert_eq!(partition_of_id("", 1 << 31), 0xcbf2_9ce4 ^ 0x8422_2325);
        assert_eq!(of(1), [0, 0, 0, 0]);
        // Computed by another implementation of FNV-1a.
        assert_eq!(of(16), [1, 8, 13, 4]);
        assert_eq!(of(7), [3, 1, 0, 0]);
    }

    #[test]
    fn a_change_is_in_the_partition_of_its_user_or_else_of_its_group_or_directory_or_organization() {
        let user = MirrorUser { id: "diruser_1".to_owned(), ..MirrorUser::default() };
        let group = MirrorGroup { id: "dirgroup_1".to_owned(), ..MirrorGroup::default() };
        let of_user = ChangeBody { after: Some(Mirrored::User(Box::new(user.clone()))), ..ChangeBody::default() };
        let of_group = ChangeBody { before: Some(Mirrored::Group(group.clone())), ..ChangeBody::default() };
        let membership = ChangeBody { user: Some(user), group: Some(group), ..ChangeBody::default() };
        for (body, directory_id, id) in [
            (of_user, "dir_1", "diruser_1"),
            (membership, "dir_1", "diruser_1"),
            (of_group, "dir_1", "dirgroup_1"),
            (ChangeBody::default(), "dir_1", "dir_1"),
            (ChangeBody::default(), "", "org_1"),
        ] {
            assert_eq!(partition_of(&change(body, directory_id), 251), partition_of_id(id, 251), "{id}");
        }
    }

    #[test]
    fn each_partition_gets_between_half_and_twice_its_even_share_of_the_ids() {
        for partitions in [2, 3, 16, 100, 256] {
            let mut counts = vec![0_u32; partitions as usize];
            (0..50_000).for_each(|n| counts[partition_of_id(&format!("diruser_{n:06}"), partitions) as usize] += 1);
            let expected = 50_000 / partitions;
            for count in counts {
                assert!(count > expected / 2 && count < expected * 2, "{count} of {expected} in one of {partitions}");
            }
        }
    }

    #[test]
    fn the_first_worker_gets_all_partitions_and_the_second_none_until_the_first_releases_its_surplus() {
        let empty = row(&[(0, None); 4]);
        let (first, surplus) = turn(0, &[0], &empty).apply(Some(empty.clone()), 1).unwrap();
        assert_eq!(holders(&first), [Some(0); 4]);
        assert_eq!(surplus, 0);

        let (second, _) = turn(1, &[0, 1], &first).apply(Some(first), 1).unwrap();
        assert_eq!(holders(&second), [Some(0); 4]);
        let (_, surplus) = turn(0, &[0, 1], &second).apply(Some(second.clone()), 1).unwrap();
        assert_eq!(surplus, 2);
        let releasing = Turn { releases: vec![3, 1, 0], ..turn(0, &[0, 1], &second) };
        let (released, surplus) = releasing.apply(Some(second), 1).unwrap();
        assert_eq!(holders(&released), [Some(0), None, Some(0), None]);
        assert_eq!(surplus, 0);
        let (shared, _) = turn(1, &[0, 1], &released).apply(Some(released), 1).unwrap();
        assert_eq!(holders(&shared), [Some(0), Some(1), Some(0), Some(1)]);
    }

    #[test]
    fn partitions_of_a_worker_whose_lease_has_ended_are_taken_over_at_their_cursors() {
        let stored = row(&[(5, Some(0)), (7, Some(1)), (9, Some(1))]);
        let (taken, _) = turn(0, &[0], &stored).apply(Some(stored), 1).unwrap();
        assert_eq!(holders(&taken), [Some(0); 3]);
        assert_eq!(cursors(&taken), [5, 7, 9]);
    }

    #[test]
    fn partitions_of_a_worker_that_joined_after_the_leases_were_listed_are_not_taken_over() {
        let before = row(&[(0, Some(0)), (0, None)]);
        let turn = turn(0, &[0], &before);
        let (after, surplus) = turn.apply(Some(row(&[(0, Some(0)), (0, Some(1))])), 1).unwrap();
        assert_eq!(holders(&after), [Some(0), Some(1)]);
        assert_eq!(surplus, 0);
    }

    #[test]
    fn a_consumer_that_does_not_exist_starts_with_the_first_change_in_a_new_generation() {
        let turn = Turn { partitions: 2, ..turn(0, &[0], &row(&[])) };
        let (new, _) = turn.apply(None, 6).unwrap();
        assert_eq!(new.generation, 7);
        assert_eq!(new.cursor, 0);
        assert_eq!(holders(&new), [Some(0); 2]);
    }

    #[test]
    fn a_consumer_without_partitions_gets_them_at_its_cursor() {
        let stored = ConsumerRow { cursor: 12, ..row(&[]) };
        let turn = Turn { partitions: 2, ..turn(0, &[0], &stored) };
        let (changed, _) = turn.apply(Some(stored), 1).unwrap();
        assert_eq!(cursors(&changed), [12, 12]);
        assert_eq!(changed.cursor, 12);
    }

    #[test]
    fn the_number_of_partitions_is_not_changed_while_another_worker_holds_some() {
        let stored = row(&[(5, Some(1)), (7, None)]);
        let other = Turn { partitions: 3, ..turn(0, &[0, 1], &stored) };
        let error = other.apply(Some(stored.clone()), 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("has 2 partitions"), "{error}");

        let later = Turn { partitions: 3, ..turn(0, &[0], &stored) };
        let (changed, _) = later.apply(Some(stored), 1).unwrap();
        assert_eq!(cursors(&changed), [5, 5, 5]);
    }

    #[test]
    fn twice_as_many_partitions_begin_at_the_cursors_of_those_that_had_their_ids() {
        let stored = row(&[(5, None), (7, None)]);
        let turn = Turn { partitions: 4, ..turn(0, &[0], &stored) };
        let (changed, _) = turn.apply(Some(stored), 1).unwrap();
        assert_eq!(cursors(&changed), [5, 7, 5, 7]);
    }

    #[test]
    fn cursors_of_a_turn_apply_only_to_partitions_that_the_worker_holds_in_the_same_generation() {
        let stored = row(&[(5, Some(0)), (7, Some(1)), (9, Some(0))]);
        let moved = Turn { cursors: [(0, 20), (1, 20), (2, 8)].into(), ..turn(0, &[0, 1], &stored) };
        let (after, _) = moved.apply(Some(stored.clone()), 1).unwrap();
        assert_eq!(cursors(&after), [20, 7, 9]);
        assert_eq!(after.cursor, 7);
        let stale = Turn { generation: 0, ..moved };
        assert_eq!(cursors(&stale.apply(Some(stored), 1).unwrap().0), [5, 7, 9]);
    }

    fn ack(own: u32, partition: u32, cursor: i64) -> PartitionAck {
        let partitions = [partition].into();
        PartitionAck { own: worker(own), generation: 1, partitions, cursors: [(partition, cursor)].into() }
    }

    #[test]
    fn an_acknowledgement_moves_the_cursor_of_its_partition_and_the_consumers_cursor_to_the_lowest_one() {
        let stored = row(&[(5, Some(0)), (7, Some(1))]);
        let after = ack(0, 0, 6).apply(Some(stored.clone()), NOW).unwrap().unwrap();
        assert_eq!(cursors(&after), [6, 7]);
        assert_eq!(after.cursor, 6);
        let after = ack(0, 0, 10).apply(Some(stored), NOW).unwrap().unwrap();
        assert_eq!(after.cursor, 7);
    }

    #[test]
    fn an_acknowledgement_in_a_partition_that_the_worker_does_not_hold_is_refused() {
        let stored = row(&[(5, Some(0)), (7, Some(1)), (9, None)]);
        for partition in [1, 2, 3] {
            let error = ack(0, partition, 10).apply(Some(stored.clone()), NOW).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Store);
            assert!(error.message().contains("was lost"), "{error}");
        }
        let same_number = PartitionAck { own: WorkerId { number: 0, token: 2 }, ..ack(0, 0, 10) };
        assert!(same_number.apply(Some(stored), NOW).is_err(), "a later worker with the same number is another worker");
        assert_eq!(ack(0, 0, 10).apply(None, NOW).unwrap_err().kind(), ErrorKind::InvalidArgument);
    }

    #[test]
    fn an_acknowledgement_in_several_partitions_is_refused_as_a_whole_if_one_of_them_was_lost() {
        let stored = row(&[(5, Some(0)), (7, Some(0)), (9, Some(1))]);
        let both = PartitionAck { partitions: [0, 1].into(), cursors: [(0, 10), (1, 10)].into(), ..ack(0, 0, 10) };
        let after = both.apply(Some(stored.clone()), NOW).unwrap().unwrap();
        assert_eq!(cursors(&after), [10, 10, 9]);
        let with_lost = PartitionAck { partitions: [0, 2].into(), ..both };
        let error = with_lost.apply(Some(stored), NOW).unwrap_err();
        assert!(error.message().contains("partition 2 was lost"), "{error}");
    }

    #[test]
    fn an_acknowledgement_of_an_earlier_generation_has_no_effect() {
        let stored = ConsumerRow { generation: 2, ..row(&[(5, Some(0))]) };
        assert_eq!(ack(0, 0, 10).apply(Some(stored), NOW).unwrap(), None);
    }

    #[test]
    fn a_worker_that_leaves_stores_its_cursors_and_releases_its_partitions() {
        let stored = row(&[(5, Some(0)), (7, Some(1))]);
        let after = leave(Some(stored.clone()), worker(0), 1, &[(0, 6), (1, 9)].into()).unwrap();
        assert_eq!(holders(&after), [None, Some(1)]);
        assert_eq!(cursors(&after), [6, 7]);
        let of_another_generation = leave(Some(stored.clone()), worker(0), 2, &[(0, 6)].into()).unwrap();
        assert_eq!(cursors(&of_another_generation), [5, 7]);
        assert_eq!(leave(Some(stored), worker(2), 1, &BTreeMap::new()), None);
    }

    #[test]
    fn a_partition_is_stored_as_an_array_of_its_cursor_and_its_worker() {
        let partitions = row(&[(5, Some(3)), (-7, None)]).partitions;
        let json = serde_json::to_string(&partitions).unwrap();
        assert_eq!(json, "[[5,[3,1]],[-7,null]]");
        assert_eq!(serde_json::from_str::<Vec<Partition>>(&json).unwrap(), partitions);
    }

    proptest! {
        #[test]
        fn shares_are_even_and_complete(held in prop::collection::vec(0..20_usize, 1..12), partitions in 1..300_usize) {
            let held: BTreeMap<_, _> = (0..).map(worker).zip(held).collect();
            let shares = shares(&held, partitions);
            prop_assert_eq!(shares.values().sum::<usize>(), partitions);
            let (least, most) = (shares.values().min().unwrap(), shares.values().max().unwrap());
            prop_assert!(most - least <= 1);
            for (one, share) in &shares {
                for (other, others) in &shares {
                    prop_assert!(held[one] <= held[other] || share >= others, "a worker that holds more gets no smaller share");
                }
            }
        }

        /// Workers join, take turns, in which they release what is beyond their share, and end, in any order.
        #[test]
        fn workers_share_all_partitions_evenly_after_any_joins_and_ends(
            count in 1..40_u32,
            steps in prop::collection::vec((0..6_u32, 0..4_u32), 0..80),
        ) {
            let mut stored = row(&vec![(0, None); count as usize]);
            let mut live = BTreeSet::new();
            // A worker that ends and joins again has the same number and a new token.
            let mut tokens = [1_i64; 6];
            let take_turn = |stored: &ConsumerRow, live: &BTreeSet<WorkerId>, own: WorkerId| {
                let releases = (0..count).rev().collect();
                let members = Members::new(own, live.clone(), Some(stored));
                let turn = Turn { members, releases, ..turn(0, &[], stored) };
                turn.apply(Some(stored.clone()), 1).unwrap().0
            };
            for (number, step) in steps {
                let own = WorkerId { number, token: tokens[number as usize] };
                if step == 0 {
                    live.remove(&own);
                    tokens[number as usize] += 1;
                } else {
                    live.insert(own);
                    let after = take_turn(&stored, &live, own);
                    for (before, after) in stored.partitions.iter().zip(&after.partitions) {
                        let taken = before.worker != after.worker && after.worker.is_some();
                        prop_assert!(!taken || before.worker.is_none_or(|worker| !live.contains(&worker)), "taken from a live worker");
                    }
                    stored = after;
                }
            }
            // After the first round, no worker holds more than `count / live.len() + 1` partitions. After the second, at most `count % live.len()` workers
            // hold so many. In the third, the workers that hold too few take the free partitions.
            for _ in 0..3 {
                for own in &live {
                    stored = take_turn(&stored, &live, *own);
                }
            }
            let counts: Vec<usize> = live.iter().map(|worker| count_of(&stored, *worker)).collect();
            if !live.is_empty() {
                prop_assert_eq!(counts.iter().sum::<usize>(), count as usize);
                prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{:?}", counts);
                for own in &live {
                    prop_assert_eq!(&take_turn(&stored, &live, *own), &stored, "partitions move although they are shared evenly");
                }
            }
        }

        #[test]
        fn no_change_is_skipped_when_the_number_of_partitions_changes(
            old in prop::collection::vec(0..100_i64, 1..40),
            count in 1..40_u32,
            ids in prop::collection::vec("[a-z0-9_]{0,12}", 1..20),
        ) {
            let stored = row(&old.iter().map(|cursor| (*cursor, None)).collect::<Vec<_>>());
            let turn = Turn { partitions: count, ..turn(0, &[0], &stored) };
            let (changed, _) = turn.apply(Some(stored.clone()), 1).unwrap();
            for id in ids {
                let before = stored.partitions[partition_of_id(&id, old.len() as u32) as usize].cursor;
                let after = changed.partitions[partition_of_id(&id, count) as usize].cursor;
                prop_assert!(after <= before, "{}: from {} to {}", id, before, after);
            }
            prop_assert_eq!(changed.cursor, stored.cursor);
        }
    }
}
