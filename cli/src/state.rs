//! The state of a directory in one word, as the table of `status` and the page have it.

use headcount::mirror::DirectoryStatus;

/// Returns the state of a directory: `missing`, `disabled`, `incomplete` or `enabled`, whichever needs attention first.
pub(crate) fn directory_state(status: &DirectoryStatus) -> &'static str {
    match (status.missing_since, status.directory.enabled, status.incomplete_since) {
        (Some(_), ..) => "missing",
        (_, false, _) => "disabled",
        (.., Some(_)) => "incomplete",
        _ => "enabled",
    }
}
