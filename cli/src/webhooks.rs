//! Events in the vendor's form, made of the changes of a mirror's feed. Their bodies are those of the sandbox.

use headcount::mirror::{MirrorDirectory, Mirrored};
use headcount::{Change, ChangeKind, MirrorUser};
use headcount_sandbox::internal::{
    DIRECTORY_DISABLED, DIRECTORY_ENABLED, Event, EventUser, GROUP_CREATED, GROUP_DELETED, GROUP_UPDATED, Kind,
    USER_CREATED, USER_DELETED, USER_UPDATED, directory_data, group_data,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What the events need to know of the mirror.
#[derive(Default)]
pub(crate) struct Names {
    /// Names of groups by id. A group that is missing has its id as its name.
    pub(crate) groups: BTreeMap<String, String>,
    /// Directories by id.
    pub(crate) directories: BTreeMap<String, MirrorDirectory>,
}

/// Returns the event that the vendor sends for a group of changes, as [`headcount::Mirror::poll_groups`] returns it; `None` if it sends none, such as for
/// roles that the mirror's role map gives.
pub(crate) fn event_of(changes: &[Change], names: &Names) -> Option<Event> {
    let last = changes.last()?;
    if last.user.is_some() {
        return user_event(changes, names);
    }
    let kind = match last.kind {
        ChangeKind::GroupCreated => GROUP_CREATED,
        ChangeKind::GroupUpdated => GROUP_UPDATED,
        ChangeKind::GroupDeleted => GROUP_DELETED,
        ChangeKind::DirectoryEnabled => return directory_event(last, true, names),
        ChangeKind::DirectoryDisabled => return directory_event(last, false, names),
        _ => return None,
    };
    let group = last.group.as_ref()?;
    let data = group_data(&group.id, &group.organization_id, &group.directory_id, &group.display_name, None);
    Some(Event::new(kind, &group.organization_id, data))
}

fn directory_event(change: &Change, enabled: bool, names: &Names) -> Option<Event> {
    let kind = if enabled { DIRECTORY_ENABLED } else { DIRECTORY_DISABLED };
    let directory = names.directories.get(&change.directory_id)?;
    let product = (directory.directory_type.as_str(), directory.directory_provider.as_str());
    let data = directory_data(&directory.id, &directory.organization_id, product, enabled, change.at);
    Some(Event::new(kind, &directory.organization_id, data))
}

/// Returns the event of the changes of one user.
fn user_event(changes: &[Change], names: &Names) -> Option<Event> {
    let kind = user_kind(changes)?;
    let user = changes.last()?.user.as_ref()?;
    let detail = changes.iter().rev().find_map(|change| change.user.as_ref()?.detail.as_ref());
    let detail: Map<String, Value> = detail.and_then(|detail| detail.decode().ok()).unwrap_or_default();
    let text = |name: &str| detail.get(name).and_then(Value::as_str);
    let name_of = |id: &str| names.groups.get(id).cloned().unwrap_or_else(|| id.to_owned());
    let groups: Vec<(&str, String)> = user.group_ids.iter().map(|id| (id.as_str(), name_of(id))).collect();
    let event = EventUser {
        id: &user.id,
        organization_id: &user.organization_id,
        active: user.active,
        email: &user.email,
        given_name: &user.given_name,
        family_name: &user.family_name,
        preferred_username: &user.preferred_username,
        dp_id: text("id").unwrap_or_default(),
        title: text("title"),
        groups: groups.iter().map(|(id, name)| (*id, name.as_str())).collect(),
        roles: user.vendor_roles.iter().map(String::as_str).collect(),
    };
    let data = if kind == USER_DELETED { event.deleted_data() } else { event.data() };
    Some(Event::new(kind, &user.organization_id, data))
}

/// Returns the type of the event that the vendor sends for the changes of one user. With a grace for leavers, the vendor's deletion is the start of the
/// grace, and not its end.
fn user_kind(changes: &[Change]) -> Option<Kind> {
    let is = |kind| changes.iter().any(|change| change.kind == kind);
    let leaves = |side: &Option<Mirrored>| {
        side.as_ref().and_then(Mirrored::user).is_some_and(|user: &MirrorUser| user.deletes_at.is_some())
    };
    let was_leaving =
        changes.iter().find(|change| change.before.is_some()).is_some_and(|change| leaves(&change.before));
    let is_leaving = changes.iter().rfind(|change| change.after.is_some()).is_some_and(|change| leaves(&change.after));
    if is(ChangeKind::UserDeleted) {
        return (!was_leaving).then_some(USER_DELETED);
    }
    match (was_leaving, is_leaving) {
        _ if is(ChangeKind::UserCreated) => Some(USER_CREATED),
        (false, true) => Some(USER_DELETED),
        (true, false) => Some(USER_CREATED),
        (true, true) => None,
        // The role map is the application's own: the vendor does not know its roles.
        (false, false) => changes.iter().any(|change| change.kind != ChangeKind::RolesChanged).then_some(USER_UPDATED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Returns a change of a user, with these sides.
    fn change(kind: &str, before: Option<Value>, after: Option<Value>) -> Change {
        let user = after.clone().or(before.clone());
        let change = json!({
            "seq": 7, "kind": kind, "organization_id": "org_1", "directory_id": "dir_1", "user": user, "group": null,
            "before": before, "after": after, "fields": [], "cause": "sync:1", "at": "2026-01-02T03:04:05Z",
        });
        serde_json::from_value(change).unwrap()
    }

    fn user(deletes_at: Option<&str>) -> Option<Value> {
        Some(json!({
            "id": "diruser_1", "organization_id": "org_1", "directory_id": "dir_1", "email": "ada@example.com",
            "given_name": "Ada", "family_name": "King", "preferred_username": "ada", "emails": [],
            "active": deletes_at.is_none(), "group_ids": ["dirgroup_1", "dirgroup_2"], "roles": [],
            "vendor_roles": ["admin"], "linked_id": null, "deletes_at": deletes_at, "updated_at": null,
            "detail": { "id": "dp_1", "title": "Engineer" }, "attributes": null,
        }))
    }

    fn type_of(changes: &[Change]) -> Option<&'static str> {
        event_of(changes, &Names::default()).map(|event| event.type_)
    }

    const LATER: Option<&str> = Some("2026-02-02T00:00:00Z");

    #[test]
    fn an_event_has_the_users_groups_by_name_and_the_directorys_own_id() {
        let names = Names { groups: [("dirgroup_1".to_owned(), "Sales".to_owned())].into(), ..Names::default() };
        let event = event_of(&[change("user.created", None, user(None))], &names).unwrap();
        assert_eq!(event.type_, "organization.directory.user_created");
        assert_eq!(event.data["dp_id"], "dp_1");
        assert_eq!(event.data["title"], "Engineer");
        assert_eq!(event.data["name"], "Ada King");
        assert_eq!(event.data["roles"], json!([{ "role_name": "admin" }]));
        assert_eq!(
            event.data["groups"],
            json!([{ "id": "dirgroup_1", "name": "Sales" }, { "id": "dirgroup_2", "name": "dirgroup_2" }])
        );
    }

    #[test]
    fn a_leaver_is_deleted_when_the_grace_starts_and_not_again_when_it_ends() {
        assert_eq!(type_of(&[change("user.deleted", user(None), None)]), Some("organization.directory.user_deleted"));
        let leaves = change("user.deactivated", user(None), user(LATER));
        assert_eq!(type_of(&[leaves]), Some("organization.directory.user_deleted"));
        assert_eq!(type_of(&[change("user.deleted", user(LATER), None)]), None);
        let returns = change("user.reactivated", user(LATER), user(None));
        assert_eq!(type_of(&[returns]), Some("organization.directory.user_created"));
        assert_eq!(type_of(&[change("user.updated", user(LATER), user(LATER))]), None);
    }

    #[test]
    fn the_roles_of_the_mirrors_own_map_are_no_event() {
        let roles = change("roles.changed", user(None), user(None));
        assert_eq!(type_of(std::slice::from_ref(&roles)), None);
        let updated = change("user.updated", user(None), user(None));
        assert_eq!(type_of(&[updated, roles]), Some("organization.directory.user_updated"));
    }
}
