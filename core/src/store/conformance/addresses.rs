//! The users who are found by an address: those who have it, and former users who had it.

use super::Setup;
use super::rows::{at, commit, joining, removed, user};
use crate::record::{AddressUser, Batch, Keys, UserRow, rehire_key};
use crate::store::Store;
use std::sync::Arc;

/// Makes a live user with an address, who is active.
fn active(id: &str, email: &str) -> UserRow {
    let mut row = user(id, &[]);
    row.user.email = email.to_owned();
    row.user.linked_id = Some(format!("account of {id}"));
    row
}

fn deactivated(id: &str, email: &str) -> UserRow {
    let mut row = active(id, email);
    row.user.active = false;
    row.with_rehire_key()
}

/// Makes a tombstone of a user who had an address and was removed at a time.
fn former(id: &str, email: &str, seconds: i64) -> UserRow {
    let mut row = removed(active(id, email), at(seconds));
    row.rehire_key = rehire_key("org_1", email);
    row.user.email = String::new();
    row
}

fn key(organization_id: &str, email: &str) -> (String, String) {
    (organization_id.to_owned(), email.to_owned())
}

async fn with(setup: Setup, rows: impl IntoIterator<Item = UserRow>) -> Arc<dyn Store> {
    let store = setup.create().await;
    commit(&store, Batch { users: rows.into_iter().map(joining).collect(), ..Batch::default() }).await;
    store
}

/// Returns the user of `org_1` who is found for an address.
async fn found(store: &Arc<dyn Store>, email: &str) -> Option<AddressUser> {
    let key = key("org_1", email);
    let mut set = store.load(Keys { addresses: [key.clone()].into(), ..Keys::default() }).await.unwrap();
    set.addresses.remove(&key)
}

pub async fn the_users_who_have_or_had_an_address_are_found(setup: Setup) {
    let rows = [
        active("diruser_1", "Ada@Example.com"),
        deactivated("diruser_2", "Bob@example.com"),
        former("diruser_3", "Grace@example.com", 10),
        removed(active("diruser_4", ""), at(10)),
        active("diruser_5", ""),
    ];
    let store = with(setup, rows).await;
    let addresses = ["ada@example.com", "bob@example.com", "grace@example.com", "eve@example.com", ""];
    let mut addresses: Vec<_> = addresses.iter().map(|email| key("org_1", email)).collect();
    addresses.push(key("org_2", "ada@example.com"));
    addresses.push(key("org_2", "grace@example.com"));

    let keys =
        Keys { addresses: addresses.into_iter().filter(|(_, email)| !email.is_empty()).collect(), ..Keys::default() };
    let set = store.load(keys).await.unwrap();

    let user = |id: &str, is_live, is_active| AddressUser {
        id: id.to_owned(),
        linked_id: Some(format!("account of {id}")),
        is_live,
        is_active,
    };
    let expected = [
        (key("org_1", "ada@example.com"), user("diruser_1", true, true)),
        (key("org_1", "bob@example.com"), user("diruser_2", true, false)),
        (key("org_1", "grace@example.com"), user("diruser_3", false, false)),
    ];
    assert_eq!(set.addresses, expected.into());
}

pub async fn an_active_user_is_found_before_former_users_with_the_address(setup: Setup) {
    let email = "ada@example.com";
    let rows = [active("diruser_1", email), deactivated("diruser_2", email), former("diruser_3", email, 10)];
    let store = with(setup, rows).await;
    assert_eq!(found(&store, email).await.unwrap().id, "diruser_1");
}

pub async fn a_deactivated_user_is_found_before_removed_users_with_the_address(setup: Setup) {
    let email = "ada@example.com";
    let rows = [former("diruser_1", email, 10), deactivated("diruser_2", email), former("diruser_3", email, 20)];
    let store = with(setup, rows).await;
    assert_eq!(found(&store, email).await.unwrap().id, "diruser_2");
}

pub async fn the_user_who_was_removed_last_is_found_for_an_address(setup: Setup) {
    let email = "ada@example.com";
    let rows = [
        former("diruser_1", email, 20),
        former("diruser_2", email, 30),
        former("diruser_3", email, 30),
        former("diruser_4", email, 10),
    ];
    let store = with(setup, rows).await;
    assert_eq!(found(&store, email).await.unwrap().id, "diruser_3");
}
