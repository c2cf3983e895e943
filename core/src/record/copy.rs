//! What a copy of a mirror reports.

use serde::{Deserialize, Serialize};

/// The result of copying a mirror.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CopyReport {
    /// The tables that have rows, in the order in which they were copied.
    pub tables: Vec<CopiedTable>,
    /// Number of rows in all tables.
    pub rows: u64,
    /// Number of the last change that was appended to the feed, or 0 if there was none. The next change gets the number after it, in the copy as in
    /// the source.
    pub last_change: i64,
    /// Checksum of all rows as 64 hexadecimal digits: the same for both readings of the source and for the copy.
    pub checksum: String,
}

/// A table of a copied mirror.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CopiedTable {
    /// The name, such as `users`, `groups`, `change` or `consumer`.
    pub name: String,
    /// Number of rows. Users and groups include tombstones; `change` has entries of the feed, which may have several changes each.
    pub rows: u64,
}
