//! The contents of a store in a form that all stores share: tables of plain values, which one store [dumps](super::Store::dump) and another one
//! [restores](super::Store::restore), and a digest of them that does not depend on the store.
//!
//! [`TABLES`] lists everything that a store keeps, except for leases and for what it keeps for its own operation.

#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::codec::to_json;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use crate::record::Partition;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use crate::{Error, Result};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// Rows of one page at most.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) const PAGE_ROWS: usize = 500;

/// Bytes of text and data after which a page ends.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) const PAGE_BYTES: usize = 4 << 20;

/// One value of a row.
#[derive(Clone, PartialEq, Eq)]
pub enum Cell {
    /// No value.
    Null,
    /// A number. A truth value is 0 or 1.
    Number(i64),
    /// Text or JSON.
    Text(String),
    /// Bytes. A time is 12 bytes that sort like the times: seconds since 1970 with the sign bit inverted, then nanoseconds, most significant byte
    /// first.
    Bytes(Vec<u8>),
}

/// The values of a row, in the order of its table's columns.
pub type Row = Vec<Cell>;

/// The type of a column. Any column may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number.
    Number,
    /// A truth value, as 0 or 1.
    Truth,
    /// Text with any characters.
    Text,
    /// JSON without NUL characters.
    Json,
    /// Bytes, or a time.
    Bytes,
}

/// A table of [`TABLES`].
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns.
    pub columns: &'static [(&'static str, Kind)],
    /// How many of the first columns identify a row. A dump is in their order. 0 for a table with exactly one row.
    pub key: usize,
}

macro_rules! tables {
    ($($(#[$doc:meta])* $constant:ident = $name:literal ($key:literal) { $($column:ident: $kind:ident),* $(,)? })*) => {
        $($(#[$doc])* pub const $constant: Table = Table { name: $name, columns: &[$((stringify!($column), Kind::$kind)),*], key: $key };)*

        /// All tables, in the order in which they are copied.
        pub const TABLES: &[Table] = &[$($constant),*];
    };
}

tables! {
    /// The greatest numbers that were given: of writes, users, groups, changes, events; of changes that were removed; and of consumers' generations.
    /// Restoring a store sets its revision to at least this one; the digest does not include it.
    NUMBERS = "numbers" (0) {
        revision: Number, users: Number, groups: Number, change: Number, event: Number, trimmed: Number, generation: Number,
    }
    /// The settings, the role map, the environment and the mirror's id.
    SETTINGS = "setting" (1) { name: Text, value: Text }
    /// Organizations.
    ORGANIZATIONS = "organization" (1) { id: Text, body: Json }
    /// Directories, with the state and the figures of their syncs.
    DIRECTORIES = "directory" (1) { id: Text, organization_id: Text, body: Json }
    /// Groups and their tombstones.
    GROUPS = "groups" (1) {
        number: Number, id: Text, directory_id: Text, body: Json, leaving: Truth, version_at: Bytes, version_kind: Number,
        version_event: Text, touched_at: Bytes, revision: Number, deleted_at: Bytes,
    }
    /// Users with their links, holds and tombstones.
    USERS = "users" (1) {
        number: Number, id: Text, organization_id: Text, directory_id: Text, email: Text, body: Json, told_groups: Json,
        listed: Truth, version_at: Bytes, version_kind: Number, version_event: Text, touched_at: Bytes, revision: Number,
        deleted_at: Bytes, added_at: Bytes, lost_at: Bytes, hold: Number, hold_revision: Number, held: Json,
        rehire_key: Text,
        deletes_at: Bytes, leaving: Json,
    }
    /// The groups that the vendor named for each user.
    MEMBERSHIPS = "membership" (2) { group_id: Text, user_number: Number }
    /// The entries of the feed, in the form of [`Entry::in_present_form`](crate::store::Entry::in_present_form).
    CHANGES = "change" (1) {
        seq: Number, count: Number, organization_id: Text, directory_id: Text, cause: Text, at: Bytes, body: Json,
    }
    /// Consumers. Their partitions have no workers, because a worker is identified by its lease.
    CONSUMERS = "consumer" (1) {
        name: Text, cursor: Number, polled: Number, generation: Number, snapshot: Json, seen_at: Bytes, partitions: Json,
    }
    /// Parked changes.
    PARKED_CHANGES = "parked_change" (2) {
        consumer: Text, seq: Number, reason: Text, at: Bytes, kind: Text, organization_id: Text, directory_id: Text,
        cause: Text, changed_at: Bytes, body: Json,
    }
    /// Received events, pending ones with their bodies.
    EVENTS = "event" (1) {
        number: Number, id: Text, organization_id: Text, received_at: Bytes, state: Number, body: Bytes, subject_id: Text,
        note: Json,
    }
    /// The number and bytes of the pending events of each organization.
    PENDING = "pending" (1) { organization_id: Text, events: Number, bytes: Number }
    /// Losses of access.
    LOSSES = "loss" (3) {
        directory_id: Text, at: Bytes, user_id: Text, added_at: Bytes, is_removal: Truth, is_approved: Truth,
    }
    /// Holds.
    HOLDS = "hold" (1) {
        number: Number, organization_id: Text, directory_id: Text, reason: Text, allowed: Number, since: Bytes, causes: Json,
        revision: Number,
    }
    /// Decisions about holds.
    APPROVALS = "approval" (1) {
        id: Text, hold_id: Text, organization_id: Text, directory_id: Text, reason: Text, is_approved: Truth,
        decided_by: Text, note: Text, at: Bytes, count: Number,
    }
    /// Retirements.
    RETIREMENTS = "retirement" (1) {
        id: Text, organization_id: Text, directory_id: Text, ordered_by: Text, note: Text, at: Bytes, ended_at: Bytes,
        users: Number,
    }
    /// The history.
    HISTORY = "history" (1) {
        seq: Number, at: Bytes, organization_id: Text, directory_id: Text, subject_id: Text, is_removal: Truth, cause: Text,
        body: Json,
    }
    /// The mark of the history.
    HISTORY_MARK = "history_mark" (1) { id: Number, taken: Number, starts_at: Bytes }
    /// Work that takes more than one write and has not ended.
    CHORES = "chore" (1) { number: Number, group_id: Text, position: Number, deletes: Truth, cause: Text }
    /// Past syncs.
    RUNS = "run" (1) {
        number: Number, id: Text, directory_id: Text, organization_id: Text, started_at: Bytes, quiet: Truth, token: Number,
        body: Json,
    }
    /// Erasures of users and organizations. The key of their marks is in the settings.
    ERASURES = "erasure" (1) { mark: Text, id: Text, at: Bytes, user_id: Text, organization_id: Text }
}

/// Rows of a table that a sync of one organization may read.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) struct Part {
    /// The table.
    pub(super) table: &'static Table,
    /// Which of its rows, as a condition in SQL, or an empty text for all. `{organization}` stands for the organization's id, and `{s}` for the schema.
    condition: &'static str,
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
impl Part {
    const fn new(table: &'static Table, condition: &'static str) -> Part {
        Part { table, condition }
    }

    /// Returns the condition, with `organization` as the parameter for the organization's id; `None` for all rows.
    pub(super) fn condition(&self, organization: &str) -> Option<String> {
        (!self.condition.is_empty()).then(|| self.condition.replace("{organization}", organization))
    }
}

/// What [`Store::dump_organization`](super::Store::dump_organization) reads, in this order. [`MEMBERSHIPS`] are left out, because they have no index by
/// user: `told_groups` of the users name the same groups. Live rows and tombstones are read separately, because they have different indexes.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) const ORGANIZATION_PARTS: &[Part] = &[
    Part::new(&NUMBERS, ""),
    Part::new(&SETTINGS, ""),
    Part::new(&ORGANIZATIONS, "id = {organization}"),
    Part::new(&DIRECTORIES, "organization_id = {organization}"),
    Part::new(
        &GROUPS,
        "deleted_at IS NULL AND directory_id IN (SELECT id FROM {s}.directory WHERE organization_id = {organization})",
    ),
    Part::new(
        &GROUPS,
        "deleted_at IS NOT NULL AND directory_id IN (SELECT id FROM {s}.directory WHERE organization_id = {organization})",
    ),
    Part::new(&USERS, "deleted_at IS NULL AND organization_id = {organization}"),
    Part::new(&USERS, "deleted_at IS NOT NULL AND organization_id = {organization}"),
    Part::new(&EVENTS, "state = 1 AND organization_id = {organization}"),
    Part::new(&PENDING, "organization_id = {organization}"),
    Part::new(&LOSSES, "directory_id IN (SELECT id FROM {s}.directory WHERE organization_id = {organization})"),
    Part::new(&HOLDS, "organization_id = {organization}"),
    Part::new(&RETIREMENTS, "organization_id = {organization}"),
    Part::new(&CHORES, ""),
    Part::new(&ERASURES, ""),
];

impl Table {
    /// Returns the values of a row that identify it. After a page, they are the argument `after` of the dump of the next page.
    pub fn key_of(&self, row: &[Cell]) -> Row {
        row.iter().take(self.key).cloned().collect()
    }

    /// Returns the number in the column `name` of a row, or 0 if it has none.
    pub fn number(&self, row: &[Cell], name: &str) -> i64 {
        let column = self.columns.iter().position(|(column, _)| *column == name);
        column.and_then(|column| row.get(column)).map_or(0, Cell::number)
    }

    /// The names of the columns of the key.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(super) fn key_names(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().take(self.key).map(|(name, _)| *name)
    }
}

impl Cell {
    /// Returns how many bytes the value takes.
    pub fn size(&self) -> usize {
        match self {
            Cell::Null | Cell::Number(_) => 8,
            Cell::Text(text) => text.len(),
            Cell::Bytes(bytes) => bytes.len(),
        }
    }

    /// The number, or 0 for another value.
    pub(super) fn number(&self) -> i64 {
        if let Cell::Number(number) = self { *number } else { 0 }
    }
}

/// Shows only what kind of value it is, because values have personal data.
impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Cell::Null => "Null",
            Cell::Number(_) => "Number",
            Cell::Text(_) => "Text",
            Cell::Bytes(_) => "Bytes",
        })
    }
}

/// A digest of rows, which does not depend on their order. Two stores with equal digests have the same rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest(BTreeMap<&'static str, Sum>);

/// The rows of one table: how many, and the sum of their SHA-256 hashes, each taken as four numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    hashes: [u64; 4],
}

impl Digest {
    /// Adds rows of a table.
    pub fn add(&mut self, table: &Table, rows: &[Row]) {
        if rows.is_empty() {
            return;
        }
        let sum = self.0.entry(table.name).or_default();
        for row in rows {
            let mut hash = Sha256::new();
            // Some stores take new revisions without writing rows.
            let skipped = usize::from(*table == NUMBERS);
            for cell in row.iter().skip(skipped) {
                let (kind, bytes) = match cell {
                    Cell::Null => (0_u8, &[][..]),
                    Cell::Number(number) => (1, &number.to_be_bytes()[..]),
                    Cell::Text(text) => (2, text.as_bytes()),
                    Cell::Bytes(bytes) => (3, bytes.as_slice()),
                };
                hash.update([kind]);
                hash.update((bytes.len() as u64).to_be_bytes());
                hash.update(bytes);
            }
            sum.rows += 1;
            for (total, part) in sum.hashes.iter_mut().zip(hash.finalize().chunks_exact(8)) {
                let part = part.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte));
                *total = total.wrapping_add(part);
            }
        }
    }

    /// Returns each table that has rows, with their number, in the order of [`TABLES`]. [`NUMBERS`] is left out.
    pub fn rows(&self) -> Vec<(&'static str, u64)> {
        let tables = TABLES.iter().filter(|table| **table != NUMBERS);
        tables.filter_map(|table| Some((table.name, self.0.get(table.name)?.rows))).collect()
    }

    /// Returns the name of the first table whose rows are not the same.
    pub fn difference(&self, other: &Digest) -> Option<&'static str> {
        TABLES.iter().map(|table| table.name).find(|name| self.0.get(name) != other.0.get(name))
    }

    /// Returns a checksum of all tables: 64 hexadecimal digits.
    pub fn checksum(&self) -> String {
        let mut hash = Sha256::new();
        for (name, Sum { rows, hashes }) in &self.0 {
            hash.update(name.as_bytes());
            hash.update([0]);
            hash.update(rows.to_be_bytes());
            hashes.iter().for_each(|part| hash.update(part.to_be_bytes()));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A page of rows of one table.
#[derive(Debug)]
pub struct TablePage {
    /// The table.
    pub table: &'static Table,
    /// The rows.
    pub rows: Vec<Row>,
}

/// The error of a store that cannot be copied.
pub(super) const NOT_COPIED: &str = "this store cannot be copied: its implementation has no `dump` and `restore`";

/// The error of a store without [`dump_organization`](super::Store::dump_organization).
pub(super) const NOT_PLANNED: &str = "this store cannot plan a sync: its implementation has no `dump_organization`";

/// The error of a restore into a store that is not empty. `table` is one that has rows.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) fn not_empty(table: &Table) -> Error {
    Error::store(
        "expected an empty store, got one that a mirror has used, or the source itself: name a new file or a new schema",
    )
    .with_context("table", table.name)
}

/// Returns whether a store whose row of [`NUMBERS`] is this one has given numbers that consumers may know.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) fn has_numbers(row: &[Cell]) -> bool {
    ["change", "trimmed", "generation"].iter().any(|name| NUMBERS.number(row, name) != 0)
}

/// The error of a restore whose caller has ended before the last page.
#[cfg(feature = "sqlite")]
pub(super) fn interrupted() -> Error {
    Error::store("the copy was interrupted: the store is still empty, copy again").temporary()
}

/// Returns a consumer's partitions without their workers, whose leases are not copied.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) fn without_workers(mut partitions: Vec<Partition>) -> Result<String> {
    partitions.iter_mut().for_each(|partition| partition.worker = None);
    to_json(&partitions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(table: &Table, rows: &[Row]) -> Digest {
        let mut digest = Digest::default();
        rows.iter().for_each(|row| digest.add(table, std::slice::from_ref(row)));
        digest
    }

    #[test]
    fn a_digest_does_not_depend_on_the_order_of_rows_and_depends_on_each_value() {
        let [a, b] = ["a", "b"].map(|id| vec![Cell::Text(id.to_owned()), Cell::Number(1)]);
        let both = digest(&MEMBERSHIPS, &[a.clone(), b.clone()]);
        assert_eq!(both, digest(&MEMBERSHIPS, &[b.clone(), a.clone()]));
        for other in [
            digest(&MEMBERSHIPS, std::slice::from_ref(&a)),
            digest(&MEMBERSHIPS, &[a.clone(), a.clone()]),
            digest(&MEMBERSHIPS, &[a.clone(), vec![Cell::Text("b".to_owned()), Cell::Null]]),
            digest(&MEMBERSHIPS, &[a.clone(), vec![Cell::Bytes(b"b".to_vec()), Cell::Number(1)]]),
        ] {
            assert_ne!(both.checksum(), other.checksum());
            assert_eq!(both.difference(&other), Some("membership"));
        }
    }

    #[test]
    fn text_that_moves_to_the_next_column_changes_the_digest() {
        let row = |name: &str, value: &str| vec![Cell::Text(name.to_owned()), Cell::Text(value.to_owned())];
        assert_ne!(digest(&SETTINGS, &[row("ab", "c")]), digest(&SETTINGS, &[row("a", "bc")]));
    }

    #[test]
    fn the_debug_form_of_a_row_has_no_values() {
        let row: Row = vec![Cell::Text("ada@example.com".to_owned()), Cell::Bytes(vec![7]), Cell::Number(42)];
        assert_eq!(format!("{row:?}"), "[Text, Bytes, Number]");
    }
}
