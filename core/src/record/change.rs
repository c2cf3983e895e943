//! Changes: what the feed reports.

use super::{MirrorGroup, MirrorUser, Rehire, serde_by_name};
use crate::Timestamp;
use crate::error::named;
use crate::model::RawJson;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

named! {
    /// The kind of a change.
    ChangeKind {
        /// A user is new.
        UserCreated = "user.created",
        /// Fields of a user changed. Changes of `active`, groups and roles have other kinds.
        UserUpdated = "user.updated",
        /// A user may no longer sign in. If the directory no longer has the user, `deletes_at` is the time of the deletion.
        UserDeactivated = "user.deactivated",
        /// A user may sign in again: was activated, or returned before the time of the deletion.
        UserReactivated = "user.reactivated",
        /// A user was removed from the mirror.
        UserDeleted = "user.deleted",
        /// A group is new.
        GroupCreated = "group.created",
        /// A group changed.
        GroupUpdated = "group.updated",
        /// A group was deleted.
        GroupDeleted = "group.deleted",
        /// A user joined a group.
        MembershipAdded = "membership.added",
        /// A user left a group.
        MembershipRemoved = "membership.removed",
        /// The roles that the role map gives a user changed.
        RolesChanged = "roles.changed",
        /// A directory was enabled.
        DirectoryEnabled = "directory.enabled",
        /// A directory was disabled. Its users are kept.
        DirectoryDisabled = "directory.disabled",
        /// The API does not list a directory any more. Its users are kept until the directory is retired.
        DirectoryMissing = "directory.missing",
        /// The API lists a missing directory again.
        DirectoryFound = "directory.found",
        /// The API no longer finds an organization, or an event reported its deletion. Its users are kept until its directories are retired.
        OrganizationMissing = "organization.missing",
        /// The API finds a missing organization again.
        OrganizationFound = "organization.found",
        /// The application forgot an organization, which removed what this change was. It has no ids: acknowledge it, and do nothing else.
        OrganizationForgotten = "organization.forgotten",
    }
}

serde_by_name!(ChangeKind, "kind of change");

impl ChangeKind {
    /// Returns the names of those of the fields `user`, `group`, `before` and `after` that changes of this kind have. The others are `None`. `before` and
    /// `after` are users if there is a `user`, and otherwise groups.
    // codegen reads this table, from which it makes the types of a change in TypeScript and in Python's stub.
    pub fn present_fields(self) -> &'static [&'static str] {
        match self {
            ChangeKind::UserCreated => &["user", "after"],
            ChangeKind::UserUpdated
            | ChangeKind::UserDeactivated
            | ChangeKind::UserReactivated
            | ChangeKind::RolesChanged => &["user", "before", "after"],
            ChangeKind::UserDeleted => &["user", "before"],
            ChangeKind::GroupCreated => &["group", "after"],
            ChangeKind::GroupUpdated => &["group", "before", "after"],
            ChangeKind::GroupDeleted => &["group", "before"],
            ChangeKind::MembershipAdded | ChangeKind::MembershipRemoved => &["user", "group"],
            ChangeKind::DirectoryEnabled
            | ChangeKind::DirectoryDisabled
            | ChangeKind::DirectoryMissing
            | ChangeKind::DirectoryFound
            | ChangeKind::OrganizationMissing
            | ChangeKind::OrganizationFound
            | ChangeKind::OrganizationForgotten => &[],
        }
    }
}

/// The user or the group that a change is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mirrored {
    /// A user.
    User(Box<MirrorUser>),
    /// A group.
    Group(MirrorGroup),
}

impl Mirrored {
    /// Returns the user, or `None` if it is a group.
    pub fn user(&self) -> Option<&MirrorUser> {
        match self {
            Mirrored::User(user) => Some(user.as_ref()),
            Mirrored::Group(_) => None,
        }
    }

    /// Returns the group, or `None` if it is a user.
    pub fn group(&self) -> Option<&MirrorGroup> {
        match self {
            Mirrored::Group(group) => Some(group),
            Mirrored::User(_) => None,
        }
    }
}

// In the JSON form, `before` and `after` are the fields of the user or group, without a tag: `kind` determines which of the two it is. Stores keep a
// `ChangeBody` instead.
/// One change of the feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// The change's number: greater than the numbers of all earlier changes. Negative for the rows of a snapshot.
    pub seq: i64,
    /// The kind of the change.
    pub kind: ChangeKind,
    /// Id of the organization (`org_…`); empty for `organization.forgotten`.
    pub organization_id: String,
    /// Id of the directory (`dir_…`); empty for changes of organizations.
    pub directory_id: String,
    /// The user that the change is about: after the change, or before it for `user.deleted`. `None` for changes of groups, directories and
    /// organizations. In changes of memberships and roles, `detail` and `attributes` are `None`.
    pub user: Option<MirrorUser>,
    /// The group that the change is about, or the group of a membership; `None` for changes of users, roles, directories and organizations.
    pub group: Option<MirrorGroup>,
    /// The user or group before the change; `None` if it is new, and for changes of memberships, directories and organizations.
    #[serde(default, serialize_with = "user_or_group", deserialize_with = "read_user_or_group")]
    pub before: Option<Mirrored>,
    /// The user or group after the change; `None` if it was deleted, and for changes of memberships, directories and organizations.
    #[serde(default, serialize_with = "user_or_group", deserialize_with = "read_user_or_group")]
    pub after: Option<Mirrored>,
    /// Names of the fields that changed, in the order of the record: of the user or group for `user.updated` and `group.updated`, else `active`,
    /// `group_ids` or `roles`. Empty for changes of directories and organizations, and if the user or group is new or was deleted.
    pub fields: Vec<String>,
    /// For `user.created`: id of a former user of the same organization who had the same primary address and may be the same person, or `None` if there is
    /// none. A former user was removed within the last seven days, or is deactivated. `None` while an active user has the address, if the user has none, if the
    /// same id returned, and in the rows of a snapshot. The mirror does not link the new user: the application decides.
    #[serde(default)]
    pub possible_rehire_of: Option<String>,
    /// The application's account id of the former user in `possible_rehire_of` when the change was written, or `None` if that user was not linked.
    #[serde(default)]
    pub possible_rehire_linked_id: Option<String>,
    /// What caused the change: `sync:` and the run's id, `event:` and the event's id, `approval:` and the id of an
    /// approval, `retire:` and the id of a retirement, `roles` for a new role map, or `snapshot`.
    pub cause: String,
    /// Time at which the change was written, in UTC, by the clock of the machine that wrote it. For the rows of a snapshot: time at which the
    /// snapshot was started.
    pub at: Timestamp,
}

/// Serializes the user or the group without a tag.
#[allow(clippy::ref_option, reason = "serde passes a reference to the field")]
fn user_or_group<S: Serializer>(mirrored: &Option<Mirrored>, serializer: S) -> Result<S::Ok, S::Error> {
    match mirrored {
        Some(Mirrored::User(user)) => user.serialize(serializer),
        Some(Mirrored::Group(group)) => group.serialize(serializer),
        None => serializer.serialize_none(),
    }
}

/// Reads what [`user_or_group`] wrote, or the tagged form that 0.1.0 wrote. A group is not mistaken for a user, because it lacks fields such as
/// `email`, which the JSON of a user must have.
fn read_user_or_group<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Mirrored>, D::Error> {
    let Some(json) = Option::<RawJson>::deserialize(deserializer)? else { return Ok(None) };
    let text = json.get();
    if let Ok(user) = serde_json::from_str(text) {
        return Ok(Some(Mirrored::User(user)));
    }
    if let Ok(group) = serde_json::from_str(text) {
        return Ok(Some(Mirrored::Group(group)));
    }
    serde_json::from_str(text).map(Some).map_err(D::Error::custom)
}

/// What stores keep of a change in addition to its number, kind, organization, directory, cause and time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeBody {
    /// The user of a membership.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<MirrorUser>,
    /// The group of a membership.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<MirrorGroup>,
    /// The user or group before the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Mirrored>,
    /// The user or group after the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Mirrored>,
    /// Names of the fields that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// The former user whom a new user may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehire: Option<Rehire>,
}

/// A change that a consumer parked because it could not handle it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ParkedChange {
    /// The change.
    pub change: Change,
    /// The reason that the application gave.
    pub reason: String,
    /// Time at which the change was parked, in UTC, by the clock of the machine that parked it.
    pub at: Timestamp,
}

impl ParkedChange {
    /// Makes a parked change.
    pub fn new(change: Change, reason: String, at: Timestamp) -> ParkedChange {
        ParkedChange { change, reason, at }
    }
}

impl Change {
    /// Returns what a store keeps of the change, from which [`new`](Change::new) makes it again.
    pub fn body(&self) -> ChangeBody {
        let Change { user, group, before, after, fields, possible_rehire_of, possible_rehire_linked_id, .. } = self;
        let latest = after.as_ref().or(before.as_ref());
        ChangeBody {
            user: user.clone().filter(|user| latest.and_then(Mirrored::user) != Some(user)),
            group: group.clone().filter(|group| latest.and_then(Mirrored::group) != Some(group)),
            before: before.clone(),
            after: after.clone(),
            fields: fields.clone(),
            rehire: possible_rehire_of
                .clone()
                .map(|user_id| Rehire { user_id, linked_id: possible_rehire_linked_id.clone() }),
        }
    }

    /// Makes a change from what a store keeps of it: its [`body`](Change::body) and the other arguments.
    pub fn new(
        seq: i64,
        kind: ChangeKind,
        (organization_id, directory_id): (String, String),
        body: ChangeBody,
        cause: String,
        at: Timestamp,
    ) -> Change {
        let latest = body.after.as_ref().or(body.before.as_ref());
        let (possible_rehire_of, linked_id) = body.rehire.map(|rehire| (rehire.user_id, rehire.linked_id)).unzip();
        Change {
            seq,
            kind,
            organization_id,
            directory_id,
            user: body.user.or_else(|| latest.and_then(Mirrored::user).cloned()),
            group: body.group.or_else(|| latest.and_then(Mirrored::group).cloned()),
            before: body.before,
            after: body.after,
            fields: body.fields,
            possible_rehire_of,
            possible_rehire_linked_id: linked_id.flatten(),
            cause,
            at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_and_after_are_the_user_without_a_tag_in_the_json_form_of_a_change() {
        let user = MirrorUser { id: "diruser_1".to_owned(), ..MirrorUser::default() };
        let body = ChangeBody { after: Some(Mirrored::User(Box::new(user))), ..ChangeBody::default() };
        let place = ("org_1".to_owned(), "dir_1".to_owned());
        let change = Change::new(7, ChangeKind::UserCreated, place, body, "sync:1".to_owned(), Timestamp::UNIX_EPOCH);
        let json = serde_json::to_value(&change).unwrap();
        assert_eq!(json["kind"], "user.created");
        assert_eq!(json["before"], serde_json::Value::Null);
        assert_eq!(json["after"]["id"], "diruser_1");
        assert_eq!(json["after"], json["user"]);
    }

    #[test]
    fn a_change_is_read_from_its_json_form() {
        let group = MirrorGroup { id: "dirgroup_1".to_owned(), ..MirrorGroup::default() };
        let user = MirrorUser { id: "diruser_1".to_owned(), ..MirrorUser::default() };
        for mirrored in [Mirrored::Group(group), Mirrored::User(Box::new(user))] {
            let body = ChangeBody { before: Some(mirrored), ..ChangeBody::default() };
            let place = ("org_1".to_owned(), "dir_1".to_owned());
            let change =
                Change::new(7, ChangeKind::GroupDeleted, place, body, "sync:1".to_owned(), Timestamp::UNIX_EPOCH);
            let json = serde_json::to_string(&change).unwrap();
            assert_eq!(serde_json::from_str::<Change>(&json).unwrap(), change);
        }
    }
}
