//! Handles that cancel calls from another thread, and clients that use the connections of another client with other options for their calls.

use crate::boundary::{call, free, object, read};
use crate::client::hc_client;
use crate::error::hc_error;
use crate::generated::hc_status;
use crate::options::{impl_options, unless_zero};
use headcount_core::Error;
use headcount_core::client::{CallOptions, Cancel};
use std::time::Duration;

/// Handle that cancels the running and all later calls of each client that hc_client_with created with this handle.
pub struct hc_cancel(Cancel);

/// Options of calls that override those of a client: hc_client_with creates a client that uses them. Set all bytes to 0, then struct_size and
/// the fields that you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_call_options {
    /// sizeof(hc_call_options).
    pub struct_size: usize,
    /// Handle that cancels the calls, or NULL. It may be freed during the calls.
    pub cancel: *const hc_cancel,
    /// Deadline of each call with all its attempts, in milliseconds. 0: that of the client.
    pub timeout_ms: u32,
    /// Largest number of attempts of a call; 1 disables retries. 0: that of the client.
    pub max_attempts: u32,
}

impl_options!(hc_call_options { cancel, timeout_ms, max_attempts });

/// Creates a handle that can cancel calls; pass it to hc_client_with.
///
/// - `cancel`: receives the handle; free it with hc_cancel_free.
/// - `error`: may be NULL.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_cancel_new(cancel: *mut *mut hc_cancel, error: *mut *mut hc_error) -> hc_status {
    call!(error, cancel, () => Ok(hc_cancel(Cancel::new())))
}

/// Cancels all running and later calls that use the handle: they fail with HC_CANCELLED. The server may or may not have received
/// their requests.
///
/// - `cancel`: required.
/// - `error`: may be NULL.
/// - Threads: any number at once, also while other threads wait for the calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_cancel_cancel(cancel: *const hc_cancel, error: *mut *mut hc_error) -> hc_status {
    call!(error, (cancel: object) => {
        cancel.0.cancel();
        Ok(())
    })
}

/// Returns whether hc_cancel_cancel has been called with this handle.
///
/// - `cancel`: may be NULL, which gives false.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_cancel_is_cancelled(cancel: *const hc_cancel) -> bool {
    read!(cancel => cancel.0.is_cancelled())
}

/// Frees the handle. Calls that use it continue and can no longer be cancelled.
///
/// - `cancel`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_cancel_free(cancel: *mut hc_cancel) {
    free!(cancel);
}

/// Creates a client that shares connections, access token and settings with `client`, and uses `options` for its calls.
///
/// - `client`: required. It may be freed before the new client.
/// - `options`: may be NULL, which means the options of `client`.
/// - `with`: receives the new client; free it with hc_client_free.
/// - `error`: may be NULL.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_client_with(
    client: *const hc_client,
    options: *const hc_call_options,
    with: *mut *mut hc_client,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, with, (client: object, options: options) => {
        let cancel = if options.cancel.is_null() {
            None
        } else {
            // SAFETY: `options.cancel` is not NULL, so it is a handle that is alive during this call.
            Some(unsafe { object(options.cancel, "options.cancel") }?.0.clone())
        };
        let timeout = unless_zero(options.timeout_ms).map(|timeout| Duration::from_millis(timeout.into()));
        let with = CallOptions::new().cancel(cancel).timeout(timeout).max_attempts(unless_zero(options.max_attempts));
        Ok::<_, Error>(hc_client(client.0.with(with)))
    })
}
