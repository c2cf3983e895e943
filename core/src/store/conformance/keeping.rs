//! Tests of what `reconcile` reads.

use super::Setup;
use super::rows::{at, commit, commit_users, joining, removed, user};
use crate::store::Batch;

pub async fn the_ids_of_live_users_are_found(setup: Setup) {
    let store = setup.create().await;
    commit_users(&store, &["diruser_1", "diruser_2"], &[]).await;
    let users = vec![joining(removed(user("diruser_gone", &[]), at(0)))];
    commit(&store, Batch { users, ..Batch::default() }).await;

    let ids = ["diruser_2", "diruser_gone", "diruser_2", "never stored", "", "DIRUSER_1", "diruser_1"];
    let mut live = store.live_users(ids.iter().map(|id| (*id).to_owned()).collect()).await.unwrap();
    live.sort_unstable();
    assert_eq!(live, ["diruser_1", "diruser_2"]);
    assert!(store.live_users(Vec::new()).await.unwrap().is_empty());

    // As many as SQLite's parameters and PostgreSQL's could not be.
    let many = (0..70_000).map(|number| format!("diruser_{number}")).collect();
    let mut live = store.live_users(many).await.unwrap();
    live.sort_unstable();
    assert_eq!(live, ["diruser_1", "diruser_2"]);
}
