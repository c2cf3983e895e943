//! Realtime: a webhook is verified, stored and applied in one step before it is answered.
//!
//! Events come late, twice and in any order. Each is a word about one user, group or directory at one moment, and the newest word wins: an
//! older one is stale, one that came before is a duplicate. An event says in which organization somebody is, not in which directory; where
//! that cannot be told yet, it waits for the next sync.

use super::feed::before;
use super::guard::BURST;
use super::step::{Step, UserWord};
use super::{Mirror, SKEW};
use crate::model::{RawJson, null_is_default};
use crate::record::{
    ChangeBody, ChangeKind, DirectoryRow, GuardSettings, Held, HeldReason, MirrorDirectory, MirrorGroup, MirrorUser,
    Outcome, Version,
};
use crate::store::{Durability, EventRow, EventState, write};
use crate::webhook::{DirectoryData, DirectoryGroupData, GroupReference, RoleReference};
use crate::{Event, EventType, Headers, Result, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

/// What a user event says. What it does not mention stays as it is.
#[derive(Deserialize)]
struct UserData {
    #[serde(default, deserialize_with = "null_is_default")]
    id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    organization_id: String,
    email: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    preferred_username: Option<String>,
    active: Option<bool>,
    groups: Option<Vec<GroupReference>>,
    roles: Option<Vec<RoleReference>>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Where an event came to be applied, and how strictly.
struct Applying<'e> {
    event: &'e Event,
    /// Whether the guard may hold it back.
    guard: Option<GuardSettings>,
}

impl Mirror {
    /// Takes a webhook: verifies it, stores it and applies it, durably when this returns. Answer 201 to any outcome and 400 to a
    /// [`WebhookVerification`](crate::ErrorKind::WebhookVerification) error; after any other error answer 500, so that it is sent again.
    ///
    /// # Errors
    ///
    /// As [`Webhook::verify`](crate::Webhook::verify); [`ErrorKind::Config`](crate::ErrorKind::Config) where there is no secret;
    /// [`ErrorKind::Store`](crate::ErrorKind::Store), and then nothing was stored.
    pub async fn receive(&self, headers: &(impl Headers + ?Sized), body: &[u8]) -> Result<Outcome> {
        let event = self.webhook()?.verify(headers, body)?;
        self.apply(&event).await
    }

    /// Takes an event that has been verified already, as [`receive`](Mirror::receive) does.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WebhookVerification`](crate::ErrorKind::WebhookVerification) where its data is not what its type says;
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn apply(&self, event: &Event) -> Result<Outcome> {
        if !is_mirrored(event.event_type()) {
            return Ok(Outcome::Ignored);
        }
        let (event, now, guard) = (event.clone(), self.now(), self.settings().guard);
        let (outcome, chores) = write(self.store(), Durability::Power, move |tx| {
            if tx.event(event.id())?.is_some() {
                return Ok((Outcome::Duplicate, false));
            }
            let mut step = Step::new(tx, &cause(&event), now)?;
            let state = Applying { event: &event, guard: Some(guard) }.run(&mut step)?;
            let chores = step.chores;
            store_event(tx, &event, now, &state)?;
            Ok((state.outcome(), chores))
        })
        .await?;
        self.tell_head();
        if chores {
            self.finish_chores().await?;
        }
        Ok(outcome)
    }

    /// Applies what has waited, now that a sync has told more; how many of the organization's events were settled. With `approved` those
    /// that the guard held back as well.
    pub(super) async fn retry_events(&self, organization_id: &str, approved: bool) -> Result<u64> {
        let (organization_id, now, guard) = (organization_id.to_owned(), self.now(), self.settings().guard);
        let (settled, chores) = write(self.store(), Durability::Power, move |tx| {
            let mut waiting = tx.events(&organization_id, EventState::Pending)?;
            if approved {
                waiting.extend(tx.events(&organization_id, EventState::Held)?);
            }
            let (mut settled, mut chores) = (0, false);
            for row in waiting {
                let Some(body) = &row.body else { continue };
                let event = Event::from_verified_body(body)?;
                let mut step = Step::new(tx, &cause(&event), now)?;
                let applying = Applying { event: &event, guard: Some(guard).filter(|_| !approved) };
                let state = applying.run(&mut step)?;
                chores |= step.chores;
                if matches!(state, Settled::Applied | Settled::Stale) {
                    settled += 1;
                }
                // It came in when it came in.
                store_event(tx, &event, row.received_at, &state)?;
            }
            Ok((settled, chores))
        })
        .await?;
        self.tell_head();
        if chores {
            self.finish_chores().await?;
        }
        Ok(settled)
    }
}

/// What an event came to.
enum Settled {
    Applied,
    Stale,
    Pending,
    Held(String),
}

impl Settled {
    fn outcome(&self) -> Outcome {
        match self {
            Settled::Applied => Outcome::Applied,
            Settled::Stale => Outcome::Stale,
            Settled::Pending => Outcome::Pending,
            Settled::Held(_) => Outcome::Held,
        }
    }
}

fn store_event(
    tx: &mut dyn crate::store::Transaction,
    event: &Event,
    received_at: Timestamp,
    state: &Settled,
) -> Result<()> {
    let (state, directory_id) = match state {
        Settled::Applied | Settled::Stale => (EventState::Settled, String::new()),
        Settled::Pending => (EventState::Pending, String::new()),
        Settled::Held(directory_id) => (EventState::Held, directory_id.clone()),
    };
    tx.put_event(&EventRow {
        id: event.id().to_owned(),
        organization_id: event.organization_id().to_owned(),
        directory_id,
        received_at,
        state,
        body: (state != EventState::Settled).then(|| event.body().to_vec()),
    })
}

fn cause(event: &Event) -> String {
    format!("event:{}", event.id())
}

fn is_mirrored(kind: &EventType) -> bool {
    use EventType::*;
    matches!(
        kind,
        OrganizationDirectoryUserCreated
            | OrganizationDirectoryUserUpdated
            | OrganizationDirectoryUserDeleted
            | OrganizationDirectoryGroupCreated
            | OrganizationDirectoryGroupUpdated
            | OrganizationDirectoryGroupDeleted
            | OrganizationDirectoryEnabled
            | OrganizationDirectoryDisabled
            | OrganizationDeleted
    )
}

impl Applying<'_> {
    fn run(&self, step: &mut Step<'_>) -> Result<Settled> {
        use EventType::*;
        match self.event.event_type() {
            OrganizationDirectoryUserDeleted => self.user_deleted(step),
            OrganizationDirectoryUserCreated | OrganizationDirectoryUserUpdated => self.user(step),
            OrganizationDirectoryGroupDeleted => self.group(step, false),
            OrganizationDirectoryGroupCreated | OrganizationDirectoryGroupUpdated => self.group(step, true),
            OrganizationDirectoryEnabled => self.directory(step, true),
            OrganizationDirectoryDisabled => self.directory(step, false),
            _ => self.organization_deleted(step),
        }
    }

    /// How new the event is. One from the future counts as of now, or nothing could be said of its subject until then.
    fn version(&self, now: Timestamp) -> Version {
        let latest = now.checked_add(SKEW).unwrap_or(Timestamp::MAX);
        Version { at: Some(self.event.occurred_at().min(latest)), event: self.event.id().to_owned() }
    }

    /// The event's organization. The envelope's counts: what is inside may be missing.
    fn organization<'a>(&'a self, inside: &'a str) -> &'a str {
        Some(self.event.organization_id()).filter(|id| !id.is_empty()).unwrap_or(inside)
    }

    fn user(&self, step: &mut Step<'_>) -> Result<Settled> {
        let data: UserData = self.data()?;
        let (version, row) = (self.version(step.now), step.tx.user(&data.id)?);
        let known = row.as_ref().map(|row| row.user.clone()).unwrap_or_default();
        let organization_id = Some(known.organization_id.clone())
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| self.organization(&data.organization_id).to_owned());
        let directory_id = match Some(known.directory_id.clone()).filter(|id| !id.is_empty()) {
            Some(id) => Some(id),
            None => only_directory(step, &organization_id)?,
        };
        // A word that comes too late for the user may still be the newest about a group.
        if let Some(directory_id) = &directory_id {
            for group in data.groups.iter().flatten().filter(|group| !group.id.is_empty()) {
                self.reference(step, group, &version, (&organization_id, directory_id))?;
            }
        }
        if row.as_ref().is_some_and(|row| version <= row.trail.version) {
            return Ok(Settled::Stale);
        }
        let Some(directory_id) = directory_id else { return Ok(Settled::Pending) };
        let told_groups = match &data.groups {
            None => row.as_ref().map(|row| row.told_groups.clone()).unwrap_or_default(),
            Some(groups) => groups.iter().map(|group| group.id.clone()).filter(|id| !id.is_empty()).collect(),
        };
        let is_new = row.as_ref().is_none_or(|row| !row.is_live());
        let user = MirrorUser {
            id: data.id,
            organization_id,
            directory_id,
            email: data.email.unwrap_or(known.email),
            given_name: data.given_name.unwrap_or(known.given_name),
            family_name: data.family_name.unwrap_or(known.family_name),
            preferred_username: data.preferred_username.unwrap_or(known.preferred_username),
            emails: known.emails,
            active: data.active.unwrap_or(is_new || known.active),
            vendor_roles: match data.roles {
                Some(roles) => sorted(roles.into_iter().map(|role| role.role_name).filter(|name| !name.is_empty())),
                None => known.vendor_roles,
            },
            updated_at: version.at,
            detail: known.detail,
            attributes: attributes(data.others)?,
            ..MirrorUser::default()
        };
        let listed = row.as_ref().is_some_and(|row| row.listed);
        let word = UserWord { user, told_groups, listed, version, touched_at: Some(step.now) };
        step.put_user(row, word)?;
        Ok(Settled::Applied)
    }

    /// A user who is in a group is a word about the group as well: that it is there, and what it is called.
    fn reference(
        &self,
        step: &mut Step<'_>,
        group: &GroupReference,
        version: &Version,
        (organization_id, directory_id): (&str, &str),
    ) -> Result<()> {
        let row = step.group(&group.id)?.cloned();
        if row.as_ref().is_some_and(|row| *version <= row.trail.version) {
            return Ok(());
        }
        let known = row.map(|row| row.group).unwrap_or_default();
        let display_name = if group.name.is_empty() { known.display_name } else { group.name.clone() };
        let word = MirrorGroup {
            id: group.id.clone(),
            organization_id: organization_id.to_owned(),
            directory_id: directory_id.to_owned(),
            display_name,
            updated_at: known.updated_at,
        };
        step.put_group(word, true, version.clone(), Some(step.now))
    }

    fn user_deleted(&self, step: &mut Step<'_>) -> Result<Settled> {
        let data: UserData = self.data()?;
        let (version, row) = (self.version(step.now), step.tx.user(&data.id)?);
        if row.as_ref().is_some_and(|row| version <= row.trail.version) {
            return Ok(Settled::Stale);
        }
        if let Some(live) = row.as_ref().filter(|row| row.is_live()) {
            let directory_id = live.user.directory_id.clone();
            if let Some(guard) = self.guard
                && let Some(limit) = burst(step, &directory_id, guard)?
            {
                hold(step, &directory_id, &data.id, limit, &cause(self.event))?;
                return Ok(Settled::Held(directory_id));
            }
            step.tx.add_event_removal(&directory_id, &data.id, step.now)?;
        }
        let organization_id = self.organization(&data.organization_id).to_owned();
        let unknown = MirrorUser { id: data.id, organization_id, ..MirrorUser::default() };
        step.remove_user(row, unknown, version, Some(step.now))?;
        Ok(Settled::Applied)
    }

    fn group(&self, step: &mut Step<'_>, is_there: bool) -> Result<Settled> {
        let data: DirectoryGroupData = self.data()?;
        let (version, row) = (self.version(step.now), step.group(&data.id)?.cloned());
        if row.as_ref().is_some_and(|row| version <= row.trail.version) {
            return Ok(Settled::Stale);
        }
        let organization_id = self.organization(&data.organization_id).to_owned();
        let known = row.map(|row| row.group).unwrap_or_default();
        let named = [data.directory_id, known.directory_id].into_iter().find(|id| !id.is_empty());
        let directory_id = match named {
            // A directory that nobody has heard of yet is learnt of by a sync; that a group is gone can be noted without.
            Some(id) if is_there && step.tx.directory(&id)?.is_none() => return Ok(Settled::Pending),
            Some(id) => id,
            None => match only_directory(step, &organization_id)? {
                Some(id) => id,
                None if is_there => return Ok(Settled::Pending),
                None => String::new(),
            },
        };
        let display_name = if data.display_name.is_empty() { known.display_name } else { data.display_name };
        let updated_at = version.at;
        let group = MirrorGroup { id: data.id, organization_id, directory_id, display_name, updated_at };
        step.put_group(group, is_there, version, Some(step.now))?;
        Ok(Settled::Applied)
    }

    fn directory(&self, step: &mut Step<'_>, enabled: bool) -> Result<Settled> {
        let data: DirectoryData = self.data()?;
        let organization_id = self.organization(&data.organization_id).to_owned();
        let row = step.tx.directory(&data.id)?;
        let is_known = row.is_some();
        let mut row = row.unwrap_or_else(|| DirectoryRow {
            directory: MirrorDirectory {
                id: data.id.clone(),
                organization_id,
                directory_type: data.directory_type.as_str().into(),
                directory_provider: data.provider.as_str().into(),
                ..MirrorDirectory::default()
            },
            ..DirectoryRow::default()
        });
        let occurred_at = self.event.occurred_at();
        if row.toggled_at.is_some_and(|at| at >= occurred_at) {
            return Ok(Settled::Stale);
        }
        row.toggled_at = Some(occurred_at);
        toggle(step, &mut row, enabled, is_known)?;
        step.tx.put_directory(&row)?;
        Ok(Settled::Applied)
    }

    /// The organization's directories are switched off with it. Nobody is removed: the application decides what becomes of a customer's
    /// accounts.
    fn organization_deleted(&self, step: &mut Step<'_>) -> Result<Settled> {
        let occurred_at = self.event.occurred_at();
        for mut row in step.tx.directories(Some(self.event.organization_id()))? {
            if row.toggled_at.is_none_or(|at| at < occurred_at) {
                row.toggled_at = Some(occurred_at);
                toggle(step, &mut row, false, true)?;
                step.tx.put_directory(&row)?;
            }
        }
        Ok(Settled::Applied)
    }

    fn data<'a, T: Deserialize<'a> + HasId>(&'a self) -> Result<T> {
        let malformed =
            |what: &str| crate::Error::refused(crate::Reason::MalformedEvent, format!("the event's data {what}"));
        let data: T =
            self.event.data().decode().map_err(|error| malformed(&format!("is not what its type says: {error}")))?;
        if data.id().is_empty() { Err(malformed("has no id")) } else { Ok(data) }
    }
}

trait HasId {
    fn id(&self) -> &str;
}

macro_rules! has_id {
    ($($type:ty),*) => { $(impl HasId for $type { fn id(&self) -> &str { &self.id } })* };
}

has_id!(UserData, DirectoryGroupData, DirectoryData);

/// Switches a directory on or off, and tells of it where that is news.
pub(super) fn toggle(step: &mut Step<'_>, row: &mut DirectoryRow, enabled: bool, is_known: bool) -> Result<()> {
    if is_known && row.directory.enabled == enabled {
        return Ok(());
    }
    row.directory.enabled = enabled;
    let kind = if enabled { ChangeKind::DirectoryEnabled } else { ChangeKind::DirectoryDisabled };
    let place = (row.directory.organization_id.clone(), row.directory.id.clone());
    step.append(kind, &place, ChangeBody::default())
}

/// The directory of an organization whose directories have been listed, and are one.
fn only_directory(step: &mut Step<'_>, organization_id: &str) -> Result<Option<String>> {
    let organization = step.tx.organization(organization_id)?;
    if organization.and_then(|row| row.directories_listed_at).is_none() {
        return Ok(None);
    }
    let directories = step.tx.directories(Some(organization_id))?;
    Ok(if let [only] = directories.as_slice() { Some(only.directory.id.clone()) } else { None })
}

/// The limit, where one more removal by an event is one too many.
fn burst(step: &mut Step<'_>, directory_id: &str, guard: GuardSettings) -> Result<Option<u64>> {
    if !guard.events {
        return Ok(None);
    }
    let count = step.tx.count_event_removals(directory_id, before(step.now, BURST))? + 1;
    if count <= guard.users {
        return Ok(None);
    }
    // The directory as it was before the burst.
    let limit = guard.limit(step.tx.count_users(directory_id)? + count - 1);
    Ok(Some(limit).filter(|limit| count > *limit))
}

/// Whom a kept event is about; nobody where that cannot be read.
pub(super) fn subject(row: &EventRow) -> String {
    let event = row.body.as_deref().and_then(|body| Event::from_verified_body(body).ok());
    event.and_then(|event| event.data().decode::<UserData>().ok()).map(|data| data.id).unwrap_or_default()
}

fn hold(step: &mut Step<'_>, directory_id: &str, user_id: &str, limit: u64, cause: &str) -> Result<()> {
    step.tx.add_held_removal(directory_id, user_id)?;
    let count = step.tx.held_removals(directory_id)?.len() as u64;
    if let Some(mut row) = step.tx.directory(directory_id)? {
        let at = row.held.as_ref().map_or(step.now, |held| held.at);
        row.held = Some(Held { reason: HeldReason::DeletionBurst, count, limit, at, cause: cause.to_owned() });
        step.tx.put_directory(&row)?;
    }
    Ok(())
}

/// What an event says beyond the fields that the mirror has, without what it leaves open.
fn attributes(mut others: Map<String, Value>) -> Result<Option<RawJson>> {
    others.retain(|_, value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    });
    if others.is_empty() { Ok(None) } else { RawJson::new(Value::Object(others).to_string()).map(Some) }
}

pub(super) fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<String> = texts.collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}
