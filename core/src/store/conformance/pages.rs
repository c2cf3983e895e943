//! Tests of pages of rows, filters, and counts.

use super::Setup;
use super::rows::{at, commit, commit_users, directory, event, group, ids, joining, removed, user, user_ids};
use crate::record::{Batch, EventRow, EventState, GroupRow, Keys, PendingEvents};
use crate::store::UserFilter;

pub async fn users_are_paged_in_the_order_of_their_numbers(setup: Setup) {
    let store = setup.create().await;
    commit_users(&store, &["diruser_3", "diruser_1", "diruser_5", "diruser_2", "diruser_4"], &[]).await;
    let mut pages = Vec::new();
    let mut after = 0;
    loop {
        let page = store.users(UserFilter::default(), after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.number;
        pages.push(page.into_iter().map(|row| row.user.id).collect::<Vec<_>>());
    }
    assert_eq!(pages, [vec!["diruser_3", "diruser_1"], vec!["diruser_5", "diruser_2"], vec!["diruser_4"]]);
}

pub async fn users_are_filtered_by_organization_and_directory(setup: Setup) {
    let store = setup.create().await;
    let place = |id: &str, organization_id: &str, directory_id: &str| {
        let mut row = user(id, &[]);
        row.user.organization_id = organization_id.to_owned();
        row.user.directory_id = directory_id.to_owned();
        joining(row)
    };
    let users = vec![
        place("diruser_1", "org_1", "dir_1"),
        place("diruser_2", "org_1", "dir_2"),
        place("diruser_3", "org_2", "dir_3"),
    ];
    commit(&store, Batch { users, ..Batch::default() }).await;
    let found = async |organization_id: Option<&str>, directory_id: Option<&str>| {
        let filter = UserFilter {
            organization_id: organization_id.map(str::to_owned),
            directory_id: directory_id.map(str::to_owned),
            ..UserFilter::default()
        };
        user_ids(&store, filter).await
    };

    assert_eq!(found(Some("org_1"), None).await, ["diruser_1", "diruser_2"]);
    assert_eq!(found(None, Some("dir_3")).await, ["diruser_3"]);
    assert_eq!(found(Some("org_1"), Some("dir_2")).await, ["diruser_2"]);
    assert_eq!(found(Some("org_2"), Some("dir_2")).await, [""; 0]);
}

pub async fn the_numbers_of_a_directorys_live_users_are_paged(setup: Setup) {
    let store = setup.create().await;
    let mut other = user("diruser_other", &[]);
    other.user.directory_id = "dir_2".to_owned();
    let users =
        vec![joining(user("diruser_1", &[])), joining(other), joining(removed(user("diruser_gone", &[]), at(0)))];
    commit(&store, Batch { users, ..Batch::default() }).await;
    commit_users(&store, &["diruser_2", "diruser_3"], &[]).await;
    let filter = UserFilter { directory_id: Some("dir_1".to_owned()), ..UserFilter::default() };
    let expected: Vec<i64> = store.users(filter, 0, 10).await.unwrap().into_iter().map(|row| row.number).collect();
    assert_eq!(expected.len(), 3);

    let first = store.user_numbers("dir_1".to_owned(), 0, 2).await.unwrap();
    let second = store.user_numbers("dir_1".to_owned(), first[1], 2).await.unwrap();

    assert_eq!(first, expected[..2]);
    assert_eq!(second, expected[2..]);
}

pub async fn users_are_found_by_email_ignoring_case(setup: Setup) {
    let store = setup.create().await;
    let with_email = |id: &str, email: &str| {
        let mut row = user(id, &[]);
        row.user.email = email.to_owned();
        joining(row)
    };
    let users = vec![
        with_email("diruser_1", "Ada@Example.com"),
        with_email("diruser_2", "ada@example.com"),
        with_email("diruser_3", "ada@example.org"),
    ];
    commit(&store, Batch { users, ..Batch::default() }).await;

    let filter = UserFilter { email: Some("ADA@example.COM".to_owned()), ..UserFilter::default() };
    assert_eq!(user_ids(&store, filter).await, ["diruser_1", "diruser_2"]);
}

pub async fn users_are_found_by_email_ignoring_case_and_normalization_in_any_alphabet(setup: Setup) {
    let store = setup.create().await;
    let with_email = |id: &str, email: &str| {
        let mut row = user(id, &[]);
        row.user.email = email.to_owned();
        joining(row)
    };
    let users = vec![
        with_email("diruser_1", "JÜRGEN@example.com"),
        with_email("diruser_2", "ju\u{308}rgen@example.com"),
        with_email("diruser_3", "jurgen@example.com"),
        with_email("diruser_4", "Иван@example.com"),
    ];
    commit(&store, Batch { users, ..Batch::default() }).await;
    let found = async |email: &str| {
        user_ids(&store, UserFilter { email: Some(email.to_owned()), ..UserFilter::default() }).await
    };

    assert_eq!(found("jürgen@example.com").await, ["diruser_1", "diruser_2"]);
    assert_eq!(found("ИВАН@example.com").await, ["diruser_4"]);
    let rows = store.users(UserFilter::default(), 0, 1).await.unwrap();
    assert_eq!(rows[0].user.email, "JÜRGEN@example.com");
}

pub async fn users_are_filtered_by_group_and_paged(setup: Setup) {
    let store = setup.create().await;
    commit_users(&store, &["diruser_1"], &["dirgroup_1"]).await;
    commit_users(&store, &["diruser_2"], &["dirgroup_2"]).await;
    commit_users(&store, &["diruser_3", "diruser_4"], &["dirgroup_1", "dirgroup_2"]).await;
    let filter = UserFilter { group_id: Some("dirgroup_1".to_owned()), ..UserFilter::default() };

    let first = store.users(filter.clone(), 0, 2).await.unwrap();
    let second = store.users(filter.clone(), first[1].number, 2).await.unwrap();

    assert_eq!(first[0].user.id, "diruser_1");
    assert_eq!(first[1].user.id, "diruser_3");
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].user.id, "diruser_4");
    let of_organization = UserFilter { organization_id: Some("org_2".to_owned()), ..filter };
    assert_eq!(user_ids(&store, of_organization).await, [""; 0]);
}

pub async fn groups_are_paged_and_filtered_by_directory(setup: Setup) {
    let store = setup.create().await;
    let mut other = group("dirgroup_other");
    other.group.directory_id = "dir_2".to_owned();
    let groups = vec![group("dirgroup_2"), other, group("dirgroup_1")];
    commit(&store, Batch { groups, ..Batch::default() }).await;
    let names = |rows: Vec<GroupRow>| rows.into_iter().map(|row| row.group.id).collect::<Vec<_>>();

    let first = store.groups(None, 0, 2).await.unwrap();
    let second = store.groups(None, first[1].number, 2).await.unwrap();
    let of_directory = store.groups(Some("dir_1".to_owned()), 0, 10).await.unwrap();

    assert_eq!(names(first), ["dirgroup_2", "dirgroup_other"]);
    assert_eq!(names(second), ["dirgroup_1"]);
    assert_eq!(names(of_directory), ["dirgroup_2", "dirgroup_1"]);
}

pub async fn directories_are_listed_in_the_order_of_their_ids(setup: Setup) {
    let store = setup.create().await;
    let directories = vec![directory("dir_2", "org_1"), directory("dir_3", "org_2"), directory("dir_1", "org_1")];
    commit(&store, Batch { directories, ..Batch::default() }).await;
    let found = async |organization_id: Option<&str>| {
        let rows = store.directories(organization_id.map(str::to_owned)).await.unwrap();
        rows.into_iter().map(|row| row.directory.id).collect::<Vec<_>>()
    };

    assert_eq!(found(None).await, ["dir_1", "dir_2", "dir_3"]);
    assert_eq!(found(Some("org_1")).await, ["dir_1", "dir_2"]);
}

pub async fn users_groups_and_pending_events_of_each_directory_are_counted(setup: Setup) {
    let store = setup.create().await;
    let batch = Batch {
        directories: vec![directory("dir_2", "org_2"), directory("dir_1", "org_1")],
        groups: vec![group("dirgroup_1"), group("dirgroup_2")],
        users: vec![
            joining(user("diruser_1", &[])),
            joining(user("diruser_2", &[])),
            joining(user("diruser_3", &[])),
            joining(removed(user("diruser_4", &[]), at(0))),
        ],
        events: vec![
            event("evt_1", EventState::Pending, at(0)),
            event("evt_2", EventState::Settled, at(0)),
            event("evt_3", EventState::Settled, at(0)),
        ],
        ..Batch::default()
    };
    commit(&store, batch).await;

    let counts = store.directory_counts().await.unwrap();

    assert_eq!(counts.len(), 2);
    assert_eq!(counts[0].row.directory.id, "dir_1");
    assert_eq!(counts[0].users, 3);
    assert_eq!(counts[0].groups, 2);
    assert_eq!(counts[0].pending_events, 1);
    assert_eq!(counts[1].row.directory.id, "dir_2");
    assert_eq!(counts[1].users, 0);
    assert_eq!(counts[1].groups, 0);
    assert_eq!(counts[1].pending_events, 0);
}

pub async fn events_are_paged_in_the_order_in_which_they_were_first_stored(setup: Setup) {
    let store = setup.create().await;
    let mut other = event("evt_other", EventState::Pending, at(0));
    other.organization_id = "org_2".to_owned();
    for row in [
        event("evt_3", EventState::Pending, at(5)),
        other,
        event("evt_1", EventState::Pending, at(6)),
        event("evt_4", EventState::Settled, at(7)),
        event("evt_2", EventState::Pending, at(4)),
    ] {
        commit(&store, Batch { events: vec![row], ..Batch::default() }).await;
    }
    // An event that is stored again keeps its position.
    commit(&store, Batch { events: vec![event("evt_3", EventState::Pending, at(5))], ..Batch::default() }).await;
    let page = async |state, after, limit| store.events("org_1".to_owned(), state, after, limit).await.unwrap();

    let first = page(EventState::Pending, 0, 2).await;
    let second = page(EventState::Pending, first[1].0, 2).await;
    let settled = page(EventState::Settled, 0, 10).await;

    assert_eq!(first[0].1, event("evt_3", EventState::Pending, at(5)));
    assert_eq!(first[1].1.id, "evt_1");
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].1.id, "evt_2");
    assert_eq!(settled.len(), 1);
    assert_eq!(settled[0].1.id, "evt_4");
}

pub async fn a_settled_event_is_not_listed_with_pending_ones(setup: Setup) {
    let store = setup.create().await;
    commit(&store, Batch { events: vec![event("evt_1", EventState::Pending, at(0))], ..Batch::default() }).await;
    commit(&store, Batch { events: vec![event("evt_1", EventState::Settled, at(0))], ..Batch::default() }).await;

    let pending = store.events("org_1".to_owned(), EventState::Pending, 0, 10).await.unwrap();
    let settled = store.events("org_1".to_owned(), EventState::Settled, 0, 10).await.unwrap();
    let set = store.load(Keys { events: ids(&["evt_1"]), ..Keys::default() }).await.unwrap();

    assert!(pending.is_empty());
    assert_eq!(settled.len(), 1);
    assert_eq!(set.events["evt_1"].body, None);
}

pub async fn a_page_of_events_ends_after_four_mebibytes_of_bodies(setup: Setup) {
    let store = setup.create().await;
    let large = |id: &str| EventRow { body: Some(vec![b' '; 3 << 20]), ..event(id, EventState::Pending, at(0)) };
    for id in ["evt_1", "evt_2", "evt_3"] {
        commit(&store, Batch { events: vec![large(id)], ..Batch::default() }).await;
    }
    let page = async |after| store.events("org_1".to_owned(), EventState::Pending, after, 100).await.unwrap();

    let first = page(0).await;
    let second = page(first[1].0).await;

    assert_eq!(first.len(), 2);
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].1.id, "evt_3");
    assert!(page(second[0].0).await.is_empty());
}

pub async fn pending_events_are_counted_with_their_bytes(setup: Setup) {
    let store = setup.create().await;
    let pending = async |id: &str| {
        let keys = Keys { organizations: ids(&[id]), ..Keys::default() };
        store.load(keys).await.unwrap().pending.get(id).copied().unwrap_or_default()
    };
    let bytes = |id: &str| format!("body of {id}").len() as u64;
    assert_eq!(pending("org_1").await, PendingEvents::default());

    let mut other = event("evt_other", EventState::Pending, at(0));
    other.organization_id = "org_2".to_owned();
    let events = vec![
        event("evt_1", EventState::Pending, at(0)),
        event("evt_2", EventState::Pending, at(0)),
        event("evt_3", EventState::Settled, at(0)),
        other,
    ];
    commit(&store, Batch { events, ..Batch::default() }).await;
    assert_eq!(pending("org_1").await, PendingEvents { events: 2, bytes: 2 * bytes("evt_1") });
    assert_eq!(pending("org_2").await, PendingEvents { events: 1, bytes: bytes("evt_other") });

    let events = vec![event("evt_1", EventState::Settled, at(0)), event("evt_2", EventState::Pending, at(0))];
    commit(&store, Batch { events, ..Batch::default() }).await;
    assert_eq!(pending("org_1").await, PendingEvents { events: 1, bytes: bytes("evt_2") });
}
