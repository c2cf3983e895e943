//! Explanations of a user's access.

use crate::boundary::call;
use crate::error::hc_error;
use crate::generated::{hc_explanation, hc_status};
use crate::mirror::hc_mirror;
use crate::text_handles::hc_text;
use std::ffi::c_char;

/// Explains why a user has or lost access: the user as mirrored now or the removal, what gives each role, the changes with their causes, events that had no
/// effect and why, the open holds, and what would take access away or bring the user back. The changes come from the history: if the mirror keeps none,
/// there are none.
///
/// - `mirror`: required.
/// - `user_id`: "diruser_...". A user of whom the mirror knows nothing has the state "unknown".
/// - `explanation`: receives the explanation; free it with hc_explanation_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE, or HC_INVALID_ARGUMENT if the id is empty or longer than 255 bytes.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_explain(
    mirror: *const hc_mirror,
    user_id: *const c_char,
    explanation: *mut *mut hc_explanation,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, explanation, (mirror: object, user_id: text) => mirror.0.explain(user_id).map(hc_explanation::from))
}

/// Returns an explanation as English text of several lines, for a ticket.
///
/// - `explanation`: required.
/// - `personal`: whether the text may have personal data: names, addresses, accounts, the names of groups, and who decided about holds with which note. If
///   not, people are named by their directory ids only.
/// - `text`: receives the text; free it with hc_text_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_explanation_text(
    explanation: *const hc_explanation,
    personal: bool,
    text: *mut *mut hc_text,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, text, (explanation: object) => Ok(hc_text::from(explanation.record.text(personal).as_str())))
}
