//! Removes the users and groups of a directory that the application retires.

use super::step::{NewGroup, Step};
use super::version::removed_version;
use crate::record::{HoldReason, MirrorUser, Retirement};
use crate::{Error, ErrorKind, Result};

/// The id of a new retirement, and who requested it and why.
pub(in crate::mirror) struct Order<'a> {
    /// Id for a new retirement.
    pub(in crate::mirror) id: &'a str,
    /// Who requested it.
    pub(in crate::mirror) by: &'a str,
    /// Why it was requested, as the application describes it.
    pub(in crate::mirror) note: &'a str,
}

/// Starts to retire a directory, or returns its retirement that has not ended.
///
/// # Errors
///
/// [`ErrorKind::NotFound`] if the directory is not mirrored; [`ErrorKind::InvalidArgument`] if it is neither missing nor disabled.
pub(in crate::mirror) fn start_retirement(
    step: &mut Step,
    directory_id: &str,
    order: &Order<'_>,
) -> Result<Retirement> {
    let open = step.retirements().iter().find(|known| known.directory_id == directory_id && known.ended_at.is_none());
    if let Some(open) = open.cloned() {
        check(step, directory_id)?;
        return Ok(open);
    }
    let organization_id = check(step, directory_id)?;
    let retirement = Retirement {
        id: order.id.to_owned(),
        organization_id,
        directory_id: directory_id.to_owned(),
        by: order.by.to_owned(),
        note: order.note.to_owned(),
        at: step.now,
        ended_at: None,
        users: 0,
    };
    step.batch().retirements.push(retirement.clone());
    Ok(retirement)
}

/// Checks that a directory may be retired. Returns its organization.
fn check(step: &mut Step, directory_id: &str) -> Result<String> {
    let Some(row) = step.directory(directory_id) else {
        return Err(Error::new(ErrorKind::NotFound, "the mirror has no such directory: check the id")
            .with_context("directory", directory_id));
    };
    if row.missing_since.is_none() && row.directory.enabled {
        return Err(Error::invalid_argument(
            "expected a directory that is missing or disabled, got one that is listed and enabled: disable it first, or sync its organization \
             to see whether it is still listed",
        )
        .with_context("directory", directory_id));
    }
    Ok(row.directory.organization_id.clone())
}

/// Removes the users with these ids who are in the directory. Returns the retirement with the number of users that it has removed so far.
///
/// # Errors
///
/// As [`start_retirement`]: the directory may have been listed and enabled again.
pub(in crate::mirror) fn retire_users(step: &mut Step, retirement: &Retirement, ids: &[String]) -> Result<Retirement> {
    check(step, &retirement.directory_id)?;
    let mut retirement = retirement.clone();
    for id in ids {
        let row = step.user(id).filter(|row| row.is_live() && row.user.directory_id == retirement.directory_id);
        if let Some(trail) = row.map(|row| row.trail.clone()) {
            let version = removed_version(&trail, step.now, step.now);
            step.remove_user(MirrorUser { id: id.clone(), ..MirrorUser::default() }, version, None);
            retirement.users += 1;
        }
    }
    step.batch().retirements.push(retirement.clone());
    Ok(retirement)
}

/// Removes the groups with these ids that are in the directory. Their members leave them. The directory's own users were removed before, so the
/// members who are left are in other directories of the organization. The step is guarded for them: if a member would lose all roles, and the
/// budget of the member's own directory is used up, the member keeps the roles until that is approved.
///
/// # Errors
///
/// As [`start_retirement`].
pub(in crate::mirror) fn retire_groups(step: &mut Step, retirement: &Retirement, ids: &[String]) -> Result<()> {
    check(step, &retirement.directory_id)?;
    for id in ids {
        let row = step.group(id).filter(|row| row.is_live() && row.group.directory_id == retirement.directory_id);
        if let Some(row) = row.cloned() {
            let version = removed_version(&row.trail, step.now, step.now);
            step.put_group(NewGroup { group: row.group, exists: false, version, touched_at: None });
        }
    }
    Ok(())
}

/// Ends a retirement that has removed all users and groups of its directory.
pub(in crate::mirror) fn end_retirement(step: &mut Step, retirement: &Retirement) {
    let now = step.now;
    step.batch().retirements.push(Retirement { ended_at: Some(now), ..retirement.clone() });
    for reason in [HoldReason::DirectoryNotFound, HoldReason::DirectoryDisabled] {
        step.end_directory_hold(&retirement.directory_id, reason);
    }
    // A directory that was listed and enabled again meanwhile is not retired.
    let is_gone = check(step, &retirement.directory_id).is_ok();
    if let Some(mut row) = step.directory(&retirement.directory_id).cloned().filter(|_| is_gone) {
        row.retired_at = Some(now);
        step.put_directory(row);
    }
}
