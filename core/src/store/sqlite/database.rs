//! A connection, and helpers that run cached statements and write many rows with one statement.

use super::open::{self, failed};
use super::shared::Shared;
use crate::error::catch_panic;
use crate::process::SetOnce;
use crate::store::Durability;
use crate::store::codec::write_json;
use crate::{Error, Result};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, Params, Row, Statement, ToSql};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

/// A connection and its state.
pub(super) struct Database {
    connection: Connection,
    /// What `PRAGMA synchronous` is set to, or `None` before it is set.
    durability: Cell<Option<Durability>>,
    /// Whether one of the transaction's writes failed after it may have changed rows.
    partial: Cell<bool>,
    /// Whether the transaction may have changed rows.
    wrote: Cell<bool>,
    /// What the writes of the transaction share, or `None` outside of a transaction for writes.
    pub(super) shared: RefCell<Option<Shared>>,
    /// Number of statements that were run.
    #[cfg(feature = "store-testing")]
    pub(super) statements: std::sync::Arc<std::sync::atomic::AtomicU64>,
    /// Number of times that SQLite prepared a statement again.
    #[cfg(feature = "store-testing")]
    pub(super) reprepared: std::sync::Arc<std::sync::atomic::AtomicU64>,
    /// Number of commits that were flushed.
    #[cfg(feature = "store-testing")]
    pub(super) flushes: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl Database {
    pub(super) fn new(connection: Connection) -> Database {
        Database {
            connection,
            durability: Cell::new(None),
            partial: Cell::new(false),
            wrote: Cell::new(false),
            shared: RefCell::new(None),
            #[cfg(feature = "store-testing")]
            statements: std::sync::Arc::default(),
            #[cfg(feature = "store-testing")]
            reprepared: std::sync::Arc::default(),
            #[cfg(feature = "store-testing")]
            flushes: std::sync::Arc::default(),
        }
    }

    /// Returns the connection, as the source of a backup.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>> {
        let statement = self.connection.prepare_cached(sql).map_err(|error| failed(&error))?;
        #[cfg(feature = "store-testing")]
        {
            use std::sync::atomic::Ordering::Relaxed;
            self.statements.fetch_add(1, Relaxed);
            // How often SQLite prepared this statement again in its earlier runs.
            let count = statement.reset_status(rusqlite::StatementStatus::RePrepare);
            self.reprepared.fetch_add(u64::try_from(count).unwrap_or(0), Relaxed);
        }
        Ok(statement)
    }

    /// Runs a statement. Returns the number of rows that it changed.
    pub(super) fn run(&self, sql: &str, params: impl Params) -> Result<usize> {
        self.prepare(sql)?.execute(params).map_err(|error| failed(&error))
    }

    /// Calls `read` with each row of a query.
    pub(super) fn each(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        self.while_more(sql, params, |row| read(row).map(|()| true))
    }

    /// Calls `read` with the rows of a query until it returns false.
    pub(super) fn while_more(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<bool>,
    ) -> Result<()> {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params).map_err(|error| failed(&error))?;
        while let Some(row) = rows.next().map_err(|error| failed(&error))? {
            if !read(row)? {
                break;
            }
        }
        Ok(())
    }

    /// Reads all rows of a query.
    pub(super) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.each(sql, params, |row| {
            found.push(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Reads the first row of a query.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params).map_err(|error| failed(&error))?;
        rows.next().map_err(|error| failed(&error))?.map(read).transpose()
    }

    /// Writes rows, up to [`MOST_ROWS`] with each statement. `bind` sets the values of a row, the first of which is never NULL.
    pub(super) fn put<T>(
        &self,
        insert: &Insert,
        rows: &[T],
        bind: impl Fn(&T, &mut Values<'_, '_>) -> Result<()>,
    ) -> Result<()> {
        for rows in rows.chunks(MOST_ROWS) {
            let mut statement = self.prepare(insert.text(rows.len()))?;
            let mut values = Values { statement: &mut statement, next: 1, json: Vec::new() };
            for row in rows {
                bind(row, &mut values)?;
            }
            // Parameters of the unused rows are NULL, because the statement cache clears them.
            statement.raw_execute().map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    /// Calls `write`. If that fails or panics, the whole transaction must be rolled back: see [`has_partial_write`](Database::has_partial_write).
    pub(super) fn atomically<T>(&self, write: impl FnOnce() -> Result<T>) -> Result<T> {
        self.wrote.set(true);
        catch_panic(write).inspect_err(|_| self.partial.set(true))
    }

    /// Returns whether one of the transaction's writes failed after it may have changed rows, so that the transaction must be rolled back.
    pub(super) fn has_partial_write(&self) -> bool {
        self.partial.get()
    }

    /// Begins a transaction for writes. Waits for a write of another process to end.
    pub(super) fn begin_write(&self, durability: Durability) -> Result<()> {
        if self.durability.get() != Some(durability) {
            open::set_durability(&self.connection, durability)?;
            self.durability.set(Some(durability));
        }
        self.partial.set(false);
        self.wrote.set(false);
        self.run("BEGIN IMMEDIATE", [])?;
        self.shared.replace(Some(Shared::default()));
        Ok(())
    }

    /// Commits the transaction if `keep` is set and it may have changed rows; otherwise rolls it back, which costs no flush.
    pub(super) fn end_write(&self, keep: bool) -> Result<()> {
        let commits = keep && self.wrote.get();
        let result = if commits { self.commit() } else { self.run("ROLLBACK", []).map(drop) };
        self.shared.replace(None);
        if result.is_err() && !self.connection.is_autocommit() {
            // A commit that failed may leave the transaction open.
            let _ = self.run("ROLLBACK", []);
        }
        result
    }

    fn commit(&self) -> Result<()> {
        self.write_counter()?;
        #[cfg(feature = "store-testing")]
        if self.durability.get() == Some(Durability::Power) {
            self.flushes.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        self.run("COMMIT", []).map(drop)
    }

    /// Returns whether a transaction is open. Some errors, such as a full disk, end it at once.
    pub(super) fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// Begins a transaction that reads as of one moment.
    pub(super) fn begin_read(&self) -> Result<()> {
        self.run("BEGIN", []).map(drop)
    }

    /// Ends a transaction that wrote nothing.
    pub(super) fn end_read(&self) {
        let _ = self.run("ROLLBACK", []);
    }
}

/// The numbers of rows for which a statement is prepared. Other numbers of rows use the next greater one: the missing rows are NULLs, which the
/// statement leaves out.
const SIZES: [usize; 5] = [1, 8, 32, 128, 512];

/// The most rows that one statement writes.
const MOST_ROWS: usize = 512;

/// A statement that writes rows: `verb INTO table SELECT … FROM (VALUES …) conflict`.
pub(super) struct Insert {
    verb: &'static str,
    table: &'static str,
    columns: usize,
    /// The parts of the conflict clause.
    conflict: &'static [&'static str],
    texts: [SetOnce<String>; SIZES.len()],
}

impl Insert {
    /// Makes a statement that inserts rows, and handles those that are stored already as its conflict clause says. `table` names the table and its
    /// columns, `columns` is their number, and `conflict` has the parts of the conflict clause.
    pub(super) const fn new(table: &'static str, columns: usize, conflict: &'static [&'static str]) -> Insert {
        Insert::with_verb("INSERT", table, columns, conflict)
    }

    /// Makes a statement that inserts new rows, and fails if one of them is stored already.
    ///
    /// With `OR FAIL`, SQLite does not copy each page before the statement changes it. It would need the copies to undo this statement alone, but a
    /// transaction in which a statement fails is rolled back as a whole.
    pub(super) const fn new_rows(table: &'static str, columns: usize) -> Insert {
        Insert::with_verb("INSERT OR FAIL", table, columns, &[])
    }

    const fn with_verb(
        verb: &'static str,
        table: &'static str,
        columns: usize,
        conflict: &'static [&'static str],
    ) -> Insert {
        Insert { verb, table, columns, conflict, texts: [const { SetOnce::new() }; SIZES.len()] }
    }

    /// Returns the statement for at least `count` rows.
    fn text(&self, count: usize) -> &str {
        let (size, text) = SIZES
            .iter()
            .zip(&self.texts)
            .find(|(size, _)| **size >= count)
            .unwrap_or((&SIZES[SIZES.len() - 1], &self.texts[SIZES.len() - 1]));
        text.get_or_set(|| {
            let row = format!("({})", vec!["?"; self.columns].join(","));
            let rows = vec![row; *size].join(",");
            let Insert { verb, table, .. } = self;
            let conflict = self.conflict.concat();
            match size {
                1 => format!("{verb} INTO {table} VALUES {rows} {conflict}"),
                _ => format!("{verb} INTO {table} SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL {conflict}"),
            }
        })
    }
}

/// Sets the parameters of a statement, one after another.
pub(super) struct Values<'a, 'c> {
    statement: &'a mut Statement<'c>,
    next: usize,
    /// The JSON text of the last [`push_json`](Values::push_json). Its memory is used again, because an allocation of more than a kilobyte for each
    /// row makes glibc's allocator consolidate its free chunks each time.
    json: Vec<u8>,
}

impl Values<'_, '_> {
    /// Sets the next value.
    pub(super) fn push(&mut self, value: impl ToSql) -> Result<()> {
        self.statement.raw_bind_parameter(self.next, value).map_err(|error| failed(&error))?;
        self.next += 1;
        Ok(())
    }

    /// Sets the next value to the JSON text of a record.
    pub(super) fn push_json(&mut self, record: &impl serde::Serialize) -> Result<()> {
        self.json.clear();
        write_json(&mut self.json, record)?;
        let text = ValueRef::Text(&self.json);
        self.statement.raw_bind_parameter(self.next, ToSqlOutput::Borrowed(text)).map_err(|error| failed(&error))?;
        self.next += 1;
        Ok(())
    }

    /// Skips the next `count` values. They stay NULL, as all values are in a statement from the cache.
    pub(super) fn skip(&mut self, count: usize) {
        self.next += count;
    }
}

/// Returns values as a JSON array, for `IN (SELECT value FROM json_each(?1))`.
pub(super) fn list<T: serde::Serialize>(values: &T) -> Result<String> {
    serde_json::to_string(values).map_err(|error| Error::internal(format!("keys cannot be written as JSON: {error}")))
}

/// Returns what to write between the parentheses of `IN (…)` for ids, and the value of its parameter. A single id is compared directly, which is
/// faster than a list.
pub(super) fn in_list<T: AsRef<str> + Ord + serde::Serialize>(
    ids: &BTreeSet<T>,
    parameter: &str,
) -> Result<(String, String)> {
    match (ids.first(), ids.len()) {
        (Some(id), 1) => Ok((parameter.to_owned(), id.as_ref().to_owned())),
        _ => Ok((format!("SELECT value FROM json_each({parameter})"), list(ids)?)),
    }
}

/// Converts a limit to SQL's integer.
pub(super) fn limited(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
