//! Exports: users as CSV or as lines of JSON.

use crate::boundary::{call, free, optional_text};
use crate::error::hc_error;
use crate::generated::export_format::export_format;
use crate::generated::hc_status;
use crate::mirror::hc_mirror;
use crate::options::{impl_options, moment};
use crate::text_handles::hc_text;
use headcount_core::blocking::Export;
use std::ffi::c_char;
use std::ptr;

/// What to export, and in which format. Set all bytes to 0, then struct_size and the fields that you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_mirror_export_options {
    /// sizeof(hc_mirror_export_options).
    pub struct_size: usize,
    /// HC_EXPORT_CSV or HC_EXPORT_NDJSON.
    pub format: i32,
    /// The time whose users are exported: RFC 3339 with an offset from UTC, or a date, which means 00:00 UTC on that day. NULL: the present users.
    pub at: *const c_char,
    /// Only users of this directory ("dir_...") at that time. NULL: users of all directories.
    pub directory_id: *const c_char,
    /// Only members of this group ("dirgroup_...") at that time. NULL: all users.
    pub group_id: *const c_char,
    /// Only users who had this role at that time. NULL: all users.
    pub role: *const c_char,
}

impl_options!(hc_mirror_export_options { format, at, directory_id, group_id, role });

/// An iterator over the pieces of an export.
pub struct hc_export_iter {
    export: Export,
    last: Option<hc_text>,
}

/// Exports the users of an organization as text, for reviews of who has access: the present ones, or those of a past time, as hc_mirror_at gives them.
///
/// Each user has the columns of the CSV, or keys of the JSON object, at (the time whose state it is, RFC 3339 in UTC), organization_id, directory_id, user_id,
/// email, given_name, family_name, active, roles, groups (their names at that time), group_ids (in the same order) and linked_id. A later version may add
/// columns at the end. The text is UTF-8. The users are read page by page while the iterator is used.
///
/// - `mirror`: required. It may be freed before the iterator.
/// - `organization_id`: "org_...".
/// - `options`: format, time and filters; may be NULL, which means all present users as CSV.
/// - `iter`: receives the iterator; free it with hc_export_iter_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT if options.format is unknown or options.at is not a time. hc_export_iter_next fails with HC_INVALID_ARGUMENT if that time
///   is in the future, and with HC_HISTORY_TRIMMED if it is before the history began, or if the mirror keeps no history.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_export(
    mirror: *const hc_mirror,
    organization_id: *const c_char,
    options: *const hc_mirror_export_options,
    iter: *mut *mut hc_export_iter,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, iter, (mirror: object, organization_id: text, options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let (at, directory, group, role) = unsafe {
            (
                optional_text(options.at, "options.at")?,
                optional_text(options.directory_id, "options.directory_id")?,
                optional_text(options.group_id, "options.group_id")?,
                optional_text(options.role, "options.role")?,
            )
        };
        let format = export_format(options.format, "options.format")?;
        let users = match moment(at, "options.at")? {
            Some(at) => mirror.0.at(at, organization_id),
            None => mirror.0.users(organization_id),
        };
        let export = users.directory(directory).group(group).role(role).export(format);
        Ok(hc_export_iter { export, last: None })
    })
}

/// Gives the next piece: whole lines, of 500 users at most. The first piece of a CSV begins with the header. All pieces, one after another, are the export.
///
/// - `iter`: required. It ends after an error: create another one.
/// - `text`: receives the piece, owned by `iter` and valid until the next call with it; NULL after the last one.
/// - `error`: may be NULL.
/// - Fails with HC_STORE, HC_INVALID_ARGUMENT or HC_HISTORY_TRIMMED.
/// - Threads: one at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_export_iter_next(
    iter: *mut hc_export_iter,
    text: *mut *const hc_text,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, text, (iter: exclusive) => {
        iter.last = iter.export.next().transpose()?.map(|text| hc_text::from(text.as_str()));
        Ok(iter.last.as_ref().map_or(ptr::null(), ptr::from_ref))
    })
}

/// Frees an iterator and the piece that it gave last.
///
/// - `iter`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_export_iter_free(iter: *mut hc_export_iter) {
    free!(iter);
}
