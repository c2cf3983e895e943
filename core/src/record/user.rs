//! Users: as the mirror returns them and as stores keep them, and the keys of their e-mail addresses.

use super::{HeldLoss, Trail, Version};
use crate::Timestamp;
use crate::model::RawJson;
use crate::secret::debug_without_personal_data;
use icu_normalizer::ComposingNormalizerBorrowed;
use serde::{Deserialize, Serialize};

/// A directory user as mirrored.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MirrorUser {
    /// Directory user id (`diruser_…`). It identifies the user: everything else can change.
    pub id: String,
    /// Id of the organization that the user belongs to (`org_…`).
    pub organization_id: String,
    /// Id of the directory that lists the user (`dir_…`).
    pub directory_id: String,
    /// Primary e-mail address. Several users may share one, so it does not identify a user.
    pub email: String,
    /// First name.
    pub given_name: String,
    /// Last name.
    pub family_name: String,
    /// Name that the user signs in with at the directory.
    pub preferred_username: String,
    /// All e-mail addresses, in the order of the last listing; empty before the first one.
    pub emails: Vec<String>,
    /// Whether the user may sign in, by the latest event with `active` or listing with `user_detail.active`; true if none had it. While the guard
    /// holds the user's deactivation, it is true.
    pub active: bool,
    /// Ids of the groups that the user is in, sorted. Groups that the mirror does not have, such as removed ones, are left out.
    pub group_ids: Vec<String>,
    /// Roles that the role map gives for the groups of the user, sorted. While the guard holds the loss of all roles: the roles before the loss.
    pub roles: Vec<String>,
    /// Names of the roles assigned by the vendor, from the user's latest event with `roles`, sorted; empty if there was none.
    pub vendor_roles: Vec<String>,
    /// The application's own account id, or `None` if the user has not been linked.
    pub linked_id: Option<String>,
    /// Why the application protects the user from losing access without an approval, or `None` if it does not.
    #[serde(default)]
    pub protection: Option<String>,
    /// Time at which the user, whom the directory no longer has, is deleted unless they return; `None` for all other users. With the setting
    /// `deletion_grace`, leavers are deactivated at once and deleted later. They keep their groups and roles until then.
    #[serde(default)]
    pub deletes_at: Option<Timestamp>,
    /// The vendor's time of the user's last change, or `None` if the vendor sent none.
    pub updated_at: Option<Timestamp>,
    /// The directory's own description of the user (`user_detail`) as JSON, from the last listing, or `None` if it had none.
    pub detail: Option<RawJson>,
    /// Fields of events that have no field of their own here, such as `title` and `department`, as a JSON object; or `None` if there are none.
    /// Each has the value of the latest event with that field. An empty value removes it.
    pub attributes: Option<RawJson>,
}

impl MirrorUser {
    /// Returns whether the application protects the user from losing access without an approval.
    pub fn is_protected(&self) -> bool {
        self.protection.is_some()
    }
}

debug_without_personal_data!(MirrorUser {
    id,
    organization_id,
    directory_id,
    active,
    group_ids,
    roles,
    deletes_at,
    updated_at
});

/// A user as stores keep it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserRow {
    /// The row's number, ascending in the order in which rows were inserted; 0 before the first write.
    pub number: i64,
    /// The user.
    pub user: MirrorUser,
    /// Ids of all groups that the vendor named for the user, including groups that do not exist, sorted.
    pub told_groups: Vec<String>,
    /// Whether a listing of the directory has named the user. Before that the user may belong to another directory of the organization, since events
    /// do not name the user's directory.
    pub listed: bool,
    /// The row's version, times and revision.
    pub trail: Trail,
    /// Time at which the user was added to the directory, by the clock of the machine that added the user, or `None` for rows that were added before
    /// version 3 of the SQLite schema.
    pub added_at: Option<Timestamp>,
    /// Time of the user's last loss of access that counts against the guard's budget, by the clock of the machine that applied it, or `None` if there
    /// was none.
    pub lost_at: Option<Timestamp>,
    /// The user's loss of access that the guard holds, or `None`.
    pub held: Option<HeldLoss>,
    /// The [key](super::rehire_key) by which a new user with the same address is found to be possibly the same person: of a user who was removed, or who is
    /// deactivated. `None` for an active user, one without an address, and rows that were written before version 3 of the SQLite schema.
    pub rehire_key: Option<String>,
    /// How the user left, for users with a [`MirrorUser::deletes_at`]; `None` for all others.
    pub leaving: Option<Leaving>,
}

/// How a user left who is deactivated, and will be deleted when the grace is over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {
    /// The version of the removal. It is not in the row's version, so that older messages still change the content of the row. Only newer ones bring the user
    /// back.
    pub removed: Version,
    /// What caused the deactivation. The deletion has the same cause.
    pub cause: String,
    /// Whether the user might sign in before. It applies again if the user returns and the vendor does not send whether they may sign in.
    pub was_active: bool,
}

/// Returns the key of an e-mail address, by which stores find users. It is the same for addresses that differ only in upper and lower case or in
/// Unicode normalization.
pub fn email_key(email: &str) -> String {
    // Most addresses are ASCII, which normalization does not change.
    if email.is_ascii() { email.to_ascii_lowercase() } else { unicode_email_key(email) }
}

fn unicode_email_key(email: &str) -> String {
    const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();
    // Character by character, since the lower case of a whole text has another sigma at the end of a word.
    let composed = NFC.normalize(email);
    let lower = composed.chars().flat_map(char::to_lowercase).map(|char| if char == 'ς' { 'σ' } else { char });
    NFC.normalize(&lower.collect::<String>()).into_owned()
}

impl UserRow {
    /// Returns whether the row is a user, and not a tombstone.
    pub fn is_live(&self) -> bool {
        self.trail.deleted_at.is_none()
    }

    /// Returns whether the row is a user whom the directory no longer has, and who is deleted when the grace is over.
    pub fn is_leaving(&self) -> bool {
        self.leaving.is_some()
    }

    /// Returns whether the user may sign in according to the vendor. This is false while the guard holds back the user's deactivation, although
    /// `user.active` is true then.
    pub fn said_active(&self) -> bool {
        self.user.active && !self.held.as_ref().is_some_and(|held| held.loss.deactivated)
    }

    /// Returns the version of the user's removal that has not been carried out: the guard holds it back, or the grace is not over. `None` if there is none.
    /// Only newer messages show that the user exists.
    pub fn removal(&self) -> Option<&Version> {
        self.leaving.as_ref().map(|leaving| &leaving.removed).or(self.held_removal())
    }

    /// Returns the version of the removal that the guard holds back, or `None`.
    pub fn held_removal(&self) -> Option<&Version> {
        self.held.as_ref().and_then(|held| held.loss.removed.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_differ_in_case_or_normalization_have_the_same_key() {
        for (one, other) in [
            ("Ada@Example.com", "ada@example.COM"),
            ("JÜRGEN@example.com", "jürgen@example.com"),
            ("ju\u{308}rgen@example.com", "jürgen@example.com"),
            ("ΟΔΥΣΣΕΥΣ@example.com", "οδυσσευς@example.com"),
            ("ИВАН@пример.рф", "иван@пример.рф"),
        ] {
            assert_eq!(email_key(one), email_key(other), "{one} and {other}");
        }
    }

    #[test]
    fn an_address_in_ascii_has_the_key_that_the_rule_for_unicode_gives() {
        let email: String = (0..=127_u8).map(char::from).collect();
        assert_eq!(email_key(&email), unicode_email_key(&email));
    }

    #[test]
    fn addresses_with_other_letters_have_other_keys() {
        for (one, other) in [("adı@example.com", "adi@example.com"), ("strasse@x.de", "straße@x.de")] {
            assert_ne!(email_key(one), email_key(other));
        }
    }
}
