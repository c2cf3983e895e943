//! Which personal fields of users a mirror stores.

use super::MirrorUser;
use crate::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Which personal fields of users a mirror stores: some or all of [`NAMES`](UserFields::NAMES). Fields that are not listed are not stored anywhere. The ids,
/// `active`, the groups, the roles of the role map, `linked_id`, `protection` and `updated_at` are always stored, because the mirror needs them or the
/// application sets them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UserFields(u16);

macro_rules! user_fields {
    ($($name:ident = $bit:literal),*) => {
        impl UserFields {
            /// The names of the fields that can be listed, in the order of [`MirrorUser`].
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// All fields: the default.
            pub const ALL: UserFields = UserFields($($bit)|*);

            const BITS: &[u16] = &[$($bit),*];

            /// Deletes the fields that are not listed from a user.
            pub(crate) fn limit(self, user: &mut MirrorUser) {
                if self == UserFields::ALL {
                    return;
                }
                let empty = MirrorUser::default();
                $(if self.0 & $bit == 0 { user.$name = empty.$name; })*
            }
        }

        /// Does not compile unless each field of a user is in one of the lists: those that can be left out, and those that are always stored.
        #[allow(dead_code, reason = "it is only compiled")]
        fn every_field_is_listed_or_always_stored(user: &MirrorUser) {
            let MirrorUser {
                $($name: _,)*
                id: _,
                organization_id: _,
                directory_id: _,
                active: _,
                group_ids: _,
                roles: _,
                linked_id: _,
                protection: _,
                deletes_at: _,
                updated_at: _,
            } = user;
        }
    };
}

user_fields! {
    email = 1,
    given_name = 2,
    family_name = 4,
    preferred_username = 8,
    emails = 16,
    vendor_roles = 32,
    detail = 64,
    attributes = 128
}

impl Default for UserFields {
    fn default() -> UserFields {
        UserFields::ALL
    }
}

impl UserFields {
    /// Returns the fields with these names. An empty list stores none of them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for a name that is not in [`NAMES`](UserFields::NAMES), and for one that is given
    /// twice.
    ///
    /// ```
    /// use headcount::mirror::UserFields;
    ///
    /// let fields = UserFields::named(["email", "given_name"])?;
    /// assert!(fields.contains("email") && !fields.contains("family_name"));
    /// assert!(UserFields::named(["mail"]).is_err());
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn named<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Result<UserFields> {
        UserFields::spelled(names, str::to_owned)
    }

    /// Does what [`named`](UserFields::named) does, for names that a language spells as `spell` returns.
    ///
    /// # Errors
    ///
    /// As [`named`](UserFields::named).
    #[doc(hidden)]
    pub fn spelled<N: AsRef<str>>(
        names: impl IntoIterator<Item = N>,
        spell: impl Fn(&str) -> String,
    ) -> Result<UserFields> {
        let known: Vec<String> = UserFields::NAMES.iter().map(|name| spell(name)).collect();
        let mut fields = UserFields(0);
        for name in names {
            let name = name.as_ref();
            let Some(bit) = known.iter().zip(UserFields::BITS).find_map(|(known, bit)| (known == name).then_some(bit))
            else {
                return Err(Error::invalid_argument(format!(
                    "expected fields to be names of user fields that can be left out ({}), got {name:?}; ids, groups, roles and active are always stored",
                    known.join(", ")
                )));
            };
            if fields.0 & bit != 0 {
                return Err(Error::invalid_argument(format!(
                    "expected each name in fields once, got {name:?} twice: remove one of them"
                )));
            }
            fields.0 |= bit;
        }
        Ok(fields)
    }

    /// Returns the names of the fields, in the order of [`NAMES`](UserFields::NAMES).
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let listed = UserFields::NAMES.iter().zip(UserFields::BITS);
        listed.filter(move |(_, bit)| self.0 & *bit != 0).map(|(name, _)| *name)
    }

    /// Returns whether the field with this name is stored. False for names that are not in [`NAMES`](UserFields::NAMES).
    pub fn contains(self, name: &str) -> bool {
        self.names().any(|listed| listed == name)
    }

    /// Returns whether all fields are stored.
    pub fn is_all(self) -> bool {
        self == UserFields::ALL
    }

    /// Returns whether addresses are stored.
    pub(crate) fn has_email(self) -> bool {
        self.0 & 1 != 0
    }

    /// Returns whether every field of `others` is in these fields.
    pub(crate) fn includes(self, others: UserFields) -> bool {
        others.0 & !self.0 == 0
    }
}

impl fmt::Debug for UserFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// Serializes the fields as a list of their names.
impl Serialize for UserFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

/// Reads a list of names. Unknown names, which a newer version may have stored, are ignored.
impl<'de> Deserialize<'de> for UserFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<UserFields, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let bit = |name: &String| {
            let index = UserFields::NAMES.iter().position(|known| known == name)?;
            UserFields::BITS.get(index)
        };
        Ok(UserFields(names.iter().filter_map(bit).fold(0, |bits, bit| bits | bit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_stored_as_their_names() {
        let fields = UserFields::named(["family_name", "email"]).unwrap();
        let json = serde_json::to_string(&fields).unwrap();
        assert_eq!(json, r#"["email","family_name"]"#);
        assert_eq!(serde_json::from_str::<UserFields>(&json).unwrap(), fields);
        assert_eq!(serde_json::from_str::<UserFields>(r#"["email","shoe_size","family_name"]"#).unwrap(), fields);
        assert_eq!(format!("{fields:?}"), r#"["email", "family_name"]"#);
    }

    #[test]
    fn an_unknown_name_and_a_duplicate_are_refused() {
        for names in [&["mail"][..], &["id"], &["active"], &[""], &["email", "email"]] {
            assert!(UserFields::named(names).is_err(), "{names:?}");
        }
        let error = UserFields::named(["givenname"]).unwrap_err();
        assert!(error.message().contains("given_name"), "{error}");
    }

    #[test]
    fn all_names_are_all_fields_and_an_empty_list_is_none() {
        assert!(UserFields::named(UserFields::NAMES).unwrap().is_all());
        assert_eq!(UserFields::named([""; 0]).unwrap().names().count(), 0);
    }

    #[test]
    fn fields_that_are_not_listed_are_deleted_and_others_are_kept() {
        let user = MirrorUser {
            id: "diruser_1".to_owned(),
            email: "ada@example.com".to_owned(),
            given_name: "Ada".to_owned(),
            emails: vec!["ada@example.org".to_owned()],
            roles: vec!["admin".to_owned()],
            active: true,
            ..MirrorUser::default()
        };
        let mut limited = user.clone();
        UserFields::named(["email"]).unwrap().limit(&mut limited);
        assert_eq!(limited, MirrorUser { given_name: String::new(), emails: Vec::new(), ..user.clone() });
        let mut whole = user.clone();
        UserFields::ALL.limit(&mut whole);
        assert_eq!(whole, user);
    }

    #[test]
    fn fields_include_the_same_or_fewer_fields() {
        let (one, two) = (UserFields::named(["email"]).unwrap(), UserFields::named(["email", "detail"]).unwrap());
        assert!(two.includes(one) && two.includes(two));
        assert!(!one.includes(two));
    }
}
