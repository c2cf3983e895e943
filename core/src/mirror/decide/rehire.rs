//! Rehires: finds the former user whom a new user may be.
//!
//! A person who was removed or deactivated and is made anew has another id, and often the same address. The creation then names the former user, and the
//! application decides whether the account is the same. Nothing of the former user is taken over.

use super::step::Step;
use crate::record::{AddressUser, MirrorUser, Rehire, email_key};

impl Step {
    /// Makes the step look for no former users, because the organization has none.
    pub(in crate::mirror) fn skip_rehires(&mut self) {
        self.skips_rehires = true;
    }

    /// Returns the former user whom a new user may be: one with the same address and organization who was removed or is deactivated. `None` if an active
    /// user has the address: then the account of the former user, if there is one, is not free.
    pub(super) fn rehire_of(&mut self, user: &MirrorUser) -> Option<Rehire> {
        if self.skips_rehires || user.email.is_empty() {
            return None;
        }
        let key = (user.organization_id.clone(), email_key(&user.email));
        let found = self.address_user(&key)?.clone();
        if found.id == user.id || self.taken_addresses.contains(&key) {
            return None;
        }
        let AddressUser { id, linked_id, is_active, .. } = found;
        match self.changed_user(&id) {
            // The row was changed in this step.
            Some(row) => {
                let is_former = !row.is_live() || !row.user.active && email_key(&row.user.email) == key.1;
                is_former.then(|| Rehire { user_id: id, linked_id: row.user.linked_id.clone() })
            }
            None => (!is_active).then_some(Rehire { user_id: id, linked_id }),
        }
    }

    /// Records that a user has an address from this step on, so that it is not free for users whom the step creates later.
    pub(super) fn take_address(&mut self, before: Option<&MirrorUser>, after: &MirrorUser) {
        let had_it = before.is_some_and(|before| before.active && before.email == after.email);
        if !self.skips_rehires && after.active && !after.email.is_empty() && !had_it {
            self.taken_addresses.insert((after.organization_id.clone(), email_key(&after.email)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::{Decided, NewUser};
    use super::*;
    use crate::Timestamp;
    use crate::record::{Keys, Version, WorkingSet};

    fn key() -> (String, String) {
        ("org_1".to_owned(), "ada@example.com".to_owned())
    }

    /// A step on an organization in which `found` has or had the address of Ada.
    fn step(found: Option<AddressUser>) -> Step {
        let set = WorkingSet {
            keys: Keys {
                users: ["diruser_2", "diruser_3"].map(str::to_owned).into(),
                addresses: [key()].into(),
                ..Keys::default()
            },
            addresses: found.into_iter().map(|user| (key(), user)).collect(),
            ..WorkingSet::default()
        };
        Step::new(set, "sync:1", Timestamp::UNIX_EPOCH, true).unwrap()
    }

    fn former(is_live: bool, is_active: bool) -> Option<AddressUser> {
        Some(AddressUser { id: "diruser_1".to_owned(), linked_id: Some("acct_1".to_owned()), is_live, is_active })
    }

    fn create(step: &mut Step, id: &str, email: &str) {
        let user = MirrorUser {
            id: id.to_owned(),
            organization_id: "org_1".to_owned(),
            email: email.to_owned(),
            ..MirrorUser::default()
        };
        step.put_user(NewUser {
            user,
            active: Some(true),
            is_present: true,
            told_groups: Vec::new(),
            listed: true,
            version: Version::default(),
            touched_at: None,
        });
    }

    /// The former users that the creations of the step name.
    fn rehires(step: Step) -> Vec<Option<Rehire>> {
        match step.finish() {
            Decided::Ready { batch, .. } => batch.entries.into_iter().map(|entry| entry.body.rehire).collect(),
            Decided::Needs(keys) => panic!("the step needs {keys:?}"),
        }
    }

    #[test]
    fn a_new_user_may_be_a_removed_or_deactivated_user_with_the_same_address() {
        for is_live in [false, true] {
            let mut step = step(former(is_live, false));
            create(&mut step, "diruser_2", "Ada@Example.com");
            let expected = Rehire { user_id: "diruser_1".to_owned(), linked_id: Some("acct_1".to_owned()) };
            assert_eq!(rehires(step), [Some(expected)]);
        }
    }

    #[test]
    fn a_new_user_is_no_rehire_while_an_active_user_has_the_address() {
        let mut step = step(former(true, true));
        create(&mut step, "diruser_2", "ada@example.com");
        assert_eq!(rehires(step), [None]);
    }

    #[test]
    fn only_the_first_of_two_new_users_with_the_same_address_is_a_rehire() {
        let mut step = step(former(false, false));
        create(&mut step, "diruser_2", "ada@example.com");
        create(&mut step, "diruser_3", "ADA@example.com");
        let named: Vec<bool> = rehires(step).iter().map(Option::is_some).collect();
        assert_eq!(named, [true, false]);
    }

    #[test]
    fn the_address_of_a_new_user_is_looked_up_unless_it_is_empty_or_there_are_no_former_users() {
        let asks = |email: &str, skips: bool| {
            let mut step = step(None);
            if skips {
                step.skip_rehires();
            }
            create(&mut step, "diruser_2", email);
            matches!(step.finish(), Decided::Needs(_))
        };
        assert!(asks("bob@example.com", false));
        assert!(!asks("", false));
        assert!(!asks("bob@example.com", true));
    }
}
