//! Tests of how leavers are found: users who are to be deleted when their grace is over.

use super::Setup;
use super::rows::{at, commit, directory, joining, removed, user};
use crate::record::{Leaving, Version};
use crate::store::{Batch, Store, UserRow};
use std::sync::Arc;

/// Makes a user who is to be deleted at this time.
fn leaver(id: &str, deletes_at: i64) -> UserRow {
    let mut row = user(id, &[]);
    row.user.active = false;
    row.user.deletes_at = Some(at(deletes_at));
    row.leaving = Some(Leaving { removed: Version::default(), cause: format!("sync:{id}"), was_active: true });
    row
}

async fn ids(store: &Arc<dyn Store>, until: i64, limit: usize) -> Vec<String> {
    store.leavers(at(until), limit).await.unwrap().into_iter().map(|row| row.user.id).collect()
}

/// Makes a store with three leavers, a user who has not left, and a tombstone.
async fn store_with_leavers(setup: &Setup) -> Arc<dyn Store> {
    let store = setup.create().await;
    let rows = [
        leaver("diruser_late", 30),
        user("diruser_present", &[]),
        leaver("diruser_early", 10),
        removed(user("diruser_gone", &[]), at(1)),
        leaver("diruser_middle", 20),
    ];
    let users = rows.into_iter().map(joining).collect();
    commit(&store, Batch { users, directories: vec![directory("dir_1", "org_1")], ..Batch::default() }).await;
    store
}

pub async fn leavers_are_found_up_to_a_time_earliest_first(setup: Setup) {
    let store = store_with_leavers(&setup).await;
    assert_eq!(ids(&store, 9, 10).await, [""; 0]);
    assert_eq!(ids(&store, 10, 10).await, ["diruser_early"]);
    assert_eq!(ids(&store, 30, 10).await, ["diruser_early", "diruser_middle", "diruser_late"]);
    assert_eq!(ids(&store, 30, 2).await, ["diruser_early", "diruser_middle"]);

    let found = store.leavers(at(10), 10).await.unwrap().remove(0);
    let expected = UserRow { number: found.number, trail: found.trail.clone(), ..leaver("diruser_early", 10) };
    assert_eq!(found, expected);
}

pub async fn leavers_who_were_deleted_or_have_returned_are_not_found(setup: Setup) {
    let store = store_with_leavers(&setup).await;
    let number = |rows: &[UserRow], id: &str| rows.iter().find(|row| row.user.id == id).unwrap().number;
    let found = store.leavers(at(30), 10).await.unwrap();
    let gone = UserRow { number: number(&found, "diruser_early"), ..removed(user("diruser_early", &[]), at(11)) };
    let returned = UserRow { number: number(&found, "diruser_middle"), ..user("diruser_middle", &[]) };
    commit(&store, Batch { users: vec![joining(gone), joining(returned)], ..Batch::default() }).await;
    assert_eq!(ids(&store, 30, 10).await, ["diruser_late"]);
}

pub async fn leavers_are_counted_with_the_users_of_their_directory(setup: Setup) {
    let store = store_with_leavers(&setup).await;
    let counts = store.directory_counts().await.unwrap().remove(0);
    assert_eq!(counts.users, 4);
    assert_eq!(counts.leaving, 3);
}
