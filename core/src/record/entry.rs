//! The stored form of the feed.
//!
//! All changes that one step makes to one user, group, directory or organization are one entry. It has the user or group before and after the step,
//! each once, and a list of the changes. [`Entry::changes`] restores the changes: each starts in the state in which the previous one ended.

use super::{Change, ChangeBody, ChangeKind, MirrorGroup, MirrorUser, Mirrored, Rehire};
use crate::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::Range;

/// An entry before it has a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// Id of the organization.
    pub organization_id: String,
    /// Id of the directory.
    pub directory_id: String,
    /// What caused the changes.
    pub cause: String,
    /// Time of the write, by the clock of the machine that made it.
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
    /// The kind of the only change, in parked changes and in entries that version 0.1.0 wrote; `None` in other entries.
    pub kind: Option<ChangeKind>,
    /// Id of the organization.
    pub organization_id: String,
    /// Id of the directory; empty for changes of organizations.
    pub directory_id: String,
    /// What caused the changes.
    pub cause: String,
    /// Time of the write, by the clock of the machine that made it.
    pub at: Timestamp,
    /// The changes as JSON: an [`EntryBody`], or a [`ChangeBody`] where `kind` is given.
    pub body: String,
}

/// The content of an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryBody {
    /// The user or group before the step; `None` if it did not exist, in entries that have only changes of memberships and roles, and in those of
    /// directories and organizations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Mirrored>,
    /// The user or group after the step; `None` if it no longer exists, and in entries of directories and organizations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Mirrored>,
    /// The roles before the step, in entries that have only changes of memberships and roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// The groups of the membership changes, each once, in the order of their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<MirrorGroup>,
    /// The changes, in the order of their numbers.
    pub changes: Vec<Delta>,
    /// The former user whom the new user may be, in entries of creations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehire: Option<Rehire>,
    /// The only change, in entries that version 0.1.0 wrote and that were copied to another store; the other fields have only its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Box<ChangeBody>>,
}

/// One change of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// The kind of the change.
    pub kind: ChangeKind,
    /// Id of the group of a membership; `None` for other kinds of changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// Names of the fields that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

impl NewEntry {
    /// Returns the number of changes in the entry. Stores refuse an entry without changes.
    pub fn count(&self) -> u32 {
        u32::try_from(self.body.changes.len()).unwrap_or(u32::MAX)
    }
}

impl EntryBody {
    /// Returns the stored form: the JSON text of this value.
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
    /// Returns the entry's changes, in the order of their numbers.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the stored form cannot be read.
    pub fn changes(self) -> Result<Vec<Change>> {
        self.changes_after(i64::MIN, usize::MAX)
    }

    /// Returns the entry without [`kind`](Entry::kind), for a store that has no column for it. It has the same changes.
    ///
    /// # Errors
    ///
    /// As [`changes`](Entry::changes).
    pub fn in_present_form(self) -> Result<Entry> {
        let Some(kind) = self.kind else { return Ok(self) };
        let only = serde_json::from_str(&self.body).map_err(damaged)?;
        let changes = vec![Delta { kind, group_id: None, fields: Vec::new() }];
        let body = EntryBody { changes, only: Some(only), ..EntryBody::default() };
        Ok(Entry { kind: None, body: body.encode()?, ..self })
    }

    /// Returns the first `limit` of the entry's changes whose numbers are greater than `after`. The others are not made: each change of a user has a
    /// copy of the user with all group ids, so making all changes takes time that is quadratic in the number of groups.
    ///
    /// # Errors
    ///
    /// As [`changes`](Entry::changes).
    pub fn changes_after(self, after: i64, limit: usize) -> Result<Vec<Change>> {
        let Entry { last, count, kind, organization_id, directory_id, cause, at, body } = self;
        let first = last - i64::from(count) + 1;
        let skipped = usize::try_from(after.saturating_sub(first).saturating_add(1)).unwrap_or(0);
        let wanted = skipped..skipped.saturating_add(limit);
        let bodies: Vec<(ChangeKind, ChangeBody)> = match kind {
            Some(_) if !wanted.contains(&0) => Vec::new(),
            Some(kind) => vec![(kind, serde_json::from_str(&body).map_err(damaged)?)],
            None => serde_json::from_str::<EntryBody>(&body).map_err(damaged)?.bodies(&wanted),
        };
        let place = (organization_id, directory_id);
        let numbers = (first..).skip(skipped);
        let changes = bodies
            .into_iter()
            .zip(numbers)
            .map(|((kind, body), seq)| Change::new(seq, kind, place.clone(), body, cause.clone(), at));
        Ok(changes.collect())
    }
}

impl EntryBody {
    /// Returns the kind and content of each change whose position in the entry is in `wanted`.
    fn bodies(self, wanted: &Range<usize>) -> Vec<(ChangeKind, ChangeBody)> {
        let EntryBody { before, after, roles, groups, changes, rehire, only } = self;
        if let Some(only) = only {
            let deltas = changes.into_iter().take(1).filter(|_| wanted.contains(&0));
            return deltas.map(|delta| (delta.kind, (*only).clone())).collect();
        }
        let user = |side: &Option<Mirrored>| side.as_ref().and_then(Mirrored::user).cloned();
        let (user_before, user_after) = (user(&before), user(&after));
        let deltas = changes.into_iter().enumerate();
        let Some(latest) = user_after.clone().or_else(|| user_before.clone()) else {
            // An entry of a group, directory or organization has one change.
            let body = ChangeBody { before, after, ..ChangeBody::default() };
            return deltas
                .filter(|(index, _)| wanted.contains(index))
                .map(|(_, delta)| (delta.kind, ChangeBody { fields: delta.fields, ..body.clone() }))
                .collect();
        };
        // If the user is deleted, the deletion is preceded by the removal of each membership. The user in these changes has no groups and no roles.
        let end = user_after.unwrap_or_else(|| without_groups(&latest));
        // The user's state before the next change.
        let mut state =
            user_before.unwrap_or_else(|| MirrorUser { roles: roles.unwrap_or_default(), ..without_groups(&end) });
        let groups: HashMap<&str, &MirrorGroup> = groups.iter().map(|group| (group.id.as_str(), group)).collect();
        let mut bodies = Vec::new();
        for (index, delta) in deltas.take_while(|(index, _)| *index < wanted.end) {
            let is_wanted = wanted.contains(&index);
            let mut body = ChangeBody { fields: delta.fields, ..ChangeBody::default() };
            // The changes are in the order in which `diff` makes them: memberships follow the other fields, and roles follow memberships.
            let next = match delta.kind {
                ChangeKind::UserUpdated => MirrorUser {
                    active: state.active,
                    group_ids: state.group_ids.clone(),
                    roles: state.roles.clone(),
                    // If `active` changes as well, it does so together with `deletes_at`.
                    deletes_at: if state.active == end.active { end.deletes_at } else { state.deletes_at },
                    ..end.clone()
                },
                ChangeKind::UserDeactivated | ChangeKind::UserReactivated => {
                    MirrorUser { active: end.active, deletes_at: end.deletes_at, ..state.clone() }
                }
                ChangeKind::RolesChanged => {
                    state.group_ids.clone_from(&end.group_ids);
                    state = brief(&state);
                    MirrorUser { roles: end.roles.clone(), ..state.clone() }
                }
                _ if !is_wanted => continue,
                kind => {
                    match kind {
                        ChangeKind::UserCreated => {
                            body.after.clone_from(&after);
                            body.rehire.clone_from(&rehire);
                        }
                        ChangeKind::UserDeleted => body.before.clone_from(&before),
                        _ => {
                            let id = delta.group_id.unwrap_or_default();
                            body.user = Some(brief(&end));
                            body.group = groups.get(id.as_str()).map(|group| (*group).clone());
                        }
                    }
                    bodies.push((kind, body));
                    continue;
                }
            };
            if is_wanted {
                (body.before, body.after) = (mirrored(&state), mirrored(&next));
                bodies.push((delta.kind, body));
            }
            state = next;
        }
        bodies
    }
}

fn damaged(error: serde_json::Error) -> Error {
    Error::store("a feed entry cannot be read: the file is damaged, restore it or sync into a new one")
        .with_source(error)
}

fn mirrored(user: &MirrorUser) -> Option<Mirrored> {
    Some(Mirrored::User(Box::new(user.clone())))
}

fn without_groups(user: &MirrorUser) -> MirrorUser {
    MirrorUser { group_ids: Vec::new(), roles: Vec::new(), ..user.clone() }
}

/// Returns the user without `detail` and `attributes`, which can be long. Entries of changes of memberships and roles have the user in this form,
/// because such changes are frequent and the feed keeps them for weeks.
pub(crate) fn brief(user: &MirrorUser) -> MirrorUser {
    MirrorUser { detail: None, attributes: None, ..user.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(n: usize) -> MirrorGroup {
        MirrorGroup { id: format!("dirgroup_{n:05}"), display_name: format!("Group {n}"), ..MirrorGroup::default() }
    }

    /// Makes the entry of a new user who is in `count` groups.
    fn created_in(count: usize) -> Entry {
        let groups: Vec<MirrorGroup> = (0..count).map(group).collect();
        let user = MirrorUser {
            id: "diruser_1".to_owned(),
            group_ids: groups.iter().map(|group| group.id.clone()).collect(),
            roles: vec!["developer".to_owned()],
            ..MirrorUser::default()
        };
        let delta = |kind, group_id| Delta { kind, group_id, fields: Vec::new() };
        let mut changes = vec![delta(ChangeKind::UserCreated, None)];
        changes.extend(groups.iter().map(|group| delta(ChangeKind::MembershipAdded, Some(group.id.clone()))));
        changes.push(delta(ChangeKind::RolesChanged, None));
        let body = EntryBody { after: mirrored(&user), groups, changes, ..EntryBody::default() };
        Entry {
            last: 1_000 + body.changes.len() as i64,
            count: body.changes.len() as u32,
            kind: None,
            organization_id: "org_1".to_owned(),
            directory_id: "dir_1".to_owned(),
            cause: "event:evt_1".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            body: body.encode().unwrap(),
        }
    }

    #[test]
    fn the_size_of_an_entry_is_linear_in_the_number_of_groups() {
        let (half, whole) = (created_in(1_000).body.len(), created_in(2_000).body.len());
        assert!(whole < half * 2 + 1_000, "1,000 groups take {half} bytes, 2,000 take {whole}");
        assert!(whole < 2_000 * 500, "2,000 groups take {whole} bytes");
    }

    #[test]
    fn changes_after_returns_a_part_of_the_changes_that_changes_returns() {
        let entry = created_in(7);
        let all = entry.clone().changes().unwrap();
        for after in 999..=1_010 {
            for limit in [0, 1, 3, 100] {
                let part = entry.clone().changes_after(after, limit).unwrap();
                let expected: Vec<_> = all.iter().filter(|change| change.seq > after).take(limit).cloned().collect();
                assert_eq!(part, expected, "{limit} changes after {after}");
            }
        }
    }

    #[test]
    fn an_entry_of_version_0_1_0_has_the_same_change_in_the_present_form() {
        let user = MirrorUser { id: "diruser_1".to_owned(), linked_id: Some("1".to_owned()), ..MirrorUser::default() };
        let body = ChangeBody { user: Some(user), group: Some(group(1)), ..ChangeBody::default() };
        let body = serde_json::to_string(&body).unwrap();
        let old = Entry { last: 7, count: 1, kind: Some(ChangeKind::MembershipAdded), body, ..created_in(0) };
        let new = old.clone().in_present_form().unwrap();
        assert_eq!(new.kind, None);
        assert_eq!(new.clone().changes().unwrap(), old.clone().changes().unwrap());
        assert_eq!(new.clone().changes_after(7, 1).unwrap(), []);
        assert_eq!(new.clone().in_present_form().unwrap(), new);
    }

    #[test]
    fn changes_of_memberships_have_their_group_and_precede_changes_of_roles() {
        let changes = created_in(3).changes().unwrap();
        assert_eq!(changes[2].group, Some(group(1)));
        assert_eq!(changes[2].user.as_ref().unwrap().group_ids.len(), 3);
        let before = changes[4].before.as_ref().unwrap().user().unwrap();
        assert_eq!(before.group_ids.len(), 3);
        assert!(before.roles.is_empty());
    }
}
