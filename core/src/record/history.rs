//! The history: what each step changed about one user, group, directory or organization.
//!
//! A row of the history is a reverse delta of one entry of the feed: it has the former values of the fields that changed, and no others. So the state at
//! an earlier time is the present state with the later rows undone, newest first. A creation needs no former values, and a deletion has all of them.

use super::{ChangeKind, Entry, EntryBody, HistoryDay, MirrorGroup, MirrorUser, Mirrored, is_erasure};
use crate::model::RawJson;
use crate::secret::debug_without_personal_data;
use crate::{Error, Result, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// What one step changed about one user, group, directory or organization.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HistoryEntry {
    /// Number of the last of these changes in the feed. Greater than the numbers of all earlier entries.
    pub seq: i64,
    /// Time at which the changes were written, in UTC, by the clock of the machine that wrote them.
    pub at: Timestamp,
    /// The kinds of the changes, such as `user.updated`, in the order of the feed, each once.
    pub kinds: Vec<String>,
    /// What caused the changes: `sync:` and the run's id, `event:` and the event's id, `approval:` and the id of an approval, `retire:` and the id
    /// of a retirement, or `roles` for a new role map.
    pub cause: String,
    /// Id of the organization (`org_…`).
    pub organization_id: String,
    /// Id of the directory (`dir_…`); empty for changes of organizations.
    pub directory_id: String,
    /// Id of the user (`diruser_…`), or `None` for changes of groups, directories and organizations.
    pub user_id: Option<String>,
    /// Id of the group (`dirgroup_…`), or `None` for changes of users, directories and organizations.
    pub group_id: Option<String>,
    /// Ids of the groups that the user joined, sorted.
    pub groups_joined: Vec<String>,
    /// Ids of the groups that the user left, sorted.
    pub groups_left: Vec<String>,
    /// Names of the fields that changed, in the order of the record; empty if the user or group is new or was deleted. Groups are in `groups_joined`
    /// and `groups_left` instead.
    pub fields: Vec<String>,
    /// The fields that changed, with their former values, as a JSON object; the whole user or group if it was deleted, and `None` if it is new.
    pub before: Option<RawJson>,
    /// The fields that changed, with their new values, as a JSON object; the whole user or group if it is new, and `None` if it was deleted.
    pub after: Option<RawJson>,
}

debug_without_personal_data!(HistoryEntry {
    seq,
    at,
    kinds,
    cause,
    organization_id,
    directory_id,
    user_id,
    group_id,
    groups_joined,
    groups_left,
    fields
});

/// An entry of the history as stores keep it. It is made from one entry of the feed.
#[derive(Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// Number of the feed entry's last change.
    pub seq: i64,
    /// Time of the write, by the clock of the machine that made it.
    pub at: Timestamp,
    /// Id of the organization.
    pub organization_id: String,
    /// Id of the directory; empty for changes of organizations.
    pub directory_id: String,
    /// Id of the user or group; empty for changes of directories and organizations.
    pub subject_id: String,
    /// Whether a user was deleted.
    pub is_removal: bool,
    /// What caused the changes.
    pub cause: String,
    /// The kinds of the changes and the former values, as JSON.
    pub body: String,
}

debug_without_personal_data!(HistoryRow { seq, at, organization_id, directory_id, subject_id, is_removal, cause });

/// How much of the feed the history has taken, and where the history starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryMark {
    /// Watermark: number of the last change that the history has taken, or 0.
    pub taken: i64,
    /// Number of the latest change of the feed, or 0.
    pub latest: i64,
    /// Number of the last change that a power failure certainly cannot undo, or 0. The history takes no later ones: after a failure of a server, their
    /// numbers are given to other changes.
    pub durable: i64,
    /// The greatest number of a change that was trimmed from the feed, or 0.
    pub trimmed: i64,
    /// The earliest time whose state the history gives: the time of the mirror's first change, or of the last change that was removed from the
    /// history. `None` if the history has no changes yet.
    pub starts_at: Option<Timestamp>,
}

/// The stored form of a row's changes. Keys are short, and values that did not change are left out, because there is one for each entry of the feed.
/// In the row of a deletion, a value that is left out is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Former {
    /// The kinds of the changes: see [`letter`].
    #[serde(rename = "k")]
    kinds: String,
    #[serde(rename = "+", skip_serializing_if = "Vec::is_empty")]
    joined: Vec<String>,
    #[serde(rename = "-", skip_serializing_if = "Vec::is_empty")]
    left: Vec<String>,
    #[serde(rename = "o", skip_serializing_if = "Option::is_none")]
    organization_id: Option<String>,
    #[serde(rename = "d", skip_serializing_if = "Option::is_none")]
    directory_id: Option<String>,
    #[serde(rename = "e", skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(rename = "g", skip_serializing_if = "Option::is_none")]
    given_name: Option<String>,
    #[serde(rename = "f", skip_serializing_if = "Option::is_none")]
    family_name: Option<String>,
    #[serde(rename = "p", skip_serializing_if = "Option::is_none")]
    preferred_username: Option<String>,
    #[serde(rename = "m", skip_serializing_if = "Option::is_none")]
    emails: Option<Vec<String>>,
    #[serde(rename = "a", skip_serializing_if = "Option::is_none")]
    active: Option<bool>,
    #[serde(rename = "r", skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<String>>,
    #[serde(rename = "v", skip_serializing_if = "Option::is_none")]
    vendor_roles: Option<Vec<String>>,
    #[serde(rename = "l", skip_serializing_if = "Option::is_none")]
    linked_id: Option<String>,
    #[serde(rename = "s", skip_serializing_if = "Option::is_none")]
    protection: Option<String>,
    /// `Some(None)` if the user was not to be deleted.
    #[serde(rename = "w", skip_serializing_if = "Option::is_none", deserialize_with = "some")]
    deletes_at: Option<Option<Timestamp>>,
    /// `Some(None)` if there was no detail.
    #[serde(rename = "t", skip_serializing_if = "Option::is_none", deserialize_with = "some")]
    detail: Option<Option<RawJson>>,
    /// `Some(None)` if there were no attributes.
    #[serde(rename = "x", skip_serializing_if = "Option::is_none", deserialize_with = "some")]
    attributes: Option<Option<RawJson>>,
    /// The name of a group.
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
}

/// Reads a value that is present, so that `null` differs from a missing value.
fn some<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The letter of a kind of change in the stored form. A letter never gets another meaning.
fn letter(kind: ChangeKind) -> char {
    match kind {
        ChangeKind::UserCreated => 'c',
        ChangeKind::UserUpdated => 'u',
        ChangeKind::UserDeactivated => 'd',
        ChangeKind::UserReactivated => 'a',
        ChangeKind::UserDeleted => 'x',
        ChangeKind::GroupCreated => 'C',
        ChangeKind::GroupUpdated => 'U',
        ChangeKind::GroupDeleted => 'X',
        ChangeKind::MembershipAdded => '+',
        ChangeKind::MembershipRemoved => '-',
        ChangeKind::RolesChanged => 'r',
        ChangeKind::DirectoryEnabled => 'E',
        ChangeKind::DirectoryDisabled => 'D',
        ChangeKind::DirectoryMissing => 'M',
        ChangeKind::DirectoryFound => 'F',
        ChangeKind::OrganizationMissing => 'm',
        ChangeKind::OrganizationFound => 'f',
        ChangeKind::OrganizationForgotten => 'o',
    }
}

impl HistoryRow {
    /// Makes the row of an entry of the feed, or returns `None` for an entry that version 0.1.0 wrote, and for one of an erasure. The history of a store
    /// that is brought up to date starts after entries of version 0.1.0, and has nothing about erased users and forgotten organizations.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the stored form of the entry cannot be read.
    pub fn of_entry(entry: Entry) -> Result<Option<HistoryRow>> {
        let Entry { last, kind, organization_id, directory_id, cause, at, body, .. } = entry;
        if kind.is_some() || is_erasure(&cause) {
            return Ok(None);
        }
        let body: EntryBody = serde_json::from_str(&body).map_err(|error| {
            Error::store("a feed entry cannot be read: the file is damaged, restore it or sync into a new one")
                .with_source(error)
        })?;
        if body.only.is_some() {
            return Ok(None);
        }
        let subject_id = match body.after.as_ref().or(body.before.as_ref()) {
            Some(Mirrored::User(user)) => user.id.clone(),
            Some(Mirrored::Group(group)) => group.id.clone(),
            None => String::new(),
        };
        let former = Former::of(&body);
        Ok(Some(HistoryRow {
            seq: last,
            at,
            organization_id,
            directory_id,
            subject_id,
            is_removal: former.has(ChangeKind::UserDeleted),
            cause,
            body: serde_json::to_string(&former)
                .map_err(|error| Error::internal(format!("a row of the history cannot be written: {error}")))?,
        }))
    }

    fn former(&self) -> Result<Former> {
        serde_json::from_str(&self.body).map_err(|error| {
            Error::store("a row of the history cannot be read: the file is damaged, restore it or sync into a new one")
                .with_source(error)
        })
    }

    /// Counts this row for its day in UTC.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the stored form cannot be read.
    pub(crate) fn count(&self, days: &mut BTreeMap<i64, HistoryDay>) -> Result<()> {
        HistoryDay::count(days, self.at, self.former()?.has(ChangeKind::UserCreated), self.is_removal);
        Ok(())
    }

    /// Returns the state before this row's changes, given a later state in which all later changes have been undone. It makes no difference whether the
    /// later state already has this row's changes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the stored form cannot be read.
    pub(crate) fn undo(&self, state: Option<Mirrored>) -> Result<Option<Mirrored>> {
        Ok(self.former()?.undo(self, state))
    }

    /// Makes the entry that the mirror returns, from the states before and after.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the stored form cannot be read.
    pub(crate) fn entry(&self, before: Option<&Mirrored>, after: Option<&Mirrored>) -> Result<HistoryEntry> {
        let former = self.former()?;
        let kinds = former.kinds();
        let groups = |state: Option<&Mirrored>| {
            state.and_then(Mirrored::user).map(|user| user.group_ids.clone()).unwrap_or_default()
        };
        let is_new = former.has(ChangeKind::UserCreated) || former.has(ChangeKind::GroupCreated);
        let is_deleted = former.has(ChangeKind::UserDeleted) || former.has(ChangeKind::GroupDeleted);
        let is_group = kinds
            .iter()
            .any(|kind| matches!(kind, ChangeKind::GroupCreated | ChangeKind::GroupUpdated | ChangeKind::GroupDeleted));
        let fields = former.fields();
        let part = |state: Option<&Mirrored>| state.map(|state| pick(state, &fields)).transpose();
        let (before_json, after_json) = match (is_new, is_deleted) {
            (true, _) => (None, after.map(|state| whole(&created(state))).transpose()?),
            (_, true) => (before.map(whole).transpose()?, None),
            _ if self.subject_id.is_empty() => (None, None),
            _ => (part(before)?, part(after)?),
        };
        let subject = Some(self.subject_id.clone()).filter(|id| !id.is_empty());
        let (user_id, group_id) = if is_group { (None, subject) } else { (subject, None) };
        Ok(HistoryEntry {
            seq: self.seq,
            at: self.at,
            kinds: kinds.iter().map(|kind| kind.name().to_owned()).collect(),
            cause: self.cause.clone(),
            organization_id: self.organization_id.clone(),
            directory_id: self.directory_id.clone(),
            user_id,
            group_id,
            groups_joined: if is_new { groups(after) } else { former.joined },
            groups_left: if is_deleted { groups(before) } else { former.left },
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            before: before_json,
            after: after_json,
        })
    }
}

impl Former {
    fn of(body: &EntryBody) -> Former {
        let mut former = Former::default();
        for change in &body.changes {
            let letter = letter(change.kind);
            if !former.kinds.contains(letter) {
                former.kinds.push(letter);
            }
        }
        match (&body.before, &body.after) {
            (Some(Mirrored::User(before)), Some(Mirrored::User(after))) => former.set_differences(before, after),
            (Some(Mirrored::User(before)), None) => former.set_user(before),
            // A new user, or an entry that has only changes of memberships and roles.
            (None, Some(Mirrored::User(_))) if former.has(ChangeKind::RolesChanged) => {
                former.roles = body.roles.clone().filter(|_| !former.has(ChangeKind::UserCreated));
            }
            (Some(Mirrored::Group(before)), after) => {
                former.set_group(before, after.as_ref().and_then(Mirrored::group));
            }
            _ => {}
        }
        if !former.has(ChangeKind::UserCreated) && !former.has(ChangeKind::UserDeleted) {
            let groups = |kind: ChangeKind| {
                let ids = body.changes.iter().filter(|change| change.kind == kind);
                ids.filter_map(|change| change.group_id.clone()).collect()
            };
            former.joined = groups(ChangeKind::MembershipAdded);
            former.left = groups(ChangeKind::MembershipRemoved);
        }
        former
    }

    fn has(&self, kind: ChangeKind) -> bool {
        self.kinds.contains(letter(kind))
    }

    /// Returns the kinds of the changes. A letter that a newer version wrote is left out.
    fn kinds(&self) -> Vec<ChangeKind> {
        let find = |wanted| ChangeKind::ALL.iter().copied().find(|kind| letter(*kind) == wanted);
        self.kinds.chars().filter_map(find).collect()
    }

    /// Sets the former values of the fields that differ. The pattern names every field, so that a new field does not compile until it is handled here.
    /// Changes of `linked_id`, `protection` and `updated_at` alone are not in the feed, so their former values are not known.
    fn set_differences(&mut self, before: &MirrorUser, after: &MirrorUser) {
        let MirrorUser {
            id: _,
            organization_id,
            directory_id,
            email,
            given_name,
            family_name,
            preferred_username,
            emails,
            active,
            group_ids: _,
            roles,
            vendor_roles,
            linked_id: _,
            protection: _,
            deletes_at,
            updated_at: _,
            detail,
            attributes,
        } = before;
        fn former<T: Clone + PartialEq>(before: &T, after: &T) -> Option<T> {
            (before != after).then(|| before.clone())
        }
        self.organization_id = former(organization_id, &after.organization_id);
        self.directory_id = former(directory_id, &after.directory_id);
        self.email = former(email, &after.email);
        self.given_name = former(given_name, &after.given_name);
        self.family_name = former(family_name, &after.family_name);
        self.preferred_username = former(preferred_username, &after.preferred_username);
        self.emails = former(emails, &after.emails);
        self.active = former(active, &after.active);
        self.roles = former(roles, &after.roles);
        self.vendor_roles = former(vendor_roles, &after.vendor_roles);
        self.deletes_at = former(deletes_at, &after.deletes_at);
        self.detail = former(detail, &after.detail);
        self.attributes = former(attributes, &after.attributes);
    }

    /// Sets all values of a user who was deleted, apart from empty ones and those that the row has.
    fn set_user(&mut self, user: &MirrorUser) {
        let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let texts = |texts: &Vec<String>| Some(texts.clone()).filter(|texts| !texts.is_empty());
        self.left.clone_from(&user.group_ids);
        self.email = text(&user.email);
        self.given_name = text(&user.given_name);
        self.family_name = text(&user.family_name);
        self.preferred_username = text(&user.preferred_username);
        self.emails = texts(&user.emails);
        self.active = Some(true).filter(|_| user.active);
        self.roles = texts(&user.roles);
        self.vendor_roles = texts(&user.vendor_roles);
        self.linked_id.clone_from(&user.linked_id);
        self.protection.clone_from(&user.protection);
        self.deletes_at = user.deletes_at.map(Some);
        self.detail = user.detail.clone().map(Some);
        self.attributes = user.attributes.clone().map(Some);
    }

    /// Sets the former values of a group that changed, or all values of one that was deleted.
    fn set_group(&mut self, before: &MirrorGroup, after: Option<&MirrorGroup>) {
        let MirrorGroup { id: _, organization_id, directory_id, display_name, updated_at: _ } = before;
        let former = |value: &String, of: fn(&MirrorGroup) -> &String| {
            Some(value.clone()).filter(|value| after.is_none_or(|after| of(after) != value))
        };
        self.display_name = former(display_name, |group| &group.display_name);
        if after.is_some() {
            self.organization_id = former(organization_id, |group| &group.organization_id);
            self.directory_id = former(directory_id, |group| &group.directory_id);
        }
    }

    /// Returns the names of the fields that have a former value, in the order of the record. None if the user or group is new or was deleted.
    fn fields(&self) -> Vec<&'static str> {
        let is_whole = [ChangeKind::UserCreated, ChangeKind::UserDeleted, ChangeKind::GroupDeleted];
        if is_whole.into_iter().any(|kind| self.has(kind)) {
            return Vec::new();
        }
        let names = [
            ("organization_id", self.organization_id.is_some()),
            ("directory_id", self.directory_id.is_some()),
            ("email", self.email.is_some()),
            ("given_name", self.given_name.is_some()),
            ("family_name", self.family_name.is_some()),
            ("preferred_username", self.preferred_username.is_some()),
            ("emails", self.emails.is_some()),
            ("active", self.active.is_some()),
            ("roles", self.roles.is_some()),
            ("vendor_roles", self.vendor_roles.is_some()),
            ("deletes_at", self.deletes_at.is_some()),
            ("detail", self.detail.is_some()),
            ("attributes", self.attributes.is_some()),
            ("display_name", self.display_name.is_some()),
        ];
        names.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }

    fn undo(self, row: &HistoryRow, state: Option<Mirrored>) -> Option<Mirrored> {
        if self.has(ChangeKind::UserCreated) || self.has(ChangeKind::GroupCreated) {
            return None;
        }
        let (id, organization_id, directory_id) =
            (row.subject_id.clone(), row.organization_id.clone(), row.directory_id.clone());
        if self.has(ChangeKind::UserDeleted) {
            return Some(Mirrored::User(Box::new(MirrorUser {
                id,
                organization_id,
                directory_id,
                email: self.email.unwrap_or_default(),
                given_name: self.given_name.unwrap_or_default(),
                family_name: self.family_name.unwrap_or_default(),
                preferred_username: self.preferred_username.unwrap_or_default(),
                emails: self.emails.unwrap_or_default(),
                active: self.active.unwrap_or_default(),
                group_ids: self.left,
                roles: self.roles.unwrap_or_default(),
                vendor_roles: self.vendor_roles.unwrap_or_default(),
                linked_id: self.linked_id,
                protection: self.protection,
                deletes_at: self.deletes_at.flatten(),
                updated_at: None,
                detail: self.detail.flatten(),
                attributes: self.attributes.flatten(),
            })));
        }
        if self.has(ChangeKind::GroupDeleted) {
            let display_name = self.display_name.unwrap_or_default();
            return Some(Mirrored::Group(MirrorGroup {
                id,
                organization_id,
                directory_id,
                display_name,
                updated_at: None,
            }));
        }
        match state? {
            Mirrored::User(user) => Some(Mirrored::User(Box::new(self.undo_user(*user)))),
            Mirrored::Group(group) => Some(Mirrored::Group(MirrorGroup {
                organization_id: self.organization_id.unwrap_or(group.organization_id),
                directory_id: self.directory_id.unwrap_or(group.directory_id),
                display_name: self.display_name.unwrap_or(group.display_name),
                ..group
            })),
        }
    }

    fn undo_user(self, mut user: MirrorUser) -> MirrorUser {
        user.group_ids.retain(|id| self.joined.binary_search(id).is_err());
        for id in self.left {
            if let Err(position) = user.group_ids.binary_search(&id) {
                user.group_ids.insert(position, id);
            }
        }
        let active = self.active.unwrap_or(user.active);
        MirrorUser {
            organization_id: self.organization_id.unwrap_or(user.organization_id),
            directory_id: self.directory_id.unwrap_or(user.directory_id),
            email: self.email.unwrap_or(user.email),
            given_name: self.given_name.unwrap_or(user.given_name),
            family_name: self.family_name.unwrap_or(user.family_name),
            preferred_username: self.preferred_username.unwrap_or(user.preferred_username),
            emails: self.emails.unwrap_or(user.emails),
            active,
            roles: self.roles.unwrap_or(user.roles),
            vendor_roles: self.vendor_roles.unwrap_or(user.vendor_roles),
            // A user who is active is not to be deleted.
            deletes_at: self.deletes_at.unwrap_or(user.deletes_at).filter(|_| !active),
            detail: self.detail.unwrap_or(user.detail),
            attributes: self.attributes.unwrap_or(user.attributes),
            ..user
        }
    }
}

/// Returns the state of a new user or group, which has no time of a deletion. Only the history of a user who was inactive needs this: when such a user leaves,
/// the feed has no change with the time.
fn created(state: &Mirrored) -> Mirrored {
    match state {
        Mirrored::User(user) => Mirrored::User(Box::new(MirrorUser { deletes_at: None, ..(**user).clone() })),
        Mirrored::Group(group) => Mirrored::Group(group.clone()),
    }
}

/// Returns the user or group as a JSON object.
fn whole(state: &Mirrored) -> Result<RawJson> {
    match state {
        Mirrored::User(user) => RawJson::new(json(user)?),
        Mirrored::Group(group) => RawJson::new(json(group)?),
    }
}

/// Returns a JSON object with these fields of the user or group.
fn pick(state: &Mirrored, fields: &[&'static str]) -> Result<RawJson> {
    let value = |field: &str| match (state, field) {
        (Mirrored::User(user), "organization_id") => json(&user.organization_id),
        (Mirrored::User(user), "directory_id") => json(&user.directory_id),
        (Mirrored::User(user), "email") => json(&user.email),
        (Mirrored::User(user), "given_name") => json(&user.given_name),
        (Mirrored::User(user), "family_name") => json(&user.family_name),
        (Mirrored::User(user), "preferred_username") => json(&user.preferred_username),
        (Mirrored::User(user), "emails") => json(&user.emails),
        (Mirrored::User(user), "active") => json(&user.active),
        (Mirrored::User(user), "roles") => json(&user.roles),
        (Mirrored::User(user), "vendor_roles") => json(&user.vendor_roles),
        (Mirrored::User(user), "deletes_at") => json(&user.deletes_at),
        (Mirrored::User(user), "detail") => json(&user.detail),
        (Mirrored::User(user), "attributes") => json(&user.attributes),
        (Mirrored::Group(group), "organization_id") => json(&group.organization_id),
        (Mirrored::Group(group), "directory_id") => json(&group.directory_id),
        (Mirrored::Group(group), "display_name") => json(&group.display_name),
        _ => Ok("null".to_owned()),
    };
    let members = fields.iter().map(|field| Ok(format!("\"{field}\":{}", value(field)?))).collect::<Result<Vec<_>>>();
    RawJson::new(format!("{{{}}}", members?.join(",")))
}

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::internal(format!("a value cannot be written as JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Delta;

    fn ada() -> MirrorUser {
        MirrorUser {
            id: "diruser_1".to_owned(),
            organization_id: "org_1".to_owned(),
            directory_id: "dir_1".to_owned(),
            email: "ada@example.com".to_owned(),
            given_name: "Ada".to_owned(),
            active: true,
            group_ids: vec!["dirgroup_1".to_owned(), "dirgroup_2".to_owned()],
            roles: vec!["developer".to_owned()],
            linked_id: Some("42".to_owned()),
            protection: Some("last admin".to_owned()),
            attributes: Some(RawJson::new(r#"{"title":"Analyst"}"#).unwrap()),
            ..MirrorUser::default()
        }
    }

    fn user(user: &MirrorUser) -> Option<Mirrored> {
        Some(Mirrored::User(Box::new(user.clone())))
    }

    fn delta(kind: ChangeKind) -> Delta {
        Delta { kind, group_id: None, fields: Vec::new() }
    }

    fn membership(kind: ChangeKind, group_id: &str) -> Delta {
        Delta { group_id: Some(group_id.to_owned()), ..delta(kind) }
    }

    fn row(body: &EntryBody) -> HistoryRow {
        let entry = Entry {
            last: 7,
            count: body.changes.len() as u32,
            kind: None,
            organization_id: "org_1".to_owned(),
            directory_id: "dir_1".to_owned(),
            cause: "sync:1".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            body: body.encode().unwrap(),
        };
        HistoryRow::of_entry(entry).unwrap().unwrap()
    }

    #[test]
    fn every_kind_has_a_letter_of_its_own() {
        let letters: std::collections::BTreeSet<char> = ChangeKind::ALL.iter().copied().map(letter).collect();
        assert_eq!(letters.len(), ChangeKind::ALL.len());
    }

    #[test]
    fn undoing_a_creation_gives_no_user() {
        let body = EntryBody {
            after: user(&ada()),
            changes: vec![delta(ChangeKind::UserCreated), membership(ChangeKind::MembershipAdded, "dirgroup_1")],
            ..EntryBody::default()
        };
        let row = row(&body);
        assert_eq!(row.body, r#"{"k":"c+"}"#);
        assert_eq!(row.undo(user(&ada())).unwrap(), None);
        let entry = row.entry(None, user(&ada()).as_ref()).unwrap();
        assert_eq!(entry.groups_joined, ada().group_ids);
        assert_eq!(entry.before, None);
        assert_eq!(entry.after.unwrap().decode::<MirrorUser>().unwrap(), ada());
    }

    #[test]
    fn undoing_a_deletion_gives_the_whole_user() {
        let body = EntryBody {
            before: user(&ada()),
            changes: vec![membership(ChangeKind::MembershipRemoved, "dirgroup_1"), delta(ChangeKind::UserDeleted)],
            ..EntryBody::default()
        };
        let row = row(&body);
        assert!(row.is_removal);
        assert_eq!(row.undo(None).unwrap(), user(&ada()));
    }

    #[test]
    fn undoing_an_update_restores_the_former_values_also_if_they_are_present_already() {
        let after = MirrorUser {
            email: "ada.king@example.com".to_owned(),
            active: false,
            group_ids: vec!["dirgroup_2".to_owned(), "dirgroup_3".to_owned()],
            roles: Vec::new(),
            attributes: None,
            detail: Some(RawJson::new("{}").unwrap()),
            ..ada()
        };
        let body = EntryBody {
            before: user(&ada()),
            after: user(&after),
            changes: vec![
                delta(ChangeKind::UserUpdated),
                delta(ChangeKind::UserDeactivated),
                membership(ChangeKind::MembershipRemoved, "dirgroup_1"),
                membership(ChangeKind::MembershipAdded, "dirgroup_3"),
                delta(ChangeKind::RolesChanged),
            ],
            ..EntryBody::default()
        };
        let row = row(&body);
        assert_eq!(row.undo(user(&after)).unwrap(), user(&ada()));
        assert_eq!(row.undo(user(&ada())).unwrap(), user(&ada()));
        let entry = row.entry(user(&ada()).as_ref(), user(&after).as_ref()).unwrap();
        assert_eq!(entry.fields, ["email", "active", "roles", "detail", "attributes"]);
        assert_eq!(entry.groups_joined, ["dirgroup_3"]);
        assert_eq!(entry.groups_left, ["dirgroup_1"]);
        assert_eq!(
            entry.after.unwrap().get(),
            r#"{"email":"ada.king@example.com","active":false,"roles":[],"detail":{},"attributes":null}"#
        );
    }

    #[test]
    fn an_entry_of_memberships_and_roles_alone_is_undone() {
        let before = MirrorUser { group_ids: vec!["dirgroup_1".to_owned()], roles: Vec::new(), ..ada() };
        let body = EntryBody {
            after: user(&crate::record::brief(&ada())),
            roles: Some(Vec::new()),
            changes: vec![membership(ChangeKind::MembershipAdded, "dirgroup_2"), delta(ChangeKind::RolesChanged)],
            ..EntryBody::default()
        };
        assert_eq!(row(&body).undo(user(&ada())).unwrap(), user(&before));
    }

    #[test]
    fn a_renamed_and_a_deleted_group_are_undone() {
        let group = |name: &str| MirrorGroup {
            id: "dirgroup_1".to_owned(),
            organization_id: "org_1".to_owned(),
            directory_id: "dir_1".to_owned(),
            display_name: name.to_owned(),
            updated_at: None,
        };
        let (before, after) = (Some(Mirrored::Group(group("Engineering"))), Some(Mirrored::Group(group("R&D"))));
        let renamed = EntryBody {
            before: before.clone(),
            after: after.clone(),
            changes: vec![delta(ChangeKind::GroupUpdated)],
            ..EntryBody::default()
        };
        let deleted =
            EntryBody { before: after.clone(), changes: vec![delta(ChangeKind::GroupDeleted)], ..EntryBody::default() };
        let (renamed, deleted) = (row(&renamed), row(&deleted));
        assert!(!deleted.is_removal);
        assert_eq!(deleted.undo(None).unwrap(), after);
        assert_eq!(renamed.undo(after.clone()).unwrap(), before);
        let entry = renamed.entry(before.as_ref(), after.as_ref()).unwrap();
        assert_eq!(entry.group_id.as_deref(), Some("dirgroup_1"));
        assert_eq!(entry.user_id, None);
        assert_eq!(entry.before.unwrap().get(), r#"{"display_name":"Engineering"}"#);
    }

    /// A user with ids, a description and groups as the vendor has them.
    fn employee() -> MirrorUser {
        let detail = r#"{"active":true,"emails":[{"primary":true,"type":"work","value":"grace.hopper@example.com"}],"name":{"familyName":"Hopper","givenName":"Grace"},"userName":"grace.hopper@example.com"}"#;
        MirrorUser {
            id: "diruser_69615647365005430".to_owned(),
            organization_id: "org_69615647365005430".to_owned(),
            directory_id: "dir_69615647365005430".to_owned(),
            email: "grace.hopper@example.com".to_owned(),
            given_name: "Grace".to_owned(),
            family_name: "Hopper".to_owned(),
            preferred_username: "grace.hopper@example.com".to_owned(),
            emails: vec!["grace.hopper@example.com".to_owned()],
            active: true,
            group_ids: (0..4).map(|n| format!("dirgroup_6961564736500543{n}")).collect(),
            roles: vec!["developer".to_owned()],
            detail: Some(RawJson::new(detail).unwrap()),
            attributes: Some(RawJson::new(r#"{"department":"Engineering","title":"Engineer"}"#).unwrap()),
            ..MirrorUser::default()
        }
    }

    /// Returns how many bytes an entry and its row of the history take, the values in indexes included.
    fn sizes(body: &EntryBody) -> (usize, usize) {
        let entry = Entry {
            last: 1,
            count: 1,
            kind: None,
            organization_id: employee().organization_id,
            directory_id: employee().directory_id,
            cause: "sync:0123456789abcdef".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            body: body.encode().unwrap(),
        };
        let texts = [&entry.organization_id, &entry.directory_id, &entry.cause, &entry.body].map(String::len);
        let feed = texts.iter().sum::<usize>() + 8 + 8 + 12;
        let row = HistoryRow::of_entry(entry).unwrap().unwrap();
        let texts = [&row.organization_id, &row.directory_id, &row.subject_id, &row.cause, &row.body].map(String::len);
        let indexes = row.subject_id.len() + 8 + row.organization_id.len() + 8;
        (feed, texts.iter().sum::<usize>() + 8 + 12 + 1 + indexes)
    }

    #[test]
    #[allow(clippy::print_stdout, reason = "the figures")]
    fn the_history_takes_at_most_40_percent_of_the_bytes_of_the_feed() {
        let group = |id: &str| MirrorGroup {
            id: id.to_owned(),
            display_name: "Engineering".to_owned(),
            ..MirrorGroup::default()
        };
        let before = employee();
        let renamed = MirrorUser { family_name: "Murray".to_owned(), ..employee() };
        let promoted = MirrorUser { attributes: Some(RawJson::new(r#"{"title":"Manager"}"#).unwrap()), ..employee() };
        let update = |after: &MirrorUser, kind| EntryBody {
            before: user(&before),
            after: user(after),
            changes: vec![Delta { fields: vec!["attributes".to_owned()], ..delta(kind) }],
            ..EntryBody::default()
        };
        let moved = EntryBody {
            after: user(&crate::record::brief(&employee())),
            roles: Some(vec!["viewer".to_owned()]),
            groups: vec![group("dirgroup_69615647365005430"), group("dirgroup_69615647365005439")],
            changes: vec![
                membership(ChangeKind::MembershipRemoved, "dirgroup_69615647365005439"),
                membership(ChangeKind::MembershipAdded, "dirgroup_69615647365005430"),
                delta(ChangeKind::RolesChanged),
            ],
            ..EntryBody::default()
        };
        let hired =
            EntryBody { after: user(&before), changes: vec![delta(ChangeKind::UserCreated)], ..EntryBody::default() };
        let left =
            EntryBody { before: user(&before), changes: vec![delta(ChangeKind::UserDeleted)], ..EntryBody::default() };
        // A year of a directory: a tenth of the changes are hires, a tenth leavers.
        let year = [
            (1, hired),
            (1, left),
            (2, update(&renamed, ChangeKind::UserUpdated)),
            (3, update(&promoted, ChangeKind::UserUpdated)),
            (3, moved),
        ];
        let (mut feed, mut history) = (0, 0);
        for (count, body) in &year {
            let (entry, row) = sizes(body);
            println!("{:?}: {entry} bytes in the feed, {row} in the history", body.changes[0].kind);
            (feed, history) = (feed + count * entry, history + count * row);
        }
        println!("on average: {} bytes in the feed, {} in the history", feed / 10, history / 10);
        assert!(history * 100 <= feed * 40, "{history} of {feed} bytes");
    }
}
