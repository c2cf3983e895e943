//! What a listing's words come to: which of them count, how new rows are after them, and the step that takes each over.

use super::SKEW;
use super::feed::before;
use super::receive::toggle;
use super::step::{Step, UserWord};
use crate::record::{Held, HeldReason, MirrorDirectory, MirrorGroup, MirrorUser, Trail, Version};
use crate::{Directory, Error, ErrorKind, Group, Result, Timestamp, User};
use serde::Deserialize;

/// Takes over what a listing says of a directory.
pub(super) fn take_directory(step: &mut Step<'_>, listed: &Directory) -> Result<()> {
    let known = step.tx.directory(&listed.id)?;
    let is_known = known.is_some();
    let before = known.clone();
    let mut row = known.unwrap_or_default();
    let enabled = row.directory.enabled;
    row.directory = MirrorDirectory {
        id: listed.id.clone(),
        organization_id: listed.organization_id.clone(),
        name: listed.name.clone(),
        directory_type: listed.directory_type.clone(),
        directory_provider: listed.directory_provider.clone(),
        enabled,
    };
    let found = |held: &Held| {
        matches!(held.reason, HeldReason::DirectoryNotFound)
            || (listed.enabled && held.reason == HeldReason::DirectoryDisabled)
    };
    row.held = row.held.filter(|held| !found(held));
    toggle(step, &mut row, listed.enabled, is_known)?;
    if before.as_ref() == Some(&row) { Ok(()) } else { step.tx.put_directory(&row) }
}

/// Whether a listing's word on a row counts: not where an event, newer than what is listed, came in so shortly before the listing was begun,
/// or since, that the listing may not know of it.
fn listing_counts(trail: &Trail, listed_at: Option<Timestamp>, started: Timestamp) -> bool {
    let is_recent = trail.touched_at.is_some_and(|at| at > before(started, SKEW));
    !(is_recent && trail.version.at > listed_at)
}

/// How new a row is after a listing's word on it, which was read by `now`. Nothing is newer than that, whatever a date claims; and a listing
/// that lacks the row is as new as its end.
pub(super) fn listed_version(trail: &Trail, listed_at: Option<Timestamp>, now: Timestamp, is_gone: bool) -> Version {
    let known = Version { at: trail.version.at.map(|at| at.min(now)), event: trail.version.event.clone() };
    let listed = if is_gone { Some(now) } else { listed_at.map(|at| at.min(now)) };
    known.max(Version { at: listed, event: String::new() })
}

/// Takes over a listed group; its row's number.
pub(super) fn take_group(
    step: &mut Step<'_>,
    directory: &Directory,
    listed: &Group,
    started: Timestamp,
) -> Result<i64> {
    if listed.id.is_empty() {
        return Err(Error::new(ErrorKind::Decode, "the server listed a group without an id"));
    }
    let row = step.group(&listed.id)?.cloned().unwrap_or_default();
    if listing_counts(&row.trail, listed.updated_at, started) {
        let group = MirrorGroup {
            id: listed.id.clone(),
            organization_id: directory.organization_id.clone(),
            directory_id: directory.id.clone(),
            display_name: listed.display_name.clone(),
            updated_at: listed.updated_at,
        };
        let version = listed_version(&row.trail, listed.updated_at, step.now, false);
        step.put_group(group, true, version, row.trail.touched_at)?;
    }
    Ok(step.group(&listed.id)?.map_or(0, |row| row.number))
}

/// Takes over a listed user and the groups they are said to be in; their row's number, and whether they are there now.
pub(super) fn take_user(
    step: &mut Step<'_>,
    directory: &Directory,
    listed: &User,
    started: Timestamp,
    groups: &mut Vec<i64>,
) -> Result<(i64, bool)> {
    if listed.id.is_empty() {
        return Err(Error::new(ErrorKind::Decode, "the server listed a user without an id"));
    }
    let row = step.tx.user(&listed.id)?.unwrap_or_default();
    let trail = row.trail.clone();
    if !listing_counts(&trail, listed.updated_at, started) {
        if !row.is_live() {
            return Ok((row.number, false));
        }
        // What is listed of them is old news; where they are listed is not.
        let user = MirrorUser { directory_id: directory.id.clone(), ..row.user.clone() };
        let (told_groups, version) = (row.told_groups.clone(), trail.version.clone());
        let word = UserWord { user, told_groups, listed: true, version, touched_at: trail.touched_at };
        return Ok((step.put_user(Some(row), word)?, true));
    }
    let mut told_groups = Vec::with_capacity(listed.groups.len());
    for group in listed.groups.iter().filter(|group| !group.id.is_empty()) {
        // The listing of groups has been read: what it did not have is learnt of here.
        if step.group(&group.id)?.is_none_or(|row| !row.is_live()) {
            take_group(step, directory, group, started)?;
        }
        groups.extend(step.group(&group.id)?.map(|row| row.number));
        told_groups.push(group.id.clone());
    }
    let was_active = row.number == 0 || !row.is_live() || row.user.active;
    let user = MirrorUser {
        id: listed.id.clone(),
        organization_id: directory.organization_id.clone(),
        directory_id: directory.id.clone(),
        email: listed.email.clone(),
        given_name: listed.given_name.clone(),
        family_name: listed.family_name.clone(),
        preferred_username: listed.preferred_username.clone(),
        emails: listed.emails.clone(),
        active: active(listed).unwrap_or(was_active),
        vendor_roles: row.user.vendor_roles.clone(),
        updated_at: listed.updated_at,
        detail: listed.user_detail.clone(),
        attributes: row.user.attributes.clone(),
        ..MirrorUser::default()
    };
    let version = listed_version(&trail, listed.updated_at, step.now, false);
    let word = UserWord { user, told_groups, listed: true, version, touched_at: trail.touched_at };
    Ok((step.put_user(Some(row), word)?, true))
}

/// What a listed user's details say of whether they may sign in. Some directories write it as text.
fn active(user: &User) -> Option<bool> {
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
