//! Tests of the rows that are loaded for each kind of key.

use super::Setup;
use super::rows::{
    approval, at, commit, commit_users, directory, done, event, group, hold, ids, joining, of_users, organization,
    removed, retirement, unfenced, user, user_ids,
};
use crate::model::{DirectoryProvider, DirectoryType};
use crate::record::{
    Batch, Chore, CountsKey, DirectoryRow, EnvironmentRow, ErasureKey, EventState, GroupRow, HeldLoss, HoldId,
    HoldReason, HoldRow, Keys, Leaving, Loss, LossRow, MembersKey, MessageKind, MirrorDirectory, MirrorGroup,
    MirrorOptions, MirrorUser, OrganizationRow, Retirement, Trail, UserFields, UserRow, UserWrite, Version,
};
use crate::store::UserFilter;
use std::time::Duration;

fn full_trail() -> Trail {
    Trail {
        version: Version { at: Some(at(-86_400)), kind: MessageKind::Deleted, event: "evt_1".to_owned() },
        touched_at: Some(at(1)),
        revision: 7,
        deleted_at: None,
    }
}

/// Makes a user with a value in each field but `number` and `trail.deleted_at`. A field that is added to the row has to be added here.
fn full_user() -> UserRow {
    let user = MirrorUser {
        id: "diruser_1".to_owned(),
        organization_id: "org_1".to_owned(),
        directory_id: "dir_1".to_owned(),
        email: "Ada@example.com".to_owned(),
        given_name: "Ada".to_owned(),
        family_name: "O'Brien \"♥\"\n".to_owned(),
        preferred_username: "ada".to_owned(),
        emails: vec!["ada@example.com".to_owned(), "ada@example.org".to_owned()],
        active: true,
        group_ids: vec!["dirgroup_1".to_owned(), "dirgroup_2".to_owned()],
        roles: vec!["admin".to_owned()],
        vendor_roles: vec!["viewer".to_owned()],
        linked_id: Some("account 1".to_owned()),
        protection: Some("last admin".to_owned()),
        deletes_at: Some(at(-4)),
        updated_at: Some(at(-5)),
        detail: serde_json::from_str("{\"b\": [1, 2.50], \"a\": null}").unwrap(),
        attributes: serde_json::from_str("{\"title\":\"Engineer\"}").unwrap(),
    };
    let removed = Some(full_trail().version);
    UserRow {
        number: 0,
        told_groups: user.group_ids.clone(),
        user,
        listed: true,
        trail: full_trail(),
        added_at: Some(at(-7)),
        lost_at: Some(at(-6)),
        held: Some(HeldLoss { hold: 9, revision: 3, loss: Loss { removed, deactivated: true, roles: true } }),
        rehire_key: Some("0123456789abcdef".to_owned()),
        leaving: Some(Leaving { removed: full_trail().version, cause: "event:evt_1".to_owned(), was_active: true }),
    }
}

/// Makes a group with a value in each field but `number` and `trail.deleted_at`.
fn full_group() -> GroupRow {
    let group = MirrorGroup {
        id: "dirgroup_1".to_owned(),
        organization_id: "org_1".to_owned(),
        directory_id: "dir_1".to_owned(),
        display_name: "Crew".to_owned(),
        updated_at: Some(at(-5)),
    };
    GroupRow { number: 0, group, trail: full_trail(), leaving: true }
}

/// Makes a directory each of whose fields has a value other than its default, with times that differ from each other.
fn full_directory() -> DirectoryRow {
    DirectoryRow {
        directory: MirrorDirectory {
            id: "dir_1".to_owned(),
            organization_id: "org_1".to_owned(),
            name: "Okta \"♥\"".to_owned(),
            directory_type: DirectoryType::Scim,
            directory_provider: DirectoryProvider::Okta,
            enabled: true,
        },
        toggled_at: Some(at(1)),
        toggled_off: true,
        toggled_event: "evt_1".to_owned(),
        toggle_arrived_at: Some(at(2)),
        last_full_sync: Some(at(3)),
        last_incremental_sync: Some(at(4)),
        listed_since: Some(at(5)),
        watermark: Some(at(6)),
        missing_since: Some(at(7)),
        retired_at: Some(at(8)),
        first_full_sync: Some(at(9)),
        incomplete_since: Some(at(10)),
        incomplete_full: true,
        lists_groups: true,
    }
}

/// Makes an organization each of whose fields has a value, with times that differ from each other.
fn full_organization() -> OrganizationRow {
    OrganizationRow {
        id: "org_1".to_owned(),
        directories_listed_at: Some(at(1)),
        missing_since: Some(at(2)),
        deletion_arrived_at: Some(at(3)),
    }
}

pub async fn every_field_of_a_user_is_stored(setup: Setup) {
    let store = setup.create().await;
    let mut expected = full_user();
    assert!(expected.user.detail.is_some() && expected.user.attributes.is_some());

    let batch = Batch { users: vec![joining(expected.clone())], ..Batch::default() };
    expected.number = commit(&store, batch).await.users["diruser_1"];

    let set = store.load(of_users(&["diruser_1"])).await.unwrap();
    assert_eq!(set.users["diruser_1"], expected);
}

pub async fn every_field_of_a_user_is_replaced(setup: Setup) {
    let store = setup.create().await;
    commit_users(&store, &["diruser_1"], &[]).await;
    let write = unfenced(of_users(&["diruser_1"]), |set| {
        let row = UserRow { number: set.users["diruser_1"].number, ..full_user() };
        done(Batch { users: vec![joining(row)], ..Batch::default() })
    });
    store.write(write).await.unwrap();

    let row = store.load(of_users(&["diruser_1"])).await.unwrap().users["diruser_1"].clone();
    assert_eq!(row, UserRow { number: row.number, ..full_user() });
}

/// Returns states of `row`, each of which differs from the one before it in one value: the given name, or a value that stores may have in an index.
/// New values of `added_at`, `held` and `rehire_key` are those of `source`.
fn indexed_values_one_by_one(mut row: UserRow, source: &UserRow) -> Vec<UserRow> {
    let mut steps = Vec::new();
    let mut step = |change: &dyn Fn(&mut UserRow)| {
        change(&mut row);
        steps.push(row.clone());
    };
    step(&|row| row.user.given_name = "Ada".to_owned());
    step(&|row| row.user.email = "ada@example.org".to_owned());
    step(&|row| row.user.directory_id = "dir_2".to_owned());
    step(&|row| row.user.organization_id = "org_2".to_owned());
    step(&|row| row.added_at = source.added_at);
    step(&|row| row.held.clone_from(&source.held));
    step(&|row| row.rehire_key.clone_from(&source.rehire_key));
    step(&|row| row.rehire_key = None);
    step(&|row| row.user.deletes_at = source.user.deletes_at);
    step(&|row| row.trail.deleted_at = Some(at(8)));
    step(&|row| row.trail.deleted_at = None);
    step(&|row| row.held = None);
    step(&|row| row.user.deletes_at = None);
    steps
}

pub async fn each_indexed_value_of_a_user_can_change_without_the_others(setup: Setup) {
    let store = setup.create().await;
    commit_users(&store, &["diruser_1"], &[]).await;
    let stored = store.load(of_users(&["diruser_1"])).await.unwrap().users["diruser_1"].clone();
    for expected in indexed_values_one_by_one(stored, &full_user()) {
        let row = expected.clone();
        let write = unfenced(of_users(&["diruser_1"]), move |_| {
            let write = UserWrite { row: row.clone(), ..UserWrite::default() };
            done(Batch { users: vec![write], ..Batch::default() })
        });
        store.write(write).await.unwrap();

        let row = store.load(of_users(&["diruser_1"])).await.unwrap().users["diruser_1"].clone();
        assert_eq!(row, expected);
        let listed = |directory_id: &str| {
            let filter = UserFilter { directory_id: Some(directory_id.to_owned()), ..UserFilter::default() };
            store.users(filter, 0, 10)
        };
        let is_live = expected.trail.deleted_at.is_none();
        let is_in = |id| is_live && expected.user.directory_id == id;
        assert_eq!(listed("dir_1").await.unwrap().len(), usize::from(is_in("dir_1")));
        assert_eq!(listed("dir_2").await.unwrap().len(), usize::from(is_in("dir_2")));
        let filter = UserFilter { email: Some(expected.user.email.clone()), ..UserFilter::default() };
        assert_eq!(store.users(filter, 0, 10).await.unwrap().len(), usize::from(is_live));
    }
}

pub async fn each_indexed_value_of_a_group_can_change_without_the_others(setup: Setup) {
    let store = setup.create().await;
    commit(&store, Batch { groups: vec![group("dirgroup_1")], ..Batch::default() }).await;
    let keys = || Keys { groups: ids(&["dirgroup_1"]), ..Keys::default() };
    let mut expected = store.load(keys()).await.unwrap().groups["dirgroup_1"].clone();
    let steps: [fn(&mut GroupRow); 4] = [
        |row| row.group.display_name = "Crew".to_owned(),
        |row| row.group.directory_id = "dir_2".to_owned(),
        |row| row.trail.deleted_at = Some(at(8)),
        |row| row.trail.deleted_at = None,
    ];
    for step in steps {
        step(&mut expected);
        let row = expected.clone();
        let write = unfenced(keys(), move |_| done(Batch { groups: vec![row.clone()], ..Batch::default() }));
        store.write(write).await.unwrap();

        assert_eq!(store.load(keys()).await.unwrap().groups["dirgroup_1"], expected);
        let is_listed = expected.trail.deleted_at.is_none();
        let listed = store.groups(Some(expected.group.directory_id.clone()), 0, 10).await.unwrap();
        assert_eq!(listed.len(), usize::from(is_listed));
    }
}

pub async fn every_field_of_a_group_is_stored(setup: Setup) {
    let store = setup.create().await;
    let mut expected = full_group();
    let batch = Batch { groups: vec![expected.clone()], ..Batch::default() };
    expected.number = commit(&store, batch).await.groups["dirgroup_1"];

    let set = store.load(Keys { groups: ids(&["dirgroup_1"]), ..Keys::default() }).await.unwrap();
    assert_eq!(set.groups["dirgroup_1"], expected);
}

pub async fn every_field_of_a_directory_and_an_organization_is_stored_and_replaced(setup: Setup) {
    let store = setup.create().await;
    let (directory, organization) =
        (directory("dir_1", "org_1"), OrganizationRow { id: "org_1".to_owned(), ..OrganizationRow::default() });
    let keys = Keys { organizations: ids(&["org_1"]), directories: ids(&["dir_1"]), ..Keys::default() };
    for (directory, organization) in
        [(directory.clone(), organization.clone()), (full_directory(), full_organization()), (directory, organization)]
    {
        let batch = Batch {
            directories: vec![directory.clone()],
            organizations: vec![organization.clone()],
            ..Batch::default()
        };
        commit(&store, batch).await;

        let set = store.load(keys.clone()).await.unwrap();
        assert_eq!(set.directories["dir_1"], directory);
        assert_eq!(set.organizations["org_1"], organization);
    }
}

pub async fn a_key_without_a_row_loads_no_row(setup: Setup) {
    let store = setup.create().await;
    commit_users(&store, &["diruser_1"], &["dirgroup_1"]).await;
    let keys = Keys {
        organizations: ids(&["org_2"]),
        directories: ids(&["dir_2"]),
        users: ids(&["diruser_1", "diruser_2"]),
        groups: ids(&["dirgroup_2"]),
        events: ids(&["evt_2"]),
        chore: Some(10),
        ..Keys::default()
    };

    let set = store.load(keys.clone()).await.unwrap();

    assert_eq!(set.keys, keys);
    assert_eq!(set.users.keys().collect::<Vec<_>>(), ["diruser_1"]);
    assert!(set.organizations.is_empty());
    assert!(set.directories.is_empty());
    assert!(set.groups.is_empty());
    assert!(set.events.is_empty());
    assert_eq!(set.chore, None);
    assert_eq!(set.role_map, None);
}

pub async fn an_empty_store_loads_an_empty_set(setup: Setup) {
    let store = setup.create().await;
    let set = store.load(Keys::default()).await.unwrap();
    assert_eq!(set.revision, 0);
    assert!(set.users.is_empty());
}

pub async fn a_user_is_loaded_with_the_groups_that_the_vendor_named(setup: Setup) {
    let store = setup.create().await;
    let mut gone = group("dirgroup_2");
    gone.trail.deleted_at = Some(at(0));
    commit(&store, Batch { groups: vec![group("dirgroup_1"), gone, group("dirgroup_3")], ..Batch::default() }).await;
    commit_users(&store, &["diruser_1"], &["dirgroup_1", "dirgroup_2", "dirgroup_unknown"]).await;

    let set = store.load(of_users(&["diruser_1"])).await.unwrap();

    let mut found: Vec<(&str, bool)> = set.groups.iter().map(|(id, row)| (id.as_str(), row.is_live())).collect();
    found.sort_unstable();
    assert_eq!(found, [("dirgroup_1", true), ("dirgroup_2", false)]);
}

pub async fn an_organization_is_loaded_with_its_directories(setup: Setup) {
    let store = setup.create().await;
    let directories = vec![
        directory("dir_1", "org_1"),
        directory("dir_2", "org_1"),
        directory("dir_3", "org_2"),
        directory("dir_4", "org_2"),
    ];
    commit(&store, Batch { directories, organizations: vec![organization("org_2")], ..Batch::default() }).await;

    let one = store.load(Keys { organizations: ids(&["org_1"]), ..Keys::default() }).await.unwrap();
    let keys = Keys { organizations: ids(&["org_1"]), directories: ids(&["dir_1", "dir_4"]), ..Keys::default() };
    let both = store.load(keys).await.unwrap();

    assert_eq!(one.directories.keys().collect::<Vec<_>>(), ["dir_1", "dir_2"]);
    assert!(one.organizations.is_empty());
    assert_eq!(both.directories.keys().collect::<Vec<_>>(), ["dir_1", "dir_2", "dir_4"]);
}

pub async fn members_are_loaded_in_pages(setup: Setup) {
    let store = setup.create().await;
    commit(&store, Batch { groups: vec![group("dirgroup_1")], ..Batch::default() }).await;
    commit_users(&store, &["diruser_1", "diruser_3", "diruser_5"], &["dirgroup_1"]).await;
    commit_users(&store, &["diruser_2", "diruser_4"], &[]).await;
    let page =
        |group_id: Option<&str>, after, limit| MembersKey { group_id: group_id.map(str::to_owned), after, limit };

    let first = page(Some("dirgroup_1"), 0, 2);
    let set = store.load(Keys { members: [first.clone()].into(), ..Keys::default() }).await.unwrap();
    let second = page(Some("dirgroup_1"), set.users["diruser_3"].number, 2);
    let all = page(None, 0, 10);
    let rest = store.load(Keys { members: [second.clone(), all.clone()].into(), ..Keys::default() }).await.unwrap();

    assert_eq!(set.members[&first], ["diruser_1", "diruser_3"]);
    assert_eq!(set.users.len(), 2);
    assert!(set.groups.contains_key("dirgroup_1"));
    assert_eq!(rest.members[&second], ["diruser_5"]);
    assert_eq!(rest.members[&all], ["diruser_1", "diruser_3", "diruser_5", "diruser_2", "diruser_4"]);
}

pub async fn a_write_adds_joined_memberships_and_removes_left_ones(setup: Setup) {
    let store = setup.create().await;
    commit_users(&store, &["diruser_1", "diruser_2"], &["dirgroup_1", "dirgroup_2"]).await;
    let write = unfenced(of_users(&["diruser_1"]), |set| {
        let mut row = set.users["diruser_1"].clone();
        row.told_groups = vec!["dirgroup_2".to_owned(), "dirgroup_3".to_owned()];
        let users = vec![UserWrite { row, joined: vec!["dirgroup_3".to_owned()], left: vec!["dirgroup_1".to_owned()] }];
        done(Batch { users, ..Batch::default() })
    });
    store.write(write).await.unwrap();

    let members =
        async |id: &str| user_ids(&store, UserFilter { group_id: Some(id.to_owned()), ..UserFilter::default() }).await;
    assert_eq!(members("dirgroup_1").await, ["diruser_2"]);
    assert_eq!(members("dirgroup_2").await, ["diruser_1", "diruser_2"]);
    assert_eq!(members("dirgroup_3").await, ["diruser_1"]);
}

pub async fn tombstones_are_loaded_and_not_listed(setup: Setup) {
    let store = setup.create().await;
    let mut gone = group("dirgroup_1");
    gone.trail.deleted_at = Some(at(1));
    let users = vec![joining(removed(user("diruser_1", &["dirgroup_1"]), at(1)))];
    commit(&store, Batch { users, groups: vec![gone], ..Batch::default() }).await;

    let set = store.load(of_users(&["diruser_1"])).await.unwrap();

    let members = UserFilter { group_id: Some("dirgroup_1".to_owned()), ..UserFilter::default() };
    assert_eq!(set.users["diruser_1"].trail.deleted_at, Some(at(1)));
    assert_eq!(set.groups["dirgroup_1"].trail.deleted_at, Some(at(1)));
    assert!(user_ids(&store, UserFilter::default()).await.is_empty());
    assert!(user_ids(&store, members).await.is_empty());
    assert!(store.groups(None, 0, 10).await.unwrap().is_empty());
}

pub async fn users_and_losses_of_access_are_counted(setup: Setup) {
    let store = setup.create().await;
    let added = |id: &str, added_at| joining(UserRow { added_at, ..user(id, &[]) });
    let loss = |user_id: &str, time, is_removal, is_approved| LossRow {
        directory_id: "dir_1".to_owned(),
        user_id: user_id.to_owned(),
        at: at(time),
        added_at: Some(at(1)),
        is_removal,
        is_approved,
    };
    let batch = Batch {
        users: vec![
            added("diruser_1", None),
            added("diruser_2", Some(at(10))),
            added("diruser_3", Some(at(11))),
            joining(removed(user("diruser_4", &[]), at(12))),
        ],
        losses: vec![
            loss("diruser_4", 12, true, false),
            loss("diruser_5", 12, true, true),
            loss("diruser_1", 12, false, false),
            loss("diruser_1", 13, false, false),
            loss("diruser_6", 10, true, false),
        ],
        ..Batch::default()
    };
    commit(&store, batch).await;

    let key = CountsKey { since: at(10), base: at(10) };
    let counts = [("dir_1".to_owned(), key), ("dir_2".to_owned(), key)].into();
    let set = store.load(Keys { counts, ..Keys::default() }).await.unwrap();

    assert_eq!(set.counts["dir_1"].users, 3);
    assert_eq!(
        set.counts["dir_1"].base_users, 4,
        "users 1 and 2 are still mirrored, and 4 and 5 were removed after `base`"
    );
    assert_eq!(set.counts["dir_1"].losses, 2, "users 1 and 4 lost access without approval, and each counts once");
    assert_eq!(set.counts["dir_2"].users, 0);
    assert_eq!(set.counts["dir_2"].base_users, 0);
    assert_eq!(set.counts["dir_2"].losses, 0);
}

/// Makes a user whose deactivation is held back by hold 1. `revision` is the revision of the write that held it back.
fn held(id: &str, revision: i64) -> UserRow {
    UserRow {
        held: Some(HeldLoss { hold: 1, revision, loss: Loss { deactivated: true, ..Loss::default() } }),
        ..user(id, &[])
    }
}

pub async fn a_hold_is_loaded_with_the_number_of_its_users(setup: Setup) {
    let store = setup.create().await;
    let expected = hold(1, HoldReason::MassDeactivation);
    let users = vec![joining(held("diruser_1", 5)), joining(held("diruser_2", 6)), joining(user("diruser_3", &[]))];
    commit(&store, Batch { holds: vec![expected.clone()], users, ..Batch::default() }).await;

    let mut set = store.load(Keys { holds: ids(&["dir_1", "dir_2"]), ..Keys::default() }).await.unwrap();

    assert_eq!(set.holds.remove("dir_1").unwrap(), [HoldRow { count: 2, ..expected }]);
    assert!(set.holds.is_empty());
}

pub async fn the_users_of_a_hold_are_read_up_to_a_revision(setup: Setup) {
    let store = setup.create().await;
    let users = vec![joining(held("diruser_1", 5)), joining(held("diruser_2", 6)), joining(user("diruser_3", &[]))];
    commit(&store, Batch { users, ..Batch::default() }).await;
    let named = |revision| UserFilter { hold: Some(HoldId { number: 1, revision }), ..UserFilter::default() };

    assert_eq!(user_ids(&store, named(4)).await, [""; 0]);
    assert_eq!(user_ids(&store, named(5)).await, ["diruser_1"]);
    assert_eq!(user_ids(&store, named(6)).await, ["diruser_1", "diruser_2"]);
}

pub async fn a_hold_without_users_is_not_listed_and_is_trimmed(setup: Setup) {
    let store = setup.create().await;
    let holds = vec![hold(1, HoldReason::MassRemoval), hold(2, HoldReason::DirectoryDisabled)];
    commit(&store, Batch { holds, users: vec![joining(user("diruser_3", &[]))], ..Batch::default() }).await;

    let listed = store.holds(None, None).await.unwrap();
    assert_eq!(listed.iter().map(|row| (row.number, row.count)).collect::<Vec<_>>(), [(2, 1)]);

    let retention = crate::store::Retention {
        changes: at(0),
        consumers: at(0),
        tombstones: at(0),
        events: at(0),
        losses: at(0),
        history: None,
        runs: at(0),
        limit: 10,
    };
    store.trim(retention).await.unwrap();
    let set = store.load(Keys { holds: ids(&["dir_1"]), ..Keys::default() }).await.unwrap();
    assert_eq!(set.holds["dir_1"].iter().map(|row| row.number).collect::<Vec<_>>(), [2]);
}

pub async fn holds_are_listed_by_organization_and_directory(setup: Setup) {
    let store = setup.create().await;
    let other = HoldRow { directory_id: "dir_2".to_owned(), ..hold(2, HoldReason::MassDeactivation) };
    let mut elsewhere = held("diruser_2", 5);
    elsewhere.held.as_mut().unwrap().hold = 2;
    let users = vec![joining(held("diruser_1", 5)), joining(elsewhere)];
    commit(&store, Batch { holds: vec![hold(1, HoldReason::MassDeactivation), other], users, ..Batch::default() })
        .await;
    let numbers = async |organization_id: Option<&str>, directory_id: Option<&str>| {
        let owned = |id: Option<&str>| id.map(str::to_owned);
        let rows = store.holds(owned(organization_id), owned(directory_id)).await.unwrap();
        rows.into_iter().map(|row| row.number).collect::<Vec<_>>()
    };

    assert_eq!(numbers(None, None).await, [1, 2]);
    assert_eq!(numbers(Some("org_1"), Some("dir_2")).await, [2]);
    assert_eq!(numbers(Some("org_2"), None).await, [0; 0]);
}

pub async fn a_decision_about_a_hold_is_stored_once_and_listed_by_its_time(setup: Setup) {
    let store = setup.create().await;
    for one in [approval("b", 1), approval("a", 2), approval("b", 3)] {
        commit(&store, Batch { approvals: vec![one], ..Batch::default() }).await;
    }
    let expected = vec![approval("b", 1), approval("a", 2)];
    assert_eq!(store.approvals(None).await.unwrap(), expected, "the first decision with an id is kept");
    assert_eq!(store.approvals(Some("org_2".to_owned())).await.unwrap(), []);
}

pub async fn the_oldest_chore_is_loaded_with_its_next_users(setup: Setup) {
    let store = setup.create().await;
    commit_users(&store, &["diruser_1", "diruser_2"], &["dirgroup_1"]).await;
    let chore = |group_id: &str, cause: &str| Chore {
        group_id: group_id.to_owned(),
        cause: cause.to_owned(),
        deletes: !group_id.is_empty(),
        ..Chore::default()
    };
    commit(&store, Batch { chores: vec![chore("dirgroup_1", "first"), chore("", "second")], ..Batch::default() }).await;
    let keys = Keys { chore: Some(1), ..Keys::default() };

    let set = store.load(keys.clone()).await.unwrap();
    let first = set.chore.unwrap();
    assert_eq!(first.cause, "first");
    assert!(first.deletes);
    assert_eq!(set.members[&first.members(1)], ["diruser_1"]);
    assert!(first.number > 0);

    let position = set.users["diruser_1"].number;
    commit(&store, Batch { chores: vec![Chore { position, ..first.clone() }], ..Batch::default() }).await;
    let set = store.load(keys.clone()).await.unwrap();
    let first = set.chore.unwrap();
    assert_eq!(first.position, position);
    assert_eq!(set.members[&first.members(1)], ["diruser_2"]);

    commit(&store, Batch { done_chores: [first.number].into(), ..Batch::default() }).await;
    let second = store.load(keys.clone()).await.unwrap().chore.unwrap();
    assert_eq!(second.cause, "second");
    assert_eq!(second.group_id, "");
    assert!(!second.deletes);

    commit(&store, Batch { done_chores: [second.number].into(), ..Batch::default() }).await;
    assert_eq!(store.load(keys).await.unwrap().chore, None);
}

pub async fn the_role_map_is_loaded_and_replaced(setup: Setup) {
    let store = setup.create().await;
    for text in ["{\"Crew\":\"sailor\"}", "{}"] {
        commit(&store, Batch { role_map: Some(text.to_owned()), ..Batch::default() }).await;
        commit_users(&store, &[&format!("diruser_{}", text.len())], &[]).await;
        assert_eq!(store.load(Keys::default()).await.unwrap().role_map.as_deref(), Some(text));
    }
}

pub async fn the_settings_are_loaded_and_replaced(setup: Setup) {
    let store = setup.create().await;
    assert_eq!(store.load(Keys::default()).await.unwrap().settings, MirrorOptions::default());
    for users in [5, 7] {
        // A field that is added to the settings has to be added here.
        let settings = MirrorOptions {
            guard_users: Some(users),
            guard_share: Some(0.25),
            guard_events: Some(false),
            guard_window: Some(Duration::from_secs(60)),
            full_every: Some(Duration::from_secs(61)),
            retention: Some(Duration::from_millis(1_500)),
            history: Some(Duration::from_secs(66)),
            deletion_grace: Some(Duration::from_secs(67)),
            pending_events: Some(62),
            pending_bytes: Some(63),
            groups_per_user: Some(64),
            consumer_expiry: Some(Duration::from_secs(65)),
            fields: UserFields::named(["email"]).ok(),
        };
        commit(&store, Batch { settings: Some(settings.clone()), ..Batch::default() }).await;
        commit_users(&store, &[&format!("diruser_{users}")], &[]).await;
        assert_eq!(store.load(Keys::default()).await.unwrap().settings, settings);
    }
}

pub async fn the_environment_is_loaded_and_replaced(setup: Setup) {
    let store = setup.create().await;
    assert_eq!(store.load(Keys::default()).await.unwrap().environment, EnvironmentRow::default());
    for host in ["one.example", "other.example"] {
        let environment = EnvironmentRow {
            host: Some(host.to_owned()),
            environment_id: Some("env_1".to_owned()),
            all_listed_at: Some(at(5)),
            erasure_key: Some(ErasureKey::new([1, 2, 3, 4])),
            has_forgotten: true,
        };
        commit(&store, Batch { environment: Some(environment.clone()), ..Batch::default() }).await;
        commit_users(&store, &[&format!("diruser_{host}")], &[]).await;
        assert_eq!(store.load(Keys::default()).await.unwrap().environment, environment);
    }
}

pub async fn the_mirror_id_is_loaded_and_replaced(setup: Setup) {
    let store = setup.create().await;
    assert_eq!(store.load(Keys::default()).await.unwrap().mirror_id, None);
    for id in ["one", "other"] {
        commit(&store, Batch { mirror_id: Some(id.to_owned()), ..Batch::default() }).await;
        commit_users(&store, &[&format!("diruser_{id}")], &[]).await;
        assert_eq!(store.load(Keys::default()).await.unwrap().mirror_id.as_deref(), Some(id));
    }
}

pub async fn retirements_are_stored_and_replaced(setup: Setup) {
    let store = setup.create().await;
    let keys = Keys { retirements: true, ..Keys::default() };
    let (first, second) = (retirement("b", at(1)), retirement("a", at(2)));
    commit(&store, Batch { retirements: vec![second.clone(), first.clone()], ..Batch::default() }).await;
    let ended = Retirement { ended_at: Some(at(9)), users: 7, ..second };
    commit(&store, Batch { retirements: vec![ended.clone()], ..Batch::default() }).await;
    assert_eq!(store.load(keys).await.unwrap().retirements, [first, ended]);
    assert_eq!(store.load(Keys::default()).await.unwrap().retirements, []);
}

pub async fn an_event_is_stored_and_settled(setup: Setup) {
    let store = setup.create().await;
    let keys = Keys { events: ids(&["evt_1"]), ..Keys::default() };
    let pending = event("evt_1", EventState::Pending, at(1));
    commit(&store, Batch { events: vec![pending.clone()], ..Batch::default() }).await;
    assert_eq!(store.load(keys.clone()).await.unwrap().events["evt_1"], pending);

    let settled = event("evt_1", EventState::Settled, at(1));
    commit(&store, Batch { events: vec![settled.clone()], ..Batch::default() }).await;
    assert_eq!(store.load(keys).await.unwrap().events["evt_1"], settled);
}
