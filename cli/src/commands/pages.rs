//! What several listings share: which organizations they are about, and tables and JSON of users.

use crate::context::Context;
use crate::failure::Failure;
use crate::table::Table;
use headcount::mirror::MirrorUsers;
use headcount::{Mirror, MirrorUser};
use std::collections::BTreeSet;

/// Number of rows of a table whose columns are fitted together. A longer listing is several tables below each other, so that it is not kept in memory.
const ROWS: usize = 500;

/// Returns the given organization, or all organizations that the mirror has, sorted by id.
///
/// # Errors
///
/// Those of [`Mirror::directories`].
pub(crate) async fn organizations(mirror: &Mirror, given: Option<String>) -> Result<Vec<String>, Failure> {
    if let Some(organization) = given {
        return Ok(vec![organization]);
    }
    let directories = mirror.directories(None).await?;
    let ids: BTreeSet<String> = directories.into_iter().map(|directory| directory.organization_id).collect();
    Ok(ids.into_iter().collect())
}

/// Writes rows: each as JSON, or in a table with a header.
pub(crate) struct Rows<'a> {
    context: &'a Context,
    header: &'static [&'static str],
    table: Table,
    rows: usize,
    /// Whether a table was written.
    has_written: bool,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(context: &'a Context, header: &'static [&'static str]) -> Rows<'a> {
        Rows { context, header, table: Table::new(header), rows: 0, has_written: false }
    }

    /// Adds a row, and its cells in the table.
    ///
    /// # Errors
    ///
    /// If stdout cannot be written.
    pub(crate) fn add<T: serde::Serialize>(
        &mut self,
        row: &T,
        cells: impl FnOnce(&T) -> Vec<String>,
    ) -> Result<(), Failure> {
        if self.context.output.is_json() {
            return self.context.output.json(row);
        }
        self.table.add(cells(row));
        self.rows += 1;
        if self.rows.is_multiple_of(ROWS) { self.write() } else { Ok(()) }
    }

    /// Writes the rows that are left. Without any row, writes to stderr that there are none of `what`.
    ///
    /// # Errors
    ///
    /// If stdout cannot be written.
    pub(crate) fn end(mut self, what: &str) -> Result<(), Failure> {
        if self.rows == 0 && !self.context.output.is_json() {
            self.context.output.note(&format!("no {what}"));
        }
        self.write()
    }

    fn write(&mut self) -> Result<(), Failure> {
        let table = std::mem::replace(&mut self.table, Table::new(self.header));
        if table.is_empty() {
            return Ok(());
        }
        if self.has_written {
            self.context.output.line("")?;
        }
        self.has_written = true;
        self.context.output.table(&table)
    }
}

/// The columns of a table of users.
pub(crate) const USER_COLUMNS: &[&str] = &["USER", "NAME", "EMAIL", "ACTIVE", "ROLES", "GROUPS", "ACCOUNT"];

/// Returns the cells of a user in a table with [`USER_COLUMNS`].
pub(crate) fn user_cells(user: &MirrorUser) -> Vec<String> {
    vec![
        user.id.clone(),
        name_of(user),
        user.email.clone(),
        if user.active { "yes" } else { "no" }.to_owned(),
        user.roles.join(", "),
        user.group_ids.len().to_string(),
        user.linked_id.clone().unwrap_or_default(),
    ]
}

/// Returns the name of a user as it is written in text.
pub(crate) fn name_of(user: &MirrorUser) -> String {
    format!("{} {}", user.given_name, user.family_name).trim().to_owned()
}

/// Adds all users of an iterator.
///
/// # Errors
///
/// Those of [`MirrorUsers::next_page`], and if stdout cannot be written.
pub(crate) async fn add_users(rows: &mut Rows<'_>, mut users: MirrorUsers) -> Result<(), Failure> {
    loop {
        let page = users.next_page().await?;
        if page.is_empty() {
            return Ok(());
        }
        for user in &page {
            rows.add(user, user_cells)?;
        }
    }
}
