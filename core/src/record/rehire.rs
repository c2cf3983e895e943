//! Rehires: the former user whom a new user with the same address may be.

use super::{UserRow, email_key};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

/// How many bytes of the hash a [`rehire_key`] has. Two addresses with the same key would only cause a wrong suggestion.
const KEY_BYTES: usize = 16;

/// The former user whom a new user may be, as the entry of the creation stores it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehire {
    /// The former user's id.
    pub user_id: String,
    /// The application's account id of the former user when the new user was created, or `None` if the former user was not linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked_id: Option<String>,
}

/// The user of an organization whom a store finds for an address: see [`Keys::addresses`](super::Keys::addresses).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressUser {
    /// The user's id.
    pub id: String,
    /// The application's account id, or `None` if the user is not linked.
    pub linked_id: Option<String>,
    /// Whether the user is live, and not a tombstone.
    pub is_live: bool,
    /// Whether the row has no [`rehire_key`](UserRow::rehire_key): a live user who may sign in.
    pub is_active: bool,
}

/// Returns the key by which stores find the former users of an organization who had an address: a part of the SHA-256 hash of the organization's id and
/// the address's [key](email_key), in hexadecimal digits. `None` for an empty address.
///
/// A tombstone has this key instead of the address, so that a store does not keep addresses of users who were removed. The hash does not hide
/// from those who know an address that it was used.
pub fn rehire_key(organization_id: &str, email: &str) -> Option<String> {
    if email.is_empty() {
        return None;
    }
    let mut hash = Sha256::new();
    hash.update(organization_id.as_bytes());
    hash.update([0]);
    hash.update(email_key(email).as_bytes());
    let mut key = String::with_capacity(2 * KEY_BYTES);
    for byte in hash.finalize().iter().take(KEY_BYTES) {
        // Writing to a string does not fail.
        let _ = write!(key, "{byte:02x}");
    }
    Some(key)
}

impl AddressUser {
    /// Finds the users of the pairs in `wanted` among `rows`, which are all rows of users: what a store that keeps its rows in memory loads for
    /// [`Keys::addresses`](super::Keys::addresses).
    pub fn find<'a>(
        wanted: &BTreeSet<(String, String)>,
        rows: impl IntoIterator<Item = &'a UserRow>,
    ) -> HashMap<(String, String), AddressUser> {
        let keys: HashMap<String, &(String, String)> =
            wanted.iter().filter_map(|pair| Some((rehire_key(&pair.0, &pair.1)?, pair))).collect();
        let mut found: HashMap<&(String, String), &UserRow> = HashMap::new();
        // The row with the greatest rank is the first in the order that `Keys::addresses` describes.
        let rank = |row: &UserRow| (row.rehire_key.is_none(), row.is_live(), row.trail.deleted_at, row.number);
        for row in rows {
            let pair = match &row.rehire_key {
                Some(key) => keys.get(key).copied(),
                None if row.is_live() => wanted.get(&(row.user.organization_id.clone(), email_key(&row.user.email))),
                None => None,
            };
            let Some(pair) = pair else { continue };
            let known = found.entry(pair).or_insert(row);
            if rank(row) > rank(known) {
                *known = row;
            }
        }
        let users = found.into_iter().map(|(pair, row)| {
            let user = AddressUser {
                id: row.user.id.clone(),
                linked_id: row.user.linked_id.clone(),
                is_live: row.is_live(),
                is_active: row.rehire_key.is_none(),
            };
            (pair.clone(), user)
        });
        users.collect()
    }
}

impl UserRow {
    /// Returns the row with the [`rehire_key`](UserRow::rehire_key) that belongs to its state: that of the address for a live user who is deactivated, none
    /// for one who is active. A tombstone, whose address was deleted, keeps its key.
    #[must_use]
    pub fn with_rehire_key(self) -> UserRow {
        let rehire_key = match (self.is_live(), self.user.active) {
            (true, true) => None,
            (true, false) => rehire_key(&self.user.organization_id, &self.user.email),
            (false, _) => self.rehire_key,
        };
        UserRow { rehire_key, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::MirrorUser;

    #[test]
    fn addresses_with_the_same_key_have_the_same_rehire_key_in_one_organization() {
        let key = rehire_key("org_1", "Ada@Example.com");
        assert_eq!(key, rehire_key("org_1", "ada@example.COM"));
        assert_ne!(key, rehire_key("org_2", "ada@example.com"));
        assert_ne!(key, rehire_key("org_1", "bob@example.com"));
        let key = key.unwrap();
        assert_eq!(key.len(), 32);
        assert!(key.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn an_empty_address_has_no_rehire_key() {
        assert_eq!(rehire_key("org_1", ""), None);
    }

    #[test]
    fn a_user_has_a_rehire_key_while_deactivated_and_keeps_it_after_the_removal() {
        let user = MirrorUser { email: "ada@example.com".to_owned(), active: true, ..MirrorUser::default() };
        let active = UserRow { user, ..UserRow::default() }.with_rehire_key();
        assert_eq!(active.rehire_key, None);
        let mut inactive = active;
        inactive.user.active = false;
        let inactive = inactive.with_rehire_key();
        assert!(inactive.rehire_key.is_some());
        let mut removed = inactive.clone();
        removed.user = MirrorUser::default();
        removed.trail.deleted_at = Some(crate::Timestamp::UNIX_EPOCH);
        assert_eq!(removed.with_rehire_key().rehire_key, inactive.rehire_key);
    }
}
