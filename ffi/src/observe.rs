//! Seeing what a client does: each activity of the core's, as a struct of texts and numbers.

use crate::generated::status::{hc_status, status_of};
use crate::user_data::UserData;
use headcount_core::{Activity, Observer};
use std::ffi::{CString, c_char, c_void};
use std::time::Duration;

/// One thing that a client did. It, and its texts, live until the observer returns. No text holds a token, a secret, an id or a
/// query's value. Later versions may add fields behind the last one: struct_size says which are there.
#[repr(C)]
pub struct hc_activity {
    /// The size of this struct in the library's version.
    pub struct_size: usize,
    /// What it tells: "request", "retry", "throttled", "token_renewed" or "token_renewal_failed". New ones may come.
    pub kind: *const c_char,
    /// How much a log's reader should care: "debug", "info" or "warning".
    pub level: *const c_char,
    /// One line for a log.
    pub message: *const c_char,
    /// What was being done, such as "list directory users".
    pub operation: *const c_char,
    /// The method of the request.
    pub method: *const c_char,
    /// The path of the request with names in the place of ids, such as "/api/v1/organizations/{organization}/directories".
    pub route: *const c_char,
    /// The bytes of the answer's body, decompressed.
    pub bytes: u64,
    /// How long it took, in microseconds.
    pub elapsed_us: u64,
    /// How long will be waited before the next request, in milliseconds; -1 where there is no waiting.
    pub wait_ms: i64,
    /// Which attempt of the call this is, from 1.
    pub attempt: u32,
    /// The status of the answer; 0 where none has come.
    pub http_status: i32,
    /// What went wrong; HC_OK where nothing did.
    pub error: hc_status,
}

/// Is told what a client does, for a log or a measurement of the application's own.
///
/// It is called from threads of the library's and of the caller's, in the middle of calls and by several threads at once: it must
/// return soon, must not call the library, and must not let a C++ exception out. `user_data` is the observer_data of the options.
pub type hc_observer = Option<unsafe extern "C" fn(user_data: *mut c_void, activity: *const hc_activity)>;

/// What the core tells, and whom it is passed on to.
pub(crate) struct Told {
    pub(crate) observer: unsafe extern "C" fn(*mut c_void, *const hc_activity),
    pub(crate) user_data: UserData,
}

impl Observer for Told {
    fn observe(&self, activity: &Activity<'_>) {
        // None of the core's texts holds a NUL.
        let text = |text: &str| CString::new(text).unwrap_or_default();
        let message = text(&activity.to_string());
        let [kind, level, operation, method, route] = [
            activity.kind.name(),
            activity.level().name(),
            activity.operation,
            activity.method.as_str(),
            activity.route,
        ]
        .map(text);
        let milliseconds = |wait: Duration| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        let told = hc_activity {
            struct_size: size_of::<hc_activity>(),
            kind: kind.as_ptr(),
            level: level.as_ptr(),
            message: message.as_ptr(),
            operation: operation.as_ptr(),
            method: method.as_ptr(),
            route: route.as_ptr(),
            bytes: activity.bytes,
            elapsed_us: u64::try_from(activity.elapsed.as_micros()).unwrap_or(u64::MAX),
            wait_ms: activity.wait.map_or(-1, milliseconds),
            attempt: activity.attempt,
            http_status: activity.status.map_or(0, i32::from),
            error: activity.error.map_or(hc_status::HC_OK, |kind| status_of(kind).unwrap_or(hc_status::HC_INTERNAL)),
        };
        // SAFETY: the header's conventions: the observer is fit to be called from any thread with its user_data; what it is shown
        // lives until it returns.
        unsafe { (self.observer)(self.user_data.0, &raw const told) };
    }
}
