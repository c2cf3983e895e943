//! Dumps the tables and restores them. The differences from the names and forms in [`copy`](crate::store::copy) are here.

use super::database::{Database, limited, list};
use super::open::failed;
use super::rows::{ENTRY, PARKED_ENTRY, damaged_row, entry, from_json, get};
use crate::record::Keys;
use crate::store::codec::{time_bytes, to_json};
use crate::store::copy::{
    CHANGES, CONSUMERS, Cell, Digest, EVENTS, GROUPS, NUMBERS, ORGANIZATION_PARTS, PAGE_BYTES, PAGE_ROWS,
    PARKED_CHANGES, Row, TABLES, Table, TablePage, USERS, has_numbers, interrupted, not_empty, without_workers,
};
use crate::{Error, Result};
use rusqlite::params_from_iter;
use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};
use std::collections::BTreeSet;
use tokio::sync::{mpsc, oneshot};

/// What [`restore`] exchanges with the task that reads the pages.
pub(super) struct Exchange {
    /// The pages, and `None` after the last one.
    pub(super) pages: mpsc::Receiver<Option<TablePage>>,
    /// Gets the digest of what was stored.
    pub(super) stored: oneshot::Sender<Digest>,
    /// A message if the digest is accepted.
    pub(super) accepted: oneshot::Receiver<()>,
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Cell::Null => ToSqlOutput::Owned(Value::Null),
            Cell::Number(number) => ToSqlOutput::from(*number),
            Cell::Text(text) => ToSqlOutput::from(text.as_str()),
            Cell::Bytes(bytes) => ToSqlOutput::from(bytes.as_slice()),
        })
    }
}

/// Returns the name of a table in the file's schema.
fn table_name(table: &Table) -> &'static str {
    match *table {
        USERS => "user",
        GROUPS => "\"group\"",
        _ => table.name,
    }
}

/// Returns the name of a column in the file's schema.
fn column_name(name: &'static str) -> &'static str {
    match name {
        "allowed" => "\"limit\"",
        "decided_by" => "\"by\"",
        name => name,
    }
}

/// Columns that other stores do not have, with the values that a restored row has in them.
fn own_columns(table: &Table) -> &'static [(&'static str, &'static str)] {
    match *table {
        CHANGES => &[("kind", "''")],
        EVENTS => &[("directory_id", "''")],
        // A parked change is stored as an entry of one change, whose last number is the `seq` of the row, the second value.
        PARKED_CHANGES => &[("last", "?2"), ("count", "1")],
        _ => &[],
    }
}

/// Reads a page of a table: see [`Store::dump`](crate::store::Store::dump).
pub(super) fn dump(database: &Database, table: &Table, after: Option<&Row>, rows: usize) -> Result<Vec<Row>> {
    dump_part(database, table, None, after, rows)
}

/// Calls `take` with each page of what [`Store::dump_organization`](crate::store::Store::dump_organization) reads, until it returns false.
pub(super) fn dump_organization(
    database: &Database,
    organization_id: &str,
    mut take: impl FnMut(TablePage) -> bool,
) -> Result<()> {
    for part in ORGANIZATION_PARTS {
        let table = part.table;
        // A file has no schemas.
        let condition = part.condition("?").map(|condition| (condition.replace("{s}.", ""), organization_id));
        let mut after = None;
        loop {
            let rows = dump_part(database, table, condition.as_ref(), after.as_ref(), PAGE_ROWS)?;
            let Some(last) = rows.last() else { break };
            after = Some(table.key_of(last));
            if !take(TablePage { table, rows }) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Reads a page of the rows of a table that meet a condition with one parameter.
fn dump_part(
    database: &Database,
    table: &Table,
    condition: Option<&(String, &str)>,
    after: Option<&Row>,
    rows: usize,
) -> Result<Vec<Row>> {
    if *table == NUMBERS {
        let sql = "SELECT revision, user, \"group\", change, event, trimmed, generation FROM counter";
        let read = |row: &rusqlite::Row<'_>| (0..7).map(|column| Ok(Cell::Number(get(row, column)?))).collect();
        return if after.is_some() { Ok(Vec::new()) } else { database.all(sql, [], read) };
    }
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| column_name(name)).collect();
    let columns = match *table {
        CHANGES => ENTRY.to_owned(),
        PARKED_CHANGES => format!("{PARKED_ENTRY}, consumer, seq, reason, at"),
        _ => names.join(", "),
    };
    let key = names.get(..table.key).unwrap_or_default().join(", ");
    let name = table_name(table);
    let mut values: Vec<&dyn ToSql> = after.iter().flat_map(|row| row.iter()).map(|cell| cell as &dyn ToSql).collect();
    let marks = vec!["?"; values.len()].join(", ");
    let mut conditions: Vec<String> = after.iter().map(|_| format!("({key}) > ({marks})")).collect();
    if let Some((condition, value)) = condition {
        conditions.push(condition.clone());
        values.push(value);
    }
    let limit = limited(rows);
    values.push(&limit);
    let condition = if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
    let sql = format!("SELECT {columns} FROM {name} {condition} ORDER BY {key} LIMIT ?");
    let (mut found, mut bytes) = (Vec::new(), 0);
    database.while_more(&sql, values.as_slice(), |row| {
        let cells = match *table {
            CHANGES => change(row)?,
            PARKED_CHANGES => parked_change(row)?,
            CONSUMERS => remove_workers(read(table, row)?)?,
            _ => read(table, row)?,
        };
        bytes += cells.iter().map(Cell::size).sum::<usize>();
        found.push(cells);
        Ok(bytes < PAGE_BYTES)
    })?;
    Ok(found)
}

/// Reads the values of a row.
fn read(table: &Table, row: &rusqlite::Row<'_>) -> Result<Row> {
    let cell = |column| {
        Ok(match row.get_ref(column).map_err(|error| failed(&error))? {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(number) => Cell::Number(number),
            ValueRef::Text(_) => Cell::Text(get(row, column)?),
            ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
            ValueRef::Real(_) => return Err(damaged(table)),
        })
    };
    (0..table.columns.len()).map(cell).collect()
}

/// Makes the error for a value of a type that its column never has.
fn damaged(table: &Table) -> Error {
    damaged_row().with_context("table", table.name)
}

/// Reads an entry of the feed.
fn change(row: &rusqlite::Row<'_>) -> Result<Row> {
    let entry = entry(row)?.in_present_form()?;
    Ok(vec![
        Cell::Number(entry.last),
        Cell::Number(i64::from(entry.count)),
        Cell::Text(entry.organization_id),
        Cell::Text(entry.directory_id),
        Cell::Text(entry.cause),
        Cell::Bytes(time_bytes(entry.at).to_vec()),
        Cell::Text(entry.body),
    ])
}

/// Reads a parked change, which may be one of several in its entry.
fn parked_change(row: &rusqlite::Row<'_>) -> Result<Row> {
    let seq: i64 = get(row, 9)?;
    let change = entry(row)?.changes_after(seq - 1, 1)?.into_iter().next().ok_or_else(|| damaged(&PARKED_CHANGES))?;
    let body = to_json(&change.body())?;
    Ok(vec![
        Cell::Text(get(row, 8)?),
        Cell::Number(seq),
        Cell::Text(get(row, 10)?),
        Cell::Bytes(get(row, 11)?),
        Cell::Text(change.kind.name().to_owned()),
        Cell::Text(change.organization_id),
        Cell::Text(change.directory_id),
        Cell::Text(change.cause),
        Cell::Bytes(time_bytes(change.at).to_vec()),
        Cell::Text(body),
    ])
}

/// Removes the workers from a consumer's partitions, which are the last value of its row.
fn remove_workers(mut row: Row) -> Result<Row> {
    if let Some(Cell::Text(partitions)) = row.last_mut() {
        *partitions = without_workers(from_json(partitions)?)?;
    }
    Ok(row)
}

/// Fills the file in the open transaction, and has the result checked: see [`Store::restore`](crate::store::Store::restore).
pub(super) fn restore(database: &Database, exchange: Exchange) -> Result<()> {
    let Exchange { mut pages, stored, accepted } = exchange;
    for table in TABLES {
        let rows = dump(database, table, None, 1)?;
        if rows.iter().any(|row| *table != NUMBERS || has_numbers(row)) {
            return Err(not_empty(table));
        }
    }
    database.atomically(|| {
        while let Some(page) = pages.blocking_recv().ok_or_else(interrupted)? {
            put(database, &page)?;
        }
        // All changes are durable once this is committed.
        database.run("UPDATE counter SET durable = change", [])?;
        let _ = stored.send(digest(database)?);
        accepted.blocking_recv().map_err(|_| interrupted())
    })
}

/// Stores a page of rows, which the file does not have yet.
pub(super) fn put(database: &Database, page: &TablePage) -> Result<()> {
    let TablePage { table, rows } = page;
    if **table == NUMBERS {
        let sql = "UPDATE counter SET revision = ?1, user = ?2, \"group\" = ?3, change = ?4, event = ?5, trimmed = ?6, generation = ?7";
        return rows.iter().try_for_each(|row| database.run(sql, params_from_iter(row)).map(drop));
    }
    let given = table.columns.iter().enumerate().map(|(at, (name, _))| (column_name(name), format!("?{}", at + 1)));
    let own = own_columns(table).iter().map(|(name, value)| (*name, (*value).to_owned()));
    let (names, values): (Vec<&str>, Vec<String>) = given.chain(own).unzip();
    let sql = format!("INSERT INTO {} ({}) VALUES ({})", table_name(table), names.join(", "), values.join(", "));
    rows.iter().try_for_each(|row| database.run(&sql, params_from_iter(row)).map(drop))
}

/// Stores the memberships that the users' `told_groups` name.
pub(super) fn put_memberships(database: &Database) -> Result<()> {
    let sql = "INSERT INTO membership (group_id, user_number) SELECT DISTINCT value, number FROM user, json_each(told_groups)";
    database.run(sql, []).map(drop)
}

/// Returns those of the keys' directories, groups and users that have no row.
pub(super) fn unknown(database: &Database, keys: &Keys) -> Result<Keys> {
    let unknown = |table: &str, ids: &BTreeSet<String>| -> Result<BTreeSet<String>> {
        if ids.is_empty() {
            return Ok(BTreeSet::new());
        }
        let sql = format!("SELECT value FROM json_each(?1) WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE id = value)");
        database.all(&sql, [list(ids)?], |row| get(row, 0)).map(BTreeSet::from_iter)
    };
    Ok(Keys {
        directories: unknown("directory", &keys.directories)?,
        groups: unknown("\"group\"", &keys.groups)?,
        users: unknown("user", &keys.users)?,
        ..Keys::default()
    })
}

/// Reads all tables and returns the digest of their rows.
fn digest(database: &Database) -> Result<Digest> {
    let mut digest = Digest::default();
    for table in TABLES {
        let mut after = None;
        loop {
            let rows = dump(database, table, after.as_ref(), PAGE_ROWS)?;
            let Some(last) = rows.last() else { break };
            after = Some(table.key_of(last));
            digest.add(table, &rows);
        }
    }
    Ok(digest)
}
