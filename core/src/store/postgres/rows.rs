//! Converts values and rows to and from their stored form: text without NUL characters, times as bytes, records as JSON.

use crate::record::{
    Approval, ChangeKind, ConsumerRow, Entry, ErasureRow, EventRow, GroupRow, HeldLoss, HoldRow, MessageKind,
    ParkedChange, Retirement, Run, RunRow, Trail, UserRow, Version,
};
use crate::store::codec::{self, time_bytes, time_from_bytes, to_json};
use crate::{Change, Error, Result, Timestamp};
use bytes::BytesMut;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error as StdError;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, FromSqlOwned, IsNull, ToSql, Type, accepts, to_sql_checked};

/// A value of a parameter. Its type is sent with it, since the server is not asked for the types of parameters.
pub(super) trait Value: ToSql + Send + Sync + 'static {
    fn kind() -> Type;
}

/// A value that can be an element of an array.
pub(super) trait Element: Value {
    fn array() -> Type;
}

macro_rules! values {
    ($($type:ty: $kind:ident, $array:ident;)*) => {$(
        impl Value for $type {
            fn kind() -> Type {
                Type::$kind
            }
        }
        impl Element for $type {
            fn array() -> Type {
                Type::$array
            }
        }
    )*};
}

values! {
    i64: INT8, INT8_ARRAY;
    bool: BOOL, BOOL_ARRAY;
    Text: TEXT, TEXT_ARRAY;
    Json: TEXT, TEXT_ARRAY;
    Time: BYTEA, BYTEA_ARRAY;
    Bytes: BYTEA, BYTEA_ARRAY;
}

impl<T: Value> Value for Option<T> {
    fn kind() -> Type {
        T::kind()
    }
}

impl<T: Element> Element for Option<T> {
    fn array() -> Type {
        T::array()
    }
}

impl<T: Element> Value for Vec<T> {
    fn kind() -> Type {
        T::array()
    }
}

type Converted<T> = std::result::Result<T, Box<dyn StdError + Sync + Send>>;

/// Text of any characters. PostgreSQL's text cannot have the character NUL, so it is stored as U+FFFF and `0`, and U+FFFF as U+FFFF and `1`.
#[derive(Debug)]
pub(super) struct Text(String);

impl Text {
    pub(super) fn new(text: &str) -> Text {
        if text.contains(['\0', '\u{ffff}']) {
            Text(text.replace('\u{ffff}', "\u{ffff}1").replace('\0', "\u{ffff}0"))
        } else {
            Text(text.to_owned())
        }
    }

    fn into_original(self) -> String {
        if self.0.contains('\u{ffff}') {
            self.0.replace("\u{ffff}0", "\0").replace("\u{ffff}1", "\u{ffff}")
        } else {
            self.0
        }
    }
}

impl ToSql for Text {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Converted<IsNull> {
        self.0.to_sql(kind, out)
    }

    accepts!(TEXT);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Text {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Converted<Text> {
        String::from_sql(kind, raw).map(Text)
    }

    accepts!(TEXT);
}

/// Converts texts to the elements of an array parameter.
pub(super) fn texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Vec<Text> {
    texts.into_iter().map(|text| Text::new(text.as_ref())).collect()
}

/// A record as JSON. JSON has no NUL characters, since it escapes them.
#[derive(Debug)]
pub(super) struct Json(String);

impl Json {
    pub(super) fn new<T: Serialize>(value: &T) -> Result<Json> {
        to_json(value).map(Json)
    }

    /// Wraps text that is JSON already.
    pub(super) fn raw(json: String) -> Json {
        Json(json)
    }
}

impl ToSql for Json {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Converted<IsNull> {
        self.0.to_sql(kind, out)
    }

    accepts!(TEXT);
    to_sql_checked!();
}

/// A time as 12 bytes that sort like the times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(pub(super) Timestamp);

impl ToSql for Time {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Converted<IsNull> {
        out.extend_from_slice(&time_bytes(self.0));
        Ok(IsNull::No)
    }

    accepts!(BYTEA);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Time {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Converted<Time> {
        time_from_bytes(raw).map(Time).ok_or_else(|| "the bytes are not a time".into())
    }

    accepts!(BYTEA);
}

/// Wraps a time that may be missing.
pub(super) fn time(moment: Option<Timestamp>) -> Option<Time> {
    moment.map(Time)
}

/// Bytes, stored as they are.
#[derive(Debug)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl ToSql for Bytes {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Converted<IsNull> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    accepts!(BYTEA);
    to_sql_checked!();
}

/// Makes the error for a row that cannot be read.
fn damaged(error: impl StdError + Send + Sync + 'static) -> Error {
    Error::store("a row of the mirror cannot be read: the database is damaged, restore it or sync into a new schema")
        .with_source(error)
}

/// Makes the error for a row that is missing although each schema of a mirror has it.
pub(super) fn no_row() -> Error {
    Error::store("a row of the mirror's schema is missing: restore the database, or sync into a new schema")
}

/// Reads a record from its JSON.
pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(damaged)
}

/// Reads a column.
pub(super) fn get<T: FromSqlOwned>(row: &Row, column: usize) -> Result<T> {
    row.try_get(column).map_err(damaged)
}

/// Reads a column of [`Text`].
pub(super) fn get_text(row: &Row, column: usize) -> Result<String> {
    Ok(get::<Text>(row, column)?.into_original())
}

/// Reads a column of [`Text`] that may be NULL.
pub(super) fn get_text_if_any(row: &Row, column: usize) -> Result<Option<String>> {
    Ok(get::<Option<Text>>(row, column)?.map(Text::into_original))
}

/// Reads a column of JSON.
pub(super) fn get_json<T: DeserializeOwned>(row: &Row, column: usize) -> Result<T> {
    from_json(row.try_get::<_, &str>(column).map_err(damaged)?)
}

/// Reads a column of JSON that may be NULL.
pub(super) fn get_json_if_any<T: DeserializeOwned>(row: &Row, column: usize) -> Result<Option<T>> {
    row.try_get::<_, Option<&str>>(column).map_err(damaged)?.map(from_json).transpose()
}

/// Reads a column of [`Time`] that may be NULL.
pub(super) fn get_time(row: &Row, column: usize) -> Result<Option<Timestamp>> {
    Ok(get::<Option<Time>>(row, column)?.map(|time| time.0))
}

/// Reads a count. A negative number, which the store does not write, is read as 0.
pub(super) fn count(row: &Row, column: usize) -> Result<u64> {
    Ok(u64::try_from(get::<i64>(row, column)?).unwrap_or(0))
}

/// Converts a count to `bigint`; one that is too large becomes the greatest `bigint`.
pub(super) fn signed(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// Returns the first row of a result that always has one.
pub(super) fn first(rows: &[Row]) -> Result<&Row> {
    rows.first().ok_or_else(no_row)
}

/// Reads a row's version, times and revision, from the column `first` on.
fn trail(row: &Row, first: usize) -> Result<Trail> {
    Ok(Trail {
        version: Version {
            at: get_time(row, first)?,
            kind: MessageKind::from_number(get(row, first + 1)?),
            event: get_text(row, first + 2)?,
        },
        touched_at: get_time(row, first + 3)?,
        revision: get(row, first + 4)?,
        deleted_at: get_time(row, first + 5)?,
    })
}

/// The columns of a user, as [`user`] reads them.
pub(super) const USER: &str =
    "number, body, told_groups, listed, version_at, version_kind, version_event, touched_at, revision, deleted_at,
    added_at, lost_at, hold, hold_revision, held, rehire_key, leaving";

pub(super) fn user(row: &Row) -> Result<UserRow> {
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
        rehire_key: get_text_if_any(row, 15)?,
        leaving: get_json_if_any(row, 16)?,
    })
}

/// The columns of a hold, as [`hold`] reads them. `count` is computed as [`HoldRow::count`] describes.
pub(super) const HOLD: &str = "number, organization_id, directory_id, reason, allowed, since, causes, revision,
    CASE WHEN reason IN ('directory_disabled', 'directory_not_found')
        THEN (SELECT count(*) FROM {s}.users WHERE users.directory_id = hold.directory_id AND deleted_at IS NULL)
        ELSE (SELECT count(*) FROM {s}.users WHERE users.hold = hold.number) END AS count";

pub(super) fn hold(row: &Row) -> Result<HoldRow> {
    Ok(HoldRow {
        number: get(row, 0)?,
        organization_id: get_text(row, 1)?,
        directory_id: get_text(row, 2)?,
        reason: codec::reason(&get_text(row, 3)?)?,
        limit: count(row, 4)?,
        since: get_time(row, 5)?.unwrap_or_default(),
        causes: get_json(row, 6)?,
        revision: get(row, 7)?,
        count: count(row, 8)?,
    })
}

/// The columns of a decision about a hold, as [`approval`] reads them.
pub(super) const APPROVAL: &str =
    "id, hold_id, organization_id, directory_id, reason, is_approved, decided_by, note, at, count";

pub(super) fn approval(row: &Row) -> Result<Approval> {
    Ok(Approval {
        id: get_text(row, 0)?,
        hold_id: get_text(row, 1)?,
        organization_id: get_text(row, 2)?,
        directory_id: get_text(row, 3)?,
        reason: codec::reason(&get_text(row, 4)?)?,
        is_approved: get(row, 5)?,
        by: get_text(row, 6)?,
        note: get_text(row, 7)?,
        at: get_time(row, 8)?.unwrap_or_default(),
        count: count(row, 9)?,
    })
}

/// The columns of a group, as [`group`] reads them.
pub(super) const GROUP: &str =
    "number, body, version_at, version_kind, version_event, touched_at, revision, deleted_at, leaving";

/// How many columns [`GROUP`] has.
pub(super) const GROUP_COLUMNS: usize = 9;

pub(super) fn group(row: &Row) -> Result<GroupRow> {
    Ok(GroupRow { number: get(row, 0)?, group: get_json(row, 1)?, trail: trail(row, 2)?, leaving: get(row, 8)? })
}

/// The columns of an event, as [`event`] reads them.
pub(super) const EVENT: &str = "id, organization_id, received_at, state, body, subject_id, note";

/// The columns of an event without its body, as [`event`] reads them.
pub(super) const EVENT_WITHOUT_BODY: &str = "id, organization_id, received_at, state, NULL::bytea, subject_id, note";

/// Reads an event, from the column `first` on.
pub(super) fn event(row: &Row, first: usize) -> Result<EventRow> {
    Ok(EventRow {
        id: get_text(row, first)?,
        organization_id: get_text(row, first + 1)?,
        received_at: get_time(row, first + 2)?.unwrap_or_default(),
        state: codec::state(get(row, first + 3)?),
        body: get(row, first + 4)?,
        subject_id: get_text_if_any(row, first + 5)?,
        note: get::<Option<String>>(row, first + 6)?.as_deref().map(from_json).transpose()?,
    })
}

/// The columns of a run, as [`run`] reads them.
pub(super) const RUN: &str = "number, token, body";

pub(super) fn run(row: &Row) -> Result<RunRow> {
    let run: Run = get_json(row, 2)?;
    Ok(RunRow { run: Run { number: get(row, 0)?, ..run }, token: get(row, 1)? })
}

/// The columns of an entry of the feed, as [`entry`] reads them.
pub(super) const ENTRY: &str = "seq, count, organization_id, directory_id, cause, at, body";

/// Reads an entry of the feed.
pub(super) fn entry(row: &Row) -> Result<Entry> {
    Ok(Entry {
        last: get(row, 0)?,
        count: u32::try_from(get::<i64>(row, 1)?).unwrap_or(0),
        kind: None,
        organization_id: get_text(row, 2)?,
        directory_id: get_text(row, 3)?,
        cause: get_text(row, 4)?,
        at: get_time(row, 5)?.unwrap_or_default(),
        body: get(row, 6)?,
    })
}

/// The columns of a parked change, as [`parked`] reads them.
pub(super) const PARKED: &str = "seq, kind, organization_id, directory_id, cause, changed_at, body, reason, at";

pub(super) fn parked(row: &Row) -> Result<ParkedChange> {
    let name = get_text(row, 1)?;
    let kind = ChangeKind::ALL.iter().copied().find(|kind| kind.name() == name).ok_or_else(|| {
        Error::store("a parked change has a kind that this version of headcount does not know: update headcount")
    })?;
    let place = (get_text(row, 2)?, get_text(row, 3)?);
    let (cause, changed_at) = (get_text(row, 4)?, get_time(row, 5)?.unwrap_or_default());
    let change = Change::new(get(row, 0)?, kind, place, get_json(row, 6)?, cause, changed_at);
    let (reason, parked_at) = (get_text(row, 7)?, get_time(row, 8)?.unwrap_or_default());
    Ok(ParkedChange::new(change, reason, parked_at))
}

/// The columns of an erasure, as [`erasure`] reads them.
pub(super) const ERASURE: &str = "mark, id, at, user_id, organization_id";

pub(super) fn erasure(row: &Row) -> Result<ErasureRow> {
    Ok(ErasureRow {
        mark: get_text(row, 0)?,
        id: get_text(row, 1)?,
        at: get_time(row, 2)?.unwrap_or_default(),
        user_id: get_text_if_any(row, 3)?,
        organization_id: get_text_if_any(row, 4)?,
    })
}

/// The columns of a retirement, as [`retirement`] reads them.
pub(super) const RETIREMENT: &str = "id, organization_id, directory_id, ordered_by, note, at, ended_at, users";

pub(super) fn retirement(row: &Row) -> Result<Retirement> {
    Ok(Retirement {
        id: get_text(row, 0)?,
        organization_id: get_text(row, 1)?,
        directory_id: get_text(row, 2)?,
        by: get_text(row, 3)?,
        note: get_text(row, 4)?,
        at: get_time(row, 5)?.unwrap_or_default(),
        ended_at: get_time(row, 6)?,
        users: count(row, 7)?,
    })
}

/// The columns of a consumer, as [`consumer`] reads them.
pub(super) const CONSUMER: &str = "name, cursor, polled, generation, snapshot, seen_at, partitions";

pub(super) fn consumer(row: &Row) -> Result<ConsumerRow> {
    Ok(ConsumerRow {
        name: get_text(row, 0)?,
        cursor: get(row, 1)?,
        polled: get(row, 2)?,
        generation: get(row, 3)?,
        snapshot: get_json_if_any(row, 4)?,
        seen_at: get_time(row, 5)?.unwrap_or_default(),
        partitions: get_json_if_any(row, 6)?.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_with_any_characters_is_restored(text in "[\0\u{ffff}01a]{0,8}") {
            let stored = Text::new(&text);
            prop_assert!(!stored.0.contains('\0'));
            prop_assert_eq!(stored.into_original(), text);
        }
    }
}
