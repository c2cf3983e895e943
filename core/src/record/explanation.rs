//! Explanations of a user's access: what the mirror has about the user, and why.

use super::{
    Approval, HistoryEntry, Hold, MirrorUser, ReceivedEvent, Retirement, RoleMapEntry, RoleMapKey, Run, serde_by_name,
};
use crate::Timestamp;
use crate::error::named;
use crate::model::RawJson;
use crate::secret::debug_without_personal_data;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

named! {
    /// What a mirror knows about a user.
    UserState {
        /// The user is mirrored.
        Present = "present",
        /// The user was removed.
        Removed = "removed",
        /// The application has erased the user: listings and events about the user are ignored.
        Erased = "erased",
        /// The application has forgotten the user's organization, and what is left of it is being removed. After that, the user is not known.
        Forgotten = "forgotten",
        /// The mirror has neither the user nor a change of the user: the id is wrong, no listing and no event has named the user, or the mirror no longer
        /// keeps what it had.
        Unknown = "unknown",
    }
}

serde_by_name!(UserState, "state of a user");

/// A group that gives a user a role, and the entry of the role map by which it does.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RoleGrant {
    /// The role.
    pub role: String,
    /// Id of the group (`dirgroup_…`), or `None` if no group gives the role any more.
    pub group_id: Option<String>,
    /// Name of the group, or `None` without a group.
    pub group_name: Option<String>,
    /// The entry of the role map that matches the group, or `None` without a group.
    pub entry: Option<RoleMapEntry>,
    /// Whether the user has the role only because the guard holds the loss of all roles. If this is false and there is no group, a new role map is being
    /// applied, which has not reached the user.
    pub is_held: bool,
}

// The name of a group may have the name of a person.
debug_without_personal_data!(RoleGrant { role, group_id, entry, is_held });

/// What one step changed about a user, with the record of its cause. At most one of the four records is there. None is there if the cause is a new role map,
/// or if the record is no longer kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExplainedChange {
    /// The change, as the history has it.
    pub entry: HistoryEntry,
    /// The sync that made it: that of the user's directory, or if the sync did not include this directory, that of another one.
    pub run: Option<Run>,
    /// The event that made it.
    pub event: Option<ReceivedEvent>,
    /// The approval of a hold that made it.
    pub approval: Option<Approval>,
    /// The retirement of a directory that made it.
    pub retirement: Option<Retirement>,
}

// An approval and a retirement have the name of a person and a note.
debug_without_personal_data!(ExplainedChange { entry, run, event });

/// Why a user has or lost access: the answer of `explain`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Explanation {
    /// Id of the user, as it was asked for.
    pub user_id: String,
    /// Whether the user is mirrored, was removed or erased, or is not known.
    pub state: UserState,
    /// The user as mirrored now, or `None` if the user is not mirrored.
    pub user: Option<MirrorUser>,
    /// Id of the user's organization (`org_…`), or `None` if it is not known.
    pub organization_id: Option<String>,
    /// Id of the user's directory (`dir_…`), or `None` if it is not known.
    pub directory_id: Option<String>,
    /// Time at which the user was removed, in UTC, by the clock of the machine that removed the user; `None` for a user who was not.
    pub removed_at: Option<Timestamp>,
    /// The user's roles, sorted by role and then by the id of the group: one element for each group and entry of the role map that give the role, 100 at
    /// most for a role.
    pub roles: Vec<RoleGrant>,
    /// What changed about the user, oldest first: the newest 1,000 entries at most that the history has.
    pub changes: Vec<ExplainedChange>,
    /// Whether `changes` begins with a creation of the user. Otherwise earlier changes are no longer kept, or exceed the limit.
    pub is_complete: bool,
    /// The earliest time of which the history has the changes, in UTC; `None` if the mirror keeps no history, or has no changes yet.
    pub history_since: Option<Timestamp>,
    /// Events about the user that changed nothing, are held, or wait for a sync, newest first: 100 at most. Each says why.
    pub events: Vec<ReceivedEvent>,
    /// The open holds that concern the user: the one that names the user, and those on the user's directory as a whole.
    pub holds: Vec<Hold>,
    /// What would take access away from the user, or bring back a user who was removed, in English sentences without personal data.
    pub outlook: Vec<String>,
}

debug_without_personal_data!(Explanation {
    user_id,
    state,
    user,
    organization_id,
    directory_id,
    removed_at,
    roles,
    changes,
    is_complete,
    history_since,
    events,
    holds,
    outlook,
});

impl Explanation {
    /// Returns the explanation as English text of several lines, for a ticket.
    ///
    /// Without `personal`, it has no personal data: users, groups and accounts are named by their directory ids only, and it leaves out why a user is
    /// protected, and who decided about a hold or a retirement with which note. With `personal`, it has these, the user's name, address and account,
    /// the names of groups, and the values of the fields that changed, except for `detail` and `attributes`.
    pub fn text(&self, personal: bool) -> String {
        let mut lines = self.head(personal);
        let roles = self.roles.iter().map(|grant| grant.line(personal));
        section(&mut lines, "Roles", roles);
        section(&mut lines, "Holds", self.holds.iter().map(hold_line));
        section(&mut lines, "Changes, oldest first", self.changes.iter().map(|change| change.line(personal)));
        lines.extend(self.earlier_changes());
        section(&mut lines, "Events without effect", self.events.iter().map(|event| self.event_line(event)));
        section(&mut lines, "What comes next", self.outlook.iter().cloned());
        // Roles, names and notes may have any characters. A line break in one must not look like a line of this text.
        lines.iter_mut().for_each(|line| *line = line.replace(char::is_control, " "));
        lines.join("\n")
    }

    fn head(&self, personal: bool) -> Vec<String> {
        let mut lines = vec![format!("User {}", self.user_id)];
        if self.organization_id.is_some() || self.directory_id.is_some() {
            let known = |id: &Option<String>| id.clone().unwrap_or_else(|| "unknown".to_owned());
            lines.push(format!(
                "Organization {}, directory {}",
                known(&self.organization_id),
                known(&self.directory_id)
            ));
        }
        lines.push(format!("State: {}", self.state_line()));
        let Some(user) = &self.user else { return lines };
        if let Some(reason) = &user.protection {
            let why = if personal { format!(": {reason}") } else { String::new() };
            lines.push(format!("Protected by the application{why}"));
        }
        if personal {
            let account = user.linked_id.as_ref().map(|id| format!(", account {id}")).unwrap_or_default();
            lines.push(format!("Person: {} {}, {}{account}", user.given_name, user.family_name, user.email));
        }
        lines
    }

    fn state_line(&self) -> String {
        match (self.state, &self.user, self.removed_at) {
            (UserState::Present, Some(user), _) if !user.active => "mirrored, not active".to_owned(),
            (UserState::Present, ..) => "mirrored, active".to_owned(),
            (UserState::Removed, _, Some(at)) => format!("removed at {at}"),
            (UserState::Removed, ..) => "removed".to_owned(),
            (UserState::Erased, ..) => "erased by the application".to_owned(),
            (UserState::Forgotten, ..) => "forgotten by the application, with the organization".to_owned(),
            (UserState::Unknown, ..) => {
                "not known: the id is wrong, no listing and no event has named the user, or the mirror no longer keeps what it had".to_owned()
            }
        }
    }

    /// Says that changes are missing, if any are.
    fn earlier_changes(&self) -> Option<String> {
        if self.is_complete || !matches!(self.state, UserState::Present | UserState::Removed) {
            return None;
        }
        Some(match self.history_since {
            None => "No changes: the mirror keeps no history.".to_owned(),
            Some(since) => format!(
                "Earlier changes of the user are not listed: the history begins at {since}, and an explanation has the newest 1,000 at most."
            ),
        })
    }

    fn event_line(&self, event: &ReceivedEvent) -> String {
        let why = event.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let other = if self.organization_id.as_ref().is_some_and(|id| *id != event.organization_id) {
            match event.organization_id.as_str() {
                "" => ", of no organization".to_owned(),
                id => format!(", of the organization {id}"),
            }
        } else {
            String::new()
        };
        format!("{}{other}{why}", described(event))
    }
}

impl std::fmt::Display for Explanation {
    /// Writes [`text`](Explanation::text) without personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text(false))
    }
}

/// Appends a heading and a line for each item, or nothing without items.
fn section(lines: &mut Vec<String>, title: &str, items: impl Iterator<Item = String>) {
    let mut items = items.peekable();
    if items.peek().is_some() {
        lines.push(format!("{title}:"));
        lines.extend(items.map(|item| format!("- {item}")));
    }
}

impl RoleGrant {
    fn line(&self, personal: bool) -> String {
        let role = &self.role;
        let (Some(group), Some(entry)) = (&self.group_id, &self.entry) else {
            return match self.is_held {
                true => format!("{role}: no group gives it any more, but the guard holds its loss"),
                false => format!("{role}: no group gives it, but a new role map has not been applied to the user yet"),
            };
        };
        let name = match &self.group_name {
            Some(name) if personal => format!(" ({name})"),
            _ => String::new(),
        };
        let key = match entry.key {
            RoleMapKey::Id => "id",
            RoleMapKey::Name => "name",
        };
        let scope = entry.organization_id.as_ref().map(|id| format!(" for {id}")).unwrap_or_default();
        format!("{role}: from the group {group}{name}, by the role map's entry for the {key} {:?}{scope}", entry.group)
    }
}

impl ExplainedChange {
    fn line(&self, personal: bool) -> String {
        let HistoryEntry { seq, at, kinds, groups_joined, groups_left, .. } = &self.entry;
        let mut parts = vec![format!("{seq} at {at}: {}", kinds.join(", "))];
        for (what, ids) in [("joined", groups_joined), ("left", groups_left)] {
            if !ids.is_empty() {
                parts.push(format!("{what} {}", ids.join(", ")));
            }
        }
        parts.extend(self.fields(personal));
        parts.push(self.cause(personal));
        parts.join("; ")
    }

    /// Describes the fields that changed: with their values if these are not personal, or if personal data is wanted.
    fn fields(&self, personal: bool) -> Vec<String> {
        let HistoryEntry { kinds, fields, before, after, .. } = &self.entry;
        let (before, after) = (members(before), members(after));
        let mut described = Vec::new();
        if kinds.iter().any(|kind| kind == "roles.changed") {
            described.push(format!("roles {} to {}", roles(&before), roles(&after)));
        }
        for field in fields.iter().filter(|field| *field != "roles") {
            let has_values = match field.as_str() {
                "active" | "organization_id" | "directory_id" => true,
                "detail" | "attributes" => false,
                _ => personal,
            };
            described.push(match has_values {
                true => format!("{field} {} to {}", value(&before, field), value(&after, field)),
                false => field.clone(),
            });
        }
        described
    }

    /// Describes what caused the change.
    fn cause(&self, personal: bool) -> String {
        if let Some(run) = &self.run {
            let end = run.ended_at.map(|at| format!(" to {at}")).unwrap_or_default();
            return format!(
                "by the {} sync {} of {} ({}, {}{end}, process {})",
                run.mode, run.id, run.directory_id, run.outcome, run.started_at, run.process
            );
        }
        if let Some(event) = &self.event {
            return format!("by the event {}", described(event));
        }
        if let Some(Approval { id, hold_id, at, by, note, .. }) = &self.approval {
            return format!("by the approval {id} of {hold_id} at {at}{}", decided(by, note, personal));
        }
        if let Some(Retirement { id, directory_id, at, by, note, .. }) = &self.retirement {
            return format!("by the retirement {id} of {directory_id} at {at}{}", decided(by, note, personal));
        }
        match self.entry.cause.split_once(':') {
            Some((what, id)) => {
                let what = if what == "retire" { "retirement" } else { what };
                format!("by the {what} {id}, whose record is no longer kept")
            }
            None if self.entry.cause == "roles" => "by a new role map".to_owned(),
            None => format!("by {}", self.entry.cause),
        }
    }
}

/// Returns the members of a JSON object; none if it is `None`.
fn members(json: &Option<RawJson>) -> Map<String, Value> {
    json.as_ref().and_then(|json| serde_json::from_str(json.get()).ok()).unwrap_or_default()
}

fn roles(user: &Map<String, Value>) -> String {
    let roles: Vec<&str> =
        user.get("roles").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if roles.is_empty() { "none".to_owned() } else { roles.join(", ") }
}

fn value(user: &Map<String, Value>, field: &str) -> String {
    user.get(field).map_or_else(|| "none".to_owned(), Value::to_string)
}

/// Describes who decided and why, if personal data is wanted.
fn decided(by: &str, note: &str, personal: bool) -> String {
    match (personal, note.is_empty()) {
        (false, _) => String::new(),
        (true, true) => format!(" by {by}"),
        (true, false) => format!(" by {by}: {note}"),
    }
}

fn hold_line(hold: &Hold) -> String {
    let Hold { id, directory_id, reason, count, since, .. } = hold;
    match reason.is_of_directory() {
        true => format!("{id} since {since}: {reason}, {directory_id}"),
        false => format!("{id} since {since}: {reason}, {count} of the users of {directory_id}"),
    }
}

/// Describes an event: its id, type, times and outcome.
fn described(event: &ReceivedEvent) -> String {
    let mut parts = vec![event.event_type.clone().unwrap_or_else(|| "of an unknown type".to_owned())];
    parts.extend(event.occurred_at.map(|at| format!("occurred {at}")));
    parts.push(format!("received {}", event.received_at));
    parts.extend(event.settled_at.map(|at| format!("settled {at}")));
    parts.extend(event.outcome.map(|outcome| outcome.to_string()));
    format!("{} ({})", event.id, parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The explanation of a user who was hired, promoted and protected, and whose removal is held.
    fn explanation() -> Explanation {
        let (hired, promoted) = ("2025-06-01T12:00:00Z", "2025-06-02T12:00:00Z");
        let entry = |seq: i64, at: &str, cause: &str, kinds: Value, before: Value, after: Value, fields: Value| {
            json!({
                "seq": seq, "at": at, "kinds": kinds, "cause": cause, "organization_id": "org_1", "directory_id": "dir_1", "user_id": "diruser_1",
                "group_id": null, "groups_joined": if seq == 3 { json!(["dirgroup_1"]) } else { json!([]) }, "groups_left": [], "fields": fields,
                "before": before, "after": after,
            })
        };
        let explained = |entry: Value, cause: &str, record: Value| {
            let mut explained =
                json!({ "entry": entry, "run": null, "event": null, "approval": null, "retirement": null });
            if !cause.is_empty() {
                explained[cause] = record;
            }
            explained
        };
        let run = json!({
            "number": 1, "id": "run_1", "organization_id": "org_1", "directory_id": "dir_1", "mode": "full", "outcome": "done", "process": "web-1/4711",
            "started_at": hired, "ended_at": "2025-06-01T12:00:05Z", "pages": 1, "users": 1, "groups": 1, "created": 1, "updated": 0, "deactivated": 0,
            "reactivated": 0, "deleted": 0, "changes": 3, "events": 0, "holds": 0, "incomplete": null, "error": null,
        });
        let event = |id: &str, outcome: &str, why: Option<&str>| {
            json!({
                "number": 1, "id": id, "event_type": "organization.directory.user_updated", "organization_id": "org_1", "subject_id": "diruser_1",
                "occurred_at": promoted, "received_at": "2025-06-02T12:00:01Z", "settled_at": null, "outcome": outcome, "is_expired": false, "why": why,
            })
        };
        let approval = json!({
            "id": "approval_1", "hold_id": "hold_1_2", "organization_id": "org_1", "directory_id": "dir_1", "reason": "mass_deactivation",
            "is_approved": true, "by": "ops@example.com", "note": "confirmed\nby IT", "at": promoted, "count": 1,
        });
        let user = json!({
            "id": "diruser_1", "organization_id": "org_1", "directory_id": "dir_1", "email": "ada@example.com", "given_name": "Ada",
            "family_name": "King", "preferred_username": "", "emails": [], "active": false, "group_ids": ["dirgroup_1"], "roles": ["developer"],
            "vendor_roles": [], "linked_id": "acct_42", "protection": "last admin", "updated_at": null, "detail": null, "attributes": null,
        });
        let hire = entry(
            3,
            hired,
            "sync:run_1",
            json!(["user.created", "membership.added", "roles.changed"]),
            Value::Null,
            json!({ "email": "ada@example.com", "roles": ["developer"] }),
            json!([]),
        );
        let marriage = entry(
            4,
            promoted,
            "event:evt_1",
            json!(["user.updated"]),
            json!({ "family_name": "Lovelace", "detail": null }),
            json!({ "family_name": "King", "detail": {} }),
            json!(["family_name", "detail"]),
        );
        let deactivation = entry(
            5,
            promoted,
            "approval:approval_1",
            json!(["user.deactivated"]),
            json!({ "active": true }),
            json!({ "active": false }),
            json!(["active"]),
        );
        let old = entry(
            6,
            promoted,
            "event:evt_0",
            json!(["roles.changed"]),
            json!({ "roles": [] }),
            json!({ "roles": ["a", "b"] }),
            json!(["roles"]),
        );
        serde_json::from_value(json!({
            "user_id": "diruser_1", "state": "present", "user": user, "organization_id": "org_1", "directory_id": "dir_1", "removed_at": null,
            "roles": [
                {
                    "role": "developer", "group_id": "dirgroup_1", "group_name": "Engineering", "is_held": false,
                    "entry": { "key": "name", "group": "Eng*", "role": "developer", "organization_id": "org_1" },
                },
                { "role": "owner", "group_id": null, "group_name": null, "entry": null, "is_held": true },
                { "role": "viewer", "group_id": null, "group_name": null, "entry": null, "is_held": false },
            ],
            "changes": [
                explained(hire, "run", run),
                explained(marriage, "event", event("evt_1", "applied", None)),
                explained(deactivation, "approval", approval),
                explained(old, "", Value::Null),
            ],
            "is_complete": false,
            "history_since": hired,
            "events": [event("evt_2", "stale", Some("the mirror had newer information about the user than the event"))],
            "holds": [
                {
                    "id": "hold_1_2", "organization_id": "org_1", "directory_id": "dir_1", "reason": "protected_users", "count": 1, "limit": 0,
                    "since": promoted, "causes": [],
                },
                {
                    "id": "hold_2_2", "organization_id": "org_1", "directory_id": "dir_1", "reason": "directory_disabled", "count": 9, "limit": 0,
                    "since": promoted, "causes": [],
                },
            ],
            "outlook": ["A sentence.", "Another one."],
        }))
        .unwrap()
    }

    const IMPERSONAL: &str = "\
User diruser_1
Organization org_1, directory dir_1
State: mirrored, not active
Protected by the application
Roles:
- developer: from the group dirgroup_1, by the role map's entry for the name \"Eng*\" for org_1
- owner: no group gives it any more, but the guard holds its loss
- viewer: no group gives it, but a new role map has not been applied to the user yet
Holds:
- hold_1_2 since 2025-06-02T12:00:00Z: protected_users, 1 of the users of dir_1
- hold_2_2 since 2025-06-02T12:00:00Z: directory_disabled, dir_1
Changes, oldest first:
- 3 at 2025-06-01T12:00:00Z: user.created, membership.added, roles.changed; joined dirgroup_1; roles none to developer; by the full sync run_1 of dir_1 (done, 2025-06-01T12:00:00Z to 2025-06-01T12:00:05Z, process web-1/4711)
- 4 at 2025-06-02T12:00:00Z: user.updated; family_name; detail; by the event evt_1 (organization.directory.user_updated, occurred 2025-06-02T12:00:00Z, received 2025-06-02T12:00:01Z, applied)
- 5 at 2025-06-02T12:00:00Z: user.deactivated; active true to false; by the approval approval_1 of hold_1_2 at 2025-06-02T12:00:00Z
- 6 at 2025-06-02T12:00:00Z: roles.changed; roles none to a, b; by the event evt_0, whose record is no longer kept
Earlier changes of the user are not listed: the history begins at 2025-06-01T12:00:00Z, and an explanation has the newest 1,000 at most.
Events without effect:
- evt_2 (organization.directory.user_updated, occurred 2025-06-02T12:00:00Z, received 2025-06-02T12:00:01Z, stale): the mirror had newer information about the user than the event
What comes next:
- A sentence.
- Another one.";

    #[test]
    fn the_text_without_personal_data_is_as_in_this_snapshot() {
        assert_eq!(explanation().text(false), IMPERSONAL);
        assert_eq!(explanation().to_string(), IMPERSONAL);
    }

    #[test]
    fn the_text_with_personal_data_has_these_lines_as_well() {
        let text = explanation().text(true);
        for line in [
            "Protected by the application: last admin",
            "Person: Ada King, ada@example.com, account acct_42",
            "- developer: from the group dirgroup_1 (Engineering), by the role map's entry for the name \"Eng*\" for org_1",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} in {text}");
        }
        assert!(text.contains("user.updated; family_name \"Lovelace\" to \"King\"; detail; by"), "{text}");
        assert!(text.contains("at 2025-06-02T12:00:00Z by ops@example.com: confirmed by IT\n"), "{text}");
        assert_eq!(text.lines().count(), IMPERSONAL.lines().count() + 1, "a line break in a note makes no line");
    }

    #[test]
    fn the_text_of_an_unknown_and_of_a_removed_user_has_only_what_is_known() {
        let empty = Explanation {
            state: UserState::Unknown,
            user: None,
            organization_id: None,
            directory_id: None,
            roles: Vec::new(),
            changes: Vec::new(),
            events: Vec::new(),
            holds: Vec::new(),
            outlook: Vec::new(),
            ..explanation()
        };
        let unknown = "User diruser_1\nState: not known: the id is wrong, no listing and no event has named the user, or the mirror no longer keeps what it had";
        assert_eq!(empty.text(true), unknown);
        let removed = Explanation {
            state: UserState::Removed,
            organization_id: Some("org_1".to_owned()),
            removed_at: Some(Timestamp::UNIX_EPOCH),
            history_since: None,
            ..empty
        };
        assert_eq!(
            removed.text(true),
            "User diruser_1\nOrganization org_1, directory unknown\nState: removed at 1970-01-01T00:00:00Z\nNo changes: the mirror keeps no history."
        );
    }

    #[test]
    fn the_state_of_a_user_has_a_name() {
        assert_eq!(
            serde_json::to_value(UserState::ALL).unwrap(),
            json!(["present", "removed", "erased", "forgotten", "unknown"])
        );
        assert_eq!(serde_json::from_value::<UserState>(json!("removed")).unwrap(), UserState::Removed);
    }
}
