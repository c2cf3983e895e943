//! Applies listed directories, groups and users to stored rows.

use super::owns;
use super::step::{NewGroup, NewUser, Step};
use super::tenant::is_other_group;
use super::version::{limit_toggle, listed_version, listing_replaces, listing_toggles};
use crate::record::{ChangeKind, DirectoryRow, HoldReason, MirrorDirectory, MirrorGroup, MirrorUser, Trail, UserRow};
use crate::{Directory, Error, ErrorKind, Group, Result, Timestamp, User};
use serde::Deserialize;

/// The rows that listed users and groups have: by number if they were stored before, else by id.
#[derive(Default)]
pub(in crate::mirror) struct Taken {
    /// The users. Some may have been removed by events that are newer than the listing.
    pub(in crate::mirror) users: Vec<Listed>,
    /// The groups.
    pub(in crate::mirror) groups: Vec<Listed>,
    /// Numbers of the rows of users who were listed without groups, and whose stored memberships were kept.
    pub(in crate::mirror) kept: Vec<i64>,
    /// How many listed users and groups are mirrored in another organization, and were left as they are.
    pub(in crate::mirror) foreign: u64,
}

/// A listed row.
pub(in crate::mirror) enum Listed {
    /// The number of a row that was stored before.
    Number(i64),
    /// The id of a row that this write inserts.
    New(String),
}

impl Listed {
    fn of(number: i64, id: &str) -> Listed {
        if number == 0 { Listed::New(id.to_owned()) } else { Listed::Number(number) }
    }
}

/// Applies a listed directory. The listing started at the local time `started`.
pub(super) fn take_directory(step: &mut Step, listed: &Directory, started: Timestamp) {
    let known = step.directory(&listed.id).cloned();
    let (before, mut row) = (known.clone(), known.unwrap_or_default());
    let enabled = row.directory.enabled;
    row.directory = MirrorDirectory {
        id: listed.id.clone(),
        organization_id: listed.organization_id.clone(),
        name: listed.name.clone(),
        directory_type: listed.directory_type.clone(),
        directory_provider: listed.directory_provider.clone(),
        enabled,
    };
    if listing_toggles(&row, started) {
        limit_toggle(&mut row, step.now);
        set_enabled(step, &mut row, listed.enabled, before.is_some());
    }
    step.end_directory_hold(&listed.id, HoldReason::DirectoryNotFound);
    if row.directory.enabled {
        row.retired_at = None;
        step.end_directory_hold(&listed.id, HoldReason::DirectoryDisabled);
    }
    if before.as_ref() != Some(&row) {
        step.put_directory(row);
    }
}

/// Enables or disables a directory, and appends a change if that is new. The caller stores the row.
pub(super) fn set_enabled(step: &mut Step, row: &mut DirectoryRow, enabled: bool, is_known: bool) {
    if is_known && row.directory.enabled == enabled {
        return;
    }
    row.directory.enabled = enabled;
    let kind = if enabled { ChangeKind::DirectoryEnabled } else { ChangeKind::DirectoryDisabled };
    step.append_directory(kind, row);
}

/// Applies a listed group. A group that is mirrored in another organization stays as it is until that organization has lost it: a listing of
/// one organization must not take anything away from another.
///
/// # Errors
///
/// [`ErrorKind::Decode`] if the group has no id.
pub(in crate::mirror) fn take_group(
    step: &mut Step,
    directory: &Directory,
    listed: &Group,
    started: Timestamp,
    taken: &mut Taken,
) -> Result<()> {
    if listed.id.is_empty() {
        return Err(Error::new(ErrorKind::Decode, "expected a group with an id, got a listed group without one"));
    }
    let row = step.group(&listed.id);
    let (number, trail) = row.map(|row| (row.number, row.trail.clone())).unwrap_or_default();
    taken.groups.push(Listed::of(number, &listed.id));
    if row.is_some_and(|row| row.is_live() && !owns(&directory.organization_id, &row.group.organization_id)) {
        taken.foreign += 1;
        return Ok(());
    }
    if listing_replaces(&trail, listed.updated_at, started) {
        let group = MirrorGroup {
            id: listed.id.clone(),
            organization_id: directory.organization_id.clone(),
            directory_id: directory.id.clone(),
            display_name: listed.display_name.clone(),
            updated_at: listed.updated_at,
        };
        let version = listed_version(&trail, listed.updated_at, step.now);
        step.put_group(NewGroup { group, exists: true, version, touched_at: trail.touched_at });
    }
    Ok(())
}

/// Applies a listed user, and the groups that the listing names for the user. A user who is mirrored in another organization stays as they are
/// until that organization has lost them.
///
/// A listing in which no user at all has groups says nothing about memberships: stored ones are kept. If some user has groups, empty lists are
/// left out of the JSON, so a user without them is in no group. `has_groups` says whether a user of the listing has groups, as far as it was
/// read.
///
/// # Errors
///
/// [`ErrorKind::Decode`] if the user has no id. Groups of the user without an id are ignored.
pub(in crate::mirror) fn take_user(
    step: &mut Step,
    directory: &Directory,
    listed: &User,
    started: Timestamp,
    has_groups: bool,
    taken: &mut Taken,
) -> Result<()> {
    if listed.id.is_empty() {
        return Err(Error::new(ErrorKind::Decode, "expected a user with an id, got a listed user without one"));
    }
    let row = step.user(&listed.id);
    let (number, mut trail) = row.map(|row| (row.number, row.trail.clone())).unwrap_or_default();
    if row.is_some_and(|row| row.is_live() && !owns(&directory.organization_id, &row.user.organization_id)) {
        taken.users.push(Listed::of(number, &listed.id));
        taken.foreign += 1;
        return Ok(());
    }
    // The version of a held removal is not in the row's version, but the listing is compared with it as well.
    if let Some(removal) = row.and_then(UserRow::held_removal) {
        trail.version = trail.version.max(removal.clone());
    }
    if !listing_replaces(&trail, listed.updated_at, started) {
        if let Some(row) = row.filter(|row| row.is_live()).cloned() {
            // The stored content is newer and is kept, but the listing shows which directory the user is in.
            let user = MirrorUser { directory_id: directory.id.clone(), ..row.user };
            let (version, touched_at) = (row.trail.version, row.trail.touched_at);
            let told_groups = row.told_groups;
            step.put_user(NewUser {
                user,
                active: None,
                is_present: false,
                told_groups,
                listed: true,
                version,
                touched_at,
            });
        }
        taken.users.push(Listed::of(number, &listed.id));
        return Ok(());
    }
    let mut told_groups = Vec::with_capacity(listed.groups.len());
    for group in listed.groups.iter().filter(|group| !group.id.is_empty()) {
        // Groups are listed before users, so a group without a row was created since.
        let row = step.group(&group.id);
        let number = row.map_or(0, |row| row.number);
        if !row.is_some_and(|row| row.is_live()) {
            take_group(step, directory, group, started, taken)?;
        } else if is_other_group(step, &directory.organization_id, &group.id) {
            taken.foreign += 1;
            continue;
        } else {
            taken.groups.push(Listed::of(number, &group.id));
        }
        told_groups.push(group.id.clone());
    }
    let known = step.user(&listed.id).filter(|row| row.is_live());
    if let Some(row) = known.filter(|row| !has_groups && !listed.groups.is_known() && !row.told_groups.is_empty()) {
        told_groups.clone_from(&row.told_groups);
        taken.kept.push(number);
    }
    let known = known.map(|row| &row.user);
    let (vendor_roles, attributes) =
        known.map(|user| (user.vendor_roles.clone(), user.attributes.clone())).unwrap_or_default();
    let user = MirrorUser {
        id: listed.id.clone(),
        organization_id: directory.organization_id.clone(),
        directory_id: directory.id.clone(),
        email: listed.email.clone(),
        given_name: listed.given_name.clone(),
        family_name: listed.family_name.clone(),
        preferred_username: listed.preferred_username.clone(),
        emails: listed.emails.clone(),
        active: false,
        group_ids: Vec::new(),
        roles: Vec::new(),
        vendor_roles,
        linked_id: None,
        updated_at: listed.updated_at,
        detail: listed.user_detail.clone(),
        attributes,
    };
    let version = listed_version(&trail, listed.updated_at, step.now);
    step.put_user(NewUser {
        user,
        active: listed_active(listed),
        is_present: true,
        told_groups,
        listed: true,
        version,
        touched_at: trail.touched_at,
    });
    taken.users.push(Listed::of(number, &listed.id));
    Ok(())
}

/// Ends the memberships of users that [`take_user`] kept, because a later user of the listing has groups. Users about whom an event arrived
/// since the sync `started` are left as they are.
pub(in crate::mirror) fn end_memberships(step: &mut Step, directory: &Directory, ids: &[String], started: Timestamp) {
    for id in ids {
        let row = step.user(id).filter(|row| row.is_live() && row.user.directory_id == directory.id);
        let row = row.filter(|row| row.trail.touched_at.is_none_or(|at| at < started)).cloned();
        if let Some(UserRow { user, listed, trail, .. }) = row {
            let Trail { version, touched_at, .. } = trail;
            let told_groups = Vec::new();
            step.put_user(NewUser { user, active: None, is_present: false, told_groups, listed, version, touched_at });
        }
    }
}

/// Returns whether a listed user may sign in, from `user_detail.active`: a boolean, or text in some directories. `None` if it is absent or has
/// another value.
fn listed_active(user: &User) -> Option<bool> {
    #[derive(Deserialize)]
    struct Detail<'a> {
        #[serde(borrow)]
        active: Option<&'a serde_json::value::RawValue>,
    }
    let detail: Detail<'_> = user.user_detail.as_ref()?.decode().ok()?;
    match detail.active?.get().trim_matches('"').to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}
