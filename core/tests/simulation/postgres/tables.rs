//! The tables of the schema `core/src/store/postgres/001.sql`, as maps. A copy of all tables is cheap: it shares the rows until one of the copies changes.

use headcount::Timestamp;
use headcount::mirror::{Approval, ParkedChange, Retirement};
use headcount::store::{
    Chore, ConsumerRow, DirectoryRow, Entry, ErasureRow, EventRow, GroupRow, HistoryRow, HoldRow, LossRow,
    OrganizationRow, RunRow, UserRow,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The primary key of a row, or the unique value of an index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// A number.
    Number(i64),
    /// A name or an id.
    Text(String),
    /// The key of `scope`: the kind and the name.
    Scope(i64, String),
    /// The key of `parked_change`: the consumer and the number of the change.
    Parked(String, i64),
    /// The unique index of `run`: the sync and the directory.
    Run(String, String),
    /// The key of `loss`: the directory, the time and the user.
    Loss(String, Timestamp, String),
}

impl From<i64> for Key {
    fn from(number: i64) -> Key {
        Key::Number(number)
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Key {
        Key::Text(text.to_owned())
    }
}

impl From<&String> for Key {
    fn from(text: &String) -> Key {
        Key::Text(text.clone())
    }
}

/// One of the [`Tables`]: its name, and functions that give access to its rows.
pub(crate) struct Table<V: 'static> {
    pub(crate) name: &'static str,
    pub(crate) of: fn(&Tables) -> &BTreeMap<Key, V>,
    pub(crate) of_mut: fn(&mut Tables) -> &mut BTreeMap<Key, V>,
}

impl<V> Clone for Table<V> {
    fn clone(&self) -> Table<V> {
        *self
    }
}

impl<V> Copy for Table<V> {}

macro_rules! tables {
    ($($(#[$doc:meta])* $field:ident $constant:ident: $value:ty;)*) => {
        /// All rows, and the last numbers of the sequences.
        #[derive(Clone, Default)]
        pub(crate) struct Tables {
            $($field: Arc<BTreeMap<Key, $value>>,)*
            pub(crate) sequences: Sequences,
        }

        $($(#[$doc])*
        pub(crate) const $constant: Table<$value> = Table {
            name: stringify!($field),
            of: |tables| &tables.$field,
            of_mut: |tables| Arc::make_mut(&mut tables.$field),
        };)*
    };
}

tables! {
    /// The revisions of scopes.
    scope SCOPE: i64;
    /// The transactions that were committed, each with its random number and the server's time in microseconds.
    commit_log COMMIT_LOG: (i64, i64);
    /// The number of the latest change, in one row.
    counter COUNTER: i64;
    /// The number up to which changes are recorded as durable, in several rows.
    durable DURABLE: i64;
    /// `trimmed` and `generation`, in one row.
    mark MARK: (i64, i64);
    /// The role map, the options and the environment, as JSON, and the mirror's id.
    setting SETTING: String;
    organization ORGANIZATION: OrganizationRow;
    directory DIRECTORY: DirectoryRow;
    /// Users by their numbers. Memberships are not a table here: a user's row has the groups.
    users USERS: Arc<UserRow>;
    /// The unique index of the ids of users: the number of each.
    user_id USER_ID: i64;
    groups GROUPS: Arc<GroupRow>;
    /// The unique index of the ids of groups.
    group_id GROUP_ID: i64;
    /// The feed. The key is the number of the entry's last change.
    change CHANGE: Arc<Entry>;
    history HISTORY: Arc<HistoryRow>;
    /// `taken` and `starts_at`, in at most one row.
    history_mark HISTORY_MARK: (i64, Option<Timestamp>);
    consumer CONSUMER: ConsumerRow;
    parked_change PARKED_CHANGE: ParkedChange;
    event EVENT: Arc<EventRow>;
    /// The unique index of the ids of events.
    event_id EVENT_ID: i64;
    /// The numbers and bytes of pending events.
    pending PENDING: (i64, i64);
    loss LOSS: LossRow;
    hold HOLD: HoldRow;
    approval APPROVAL: Approval;
    retirement RETIREMENT: Retirement;
    run RUN: RunRow;
    /// The unique index of the syncs and directories of runs: the number of each.
    run_id RUN_ID: i64;
    chore CHORE: Chore;
    /// Erasures of users by their marks.
    erasure ERASURE: ErasureRow;
    lease LEASE: LeaseRow;
}

/// A row of `lease`, with times in microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeaseRow {
    pub(crate) holder: u64,
    pub(crate) token: i64,
    pub(crate) expires_at: i64,
    pub(crate) duration: i64,
}

/// The last numbers that the sequences have given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sequences {
    pub(crate) revision: i64,
    pub(crate) user: i64,
    pub(crate) group: i64,
    pub(crate) event: i64,
    pub(crate) chore: i64,
    pub(crate) run: i64,
    /// Only [`NumbersAtStart`](super::Mistake::NumbersAtStart) takes the numbers of changes from a sequence.
    pub(crate) change: i64,
}

/// How many rows the table `durable` has.
pub(crate) const SLOTS: u64 = 16;

impl Tables {
    /// Makes the tables as they are after the schema was created: empty, except for the rows that are inserted with the schema.
    pub(crate) fn new() -> Tables {
        let mut tables = Tables::default();
        (SCOPE.of_mut)(&mut tables).insert(Key::Scope(0, String::new()), 0);
        (COUNTER.of_mut)(&mut tables).insert(Key::Number(1), 0);
        (MARK.of_mut)(&mut tables).insert(Key::Number(1), (0, 0));
        (DURABLE.of_mut)(&mut tables).extend((0..SLOTS as i64).map(|slot| (Key::Number(slot), 0)));
        tables
    }
}
