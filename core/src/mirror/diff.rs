//! From a before and an after to what changed: the only place that decides it.
//!
//! What comes out is a walk: each change starts where the one before it ended, the first from the before, the last at the after. A
//! hire's first change and a leaver's last one are whole, groups and roles included, so that whoever handles those two alone has all of it;
//! the memberships and roles are told beside them for whoever handles nothing else.

use crate::record::{ChangeKind, MirrorGroup, MirrorUser, Mirrored};

/// A change before it has a number, a cause and a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delta {
    /// What kind of change.
    pub(super) kind: ChangeKind,
    /// The user of a membership, as they are after all that changed with it.
    pub(super) user: Option<MirrorUser>,
    /// The id of a membership's group.
    pub(super) group_id: Option<String>,
    /// What was.
    pub(super) before: Option<Mirrored>,
    /// What is.
    pub(super) after: Option<Mirrored>,
    /// What changed.
    pub(super) fields: Vec<&'static str>,
}

/// What has changed of a user. Both are users of one id; nothing stands for nobody.
pub(super) fn user(before: Option<&MirrorUser>, after: Option<&MirrorUser>) -> Vec<Delta> {
    let mut walk = Vec::new();
    match (before, after) {
        (None, None) => {}
        (None, Some(after)) => {
            let bare = MirrorUser { group_ids: Vec::new(), roles: Vec::new(), ..after.clone() };
            walk.push(whole(ChangeKind::UserCreated, None, Some(after), Vec::new()));
            memberships(&mut walk, bare, after);
        }
        (Some(before), None) => {
            let bare = MirrorUser { group_ids: Vec::new(), roles: Vec::new(), ..before.clone() };
            memberships(&mut walk, before.clone(), &bare);
            walk.push(whole(ChangeKind::UserDeleted, Some(before), None, Vec::new()));
        }
        (Some(before), Some(after)) => {
            let mut at = before.clone();
            let fields = profile_fields(before, after);
            if !fields.is_empty() {
                let next = MirrorUser {
                    active: before.active,
                    group_ids: before.group_ids.clone(),
                    roles: before.roles.clone(),
                    ..after.clone()
                };
                walk.push(whole(ChangeKind::UserUpdated, Some(&at), Some(&next), fields));
                at = next;
            }
            if before.active != after.active {
                let kind = if after.active { ChangeKind::UserReactivated } else { ChangeKind::UserDeactivated };
                let next = MirrorUser { active: after.active, ..at.clone() };
                walk.push(whole(kind, Some(&at), Some(&next), vec!["active"]));
                at = next;
            }
            memberships(&mut walk, at, after);
        }
    }
    walk
}

/// What has changed of a group.
pub(super) fn group(before: Option<&MirrorGroup>, after: Option<&MirrorGroup>) -> Vec<Delta> {
    let kind = match (before, after) {
        (None, None) => return Vec::new(),
        (None, Some(_)) => ChangeKind::GroupCreated,
        (Some(_), None) => ChangeKind::GroupDeleted,
        (Some(before), Some(after)) if group_fields(before, after).is_empty() => return Vec::new(),
        (Some(_), Some(_)) => ChangeKind::GroupUpdated,
    };
    let fields = before.zip(after).map(|(before, after)| group_fields(before, after)).unwrap_or_default();
    let mirrored = |group: Option<&MirrorGroup>| group.cloned().map(Mirrored::Group);
    vec![Delta { kind, user: None, group_id: None, before: mirrored(before), after: mirrored(after), fields }]
}

/// The walk from one set of groups and roles to another: first out, then in, then the roles.
fn memberships(walk: &mut Vec<Delta>, mut at: MirrorUser, after: &MirrorUser) {
    let lacks = |of: &MirrorUser, id: &String| of.group_ids.binary_search(id).is_err();
    let out: Vec<String> = at.group_ids.iter().filter(|id| lacks(after, id)).cloned().collect();
    let into: Vec<String> = after.group_ids.iter().filter(|id| lacks(&at, id)).cloned().collect();
    for (kind, ids) in [(ChangeKind::MembershipRemoved, out), (ChangeKind::MembershipAdded, into)] {
        for id in ids {
            match at.group_ids.binary_search(&id) {
                Ok(position) => drop(at.group_ids.remove(position)),
                Err(position) => at.group_ids.insert(position, id.clone()),
            }
            walk.push(Delta {
                kind,
                user: Some(brief(after)),
                group_id: Some(id),
                before: None,
                after: None,
                fields: vec!["group_ids"],
            });
        }
    }
    if at.roles != after.roles {
        let next = MirrorUser { roles: after.roles.clone(), ..at.clone() };
        let mirrored = |user: &MirrorUser| Some(Mirrored::User(Box::new(brief(user))));
        walk.push(Delta {
            kind: ChangeKind::RolesChanged,
            user: None,
            group_id: None,
            before: mirrored(&at),
            after: mirrored(&next),
            fields: vec!["roles"],
        });
    }
}

fn whole(
    kind: ChangeKind,
    before: Option<&MirrorUser>,
    after: Option<&MirrorUser>,
    fields: Vec<&'static str>,
) -> Delta {
    let mirrored = |user: Option<&MirrorUser>| user.cloned().map(|user| Mirrored::User(Box::new(user)));
    Delta { kind, user: None, group_id: None, before: mirrored(before), after: mirrored(after), fields }
}

/// The user without what their directory says at length: groups and roles change often, and a feed is kept for long.
fn brief(user: &MirrorUser) -> MirrorUser {
    MirrorUser { detail: None, attributes: None, ..user.clone() }
}

/// Names the fields of two values that differ.
macro_rules! differing {
    ($before:ident, $after:ident: $($field:ident),*) => {{
        let mut fields = Vec::new();
        $(if $before.$field != $after.$field { fields.push(stringify!($field)); })*
        fields
    }};
}

fn profile_fields(before: &MirrorUser, after: &MirrorUser) -> Vec<&'static str> {
    differing!(before, after: organization_id, directory_id, email, given_name, family_name, preferred_username, emails,
        vendor_roles, detail, attributes)
}

fn group_fields(before: &MirrorGroup, after: &MirrorGroup) -> Vec<&'static str> {
    differing!(before, after: organization_id, directory_id, display_name)
}

#[cfg(test)]
mod tests {
    use super::*;

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

    fn kinds(walk: &[Delta]) -> Vec<ChangeKind> {
        walk.iter().map(|delta| delta.kind).collect()
    }

    #[test]
    fn nothing_changes_nothing() {
        assert_eq!(user(None, None), []);
        assert_eq!(user(Some(&ada()), Some(&ada())), []);
        let later = MirrorUser { updated_at: Some(Timestamp::UNIX_EPOCH), linked_id: Some("acct_1".into()), ..ada() };
        assert_eq!(user(Some(&ada()), Some(&later)), []);
    }

    #[test]
    fn a_hire_and_a_leaver_are_walks() {
        use ChangeKind::*;
        assert_eq!(kinds(&user(None, Some(&ada()))), [UserCreated, MembershipAdded, MembershipAdded, RolesChanged]);
        assert_eq!(kinds(&user(Some(&ada()), None)), [MembershipRemoved, MembershipRemoved, RolesChanged, UserDeleted]);
        // Whoever copies the user of every change never sees half of what came at once.
        let hired = user(None, Some(&ada()));
        assert!(hired[1..3].iter().all(|delta| delta.user == Some(ada())));
    }

    #[test]
    fn each_change_starts_where_the_last_one_ended() {
        use ChangeKind::*;
        let after = MirrorUser {
            email: "king@example.com".into(),
            active: false,
            group_ids: vec!["b".into(), "c".into()],
            roles: vec![],
            ..ada()
        };
        let walk = user(Some(&ada()), Some(&after));
        assert_eq!(kinds(&walk), [UserUpdated, UserDeactivated, MembershipRemoved, MembershipAdded, RolesChanged]);
        assert_eq!(walk[0].fields, ["email"]);
        assert_eq!(walk[0].after, walk[1].before);
        assert_eq!(walk[2].group_id.as_deref(), Some("a"));
        assert!([2, 3].iter().all(|at| walk[*at].user == Some(after.clone())));
        assert_eq!(walk[4].after, Some(Mirrored::User(Box::new(after))));
    }

    use crate::Timestamp;
}
