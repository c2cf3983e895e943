//! Applies events to stored rows.
//!
//! Events arrive late, repeatedly and in any order: an event that is older than the row is stale. A user event names the organization of the user,
//! not the directory. If the directory is not known, the event is pending until the next sync.

use super::environment::{bind_event, is_other_environment};
use super::erase::{ERASED, is_ignored};
use super::forget::{FORGOTTEN, is_forgotten};
use super::listing::set_enabled;
use super::loss::EVENT;
use super::missing::record_deletion;
use super::step::{NewGroup, NewUser, Step};
use super::tenant::{is_foreign, is_other_directory, is_other_group, organization_of};
use super::version::{shows_return, toggle_replaces};
use super::{SKEW, before, sorted};
use crate::model::{RawJson, null_is_default};
use crate::record::{
    DirectoryRow, EventNote, EventRow, EventState, HoldReason, Keys, MessageKind, MirrorDirectory, MirrorGroup,
    MirrorUser, Outcome, Trail, UserFields, UserRow, Version, email_key,
};
use crate::webhook::{DirectoryData, DirectoryGroupData, EventType, GroupReference, RoleReference};
use crate::{Error, Event, Reason, Result, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// An event to apply.
pub(in crate::mirror) struct Applying<'e> {
    /// The event.
    pub(in crate::mirror) event: &'e Event,
    /// Time at which the event arrived, by the clock of the machine that received it.
    pub(in crate::mirror) received_at: Timestamp,
}

/// The result of applying an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mirror) enum Settled {
    /// It was received before.
    Duplicate,
    /// It was applied.
    Applied,
    /// The stored row is newer than the event.
    Stale,
    /// The directory of its user or group is not known.
    Pending,
    /// It names more groups than a user may have.
    Ignored,
    /// The guard holds back the loss of access that it would cause.
    Held,
    /// It is about a row of another organization, is from another environment, or names no organization.
    Foreign,
    /// It is about a user whom the application has erased, or an organization that it has forgotten.
    Erased,
}

impl Settled {
    /// Returns the outcome for callers of the mirror.
    pub(in crate::mirror) fn outcome(&self) -> Outcome {
        match self {
            Settled::Duplicate => Outcome::Duplicate,
            Settled::Applied => Outcome::Applied,
            Settled::Stale => Outcome::Stale,
            Settled::Pending => Outcome::Pending,
            Settled::Ignored => Outcome::Ignored,
            Settled::Held => Outcome::Held,
            Settled::Foreign => Outcome::Foreign,
            Settled::Erased => Outcome::Erased,
        }
    }
}

/// The data of a user event. A field that is absent keeps its stored value. `others` are attributes: an empty value removes the stored attribute.
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

/// The ids in the data of an event, which determine the rows that it is about.
#[derive(Default, Deserialize)]
struct Ids {
    #[serde(default, deserialize_with = "null_is_default")]
    id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    directory_id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    email: String,
    #[serde(default, deserialize_with = "null_is_default")]
    groups: Vec<GroupReference>,
}

/// Returns the keys of the rows that an event concerns, so that one load is enough for most events. Data that cannot be read is treated as if it
/// named nothing.
pub(in crate::mirror) fn event_keys(event: &Event) -> Keys {
    use EventType::*;
    let mut keys = Keys { events: [event.id().to_owned()].into(), ..Keys::default() };
    let ids: Ids = event.data().decode().unwrap_or_default();
    match event.event_type() {
        kind @ (OrganizationDirectoryUserCreated
        | OrganizationDirectoryUserUpdated
        | OrganizationDirectoryUserDeleted) => {
            keys.users.insert(ids.id);
            keys.groups.extend(ids.groups.into_iter().map(|group| group.id));
            // An event may create a user without naming the directory. The user is then added to the organization's directory, if it has only one.
            if *kind != OrganizationDirectoryUserDeleted {
                keys.organizations.insert(organization_of(event));
            }
            // A new user may be a former one with the same address.
            if *kind == OrganizationDirectoryUserCreated && !ids.email.is_empty() {
                keys.addresses.insert((organization_of(event), email_key(&ids.email)));
            }
        }
        OrganizationDirectoryGroupCreated | OrganizationDirectoryGroupUpdated | OrganizationDirectoryGroupDeleted => {
            keys.groups.insert(ids.id);
            keys.directories.extend(non_empty(&ids.directory_id));
        }
        OrganizationDeleted => drop(keys.organizations.insert(organization_of(event))),
        _ => drop(keys.directories.insert(ids.id)),
    }
    keys
}

/// Returns the id of the user, group or directory that an event is about, or of the organization for the deletion of one; `None` if it names none.
fn subject_of(event: &Event) -> Option<String> {
    let ids: Ids = event.data().decode().unwrap_or_default();
    match event.event_type() {
        EventType::OrganizationDeleted => non_empty(&organization_of(event)),
        _ => non_empty(&ids.id),
    }
}

/// Returns the cause of the changes that result from an event.
pub(in crate::mirror) fn event_cause(event: &Event) -> String {
    format!("{EVENT}{}", event.id())
}

/// The organization and directory of an event's rows.
struct Place<'a> {
    organization_id: &'a str,
    directory_id: &'a str,
}

impl Applying<'_> {
    /// Returns whether events of this type change the mirror.
    pub(in crate::mirror) fn is_mirrored(kind: &EventType) -> bool {
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

    /// Applies the event, and stores its state.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WebhookVerification`](crate::ErrorKind::WebhookVerification) if its data does not have the fields of its type;
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if it would be pending, and its organization has as many pending events as are kept.
    pub(in crate::mirror) fn apply(&self, step: &mut Step) -> Result<Settled> {
        let settled = self.apply_data(step)?;
        if settled == Settled::Pending && step.event(self.event.id()).is_none() {
            self.check_room(step)?;
        }
        if settled != Settled::Foreign {
            bind_event(step, self.event);
        }
        let settled = match settled {
            Settled::Applied if step.held_back() > 0 => Settled::Held,
            settled => settled,
        };
        let state = if settled == Settled::Pending { EventState::Pending } else { EventState::Settled };
        let was_pending = step.event(self.event.id()).is_some();
        let note = EventNote {
            event_type: self.event.type_().to_owned(),
            occurred_at: self.event.occurred_at(),
            outcome: settled.outcome(),
            settled_at: (was_pending && state == EventState::Settled).then(|| step.now()),
            why: self.why(step, &settled).map(str::to_owned),
        };
        let body = (state != EventState::Settled).then(|| self.stored_body(step.fields));
        let organization_id = organization_of(self.event);
        // Nothing that is stored names a forgotten organization.
        let is_forgotten = settled == Settled::Erased && is_forgotten(step, &organization_id);
        step.batch().events.push(EventRow {
            id: self.event.id().to_owned(),
            organization_id: if is_forgotten { String::new() } else { organization_id },
            received_at: self.received_at,
            state,
            body,
            // Nothing that is stored names an erased user.
            subject_id: subject_of(self.event).filter(|_| settled != Settled::Erased),
            note: Some(note),
        });
        Ok(settled)
    }

    /// Returns the body that is stored while the event is pending: all of it if all personal fields of users are stored, or else without what is not. Applied
    /// later, it changes the same as the whole body.
    fn stored_body(&self, fields: UserFields) -> Vec<u8> {
        if fields.is_all() {
            return self.event.body().to_vec();
        }
        let mut data: Map<String, Value> = self.event.data().decode().unwrap_or_default();
        let is_user = self.is_about_user();
        data.retain(|name, _| match name.as_str() {
            "id" | "organization_id" | "directory_id" | "groups" => true,
            "display_name" => !is_user,
            "active" => is_user,
            "email" | "given_name" | "family_name" | "preferred_username" => is_user && fields.contains(name),
            "roles" => is_user && fields.contains("vendor_roles"),
            // What `UserData` collects as attributes.
            _ => is_user && fields.contains("attributes"),
        });
        if let Some(Value::Array(groups)) = data.get_mut("groups") {
            for group in groups.iter_mut().filter_map(Value::as_object_mut) {
                group.retain(|name, _| name == "id" || name == "name");
            }
        }
        let body = json!({
            "id": self.event.id(),
            "type": self.event.type_(),
            "occurred_at": self.event.occurred_at(),
            "environment_id": self.event.environment_id(),
            "organization_id": self.event.organization_id(),
            "data": data,
        });
        body.to_string().into_bytes()
    }

    fn is_about_user(&self) -> bool {
        use EventType::*;
        matches!(
            self.event.event_type(),
            OrganizationDirectoryUserCreated | OrganizationDirectoryUserUpdated | OrganizationDirectoryUserDeleted
        )
    }

    /// Returns why the event changed nothing, as a text for the application; `None` if it was applied.
    fn why(&self, step: &mut Step, settled: &Settled) -> Option<&'static str> {
        match settled {
            Settled::Applied | Settled::Duplicate => None,
            Settled::Stale => Some(self.why_stale(step)),
            Settled::Pending => Some(why_pending(self.event)),
            Settled::Ignored => Some("it names more groups for the user than the setting groups_per_user permits"),
            Settled::Held => Some("the guard holds the loss of access that it would cause, until that is approved"),
            Settled::Erased if is_forgotten(step, &organization_of(self.event)) => Some(FORGOTTEN),
            Settled::Erased => Some(ERASED),
            Settled::Foreign if is_other_environment(step, self.event) => {
                Some("it is from another environment than the mirror's")
            }
            Settled::Foreign if organization_of(self.event).is_empty() => Some("it names no organization"),
            Settled::Foreign => Some("it is about a row of another organization than the one that it names"),
        }
    }

    /// Returns why the event is stale, as a text for the application.
    fn why_stale(&self, step: &mut Step) -> &'static str {
        use EventType::*;
        let ids: Ids = self.event.data().decode().unwrap_or_default();
        match self.event.event_type() {
            OrganizationDirectoryUserCreated | OrganizationDirectoryUserUpdated | OrganizationDirectoryUserDeleted => {
                match step.user(&ids.id) {
                    Some(row) if !row.is_live() => "the user was removed by newer information than the event",
                    _ => "the mirror had newer information about the user than the event",
                }
            }
            OrganizationDirectoryGroupCreated
            | OrganizationDirectoryGroupUpdated
            | OrganizationDirectoryGroupDeleted => match step.group(&ids.id) {
                Some(row) if !row.is_live() => "the group was removed by newer information than the event",
                _ => "the mirror had newer information about the group than the event",
            },
            OrganizationDirectoryEnabled | OrganizationDirectoryDisabled => {
                "newer information than the event showed whether the directory is enabled"
            }
            _ => "a listing after the event showed that the organization exists",
        }
    }

    /// Returns whether the event, which is pending, would still be pending if it were applied now. False if `step` lacks rows that this depends on.
    /// May change `step`, which must not be committed. It can be used for further events.
    pub(in crate::mirror) fn is_still_pending(&self, step: &mut Step) -> bool {
        matches!(self.apply_data(step), Ok(Settled::Pending)) && !step.lacks_rows()
    }

    /// Checks that the organization may have one more pending event.
    fn check_room(&self, step: &mut Step) -> Result<()> {
        let organization_id = organization_of(self.event);
        let pending = step.pending(&organization_id);
        let settings = step.settings();
        let bytes = pending.bytes + self.event.body().len() as u64;
        if pending.events < settings.pending_events && bytes <= settings.pending_bytes {
            return Ok(());
        }
        let message = format!(
            "the organization has {} pending events with {} bytes in total, as many as are kept: sync it, then have the event delivered again",
            pending.events, pending.bytes
        );
        Err(Error::store(message).with_context("organization", organization_id).temporary())
    }

    fn apply_data(&self, step: &mut Step) -> Result<Settled> {
        use EventType::*;
        if is_other_environment(step, self.event) {
            return Ok(Settled::Foreign);
        }
        if is_forgotten(step, &organization_of(self.event)) {
            return Ok(Settled::Erased);
        }
        if is_foreign(step, self.event) {
            return Ok(Settled::Foreign);
        }
        match self.event.event_type() {
            OrganizationDirectoryUserDeleted => self.apply_user_deletion(step),
            OrganizationDirectoryUserCreated | OrganizationDirectoryUserUpdated => self.apply_user(step),
            OrganizationDirectoryGroupDeleted => self.apply_group(step, false),
            OrganizationDirectoryGroupCreated | OrganizationDirectoryGroupUpdated => self.apply_group(step, true),
            OrganizationDirectoryEnabled => self.apply_directory(step, true),
            OrganizationDirectoryDisabled => self.apply_directory(step, false),
            _ => Ok(self.apply_organization_deletion(step)),
        }
    }

    /// Returns the time at which the latest event about a row arrived: this event, or one that was applied before. This can be long before the
    /// present time, because a pending event waits for a sync.
    fn touched_at(&self, known: Option<&Trail>) -> Option<Timestamp> {
        known.and_then(|trail| trail.touched_at).max(Some(self.received_at))
    }

    fn version(&self) -> Version {
        use EventType::*;
        let kind = match self.event.event_type() {
            OrganizationDirectoryUserCreated | OrganizationDirectoryGroupCreated => MessageKind::Created,
            OrganizationDirectoryUserDeleted | OrganizationDirectoryGroupDeleted => MessageKind::Deleted,
            _ => MessageKind::Updated,
        };
        Version { at: Some(self.event.occurred_at()), kind, event: self.event.id().to_owned() }
    }

    /// The organization in the event's envelope, or the one in its data if the envelope has none.
    fn organization<'a>(&'a self, in_data: &'a str) -> &'a str {
        Some(self.event.organization_id()).filter(|id| !id.is_empty()).unwrap_or(in_data)
    }

    /// Returns whether a listing that showed the user certainly includes the effect of this event: the event was pending, and the listing started at
    /// least five minutes after the event arrived.
    fn listing_is_later(&self, step: &mut Step, row: &UserRow) -> bool {
        // An event that has just arrived is newer than every listing, so the directory's row is not needed.
        let was_pending = self.received_at <= before(step.now(), SKEW);
        was_pending
            && row.is_live()
            && row.listed
            && step
                .directory(&row.user.directory_id)
                .and_then(|directory| directory.listed_since)
                .is_some_and(|started| self.received_at <= before(started, SKEW))
    }

    /// Applies the creation or update of a user, also if another live user has the same address: an event is pending only because of its
    /// directory. If a person was deleted and created again, and the event of the deletion comes later or is pending, the feed has the creation
    /// first.
    fn apply_user(&self, step: &mut Step) -> Result<Settled> {
        let mut data: UserData = self.data()?;
        if is_ignored(step, &data.id) {
            return Ok(Settled::Erased);
        }
        if data.groups.as_ref().is_some_and(|groups| groups.len() as u64 > step.settings().groups_per_user) {
            return Ok(Settled::Ignored);
        }
        let (version, row) = (self.version(), step.user(&data.id).cloned());
        // The deletion of a group does not change `updated_at` of its members. A pending event can therefore be newer than the listed row of the
        // user and still name a group that was deleted since. If a listing started later than the event, the event's groups are ignored. The
        // start of the listing is in the directory's row, because the sync of another directory, or another process, may retry the event before
        // the sync that applies the listing has ended.
        if row.as_ref().is_some_and(|row| self.listing_is_later(step, row)) {
            data.groups = None;
        }
        let known = row.as_ref().map(|row| row.user.clone()).unwrap_or_default();
        let organization_id =
            non_empty(&known.organization_id).unwrap_or_else(|| self.organization(&data.organization_id).to_owned());
        // If the user was removed before, the stored directory may have moved to another organization since.
        let is_gone = row.as_ref().is_some_and(|row| !row.is_live() || row.is_leaving());
        let directory_id = match non_empty(&known.directory_id) {
            Some(id) if !is_gone || !is_other_directory(step, &organization_id, &id) => Some(id),
            _ => only_directory(step, &organization_id),
        };
        // The event's groups are applied even if the event is older than the user's row: it may be newer than a group's row.
        if let Some(directory_id) = &directory_id {
            let place = Place { organization_id: &organization_id, directory_id };
            for group in data.groups.iter().flatten().filter(|group| !group.id.is_empty()) {
                apply_reference(step, group, &version, &place, self.received_at);
            }
        }
        if row.as_ref().is_some_and(|row| version <= row.trail.version) {
            return Ok(Settled::Stale);
        }
        let Some(directory_id) = directory_id else { return Ok(Settled::Pending) };
        let told_groups = match &data.groups {
            None => row.as_ref().map(|row| row.told_groups.clone()).unwrap_or_default(),
            Some(groups) => {
                let ids = groups.iter().map(|group| &group.id).filter(|id| !id.is_empty());
                ids.filter(|id| !is_other_group(step, &organization_id, id)).cloned().collect()
            }
        };
        let user = MirrorUser {
            id: data.id,
            organization_id,
            directory_id,
            email: data.email.unwrap_or(known.email),
            given_name: data.given_name.unwrap_or(known.given_name),
            family_name: data.family_name.unwrap_or(known.family_name),
            preferred_username: data.preferred_username.unwrap_or(known.preferred_username),
            emails: known.emails,
            active: known.active,
            group_ids: Vec::new(),
            roles: Vec::new(),
            vendor_roles: match data.roles {
                Some(roles) => sorted(roles.into_iter().map(|role| role.role_name).filter(|name| !name.is_empty())),
                None => known.vendor_roles,
            },
            linked_id: None,
            protection: None,
            deletes_at: None,
            updated_at: version.at,
            detail: known.detail,
            attributes: attributes(known.attributes, data.others)?,
        };
        let listed = row.as_ref().is_some_and(|row| row.listed);
        let touched_at = self.touched_at(row.as_ref().map(|row| &row.trail));
        let is_present = row.as_ref().and_then(UserRow::removal).is_none_or(|removal| version > *removal);
        let active = data.active;
        step.put_user(NewUser { user, active, is_present, told_groups, listed, version, touched_at });
        Ok(Settled::Applied)
    }

    /// Applies the deletion of a user. For a user without a row, stores a tombstone.
    fn apply_user_deletion(&self, step: &mut Step) -> Result<Settled> {
        let data: UserData = self.data()?;
        if is_ignored(step, &data.id) {
            return Ok(Settled::Erased);
        }
        let version = self.version();
        let row = step.user(&data.id);
        if row.is_some_and(|row| version <= row.trail.version) {
            return Ok(Settled::Stale);
        }
        let touched_at = self.touched_at(row.map(|row| &row.trail));
        if row.is_some_and(UserRow::is_live) {
            // `apply` turns this into `Held` if the removal is held back.
            step.remove_or_hold(&data.id, version, touched_at, HoldReason::DeletionBurst);
            return Ok(Settled::Applied);
        }
        let organization_id = self.organization(&data.organization_id).to_owned();
        let unknown = MirrorUser { id: data.id, organization_id, ..MirrorUser::default() };
        step.remove_user(unknown, version, touched_at);
        Ok(Settled::Applied)
    }

    /// Applies the creation or update of a group, or its deletion if `exists` is false.
    fn apply_group(&self, step: &mut Step, exists: bool) -> Result<Settled> {
        let data: DirectoryGroupData = self.data()?;
        let (version, row) = (self.version(), step.group(&data.id).cloned());
        if row.as_ref().is_some_and(|row| version <= row.trail.version) {
            return Ok(Settled::Stale);
        }
        let organization_id = self.organization(&data.organization_id).to_owned();
        let touched_at = self.touched_at(row.as_ref().map(|row| &row.trail));
        let known = row.map(|row| row.group).unwrap_or_default();
        let directory_id = match non_empty(&data.directory_id).or_else(|| non_empty(&known.directory_id)) {
            // The event is retried after a sync has listed the directory. The deletion of a group is applied even if the directory has no row.
            Some(id) if exists && step.directory(&id).is_none() => return Ok(Settled::Pending),
            Some(id) => id,
            None => match only_directory(step, &organization_id) {
                Some(id) => id,
                None if exists => return Ok(Settled::Pending),
                None => String::new(),
            },
        };
        let display_name = if data.display_name.is_empty() { known.display_name } else { data.display_name };
        let group = MirrorGroup { id: data.id, organization_id, directory_id, display_name, updated_at: version.at };
        step.put_group(NewGroup { group, exists, version, touched_at });
        Ok(Settled::Applied)
    }

    /// Applies the enabling or disabling of a directory. A directory without a row gets one.
    fn apply_directory(&self, step: &mut Step, enabled: bool) -> Result<Settled> {
        let data: DirectoryData = self.data()?;
        let organization_id = self.organization(&data.organization_id).to_owned();
        let known = step.directory(&data.id).cloned();
        let is_known = known.is_some();
        let row = known.unwrap_or_else(|| DirectoryRow {
            directory: MirrorDirectory {
                id: data.id.clone(),
                organization_id,
                name: String::new(),
                directory_type: data.directory_type.as_str().into(),
                directory_provider: data.provider.as_str().into(),
                enabled: false,
            },
            ..DirectoryRow::default()
        });
        Ok(if self.toggle(step, row, enabled, is_known) { Settled::Applied } else { Settled::Stale })
    }

    /// Records that the organization is missing, and disables its directories. Its users are kept: the application decides whether to remove their
    /// accounts. The event is stale if a later listing showed that the organization exists.
    fn apply_organization_deletion(&self, step: &mut Step) -> Settled {
        let organization_id = organization_of(self.event);
        if step.organization(&organization_id).is_some_and(|row| shows_return(row, self.event.occurred_at())) {
            return Settled::Stale;
        }
        record_deletion(step, &organization_id, self.received_at);
        for row in step.directories_of(&organization_id) {
            self.toggle(step, row, false, true);
        }
        Settled::Applied
    }

    /// Enables or disables a directory, unless a newer event did so. Returns whether this event is the newest.
    fn toggle(&self, step: &mut Step, mut row: DirectoryRow, enabled: bool, is_known: bool) -> bool {
        let (occurred_at, id) = (self.event.occurred_at(), self.event.id());
        if !toggle_replaces(&row, enabled, occurred_at, id) {
            return false;
        }
        row.toggled_at = Some(occurred_at);
        row.toggled_off = !enabled;
        row.toggled_event = id.to_owned();
        row.toggle_arrived_at = row.toggle_arrived_at.max(Some(self.received_at));
        set_enabled(step, &mut row, enabled, is_known);
        step.put_directory(row);
        true
    }

    fn data<'a, T: Deserialize<'a> + HasId>(&'a self) -> Result<T> {
        let malformed = |what: &str| Error::refused(Reason::MalformedEvent, format!("the event's data {what}"));
        let data: T = self
            .event
            .data()
            .decode()
            .map_err(|error| malformed(&format!("does not have the fields of its type: {error}")))?;
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

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Applies a group that a user event names: creates the group, or updates its name. A group of another organization stays as it is. `received_at` is
/// the time at which the event arrived.
fn apply_reference(
    step: &mut Step,
    group: &GroupReference,
    version: &Version,
    place: &Place<'_>,
    received_at: Timestamp,
) {
    if is_other_group(step, place.organization_id, &group.id) {
        return;
    }
    let row = step.group(&group.id).cloned();
    // Events about the group itself have more of its fields, so an update or deletion of the group with the same time counts as newer than this
    // reference.
    let version = Version { kind: MessageKind::Created, ..version.clone() };
    let touched_at = row.as_ref().and_then(|row| row.trail.touched_at).max(Some(received_at));
    if let Some(row) = row.as_ref().filter(|row| version <= row.trail.version) {
        // The event shows that the group exists. Its arrival time is stored, so that the group is not removed by a listing that lacks it and started
        // before the event arrived or less than five minutes after.
        if row.is_live() {
            let (group, version) = (row.group.clone(), row.trail.version.clone());
            step.put_group(NewGroup { group, exists: true, version, touched_at });
        }
        return;
    }
    let known = row.map(|row| row.group).unwrap_or_default();
    let display_name = if group.name.is_empty() { known.display_name } else { group.name.clone() };
    let group = MirrorGroup {
        id: group.id.clone(),
        organization_id: place.organization_id.to_owned(),
        directory_id: place.directory_id.to_owned(),
        display_name,
        updated_at: known.updated_at,
    };
    step.put_group(NewGroup { group, exists: true, version, touched_at });
}

/// Returns the organization's directory if its directories were listed and exactly one is not missing; else `None`.
fn only_directory(step: &mut Step, organization_id: &str) -> Option<String> {
    step.organization(organization_id)?.directories_listed_at?;
    let rows = step.directories_of(organization_id);
    let mut present = rows.into_iter().filter(|row| row.missing_since.is_none());
    let only = present.next()?;
    present.next().is_none().then_some(only.directory.id)
}

/// Returns the stored attributes after an event: `others` are the fields of the event that `MirrorUser` does not have. An empty one removes the
/// attribute. `None` if none are left.
fn attributes(stored: Option<RawJson>, others: Map<String, Value>) -> Result<Option<RawJson>> {
    let mut attributes: Map<String, Value> =
        stored.and_then(|stored| serde_json::from_str(stored.get()).ok()).unwrap_or_default();
    for (name, value) in others {
        let is_empty = match &value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            _ => false,
        };
        if is_empty {
            attributes.remove(&name);
        } else {
            attributes.insert(name, value);
        }
    }
    if attributes.is_empty() { Ok(None) } else { RawJson::new(Value::Object(attributes).to_string()).map(Some) }
}

/// Returns why an event is pending, as a text for the application.
pub(in crate::mirror) fn why_pending(event: &Event) -> &'static str {
    use EventType::*;
    let ids: Ids = event.data().decode().unwrap_or_default();
    match event.event_type() {
        OrganizationDirectoryGroupCreated | OrganizationDirectoryGroupUpdated if !ids.directory_id.is_empty() => {
            "the directory of the group is not mirrored"
        }
        _ => "the event names no directory, and the organization's directories were not listed or there are several",
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::Decided;
    use super::*;
    use crate::record::{Trail, WorkingSet};
    use serde_json::json;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A step at second 2,000 on a user whom a listing showed without groups. The listing of the user's directory started at `listed_since`.
    fn step_on_a_listed_user(listed_since: Option<i64>) -> Step {
        let user = MirrorUser {
            id: "diruser_1".to_owned(),
            organization_id: "org_1".to_owned(),
            directory_id: "dir_1".to_owned(),
            ..MirrorUser::default()
        };
        let trail = Trail { version: Version { at: Some(at(100)), ..Version::default() }, ..Trail::default() };
        let mut directory = DirectoryRow { listed_since: listed_since.map(at), ..DirectoryRow::default() };
        directory.directory.id = "dir_1".to_owned();
        directory.directory.organization_id = "org_1".to_owned();
        let mut set = WorkingSet::default();
        set.keys.groups.insert("dirgroup_1".to_owned());
        set.users.insert(user.id.clone(), UserRow { number: 1, user, listed: true, trail, ..UserRow::default() });
        set.directories.insert("dir_1".to_owned(), directory);
        Step::new(set, "event:evt_1", at(2_000), true).unwrap()
    }

    /// The user's groups after an event that names a group. The event happened at second 200, after the listed row, and arrived at `received_at`.
    fn groups_after_an_event(mut step: Step, received_at: i64) -> Vec<String> {
        let body = json!({
            "id": "evt_1", "type": "organization.directory.user_updated", "occurred_at": at(200), "organization_id": "org_1",
            "data": { "id": "diruser_1", "groups": [{ "id": "dirgroup_1", "name": "Crew" }] },
        });
        let event = Event::from_verified_body(body.to_string().as_bytes()).unwrap();
        let applying = Applying { event: &event, received_at: at(received_at) };
        assert_eq!(applying.apply_data(&mut step).unwrap(), Settled::Applied);
        match step.finish() {
            Decided::Ready { batch, .. } => batch.users[0].row.told_groups.clone(),
            Decided::Needs(keys) => panic!("the step needs {keys:?}"),
        }
    }

    #[test]
    fn a_pending_event_keeps_the_groups_of_a_listing_that_started_at_least_five_minutes_after_it_arrived() {
        assert!(groups_after_an_event(step_on_a_listed_user(Some(1_000)), 700).is_empty());
        assert_eq!(groups_after_an_event(step_on_a_listed_user(Some(1_000)), 701), ["dirgroup_1"]);
        assert_eq!(groups_after_an_event(step_on_a_listed_user(None), 700), ["dirgroup_1"]);
    }

    #[test]
    fn an_event_that_has_just_arrived_changes_groups_even_if_the_directory_was_just_listed() {
        assert_eq!(groups_after_an_event(step_on_a_listed_user(Some(1_999)), 2_000), ["dirgroup_1"]);
    }
}
