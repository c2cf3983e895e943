//! Reads rows from the columns of a query, and converts values for statements: times to bytes that sort like the times, records to JSON.

use super::open::failed;
use crate::record::{
    Approval, ChangeKind, ConsumerRow, Entry, EventRow, GroupRow, HeldLoss, HoldReason, HoldRow, MessageKind,
    Retirement, Run, RunRow, Trail, UserRow, Version,
};
use crate::store::codec::{self, time_bytes, time_from_bytes};
use crate::{Error, Result, Timestamp};
use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use serde::de::DeserializeOwned;

/// A time in a column, which [`time_bytes`] encoded.
pub(super) struct Time(pub(super) Timestamp);

impl FromSql for Time {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Time> {
        time_from_bytes(value.as_blob()?).map(Time).ok_or(FromSqlError::InvalidType)
    }
}

/// Returns the bytes of a time as hexadecimal digits, which a statement reads from JSON with `unhex`.
pub(super) fn hex_time(moment: Timestamp) -> String {
    time_bytes(moment).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the error for a row that cannot be read because the file is damaged.
pub(super) fn damaged_row() -> Error {
    Error::store("a row of the mirror cannot be read: the file is damaged, restore it or sync into a new one")
}

/// Returns the error for a row that cannot be read, with its cause.
fn damaged(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    damaged_row().with_source(error)
}

pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(damaged)
}

/// Reads a column.
pub(super) fn get<T: FromSql>(row: &Row<'_>, column: usize) -> Result<T> {
    row.get(column).map_err(|error| match error {
        rusqlite::Error::SqliteFailure(..) => failed(&error),
        other => damaged(other),
    })
}

/// Reads a column that contains JSON.
pub(super) fn get_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T> {
    let text = row.get_ref(column).map_err(|error| failed(&error))?;
    from_json(text.as_str().map_err(damaged)?)
}

pub(super) fn get_time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    Ok(get::<Option<Time>>(row, column)?.map(|time| time.0))
}

/// Reads a row's version, times and revision, from the column `first` on.
fn trail(row: &Row<'_>, first: usize) -> Result<Trail> {
    Ok(Trail {
        version: Version {
            at: get_time(row, first)?,
            kind: MessageKind::from_number(get(row, first + 1)?),
            event: get(row, first + 2)?,
        },
        touched_at: get_time(row, first + 3)?,
        revision: get(row, first + 4)?,
        deleted_at: get_time(row, first + 5)?,
    })
}

/// The columns of a user, as [`user`] reads them.
pub(super) const USER: &str =
    "number, body, told_groups, listed, version_at, version_kind, version_event, touched_at, revision, deleted_at, added_at,
        lost_at, hold, hold_revision, held, rehire_key, leaving";

pub(super) fn user(row: &Row<'_>) -> Result<UserRow> {
    Ok(UserRow {
        number: get(row, 0)?,
        user: get_json(row, 1)?,
        told_groups: get_json(row, 2)?,
        listed: get(row, 3)?,
        trail: trail(row, 4)?,
        added_at: get_time(row, 10)?,
        lost_at: get_time(row, 11)?,
        held: match get::<Option<i64>>(row, 12)? {
            None => None,
            Some(hold) => Some(HeldLoss { hold, revision: get(row, 13)?, loss: get_json(row, 14)? }),
        },
        rehire_key: get(row, 15)?,
        leaving: get::<Option<String>>(row, 16)?.as_deref().map(from_json).transpose()?,
    })
}

/// The columns of a hold, as [`hold`] reads them. `count` is computed as [`HoldRow::count`] describes.
pub(super) const HOLD: &str = "number, organization_id, directory_id, reason, \"limit\", since, causes, revision,
        CASE WHEN reason IN ('directory_disabled', 'directory_not_found')
            THEN (SELECT count(*) FROM user WHERE user.directory_id = hold.directory_id AND deleted_at IS NULL)
            ELSE (SELECT count(*) FROM user WHERE user.hold = hold.number) END AS count";

pub(super) fn hold(row: &Row<'_>) -> Result<HoldRow> {
    Ok(HoldRow {
        number: get(row, 0)?,
        organization_id: get(row, 1)?,
        directory_id: get(row, 2)?,
        reason: reason(row, 3)?,
        limit: unsigned(row, 4)?,
        since: get_time(row, 5)?.unwrap_or_default(),
        causes: get_json(row, 6)?,
        revision: get(row, 7)?,
        count: unsigned(row, 8)?,
    })
}

fn reason(row: &Row<'_>, column: usize) -> Result<HoldReason> {
    codec::reason(&get::<String>(row, column)?)
}

/// Reads a number that is not negative. A negative one, which no version has written, becomes 0.
fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    Ok(u64::try_from(get::<i64>(row, column)?).unwrap_or(0))
}

/// The columns of a decision about a hold, as [`approval`] reads them.
pub(super) const APPROVAL: &str =
    "id, hold_id, organization_id, directory_id, reason, is_approved, \"by\", note, at, count";

pub(super) fn approval(row: &Row<'_>) -> Result<Approval> {
    Ok(Approval {
        id: get(row, 0)?,
        hold_id: get(row, 1)?,
        organization_id: get(row, 2)?,
        directory_id: get(row, 3)?,
        reason: reason(row, 4)?,
        is_approved: get(row, 5)?,
        by: get(row, 6)?,
        note: get(row, 7)?,
        at: get_time(row, 8)?.unwrap_or_default(),
        count: unsigned(row, 9)?,
    })
}

/// The columns of a group, as [`group`] reads them.
pub(super) const GROUP: &str =
    "number, body, version_at, version_kind, version_event, touched_at, revision, deleted_at, leaving";

pub(super) fn group(row: &Row<'_>) -> Result<GroupRow> {
    Ok(GroupRow { number: get(row, 0)?, group: get_json(row, 1)?, trail: trail(row, 2)?, leaving: get(row, 8)? })
}

/// The columns of an event, as [`event`] reads them.
pub(super) const EVENT: &str = "id, organization_id, received_at, state, body, subject_id, note";

/// The columns of an event without its body, as [`event`] reads them.
pub(super) const EVENT_WITHOUT_BODY: &str = "id, organization_id, received_at, state, NULL, subject_id, note";

/// Reads an event, from the column `first` on.
pub(super) fn event(row: &Row<'_>, first: usize) -> Result<EventRow> {
    Ok(EventRow {
        id: get(row, first)?,
        organization_id: get(row, first + 1)?,
        received_at: get_time(row, first + 2)?.unwrap_or_default(),
        state: codec::state(get(row, first + 3)?),
        body: get(row, first + 4)?,
        subject_id: get(row, first + 5)?,
        note: get::<Option<String>>(row, first + 6)?.as_deref().map(from_json).transpose()?,
    })
}

/// The columns of a run, as [`run`] reads them.
pub(super) const RUN: &str = "number, token, body";

pub(super) fn run(row: &Row<'_>) -> Result<RunRow> {
    let run: Run = get_json(row, 2)?;
    Ok(RunRow { run: Run { number: get(row, 0)?, ..run }, token: get(row, 1)? })
}

/// The columns of an entry of the feed, as [`entry`] reads them.
pub(super) const ENTRY: &str = "change.seq, change.count, change.kind, change.organization_id, change.directory_id, change.cause, change.at, change.body";

/// Reads an entry of the feed.
pub(super) fn entry(row: &Row<'_>) -> Result<Entry> {
    let name: String = get(row, 2)?;
    let kind = match name.as_str() {
        "" => None,
        name => Some(ChangeKind::ALL.iter().copied().find(|kind| kind.name() == name).ok_or_else(|| {
            Error::store(
                "the feed holds a kind of change that this version of headcount does not know: update headcount",
            )
        })?),
    };
    Ok(Entry {
        last: get(row, 0)?,
        count: get(row, 1)?,
        kind,
        organization_id: get(row, 3)?,
        directory_id: get(row, 4)?,
        cause: get(row, 5)?,
        at: get_time(row, 6)?.unwrap_or_default(),
        body: get(row, 7)?,
    })
}

/// The columns of a retirement, as [`retirement`] reads them.
pub(super) const RETIREMENT: &str = "id, organization_id, directory_id, ordered_by, note, at, ended_at, users";

pub(super) fn retirement(row: &Row<'_>) -> Result<Retirement> {
    Ok(Retirement {
        id: get(row, 0)?,
        organization_id: get(row, 1)?,
        directory_id: get(row, 2)?,
        by: get(row, 3)?,
        note: get(row, 4)?,
        at: get_time(row, 5)?.unwrap_or_default(),
        ended_at: get_time(row, 6)?,
        users: unsigned(row, 7)?,
    })
}

/// The columns of a parked change's entry, as [`entry`] reads them.
pub(super) const PARKED_ENTRY: &str = "last, count, kind, organization_id, directory_id, cause, changed_at, body";

/// The columns of a consumer, as [`consumer`] reads them.
pub(super) const CONSUMER: &str = "name, cursor, polled, consumer.generation, snapshot, seen_at, partitions";

/// Reads a consumer, from the column `first` on.
pub(super) fn consumer(row: &Row<'_>, first: usize) -> Result<ConsumerRow> {
    Ok(ConsumerRow {
        name: get(row, first)?,
        cursor: get(row, first + 1)?,
        polled: get(row, first + 2)?,
        generation: get(row, first + 3)?,
        snapshot: get::<Option<String>>(row, first + 4)?.as_deref().map(from_json).transpose()?,
        seen_at: get_time(row, first + 5)?.unwrap_or_default(),
        partitions: get::<Option<String>>(row, first + 6)?.as_deref().map(from_json).transpose()?.unwrap_or_default(),
    })
}
