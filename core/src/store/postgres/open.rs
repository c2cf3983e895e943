//! Connects, and brings the schema up to date.

use super::database::{self, Database, Flush, Statement};
use super::failure::{Attempts, Failure};
use super::notify::Announcer;
use super::options::PostgresOptions;
use super::pool::Pool;
use super::rows::{Text, get, get_text};
use super::target::Target;
use crate::{Error, Result};
use std::sync::Arc;

/// The statements that create each version of the schema from the one before it.
const MIGRATIONS: &[&str] = &[include_str!("001.sql")];

/// The oldest supported version of the server, as `server_version_num`: the oldest that the tests run on.
const OLDEST: i64 = 150_000;

/// Checks the URL and the settings, connects, and brings the schema up to date.
pub(super) async fn open(url: &str, options: &PostgresOptions) -> Result<Database> {
    let PostgresOptions {
        schema,
        connections,
        lock_timeout,
        statement_timeout,
        prepared_statements,
        notify: notifies,
        callers_time,
        give_up_after,
        queue_wait: _,
    } = options;
    let target = Target::new(url, &crate::config::process_variable)?;
    let notifies = target.notify.unwrap_or(*notifies);
    if let Some(refusal) = options.refusal() {
        return Err(Error::config(refusal));
    }
    let mut database = Database {
        pool: Arc::new(Pool::new(target, *connections, *lock_timeout, *prepared_statements)),
        schema: format!("\"{schema}\""),
        is_read_only: false,
        callers_time: *callers_time,
        give_up_after: *give_up_after,
        answer_timeout: statement_timeout.saturating_add(*lock_timeout),
        settings: database::settings(*lock_timeout, *statement_timeout),
        announcer: notifies.then(|| Announcer::new(schema)),
    };
    let mut attempts = Attempts::to_open();
    loop {
        let result = async {
            let role = check(&database).await?;
            migrate(&database, schema, &role).await?;
            is_read_only(&database).await
        };
        match result.await {
            Ok(is_read_only) => {
                database.is_read_only = is_read_only;
                return Ok(database);
            }
            // Repeated also if another process created the schema at the same time.
            Err(failure) => attempts.wait(failure).await?,
        }
    }
}

/// Checks that the server is new enough and not a standby. Returns the name of the role.
async fn check(database: &Database) -> Result<String, Failure> {
    let sql =
        "SELECT current_setting('server_version_num')::bigint, current_setting('server_version'), pg_is_in_recovery(),
        current_user::text";
    let rows = database.begin_read().await?.end(&[Statement::new(sql)], Flush::Later).await?;
    let row = rows.first().and_then(|rows| rows.first()).ok_or_else(super::rows::no_row)?;
    if get::<i64>(row, 0)? < OLDEST {
        let version = get_text(row, 1)?;
        return Err(Error::store(format!("expected PostgreSQL 15 or later, got {version}: upgrade the server")).into());
    }
    if get::<bool>(row, 2)? {
        return Err(Error::store(
            "the server is a standby, which accepts no writes: connect to the primary, or list all servers as hosts of the URL",
        )
        .into());
    }
    Ok(get_text(row, 3)?)
}

/// Returns whether the role may not lock a scope, with which each write begins.
async fn is_read_only(database: &Database) -> Result<bool, Failure> {
    let sql = "SELECT NOT has_table_privilege('{s}.scope', 'INSERT')";
    let rows = database.begin_read().await?.end(&[Statement::new(sql)], Flush::Later).await?;
    let row = rows.first().and_then(|rows| rows.first()).ok_or_else(super::rows::no_row)?;
    Ok(get(row, 0)?)
}

/// Replaces the error "insufficient privilege" (42501) of a migration by one that has the SQL to run. Returns other failures as they are.
fn not_permitted(failure: Failure, schema: &str, role: &str) -> Failure {
    if !failure.error.context().iter().any(|(name, value)| *name == "sqlstate" && value == "42501") {
        return failure;
    }
    // The message has a complete statement. The name of the schema needs no quotes.
    let role = role.replace('"', "\"\"");
    Error::store(format!(
        "the role has no permission to create or change the schema {schema}: run as its owner, or as an administrator run \
         CREATE SCHEMA {schema} AUTHORIZATION \"{role}\""
    ))
    .into()
}

/// Runs the migrations that the schema lacks, all of them in one transaction.
async fn migrate(database: &Database, schema: &str, role: &str) -> Result<(), Failure> {
    let mut transaction = database.begin_write().await?;
    let exists = "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1),
        EXISTS (SELECT FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
            WHERE nspname = $1 AND relname = 'version')";
    let result = async {
        let rows = transaction.run_one(Statement::new(exists).with(Text::new(schema))).await?;
        let row = super::rows::first(&rows)?;
        // CREATE ... IF NOT EXISTS needs the permission to create even if nothing is missing, so the catalog is read first.
        if !get::<bool>(row, 0)? {
            transaction.run_one(Statement::new("CREATE SCHEMA {s}")).await?;
        }
        if !get::<bool>(row, 1)? {
            transaction
                .run(&[
                    Statement::new(
                        "CREATE TABLE {s}.version (id bigint PRIMARY KEY CHECK (id = 1), version bigint NOT NULL)",
                    ),
                    Statement::new("INSERT INTO {s}.version VALUES (1, 0)"),
                ])
                .await?;
        }
        let rows = transaction.run_one(Statement::new("SELECT version FROM {s}.version WHERE id = 1")).await?;
        let latest = MIGRATIONS.len() as i64;
        let mut version: i64 = get(super::rows::first(&rows)?, 0)?;
        if version < latest {
            // Waits until a migration by another process has ended, and reads the version after it.
            let lock = "SELECT version FROM {s}.version WHERE id = 1 FOR UPDATE";
            version = get(super::rows::first(&transaction.run_one(Statement::new(lock)).await?)?, 0)?;
        }
        if version > latest {
            return Err(Error::store(format!(
                "the schema has version {version}, and this version of headcount supports up to {latest}: update headcount"
            ))
            .with_context("schema", schema)
            .into());
        }
        let missing = MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or(0));
        let mut statements: Vec<Statement> = missing.map(|text| Statement::script(*text)).collect();
        if !statements.is_empty() {
            statements.push(Statement::new("UPDATE {s}.version SET version = $1").with(latest));
        }
        Ok::<_, Failure>(statements)
    };
    match result.await {
        Ok(statements) => transaction
            .end(&statements, Flush::Now)
            .await
            .map(drop)
            .map_err(|failure| not_permitted(failure, schema, role)),
        Err(failure) => {
            transaction.roll_back().await;
            Err(not_permitted(failure, schema, role))
        }
    }
}
