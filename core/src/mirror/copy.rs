//! Copies a mirror to another store.
//!
//! Pages are read in separate transactions, so that the source may be large and used meanwhile. The source is read twice. If both readings are equal,
//! no row that is in the copy has changed between the first reading of a row and the second one: the copy is the source as it was at the moment
//! between the two readings.

use super::Mirror;
#[cfg(feature = "sqlite")]
use super::place::{DatabaseOptions, open_store};
use crate::record::{CopiedTable, CopyReport};
use crate::store::copy::{Digest, NUMBERS, Row, TABLES, TablePage};
use crate::store::{CopyPages, Store, StoreFuture};
use crate::{Error, Result};
#[cfg(feature = "sqlite")]
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Options of `Mirror::copy_to`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyOptions {
    /// Name of the schema in PostgreSQL that gets the copy. Default: `headcount`.
    pub schema: Option<String>,
}

impl Mirror {
    /// Copies the mirror to a new file or to a PostgreSQL database: `target` is a path or a URL, as for [`open`](Mirror::open). The copy has everything
    /// that the mirror has, except for leases: organizations, directories, groups, users with their links, tombstones, the feed with its numbers, consumers
    /// with their positions and parked changes, the role map, settings, holds, retirements, received and pending events, the environment. So consumers continue at the copy where they were.
    ///
    /// Stop everything that writes to the mirror before: receivers of webhooks, syncs and consumers. It can be read meanwhile. If something was written
    /// during the copy, the call fails, and nothing is copied. What is written later is not in the copy.
    ///
    /// All rows are read again from both stores and compared, and then committed together. The target is empty until then. If the call fails or the
    /// process ends, it stays empty, and the copy can be begun again. One page of rows is in memory at a time. In PostgreSQL, the role has to be the
    /// owner of the schema, such as a member of `headcount_migrate`, because the copy sets the numbers of sequences.
    ///
    /// The future may be dropped: then everything is copied, or nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the target is not empty, is this mirror's own store, cannot be opened or written, or has the schema of
    /// a newer version, if the mirror was written during the copy, or if one of the stores fails; [`ErrorKind::Config`](crate::ErrorKind::Config) if the target
    /// cannot be the place of a mirror, such as `:memory:`; [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) if the mirror is closed.
    #[cfg(feature = "sqlite")]
    pub async fn copy_to(&self, target: impl AsRef<Path>, options: CopyOptions) -> Result<CopyReport> {
        let target = target.as_ref();
        if target.as_os_str() == ":memory:" {
            return Err(Error::config(
                "expected the path of a new file or the URL of a PostgreSQL database, got :memory:, which would be lost when the copy ends",
            ));
        }
        let copy = async {
            let options = DatabaseOptions { schema: options.schema, ..DatabaseOptions::default() };
            let store = open_store(target, options).await?;
            let copied = self.copy_rows(Arc::clone(&store)).await;
            let closed = store.close().await;
            let report = copied?;
            closed.map(|()| report)
        };
        self.until_closed(copy).await
    }

    /// Copies the mirror to an open store, as `copy_to` does. The store stays open.
    ///
    /// The future may be dropped: then everything is copied, or nothing.
    ///
    /// # Errors
    ///
    /// As `copy_to`; [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if the store is the mirror's own.
    pub async fn copy_to_store(&self, target: Arc<dyn Store>) -> Result<CopyReport> {
        self.until_closed(self.copy_rows(target)).await
    }

    async fn copy_rows(&self, target: Arc<dyn Store>) -> Result<CopyReport> {
        if Arc::ptr_eq(self.store(), &target) {
            return Err(Error::invalid_argument("expected another store than the mirror's own: open an empty one"));
        }
        let report = Arc::new(Mutex::new(CopyReport::default()));
        let rows =
            Reading { pages: PagesOf::new(Arc::clone(self.store())), last_change: 0, report: Arc::clone(&report) };
        target.restore(Box::new(rows)).await?;
        Ok(std::mem::take(&mut *report.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Reads all tables of a store, page by page.
struct PagesOf {
    store: Arc<dyn Store>,
    /// Index in [`TABLES`] of the table that is read.
    table: usize,
    /// Key of the last row of this table that was read, or `None` before the first one.
    after: Option<Row>,
    /// Digest of all rows that were read, of all tables.
    digest: Digest,
}

impl PagesOf {
    fn new(store: Arc<dyn Store>) -> PagesOf {
        PagesOf { store, table: 0, after: None, digest: Digest::default() }
    }

    async fn next(&mut self) -> Result<Option<TablePage>> {
        while let Some(table) = TABLES.get(self.table) {
            let rows = self.store.dump(table, self.after.take()).await?;
            if let Some(last) = rows.last() {
                self.after = Some(table.key_of(last));
                self.digest.add(table, &rows);
                return Ok(Some(TablePage { table, rows }));
            }
            self.table += 1;
        }
        Ok(None)
    }
}

/// The first reading of the source, and the checks after it.
struct Reading {
    pages: PagesOf,
    last_change: i64,
    /// Set when the copy was found to be right.
    report: Arc<Mutex<CopyReport>>,
}

impl CopyPages for Reading {
    fn next(&mut self) -> StoreFuture<'_, Option<TablePage>> {
        Box::pin(async move {
            let page = self.pages.next().await?;
            if let Some(TablePage { table, rows }) = &page
                && **table == NUMBERS
            {
                self.last_change = rows.first().map_or(0, |row| table.number(row, "change"));
            }
            Ok(page)
        })
    }

    fn check(&mut self, stored: Digest) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let first = &self.pages.digest;
            if let Some(table) = first.difference(&stored) {
                let message = "expected the copy to have the rows of its source, got others: nothing was copied, so check that no \
                               other program writes to the target";
                return Err(Error::store(message).with_context("table", table));
            }
            let mut again = PagesOf::new(Arc::clone(&self.pages.store));
            while again.next().await?.is_some() {}
            if let Some(table) = first.difference(&again.digest) {
                let message = "expected a source that does not change during the copy, got writes to it: nothing was copied, so stop its \
                               receivers, syncs and consumers, and copy again";
                return Err(Error::store(message).with_context("table", table).temporary());
            }
            let tables = stored.rows().into_iter().map(|(name, rows)| CopiedTable { name: name.to_owned(), rows });
            let tables: Vec<CopiedTable> = tables.collect();
            let rows = tables.iter().map(|table| table.rows).sum();
            let report = CopyReport { tables, rows, last_change: self.last_change, checksum: stored.checksum() };
            *self.report.lock().unwrap_or_else(PoisonError::into_inner) = report;
            Ok(())
        })
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use crate::store::{Batch, Decision, Keys, OrganizationRow, Write};
    use crate::store::{Durability, Scope, SqliteStore};
    use crate::{ErrorStatus, Timestamp};

    /// Stores an organization.
    async fn write(store: &Arc<dyn Store>, id: &'static str) {
        let row = OrganizationRow { id: id.to_owned(), ..OrganizationRow::default() };
        let batch = Batch { organizations: vec![row], ..Batch::default() };
        let write = Write {
            scope: Scope::Everything,
            durability: Durability::Process,
            fence: None,
            now: Timestamp::UNIX_EPOCH,
            keys: Keys::default(),
            decide: Box::new(move |_| Ok(Decision::Commit(Box::new(batch.clone())))),
        };
        store.write(write).await.unwrap();
    }

    /// Reads a store with one organization to its end.
    async fn reading() -> (Arc<dyn Store>, Reading) {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(":memory:").unwrap());
        write(&store, "org_1").await;
        let pages = PagesOf::new(Arc::clone(&store));
        let mut reading = Reading { pages, last_change: 0, report: Arc::default() };
        while reading.next().await.unwrap().is_some() {}
        (store, reading)
    }

    #[tokio::test]
    async fn a_copy_of_a_source_that_did_not_change_is_accepted_and_reported() {
        let (_store, mut reading) = reading().await;
        let stored = reading.pages.digest.clone();
        reading.check(stored.clone()).await.unwrap();
        let report = reading.report.lock().unwrap().clone();
        assert_eq!(report.rows, 1);
        assert_eq!(report.tables[0].name, "organization");
        assert_eq!(report.checksum, stored.checksum());
    }

    #[tokio::test]
    async fn a_copy_of_a_source_that_was_written_meanwhile_is_refused() {
        let (store, mut reading) = reading().await;
        write(&store, "org_2").await;
        let error = reading.check(reading.pages.digest.clone()).await.unwrap_err();
        assert!(error.message().contains("expected a source that does not change"), "{error}");
        assert_eq!(error.status(), ErrorStatus::Temporary);
    }

    #[tokio::test]
    async fn a_copy_with_other_rows_is_refused() {
        let (_store, mut reading) = reading().await;
        let error = reading.check(Digest::default()).await.unwrap_err();
        assert!(error.message().contains("expected the copy to have the rows of its source"), "{error}");
    }
}
