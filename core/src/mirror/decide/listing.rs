//! Applies listed directories, groups and users to stored rows.

use super::erase::is_ignored;
use super::owns;
use super::step::{NewGroup, NewUser, Step};
use super::tenant::is_other_group;
use super::version::{limit_toggle, listed_version, listing_replaces, listing_toggles};
use crate::model::{Directory, Group, User};
use crate::record::{ChangeKind, DirectoryRow, HoldReason, MirrorDirectory, MirrorGroup, MirrorUser, Trail, UserRow};
use crate::{Error, ErrorKind, Result, Timestamp};
use serde::Deserialize;

/// The rows of the users and groups of a page, and what was done with them.
#[derive(Default)]
pub(in crate::mirror) struct Taken {
    /// The users. Some may have been removed by events that are newer than the listing.
    pub(in crate::mirror) users: Vec<Listed>,
    /// The groups.
    pub(in crate::mirror) groups: Vec<Listed>,
    /// Numbers of the rows of users who were listed without groups, and whose stored memberships were kept.
    pub(in crate::mirror) kept: Vec<i64>,
    /// Users whose creation is deferred until the sync has removed absent users.
    pub(in crate::mirror) deferred: Vec<User>,
    /// How many listed users and groups are mirrored in another organization, and were left as they are.
    pub(in crate::mirror) foreign: u64,
    /// Ids of listed users whom the application has erased, and who were left out.
    pub(in crate::mirror) erased: Vec<String>,
}

/// The listing that a user is from, as far as the rules need it.
pub(in crate::mirror) struct Listing<'a> {
    /// The directory that was listed.
    pub(in crate::mirror) directory: &'a Directory,
    /// Time at which the sync started, by this machine's clock.
    pub(in crate::mirror) started: Timestamp,
    /// Whether any user in the part of the listing that was read has the key `groups`.
    pub(in crate::mirror) has_groups: bool,
    /// Whether the creation of a user whose address another user has is deferred.
    pub(in crate::mirror) defers: bool,
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

/// Applies a listed directory. The listing started at the time `started` of this machine's clock.
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

/// Enables or disables a directory, and appends a change, unless the directory `is_known` and is enabled or disabled already. The caller stores the
/// row.
pub(super) fn set_enabled(step: &mut Step, row: &mut DirectoryRow, enabled: bool, is_known: bool) {
    if is_known && row.directory.enabled == enabled {
        return;
    }
    row.directory.enabled = enabled;
    let kind = if enabled { ChangeKind::DirectoryEnabled } else { ChangeKind::DirectoryDisabled };
    step.append_directory(kind, row);
}

/// Applies a listed group. A group that is mirrored in another organization stays as it is until that organization no longer has it: a listing
/// of one organization must not remove anything from another.
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
/// until that organization no longer has them.
///
/// A listing in which no user has the key `groups` does not show memberships: stored ones are kept. If any user has the key, a user without it is in
/// no group, because the vendor may leave out empty lists.
///
/// A person who was deleted in the directory and created again has another id and the same address. An application that identifies its accounts
/// by address needs the deletion of the old user in the feed before the creation of the new one, and the sync finds the deletion only at its
/// end. So the creation of a user whose address a live user of the organization has is deferred if `listing.defers`: the user is added to
/// `taken.deferred`, and the sync calls this function again, without deferring, after it has removed or held the absent users, or has found that
/// it must not remove any.
///
/// # Errors
///
/// [`ErrorKind::Decode`] if the user has no id. Groups of the user without an id are ignored.
pub(in crate::mirror) fn take_user(
    step: &mut Step,
    listing: &Listing<'_>,
    listed: &User,
    taken: &mut Taken,
) -> Result<()> {
    let Listing { directory, started, has_groups, defers } = *listing;
    if listed.id.is_empty() {
        return Err(Error::new(ErrorKind::Decode, "expected a user with an id, got a listed user without one"));
    }
    if is_ignored(step, &listed.id) {
        taken.erased.push(listed.id.clone());
        return Ok(());
    }
    let row = step.user(&listed.id);
    let (number, mut trail) = row.map(|row| (row.number, row.trail.clone())).unwrap_or_default();
    if row.is_some_and(|row| row.is_live() && !owns(&directory.organization_id, &row.user.organization_id)) {
        taken.users.push(Listed::of(number, &listed.id));
        taken.foreign += 1;
        return Ok(());
    }
    // The version of a removal that is held, or whose grace is not over, is not in the row's version, but the listing is compared with it as well.
    if let Some(removal) = row.and_then(UserRow::removal) {
        trail.version = trail.version.max(removal.clone());
    }
    // The rules for the return of a removed user apply to one who has left and will be removed.
    trail.deleted_at = trail.deleted_at.or(row.and_then(|row| row.user.deletes_at));
    if !listing_replaces(&trail, listed.updated_at, started) {
        if let Some(row) = row.filter(|row| row.is_live() && !row.is_leaving()).cloned() {
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
        // Groups are listed before users, so a group without a live row was created since, or an event deleted it.
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
    let is_new = known.is_none();
    let (vendor_roles, attributes) =
        known.map(|row| (row.user.vendor_roles.clone(), row.user.attributes.clone())).unwrap_or_default();
    if defers && is_new && !listed.email.is_empty() && step.has_address(&directory.organization_id, &listed.email) {
        taken.deferred.push(listed.clone());
        return Ok(());
    }
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
        protection: None,
        deletes_at: None,
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

/// Ends the memberships of users that [`take_user`] kept, because a later user of the listing has the key `groups`. Users about whom an event
/// arrived after `started`, the start of the sync, are left as they are.
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

#[cfg(test)]
mod tests {
    use super::super::step::Decided;
    use super::*;
    use crate::record::{AddressUser, Batch, Keys, WorkingSet};
    use serde_json::{Value, json};

    fn directory() -> Directory {
        serde_json::from_value(json!({ "id": "dir_1", "organization_id": "org_1", "enabled": true })).unwrap()
    }

    /// A working set with `diruser_old` of `org_1`, who has the address `ada@example.com`, and without `diruser_new`.
    fn set() -> WorkingSet {
        let key = |email: &str| ("org_1".to_owned(), email.to_owned());
        let user = MirrorUser {
            id: "diruser_old".to_owned(),
            organization_id: "org_1".to_owned(),
            directory_id: "dir_1".to_owned(),
            email: "ada@example.com".to_owned(),
            ..MirrorUser::default()
        };
        let ada = AddressUser { id: user.id.clone(), is_live: true, is_active: true, ..AddressUser::default() };
        WorkingSet {
            keys: Keys {
                users: ["diruser_old", "diruser_new"].map(str::to_owned).into(),
                addresses: [key("ada@example.com"), key("new@example.com")].into(),
                ..Keys::default()
            },
            users: [(user.id.clone(), UserRow { number: 1, user, listed: true, ..UserRow::default() })].into(),
            addresses: [(key("ada@example.com"), ada)].into(),
            ..WorkingSet::default()
        }
    }

    /// Takes a listed user. Returns the ids of the users whose creation was deferred, and the batch to write.
    fn take(set: WorkingSet, user: Value, defers: bool) -> (Vec<String>, Batch) {
        let mut step = Step::new(set, "sync:1", Timestamp::UNIX_EPOCH, true).unwrap();
        let directory = directory();
        let listing = Listing { directory: &directory, started: Timestamp::UNIX_EPOCH, has_groups: false, defers };
        let mut taken = Taken::default();
        take_user(&mut step, &listing, &serde_json::from_value(user).unwrap(), &mut taken).unwrap();
        let deferred = taken.deferred.into_iter().map(|user| user.id).collect();
        match step.finish() {
            Decided::Ready { batch, .. } => (deferred, *batch),
            Decided::Needs(keys) => panic!("the step needs {keys:?}"),
        }
    }

    #[test]
    fn the_creation_of_a_user_whose_address_a_live_user_has_is_deferred() {
        for email in ["ada@example.com", "Ada@Example.COM"] {
            let (deferred, batch) = take(set(), json!({ "id": "diruser_new", "email": email }), true);
            assert_eq!(deferred, ["diruser_new"], "{email}");
            assert_eq!(batch.users.len(), 0, "{email}");
            assert_eq!(batch.entries.len(), 0, "{email}");
        }
    }

    #[test]
    fn the_creation_of_a_user_with_an_address_of_their_own_or_none_is_not_deferred() {
        for email in ["new@example.com", ""] {
            let (deferred, batch) = take(set(), json!({ "id": "diruser_new", "email": email }), true);
            assert_eq!(deferred.len(), 0, "{email}");
            assert_eq!(batch.users.len(), 1, "{email}");
        }
    }

    #[test]
    fn a_user_who_is_mirrored_already_is_not_deferred() {
        let (deferred, batch) = take(set(), json!({ "id": "diruser_old", "email": "new@example.com" }), true);
        assert_eq!(deferred.len(), 0);
        assert_eq!(batch.users[0].row.user.email, "new@example.com");
    }

    /// Takes `diruser_old`, who is in `dirgroup_1`, from a listing with these `groups` for the user, or without the key if it is `None`. Returns the
    /// groups that are left.
    fn groups_after(has_groups: bool, groups: Option<&Value>) -> Vec<String> {
        let mut set = set();
        set.users.get_mut("diruser_old").unwrap().told_groups = vec!["dirgroup_1".to_owned()];
        let mut step = Step::new(set, "sync:1", Timestamp::UNIX_EPOCH, true).unwrap();
        let directory = directory();
        let listing = Listing { directory: &directory, started: Timestamp::UNIX_EPOCH, has_groups, defers: false };
        let mut user = json!({ "id": "diruser_old", "email": "ada@example.com" });
        if let Some(groups) = groups {
            user["groups"] = groups.clone();
        }
        take_user(&mut step, &listing, &serde_json::from_value(user).unwrap(), &mut Taken::default()).unwrap();
        step.user("diruser_old").unwrap().told_groups.clone()
    }

    #[test]
    fn a_missing_list_of_groups_is_empty_only_if_another_user_of_the_listing_has_one() {
        assert_eq!(groups_after(false, None), ["dirgroup_1"]);
        assert_eq!(groups_after(true, None), [""; 0]);
        assert_eq!(groups_after(false, Some(&json!([]))), [""; 0]);
    }

    #[test]
    fn a_listing_that_does_not_defer_creates_every_user() {
        let (deferred, batch) = take(set(), json!({ "id": "diruser_new", "email": "ada@example.com" }), false);
        assert_eq!(deferred.len(), 0);
        assert_eq!(batch.users[0].row.user.id, "diruser_new");
    }
}
