//! The pointer that a caller gives together with a callback, and that the library passes to the callback.

use std::ffi::c_void;

/// The `user_data` of a callback. The library does not read what it points to.
pub(crate) struct UserData(pub(crate) *mut c_void);

// SAFETY: the header states that callbacks are called from other threads, so the caller gives a pointer that may be used there.
unsafe impl Send for UserData {}
// SAFETY: as above; several threads may call an observer at once.
unsafe impl Sync for UserData {}
