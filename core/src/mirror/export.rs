//! Exports: users as CSV or as lines of JSON, for reviews of who has access.

use super::history::rows_of;
use super::past::Past;
use super::{Mirror, MirrorUsers};
use crate::record::{ExportFormat, MirrorUser, Mirrored};
use crate::store::Keys;
use crate::{Error, Result, Timestamp};
use futures_util::stream::BoxStream;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

/// The columns of the CSV format, which are also the keys of the JSON format. Applications and spreadsheets rely on the names and their order: a new one
/// is added at the end.
const COLUMNS: [&str; 12] = [
    "at",
    "organization_id",
    "directory_id",
    "user_id",
    "email",
    "given_name",
    "family_name",
    "active",
    "roles",
    "groups",
    "group_ids",
    "linked_id",
];

/// What joins several roles or groups in a cell.
const SEPARATOR: &str = "; ";

/// A user in an export.
#[derive(Serialize)]
struct Line<'a> {
    at: Timestamp,
    organization_id: &'a str,
    directory_id: &'a str,
    user_id: &'a str,
    email: &'a str,
    given_name: &'a str,
    family_name: &'a str,
    active: bool,
    roles: &'a [String],
    groups: Vec<&'a str>,
    group_ids: &'a [String],
    linked_id: Option<&'a str>,
}

/// Users as text, in pieces; made by [`MirrorUsers::export`]. Read with [`next`](Export::next) or as a [`stream`](Export::stream).
#[derive(Clone)]
pub struct Export {
    mirror: Mirror,
    users: MirrorUsers,
    format: ExportFormat,
    /// The time whose state is exported, once the first page was read.
    at: Option<Timestamp>,
    /// Names of groups, by id. A group that is not known has its id as its name.
    names: HashMap<String, String>,
    has_ended: bool,
}

impl Export {
    pub(super) fn new(mirror: Mirror, users: MirrorUsers, format: ExportFormat) -> Export {
        Export { mirror, users, format, at: None, names: HashMap::new(), has_ended: false }
    }

    /// Returns the next piece of the text, or `None` after the last one. A piece has whole lines, of 500 users at most; the first one of a CSV has the header.
    /// All pieces together are the export.
    ///
    /// The future may be dropped: no piece is lost, because the next call returns it.
    ///
    /// # Errors
    ///
    /// As [`MirrorUsers::next`].
    pub async fn next(&mut self) -> Result<Option<String>> {
        if self.has_ended {
            return Ok(None);
        }
        // A clone is read, so that nothing is lost if this future is dropped.
        let mut users = self.users.clone();
        let page = users.next_page().await?;
        let is_first = self.at.is_none();
        let at = self.at.or(users.past().map(Past::moment)).unwrap_or_else(|| self.mirror.now());
        let names = self.new_names(&page, users.past()).await?;
        self.names.extend(names);
        let text = match self.format {
            ExportFormat::Csv => self.csv(&page, at, is_first)?,
            ExportFormat::Ndjson => self.ndjson(&page, at)?,
        };
        (self.users, self.at, self.has_ended) = (users, Some(at), page.is_empty());
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// Returns the pieces as a stream, which ends after the first error.
    pub fn stream(self) -> BoxStream<'static, Result<String>> {
        Box::pin(futures_util::stream::try_unfold(self, async |mut export| {
            Ok(export.next().await?.map(|text| (text, export)))
        }))
    }

    /// Reads the names of those groups of the users that are not known yet: in the past, or at present.
    async fn new_names(&self, users: &[MirrorUser], past: Option<&Past>) -> Result<HashMap<String, String>> {
        let ids: BTreeSet<String> =
            users.iter().flat_map(|user| &user.group_ids).filter(|id| !self.names.contains_key(*id)).cloned().collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let store = self.mirror.store();
        // The groups are read before the history, so that the history has all changes of theirs.
        let mut set = store.load(Keys { groups: ids.clone(), ..Keys::default() }).await?;
        let mut history = match past {
            Some(_) => rows_of(store, &ids, 0).await?,
            None => HashMap::new(),
        };
        let mut names = HashMap::new();
        for id in ids {
            // The deletion of a group whose members are being removed is not in the feed yet.
            let present = set.groups.remove(&id).filter(|row| row.is_live() || row.leaving);
            let present = present.map(|row| Mirrored::Group(row.group));
            let state = match past {
                Some(past) => past.state(&history.remove(&id).unwrap_or_default(), present)?,
                None => present,
            };
            let name = match state {
                Some(Mirrored::Group(group)) if !group.display_name.is_empty() => group.display_name,
                _ => id.clone(),
            };
            names.insert(id, name);
        }
        Ok(names)
    }

    fn line<'a>(&'a self, user: &'a MirrorUser, at: Timestamp) -> Line<'a> {
        let name = |id: &'a String| self.names.get(id).unwrap_or(id).as_str();
        Line {
            at,
            organization_id: &user.organization_id,
            directory_id: &user.directory_id,
            user_id: &user.id,
            email: &user.email,
            given_name: &user.given_name,
            family_name: &user.family_name,
            active: user.active,
            roles: &user.roles,
            groups: user.group_ids.iter().map(name).collect(),
            group_ids: &user.group_ids,
            linked_id: user.linked_id.as_deref(),
        }
    }

    fn csv(&self, users: &[MirrorUser], at: Timestamp, has_header: bool) -> Result<String> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        if has_header {
            writer.write_record(COLUMNS).map_err(not_written)?;
        }
        for user in users {
            let line = self.line(user, at);
            let (at, roles, groups) = (line.at.to_string(), line.roles.join(SEPARATOR), line.groups.join(SEPARATOR));
            let group_ids = line.group_ids.join(SEPARATOR);
            let cells: [&str; COLUMNS.len()] = [
                &at,
                line.organization_id,
                line.directory_id,
                line.user_id,
                line.email,
                line.given_name,
                line.family_name,
                if line.active { "true" } else { "false" },
                &roles,
                &groups,
                &group_ids,
                line.linked_id.unwrap_or_default(),
            ];
            writer.write_record(cells.map(without_formula)).map_err(not_written)?;
        }
        let bytes = writer.into_inner().map_err(|error| not_written(error.into_error()))?;
        String::from_utf8(bytes).map_err(not_written)
    }

    fn ndjson(&self, users: &[MirrorUser], at: Timestamp) -> Result<String> {
        let mut text = String::new();
        for user in users {
            text.push_str(&serde_json::to_string(&self.line(user, at)).map_err(not_written)?);
            text.push('\n');
        }
        Ok(text)
    }
}

/// Returns a cell that spreadsheets do not take for a formula. Names in a directory come from other companies: a formula among them could send the
/// contents of the sheet elsewhere when the sheet is opened.
fn without_formula(text: &str) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

fn not_written(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::internal("an exported user cannot be written").with_source(error)
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export").field("format", &self.format).finish_non_exhaustive()
    }
}

impl MirrorUsers {
    /// Returns these users as text, for reviews of who has access: those of now ([`Mirror::users`]) or of a past time ([`Mirror::at`]), with the conditions
    /// that are set.
    ///
    /// Each user has the columns, or keys, `at` (the time whose state it is, RFC 3339 in UTC), `organization_id`, `directory_id`, `user_id`, `email`,
    /// `given_name`, `family_name`, `active`, `roles`, `groups` (their names at that time), `group_ids` (in the same order) and `linked_id`. A later version may
    /// add columns at the end. The text is UTF-8. The users are read page by page, so that memory does not grow with their number, only with the
    /// number of their groups.
    ///
    /// Nothing is read before the first call of [`next`](Export::next).
    pub fn export(self, format: ExportFormat) -> Export {
        Export::new(self.mirror().clone(), self, format)
    }
}
