//! Erasures: the removal of all personal data of one user, or of everything about one organization, which the application requests.
//!
//! What stays of an erased user is a tombstone with a keyed mark, which does not contain the user's id, and the entries of the feed, whose content is
//! replaced by ids. What stays of a forgotten organization is such a tombstone, and the numbers of its entries.

use super::{ChangeBody, ChangeKind, Delta, Entry, EntryBody, MirrorUser, Mirrored, ParkedChange};
use crate::{Change, Error, Result, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// What the cause of the changes of an erasure begins with; the erasure's id follows.
const CAUSE: &str = "erasure:";

/// The reason of a parked change whose content was erased: the application's own text may have personal data.
const ERASED_REASON: &str = "the user was erased";

/// The erasure of a user: what was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Erasure {
    /// The erasure's id. The changes whose content was removed, and the deletion of a user who was mirrored, have the cause `erasure:` and this id.
    pub id: String,
    /// Id of the user (`diruser_…`).
    pub user_id: String,
    /// Time at which the erasure was first requested, in UTC, by the clock of the machine that recorded it.
    pub at: Timestamp,
    /// Whether the mirror had the user when this was called. False for a user whom the mirror did not know or who had left, and for a repeated call.
    pub was_mirrored: bool,
    /// Number of changes in the feed whose content was removed.
    pub changes: u64,
    /// Number of entries of the history that were removed.
    pub history: u64,
    /// Number of received events that no longer name the user. The bodies of those that were pending were removed.
    pub events: u64,
    /// Number of parked changes whose content was removed.
    pub parked: u64,
}

/// The removal of everything that a mirror had about an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrganizationErasure {
    /// The erasure's id. The changes whose content was removed have the cause `erasure:` and this id.
    pub id: String,
    /// Id of the organization (`org_…`).
    pub organization_id: String,
    /// Time at which it was first requested that the organization be forgotten, in UTC, by the clock of the machine that recorded it.
    pub at: Timestamp,
    /// Whether the mirror had the organization or one of its directories when this was called. False for a repeated call.
    pub was_mirrored: bool,
    /// Number of directories that were removed.
    pub directories: u64,
    /// Number of users whose rows were removed: tombstones of users who had left.
    pub users: u64,
    /// Number of groups whose rows were removed, tombstones included.
    pub groups: u64,
    /// Number of changes in the feed whose content was removed.
    pub changes: u64,
    /// Number of entries of the history that were removed.
    pub history: u64,
    /// Number of received events that were removed.
    pub events: u64,
    /// Number of parked changes that were removed.
    pub parked: u64,
    /// Number of records of past syncs that were removed.
    pub runs: u64,
}

/// The tombstone of an erasure, as stores keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasureRow {
    /// Identifies whose erasure it is: [`ErasureKey::mark_of_user`] or [`ErasureKey::mark_of_organization`].
    pub mark: String,
    /// The erasure's id.
    pub id: String,
    /// Time at which the erasure was requested, by the clock of the machine that recorded it.
    pub at: Timestamp,
    /// The user's id while data of the user may be left; `None` once all of it is removed, and for an organization.
    pub user_id: Option<String>,
    /// The organization's id while data of the organization may be left; `None` once all of it is removed, and for a user.
    pub organization_id: Option<String>,
}

/// The random key of a mirror from which the marks of erasures are computed: without it, the tombstones do not show who was erased, and which
/// organizations were forgotten. It is made by the first erasure.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErasureKey(String);

/// An entry of the feed that replaces the entry with the same number: see [`Entry::without_user`] and [`Entry::forgotten`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedactedEntry {
    /// Number of the entry's last change.
    pub last: i64,
    /// The new id of the organization; empty if the organization was forgotten.
    pub organization_id: String,
    /// The new id of the directory; empty if the organization was forgotten.
    pub directory_id: String,
    /// The new cause.
    pub cause: String,
    /// The new content; stored as [`EntryBody::encode`] writes it.
    pub body: EntryBody,
}

impl Erasure {
    /// Makes the record of an erasure that has removed nothing yet.
    pub(crate) fn new(row: &ErasureRow, user_id: &str, was_mirrored: bool) -> Erasure {
        Erasure {
            id: row.id.clone(),
            user_id: user_id.to_owned(),
            at: row.at,
            was_mirrored,
            changes: 0,
            history: 0,
            events: 0,
            parked: 0,
        }
    }
}

impl OrganizationErasure {
    /// Makes the record of an erasure that has removed nothing yet.
    pub(crate) fn new(row: &ErasureRow, organization_id: &str, was_mirrored: bool) -> OrganizationErasure {
        OrganizationErasure {
            id: row.id.clone(),
            organization_id: organization_id.to_owned(),
            at: row.at,
            was_mirrored,
            directories: 0,
            users: 0,
            groups: 0,
            changes: 0,
            history: 0,
            events: 0,
            parked: 0,
            runs: 0,
        }
    }
}

impl ErasureRow {
    /// Returns whether data may be left that the erasure has to remove.
    pub fn is_open(&self) -> bool {
        self.user_id.is_some() || self.organization_id.is_some()
    }

    /// Returns the cause of the changes that the erasure makes.
    pub fn cause(&self) -> String {
        format!("{CAUSE}{}", self.id)
    }
}

/// Returns whether a cause is that of an erasure.
pub(crate) fn is_erasure(cause: &str) -> bool {
    cause.starts_with(CAUSE)
}

impl ErasureKey {
    /// Makes a key from 32 random bytes.
    pub(crate) fn new(random: [u64; 4]) -> ErasureKey {
        ErasureKey(random.iter().map(|bits| format!("{bits:016x}")).collect())
    }

    /// Returns the mark of a user: the HMAC-SHA-256 of the id with this key, as 64 hexadecimal digits.
    pub fn mark_of_user(&self, user_id: &str) -> String {
        self.mark("user:", user_id)
    }

    /// Returns the mark of an organization: the HMAC-SHA-256 of the id with this key, as 64 hexadecimal digits.
    pub fn mark_of_organization(&self, organization_id: &str) -> String {
        self.mark("organization:", organization_id)
    }

    fn mark(&self, kind: &str, id: &str) -> String {
        // The key has 64 bytes, as many as a block of SHA-256.
        let mut block = [0; 64];
        self.0.bytes().zip(&mut block).for_each(|(byte, at)| *at = byte);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(kind.as_bytes());
        mac.update(id.as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl std::fmt::Debug for ErasureKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ErasureKey(…)")
    }
}

/// Returns what stays of an erased user in a change: the ids, and if the application needs it to delete the account, the account's id.
pub(crate) fn erased_user(
    user_id: &str,
    organization_id: &str,
    directory_id: &str,
    linked_id: Option<String>,
) -> MirrorUser {
    MirrorUser {
        id: user_id.to_owned(),
        organization_id: organization_id.to_owned(),
        directory_id: directory_id.to_owned(),
        linked_id,
        ..MirrorUser::default()
    }
}

/// Returns the content of an entry about an erased user: `count` deletions of the user. A consumer that has not handled the entry's changes yet then
/// neither creates nor changes an account of the user.
pub(crate) fn erased_body(user: MirrorUser, count: usize) -> EntryBody {
    let deletion = Delta { kind: ChangeKind::UserDeleted, group_id: None, fields: Vec::new() };
    EntryBody { before: Some(Mirrored::User(Box::new(user))), changes: vec![deletion; count], ..EntryBody::default() }
}

/// Returns the user of an entry's or a change's content.
fn user_of<'a>(sides: [Option<&'a Mirrored>; 2], member: Option<&'a MirrorUser>) -> Option<&'a MirrorUser> {
    member.or_else(|| sides.into_iter().flatten().find_map(Mirrored::user))
}

fn user_of_body(body: &ChangeBody) -> Option<&MirrorUser> {
    user_of([body.before.as_ref(), body.after.as_ref()], body.user.as_ref())
}

impl Entry {
    /// Returns what replaces the entry if its user is erased: the same number of changes, all of them deletions of the user with ids only and the given
    /// cause. `keeps_link` is whether a deletion in the entry keeps the account's id ([`MirrorUser::linked_id`]), because a consumer has not
    /// acknowledged it. An entry about another user whom it says to be possibly the same person stays as it is without that. Returns `None` if the entry
    /// does not name the user, and for an entry of an erasure, which has nothing else.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if the stored form cannot be read.
    pub fn without_user(self, user_id: &str, cause: &str, keeps_link: bool) -> Result<Option<RedactedEntry>> {
        if is_erasure(&self.cause) {
            return Ok(None);
        }
        let Entry { last, count, organization_id, directory_id, cause: old_cause, body, .. } =
            self.in_present_form()?;
        let old: EntryBody = serde_json::from_str(&body).map_err(|error| {
            Error::store("a feed entry cannot be read: the file is damaged, restore it or sync into a new one")
                .with_source(error)
        })?;
        let user = match &old.only {
            Some(only) => user_of_body(only),
            None => user_of([old.before.as_ref(), old.after.as_ref()], None),
        };
        let Some(user) = user.filter(|user| user.id == user_id) else {
            // The creation of another user may name the user as the same person.
            let is_named = old.rehire.as_ref().is_some_and(|rehire| rehire.user_id == user_id);
            let body = EntryBody { rehire: None, ..old };
            let same = RedactedEntry { last, organization_id, directory_id, cause: old_cause, body };
            return Ok(is_named.then_some(same));
        };
        let deletes = old.changes.iter().any(|change| change.kind == ChangeKind::UserDeleted);
        let linked_id = user.linked_id.clone().filter(|_| deletes && keeps_link);
        let user = erased_user(user_id, &organization_id, &directory_id, linked_id);
        let body = erased_body(user, usize::try_from(count).unwrap_or(0));
        Ok(Some(RedactedEntry { last, organization_id, directory_id, cause: cause.to_owned(), body }))
    }

    /// Returns what replaces the entry if its organization is forgotten: the same number of changes, all of them `organization.forgotten` without ids and with
    /// the given cause.
    pub fn forgotten(&self, cause: &str) -> RedactedEntry {
        let forgotten = Delta { kind: ChangeKind::OrganizationForgotten, group_id: None, fields: Vec::new() };
        let changes = vec![forgotten; usize::try_from(self.count).unwrap_or(0)];
        RedactedEntry {
            last: self.last,
            organization_id: String::new(),
            directory_id: String::new(),
            cause: cause.to_owned(),
            body: EntryBody { changes, ..EntryBody::default() },
        }
    }
}

impl ParkedChange {
    /// Returns what replaces the parked change if its user is erased: a deletion of the user with ids only. It keeps the account's id if the parked
    /// change is a deletion, which the application has not handled. A creation of another user whom it says to be possibly the same person stays as it is
    /// without that. Returns `None` if the change does not name the user, or has been replaced already.
    pub fn without_user(&self, user_id: &str, cause: &str) -> Option<ParkedChange> {
        let change = &self.change;
        let user = user_of([change.before.as_ref(), change.after.as_ref()], change.user.as_ref());
        let Some(user) = user.filter(|user| user.id == user_id) else {
            let is_named = change.possible_rehire_of.as_deref() == Some(user_id);
            let body = ChangeBody { rehire: None, ..change.body() };
            let place = (change.organization_id.clone(), change.directory_id.clone());
            let change = Change::new(change.seq, change.kind, place, body, change.cause.clone(), change.at);
            return is_named.then(|| ParkedChange::new(change, self.reason.clone(), self.at));
        };
        let linked_id = user.linked_id.clone().filter(|_| change.kind == ChangeKind::UserDeleted);
        let user = erased_user(user_id, &change.organization_id, &change.directory_id, linked_id);
        let body = ChangeBody { before: Some(Mirrored::User(Box::new(user))), ..ChangeBody::default() };
        let place = (change.organization_id.clone(), change.directory_id.clone());
        let cause = if is_erasure(&change.cause) { change.cause.clone() } else { cause.to_owned() };
        let change = Change::new(change.seq, ChangeKind::UserDeleted, place, body, cause, change.at);
        let redacted = ParkedChange::new(change, ERASED_REASON.to_owned(), self.at);
        (redacted != *self).then_some(redacted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Rehire;

    fn ada() -> MirrorUser {
        MirrorUser {
            id: "diruser_1".to_owned(),
            organization_id: "org_1".to_owned(),
            directory_id: "dir_1".to_owned(),
            email: "ada@example.com".to_owned(),
            linked_id: Some("acct_1".to_owned()),
            ..MirrorUser::default()
        }
    }

    /// Makes an entry about Ada with changes of these kinds.
    fn entry(kinds: &[ChangeKind]) -> Entry {
        let deltas = kinds.iter().map(|kind| Delta { kind: *kind, group_id: None, fields: vec!["email".to_owned()] });
        let body = EntryBody {
            before: Some(Mirrored::User(Box::new(ada()))),
            changes: deltas.collect(),
            ..EntryBody::default()
        };
        Entry {
            last: 7,
            count: u32::try_from(kinds.len()).unwrap(),
            kind: None,
            organization_id: "org_1".to_owned(),
            directory_id: "dir_1".to_owned(),
            cause: "sync:1".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            body: body.encode().unwrap(),
        }
    }

    fn redacted(entry: Entry, keeps_link: bool) -> RedactedEntry {
        entry.without_user("diruser_1", "erasure:9", keeps_link).unwrap().unwrap()
    }

    #[test]
    fn an_entry_without_its_user_has_the_same_number_of_changes_and_only_ids() {
        let new = redacted(entry(&[ChangeKind::UserUpdated, ChangeKind::RolesChanged]), true);
        assert_eq!(new.cause, "erasure:9");
        assert_eq!(new.body.changes.len(), 2);
        assert_eq!(new.body.before, Some(Mirrored::User(Box::new(erased_user("diruser_1", "org_1", "dir_1", None)))));
        assert_eq!(new.body.after, None);
    }

    #[test]
    fn a_deletion_keeps_the_accounts_id_only_if_it_is_still_needed() {
        let linked = |keeps_link| {
            let body = redacted(entry(&[ChangeKind::UserDeleted]), keeps_link).body;
            body.before.and_then(|before| before.user().and_then(|user| user.linked_id.clone()))
        };
        assert_eq!(linked(true).as_deref(), Some("acct_1"));
        assert_eq!(linked(false), None);
    }

    #[test]
    fn an_entry_is_replaced_once_and_only_for_its_own_user() {
        let old = entry(&[ChangeKind::UserDeleted]);
        assert_eq!(old.clone().without_user("diruser_2", "erasure:9", true).unwrap(), None);
        let RedactedEntry { cause, body, .. } = redacted(old.clone(), true);
        let new = Entry { cause, body: body.encode().unwrap(), ..old };
        assert_eq!(new.without_user("diruser_1", "erasure:10", false).unwrap(), None);
    }

    #[test]
    fn the_creation_of_another_user_no_longer_names_the_user_as_the_same_person() {
        let bob =
            MirrorUser { id: "diruser_2".to_owned(), email: "bob@example.com".to_owned(), ..MirrorUser::default() };
        let rehire = Rehire { user_id: "diruser_1".to_owned(), linked_id: Some("acct_1".to_owned()) };
        let created = Delta { kind: ChangeKind::UserCreated, group_id: None, fields: Vec::new() };
        let body = EntryBody {
            after: Some(Mirrored::User(Box::new(bob))),
            changes: vec![created],
            rehire: Some(rehire),
            ..EntryBody::default()
        };
        let old = Entry { body: body.encode().unwrap(), ..entry(&[ChangeKind::UserCreated]) };
        let new = redacted(old.clone(), true);
        assert_eq!(new.cause, "sync:1");
        assert_eq!(new.body, EntryBody { rehire: None, ..body });

        let parked =
            ParkedChange::new(old.changes().unwrap().remove(0), "no license".to_owned(), Timestamp::UNIX_EPOCH);
        let new = parked.without_user("diruser_1", "erasure:9").unwrap();
        assert_eq!(new.change.possible_rehire_of, None);
        assert_eq!(new.change.possible_rehire_linked_id, None);
        assert_eq!(new.change.after, parked.change.after);
        assert_eq!(new.reason, "no license");
    }

    #[test]
    fn an_entry_of_a_forgotten_organization_has_the_same_number_of_changes_and_no_ids() {
        let old = entry(&[ChangeKind::UserUpdated, ChangeKind::RolesChanged]);
        let new = old.forgotten("erasure:9");
        assert_eq!(new.organization_id, "");
        assert_eq!(new.directory_id, "");
        let RedactedEntry { organization_id, directory_id, cause, body, .. } = new;
        let changes =
            Entry { organization_id, directory_id, cause, body: body.encode().unwrap(), ..old }.changes().unwrap();
        assert_eq!(changes.len(), 2);
        for change in changes {
            assert_eq!(change.kind, ChangeKind::OrganizationForgotten);
            assert_eq!(change.cause, "erasure:9");
            assert_eq!(change.user, None);
            assert_eq!(change.before, None);
            assert_eq!(change.after, None);
        }
    }

    #[test]
    fn an_entry_of_version_0_1_0_is_replaced_by_one_in_the_present_form() {
        let body = ChangeBody { user: Some(ada()), ..ChangeBody::default() };
        let old = Entry {
            kind: Some(ChangeKind::MembershipAdded),
            body: serde_json::to_string(&body).unwrap(),
            ..entry(&[ChangeKind::MembershipAdded])
        };
        let new = redacted(old, true);
        assert_eq!(new.body.only, None);
        assert_eq!(new.body.changes.len(), 1);
    }

    #[test]
    fn a_parked_change_without_its_user_has_neither_content_nor_the_applications_reason() {
        let change = entry(&[ChangeKind::UserUpdated]).changes().unwrap().remove(0);
        let parked = ParkedChange::new(change, "ada@example.com is taken".to_owned(), Timestamp::UNIX_EPOCH);
        let new = parked.without_user("diruser_1", "erasure:9").unwrap();
        assert!(!serde_json::to_string(&new.change).unwrap().contains("ada@example.com"));
        assert_eq!(new.reason, ERASED_REASON);
        assert_eq!(new.change.seq, parked.change.seq);
        assert_eq!(new.without_user("diruser_1", "erasure:9"), None);
        assert_eq!(parked.without_user("diruser_2", "erasure:9"), None);
    }

    #[test]
    fn a_mark_depends_on_the_key_and_does_not_contain_the_id() {
        let (one, other) = (ErasureKey::new([1, 2, 3, 4]), ErasureKey::new([1, 2, 3, 5]));
        let mark = one.mark_of_user("diruser_1");
        assert_eq!(mark.len(), 64);
        assert!(!mark.contains("diruser_1"));
        assert_eq!(mark, one.mark_of_user("diruser_1"));
        assert_ne!(mark, other.mark_of_user("diruser_1"));
        assert_ne!(mark, one.mark_of_user("diruser_2"));
        assert_ne!(mark, one.mark_of_organization("diruser_1"));
        assert_eq!(format!("{one:?}"), "ErasureKey(…)");
    }
}
