//! Compares two states of a row and returns the changes between them. No other module does so.
//!
//! The order of the changes matters: one after another, they turn the state before into the state after. The first change of a new user and the last
//! change of a removed user contain the whole user, groups and roles included, so that a consumer that handles only those two has everything;
//! memberships and roles follow (or precede) them as changes of their own.

use crate::record::{ChangeKind, Delta, MirrorGroup, MirrorUser};

/// Returns the changes between two states of one user; `None` is a user who does not exist.
pub(super) fn user(before: Option<&MirrorUser>, after: Option<&MirrorUser>) -> Vec<Delta> {
    let mut changes = Vec::new();
    match (before, after) {
        (None, None) => {}
        (None, Some(after)) => {
            changes.push(change(ChangeKind::UserCreated, Vec::new()));
            memberships(&mut changes, &[], &after.group_ids);
            roles(&mut changes, &[], &after.roles);
        }
        (Some(before), None) => {
            memberships(&mut changes, &before.group_ids, &[]);
            roles(&mut changes, &before.roles, &[]);
            changes.push(change(ChangeKind::UserDeleted, Vec::new()));
        }
        (Some(before), Some(after)) => {
            let mut fields = profile_fields(before, after);
            // If `active` changes as well, the change of `active` has it.
            if before.active == after.active && before.deletes_at != after.deletes_at {
                fields.push("deletes_at");
            }
            if !fields.is_empty() {
                changes.push(change(ChangeKind::UserUpdated, fields));
            }
            if before.active != after.active {
                let kind = if after.active { ChangeKind::UserReactivated } else { ChangeKind::UserDeactivated };
                changes.push(change(kind, vec!["active"]));
            }
            memberships(&mut changes, &before.group_ids, &after.group_ids);
            roles(&mut changes, &before.roles, &after.roles);
        }
    }
    changes
}

/// Returns the change between two states of one group, if they differ; `None` is a group that does not exist.
pub(super) fn group(before: Option<&MirrorGroup>, after: Option<&MirrorGroup>) -> Option<Delta> {
    match (before, after) {
        (None, None) => None,
        (None, Some(_)) => Some(change(ChangeKind::GroupCreated, Vec::new())),
        (Some(_), None) => Some(change(ChangeKind::GroupDeleted, Vec::new())),
        (Some(before), Some(after)) => {
            let fields = group_fields(before, after);
            (!fields.is_empty()).then(|| change(ChangeKind::GroupUpdated, fields))
        }
    }
}

/// Makes a change that is not about a membership.
pub(super) fn change(kind: ChangeKind, fields: Vec<&'static str>) -> Delta {
    Delta { kind, group_id: None, fields: fields.into_iter().map(str::to_owned).collect() }
}

/// Appends the memberships that end, then those that begin. `before` and `after` are sorted ids of groups.
fn memberships(changes: &mut Vec<Delta>, before: &[String], after: &[String]) {
    let missing = |ids: &'_ [String], others: &'_ [String]| -> Vec<String> {
        ids.iter().filter(|id| others.binary_search(id).is_err()).cloned().collect()
    };
    for (kind, ids) in
        [(ChangeKind::MembershipRemoved, missing(before, after)), (ChangeKind::MembershipAdded, missing(after, before))]
    {
        changes.extend(ids.into_iter().map(|id| Delta { group_id: Some(id), ..change(kind, vec!["group_ids"]) }));
    }
}

fn roles(changes: &mut Vec<Delta>, before: &[String], after: &[String]) {
    if before != after {
        changes.push(change(ChangeKind::RolesChanged, vec!["roles"]));
    }
}

/// Returns the names of the fields that differ. The pattern names every field, so that a new field does not compile until it is in one of the
/// two lists: `compared` or `ignored`.
macro_rules! differing {
    ($type:ident, $before:ident, $after:ident, compared: [$($field:ident),*], ignored: [$($ignored:ident),*]) => {{
        let $type { $($field: _,)* $($ignored: _,)* } = $before;
        let mut fields = Vec::new();
        $(if $before.$field != $after.$field { fields.push(stringify!($field)); })*
        fields
    }};
}

/// Returns the names of the profile fields that differ; a `user.updated` lists them. Changes of `active`, groups and roles have kinds of their
/// own, a new `updated_at` alone is no change, and the application sets `linked_id` and `protection`. `deletes_at` usually changes together with `active`, and is
/// listed by the caller otherwise.
fn profile_fields(before: &MirrorUser, after: &MirrorUser) -> Vec<&'static str> {
    differing!(
        MirrorUser, before, after,
        compared: [
            organization_id, directory_id, email, given_name, family_name, preferred_username, emails, vendor_roles, detail,
            attributes
        ],
        ignored: [id, active, group_ids, roles, linked_id, protection, deletes_at, updated_at]
    )
}

fn group_fields(before: &MirrorGroup, after: &MirrorGroup) -> Vec<&'static str> {
    differing!(
        MirrorGroup, before, after,
        compared: [organization_id, directory_id, display_name],
        ignored: [id, updated_at]
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::record::{Change, Entry, EntryBody, Mirrored};
    use proptest::prelude::*;

    fn ada() -> MirrorUser {
        MirrorUser {
            id: "diruser_1".into(),
            email: "ada@example.com".into(),
            active: true,
            group_ids: vec!["a".into(), "b".into()],
            roles: vec!["developer".into()],
            ..MirrorUser::default()
        }
    }

    fn kinds(changes: &[Delta]) -> Vec<ChangeKind> {
        changes.iter().map(|change| change.kind).collect()
    }

    #[test]
    fn equal_states_have_no_changes() {
        assert_eq!(user(None, None), []);
        assert_eq!(user(Some(&ada()), Some(&ada())), []);
    }

    #[test]
    fn a_new_update_time_or_link_is_no_change() {
        let later = MirrorUser {
            updated_at: Some(Timestamp::UNIX_EPOCH),
            linked_id: Some("acct_1".into()),
            protection: Some("last admin".into()),
            ..ada()
        };
        assert_eq!(user(Some(&ada()), Some(&later)), []);
    }

    #[test]
    fn a_deletion_that_is_planned_or_cancelled_updates_a_user_who_is_inactive_before_and_after() {
        let inactive = MirrorUser { active: false, ..ada() };
        let leaver = MirrorUser { deletes_at: Some(Timestamp::UNIX_EPOCH), ..inactive.clone() };
        for (before, after) in [(&inactive, &leaver), (&leaver, &inactive)] {
            let changes = user(Some(before), Some(after));
            assert_eq!(kinds(&changes), [ChangeKind::UserUpdated]);
            assert_eq!(changes[0].fields, ["deletes_at"]);
        }
        for (before, after, kind) in
            [(&ada(), &leaver, ChangeKind::UserDeactivated), (&leaver, &ada(), ChangeKind::UserReactivated)]
        {
            assert_eq!(kinds(&user(Some(before), Some(after))), [kind], "it changes together with `active`");
        }
    }

    #[test]
    fn the_creation_of_a_user_precedes_memberships_and_roles() {
        use ChangeKind::*;
        assert_eq!(kinds(&user(None, Some(&ada()))), [UserCreated, MembershipAdded, MembershipAdded, RolesChanged]);
    }

    #[test]
    fn a_removed_user_loses_memberships_and_roles_before_the_deletion() {
        use ChangeKind::*;
        assert_eq!(kinds(&user(Some(&ada()), None)), [MembershipRemoved, MembershipRemoved, RolesChanged, UserDeleted]);
    }

    #[test]
    fn an_update_names_its_fields_and_precedes_changes_of_active_memberships_and_roles() {
        use ChangeKind::*;
        let after = MirrorUser {
            email: "king@example.com".into(),
            active: false,
            group_ids: vec!["b".into(), "c".into()],
            roles: vec![],
            ..ada()
        };
        let changes = user(Some(&ada()), Some(&after));
        assert_eq!(kinds(&changes), [UserUpdated, UserDeactivated, MembershipRemoved, MembershipAdded, RolesChanged]);
        assert_eq!(changes[0].fields, ["email"]);
        assert_eq!(changes[2].group_id.as_deref(), Some("a"));
        assert_eq!(changes[3].group_id.as_deref(), Some("c"));
    }

    fn people() -> impl Strategy<Value = MirrorUser> {
        let ids = |letters| proptest::collection::btree_set(letters, 0..4).prop_map(|ids| ids.into_iter().collect());
        ("[ab]", any::<bool>(), ids("[a-d]"), ids("[xy]")).prop_map(|(email, active, group_ids, roles)| MirrorUser {
            id: "diruser_1".to_owned(),
            email,
            active,
            group_ids,
            roles,
            ..MirrorUser::default()
        })
    }

    /// The changes of a stored entry that has both states, with all their fields.
    fn stored(before: &MirrorUser, after: &MirrorUser) -> Vec<Change> {
        let changes = user(Some(before), Some(after));
        let mirrored = |user: &MirrorUser| Some(Mirrored::User(Box::new(user.clone())));
        let body = EntryBody { before: mirrored(before), after: mirrored(after), changes, ..EntryBody::default() };
        let entry = Entry {
            last: 100,
            count: body.changes.len() as u32,
            kind: None,
            organization_id: String::new(),
            directory_id: String::new(),
            cause: String::new(),
            at: Timestamp::UNIX_EPOCH,
            body: body.encode().unwrap(),
        };
        entry.changes().unwrap()
    }

    proptest! {
        #[test]
        fn each_change_starts_in_the_state_in_which_the_previous_one_ended(before in people(), after in people()) {
            let changes = stored(&before, &after);
            // Changes of the profile and of `active`, which come first, have `before` and `after`.
            let states = changes.iter().filter(|change| change.kind != ChangeKind::RolesChanged && change.after.is_some());
            let mut at = before.clone();
            for change in states {
                prop_assert_eq!(change.before.as_ref().and_then(Mirrored::user), Some(&at));
                at = change.after.as_ref().and_then(Mirrored::user).cloned().unwrap();
            }
            // Changes of memberships and roles follow. `user` of a change of a membership is the user after the step. `before` and `after` of a change
            // of roles both have the new groups.
            for change in &changes {
                match (change.kind, change.group.as_ref()) {
                    (ChangeKind::MembershipAdded | ChangeKind::MembershipRemoved, _) => {
                        prop_assert_eq!(change.user.as_ref(), Some(&after), "a membership's user is the user after the step");
                    }
                    (ChangeKind::RolesChanged, _) => {
                        at.group_ids.clone_from(&after.group_ids);
                        prop_assert_eq!(change.before.as_ref().and_then(Mirrored::user), Some(&at));
                        at = change.after.as_ref().and_then(Mirrored::user).cloned().unwrap();
                    }
                    _ => {}
                }
            }
            at.group_ids.clone_from(&after.group_ids);
            prop_assert_eq!(at, after);
        }
    }
}
