//! Dumps the tables and restores them in one transaction.

use super::commit::{CommitId, Ended, end_attempt, lock, mark_durable, revision_of, was_committed};
use super::database::{Columns, Database, Flush, Statement, Transaction};
use super::failure::Failure;
use super::rows::{Bytes, Json, Text, from_json, get, get_text_if_any};
use crate::store::copy::{
    CHORES, CONSUMERS, Cell, Digest, Kind, NUMBERS, ORGANIZATION_PARTS, PAGE_BYTES, PAGE_ROWS, Part, RUNS, Row, TABLES,
    Table, TablePage, has_numbers, not_empty, without_workers,
};
use crate::store::{CopyPages, RowPages, Scope, StoreFuture};
use crate::{Error, Result};
use tokio::sync::SemaphorePermit;

/// Allows the transaction of a restore to be idle for an hour, while its rows are read from another store.
const IDLE: &str = "SET LOCAL idle_in_transaction_session_timeout = '1h'";

/// The sequences whose last numbers are copied, each with the column of [`NUMBERS`] that has its last number.
const SEQUENCES: [(&str, &str); 4] =
    [("revision", "revision"), ("user_number", "users"), ("group_number", "groups"), ("event_number", "event")];

/// Reads a page of a table: see [`Store::dump`](crate::store::Store::dump).
pub(super) async fn dump(database: &Database, table: &'static Table, after: Option<&Row>) -> Result<Vec<Row>> {
    if table.key == 0 && after.is_some() {
        return Ok(Vec::new());
    }
    read(table, &database.read_one(select(table, None, after, PAGE_ROWS)).await?)
}

/// What [`Store::dump_organization`](crate::store::Store::dump_organization) reads, in one transaction.
pub(super) struct OrganizationPages<'a> {
    database: &'a Database,
    organization_id: String,
    /// `None` before the first page and after the last one.
    transaction: Option<Transaction<'a>>,
    /// Index in [`ORGANIZATION_PARTS`] of the part that is read.
    part: usize,
    /// Key of the last row that was read of it.
    after: Option<Row>,
    /// The permit of the call, so that the store is not closed meanwhile.
    _running: SemaphorePermit<'a>,
}

impl<'a> OrganizationPages<'a> {
    pub(super) fn new(database: &'a Database, organization_id: String, running: SemaphorePermit<'a>) -> Self {
        OrganizationPages { database, organization_id, transaction: None, part: 0, after: None, _running: running }
    }

    async fn read_next(&mut self) -> Result<Option<TablePage>, Failure> {
        while let Some(part) = ORGANIZATION_PARTS.get(self.part) {
            let transaction = match &mut self.transaction {
                Some(transaction) => transaction,
                None => self.transaction.insert(self.database.begin_read().await?),
            };
            let table = part.table;
            let is_read = table.key == 0 && self.after.is_some();
            let rows = if is_read {
                Vec::new()
            } else {
                let part = Some((part, self.organization_id.as_str()));
                read(table, &transaction.run_one(select(table, part, self.after.as_ref(), PAGE_ROWS)).await?)?
            };
            if let Some(last) = rows.last() {
                self.after = Some(table.key_of(last));
                return Ok(Some(TablePage { table, rows }));
            }
            self.part += 1;
            self.after = None;
        }
        if let Some(transaction) = self.transaction.take() {
            transaction.end(&[], Flush::Later).await?;
        }
        Ok(None)
    }
}

impl RowPages for OrganizationPages<'_> {
    fn next(&mut self) -> StoreFuture<'_, Option<TablePage>> {
        Box::pin(async { self.read_next().await.map_err(|failure| failure.error) })
    }
}

/// Makes the statement that selects a page of a table, or of the part of it that belongs to an organization.
fn select(table: &Table, part: Option<(&Part, &str)>, after: Option<&Row>, rows: usize) -> Statement {
    if *table == NUMBERS {
        return select_numbers();
    }
    let columns: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    let columns = columns.join(", ");
    let key = table.key_names().collect::<Vec<_>>().join(", ");
    let sizes = table.columns.iter().filter(|(_, kind)| matches!(kind, Kind::Text | Kind::Json | Kind::Bytes));
    let sizes: Vec<String> = sizes.map(|(name, _)| format!("coalesce(octet_length({name}), 0)")).collect();
    let size = if sizes.is_empty() { "0".to_owned() } else { sizes.join(" + ") };
    let after = after.map(Vec::as_slice).unwrap_or_default();
    let marks: Vec<String> = (1..=after.len()).map(|number| format!("${number}")).collect();
    let mut conditions = Vec::new();
    if !after.is_empty() {
        conditions.push(format!("({key}) > ({})", marks.join(", ")));
    }
    let organization_id = part.and_then(|(part, organization_id)| {
        conditions.push(part.condition(&format!("${}", marks.len() + 1))?);
        Some(organization_id)
    });
    let condition = if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
    let name = table.name;
    // A row is in the page if the rows before it have fewer bytes than the limit.
    let mut statement = Statement::new(format!(
        "SELECT {columns} FROM (
            SELECT *, sum({size}) OVER (ORDER BY {key}) - ({size}) AS bytes_before FROM (
                SELECT {columns} FROM {{s}}.{name} {condition} ORDER BY {key} LIMIT {rows}
            ) AS page
        ) AS page WHERE bytes_before < {PAGE_BYTES} ORDER BY {key}"
    ));
    for cell in after {
        statement = match cell {
            Cell::Number(number) => statement.with(*number),
            Cell::Text(text) => statement.with(Text::new(text)),
            Cell::Bytes(bytes) => statement.with(Bytes(bytes.clone())),
            Cell::Null => statement.with(None::<i64>),
        };
    }
    match organization_id {
        Some(id) => statement.with(Text::new(id)),
        None => statement,
    }
}

fn select_numbers() -> Statement {
    let columns = NUMBERS.columns.iter().map(|(column, _)| match SEQUENCES.iter().find(|(_, name)| name == column) {
        Some((sequence, _)) => format!("coalesce(pg_sequence_last_value('{{s}}.{sequence}'::regclass), 0)"),
        None => (*column).to_owned(),
    });
    let columns = columns.collect::<Vec<_>>().join(", ");
    Statement::new(format!("SELECT {columns} FROM {{s}}.counter, {{s}}.mark"))
}

/// Reads the rows of [`select`].
fn read(table: &Table, rows: &[tokio_postgres::Row]) -> Result<Vec<Row>> {
    let cell = |row: &tokio_postgres::Row, column: usize, kind: Kind| {
        Ok(match kind {
            Kind::Number => get::<Option<i64>>(row, column)?.map(Cell::Number),
            Kind::Truth => get::<Option<bool>>(row, column)?.map(|truth| Cell::Number(i64::from(truth))),
            Kind::Text => get_text_if_any(row, column)?.map(Cell::Text),
            Kind::Json => get::<Option<String>>(row, column)?.map(Cell::Text),
            Kind::Bytes => get::<Option<Vec<u8>>>(row, column)?.map(Cell::Bytes),
        }
        .unwrap_or(Cell::Null))
    };
    let row = |row: &tokio_postgres::Row| {
        let kinds = table.columns.iter().map(|(_, kind)| *kind).enumerate();
        let mut cells = kinds.map(|(column, kind)| cell(row, column, kind)).collect::<Result<Row>>()?;
        if *table == CONSUMERS
            && let Some(Cell::Text(partitions)) = cells.last_mut()
        {
            *partitions = without_workers(from_json(partitions)?)?;
        }
        Ok(cells)
    };
    rows.iter().map(row).collect()
}

/// Fills the schema and has the result checked: see [`Store::restore`](crate::store::Store::restore). It is not repeated after a lost connection.
pub(super) async fn restore(database: &Database, mut pages: Box<dyn CopyPages>) -> Result<()> {
    let mut transaction = database.begin_write().await.map_err(|failure| failure.error)?;
    let (id, last) = match fill(&mut transaction, &mut *pages).await {
        Ok(filled) => filled,
        Err(failure) => {
            transaction.roll_back().await;
            return Err(failure.error);
        }
    };
    match end_attempt(transaction, &[mark_durable(last), id.log()], id, ()).await {
        Ok(()) => Ok(()),
        Err(Ended::Failed(failure)) => Err(failure.error),
        Err(Ended::Unknown(failure, id, ())) => {
            if was_committed(database, &Scope::Everything, id).await? {
                Ok(())
            } else {
                Err(failure.error)
            }
        }
    }
}

/// Stores all pages. Returns the transaction's id, which is not in the log of commits yet, and the number of the latest change.
async fn fill(transaction: &mut Transaction<'_>, pages: &mut dyn CopyPages) -> Result<(CommitId, i64), Failure> {
    // No other process writes while this lock is held.
    let mut revision = revision_of(&transaction.run(&lock(&Scope::Everything)).await?)?;
    transaction.run_one(Statement::script(IDLE)).await?;
    for table in TABLES {
        let rows = read(table, &transaction.run_one(select(table, None, None, 1)).await?)?;
        if rows.iter().any(|row| *table != NUMBERS || has_numbers(row)) {
            return Err(not_empty(table).into());
        }
    }
    let mut last = 0;
    while let Some(TablePage { table, rows }) = pages.next().await? {
        if *table == NUMBERS {
            for row in &rows {
                let numbers: Vec<i64> = row.iter().map(Cell::number).collect();
                (revision, last) = put_numbers(transaction, &numbers, revision).await?;
            }
        } else if !rows.is_empty() {
            let mut statements = vec![insert(table, &rows)];
            // Later chores and runs follow these.
            let sequence = match *table {
                CHORES => Some("chore_number"),
                RUNS => Some("run_number"),
                _ => None,
            };
            if let Some(sequence) = sequence {
                let last = rows.iter().map(|row| table.number(row, "number")).max().unwrap_or(0);
                statements.extend(set_sequence(sequence, last));
            }
            transaction.run(&statements).await?;
        }
    }
    let mut stored = Digest::default();
    for table in TABLES {
        let mut after = None;
        loop {
            let rows = read(table, &transaction.run_one(select(table, None, after.as_ref(), PAGE_ROWS)).await?)?;
            let Some(row) = rows.last() else { break };
            stored.add(table, &rows);
            if table.key == 0 {
                break;
            }
            after = Some(table.key_of(row));
        }
    }
    pages.check(stored).await?;
    Ok((CommitId::new(revision), last))
}

/// Stores the row of [`NUMBERS`]. Returns the revision that the schema has then, which is at least `least`, and the number of the latest change.
async fn put_numbers(transaction: &mut Transaction<'_>, numbers: &[i64], least: i64) -> Result<(i64, i64), Failure> {
    let &[revision, _, _, change, _, trimmed, generation] = numbers else {
        return Err(Error::internal("a row of numbers has another number of columns").into());
    };
    let revision = revision.max(least);
    let mut statements = vec![
        Statement::new("UPDATE {s}.counter SET change = $1").with(change),
        Statement::new("UPDATE {s}.mark SET trimmed = $1, generation = $2").with(trimmed).with(generation),
        Statement::new("UPDATE {s}.scope SET revision = $1 WHERE kind = 0 AND name = ''").with(revision),
    ];
    for (sequence, column) in SEQUENCES {
        let position = NUMBERS.columns.iter().position(|(name, _)| *name == column);
        let last = position.and_then(|at| numbers.get(at)).copied().unwrap_or(0);
        statements.extend(set_sequence(sequence, if column == "revision" { revision } else { last }));
    }
    transaction.run(&statements).await?;
    Ok((revision, change))
}

/// Makes the statements that set the last number that a sequence has given, or none if `last` is 0. Unlike `setval`, they are undone if the transaction is
/// rolled back. Only the owner of the sequence may run them.
fn set_sequence(sequence: &str, last: i64) -> Vec<Statement> {
    if last < 1 {
        return Vec::new();
    }
    vec![
        Statement::script(format!("ALTER SEQUENCE {{s}}.{sequence} RESTART WITH {last}")),
        Statement::new(format!("SELECT nextval('{{s}}.{sequence}')")),
    ]
}

/// Makes the statement that inserts rows.
fn insert(table: &Table, rows: &[Row]) -> Statement {
    fn text(cell: Option<&Cell>) -> Option<&String> {
        if let Some(Cell::Text(text)) = cell { Some(text) } else { None }
    }
    fn number(cell: Option<&Cell>) -> Option<i64> {
        if let Some(Cell::Number(number)) = cell { Some(*number) } else { None }
    }
    fn bytes(cell: Option<&Cell>) -> Option<Bytes> {
        if let Some(Cell::Bytes(bytes)) = cell { Some(Bytes(bytes.clone())) } else { None }
    }
    let mut columns = Columns::new(rows);
    for (at, (name, kind)) in table.columns.iter().enumerate() {
        columns = match kind {
            Kind::Number => columns.with(name, move |row| number(row.get(at))),
            Kind::Truth => columns.with(name, move |row| number(row.get(at)).map(|truth| truth != 0)),
            Kind::Text => columns.with(name, move |row| text(row.get(at)).map(|text| Text::new(text))),
            Kind::Json => columns.with(name, move |row| text(row.get(at)).cloned().map(Json::raw)),
            Kind::Bytes => columns.with(name, move |row| bytes(row.get(at))),
        };
    }
    columns.insert(table.name, "", &[])
}
