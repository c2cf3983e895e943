//! Reads and changes the settings that the mirror's store keeps.

use crate::boundary::call;
use crate::error::hc_error;
use crate::generated::{hc_settings, hc_status};
use crate::mirror::hc_mirror;
use crate::mirror_options::{hc_mirror_options, of_handle, stored};
use headcount_core::Error;

/// Returns the settings in effect, and those that this handle was opened with and that are not in effect.
///
/// - `mirror`: required.
/// - `settings`: receives the settings; free them with hc_settings_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_settings(
    mirror: *const hc_mirror,
    settings: *mut *mut hc_settings,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, settings, (mirror: object) => mirror.0.settings().map(hc_settings::from))
}

/// Changes settings, for all processes that use the store: each reads them with its next write.
///
/// - `mirror`: required.
/// - `options`: required; the settings to change. A field that is 0 leaves its setting unchanged. webhook_secret, and the fields from schema to prepared_statements, must be
///   0, because the store does not keep them.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT, also for a guard_share that is not from 0 to 1 and for an unknown or repeated name in fields and a grace of more than ten years, or HC_STORE.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_configure(
    mirror: *const hc_mirror,
    options: *const hc_mirror_options,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (mirror: object, options: required_options) => {
        if let Some((name, unset)) = of_handle(&options) {
            return Err(Error::invalid_argument(format!(
                "options.{name} is set: expected {unset}, pass it to hc_mirror_open"
            )));
        }
        // SAFETY: the caller passes fields as hc_mirror_options describes them.
        mirror.0.configure(unsafe { stored(&options) }?)
    })
}
