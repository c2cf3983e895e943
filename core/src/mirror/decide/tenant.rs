//! Tenant isolation: an event changes only rows of its own organization.
//!
//! All events of an environment are signed with the same secret. The organization that an event may change is the one in its envelope, which
//! the vendor writes. Much of the data comes from a customer's directory, so an id in it gives no access to the row that it names.

use super::owns;
use super::step::Step;
use crate::Event;
use crate::model::null_is_default;
use crate::webhook::EventType;
use serde::Deserialize;

/// The ids in an event's data: the id of the row that the event is about, and the id of the organization.
#[derive(Deserialize)]
struct Claim {
    #[serde(default, deserialize_with = "null_is_default")]
    id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    organization_id: String,
}

/// The directory in the data of a group event.
#[derive(Deserialize)]
struct GroupClaim {
    #[serde(default, deserialize_with = "null_is_default")]
    directory_id: String,
}

impl Claim {
    /// Returns the organization that the data names, or the empty text.
    fn organization(&self, event: &Event) -> &str {
        match event.event_type() {
            EventType::OrganizationDeleted => &self.id,
            _ => &self.organization_id,
        }
    }
}

/// Returns the organization whose rows an event may change: the one in its envelope, or in its data if the envelope has none. The empty text if
/// neither has one.
pub(in crate::mirror) fn organization_of(event: &Event) -> String {
    if !event.organization_id().is_empty() {
        return event.organization_id().to_owned();
    }
    event.data().decode::<Claim>().map(|claim| claim.organization(event).to_owned()).unwrap_or_default()
}

/// Returns whether an event must not be applied because of its organization: it is about a row of another organization than the one in its
/// envelope, or it names no organization at all. Tombstones are rows as well. If the envelope has an organization, the one in the data has no
/// effect: in the vendor's published example of `user_deleted` they differ. False for data that cannot be read, which is an error of its own.
pub(super) fn is_foreign(step: &mut Step, event: &Event) -> bool {
    use EventType::*;
    let Ok(claim) = event.data().decode::<Claim>() else { return false };
    let kind = event.event_type();
    if claim.id.is_empty() && *kind != OrganizationDeleted {
        return false;
    }
    let own = organization_of(event);
    if own.is_empty() {
        return true;
    }
    let is_another = |row_organization_id: &str| !owns(&own, row_organization_id);
    match kind {
        OrganizationDirectoryUserCreated | OrganizationDirectoryUserUpdated | OrganizationDirectoryUserDeleted => {
            step.user(&claim.id).is_some_and(|row| is_another(&row.user.organization_id))
        }
        OrganizationDirectoryGroupCreated | OrganizationDirectoryGroupUpdated | OrganizationDirectoryGroupDeleted => {
            let directory_id = event.data().decode::<GroupClaim>().map(|claim| claim.directory_id).unwrap_or_default();
            step.group(&claim.id).is_some_and(|row| is_another(&row.group.organization_id))
                || !directory_id.is_empty() && is_other_directory(step, &own, &directory_id)
        }
        OrganizationDirectoryEnabled | OrganizationDirectoryDisabled => is_other_directory(step, &own, &claim.id),
        OrganizationDeleted => !owns(&own, &claim.id),
        _ => false,
    }
}

/// Returns whether a directory belongs to another organization. A directory without a row belongs to none.
pub(super) fn is_other_directory(step: &mut Step, organization_id: &str, directory_id: &str) -> bool {
    step.directory(directory_id).is_some_and(|row| !owns(organization_id, &row.directory.organization_id))
}

/// Returns whether a group belongs to another organization. A group without a row belongs to none.
pub(super) fn is_other_group(step: &mut Step, organization_id: &str, group_id: &str) -> bool {
    step.group(group_id).is_some_and(|row| !owns(organization_id, &row.group.organization_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::record::{DirectoryRow, GroupRow, MirrorDirectory, MirrorGroup, MirrorUser, UserRow, WorkingSet};
    use serde_json::{Value, json};

    fn event(kind: &str, organization_id: &str, data: &Value) -> Event {
        let body = json!({
            "id": "evt_1", "type": kind, "occurred_at": "2025-06-01T12:00:00Z", "organization_id": organization_id, "data": data,
        });
        Event::from_verified_body(body.to_string().as_bytes()).unwrap()
    }

    /// A step that has loaded one user, one group and one directory of `org_b`.
    fn step() -> Step {
        let mut set = WorkingSet::default();
        let organization_id = || "org_b".to_owned();
        let user = MirrorUser { id: "diruser_1".into(), organization_id: organization_id(), ..MirrorUser::default() };
        let group =
            MirrorGroup { id: "dirgroup_1".into(), organization_id: organization_id(), ..MirrorGroup::default() };
        let directory =
            MirrorDirectory { id: "dir_1".into(), organization_id: organization_id(), ..MirrorDirectory::default() };
        set.users.insert("diruser_1".into(), UserRow { user, ..UserRow::default() });
        set.groups.insert("dirgroup_1".into(), GroupRow { group, ..GroupRow::default() });
        set.directories.insert("dir_1".into(), DirectoryRow { directory, ..DirectoryRow::default() });
        set.keys.users.insert("diruser_new".into());
        set.keys.groups.insert("dirgroup_new".into());
        Step::new(set, "event:evt_1", Timestamp::UNIX_EPOCH, true).unwrap()
    }

    fn foreign(kind: &str, organization_id: &str, data: &Value) -> bool {
        is_foreign(&mut step(), &event(&format!("organization.{kind}"), organization_id, data))
    }

    #[test]
    fn an_event_about_a_row_of_another_organization_is_foreign() {
        for (kind, data) in [
            ("directory.user_created", json!({ "id": "diruser_1" })),
            ("directory.user_updated", json!({ "id": "diruser_1", "organization_id": "org_a" })),
            ("directory.user_deleted", json!({ "id": "diruser_1" })),
            ("directory.group_created", json!({ "id": "dirgroup_1" })),
            ("directory.group_updated", json!({ "id": "dirgroup_1" })),
            ("directory.group_deleted", json!({ "id": "dirgroup_1" })),
            ("directory.group_created", json!({ "id": "dirgroup_new", "directory_id": "dir_1" })),
            ("directory_enabled", json!({ "id": "dir_1" })),
            ("directory_disabled", json!({ "id": "dir_1" })),
        ] {
            assert!(foreign(kind, "org_a", &data), "{kind} {data} of org_a");
            if data.get("organization_id").is_none() {
                assert!(!foreign(kind, "org_b", &data), "{kind} {data} of org_b");
            }
        }
    }

    #[test]
    fn the_organization_of_the_envelope_counts_and_not_that_of_the_data() {
        let data = json!({ "id": "diruser_new", "organization_id": "org_b" });
        assert!(!foreign("directory.user_created", "org_a", &data));
        let data = json!({ "id": "diruser_1", "organization_id": "org_a" });
        assert!(!foreign("directory.user_deleted", "org_b", &data));
        assert!(foreign("directory.user_deleted", "org_a", &data));
    }

    #[test]
    fn the_deletion_of_another_organization_is_foreign() {
        assert!(foreign("deleted", "org_a", &json!({ "id": "org_b" })));
        assert!(!foreign("deleted", "org_a", &json!({ "id": "org_a" })));
    }

    #[test]
    fn an_event_without_an_organization_is_foreign() {
        assert!(foreign("directory.user_created", "", &json!({ "id": "diruser_new" })));
        assert!(foreign("directory.user_deleted", "", &json!({ "id": "diruser_1" })));
        assert!(foreign("deleted", "", &json!({})));
    }

    #[test]
    fn an_event_with_an_organization_in_its_data_alone_is_of_that_organization() {
        let data = json!({ "id": "diruser_1", "organization_id": "org_b" });
        assert_eq!(organization_of(&event("organization.directory.user_updated", "", &data)), "org_b");
        assert!(!foreign("directory.user_updated", "", &data));
    }

    #[test]
    fn an_event_whose_data_cannot_be_read_is_not_foreign() {
        assert!(!foreign("directory.user_updated", "org_a", &json!({ "id": 7 })));
        assert!(!foreign("directory.user_updated", "", &json!({})));
    }
}
