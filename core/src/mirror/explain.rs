//! Explains why a user has or lost access.

use super::Mirror;
use super::decide::{Present, RoleMap, explain_roles, outlook, outlook_if_erased};
use super::history::NewestEntries;
use crate::record::{
    Approval, EnvironmentRow, EventQuery, ExplainedChange, Explanation, HistoryEntry, Hold, HoldId, ReceivedEvent,
    Retirement, Run, RunQuery, UserRow, UserState, WorkingSet,
};
use crate::store::Keys;
use crate::{Error, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The most changes of an explanation.
const MOST_CHANGES: usize = 1_000;

/// The most events of an explanation.
const MOST_EVENTS: usize = 100;

/// How many events are read at a time.
const PAGE: usize = 1_000;

/// The most runs that are read at once, which is the most that [`Mirror::runs`] returns.
const MOST_RUNS: usize = 10_000;

/// The greatest length of an id in bytes. The vendor's ids are much shorter.
const MAX_ID: usize = 255;

/// The records of the causes of changes, by their ids.
#[derive(Default)]
struct Causes {
    /// By id and directory. The directory is empty for one of the runs that are not of the changed user's directory.
    runs: HashMap<(String, String), Run>,
    events: HashMap<String, ReceivedEvent>,
    approvals: HashMap<String, Approval>,
    retirements: HashMap<String, Retirement>,
}

impl Mirror {
    /// Explains why a user has or lost access: the user as mirrored now or the removal, the groups and the entries of the role map that give each role,
    /// the changes with the sync, event, approval or retirement that caused each of them, the events about the user that changed nothing or wait and why,
    /// the open holds, and what would take access away or bring the user back. [`Explanation::text`] returns it as text for a ticket.
    ///
    /// A user whom the application has [erased](Mirror::erase_user) has the state [`Erased`](UserState::Erased). A user of whom the mirror knows nothing has the state [`Unknown`](UserState::Unknown); events about such a user, for example pending ones, are
    /// listed nevertheless. The changes come from the [history](Mirror::history): if the mirror keeps none, there are none.
    ///
    /// For a user of one directory, it reads the store at most thirteen times, and once more for every further 200 changes of the user in the history and
    /// 1,000 events about the user. Memory is bounded by the newest 1,000 changes. The parts are read one after another: a write at the same time may be in some of them.
    ///
    /// The future may be dropped: it only reads, except that it may take changes of the feed into the history, as reading the history does.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if the id is empty or longer than 255 bytes;
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn explain(&self, user_id: &str) -> Result<Explanation> {
        check_id(user_id)?;
        // The row is read before the history, so that the history has all changes of it.
        let set = self.store().load(Keys { users: [user_id.to_owned()].into(), ..Keys::default() }).await?;
        let row = set.users.get(user_id);
        let user = row.filter(|row| row.is_live()).map(|row| row.user.clone());
        let newest = match set.settings.in_force().history.is_zero() {
            true => NewestEntries::default(),
            false => self.newest_entries(user_id, user.clone(), MOST_CHANGES).await?,
        };
        let (events, applied) = self.events_about(user_id, &newest.entries).await?;
        let state = match (&user, row, newest.entries.last()) {
            (Some(_), ..) => UserState::Present,
            // A tombstone is kept for a week, and the history longer.
            (None, Some(_), _) | (None, None, Some(_)) => UserState::Removed,
            (None, None, None) => UserState::Unknown,
        };
        let has_kind = |entry: &&HistoryEntry, kind: &str| entry.kinds.iter().any(|known| known == kind);
        let removal = newest.entries.iter().rfind(|entry| has_kind(entry, "user.deleted"));
        let removed_at = row.and_then(|row| row.trail.deleted_at).or_else(|| removal.map(|entry| entry.at));
        let place = |of_row: fn(&UserRow) -> &String, of_entry: fn(&HistoryEntry) -> &String| {
            let id = row.map(of_row).or_else(|| newest.entries.last().map(of_entry));
            id.filter(|id| !id.is_empty()).cloned()
        };
        let organization_id = place(|row| &row.user.organization_id, |entry| &entry.organization_id);
        let state = self.state_if_erased(user_id, organization_id.as_deref(), &set.environment).await?.unwrap_or(state);
        let mut explanation = Explanation {
            user_id: user_id.to_owned(),
            state,
            user,
            organization_id,
            directory_id: place(|row| &row.user.directory_id, |entry| &entry.directory_id),
            removed_at: removed_at.filter(|_| state == UserState::Removed),
            roles: Vec::new(),
            is_complete: newest.is_whole
                && newest.entries.first().is_some_and(|entry| has_kind(&entry, "user.created")),
            changes: Vec::new(),
            history_since: newest.starts_at,
            events,
            holds: Vec::new(),
            outlook: Vec::new(),
        };
        self.explain_changes(&mut explanation, newest.entries, applied).await?;
        self.explain_present(&mut explanation, row, &set).await?;
        Ok(explanation)
    }

    /// Returns the state of a user whom the application has erased, or whose organization it has forgotten; `None` for other users.
    async fn state_if_erased(
        &self,
        user_id: &str,
        organization_id: Option<&str>,
        environment: &EnvironmentRow,
    ) -> Result<Option<UserState>> {
        let Some(key) = &environment.erasure_key else { return Ok(None) };
        let user = key.mark_of_user(user_id);
        let organization = organization_id.filter(|_| environment.has_forgotten).map(|id| key.mark_of_organization(id));
        let erasures = organization.iter().chain([&user]).cloned().collect();
        let found = self.store().load(Keys { erasures, ..Keys::default() }).await?.erasures;
        Ok(if found.contains_key(&user) {
            Some(UserState::Erased)
        } else {
            organization.filter(|mark| found.contains_key(mark)).map(|_| UserState::Forgotten)
        })
    }

    /// Explains what the mirror has of a user now: roles, holds, and what would change them.
    async fn explain_present(
        &self,
        explanation: &mut Explanation,
        row: Option<&UserRow>,
        set: &WorkingSet,
    ) -> Result<()> {
        let directory_id = explanation.directory_id.clone().unwrap_or_default();
        let keys = Keys { directories: [directory_id.clone()].into(), retirements: true, ..Keys::default() };
        let place = self.store().load(keys).await?;
        let live = row.filter(|row| row.is_live());
        let number = live.and_then(|row| row.held.as_ref()).map(|held| held.hold);
        let names_user = |hold: &Hold| number.is_some() && HoldId::parse(&hold.id).map(|id| id.number) == number;
        if let Some(row) = live {
            explanation.roles = explain_roles(&RoleMap::parse(set.role_map.as_deref())?, row, &set.groups);
            let holds = self.read_holds(explanation.organization_id.as_deref(), None).await?;
            let concerns =
                |hold: &Hold| names_user(hold) || (hold.reason.is_of_directory() && hold.directory_id == directory_id);
            explanation.holds = holds.into_iter().filter(concerns).collect();
        }
        if let Some(sentence) = outlook_if_erased(explanation.state) {
            explanation.outlook = vec![sentence.to_owned()];
            return Ok(());
        }
        let is_retiring = |order: &Retirement| order.directory_id == directory_id && order.ended_at.is_none();
        explanation.outlook = outlook(&Present {
            row,
            directory: place.directories.get(&directory_id),
            is_retiring: place.retirements.iter().any(is_retiring),
            hold: explanation.holds.iter().find(|hold| names_user(hold)),
            events: &explanation.events,
            settings: &set.settings.in_force(),
            now: self.now(),
        });
        Ok(())
    }

    /// Reads the newest events about a user that say why they changed nothing, [`MOST_EVENTS`] at most; and those that caused these changes of the user.
    async fn events_about(
        &self,
        user_id: &str,
        entries: &[HistoryEntry],
    ) -> Result<(Vec<ReceivedEvent>, HashMap<String, ReceivedEvent>)> {
        let mut wanted = causes(entries, "event");
        let (mut without_effect, mut applied) = (Vec::new(), HashMap::new());
        let mut before = None;
        loop {
            let subject_id = Some(user_id.to_owned());
            let page = self.events(EventQuery { subject_id, before, limit: PAGE, ..EventQuery::default() }).await?;
            let is_last = page.len() < PAGE;
            before = page.last().map(|event| event.number);
            for event in page {
                if wanted.remove(event.id.as_str()) {
                    applied.insert(event.id.clone(), event.clone());
                }
                if event.why.is_some() && without_effect.len() < MOST_EVENTS {
                    without_effect.push(event);
                }
            }
            if is_last || without_effect.len() == MOST_EVENTS {
                break;
            }
        }
        // The other causes are events about groups of the user, and events that are no longer kept.
        if !wanted.is_empty() {
            let ids = Some(wanted.into_iter().map(str::to_owned).collect());
            let events = self.events(EventQuery { ids, limit: MOST_CHANGES, ..EventQuery::default() }).await?;
            applied.extend(events.into_iter().map(|event| (event.id.clone(), event)));
        }
        Ok((without_effect, applied))
    }

    /// Sets the changes of an explanation, each with the record of its cause. `events` has the events among the causes.
    async fn explain_changes(
        &self,
        explanation: &mut Explanation,
        entries: Vec<HistoryEntry>,
        events: HashMap<String, ReceivedEvent>,
    ) -> Result<()> {
        let mut causes = Causes { events, runs: self.runs_of(&entries).await?, ..Causes::default() };
        if entries.iter().any(|entry| entry.cause.starts_with("approval:")) {
            let organizations: BTreeSet<&str> = entries.iter().map(|entry| entry.organization_id.as_str()).collect();
            for id in organizations {
                let approvals = self.approvals(Some(id)).await?;
                causes.approvals.extend(approvals.into_iter().map(|approval| (approval.id.clone(), approval)));
            }
        }
        if entries.iter().any(|entry| entry.cause.starts_with("retire:")) {
            let retirements = self.retirements().await?;
            causes.retirements.extend(retirements.into_iter().map(|order| (order.id.clone(), order)));
        }
        explanation.changes = entries.into_iter().map(|entry| causes.explain(entry)).collect();
        Ok(())
    }

    /// Reads the runs of the syncs that caused these changes, as [`Causes`] has them.
    async fn runs_of(&self, entries: &[HistoryEntry]) -> Result<HashMap<(String, String), Run>> {
        let mut by_directory: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (entry, id) in entries.iter().filter_map(|entry| Some((entry, cause(entry, "sync")?))) {
            by_directory.entry(entry.directory_id.as_str()).or_default().insert(id);
        }
        let mut found = HashMap::new();
        let mut others = BTreeSet::new();
        for (directory_id, ids) in by_directory {
            let query = RunQuery {
                ids: Some(ids.iter().map(|id| (*id).to_owned()).collect()),
                directory_id: Some(directory_id.to_owned()),
                limit: MOST_CHANGES,
                ..RunQuery::default()
            };
            let runs = self.runs(query).await?;
            found.extend(runs.into_iter().map(|run| ((run.id.clone(), directory_id.to_owned()), run)));
            others
                .extend(ids.into_iter().filter(|id| !found.contains_key(&((*id).to_owned(), directory_id.to_owned()))));
        }
        // A sync of another directory that removed or renamed a group of the user, or a run that is no longer kept.
        if !others.is_empty() {
            let ids = Some(others.into_iter().map(str::to_owned).collect());
            let runs = self.runs(RunQuery { ids, limit: MOST_RUNS, ..RunQuery::default() }).await?;
            found.extend(runs.into_iter().map(|run| ((run.id.clone(), String::new()), run)));
        }
        Ok(found)
    }
}

impl Causes {
    /// Adds the record of its cause to a change.
    fn explain(&self, entry: HistoryEntry) -> ExplainedChange {
        let run = cause(&entry, "sync").and_then(|id| {
            let of = |directory_id: &str| self.runs.get(&(id.to_owned(), directory_id.to_owned()));
            of(&entry.directory_id).or_else(|| of("")).cloned()
        });
        ExplainedChange {
            run,
            event: cause(&entry, "event").and_then(|id| self.events.get(id).cloned()),
            approval: cause(&entry, "approval").and_then(|id| self.approvals.get(id).cloned()),
            retirement: cause(&entry, "retire").and_then(|id| self.retirements.get(id).cloned()),
            entry,
        }
    }
}

/// Returns the id in the cause of a change, or `None` if the cause is of another kind.
fn cause<'a>(entry: &'a HistoryEntry, kind: &str) -> Option<&'a str> {
    entry.cause.strip_prefix(kind)?.strip_prefix(':')
}

/// Returns the ids in the causes of this kind, each once.
fn causes<'a>(entries: &'a [HistoryEntry], kind: &str) -> BTreeSet<&'a str> {
    entries.iter().filter_map(|entry| cause(entry, kind)).collect()
}

fn check_id(user_id: &str) -> Result<()> {
    if (1..=MAX_ID).contains(&user_id.len()) {
        return Ok(());
    }
    Err(Error::invalid_argument(format!(
        "expected the id of a directory user (diruser_…) of 1 to {MAX_ID} bytes, got one of {}",
        user_id.len()
    )))
}
