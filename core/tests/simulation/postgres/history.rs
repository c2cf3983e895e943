//! The history: `core/src/store/postgres/history.rs`.

use super::client::Database;
use super::pages::{durable, later, read_one};
use super::server::{Access, Flush, Statement};
use super::tables::{COUNTER, HISTORY, HISTORY_MARK, Key, MARK};
use headcount::store::{HistoryDay, HistoryFilter, HistoryMark, HistoryPage, HistoryRow, TakenHistory};
use headcount::{Result, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// `history::select_mark`.
fn select_mark(access: &Access<'_>) -> HistoryMark {
    let (taken, starts_at) = access.row(HISTORY_MARK, 1).copied().unwrap_or_default();
    let latest = access.row(COUNTER, 1).copied().unwrap_or(0);
    HistoryMark {
        taken,
        latest,
        durable: durable(access).min(latest),
        trimmed: access.row(MARK, 1).map_or(0, |(trimmed, _)| *trimmed),
        starts_at,
    }
}

/// `history::mark`.
pub(super) async fn mark(database: &Database) -> Result<HistoryMark> {
    read_one(database, "SELECT history_mark", select_mark).await
}

/// `history::take`.
pub(super) async fn take(database: &Database, taken: &TakenHistory) -> Result<bool> {
    let make = || {
        let TakenHistory { after, taken, rows, starts_at, restarts } = taken.clone();
        let (statement, answer) = Statement::new("INSERT INTO history", move |access| {
            // Without a row of the mark, only the first take inserts one.
            let is_known = access.row(HISTORY_MARK, 1).is_some_and(|(known, _)| *known == after);
            if after != 0 && !is_known {
                return Ok(false);
            }
            let known = access.lock_key(HISTORY_MARK, 1)?;
            if known.is_some_and(|(known, _)| known != after) {
                return Ok(false);
            }
            let kept = known.and_then(|(_, kept)| kept).filter(|_| !restarts);
            let removed: Vec<Key> = match restarts {
                true => access.rows(HISTORY).keys().cloned().collect(),
                false => Vec::new(),
            };
            for key in removed {
                if access.lock_row(HISTORY, key.clone())?.is_some() {
                    access.delete(HISTORY, key);
                }
            }
            for row in &rows {
                access.insert(HISTORY, row.seq, Arc::new(row.clone()))?;
            }
            access.put(HISTORY_MARK, 1, (taken, kept.or(starts_at)));
            Ok(true)
        });
        (vec![statement], move || answer.take())
    };
    database.change(make, Flush::Now).await
}

fn page<'a>(access: &Access<'_>, rows: impl Iterator<Item = &'a Arc<HistoryRow>>) -> HistoryPage {
    HistoryPage { rows: rows.map(|row| HistoryRow::clone(row)).collect(), mark: select_mark(access) }
}

/// `history::page`.
pub(super) async fn select(
    database: &Database,
    filter: HistoryFilter,
    after: i64,
    limit: usize,
) -> Result<HistoryPage> {
    let read = move |access: &Access<'_>| {
        let HistoryFilter { organization_id, subject_id, removals } = &filter;
        let wanted = later(access.rows(HISTORY), after).map(|(_, row)| row).filter(|row| {
            organization_id.as_ref().is_none_or(|id| row.organization_id == *id)
                && subject_id.as_ref().is_none_or(|id| row.subject_id == *id)
                && (!removals || row.is_removal)
        });
        page(access, wanted.take(limit))
    };
    read_one(database, "SELECT history", read).await
}

/// `history::days`. The kinds of the changes are the first text in the stored form.
pub(super) async fn days(database: &Database, since: Timestamp) -> Result<Vec<HistoryDay>> {
    let read = move |access: &Access<'_>| {
        let rows = access.rows(HISTORY);
        let earlier = rows.values().rev().find(|row| row.at < since).map_or(0, |row| row.seq);
        let mut days: BTreeMap<i64, HistoryDay> = BTreeMap::new();
        for (_, row) in later(rows, earlier) {
            let day = row.at.as_second().div_euclid(86_400);
            let counted = days.entry(day).or_insert(HistoryDay { day, ..HistoryDay::default() });
            counted.rows += 1;
            counted.deleted += u64::from(row.is_removal);
            counted.created += u64::from(row.body.split('"').nth(3).is_some_and(|kinds| kinds.contains('c')));
        }
        days.into_values().collect()
    };
    read_one(database, "SELECT days of history", read).await
}

/// `history::of`.
pub(super) async fn of(database: &Database, subject_ids: BTreeSet<String>, after: i64) -> Result<HistoryPage> {
    let read = move |access: &Access<'_>| {
        let rows = later(access.rows(HISTORY), after).map(|(_, row)| row);
        let mut wanted: Vec<_> = rows.filter(|row| subject_ids.contains(&row.subject_id)).collect();
        wanted.sort_by_key(|row| (&row.subject_id, row.seq));
        page(access, wanted.into_iter())
    };
    read_one(database, "SELECT history of subjects", read).await
}
