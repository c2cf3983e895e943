//! When the users that a mirror lacks are known to have left: only after everything was synced since the store may have been lost or restored.

use crate::Timestamp;
use crate::record::{DirectoryRow, EnvironmentRow, OrganizationRow};
use crate::{Error, Result};

/// What to do about a directory that had no complete full sync.
const SYNC: &str = "run a full sync of it (mode full), then reconcile again";

/// Checks that all organizations were listed, and the directories of each, by a sync that began at `since` or later.
///
/// # Errors
///
/// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if they were not.
pub(in crate::mirror) fn check_all_are_listed(row: &EnvironmentRow, since: Timestamp) -> Result<()> {
    if row.all_listed_at.is_some_and(|at| at >= since) {
        return Ok(());
    }
    Err(Error::invalid_argument(format!(
        "users of organizations that the mirror does not know would seem to have left, because no sync of all organizations has listed each of them since \
         {since}: run sync_all in the mode full, then reconcile again, or name one organization"
    )))
}

/// Checks that the directories of an organization were listed at `since` or later. `row` is `None` if the mirror does not have the organization.
///
/// # Errors
///
/// As [`check_all_are_listed`].
pub(in crate::mirror) fn check_is_listed(
    organization_id: &str,
    row: Option<&OrganizationRow>,
    since: Timestamp,
) -> Result<()> {
    let refuse = |message: String| Err(Error::invalid_argument(message).with_context("organization", organization_id));
    match row {
        Some(row) if row.missing_since.is_some() => refuse(
            "the API does not find the organization, so it is not known who has left: check its id; if it was deleted, retire its directories".to_owned(),
        ),
        Some(row) if row.directories_listed_at.is_some_and(|at| at >= since) => Ok(()),
        _ => refuse(format!(
            "the organization's directories were not listed since {since}: run a full sync of it (mode full), then reconcile again"
        )),
    }
}

/// Checks that each directory had a complete full sync that began at `since` or later, or was retired.
///
/// # Errors
///
/// As [`check_all_are_listed`], for the first directory that had none, and if there is no directory at all.
pub(in crate::mirror) fn check_are_synced(directories: &[DirectoryRow], since: Timestamp) -> Result<()> {
    if directories.is_empty() {
        return Err(Error::invalid_argument(
            "all users would seem to have left, because the mirror has no directory of theirs: check the organization and the environment",
        ));
    }
    let kept = directories.iter().filter(|row| row.retired_at.is_none());
    match kept.filter_map(|row| Some((row, doubt(row, since)?))).next() {
        None => Ok(()),
        Some((row, doubt)) => Err(Error::invalid_argument(doubt)
            .with_context("organization", row.directory.organization_id.clone())
            .with_context("directory", row.directory.id.clone())),
    }
}

/// Returns why users who are not in the mirror may be in the directory, and what to do; `None` if they are not in it.
fn doubt(row: &DirectoryRow, since: Timestamp) -> Option<String> {
    let is_synced = row.last_full_sync.is_some_and(|at| at >= since);
    // A full sync that failed or was incomplete has not set `last_full_sync`, and the rows are still those of the complete one.
    if is_synced {
        return None;
    }
    Some(if row.missing_since.is_some() {
        "the API does not list the directory, so it is not known who has left it: retire it if it is gone for good, then reconcile again".to_owned()
    } else if !row.directory.enabled {
        "the directory is disabled, so it is not known who has left it: enable it and run a full sync of it, or retire it, then reconcile again".to_owned()
    } else if row.incomplete_full {
        format!(
            "the last full sync of the directory was incomplete, and no complete one has begun since {since}: {SYNC}"
        )
    } else {
        match row.last_full_sync {
            None => format!("the directory has had no complete full sync: {SYNC}"),
            Some(at) => format!(
                "the directory's last complete full sync began at {at}, but the store may have been restored until {since}: {SYNC}"
            ),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::MirrorDirectory;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// The row of an enabled directory whose last complete full sync began at second 100.
    fn synced() -> DirectoryRow {
        let directory = MirrorDirectory {
            id: "dir_1".to_owned(),
            organization_id: "org_1".to_owned(),
            enabled: true,
            ..MirrorDirectory::default()
        };
        DirectoryRow { directory, last_full_sync: Some(at(100)), ..DirectoryRow::default() }
    }

    fn refusal(row: DirectoryRow, since: i64) -> String {
        check_are_synced(&[synced(), row], at(since)).unwrap_err().to_string()
    }

    #[test]
    fn a_directory_counts_if_its_last_full_sync_began_at_the_given_time_or_later() {
        check_are_synced(&[synced()], at(100)).unwrap();
        check_are_synced(&[synced()], at(99)).unwrap();
        let refusal = check_are_synced(&[synced()], at(101)).unwrap_err();
        assert!(refusal.message().contains("mode full"), "{refusal}");
    }

    #[test]
    fn the_error_names_the_directory_and_its_organization() {
        let directory = MirrorDirectory {
            id: "dir_2".to_owned(),
            organization_id: "org_2".to_owned(),
            enabled: true,
            ..MirrorDirectory::default()
        };
        let text = refusal(DirectoryRow { directory, ..DirectoryRow::default() }, 100);
        assert!(text.contains("dir_2"), "{text}");
        assert!(text.contains("org_2"), "{text}");
        assert!(text.contains("has had no complete full sync"), "{text}");
    }

    #[test]
    fn a_missing_or_disabled_directory_without_a_full_sync_is_to_be_retired_or_enabled() {
        let missing = DirectoryRow { missing_since: Some(at(90)), last_full_sync: None, ..synced() };
        assert!(refusal(missing, 100).contains("retire it if it is gone"));
        let mut disabled = DirectoryRow { last_full_sync: None, ..synced() };
        disabled.directory.enabled = false;
        assert!(refusal(disabled, 100).contains("enable it"));
    }

    #[test]
    fn an_incomplete_full_sync_does_not_count() {
        let incomplete =
            DirectoryRow { last_full_sync: None, incomplete_since: Some(at(100)), incomplete_full: true, ..synced() };
        assert!(refusal(incomplete, 100).contains("incomplete"));
    }

    #[test]
    fn a_retired_directory_needs_no_sync() {
        let retired = DirectoryRow { last_full_sync: None, retired_at: Some(at(90)), ..synced() };
        check_are_synced(&[synced(), retired], at(100)).unwrap();
    }

    #[test]
    fn a_mirror_without_directories_is_refused() {
        check_are_synced(&[], at(0)).unwrap_err();
    }

    #[test]
    fn all_organizations_have_to_be_listed_since_the_given_time() {
        let listed = EnvironmentRow { all_listed_at: Some(at(100)), ..EnvironmentRow::default() };
        check_all_are_listed(&listed, at(100)).unwrap();
        check_all_are_listed(&listed, at(101)).unwrap_err();
        check_all_are_listed(&EnvironmentRow::default(), at(0)).unwrap_err();
    }

    #[test]
    fn one_organization_has_to_be_listed_since_the_given_time_and_found() {
        let listed = OrganizationRow {
            id: "org_1".to_owned(),
            directories_listed_at: Some(at(100)),
            ..OrganizationRow::default()
        };
        check_is_listed("org_1", Some(&listed), at(100)).unwrap();
        check_is_listed("org_1", Some(&listed), at(101)).unwrap_err();
        check_is_listed("org_1", None, at(0)).unwrap_err();
        let missing = OrganizationRow { missing_since: Some(at(100)), ..listed };
        let refusal = check_is_listed("org_1", Some(&missing), at(100)).unwrap_err();
        assert!(refusal.message().contains("does not find the organization"), "{refusal}");
    }
}
