//! Erases users: records the erasure and removes the user. Removing what earlier changes, events and the history have about the user takes more than one
//! write, and is not here.

use super::step::Step;
use super::version::removed_version;
use crate::record::{EnvironmentRow, ErasureKey, ErasureRow, EventNote, EventRow, EventState, Outcome, UserRow};

/// Why an event about an erased user changed nothing, as a text for the application.
pub(super) const ERASED: &str =
    "the application has erased the user, so listings and events about the user are ignored";

/// An erasure that was begun now or before.
#[derive(Clone)]
pub(in crate::mirror) struct Begun {
    /// The erasure. It has ended if it has no user id.
    pub(in crate::mirror) row: ErasureRow,
    /// Whether the user was live.
    pub(in crate::mirror) was_mirrored: bool,
}

/// Records the erasure of a user with the id `id`, and removes the user if the mirror has the user. Returns an earlier erasure of the same user, if there
/// is one. `fresh` is the mirror's key if it has none yet. From then on, no listing and no event adds the user.
pub(in crate::mirror) fn begin_erasure(step: &mut Step, user_id: &str, id: &str, fresh: &ErasureKey) -> Begun {
    let known_key = step.environment().erasure_key.clone();
    let key = known_key.clone().unwrap_or_else(|| fresh.clone());
    let mark = key.mark_of_user(user_id);
    let known = known_key.is_some().then(|| step.erasure(&mark).cloned()).flatten();
    let now = step.now();
    let row = known.unwrap_or_else(|| {
        let user_id = Some(user_id.to_owned());
        let row = ErasureRow { mark, id: id.to_owned(), at: now, user_id, organization_id: None };
        step.batch().erasures.push(row.clone());
        row
    });
    if known_key.is_none() {
        let known = step.environment().clone();
        step.batch().environment = Some(EnvironmentRow { erasure_key: Some(key), ..known });
    }
    let trail = step.user(user_id).filter(|row| row.is_live()).map(|row| row.trail.clone());
    let was_mirrored = trail.is_some();
    if let Some(trail) = trail {
        step.erase_live_user(user_id, removed_version(&trail, now, now));
    }
    Begun { row, was_mirrored }
}

/// Removes what the events with these ids have about a user. An event that was pending is settled. Returns how many events named the user.
pub(in crate::mirror) fn erase_events(step: &mut Step, user_id: &str, event_ids: &[String]) -> u64 {
    let (now, mut count) = (step.now(), 0);
    for id in event_ids {
        let row = step.event(id).filter(|row| row.subject_id.as_deref() == Some(user_id));
        let Some(row) = row.cloned() else { continue };
        count += 1;
        let note = match row.note {
            Some(note) if row.state == EventState::Pending => Some(EventNote {
                outcome: Outcome::Erased,
                settled_at: Some(now),
                why: Some(ERASED.to_owned()),
                ..note
            }),
            note => note,
        };
        let state = if row.state == EventState::Pending { EventState::Settled } else { row.state };
        step.batch().events.push(EventRow { state, body: None, subject_id: None, note, ..row });
    }
    count
}

/// Returns whether information about a user has to be ignored, because the application has erased the user.
pub(super) fn is_ignored(step: &mut Step, user_id: &str) -> bool {
    // A live user was not erased. Most messages are about live users, whose marks are not needed.
    step.has_erasures() && !step.user(user_id).is_some_and(UserRow::is_live) && step.is_erased(user_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::mirror::decide::Decided;
    use crate::record::{Batch, ChangeKind, Keys, MirrorUser, Mirrored, WorkingSet};

    const ID: &str = "diruser_1";

    fn key() -> ErasureKey {
        ErasureKey::new([1, 2, 3, 4])
    }

    /// A working set with a live user and no key.
    fn set() -> WorkingSet {
        let user = MirrorUser {
            id: ID.to_owned(),
            organization_id: "org_1".to_owned(),
            directory_id: "dir_1".to_owned(),
            email: "ada@example.com".to_owned(),
            linked_id: Some("acct_1".to_owned()),
            group_ids: vec!["dirgroup_1".to_owned()],
            ..MirrorUser::default()
        };
        let row = UserRow { number: 1, user, ..UserRow::default() };
        WorkingSet { users: [(ID.to_owned(), row)].into(), ..WorkingSet::default() }
    }

    fn begin(set: WorkingSet) -> (Begun, Batch) {
        let mut step = Step::new(set, "erasure:9", Timestamp::UNIX_EPOCH, false).unwrap();
        let begun = begin_erasure(&mut step, ID, "9", &key());
        match step.finish() {
            Decided::Ready { batch, .. } => (begun, *batch),
            Decided::Needs(keys) => panic!("{keys:?} are needed"),
        }
    }

    /// A working set of a mirror that has erased the user.
    fn erased() -> WorkingSet {
        let (begun, batch) = begin(set());
        let keys = Keys { users: [ID.to_owned()].into(), erasures: [begun.row.mark.clone()].into(), ..Keys::default() };
        WorkingSet {
            keys,
            environment: batch.environment.unwrap(),
            erasures: [(begun.row.mark.clone(), begun.row)].into(),
            ..WorkingSet::default()
        }
    }

    #[test]
    fn a_live_user_is_removed_with_a_change_that_has_only_ids() {
        let (begun, batch) = begin(set());
        assert!(begun.was_mirrored);
        assert_eq!(batch.erasures, [begun.row]);
        assert_eq!(batch.entries.len(), 1);
        let body = &batch.entries[0].body;
        assert_eq!(body.changes.len(), 1);
        assert_eq!(body.changes[0].kind, ChangeKind::UserDeleted);
        let user = body.before.as_ref().and_then(Mirrored::user).unwrap();
        assert_eq!(user.linked_id.as_deref(), Some("acct_1"));
        assert_eq!(user.email, "");
        assert!(user.group_ids.is_empty());
        assert!(!batch.users[0].row.is_live());
        assert_eq!(batch.users[0].row.user.linked_id, None);
    }

    #[test]
    fn an_unknown_user_gets_a_tombstone_and_no_change() {
        let keys = Keys { users: [ID.to_owned()].into(), ..Keys::default() };
        let (begun, batch) = begin(WorkingSet { keys, ..WorkingSet::default() });
        assert!(!begun.was_mirrored);
        assert_eq!(batch.erasures.len(), 1);
        assert!(batch.entries.is_empty());
        assert!(batch.users.is_empty());
        assert_eq!(batch.environment.unwrap().erasure_key, Some(key()));
    }

    #[test]
    fn a_second_erasure_is_the_first_one() {
        let (begun, batch) = begin(erased());
        assert_eq!(begun.row.id, "9");
        assert!(batch.is_empty());
    }

    #[test]
    fn information_is_ignored_only_about_erased_users() {
        let mut set = erased();
        let other = key().mark_of_user("diruser_2");
        set.keys.erasures.insert(other);
        set.keys.users.insert("diruser_2".to_owned());
        let mut step = Step::new(set, "", Timestamp::UNIX_EPOCH, true).unwrap();
        assert!(is_ignored(&mut step, ID));
        assert!(!is_ignored(&mut step, "diruser_2"));
        assert!(!step.lacks_rows());
    }

    #[test]
    fn marks_are_not_loaded_if_nobody_was_erased_or_the_user_is_live() {
        let key_without_erasures = EnvironmentRow { erasure_key: Some(key()), ..EnvironmentRow::default() };
        for set in [
            WorkingSet {
                users: Default::default(),
                keys: Keys { users: [ID.to_owned()].into(), ..Keys::default() },
                ..set()
            },
            WorkingSet { environment: key_without_erasures, ..set() },
        ] {
            let mut step = Step::new(set, "", Timestamp::UNIX_EPOCH, true).unwrap();
            assert!(!is_ignored(&mut step, ID));
            assert!(!step.lacks_rows());
        }
    }
}
