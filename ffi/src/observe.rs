//! The observer of a client: receives each activity as a struct of texts and numbers.

use crate::generated::status::{hc_status, status_of};
use crate::user_data::UserData;
use headcount_core::client::{Activity, Observer};
use std::ffi::{CString, c_char, c_void};
use std::time::Duration;

/// One activity of a client. The struct and its texts are valid until the observer returns. No text contains a token, a secret,
/// an id or the value of a query parameter. Later versions may append fields; struct_size shows how many bytes are present.
#[repr(C)]
pub struct hc_activity {
    /// The size of this struct in the library's version.
    pub struct_size: usize,
    /// Kind of activity: "request", "retry", "throttled", "token_renewed" or "token_renewal_failed". Later versions may add
    /// values.
    pub kind: *const c_char,
    /// Level for a log: "debug", "info" or "warning".
    pub level: *const c_char,
    /// One line for a log.
    pub message: *const c_char,
    /// Operation, such as "list directory users".
    pub operation: *const c_char,
    /// HTTP method of the request.
    pub method: *const c_char,
    /// Path of the request with names in place of ids, such as "/api/v1/organizations/{organization}/directories".
    pub route: *const c_char,
    /// Length of the answer's body after decompression, in bytes; 0 unless the kind is "request".
    pub bytes: u64,
    /// Duration of the request in microseconds; 0 unless the kind is "request".
    pub elapsed_us: u64,
    /// Wait before the next request, in milliseconds; -1 if there is none.
    pub wait_ms: i64,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// HTTP status of the answer; 0 if there was no answer.
    pub http_status: i32,
    /// Kind of the error; HC_OK if there was none.
    pub error: hc_status,
}

/// Receives the activities of a client, for logs and measurements.
///
/// Called during calls, on threads of the library and of the caller; several threads may call it at once. It must return soon, must not call
/// the library and must not throw a C++ exception. `user_data` is the observer_data of the options.
pub type hc_observer = Option<unsafe extern "C" fn(user_data: *mut c_void, activity: *const hc_activity)>;

/// Passes the core's activities to the caller's observer.
pub(crate) struct CallerObserver {
    pub(crate) observer: unsafe extern "C" fn(*mut c_void, *const hc_activity),
    pub(crate) user_data: UserData,
}

impl Observer for CallerObserver {
    fn observe(&self, activity: &Activity<'_>) {
        // The core's texts contain no NUL.
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
        let c_activity = hc_activity {
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
        // SAFETY: by the header's conventions, the observer may be called from any thread with its user_data; its
        // argument is valid until it returns.
        unsafe { (self.observer)(self.user_data.0, &raw const c_activity) };
    }
}
