//! The place of a mirror: opens the store in a file, or in a PostgreSQL database.

use crate::store::Store;
use crate::{Error, Result};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The options of `PostgresOptions` that a caller has set. Each is `None` if it is not set.
#[derive(Clone, Default)]
pub(super) struct DatabaseOptions {
    pub(super) schema: Option<String>,
    pub(super) connections: Option<usize>,
    pub(super) lock_timeout: Option<Duration>,
    pub(super) statement_timeout: Option<Duration>,
    pub(super) prepared_statements: Option<bool>,
}

impl DatabaseOptions {
    /// Returns what is set, for an error: the first option of several. In words, because each language has other names for the options.
    fn first_set(&self) -> Option<&'static str> {
        let DatabaseOptions { schema, connections, lock_timeout, statement_timeout, prepared_statements } = self;
        [
            (schema.is_some(), "a schema is"),
            (connections.is_some(), "a number of connections is"),
            (lock_timeout.is_some(), "a lock timeout is"),
            (statement_timeout.is_some(), "a statement timeout is"),
            (prepared_statements.is_some(), "the option for prepared statements is"),
        ]
        .into_iter()
        .find_map(|(is_set, text)| is_set.then_some(text))
    }

    /// Returns the options of the store, with the defaults for those that are not set.
    #[cfg(feature = "postgres")]
    fn of_store(self) -> crate::store::PostgresOptions {
        let mut options = crate::store::PostgresOptions::default();
        options.schema = self.schema.unwrap_or(options.schema);
        options.connections = self.connections.unwrap_or(options.connections);
        options.lock_timeout = self.lock_timeout.unwrap_or(options.lock_timeout);
        options.statement_timeout = self.statement_timeout.unwrap_or(options.statement_timeout);
        options.prepared_statements = self.prepared_statements.unwrap_or(options.prepared_statements);
        options
    }
}

/// Opens the store in a file or a PostgreSQL database. `options` are for PostgreSQL: for a file, none may be set.
///
/// # Errors
///
/// As [`Mirror::open`](crate::Mirror::open).
pub(super) async fn open_store(path: &Path, options: DatabaseOptions) -> Result<Arc<dyn Store>> {
    let Some(url) = database_url(path) else {
        if let Some(what) = options.first_set() {
            return Err(Error::config(format!(
                "{what} set for a mirror in a file: expected the URL of a PostgreSQL database, postgresql://user@host/database"
            )));
        }
        return Ok(Arc::new(crate::store::SqliteStore::open_off_executor(path).await?));
    };
    #[cfg(feature = "postgres")]
    {
        Ok(Arc::new(crate::store::PostgresStore::connect_with(url, options.of_store()).await?))
    }
    #[cfg(not(feature = "postgres"))]
    {
        let _ = url;
        Err(Error::config(
            "expected the path of a SQLite file, got a PostgreSQL URL: enable headcount's feature `postgres`",
        ))
    }
}

/// Returns the path if it is the URL of a PostgreSQL database.
fn database_url(path: &Path) -> Option<&str> {
    path.to_str().filter(|text| text.starts_with("postgresql://") || text.starts_with("postgres://"))
}
