//! Asynchronous calls: each starts here and passes its result to a callback of the caller.
//!
//! [`start!`] is like `call!`: it converts the arguments in the same way, and then runs the work on a thread of the library.

use crate::boundary::{call, is_null};
use crate::client::hc_client;
use crate::error::{hc_error, report};
use crate::generated::{
    hc_directory, hc_directory_list, hc_directory_toggle, hc_group_page, hc_organization, hc_organization_page,
    hc_status, hc_user_page,
};
use crate::group::hc_group_options;
use crate::organization::{hc_organization_fields, hc_organization_options};
use crate::user::hc_user_options;
use crate::user_data::UserData;
use crate::{group, organization, user};
use headcount_core::{Error, Result, blocking};
use std::ffi::{c_char, c_void};
use std::future::Future;
use std::ptr;

/// Receives a page of organizations; free it with hc_organization_page_free.
///
/// After a failure `organization_page` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
///
/// Called once, from a thread of the library, which is blocked meanwhile: it must return soon and must not throw a C++ exception.
/// It may start other asynchronous calls; a blocking call fails with HC_INVALID_ARGUMENT in it. `user_data` is the value given to
/// the call.
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
/// Called once, from a thread of the library, which is blocked meanwhile: it must return soon and must not throw a C++ exception.
/// It may start other asynchronous calls; a blocking call fails with HC_INVALID_ARGUMENT in it. `user_data` is the value given to
/// the call.
pub type hc_organization_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        status: hc_status,
        organization: *mut hc_organization,
        error: *mut hc_error,
    ),
>;

/// Receives the directories; free them with hc_directory_list_free.
///
/// After a failure `directory_list` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
///
/// Called once, from a thread of the library, which is blocked meanwhile: it must return soon and must not throw a C++ exception.
/// It may start other asynchronous calls; a blocking call fails with HC_INVALID_ARGUMENT in it. `user_data` is the value given to
/// the call.
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
/// Called once, from a thread of the library, which is blocked meanwhile: it must return soon and must not throw a C++ exception.
/// It may start other asynchronous calls; a blocking call fails with HC_INVALID_ARGUMENT in it. `user_data` is the value given to
/// the call.
pub type hc_directory_callback = Option<
    unsafe extern "C" fn(user_data: *mut c_void, status: hc_status, directory: *mut hc_directory, error: *mut hc_error),
>;

/// Receives the result of enabling or disabling a directory; free it with hc_directory_toggle_free.
///
/// After a failure `directory_toggle` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
///
/// Called once, from a thread of the library, which is blocked meanwhile: it must return soon and must not throw a C++ exception.
/// It may start other asynchronous calls; a blocking call fails with HC_INVALID_ARGUMENT in it. `user_data` is the value given to
/// the call.
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
/// Called once, from a thread of the library, which is blocked meanwhile: it must return soon and must not throw a C++ exception.
/// It may start other asynchronous calls; a blocking call fails with HC_INVALID_ARGUMENT in it. `user_data` is the value given to
/// the call.
pub type hc_user_page_callback = Option<
    unsafe extern "C" fn(user_data: *mut c_void, status: hc_status, user_page: *mut hc_user_page, error: *mut hc_error),
>;

/// Receives a page of groups; free it with hc_group_page_free.
///
/// After a failure `group_page` is NULL, `status` is the kind of the error, and `error` must be freed with hc_error_free.
///
/// Called once, from a thread of the library, which is blocked meanwhile: it must return soon and must not throw a C++ exception.
/// It may start other asynchronous calls; a blocking call fails with HC_INVALID_ARGUMENT in it. `user_data` is the value given to
/// the call.
pub type hc_group_page_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        status: hc_status,
        group_page: *mut hc_group_page,
        error: *mut hc_error,
    ),
>;

/// Receives the result of a call that has no value. After a failure `error` must be freed with hc_error_free.
///
/// Called once, from a thread of the library, which is blocked meanwhile: it must return soon and must not throw a C++ exception.
/// It may start other asynchronous calls; a blocking call fails with HC_INVALID_ARGUMENT in it. `user_data` is the value given to
/// the call.
pub type hc_done_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, status: hc_status, error: *mut hc_error)>;

/// A callback that takes the value or the error of a call.
trait Callback<T>: Send + 'static {
    /// Calls it.
    ///
    /// # Safety
    ///
    /// It may be called with `user_data` from any thread.
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
            // SAFETY: `split` boxed it.
            drop(unsafe { Box::from_raw(value) });
        }
        // SAFETY: this function's contract.
        unsafe { self(user_data, status, error) };
    }
}

/// Starts the work. Its result is passed to the callback; a panic is an error.
fn begin<T: Send + 'static>(
    callback: Option<impl Callback<T>>,
    user_data: *mut c_void,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<()> {
    let (callback, user_data) = (callback.ok_or_else(|| is_null("callback"))?, UserData(user_data));
    // In a task of its own, so that a panic ends only that task.
    let work = blocking::spawn(work)?;
    blocking::spawn(async move {
        let result = work.await.unwrap_or_else(|_| Err(Error::internal("a defect in headcount, please report it")));
        let UserData(user_data) = { user_data };
        // SAFETY: by the header's conventions, the callback may be called from this thread with its user_data.
        unsafe { callback.answer(user_data, result) };
    })?;
    Ok(())
}

/// An asynchronous call: `start!(error, callback, user_data, client, (argument: conversion, …) => future)`. The future uses the
/// client of this process and the arguments as `call!` converts them.
macro_rules! start {
    ($error:ident, $callback:ident, $user_data:ident, $client:ident, ($($argument:ident: $conversion:ident),*) => $future:expr) => {
        call!($error, ($client: object $(, $argument: $conversion)*) => {
            let $client = $client.0.current()?;
            $(let $argument = $argument.to_owned();)*
            begin($callback, $user_data, $future)
        })
    };
}

/// Starts listing one page of organizations, as hc_organizations does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `options`: filters; may be NULL, which means the server's defaults. Texts are copied.
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: what the callback is called with; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organizations_async(
    client: *const hc_client,
    options: *const hc_organization_options,
    callback: hc_organization_page_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (client: object, options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let list = unsafe { organization::listing(client, &options) }?.current()?;
        begin(callback, user_data, async move { list.send().await.map(hc_organization_page::from) })
    })
}

/// Starts fetching an organization, as hc_organization_get does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: what the callback is called with; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_get_async(
    client: *const hc_client,
    organization_id: *const c_char,
    callback: hc_organization_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    start!(error, callback, user_data, client, (organization_id: text) => async move {
        client.organizations().get(&organization_id).await.map(hc_organization::from)
    })
}

/// Starts fetching an organization, as hc_organization_get_by_external_id does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `external_id`: the application's id of the organization.
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: what the callback is called with; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_get_by_external_id_async(
    client: *const hc_client,
    external_id: *const c_char,
    callback: hc_organization_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    start!(error, callback, user_data, client, (external_id: text) => async move {
        client.organizations().get_by_external_id(&external_id).await.map(hc_organization::from)
    })
}

/// Starts creating an organization, as hc_organization_create does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `fields`: required, with its display_name. Texts are copied.
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: what the callback is called with; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_create_async(
    client: *const hc_client,
    fields: *const hc_organization_fields,
    callback: hc_organization_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (client: object, fields: required_options) => {
        let client = client.0.current()?;
        // SAFETY: texts in fields are NULL or alive during this call.
        let (display_name, fields) = unsafe { organization::read_new(&fields) }?;
        begin(callback, user_data, async move {
            client.organizations().create(&display_name, &fields).await.map(hc_organization::from)
        })
    })
}

/// Starts changing an organization, as hc_organization_update does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `fields`: required. Texts are copied.
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: what the callback is called with; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_update_async(
    client: *const hc_client,
    organization_id: *const c_char,
    fields: *const hc_organization_fields,
    callback: hc_organization_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (client: object, organization_id: text, fields: required_options) => {
        let (client, organization_id) = (client.0.current()?, organization_id.to_owned());
        // SAFETY: texts in fields are NULL or alive during this call.
        let fields = unsafe { organization::read_fields(&fields) }?;
        begin(callback, user_data, async move {
            client.organizations().update(&organization_id, &fields).await.map(hc_organization::from)
        })
    })
}

/// Starts deleting an organization, as hc_organization_delete does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: what the callback is called with; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_delete_async(
    client: *const hc_client,
    organization_id: *const c_char,
    callback: hc_done_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    start!(error, callback, user_data, client, (organization_id: text) => async move {
        client.organizations().delete(&organization_id).await
    })
}

/// Starts fetching the directories of an organization, as hc_directories does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: what the callback is called with; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directories_async(
    client: *const hc_client,
    organization_id: *const c_char,
    callback: hc_directory_list_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    start!(error, callback, user_data, client, (organization_id: text) => async move {
        client.directories().list(&organization_id).await.map(hc_directory_list::from)
    })
}

/// Starts fetching a directory, as hc_directory_get does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: what the callback is called with; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_get_async(
    client: *const hc_client,
    organization_id: *const c_char,
    directory_id: *const c_char,
    callback: hc_directory_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    start!(error, callback, user_data, client, (organization_id: text, directory_id: text) => async move {
        client.directories().get(&organization_id, &directory_id).await.map(hc_directory::from)
    })
}

/// Starts fetching the first directory of an organization, as hc_directory_primary does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: what the callback is called with; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_primary_async(
    client: *const hc_client,
    organization_id: *const c_char,
    callback: hc_directory_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    start!(error, callback, user_data, client, (organization_id: text) => async move {
        client.directories().primary(&organization_id).await.map(hc_directory::from)
    })
}

/// Begins to enable a directory, as hc_directory_enable does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: what the callback is called with; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_enable_async(
    client: *const hc_client,
    organization_id: *const c_char,
    directory_id: *const c_char,
    callback: hc_directory_toggle_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    start!(error, callback, user_data, client, (organization_id: text, directory_id: text) => async move {
        client.directories().enable(&organization_id, &directory_id).await.map(hc_directory_toggle::from)
    })
}

/// Begins to disable a directory, as hc_directory_disable does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: what the callback is called with; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_disable_async(
    client: *const hc_client,
    organization_id: *const c_char,
    directory_id: *const c_char,
    callback: hc_directory_toggle_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    start!(error, callback, user_data, client, (organization_id: text, directory_id: text) => async move {
        client.directories().disable(&organization_id, &directory_id).await.map(hc_directory_toggle::from)
    })
}

/// Starts listing one page of a directory's users, as hc_directory_users does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `options`: filters; may be NULL, which means the server's defaults. Texts are copied.
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: what the callback is called with; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_users_async(
    client: *const hc_client,
    organization_id: *const c_char,
    directory_id: *const c_char,
    options: *const hc_user_options,
    callback: hc_user_page_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (client: object, organization_id: text, directory_id: text, options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let list = unsafe { user::listing(client.0.directories().users(organization_id, directory_id), &options) }?.current()?;
        begin(callback, user_data, async move { list.send().await.map(hc_user_page::from) })
    })
}

/// Starts listing one page of a directory's groups, as hc_directory_groups does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `options`: filters; may be NULL, which means the server's defaults. Texts are copied.
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: what the callback is called with; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_groups_async(
    client: *const hc_client,
    organization_id: *const c_char,
    directory_id: *const c_char,
    options: *const hc_group_options,
    callback: hc_group_page_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (client: object, organization_id: text, directory_id: text, options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let list = unsafe { group::listing(client.0.directories().groups(organization_id, directory_id), &options) }?.current()?;
        begin(callback, user_data, async move { list.send().await.map(hc_group_page::from) })
    })
}
