//! What the writes of one transaction share, so that a group of writes does not repeat statements: the [`Head`], and the organizations and
//! directories of the last load. The counters in the head are written once, at the end.

use crate::record::{DirectoryRow, EnvironmentRow, MirrorOptions, OrganizationRow, PendingEvents};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What the writes of a transaction share.
#[derive(Default)]
pub(super) struct Shared {
    /// `None` until a write reads it.
    pub(super) head: Option<Head>,
    /// Whether the counters in `head` are not in the file yet.
    pub(super) is_counter_newer: bool,
    /// Number of the latest change when the last write with [`Durability::Power`](crate::store::Durability::Power) ended, or `None` if there was no
    /// such write.
    pub(super) durable: Option<i64>,
    /// The organizations and directories of the last load. `None` before the first load, and after a write has changed one of them.
    pub(super) organizations: Option<SharedOrganizations>,
}

/// Organizations and directories, with the ids by which they were loaded.
pub(super) struct SharedOrganizations {
    pub(super) organization_ids: BTreeSet<String>,
    pub(super) directory_ids: BTreeSet<String>,
    pub(super) loaded: Organizations,
}

/// Organizations, directories, and the counts of the organizations' pending events, each by id.
#[derive(Clone, Default)]
pub(super) struct Organizations {
    pub(super) organizations: HashMap<String, OrganizationRow>,
    pub(super) directories: BTreeMap<String, DirectoryRow>,
    pub(super) pending: HashMap<String, PendingEvents>,
}

/// The counters, the role map, the settings, the environment and the mirror's id.
#[derive(Clone)]
pub(super) struct Head {
    pub(super) counter: Counter,
    pub(super) role_map: Option<String>,
    pub(super) settings: MirrorOptions,
    pub(super) environment: EnvironmentRow,
    pub(super) mirror_id: Option<String>,
}

/// The greatest numbers that rows and writes have been given, from the only row of the table `counter`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counter {
    pub(super) revision: i64,
    pub(super) user: i64,
    pub(super) group: i64,
    pub(super) change: i64,
    pub(super) event: i64,
}

impl Head {
    /// Returns the head for the next write, with the next revision.
    pub(super) fn next(self) -> Head {
        let counter = Counter { revision: self.counter.revision + 1, ..self.counter };
        Head { counter, ..self }
    }
}
