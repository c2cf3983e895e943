//! Explains a user's access: which groups give the roles, and what would take access away or bring the user back.

use super::SKEW;
use super::roles::RoleMap;
use crate::Timestamp;
use crate::record::{DirectoryRow, GroupRow, Hold, MirrorSettings, ReceivedEvent, RoleGrant, UserRow, UserState};
use std::collections::HashMap;

/// The most groups and entries of the role map that are returned for one role.
const MOST_GRANTS: usize = 100;

/// Returns for each role of a user the groups and the entries of the role map that give it, sorted by role and group: [`MOST_GRANTS`] at most for a role.
/// `groups` has the user's groups.
pub(in crate::mirror) fn explain_roles(
    map: &RoleMap,
    row: &UserRow,
    groups: &HashMap<String, GroupRow>,
) -> Vec<RoleGrant> {
    let user = &row.user;
    let mut counts: HashMap<&str, usize> = user.roles.iter().map(|role| (role.as_str(), 0)).collect();
    let mut grants = Vec::new();
    for group in user.group_ids.iter().filter_map(|id| groups.get(id)).map(|row| &row.group) {
        for entry in map.matching(&user.organization_id, &group.id, &group.display_name) {
            // While a new role map is applied, its entries may give roles that the user does not have yet.
            let Some(count) = counts.get_mut(entry.role.as_str()) else { continue };
            *count += 1;
            if *count <= MOST_GRANTS {
                grants.push(RoleGrant {
                    role: entry.role.clone(),
                    group_id: Some(group.id.clone()),
                    group_name: Some(group.display_name.clone()),
                    entry: Some(entry.clone()),
                    is_held: false,
                });
            }
        }
    }
    let is_held = row.held.as_ref().is_some_and(|held| held.loss.roles);
    let without_group = user.roles.iter().filter(|role| counts.get(role.as_str()) == Some(&0));
    grants.extend(without_group.map(|role| RoleGrant {
        role: role.clone(),
        group_id: None,
        group_name: None,
        entry: None,
        is_held,
    }));
    grants.sort_by(|a, b| (&a.role, &a.group_id).cmp(&(&b.role, &b.group_id)));
    grants
}

/// What [`outlook`] depends on.
pub(in crate::mirror) struct Present<'a> {
    /// The user's row or tombstone, or `None` if the mirror has neither.
    pub(in crate::mirror) row: Option<&'a UserRow>,
    /// The directory of the user, or `None` if the mirror does not have it.
    pub(in crate::mirror) directory: Option<&'a DirectoryRow>,
    /// Whether a retirement of the directory has started and not ended.
    pub(in crate::mirror) is_retiring: bool,
    /// The open hold that names the user.
    pub(in crate::mirror) hold: Option<&'a Hold>,
    /// The events about the user that changed nothing, are held, or wait for a sync.
    pub(in crate::mirror) events: &'a [ReceivedEvent],
    /// The settings in effect.
    pub(in crate::mirror) settings: &'a MirrorSettings,
    /// The present time.
    pub(in crate::mirror) now: Timestamp,
}

/// Returns what would take access away from a user, or bring back a user who was removed, as English sentences.
pub(in crate::mirror) fn outlook(present: &Present<'_>) -> Vec<String> {
    match present.row {
        Some(row) if row.is_live() => losses(present, row),
        row => return_of(present, row),
    }
}

/// Returns what is to be expected of a user whom the application has erased, or whose organization it has forgotten; `None` for the other states.
pub(in crate::mirror) fn outlook_if_erased(state: UserState) -> Option<&'static str> {
    match state {
        UserState::Erased => Some("The application has erased the user: no listing and no event adds the user."),
        UserState::Forgotten => Some(
            "The application has forgotten the user's organization: no event and no sync of all organizations adds the user. A sync of the organization \
             mirrors it anew.",
        ),
        UserState::Present | UserState::Removed | UserState::Unknown => None,
    }
}

/// Returns what would add a user who is not mirrored.
fn return_of(present: &Present<'_>, row: Option<&UserRow>) -> Vec<String> {
    let by_listing = match present.directory {
        Some(row) if row.missing_since.is_some() => {
            "The API does not list the user's directory: no sync adds the user until the directory is listed again."
        }
        Some(row) if !row.directory.enabled => {
            "The user's directory is disabled: no sync adds the user until the directory is enabled again."
        }
        _ => "A sync whose listing names the user adds the user.",
    };
    let mut sentences = vec![by_listing.to_owned()];
    sentences.push(match row.and_then(|row| row.trail.version.at) {
        Some(at) => format!(
            "An event about the user's creation or update adds the user if it happened after {at}, the vendor's time of the removal. Earlier events are stale."
        ),
        None => "An event about the user's creation or update adds the user.".to_owned(),
    });
    if present.events.iter().any(is_waiting) {
        sentences.push(
            "An event about the user is pending: the next sync of its organization tries to apply it.".to_owned(),
        );
    }
    sentences
}

fn is_waiting(event: &ReceivedEvent) -> bool {
    event.outcome == Some(crate::record::Outcome::Pending) && !event.is_expired
}

/// Returns what would take access away from a user who is mirrored.
fn losses(present: &Present<'_>, row: &UserRow) -> Vec<String> {
    let Present { directory, hold, settings, now, .. } = present;
    if let Some(at) = row.user.deletes_at {
        return leaver_sentences(present, row, at);
    }
    let mut sentences = held_losses(row, *hold);
    if row.user.is_protected() {
        sentences.push(
            "The application protects the user: whatever a listing or an event would take away is held until it is approved.".to_owned(),
        );
    }
    if !row.user.active {
        sentences.push(
            "The user is not active: an event or a listing that reports the user as active reactivates the user."
                .to_owned(),
        );
    }
    if present.is_retiring {
        sentences.push("The directory is being retired: the user is about to be removed.".to_owned());
    }
    sentences.extend(listing_sentences(*directory, row));
    if let Some(until) = row.trail.touched_at.and_then(end_of_lag).filter(|until| until > now) {
        sentences.push(format!(
            "An event about the user arrived less than five minutes ago: a full sync that starts before {until} does not remove the user."
        ));
    }
    sentences.push(match (row.user.is_protected(), settings.guard.events) {
        (true, _) => "A verified deletion event of the user's organization is held as well.".to_owned(),
        (false, true) => {
            "A verified deletion event of the user's organization removes the user, unless the guard's budget is used up: then the removal is held.".to_owned()
        }
        (false, false) => "A verified deletion event of the user's organization removes the user.".to_owned(),
    });
    sentences.push(match (row.user.roles.is_empty(), row.held.as_ref().is_some_and(|held| held.loss.roles)) {
        (true, _) => "The user has no role: no entry of the role map matches a group of the user.".to_owned(),
        (false, true) => "The user keeps the roles until the held loss is approved, or a group gives a role again.".to_owned(),
        (false, false) => {
            "The user loses a role when no entry of the role map matches a group of the user any more: the user leaves the groups, or the groups are \
             renamed or deleted, or the role map changes."
                .to_owned()
        }
    });
    sentences
}

/// Returns what is to be expected of a leaver, who is deleted at the time `at`. What removes other users makes no difference: the user has left already.
fn leaver_sentences(present: &Present<'_>, row: &UserRow, at: Timestamp) -> Vec<String> {
    let mut sentences = vec![format!(
        "The directory no longer has the user, who is deleted after {at}, unless a listing or a newer event names the user before."
    )];
    if row.user.is_protected() {
        sentences.push("The protection does not prevent that: it was set after the user had left.".to_owned());
    }
    if present.is_retiring {
        sentences.push("The directory is being retired: the user is about to be removed.".to_owned());
    }
    sentences
}

/// Returns what the guard holds of a user.
fn held_losses(row: &UserRow, hold: Option<&Hold>) -> Vec<String> {
    let (Some(held), Some(Hold { id, .. })) = (&row.held, hold) else { return Vec::new() };
    let mut sentences = Vec::new();
    if held.loss.removed.is_some() {
        sentences.push(format!(
            "The guard holds the user's removal: an approval of {id} removes the user. A listing that names the user, or a newer event, ends the hold of it."
        ));
    }
    if held.loss.deactivated {
        sentences.push(format!(
            "The guard holds the user's deactivation: an approval of {id} deactivates the user. A listing or event that reports the user as active ends the \
             hold of it."
        ));
    }
    if held.loss.roles {
        sentences.push(format!("The guard holds the loss of all roles: an approval of {id} takes them away."));
    }
    sentences
}

/// Returns the time from which a listing that starts includes the effect of an event that arrived at `at`.
fn end_of_lag(at: Timestamp) -> Option<Timestamp> {
    at.checked_add(jiff::SignedDuration::try_from(SKEW).ok()?).ok()
}

/// Returns whether listings of the user's directory can remove the user.
fn listing_sentences(directory: Option<&DirectoryRow>, row: &UserRow) -> Vec<String> {
    let Some(directory) = directory else {
        return vec![
            "The mirror does not have the user's directory: no listing removes the user until a sync has listed it."
                .to_owned(),
        ];
    };
    if directory.missing_since.is_some() {
        return vec![
            "The API does not list the user's directory: its users are kept until the application retires it."
                .to_owned(),
        ];
    }
    if !directory.directory.enabled {
        return vec![
            "The user's directory is disabled: its users are kept until it is enabled again and synced, or the application retires it.".to_owned(),
        ];
    }
    let read =
        directory.last_full_sync.map(|at| format!(" The last complete one started at {at}.")).unwrap_or_default();
    let mut sentences = vec![match row.user.is_protected() {
        true => format!(
            "A full sync holds the user's removal if two readings of the directory's listing lack the user.{read}"
        ),
        false => format!(
            "A full sync removes the user if two readings of the directory's listing lack the user and the guard's budget permits it.{read}"
        ),
    }];
    if let Some(since) = directory.incomplete_since {
        sentences.push(format!(
            "Syncs of the directory have been incomplete since {since}: no listing removes the user until one is complete."
        ));
    }
    if !row.listed {
        sentences.push(
            "No listing has named the user yet: a full sync removes the user only after all directories of the organization were listed without the user."
                .to_owned(),
        );
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{
        HeldLoss, HoldReason, Loss, MirrorGroup, MirrorOptions, MirrorUser, Outcome, RoleMapEntry, Trail, Version,
    };

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn user(group_ids: &[&str], roles: &[&str]) -> UserRow {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let user = MirrorUser {
            id: "diruser_1".to_owned(),
            organization_id: "org_1".to_owned(),
            active: true,
            group_ids: texts(group_ids),
            roles: texts(roles),
            ..MirrorUser::default()
        };
        UserRow { user, listed: true, ..UserRow::default() }
    }

    fn groups(names: &[(&str, &str)]) -> HashMap<String, GroupRow> {
        let row = |(id, name): &(&str, &str)| {
            let group =
                MirrorGroup { id: (*id).to_owned(), display_name: (*name).to_owned(), ..MirrorGroup::default() };
            ((*id).to_owned(), GroupRow { group, ..GroupRow::default() })
        };
        names.iter().map(row).collect()
    }

    fn enabled() -> DirectoryRow {
        let mut row = DirectoryRow::default();
        row.directory.enabled = true;
        row
    }

    /// The outlook of a row in a directory, as one text.
    fn text(row: &UserRow, directory: &DirectoryRow) -> String {
        let settings = MirrorOptions::default().in_force();
        outlook(&present(row, directory, &settings)).join("\n")
    }

    fn present<'a>(row: &'a UserRow, directory: &'a DirectoryRow, settings: &'a MirrorSettings) -> Present<'a> {
        Present {
            row: Some(row),
            directory: Some(directory),
            is_retiring: false,
            hold: None,
            events: &[],
            settings,
            now: START,
        }
    }

    #[test]
    fn a_role_is_explained_by_each_group_and_entry_that_gives_it() {
        let map = RoleMap::new(vec![
            RoleMapEntry::by_name("Eng*", "developer"),
            RoleMapEntry::by_id("dirgroup_2", "developer"),
            RoleMapEntry::by_name("Sales", "seller"),
        ])
        .unwrap();
        let groups = groups(&[("dirgroup_1", "Engineering"), ("dirgroup_2", "Operations"), ("dirgroup_3", "Sales")]);

        let grants = explain_roles(&map, &user(&["dirgroup_1", "dirgroup_2"], &["developer"]), &groups);

        assert_eq!(grants.len(), 2);
        assert_eq!(grants[0].role, "developer");
        assert_eq!(grants[0].group_id.as_deref(), Some("dirgroup_1"));
        assert_eq!(grants[0].group_name.as_deref(), Some("Engineering"));
        assert_eq!(grants[0].entry, Some(RoleMapEntry::by_name("Eng*", "developer")));
        assert_eq!(grants[1].group_id.as_deref(), Some("dirgroup_2"));
        assert_eq!(grants[1].entry, Some(RoleMapEntry::by_id("dirgroup_2", "developer")));
    }

    #[test]
    fn a_role_without_a_group_is_held_or_of_a_role_map_that_is_being_replaced() {
        let held = HeldLoss { hold: 1, revision: 2, loss: Loss { roles: true, ..Loss::default() } };
        for (held, is_held) in [(Some(held), true), (None, false)] {
            let row = UserRow { held, ..user(&[], &["developer"]) };
            let grants = explain_roles(&RoleMap::default(), &row, &HashMap::new());
            assert_eq!(grants.len(), 1);
            assert_eq!(grants[0].role, "developer");
            assert_eq!(grants[0].group_id, None);
            assert_eq!(grants[0].entry, None);
            assert_eq!(grants[0].is_held, is_held);
        }
    }

    #[test]
    fn a_role_is_explained_by_at_most_a_hundred_groups() {
        let ids: Vec<String> = (0..150).map(|number| format!("dirgroup_{number:03}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let names: Vec<(&str, &str)> = ids.iter().map(|id| (*id, "Crew")).collect();
        let map = RoleMap::new(vec![RoleMapEntry::by_name("*", "sailor")]).unwrap();
        assert_eq!(explain_roles(&map, &user(&ids, &["sailor"]), &groups(&names)).len(), 100);
    }

    #[test]
    fn the_outlook_of_a_mirrored_user_depends_on_the_directory() {
        let row = user(&[], &[]);
        let missing = DirectoryRow { missing_since: Some(START), ..enabled() };
        let incomplete = DirectoryRow { incomplete_since: Some(START), ..enabled() };
        assert!(text(&row, &enabled()).contains("two readings of the directory's listing lack the user"));
        assert!(text(&row, &missing).contains("The API does not list the user's directory"));
        assert!(text(&row, &DirectoryRow::default()).contains("is disabled"));
        assert!(text(&row, &incomplete).contains("have been incomplete since 1970-01-01T00:00:00Z"));
        assert!(text(&UserRow { listed: false, ..row }, &enabled()).contains("No listing has named the user yet"));
    }

    #[test]
    fn the_outlook_of_a_retired_directory_and_of_an_unknown_one_says_so() {
        let (row, directory, settings) = (user(&[], &[]), enabled(), MirrorOptions::default().in_force());
        let retiring = Present { is_retiring: true, ..present(&row, &directory, &settings) };
        assert!(outlook(&retiring).join("\n").contains("is being retired"));
        let unknown = Present { directory: None, ..present(&row, &directory, &settings) };
        assert!(outlook(&unknown).join("\n").contains("does not have the user's directory"));
    }

    #[test]
    fn the_outlook_of_a_held_loss_names_the_hold() {
        let loss = Loss { removed: Some(Version::default()), deactivated: true, roles: true };
        let row = UserRow { held: Some(HeldLoss { hold: 1, revision: 2, loss }), ..user(&[], &["developer"]) };
        let hold = Hold {
            id: "hold_1_2".to_owned(),
            organization_id: "org_1".to_owned(),
            directory_id: "dir_1".to_owned(),
            reason: HoldReason::MassRemoval,
            count: 1,
            limit: 0,
            since: START,
            causes: Vec::new(),
        };
        let (directory, settings) = (enabled(), MirrorOptions::default().in_force());

        let sentences = outlook(&Present { hold: Some(&hold), ..present(&row, &directory, &settings) });

        assert!(sentences[0].contains("an approval of hold_1_2 removes the user"), "{sentences:?}");
        assert!(sentences[1].contains("an approval of hold_1_2 deactivates the user"), "{sentences:?}");
        assert!(sentences[2].contains("an approval of hold_1_2 takes them away"), "{sentences:?}");
    }

    #[test]
    fn the_outlook_of_a_protected_user_says_that_every_loss_is_held() {
        let mut row = user(&[], &[]);
        row.user.protection = Some("last admin".to_owned());
        let text = text(&row, &enabled());
        assert!(text.contains("The application protects the user"), "{text}");
        assert!(text.contains("A full sync holds the user's removal"), "{text}");
        assert!(text.contains("deletion event of the user's organization is held"), "{text}");
        assert!(!text.contains("last admin"), "{text}");
    }

    #[test]
    fn events_are_not_limited_by_the_guard_if_the_setting_says_so() {
        let (row, directory) = (user(&[], &[]), enabled());
        let settings = MirrorOptions { guard_events: Some(false), ..MirrorOptions::default() }.in_force();
        let unlimited = outlook(&present(&row, &directory, &settings)).join("\n");
        assert!(text(&row, &directory).contains("removes the user, unless the guard's budget is used up"));
        assert!(unlimited.contains("A verified deletion event of the user's organization removes the user."));
    }

    #[test]
    fn a_recent_event_keeps_a_user_until_five_minutes_after_its_arrival() {
        let trail = Trail { touched_at: Some(START), ..Trail::default() };
        let row = UserRow { trail, ..user(&[], &[]) };
        let (directory, settings) = (enabled(), MirrorOptions::default().in_force());
        let at = |now| outlook(&Present { now, ..present(&row, &directory, &settings) }).join("\n");
        assert!(at(second(299)).contains("starts before 1970-01-01T00:05:00Z does not remove the user"));
        assert!(!at(second(300)).contains("arrived less than five minutes ago"));
    }

    #[test]
    fn the_outlook_of_a_leaver_has_nothing_that_would_remove_other_users() {
        let mut row = user(&["dirgroup_1"], &["developer"]);
        (row.user.active, row.user.deletes_at) = (false, Some(second(60)));
        let sentences = text(&row, &enabled());
        assert_eq!(
            sentences,
            "The directory no longer has the user, who is deleted after 1970-01-01T00:01:00Z, unless a listing or a newer event names the user before."
        );
        row.user.protection = Some("last admin".to_owned());
        assert!(text(&row, &enabled()).contains("The protection does not prevent that"));
    }

    #[test]
    fn only_an_erased_user_and_one_of_a_forgotten_organization_are_ignored() {
        let ignored: Vec<_> =
            UserState::ALL.iter().copied().filter(|state| outlook_if_erased(*state).is_some()).collect();
        assert_eq!(ignored, [UserState::Erased, UserState::Forgotten]);
    }

    #[test]
    fn the_outlook_of_a_removed_user_says_what_adds_the_user_again() {
        let version = Version { at: Some(second(60)), ..Version::default() };
        let trail = Trail { deleted_at: Some(second(61)), version, ..Trail::default() };
        let gone = UserRow { trail, ..user(&[], &[]) };
        let missing = DirectoryRow { missing_since: Some(START), ..enabled() };
        assert!(text(&gone, &enabled()).contains("A sync whose listing names the user adds the user."));
        assert!(text(&gone, &enabled()).contains("if it happened after 1970-01-01T00:01:00Z"));
        assert!(text(&gone, &DirectoryRow::default()).contains("until the directory is enabled again"));
        assert!(text(&gone, &missing).contains("until the directory is listed again"));
    }

    #[test]
    fn the_outlook_of_an_unknown_user_mentions_a_pending_event() {
        let (row, directory, settings) = (user(&[], &[]), enabled(), MirrorOptions::default().in_force());
        let mut event = ReceivedEvent::new(1, crate::record::EventRow::default());
        event.outcome = Some(Outcome::Pending);
        let events = [event];
        let unknown = Present { row: None, directory: None, events: &events, ..present(&row, &directory, &settings) };
        let sentences = outlook(&unknown);
        assert_eq!(sentences.len(), 3, "{sentences:?}");
        assert!(sentences[2].contains("is pending"), "{sentences:?}");
    }
}
