//! Asynchronous calls: each starts here and passes its result to a callback of the caller.
//!
//! [`start!`] is like `call!`: it converts the arguments in the same way, and then runs the work on a thread of the library.

use crate::boundary::is_null;
use crate::error::{hc_error, report};
use crate::generated::{
    hc_directory, hc_directory_list, hc_directory_toggle, hc_group_page, hc_organization, hc_organization_page,
    hc_portal_link, hc_status, hc_user_page,
};
use crate::user_data::UserData;
use headcount_core::{Error, Result, blocking};
use std::ffi::c_void;
use std::future::Future;
use std::ptr;

/// Receives a page of organizations; free it with hc_organization_page_free.
///
/// After a failure `organization_page` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
///
/// Called once, on a thread of the library. The callback blocks this thread, so it must return soon; it must not throw a C++ exception. It may
/// start other asynchronous calls; a blocking call in it fails with HC_INVALID_ARGUMENT. `user_data` is the value that was passed to the
/// asynchronous call.
pub type hc_organization_page_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        status: hc_status,
        organization_page: *mut hc_organization_page,
        error: *mut hc_error,
    ),
>;

/// Receives an organization; free it with hc_organization_free.
///
/// After a failure `organization` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
///
/// Called once, on a thread of the library. The callback blocks this thread, so it must return soon; it must not throw a C++ exception. It may
/// start other asynchronous calls; a blocking call in it fails with HC_INVALID_ARGUMENT. `user_data` is the value that was passed to the
/// asynchronous call.
pub type hc_organization_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        status: hc_status,
        organization: *mut hc_organization,
        error: *mut hc_error,
    ),
>;

/// Receives a link to the admin portal; free it with hc_portal_link_free.
///
/// After a failure `link` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
///
/// Called once, on a thread of the library. The callback blocks this thread, so it must return soon; it must not throw a C++ exception. It may
/// start other asynchronous calls; a blocking call in it fails with HC_INVALID_ARGUMENT. `user_data` is the value that was passed to the
/// asynchronous call.
pub type hc_portal_link_callback = Option<
    unsafe extern "C" fn(user_data: *mut c_void, status: hc_status, link: *mut hc_portal_link, error: *mut hc_error),
>;

/// Receives the directories; free them with hc_directory_list_free.
///
/// After a failure `directory_list` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
///
/// Called once, on a thread of the library. The callback blocks this thread, so it must return soon; it must not throw a C++ exception. It may
/// start other asynchronous calls; a blocking call in it fails with HC_INVALID_ARGUMENT. `user_data` is the value that was passed to the
/// asynchronous call.
pub type hc_directory_list_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        status: hc_status,
        directory_list: *mut hc_directory_list,
        error: *mut hc_error,
    ),
>;

/// Receives a directory; free it with hc_directory_free.
///
/// After a failure `directory` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
///
/// Called once, on a thread of the library. The callback blocks this thread, so it must return soon; it must not throw a C++ exception. It may
/// start other asynchronous calls; a blocking call in it fails with HC_INVALID_ARGUMENT. `user_data` is the value that was passed to the
/// asynchronous call.
pub type hc_directory_callback = Option<
    unsafe extern "C" fn(user_data: *mut c_void, status: hc_status, directory: *mut hc_directory, error: *mut hc_error),
>;

/// Receives the result of enabling or disabling a directory; free it with hc_directory_toggle_free.
///
/// After a failure `directory_toggle` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
///
/// Called once, on a thread of the library. The callback blocks this thread, so it must return soon; it must not throw a C++ exception. It may
/// start other asynchronous calls; a blocking call in it fails with HC_INVALID_ARGUMENT. `user_data` is the value that was passed to the
/// asynchronous call.
pub type hc_directory_toggle_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        status: hc_status,
        directory_toggle: *mut hc_directory_toggle,
        error: *mut hc_error,
    ),
>;

/// Receives a page of users; free it with hc_user_page_free.
///
/// After a failure `user_page` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
///
/// Called once, on a thread of the library. The callback blocks this thread, so it must return soon; it must not throw a C++ exception. It may
/// start other asynchronous calls; a blocking call in it fails with HC_INVALID_ARGUMENT. `user_data` is the value that was passed to the
/// asynchronous call.
pub type hc_user_page_callback = Option<
    unsafe extern "C" fn(user_data: *mut c_void, status: hc_status, user_page: *mut hc_user_page, error: *mut hc_error),
>;

/// Receives a page of groups; free it with hc_group_page_free.
///
/// After a failure `group_page` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
///
/// Called once, on a thread of the library. The callback blocks this thread, so it must return soon; it must not throw a C++ exception. It may
/// start other asynchronous calls; a blocking call in it fails with HC_INVALID_ARGUMENT. `user_data` is the value that was passed to the
/// asynchronous call.
pub type hc_group_page_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        status: hc_status,
        group_page: *mut hc_group_page,
        error: *mut hc_error,
    ),
>;

/// Receives the status of a call that returns no object.
///
/// After a failure `status` is the kind of the error, and `error` must be freed with hc_error_free.
///
/// Called once, on a thread of the library. The callback blocks this thread, so it must return soon; it must not throw a C++ exception. It may
/// start other asynchronous calls; a blocking call in it fails with HC_INVALID_ARGUMENT. `user_data` is the value that was passed to the
/// asynchronous call.
pub type hc_done_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, status: hc_status, error: *mut hc_error)>;

/// A callback that takes the value or the error of a call.
pub(crate) trait Callback<T>: Send + 'static {
    /// Calls the callback with the result.
    ///
    /// # Safety
    ///
    /// The callback may be called with `user_data` from any thread.
    unsafe fn answer(self, user_data: *mut c_void, result: Result<T>);
}

/// Splits a result into a status, a value or NULL, and an error or NULL.
fn split<T>(result: Result<T>) -> (hc_status, *mut T, *mut hc_error) {
    match result {
        Ok(value) => (hc_status::HC_OK, Box::into_raw(Box::new(value)), ptr::null_mut()),
        Err(reason) => {
            let mut error = ptr::null_mut();
            // SAFETY: the place is a local variable.
            let status = unsafe { report(reason, &raw mut error) };
            (status, ptr::null_mut(), error)
        }
    }
}

impl<T: 'static> Callback<T> for unsafe extern "C" fn(*mut c_void, hc_status, *mut T, *mut hc_error) {
    unsafe fn answer(self, user_data: *mut c_void, result: Result<T>) {
        let (status, value, error) = split(result);
        // SAFETY: this function's contract.
        unsafe { self(user_data, status, value, error) };
    }
}

impl Callback<()> for unsafe extern "C" fn(*mut c_void, hc_status, *mut hc_error) {
    unsafe fn answer(self, user_data: *mut c_void, result: Result<()>) {
        let (status, value, error) = split(result);
        if !value.is_null() {
            // SAFETY: `split` made the pointer with `Box::into_raw`.
            drop(unsafe { Box::from_raw(value) });
        }
        // SAFETY: this function's contract.
        unsafe { self(user_data, status, error) };
    }
}

/// Starts `work` on a thread of the library. Its result is passed to `callback`; a panic in it becomes HC_INTERNAL.
///
/// Fails if `callback` is NULL or no task can be started; the callback is not called then.
pub(crate) fn begin<T: Send + 'static>(
    callback: Option<impl Callback<T>>,
    user_data: *mut c_void,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<()> {
    let (callback, user_data) = (callback.ok_or_else(|| is_null("callback"))?, UserData(user_data));
    // The work is a separate task, so that a panic ends only that task and is reported below.
    let work = blocking::spawn(work)?;
    blocking::spawn(async move {
        let result = work.await.unwrap_or_else(|_| Err(Error::internal("a defect in headcount, please report it")));
        // The braces move the whole `UserData` into this task. Without them only the raw pointer would be moved, which is not `Send`.
        let UserData(user_data) = { user_data };
        // SAFETY: by the header's conventions, the callback may be called from this thread with its user_data.
        unsafe { callback.answer(user_data, result) };
    })?;
    Ok(())
}

/// Implements an asynchronous call: `start!(error, callback, user_data, client, (argument: conversion, …) => future)`.
///
/// In `future`, `client` is the async client of this process (a forked child has its own), and each argument is an owned copy of
/// the value that `call!` would convert it to.
macro_rules! start {
    ($error:ident, $callback:ident, $user_data:ident, $client:ident, ($($argument:ident: $conversion:ident),*) => $future:expr) => {
        $crate::boundary::call!($error, ($client: object $(, $argument: $conversion)*) => {
            let $client = $client.0.current()?;
            $(let $argument = $argument.to_owned();)*
            $crate::callback::begin($callback, $user_data, $future)
        })
    };
}

pub(crate) use start;
