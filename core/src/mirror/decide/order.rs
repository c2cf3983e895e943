//! Tests of which changes a step appends to the feed, and in which order.

use super::step::{Decided, NewGroup, NewUser, Step};
use crate::Timestamp;
use crate::record::{
    Batch, ChangeKind, Chore, GroupRow, Keys, MembersKey, MirrorGroup, MirrorUser, Trail, UserRow, Version, WorkingSet,
};

const GROUP: &str = "dirgroup_1";

fn user(id: &str) -> MirrorUser {
    MirrorUser {
        id: id.to_owned(),
        organization_id: "org_1".to_owned(),
        directory_id: "dir_1".to_owned(),
        email: "ada@example.com".to_owned(),
        active: true,
        ..MirrorUser::default()
    }
}

fn new_user(user: MirrorUser) -> NewUser {
    NewUser {
        user,
        active: None,
        is_present: true,
        told_groups: Vec::new(),
        listed: true,
        version: Version::default(),
        touched_at: None,
    }
}

/// A user for whom no former user with the same address is looked up.
fn without_address(id: &str) -> MirrorUser {
    MirrorUser { email: String::new(), ..user(id) }
}

fn group(name: &str) -> MirrorGroup {
    MirrorGroup { id: GROUP.to_owned(), display_name: name.to_owned(), ..MirrorGroup::default() }
}

fn new_group(name: &str, exists: bool) -> NewGroup {
    NewGroup { group: group(name), exists, version: Version::default(), touched_at: None }
}

/// A step on the users `diruser_1` and `diruser_2`, who are stored, and on `diruser_9`, who is not.
fn step() -> Step {
    let ids = ["diruser_1", "diruser_2", "diruser_9"];
    let mut set = WorkingSet::default();
    set.keys.users = ids.map(str::to_owned).into();
    for (number, id) in (1..).zip(&ids[..2]) {
        set.users.insert((*id).to_owned(), UserRow { number, user: user(id), listed: true, ..UserRow::default() });
    }
    Step::new(set, "test", Timestamp::UNIX_EPOCH, false).unwrap()
}

/// A step on a group that was deleted while it had more members than one step removes, and that exists again if `has_returned`. The chore that
/// removes the last members is the oldest one.
fn step_on_a_leaving_group(has_returned: bool) -> Step {
    let deleted_at = (!has_returned).then_some(Timestamp::UNIX_EPOCH);
    let trail = Trail { deleted_at, ..Trail::default() };
    let row = GroupRow { number: 1, group: group("Crew"), trail, leaving: !has_returned };
    let chore =
        Chore { number: 7, group_id: GROUP.to_owned(), position: 500, deletes: true, cause: "event:evt_1".to_owned() };
    let first_page = MembersKey { group_id: Some(GROUP.to_owned()), after: 0, limit: super::PAGE };
    let set = WorkingSet {
        keys: Keys { groups: [GROUP.to_owned()].into(), ..Keys::default() },
        groups: [(GROUP.to_owned(), row)].into(),
        members: [(chore.members(super::PAGE), Vec::new()), (first_page, Vec::new())].into(),
        chore: Some(chore),
        ..WorkingSet::default()
    };
    Step::new(set, "test", Timestamp::UNIX_EPOCH, false).unwrap()
}

fn finish(step: Step) -> Batch {
    match step.finish() {
        Decided::Ready { batch, .. } => *batch,
        Decided::Needs(keys) => panic!("the step needs {keys:?}"),
    }
}

/// The changes of a batch: the kind, and the user's id.
fn changes(batch: &Batch) -> Vec<(ChangeKind, String)> {
    let of_entry = |entry: &crate::record::NewEntry| {
        let latest = entry.body.after.clone().or(entry.body.before.clone()).unwrap();
        let id = latest.user().map(|user| user.id.clone()).unwrap_or_default();
        entry.body.changes.iter().map(move |change| (change.kind, id.clone())).collect::<Vec<_>>()
    };
    batch.entries.iter().flat_map(of_entry).collect()
}

#[test]
fn a_removal_precedes_the_creation_of_another_user_in_the_same_step() {
    let mut step = step();
    step.put_user(new_user(MirrorUser { given_name: "Grace".to_owned(), ..user("diruser_2") }));
    step.put_user(new_user(without_address("diruser_9")));
    step.remove_user(user("diruser_1"), Version::default(), None);

    let expected = [
        (ChangeKind::UserUpdated, "diruser_2"),
        (ChangeKind::UserDeleted, "diruser_1"),
        (ChangeKind::UserCreated, "diruser_9"),
    ];
    assert_eq!(changes(&finish(step)), expected.map(|(kind, id)| (kind, id.to_owned())));
}

#[test]
fn a_removal_follows_an_earlier_change_of_the_same_user() {
    let mut step = step();
    step.put_user(new_user(without_address("diruser_9")));
    step.put_user(new_user(MirrorUser { given_name: "Ada".to_owned(), ..user("diruser_1") }));
    step.remove_user(user("diruser_1"), Version::default(), None);

    let kinds: Vec<ChangeKind> = changes(&finish(step)).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [ChangeKind::UserCreated, ChangeKind::UserUpdated, ChangeKind::UserDeleted]);
}

#[test]
fn a_move_to_another_directory_is_an_update() {
    let mut step = step();
    step.put_user(new_user(MirrorUser { directory_id: "dir_2".to_owned(), ..user("diruser_1") }));

    let batch = finish(step);

    assert_eq!(changes(&batch), [(ChangeKind::UserUpdated, "diruser_1".to_owned())]);
    assert_eq!(batch.entries[0].body.changes[0].fields, ["directory_id"]);
    assert_eq!(batch.entries[0].directory_id, "dir_2");
}

#[test]
fn a_chore_appends_the_deletion_of_its_group_when_the_last_member_is_gone() {
    let mut step = step_on_a_leaving_group(false);
    assert!(step.continue_chore());

    let batch = finish(step);

    assert_eq!(changes(&batch), [(ChangeKind::GroupDeleted, String::new())]);
    assert_eq!(batch.entries[0].cause, "event:evt_1");
    assert!(!batch.groups[0].leaving);
    assert!(batch.done_chores.contains(&7));
}

#[test]
fn a_chore_appends_no_deletion_of_a_group_that_has_returned() {
    let mut step = step_on_a_leaving_group(true);
    assert!(step.continue_chore());
    assert_eq!(changes(&finish(step)), []);
}

#[test]
fn a_group_that_returns_before_its_deletion_is_in_the_feed_is_not_created_again() {
    for (name, expected) in [("Crew", vec![]), ("Staff", vec![(ChangeKind::GroupUpdated, String::new())])] {
        let mut step = step_on_a_leaving_group(false);
        step.put_group(new_group(name, true));
        let batch = finish(step);
        assert_eq!(changes(&batch), expected, "returns as {name}");
        assert!(!batch.groups[0].leaving);
        assert!(batch.groups[0].is_live());
    }
}

#[test]
fn a_second_deletion_of_a_leaving_group_appends_nothing() {
    let mut step = step_on_a_leaving_group(false);
    step.put_group(new_group("Crew", false));
    assert_eq!(changes(&finish(step)), []);
}
