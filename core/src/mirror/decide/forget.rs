//! Forgets organizations: records that an organization is forgotten, and that it is synced again. Removing what is stored about it takes more than one
//! write, and is not here.

use super::roles::RoleMap;
use super::step::Step;
use crate::record::{CountsKey, EnvironmentRow, ErasureKey, ErasureRow};
use crate::{Error, Result, Timestamp};
use std::collections::BTreeSet;

/// Why an event of a forgotten organization changed nothing, as a text for the application.
pub(super) const FORGOTTEN: &str =
    "the application has forgotten the organization, so events about it are ignored until it is synced again";

/// The forgetting of an organization, which was begun now or before.
#[derive(Clone)]
pub(in crate::mirror) struct Forgetting {
    /// The erasure. It has ended if it has no organization id.
    pub(in crate::mirror) row: ErasureRow,
    /// Whether the mirror had the organization or one of its directories, and it was not forgotten before.
    pub(in crate::mirror) was_mirrored: bool,
}

/// Records that an organization is forgotten. Returns an earlier erasure of the organization, if there is one. `id` is the id of a new erasure, and `fresh`
/// the mirror's key if it has none yet. `leased` are the ids of the directories whose leases the caller has: returns `None` if the organization has others.
/// From then on, no sync of all organizations and no event adds anything to the organization.
///
/// # Errors
///
/// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if the organization has users.
pub(in crate::mirror) fn begin_forgetting(
    step: &mut Step,
    organization_id: &str,
    leased: &BTreeSet<String>,
    id: &str,
    fresh: &ErasureKey,
) -> Result<Option<Forgetting>> {
    let environment = step.environment().clone();
    let key = environment.erasure_key.clone().unwrap_or_else(|| fresh.clone());
    let mark = key.mark_of_organization(organization_id);
    if environment.has_forgotten
        && let Some(row) = step.erasure(&mark).cloned()
    {
        return Ok(Some(Forgetting { row, was_mirrored: false }));
    }
    let directories = step.directories_of(organization_id);
    if directories.iter().any(|row| !leased.contains(&row.directory.id)) {
        return Ok(None);
    }
    for row in &directories {
        let all = CountsKey { since: Timestamp::MAX, base: Timestamp::MAX };
        if step.counts(&row.directory.id, all).users > 0 {
            return Err(still_mirrored(organization_id, &row.directory.id, "users"));
        }
    }
    let was_mirrored = !directories.is_empty() || step.organization(organization_id).is_some();
    let (at, organization_id) = (step.now(), Some(organization_id.to_owned()));
    let row = ErasureRow { mark, id: id.to_owned(), at, user_id: None, organization_id };
    step.batch().erasures.push(row.clone());
    if !environment.has_forgotten {
        step.batch().environment = Some(EnvironmentRow { erasure_key: Some(key), has_forgotten: true, ..environment });
    }
    Ok(Some(Forgetting { row, was_mirrored }))
}

/// The error of an organization that has users or groups (`what`) in a directory.
pub(in crate::mirror) fn still_mirrored(organization_id: &str, directory_id: &str, what: &str) -> Error {
    Error::invalid_argument(format!(
        "expected an organization without users and groups, got one with {what}: retire its directories, let the consumers acknowledge that, then \
         forget it"
    ))
    .with_context("organization", organization_id)
    .with_context("directory", directory_id)
}

/// Ends the erasure of an organization, from which everything was removed, and removes its entries from the role map. Does nothing if the erasure has
/// ended, and the organization may have been synced again.
///
/// # Errors
///
/// [`ErrorKind::Store`](crate::ErrorKind::Store) if the stored role map cannot be read.
pub(in crate::mirror) fn end_forgetting(step: &mut Step, row: &ErasureRow) -> Result<()> {
    if !step.erasure(&row.mark).is_some_and(ErasureRow::is_open) {
        return Ok(());
    }
    let entries = RoleMap::parse(step.role_map())?.into_entries();
    let count = entries.len();
    let is_other =
        |organization_id: &Option<String>| organization_id.is_none() || *organization_id != row.organization_id;
    let others: Vec<_> = entries.into_iter().filter(|entry| is_other(&entry.organization_id)).collect();
    if others.len() < count {
        // They matched groups of the organization only, so no other user has a role from them.
        step.batch().role_map = Some(RoleMap::new(others)?.encode()?);
    }
    step.batch().erasures.push(ErasureRow { organization_id: None, ..row.clone() });
    Ok(())
}

/// Returns whether the application has forgotten an organization, and it was not synced again.
pub(in crate::mirror) fn is_forgotten(step: &mut Step, organization_id: &str) -> bool {
    // Most mirrors have forgotten no organization, and do not look for marks.
    let key = step.environment().erasure_key.clone().filter(|_| step.environment().has_forgotten);
    key.is_some_and(|key| step.erasure(&key.mark_of_organization(organization_id)).is_some())
}

/// Checks that an organization was not forgotten since its sync has begun.
///
/// # Errors
///
/// [`ErrorKind::Store`](crate::ErrorKind::Store) if it was.
pub(in crate::mirror) fn check_not_forgotten(step: &mut Step, organization_id: &str) -> Result<()> {
    if !is_forgotten(step, organization_id) {
        return Ok(());
    }
    Err(Error::store("the organization was forgotten while its sync began: to mirror it again, sync it again")
        .with_context("organization", organization_id))
}

/// Removes the tombstone of an organization, which is synced again.
pub(in crate::mirror) fn readmit(step: &mut Step, mark: &str) {
    if step.erasure(mark).is_some() {
        step.batch().ended_erasures.insert(mark.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mirror::decide::Decided;
    use crate::record::{Batch, Counts, DirectoryRow, Keys, RoleMapEntry, WorkingSet};

    const ID: &str = "org_1";

    fn key() -> ErasureKey {
        ErasureKey::new([1, 2, 3, 4])
    }

    /// A working set with the organization and a directory of `users` users.
    fn set(users: u64) -> WorkingSet {
        let all = CountsKey { since: Timestamp::MAX, base: Timestamp::MAX };
        let keys = Keys {
            organizations: [ID.to_owned()].into(),
            counts: [("dir_1".to_owned(), all)].into(),
            ..Keys::default()
        };
        let mut row = DirectoryRow::default();
        row.directory.id = "dir_1".to_owned();
        row.directory.organization_id = ID.to_owned();
        WorkingSet {
            keys,
            directories: [("dir_1".to_owned(), row)].into(),
            counts: [("dir_1".to_owned(), Counts { users, ..Counts::default() })].into(),
            ..WorkingSet::default()
        }
    }

    fn run<T>(set: WorkingSet, rules: impl FnOnce(&mut Step) -> T) -> (T, Batch) {
        let mut step = Step::new(set, "", Timestamp::UNIX_EPOCH, false).unwrap();
        let value = rules(&mut step);
        match step.finish() {
            Decided::Ready { batch, .. } => (value, *batch),
            Decided::Needs(keys) => panic!("{keys:?} are needed"),
        }
    }

    fn begin(set: WorkingSet, leased: &[&str]) -> (Result<Option<Forgetting>>, Batch) {
        let leased = leased.iter().map(|id| (*id).to_owned()).collect();
        run(set, |step| begin_forgetting(step, ID, &leased, "9", &key()))
    }

    /// A working set of a mirror that has forgotten the organization.
    fn forgotten() -> WorkingSet {
        let (begun, batch) = begin(set(0), &["dir_1"]);
        let row = begun.unwrap().unwrap().row;
        let keys = Keys { erasures: [row.mark.clone()].into(), ..Keys::default() };
        WorkingSet {
            keys,
            environment: batch.environment.unwrap(),
            erasures: [(row.mark.clone(), row)].into(),
            ..WorkingSet::default()
        }
    }

    #[test]
    fn an_organization_without_users_is_forgotten_without_changes() {
        let (begun, batch) = begin(set(0), &["dir_1"]);
        let begun = begun.unwrap().unwrap();
        assert!(begun.was_mirrored);
        assert_eq!(begun.row.organization_id.as_deref(), Some(ID));
        assert_eq!(batch.erasures, [begun.row]);
        assert!(batch.entries.is_empty());
        let environment = batch.environment.unwrap();
        assert!(environment.has_forgotten);
        assert_eq!(environment.erasure_key, Some(key()));
    }

    #[test]
    fn an_organization_with_users_is_not_forgotten() {
        let (begun, batch) = begin(set(1), &["dir_1"]);
        let error = begun.err().unwrap();
        assert_eq!(error.kind(), crate::ErrorKind::InvalidArgument);
        assert!(error.context().contains(&("directory", "dir_1".to_owned())));
        assert!(batch.is_empty());
    }

    #[test]
    fn an_organization_with_a_directory_whose_lease_is_not_held_is_not_forgotten_yet() {
        let (begun, batch) = begin(set(0), &["dir_2"]);
        assert!(begun.unwrap().is_none());
        assert!(batch.is_empty());
    }

    #[test]
    fn forgetting_again_is_the_first_forgetting() {
        let (begun, batch) = begin(forgotten(), &[]);
        let begun = begun.unwrap().unwrap();
        assert_eq!(begun.row.id, "9");
        assert!(!begun.was_mirrored);
        assert!(batch.is_empty());
    }

    #[test]
    fn only_the_forgotten_organization_is_forgotten_until_it_is_readmitted() {
        let mut set = forgotten();
        set.keys.erasures.insert(key().mark_of_organization("org_2"));
        let (_, batch) = run(set, |step| {
            assert!(is_forgotten(step, ID));
            assert!(!is_forgotten(step, "org_2"));
            assert_eq!(check_not_forgotten(step, ID).unwrap_err().kind(), crate::ErrorKind::Store);
            readmit(step, &key().mark_of_organization(ID));
            readmit(step, &key().mark_of_organization("org_2"));
        });
        assert_eq!(batch.ended_erasures, [key().mark_of_organization(ID)].into());
    }

    #[test]
    fn marks_of_organizations_are_not_loaded_if_none_was_forgotten() {
        let environment = EnvironmentRow { erasure_key: Some(key()), ..EnvironmentRow::default() };
        let (is_forgotten, _) = run(WorkingSet { environment, ..WorkingSet::default() }, |step| is_forgotten(step, ID));
        assert!(!is_forgotten);
    }

    #[test]
    fn the_entries_of_a_forgotten_organization_leave_the_role_map() {
        let of = |organization_id: &str| RoleMapEntry {
            organization_id: Some(organization_id.to_owned()),
            ..RoleMapEntry::by_name("Engineering", "developer")
        };
        let everywhere = RoleMapEntry::by_name("Sales", "seller");
        let map = RoleMap::new(vec![of("org_1"), everywhere.clone(), of("org_2")]).unwrap().encode().unwrap();
        let set = WorkingSet { role_map: Some(map), ..forgotten() };
        let row = set.erasures.values().next().unwrap().clone();
        let (_, batch) = run(set, |step| end_forgetting(step, &row).unwrap());
        let left = RoleMap::parse(batch.role_map.as_deref()).unwrap().into_entries();
        assert_eq!(left, [everywhere, of("org_2")]);
        assert_eq!(batch.erasures, [ErasureRow { organization_id: None, ..row }]);
    }
}
