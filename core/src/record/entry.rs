//! The stored form of the feed.
//!
//! All changes that one step makes to one user, group or directory are one entry: it holds the row before and after once, and a list of the
//! changes. [`Entry::changes`] restores the changes, each of which starts where the one before it ended.

use super::{Change, ChangeBody, ChangeKind, MirrorGroup, MirrorUser, Mirrored};
use crate::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};

/// An entry before it has a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// Id of the organization.
    pub organization_id: String,
    /// Id of the directory.
    pub directory_id: String,
    /// What caused the changes.
    pub cause: String,
    /// Local time of the write.
    pub at: Timestamp,
    /// The changes; stored as [`EntryBody::encode`] writes them.
    pub body: EntryBody,
}

/// An entry as stores keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Number of the entry's last change. The others have the numbers before it.
    pub last: i64,
    /// Number of changes in the entry.
    pub count: u32,
    /// The kind of the entry's only change in the form that version 0.1.0 wrote; `None` in today's form.
    pub kind: Option<ChangeKind>,
    /// Id of the organization.
    pub organization_id: String,
    /// Id of the directory.
    pub directory_id: String,
    /// What caused the changes.
    pub cause: String,
    /// Local time of the write.
    pub at: Timestamp,
    /// The changes as JSON: an [`EntryBody`], or a [`ChangeBody`] where `kind` is given.
    pub body: String,
}

/// What an entry holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryBody {
    /// The user or group before the step; `None` if it was not there, and in entries of memberships and roles alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Mirrored>,
    /// The user or group after the step; `None` if it is not there any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Mirrored>,
    /// The roles before the step, in entries of memberships and roles alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// The groups that memberships name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<MirrorGroup>,
    /// The changes in order.
    pub changes: Vec<Delta>,
}

/// One change of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// What the change is.
    pub kind: ChangeKind,
    /// Id of the group of a membership.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// Names of the fields that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

impl NewEntry {
    /// Number of changes in the entry: at least 1.
    pub fn count(&self) -> u32 {
        u32::try_from(self.body.changes.len()).unwrap_or(u32::MAX)
    }
}

impl EntryBody {
    /// The stored form.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if it cannot be written as JSON.
    pub fn encode(&self) -> Result<String> {
        serde_json::to_string(self)
            .map_err(|error| Error::internal(format!("a feed entry cannot be written as JSON: {error}")))
    }
}

impl Entry {
    /// The entry's changes, in the order of their numbers.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the stored form cannot be read.
    pub fn changes(self) -> Result<Vec<Change>> {
        let Entry { last, count, kind, organization_id, directory_id, cause, at, body } = self;
        let damaged = |error: serde_json::Error| {
            Error::store("a feed entry cannot be read: the file is damaged, restore it or sync into a new one")
                .with_source(error)
        };
        let bodies: Vec<(ChangeKind, ChangeBody)> = match kind {
            Some(kind) => vec![(kind, serde_json::from_str(&body).map_err(damaged)?)],
            None => serde_json::from_str::<EntryBody>(&body).map_err(damaged)?.bodies(),
        };
        let first = last - i64::from(count) + 1;
        let place = (organization_id, directory_id);
        let changes = bodies
            .into_iter()
            .zip(first..)
            .map(|((kind, body), seq)| Change::new(seq, kind, place.clone(), body, cause.clone(), at));
        Ok(changes.collect())
    }
}

impl EntryBody {
    /// Returns the kind and content of each change.
    fn bodies(self) -> Vec<(ChangeKind, ChangeBody)> {
        let EntryBody { before, after, roles, groups, changes } = self;
        let user = |side: &Option<Mirrored>| side.as_ref().and_then(Mirrored::user).cloned();
        let (user_before, user_after) = (user(&before), user(&after));
        let Some(latest) = user_after.clone().or_else(|| user_before.clone()) else {
            // A group or a directory has one change a step.
            let body = ChangeBody { before, after, ..ChangeBody::default() };
            return changes
                .into_iter()
                .map(|delta| (delta.kind, ChangeBody { fields: delta.fields, ..body.clone() }))
                .collect();
        };
        // Members of a deleted user's groups leave them one by one: the user of such a change has no groups and roles left.
        let end = user_after.unwrap_or_else(|| without_groups(&latest));
        let mut at = user_before.unwrap_or_else(|| match roles {
            Some(roles) => MirrorUser { group_ids: group_ids_before(&end, &changes), roles, ..end.clone() },
            None => without_groups(&end),
        });
        let mut bodies = Vec::with_capacity(changes.len());
        for delta in changes {
            let mut body = ChangeBody { fields: delta.fields, ..ChangeBody::default() };
            match delta.kind {
                ChangeKind::UserCreated => body.after.clone_from(&after),
                ChangeKind::UserDeleted => body.before.clone_from(&before),
                ChangeKind::UserUpdated => {
                    let next = MirrorUser {
                        active: at.active,
                        group_ids: at.group_ids.clone(),
                        roles: at.roles.clone(),
                        ..end.clone()
                    };
                    (body.before, body.after) = (mirrored(&at), mirrored(&next));
                    at = next;
                }
                ChangeKind::UserDeactivated | ChangeKind::UserReactivated => {
                    let next = MirrorUser { active: end.active, ..at.clone() };
                    (body.before, body.after) = (mirrored(&at), mirrored(&next));
                    at = next;
                }
                ChangeKind::MembershipAdded | ChangeKind::MembershipRemoved => {
                    let id = delta.group_id.unwrap_or_default();
                    set_member(&mut at.group_ids, &id, delta.kind == ChangeKind::MembershipAdded);
                    body.user = Some(brief(&end));
                    body.group = groups.iter().find(|group| group.id == id).cloned();
                }
                _ => {
                    let next = MirrorUser { roles: end.roles.clone(), ..at.clone() };
                    (body.before, body.after) = (mirrored(&brief(&at)), mirrored(&brief(&next)));
                    at = next;
                }
            }
            bodies.push((delta.kind, body));
        }
        bodies
    }
}

fn mirrored(user: &MirrorUser) -> Option<Mirrored> {
    Some(Mirrored::User(Box::new(user.clone())))
}

fn without_groups(user: &MirrorUser) -> MirrorUser {
    MirrorUser { group_ids: Vec::new(), roles: Vec::new(), ..user.clone() }
}

/// The user without the directory's own description, which can be long: changes of memberships and roles are frequent, and the feed is kept
/// for weeks.
pub(crate) fn brief(user: &MirrorUser) -> MirrorUser {
    MirrorUser { detail: None, attributes: None, ..user.clone() }
}

/// The groups of `end` before `changes`.
fn group_ids_before(end: &MirrorUser, changes: &[Delta]) -> Vec<String> {
    let mut ids = end.group_ids.clone();
    for delta in changes {
        if let Some(id) = &delta.group_id {
            set_member(&mut ids, id, delta.kind == ChangeKind::MembershipRemoved);
        }
    }
    ids
}

/// Puts an id into a sorted list, or takes it out.
fn set_member(ids: &mut Vec<String>, id: &str, is_member: bool) {
    match (ids.binary_search_by(|known| known.as_str().cmp(id)), is_member) {
        (Ok(position), false) => drop(ids.remove(position)),
        (Err(position), true) => ids.insert(position, id.to_owned()),
        _ => {}
    }
}
