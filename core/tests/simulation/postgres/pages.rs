//! Pages of rows: `core/src/store/postgres/pages.rs` and `feed.rs`.

use super::Mistake;
use super::client::Database;
use super::server::{Access, Statement};
use super::tables::{
    APPROVAL, CHANGE, CONSUMER, COUNTER, DIRECTORY, DURABLE, EVENT, GROUPS, HOLD, Key, MARK, PARKED_CHANGE, PENDING,
    RUN, USERS,
};
use headcount::mirror::{Approval, EventQuery, ParkedChange, RunQuery};
use headcount::store::{
    ConsumerRow, DirectoryCounts, DirectoryRow, Entry, EntryPage, EventRow, EventState, FeedMarks, FeedPage, GroupRow,
    HoldRow, RunRow, UserFilter, UserRow, email_key,
};
use headcount::{Change, Result, Timestamp};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// A page of events ends once their bodies have this many bytes.
const EVENT_BYTES: usize = 4 << 20;

/// Returns the rows whose numbers are greater than `after`.
pub(super) fn later<V>(rows: &BTreeMap<Key, V>, after: i64) -> impl Iterator<Item = (&Key, &V)> {
    rows.range((Bound::Excluded(Key::Number(after)), Bound::Unbounded))
}

/// Runs a statement that reads.
pub(super) async fn read_one<T: Send + 'static>(
    database: &Database,
    name: &'static str,
    read: impl Fn(&Access<'_>) -> T + Clone + Send + 'static,
) -> Result<T> {
    database
        .read(|| {
            let read = read.clone();
            let (statement, answer) = Statement::new(name, move |access| Ok(read(access)));
            (vec![statement], move || answer.take())
        })
        .await
}

/// `pages::select_users`.
pub(super) fn select_users(access: &Access<'_>, filter: &UserFilter, after: i64, limit: usize) -> Vec<UserRow> {
    let UserFilter { organization_id, directory_id, email, group_id, hold, removed } = filter;
    let email = email.as_deref().map(email_key);
    let wanted = later(access.rows(USERS), after).map(|(_, row)| row).filter(|row| {
        (*removed || row.is_live())
            && organization_id.as_ref().is_none_or(|id| row.user.organization_id == *id)
            && directory_id.as_ref().is_none_or(|id| row.user.directory_id == *id)
            && email.as_ref().is_none_or(|email| email_key(&row.user.email) == *email)
            && group_id.as_ref().is_none_or(|id| row.told_groups.contains(id))
            && hold.is_none_or(|hold| row.held.as_ref().is_some_and(|held| hold.names(held)))
    });
    wanted.take(limit).map(|row| UserRow::clone(row)).collect()
}

/// Returns the row of a hold with the number of its users: `rows::HOLD`.
pub(super) fn with_count(access: &Access<'_>, row: &HoldRow) -> HoldRow {
    let users = access.rows(USERS).values();
    let count = match row.reason.is_of_directory() {
        true => users.filter(|user| user.is_live() && user.user.directory_id == row.directory_id).count(),
        false => users.filter(|user| user.held.as_ref().is_some_and(|held| held.hold == row.number)).count(),
    };
    HoldRow { count: count as u64, ..row.clone() }
}

pub(super) async fn users(database: &Database, filter: UserFilter, after: i64, limit: usize) -> Result<Vec<UserRow>> {
    read_one(database, "SELECT page of users", move |access| select_users(access, &filter, after, limit)).await
}

pub(super) async fn groups(
    database: &Database,
    directory_id: Option<String>,
    after: i64,
    limit: usize,
) -> Result<Vec<GroupRow>> {
    let read = move |access: &Access<'_>| {
        let live = later(access.rows(GROUPS), after).map(|(_, row)| row).filter(|row| row.is_live());
        let wanted = live.filter(|row| directory_id.as_ref().is_none_or(|id| row.group.directory_id == *id));
        wanted.take(limit).map(|row| GroupRow::clone(row)).collect()
    };
    read_one(database, "SELECT page of groups", read).await
}

pub(super) async fn directories(database: &Database, organization_id: Option<String>) -> Result<Vec<DirectoryRow>> {
    let read = move |access: &Access<'_>| {
        let rows = access.rows(DIRECTORY).values();
        let is_wanted =
            |row: &&DirectoryRow| organization_id.as_ref().is_none_or(|id| row.directory.organization_id == *id);
        rows.filter(is_wanted).cloned().collect()
    };
    read_one(database, "SELECT directories", read).await
}

pub(super) async fn holds(
    database: &Database,
    organization_id: Option<String>,
    directory_id: Option<String>,
) -> Result<Vec<HoldRow>> {
    let read = move |access: &Access<'_>| {
        let wanted = access.rows(HOLD).values().filter(|row| {
            organization_id.as_ref().is_none_or(|id| row.organization_id == *id)
                && directory_id.as_ref().is_none_or(|id| row.directory_id == *id)
        });
        wanted.map(|row| with_count(access, row)).filter(|row| row.count > 0).collect()
    };
    read_one(database, "SELECT open holds", read).await
}

pub(super) async fn approvals(database: &Database, organization_id: Option<String>) -> Result<Vec<Approval>> {
    let read = move |access: &Access<'_>| {
        let is_wanted = |row: &&Approval| organization_id.as_ref().is_none_or(|id| row.organization_id == *id);
        let mut rows: Vec<Approval> = access.rows(APPROVAL).values().filter(is_wanted).cloned().collect();
        rows.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        rows
    };
    read_one(database, "SELECT approvals", read).await
}

pub(super) async fn leavers(database: &Database, until: Timestamp, limit: usize) -> Result<Vec<UserRow>> {
    let read = move |access: &Access<'_>| {
        let rows = access.rows(USERS).values().filter(|row| row.user.deletes_at.is_some_and(|at| at <= until));
        let mut rows: Vec<UserRow> = rows.map(|row| UserRow::clone(row)).collect();
        rows.sort_by_key(|row| (row.user.deletes_at, row.number));
        rows.truncate(limit);
        rows
    };
    read_one(database, "SELECT leavers", read).await
}

pub(super) async fn directory_counts(database: &Database) -> Result<Vec<DirectoryCounts>> {
    let read = |access: &Access<'_>| {
        let (users, groups) = (access.rows(USERS), access.rows(GROUPS));
        let count = |row: &DirectoryRow| {
            let id = &row.directory.id;
            let pending = access.row(PENDING, &row.directory.organization_id);
            DirectoryCounts {
                row: row.clone(),
                users: users.values().filter(|user| user.is_live() && user.user.directory_id == *id).count() as u64,
                leaving: users.values().filter(|user| user.is_leaving() && user.user.directory_id == *id).count()
                    as u64,
                groups: groups.values().filter(|group| group.is_live() && group.group.directory_id == *id).count()
                    as u64,
                pending_events: pending.map_or(0, |(events, _)| u64::try_from(*events).unwrap_or(0)),
            }
        };
        access.rows(DIRECTORY).values().map(count).collect()
    };
    read_one(database, "SELECT counts of directories", read).await
}

pub(super) async fn events(
    database: &Database,
    organization_id: String,
    state: EventState,
    after: i64,
    limit: usize,
) -> Result<Vec<(i64, EventRow)>> {
    let read = move |access: &Access<'_>| {
        let (mut found, mut bytes) = (Vec::new(), 0);
        for (key, row) in later(access.rows(EVENT), after) {
            if row.organization_id == organization_id && row.state == state {
                if found.len() >= limit || bytes >= EVENT_BYTES {
                    break;
                }
                bytes += row.body.as_ref().map_or(0, Vec::len);
                if let Key::Number(number) = key {
                    found.push((*number, (**row).clone()));
                }
            }
        }
        found
    };
    read_one(database, "SELECT page of events", read).await
}

pub(super) async fn received_events(database: &Database, query: EventQuery) -> Result<Vec<(i64, EventRow)>> {
    let EventQuery { ids, organization_id, subject_id, before, limit } = query;
    let read = move |access: &Access<'_>| {
        let numbered = access.rows(EVENT).iter().rev().filter_map(|(key, row)| match key {
            Key::Number(number) => Some((*number, row)),
            _ => None,
        });
        let wanted = numbered.filter(|(number, row)| {
            before.is_none_or(|before| *number < before)
                && ids.as_ref().is_none_or(|ids| ids.contains(&row.id))
                && organization_id.as_ref().is_none_or(|id| row.organization_id == *id)
                && subject_id.as_ref().is_none_or(|id| row.subject_id.as_ref() == Some(id))
        });
        wanted.take(limit).map(|(number, row)| (number, EventRow { body: None, ..(**row).clone() })).collect()
    };
    read_one(database, "SELECT received events", read).await
}

pub(super) async fn runs(database: &Database, query: RunQuery) -> Result<Vec<RunRow>> {
    let RunQuery { ids, organization_id, directory_id, before, limit } = query;
    let read = move |access: &Access<'_>| {
        let wanted = access.rows(RUN).values().rev().filter(|RunRow { run, .. }| {
            before.is_none_or(|before| run.number < before)
                && ids.as_ref().is_none_or(|ids| ids.contains(&run.id))
                && organization_id.as_ref().is_none_or(|id| run.organization_id == *id)
                && directory_id.as_ref().is_none_or(|id| run.directory_id == *id)
        });
        wanted.take(limit).cloned().collect()
    };
    read_one(database, "SELECT runs", read).await
}

/// `feed::expand`.
fn expand(entries: Vec<Arc<Entry>>, after: i64, limit: usize) -> Result<Vec<Change>> {
    let mut found = Vec::new();
    for entry in entries {
        if found.len() >= limit {
            break;
        }
        found.extend(Entry::clone(&entry).changes_after(after, limit - found.len())?);
    }
    Ok(found)
}

pub(super) fn select_entries(access: &Access<'_>, after: i64, limit: usize) -> Vec<Arc<Entry>> {
    later(access.rows(CHANGE), after).take(limit).map(|(_, entry)| Arc::clone(entry)).collect()
}

/// `feed::changes`.
pub(super) async fn changes(database: &Database, after: i64, limit: usize) -> Result<Vec<Change>> {
    if database.makes(Mistake::FeedReadsUncommitted) {
        let tables = database.server().uncommitted();
        let entries = later((CHANGE.of)(&tables), after).take(limit).map(|(_, entry)| Arc::clone(entry));
        return expand(entries.collect(), after, limit);
    }
    let entries = read_one(database, "SELECT change", move |access| select_entries(access, after, limit)).await?;
    expand(entries, after, limit)
}

/// Returns the greatest number that is recorded as durable.
pub(super) fn durable(access: &Access<'_>) -> i64 {
    access.rows(DURABLE).values().copied().max().unwrap_or(0)
}

/// The rows of `feed::entries`.
fn select_whole(access: &Access<'_>, after: i64, limit: usize) -> Vec<Entry> {
    let mut found = later(access.rows(CHANGE), after).map(|(_, entry)| entry).peekable();
    let end = found.peek().map_or(after, |first| first.last.max(after + limit as i64));
    found.take_while(|entry| entry.last <= end).map(|entry| Entry::clone(entry)).collect()
}

/// `feed::entries`.
pub(super) async fn entries(database: &Database, after: i64, limit: usize) -> Result<Vec<Entry>> {
    read_one(database, "SELECT entries", move |access| select_whole(access, after, limit)).await
}

/// The three reads of `feed::page` and `feed::entry_page`. `select` reads what is in the feed after a position, which it gets only if the consumer exists and
/// does not read a snapshot.
async fn page_of<T: Default + Send + 'static>(
    database: &Database,
    name: &str,
    select: impl Fn(&Access<'_>, i64) -> T + Clone + Send + 'static,
) -> Result<(Option<ConsumerRow>, T, FeedMarks)> {
    let (row, found, marks) = database
        .read(|| {
            let (select_marks, marks) = Statement::new("SELECT marks", |access| {
                let latest = access.row(COUNTER, 1).copied().unwrap_or(0);
                let trimmed = access.row(MARK, 1).map_or(0, |(trimmed, _)| *trimmed);
                Ok(FeedMarks { latest, durable: durable(access).min(latest), trimmed })
            });
            let own = name.to_owned();
            let (select_row, row) =
                Statement::new("SELECT consumer", move |access| Ok(access.row(CONSUMER, &own).cloned()));
            let (own, select) = (name.to_owned(), select.clone());
            let (select, found) = Statement::new("SELECT change of consumer", move |access| {
                let row = access.row(CONSUMER, &own).filter(|row| row.cursor >= 0);
                let seen = row.map(|row| row.seen());
                Ok(seen.map(|seen| select(access, seen)).unwrap_or_default())
            });
            let take = move || (row.take(), found.take(), marks.take());
            (vec![select_marks, select_row, select], take)
        })
        .await?;
    let marks = match database.makes(Mistake::HandedOutUnflushed) {
        true => FeedMarks { durable: marks.latest, ..marks },
        false => marks,
    };
    Ok((row, found, marks))
}

/// `feed::page`.
pub(super) async fn feed(database: &Database, name: String, after: Option<i64>, limit: usize) -> Result<FeedPage> {
    let after = after.unwrap_or(0).max(0);
    let select = move |access: &Access<'_>, seen: i64| select_entries(access, seen.max(after), limit);
    let (row, entries, marks) = page_of(database, &name, select).await?;
    let changes = match &row {
        Some(row) if row.cursor >= 0 && database.makes(Mistake::FeedReadsUncommitted) => {
            changes(database, row.seen().max(after), limit).await?
        }
        Some(row) if row.cursor >= 0 => expand(entries, row.seen().max(after), limit)?,
        _ => Vec::new(),
    };
    Ok(FeedPage { consumer: row, changes, marks })
}

/// `feed::entry_page`.
pub(super) async fn feed_entries(database: &Database, name: String, limit: usize) -> Result<EntryPage> {
    let select = move |access: &Access<'_>, seen: i64| select_whole(access, seen, limit);
    let (consumer, entries, marks) = page_of(database, &name, select).await?;
    Ok(EntryPage { consumer, entries, marks })
}

/// `consumers::all`.
pub(super) async fn consumers(database: &Database) -> Result<(Vec<(ConsumerRow, u64)>, i64)> {
    let read = |access: &Access<'_>| {
        let is_parked_by = |key: &Key, name: &str| matches!(key, Key::Parked(consumer, _) if consumer == name);
        let parked =
            |name: &str| access.rows(PARKED_CHANGE).keys().filter(|key| is_parked_by(key, name)).count() as u64;
        let rows = access.rows(CONSUMER).values().map(|row| (row.clone(), parked(&row.name))).collect();
        (rows, access.row(COUNTER, 1).copied().unwrap_or(0))
    };
    read_one(database, "SELECT consumers", read).await
}

/// `feed::parked_changes`.
pub(super) async fn parked_changes(database: &Database, name: String) -> Result<Vec<ParkedChange>> {
    let read = move |access: &Access<'_>| {
        let parked = access.rows(PARKED_CHANGE).iter();
        let own = parked.filter(|(key, _)| matches!(key, Key::Parked(consumer, _) if *consumer == name));
        own.map(|(_, row)| row.clone()).collect()
    };
    read_one(database, "SELECT parked_change", read).await
}
