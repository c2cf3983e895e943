//! The role map: which groups give which roles, as pairs of a group and a role, or as entries that also state what `group` is.

use crate::boundary::{array, call, free, optional_text, read, text};
use crate::error::hc_error;
use crate::generated::role_map_key::role_map_key;
use crate::generated::{hc_role_map_entry_list, hc_status};
use crate::mirror::hc_mirror;
use crate::options::reserved;
use crate::text::TextList;
use headcount_core::Result;
use headcount_core::mirror::RoleMapEntry;
use std::ffi::c_char;

/// A group and the role that its members get.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_role_pair {
    /// The group's id ("dirgroup_..."), its name, or a pattern of names: "*" matches any characters, "?" matches one.
    pub group: *const c_char,
    /// The role.
    pub role: *const c_char,
}

/// An entry for hc_mirror_set_role_map_entries: members of the groups that it matches have its role. Set all bytes to 0, then the fields that you
/// need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_role_entry {
    /// What `group` is: HC_ROLE_BY_ID or HC_ROLE_BY_NAME. 0: an id if it begins with "dirgroup_", else a name or a pattern, as in a pair.
    pub key: i32,
    /// Must be 0.
    pub reserved: u32,
    /// The group's id, its name, or a pattern of names: "*" matches any characters, "?" matches one.
    pub group: *const c_char,
    /// The role.
    pub role: *const c_char,
    /// Limits the entry to the groups of this organization ("org_..."). NULL: the groups of all organizations.
    pub organization_id: *const c_char,
}

/// The role map as pairs of a group and a role.
pub struct hc_role_map {
    groups: Vec<String>,
    roles: Vec<String>,
    group_texts: TextList,
    role_texts: TextList,
}

impl From<Vec<(String, String)>> for hc_role_map {
    fn from(pairs: Vec<(String, String)>) -> hc_role_map {
        let (groups, roles) = pairs.into_iter().unzip();
        hc_role_map { groups, roles, group_texts: TextList::default(), role_texts: TextList::default() }
    }
}

/// Replaces the role map: which groups give which roles. Each user whose roles change gets a "roles.changed" in the feed.
///
/// - `mirror`: required.
/// - `pairs`: `pairs_len` pairs of a group and a role. They are copied.
/// - `pairs_len`: number of pairs, at most 10,000; 0 removes all roles.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT, also for a group or role that is empty or has more than 1,000 bytes.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_set_role_map(
    mirror: *const hc_mirror,
    pairs: *const hc_role_pair,
    pairs_len: usize,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (mirror: object) => {
        // SAFETY: by the header's conventions, `pairs` holds `pairs_len` pairs.
        let pairs: &[hc_role_pair] = unsafe { array(pairs, pairs_len, "pairs") }?;
        let pair = |(index, pair): (usize, &hc_role_pair)| {
            // SAFETY: the texts are NULL or NUL-terminated, and alive during this call.
            unsafe {
                Ok((
                    text(pair.group, format_args!("pairs[{index}].group"))?,
                    text(pair.role, format_args!("pairs[{index}].role"))?,
                ))
            }
        };
        mirror.0.set_role_map(pairs.iter().enumerate().map(pair).collect::<Result<Vec<_>>>()?)
    })
}

/// Replaces the role map, like hc_mirror_set_role_map, with entries that state what their `group` is. An entry by id never matches a name, and an
/// entry by name never matches an id. An entry with an organization matches only groups of that organization.
///
/// - `mirror`: required.
/// - `entries`: `entries_len` entries. They are copied.
/// - `entries_len`: number of entries, at most 10,000; 0 removes all roles.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT, also for a group, role or organization that is empty or has more than 1,000 bytes.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_set_role_map_entries(
    mirror: *const hc_mirror,
    entries: *const hc_role_entry,
    entries_len: usize,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (mirror: object) => {
        // SAFETY: by the header's conventions, `entries` holds `entries_len` entries.
        let entries: &[hc_role_entry] = unsafe { array(entries, entries_len, "entries") }?;
        // SAFETY: the texts are NULL or NUL-terminated, and alive during this call.
        let entries = entries.iter().enumerate().map(|(index, entry)| unsafe { role_map_entry(index, entry) });
        mirror.0.set_role_map(entries.collect::<Result<Vec<_>>>()?)
    })
}

/// Reads the entry at an index.
///
/// # Safety
///
/// The entry's texts are NULL, or NUL-terminated and alive during the call.
unsafe fn role_map_entry(index: usize, entry: &hc_role_entry) -> Result<RoleMapEntry> {
    reserved(entry.reserved, &format!("entries[{index}].reserved"))?;
    // SAFETY: this function's contract.
    let (group, role, organization_id) = unsafe {
        (
            text(entry.group, format_args!("entries[{index}].group"))?,
            text(entry.role, format_args!("entries[{index}].role"))?,
            optional_text(entry.organization_id, format_args!("entries[{index}].organization_id"))?,
        )
    };
    let mut made = RoleMapEntry::from((group, role));
    if entry.key != 0 {
        made.key = role_map_key(entry.key, &format!("entries[{index}].key"))?;
    }
    Ok(match organization_id {
        Some(id) => made.in_organization(id),
        None => made,
    })
}

/// Returns the entries of the role map, in the order in which they were set.
///
/// - `mirror`: required.
/// - `entries`: receives the list; free it with hc_role_map_entry_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_role_map_entries(
    mirror: *const hc_mirror,
    entries: *mut *mut hc_role_map_entry_list,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, entries, (mirror: object) => mirror.0.role_map_entries().map(hc_role_map_entry_list::from))
}

/// Returns the entries of the role map that match no mirrored group: the group was renamed or deleted, or the name is misspelt.
///
/// - `mirror`: required.
/// - `entries`: receives the list; free it with hc_role_map_entry_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_unmatched_roles(
    mirror: *const hc_mirror,
    entries: *mut *mut hc_role_map_entry_list,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, entries, (mirror: object) => mirror.0.unmatched_roles().map(hc_role_map_entry_list::from))
}

/// Returns the group and the role of each entry of the role map.
///
/// - `mirror`: required.
/// - `role_map`: receives the pairs, in the order in which they were set; free it with hc_role_map_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_role_map(
    mirror: *const hc_mirror,
    role_map: *mut *mut hc_role_map,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, role_map, (mirror: object) => mirror.0.role_map().map(hc_role_map::from))
}

/// Number of pairs.
///
/// - `role_map`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_role_map_len(role_map: *const hc_role_map) -> usize {
    read!(role_map => role_map.groups.len())
}

/// The group of the pair at an index.
///
/// - `role_map`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns text owned by `role_map`, or NULL if `index` is out of range.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_role_map_group_at(role_map: *const hc_role_map, index: usize) -> *const c_char {
    read!(role_map => role_map.group_texts.at(&role_map.groups, index))
}

/// The role of the pair at an index.
///
/// - `role_map`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns text owned by `role_map`, or NULL if `index` is out of range.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_role_map_role_at(role_map: *const hc_role_map, index: usize) -> *const c_char {
    read!(role_map => role_map.role_texts.at(&role_map.roles, index))
}

/// Frees a role map and the texts that came from it.
///
/// - `role_map`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_role_map_free(role_map: *mut hc_role_map) {
    free!(role_map);
}
