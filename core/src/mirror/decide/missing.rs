//! Directories that the API no longer lists, and organizations that it no longer finds.
//!
//! A directory that is not listed, and an organization that is not found, may have been deleted, or the credentials may have lost access to
//! them. Their users keep their access until the directory is retired.
//!
//! A listing may lag behind events by five minutes, so an event takes precedence over a listing that started less than five minutes after it arrived.
//! A directory that the event enabled or disabled does not become missing although the listing lacks it. An organization that the event deleted stays
//! missing although the API still lists its directories.

use super::listing::take_directory;
use super::owns;
use super::step::Step;
use super::version::is_recent;
use crate::Timestamp;
use crate::model::Directory;
use crate::record::{ChangeKind, DirectoryRow, OrganizationRow};

/// What a listing of an organization's directories showed.
#[derive(Clone, Debug, Default)]
pub(in crate::mirror) struct Shown {
    /// The organization's directories that are missing, and were not retired.
    pub(in crate::mirror) missing: Vec<DirectoryRow>,
    /// The ids of listed directories that are mirrored in another organization, each with that organization's id. Their rows stay as they are
    /// until they are retired there.
    pub(in crate::mirror) foreign: Vec<(String, String)>,
}

/// Applies a listing of an organization's directories, which started at the time `started` of this machine's clock.
pub(in crate::mirror) fn take_directories(
    step: &mut Step,
    organization_id: &str,
    listed: &[Directory],
    started: Timestamp,
) -> Shown {
    let mut organization = organization(step, organization_id);
    organization.directories_listed_at = organization.directories_listed_at.max(Some(started));
    let was_missing = organization.missing_since.is_some();
    if was_missing && !is_recent(organization.deletion_arrived_at, started) {
        organization.missing_since = None;
        step.append_organization(ChangeKind::OrganizationFound, organization_id);
    }
    let known = step.directories_of(organization_id);
    step.batch().organizations.push(organization);
    let mut shown = Shown::default();
    for directory in listed {
        if let Some(row) = step.directory(&directory.id).cloned()
            && !owns(organization_id, &row.directory.organization_id)
        {
            if row.retired_at.is_none() {
                shown.foreign.push((directory.id.clone(), row.directory.organization_id));
                continue;
            }
            // The directory was retired in the other organization, so none of its users and groups are left, and a new row replaces its row.
            let mut fresh = DirectoryRow::default();
            fresh.directory.id.clone_from(&directory.id);
            step.put_directory(fresh);
        }
        find_directory(step, &directory.id);
        take_directory(step, directory, started);
    }
    for row in known {
        let is_listed = listed.iter().any(|directory| directory.id == row.directory.id);
        // A recent event shows that the directory exists, unless it is the one that deleted the organization, which disables all its directories.
        if !is_listed && (was_missing || !is_recent(row.toggle_arrived_at, started)) {
            lose_directory(step, row, &mut shown);
        }
    }
    shown
}

/// Applies the answer that there is no such organization. The request started at the time `started` of this machine's clock.
pub(in crate::mirror) fn lose_organization(step: &mut Step, organization_id: &str, started: Timestamp) -> Shown {
    let mut shown = Shown::default();
    let known = step.directories_of(organization_id);
    let was_missing = step.organization(organization_id).is_some_and(|row| row.missing_since.is_some());
    if !was_missing && known.iter().any(|row| is_recent(row.toggle_arrived_at, started)) {
        // An event enabled or disabled one of its directories less than five minutes before the request, and the answer may be older than the event.
        return shown;
    }
    record_missing(step, organization_id, None);
    for row in known {
        lose_directory(step, row, &mut shown);
    }
    shown
}

/// Records that an organization is missing, because an event about its deletion arrived at the time `arrived_at`. Does nothing if it is not mirrored.
pub(super) fn record_deletion(step: &mut Step, organization_id: &str, arrived_at: Timestamp) {
    record_missing(step, organization_id, Some(arrived_at));
}

/// Records that an organization is missing, if it is mirrored. `deletion_arrived_at` is the time at which an event about its deletion arrived, or
/// `None` if none did.
fn record_missing(step: &mut Step, organization_id: &str, deletion_arrived_at: Option<Timestamp>) {
    let is_mirrored = step.organization(organization_id).is_some() || !step.directories_of(organization_id).is_empty();
    if !is_mirrored {
        return;
    }
    let mut row = organization(step, organization_id);
    let before = row.clone();
    row.deletion_arrived_at = row.deletion_arrived_at.max(deletion_arrived_at);
    if row.missing_since.is_none() {
        row.missing_since = Some(step.now);
        step.append_organization(ChangeKind::OrganizationMissing, organization_id);
    }
    if row != before {
        step.batch().organizations.push(row);
    }
}

fn organization(step: &mut Step, id: &str) -> OrganizationRow {
    let known = step.organization(id).cloned();
    known.unwrap_or_else(|| OrganizationRow { id: id.to_owned(), ..OrganizationRow::default() })
}

/// Records that a mirrored directory is not listed.
fn lose_directory(step: &mut Step, mut row: DirectoryRow, shown: &mut Shown) {
    if row.missing_since.is_none() {
        row.missing_since = Some(step.now);
        step.append_directory(ChangeKind::DirectoryMissing, &row);
        step.put_directory(row.clone());
    }
    if row.retired_at.is_none() {
        shown.missing.push(row);
    }
}

/// Records that a directory which was missing is listed again.
fn find_directory(step: &mut Step, id: &str) {
    let Some(mut row) = step.directory(id).cloned() else { return };
    if row.missing_since.take().is_some() {
        step.append_directory(ChangeKind::DirectoryFound, &row);
        row.retired_at = None;
        step.put_directory(row);
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::Decided;
    use super::*;
    use crate::record::{Batch, WorkingSet};
    use serde_json::json;

    fn listed(ids: &[&str]) -> Vec<Directory> {
        let directory = |id: &&str| json!({ "id": id, "organization_id": "org_1", "enabled": true });
        ids.iter().map(|id| serde_json::from_value(directory(id)).unwrap()).collect()
    }

    /// The row of a directory that was listed and enabled.
    fn row(id: &str, organization_id: &str) -> DirectoryRow {
        let mut row = DirectoryRow::default();
        row.directory.id = id.to_owned();
        row.directory.organization_id = organization_id.to_owned();
        row.directory.enabled = true;
        row
    }

    /// Runs `rules` on a step that has loaded these rows of `org_1` and of others.
    fn run<T>(
        rows: &[DirectoryRow],
        missing_since: Option<Timestamp>,
        rules: impl FnOnce(&mut Step) -> T,
    ) -> (T, Batch) {
        let mut set = WorkingSet::default();
        set.keys.organizations.insert("org_1".to_owned());
        set.keys.directories.insert("dir_new".to_owned());
        set.keys.holds.extend(["dir_1", "dir_2", "dir_new"].map(str::to_owned));
        let organization = OrganizationRow { id: "org_1".to_owned(), missing_since, ..OrganizationRow::default() };
        set.organizations.insert("org_1".to_owned(), organization);
        set.directories.extend(rows.iter().map(|row| (row.directory.id.clone(), row.clone())));
        let mut step = Step::new(set, "sync:1", Timestamp::UNIX_EPOCH, true).unwrap();
        let value = rules(&mut step);
        match step.finish() {
            Decided::Ready { batch, .. } => (value, *batch),
            Decided::Needs(keys) => panic!("the step needs {keys:?}"),
        }
    }

    fn kinds(batch: &Batch) -> Vec<ChangeKind> {
        batch.entries.iter().flat_map(|entry| &entry.body.changes).map(|change| change.kind).collect()
    }

    #[test]
    fn a_directory_that_two_listings_lack_appends_one_directory_missing() {
        let (shown, batch) =
            run(&[row("dir_1", "org_1")], None, |step| take_directories(step, "org_1", &[], Timestamp::UNIX_EPOCH));
        assert_eq!(kinds(&batch), [ChangeKind::DirectoryMissing]);
        assert_eq!(shown.missing[0].missing_since, Some(Timestamp::UNIX_EPOCH));

        let (shown, batch) =
            run(&batch.directories, None, |step| take_directories(step, "org_1", &[], Timestamp::UNIX_EPOCH));
        assert_eq!(kinds(&batch), []);
        assert_eq!(shown.missing.len(), 1, "it is still reported");
    }

    #[test]
    fn a_missing_directory_that_is_listed_again_is_found() {
        let missing = DirectoryRow {
            missing_since: Some(Timestamp::UNIX_EPOCH),
            retired_at: Some(Timestamp::UNIX_EPOCH),
            ..row("dir_1", "org_1")
        };
        let (shown, batch) =
            run(&[missing], None, |step| take_directories(step, "org_1", &listed(&["dir_1"]), Timestamp::UNIX_EPOCH));
        assert_eq!(kinds(&batch), [ChangeKind::DirectoryFound]);
        assert_eq!(batch.directories[0].missing_since, None);
        assert_eq!(batch.directories[0].retired_at, None);
        assert_eq!(shown.missing.len(), 0);
    }

    #[test]
    fn a_retired_directory_is_missing_but_not_reported() {
        let retired = DirectoryRow {
            missing_since: Some(Timestamp::UNIX_EPOCH),
            retired_at: Some(Timestamp::UNIX_EPOCH),
            ..row("dir_1", "org_1")
        };
        let (shown, batch) = run(&[retired], None, |step| take_directories(step, "org_1", &[], Timestamp::UNIX_EPOCH));
        assert_eq!(kinds(&batch), []);
        assert_eq!(shown.missing.len(), 0);
    }

    #[test]
    fn a_listed_directory_of_another_organization_stays_there_until_it_is_retired() {
        let take = |step: &mut Step| take_directories(step, "org_1", &listed(&["dir_2"]), Timestamp::UNIX_EPOCH);
        let (shown, batch) = run(&[row("dir_2", "org_2")], None, take);
        assert_eq!(shown.foreign, [("dir_2".to_owned(), "org_2".to_owned())]);
        assert_eq!(batch.directories, []);

        let retired = DirectoryRow { retired_at: Some(Timestamp::UNIX_EPOCH), ..row("dir_2", "org_2") };
        let (shown, batch) = run(&[retired], None, take);
        assert_eq!(shown.foreign, []);
        assert_eq!(batch.directories[0].directory.organization_id, "org_1");
        assert_eq!(batch.directories[0].retired_at, None);
        assert_eq!(kinds(&batch), [ChangeKind::DirectoryEnabled]);
    }

    #[test]
    fn an_organization_that_two_syncs_do_not_find_appends_one_organization_missing() {
        let lose = |step: &mut Step| lose_organization(step, "org_1", Timestamp::UNIX_EPOCH);
        let (shown, batch) = run(&[row("dir_1", "org_1"), row("dir_2", "org_2")], None, lose);
        assert_eq!(kinds(&batch), [ChangeKind::OrganizationMissing, ChangeKind::DirectoryMissing]);
        assert_eq!(shown.missing.len(), 1, "the directory of another organization is not missing");

        let (_, batch) = run(&batch.directories, batch.organizations[0].missing_since, lose);
        assert_eq!(kinds(&batch), []);
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_directory_that_an_event_mentioned_within_the_last_five_minutes_is_not_missing_yet() {
        let row = DirectoryRow { toggle_arrived_at: Some(at(1_000)), ..row("dir_1", "org_1") };
        for (started, is_missing) in [(990, false), (1_299, false), (1_300, true)] {
            let rows = [row.clone()];
            let (shown, batch) = run(&rows, None, |step| take_directories(step, "org_1", &[], at(started)));
            assert_eq!(kinds(&batch).contains(&ChangeKind::DirectoryMissing), is_missing, "listed at {started}");
            assert_eq!(shown.missing.len(), usize::from(is_missing), "listed at {started}");

            let (shown, batch) = run(&rows, None, |step| lose_organization(step, "org_1", at(started)));
            assert_eq!(kinds(&batch).contains(&ChangeKind::OrganizationMissing), is_missing, "asked at {started}");
            assert_eq!(shown.missing.len(), usize::from(is_missing), "asked at {started}");
        }
    }

    #[test]
    fn a_directory_that_the_deletion_of_its_organization_disabled_is_missing_at_once() {
        let row = DirectoryRow { toggle_arrived_at: Some(at(1_000)), ..row("dir_1", "org_1") };
        let (shown, _) = run(&[row], Some(at(1_000)), |step| lose_organization(step, "org_1", at(1_001)));
        assert_eq!(shown.missing.len(), 1);
    }

    #[test]
    fn an_organization_that_an_event_deleted_within_the_last_five_minutes_is_not_found_again() {
        let (_, batch) = run(&[row("dir_1", "org_1")], None, |step| record_deletion(step, "org_1", at(1_000)));
        let [deleted] = batch.organizations.as_slice() else { panic!("{:?}", batch.organizations) };
        for (started, is_found) in [(990, false), (1_299, false), (1_300, true)] {
            let take = |step: &mut Step| {
                step.set.organizations.insert("org_1".to_owned(), deleted.clone());
                take_directories(step, "org_1", &listed(&["dir_1"]), at(started))
            };
            let (_, batch) = run(&[row("dir_1", "org_1")], None, take);
            assert_eq!(kinds(&batch).contains(&ChangeKind::OrganizationFound), is_found, "listed at {started}");
            assert_eq!(batch.organizations[0].missing_since.is_none(), is_found, "listed at {started}");
        }
    }

    #[test]
    fn a_missing_organization_that_is_listed_again_is_found() {
        let since = Some(Timestamp::UNIX_EPOCH);
        let (_, batch) =
            run(&[], since, |step| take_directories(step, "org_1", &listed(&["dir_new"]), Timestamp::UNIX_EPOCH));
        assert_eq!(kinds(&batch), [ChangeKind::OrganizationFound, ChangeKind::DirectoryEnabled]);
        assert_eq!(batch.organizations[0].missing_since, None);
    }
}
